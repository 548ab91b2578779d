//! What this gateway shows its owner: who is connected, and the last turns. In memory only, and bounded.
//!
//! The words of turns are not kept unless an owner asks for it on the page. That is a switch and no setting: it is noted in
//! the audit log, it ends by itself after a quarter of an hour and with the program, and when it ends, the words go.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hal_dialog::session::Millis;
use serde_json::{Value, json};

use super::trace::{Client, Turn};
use super::visits::Visits;

/// Turns that are remembered.
pub(crate) const TURNS_MAX: usize = 500;
/// Connections that are told of one by one; of all others the number.
const SESSIONS_SHOWN_MAX: usize = 200;
/// For how long words are kept once an owner has asked for it.
pub(crate) const WORDS_MS: Millis = 15 * 60 * 1000;

/// Shared by all connections; each holds the lock for a moment, twice a turn.
#[derive(Debug, Default)]
pub(crate) struct Board {
    state: Mutex<State>,
    /// Owners who look at it.
    pub visits: Visits,
    /// Tells this run of the program from others: turns are numbered anew in each.
    run: OnceLock<i64>,
}

#[derive(Debug, Default)]
struct State {
    turns: VecDeque<(u64, Turn)>,
    turn_count: u64,
    sessions: BTreeMap<u64, Present>,
    session_count: u64,
    words_until: Option<Millis>,
}

/// A connection.
#[derive(Debug)]
struct Present {
    session: String,
    client: Arc<Client>,
    since_ms: i64,
    active_ms: i64,
    turns: u64,
}

/// An open connection on the board, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Presence {
    board: Arc<Board>,
    number: u64,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection has come.
    pub(crate) fn enter(self: &Arc<Board>, session: &str, client: &Arc<Client>, unix_ms: i64) -> Presence {
        let mut state = self.state();
        state.session_count += 1;
        let number = state.session_count;
        let present = Present {
            session: session.to_owned(),
            client: Arc::clone(client),
            since_ms: unix_ms,
            active_ms: unix_ms,
            turns: 0,
        };
        state.sessions.insert(number, present);
        drop(state);
        Presence { board: Arc::clone(self), number }
    }

    /// Keeps a turn that is over; the oldest goes.
    pub(crate) fn keep(&self, mut turn: Turn, now: Millis) {
        let mut state = self.state();
        if !state.keeps_words(now) {
            turn.words = None;
        }
        state.turn_count += 1;
        let number = state.turn_count;
        if state.turns.len() >= TURNS_MAX {
            state.turns.pop_front();
        }
        state.turns.push_back((number, turn));
    }

    /// Whether the words of a turn that is asked now may be kept.
    pub(crate) fn keeps_words(&self, now: Millis) -> bool {
        self.state().keeps_words(now)
    }

    /// Switches the words on until [`WORDS_MS`] from now, or off, at once and for all turns that are remembered.
    pub(crate) fn set_words(&self, on: bool, now: Millis) {
        let mut state = self.state();
        state.words_until = on.then_some(now + WORDS_MS);
        if !on {
            state.forget_words();
        }
    }

    /// Lets the words go whose time has come.
    pub(crate) fn sweep(&self, now: Millis) {
        self.state().keeps_words(now);
    }

    /// Sessions, and the turns behind number `after`, newest last. Times in ms since 1970.
    pub(crate) fn to_json(&self, after: u64, now: Millis, unix_ms: i64) -> Value {
        let mut state = self.state();
        state.keeps_words(now);
        let sessions = state.sessions.values().rev().take(SESSIONS_SHOWN_MAX).map(Present::to_json);
        let sessions: Vec<Value> = sessions.collect();
        let turns: Vec<Value> = state
            .turns
            .iter()
            .filter(|(number, _)| *number > after)
            .map(|(number, turn)| turn.to_json(*number))
            .collect();
        let until = state.words_until.map(|until| unix_ms + i64::try_from(until - now).unwrap_or(0));
        json!({
            "run": self.run.get_or_init(|| unix_ms),
            "sessions": sessions,
            "session_count": state.sessions.len(),
            "turns": turns,
            "turn_count": state.turn_count,
            "turns_kept": TURNS_MAX,
            "words_until_ms": until,
        })
    }
}

impl State {
    fn keeps_words(&mut self, now: Millis) -> bool {
        match self.words_until {
            Some(until) if now < until => true,
            None => false,
            Some(_) => {
                self.words_until = None;
                self.forget_words();
                false
            }
        }
    }

    fn forget_words(&mut self) {
        self.turns.iter_mut().for_each(|(_, turn)| turn.words = None);
    }
}

impl Present {
    fn to_json(&self) -> Value {
        json!({
            "session": self.session,
            "user": self.client.user,
            "name": self.client.name,
            "device": self.client.device,
            "address": self.client.address,
            "client": self.client.kind,
            "since_ms": self.since_ms,
            "active_ms": self.active_ms,
            "turns": self.turns,
        })
    }
}

impl Presence {
    /// The connection goes on with an earlier conversation.
    pub(crate) fn became(&self, session: &str) {
        if let Some(present) = self.board.state().sessions.get_mut(&self.number) {
            session.clone_into(&mut present.session);
        }
    }

    /// A turn of it is over.
    pub(crate) fn had_turn(&self, unix_ms: i64) {
        if let Some(present) = self.board.state().sessions.get_mut(&self.number) {
            present.turns += 1;
            present.active_ms = unix_ms;
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.board.state().sessions.remove(&self.number);
    }
}
