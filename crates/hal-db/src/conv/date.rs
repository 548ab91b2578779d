//! `D`: day numbers as dates, `D{y}{c}{fmt}{[modifiers]}`.

use super::{Converted, Options, Status, ok};
use crate::Env;
use crate::date::{day_from_ymd, days_in_month, weekday, ymd_from_day};
use crate::number::Decimal;

const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];
const WEEKDAYS: [&str; 7] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

/// Greatest day number that is shown as a date.
const DAY_MAX: i64 = 3_600_000_000;
/// Components a code may have.
const COMPONENTS_MAX: usize = 5;

/// A part of a shown date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Day,
    Ordinal,
    Month,
    MonthName,
    MonthShort,
    Year,
    IsoYear,
    DayOfYear,
    Quarter,
    Weekday,
    WeekdayName,
    WeekdayShort,
    IsoWeek,
}

/// What the brackets say of a part.
#[derive(Debug, Clone, Default)]
struct Modifier {
    alphabetic: bool,
    no_zero: bool,
    width: Option<usize>,
    /// Stands after the part in place of the separator.
    text: Option<String>,
}

#[derive(Debug)]
struct Style {
    year_digits: usize,
    separator: Option<String>,
    parts: Vec<Part>,
    modifiers: Vec<Modifier>,
    title: bool,
    european: bool,
    compact: bool,
}

impl Style {
    fn parse(rest: &str, options: &Options) -> Result<Style, Status> {
        let (rest, modifiers) = match rest.split_once('[') {
            Some((rest, inside)) => (rest, modifiers(inside.strip_suffix(']').ok_or(Status::BadCode)?)?),
            None => (rest, Vec::new()),
        };
        let upper = rest.trim_end_matches(' ').to_ascii_uppercase();
        // A space may itself be the separator: only what follows letters is trimmed.
        let upper =
            if upper.chars().any(|c| c.is_ascii_alphabetic()) { upper } else { rest.to_ascii_uppercase() };
        let mut chars = upper.chars().peekable();
        let year_digits =
            chars.next_if(|c| ('0'..='4').contains(c)).and_then(|c| c.to_digit(10)).map_or(4, |d| d as usize);
        // The digit 0 after the year's digits stands for no separator.
        let separator = chars.next_if(|c| !c.is_ascii_alphabetic() && (!c.is_ascii_digit() || *c == '0'));
        let mut style = Style {
            year_digits,
            separator: separator.map(|c| if c == '0' { String::new() } else { c.to_string() }),
            parts: Vec::new(),
            modifiers,
            title: false,
            european: options.european_dates,
            compact: false,
        };
        while let Some(c) = chars.next() {
            let mut second = |wanted: char| chars.next_if_eq(&wanted).is_some();
            let part = match c {
                'D' if second('O') => Part::Ordinal,
                'D' => Part::Day,
                'M' if second('A') => Part::MonthName,
                'M' if second('B') => Part::MonthShort,
                'M' => Part::Month,
                'Y' if second('I') => Part::IsoYear,
                'Y' => Part::Year,
                'J' => Part::DayOfYear,
                'Q' => Part::Quarter,
                'W' if second('A') => Part::WeekdayName,
                'W' if second('B') => Part::WeekdayShort,
                'W' if second('I') => Part::IsoWeek,
                'W' => Part::Weekday,
                'L' => {
                    style.title = true;
                    continue;
                }
                'E' => {
                    style.european = !style.european;
                    continue;
                }
                'X' if style.parts.is_empty() => {
                    style.compact = true;
                    continue;
                }
                _ => return Err(Status::BadCode),
            };
            style.parts.push(part);
        }
        if style.parts.len() > COMPONENTS_MAX || style.modifiers.len() > COMPONENTS_MAX {
            return Err(Status::BadCode);
        }
        style.check_modifiers()?;
        Ok(style)
    }

    /// `A` belongs to months and weekdays only.
    fn check_modifiers(&mut self) -> Result<(), Status> {
        for (part, modifier) in self.parts.iter_mut().zip(&self.modifiers) {
            if modifier.alphabetic {
                *part = match part {
                    Part::Month | Part::MonthName | Part::MonthShort => Part::MonthName,
                    Part::Weekday | Part::WeekdayName | Part::WeekdayShort => Part::WeekdayName,
                    _ => return Err(Status::BadCode),
                };
            }
        }
        Ok(())
    }

    /// The order in which numbers are read.
    fn order(&self) -> Vec<Part> {
        let mut order: Vec<Part> = Vec::new();
        for part in &self.parts {
            let plain = match part {
                Part::Day | Part::Ordinal => Part::Day,
                Part::Month | Part::MonthName | Part::MonthShort => Part::Month,
                Part::Year => Part::Year,
                _ => continue,
            };
            if !order.contains(&plain) {
                order.push(plain);
            }
        }
        if order.is_empty() {
            order = if self.european {
                vec![Part::Day, Part::Month, Part::Year]
            } else {
                vec![Part::Month, Part::Day, Part::Year]
            };
        }
        order
    }
}

