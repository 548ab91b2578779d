//! What comes in: a whole account of OpenQM or ScarletDME ([`account`]), and CSV into a file, all rows or none ([`csv()`]).
//!
//! The first row of a CSV names dictionary items, case ignored; `ID` or `@ID` is the record id. Each cell is converted as a person
//! would write it (`2026-11-24`, `24 NOV 2026`, `8:30am`, `$12.34`). Cells of multivalued items hold values separated by `;`
//! (or the value mark). Fields of an existing record that the CSV does not name keep their content.

mod account;
pub(crate) mod household;
mod json;
mod load;
mod stage;
mod survey;

pub use account::{AccountOptions, AccountReport, FileReport, SKIPS_NAMED, Skip, account};
pub(crate) use account::{INDICES_PARAGRAPH, ORIGIN};
pub use json::json;

use crate::dict::DataItem;
use crate::dynarray::{SM, VM};
use crate::error::{Error, Result, near};
use crate::export::table::{SUBVALUE, VALUE, unescape};
use crate::query::stored;
use crate::typed::{unnamed, unnamed_number};
use crate::{Database, Env, Snapshot};

/// Rows that one import may have.
pub const ROWS_MAX: usize = 500_000;
/// Bytes of CSV that one import may have.
pub const BYTES_MAX: u64 = 256 << 20;
/// Refusals that are listed; more are only counted.
pub const REFUSALS_MAX: usize = 1000;

/// What an import did, or would have done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows read, the header not counted.
    pub read: usize,
    /// Records written: one for each row, or none when a row was refused.
    pub written: usize,
    /// Rows that were refused, the first [`REFUSALS_MAX`].
    pub refused: Vec<Refusal>,
    /// Number of all rows that were refused.
    pub refused_count: usize,
}

/// A row that cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// CSV: line of the file where the row begins; the header is line 1. JSON: number of the record, from 1.
    pub line: u64,
    /// Why, naming the column.
    pub reason: String,
}

/// A column of the CSV.
enum Target {
    Id,
    Item(DataItem),
}

/// Reads CSV into a file. When any row is refused nothing is written, and the report lists every refused row.
///
/// `env` supplies the year that a date leaves out.
///
/// # Errors
/// [`Error::NoSuchFile`]; [`Error::NoSuchItem`] for a column that the dictionary does not have; [`Error::Refused`] for a
/// header without id or with a column twice; [`Error::TooLarge`] past 500,000 rows or 256 MiB; else as [`Database::write`].
pub fn csv(db: &Database, file: &str, reader: impl std::io::Read, env: &Env) -> Result<ImportReport> {
    let snapshot = db.snapshot()?;
    let mut csv = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(limited(reader));
    let header = csv.headers().map_err(unreadable)?.clone();
    let targets = targets(&snapshot, file, &header)?;
    let ids = snapshot.catalog().file(file)?.records();
    drop(snapshot);
    let mut report = ImportReport::default();
    let mut records: Vec<Parsed> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    let mut row = csv::StringRecord::new();
    while csv.read_record(&mut row).map_err(unreadable)? {
        report.read += 1;
        if report.read > ROWS_MAX {
            let hint = "divide it into several files";
            return Err(Error::TooLarge {
                what: "the number of rows".to_owned(),
                limit: ROWS_MAX as u64,
                hint,
            });
        }
        let line = row.position().map_or(0, csv::Position::line);
        let parsed = parse_row(&targets, &row, env).and_then(|parsed| {
            match seen.insert(ids.folded(&parsed.id).into_owned(), line) {
                Some(first) => Err(format!("id '{}' is in line {first} already", parsed.id)),
                None => Ok(parsed),
            }
        });
        match parsed {
            Ok(parsed) => records.push(parsed),
            Err(reason) => report.refuse(line, reason),
        }
    }
    write(db, file, records, report)
}

impl ImportReport {
    fn refuse(&mut self, line: u64, reason: String) {
        self.refused_count += 1;
        if self.refused.len() < REFUSALS_MAX {
            self.refused.push(Refusal { line, reason });
        }
    }
}

/// Writes all records in one transaction, or none when any was refused.
fn write(db: &Database, file: &str, records: Vec<Parsed>, mut report: ImportReport) -> Result<ImportReport> {
    if report.refused_count > 0 {
        return Ok(report);
    }
    let file = file.to_owned();
    report.written = db.write(move |txn| {
        for Parsed { id, fields } in &records {
            let mut record = txn.read(&file, id)?.unwrap_or_default();
            for (number, content) in fields {
                record.set_field(*number, content);
            }
            txn.write(&file, id, &record)?;
        }
        Ok(records.len())
    })?;
    Ok(report)
}

