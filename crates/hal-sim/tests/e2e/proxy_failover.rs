//! Several gateways behind one HAProxy, and a HAProxy that reads its file again: conversations stay, or begin anew
//! where somebody answers.

use std::time::Duration;

use hal_sim::client::{Client, End};
use hal_sim::server::{Options, Server};
use hal_sim::{programs, wait};
use tempfile::TempDir;

use crate::household::{Household, QUESTION, assert_names_medication};
use crate::proxy::{Front, Plan, checked};

/// One listener with the records, and two gateways that ask it.
struct Two {
    gateways: Vec<Server>,
    _listener: Server,
    folders: Vec<TempDir>,
}

impl Two {
    #[track_caller]
    fn start() -> Two {
        let folders: Vec<TempDir> = (0..3).map(|_| TempDir::new().expect("a folder")).collect();
        let listener = Options::listener(folders[0].path()).start().expect("the listener accepts");
        let gateway = |at: usize| Options::gateway(folders[at].path(), listener.listener_port).start();
        let gateways =
            vec![gateway(1).expect("the gateway answers"), gateway(2).expect("the gateway answers")];
        Two { gateways, _listener: listener, folders }
    }

    #[track_caller]
    fn front(&self) -> Front {
        let ports: Vec<u16> = self.gateways.iter().map(|gateway| gateway.gateway_port).collect();
        let front = Front::start(self.folders[0].path(), &Plan::subdomain(&ports));
        checked(&front.haproxy, "hal_voice");
        front
    }
}

/// Conversations of each gateway, as HAProxy counts them.
fn open(front: &Front) -> Vec<usize> {
    let stat = front.haproxy.command("show stat").expect("it answers");
    let column = |name: &str| {
        stat.trim_start_matches("# ").split(',').position(|field| field == name).expect("a column")
    };
    let scur = column("scur");
    let rows = stat.lines().filter(|line| line.starts_with("hal_voice,gateway"));
    rows.map(|row| row.split(',').nth(scur).and_then(|count| count.parse().ok()).expect("a number")).collect()
}

#[test]
fn when_a_gateway_is_killed_its_people_go_on_at_the_other_one() {
    if !programs::present("proxy: failover", &["haproxy"]) {
        return;
    }
    let mut two = Two::start();
    let front = two.front();
    let mut clients: Vec<Client> = (0..4).map(|_| front.connect("/")).collect();
    // leastconn: each gateway has two of them.
    assert_eq!(open(&front), [2, 2]);
    for client in &mut clients {
        assert_names_medication(&client.ask(QUESTION).expect("answered"));
    }
    two.gateways[0].process.kill().expect("killed");
    let killed = wait::now();
    let mut gone = 0;
    for client in &mut clients {
        // Two notice at once; the others go on.
        if client.is_open_after(Duration::from_millis(200)).expect("asked") {
            assert_names_medication(&client.ask(QUESTION).expect("answered"));
        } else {
            gone += 1;
            // HAProxy need not have noticed yet: the connection is tried again on the other gateway.
            *client = front.connect("/");
            assert_names_medication(&client.ask(QUESTION).expect("answered by the other one"));
        }
    }
    assert_eq!(gone, 2);
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
}

#[test]
fn a_drained_gateway_gets_nobody_new_and_keeps_whom_it_has() {
    if !programs::present("proxy: drain", &["haproxy"]) {
        return;
    }
    let two = Two::start();
    let front = two.front();
    let mut before: Vec<Client> = (0..2).map(|_| front.connect("/")).collect();
    assert_eq!(open(&front), [1, 1]);
    front.haproxy.command("set server hal_voice/gateway1 state drain").expect("accepted");
    let mut after: Vec<Client> = (0..3).map(|_| front.connect("/")).collect();
    assert_eq!(open(&front), [1, 4]);
    for client in before.iter_mut().chain(&mut after) {
        assert_names_medication(&client.ask(QUESTION).expect("answered"));
    }
    front.haproxy.command("set server hal_voice/gateway1 state ready").expect("accepted");
    let _again = front.connect("/");
    assert_eq!(open(&front), [2, 4]);
}

/// Tells the master to read its file again until `done`. HAProxy 2.6 loses a signal that comes while it is still busy with
/// the one before, so it is told again after a while, if it did not begin.
#[track_caller]
fn reload_until(front: &Front, done: impl Fn() -> bool) {
    let begun =
        || front.haproxy.process.output().iter().filter(|line| line.contains("Reloading HAProxy")).count();
    let before = begun();
    let mut told: Option<std::time::Instant> = None;
    wait::until("HAProxy to read its file again", || {
        let wait_more = told.is_some_and(|told| told.elapsed() < Duration::from_secs(1));
        if begun() == before && !wait_more {
            told = Some(wait::now());
            front.haproxy.process.signal("USR2").expect("sent");
        }
        done().then_some(())
    })
    .expect("it reads its file again");
}

#[test]
fn haproxy_reads_its_file_again_and_no_conversation_ends() {
    if !programs::present("proxy: reload", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let plan = Plan { master: true, ..Plan::subdomain(&[home.server.gateway_port]) };
    let front = Front::start(home.folder.path(), &plan);
    let mut old = front.connect("/");
    assert_names_medication(&old.ask(QUESTION).expect("answered"));
    // Its admin socket does not tell: with an open conversation, the old worker answers there as well.
    let loaded =
        || front.haproxy.process.output().iter().filter(|line| line.contains("Loading success")).count();
    wait::until("the first worker", || (loaded() == 1).then_some(())).expect("it loads its file");
    for reloads in 1..=2 {
        reload_until(&front, || loaded() == reloads + 1);
        // Everybody gets an answer at every moment.
        assert_names_medication(&front.connect("/").ask(QUESTION).expect("answered by the new worker"));
        assert_names_medication(&old.ask(QUESTION).expect("answered through the old worker"));
    }
    // A file that is broken changes nothing.
    std::fs::write(&front.file, "frontend broken\n    nonsense\n").expect("written");
    let refused = |line: &String| line.contains("unknown keyword 'nonsense'");
    reload_until(&front, || front.haproxy.process.output().iter().any(refused));
    assert_names_medication(&front.connect("/").ask(QUESTION).expect("answered"));
    assert_names_medication(&old.ask(QUESTION).expect("answered"));
}

#[test]
fn an_open_conversation_outlives_the_timeouts_of_requests_and_ends_with_its_own() {
    if !programs::present("proxy: tunnel", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    // As 30 s and an hour, at a thirtieth of the one and a twelve-hundredth of the other.
    let changes = [
        ("timeout client 30s", "timeout client 1s"),
        ("timeout server 30s", "timeout server 1s"),
        ("timeout tunnel 1h", "timeout tunnel 3s"),
    ];
    let plan = Plan { changes: &changes, ..Plan::subdomain(&[home.server.gateway_port]) };
    let front = Front::start(home.folder.path(), &plan);
    let mut client = front.connect("/");
    assert!(
        client.is_open_after(Duration::from_secs(2)).expect("asked"),
        "thinking for longer than `timeout client`"
    );
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    let quiet = wait::now();
    // The gateway pings every 20 s, which is too late here: nobody speaks.
    assert_eq!(client.end(), End::Gone, "HAProxy sends no close frame");
    let took = quiet.elapsed();
    assert!(took > Duration::from_millis(2500) && took < Duration::from_secs(15), "{took:?}");
}
