//! What somebody may read and write, enforced where records are read and written. Pure: knows no users and no roles.
//!
//! A [`Database::restricted`] handle gives snapshots and transactions that know nothing but what its [`Access`] grants:
//!
//! - A file that is not granted has no number in the catalogue they see, so that neither a query nor an expression, a
//!   translation, an index or a list can reach a record of it. Asking for it is [`Error::Denied`], whether it exists or not.
//! - A hidden field is blank in every record they read, whatever reads it; a sentence that names it, also inside of an
//!   expression or a translation, is refused. Indices that hold its values are not there.
//! - Of a file of one's own, records of others are not there.
//!
//! Nothing can be taken back: a handle can be restricted further, and never widened.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::account::{KEY_HEAD, changed_file};
use crate::dynarray::{DynArray, field};
use crate::error::{Error, Result};
use crate::store::{KeyRange, View, Visit};

/// Some of an account's files, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Files {
    /// Every file there is and will be.
    All,
    /// All but these.
    Except(BTreeSet<String>),
    /// These, and no others.
    Only(BTreeSet<String>),
}

impl Default for Files {
    fn default() -> Files {
        Files::none()
    }
}

impl Files {
    /// No file.
    #[must_use]
    pub fn none() -> Files {
        Files::Only(BTreeSet::new())
    }

    /// These files; names are taken in upper case.
    pub fn only<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Files {
        Files::Only(names.into_iter().map(|name| name.as_ref().to_uppercase()).collect())
    }

    /// Whether the file of this name is among them; a dictionary goes with its file.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let name = file_of(name);
        match self {
            Files::All => true,
            Files::Except(names) => !names.contains(&name),
            Files::Only(names) => names.contains(&name),
        }
    }

    /// Files that are in both.
    #[must_use]
    pub fn and(&self, other: &Files) -> Files {
        match (self, other) {
            (Files::All, files) | (files, Files::All) => files.clone(),
            (Files::Except(a), Files::Except(b)) => Files::Except(a | b),
            (Files::Only(a), Files::Only(b)) => Files::Only(a & b),
            (Files::Only(names), Files::Except(not)) | (Files::Except(not), Files::Only(names)) => {
                Files::Only(names - not)
            }
        }
    }
}

/// The file a name means: `DICT PERSON` is part of `PERSON`.
fn file_of(name: &str) -> String {
    let upper = name.trim().to_uppercase();
    match upper.strip_prefix("DICT ") {
        Some(file) => file.trim_start().to_owned(),
        None => upper,
    }
}

/// What somebody may read and write of an account. `Default` is nothing at all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Access {
    /// Files whose records may be read.
    pub read: Files,
    /// Files whose records may be written; reading is apart.
    pub write: Files,
    /// Whether files, dictionaries, indices and the VOC may be changed.
    pub structure: bool,
    /// File → names of dictionary items whose fields may be neither read nor written.
    pub hidden: BTreeMap<String, BTreeSet<String>>,
    /// File → dictionary item and the value that it must have: records of others are not there.
    pub own: BTreeMap<String, (String, String)>,
}

impl Access {
    /// Everything: the access of an owner, and of the program itself.
    #[must_use]
    pub fn everything() -> Access {
        Access { read: Files::All, write: Files::All, structure: true, ..Access::default() }
    }

    /// Whether nothing is refused.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Access::everything()
    }

    /// Whether records of the file may be read.
    #[must_use]
    pub fn may_read(&self, file: &str) -> bool {
        self.read.contains(file)
    }

    /// Whether records of the file may be written.
    #[must_use]
    pub fn may_write(&self, file: &str) -> bool {
        self.write.contains(file)
    }

    /// What both allow: a device that belongs to somebody may do no more than either.
    #[must_use]
    pub fn and(&self, other: &Access) -> Access {
        let mut both = Access {
            read: self.read.and(&other.read),
            write: self.write.and(&other.write),
            structure: self.structure && other.structure,
            hidden: self.hidden.clone(),
            own: self.own.clone(),
        };
        for (file, items) in &other.hidden {
            both.hidden.entry(file.clone()).or_default().extend(items.iter().cloned());
        }
        for (file, rule) in &other.own {
            match both.own.get(file) {
                None => {
                    both.own.insert(file.clone(), rule.clone());
                }
                Some(same) if same == rule => {}
                // One's own by two different rules: nothing is certain to be both.
                Some(_) => {
                    both.read = both.read.and(&Files::Except(BTreeSet::from([file.clone()])));
                    both.write = both.write.and(&Files::Except(BTreeSet::from([file.clone()])));
                }
            }
        }
        both
    }
}

