//! One record for all spellings of its id, in every way that leads to records.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::locks::Kind;
use crate::{Database, Env, Snapshot, import, query, verify};

fn account() -> Database {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file_as("F", true)?;
        txn.write("DICT F", "CITY", &DynArray::from_fields(["D", "1", "", "City", "10L", "S"]))?;
        txn.write(
            "DICT F",
            "UP",
            &DynArray::from_fields(["I", "TRANS(F,CITY,1,'X')", "", "Up", "10L", "S"]),
        )?;
        txn.create_index("F", "CITY")?;
        txn.write("F", "Ann", &DynArray::from_text("ULM"))?;
        txn.write("F", "bo", &DynArray::from_text("ANN"))
    })
    .unwrap();
    db
}

fn put(db: &Database, id: &str, city: &str) {
    let (id, city) = (id.to_owned(), DynArray::from_text(city));
    db.write(move |txn| txn.write("F", &id, &city)).unwrap();
}

fn ids(snapshot: &Snapshot) -> Vec<String> {
    snapshot.ids("F").unwrap().map(Result::unwrap).collect()
}

fn list(snapshot: &Snapshot, sentence: &str) -> Vec<String> {
    let plan = query::parse(sentence, snapshot).unwrap();
    let rows = snapshot.run(&plan, &Env::default()).unwrap();
    let found = rows.rows.iter().map(|row| row.id.clone());
    found.chain(rows.missing.iter().map(|id| format!("no {id}"))).collect()
}

fn sound(db: &Database) {
    let found = verify::snapshot(&db.snapshot().unwrap()).unwrap();
    assert_eq!(found.findings, [] as [String; 0]);
}

#[test]
fn a_record_is_found_in_any_letters_and_keeps_those_last_written() {
    let db = account();
    let city = |id: &str| {
        db.snapshot().unwrap().read("F", id).unwrap().map(|record| record.field_text(1).into_owned())
    };
    assert_eq!(
        (city("ANN").as_deref(), city("aNN").as_deref(), city("Anne")),
        (Some("ULM"), Some("ULM"), None)
    );
    put(&db, "ANN", "BONN");
    assert_eq!(ids(&db.snapshot().unwrap()), ["ANN", "bo"]);
    assert_eq!(city("ann").as_deref(), Some("BONN"));
    // Letters beyond a-z are not folded, as the engine's files do not.
    put(&db, "Ä", "X");
    put(&db, "ä", "Y");
    assert_eq!((city("Ä").as_deref(), city("ä").as_deref()), (Some("X"), Some("Y")));
    sound(&db);
    assert!(db.write(|txn| txn.delete("F", "BO")).unwrap());
    assert!(!db.write(|txn| txn.delete("F", "bo")).unwrap());
    assert_eq!(ids(&db.snapshot().unwrap()), ["ANN", "Ä", "ä"]);
    let plan = query::parse("COUNT F", &db.snapshot().unwrap()).unwrap();
    assert_eq!(db.snapshot().unwrap().run(&plan, &Env::default()).unwrap().count, 3);
    sound(&db);
    // Where case counts nothing has changed.
    db.write(|txn| {
        txn.create_file("G")?;
        txn.write("G", "a", &DynArray::new())?;
        txn.write("G", "A", &DynArray::new())
    })
    .unwrap();
    assert_eq!(db.snapshot().unwrap().ids("G").unwrap().count(), 2);
    assert!(!db.snapshot().unwrap().is_no_case("DICT F").unwrap());
}

