//! A whole OpenQM or ScarletDME account from its folder: files, dictionaries, VOC items, indices. A file is there whole or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use super::household::{self, Fitted};
use super::load::{Loaded, Whole, load};
use super::stage::{self, BATCH_BYTES, STAGE, Stage, as_written};
use super::survey::{Source, survey};
use crate::dynarray::{DynArray, FM, Record, field};
use crate::error::{Error, Result};
use crate::hashed::Encoding;
use crate::txn::{Txn, id_item};
use crate::{Database, schema};

/// Dictionary record that keeps what an export needs to give the account back as it was.
pub(crate) const ORIGIN: &str = "$QM";
/// Paragraph in which an export says which indices to build; an import reads it again.
pub(crate) const INDICES_PARAGRAPH: &str = "HAL.INDICES";
/// Skipped things that are named, for the account and for each of its files; more are only counted.
pub const SKIPS_NAMED: usize = 20;

/// How an account is imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountOptions {
    /// How its text is encoded.
    pub encoding: Encoding,
    /// Whether files that hold records already are replaced; else they are skipped.
    pub replace: bool,
    /// Whether the compiled form of dictionary expressions (fields 13 and up) is dropped. Kept, an export is
    /// byte-identical; HAL compiles from the source either way.
    pub drop_object_code: bool,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountReport {
    /// Files that are now in the database.
    pub files: Vec<FileReport>,
    /// Files and VOC items that were left, and why.
    pub skipped: Vec<Skip>,
    /// Files that the VOC names and that lie outside of the account: nothing of it is lost.
    pub outside: Vec<Skip>,
    /// VOC items taken over.
    pub voc: usize,
    /// VOC items left because they belong to the engine, by type: `V` verbs, `K` keywords …
    pub voc_left: BTreeMap<String, usize>,
}

/// One file of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReport {
    /// Its name in HAL.
    pub name: String,
    /// Records written.
    pub records: usize,
    /// Dictionary items written, those that HAL added included.
    pub items: usize,
    /// Names of its indices.
    pub indices: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Records and places left, the first [`SKIPS_NAMED`].
    pub skipped: Vec<Skip>,
    /// Number of all of them.
    pub skipped_count: u64,
}

/// Something that was left, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Its name.
    pub what: String,
    /// The reason, for people.
    pub reason: String,
}

/// Imports the account in the folder `root`; also takes a folder of hashed files, or one hashed file.
///
/// Each file is there whole or not at all: it is written in one transaction, or, where it has more than 128 MiB of records,
/// under another name until its last. A file that cannot be read or written is skipped and named, the others go in. Files
/// that skills ask are fitted to them.
///
/// # Errors
/// [`Error::Refused`] when `root` is no account; [`Error::Store`] and the like when the database fails.
pub fn account(db: &Database, root: &Path, options: &AccountOptions) -> Result<AccountReport> {
    in_batches(db, root, options, BATCH_BYTES)
}

fn in_batches(
    db: &Database,
    root: &Path,
    options: &AccountOptions,
    batch_bytes: usize,
) -> Result<AccountReport> {
    stage::clear(db)?;
    let survey = survey(root, options.encoding)?;
    let mut report = AccountReport {
        skipped: survey.skipped,
        outside: survey.outside,
        voc_left: survey.voc_left,
        ..AccountReport::default()
    };
    let wanted_indices = indices_of_paragraph(&survey.voc);
    for source in &survey.sources {
        let mut stage = Stage::new(db, batch_bytes);
        match import_file(&mut stage, db, source, wanted_indices.get(&source.name), options) {
            Ok(Ok(file)) => report.files.push(file),
            Ok(Err(reason)) => {
                stage::clear(db)?;
                report.skipped.push(Skip { what: source.name.clone(), reason });
            }
            // The disk or the database itself: what follows would fail as well.
            Err(error) => return Err(error),
        }
    }
    import_voc(db, survey.voc, &mut report)?;
    Ok(report)
}

