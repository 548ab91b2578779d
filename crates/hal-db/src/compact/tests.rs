//! What is compacted is smaller and the same.

use super::*;
use crate::{Database, DynArray, backup, verify};

fn entries(dir: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    let store = Embedded::open_read_only(&dir.join(STORE_FILE)).unwrap();
    store
        .snapshot()
        .unwrap()
        .scan((Bound::Unbounded, Bound::Unbounded), &mut |key, value| {
            all.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

/// An account with holes: half of its records are gone again.
fn holed(dir: &Path) {
    let db = Database::open(dir).unwrap();
    db.write(|txn| {
        txn.create_file_as("F", true)?;
        txn.write("DICT F", "CITY", &DynArray::from_fields(["D", "1", "", "City", "10L", "S"]))?;
        txn.create_index("F", "CITY")?;
        // Neither in order nor all of a size.
        (0..6000_usize).map(|n| n * 7919 % 6000).try_for_each(|n| {
            let size = if n % 500 == 0 { 20_000 } else { n % 90 };
            txn.write(
                "F",
                &format!("R{n}"),
                &DynArray::from_fields([format!("TOWN {}", n % 40), "x".repeat(size)]),
            )
        })
    })
    .unwrap();
    db.write(|txn| (0..6000).step_by(2).try_for_each(|n| txn.delete("F", &format!("r{n}")).map(drop)))
        .unwrap();
}

#[test]
fn a_compacted_account_is_smaller_and_the_same() {
    let dir = tempfile::tempdir().unwrap();
    holed(dir.path());
    let before = entries(dir.path());
    // As a compaction that was killed leaves it.
    std::fs::write(dir.path().join("hal.redb.compacting"), b"half of something").unwrap();
    let done = account(dir.path()).unwrap();
    assert!(done.after * 2 < done.before, "{done:?}");
    assert_eq!(done.entries, before.len() as u64);
    assert!(entries(dir.path()) == before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside");
    let found = verify::account(dir.path()).unwrap();
    assert!(found.is_sound() && found.pages == verify::Pages::Sound, "{found:?}");
    // Again there is nothing to gain, and it can be written to.
    let again = account(dir.path()).unwrap();
    assert!(again.after <= again.before);
    let db = Database::open(dir.path()).unwrap();
    db.write(|txn| txn.write("F", "NEW", &DynArray::from_text("x"))).unwrap();
    db.snapshot().unwrap().backup(&dir.path().join("backup")).unwrap();
    backup::check(&dir.path().join("backup")).unwrap();
    assert!(matches!(account(dir.path()), Err(Error::Locked { .. })), "while it is open");
}

#[test]
fn whoever_opened_the_old_file_cannot_write_to_it() {
    let dir = tempfile::tempdir().unwrap();
    holed(dir.path());
    // A second name shows what a process sees that had opened the file before.
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::hard_link(dir.path().join(STORE_FILE), other.join(STORE_FILE)).unwrap();
    account(dir.path()).unwrap();
    assert!(matches!(Database::open(&other), Err(Error::NewerFormat { .. })));
    assert!(Database::open(dir.path()).is_ok());
}

#[test]
fn what_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    assert!(account(dir.path()).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
