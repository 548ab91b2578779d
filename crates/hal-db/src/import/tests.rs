//! Imports into a household file: what is taken, what is refused, and that nothing is half done.

use super::*;
use crate::{query, schema};

const ENV: Env = Env { today: 21_513, second: 0 };

fn household() -> Database {
    let db = Database::in_memory();
    schema::ensure_household(&db).unwrap();
    db
}

#[test]
fn cells_are_stored_as_the_dictionary_says() {
    let db = household();
    let text = "\u{FEFF}id,medication_name,START_DATE,Cost,SIDE_EFFECTS,NOTES\n\
                M1,Lisinopril,2026-01-31,\"$1,012.50\",cough; dizziness ,\"two\nlines\"\n\
                M2,Metformin,24 NOV,,,\n";
    let report = csv(&db, "MEDICATION", text.as_bytes(), &ENV).unwrap();
    assert_eq!((report.read, report.written, report.refused_count), (2, 2, 0));
    let snapshot = db.snapshot().unwrap();
    let first = snapshot.read("MEDICATION", "M1").unwrap().unwrap();
    assert_eq!(first.field_text(2), "Lisinopril");
    assert_eq!(first.field_text(9), "21216");
    assert_eq!(first.field_text(21), "101250");
    assert_eq!(first.extract_text(18, 2, 0), "dizziness");
    assert_eq!(first.field_text(23), "two\nlines");
    assert_eq!(snapshot.read("MEDICATION", "M2").unwrap().unwrap().field_text(9), "21513");
    let plan = query::parse("COUNT MEDICATION WITH START_DATE EQ \"2026-11-24\"", &snapshot).unwrap();
    assert_eq!(snapshot.run(&plan, &ENV).unwrap().count, 1);
}

#[test]
fn every_refused_row_is_named_and_nothing_is_written() {
    let db = household();
    let text = "ID,START_DATE,COST\nM1,2026-01-31,1\n,2026-01-31,1\nM3,2026-02-31,1\nM4,never,1\nM5,,twelve\nM1,,1\nM7,1\n";
    let report = csv(&db, "MEDICATION", text.as_bytes(), &ENV).unwrap();
    assert_eq!((report.read, report.written, report.refused_count), (7, 0, 6));
    let refused: Vec<(u64, &str)> = report.refused.iter().map(|r| (r.line, r.reason.as_str())).collect();
    assert_eq!(
        refused,
        [
            (3, "'' cannot be a record id: it is empty"),
            (4, "'2026-02-31' is not valid for START_DATE (conversion D4-YMD[4,2,2])"),
            (5, "'never' is not valid for START_DATE (conversion D4-YMD[4,2,2])"),
            (6, "'twelve' is not valid for COST (conversion MD2,$)"),
            (7, "id 'M1' is in line 2 already"),
            (8, "it has 2 columns, the header 3"),
        ]
    );
    assert!(db.snapshot().unwrap().read("MEDICATION", "M1").unwrap().is_none());
}

#[test]
fn a_second_import_changes_only_the_columns_it_names() {
    let db = household();
    csv(&db, "MEDICATION", "ID,MEDICATION_NAME,STATUS\nM1,Lisinopril,active\n".as_bytes(), &ENV).unwrap();
    csv(&db, "MEDICATION", "STATUS,@ID\ndiscontinued,M1\n".as_bytes(), &ENV).unwrap();
    let record = db.snapshot().unwrap().read("MEDICATION", "M1").unwrap().unwrap();
    assert_eq!(
        (record.field_text(2).as_ref(), record.field_text(11).as_ref()),
        ("Lisinopril", "discontinued")
    );
}

#[test]
fn moments_are_taken_with_their_time() {
    let db = household();
    let text = "ID,TIMESTAMP,CONTENT\nC1,2026-11-24T08:12:00,hello\nC2,2026-11-24,hi\n";
    assert_eq!(csv(&db, "CONVERSATION", text.as_bytes(), &ENV).unwrap().written, 2);
    let snapshot = db.snapshot().unwrap();
    assert_eq!(snapshot.read("CONVERSATION", "C1").unwrap().unwrap().field_text(4), "21513.29520");
    assert_eq!(snapshot.read("CONVERSATION", "C2").unwrap().unwrap().field_text(4), "21513");
}

#[test]
fn a_header_that_does_not_fit_is_refused_before_anything_is_read() {
    let db = household();
    let refused = |text: &str| csv(&db, "MEDICATION", text.as_bytes(), &ENV).unwrap_err().to_string();
    assert!(refused("ID,MEDICATON_NAME\n").contains("did you mean MEDICATION_NAME"));
    assert!(refused("MEDICATION_NAME\n").contains("no ID column"));
    assert!(refused("ID,COST,cost\n").contains("another column"));
    assert!(matches!(csv(&db, "NONE", "ID\n".as_bytes(), &ENV), Err(Error::NoSuchFile { .. })));
}
