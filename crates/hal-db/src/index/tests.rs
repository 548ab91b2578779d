//! Keys sort as values compare.

use super::*;

fn index(right: bool) -> Index {
    Index { name: "X".to_owned(), number: 1, field: 1, right }
}

#[test]
fn numbers_of_right_justified_items_sort_by_value() {
    let index = index(true);
    let order = [
        "",
        "-100",
        "-9.5",
        "-9.45",
        "-1",
        "0",
        "0.5",
        "1",
        "1.25",
        "1.3",
        "9",
        "10",
        "100",
        "99999999999999999999",
    ];
    let keys: Vec<Vec<u8>> = order.iter().map(|value| index.key(value.as_bytes())).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(index.key(b"007"), index.key(b"+7.0"));
    assert_eq!(index.key(b"-0"), index.key(b"0"));
    assert!(index.key(b"99") < index.key(b"1A"));
    assert!(index.key(b"2A") < index.key(b"10A"));
}

#[test]
fn left_justified_items_sort_by_letters() {
    let index = index(false);
    let order = ["", "10", "9", "A", "A\0", "A\0B", "AB", "B"];
    let entries: Vec<Vec<u8>> =
        order.iter().map(|value| with_id(index.key(value.as_bytes()), "id")).collect();
    assert!(entries.is_sorted(), "{entries:?}");
}

#[test]
fn each_value_of_a_record_gives_one_entry_that_knows_its_id() {
    let index = index(false);
    let keys = index.keys(b"a\xFDb\xFCa\xFD\xFEother");
    assert_eq!(keys.len(), 3);
    for key in keys {
        assert_eq!(id_of(&with_id(key, "ID-1")), b"ID-1");
    }
    assert_eq!(index.keys(b"").into_iter().next(), Some(vec![0]));
}

#[test]
fn an_index_survives_being_written_and_read() {
    for right in [false, true] {
        let index = index(right);
        assert_eq!(Index::from_record("X".to_owned(), index.to_record().as_bytes()), Some(index));
    }
}
