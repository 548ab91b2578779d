//! Earlier states are what they were, indices included; undo brings back; what is too old goes.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{Env, query, verify};

static CLOCK: AtomicU64 = AtomicU64::new(0);

fn account(keep: Option<u64>, clock: &Arc<AtomicU64>) -> Database {
    let db = Database::in_memory();
    let clock = Arc::clone(clock);
    db.keep_history(keep.map(Duration::from_secs), move || clock.load(Ordering::Relaxed));
    db.write(|txn| {
        txn.create_file("F")?;
        txn.write("DICT F", "CITY", &DynArray::from_fields(["D", "1", "", "City", "10L", "S"]))?;
        txn.create_index("F", "CITY")
    })
    .unwrap();
    db
}

fn put(db: &Database, id: &'static str, city: Option<&'static str>) -> u64 {
    db.write(move |txn| match city {
        Some(city) => txn.write("F", id, &DynArray::from_text(city)),
        None => txn.delete("F", id).map(|_| ()),
    })
    .unwrap();
    db.snapshot().unwrap().commit_number()
}

fn ids(snapshot: &Snapshot, sentence: &str) -> Vec<String> {
    let plan = query::parse_command(sentence, snapshot).unwrap();
    let found = snapshot.select(&plan, &Env::default(), None).unwrap();
    found.items.iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect()
}

#[test]
fn every_earlier_state_reads_as_it_was() {
    let db = account(Some(100), &Arc::default());
    let mut states = Vec::new();
    for (id, city) in [
        ("A", Some("ULM")),
        ("B", Some("BONN")),
        ("A", Some("BONN")),
        ("B", None),
        ("C", Some("ULM")),
        ("A", Some("ULM")),
        ("B", Some("ULM")),
    ] {
        let commit = put(&db, id, city);
        let now = db.snapshot().unwrap();
        let cities = ["ULM", "BONN"].map(|city| ids(&now, &format!("SSELECT F WITH CITY = \"{city}\"")));
        states.push((commit, ids(&now, "SSELECT F"), cities));
    }
    for (commit, all, cities) in states {
        let then = db.snapshot().unwrap().as_of(commit).unwrap();
        assert_eq!(then.commit_number(), commit);
        assert_eq!(ids(&then, "SSELECT F"), all, "{commit}");
        for (city, expected) in ["ULM", "BONN"].iter().zip(cities) {
            // Through the index, which is as it was as well.
            assert_eq!(ids(&then, &format!("SSELECT F WITH CITY = \"{city}\"")), expected, "{commit} {city}");
        }
        let found = verify::snapshot(&then).unwrap();
        assert!(found.is_sound(), "{found:?}");
    }
    let history = db.snapshot().unwrap().history("F", "A").unwrap();
    let texts: Vec<_> = history.iter().map(|before| before.record.as_ref().map(DynArray::to_text)).collect();
    assert_eq!(texts, [Some("BONN".into()), Some("ULM".into()), None]);
}

#[test]
fn undo_brings_back_and_refuses_what_was_changed_since() {
    let db = account(Some(100), &Arc::default());
    put(&db, "A", Some("ULM"));
    let both = db.write(|txn| {
        txn.write("F", "A", &DynArray::from_text("BONN"))?;
        txn.write("F", "B", &DynArray::from_text("BONN"))
    });
    both.unwrap();
    let wrong = db.snapshot().unwrap().commit_number();
    assert_eq!(db.write(move |txn| txn.undo(wrong)).unwrap(), 2);
    let now = db.snapshot().unwrap();
    assert_eq!(ids(&now, "SSELECT F WITH CITY = \"ULM\""), ["A"]);
    assert_eq!(ids(&now, "SSELECT F"), ["A"]);
    let error = db.write(move |txn| txn.undo(wrong)).unwrap_err();
    assert!(error.to_string().contains("changed since"), "{error}");
    // An undo is a write like any other: it can be taken back.
    db.write(|txn| txn.undo_record("F", "A")).unwrap();
    assert_eq!(db.snapshot().unwrap().read("F", "A").unwrap().unwrap().to_text(), "BONN");
    assert!(db.write(|txn| txn.undo_record("F", "never")).is_err());
    assert!(db.write(|txn| txn.undo(9999)).is_err());
}

