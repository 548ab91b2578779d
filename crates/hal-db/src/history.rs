//! What records were before: reads as of an earlier commit or moment, and undo.
//!
//! Off unless [`Database::keep_history`] asks for it: it reads and writes each changed record once more, and what a person
//! deletes would still be there. While it is off the history there was is forgotten, a piece with each commit.
//!
//! The store's keys: `5` file, id, NUL, commit → what the record was before that commit (0: not there, 1 and its bytes) ·
//! `6` moment, commit → nothing · `7` commit, file, id → nothing · `6` alone → commit and moment since which all of it is
//! kept, or nothing while it is being forgotten.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::account::{FileEntry, KEY_HEAD, Meta, VOC};
use crate::database::Shared;
use crate::dynarray::{DynArray, Record};
use crate::error::{Error, Result};
use crate::store::{StoreTxn, View, prefix_range};
use crate::txn::Txn;
use crate::{Database, Snapshot};

const BEFORE: u8 = 5;
const MOMENT: u8 = 6;
const WRITTEN: u8 = 7;
const SINCE: &[u8] = &[MOMENT];

/// Old entries that one commit lets go of, so that none takes long.
const FORGET_AT_ONCE: usize = 2000;

/// How history is kept.
#[derive(Clone)]
pub(crate) struct Keep {
    pub time: Duration,
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// What a record was before one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The commit that changed it.
    pub commit: u64,
    /// What it was until then; `None` when it was not there.
    pub record: Option<Record>,
}

impl Database {
    /// Keeps what records were before for this long, counted by `clock`, which gives seconds since any fixed moment.
    /// `None`: keeps nothing, and forgets what was kept. Without effect on a restricted handle.
    pub fn keep_history(&self, time: Option<Duration>, clock: impl Fn() -> u64 + Send + Sync + 'static) {
        // Not the business of somebody who may not even see all of it.
        if self.access().is_some() {
            return;
        }
        let keep = time.map(|time| Keep { time, clock: Arc::new(clock) });
        *self.shared().keep.write().unwrap_or_else(PoisonError::into_inner) = keep;
    }
}

impl Snapshot {
    /// The state after the commit of this number, indices and dictionaries as they were. Files that were deleted since are
    /// not there; files created since are, without the records they have got.
    ///
    /// # Errors
    /// [`Error::Refused`] when the history does not go back so far, [`Error::TooLarge`] when more has changed since than a
    /// transaction may hold, [`Error::Store`].
    pub fn as_of(self, commit: u64) -> Result<Snapshot> {
        if commit >= self.commit_number() {
            return Ok(self);
        }
        self.require_everything("the history")?;
        match since(self.view())? {
            Some((first, _)) if first <= commit => {}
            Some((first, _)) => {
                let reason = format!("the history goes back to commit {first}, not to {commit}");
                return Err(Error::Refused(reason));
            }
            None => return Err(not_kept()),
        }
        let meta = Meta::required(self.view())?;
        let mut txn = Txn::new(self.view(), Arc::new(self.catalog().clone()), meta);
        let mut failure = Ok(());
        let mut last: Vec<u8> = Vec::new();
        let mut restored: Vec<(u32, String, Option<Record>)> = Vec::new();
        let mut bytes = 0;
        self.view().scan(
            (Bound::Included(&[BEFORE]), Bound::Excluded(&[BEFORE + 1])),
            &mut |key, value| {
                let Some((record, at)) = parse(key) else { return ControlFlow::Continue(()) };
                // The first commit after the one asked for knows what it was then.
                if at <= commit || last == record {
                    return ControlFlow::Continue(());
                }
                last = record.to_vec();
                let Some((file, id)) = named(record) else { return ControlFlow::Continue(()) };
                bytes += value.len();
                restored.push((file, id, image(value)));
                if bytes > crate::txn::TXN_BYTES_MAX {
                    failure = Err(Error::TooLarge {
                        what: "what has changed since".to_owned(),
                        limit: crate::txn::TXN_BYTES_MAX as u64,
                        hint: "ask for a later state, or restore a backup beside",
                    });
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            },
        )?;
        failure?;
        put_back(&mut txn, restored)?;
        let (changes, catalog, _) = txn.finish();
        Ok(self.past(changes, catalog, commit))
    }

    /// The state at a moment of the history's clock; as [`Snapshot::as_of`].
    ///
    /// # Errors
    /// As [`Snapshot::as_of`].
    pub fn as_of_moment(self, moment: u64) -> Result<Snapshot> {
        self.require_everything("the history")?;
        let Some((_, first)) = since(self.view())? else { return Err(not_kept()) };
        if moment < first {
            return Err(Error::Refused(format!("the history goes back {} seconds less", first - moment)));
        }
        let mut commit = None;
        let from = moment_key(moment.saturating_add(1), 0);
        self.view().scan((Bound::Included(&from), Bound::Excluded(&[MOMENT + 1])), &mut |key, _| {
            commit = number(key, 9);
            ControlFlow::Break(())
        })?;
        match commit {
            Some(commit) => self.as_of(commit.saturating_sub(1)),
            None => Ok(self),
        }
    }

    /// What a record was, the newest change first.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Store`].
    pub fn history(&self, file: &str, id: &str) -> Result<Vec<Before>> {
        self.require_everything("the history")?;
        let file = self.catalog().file(file)?.number;
        history(self.view(), file, id)
    }
}

impl Txn<'_> {
    /// Takes back all that one commit wrote; gives the number of records. Group commit puts writes of several callers into
    /// one commit when they come at the same time: to take back one record, use [`Txn::undo_record`].
    ///
    /// # Errors
    /// [`Error::Refused`] when the history does not hold the commit, or a record has been changed since.
    pub fn undo(&mut self, commit: u64) -> Result<usize> {
        self.require_everything("the history")?;
        let mut prefix = vec![WRITTEN];
        prefix.extend_from_slice(&commit.to_be_bytes());
        let mut written: Vec<Vec<u8>> = Vec::new();
        self.view().scan(prefix_range(&prefix, &mut Vec::new()), &mut |key, _| {
            written.push(key[prefix.len()..].to_vec());
            ControlFlow::Continue(())
        })?;
        if written.is_empty() {
            return Err(Error::Refused(format!("the history does not hold what commit {commit} wrote")));
        }
        let mut restored = Vec::new();
        for record in written {
            let Some((file, id)) = named(&record) else { continue };
            let newest = history(self.view(), file, &id)?.into_iter().next();
            match newest {
                Some(before) if before.commit == commit => restored.push((file, id, before.record)),
                Some(later) => {
                    let by = later.commit;
                    return Err(Error::Refused(format!(
                        "record '{id}' has been changed since, by commit {by}"
                    )));
                }
                None => {}
            }
        }
        let count = restored.len();
        put_back(self, restored)?;
        Ok(count)
    }

