//! What each conversation remembers between its turns, for as many conversations as the limit allows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hal_dialog::Memory;
use hal_dialog::session::Millis;
use hal_wire::listener::{Reply, UNKNOWN};

/// Conversations remembered at once; beyond it those that are silent longest are forgotten.
const SESSIONS_MAX: usize = 20_000;
/// A conversation that was silent this long begins anew.
const IDLE_MS_MAX: u64 = 30 * 60 * 1000;

/// The memories of all sessions.
#[derive(Default)]
pub(super) struct Sessions {
    entries: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    session: SharedSession,
    used: Millis,
}

/// One conversation; its lock makes the turns of a session follow each other.
#[derive(Clone, Default)]
pub(super) struct SharedSession(Arc<Mutex<SessionMemory>>);

/// What one conversation remembers.
#[derive(Default)]
pub(super) struct SessionMemory {
    pub memory: Memory,
    /// The outage of the records' server that this conversation has heard of.
    pub outage_told: Option<u64>,
    /// The last turn and its reply, for a gateway that lost the connection before it could read it.
    last: Option<(u64, Reply)>,
}

impl SharedSession {
    pub(super) fn lock(&self) -> MutexGuard<'_, SessionMemory> {
        // A skill that panicked has lost its own turn only.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionMemory {
    pub(super) fn replied(&self, turn: u64) -> Option<Reply> {
        self.last.as_ref().filter(|(last, _)| *last == turn).map(|(_, reply)| reply.clone())
    }

    pub(super) fn remember(&mut self, turn: u64, reply: &Reply) {
        if turn != 0 {
            self.last = Some((turn, reply.clone()));
        }
    }
}

impl Sessions {
    /// The memory of session `id` at time `now`. Clients without an id do not share one.
    pub(super) fn get(&self, id: &str, now: Millis) -> SharedSession {
        if id == UNKNOWN {
            return SharedSession::default();
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(id) {
            if now.saturating_sub(entry.used) > IDLE_MS_MAX {
                entry.session = SharedSession::default();
            }
            entry.used = now;
            return entry.session.clone();
        }
        if entries.len() >= SESSIONS_MAX {
            forget_oldest(&mut entries);
        }
        let session = SharedSession::default();
        entries.insert(id.to_owned(), Entry { session: session.clone(), used: now });
        session
    }
}

/// Makes room for many at once, so that a full table costs one pass in a while and not one per session.
fn forget_oldest(entries: &mut HashMap<String, Entry>) {
    let mut used: Vec<Millis> = entries.values().map(|entry| entry.used).collect();
    let keep_from = used.len() / 4;
    let (_, &mut limit, _) = used.select_nth_unstable(keep_from);
    entries.retain(|_, entry| entry.used > limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remember(sessions: &Sessions, id: &str, now: Millis) {
        let reply = Reply::error(hal_wire::Code::Internal, "x", id, "t");
        sessions.get(id, now).lock().remember(1, &reply);
    }

    #[test]
    fn a_session_is_remembered_until_it_was_silent_for_long() {
        let sessions = Sessions::default();
        remember(&sessions, "a", 0);
        assert!(sessions.get("a", IDLE_MS_MAX).lock().replied(1).is_some());
        assert!(sessions.get("a", 2 * IDLE_MS_MAX + 1).lock().replied(1).is_none());
    }

    #[test]
    fn clients_without_an_id_share_nothing() {
        let sessions = Sessions::default();
        remember(&sessions, UNKNOWN, 0);
        assert!(sessions.get(UNKNOWN, 1).lock().replied(1).is_none());
    }

    #[test]
    fn a_full_table_forgets_those_that_were_silent_longest() {
        let sessions = Sessions::default();
        for number in 0..SESSIONS_MAX {
            remember(&sessions, &number.to_string(), number as Millis);
        }
        remember(&sessions, "new", SESSIONS_MAX as Millis);
        assert!(sessions.get("0", 20_001).lock().replied(1).is_none());
        assert!(sessions.get("19999", 20_001).lock().replied(1).is_some());
        assert!(sessions.get("new", 20_001).lock().replied(1).is_some());
    }
}
