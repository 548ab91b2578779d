//! Tasks, reminders and bills of TASK. Bills are tasks in the context `bills`; the shopping list is not read here.

use hal_db::Record;

use crate::records::{Fault, Rec};
use crate::say;
use crate::turn::{Answer, Pending, Said, Stop, Turn};
use crate::understand::daytime::{self, Daytime};
use crate::understand::names::Kind;
use crate::understand::when::{Direction, When};
use crate::write::Change;

/// Open tasks of a person in order of their due date; those without one last.
fn open(turn: &Turn<'_>, person: &str) -> Result<Vec<Rec>, Fault> {
    let mut rows = turn.records.select("SSELECT TASK BY DUE_DATE", &|_| None)?;
    rows.retain(|r| {
        matches!(r.text("STATUS").to_lowercase().as_str(), "pending" | "active")
            && !r.is("CONTEXT", "shopping")
            && (r.is("ASSIGNED_TO", person) || r.text("ASSIGNED_TO").is_empty())
    });
    rows.sort_by_key(|r| (r.int("DUE_DATE").unwrap_or(i64::MAX), r.time("DUE_TIME").unwrap_or(86_400)));
    Ok(rows)
}

/// "call the plumber (due today)"
fn described(turn: &Turn<'_>, rec: &Rec) -> String {
    let title = say::lower_first(&rec.text("TITLE"));
    let time = rec.time("DUE_TIME").map(|t| format!(" at {}", say::time(t))).unwrap_or_default();
    match rec.int("DUE_DATE") {
        Some(day) if day < turn.today() => format!("{title} (overdue since {})", say::day(day, turn.today())),
        Some(day) => format!("{title} ({}{time})", say::day(day, turn.today())),
        None => title,
    }
}

pub(super) fn list(turn: &Turn<'_>) -> Answer {
    let who = turn.who()?;
    let today = turn.today();
    let mut rows = open(turn, &who.id)?;
    let when = turn.when();
    let overdue = turn.said_any(&["overdue", "late", "past"]);
    let urgent = turn.said_any(&["urgent", "high", "important", "priority", "top"]);
    let mut kind = String::new();
    if overdue {
        rows.retain(|r| r.int("DUE_DATE").is_some_and(|d| d < today));
        kind.push_str("overdue ");
    } else if let Some(when) = &when {
        // What is late is still to be done today.
        let covers_today = when.contains(today);
        rows.retain(|r| r.int("DUE_DATE").is_some_and(|d| when.contains(d) || (covers_today && d < today)));
    }
    if urgent {
        rows.retain(|r| r.is("PRIORITY", "high") || r.is("PRIORITY", "urgent"));
        kind.push_str("high-priority ");
    }
    let said_when = when
        .filter(|_| !overdue)
        .map_or(String::new(), |w| format!(" due {}", w.said.trim_start_matches("for ")));
    if rows.is_empty() {
        return Ok(Said::nothing(format!(
            "{} {} no {kind}tasks{said_when} recorded.",
            who.get("You"),
            who.get("have")
        )));
    }
    let items: Vec<String> = rows.iter().map(|r| described(turn, r)).collect();
    Ok(Said::answered(format!(
        "{} {} {}{said_when}: {}.",
        who.get("You"),
        who.get("have"),
        say::counted(rows.len(), &format!("{kind}task")),
        say::list(&items, 8)
    )))
}

pub(super) fn reminders(turn: &Turn<'_>) -> Answer {
    let who = turn.who()?;
    let mut rows = open(turn, &who.id)?;
    rows.retain(|r| r.is("TASK_TYPE", "reminder"));
    let when = turn.when();
    if let Some(when) = &when {
        rows.retain(|r| r.int("DUE_DATE").is_some_and(|d| when.contains(d)));
    }
    let said_when = when.as_ref().map_or(String::new(), |w| format!(" {}", w.said));
    if rows.is_empty() {
        return Ok(Said::nothing(format!(
            "{} {} no reminders{said_when} recorded.",
            who.get("You"),
            who.get("have")
        )));
    }
    let items: Vec<String> = rows.iter().map(|r| described(turn, r)).collect();
    Ok(Said::answered(format!(
        "{} {} {}{said_when}: {}.",
        who.get("You"),
        who.get("have"),
        say::counted(rows.len(), "reminder"),
        say::list(&items, 8)
    )))
}

