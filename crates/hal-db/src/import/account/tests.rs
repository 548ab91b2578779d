//! Whole accounts: the samples of a real engine, and small ones made here with our own writer.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::export::{self, ExportOptions};
use crate::hashed::tests::{dumps, samples};
use crate::hashed::{Flavour, WriteOptions, id_to_text, write};
use crate::import::load::Spill as _;
use crate::{Env, query, schema};

const ENV: Env = Env { today: 21_513, second: 0 };

/// Every record of a file, the ids as the account has them.
fn records(db: &Database, file: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    db.snapshot()
        .unwrap()
        .scan(file, &mut |id, record| {
            found.insert(id.to_owned(), record.to_vec());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    found
}

fn household() -> Database {
    let db = Database::in_memory();
    schema::ensure_household(&db).unwrap();
    db
}

/// Writes a hashed file into `dir`.
fn hashed(dir: &Path, flavour: Flavour, items: &[(&str, &[u8])], no_case: bool) {
    fs::create_dir_all(dir).unwrap();
    let (mut primary, mut overflow) = (Vec::new(), Vec::new());
    let options = WriteOptions { no_case, ..WriteOptions::default() };
    write(items, &options, &mut primary, &mut overflow).unwrap();
    fs::write(dir.join(flavour.subfile(0)), primary).unwrap();
    fs::write(dir.join(flavour.subfile(1)), overflow).unwrap();
}

/// An account with a VOC: a hashed file, a directory file, a file of several parts, and things that are left.
fn small_account() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("SHOP");
    let names = Flavour::OpenQm;
    let voc: &[(&str, &[u8])] = &[
        ("VOC", b"F\xFEVOC\xFEVOC.DIC"),
        ("CUSTOMER", b"F Customers\xFECustomer\xFECUSTOMER.DIC"),
        ("CLIENT", b"F\xFECUSTOMER\xFECUSTOMER.DIC"),
        ("NOTES", b"F\xFENOTES\xFE"),
        ("YEARS", b"F\xFEYEARS\\Y25\xFDYEARS\\Y26\xFEYEARS.DIC\xFEY25\xFDY26"),
        ("AWAY", b"F\xFE/srv/other/AWAY\xFE/srv/other/AWAY.DIC"),
        ("UP", b"F\xFE..\\x\xFE"),
        ("GONE", b"F\xFEGONE\xFE"),
        ("odd name", b"F\xFENOTES2\xFE"),
        ("BP.OUT", b"F\xFEBP.OUT\xFE"),
        ("LIST", b"V\xFECA\xFE$QUERY"),
        ("WITH", b"K\xFE1"),
        ("HI", b"PA\xFEDISPLAY Hello"),
        ("REMOTE", b"Q\xFEOTHER\xFECUSTOMER"),
    ];
    hashed(&root.join("VOC"), names, voc, false);
    let customers: &[(&str, &[u8])] = &[("1", b"Ann\xFEParis\xFE125"), ("2", b"Bo\xFERome\xFE-300")];
    hashed(&root.join("Customer"), names, customers, true);
    let dict: &[(&str, &[u8])] = &[
        ("@ID", b"D\xFE0\xFE\xFECUSTOMER\xFE10L\xFES"),
        ("NAME", b"D\xFE1\xFE\xFEName\xFE20L\xFES"),
        ("CITY", b"D\xFE2\xFE\xFECity\xFE20L\xFES"),
        ("OWED", b"D\xFE3\xFEMD2\xFEOwed\xFE10R\xFES"),
        ("BOTH", b"I\xFENAME:CITY\xFE\xFEBoth\xFE20L\xFES\xFE\xFE\xFE\xFE\xFE\xFE\xFE\xFE\xFEcode\x00\x01"),
    ];
    hashed(&root.join("CUSTOMER.DIC"), names, dict, false);
    fs::create_dir_all(root.join("NOTES")).unwrap();
    fs::write(root.join("NOTES/A%AB"), "line one\r\nline two\r\n").unwrap();
    fs::write(root.join("NOTES/%0x"), "a subfile").unwrap();
    fs::create_dir_all(root.join("NOTES/inner")).unwrap();
    fs::create_dir_all(root.join("NOTES2")).unwrap();
    fs::create_dir_all(root.join("BP.OUT")).unwrap();
    for part in ["Y25", "Y26"] {
        hashed(&root.join("YEARS").join(part), names, &[(part, b"x")], false);
    }
    hashed(&root.join("YEARS.DIC"), names, &dict[..1], false);
    (temp, root)
}

fn skipped<'a>(report: &'a AccountReport, what: &str) -> &'a str {
    let found = report.skipped.iter().find(|skip| skip.what == what);
    found.map_or("", |skip| &skip.reason)
}

