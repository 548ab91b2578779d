//! A session: one user's transactions and locks (section 14 of the specification) over an account.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Txn;
use crate::account::{KEY_HEAD, Meta, VOC, changed_file};
use crate::dynarray::{DynArray, Record};
use crate::error::{Error, Result};
use crate::locks::{Kind, Locks, State, Target};
use crate::{Database, Snapshot};

/// What `NOSYNC` risks, for whoever switches it on.
pub const NOSYNC_RISK: &str = "writes are answered before they are on disk: a crash loses the last of them (up to 64 MB, or what \
came in the last moments), never half of one, and does not damage the account; sessions see them a moment later";

/// Bytes of a transaction that wait for its commit.
const PENDING_BYTES_MAX: usize = super::TXN_BYTES_MAX / 2;

/// One user of an account. Dropped, it rolls back and lets go of its locks.
#[derive(Debug)]
pub struct Session {
    db: Database,
    number: u32,
    pending: Option<Pending>,
    nosync: bool,
    must_lock: bool,
    unlocked: u64,
}

/// File and id as it is compared → the id as it is written, and the record; `None` deletes it.
type Changes = BTreeMap<(String, String), (String, Option<Record>)>;

/// Writes of a transaction; others do not see them before its commit.
#[derive(Debug, Default)]
struct Pending {
    /// Transactions begun inside this one.
    inner: usize,
    changes: Changes,
    bytes: usize,
}

impl Database {
    /// A new session, with a number that no other of this opening has.
    #[must_use]
    pub fn session(&self) -> Session {
        let number = self.shared().sessions.fetch_add(1, Ordering::Relaxed) + 1;
        Session { db: self.clone(), number, pending: None, nosync: false, must_lock: false, unlocked: 0 }
    }
}

