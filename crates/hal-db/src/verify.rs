//! Looks at everything an account holds: pages, records, dictionaries, and each index against the records and back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};
use std::panic::AssertUnwindSafe;
use std::path::Path;

use crate::Snapshot;
use crate::account::{
    FileEntry, KEY_HEAD, META_KEY, Meta, Noted, check_id, entry_key, folded_key, record_key, scan_file,
};
use crate::casing::fold;
use crate::database::{Database, STORE_FILE};
use crate::error::{Error, Result};
use crate::index::{Index, id_of, with_id};
use crate::store::{Embedded, View, prefix_range};

/// Findings that are told in words; more are only counted.
pub const FINDINGS_MAX: usize = 100;

/// What was looked at, and what was wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Files, dictionaries not counted.
    pub files: usize,
    /// Records, those of dictionaries included.
    pub records: u64,
    /// Bytes of their ids and contents.
    pub bytes: u64,
    /// Indices.
    pub indices: usize,
    /// Their entries.
    pub entries: u64,
    /// The pages of the store file.
    pub pages: Pages,
    /// The first [`FINDINGS_MAX`] things that are wrong.
    pub findings: Vec<String>,
    /// Number of all of them.
    pub finding_count: u64,
}

/// What is known of the pages below the records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pages {
    /// Not looked at: the account is in memory, or another process has it open.
    #[default]
    Unchecked,
    /// Every page fits its checksum, every page is either used once or free.
    Sound,
    /// Every page in use fits its checksum; the list of free ones was wrong and has been repaired.
    Repaired,
    /// A page does not fit its checksum.
    Damaged,
}

impl Verification {
    fn find(&mut self, what: String) {
        self.finding_count += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(what);
        }
    }

    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.finding_count == 0 && self.pages != Pages::Damaged
    }
}

/// Verifies the account in the folder `dir`. While another process has it open its pages are left out.
///
/// # Errors
/// [`Error::Store`] when there is none or it cannot be read; what is wrong in it is told in the [`Verification`].
pub fn account(dir: &Path) -> Result<Verification> {
    let path = dir.join(STORE_FILE);
    if !path.is_file() {
        let reason = format!("{} does not exist", path.display());
        return Err(Error::Store { doing: "open its file", reason });
    }
    let damaged = |what: String| Verification {
        pages: Pages::Damaged,
        finding_count: 1,
        findings: vec![what],
        ..Verification::default()
    };
    // The store may panic over bytes that are not its own.
    let pages = std::panic::catch_unwind(AssertUnwindSafe(|| Embedded::check_pages(&path)));
    let (pages, db) = match pages {
        Err(_) => return Ok(damaged("the pages of the file contradict each other".to_owned())),
        Ok(Err(Error::Locked { .. })) => (Pages::Unchecked, Database::open_read_only(dir)?),
        Ok(Err(error @ (Error::Damaged { .. } | Error::Store { .. }))) => {
            return Ok(damaged(error.to_string().lines().next().unwrap_or_default().to_owned()));
        }
        Ok(Err(error)) => return Err(error),
        Ok(Ok(true)) => (Pages::Sound, Database::open_read_only(dir)?),
        Ok(Ok(false)) => (Pages::Repaired, Database::open_read_only(dir)?),
    };
    let mut verification = snapshot(&db.snapshot()?)?;
    verification.pages = pages;
    Ok(verification)
}

