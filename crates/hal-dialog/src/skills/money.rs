//! Spending and income from TRANSACTION: money out is negative cents, income positive.

use std::collections::BTreeMap;

use crate::phrase::ago;
use crate::records::Rec;
use crate::say;
use crate::turn::{Answer, Said, Stop, Turn};
use crate::understand::calendar::{add_months, date_of, iso, month_days};
use crate::understand::names::Kind;
use crate::understand::when::{Direction, When};

/// What the transactions are narrowed to, and how that is said.
struct Filter {
    categories: Option<Vec<String>>,
    payee: Option<String>,
    /// A name that no record has: looked for in the lines of the bank.
    text: Option<String>,
    /// " on groceries", " at Bella Pasta", "".
    said: String,
}

fn filter(turn: &Turn<'_>) -> Result<Filter, Stop> {
    let mut filter = Filter { categories: None, payee: None, text: None, said: String::new() };
    if let Some(slot) = turn.slot(Kind::Payee) {
        if slot.entities.iter().any(|e| !e.id.is_empty()) {
            let payee = turn.one(Kind::Payee, slot)?;
            filter.said = format!(" at {}", payee.shown);
            filter.payee = Some(payee.id);
            return Ok(filter);
        }
        filter.said = format!(" at {}", slot.text);
        filter.text = Some(slot.text.clone());
        return Ok(filter);
    }
    let Some(slot) = turn.slot(Kind::Category) else { return Ok(filter) };
    let known: Vec<String> =
        slot.entities.iter().filter(|e| !e.id.is_empty()).map(|e| e.id.clone()).collect();
    filter.said = format!(" on {}", slot.text.trim_start_matches("the "));
    if known.is_empty() {
        filter.text = Some(slot.text.clone());
        return Ok(filter);
    }
    let mut keys = known.clone();
    // A category holds its children, to any depth the file has.
    let all = turn.records.names_in("CATEGORY")?;
    for _ in 0..4 {
        let more: Vec<String> = all
            .iter()
            .filter(|c| keys.contains(&c.text("PARENT_CATEGORY_KEY")) && !keys.contains(&c.id))
            .map(|c| c.id.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        keys.extend(more);
    }
    if slot.entities.len() == 1 {
        filter.said = format!(" on {}", say::lower_first(&slot.entities[0].shown));
    }
    filter.categories = Some(keys);
    Ok(filter)
}

/// Transactions from `from` to `to` that the filter lets through, in order of date.
fn transactions(
    turn: &Turn<'_>,
    filter: &Filter,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<Vec<Rec>, Stop> {
    let mut sentence = String::from("SSELECT TRANSACTION");
    match (from, to) {
        (Some(_), Some(_)) => {
            sentence.push_str(" WITH TRANS_DATE >= \"{from}\" AND WITH TRANS_DATE <= \"{to}\"")
        }
        (Some(_), None) => sentence.push_str(" WITH TRANS_DATE >= \"{from}\""),
        (None, Some(_)) => sentence.push_str(" WITH TRANS_DATE <= \"{to}\""),
        (None, None) => {}
    }
    sentence.push_str(" BY TRANS_DATE");
    let mut rows = turn.records.select(&sentence, &|name| match name {
        "from" => from.map(iso),
        "to" => to.map(iso),
        _ => None,
    })?;
    // A parent of split lines would count twice.
    rows.retain(|r| !r.is("SPLIT_FLAG", "Y"));
    if let Some(keys) = &filter.categories {
        rows.retain(|r| keys.contains(&r.text("CATEGORY_KEY")));
    }
    if let Some(payee) = &filter.payee {
        rows.retain(|r| r.is("PAYEE_ID", payee));
    }
    if let Some(text) = &filter.text {
        let wanted = text.to_lowercase();
        rows.retain(|r| {
            ["STANDARDIZED_PAYEE", "ORIGINAL_PAYEE", "MEMO", "SUBCATEGORY"]
                .iter()
                .any(|f| r.text(f).to_lowercase().contains(&wanted))
        });
    }
    Ok(rows)
}

fn spent(rows: &[Rec]) -> i64 {
    // Money that came back from a shop lowers what was spent there; salaries are no refunds.
    let out: i64 = rows.iter().filter_map(|r| r.cents("AMOUNT")).filter(|a| *a < 0).sum();
    -out
}

/// The time that is meant: as said, or the current month.
fn period(turn: &Turn<'_>) -> (When, bool) {
    match turn.when_towards(Direction::Past) {
        Some(when) => (when, true),
        None => {
            let (y, m, _) = date_of(turn.today());
            let (from, to) = month_days(y, m);
            (When { from: Some(from), to: Some(to), part: None, said: "so far this month".into() }, false)
        }
    }
}

fn nothing_at_all(filter: &Filter) -> Said {
    let what = filter.text.as_deref().unwrap_or_default();
    Said::nothing(format!("I have nothing recorded about {what}."))
}

pub(super) fn total(turn: &Turn<'_>) -> Answer {
    turn.who()?;
    let filter = filter(turn)?;
    let (when, _) = period(turn);
    let rows = transactions(turn, &filter, when.from, when.to)?;
    let out: Vec<&Rec> = rows.iter().filter(|r| r.cents("AMOUNT").is_some_and(|a| a < 0)).collect();
    if out.is_empty() {
        if filter.text.is_some() && transactions(turn, &filter, None, None)?.is_empty() {
            return Ok(nothing_at_all(&filter));
        }
        return Ok(Said::nothing(format!("I have no spending{} recorded {}.", filter.said, when.said)));
    }
    let many = if out.len() == 1 {
        String::from("in one transaction")
    } else {
        format!("in {} transactions", out.len())
    };
    Ok(Said::answered(format!(
        "You spent {}{} {}, {many}.",
        say::money(spent(&rows)),
        filter.said,
        when.said
    )))
}

pub(super) fn average(turn: &Turn<'_>) -> Answer {
    turn.who()?;
    let filter = filter(turn)?;
    let weekly = turn.said_any(&["week", "weekly", "weeks"]);
    let today = turn.today();
    let (y, m, _) = date_of(today);
    let this_month = month_days(y, m).0;
    // Whole months only, at most six: the current one would lower the average.
    let all = transactions(turn, &filter, Some(add_months(this_month, -6)), Some(this_month - 1))?;
    let Some(first) = all.first().and_then(|r| r.int("TRANS_DATE")) else {
        if filter.text.is_some() {
            return Ok(nothing_at_all(&filter));
        }
        return Ok(Said::nothing(format!(
            "I have no spending{} recorded for a whole month yet.",
            filter.said
        )));
    };
    let (fy, fm, fd) = date_of(first);
    let mut months = (y - fy) * 12 + m - fm;
    let mut rows = all;
    // History that begins in the middle of a month makes that month no whole one.
    if fd > 7 && months > 1 {
        months -= 1;
        let start = month_days(fy, fm).1 + 1;
        rows.retain(|r| r.int("TRANS_DATE").is_some_and(|d| d >= start));
    }
    let sum = spent(&rows);
    let (value, unit) = if weekly {
        let days = this_month - rows.first().and_then(|r| r.int("TRANS_DATE")).unwrap_or(first);
        (sum * 7 / days.max(7), "week")
    } else {
        (sum / months.max(1), "month")
    };
    let over = say::counted(months as usize, "month");
    Ok(Said::answered(format!(
        "On average you spend {}{} a {unit}, over the last {over}.",
        say::money(value),
        filter.said
    )))
}

pub(super) fn compare(turn: &Turn<'_>) -> Answer {
    turn.who()?;
    let filter = filter(turn)?;
    let today = turn.today();
    let (when, _) = period(turn);
    let (from, to) = (when.from.unwrap_or(today), when.to.unwrap_or(today));
    let days = to - from + 1;
    let (unit, shift): (&str, fn(i64, i64) -> i64) = match days {
        ..=1 => ("day", |day, n| day + n),
        2..=14 => ("week", |day, n| day + 7 * n),
        15..=31 => ("month", add_months),
        _ => ("year", |day, n| add_months(day, 12 * n)),
    };
    // "than last month" names the earlier of the two.
    let (from_now, from_before) = if to < today { (shift(from, 1), from) } else { (from, shift(from, -1)) };
    let elapsed = (today - from_now).max(0);
    let now = spent(&transactions(turn, &filter, Some(from_now), Some(today))?);
    let before_rows = transactions(turn, &filter, Some(from_before), Some(from_now - 1))?;
    let before = spent(&before_rows);
    let same_point: i64 = -before_rows
        .iter()
        .filter(|r| r.int("TRANS_DATE").is_some_and(|d| d <= from_before + elapsed))
        .filter_map(|r| r.cents("AMOUNT"))
        .filter(|a| *a < 0)
        .sum::<i64>();
    if now == 0 && before == 0 {
        return Ok(Said::nothing(format!("I have no spending{} recorded for these times.", filter.said)));
    }
    let verdict = match now - same_point {
        d if d.abs() < 100 => "about the same as".to_string(),
        d if d > 0 => format!("{} more than", say::money(d)),
        d => format!("{} less than", say::money(d)),
    };
    Ok(Said::answered(format!(
        "So far this {unit} you spent {}{}, {verdict} at the same point last {unit}; the whole of last {unit} was {}.",
        say::money(now),
        filter.said,
        say::money(before)
    )))
}

/// Name of the payee as it is said.
fn payee(rec: &Rec) -> String {
    let name = rec.text("STANDARDIZED_PAYEE");
    if name.is_empty() { rec.text("ORIGINAL_PAYEE") } else { name }
}

fn by_category(turn: &Turn<'_>, rows: &[Rec]) -> Result<Vec<(i64, String)>, Stop> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for rec in rows {
        if let Some(amount) = rec.cents("AMOUNT").filter(|a| *a < 0) {
            *sums.entry(rec.text("CATEGORY_KEY")).or_default() -= amount;
        }
    }
    let mut out = Vec::new();
    for (key, sum) in sums {
        let name = turn.name_of("CATEGORY", &key)?;
        out.push((sum, if name.is_empty() { "without a category".into() } else { say::lower_first(&name) }));
    }
    out.sort_by(|a, b| b.cmp(a));
    Ok(out)
}

pub(super) fn biggest(turn: &Turn<'_>) -> Answer {
    turn.who()?;
    let filter = filter(turn)?;
    let (when, _) = period(turn);
    let rows = transactions(turn, &filter, when.from, when.to)?;
    let by_kind = turn.said_any(&["category", "categories", "on", "where"])
        && turn.said_any(&["most", "category", "categories"])
        && filter.categories.is_none();
    if by_kind {
        let sums = by_category(turn, &rows)?;
        let Some((sum, name)) = sums.first() else {
            return Ok(Said::nothing(format!("I have no spending recorded {}.", when.said)));
        };
        let then: Vec<String> =
            sums.iter().skip(1).take(2).map(|(s, n)| format!("{n} with {}", say::money(*s))).collect();
        let then = if then.is_empty() { String::new() } else { format!(", then {}", say::list(&then, 3)) };
        return Ok(Said::answered(format!(
            "You spent the most on {name} {}: {}{then}.",
            when.said,
            say::money(*sum)
        )));
    }
    let Some(rec) =
        rows.iter().filter(|r| r.cents("AMOUNT").is_some_and(|a| a < 0)).min_by_key(|r| r.cents("AMOUNT"))
    else {
        return Ok(Said::nothing(format!("I have no spending{} recorded {}.", filter.said, when.said)));
    };
    Ok(Said::answered(format!("Your biggest expense{} {} was {}.", filter.said, when.said, line(turn, rec))))
}

/// "$84.20 at Harvest Foods on Friday, November 20th"
fn line(turn: &Turn<'_>, rec: &Rec) -> String {
    let day = rec.int("TRANS_DATE").map(|d| say::on_day(d, turn.today())).unwrap_or_default();
    let amount = rec.cents("AMOUNT").unwrap_or(0);
    let word = if amount < 0 { "at" } else { "from" };
    format!("{} {word} {} {day}", say::money(amount), payee(rec))
}

pub(super) fn breakdown(turn: &Turn<'_>) -> Answer {
    turn.who()?;
    let filter = filter(turn)?;
    let (when, _) = period(turn);
    let rows = transactions(turn, &filter, when.from, when.to)?;
    let sums = by_category(turn, &rows)?;
    if sums.is_empty() {
        return Ok(Said::nothing(format!("I have no spending recorded {}.", when.said)));
    }
    let items: Vec<String> = sums.iter().map(|(sum, name)| format!("{name} {}", say::money(*sum))).collect();
    Ok(Said::answered(format!(
        "You spent {} {}: {}.",
        say::money(spent(&rows)),
        when.said,
        say::list(&items, 6)
    )))
}

pub(super) fn list(turn: &Turn<'_>) -> Answer {
    turn.who()?;
    let filter = filter(turn)?;
    let when = turn.when_towards(Direction::Past);
    let rows =
        transactions(turn, &filter, when.as_ref().and_then(|w| w.from), when.as_ref().and_then(|w| w.to))?;
    let out: Vec<&Rec> = rows.iter().rev().filter(|r| r.cents("AMOUNT").is_some_and(|a| a < 0)).collect();
    let said_when = when.as_ref().map_or(String::new(), |w| format!(" {}", w.said));
    let Some(last) = out.first() else {
        if filter.text.is_some() {
            return Ok(nothing_at_all(&filter));
        }
        return Ok(Said::nothing(format!("I have no purchases{} recorded{said_when}.", filter.said)));
    };
    if turn.said_any(&["when"]) || (turn.said_any(&["time"]) && turn.said_any(&["last"])) {
        let day = last.int("TRANS_DATE").unwrap_or(0);
        let ago =
            if turn.today() - day > 1 { format!(", {}", ago(day, turn.today())) } else { String::new() };
        return Ok(Said::answered(format!(
            "The last time was {}{ago}: {}.",
            say::on_day(day, turn.today()),
            amount_at(last)
        )));
    }
    if turn.said_any(&["many"]) {
        return Ok(Said::answered(format!(
            "{}{}{said_when}.",
            say::capital(&say::counted(out.len(), "purchase")),
            filter.said
        )));
    }
    let items: Vec<String> =
        out.iter().take(if when.is_some() { out.len() } else { 5 }).map(|r| line(turn, r)).collect();
    let lead = match &when {
        Some(_) => format!("You made {}{}{said_when}", say::counted(out.len(), "purchase"), filter.said),
        None => {
            format!("Your latest {}{}", if items.len() == 1 { "purchase" } else { "purchases" }, filter.said)
        }
    };
    Ok(Said::answered(format!("{lead}: {}.", say::list(&items, 6))))
}

fn amount_at(rec: &Rec) -> String {
    format!("{} at {}", say::money(rec.cents("AMOUNT").unwrap_or(0)), payee(rec))
}

pub(super) fn income(turn: &Turn<'_>) -> Answer {
    turn.who()?;
    let filter = Filter { categories: None, payee: None, text: None, said: String::new() };
    let mut when = turn.when_towards(Direction::Past);
    let latest = turn.said_any(&["when", "latest", "last"]) && when.is_none() || turn.said_any(&["next"]);
    if when.is_none() && !latest {
        when = Some(period(turn).0);
    }
    let rows =
        transactions(turn, &filter, when.as_ref().and_then(|w| w.from), when.as_ref().and_then(|w| w.to))?;
    let mut incoming: Vec<&Rec> = rows.iter().filter(|r| r.cents("AMOUNT").is_some_and(|a| a > 0)).collect();
    if let Some(slot) = turn.slot(Kind::Person) {
        let person = turn.one(Kind::Person, slot)?;
        let first = person.shown.split(' ').next().unwrap_or_default().to_lowercase();
        incoming.retain(|r| r.text("MEMO").to_lowercase().contains(&first));
    }
    let said_when = when.as_ref().map_or(String::new(), |w| format!(" {}", w.said));
    let Some(last) = incoming.last() else {
        return Ok(Said::nothing(format!("I have no income recorded{said_when}.")));
    };
    if latest {
        let next = if turn.said_any(&["next"]) { "The next is not recorded; the" } else { "The" };
        return Ok(Said::answered(format!("{next} latest income was {}.", line(turn, last))));
    }
    let sum: i64 = incoming.iter().filter_map(|r| r.cents("AMOUNT")).sum();
    Ok(Said::answered(format!(
        "The recorded income{said_when} is {}, in {}.",
        say::money(sum),
        say::counted(incoming.len(), "payment")
    )))
}
