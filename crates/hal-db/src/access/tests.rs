use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::dict::DataItem;
use crate::query::parse;
use crate::{Database, Env, Record};

/// VISIT refers to PILL by its first field; ASKED has a field WHO; PILL has a price and a secret.
fn account() -> Database {
    let db = Database::in_memory();
    db.write(|txn| {
        let field = |name: &str, number| DataItem { name: name.to_owned(), ..DataItem::plain_field(number) };
        for (file, fields) in [
            ("PILL", &["NAME", "PRICE", "SECRET"][..]),
            ("VISIT", &["PILL_ID", "PLACE"]),
            ("ASKED", &["WHO", "WORDS"]),
        ] {
            txn.create_file(file)?;
            for (index, name) in fields.iter().enumerate() {
                txn.define(file, &field(name, index + 1))?;
            }
        }
        let computed = [
            ("VISIT", "PILL_NAME", "TRANS(PILL, PILL_ID, NAME, 'X')"),
            ("VISIT", "PILL_SECRET", "TRANS(PILL, PILL_ID, SECRET, 'X')"),
            ("VISIT", "PILL_SECRET_BY_NUMBER", "TRANS(PILL, PILL_ID, 3, 'X')"),
            ("PILL", "TWICE", "SECRET : SECRET"),
            ("PILL", "ALL_OF_IT", "@RECORD"),
        ];
        for (file, name, text) in computed {
            let record = Record::from_fields(["I", text, "", name, "20L", "S"]);
            txn.write(&format!("DICT {file}"), name, &record)?;
        }
        let other = Record::from_fields(["D", "3", "", "OTHER", "10L", "S"]);
        txn.write("DICT PILL", "OTHER_NAME_OF_SECRET", &other)?;
        let shown = Record::from_fields(["D", "1", "TPILL;X;;3", "SHOWN", "10L", "S"]);
        txn.write("DICT VISIT", "SHOWN", &shown)?;
        txn.create_index("PILL", "SECRET")?;
        txn.create_index("PILL", "NAME")?;
        txn.create_index("ASKED", "WHO")?;
        txn.write("PILL", "p1", &Record::from_fields(["lisinopril", "12", "hush"]))?;
        txn.write("PILL", "p2", &Record::from_fields(["ibuprofen", "3", "psst"]))?;
        txn.write("VISIT", "v1", &Record::from_fields(["p1", "Rome"]))?;
        txn.write("ASKED", "a1", &Record::from_fields(["ann", "what do i take"]))?;
        txn.write("ASKED", "a2", &Record::from_fields(["bob", "what does ann take"]))?;
        Ok(())
    })
    .expect("written");
    db
}

fn only(files: &[&str]) -> Access {
    Access { read: Files::only(files), write: Files::only(files), ..Access::default() }
}

fn hiding(file: &str, item: &str) -> Access {
    let hidden = BTreeMap::from([(file.to_owned(), BTreeSet::from([item.to_owned()]))]);
    Access { hidden, ..only(&["PILL", "VISIT"]) }
}

/// Runs a sentence on a snapshot of its own, as a session does; the cells of all rows, joined.
fn run(db: &Database, sentence: &str) -> Result<String> {
    let snapshot = db.snapshot()?;
    let plan = match parse(sentence, &snapshot) {
        Ok(plan) => plan,
        Err(error) => {
            snapshot.catalog().check_denials()?;
            return Err(Error::Parse(error));
        }
    };
    if plan.verb.selects() {
        let selected = snapshot.select(&plan, &Env::default(), None)?;
        return Ok(format!("{} selected", selected.items.len()));
    }
    let rows = snapshot.run(&plan, &Env::default())?;
    let cells = rows.rows.iter().map(|row| {
        let shown: Vec<String> = row.cells.iter().map(|cell| cell.shown.join(",")).collect();
        shown.join("|")
    });
    Ok(format!("{}: {}", rows.count, cells.collect::<Vec<_>>().join(" ")))
}

#[track_caller]
fn denied<T: std::fmt::Debug>(result: Result<T>) {
    assert!(matches!(result, Err(Error::Denied { .. })), "{result:?}");
}

