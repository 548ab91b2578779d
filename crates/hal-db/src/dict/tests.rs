//! Dictionary records as items.

use super::*;

#[test]
fn an_item_survives_being_written_and_read() {
    let item = DataItem {
        name: "WHEN".to_owned(),
        source: Source::Field,
        field: 4,
        conversion: "G1.1\u{FD}MT".to_owned(),
        heading: vec!["Two".to_owned(), "lines".to_owned()],
        format: "10R".to_owned(),
        multi: true,
        association: Some("A".to_owned()),
        right: true,
        stamp: true,
        json_name: None,
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
    dictionary.add("C1", DynArray::from_fields(["C", "@ANS = 1"]).as_bytes());
    dictionary.add("BAD", DynArray::from_fields(["D", "one"]).as_bytes());
    dictionary.add("P", DynArray::from_fields(["PH", "A B_", "C", "D"]).as_bytes());
    assert_eq!(dictionary.get("C1"), Some(&Item::Other("type C items cannot be used in a query".to_owned())));
    assert!(matches!(dictionary.get("BAD"), Some(Item::Other(reason)) if reason.contains("'one'")));
    assert_eq!(dictionary.phrase("p"), Some("A B C"));
    assert!(dictionary.data("C1").is_none());
}

#[test]
fn computed_items_are_columns_but_no_fields() {
    let mut dictionary = Dictionary::default();
    dictionary.add("I1", DynArray::from_text("IþF1; @ + 1þMD2þSumþ8RþMþLINE").as_bytes());
    dictionary.add("A1", DynArray::from_text("Aþ4þSystolicþC;5;6þþþMR0þA;4*\"2\"þRþ6").as_bytes());
    dictionary.add("A2", DynArray::from_text("Sþ5þþD;4þþþþþLþ12").as_bytes());
    dictionary.add("EMPTY", DynArray::from_text("I").as_bytes());
    let item = dictionary.column("I1").unwrap();
    assert_eq!(item.source, Source::Expression("F1; @ + 1".to_owned()));
    assert!(item.multi && item.right && dictionary.data("I1").is_none());
    let item = dictionary.column("a1").unwrap();
    assert_eq!((item.field, item.format.as_str(), item.conversion.as_str()), (4, "6R", "MR0"));
    assert_eq!(item.source, Source::Correlative("A;4*\"2\"".to_owned()));
    assert_eq!(item.association.as_deref(), Some("__4"));
    assert_eq!(dictionary.column("A2").unwrap().association.as_deref(), Some("__4"));
    assert_eq!(dictionary.column("A2").unwrap().heading, ["A2"]);
    assert!(matches!(dictionary.get("EMPTY"), Some(Item::Other(_))));
}
