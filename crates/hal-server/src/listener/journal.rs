//! Turns on their way to CONVERSATION and SESSION.
//!
//! An answer does not wait for its journal entry: nothing the person was told depends on it. One thread gathers the
//! turns of a short time and writes them in one commit, so that a thousand talking sessions cost a few disk syncs
//! a second. The queue is bounded; when the disk cannot follow, turns wait for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use hal_db::Database;
use hal_dialog::journal::{LoggedTurn, append};
use hal_dialog::session::Millis;
use tracing::error;

use crate::clock::Clock;
use crate::writer::{Note, Writer};

/// Turns that may wait; at a thousand turns a second this is a long pause of the disk.
const QUEUE_MAX: usize = 8_192;
/// Turns of one commit.
const BATCH_MAX: usize = 4_096;
/// How long a commit gathers turns: what a kill can lose. Commits one after the other without it took half of the
/// server's processor time.
const GATHER_MS: Millis = 250;

/// The writer thread and its queue.
pub(super) struct Journal {
    database: Database,
    writer: Writer<Box<LoggedTurn>>,
    last_id: AtomicU64,
}

impl Journal {
    pub(super) fn start(database: Database, clock: Clock) -> Journal {
        let own = database.clone();
        let writer = Writer::start("journal", QUEUE_MAX, move |notes| write_all(&own, notes, clock))
            .expect("a thread can be started while the program starts");
        let first = clock.unix_ms().unsigned_abs() * 1000;
        Journal { database, writer, last_id: AtomicU64::new(first) }
    }

    /// A record id that no other turn has: the time in microseconds, moved on where two turns meet in one.
    pub(super) fn next_id(&self, unix_ms: i64) -> String {
        let now = unix_ms.unsigned_abs() * 1000;
        let before = self
            .last_id
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)))
            .unwrap_or(now);
        now.max(before + 1).to_string()
    }

    /// Hands a turn over; waits only while the queue is full.
    pub(super) fn append(&self, turn: LoggedTurn) {
        if !self.writer.send(Box::new(turn)) {
            error!("turn not stored: the journal has ended");
        }
    }

    /// Writes a turn at once and returns when it is on disk.
    pub(super) fn append_now(&self, turn: LoggedTurn) -> hal_db::Result<()> {
        self.database.write(move |txn| append(txn, &[turn]))
    }

    /// Returns when every turn handed over before is on disk.
    pub(super) fn flush(&self) {
        self.writer.flush();
    }
}

fn write_all(database: &Database, notes: &Receiver<Note<Box<LoggedTurn>>>, clock: Clock) {
    while let Ok(first) = notes.recv() {
        let until = clock.now_ms() + GATHER_MS;
        let mut turns = Vec::new();
        let mut flushes = Vec::new();
        let mut next = Some(first);
        while let Some(note) = next {
            match note {
                Note::One(turn) => turns.push(*turn),
                Note::Flush(done) => flushes.push(done),
            }
            // Somebody waits for a flush; then only what is here already goes along.
            let wait = if flushes.is_empty() { until.saturating_sub(clock.now_ms()) } else { 0 };
            next = match (turns.len() < BATCH_MAX, wait) {
                (false, _) => None,
                (true, 0) => notes.try_recv().ok(),
                (true, wait) => notes.recv_timeout(Duration::from_millis(wait)).ok(),
            };
        }
        let count = turns.len();
        if count > 0
            && let Err(error) = database.write(move |txn| append(txn, &turns))
        {
            error!(%error, turns = count, "turns not stored");
        }
        drop(flushes);
    }
}
