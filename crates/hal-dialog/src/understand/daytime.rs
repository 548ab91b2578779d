//! Times of day and short waits: "five o'clock", "half past eight", "10:30 pm", "twenty minutes". Knows no days.

use std::ops::Range;

use super::moment::Moment;
use super::normalise::{Token, number};

/// A time as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daytime {
    /// Second of the day that is certain: with am or pm, or on the 24-hour clock.
    At(u32),
    /// Second of the first half of the day; which half is left open.
    Either(u32),
    /// Seconds from now.
    In(u32),
}

impl Daytime {
    /// Second of the day and days from `now`; `fixed_day` when the day was named besides.
    pub fn resolve(self, now: Moment, fixed_day: bool) -> (u32, i64) {
        const HALF: u32 = 12 * 3600;
        match self {
            Daytime::In(seconds) => {
                let at = now.second + seconds;
                (at % 86_400, i64::from(at / 86_400))
            }
            Daytime::At(second) => (second, i64::from(!fixed_day && second <= now.second)),
            // On another day seven to eleven is meant in the morning, the rest in the afternoon.
            Daytime::Either(second) if fixed_day => {
                (if second < 7 * 3600 { second + HALF } else { second }, 0)
            }
            Daytime::Either(second) => match () {
                () if second > now.second => (second, 0),
                () if second + HALF > now.second => (second + HALF, 0),
                () => (if second < 6 * 3600 { second + HALF } else { second }, 1),
            },
        }
    }
}

/// A time and the tokens it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub range: Range<usize>,
    pub time: Daytime,
}

/// All times of an utterance. A bare number is one only after "at", "for" or "by".
pub fn find(tokens: &[Token]) -> Vec<Span> {
    let mut out = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let introduced =
            i > 0 && matches!(tokens[i - 1].text.as_str(), "at" | "for" | "by" | "around" | "about");
        match parse(tokens, i, introduced) {
            Some((end, time)) => {
                out.push(Span { range: i..end, time });
                i = end;
            }
            None => i += 1,
        }
    }
    out
}

/// The time a whole text says.
pub fn read(text: &str) -> Option<Daytime> {
    let tokens = super::normalise::tokens(text);
    parse(&tokens, 0, true).filter(|(end, _)| *end == tokens.len()).map(|(_, time)| time)
}

fn parse(tokens: &[Token], i: usize, introduced: bool) -> Option<(usize, Daytime)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    match word(i) {
        "noon" | "midday" => return Some((i + 1, Daytime::At(12 * 3600))),
        "midnight" => return Some((i + 1, Daytime::At(0))),
        _ => {}
    }
    if let Some(wait) = duration(tokens, i) {
        return Some(wait);
    }
    let (end, hour, minute, sure) = past_or_to(tokens, i).or_else(|| clock(tokens, i, introduced))?;
    let (end, half) = half_of_day(tokens, end);
    let second = (hour * 3600 + minute * 60) as u32;
    Some(match half {
        _ if hour > 12 => (end, Daytime::At(second)),
        Some(true) => (end, Daytime::At(if hour == 12 { second } else { second + 43_200 })),
        Some(false) => (end, Daytime::At(if hour == 12 { second - 43_200 } else { second })),
        None if !introduced && !sure => return None,
        None if hour == 0 => (end, Daytime::At(second)),
        None => (end, Daytime::Either(if hour == 12 { second - 43_200 } else { second })),
    })
}

/// "half past eight", "quarter to six", "ten past five".
fn past_or_to(tokens: &[Token], i: usize) -> Option<(usize, i64, i64, bool)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let mut j = i;
    if word(j) == "a" && word(j + 1) == "quarter" {
        j += 1;
    }
    let (minutes, used) = match word(j) {
        "half" => (30, 1),
        "quarter" => (15, 1),
        _ => number(tokens.get(j..)?).filter(|(n, _)| (1..=29).contains(n))?,
    };
    j += used;
    let to = match word(j) {
        "past" | "after" => false,
        "to" | "before" | "til" | "till" => true,
        _ => return None,
    };
    let (hour, used) = number(tokens.get(j + 1..)?).filter(|(n, _)| (1..=12).contains(n))?;
    let end = j + 1 + used;
    Some(if to {
        (end, if hour == 1 { 12 } else { hour - 1 }, 60 - minutes, true)
    } else {
        (end, hour, minutes, true)
    })
}