/// Something that was asked for and refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// The file, as it was named.
    pub file: String,
    /// The field, where only that was refused.
    pub field: Option<String>,
    /// Whether it was to be written.
    pub write: bool,
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Error {
        Error::Denied { file: denial.file, field: denial.field, write: denial.write }
    }
}

/// The limits of one snapshot or transaction, and what they have refused so far.
///
/// Expressions never fail at data: a translation into a file that is not there gives nothing. What was refused is therefore
/// noted here as well, and a query that has met a refusal fails.
#[derive(Debug)]
pub(crate) struct Limits {
    pub access: Access,
    refused: Mutex<BTreeSet<Denial>>,
}

/// Refusals that are kept: one answer needs no more to be explained.
const DENIALS_MAX: usize = 64;

impl Limits {
    pub(crate) fn new(access: Access) -> Limits {
        Limits { access, refused: Mutex::default() }
    }

    /// Notes a refusal; gives it as the error it is.
    pub(crate) fn deny(&self, file: &str, field: Option<&str>, write: bool) -> Error {
        let denial = Denial { file: file.to_owned(), field: field.map(str::to_owned), write };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < DENIALS_MAX {
            refused.insert(denial.clone());
        }
        denial.into()
    }

    /// What was refused so far.
    pub(crate) fn denials(&self) -> Vec<Denial> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Fails when anything was refused.
    pub(crate) fn check(&self) -> Result<()> {
        let first = self.refused.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
        first.map_or(Ok(()), |denial| Err(denial.into()))
    }
}

/// What is taken out of the records of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mask {
    /// Numbers of hidden fields with the names they were hidden by, in order of the numbers.
    pub hidden: BTreeMap<usize, String>,
    /// Field and value that a record must have to be there.
    pub own: Option<(usize, Vec<u8>)>,
}

impl Mask {
    pub(crate) fn shows(&self, record: &[u8]) -> bool {
        self.own.as_ref().is_none_or(|(number, value)| field(record, *number) == value.as_slice())
    }

    /// The record with its hidden fields blank.
    pub(crate) fn blank(&self, record: &[u8]) -> DynArray {
        let mut blank = DynArray::from_bytes(record);
        for number in self.hidden.keys() {
            if !blank.field(*number).is_empty() {
                blank.set_field(*number, "");
            }
        }
        blank
    }
}

/// The masks of an account, by number of the file.
pub(crate) type Masks = BTreeMap<u32, Mask>;

/// A view whose records are masked. What is no record passes: there is no way to it but through the catalogue.
pub(crate) struct Masked<V> {
    pub view: V,
    pub masks: Arc<Masks>,
}

impl<V> Masked<V> {
    fn show(&self, key: &[u8], record: &[u8], found: &mut dyn FnMut(&[u8])) -> bool {
        let Some(mask) = changed_file(key).and_then(|file| self.masks.get(&file)) else {
            found(record);
            return true;
        };
        if !mask.shows(record) {
            return false;
        }
        if mask.hidden.is_empty() {
            found(record);
        } else {
            found(mask.blank(record).as_bytes());
        }
        true
    }
}

/// The masked view over one that is borrowed.
impl View for Masked<&dyn View> {
    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        with(self, self.view, key, found)
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        scan(self, self.view, range, visit)
    }

    fn is_laid_over(&self) -> bool {
        true
    }
}

/// The masked view that owns what it masks.
impl View for Masked<Box<dyn View + Send + Sync>> {
    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        with(self, self.view.as_ref(), key, found)
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        scan(self, self.view.as_ref(), range, visit)
    }

    fn is_laid_over(&self) -> bool {
        // How many records there are is noted for all of them, not for those that are one's own.
        true
    }
}

fn with<V>(masked: &Masked<V>, base: &dyn View, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
    let mut shown = false;
    base.with(key, &mut |record| shown = masked.show(key, record, found))?;
    Ok(shown)
}

fn scan<V>(masked: &Masked<V>, base: &dyn View, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
    base.scan(range, &mut |key, record| {
        let mut flow = ControlFlow::Continue(());
        // Keys shorter than the head of a record's belong to the account itself.
        if key.len() < KEY_HEAD {
            return visit(key, record);
        }
        masked.show(key, record, &mut |record| flow = visit(key, record));
        flow
    })
}

#[cfg(test)]
mod tests;