#[test]
fn a_file_that_is_not_granted_is_denied_to_every_reader() {
    let db = account().restricted(&only(&["VISIT"]));
    let snapshot = db.snapshot().expect("snapshot");
    denied(snapshot.read("PILL", "p1"));
    denied(snapshot.read("pill", "p1"));
    denied(snapshot.read("DICT PILL", "NAME"));
    denied(snapshot.dictionary("PILL"));
    denied(snapshot.indices("PILL"));
    denied(snapshot.ids("PILL").map(drop));
    denied(snapshot.scan("PILL", &mut |_, _| ControlFlow::Continue(())));
    denied(snapshot.history("PILL", "p1"));
    assert_eq!(snapshot.files().expect("files"), ["VISIT"]);
    assert!(snapshot.read("VISIT", "v1").expect("granted").is_some());
    for sentence in [
        "LIST PILL",
        "LIST DICT PILL",
        "COUNT PILL",
        "SELECT PILL",
        "SORT PILL BY NAME",
        "LIST VISIT PILL_NAME",
        "LIST VISIT BY PILL_NAME",
        "LIST VISIT WITH PILL_NAME = \"lisinopril\"",
        "LIST VISIT SHOWN",
        "LIST VISIT EVAL \"TRANS('PILL',PILL_ID,NAME,'X')\"",
        "LIST VISIT EVAL \"TRANS(PILL,'p1',-1,'X')\"",
        "LIST VISIT EVAL \"OCONV(PILL_ID,'TPILL;X;;1')\"",
        "SELECT VISIT SAVING PILL_NAME",
        "LIST VISIT USING DICT PILL NAME",
        "LIST VISIT WITH PLACE IN \"PILL p1\"",
    ] {
        denied(run(&db, sentence));
    }
    assert_eq!(run(&db, "LIST VISIT PLACE").expect("granted"), "1: v1|Rome");
}

#[test]
fn whether_a_file_exists_is_not_told() {
    let snapshot = account().restricted(&only(&["VISIT"])).snapshot().expect("snapshot");
    let error = |file: &str| snapshot.read(file, "x").expect_err("denied").to_string();
    assert_eq!(error("PILL").replace("PILL", "NOSUCH"), error("NOSUCH"));
}

#[test]
fn a_hidden_field_is_blank_and_may_not_be_named() {
    let db = account().restricted(&hiding("PILL", "SECRET"));
    let record = db.snapshot().expect("snapshot").read("PILL", "p1").expect("granted").expect("there");
    assert_eq!(
        (record.field(1), record.field(2), record.field(3)),
        (&b"lisinopril"[..], &b"12"[..], &b""[..])
    );
    for sentence in [
        "LIST PILL SECRET",
        "LIST PILL F3",
        "LIST PILL OTHER_NAME_OF_SECRET",
        "LIST PILL TWICE",
        "LIST PILL EVAL \"SECRET\"",
        "LIST PILL EVAL \"F3\"",
        "LIST PILL EVAL \"SECRET[1,1]\"",
        "LIST PILL BY SECRET",
        "LIST PILL WITH SECRET = \"hush\"",
        "COUNT PILL WITH SECRET = \"hush\"",
        "SELECT PILL WITH SECRET LIKE \"h...\"",
        "LIST VISIT PILL_SECRET",
        "LIST VISIT PILL_SECRET_BY_NUMBER",
        "LIST VISIT EVAL \"TRANS(PILL,PILL_ID,3,'X')\"",
    ] {
        denied(run(&db, sentence));
    }
    // Where nothing names the field there is nothing to refuse, and nothing to see.
    for sentence in
        ["LIST PILL ALL_OF_IT", "LIST VISIT EVAL \"TRANS(PILL,PILL_ID,-1,'X')\"", "LIST VISIT SHOWN"]
    {
        let shown = run(&db, sentence);
        assert!(!format!("{shown:?}").contains("hush"), "{sentence}: {shown:?}");
    }
    assert_eq!(db.snapshot().expect("snapshot").indices("PILL").expect("granted"), ["NAME"]);
    assert_eq!(run(&db, "LIST PILL NAME WITH NAME = \"ibuprofen\"").expect("granted"), "1: p2|ibuprofen");
}

