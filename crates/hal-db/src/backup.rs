//! A backup: everything one snapshot shows, in one file of its own form, so that it outlives a change of the store.
//!
//! `HAL BACKUP 1`, then blocks of a length (4 bytes), a checksum (8) and that many bytes, little endian. The first block
//! holds the format of the account (4) and the number of its commit (8); the next ones entries of the store, each with
//! the lengths of key and value (4, 4), the key, the value; the last one has no bytes and is followed by the number of entries
//! (8) and a checksum over all checksums (8). The checksum is 64-bit FNV-1a: a changed byte always changes it.
//!
//! A backup appears under its name only when it is complete and on disk; a restored account likewise.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::{Bound, ControlFlow};
use std::path::{Path, PathBuf};

use crate::Snapshot;
use crate::account::{FORMAT, Meta};
use crate::database::STORE_FILE;
use crate::error::{Error, Result};
use crate::export::sync_dir;
use crate::store::{Embedded, Store as _};

const MAGIC: &[u8; 16] = b"HAL BACKUP 1\n\0\0\0";
/// Bytes after which a block is closed; a single entry may be larger.
const BLOCK_BYTES: usize = 1 << 20;
/// Largest block that is read: the largest record with its key, and a block beside it.
const BLOCK_BYTES_MAX: usize = crate::account::RECORD_BYTES_MAX + (4 << 20);

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// Number of the commit that it shows.
    pub commit: u64,
    /// Entries of the store: records, index entries, definitions.
    pub entries: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Snapshot {
    /// Writes what this snapshot shows to the new file `path`, synced and readable by the owner alone.
    ///
    /// Writers go on meanwhile; the file grows, as pages that this snapshot sees are kept.
    ///
    /// # Errors
    /// [`Error::Refused`] when `path` exists or cannot be written, [`Error::Store`].
    pub fn backup(&self, path: &Path) -> Result<Backup> {
        if path.exists() {
            let text = format!("{} exists already\n\nhint: name a new file", path.display());
            return Err(Error::Refused(text));
        }
        let partial = beside(path, ".partial");
        let written = self.write_backup(&partial).and_then(|backup| {
            std::fs::rename(&partial, path).map_err(|error| failed(path, &error))?;
            sync_dir(folder_of(path))?;
            Ok(backup)
        });
        if written.is_err() {
            std::fs::remove_file(&partial).ok();
        }
        written
    }

    fn write_backup(&self, path: &Path) -> Result<Backup> {
        let io = |error: std::io::Error| failed(path, &error);
        let mut writer =
            Writer { out: BufWriter::new(create_private(path).map_err(io)?), bytes: 0, sums: Sum::new() };
        writer.raw(MAGIC).map_err(io)?;
        let mut head = Meta::required(self.view())?.format.to_le_bytes().to_vec();
        head.extend_from_slice(&self.commit_number().to_le_bytes());
        writer.block(&head).map_err(io)?;
        let mut entries = 0_u64;
        let mut block = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 4);
        let mut broken = None;
        self.view().scan((Bound::Unbounded, Bound::Unbounded), &mut |key, value| {
            entries += 1;
            block.extend_from_slice(&(key.len() as u32).to_le_bytes());
            block.extend_from_slice(&(value.len() as u32).to_le_bytes());
            block.extend_from_slice(key);
            block.extend_from_slice(value);
            if block.len() >= BLOCK_BYTES {
                broken = writer.block(&block).err();
                block.clear();
            }
            if broken.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(error) = broken {
            return Err(io(error));
        }
        if !block.is_empty() {
            writer.block(&block).map_err(io)?;
        }
        writer.end(entries).map_err(io)?;
        Ok(Backup { commit: self.commit_number(), entries, bytes: writer.bytes })
    }
}

/// Reads a backup from end to end and compares every checksum.
///
/// # Errors
/// [`Error::Refused`] when it is no backup or damaged, with the place; [`Error::NewerFormat`].
pub fn check(path: &Path) -> Result<Backup> {
    read(path, &mut |_, _| Ok(()))
}

/// Makes the account in the folder `dir` from a backup. The backup is checked as a whole before anything is written.
///
/// With `replace`, an account that is there is kept beside as `hal.redb.before-restore`.
///
/// # Errors
/// As [`check`]; [`Error::Refused`] when there is an account and `replace` is not set; [`Error::Locked`] when it is open.
pub fn restore(path: &Path, dir: &Path, replace: bool) -> Result<Backup> {
    check(path)?;
    std::fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    let target = dir.join(STORE_FILE);
    if target.exists() {
        if !replace {
            return Err(Error::Refused(format!(
                "there is a database in {} already\n\nhint: --replace keeps it beside as {STORE_FILE}.before-restore, or name another folder with --data",
                dir.display()
            )));
        }
        // Whoever has it open would go on writing to what is moved away.
        drop(Embedded::open(&target)?);
    }
    let fresh = beside(&target, ".restoring");
    if fresh.exists() {
        std::fs::remove_file(&fresh).map_err(|error| failed(&fresh, &error))?;
    }
    let restored = fill(path, &fresh).and_then(|backup| {
        if target.exists() {
            let old = beside(&target, ".before-restore");
            std::fs::rename(&target, &old).map_err(|error| failed(&old, &error))?;
        }
        std::fs::rename(&fresh, &target).map_err(|error| failed(&target, &error))?;
        sync_dir(dir)?;
        Ok(backup)
    });
    if restored.is_err() {
        std::fs::remove_file(&fresh).ok();
    }
    restored
}

fn fill(path: &Path, fresh: &Path) -> Result<Backup> {
    let store = Embedded::open(fresh)?;
    let mut txn = store.begin()?;
    let backup = read(path, &mut |key, value| txn.put(key, value).map(|_| ()))?;
    txn.commit()?;
    Ok(backup)
}

/// What gets each entry.
type Take<'t> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 't;

/// Gives each entry of a backup to `take`, after the checksum of its block has been compared.
fn read(path: &Path, take: &mut Take<'_>) -> Result<Backup> {
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    let bytes = file.metadata().map_err(|error| failed(path, &error))?.len();
    let mut reader = Reader { path, input: BufReader::new(file), left: bytes, sums: Sum::new(), block: 0 };
    if reader.array::<16>()? != *MAGIC {
        return Err(Error::Refused(format!("{} is not a backup of HAL", path.display())));
    }
    let mut block = Vec::new();
    if !reader.block(&mut block)? || block.len() != 12 {
        return Err(reader.damaged("it has no head"));
    }
    let (format, commit) = block.split_at(4);
    let format = u32::from_le_bytes(format.try_into().unwrap_or_default());
    let commit = u64::from_le_bytes(commit.try_into().unwrap_or_default());
    if format > FORMAT {
        return Err(Error::NewerFormat { path: path.display().to_string(), found: format, known: FORMAT });
    }
    let mut entries = 0;
    while reader.block(&mut block)? {
        let mut rest = block.as_slice();
        while !rest.is_empty() {
            let Some((key, value, after)) = entry(rest) else {
                return Err(reader.damaged("an entry is longer than its block"));
            };
            take(key, value)?;
            entries += 1;
            rest = after;
        }
    }
    let sums = reader.sums.0;
    if u64::from_le_bytes(reader.array()?) != entries || u64::from_le_bytes(reader.array()?) != sums {
        return Err(reader.damaged("blocks are missing or changed places"));
    }
    if reader.left > 0 {
        return Err(reader.damaged("something follows its end"));
    }
    Ok(Backup { commit, entries, bytes })
}

/// The first entry of a block, and what follows it.
fn entry(block: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key, rest) = block.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value) as usize)?;
    Some((key, value, rest))
}

