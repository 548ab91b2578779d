//! An account: opened from a folder or in memory, read through snapshots, changed through writes.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::access::{Access, Denial, Masked};
use crate::account::{
    Catalog, FORMAT, KEY_HEAD, META_KEY, Meta, Noted, VOC, VOC_DICT, record_key, scan_file,
};
use crate::commit::{Committer, Ticket, Wait};
use crate::dict::Dictionary;
use crate::dynarray::{DynArray, Record};
use crate::error::{Error, Result};
use crate::feed::Bell;
use crate::history::Keep;
use crate::locks::Locks;
use crate::query::{QueryPlan, Rows};
use crate::store::{Embedded, Mem, Store, StoreTxn, View};
use crate::txn::Txn;
use crate::{Env, query};

/// Name of the store file in an account's folder.
pub const STORE_FILE: &str = "hal.redb";

/// An open account. Clones share it; the last one dropped waits for the writes that are under way.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
    committer: Arc<Committer>,
    /// Set on the handle of somebody who may not do everything.
    access: Option<Arc<Access>>,
}

/// What the committer's thread and the readers share.
pub(crate) struct Shared {
    pub store: Box<dyn Store>,
    /// The newest catalogue seen; a snapshot of another version reads its own.
    pub catalog: RwLock<Arc<Catalog>>,
    /// Different for each opening in this process.
    pub account: u64,
    pub locks: Locks,
    /// Sessions there have been.
    pub sessions: AtomicU32,
    /// Rings after each commit.
    pub bell: Bell,
    /// For how long to keep what was before; `None` for not at all.
    pub keep: RwLock<Option<Keep>>,
    /// Why writes that were answered before they were on disk did not get there.
    pub lost: Mutex<Option<Error>>,
}

impl Shared {
    fn take_lost(&self) -> Result<()> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).take();
        lost.map_or(Ok(()), Err)
    }
}

static OPENED: AtomicU64 = AtomicU64::new(0);

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}

impl Database {
    /// Opens the account in the folder `dir`; creates folder and account when absent.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::NewerFormat`], [`Error::Store`].
    pub fn open(dir: &Path) -> Result<Database> {
        Database::open_as(dir, Embedded::open)
    }

