//! A writing transaction: what a closure given to `Database::write` may do. Keeps indices in step with the records.

mod session;

pub use session::{NOSYNC_RISK, Session};

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::access::{Access, Masked, Masks};
use crate::account::{
    Catalog, FileEntry, INDICES_MAX, KEY_HEAD, Meta, RECORD_BYTES_MAX, VOC, check_id, definition_key,
    entry_key, file_numbers, file_record, folded_key, record_key, scan_file,
};
use crate::casing::fold;
use crate::dict::{DataItem, Dictionary, Source};
use crate::dynarray::{DynArray, Record};
use crate::error::{Error, Result};
use crate::index::{Index, with_id};
use crate::itype::Scope;
use crate::query::{self, QueryPlan, Rows};
use crate::store::{Overlay, View, prefix_range};
use crate::{Env, database};

/// Bytes one transaction may write: it is held in memory until it succeeds.
pub(crate) const TXN_BYTES_MAX: usize = 512 << 20;

/// One atomic change of an account. Reads see what it wrote; others do only after it is durable.
pub struct Txn<'a> {
    overlay: Overlay<'a>,
    catalog: Arc<Catalog>,
    /// Set where somebody may not do everything: what they see of `catalog` and of the records.
    seen: Option<Seen>,
    meta: Meta,
    /// Files whose dictionary or indices changed: name → data and dictionary numbers.
    stale: BTreeMap<String, (u32, u32)>,
    catalog_changed: bool,
}

/// What somebody with limits sees of an account.
struct Seen {
    access: Access,
    catalog: Catalog,
    masks: Arc<Masks>,
}

/// The dictionary item of the record id that a new file gets.
pub(crate) fn id_item(file: &str) -> DynArray {
    DynArray::from_fields(["D", "0", "", file, "10L", "S"])
}

fn denied(file: &str, field: Option<&str>) -> Error {
    Error::Denied { file: file.to_owned(), field: field.map(str::to_owned), write: true }
}

impl std::fmt::Debug for Txn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Txn({} bytes)", self.overlay.bytes())
    }
}

