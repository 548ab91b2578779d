//! Dictionaries: what the fields of a file are called and how their values are shown. Reads records, never files.
//!
//! A dictionary is itself a file of records (`DICT name`), so it is listed and changed like any other. `D` items name
//! fields, `PH` items are phrases; items of other types are kept and reported as not usable in a query.

use std::collections::{BTreeMap, BTreeSet};

use crate::dynarray::{DynArray, VM, field, text, values};
use crate::fmt::Format;

/// Default format of an item without one.
pub const FORMAT_DEFAULT: &str = "10L";

/// The dictionary of one file.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    items: BTreeMap<String, Item>,
    /// Numbers of fields that whoever sees this dictionary may not read, with the names they were hidden by.
    hidden: BTreeMap<usize, String>,
    /// Names of items, computed ones too, that they may not name.
    hidden_items: BTreeSet<String>,
}

/// One dictionary record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A `D` item: a field.
    Data(DataItem),
    /// An `I` item, or a Pick `A` or `S` item: what it shows is computed or taken from a field, see [`DataItem::source`].
    Computed(DataItem),
    /// An `L` item: other file's record, by an expression for its id.
    Link {
        /// Expression of the record id.
        id: String,
        /// The other file.
        file: String,
    },
    /// A `PH` item: text that stands for more words of a sentence.
    Phrase(String),
    /// Any other type: its letters. Kept, but not usable in a query.
    Other(String),
}

/// Where the values of an item come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Source {
    /// The item's field.
    #[default]
    Field,
    /// An expression: of an `I` item, or of an EVAL.
    Expression(String),
    /// The item's field through the codes of a Pick item, several separated by U+00FD.
    Correlative(String),
}

/// An item whose values can be shown, tested and sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataItem {
    /// Item id, as in the dictionary.
    pub name: String,
    /// Where its values come from.
    pub source: Source,
    /// Field number; 0 is the record id. Without meaning for an expression.
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
    /// Name in JSON; field 11 of the item says `json=name`.
    pub json_name: Option<String>,
}

impl DataItem {
    /// Reads a `D` item from its record.
    ///
    /// # Errors
    /// Says what is wrong with the record.
    pub fn from_record(name: &str, record: &[u8]) -> std::result::Result<DataItem, String> {
        let field_number = number(record, 2)?;
        Ok(DataItem { field: field_number, ..DataItem::described(name, record) })
    }

    /// Reads an `I` item from its record.
    fn expression(name: &str, record: &[u8]) -> std::result::Result<DataItem, String> {
        let source = text(field(record, 2)).replace('\u{FD}', ";");
        if source.trim().is_empty() {
            return Err("field 2 must hold its expression".to_owned());
        }
        Ok(DataItem { source: Source::Expression(source), ..DataItem::described(name, record) })
    }

    /// Reads a Pick `A` or `S` item: correlatives in field 8, justification in 9, width in 10; always multivalued.
    fn pick(name: &str, record: &[u8]) -> std::result::Result<DataItem, String> {
        let field_number = number(record, 2)?;
        let justify = match field(record, 9).first() {
            Some(letter @ (b'L' | b'R' | b'T' | b'U' | b'l' | b'r' | b't' | b'u')) => {
                char::from(*letter).to_ascii_uppercase()
            }
            _ => 'L',
        };
        let width: usize = text(field(record, 10)).trim().parse().unwrap_or(10);
        let correlative = text(field(record, 8)).into_owned();
        let association = association_of_pick(field_number, &text(field(record, 4)));
        Ok(DataItem {
            name: name.to_owned(),
            source: if correlative.is_empty() { Source::Field } else { Source::Correlative(correlative) },
            field: field_number,
            conversion: text(field(record, 7)).into_owned(),
            heading: heading(name, field(record, 3)),
            format: format!("{width}{justify}"),
            multi: true,
            association,
            right: justify == 'R',
            stamp: false,
            json_name: None,
        })
    }

