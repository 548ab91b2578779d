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
const AT_ONCE: usize = 6;

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
    let missing = outcomes.len() - staged;
    assert!(missing == 0 || std::env::var("CI").is_err(), "CI stages everything");
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
