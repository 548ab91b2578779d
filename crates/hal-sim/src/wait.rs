//! Waiting for a condition, never for a time: the deadline only bounds a failure.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long anything may take before a test calls it broken. Generous, because machines are shared.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition that cannot wake us is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks until `condition` gives a value, or fails after [`PATIENCE`] naming `what` was awaited.
pub fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> Result<T> {
    until_within(PATIENCE, what, condition)
}

/// As [`until`], with its own limit.
pub fn until_within<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = now() + limit;
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if now() > deadline {
            bail!("waited {} s in vain: {what}", limit.as_secs_f32());
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// The monotonic clock of tests and measurements.
#[allow(clippy::disallowed_methods, reason = "what is tested here are real programs, in real time")]
pub fn now() -> Instant {
    Instant::now()
}
