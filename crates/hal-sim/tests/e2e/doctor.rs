//! `hal doctor`: every fault of the table of diagnoses is staged for real and must be named rightly, and a healthy
//! installation must have none.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hal_sim::programs;

#[path = "doctor_client.rs"]
mod client;
#[path = "doctor_server.rs"]
mod server;
#[path = "doctor_stage.rs"]
mod stage;

use stage::{Diagnosis, Front, Theatre, doctor};

/// One fault: how it is staged, and the names it must get, no more and no fewer.
struct Case {
    fault: &'static str,
    codes: &'static [&'static str],
    stage: fn(&Theatre) -> Result<Diagnosis, String>,
}

impl Case {
    const fn new(
        fault: &'static str,
        codes: &'static [&'static str],
        stage: fn(&Theatre) -> Result<Diagnosis, String>,
    ) -> Case {
        Case { fault, codes, stage }
    }
}

/// How one case went.
enum Outcome {
    Right,
    /// What was said instead, and the whole of it.
    Wrong(BTreeSet<String>, String),
    NotStaged(String),
}

/// Stages wait much and work little.
const AT_ONCE: usize = 8;

fn play(theatre: &Theatre, cases: &[Case]) -> Vec<(usize, Outcome)> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    let outcome = match (case.stage)(theatre) {
                        Err(why) => Outcome::NotStaged(why),
                        Ok(told) => judge(case, told),
                    };
                    done.lock().expect("no panic while held").push((index, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no panic while held");
    done.sort_by_key(|(index, _)| *index);
    done
}

fn judge(case: &Case, told: Diagnosis) -> Outcome {
    let wanted: BTreeSet<String> = case.codes.iter().map(|code| (*code).to_owned()).collect();
    if told.codes == wanted && told.exit == Some(1) {
        return Outcome::Right;
    }
    Outcome::Wrong(told.codes, told.raw)
}

/// Prints the table and fails where a name is wrong.
fn table(title: &str, cases: &[Case], outcomes: &[(usize, Outcome)]) {
    println!("\n{title}");
    let (mut right, mut staged) = (0, 0);
    let mut wrong = Vec::new();
    for (index, outcome) in outcomes {
        let case = &cases[*index];
        let wanted = case.codes.join(" ");
        match outcome {
            Outcome::Right => {
                staged += 1;
                right += 1;
                println!("  right   {:<44} {wanted}", case.fault);
            }
            Outcome::Wrong(codes, raw) => {
                staged += 1;
                println!("  WRONG   {:<44} {wanted} ← {codes:?}", case.fault);
                wrong.push(format!("{}: {codes:?} instead of {wanted}\n{raw}", case.fault));
            }
            Outcome::NotStaged(why) => println!("  -       {:<44} not staged: {why}", case.fault),
        }
    }
    println!("  {staged} of {} staged, {right} named rightly", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // Where root has no right to make networks and mounts, no package brings it; the same faults are judged from
    // recorded facts beside the checks. Anything else that is not staged is a fault of the stage.
    let broken: Vec<&str> = outcomes
        .iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::NotStaged(why) if !why.starts_with("no right") => Some(why.as_str()),
            _ => None,
        })
        .collect();
    assert!(broken.is_empty(), "not staged: {broken:?}");
}

#[test]
fn every_fault_that_a_client_sees_gets_its_right_name() {
    if !programs::present("doctor: client", &["haproxy", "ip", "nft"]) {
        return;
    }
    let theatre = Theatre::open();
    let outcomes = play(&theatre, client::CASES);
    table("Faults seen by a client", client::CASES, &outcomes);
}

#[test]
fn every_fault_of_a_server_gets_its_right_name() {
    if !programs::present("doctor: server", &["haproxy", "ip", "nft", "openssl", "unshare"]) {
        return;
    }
    let theatre = Theatre::open();
    let outcomes = play(&theatre, server::CASES);
    table("Faults seen on the server's machine", server::CASES, &outcomes);
}

