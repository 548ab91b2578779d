//! Values as people say them: days, times, money, lists, counts. Pure; knows no record.

use crate::understand::calendar::{MONTHS, WEEKDAYS, date_of, weekday};

/// "today", "tomorrow", "yesterday", or "Friday, November 27th", with the year when it is another one.
pub fn day(day: i64, today: i64) -> String {
    match day - today {
        0 => "today".into(),
        1 => "tomorrow".into(),
        -1 => "yesterday".into(),
        _ => date(day, today),
    }
}

/// As [`day`], with the preposition a date needs: "tomorrow", "on Friday, November 27th".
pub fn on_day(d: i64, today: i64) -> String {
    if (d - today).abs() <= 1 { day(d, today) } else { format!("on {}", date(d, today)) }
}

/// "Friday, November 27th"; with the year when it is another one than today's.
pub fn date(day: i64, today: i64) -> String {
    let (year, month, dom) = date_of(day);
    let base = format!("{}, {} {}", WEEKDAYS[weekday(day)], MONTHS[month as usize - 1], ordinal(dom));
    if year == date_of(today).0 { base } else { format!("{base}, {year}") }
}

/// "November 27th", or "November 27th, 2021": for what lies so far back that the weekday tells nothing.
pub fn plain_date(day: i64, today: i64) -> String {
    let (year, month, dom) = date_of(day);
    let base = format!("{} {}", MONTHS[month as usize - 1], ordinal(dom));
    if year == date_of(today).0 { base } else { format!("{base}, {year}") }
}

/// 1st, 2nd, 3rd, 4th, 11th…
pub fn ordinal(n: i64) -> String {
    let suffix = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

/// A second of the day: "10:30 in the morning", "2 in the afternoon", "noon".
pub fn time(second: u32) -> String {
    let (hour, minute) = (second / 3600, second / 60 % 60);
    match (hour, minute) {
        (0, 0) => return "midnight".into(),
        (12, 0) => return "noon".into(),
        _ => {}
    }
    let part = match hour {
        0..=11 => "in the morning",
        12..=17 => "in the afternoon",
        18..=20 => "in the evening",
        _ => "at night",
    };
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    if minute == 0 { format!("{twelve} {part}") } else { format!("{twelve}:{minute:02} {part}") }
}

/// Cents as "$1,234.56"; the sign is left to the words around it.
pub fn money(cents: i64) -> String {
    let cents = cents.abs();
    let whole = (cents / 100).to_string();
    let mut grouped = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(c);
    }
    format!("${grouped}.{:02}", cents % 100)
}

/// Small numbers as words, others as digits.
pub fn count(n: usize) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    WORDS.get(n).map_or_else(|| n.to_string(), |w| w.to_string())
}

/// "one medication", "three medications", "no allergies".
pub fn counted(n: usize, noun: &str) -> String {
    format!("{} {}", count(n), if n == 1 { noun.to_string() } else { plural(noun) })
}

/// The regular English plural, of the last word.
pub fn plural(noun: &str) -> String {
    if let Some(stem) = noun.strip_suffix('y').filter(|s| !s.ends_with(['a', 'e', 'o', 'u'])) {
        return format!("{stem}ies");
    }
    match noun {
        "person" => return "people".into(),
        "child" => return "children".into(),
        _ => {}
    }
    if noun.ends_with(['s', 'x']) || noun.ends_with("ch") || noun.ends_with("sh") {
        return format!("{noun}es");
    }
    format!("{noun}s")
}

/// More items than this are counted instead of read out.
pub const LIST_MAX: usize = 8;

/// "a", "a and b", "a, b and c"; beyond `max` "and 7 more". Items with commas of their own are parted by semicolons.
pub fn list(items: &[String], max: usize) -> String {
    let (shown, more) = if items.len() > max { (&items[..max], items.len() - max) } else { (items, 0) };
    let separator = if shown.iter().any(|item| item.contains(", ")) { "; " } else { ", " };
    if more > 0 {
        return format!("{}{separator}and {more} more", shown.join(separator));
    }
    match shown {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => {
            let and = if separator == "; " { "; and " } else { " and " };
            format!("{}{and}{last}", head.join(separator))
        }
    }
}

/// First letter in upper case.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// First letter in lower case, unless the word is written in capitals ("COVID-19", "LDL").
pub fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_string(),
    }
}

/// Opening hours in the middle of a sentence: weekdays keep their capital.
pub fn lower_hours(text: &str) -> String {
    if WEEKDAYS.iter().any(|day| text.starts_with(day)) { text.to_string() } else { lower_first(text) }
}

