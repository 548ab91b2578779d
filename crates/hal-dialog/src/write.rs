//! Writing: changes are prepared from the snapshot, confirmed, then made in one transaction that checks nothing moved meanwhile.

use hal_db::{Database, Record};
use serde::{Deserialize, Serialize};

use crate::understand::moment::Moment;

/// One record as it was read and as it shall be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub file: String,
    pub id: String,
    /// `None`: the record does not exist yet.
    #[serde(with = "as_text")]
    pub before: Option<Record>,
    /// `None`: the record is deleted.
    #[serde(with = "as_text")]
    pub after: Option<Record>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Change({} {})", self.file, self.id)
    }
}

/// A record as text: one character for each byte, as marks are not UTF-8.
mod as_text {
    use hal_db::Record;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(record: &Option<Record>, to: S) -> Result<S::Ok, S::Error> {
        let text =
            |record: &Record| record.as_bytes().iter().map(|&byte| char::from(byte)).collect::<String>();
        record.as_ref().map(text).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Record>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let bytes: Result<Vec<u8>, _> = text.chars().map(|char| u8::try_from(u32::from(char))).collect();
        Ok(Some(Record::from_bytes(bytes.map_err(serde::de::Error::custom)?)))
    }
}

/// Who writes, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub user: &'a str,
    pub session: &'a str,
    pub now: Moment,
}

/// How a write ended that reached the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Done,
    /// Somebody changed one of the records since it was read; nothing was written.
    Moved,
}

/// Makes all changes or none and notes them in LOG.
pub(crate) fn write(
    db: &Database,
    changes: Vec<Change>,
    what: &str,
    writer: Writer<'_>,
) -> hal_db::Result<Written> {
    let line = format!(
        "{what}: {}",
        changes.iter().map(|c| format!("{} {}", c.file, c.id)).collect::<Vec<_>>().join(", ")
    );
    let stamp = hal_db::date::stamp(writer.now.day, writer.now.second);
    let first = changes.first().map_or("", |c| c.id.as_str());
    let log_id = format!("LOG-{}-{first}-{what}", writer.now.unix_ms);
    let mut log = Record::new();
    for (number, text) in [
        (1, stamp.as_str()),
        (2, "INFO"),
        (3, "dialog"),
        (4, line.as_str()),
        (7, writer.user),
        (8, writer.session),
    ] {
        log.set_field(number, text);
    }
    db.write(move |txn| {
        for change in &changes {
            if txn.read(&change.file, &change.id)? != change.before {
                return Ok(Written::Moved);
            }
        }
        for change in &changes {
            match &change.after {
                Some(record) => txn.write(&change.file, &change.id, record)?,
                None => {
                    txn.delete(&change.file, &change.id)?;
                }
            }
        }
        // The note about it is the program's, whether whoever wrote may write there or not.
        txn.for_the_program(
            |txn| if txn.has_file("LOG") { txn.write("LOG", &log_id, &log) } else { Ok(()) },
        )?;
        Ok(Written::Done)
    })
}

/// The changes that take `changes` back.
pub(crate) fn reversed(changes: &[Change]) -> Vec<Change> {
    changes
        .iter()
        .rev()
        .map(|c| Change {
            file: c.file.clone(),
            id: c.id.clone(),
            before: c.after.clone(),
            after: c.before.clone(),
        })
        .collect()
}
