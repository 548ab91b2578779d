//! Secondary indices: the order of their keys, and what a record contributes. Knows nothing of queries.
//!
//! A key is a class byte and the value, so that keys of one index sort as the query compares:
//! `0` the empty value · `1` numbers in numeric order (right-justified items only) · `2` text: in byte order for
//! left-justified items, in compound order for right-justified ones. After the key come two NUL bytes and the id.
//! Values longer than [`VALUE_BYTES_MAX`] are cut: an index may name a record too many, never one too few, and the
//! query tests each record again. Class `9`, without a value, names the records that BY would not sort as their keys do.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use crate::dict::{DataItem, Source};
use crate::dynarray::{DynArray, SM, VM, field, text};
use crate::itype::{Compiler, Context, Place, Program, Scope};
use crate::number::Decimal;

/// Class of the entry of a record whose place in the index is not that which BY gives it.
pub(crate) const OUT_OF_ORDER: u8 = 9;

/// Bytes of a value that are indexed.
pub(crate) const VALUE_BYTES_MAX: usize = 255;

/// An index as its definition says; the item's properties are copied when it is created.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub name: String,
    pub number: u32,
    pub right: bool,
    /// Keys in small letters: serves tests that ignore case, and no others.
    pub no_case: bool,
    field: usize,
    source: Source,
    /// The expression of a computed item; `None` for a field, and for an expression that no longer compiles.
    program: Option<Arc<Program>>,
    /// Mark of the expression with all items it names, when its entries were made.
    made_of: u64,
    /// Whether records that BY would not order as the index does have an entry that says so; older indices have none.
    pub marked: bool,
}

impl Index {
    /// An index of an item; `scope` is where its expression finds other items.
    ///
    /// # Errors
    /// Says why the item cannot be indexed (15.5).
    pub(crate) fn new(
        number: u32,
        item: &DataItem,
        no_case: bool,
        scope: Scope<'_>,
    ) -> Result<Index, String> {
        let mut index = Index {
            name: item.name.clone(),
            number,
            right: item.right,
            no_case,
            field: item.field,
            source: item.source.clone(),
            program: None,
            made_of: 0,
            marked: true,
        };
        if index.source != Source::Field {
            let program = index.compile(scope)?;
            if program.volatile {
                return Err(format!(
                    "{} depends on more than the record and its id (a date, another file), so an index would not stay true",
                    item.name
                ));
            }
            index.made_of = print_of(&program);
            index.program = Some(program);
        }
        Ok(index)
    }

    fn compile(&self, scope: Scope<'_>) -> Result<Arc<Program>, String> {
        let item = DataItem {
            // Not the dictionary's own item of this name, which may have become another.
            name: format!("{} (index)", self.name),
            source: self.source.clone(),
            ..DataItem::plain_field(self.field)
        };
        Compiler::new(None).item(&item, scope).map_err(|error| error.message)
    }

    pub(crate) fn to_record(&self) -> DynArray {
        let (kind, text) = match &self.source {
            Source::Field => ("", ""),
            Source::Expression(text) => ("I", text.as_str()),
            Source::Correlative(codes) => ("A", codes.as_str()),
        };
        let mut record = DynArray::from_fields([
            self.number.to_string().as_str(),
            &self.field.to_string(),
            if self.right { "R" } else { "L" },
        ]);
        if self.marked {
            record.set_field(8, "M");
        }
        if self.no_case || self.source != Source::Field {
            record.set_field(4, if self.no_case { "NC" } else { "" });
            record.set_field(5, kind);
            record.set_field(6, text.as_bytes());
            record.set_field(7, self.made_of.to_string());
        }
        record
    }

    /// Reads a definition; `scope` is where its expression finds other items.
    pub(crate) fn from_record(name: String, record: &[u8], scope: Scope<'_>) -> Option<Index> {
        let stored = text(field(record, 6)).into_owned();
        let mut index = Index {
            name,
            number: text(field(record, 1)).parse().ok()?,
            right: field(record, 3) == b"R",
            no_case: field(record, 4) == b"NC",
            field: text(field(record, 2)).parse().ok()?,
            source: match field(record, 5) {
                b"I" => Source::Expression(stored),
                b"A" => Source::Correlative(stored),
                _ => Source::Field,
            },
            program: None,
            made_of: text(field(record, 7)).parse().unwrap_or(0),
            marked: field(record, 8) == b"M",
        };
        if index.source != Source::Field {
            index.program = index.compile(scope).ok();
        }
        Some(index)
    }

