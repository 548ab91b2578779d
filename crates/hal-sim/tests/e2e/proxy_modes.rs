//! The four modes of `hal haproxy`: where requests go, and what surrounds them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};

use hal_sim::client::{Client, Target};
use hal_sim::{http, ports, programs, wait};

use crate::household::{Household, QUESTION, assert_names_medication};
use crate::proxy::{Front, Plan, text};

/// A web server that says `words` to everybody, for as long as the test runs.
fn site(words: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 2048];
            // HAProxy's check opens a connection and says nothing.
            if !matches!(stream.read(&mut request), Ok(count) if count > 0) {
                continue;
            }
            let length = words.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{words}");
            // Whoever asked may be gone.
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    port
}

fn header<'a>(answer: &'a http::Answer, name: &str) -> Option<&'a str> {
    let lines = answer.head.lines();
    lines
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, v)| v)
}

#[test]
fn path_mode_takes_voice_and_ws_and_leaves_the_rest_of_the_site() {
    if !programs::present("proxy: path mode", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let site = format!("127.0.0.1:{}", site("the other site"));
    let words = ["--mode", "path", "--domain", "localhost", "--site", &site];
    let front = Front::start(
        home.folder.path(),
        &Plan { words: &words, ..Plan::subdomain(&[home.server.gateway_port]) },
    );
    for path in ["/voice", "/voice/", "/voice/room/1", "/ws", "/ws/a", "/voice?session=x"] {
        assert_names_medication(&front.connect(path).ask(QUESTION).expect("answered"));
    }
    let health = front.get("/voice/healthz");
    assert_eq!(health.status, 200, "{}", health.head);
    assert!(header(&health, "x-hal-gateway").is_some(), "{}", health.head);
    assert_eq!(header(&health, "x-hal-proxy"), Some("haproxy"), "{}", health.head);
    assert!(
        header(&health, "strict-transport-security").is_none(),
        "a certificate of one's own: {}",
        health.head
    );
    for path in ["/", "/voicemail", "/wsx", "/Voice", "/admin/voice"] {
        let answer = front.get(path);
        assert_eq!(answer.body, "the other site", "{path}: {}", answer.head);
        assert!(header(&answer, "x-frame-options").is_none(), "{path} is left as it was: {}", answer.head);
    }
    // Another name on the same machine is not HAL's.
    assert_eq!(front.ask("GET /voice", "Host: www.example.test\r\n").body, "the other site");
}

#[test]
fn ip_mode_works_with_a_certificate_for_the_address() {
    if !programs::present("proxy: ip mode", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let plan = Plan { words: &["--mode", "ip"], ..Plan::subdomain(&[home.server.gateway_port]) };
    let front = Front::start(home.folder.path(), &plan);
    let target = Target { port: front.port, host: "127.0.0.1", path: "/", ca: Some(&front.authority) };
    let mut client = Client::connect(&target).expect("the gateway greets, by address");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    // The redirect leads to the address that the client came by, without the port of plain HTTP.
    let request =
        format!("GET /x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", front.http_port);
    let answer = http::raw(front.http_port, &request).expect("answered");
    assert_eq!(answer.status, 301, "{}", answer.head);
    assert_eq!(header(&answer, "location"), Some(format!("https://127.0.0.1:{}/x?y=1", front.port).as_str()));
    assert!(header(&front.get("/healthz"), "strict-transport-security").is_none(), "RFC 6797, 8.1.1");
}

#[test]
fn plain_mode_answers_on_this_network_without_tls() {
    if !programs::present("proxy: plain mode", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let plan = Plan { words: &["--mode", "plain"], ..Plan::subdomain(&[home.server.gateway_port]) };
    let front = Front::start(home.folder.path(), &plan);
    let mut client = Client::connect(&Target::plain(front.port)).expect("the gateway greets");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
}

#[test]
fn subdomain_mode_has_everything_around_it() {
    if !programs::present("proxy: subdomain mode", &["haproxy", "openssl"]) {
        return;
    }
    let home = Household::start();
    let acme = format!("127.0.0.1:{}", site("token.of.the.authority"));
    let stats = ports::free().to_string();
    let words = ["--mode", "subdomain", "--domain", "localhost", "--acme", &acme, "--stats-port", &stats];
    let front = Front::start(
        home.folder.path(),
        &Plan { words: &words, ..Plan::subdomain(&[home.server.gateway_port]) },
    );

    // Challenges of a certificate authority are not redirected, everything else is.
    let challenge = http::get(front.http_port, "/.well-known/acme-challenge/x").expect("answered");
    assert_eq!((challenge.status, challenge.body.as_str()), (200, "token.of.the.authority"));
    let other = http::get(front.http_port, "/.well-known/other").expect("answered");
    assert_eq!(other.status, 301, "{}", other.head);

    // Another name is refused by HAProxy itself; the name may have a port, and any case.
    let wrong = front.ask("GET /", "Host: localhost.evil.test\r\n");
    assert_eq!(wrong.status, 421, "{}", wrong.head);
    assert_eq!(header(&wrong, "x-hal-proxy"), Some("haproxy"));
    assert!(header(&wrong, "x-hal-gateway").is_none());
    let right = front.ask("GET /healthz", "Host: LOCALHOST:443\r\n");
    assert_eq!(right.status, 200, "{}", right.head);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(header(&right, name), Some(value), "{}", right.head);
    }

    // TLS from 1.2 on, HTTP/2 for those that want it.
    for (version, accepted) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        assert_eq!(handshake(front.port, &[version]).is_some(), accepted, "{version}");
    }
    let said = handshake(front.port, &["-alpn", "h2,http/1.1"]).expect("accepted");
    assert!(said.contains("ALPN protocol: h2"), "{said}");
    let said = handshake(front.port, &["-alpn", "http/1.1"]).expect("accepted");
    assert!(said.contains("ALPN protocol: http/1.1"), "{said}");

    // One line for a WebSocket, when it ends.
    let mut client = front.connect("/");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    let is_line = |line: &String| line.contains(" 101 ") && line.contains("ws=1");
    assert!(!front.haproxy.process.output().iter().any(is_line), "it has not ended");
    drop(client);
    let line =
        wait::until("the line of the WebSocket", || front.haproxy.process.output().into_iter().find(is_line));
    let line = line.expect("written");
    assert!(line.contains("hal_voice/gateway1") && line.contains("TLSv1.3"), "{line}");

    // Statistics and metrics, for this machine.
    let port = stats.parse().expect("a port");
    assert_eq!(http::get(port, "/stats").expect("answered").status, 200);
    let metrics = http::raw(port, "GET /metrics HTTP/1.0\r\n\r\n");
    if Command::new("haproxy")
        .arg("-vv")
        .output()
        .is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains("PROMEX=1"))
    {
        assert!(metrics.expect("answered").body.contains("haproxy_server_status"));
    }
}

