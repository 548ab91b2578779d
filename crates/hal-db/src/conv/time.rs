//! `MT`: seconds since midnight as a time of day.

use super::{Converted, Options, Status, ok};
use crate::number::Decimal;

const DAY: i64 = 86_400;

/// What follows `MT`.
struct Style {
    twelve_hour: bool,
    seconds: bool,
    milliseconds: bool,
    separator: String,
}

impl Style {
    fn parse(rest: &str) -> Style {
        let mut style =
            Style { twelve_hour: false, seconds: false, milliseconds: false, separator: ":".to_owned() };
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c.to_ascii_uppercase() {
                'H' => style.twelve_hour = true,
                'S' => style.seconds = true,
                'M' => style.milliseconds = true,
                '\'' | '"' => {
                    style.separator = chars.as_str().split(c).next().unwrap_or_default().to_owned();
                    break;
                }
                _ => {
                    style.separator = c.to_string();
                    break;
                }
            }
        }
        style
    }
}

pub(super) fn output(value: &[u8], rest: &str, options: &Options) -> Converted {
    if value.trim_ascii().is_empty() {
        return ok("");
    }
    let number = Decimal::parse(value).ok_or(Status::BadData)?;
    if number.is_negative() {
        return Err(Status::BadData);
    }
    let style = Style::parse(rest);
    let whole = std::str::from_utf8(number.whole()).expect("digits");
    let mut seconds: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| Status::BadData)? };
    if style.milliseconds {
        seconds /= 1000;
    }
    let (mut hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut suffix = "";
    if style.twelve_hour {
        hour = seconds % DAY / 3600;
        suffix = match (hour < 12, options.capital_am_pm) {
            (true, false) => "am",
            (false, false) => "pm",
            (true, true) => "AM",
            (false, true) => "PM",
        };
        hour = (hour + 11) % 12 + 1;
    }
    let separator = &style.separator;
    let mut text = format!("{hour:02}{separator}{minute:02}");
    if style.seconds {
        text.push_str(&format!("{separator}{second:02}"));
    }
    text.push_str(suffix);
    ok(text)
}

pub(super) fn input(value: &[u8], rest: &str) -> Converted {
    let text = std::str::from_utf8(value).map_err(|_| Status::BadData)?.trim();
    if text.is_empty() {
        // As QM: nothing is no time, and says so.
        return Err(Status::BadData);
    }
    let upper = text.to_ascii_uppercase();
    let (digits, half) = match upper.strip_suffix("AM") {
        Some(rest) => (rest.trim_end(), Some(0)),
        None => upper.strip_suffix("PM").map_or((upper.as_str(), None), |rest| (rest.trim_end(), Some(12))),
    };
    let parts = parts(digits).ok_or(Status::BadData)?;
    let [mut hour, minute, second] = parts;
    if minute > 59 || second > 59 {
        return Err(Status::BadData);
    }
    match half {
        // 12 AM is midnight; 13:00 PM is taken for what was meant.
        Some(0) if hour == 12 => hour = 0,
        Some(12) if hour < 12 => hour += 12,
        _ => {}
    }
    let seconds = hour * 3600 + minute * 60 + second;
    if seconds > DAY {
        return Err(Status::BadData);
    }
    let unit = if Style::parse(rest).milliseconds { 1000 } else { 1 };
    ok((seconds * unit).to_string())
}

/// Hour, minute and second of `8`, `8:30`, `8.30.15`, `0830`.
fn parts(text: &str) -> Option<[i64; 3]> {
    let groups: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).collect();
    let number = |text: &str| text.parse::<i64>().ok().filter(|n| *n < 100);
    match groups.as_slice() {
        [all] if matches!(all.len(), 3 | 4) => {
            let (hour, minute) = all.split_at(all.len() - 2);
            Some([number(hour)?, number(minute)?, 0])
        }
        [hour] => Some([number(hour)?, 0, 0]),
        [hour, minute] => Some([number(hour)?, number(minute)?, 0]),
        [hour, minute, second] => Some([number(hour)?, number(minute)?, number(second)?]),
        _ => None,
    }
}
