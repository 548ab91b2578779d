//! Reports with one line an item, for what is too wide for columns (12.8).

use super::cell::{Column, from_printable, push_printable};
use super::page::Page;
use super::tabular::GrandTotal;
use super::{Job, breaks};
use crate::error::Result;
use crate::fmt::{Justify, cut, pad};
use crate::query::columns::Rec;
use crate::query::exec::Summary;
use crate::query::plan::Aggregate;

/// Characters of an item's name.
const NAME_WIDTH: usize = 12;

pub(super) fn write(
    job: &Job<'_, '_>,
    columns: &[Column],
    mut sums: breaks::Sums,
    page: &mut Page<'_>,
) -> Result<Summary> {
    let names: Vec<String> = columns.iter().map(name).collect();
    let groups = columns.iter().filter(|column| column.group.is_some()).count();
    let options = job.plan.options;
    let mut first = true;
    let summary = job.prepared.each(true, &mut |entry| {
        let mut context = job.context;
        context.place.item = entry.number;
        (context.place.value, context.place.subvalue) = (entry.value, entry.subvalue);
        let rec = Rec { id: entry.id, record: entry.record, context };
        let mut contents: Vec<_> = columns.iter().map(|column| column.content.get(&rec, entry)).collect();
        sums.add(columns, &contents, &rec);
        for (index, column) in columns.iter().enumerate() {
            if let Some(shown) = sums.shown(index, column, &contents[index]) {
                contents[index] = std::borrow::Cow::Owned(shown);
            }
        }
        entry.id.clone_into(&mut page.facts().id);
        if options.new_page && !first {
            page.next(false)?;
        }
        first = false;
        if options.det_sup {
            return page.begin();
        }
        for ((column, name), content) in columns.iter().zip(&names).zip(&contents) {
            item(name, &column.lines(content, &rec), page)?;
        }
        page.blank()
    })?;
    if summary.count == 0 {
        return Ok(summary);
    }
    (1..=groups).rev().for_each(|level| sums.close(level));
    let totals = GrandTotal::parse(job.plan.grand_total.as_deref());
    if !totals.silent && columns.iter().any(|column| column.aggregate != Aggregate::None) {
        let rec = Rec { id: b"", record: b"", context: job.context };
        let results = sums.results(0, columns, &rec);
        page.line(totals.words.as_bytes())?;
        for ((column, name), result) in columns.iter().zip(&names).zip(&results) {
            if column.aggregate != Aggregate::None {
                item(name, &column.result_lines(result, &rec), page)?;
            }
        }
        page.blank()?;
    }
    Ok(summary)
}

/// `Customer nam` or `Name........`: the heading on one line, in twelve characters.
pub(super) fn name(column: &Column) -> String {
    let heading = column.heading.join(" ");
    pad(cut(&heading, NAME_WIDTH), NAME_WIDTH, Justify::Left, '.')
}

/// An item's name and its lines, one below the other.
pub(super) fn item(name: &str, lines: &[Vec<u8>], page: &mut Page<'_>) -> Result<()> {
    let mut line = from_printable(name);
    push_printable(" : ", &mut line);
    line.extend_from_slice(lines.first().map_or(&[][..], Vec::as_slice));
    page.line(&line)?;
    for more in lines.iter().skip(1) {
        line.clear();
        line.resize(NAME_WIDTH + 3, b' ');
        line.extend_from_slice(more);
        page.line(&line)?;
    }
    Ok(())
}
