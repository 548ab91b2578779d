//! A plan in words, one line a step. Reads nothing but what the way to the records asks for.

use super::access::{Access, choose};
use super::columns::Builder;
use super::condition::Check;
use super::plan::{Aggregate, Condition, Count, From, Operand, QueryPlan};
use crate::Env;
use crate::account::Catalog;
use crate::dict::{DataItem, Source};
use crate::error::Result;
use crate::store::View;

/// The plan in words, with the way its records would be found in this view.
pub(crate) fn explain(view: &dyn View, catalog: &Catalog, plan: &QueryPlan, env: &Env) -> Result<String> {
    let file = catalog.file(&plan.file)?;
    let mut builder = Builder::new(view, catalog, plan, env)?;
    let check = plan.select.as_ref().map(|condition| Check::compile(condition, &mut builder)).transpose()?;
    let from = match &check {
        _ if !plan.ids.is_empty() => "ids".to_owned(),
        _ if matches!(plan.from, From::List(_)) => "a select list".to_owned(),
        None => order_of(view, catalog, plan, env, &mut builder)?,
        Some(check) => match choose(view, file, check, plan.refuses_indices())? {
            (Access::Ids(ids), way) => format!("{way}, {} records to test", ids.len()),
            (Access::WholeFile, way) => way,
        },
    };
    let words = plan.explain();
    let (head, rest) = words.split_once('\n').unwrap_or((&words, ""));
    Ok(format!("{head}\n  from {from}\n{rest}").trim_end().to_owned())
}

/// Where an index gives the order, that; else the whole file.
fn order_of<'r>(
    view: &'r dyn View,
    catalog: &'r Catalog,
    plan: &'r QueryPlan,
    env: &'r Env,
    builder: &mut Builder<'r>,
) -> Result<String> {
    let run = super::exec::Run { view, catalog, plan, env, list: None };
    let file = catalog.file(&plan.file)?;
    let first = match &plan.sample {
        Some(sample) if sample.sorted => match sample.count {
            Count::Fixed(first) => first,
            Count::Parameter(_) => usize::MAX,
        },
        _ => usize::MAX,
    };
    let reads = !plan.verb.selects() || plan.saving.is_some();
    let keys = super::keys::Keys::compile(plan, None, builder)?;
    if let Some(index) = super::order::index(run, file, first, reads)
        && super::order::ids(run, file, index, &keys, 1)?.is_some()
    {
        return Ok(format!("order of index {}", index.name));
    }
    Ok("whole file".to_owned())
}

fn count(count: &Count) -> String {
    match count {
        Count::Fixed(count) => count.to_string(),
        Count::Parameter(name) => format!("{{{name}}}"),
    }
}

/// An item with where it comes from.
fn source(item: &DataItem) -> String {
    match &item.source {
        Source::Field => format!("{} (field {})", item.name, item.field),
        Source::Expression(text) if *text == item.name => format!("({text})"),
        Source::Expression(text) => format!("{} ({text})", item.name),
        Source::Correlative(codes) => format!("{} (field {} by {codes})", item.name, item.field),
    }
}

/// The plan in words, one line a step.
pub(super) fn plan(plan: &QueryPlan) -> String {
    let mut lines = vec![format!("{} {}", plan.verb.word(), plan.file)];
    if !plan.ids.is_empty() {
        lines.push(format!("  ids {}", plan.ids.iter().map(operand).collect::<Vec<_>>().join(" ")));
    }
    if let Some(select) = &plan.select {
        lines.push(format!("  with {}", condition(select, true)));
    }
    if let Some(when) = &plan.when {
        lines.push(format!("  values when {}", condition(when, true)));
    }
    if let Some(nth) = &plan.every_nth {
        lines.push(format!("  every {}th", count(nth)));
    }
    for key in &plan.sort {
        let descending = if key.descending { " descending" } else { "" };
        let each = if key.explode { " each value of" } else { "" };
        lines.push(format!("  by{descending}{each} {}", key.item.name));
    }
    if let Some(sample) = &plan.sample {
        let sorted = if sample.sorted { " after sorting" } else { "" };
        lines.push(format!("  first {}{sorted}", count(&sample.count)));
    }
    if let Some(saving) = &plan.saving {
        let unique = if saving.unique { " each once" } else { "" };
        lines.push(format!("  save {}{unique}", source(&saving.item)));
    }
    for column in &plan.columns {
        let conversion = column.item.conversion.replace('\u{FD}', " then ");
        let conversion = if conversion.is_empty() { String::new() } else { format!(" as {conversion}") };
        let aggregate = match (column.aggregate, &column.group) {
            (_, Some(_)) => " as a group",
            (Aggregate::None, _) => "",
            (Aggregate::Total, _) => " with total",
            (Aggregate::Average, _) => " with average",
            (Aggregate::Max, _) => " with greatest",
            (Aggregate::Min, _) => " with least",
            (Aggregate::Enum, _) => " with count",
            (Aggregate::Percent(_), _) => " as share",
            (Aggregate::Calc, _) => " computed again for groups",
            (Aggregate::Cumulative, _) => " added up",
            (Aggregate::Median, _) => " with median",
            (Aggregate::Mode, _) => " with most frequent",
            (Aggregate::Range, _) => " with range",
        };
        lines.push(format!("  show {}{conversion}{aggregate}", source(&column.item)));
    }
    lines.join("\n")
}

fn condition(condition_: &Condition, outer: bool) -> String {
    match condition_ {
        Condition::Test(test) => {
            let every = if test.every { "every " } else { "" };
            let no_case = if test.no_case { " no case" } else { "" };
            let operands: Vec<String> = test.operands.iter().map(operand).collect();
            let text =
                format!("{every}{} {}{no_case} {}", test.item.name, test.op.word(), operands.join(" "));
            text.trim_end().to_owned()
        }
        Condition::And(a, b) | Condition::Or(a, b) => {
            let word = if matches!(condition_, Condition::And(..)) { "and" } else { "or" };
            let text = format!("{} {word} {}", condition(a, false), condition(b, false));
            if outer { text } else { format!("({text})") }
        }
        Condition::Not(inner) => format!("not {}", condition(inner, false)),
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Literal(text) => format!("\"{text}\""),
        Operand::Parameter(name) => format!("{{{name}}}"),
        Operand::Item(item) => item.name.clone(),
    }
}
