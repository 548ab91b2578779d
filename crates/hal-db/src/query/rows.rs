//! What a query found: columns and rows, both as stored and as shown.

use std::borrow::Cow;

use super::ROWS_MAX;
use super::columns::{Builder, Conversion, Getter, Rec, pick, together};
use super::exec::{Entry, Prepared, Run, counts_only};
use super::plan::{Display, Options, Verb};
use crate::dict::DataItem;
use crate::dynarray::{DynArray, SM, VM, text};
use crate::error::{Error, Result};

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

/// The content of an item in a result: of one value where records are exploded, of those that pass where WHEN restricts.
#[derive(Debug)]
pub(super) struct Content {
    pub get: Getter,
    exploded: bool,
    restricted: bool,
}

impl Content {
    pub(super) fn compile(
        item: &DataItem,
        prepared: &Prepared<'_>,
        builder: &mut Builder<'_>,
    ) -> Result<Content> {
        Ok(Content {
            get: builder.getter(item)?,
            exploded: prepared.exploded().is_some_and(|other| together(item, other)),
            restricted: prepared.restricted().is_some_and(|other| together(item, other)),
        })
    }

    pub(super) fn get<'a>(&'a self, rec: &Rec<'a>, entry: &Entry<'_>) -> Cow<'a, [u8]> {
        let content = self.get.get(rec);
        if self.exploded && entry.value > 0 {
            return pick(content, entry.value, entry.subvalue);
        }
        match entry.mask {
            Some(mask) if self.restricted => {
                let values = content.split(|&b| b == VM).zip(mask);
                let kept: Vec<&[u8]> =
                    values.filter(|(_, passes)| **passes).map(|(value, _)| value).collect();
                Cow::Owned(kept.join(&VM))
            }
            _ => content,
        }
    }
}

/// Runs a query and keeps its rows.
pub(crate) fn rows(run: Run<'_>) -> Result<Rows> {
    let plan = run.plan;
    let mut builder = Builder::new(run.view, run.catalog, plan, run.env)?;
    let prepared = Prepared::new(run, &mut builder)?;
    let shown: Vec<&Display> = if plan.verb.shows() {
        let id = (!plan.options.id_sup).then_some(&plan.id_column);
        id.into_iter().chain(&plan.columns).collect()
    } else {
        Vec::new()
    };
    let compiled = shown
        .iter()
        .map(|column| {
            Ok((Content::compile(&column.item, &prepared, &mut builder)?, builder.conversion(&column.item)?))
        })
        .collect::<Result<Vec<(Content, Conversion)>>>()?;
    let context = Builder::context(run);
    let mut rows: Vec<Row> = Vec::new();
    let summary = prepared.each(!compiled.is_empty(), &mut |entry| {
        if counts_only(plan) {
            return Ok(());
        }
        if rows.len() >= ROWS_MAX {
            let hint = "add a condition, or FIRST and a number";
            return Err(Error::TooLarge { what: "the result".to_owned(), limit: ROWS_MAX as u64, hint });
        }
        let rec = Rec { id: entry.id, record: entry.record, context };
        let cells = compiled.iter().map(|(content, conversion)| {
            let raw = content.get(&rec, entry);
            let values = if raw.is_empty() { None } else { Some(raw.split(|&b| b == VM)) };
            let show = |value: &[u8]| {
                let parts = value.split(|&b| b == SM).map(|part| conversion.apply(part, &rec));
                text(&parts.collect::<Vec<_>>().join(&SM)).into_owned()
            };
            let shown = values.into_iter().flatten().map(show).collect();
            Cell { shown, raw: DynArray::from_bytes(raw) }
        });
        rows.push(Row { id: text(entry.id).into_owned(), cells: cells.collect() });
        Ok(())
    })?;
    let columns =
        shown.iter().map(|column| Column { name: column.item.name.clone(), item: column.item.clone() });
    Ok(Rows {
        verb: plan.verb,
        file: plan.file.clone(),
        sentence: plan.sentence.clone(),
        columns: columns.collect(),
        rows,
        count: summary.count,
        missing: summary.missing,
        access: summary.access,
        options: plan.options,
    })
}

/// What a REFORMAT did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reformatted {
    /// Records written.
    pub written: usize,
    /// How many of them there were before.
    pub overwritten: usize,
}

/// The records that a REFORMAT makes: the first item is the id, the others the fields, all as stored.
pub(crate) fn reformat(run: Run<'_>) -> Result<Vec<(String, DynArray)>> {
    let plan = run.plan;
    let mut builder = Builder::new(run.view, run.catalog, plan, run.env)?;
    let prepared = Prepared::new(run, &mut builder)?;
    let contents = plan
        .columns
        .iter()
        .map(|column| Content::compile(&column.item, &prepared, &mut builder))
        .collect::<Result<Vec<Content>>>()?;
    let context = Builder::context(run);
    let mut records = Vec::new();
    prepared.each(true, &mut |entry| {
        let rec = Rec { id: entry.id, record: entry.record, context };
        let mut fields = contents.iter().map(|content| content.get(&rec, entry));
        let id = fields.next().unwrap_or_default();
        records.push((text(&id).into_owned(), DynArray::from_fields(fields)));
        Ok(())
    })?;
    Ok(records)
}
