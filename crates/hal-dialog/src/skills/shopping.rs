//! The shopping list: tasks of type `todo` in the context `shopping`.

use crate::records::{Fault, Rec};
use crate::say;
use crate::skills::task::{changed, new_task};
use crate::turn::{Answer, Pending, Said, Turn};
use crate::understand::names::Kind;
use crate::understand::normalise::tokens;

/// Items one sentence may add or remove.
const ITEMS_MAX: usize = 20;

fn open(turn: &Turn<'_>) -> Result<Vec<Rec>, Fault> {
    let mut rows = turn.records.select("SSELECT TASK WITH CONTEXT = \"shopping\" BY TITLE", &|_| None)?;
    rows.retain(|r| matches!(r.text("STATUS").to_lowercase().as_str(), "pending" | "active"));
    Ok(rows)
}

/// "bread, milk and two dozen eggs" → its items, as they were said.
fn items(turn: &Turn<'_>) -> Vec<String> {
    let text = turn.slot(Kind::Item).map_or("", |s| s.text.as_str());
    let text = format!(" {text} ")
        .replace(',', " and ")
        .replace(" plus ", " and ")
        .replace(" & ", " and ")
        .replace(" as well as ", " and ");
    text.split(" and ")
        .map(|item| {
            let item = item.trim();
            let lower = item.to_lowercase();
            let skip = ["some more ", "some ", "more ", "a ", "an ", "the ", "also ", "any "]
                .iter()
                .find(|w| lower.starts_with(*w))
                .map_or(0, |w| w.len());
            item[skip..].trim().to_string()
        })
        .filter(|item| !item.is_empty())
        .take(ITEMS_MAX)
        .collect()
}

/// Whether a listed title is the item that was said: the same words, singular or plural.
fn same(title: &str, item: &str) -> bool {
    let stem = |text: &str| -> Vec<String> {
        tokens(text)
            .into_iter()
            .map(|t| t.text.trim_end_matches("es").trim_end_matches('s').to_string())
            .filter(|w| !w.is_empty())
            .collect()
    };
    stem(title) == stem(item)
}

/// As [`same`], but "chicken" also finds "Chicken breasts".
fn part_of(title: &str, item: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        tokens(text).into_iter().map(|t| t.text.trim_end_matches('s').to_string()).collect()
    };
    let title = words(title);
    let item = words(item);
    !item.is_empty() && item.iter().all(|w| title.contains(w))
}

fn find<'r>(rows: &'r [Rec], item: &str) -> Option<&'r Rec> {
    rows.iter()
        .find(|r| same(&r.text("TITLE"), item))
        .or_else(|| rows.iter().find(|r| part_of(&r.text("TITLE"), item)))
}

pub(super) fn read(turn: &Turn<'_>) -> Answer {
    let rows = open(turn)?;
    if rows.is_empty() {
        return Ok(Said::nothing("Your shopping list is empty."));
    }
    let titles: Vec<String> = rows.iter().map(|r| say::lower_first(&r.text("TITLE"))).collect();
    Ok(Said::answered(format!(
        "Your shopping list has {}: {}.",
        say::counted(titles.len(), "item"),
        say::list(&titles, 20)
    )))
}

pub(super) fn check(turn: &Turn<'_>) -> Answer {
    let rows = open(turn)?;
    let mut answers = Vec::new();
    let mut found = false;
    for item in items(turn) {
        match find(&rows, &item) {
            Some(rec) => {
                found = true;
                answers
                    .push(format!("Yes, your shopping list has {}.", say::lower_first(&rec.text("TITLE"))));
            }
            None => answers.push(format!("No, your shopping list has no {}.", say::lower_first(&item))),
        }
    }
    let text = answers.join(" ");
    Ok(if found { Said::answered(text) } else { Said::nothing(text) })
}

pub(super) fn add(turn: &Turn<'_>) -> Answer {
    let rows = open(turn)?;
    let (have, new): (Vec<String>, Vec<String>) =
        items(turn).into_iter().partition(|item| rows.iter().any(|r| same(&r.text("TITLE"), item)));
    let lower = |list: &[String]| list.iter().map(|i| say::lower_first(i)).collect::<Vec<_>>();
    if new.is_empty() {
        let verb = if have.len() == 1 { "is" } else { "are" };
        return Ok(Said::answered(format!(
            "{} {verb} already on your shopping list.",
            say::capital(&say::list(&lower(&have), 20))
        )));
    }
    let mut changes = Vec::new();
    for (n, item) in new.iter().enumerate() {
        let fields = [
            ("TITLE", say::capital(item)),
            ("TASK_TYPE", "todo".to_string()),
            ("CONTEXT", "shopping".to_string()),
        ];
        changes.push(new_task(turn, n, &fields)?);
    }
    let names = say::list(&lower(&new), 20);
    let already = if have.is_empty() {
        String::new()
    } else {
        format!("{} is there already. ", say::capital(&say::list(&lower(&have), 20)))
    };
    let pending = Pending::Write {
        changes,
        done: format!("I added {names} to your shopping list."),
        undone: format!("I took {names} off your shopping list again."),
    };
    Ok(Said::asked(format!("{already}Shall I add {names} to your shopping list?"), pending))
}

pub(super) fn remove(turn: &Turn<'_>) -> Answer {
    let rows = open(turn)?;
    let wanted = items(turn);
    if wanted.iter().any(|item| {
        matches!(item.to_lowercase().as_str(), "everything" | "all" | "it all" | "all of it" | "all items")
    }) {
        return clear(turn);
    }
    let mut changes = Vec::new();
    let mut names = Vec::new();
    let mut missing = Vec::new();
    for item in &wanted {
        match find(&rows, item) {
            Some(rec) => {
                let done =
                    [("STATUS", "completed".to_string()), ("COMPLETED_DATE", turn.today().to_string())];
                changes.push(changed(turn, rec, &done));
                names.push(say::lower_first(&rec.text("TITLE")));
            }
            None => missing.push(say::lower_first(item)),
        }
    }
    let missing = if missing.is_empty() {
        String::new()
    } else {
        format!(
            "{} {} not on your shopping list.",
            say::capital(&say::list(&missing, 20)),
            if missing.len() == 1 { "is" } else { "are" }
        )
    };
    if changes.is_empty() {
        return Ok(Said::nothing(missing));
    }
    Ok(ask_off(changes, &say::list(&names, 20), &missing))
}

fn ask_off(changes: Vec<crate::write::Change>, names: &str, before: &str) -> Said {
    let pending = Pending::Write {
        changes,
        done: format!("I took {names} off your shopping list."),
        undone: format!("I put {names} back on your shopping list."),
    };
    let text = format!("{before} Shall I take {names} off your shopping list?");
    Said::asked(text.trim(), pending)
}

pub(super) fn clear(turn: &Turn<'_>) -> Answer {
    let rows = open(turn)?;
    if rows.is_empty() {
        return Ok(Said::nothing("Your shopping list is empty."));
    }
    let changes = rows.iter().map(|rec| changed(turn, rec, &[("STATUS", "cancelled".to_string())])).collect();
    let count =
        if rows.len() == 1 { "the one item".to_string() } else { format!("all {} items", rows.len()) };
    Ok(ask_off(changes, &count, ""))
}
