//! Keeps files of a QM server as files of a [`Database`], so that everything that asks a snapshot can ask them.
//!
//! A refresh reads each file's dictionary and records, compares them with the copy, and makes what differs in **one** commit: a
//! snapshot shows one refresh or the one before, never half of each. Nothing is locked on the server, so a record that somebody
//! changes there while it is read may show in the copy one refresh before another that was changed with it.
//!
//! Dictionaries are fitted as those of an imported account are. What cannot be taken (too large, damaged) is left out and named, so
//! that nobody takes a file that was not read for an empty one. Knows no time and no threads.

mod state;
mod take;

use std::collections::BTreeSet;

pub use self::state::CopyState;
use self::take::{Taken, Took, Write, take};
use super::{Address, Client, ClientError, Socket};
use crate::error::Error;
use crate::{Database, schema};

/// The files of a household that HAL's skills ask.
pub const ASKED: [&str; 21] = [
    "PERSON",
    "COMPANY",
    "EVENT",
    "PLACE",
    "SCHOOL",
    "TASK",
    "MEMORY",
    "MEDICAL_HISTORY",
    "MEDICATION",
    "ALLERGY",
    "DOCTOR",
    "MEDICAL_TEST",
    "HEALTHCARE_FACILITY",
    "APPOINTMENT",
    "INSURANCE",
    "PHARMACY",
    "IMMUNIZATION",
    "VITAL_SIGNS",
    "TRANSACTION",
    "PAYEE",
    "CATEGORY",
];

/// Files that HAL writes itself: a copy over them would lose its journal.
const OWN: [&str; 4] = ["CONVERSATION", "SESSION", "LOG", "VOC"];

/// Files that one copy may have.
pub const FILES_MAX: usize = 200;

/// What a copy takes, and its limits. All that a refresh takes is held in memory until it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    /// Names of the files, in capitals.
    pub files: Vec<String>,
    /// Bytes of ids and records that one file may have; a larger one is left out.
    pub file_bytes_max: usize,
    /// Bytes of changes that one refresh may bring, over all files; those that come after are left out.
    pub bytes_max: usize,
}

impl CopyOptions {
    /// The files that skills ask and `more`, each once.
    ///
    /// # Errors
    /// [`Error::Refused`] for a name that no file has and for files that HAL writes itself; [`Error::TooLarge`] past
    /// [`FILES_MAX`].
    pub fn asked_and(more: &[String]) -> crate::Result<CopyOptions> {
        let mut files: Vec<String> = ASKED.map(str::to_owned).to_vec();
        for name in more {
            let name = name.trim().to_uppercase();
            crate::account::check_id("file name", &name)?;
            if name.contains(|c: char| c.is_whitespace() || "\"'\\(),".contains(c)) {
                return Err(Error::Refused(format!("{name} is no name of a file")));
            }
            if OWN.contains(&name.as_str()) {
                return Err(Error::Refused(format!("{name} is a file that HAL writes itself")));
            }
            if !files.contains(&name) {
                files.push(name);
            }
        }
        if files.len() > FILES_MAX {
            let what = "the number of files to copy".to_owned();
            let hint = "name only files that skills ask";
            return Err(Error::TooLarge { what, limit: FILES_MAX as u64, hint });
        }
        Ok(CopyOptions { files, file_bytes_max: 64 << 20, bytes_max: 256 << 20 })
    }
}

/// What a refresh did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Records and dictionary items written or deleted.
    pub changed: usize,
    /// Records that the copy has.
    pub records: usize,
    /// Files that were left out whole, and why. They are empty in the copy: see [`CopyState::left_out`].
    pub left_out: Vec<LeftOut>,
    /// Records that were left out, over all files.
    pub records_left_out: usize,
    /// Files that the account does not have.
    pub absent: Vec<String>,
    /// What a person should know of files whose dictionary was fitted for the first time.
    pub notes: Vec<String>,
}

/// A file that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub file: String,
    /// The reason, for people.
    pub reason: String,
}

/// Why a refresh failed; the copy is as it was.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The server, or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The copy's own database.
    #[error(transparent)]
    Database(#[from] Error),
    /// The account has nothing that was asked for: more likely the wrong account than an empty household.
    #[error(
        "account {account} of the QM server has none of the files that are asked for (PERSON, MEDICATION …)\n\n\
         hint: name the account that holds your records, and see that its VOC names the files"
    )]
    NothingThere {
        /// The account.
        account: String,
    },
    /// It was told to stop.
    #[error("the refresh was ended")]
    Stopped,
}

/// Brings the copy in `db` up to what `client` gives. `address` says whose copy it is, `stamp` when this is (see [`crate::date`]).
///
/// A copy of another address is replaced whole. `note_time` writes `stamp` even when nothing has changed; it costs a commit.
/// `stop` is asked before each file and each batch of records.
///
/// # Errors
/// [`CopyError`]; nothing is written then.
pub fn refresh<S: Socket>(
    client: &mut Client<S>,
    db: &Database,
    address: &Address,
    options: &CopyOptions,
    stamp: &str,
    note_time: bool,
    stop: &dyn Fn() -> bool,
) -> Result<Refreshed, CopyError> {
    let snapshot = db.snapshot()?;
    let before = CopyState::read(&snapshot)?;
    let same = before.as_ref().is_some_and(|state| state.source == address.to_string());
    let mut done = Refreshed::default();
    let mut writes: Vec<Write> = Vec::new();
    let mut budget = options.bytes_max;
    let mut present = 0;
    for file in &options.files {
        if stop() {
            return Err(CopyError::Stopped);
        }
        let limit = options.file_bytes_max;
        match take(client, &snapshot, file, same, limit, &mut budget, stop)? {
            Taken::File(took) => {
                present += 1;
                let Took { write, records, records_left_out, notes } = took;
                done.records += records;
                done.records_left_out += records_left_out;
                done.notes.extend(notes.into_iter().map(|note| format!("{file}: {note}")));
                writes.push(write);
            }
            Taken::Absent(write) => {
                done.absent.push(file.clone());
                writes.push(write);
            }
            Taken::LeftOut(reason, write) => {
                present += 1;
                done.left_out.push(LeftOut { file: file.clone(), reason });
                writes.push(write);
            }
        }
    }
    if present == 0 {
        return Err(CopyError::NothingThere { account: address.account.clone() });
    }
    // Files that were copied once and are not any more would go on answering from then.
    let copied: BTreeSet<&String> = options.files.iter().collect();
    let former = before.iter().flat_map(|state| &state.files).filter(|file| !copied.contains(file));
    for file in former {
        writes.push(Write::emptied(&snapshot, file)?);
    }
    drop(snapshot);
    done.changed = writes.iter().map(Write::changes).sum();
    let after = CopyState {
        source: address.to_string(),
        stamp: stamp.to_owned(),
        files: options.files.clone(),
        left_out: done.left_out.iter().map(|left| left.file.clone()).collect(),
    };
    let told = before.is_some_and(|before| CopyState { stamp: stamp.to_owned(), ..before } == after);
    if done.changed > 0 || !told || note_time {
        db.write(move |txn| {
            for write in writes {
                write.run(txn)?;
            }
            after.write(txn)
        })?;
    }
    Ok(done)
}

/// Makes the files of a household in a new copy, so that skills find them (empty) where the account has none.
///
/// # Errors
/// As [`Database::write`].
pub fn prepare(db: &Database) -> crate::Result<()> {
    schema::ensure_household(db).map(|_| ())
}

#[cfg(test)]
mod tests;