/// One file; the inner error is the reason why it is skipped.
fn import_file(
    stage: &mut Stage<'_>,
    db: &Database,
    source: &Source,
    more_indices: Option<&Vec<String>>,
    options: &AccountOptions,
) -> Result<std::result::Result<FileReport, String>> {
    let (data, mut dict) = match load_both(source, stage, options) {
        Ok(both) => both,
        Err(reason) => return stage.failed().map_or(Ok(reason), refused).map(Err),
    };
    if options.drop_object_code {
        dict.records.iter_mut().for_each(|(_, record)| drop_object_code(record));
    }
    // Records that an earlier export wrote for HAL alone would be taken for the account's.
    dict.records.retain(|(id, _)| id != ORIGIN && id != schema::MARKER);
    let fitted = household::fit(&source.name, &dict.records, data.fields_max)?;
    let mut name = source.name.clone();
    if fitted.as_ref().is_some_and(|fitted| fitted.journal_clash) {
        name.push_str(".QM");
    }
    let snapshot = db.snapshot()?;
    if let Ok(mut ids) = snapshot.ids(&name)
        && !options.replace
        && ids.next().transpose()?.is_some()
    {
        let count = snapshot.ids(&name)?.count();
        return Ok(Err(format!("there is a file of this name with {count} records already")));
    }
    drop(snapshot);
    let mut report = FileReport {
        name: name.clone(),
        records: data.count,
        skipped_count: data.skipped_count + dict.skipped_count,
        ..FileReport::default()
    };
    for (of, loaded) in [("", &data), ("DICT ", &dict)] {
        for (what, reason) in loaded.skipped.iter().take(SKIPS_NAMED - report.skipped.len()) {
            report.skipped.push(Skip { what: format!("{of}{what}"), reason: reason.clone() });
        }
        if loaded.escaped > 0 {
            report.notes.push(format!(
                "{} {of}ids hold bytes that are no text and were escaped: if the account is Latin-1, import it with --encoding latin1",
                loaded.escaped
            ));
        }
    }
    if name != source.name {
        report.notes.push(format!("HAL keeps its own records in {}, so it is called {name}", source.name));
    }
    let write = FileWrite {
        replace: db.snapshot()?.dictionary(&name).is_ok(),
        origin: origin(&data, source.data.is_some(), options.encoding),
        indices: index_names(&data, more_indices),
        no_case: data.header.as_ref().is_some_and(|header| header.no_case),
        data: as_written(data.records),
        dict: as_written(dict.records),
        fitted,
        name,
    };
    let written = if stage.begun() { write.staged(db, report) } else { write.at_once(db, report) };
    match written {
        Ok(report) => Ok(Ok(report)),
        Err(error) => refused(error).map(Err),
    }
}

/// The reason why a file is left out, where it is one of its own.
fn refused(error: Error) -> Result<String> {
    match error {
        Error::IllegalId { .. } | Error::TooLarge { .. } | Error::Refused(_) => {
            Ok(error.to_string().lines().next().unwrap_or_default().to_owned())
        }
        error => Err(error),
    }
}

fn load_both(
    source: &Source,
    stage: &mut Stage<'_>,
    options: &AccountOptions,
) -> std::result::Result<(Loaded, Loaded), String> {
    if source.name.ends_with(".OUT") || source.name == "CAT" || source.name == "GCAT" {
        return Err("compiled programs, which belong to the engine".to_owned());
    }
    let data = match &source.data {
        Some(dir) => load(dir, options.encoding, stage)?,
        None => Loaded::default(),
    };
    let dict = match &source.dict {
        Some(dir) => {
            load(dir, options.encoding, &mut Whole).map_err(|reason| format!("its dictionary: {reason}"))?
        }
        None => Loaded::default(),
    };
    Ok((data, dict))
}

/// I, C, A and S items keep their compiled form from field 13 on.
fn drop_object_code(record: &mut Vec<u8>) {
    let kind = field(record, 1).first().map(u8::to_ascii_uppercase);
    if matches!(kind, Some(b'I' | b'C' | b'A' | b'S'))
        && let Some(end) = memchr::memchr_iter(FM, record).nth(11)
    {
        record.truncate(end);
        while record.last() == Some(&FM) {
            record.pop();
        }
    }
}

/// The record that remembers where a file came from: 2 kind, 3 NO.CASE, 4 group bytes, 5 encoding.
fn origin(data: &Loaded, has_data: bool, encoding: Encoding) -> DynArray {
    let (kind, no_case, group_bytes) = match &data.header {
        Some(header) => ("DYNAMIC", header.no_case, header.group_bytes.to_string()),
        None if has_data => ("DIRECTORY", false, String::new()),
        None => ("DYNAMIC", false, String::new()),
    };
    let no_case = if no_case { "NO.CASE" } else { "" };
    DynArray::from_fields(["X imported", kind, no_case, &group_bytes, encoding.name()])
}

/// Names to index: what the file had on disk, and what an export noted.
fn index_names(data: &Loaded, more: Option<&Vec<String>>) -> Vec<String> {
    let mut names: Vec<String> = data.indices.iter().map(|index| index.name.clone()).collect();
    names.extend(more.into_iter().flatten().cloned());
    names
}

/// The indices that the paragraph of an export asks for: file → items.
fn indices_of_paragraph(voc: &[(String, Vec<u8>)]) -> BTreeMap<String, Vec<String>> {
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let Some((_, record)) = voc.iter().find(|(id, _)| id == INDICES_PARAGRAPH) else { return wanted };
    for line in record.split(|&b| b == FM).skip(1) {
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        if let (Some("MAKE.INDEX"), Some(file)) = (words.next(), words.next()) {
            wanted.entry(file.to_owned()).or_default().extend(words.map(str::to_owned));
        }
    }
    wanted
}

/// Everything that is written of a file.
struct FileWrite {
    name: String,
    replace: bool,
    data: Vec<(String, Record)>,
    dict: Vec<(String, Record)>,
    fitted: Option<Fitted>,
    indices: Vec<String>,
    no_case: bool,
    origin: DynArray,
}

