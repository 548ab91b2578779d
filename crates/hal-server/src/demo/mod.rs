//! The demo household: an invented family of six months, made from nothing but today's date.
//!
//! [`household`] is pure: the same day gives the same records. [`load`] writes them into an account and keeps them fresh;
//! it knows nothing of questions, skills or the network. Who the people are: `data/PERSON.tbl`; Arthur, `P001`, owns it all.
//!
//! # Staying fresh
//!
//! Dates are relative to the day of loading, so an account made last week would have no appointment tomorrow. On a start on
//! another day [`load`] re-dates it: since the household of the old day can be made again, every record that still equals
//! it is replaced by (or, where the new day has none, removed for) the household of today. A record that somebody changed
//! is kept as it is, one that somebody deleted stays deleted, and records that are not the demo's are never touched. The
//! record `DEMO` in IMPORT_LOG remembers the day and the edition of the tables. Another edition of HAL with other tables
//! cannot make the old ones again: it then overwrites the demo's own records and still leaves everybody else's.
//!
//! An account that holds people but no such record is somebody's own: [`load`] refuses to touch it.

mod chance;
mod layout;
mod spending;
mod table;
mod vitals;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hal_db::{Database, Record};

/// The person who owns the household and asks by default.
pub const OWNER: &str = "P001";

/// How far back the series go: six months.
const HISTORY_DAYS: i64 = 183;

const IMPORT_BATCH_PREFIX: &str = "BANK-";

/// Where and under which id the day of loading is remembered.
const MARKER: (&str, &str) = ("IMPORT_LOG", "DEMO");

/// Raise it with every change of the tables or series: the old household cannot be made again then.
const EDITION: u32 = 1;

/// Why the demo household was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The account has people in it who are not the demo's.
    #[error(
        "this account already holds records of its own\n\nhint: start the demo with `--data` and a new folder, or without `--demo`"
    )]
    NotTheDemo,
    #[error(transparent)]
    Database(#[from] hal_db::Error),
}

/// What [`load`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// The account was empty and has this many records now.
    New { records: usize },
    /// It was loaded today already; nothing was written.
    AlreadyThere,
    /// It was of another day. `kept` counts demo records that somebody changed or deleted, which stay as they are.
    Redated { from_day: i64, written: usize, removed: usize, kept: usize },
}

impl std::fmt::Display for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Loaded::New { records } => write!(f, "made the demo household: {records} records"),
            Loaded::AlreadyThere => write!(f, "the demo household is already there"),
            Loaded::Redated { from_day, written, removed, kept } => write!(
                f,
                "moved the demo household from {} to today: {written} records written, {removed} removed, {kept} kept as changed",
                hal_db::date::iso(*from_day)
            ),
        }
    }
}

/// Makes the records of the household: file, id, record in internal form.
///
/// `today` is a day number (31 December 1967 is 0). Sorted by file and id; ids are unique within a file.
#[must_use]
pub fn household(today: i64) -> Vec<(String, String, Record)> {
    let mut records = table::records(today);
    let copays = copays(&records);
    records.extend(vitals::records(today));
    records.extend(spending::records(today, &copays));
    records.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    records
}

/// Day and cents of the copays that were paid, so that the bank and the appointments agree.
fn copays(records: &[(String, String, Record)]) -> Vec<(i64, i64)> {
    let number = |name: &str| {
        let fields = layout::fields("APPOINTMENT").iter();
        fields.clone().find(|field| field.name == name).expect("a field of the schema").number
    };
    let (date, amount, paid) = (number("APPOINTMENT_DATE"), number("COPAY_AMOUNT"), number("COPAY_PAID"));
    let appointments =
        records.iter().filter(|(file, _, record)| file == "APPOINTMENT" && record.field_text(paid) == "Y");
    appointments
        .map(|(_, _, record)| {
            let cell = |number| record.field_text(number).parse().expect("a whole number in the table");
            (cell(date), cell(amount))
        })
        .collect()
}

fn marker(today: i64, records: usize) -> Record {
    table::Draft::new(MARKER.0, MARKER.1.to_owned())
        .set("IMPORT_DATE", today.to_string())
        .set("SOURCE_FILE", source())
        .set("RECORD_COUNT", records.to_string())
        .set("IMPORT_TYPE", "demo")
        .set("USER", OWNER)
        .set("STATUS", "completed")
        .finish(today)
        .2
}

/// Names the edition in the marker.
fn source() -> String {
    format!("demo household, edition {EDITION}")
}

/// Puts the household of `today` into the account, or brings an older one up to today (see the module).
///
/// Makes the account's files first. Everything is one transaction: a crash leaves the old state or the new one.
///
/// # Errors
///
/// [`LoadError::NotTheDemo`] when the account belongs to somebody: use another folder.
pub fn load(database: &Database, today: i64) -> Result<Loaded, LoadError> {
    hal_db::schema::ensure_household(database)?;
    let snapshot = database.snapshot()?;
    let found = snapshot.read(MARKER.0, MARKER.1)?;
    let new = household(today);
    let Some(found) = found else {
        if snapshot.ids("PERSON")?.next().is_some() {
            return Err(LoadError::NotTheDemo);
        }
        let records = new.len();
        database.write(move |txn| {
            for (file, id, record) in &new {
                txn.write(file, id, record)?;
            }
            txn.write(MARKER.0, MARKER.1, &marker(today, records))
        })?;
        return Ok(Loaded::New { records });
    };
    let from_day = found.field_text(1).parse().unwrap_or(today - 1);
    let same_edition = found.field_text(2) == source();
    if from_day == today && same_edition {
        return Ok(Loaded::AlreadyThere);
    }
    drop(snapshot);
    let loaded = database.write(move |txn| {
        let count = new.len();
        let mut new: BTreeMap<(String, String), Record> =
            new.into_iter().map(|(file, id, record)| ((file, id), record)).collect();
        let (mut written, mut removed, mut kept) = (0, 0, 0);
        if same_edition {
            for (file, id, old) in household(from_day) {
                let stored = txn.read(&file, &id)?;
                let key = (file, id);
                if stored.as_ref() != Some(&old) {
                    kept += 1;
                    new.remove(&key);
                } else if new.get(&key) == Some(&old) {
                    new.remove(&key);
                } else if !new.contains_key(&key) {
                    txn.delete(&key.0, &key.1)?;
                    removed += 1;
                }
            }
        }
        for ((file, id), record) in &new {
            txn.write(file, id, record)?;
            written += 1;
        }
        txn.write(MARKER.0, MARKER.1, &marker(today, count))?;
        Ok(Loaded::Redated { from_day, written, removed, kept })
    })?;
    Ok(loaded)
}
