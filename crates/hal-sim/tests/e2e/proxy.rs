//! HAProxy with TLS in front, and its health checks.

use std::path::{Path, PathBuf};
use std::process::Output;

use hal_sim::client::{Client, Target};
use hal_sim::haproxy::{Haproxy, Health};
use hal_sim::server::{hal, run_hal};
use hal_sim::{http, ports, programs, wait};

use crate::household::{Household, MEDICATION, QUESTION, assert_names_medication};

/// HAProxy before a household: configuration and certificate are HAL's own work.
pub(crate) struct Front {
    pub(crate) haproxy: Haproxy,
    /// What clients trust.
    pub(crate) authority: PathBuf,
    /// Of TLS, or of everything in plain mode.
    pub(crate) port: u16,
    pub(crate) http_port: u16,
    pub(crate) file: PathBuf,
}

/// How a [`Front`] is made.
pub(crate) struct Plan<'a> {
    /// Words for `hal haproxy`, the mode among them.
    pub(crate) words: &'a [&'a str],
    pub(crate) gateways: Vec<u16>,
    /// Other texts in the file: timeouts that a test can wait for. Each must be there.
    pub(crate) changes: &'a [(&'a str, &'a str)],
    /// A certificate of somebody else's making, which is its own authority; `None`: one of HAL's.
    pub(crate) cert: Option<&'a Path>,
    /// With a master process, which can be told to read its file again.
    pub(crate) master: bool,
}

impl Front {
    /// `https://localhost:PORT/`, everything of which goes to the gateway.
    #[track_caller]
    pub(crate) fn subdomain(home: &Household) -> Front {
        Front::start(home.folder.path(), &Plan::subdomain(&[home.server.gateway_port]))
    }

