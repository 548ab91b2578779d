//! Who looks at the admin page, remembered from one look to the next. Pure; knows no secret, only its digest.
//!
//! The page asks every other second. Signing in each time would fill the audit log with one owner's patience, so a look that
//! shows what the one before has shown goes on with its handle, which the listener looks up anew each time: what was
//! revoked a moment ago opens nothing. A visit also says who may see this gateway's own part while the listener is away.

use std::sync::{Mutex, PoisonError};

use hal_dialog::session::Millis;
use hal_wire::Private;

use crate::auth::secret::Digest;

/// Pages that are open at once; one more takes the place of the one that looked longest ago.
const VISITS_MAX: usize = 32;
/// A page that has not looked for this long signs in again.
const IDLE_MS: Millis = 60_000;
/// For how long this gateway's part is shown while the listener, who decides, is away.
const ALONE_MS: Millis = 10 * 60_000;

#[derive(Debug, Default)]
pub(crate) struct Visits(Mutex<Vec<Visit>>);

#[derive(Debug)]
struct Visit {
    shown: Digest,
    handle: Private<String>,
    seen: Millis,
    /// When the listener last said that they may.
    allowed: Millis,
}

impl Visits {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Visit>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The handle of whoever showed the same a moment ago.
    pub(super) fn find(&self, shown: &Digest, now: Millis) -> Option<Private<String>> {
        self.with(|visits| {
            visits.retain(|visit| now.saturating_sub(visit.seen) < IDLE_MS);
            let visit = visits.iter_mut().find(|visit| visit.shown.is(shown))?;
            visit.seen = now;
            Some(visit.handle.clone())
        })
    }

    /// The listener has shown them everything.
    pub(super) fn allowed(&self, shown: Digest, handle: Private<String>, now: Millis) {
        self.with(|visits| {
            visits.retain(|visit| !visit.shown.is(&shown));
            if visits.len() >= VISITS_MAX {
                let longest = visits.iter().enumerate().min_by_key(|(_, visit)| visit.seen);
                if let Some((index, _)) = longest {
                    visits.swap_remove(index);
                }
            }
            visits.push(Visit { shown, handle, seen: now, allowed: now });
        });
    }

    /// The listener does not let them in any more.
    pub(super) fn refused(&self, shown: &Digest) {
        self.with(|visits| visits.retain(|visit| !visit.shown.is(shown)));
    }

    /// Whether the listener, while it was there, let them in not long ago.
    pub(super) fn may_look_alone(&self, shown: &Digest, now: Millis) -> bool {
        self.with(|visits| {
            visits.iter().any(|visit| visit.shown.is(shown) && now.saturating_sub(visit.allowed) < ALONE_MS)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_goes_on_while_it_looks_and_only_with_what_it_showed() {
        let visits = Visits::default();
        let (ann, ben) = (Digest::of("ann"), Digest::of("ben"));
        visits.allowed(ann, "handle".to_owned().into(), 0);
        assert!(visits.find(&ben, 1).is_none());
        assert_eq!(visits.find(&ann, IDLE_MS - 1).expect("goes on").expose(), "handle");
        assert!(visits.find(&ann, 2 * IDLE_MS - 2).is_some(), "looking keeps it");
        assert!(visits.find(&ann, 4 * IDLE_MS).is_none(), "it has not looked");
        visits.allowed(ann, "handle".to_owned().into(), 0);
        visits.refused(&ann);
        assert!(visits.find(&ann, 1).is_none());
    }

    #[test]
    fn who_was_let_in_sees_this_gateway_alone_for_a_while_and_nobody_else_does() {
        let visits = Visits::default();
        let (ann, ben) = (Digest::of("ann"), Digest::of("ben"));
        visits.allowed(ann, "handle".to_owned().into(), 0);
        assert!(visits.may_look_alone(&ann, ALONE_MS - 1));
        assert!(!visits.may_look_alone(&ann, ALONE_MS));
        assert!(!visits.may_look_alone(&ben, 1));
    }

    #[test]
    fn there_are_never_more_than_the_bound() {
        let visits = Visits::default();
        for number in 0..100u64 {
            visits.allowed(Digest::of(&number.to_string()), "h".to_owned().into(), number);
        }
        assert_eq!(visits.with(|visits| visits.len()), VISITS_MAX);
        assert!(visits.find(&Digest::of("0"), 100).is_none());
        assert!(visits.find(&Digest::of("99"), 100).is_some());
    }
}
