//! Hashed ("dynamic") files of OpenQM and ScarletDME as they lie on disk: read, and written anew. Knows no account.
//!
//! A file is a folder of subfiles: `%0` (or `~0`) holds the groups, `%1` overflow blocks, `%2`… the alternate key indices.
//! [`Reader`] needs no hash: it walks every group and its chain. It reads versions 0, 1 and 2 in either byte order,
//! never trusts a length or a link further than the bytes there are, visits no block twice, and goes on after damage:
//! what could not be read is counted in [`Scan`]. [`write()`] makes a version 2 file with its own distribution over
//! the groups; records are byte-identical, which is all that a program can see of a file.

mod directory;
mod encoding;
mod header;
mod index;
mod read;
mod write;

use std::io::Cursor;

pub use directory::{directory_id, directory_name, directory_record, directory_text};
pub use encoding::{Encoding, id_from_text, id_to_text};
pub use header::{Header, group_of, hash};
pub(crate) use index::INDEX_HEADER_BYTES;
pub use index::IndexHeader;
pub use read::{FAULTS_MAX, Fault, Reader, Scan};
pub use write::{Flavour, WriteOptions, Written, write};

/// Why a hashed file cannot be read at all. Damage inside of it is a [`Fault`] instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashedError {
    /// The primary subfile does not begin as one.
    #[error("it is not a hashed file: {0}")]
    NotHashed(&'static str),
    /// Written by an engine newer than the description that this reader follows.
    #[error("its file version {0} is not known (0, 1 and 2 are)")]
    Version(u8),
    /// The header contradicts itself.
    #[error("its header is damaged: {0}")]
    Header(String),
    /// The disk failed.
    #[error("it cannot be read: {0}")]
    Io(String),
}

impl From<std::io::Error> for HashedError {
    fn from(error: std::io::Error) -> HashedError {
        HashedError::Io(error.to_string())
    }
}

/// Reads arbitrary bytes as a file, for fuzzing: the first two bytes say where the primary subfile ends.
///
/// Gives the bytes of ids and records found; must neither panic nor find more than it was given.
#[must_use]
pub fn fuzz_one(bytes: &[u8]) -> usize {
    let Some((split, rest)) = bytes.split_first_chunk::<2>() else { return 0 };
    let split = usize::from(u16::from_le_bytes(*split)).min(rest.len());
    let (primary, overflow) = rest.split_at(split);
    let mut found = 0;
    if let Ok(mut reader) = Reader::open(Cursor::new(primary), Some(Cursor::new(overflow))) {
        let scan = reader.records(&mut |id, record| {
            found += id.len() + record.len();
            std::ops::ControlFlow::Continue(())
        });
        debug_assert!(scan.is_ok(), "memory does not fail to be read");
    }
    if let Ok(index) = IndexHeader::parse(bytes) {
        found += index.name.len().min(bytes.len().saturating_sub(found));
    }
    assert!(found <= bytes.len(), "found {found} bytes in {}", bytes.len());
    found
}

/// Byte order of the machine that wrote the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// Integers at places of a block; callers check the length of the block first.
#[derive(Debug, Clone, Copy)]
struct Ints<'a> {
    bytes: &'a [u8],
    order: Order,
}

impl Ints<'_> {
    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut taken = [0; N];
        if let Some(bytes) = self.bytes.get(at..at + N) {
            taken.copy_from_slice(bytes);
        }
        if self.order == Order::Big {
            taken.reverse();
        }
        taken
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.take(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.take(at))
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.take(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.take(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.take(at))
    }

    /// Text up to its NUL, at most `length` bytes.
    fn text(&self, at: usize, length: usize) -> String {
        let bytes = self.bytes.get(at..at + length).unwrap_or_default();
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}

#[cfg(test)]
pub(crate) mod tests;
