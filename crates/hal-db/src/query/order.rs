//! BY through an index: the ids of a file in the order of its values, without reading and sorting the records.
//!
//! Used where it does less: when no record need be read, or only the first of them. A whole listing is faster read in the
//! file's order and sorted. Records that BY orders otherwise than the index does (several values, right-justified text) have
//! an entry that says so; few of them are sorted in, many make the index of no use.

use std::ops::{Bound, ControlFlow};

use super::columns::{Builder, Rec};
use super::exec::Run;
use super::keys::Keys;
use super::plan::Verb;
use crate::account::{FileEntry, KEY_HEAD, entry_key, record_key};
use crate::dynarray::text;
use crate::error::Result;
use crate::index::{Index, OUT_OF_ORDER, id_of, sort_key, sort_key_of};
use crate::store::View;

/// A record with the key that BY gives it.
type Placed = (Vec<u8>, Vec<u8>);

/// Records sorted in; with more the whole is sorted.
const OUT_OF_ORDER_MAX: usize = 1000;

/// The index that gives the order of a query. `first`: how many records are wanted; `reads`: whether they are read.
pub(super) fn index<'f>(run: Run<'_>, file: &'f FileEntry, first: usize, reads: bool) -> Option<&'f Index> {
    let plan = run.plan;
    let [key] = plan.sort.as_slice() else { return None };
    let whole = plan.select.is_none()
        && plan.when.is_none()
        && plan.search.is_empty()
        && plan.ids.is_empty()
        && run.list.is_none()
        && plan.every_nth.is_none()
        && plan.sample.as_ref().is_none_or(|sample| sample.sorted);
    let less = first < usize::MAX || !reads;
    if !whole || !less || key.explode || key.no_case || plan.refuses_indices() || plan.verb == Verb::Count {
        return None;
    }
    file.indices.iter().find(|index| index.marked && !index.no_case && index.serves(&key.item))
}

/// The ids in order, at least the first so many; `None` when too many records are out of order.
pub(super) fn ids(
    run: Run<'_>,
    file: &FileEntry,
    index: &Index,
    keys: &Keys,
    first: usize,
) -> Result<Option<Vec<Vec<u8>>>> {
    let plan = run.plan;
    let descending = plan.sort.first().is_some_and(|key| key.descending);
    let by_id = plan.sorts_by_id().then_some(plan.id_column.item.right);
    let Some(mut others) = out_of_order(run, file, index, keys)? else { return Ok(None) };
    let taken: std::collections::HashSet<Vec<u8>> = others.iter().map(|(_, id)| id.clone()).collect();
    // Stable: those of equal keys stay as they came.
    others.sort_by(|a, b| a.0.cmp(&b.0));
    // Groups of equal keys, in the order of the index; the ids of a group in their own.
    let mut groups: Vec<(Vec<u8>, Vec<Vec<u8>>)> = Vec::new();
    let mut found = 0;
    scan(run.view, index, &[0], &[OUT_OF_ORDER], &mut |entry| {
        let id = id_of(entry);
        if taken.contains(id) {
            return ControlFlow::Continue(());
        }
        let key = &entry[..entry.len() - id.len() - 2];
        match groups.last_mut() {
            Some((last, ids)) if last == key => ids.push(id.to_vec()),
            _ if !descending && found >= first => return ControlFlow::Break(()),
            _ => groups.push((key.to_vec(), vec![id.to_vec()])),
        }
        found += 1;
        ControlFlow::Continue(())
    })?;
    if descending {
        groups.reverse();
    }
    let mut others = others.into_iter().peekable();
    let mut ids = Vec::with_capacity(found);
    for (key, mut group) in groups {
        if ids.len() >= first {
            break;
        }
        match by_id {
            Some(right) => group.sort_by_cached_key(|id| id_key(id, right)),
            // Records of equal keys come the other way round, as they do where they are sorted.
            None if descending => group.reverse(),
            None => {}
        }
        let mut full = sort_key_of(&key, index.right);
        full.extend([0, 0]);
        if descending {
            full.iter_mut().for_each(|byte| *byte = !*byte);
        }
        while let Some((other, _)) = others.peek()
            && other.as_slice() < full.as_slice()
        {
            ids.extend(others.next().map(|(_, id)| id));
        }
        // A record out of order may still have the key of this group, as `007` has that of `7`: then ids decide.
        let ties: Vec<Vec<u8>> = std::iter::from_fn(|| others.next_if(|(other, _)| other.starts_with(&full)))
            .map(|(_, id)| id)
            .collect();
        if ties.is_empty() {
            ids.append(&mut group);
            continue;
        }
        group.extend(ties);
        match by_id {
            Some(right) => group.sort_by_cached_key(|id| id_key(id, right)),
            None if descending => group.sort_by(|a, b| b.cmp(a)),
            None => group.sort(),
        }
        ids.append(&mut group);
    }
    ids.extend(others.map(|(_, id)| id));
    Ok(Some(ids))
}

fn id_key(id: &[u8], right: bool) -> Vec<u8> {
    let mut key = Vec::new();
    sort_key(id, right, &mut key);
    key
}

/// Records whose place in the index is not theirs, with the keys that BY gives them.
fn out_of_order(run: Run<'_>, file: &FileEntry, index: &Index, keys: &Keys) -> Result<Option<Vec<Placed>>> {
    let mut ids: Vec<Vec<u8>> = Vec::new();
    scan(run.view, index, &[OUT_OF_ORDER], &[OUT_OF_ORDER + 1], &mut |entry| {
        ids.push(id_of(entry).to_vec());
        if ids.len() > OUT_OF_ORDER_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if ids.len() > OUT_OF_ORDER_MAX {
        return Ok(None);
    }
    let context = Builder::context(run);
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let mut key = Vec::new();
        run.view.with(&record_key(file.number, &text(&id)), &mut |record| {
            keys.write(&Rec { id: &id, record, context }, 0, 0, &mut key);
        })?;
        found.push((key, id));
    }
    // Without BY @ID equal keys come in the order of ids, or all the other way round.
    if keys.reverse_equals() {
        found.reverse();
    }
    Ok(Some(found))
}

fn scan(
    view: &dyn View,
    index: &Index,
    from: &[u8],
    until: &[u8],
    visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<()> {
    let (from, until) = (entry_key(index.number, from), entry_key(index.number, until));
    view.scan((Bound::Included(&from), Bound::Excluded(&until)), &mut |key, _| visit(&key[KEY_HEAD..]))
}

#[cfg(test)]
mod tests;
