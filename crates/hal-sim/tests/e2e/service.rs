//! What a service manager, a firewall, a collector of metrics and an operator's signal meet.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use hal_sim::process::Process;
use hal_sim::server::{Options, hal, run_hal};
use hal_sim::{http, ports, programs, wait};
use serde_json::Value;
use tempfile::TempDir;

use crate::household::{QUESTION, assert_names_medication, said, text};

/// The unit that `hal service install` would write, as a file of its name.
#[track_caller]
fn unit(folder: &Path, words: &[&str]) -> std::path::PathBuf {
    let mut command = hal();
    // systemd looks whether the program is there, and refuses one in a temporary folder.
    command.args(["service", "install", "--for", "linux", "--dry-run", "--program", "/bin/true"]).args(words);
    let out = command.output().expect("it runs");
    assert!(out.status.success(), "{}", said(&out));
    let printed = String::from_utf8_lossy(&out.stdout).into_owned();
    let begin = printed.find("# Written by").expect("the unit is printed");
    let end = printed[begin..].find("\nsystemctl").expect("commands follow") + begin;
    let file = folder.join("hal.service");
    std::fs::write(&file, &printed[begin..end]).expect("written");
    file
}

#[test]
fn systemd_understands_the_units_and_finds_little_to_attack() {
    if !programs::present("service: units", &["systemd-analyze"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    for (words, worst) in [
        (["--system"].as_slice(), Some(20)),
        (&["--system", "--", "--tls", "--listen", "0.0.0.0:443", "--allow-remote-without-sign-in"], Some(30)),
        (&["--user"], None),
    ] {
        let file = unit(folder.path(), words);
        let out = Command::new("systemd-analyze").arg("verify").arg(&file).output().expect("it runs");
        assert!(out.status.success() && out.stderr.is_empty(), "{words:?}: {}", said(&out));
        let Some(worst) = worst else { continue };
        // In tenths: 0 is nothing to attack, 100 is everything open.
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", &format!("--threshold={worst}")]).arg(&file);
        let out = command.output().expect("it runs");
        assert!(out.status.success(), "{words:?}: {}", said(&out));
    }
}

#[test]
fn systemd_is_told_when_every_port_is_open_and_when_the_end_begins() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("bound");
    socket.set_read_timeout(Some(wait::PATIENCE)).expect("set");
    let (gateway, listener) = (ports::free(), ports::free());
    let mut command = hal();
    command.args(["serve", "--demo", "--data", text(&folder.path().join("data"))]);
    command.args(["--listen", &format!("127.0.0.1:{gateway}")]);
    command.args(["--qm-listen", &format!("127.0.0.1:{listener}")]).env("NOTIFY_SOCKET", &path);
    let mut process = Process::start(command).expect("it starts");
    let told = || {
        let mut buffer = [0; 64];
        let count = socket.recv(&mut buffer).expect("it tells");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    assert_eq!(told(), "READY=1");
    assert_eq!(http::get(gateway, "/healthz").expect("open when it says so").status, 200);
    process.signal("TERM").expect("signalled");
    assert_eq!(told(), "STOPPING=1");
    assert!(process.wait().expect("the end").success());
}

/// A machine with the rules, and another that knocks from two addresses: only the named one gets through.
///
/// Nothing listens, so that a port that is let through answers "refused" at once, and one that is not never answers.
const KNOCK: &str = r#"
set -eu
ip link set lo up
ip link add ours type veth peer name theirs
unshare -n sleep 60 & other=$!
trap 'kill "$other"' EXIT
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
ip link set theirs netns "$other"
ip addr add 192.0.2.1/24 dev ours; ip link set ours up
there="nsenter -t $other -n"
$there ip addr add 192.0.2.7/24 dev theirs
$there ip addr add 192.0.2.9/24 dev theirs
$there ip link set theirs up
nft -c -f "$1"
nft -f "$1"
nft -f "$1"
for source in 192.0.2.7 192.0.2.9; do
    $there ip route replace 192.0.2.1/32 dev theirs src "$source"
    for port in 8767 8768 443; do
        code=0
        $there timeout 2 bash -c "</dev/tcp/192.0.2.1/$port" 2>/dev/null || code=$?
        echo "$source $port $code"
    done
done
timeout 2 bash -c "</dev/tcp/127.0.0.1/8768" 2>/dev/null || echo "here 8768 $?"
"#;

#[test]
fn the_rules_of_nftables_let_in_whom_they_name_and_nobody_else() {
    if !programs::present("service: firewall", &["nft", "ip", "unshare", "nsenter", "bash", "timeout"]) {
        return;
    }
    let mut namespace = Command::new("unshare");
    namespace.arg("-rn");
    if !Command::new("unshare").args(["-rn", "true"]).output().is_ok_and(|out| out.status.success()) {
        programs::present("service: firewall", &["permission for a network namespace"]);
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("hal.nft");
    let out = run_hal(&["firewall", "--for", "nftables", "--proxy", "192.0.2.7"]).expect("it runs");
    assert!(out.status.success(), "{}", said(&out));
    std::fs::write(&file, &out.stdout).expect("written");
    let out = namespace.args(["bash", "-c", KNOCK, "knock"]).arg(&file).output().expect("it runs");
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    // 1: refused at once, so let through. 124: no answer until the limit.
    let expected = "192.0.2.7 8767 124\n192.0.2.7 8768 1\n192.0.2.7 443 1\n\
                    192.0.2.9 8767 124\n192.0.2.9 8768 124\n192.0.2.9 443 1\nhere 8768 1\n";
    assert_eq!(told, expected, "{}", said(&out));
}

/// A handshake from a page of another host, and the status that answers it.
fn knock_from(origin: &str, port: u16) -> u16 {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it accepts");
    stream.set_read_timeout(Some(wait::PATIENCE)).expect("set");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("an answer");
    String::from_utf8_lossy(&head[9..]).parse().expect("a status")
}

#[test]
fn a_hangup_signal_takes_over_what_can_be_and_names_what_cannot() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("hal.toml");
    std::fs::write(&file, "[gateway]\norigins = []\n").expect("written");
    let server = Options::demo(folder.path()).start().expect("it answers");
    let page = "https://pages.example.test";
    assert_eq!(knock_from(page, server.gateway_port), 403);
    let mut open = server.connect().expect("the gateway greets");
    let logged = |words: &str| {
        wait::until(words, || server.process.output().into_iter().find(|line| line.contains(words)))
            .expect("logged")
    };
    // A mistake changes nothing.
    std::fs::write(&file, "[gateway]\norigin = []\n").expect("written");
    server.process.signal("HUP").expect("signalled");
    assert!(logged("those of before stay").contains("origin"), "the key is named");

    std::fs::write(&file, format!("[gateway]\norigins = [\"{page}\"]\ndrain_seconds = 3\n"))
        .expect("written");
    server.process.signal("HUP").expect("signalled");
    assert!(logged("settings read again").contains("gateway.origins"));
    assert!(logged("need a new start").contains("gateway.drain_seconds"));
    assert_eq!(knock_from(page, server.gateway_port), 101);
    assert_names_medication(&open.ask(QUESTION).expect("the open connection was not interrupted"));
}

#[test]
fn metrics_count_what_happened_and_are_not_at_the_gateways_port() {
    let folder = TempDir::new().expect("a folder");
    let (port, collector) = (ports::free(), TcpListener::bind("127.0.0.1:0").expect("bound"));
    let otlp = collector.local_addr().expect("bound").port();
    let settings = format!("[metrics]\nlisten = \"127.0.0.1:{port}\"\notlp = \"http://127.0.0.1:{otlp}\"\n");
    std::fs::write(folder.path().join("hal.toml"), settings).expect("written");
    let server = Options::demo(folder.path()).start().expect("it answers");
    let mut client = server.connect().expect("the gateway greets");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    client.ask("gibberish flurb wozzle").expect("answered");
    let page = http::get(port, "/metrics").expect("answered");
    assert_eq!(page.status, 200, "{}", page.head);
    assert!(page.head.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{}", page.head);
    for line in [
        "hal_connections_open 1",
        "hal_connections_total 1",
        "hal_turns_total{outcome=\"answered\"} 1",
        "hal_turns_total{outcome=\"not_understood\"} 1",
        "hal_turn_seconds_count{stage=\"answer\"} 2",
        "hal_turn_seconds_count{stage=\"total\"} 2",
        "hal_turn_seconds_bucket{stage=\"total\",le=\"+Inf\"} 2",
    ] {
        assert!(page.body.lines().any(|found| found == line), "{line} is not in\n{}", page.body);
    }
    assert!(
        !page.body.to_lowercase().contains("medication") && !page.body.contains("gibberish"),
        "{}",
        page.body
    );
    assert_eq!(http::get(server.gateway_port, "/metrics").expect("answered").status, 404);

    // The same to a collector of OpenTelemetry.
    let (head, body) = http::take(&collector).expect("it sends");
    assert!(head.starts_with("POST /v1/metrics HTTP/1.1\r\n"), "{head}");
    let json: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["name"], "hal_build_info");
}

#[test]
fn a_log_for_programs_is_one_object_a_line_without_a_word_that_was_said() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("hal.toml"), "[log]\nformat = \"json\"\n").expect("written");
    let mut server = Options::demo(folder.path()).start().expect("it answers");
    server.connect().expect("the gateway greets").ask(QUESTION).expect("answered");
    server.process.signal("TERM").expect("signalled");
    server.process.wait().expect("the end");
    let lines = server.process.output();
    let events: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    for event in &events {
        assert!(event["timestamp"].is_string() && event["level"].is_string(), "{event}");
    }
    let serving = events.iter().find(|event| event["message"] == "serving").expect("a line about the start");
    assert_eq!(serving["gateway"], format!("127.0.0.1:{}", server.gateway_port));
    let turn =
        events.iter().find(|event| event["message"] == "turn answered").expect("a line about the turn");
    assert!(turn["took_ms"].is_u64(), "{turn}");
    assert!(!lines.join("\n").to_lowercase().contains("what medications"), "{lines:?}");
}

#[test]
fn a_log_file_takes_the_log_and_leaves_the_terminal_to_people() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("hal.log");
    let mut server =
        Options::demo(folder.path()).with(&["--log-file", text(&file)]).start().expect("it answers");
    // It answers a moment before it says so, and logs that it serves after that.
    let ready = |line: &str| line.contains("HAL is ready").then_some(());
    server.process.wait_for_line("that it is ready", ready).expect("it says so");
    server.process.signal("TERM").expect("signalled");
    server.process.wait().expect("the end");
    let shown = server.process.output().join("\n");
    assert!(shown.contains("HAL is ready") && !shown.contains("INFO"), "{shown}");
    assert!(std::fs::read_to_string(&file).expect("there").contains("serving"));
}