#[test]
fn searching_the_text_of_records_does_not_find_what_is_hidden() {
    let db = account().restricted(&hiding("PILL", "SECRET"));
    let snapshot = db.snapshot().expect("snapshot");
    let plan = crate::query::parse_command("SEARCH PILL \"hush\"", &snapshot);
    if let Ok(plan) = plan {
        assert!(snapshot.select(&plan, &Env::default(), None).expect("granted").items.is_empty());
    }
}

#[test]
fn records_of_others_are_not_there() {
    let own = BTreeMap::from([("ASKED".to_owned(), ("WHO".to_owned(), "ann".to_owned()))]);
    let db = account().restricted(&Access { own, ..only(&["ASKED"]) });
    assert_eq!(run(&db, "LIST ASKED WORDS").expect("granted"), "1: a1|what do i take");
    assert_eq!(run(&db, "COUNT ASKED").expect("granted"), "1: ");
    assert_eq!(run(&db, "COUNT ASKED WITH WHO = \"bob\"").expect("granted"), "0: ");
    let snapshot = db.snapshot().expect("snapshot");
    assert!(snapshot.read("ASKED", "a2").expect("granted").is_none());
    assert!(snapshot.indices("ASKED").expect("granted").is_empty());
    // Neither written over, nor deleted, nor made in somebody else's name.
    let as_bob = Record::from_fields(["bob", "x"]);
    let as_ann = Record::from_fields(["ann", "x"]);
    let (one, two) = (as_bob.clone(), as_ann.clone());
    denied(db.write(move |txn| txn.write("ASKED", "a3", &one)));
    denied(db.write(move |txn| txn.write("ASKED", "a2", &two)));
    denied(db.write(|txn| txn.delete("ASKED", "a2")));
    db.write(move |txn| txn.write("ASKED", "a1", &as_ann)).expect("one's own");
}

#[test]
fn rows_that_nobody_can_attribute_are_denied() {
    let own = BTreeMap::from([("ASKED".to_owned(), ("NO_SUCH_FIELD".to_owned(), "ann".to_owned()))]);
    denied(run(&account().restricted(&Access { own, ..only(&["ASKED"]) }), "LIST ASKED"));
}

#[test]
fn reading_and_writing_are_apart() {
    let access = Access { write: Files::only(["VISIT"]), ..only(&["PILL", "VISIT"]) };
    let db = account().restricted(&access);
    let record = Record::from_fields(["x"]);
    let (one, two, three) = (record.clone(), record.clone(), record.clone());
    denied(db.write(move |txn| txn.write("PILL", "p1", &one)));
    denied(db.write(|txn| txn.delete("PILL", "p1")));
    denied(db.write(move |txn| txn.write_all("PILL", &[("p1".to_owned(), two)])));
    db.write(move |txn| txn.write("VISIT", "v2", &three)).expect("granted");
    let plain = db.clone();
    denied(plain.write_nosync(|txn| txn.delete("PILL", "p1")));
    denied(plain.write_later(|txn| txn.delete("PILL", "p1")).and_then(crate::Ticket::wait));
}

#[test]
fn structure_is_a_right_of_its_own() {
    let access = Access { read: Files::All, write: Files::All, ..Access::default() };
    let db = account().restricted(&access);
    denied(db.write(|txn| txn.create_file("NEW")));
    denied(db.write(|txn| txn.delete_file("PILL")));
    denied(db.write(|txn| txn.create_index("PILL", "PRICE")));
    denied(db.write(|txn| txn.delete_index("PILL", "NAME")));
    denied(db.write(|txn| txn.write("DICT PILL", "X", &Record::from_fields(["D", "1"]))));
    denied(db.write(|txn| txn.write("dict pill", "X", &Record::from_fields(["D", "1"]))));
    denied(db.write(|txn| txn.write("VOC", "X", &Record::from_fields(["PA", "LIST PILL"]))));
    denied(db.write(|txn| txn.undo(1)));
    let with = account().restricted(&Access { structure: true, ..access });
    with.write(|txn| txn.create_file("NEW")).expect("granted");
}

