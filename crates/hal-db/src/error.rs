//! What can go wrong, as variants a caller can act on; the words are for people.

use std::fmt;

/// Result of everything that touches the database.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of the database. `Clone`, because one failed sync answers every writer that waited for it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has the account open.
    #[error(
        "the database {path} is in use by another process\n\nhint: stop the other `hal`, or choose another folder with --data"
    )]
    Locked {
        /// The store file.
        path: String,
    },
    /// The account was opened for reading, beside the process that writes to it.
    #[error(
        "the database {path} is open for reading only\n\nhint: stop the `hal` that serves it, or ask through that"
    )]
    ReadOnly {
        /// The store file.
        path: String,
    },
    /// The account was written by a newer HAL.
    #[error("the database {path} has format {found}, this program reads up to {known}\n\nhint: upgrade HAL")]
    NewerFormat {
        /// The store file.
        path: String,
        /// Format in the file.
        found: u32,
        /// Newest format this program reads.
        known: u32,
    },
    /// No such file in the account.
    #[error("file {file} not found{}", Near(near))]
    NoSuchFile {
        /// The name asked for.
        file: String,
        /// Names that look alike, best first.
        near: Vec<String>,
    },
    /// The file has no such dictionary item.
    #[error("{item} is not a field of {file}{}", Near(near))]
    NoSuchItem {
        /// File whose dictionary was searched.
        file: String,
        /// The word.
        item: String,
        /// Names that look alike, best first.
        near: Vec<String>,
    },
    /// The file exists already.
    #[error("file {file} exists already")]
    FileExists {
        /// Its name.
        file: String,
    },
    /// A record id or file name that cannot be stored.
    #[error("'{id}' cannot be a {what}: {reason}")]
    IllegalId {
        /// What it was meant to be: `record id`, `file name`.
        what: &'static str,
        /// The offending text.
        id: String,
        /// Why.
        reason: &'static str,
    },
    /// A value that its conversion does not accept.
    #[error("'{value}' is not valid for {item} (conversion {code})")]
    BadValue {
        /// Dictionary item.
        item: String,
        /// The text given.
        value: String,
        /// The conversion code.
        code: String,
    },
    /// A dictionary record that cannot be used.
    #[error("dictionary item {item} of {file}: {reason}")]
    BadItem {
        /// File.
        file: String,
        /// Item.
        item: String,
        /// Why.
        reason: String,
    },
    /// A query sentence that is not understood.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// `{name}` was left without a value.
    #[error("the query needs a value for {{{name}}}\n\nhint: bind it before the query is run")]
    UnboundParameter {
        /// Name between the braces.
        name: String,
    },
    /// More than a limit allows.
    #[error("{what} is larger than the limit of {limit}\n\nhint: {hint}")]
    TooLarge {
        /// The thing counted.
        what: String,
        /// Its limit.
        limit: u64,
        /// What to do.
        hint: &'static str,
    },
    /// The writer's queue is full; try again, or wait with `write`.
    #[error("the database is busy: {waiting} writes are waiting")]
    Busy {
        /// Length of the queue.
        waiting: usize,
    },
    /// A closure given to `write` decided against it; nothing was written.
    #[error("{0}")]
    Refused(String),
    /// A closure given to `write` panicked; nothing of it was written.
    #[error("a write was abandoned because of a fault in the program: {0}")]
    Panicked(String),
    /// A lock was not given.
    #[error(transparent)]
    Lock(#[from] crate::locks::Refused),
    /// A record was to be written without the lock that this takes (3023).
    #[error(
        "record '{id}' of {file} is not locked by this session\n\nhint: read it with an update lock first"
    )]
    NotLocked {
        /// File.
        file: String,
        /// Record.
        id: String,
    },
    /// What cannot be part of a transaction (1010).
    #[error(
        "files and indices are not made or deleted inside a transaction\n\nhint: COMMIT or ROLLBACK it first"
    )]
    NotInTransaction,
    /// The database is closing.
    #[error("the database is closed")]
    Closed,
    /// The disk or the store reported a failure.
    #[error("the store failed while it was to {doing}: {reason}")]
    Store {
        /// What was being done, after "to".
        doing: &'static str,
        /// The store's own words.
        reason: String,
    },
    /// Stored bytes that do not read back.
    #[error("the database is damaged: {what}\n\nhint: restore a backup")]
    Damaged {
        /// Where.
        what: String,
    },
}

/// Why a sentence was not understood, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", Near(near))]
pub struct ParseError {
    /// One sentence: the word and what is wrong with it.
    pub message: String,
    /// Byte offset of the word in the sentence; its length at the end of the sentence.
    pub at: usize,
    /// Names the author may have meant, best first.
    pub near: Vec<String>,
}

/// Shows up to three suggestions as a hint.
struct Near<'a>(&'a [String]);

impl fmt::Display for Near<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(
            f,
            "\n\nhint: did you mean {}?",
            self.0.iter().take(3).cloned().collect::<Vec<_>>().join(" or ")
        )
    }
}

/// Up to three of `names` within a small edit distance of `word` (case ignored), nearest first.
pub(crate) fn near<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let word = word.to_uppercase();
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let mut found: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let upper = name.to_uppercase();
            let distance = edit_distance(&word, &upper);
            let contains =
                word.len() >= 4 && (upper.contains(&word) || word.contains(&upper) && upper.len() >= 4);
            (distance <= limit).then_some((distance, name)).or(contains.then_some((limit + 1, name)))
        })
        .collect();
    found.sort();
    found.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// Edits between two words in characters, two swapped neighbours counting as one; words are at most 64 characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = substituted.min(row[j - 1] + 1).min(rows[i - 1][j] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
