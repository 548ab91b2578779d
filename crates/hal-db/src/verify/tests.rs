//! A sound account is called sound; each way of breaking one is found and named.

use super::*;
use crate::account::definition_key;
use crate::store::{Mem, Store as _, StoreTxn};
use crate::{DynArray, Record};

fn account_in(db: &Database) {
    db.write(|txn| {
        txn.create_file("F")?;
        txn.write("DICT F", "NAME", &DynArray::from_fields(["D", "1", "", "Name", "10L", "M"]))?;
        txn.create_index("F", "NAME")?;
        txn.write("F", "A", &Record::from_bytes(b"ann\xFDbo".as_slice()))?;
        txn.write("F", "B", &Record::from_fields(["cy"]))
    })
    .unwrap();
}

/// An account whose keys were changed behind its back.
fn broken(change: impl FnOnce(&mut dyn StoreTxn, u32, u32)) -> Verification {
    let sound = Database::in_memory();
    account_in(&sound);
    let snapshot = sound.snapshot().unwrap();
    let entry = snapshot.catalog().file("F").unwrap();
    let (file, index) = (entry.number, entry.indices[0].number);
    let store = Mem::default();
    let mut txn = store.begin().unwrap();
    snapshot
        .view()
        .scan((Bound::Unbounded, Bound::Unbounded), &mut |key, value| {
            txn.put(key, value).unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
    change(txn.as_mut(), file, index);
    txn.commit().unwrap();
    let db = Database::over(Box::new(store), "broken").unwrap();
    super::snapshot(&db.snapshot().unwrap()).unwrap()
}

fn finds<T>(change: impl FnOnce(&mut dyn StoreTxn, u32, u32) -> T, expected: &str) {
    let found = broken(|txn, file, index| {
        change(txn, file, index);
    });
    // Records that come or go behind its back are missed in the count as well.
    let others = found.findings.iter().filter(|finding| !finding.ends_with("are noted")).count();
    assert_eq!(others, 1, "{:?}", found.findings);
    assert!(found.findings[0].contains(expected), "{:?}", found.findings);
    assert!(!found.is_sound());
}

#[test]
fn a_sound_account_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path()).unwrap();
    account_in(&db);
    let open = account(dir.path()).unwrap();
    assert_eq!(open.pages, Pages::Unchecked, "while it is open");
    drop(db);
    let closed = account(dir.path()).unwrap();
    assert_eq!(closed.pages, Pages::Sound);
    for found in [open, closed] {
        assert!(found.is_sound(), "{:?}", found.findings);
        // Both values of A, that it has several, and the one of B.
        assert_eq!((found.files, found.indices, found.entries), (2, 1, 4));
        // Two records, @ID and NAME, and the VOC with its dictionary.
        assert_eq!(found.records, 2 + 2 + 2 + 3);
    }
    assert!(account(&dir.path().join("none")).is_err());
}

#[test]
fn each_kind_of_damage_is_named() {
    finds(
        |txn, file, _| txn.put(&record_key(file, "A"), b"bo\xFDbo\xFEx").unwrap(),
        "an entry for A has a value",
    );
    finds(|txn, file, _| txn.delete(&record_key(file, "B")).unwrap(), "an entry leads to B");
    finds(
        |txn, _, index| {
            let key = with_id([&[2], b"cy".as_slice()].concat(), "B");
            txn.delete(&entry_key(index, &key)).unwrap();
        },
        "index NAME of F: B is missing",
    );
    finds(|txn, _, _| txn.put(&record_key(99, "X"), b"").unwrap(), "records belong to no file (number 99)");
    finds(|txn, _, _| txn.put(&entry_key(98, b"x\0\0A"), b"").unwrap(), "index entries belong to no index");
    finds(|txn, _, _| txn.put(&definition_key(97, "N"), b"").unwrap(), "index definitions belong to no file");
    finds(
        |txn, file, _| txn.put(&[record_key(file, ""), vec![0xFF]].concat(), b"x\xFEy").unwrap(),
        "which none may have",
    );
    let found = broken(|txn, file, _| {
        txn.put(&record_key(file, "MORE"), b"bo\xFEx").unwrap();
    });
    assert!(found.findings.iter().any(|finding| finding == "F: 3 records, but 2 are noted"), "{found:?}");
    finds(|txn, _, _| txn.put(&[9, 9], b"").unwrap(), "belongs to nothing");
}

#[test]
fn a_page_that_changed_on_disk_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path()).unwrap();
    account_in(&db);
    db.write(|txn| txn.write("F", "BIG", &Record::from_fields(["NEEDLE".repeat(3000)]))).unwrap();
    drop(db);
    let path = dir.path().join(STORE_FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = memchr::memmem::rfind(&bytes, b"NEEDLENEEDLE").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let found = account(dir.path()).unwrap();
    assert_eq!(found.pages, Pages::Damaged, "{found:?}");
    assert!(!found.is_sound());
}
