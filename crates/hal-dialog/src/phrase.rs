//! Answers of data skills: `{FIELD|filter}`, `[left out when something in it is empty]`, words that fit the person.

use crate::records::{Fault, Rec};
use crate::say;
use crate::skill::Say;
use crate::turn::{Answer, Said, Slots, Turn, Who};
use crate::understand::names::Kind;
use crate::understand::when::Direction;

/// Answers an ask that consists of a query and words.
pub(crate) fn answer(turn: &Turn<'_>, query: Option<&str>, words: &Say) -> Answer {
    let Some(query) = query else {
        if let Some(none) = &words.none {
            return Ok(Said::nothing(fill(turn, none, None, None, &[])?));
        }
        return Ok(Said::answered(fill(turn, words.text.as_deref().unwrap_or_default(), None, None, &[])?));
    };
    let who = if query.contains("{person}") { Some(turn.patient()?) } else { None };
    let mut about = Slots::new();
    let mut params: Vec<(&str, String)> = vec![("today", crate::understand::calendar::iso(turn.today()))];
    if let Some(who) = &who {
        params.push(("person", who.id.clone()));
        if let Some(drug) = turn.drug(who)? {
            params.push(("drug", drug.id.clone()));
        }
    }
    let names: [(Kind, &'static str); 7] = [
        (Kind::Doctor, "doctor"),
        (Kind::Pharmacy, "pharmacy"),
        (Kind::Allergen, "allergen"),
        (Kind::Condition, "condition"),
        (Kind::Vaccine, "vaccine"),
        (Kind::Category, "category"),
        (Kind::Payee, "payee"),
    ];
    for (kind, name) in names {
        if query.contains(&format!("{{{name}}}"))
            && let Some(entity) = turn.named(kind)?
        {
            params.push((name, entity.id));
        }
    }
    if let Some(when) = turn.when() {
        let iso = crate::understand::calendar::iso;
        params.extend(when.from.map(|day| ("from", iso(day))));
        params.extend(when.to.map(|day| ("to", iso(day))));
    }
    let param = |name: &str| params.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
    let sentence = optional(query, &|inner| !names_in(inner).iter().any(|name| param(name).is_none()));
    let rows = turn.records.select(&sentence, &param)?;
    let who_ref = who.as_ref();
    let text = match rows.len() {
        0 => fill(
            turn,
            words.none.as_deref().unwrap_or("I have nothing recorded about that."),
            who_ref,
            None,
            &rows,
        )?,
        1 => fill(
            turn,
            words.one.as_deref().or(words.many.as_deref()).unwrap_or("{items}."),
            who_ref,
            Some(words),
            &rows,
        )?,
        _ => fill(
            turn,
            words.many.as_deref().or(words.one.as_deref()).unwrap_or("{items}."),
            who_ref,
            Some(words),
            &rows,
        )?,
    };
    if rows.is_empty() {
        return Ok(Said::nothing(text));
    }
    let mut said = Said::answered(text);
    if let [row] = &rows[..]
        && !row.text("MEDICATION_NAME").is_empty()
    {
        said = said.about(
            Kind::Drug,
            &row.text("MEDICATION_NAME"),
            &say::lower_first(&row.text("MEDICATION_NAME")),
        );
    }
    about.append(&mut said.topic);
    Ok(Said { topic: about, ..said })
}

/// Parameter names in a piece of a query.
fn names_in(text: &str) -> Vec<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
}

