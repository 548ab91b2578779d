//! Changes laid over a view: what one writing closure did, until it has succeeded.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use super::{KeyRange, View, Visit};
use crate::error::Result;

/// Changed keys; `None` is a deletion.
pub(crate) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A view plus changes that are not in it yet.
pub(crate) struct Overlay<'a> {
    base: &'a dyn View,
    changes: Changes,
    bytes: usize,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: &'a dyn View) -> Overlay<'a> {
        Overlay { base, changes: Changes::new(), bytes: 0 }
    }

    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.changes.insert(key, Some(value));
    }

    /// Puts many keys without values: sorted at once they take half the time.
    pub(crate) fn put_keys(&mut self, keys: Vec<Vec<u8>>) {
        self.bytes += keys.iter().map(Vec::len).sum::<usize>();
        let mut more: Changes = keys.into_iter().map(|key| (key, Some(Vec::new()))).collect();
        self.changes.append(&mut more);
    }

    pub(crate) fn delete(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        self.changes.insert(key, None);
    }

    /// Bytes put in so far; bounds what one closure may hold in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }
}

/// A snapshot with changes laid over it, which it owns: what was, seen from what is.
pub(crate) struct Past {
    base: Box<dyn View + Send + Sync>,
    changes: Changes,
}

impl Past {
    pub(crate) fn new(base: Box<dyn View + Send + Sync>, changes: Changes) -> Past {
        Past { base, changes }
    }
}

impl View for Past {
    fn is_laid_over(&self) -> bool {
        true
    }

    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        with(self.base.as_ref(), &self.changes, key, found)
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        scan(self.base.as_ref(), &self.changes, range, visit)
    }
}

impl View for Overlay<'_> {
    fn is_laid_over(&self) -> bool {
        true
    }

    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        with(self.base, &self.changes, key, found)
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        scan(self.base, &self.changes, range, visit)
    }
}

pub(super) fn with(
    base: &dyn View,
    changes: &Changes,
    key: &[u8],
    found: &mut dyn FnMut(&[u8]),
) -> Result<bool> {
    match changes.get(key) {
        Some(Some(value)) => {
            found(value);
            Ok(true)
        }
        Some(None) => Ok(false),
        None => base.with(key, found),
    }
}

/// Merges the two ordered sequences; a changed key hides the one below it.
pub(super) fn scan(
    base: &dyn View,
    changes: &Changes,
    range: KeyRange<'_>,
    visit: &mut Visit<'_>,
) -> Result<()> {
    if is_empty(range) {
        return Ok(());
    }
    let mut changed = changes.range::<[u8], _>(range).peekable();
    let mut stopped = false;
    base.scan(range, &mut |key, value| {
        while let Some((ours, change)) = changed.peek() {
            if ours.as_slice() > key {
                break;
            }
            let same = ours.as_slice() == key;
            if let Some(ours_value) = change
                && visit(ours, ours_value).is_break()
            {
                stopped = true;
                return ControlFlow::Break(());
            }
            changed.next();
            if same {
                return ControlFlow::Continue(());
            }
        }
        let flow = visit(key, value);
        stopped = flow.is_break();
        flow
    })?;
    for (key, change) in changed {
        if stopped {
            break;
        }
        if let Some(value) = change {
            stopped = visit(key, value).is_break();
        }
    }
    Ok(())
}

/// `BTreeMap::range` panics on a range whose start lies after its end.
pub(super) fn is_empty(range: KeyRange<'_>) -> bool {
    match range {
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Excluded(b))
        | (Bound::Excluded(a), Bound::Included(b)) => a >= b,
        _ => false,
    }
}
