//! `E`: seconds since 1 January 1970 UTC as date and time, `E{U}{y}{c}{fmt}`.
//!
//! Beside what a `D` code has there are `T{H}{S}{s}` for the time of day, `O{:}` for the offset from UTC, `Z` for the
//! name of the zone and `A` for the form of C's asctime. `EISO8601T` and `EISO8601T-` are whole forms.

use super::{Context, Converted, Status, date, ok, time};
use crate::date::{UNIX_EPOCH_DAY, weekday, ymd_from_day};
use crate::dynarray::integer;

const DAY: i64 = 86_400;
/// Greatest epoch second shown: some ten million years.
const EPOCH_MAX: i64 = 311_040_000_000_000;

/// What follows `E`.
#[derive(Debug, Default)]
struct Style {
    utc: bool,
    /// `Some("-")` or `Some("")` for the ISO forms.
    iso: Option<&'static str>,
    ascii: bool,
    /// A `D` code for the date.
    date: String,
    /// An `MT` code for the time.
    time: Option<String>,
    /// Stands between hours and minutes of the offset.
    offset: Option<&'static str>,
    zone: bool,
}

impl Style {
    fn parse(rest: &str) -> Style {
        match rest.trim().to_ascii_uppercase().as_str() {
            "ISO8601T" => return Style { iso: Some(""), ..Style::default() },
            "ISO8601T-" => return Style { iso: Some("-"), ..Style::default() },
            _ => {}
        }
        let mut style = Style::default();
        let mut chars = rest.chars().peekable();
        style.utc = chars.next_if(|c| c.eq_ignore_ascii_case(&'U')).is_some();
        let mut last = ' ';
        while let Some(c) = chars.next() {
            let upper = c.to_ascii_uppercase();
            match upper {
                '[' => {
                    style.date.push(c);
                    for inner in chars.by_ref() {
                        style.date.push(inner);
                        if inner == ']' {
                            break;
                        }
                    }
                }
                'T' => {
                    let mut code = String::new();
                    while let Some(option) = chars.next_if(|c| matches!(c, 'H' | 'h' | 'S' | 's')) {
                        code.push(option);
                    }
                    code.extend(chars.next_if(|c| !c.is_alphanumeric() && !matches!(c, '[' | ' ')));
                    style.time = Some(code);
                }
                'O' if last != 'D' => {
                    style.offset = Some(if chars.next_if_eq(&':').is_some() { ":" } else { "" });
                }
                'Z' => style.zone = true,
                'A' if !matches!(last, 'M' | 'W') => style.ascii = true,
                _ => style.date.push(c),
            }
            last = upper;
        }
        style
    }
}

pub(super) fn output(value: &[u8], rest: &str, context: &dyn Context) -> Converted {
    if value.trim_ascii().is_empty() {
        return ok("");
    }
    let epoch = integer(value.trim_ascii())
        .filter(|n| n.unsigned_abs() <= EPOCH_MAX as u64)
        .ok_or(Status::BadData)?;
    let style = Style::parse(rest);
    let offset = if style.utc { 0 } else { i64::from(context.utc_offset(epoch)) };
    let local = epoch + offset;
    let (day, second) = (local.div_euclid(DAY) + UNIX_EPOCH_DAY, local.rem_euclid(DAY));
    let (hour, minute, seconds) = (second / 3600, second / 60 % 60, second % 60);
    let (year, month, dom) = ymd_from_day(day);
    if let Some(dash) = style.iso {
        let colon = if dash.is_empty() { "" } else { ":" };
        return ok(format!(
            "{year:04}{dash}{month:02}{dash}{dom:02}T{hour:02}{colon}{minute:02}{colon}{seconds:02}"
        ));
    }
    if style.ascii {
        let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (weekday, month) = (weekdays[weekday(day) as usize - 1], months[month as usize - 1]);
        return ok(format!("{weekday} {month} {dom:2} {hour:02}:{minute:02}:{seconds:02} {year}"));
    }
    let (mut text, _) = date::output(day.to_string().as_bytes(), style.date.trim_end(), &context.options())?;
    if let Some(code) = &style.time {
        text.push(b' ');
        text.extend(time::output(second.to_string().as_bytes(), code, &context.options())?.0);
    }
    if let Some(colon) = style.offset {
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.abs() / 60;
        text.extend(format!(" {sign}{:02}{colon}{:02}", minutes / 60, minutes % 60).into_bytes());
    }
    if style.zone {
        let zone = if style.utc { "UTC".to_owned() } else { context.zone(epoch) };
        text.push(b' ');
        text.extend(zone.into_bytes());
    }
    ok(text)
}

pub(super) fn input(value: &[u8], rest: &str, context: &dyn Context) -> Converted {
    let style = Style::parse(rest);
    let written = std::str::from_utf8(value).map_err(|_| Status::BadData)?.trim();
    if written.is_empty() {
        return ok("");
    }
    let (written, stated) = without_offset(written);
    let (date_text, time_text) = halves(written);
    let date_code = if style.iso.is_some() { "YMD" } else { style.date.trim_end() };
    let (day, status) = date::input(date_text.as_bytes(), date_code, context.env(), &context.options())?;
    let day = integer(&day).ok_or(Status::BadData)?;
    let second = match time_text {
        "" => 0,
        text if text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit()) => {
            // ISO 8601 without colons: 084512.
            let divided = format!("{}:{}:{}", &text[..2], &text[2..4], &text[4..]);
            integer(&time::input(divided.as_bytes(), "")?.0).ok_or(Status::BadData)?
        }
        text => integer(&time::input(text.as_bytes(), "")?.0).ok_or(Status::BadData)?,
    };
    let local = (day - UNIX_EPOCH_DAY) * DAY + second;
    let offset = match stated {
        Some(offset) => offset,
        None if style.utc => 0,
        // The zone's offset belongs to the moment, which is not known before: near enough except in the hour of a change.
        None => i64::from(context.utc_offset(local - i64::from(context.utc_offset(local)))),
    };
    Ok(((local - offset).to_string().into_bytes(), status))
}

/// Takes `Z`, `UTC`, `GMT` or `+hh:mm` from the end; the offset in seconds east.
fn without_offset(text: &str) -> (&str, Option<i64>) {
    let upper = text.to_ascii_uppercase();
    for name in ["UTC", "GMT", "Z"] {
        if upper.ends_with(name) && upper.is_char_boundary(upper.len() - name.len()) {
            return (text[..text.len() - name.len()].trim_end(), Some(0));
        }
    }
    // Only behind a time of day: 2026-06-01 ends in no offset.
    let Some(colon) = text.find(':') else { return (text, None) };
    let Some(sign) = text[colon..].find(['+', '-']).map(|at| colon + at) else { return (text, None) };
    let digits: String = text[sign + 1..].chars().filter(|c| *c != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return (text, None);
    }
    let number = digits.parse::<i64>().unwrap_or(0);
    let seconds = number / 100 * 3600 + number % 100 * 60;
    let offset = if text[sign..].starts_with('-') { -seconds } else { seconds };
    (text[..sign].trim_end(), Some(offset))
}

/// Date and time of day: divided at a `T` between digits, or before the word that has a colon.
fn halves(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(byte, b'T' | b't') && digit(at.checked_sub(1)) && digit(Some(at + 1)) {
            return (&text[..at], &text[at + 1..]);
        }
    }
    match text.find(':') {
        Some(colon) => {
            let start = text[..colon].rfind(' ').map_or(0, |space| space + 1);
            (text[..start].trim_end(), &text[start..])
        }
        None => (text, ""),
    }
}
