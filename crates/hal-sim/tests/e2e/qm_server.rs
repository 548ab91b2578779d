//! `hal serve` over the records of a QM server. The server is `hal_db::qmclient::testing::Peer`, which follows the description of
//! the protocol: what these tests show of a real one is nothing more than that.

use hal_db::qmclient::testing::{Account, Peer};
use hal_sim::client::Client;
use hal_sim::server::{Options, Server};
use hal_sim::{http, wait};
use serde_json::Value;
use tempfile::TempDir;

const QUESTION: &str = "What medications am I taking?";

/// A household of one, its medications in a layout that HAL has to fit to.
fn account() -> Account {
    Account::hal()
        .with("PERSON", "P001", "Ann^Lee")
        .with("DICT PERSON", "FIRST", "D^1^^First^15L^S")
        .with("DICT PERSON", "SURNAME", "D^2^^Surname^15L^S")
        .with("DICT MEDICATION", "DRUG", "D^1^^Drug^20L^S")
        .with("DICT MEDICATION", "PERSON_ID", "D^2^^Who^10L^S")
        .with("DICT MEDICATION", "STATUS", "D^3^^Status^10L^S")
        .with("MEDICATION", "M1", "Zestoretic^P001^active")
        .with("MEDICATION", "M2", "Codeine^P001^stopped")
}

