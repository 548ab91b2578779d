//! Day numbers: proleptic Gregorian dates counted from 31 December 1967 (day 0). Knows no clock and no time zone.
//!
//! A *stamp* is a date and a local time of day in one value: the day number, a point, and the second of the day as
//! five digits (`21513.29520` is 24 November 2026, 08:12:00). It sorts as a number, `D` shows its date, and
//! `G1.1` followed by `MT` its time, so the ordinary conversions and indices serve it.

/// Day number of 1 January 1970.
pub const UNIX_EPOCH_DAY: i64 = 732;

/// Gives the day number of a date; `month` 1..=12, `day` 1..=31 (a day past the end of its month runs on).
#[must_use]
pub fn day_from_ymd(year: i32, month: u32, day: u32) -> i64 {
    // Years that begin in March put the leap day last, which makes the month lengths a formula.
    // Source: H. Hinnant, "chrono-compatible low-level date algorithms".
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468 + UNIX_EPOCH_DAY
}

/// Gives year, month 1..=12 and day 1..=31 of a day number. Years are clamped to ±9,999,999.
#[must_use]
pub fn ymd_from_day(day: i64) -> (i32, u32, u32) {
    let days = day.clamp(-3_652_000_000, 3_652_000_000) - UNIX_EPOCH_DAY + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = (if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 }) as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month, day)
}

/// Gives the weekday of a day number, 1 = Monday .. 7 = Sunday.
#[must_use]
pub fn weekday(day: i64) -> u32 {
    ((day - 1).rem_euclid(7) + 1) as u32
}

/// Whether `year` has 366 days.
#[must_use]
pub fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Number of days in a month; `month` 1..=12.
#[must_use]
pub fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Gives `YYYY-MM-DD`, the text that every date conversion accepts.
#[must_use]
pub fn iso(day: i64) -> String {
    let (year, month, day) = ymd_from_day(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads `YYYY-MM-DD`; `None` for any other shape or a date that does not exist.
#[must_use]
pub fn from_iso(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0..4)? as i32, number(5..7)?, number(8..10)?);
    let valid = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    valid.then(|| day_from_ymd(year, month, day))
}

/// Gives the stamp of a local moment; `second` is the second of the day, 0..=86399.
#[must_use]
pub fn stamp(day: i64, second: u32) -> String {
    format!("{day}.{second:05}")
}

/// Reads a stamp into day and second of the day; a bare day number has second 0.
#[must_use]
pub fn from_stamp(text: &str) -> Option<(i64, u32)> {
    let (day, second) = text.split_once('.').unwrap_or((text, "00000"));
    let second = (second.len() == 5).then(|| second.parse::<u32>().ok())??;
    (second < 86_400).then_some((day.parse().ok()?, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_have_their_numbers() {
        for (day, ymd) in [
            (0, (1967, 12, 31)),
            (1, (1968, 1, 1)),
            (732, (1970, 1, 1)),
            (9649, (1994, 6, 1)),
            (-718_430, (1, 1, 1)),
        ] {
            assert_eq!(ymd_from_day(day), ymd);
            assert_eq!(day_from_ymd(ymd.0, ymd.1, ymd.2), day);
        }
    }

    #[test]
    fn every_day_of_twelve_centuries_comes_back_and_follows_the_one_before() {
        let mut last = ymd_from_day(-200_001);
        for day in -200_000..240_000 {
            let (year, month, dom) = ymd_from_day(day);
            assert_eq!(day_from_ymd(year, month, dom), day);
            let first = dom == 1;
            assert_eq!(first, last.2 == days_in_month(last.0, last.1), "day {day}");
            last = (year, month, dom);
        }
    }

    #[test]
    fn weekdays_are_counted_from_monday() {
        assert_eq!(weekday(0), 7);
        assert_eq!(weekday(9649), 3);
        assert_eq!(weekday(-6), 1);
    }

    #[test]
    fn only_real_iso_dates_are_read() {
        assert_eq!(from_iso("1994-06-01"), Some(9649));
        for bad in ["1994-6-1", "1994-02-30", "1994-13-01", "19940601", "1994-06-01 ", "+994-06-01"] {
            assert_eq!(from_iso(bad), None, "{bad}");
        }
    }

    #[test]
    fn stamps_keep_the_second() {
        assert_eq!(stamp(21513, 300), "21513.00300");
        assert_eq!(from_stamp("21513.00300"), Some((21513, 300)));
        assert_eq!(from_stamp("21513.3"), None);
    }
}