    /// Whether items that its expression names have changed since its entries were made.
    pub(crate) fn is_outdated(&self) -> bool {
        self.source != Source::Field
            && self.program.as_ref().map(|program| print_of(program)) != Some(self.made_of)
    }

    /// Whether its expression does not compile any more, or has become one that cannot be indexed.
    pub(crate) fn is_broken(&self) -> bool {
        self.source != Source::Field && self.program.as_ref().is_none_or(|program| program.volatile)
    }

    /// The index as of now: its entries must be made again.
    pub(crate) fn brought_up_to_date(&self) -> Index {
        let made_of = self.program.as_ref().map_or(0, |program| print_of(program));
        Index { made_of, marked: true, ..self.clone() }
    }

    /// Whether the index still describes `item`.
    pub(crate) fn serves(&self, item: &DataItem) -> bool {
        let same_field = self.field == item.field || matches!(self.source, Source::Expression(_));
        self.source == item.source && same_field && self.right == item.right
    }

    /// The keys of a record, each once.
    pub(crate) fn keys(&self, id: &[u8], record: &[u8]) -> BTreeSet<Vec<u8>> {
        let content = match (&self.source, &self.program) {
            (Source::Field, _) => Cow::Borrowed(field(record, self.field)),
            (_, Some(program)) => {
                let context = Context {
                    env: crate::Env::default(),
                    file: "",
                    view: None,
                    catalog: None,
                    place: Place::default(),
                };
                Cow::Owned(program.run(id, record, &context).into_bytes().into_owned())
            }
            (_, None) => return BTreeSet::new(),
        };
        // As the query does, whatever the item says of single or multi: every value counts.
        let mut keys: BTreeSet<Vec<u8>> =
            content.split(|&b| b == VM || b == SM).map(|value| self.key(value)).collect();
        if self.marked && !is_in_order(&content, self.right) {
            keys.insert(vec![OUT_OF_ORDER]);
        }
        keys
    }

    /// The key of one value, without terminator.
    pub(crate) fn key(&self, value: &[u8]) -> Vec<u8> {
        let folded = self.no_case.then(|| crate::functions::downcase(value));
        let value = folded.as_deref().unwrap_or(value);
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

/// Whether BY sorts a content where the index has it: one value, short enough to be there whole, and on the right a plain
/// integer, for BY takes others run by run.
fn is_in_order(content: &[u8], right: bool) -> bool {
    if content.is_empty() {
        return true;
    }
    if memchr::memchr2(VM, SM, content).is_some() || content.len() > VALUE_BYTES_MAX {
        return false;
    }
    let digits = content.strip_prefix(b"-").unwrap_or(content);
    !right
        || content == b"0"
        || (digits.iter().all(u8::is_ascii_digit) && matches!(digits, [b'1'..=b'9', ..]))
}

/// The [`sort_key`] of an entry that is in order, from the key it has in the index.
pub(crate) fn sort_key_of(key: &[u8], right: bool) -> Vec<u8> {
    match key.split_first() {
        Some((1, number)) if right => [&[2, 3], number].concat(),
        _ => key.to_vec(),
    }
}

/// A number that differs, as good as surely, for expressions that differ. FNV, which stays the same in every build.
fn print_of(program: &Program) -> u64 {
    struct Fnv(u64);
    impl std::hash::Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
            }
        }
    }
    let mut hasher = Fnv(0xCBF2_9CE4_8422_2325);
    format!("{:?}", program.steps).hash(&mut hasher);
    hasher.finish()
}

/// Appends the sort key of a content, without terminator: left in byte order, right in compound order.
pub(crate) fn sort_key(value: &[u8], right: bool, out: &mut Vec<u8>) {
    if value.is_empty() {
        out.push(0);
    } else if right && memchr::memchr2(VM, SM, value).is_some() {
        // Several values are one string, right aligned: the longer is greater (11.6).
        out.push(3);
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        escape(value, out);
    } else if right {
        out.push(2);
        compound(value, out);
    } else {
        out.push(2);
        escape(value, out);
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
    if memchr::memchr(0, value).is_none() {
        return key.extend_from_slice(value);
    }
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
