//! Opening, writing, reading again: the promises of `Database` on both stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn with_file(db: &Database) {
    db.write(|txn| txn.create_file("F")).unwrap();
}

fn put(db: &Database, id: &str, text: &str) -> Result<()> {
    let (id, record) = (id.to_owned(), DynArray::from_text(text));
    db.write(move |txn| txn.write("F", &id, &record))
}

fn each_store(test: impl Fn(Database)) {
    test(Database::in_memory());
    let dir = tempfile::tempdir().unwrap();
    test(Database::open(dir.path()).unwrap());
}

#[test]
fn an_acknowledged_write_is_there_after_a_crash() {
    // The account is copied at the instant of the acknowledgement, while the first process still has it open: the copy
    // is what a power cut would have left.
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path()).unwrap();
    with_file(&db);
    for round in 0..5 {
        put(&db, &format!("R{round}"), "safe").unwrap();
        let crashed = tempfile::tempdir().unwrap();
        std::fs::copy(dir.path().join(STORE_FILE), crashed.path().join(STORE_FILE)).unwrap();
        let reopened = Database::open(crashed.path()).unwrap().snapshot().unwrap();
        for earlier in 0..=round {
            assert!(
                reopened.read("F", &format!("R{earlier}")).unwrap().is_some(),
                "R{earlier} after R{round}"
            );
        }
        assert_eq!(reopened.commit_number(), db.snapshot().unwrap().commit_number());
    }
}

#[test]
fn a_second_process_is_told_that_the_account_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let first = Database::open(dir.path()).unwrap();
    let error = Database::open(dir.path()).unwrap_err();
    assert!(matches!(&error, Error::Locked { path } if path.ends_with(STORE_FILE)), "{error}");
    drop(first);
    Database::open(dir.path()).unwrap();
}

#[test]
fn an_account_of_a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(Database::open(dir.path()).unwrap());
    let store = Embedded::open(&dir.path().join(STORE_FILE)).unwrap();
    let mut txn = store.begin().unwrap();
    txn.put(META_KEY, &Meta { format: 99, ..Meta::first() }.to_bytes()).unwrap();
    txn.commit().unwrap();
    drop(store);
    let error = Database::open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 99, known: FORMAT, .. }), "{error}");
}

#[test]
fn a_snapshot_does_not_see_later_writes() {
    each_store(|db| {
        with_file(&db);
        put(&db, "A", "one").unwrap();
        let before = db.snapshot().unwrap();
        put(&db, "A", "two").unwrap();
        db.write(|txn| txn.create_file("G")).unwrap();
        assert_eq!(before.read("F", "A").unwrap().unwrap().to_text(), "one");
        assert!(before.dictionary("G").is_err());
        let after = db.snapshot().unwrap();
        assert_eq!(after.read("F", "A").unwrap().unwrap().to_text(), "two");
        assert_eq!(after.files().unwrap(), ["F", "G", "VOC"]);
        assert!(before.commit_number() < after.commit_number());
    });
}

#[test]
fn a_closure_that_fails_or_panics_leaves_nothing_and_hurts_nobody() {
    each_store(|db| {
        with_file(&db);
        let refused = db.write(|txn| {
            txn.write("F", "A", &DynArray::from_text("x"))?;
            txn.create_file("G")?;
            Err::<(), Error>(Error::Refused("no".to_owned()))
        });
        assert!(matches!(refused, Err(Error::Refused(reason)) if reason == "no"));
        let panicked = db.write(|txn| {
            txn.write("F", "A", &DynArray::from_text("x"))?;
            if txn.has_file("F") {
                panic!("a bug");
            }
            Ok(())
        });
        assert!(matches!(panicked, Err(Error::Panicked(text)) if text == "a bug"));
        put(&db, "B", "y").unwrap();
        let snapshot = db.snapshot().unwrap();
        assert!(snapshot.read("F", "A").unwrap().is_none() && snapshot.dictionary("G").is_err());
        assert!(snapshot.read("F", "B").unwrap().is_some());
    });
}

#[test]
fn many_writers_all_arrive_and_share_commits() {
    each_store(|db| {
        with_file(&db);
        put(&db, "SUM", "0").unwrap();
        let before = db.snapshot().unwrap().commit_number();
        let failed = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (db, failed) = (db.clone(), Arc::clone(&failed));
                scope.spawn(move || {
                    let tickets: Vec<_> = (0..50)
                        .map(|n| {
                            db.write_later(move |txn| {
                                let sum = txn.read("F", "SUM")?.unwrap_or_default();
                                let sum: usize = sum.field_text(1).parse().expect("the sum is a number");
                                txn.write("F", "SUM", &DynArray::from_text(&(sum + 1).to_string()))?;
                                txn.write("F", &format!("{thread}-{n}"), &DynArray::new())?;
                                if n % 10 == 0 {
                                    Err(Error::Refused("every tenth".to_owned()))
                                } else {
                                    Ok(())
                                }
                            })
                            .expect("four hundred fit in the queue")
                        })
                        .collect();
                    for ticket in tickets {
                        failed.fetch_add(usize::from(ticket.wait().is_err()), Ordering::Relaxed);
                    }
                });
            }
        });
        let snapshot = db.snapshot().unwrap();
        assert_eq!(failed.load(Ordering::Relaxed), 40);
        assert_eq!(snapshot.read("F", "SUM").unwrap().unwrap().to_text(), "360");
        assert_eq!(snapshot.ids("F").unwrap().count(), 361);
        assert!(snapshot.commit_number() - before <= 360);
    });
}