#[test]
fn every_sample_file_imports_and_goes_out_again_unchanged() {
    let Some(dir) = samples() else { return };
    let temp = tempfile::tempdir().unwrap();
    let db = household();
    let report = account(&db, &dir.join("data"), &AccountOptions::default()).unwrap();
    assert_eq!(report.skipped, []);
    let dumps = dumps(&dir);
    // Nine dictionaries belong to nine files.
    assert_eq!(report.files.len() * 2, dumps.len());
    let check = |db: &Database, exact: bool| {
        for (name, expected) in &dumps {
            let file = match name.strip_suffix(".DIC") {
                Some(file) => format!("DICT {file}"),
                None => name.clone(),
            };
            let found = records(db, &file);
            for (id, record) in expected {
                let (id, _) = id_to_text(id);
                assert!(found.get(&id) == Some(record), "{file} {id:?}");
            }
            if exact && !name.ends_with(".DIC") {
                assert_eq!(found.len(), expected.len(), "{file}");
            }
        }
    };
    check(&db, true);
    for (round, flavour) in [Flavour::OpenQm, Flavour::ScarletDme].into_iter().enumerate() {
        let out = temp.path().join(format!("out{round}"));
        let options = ExportOptions { flavour, ..ExportOptions::default() };
        let done = export::account(&db.snapshot().unwrap(), &out, &options, &ENV).unwrap();
        assert_eq!((done.files.len(), done.skipped.len()), (9, 0));
        // On disk there is what the engine had, no more: what HAL added to dictionaries stays here.
        for (name, expected) in &dumps {
            let loaded = load(&out.join(name), Encoding::Bytes, &mut Whole).unwrap();
            assert_eq!((loaded.records.len(), loaded.skipped_count), (expected.len(), 0), "{name}");
        }
        let again = household();
        let report = account(&again, &out, &AccountOptions::default()).unwrap();
        assert_eq!((report.files.len(), report.skipped.len()), (9, 0), "{:?}", report.skipped);
        check(&again, true);
        for (name, _) in &dumps {
            let dict = format!("DICT {}", name.trim_end_matches(".DIC"));
            assert_eq!(records(&again, &dict), records(&db, &dict), "{dict}");
        }
        assert_eq!(
            again.snapshot().unwrap().indices("PERSON_AK").unwrap(),
            db.snapshot().unwrap().indices("PERSON_AK").unwrap()
        );
    }
}

#[test]
fn the_sample_indices_are_built_and_used() {
    let Some(dir) = samples() else { return };
    let db = Database::in_memory();
    let report = account(&db, &dir.join("data/PERSON_AK"), &AccountOptions::default()).unwrap();
    let file = &report.files[0];
    let built = file.indices.clone();
    for name in ["LAST_NAME", "BALANCE", "PHONE"] {
        assert!(built.iter().any(|index| index == name), "{built:?}");
    }
    // An expression is indexed where the database can, and named where it cannot.
    let named = file.notes.iter().any(|note| note.contains("index AGE_BAND"));
    assert!(named || built.iter().any(|index| index == "AGE_BAND"));
    let snapshot = db.snapshot().unwrap();
    let plan = query::parse("SELECT PERSON_AK WITH LAST_NAME = \"MADEUP\"", &snapshot).unwrap();
    assert!(snapshot.explain(&plan, &ENV).unwrap().contains("LAST_NAME"));
    let found = snapshot.run(&plan, &ENV).unwrap().count;
    let all = records(&db, "PERSON_AK");
    assert_eq!(found, all.values().filter(|record| field(record, 2) == b"MADEUP").count());
    assert!(found > 0);
}