/// A row as it will be stored.
struct Parsed {
    id: String,
    fields: Vec<(usize, Vec<u8>)>,
}

/// One byte more than allowed, so that a longer input is noticed rather than cut.
fn limited(reader: impl std::io::Read) -> impl std::io::Read {
    struct Limited<R>(std::io::Take<R>);
    impl<R: std::io::Read> std::io::Read for Limited<R> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read(buffer)?;
            if self.0.limit() == 0 {
                return Err(std::io::Error::other("the file is larger than 256 MiB: divide it"));
            }
            Ok(count)
        }
    }
    Limited(reader.take(BYTES_MAX + 1))
}

fn unreadable(error: csv::Error) -> Error {
    Error::Refused(format!("the CSV cannot be read: {error}"))
}

fn targets(snapshot: &Snapshot, file: &str, header: &csv::StringRecord) -> Result<Vec<Target>> {
    let dictionary = snapshot.dictionary(file)?;
    let mut targets: Vec<Target> = Vec::new();
    for name in header {
        // Spreadsheets put a byte order mark before the first name.
        let name = name.trim_start_matches('\u{FEFF}').trim();
        let item = dictionary.data_items().find(|item| item.name.eq_ignore_ascii_case(name));
        let target = match item {
            Some(item) if item.field == 0 => Target::Id,
            None if name.eq_ignore_ascii_case("ID") || name == "@ID" => Target::Id,
            Some(item) => Target::Item(item.clone()),
            // An export calls a field without an item so.
            None if unnamed_number(name).is_some() => {
                Target::Item(unnamed(unnamed_number(name).unwrap_or(1)).item)
            }
            None => {
                let near = near(name, dictionary.data_items().map(|item| item.name.as_str()));
                return Err(Error::NoSuchItem { file: file.to_owned(), item: name.to_owned(), near });
            }
        };
        let twice = targets.iter().any(|known| match (known, &target) {
            (Target::Id, Target::Id) => true,
            (Target::Item(a), Target::Item(b)) => a.field == b.field,
            _ => false,
        });
        if twice {
            return Err(Error::Refused(format!(
                "column {name} names a field that another column names as well"
            )));
        }
        targets.push(target);
    }
    if !targets.iter().any(|target| matches!(target, Target::Id)) {
        return Err(Error::Refused(
            "the CSV has no ID column\n\nhint: add a column ID to its first row".to_owned(),
        ));
    }
    Ok(targets)
}

fn parse_row(targets: &[Target], row: &csv::StringRecord, env: &Env) -> std::result::Result<Parsed, String> {
    if row.len() != targets.len() {
        return Err(format!("it has {} columns, the header {}", row.len(), targets.len()));
    }
    let mut id = String::new();
    let mut fields = Vec::new();
    for (target, cell) in targets.iter().zip(row) {
        match target {
            Target::Id => cell.clone_into(&mut id),
            Target::Item(item) => fields.push((item.field, content(item, cell, env)?)),
        }
    }
    crate::account::check_id("record id", &id).map_err(|error| error.to_string())?;
    Ok(Parsed { id, fields })
}

fn content(item: &DataItem, cell: &str, env: &Env) -> std::result::Result<Vec<u8>, String> {
    let convert = |text: &str| {
        if text.contains(|c: char| ('\u{FB}'..='\u{FF}').contains(&c)) && !item.conversion.is_empty() {
            return Err(format!("'{text}' is not valid for {}", item.name));
        }
        stored(text, item, env, true).map(|(bytes, _)| bytes).map_err(|error| error.to_string())
    };
    let values: Vec<String> = if item.multi {
        let values = unescape(cell).into_iter();
        values.flat_map(|value| value.split('\u{FD}').map(str::to_owned).collect::<Vec<_>>()).collect()
    } else {
        cell.split(VALUE).map(str::to_owned).collect()
    };
    let mut all = Vec::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            all.push(VM);
        }
        for (index, part) in value.split(SUBVALUE).enumerate() {
            if index > 0 {
                all.push(SM);
            }
            all.extend(convert(if item.multi { part.trim() } else { part })?);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
