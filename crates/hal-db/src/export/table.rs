//! One file as CSV or JSON, typed by its dictionary.
//!
//! CSV: a line of item names, then a line for each record. Values of a field are divided by `;` (one inside a value is
//! written `\;`), subvalues by the control character U+001F. JSON: an array with one record on each line (section 30).

use std::io::Write;
use std::ops::ControlFlow;

use crate::dict::DataItem;
use crate::dynarray::{DynArray, SM, VM};
use crate::error::{Error, Result};
use crate::typed::{Column, ID, Kind, Typed, columns, snake, typed, unnamed_number};
use crate::{Env, Snapshot};

/// Divides subvalues in a cell.
pub(crate) const SUBVALUE: char = '\u{1F}';
/// Divides values where the dictionary knows of one only.
pub(crate) const VALUE: char = '\u{1E}';

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableExport {
    /// Records.
    pub records: u64,
    /// Values that do not fit the type of their field; written as they are stored.
    pub raw: u64,
    /// Values that are not text: JSON has their bytes in hexadecimal, CSV something that cannot be read back.
    pub bytes: u64,
    /// Records with more fields than are written (200 beyond the described ones).
    pub cut: u64,
}

/// Writes a file as CSV.
///
/// # Errors
/// [`Error::NoSuchFile`], [`Error::Refused`] when `out` cannot be written, [`Error::Store`].
pub fn csv(snapshot: &Snapshot, file: &str, out: &mut dyn Write, env: &Env) -> Result<TableExport> {
    let columns = columns(snapshot, file)?;
    let mut done = TableExport::default();
    let mut writer = csv::Writer::from_writer(out);
    let head = std::iter::once("@ID").chain(columns.iter().map(|column| column.item.name.as_str()));
    writer.write_record(head).map_err(unwritable)?;
    each(snapshot, file, &columns, &mut done, &mut |id, record, done| {
        let mut row = vec![id.to_owned()];
        for column in &columns {
            row.push(cell(record.field(column.item.field), column, env, done));
        }
        writer.write_record(&row).map_err(unwritable)
    })?;
    writer.flush().map_err(unwritable)?;
    Ok(done)
}

/// Writes a file as JSON.
///
/// # Errors
/// As [`csv()`].
pub fn json(snapshot: &Snapshot, file: &str, out: &mut dyn Write, env: &Env) -> Result<TableExport> {
    let columns = columns(snapshot, file)?;
    let mut done = TableExport::default();
    out.write_all(b"[").map_err(unwritable)?;
    each(snapshot, file, &columns, &mut done, &mut |id, record, done| {
        let mut line = String::from(if done.records > 1 { ",\n{" } else { "\n{" });
        quoted(ID, &mut line);
        line.push(':');
        quoted(id, &mut line);
        object(record, &columns, env, done, &mut line);
        line.push('}');
        out.write_all(line.as_bytes()).map_err(unwritable)
    })?;
    out.write_all(b"\n]\n").and_then(|()| out.flush()).map_err(unwritable)?;
    Ok(done)
}

/// What gets each record.
type Take<'t> = dyn FnMut(&str, &DynArray, &mut TableExport) -> Result<()> + 't;

