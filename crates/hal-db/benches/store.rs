//! What the database does in a second, on this machine and disk: `cargo bench -p hal-db --bench store`.
//!
//! Prints one line a measurement. Nothing is asserted: figures of a busy machine are for comparison only.

#![allow(clippy::disallowed_methods)] // A benchmark measures real time.
#![allow(clippy::unwrap_used)] // It may stop at the first failure.

use std::time::{Duration, Instant};

use hal_db::{Database, DynArray, Env, query};

const RECORDS: usize = 100_000;
const BUDGET: Duration = Duration::from_secs(2);

fn main() {
    let dir = std::env::temp_dir().join(format!("hal-db-bench-{}", std::process::id()));
    let db = Database::open(&dir).unwrap();
    prepare(&db);
    fill(&db);
    durable_writes(&db, 1);
    durable_writes(&db, 64);
    log_records(&db);
    reads(&db);
    queries(&db);
    let started = Instant::now();
    drop(db);
    println!("close {:?}", started.elapsed());
    let started = Instant::now();
    let db = Database::open(&dir).unwrap();
    println!("open {:?}", started.elapsed());
    drop(db);
    std::fs::remove_dir_all(&dir).unwrap();
}

fn prepare(db: &Database) {
    db.write(|txn| {
        txn.create_file("T")?;
        for (name, number, conversion, format) in [
            ("DATE", "1", "D4-YMD[4,2,2]", "10R"),
            ("PAYEE", "2", "", "20L"),
            ("AMOUNT", "3", "MD2,$", "12R"),
            ("MEMO", "4", "", "50T"),
        ] {
            txn.write("DICT T", name, &DynArray::from_fields(["D", number, conversion, name, format, "S"]))?;
        }
        txn.create_index("T", "DATE")?;
        txn.create_index("T", "PAYEE").map(|_| ())
    })
    .unwrap();
}

fn record(n: usize) -> DynArray {
    let memo =
        "groceries and other things of the week, paid by card at the counter of the shop around the corner";
    let day = 21_000 + n % 500;
    DynArray::from_fields([
        day.to_string(),
        format!("PAYEE {}", n % 997),
        (n * 7 % 20_000).to_string(),
        memo.to_owned(),
    ])
}

fn fill(db: &Database) {
    let started = Instant::now();
    for chunk in 0..RECORDS / 10_000 {
        db.write(move |txn| {
            (chunk * 10_000..(chunk + 1) * 10_000)
                .try_for_each(|n| txn.write("T", &format!("T{n:06}"), &record(n)))
        })
        .unwrap();
    }
    per_second("bulk load with 2 indices", RECORDS, started.elapsed());
}

fn durable_writes(db: &Database, writers: usize) {
    let started = Instant::now();
    let total: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                scope.spawn(move || {
                    let mut count = 0;
                    while started.elapsed() < BUDGET {
                        let id = format!("W{writer}-{count}");
                        db.write(move |txn| txn.write("T", &id, &record(count))).unwrap();
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    per_second(&format!("durable writes, {writers} writer(s)"), total, started.elapsed());
}

fn log_records(db: &Database) {
    let started = Instant::now();
    let tickets: Vec<_> = (0..4000)
        .map(|n| db.write_later(move |txn| txn.write("T", &format!("L{n}"), &record(n))).unwrap())
        .collect();
    tickets.into_iter().for_each(|ticket| ticket.wait().unwrap());
    per_second("write_later, one thread", 4000, started.elapsed());
}

fn reads(db: &Database) {
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < BUDGET {
        for _ in 0..1000 {
            db.snapshot().unwrap();
        }
        count += 1000;
    }
    per_second("snapshots", count, started.elapsed());
    let snapshot = db.snapshot().unwrap();
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < BUDGET {
        for n in 0..1000 {
            assert!(snapshot.read("T", &format!("T{:06}", (count + n) * 7919 % RECORDS)).unwrap().is_some());
        }
        count += 1000;
    }
    per_second("random reads", count, started.elapsed());
}

fn queries(db: &Database) {
    let snapshot = db.snapshot().unwrap();
    for sentence in [
        "COUNT T",
        "COUNT T WITH AMOUNT GT \"$150\"",
        "COUNT T WITH MEMO LIKE \"...corner\" NO.INDEX",
        "SELECT T WITH PAYEE EQ \"PAYEE 17\"",
        "LIST T WITH DATE BETWEEN \"2025-07-01\" \"2025-07-02\" DATE PAYEE AMOUNT",
        "SORT T WITH PAYEE EQ \"PAYEE 17\" AND DATE GE \"2026-01-01\" BY.DSND DATE FIRST 5 DATE AMOUNT",
    ] {
        let plan = query::parse(sentence, &snapshot).unwrap();
        let rows = snapshot.run(&plan, &Env::default()).unwrap();
        let started = Instant::now();
        let mut runs = 0;
        while started.elapsed() < BUDGET / 4 {
            snapshot.run(&plan, &Env::default()).unwrap();
            runs += 1;
        }
        let each = started.elapsed() / runs;
        println!("{each:>12.1?}  {} found by {}: {sentence}", rows.count, rows.access);
    }
}

fn per_second(what: &str, count: usize, took: Duration) {
    println!("{:>12.0}/s {what}", count as f64 / took.as_secs_f64());
}
