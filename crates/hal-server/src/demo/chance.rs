//! Deterministic chance: the same day and salt give the same numbers, on every machine and for ever.
//!
//! Keyed on the calendar day, not on a running state, so that a day of the past looks the same whichever day the
//! household is made on.

#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// `salt` tells apart the series that draw on the same day.
    pub(super) fn of(day: i64, salt: &str) -> Chance {
        // FNV-1a spreads the salt; the day is mixed in by the first step.
        let hash = salt.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Chance(hash ^ day.unsigned_abs().wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    // SplitMix64: tiny, and good enough for groceries.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low + 1).unsigned_abs();
        low + i64::try_from(self.next() % span).expect("the span of an i64 range fits")
    }

    /// The sum of three draws: values near the middle are likelier, as with prices and blood pressures.
    pub(super) fn around(&mut self, low: i64, high: i64) -> i64 {
        (self.between(low, high) + self.between(low, high) + self.between(low, high)) / 3
    }

    /// True in `percent` of the cases.
    pub(super) fn percent(&mut self, percent: i64) -> bool {
        self.between(0, 99) < percent
    }
}