#[test]
fn a_voc_says_what_there_is_and_what_is_left() {
    let (_temp, root) = small_account();
    let db = household();
    let report = account(&db, &root, &AccountOptions::default()).unwrap();
    let names: Vec<(&str, usize)> =
        report.files.iter().map(|file| (file.name.as_str(), file.records)).collect();
    assert_eq!(names, [("CUSTOMER", 2), ("NOTES", 1), ("YEARS.Y25", 1), ("YEARS.Y26", 1)]);
    assert_eq!(records(&db, "CUSTOMER")["1"], b"Ann\xFEParis\xFE125");
    assert_eq!(records(&db, "NOTES")["A*B"], b"line one\xFEline two");
    let notes = &report.files[1];
    assert_eq!(notes.skipped_count, 2, "{:?}", notes.skipped);
    let outside: Vec<&str> = report.outside.iter().map(|skip| skip.what.as_str()).collect();
    assert_eq!(outside, ["AWAY", "UP"]);
    assert!(skipped(&report, "GONE").contains("not there"));
    assert!(skipped(&report, "BP.OUT").contains("compiled"));
    assert!(skipped(&report, "ODD NAME").contains("file name"));
    assert_eq!(report.voc_left["V"], 1);
    assert_eq!(report.voc_left["K"], 1);
    // The paragraph, the pointer, and the second name of a file.
    assert_eq!(report.voc, 3);
    let voc = records(&db, "VOC");
    assert_eq!(voc["CLIENT"], b"Q\xFE\xFECUSTOMER");
    assert_eq!(voc["HI"], b"PA\xFEDISPLAY Hello");
    // A second import finds records and says so; --replace takes the new ones.
    let again = account(&db, &root, &AccountOptions::default()).unwrap();
    assert!(again.files.is_empty());
    assert!(skipped(&again, "CUSTOMER").contains("2 records already"));
    let replace = AccountOptions { replace: true, ..AccountOptions::default() };
    assert_eq!(account(&db, &root, &replace).unwrap().files.len(), 4);
}

#[test]
fn an_account_goes_out_and_comes_back_with_its_kinds() {
    let (temp, root) = small_account();
    let db = household();
    account(&db, &root, &AccountOptions::default()).unwrap();
    db.write(|txn| txn.create_index("CUSTOMER", "CITY")).unwrap();
    let out = temp.path().join("out");
    let done = export::account(&db.snapshot().unwrap(), &out, &ExportOptions::default(), &ENV).unwrap();
    assert_eq!(done.skipped, []);
    assert!(done.empty.contains(&"MEDICATION".to_owned()));
    assert_eq!(fs::read(out.join("NOTES/A%AB")).unwrap(), b"line one\nline two\n");
    let header = load(&out.join("CUSTOMER"), Encoding::Bytes, &mut Whole).unwrap().header.unwrap();
    assert!(header.no_case);
    assert_eq!(i64::from(header.created), (21_513 - 732) * 86_400);
    // Never over something that is there.
    let over = export::account(&db.snapshot().unwrap(), &out, &ExportOptions::default(), &ENV);
    assert!(over.unwrap_err().to_string().contains("exists already"));
    let again = household();
    account(&again, &out, &AccountOptions::default()).unwrap();
    for file in ["CUSTOMER", "NOTES", "YEARS.Y25", "DICT CUSTOMER", "VOC"] {
        if file != "VOC" {
            assert_eq!(records(&again, file), records(&db, file), "{file}");
        }
    }
    assert_eq!(records(&again, "VOC")["HI"], b"PA\xFEDISPLAY Hello");
    assert_eq!(again.snapshot().unwrap().indices("CUSTOMER").unwrap(), ["CITY"]);
}

#[test]
fn compiled_code_is_kept_or_dropped_as_asked() {
    let (_temp, root) = small_account();
    let db = Database::in_memory();
    account(&db, &root, &AccountOptions::default()).unwrap();
    assert!(records(&db, "DICT CUSTOMER")["BOTH"].ends_with(b"code\x00\x01"));
    let options = AccountOptions { drop_object_code: true, ..AccountOptions::default() };
    let db = Database::in_memory();
    account(&db, &root, &options).unwrap();
    assert_eq!(records(&db, "DICT CUSTOMER")["BOTH"], b"I\xFENAME:CITY\xFE\xFEBoth\xFE20L\xFES");
}

