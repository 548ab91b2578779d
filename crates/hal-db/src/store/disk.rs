//! A disk in memory that fails when told to, and that a power cut leaves with any part of what was not synced.

use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex};

/// What is written but not synced.
#[derive(Debug, Clone)]
enum Pending {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug, Default)]
struct Inner {
    now: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<Pending>,
    calls: usize,
    syncs: usize,
    /// This call fails, and all after it: the disk is gone.
    fails_at: Option<usize>,
    /// Power goes just before this sync takes effect.
    dies_at_sync: Option<usize>,
    dead: bool,
}

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Inner>>);

impl Disk {
    pub(crate) fn holding(bytes: Vec<u8>) -> Disk {
        Disk(Arc::new(Mutex::new(Inner { now: bytes.clone(), synced: bytes, ..Inner::default() })))
    }

    pub(crate) fn fail_at_call(&self, number: usize) {
        let mut inner = self.0.lock().unwrap();
        inner.fails_at = Some(inner.calls + number);
    }

    pub(crate) fn die_at_sync(&self, number: usize) {
        let mut inner = self.0.lock().unwrap();
        inner.dies_at_sync = Some(inner.syncs + number);
    }

    pub(crate) fn calls(&self) -> (usize, usize) {
        let inner = self.0.lock().unwrap();
        (inner.calls, inner.syncs)
    }

    /// What a power cut leaves: all that was synced, and of the rest what `survives` says, write by write; a write that does
    /// not survive whole may survive up to some byte.
    pub(crate) fn after_power_cut(&self, survives: &mut dyn FnMut(usize) -> usize) -> Vec<u8> {
        let inner = self.0.lock().unwrap();
        let mut bytes = inner.synced.clone();
        for pending in &inner.pending {
            match pending {
                Pending::Length(length) => {
                    if survives(1) > 0 {
                        bytes.resize(*length as usize, 0);
                    }
                }
                Pending::Write(at, data) => {
                    let length = survives(data.len()).min(data.len());
                    let at = *at as usize;
                    if length > 0 {
                        // The file system notes the length no earlier than the data.
                        bytes.resize(bytes.len().max(at + length), 0);
                        bytes[at..at + length].copy_from_slice(&data[..length]);
                    }
                }
            }
        }
        bytes
    }

    fn call<T>(&self, work: impl FnOnce(&mut Inner) -> Result<T, Error>) -> Result<T, Error> {
        let mut inner = self.0.lock().unwrap();
        let number = inner.calls;
        inner.calls += 1;
        if inner.dead || inner.fails_at.is_some_and(|at| number >= at) {
            inner.dead = true;
            return Err(Error::other("injected"));
        }
        work(&mut inner)
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> Result<u64, Error> {
        self.call(|inner| Ok(inner.now.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.call(|inner| {
            let bytes = inner.now.get(offset as usize..offset as usize + out.len());
            out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.call(|inner| {
            inner.now.resize(len as usize, 0);
            inner.pending.push(Pending::Length(len));
            Ok(())
        })
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.call(|inner| {
            inner.syncs += 1;
            if inner.dies_at_sync.is_some_and(|at| inner.syncs >= at) {
                inner.dead = true;
                return Err(Error::other("power cut"));
            }
            inner.synced.clone_from(&inner.now);
            inner.pending.clear();
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.call(|inner| {
            let end = offset as usize + data.len();
            let target = inner.now.get_mut(offset as usize..end).ok_or(ErrorKind::UnexpectedEof)?;
            target.copy_from_slice(data);
            inner.pending.push(Pending::Write(offset, data.to_vec()));
            Ok(())
        })
    }
}
