use super::chain::{Broken, Check, Cut, Event, Head};
use super::cut::{Keep, cut};
use super::store;
use super::*;
use hal_db::Database;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A log of one entry a day, from day 1.
fn days(count: i64) -> (Database, Head) {
    let database = Database::in_memory();
    store::prepare(&database).expect("made");
    let (mut head, mut entries) = (Head::default(), Vec::new());
    for day in 1..=count {
        let event = Event { what: "turn".to_owned(), user: format!("u{day}"), ..Event::default() };
        let entry = head.next(day * DAY_MS, event);
        head = entry.head();
        entries.push(entry);
    }
    database.write(move |txn| store::write_audit(txn, &entries)).expect("written");
    (database, head)
}

fn verify(database: &Database, known: Option<&str>) -> Result<Verified, Broken> {
    let snapshot = database.snapshot().expect("read");
    let mut check = Check::new(store::cuts(&snapshot).expect("read"), known);
    let mut broken = None;
    let mut each = |entry: Option<chain::Entry>| match check.take(&entry.expect("an entry")) {
        Ok(()) => std::ops::ControlFlow::Continue(()),
        Err(fault) => {
            broken = Some(fault);
            std::ops::ControlFlow::Break(())
        }
    };
    store::audit(&snapshot, &mut each).expect("read");
    broken.map_or_else(|| check.done(), Err)
}

fn hash_of(database: &Database, number: u64) -> String {
    let entry = store::audit_at(&database.snapshot().expect("read"), number).expect("read");
    entry.expect("there").hash.to_hex()
}

const TEN_DAYS: Keep = Keep { days: 10, entries_max: 1_000 };

#[test]
fn what_is_older_than_it_may_be_is_cut_and_the_rest_still_verifies() {
    let (database, head) = days(30);
    let (first, middle, ended, stays) =
        (hash_of(&database, 1), hash_of(&database, 7), hash_of(&database, 19), hash_of(&database, 25));
    let now = 30 * DAY_MS;
    let end = cut(&database, head, TEN_DAYS, now).expect("cut").expect("something was due");
    assert_eq!(cut(&database, end, TEN_DAYS, now).expect("looked"), None, "nothing is left to cut");
    let found = verify(&database, None).expect("whole");
    // Entries 20 to 30, and the one that says so.
    assert_eq!((found.entries, found.head), (12, end));
    let gone = found.cut.expect("told");
    assert_eq!((gone.first, gone.head.number, gone.at_ms), (1, 19, now));
    assert_eq!(gone.head.hash.to_hex(), ended);

    assert!(verify(&database, Some(&stays)).is_ok());
    let found = verify(&database, Some(&ended)).expect("the end of a cut is known for ever");
    assert_eq!(found.known_cut_ms, Some(now));
    for hash in [first, middle] {
        assert_eq!(verify(&database, Some(&hash)), Err(Broken::NoHeadAnyMore(hash, 19)));
    }

    // Later once more: the last cut is vouched for, the one before is still known.
    let later = cut(&database, end, TEN_DAYS, now + 15 * DAY_MS).expect("cut").expect("due");
    let found = verify(&database, Some(&ended)).expect("whole");
    assert_eq!((found.head, found.known_cut_ms), (later, Some(now)));
    assert_eq!(found.cut.expect("told").first, 20);
}

#[test]
fn a_log_that_is_too_long_is_cut_to_its_bound_and_a_young_one_is_left_alone() {
    let (database, head) = days(60);
    let keep = Keep { days: 0, entries_max: 50 };
    let end = cut(&database, head, keep, 1000 * DAY_MS).expect("cut").expect("too long");
    let found = verify(&database, None).expect("whole");
    assert_eq!((found.entries, found.head), (51, end));
    let (database, head) = days(60);
    for keep in [Keep { days: 0, entries_max: 1_000 }, Keep { days: 61, entries_max: 60 }] {
        assert_eq!(cut(&database, head, keep, 60 * DAY_MS).expect("looked"), None, "{keep:?}");
    }
    // The end of the chain is never gone.
    let end = cut(&database, head, TEN_DAYS, 1000 * DAY_MS).expect("cut").expect("all of it is old");
    assert_eq!(verify(&database, None).map(|found| (found.entries, found.head)), Ok((2, end)));
}

