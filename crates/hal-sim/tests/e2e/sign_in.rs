//! Sign-in as people meet it: refused through a proxy, paired with a code, let in, shut out; gateways that prove a secret.

use std::path::Path;
use std::process::{Command, Output};

use hal_sim::haproxy::Haproxy;
use hal_sim::server::{Options, Server, hal};
use hal_sim::{http, ports, programs, wait};
use tempfile::TempDir;

use crate::household::{Household, MEDICATION, QUESTION, assert_names_medication};
use crate::proxy::Front;

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// `hal` on the server's machine, or on a device whose settings are in `settings`.
fn run(words: &[&str], settings: &Path) -> Output {
    let mut command: Command = hal();
    command.args(words).env("XDG_CONFIG_HOME", settings).env("HOME", settings).output().expect("it runs")
}

#[track_caller]
fn done(out: &Output) -> String {
    assert!(out.status.success(), "{}", said(out));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

#[test]
fn a_device_behind_the_proxy_is_let_in_by_a_code_and_shut_out_again() {
    if !programs::present("sign-in: through HAProxy", &["haproxy"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let server = Options::demo(folder.path()).start().expect("hal serve --demo answers");
    let home = Household { server, folder };
    let front = Front::subdomain(&home);
    let (data, device) =
        (home.folder.path().to_str().expect("a plain name"), TempDir::new().expect("a folder"));
    let (url, authority) = (front.url(), front.authority.to_str().expect("a plain name").to_owned());
    let ask = || run(&["ask", "--server", &url, "--ca", &authority, QUESTION], device.path());

    // Directly on its own machine nothing has changed.
    assert_names_medication(&home.connect().ask(QUESTION).expect("answered"));
    let refused = ask();
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("hal pair"), "it says what to do: {}", said(&refused));

    let code = done(&run(&["pair", "owner", "--name", "laptop", "--data", data], home.folder.path()));
    let wrong = run(&["pair", "AAAA-AAAA", "--server", &url, "--ca", &authority], device.path());
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    let paired =
        run(&["pair", &code, "--server", &url, "--ca", &authority, "--name", "laptop"], device.path());
    done(&paired);
    assert!(done(&ask()).to_lowercase().contains(MEDICATION));
    let again = run(&["pair", &code, "--server", &url, "--ca", &authority], device.path());
    assert_eq!(again.status.code(), Some(2), "a code is good once: {}", said(&again));

    let listed = done(&run(&["device", "list", "--data", data], home.folder.path()));
    assert!(listed.contains("laptop"), "{listed}");
    done(&run(&["device", "revoke", "laptop", "--data", data], home.folder.path()));
    assert_eq!(ask().status.code(), Some(2), "shut out");
    let audit = done(&run(&["audit", "list", "--data", data], home.folder.path()));
    for noted in ["pair", "device_revoke", "revoked", "medication_list"] {
        assert!(audit.contains(noted), "{noted}: {audit}");
    }
    assert!(!audit.to_lowercase().contains(MEDICATION), "no words in it: {audit}");
    let verified = done(&run(&["audit", "verify", "--data", data], home.folder.path()));
    assert!(verified.contains("each follows the one before"), "{verified}");

    // Taken elsewhere, it verifies there, up to the same end; and not when somebody was at it.
    let (export, head) = (device.path().join("audit.jsonl"), verified.lines().last().expect("a head"));
    let file = export.to_str().expect("a plain name");
    let head = head.strip_prefix("head ").expect("a head");
    done(&run(&["audit", "export", file, "--data", data], home.folder.path()));
    let elsewhere = done(&run(&["audit", "verify", file, "--head", head], device.path()));
    assert!(elsewhere.contains("each follows the one before"), "{elsewhere}");
    let again = run(&["audit", "export", file, "--data", data], home.folder.path());
    assert_eq!(again.status.code(), Some(2), "not over one that is there: {}", said(&again));
    let exported = std::fs::read_to_string(&export).expect("written");
    std::fs::write(&export, exported.replacen("device_revoke", "device_rename", 1)).expect("written");
    let broken = run(&["audit", "verify", file], device.path());
    assert_eq!(broken.status.code(), Some(2), "{}", said(&broken));
    assert!(said(&broken).contains("is not what was written"), "{}", said(&broken));
}

#[test]
fn users_and_devices_are_managed_while_the_server_runs_and_while_it_does_not() {
    let home = Household::start();
    let data = home.folder.path().to_str().expect("a plain name").to_owned();
    let own = TempDir::new().expect("a folder");
    let run = |words: &[&str]| run(&[words, &["--data", &data]].concat(), own.path());
    done(&run(&["user", "add", "gus", "--role", "guest"]));
    let token = done(&run(&["device", "add", "gus", "phone"]));
    let asked = |question: &str| {
        let out = hal()
            .args(["ask", "--server", &home.server.url(), question])
            .env("HAL_TOKEN", &token)
            .env("HOME", own.path())
            .output()
            .expect("it runs");
        (out.status.code(), said(&out))
    };
    let (code, text) = asked(QUESTION);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("You may not ask about medications here."), "{text}");
    assert_eq!(asked("What time is it?").0, Some(0));
    let data_again = data.clone();
    let Household { server, folder } = home;
    drop(server);
    // On the files alone.
    let listed = done(&run(&["user", "list"]));
    assert!(listed.contains("gus") && listed.contains("guest"), "{listed}");
    let refused = hal()
        .args(["tcl", "--as", "gus", "--data", &data_again, "LIST MEDICATION"])
        .output()
        .expect("it runs");
    assert!(said(&refused).contains("You may not read MEDICATION"), "{}", said(&refused));
    done(&run(&["user", "remove", "gus"]));
    done(&run(&["audit", "verify"]));
    drop(folder);
}

fn with_secret(own: &TempDir, file: &Path) -> Server {
    // A gateway of another machine has its own folder, and is told where the secret is.
    let settings = format!("[listener]\nsecret_file = {:?}\n", file.display().to_string());
    std::fs::write(own.path().join("hal.toml"), settings).expect("written");
    let port = std::fs::read_to_string(own.path().join("port")).expect("noted").parse().expect("a port");
    Options::gateway(own.path(), port).start().expect("the gateway answers")
}

#[test]
fn a_gateway_and_a_listener_talk_only_where_they_share_the_secret() {
    let (records, own) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let listener = Options::listener(records.path()).start().expect("the listener accepts");
    std::fs::write(own.path().join("port"), listener.listener_port.to_string()).expect("written");
    let secret = records.path().join("listener.secret");
    // The port is open before the folder is in order.
    wait::until("the secret", || secret.exists().then_some(())).expect("made at the first start");
    let gateway = with_secret(&own, &secret);
    assert_names_medication(&gateway.connect().expect("greeted").ask(QUESTION).expect("answered"));
    drop(gateway);
    let other = own.path().join("other.secret");
    std::fs::write(&other, "another secret that is long enough to be one").expect("written");
    let gateway = with_secret(&own, &other);
    let mut client = gateway.connect().expect("greeted");
    client.send(&serde_json::json!({"type": "text_input", "text": QUESTION})).expect("sent");
    assert_eq!(client.until("error").expect("an error frame")["code"], "QM_UNAVAILABLE");
}

/// A file as people write it, with everything but a word about for whom HAProxy asks.
const SILENT: &str = "global
    log stderr format raw local0
    maxconn 100
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    timeout tunnel 1h
frontend hal
    bind 127.0.0.1:PORT
    default_backend hal
backend hal
    server gateway 127.0.0.1:GATEWAY
";

#[test]
fn a_haproxy_that_does_not_say_for_whom_it_asks_is_corrected_and_then_everybody_signs_in() {
    if !programs::present("sign-in: a HAProxy that says nothing", &["haproxy"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let server = Options::demo(folder.path()).start().expect("hal serve --demo answers");
    let (file, new) = (folder.path().join("old.cfg"), folder.path().join("new.cfg"));
    let (silent, told) = (ports::free(), ports::free());
    let text = |port: u16| {
        SILENT.replace("PORT", &port.to_string()).replace("GATEWAY", &server.gateway_port.to_string())
    };
    let whoami = |port: u16, host: &str| {
        let request = format!("GET /whoami HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        http::raw(port, &request).expect("answered").status
    };
    std::fs::write(&file, text(silent)).expect("written");
    let haproxy = Haproxy::start(&file, silent, None).expect("haproxy starts");
    // Whoever asks for the server by its name is not taken for a program of this machine even so.
    assert_eq!(whoami(silent, "hal.example.com"), 401);
    assert_eq!(whoami(silent, "192.0.2.7"), 401);
    drop(haproxy);

    std::fs::write(&file, text(told)).expect("written");
    let path = |path: &Path| path.to_str().expect("a plain name").to_owned();
    let fixed = run(&["haproxy", "check", &path(&file), "--fix", "-o", &path(&new)], folder.path());
    assert_eq!(fixed.status.code(), Some(1), "{}", said(&fixed));
    assert!(said(&fixed).contains("[not-told-for-whom]"), "{}", said(&fixed));
    let _haproxy = Haproxy::start(&new, told, None).expect("haproxy starts");
    // Not even whoever writes another host name into the request.
    for host in ["hal.example.com", "localhost", "127.0.0.1", "server"] {
        assert_eq!(whoami(told, host), 401, "{host}");
    }
    assert_eq!(whoami(server.gateway_port, "localhost"), 200, "this machine itself is open");
}