    /// An item of fields 3 to 7 as `D` and `I` items have them.
    fn described(name: &str, record: &[u8]) -> DataItem {
        let format = match field(record, 5) {
            b"" => FORMAT_DEFAULT.to_owned(),
            format => text(format).into_owned(),
        };
        let association = text(values(field(record, 7)).next().unwrap_or_default()).into_owned();
        DataItem {
            name: name.to_owned(),
            source: Source::Field,
            field: 0,
            conversion: text(field(record, 3)).into_owned(),
            heading: heading(name, field(record, 4)),
            right: is_right(&format),
            format,
            multi: field(record, 6).first().is_some_and(|b| b.eq_ignore_ascii_case(&b'M')),
            association: (!association.is_empty()).then_some(association),
            stamp: field(record, 11) == b"stamp",
            json_name: text(field(record, 11)).strip_prefix("json=").map(str::to_owned),
        }
    }

    /// Field `number` without a dictionary item, as `F4` in a sentence names it.
    #[must_use]
    pub fn plain_field(number: usize) -> DataItem {
        DataItem {
            name: format!("F{number}"),
            source: Source::Field,
            field: number,
            conversion: String::new(),
            heading: vec![format!("F{number}")],
            format: "15T".to_owned(),
            multi: false,
            association: None,
            right: false,
            stamp: false,
            json_name: None,
        }
    }

    /// The record of this item; fields that [`DataItem`] does not hold stay empty.
    #[must_use]
    pub fn to_record(&self) -> DynArray {
        let heading = DynArray::from_text(&self.heading.join("\u{FD}"));
        let (kind, location) = match &self.source {
            Source::Expression(text) => ("I", text.clone()),
            Source::Field | Source::Correlative(_) => ("D", self.field.to_string()),
        };
        let mut record = DynArray::from_fields([
            kind.as_bytes(),
            location.as_bytes(),
            DynArray::from_text(&self.conversion).as_bytes(),
            heading.as_bytes(),
            self.format.as_bytes(),
            if self.multi { b"M" } else { b"S" },
            self.association.as_deref().unwrap_or_default().as_bytes(),
        ]);
        match &self.json_name {
            _ if self.stamp => record.set_field(11, "stamp"),
            Some(name) => record.set_field(11, format!("json={name}")),
            None => {}
        }
        record
    }
}

fn number(record: &[u8], position: usize) -> std::result::Result<usize, String> {
    let number = text(field(record, position));
    number.trim().parse().map_err(|_| format!("field {position} must be a field number, not '{number}'"))
}

/// Whether a format is right justified.
pub(crate) fn is_right(format: &str) -> bool {
    Format::parse(format).is_some_and(|parsed| parsed.is_right())
}

fn heading(name: &str, stored: &[u8]) -> Vec<String> {
    match stored {
        b"" => vec![name.to_owned()],
        b"\\" => vec![String::new()],
        lines => lines.split(|&b| b == VM).map(|line| text(line).into_owned()).collect(),
    }
}

