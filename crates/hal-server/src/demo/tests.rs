//! The household against the schema, on every kind of day.

use std::collections::{BTreeMap, BTreeSet};

use hal_db::date::{day_from_ymd, days_in_month, weekday, ymd_from_day};
use hal_db::{Database, Record};

use super::layout::{Field, Kind, fields, files};
use super::{LoadError, Loaded, OWNER, household, load};

/// 24 November 2026, a Tuesday.
const TODAY: i64 = 21_513;

type Files = BTreeMap<String, BTreeMap<String, Record>>;

fn by_file(today: i64) -> Files {
    let mut all = Files::new();
    for (file, id, record) in household(today) {
        let twice = all.entry(file.clone()).or_default().insert(id.clone(), record);
        assert!(twice.is_none(), "{file} {id} twice on day {today}");
    }
    all
}

fn text<'a>(file: &str, record: &'a Record, name: &str) -> std::borrow::Cow<'a, str> {
    let field = fields(file).iter().find(|field| field.name == name).expect("a field of the schema");
    record.field_text(field.number)
}

fn check_field(at: &str, field: &Field, record: &Record) {
    let stored = record.field_text(field.number).into_owned();
    if field.required {
        assert!(!stored.is_empty(), "{at} is required");
    }
    if stored.is_empty() {
        return;
    }
    match field.kind {
        Kind::Date => assert!(stored.parse::<i64>().is_ok(), "{at}: {stored} is no day"),
        Kind::Stamp => assert!(hal_db::date::from_stamp(&stored).is_some(), "{at}: {stored} is no moment"),
        Kind::Money => assert!(stored.parse::<i64>().is_ok(), "{at}: {stored} is not whole cents"),
        Kind::TimeOfDay => {
            assert!(stored.parse::<u32>().is_ok_and(|s| s < 86_400), "{at}: {stored} is no time")
        }
        Kind::Number => assert!(stored.parse::<f64>().is_ok(), "{at}: {stored} is no number"),
        Kind::Text => {
            assert_eq!(record.values(field.number).count(), 1, "{at} is single-valued");
            // `Status (active/resolved)` in the description lists what may stand there. ROUTE has no inhalers and
            // DOSAGE_UNIT no puffs; SOURCE and CHAIN_NAME only explain themselves.
            let open = ["ROUTE", "DOSAGE_UNIT", "SOURCE", "CHAIN_NAME"].contains(&field.name.as_str());
            let listed = field.description.rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
            if let Some(listed) = listed.filter(|list| list.contains('/') && !open) {
                assert!(listed.split('/').any(|word| word == stored), "{at}: {stored} is not in {listed}");
            }
        }
        Kind::Values => {}
    }
}

#[test]
fn every_record_fits_the_schema() {
    // Thirteen goes through the weekdays and wanders through the months; every single day has its own test below.
    for today in (TODAY..TODAY + 400).step_by(13) {
        for (file, id, record) in household(today) {
            let fields = fields(&file);
            let last = fields.iter().map(|field| field.number).max().unwrap_or(0);
            assert!(record.dcount_fields() <= last, "{file} {id} has more fields than the schema");
            for field in fields {
                check_field(&format!("{file} {id} {} on day {today}", field.name), field, &record);
            }
        }
    }
}

