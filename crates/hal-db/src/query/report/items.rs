//! Whole records and sums: LIST.ITEM, SUM, and what CT shows.

use super::cell::Column;
use super::page::Page;
use super::{Job, breaks, vertical};
use crate::dynarray::FM;
use crate::error::Result;
use crate::query::columns::{Builder, Rec};
use crate::query::exec::Summary;
use crate::query::plan::{Aggregate, Display};

/// LIST.ITEM: the id, then each field with its number.
pub(super) fn list(job: &Job<'_, '_>, page: &mut Page<'_>) -> Result<Summary> {
    let mut first = true;
    let summary = job.prepared.each(true, &mut |entry| {
        if !first {
            page.blank()?;
        }
        first = false;
        page.line(entry.id)?;
        for (index, field) in entry.record.split(|&b| b == FM).enumerate() {
            page.line(&[format!("{:03}: ", index + 1).as_bytes(), field].concat())?;
        }
        Ok(())
    })?;
    for id in &summary.missing {
        page.bare(format!("'{id}' not found").as_bytes())?;
    }
    Ok(summary)
}

/// SUM: one line an item.
pub(super) fn sum(job: &Job<'_, '_>, builder: &mut Builder<'_>, page: &mut Page<'_>) -> Result<Summary> {
    let columns = job
        .plan
        .columns
        .iter()
        .map(|display| {
            let display = Display { aggregate: Aggregate::Total, ..display.clone() };
            Column::compile(&display, job.plan.options.heading_is_name, job.prepared, builder)
        })
        .collect::<Result<Vec<Column>>>()?;
    let mut sums = breaks::Sums::new(columns.len(), 0, vec![crate::itype::Num::ZERO; columns.len()]);
    let summary = job.prepared.each(true, &mut |entry| {
        let rec = Rec { id: entry.id, record: entry.record, context: job.context };
        let contents: Vec<_> = columns.iter().map(|column| column.content.get(&rec, entry)).collect();
        sums.add(&columns, &contents, &rec);
        Ok(())
    })?;
    if summary.count == 0 {
        return Ok(summary);
    }
    page.begin()?;
    page.blank()?;
    let rec = Rec { id: b"", record: b"", context: job.context };
    let results = sums.results(0, &columns, &rec);
    for (column, result) in columns.iter().zip(&results) {
        vertical::item(&vertical::name(column), &column.result_lines(result, &rec), page)?;
    }
    Ok(summary)
}

/// A record as CT shows it: `n: field`, one line a field, marks as they are.
#[must_use]
pub fn record_lines(record: &[u8]) -> Vec<Vec<u8>> {
    let fields = record.split(|&b| b == FM).enumerate();
    fields.map(|(index, field)| [format!("{}: ", index + 1).as_bytes(), field].concat()).collect()
}
