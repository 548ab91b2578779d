//! Backups of a live account: what they hold, what damage does, and that nothing half done is left.

use super::*;
use crate::{Database, Env, Record, query, verify};

const ENV: Env = Env { today: 21_513, second: 0 };

fn filled(dir: &Path) -> Database {
    let db = Database::open(dir).unwrap();
    crate::schema::ensure_household(&db).unwrap();
    db.write(|txn| {
        for n in 0..500 {
            let record =
                Record::from_fields([format!("P{}", n % 7), format!("Drug {n}"), "x".repeat(n * 11)]);
            txn.write("MEDICATION", &format!("M{n}"), &record)?;
        }
        Ok(())
    })
    .unwrap();
    db
}

fn entries(db: &Database) -> Vec<(Vec<u8>, Vec<u8>)> {
    let snapshot = db.snapshot().unwrap();
    let mut all = Vec::new();
    snapshot
        .view()
        .scan((Bound::Unbounded, Bound::Unbounded), &mut |key, value| {
            all.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

#[test]
fn a_backup_taken_while_others_write_restores_to_its_moment() {
    let temp = tempfile::tempdir().unwrap();
    let db = filled(&temp.path().join("live"));
    let snapshot = db.snapshot().unwrap();
    let before = entries(&db);
    db.write(|txn| txn.write("MEDICATION", "LATER", &Record::from_fields(["P1"]))).unwrap();
    let path = temp.path().join("b");
    let backup = snapshot.backup(&path).unwrap();
    assert_eq!(backup.entries, before.len() as u64);
    assert_eq!(backup.bytes, std::fs::metadata(&path).unwrap().len());
    assert!(backup.bytes > 1 << 20, "several blocks: {}", backup.bytes);
    assert_eq!(check(&path).unwrap(), backup);
    let restored = temp.path().join("restored");
    assert_eq!(restore(&path, &restored, false).unwrap(), backup);
    assert!(verify::account(&restored).unwrap().is_sound());
    let copy = Database::open(&restored).unwrap();
    assert_eq!(entries(&copy), before);
    let snapshot = copy.snapshot().unwrap();
    let plan = query::parse("COUNT MEDICATION WITH PERSON_ID = \"P1\"", &snapshot).unwrap();
    assert_eq!(snapshot.run(&plan, &ENV).unwrap().count, 72);
    // Never over something that is there.
    assert!(snapshot.backup(&path).unwrap_err().to_string().contains("exists already"));
}

#[test]
fn a_second_process_backs_up_beside_the_one_that_writes() {
    let temp = tempfile::tempdir().unwrap();
    let live = temp.path().join("live");
    let db = filled(&live);
    let path = temp.path().join("b");
    let reader = Database::open_read_only(&live).unwrap();
    let backup = reader.snapshot().unwrap().backup(&path).unwrap();
    assert_eq!(backup.entries, entries(&db).len() as u64);
}

#[test]
fn only_the_owner_reads_a_backup() {
    let temp = tempfile::tempdir().unwrap();
    let db = Database::in_memory();
    let path = temp.path().join("b");
    db.snapshot().unwrap().backup(&path).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    }
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1, "nothing partial is left");
}

#[test]
fn restoring_over_an_account_needs_to_be_asked_for_and_keeps_the_old_one() {
    let temp = tempfile::tempdir().unwrap();
    let (old, path) = (temp.path().join("old"), temp.path().join("b"));
    let db = filled(&old);
    Database::in_memory().snapshot().unwrap().backup(&path).unwrap();
    assert!(restore(&path, &old, false).unwrap_err().to_string().contains("already"));
    assert!(matches!(restore(&path, &old, true), Err(Error::Locked { .. })), "while it is open");
    let before = entries(&db);
    drop(db);
    restore(&path, &old, true).unwrap();
    assert_eq!(Database::open(&old).unwrap().snapshot().unwrap().files().unwrap(), ["VOC"]);
    std::fs::rename(old.join("hal.redb.before-restore"), old.join(STORE_FILE)).unwrap();
    assert_eq!(entries(&Database::open(&old).unwrap()), before);
}

#[test]
fn every_damaged_byte_is_noticed_and_nothing_is_restored() {
    let temp = tempfile::tempdir().unwrap();
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("F")?;
        txn.write("F", "A", &Record::from_fields(["one", "two"]))
    })
    .unwrap();
    let path = temp.path().join("b");
    db.snapshot().unwrap().backup(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let damaged = temp.path().join("damaged");
    let target = temp.path().join("target");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        std::fs::write(&damaged, &bytes).unwrap();
        assert!(check(&damaged).is_err(), "byte {at}");
        std::fs::write(&damaged, &whole[..at]).unwrap();
        assert!(check(&damaged).is_err(), "cut at {at}");
    }
    assert!(restore(&damaged, &target, false).is_err());
    assert!(!target.join(STORE_FILE).exists());
    std::fs::write(&damaged, [whole.as_slice(), b"x"].concat()).unwrap();
    assert!(check(&damaged).unwrap_err().to_string().contains("follows its end"));
}