impl Session {
    /// Its number, by which others know the owner of a lock.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The account.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.db
    }

    /// Answers writes before they are on disk; see [`NOSYNC_RISK`]. Switched off, it waits for them.
    ///
    /// # Errors
    /// As [`Database::sync`], when it is switched off.
    pub fn set_nosync(&mut self, on: bool) -> Result<()> {
        let was_on = std::mem::replace(&mut self.nosync, on);
        if was_on && !on { self.db.sync() } else { Ok(()) }
    }

    /// `MUSTLOCK`: refuses writes of records that this session has not locked, outside of transactions as well.
    pub fn set_must_lock(&mut self, on: bool) {
        self.must_lock = on;
    }

    /// Whether writes are answered before they are on disk.
    #[must_use]
    pub fn nosync(&self) -> bool {
        self.nosync
    }

    /// Writes of records that this session had not locked: allowed, but counted (14.4). Whoever keeps a log says it there.
    #[must_use]
    pub fn unlocked_writes(&self) -> u64 {
        self.unlocked
    }

    /// BEGIN TRANSACTION; inside of another it joins that one.
    pub fn begin(&mut self) {
        match &mut self.pending {
            Some(pending) => pending.inner += 1,
            None => {
                self.locks().begin(self.number);
                self.pending = Some(Pending::default());
            }
        }
    }

    /// Whether a transaction has begun and not ended.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        self.pending.is_some()
    }

    /// @TRANSACTION.LEVEL: 0 outside, 1 in a transaction, more in inner ones.
    #[must_use]
    pub fn transaction_level(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| pending.inner + 1)
    }

    /// Records that the transaction has changed so far.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| pending.changes.len())
    }

    /// COMMIT: makes all writes durable at once and lets go of the locks. An inner one only ends; the outer one decides.
    ///
    /// # Errors
    /// Nothing was written then, and the transaction has ended (3043): as [`Database::write`]; [`Error::Refused`] without a
    /// transaction.
    pub fn commit(&mut self) -> Result<()> {
        let Some(pending) = &mut self.pending else {
            return Err(Error::Refused("there is no transaction to commit".to_owned()));
        };
        if let Some(left) = pending.inner.checked_sub(1) {
            pending.inner = left;
            return Ok(());
        }
        let changes = self.pending.take().unwrap_or_default().changes;
        let written = if changes.is_empty() { Ok(()) } else { self.apply(changes) };
        self.locks().end(self.number);
        written
    }

    /// ROLLBACK: forgets all writes, of outer transactions too, and lets go of the locks; gives whether there was one.
    pub fn rollback(&mut self) -> bool {
        let was = self.pending.take().is_some();
        self.locks().end(self.number);
        was
    }

    /// All that is committed, and over it what this session wrote in its transaction: for queries, indices included.
    ///
    /// Costs as much as those writes did; without any, as [`Database::snapshot`].
    ///
    /// # Errors
    /// As [`Database::snapshot`] and [`crate::Txn::write`].
    pub fn snapshot(&self) -> Result<Snapshot> {
        let base = self.db.snapshot()?;
        let Some(pending) = self.pending.as_ref().filter(|pending| !pending.changes.is_empty()) else {
            return Ok(base);
        };
        let mut txn = transaction(&base)?;
        lay_over(&mut txn, &pending.changes)?;
        let (changes, catalog, _) = txn.finish();
        let commit = base.commit_number();
        Ok(base.past(changes, catalog, commit))
    }

    /// Runs a closure that reads and writes. In a transaction its writes of records join that, each under an update lock;
    /// else it is [`Database::write`] (or, with NOSYNC, [`Database::write_nosync`]).
    ///
    /// # Errors
    /// What `work` returned; as [`Session::write`]; [`Error::Lock`] when another session has locked one of the records;
    /// [`Error::NotInTransaction`] for what is no write of a record: files and indices are made outside of transactions.
    pub fn work<T, F>(&mut self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        if self.pending.is_none() {
            return if self.nosync { self.db.write_nosync(work) } else { self.db.write(work) };
        }
        let committed = self.db.snapshot()?;
        let base = self.snapshot()?;
        let mut txn = transaction(&base)?;
        let next = txn.meta.next;
        let value = work(&mut txn)?;
        let (changes, catalog, meta) = txn.finish();
        if meta.next != next {
            return Err(Error::NotInTransaction);
        }
        let names: BTreeMap<u32, &str> =
            catalog.entries().map(|entry| (entry.number, entry.name.as_str())).collect();
        let mut records = Vec::new();
        for (key, value) in changes {
            let Some(number) = changed_file(&key) else { continue };
            let Some(file) = names.get(&number) else { return Err(Error::NotInTransaction) };
            let id = String::from_utf8_lossy(&key[KEY_HEAD..]).into_owned();
            let record = value.map(DynArray::from_bytes);
            let is_file = |record: &Record| record.field(1).first() == Some(&b'F');
            if number == VOC
                && (record.as_ref().is_some_and(is_file)
                    || base.read(file, &id)?.as_ref().is_some_and(is_file))
            {
                return Err(Error::NotInTransaction);
            }
            records.push(((*file).to_owned(), id, record));
        }
        for (file, id, _) in &records {
            self.locks().try_lock(self.number, &self.target(file, id)?, Kind::Update)?;
        }
        // What was read before the locks were held must still be so.
        let now = self.db.snapshot()?;
        if now.commit_number() != committed.commit_number() {
            for (file, id, _) in &records {
                if now.read(file, id)? != committed.read(file, id)? {
                    return Err(Error::Refused(format!(
                        "record '{id}' of {file} was changed at the same moment\n\nhint: give the command again"
                    )));
                }
            }
        }
        // A record that changes its spelling goes before it comes.
        records.sort_by_key(|(_, _, record)| record.is_some());
        for (file, id, record) in records {
            self.change(&file, &id, record, true)?;
        }
        Ok(value)
    }

    /// Reads a record: what this session wrote in its transaction, else what is committed. Locks do not matter.
    ///
    /// # Errors
    /// As [`crate::Snapshot::read`].
    pub fn read(&self, file: &str, id: &str) -> Result<Option<Record>> {
        if let Some(pending) = &self.pending {
            let key = self.named(file, id)?;
            if let Some((_, change)) = pending.changes.get(&key) {
                return Ok(change.clone());
            }
        }
        self.db.snapshot()?.read(file, id)
    }

    /// READU or READL: locks a record, which need not exist, and reads it; see [`Locks::lock`] for `patience`.
    ///
    /// # Errors
    /// [`Error::Lock`]; as [`Session::read`], and the lock is held then.
    pub fn read_locked(
        &self,
        file: &str,
        id: &str,
        kind: Kind,
        patience: Option<Duration>,
    ) -> Result<Option<Record>> {
        let target = self.target(file, id)?;
        self.locks().lock(self.number, &target, kind, patience)?;
        self.read(file, id)
    }

    /// FILELOCK.
    ///
    /// # Errors
    /// [`Error::Lock`], [`Error::NoSuchFile`].
    pub fn lock_file(&self, file: &str, patience: Option<Duration>) -> Result<()> {
        let target = Target::File(self.file(file)?);
        Ok(self.locks().lock(self.number, &target, Kind::Update, patience)?)
    }

    /// WRITE lets go of the record's lock; with `keep`, WRITEU does not.
    ///
    /// # Errors
    /// [`Error::NotLocked`] (3023) in a transaction without an update lock; as [`crate::Txn::write`], which in a transaction
    /// may come with its commit.
    pub fn write(&mut self, file: &str, id: &str, record: &Record, keep: bool) -> Result<()> {
        self.change(file, id, Some(record.clone()), keep)
    }

    /// DELETE lets go of the record's lock; with `keep`, DELETEU does not.
    ///
    /// # Errors
    /// As [`Session::write`].
    pub fn delete(&mut self, file: &str, id: &str, keep: bool) -> Result<()> {
        self.change(file, id, None, keep)
    }

    /// RELEASE of one record.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`].
    pub fn release(&self, file: &str, id: &str) -> Result<bool> {
        Ok(self.locks().release(self.number, &self.target(file, id)?))
    }

    /// FILEUNLOCK.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`].
    pub fn unlock_file(&self, file: &str) -> Result<bool> {
        Ok(self.locks().release(self.number, &Target::File(self.file(file)?)))
    }

    /// The end of a command: what is open is rolled back, all locks but task locks go. Gives whether there was a transaction.
    pub fn end_command(&mut self) -> bool {
        let was = self.rollback();
        self.locks().release_all(self.number);
        was
    }

    fn change(&mut self, file: &str, id: &str, record: Option<Record>, keep: bool) -> Result<()> {
        let (name, folded) = self.named(file, id)?;
        let in_transaction = self.pending.is_some() && !self.is_outside_transactions(&name)?;
        let locked =
            matches!(self.locks().state(self.number, &name, &folded), State::MyUpdate | State::MyFile);
        if !locked && (in_transaction || self.must_lock) {
            return Err(Error::NotLocked { file: name, id: id.to_owned() });
        }
        self.unlocked += u64::from(!locked);
        let target = Target::Record(name.clone(), folded.clone());
        let change = ((name, folded), (id.to_owned(), record));
        match &mut self.pending {
            Some(pending) if in_transaction => {
                pending.bytes += id.len() + change.1.1.as_ref().map_or(0, |record| record.as_bytes().len());
                if pending.bytes > PENDING_BYTES_MAX {
                    let (what, hint) = ("the transaction".to_owned(), "write in several transactions");
                    return Err(Error::TooLarge { what, limit: PENDING_BYTES_MAX as u64, hint });
                }
                pending.changes.insert(change.0, change.1);
            }
            _ => self.apply(BTreeMap::from([change]))?,
        }
        if !keep {
            self.locks().release(self.number, &target);
        }
        Ok(())
    }

    fn apply(&self, changes: Changes) -> Result<()> {
        let work = move |txn: &mut Txn<'_>| lay_over(txn, &changes);
        if self.nosync { self.db.write_nosync(work) } else { self.db.write(work) }
    }

    /// Field 6 `N` of a file's VOC record: its writes take no part in transactions.
    fn is_outside_transactions(&self, file: &str) -> Result<bool> {
        let voc = self.db.snapshot()?.read("VOC", file)?;
        Ok(voc.is_some_and(|record| record.field(6) == b"N"))
    }

    /// Names of a file and a record as locks know them.
    fn named(&self, file: &str, id: &str) -> Result<(String, String)> {
        let snapshot = self.db.snapshot()?;
        let entry = snapshot.catalog().file(file)?;
        Ok((entry.name.clone(), entry.records().folded(id).into_owned()))
    }

    fn target(&self, file: &str, id: &str) -> Result<Target> {
        let (file, id) = self.named(file, id)?;
        Ok(Target::Record(file, id))
    }

    /// The name of a file as locks know it.
    fn file(&self, name: &str) -> Result<String> {
        Ok(self.db.snapshot()?.catalog().file(name)?.name.clone())
    }

    fn locks(&self) -> &Locks {
        self.db.locks()
    }
}

/// A transaction over a view that nothing commits: what it would do.
fn transaction(base: &Snapshot) -> Result<Txn<'_>> {
    let meta = Meta::required(base.view())?;
    Ok(Txn::new(base.view(), Arc::new(base.catalog().clone()), meta))
}

fn lay_over(txn: &mut Txn<'_>, changes: &Changes) -> Result<()> {
    changes.iter().try_for_each(|((file, _), (id, record))| match record {
        Some(record) => txn.write(file, id, record),
        None => txn.delete(file, id).map(|_| ()),
    })
}

impl Drop for Session {
    fn drop(&mut self) {
        self.locks().close(self.number);
    }
}
