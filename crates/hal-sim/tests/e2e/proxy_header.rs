//! Who speaks through HAProxy, told by its PROXY header: for lock-outs, the audit log, and TLS of the gateway's own.

use std::path::Path;
use std::process::Command;

use hal_sim::haproxy::Haproxy;
use hal_sim::server::{Options, Server, hal};
use hal_sim::{http, ports, programs, wait};
use tempfile::TempDir;

use crate::household::{QUESTION, assert_names_medication, said, text};
use crate::proxy::{Front, Plan, checked};

/// A server whose strangers must sign in, with these lines in its settings.
#[track_caller]
fn serve(folder: &Path, settings: &str, words: &[&str]) -> Server {
    std::fs::write(folder.join("hal.toml"), settings).expect("written");
    Options::demo(folder).with(words).start().expect("hal serve --demo answers")
}

/// The status that a client at `source`, an address of this machine, gets for a wrong token.
#[track_caller]
fn wrong_token(source: &str, port: u16, token: &str) -> String {
    let url = format!("http://127.0.0.1:{port}/whoami");
    let bearer = format!("Authorization: Bearer {token}");
    let mut command = Command::new("curl");
    command.args(["--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code}"]);
    let out = command.args(["--interface", source, "--header", &bearer, &url]).output().expect("curl runs");
    assert!(out.status.success(), "{}", said(&out));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[track_caller]
fn audit(folder: &Path) -> String {
    let out = hal().args(["audit", "list", "--data", text(folder)]).output().expect("it runs");
    assert!(out.status.success(), "{}", said(&out));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn the_clients_address_comes_by_the_header_that_hal_haproxy_writes() {
    if !programs::present("proxy header: lock-out", &["haproxy", "curl"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let server = serve(folder.path(), "[gateway]\nproxies = [\"127.0.0.1\"]\n", &[]);
    let plan = Plan {
        words: &["--mode", "plain", "--proxy-v2"],
        // The other way in which the address is told.
        changes: &[("    http-request set-header X-Forwarded-For %[src]\n", "")],
        ..Plan::subdomain(&[server.gateway_port])
    };
    let front = Front::start(folder.path(), &plan);
    let health = checked(&front.haproxy, "hal_voice");
    assert_eq!((health.status.as_str(), health.check.as_str()), ("UP", "L7OK"));

    let tries: Vec<String> =
        (0..7).map(|n| wrong_token("127.0.0.5", front.port, &format!("{n}wrong"))).collect();
    assert_eq!(tries.first().map(String::as_str), Some("401"));
    assert_eq!(tries.last().map(String::as_str), Some("429"), "{tries:?}");
    assert_eq!(wrong_token("127.0.0.6", front.port, "xwrong"), "401", "another client waits for nobody");
    let listed = audit(folder.path());
    let of = |what: &str| listed.lines().filter(|line| line.contains(what)).collect::<Vec<_>>().join("\n");
    assert!(of("lock_out").contains("127.0.0.5") && !of("lock_out").contains("127.0.0.6"), "{listed}");
    assert!(of("sign_in").contains("127.0.0.6"), "{listed}");

    // Without a header, as programs of this machine come: as before.
    assert_names_medication(&server.connect().expect("greeted").ask(QUESTION).expect("answered"));
}

/// HAProxy that passes bytes on, as somebody has it whose gateway speaks TLS itself. `server` is what its line says.
#[track_caller]
fn passing_on(folder: &Path, gateway: u16, server: &str) -> (Haproxy, u16) {
    let (file, socket, port) = (folder.join("tcp.cfg"), folder.join("tcp.sock"), ports::free());
    let configuration = format!(
        "global\n    stats socket {} mode 600 level admin\n\
         defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n    \
         timeout check 3s\n\
         frontend front\n    bind 127.0.0.1:{port}\n    default_backend hal\n\
         backend hal\n    server gateway 127.0.0.1:{gateway} {server}\n",
        socket.display(),
    );
    std::fs::write(&file, configuration).expect("written");
    (Haproxy::start(&file, port, Some(&socket)).expect("haproxy starts"), port)
}

#[test]
fn a_header_comes_before_the_handshake_and_whoever_has_one_is_not_of_this_machine() {
    if !programs::present("proxy header: before TLS", &["haproxy"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let server = serve(folder.path(), "", &["--tls"]);
    let authority = folder.path().join("tls/hal-ca.pem");
    let ask = |port: u16| {
        let request = "GET /whoami HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        http::secure(port, "localhost", &authority, request).expect("answered")
    };
    assert_eq!(ask(server.gateway_port).status, 200, "this machine is open");
    for line in [
        // Version 1 and 2; health checks with the header and without.
        "send-proxy check check-send-proxy inter 200ms check-ssl verify none",
        "send-proxy-v2 check inter 200ms",
        "send-proxy-v2 proxy-v2-options crc32c,unique-id,ssl check check-send-proxy inter 200ms",
    ] {
        let (haproxy, port) = passing_on(folder.path(), server.gateway_port, line);
        assert_eq!(ask(port).status, 401, "{line}");
        assert_eq!(checked(&haproxy, "hal").status, "UP", "{line}");
    }
    assert!(audit(folder.path()).lines().all(|line| !line.contains("lock_out")));
}

#[test]
fn a_proxy_that_is_not_listed_is_not_believed_and_the_log_says_what_to_set() {
    if !programs::present("proxy header: not listed", &["haproxy"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let server = serve(folder.path(), "[gateway]\nproxies = [\"10.0.0.0/8\"]\n", &[]);
    let plan = Plan { words: &["--mode", "plain", "--proxy-v2"], ..Plan::subdomain(&[server.gateway_port]) };
    let front = Front::start(folder.path(), &plan);
    wait::until("HAProxy to see that it is refused", || {
        let health = front.haproxy.health("hal_voice").ok()?.into_iter().next()?;
        (health.check == "L7STS" && health.status.starts_with("DOWN")).then_some(())
    })
    .expect("marked down");
    let line = wait::until("a word in the log", || {
        server.process.output().into_iter().find(|line| line.contains("gateway.proxies"))
    })
    .expect("it says so");
    assert!(line.contains("127.0.0.1"), "{line}");
    let answer = http::raw(
        server.gateway_port,
        "PROXY TCP4 192.0.2.7 127.0.0.1 49153 8768\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    .expect("answered");
    assert_eq!(answer.status, 400, "{}", answer.head);
    assert!(answer.body.contains("gateway.proxies"), "{}", answer.body);
}