    #[track_caller]
    pub(crate) fn start(folder: &Path, plan: &Plan<'_>) -> Front {
        let (pem, authority) = match plan.cert {
            Some(cert) => (cert.to_owned(), cert.to_owned()),
            None => {
                make_certificate(folder);
                (folder.join("hal.pem"), folder.join("hal-ca.pem"))
            }
        };
        let file = folder.join("haproxy.cfg");
        let (https_port, http_port) = (ports::free(), ports::free());
        let mut command = hal();
        command.arg("haproxy").args(plan.words).args(["--cert", text(&pem)]);
        for gateway in &plan.gateways {
            command.args(["--gateway", &format!("localhost:{gateway}")]);
        }
        command.args(["--https-port", &https_port.to_string(), "--http-port", &http_port.to_string()]);
        if !plan.words.contains(&"--stats-port") {
            command.args(["--stats-port", "0"]);
        }
        command.args(["--unprivileged", "--runtime-dir", text(folder), "--output", text(&file)]);
        let out = command.output().expect("it runs");
        assert!(out.status.success(), "{}", said(&out));
        let verdict = Haproxy::check(&file).expect("haproxy runs");
        assert!(verdict.accepted, "{}", verdict.said);
        // 2.6 says this one line on success, newer ones nothing.
        assert!(
            matches!(verdict.said.as_str(), "" | "Configuration file is valid"),
            "not silent: {}",
            verdict.said
        );
        let mut written = std::fs::read_to_string(&file).expect("it was written");
        for (old, new) in plan.changes {
            assert!(written.contains(old), "{old} is not in the file");
            written = written.replace(old, new);
        }
        std::fs::write(&file, written).expect("written");
        let plain = plan.words.contains(&"plain");
        let port = if plain { http_port } else { https_port };
        let socket = folder.join("haproxy.sock");
        let start = if plan.master { Haproxy::start_master } else { Haproxy::start };
        let haproxy = start(&file, port, Some(&socket)).expect("haproxy starts");
        Front { haproxy, authority, port, http_port, file }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    /// Connects as any client would.
    pub(crate) fn try_connect(&self, path: &str) -> anyhow::Result<Client> {
        Client::connect(&Target { port: self.port, host: "localhost", path, ca: Some(&self.authority) })
    }

    #[track_caller]
    pub(crate) fn connect(&self, path: &str) -> Client {
        self.try_connect(path).expect("the gateway greets through HAProxy")
    }

    /// One request over TLS, by `host`; header lines follow the request line.
    #[track_caller]
    pub(crate) fn ask(&self, request_line: &str, headers: &str) -> http::Answer {
        let request = format!("{request_line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        http::secure(self.port, "localhost", &self.authority, &request).expect("answered")
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> http::Answer {
        self.ask(&format!("GET {path}"), "Host: localhost\r\n")
    }
}

impl Plan<'_> {
    pub(crate) fn subdomain(gateways: &[u16]) -> Plan<'static> {
        let words = &["--mode", "subdomain", "--domain", "localhost"];
        Plan { words, gateways: gateways.to_vec(), changes: &[], cert: None, master: false }
    }
}

/// `hal-ca.pem`, `hal-ca-key.pem` and `hal.pem` for the name and address of this machine.
#[track_caller]
fn make_certificate(folder: &Path) {
    let out = run_hal(&[
        "cert",
        "self-signed",
        "--domain",
        "localhost",
        "--domain",
        "127.0.0.1",
        "--dir",
        text(folder),
    ])
    .expect("it runs");
    assert!(out.status.success(), "{}", said(&out));
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

pub(crate) fn said(out: &Output) -> String {
    format!(
        "{}\n{}{}",
        out.status,
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    )
}

#[test]
fn a_typed_question_is_answered_through_haproxy_and_tls() {
    if !programs::present("proxy: typed question", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let front = Front::subdomain(&home);
    assert_names_medication(&front.connect("/").ask(QUESTION).expect("answered"));
    // HAProxy does not take the prefix away; every path is the gateway.
    assert_names_medication(&front.connect("/voice/").ask(QUESTION).expect("answered below /voice/"));
    assert_eq!(front.connect("/voice?greeting=state").greeting["type"], "state");
}

#[test]
fn hal_ask_reaches_the_gateway_by_every_form_of_address() {
    if !programs::present("proxy: forms of address", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let front = Front::subdomain(&home);
    let secure = front.url();
    let (path, direct) = (format!("{secure}voice"), home.server.url());
    for (server, ca) in [(&secure, true), (&path, true), (&direct, false)] {
        let mut command = hal();
        command.args(["ask", "--server", server]);
        if ca {
            command.args(["--ca", text(&front.authority)]);
        }
        let out = command.arg(QUESTION).output().expect("it runs");
        assert_eq!(out.status.code(), Some(0), "{server}: {}", said(&out));
        let answer = String::from_utf8_lossy(&out.stdout).to_lowercase();
        assert!(answer.contains(MEDICATION), "{server}: {}", said(&out));
        // The same by the variable.
        let mut command = hal();
        command.arg("ask").env("HAL_SERVER_URL", server);
        if ca {
            command.args(["--ca", text(&front.authority)]);
        }
        let by_variable = command.arg(QUESTION).output().expect("it runs");
        assert_eq!(by_variable.stdout, out.stdout, "{server}: {}", said(&by_variable));
    }
}

#[test]
fn a_certificate_of_an_authority_nobody_named_is_refused() {
    if !programs::present("proxy: wrong authority", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let front = Front::subdomain(&home);
    let elsewhere = home.folder.path().join("elsewhere");
    make_certificate(&elsewhere);
    let other = elsewhere.join("hal-ca.pem");
    let url = front.url();
    let with_other = ["ask", "--server", url.as_str(), "--ca", text(&other), QUESTION];
    let with_none = ["ask", "--server", url.as_str(), QUESTION];
    for words in [with_other.as_slice(), &with_none] {
        let out = run_hal(words).expect("it runs");
        assert_eq!(out.status.code(), Some(2), "{}", said(&out));
        assert!(out.stdout.is_empty(), "{}", said(&out));
        assert!(String::from_utf8_lossy(&out.stderr).contains("certificate"), "{}", said(&out));
    }
}

#[test]
fn port_80_sends_people_to_https() {
    if !programs::present("proxy: redirect", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let front = Front::subdomain(&home);
    let answer = http::get(front.http_port, "/some?x=1").expect("answered");
    assert!((301..=308).contains(&answer.status), "{}", answer.head);
    assert!(answer.head.to_lowercase().contains("location: https://localhost"), "{}", answer.head);
}

/// What the deployment document's `option httpchk` makes HAProxy 2.6 send: an upgrade that cannot be one.
const DOCUMENT_CHECK: &str =
    "GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: close\r\n\r\n";

#[test]
fn the_deployment_documents_own_health_check_gets_200() {
    let home = Household::start();
    for request in [DOCUMENT_CHECK, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n"] {
        let answer = http::raw(home.server.gateway_port, request).expect("answered");
        assert_eq!(answer.status, 200, "{request:?}: {}", answer.head);
    }
}

#[test]
fn an_upgrade_that_lost_its_headers_on_the_way_is_told_which() {
    let home = Household::start();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let answer = http::raw(home.server.gateway_port, request).expect("answered");
    assert_eq!(answer.status, 426, "{}", answer.head);
    assert!(answer.body.to_lowercase().contains("sec-websocket-key"), "{}", answer.body);
}

/// Waits until HAProxy has checked the one server of a backend, and returns what it found.
#[track_caller]
pub(crate) fn checked(haproxy: &Haproxy, backend: &str) -> Health {
    wait::until("HAProxy's first health check", || {
        let health = haproxy.health(backend).ok()?.into_iter().next()?;
        (!health.check.is_empty() && health.check != "INI").then_some(health)
    })
    .expect("HAProxy checks its servers")
}

#[test]
fn the_deployment_documents_check_keeps_a_real_backend_up() {
    if !programs::present("proxy: the document's check", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let folder = home.folder.path();
    let (file, socket, port) = (folder.join("document.cfg"), folder.join("document.sock"), ports::free());
    // The document's line in the form that every version reads; the bytes on the wire are the same.
    let configuration = format!(
        "global\n    stats socket {} mode 600 level admin\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n    \
         timeout tunnel 1h\n    timeout check 3s\n\
         frontend hal_simple\n    bind 127.0.0.1:{port}\n    default_backend hal_voice_backend\n\
         backend hal_voice_backend\n    option httpchk\n    \
         http-check send meth GET uri / ver HTTP/1.1 hdr Host localhost hdr Upgrade websocket\n    \
         server voice_gateway 127.0.0.1:{} check inter 200ms\n",
        socket.display(),
        home.server.gateway_port
    );
    std::fs::write(&file, configuration).expect("written");
    let haproxy = Haproxy::start(&file, port, Some(&socket)).expect("haproxy starts");
    let health = checked(&haproxy, "hal_voice_backend");
    assert_eq!((health.status.as_str(), health.check.as_str()), ("UP", "L7OK"));
    let mut client = Client::connect(&Target::plain(port)).expect("the gateway greets through HAProxy");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
}

#[test]
fn the_generated_files_check_sees_a_gateway_come_and_go() {
    if !programs::present("proxy: health", &["haproxy"]) {
        return;
    }
    let mut home = Household::start();
    let front = Front::subdomain(&home);
    let health = checked(&front.haproxy, "hal_voice");
    assert_eq!((health.status.as_str(), health.check.as_str()), ("UP", "L7OK"));
    home.server.process.kill().expect("killed");
    wait::until("HAProxy to see that the gateway is gone", || {
        let health = front.haproxy.health("hal_voice").ok()?;
        health.first().is_some_and(|health| health.status.starts_with("DOWN")).then_some(())
    })
    .expect("DOWN");
}
