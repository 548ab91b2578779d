//! LIST.LABEL and SORT.LABEL: records as labels beside and below each other.

use unicode_width::UnicodeWidthStr as _;

use super::cell::{Column, from_printable, printable};
use super::page::Page;
use super::{Job, shown};
use crate::error::Result;
use crate::fmt::{Justify, cut, pad};
use crate::query::columns::{Builder, Rec};
use crate::query::exec::Summary;
use crate::query::plan::Labels;

pub(super) fn write(job: &Job<'_, '_>, builder: &mut Builder<'_>, page: &mut Page<'_>) -> Result<Summary> {
    let columns = shown(job.plan)
        .map(|display| Column::compile(display, job.plan.options.heading_is_name, job.prepared, builder))
        .collect::<Result<Vec<Column>>>()?;
    let labels = job.plan.labels.unwrap_or_default();
    let mut row: Vec<Vec<String>> = Vec::new();
    let summary = job.prepared.each(true, &mut |entry| {
        let mut context = job.context;
        context.place.item = entry.number;
        (context.place.value, context.place.subvalue) = (entry.value, entry.subvalue);
        let rec = Rec { id: entry.id, record: entry.record, context };
        let mut lines: Vec<String> = Vec::new();
        for column in &columns {
            for line in column.lines(&column.content.get(&rec, entry), &rec) {
                lines.push(printable(&line).trim_end().to_owned());
            }
        }
        lines.retain(|line| !labels.compress || !line.trim().is_empty());
        row.push(lines);
        if row.len() == labels.across { print(&mut row, labels, page) } else { Ok(()) }
    })?;
    if !row.is_empty() {
        print(&mut row, labels, page)?;
    }
    for id in &summary.missing {
        page.bare(format!("'{id}' not found").as_bytes())?;
    }
    Ok(summary)
}

/// Labels that stand beside each other, and the blank lines below them.
fn print(row: &mut Vec<Vec<String>>, labels: Labels, page: &mut Page<'_>) -> Result<()> {
    for number in 0..labels.rows {
        let mut line = " ".repeat(labels.indent);
        for (at, label) in row.iter().enumerate() {
            if at > 0 {
                line.push_str(&" ".repeat(labels.space));
            }
            let text = cut(label.get(number).map_or("", String::as_str), labels.size);
            debug_assert!(text.width() <= labels.size, "cut to its size");
            line.push_str(&pad(text, labels.size, Justify::Left, ' '));
        }
        page.bare(&from_printable(line.trim_end()))?;
    }
    for _ in 0..labels.skip {
        page.bare(b"")?;
    }
    row.clear();
    Ok(())
}
