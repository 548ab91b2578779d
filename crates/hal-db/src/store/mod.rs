//! The seam below the database: an ordered, transactional store of byte keys and values. Knows nothing of records.
//!
//! An implementation must give snapshots that never change, a transaction that becomes visible and durable all at once
//! on `commit` and not at all otherwise, and keys in byte order. It must not reorder, cache for longer than a
//! transaction, or answer `commit` before the data is safe. The shared tests are `tests::laws`.

#[cfg(test)]
mod disk;
mod embedded;
mod mem;
mod overlay;
#[cfg(test)]
mod tests;

use std::ops::{Bound, ControlFlow};

#[cfg(test)]
pub(crate) use disk::Disk;
pub(crate) use embedded::Embedded;
pub(crate) use mem::Mem;
pub(crate) use overlay::{Changes, Overlay, Past};

use crate::error::Result;

/// Bounds of a range of keys.
pub(crate) type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// What a scan calls for each entry; the slices live only for the call, so nothing is copied unless the visitor does.
pub(crate) type Visit<'v> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'v;

/// What hears of changes: key, new value, whether the key was there.
pub(crate) type Applied<'v> = dyn FnMut(&[u8], Option<&[u8]>, bool) + 'v;

/// Something that can be read: a snapshot, or a transaction with its own changes.
pub(crate) trait View {
    /// Calls `found` with the value of `key`; gives whether there was one.
    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool>;

    /// Visits the entries of `range` in key order until the visitor breaks off.
    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()>;

    /// Whether changes lie over what was committed, so that what is noted at a commit may not be true of it.
    fn is_laid_over(&self) -> bool {
        false
    }

    /// A copy of the value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut copy = None;
        self.with(key, &mut |value| copy = Some(value.to_vec()))?;
        Ok(copy)
    }
}

/// A store. One writing transaction at a time; any number of snapshots beside it.
pub(crate) trait Store: Send + Sync {
    /// One consistent view of all that is committed. Cheap.
    fn snapshot(&self) -> Result<Box<dyn View + Send + Sync>>;

    /// Begins the writing transaction; waits for another one to end.
    fn begin(&self) -> Result<Box<dyn StoreTxn + '_>>;
}

/// A writing transaction; dropped without `commit` it leaves nothing.
pub(crate) trait StoreTxn: View {
    /// This transaction as something to read from.
    fn as_view(&self) -> &dyn View;
    /// Sets a key; gives whether it was there.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool>;
    /// Removes a key; gives whether it was there.
    fn delete(&mut self, key: &[u8]) -> Result<bool>;
    /// Makes many changes, in order; `done` hears of each, and whether the key was there before.
    fn apply(&mut self, changes: Changes, done: &mut Applied<'_>) -> Result<()> {
        for (key, value) in changes {
            let was_there = match &value {
                Some(value) => self.put(&key, value)?,
                None => self.delete(&key)?,
            };
            done(&key, value.as_deref(), was_there);
        }
        Ok(())
    }
    /// Makes all changes visible and durable at once.
    fn commit(self: Box<Self>) -> Result<()>;
}

/// The range of all keys that begin with `prefix`; the end is written to `end`, which must outlive the range.
pub(crate) fn prefix_range<'a>(prefix: &'a [u8], end: &'a mut Vec<u8>) -> KeyRange<'a> {
    end.clear();
    end.extend_from_slice(prefix);
    while let Some(last) = end.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return (Bound::Included(prefix), Bound::Excluded(end));
        }
        end.pop();
    }
    (Bound::Included(prefix), Bound::Unbounded)
}
