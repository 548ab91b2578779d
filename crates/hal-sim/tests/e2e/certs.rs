//! Certificates: certbot against a real ACME server through a real HAProxy, the deploy hook, and `hal cert status`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hal_sim::client::{Client, Target};
use hal_sim::haproxy::Haproxy;
use hal_sim::process::Process;
use hal_sim::server::{hal, run_hal};
use hal_sim::{ports, programs, wait};

use crate::household::{Household, QUESTION, assert_names_medication, said, text};

/// A name that no name server of the world has; the test server's own resolver answers for it.
const NAME: &str = "hal.example.test";

#[track_caller]
fn self_signed(folder: &Path, name: &str) {
    let words = ["cert", "self-signed", "--domain", name, "--dir", text(folder), "--force"];
    let out = run_hal(&words).expect("it runs");
    assert!(out.status.success(), "{}", said(&out));
}

/// Pebble, Let's Encrypt's own small test authority, and the resolver it asks. Everything on loopback addresses.
struct Acme {
    folder: PathBuf,
    directory: String,
    management_port: u16,
    _pebble: Process,
    _resolver: Process,
}

impl Acme {
    /// `http_port` is where it looks for the answers to its challenges: port 80 of the real world.
    #[track_caller]
    fn start(folder: &Path, http_port: u16) -> Acme {
        let folder = folder.join("acme");
        std::fs::create_dir(&folder).expect("a folder");
        self_signed(&folder, "localhost");
        let (dns, management, port, admin) = (ports::free(), ports::free(), ports::free(), ports::free());
        let mut resolver = Command::new(programs::find("pebble-challtestsrv").expect("looked up before"));
        resolver.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", ""]);
        resolver.args(["-tlsalpn01", "", "-dns01", &format!("127.0.0.1:{dns}")]);
        resolver.args(["-management", &format!("127.0.0.1:{admin}")]);
        let resolver = Process::start(resolver).expect("the resolver starts");
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("hal.pem"), "privateKey": folder.join("hal.pem"),
            "httpPort": http_port, "tlsPort": ports::free(), "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        let file = folder.join("pebble.json");
        std::fs::write(&file, config.to_string()).expect("written");
        let mut pebble = Command::new(programs::find("pebble").expect("looked up before"));
        pebble.args(["-config", text(&file), "-dnsserver", &format!("127.0.0.1:{dns}")]);
        // Without these it waits for random times and refuses some nonces, to teach clients patience.
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
        let pebble = Process::start(pebble).expect("pebble starts");
        for port in [port, management, admin] {
            wait::until("the test authority to accept", || {
                std::net::TcpStream::connect(("127.0.0.1", port)).ok()
            })
            .expect("it listens");
        }
        let directory = format!("https://localhost:{port}/dir");
        Acme { folder, directory, management_port: management, _pebble: pebble, _resolver: resolver }
    }

    /// What certbot needs to trust the authority's own web server.
    fn bundle(&self) -> PathBuf {
        self.folder.join("hal-ca.pem")
    }

    /// The root of the certificates it makes, as a file.
    #[track_caller]
    fn root(&self) -> PathBuf {
        let file = self.folder.join("root.pem");
        let url = format!("https://localhost:{}/roots/0", self.management_port);
        let bundle = self.bundle();
        let curl = ["-sS", "--noproxy", "*", "--cacert", text(&bundle), "-o", text(&file), &url];
        let out = Command::new("curl").args(curl).output().expect("curl runs");
        assert!(out.status.success(), "{}", said(&out));
        file
    }
}

/// HAProxy as master and worker, as a service runs it: a signal reloads it.
struct Front {
    haproxy: Process,
    file: PathBuf,
    pem: PathBuf,
    pid_file: PathBuf,
    port: u16,
    challenge_port: u16,
}

