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
        iso(self.unix_ms())
    }
}

/// A moment in ms since 1970 as ISO 8601, UTC, whole seconds.
pub fn iso(unix_ms: i64) -> String {
    let seconds = unix_ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Day 732 of the database's calendar is 1 January 1970.
    let (year, month, day) = hal_db::date::ymd_from_day(days + 732);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timestamp_is_utc_and_reads_back() {
        let clock = Clock::start();
        let text = clock.timestamp();
        let read: jiff::Timestamp = text.parse().expect("ISO 8601");
        assert!((read.as_millisecond() - clock.unix_ms()).abs() < 60_000, "{text}");
    }
}
