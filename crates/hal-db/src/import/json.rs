//! JSON into a file, typed by its dictionary: all records or none. The form is that of [`crate::export::table::json`].
//!
//! An array of objects, or one object after the other. `id` (or `@ID`) is the record id; other members are named as the
//! export names them, or by the dictionary item. Members that are not there keep what the record has; `null` empties.

use std::collections::HashMap;
use std::io::{BufReader, Read};

use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{ImportReport, Parsed, ROWS_MAX, limited, write};
use crate::casing::Records;
use crate::dynarray::{SM, VM};
use crate::error::{Error, Result, near};
use crate::export::table::association;
use crate::query::stored;
use crate::typed::{Column, ID, Kind, columns, snake, unnamed, unnamed_number};
use crate::{Database, Env};

/// Reads JSON into a file. When any record is refused nothing is written, and the report lists every refused record.
///
/// # Errors
/// [`Error::NoSuchFile`]; [`Error::Refused`] for what is no JSON at all; [`Error::TooLarge`] past 500,000 records or 256 MiB;
/// else as [`Database::write`].
pub fn json(db: &Database, file: &str, reader: impl Read, env: &Env) -> Result<ImportReport> {
    let snapshot = db.snapshot()?;
    let columns = columns(&snapshot, file)?;
    let ids = snapshot.catalog().file(file)?.records();
    drop(snapshot);
    let mut rows = Rows {
        columns: &columns,
        env,
        report: ImportReport::default(),
        records: Vec::new(),
        seen: HashMap::new(),
        ids,
    };
    let mut reader = BufReader::new(limited(reader));
    let array = begins_array(&mut reader)?;
    let outcome = if array {
        let mut input = serde_json::Deserializer::from_reader(reader);
        (&mut input).deserialize_seq(&mut rows).and_then(|()| input.end())
    } else {
        let mut input = serde_json::Deserializer::from_reader(reader).into_iter::<Value>();
        input.try_for_each(|row| row.map(|row| rows.take(row)))
    };
    if rows.report.read > ROWS_MAX {
        let (what, hint) = ("the number of records".to_owned(), "divide it into several files");
        return Err(Error::TooLarge { what, limit: ROWS_MAX as u64, hint });
    }
    outcome.map_err(|error| Error::Refused(format!("the JSON cannot be read: {error}")))?;
    let Rows { report, records, .. } = rows;
    write(db, file, records, report)
}

/// Whether the first byte that is no space opens an array.
fn begins_array(reader: &mut impl std::io::BufRead) -> Result<bool> {
    let unreadable = |error: std::io::Error| Error::Refused(format!("the JSON cannot be read: {error}"));
    loop {
        let buffer = reader.fill_buf().map_err(unreadable)?;
        let Some(&first) = buffer.first() else { return Ok(false) };
        match first {
            b' ' | b'\t' | b'\r' | b'\n' => reader.consume(1),
            // The byte order mark of some editors.
            0xEF if buffer.starts_with(b"\xEF\xBB\xBF") => reader.consume(3),
            other => return Ok(other == b'['),
        }
    }
}

struct Rows<'a> {
    columns: &'a [Column],
    env: &'a Env,
    report: ImportReport,
    records: Vec<Parsed>,
    seen: HashMap<String, u64>,
    ids: Records,
}

impl<'de> Visitor<'de> for &mut Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> std::result::Result<(), A::Error> {
        while self.report.read <= ROWS_MAX
            && let Some(row) = rows.next_element::<Value>()?
        {
            self.take(row);
        }
        Ok(())
    }
}

