//! Results as text: columns with dotted headings, one line an item where they do not fit, delimited values, JSON.
//!
//! Layout after sections 12 and 29. Lines are bytes, for records may hold bytes that are not UTF-8. Knows no terminal.

mod breaks;
mod cell;
mod delimited;
mod heading;
mod items;
mod json;
mod label;
mod page;
mod tabular;
mod vertical;
mod xml;

use std::io;

use super::columns::Builder;
use super::exec::{Prepared, Run, Summary};
use super::plan::{Aggregate, Display, Output, QueryPlan, Verb};
use crate::error::{Error, Result};
use crate::itype::{Context, Num};
use page::Page;

pub use items::record_lines;

/// The screen, or sheet, that a report is laid out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns of characters.
    pub width: usize,
    /// Lines of a page; `None` for one page without end.
    pub lines: Option<usize>,
}

impl Default for Screen {
    /// 80 columns, one page without end.
    fn default() -> Screen {
        Screen { width: 80, lines: None }
    }
}

/// What a report has to know while it is written.
struct Job<'j, 'r> {
    plan: &'r QueryPlan,
    prepared: &'j Prepared<'r>,
    context: Context<'j>,
}

/// Runs a query and writes its report; gives the number of records.
///
/// # Errors
/// As a run of the query; [`Error::Store`] when `out` refuses.
pub(crate) fn report(run: Run<'_>, screen: Screen, out: &mut dyn io::Write) -> Result<usize> {
    let plan = run.plan;
    let mut builder = Builder::new(run.view, run.catalog, plan, run.env)?;
    let prepared = Prepared::new(run, &mut builder)?;
    let job = Job { plan, prepared: &prepared, context: Builder::context(run) };
    let mut page = Page::new(plan, screen, run.env, out);
    let summary = match plan.verb {
        Verb::Count => prepared.each(false, &mut |_| Ok(()))?,
        Verb::Select | Verb::Sselect | Verb::Search => {
            let selected = super::exec::select(run)?;
            let count = selected.items.len();
            page.bare(format!("{count} record(s) selected to list {}", plan.to).as_bytes())?;
            return Ok(count);
        }
        Verb::Reformat | Verb::Sreformat => {
            return Err(Error::Refused("REFORMAT writes: it needs a transaction".to_owned()));
        }
        Verb::Sum => items::sum(&job, &mut builder, &mut page)?,
        Verb::ListItem | Verb::SortItem => {
            let summary = items::list(&job, &mut page)?;
            page.end()?;
            return Ok(summary.count);
        }
        Verb::ListLabel | Verb::SortLabel => {
            let summary = label::write(&job, &mut builder, &mut page)?;
            return Ok(summary.count);
        }
        Verb::List | Verb::Sort => match &plan.output {
            Output::Delimited { delimiter, mode } => {
                delimited::write(&job, &mut builder, &mut page, delimiter.as_bytes(), *mode)?
            }
            Output::Json => {
                let summary = json::write(&job, &mut builder, &mut page)?;
                return Ok(summary.count);
            }
            Output::Xml => {
                page.bare(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
                page.bare(format!("<file name=\"{}\">", xml::escaped(&plan.file)).as_bytes())?;
                let summary = json::write(&job, &mut builder, &mut page)?;
                page.bare(b"</file>")?;
                return Ok(summary.count);
            }
            Output::Report => tabular::write(&job, &mut builder, &mut page)?,
        },
    };
    count_line(plan, &summary, &mut page)?;
    page.end()?;
    Ok(summary.count)
}

/// The line with the number of records, and those that were not found.
fn count_line(plan: &QueryPlan, summary: &Summary, page: &mut Page<'_>) -> Result<()> {
    if !plan.options.count_sup {
        let what = match plan.verb {
            Verb::Count => "counted",
            Verb::Sum => "summed",
            _ => "listed",
        };
        let sample = if plan.sample.is_some() && plan.verb != Verb::Count { "Sample of " } else { "" };
        let values = summary.values.filter(|_| summary.count > 0);
        let values = values.map_or(String::new(), |values| format!(", {values} value(s)"));
        let paged = page.has_begun() && matches!(plan.output, Output::Report) && plan.verb != Verb::Count;
        if paged {
            page.blank()?;
        }
        let line = format!("{sample}{} record(s){values} {what}", summary.count);
        if paged { page.line(line.as_bytes())? } else { page.bare(line.as_bytes())? }
    }
    for id in &summary.missing {
        page.bare(format!("'{id}' not found").as_bytes())?;
    }
    Ok(())
}

/// The columns that are shown: the id unless suppressed, and the items.
fn shown(plan: &QueryPlan) -> impl Iterator<Item = &Display> {
    (!plan.options.id_sup).then_some(&plan.id_column).into_iter().chain(&plan.columns)
}

/// The sums over all records that PERCENT is a share of, by column of the plan; 0 for other columns.
fn percent_totals(job: &Job<'_, '_>, columns: &[(Aggregate, super::rows::Content)]) -> Result<Vec<Num>> {
    let mut totals = vec![Num::ZERO; columns.len()];
    if !columns.iter().any(|(aggregate, _)| matches!(aggregate, Aggregate::Percent(_))) {
        return Ok(totals);
    }
    job.prepared.each(true, &mut |entry| {
        let rec = super::columns::Rec { id: entry.id, record: entry.record, context: job.context };
        for ((aggregate, content), total) in columns.iter().zip(&mut totals) {
            if matches!(aggregate, Aggregate::Percent(_)) {
                *total =
                    breaks::elements(&content.get(&rec, entry)).filter_map(Num::parse).fold(*total, Num::add);
            }
        }
        Ok(())
    })?;
    Ok(totals)
}

#[cfg(test)]
mod tests;