/// Keeps or drops each `[…]`, innermost text only: queries and answers nest no brackets.
fn optional(text: &str, keep: &dyn Fn(&str) -> bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let Some((inner, tail)) = after.split_once(']') else {
            out.push('[');
            rest = after;
            continue;
        };
        if keep(inner) {
            out.push_str(inner);
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Fills one answer. `rows` are what was found; the fields of the first may be named directly.
pub(crate) fn fill(
    turn: &Turn<'_>,
    template: &str,
    who: Option<&Who>,
    words: Option<&Say>,
    rows: &[Rec],
) -> Result<String, Fault> {
    let mut fault = None;
    let mut value = |expression: &str| -> String {
        let (name, filter) =
            expression.split_once('|').map_or((expression, ""), |(n, f)| (n.trim(), f.trim()));
        let result = match name {
            "items" => items(turn, who, words, rows),
            "count" if filter.is_empty() => Ok(say::count(rows.len())),
            "count" => return say::counted(rows.len(), filter),
            _ => one_value(turn, name, filter, who, rows.first()),
        };
        result.unwrap_or_else(|f| {
            fault = Some(f);
            String::new()
        })
    };
    let mut values: Vec<(String, String)> = Vec::new();
    for name in names_in(template) {
        if !values.iter().any(|(n, _)| n == name) {
            values.push((name.to_string(), value(name)));
        }
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    let get = |name: &str| values.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
    let kept = optional(template, &|inner| names_in(inner).iter().all(|name| !get(name).is_empty()));
    let mut out = String::new();
    let mut rest = kept.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(get(name));
        rest = tail;
    }
    out.push_str(rest);
    Ok(tidy(&out))
}

/// No doubled blanks, no blank before a full stop, no two full stops where a field ended with its own.
fn tidy(text: &str) -> String {
    let mut out: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (from, to) in [(" .", "."), (" ,", ","), ("..", "."), (" ;", ";")] {
        out = out.replace(from, to);
    }
    out
}

fn items(turn: &Turn<'_>, who: Option<&Who>, words: Option<&Say>, rows: &[Rec]) -> Result<String, Fault> {
    let template = words.and_then(|w| w.item.as_deref()).unwrap_or("{ID}");
    let limit = words.and_then(|w| w.limit).unwrap_or(say::LIST_MAX);
    let items = rows
        .iter()
        .map(|row| fill(turn, template, who, None, std::slice::from_ref(row)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(say::list(&items, limit))
}

fn one_value(
    turn: &Turn<'_>,
    name: &str,
    filter: &str,
    who: Option<&Who>,
    row: Option<&Rec>,
) -> Result<String, Fault> {
    if let Some(word) = who.and_then(|w| w.word(name)) {
        return Ok(word);
    }
    if name == "when" {
        return Ok(turn.when().map(|w| w.said).unwrap_or_default());
    }
    if name == "when_ahead" {
        return Ok(turn.when_towards(Direction::Future).map(|w| w.said).unwrap_or_default());
    }
    // "Blood pressure pill" names several drugs; the one of the record is meant.
    if let ("drug", Some(row)) = (name, row)
        && !row.text("MEDICATION_NAME").is_empty()
    {
        return Ok(apply(filter, &say::lower_first(&row.text("MEDICATION_NAME"))));
    }
    if let Some(slot) = Kind::from_name(name).and_then(|kind| turn.slot(kind)) {
        let shown = match slot.entities.iter().filter(|e| !e.id.is_empty()).collect::<Vec<_>>()[..] {
            [one] => one.shown.as_str(),
            _ => slot.text.as_str(),
        };
        return Ok(apply(filter, shown));
    }
    let Some(row) = row else { return Ok(String::new()) };
    let text = row.text(name);
    let today = turn.today();
    Ok(match filter {
        "doctor" => turn.name_of("DOCTOR", &text)?,
        "pharmacy" => turn.name_of("PHARMACY", &text)?,
        "facility" => turn.name_of("HEALTHCARE_FACILITY", &text)?,
        "person" => turn.name_of("PERSON", &text)?,
        "date" => row.int(name).map(|d| say::plain_date(d, today)).unwrap_or_default(),
        "day" => row.int(name).map(|d| say::on_day(d, today)).unwrap_or_default(),
        "time" => row.time(name).map(say::time).unwrap_or_default(),
        "money" => row.cents(name).map(say::money).unwrap_or_default(),
        "ago" => row.int(name).map(|d| ago(d, today)).unwrap_or_default(),
        "inactive" if text == "active" => String::new(),
        "inactive" | "state" => text,
        "effects" => noted(&row.values(name), "side effect"),
        "interactions" => noted(&row.values(name), "interaction"),
        "list" => say::list(
            &row.values(name).iter().map(|v| say::lower_first(v)).collect::<Vec<_>>(),
            say::LIST_MAX,
        ),
        _ => apply(filter, &text),
    })
}

/// "No side effects are", "One side effect, dry cough, is".
fn noted(values: &[String], noun: &str) -> String {
    let shown: Vec<String> = values.iter().map(|v| say::lower_first(v)).collect();
    match shown.len() {
        0 => format!("No {} are", say::plural(noun)),
        1 => format!("One {noun}, {}, is", shown[0]),
        n => format!("{}, {}, are", say::capital(&say::counted(n, noun)), say::list(&shown, say::LIST_MAX)),
    }
}

/// "two years ago", "three months ago", "five days ago".
pub(crate) fn ago(day: i64, today: i64) -> String {
    let days = today - day;
    let (n, unit) = match days {
        ..=0 => return "today".into(),
        1 => return "yesterday".into(),
        2..=13 => (days, "day"),
        14..=59 => (days / 7, "week"),
        60..=729 => (days / 30, "month"),
        _ => (days / 365, "year"),
    };
    format!("{} ago", say::counted(n as usize, unit))
}

fn apply(filter: &str, text: &str) -> String {
    match filter {
        "often" => say::how_often(text),
        "lower" => say::lower_first(text),
        "capital" => say::capital(text),
        // "life-threatening" is heard as two words.
        "words" => text.replace('-', " "),
        _ => text.to_string(),
    }
}
