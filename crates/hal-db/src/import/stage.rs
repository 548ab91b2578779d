//! A file with more records than one transaction takes. They are written in several under a name of their own; the last
//! transaction makes it the file's, so that the file is there whole or not at all.

use super::load::{Records, Spill};
use crate::Database;
use crate::dynarray::Record;
use crate::error::{Error, Result};
use crate::txn::TXN_BYTES_MAX;

/// The name of what is on its way in. A crash may leave it behind; the next import deletes it.
pub(crate) const STAGE: &str = "$IMPORT";
/// Bytes of records that one transaction writes. The rest of what a transaction takes is for indices and the dictionary.
pub(super) const BATCH_BYTES: usize = TXN_BYTES_MAX / 4;

/// What has been written of a file whose records do not fit into one transaction.
pub(super) struct Stage<'d> {
    db: &'d Database,
    batch_bytes: usize,
    begun: bool,
    failed: Option<Error>,
}

impl<'d> Stage<'d> {
    pub(super) fn new(db: &'d Database, batch_bytes: usize) -> Stage<'d> {
        Stage { db, batch_bytes, begun: false, failed: None }
    }

    /// Whether records lie under [`STAGE`].
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// Why the database did not take a batch.
    pub(super) fn failed(&mut self) -> Option<Error> {
        self.failed.take()
    }
}

/// Deletes what an import that did not come to its end has left.
///
/// # Errors
/// As [`Database::write`].
pub(super) fn clear(db: &Database) -> Result<()> {
    if db.snapshot()?.dictionary(STAGE).is_err() {
        return Ok(());
    }
    db.write(|txn| txn.delete_file(STAGE))
}

impl Spill for Stage<'_> {
    fn batch_bytes(&self) -> usize {
        self.batch_bytes
    }

    fn take(&mut self, records: Records, no_case: bool) -> std::result::Result<(), String> {
        let begins = !self.begun;
        let written = self.db.write(move |txn| {
            if begins {
                txn.create_file_as(STAGE, no_case)?;
            }
            txn.write_all(STAGE, &as_written(records))
        });
        self.begun |= written.is_ok();
        written.map_err(|error| {
            let reason = error.to_string();
            self.failed = Some(error);
            reason
        })
    }
}

/// The same as records to write.
pub(super) fn as_written(records: Records) -> Vec<(String, Record)> {
    records.into_iter().map(|(id, bytes)| (id, Record::from_bytes(bytes))).collect()
}
