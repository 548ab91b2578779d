//! Stored values as typed ones and back, as the dictionary says (section 30): dates as ISO, money as decimals.
//!
//! A value is given as typed only when reading it back gives the same bytes; anything else is kept as it is and marked so.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::dict::DataItem;
use crate::dynarray::{FM, field, text};
use crate::error::Result;
use crate::query::stored;
use crate::{Env, Snapshot, date};

/// Digits that a number of other programs holds exactly.
const EXACT_DIGITS: usize = 15;
/// Fields without a dictionary item that are written; a record with more is binary data, not fields.
const UNNAMED_MAX: usize = 200;

/// What kind of values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// Text that is mostly numbers (a right-justified item without conversion).
    Number,
    Date,
    /// A day that may have a time.
    Stamp,
    Time,
    /// A whole number of 10^-n.
    Decimal(usize),
    Boolean,
}

impl Kind {
    pub(crate) fn of(item: &DataItem) -> Kind {
        let code = item.conversion.to_ascii_uppercase();
        // Several codes, one after the other: only the engine of conversions knows what comes out.
        if code.contains('\u{FD}') {
            return Kind::Text;
        }
        match code.as_bytes() {
            [] if item.right => Kind::Number,
            [b'D', ..] if item.stamp => Kind::Stamp,
            [b'D', rest, ..] if !rest.is_ascii_alphabetic() => Kind::Date,
            [b'D'] => Kind::Date,
            [b'D', ..] if !code.starts_with("DX") => Kind::Date,
            [b'M', b'T', ..] => Kind::Time,
            [b'M', b'D' | b'R' | b'L', b'0'..=b'9', ..] => {
                // MDnm: n decimals are shown, m are stored.
                let digits: Vec<u8> = code.bytes().skip(2).take_while(u8::is_ascii_digit).collect();
                let stored = digits.get(1).or(digits.first()).map_or(0, |digit| usize::from(digit - b'0'));
                Kind::Decimal(stored)
            }
            [b'B'] => Kind::Boolean,
            _ => Kind::Text,
        }
    }
}

/// A value as other programs take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    Empty,
    Text(String),
    /// Digits of a JSON number.
    Number(String),
    Boolean(bool),
    /// It does not fit its type; its text as stored.
    Raw(String),
    /// It is not even text.
    Bytes(Vec<u8>),
}

/// A stored value of `item` as a typed one.
pub(crate) fn typed(value: &[u8], item: &DataItem, kind: Kind, env: &Env) -> Typed {
    if value.is_empty() {
        return Typed::Empty;
    }
    let Ok(plain) = std::str::from_utf8(value) else { return Typed::Bytes(value.to_vec()) };
    let found = match kind {
        Kind::Text => return Typed::Text(plain.to_owned()),
        Kind::Number => {
            // A number has no last zeros after its point: they would be lost.
            let exact = json_number(plain) && !(plain.contains('.') && plain.ends_with('0'));
            let number = exact.then(|| Typed::Number(plain.to_owned()));
            return number.unwrap_or_else(|| Typed::Text(plain.to_owned()));
        }
        Kind::Boolean => match plain {
            "1" => return Typed::Boolean(true),
            "0" => return Typed::Boolean(false),
            _ => None,
        },
        Kind::Date => plain.parse().ok().and_then(iso_day).map(Typed::Text),
        Kind::Stamp => date::from_stamp(plain).and_then(|(day, second)| {
            let day = iso_day(day)?;
            let time = plain.contains('.').then(|| format!("T{}", clock(second)));
            Some(Typed::Text(format!("{day}{}", time.unwrap_or_default())))
        }),
        Kind::Time => plain.parse().ok().filter(|&second: &u32| second < 86_400).map(clock).map(Typed::Text),
        Kind::Decimal(places) => decimal(plain, places).map(|text| match json_number(&text) {
            true => Typed::Number(text),
            false => Typed::Text(text),
        }),
    };
    // Whoever reads it again must find what is stored here.
    let same = match &found {
        Some(Typed::Text(text) | Typed::Number(text)) => {
            stored(text, item, env, true).is_ok_and(|(bytes, _)| bytes == value)
        }
        _ => false,
    };
    match found {
        Some(found) if same => found,
        _ => Typed::Raw(plain.to_owned()),
    }
}

/// Only years that the ISO form has four digits for.
fn iso_day(day: i64) -> Option<String> {
    (-718_430..=2_933_628).contains(&day).then(|| date::iso(day))
}

