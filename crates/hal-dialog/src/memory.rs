//! What one conversation remembers from turn to turn: what "it" was, what waits for a yes, what can be undone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::brain::{Brain, Reply};
use crate::turn::{Pending, Slot, Slots};
use crate::understand::names::Kind;
use crate::write::Change;

/// "it" is forgotten after this; the talk has moved on.
const TOPIC_MS: i64 = 5 * 60 * 1000;
/// A question back that was not answered by then is void: a late "yes" must not write.
const PENDING_MS: i64 = 2 * 60 * 1000;

/// The memory of one session. `Default` is a conversation in which nothing was said.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Memory {
    pub(crate) last: Option<Last>,
    pub(crate) topic: Slots,
    topic_at_ms: i64,
    pub(crate) pending: Option<Pending>,
    pending_at_ms: i64,
    /// What the last write changed, and how it is called when it is taken back.
    pub(crate) undo: Option<(Vec<Change>, String)>,
    pub(crate) said: Option<Reply>,
    /// The words of the question before this one.
    pub(crate) last_question: Option<String>,
    /// Writes of this session so far: part of the ids of new records.
    pub(crate) writes: u32,
}

/// The last question that was understood.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Last {
    pub ask: usize,
    pub slots: Slots,
    /// When the thing is that was answered: day and second.
    pub at: Option<(i64, u32)>,
}

/// A memory for another run of the program, which may have other skills: asks are kept by name as well.
#[derive(Serialize, Deserialize)]
pub struct SavedMemory {
    memory: Memory,
    last_action: Option<String>,
    pending_action: Option<String>,
}

impl std::fmt::Debug for SavedMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SavedMemory").field(&self.memory).finish()
    }
}

impl SavedMemory {
    /// The memory as this run's brain knows its asks. What belongs to an ask that is gone is forgotten.
    pub fn restore(self, brain: &Brain) -> Memory {
        let mut memory = self.memory;
        let find = |index: usize, action: Option<&str>| {
            let action = action?;
            if brain.asks.get(index).is_some_and(|ask| ask.action == action) {
                return Some(index);
            }
            brain.asks.iter().position(|ask| ask.action == action)
        };
        memory.last = memory.last.and_then(|mut last| {
            last.ask = find(last.ask, self.last_action.as_deref())?;
            Some(last)
        });
        memory.pending = memory.pending.and_then(|mut pending| {
            if let Pending::Choose { ask, .. } = &mut pending {
                *ask = find(*ask, self.pending_action.as_deref())?;
            }
            Some(pending)
        });
        memory
    }
}

impl std::fmt::Debug for Memory {
    /// What was talked about is personal; only the shape is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory")
            .field("topics", &self.topic.len())
            .field("pending", &self.pending.is_some())
            .field("undo", &self.undo.is_some())
            .finish()
    }
}

impl Memory {
    /// A copy that outlives this run of the program.
    pub fn save(&self, brain: &Brain) -> SavedMemory {
        let action = |ask: usize| brain.asks.get(ask).map(|ask| ask.action.clone());
        SavedMemory {
            memory: self.clone(),
            last_action: self.last.as_ref().and_then(|last| action(last.ask)),
            pending_action: match &self.pending {
                Some(Pending::Choose { ask, .. }) => action(*ask),
                Some(Pending::Write { .. }) | None => None,
            },
        }
    }

    /// Whether anything that was said or may be done again came from files of which one may no longer be read.
    pub(crate) fn forget_unreadable(&mut self, may_read: impl Fn(&str) -> bool) {
        if self.said.as_ref().is_some_and(|said| !said.files.iter().all(|file| may_read(file))) {
            self.said = None;
        }
    }

    /// Drops what is too old at `now_ms`.
    pub(crate) fn expire(&mut self, now_ms: i64) {
        if now_ms - self.topic_at_ms > TOPIC_MS {
            self.topic = BTreeMap::new();
            self.last = None;
        }
        if now_ms - self.pending_at_ms > PENDING_MS {
            self.pending = None;
        }
    }

    pub(crate) fn remember(&mut self, slots: &Slots, now_ms: i64) {
        self.topic_at_ms = now_ms;
        for (kind, slot) in slots {
            if *kind != Kind::When && !kind.is_free() {
                self.topic.insert(*kind, slot.clone());
            }
        }
    }

    /// The same conversation when the last question was another.
    pub(crate) fn after(&self, ask: usize, slots: Slots) -> Memory {
        Memory { topic: self.topic.clone(), last: Some(Last { ask, slots, at: None }), ..Memory::default() }
    }

    /// The same conversation when these things were mentioned too.
    pub(crate) fn reminded_of(&self, mentioned: impl Iterator<Item = (Kind, Slot)>) -> Memory {
        let mut topic = self.topic.clone();
        topic.extend(mentioned);
        Memory { topic, last: self.last.clone(), ..Memory::default() }
    }

    pub(crate) fn wait_for(&mut self, pending: Pending, now_ms: i64) {
        self.pending = Some(pending);
        self.pending_at_ms = now_ms;
    }

    /// Whether a confirmation or a choice is open: the next "yes" belongs to it.
    pub fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }
}
