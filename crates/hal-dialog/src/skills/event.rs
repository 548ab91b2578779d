//! The calendar: EVENT, and what is medical that day, so that "what is on tomorrow" leaves nothing out.

use crate::records::{Fault, Rec};
use crate::say;
use crate::turn::{Answer, Said, Turn};
use crate::understand::names::Kind;
use crate::understand::when::{Direction, When};

/// Something at a time, from whichever file.
struct Entry {
    day: i64,
    second: Option<u32>,
    title: String,
    place: String,
}

fn events(turn: &Turn<'_>) -> Result<Vec<Rec>, Fault> {
    let mut rows = turn.records.select("SSELECT EVENT BY START_DATE", &|_| None)?;
    rows.retain(|r| !r.is("STATUS", "cancelled"));
    Ok(rows)
}

fn entry(rec: &Rec) -> Option<Entry> {
    Some(Entry {
        day: rec.int("START_DATE")?,
        second: rec.time("START_TIME"),
        title: rec.text("TITLE"),
        place: rec.text("LOCATION"),
    })
}

fn at(turn: &Turn<'_>, entry: &Entry, with_day: bool) -> String {
    let mut out = entry.title.clone();
    if with_day {
        out.push_str(&format!(" {}", say::on_day(entry.day, turn.today())));
    }
    if let Some(second) = entry.second {
        out.push_str(&format!(" at {}", say::time(second)));
    }
    if !entry.place.is_empty() && entry.place != "Home" {
        out.push_str(&format!(" at {}", entry.place));
    }
    out
}

pub(super) fn list(turn: &Turn<'_>) -> Answer {
    let who = turn.who()?;
    let today = turn.today();
    let when = turn.when_towards(Direction::Future).unwrap_or(When {
        from: Some(today),
        to: Some(if turn.said_any(&["week"]) { today + 6 } else { today + 13 }),
        part: None,
        said: String::new(),
    });
    let mut entries: Vec<Entry> = events(turn)?
        .iter()
        .filter(|r| {
            r.values("ATTENDEES").contains(&who.id)
                || r.is("ORGANIZER_ID", &who.id)
                || r.values("ATTENDEES").is_empty()
        })
        .filter_map(entry)
        .collect();
    let sentence = "SELECT APPOINTMENT WITH PERSON_ID = \"{person}\"";
    let appointments = turn.records.may_read("APPOINTMENT");
    if appointments && turn.patient().is_ok() && !turn.said_any(&["meeting", "meetings", "party", "parties"])
    {
        for rec in turn.records.select(sentence, &|name| (name == "person").then(|| who.id.clone()))? {
            if matches!(rec.text("STATUS").as_str(), "cancelled" | "no-show") {
                continue;
            }
            let doctor = turn.name_of("DOCTOR", &rec.text("DOCTOR_ID"))?;
            entries.extend(rec.int("APPOINTMENT_DATE").map(|day| Entry {
                day,
                second: rec.time("APPOINTMENT_TIME"),
                title: format!("appointment with {doctor}"),
                place: String::new(),
            }));
        }
    }
    entries.retain(|e| {
        when.contains(e.day)
            && when.part.is_none_or(|(from, to)| e.second.is_some_and(|s| s >= from && s <= to))
    });
    entries.sort_by_key(|e| (e.day, e.second));
    let said = if when.said.is_empty() { "coming up".to_string() } else { when.said.clone() };
    let free = turn.said_any(&["free", "available"]);
    if entries.is_empty() {
        let text = match (free, turn.said_any(&["busy"])) {
            (true, _) => format!("Yes, I have nothing recorded for {} {said}.", who.get("you")),
            (_, true) => format!("No, I have nothing recorded for {} {said}.", who.get("you")),
            _ => format!("{} {} nothing on the calendar {said}.", who.get("You"), who.get("have")),
        };
        return Ok(Said::nothing(text));
    }
    let one_day = when.single().is_some();
    let items: Vec<String> = entries.iter().map(|e| at(turn, e, !one_day)).collect();
    let lead = if free { "Not entirely: " } else { "" };
    let you = if free { who.get("you") } else { who.get("You") };
    Ok(Said::answered(format!(
        "{lead}{you} {} {} {said}: {}.",
        who.get("have"),
        say::counted(entries.len(), "thing"),
        say::list(&items, 8)
    )))
}