impl<'a> Txn<'a> {
    pub(crate) fn new(base: &'a dyn View, catalog: Arc<Catalog>, meta: Meta) -> Txn<'a> {
        Txn {
            overlay: Overlay::new(base),
            catalog,
            seen: None,
            meta,
            stale: BTreeMap::new(),
            catalog_changed: false,
        }
    }

    /// Reads a record as this transaction sees it.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Denied`], [`Error::Store`].
    pub fn read(&self, file: &str, id: &str) -> Result<Option<Record>> {
        let (view, catalog) = self.reading();
        database::read(&view, catalog, file, id)
    }

    /// Writes a record, new or in place of the old one; in a NO.CASE file also in place of one in other letters.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::IllegalId`] (1..=255 bytes, no marks, no NUL), [`Error::TooLarge`] (256 MiB a record,
    /// 512 MiB a transaction), [`Error::Refused`] for a file's own record in the VOC.
    pub fn write(&mut self, file: &str, id: &str, record: &Record) -> Result<()> {
        let entry = self.writable(file)?;
        let record = self.allowed(&entry, id, record)?;
        self.write_one(&entry, id, &record)?;
        self.dictionary_changed(&entry)
    }

    /// Writes several records of one file; for a dictionary this reads it again only once.
    ///
    /// # Errors
    /// As [`Txn::write`].
    pub fn write_all(&mut self, file: &str, records: &[(String, Record)]) -> Result<()> {
        let entry = self.writable(file)?;
        for (id, record) in records {
            let record = self.allowed(&entry, id, record)?;
            self.write_one(&entry, id, &record)?;
        }
        self.dictionary_changed(&entry)
    }

    /// Deletes a record; gives whether there was one.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Refused`] for a file's own record in the VOC.
    pub fn delete(&mut self, file: &str, id: &str) -> Result<bool> {
        let entry = self.writable(file)?;
        self.check_own(&entry, id)?;
        self.check_voc(&entry, id, None)?;
        let id = entry.records().spelling(&self.overlay, id)?;
        let key = record_key(entry.number, &id);
        if !self.overlay.with(&key, &mut |_| {})? {
            return Ok(false);
        }
        self.remove(&entry, &id, key)?;
        if entry.no_case {
            self.overlay.delete(folded_key(entry.number, &fold(&id)));
        }
        self.dictionary_changed(&entry)?;
        Ok(true)
    }

    /// Runs a query over what this transaction sees.
    ///
    /// # Errors
    /// As [`crate::Snapshot::run`].
    pub fn run(&self, plan: &QueryPlan, env: &Env) -> Result<Rows> {
        let (view, catalog) = self.reading();
        query::rows(query::Run { view: &view, catalog, plan, env, list: None })
    }

    /// Runs a REFORMAT or SREFORMAT: each row of the query becomes a record of another file, its first item the id.
    ///
    /// # Errors
    /// As [`Txn::run`] and [`Txn::write`].
    pub fn reformat(
        &mut self,
        plan: &QueryPlan,
        env: &Env,
        list: Option<&[Vec<u8>]>,
    ) -> Result<query::Reformatted> {
        let records = {
            let (view, catalog) = self.reading();
            query::reformat(query::Run { view: &view, catalog, plan, env, list })?
        };
        let to = plan.to_file.as_deref().unwrap_or_default();
        let mut done = query::Reformatted::default();
        for (id, record) in records {
            if self.read(to, &id)?.is_some() {
                done.overwritten += 1;
            }
            self.write(to, &id, &record)?;
            done.written += 1;
        }
        Ok(done)
    }

    /// The dictionary of a file as this transaction sees it.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`].
    pub fn dictionary(&self, file: &str) -> Result<Arc<Dictionary>> {
        Ok(Arc::clone(&self.reading().1.file(file)?.dictionary))
    }

    /// Whether there is a file of this name.
    #[must_use]
    pub fn has_file(&self, file: &str) -> bool {
        self.catalog.file(file).is_ok()
    }

    /// Holds everything that follows to an access.
    pub(crate) fn restrict(&mut self, access: &Access) {
        if !access.is_everything() {
            let (catalog, masks) = self.catalog.restricted(access);
            self.seen = Some(Seen { access: access.clone(), catalog, masks: Arc::new(masks) });
        }
    }

    /// Does what belongs to the program and not to whoever it works for, without their limits: a note in the log about what
    /// they changed, which they may not write themselves.
    ///
    /// # Errors
    /// What `work` returned.
    pub fn for_the_program<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let seen = self.seen.take();
        let done = work(self);
        self.seen = seen;
        done
    }

    /// What records are read from, and by which names.
    fn reading(&self) -> (Masked<&dyn View>, &Catalog) {
        let (masks, catalog) = match &self.seen {
            Some(seen) => (Arc::clone(&seen.masks), &seen.catalog),
            None => (Arc::default(), self.catalog.as_ref()),
        };
        (Masked { view: &self.overlay, masks }, catalog)
    }

    /// The file, if its records may be written.
    fn writable(&self, file: &str) -> Result<Arc<FileEntry>> {
        if let Some(Seen { access, .. }) = &self.seen {
            let is_structure = |name: &str| name == "VOC" || name.starts_with("DICT ");
            if !access.may_write(file) || (is_structure(&file.trim().to_uppercase()) && !access.structure) {
                return Err(denied(file, None));
            }
        }
        Ok(Arc::clone(self.catalog.file(file)?))
    }

