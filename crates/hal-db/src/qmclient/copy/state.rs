//! What a copy knows of itself: one record of its VOC.

use crate::dynarray::{DynArray, Record};
use crate::txn::Txn;
use crate::{Result, Snapshot};

/// The VOC record that says whose copy this is.
const ID: &str = "$QMCLIENT";

/// Whose copy a database is, and of when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyState {
    /// The address it was made from; holds no password.
    pub source: String,
    /// Local time of a refresh that succeeded, the last one or a few minutes before it (see [`crate::date`]).
    pub stamp: String,
    /// Files that are copied.
    pub files: Vec<String>,
    /// Those of them that could not be taken. They are empty here and not there: nothing may be said of them.
    pub left_out: Vec<String>,
}

impl CopyState {
    /// What `snapshot` says; `None` for a database that is no copy.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn read(snapshot: &Snapshot) -> Result<Option<CopyState>> {
        let Some(record) = snapshot.read("VOC", ID)? else { return Ok(None) };
        let names = |number: usize| -> Vec<String> {
            let values = record.values(number).map(|name| String::from_utf8_lossy(name).into_owned());
            values.filter(|name| !name.is_empty()).collect()
        };
        Ok(Some(CopyState {
            source: record.field_text(2).to_string(),
            stamp: record.field_text(3).to_string(),
            files: names(4),
            left_out: names(5),
        }))
    }

    pub(super) fn write(&self, txn: &mut Txn<'_>) -> Result<()> {
        let mut record: Record =
            DynArray::from_fields(["X a copy of files of a QM server", &self.source, &self.stamp]);
        for (number, names) in [(4, &self.files), (5, &self.left_out)] {
            for name in names {
                record.replace(number, -1, 0, name);
            }
        }
        txn.write("VOC", ID, &record)
    }
}
