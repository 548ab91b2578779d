//! How much of something was taken of late. Pure: the time comes in.

use hal_dialog::session::Millis;

/// So much within so long; all of it may be taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// 0 is without a limit.
    pub limit: u64,
    pub window_ms: Millis,
}

/// What was taken and has not drained away yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// In units times milliseconds of the window, so that every millisecond drains a whole number.
    level: u64,
    at_ms: Millis,
}

impl Bucket {
    /// How long to wait until `cost` more has room, in ms; 0 when it has.
    ///
    /// What is more than the limit itself has room in an empty bucket: it could never be taken otherwise.
    pub(super) fn wait_ms(&self, rate: Rate, cost: u64, now_ms: Millis) -> Millis {
        if rate.limit == 0 {
            return 0;
        }
        let (level, room) = (self.level(rate, now_ms), rate.limit.saturating_mul(rate.window_ms));
        let surplus = level.saturating_add(cost.saturating_mul(rate.window_ms)).saturating_sub(room);
        surplus.min(level).div_ceil(rate.limit)
    }

    /// How long until no more is left than the limit, in ms: 0 unless more was taken than had room.
    pub(super) fn debt_ms(&self, rate: Rate, now_ms: Millis) -> Millis {
        if rate.limit == 0 {
            return 0;
        }
        let room = rate.limit.saturating_mul(rate.window_ms);
        self.level(rate, now_ms).saturating_sub(room).div_ceil(rate.limit)
    }

    /// Takes it, whether it has room or not. Returns when all will have drained.
    pub(super) fn take(&mut self, rate: Rate, cost: u64, now_ms: Millis) -> Millis {
        if rate.limit == 0 {
            return now_ms;
        }
        self.level = self.level(rate, now_ms).saturating_add(cost.saturating_mul(rate.window_ms));
        self.at_ms = now_ms;
        now_ms.saturating_add(self.level.div_ceil(rate.limit))
    }

    fn level(&self, rate: Rate, now_ms: Millis) -> u64 {
        self.level.saturating_sub(now_ms.saturating_sub(self.at_ms).saturating_mul(rate.limit))
    }
}
