//! Time phrases: words to days. Pure; today comes in as a [`Moment`].
//!
//! A phrase such as "on Friday" or "in March" means another day in "do I have an appointment on Friday" than in
//! "how much did I spend on Friday", so finding and resolving are two steps: [`find`], then [`Expr::resolve`] with a [`Direction`].
//! Weeks run Monday to Sunday. "last month" is the calendar month, "the last month" the thirty days up to today.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::calendar::{MONTHS, WEEKDAYS, add_months, date_of, day_of, month_days, weekday};
use super::moment::Moment;
use super::normalise::{Token, number, ordinal};

/// Where a phrase without a direction of its own points: appointments look forward, spending looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Past,
    Future,
}

/// Days, resolved. Both ends are inclusive; an absent end is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct When {
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// Seconds of the day, when only a part of it was meant: "this morning".
    pub part: Option<(u32, u32)>,
    /// The phrase as it can be repeated in an answer: "last week", "on Friday".
    pub said: String,
}

impl When {
    /// One day and not a range of them.
    pub fn single(&self) -> Option<i64> {
        self.from.filter(|_| self.from == self.to)
    }

    pub fn contains(&self, day: i64) -> bool {
        self.from.is_none_or(|from| day >= from) && self.to.is_none_or(|to| day <= to)
    }
}

/// A time phrase before it is known whether past or future is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expr {
    Days(i64, i64),
    Weekday(usize),
    Weekend,
    Month(i64),
    MonthDay(i64, i64),
    DayOfMonth(i64),
    Since(Box<Expr>),
    Until(Box<Expr>),
    Before(Box<Expr>),
    After(Box<Expr>),
    Between(Box<Expr>, Box<Expr>),
}

/// A time phrase and the tokens it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub range: Range<usize>,
    pub expr: Expr,
    pub part: Option<(u32, u32)>,
    pub said: String,
}

impl Span {
    pub fn resolve(&self, now: Moment, direction: Direction) -> When {
        let (from, to) = self.expr.resolve(now.day, direction);
        When { from, to, part: self.part, said: self.said.clone() }
    }
}

impl Expr {
    /// First and last day that are meant.
    pub fn resolve(&self, today: i64, direction: Direction) -> (Option<i64>, Option<i64>) {
        let past = direction == Direction::Past;
        let days = |from, to| (Some(from), Some(to));
        match self {
            Expr::Days(from, to) => days(*from, *to),
            Expr::Weekday(w) => {
                let ahead = (*w as i64 - weekday(today) as i64).rem_euclid(7);
                let day = if past && ahead > 0 { today + ahead - 7 } else { today + ahead };
                days(day, day)
            }
            Expr::Weekend => {
                let monday = week_start(today);
                let shift = if past && today < monday + 5 { -7 } else { 0 };
                days(monday + 5 + shift, monday + 6 + shift)
            }
            Expr::Month(m) => {
                let (year, month, _) = date_of(today);
                let year = match (past, *m > month, *m < month) {
                    (true, true, _) => year - 1,
                    (false, _, true) => year + 1,
                    _ => year,
                };
                let (from, to) = month_days(year, *m);
                days(from, to)
            }
            Expr::MonthDay(m, d) => {
                let (year, ..) = date_of(today);
                let day = day_of(year, *m, *d);
                let day = match () {
                    () if past && day > today => day_of(year - 1, *m, *d),
                    () if !past && day < today => day_of(year + 1, *m, *d),
                    () => day,
                };
                days(day, day)
            }
            Expr::DayOfMonth(d) => {
                let (year, month, _) = date_of(today);
                let (first, last) = month_days(year, month);
                let mut day = (first + d - 1).min(last);
                if past && day > today {
                    let (first, last) = month_days(year, month - 1);
                    day = (first + d - 1).min(last);
                } else if !past && day < today {
                    let (first, last) = month_days(year, month + 1);
                    day = (first + d - 1).min(last);
                }
                days(day, day)
            }
            Expr::Since(e) => (e.resolve(today, Direction::Past).0, past.then_some(today)),
            Expr::Until(e) => (None, e.resolve(today, direction).1),
            Expr::Before(e) => (None, e.resolve(today, direction).0.map(|day| day - 1)),
            Expr::After(e) => (e.resolve(today, direction).1.map(|day| day + 1), None),
            Expr::Between(a, b) => {
                let from = a.resolve(today, direction).0;
                let to = b.resolve(today, direction).1;
                match (from, to) {
                    // "between March and May" asked in April: the earlier end belongs to the year before.
                    (Some(f), Some(t)) if f > t && past => (a.resolve(t, direction).0, to),
                    (Some(f), Some(t)) if f > t => (from, b.resolve(f, Direction::Future).1),
                    _ => (from, to),
                }
            }
        }
    }
}

