//! Files, dictionaries and indices within transactions.

use crate::{Database, DynArray, Env, Error, query};

fn item(number: &str, format: &str) -> DynArray {
    DynArray::from_fields(["D", number, "", "", format, "S"])
}

#[test]
fn a_transaction_sees_what_it_wrote() {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("F")?;
        txn.write("DICT F", "NAME", &item("1", "10L"))?;
        assert!(txn.dictionary("F")?.data("NAME").is_some());
        txn.create_index("F", "NAME")?;
        txn.write("F", "A", &DynArray::from_text("x"))?;
        txn.write("F", "B", &DynArray::from_text("y"))?;
        txn.write("F", "B", &DynArray::from_text("x"))?;
        assert!(txn.delete("F", "A")?);
        assert!(!txn.delete("F", "A")?);
        assert!(txn.read("F", "A")?.is_none());
        Ok(())
    })
    .unwrap();
    let snapshot = db.snapshot().unwrap();
    let plan = query::parse("LIST F WITH NAME EQ \"x\"", &snapshot).unwrap();
    let in_txn = plan.clone();
    let seen = db
        .write(move |txn| {
            txn.write("F", "C", &DynArray::from_text("x"))?;
            Ok(txn.run(&in_txn, &Env::default())?.rows.len())
        })
        .unwrap();
    assert_eq!(seen, 2);
    assert_eq!(snapshot.run(&plan, &Env::default()).unwrap().rows.len(), 1);
}

#[test]
fn a_deleted_file_leaves_no_key_behind() {
    let db = Database::in_memory();
    let keys = |db: &Database| {
        let snapshot = db.snapshot().unwrap();
        snapshot.files().unwrap().len() + snapshot.ids("VOC").unwrap().count()
    };
    let before = keys(&db);
    db.write(|txn| {
        txn.create_file("F")?;
        txn.write("DICT F", "NAME", &item("1", "10L"))?;
        txn.create_index("F", "NAME")?;
        txn.write("F", "A", &DynArray::from_text("x"))
    })
    .unwrap();
    db.write(|txn| txn.delete_file("F")).unwrap();
    assert_eq!(keys(&db), before);
    db.write(|txn| txn.create_file("F")).unwrap();
    let snapshot = db.snapshot().unwrap();
    assert_eq!(snapshot.ids("F").unwrap().count(), 0);
    assert!(snapshot.indices("F").unwrap().is_empty());
}

#[test]
fn a_changed_item_makes_its_index_anew() {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("F")?;
        txn.write("DICT F", "N", &item("1", "10L"))?;
        assert!(txn.create_index("F", "N")?);
        assert!(!txn.create_index("F", "N")?);
        txn.write("F", "A", &DynArray::from_text("5"))?;
        txn.write("DICT F", "N", &item("1", "10R"))?;
        Ok(())
    })
    .unwrap();
    let run = |db: &Database| {
        let snapshot = db.snapshot().unwrap();
        let plan = query::parse("LIST F WITH N GT 4", &snapshot).unwrap();
        let rows = snapshot.run(&plan, &Env::default()).unwrap();
        (rows.count, rows.access)
    };
    // The old index no longer fits the item: it is left alone until it is made again.
    assert_eq!(run(&db), (1, "whole file".to_owned()));
    assert!(db.write(|txn| txn.create_index("F", "N")).unwrap());
    assert_eq!(run(&db), (1, "index N".to_owned()));
}

#[test]
fn ids_and_names_that_cannot_be_stored_are_refused() {
    let db = Database::in_memory();
    db.write(|txn| txn.create_file("F")).unwrap();
    for id in ["", "a\0b", "a\u{FD}b", &"x".repeat(256)] {
        let id = id.to_owned();
        let result = db.write(move |txn| txn.write("F", &id, &DynArray::new()));
        assert!(matches!(result, Err(Error::IllegalId { what: "record id", .. })), "{result:?}");
    }
    db.write(|txn| txn.write("F", &"x".repeat(255), &DynArray::new())).unwrap();
    for name in ["", "two words", "lower", "DICT X"] {
        let result = db.write(move |txn| txn.create_file(name));
        assert!(matches!(result, Err(Error::IllegalId { what: "file name", .. })), "{name}");
    }
    let error = db.write(|txn| txn.write("PERSN", "1", &DynArray::new())).unwrap_err();
    assert!(matches!(error, Error::NoSuchFile { .. }));
}

#[test]
fn an_item_that_is_not_there_cannot_be_indexed() {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("F")?;
        txn.write("DICT F", "NAME", &item("1", "10L"))
    })
    .unwrap();
    let error = db.write(|txn| txn.create_index("F", "NAEM")).unwrap_err();
    assert_eq!(error.to_string(), "NAEM is not a field of F\n\nhint: did you mean NAME?");
    assert!(matches!(db.write(|txn| txn.create_index("F", "@ID")), Err(Error::Refused(_))));
}