#[test]
fn a_write_within_a_write_is_refused_and_does_not_hang() {
    let db = Database::in_memory();
    let inner = db.clone();
    let result = db.write(move |_| inner.write(|txn| txn.create_file("F")));
    assert!(matches!(result, Err(Error::Refused(_))), "{result:?}");
}

#[test]
fn what_is_queued_is_written_before_the_account_closes() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path()).unwrap();
    with_file(&db);
    for n in 0..20 {
        let _unread = db.write_later(move |txn| txn.write("F", &n.to_string(), &DynArray::new())).unwrap();
    }
    drop(db);
    assert_eq!(Database::open(dir.path()).unwrap().snapshot().unwrap().ids("F").unwrap().count(), 20);
}

#[test]
fn ids_come_in_order_page_by_page() {
    let db = Database::in_memory();
    with_file(&db);
    db.write(|txn| (0..2500).try_for_each(|n| txn.write("F", &format!("{n:05}"), &DynArray::new()))).unwrap();
    let snapshot = db.snapshot().unwrap();
    let ids: Vec<String> = snapshot.ids("F").unwrap().collect::<Result<_>>().unwrap();
    assert_eq!(ids.len(), 2500);
    assert!(ids.is_sorted());
}

#[test]
fn the_vocabulary_lists_its_files_and_guards_them() {
    let db = Database::in_memory();
    with_file(&db);
    let snapshot = db.snapshot().unwrap();
    assert_eq!(snapshot.read("VOC", "F").unwrap().unwrap().field_text(1), "F");
    for result in [
        db.write(|txn| txn.delete("VOC", "F").map(|_| ())),
        db.write(|txn| txn.write("VOC", "G", &DynArray::from_fields(["F", "9", "9"]))),
        db.write(|txn| txn.delete_file("VOC")),
    ] {
        assert!(matches!(result, Err(Error::Refused(_))), "{result:?}");
    }
    db.write(|txn| txn.write("VOC", "HELLO", &DynArray::from_fields(["PH", "WITH X"]))).unwrap();
    assert!(matches!(db.write(|txn| txn.create_file("HELLO")), Err(Error::FileExists { .. })));
}

#[test]
fn the_version_of_a_file_changes_with_its_records_and_with_nothing_else() {
    let db = Database::in_memory();
    with_file(&db);
    db.write(|txn| txn.create_file("G")).unwrap();
    let version = |files: &[&str]| db.snapshot().unwrap().version_of(files).unwrap();
    let (f, g, both) = (version(&["F"]), version(&["G"]), version(&["F", "G"]));
    db.write(|txn| txn.write("G", "1", &DynArray::from_text("x"))).unwrap();
    assert_eq!(version(&["F"]), f);
    assert_ne!(version(&["G"]), g);
    assert_ne!(version(&["F", "G"]), both);
    let g = version(&["G"]);
    db.write(|txn| txn.delete("G", "1").map(|_| ())).unwrap();
    assert_ne!(version(&["G"]), g, "a deletion is a change");

    let other = Database::in_memory();
    with_file(&other);
    assert_ne!(other.snapshot().unwrap().version_of(&["F"]).unwrap(), f, "another account");
}

#[test]
fn another_handle_reads_beside_the_writer_and_follows_it() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Database::open(dir.path()).unwrap();
    with_file(&writer);
    put(&writer, "A", "1").unwrap();
    let reader = Database::open_read_only(dir.path()).unwrap();
    let before = reader.snapshot().unwrap();
    assert!(before.read("F", "A").unwrap().is_some());
    // Many commits pass, which would use its pages again.
    for round in 0..50 {
        put(&writer, "A", &round.to_string().repeat(500)).unwrap();
        put(&writer, &format!("N{round}"), "x").unwrap();
    }
    writer.write(|txn| txn.create_file("G")).unwrap();
    assert_eq!(before.read("F", "A").unwrap().unwrap().field_text(1), "1");
    assert_eq!(before.ids("F").unwrap().count(), 1);
    let after = reader.snapshot().unwrap();
    assert_eq!(after.ids("F").unwrap().count(), 51);
    assert_eq!(after.files().unwrap(), ["F", "G", "VOC"]);
    assert!(matches!(put(&reader, "B", "2"), Err(Error::ReadOnly { .. })));
    // A second writer is still kept out.
    assert!(matches!(Database::open(dir.path()), Err(Error::Locked { .. })));
    drop((before, after, writer));
    // Without a writer it may be read as well.
    assert_eq!(
        Database::open_read_only(dir.path()).unwrap().snapshot().unwrap().ids("F").unwrap().count(),
        51
    );
}