    /// Takes back the last change of a record: it becomes what it was before.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Refused`] when the history does not know it.
    pub fn undo_record(&mut self, file: &str, id: &str) -> Result<()> {
        self.require_everything("the history")?;
        let number = self.catalog().file(file)?.number;
        let Some(before) = history(self.view(), number, id)?.into_iter().next() else {
            return Err(Error::Refused(format!("the history does not hold what record '{id}' was before")));
        };
        put_back(self, vec![(number, id.to_owned(), before.record)])
    }
}

fn not_kept() -> Error {
    Error::Refused("what records were before is not kept in this account".to_owned())
}

fn history(view: &dyn View, file: u32, id: &str) -> Result<Vec<Before>> {
    let prefix = before_key(file, id.as_bytes(), None);
    let mut found = Vec::new();
    view.scan(prefix_range(&prefix, &mut Vec::new()), &mut |key, value| {
        if let Some((_, commit)) = parse(key) {
            found.push(Before { commit, record: image(value) });
        }
        ControlFlow::Continue(())
    })?;
    found.reverse();
    Ok(found)
}

/// Writes records as they were; those of files that are gone, and of files themselves, are left out.
fn put_back(txn: &mut Txn<'_>, records: Vec<(u32, String, Option<Record>)>) -> Result<()> {
    let names: BTreeMap<u32, String> =
        txn.catalog().entries().map(|entry: &FileEntry| (entry.number, entry.name.clone())).collect();
    for (file, id, record) in records {
        let Some(name) = names.get(&file) else { continue };
        let is_file = |record: &Record| record.field(1).first() == Some(&b'F');
        if file == VOC
            && (record.as_ref().is_some_and(is_file) || txn.read(name, &id)?.as_ref().is_some_and(is_file))
        {
            continue;
        }
        match record {
            Some(record) => txn.write(name, &id, &record)?,
            None => {
                txn.delete(name, &id)?;
            }
        }
    }
    Ok(())
}

/// Keeps, during one commit, what its records were before.
pub(crate) struct Past {
    keep: Option<Keep>,
    commit: u64,
}

impl Past {
    pub(crate) fn begin(shared: &Shared, txn: &mut dyn StoreTxn, commit: u64) -> Result<Past> {
        let keep = shared.keep.read().unwrap_or_else(PoisonError::into_inner).clone();
        let there = txn.get(SINCE)?;
        // What was kept is of no use any more once one commit has not been.
        if there.is_some() && (keep.is_none() || there.as_ref().is_some_and(Vec::is_empty)) {
            txn.put(SINCE, &[])?;
            // To keep it anew all of the old must be gone first.
            while forget(txn)? && keep.is_some() {}
        }
        Ok(Past { keep, commit })
    }

    pub(crate) fn keeps(&self) -> bool {
        self.keep.is_some()
    }

