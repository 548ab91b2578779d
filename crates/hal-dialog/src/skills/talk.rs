//! Help, what was asked before, and remembered facts.

use crate::say;
use crate::turn::{Answer, Said, Turn};
use crate::understand::when::Direction;

/// A few things to try; which ones depends on the day, so that they do not wear out.
pub(super) fn help(turn: &Turn<'_>) -> Answer {
    let count = turn.offers.len().max(1);
    let start = turn.today().rem_euclid(count as i64) as usize;
    let some: Vec<String> =
        (0..4.min(turn.offers.len())).map(|i| turn.offers[(start + i * 3) % count].clone()).collect();
    Ok(Said::answered(format!(
        "I answer from your own records: medications, allergies, appointments, measurements, shots and lab results, spending, \
         bills, tasks, reminders, your shopping list, events and people. For example: {}",
        some.join(" ")
    )))
}

/// What was asked, from CONVERSATION.
pub(super) fn history(turn: &Turn<'_>) -> Answer {
    let when = turn.when_towards(Direction::Past);
    if when.is_none()
        && turn.said_any(&["last", "previous", "just"])
        && let Some(question) = &turn.last_question
    {
        return Ok(Said::answered(format!("Your last question was: {}", question_mark(question))));
    }
    let mut rows = turn.records.all("CONVERSATION")?;
    let mine = |id: &str| id == turn.user.id || Some(id) == turn.user.person.as_deref();
    rows.retain(|r| r.is("MESSAGE_TYPE", "user") && mine(&r.text("USER_ID")));
    let at = |text: &str| hal_db::date::from_stamp(text).or_else(|| Some((text.parse().ok()?, 0)));
    // Within one second the ids tell the order: they are given as time goes on.
    let mut asked: Vec<((i64, u32), &str, String)> = rows
        .iter()
        .filter_map(|r| Some((at(&r.text("TIMESTAMP"))?, r.id.as_str(), r.text("CONTENT"))))
        .collect();
    asked.sort();
    if let Some(when) = &when {
        asked.retain(|((day, _), ..)| when.contains(*day));
    }
    let said_when = when.as_ref().map_or(String::new(), |w| format!(" {}", w.said));
    if asked.is_empty() {
        return Ok(Said::nothing(format!("I have no questions of yours recorded{said_when}.")));
    }
    if when.is_none() {
        let ((day, second), _, question) = asked.pop().unwrap_or_default();
        return Ok(Said::answered(format!(
            "Your last question was {} at {}: {}",
            say::on_day(day, turn.today()),
            say::time(second),
            question_mark(&question)
        )));
    }
    let mut questions: Vec<String> = Vec::new();
    for (.., question) in &asked {
        if questions.last() != Some(question) {
            questions.push(question.clone());
        }
    }
    let count = questions.len();
    let shown: Vec<String> = questions.iter().take(6).map(|q| question_mark(q)).collect();
    let more = if count > 6 { format!(" And {} more.", count - 6) } else { String::new() };
    Ok(Said::answered(format!(
        "You asked {}{said_when}: {}{more}",
        say::counted(count, "question"),
        shown.join(" ")
    )))
}

fn question_mark(text: &str) -> String {
    let text = say::capital(text.trim().trim_end_matches(['.', '?', '!']));
    format!("{text}?")
}

/// Facts of MEMORY whose subject or keywords were said.
pub(super) fn note(turn: &Turn<'_>) -> Answer {
    let who = turn.who()?;
    let mut best: Option<(usize, String)> = None;
    for rec in turn.records.all("MEMORY")? {
        if !rec.is("ACTIVE", "Y") || !(rec.is("USER_ID", &who.id) || rec.is("USER_ID", &turn.user.id)) {
            continue;
        }
        let about = format!("{} {}", rec.text("SUBJECT"), rec.values("KEYWORDS").join(" ")).to_lowercase();
        let hits =
            turn.tokens.iter().filter(|t| t.text.len() > 2 && about.split(' ').any(|w| w == t.text)).count();
        if hits > 0 && best.as_ref().is_none_or(|(n, _)| hits > *n) {
            best = Some((hits, rec.text("CONTENT")));
        }
    }
    Ok(match best {
        Some((_, content)) => Said::answered(format!("{}.", content.trim_end_matches('.'))),
        None => Said::nothing("I have nothing noted about that."),
    })
}