const MORNING: (u32, u32) = (0, 12 * 3600 - 1);
const AFTERNOON: (u32, u32) = (12 * 3600, 17 * 3600 - 1);
const EVENING: (u32, u32) = (17 * 3600, 24 * 3600 - 1);

fn week_start(day: i64) -> i64 {
    day - (weekday(day) as i64 + 6) % 7
}

/// All time phrases of an utterance, longest first at each place, left to right, not overlapping.
pub fn find(tokens: &[Token], now: Moment) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        match (Reader { tokens, today: now.day }).phrase(i) {
            Some((end, expr, part)) => {
                spans.push(Span { said: said(&tokens[i..end]), range: i..end, expr, part });
                i = end;
            }
            None => i += 1,
        }
    }
    spans
}

/// The phrase with days and months as they are written.
fn said(tokens: &[Token]) -> String {
    let mut words: Vec<String> = Vec::new();
    for token in tokens {
        let capital = WEEKDAYS.iter().chain(&MONTHS).find(|name| name.eq_ignore_ascii_case(&token.text));
        words.push(capital.map_or_else(|| token.text.clone(), |name| name.to_string()));
    }
    words.join(" ").replace(" 's", "'s")
}

struct Reader<'a> {
    tokens: &'a [Token],
    today: i64,
}

type Found = (usize, Expr, Option<(u32, u32)>);