fn each(
    snapshot: &Snapshot,
    file: &str,
    columns: &[Column],
    done: &mut TableExport,
    take: &mut Take<'_>,
) -> Result<()> {
    let last = columns.iter().map(|column| column.item.field).max().unwrap_or(0);
    let mut result = Ok(());
    snapshot.scan(file, &mut |id, record| {
        let record = DynArray::from_bytes(record);
        done.records += 1;
        done.cut += u64::from(record.dcount_fields() > last);
        result = take(id, &record, done);
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    result
}

fn cell(content: &[u8], column: &Column, env: &Env, done: &mut TableExport) -> String {
    let mut cell = String::new();
    let last = memchr::memchr_iter(VM, content).count();
    for (at, value) in content.split(|&b| b == VM).enumerate() {
        if at > 0 {
            cell.push(if column.item.multi { ';' } else { VALUE });
        }
        let start = cell.len();
        for (at, part) in value.split(|&b| b == SM).enumerate() {
            if at > 0 {
                cell.push(SUBVALUE);
            }
            match counted(part, column, env, done) {
                Typed::Empty => {}
                Typed::Text(text) | Typed::Number(text) | Typed::Raw(text) => cell.push_str(&text),
                Typed::Boolean(yes) => cell.push(if yes { 'Y' } else { 'N' }),
                Typed::Bytes(bytes) => cell.push_str(&String::from_utf8_lossy(&bytes)),
            }
        }
        if column.item.multi && cell[start..].contains([';', '\\']) {
            let escaped = escape(&cell[start..], at < last);
            cell.truncate(start);
            cell.push_str(&escaped);
        }
    }
    cell
}

/// `;` becomes `\;`, and backslashes before it or before the divider that follows are doubled.
fn escape(value: &str, divider_follows: bool) -> String {
    let mut escaped = String::with_capacity(value.len() + 4);
    let mut backslashes = 0;
    for c in value.chars() {
        if c == ';' {
            escaped.extend(std::iter::repeat_n('\\', backslashes + 1));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        escaped.push(c);
    }
    if divider_follows {
        escaped.extend(std::iter::repeat_n('\\', backslashes));
    }
    escaped
}

/// Divides a cell at each `;` that is not escaped.
pub(crate) fn unescape(cell: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut backslashes = 0;
    for c in cell.chars() {
        let Some(value) = values.last_mut() else { continue };
        match c {
            '\\' => backslashes += 1,
            ';' => {
                value.extend(std::iter::repeat_n('\\', backslashes / 2));
                if backslashes % 2 == 1 {
                    value.push(';');
                } else {
                    values.push(String::new());
                }
                backslashes = 0;
            }
            _ => {
                value.extend(std::iter::repeat_n('\\', backslashes));
                backslashes = 0;
                value.push(c);
            }
        }
    }
    if let Some(value) = values.last_mut() {
        value.extend(std::iter::repeat_n('\\', backslashes));
    }
    values
}

fn counted(value: &[u8], column: &Column, env: &Env, done: &mut TableExport) -> Typed {
    let typed = typed(value, &column.item, column.kind, env);
    done.raw += u64::from(matches!(typed, Typed::Raw(_)));
    done.bytes += u64::from(matches!(typed, Typed::Bytes(_)));
    typed
}

/// The members of a record: scalars, arrays, and associations as arrays of objects.
fn object(record: &DynArray, columns: &[Column], env: &Env, done: &mut TableExport, out: &mut String) {
    let mut associations: Vec<&str> = Vec::new();
    for column in columns {
        let content = record.field(column.item.field);
        if let Some(name) = association(&column.item, columns) {
            if !associations.contains(&name) {
                associations.push(name);
                objects(record, name, columns, env, done, out);
            }
            continue;
        }
        // A field that should hold one value and holds several is told as it is.
        let divided = content.iter().any(|&b| b == VM || b == SM);
        let several = column.item.multi || divided;
        if content.is_empty() && (several || matches!(column.kind, Kind::Text)) {
            continue;
        }
        // An unnamed field is a scalar where it can be.
        let several = several && (unnamed_number(&column.key).is_none() || divided);
        out.push(',');
        quoted(&column.key, out);
        out.push(':');
        if several {
            array(content.split(|&b| b == VM), column, env, done, out);
        } else {
            value(content, column, env, done, out);
        }
    }
}

/// The association of an item, where more than one item has it and its key is free.
pub(crate) fn association<'a>(item: &'a DataItem, columns: &[Column]) -> Option<&'a str> {
    let name = item.association.as_deref().filter(|_| item.multi)?;
    let members = columns.iter().filter(|column| column.item.association.as_deref() == Some(name));
    let key = snake(name);
    (members.count() > 1 && key != ID && columns.iter().all(|column| column.key != key)).then_some(name)
}

fn objects(
    record: &DynArray,
    name: &str,
    columns: &[Column],
    env: &Env,
    done: &mut TableExport,
    out: &mut String,
) {
    let members: Vec<(&Column, Vec<&[u8]>)> = columns
        .iter()
        .filter(|column| association(&column.item, columns) == Some(name))
        .map(|column| {
            let content = record.field(column.item.field);
            let values = if content.is_empty() { Vec::new() } else { content.split(|&b| b == VM).collect() };
            (column, values)
        })
        .collect();
    let rows = members.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    if rows == 0 {
        return;
    }
    out.push(',');
    quoted(&snake(name), out);
    out.push_str(":[");
    for row in 0..rows {
        out.push_str(if row > 0 { ",{" } else { "{" });
        let mut first = true;
        for (column, values) in &members {
            // A value that is not there is left out, an empty one between others is told: lengths come back.
            let Some(content) = values.get(row) else { continue };
            if !first {
                out.push(',');
            }
            first = false;
            quoted(&column.key, out);
            out.push(':');
            value(content, column, env, done, out);
        }
        out.push('}');
    }
    out.push(']');
}

/// A value, or its subvalues as an array.
fn value(content: &[u8], column: &Column, env: &Env, done: &mut TableExport, out: &mut String) {
    if content.contains(&SM) {
        out.push('[');
        for (at, part) in content.split(|&b| b == SM).enumerate() {
            if at > 0 {
                out.push(',');
            }
            single(part, column, env, done, out);
        }
        out.push(']');
        return;
    }
    single(content, column, env, done, out);
}

fn array<'v>(
    values: impl Iterator<Item = &'v [u8]>,
    column: &Column,
    env: &Env,
    done: &mut TableExport,
    out: &mut String,
) {
    out.push('[');
    for (at, content) in values.enumerate() {
        if at > 0 {
            out.push(',');
        }
        value(content, column, env, done, out);
    }
    out.push(']');
}

fn single(content: &[u8], column: &Column, env: &Env, done: &mut TableExport, out: &mut String) {
    match counted(content, column, env, done) {
        Typed::Empty if column.kind == Kind::Text => out.push_str("\"\""),
        Typed::Empty => out.push_str("null"),
        Typed::Text(text) => quoted(&text, out),
        Typed::Number(text) => out.push_str(&text),
        Typed::Boolean(yes) => out.push_str(if yes { "true" } else { "false" }),
        Typed::Raw(text) => {
            out.push_str("{\"raw\":");
            quoted(&text, out);
            out.push('}');
        }
        Typed::Bytes(bytes) => {
            out.push_str("{\"hex\":\"");
            bytes.iter().for_each(|byte| out.push_str(&format!("{byte:02x}")));
            out.push_str("\"}");
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    // A string always serialises.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::Refused(format!("it cannot be written: {error}"))
}

#[cfg(test)]
mod tests;
