//! What records were before: reads as of an earlier commit or moment, and undo.
//!
//! Off unless [`Database::keep_history`] asks for it: it reads and writes each changed record once more, and what a person
//! deletes would still be there. While it is off the history there was is forgotten, a piece with each commit.
//!
//! The store's keys: `5` file, id, NUL, commit → what the record was before that commit (0: not there, 1 and its bytes) ·
//! `6` moment, commit → nothing · `7` commit, file, id → nothing · `6` alone → commit and moment since which all of it is
//! kept, or nothing while it is being forgotten.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::account::{KEY_HEAD, Meta};
use crate::casing::Records;
use crate::database::Shared;
use crate::dynarray::{DynArray, Record};
use crate::error::{Error, Result};
use crate::store::{StoreTxn, View, prefix_range};
use crate::txn::Txn;
use crate::{Database, Snapshot};

mod restore;

use restore::put_back;

const BEFORE: u8 = 5;
const MOMENT: u8 = 6;
const WRITTEN: u8 = 7;
const SINCE: &[u8] = &[MOMENT];

/// Old records that one commit lets go of beside twice those it changes, so that none takes long.
const FORGET_AT_ONCE: usize = 2000;

/// How history is kept.
#[derive(Clone)]
pub(crate) struct Keep {
    pub time: Duration,
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// The clock of a history: seconds since any fixed moment, and what they are where the person lives.
pub trait Clock: Send + Sync {
    /// Seconds by now.
    fn now(&self) -> u64;

    /// The moment of a local day (31 December 1967 is 0) and second of it; `None` for one out of range.
    fn of_local(&self, day: i64, second: u32) -> Option<u64>;

    /// The local day and second of a moment.
    fn to_local(&self, moment: u64) -> (i64, u32);
}

/// VOC record that says for how many days (field 2) the account keeps what records were before.
const SETTING: &str = "$HISTORY";

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
    /// `None`: keeps nothing, and forgets what was kept.
    pub fn keep_history(&self, time: Option<Duration>, clock: impl Fn() -> u64 + Send + Sync + 'static) {
        let keep = time.map(|time| Keep { time, clock: Arc::new(clock) });
        *self.shared().keep.write().unwrap_or_else(PoisonError::into_inner) = keep;
    }

    /// Keeps what the account's own setting says (see [`Database::set_history`]): for every program that opens it, as a
    /// commit of one that does not would end the history.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn resume_history(&self, clock: Arc<dyn Clock>) -> Result<()> {
        if let Some(days) = self.snapshot()?.history_days()? {
            self.keep_history(Some(Duration::from_secs(days * 86_400)), move || clock.now());
        }
        Ok(())
    }

    /// Keeps, from now on and noted in the account, what records were in the last days; `None` forgets all of it.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub fn set_history(&self, days: Option<u64>, clock: Arc<dyn Clock>) -> Result<()> {
        let time = days.map(|days| Duration::from_secs(days.saturating_mul(86_400)));
        self.keep_history(time, move || clock.now());
        self.write(move |txn| match days {
            Some(days) => {
                let record = DynArray::from_fields(["X history: days that are kept", &days.to_string()]);
                txn.write("VOC", SETTING, &record)
            }
            None => txn.delete("VOC", SETTING).map(drop),
        })
    }
}

impl Snapshot {
    /// The state after the commit of this number: files, dictionaries and indices as they were, but for the indices of files
    /// that have been deleted since, which are there without.
    ///
    /// # Errors
    /// [`Error::Refused`] when the history does not go back so far, [`Error::TooLarge`] when more has changed since than a
    /// transaction may hold, [`Error::Store`].
    pub fn as_of(self, commit: u64) -> Result<Snapshot> {
        if commit >= self.commit_number() {
            return Ok(self);
        }
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
        let mut restored: Vec<Image> = Vec::new();
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
                restored.push(Image { file, id, record: image(value) });
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

    /// For how many days the account says that what records were before is kept; `None`: not at all.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn history_days(&self) -> Result<Option<u64>> {
        let setting = self.read("VOC", SETTING)?;
        Ok(setting.and_then(|record| record.field_text(2).parse().ok()))
    }

