//! The tables under `data/`: text in, records in internal form out. Knows the schema, but no person and no series.
//!
//! A table has `|` between its columns and spaces around them; `#` begins a comment line; the first other line names the
//! fields of the schema, with `ID` first. How a cell is written depends on the type of its field:
//!
//! | field | cell | stored |
//! |---|---|---|
//! | date | `+3` `-40` `0` (days from today), `fri` (the first Friday after today), `1971-04-12` | QM day |
//! | date | `+12w` (that day, or the Monday after it when it is a weekend) | QM day |
//! | date | `07-19/-9y` (in the year of today less nine), `+6/-14y` (today + 6 days, fourteen years back) | QM day |
//! | date meant as a moment | `-1 09:12` | `day.second`, see `hal_db::date::stamp` |
//! | time of day | `14:15` | seconds since midnight |
//! | money | `$12.40` | cents where the dictionary converts (`MD2`), dollars elsewhere |
//! | multivalued | `a;b` | values |
//!
//! Columns that nearly every file has are filled in when a table leaves them out: `CREATED_DATE`, `UPDATED_DATE`, `ACTIVE`.

use hal_db::Record;
use hal_db::date;

use super::layout::{self, Field, Kind};

/// Every file that has a table. TRANSACTION, PAYEE, IMPORT_LOG and VITAL_SIGNS are made by `spending` and `vitals`.
const TABLES: &[(&str, &str)] = &[
    ("PERSON", include_str!("data/PERSON.tbl")),
    ("COMPANY", include_str!("data/COMPANY.tbl")),
    ("EVENT", include_str!("data/EVENT.tbl")),
    ("PLACE", include_str!("data/PLACE.tbl")),
    ("SCHOOL", include_str!("data/SCHOOL.tbl")),
    ("CONVERSATION", include_str!("data/CONVERSATION.tbl")),
    ("SESSION", include_str!("data/SESSION.tbl")),
    ("PERSONA", include_str!("data/PERSONA.tbl")),
    ("MEMORY", include_str!("data/MEMORY.tbl")),
    ("SKILL", include_str!("data/SKILL.tbl")),
    ("TASK", include_str!("data/TASK.tbl")),
    ("EMAIL", include_str!("data/EMAIL.tbl")),
    ("MODEL", include_str!("data/MODEL.tbl")),
    ("PROMPT", include_str!("data/PROMPT.tbl")),
    ("DEVICE", include_str!("data/DEVICE.tbl")),
    ("DOCUMENT", include_str!("data/DOCUMENT.tbl")),
    ("INTEGRATION", include_str!("data/INTEGRATION.tbl")),
    ("LOG", include_str!("data/LOG.tbl")),
    ("MEDICAL_HISTORY", include_str!("data/MEDICAL_HISTORY.tbl")),
    ("MEDICATION", include_str!("data/MEDICATION.tbl")),
    ("ALLERGY", include_str!("data/ALLERGY.tbl")),
    ("DOCTOR", include_str!("data/DOCTOR.tbl")),
    ("MEDICAL_TEST", include_str!("data/MEDICAL_TEST.tbl")),
    ("HEALTHCARE_FACILITY", include_str!("data/HEALTHCARE_FACILITY.tbl")),
    ("APPOINTMENT", include_str!("data/APPOINTMENT.tbl")),
    ("INSURANCE", include_str!("data/INSURANCE.tbl")),
    ("PHARMACY", include_str!("data/PHARMACY.tbl")),
    ("IMMUNIZATION", include_str!("data/IMMUNIZATION.tbl")),
    ("PASSWORD_VAULT", include_str!("data/PASSWORD_VAULT.tbl")),
    ("MASTER_PASSWORD", include_str!("data/MASTER_PASSWORD.tbl")),
    ("RULE", include_str!("data/RULE.tbl")),
    ("REIMBURSEMENT", include_str!("data/REIMBURSEMENT.tbl")),
    ("CATEGORY", include_str!("data/CATEGORY.tbl")),
    ("TAG", include_str!("data/TAG.tbl")),
    ("PHOTO", include_str!("data/PHOTO.tbl")),
    ("PHOTO_GROUP", include_str!("data/PHOTO_GROUP.tbl")),
];

/// One record being made: fields by name, in internal form.
#[derive(Debug)]
pub(super) struct Draft {
    file: &'static str,
    id: String,
    fields: &'static [Field],
    /// Field 1 first.
    stored: Vec<Vec<u8>>,
}

impl Draft {
    pub(super) fn new(file: &'static str, id: String) -> Draft {
        Draft { file, id, fields: layout::fields(file), stored: Vec::new() }
    }

