//! Days and what they are called. Pure arithmetic on the database's day numbers (31 December 1967 = 0, a Sunday).

pub const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// 0 = Sunday.
pub fn weekday(day: i64) -> usize {
    day.rem_euclid(7) as usize
}

/// The day number of a date of the Gregorian calendar; a day past the month's end runs on into the next month.
pub fn day_of(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March put the leap day last; see Hinnant, "chrono-compatible low-level date algorithms".
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * m + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468 + 732
}

/// Year, month 1..=12 and day of the month of a day number.
pub fn date_of(day: i64) -> (i64, i64, i64) {
    let z = day - 732 + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// First and last day of a month; `month` may run past 1..=12 and carries into the year.
pub fn month_days(year: i64, month: i64) -> (i64, i64) {
    let index = year * 12 + month - 1;
    let (y, m) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    let first = day_of(y, m, 1);
    let next = if m == 12 { day_of(y + 1, 1, 1) } else { day_of(y, m + 1, 1) };
    (first, next - 1)
}

/// The same day `months` later, held within the month it falls into.
pub fn add_months(day: i64, months: i64) -> i64 {
    let (y, m, d) = date_of(day);
    let (first, last) = month_days(y, m + months);
    (first + d - 1).min(last)
}

/// Full years from `birth` to `today`.
pub fn age(birth: i64, today: i64) -> i64 {
    let (by, bm, bd) = date_of(birth);
    let (y, m, d) = date_of(today);
    y - by - i64::from((m, d) < (bm, bd))
}

/// `2026-03-05`, which the database's date conversion accepts in every setting.
pub fn iso(day: i64) -> String {
    let (y, m, d) = date_of(day);
    format!("{y:04}-{m:02}-{d:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_zero_is_new_years_eve_1967() {
        assert_eq!(day_of(1967, 12, 31), 0);
        assert_eq!(weekday(0), 0);
        // 24 November 2026 is a Tuesday.
        assert_eq!(weekday(day_of(2026, 11, 24)), 2);
    }

    #[test]
    fn dates_come_back_over_four_centuries() {
        for day in (-40_000..160_000).step_by(17) {
            let (y, m, d) = date_of(day);
            assert_eq!(day_of(y, m, d), day);
        }
    }

    #[test]
    fn months_end_where_they_do() {
        assert_eq!(date_of(month_days(2024, 2).1), (2024, 2, 29));
        assert_eq!(date_of(month_days(2026, 13).0), (2027, 1, 1));
        assert_eq!(date_of(add_months(day_of(2026, 1, 31), 1)), (2026, 2, 28));
        assert_eq!(age(day_of(1980, 11, 25), day_of(2026, 11, 24)), 45);
    }
}