    /// As [`Database::open`], with at most `cache_bytes` of pages kept in memory (256 MiB otherwise): for an account that grows
    /// and of which little is read.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open_with_cache(dir: &Path, cache_bytes: usize) -> Result<Database> {
        Database::open_as(dir, |path| Embedded::open_with_cache(path, cache_bytes))
    }

    fn open_as(dir: &Path, open: impl FnOnce(&Path) -> Result<Embedded>) -> Result<Database> {
        std::fs::create_dir_all(dir).map_err(|error| Error::Store {
            doing: "create its folder",
            reason: format!("{}: {error}", dir.display()),
        })?;
        let path = dir.join(STORE_FILE);
        Database::over(Box::new(open(&path)?), &path.display().to_string())
    }

    /// Opens the account in the folder `dir` for reading, while another process may be writing to it.
    ///
    /// Snapshots are as consistent as the writer's own and follow its commits; every write is refused.
    ///
    /// # Errors
    /// [`Error::Locked`] when the process that has it open does not share it (another system, an older HAL);
    /// [`Error::Store`] when there is no account, or a crash left it for [`Database::open`] to bring in order.
    pub fn open_read_only(dir: &Path) -> Result<Database> {
        let store = Embedded::open_read_only(&dir.join(STORE_FILE))?;
        let view = store.snapshot()?;
        let meta = Meta::required(view.as_ref())?;
        if meta.format > FORMAT {
            let path = dir.join(STORE_FILE).display().to_string();
            return Err(Error::NewerFormat { path, found: meta.format, known: FORMAT });
        }
        let catalog = Catalog::load(view.as_ref(), meta.catalog)?;
        drop(view);
        Database::with(Box::new(store), catalog)
    }

    /// Makes an empty account in memory: the same behaviour, nothing on disk.
    ///
    /// # Panics
    /// Never: memory does not fail to open.
    #[must_use]
    pub fn in_memory() -> Database {
        Database::over(Box::new(Mem::default()), "in memory").expect("an empty store in memory opens")
    }

    pub(crate) fn over(store: Box<dyn Store>, path: &str) -> Result<Database> {
        let mut txn = store.begin()?;
        let meta = match Meta::read(txn.as_view())? {
            Some(meta) if meta.format > FORMAT => {
                return Err(Error::NewerFormat { path: path.to_owned(), found: meta.format, known: FORMAT });
            }
            Some(meta) => meta,
            None => {
                create_voc(txn.as_mut())?;
                txn.put(META_KEY, &Meta::first().to_bytes())?;
                Meta::first()
            }
        };
        let catalog = Catalog::load(txn.as_view(), meta.catalog)?;
        txn.commit()?;
        Database::with(store, catalog)
    }

    fn with(store: Box<dyn Store>, catalog: Catalog) -> Result<Database> {
        let shared = Arc::new(Shared {
            store,
            catalog: RwLock::new(Arc::new(catalog)),
            account: OPENED.fetch_add(1, Ordering::Relaxed),
            locks: Locks::default(),
            sessions: AtomicU32::new(0),
            bell: Bell::default(),
            keep: RwLock::default(),
            lost: Mutex::default(),
        });
        let committer = Arc::new(Committer::start(Arc::clone(&shared))?);
        Ok(Database { shared, committer, access: None })
    }

    /// The same account as somebody with this access sees it: every snapshot and every write of the handle is held to it.
    ///
    /// A handle that is restricted already keeps its limits as well. What has no limits (backup, verification, history) is
    /// refused on a restricted handle.
    #[must_use]
    pub fn restricted(&self, access: &Access) -> Database {
        let mut handle = self.clone();
        if !access.is_everything() {
            let both = self.access.as_ref().map_or_else(|| access.clone(), |own| own.and(access));
            handle.access = Some(Arc::new(both));
        }
        handle
    }

    /// What this handle may do; `None` for everything.
    #[must_use]
    pub fn access(&self) -> Option<&Access> {
        self.access.as_deref()
    }

    /// Holds a writing closure to the limits of this handle.
    fn limited<T, F>(&self, work: F) -> impl FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static
    where
        F: FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let access = self.access.clone();
        move |txn: &mut Txn<'_>| {
            if let Some(access) = &access {
                txn.restrict(access);
            }
            work(txn)
        }
    }

    /// Whether both are the same opening of the same account.
    pub(crate) fn is_same(&self, other: &Database) -> bool {
        self.shared.account == other.shared.account
    }

    /// One consistent view of all that is committed; costs a few microseconds and blocks nobody.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn snapshot(&self) -> Result<Snapshot> {
        let snapshot = Snapshot::of(&self.shared)?;
        Ok(match &self.access {
            Some(access) => snapshot.restricted(access),
            None => snapshot,
        })
    }

    /// Runs `work` and makes what it wrote durable, all of it or nothing.
    ///
    /// `Ok` means it is on disk. Closures that wait at the same time run one after another and share one sync; each sees
    /// what those before it wrote. One that fails or panics leaves nothing behind. Waits when 4,096 writes are queued.
    ///
    /// # Errors
    /// What `work` returned; [`Error::Store`] when the commit failed (nothing was written then).
    pub fn write<T, F>(&self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.committer.submit(self.limited(work), Wait::ForRoom)?.wait()
    }

    /// As [`Database::write`], but answers before the write is on disk, for loading much that can be loaded again.
    ///
    /// At risk are the last of these writes: they go to disk when 64 MB have come together or none came for 50 ms, a crash
    /// before that loses them, and snapshots do not show them earlier. Never half of one, never an earlier one while a
    /// later one stays, no damage to the account.
    /// [`Database::sync`] ends the risk, and tells of a failure that came after the answer.
    ///
    /// # Errors
    /// As [`Database::write`]; also the failure of an earlier write that was answered already.
    pub fn write_nosync<T, F>(&self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.shared.take_lost()?;
        self.committer.submit(self.limited(work), Wait::NotForDisk)?.wait()
    }

    /// Waits until all that was written before is on disk and shows in snapshots.
    ///
    /// # Errors
    /// The failure of a [`Database::write_nosync`] that had been answered already; [`Error::Store`].
    pub fn sync(&self) -> Result<()> {
        let written = self.write(|_| Ok(()));
        // The same failure may have answered both.
        self.shared.take_lost()?;
        written
    }

    /// The locks that sessions of this process have agreed upon.
    #[must_use]
    pub fn locks(&self) -> &Locks {
        &self.shared.locks
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// As [`Database::write`], but returns at once; the ticket gives the result when the write is durable.
    ///
    /// Dropping the ticket does not cancel the write. Meant for logs: many small records share one sync.
    ///
    /// # Errors
    /// [`Error::Busy`] when the queue is full: the caller decides whether to drop or to wait.
    pub fn write_later<T, F>(&self, work: F) -> Result<Ticket<T>>
    where
        F: FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.committer.submit(self.limited(work), Wait::ForNothing)
    }
}

