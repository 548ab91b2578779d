//! The audit log's writer: entries are linked in the order in which they come and written behind the answers, many a commit.
//!
//! A kill can lose what came in the last quarter of a second. The queue is bounded; when the disk cannot follow, whoever has
//! something to note waits for it: a refusal that is not written down did not happen, as far as anybody can tell later.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hal_db::Database;
use hal_dialog::session::Millis;
use tracing::{error, warn};

use super::chain::{Broken, Entry, Event, Head, Walk};
use super::store;
use crate::clock::Clock;

const QUEUE_MAX: usize = 8_192;
const BATCH_MAX: usize = 4_096;
/// How long a commit gathers entries.
const GATHER_MS: Millis = 250;

enum Note {
    Event(i64, Box<Event>),
    /// Everything before this is on disk when the sender is dropped.
    Flush(#[allow(dead_code)] SyncSender<()>),
}

/// The log of who was let in, who asked for what, and what was refused.
pub struct Audit {
    database: Database,
    queue: SyncSender<Note>,
    /// Number of the last entry on disk.
    last: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Audit")
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub entries: u64,
    pub head: Head,
}

impl Audit {
    pub(super) fn start(database: Database, head: Head) -> std::io::Result<Audit> {
        let (queue, notes) = sync_channel(QUEUE_MAX);
        let writer = database.clone();
        let last = Arc::new(AtomicU64::new(head.number));
        let written = Arc::clone(&last);
        let thread = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || write_all(&writer, &notes, head, &written, Clock::start()))?;
        Ok(Audit { database, queue, last, thread: Mutex::new(Some(thread)) })
    }

    /// Notes an event; waits only while the queue is full.
    pub fn record(&self, at_ms: i64, event: Event) {
        if self.queue.send(Note::Event(at_ms, Box::new(event))).is_err() {
            error!("event not noted: the audit log has ended");
        }
    }

    /// Returns when everything that was noted before is on disk.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.queue.send(Note::Flush(done)).is_ok() {
            // The error is the answer: the writer has dropped its end.
            wait.recv().ok();
        }
    }

    /// The last entries, the oldest of them first.
    ///
    /// Errors: the database cannot be read.
    pub fn tail(&self, count: usize) -> hal_db::Result<Vec<Entry>> {
        self.flush();
        store::audit_tail(&self.database.snapshot()?, count)
    }

    /// The last entries, the newest first, read one by one: for who asks every other second. Of what was noted in the last
    /// quarter of a second some may be missing.
    ///
    /// Errors: the database cannot be read.
    pub fn recent(&self, count: u64) -> hal_db::Result<Vec<Entry>> {
        let last = self.last.load(Ordering::Acquire);
        store::audit_entries(&self.database.snapshot()?, (last.saturating_sub(count) + 1..=last).rev())
    }

    /// Follows the whole chain. `known` is a head that was noted earlier, as 64 hexadecimal digits: it must be in the chain.
    ///
    /// Errors: the database cannot be read; inside, where the chain is broken.
    pub fn verify(&self, known: Option<&str>) -> hal_db::Result<Result<Verified, Broken>> {
        self.flush();
        let mut walk = Walk::default();
        let mut broken = None;
        let mut found = known.is_none();
        store::audit(&self.database.snapshot()?, &mut |entry| {
            let taken = match &entry {
                Some(entry) => walk.take(entry),
                None => Err(Broken::Changed(walk.head().number + 1)),
            };
            found |= entry.is_some_and(|entry| known.is_some_and(|known| entry.hash.to_hex() == known));
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                Err(fault) => {
                    broken = Some(fault);
                    ControlFlow::Break(())
                }
            }
        })?;
        Ok(match (broken, found) {
            (Some(fault), _) => Err(fault),
            (None, false) => Err(Broken::NoHead(known.unwrap_or_default().to_owned())),
            (None, true) => Ok(Verified { entries: walk.head().number, head: walk.head() }),
        })
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.flush();
        let (closed, _) = sync_channel(1);
        self.queue = closed;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            warn!("audit thread panicked");
        }
    }
}

fn write_all(database: &Database, notes: &Receiver<Note>, mut head: Head, written: &AtomicU64, clock: Clock) {
    while let Ok(first) = notes.recv() {
        let until = clock.now_ms() + GATHER_MS;
        let mut entries = Vec::new();
        let mut flush = None;
        let mut end = head;
        let mut next = Some(first);
        while let Some(note) = next.take() {
            match note {
                Note::Event(at_ms, event) => {
                    let entry = end.next(at_ms, *event);
                    end = entry.head();
                    entries.push(entry);
                }
                // All that it waits for came before it.
                Note::Flush(done) => {
                    flush = Some(done);
                    break;
                }
            }
            if entries.len() < BATCH_MAX {
                let wait = Duration::from_millis(until.saturating_sub(clock.now_ms()));
                next = notes.recv_timeout(wait).ok();
            }
        }
        if !entries.is_empty() {
            let count = entries.len();
            match database.write(move |txn| store::write_audit(txn, &entries)) {
                Ok(()) => {
                    head = end;
                    written.store(head.number, Ordering::Release);
                }
                // The chain goes on from what is on disk; that something is missing is told by the program's log alone.
                Err(error) => error!(%error, entries = count, "audit entries not stored"),
            }
        }
        drop(flush);
    }
}