#[test]
fn latin_1_becomes_text_and_goes_back() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("ACC");
    let items: &[(&[u8], &[u8])] = &[(b"caf\xE9", b"cr\xE8me\xFDna\xEFve\xFE1"), (b"plain", b"x")];
    fs::create_dir_all(root.join("MENU")).unwrap();
    let (mut primary, mut overflow) = (Vec::new(), Vec::new());
    write(items, &WriteOptions::default(), &mut primary, &mut overflow).unwrap();
    fs::write(root.join("MENU/~0"), primary).unwrap();
    fs::write(root.join("MENU/~1"), overflow).unwrap();
    let options = AccountOptions { encoding: Encoding::Latin1, ..AccountOptions::default() };
    let db = Database::in_memory();
    let report = account(&db, &root, &options).unwrap();
    assert_eq!(report.files[0].notes, Vec::<String>::new());
    assert_eq!(
        records(&db, "MENU")["café"],
        "crème".bytes().chain([0xFD]).chain("naïve".bytes()).chain([0xFE, b'1']).collect::<Vec<u8>>()
    );
    let out = temp.path().join("out");
    export::account(&db.snapshot().unwrap(), &out, &ExportOptions::default(), &ENV).unwrap();
    let again = Database::in_memory();
    // Without the option the bytes are what they were, and the report says what to do.
    let report = account(&again, &out, &AccountOptions::default()).unwrap();
    let menu = records(&again, "MENU");
    assert_eq!(menu[&id_to_text(b"caf\xE9").0], items[0].1);
    assert!(report.files[0].notes[0].contains("--encoding latin1"), "{:?}", report.files[0].notes);
}

#[test]
fn damage_is_told_and_a_file_is_whole_or_absent() {
    let (_temp, root) = small_account();
    // The data of one file loses its primary subfile's end, another its header.
    let path = root.join("YEARS/Y25/%0");
    fs::write(&path, &fs::read(&path).unwrap()[..1024]).unwrap();
    fs::write(root.join("Customer/%0"), b"nothing").unwrap();
    let db = household();
    let report = account(&db, &root, &AccountOptions::default()).unwrap();
    assert!(skipped(&report, "CUSTOMER").contains("not a hashed file"), "{:?}", report.skipped);
    assert!(db.snapshot().unwrap().dictionary("CUSTOMER").is_err());
    let broken = report.files.iter().find(|file| file.name == "YEARS.Y25").unwrap();
    assert_eq!((broken.records, broken.skipped_count), (0, 1));
    assert!(broken.skipped[0].reason.contains("ends before it"));
    assert!(account(&db, &root.join("nowhere"), &AccountOptions::default()).is_err());
    assert!(account(&db, &root.join("BP.OUT"), &AccountOptions::default()).is_err());
}

/// The household's dictionary as the earlier system wrote it: `D4-`, and money where there is none.
fn original_account(root: &Path) {
    let household = schema::household().unwrap();
    for (name, records) in [
        (
            "MEDICATION",
            vec![("M1", vec![(1, "P1"), (2, "Lisinopril"), (9, "21216"), (11, "active"), (21, "1250")])],
        ),
        ("VITAL_SIGNS", vec![("V1", vec![(1, "P1"), (2, "21500"), (17, "16")])]),
        ("CONVERSATION", vec![("C1", vec![(4, "21500")])]),
    ] {
        let file = household.iter().find(|file| file.name == name).unwrap();
        let items: Vec<(&str, Vec<u8>)> = file
            .fields
            .iter()
            .map(|field| {
                let item = &field.item;
                let conversion = match item.name.as_str() {
                    _ if item.conversion.starts_with('D') => "D4-",
                    "RESPIRATORY_RATE" => "MD2",
                    _ => &item.conversion,
                };
                let number = item.field.to_string();
                let fields = ["D", &number, conversion, &item.name, "10L", "S", "", "X"];
                (item.name.as_str(), DynArray::from_fields(fields).into_bytes())
            })
            .collect();
        let items: Vec<(&str, &[u8])> = items.iter().map(|(id, record)| (*id, record.as_slice())).collect();
        hashed(&root.join(format!("{name}.DIC")), Flavour::OpenQm, &items, false);
        let records: Vec<(&str, Vec<u8>)> = records
            .into_iter()
            .map(|(id, fields)| {
                let mut record = DynArray::new();
                fields.iter().for_each(|(number, text)| record.set_field(*number, text));
                (id, record.into_bytes())
            })
            .collect();
        let records: Vec<(&str, &[u8])> =
            records.iter().map(|(id, record)| (*id, record.as_slice())).collect();
        hashed(&root.join(name), Flavour::OpenQm, &records, false);
    }
}