    /// A record is about to be changed.
    pub(crate) fn before(&self, key: &[u8], txn: &mut dyn StoreTxn) -> Result<()> {
        let Some(file) = crate::account::changed_file(key) else { return Ok(()) };
        let id = &key[KEY_HEAD..];
        let at = before_key(file, id, Some(self.commit));
        // What it was before the commit, not before the second of its closures.
        if txn.with(&at, &mut |_| {})? {
            return Ok(());
        }
        let image = match txn.get(key)? {
            Some(record) => [&[1], record.as_slice()].concat(),
            None => vec![0],
        };
        txn.put(&at, &image)?;
        let mut written = vec![WRITTEN];
        written.extend_from_slice(&self.commit.to_be_bytes());
        written.extend_from_slice(&key[1..]);
        txn.put(&written, &[])?;
        Ok(())
    }

    /// The commit is complete: notes its moment and lets go of what is too old.
    pub(crate) fn end(self, txn: &mut dyn StoreTxn) -> Result<()> {
        let Some(keep) = self.keep else { return Ok(()) };
        let now = (keep.clock)();
        if since(txn.as_view())?.is_none() {
            put_since(txn, self.commit - 1, now)?;
        }
        txn.put(&moment_key(now, self.commit), &[])?;
        let too_old = moment_key(now.saturating_sub(keep.time.as_secs()), 0);
        let mut old = Vec::new();
        txn.scan((Bound::Excluded(SINCE), Bound::Excluded(&too_old)), &mut |key, _| {
            old.push(key.to_vec());
            if old.len() < FORGET_AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let mut forgotten = 0;
        for key in old {
            let (Some(moment), Some(commit)) = (number(&key, 1), number(&key, 9)) else { continue };
            let mut prefix = vec![WRITTEN];
            prefix.extend_from_slice(&commit.to_be_bytes());
            let mut written = Vec::new();
            txn.scan(prefix_range(&prefix, &mut Vec::new()), &mut |key, _| {
                written.push(key.to_vec());
                ControlFlow::Continue(())
            })?;
            for entry in written {
                let (file, id) = entry[9..].split_at(4);
                let file = u32::from_be_bytes(file.try_into().unwrap_or_default());
                txn.delete(&before_key(file, id, Some(commit)))?;
                txn.delete(&entry)?;
                forgotten += 1;
            }
            txn.delete(&key)?;
            put_since(txn, commit, moment)?;
            if forgotten > FORGET_AT_ONCE {
                break;
            }
        }
        Ok(())
    }
}

/// Lets go of some of the history; gives whether there is more.
fn forget(txn: &mut dyn StoreTxn) -> Result<bool> {
    let mut keys = Vec::new();
    txn.scan((Bound::Included(&[BEFORE]), Bound::Excluded(&[WRITTEN + 1])), &mut |key, _| {
        if key != SINCE {
            keys.push(key.to_vec());
        }
        if keys.len() < FORGET_AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let more = keys.len() == FORGET_AT_ONCE;
    for key in keys {
        txn.delete(&key)?;
    }
    if !more {
        txn.delete(SINCE)?;
    }
    Ok(more)
}

/// Commit and moment since which everything is kept.
fn since(view: &dyn View) -> Result<Option<(u64, u64)>> {
    let there = view.get(SINCE)?;
    Ok(there.and_then(|bytes| Some((number(&bytes, 0)?, number(&bytes, 8)?))))
}

fn put_since(txn: &mut dyn StoreTxn, commit: u64, moment: u64) -> Result<()> {
    txn.put(SINCE, &[commit.to_be_bytes(), moment.to_be_bytes()].concat())?;
    Ok(())
}

fn before_key(file: u32, id: &[u8], commit: Option<u64>) -> Vec<u8> {
    let mut key = vec![BEFORE];
    key.extend_from_slice(&file.to_be_bytes());
    key.extend_from_slice(id);
    key.push(0);
    key.extend(commit.iter().flat_map(|commit| commit.to_be_bytes()));
    key
}

fn moment_key(moment: u64, commit: u64) -> Vec<u8> {
    let mut key = vec![MOMENT];
    key.extend_from_slice(&moment.to_be_bytes());
    key.extend_from_slice(&commit.to_be_bytes());
    key
}

/// File and id together, and the commit, of a key that [`before_key`] made.
fn parse(key: &[u8]) -> Option<(&[u8], u64)> {
    let (head, commit) = key.split_last_chunk::<8>()?;
    let record = head.get(1..head.len().checked_sub(1)?)?;
    Some((record, u64::from_be_bytes(*commit)))
}

fn named(record: &[u8]) -> Option<(u32, String)> {
    let (file, id) = record.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*file), String::from_utf8_lossy(id).into_owned()))
}

fn image(value: &[u8]) -> Option<Record> {
    value
        .split_first()
        .filter(|(there, _)| **there == 1)
        .map(|(_, record)| DynArray::from_bytes(record.to_vec()))
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
