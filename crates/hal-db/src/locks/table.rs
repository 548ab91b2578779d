//! The table of locks: who holds what, who waits for whom. Pure: the moment comes in, nothing blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Found, Held, Kind, LOCKS_MAX, Refused, Session, State, TASK_LOCKS, Target};

/// Locks of one file.
#[derive(Debug, Default)]
struct FileLocks {
    whole: Option<Grant>,
    records: BTreeMap<String, Holders>,
    /// Record locks of each session, so that a file lock need not look at each record.
    counts: BTreeMap<Session, usize>,
}

#[derive(Debug, Clone, Copy)]
struct Grant {
    session: Session,
    since: Duration,
}

#[derive(Debug)]
enum Holders {
    Update(Grant),
    Read(BTreeMap<Session, Duration>),
}

/// A session that waits.
#[derive(Debug)]
struct Waiter {
    target: Target,
    kind: Kind,
    arrived: u64,
    until: Option<Duration>,
}

/// All locks of an account.
#[derive(Debug, Default)]
pub(super) struct Table {
    files: BTreeMap<String, FileLocks>,
    tasks: BTreeMap<u8, Grant>,
    waiting: BTreeMap<Session, Waiter>,
    /// Sessions in a transaction: what they release they keep until it ends.
    in_transaction: BTreeSet<Session>,
    arrivals: u64,
    /// Record locks held, each reader counted.
    held: usize,
}

/// Where a session that asked for a lock stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    Granted,
    Waiting,
    Refused(Refused),
}

impl Table {
    /// Takes the lock, or says who is in the way.
    pub(super) fn request(
        &mut self,
        session: Session,
        target: &Target,
        kind: Kind,
        now: Duration,
    ) -> Result<(), Refused> {
        if let Target::Task(number) = target
            && *number >= TASK_LOCKS
        {
            return Err(Refused::NoSuchLock);
        }
        if let Some(by) = self.in_the_way(session, target, kind, u64::MAX).into_iter().next() {
            return Err(Refused::Held { by });
        }
        self.grant(session, target, kind, now)
    }

    /// Begins to wait for a lock that was refused, until the moment `until`.
    pub(super) fn wait(&mut self, session: Session, target: &Target, kind: Kind, until: Option<Duration>) {
        self.arrivals += 1;
        let waiter = Waiter { target: target.clone(), kind, arrived: self.arrivals, until };
        self.waiting.insert(session, waiter);
    }

    /// Where a waiting session stands now; unless it waits on, its waiting is over.
    pub(super) fn poll(&mut self, session: Session, now: Duration) -> Standing {
        let Some(waiter) = self.waiting.get(&session) else {
            return Standing::Refused(Refused::GivenUp);
        };
        let (target, kind, until) = (waiter.target.clone(), waiter.kind, waiter.until);
        let ahead = self.in_the_way(session, &target, kind, waiter.arrived);
        let standing = match ahead.first() {
            None => match self.grant(session, &target, kind, now) {
                Ok(()) => Standing::Granted,
                Err(refused) => Standing::Refused(refused),
            },
            // A cycle is refused to whoever closes it; the others wait on and get what that one lets go of.
            Some(_) if self.waits_for_itself(session, &ahead) => Standing::Refused(Refused::Deadlock),
            Some(by) if until.is_some_and(|until| until <= now) => {
                Standing::Refused(Refused::Held { by: *by })
            }
            Some(_) => return Standing::Waiting,
        };
        self.waiting.remove(&session);
        standing
    }

    /// Ends the wait of a session, as when its user breaks it off.
    pub(super) fn give_up(&mut self, session: Session) {
        self.waiting.remove(&session);
    }

    /// Whether any session waits that somebody ought to wake.
    pub(super) fn anyone_waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Lets go of a lock; in a transaction it is kept. Gives whether it was held.
    pub(super) fn release(&mut self, session: Session, target: &Target) -> bool {
        let held = self.holds(session, target);
        if held && !self.in_transaction.contains(&session) {
            self.drop_lock(session, target);
        }
        held
    }

    /// Lets go of all locks in a file, its file lock as well.
    pub(super) fn release_file(&mut self, session: Session, file: &str) {
        if self.in_transaction.contains(&session) {
            return;
        }
        let Some(locks) = self.files.get_mut(file) else { return };
        if locks.whole.is_some_and(|grant| grant.session == session) {
            locks.whole = None;
        }
        let gone = locks.counts.remove(&session).unwrap_or(0);
        if gone > 0 {
            locks.records.retain(|_, holders| match holders {
                Holders::Update(grant) => grant.session != session,
                Holders::Read(readers) => {
                    readers.remove(&session);
                    !readers.is_empty()
                }
            });
        }
        self.held -= gone;
        self.tidy(file);
    }