fn modifiers(inside: &str) -> Result<Vec<Modifier>, Status> {
    let mut all = vec![Modifier::default()];
    let mut chars = inside.chars().peekable();
    while let Some(c) = chars.next() {
        let modifier = all.last_mut().expect("there is always one");
        match c.to_ascii_uppercase() {
            ',' => all.push(Modifier::default()),
            'A' => modifier.alphabetic = true,
            'Z' => modifier.no_zero = true,
            '0'..='9' => {
                let digit = c.to_digit(10).expect("a digit") as usize;
                modifier.width = Some((modifier.width.unwrap_or(0) * 10 + digit).min(99));
            }
            '"' | '\'' => {
                let mut text = String::new();
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        Some(inner) => text.push(inner),
                        None => return Err(Status::BadCode),
                    }
                }
                modifier.text = Some(text);
            }
            ' ' => {}
            _ => return Err(Status::BadCode),
        }
    }
    Ok(all)
}

pub(super) fn output(value: &[u8], rest: &str, options: &Options) -> Converted {
    let value = value.trim_ascii();
    if value.is_empty() {
        return ok("");
    }
    let iso_week = match rest.to_ascii_uppercase().as_str() {
        "ISO8601W" => Some(""),
        "ISO8601W-" => Some("-"),
        _ => None,
    };
    let day = day_number(value).ok_or(Status::BadData)?;
    if let Some(dash) = iso_week {
        let (year, week) = iso_year_and_week(day);
        return ok(format!("{year:04}{dash}W{week:02}{dash}{}", weekday(day)));
    }
    let style = Style::parse(rest, options)?;
    let (year, month, dom) = ymd_from_day(day);
    if style.compact {
        return ok(format!("{year:04}{month:02}{dom:02}"));
    }
    if style.parts.is_empty() {
        return ok(default_form(&style, (year, month, dom)));
    }
    let separator = style.separator.as_deref().unwrap_or(" ");
    let mut text = String::new();
    for (index, part) in style.parts.iter().enumerate() {
        let modifier = style.modifiers.get(index).cloned().unwrap_or_default();
        text.push_str(&component(*part, &modifier, &style, day));
        match &modifier.text {
            Some(own) => text.push_str(own),
            None if index + 1 < style.parts.len() => text.push_str(separator),
            None => {}
        }
    }
    ok(text)
}

fn day_number(value: &[u8]) -> Option<i64> {
    let number = Decimal::parse(value)?;
    let whole = std::str::from_utf8(number.whole()).ok()?;
    let magnitude: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Some ten million years; beyond it there is no date to show.
    (magnitude <= DAY_MAX).then_some(if number.is_negative() { -magnitude } else { magnitude })
}

/// Without components: `01 JUN 1994`, or numbers in the usual order when a separator is given.
fn default_form(style: &Style, (year, month, day): (i32, u32, u32)) -> String {
    let year = year_text(year, style.year_digits);
    match &style.separator {
        None if style.european && style.title => {
            format!("{day:02} {} {year}", title(&MONTHS[month as usize - 1][..3]))
        }
        None => {
            let name = &MONTHS[month as usize - 1][..3];
            let name = if style.title { title(name) } else { name.to_owned() };
            format!("{day:02} {name} {year}")
        }
        Some(c) if style.european => format!("{day:02}{c}{month:02}{c}{year}"),
        Some(c) => format!("{month:02}{c}{day:02}{c}{year}"),
    }
}

fn component(part: Part, modifier: &Modifier, style: &Style, day: i64) -> String {
    let (year, month, dom) = ymd_from_day(day);
    let name = |name: &str| if style.title { title(name) } else { name.to_owned() };
    let two = |number: u32| if modifier.no_zero { number.to_string() } else { format!("{number:02}") };
    let text = match part {
        Part::Day => two(dom),
        Part::Ordinal => format!("{dom}{}", ordinal_suffix(dom)),
        Part::Month => two(month),
        Part::MonthName => name(MONTHS[month as usize - 1]),
        Part::MonthShort => name(&MONTHS[month as usize - 1][..3]),
        Part::Year => return year_text(year, modifier.width.unwrap_or(style.year_digits)),
        Part::IsoYear => format!("{:04}", iso_year_and_week(day).0),
        Part::DayOfYear => {
            let number = day - day_from_ymd(year, 1, 1) + 1;
            if modifier.no_zero { format!("{number:>3}") } else { format!("{number:02}") }
        }
        Part::Quarter => ((month - 1) / 3 + 1).to_string(),
        Part::Weekday => weekday(day).to_string(),
        Part::WeekdayName => name(WEEKDAYS[weekday(day) as usize - 1]),
        Part::WeekdayShort => name(&WEEKDAYS[weekday(day) as usize - 1][..3]),
        Part::IsoWeek => two(iso_year_and_week(day).1),
    };
    match modifier.width {
        // A number keeps its digits; a name is cut.
        Some(width) if text.len() > width => text[..width].to_owned(),
        Some(width) if !modifier.no_zero && !modifier.alphabetic => format!("{text:<width$}"),
        _ => text,
    }
}