#[test]
fn a_file_of_the_household_is_fitted_to_the_skills() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("HAL");
    original_account(&root);
    let db = household();
    let report = account(&db, &root, &AccountOptions::default()).unwrap();
    assert_eq!(report.files.len(), 3, "{:?}", report.skipped);
    // A skill's own sentence, and through an index.
    let snapshot = db.snapshot().unwrap();
    let text = "SSELECT MEDICATION WITH PERSON_ID = \"P1\" AND WITH STATUS = \"active\" BY MEDICATION_NAME";
    let plan = query::parse(text, &snapshot).unwrap();
    assert_eq!(snapshot.run(&plan, &ENV).unwrap().count, 1);
    assert!(snapshot.explain(&plan, &ENV).unwrap().contains("index"));
    // A count that was shown as money is a count; a stamp may have its time.
    let vitals = snapshot.dictionary("VITAL_SIGNS").unwrap();
    assert_eq!(vitals.data("RESPIRATORY_RATE").unwrap().conversion, "");
    assert!(snapshot.dictionary("CONVERSATION").unwrap().data("TIMESTAMP").unwrap().stamp);
    assert_eq!(snapshot.dictionary("MEDICATION").unwrap().data("START_DATE").unwrap().conversion, "D4-");
    // Records are as they were, and the dictionary goes out as it came.
    let out = temp.path().join("out");
    export::account(&snapshot, &out, &ExportOptions::default(), &ENV).unwrap();
    for name in ["MEDICATION", "MEDICATION.DIC", "VITAL_SIGNS.DIC", "CONVERSATION.DIC"] {
        let read = |root: &Path| {
            let mut records = load(&root.join(name), Encoding::Bytes, &mut Whole).unwrap().records;
            records.sort();
            records
        };
        assert_eq!(read(&out), read(&root), "{name}");
    }
    // The next start leaves the fitted dictionaries alone.
    drop(snapshot);
    let before = records(&db, "DICT VITAL_SIGNS");
    assert_eq!(schema::ensure_household(&db).unwrap(), schema::Created::default());
    assert_eq!(records(&db, "DICT VITAL_SIGNS"), before);
}

#[test]
fn a_layout_of_its_own_gets_the_names_that_skills_use() {
    let Some(dir) = samples() else { return };
    let db = household();
    let report = account(&db, &dir.join("data"), &AccountOptions::default()).unwrap();
    let snapshot = db.snapshot().unwrap();
    let medication = snapshot.dictionary("MEDICATION").unwrap();
    assert_eq!(medication.data("MEDICATION_NAME").unwrap().field, 2);
    assert_eq!(medication.data("START_DATE").unwrap().field, 5);
    // The dose is stored in tenths; its item says so to whoever speaks it.
    assert_eq!(medication.data("DOSAGE").unwrap().conversion, "MD1");
    let plan = query::parse("COUNT MEDICATION WITH MEDICATION_NAME = \"MOCKAPRIL\"", &snapshot).unwrap();
    assert!(snapshot.run(&plan, &ENV).unwrap().count > 0);
    let person = snapshot.dictionary("PERSON").unwrap();
    assert_eq!((person.data("BIRTHDATE").unwrap().field, person.data("CITY").unwrap().field), (3, 7));
    let vitals = report.files.iter().find(|file| file.name == "VITAL_SIGNS").unwrap();
    assert!(
        vitals.notes.iter().any(|note| note == "TEMPERATURE is what the account calls TEMP"),
        "{:?}",
        vitals.notes
    );
    assert_eq!(snapshot.dictionary("VITAL_SIGNS").unwrap().data("WEIGHT").unwrap().conversion, "MD3");
}

#[test]
fn a_journal_with_other_fields_keeps_out_of_hals_way() {
    let temp = tempfile::tempdir().unwrap();
    let items: &[(&str, &[u8])] = &[("TEXT", b"D\xFE1\xFE\xFEText\xFE20L\xFES")];
    hashed(&temp.path().join("LOG"), Flavour::OpenQm, &[("1", b"hello")], false);
    hashed(&temp.path().join("LOG.DIC"), Flavour::OpenQm, items, false);
    let db = household();
    let report = account(&db, temp.path(), &AccountOptions::default()).unwrap();
    assert_eq!(report.files[0].name, "LOG.QM");
    assert_eq!(records(&db, "LOG.QM")["1"], b"hello");
    assert!(records(&db, "LOG").is_empty());
}

