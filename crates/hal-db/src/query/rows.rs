//! What a query found: columns and rows, both as stored and as shown.

use super::plan::{Options, Verb};
use crate::dict::DataItem;
use crate::dynarray::DynArray;

/// The result of a query.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The verb that was run.
    pub verb: Verb,
    /// The file.
    pub file: String,
    /// The sentence; the report's heading.
    pub sentence: String,
    /// The columns. The first is the id, unless it was suppressed.
    pub columns: Vec<Column>,
    /// The records found, in order. Empty for COUNT.
    pub rows: Vec<Row>,
    /// How many records were found; for COUNT the answer.
    pub count: usize,
    /// Grand totals, one cell a column; empty cells where none was asked for. `None` without `TOTAL`.
    pub totals: Option<Vec<Cell>>,
    /// Ids that were named in the sentence and do not exist.
    pub missing: Vec<String>,
    /// How the records were found: `index DATE`, `ids`, `whole file`.
    pub access: String,
    /// Output options of the sentence.
    pub options: Options,
}

/// A column of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name of the item, as in the dictionary.
    pub name: String,
    /// The item after the sentence's qualifiers: heading, format, conversion.
    pub item: DataItem,
    /// Whether a grand total is shown.
    pub total: bool,
}

/// One record of the result.
#[derive(Debug, Clone)]
pub struct Row {
    /// Record id.
    pub id: String,
    /// One cell a column.
    pub cells: Vec<Cell>,
}

/// One field of one record.
#[derive(Clone, Default)]
pub struct Cell {
    /// The content as stored.
    pub raw: DynArray,
    /// The content as shown, one entry a value; empty when the field is empty.
    pub shown: Vec<String>,
}

impl std::fmt::Debug for Cell {
    /// Records are personal: only the number of values is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cell({} values)", self.shown.len())
    }
}

impl Cell {
    /// The first value as shown, "" when empty.
    #[must_use]
    pub fn text(&self) -> &str {
        self.shown.first().map_or("", String::as_str)
    }

    /// The first value as stored.
    #[must_use]
    pub fn raw_text(&self) -> std::borrow::Cow<'_, str> {
        self.raw.extract_text(1, 1, 0)
    }

    /// The first value as a number, when it is a whole one: days, cents, counts.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        crate::dynarray::integer(self.raw.extract(1, 1, 0))
    }
}

impl Rows {
    /// Index of the column of an item, case ignored.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The cell of an item in a row, case ignored; `None` when the item is not a column.
    #[must_use]
    pub fn get<'a>(&self, row: &'a Row, name: &str) -> Option<&'a Cell> {
        row.cells.get(self.column(name)?)
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
