//! Two gateways behind HAProxy, one listener, people who ask without pause, and an operator who replaces both gateways.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hal_db::Database;
use hal_sim::haproxy::Haproxy;
use hal_sim::server::{Options, hal};
use hal_sim::{ports, programs, wait};
use tempfile::TempDir;

use crate::resume::{end, quiet};
use crate::talker::{Talker, questions_of};

const PEOPLE: usize = 4;
/// Questions that must be answered between two steps of the operator, over all people.
const BETWEEN: u64 = 12;

/// Each follow-up is about the answer before it, and differs from it.
const TALK: [&str; 3] =
    ["When is my next appointment?", "And the one after that?", "What medications am I taking?"];

#[test]
fn replacing_both_gateways_drops_no_question_and_forgets_nothing() {
    if !programs::present("rolling: two gateways", &["haproxy"]) {
        return;
    }
    let folders = [(); 4].map(|()| TempDir::new().expect("a folder"));
    let [records, one, two, proxy] = &folders;
    let listener = Options::listener(records.path()).open_to_all().start().expect("the listener accepts");
    let options = [one, two].map(|folder| {
        quiet(folder);
        Options::gateway(folder.path(), listener.listener_port)
            .open_to_all()
            // People who ask without a pause, from one address.
            .set("HAL_LIMITS__ADDRESS_TURNS_PER_MINUTE", "0")
    });
    let mut gateways = options.each_ref().map(|options| Some(options.start().expect("the gateway answers")));
    let gateway_ports = gateways.each_ref().map(|gateway| gateway.as_ref().map_or(0, |up| up.gateway_port));
    let (haproxy, port) = front(proxy.path(), gateway_ports);
    let both_up = || {
        let health = haproxy.health("hal_voice").ok()?;
        health.iter().all(|server| server.status == "UP" && server.check == "L7OK").then_some(())
    };
    wait::until("both gateways up", both_up).expect("up");

    let stop = AtomicBool::new(false);
    let answers = AtomicU64::new(0);
    let some_answers = |what: &str| {
        let enough = answers.load(Ordering::Relaxed) + BETWEEN;
        wait::until(what, || (answers.load(Ordering::Relaxed) >= enough).then_some(()))
            .expect("answers go on");
    };
    let mut people: Vec<Talker> = (0..PEOPLE).map(|_| Talker::new(port)).collect();
    // What the same questions are answered while nobody disturbs.
    let mut reference = Vec::new();
    for question in TALK {
        reference.push(people[0].ask(question)["text"].clone());
    }
    let distinct = reference.iter().all(|text| reference.iter().filter(|other| *other == text).count() == 1);
    assert!(distinct, "a follow-up must say something else: {reference:?}");

    let people: Vec<Talker> = std::thread::scope(|scope| {
        let (stop, answers, reference) = (&stop, &answers, &reference);
        let talk = |mut person: Talker| {
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    for (question, expected) in TALK.iter().zip(reference) {
                        assert_eq!(&person.ask(question)["text"], expected, "{question}");
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                }
                person
            })
        };
        let talking: Vec<_> = people.into_iter().map(talk).collect();
        for (index, slot) in gateways.iter_mut().enumerate() {
            some_answers("answers before a gateway is replaced");
            end(slot.take().expect("it runs"));
            some_answers("answers while one gateway is away");
            *slot = Some(options[index].start().expect("the gateway answers again"));
            wait::until("both gateways up", both_up).expect("up");
        }
        some_answers("answers at the end");
        stop.store(true, Ordering::Relaxed);
        talking.into_iter().map(|person| person.join().expect("every question was answered once")).collect()
    });

    for gateway in gateways.into_iter().flatten() {
        end(gateway);
    }
    end(listener);
    let moved: usize = people.iter().map(|person| person.connections - 1).sum();
    assert!(moved >= PEOPLE, "each had to move at least once: {moved}");
    let database = Database::open(records.path()).expect("it opens");
    let asked: u64 = people.iter().map(|person| person.questions).sum();
    for person in &people {
        // Asked again or not, the listener has taken each question once.
        assert_eq!(questions_of(&database, person.session_id()), person.questions);
    }
    println!("{asked} questions of {PEOPLE} people, each answered once; they moved {moved} times");
}

/// HAProxy without TLS before two gateways, by HAL's own file.
#[track_caller]
fn front(folder: &Path, gateways: [u16; 2]) -> (Haproxy, u16) {
    let (file, port) = (folder.join("haproxy.cfg"), ports::free());
    let [one, two] = gateways.map(|port| format!("127.0.0.1:{port}"));
    let out = hal()
        .args(["haproxy", "--mode", "plain", "--gateway", &one, "--gateway", &two])
        .args(["--http-port", &port.to_string(), "--stats-port", "0", "--unprivileged"])
        .arg("--runtime-dir")
        .arg(folder)
        .arg("--output")
        .arg(&file)
        .output()
        .expect("it runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let haproxy = Haproxy::start(&file, port, Some(&folder.join("haproxy.sock"))).expect("haproxy starts");
    (haproxy, port)
}