/// When bills are due: one that was named, or all that are open.
pub(super) fn bill_due(turn: &Turn<'_>) -> Answer {
    let who = turn.who()?;
    let mut rows = open(turn, &who.id)?;
    rows.retain(|r| r.is("CONTEXT", "bills") || r.text("TITLE").to_lowercase().contains(" bill"));
    let mut words: Vec<String> = Vec::new();
    let mut named = String::new();
    if let Some(slot) = turn.slot(Kind::Category).or(turn.slot(Kind::Text)).or(turn.slot(Kind::Payee)) {
        named = slot.text.trim_end_matches(" bill").trim_end_matches(" bills").to_string();
        words.push(named.clone());
        // "Electricity" is the category, "electric" stands in the title.
        words.extend(slot.entities.iter().map(|e| e.shown.to_lowercase()));
        words.retain(|w| !w.is_empty());
    }
    if turn.said_any(&["credit"]) {
        named = "credit card".into();
        words = vec![named.clone()];
    }
    let fits = |r: &Rec| {
        let about = format!("{} {}", r.text("TITLE"), r.text("NOTES")).to_lowercase();
        words.iter().any(|w| {
            let stem: String = w.chars().take(w.chars().count().min(7)).collect();
            about.contains(w.as_str()) || (stem.len() >= 5 && about.contains(&stem))
        })
    };
    if !words.is_empty() {
        rows.retain(&fits);
    }
    if turn.said_any(&["overdue", "late"]) {
        rows.retain(|r| r.int("DUE_DATE").is_some_and(|d| d < turn.today()));
    }
    let when = turn.when();
    if let Some(when) = &when {
        let covers_today = when.contains(turn.today());
        rows.retain(|r| {
            r.int("DUE_DATE").is_some_and(|d| when.contains(d) || (covers_today && d < turn.today()))
        });
    }
    let said_when = when.as_ref().map_or(String::new(), |w| format!(" {}", w.said));
    if rows.is_empty() && !words.is_empty() && when.is_none() {
        let sentence = "SELECT TASK WITH ASSIGNED_TO = \"{person}\" AND WITH STATUS = \"completed\" AND WITH CONTEXT = \"bills\" BY.DSND COMPLETED_DATE";
        let paid = turn.records.select(sentence, &|name| (name == "person").then(|| who.id.clone()))?;
        if let Some(rec) = paid.iter().find(|r| fits(r)) {
            let bill = bill_name(rec);
            let day = rec
                .int("COMPLETED_DATE")
                .map_or(String::new(), |d| format!(" {}", say::on_day(d, turn.today())));
            return Ok(Said::answered(format!("No {named} bill is open; the {bill} was paid{day}.")));
        }
    }
    if rows.is_empty() {
        let what = if named.is_empty() { "open bills".into() } else { format!("open {named} bill") };
        return Ok(Said::nothing(format!("I have no {what}{said_when} recorded.")));
    }
    if let ([one], false) = (&rows[..], named.is_empty()) {
        let bill = bill_name(one);
        let day = one.int("DUE_DATE").map_or("without a date".into(), |d| say::on_day(d, turn.today()));
        return Ok(Said::answered(format!("The {bill} is due {day}.")));
    }
    let items: Vec<String> = rows
        .iter()
        .map(|r| {
            let title = r.text("TITLE").to_lowercase().trim_start_matches("pay the ").to_string();
            let day =
                r.int("DUE_DATE").map_or(String::new(), |d| format!(" {}", say::on_day(d, turn.today())));
            format!("{title}{day}")
        })
        .collect();
    Ok(Said::answered(format!(
        "{} due{said_when}: {}.",
        say::capital(&say::counted(rows.len(), "bill")),
        say::list(&items, 8)
    )))
}

/// "electric bill" of the task "Pay the electric bill".
fn bill_name(task: &Rec) -> String {
    let title = task.text("TITLE").to_lowercase();
    title.trim_start_matches("pay the ").trim_start_matches("pay ").to_owned()
}