/// Verifies what a snapshot shows; its pages are not looked at.
///
/// # Errors
/// [`Error::Store`], [`Error::Damaged`] when not even the counters can be read.
pub fn snapshot(snapshot: &Snapshot) -> Result<Verification> {
    snapshot.require_everything("all of the database")?;
    let view = snapshot.view();
    let meta = Meta::required(view)?;
    let mut verification = Verification::default();
    let mut numbers: BTreeMap<u32, String> = BTreeMap::new();
    let mut indices: BTreeMap<u32, String> = BTreeMap::new();
    let mut indexed: Vec<(u32, String, Index)> = Vec::new();
    for entry in snapshot.catalog().entries() {
        if entry.describes.is_none() {
            verification.files += 1;
        }
        if let Some(other) = numbers.insert(entry.number, entry.name.clone()) {
            verification.find(format!("{} and {other} share their records", entry.name));
        }
        for index in &entry.indices {
            verification.indices += 1;
            let name = format!("index {} of {}", index.name, entry.name);
            if let Some(other) = indices.insert(index.number, name.clone()) {
                verification.find(format!("{name} and {other} share their entries"));
            }
            indexed.push((entry.number, name, index.clone()));
        }
    }
    let highest = numbers.keys().chain(indices.keys()).max().copied().unwrap_or(0);
    if highest >= meta.next {
        verification.find(format!("the next number to be given is {}, but {highest} is in use", meta.next));
    }
    keys(view, &numbers, &indices, &mut verification)?;
    for (file, name, index) in &indexed {
        index_has_records(view, *file, name, index, &mut verification)?;
        records_have_index(view, *file, name, index, &mut verification)?;
    }
    for entry in snapshot.catalog().entries() {
        spelled(view, entry, &mut verification)?;
    }
    for (number, name) in &numbers {
        counted(view, *number, name, &mut verification)?;
    }
    Ok(verification)
}

/// Every key of the store: whose it is, and whether a record could have been written so.
fn keys(
    view: &dyn View,
    numbers: &BTreeMap<u32, String>,
    indices: &BTreeMap<u32, String>,
    verification: &mut Verification,
) -> Result<()> {
    // Strays are named once for each number: a lost file would fill the list by itself.
    let mut strays: BTreeSet<(u8, u32)> = BTreeSet::new();
    view.scan((Bound::Unbounded, Bound::Unbounded), &mut |key, value| {
        // Notes of what changed and what was before belong to no file: they outlive it.
        if key == META_KEY || matches!(key.first(), Some(4..=7)) {
            return ControlFlow::Continue(());
        }
        let (Some(&kind), Some(number)) = (key.first(), key.get(1..KEY_HEAD)) else {
            verification.find(format!("a key of {} bytes belongs to nothing", key.len()));
            return ControlFlow::Continue(());
        };
        let number = u32::from_be_bytes(number.try_into().unwrap_or_default());
        let owner = match kind {
            2 => indices.get(&number),
            0 | 1 | 3 | 8 => numbers.get(&number),
            _ => None,
        };
        let Some(owner) = owner else {
            // Notes about the last change of a file outlive the file.
            if kind != 0 && strays.insert((kind, number)) {
                let what = match kind {
                    1 => "records belong to no file",
                    2 => "index entries belong to no index",
                    3 => "index definitions belong to no file",
                    8 => "spellings of ids belong to no file",
                    _ => "keys belong to nothing",
                };
                verification.find(format!("{what} (number {number})"));
            }
            return ControlFlow::Continue(());
        };
        match kind {
            1 => {
                verification.records += 1;
                verification.bytes += (key.len() - KEY_HEAD + value.len()) as u64;
                let sound =
                    std::str::from_utf8(&key[KEY_HEAD..]).is_ok_and(|id| check_id("record id", id).is_ok());
                if !sound {
                    let id = String::from_utf8_lossy(&key[KEY_HEAD..]).into_owned();
                    verification.find(format!("{owner}: a record has the id {id:?}, which none may have"));
                }
            }
            2 => verification.entries += 1,
            _ => {}
        }
        ControlFlow::Continue(())
    })
}

