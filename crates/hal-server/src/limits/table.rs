//! Who has taken what: a table that no number of keys can fill memory with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hal_dialog::session::Millis;

use super::bucket::{Bucket, Rate};
use super::{Kind, Limit, Network};

/// Whom something is counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    User(Box<str>),
    Device(Box<str>),
    Address(Network),
}

impl Key {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Key::User(_) => Kind::User,
            Key::Device(_) => Kind::Device,
            Key::Address(_) => Kind::Address,
        }
    }
}

/// What one of them has taken.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub connections: u64,
    /// Bytes of messages that have begun and are not whole.
    pub unfinished: u64,
    buckets: [Bucket; Limit::RATES],
    /// When everything will have drained.
    rest_ms: Millis,
}

impl Counts {
    pub(super) fn wait_ms(&self, limit: Limit, rate: Rate, cost: u64, now_ms: Millis) -> Millis {
        self.buckets[limit as usize].wait_ms(rate, cost, now_ms)
    }

    pub(super) fn debt_ms(&self, limit: Limit, rate: Rate, now_ms: Millis) -> Millis {
        self.buckets[limit as usize].debt_ms(rate, now_ms)
    }

    pub(super) fn take(&mut self, limit: Limit, rate: Rate, cost: u64, now_ms: Millis) {
        let rest_ms = self.buckets[limit as usize].take(rate, cost, now_ms);
        self.rest_ms = self.rest_ms.max(rest_ms);
    }
}

/// Shared by the connections of a key, so that what they count meets no lock of all others.
pub(super) type Shared = Arc<Mutex<Counts>>;

pub(super) fn lock(counts: &Shared) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
pub(super) struct Table {
    entries: HashMap<Key, Shared>,
    entries_max: usize,
}

impl Table {
    pub(super) fn new(entries_max: usize) -> Table {
        Table { entries: HashMap::new(), entries_max }
    }

    /// What was counted for a key. Held by its connections; without any it is forgotten when there is no room.
    pub(super) fn of(&mut self, key: Key, now_ms: Millis) -> Shared {
        if self.entries.len() >= self.entries_max && !self.entries.contains_key(&key) {
            self.make_room(now_ms);
        }
        Arc::clone(self.entries.entry(key).or_default())
    }

    /// Forgets who has nothing to wait for, then the half of the others that waits the shortest: a walk over the table
    /// must buy room for many. Who has connections stays; those are limited elsewhere.
    fn make_room(&mut self, now_ms: Millis) {
        let is_held = |counts: &Shared| Arc::strong_count(counts) > 1;
        self.entries.retain(|_, counts| is_held(counts) || lock(counts).rest_ms > now_ms);
        if self.entries.len() < self.entries_max / 4 * 3 {
            return;
        }
        let idle = self.entries.values().filter(|counts| !is_held(counts));
        let mut rests: Vec<Millis> = idle.map(|counts| lock(counts).rest_ms).collect();
        if rests.is_empty() {
            return;
        }
        let middle = rests.len() / 2;
        let middle = *rests.select_nth_unstable(middle).1;
        self.entries.retain(|_, counts| is_held(counts) || lock(counts).rest_ms > middle);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
