//! Dictionary records as items.

use super::*;

#[test]
fn an_item_survives_being_written_and_read() {
    let item = DataItem {
        name: "WHEN".to_owned(),
        field: 4,
        conversion: "G1.1\u{FD}MT".to_owned(),
        heading: vec!["Two".to_owned(), "lines".to_owned()],
        format: "10R".to_owned(),
        multi: true,
        association: Some("A".to_owned()),
        right: true,
        stamp: true,
    };
    assert_eq!(DataItem::from_record("WHEN", item.to_record().as_bytes()), Ok(item));
}

#[test]
fn what_a_record_leaves_out_has_its_default() {
    let item = DataItem::from_record("X", DynArray::from_fields(["D text", "2"]).as_bytes()).unwrap();
    assert_eq!((item.heading, item.format.as_str(), item.multi), (vec!["X".to_owned()], "10L", false));
    let empty = DataItem::from_record("X", DynArray::from_fields(["D", "2", "", "\\"]).as_bytes()).unwrap();
    assert_eq!(empty.heading, [""]);
}

#[test]
fn items_of_other_types_are_kept_with_the_reason() {
    let mut dictionary = Dictionary::default();
    dictionary.add("I1", DynArray::from_fields(["I", "F1 + 1"]).as_bytes());
    dictionary.add("BAD", DynArray::from_fields(["D", "one"]).as_bytes());
    dictionary.add("P", DynArray::from_fields(["PH", "A B_", "C", "D"]).as_bytes());
    assert_eq!(dictionary.get("I1"), Some(&Item::Other("type I items cannot be used in a query".to_owned())));
    assert!(matches!(dictionary.get("BAD"), Some(Item::Other(reason)) if reason.contains("'one'")));
    assert_eq!(dictionary.phrase("p"), Some("A B C"));
    assert!(dictionary.data("I1").is_none());
}
