//! The store in one file, `hal.redb`, by the library redb: B+trees, copy on write, one sync a commit.

use std::ops::{Bound, ControlFlow};
use std::path::Path;

use redb::{
    ConcurrencyMode, DatabaseError, Durability, ReadableDatabase as _, ReadableTable, TableDefinition,
};

use super::{Applied, Changes, KeyRange, Store, StoreTxn, View, Visit};
use crate::error::{Error, Result};

const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("hal");

/// Pages kept in memory, unless asked otherwise.
const CACHE_BYTES: usize = 256 << 20;

/// An open store file. redb holds a lock on the file, so a second writing process is told at once; others may read beside it.
pub(crate) struct Embedded {
    db: Handle,
}

enum Handle {
    Writer(redb::Database),
    /// Of another process' file: follows its commits, and its snapshots keep pages from being used again.
    Reader {
        db: redb::ReadOnlyDatabase,
        path: String,
    },
}

/// One process writes, others may read. Where the system has no byte-range locks nobody else may.
const SHARED: ConcurrencyMode = if cfg!(any(target_os = "linux", target_vendor = "apple", windows)) {
    ConcurrencyMode::SingleWriter
} else {
    ConcurrencyMode::ExclusiveWriter
};

struct ReadView(redb::ReadOnlyTable<&'static [u8], &'static [u8]>);

struct WriteTxn(redb::WriteTransaction);

impl Embedded {
    /// Opens or creates the file.
    ///
    /// A new file gets its name when it is complete: a crash before that leaves nothing that could not be opened.
    pub(crate) fn open(path: &Path) -> Result<Embedded> {
        Embedded::open_with_cache(path, CACHE_BYTES)
    }

    /// The same with at most `cache_bytes` of pages kept in memory.
    pub(crate) fn open_with_cache(path: &Path, cache_bytes: usize) -> Result<Embedded> {
        if !path.exists() {
            let growing = path.with_extension("redb-new");
            // What is left of a creation that was broken off holds nothing; one that another process is at holds its lock.
            drop(Embedded::create(&growing).or_else(|error| match error {
                Error::Locked { .. } => Err(error),
                _ => {
                    std::fs::remove_file(&growing).map_err(failed("create its file"))?;
                    Embedded::create(&growing)
                }
            })?);
            std::fs::rename(&growing, path).map_err(failed("create its file"))?;
            // The name must be as durable as what will be acknowledged under it.
            #[cfg(unix)]
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
                synced.map_err(failed("create its file"))?;
            }
        }
        Embedded::create_with_cache(path, cache_bytes)
    }

    /// Opens or creates the file under its name at once: for one that gets another name when it is complete.
    pub(crate) fn create(path: &Path) -> Result<Embedded> {
        Embedded::create_with_cache(path, CACHE_BYTES)
    }

    fn create_with_cache(path: &Path, cache_bytes: usize) -> Result<Embedded> {
        let db = redb::Database::builder()
            .set_cache_size(cache_bytes)
            .set_concurrency_mode(SHARED)
            .create(path)
            .map_err(|error| unopened(path, error))?;
        let store = Embedded { db: Handle::Writer(db) };
        // Readers need the table to exist.
        let txn = store.write_txn()?;
        txn.open_table(TABLE).map_err(failed("create its table"))?;
        txn.commit().map_err(failed("create its table"))?;
        Ok(store)
    }

    /// A store over another kind of disk, for tests that let it fail.
    #[cfg(test)]
    pub(crate) fn over(disk: impl redb::StorageBackend) -> Result<Embedded> {
        let db = redb::Database::builder()
            .set_cache_size(1 << 20)
            .create_with_backend(disk)
            .map_err(|error| unopened(Path::new("a disk that fails"), error))?;
        let store = Embedded { db: Handle::Writer(db) };
        let txn = store.write_txn()?;
        txn.open_table(TABLE).map_err(failed("create its table"))?;
        txn.commit().map_err(failed("create its table"))?;
        Ok(store)
    }

    /// Opens a file that another process may be writing to, for reading alone.
    ///
    /// # Errors
    /// [`Error::Locked`] where the other process is one that does not share; [`Error::Store`] when there is no file, or it was
    /// left by a crash and needs a writer first.
    pub(crate) fn open_read_only(path: &Path) -> Result<Embedded> {
        let db = redb::Database::builder()
            .set_cache_size(CACHE_BYTES)
            .set_concurrency_mode(SHARED)
            .open_read_only(path)
            .map_err(|error| unopened(path, error))?;
        Ok(Embedded { db: Handle::Reader { db, path: path.display().to_string() } })
    }

    /// Checks every page of the file against its checksum and what is free against what is used; nobody may have it open.
    ///
    /// Gives `false` when the bookkeeping of free pages was wrong, which redb has then repaired.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a page does not fit its checksum.
    pub(crate) fn check_pages(path: &Path) -> Result<bool> {
        let mut db = redb::Database::builder()
            .set_cache_size(CACHE_BYTES)
            .open(path)
            .map_err(|error| unopened(path, error))?;
        db.check_integrity().map_err(|error| Error::Damaged { what: format!("{}: {error}", path.display()) })
    }

    /// Closes the file without the room that its growth has left at its end.
    ///
    /// # Errors
    /// [`Error::Store`]; the file is whole all the same.
    pub(crate) fn close_trimmed(self) -> Result<()> {
        if let Handle::Writer(mut db) = self.db {
            db.compact().map_err(failed("trim its file"))?;
        }
        Ok(())
    }

    fn write_txn(&self) -> Result<redb::WriteTransaction> {
        let db = match &self.db {
            Handle::Writer(db) => db,
            Handle::Reader { path, .. } => return Err(Error::ReadOnly { path: path.clone() }),
        };
        let mut txn = db.begin_write().map_err(failed("begin a write"))?;
        txn.set_durability(Durability::Immediate).map_err(failed("begin a write"))?;
        // Costs a little on each commit; without it a crash means walking the whole file on the next open.
        txn.set_quick_repair(true);
        Ok(txn)
    }
}

