//! Any text as a sentence, run over a small file: parsed or refused, never a panic.

use hal_db::query::{self, Screen};
use hal_db::{Database, DynArray, Env, Snapshot};

/// Inputs to begin with.
pub const SEEDS: &[&[u8]] = &[
    b"SORT F BY T BREAK.ON \"all 'VL'\" T TOTAL Q CALC M DET.SUP",
    b"LIST F WITH Q > 2 AND (T = \"a\" OR NO T) WHEN Q > 1 T Q X VERT",
    b"SORT F BY.EXP.DSND Q T Q FIRST 3 HEADING \"'C'x'G''P3''L''T'\" FOOTING \"'S'\"",
    b"LIST F T Q CSV 2 \";\" COL.SUP",
    b"LIST F T Q D JSON",
    b"SELECT F SAVING UNIQUE MULTI.VALUE Q NO.NULLS TO 3",
    b"SUM F Q PERCENT 2 Q MEDIAN Q MODE Q ENUM Q AVERAGE Q",
    b"LIST F EVAL \"X * 2\" COL.HDG \"a'L'b\" FMT \"8R2\" ASSOC.WITH Q AS Z BY.DSND Z",
    b"SEARCH F \"a\" NO.CASE ALL.MATCH SAMPLED 2",
    b"LIST F T LIKE \"A...\" BETWEEN \"a\" \"b\" SAID \"c\" NOT.IN \"F 1\" COL.SPACES 5 MARGIN 3 DBL.SPC RPT",
    b"LIST DICT F USING DICT VOC F1 A2 'a' \"b\" ID.SUP COUNT.SUP",
];

/// A small account, made once a thread.
pub(crate) fn with_account(work: impl FnOnce(&Snapshot)) {
    thread_local!(static ACCOUNT: Snapshot = account());
    ACCOUNT.with(work);
}

fn account() -> Snapshot {
    let db = Database::in_memory();
    let made = db.write(|txn| {
        txn.create_file("F")?;
        for (id, record) in [
            ("T", "Dþ1þþTþ5LþS"),
            ("Q", "Dþ2þMD1þQýqþ4RþMþL"),
            ("D", "Dþ3þD4-þDþ10RþS"),
            ("N", "Dþ4þþNþ6TþMþL"),
            ("X", "IþQ + 1; @ * D; SUM(@)þMD2þXþ6RþMþL"),
            ("M", "IþTOTAL(Q) / TOTAL(1)þþMþ6R2þS"),
            ("O", "Aþ2þOþþþþMR1þA;2*\"3\"R(MD1)þRþ6"),
            ("@", "PHþT Q"),
        ] {
            txn.write("DICT F", id, &DynArray::from_text(record))?;
        }
        for (id, record) in
            [("1", "aþ1ý2ý3þ21400þx yýz"), ("2", "bþ4ü5ý6þ"), ("3", ""), ("ä", "中国þ-7þ99þlong words here")]
        {
            txn.write("F", id, &DynArray::from_text(record))?;
        }
        txn.create_index("F", "T")?;
        txn.create_index_as("F", "X", true).map(|_| ())
    });
    made.and_then(|()| db.snapshot()).expect("an account in memory is made")
}

/// Parses as a program and as a person, and runs what was parsed in every way.
pub fn fuzz_one(data: &[u8]) {
    let sentence = String::from_utf8_lossy(data);
    with_account(|snapshot| {
        let _strict = query::parse(&sentence, snapshot);
        let Ok(plan) = query::parse_command(&sentence, snapshot) else { return };
        run(&plan, snapshot);
    });
}

/// Binds, explains and runs a plan.
pub(crate) fn run(plan: &query::QueryPlan, snapshot: &Snapshot) {
    let Ok(plan) = plan.bind(|_| Some("2".to_owned())) else { return };
    let env = Env { today: 21_512, second: 60 };
    let _words = snapshot.explain(&plan, &env);
    let _rows = snapshot.run(&plan, &env);
    let _selected = snapshot.select(&plan, &env, None);
    let list = [b"2".to_vec(), b"none".to_vec()];
    for (lines, list) in [(None, None), (Some(6), Some(&list[..]))] {
        let mut out = Vec::new();
        let screen = Screen { width: 40, lines };
        let _count = snapshot.report(&plan, &env, list, screen, &mut out);
        assert!(out.len() < 64 << 20, "{} bytes of report", out.len());
    }
}