/// How often a prescription is taken; what the table does not know is repeated as recorded.
pub fn how_often(frequency: &str) -> String {
    match frequency.trim().to_lowercase().as_str() {
        "daily" | "qd" | "once daily" | "od" => "once a day".into(),
        "bid" | "twice daily" => "twice a day".into(),
        "tid" => "three times a day".into(),
        "qid" => "four times a day".into(),
        "prn" | "as needed" => "as needed".into(),
        "weekly" => "once a week".into(),
        "monthly" => "once a month".into(),
        "qhs" | "hs" | "nightly" => "at bedtime".into(),
        "qod" => "every other day".into(),
        _ => frequency.trim().to_string(),
    }
}

/// What a voice should say where the text has signs: "$12.50", "128/82", "10 mg". `None` when nothing differs.
pub fn speakable(text: &str) -> Option<String> {
    let mut changed = false;
    let mut out: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let core = word.trim_end_matches(['.', ',', ';', ':', '?', '!']);
        let tail = &word[core.len()..];
        let spoken = core
            .strip_prefix('$')
            .and_then(spoken_money)
            .or_else(|| spoken_pressure(core))
            .or_else(|| spoken_unit(core).map(String::from));
        match spoken {
            Some(spoken) => {
                changed = true;
                out.push(format!("{spoken}{tail}"));
            }
            None => out.push(word.to_string()),
        }
    }
    changed.then(|| out.join(" "))
}

fn spoken_money(amount: &str) -> Option<String> {
    let (whole, cents) = amount.split_once('.')?;
    let whole: i64 = whole.replace(',', "").parse().ok()?;
    let cents: i64 = cents.parse().ok()?;
    let dollars = format!("{whole} dollar{}", if whole == 1 { "" } else { "s" });
    let small = format!("{cents} cent{}", if cents == 1 { "" } else { "s" });
    Some(match (whole, cents) {
        (_, 0) => dollars,
        (0, _) => small,
        _ => format!("{dollars} and {small}"),
    })
}

fn spoken_pressure(word: &str) -> Option<String> {
    let (a, b) = word.split_once('/')?;
    let number = |s: &str| s.len() >= 2 && s.chars().all(|c| c.is_ascii_digit());
    (number(a) && number(b)).then(|| format!("{a} over {b}"))
}

fn spoken_unit(word: &str) -> Option<&'static str> {
    Some(match word {
        "mg" => "milligrams",
        "ml" => "milliliters",
        "mcg" => "micrograms",
        "mg/dL" => "milligrams per deciliter",
        "mIU/L" => "milli-units per liter",
        "L/min" => "liters per minute",
        "Dr." | "Dr" => "Doctor",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understand::calendar::day_of;

    #[test]
    fn days_and_times_are_speakable() {
        let today = day_of(2026, 11, 24);
        assert_eq!(on_day(today + 1, today), "tomorrow");
        assert_eq!(on_day(day_of(2026, 12, 1), today), "on Tuesday, December 1st");
        assert_eq!(day(day_of(2027, 1, 22), today), "Friday, January 22nd, 2027");
        assert_eq!(plain_date(day_of(2021, 3, 13), today), "March 13th, 2021");
        for (second, words) in [
            (37_800, "10:30 in the morning"),
            (0, "midnight"),
            (43_200, "noon"),
            (44_100, "12:15 in the afternoon"),
            (50_400, "2 in the afternoon"),
            (70_200, "7:30 in the evening"),
            (79_200, "10 at night"),
        ] {
            assert_eq!(time(second), words);
        }
    }

    #[test]
    fn money_lists_and_counts() {
        assert_eq!(money(-1_234_567), "$12,345.67");
        assert_eq!(money(5), "$0.05");
        let items = |n: usize| (1..=n).map(|i| format!("i{i}")).collect::<Vec<_>>();
        assert_eq!(list(&items(1), 8), "i1");
        assert_eq!(list(&items(2), 8), "i1 and i2");
        assert_eq!(list(&items(3), 8), "i1, i2 and i3");
        assert_eq!(list(&items(5), 3), "i1, i2, i3, and 2 more");
        assert_eq!(list(&["a, b".into(), "c, d".into()], 8), "a, b; and c, d");
        assert_eq!(counted(0, "allergy"), "no allergies");
        assert_eq!(counted(1, "allergy"), "one allergy");
        assert_eq!(counted(13, "pharmacy"), "13 pharmacies");
    }

    #[test]
    fn signs_become_words_for_the_ear() {
        assert_eq!(
            speakable("Your blood pressure was 128/82, and you paid $12.50.").as_deref(),
            Some("Your blood pressure was 128 over 82, and you paid 12 dollars and 50 cents.")
        );
        assert_eq!(
            speakable("lisinopril, 10 mg once a day").as_deref(),
            Some("lisinopril, 10 milligrams once a day")
        );
        assert_eq!(speakable("Nothing to change."), None);
    }
}
