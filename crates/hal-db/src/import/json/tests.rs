//! What JSON is taken, what is refused with its number, and that nothing is half done.

use super::*;
use crate::{Database, Env, Record, schema};

const ENV: Env = Env { today: 21_513, second: 0 };

fn household() -> Database {
    let db = Database::in_memory();
    schema::ensure_household(&db).unwrap();
    db
}

fn medication(db: &Database, id: &str) -> Option<Record> {
    db.snapshot().unwrap().read("MEDICATION", id).unwrap()
}

#[test]
fn members_are_stored_as_the_dictionary_says() {
    let db = household();
    let text = r#"[{"id":"M1","medication_name":"Lisinopril","START_DATE":"2026-01-31","cost":1012.5,"side_effects":["cough","dizziness"],"dosage":10},
        {"@ID":"M2","cost":"1,000.25","end_date":null}]"#;
    let report = json(&db, "MEDICATION", text.as_bytes(), &ENV).unwrap();
    assert_eq!((report.read, report.written, report.refused_count), (2, 2, 0), "{:?}", report.refused);
    let first = medication(&db, "M1").unwrap();
    assert_eq!(first.field_text(2), "Lisinopril");
    assert_eq!((first.field_text(9).as_ref(), first.field_text(21).as_ref()), ("21216", "101250"));
    assert_eq!(first.extract_text(18, 2, 0), "dizziness");
    assert_eq!(first.field_text(5), "10");
    assert_eq!(medication(&db, "M2").unwrap().field_text(21), "100025");
}

#[test]
fn lines_are_taken_like_an_array_and_touch_only_what_they_name() {
    let db = household();
    let text = "\u{FEFF}{\"id\":\"M1\",\"medication_name\":\"A\",\"status\":\"active\"}\n{\"id\":\"M2\",\"medication_name\":\"B\"}\n";
    assert_eq!(json(&db, "MEDICATION", text.as_bytes(), &ENV).unwrap().written, 2);
    json(&db, "MEDICATION", r#"{"id":"M1","status":"discontinued"}"#.as_bytes(), &ENV).unwrap();
    let record = medication(&db, "M1").unwrap();
    assert_eq!((record.field_text(2).as_ref(), record.field_text(11).as_ref()), ("A", "discontinued"));
    assert_eq!(json(&db, "MEDICATION", "".as_bytes(), &ENV).unwrap().read, 0);
    assert_eq!(json(&db, "MEDICATION", "[ ]".as_bytes(), &ENV).unwrap().read, 0);
}

#[test]
fn every_refused_record_is_named_and_nothing_is_written() {
    let db = household();
    let text = r#"[{"id":"M1"},{"id":""},{"medication_name":"x"},{"id":"M4","start_date":"2026-02-31"},
        {"id":"M5","medicaton_name":"x"},{"id":"M1"},7,{"id":"M8","cost":true},{"id":"M9","tags":[[["deep"]]]},
        {"id":"M10","cost":{"raw":1}},{"id":"M11","notes":{"hex":"fe"}},{"id":"M12","cost":1,"COST":2}]"#;
    let report = json(&db, "MEDICATION", text.as_bytes(), &ENV).unwrap();
    assert_eq!((report.read, report.written, report.refused_count), (12, 0, 11));
    let reason = |line: u64| {
        let refusal = report.refused.iter().find(|refusal| refusal.line == line);
        refusal.map_or("", |refusal| refusal.reason.as_str())
    };
    assert_eq!(reason(2), "'' cannot be a record id: it is empty");
    assert_eq!(reason(3), "it has no id");
    assert_eq!(reason(4), "'2026-02-31' is not valid for START_DATE, which takes a date (2026-11-24)");
    assert!(reason(5).contains("did you mean medication_name"), "{}", reason(5));
    assert_eq!(reason(6), "id 'M1' is that of record 1 already");
    assert_eq!(reason(7), "it is a number, not an object");
    assert_eq!(reason(8), "'true' is not valid for COST, which takes a number");
    assert!(reason(9).contains("too deep"));
    assert!(!reason(10).is_empty() && !reason(11).is_empty() && reason(12).contains("another member"));
    assert!(medication(&db, "M1").is_none());
}

#[test]
fn what_is_no_json_is_refused_as_a_whole() {
    let db = household();
    for bad in ["[{\"id\":\"M1\"}", "[{\"id\":\"M1\"}] x", "{\"id\":\"M1\"", "nonsense", "[1,]"] {
        let error = json(&db, "MEDICATION", bad.as_bytes(), &ENV).unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{bad}: {error}");
    }
    let deep = "[".repeat(100_000);
    assert!(json(&db, "MEDICATION", deep.as_bytes(), &ENV).is_err());
    assert!(medication(&db, "M1").is_none());
    assert!(matches!(json(&db, "NONE", "[]".as_bytes(), &ENV), Err(Error::NoSuchFile { .. })));
}
