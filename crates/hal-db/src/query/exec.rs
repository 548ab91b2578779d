//! Runs a plan over one view: finds records, sorts, shows. Decodes only the fields it needs.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::access::{Access, choose};
use super::condition::{Check, content};
use super::plan::{Count, Operand, QueryPlan, SortKey, Verb};
use super::rows::{Cell, Column, Row, Rows};
use super::{Display, ROWS_MAX};
use crate::account::{Catalog, FileEntry, record_key, scan_file};
use crate::dict::DataItem;
use crate::dynarray::{DynArray, SM, VM, text};
use crate::error::{Error, Result};
use crate::number::{Sum, compare_compound};
use crate::store::View;
use crate::{Env, conv};

/// A record that passed, with as much of it as is still needed.
struct Found {
    id: Vec<u8>,
    record: Vec<u8>,
}

pub(crate) fn run(view: &dyn View, catalog: &Catalog, plan: &QueryPlan, env: &Env) -> Result<Rows> {
    let file = catalog.file(&plan.file)?;
    let check = plan.select.as_ref().map(|condition| Check::compile(condition, env)).transpose()?;
    let mut search = Search {
        check: check.as_ref(),
        keeps: plan.verb != Verb::Count,
        limit: match &plan.sample {
            Some(sample) if !sample.sorted => fixed(&sample.count)?,
            _ => usize::MAX,
        },
        count: 0,
        found: Vec::new(),
        missing: Vec::new(),
    };
    let access = search.run(view, file, plan)?;
    let Search { mut count, mut found, missing, .. } = search;
    sort(&mut found, plan);
    if let Some(sample) = &plan.sample
        && sample.sorted
    {
        found.truncate(fixed(&sample.count)?);
        count = count.min(fixed(&sample.count)?);
    }
    let columns = columns(plan);
    let totals = totals(&columns, &found);
    let rows = found.into_iter().map(|found| row(&columns, found)).collect();
    Ok(Rows {
        verb: plan.verb,
        file: plan.file.clone(),
        sentence: plan.sentence.clone(),
        columns,
        rows,
        count,
        totals,
        missing,
        access,
        options: plan.options,
    })
}

/// The plan in words, with the way its records would be found in this view.
pub(crate) fn explain(view: &dyn View, catalog: &Catalog, plan: &QueryPlan, env: &Env) -> Result<String> {
    let file = catalog.file(&plan.file)?;
    let check = plan.select.as_ref().map(|condition| Check::compile(condition, env)).transpose()?;
    let from = match &check {
        _ if !plan.ids.is_empty() => "ids".to_owned(),
        None => "whole file".to_owned(),
        Some(check) => match choose(view, file, check, plan.options.no_index)? {
            (Access::Ids(ids), way) => format!("{way}, {} records to test", ids.len()),
            (Access::WholeFile, way) => way,
        },
    };
    let words = plan.explain();
    let (head, rest) = words.split_once('\n').unwrap_or((&words, ""));
    Ok(format!("{head}\n  from {from}\n{rest}").trim_end().to_owned())
}

fn fixed(count: &Count) -> Result<usize> {
    match count {
        Count::Fixed(count) => Ok(*count),
        Count::Parameter(name) => Err(Error::UnboundParameter { name: name.clone() }),
    }
}

/// Collects the records that pass.
struct Search<'a> {
    check: Option<&'a Check>,
    /// Whether records are wanted, or only their number.
    keeps: bool,
    limit: usize,
    count: usize,
    found: Vec<Found>,
    missing: Vec<String>,
}

