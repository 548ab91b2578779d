//! One file: read from the server, compared with the copy, what differs kept for the commit.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use super::CopyError;
use crate::account::check_id;
use crate::dynarray::{FM, Record};
use crate::error::{Error, Result};
use crate::import::household::{self, Fitted};
use crate::import::{INDICES_PARAGRAPH, ORIGIN};
use crate::qmclient::{Client, ClientError, File, Socket};
use crate::txn::Txn;
use crate::{Snapshot, schema};

/// Bytes that a dictionary may have; the largest that people write are a tenth of it.
const DICTIONARY_BYTES_MAX: usize = 8 << 20;
/// Ids that are asked for between two looks at whether to stop.
const BATCH: usize = 512;

/// STATUS() for a name that the VOC does not have, and for one whose file is not there.
const NO_SUCH_FILE: [i32; 2] = [3003, 3007];

/// What came of one file.
pub(super) enum Taken {
    File(Took),
    /// The account does not have it.
    Absent(Write),
    LeftOut(String, Write),
}

pub(super) struct Took {
    pub write: Write,
    pub records: usize,
    pub records_left_out: usize,
    pub notes: Vec<String>,
}

/// What a commit does to one file.
#[derive(Debug, Default)]
pub(super) struct Write {
    file: String,
    /// Whether the file is made anew: another account's records and indices are in it, or HAL's own dictionary.
    anew: bool,
    dictionary: Vec<(String, Record)>,
    dictionary_gone: Vec<String>,
    records: Vec<(String, Record)>,
    gone: Vec<String>,
    indexed: Vec<String>,
    delete: bool,
}

