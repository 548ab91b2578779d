//! The disk fails at each of its calls in turn, and power goes at each sync in turn, under a mixed workload with indices.
//! Acknowledged writes are there afterwards, the one under way is whole or absent, and everything verifies.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use crate::store::{Disk, Embedded};
use crate::{Database, DynArray, Result, verify};

/// Records by file and id.
type Model = BTreeMap<(&'static str, String), String>;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

const STEPS: u64 = 24;

/// The writes of one step: file, id, content or deletion.
fn step(number: u64) -> Vec<(&'static str, String, Option<String>)> {
    let mut dice = Dice(number);
    let writes = if number % 8 == 7 { 40 } else { 1 + dice.roll(4) };
    (0..writes)
        .map(|_| {
            let file = if dice.roll(3) == 0 { "G" } else { "F" };
            let content = (dice.roll(4) > 0).then(|| {
                let filler = "x".repeat(if dice.roll(10) == 0 { 6000 } else { 30 });
                format!("TOWN {}^{}^{filler}", dice.roll(5), number)
            });
            (file, format!("R{}", dice.roll(25)), content)
        })
        .collect()
}

/// What was acknowledged and, after a failure, what the write that failed wanted.
type Outcome = (Option<Model>, Option<Model>);

/// Runs the workload until a write fails. `None` when not even the store was complete: its file has no name then.
fn work(disk: &Disk) -> Option<Outcome> {
    let store = Embedded::over(disk.clone()).ok()?;
    Some(work_over(Database::over(Box::new(store), "a disk")))
}

fn work_over(db: Result<Database>) -> Outcome {
    let Ok(db) = db else { return (None, None) };
    db.keep_history(Some(std::time::Duration::from_secs(3)), {
        let second = std::sync::atomic::AtomicU64::new(0);
        move || second.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    });
    let created = db.write(|txn| {
        for file in ["F", "G"] {
            txn.create_file(file)?;
            let city = DynArray::from_fields(["D", "1", "", "City", "10L", "S"]);
            txn.write(&format!("DICT {file}"), "CITY", &city)?;
        }
        txn.create_index("F", "CITY").map(|_| ())
    });
    if created.is_err() {
        return (None, Some(Model::new()));
    }
    let mut acknowledged = Model::new();
    for number in 0..STEPS {
        let writes = step(number);
        let mut wanted = acknowledged.clone();
        for (file, id, content) in &writes {
            match content {
                Some(content) => wanted.insert((file, id.clone()), content.clone()),
                None => wanted.remove(&(*file, id.clone())),
            };
        }
        let written = db.write(move |txn| {
            // An index is built and dropped along the way.
            match number {
                10 => txn.create_index("G", "CITY").map(|_| ())?,
                20 => txn.delete_index("F", "CITY").map(|_| ())?,
                _ => {}
            }
            writes.iter().try_for_each(|(file, id, content)| match content {
                Some(content) => txn.write(file, id, &DynArray::from_text(content)),
                None => txn.delete(file, id).map(|_| ()),
            })
        });
        if written.is_err() {
            return (Some(acknowledged), Some(wanted));
        }
        acknowledged = wanted;
    }
    (Some(acknowledged), None)
}

/// What is there, after everything was found sound.
fn state(disk: Disk) -> Result<Option<Model>> {
    let db = Database::over(Box::new(Embedded::over(disk)?), "a disk")?;
    let snapshot = db.snapshot()?;
    let found = verify::snapshot(&snapshot)?;
    assert!(found.is_sound(), "{:?}", found.findings);
    if snapshot.files()? == ["VOC"] {
        return Ok(None);
    }
    let mut model = Model::new();
    for file in ["F", "G"] {
        for id in snapshot.ids(file)? {
            let id = id?;
            let record = snapshot.read(file, &id)?.expect("an id that was just listed");
            model.insert((file, id), record.to_text());
        }
    }
    // It can be written to again.
    db.write(|txn| txn.write("F", "AFTER", &DynArray::new()))?;
    Ok(Some(model))
}

fn check(disk: &Disk, outcome: Option<Outcome>, seed: u64, what: &str) {
    let Some((acknowledged, wanted)) = outcome else { return };
    let mut dice = Dice(seed);
    // Nothing, everything, or any part of what was not synced.
    let images = [
        disk.after_power_cut(&mut |_| 0),
        disk.after_power_cut(&mut |length| length),
        disk.after_power_cut(&mut |length| match dice.roll(4) {
            0 => 0,
            1 => dice.roll(length as u64 / 512 + 1) as usize * 512,
            _ => length,
        }),
    ];
    for (number, image) in images.into_iter().enumerate() {
        let found = std::panic::catch_unwind(AssertUnwindSafe(|| state(Disk::holding(image))));
        let found = found.unwrap_or_else(|_| panic!("{what}, image {number}: not sound"));
        let found = found.unwrap_or_else(|error| panic!("{what}, image {number}: {error}"));
        assert!(
            found == acknowledged || wanted.is_some() && found == wanted,
            "{what}, image {number}: {found:?}"
        );
    }
}

#[test]
fn the_workload_without_a_fault() {
    let disk = Disk::default();
    let (acknowledged, wanted) = work(&disk).unwrap();
    assert!(acknowledged.as_ref().is_some_and(|model| model.len() > 10) && wanted.is_none());
    check(&disk, Some((acknowledged, wanted)), 0, "no fault");
}

#[test]
fn power_may_go_at_every_sync() {
    let whole = Disk::default();
    work(&whole);
    let syncs = whole.calls().1;
    assert!(syncs > 40, "{syncs} syncs: the test looks past the writes");
    for number in 1..=syncs {
        let disk = Disk::default();
        disk.die_at_sync(number);
        check(&disk, work(&disk), number as u64, &format!("sync {number}"));
    }
}

fn fail_at_calls(numbers: impl Iterator<Item = usize>) {
    for number in numbers {
        let disk = Disk::default();
        disk.fail_at_call(number);
        check(&disk, work(&disk), number as u64, &format!("call {number}"));
    }
}

/// Every 13th call, beginning elsewhere than at the first.
#[test]
fn the_disk_may_fail_at_a_call() {
    let whole = Disk::default();
    work(&whole);
    let calls = whole.calls().0;
    assert!(calls > 300, "{calls} calls");
    fail_at_calls((3..calls).step_by(13));
}

/// Takes minutes without optimisation: `cargo xtask crash` runs it.
#[test]
#[ignore = "minutes long: cargo xtask crash runs it"]
fn the_disk_may_fail_at_every_call() {
    let whole = Disk::default();
    work(&whole);
    fail_at_calls(0..whole.calls().0);
}