#[test]
fn a_write_keeps_what_it_could_not_see() {
    let whole = account();
    let db = whole.restricted(&hiding("PILL", "SECRET"));
    let mut record = db.snapshot().expect("snapshot").read("PILL", "p1").expect("granted").expect("there");
    record.set_field(2, "13");
    let (same, mut changed) = (record.clone(), record);
    db.write(move |txn| txn.write("PILL", "p1", &same)).expect("granted");
    let stored = whole.snapshot().expect("snapshot").read("PILL", "p1").expect("read").expect("there");
    assert_eq!((stored.field(2), stored.field(3)), (&b"13"[..], &b"hush"[..]));
    changed.set_field(3, "mine");
    denied(db.write(move |txn| txn.write("PILL", "p1", &changed)));
    // The index of the hidden field is still that of what is stored.
    assert_eq!(run(&whole, "LIST PILL NAME WITH SECRET = \"hush\"").expect("all"), "1: p1|lisinopril");
}

#[test]
fn a_transaction_reads_as_its_snapshot_does() {
    let db = account().restricted(&hiding("PILL", "SECRET"));
    let read = db.write(|txn| txn.read("PILL", "p1")).expect("granted").expect("there");
    assert_eq!(read.field(3), b"");
    denied(db.write(|txn| txn.read("ASKED", "a1")));
    denied(db.write(|txn| txn.dictionary("ASKED").map(drop)));
    let snapshot = account().restricted(&only(&["VISIT"])).snapshot().expect("snapshot");
    let plan = parse("LIST VISIT PILL_NAME", &snapshot).expect("parses");
    let access = only(&["VISIT"]);
    denied(account().restricted(&access).write(move |txn| txn.run(&plan, &Env::default()).map(drop)));
}

#[test]
fn a_restricted_handle_is_never_widened() {
    let narrow = account().restricted(&only(&["VISIT"]));
    denied(run(&narrow.restricted(&Access::everything()), "LIST PILL"));
    denied(run(&narrow.restricted(&only(&["PILL"])), "LIST VISIT"));
    let snapshot = narrow.snapshot().expect("snapshot").restricted(&Access::everything());
    denied(snapshot.read("PILL", "p1"));
}

#[test]
fn what_has_no_limits_is_refused_to_who_has_some() {
    let db = account().restricted(&hiding("PILL", "SECRET"));
    let dir = tempfile::tempdir().expect("a folder");
    denied(db.snapshot().expect("snapshot").backup(&dir.path().join("b")).map(drop));
    denied(crate::verify::snapshot(&db.snapshot().expect("snapshot")).map(drop));
    denied(db.snapshot().expect("snapshot").as_of(0).map(drop));
}

#[test]
fn sessions_and_the_feed_are_held_to_the_same_limits() {
    let whole = account();
    let db = whole.restricted(&only(&["VISIT"]));
    let mut session = db.session();
    denied(session.read("PILL", "p1"));
    denied(session.write("PILL", "p1", &Record::from_fields(["x"]), false));
    denied(session.lock_file("PILL", None));
    whole
        .write(|txn| {
            txn.write("PILL", "p9", &Record::from_fields(["x"]))?;
            txn.write("VISIT", "v9", &Record::from_fields(["x"]))
        })
        .expect("written");
    let changes = db.snapshot().expect("snapshot").changes_after(0, 100).expect("feed").changes;
    assert!(changes.iter().any(|change| change.file == "VISIT"), "{changes:?}");
    assert!(changes.iter().all(|change| change.file != "PILL"), "{changes:?}");
}

#[test]
fn both_limits_hold_where_two_meet() {
    let (a, b) = (Access::everything(), only(&["PILL"]));
    assert_eq!(a.and(&b), b);
    assert_eq!(b.and(&a), b);
    let except = |name: &str| Files::Except(BTreeSet::from([name.to_owned()]));
    assert!(!except("A").and(&except("B")).contains("a"));
    assert!(!Files::only(["A", "B"]).and(&except("B")).contains("B"));
    assert!(Files::only(["A", "B"]).and(&except("B")).contains("dict a"));
    let own = |value: &str| Access {
        own: BTreeMap::from([("PILL".to_owned(), ("NAME".to_owned(), value.to_owned()))]),
        ..Access::everything()
    };
    assert!(own("x").and(&own("x")).may_read("PILL"));
    assert!(!own("x").and(&own("y")).may_read("PILL"));
}
