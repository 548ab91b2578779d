//! Any bytes as a CSV and as a JSON file: every row goes in, or none does.

use std::ops::ControlFlow;

use hal_db::{Database, DynArray, Env, import};

/// Inputs to begin with.
pub const SEEDS: &[&[u8]] = &[
    b"ID,T,Q,D\n1,one,2.5,2026-11-25\n2,\"two, and \"\"more\"\"\",1;2;3,\n",
    b"id,Q\n1,abc\n2,\n1,3\n",
    b"\xEF\xBB\xBFID;T\r\n1;x\r\n",
    b"[{\"id\": \"1\", \"t\": \"one\", \"q\": [1, 2.5], \"d\": \"2026-11-25\"}, {\"id\": 2}]",
    b"{\"id\": \"1\", \"q\": [[1, 2], null, true]}\n{\"id\": \"2\", \"t\": {\"a\": 1}}\n",
];

/// Imports the input both ways, each time into an empty file.
pub fn fuzz_one(data: &[u8]) {
    let env = Env { today: 21_514, second: 0 };
    for json in [false, true] {
        let db = account();
        let report =
            if json { import::json(&db, "F", data, &env) } else { import::csv(&db, "F", data, &env) };
        let mut stored = 0;
        let snapshot = db.snapshot().expect("memory can be read");
        snapshot
            .scan("F", &mut |_, record| {
                stored += 1;
                crate::assert_bounded("a record", record.len(), data.len());
                ControlFlow::Continue(())
            })
            .expect("memory can be read");
        match report {
            Ok(report) if report.refused_count == 0 => assert!(stored <= report.read),
            _ => assert_eq!(stored, 0, "something of a refused file was written"),
        }
    }
}

fn account() -> Database {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("F")?;
        for (id, item) in [("T", "Dþ1þþTþ5LþS"), ("Q", "Dþ2þMD1þQþ4RþM"), ("D", "Dþ3þD4-þDþ10RþS")]
        {
            txn.write("DICT F", id, &DynArray::from_text(item))?;
        }
        Ok(())
    })
    .expect("the account can be made");
    db
}
