//! TLS of the gateway's own: what it speaks, how its certificate is exchanged, where plain HTTP goes.

use std::path::{Path, PathBuf};
use std::process::Command;

use hal_sim::client::{Client, Target};
use hal_sim::server::{Options, hal, run_hal};
use hal_sim::{http, ports, programs, wait};
use tempfile::TempDir;

use crate::household::{Household, MEDICATION, QUESTION, assert_names_medication, said, text};

/// Makes `hal.pem` in `folder`, again if it is there, by the same authority.
#[track_caller]
fn self_signed(folder: &Path) -> PathBuf {
    let words = ["cert", "self-signed", "--domain", "localhost", "--dir", text(folder), "--force"];
    let out = run_hal(&words).expect("it runs");
    assert!(out.status.success(), "{}", said(&out));
    folder.join("hal.pem")
}

/// The serial number that a new connection is shown.
#[track_caller]
fn serial(port: u16) -> String {
    let server = format!("https://localhost:{port}");
    let out = run_hal(&["cert", "status", "--server", &server, "--json"]).expect("it runs");
    let reports: serde_json::Value =
        serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", said(&out)));
    reports[0]["certificates"][0]["serial"].as_str().expect("a serial number").to_owned()
}

#[test]
fn with_tls_of_its_own_a_question_is_answered_without_haproxy() {
    let redirect = ports::free();
    let home = Household::start_with(&["--tls", "--redirect-listen", &format!("127.0.0.1:{redirect}")]);
    let port = home.server.gateway_port;
    let authority = home.folder.path().join("tls/hal-ca.pem");
    let target = Target { port, host: "localhost", path: "/", ca: Some(&authority) };
    let mut client = Client::connect(&target).expect("the certificate is good");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    // The same by address, and by the program that people use.
    let server = format!("https://127.0.0.1:{port}/");
    let out = hal()
        .args(["ask", "--server", &server, "--ca", text(&authority), QUESTION])
        .output()
        .expect("it runs");
    assert!(out.status.success(), "{}", said(&out));
    assert!(String::from_utf8_lossy(&out.stdout).to_lowercase().contains(MEDICATION), "{}", said(&out));
    let out = run_hal(&["cert", "status", "--server", &server, "--ca", text(&authority)]).expect("it runs");
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));

    // Who writes http is led to https, at the same port and from the other.
    let same = http::get(port, "/voice?x=1").expect("answered");
    assert_eq!(same.status, 308, "{}", same.head);
    assert!(same.head.contains("location: https://localhost/voice?x=1"), "{}", same.head);
    let other = http::get(redirect, "/voice?x=1").expect("answered");
    assert_eq!(other.status, 308, "{}", other.head);
    assert!(other.head.contains(&format!("location: https://localhost:{port}/voice?x=1")), "{}", other.head);
    // And a client that cannot follow is told the address.
    let plain = format!("http://localhost:{port}");
    let out = hal().args(["ask", "--server", &plain, QUESTION]).output().expect("it runs");
    assert_eq!(out.status.code(), Some(2), "{}", said(&out));
    assert!(said(&out).contains("--server wss://localhost"), "{}", said(&out));
}

#[test]
fn browsers_are_told_what_answers_are_not_for_and_to_insist_on_tls_only_where_it_lasts() {
    let ask = |home: &Household, path: &str| {
        let authority = home.folder.path().join("tls/hal-ca.pem");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        );
        let answer = http::secure(home.server.gateway_port, "localhost", &authority, &request);
        answer.expect("answered").head.to_lowercase()
    };
    let home = Household::start_with(&["--tls"]);
    for path in ["/", "/healthz", "/whoami", "/nothing.here"] {
        let head = ask(&home, path);
        for line in
            ["x-content-type-options: nosniff", "x-frame-options: deny", "referrer-policy: no-referrer"]
        {
            assert_eq!(head.matches(line).count(), 1, "{path}: {line}: {head}");
        }
        assert!(!head.contains("strict-transport-security"), "an authority of our own: {head}");
    }
    drop(home.server);
    std::fs::write(home.folder.path().join("hal.toml"), "[tls]\nhsts = true\n").expect("written");
    let server = Options::demo(home.folder.path()).with(&["--tls"]).start().expect("it answers");
    let home = Household { server, folder: home.folder };
    assert!(ask(&home, "/").contains("strict-transport-security: max-age=63072000"), "as the setting says");
    let plain = http::get(home.server.gateway_port, "/").expect("answered");
    assert!(
        !plain.head.to_lowercase().contains("strict-transport-security"),
        "not without TLS: {}",
        plain.head
    );
}

#[test]
fn only_tls_1_2_and_1_3_are_spoken() {
    if !programs::present("tls: versions", &["openssl"]) {
        return;
    }
    let home = Household::start_with(&["--tls"]);
    let address = format!("127.0.0.1:{}", home.server.gateway_port);
    for (version, spoken) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &address, version, "-brief", "-servername", "localhost"]);
        // At its usual level openssl itself would not offer 1.1.
        command.args(["-cipher", "ALL:@SECLEVEL=0"]).stdin(std::process::Stdio::null());
        let out = command.output().expect("openssl runs");
        assert_eq!(said(&out).contains("CONNECTION ESTABLISHED"), spoken, "{version}: {}", said(&out));
    }
}

#[test]
fn a_new_certificate_is_served_at_once_and_open_connections_stay() {
    let certs = TempDir::new().expect("a folder");
    let pem = self_signed(certs.path());
    let home = Household::start_with(&["--tls-cert", text(&pem)]);
    let port = home.server.gateway_port;
    let authority = certs.path().join("hal-ca.pem");
    let target = Target { port, host: "localhost", path: "/", ca: Some(&authority) };
    let mut open = Client::connect(&target).expect("the certificate is good");
    let first = serial(port);

    // Seen by itself, within seconds.
    self_signed(certs.path());
    let second = wait::until("the new certificate", || Some(serial(port)).filter(|serial| *serial != first))
        .expect("a new file is taken without being told");
    assert_names_medication(&open.ask(QUESTION).expect("the open connection was not interrupted"));
    let mut later = Client::connect(&target).expect("the new certificate is good");
    assert_names_medication(&later.ask(QUESTION).expect("answered"));

    // A bad file changes nothing but the log; told by a signal, so that it has been looked at.
    let good = std::fs::read_to_string(&pem).expect("there");
    std::fs::write(&pem, &good[..good.len() / 2]).expect("written");
    home.server.process.signal("HUP").expect("signalled");
    wait::until("a word about the bad file", || {
        home.server.process.output().iter().any(|line| line.contains("the old one stays")).then_some(())
    })
    .expect("it says that the file is bad");
    assert_eq!(serial(port), second);
    self_signed(certs.path());
    home.server.process.signal("HUP").expect("signalled");
    wait::until("the third certificate", || (serial(port) != second).then_some(())).expect("taken");
    for client in [&mut open, &mut later] {
        assert_names_medication(&client.ask(QUESTION).expect("still open"));
    }
}

#[test]
fn a_server_does_not_start_with_a_certificate_that_nobody_could_use() {
    let (folder, certs) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let pem = self_signed(certs.path());
    let other = self_signed(&certs.path().join("other"));
    let error = Options::demo(folder.path())
        .with(&["--tls-cert", text(&pem), "--tls-key", text(&other)])
        .start()
        .expect_err("the key is another's");
    let told = format!("{error:#}");
    assert!(told.contains("private key belongs to another certificate") && told.contains("hint:"), "{told}");
}