#[test]
fn what_was_taken_away_by_hand_is_no_cut() {
    let (database, _) = days(30);
    let take = |count: u64| {
        let removed =
            (1..=count).try_for_each(|number| database.write(move |txn| store::delete_audit(txn, number)));
        removed.expect("removed");
    };
    let head = Head { number: 5, hash: secret::Digest::from_hex(&hash_of(&database, 5)).expect("a hash") };
    take(5);
    assert_eq!(verify(&database, None), Err(Broken::Missing(1)));
    // With a record of a cut that nobody made.
    let made_up = Cut { at_ms: 1, first: 1, head };
    database.write(move |txn| store::write_cut(txn, &made_up)).expect("written");
    assert_eq!(verify(&database, None), Err(Broken::NoCut(5)));
}

#[test]
fn a_log_that_was_changed_is_not_cut() {
    let (database, head) = days(30);
    database
        .write(|txn| {
            let mut record = txn.read("AUDIT", "000000000004")?.expect("there");
            record.set_field(3, "somebody");
            txn.write("AUDIT", "000000000004", &record)
        })
        .expect("written");
    assert_eq!(cut(&database, head, TEN_DAYS, 30 * DAY_MS).expect("looked"), None);
    assert_eq!(verify(&database, None), Err(Broken::Changed(4)));
}

#[test]
fn an_export_verifies_without_the_household_and_tells_what_was_changed_in_it() {
    let auth = Auth::in_memory(Policy::presets(), Rule::Required);
    let note = |day: i64| {
        let files = vec!["PERSON".to_owned(), "TASK".to_owned()];
        let event = Event { what: "turn".to_owned(), user: format!("u\"{day}"), files, ..Event::default() };
        auth.audit().record(day * DAY_MS, event);
    };
    (1..=1200).for_each(note);
    let all = |auth: &Auth| {
        let (mut lines, mut after) = (Vec::new(), 0);
        loop {
            let more = auth.audit().export(after).expect("read");
            if more.is_empty() {
                return lines;
            }
            lines.extend(more);
            after = lines.len() as u64 - 1;
        }
    };
    let before = all(&auth);
    fn verified(lines: &[String], known: Option<&str>) -> Result<Verified, export::Unread> {
        export::verify(lines.iter().map(String::as_str), known)
    }
    let whole = verified(&before, None).expect("whole");
    assert_eq!((whole.entries, whole.cut), (1200, None));
    assert_eq!(auth.audit().verify(None).expect("read"), Ok(whole));

    let mut changed = before.clone();
    changed[7] = changed[7].replace("TASK", "MEDICATION");
    assert_eq!(verified(&changed, None), Err(export::Unread::Broken(Broken::Changed(7))));
    changed.remove(7);
    assert_eq!(verified(&changed, None), Err(export::Unread::Broken(Broken::Missing(7))));
    changed[7] = "{}".to_owned();
    assert!(matches!(verified(&changed, None), Err(export::Unread::NoEntry(8))));
    assert_eq!(verified(&before[1..], None), Err(export::Unread::NoExport));

    // What the setting says is done by the writer itself; an export of before goes on in one of after.
    auth.audit().keep(Keep { days: 0, entries_max: 1_000 });
    let found = auth.audit().verify(None).expect("read").expect("whole");
    let cut = found.cut.expect("cut");
    assert_eq!((found.entries, cut.head.number), (1001, 200));
    let known = cut.head.hash.to_hex();
    assert!(verified(&before, Some(&known)).is_ok());
    let mut after = auth.audit().export(0).expect("read");
    after.extend(auth.audit().export(1201).expect("read"));
    assert_eq!(verified(&after, None), Ok(found));
}
