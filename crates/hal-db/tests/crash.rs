//! A real process under load is killed, again and again, over one account: no acknowledged write is lost, no transaction is
//! there in half, everything verifies. `cargo xtask crash` does it 200 times.

#![allow(clippy::unwrap_used)] // A test may stop at the first failure.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use hal_db::{Database, DynArray, Snapshot, compact, verify};

const FOLDER: &str = "HAL_CRASH_FOLDER";
const WRITERS: usize = 4;
/// A writer deletes what it wrote so many transactions ago.
const KEPT: u64 = 40;

/// Not a test of its own: what the killed process does. It prints each write after it was acknowledged.
#[test]
#[ignore = "the process that the others start and kill"]
fn the_process_that_is_killed() {
    let Some(dir) = std::env::var_os(FOLDER) else { return };
    let db = Database::open(Path::new(&dir)).unwrap();
    let snapshot = db.snapshot().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (db, first) = (&db, total(&snapshot, writer) + 1);
            scope.spawn(move || {
                // Until the process is killed; the bound only ends one that nobody kills.
                for number in first..first + 1_000_000 {
                    db.write(move |txn| {
                        let (id, record) = (id(writer, number), record(writer, number));
                        txn.write("A", &id, &record)?;
                        txn.write("B", &id, &record)?;
                        if let Some(old) = number.checked_sub(KEPT).filter(|old| *old > 0) {
                            for file in ["A", "B"] {
                                txn.delete(file, &self::id(writer, old))?;
                            }
                        }
                        txn.write("TOTALS", &writer.to_string(), &DynArray::from_text(&number.to_string()))
                    })
                    .unwrap();
                    // One line, one call: lines of several threads stay whole.
                    let mut out = std::io::stdout().lock();
                    if out
                        .write_all(format!("ack {writer} {number}\n").as_bytes())
                        .and_then(|()| out.flush())
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
}

fn id(writer: usize, number: u64) -> String {
    format!("{writer}-{number}")
}

fn record(writer: usize, number: u64) -> DynArray {
    let size = if number.is_multiple_of(9) { 9000 } else { 60 };
    DynArray::from_fields([format!("TOWN {}", number % 7), format!("{writer}"), "x".repeat(size)])
}

fn total(snapshot: &Snapshot, writer: usize) -> u64 {
    let record = snapshot.read("TOTALS", &writer.to_string()).unwrap();
    record.map_or(0, |record| record.to_text().parse().unwrap())
}

fn create(dir: &Path) {
    let db = Database::open(dir).unwrap();
    db.write(|txn| {
        for file in ["A", "B", "TOTALS"] {
            txn.create_file(file)?;
        }
        for file in ["A", "B"] {
            let city = DynArray::from_fields(["D", "1", "", "City", "10L", "S"]);
            txn.write(&format!("DICT {file}"), "CITY", &city)?;
            txn.create_index(file, "CITY")?;
        }
        Ok(())
    })
    .unwrap();
}

/// Starts the process, kills it after `lines` acknowledgements, and gives the last of each writer.
fn killed_after(dir: &Path, lines: usize) -> [u64; WRITERS] {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_process_that_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut last = [0; WRITERS];
    let mut note = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // The test runner may have written the beginning of the first line.
        let Some(at) = words.iter().position(|word| *word == "ack") else { return false };
        let (Some(writer), Some(number)) = (words.get(at + 1), words.get(at + 2)) else { return false };
        let writer: usize = writer.parse().unwrap();
        last[writer] = last[writer].max(number.parse().unwrap());
        true
    };
    let mut out = BufReader::new(process.stdout.take().unwrap());
    let (mut line, mut seen) = (String::new(), 0);
    while seen < lines {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "the process ended by itself after {seen} lines");
        seen += usize::from(note(&line));
    }
    process.kill().unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    process.wait().unwrap();
    // A line that was cut off by the end counts for nothing.
    let whole = rest.rfind('\n').map_or(0, |end| end + 1);
    for line in rest[..whole].lines() {
        note(line);
    }
    last
}

fn check(dir: &Path, acknowledged: &[u64; WRITERS]) {
    let found = verify::account(dir).unwrap();
    assert!(found.is_sound(), "{:?}", found.findings);
    let db = Database::open(dir).unwrap();
    let snapshot = db.snapshot().unwrap();
    let mut records = 0;
    for (writer, acknowledged) in acknowledged.iter().enumerate() {
        let total = total(&snapshot, writer);
        assert!(total >= *acknowledged, "writer {writer}: {acknowledged} was acknowledged, {total} is there");
        for number in (total + 1).saturating_sub(KEPT).max(1)..=total + 2 {
            let there = number <= total;
            records += usize::from(there);
            for file in ["A", "B"] {
                let expected = there.then(|| record(writer, number));
                assert!(
                    snapshot.read(file, &id(writer, number)).unwrap() == expected,
                    "{file} {writer}-{number} of {total}"
                );
            }
        }
    }
    for file in ["A", "B"] {
        assert_eq!(snapshot.ids(file).unwrap().count(), records, "{file}");
    }
}

/// Not a test of its own: compacts the account until it is killed, and tells when it begins.
#[test]
#[ignore = "the process that the others start and kill"]
fn the_process_that_compacts() {
    let Some(dir) = std::env::var_os(FOLDER) else { return };
    for _ in 0..10_000 {
        println!("begin");
        compact::account(Path::new(&dir)).unwrap();
    }
}

#[test]
fn a_killed_compaction_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let db = Database::open(dir.path()).unwrap();
    for number in 1..=KEPT {
        db.write(move |txn| {
            (0..WRITERS).try_for_each(|writer| {
                txn.write("A", &id(writer, number), &record(writer, number))?;
                txn.write("B", &id(writer, number), &record(writer, number))?;
                txn.write("TOTALS", &writer.to_string(), &DynArray::from_text(&number.to_string()))
            })
        })
        .unwrap();
    }
    drop(db);
    for round in 0..8_u32 {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_compacts", "--ignored", "--nocapture", "--test-threads=1"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let (mut line, mut begun) = (String::new(), 0);
        while begun <= round {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "the process ended by itself");
            begun += u32::from(line.contains("begin"));
        }
        // Some way into it, another in each round.
        (0..round * 400_000).for_each(|_| std::hint::spin_loop());
        process.kill().unwrap();
        process.wait().unwrap();
        check(dir.path(), &[KEPT; WRITERS]);
    }
    compact::account(dir.path()).unwrap();
    check(dir.path(), &[KEPT; WRITERS]);
}

fn rounds(rounds: usize) {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let (mut dice, mut writes) = (0x5EED_u64, 0);
    for round in 0..rounds {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let acknowledged = killed_after(dir.path(), 1 + (dice >> 33) as usize % 120);
        check(dir.path(), &acknowledged);
        writes = acknowledged.iter().sum();
        if rounds > 20 && (round + 1) % 20 == 0 {
            println!("{} rounds, {writes} transactions acknowledged, none lost", round + 1);
        }
    }
    assert!(writes > 0);
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    rounds(8);
}

#[test]
#[ignore = "minutes long: cargo xtask crash runs it"]
fn two_hundred_times() {
    rounds(200);
}
