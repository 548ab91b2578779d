//! The last resort: words that no skill understood are looked for in tasks, events and appointments, whose text is read out.

use crate::records::Rec;
use crate::say;
use crate::turn::{Answer, Said, Turn, Who};
use crate::understand::matcher::is_content_word;
use crate::understand::names::Kind;
use crate::understand::normalise::tokens;

/// Words that tell of any record and of none.
const GENERAL: &[&str] = &[
    "blood",
    "pressure",
    "sugar",
    "weight",
    "normal",
    "task",
    "reminder",
    "event",
    "appointment",
    "appointments",
    "calendar",
    "list",
    "finish",
    "ever",
    "happening",
    "cancelled",
    "confirmed",
    "canceled",
    "booked",
    "scheduled",
    "due",
    "guy",
    "man",
    "lady",
    "woman",
    "people",
    "person",
    "place",
    "miss",
    "missed",
    "meant",
    "today",
    "tomorrow",
    "week",
    "month",
    "year",
    "day",
    "date",
    "until",
    "by",
    "thing",
    "job",
    "done",
    "coming",
    "again",
    "next",
    "last",
    "start",
    "starts",
    "doctor",
    "school",
];

/// Most of what was said must be found; less would read out any record.
fn enough(hits: usize, asked: usize) -> bool {
    hits > 0 && hits * 3 >= asked * 2
}

/// What is looked for.
struct Asked {
    words: Vec<String>,
    /// Names of somebody who must be in the text as well; none when nobody needs to.
    person: Vec<String>,
}

struct Hit {
    share: usize,
    /// Open and ahead come before what is over.
    over: bool,
    day: i64,
    text: String,
}

pub(super) fn find(turn: &Turn<'_>) -> Answer {
    let asked = Asked { words: content(turn), person: Vec::new() };
    if asked.words.is_empty() {
        return Ok(Said::not_understood());
    }
    let Ok(who) = turn.who() else { return Ok(Said::not_understood()) };
    let me = Who::user(turn.user.person.as_deref().unwrap_or_default());
    let mut hits = Vec::new();
    events(turn, &asked, &mut hits)?;
    appointments(turn, &who, &asked, &mut hits)?;
    tasks(turn, &who, &asked, &mut hits)?;
    if !who.is_user {
        // "What was I to send to Beth": a task of one's own that names her.
        let named = Asked {
            person: vec![
                who.first_name.to_lowercase(),
                turn.slot(Kind::Person).map_or("", |s| s.text.as_str()).to_owned(),
            ],
            ..asked
        };
        tasks(turn, &me, &named, &mut hits)?;
    }
    let today = turn.today();
    hits.sort_by_key(|hit: &Hit| (std::cmp::Reverse(hit.share), hit.over, (hit.day - today).abs()));
    let first = hits.into_iter().next();
    Ok(first.map_or_else(Said::not_understood, |hit| Said::answered(hit.text)))
}

/// The words that say which record is meant.
fn content(turn: &Turn<'_>) -> Vec<String> {
    let person = turn.slot(Kind::Person).map_or("", |s| s.text.as_str());
    let when = turn.slot(Kind::When).map_or("", |s| s.text.as_str());
    let mut words: Vec<String> = turn
        .tokens
        .iter()
        .map(|t| t.text.clone())
        .filter(|w| {
            w.len() > 2
                && is_content_word(w)
                && !GENERAL.contains(&w.as_str())
                && !person.split(' ').chain(when.split(' ')).any(|said| said == w)
        })
        .collect();
    words.sort();
    words.dedup();
    words
}

/// How many of the words stand in the text, in percent; 0 when too few do. One word alone must stand in the title.
fn share(asked: &Asked, title: &str, more: &str) -> usize {
    let single = asked.words.len() == 1 && asked.person.is_empty();
    let there = tokens(&if single { title.to_owned() } else { format!("{title} {more}") });
    if !asked.person.is_empty() && !there.iter().any(|t| asked.person.contains(&t.text)) {
        return 0;
    }
    let stem = |word: &str| word.strip_suffix("es").unwrap_or(word).to_owned();
    let is = |word: &String| {
        there.iter().any(|t| {
            t.text == *word
                || super::task::near(&t.text, word)
                || stem(&t.text) == stem(word)
                || same(&t.text, word)
        })
    };
    let hits = asked.words.iter().filter(|word| is(word)).count();
    if enough(hits, asked.words.len()) { hits * 100 / asked.words.len() } else { 0 }
}