impl Rows<'_> {
    fn take(&mut self, row: Value) {
        self.report.read += 1;
        if self.report.read > ROWS_MAX {
            return;
        }
        let number = self.report.read as u64;
        let parsed = match row {
            Value::Object(members) => self.record(members),
            other => Err(format!("it is {}, not an object", kind_of(&other))),
        };
        let parsed = parsed.and_then(|parsed| {
            match self.seen.insert(self.ids.folded(&parsed.id).into_owned(), number) {
                Some(first) => Err(format!("id '{}' is that of record {first} already", parsed.id)),
                None => Ok(parsed),
            }
        });
        match parsed {
            Ok(parsed) => self.records.push(parsed),
            Err(reason) => self.report.refuse(number, reason),
        }
    }

    fn record(&self, members: Map<String, Value>) -> std::result::Result<Parsed, String> {
        let mut id = None;
        let mut fields: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut put = |number: usize, content: Vec<u8>, name: &str| {
            if fields.iter().any(|(known, _)| *known == number) {
                return Err(format!("{name} names a field that another member names as well"));
            }
            fields.push((number, content));
            Ok(())
        };
        for (name, value) in members {
            if matches!(name.as_str(), ID | "_id" | "@ID") {
                id = match value {
                    Value::String(text) => Some(text),
                    Value::Number(number) => Some(number.to_string()),
                    other => return Err(format!("its id is {}, not a text", kind_of(&other))),
                };
            } else if let Some(column) = self.column(&name) {
                let content = content(&value, &column, self.env)?;
                put(column.item.field, content, &name)?;
            } else if let Some(members) = self.members(&name) {
                for (number, content) in self.association(&name, &members, value)? {
                    put(number, content, &name)?;
                }
            } else {
                let keys = self.columns.iter().map(|column| column.key.as_str());
                let near = near(&name, keys).join(" or ");
                let hint = if near.is_empty() { near } else { format!(", did you mean {near}?") };
                return Err(format!("{name} is not a field of the file{hint}"));
            }
        }
        let id = id.ok_or("it has no id")?;
        crate::account::check_id("record id", &id).map_err(|error| error.to_string())?;
        Ok(Parsed { id, fields })
    }

    /// The column of a member's name: the export's key, or the dictionary item, case ignored.
    fn column(&self, name: &str) -> Option<Column> {
        let known = self.columns.iter().find(|column| column.key == name);
        let known =
            known.or_else(|| self.columns.iter().find(|column| column.item.name.eq_ignore_ascii_case(name)));
        // A file without records yet has no columns for fields that are not described.
        known.cloned().or_else(|| unnamed_number(name).map(unnamed))
    }

    fn members(&self, name: &str) -> Option<Vec<&Column>> {
        let columns = self.columns.iter();
        let found: Vec<&Column> = columns
            .filter(|column| association(&column.item, self.columns).is_some_and(|of| snake(of) == name))
            .collect();
        (!found.is_empty()).then_some(found)
    }

    /// The fields of an association from an array of objects.
    fn association(
        &self,
        name: &str,
        members: &[&Column],
        value: Value,
    ) -> std::result::Result<Vec<(usize, Vec<u8>)>, String> {
        let rows = match value {
            Value::Null => Vec::new(),
            Value::Array(rows) => rows,
            other => return Err(format!("{name} is {}, not an array of objects", kind_of(&other))),
        };
        let mut fields: Vec<Vec<Vec<u8>>> = vec![Vec::new(); members.len()];
        for (at, row) in rows.into_iter().enumerate() {
            let Value::Object(row) = row else {
                return Err(format!("{name} holds {}, not an object", kind_of(&row)));
            };
            for (key, value) in row {
                let place = members
                    .iter()
                    .position(|column| column.key == key || column.item.name.eq_ignore_ascii_case(&key));
                let Some(place) = place else { return Err(format!("{key} is not a field of {name}")) };
                // Values line up: those that were left out are empty.
                fields[place].resize(at, Vec::new());
                fields[place].push(subvalues(&value, members[place], self.env)?);
            }
        }
        let numbers = members.iter().map(|column| column.item.field);
        Ok(numbers.zip(fields.into_iter().map(|values| values.join(&VM))).collect())
    }
}

/// The content of a field: an array is its values, anything else its only value.
fn content(value: &Value, column: &Column, env: &Env) -> std::result::Result<Vec<u8>, String> {
    let Value::Array(values) = value else { return single(value, column, env) };
    let mut all = Vec::new();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            all.push(VM);
        }
        all.extend(subvalues(value, column, env)?);
    }
    Ok(all)
}

fn subvalues(value: &Value, column: &Column, env: &Env) -> std::result::Result<Vec<u8>, String> {
    let Value::Array(parts) = value else { return single(value, column, env) };
    let mut all = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            all.push(SM);
        }
        all.extend(single(part, column, env)?);
    }
    Ok(all)
}

/// One value as it is stored.
fn single(value: &Value, column: &Column, env: &Env) -> std::result::Result<Vec<u8>, String> {
    let item = &column.item;
    let refused = |text: &str| {
        let text: String = text.chars().take(80).collect();
        let wanted = match column.kind {
            Kind::Text | Kind::Number => "a text or a number",
            Kind::Date => "a date (2026-11-24)",
            Kind::Stamp => "a moment (2026-11-24T08:12:00)",
            Kind::Time => "a time (08:12:00)",
            Kind::Decimal(_) => "a number",
            Kind::Boolean => "true or false",
        };
        Err(format!("'{text}' is not valid for {}, which takes {wanted}", item.name))
    };
    match (value, column.kind) {
        (Value::Null, _) => Ok(Vec::new()),
        (Value::Bool(yes), Kind::Boolean) => Ok(vec![if *yes { b'1' } else { b'0' }]),
        (Value::String(text), Kind::Text | Kind::Number) => Ok(text.as_bytes().to_vec()),
        (Value::Number(number), Kind::Text | Kind::Number) => Ok(plain(number).into_bytes()),
        (Value::Number(number), Kind::Decimal(_)) => {
            convert(&plain(number), column, env).or_else(|()| refused(&plain(number)))
        }
        (Value::String(text), _) if text.is_empty() => Ok(Vec::new()),
        (Value::String(text), Kind::Date | Kind::Stamp | Kind::Time | Kind::Decimal(_)) => {
            convert(text, column, env).or_else(|()| refused(text))
        }
        (Value::Object(members), _) => raw(members).ok_or(()).or_else(|()| refused("{…}")),
        (Value::Array(_), _) => Err(format!("{} holds an array too deep", item.name)),
        (other, _) => refused(&other.to_string()),
    }
}

fn convert(text: &str, column: &Column, env: &Env) -> std::result::Result<Vec<u8>, ()> {
    stored(text, &column.item, env, true).map(|(bytes, _)| bytes).map_err(|_| ())
}

/// `{"raw": text}` or `{"hex": bytes}`: a value as it is stored.
fn raw(members: &Map<String, Value>) -> Option<Vec<u8>> {
    if members.len() != 1 {
        return None;
    }
    if let Some(Value::String(text)) = members.get("raw") {
        return Some(text.as_bytes().to_vec());
    }
    let Some(Value::String(hex)) = members.get("hex") else { return None };
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    // A mark would be structure that the rest of the record does not show.
    (!bytes.iter().any(|&b| matches!(b, VM | SM | crate::dynarray::FM))).then_some(bytes)
}

/// A number without exponent.
fn plain(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => format!("{float}"),
        _ => number.to_string(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