fn create_voc(txn: &mut dyn StoreTxn) -> Result<()> {
    let id = DynArray::from_fields(["D", "0", "", "VOC", "20L", "S"]);
    txn.put(&record_key(VOC_DICT, "@ID"), id.as_bytes())?;
    let kind = DynArray::from_fields(["D", "1", "", "TYPE", "10L", "S"]);
    txn.put(&record_key(VOC_DICT, "TYPE"), kind.as_bytes())?;
    txn.put(&record_key(VOC_DICT, "@"), DynArray::from_fields(["PH", "TYPE BY @ID"]).as_bytes())?;
    txn.put(&record_key(VOC, "VOC"), crate::account::file_record(VOC, VOC_DICT).as_bytes())?;
    Ok(())
}

/// Names a state of some files, see [`Snapshot::version_of`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    /// Which opening of which account: numbers of commits repeat from one to the other.
    account: u64,
    changed: u64,
}

/// A consistent view of an account; later writes do not show in it.
///
/// Pages it sees cannot be reused while it lives: take one for each question, do not keep it.
pub struct Snapshot {
    view: Box<dyn View + Send + Sync>,
    catalog: Arc<Catalog>,
    commit: u64,
    account: u64,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({})", self.commit)
    }
}

impl Snapshot {
    fn of(shared: &Shared) -> Result<Snapshot> {
        let view = shared.store.snapshot()?;
        let meta = Meta::read(view.as_ref())?
            .ok_or_else(|| Error::Damaged { what: "its counters are missing".to_owned() })?;
        let cached = Arc::clone(&shared.catalog.read().unwrap_or_else(PoisonError::into_inner));
        let catalog = if cached.version == meta.catalog {
            cached
        } else {
            let own = Arc::new(Catalog::load(view.as_ref(), meta.catalog)?);
            let mut newest = shared.catalog.write().unwrap_or_else(PoisonError::into_inner);
            if newest.version < own.version {
                *newest = Arc::clone(&own);
            }
            own
        };
        Ok(Snapshot { view, catalog, commit: meta.commit, account: shared.account })
    }

    /// The same state as somebody with this access sees it.
    #[must_use]
    pub fn restricted(self, access: &Access) -> Snapshot {
        if access.is_everything() {
            return self;
        }
        let access = match self.catalog.limits() {
            Some(limits) => limits.access.and(access),
            None => access.clone(),
        };
        let (catalog, masks) = self.catalog.restricted(&access);
        let view = if masks.is_empty() {
            self.view
        } else {
            Box::new(Masked { view: self.view, masks: Arc::new(masks) })
        };
        Snapshot { view, catalog: Arc::new(catalog), commit: self.commit, account: self.account }
    }

    /// Whether records of the file may be read here. Asking leaves no trace, unlike trying to.
    #[must_use]
    pub fn may_read(&self, file: &str) -> bool {
        self.catalog.may_read(file)
    }

    /// What was asked of this snapshot and refused.
    #[must_use]
    pub fn denials(&self) -> Vec<Denial> {
        self.catalog.denials()
    }

    /// Fails where not everything may be read.
    pub(crate) fn require_everything(&self, what: &str) -> Result<()> {
        self.catalog.limits().map_or(Ok(()), |limits| Err(limits.deny(what, None, false)))
    }

    /// A snapshot of an earlier state, made of this one and what was written over.
    pub(crate) fn past(self, changes: crate::store::Changes, catalog: Arc<Catalog>, commit: u64) -> Snapshot {
        Snapshot {
            view: Box::new(crate::store::Past::new(self.view, changes)),
            catalog,
            commit,
            // Not the account's own: two such views of one commit may show different records.
            account: OPENED.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Reads a record; `None` when there is none of that id.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Denied`], [`Error::Store`].
    pub fn read(&self, file: &str, id: &str) -> Result<Option<Record>> {
        read(self.view.as_ref(), &self.catalog, file, id)
    }

    /// Names of the files, in order.
    ///
    /// # Errors
    /// None today; a networked store may fail here.
    pub fn files(&self) -> Result<Vec<String>> {
        Ok(self.catalog.names().map(str::to_owned).collect())
    }

    /// The dictionary of a file.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`].
    pub fn dictionary(&self, file: &str) -> Result<Arc<Dictionary>> {
        Ok(Arc::clone(&self.catalog.file(file)?.dictionary))
    }

    /// Names of the indexed items of a file.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`].
    pub fn indices(&self, file: &str) -> Result<Vec<String>> {
        Ok(self.catalog.file(file)?.indices.iter().map(|index| index.name.clone()).collect())
    }

    /// Whether ids of a file that differ in case alone are the same.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`].
    pub fn is_no_case(&self, file: &str) -> Result<bool> {
        Ok(self.catalog.file(file)?.no_case)
    }

    /// The record ids of a file in byte order, read a thousand at a time.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`]; the iterator's items may be [`Error::Store`].
    pub fn ids(&self, file: &str) -> Result<Ids<'_>> {
        let number = self.catalog.file(file)?.number;
        Ok(Ids { view: self.view.as_ref(), number, page: Vec::new().into_iter(), next: Some(String::new()) })
    }

