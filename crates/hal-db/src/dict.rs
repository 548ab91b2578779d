//! Dictionaries: what the fields of a file are called and how their values are shown. Reads records, never files.
//!
//! A dictionary is itself a file of records (`DICT name`), so it is listed and changed like any other. `D` items name
//! fields, `PH` items are phrases; items of other types are kept and reported as not usable in a query.

use std::collections::BTreeMap;

use crate::dynarray::{DynArray, VM, field, text, values};
use crate::fmt::Format;

/// Default format of an item without one.
pub const FORMAT_DEFAULT: &str = "10L";

/// The dictionary of one file.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    items: BTreeMap<String, Item>,
}

/// One dictionary record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A `D` item: a field.
    Data(DataItem),
    /// A `PH` item: text that stands for more words of a sentence.
    Phrase(String),
    /// Any other type: its letters. Kept, but not usable in a query.
    Other(String),
}

/// A `D` item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataItem {
    /// Item id, as in the dictionary.
    pub name: String,
    /// Field number; 0 is the record id.
    pub field: usize,
    /// Conversion codes, several separated by U+00FD (the value mark); empty for none.
    pub conversion: String,
    /// Column heading, one entry a line.
    pub heading: Vec<String>,
    /// Format, such as `10L`.
    pub format: String,
    /// Whether the field holds several values.
    pub multi: bool,
    /// Association: values of items with the same one line up.
    pub association: Option<String>,
    /// Whether the format is right justified: numbers are then compared and sorted as numbers.
    pub right: bool,
    /// Whether values are stamps (see [`crate::date`]); field 11 of the item says `stamp`.
    pub stamp: bool,
}

impl DataItem {
    /// Reads a `D` item from its record.
    ///
    /// # Errors
    /// Says what is wrong with the record.
    pub fn from_record(name: &str, record: &[u8]) -> std::result::Result<DataItem, String> {
        let number = text(field(record, 2));
        let number: usize =
            number.trim().parse().map_err(|_| format!("field 2 must be a field number, not '{number}'"))?;
        let format = match field(record, 5) {
            b"" => FORMAT_DEFAULT.to_owned(),
            format => text(format).into_owned(),
        };
        let right = Format::parse(&format).is_some_and(|parsed| parsed.is_right());
        let heading: Vec<String> = match field(record, 4) {
            b"" => vec![name.to_owned()],
            b"\\" => vec![String::new()],
            lines => lines.split(|&b| b == VM).map(|line| text(line).into_owned()).collect(),
        };
        let association = text(values(field(record, 7)).next().unwrap_or_default()).into_owned();
        Ok(DataItem {
            name: name.to_owned(),
            field: number,
            conversion: text(field(record, 3)).into_owned(),
            heading,
            format,
            multi: field(record, 6).first().is_some_and(|b| b.eq_ignore_ascii_case(&b'M')),
            association: (!association.is_empty()).then_some(association),
            right,
            stamp: field(record, 11) == b"stamp",
        })
    }

    /// The record of this item; fields that [`DataItem`] does not hold stay empty.
    #[must_use]
    pub fn to_record(&self) -> DynArray {
        let heading = DynArray::from_text(&self.heading.join("\u{FD}"));
        let mut record = DynArray::from_fields([
            b"D".as_slice(),
            self.field.to_string().as_bytes(),
            DynArray::from_text(&self.conversion).as_bytes(),
            heading.as_bytes(),
            self.format.as_bytes(),
            if self.multi { b"M" } else { b"S" },
            self.association.as_deref().unwrap_or_default().as_bytes(),
        ]);
        if self.stamp {
            record.set_field(11, "stamp");
        }
        record
    }
}

impl Dictionary {
    /// Adds the item of one dictionary record; one that cannot be read is kept as [`Item::Other`] with the reason.
    pub(crate) fn add(&mut self, name: &str, record: &[u8]) {
        let kind = text(field(record, 1)).into_owned();
        let letters: String =
            kind.chars().take_while(|c| c.is_ascii_alphabetic()).collect::<String>().to_uppercase();
        let item = match letters.as_str() {
            "D" => DataItem::from_record(name, record).map_or_else(Item::Other, Item::Data),
            "PH" => Item::Phrase(phrase_text(record)),
            _ => Item::Other(format!("type {kind} items cannot be used in a query")),
        };
        self.items.insert(name.to_owned(), item);
    }

    /// The item called `name`: as typed, else in upper case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Item> {
        self.items.get(name).or_else(|| self.items.get(&name.to_uppercase()))
    }

    /// The `D` item called `name`: as typed, else in upper case.
    #[must_use]
    pub fn data(&self, name: &str) -> Option<&DataItem> {
        match self.get(name)? {
            Item::Data(item) => Some(item),
            _ => None,
        }
    }

    /// The phrase called `name`.
    #[must_use]
    pub fn phrase(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Item::Phrase(text) => Some(text),
            _ => None,
        }
    }

    /// All items with their names, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Item)> {
        self.items.iter().map(|(name, item)| (name.as_str(), item))
    }

    /// The `D` items, by name.
    pub fn data_items(&self) -> impl Iterator<Item = &DataItem> {
        self.items.values().filter_map(|item| match item {
            Item::Data(item) => Some(item),
            _ => None,
        })
    }

    /// The dictionary that describes dictionaries, as `LIST DICT file` shows it.
    #[must_use]
    pub(crate) fn of_dictionaries() -> Dictionary {
        let mut dictionary = Dictionary::default();
        let rows: [(&str, usize, &str, &str); 10] = [
            ("@ID", 0, "@ID", "20L"),
            ("TYPE", 1, "TYPE", "4L"),
            ("LOC", 2, "LOC", "13T"),
            ("CONV", 3, "CONV", "14L"),
            ("NAME", 4, "NAME", "15T"),
            ("FORMAT", 5, "FORMAT", "6L"),
            ("SM", 6, "S/M", "3L"),
            ("ASSOC", 7, "ASSOC", "10L"),
            ("USER", 8, "USER", "8L"),
            ("NOTE", 11, "NOTE", "10L"),
        ];
        for (name, number, heading, format) in rows {
            let number = number.to_string();
            dictionary.add(name, DynArray::from_fields(["D", &number, "", heading, format, "S"]).as_bytes());
        }
        let default =
            DynArray::from_fields(["PH", "TYPE LOC CONV NAME FORMAT SM ASSOC BY TYPE BY LOC.NUMBER"]);
        dictionary.add("LOC.NUMBER", DynArray::from_fields(["D", "2", "", "LOC", "5R", "S"]).as_bytes());
        dictionary.add("@", default.as_bytes());
        dictionary
    }
}

/// The text of a phrase: fields 2.. ; one that ends in `_` continues on the next field.
fn phrase_text(record: &[u8]) -> String {
    let mut all = String::new();
    for (index, line) in record.split(|&b| b == crate::dynarray::FM).enumerate().skip(1) {
        if index > 1 {
            all.push(' ');
        }
        let line = text(line);
        match line.strip_suffix('_') {
            Some(line) => all.push_str(line),
            None => {
                all.push_str(&line);
                break;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests;
