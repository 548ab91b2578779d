//! Against a peer in this process that follows the byte description. No real server has been asked.

use hal_db::qmclient::testing::{Account, Peer};

use super::*;

fn account() -> Account {
    Account::hal().with("PERSON", "P001", "Ann").with("MEDICATION", "M1", "P001^Aspirin")
}

fn settings(folder: &tempfile::TempDir) -> config::Database {
    std::fs::write(folder.path().join("password"), "sesame\n").expect("written");
    config::Database {
        password_file: Some("password".into()),
        fresh_seconds: 0,
        refresh_seconds: 86_400,
        ..config::Database::default()
    }
}

struct House {
    mirror: Mirror,
    database: Database,
    clock: Clock,
    _folder: tempfile::TempDir,
}

fn start(peer: &Peer, change: impl FnOnce(&mut config::Database)) -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let (database, clock) = (Database::in_memory(), Clock::start());
    let mut settings = settings(&folder);
    change(&mut settings);
    let address = peer.address().parse().expect("an address");
    let started = Mirror::start(&settings, &address, folder.path(), &database, clock);
    House { mirror: started.expect("it starts").0, database, clock, _folder: folder }
}

fn name(house: &House) -> String {
    let record = house.database.snapshot().expect("a snapshot").read("MEDICATION", "M1").expect("readable");
    record.expect("there").field_text(2).to_string()
}

fn reply(files: &[&str]) -> Reply {
    Reply {
        text: "You have no allergies recorded.".to_owned(),
        speech: None,
        intent: "X".to_owned(),
        action: "x".to_owned(),
        outcome: Outcome::NothingFound,
        files: files.iter().map(|file| (*file).to_owned()).collect(),
    }
}

#[test]
fn who_waits_sees_all_that_was_there_when_it_asked_and_refreshes_are_shared() {
    let peer = Peer::start(account()).expect("a port");
    let house = start(&peer, |settings| settings.wait_ms = 10_000);
    let refreshes = |peer: &Peer| {
        peer.with(|account| account.asked.iter().filter(|&&function| function == 11).count()) / 2
    };
    assert_eq!(name(&house), "Aspirin");
    peer.with(|account| {
        account.put("MEDICATION", "M1", "P001^Codeine");
        account.asked.clear();
    });
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                house.mirror.freshen();
                assert_eq!(name(&house), "Codeine");
            });
        }
    });
    let count = refreshes(&peer);
    // Each waits for one that begins after it asked: those that came together share it.
    assert!((1..40).contains(&count), "{count} refreshes for 40 questions");
}

#[test]
fn a_question_does_not_wait_longer_than_its_bound_for_a_server_that_is_silent() {
    let peer = Peer::start(account()).expect("a port");
    let house = start(&peer, |settings| {
        settings.wait_ms = 50;
        settings.reply_seconds = 3;
    });
    peer.with(|account| account.silent = true);
    let asked = house.clock.now_ms();
    house.mirror.freshen();
    let waited = house.clock.now_ms() - asked;
    // Not an exact number, as machines are shared: less than the server's own time-out is what counts.
    assert!((50..3_000).contains(&waited), "{waited} ms");
    assert_eq!(name(&house), "Aspirin");
    let mut told = None;
    let now = house.clock.moment();
    // The outage is known when the reply has not come within its limit.
    let mut state = house.mirror.shared.lock();
    while state.away.is_none() {
        state = house.mirror.shared.changed.wait(state).expect("nobody panics");
    }
    drop(state);
    let mut first = reply(&["ALLERGY"]);
    house.mirror.qualify(&mut first, &mut told, now);
    let notice = "You have no allergies recorded. The server with your records does not answer: this is how they were today at ";
    assert!(first.text.starts_with(notice), "{}", first.text);
    let mut second = reply(&["ALLERGY"]);
    house.mirror.qualify(&mut second, &mut told, now);
    assert_eq!(second, reply(&["ALLERGY"]), "told once");
    let mut nothing_read = reply(&[]);
    house.mirror.qualify(&mut nothing_read, &mut None, now);
    assert_eq!(nothing_read, reply(&[]));
    // While it is away nobody waits for it.
    let asked = house.clock.now_ms();
    for _ in 0..100 {
        house.mirror.freshen();
    }
    assert!(house.clock.now_ms() - asked < 5_000, "100 questions did not wait 50 ms each");
}

#[cfg(unix)]
#[test]
fn a_password_that_others_can_read_is_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&folder);
    let address = "qmclient://qmtest@localhost/HAL".parse().expect("an address");
    let notices = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path().join("password"), permissions).expect("set");
        let mut notices = Vec::new();
        let found = credentials(&settings, &address, folder.path(), &mut notices).expect("readable");
        assert_eq!(format!("{found:?}"), "Credentials");
        notices.join("")
    };
    assert!(notices(0o644).contains("chmod 600"));
    assert_eq!(notices(0o600), "");
}

#[test]
fn a_refused_login_is_not_tried_again_because_somebody_asks() {
    let peer = Peer::start(account()).expect("a port");
    let house = start(&peer, |settings| settings.wait_ms = 10_000);
    let (port, mut account) = (peer.port(), peer.stop());
    account.password = "changed".to_owned();
    account.asked.clear();
    let peer = Peer::start_at(port, account).expect("its port is free");
    for _ in 0..20 {
        house.mirror.freshen();
    }
    assert_eq!(peer.with(|account| account.asked.clone()), [24], "one login");
    assert_eq!(name(&house), "Aspirin");
}

#[test]
fn a_session_that_the_server_has_ended_is_begun_again_at_once() {
    let peer = Peer::start(account()).expect("a port");
    let house = start(&peer, |settings| settings.wait_ms = 10_000);
    let (port, mut account) = (peer.port(), peer.stop());
    account.put("MEDICATION", "M1", "P001^Codeine");
    let _peer = Peer::start_at(port, account).expect("its port is free");
    house.mirror.freshen();
    assert_eq!(name(&house), "Codeine");
    let mut told = None;
    let mut answer = reply(&["ALLERGY"]);
    house.mirror.qualify(&mut answer, &mut told, house.clock.moment());
    assert_eq!(answer, reply(&["ALLERGY"]), "no outage");
}
