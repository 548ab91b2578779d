//! The catalogue of an account: its files, their dictionaries and indices, and where they lie in the store.
//!
//! The store's keys: `0` meta · `0` file number → number of the commit that changed the file last, number of its records · `1` file number, record id → record · `2` index number, key, id → nothing ·
//! `3` file number, index name → its definition · `4` to `7`: what changed and what was before, see `feed` and `history` ·
//! `8` file number, id in upper case → id, see `casing`. Numbers are 4 bytes, big-endian. The VOC is file 1; its `F` records
//! hold the numbers of a file (field 2) and of its dictionary (field 3).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dict::Dictionary;
use crate::dynarray::{DynArray, TM, field};
use crate::error::{Error, Result, near};
use crate::index::Index;
use crate::store::{View, prefix_range};

/// Format of the store's keys and values; a newer one is refused.
pub(crate) const FORMAT: u32 = 2;
/// Format of an account that uses nothing newer: what an older HAL can read it shall read.
pub(crate) const FORMAT_FIRST: u32 = 1;
/// Longest record id in bytes.
pub(crate) const ID_BYTES_MAX: usize = 255;
/// Largest record in bytes.
pub(crate) const RECORD_BYTES_MAX: usize = 256 << 20;
/// Indices a file may have.
pub(crate) const INDICES_MAX: usize = 32;

pub(crate) const VOC: u32 = 1;
pub(crate) const VOC_DICT: u32 = 2;

pub(crate) const META_KEY: &[u8] = &[0];
const RECORD: u8 = 1;
const ENTRY: u8 = 2;
const DEFINITION: u8 = 3;
const FOLDED: u8 = 8;

/// Counters of the account, in one small value that every snapshot reads first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub format: u32,
    /// Number of the last commit.
    pub commit: u64,
    /// Changes whenever a file, dictionary or index does.
    pub catalog: u64,
    /// Next free number for a file or index.
    pub next: u32,
}

impl Meta {
    pub(crate) fn first() -> Meta {
        Meta { format: FORMAT_FIRST, commit: 0, catalog: 0, next: 3 }
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24);
        bytes.extend_from_slice(&self.format.to_be_bytes());
        bytes.extend_from_slice(&self.commit.to_be_bytes());
        bytes.extend_from_slice(&self.catalog.to_be_bytes());
        bytes.extend_from_slice(&self.next.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Meta> {
        let damaged = || Error::Damaged { what: "its counters do not read back".to_owned() };
        let bytes: &[u8; 24] = bytes.try_into().map_err(|_| damaged())?;
        let u32_at = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let u64_at = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        Ok(Meta { format: u32_at(0), commit: u64_at(4), catalog: u64_at(12), next: u32_at(20) })
    }

    /// The counters of an account that exists.
    pub(crate) fn required(view: &dyn View) -> Result<Meta> {
        Meta::read(view)?.ok_or_else(|| Error::Damaged { what: "its counters are missing".to_owned() })
    }

    pub(crate) fn read(view: &dyn View) -> Result<Option<Meta>> {
        view.get(META_KEY)?.map(|bytes| Meta::from_bytes(&bytes)).transpose()
    }
}

/// One file as queries and writes see it.
#[derive(Debug)]
pub(crate) struct FileEntry {
    pub name: String,
    pub number: u32,
    pub dictionary: Arc<Dictionary>,
    pub indices: Vec<Index>,
    /// Whether ids that differ in case alone are the same.
    pub no_case: bool,
    /// The file this one is the dictionary of.
    pub describes: Option<String>,
}

/// All files of an account, `DICT name` included.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    pub version: u64,
    files: BTreeMap<String, Arc<FileEntry>>,
}

impl Catalog {
    /// Reads the whole catalogue: a few thousand small records at most.
    pub(crate) fn load(view: &dyn View, version: u64) -> Result<Catalog> {
        let mut catalog = Catalog { version, files: BTreeMap::new() };
        let mut found = vec![("VOC".to_owned(), VOC, VOC_DICT)];
        scan_file(view, VOC, &mut |id, record| {
            if field(record, 1).first() == Some(&b'F')
                && let (Some(data), Some(dict)) = (number_in(record, 2), number_in(record, 3))
                && data != VOC
            {
                found.push((String::from_utf8_lossy(id).into_owned(), data, dict));
            }
            std::ops::ControlFlow::Continue(())
        })?;
        for (name, data, dict) in found {
            catalog.load_file(view, &name, data, dict)?;
        }
        Ok(catalog)
    }

    /// Reads one file's dictionary and indices again.
    pub(crate) fn load_file(&mut self, view: &dyn View, name: &str, data: u32, dict: u32) -> Result<()> {
        let mut dictionary = Dictionary::default();
        scan_file(view, dict, &mut |id, record| {
            dictionary.add(&String::from_utf8_lossy(id), record);
            std::ops::ControlFlow::Continue(())
        })?;
        let mut indices = Vec::new();
        let prefix = definition_key(data, "");
        let mut end = Vec::new();
        view.scan(prefix_range(&prefix, &mut end), &mut |key, value| {
            let name = String::from_utf8_lossy(&key[prefix.len()..]).into_owned();
            let scope = crate::itype::Scope { file: "", dictionary: &dictionary };
            indices.extend(Index::from_record(name, value, scope));
            std::ops::ControlFlow::Continue(())
        })?;
        let mut no_case = false;
        view.with(&record_key(VOC, name), &mut |voc| no_case = crate::casing::is_no_case(voc))?;
        let entry = FileEntry {
            name: name.to_owned(),
            number: data,
            dictionary: Arc::new(dictionary),
            indices,
            no_case,
            describes: None,
        };
        let dict_name = format!("DICT {name}");
        let dict_entry = FileEntry {
            name: dict_name.clone(),
            number: dict,
            dictionary: Arc::new(Dictionary::of_dictionaries()),
            indices: Vec::new(),
            no_case: false,
            describes: Some(name.to_owned()),
        };
        self.files.insert(name.to_owned(), Arc::new(entry));
        self.files.insert(dict_name, Arc::new(dict_entry));
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.files.remove(name);
        self.files.remove(&format!("DICT {name}"));
    }