#[test]
fn a_session_commits_all_or_nothing_and_others_see_it_only_then() {
    let db = Database::in_memory();
    db.write(|txn| txn.create_file("F")).unwrap();
    let (mut one, mut two) = (db.session(), db.session());
    assert_ne!(one.number(), two.number());
    let text =
        |session: &crate::Session, id: &str| session.read("F", id).unwrap().map(|record| record.to_text());
    let soon = Some(std::time::Duration::ZERO);
    one.begin();
    let unlocked = one.write("F", "A", &DynArray::from_text("1"), false).unwrap_err();
    assert!(matches!(unlocked, Error::NotLocked { .. }), "{unlocked}");
    for id in ["A", "B"] {
        assert_eq!(one.read_locked("f", id, crate::locks::Kind::Update, soon).unwrap(), None);
        one.write("F", id, &DynArray::from_text("1"), false).unwrap();
    }
    one.begin();
    one.delete("F", "B", false).unwrap();
    one.commit().unwrap();
    assert_eq!((text(&one, "A"), text(&one, "B"), text(&two, "A")), (Some("1".into()), None, None));
    // The lock outlives the write until the outer commit.
    let held = two.read_locked("F", "A", crate::locks::Kind::Read, soon).unwrap_err();
    assert!(matches!(held, Error::Lock(crate::locks::Refused::Held { by }) if by == one.number()), "{held}");
    let before = db.snapshot().unwrap().commit_number();
    one.commit().unwrap();
    assert_eq!(db.snapshot().unwrap().commit_number(), before + 1);
    let read = two.read_locked("F", "A", crate::locks::Kind::Update, soon).unwrap();
    assert_eq!(read.map(|record| record.to_text()), Some("1".into()));
    // Rolled back, or dropped: nothing is left of it, locks neither.
    two.begin();
    two.write("F", "A", &DynArray::from_text("2"), false).unwrap();
    assert!(two.rollback() && !two.rollback());
    assert_eq!(text(&two, "A"), Some("1".into()));
    two.begin();
    two.read_locked("F", "A", crate::locks::Kind::Update, soon).unwrap();
    two.write("F", "A", &DynArray::from_text("3"), false).unwrap();
    drop(two);
    assert_eq!(text(&one, "A"), Some("1".into()));
    assert!(db.locks().list().is_empty());
    assert!(one.commit().is_err());
}

#[test]
fn a_file_may_stand_outside_of_transactions_and_a_lock_may_be_demanded() {
    let db = Database::in_memory();
    db.write(|txn| txn.create_file("LOG")).unwrap();
    let mut session = db.session();
    session.write("LOG", "A", &DynArray::from_text("x"), false).unwrap();
    session.set_must_lock(true);
    assert!(matches!(session.write("LOG", "A", &DynArray::new(), false), Err(Error::NotLocked { .. })));
    session.lock_file("LOG", None).unwrap();
    session.write("LOG", "A", &DynArray::from_text("y"), false).unwrap();
    assert!(session.unlock_file("LOG").unwrap());
    session.set_nosync(true).unwrap();
    session.set_must_lock(false);
    session.write("LOG", "B", &DynArray::from_text("z"), false).unwrap();
    session.set_nosync(false).unwrap();
    assert!(db.snapshot().unwrap().read("LOG", "B").unwrap().is_some());
    session.begin();
    assert!(session.end_command());
}

#[test]
fn what_was_read_before_the_lock_must_still_be_so_when_it_is_held() {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("F")?;
        txn.write("F", "A", &DynArray::from_text("1"))
    })
    .unwrap();
    let mut session = db.session();
    session.begin();
    let other = db.clone();
    // Another session commits between this one's reading and its lock.
    let refused = session
        .work(move |txn| {
            let old = txn.read("F", "A")?.unwrap_or_default();
            other.write(|txn| txn.write("F", "A", &DynArray::from_text("2")))?;
            txn.write("F", "A", &DynArray::from_text(&format!("{}1", old.field_text(1))))
        })
        .unwrap_err();
    assert!(refused.to_string().contains("changed at the same moment"), "{refused}");
    session.work(|txn| txn.write("F", "A", &DynArray::from_text("3"))).unwrap();
    assert_eq!(session.snapshot().unwrap().read("F", "A").unwrap().unwrap().field_text(1), "3");
    assert_eq!(db.snapshot().unwrap().read("F", "A").unwrap().unwrap().field_text(1), "2");
    // Two views of one commit that differ are not mistaken for each other.
    let version = |snapshot: &crate::Snapshot| snapshot.version_of(&["F"]).unwrap();
    assert_ne!(version(&session.snapshot().unwrap()), version(&db.snapshot().unwrap()));
    session.commit().unwrap();
    assert_eq!(db.snapshot().unwrap().read("F", "A").unwrap().unwrap().field_text(1), "3");
}