fn year_text(year: i32, digits: usize) -> String {
    let text = format!("{year:04}");
    if digits == 0 { String::new() } else { text[text.len().saturating_sub(digits)..].to_owned() }
}

fn title(name: &str) -> String {
    format!("{}{}", &name[..1], name[1..].to_ascii_lowercase())
}

fn ordinal_suffix(day: u32) -> &'static str {
    match (day % 100, day % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

/// The ISO 8601 year and week: the week belongs to the year of its Thursday.
fn iso_year_and_week(day: i64) -> (i32, u32) {
    let thursday = day - i64::from(weekday(day)) + 4;
    let year = ymd_from_day(thursday).0;
    (year, ((thursday - day_from_ymd(year, 1, 1)) / 7 + 1) as u32)
}

pub(super) fn input(value: &[u8], rest: &str, env: &Env, options: &Options) -> Converted {
    let style = Style::parse(rest, options)?;
    let written = std::str::from_utf8(value).map_err(|_| Status::BadData)?.trim();
    if written.is_empty() {
        return ok("");
    }
    let order = if style.compact { vec![Part::Year, Part::Month, Part::Day] } else { style.order() };
    let (year, month, day) = read(written, order).ok_or(Status::BadData)?;
    let year = match year {
        None => ymd_from_day(env.today).0,
        Some((year, digits)) if digits <= 2 => {
            let first = options.year_base.clamp(0, 9900);
            let base = first.rem_euclid(100);
            first - base + year + if year < base { 100 } else { 0 }
        }
        Some((year, _)) => year,
    };
    let (month, day) = (month.unwrap_or(1), day.unwrap_or(1));
    if !(1..=12).contains(&month) || !(1..=99).contains(&day) || year > 9999 {
        return Err(Status::BadData);
    }
    let status = match day > days_in_month(year, month) {
        true if !options.wrap_dates => return Err(Status::BadData),
        true => Status::Doubtful,
        false => Status::Ok,
    };
    Ok((day_from_ymd(year, month, day).to_string().into_bytes(), status))
}

/// Year with its number of digits, month, day: each as far as it was written.
type Read = (Option<(i32, usize)>, Option<u32>, Option<u32>);

fn read(written: &str, mut order: Vec<Part>) -> Option<Read> {
    let mut numbers: Vec<String> = Vec::new();
    let mut month = None;
    for word in words(written) {
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            numbers.push(word);
        } else if month.is_none() {
            month = Some(month_number(&word)?);
        } else {
            return None;
        }
    }
    if month.is_some() {
        order.retain(|part| *part != Part::Month);
    } else if let [all] = numbers.as_slice()
        && all.len() > 2
    {
        numbers = undelimited(all, &order)?;
    }
    if numbers.len() > order.len() || numbers.is_empty() && month.is_none() {
        return None;
    }
    // With the month named, a number that no month has can only be the year, and a lone small one is the day.
    if month.is_some() {
        let long = |at: usize| {
            let number = numbers.get(at).map(|number: &String| number.parse::<u32>().unwrap_or(u32::MAX));
            number.is_some_and(|number| number > 31)
        };
        match numbers.len() {
            1 => order = vec![if long(0) { Part::Year } else { Part::Day }],
            2 if long(0) => order = vec![Part::Year, Part::Day],
            2 if long(1) => order = vec![Part::Day, Part::Year],
            _ => {}
        }
    }
    let (mut year, mut day) = (None, None);
    for (part, digits) in order.iter().zip(&numbers) {
        let number: u32 = digits.parse().ok()?;
        match part {
            Part::Year => year = Some((i32::try_from(number).ok()?, digits.len())),
            Part::Month => month = Some(number),
            _ => day = Some(number),
        }
    }
    Some((year, month, day))
}

/// Runs of digits and runs of letters; everything else separates.
fn words(written: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for c in written.chars() {
        let kind = if c.is_ascii_digit() { Some(true) } else { c.is_alphabetic().then_some(false) };
        if let Some(kind) = kind {
            if last == Some(kind) {
                words.last_mut().expect("a word of this kind was begun").push(c);
            } else {
                words.push(c.to_string());
            }
        }
        last = kind;
    }
    words
}

/// A month by name: at least three letters, and the full name as far as given.
fn month_number(word: &str) -> Option<u32> {
    let word = word.to_ascii_uppercase();
    let at = MONTHS.iter().position(|name| word.len() >= 3 && name.starts_with(&word))?;
    Some(at as u32 + 1)
}

/// Digits without separators: two each for day and month, the rest is the year.
fn undelimited(digits: &str, order: &[Part]) -> Option<Vec<String>> {
    if !matches!(digits.len(), 6 | 8) || order.len() != 3 {
        return None;
    }
    let mut rest = digits;
    let mut numbers = Vec::new();
    for part in order {
        let length = if *part == Part::Year { digits.len() - 4 } else { 2 };
        let (number, after) = rest.split_at_checked(length)?;
        numbers.push(number.to_owned());
        rest = after;
    }
    Some(numbers)
}