impl Store for Embedded {
    fn snapshot(&self) -> Result<Box<dyn View + Send + Sync>> {
        let txn = match &self.db {
            Handle::Writer(db) => db.begin_read(),
            Handle::Reader { db, .. } => db.begin_read(),
        };
        let txn = txn.map_err(failed("read"))?;
        Ok(Box::new(ReadView(txn.open_table(TABLE).map_err(failed("read"))?)))
    }

    fn begin(&self) -> Result<Box<dyn StoreTxn + '_>> {
        Ok(Box::new(WriteTxn(self.write_txn()?)))
    }
}

impl View for ReadView {
    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        with(&self.0, key, found)
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        scan(&self.0, range, visit)
    }
}

impl View for WriteTxn {
    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        with(&self.0.open_table(TABLE).map_err(failed("read"))?, key, found)
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        scan(&self.0.open_table(TABLE).map_err(failed("read"))?, range, visit)
    }
}

impl StoreTxn for WriteTxn {
    fn as_view(&self) -> &dyn View {
        self
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        let mut table = self.0.open_table(TABLE).map_err(failed("write"))?;
        let before = table.insert(key, value).map_err(failed("write"))?;
        Ok(before.is_some())
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let mut table = self.0.open_table(TABLE).map_err(failed("delete"))?;
        let before = table.remove(key).map_err(failed("delete"))?;
        Ok(before.is_some())
    }

