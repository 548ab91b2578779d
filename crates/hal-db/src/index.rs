//! Secondary indices: the order of their keys, and what a record contributes. Knows nothing of queries.
//!
//! A key is a class byte and the value, so that keys of one index sort as the query compares:
//! `0` the empty value · `1` numbers in numeric order (right-justified items only) · `2` text: in byte order for
//! left-justified items, in compound order for right-justified ones. After the key come two NUL bytes and the id.
//! Values longer than [`VALUE_BYTES_MAX`] are cut: an index may name a record too many, never one too few, and the
//! query tests each record again.

use std::collections::BTreeSet;

use crate::dict::DataItem;
use crate::dynarray::{DynArray, SM, VM, field, text};
use crate::number::Decimal;

/// Bytes of a value that are indexed.
pub(crate) const VALUE_BYTES_MAX: usize = 255;

/// An index as its definition says; the item's properties are copied when it is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub name: String,
    pub number: u32,
    pub field: usize,
    pub right: bool,
}

impl Index {
    pub(crate) fn new(number: u32, item: &DataItem) -> Index {
        Index { name: item.name.clone(), number, field: item.field, right: item.right }
    }

    pub(crate) fn to_record(&self) -> DynArray {
        DynArray::from_fields([
            self.number.to_string().as_str(),
            &self.field.to_string(),
            if self.right { "R" } else { "L" },
        ])
    }

    pub(crate) fn from_record(name: String, record: &[u8]) -> Option<Index> {
        Some(Index {
            name,
            number: text(field(record, 1)).parse().ok()?,
            field: text(field(record, 2)).parse().ok()?,
            right: field(record, 3) == b"R",
        })
    }

    /// Whether the index still describes `item`.
    pub(crate) fn serves(&self, item: &DataItem) -> bool {
        self.field == item.field && self.right == item.right
    }

    /// The keys of a record, each once.
    pub(crate) fn keys(&self, record: &[u8]) -> BTreeSet<Vec<u8>> {
        // As the query does, whatever the item says of single or multi: every value counts.
        field(record, self.field).split(|&b| b == VM || b == SM).map(|value| self.key(value)).collect()
    }

    /// The key of one value, without terminator.
    pub(crate) fn key(&self, value: &[u8]) -> Vec<u8> {
        if value.is_empty() {
            return vec![0];
        }
        if self.right
            && let Some(number) = Decimal::parse(value)
        {
            return number_key(&number);
        }
        let value = &value[..value.len().min(VALUE_BYTES_MAX)];
        let mut key = vec![2];
        if self.right {
            compound(value, &mut key)
        } else {
            escape(value, &mut key)
        }
        key
    }
}

/// Key of a number: sign, then magnitude so that byte order is numeric order.
pub(crate) fn number_key(number: &Decimal) -> Vec<u8> {
    let mut key = vec![1];
    push_number(number, &mut key);
    key
}

/// `2` for positive and zero, `1` for negative with all bytes inverted; then length and digits of the integer part
/// (no leading zeros), the fraction's digits (no trailing zeros), and an end byte below any digit.
fn push_number(number: &Decimal, key: &mut Vec<u8>) {
    let whole = number.whole();
    let fraction = number.fraction();
    let negative = number.is_negative();
    key.push(if negative { 1 } else { 2 });
    let flip = if negative { 0xFF } else { 0 };
    let length = u16::try_from(whole.len()).unwrap_or(u16::MAX).to_be_bytes();
    key.extend(length.iter().chain(whole).chain(fraction).chain(&[1]).map(|b| b ^ flip));
}

/// NUL becomes NUL 1, so that the terminator NUL NUL sorts below any continuation.
fn escape(value: &[u8], key: &mut Vec<u8>) {
    for &byte in value {
        key.push(byte);
        if byte == 0 {
            key.push(1);
        }
    }
}

/// Compound order: runs of digits as numbers, other runs as text; text after numbers.
fn compound(value: &[u8], key: &mut Vec<u8>) {
    for run in crate::number::runs(value) {
        match run {
            crate::number::Run::Number(number) => {
                key.push(3);
                push_number(&number, key);
            }
            crate::number::Run::Text(text) => {
                key.push(4);
                escape(text, key);
                key.extend([0, 2]);
            }
        }
    }
}

/// Appends terminator and id to a key.
pub(crate) fn with_id(mut key: Vec<u8>, id: &str) -> Vec<u8> {
    key.extend([0, 0]);
    key.extend_from_slice(id.as_bytes());
    key
}

/// The id at the end of an entry. Ids contain no NUL, so it is what follows the last one.
pub(crate) fn id_of(entry: &[u8]) -> &[u8] {
    entry.iter().rposition(|&b| b == 0).map_or(entry, |at| &entry[at + 1..])
}

#[cfg(test)]
mod tests;