impl Write {
    /// All records of the file deleted, its dictionary kept; a file that no household has goes altogether.
    pub(super) fn emptied(snapshot: &Snapshot, file: &str) -> Result<Write> {
        let mut write = Write { file: file.to_owned(), ..Write::default() };
        match snapshot.ids(file) {
            Ok(ids) if super::ASKED.contains(&file) => write.gone = ids.collect::<Result<Vec<_>>>()?,
            Ok(_) => write.delete = true,
            Err(Error::NoSuchFile { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(write)
    }

    /// Records and dictionary items that it writes or deletes.
    pub(super) fn changes(&self) -> usize {
        let lists = self.dictionary.len() + self.dictionary_gone.len() + self.records.len() + self.gone.len();
        lists + usize::from(self.anew) + usize::from(self.delete)
    }

    pub(super) fn run(self, txn: &mut Txn<'_>) -> Result<()> {
        if self.delete {
            return txn.delete_file(&self.file);
        }
        if self.anew {
            if txn.has_file(&self.file) {
                txn.delete_file(&self.file)?;
            }
            txn.create_file(&self.file)?;
        }
        let dictionary = format!("DICT {}", self.file);
        for id in &self.dictionary_gone {
            txn.delete(&dictionary, id)?;
        }
        if !self.dictionary.is_empty() {
            txn.write_all(&dictionary, &self.dictionary)?;
        }
        for id in &self.gone {
            txn.delete(&self.file, id)?;
        }
        if !self.records.is_empty() {
            txn.write_all(&self.file, &self.records)?;
        }
        for item in &self.indexed {
            match txn.create_index(&self.file, item) {
                // Without an index a question takes longer and is answered all the same.
                Ok(_) | Err(Error::NoSuchItem { .. } | Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Takes the file `name`. `same`: what the copy has of it came from the same account.
pub(super) fn take<S: Socket>(
    client: &mut Client<S>,
    snapshot: &Snapshot,
    name: &str,
    same: bool,
    limit: usize,
    budget: &mut usize,
    stop: &dyn Fn() -> bool,
) -> std::result::Result<Taken, CopyError> {
    let emptied = || Write::emptied(snapshot, name);
    let file = match client.open(name) {
        Ok(file) => file,
        Err(ClientError::NoSuchFile { status, .. }) if NO_SUCH_FILE.contains(&status) => {
            return Ok(Taken::Absent(emptied()?));
        }
        Err(error) if !error.ends_session() => return Ok(Taken::LeftOut(error.to_string(), emptied()?)),
        Err(error) => return Err(error.into()),
    };
    let read = read_file(client, snapshot, name, &file, same, limit, stop);
    match read {
        Ok(Ok((took, bytes))) => {
            client.close(file)?;
            if bytes > *budget {
                let reason = "all files together are larger than a refresh may be".to_owned();
                return Ok(Taken::LeftOut(reason, emptied()?));
            }
            *budget -= bytes;
            Ok(Taken::File(took))
        }
        Ok(Err(reason)) => {
            client.close(file)?;
            Ok(Taken::LeftOut(reason, emptied()?))
        }
        Err(error) => Err(error),
    }
}

/// The outer error ends the refresh, the inner one leaves this file out. Also gives the bytes it holds.
type Read<T> = std::result::Result<std::result::Result<T, String>, CopyError>;

fn read_file<S: Socket>(
    client: &mut Client<S>,
    snapshot: &Snapshot,
    name: &str,
    file: &File,
    same: bool,
    limit: usize,
    stop: &dyn Fn() -> bool,
) -> Read<(Took, usize)> {
    let items = match read_dictionary(client, name, stop)? {
        Ok(items) => items,
        Err(reason) => return Ok(Err(format!("its dictionary: {reason}"))),
    };
    let dict = format!("DICT {name}");
    let copied = |marker: Option<Record>| marker.is_some_and(|marker| marker == schema::imported_marker());
    let anew = !same
        || match snapshot.read(&dict, schema::MARKER) {
            Ok(marker) => !copied(marker),
            Err(Error::NoSuchFile { .. }) => true,
            Err(error) => return Err(error.into()),
        };
    let mut records = Records::new(snapshot, name, anew, limit);
    if let Err(reason) = records.read(client, file, stop)? {
        return Ok(Err(reason));
    }
    let gone = if anew { Vec::new() } else { records.gone()? };
    let fitted = household::fit(name, &items, records.fields_max)?;
    let mut notes = Vec::new();
    let (wanted, indexed) = fit(items, fitted, &mut notes);
    let mut write = Write { file: name.to_owned(), anew, gone, ..Write::default() };
    if !anew {
        // What was said when the file was taken for the first time is not said again.
        notes.clear();
        let present = items_of(snapshot, &dict)?;
        write.dictionary_gone =
            present.keys().filter(|id| *id != "@ID" && !wanted.contains_key(*id)).cloned().collect();
        write.dictionary = wanted.into_iter().filter(|(id, item)| present.get(id) != Some(item)).collect();
    } else {
        write.dictionary = wanted.into_iter().collect();
    }
    write.indexed = if write.dictionary.is_empty() { Vec::new() } else { indexed };
    write.records = records.changed;
    let took = Took {
        write,
        records: records.seen.len(),
        records_left_out: records.left_out,
        notes: std::mem::take(&mut notes),
    };
    Ok(Ok((took, records.changed_bytes)))
}

/// The dictionary of a file; none when the account has none, as the household's layout is then assumed.
fn read_dictionary<S: Socket>(
    client: &mut Client<S>,
    name: &str,
    stop: &dyn Fn() -> bool,
) -> Read<Vec<(String, Vec<u8>)>> {
    let file = match client.open(&format!("DICT {name}")) {
        Ok(file) => file,
        Err(ClientError::NoSuchFile { .. }) => return Ok(Ok(Vec::new())),
        Err(error) if !error.ends_session() => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let mut items = Vec::new();
    let mut bytes = 0;
    let mut fault = None;
    let ids = match client.ids(&file) {
        Ok(ids) => ids,
        Err(error) if !error.ends_session() => {
            client.close(file)?;
            return Ok(Err(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    for batch in ids.chunks(BATCH) {
        if stop() {
            return Err(CopyError::Stopped);
        }
        client.read_each(&file, batch, &mut |id, item| {
            match item {
                // Records that an export of HAL has written for itself, and ids that HAL cannot hold.
                _ if [ORIGIN, schema::MARKER, INDICES_PARAGRAPH].contains(&id) => {}
                _ if check_id("dictionary item", id).is_err() => {}
                Ok(Some(item)) => {
                    bytes += id.len() + item.as_bytes().len();
                    items.push((id.to_owned(), item.into_bytes()));
                }
                Ok(None) => {}
                // A field that is missing would be taken for one that is empty.
                Err(error) => fault = Some(error.to_string()),
            }
            if bytes > DICTIONARY_BYTES_MAX {
                fault = Some(format!("it is larger than {} MB", DICTIONARY_BYTES_MAX >> 20));
            }
            if fault.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if fault.is_some() {
            break;
        }
    }
    client.close(file)?;
    Ok(fault.map_or(Ok(items), Err))
}

/// The dictionary that the copy has, and what to index.
fn fit(
    items: Vec<(String, Vec<u8>)>,
    fitted: Option<Fitted>,
    notes: &mut Vec<String>,
) -> (BTreeMap<String, Record>, Vec<String>) {
    let mut wanted: BTreeMap<String, Record> =
        items.into_iter().map(|(id, item)| (id, Record::from_bytes(item))).collect();
    let mut indexed = Vec::new();
    if let Some(fitted) = fitted {
        wanted.extend(fitted.added);
        wanted.extend(fitted.replaced);
        indexed = fitted.indexed;
        notes.extend(fitted.notes);
    }
    // So that a start does not take it for a household's dictionary of an earlier HAL.
    wanted.insert(schema::MARKER.to_owned(), schema::imported_marker());
    (wanted, indexed)
}

fn items_of(snapshot: &Snapshot, dict: &str) -> Result<BTreeMap<String, Record>> {
    let mut items = BTreeMap::new();
    snapshot.scan(dict, &mut |id, record| {
        items.insert(id.to_owned(), Record::from_bytes(record));
        ControlFlow::Continue(())
    })?;
    Ok(items)
}

/// The records of a file while they arrive.
struct Records<'a> {
    snapshot: &'a Snapshot,
    name: &'a str,
    anew: bool,
    limit: usize,
    seen: HashSet<String>,
    bytes: usize,
    changed: Vec<(String, Record)>,
    changed_bytes: usize,
    fields_max: usize,
    left_out: usize,
}

impl<'a> Records<'a> {
    fn new(snapshot: &'a Snapshot, name: &'a str, anew: bool, limit: usize) -> Records<'a> {
        Records {
            snapshot,
            name,
            anew,
            limit,
            seen: HashSet::new(),
            bytes: 0,
            changed: Vec::new(),
            changed_bytes: 0,
            fields_max: 0,
            left_out: 0,
        }
    }

    fn read<S: Socket>(&mut self, client: &mut Client<S>, file: &File, stop: &dyn Fn() -> bool) -> Read<()> {
        let ids = match client.ids(file) {
            Ok(ids) => ids,
            Err(error) if !error.ends_session() => return Ok(Err(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        for batch in ids.chunks(BATCH) {
            if stop() {
                return Err(CopyError::Stopped);
            }
            let mut fault = None;
            client.read_each(file, batch, &mut |id, record| match self.take(id, record) {
                Ok(()) if self.bytes <= self.limit => ControlFlow::Continue(()),
                Ok(()) => ControlFlow::Break(()),
                Err(error) => {
                    fault = Some(error);
                    ControlFlow::Break(())
                }
            })?;
            if let Some(error) = fault {
                return Err(error.into());
            }
            if self.bytes > self.limit {
                return Ok(Err(format!("it is larger than {} MB", self.limit >> 20)));
            }
        }
        Ok(Ok(()))
    }

    fn take(&mut self, id: &str, record: std::result::Result<Option<Record>, ClientError>) -> Result<()> {
        if check_id("record id", id).is_err() {
            self.left_out += 1;
            return Ok(());
        }
        let record = match record {
            Ok(Some(record)) => record,
            // Deleted since the ids were read.
            Ok(None) => return Ok(()),
            // Somebody has it at the moment: what the copy has stays.
            Err(ClientError::Locked { .. }) => {
                self.seen.insert(id.to_owned());
                return Ok(());
            }
            Err(_) => {
                self.left_out += 1;
                return Ok(());
            }
        };
        let bytes = id.len() + record.as_bytes().len();
        self.bytes += bytes;
        self.fields_max = self.fields_max.max(memchr::memchr_iter(FM, record.as_bytes()).count() + 1);
        let differs = self.anew || self.snapshot.read(self.name, id)?.as_ref() != Some(&record);
        if differs && !self.seen.contains(id) {
            self.changed_bytes += bytes;
            self.changed.push((id.to_owned(), record));
        }
        self.seen.insert(id.to_owned());
        Ok(())
    }

    /// Records of the copy that are not there any more.
    fn gone(&self) -> Result<Vec<String>> {
        let ids = self.snapshot.ids(self.name)?;
        ids.filter(|id| id.as_ref().map_or(true, |id| !self.seen.contains(id))).collect()
    }
}