/// A new record of TASK that belongs to the user. `fields` by name, in internal form.
pub(super) fn new_task(turn: &Turn<'_>, n: usize, fields: &[(&str, String)]) -> Result<Change, Stop> {
    let dictionary = turn.records.dictionary("TASK")?;
    let owner = turn.user.person.clone().unwrap_or_default();
    let today = turn.today().to_string();
    let base = [
        ("STATUS", "pending".to_string()),
        ("PRIORITY", "medium".to_string()),
        ("ASSIGNED_TO", owner.clone()),
        ("CREATED_BY", owner),
        ("CREATED_DATE", today.clone()),
        ("UPDATED_DATE", today),
    ];
    let mut record = Record::new();
    for (name, value) in base.iter().map(|(n, v)| (*n, v)).chain(fields.iter().map(|(n, v)| (*n, v))) {
        if let Some(item) = dictionary.data(name) {
            // A mark character in what was said would become structure.
            let clean: String = value.chars().filter(|c| !c.is_control()).collect();
            record.set_field(item.field, clean.trim());
        }
    }
    Ok(Change { file: "TASK".into(), id: turn.new_id("TSK", n), before: None, after: Some(record) })
}

/// The same record with some fields changed.
pub(super) fn changed(turn: &Turn<'_>, rec: &Rec, fields: &[(&str, String)]) -> Change {
    let mut record = rec.record.clone();
    let today = ("UPDATED_DATE", turn.today().to_string());
    for (name, value) in fields.iter().chain([&today]) {
        if let Some(number) = rec.place(name) {
            record.set_field(number, value);
        }
    }
    Change { file: "TASK".into(), id: rec.id.clone(), before: Some(rec.record.clone()), after: Some(record) }
}

fn spoken_title(turn: &Turn<'_>) -> String {
    let text = turn.slot(Kind::Text).map_or("", |s| s.text.as_str());
    // "remind me to call my mom": the list says "Call mom" to its owner.
    let text = text.trim().trim_start_matches("to ");
    say::capital(if text.is_empty() { "wake up" } else { text })
}

pub(super) fn add(turn: &Turn<'_>) -> Answer {
    let title = spoken_title(turn);
    let due = turn.when();
    let mut fields = vec![("TITLE", title.clone()), ("TASK_TYPE", "todo".to_string())];
    let mut when = String::new();
    if let Some(day) = due.and_then(|w| w.from) {
        fields.push(("DUE_DATE", day.to_string()));
        when = format!(", due {}", say::on_day(day, turn.today()));
    }
    let change = new_task(turn, 0, &fields)?;
    let pending = Pending::Write {
        changes: vec![change],
        done: format!("I added the task “{title}”{when}."),
        undone: format!("I removed the task “{title}” again."),
    };
    Ok(Said::asked(format!("Shall I add the task “{title}”{when}?"), pending))
}

/// The open task whose title has the words; stops by saying that there is none, or which there are.
fn by_title(turn: &Turn<'_>) -> Result<Rec, Stop> {
    let who = turn.who()?;
    let text = turn.slot(Kind::Text).map_or("", |s| s.text.as_str()).to_lowercase();
    let words: Vec<String> = crate::understand::normalise::tokens(&text)
        .into_iter()
        .map(|t| t.text)
        .filter(|w| !crate::understand::matcher::is_function_word(w) && w != "task" && w != "reminder")
        .collect();
    let rows = open(turn, &who.id)?;
    let mut scored: Vec<(usize, &Rec)> = rows
        .iter()
        .map(|r| {
            let title: Vec<String> =
                crate::understand::normalise::tokens(&r.text("TITLE")).into_iter().map(|t| t.text).collect();
            let hits = words.iter().filter(|w| title.iter().any(|t| t == *w || near(t, w))).count();
            (hits, r)
        })
        .filter(|(hits, _)| *hits > 0 && hits * 2 >= words.len())
        .collect();
    scored.sort_by_key(|(hits, _)| std::cmp::Reverse(*hits));
    match &scored[..] {
        [] => Err(Said::nothing(format!("I have no open task “{text}” recorded.")).into()),
        [(_, one)] => Ok((*one).clone()),
        [(best, one), (second, _), ..] if best > second => Ok((*one).clone()),
        _ => {
            let titles: Vec<String> =
                scored.iter().take(4).map(|(_, r)| format!("“{}”", r.text("TITLE"))).collect();
            Err(Said::nothing(format!(
                "More than one task fits: {}. Please say more of the title.",
                say::list(&titles, 4)
            ))
            .into())
        }
    }
}

