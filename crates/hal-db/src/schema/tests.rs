//! The household as it comes out of the CSV files.

use super::*;
use crate::{Env, query};

const NOVEMBER_24: Env = Env { today: 21_513, second: 29_520 };

#[test]
fn there_are_forty_files_with_their_fields() {
    let household = household().unwrap();
    assert_eq!(household.len(), 40);
    let fields: usize = household.iter().map(|file| file.fields.len()).sum();
    assert!(fields > 900, "{fields}");
    for file in &household {
        assert!(!file.abbreviation.is_empty() && !file.description.is_empty(), "{}", file.name);
    }
}

#[test]
fn types_and_names_give_the_right_conversions() {
    let household = household().unwrap();
    let item = |file: &str, field: &str| {
        let file = household.iter().find(|f| f.name == file).unwrap();
        &file.fields.iter().find(|f| f.item.name == field).unwrap().item
    };
    for (file, field, conversion, format) in [
        ("MEDICATION", "START_DATE", "D4-YMD[4,2,2]", "10R"),
        ("MEDICATION", "COST", "MD2,$", "12R"),
        ("TRANSACTION", "AMOUNT", "MD2,$", "12R"),
        ("IMMUNIZATION", "TOTAL_DOSES", "MR0", "8R"),
        ("SESSION", "TOTAL_TOKENS", "MR0", "8R"),
        ("SESSION", "TOTAL_COST", "MD2,$", "12R"),
        ("VITAL_SIGNS", "RESPIRATORY_RATE", "", "10R"),
        ("VITAL_SIGNS", "MEASUREMENT_TIME", "MTH", "7R"),
        ("ALLERGY", "VERIFIED_BY", "", "20L"),
        ("APPOINTMENT", "APPOINTMENT_TIME", "MTH", "7R"),
        ("TASK", "REMINDER_TIME", "", "10R"),
        ("MEDICATION", "TAGS", "", "15L"),
    ] {
        let found = item(file, field);
        assert_eq!(
            (found.conversion.as_str(), found.format.as_str()),
            (conversion, format),
            "{file} {field}"
        );
    }
    for (file, field) in [("CONVERSATION", "TIMESTAMP"), ("SESSION", "END_TIME"), ("DEVICE", "LAST_SEEN")] {
        assert!(item(file, field).stamp, "{file} {field}");
    }
    assert!(!item("PAYEE", "LAST_SEEN_DATE").stamp);
    assert!(item("MEDICATION", "TAGS").multi);
}

#[test]
fn a_second_call_changes_nothing_and_a_persons_items_are_kept() {
    let db = Database::in_memory();
    let created = ensure_household(&db).unwrap();
    assert_eq!(created.files.len(), 40);
    assert!(created.indices > 150, "{}", created.indices);
    assert_eq!(ensure_household(&db).unwrap(), Created::default());
    db.write(|txn| {
        let mut record = txn.read("DICT PERSON", "LAST_NAME")?.unwrap();
        record.set_field(4, "Surname");
        txn.write("DICT PERSON", "LAST_NAME", &record)?;
        txn.write("DICT PERSON", "MINE", &DynArray::from_fields(["D", "2", "MCU", "Mine", "8L", "S"]))?;
        txn.delete("DICT PERSON", "NOTES")?;
        // As if an earlier HAL had made this account.
        let mut marker = txn.read("DICT PERSON", MARKER)?.unwrap();
        marker.set_field(2, "0");
        txn.write("DICT PERSON", MARKER, &marker)?;
        txn.delete_index("PERSON", "LAST_NAME")
    })
    .unwrap();
    let created = ensure_household(&db).unwrap();
    assert_eq!((created.files.len(), created.items, created.indices), (0, 0, 1));
    let dictionary = db.snapshot().unwrap().dictionary("PERSON").unwrap();
    assert_eq!(dictionary.data("LAST_NAME").unwrap().heading, ["Surname"]);
    assert!(dictionary.data("MINE").is_some() && dictionary.data("NOTES").is_none());
}