    /// Lets go of everything but task locks.
    pub(super) fn release_all(&mut self, session: Session) {
        let files: Vec<String> = self.files.keys().cloned().collect();
        files.iter().for_each(|file| self.release_file(session, file));
    }

    pub(super) fn begin(&mut self, session: Session) {
        self.in_transaction.insert(session);
    }

    /// A transaction ends, and with it all locks taken or held in it.
    pub(super) fn end(&mut self, session: Session) {
        if self.in_transaction.remove(&session) {
            self.release_all(session);
        }
    }

    /// A session is gone, with all it held and waited for.
    pub(super) fn close(&mut self, session: Session) {
        self.in_transaction.remove(&session);
        self.waiting.remove(&session);
        self.release_all(session);
        self.tasks.retain(|_, grant| grant.session != session);
    }

    /// How a record stands to a session (14.5).
    pub(super) fn state(&self, session: Session, file: &str, id: &str) -> State {
        let Some(locks) = self.files.get(file) else { return State::Free };
        match (locks.whole, locks.records.get(id)) {
            (Some(grant), _) if grant.session == session => State::MyFile,
            (Some(_), _) => State::OtherFile,
            (None, None) => State::Free,
            (None, Some(Holders::Update(grant))) if grant.session == session => State::MyUpdate,
            (None, Some(Holders::Update(_))) => State::OtherUpdate,
            (None, Some(Holders::Read(readers))) if readers.contains_key(&session) => State::MyRead,
            (None, Some(Holders::Read(_))) => State::OtherRead,
        }
    }

    /// Who holds a task lock.
    pub(super) fn task(&self, number: u8) -> Option<Session> {
        self.tasks.get(&number).map(|grant| grant.session)
    }

    /// All locks by file and id, then the task locks.
    pub(super) fn list(&self) -> Vec<Held> {
        let mut list = Vec::new();
        for (file, locks) in &self.files {
            if let Some(grant) = locks.whole {
                let target = Target::File(file.clone());
                list.push(Held { target, kind: Kind::Update, session: grant.session, since: grant.since });
            }
            for (id, holders) in &locks.records {
                let target = Target::Record(file.clone(), id.clone());
                let held = |kind, session, since| Held { target: target.clone(), kind, session, since };
                match holders {
                    Holders::Update(grant) => list.push(held(Kind::Update, grant.session, grant.since)),
                    Holders::Read(readers) => {
                        list.extend(
                            readers.iter().map(|(session, since)| held(Kind::Read, *session, *since)),
                        );
                    }
                }
            }
        }
        list.extend(self.tasks.iter().map(|(number, grant)| Held {
            target: Target::Task(*number),
            kind: Kind::Update,
            session: grant.session,
            since: grant.since,
        }));
        list
    }

    /// Who waits for what, in the order of their coming.
    pub(super) fn waiters(&self) -> Vec<Found> {
        let mut waiters: Vec<_> = self.waiting.iter().collect();
        waiters.sort_by_key(|(_, waiter)| waiter.arrived);
        waiters
            .into_iter()
            .map(|(session, waiter)| Found {
                session: *session,
                target: waiter.target.clone(),
                kind: waiter.kind,
                waits_for: self.in_the_way(*session, &waiter.target, waiter.kind, waiter.arrived),
            })
            .collect()
    }

    #[cfg(test)]
    pub(super) fn held_count(&self) -> usize {
        self.held
    }

    fn holds(&self, session: Session, target: &Target) -> bool {
        match target {
            Target::Task(number) => self.task(*number) == Some(session),
            Target::File(file) => {
                let whole = self.files.get(file).and_then(|locks| locks.whole);
                whole.is_some_and(|grant| grant.session == session)
            }
            Target::Record(file, id) => match self.files.get(file).and_then(|locks| locks.records.get(id)) {
                None => false,
                Some(Holders::Update(grant)) => grant.session == session,
                Some(Holders::Read(readers)) => readers.contains_key(&session),
            },
        }
    }

    fn holds_anything(&self, session: Session) -> bool {
        let in_file = |locks: &FileLocks| {
            locks.counts.contains_key(&session) || locks.whole.is_some_and(|grant| grant.session == session)
        };
        self.files.values().any(in_file) || self.tasks.values().any(|grant| grant.session == session)
    }

    /// The other sessions that keep this one from a lock: those that hold what conflicts, and those that came before it
    /// for what conflicts.
    ///
    /// Who holds locks already passes the queue: else it could wait for one that waits for it, which would be taken for a
    /// deadlock. For the same reason no cycle leads through the queue, only through what is held.
    fn in_the_way(&self, session: Session, target: &Target, kind: Kind, arrived: u64) -> Vec<Session> {
        let mut sessions = self.holders(session, target, kind);
        if sessions.is_empty() && !self.waiting.is_empty() && !self.holds_anything(session) {
            sessions.extend(self.waiting.iter().filter_map(|(other, waiter)| {
                let before = *other != session && waiter.arrived < arrived;
                (before && conflict((target, kind), (&waiter.target, waiter.kind))).then_some(*other)
            }));
        }
        sessions
    }

