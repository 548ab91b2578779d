//! Makes the store file as small as its content: written anew in the order of keys, so that pages are full and none is free.
//!
//! The new file grows beside, is compared with the old one entry by entry, synced, and then takes its name: a crash at any
//! moment leaves one of both, whole. It needs the room for both.

use std::ops::{Bound, ControlFlow};
use std::path::Path;

use crate::account::{META_KEY, Meta};
use crate::backup::{beside, failed};
use crate::database::STORE_FILE;
use crate::error::{Error, Result};
use crate::export::sync_dir;
use crate::store::{Changes, Embedded, Store, View};

/// Bytes that are written in one transaction.
const PIECE_BYTES: usize = 32 << 20;

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes of the file before.
    pub before: u64,
    /// Bytes of the file after.
    pub after: u64,
    /// Entries of the store: records, index entries, definitions, history.
    pub entries: u64,
}

/// Compacts the account in the folder `dir`, which nobody may have open.
///
/// # Errors
/// [`Error::Locked`] when another process has it open; [`Error::Refused`] when the disk is full or fails, [`Error::Store`],
/// [`Error::Damaged`]: the account is as it was then.
pub fn account(dir: &Path) -> Result<Compacted> {
    let path = dir.join(STORE_FILE);
    let size = |path: &Path| {
        std::fs::metadata(path).map(|metadata| metadata.len()).map_err(|error| failed(path, &error))
    };
    let before = size(&path)?;
    // Held until the end: whoever wants to write meanwhile is told.
    let old = Embedded::open(&path)?;
    let fresh = beside(&path, ".compacting");
    // What a compaction left that was broken off.
    if fresh.exists() {
        std::fs::remove_file(&fresh).map_err(|error| failed(&fresh, &error))?;
    }
    let written = write(&old, &fresh).and_then(|entries| {
        let permissions = std::fs::metadata(&path).map_err(|error| failed(&path, &error))?.permissions();
        std::fs::set_permissions(&fresh, permissions).map_err(|error| failed(&fresh, &error))?;
        std::fs::rename(&fresh, &path).map_err(|error| failed(&path, &error))?;
        Ok(entries)
    });
    let entries = match written {
        Ok(entries) => entries,
        Err(error) => {
            std::fs::remove_file(&fresh).ok();
            return Err(error);
        }
    };
    close(&old)?;
    sync_dir(dir)?;
    Ok(Compacted { before, after: size(&path)?, entries })
}

/// The file has lost its name. Another process may have opened it just before that and be waiting for its lock: what it would
/// write there would be lost, so it must find an account that it cannot open.
fn close(old: &Embedded) -> Result<()> {
    let mut txn = old.begin()?;
    let moved = Meta { format: u32::MAX, ..Meta::required(txn.as_view())? };
    txn.put(META_KEY, &moved.to_bytes())?;
    txn.commit()
}

/// Copies all entries in their order; gives their number.
fn write(old: &Embedded, fresh: &Path) -> Result<u64> {
    let from = old.snapshot()?;
    let meta = Meta::required(from.as_ref())?;
    if meta.format > crate::account::FORMAT {
        let (path, known) = (fresh.display().to_string(), crate::account::FORMAT);
        return Err(Error::NewerFormat { path, found: meta.format, known });
    }
    let to = Embedded::create(fresh)?;
    let mut piece = Changes::new();
    let (mut bytes, mut entries) = (0, 0);
    let mut failure = Ok(());
    from.scan((Bound::Unbounded, Bound::Unbounded), &mut |key, value| {
        entries += 1;
        bytes += key.len() + value.len();
        piece.insert(key.to_vec(), Some(value.to_vec()));
        if bytes >= PIECE_BYTES {
            bytes = 0;
            failure = put(&to, std::mem::take(&mut piece));
        }
        if failure.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    failure?;
    put(&to, piece)?;
    compare(from.as_ref(), to.snapshot()?.as_ref(), entries)?;
    Ok(entries)
}

fn put(to: &Embedded, piece: Changes) -> Result<()> {
    let mut txn = to.begin()?;
    txn.apply(piece, &mut |_, _, _| {})?;
    txn.commit()
}

/// Refuses a copy that is not its original.
fn compare(from: &dyn View, to: &dyn View, entries: u64) -> Result<()> {
    let (mut equal, mut failure) = (0, Ok(()));
    to.scan((Bound::Unbounded, Bound::Unbounded), &mut |key, value| {
        let mut same = false;
        failure = from.with(key, &mut |original| same = original == value).map(drop);
        equal += u64::from(same);
        if failure.is_ok() && same { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    failure?;
    if equal == entries {
        return Ok(());
    }
    Err(Error::Damaged { what: format!("{equal} of {entries} entries read back after they were copied") })
}

#[cfg(test)]
mod tests;