/// Two words for one deed.
fn same(a: &str, b: &str) -> bool {
    const SAME: [[&str; 2]; 5] =
        [["phone", "call"], ["ring", "call"], ["repair", "fix"], ["buy", "get"], ["post", "send"]];
    SAME.iter().any(|pair| pair.contains(&a) && pair.contains(&b))
}

fn on(day: Option<i64>, second: Option<u32>, today: i64) -> String {
    let day = day.map_or(String::new(), |day| format!(" {}", say::on_day(day, today)));
    let time = second.map_or(String::new(), |second| format!(" at {}", say::time(second)));
    format!("{day}{time}")
}

fn tasks(turn: &Turn<'_>, who: &Who, asked: &Asked, hits: &mut Vec<Hit>) -> Result<(), crate::turn::Stop> {
    if !turn.records.may_read("TASK") {
        return Ok(());
    }
    let sentence = "SELECT TASK WITH ASSIGNED_TO = \"{person}\" AND WITH CONTEXT # \"shopping\"";
    let today = turn.today();
    for rec in turn.records.select(sentence, &|name| (name == "person").then(|| who.id.clone()))? {
        let (title, due) = (rec.text("TITLE"), rec.int("DUE_DATE"));
        let share = share(asked, &title, &rec.text("NOTES"));
        if share == 0 {
            continue;
        }
        let when = on(due, rec.time("DUE_TIME"), today);
        let done = on(rec.int("COMPLETED_DATE"), None, today);
        let (over, text) = match rec.text("STATUS").as_str() {
            "completed" => (true, format!("“{title}” is recorded as done{done}.")),
            "cancelled" => (true, format!("“{title}” is recorded as cancelled.")),
            _ if due.is_some_and(|due| due < today) => {
                (false, format!("“{title}” is open; it was due{when}."))
            }
            _ if due.is_some() => (false, format!("“{title}” is due{when}.")),
            _ => (false, format!("“{title}” is open, without a date.")),
        };
        hits.push(Hit { share, over, day: due.unwrap_or(today), text });
    }
    Ok(())
}

fn events(turn: &Turn<'_>, asked: &Asked, hits: &mut Vec<Hit>) -> Result<(), crate::turn::Stop> {
    if !turn.records.may_read("EVENT") {
        return Ok(());
    }
    let today = turn.today();
    for rec in turn.records.all("EVENT")? {
        let (title, day) = (rec.text("TITLE"), rec.int("START_DATE"));
        let share = share(asked, &title, &rec.text("DESCRIPTION"));
        let Some(day) = day.filter(|_| share > 0) else { continue };
        let when = on(Some(day), rec.time("START_TIME"), today);
        let place = rec.text("LOCATION");
        let place = if place.is_empty() { place } else { format!(", at {place}") };
        let is = if day < today { "was" } else { "is" };
        let text = match rec.text("STATUS").as_str() {
            "cancelled" => format!("{title}{when} is recorded as cancelled."),
            _ => format!("{title} {is}{when}{place}."),
        };
        hits.push(Hit { share, over: day < today, day, text });
    }
    Ok(())
}

fn appointments(
    turn: &Turn<'_>,
    who: &Who,
    asked: &Asked,
    hits: &mut Vec<Hit>,
) -> Result<(), crate::turn::Stop> {
    if !turn.records.may_read("APPOINTMENT") || turn.patient().is_err() {
        return Ok(());
    }
    let today = turn.today();
    let sentence = "SELECT APPOINTMENT WITH PERSON_ID = \"{person}\"";
    let rows: Vec<Rec> = turn.records.select(sentence, &|name| (name == "person").then(|| who.id.clone()))?;
    for rec in rows {
        let share = share(asked, &rec.text("REASON"), &rec.text("VISIT_SUMMARY"));
        if share == 0 {
            continue;
        }
        let (day, _) = super::appointment::moment_of(&rec);
        let is_past = super::appointment::moment_of(&rec) < (today, turn.now.second);
        let described = super::appointment::described(turn, &rec, true)?;
        let your = who.get("Your");
        let summary = rec.text("VISIT_SUMMARY");
        let summary = if summary.is_empty() {
            summary
        } else {
            format!(" The summary says: {}.", summary.trim_end_matches('.'))
        };
        let text = match rec.text("STATUS").as_str() {
            status @ ("cancelled" | "no-show") => {
                let status = if status == "no-show" { "missed" } else { status };
                format!("{your} appointment {described}, is recorded as {status}.")
            }
            _ if is_past => format!("{your} visit was {described}.{summary}"),
            status => format!("{your} appointment is {described}; it is {status}."),
        };
        hits.push(Hit { share, over: is_past, day, text });
    }
    Ok(())
}
