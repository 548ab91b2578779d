//! `hal haproxy apply` and `check` as programs, with a HAProxy that runs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use hal_sim::haproxy::Haproxy;
use hal_sim::server::{hal, run_hal};
use hal_sim::{http, ports, programs};

use crate::household::{Household, QUESTION, assert_names_medication};
use crate::proxy::{Front, Plan, said, text};

/// `hal haproxy apply` for the file of a running front.
fn apply(front: &Front, pid_file: &Path, gateway: u16, more: &[&str]) -> Output {
    let folder = front.file.parent().expect("a folder");
    let mut command = hal();
    command.args(["haproxy", "apply", "--mode", "subdomain", "--domain", "localhost", "--stats-port", "0"]);
    command.args(["--https-port", &front.port.to_string(), "--http-port", &front.http_port.to_string()]);
    command.args(["--gateway", &format!("127.0.0.1:{gateway}"), "--cert", text(&folder.join("hal.pem"))]);
    command.args(["--unprivileged", "--runtime-dir", text(folder)]);
    command.args(["--file", text(&front.file), "--pid-file", text(pid_file), "--wait", "3"]);
    command.args(more).output().expect("it runs")
}

fn backups(file: &Path) -> Vec<PathBuf> {
    let name = format!("{}.bak", file.file_name().expect("a name").to_string_lossy());
    let entries = std::fs::read_dir(file.parent().expect("a folder")).expect("it is there").flatten();
    entries.map(|entry| entry.path()).filter(|path| text(path).contains(&name)).collect()
}

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn apply_installs_reloads_and_looks_and_goes_back_when_the_gateway_is_not_reached() {
    if !programs::present("proxy: apply", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let folder = home.folder.path();
    let front = Front::start(folder, &Plan { master: true, ..Plan::subdomain(&[home.server.gateway_port]) });
    let pid_file = folder.join("haproxy.pid");
    std::fs::write(&pid_file, format!("{}\n", front.haproxy.process.pid())).expect("written");
    std::fs::set_permissions(&front.file, std::fs::Permissions::from_mode(0o640)).expect("set");
    let first = std::fs::read_to_string(&front.file).expect("read");
    let mut talking = front.connect("/");

    // Only said.
    let out =
        apply(&front, &pid_file, home.server.gateway_port, &["--dry-run", "--websockets-per-address", "7"]);
    assert!(out.status.success(), "{}", said(&out));
    assert!(String::from_utf8_lossy(&out.stdout).contains("Would reload"), "{}", said(&out));
    assert_eq!(std::fs::read_to_string(&front.file).expect("read"), first);

    // Done: in place, active, with a backup of the same rights, and nobody was cut off.
    let out = apply(&front, &pid_file, home.server.gateway_port, &["--websockets-per-address", "7"]);
    assert!(out.status.success(), "{}", said(&out));
    let second = std::fs::read_to_string(&front.file).expect("read");
    assert!(second.contains("sc_conn_cur(2) gt 7"), "{second}");
    assert_eq!(mode(&front.file), 0o640);
    let kept = backups(&front.file);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(std::fs::read_to_string(&kept[0]).expect("read"), first);
    assert_eq!(mode(&kept[0]), 0o640);
    assert_names_medication(&talking.ask(QUESTION).expect("answered"));
    assert_names_medication(&front.connect("/").ask(QUESTION).expect("answered"));

    // HAProxy accepts this file, but no gateway is there: taken back, and active again as it was.
    let out = apply(&front, &pid_file, ports::free(), &[]);
    assert_eq!(out.status.code(), Some(2), "{}", said(&out));
    let words = String::from_utf8_lossy(&out.stderr);
    assert!(words.contains("old file is back") && words.contains(".rejected"), "{words}");
    assert_eq!(std::fs::read_to_string(&front.file).expect("read"), second);
    let reached = hal_sim::wait::until("the gateway to be reached again", || {
        front.try_connect("/").ok().and_then(|mut client| client.ask(QUESTION).ok())
    });
    assert_names_medication(&reached.expect("answered"));
    assert_names_medication(&talking.ask(QUESTION).expect("answered"));

    // HAProxy does not accept this one: nothing is touched.
    let bad = folder.join("bad.cfg");
    std::fs::write(&bad, "frontend x\n    nonsense\n").expect("written");
    let out = apply(&front, &pid_file, home.server.gateway_port, &["--from", text(&bad)]);
    assert_eq!(out.status.code(), Some(2), "{}", said(&out));
    assert!(String::from_utf8_lossy(&out.stderr).contains("nothing was changed"), "{}", said(&out));
    assert_eq!(std::fs::read_to_string(&front.file).expect("read"), second);
}

/// The deployment document's first configuration, for ports and a certificate of the test.
#[test]
fn the_documents_configuration_is_corrected_and_then_works() {
    if !programs::present("proxy: the corrected document", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let folder = home.folder.path();
    let out =
        run_hal(&["cert", "self-signed", "--domain", "localhost", "--dir", text(folder)]).expect("it runs");
    assert!(out.status.success(), "{}", said(&out));
    let (https, plain, stats) = (ports::free(), ports::free(), ports::free());
    let document = include_str!("../../../hal-server/src/edge/haproxy/check/document.cfg")
        .replace("*:443", &format!("*:{https}"))
        .replace("*:80\n", &format!("*:{plain}\n"))
        .replace("*:8404", &format!("*:{stats}"))
        .replace("localhost:8768", &format!("localhost:{}", home.server.gateway_port))
        .replace("/path/to/certificate.pem", text(&folder.join("hal.pem")));
    let (old, new) = (folder.join("old.cfg"), folder.join("new.cfg"));
    std::fs::write(&old, document).expect("written");
    assert!(!Haproxy::check(&old).expect("it runs").accepted);

    let words = ["haproxy", "check", text(&old), "--fix", "-o", text(&new), "--domain", "localhost"];
    let out = run_hal(&words).expect("it runs");
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    let report = String::from_utf8_lossy(&out.stdout);
    assert!(report.contains("accepts the corrected file without a warning"), "{report}");
    assert!(
        report
            .lines()
            .filter(|line| !line.trim_start().starts_with(['+', '-', '?']))
            .all(|l| l.len() <= 100 + text(folder).len()),
        "{report}"
    );
    let again = run_hal(&["haproxy", "check", text(&new)]).expect("it runs");
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));

    // As a service runs it, but for what needs root.
    let corrected = std::fs::read_to_string(&new).expect("read");
    let unprivileged: String = corrected
        .lines()
        .filter(|line| {
            !["chroot ", "user ", "group ", "stats socket ", "log /dev"]
                .iter()
                .any(|w| line.trim().starts_with(w))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&new, unprivileged).expect("written");
    let _haproxy = Haproxy::start(&new, https, None).expect("haproxy starts");
    let ca = folder.join("hal-ca.pem");
    let target = hal_sim::client::Target { port: https, host: "localhost", path: "/", ca: Some(&ca) };
    let mut client = hal_sim::client::Client::connect(&target).expect("the gateway greets");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    assert_eq!(http::get(plain, "/x").expect("answered").status, 301);
    let elsewhere = "GET / HTTP/1.1\r\nHost: hal.evil.test\r\nConnection: close\r\n\r\n";
    assert_eq!(http::secure(https, "localhost", &ca, elsewhere).expect("answered").status, 421);
}
