//! What each conversation remembers between its turns, for as many conversations as the limit allows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hal_db::Access;
use hal_dialog::session::Millis;
use hal_dialog::{Memory, Skills};
use hal_wire::listener::{Reply, UNKNOWN};

use crate::auth::Principal;

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
    /// What whoever spoke last could read and talk about: somebody with other rights begins anew.
    rights: Option<(Access, Skills)>,
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
    /// Forgets what was said when the rights of the speaker have changed since: nothing is repeated, confirmed or undone that
    /// was said under others.
    pub(super) fn hold_to(&mut self, access: &Access, skills: &Skills) {
        let same = self.rights.as_ref().is_none_or(|(a, s)| a == access && s == skills);
        if !same {
            *self = SessionMemory::default();
        }
        self.rights = Some((access.clone(), skills.clone()));
    }

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
    /// The memory of session `id` of `principal` at time `now`: clients choose their ids, and must not hear what somebody else
    /// was told under the same. Clients without an id do not share one.
    pub(super) fn of(&self, principal: &Principal, id: &str, now: Millis) -> SharedSession {
        if id == UNKNOWN { SharedSession::default() } else { self.get(&principal.conversation_key(id), now) }
    }

    fn get(&self, id: &str, now: Millis) -> SharedSession {
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

    fn principal(device: &str) -> Principal {
        let auth =
            crate::auth::Auth::in_memory(crate::auth::Policy::presets(), crate::auth::Rule::LoopbackOpen);
        auth.ensure_owner(None, 0).expect("memory");
        let local = auth.directory().local().expect("an owner");
        Principal { device: Some(device.to_owned()), ..local }
    }

    #[test]
    fn clients_without_an_id_share_nothing() {
        let (sessions, one) = (Sessions::default(), principal("one"));
        let reply = Reply::error(hal_wire::Code::Internal, "x", "a", "t");
        sessions.of(&one, UNKNOWN, 0).lock().remember(1, &reply);
        assert!(sessions.of(&one, UNKNOWN, 1).lock().replied(1).is_none());
    }

    #[test]
    fn two_devices_with_the_same_session_id_share_nothing() {
        let (sessions, one, two) = (Sessions::default(), principal("one"), principal("two"));
        let reply = Reply::error(hal_wire::Code::Internal, "x", "a", "t");
        sessions.of(&one, "a", 0).lock().remember(1, &reply);
        assert!(sessions.of(&two, "a", 1).lock().replied(1).is_none());
        assert!(sessions.of(&one, "a", 1).lock().replied(1).is_some());
    }

    #[test]
    fn other_rights_begin_a_conversation_anew() {
        let sessions = Sessions::default();
        remember(&sessions, "a", 0);
        let (all, none) = (Access::everything(), Access::default());
        sessions.get("a", 1).lock().hold_to(&all, &Skills::All);
        sessions.get("a", 1).lock().hold_to(&all, &Skills::All);
        assert!(sessions.get("a", 1).lock().replied(1).is_some());
        sessions.get("a", 1).lock().hold_to(&none, &Skills::All);
        assert!(sessions.get("a", 1).lock().replied(1).is_none());
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