/// `C;n;m` of a controlling field and `D;n` of its dependants name the association `__n` of the controlling field.
fn association_of_pick(field: usize, text: &str) -> Option<String> {
    let mut parts = text.split([';', '\u{FD}']);
    match parts.next()?.trim() {
        "C" | "c" => Some(format!("__{field}")),
        "D" | "d" => Some(format!("__{}", parts.next()?.trim())),
        "" => None,
        name => Some(name.to_owned()),
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
            "I" => DataItem::expression(name, record).map_or_else(Item::Other, Item::Computed),
            "A" | "S" => DataItem::pick(name, record).map_or_else(Item::Other, Item::Computed),
            "L" => Item::Link {
                id: text(field(record, 2)).into_owned(),
                file: text(field(record, 3)).into_owned(),
            },
            "PH" => Item::Phrase(phrase_text(record)),
            _ => Item::Other(format!("type {kind} items cannot be used in a query")),
        };
        self.items.insert(name.to_owned(), item);
    }

    /// The item called `name`: as typed, else in upper case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Item> {
        // Most names are written as they are kept, and a query may ask for many.
        self.items.get(name).or_else(|| {
            let lower = name.chars().any(char::is_lowercase);
            if lower { self.items.get(&name.to_uppercase()) } else { None }
        })
    }

    /// The `D` item called `name`: as typed, else in upper case.
    #[must_use]
    pub fn data(&self, name: &str) -> Option<&DataItem> {
        match self.get(name)? {
            Item::Data(item) => Some(item),
            _ => None,
        }
    }

    /// The item called `name` if its values can be shown: a field or computed.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&DataItem> {
        match self.get(name)? {
            Item::Data(item) | Item::Computed(item) => Some(item),
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

    /// Hides items and the fields that they name, for every other item of those fields too.
    pub(crate) fn hide(&mut self, names: &BTreeSet<String>) {
        for name in names {
            self.hidden_items.insert(name.to_uppercase());
            let field = match self.get(name) {
                Some(Item::Data(item)) => item.field,
                Some(Item::Computed(item)) if !matches!(item.source, Source::Expression(_)) => item.field,
                _ => 0,
            };
            // Field 0 is the id, by which records are found.
            if field > 0 {
                self.hidden.insert(field, name.to_uppercase());
            }
        }
    }

    pub(crate) fn hidden_fields(&self) -> &BTreeMap<usize, String> {
        &self.hidden
    }

    /// The name a field was hidden by; `None` where it may be read.
    #[must_use]
    pub fn hides(&self, field: usize) -> Option<&str> {
        self.hidden.get(&field).map(String::as_str)
    }

    /// The name by which an item may not be named; `None` where it may.
    pub(crate) fn hides_item(&self, item: &DataItem) -> Option<&str> {
        if self.hidden.is_empty() && self.hidden_items.is_empty() {
            return None;
        }
        if item.source == Source::Field
            && let Some(name) = self.hides(item.field)
        {
            return Some(name);
        }
        self.hidden_items.get(&item.name.to_uppercase()).map(String::as_str)
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

    /// The field of a dictionary item that holds what the dictionary of dictionaries calls `name`: `LOC` is field 2. `kind` is
    /// the item's own first field, which decides the layout (8.1, 8.4).
    pub(crate) fn part_of_item(kind: &[u8], name: &str) -> Option<usize> {
        let own = ["TYPE", "LOC", "CONV", "NAME", "FORMAT", "SM", "ASSOC"];
        let pick = ["TYPE", "LOC", "NAME", "ASSOC", "", "", "CONV"];
        let is_pick = matches!(kind.first(), Some(b'A' | b'S' | b'a' | b's'));
        let name = if name.eq_ignore_ascii_case("S/M") { "SM" } else { name };
        let layout = if is_pick { pick } else { own };
        layout.iter().position(|part| part.eq_ignore_ascii_case(name)).map(|at| at + 1)
    }

    /// The dictionary that describes dictionaries, as `LIST DICT file` shows it (12.10).
    #[must_use]
    pub(crate) fn of_dictionaries() -> Dictionary {
        let mut dictionary = Dictionary::default();
        let pick = "F1[1,1] = 'A' OR F1[1,1] = 'S'";
        let rows: [(&str, &str, String, &str, &str); 13] = [
            ("@ID", "D", "0".to_owned(), "@ID", "12L"),
            ("TYPE", "I", "F1[' ',1,1]".to_owned(), "TYPE", "4L"),
            ("LOC", "D", "2".to_owned(), "LOC", "14T"),
            ("CONV", "I", format!("IF {pick} THEN F7 ELSE F3"), "CONV", "6L"),
            ("NAME", "I", format!("IF {pick} THEN F3 ELSE F4"), "NAME", "12L"),
            ("FORMAT", "I", format!("IF {pick} THEN F10:F9 ELSE F5"), "FORMAT", "6L"),
            ("SM", "I", format!("IF {pick} THEN '' ELSE F6"), "S/M", "3L"),
            ("ASSOC", "I", format!("IF {pick} THEN F4 ELSE F7"), "ASSOC", "8L"),
            ("USER", "D", "8".to_owned(), "USER", "8L"),
            ("NOTE", "D", "11".to_owned(), "NOTE", "10L"),
            ("FIELD", "D", "2".to_owned(), "FIELD", "5R"),
            // Numbers in their order, and expressions behind them, the short ones first.
            ("LOC.SIZE", "I", "LEN(F2)".to_owned(), "SIZE", "5R"),
            ("RECORD", "I", "@RECORD".to_owned(), "RECORD", "30T"),
        ];
        for (name, kind, location, heading, format) in rows {
            dictionary
                .add(name, DynArray::from_fields([kind, &location, "", heading, format, "S"]).as_bytes());
        }
        let default = DynArray::from_fields([
            "PH",
            "TYPE LOC CONV NAME FORMAT SM ASSOC BY TYPE BY LOC.SIZE BY LOC BY @ID",
        ]);
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
