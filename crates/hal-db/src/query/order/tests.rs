//! The order of an index is the order of sorting, whatever stands in the records.

use proptest::prelude::*;

use crate::query::{self, Screen};
use crate::{Database, DynArray, Env};

/// Values that are awkward to order.
const VALUES: &[&str] = &[
    "",
    "0",
    "-0",
    "7",
    "007",
    "+7",
    "10",
    "9",
    "-5",
    "-10",
    "1.5",
    "1.25",
    ".5",
    " 3",
    "10A",
    "9A",
    "A",
    "B",
    "a",
    "Zoë",
    "中",
    "A\u{0}",
    "A\u{0}B",
    "99999999999999999999999",
    "x y",
    "5þ",
    "12345678901234567890123456789012345678901234567890",
];

fn content() -> impl Strategy<Value = Vec<u8>> {
    let one = prop_oneof![
        4 => (0..VALUES.len()).prop_map(|at| VALUES[at].replace('þ', "").into_bytes()),
        6 => (0..30_i32).prop_map(|number| (number - 8).to_string().into_bytes()),
        1 => Just("long ".repeat(60).into_bytes()),
        1 => Just([&"long ".repeat(60).into_bytes()[..], b"er"].concat()),
    ];
    prop_oneof![
        12 => one.clone(),
        1 => prop::collection::vec(one, 2..4).prop_map(|values| values.join(&0xFD)),
    ]
}

fn account(records: &[Vec<u8>], right: bool) -> Database {
    let db = Database::in_memory();
    let records = records.to_vec();
    db.write(move |txn| {
        txn.create_file("F")?;
        let item = ["D", "1", "", "", if right { "8R" } else { "8L" }, "M"];
        txn.write("DICT F", "X", &DynArray::from_fields(item))?;
        txn.create_index("F", "X")?;
        for (number, content) in records.iter().enumerate() {
            // Ids whose order as text is not that of their numbers.
            txn.write("F", &(number * 7 % 50).to_string(), &DynArray::from_bytes(content.clone()))?;
        }
        Ok(())
    })
    .unwrap();
    db
}

fn shown(db: &Database, sentence: &str) -> (Vec<Vec<u8>>, String) {
    let snapshot = db.snapshot().unwrap();
    let plan = query::parse_command(sentence, &snapshot).unwrap();
    let way = snapshot.explain(&plan, &Env::default()).unwrap();
    if plan.verb.selects() {
        return (snapshot.select(&plan, &Env::default(), None).unwrap().items, way);
    }
    let mut out = Vec::new();
    snapshot.report(&plan, &Env::default(), None, Screen { width: 200, lines: None }, &mut out).unwrap();
    (out.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect(), way)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_an_index_is_the_order_of_sorting(
        records in prop::collection::vec(content(), 0..50),
        right in any::<bool>(),
        descending in any::<bool>(),
        right_ids in any::<bool>(),
        first in 0_usize..12,
    ) {
        let db = account(&records, right);
        if right_ids {
            db.write(|txn| txn.write("DICT F", "@ID", &DynArray::from_fields(["D", "0", "", "", "8R", "S"]))).unwrap();
        }
        let by = if descending { "BY.DSND" } else { "BY" };
        for sentence in [
            format!("SELECT F {by} X"),
            format!("SSELECT F {by} X"),
            format!("SORT F {by} X X SORTED.SAMPLE {first} HDR.SUP"),
            format!("LIST F {by} X X SORTED.SAMPLE {first} HDR.SUP"),
            format!("SSELECT F {by} X SORTED.SAMPLE {first} SAVING X"),
        ] {
            let (indexed, way) = shown(&db, &sentence);
            prop_assert!(way.contains("order of index X"), "{}", way);
            let (sorted, way) = shown(&db, &format!("{sentence} NO.INDEX"));
            prop_assert!(way.contains("whole file"), "{}", way);
            prop_assert_eq!(indexed, sorted, "{}", sentence);
        }
    }
}

#[test]
fn an_index_gives_the_order_only_where_that_is_less_work_and_the_same() {
    let db = account(&[b"3".to_vec(), b"1".to_vec(), b"2".to_vec()], true);
    let way = |sentence: &str| shown(&db, sentence).1.contains("order of index X");
    assert!(way("SSELECT F BY X") && way("SORT F BY X X SORTED.FIRST 2"));
    for sentence in [
        "SORT F BY X X",
        "SORT F BY X X SAMPLE 2",
        "SSELECT F BY X BY @ID",
        "SSELECT F BY.EXP X",
        "SSELECT F BY NO.CASE X",
        "SSELECT F BY X WITH X > 1",
        "SSELECT F BY X \"7\"",
        "SSELECT F BY X SAMPLED 2",
        "SELECT F",
    ] {
        assert!(!way(sentence), "{sentence}");
    }
    // Too many records that are sorted otherwise.
    db.write(|txn| {
        (0..1001).try_for_each(|id| txn.write("F", &format!("T{id}"), &DynArray::from_text("1A")))
    })
    .unwrap();
    assert!(!way("SSELECT F BY X"));
}