    fn apply(&mut self, changes: Changes, done: &mut Applied<'_>) -> Result<()> {
        // Opening the table is a third of what a small change takes.
        let mut table = self.0.open_table(TABLE).map_err(failed("write"))?;
        let mut changes = changes.into_iter().peekable();
        let mut runs = Runs::default();
        while let Some((key, value)) = changes.next() {
            let behind = changes.peek().is_some_and(|(_, value)| value.is_some());
            let rest = match value {
                Some(value) if behind && runs.may_begin() => {
                    let (rest, length) = insert_run(&mut table, (key, value), &mut changes, done)?;
                    runs.ended(length);
                    rest
                }
                value => Some((key, value)),
            };
            let Some((key, value)) = rest else { continue };
            let before = match &value {
                Some(value) => table.insert(key.as_slice(), value.as_slice()),
                None => table.remove(key.as_slice()),
            };
            let was_there = before.map_err(failed("write"))?.is_some();
            done(&key, value.as_deref(), was_there);
        }
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        self.0.commit().map_err(failed("commit"))
    }
}

/// When to look for a run of new keys: looking costs a descent of the tree, which is wasted where most keys exist.
#[derive(Default)]
struct Runs {
    /// Changes to let pass before the next look.
    pass: u32,
    /// How many that were after the last run that was none.
    last: u32,
}

/// From this length on a run pays.
const RUN_MIN: usize = 4;
/// Most changes that pass between two looks.
const PASS_MAX: u32 = 256;

impl Runs {
    fn may_begin(&mut self) -> bool {
        let may = self.pass == 0;
        self.pass = self.pass.saturating_sub(1);
        may
    }

    fn ended(&mut self, length: usize) {
        self.last = if length >= RUN_MIN { 0 } else { (self.last * 2).clamp(1, PASS_MAX) };
        self.pass = self.last;
    }
}

type Table<'txn> = redb::Table<'txn, &'static [u8], &'static [u8]>;
type Change = (Vec<u8>, Option<Vec<u8>>);
type Sorted = std::iter::Peekable<std::collections::btree_map::IntoIter<Vec<u8>, Option<Vec<u8>>>>;

/// Inserts `first` and what follows it for as long as there is no other key between: such pages are packed full, where single
/// inserts would leave them half empty. Gives the change that ends the run, if one does, and the run's length.
fn insert_run(
    table: &mut Table<'_>,
    first: (Vec<u8>, Vec<u8>),
    changes: &mut Sorted,
    done: &mut Applied<'_>,
) -> Result<(Option<Change>, usize)> {
    let mut cursor = table.lower_bound_mut(Bound::Included(first.0.as_slice())).map_err(failed("write"))?;
    let mut length = 0;
    let (mut key, mut value) = first;
    let rest = loop {
        match cursor.insert_before(key.as_slice(), value.as_slice()) {
            Ok(()) => {}
            Err(redb::CursorError::UnorderedKey) => break Some((key, Some(value))),
            Err(error) => return Err(failed("write")(error)),
        }
        done(&key, Some(&value), false);
        length += 1;
        match changes.next() {
            Some((next, Some(content))) => (key, value) = (next, content),
            other => break other,
        }
    };
    cursor.close().map_err(failed("write"))?;
    Ok((rest, length))
}

fn with(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
    found: &mut dyn FnMut(&[u8]),
) -> Result<bool> {
    let value = table.get(key).map_err(failed("read"))?;
    if let Some(value) = &value {
        found(value.value());
    }
    Ok(value.is_some())
}

fn scan(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    range: KeyRange<'_>,
    visit: &mut Visit<'_>,
) -> Result<()> {
    if super::overlay::is_empty(range) {
        return Ok(());
    }
    for entry in table.range::<&[u8]>(range).map_err(failed("read"))? {
        let (key, value) = entry.map_err(failed("read"))?;
        if let ControlFlow::Break(()) = visit(key.value(), value.value()) {
            break;
        }
    }
    Ok(())
}

fn unopened(path: &Path, error: DatabaseError) -> Error {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            Error::Locked { path: path.display().to_string() }
        }
        other => Error::Store { doing: "open its file", reason: format!("{}: {other}", path.display()) },
    }
}

fn failed<E: std::fmt::Display>(doing: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::Store { doing, reason: error.to_string() }
}