/// 64-bit FNV-1a.
struct Sum(u64);

impl Sum {
    fn new() -> Sum {
        Sum(0xCBF2_9CE4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }

    fn of(bytes: &[u8]) -> u64 {
        let mut sum = Sum::new();
        sum.add(bytes);
        sum.0
    }
}

struct Writer {
    out: BufWriter<File>,
    bytes: u64,
    sums: Sum,
}

impl Writer {
    fn raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn block(&mut self, payload: &[u8]) -> std::io::Result<()> {
        let sum = Sum::of(payload).to_le_bytes();
        self.sums.add(&sum);
        self.raw(&(payload.len() as u32).to_le_bytes())?;
        self.raw(&sum)?;
        self.raw(payload)
    }

    fn end(&mut self, entries: u64) -> std::io::Result<()> {
        self.block(&[])?;
        let sums = self.sums.0;
        self.raw(&entries.to_le_bytes())?;
        self.raw(&sums.to_le_bytes())?;
        self.out.flush()?;
        self.out.get_ref().sync_all()
    }
}

struct Reader<'a> {
    path: &'a Path,
    input: BufReader<File>,
    left: u64,
    sums: Sum,
    block: u64,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.exact(&mut bytes)?;
        Ok(bytes)
    }

    fn exact(&mut self, into: &mut [u8]) -> Result<()> {
        self.left =
            self.left.checked_sub(into.len() as u64).ok_or_else(|| self.damaged("it ends in the middle"))?;
        self.input.read_exact(into).map_err(|error| failed(self.path, &error))
    }

    /// The next block; `false` for the one that ends the entries.
    fn block(&mut self, into: &mut Vec<u8>) -> Result<bool> {
        self.block += 1;
        let length = u32::from_le_bytes(self.array()?) as usize;
        let sum: [u8; 8] = self.array()?;
        if length > BLOCK_BYTES_MAX || length as u64 > self.left {
            return Err(self.damaged("it ends in the middle"));
        }
        into.resize(length, 0);
        self.exact(into)?;
        if Sum::of(into).to_le_bytes() != sum {
            return Err(self.damaged("its checksum does not fit"));
        }
        self.sums.add(&sum);
        Ok(length > 0)
    }

    fn damaged(&self, what: &str) -> Error {
        Error::Refused(format!(
            "the backup {} is damaged at block {}: {what}\n\nhint: use another backup",
            self.path.display(),
            self.block
        ))
    }
}

/// A new file that only its owner can read.
fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(crate) fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Refused(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
