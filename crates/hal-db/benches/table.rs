//! What a large file takes, on this machine and disk: `cargo xtask bench db [RECORDS…]`.
//!
//! Records of 10 fields and about 134 bytes, in a store on disk. Beside each figure stands what OpenQM's open engine takes for
//! 1,000,000 of them on a machine like this one, in processor time and without any sync, and how many times less HAL took.
//! Nothing is asserted: figures of a busy machine are for comparison.

#![allow(clippy::disallowed_methods)] // A benchmark measures real time.
#![allow(clippy::unwrap_used)] // It may stop at the first failure.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hal_db::{Database, DynArray, Env, Snapshot, query};

/// Sentence, and the engine's seconds for 1,000,000 records; none where it was not measured.
const QUERIES: &[(&str, Option<f64>)] = &[
    ("COUNT T", Some(0.201)),
    ("SELECT T WITH AMOUNT > 190.00", Some(2.75)),
    ("SELECT T WITH CITY = \"TOWN 7\"", Some(2.75)),
    ("SELECT T WITH NET > 150.00", Some(2.75)),
    ("SELECT T BY AMOUNT", Some(6.2)),
    ("SELECT T BY CITY BY.DSND DATE", Some(6.2)),
    ("SORT T BY AMOUNT NAME CITY DATE AMOUNT NO.PAGE", Some(20.0)),
    ("SORT T NAME CITY DATE AMOUNT NO.PAGE", Some(20.0)),
    ("SORT T BY CITY BREAK.ON CITY TOTAL AMOUNT NO.PAGE", Some(13.2)),
    ("SORT T BY CITY BREAK.ON CITY TOTAL AMOUNT DET.SUP NO.PAGE", Some(13.2)),
];