/// What `openssl s_client` says of a handshake that succeeded.
fn handshake(port: u16, words: &[&str]) -> Option<String> {
    let out = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost"])
        .args(words)
        // Its own limits would refuse TLS 1.1 before HAProxy is asked.
        .args(["-cipher", "DEFAULT@SECLEVEL=0"])
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

#[test]
fn browsers_are_told_to_keep_to_tls_where_the_certificate_is_not_of_ones_own_making() {
    if !programs::present("proxy: HSTS", &["haproxy", "openssl"]) {
        return;
    }
    let home = Household::start();
    let folder = home.folder.path();
    let (key, cert, pem) = (folder.join("x.key"), folder.join("x.crt"), folder.join("x.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-days",
            "30",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", text(&key), "-out", text(&cert)])
        .output()
        .expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let both = [std::fs::read(&cert).expect("made"), std::fs::read(&key).expect("made")].concat();
    std::fs::write(&pem, both).expect("written");
    let front =
        Front::start(folder, &Plan { cert: Some(&pem), ..Plan::subdomain(&[home.server.gateway_port]) });
    assert_eq!(header(&front.get("/healthz"), "strict-transport-security"), Some("max-age=63072000"));
    let refused = front.ask("GET /", "Host: elsewhere.test\r\n");
    assert_eq!(
        header(&refused, "strict-transport-security"),
        Some("max-age=63072000"),
        "on its own answers too"
    );
}
