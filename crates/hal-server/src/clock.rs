//! The one place that asks for the time. Everything below takes it as an argument.

#![allow(clippy::disallowed_methods)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hal_dialog::Moment;
use hal_dialog::session::Millis;

/// Monotonic and wall clock, kept apart.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Milliseconds since the program started; never goes back.
    pub fn now_ms(&self) -> Millis {
        self.start.elapsed().as_millis() as Millis
    }

    /// The instant `at` of [`Clock::now_ms`], for the runtime's timers.
    pub fn instant(&self, at: Millis) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.start + std::time::Duration::from_millis(at))
    }

    /// The wall clock, in milliseconds since 1970, UTC.
    pub fn unix_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }

    /// The wall clock as the household reads it: local day and second of the day.
    pub fn moment(&self) -> Moment {
        let now = jiff::ZonedDateTime::now();
        let (date, time) = (now.date(), now.time());
        let day = hal_db::date::day_from_ymd(
            date.year().into(),
            u32::from(date.month().unsigned_abs()),
            u32::from(date.day().unsigned_abs()),
        );
        let second = [time.hour(), time.minute(), time.second()]
            .into_iter()
            .fold(0, |sum, part| sum * 60 + u32::from(part.unsigned_abs()));
        Moment { day, second, unix_ms: now.timestamp().as_millisecond() }
    }

    /// The wall clock for messages: ISO 8601, UTC, whole seconds.
    pub fn timestamp(&self) -> String {
        let seconds = self.unix_ms().div_euclid(1000);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Day 732 of the database's calendar is 1 January 1970.
        let (year, month, day) = hal_db::date::ymd_from_day(days + 732);
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// The history of records counts seconds since 1970, UTC, and is asked for by local days.
impl hal_db::history::Clock for Clock {
    fn now(&self) -> u64 {
        u64::try_from(self.unix_ms() / 1000).unwrap_or(0)
    }

    fn of_local(&self, day: i64, second: u32) -> Option<u64> {
        let (year, month, day) = hal_db::date::ymd_from_day(day);
        let at = jiff::civil::DateTime::new(
            year.try_into().ok()?,
            month.try_into().ok()?,
            day.try_into().ok()?,
            (second / 3600).try_into().ok()?,
            (second / 60 % 60).try_into().ok()?,
            (second % 60).try_into().ok()?,
            0,
        );
        let moment = at.ok()?.to_zoned_datetime(jiff::tz::TimeZone::system()).ok()?.timestamp();
        u64::try_from(moment.as_second()).ok()
    }

    fn to_local(&self, moment: u64) -> (i64, u32) {
        let at = i64::try_from(moment).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
        let at = at.unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned_datetime(jiff::tz::TimeZone::system());
        let part = |part: i8| u32::from(part.unsigned_abs());
        let day = hal_db::date::day_from_ymd(at.year().into(), part(at.month()), part(at.day()));
        (day, part(at.hour()) * 3600 + part(at.minute()) * 60 + part(at.second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_same_after_the_way_to_local_time_and_back() {
        use hal_db::history::Clock as _;
        let clock = Clock::start();
        // Noon is never in an hour that comes twice.
        for day in [21_000, 21_180, 21_513] {
            let moment = clock.of_local(day, 43_200).expect("a day of our time");
            assert_eq!(clock.to_local(moment), (day, 43_200));
        }
        assert_eq!(clock.of_local(i64::MAX / 2, 0), None);
    }

    #[test]
    fn the_timestamp_is_utc_and_reads_back() {
        let clock = Clock::start();
        let text = clock.timestamp();
        let read: jiff::Timestamp = text.parse().expect("ISO 8601");
        assert!((read.as_millisecond() - clock.unix_ms()).abs() < 60_000, "{text}");
    }
}
