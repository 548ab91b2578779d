//! Group commit: one thread runs the waiting closures over one store transaction, syncs once and answers all.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::account::{Catalog, KEY_HEAD, META_KEY, Meta, Noted, changed_file, changed_key, scan_file};
use crate::database::Shared;
use crate::error::{Error, Result};
use crate::feed::News;
use crate::history::Past;
use crate::store::StoreTxn;
use crate::txn::Txn;

/// Writes that may wait; `write` blocks and `write_later` answers `Busy` beyond it.
const QUEUE_MAX: usize = 4096;
/// Writes that share one sync; bounds how long the first of them waits for the others' closures.
const BATCH_MAX: usize = 1024;
/// While nobody waits for the disk a batch grows until nothing more has come for this long,
const LAZY_WAIT: Duration = Duration::from_millis(50);
/// or until it holds so many bytes.
const LAZY_BYTES_MAX: usize = 64 << 20;

/// What is left to do once the batch is on disk, or could not be put there.
type Answer = Box<dyn FnOnce(Result<()>) + Send>;
/// A closure with its type erased: runs in a transaction; `None` when it failed and has answered already.
/// Given an error instead of a transaction it only answers.
type Work = Box<dyn FnOnce(Result<&mut Txn<'_>>) -> Option<Answer> + Send>;

struct Job {
    work: Work,
    wait: Wait,
}

/// What a writer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Room in the queue, and its write to be on disk.
    ForRoom,
    /// Its write to be on disk; a full queue refuses it.
    ForNothing,
    /// Room in the queue, but not the disk.
    NotForDisk,
}

/// The result of a write that is under way.
pub struct Ticket<T>(Receiver<Result<T>>);

impl<T> std::fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket")
    }
}

impl<T> Ticket<T> {
    /// Waits until the write is durable or has failed.
    ///
    /// # Errors
    /// As [`crate::Database::write`].
    pub fn wait(self) -> Result<T> {
        self.0.recv().unwrap_or(Err(Error::Closed))
    }

    /// Waits no longer than `limit`; `None` when the write is still under way.
    pub fn wait_for(&self, limit: Duration) -> Option<Result<T>> {
        match self.0.recv_timeout(limit) {
            Ok(result) => Some(result),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(Error::Closed)),
        }
    }
}

/// Owns the thread that commits; dropped, it finishes what is queued.
pub(crate) struct Committer {
    queue: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    pub(crate) fn start(shared: Arc<Shared>) -> Result<Committer> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("hal-db-commit".to_owned())
            .spawn(move || run(&shared, &receiver))
            .map_err(|error| Error::Store { doing: "start its writer", reason: error.to_string() })?;
        Ok(Committer { queue: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    /// Queues a closure.
    pub(crate) fn submit<T, F>(&self, work: F, wait: Wait) -> Result<Ticket<T>>
    where
        F: FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let block = wait != Wait::ForNothing;
        if block && self.is_own_thread() {
            let reason = "a write cannot wait for another write: use the transaction it was given";
            return Err(Error::Refused(reason.to_owned()));
        }
        let (answer, ticket) = sync_channel(1);
        let work: Work = Box::new(move |txn| {
            // The transaction is thrown away after a panic, so nobody sees what it broke.
            let outcome = txn.and_then(|txn| {
                std::panic::catch_unwind(AssertUnwindSafe(|| work(txn)))
                    .unwrap_or_else(|panic| Err(Error::Panicked(panic_text(panic.as_ref()))))
            });
            match outcome {
                Ok(value) => Some(Box::new(move |committed: Result<()>| {
                    // Nobody listens when the ticket was dropped.
                    let _unheard = answer.send(committed.map(|()| value));
                })),
                Err(error) => {
                    let _unheard = answer.send(Err(error));
                    None
                }
            }
        });
        let job = Job { work, wait };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)?;
        if block {
            queue.send(job).map_err(|_| Error::Closed)?;
        } else {
            queue.try_send(job).map_err(|error| match error {
                TrySendError::Full(_) => Error::Busy { waiting: QUEUE_MAX },
                TrySendError::Disconnected(_) => Error::Closed,
            })?;
        }
        Ok(Ticket(ticket))
    }
}

impl Committer {
    /// Whether the caller is a closure that is being run: waiting for the queue would never end.
    fn is_own_thread(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| thread.thread().id() == std::thread::current().id())
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            // Its closures are caught one by one; a panic beyond them has been printed already.
        }
    }
}

