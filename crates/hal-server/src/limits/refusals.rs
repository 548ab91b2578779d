//! What follows a refusal: a word to the client, silence, or the end.

use hal_dialog::session::Millis;

use super::bucket::{Bucket, Rate};
use super::{Limit, MINUTE_MS};

/// Sound comes in fifty pieces a second; a word about it this often is enough.
const SOUND_TOLD_MS: Millis = 1_000;

/// What to do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Tell,
    /// It was told a moment ago.
    Silence,
    /// It was told often enough.
    Close,
}

/// The refusals of one connection.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    bucket: Bucket,
    sound_told_ms: Option<Millis>,
}

impl Refusals {
    /// Another one. `per_minute`: more are not told but end the connection; 0 never does.
    pub(crate) fn note(&mut self, limit: Limit, per_minute: u64, now_ms: Millis) -> Verdict {
        if matches!(limit, Limit::Sound | Limit::SoundHour) {
            if self.sound_told_ms.is_some_and(|told| now_ms < told + SOUND_TOLD_MS) {
                return Verdict::Silence;
            }
            self.sound_told_ms = Some(now_ms);
        }
        let rate = Rate { limit: per_minute, window_ms: MINUTE_MS };
        if self.bucket.wait_ms(rate, 1, now_ms) > 0 {
            return Verdict::Close;
        }
        self.bucket.take(rate, 1, now_ms);
        Verdict::Tell
    }
}
