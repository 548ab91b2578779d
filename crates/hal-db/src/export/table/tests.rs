//! Tables out and in again: the same records, whatever they hold.

use proptest::prelude::*;

use super::*;
use crate::hashed::tests::samples;
use crate::import::{self, AccountOptions};
use crate::{Database, Record, schema};

const ENV: Env = Env { today: 21_513, second: 0 };

fn all(db: &Database, file: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let snapshot = db.snapshot().unwrap();
    snapshot
        .scan(file, &mut |id, record| {
            found.push((id.to_owned(), record.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

fn as_json(db: &Database, file: &str) -> (String, TableExport) {
    let mut out = Vec::new();
    let done = json(&db.snapshot().unwrap(), file, &mut out, &ENV).unwrap();
    (String::from_utf8(out).unwrap(), done)
}

fn as_csv(db: &Database, file: &str) -> String {
    let mut out = Vec::new();
    csv(&db.snapshot().unwrap(), file, &mut out, &ENV).unwrap();
    String::from_utf8(out).unwrap()
}

/// A file with each type, an association and a field that no item describes.
fn typed_file() -> Database {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("T")?;
        let items = [
            ("NAME", "1", "", "20L", "S", ""),
            ("N", "1", "", "20L", "S", ""),
            ("BORN", "2", "D4-", "10R", "S", ""),
            ("PAID", "3", "MD2,$", "10R", "S", ""),
            ("TAGS", "4", "", "10L", "M", ""),
            ("TAKE.TIME", "5", "MTH", "7R", "M", "INTAKE"),
            ("TAKE.QTY", "6", "MD2", "7R", "M", "INTAKE"),
            ("SCORE", "7", "", "5R", "S", ""),
        ];
        for (name, number, conversion, format, multi, association) in items {
            let fields = ["D", number, conversion, "", format, multi, association];
            txn.write("DICT T", name, &Record::from_fields(fields))?;
        }
        txn.write("DICT T", "@", &Record::from_fields(["PH", "NAME BORN"]))
    })
    .unwrap();
    db
}

fn put(db: &Database, id: &str, record: &[u8]) {
    let (id, record) = (id.to_owned(), Record::from_bytes(record));
    db.write(move |txn| txn.write("T", &id, &record)).unwrap();
}

#[test]
fn json_has_the_types_and_names_of_the_dictionary() {
    let db = typed_file();
    put(&db, "A", b"Ann\xFE21513\xFE1250\xFEx;y\xFDz\xFE29520\xFD72000\xFE50\xFE7.5\xFE\xFEextra");
    put(&db, "B", b"Bo\xFEsoon");
    put(&db, "C", b"\xFE\xFE\xFEa\xFCb\xFD\xFDc\xFE\xFE\xFC\xFE007");
    let (text, done) = as_json(&db, "T");
    let expected = r#"[
{"id":"A","name":"Ann","born":"2026-11-24","paid":12.50,"tags":["x;y","z"],"intake":[{"take_time":"08:12:00","take_qty":0.50},{"take_time":"20:00:00"}],"score":7.5,"_9":"extra"},
{"id":"B","name":"Bo","born":{"raw":"soon"},"paid":null,"score":null},
{"id":"C","born":null,"paid":null,"tags":[["a","b"],"","c"],"intake":[{"take_qty":[null,null]}],"score":"007"}
]
"#;
    assert_eq!(text, expected);
    assert_eq!(done, TableExport { records: 3, raw: 1, ..TableExport::default() });
    // An empty file is still an array.
    assert_eq!(as_json(&typed_file(), "T").0, "[\n]\n");
}

#[test]
fn csv_can_be_read_by_a_spreadsheet_and_by_us() {
    let db = typed_file();
    put(&db, "A", b"Ann\xFE21513\xFE1250\xFEx;y\xFDz\\\xFD\\;\xFE29520\xFD72000\xFE50\xFE7.5\xFE\xFEextra");
    put(&db, "B", b"two\nlines, \"quoted\"\xFE\xFE\xFEa\xFCb\xFD\xFDc");
    let text = as_csv(&db, "T");
    let expected = "@ID,NAME,BORN,PAID,TAGS,TAKE.TIME,TAKE.QTY,SCORE,_8,_9\n\
        A,Ann,2026-11-24,12.50,x\\;y;z\\\\;\\\\\\;,08:12:00;20:00:00,0.50,7.5,,extra\n\
        B,\"two\nlines, \"\"quoted\"\"\",,,a\u{1F}b;;c,,,,,\n";
    // A backslash that ends a value would escape the divider: it is doubled.
    assert_eq!(text, expected);
    let again = typed_file();
    let report = import::csv(&again, "T", text.as_bytes(), &ENV).unwrap();
    assert_eq!(report.refused, []);
    let trimmed = |db: &Database| -> Vec<(String, Vec<u8>)> {
        all(db, "T").into_iter().map(|(id, record)| (id, without_empty_end(record))).collect()
    };
    assert_eq!(trimmed(&again), trimmed(&db));
}

/// Fields that a table sets to nothing leave marks behind.
fn without_empty_end(mut record: Vec<u8>) -> Vec<u8> {
    while record.last() == Some(&crate::dynarray::FM) {
        record.pop();
    }
    record
}

#[test]
fn every_sample_survives_json() {
    let Some(dir) = samples() else { return };
    let db = Database::in_memory();
    import::account(&db, &dir.join("data"), &AccountOptions::default()).unwrap();
    let again = Database::in_memory();
    import::account(&again, &dir.join("data"), &AccountOptions::default()).unwrap();
    for file in db.snapshot().unwrap().files().unwrap() {
        if file == "VOC" {
            continue;
        }
        let (text, done) = as_json(&db, &file);
        let ids: Vec<String> = all(&again, &file).into_iter().map(|(id, _)| id).collect();
        let name = file.clone();
        again.write(move |txn| ids.iter().try_for_each(|id| txn.delete(&name, id).map(|_| ()))).unwrap();
        assert!(all(&again, &file).is_empty());
        let report = import::json(&again, &file, text.as_bytes(), &ENV).unwrap();
        assert_eq!(report.refused, [], "{file}");
        assert_eq!(done.cut, 0, "{file}");
        for ((id, found), (expected_id, expected)) in all(&again, &file).into_iter().zip(all(&db, &file)) {
            assert_eq!(id, expected_id, "{file}");
            let (found, expected) = (without_empty_end(found), without_empty_end(expected));
            assert!(found == expected, "{file} {id}");
        }
    }
}

#[test]
fn a_household_survives_both() {
    let db = Database::in_memory();
    schema::ensure_household(&db).unwrap();
    db.write(|txn| {
        let mut record = Record::from_bytes(b"P1\xFELisinopril \xC3\xBC".as_slice());
        record.set_field(9, "21216");
        record.set_field(18, b"cough\xFDdizziness");
        record.set_field(21, "1250");
        txn.write("MEDICATION", "M1", &record)?;
        let mut talk = Record::from_fields(["S1"]);
        talk.set_field(4, "21513.29520");
        txn.write("CONVERSATION", "C1", &talk)
    })
    .unwrap();
    for file in ["MEDICATION", "CONVERSATION"] {
        let text = as_json(&db, file).0;
        let again = Database::in_memory();
        schema::ensure_household(&again).unwrap();
        assert_eq!(import::json(&again, file, text.as_bytes(), &ENV).unwrap().written, 1, "{text}");
        let end = |db: &Database| without_empty_end(all(db, file)[0].1.clone());
        assert_eq!(end(&again), end(&db), "{text}");
        let again = Database::in_memory();
        schema::ensure_household(&again).unwrap();
        let text = as_csv(&db, file);
        assert_eq!(import::csv(&again, file, text.as_bytes(), &ENV).unwrap().refused, [], "{text}");
        assert_eq!(end(&again), end(&db), "{text}");
    }
    assert!(as_json(&db, "CONVERSATION").0.contains("\"timestamp\":\"2026-11-24T08:12:00\""));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_cell_divides_where_it_was_joined(values in proptest::collection::vec("[a-c;\\\\]{0,6}", 1..5)) {
        let last = values.len() - 1;
        let joined: Vec<String> =
            values.iter().enumerate().map(|(at, value)| escape(value, at < last)).collect();
        prop_assert_eq!(unescape(&joined.join(";")), values);
    }

    #[test]
    fn any_record_survives_json(record in proptest::collection::vec(prop_oneof![
        Just(0xFE_u8), Just(0xFD), Just(0xFC), Just(0xFB), Just(b'1'), Just(b'-'), Just(b'.'), Just(b'0'), any::<u8>(),
    ], 0..60)) {
        let db = typed_file();
        put(&db, "A", &record);
        let text = as_json(&db, "T").0;
        let again = typed_file();
        let report = import::json(&again, "T", text.as_bytes(), &ENV).unwrap();
        prop_assert_eq!(&report.refused, &[], "{}", text);
        let found = without_empty_end(all(&again, "T")[0].1.clone());
        prop_assert_eq!(found, without_empty_end(record), "{}", text);
    }
}