/// "10:30", "5pm", "eight thirty", "five o'clock", "8".
fn clock(tokens: &[Token], i: usize, introduced: bool) -> Option<(usize, i64, i64, bool)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let bare = word(i).trim_end_matches("am").trim_end_matches("pm");
    if let Some((h, m)) = bare.split_once(':') {
        let (h, m): (i64, i64) = (h.parse().ok()?, m.parse().ok()?);
        return (h < 24 && m < 60).then_some((
            if bare.len() == word(i).len() { i + 1 } else { i },
            h,
            m,
            true,
        ));
    }
    if bare.len() < word(i).len() && !bare.is_empty() {
        let h: i64 = bare.parse().ok()?;
        return (1..=12).contains(&h).then_some((i, h, 0, true));
    }
    let (hour, used) = number(tokens.get(i..)?).filter(|(n, _)| (0..=23).contains(n))?;
    let end = i + used;
    if matches!(word(end), "o'clock" | "oclock") {
        return Some((end + 1, hour, 0, true));
    }
    if word(end) == "o" && word(end + 1) == "clock" {
        return Some((end + 2, hour, 0, true));
    }
    if (word(end) == "oh" || word(end) == "o")
        && let Some((minute, more)) = number(tokens.get(end + 1..)?).filter(|(n, _)| (1..=9).contains(n))
    {
        return Some((end + 1 + more, hour, minute, true));
    }
    if let Some((minute, more)) = tokens.get(end..).and_then(number).filter(|(n, _)| (10..=59).contains(n)) {
        return Some((end + more, hour, minute, introduced));
    }
    Some((end, hour, 0, false))
}

/// Whether am (false) or pm (true) follows, in any spelling; the word may be glued to the number.
fn half_of_day(tokens: &[Token], end: usize) -> (usize, Option<bool>) {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    match word(end) {
        w if w == "am" || w == "a.m" || w.ends_with("am") && w.starts_with(|c: char| c.is_ascii_digit()) => {
            (end + 1, Some(false))
        }
        w if w == "pm" || w == "p.m" || w.ends_with("pm") && w.starts_with(|c: char| c.is_ascii_digit()) => {
            (end + 1, Some(true))
        }
        "a" if word(end + 1) == "m" => (end + 2, Some(false)),
        "p" if word(end + 1) == "m" => (end + 2, Some(true)),
        "in" if word(end + 1) == "the" && word(end + 2) == "morning" => (end + 3, Some(false)),
        "in" if word(end + 1) == "the" && matches!(word(end + 2), "afternoon" | "evening") => {
            (end + 3, Some(true))
        }
        "at" if word(end + 1) == "night" => (end + 2, Some(true)),
        _ => (end, None),
    }
}

/// "twenty minutes", "an hour", "half an hour", "two hours".
fn duration(tokens: &[Token], i: usize) -> Option<(usize, Daytime)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    if word(i) == "half" && word(i + 1) == "an" && word(i + 2) == "hour" {
        return Some((i + 3, Daytime::In(1800)));
    }
    let (n, used) = match word(i) {
        "an" | "a" => (1, 1),
        _ => number(tokens.get(i..)?)?,
    };
    let unit = match word(i + used) {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        _ => return None,
    };
    let mut end = i + used + 1;
    let mut seconds = n * unit;
    if unit == 3600 && word(end) == "and" && word(end + 1) == "a" && word(end + 2) == "half" {
        seconds += 1800;
        end += 3;
    }
    (1..=86_400).contains(&seconds).then_some((end, Daytime::In(seconds as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Daytime>) {
        assert_eq!(read(text), expected, "for {text:?}");
    }

    #[test]
    fn times_are_read_as_said_and_as_written() {
        check("five o'clock", Some(Daytime::Either(5 * 3600)));
        check("eight thirty", Some(Daytime::Either(8 * 3600 + 1800)));
        check("noon", Some(Daytime::At(43_200)));
        check("5 pm", Some(Daytime::At(17 * 3600)));
        check("5pm", Some(Daytime::At(17 * 3600)));
        check("10:30am", Some(Daytime::At(37_800)));
        check("17:45", Some(Daytime::At(17 * 3600 + 2700)));
        check("half past eight", Some(Daytime::Either(30_600)));
        check("quarter to six", Some(Daytime::Either(5 * 3600 + 2700)));
        check("eight in the evening", Some(Daytime::At(20 * 3600)));
        check("twelve thirty pm", Some(Daytime::At(45_000)));
        check("twenty minutes", Some(Daytime::In(1200)));
        check("an hour and a half", Some(Daytime::In(5400)));
        check("the roof", None);
        check("25:70", None);
    }

    #[test]
    fn the_open_half_of_the_day_is_the_next_one() {
        let at = |hour: u32| Moment { day: 100, second: hour * 3600, unix_ms: 0 };
        let five = Daytime::Either(5 * 3600);
        assert_eq!(five.resolve(at(10), false), (17 * 3600, 0));
        assert_eq!(five.resolve(at(3), false), (5 * 3600, 0));
        assert_eq!(five.resolve(at(20), false), (17 * 3600, 1));
        assert_eq!(Daytime::Either(30_600).resolve(at(22), false), (30_600, 1));
        assert_eq!(Daytime::Either(30_600).resolve(at(22), true), (30_600, 0));
        assert_eq!(Daytime::In(7200).resolve(at(23), false), (3600, 1));
    }

    #[test]
    fn a_bare_number_needs_its_preposition() {
        let find = |text: &str| find(&super::super::normalise::tokens(text)).len();
        assert_eq!(find("add 5 apples"), 0);
        assert_eq!(find("call mom at 5"), 1);
        assert_eq!(find("two dozen eggs"), 0);
    }
}
