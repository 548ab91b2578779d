//! A store in memory, for tests and for `Database::in_memory`. Nothing outlives the process.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::{KeyRange, Store, StoreTxn, View, Visit};
use crate::error::Result;

type Map = BTreeMap<Vec<u8>, Arc<[u8]>>;

/// The committed map is shared with snapshots; a commit copies it only while one of them is alive.
#[derive(Default)]
pub(crate) struct Mem {
    committed: RwLock<Arc<Map>>,
    writer: Mutex<()>,
}

struct MemTxn<'a> {
    store: &'a Mem,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    _writer: MutexGuard<'a, ()>,
}

impl Store for Mem {
    fn snapshot(&self) -> Result<Box<dyn View + Send + Sync>> {
        Ok(Box::new(Arc::clone(&self.committed.read().unwrap_or_else(PoisonError::into_inner))))
    }

    fn begin(&self) -> Result<Box<dyn StoreTxn + '_>> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(MemTxn { store: self, changes: BTreeMap::new(), _writer }))
    }
}

impl View for Arc<Map> {
    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        let value = Map::get(self, key);
        if let Some(value) = value {
            found(value);
        }
        Ok(value.is_some())
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        if super::overlay::is_empty(range) {
            return Ok(());
        }
        for (key, value) in self.range::<[u8], _>(range) {
            if let ControlFlow::Break(()) = visit(key, value) {
                break;
            }
        }
        Ok(())
    }
}

impl View for MemTxn<'_> {
    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        let committed = Arc::clone(&self.store.committed.read().unwrap_or_else(PoisonError::into_inner));
        super::overlay::with(&committed, &self.changes, key, found)
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let committed = Arc::clone(&self.store.committed.read().unwrap_or_else(PoisonError::into_inner));
        super::overlay::scan(&committed, &self.changes, range, visit)
    }
}

impl StoreTxn for MemTxn<'_> {
    fn as_view(&self) -> &dyn View {
        self
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        let before = self.with(key, &mut |_| {})?;
        self.changes.insert(key.to_vec(), Some(value.to_vec()));
        Ok(before)
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let before = self.with(key, &mut |_| {})?;
        self.changes.insert(key.to_vec(), None);
        Ok(before)
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let mut committed = self.store.committed.write().unwrap_or_else(PoisonError::into_inner);
        let map = Arc::make_mut(&mut committed);
        for (key, value) in self.changes {
            match value {
                Some(value) => map.insert(key, value.into()),
                None => map.remove(&key),
            };
        }
        Ok(())
    }
}