#[test]
fn sentences_lists_indices_and_translations_know_it() {
    let db = account();
    let now = || db.snapshot().unwrap();
    // Named ids are shown as they were named, once.
    assert_eq!(list(&now(), "LIST F \"ANN\" \"aNn\" \"BOB\""), ["ANN", "no BOB"]);
    assert_eq!(list(&now(), "SORT F \"ann\" \"BO\" CITY UP"), ["BO", "ann"]);
    for sentence in
        ["LIST F WITH @ID EQ \"ANN\"", "LIST F WITH @ID LIKE \"AN...\"", "LIST F WITH CITY = \"ULM\""]
    {
        assert_eq!(list(&now(), sentence), ["Ann"], "{sentence}");
    }
    let plan = query::parse("LIST F \"ANN\" \"bo\"", &now()).unwrap();
    let both = [b"aNN".to_vec(), b"CY".to_vec()];
    let mut out = Vec::new();
    let screen = query::Screen { width: 80, lines: None };
    assert_eq!(now().report(&plan, &Env::default(), Some(&both), screen, &mut out).unwrap(), 1);
    let plan = query::parse("LIST F UP", &now()).unwrap();
    let rows = now().run(&plan, &Env::default()).unwrap();
    let up: Vec<&str> = rows.rows.iter().map(|row| rows.get(row, "UP").unwrap().text()).collect();
    assert_eq!(up, ["", "ULM"]);
    // The index follows the spelling.
    put(&db, "ANN", "ULM");
    put(&db, "BO", "ULM");
    assert_eq!(list(&now(), "LIST F WITH CITY = \"ULM\""), ["ANN", "BO"]);
    sound(&db);
}

#[test]
fn locks_and_transactions_take_all_spellings_for_one() {
    let db = account();
    let (mut one, two) = (db.session(), db.session());
    one.begin();
    one.read_locked("F", "ANN", Kind::Update, None).unwrap();
    assert!(two.read_locked("F", "ann", Kind::Update, Some(Duration::ZERO)).is_err());
    one.write("F", "ann", &DynArray::from_text("KIEL"), false).unwrap();
    assert_eq!(one.read("F", "aNn").unwrap().unwrap().as_bytes(), b"KIEL");
    one.write("F", "ANN", &DynArray::from_text("JENA"), false).unwrap();
    one.commit().unwrap();
    assert_eq!(ids(&db.snapshot().unwrap()), ["ANN", "bo"]);
    assert_eq!(two.read("F", "Ann").unwrap().unwrap().as_bytes(), b"JENA");
    sound(&db);
}

#[test]
fn earlier_states_have_their_own_spelling() {
    let db = account();
    let clock = std::sync::Arc::new(AtomicU64::new(0));
    db.keep_history(Some(Duration::from_secs(100)), move || clock.fetch_add(1, Ordering::Relaxed));
    put(&db, "cy", "ULM");
    let mut states = vec![];
    for (id, city) in [("ANN", "A"), ("ann", "B"), ("bO", "C"), ("Ann", "D")] {
        put(&db, id, city);
        let now = db.snapshot().unwrap();
        let records: Vec<_> = ids(&now).iter().map(|id| (id.clone(), now.read("F", id).unwrap())).collect();
        states.push((now.commit_number(), records));
    }
    let newest = db.snapshot().unwrap();
    let history: Vec<_> =
        newest.history("F", "aNN").unwrap().into_iter().filter_map(|one| one.record).collect();
    assert_eq!(
        history.iter().map(|record| record.as_bytes()).collect::<Vec<_>>(),
        [b"B".as_slice(), b"A", b"ULM"]
    );
    for (commit, records) in &states {
        let then = db.snapshot().unwrap().as_of(*commit).unwrap();
        assert_eq!(ids(&then), records.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>());
        for (id, record) in records {
            assert_eq!(then.read("F", &id.to_uppercase()).unwrap(), *record);
        }
        assert_eq!(verify::snapshot(&then).unwrap().findings, [] as [String; 0]);
    }
    db.write(|txn| txn.undo_record("F", "ANN")).unwrap();
    assert_eq!(ids(&db.snapshot().unwrap()), ["ann", "bO", "cy"]);
    let commit = states[2].0;
    db.write(move |txn| txn.undo(commit)).unwrap();
    assert_eq!(ids(&db.snapshot().unwrap()), ["ann", "bo", "cy"]);
    sound(&db);
}