/// How long lines are measured that would otherwise be over at once.
const BUDGET: Duration = Duration::from_secs(2);

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![100_000, 1_000_000];
    }
    for size in sizes {
        let dir = std::env::temp_dir().join(format!("hal-db-table-{}-{size}", std::process::id()));
        measure(&dir, size);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

fn measure(dir: &Path, count: usize) {
    println!("{count} records");
    println!("{:>10} {:>10} {:>12} {:>12} {:>7}  what", "cpu", "wall", "HAL", "other", "factor");
    let db = Database::open(dir).unwrap();
    create(&db);
    rate("write new in bulk", count, Some(123e3), || fill(&db, count, 0));
    rate("rewrite in bulk", count, Some(145e3), || fill(&db, count, 1));
    let snapshot = db.snapshot().unwrap();
    rate("random read", count, Some(319e3), || random_reads(&snapshot, count));
    rate("scan", count, Some(541e3), || scan(&snapshot));
    for (sentence, engine) in QUERIES {
        let share = count as f64 / 1e6;
        took(sentence, 1, engine.map(|seconds| seconds * share), || run(&snapshot, sentence));
    }
    drop(snapshot);
    took("index build (CITY)", 1, Some(11.6 * count as f64 / 1e6), || {
        assert!(db.write(|txn| txn.create_index("T", "CITY")).unwrap());
    });
    took("index build (KEY)", 1, Some(11.6 * count as f64 / 1e6), || {
        assert!(db.write(|txn| txn.create_index("T", "KEY")).unwrap());
    });
    let snapshot = db.snapshot().unwrap();
    // The engine's figure is of 1,000 ids, whatever the size of the file.
    took("SELECT T WITH KEY = \"K7\" (indexed)", 50, Some(0.004), || {
        run(&snapshot, "SELECT T WITH KEY = \"K7\"")
    });
    took("SELECT T BY CITY (indexed)", 1, None, || run(&snapshot, "SELECT T BY CITY"));
    drop(snapshot);
    db.write(|txn| txn.delete_index("T", "CITY")).unwrap();
    println!("{:>36} MB {:>9.0} MB          file with one index", megabytes(dir), 238.0 * count as f64 / 1e6);
    durable(&db, 1);
    durable(&db, 64);
    let mut db = Some(db);
    took("close", 1, None, || drop(db.take()));
    let mut open = None;
    took("open", 1, None, || open = Some(Database::open(dir).unwrap()));
    let crashed = copied(dir);
    drop(open);
    took("open after a crash", 1, None, || drop(Database::open(&crashed).unwrap()));
    std::fs::remove_dir_all(&crashed).unwrap();
    let (mut before, mut after) = (0, 0);
    took("compaction", 1, None, || {
        let done = hal_db::compact::account(dir).unwrap();
        (before, after) = (done.before, done.after);
    });
    println!("{:>36} MB {:>9} MB          compacted, and before", after / 1_000_000, before / 1_000_000);
    println!();
}

/// The account as a power cut would have left it: copied while it is open.
fn copied(dir: &Path) -> PathBuf {
    let to = dir.with_extension("crashed");
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    to
}

fn create(db: &Database) {
    db.write(|txn| {
        txn.create_file("T")?;
        for item in [
            ["NAME", "D", "1", "", "Name", "16L", "S", ""],
            ["CITY", "D", "2", "", "City", "10L", "S", ""],
            ["DATE", "D", "3", "D4-", "Date", "10R", "S", ""],
            ["AMOUNT", "D", "4", "MD2,", "Amount", "12R", "S", ""],
            ["PHONE", "D", "5", "", "Phone", "12L", "M", ""],
            ["KEY", "D", "8", "", "Key", "8L", "S", ""],
            ["NET", "I", "AMOUNT - F6", "MD2,", "Net", "12R", "S", ""],
        ] {
            txn.write("DICT T", item[0], &DynArray::from_fields(&item[1..]))?;
        }
        Ok(())
    })
    .unwrap();
}

fn fill(db: &Database, count: usize, round: usize) {
    for chunk in 0..count.div_ceil(50_000) {
        db.write(move |txn| {
            (chunk * 50_000..count.min((chunk + 1) * 50_000))
                .try_for_each(|n| txn.write("T", &id(n), &record(n, round, count)))
        })
        .unwrap();
    }
}

fn id(n: usize) -> String {
    format!("R{n:07}")
}

fn record(n: usize, round: usize, count: usize) -> DynArray {
    let mixed = (n + round).wrapping_mul(2_654_435_761) % 1_000_003;
    DynArray::from_fields([
        format!("PERSON {}", mixed % 9_973),
        format!("TOWN {}", mixed % 50),
        (15_000 + mixed % 6_000).to_string(),
        (mixed % 20_000).to_string(),
        format!("555-{:04}", mixed % 10_000),
        (mixed % 977).to_string(),
        "a remark of some length about nothing".to_owned(),
        // About a thousand records of each key.
        format!("K{}", n % (count / 1000).max(1)),
        format!("{:05}", mixed % 99_999),
        "active and paid for".to_owned(),
    ])
}

fn random_reads(snapshot: &Snapshot, count: usize) {
    for n in 0..count {
        assert!(snapshot.read("T", &id(n.wrapping_mul(2_654_435_761) % count)).unwrap().is_some());
    }
}

/// Every record, and a look at its bytes.
fn scan(snapshot: &Snapshot) {
    let mut bytes = 0;
    snapshot
        .scan("T", &mut |id, record| {
            bytes += id.len() + record.len();
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert!(bytes > 0);
}

fn run(snapshot: &Snapshot, sentence: &str) {
    let plan = query::parse_command(sentence, snapshot).unwrap();
    let env = Env::default();
    if plan.verb.selects() {
        assert!(!snapshot.select(&plan, &env, None).unwrap().items.is_empty(), "{sentence}");
    } else {
        snapshot.report(&plan, &env, None, query::Screen::default(), &mut std::io::sink()).unwrap();
    }
}

/// Each of `writers` threads writes one record after the other and waits for each.
fn durable(db: &Database, writers: usize) {
    let (before, started) = (cpu_seconds(), Instant::now());
    let total: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                scope.spawn(move || {
                    let mut count = 0;
                    while started.elapsed() < BUDGET {
                        db.write(move |txn| {
                            txn.write("T", &format!("W{writer}-{count}"), &record(count, 0, 1000))
                        })
                        .unwrap();
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let wall = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - before;
    // Syncs take no processor time: what a person waits for is the wall clock.
    let each = total as f64 / wall;
    println!(
        "{cpu:>9.3}s {wall:>9.3}s {each:>10.0}/s {:>12} {:>7}  durable single writes, {writers} at a time",
        "-", "-"
    );
}

fn rate(what: &str, count: usize, other: Option<f64>, work: impl FnOnce()) {
    let (cpu, wall) = timed(work);
    let each = count as f64 / cpu;
    let (beside, factor) = other.map_or(("-".to_owned(), "-".to_owned()), |other| {
        (format!("{other:.0}/s"), format!("{:.1}", each / other))
    });
    println!("{cpu:>9.3}s {wall:>9.3}s {each:>10.0}/s {beside:>12} {factor:>7}  {what}");
}

fn took(what: &str, times: u32, other: Option<f64>, mut work: impl FnMut()) {
    let (cpu, wall) = timed(|| (0..times).for_each(|_| work()));
    let (cpu, wall) = (cpu / f64::from(times), wall / f64::from(times));
    let (beside, factor) = other.map_or(("-".to_owned(), "-".to_owned()), |other| {
        (format!("{other:.3} s"), format!("{:.1}", other / cpu.max(1e-6)))
    });
    println!("{cpu:>9.4}s {wall:>9.4}s {cpu:>10.4} s {beside:>12} {factor:>7}  {what}");
}

fn timed(work: impl FnOnce()) -> (f64, f64) {
    let (before, started) = (cpu_seconds(), Instant::now());
    work();
    let wall = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - before;
    // Where it cannot be read the wall clock stands for it.
    (if cpu > 0.0 { cpu } else { wall }, wall)
}

/// Processor time of all threads of this process, on Linux, in steps of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in brackets: utime and stime are the 12th and 13th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn megabytes(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).unwrap();
    files.map(|entry| entry.unwrap().metadata().unwrap().len()).sum::<u64>() / 1_000_000
}
