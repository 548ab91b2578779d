//! Keys sort as values compare.

use super::*;
use crate::dict::Dictionary;

fn index(right: bool) -> Index {
    let item = DataItem { name: "X".to_owned(), right, ..DataItem::plain_field(1) };
    Index::new(1, &item, false, scope(&Dictionary::default())).unwrap()
}

#[test]
fn an_index_of_an_earlier_version_has_no_entries_about_order() {
    let old = Index { marked: false, ..index(false) };
    assert_eq!(old.keys(b"id", b"a\xFDb").len(), 2);
    let dictionary = Dictionary::default();
    let scope = scope(&dictionary);
    assert!(!Index::from_record("X".to_owned(), old.to_record().as_bytes(), scope).unwrap().marked);
    assert!(Index::from_record("X".to_owned(), index(false).to_record().as_bytes(), scope).unwrap().marked);
    assert!(old.brought_up_to_date().marked);
}

fn scope(dictionary: &Dictionary) -> Scope<'_> {
    Scope { file: "T", dictionary }
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
    let keys = index.keys(b"id", b"a\xFDb\xFCa\xFD\xFEother");
    // The last says that BY sorts the record otherwise.
    assert_eq!((keys.len(), keys.last()), (4, Some(&vec![OUT_OF_ORDER])));
    for key in keys {
        assert_eq!(id_of(&with_id(key, "ID-1")), b"ID-1");
    }
    assert_eq!(index.keys(b"id", b"").into_iter().next(), Some(vec![0]));
}

#[test]
fn an_index_survives_being_written_and_read() {
    let dictionary = Dictionary::default();
    for right in [false, true] {
        let record = index(right).to_record();
        let again = Index::from_record("X".to_owned(), record.as_bytes(), scope(&dictionary)).unwrap();
        assert_eq!(again.to_record(), record);
    }
}

#[test]
fn an_expression_is_indexed_by_what_it_gives() {
    let mut dictionary = Dictionary::default();
    dictionary.add("AGE", DynArray::from_text("Iþ100 - F1þþþ4RþS").as_bytes());
    dictionary.add("NOW", DynArray::from_text("IþDATE() - F1þþþ4RþS").as_bytes());
    let band = "AGE; IF @1 < 18 THEN 'Child' ELSE 'Adult'";
    dictionary.add("BAND", DynArray::from_fields(["I", band, "", "", "6L", "S"]).as_bytes());
    let item = dictionary.column("BAND").unwrap();
    let index = Index::new(7, item, true, scope(&dictionary)).unwrap();
    assert_eq!(index.keys(b"id", b"90").into_iter().collect::<Vec<_>>(), [index.key(b"CHILD")]);
    let record = index.to_record();
    let again = Index::from_record("BAND".to_owned(), record.as_bytes(), scope(&dictionary)).unwrap();
    assert!(again.serves(item) && again.no_case && !again.is_outdated());
    // Places in memory differ from run to run, and must not make an index look outdated.
    let lengths = Index::new(
        9,
        &DataItem { source: Source::Expression("LEN(F1)".to_owned()), ..item.clone() },
        false,
        scope(&dictionary),
    );
    assert!(!format!("{:?}", lengths.unwrap().program).contains("0x"));
    let refused = Index::new(8, dictionary.column("NOW").unwrap(), false, scope(&dictionary));
    assert!(refused.unwrap_err().contains("would not stay true"));
    dictionary.add("AGE", DynArray::from_text("Iþ101 - F1þþþ4RþS").as_bytes());
    let changed = Index::from_record("BAND".to_owned(), record.as_bytes(), scope(&dictionary)).unwrap();
    assert!(changed.is_outdated() && !changed.is_broken());
}

#[test]
fn sort_keys_of_right_justified_items_are_in_compound_order() {
    let words = "-6 1A1 1B1 +3 7CX 10A 103 1943 A1A A1C AA BD7 BD24 BF20 XX90";
    let mut values: Vec<&str> = words.split(' ').collect();
    values.extend(["", "12.45", "12.5", "-9.5", "-9.45", "0", "A", "A1", "A2B", "1A", "1"]);
    let key = |value: &str| {
        let mut key = Vec::new();
        sort_key(value.as_bytes(), true, &mut key);
        key.extend([0, 0]);
        key
    };
    for a in &values {
        for b in &values {
            let expected = crate::number::compare_compound(a.as_bytes(), b.as_bytes());
            assert_eq!(key(a).cmp(&key(b)), expected, "{a} {b}");
        }
    }
}
