//! The files of a household account, from the CSV files in `schema/`: names, dictionaries, indices.
//!
//! `SCHEMA_INDEX.csv` names the files; `<FILE>.csv` their fields: `FieldName,FieldNum,Type,Description,Required,Indexed`,
//! types K id, A text, N number, D date, T long text, M several values. What the types leave open is derived from the
//! field's name by the rules in `derive.rs`. The finance files and PHOTO have no row for the id: they get an `ID` item all
//! the same, so that `ID` is field 0 in each file.
//!
//! Dates are day numbers under `D4-YMD[4,2,2]` (2026-11-24). The project's `D4-` would show month-day-year, which its
//! own documents took for ISO. Fields meant as date *and* time (CONVERSATION.TIMESTAMP, SESSION.START_TIME, DEVICE.LAST_SEEN
//! …) hold stamps, `day.second` in local time (see [`crate::date`]): the item shows and compares the date, a second item
//! `NAME.TIME` the time of day. A date without a time compared with a stamp means the whole day, so
//! `WITH TIMESTAMP EQ "2026-11-24"` finds that day through the index.
//!
//! Times of day are seconds since midnight under `MTH` (08:30am). Money is whole cents under `MD2,$`. Fractional
//! numbers (weights, temperatures, rates) are stored as written.

mod derive;

use std::sync::Arc;

use crate::Database;
use crate::dict::DataItem;
use crate::dynarray::DynArray;
use crate::error::{Error, Result};
use crate::txn::Txn;

/// A file of the household, as its CSV describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFile {
    /// Name of the file.
    pub name: &'static str,
    /// Three-letter abbreviation.
    pub abbreviation: String,
    /// What it holds.
    pub description: String,
    /// Its fields, in order.
    pub fields: Vec<SchemaField>,
}

/// A field of a household file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaField {
    /// Its dictionary item.
    pub item: DataItem,
    /// What it means, its unit or its allowed values.
    pub description: String,
    /// Whether a record should have it.
    pub required: bool,
    /// Whether it has an index.
    pub indexed: bool,
}

/// What [`ensure_household`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Created {
    /// Files created.
    pub files: Vec<String>,
    /// Dictionary items added or brought up to date.
    pub items: usize,
    /// Indices created.
    pub indices: usize,
}

macro_rules! schema_files {
    ($($name:literal),* $(,)?) => {
        /// Each file's CSV.
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../schema/", $name, ".csv")))),*];
    };
}

schema_files! {
    "PERSON", "COMPANY", "EVENT", "PLACE", "SCHOOL", "CONVERSATION", "SESSION", "PERSONA", "MEMORY", "SKILL", "TASK",
    "EMAIL", "MODEL", "PROMPT", "DEVICE", "DOCUMENT", "INTEGRATION", "LOG", "MEDICAL_HISTORY", "MEDICATION", "ALLERGY",
    "DOCTOR", "MEDICAL_TEST", "HEALTHCARE_FACILITY", "APPOINTMENT", "INSURANCE", "PHARMACY", "IMMUNIZATION",
    "VITAL_SIGNS", "PASSWORD_VAULT", "MASTER_PASSWORD", "TRANSACTION", "PAYEE", "RULE", "REIMBURSEMENT", "IMPORT_LOG",
    "CATEGORY", "TAG", "PHOTO", "PHOTO_GROUP",
}

const INDEX: &str = include_str!("../schema/SCHEMA_INDEX.csv");

/// Version of the derived dictionaries; a household with another one is brought up to date.
const VERSION: &str = "1";
/// Name of the dictionary record that holds the version and the items that HAL wrote.
pub(crate) const MARKER: &str = "$SCHEMA";
/// Field 1 of the marker where an account's own dictionary is in force.
const IMPORTED: &str = "X imported";

/// All files of the household, in the order of their numbers.
///
/// # Errors
/// [`Error::Damaged`] when an embedded CSV does not read; the tests rule that out.
pub fn household() -> Result<Vec<SchemaFile>> {
    let rows = derive::csv_rows("SCHEMA_INDEX", INDEX)?;
    FILES
        .iter()
        .map(|(name, csv)| {
            let row = rows.iter().find(|row| row.first().is_some_and(|first| first == name));
            let cell = |at: usize| row.and_then(|row| row.get(at)).cloned().unwrap_or_default();
            let (abbreviation, description) = (cell(1), cell(5));
            Ok(SchemaFile { name, abbreviation, description, fields: derive::fields(name, csv)? })
        })
        .collect()
}