impl Front {
    /// The file of `hal haproxy` for [`NAME`], with a certificate of one's own for the beginning.
    #[track_caller]
    fn start(home: &Household, http_port: u16) -> Front {
        let folder = home.folder.path();
        let certs = folder.join("certs");
        self_signed(&certs, NAME);
        let (pem, file, pid_file) =
            (certs.join("hal.pem"), folder.join("haproxy.cfg"), folder.join("haproxy.pid"));
        let (port, challenge_port) = (ports::free(), ports::free());
        let mut command = hal();
        command.args(["haproxy", "--mode", "subdomain", "--domain", NAME, "--cert", text(&pem)]);
        command.args(["--gateway", &format!("127.0.0.1:{}", home.server.gateway_port), "--stats-port", "0"]);
        command.args(["--https-port", &port.to_string(), "--http-port", &http_port.to_string()]);
        command.args(["--unprivileged", "--runtime-dir", text(folder), "--output", text(&file)]);
        let out = command.output().expect("it runs");
        assert!(out.status.success(), "{}", said(&out));
        // certbot's port is the one thing that a service has to itself and a test has not.
        let written = std::fs::read_to_string(&file).expect("written");
        assert!(written.contains("127.0.0.1:8888"), "{written}");
        let written = written.replace("127.0.0.1:8888", &format!("127.0.0.1:{challenge_port}"));
        std::fs::write(&file, written).expect("written");
        let verdict = Haproxy::check(&file).expect("haproxy runs");
        assert!(verdict.accepted, "{}", verdict.said);
        let mut command = Command::new(programs::find("haproxy").expect("looked up before"));
        command.args(["-W", "-f", text(&file)]);
        let haproxy = Process::start(command).expect("haproxy starts");
        std::fs::write(&pid_file, format!("{}\n", haproxy.pid())).expect("written");
        wait::until("HAProxy to accept", || std::net::TcpStream::connect(("127.0.0.1", port)).ok())
            .expect("it listens");
        Front { haproxy, file, pem, pid_file, port, challenge_port }
    }

    /// `hal cert letsencrypt` as a person types it, but for the places.
    fn letsencrypt(&self, acme: &Acme, more: &[&str]) -> Output {
        let mut command = hal();
        command.args(["cert", "letsencrypt", "--domain", NAME, "--server", &acme.directory]);
        command.args(["--pem", text(&self.pem), "--haproxy-config", text(&self.file)]);
        command.args(["--challenge-port", &self.challenge_port.to_string()]);
        command.args(["--certbot-dir", text(&self.certbot_dir())]);
        command.args(["--check", &format!("127.0.0.1:{}", self.port)]).args(more);
        command.env("REQUESTS_CA_BUNDLE", acme.bundle()).output().expect("it runs")
    }

    fn certbot_dir(&self) -> PathBuf {
        self.file.with_file_name("certbot")
    }

    /// The serial number that a new connection is shown, and who made it.
    #[track_caller]
    fn served(&self) -> (String, String) {
        let server = format!("https://{NAME}");
        let connect = format!("127.0.0.1:{}", self.port);
        let out = run_hal(&["cert", "status", "--server", &server, "--connect", &connect, "--json"])
            .expect("it runs");
        let reports: serde_json::Value =
            serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", said(&out)));
        let leaf = &reports[0]["certificates"][0];
        let field = |name: &str| leaf[name].as_str().expect("told").to_owned();
        (field("serial"), field("issuer"))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // The master ends its workers; killed, it would leave them.
        self.haproxy.signal("TERM").ok();
        self.haproxy.wait().ok();
    }
}

