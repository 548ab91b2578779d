//! Copies of a peer that follows the byte description. No real server has been asked.

use std::time::Duration;

use super::*;
use crate::qmclient::testing::{Account, Peer};
use crate::qmclient::{Credentials, Options};
use crate::{Env, query};

fn connect(peer: &Peer) -> (Client, Address) {
    let address: Address = peer.address().parse().unwrap();
    let credentials = Credentials::new("qmtest", "sesame");
    let client = Client::connect(&address, &credentials, Options::default(), || Duration::ZERO).unwrap();
    (client, address)
}

fn options() -> CopyOptions {
    CopyOptions::asked_and(&[]).unwrap()
}

fn copy_with(peer: &Peer, db: &Database, options: &CopyOptions) -> Result<Refreshed, CopyError> {
    let (mut client, address) = connect(peer);
    refresh(&mut client, db, &address, options, "20000.100", false, &|| false)
}

fn copy(peer: &Peer, db: &Database) -> Refreshed {
    copy_with(peer, db, &options()).unwrap()
}

fn fresh() -> Database {
    let db = Database::in_memory();
    prepare(&db).unwrap();
    db
}

/// A household of one person, with a medication file of a layout of its own.
fn household() -> Account {
    Account::hal()
        .with("PERSON", "P001", "Ann^Lee")
        .with("DICT PERSON", "FIRST", "D^1^^First^15L^S")
        .with("DICT PERSON", "SURNAME", "D^2^^Surname^15L^S")
        .with("DICT MEDICATION", "DRUG", "D^1^^Drug^20L^S")
        .with("DICT MEDICATION", "PERSON_ID", "D^2^^Who^10L^S")
        .with("DICT MEDICATION", "STATUS", "D^3^^Status^10L^S")
        .with("MEDICATION", "M1", "Aspirin^P001^active")
        .with("MEDICATION", "M2", "Codeine^P001^stopped")
}

/// Names of active medications, by the index on STATUS, as a skill asks for them.
fn active(db: &Database) -> Vec<String> {
    let snapshot = db.snapshot().unwrap();
    let sentence =
        "SSELECT MEDICATION WITH PERSON_ID = \"P001\" AND WITH STATUS = \"active\" BY MEDICATION_NAME";
    let plan = query::parse(sentence, &snapshot).unwrap();
    let rows = snapshot.run(&plan, &Env::default()).unwrap();
    let name = snapshot.dictionary("MEDICATION").unwrap().data("MEDICATION_NAME").unwrap().field;
    let records = rows.rows.iter().map(|row| snapshot.read("MEDICATION", &row.id).unwrap().unwrap());
    records.map(|record| record.field_text(name).to_string()).collect()
}

#[test]
fn a_copy_answers_as_the_account_would_and_follows_its_changes() {
    let peer = Peer::start(household()).unwrap();
    let db = fresh();
    let done = copy(&peer, &db);
    assert_eq!((done.records, done.left_out.len(), done.records_left_out), (3, 0, 0), "{done:?}");
    assert!(done.absent.contains(&"ALLERGY".to_owned()));
    assert!(
        done.notes.iter().any(|note| note == "MEDICATION: MEDICATION_NAME is what the account calls DRUG")
    );
    assert_eq!(active(&db), ["Aspirin"]);
    assert!(db.snapshot().unwrap().indices("MEDICATION").unwrap().contains(&"STATUS".to_owned()));

    // Nothing has changed: nothing is written.
    let commit = db.snapshot().unwrap().commit_number();
    let again = copy(&peer, &db);
    assert_eq!((again.changed, again.notes.len()), (0, 0));
    assert_eq!(db.snapshot().unwrap().commit_number(), commit);

    // A record changed, one new, one gone, in one commit.
    peer.with(|account| {
        account.put("MEDICATION", "M1", "Aspirin^P001^stopped");
        account.put("MEDICATION", "M3", "Metformin^P001^active");
        account.files.get_mut("MEDICATION").unwrap().remove(b"M2".as_slice());
    });
    let before = db.snapshot().unwrap();
    assert_eq!(copy(&peer, &db).changed, 3);
    assert_eq!(active(&db), ["Metformin"]);
    assert_eq!(db.snapshot().unwrap().commit_number(), commit + 1);
    assert_eq!(db.snapshot().unwrap().read("MEDICATION", "M2").unwrap(), None);
    assert_eq!(before.read("MEDICATION", "M1").unwrap().unwrap().field_text(3), "active", "one state");

    // The account moves its fields: the dictionary and the index follow.
    peer.with(|account| {
        account.put("DICT MEDICATION", "STATUS", "D^4^^Status^10L^S");
        account.put("MEDICATION", "M1", "Aspirin^P001^^active");
        account.put("MEDICATION", "M3", "Metformin^P001^^stopped");
    });
    copy(&peer, &db);
    assert_eq!(active(&db), ["Aspirin"]);
    assert!(crate::verify::snapshot(&db.snapshot().unwrap()).unwrap().is_sound(), "the indices agree");
}

#[test]
fn a_file_without_a_dictionary_has_the_household_layout() {
    let record = ["P001", "Aspirin", "", "", "100", "mg", "daily", "", "", "", "active"].join("^");
    let account = Account::hal().with("MEDICATION", "M1", &record);
    let peer = Peer::start(account).unwrap();
    let db = fresh();
    copy(&peer, &db);
    assert_eq!(active(&db), ["Aspirin"]);
}