/// "cleaning" and "clean", "tires" and "tire".
pub(super) fn near(a: &str, b: &str) -> bool {
    let stem = |w: &str| w.trim_end_matches("ing").trim_end_matches("ed").trim_end_matches('s').to_string();
    a.len() > 3 && b.len() > 3 && stem(a) == stem(b)
}

pub(super) fn complete(turn: &Turn<'_>) -> Answer {
    let rec = by_title(turn)?;
    let title = rec.text("TITLE");
    let change = changed(
        turn,
        &rec,
        &[
            ("STATUS", "completed".into()),
            ("COMPLETED_DATE", turn.today().to_string()),
            ("PROGRESS_PERCENT", "10000".into()),
        ],
    );
    let pending = Pending::Write {
        changes: vec![change],
        done: format!("I marked “{title}” as done."),
        undone: format!("“{title}” is open again."),
    };
    Ok(Said::asked(format!("Shall I mark “{title}” as done?"), pending))
}

pub(super) fn remove(turn: &Turn<'_>) -> Answer {
    let rec = by_title(turn)?;
    let title = rec.text("TITLE");
    let change = changed(turn, &rec, &[("STATUS", "cancelled".into())]);
    let noun = if rec.is("TASK_TYPE", "reminder") { "reminder" } else { "task" };
    let pending = Pending::Write {
        changes: vec![change],
        done: format!("I removed the {noun} “{title}”."),
        undone: format!("The {noun} “{title}” is back."),
    };
    Ok(Said::asked(format!("Shall I remove the {noun} “{title}”?"), pending))
}

/// Day and second a reminder is for.
fn moment(turn: &Turn<'_>, when: Option<&When>) -> (i64, Option<u32>) {
    let time: Option<Daytime> = turn.slot(Kind::Time).and_then(|s| daytime::read(&s.text));
    let day = when.and_then(|w| w.from);
    let part = when.and_then(|w| w.part).map(|(from, _)| match from {
        0 => 9 * 3600,
        f if f < 15 * 3600 => 14 * 3600,
        _ => 19 * 3600,
    });
    match (time, day) {
        (Some(Daytime::Either(second)), Some(day))
            if when.is_some_and(|w| w.part.is_some_and(|(from, _)| from >= 43_200)) =>
        {
            (day, Some(second % 43_200 + 43_200))
        }
        (Some(time), Some(day)) => {
            let (second, _) = time.resolve(turn.now, day != turn.today());
            (day, Some(second))
        }
        (Some(time), None) => {
            let (second, days) = time.resolve(turn.now, false);
            (turn.today() + days, Some(second))
        }
        (None, Some(day)) => (day, part),
        (None, None) => (turn.today(), None),
    }
}

pub(super) fn remind(turn: &Turn<'_>) -> Answer {
    let title = spoken_title(turn);
    let when = turn.when_towards(Direction::Future);
    let (day, second) = moment(turn, when.as_ref());
    if day < turn.today() {
        return Ok(Said::nothing(format!(
            "{} is over; I can remind you only of what is ahead.",
            say::capital(&say::day(day, turn.today()))
        )));
    }
    let mut fields = vec![
        ("TITLE", title.clone()),
        ("TASK_TYPE", "reminder".to_string()),
        ("DUE_DATE", day.to_string()),
        ("REMINDER_TIME", "0".to_string()),
        ("REMINDER_SENT", "N".to_string()),
    ];
    let mut at = say::on_day(day, turn.today());
    if let Some(second) = second {
        fields.push(("DUE_TIME", second.to_string()));
        at = format!("{at} at {}", say::time(second));
    }
    let change = new_task(turn, 0, &fields)?;
    let to = you(&say::lower_first(&title));
    let about = if turn.said_any(&["about"]) && !turn.said_any(&["to"]) { "about" } else { "to" };
    let pending = Pending::Write {
        changes: vec![change],
        done: format!("I will remind you {at}: {to}."),
        undone: format!("I removed the reminder “{title}” again."),
    };
    Ok(Said::asked(format!("Shall I remind you {at} {about} {to}?"), pending))
}

/// "take my pills" as it is said back: "take your pills".
fn you(text: &str) -> String {
    let words: Vec<&str> = text
        .split(' ')
        .map(|w| match w {
            "my" => "your",
            "me" => "you",
            "our" => "your",
            other => other,
        })
        .collect();
    words.join(" ")
}
