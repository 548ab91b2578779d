//! Devices that sign in by a certificate: with TLS of the gateway's own, and through HAProxy that verifies it.

use std::path::{Path, PathBuf};
use std::process::Command;

use hal_sim::server::{Options, Server, hal};
use hal_sim::{programs, wait};
use tempfile::TempDir;

use crate::household::{said, text};
use crate::proxy::{Front, Plan};

/// A server with a member, and what `hal` says about it.
struct House {
    server: Server,
    folder: TempDir,
    /// Of the devices.
    own: TempDir,
}

impl House {
    #[track_caller]
    fn start(settings: &str, words: &[&str]) -> House {
        let (folder, own) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
        std::fs::write(folder.path().join("hal.toml"), settings).expect("written");
        let server = Options::demo(folder.path()).with(words).start().expect("hal serve --demo answers");
        let house = House { server, folder, own };
        house.hal(&["user", "add", "ann"]);
        house
    }

    #[track_caller]
    fn hal(&self, words: &[&str]) -> String {
        let out = hal().args(words).args(["--data", text(self.folder.path())]).output().expect("it runs");
        assert!(out.status.success(), "{words:?}: {}", said(&out));
        said(&out)
    }

    /// A certificate for a device of Ann's.
    #[track_caller]
    fn certificate(&self, name: &str) -> PathBuf {
        self.hal(&["cert", "client", name, "--user", "ann", "--dir", text(self.own.path())]);
        self.own.path().join(format!("{name}.pem"))
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("client-ca/hal-client-ca.pem")
    }
}

/// Who somebody is by `url`: the status and the body, or why there was none.
#[track_caller]
fn whoami(url: &str, ca: &Path, cert: Option<&Path>, more: &[&str]) -> Result<(u16, String), String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}", "--cacert"]);
    command.arg(ca).args(more);
    if let Some(cert) = cert {
        command.arg("--cert").arg(cert);
    }
    let out = command.arg(format!("{url}whoami")).output().expect("curl runs");
    if !out.status.success() {
        return Err(said(&out));
    }
    let shown = String::from_utf8_lossy(&out.stdout).into_owned();
    let (body, status) = shown.trim_end().rsplit_once('\n').expect("a status");
    Ok((status.parse().expect("a number"), body.to_owned()))
}

/// As TLS tools print it, without the colons.
#[track_caller]
fn fingerprint(cert: &Path) -> String {
    let out =
        Command::new("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(cert).output();
    let shown = String::from_utf8_lossy(&out.expect("openssl runs").stdout).into_owned();
    shown.trim().rsplit('=').next().expect("a value").replace(':', "")
}

/// A certificate that nobody here has issued.
fn of_somebody_else(folder: &Path) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(["ann".to_owned()]).expect("made");
    let path = folder.join("else.pem");
    std::fs::write(&path, format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem()))
        .expect("written");
    path
}

#[track_caller]
fn is_ann(answer: &Result<(u16, String), String>) {
    let (status, body) = answer.as_ref().expect("answered");
    assert!(*status == 200 && body.contains("\"user\":\"ann\""), "{answer:?}");
}

#[test]
fn a_certificate_signs_its_device_in_over_tls_of_the_gateways_own_until_it_is_revoked() {
    if !programs::present("client certificates: own TLS", &["curl", "openssl"]) {
        return;
    }
    let house = House::start("", &["--tls"]);
    let ca = house.folder.path().join("tls/hal-ca.pem");
    let url = format!("https://localhost:{}/", house.server.gateway_port);
    let phone = house.certificate("phone");
    // The authority came while the server ran.
    wait::until("the authority to be seen", || {
        whoami(&url, &ca, Some(&phone), &[]).ok()?.1.contains("\"user\":\"ann\"").then_some(())
    })
    .expect("seen within seconds");
    let tablet = house.certificate("tablet");
    is_ann(&whoami(&url, &ca, Some(&tablet), &[]));
    let nobody = whoami(&url, &ca, None, &[]).expect("answered");
    assert!(nobody.1.contains("\"user\":\"owner\""), "this machine, without one, as before: {nobody:?}");
    let other = whoami(&url, &ca, Some(&of_somebody_else(house.own.path())), &[]);
    assert!(other.is_err(), "no handshake with a certificate of another authority: {other:?}");
    // A header is nobody's, least of all here.
    let forged = format!("X-HAL-Client-Certificate: {}", fingerprint(&tablet));
    assert_eq!(whoami(&url, &ca, None, &["--header", &forged]).expect("answered").0, 401);
    // A fingerprint is no token.
    let bearer = format!("Authorization: Bearer certificate {}", fingerprint(&tablet).to_lowercase());
    assert_eq!(whoami(&url, &ca, None, &["--header", &bearer]).expect("answered").0, 401);

    house.hal(&["device", "revoke", "phone"]);
    assert_eq!(whoami(&url, &ca, Some(&phone), &[]).expect("answered").0, 401, "shut out");
    is_ann(&whoami(&url, &ca, Some(&tablet), &[]));
    assert!(house.hal(&["audit", "list"]).contains("certificate - ok"), "noted as what it is");
    assert!(house.own.path().join("phone.p12").exists(), "for telephones");
}

#[test]
fn a_certificate_that_haproxy_has_verified_signs_in_and_a_header_of_a_client_does_not() {
    if !programs::present("client certificates: HAProxy", &["haproxy", "curl", "openssl"]) {
        return;
    }
    let house = House::start("[gateway]\nproxies = [\"127.0.0.1\"]\nproxy_certificates = true\n", &[]);
    let phone = house.certificate("phone");
    let authority = house.authority();
    let words = ["--mode", "subdomain", "--domain", "localhost", "--client-certs", text(&authority)];
    let plan = Plan { words: &words, ..Plan::subdomain(&[house.server.gateway_port]) };
    let front = Front::start(house.folder.path(), &plan);
    let (url, ca) = (front.url(), front.authority.clone());
    is_ann(&whoami(&url, &ca, Some(&phone), &[]));
    is_ann(&whoami(&url, &ca, Some(&phone), &["--http1.1", "--tls-max", "1.2"]));
    assert_eq!(whoami(&url, &ca, None, &[]).expect("answered").0, 401);
    // A conversation, by HAL's own client.
    let ask = || {
        let mut command = hal();
        command.args(["ask", "--server", &url, "--ca", text(&ca), "What time is it?"]);
        command.env("HAL_CLIENT_CERT", &phone).env("HOME", house.own.path()).output().expect("it runs")
    };
    let answered = ask();
    assert!(answered.status.success(), "{}", said(&answered));
    let other = whoami(&url, &ca, Some(&of_somebody_else(house.own.path())), &[]);
    assert!(other.is_err(), "no handshake with a certificate of another authority: {other:?}");

    let forged = format!("X-HAL-Client-Certificate: {}", fingerprint(&phone));
    assert_eq!(whoami(&url, &ca, None, &["--header", &forged]).expect("answered").0, 401, "taken away");
    let direct = format!("http://127.0.0.1:{}/", house.server.gateway_port);
    let from_elsewhere = ["--interface", "127.0.0.9", "--header", &forged];
    assert_eq!(whoami(&direct, &ca, None, &from_elsewhere).expect("answered").0, 401, "not the proxy");

    house.hal(&["device", "revoke", "phone"]);
    assert_eq!(whoami(&url, &ca, Some(&phone), &[]).expect("answered").0, 401, "shut out");
    assert_eq!(ask().status.code(), Some(2), "out with the next question");
}