impl FileWrite {
    fn at_once(mut self, db: &Database, mut report: FileReport) -> Result<FileReport> {
        db.write(move |txn| {
            if self.replace {
                txn.delete_file(&self.name)?;
            }
            txn.create_file_as(&self.name, self.no_case)?;
            self.content(txn, None, &mut report)?;
            for item in std::mem::take(&mut self.indices) {
                let made = index(txn, &self.name, &item)?;
                report.indexed(item, made);
            }
            Ok(report)
        })
    }

    /// The rest of a file whose records lie under [`STAGE`]. Each index is a transaction: it holds all entries.
    fn staged(mut self, db: &Database, mut report: FileReport) -> Result<FileReport> {
        let (mut write, mut report) = db.write(move |txn| {
            self.content(txn, Some(STAGE), &mut report)?;
            Ok((self, report))
        })?;
        for item in std::mem::take(&mut write.indices) {
            let wanted = item.clone();
            let made = match db.write(move |txn| index(txn, STAGE, &wanted)) {
                Err(error @ Error::TooLarge { .. }) => Err(error.to_string()),
                made => made?,
            };
            report.indexed(item, made);
        }
        db.write(move |txn| {
            if write.replace {
                txn.delete_file(&write.name)?;
            }
            txn.rename_file(STAGE, &write.name)?;
            Ok(report)
        })
    }

    /// Writes records and dictionary into the file of that name, or else of its own. `indices` are all that are wanted then.
    fn content(&mut self, txn: &mut Txn<'_>, into: Option<&str>, report: &mut FileReport) -> Result<()> {
        if let Some(fitted) = self.fitted.take().filter(|fitted| !fitted.journal_clash) {
            report.notes.extend(fitted.notes);
            self.indices.extend(fitted.indexed);
            for (name, record) in fitted.added {
                self.origin.replace(6, -1, 0, &name);
                self.dict.push((name, record));
            }
            for (name, record) in fitted.replaced {
                if let Some(place) = self.dict.iter_mut().find(|(id, _)| *id == name) {
                    let original = std::mem::replace(&mut place.1, record);
                    let kept = [b"X original\xFE".as_slice(), original.as_bytes()].concat();
                    self.dict.push((format!("{ORIGIN}*{name}"), DynArray::from_bytes(kept)));
                }
            }
            self.dict.push((schema::MARKER.to_owned(), schema::imported_marker()));
        }
        report.items = self.dict.len();
        if self.dict.iter().all(|(id, _)| id != "@ID") {
            // The one that creating the file has made is not the account's.
            self.origin.replace(6, -1, 0, "@ID");
            self.dict.push(("@ID".to_owned(), id_item(&self.name)));
        }
        self.dict.push((ORIGIN.to_owned(), std::mem::take(&mut self.origin)));
        let into = into.unwrap_or(&self.name);
        txn.write_all(&format!("DICT {into}"), &self.dict)?;
        txn.write_all(into, &self.data)
    }
}

/// Makes an index; gives whether there was none, or why it cannot be made.
fn index(txn: &mut Txn<'_>, file: &str, item: &str) -> Result<std::result::Result<bool, String>> {
    match txn.create_index(file, item) {
        Ok(made) => Ok(Ok(made)),
        Err(Error::NoSuchItem { .. }) => {
            Ok(Err("its dictionary item is missing or not of a type that can be indexed".to_owned()))
        }
        Err(Error::Refused(reason)) => Ok(Err(reason)),
        Err(error) => Err(error),
    }
}

impl FileReport {
    fn indexed(&mut self, item: String, made: std::result::Result<bool, String>) {
        match made {
            Ok(true) => self.indices.push(item),
            Ok(false) => {}
            Err(reason) => self.notes.push(format!("skipped index {item}: {reason}")),
        }
    }
}

/// VOC items beside the files; one that HAL has already is kept as it is.
fn import_voc(db: &Database, items: Vec<(String, Vec<u8>)>, report: &mut AccountReport) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let (taken, skipped) = db.write(move |txn| {
        let mut taken = Vec::new();
        let mut skipped = Vec::new();
        // The paragraph of an export has been followed: an export makes it anew.
        for (id, record) in items.into_iter().filter(|(id, _)| id != INDICES_PARAGRAPH) {
            let record = Record::from_bytes(record);
            match txn.read("VOC", &id)? {
                Some(present) if present == record => {}
                Some(_) => skipped.push((id, "HAL's VOC has an item of this name already")),
                None => taken.push((id, record)),
            }
        }
        txn.write_all("VOC", &taken)?;
        Ok((taken.len(), skipped))
    })?;
    report.voc = taken;
    let skipped =
        skipped.into_iter().map(|(id, reason)| Skip { what: format!("VOC {id}"), reason: reason.into() });
    report.skipped.extend(skipped);
    Ok(())
}

#[cfg(test)]
mod tests;