    /// When a commit of the history was made, by its clock.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn moment_of(&self, commit: u64) -> Result<Option<u64>> {
        let mut found = None;
        self.view().scan((Bound::Excluded(SINCE), Bound::Excluded(&[MOMENT + 1])), &mut |key, _| {
            if number(key, 9) == Some(commit) {
                found = number(key, 1);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// What a record was, the newest change first.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Store`].
    pub fn history(&self, file: &str, id: &str) -> Result<Vec<Before>> {
        let records = self.catalog().file(file)?.records();
        if !records.no_case {
            return history(self.view(), records.number, id);
        }
        // A commit that changed the spelling took away one record and wrote another: what was there counts.
        let mut all: BTreeMap<u64, Option<Record>> = BTreeMap::new();
        for (_, before) in spellings(self.view(), records, id)? {
            let one = all.entry(before.commit).or_default();
            *one = one.take().or(before.record);
        }
        Ok(all.into_iter().rev().map(|(commit, record)| Before { commit, record }).collect())
    }
}

impl Txn<'_> {
    /// Takes back all that one commit wrote; gives the number of records. Group commit puts writes of several callers into
    /// one commit when they come at the same time: to take back one record, use [`Txn::undo_record`].
    ///
    /// # Errors
    /// [`Error::Refused`] when the history does not hold the commit, or a record has been changed since.
    pub fn undo(&mut self, commit: u64) -> Result<usize> {
        let kept = since(self.view())?.is_some_and(|(first, _)| first < commit);
        let prefix = written_key(commit);
        let mut written: Vec<Vec<u8>> = Vec::new();
        self.view().scan(prefix_range(&prefix, &mut Vec::new()), &mut |key, _| {
            written.push(key[prefix.len()..].to_vec());
            ControlFlow::Continue(())
        })?;
        if written.is_empty() || !kept {
            return Err(Error::Refused(format!("the history does not hold what commit {commit} wrote")));
        }
        let mut restored = Vec::new();
        for record in written {
            let Some((file, id)) = named(&record) else { continue };
            let newest = history(self.view(), file, &id)?.into_iter().next();
            match newest {
                Some(before) if before.commit == commit => {
                    restored.push(Image { file, id, record: before.record })
                }
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
        let records = self.catalog().file(file)?.records();
        let mut all = spellings(self.view(), records, id)?;
        let Some(newest) = all.iter().map(|(_, before)| before.commit).max() else {
            return Err(Error::Refused(format!("the history does not hold what record '{id}' was before")));
        };
        all.retain(|(_, before)| before.commit == newest);
        let file = records.number;
        put_back(
            self,
            all.into_iter().map(|(id, before)| Image { file, id, record: before.record }).collect(),
        )
    }
}

fn not_kept() -> Error {
    Error::Refused("what records were before is not kept in this account".to_owned())
}

fn history(view: &dyn View, file: u32, id: &str) -> Result<Vec<Before>> {
    let prefix = before_key(file, id.as_bytes(), None);
    let first = first_kept(view)?;
    let mut found = Vec::new();
    view.scan(prefix_range(&prefix, &mut Vec::new()), &mut |key, value| {
        if let Some((_, commit)) = parse(key).filter(|(_, commit)| *commit > first) {
            found.push(Before { commit, record: image(value) });
        }
        ControlFlow::Continue(())
    })?;
    found.reverse();
    Ok(found)
}

/// The history of a record with its spellings, which are one where case counts. Else it looks through that of the file.
fn spellings(view: &dyn View, records: Records, id: &str) -> Result<Vec<(String, Before)>> {
    if !records.no_case {
        let all = history(view, records.number, id)?;
        return Ok(all.into_iter().map(|before| (id.to_owned(), before)).collect());
    }
    let mut prefix = vec![BEFORE];
    prefix.extend_from_slice(&records.number.to_be_bytes());
    let first = first_kept(view)?;
    let mut found = Vec::new();
    view.scan(prefix_range(&prefix, &mut Vec::new()), &mut |key, value| {
        if let Some((record, commit)) = parse(key).filter(|(_, commit)| *commit > first)
            && let Some((_, spelling)) = named(record).filter(|(_, spelling)| records.same(spelling, id))
        {
            found.push((spelling, Before { commit, record: image(value) }));
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// A record as it was.
struct Image {
    file: u32,
    id: String,
    /// `None` when it was not there.
    record: Option<Record>,
}

/// Keeps, during one commit, what its records were before.
pub(crate) struct Past {
    keep: Option<Keep>,
    commit: u64,
    /// Records it has changed.
    changed: Cell<usize>,
}

impl Past {
    pub(crate) fn begin(shared: &Shared, txn: &mut dyn StoreTxn, commit: u64) -> Result<Past> {
        let keep = shared.keep.read().unwrap_or_else(PoisonError::into_inner).clone();
        // What was kept is of no use any more once one commit has not been.
        if keep.is_none() && txn.get(SINCE)?.is_some() {
            txn.put(SINCE, &[])?;
            if !forget(txn, FORGET_AT_ONCE, |_, _| true)? {
                txn.delete(SINCE)?;
            }
        }
        Ok(Past { keep, commit, changed: Cell::new(0) })
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
        txn.put(&[&written_key(self.commit), &key[1..]].concat(), &[])?;
        self.changed.set(self.changed.get() + 1);
        Ok(())
    }

    /// The commit is complete: notes its moment and lets go of what is too old, or was kept before a time without history.
    pub(crate) fn end(self, txn: &mut dyn StoreTxn) -> Result<()> {
        let Some(keep) = self.keep else { return Ok(()) };
        let now = (keep.clock)();
        let first = match since(txn.as_view())? {
            Some((first, _)) => first,
            None => {
                put_since(txn, self.commit - 1, now)?;
                self.commit - 1
            }
        };
        txn.put(&moment_key(now, self.commit), &[])?;
        let too_old = now.saturating_sub(keep.time.as_secs());
        // More than comes in, or it would never end.
        let at_once = FORGET_AT_ONCE + 2 * self.changed.get();
        forget(txn, at_once, |moment, commit| moment < too_old || commit <= first)?;
        Ok(())
    }
}

/// Lets go of what the oldest commits changed while they are `old` (by moment and number), of so many records; gives
/// whether there is more. A commit of which a part is gone is none that can be asked for.
fn forget(txn: &mut dyn StoreTxn, at_once: usize, old: impl Fn(u64, u64) -> bool) -> Result<bool> {
    let mut left = at_once;
    loop {
        let mut oldest = None;
        txn.scan((Bound::Excluded(SINCE), Bound::Excluded(&[MOMENT + 1])), &mut |key, _| {
            oldest = number(key, 1).zip(number(key, 9));
            ControlFlow::Break(())
        })?;
        let Some((moment, commit)) = oldest.filter(|(moment, commit)| old(*moment, *commit)) else {
            return Ok(false);
        };
        if left == 0 {
            return Ok(true);
        }
        // First of all: nobody may read a half of it.
        if since(txn.as_view())?.is_some_and(|(first, _)| first < commit) {
            put_since(txn, commit, moment)?;
        }
        let prefix = written_key(commit);
        let mut written = Vec::new();
        txn.scan(prefix_range(&prefix, &mut Vec::new()), &mut |key, _| {
            written.push(key.to_vec());
            if written.len() <= left { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let more = written.len() > left;
        written.truncate(left);
        left -= written.len();
        for entry in written {
            if let Some((file, id)) = entry[prefix.len()..].split_first_chunk::<4>() {
                txn.delete(&before_key(u32::from_be_bytes(*file), id, Some(commit)))?;
            }
            txn.delete(&entry)?;
        }
        if more {
            return Ok(true);
        }
        txn.delete(&moment_key(moment, commit))?;
        // Commits that changed nothing count as well.
        left = left.saturating_sub(1);
    }
}

/// Commit and moment since which everything is kept.
fn since(view: &dyn View) -> Result<Option<(u64, u64)>> {
    let there = view.get(SINCE)?;
    Ok(there.and_then(|bytes| Some((number(&bytes, 0)?, number(&bytes, 8)?))))
}

/// Number of the commit after which the history is whole: what is older is about to go.
fn first_kept(view: &dyn View) -> Result<u64> {
    Ok(since(view)?.map_or(u64::MAX, |(first, _)| first))
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

fn written_key(commit: u64) -> Vec<u8> {
    let mut key = vec![WRITTEN];
    key.extend_from_slice(&commit.to_be_bytes());
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
