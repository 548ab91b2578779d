//! The change feed: which records each commit changed, in the order of their commits, to be read on from any number.
//!
//! The store keeps it (`4`, number of the commit → what it changed) for the last [`COMMITS_KEPT`] commits, so that a
//! subscriber that was away, or a process that was restarted, goes on where it was. Nothing is kept for subscribers: each
//! remembers one number, reads when the bell rings, and is told when it was away for too long.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::store::StoreTxn;
use crate::{Database, Snapshot};

/// Commits that the feed goes back.
pub const COMMITS_KEPT: u64 = 10_000;

/// Records that one commit names; of a greater one the feed says only which files changed.
pub const IDS_MAX: usize = 256;

const FEED: u8 = 4;
const ALL: u16 = u16::MAX;

/// What one commit changed in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Number of the commit.
    pub commit: u64,
    /// The file, `DICT name` for a dictionary.
    pub file: String,
    /// Records written or deleted, by id; `None` when there were more than [`IDS_MAX`] in the commit: look at the file.
    pub ids: Option<Vec<String>>,
}

/// A piece of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// In the order of commits, and of files in a commit.
    pub changes: Vec<Change>,
    /// Where to go on: the number to give next time.
    pub until: u64,
    /// Commits after the number given are no longer in the feed: look at everything.
    pub missed: bool,
}

impl Snapshot {
    /// What changed after the commit of this number, of at most `commits` commits.
    ///
    /// Files that have been deleted since are left out.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn changes_after(&self, after: u64, commits: usize) -> Result<Changes> {
        let newest = self.commit_number();
        let mut piece = Changes { until: after.min(newest), missed: after > newest, ..Changes::default() };
        if after >= newest {
            return Ok(piece);
        }
        piece.missed = !self.view().with(&key(after + 1), &mut |_| {})?;
        let names: BTreeMap<u32, &str> =
            self.catalog().entries().map(|entry| (entry.number, entry.name.as_str())).collect();
        let owned: std::collections::BTreeSet<&str> = (self.catalog().limits().into_iter())
            .flat_map(|limits| limits.access.own.keys().map(String::as_str))
            .collect();
        let (from, end) = (key(after + 1), [FEED + 1]);
        let mut left = commits;
        self.view().scan((Bound::Included(&from), Bound::Excluded(&end)), &mut |key, value| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            left -= 1;
            let commit =
                key.get(1..9).map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().expect("eight bytes")));
            piece.until = commit;
            for (file, ids) in parse(value) {
                if let Some(name) = names.get(&file) {
                    // Ids of records that are not one's own are not told either.
                    let ids = ids.filter(|_| !owned.contains(*name));
                    piece.changes.push(Change { commit, file: (*name).to_owned(), ids });
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(piece)
    }
}

/// A place in the feed of an account; see [`Database::watch`].
#[derive(Debug)]
pub struct Watch {
    db: Database,
    after: u64,
    file: Option<String>,
}

/// Commits read at a time.
const PIECE: usize = 256;

impl Database {
    /// Follows the changes after the commit of this number: [`Watch::until`] of an earlier one, or
    /// [`Snapshot::commit_number`]. With `file`, those of one file.
    #[must_use]
    pub fn watch(&self, after: u64, file: Option<&str>) -> Watch {
        Watch { db: self.clone(), after, file: file.map(str::to_owned) }
    }
}

impl Watch {
    /// The next changes, waiting for no longer than `patience`; `None` when there were none.
    ///
    /// # Errors
    /// [`crate::Error::Store`]; the place is kept then.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Changes>> {
        loop {
            let mut piece = self.db.snapshot()?.changes_after(self.after, PIECE)?;
            let moved = piece.until != self.after;
            self.after = piece.until;
            if let Some(file) = &self.file {
                piece.changes.retain(|change| change.file == *file);
            }
            if piece.missed || !piece.changes.is_empty() {
                return Ok(Some(piece));
            }
            if !moved && !self.db.shared().bell.wait(self.after, patience) {
                return Ok(None);
            }
        }
    }

    /// The place: what to give to [`Database::watch`] to go on from here.
    #[must_use]
    pub fn until(&self) -> u64 {
        self.after
    }
}

/// Rings after each commit.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    commit: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self, commit: u64) {
        *self.commit.lock().unwrap_or_else(PoisonError::into_inner) = commit;
        self.rung.notify_all();
    }

    /// Waits for a commit after this one; gives whether there was one.
    fn wait(&self, after: u64, patience: Duration) -> bool {
        let commit = self.commit.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(commit, patience, |commit| *commit <= after);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// What a commit under way has changed.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Files with the ids in them; `None` for too many.
    files: BTreeMap<u32, Option<Vec<Vec<u8>>>>,
    ids: usize,
}

impl News {
    pub(crate) fn add(&mut self, file: u32, id: &[u8]) {
        let room = self.ids < IDS_MAX;
        let Some(ids) = self.files.entry(file).or_insert_with(|| Some(Vec::new())) else { return };
        if ids.iter().any(|known| known == id) {
            return;
        }
        if room {
            ids.push(id.to_vec());
            self.ids += 1;
        } else {
            self.files.insert(file, None);
        }
    }

    /// Writes it beside what it tells of, and lets go of the oldest.
    pub(crate) fn store(&self, txn: &mut dyn StoreTxn, commit: u64) -> Result<()> {
        let mut bytes = Vec::new();
        for (file, ids) in &self.files {
            bytes.extend_from_slice(&file.to_be_bytes());
            let count = ids.as_ref().map_or(ALL, |ids| ids.len() as u16);
            bytes.extend_from_slice(&count.to_be_bytes());
            for id in ids.iter().flatten() {
                // Ids have at most 255 bytes.
                bytes.push(id.len() as u8);
                bytes.extend_from_slice(id);
            }
        }
        txn.put(&key(commit), &bytes)?;
        if let Some(old) = commit.checked_sub(COMMITS_KEPT) {
            txn.delete(&key(old))?;
        }
        Ok(())
    }
}

fn key(commit: u64) -> Vec<u8> {
    let mut key = vec![FEED];
    key.extend_from_slice(&commit.to_be_bytes());
    key
}

/// Reads what [`News::store`] wrote; stops where it does not read back.
fn parse(mut bytes: &[u8]) -> Vec<(u32, Option<Vec<String>>)> {
    let mut found = Vec::new();
    while let Some((file, rest)) = bytes.split_first_chunk::<4>()
        && let Some((count, rest)) = rest.split_first_chunk::<2>()
    {
        bytes = rest;
        let count = u16::from_be_bytes(*count);
        let mut ids = Vec::new();
        if count != ALL {
            for _ in 0..count {
                let Some((length, rest)) = bytes.split_first() else { return found };
                let Some((id, rest)) = rest.split_at_checked(usize::from(*length)) else { return found };
                ids.push(String::from_utf8_lossy(id).into_owned());
                bytes = rest;
            }
        }
        found.push((u32::from_be_bytes(*file), (count != ALL).then_some(ids)));
    }
    found
}

#[cfg(test)]
mod tests;