impl Reader<'_> {
    fn word(&self, i: usize) -> &str {
        self.tokens.get(i).map_or("", |t| t.text.as_str())
    }

    fn is(&self, i: usize, words: &[&str]) -> bool {
        words.contains(&self.word(i))
    }

    fn phrase(&self, i: usize) -> Option<Found> {
        self.bounded(i).or_else(|| self.plain(i))
    }

    /// "since …", "between … and …", "before …".
    fn bounded(&self, i: usize) -> Option<Found> {
        let wrap = |skip: usize, make: fn(Box<Expr>) -> Expr| {
            let (end, expr, _) = self.plain(i + skip)?;
            Some((end, make(Box::new(expr)), None))
        };
        match self.word(i) {
            "since" => wrap(1, Expr::Since),
            "starting" if self.is(i + 1, &["in", "on", "from"]) => wrap(2, Expr::Since),
            "from" | "between" => {
                let (end, a, _) = self.plain(i + 1)?;
                if self.is(end, &["to", "and", "until", "till", "through", "thru"]) {
                    if self.is(end + 1, &["now", "today"]) {
                        return Some((end + 2, Expr::Since(Box::new(a)), None));
                    }
                    let (end, b, _) = self.plain(end + 1)?;
                    return Some((end, Expr::Between(Box::new(a), Box::new(b)), None));
                }
                if self.word(i) == "from" && self.is(end, &["on", "onward", "onwards"]) {
                    return Some((end + 1, Expr::Since(Box::new(a)), None));
                }
                None
            }
            "until" | "till" | "through" | "thru" | "by" => wrap(1, Expr::Until),
            "up" if self.is(i + 1, &["to", "until"]) => wrap(2, Expr::Until),
            "before" | "prior" => wrap(if self.word(i) == "prior" { 2 } else { 1 }, Expr::Before),
            "after" => wrap(1, Expr::After),
            "later" if self.is(i + 1, &["today"]) => Some((i + 2, Expr::Days(self.today, self.today), None)),
            _ => None,
        }
    }

    /// A phrase with its preposition and part of the day: "on friday morning".
    fn plain(&self, i: usize) -> Option<Found> {
        let mut start = i;
        let mut preposition = false;
        while self.is(
            start,
            &[
                "on",
                "in",
                "during",
                "over",
                "for",
                "within",
                "throughout",
                "of",
                "from",
                "at",
                "so",
                "far",
                "as",
            ],
        ) && start < i + 3
        {
            // "so far this year", "as of today": the pairs only.
            if self.is(start, &["so"]) && self.word(start + 1) != "far"
                || self.is(start, &["as"]) && self.word(start + 1) != "of"
            {
                return None;
            }
            start += 1;
            preposition = true;
        }
        let the = self.is(start, &["the", "these", "those", "all", "every"]);
        let start_base = if the { start + 1 } else { start };
        let preposition_word = if preposition { self.word(start - 1) } else { "" };
        let (mut end, expr, mut part) = self.base(start_base, the, preposition_word)?;
        if self.is(end, &["in", "during"]) && self.word(end + 1) == "the" && self.part(end + 2).is_some() {
            part = self.part(end + 2);
            end += 3;
        } else if let Some(p) = self.part(end) {
            part = Some(p);
            end += 1;
        }
        if self.is(end, &["so"]) && self.is(end + 1, &["far"]) {
            end += 2;
        }
        Some((end, expr, part))
    }

    fn part(&self, i: usize) -> Option<(u32, u32)> {
        match self.word(i) {
            "morning" => Some(MORNING),
            "afternoon" => Some(AFTERNOON),
            "evening" | "night" => Some(EVENING),
            _ => None,
        }
    }

    fn day(&self, end: usize, offset: i64) -> Option<Found> {
        Some((end, Expr::Days(self.today + offset, self.today + offset), None))
    }

    fn base(&self, i: usize, the: bool, preposition: &str) -> Option<Found> {
        match self.word(i) {
            "today" => return self.day(i + 1, 0),
            "tonight" => return Some((i + 1, Expr::Days(self.today, self.today), Some(EVENING))),
            "yesterday" => return self.day(i + 1, -1),
            "tomorrow" => return self.day(i + 1, 1),
            "day" if self.is(i + 1, &["before"]) && self.is(i + 2, &["yesterday"]) => {
                return self.day(i + 3, -2);
            }
            "day" if self.is(i + 1, &["after"]) && self.is(i + 2, &["tomorrow"]) => {
                return self.day(i + 3, 2);
            }
            "weekend" => return Some((i + 1, Expr::Weekend, None)),
            "lately" | "recently" => return Some((i + 1, Expr::Days(self.today - 30, self.today), None)),
            "week" | "month" | "year" | "day"
                if the && self.tokens.get(i - 1).is_some_and(|t| t.text == "all") =>
            {
                return self.calendar_unit(i, 0);
            }
            "month" | "year" | "week" if the && matches!(preposition, "for" | "in" | "during") => {
                return self.calendar_unit(i, 0);
            }
            "year" | "month" if self.is(i + 1, &["to"]) && self.is(i + 2, &["date"]) => {
                let (_, expr, _) = self.calendar_unit(i, 0)?;
                return Some((i + 3, Expr::Since(Box::new(expr)), None));
            }
            "beginning" | "start" | "end" | "first" if self.is(i + 1, &["of"]) => return self.edge(i),
            "christmas" => return Some((i + 1, Expr::MonthDay(12, 25), None)),
            "halloween" => return Some((i + 1, Expr::MonthDay(10, 31), None)),
            "new" if self.is(i + 1, &["year"]) => {
                let mut end = i + 2;
                end += usize::from(self.is(end, &["'s"]));
                end += usize::from(self.is(end, &["day"]));
                return (end > i + 2).then_some((end, Expr::MonthDay(1, 1), None));
            }
            _ => {}
        }
        self.relative(i, the)
            .or_else(|| self.counted(i, preposition))
            .or_else(|| self.named_day(i, preposition))
            .or_else(|| self.numeric_date(i))
            .or_else(|| self.bare_year(i, preposition))
            .or_else(|| {
                let (d, used) = ordinal(self.tokens.get(i..)?)?;
                (the && d <= 31
                    && preposition != "of"
                    && !self.is(i + used, &["one", "time", "thing", "appointment"]))
                .then_some((i + used, Expr::DayOfMonth(d), None))
            })
    }

    /// "this week", "last friday", "the past two months", "next few days".
    fn relative(&self, i: usize, the: bool) -> Option<Found> {
        let (step, rolling) = match self.word(i) {
            "this" | "current" => (0, false),
            "last" | "previous" => (-1, the),
            "past" => (-1, true),
            "next" => (1, the),
            "coming" | "upcoming" | "following" => (1, true),
            _ => return None,
        };
        // "this coming friday", "this past week".
        if self.word(i) == "this" && self.is(i + 1, &["coming", "past", "last", "next"]) {
            return self.relative(i + 1, true);
        }
        let mut j = i + 1;
        let count = self.count(j).map(|(n, used)| {
            j += used;
            n
        });
        if let Some(unit) = unit_of(self.word(j)) {
            if step != 0 && (rolling || count.is_some()) {
                let n = count.unwrap_or(1);
                return Some((j + 1, self.rolling(step, n, unit), None));
            }
            return self.calendar_unit(j, step);
        }
        if count.is_some() {
            return None;
        }
        let word = self.word(j);
        if word == "weekend" {
            let saturday = week_start(self.today) + 5;
            let shift = match step {
                -1 => -7,
                1 if !rolling => 7,
                _ => 0,
            };
            return Some((j + 1, Expr::Days(saturday + shift, saturday + shift + 1), None));
        }
        if word == "quarter" {
            let (year, month, _) = date_of(self.today);
            let first = (month - 1) / 3 * 3 + 1 + 3 * step;
            return Some((j + 1, Expr::Days(month_days(year, first).0, month_days(year, first + 2).1), None));
        }
        if let Some(part) = self.part(j) {
            let day = self.today + step;
            return Some((j + 1, Expr::Days(day, day), Some(part)));
        }
        if let Some(w) = weekday_of(word) {
            let ahead = (w as i64 - weekday(self.today) as i64).rem_euclid(7);
            let day = match step {
                0 => self.today + ahead,
                -1 => self.today + ahead - 7,
                _ if rolling => self.today + if ahead == 0 { 7 } else { ahead },
                _ => week_start(self.today) + 7 + (w as i64 + 6) % 7,
            };
            return Some((j + 1, Expr::Days(day, day), None));
        }
        let m = month_of(word)?;
        let (year, month, _) = date_of(self.today);
        let year = match step {
            -1 => year - i64::from(m >= month),
            1 => year + i64::from(m <= month),
            _ => year,
        };
        if let Some((day, used)) = self.day_number(j + 1) {
            let day = day_of(year, m, day);
            return Some((j + 1 + used, Expr::Days(day, day), None));
        }
        let (from, to) = month_days(year, m);
        Some((j + 1, Expr::Days(from, to), None))
    }

    fn rolling(&self, step: i64, n: i64, unit: Unit) -> Expr {
        let far = match unit {
            Unit::Day => self.today + step * n,
            Unit::Week => self.today + step * n * 7,
            Unit::Month => add_months(self.today, step * n),
            Unit::Year => add_months(self.today, step * n * 12),
        };
        if step < 0 { Expr::Days(far, self.today) } else { Expr::Days(self.today, far) }
    }

    fn calendar_unit(&self, i: usize, step: i64) -> Option<Found> {
        let (year, month, _) = date_of(self.today);
        let (from, to) = match unit_of(self.word(i))? {
            Unit::Day => (self.today + step, self.today + step),
            Unit::Week => (week_start(self.today) + 7 * step, week_start(self.today) + 7 * step + 6),
            Unit::Month => month_days(year, month + step),
            Unit::Year => (day_of(year + step, 1, 1), day_of(year + step, 12, 31)),
        };
        Some((i + 1, Expr::Days(from, to), None))
    }

    /// "three days ago", "a couple of weeks ago", "in two weeks", "two weeks from now".
    fn counted(&self, i: usize, preposition: &str) -> Option<Found> {
        let (n, used) = self.count(i)?;
        let unit = unit_of(self.word(i + used))?;
        let end = i + used + 1;
        let (step, end) = if self.is(end, &["ago", "back"]) {
            (-1, end + 1)
        } else if self.is(end, &["from"]) && self.is(end + 1, &["now", "today"]) {
            (1, end + 2)
        } else if preposition == "in" {
            (1, end)
        } else if preposition == "within" {
            return Some((end, self.rolling(1, n, unit), None));
        } else {
            return None;
        };
        let (year, month, _) = date_of(self.today);
        let (from, to) = match unit {
            Unit::Day => (self.today + step * n, self.today + step * n),
            // Nobody counts weeks to the day.
            Unit::Week => (self.today + step * n * 7 - 1, self.today + step * n * 7 + 1),
            Unit::Month => month_days(year, month + step * n),
            Unit::Year => (day_of(year + step * n, 1, 1), day_of(year + step * n, 12, 31)),
        };
        Some((end, Expr::Days(from, to), None))
    }

    fn count(&self, i: usize) -> Option<(i64, usize)> {
        match self.word(i) {
            "a" | "an" if self.is(i + 1, &["couple"]) => {
                return Some((2, if self.is(i + 2, &["of"]) { 3 } else { 2 }));
            }
            "a" | "an" if self.is(i + 1, &["few"]) => return Some((3, 2)),
            "couple" => return Some((2, if self.is(i + 1, &["of"]) { 2 } else { 1 })),
            "few" => return Some((3, 1)),
            "a" | "an" if unit_of(self.word(i + 1)).is_some() => return Some((1, 1)),
            _ => {}
        }
        number(self.tokens.get(i..)?).filter(|&(n, _)| (1..=1000).contains(&n))
    }

    /// A day of a month as a number or an ordinal, not the beginning of a year.
    fn day_number(&self, i: usize) -> Option<(i64, usize)> {
        let rest = self.tokens.get(i..)?;
        let the = usize::from(self.is(i, &["the"]));
        ordinal(rest.get(the..)?)
            .or_else(|| number(rest.get(the..)?).filter(|&(n, _)| n <= 31 && self.year(i + the).is_none()))
            .filter(|&(n, _)| (1..=31).contains(&n))
            .map(|(n, used)| (n, used + the))
    }

    /// "2026", "twenty twenty six", "two thousand twenty six".
    fn year(&self, i: usize) -> Option<(i64, usize)> {
        let rest = self.tokens.get(i..)?;
        let (first, used) = number(rest)?;
        if (1900..=2100).contains(&first) {
            return Some((first, used));
        }
        if first == 19 || first == 20 {
            let (second, more) = number(rest.get(used..)?)?;
            if (10..=99).contains(&second) {
                return Some((first * 100 + second, used + more));
            }
        }
        None
    }

    fn bare_year(&self, i: usize, preposition: &str) -> Option<Found> {
        let (year, used) = self.year(i)?;
        let sure = matches!(preposition, "in" | "during" | "for" | "of" | "from" | "throughout")
            || (i > 0 && self.is(i - 1, &["since", "before", "after", "until"]));
        sure.then_some((i + used, Expr::Days(day_of(year, 1, 1), day_of(year, 12, 31)), None))
    }

    /// "the beginning of the year", "the end of the month", "the first of march".
    fn edge(&self, i: usize) -> Option<Found> {
        let mut j = i + 2;
        if self.word(i) == "first"
            && let Some(m) = month_of(self.word(j))
        {
            return Some((j + 1, Expr::MonthDay(m, 1), None));
        }
        if self.is(j, &["the", "this"]) {
            j += 1;
        }
        let (end, expr, _) = if unit_of(self.word(j)).is_some() {
            self.calendar_unit(j, 0)?
        } else {
            self.relative(j, false).or_else(|| self.named_day(j, "in"))?
        };
        let (from, to) = expr.resolve(self.today, Direction::Past);
        let day = if self.word(i) == "end" { to? } else { from? };
        Some((end, Expr::Days(day, day), None))
    }

    /// Weekdays and months by name, with day and year when they follow.
    fn named_day(&self, i: usize, preposition: &str) -> Option<Found> {
        if let Some(w) = weekday_of(self.word(i)) {
            // "friday the 5th", "tuesday december first": the date says more than the weekday.
            let more = i + 1 + usize::from(self.is(i + 1, &["the"]));
            if let Some(found) =
                self.named_day(more, "").filter(|(_, e, _)| matches!(e, Expr::MonthDay(..) | Expr::Days(..)))
            {
                return Some(found);
            }
            if more == i + 2
                && let Some((d, used)) = ordinal(self.tokens.get(more..)?)
            {
                return Some((more + used, Expr::DayOfMonth(d), None));
            }
            return Some((i + 1, Expr::Weekday(w), None));
        }
        // "the fifth of march", "5 march 2026"
        if let Some((day, used)) = self.day_number(i) {
            let of = i + used + usize::from(self.is(i + used, &["of"]));
            if let Some(m) = month_of(self.word(of)) {
                return Some(self.with_year(of + 1, m, day));
            }
        }
        let m = month_of(self.word(i))?;
        if let Some((day, used)) = self.day_number(i + 1) {
            return Some(self.with_year(i + 1 + used, m, day));
        }
        let of = i + 1 + usize::from(self.is(i + 1, &["of"]));
        if let Some((year, used)) = self.year(of) {
            let (from, to) = month_days(year, m);
            return Some((of + used, Expr::Days(from, to), None));
        }
        if self.is(of, &["last", "this", "next"]) && self.is(of + 1, &["year"]) {
            let step = match self.word(of) {
                "last" => -1,
                "next" => 1,
                _ => 0,
            };
            let (from, to) = month_days(date_of(self.today).0 + step, m);
            return Some((of + 2, Expr::Days(from, to), None));
        }
        // These two are also verbs: they need their preposition.
        let verb = matches!(self.word(i), "may" | "march" | "mar");
        let introduced = !preposition.is_empty()
            || i > 0
                && self.is(
                    i - 1,
                    &["since", "before", "after", "until", "by", "between", "and", "from", "to", "about"],
                );
        (!verb || introduced).then_some((i + 1, Expr::Month(m), None))
    }

    fn with_year(&self, i: usize, month: i64, day: i64) -> Found {
        if let Some((year, used)) = self.year(i) {
            let day = day_of(year, month, day);
            return (i + used, Expr::Days(day, day), None);
        }
        (i, Expr::MonthDay(month, day), None)
    }

    /// 2026-03-05, 3/5/2026, 3/5/26, 3/5.
    fn numeric_date(&self, i: usize) -> Option<Found> {
        let word = self.word(i);
        let parts: Vec<&str> = word.split(['/', '-']).collect();
        let numbers: Vec<i64> = parts.iter().map(|p| p.parse().ok()).collect::<Option<_>>()?;
        let valid = |y: i64, m: i64, d: i64| {
            (1..=12).contains(&m) && d >= 1 && d <= month_days(y, m).1 - month_days(y, m).0 + 1
        };
        match numbers[..] {
            [y, m, d] if y >= 1000 && valid(y, m, d) => {
                Some((i + 1, Expr::Days(day_of(y, m, d), day_of(y, m, d)), None))
            }
            [m, d, y] => {
                let y = if y < 100 { 2000 + y } else { y };
                valid(y, m, d).then(|| (i + 1, Expr::Days(day_of(y, m, d), day_of(y, m, d)), None))
            }
            // 2024 lets 2/29 pass. "120/80" is no date and fails here.
            [m, d] if valid(2024, m, d) && word.contains('/') => Some((i + 1, Expr::MonthDay(m, d), None)),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

fn unit_of(word: &str) -> Option<Unit> {
    Some(match word {
        "day" | "days" => Unit::Day,
        "week" | "weeks" => Unit::Week,
        "month" | "months" => Unit::Month,
        "year" | "years" => Unit::Year,
        _ => return None,
    })
}

fn weekday_of(word: &str) -> Option<usize> {
    let word = word.strip_suffix('s').filter(|w| w.ends_with("day")).unwrap_or(word);
    WEEKDAYS.iter().position(|name| name.eq_ignore_ascii_case(word))
}

fn month_of(word: &str) -> Option<i64> {
    MONTHS.iter().position(|name| name.eq_ignore_ascii_case(word)).map(|p| p as i64 + 1)
}

#[cfg(test)]
#[path = "when_tests.rs"]
mod tests;