/// A server over the peer whose questions want all that the peer has at that moment.
fn options(folder: &TempDir, peer: &Peer) -> Options {
    Options::own(folder.path())
        .set("HAL_DATABASE__URL", &peer.address())
        .set("HAL_QM_PASSWORD", "sesame")
        .set("HAL_DATABASE__FRESH_SECONDS", "0")
        .set("HAL_DATABASE__WAIT_MS", "10000")
        .set("HAL_SPEECH__HEAR", "none")
        .set("HAL_SPEECH__SPEAK", "none")
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

#[track_caller]
fn ask(client: &mut Client, question: &str) -> (String, Value) {
    let answer = client.ask(question).expect("an answer");
    (answer["text"].as_str().unwrap_or_default().to_lowercase(), answer)
}

#[track_caller]
fn assert_healthy(server: &Server) {
    assert_eq!(http::get(server.gateway_port, "/healthz").expect("an answer").status, 200);
}

#[test]
fn questions_are_answered_from_the_records_of_the_server_as_they_change() {
    let (folder, peer) = (folder(), Peer::start(account()).expect("a port"));
    let server = options(&folder, &peer).start().expect("hal serve answers");
    let mut client = server.connect().expect("the gateway greets");
    let (text, answer) = ask(&mut client, QUESTION);
    assert!(text.contains("zestoretic") && !text.contains("codeine"), "{answer}");
    assert_eq!(
        (&answer["intent"], &answer["outcome"]),
        (&"MEDICATION".into(), &"answered".into()),
        "{answer}"
    );

    peer.with(|account| account.put("MEDICATION", "M2", "Codeine^P001^active"));
    let (text, answer) = ask(&mut client, QUESTION);
    assert!(text.contains("zestoretic") && text.contains("codeine"), "{answer}");
    peer.with(|account| account.files.get_mut("MEDICATION").expect("there").clear());
    let (text, answer) = ask(&mut client, QUESTION);
    assert!(text.contains("no medications"), "{answer}");

    let (text, answer) = ask(&mut client, "Add milk to my shopping list");
    assert_eq!(text, "i can read those records, but not change them.", "{answer}");
    // What was said stays here, and nothing else than reading was asked of the server.
    let (text, answer) = ask(&mut client, "What did I just ask?");
    assert!(text.contains("add milk to my shopping list"), "{answer}");
    let reading = [3, 4, 5, 6, 11, 13, 14, 24];
    let asked = peer.with(|account| account.asked.clone());
    assert!(asked.iter().all(|function| reading.contains(function)), "{asked:?}");
    let printed = server.process.output().join("\n");
    assert!(!printed.contains("sesame") && !printed.contains("estoretic"), "{printed}");
}

#[test]
fn a_server_that_goes_away_leaves_the_last_copy_and_is_found_again() {
    let (folder, peer) = (folder(), Peer::start(account()).expect("a port"));
    let options = options(&folder, &peer);
    let server = options.start().expect("hal serve answers");
    let mut client = server.connect().expect("the gateway greets");
    ask(&mut client, QUESTION);

    let port = peer.port();
    let mut account = peer.stop();
    let (text, answer) = ask(&mut client, QUESTION);
    assert!(text.contains("zestoretic"), "{answer}");
    assert!(text.contains("does not answer") && text.contains("this is how they were"), "{answer}");
    let (text, answer) = ask(&mut client, QUESTION);
    assert!(text.contains("zestoretic") && !text.contains("does not answer"), "told once: {answer}");
    assert_healthy(&server);
    drop(server);

    // Without the server HAL starts from the copy, and says so.
    let mut server = options.start().expect("hal serve answers from the copy");
    let said = |line: &str| line.contains("Answers come from a copy of").then_some(());
    server.process.wait_for_line("of when its answers are", said).expect("said at start");
    let mut client = server.connect().expect("the gateway greets");
    let (text, answer) = ask(&mut client, QUESTION);
    assert!(text.contains("zestoretic") && text.contains("does not answer"), "{answer}");
    assert_healthy(&server);

    account.put("MEDICATION", "M3", "Metformin^P001^active");
    let peer = Peer::start_at(port, account).expect("its port is free again");
    let found = wait::until("the server to be found again", || {
        let (text, _) = ask(&mut client, QUESTION);
        text.contains("metformin").then_some(text)
    });
    assert!(!found.expect("found").contains("does not answer"));
    drop(peer);
}

#[test]
fn what_cannot_work_is_said_at_start() {
    let (folder, peer) = (folder(), Peer::start(account()).expect("a port"));
    let refused = |options: Options| {
        let error = options.start().expect_err("it does not start").to_string();
        assert!(!error.contains("opensesame"), "{error}");
        error
    };
    let wrong = refused(options(&folder, &peer).set("HAL_QM_PASSWORD", "opensesame"));
    assert!(wrong.contains("refused the login"), "{wrong}");
    let address = peer.address().replace("/HAL", "/OTHER");
    let unknown = refused(options(&folder, &peer).set("HAL_DATABASE__URL", &address));
    assert!(unknown.contains("no account OTHER"), "{unknown}");
    let none = refused(options(&folder, &peer).set("HAL_DATABASE__PASSWORD_FILE", "nowhere"));
    assert!(none.contains("password_file"), "{none}");
    let both = refused(options(&folder, &peer).with(&["--demo"]));
    assert!(both.contains("invented"), "{both}");
    peer.with(|account| account.files.clear());
    let empty = refused(options(&folder, &peer));
    assert!(empty.contains("has none of the files"), "{empty}");
    let gone = options(&folder, &peer);
    drop(peer);
    let gone = refused(gone);
    assert!(gone.contains("was not reached") && gone.contains("no copy"), "{gone}");
}

#[test]
fn of_a_file_that_is_too_large_nothing_is_said() {
    let (folder, peer) = (folder(), Peer::start(account()).expect("a port"));
    peer.with(|account| account.put("MEDICATION", "M9", &"x".repeat(1_100_000)));
    std::fs::write(folder.path().join("password"), "sesame\n").expect("written");
    let options = options(&folder, &peer)
        .set("HAL_DATABASE__FILE_MB_MAX", "1")
        .set("HAL_DATABASE__PASSWORD_FILE", "password");
    let mut server = options.start().expect("hal serve answers");
    let said =
        |line: &str| line.contains("I cannot answer about MEDICATION: it is larger than 1 MB").then_some(());
    server.process.wait_for_line("what it left out", said).expect("said at start");
    let mut client = server.connect().expect("the gateway greets");
    let (text, answer) = ask(&mut client, QUESTION);
    assert!(text.contains("the medication records on your server could not be copied"), "{answer}");
    assert_eq!(answer["outcome"], "failed", "{answer}");
    let (text, answer) = ask(&mut client, "What am I allergic to?");
    assert!(text.contains("no allergies"), "the account has no such file: {answer}");
}