    /// Sets a field to text that is already in internal form.
    ///
    /// Panics when the file has no such field: a table or series of ours is wrong, and a test walks all of them.
    pub(super) fn set(mut self, name: &str, internal: impl AsRef<[u8]>) -> Draft {
        let index = self.index(name).unwrap_or_else(|| panic!("{} has no field {name}", self.file));
        if !internal.as_ref().is_empty() {
            self.stored.resize(self.stored.len().max(index + 1), Vec::new());
            self.stored[index] = internal.as_ref().to_vec();
        }
        self
    }

    fn index(&self, name: &str) -> Option<usize> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        Some(field.number - 1)
    }

    /// Fills what nearly every file has and gives the record with its place.
    pub(super) fn finish(mut self, today: i64) -> (String, String, Record) {
        for (name, value) in [
            ("CREATED_DATE", (today - 180).to_string()),
            ("UPDATED_DATE", (today - 14).to_string()),
            ("ACTIVE", "Y".to_owned()),
        ] {
            let missing =
                self.index(name).is_some_and(|index| self.stored.get(index).is_none_or(Vec::is_empty));
            if missing {
                self = self.set(name, value);
            }
        }
        (self.file.to_owned(), self.id, Record::from_fields(&self.stored))
    }
}

/// The records of all tables, dates counted from `today`.
pub(super) fn records(today: i64) -> Vec<(String, String, Record)> {
    let mut records = Vec::new();
    for (file, text) in TABLES {
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let names: Vec<&str> =
            lines.next().expect("a table has a header").split('|').map(str::trim).collect();
        for line in lines {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            assert!(cells.len() <= names.len(), "{file} {}: {} cells", cells[0], cells.len());
            let mut draft = Draft::new(file, cells[0].to_owned());
            for (name, cell) in names.iter().zip(&cells).skip(1) {
                let field = draft.fields.iter().find(|field| field.name == *name);
                let field = field.unwrap_or_else(|| panic!("{file} has no field {name}"));
                let internal = internal(field, cell, today);
                let internal =
                    internal.unwrap_or_else(|| panic!("{file} {} {name}: cannot read {cell:?}", cells[0]));
                draft = draft.set(name, internal);
            }
            records.push(draft.finish(today));
        }
    }
    records
}

fn internal(field: &Field, cell: &str, today: i64) -> Option<Vec<u8>> {
    if cell.is_empty() {
        return Some(Vec::new());
    }
    let text = match field.kind {
        Kind::Date => day_of(cell, today)?.to_string(),
        Kind::Stamp => {
            let (day, time) = cell.split_once(' ')?;
            date::stamp(day_of(day, today)?, second_of(time)?)
        }
        Kind::TimeOfDay => second_of(cell)?.to_string(),
        Kind::Money => {
            let (dollars, cents) = cell.strip_prefix('$')?.split_once('.')?;
            (cents.len() == 2).then_some(())?;
            (dollars.parse::<i64>().ok()? * 100 + cents.parse::<i64>().ok()?).to_string()
        }
        // Deductibles and copays are amounts that the dictionary may show as plain numbers.
        Kind::Number => {
            let plain = cell.strip_prefix('$').map_or(cell, |dollars| dollars.trim_end_matches(".00"));
            plain.parse::<f64>().ok().map(|_| plain.to_owned())?
        }
        Kind::Values => {
            let mut values = Record::new();
            for (place, value) in (1..).zip(cell.split(';')) {
                values.replace(1, place, 0, value.trim());
            }
            return Some(values.into_bytes());
        }
        Kind::Text => cell.to_owned(),
    };
    Some(text.into_bytes())
}

fn day_of(cell: &str, today: i64) -> Option<i64> {
    if let Some((day_month, years)) = cell.split_once('/') {
        let years: i32 = years.strip_suffix('y')?.parse().ok()?;
        let (month, day, year) = match day_month.split_once('-').filter(|(month, _)| month.len() == 2) {
            Some((month, day)) => (month.parse().ok()?, day.parse().ok()?, date::ymd_from_day(today).0),
            None => {
                let (year, month, day) = date::ymd_from_day(today + day_month.parse::<i64>().ok()?);
                (month, day, year)
            }
        };
        // Born on a 29th of February in a year that has none: the register says the 28th.
        let year = year + years;
        return Some(date::day_from_ymd(year, month, u32::min(day, date::days_in_month(year, month))));
    }
    if let Some(days) = cell.strip_suffix('w') {
        return Some(workday(today + days.parse::<i64>().ok()?));
    }
    let weekday = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().position(|name| *name == cell);
    if let Some(index) = weekday {
        return (today + 1..=today + 7).find(|day| date::weekday(*day) as usize == index + 1);
    }
    date::from_iso(cell).or_else(|| Some(today + cell.parse::<i64>().ok()?))
}

/// The day itself, or the Monday after it: most practices are closed at weekends.
pub(super) fn workday(day: i64) -> i64 {
    match date::weekday(day) {
        6 => day + 2,
        7 => day + 1,
        _ => day,
    }
}

fn second_of(cell: &str) -> Option<u32> {
    let (hour, minute) = cell.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 3600 + minute * 60)
}