    /// Visits every record of a file in id order without copying; `visit` returns `Break` to stop.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Store`].
    pub fn scan(&self, file: &str, visit: &mut dyn FnMut(&str, &[u8]) -> ControlFlow<()>) -> Result<()> {
        let number = self.catalog.file(file)?.number;
        scan_file(self.view.as_ref(), number, &mut |id, record| visit(&String::from_utf8_lossy(id), record))
    }

    /// Runs a query.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::UnboundParameter`], [`Error::BadValue`] for a literal that its conversion refuses,
    /// [`Error::TooLarge`] past [`query::ROWS_MAX`] rows, [`Error::Store`].
    pub fn run(&self, plan: &QueryPlan, env: &Env) -> Result<Rows> {
        query::rows(self.query(plan, env, None))
    }

    /// Runs a query and writes its report; gives the number of records. `list`: the select list that restricts it.
    ///
    /// # Errors
    /// As [`Snapshot::run`]; [`Error::Store`] when `out` refuses.
    pub fn report(
        &self,
        plan: &QueryPlan,
        env: &Env,
        list: Option<&[Vec<u8>]>,
        screen: query::Screen,
        out: &mut dyn std::io::Write,
    ) -> Result<usize> {
        query::report(self.query(plan, env, list), screen, out)
    }

    /// Runs a SELECT, SSELECT or SEARCH; gives the ids, or what it saves instead, in order.
    ///
    /// # Errors
    /// As [`Snapshot::run`].
    pub fn select(&self, plan: &QueryPlan, env: &Env, list: Option<&[Vec<u8>]>) -> Result<query::Selected> {
        query::select(self.query(plan, env, list))
    }

    fn query<'s>(&'s self, plan: &'s QueryPlan, env: &'s Env, list: Option<&'s [Vec<u8>]>) -> query::Run<'s> {
        query::Run { view: self.view.as_ref(), catalog: &self.catalog, plan, env, list }
    }

    /// The plan in words, with the index or other way that this view would use.
    ///
    /// # Errors
    /// As [`Snapshot::run`].
    pub fn explain(&self, plan: &QueryPlan, env: &Env) -> Result<String> {
        query::explain(self.view.as_ref(), &self.catalog, plan, env)
    }

    /// Number of the commit this view shows; grows by at least 1 with each write.
    #[must_use]
    pub fn commit_number(&self) -> u64 {
        self.commit
    }

    /// Which state of some files this view shows: equal versions mean equal records, of this account as it is open.
    ///
    /// Reads one small key for each file; cheap enough to ask before every use of something computed from them. Files that may
    /// not be read here are left out: what was computed for others must be kept apart from it.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Store`].
    pub fn version_of(&self, files: &[&str]) -> Result<Version> {
        let mut changed = 0;
        for file in files {
            if !self.catalog.may_read(file) {
                continue;
            }
            let number = self.catalog.file(file)?.number;
            if let Some(noted) = Noted::read(self.view.as_ref(), number)? {
                changed = changed.max(noted.commit);
            }
        }
        Ok(Version { account: self.account, changed })
    }

    pub(crate) fn view(&self) -> &dyn View {
        self.view.as_ref()
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

/// Record ids, in byte order.
pub struct Ids<'a> {
    view: &'a dyn View,
    number: u32,
    page: std::vec::IntoIter<String>,
    /// Where the next page begins; `None` after the last.
    next: Option<String>,
}

impl std::fmt::Debug for Ids<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ids")
    }
}

/// Ids read at a time.
const PAGE_IDS: usize = 1000;

impl Iterator for Ids<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        loop {
            if let Some(id) = self.page.next() {
                return Some(Ok(id));
            }
            let after = self.next.take()?;
            match self.read_page(&after) {
                Ok(page) => {
                    if page.len() == PAGE_IDS {
                        self.next = page.last().cloned();
                    }
                    self.page = page.into_iter();
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Ids<'_> {
    fn read_page(&self, after: &str) -> Result<Vec<String>> {
        use std::ops::Bound;
        let start = record_key(self.number, after);
        let end = record_key(self.number + 1, "");
        let mut page = Vec::new();
        self.view.scan((Bound::Excluded(&start), Bound::Excluded(&end)), &mut |key, _| {
            page.push(String::from_utf8_lossy(&key[KEY_HEAD..]).into_owned());
            if page.len() < PAGE_IDS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(page)
    }
}

pub(crate) fn read(view: &dyn View, catalog: &Catalog, file: &str, id: &str) -> Result<Option<Record>> {
    let key = catalog.file(file)?.records().key(view, id)?;
    Ok(view.get(&key)?.map(DynArray::from_bytes))
}

#[cfg(test)]
mod tests;