#[test]
fn certbot_gets_renews_and_deploys_through_haproxy_with_open_tunnels() {
    let needed = ["haproxy", "certbot", "pebble", "pebble-challtestsrv", "curl"];
    if !programs::present("certs: certbot", &needed) {
        return;
    }
    let home = Household::start();
    let http_port = ports::free();
    let front = Front::start(&home, http_port);
    let acme = Acme::start(home.folder.path(), http_port);
    let (own, _) = front.served();

    // certbot itself ends with 0 although its hook fails: the command must not.
    let out = front.letsencrypt(&acme, &["--reload", "exit 7"]);
    assert_eq!(out.status.code(), Some(2), "{}", said(&out));
    assert!(said(&out).contains("could not be put into service"), "{}", said(&out));
    assert_eq!(front.served().0, own, "nothing was reloaded");

    // The same again with a reload that works: certbot has nothing to do, and it is served afterwards all the same.
    let with_pid = ["--haproxy-pid", text(&front.pid_file)];
    let out = front.letsencrypt(&acme, &with_pid);
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    let (first, issuer) = front.served();
    assert_ne!(first, own);
    assert!(issuer.contains("Pebble"), "{issuer}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&front.pem).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    // A client that trusts the authority gets through, and is talking while the certificate is renewed.
    let root = acme.root();
    let target = Target { port: front.port, host: NAME, path: "/", ca: Some(&root) };
    let mut tunnel = Client::connect(&target).expect("the certificate is good");
    assert_names_medication(&tunnel.ask(QUESTION).expect("answered"));
    let dir = front.certbot_dir();
    let mut renew = Command::new("certbot");
    renew.args(["renew", "--force-renewal", "--no-random-sleep-on-renew", "--cert-name", "hal"]);
    for (option, name) in [("--config-dir", "config"), ("--work-dir", "work"), ("--logs-dir", "logs")] {
        renew.arg(option).arg(dir.join(name));
    }
    let out = renew.env("REQUESTS_CA_BUNDLE", acme.bundle()).output().expect("certbot runs");
    assert!(out.status.success(), "{}", said(&out));
    let second = wait::until("the renewed certificate to be served", || {
        let (serial, _) = front.served();
        (serial != first).then_some(serial)
    })
    .expect("certbot's own renewal reaches HAProxy");
    assert_ne!(second, own);
    assert_names_medication(&tunnel.ask(QUESTION).expect("the tunnel was not interrupted"));
    Client::connect(&target).expect("the renewed certificate is good too");

    // File and server agree, and a person who asks is told so.
    let server = format!("https://{NAME}");
    let connect = format!("127.0.0.1:{}", front.port);
    let words =
        ["cert", "status", text(&front.pem), "--server", &server, "--connect", &connect, "--ca", text(&root)];
    let out = run_hal(&words).expect("it runs");
    // 1 and not 0: pebble's certificates are valid for five years, which browsers refuse, and nothing else is wrong.
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(told.matches("\nwarning").count(), 2, "{told}");
    assert_eq!(told.matches("it is valid for 1825 days").count(), 2, "{told}");
    assert!(told.contains("the server shows the certificate of"), "{told}");
    assert!(told.contains("this machine trusts it"), "{told}");
    // A file that was changed without a reload is a fault with a name.
    self_signed(front.pem.parent().expect("a folder"), NAME);
    let out = run_hal(&words).expect("it runs");
    assert_eq!(out.status.code(), Some(2), "{}", said(&out));
    assert!(String::from_utf8_lossy(&out.stdout).contains("another certificate"), "{}", said(&out));
}

#[test]
fn the_hook_brings_the_old_file_back_when_haproxy_refuses() {
    if !programs::present("certs: hook", &["haproxy"]) {
        return;
    }
    let folder = tempfile::TempDir::new().expect("a folder");
    let (certs, live) = (folder.path().join("certs"), folder.path().join("certbot/config/live/hal"));
    self_signed(&certs, NAME);
    std::fs::create_dir_all(&live).expect("a folder");
    let pem = certs.join("hal.pem");
    let old = std::fs::read_to_string(&pem).expect("made");
    self_signed(&certs, NAME);
    let new = std::fs::read_to_string(&pem).expect("made");
    std::fs::write(&pem, &old).expect("written");
    let key_at = new.find("-----BEGIN PRIVATE KEY").expect("a key");
    std::fs::write(live.join("fullchain.pem"), &new[..key_at]).expect("written");
    std::fs::write(live.join("privkey.pem"), &new[key_at..]).expect("written");
    let broken = folder.path().join("broken.cfg");
    std::fs::write(&broken, "frontend x\n    option forceclose\n").expect("written");

    let out = run_hal(&[
        "cert",
        "letsencrypt",
        "--domain",
        NAME,
        "--dry-run",
        "--pem",
        text(&pem),
        "--haproxy-config",
        text(&broken),
        "--certbot-dir",
        text(&folder.path().join("certbot")),
    ])
    .expect("it runs");
    assert!(out.status.success(), "{}", said(&out));
    let printed = String::from_utf8_lossy(&out.stdout).into_owned();
    let script = &printed[printed.find("#!/bin/sh").expect("the hook is printed")..];
    let out =
        Command::new("sh").arg("-c").arg(script).env("RENEWED_LINEAGE", &live).output().expect("it runs");
    assert!(!out.status.success(), "{}", said(&out));
    assert!(said(&out).contains("the old file is back"), "{}", said(&out));
    assert_eq!(std::fs::read_to_string(&pem).expect("there"), old);
    let left: Vec<_> =
        std::fs::read_dir(&certs).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 3, "no temporary file is left: {left:?}");
}