/// Each spelling that is noted leads to a record of it, each record is noted where case does not count, and no other.
fn spelled(view: &dyn View, entry: &FileEntry, verification: &mut Verification) -> Result<()> {
    let prefix = folded_key(entry.number, "");
    let mut noted = 0_u64;
    let mut lost: Vec<String> = Vec::new();
    let each = |key: &[u8], id: &[u8]| {
        noted += 1;
        let sound = match std::str::from_utf8(id) {
            Ok(id) if fold(id).as_bytes() == &key[KEY_HEAD..] => {
                view.with(&record_key(entry.number, id), &mut |_| {})?
            }
            _ => false,
        };
        if !sound && lost.len() < FINDINGS_MAX {
            lost.push(String::from_utf8_lossy(id).into_owned());
        }
        Ok(())
    };
    all_of(|visit| view.scan(prefix_range(&prefix, &mut Vec::new()), visit), each)?;
    let name = &entry.name;
    for id in lost {
        verification.find(format!("{name}: the spelling {id} is noted, but there is no such record"));
    }
    if !entry.no_case {
        if noted > 0 {
            verification.find(format!("{name}: spellings are noted, though case counts in its ids"));
        }
        return Ok(());
    }
    let each = |id: &[u8], _: &[u8]| {
        let Ok(id) = std::str::from_utf8(id) else { return Ok(()) };
        let mut found = false;
        let key = folded_key(entry.number, &fold(id));
        view.with(&key, &mut |spelling| found = spelling == id.as_bytes())?;
        if !found {
            verification.find(format!("{name}: the spelling {id} is not noted"));
        }
        Ok(())
    };
    all_of(|visit| scan_file(view, entry.number, visit), each)
}

/// Runs a scan whose every step may fail: the first error ends it.
fn all_of(
    scan: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>) -> Result<()>,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<()> {
    let mut failure = Ok(());
    scan(&mut |key, value| match each(key, value) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failure = Err(error);
            ControlFlow::Break(())
        }
    })?;
    failure
}

/// The number of records that is noted is that of those there are.
fn counted(view: &dyn View, number: u32, name: &str, verification: &mut Verification) -> Result<()> {
    let noted = Noted::read(view, number)?.and_then(|noted| noted.records);
    let Some(noted) = noted.filter(|_| !view.is_laid_over()) else { return Ok(()) };
    let mut records = 0;
    scan_file(view, number, &mut |_, _| {
        records += 1;
        ControlFlow::Continue(())
    })?;
    if records != noted {
        verification.find(format!("{name}: {records} records, but {noted} are noted"));
    }
    Ok(())
}

/// Each entry of an index leads to a record that has the value.
fn index_has_records(
    view: &dyn View,
    file: u32,
    name: &str,
    index: &Index,
    verification: &mut Verification,
) -> Result<()> {
    let prefix = entry_key(index.number, &[]);
    let each = |entry: &[u8], _: &[u8]| {
        let entry = &entry[KEY_HEAD..];
        let id = id_of(entry);
        let Ok(text) = std::str::from_utf8(id) else {
            verification.find(format!("{name}: an entry has an id that is no text"));
            return Ok(());
        };
        let mut has = false;
        let exists = view.with(&record_key(file, text), &mut |record| {
            has = index.keys(id, record).into_iter().any(|key| with_id(key, text) == entry);
        })?;
        if !exists {
            verification.find(format!("{name}: an entry leads to {text}, which does not exist"));
        } else if !has {
            verification.find(format!("{name}: an entry for {text} has a value that the record lacks"));
        }
        Ok(())
    };
    all_of(|visit| view.scan(prefix_range(&prefix, &mut Vec::new()), visit), each)
}

/// Each record is found through the index by each of its values.
fn records_have_index(
    view: &dyn View,
    file: u32,
    name: &str,
    index: &Index,
    verification: &mut Verification,
) -> Result<()> {
    let each = |id: &[u8], record: &[u8]| {
        // An id that is no text has been told already.
        let Ok(id) = std::str::from_utf8(id) else { return Ok(()) };
        for key in index.keys(id.as_bytes(), record) {
            if !view.with(&entry_key(index.number, &with_id(key, id)), &mut |_| {})? {
                verification.find(format!("{name}: {id} is missing"));
            }
        }
        Ok(())
    };
    all_of(|visit| scan_file(view, file, visit), each)
}

#[cfg(test)]
mod tests;