impl Search<'_> {
    /// Gives how the records were found.
    fn run(&mut self, view: &dyn View, file: &FileEntry, plan: &QueryPlan) -> Result<String> {
        if !plan.ids.is_empty() {
            self.named(view, file, &plan.ids)?;
            return Ok("ids".to_owned());
        }
        let (access, description) = match self.check {
            Some(check) => choose(view, file, check, plan.options.no_index)?,
            None => (Access::WholeFile, "whole file".to_owned()),
        };
        match access {
            Access::WholeFile => {
                let mut failure = None;
                scan_file(view, file.number, &mut |id, record| self.offer(id, record, &mut failure))?;
                failure.map_or(Ok(()), Err)?;
            }
            Access::Ids(ids) => {
                for id in ids {
                    if self.read(view, file, &id)?.is_break() {
                        break;
                    }
                }
            }
        }
        Ok(description)
    }

    fn named(&mut self, view: &dyn View, file: &FileEntry, ids: &[Operand]) -> Result<()> {
        let mut seen = std::collections::HashSet::new();
        for id in ids {
            let id = match id {
                Operand::Literal(id) => id,
                Operand::Parameter(name) => return Err(Error::UnboundParameter { name: name.clone() }),
                Operand::Item(item) => &item.name,
            };
            if !seen.insert(id) {
                continue;
            }
            let before = self.count;
            if self.read(view, file, id.as_bytes())?.is_break() {
                break;
            }
            if self.count == before && !view.with(&record_key(file.number, id), &mut |_| {})? {
                self.missing.push(id.clone());
            }
        }
        Ok(())
    }

    fn read(&mut self, view: &dyn View, file: &FileEntry, id: &[u8]) -> Result<ControlFlow<()>> {
        let key = record_key(file.number, &text(id));
        let mut flow = ControlFlow::Continue(());
        let mut failure = None;
        view.with(&key, &mut |record| flow = self.offer(id, record, &mut failure))?;
        failure.map_or(Ok(flow), Err)
    }

    fn offer(&mut self, id: &[u8], record: &[u8], failure: &mut Option<Error>) -> ControlFlow<()> {
        if self.count >= self.limit {
            return ControlFlow::Break(());
        }
        if self.check.is_some_and(|check| !check.passes(id, record)) {
            return ControlFlow::Continue(());
        }
        self.count += 1;
        if self.keeps {
            if self.found.len() >= ROWS_MAX {
                let hint = "narrow the selection, or add FIRST n";
                let what = "the number of rows of the query".to_owned();
                *failure = Some(Error::TooLarge { what, limit: ROWS_MAX as u64, hint });
                return ControlFlow::Break(());
            }
            self.found.push(Found { id: id.to_vec(), record: record.to_vec() });
        }
        if self.count >= self.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Sorts by the keys, then by id for SORT and SSELECT; without any of them the order stays.
fn sort(found: &mut [Found], plan: &QueryPlan) {
    if plan.sort.is_empty() && !plan.verb.sorts() {
        return;
    }
    let id = SortKey { item: plan.id_column.item.clone(), descending: false, no_case: false };
    let by_id = plan.verb.sorts().then_some(&id);
    found.sort_by(|a, b| {
        plan.sort
            .iter()
            .chain(by_id)
            .map(|key| compare_by(key, a, b))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    });
}

fn compare_by(key: &SortKey, a: &Found, b: &Found) -> Ordering {
    let (a, b) = (content(&key.item, &a.id, &a.record), content(&key.item, &b.id, &b.record));
    let ordering = match (key.no_case, key.item.right) {
        (false, false) => a.cmp(b),
        (false, true) => compare_compound(a, b),
        (true, right) => {
            let (a, b) = (text(a).to_lowercase(), text(b).to_lowercase());
            if right { compare_compound(a.as_bytes(), b.as_bytes()) } else { a.cmp(&b) }
        }
    };
    if key.descending { ordering.reverse() } else { ordering }
}

fn columns(plan: &QueryPlan) -> Vec<Column> {
    let id = (!plan.options.id_sup).then_some(&plan.id_column);
    let shown = id.into_iter().chain(&plan.columns);
    shown
        .map(|Display { item, total }| Column { name: item.name.clone(), item: item.clone(), total: *total })
        .collect()
}

fn row(columns: &[Column], found: Found) -> Row {
    let cells =
        columns.iter().map(|column| cell(&column.item, content(&column.item, &found.id, &found.record)));
    Row { cells: cells.collect(), id: text(&found.id).into_owned() }
}

/// A field as stored and as shown, value by value; subvalues are shown after one another.
fn cell(item: &DataItem, content: &[u8]) -> Cell {
    let shown = if content.is_empty() {
        Vec::new()
    } else {
        content.split(|&b| b == VM).map(|value| shown(item, value)).collect()
    };
    Cell { raw: DynArray::from_bytes(content), shown }
}

fn shown(item: &DataItem, value: &[u8]) -> String {
    if item.conversion.is_empty() && !value.contains(&SM) {
        return text(value).into_owned();
    }
    let parts =
        value.split(|&b| b == SM).map(|part| text(&conv::oconv(part, &item.conversion).0).into_owned());
    parts.collect::<Vec<_>>().join("\u{FC}")
}

fn totals(columns: &[Column], found: &[Found]) -> Option<Vec<Cell>> {
    columns.iter().any(|column| column.total).then(|| {
        let total = |column: &Column| {
            if !column.total {
                return Cell::default();
            }
            let mut sum = Sum::default();
            for found in found {
                let content = content(&column.item, &found.id, &found.record);
                content.split(|&b| b == VM || b == SM).for_each(|value| sum.add(value));
            }
            cell(&column.item, sum.to_text().as_bytes())
        };
        columns.iter().map(total).collect()
    })
}
