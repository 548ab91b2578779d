//! The audit log does not grow for ever: its beginning is cut off, and the chain of what stays still holds.
//!
//! A cut is written down twice in one commit: as a record (what is gone, and the hash of its last entry, which the first entry
//! that stays follows) and as an entry at the end of the chain that names both. Whoever makes up a record of a cut would have
//! to make the chain anew, as ever. Of what is gone nothing can be shown, except by an export of before.

use std::ops::ControlFlow;

use hal_db::Database;
use tracing::{error, info};

use super::chain::{Cut, Event, Head, Walk};
use super::principal::LOCAL;
use super::store;

/// Entries that go in one commit.
const ENTRIES_AT_ONCE: u64 = 10_000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// How much of the log stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// 0: for ever.
    pub days: u32,
    pub entries_max: u64,
}

impl Keep {
    /// Whether the oldest entry, by its number and time, is due: a little more than what stays, so that a cut is worth an entry.
    fn is_due(&self, number: u64, at_ms: i64, head: Head, now_ms: i64) -> bool {
        let too_old = self.days > 0 && at_ms < now_ms - (i64::from(self.days) + 1) * DAY_MS;
        let count = head.number - number + 1;
        too_old || count > self.entries_max + self.entries_max / 100
    }

    /// Whether an entry goes in a cut.
    fn goes(&self, number: u64, at_ms: i64, head: Head, now_ms: i64) -> bool {
        let too_old = self.days > 0 && at_ms < now_ms - i64::from(self.days) * DAY_MS;
        number < head.number && (too_old || head.number - number >= self.entries_max)
    }
}

/// Cuts off what is due, in one commit and not all of it where that is much. The chain's new end, if something was cut.
///
/// What does not verify stays, for people to look at.
pub(super) fn cut(database: &Database, head: Head, keep: Keep, now_ms: i64) -> hal_db::Result<Option<Head>> {
    let snapshot = database.snapshot()?;
    let before = store::cuts(&snapshot)?.pop();
    let from = before.map(|cut| cut.head).unwrap_or_default();
    let mut walk = Walk::from(from);
    let mut broken = None;
    store::audit(&snapshot, &mut |entry| {
        let Some(entry) = entry else {
            broken = Some(walk.head().number + 1);
            return ControlFlow::Break(());
        };
        let first = walk.head().number == from.number;
        let at = (entry.number, entry.at_ms, head, now_ms);
        if (first && !keep.is_due(at.0, at.1, at.2, at.3))
            || !keep.goes(at.0, at.1, at.2, at.3)
            || entry.number > from.number + ENTRIES_AT_ONCE
        {
            return ControlFlow::Break(());
        }
        match walk.take(&entry) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => {
                broken = Some(entry.number);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(number) = broken {
        error!(number, "the audit log is broken and not cut: see `hal audit verify`");
        return Ok(None);
    }
    let gone = walk.head();
    if gone.number == from.number {
        return Ok(None);
    }
    let cut = Cut { at_ms: now_ms, first: from.number + 1, head: gone };
    let event = Event {
        what: Cut::WHAT.to_owned(),
        user: LOCAL.to_owned(),
        about: cut.about(),
        result: "ok".to_owned(),
        ..Event::default()
    };
    let entry = head.next(now_ms, event);
    let end = entry.head();
    database.write(move |txn| {
        for number in cut.first..=cut.head.number {
            store::delete_audit(txn, number)?;
        }
        store::write_cut(txn, &cut)?;
        store::write_audit(txn, std::slice::from_ref(&entry))
    })?;
    info!(first = cut.first, last = cut.head.number, "audit log cut");
    Ok(Some(end))
}