/// Creates the files of a household account, with dictionaries and indices, where they are missing.
///
/// Safe to call at every start. Items that a person changed or added are kept: an item is only replaced when it still is
/// what an earlier HAL wrote. All in one transaction.
///
/// # Errors
/// As [`Database::write`].
pub fn ensure_household(db: &Database) -> Result<Created> {
    let household = Arc::new(household()?);
    if db.snapshot().is_ok_and(|snapshot| {
        household.iter().all(|file| {
            let marker = snapshot.read(&format!("DICT {}", file.name), MARKER);
            marker.is_ok_and(|marker| marker.is_some_and(|marker| marker.field(2) == VERSION.as_bytes()))
        })
    }) {
        return Ok(Created::default());
    }
    db.write(move |txn| {
        let mut created = Created::default();
        for file in household.iter() {
            ensure_file(txn, file, &mut created)?;
        }
        Ok(created)
    })
}

fn ensure_file(txn: &mut Txn<'_>, file: &SchemaFile, created: &mut Created) -> Result<()> {
    let dict = format!("DICT {}", file.name);
    if !txn.has_file(file.name) {
        txn.create_file(file.name)?;
        created.files.push(file.name.to_owned());
    }
    let marker = txn.read(&dict, MARKER)?.unwrap_or_default();
    if marker.field(1) == IMPORTED.as_bytes() {
        // The import has fitted it; items at the household's numbers could describe other fields there.
        return txn.write(&dict, MARKER, &imported_marker());
    }
    // Field 3: names of the items HAL wrote; field 4: their records then, lowered by one rank each.
    let mut known: Vec<(String, Vec<u8>)> = marker
        .values(3)
        .zip(marker.values(4))
        .map(|(name, record)| (String::from_utf8_lossy(name).into_owned(), record.to_vec()))
        .collect();
    let mut batch = Vec::new();
    for (name, record) in items(file) {
        let flat = flattened(&record);
        let present = txn.read(&dict, &name)?;
        let ours = known.iter().position(|(known, _)| *known == name);
        let replace = match (&present, ours) {
            (None, None) => true,
            // A fresh file's own @ID.
            (Some(_), None) => name == "@ID" && marker.is_empty(),
            // Deleted by a person: it stays away.
            (None, Some(_)) => false,
            (Some(present), Some(ours)) => flattened(present) == known[ours].1 && known[ours].1 != flat,
        };
        if replace {
            batch.push((name.clone(), record));
            created.items += 1;
            match ours {
                Some(ours) => known[ours].1 = flat,
                None => known.push((name, flat)),
            }
        }
    }
    let mut marker = DynArray::from_fields(["X household schema", VERSION]);
    for (name, flat) in &known {
        marker.replace(3, -1, 0, name);
        marker.replace(4, -1, 0, flat);
    }
    batch.push((MARKER.to_owned(), marker));
    txn.write_all(&dict, &batch)?;
    for field in file.fields.iter().filter(|field| field.indexed) {
        // An item that a person redefined may have lost its field: no index then, and no failure.
        match txn.create_index(file.name, &field.item.name) {
            Ok(true) => created.indices += 1,
            Ok(false) | Err(Error::NoSuchItem { .. } | Error::Refused(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// The dictionary that a file of the household has: names and records.
pub(crate) fn items(file: &SchemaFile) -> Vec<(String, DynArray)> {
    let mut wanted: Vec<(String, DynArray)> = Vec::new();
    for field in &file.fields {
        wanted.push((field.item.name.clone(), item_record(field)));
        wanted.extend(derive::time_item(&field.item).map(|item| (item.name.clone(), item.to_record())));
    }
    if !file.fields.iter().any(|field| field.item.field == 0) {
        wanted.push(("ID".to_owned(), DynArray::from_fields(["D", "0", "", "ID", "15L", "S"])));
    }
    wanted.push(("@".to_owned(), DynArray::from_fields(["PH", &derive::default_columns(&file.fields)])));
    wanted.push(("@ID".to_owned(), DynArray::from_fields(["D", "0", "", file.name, "15L", "S"])));
    wanted
}

/// What the marker of a file says whose dictionary came with an imported account.
pub(crate) fn imported_marker() -> DynArray {
    DynArray::from_fields([IMPORTED, VERSION])
}

/// Field 8 says `X` for an indexed item, field 9 what it means: as the project's own dictionaries have it.
fn item_record(field: &SchemaField) -> DynArray {
    let mut record = field.item.to_record();
    if field.indexed {
        record.set_field(8, "X");
    }
    record
}

/// A record on one line: values keep their marks one rank lower.
fn flattened(record: &DynArray) -> Vec<u8> {
    record.lower().lower().into_bytes()
}

#[cfg(test)]
mod tests;
