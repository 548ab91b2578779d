//! A bounded queue before something slow: so many at once, so many who wait, and the next one is told at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Clone, Debug)]
pub(crate) struct Gate {
    at_once: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// A place; both are free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    _place: OwnedSemaphorePermit,
}

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct Queued {
    at_once: Arc<Semaphore>,
    _waits: OwnedSemaphorePermit,
}

impl Gate {
    pub(crate) fn new(at_once: usize, waiting_max: usize) -> Gate {
        Gate { at_once: Arc::new(Semaphore::new(at_once)), waiting: Arc::new(Semaphore::new(waiting_max)) }
    }

    /// How many places are free.
    pub(crate) fn free(&self) -> usize {
        self.at_once.available_permits()
    }

    /// A place, if one is free.
    pub(crate) fn try_enter(&self) -> Option<Pass> {
        Arc::clone(&self.at_once).try_acquire_owned().ok().map(|place| Pass { _place: place })
    }

    /// A place in the queue, if one is free; without waiting.
    pub(crate) fn queue(&self) -> Option<Queued> {
        let waits = Arc::clone(&self.waiting).try_acquire_owned().ok()?;
        Some(Queued { at_once: Arc::clone(&self.at_once), _waits: waits })
    }

    /// A place, now or after those who wait; `None` at once where too many wait.
    pub(crate) async fn enter(&self) -> Option<Pass> {
        match self.try_enter() {
            Some(pass) => Some(pass),
            None => self.queue()?.wait().await,
        }
    }
}

impl Queued {
    /// `None` when the gate is no more.
    pub(crate) async fn wait(self) -> Option<Pass> {
        self.at_once.acquire_owned().await.ok().map(|place| Pass { _place: place })
    }
}
