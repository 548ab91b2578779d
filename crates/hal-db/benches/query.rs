//! What queries over a large file take, on this machine: `cargo bench -p hal-db --bench query [-- RECORDS]`.
//!
//! Records of 10 fields and about 134 bytes, in a store on disk. Beside each figure stands what OpenQM's open engine took
//! for 1,000,000 of them on a machine like this one. Nothing is asserted: figures of a busy machine are for comparison.

#![allow(clippy::disallowed_methods)] // A benchmark measures real time.
#![allow(clippy::unwrap_used)] // It may stop at the first failure.

use std::time::Instant;

use hal_db::{Database, DynArray, Env, query};

const QUERIES: &[(&str, f64)] = &[
    ("COUNT T", 0.201),
    ("SELECT T WITH AMOUNT > 190.00", 2.75),
    ("SELECT T WITH CITY = \"TOWN 7\"", 2.75),
    ("SELECT T WITH NET > 150.00", 2.75),
    ("SELECT T BY AMOUNT", 6.2),
    ("SELECT T BY CITY BY.DSND DATE", 6.2),
    ("SORT T BY AMOUNT NAME CITY DATE AMOUNT NO.PAGE", 20.0),
    ("SORT T NAME CITY DATE AMOUNT NO.PAGE", 20.0),
    ("SORT T BY CITY BREAK.ON CITY TOTAL AMOUNT NO.PAGE", 13.2),
    ("SORT T BY CITY BREAK.ON CITY TOTAL AMOUNT DET.SUP NO.PAGE", 13.2),
];

fn main() {
    let count = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(100_000);
    let dir = std::env::temp_dir().join(format!("hal-db-query-bench-{}", std::process::id()));
    let db = Database::open(&dir).unwrap();
    fill(&db, count);
    let snapshot = db.snapshot().unwrap();
    for (sentence, engine) in QUERIES {
        let plan = query::parse_command(sentence, &snapshot).unwrap();
        let env = Env::default();
        let before = cpu_seconds();
        let started = Instant::now();
        let found = if plan.verb.selects() {
            snapshot.select(&plan, &env, None).unwrap().items.len()
        } else {
            snapshot.report(&plan, &env, None, query::Screen::default(), &mut std::io::sink()).unwrap()
        };
        let wall = started.elapsed().as_secs_f64();
        // The engine's figures are of processor time; where it cannot be read the wall clock stands for it.
        let took = before.zip(cpu_seconds()).map_or(wall, |(before, after)| after - before);
        let engine = engine * count as f64 / 1_000_000.0;
        println!("{took:8.3} s of {wall:7.3} s  {:5.1} times  {found:8} records  {sentence}", engine / took);
    }
    drop(snapshot);
    drop(db);
    std::fs::remove_dir_all(&dir).unwrap();
}

/// Processor time of this thread, on Linux.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: u64 = stat.split(' ').next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

fn fill(db: &Database, count: usize) {
    db.write(|txn| {
        txn.create_file("T")?;
        for item in [
            ["NAME", "D", "1", "", "Name", "16L", "S", ""],
            ["CITY", "D", "2", "", "City", "10L", "S", ""],
            ["DATE", "D", "3", "D4-", "Date", "10R", "S", ""],
            ["AMOUNT", "D", "4", "MD2,", "Amount", "12R", "S", ""],
            ["PHONE", "D", "5", "", "Phone", "12L", "M", ""],
            ["NET", "I", "AMOUNT - F6", "MD2,", "Net", "12R", "S", ""],
        ] {
            txn.write("DICT T", item[0], &DynArray::from_fields(&item[1..]))?;
        }
        Ok(())
    })
    .unwrap();
    for chunk in 0..count.div_ceil(50_000) {
        db.write(move |txn| {
            (chunk * 50_000..count.min((chunk + 1) * 50_000))
                .try_for_each(|n| txn.write("T", &format!("R{n:07}"), &record(n)))
        })
        .unwrap();
    }
}

fn record(n: usize) -> DynArray {
    let mixed = n.wrapping_mul(2_654_435_761) % 1_000_003;
    DynArray::from_fields([
        format!("PERSON {}", mixed % 9_973),
        format!("TOWN {}", mixed % 50),
        (15_000 + mixed % 6_000).to_string(),
        (mixed % 20_000).to_string(),
        format!("555-{:04}", mixed % 10_000),
        (mixed % 977).to_string(),
        "a remark of some length about nothing".to_owned(),
        "QQ".to_owned(),
        format!("{:05}", mixed % 99_999),
        "active and paid for".to_owned(),
    ])
}
