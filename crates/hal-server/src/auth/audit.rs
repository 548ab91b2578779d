//! The audit log's writer: entries are linked in the order in which they come and written behind the answers, many a commit.
//!
//! A kill can lose what came in the last quarter of a second. The queue is bounded; when the disk cannot follow, whoever has
//! something to note waits for it: a refusal that is not written down did not happen, as far as anybody can tell later.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use hal_db::Database;
use hal_dialog::session::Millis;
use tracing::error;

use super::chain::{Broken, Check, Entry, Event, Head, Verified};
use super::cut::{self, Keep};
use super::{export, store};
use crate::clock::Clock;
use crate::writer::{Note, Writer};

const QUEUE_MAX: usize = 8_192;
const BATCH_MAX: usize = 4_096;
/// How long a commit gathers entries.
const GATHER_MS: Millis = 250;
/// Lines of an export that go into one reply, in bytes.
const EXPORT_BYTES: usize = 2 << 20;
/// How often it is looked whether something is to be cut off.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

enum Wish {
    Event(i64, Box<Event>),
    /// So much stays from now on.
    Keep(Keep),
}

/// The log of who was let in, who asked for what, and what was refused.
pub struct Audit {
    database: Database,
    writer: Writer<Wish>,
    /// Number of the last entry on disk.
    last: Arc<AtomicU64>,
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Audit")
    }
}

impl Audit {
    pub(super) fn start(database: Database, head: Head) -> std::io::Result<Audit> {
        let own = database.clone();
        let last = Arc::new(AtomicU64::new(head.number));
        let written = Arc::clone(&last);
        let work = move |notes: &_| write_all(&own, notes, head, &written, Clock::start());
        Ok(Audit { database, writer: Writer::start("audit", QUEUE_MAX, work)?, last })
    }

    /// Notes an event; waits only while the queue is full.
    pub fn record(&self, at_ms: i64, event: Event) {
        if !self.writer.send(Wish::Event(at_ms, Box::new(event))) {
            error!("event not noted: the audit log has ended");
        }
    }

    /// Returns when everything that was noted before is on disk.
    pub fn flush(&self) {
        self.writer.flush();
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
        let snapshot = self.database.snapshot()?;
        let numbers = (last.saturating_sub(count) + 1..=last).rev();
        numbers.filter_map(|number| store::audit_at(&snapshot, number).transpose()).collect()
    }

    /// Follows the whole chain. `known` is a head that was noted earlier, as 64 hexadecimal digits: it must be in the chain.
    ///
    /// Errors: the database cannot be read; inside, where the chain is broken.
    pub fn verify(&self, known: Option<&str>) -> hal_db::Result<Result<Verified, Broken>> {
        self.flush();
        let snapshot = self.database.snapshot()?;
        let mut check = Check::new(store::cuts(&snapshot)?, known);
        let mut broken = None;
        store::audit(&snapshot, &mut |entry| {
            let taken = match &entry {
                Some(entry) => check.take(entry),
                None => Err(Broken::Changed(check.next_number())),
            };
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                Err(fault) => {
                    broken = Some(fault);
                    ControlFlow::Break(())
                }
            }
        })?;
        Ok(match broken {
            Some(fault) => Err(fault),
            None => check.done(),
        })
    }

    /// Lines of an export, from behind this entry on: so many that a reply takes them, none at the end. The first ones, of 0,
    /// begin with the line that says what was cut off before.
    ///
    /// Errors: the database cannot be read.
    pub fn export(&self, after: u64) -> hal_db::Result<Vec<String>> {
        self.flush();
        let snapshot = self.database.snapshot()?;
        let cuts = store::cuts(&snapshot)?;
        let gone = cuts.last().map_or(0, |cut| cut.head.number);
        let mut lines = if after == 0 { vec![export::first_line(&cuts)] } else { Vec::new() };
        let mut bytes = 0;
        for number in after.max(gone) + 1.. {
            let Some(entry) = store::audit_at(&snapshot, number)? else { break };
            let line = export::entry_line(&entry);
            bytes += line.len();
            lines.push(line);
            if bytes > EXPORT_BYTES {
                break;
            }
        }
        Ok(lines)
    }

    /// From now on only so much stays; what is more is cut off soon.
    pub fn keep(&self, keep: Keep) {
        if !self.writer.send(Wish::Keep(keep)) {
            error!("the audit log has ended");
        }
    }
}

fn write_all(
    database: &Database,
    notes: &Receiver<Note<Wish>>,
    mut head: Head,
    written: &AtomicU64,
    clock: Clock,
) {
    let mut keep = None;
    let mut look_at = clock.now_ms();
    loop {
        let first = match notes.recv_timeout(LOOK_EVERY) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let until = clock.now_ms() + GATHER_MS;
        let mut entries = Vec::new();
        let mut flush = None;
        let mut end = head;
        let mut next = first;
        while let Some(note) = next.take() {
            match note {
                Note::One(Wish::Event(at_ms, event)) => {
                    let entry = end.next(at_ms, *event);
                    end = entry.head();
                    entries.push(entry);
                }
                // All that it waits for came before it.
                Note::Flush(done) => {
                    flush = Some(done);
                    break;
                }
                Note::One(Wish::Keep(wanted)) => {
                    (keep, look_at) = (Some(wanted), clock.now_ms());
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
        if let Some(keep) = keep.filter(|_| clock.now_ms() >= look_at) {
            look_at = clock.now_ms() + LOOK_EVERY.as_secs() * 1000;
            loop {
                match cut::cut(database, head, keep, clock.unix_ms()) {
                    Ok(Some(end)) => {
                        head = end;
                        written.store(head.number, Ordering::Release);
                    }
                    Ok(None) => break,
                    Err(error) => {
                        error!(%error, "audit log not cut");
                        break;
                    }
                }
            }
        }
        drop(flush);
    }
}
