//! The feed names what each commit changed, goes on from any number, and says when it cannot.

use super::*;
use crate::DynArray;

fn put(db: &Database, ids: &[&str]) -> u64 {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    db.write(move |txn| ids.iter().try_for_each(|id| txn.write("F", id, &DynArray::from_text("x")))).unwrap();
    db.snapshot().unwrap().commit_number()
}

fn account() -> Database {
    let db = Database::in_memory();
    db.write(|txn| txn.create_file("F")).unwrap();
    db
}

fn change(commit: u64, ids: &[&str]) -> Change {
    Change { commit, file: "F".into(), ids: Some(ids.iter().map(|id| (*id).to_owned()).collect()) }
}

#[test]
fn changed_ids_come_in_the_order_of_commits_and_from_any_number() {
    let db = account();
    let start = db.snapshot().unwrap().commit_number();
    let (first, second) = (put(&db, &["B", "A"]), put(&db, &["A"]));
    db.write(|txn| txn.delete("F", "B")).unwrap();
    let snapshot = db.snapshot().unwrap();
    let all = snapshot.changes_after(start, 100).unwrap();
    assert_eq!(all.changes, [change(first, &["A", "B"]), change(second, &["A"]), change(second + 1, &["B"])]);
    assert!(!all.missed && all.until == second + 1);
    assert_eq!(snapshot.changes_after(first, 1).unwrap().changes, [change(second, &["A"])]);
    assert_eq!(
        snapshot.changes_after(all.until, 100).unwrap(),
        Changes { until: all.until, ..Changes::default() }
    );
    // A number from the future is of another account, or of before a restore.
    assert!(snapshot.changes_after(all.until + 1, 100).unwrap().missed);
}

#[test]
fn a_great_commit_names_its_file_only_and_the_oldest_commits_go() {
    let db = account();
    let start = db.snapshot().unwrap().commit_number();
    let many: Vec<String> = (0..=IDS_MAX).map(|n| n.to_string()).collect();
    put(&db, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let piece = db.snapshot().unwrap().changes_after(start, 10).unwrap();
    assert_eq!(piece.changes, [Change { commit: start + 1, file: "F".into(), ids: None }]);
    for _ in 0..COMMITS_KEPT {
        put(&db, &["A"]);
    }
    let snapshot = db.snapshot().unwrap();
    assert!(snapshot.changes_after(start, 10).unwrap().missed);
    let piece = snapshot.changes_after(start + 1, usize::MAX).unwrap();
    assert!(!piece.missed);
    assert_eq!(piece.changes.len() as u64, COMMITS_KEPT);
}

#[test]
fn a_watch_wakes_for_its_file_and_goes_on_after_the_account_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path()).unwrap();
    db.write(|txn| txn.create_file("F").and_then(|()| txn.create_file("G"))).unwrap();
    let mut watch = db.watch(db.snapshot().unwrap().commit_number(), Some("F"));
    assert_eq!(watch.next(Duration::ZERO).unwrap(), None);
    let writer = {
        let db = db.clone();
        std::thread::spawn(move || {
            db.write(|txn| txn.write("G", "other", &DynArray::new())).unwrap();
            put(&db, &["A"])
        })
    };
    let piece = watch.next(Duration::from_secs(60)).unwrap().unwrap();
    assert_eq!(piece.changes, [change(writer.join().unwrap(), &["A"])]);
    let until = watch.until();
    put(&db, &["B"]);
    drop((db, watch));
    let db = Database::open(dir.path()).unwrap();
    let piece = db.watch(until, None).next(Duration::ZERO).unwrap().unwrap();
    assert_eq!(piece.changes, [change(until + 1, &["B"])]);
}
