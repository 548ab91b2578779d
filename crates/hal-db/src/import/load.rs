//! One file of an account read from disk: hashed or a directory file. Gives text ids and HAL's bytes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::account::{ID_BYTES_MAX, RECORD_BYTES_MAX};
use crate::casing::fold;
use crate::dynarray::FM;
use crate::hashed::{Encoding, Header, IndexHeader, Reader, directory_id, directory_record, id_to_text};

/// Indices a file may have.
const INDICES_MAX: usize = 32;
/// Records of a directory file.
const DIRECTORY_ENTRIES_MAX: usize = 1_000_000;

/// Records as they are written: text id, HAL's bytes.
pub(super) type Records = Vec<(String, Vec<u8>)>;

/// Takes records of a file that has more than are held at once. `no_case`: ids that differ in case alone are the same.
pub(super) trait Spill {
    /// Bytes of records, with their ids, that are held before they are given on.
    fn batch_bytes(&self) -> usize;

    /// Takes a batch; more follow.
    ///
    /// # Errors
    /// Why the file cannot be read any further, for people.
    fn take(&mut self, records: Records, no_case: bool) -> Result<(), String>;
}

/// For what must fit into memory.
pub(super) struct Whole;

impl Spill for Whole {
    fn batch_bytes(&self) -> usize {
        256 << 20
    }

    fn take(&mut self, _: Records, _: bool) -> Result<(), String> {
        Err(format!("it has more than {} MiB of records", self.batch_bytes() >> 20))
    }
}

/// What a file on disk holds.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// All records, or the last of them where others were spilled.
    pub records: Records,
    /// Number of all records, those that were spilled included.
    pub count: usize,
    /// Fields of the record that has most.
    pub fields_max: usize,
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
pub(super) fn load(dir: &Path, encoding: Encoding, spill: &mut dyn Spill) -> Result<Loaded, String> {
    if Subfiles::of(dir).is_some() {
        load_hashed(dir, encoding, spill)
    } else {
        load_directory(dir, encoding, spill)
    }
}

/// Reads a hashed file.
pub(super) fn load_hashed(dir: &Path, encoding: Encoding, spill: &mut dyn Spill) -> Result<Loaded, String> {
    let subfiles = Subfiles::of(dir).ok_or("it has no primary subfile")?;
    let open = |path: PathBuf| File::open(&path).map_err(|error| format!("{}: {error}", path.display()));
    let primary = open(subfiles.path(0))?;
    let overflow = subfiles.path(1);
    let overflow = if overflow.is_file() { Some(open(overflow)?) } else { None };
    let mut reader = Reader::open(primary, overflow).map_err(|error| error.to_string())?;
    let mut loaded = Loaded { header: Some(reader.header().clone()), ..Loaded::default() };
    let mut taker = Taker::new(encoding, spill);
    taker.no_case = reader.header().no_case;
    let scan = reader
        .records(&mut |id, record| taker.take(id, record, &mut loaded))
        .map_err(|error| error.to_string())?;
    taker.end()?;
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
fn load_directory(dir: &Path, encoding: Encoding, spill: &mut dyn Spill) -> Result<Loaded, String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(dir).map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        names.insert(entry.file_name());
        if names.len() > DIRECTORY_ENTRIES_MAX {
            return Err(format!("it has more than {DIRECTORY_ENTRIES_MAX} records"));
        }
    }
    let mut loaded = Loaded::default();
    let mut taker = Taker::new(encoding, spill);
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
    taker.end()?;
    Ok(loaded)
}

/// Turns records of the engine into HAL's, within the limits.
struct Taker<'s> {
    encoding: Encoding,
    /// Whether ids that differ in case alone are the same.
    no_case: bool,
    seen: BTreeSet<String>,
    /// Of the records that are held.
    bytes: usize,
    spill: &'s mut dyn Spill,
    /// Why a batch was not taken.
    refused: Option<String>,
}

impl<'s> Taker<'s> {
    fn new(encoding: Encoding, spill: &'s mut dyn Spill) -> Taker<'s> {
        Taker { encoding, no_case: false, seen: BTreeSet::new(), bytes: 0, spill, refused: None }
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
            let bytes = id.len() + record.len();
            if self.bytes > 0 && self.bytes + bytes > self.spill.batch_bytes() {
                self.bytes = 0;
                if let Err(reason) = self.spill.take(std::mem::take(&mut loaded.records), self.no_case) {
                    self.refused = Some(reason);
                    return ControlFlow::Break(());
                }
            }
            self.bytes += bytes;
            loaded.count += 1;
            loaded.fields_max = loaded.fields_max.max(memchr::memchr_iter(FM, &record).count() + 1);
            loaded.escaped += usize::from(escaped);
            loaded.records.push((id, record));
        }
        ControlFlow::Continue(())
    }

    /// Refuses a file that was broken off: all of it or nothing.
    fn end(self) -> Result<(), String> {
        self.refused.map_or(Ok(()), Err)
    }
}
