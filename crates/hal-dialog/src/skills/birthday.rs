//! Birthdays and ages.

use crate::records::Rec;
use crate::say;
use crate::turn::{Answer, Said, Turn};
use crate::understand::calendar::{age, date_of, day_of};
use crate::understand::names::Kind;

/// The next birthday, today included. Born on a 29th of February: the 1st of March in other years.
fn next(birth: i64, today: i64) -> i64 {
    let (_, month, day) = date_of(birth);
    let year = date_of(today).0;
    let this = day_of(year, month, day);
    if this >= today { this } else { day_of(year + 1, month, day) }
}

fn name(rec: &Rec) -> String {
    rec.text("FIRST_NAME")
}

pub(super) fn birthday(turn: &Turn<'_>) -> Answer {
    let today = turn.today();
    let mine = turn.slot(Kind::Person).is_none() && turn.said_any(&["i", "my", "am"]);
    if turn.slot(Kind::Person).is_none() && !mine {
        return upcoming(turn);
    }
    let who = turn.who()?;
    let rec = turn.records.get("PERSON", &who.id)?;
    let birth = rec.as_ref().and_then(|r| r.int("BIRTHDATE"));
    let (Some(rec), Some(birth)) = (rec, birth) else {
        return Ok(Said::nothing(format!("I have no birthday recorded for {}.", who.get("you"))));
    };
    let old = age(birth, today);
    let next = next(birth, today);
    let is_age = turn.said_any(&["old", "age", "years"]);
    let turns = turn.said_any(&["turn", "turning", "will"]);
    let text = if is_age && !turns {
        format!("{} {} {old} years old.", who.get("You"), who.get("are"))
    } else if turn.said_any(&["born", "birth", "birthdate"]) && !turn.said_any(&["next"]) {
        format!("{} {} born on {}.", who.get("You"), who.get("were"), say::plain_date(birth, today))
    } else {
        let (_, m, d) = date_of(next);
        let date = format!("{} {}", crate::understand::calendar::MONTHS[m as usize - 1], say::ordinal(d));
        let will = age(birth, next);
        match next - today {
            0 => format!(
                "{} birthday is today, {date}; {} {} {will}.",
                who.get("Your"),
                who.get("you"),
                who.get("are")
            ),
            1 => format!(
                "{} birthday is tomorrow, {date}; {} will be {will}.",
                who.get("Your"),
                who.get("you")
            ),
            n => format!(
                "{} birthday is {date}, in {} days; {} will be {will}.",
                who.get("Your"),
                n,
                who.get("you")
            ),
        }
    };
    Ok(Said::answered(text).about(Kind::Person, &rec.id, &name(&rec)))
}

/// Whose birthday is next, or whose are in a time.
fn upcoming(turn: &Turn<'_>) -> Answer {
    let today = turn.today();
    let mut all: Vec<(i64, String, String, i64)> = turn
        .records
        .all("PERSON")?
        .iter()
        .filter_map(|r| {
            let birth = r.int("BIRTHDATE")?;
            let day = next(birth, today);
            Some((day, name(r), r.id.clone(), age(birth, day)))
        })
        .collect();
    all.sort();
    if let Some(when) = turn.when() {
        all.retain(|(day, ..)| when.contains(*day));
        if all.is_empty() {
            return Ok(Said::nothing(format!("I have no birthdays recorded {}.", when.said)));
        }
        let items: Vec<String> =
            all.iter().map(|(day, name, ..)| format!("{name} {}", say::on_day(*day, today))).collect();
        return Ok(Said::answered(format!(
            "{} {}: {}.",
            say::capital(&say::counted(all.len(), "birthday")),
            when.said,
            say::list(&items, 8)
        )));
    }
    let Some((day, name, id, will)) = all.first() else {
        return Ok(Said::nothing("I have no birthdays recorded."));
    };
    let then: Vec<String> =
        all.iter().skip(1).take(2).map(|(d, n, ..)| format!("{n} {}", say::on_day(*d, today))).collect();
    let then = if then.is_empty() || !turn.said_any(&["birthdays", "upcoming", "list", "soon"]) {
        String::new()
    } else {
        format!(" Then {}.", say::list(&then, 3))
    };
    Ok(Said::answered(format!(
        "The next birthday is {name}'s, {}; {name} will be {will}.{then}",
        say::on_day(*day, today)
    ))
    .about(Kind::Person, id, name))
}
