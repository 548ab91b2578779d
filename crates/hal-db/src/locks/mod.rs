//! Locks on records, files and tasks (section 14 of the specification): a table that knows who holds and who waits, and a
//! thin shell around it that lets a thread wait.
//!
//! Locks are agreements between sessions of one process. They live in memory only and hold nobody off who does not ask.
//! File names are compared as given: callers use the catalogue's name.

mod table;
#[cfg(test)]
mod tests;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use table::{Standing, Table};

/// Record locks that all sessions together may hold.
pub const LOCKS_MAX: usize = 65_536;

/// Task locks are numbered from 0 to one less than this.
pub const TASK_LOCKS: u8 = 64;

/// Number of a session.
pub type Session = u32;

/// What a lock is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A record of a file, which need not exist.
    Record(String, String),
    /// A whole file.
    File(String),
    /// One of the task locks.
    Task(u8),
}

/// How a record is locked; files and tasks are always locked for [`Kind::Update`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `READL`: others may read-lock it as well.
    Read,
    /// `READU`: nobody else may lock it.
    Update,
}

/// Why a lock was not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another session is in the way; STATUS() in a `LOCKED` clause.
    #[error("locked by session {by}")]
    Held {
        /// One of those in the way.
        by: Session,
    },
    /// Waiting would never end, as the other waits for this session (3011).
    #[error("waiting for this lock would never end: its holder waits for a lock of this session")]
    Deadlock,
    /// [`LOCKS_MAX`] locks are held; STATUS() is 0 then (3061).
    #[error("the lock table is full\n\nhint: release locks, or lock the whole file")]
    TableFull,
    /// There is no task lock of that number.
    #[error("task locks are numbered from 0 to 63")]
    NoSuchLock,
    /// The session was closed, or its wait broken off, while it waited.
    #[error("the wait for a lock was broken off")]
    GivenUp,
}

impl Refused {
    /// What STATUS() gives.
    #[must_use]
    pub fn status(&self) -> i64 {
        match self {
            Refused::Held { by } => i64::from(*by),
            Refused::Deadlock => 3011,
            Refused::TableFull | Refused::NoSuchLock | Refused::GivenUp => 0,
        }
    }
}

/// What `RECORDLOCKED` says of a record (14.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Another session has locked the file.
    OtherFile = -3,
    /// Another session holds an update lock.
    OtherUpdate = -2,
    /// Another session holds a read lock.
    OtherRead = -1,
    /// Nobody has locked it.
    Free = 0,
    /// This session holds a read lock.
    MyRead = 1,
    /// This session holds an update lock.
    MyUpdate = 2,
    /// This session has locked the file.
    MyFile = 3,
}

/// A lock that is held, for `LIST.READU`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// On what.
    pub target: Target,
    /// How.
    pub kind: Kind,
    /// By whom.
    pub session: Session,
    /// Since when, counted from the opening of the account.
    pub since: Duration,
}

/// A session that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Who.
    pub session: Session,
    /// For a lock on what.
    pub target: Target,
    /// How.
    pub kind: Kind,
    /// Sessions that are in the way.
    pub waits_for: Vec<Session>,
}

/// The locks of an open account. Every method is short but [`Locks::lock`], which waits.
#[derive(Debug)]
pub struct Locks {
    table: Mutex<Table>,
    changed: Condvar,
    opened: Instant,
}

impl Default for Locks {
    fn default() -> Locks {
        Locks { table: Mutex::default(), changed: Condvar::new(), opened: now() }
    }
}

/// Waiting is measured by the clock that never goes back; no result depends on the time of day.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

impl Locks {
    /// Takes a lock if nobody is in the way.
    ///
    /// # Errors
    /// [`Refused::Held`], [`Refused::TableFull`], [`Refused::NoSuchLock`].
    pub fn try_lock(&self, session: Session, target: &Target, kind: Kind) -> Result<(), Refused> {
        let now = self.now();
        self.table().request(session, target, kind, now)
    }

    /// Takes a lock, waiting until nobody is in the way, for no longer than `patience`; `None`: for ever.
    ///
    /// Who came first is served first, but a session that holds locks already is not kept waiting by the queue.
    ///
    /// # Errors
    /// [`Refused::Held`] after `patience`; [`Refused::Deadlock`] at once, when waiting would never end; the others.
    pub fn lock(
        &self,
        session: Session,
        target: &Target,
        kind: Kind,
        patience: Option<Duration>,
    ) -> Result<(), Refused> {
        let mut table = self.table();
        match table.request(session, target, kind, self.now()) {
            Err(Refused::Held { .. }) => {}
            decided => return decided,
        }
        let until = patience.map(|patience| self.now().saturating_add(patience));
        table.wait(session, target, kind, until);
        loop {
            match table.poll(session, self.now()) {
                Standing::Granted => {
                    // Others may read beside it.
                    self.changed.notify_all();
                    return Ok(());
                }
                Standing::Refused(refused) => {
                    self.changed.notify_all();
                    return Err(refused);
                }
                Standing::Waiting => {}
            }
            table = match until {
                None => self.changed.wait(table).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_sub(self.now());
                    self.changed.wait_timeout(table, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Lets go of one lock; gives whether it was held. In a transaction it is kept until that ends.
    pub fn release(&self, session: Session, target: &Target) -> bool {
        self.change(|table| table.release(session, target))
    }

    /// Lets go of all locks in a file, as `RELEASE f` and closing it do.
    pub fn release_file(&self, session: Session, file: &str) {
        self.change(|table| table.release_file(session, file));
    }

    /// Lets go of all locks but task locks, as `RELEASE` and the end of a command do.
    pub fn release_all(&self, session: Session) {
        self.change(|table| table.release_all(session));
    }

    /// A transaction begins: releases wait for its end.
    pub fn begin(&self, session: Session) {
        self.change(|table| table.begin(session));
    }

    /// A transaction ends, and with it the locks that were taken or held in it.
    pub fn end(&self, session: Session) {
        self.change(|table| table.end(session));
    }

    /// A session ends, or is logged off by another: all its locks go, and a wait of it ends with [`Refused::GivenUp`].
    pub fn close(&self, session: Session) {
        self.change(|table| table.close(session));
    }

    /// Breaks off the wait of a session, as its user's Ctrl-C does.
    pub fn give_up(&self, session: Session) {
        self.change(|table| table.give_up(session));
    }

    /// How a record stands to a session.
    #[must_use]
    pub fn state(&self, session: Session, file: &str, id: &str) -> State {
        self.table().state(session, file, id)
    }

    /// Who holds a task lock.
    #[must_use]
    pub fn task(&self, number: u8) -> Option<Session> {
        self.table().task(number)
    }

    /// All locks that are held, by file and id.
    #[must_use]
    pub fn list(&self) -> Vec<Held> {
        self.table().list()
    }

    /// For how long a lock has been held.
    #[must_use]
    pub fn age(&self, held: &Held) -> Duration {
        self.now().saturating_sub(held.since)
    }

    /// All sessions that wait, the first to come first.
    #[must_use]
    pub fn waiters(&self) -> Vec<Found> {
        self.table().waiters()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        let mut table = self.table();
        // Asked before: the change may be the end of the wait.
        let anyone_waits = table.anyone_waits();
        let result = change(&mut table);
        if anyone_waits {
            self.changed.notify_all();
        }
        result
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        now().duration_since(self.opened)
    }
}
