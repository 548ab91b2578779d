//! Puts back what was: records, and files that were deleted, created or made again since.
//!
//! Numbers of files are never given twice, so that the records of a deleted file are still known by its number, and the VOC's
//! history says which name it had. Its indices are not brought back: what is found is the same without them.

use std::collections::BTreeMap;

use super::Image;
use crate::account::{VOC, file_numbers, record_key};
use crate::casing::is_no_case;
use crate::dynarray::Record;
use crate::error::Result;
use crate::txn::Txn;

/// A file that was, or is to be, another than now.
struct FileChange {
    name: String,
    /// Its VOC record then; `None` when there was no such file.
    then: Option<Record>,
    now: Option<Record>,
}

impl FileChange {
    /// Whether it is the same file, whose record alone has changed.
    fn is_same(&self) -> bool {
        let numbers = |record: &Option<Record>| record.as_ref().and_then(|voc| file_numbers(voc.as_bytes()));
        numbers(&self.then).is_some_and(|then| numbers(&self.now) == Some(then))
    }

    fn no_case_then(&self) -> bool {
        self.then.as_ref().is_some_and(|voc| is_no_case(voc.as_bytes()))
    }
}

/// Writes records as they were.
pub(super) fn put_back(txn: &mut Txn<'_>, images: Vec<Image>) -> Result<()> {
    let (files, mut images) = files(txn, images)?;
    let (same, others): (Vec<_>, Vec<_>) = files.into_iter().partition(FileChange::is_same);
    // Ids in two spellings can only be there while case counts.
    for file in same.iter().filter(|file| !file.no_case_then()) {
        txn.set_no_case(&file.name, false)?;
    }
    records(txn, &mut images)?;
    for file in same.iter().filter(|file| file.no_case_then()) {
        txn.set_no_case(&file.name, true)?;
    }
    for file in &others {
        if file.now.is_some() && txn.has_file(&file.name) {
            txn.delete_file(&file.name)?;
        }
        if let Some(voc) = &file.then {
            txn.restore_file(&file.name, voc)?;
        }
    }
    // What is left belongs to files that are there again, or to ones of which nothing is known any more.
    records(txn, &mut images)
}

/// Takes those records of the VOC out of `images` that describe files, then or now.
fn files(txn: &Txn<'_>, images: Vec<Image>) -> Result<(Vec<FileChange>, Vec<Image>)> {
    let is_file = |record: &Record| record.field(1).first() == Some(&b'F');
    let mut files = Vec::new();
    let mut rest = Vec::new();
    for image in images {
        if image.file == VOC {
            let now = txn.read("VOC", &image.id)?.filter(is_file);
            let then = image.record.clone().filter(is_file);
            if now.is_some() || then.is_some() {
                // A record of another kind under the name of a file that is to go.
                if let Some(other) = image.record.filter(|record| !is_file(record)) {
                    rest.push(Image { file: VOC, id: image.id.clone(), record: Some(other) });
                }
                files.push(FileChange { name: image.id, then, now });
                continue;
            }
        }
        rest.push(image);
    }
    Ok((files, rest))
}

/// Writes the records whose files are there, and leaves the others in `images`.
fn records(txn: &mut Txn<'_>, images: &mut Vec<Image>) -> Result<()> {
    let names: BTreeMap<u32, String> =
        txn.catalog().entries().map(|entry| (entry.number, entry.name.clone())).collect();
    let mut left = Vec::new();
    let mut written: BTreeMap<u32, Vec<(String, Record)>> = BTreeMap::new();
    for image in std::mem::take(images) {
        let Some(name) = names.get(&image.file) else {
            left.push(image);
            continue;
        };
        if image.file == VOC && txn.describes_file(&image.id)? {
            left.push(image);
            continue;
        }
        // What was not there goes first: it may be the same record in other letters.
        match image.record {
            Some(record) => written.entry(image.file).or_default().push((image.id, record)),
            None => {
                txn.delete(name, &image.id)?;
            }
        }
    }
    for (file, records) in written {
        if let Some(name) = names.get(&file) {
            txn.write_all(name, &records)?;
        }
    }
    *images = left;
    Ok(())
}

impl Txn<'_> {
    /// Makes a file that was deleted known again, under the numbers it had; its records are written by the caller.
    fn restore_file(&mut self, name: &str, voc: &Record) -> Result<()> {
        let Some(numbers) = file_numbers(voc.as_bytes()) else { return Ok(()) };
        self.put(record_key(VOC, name), voc.as_bytes().to_vec())?;
        self.know_file(name, numbers)
    }

    /// Whether a record of the VOC describes a file.
    fn describes_file(&self, id: &str) -> Result<bool> {
        Ok(self.read("VOC", id)?.is_some_and(|record| record.field(1).first() == Some(&b'F')))
    }
}