    /// The record as it may be written: with the hidden fields that are there; refused where it is to change what may not
    /// even be read.
    fn allowed<'r>(&self, entry: &FileEntry, id: &str, record: &'r Record) -> Result<Cow<'r, Record>> {
        let mask = self.seen.as_ref().and_then(|seen| seen.masks.get(&entry.number));
        let Some(mask) = mask else { return Ok(Cow::Borrowed(record)) };
        let old = self.check_own(entry, id)?;
        if !mask.shows(record.as_bytes()) {
            return Err(denied(&entry.name, None));
        }
        let mut allowed = Cow::Borrowed(record);
        for (number, name) in &mask.hidden {
            let there = old.as_deref().map_or(&b""[..], |old| crate::dynarray::field(old, *number));
            let new = record.field(*number);
            if new == there {
                continue;
            }
            if !new.is_empty() {
                return Err(denied(&entry.name, Some(name)));
            }
            allowed.to_mut().set_field(*number, there);
        }
        Ok(allowed)
    }

    /// The record that is there, where records are masked; refused where it is somebody else's.
    fn check_own(&self, entry: &FileEntry, id: &str) -> Result<Option<Vec<u8>>> {
        let mask = self.seen.as_ref().and_then(|seen| seen.masks.get(&entry.number));
        let Some(mask) = mask else { return Ok(None) };
        let old = self.overlay.get(&record_key(entry.number, id))?;
        match old {
            Some(old) if !mask.shows(&old) => Err(denied(&entry.name, None)),
            old => Ok(old),
        }
    }

    fn structure(&self, file: &str) -> Result<()> {
        match &self.seen {
            Some(seen) if !seen.access.structure || !seen.access.may_write(file) => Err(denied(file, None)),
            _ => Ok(()),
        }
    }

    pub(crate) fn require_everything(&self, what: &str) -> Result<()> {
        if self.seen.is_some() { Err(denied(what, None)) } else { Ok(()) }
    }

    /// Creates a file with a dictionary that holds `@ID`.
    ///
    /// # Errors
    /// [`Error::FileExists`]; [`Error::IllegalId`] for a name that a sentence could not hold.
    pub fn create_file(&mut self, name: &str) -> Result<()> {
        self.structure(name)?;
        let voc_key = self.key_of_new_file(name)?;
        let (data, dict) = (self.meta.next, self.meta.next + 1);
        self.meta.next += 2;
        self.put(voc_key, file_record(data, dict).into_bytes())?;
        self.put(record_key(dict, "@ID"), id_item(name).into_bytes())?;
        self.know_file(name, (data, dict))
    }

    /// Reads the catalogue's entry of a file whose VOC record is there.
    pub(crate) fn know_file(&mut self, name: &str, numbers: (u32, u32)) -> Result<()> {
        self.stale.insert(name.to_owned(), numbers);
        self.refresh()
    }

    /// Takes a file's name away; what it holds stays where it is, and the caller gives it another name.
    pub(crate) fn forget_name(&mut self, name: &str) {
        self.overlay.delete(record_key(VOC, name));
        Arc::make_mut(&mut self.catalog).remove(name);
        self.catalog_changed = true;
    }

    /// Gives a file another name; its records, dictionary and indices stay where they are, whatever their size.
    ///
    /// # Errors
    /// As [`Txn::create_file`]; [`Error::NoSuchFile`]; [`Error::Refused`] for the VOC.
    pub fn rename_file(&mut self, old: &str, new: &str) -> Result<()> {
        self.structure(old)?;
        self.structure(new)?;
        let entry = Arc::clone(self.catalog.file(old)?);
        let numbers = self.numbers(&entry)?;
        if numbers.0 == VOC || entry.describes.is_some() {
            return Err(Error::Refused(format!("{} cannot be renamed", entry.name)));
        }
        let voc_key = record_key(VOC, &entry.name);
        let record = self.overlay.get(&voc_key)?.unwrap_or_default();
        let new_key = self.key_of_new_file(new)?;
        self.put(new_key, record)?;
        self.forget_name(&entry.name);
        self.know_file(new, numbers)
    }

    /// The VOC key of a file to be, when the name can be one and is free.
    fn key_of_new_file(&self, name: &str) -> Result<Vec<u8>> {
        check_id("file name", name)?;
        if name.contains(|c: char| c.is_whitespace() || "\"'\\(),".contains(c)) || name.to_uppercase() != name
        {
            let reason = "use upper-case letters, digits, dots, dashes and underscores";
            return Err(Error::IllegalId { what: "file name", id: name.to_owned(), reason });
        }
        let voc_key = record_key(VOC, name);
        if self.has_file(name) || self.overlay.with(&voc_key, &mut |_| {})? {
            return Err(Error::FileExists { file: name.to_owned() });
        }
        Ok(voc_key)
    }

    /// Deletes a file with its records, dictionary and indices.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`]; [`Error::Refused`] for the VOC.
    pub fn delete_file(&mut self, name: &str) -> Result<()> {
        self.structure(name)?;
        let entry = Arc::clone(self.catalog.file(name)?);
        let numbers = self.numbers(&entry)?;
        if numbers.0 == VOC || entry.describes.is_some() {
            return Err(Error::Refused(format!("{} cannot be deleted", entry.name)));
        }
        for index in &entry.indices {
            self.delete_range(&entry_key(index.number, &[]))?;
        }
        self.delete_range(&definition_key(numbers.0, ""))?;
        self.delete_range(&folded_key(numbers.0, ""))?;
        self.delete_range(&record_key(numbers.0, ""))?;
        self.delete_range(&record_key(numbers.1, ""))?;
        self.overlay.delete(record_key(VOC, &entry.name));
        Arc::make_mut(&mut self.catalog).remove(&entry.name);
        self.catalog_changed = true;
        Ok(())
    }

    /// Writes a dictionary item of a file.
    ///
    /// # Errors
    /// As [`Txn::write`].
    pub fn define(&mut self, file: &str, item: &DataItem) -> Result<()> {
        self.write(&format!("DICT {file}"), &item.name, &item.to_record())
    }

    /// Creates an index on an item, for the records there are as well; gives `false` when there is one already.
    ///
    /// # Errors
    /// [`Error::NoSuchItem`], [`Error::TooLarge`] past 32 indices, [`Error::Refused`] for the id and for an expression that
    /// depends on more than the record.
    pub fn create_index(&mut self, file: &str, item: &str) -> Result<bool> {
        self.create_index_as(file, item, false)
    }

    /// As [`Txn::create_index`]; `no_case`: for tests that ignore case, and no others.
    ///
    /// # Errors
    /// As [`Txn::create_index`].
    pub fn create_index_as(&mut self, file: &str, item: &str, no_case: bool) -> Result<bool> {
        self.structure(file)?;
        let entry = Arc::clone(self.catalog.file(file)?);
        let Some(item) = entry.dictionary.column(item) else {
            let near = crate::error::near(item, entry.dictionary.iter().map(|(name, _)| name));
            return Err(Error::NoSuchItem { file: entry.name.clone(), item: item.to_owned(), near });
        };
        if item.source == Source::Field && item.field == 0 {
            return Err(Error::Refused(format!("{} is the record id, which needs no index", item.name)));
        }
        match entry.indices.iter().find(|index| index.name == item.name) {
            Some(index) if index.serves(item) && index.no_case == no_case => return Ok(false),
            Some(_) => {
                self.delete_index(file, &item.name)?;
            }
            None if entry.indices.len() >= INDICES_MAX => {
                let hint = "delete an index that no query uses";
                let what = format!("the number of indices of {}", entry.name);
                return Err(Error::TooLarge { what, limit: INDICES_MAX as u64, hint });
            }
            None => {}
        }
        let scope = Scope { file: &entry.name, dictionary: &entry.dictionary };
        let index = Index::new(self.meta.next, item, no_case, scope).map_err(Error::Refused)?;
        self.meta.next += 1;
        self.fill_index(&entry, &index)?;
        self.mark_stale(&entry)?;
        self.refresh()?;
        Ok(true)
    }

    /// Writes the entries of an index for the records there are, and its definition.
    fn fill_index(&mut self, entry: &FileEntry, index: &Index) -> Result<()> {
        let mut keys = Vec::new();
        scan_file(&self.overlay, entry.number, &mut |id, record| {
            let name = String::from_utf8_lossy(id);
            keys.extend(
                index.keys(id, record).into_iter().map(|key| entry_key(index.number, &with_id(key, &name))),
            );
            ControlFlow::Continue(())
        })?;
        self.overlay.put_keys(keys);
        // This one notices when they were too many.
        self.put(definition_key(entry.number, &index.name), index.to_record().into_bytes())
    }

    /// Makes indices again whose expression names an item that has changed; drops those that cannot be computed any more.
    fn renew_indices(&mut self, file: &str) -> Result<()> {
        let entry = Arc::clone(self.catalog.file(file)?);
        let mut changed = false;
        for index in entry.indices.iter().filter(|index| index.is_outdated()) {
            self.delete_range(&entry_key(index.number, &[]))?;
            if index.is_broken() {
                self.overlay.delete(definition_key(entry.number, &index.name));
            } else {
                self.fill_index(&entry, &index.brought_up_to_date())?;
            }
            changed = true;
        }
        if changed {
            let numbers = self.numbers(&entry)?;
            Arc::make_mut(&mut self.catalog).load_file(&self.overlay, &entry.name, numbers.0, numbers.1)?;
        }
        Ok(())
    }

    /// Deletes an index; gives whether there was one.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`].
    pub fn delete_index(&mut self, file: &str, item: &str) -> Result<bool> {
        self.structure(file)?;
        let entry = Arc::clone(self.catalog.file(file)?);
        let Some(index) = entry.indices.iter().find(|index| index.name == item) else { return Ok(false) };
        self.delete_range(&entry_key(index.number, &[]))?;
        self.overlay.delete(definition_key(entry.number, item));
        self.mark_stale(&entry)?;
        self.refresh()?;
        Ok(true)
    }

    /// What the committer needs after the closure succeeded.
    pub(crate) fn finish(self) -> (crate::store::Changes, Arc<Catalog>, Meta) {
        let mut meta = self.meta;
        let mut catalog = self.catalog;
        if self.catalog_changed {
            meta.catalog += 1;
            Arc::make_mut(&mut catalog).version = meta.catalog;
        }
        (self.overlay.into_changes(), catalog, meta)
    }

    pub(crate) fn view(&self) -> &dyn View {
        &self.overlay
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn write_one(&mut self, entry: &FileEntry, id: &str, record: &Record) -> Result<()> {
        check_id("record id", id)?;
        if record.as_bytes().len() > RECORD_BYTES_MAX {
            let hint = "keep large contents outside of the record and store their place";
            return Err(Error::TooLarge {
                what: format!("record '{id}'"),
                limit: RECORD_BYTES_MAX as u64,
                hint,
            });
        }
        self.check_voc(entry, id, Some(record))?;
        let key = record_key(entry.number, id);
        if entry.no_case {
            self.take_spelling(entry, id)?;
        }
        self.update_indices(entry, id, &key, Some(record.as_bytes()))?;
        self.put(key, record.as_bytes().to_vec())
    }

    /// The record will be spelled `id`: what lies under another spelling goes.
    fn take_spelling(&mut self, entry: &FileEntry, id: &str) -> Result<()> {
        let noted = folded_key(entry.number, &fold(id));
        let old = self.overlay.get(&noted)?.map(|old| String::from_utf8_lossy(&old).into_owned());
        if old.as_deref() == Some(id) {
            return Ok(());
        }
        if let Some(old) = old {
            let key = record_key(entry.number, &old);
            self.remove(entry, &old, key)?;
        }
        self.put(noted, id.as_bytes().to_vec())
    }

    /// Takes a record away, with its index entries.
    fn remove(&mut self, entry: &FileEntry, id: &str, key: Vec<u8>) -> Result<()> {
        self.update_indices(entry, id, &key, None)?;
        self.overlay.delete(key);
        Ok(())
    }

    /// The account now holds something that an older HAL would not understand.
    pub(crate) fn need_format(&mut self, format: u32) {
        self.meta.format = self.meta.format.max(format);
    }

    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.overlay.put(key, value);
        if self.overlay.bytes() > TXN_BYTES_MAX {
            let hint = "write in several transactions";
            return Err(Error::TooLarge {
                what: "the transaction".to_owned(),
                limit: TXN_BYTES_MAX as u64,
                hint,
            });
        }
        Ok(())
    }

    fn update_indices(&mut self, entry: &FileEntry, id: &str, key: &[u8], new: Option<&[u8]>) -> Result<()> {
        if entry.indices.is_empty() {
            return Ok(());
        }
        let old = self.overlay.get(key)?;
        for index in &entry.indices {
            let before = old.as_deref().map(|record| index.keys(id.as_bytes(), record)).unwrap_or_default();
            let after = new.map(|record| index.keys(id.as_bytes(), record)).unwrap_or_default();
            for gone in before.difference(&after) {
                self.overlay.delete(entry_key(index.number, &with_id(gone.clone(), id)));
            }
            for added in after.difference(&before) {
                self.put(entry_key(index.number, &with_id(added.clone(), id)), Vec::new())?;
            }
        }
        Ok(())
    }

    /// Files are made and deleted through this type only: their VOC records hold numbers of the store.
    fn check_voc(&self, entry: &FileEntry, id: &str, record: Option<&DynArray>) -> Result<()> {
        let is_file = |bytes: &[u8]| crate::dynarray::field(bytes, 1).first() == Some(&b'F');
        let refused =
            || Err(Error::Refused(format!("VOC record '{id}' describes a file: create or delete the file")));
        if entry.number != VOC {
            return Ok(());
        }
        if record.is_some_and(|record| is_file(record.as_bytes())) {
            return refused();
        }
        let mut was_file = false;
        self.overlay.with(&record_key(VOC, id), &mut |old| was_file = is_file(old))?;
        if was_file { refused() } else { Ok(()) }
    }

    fn dictionary_changed(&mut self, entry: &FileEntry) -> Result<()> {
        let Some(file) = &entry.describes else { return Ok(()) };
        let file = Arc::clone(self.catalog.file(file)?);
        self.mark_stale(&file)?;
        self.refresh()
    }

    fn numbers(&self, entry: &FileEntry) -> Result<(u32, u32)> {
        let record = self.overlay.get(&record_key(VOC, &entry.name))?;
        record.as_deref().and_then(file_numbers).ok_or_else(|| Error::Damaged {
            what: format!("the VOC record of {} does not read back", entry.name),
        })
    }

    pub(crate) fn mark_stale(&mut self, entry: &FileEntry) -> Result<()> {
        let numbers = self.numbers(entry)?;
        self.stale.insert(entry.name.clone(), numbers);
        Ok(())
    }

    /// Reads the changed dictionaries again, so that what follows in this transaction sees them.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        let mut renewed = Vec::new();
        let catalog = Arc::make_mut(&mut self.catalog);
        for (name, (data, dict)) in std::mem::take(&mut self.stale) {
            catalog.load_file(&self.overlay, &name, data, dict)?;
            self.catalog_changed = true;
            renewed.push(name);
        }
        renewed.iter().try_for_each(|name| self.renew_indices(name))?;
        // What is seen is made of the catalogue as it is now.
        if let Some(seen) = self.seen.take() {
            self.restrict(&seen.access);
        }
        Ok(())
    }

    pub(crate) fn delete_range(&mut self, prefix: &[u8]) -> Result<()> {
        let mut end = Vec::new();
        let mut keys = Vec::new();
        self.overlay.scan(prefix_range(prefix, &mut end), &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        debug_assert!(prefix.len() >= KEY_HEAD, "a range of one file");
        keys.into_iter().for_each(|key| self.overlay.delete(key));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