#[test]
fn a_healthy_installation_has_no_findings() {
    if !programs::present("doctor: healthy", &["haproxy"]) {
        return;
    }
    let theatre = Theatre::open();
    let ca = theatre.ca();
    let ca = ca.to_str().expect("a plain name");
    let raised = Front::tls(&theatre).start(&theatre);
    // As on a machine of its own: everything is looked at, and the address is found by the certificate.
    let front = Front {
        back: format!(
            "option httpchk\n    http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host localhost\n    \
             server gateway 127.0.0.1:{} check inter 200ms",
            theatre.gateway()
        ),
        ..Front::tls(&theatre)
    };
    let whole = front.start(&theatre);
    let whole = server::Seat::at(&theatre).whole(&whole.file, &theatre.ca());
    assert!(whole.json["facts"]["clients"][0]["target"]["secure"] == true, "{}", whole.raw);
    let direct = doctor(&["--server", &theatre.home.server.url()]);
    let proxied = doctor(&["--server", &raised.https(), "--ca", ca]);
    for told in [whole, direct, proxied] {
        assert!(told.codes.is_empty(), "falsely reported: {:?}\n{}", told.codes, told.raw);
        assert_eq!(told.exit, Some(0), "{}", told.raw);
        let question = &told.json["facts"]["clients"][0]["question"];
        assert_eq!(question["outcome"], "answered", "{}", told.raw);
    }
}

#[test]
fn what_another_machine_saw_is_judged_the_same_here() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let there = doctor(&["--server", "http://127.0.0.1:1/voice?token=stage-secret"]);
    assert_eq!(there.codes, BTreeSet::from(["tcp.refused".to_owned()]), "{}", there.raw);
    assert!(!there.raw.contains("stage-secret"), "a query may hold a token: {}", there.raw);
    let file = folder.path().join("facts.json");
    std::fs::write(&file, &there.raw).expect("written");
    let here = doctor(&["--from", file.to_str().expect("a plain name")]);
    assert_eq!((here.codes, here.exit), (there.codes, Some(1)), "{}", here.raw);
    assert_eq!(here.json["facts"], there.json["facts"]);
    std::fs::write(&file, "{\"format\": 99}").expect("written");
    let out =
        hal_sim::server::run_hal(&["doctor", "--from", file.to_str().expect("plain")]).expect("it runs");
    assert_eq!(out.status.code(), Some(2), "newer facts are not judged by an older program");
}

#[test]
fn fix_cures_rights_and_a_reload_that_was_missed() {
    if !programs::present("doctor: fix", &["haproxy"]) {
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let theatre = Theatre::open();
    let (_haproxy, file) = server::failed_reload(&theatre, true).expect("staged");
    let pem = file.with_file_name("hal.pem");
    server::mode(&pem, 0o644);
    let seat = server::Seat::at(&theatre);
    let ill = seat.with(&file);
    let both = BTreeSet::from(["cert.rights".to_owned(), "haproxy.not-reloaded".to_owned()]);
    assert_eq!(ill.codes, both, "{}", ill.raw);
    let log = file.with_file_name("none.log");
    let (file, log) = (file.to_str().expect("plain"), log.to_str().expect("plain"));
    let cured = seat.look(&["--haproxy-config", file, "--haproxy-log", log, "--fix"]);
    assert!(cured.codes.is_empty(), "{}", cured.raw);
    assert_eq!(cured.exit, Some(0));
    assert_eq!(std::fs::metadata(&pem).expect("there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_person_sees_a_short_list_that_fits_80_columns() {
    let theatre = Theatre::open();
    let well = server::Seat::at(&theatre).in_words(&[]);
    let text = String::from_utf8_lossy(&well.stdout);
    assert_eq!(well.status.code(), Some(0), "{text}");
    assert!(text.contains("ok    question") && text.ends_with("All is well.\n"), "{text}");
    assert!(text.lines().count() < 20, "{text}");
    let seat =
        server::Seat { gateway: stage::CLOSED, listener: stage::CLOSED + 1, ..server::Seat::at(&theatre) };
    let ill = seat.in_words(&[]);
    let ill = String::from_utf8_lossy(&ill.stdout);
    assert!(ill.contains("gateway.not-running") && ill.contains("→ systemctl start hal"), "{ill}");
    for line in text.lines().chain(ill.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_gateway_that_speaks_tls_itself_is_found_by_its_own_authority() {
    let home = crate::household::Household::start_with(&["--tls"]);
    let seat = server::Seat {
        data: home.folder.path().to_str().expect("a plain name").to_owned(),
        gateway: home.server.gateway_port,
        listener: home.server.listener_port,
    };
    let told = seat.in_words(&[]);
    let text = String::from_utf8_lossy(&told.stdout);
    assert_eq!(told.status.code(), Some(0), "{text}");
    assert!(text.contains("ok    certificate") && text.contains("ok    question"), "{text}");
}