/// One event by words of its title, or by who is there.
pub(super) fn find(turn: &Turn<'_>) -> Answer {
    turn.who()?;
    let today = turn.today();
    // A cancelled one is found too, and said to be: silence would send somebody there.
    let rows = turn.records.select("SSELECT EVENT BY START_DATE", &|_| None)?;
    let when = turn.when_towards(Direction::Future);
    let people: Vec<String> = turn
        .slot(Kind::Person)
        .map_or_else(Vec::new, |s| s.entities.iter().map(|e| e.shown.to_lowercase()).collect());
    let words: Vec<&str> = turn
        .tokens
        .iter()
        .map(|t| t.text.as_str())
        .filter(|w| !crate::understand::matcher::is_function_word(w) && w.len() > 2)
        .filter(|w| {
            !matches!(
                *w,
                "next" | "start" | "starts" | "held" | "coming" | "time" | "date" | "attending" | "end"
            )
        })
        .filter(|w| !people.iter().any(|p| p.split(' ').any(|part| part == *w)))
        .filter(|w| turn.slot(Kind::When).is_none_or(|s| !s.text.split(' ').any(|part| part == *w)))
        .collect();
    let mut scored: Vec<(usize, &Rec)> = rows
        .iter()
        .filter(|r| r.int("START_DATE").is_some_and(|d| when.as_ref().map_or(d >= today, |w| w.contains(d))))
        .map(|r| {
            let title: Vec<String> = crate::understand::normalise::tokens(&format!(
                "{} {}",
                r.text("TITLE"),
                r.text("DESCRIPTION")
            ))
            .into_iter()
            .map(|t| t.text)
            .collect();
            let in_title = words.iter().filter(|w| title.iter().any(|t| t == *w)).count();
            let named = people
                .iter()
                .filter(|p| p.split(' ').next().is_some_and(|first| title.iter().any(|t| t == first)))
                .count();
            // Every word must fit: the block party is not just any party.
            (if in_title == words.len() { in_title * 2 + named } else { 0 }, r)
        })
        .filter(|(score, _)| *score > 0)
        .collect();
    scored.sort_by_key(|(score, r)| (std::cmp::Reverse(*score), r.int("START_DATE")));
    let Some((_, rec)) = scored.first() else {
        let said = when.map_or(String::new(), |w| format!(" {}", w.said));
        return Ok(Said::nothing(format!("I have no such event recorded{said}.")));
    };
    let Some(entry) = entry(rec) else {
        return Ok(Said::nothing("I have that event recorded without a date."));
    };
    if rec.is("STATUS", "cancelled") {
        let day = say::on_day(entry.day, today);
        return Ok(Said::answered(format!("{} {day} is recorded as cancelled.", entry.title)));
    }
    let mut text = format!("{} is {}", entry.title, say::on_day(entry.day, today));
    if let Some(second) = entry.second {
        text.push_str(&format!(" at {}", say::time(second)));
    }
    if !entry.place.is_empty() {
        text.push_str(&format!(", at {}", entry.place));
    }
    if turn.said_any(&["who", "attending"]) {
        let mut names = Vec::new();
        for id in rec.values("ATTENDEES") {
            let name = turn.name_of("PERSON", &id)?;
            if Some(&id) != turn.user.person.as_ref() && !name.is_empty() {
                names.push(name);
            }
        }
        if !names.is_empty() {
            text.push_str(&format!(", with {}", say::list(&names, 8)));
        }
    }
    Ok(Said::answered(format!("{text}.")))
}