#[test]
fn a_file_changes_its_mind_only_where_no_record_is_lost() {
    let db = account();
    assert!(db.write(|txn| txn.set_no_case("F", false)).unwrap());
    assert!(db.snapshot().unwrap().read("F", "ANN").unwrap().is_none());
    put(&db, "ANN", "KIEL");
    let error = db.write(|txn| txn.set_no_case("F", true)).unwrap_err().to_string();
    assert!(error.contains("'ANN' and 'Ann'") && error.contains("hint:"), "{error}");
    sound(&db);
    db.write(|txn| txn.delete("F", "Ann")).unwrap();
    assert!(db.write(|txn| txn.set_no_case("F", true)).unwrap());
    assert!(!db.write(|txn| txn.set_no_case("F", true)).unwrap());
    assert!(db.snapshot().unwrap().read("F", "ann").unwrap().is_some());
    assert!(db.write(|txn| txn.set_no_case("VOC", true)).is_err());
    sound(&db);
    db.write(|txn| txn.delete_file("F")).unwrap();
    sound(&db);
}

#[test]
fn a_table_that_names_a_record_twice_is_refused() {
    let db = account();
    let env = Env::default();
    let report = import::csv(&db, "F", b"ID,CITY\nann,X\nANN,Y\n".as_slice(), &env).unwrap();
    assert_eq!((report.written, report.refused_count), (0, 1));
    let json = br#"[{"id":"ann","city":"X"},{"id":"ANN","city":"Y"}]"#;
    assert_eq!(import::json(&db, "F", json.as_slice(), &env).unwrap().refused_count, 1);
    let report = import::csv(&db, "F", b"ID,CITY\nann,X\nnew,Y\n".as_slice(), &env).unwrap();
    assert_eq!(report.written, 2);
    assert_eq!(ids(&db.snapshot().unwrap()), ["ann", "bo", "new"]);
}

#[test]
fn a_backup_and_the_disk_keep_it() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(&dir.path().join("one")).unwrap();
    let format =
        |db: &Database| crate::account::Meta::required(db.snapshot().unwrap().view()).unwrap().format;
    assert_eq!(format(&db), 1, "an older HAL may still read it");
    db.write(|txn| {
        txn.create_file_as("F", true)?;
        txn.write("F", "Ann", &DynArray::from_text("ULM"))
    })
    .unwrap();
    assert_eq!(format(&db), FORMAT);
    let file = dir.path().join("backup");
    db.snapshot().unwrap().backup(&file).unwrap();
    drop(db);
    crate::backup::restore(&file, &dir.path().join("two"), false).unwrap();
    for folder in ["one", "two"] {
        let db = Database::open(&dir.path().join(folder)).unwrap();
        put(&db, "aNN", "BONN");
        assert_eq!(ids(&db.snapshot().unwrap()), ["aNN"]);
        sound(&db);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_is_a_map_of_folded_ids(
        changes in proptest::collection::vec(("[aAbB]{1,3}", proptest::option::of("[xyz]")), 1..40),
    ) {
        let db = account();
        let mut model: BTreeMap<String, (String, String)> =
            [("Ann", "ULM"), ("bo", "ANN")].map(|(id, city)| (fold(id), (id.to_owned(), city.to_owned()))).into();
        for (id, city) in &changes {
            match city {
                Some(city) => {
                    model.insert(fold(id), (id.clone(), city.clone()));
                }
                None => {
                    model.remove(&fold(id));
                }
            }
        }
        // Some of them in one transaction, some each by itself.
        for piece in changes.chunks(7) {
            let piece = piece.to_vec();
            db.write(move |txn| {
                for (id, city) in &piece {
                    match city {
                        Some(city) => txn.write("F", id, &DynArray::from_text(city))?,
                        None => {
                            txn.delete("F", id)?;
                        }
                    }
                }
                Ok(())
            })
            .unwrap();
        }
        let now = db.snapshot().unwrap();
        let mut expected: Vec<String> = model.values().map(|(id, _)| id.clone()).collect();
        expected.sort();
        prop_assert_eq!(ids(&now), expected);
        for (folded, (_, city)) in &model {
            for spelling in [folded.clone(), folded.to_lowercase()] {
                let record = now.read("F", &spelling).unwrap().unwrap();
                prop_assert_eq!(record.as_bytes(), city.as_bytes());
            }
        }
        sound(&db);
    }
}