#[test]
fn moments_find_their_state_and_what_is_too_old_goes() {
    let clock = Arc::new(AtomicU64::new(1000));
    let db = account(Some(60), &clock);
    for (second, city) in [(1010, "ULM"), (1020, "BONN"), (1030, "KIEL")] {
        clock.store(second, Ordering::Relaxed);
        put(&db, "A", Some(city));
    }
    let at = |moment| {
        let then = db.snapshot().unwrap().as_of_moment(moment)?;
        Ok::<_, Error>(then.read("F", "A")?.map(|record| record.to_text()))
    };
    for (moment, city) in [(1009, None), (1010, Some("ULM")), (1029, Some("BONN")), (5000, Some("KIEL"))] {
        assert_eq!(at(moment).unwrap().as_deref(), city, "{moment}");
    }
    assert!(at(900).is_err());
    clock.store(1085, Ordering::Relaxed);
    put(&db, "B", Some("ULM"));
    assert!(at(1015).is_err(), "older than a minute");
    assert_eq!(at(1027).unwrap().as_deref(), Some("BONN"));
    assert_eq!(db.snapshot().unwrap().history("F", "A").unwrap().len(), 1);
}

#[test]
fn without_history_nothing_is_kept_and_what_was_kept_is_forgotten() {
    let db = account(Some(60), &Arc::default());
    put(&db, "A", Some("ULM"));
    let kept = put(&db, "A", Some("BONN"));
    db.keep_history(None, || CLOCK.load(Ordering::Relaxed));
    assert!(db.snapshot().unwrap().as_of(kept - 1).is_ok());
    put(&db, "A", Some("KIEL"));
    assert!(db.snapshot().unwrap().as_of(kept - 1).is_err());
    assert_eq!(db.snapshot().unwrap().history("F", "A").unwrap(), []);
    db.keep_history(Some(Duration::from_secs(60)), || CLOCK.load(Ordering::Relaxed));
    let last = put(&db, "A", Some("ULM"));
    let then = db.snapshot().unwrap().as_of(last - 1).unwrap();
    assert_eq!(then.read("F", "A").unwrap().unwrap().to_text(), "KIEL");
}

fn shown(snapshot: &Snapshot) -> Vec<String> {
    let mut shown = Vec::new();
    for file in snapshot.files().unwrap().iter().filter(|file| *file != "VOC") {
        for file in [file.clone(), format!("DICT {file}")] {
            for id in snapshot.ids(&file).unwrap() {
                let id = id.unwrap();
                let record = snapshot.read(&file, &id).unwrap().unwrap();
                shown.push(format!("{file} {id} {}", record.to_text()));
            }
        }
    }
    shown
}

