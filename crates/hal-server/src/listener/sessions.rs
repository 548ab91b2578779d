//! What each conversation remembers between its turns, for as many conversations as the limit allows.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use hal_db::Access;
use hal_dialog::session::Millis;
use hal_dialog::{Memory, Skills};
use hal_wire::Private;
use hal_wire::listener::{Reply, UNKNOWN};
use hal_wire::resume::Kept;

/// Conversations remembered at once; beyond it those that are silent longest are forgotten.
const SESSIONS_MAX: usize = 20_000;
/// A conversation that was silent this long begins anew.
const IDLE_MS_MAX: u64 = 30 * 60 * 1000;
/// Replies of one conversation kept for a client that did not get them: as many as may be under way at once…
const REPLIES_MAX: usize = 8;
/// …and no more than this of text; the oldest go.
const REPLY_BYTES_MAX: usize = 64 << 10;
/// Who comes back later than this does not want to hear it any more.
pub(super) const KEPT_MS_MAX: u64 = 10 * 60 * 1000;

/// Whose conversation, and which. Another person with the same id talks in a conversation of their own: to go on
/// with one takes its owner's sign-in as well as its token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// User and device, as [`Principal::speaker`](crate::auth::Principal::speaker) names them.
    pub principal: String,
    pub id: String,
}

/// The digest of what somebody may read, write and talk about.
pub(super) type Rights = [u8; 32];

/// Rights in a form that outlives a restart: two are the same if and only if everything in them is.
fn rights_of(access: &Access, skills: &Skills) -> Rights {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut text = String::new();
    // Ordered collections throughout, so that the same rights are the same text.
    write!(text, "{access:?}\n{skills:?}").expect("a string takes everything");
    digest.update(text.as_bytes());
    digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The memories of all sessions.
#[derive(Default)]
pub(super) struct Sessions {
    entries: Mutex<HashMap<Key, Entry>>,
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
    rights: Option<Rights>,
    /// The outage of the records' server that this conversation has heard of.
    pub outage_told: Option<u64>,
    /// How often another connection went on with it.
    pub round: u64,
    /// The last turns and their replies, for a gateway or a client that lost the connection before it could read them.
    replies: VecDeque<Answered>,
}

/// A reply, and when it was given.
#[derive(Clone)]
pub(super) struct Answered {
    pub kept: Kept,
    pub at: Millis,
}

impl SharedSession {
    pub(super) fn lock(&self) -> MutexGuard<'_, SessionMemory> {
        // A skill that panicked has lost its own turn only.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` while a turn is being answered.
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, SessionMemory>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl SessionMemory {
    pub(super) fn new(memory: Memory, round: u64, replies: VecDeque<Answered>) -> SessionMemory {
        SessionMemory { memory, round, replies, ..SessionMemory::default() }
    }

    /// The same conversation of before a restart: whoever goes on with it needs the rights it was held under.
    pub(super) fn held_under(mut self, rights: Option<Rights>) -> SessionMemory {
        self.rights = rights;
        self
    }

    pub(super) fn rights(&self) -> Option<Rights> {
        self.rights
    }

    /// Forgets what was said when the rights of the speaker have changed since: nothing is repeated, confirmed or undone that
    /// was said under others. Returns whether it is still the same conversation.
    pub(super) fn hold_to(&mut self, access: &Access, skills: &Skills) -> bool {
        let rights = rights_of(access, skills);
        let same = self.rights.is_none_or(|held| held == rights);
        if !same {
            // No two gateways get the same round, or their turns would have the same numbers.
            *self = SessionMemory { round: self.round, ..SessionMemory::default() };
        }
        self.rights = Some(rights);
        same
    }

    /// The reply of a turn that was answered before.
    pub(super) fn replied(&self, turn: u64) -> Option<Reply> {
        self.replies.iter().find(|one| one.kept.turn == turn).map(|one| one.kept.reply.clone())
    }

    /// Keeps the question of a turn and its reply.
    pub(super) fn remember(
        &mut self,
        turn: u64,
        asked: &Private<String>,
        spoken: bool,
        reply: &Reply,
        now: Millis,
    ) {
        if turn == 0 {
            return;
        }
        let question = |wanted: bool| wanted.then(|| asked.clone());
        let kept = Kept { turn, heard: question(spoken), typed: question(!spoken), reply: reply.clone() };
        self.replies.push_back(Answered { kept, at: now });
        let length = |text: &Option<Private<String>>| text.as_ref().map_or(0, |text| text.expose().len());
        let size = |Answered { kept, .. }: &Answered| {
            kept.reply.text.expose().len() + length(&kept.heard) + length(&kept.typed)
        };
        let mut bytes: usize = self.replies.iter().map(size).sum();
        while self.replies.len() > REPLIES_MAX || (bytes > REPLY_BYTES_MAX && self.replies.len() > 1) {
            bytes -= self.replies.pop_front().as_ref().map_or(0, size);
        }
    }

    /// The replies that somebody may still want, oldest first.
    pub(super) fn replies(&self, now: Millis) -> impl Iterator<Item = &Answered> {
        self.replies.iter().filter(move |one| now.saturating_sub(one.at) <= KEPT_MS_MAX)
    }
}

impl Sessions {
    /// The memory of session `key` at time `now`. Clients without an id do not share one.
    pub(super) fn get(&self, key: Key, now: Millis) -> SharedSession {
        self.find(key, now).0
    }

    /// The memory, and whether there was one.
    pub(super) fn find(&self, key: Key, now: Millis) -> (SharedSession, bool) {
        if key.id == UNKNOWN {
            return (SharedSession::default(), false);
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(&key) {
            let is_known = now.saturating_sub(entry.used) <= IDLE_MS_MAX;
            if !is_known {
                entry.session = SharedSession::default();
            }
            entry.used = now;
            return (entry.session.clone(), is_known);
        }
        if entries.len() >= SESSIONS_MAX {
            forget_oldest(&mut entries);
        }
        let session = SharedSession::default();
        entries.insert(key, Entry { session: session.clone(), used: now });
        (session, false)
    }

    /// Puts a conversation back that was last used `used` ago, if nobody has begun it anew.
    pub(super) fn put(&self, key: Key, memory: SessionMemory, used: Millis) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() < SESSIONS_MAX {
            let session = SharedSession(Arc::new(Mutex::new(memory)));
            entries.entry(key).or_insert(Entry { session, used });
        }
    }

    /// All conversations that are not too old, with when they were used last.
    pub(super) fn all(&self, now: Millis) -> Vec<(Key, SharedSession, Millis)> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = entries.iter().filter(|(_, entry)| now.saturating_sub(entry.used) <= IDLE_MS_MAX);
        fresh.map(|(key, entry)| (key.clone(), entry.session.clone(), entry.used)).collect()
    }
}

/// Makes room for many at once, so that a full table costs one pass in a while and not one per session.
fn forget_oldest(entries: &mut HashMap<Key, Entry>) {
    let mut used: Vec<Millis> = entries.values().map(|entry| entry.used).collect();
    let keep_from = used.len() / 4;
    let (_, &mut limit, _) = used.select_nth_unstable(keep_from);
    entries.retain(|_, entry| entry.used > limit);
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
