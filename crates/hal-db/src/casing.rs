//! Files whose record ids do not depend on case (`NO.CASE`, section 1.6): one record for all spellings, found by any of them.
//!
//! Records lie under the spelling last written, so that scans, indices and their order know nothing of case. Beside them
//! the store has, under `8`, the id in upper case → that spelling. As the engine's own files have it, the letters a-z are
//! folded and no others (`file-format.md`, hash). Field 7 of a file's VOC record says `NO.CASE`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::account::{FileEntry, VOC, folded_key, record_key, scan_file};
use crate::dynarray::DynArray;
use crate::error::{Error, Result};
use crate::store::View;
use crate::txn::Txn;

/// Field of a file's VOC record that says whether case counts, and what it says.
const FIELD: usize = 7;
const NO_CASE: &[u8] = b"NO.CASE";

/// Format of an account that has such a file: a HAL that knows none would write the same record twice.
const FORMAT: u32 = 2;

/// The id as it is compared.
pub(crate) fn fold(id: &str) -> String {
    id.to_ascii_uppercase()
}

/// Whether a file's VOC record says that case does not count.
pub(crate) fn is_no_case(voc: &[u8]) -> bool {
    crate::dynarray::field(voc, FIELD) == NO_CASE
}

/// Says so in a file's VOC record.
pub(crate) fn set(voc: &mut DynArray, no_case: bool) {
    voc.set_field(FIELD, if no_case { NO_CASE } else { b"" });
}

/// Where the records of a file lie, and whether case counts in their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Records {
    pub number: u32,
    pub no_case: bool,
}

impl Records {
    /// The spelling under which a record is stored; the one given where case counts, and where there is no such record.
    pub(crate) fn spelling<'i>(self, view: &dyn View, id: &'i str) -> Result<Cow<'i, str>> {
        let mut spelling = Cow::Borrowed(id);
        if self.no_case {
            view.with(&folded_key(self.number, &fold(id)), &mut |stored| {
                spelling = Cow::Owned(String::from_utf8_lossy(stored).into_owned());
            })?;
        }
        Ok(spelling)
    }

    /// The store's key of a record, whatever spelling it is asked for in.
    pub(crate) fn key(self, view: &dyn View, id: &str) -> Result<Vec<u8>> {
        Ok(record_key(self.number, &self.spelling(view, id)?))
    }

    /// What two ids of the same record have in common.
    pub(crate) fn folded(self, id: &str) -> Cow<'_, str> {
        Cow::Owned(if self.no_case { fold(id) } else { id.to_owned() })
    }

    /// Whether both name the same record.
    pub(crate) fn same(self, a: &str, b: &str) -> bool {
        if self.no_case { a.eq_ignore_ascii_case(b) } else { a == b }
    }
}

impl FileEntry {
    pub(crate) fn records(&self) -> Records {
        Records { number: self.number, no_case: self.no_case }
    }
}

impl Txn<'_> {
    /// Creates a file as [`Txn::create_file`] does; `no_case`: ids that differ in the case of a-z alone are the same.
    ///
    /// # Errors
    /// As [`Txn::create_file`].
    pub fn create_file_as(&mut self, name: &str, no_case: bool) -> Result<()> {
        self.create_file(name)?;
        if no_case { self.set_no_case(name, true).map(|_| ()) } else { Ok(()) }
    }

    /// Whether ids of a file that differ in case alone are the same.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`].
    pub fn is_no_case(&self, file: &str) -> Result<bool> {
        Ok(self.catalog().file(file)?.no_case)
    }

    /// Says from now on whether ids of a file that differ in case alone are the same; gives whether that was otherwise before.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`]; [`Error::Refused`] for the VOC and for dictionaries, and where two records would become one.
    pub fn set_no_case(&mut self, file: &str, no_case: bool) -> Result<bool> {
        let entry = Arc::clone(self.catalog().file(file)?);
        if entry.no_case == no_case {
            return Ok(false);
        }
        if entry.number == VOC || entry.describes.is_some() {
            return Err(Error::Refused(format!("case counts in the ids of {}", entry.name)));
        }
        if no_case {
            self.fold_ids(&entry)?;
            self.need_format(FORMAT);
        } else {
            self.delete_range(&folded_key(entry.number, ""))?;
        }
        let voc = record_key(VOC, &entry.name);
        let mut record = self.view().get(&voc)?.map(DynArray::from_bytes).unwrap_or_default();
        set(&mut record, no_case);
        self.put(voc, record.into_bytes())?;
        self.mark_stale(&entry)?;
        self.refresh()?;
        Ok(true)
    }

    fn fold_ids(&mut self, entry: &FileEntry) -> Result<()> {
        let mut folded: BTreeMap<String, String> = BTreeMap::new();
        let mut twice = None;
        scan_file(self.view(), entry.number, &mut |id, _| {
            let id = String::from_utf8_lossy(id).into_owned();
            match folded.insert(fold(&id), id.clone()) {
                None => ControlFlow::Continue(()),
                Some(other) => {
                    twice = Some((other, id));
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some((a, b)) = twice {
            return Err(Error::Refused(format!(
                "records '{a}' and '{b}' of {} differ in case alone\n\nhint: delete or rename one of them first",
                entry.name
            )));
        }
        folded
            .into_iter()
            .try_for_each(|(folded, id)| self.put(folded_key(entry.number, &folded), id.into_bytes()))
    }
}

#[cfg(test)]
mod tests;