#[test]
fn every_file_of_the_household_has_records() {
    let all = by_file(TODAY);
    for file in files() {
        assert!(all.contains_key(file), "{file} is empty");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let references = [
        ("PERSON_ID", "PERSON"),
        ("DOCTOR_ID", "DOCTOR"),
        ("PRESCRIBER_ID", "DOCTOR"),
        ("VERIFIED_BY", "DOCTOR"),
        ("MEASURED_BY", "DOCTOR"),
        ("ADMINISTERED_BY", "DOCTOR"),
        ("ORDERED_BY", "DOCTOR"),
        ("PHARMACY_ID", "PHARMACY"),
        ("FACILITY_ID", "HEALTHCARE_FACILITY"),
        ("CONDITION_ID", "MEDICAL_HISTORY"),
        ("RELATED_CONDITIONS", "MEDICAL_HISTORY"),
        ("APPOINTMENT_ID", "APPOINTMENT"),
        ("INSURANCE_ID", "INSURANCE"),
        ("PRESCRIPTIONS", "MEDICATION"),
        ("TESTS_ORDERED", "MEDICAL_TEST"),
        ("CATEGORY_KEY", "CATEGORY"),
        ("PARENT_CATEGORY_KEY", "CATEGORY"),
        ("DEFAULT_CATEGORY", "CATEGORY"),
        ("PAYEE_ID", "PAYEE"),
        ("IMPORT_BATCH_ID", "IMPORT_LOG"),
        ("TAG_KEYS", "TAG"),
        ("ASSIGNED_TO", "PERSON"),
        ("CREATED_BY", "PERSON"),
        ("ATTENDEES", "PERSON"),
        ("ORGANIZER_ID", "PERSON"),
        ("CONTACTS", "PERSON"),
        ("PEOPLE", "PERSON"),
        ("USER_ID", "PERSON"),
        ("COMPANY_ID", "COMPANY"),
        ("PLACE_ID", "PLACE"),
        ("SESSION_ID", "SESSION"),
        ("PARENT_MESSAGE_ID", "CONVERSATION"),
        ("DEVICE_ID", "DEVICE"),
        ("GROUP_ID", "PHOTO_GROUP"),
        ("MODEL_ID", "MODEL"),
        ("SYSTEM_PROMPT_ID", "PROMPT"),
        ("PERSONA_IDS", "PERSONA"),
    ];
    let all = by_file(TODAY);
    for (file, records) in &all {
        for (name, target) in references {
            let Some(field) = fields(file).iter().find(|field| field.name == name) else { continue };
            for (id, record) in records {
                for value in record.values(field.number).filter(|value| !value.is_empty()) {
                    let value = String::from_utf8_lossy(value);
                    assert!(all[target].contains_key(&*value), "{file} {id} {name}: no {value} in {target}");
                }
            }
        }
    }
    let relations =
        fields("PERSON").iter().find(|field| field.name == "RELATIONSHIPS").expect("in the schema").number;
    for (id, record) in &all["PERSON"] {
        for value in record.values(relations).filter(|value| !value.is_empty()) {
            let value = String::from_utf8_lossy(value);
            let (relation, person) = value.split_once(':').expect("relation:person");
            assert!(all["PERSON"].contains_key(person), "{id} {value}");
            assert!(
                person != id && relation.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{id} {value}"
            );
        }
    }
}

#[test]
fn the_same_day_gives_the_same_household() {
    assert_eq!(household(TODAY), household(TODAY));
    assert_ne!(household(TODAY), household(TODAY + 1));
}

#[test]
fn the_past_does_not_change_overnight() {
    let (today, tomorrow) = (by_file(TODAY), by_file(TODAY + 1));
    let fixed = |id: &str, record: &Record| {
        // Copays move with the appointments, and the last days clear.
        let day: i64 = text("TRANSACTION", record, "TRANS_DATE").parse().expect("a day");
        (TODAY - 170..TODAY - 5).contains(&day)
            && text("TRANSACTION", record, "MEMO") != "Copay"
            && !id.is_empty()
    };
    let lines = |all: &Files| -> Vec<(String, String)> {
        let kept = all["TRANSACTION"].iter().filter(|(id, record)| fixed(id, record));
        kept.map(|(id, record)| (id.clone(), text("TRANSACTION", record, "AMOUNT").into_owned())).collect()
    };
    assert_eq!(lines(&today), lines(&tomorrow));
}

#[test]
fn questions_of_every_day_have_an_answer() {
    for today in TODAY..TODAY + 400 {
        let all = by_file(today);
        let day = |file: &str, record: &Record, name: &str| -> i64 {
            text(file, record, name).parse().unwrap_or_else(|_| panic!("{file} {name} on day {today}"))
        };
        let mine = |file: &str, record: &Record| text(file, record, "PERSON_ID") == OWNER;

        let coming: Vec<_> = all["APPOINTMENT"]
            .values()
            .filter(|record| mine("APPOINTMENT", record))
            .filter(|record| matches!(&*text("APPOINTMENT", record, "STATUS"), "scheduled" | "confirmed"))
            .map(|record| day("APPOINTMENT", record, "APPOINTMENT_DATE"))
            .collect();
        assert!(coming.iter().all(|day| *day > today), "a past appointment is still scheduled");
        assert!(coming.contains(&(today + 1)), "one tomorrow");
        assert!(coming.iter().any(|day| weekday(*day) == 5 && *day <= today + 7), "one on the coming Friday");

        for wanted in [today, today - 1] {
            for name in ["GLUCOSE", "BLOOD_PRESSURE_SYSTOLIC"] {
                let found = all["VITAL_SIGNS"].values().any(|record| {
                    mine("VITAL_SIGNS", record)
                        && day("VITAL_SIGNS", record, "MEASUREMENT_DATE") == wanted
                        && !text("VITAL_SIGNS", record, name).is_empty()
                });
                assert!(found, "{name} on day {wanted}");
            }
        }

        let future =
            |file: &str, name: &str| all[file].values().any(|record| day(file, record, name) > today);
        assert!(!future("TRANSACTION", "TRANS_DATE") && !future("VITAL_SIGNS", "MEASUREMENT_DATE"));
        let transactions = all["TRANSACTION"].len();
        assert!((500..=900).contains(&transactions), "{transactions} transactions on day {today}");

        let birthdays = all["PERSON"].values().map(|record| text("PERSON", record, "BIRTHDATE").into_owned());
        let soon = birthdays.filter(|born| !born.is_empty()).any(|born| {
            let (_, month, day) = ymd_from_day(born.parse().expect("a day"));
            let (year, _, _) = ymd_from_day(today);
            [year, year + 1].into_iter().any(|year| {
                let day = day.min(days_in_month(year, month));
                (today..=today + 10).contains(&day_from_ymd(year, month, day))
            })
        });
        assert!(soon, "a birthday within ten days of day {today}");
    }
}

#[test]
fn numbers_stay_within_what_people_have() {
    for (id, record) in &by_file(TODAY)["VITAL_SIGNS"] {
        for (name, low, high) in [
            ("BLOOD_PRESSURE_SYSTOLIC", 95.0, 165.0),
            ("BLOOD_PRESSURE_DIASTOLIC", 55.0, 100.0),
            ("GLUCOSE", 80.0, 180.0),
            ("WEIGHT", 55.0, 210.0),
            ("PULSE", 50.0, 100.0),
            ("BMI", 18.0, 32.0),
        ] {
            let value = text("VITAL_SIGNS", record, name);
            let within =
                value.is_empty() || value.parse::<f64>().is_ok_and(|value| (low..=high).contains(&value));
            assert!(within, "{id} {name} {value}");
        }
    }
}

#[test]
fn birthdays_are_spread_over_all_months() {
    let months: BTreeSet<u32> = by_file(TODAY)["PERSON"]
        .values()
        .filter_map(|record| text("PERSON", record, "BIRTHDATE").parse().ok())
        .map(|born| ymd_from_day(born).1)
        .collect();
    assert_eq!(months.len(), 12, "{months:?}");
}

/// Nobody's real number, address or mailbox: 555-01xx is kept for fiction, example.com by RFC 2606, 192.0.2.0/24 by
/// RFC 5737.
#[test]
fn nothing_in_it_belongs_to_anybody() {
    for (file, id, record) in household(TODAY) {
        for field in fields(&file) {
            for value in record.values(field.number) {
                let value = String::from_utf8_lossy(value).into_owned();
                let at = format!("{file} {id} {}: {value}", field.name);
                if value.contains('@') {
                    assert!(value.ends_with("@example.com"), "{at}");
                }
                if value.contains("://") {
                    assert!(value.contains("example.com"), "{at}");
                }
                let name = field.name.as_str();
                if !value.is_empty() && ["PHONE", "FAX", "MOBILE"].iter().any(|part| name.ends_with(part)) {
                    assert!(value.len() == 8 && value.starts_with("555-01"), "{at}");
                }
                if !value.is_empty() && name.ends_with("IP_ADDRESS") {
                    assert!(value.starts_with("192.0.2."), "{at}");
                }
                if !value.is_empty()
                    && (name.ends_with("_NUMBER") && file == "INSURANCE" || name.contains("ENCRYPTED"))
                {
                    assert!(value.starts_with("DEMO-"), "{at}");
                }
            }
        }
    }
}

#[test]
fn the_second_start_changes_nothing() {
    let database = Database::in_memory();
    let records = household(TODAY).len();
    assert_eq!(load(&database, TODAY).expect("loads"), Loaded::New { records });
    let before = database.snapshot().expect("a snapshot").commit_number();
    assert_eq!(load(&database, TODAY).expect("loads"), Loaded::AlreadyThere);
    assert_eq!(database.snapshot().expect("a snapshot").commit_number(), before);
}

#[test]
fn an_old_household_moves_to_today_and_keeps_what_people_did() {
    let database = Database::in_memory();
    load(&database, TODAY).expect("loads");
    database
        .write(|txn| {
            let mut done = txn.read("TASK", "TSK050")?.expect("bananas");
            done.set_field(4, "completed");
            txn.write("TASK", "TSK050", &done)?;
            txn.delete("TASK", "TSK051")?;
            txn.write("TASK", "mine", &Record::from_text("Milk"))
        })
        .expect("writes");

    let later = TODAY + 9;
    let Loaded::Redated { from_day, written, removed, kept } = load(&database, later).expect("loads") else {
        panic!("it was of another day");
    };
    assert_eq!((from_day, kept), (TODAY, 2));
    assert!(written > 0 && removed > 0);

    let snapshot = database.snapshot().expect("a snapshot");
    let read = |file: &str, id: &str| snapshot.read(file, id).expect("reads");
    assert_eq!(read("TASK", "TSK050").expect("kept").field_text(4), "completed");
    assert_eq!(read("TASK", "TSK051"), None, "what was deleted stays deleted");
    assert_eq!(read("TASK", "mine").expect("kept").field_text(1), "Milk");
    for (file, id, record) in household(later) {
        if !["TSK050", "TSK051"].contains(&id.as_str()) {
            assert_eq!(read(&file, &id), Some(record), "{file} {id}");
        }
    }
    let stale: Vec<String> = household(TODAY)
        .into_iter()
        .filter(|(file, id, _)| read(file, id).is_some() && !household_has(later, file, id))
        .map(|(file, id, _)| format!("{file} {id}"))
        .collect();
    assert!(stale.is_empty(), "left behind: {stale:?}");
    assert_eq!(load(&database, later).expect("loads"), Loaded::AlreadyThere);
}

fn household_has(today: i64, file: &str, id: &str) -> bool {
    static LATER: std::sync::OnceLock<(i64, BTreeSet<(String, String)>)> = std::sync::OnceLock::new();
    let (day, ids) =
        LATER.get_or_init(|| (today, household(today).into_iter().map(|(file, id, _)| (file, id)).collect()));
    assert_eq!(*day, today, "remembered for one day");
    ids.contains(&(file.to_owned(), id.to_owned()))
}

#[test]
fn the_household_of_another_edition_is_replaced_and_the_rest_stays() {
    let database = Database::in_memory();
    load(&database, TODAY).expect("loads");
    database
        .write(|txn| {
            let mut marker = txn.read("IMPORT_LOG", "DEMO")?.expect("the marker");
            marker.set_field(2, "demo household, edition 0");
            txn.write("IMPORT_LOG", "DEMO", &marker)?;
            txn.write("MEDICATION", "MED001", &Record::from_text("as the tables were then"))?;
            txn.write("TASK", "mine", &Record::from_text("Milk"))
        })
        .expect("writes");
    assert!(matches!(load(&database, TODAY).expect("loads"), Loaded::Redated { removed: 0, kept: 0, .. }));
    let snapshot = database.snapshot().expect("a snapshot");
    for (file, id, record) in household(TODAY) {
        assert_eq!(snapshot.read(&file, &id).expect("reads"), Some(record), "{file} {id}");
    }
    assert!(snapshot.read("TASK", "mine").expect("reads").is_some());
    assert_eq!(load(&database, TODAY).expect("loads"), Loaded::AlreadyThere);
}

#[test]
fn an_account_of_somebody_is_left_alone() {
    let database = Database::in_memory();
    hal_db::schema::ensure_household(&database).expect("makes the files");
    database.write(|txn| txn.write("PERSON", "me", &Record::from_text("Somebody"))).expect("writes");
    assert!(matches!(load(&database, TODAY), Err(LoadError::NotTheDemo)));
    assert_eq!(database.snapshot().expect("a snapshot").ids("PERSON").expect("reads").count(), 1);
}