    fn holders(&self, session: Session, target: &Target, kind: Kind) -> Vec<Session> {
        let other = |grant: Grant| (grant.session != session).then_some(grant.session);
        let (file, id) = match target {
            Target::Task(number) => {
                return self.tasks.get(number).copied().and_then(other).into_iter().collect();
            }
            Target::File(file) => (file, None),
            Target::Record(file, id) => (file, Some(id)),
        };
        let Some(locks) = self.files.get(file) else { return Vec::new() };
        let mut found: Vec<Session> = locks.whole.and_then(other).into_iter().collect();
        match id.map(|id| locks.records.get(id)) {
            None => found.extend(locks.counts.keys().filter(|holder| **holder != session)),
            Some(None) => {}
            Some(Some(Holders::Update(grant))) => found.extend(other(*grant)),
            Some(Some(Holders::Read(readers))) => {
                if kind == Kind::Update {
                    found.extend(readers.keys().filter(|reader| **reader != session));
                }
            }
        }
        found
    }

    /// Whether `session` would wait, through the others, for itself.
    fn waits_for_itself(&self, session: Session, first: &[Session]) -> bool {
        let mut to_visit: Vec<Session> = first.to_vec();
        let mut visited = BTreeSet::new();
        while let Some(next) = to_visit.pop() {
            if next == session {
                return true;
            }
            if visited.insert(next)
                && let Some(waiter) = self.waiting.get(&next)
            {
                to_visit.extend(self.in_the_way(next, &waiter.target, waiter.kind, waiter.arrived));
            }
        }
        false
    }

    fn grant(
        &mut self,
        session: Session,
        target: &Target,
        kind: Kind,
        since: Duration,
    ) -> Result<(), Refused> {
        let grant = Grant { session, since };
        let (file, id) = match target {
            Target::Task(number) => {
                self.tasks.insert(*number, grant);
                return Ok(());
            }
            Target::File(file) => (file, None),
            Target::Record(file, id) => (file, Some(id)),
        };
        let is_new = !self.holds(session, target);
        if is_new && id.is_some() && self.held >= LOCKS_MAX {
            return Err(Refused::TableFull);
        }
        let locks = self.files.entry(file.clone()).or_default();
        let Some(id) = id else {
            locks.whole = Some(grant);
            return Ok(());
        };
        match (locks.records.get_mut(id), kind) {
            // The other kind takes the place of the own lock.
            (_, Kind::Update) => {
                locks.records.insert(id.clone(), Holders::Update(grant));
            }
            (Some(Holders::Read(readers)), Kind::Read) => {
                readers.insert(session, since);
            }
            (_, Kind::Read) => {
                locks.records.insert(id.clone(), Holders::Read(BTreeMap::from([(session, since)])));
            }
        }
        if is_new {
            *locks.counts.entry(session).or_default() += 1;
            self.held += 1;
        }
        Ok(())
    }

    fn drop_lock(&mut self, session: Session, target: &Target) {
        let (file, id) = match target {
            Target::Task(number) => {
                self.tasks.remove(number);
                return;
            }
            Target::File(file) => (file, None),
            Target::Record(file, id) => (file, Some(id)),
        };
        let Some(locks) = self.files.get_mut(file) else { return };
        match id {
            None => locks.whole = None,
            Some(id) => {
                let empty = match locks.records.get_mut(id) {
                    Some(Holders::Read(readers)) => {
                        readers.remove(&session);
                        readers.is_empty()
                    }
                    _ => true,
                };
                if empty {
                    locks.records.remove(id);
                }
                self.held -= 1;
                if let Some(count) = locks.counts.get_mut(&session) {
                    *count -= 1;
                    if *count == 0 {
                        locks.counts.remove(&session);
                    }
                }
            }
        }
        self.tidy(file);
    }

    fn tidy(&mut self, file: &str) {
        if self.files.get(file).is_some_and(|locks| locks.whole.is_none() && locks.records.is_empty()) {
            self.files.remove(file);
        }
    }
}

/// Whether two sessions could not hold both (14.1).
fn conflict((target, kind): (&Target, Kind), (other, other_kind): (&Target, Kind)) -> bool {
    match (target, other) {
        (Target::Task(a), Target::Task(b)) => a == b,
        (Target::File(a), Target::File(b) | Target::Record(b, _))
        | (Target::Record(a, _), Target::File(b)) => a == b,
        (Target::Record(..), Target::Record(..)) => {
            target == other && (kind == Kind::Update || other_kind == Kind::Update)
        }
        _ => false,
    }
}