#[test]
fn an_untouched_item_of_an_older_schema_is_brought_up_to_date() {
    let db = Database::in_memory();
    ensure_household(&db).unwrap();
    db.write(|txn| {
        let mut marker = txn.read("DICT TAG", MARKER)?.unwrap();
        let at = marker.values(3).position(|name| name == b"TAG_NAME").unwrap() as i64 + 1;
        let old = DynArray::from_fields(["D", "1", "", "Old heading", "10L", "S"]);
        txn.write("DICT TAG", "TAG_NAME", &old)?;
        marker.replace(4, at, 0, flattened(&old));
        marker.set_field(2, "0");
        txn.write("DICT TAG", MARKER, &marker)
    })
    .unwrap();
    assert_eq!(ensure_household(&db).unwrap().items, 1);
    let dictionary = db.snapshot().unwrap().dictionary("TAG").unwrap();
    assert_eq!(dictionary.data("TAG_NAME").unwrap().heading, ["Tag name"]);
}

#[test]
fn a_day_of_conversation_is_found_through_the_index_with_its_time() {
    let db = Database::in_memory();
    ensure_household(&db).unwrap();
    db.write(|txn| {
        for (id, stamp) in
            [("A", "21512.86399"), ("B", "21513.00000"), ("C", "21513.29520"), ("D", "21514.00000")]
        {
            let mut record = DynArray::new();
            record.set_field(4, stamp);
            txn.write("CONVERSATION", id, &record)?;
        }
        Ok(())
    })
    .unwrap();
    let snapshot = db.snapshot().unwrap();
    let check = |condition: &str, expected: &[&str]| {
        let sentence = format!("SORT CONVERSATION WITH TIMESTAMP {condition} TIMESTAMP TIMESTAMP.TIME");
        let rows = snapshot.run(&query::parse(&sentence, &snapshot).unwrap(), &NOVEMBER_24).unwrap();
        let ids: Vec<&str> = rows.rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, expected, "{condition}");
        assert_eq!(rows.access, "index TIMESTAMP", "{condition}");
        rows
    };
    let rows = check("EQ \"2026-11-24\"", &["B", "C"]);
    assert_eq!(rows.get(&rows.rows[1], "TIMESTAMP").unwrap().text(), "2026-11-24");
    assert_eq!(rows.get(&rows.rows[1], "timestamp.time").unwrap().text(), "08:12am");
    check("BETWEEN \"2026-11-23\" \"2026-11-24\"", &["A", "B", "C"]);
    check("LE \"24 NOV\"", &["A", "B", "C"]);
    check("GT \"2026-11-24\"", &["D"]);
    check("LT \"2026-11-24\"", &["A"]);
    check("GE \"2026-11-24 08:12\"", &["C", "D"]);
    check("GT \"2026-11-24T08:12:00\"", &["D"]);
}

#[test]
fn every_file_is_listed_in_columns_and_knows_its_id() {
    let db = Database::in_memory();
    ensure_household(&db).unwrap();
    let names: Vec<&str> = household().unwrap().iter().map(|file| file.name).collect();
    for name in names {
        let mut record = DynArray::new();
        record.set_field(40, "x");
        db.write(move |txn| txn.write(name, "ID1", &record)).unwrap();
        let snapshot = db.snapshot().unwrap();
        let plan = query::parse(&format!("LIST {name} WITH ID EQ \"ID1\""), &snapshot).unwrap();
        let rows = snapshot.run(&plan, &NOVEMBER_24).unwrap();
        assert_eq!((rows.count, rows.access.as_str()), (1, "ids"), "{name}");
        assert!(rows.columns.len() > 1, "{name}");
        let mut text = Vec::new();
        snapshot.report(&plan, &NOVEMBER_24, None, query::Screen::default(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.lines().nth(1).is_some_and(|line| line.contains("...")), "{name}:\n{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{name}:\n{text}");
    }
}