#[test]
fn files_come_back_and_go_as_they_did() {
    let db = account(Some(100), &Arc::default());
    let text = |text: &str| DynArray::from_text(text);
    type Step = Box<dyn FnOnce(&mut Txn<'_>) -> Result<()> + Send>;
    let steps: Vec<Step> = vec![
        Box::new(move |txn| txn.write("F", "A", &text("ULM"))),
        Box::new(move |txn| {
            txn.create_file_as("G", true)?;
            txn.write("DICT G", "TOWN", &DynArray::from_fields(["D", "1", "", "Town", "10L", "S"]))?;
            txn.write("G", "one", &text("1"))
        }),
        Box::new(move |txn| txn.write("G", "ONE", &text("2"))),
        Box::new(|txn| txn.delete_file("F")),
        Box::new(move |txn| {
            txn.create_file("F")?;
            txn.write("F", "A", &text("another"))
        }),
        Box::new(|txn| txn.set_no_case("G", false).map(drop)),
        Box::new(move |txn| txn.write("G", "one", &text("3"))),
        Box::new(|txn| txn.rename_file("G", "H")),
        Box::new(|txn| txn.rename_file("F", "G")),
        Box::new(|txn| txn.rename_file("H", "F")),
        Box::new(|txn| txn.set_no_case("G", true).map(drop)),
        Box::new(|txn| txn.delete_file("F")),
    ];
    let mut states = Vec::new();
    for step in steps {
        db.write(step).unwrap();
        let now = db.snapshot().unwrap();
        states.push((now.commit_number(), shown(&now)));
    }
    for (commit, expected) in &states {
        let then = db.snapshot().unwrap().as_of(*commit).unwrap();
        assert_eq!(shown(&then), *expected, "{commit}");
        let found = verify::snapshot(&then).unwrap();
        assert!(found.is_sound(), "{commit}: {found:?}");
    }
    // Put back for good it is as sound, and made again it can be taken back again.
    let (before, last) = (&states[states.len() - 2].1, states[states.len() - 1].0);
    db.write(move |txn| txn.undo(last)).unwrap();
    assert_eq!(shown(&db.snapshot().unwrap()), *before);
    let made =
        db.write(|txn| txn.create_file("H").and_then(|()| txn.write("H", "x", &DynArray::from_text("y"))));
    made.unwrap();
    let made = db.snapshot().unwrap().commit_number();
    db.write(move |txn| txn.undo(made)).unwrap();
    let now = db.snapshot().unwrap();
    assert_eq!(shown(&now), *before);
    let found = verify::snapshot(&now).unwrap();
    assert!(found.is_sound(), "{found:?}");
}

/// Keys of the history in the store.
fn kept(db: &Database) -> usize {
    let mut keys = 0;
    db.snapshot()
        .unwrap()
        .view()
        .scan((Bound::Included(&[BEFORE]), Bound::Excluded(&[WRITTEN + 1])), &mut |_, _| {
            keys += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    keys
}

fn put_many(db: &Database, prefix: &'static str) -> u64 {
    let work = move |txn: &mut Txn<'_>| {
        (0..5000)
            .try_for_each(|number| txn.write("F", &format!("{prefix}{number}"), &DynArray::from_text("ULM")))
    };
    db.write(work).unwrap();
    db.snapshot().unwrap().commit_number()
}

#[test]
fn no_commit_forgets_much_at_once_and_half_a_commit_is_none() {
    let clock = Arc::new(AtomicU64::new(1000));
    let db = account(Some(60), &clock);
    let great = put_many(&db, "A");
    let all = kept(&db);
    assert!(all > 10_000);
    clock.store(2000, Ordering::Relaxed);
    put(&db, "B", Some("ULM"));
    let left = kept(&db);
    assert!(left > all - 3 * FORGET_AT_ONCE && left < all, "{left} of {all}");
    // A part of it is gone: it can neither be read nor undone nor shown.
    let error = db.write(move |txn| txn.undo(great)).unwrap_err();
    assert!(error.to_string().contains("does not hold"), "{error}");
    assert!(db.snapshot().unwrap().as_of(great - 1).is_err());
    assert!(db.snapshot().unwrap().as_of(great).is_ok());
    assert_eq!(db.snapshot().unwrap().history("F", "A4999").unwrap(), []);
    for _ in 0..3 {
        put(&db, "B", Some("BONN"));
    }
    // The mark, and three keys for each commit since the clock went on.
    assert_eq!(kept(&db), 1 + 4 * 3);
}

#[test]
fn history_begun_anew_knows_nothing_of_the_old_one() {
    let clock = Arc::new(AtomicU64::new(1000));
    let db = account(Some(60), &clock);
    put(&db, "A", Some("ULM"));
    let great = put_many(&db, "A");
    db.keep_history(None, || 0);
    put(&db, "A1", Some("BONN"));
    let left = kept(&db);
    let again = Arc::clone(&clock);
    db.keep_history(Some(Duration::from_secs(60)), move || again.load(Ordering::Relaxed));
    let first = put(&db, "A1", Some("KIEL"));
    assert!(kept(&db) < left, "what is of no use goes on going, though it is not too old");
    assert!(db.snapshot().unwrap().as_of(great).is_err());
    let then = db.snapshot().unwrap().as_of(first - 1).unwrap();
    assert_eq!(then.read("F", "A1").unwrap().unwrap().to_text(), "BONN");
    assert_eq!(db.snapshot().unwrap().history("F", "A1").unwrap().len(), 1);
    assert!(db.write(move |txn| txn.undo(great)).is_err());
}