    /// The file called `name` (or `DICT name`): as typed, else in upper case.
    pub(crate) fn file(&self, name: &str) -> Result<&Arc<FileEntry>> {
        self.files
            .get(name)
            .or_else(|| self.files.get(&name.to_uppercase()))
            .ok_or_else(|| Error::NoSuchFile { file: name.to_owned(), near: near(name, self.names()) })
    }

    /// All files, `DICT name` included.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.values().map(AsRef::as_ref)
    }

    /// Names of the files, dictionaries not counted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.values().filter(|file| file.describes.is_none()).map(|file| file.name.as_str())
    }
}

fn number_in(record: &[u8], position: usize) -> Option<u32> {
    std::str::from_utf8(field(record, position)).ok()?.parse().ok()
}

/// The VOC record of a file.
pub(crate) fn file_record(data: u32, dict: u32) -> DynArray {
    DynArray::from_fields(["F", &data.to_string(), &dict.to_string()])
}

/// The two numbers of a file, from its VOC record.
pub(crate) fn file_numbers(record: &[u8]) -> Option<(u32, u32)> {
    Some((number_in(record, 2)?, number_in(record, 3)?))
}

/// Where the last change of a file is noted.
pub(crate) fn changed_key(number: u32) -> Vec<u8> {
    key(META_KEY[0], number, &[])
}

/// What is noted of a file: the commit that changed it last, and how many records it has. Both are 8 bytes, big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    pub commit: u64,
    /// `None` where a HAL wrote it that did not count.
    pub records: Option<u64>,
}

impl Noted {
    pub(crate) fn read(view: &dyn View, number: u32) -> Result<Option<Noted>> {
        let number_at = |bytes: &[u8], at: usize| {
            bytes.get(at..at + 8).map(|bytes| u64::from_be_bytes(bytes.try_into().expect("eight bytes")))
        };
        let mut noted = None;
        view.with(&changed_key(number), &mut |bytes| {
            let commit = number_at(bytes, 0).unwrap_or(u64::MAX);
            noted = Some(Noted { commit, records: number_at(bytes, 8) });
        })?;
        Ok(noted)
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let records = self.records.map(u64::to_be_bytes);
        self.commit.to_be_bytes().into_iter().chain(records.into_iter().flatten()).collect()
    }
}

/// Number of the file that a changed key of the store belongs to, where it is a record's.
pub(crate) fn changed_file(key: &[u8]) -> Option<u32> {
    let (kind, rest) = key.split_first()?;
    let number = rest.first_chunk::<4>()?;
    (*kind == RECORD).then(|| u32::from_be_bytes(*number))
}

pub(crate) fn record_key(number: u32, id: &str) -> Vec<u8> {
    key(RECORD, number, id.as_bytes())
}

pub(crate) fn entry_key(number: u32, rest: &[u8]) -> Vec<u8> {
    key(ENTRY, number, rest)
}

pub(crate) fn definition_key(number: u32, name: &str) -> Vec<u8> {
    key(DEFINITION, number, name.as_bytes())
}

/// Where the spelling of an id is noted whose file does not tell case apart.
pub(crate) fn folded_key(number: u32, folded: &str) -> Vec<u8> {
    key(FOLDED, number, folded.as_bytes())
}

fn key(kind: u8, number: u32, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(5 + rest.len());
    key.push(kind);
    key.extend_from_slice(&number.to_be_bytes());
    key.extend_from_slice(rest);
    key
}

/// Bytes before the id in a record's key, and before the entry in an index's.
pub(crate) const KEY_HEAD: usize = 5;

/// Visits the ids and records of a file in id order.
pub(crate) fn scan_file(view: &dyn View, number: u32, visit: &mut crate::store::Visit<'_>) -> Result<()> {
    let prefix = record_key(number, "");
    let mut end = Vec::new();
    view.scan(prefix_range(&prefix, &mut end), &mut |key, value| visit(&key[KEY_HEAD..], value))
}

/// Refuses ids that cannot be stored or would be mistaken for marks.
pub(crate) fn check_id(what: &'static str, id: &str) -> Result<()> {
    let reason = if id.is_empty() {
        "it is empty"
    } else if id.len() > ID_BYTES_MAX {
        "it is longer than 255 bytes"
    } else if id.bytes().any(|b| b == 0 || b >= TM)
        || id.contains(|c: char| ('\u{FB}'..='\u{FF}').contains(&c))
    {
        "it contains a mark or NUL character"
    } else {
        return Ok(());
    };
    Err(Error::IllegalId { what, id: id.chars().take(60).collect(), reason })
}
