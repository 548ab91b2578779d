//! One file of an account read from disk: hashed or a directory file. Gives text ids and HAL's bytes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::account::{ID_BYTES_MAX, RECORD_BYTES_MAX};
use crate::casing::fold;
use crate::hashed::{Encoding, Header, IndexHeader, Reader, directory_id, directory_record, id_to_text};
use crate::txn::TXN_BYTES_MAX;

/// Bytes of one file's records: they are written in one transaction, beside its indices.
const FILE_BYTES_MAX: usize = TXN_BYTES_MAX / 4 * 3;
/// Indices a file may have.
const INDICES_MAX: usize = 32;
/// Records of a directory file.
const DIRECTORY_ENTRIES_MAX: usize = 1_000_000;

/// What a file on disk holds.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub records: Vec<(String, Vec<u8>)>,
    /// Header of a hashed file; a directory file has none.
    pub header: Option<Header>,
    pub indices: Vec<IndexHeader>,
    /// Ids that had to be escaped.
    pub escaped: usize,
    /// Records (or places) that were left, and why.
    pub skipped: Vec<(String, String)>,
    /// Number of all of them: `skipped` holds the first ones.
    pub skipped_count: u64,
}

/// Left records that are named.
const NAMED_MAX: usize = 20;

impl Loaded {
    fn skip(&mut self, what: String, reason: String) {
        self.skipped_count += 1;
        if self.skipped.len() < NAMED_MAX {
            self.skipped.push((what, reason));
        }
    }
}

/// Where the subfiles of a hashed file lie.
#[derive(Debug)]
pub(super) struct Subfiles {
    dir: PathBuf,
    mark: char,
}

impl Subfiles {
    /// The subfiles in `dir`, when there is a primary one.
    pub(super) fn of(dir: &Path) -> Option<Subfiles> {
        ['%', '~']
            .into_iter()
            .find(|mark| dir.join(format!("{mark}0")).is_file())
            .map(|mark| Subfiles { dir: dir.to_owned(), mark })
    }

    fn path(&self, number: usize) -> PathBuf {
        self.dir.join(format!("{}{number}", self.mark))
    }
}

/// Reads the file in `dir`, whichever kind it is.
pub(super) fn load(dir: &Path, encoding: Encoding) -> Result<Loaded, String> {
    if Subfiles::of(dir).is_some() { load_hashed(dir, encoding) } else { load_directory(dir, encoding) }
}

/// Reads a hashed file.
pub(super) fn load_hashed(dir: &Path, encoding: Encoding) -> Result<Loaded, String> {
    let subfiles = Subfiles::of(dir).ok_or("it has no primary subfile")?;
    let open = |path: PathBuf| File::open(&path).map_err(|error| format!("{}: {error}", path.display()));
    let primary = open(subfiles.path(0))?;
    let overflow = subfiles.path(1);
    let overflow = if overflow.is_file() { Some(open(overflow)?) } else { None };
    let mut reader = Reader::open(primary, overflow).map_err(|error| error.to_string())?;
    let mut loaded = Loaded { header: Some(reader.header().clone()), ..Loaded::default() };
    let mut taker = Taker::new(encoding);
    taker.no_case = reader.header().no_case;
    let scan = reader
        .records(&mut |id, record| taker.take(id, record, &mut loaded))
        .map_err(|error| error.to_string())?;
    taker.check()?;
    for fault in scan.faults {
        loaded.skip(format!("group {}", fault.group), fault.reason);
    }
    let named = scan.fault_count.min(crate::hashed::FAULTS_MAX as u64);
    loaded.skipped_count += scan.fault_count - named;
    loaded.indices = indices(&subfiles, reader.header());
    Ok(loaded)
}

/// The definitions of the indices that the header says there are.
fn indices(subfiles: &Subfiles, header: &Header) -> Vec<IndexHeader> {
    let numbers = (0..INDICES_MAX).filter(|bit| header.index_map >> bit & 1 == 1);
    numbers
        .filter_map(|number| {
            let mut bytes = Vec::new();
            let file = File::open(subfiles.path(number + 2)).ok()?;
            file.take(crate::hashed::INDEX_HEADER_BYTES as u64).read_to_end(&mut bytes).ok()?;
            IndexHeader::parse(&bytes).ok()
        })
        .collect()
}

/// Reads a directory file: each file in it is a record.
fn load_directory(dir: &Path, encoding: Encoding) -> Result<Loaded, String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(dir).map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        names.insert(entry.file_name());
        if names.len() > DIRECTORY_ENTRIES_MAX {
            return Err(format!("it has more than {DIRECTORY_ENTRIES_MAX} records"));
        }
    }
    let mut loaded = Loaded::default();
    let mut taker = Taker::new(encoding);
    for name in names {
        let path = dir.join(&name);
        let shown = name.to_string_lossy().into_owned();
        if !path.is_file() {
            loaded.skip(shown, "not a plain file".to_owned());
            continue;
        }
        let Some(id) = directory_id(name.as_encoded_bytes()) else {
            loaded.skip(shown, "its name stands for no record id".to_owned());
            continue;
        };
        let mut text = Vec::new();
        let read =
            File::open(&path).and_then(|file| file.take(RECORD_BYTES_MAX as u64 + 1).read_to_end(&mut text));
        if let Err(error) = read {
            loaded.skip(shown, error.to_string());
            continue;
        }
        if taker.take(&id, &directory_record(&text), &mut loaded).is_break() {
            break;
        }
    }
    taker.check()?;
    Ok(loaded)
}

/// Turns records of the engine into HAL's, within the limits.
struct Taker {
    encoding: Encoding,
    /// Whether ids that differ in case alone are the same.
    no_case: bool,
    seen: BTreeSet<String>,
    bytes: usize,
}

impl Taker {
    fn new(encoding: Encoding) -> Taker {
        Taker { encoding, no_case: false, seen: BTreeSet::new(), bytes: 0 }
    }

    fn take(&mut self, id: &[u8], record: &[u8], loaded: &mut Loaded) -> ControlFlow<()> {
        let (id, escaped) = id_to_text(&self.encoding.decode(id));
        let record = self.encoding.decode(record).into_owned();
        if id.len() > ID_BYTES_MAX {
            loaded.skip(id.chars().take(40).collect(), "its id is longer than 255 bytes".to_owned());
        } else if record.len() > RECORD_BYTES_MAX {
            loaded.skip(id, "it is larger than 256 MiB".to_owned());
        } else if !self.seen.insert(if self.no_case { fold(&id) } else { id.clone() }) {
            // Only a damaged file holds an id twice; the engine would find the first.
            loaded.skip(id, "a second record with the same id".to_owned());
        } else {
            self.bytes += id.len() + record.len();
            loaded.escaped += usize::from(escaped);
            loaded.records.push((id, record));
        }
        if self.bytes > FILE_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Refuses a file that was broken off because of its size: all of it or nothing.
    fn check(&self) -> Result<(), String> {
        if self.bytes > FILE_BYTES_MAX {
            return Err(format!("it has more than {} MiB of records", FILE_BYTES_MAX >> 20));
        }
        Ok(())
    }
}
