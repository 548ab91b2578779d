//! Turns on their way to CONVERSATION and SESSION.
//!
//! An answer does not wait for its journal entry: nothing the person was told depends on it. One thread gathers the
//! turns of a short time and writes them in one commit, so that a thousand talking sessions cost a few disk syncs
//! a second. The queue is bounded; when the disk cannot follow, turns wait for it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hal_db::Database;
use hal_dialog::journal::{LoggedTurn, append};
use hal_dialog::session::Millis;
use tracing::{error, warn};

use crate::clock::Clock;

/// Turns that may wait; at a thousand turns a second this is a long pause of the disk.
const QUEUE_MAX: usize = 8_192;
/// Turns of one commit.
const BATCH_MAX: usize = 4_096;
/// How long a commit gathers turns: what a kill can lose. Commits one after the other without it took half of the
/// server's processor time.
const GATHER_MS: Millis = 250;

enum Entry {
    Turn(Box<LoggedTurn>),
    /// Everything before this is on disk when the sender is dropped.
    Flush(#[allow(dead_code)] SyncSender<()>),
}

/// The writer thread and its queue.
pub(super) struct Journal {
    database: Database,
    queue: SyncSender<Entry>,
    last_id: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    pub(super) fn start(database: Database, clock: Clock) -> Journal {
        let (queue, entries) = sync_channel(QUEUE_MAX);
        let writer = database.clone();
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(&writer, &entries, clock))
            .expect("a thread can be started while the program starts");
        let first = clock.unix_ms().unsigned_abs() * 1000;
        Journal { database, queue, last_id: AtomicU64::new(first), thread: Mutex::new(Some(thread)) }
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
        if self.queue.send(Entry::Turn(Box::new(turn))).is_err() {
            error!("turn not stored: the journal has ended");
        }
    }

    /// Writes a turn at once and returns when it is on disk.
    pub(super) fn append_now(&self, turn: LoggedTurn) -> hal_db::Result<()> {
        self.database.write(move |txn| append(txn, &[turn]))
    }

    /// Returns when every turn handed over before is on disk.
    pub(super) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.queue.send(Entry::Flush(done)).is_ok() {
            // The error is the answer: the writer has dropped its end.
            wait.recv().ok();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.flush();
        let (closed, _) = sync_channel(1);
        self.queue = closed;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            warn!("journal thread panicked");
        }
    }
}

fn write_all(database: &Database, entries: &Receiver<Entry>, clock: Clock) {
    while let Ok(first) = entries.recv() {
        let until = clock.now_ms() + GATHER_MS;
        let mut turns = Vec::new();
        let mut flushes = Vec::new();
        let mut next = Some(first);
        while let Some(entry) = next {
            match entry {
                Entry::Turn(turn) => turns.push(*turn),
                Entry::Flush(done) => flushes.push(done),
            }
            // Somebody waits for a flush; then only what is here already goes along.
            let wait = if flushes.is_empty() { until.saturating_sub(clock.now_ms()) } else { 0 };
            next = match (turns.len() < BATCH_MAX, wait) {
                (false, _) => None,
                (true, 0) => entries.try_recv().ok(),
                (true, wait) => entries.recv_timeout(Duration::from_millis(wait)).ok(),
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