fn run(shared: &Shared, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut batch = Batch::default();
        let committed = batch.commit(shared, first, queue);
        match &committed {
            Ok((catalog, commit)) => {
                *shared.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(catalog);
                shared.bell.ring(*commit);
            }
            Err(error) if batch.answered > 0 => {
                *shared.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
            }
            Err(_) => {}
        }
        let committed = committed.map(|_| ());
        for answer in batch.answers {
            answer(committed.clone());
        }
    }
}

/// The closures that share one commit, and what they changed.
#[derive(Default)]
struct Batch {
    answers: Vec<Answer>,
    /// Writes that were answered before the commit.
    answered: usize,
    anything: bool,
    /// Change of the number of records of each file that was written to.
    files: BTreeMap<u32, i64>,
    /// Bytes written.
    bytes: usize,
    news: News,
}

impl Batch {
    /// Runs `first` and all that wait behind it; gives the catalogue and the number of the last commit.
    fn commit(&mut self, shared: &Shared, first: Job, queue: &Receiver<Job>) -> Result<(Arc<Catalog>, u64)> {
        let mut catalog = Arc::clone(&shared.catalog.read().unwrap_or_else(PoisonError::into_inner));
        let begun = shared.store.begin().and_then(|mut txn| {
            let meta = Meta::required(txn.as_view())?;
            let past = Past::begin(shared, txn.as_mut(), meta.commit + 1)?;
            Ok((meta, txn, past))
        });
        let (mut meta, mut store_txn, past) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                let unanswered = (first.work)(Err(error.clone()));
                debug_assert!(unanswered.is_none(), "a closure without a transaction fails");
                return Err(error);
            }
        };
        let mut job = Some(first);
        let mut somebody_waits = false;
        let mut ran = 0;
        while let Some(next) = job.take() {
            somebody_waits |= next.wait != Wait::NotForDisk;
            self.run(next, store_txn.as_mut(), &mut catalog, &mut meta, &past)?;
            ran += 1;
            job = if somebody_waits {
                if ran < BATCH_MAX { queue.try_recv().ok() } else { None }
            } else if self.bytes < LAZY_BYTES_MAX {
                queue.recv_timeout(LAZY_WAIT).ok()
            } else {
                None
            };
        }
        if self.anything {
            meta.commit += 1;
            store_txn.put(META_KEY, &meta.to_bytes())?;
            for (file, more) in std::mem::take(&mut self.files) {
                self.note(store_txn.as_mut(), file, more, meta.commit)?;
            }
            self.news.store(store_txn.as_mut(), meta.commit)?;
            past.end(store_txn.as_mut())?;
            store_txn.commit()?;
        }
        Ok((catalog, meta.commit))
    }

    /// Notes that a file was changed, and how many records it has by now.
    fn note(&self, txn: &mut dyn StoreTxn, file: u32, more: i64, commit: u64) -> Result<()> {
        let counted = Noted::read(txn.as_view(), file)?.and_then(|noted| noted.records);
        let records = match counted {
            Some(records) => records.saturating_add_signed(more),
            // The first change of a file, or the first by a HAL that counts.
            None => {
                let mut records = 0;
                scan_file(txn.as_view(), file, &mut |_, _| {
                    records += 1;
                    ControlFlow::Continue(())
                })?;
                records
            }
        };
        txn.put(&changed_key(file), &Noted { commit, records: Some(records) }.to_bytes())?;
        Ok(())
    }

    /// Runs one closure and lays its changes into the store's transaction.
    fn run(
        &mut self,
        job: Job,
        store_txn: &mut dyn StoreTxn,
        catalog: &mut Arc<Catalog>,
        meta: &mut Meta,
        past: &Past,
    ) -> Result<()> {
        let mut txn = Txn::new(store_txn.as_view(), Arc::clone(catalog), *meta);
        let Some(answer) = (job.work)(Ok(&mut txn)) else { return Ok(()) };
        // Before the changes are applied: should that fail, the caller must hear of it.
        self.answers.push(answer);
        let (changes, new_catalog, new_meta) = txn.finish();
        self.anything |= !changes.is_empty();
        (*catalog, *meta) = (new_catalog, new_meta);
        if past.keeps() {
            for key in changes.keys() {
                past.before(key, store_txn)?;
            }
        }
        store_txn.apply(changes, &mut |key, value, was_there| {
            self.bytes += key.len() + value.map_or(0, <[u8]>::len);
            if let Some(file) = changed_file(key) {
                *self.files.entry(file).or_default() += i64::from(value.is_some()) - i64::from(was_there);
                self.news.add(file, &key[KEY_HEAD..]);
            }
        })?;
        if job.wait == Wait::NotForDisk
            && let Some(answer) = self.answers.pop()
        {
            self.answered += 1;
            answer(Ok(()));
        }
        Ok(())
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;
