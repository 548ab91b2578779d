use super::super::calendar::iso;
use super::super::normalise::tokens;
use super::*;

/// Tuesday, 24 November 2026, ten in the morning.
fn now() -> Moment {
    Moment { day: day_of(2026, 11, 24), second: 36_000, unix_ms: 0 }
}

fn resolved(text: &str, direction: Direction) -> String {
    let spans = find(&tokens(text), now());
    let [span] = &spans[..] else { return format!("{} spans", spans.len()) };
    let when = span.resolve(now(), direction);
    let show = |day: Option<i64>| day.map_or("…".into(), iso);
    format!("{} {}", show(when.from), show(when.to))
}

fn check(text: &str, past: &str, future: &str) {
    assert_eq!(resolved(text, Direction::Past), past, "looking back, {text:?}");
    assert_eq!(resolved(text, Direction::Future), future, "looking forward, {text:?}");
}

fn same(text: &str, expected: &str) {
    check(text, expected, expected);
}

#[test]
fn days_near_today() {
    same("today", "2026-11-24 2026-11-24");
    same("tonight", "2026-11-24 2026-11-24");
    same("this morning", "2026-11-24 2026-11-24");
    same("yesterday", "2026-11-23 2026-11-23");
    same("tomorrow afternoon", "2026-11-25 2026-11-25");
    same("the day after tomorrow", "2026-11-26 2026-11-26");
    same("the day before yesterday", "2026-11-22 2026-11-22");
    same("last night", "2026-11-23 2026-11-23");
    same("three days ago", "2026-11-21 2026-11-21");
    same("in 3 days", "2026-11-27 2026-11-27");
    same("a week ago", "2026-11-16 2026-11-18");
    same("two weeks from now", "2026-12-07 2026-12-09");
}

#[test]
fn weeks_months_and_years_of_the_calendar() {
    same("this week", "2026-11-23 2026-11-29");
    same("last week", "2026-11-16 2026-11-22");
    same("next week", "2026-11-30 2026-12-06");
    same("this month", "2026-11-01 2026-11-30");
    same("last month", "2026-10-01 2026-10-31");
    same("next month", "2026-12-01 2026-12-31");
    same("so far this year", "2026-01-01 2026-12-31");
    same("last year", "2025-01-01 2025-12-31");
    same("this quarter", "2026-10-01 2026-12-31");
    same("last quarter", "2026-07-01 2026-09-30");
    same("this weekend", "2026-11-28 2026-11-29");
    same("last weekend", "2026-11-21 2026-11-22");
    same("in 2025", "2025-01-01 2025-12-31");
    same("two months ago", "2026-09-01 2026-09-30");
}

#[test]
fn rolling_ranges_end_or_begin_today() {
    same("last seven days", "2026-11-17 2026-11-24");
    same("over the past 2 weeks", "2026-11-10 2026-11-24");
    same("in the next two weeks", "2026-11-24 2026-12-08");
    same("over the last month", "2026-10-24 2026-11-24");
    same("for the last couple of weeks", "2026-11-10 2026-11-24");
    same("the past year", "2025-11-24 2026-11-24");
    same("next few days", "2026-11-24 2026-11-27");
}

#[test]
fn names_without_a_year_follow_the_direction() {
    check("on friday", "2026-11-20 2026-11-20", "2026-11-27 2026-11-27");
    check("on tuesday", "2026-11-24 2026-11-24", "2026-11-24 2026-11-24");
    check("in march", "2026-03-01 2026-03-31", "2027-03-01 2027-03-31");
    check("in december", "2025-12-01 2025-12-31", "2026-12-01 2026-12-31");
    check("on the 5th", "2026-11-05 2026-11-05", "2026-12-05 2026-12-05");
    check("on the fifth of march", "2026-03-05 2026-03-05", "2027-03-05 2027-03-05");
    check("march 3rd", "2026-03-03 2026-03-03", "2027-03-03 2027-03-03");
    check("on december first", "2025-12-01 2025-12-01", "2026-12-01 2026-12-01");
    check("12/24", "2025-12-24 2025-12-24", "2026-12-24 2026-12-24");
    check("over the weekend", "2026-11-21 2026-11-22", "2026-11-28 2026-11-29");
}

#[test]
fn weekdays_with_this_last_and_next() {
    same("this friday", "2026-11-27 2026-11-27");
    same("last friday", "2026-11-20 2026-11-20");
    same("next friday", "2026-12-04 2026-12-04");
    same("this coming monday", "2026-11-30 2026-11-30");
    check("friday morning", "2026-11-20 2026-11-20", "2026-11-27 2026-11-27");
    same("last march", "2026-03-01 2026-03-31");
}

#[test]
fn whole_dates() {
    same("on march 3, 2026", "2026-03-03 2026-03-03");
    same("march third twenty twenty six", "2026-03-03 2026-03-03");
    same("in march 2026", "2026-03-01 2026-03-31");
    same("in march of last year", "2025-03-01 2025-03-31");
    same("2026-03-05", "2026-03-05 2026-03-05");
    same("on 3/5/2026", "2026-03-05 2026-03-05");
    same("3/5/26", "2026-03-05 2026-03-05");
    same("tuesday december 1st 2026", "2026-12-01 2026-12-01");
}

#[test]
fn bounds() {
    check("since january", "2026-01-01 2026-11-24", "2026-01-01 …");
    check("since last month", "2026-10-01 2026-11-24", "2026-10-01 …");
    check("since the beginning of the year", "2026-01-01 2026-11-24", "2026-01-01 …");
    same("before december 5 2026", "… 2026-12-04");
    same("until tomorrow", "… 2026-11-25");
    same("after next week", "2026-12-07 …");
    check("between march and may", "2026-03-01 2026-05-31", "2027-03-01 2027-05-31");
    same("from yesterday to tomorrow", "2026-11-23 2026-11-25");
    same("by the end of the month", "… 2026-11-30");
}

#[test]
fn what_is_no_time_is_left_alone() {
    for text in [
        "may i ask",
        "120/80",
        "the first one",
        "how much do i weigh",
        "march to the shop",
        "13/45/2026",
        "metformin 500",
    ] {
        assert_eq!(find(&tokens(text), now()), vec![], "for {text:?}");
    }
}

#[test]
fn the_phrase_can_be_said_back() {
    let spans = find(&tokens("what did i spend on friday and since march 3"), now());
    let said: Vec<&str> = spans.iter().map(|s| s.said.as_str()).collect();
    assert_eq!(said, ["on Friday", "since March 3"]);
}

#[test]
fn a_part_of_the_day_is_kept() {
    let spans = find(&tokens("yesterday evening"), now());
    assert_eq!(spans[0].part, Some(EVENING));
}
