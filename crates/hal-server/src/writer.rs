//! A thread that writes to the disk what others hand it: the way to it, and its end.
//!
//! The queue is bounded: when the disk cannot follow, whoever hands something over waits.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use tracing::warn;

/// What comes to the thread.
pub(crate) enum Note<T> {
    One(T),
    /// Everything before this is on disk when the sender is dropped.
    Flush(#[allow(dead_code)] SyncSender<()>),
}

/// The thread and its queue. Dropped, it ends when everything is written.
pub(crate) struct Writer<T> {
    name: &'static str,
    queue: SyncSender<Note<T>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<T: Send + 'static> Writer<T> {
    /// `work` goes on until the queue has ended.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(
        name: &'static str,
        queue_max: usize,
        work: impl FnOnce(&Receiver<Note<T>>) + Send + 'static,
    ) -> io::Result<Writer<T>> {
        let (queue, notes) = sync_channel(queue_max);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&notes))?;
        Ok(Writer { name, queue, thread: Mutex::new(Some(thread)) })
    }
}

impl<T> Writer<T> {
    /// Hands something over, and waits only while the queue is full; false when the thread has ended.
    pub(crate) fn send(&self, one: T) -> bool {
        self.queue.send(Note::One(one)).is_ok()
    }

    /// Returns when everything that was handed over before is on disk.
    pub(crate) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.queue.send(Note::Flush(done)).is_ok() {
            // The error is the answer: the writer has dropped its end.
            wait.recv().ok();
        }
    }
}

impl<T> Drop for Writer<T> {
    fn drop(&mut self) {
        self.flush();
        let (closed, _) = sync_channel(1);
        self.queue = closed;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            warn!("{} thread panicked", self.name);
        }
    }
}
