//! Connections that have not sent a whole request yet, by where they come from: cheap to open, so one place may have only a
//! part of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Network;

/// As large as the number of connections that wait, which is limited where they are accepted.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    counts: Mutex<HashMap<Network, usize>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waits {
    waiting: Arc<Waiting>,
    from: Network,
}

impl Waiting {
    fn counts(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more from there, if fewer than `most` wait.
    pub(crate) fn begin(self: &Arc<Self>, from: IpAddr, most: usize) -> Option<Waits> {
        let from = Network::of(from);
        let mut counts = self.counts();
        let count = counts.entry(from).or_default();
        // A count of nought would stay for ever.
        if *count >= most.max(1) {
            return None;
        }
        *count += 1;
        Some(Waits { waiting: Arc::clone(self), from })
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        let mut counts = self.waiting.counts();
        if let Some(count) = counts.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.from);
            }
        }
    }
}