#[test]
fn hals_own_account_goes_out_and_comes_back_as_it_was() {
    let db = household();
    db.write(|txn| {
        let mut record = Record::from_fields(["P1", "Lisinopril"]);
        record.set_field(21, "1250");
        txn.write("MEDICATION", "M1", &record)?;
        txn.write("PERSON", "P1", &Record::from_fields(["Ann", "Lee"]))?;
        let mut talk = Record::from_fields(["S1"]);
        talk.set_field(4, "21513.29520");
        txn.write("CONVERSATION", "C1", &talk)
    })
    .unwrap();
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let done = export::account(&db.snapshot().unwrap(), &out, &ExportOptions::default(), &ENV).unwrap();
    assert_eq!((done.files.len(), done.empty.len()), (3, 37));
    let again = household();
    let report = account(&again, &out, &AccountOptions::default()).unwrap();
    assert_eq!(report.skipped, []);
    for file in &report.files {
        assert_eq!(file.notes, Vec::<String>::new(), "{}", file.name);
        assert_eq!(records(&again, &file.name), records(&db, &file.name));
        let dictionary = |db: &Database| {
            let mut items = records(db, &format!("DICT {}", file.name));
            items.retain(|id, _| id != ORIGIN && id != schema::MARKER);
            items
        };
        assert_eq!(dictionary(&again), dictionary(&db), "{}", file.name);
        let sorted = |db: &Database| {
            let mut indices = db.snapshot().unwrap().indices(&file.name).unwrap();
            indices.sort();
            indices
        };
        assert_eq!(sorted(&again), sorted(&db), "{}", file.name);
    }
}

#[test]
fn a_file_that_fits_into_no_transaction_is_there_whole_or_not_at_all() {
    let (_temp, root) = small_account();
    let whole = household();
    let expected = account(&whole, &root, &AccountOptions::default()).unwrap();
    let files = |db: &Database| db.snapshot().unwrap().files().unwrap();

    // Every record a batch of its own, over what a crash has left.
    let db = household();
    db.write(|txn| txn.create_file(STAGE)).unwrap();
    let report = in_batches(&db, &root, &AccountOptions::default(), 1).unwrap();
    assert_eq!(report, expected);
    assert_eq!(files(&db), files(&whole));
    // The VOC holds the numbers of the files, which differ.
    for file in files(&whole).into_iter().filter(|file| file != "VOC") {
        let dict = format!("DICT {file}");
        for file in [&file, &dict] {
            assert_eq!(records(&db, file), records(&whole, file), "{file}");
        }
        let both = [&db, &whole].map(|db| db.snapshot().unwrap().indices(&file).unwrap());
        assert_eq!(both[0], both[1], "{file}");
        let both = [&db, &whole].map(|db| db.snapshot().unwrap().is_no_case(&file).unwrap());
        assert_eq!(both[0], both[1], "{file}");
    }

    // Again, in place of what is there.
    let replace = AccountOptions { replace: true, ..AccountOptions::default() };
    let items: &[(&str, &[u8])] = &[("1", b"one"), ("2", b"two"), ("3", b"three")];
    hashed(&root.join("Customer"), Flavour::OpenQm, items, false);
    assert_eq!(in_batches(&db, &root, &replace, 1).unwrap().files.len(), expected.files.len());
    assert_eq!(records(&db, "CUSTOMER").into_keys().collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(files(&db), files(&whole));
}

#[test]
fn of_a_file_that_is_broken_off_nothing_stays() {
    let db = Database::in_memory();
    let mut stage = Stage::new(&db, 1);
    stage.take(vec![("1".to_owned(), b"one".to_vec())], false).unwrap();
    let reason = stage.take(vec![("2\0".to_owned(), b"two".to_vec())], false).unwrap_err();
    assert!(reason.contains("record id"), "{reason}");
    assert!(matches!(refused(stage.failed().unwrap()), Ok(said) if said == reason));
    let lost = db.snapshot().unwrap().ids("NOTHING").expect_err("no such file");
    assert!(refused(lost).is_err(), "not the file's own fault");
    assert_eq!(records(&db, STAGE).len(), 1);
    stage::clear(&db).unwrap();
    stage::clear(&db).unwrap();
    assert_eq!(db.snapshot().unwrap().files().unwrap(), ["VOC"]);
}