#[test]
fn what_is_too_large_is_left_out_and_named() {
    let peer = Peer::start(household().with("MEDICATION", "M9", &"x".repeat(3000))).unwrap();
    let db = fresh();
    let small = CopyOptions { file_bytes_max: 2000, ..options() };
    let done = copy_with(&peer, &db, &small).unwrap();
    assert_eq!(done.left_out.len(), 1);
    assert_eq!(done.left_out[0].file, "MEDICATION");
    let state = || CopyState::read(&db.snapshot().unwrap()).unwrap().unwrap();
    assert_eq!(state().left_out, ["MEDICATION"]);
    assert!(db.snapshot().unwrap().read("PERSON", "P001").unwrap().is_some(), "the others are there");
    // All together are too much: what does not fit is left out, never half of a file.
    let none = CopyOptions { bytes_max: 100, ..options() };
    assert_eq!(copy_with(&peer, &fresh(), &none).unwrap().left_out[0].file, "MEDICATION");
    // It has become smaller.
    peer.with(|account| account.put("MEDICATION", "M9", ""));
    assert!(copy_with(&peer, &db, &small).unwrap().left_out.is_empty());
    assert!(state().left_out.is_empty());
    assert_eq!(active(&db), ["Aspirin"]);
}

#[test]
fn a_file_that_cannot_be_opened_is_left_out_and_a_record_somebody_has_stays() {
    let mut account = household();
    account.faults.insert("ALLERGY".to_owned(), (1, 3035));
    let peer = Peer::start(account).unwrap();
    let db = fresh();
    assert_eq!(copy(&peer, &db).left_out[0].file, "ALLERGY");
    peer.with(|account| account.locked.push(b"M1".to_vec()));
    copy(&peer, &db);
    assert_eq!(active(&db), ["Aspirin"]);
}

#[test]
fn ids_that_the_protocol_would_cut_are_counted() {
    let long = "x".repeat(100);
    let peer = Peer::start(household().with("MEDICATION", &long, "Other^P001^active")).unwrap();
    let db = fresh();
    assert_eq!(copy(&peer, &db).records_left_out, 1);
    assert_eq!(active(&db), ["Aspirin"]);
}

#[test]
fn another_account_replaces_all_and_an_empty_one_nothing() {
    let db = fresh();
    let peer = Peer::start(household()).unwrap();
    copy(&peer, &db);
    let empty = Peer::start(Account::hal()).unwrap();
    let error = copy_with(&empty, &db, &options()).unwrap_err();
    assert!(matches!(&error, CopyError::NothingThere { account } if account == "HAL"), "{error}");
    assert_eq!(active(&db), ["Aspirin"], "the copy is as it was");
    let other = Account { name: "OTHER".to_owned(), ..Account::hal() }.with("PERSON", "P007", "Ben^Cole");
    let other = Peer::start(other).unwrap();
    copy(&other, &db);
    let snapshot = db.snapshot().unwrap();
    assert!(snapshot.read("PERSON", "P001").unwrap().is_none());
    assert!(snapshot.read("PERSON", "P007").unwrap().is_some());
    assert_eq!(active(&db), Vec::<String>::new());
    let state = CopyState::read(&snapshot).unwrap().unwrap();
    assert_eq!(state.source, other.address());
    assert_eq!(state.stamp, "20000.100");
}

#[test]
fn files_of_the_user_come_along_and_go_again() {
    let account = household().with("DICT CAR", "MAKE", "D^1^^Make^10L^S").with("CAR", "C1", "Volvo");
    let peer = Peer::start(account).unwrap();
    let db = fresh();
    let more = CopyOptions::asked_and(&["car".to_owned()]).unwrap();
    copy_with(&peer, &db, &more).unwrap();
    let snapshot = db.snapshot().unwrap();
    assert_eq!(snapshot.read("CAR", "C1").unwrap().unwrap().field_text(1), "Volvo");
    assert!(snapshot.dictionary("CAR").unwrap().data("MAKE").is_some());
    assert_eq!(copy_with(&peer, &db, &more).unwrap().changed, 0);
    copy(&peer, &db);
    assert!(db.snapshot().unwrap().ids("CAR").is_err(), "it would go on answering from then");
    for bad in ["CONVERSATION", "VOC", "A B", ""] {
        assert!(CopyOptions::asked_and(&[bad.to_owned()]).is_err(), "{bad}");
    }
}

#[test]
fn a_connection_that_breaks_or_a_stop_leaves_the_copy_as_it_was() {
    let peer = Peer::start(household()).unwrap();
    let db = fresh();
    copy(&peer, &db);
    let (mut client, address) = connect(&peer);
    let stopped = refresh(&mut client, &db, &address, &options(), "1.1", false, &|| true);
    assert!(matches!(stopped, Err(CopyError::Stopped)));
    peer.with(|account| account.put("MEDICATION", "M1", "Other^P001^active"));
    // It ends in the middle of the refresh: after the fourth file.
    let looks = std::cell::Cell::new(0);
    let peer = std::cell::Cell::new(Some(peer));
    let broken = refresh(&mut client, &db, &address, &options(), "1.1", false, &|| {
        looks.set(looks.get() + 1);
        if looks.get() == 4 {
            drop(peer.take());
        }
        false
    });
    assert!(matches!(broken, Err(CopyError::Client(ClientError::Broken(_)))), "{broken:?}");
    assert_eq!(active(&db), ["Aspirin"]);
    assert_eq!(CopyState::read(&db.snapshot().unwrap()).unwrap().unwrap().stamp, "20000.100");
}
