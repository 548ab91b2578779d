//! Puts back what was: records, and files that were deleted, created or made again since.
//!
//! Numbers of files are never given twice, so that the records of a deleted file are still known by its number, and the VOC's
//! history says which name it had. Its indices are not brought back: what is found is the same without them.

use std::collections::{BTreeMap, BTreeSet};

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

fn numbers(voc: Option<&Record>) -> Option<(u32, u32)> {
    voc.and_then(|voc| file_numbers(voc.as_bytes()))
}

/// Writes records as they were.
pub(super) fn put_back(txn: &mut Txn<'_>, images: Vec<Image>) -> Result<()> {
    let (files, images) = files(txn, images)?;
    let then: BTreeSet<_> = files.iter().filter_map(|file| numbers(file.then.as_ref())).collect();
    let now: BTreeMap<_, _> =
        files.iter().filter_map(|file| Some((numbers(file.now.as_ref())?, file.now.as_ref()?))).collect();
    for file in &files {
        match numbers(file.now.as_ref()) {
            // It had another name, or another VOC record; what it holds stays.
            Some(numbers) if then.contains(&numbers) => txn.forget_name(&file.name),
            Some(_) => txn.delete_file(&file.name)?,
            None => {}
        }
    }
    for file in &files {
        if let (Some(voc), Some(numbers)) = (&file.then, numbers(file.then.as_ref())) {
            let no_case = now.get(&numbers).map(|now| is_no_case(now.as_bytes()));
            txn.restore_file(&file.name, voc, numbers, no_case)?;
        }
    }
    let no_case = |file: &&FileChange| file.then.as_ref().is_some_and(|voc| is_no_case(voc.as_bytes()));
    let there = || files.iter().filter(|file| file.then.is_some());
    // Ids in two spellings can only be there while case counts.
    for file in there().filter(|file| !no_case(file)) {
        txn.set_no_case(&file.name, false)?;
    }
    records(txn, images)?;
    there().filter(no_case).try_for_each(|file| txn.set_no_case(&file.name, true).map(drop))
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

/// Writes the records whose files are there.
fn records(txn: &mut Txn<'_>, images: Vec<Image>) -> Result<()> {
    let names: BTreeMap<u32, String> =
        txn.catalog().entries().map(|entry| (entry.number, entry.name.clone())).collect();
    let mut written: BTreeMap<u32, Vec<(String, Record)>> = BTreeMap::new();
    for image in images {
        let Some(name) = names.get(&image.file) else { continue };
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
    Ok(())
}

impl Txn<'_> {
    /// Makes a file known under the name and numbers it had. `no_case`: whether case counts is, as yet, as it is now.
    fn restore_file(
        &mut self,
        name: &str,
        voc: &Record,
        numbers: (u32, u32),
        no_case: Option<bool>,
    ) -> Result<()> {
        let mut voc = voc.clone();
        if let Some(no_case) = no_case {
            crate::casing::set(&mut voc, no_case);
        }
        self.put(record_key(VOC, name), voc.into_bytes())?;
        self.know_file(name, numbers)
    }
}
