//! Group commit: one thread runs the waiting closures over one store transaction, syncs once and answers all.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::account::{Catalog, META_KEY, Meta, changed_file, changed_key};
use crate::database::Shared;
use crate::error::{Error, Result};
use crate::store::{StoreTxn, apply};
use crate::txn::Txn;

/// Writes that may wait; `write` blocks and `write_later` answers `Busy` beyond it.
const QUEUE_MAX: usize = 4096;
/// Writes that share one sync; bounds how long the first of them waits for the others' closures.
const BATCH_MAX: usize = 1024;

/// What is left to do once the batch is on disk, or could not be put there.
type Answer = Box<dyn FnOnce(Result<()>) + Send>;
/// A closure with its type erased: runs in a transaction; `None` when it failed and has answered already.
/// Given an error instead of a transaction it only answers.
type Job = Box<dyn FnOnce(Result<&mut Txn<'_>>) -> Option<Answer> + Send>;

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

    /// Queues a closure; `block` says whether to wait for room in the queue.
    pub(crate) fn submit<T, F>(&self, work: F, block: bool) -> Result<Ticket<T>>
    where
        F: FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        if block && self.is_own_thread() {
            let reason = "a write cannot wait for another write: use the transaction it was given";
            return Err(Error::Refused(reason.to_owned()));
        }
        let (answer, ticket) = sync_channel(1);
        let job: Job = Box::new(move |txn| {
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
        let mut answers = Vec::new();
        let committed = commit_batch(shared, first, queue, &mut answers);
        if let Ok(catalog) = &committed {
            *shared.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(catalog);
        }
        let committed = committed.map(|_| ());
        for answer in answers {
            answer(committed.clone());
        }
    }
}

/// Runs `first` and all that wait behind it; gives the catalogue after the commit.
fn commit_batch(
    shared: &Shared,
    first: Job,
    queue: &Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<Arc<Catalog>> {
    let mut catalog = Arc::clone(&shared.catalog.read().unwrap_or_else(PoisonError::into_inner));
    let begun = shared.store.begin().and_then(|txn| Ok((Meta::required(txn.as_view())?, txn)));
    let (mut meta, mut store_txn) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            let unanswered = first(Err(error.clone()));
            debug_assert!(unanswered.is_none(), "a closure without a transaction fails");
            return Err(error);
        }
    };
    let mut job = Some(first);
    let mut changed = Changed::default();
    let mut ran = 0;
    while let Some(next) = job.take() {
        run_job(next, store_txn.as_mut(), &mut catalog, &mut meta, answers, &mut changed)?;
        ran += 1;
        if ran < BATCH_MAX {
            job = queue.try_recv().ok();
        }
    }
    if changed.anything {
        meta.commit += 1;
        store_txn.put(META_KEY, &meta.to_bytes())?;
        for file in changed.files {
            store_txn.put(&changed_key(file), &meta.commit.to_be_bytes())?;
        }
        store_txn.commit()?;
    }
    Ok(catalog)
}

/// What the closures of a batch changed.
#[derive(Default)]
struct Changed {
    anything: bool,
    files: BTreeSet<u32>,
}

/// Runs one closure and lays its changes into the store's transaction.
fn run_job(
    job: Job,
    store_txn: &mut dyn StoreTxn,
    catalog: &mut Arc<Catalog>,
    meta: &mut Meta,
    answers: &mut Vec<Answer>,
    changed: &mut Changed,
) -> Result<()> {
    let mut txn = Txn::new(store_txn.as_view(), Arc::clone(catalog), *meta);
    let Some(answer) = job(Ok(&mut txn)) else { return Ok(()) };
    // Before the changes are applied: should that fail, the caller must hear of it.
    answers.push(answer);
    let (changes, new_catalog, new_meta) = txn.finish();
    changed.anything |= !changes.is_empty();
    changed.files.extend(changes.keys().filter_map(|key| changed_file(key)));
    (*catalog, *meta) = (new_catalog, new_meta);
    apply(changes, store_txn)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests;
