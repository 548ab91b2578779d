//! Time and date, as the caller's clock gave them.

use crate::say;
use crate::turn::{Answer, Said, Turn};
use crate::understand::calendar::date_of;

pub(super) fn time(turn: &Turn<'_>) -> Answer {
    let second = turn.now.second;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let half = if hour < 12 { "AM" } else { "PM" };
    Ok(Said::answered(format!("It is {twelve}:{minute:02} {half}.")))
}

pub(super) fn date(turn: &Turn<'_>) -> Answer {
    let today = turn.today();
    let full = |day: i64| {
        let date = say::date(day, today);
        let year = date_of(day).0.to_string();
        if date.ends_with(&year) { date } else { format!("{date}, {year}") }
    };
    let Some(when) = turn.when() else {
        return Ok(Said::answered(format!("Today is {}.", full(today))));
    };
    let (Some(from), Some(to)) = (when.from.or(when.to), when.to.or(when.from)) else {
        return Ok(Said::answered(format!("Today is {}.", full(today))));
    };
    if turn.said_any(&["many", "long", "until", "till"]) {
        let from = if when.from.is_none() { to } else { from };
        let days = from - today;
        let words = if days < 0 {
            "It is over".to_string()
        } else {
            format!("It is {}", say::counted(days as usize, "day"))
        };
        return Ok(Said::answered(format!("{words} until {}.", full(from))));
    }
    let text = match from - today {
        0 if to == from => format!("Today is {}.", full(today)),
        1 if to == from => format!("Tomorrow is {}.", full(from)),
        -1 if to == from => format!("Yesterday was {}.", full(from)),
        _ if to == from => format!("That is {}.", full(from)),
        _ => format!("That is {} to {}.", full(from), full(to)),
    };
    Ok(Said::answered(text))
}