fn clock(second: u32) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// A whole number with its point `places` from the right.
fn decimal(text: &str, places: usize) -> Option<String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if places == 0 {
        return Some(text.to_owned());
    }
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    Some(format!("{sign}{whole}.{fraction}"))
}

/// Whether the text is a number that survives being one: no leading zeros, no sign of zero, few enough digits.
///
/// A fraction may end in zeros: a decimal item gives them back.
fn json_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(all_digits)
        && whole.len() + fraction.map_or(0, str::len) <= EXACT_DIGITS
        && !(text.starts_with('-') && digits.bytes().all(|b| matches!(b, b'0' | b'.')))
}

/// A field of a file as it is written to other programs.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Lower case with underscores, or what field 11 of the item asks for.
    pub key: String,
    pub item: DataItem,
    pub kind: Kind,
}

/// The columns of a file: one for each described field by its preferred item, then the fields that no item describes.
pub(crate) fn columns(snapshot: &Snapshot, file: &str) -> Result<Vec<Column>> {
    let dictionary = snapshot.dictionary(file)?;
    let phrase: Vec<String> =
        dictionary.phrase("@").unwrap_or_default().split_whitespace().map(str::to_uppercase).collect();
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    snapshot.scan(&format!("DICT {file}"), &mut |id, record| {
        let note = text(field(record, 11)).into_owned();
        if let Some(key) = note.split(' ').find_map(|word| word.strip_prefix("json=")) {
            keys.insert(id.to_owned(), key.to_owned());
        }
        ControlFlow::Continue(())
    })?;
    // The preferred one of several items for a field is in the default phrase, short, and early in the alphabet.
    let rank = |item: &DataItem| {
        let listed = phrase.iter().position(|word| *word == item.name).unwrap_or(usize::MAX);
        (listed, item.name.chars().count(), item.name.clone())
    };
    let mut best: BTreeMap<usize, &DataItem> = BTreeMap::new();
    for item in dictionary.data_items().filter(|item| (1..9998).contains(&item.field)) {
        let place = best.entry(item.field).or_insert(item);
        // The time of a stamp is told with its date.
        let better = (!item.stamp, rank(item)) < (!place.stamp, rank(place));
        if better {
            *place = item;
        }
    }
    let mut columns: Vec<Column> = Vec::new();
    let used = fields_used(snapshot, file)?;
    let numbers: std::collections::BTreeSet<usize> = best.keys().copied().chain(1..=used).collect();
    for number in numbers {
        let column = match best.get(&number) {
            Some(item) => {
                let key = keys.get(&item.name).cloned().unwrap_or_else(|| snake(&item.name));
                Column { key, item: (*item).clone(), kind: Kind::of(item) }
            }
            None => unnamed(number),
        };
        // Two names that differ in case or dots alone, or one that is the id's.
        let taken = column.key == ID || columns.iter().any(|other| other.key == column.key);
        columns.push(if taken { Column { key: column.item.name.clone(), ..column } } else { column });
    }
    Ok(columns)
}

/// Key of the record id.
pub(crate) const ID: &str = "id";

/// Fields that records of a file have, as far as they are written.
fn fields_used(snapshot: &Snapshot, file: &str) -> Result<usize> {
    let mut used = 0;
    snapshot.scan(file, &mut |_, record| {
        used = used.max(if record.is_empty() { 0 } else { memchr::memchr_iter(FM, record).count() + 1 });
        ControlFlow::Continue(())
    })?;
    Ok(used.min(UNNAMED_MAX))
}

/// The column of a field without an item: `_7`.
pub(crate) fn unnamed(number: usize) -> Column {
    let name = format!("_{number}");
    let item = DataItem {
        name: name.clone(),
        source: crate::dict::Source::Field,
        field: number,
        conversion: String::new(),
        heading: vec![name.clone()],
        format: "10L".to_owned(),
        multi: true,
        association: None,
        right: false,
        stamp: false,
        json_name: None,
    };
    Column { key: name, item, kind: Kind::Text }
}

/// The number of a column that [`unnamed`] names.
pub(crate) fn unnamed_number(key: &str) -> Option<usize> {
    let digits = key.strip_prefix('_')?;
    let number = digits.parse().ok().filter(|number| (1..=UNNAMED_MAX).contains(number))?;
    (digits == number.to_string()).then_some(number)
}

pub(crate) fn snake(name: &str) -> String {
    name.to_lowercase().replace(['.', '-', ' '], "_")
}

#[cfg(test)]
mod tests;
