//! Sort keys as bytes: one comparison of bytes orders records by all keys of a query.
//!
//! Left-justified keys are in byte order, right-justified ones in compound order (3.8); a descending key is inverted.

use super::columns::{Builder, Getter, Rec, pick, together};
use super::plan::{QueryPlan, SortKey};
use crate::dict::DataItem;
use crate::dynarray::text;
use crate::error::Result;
use crate::index::sort_key;

/// The keys of a query.
pub(super) struct Keys {
    keys: Vec<Key>,
    /// Whether the id is the last key, and whether it is right justified.
    by_id: Option<bool>,
}

struct Key {
    get: Getter,
    right: bool,
    descending: bool,
    no_case: bool,
    /// Whether it is taken value by value where records are exploded.
    exploded: bool,
}

impl Keys {
    pub(super) fn compile(
        plan: &QueryPlan,
        exploded: Option<&DataItem>,
        builder: &mut Builder<'_>,
    ) -> Result<Keys> {
        let key = |key: &SortKey, builder: &mut Builder<'_>| -> Result<Key> {
            Ok(Key {
                get: builder.getter(&key.item)?,
                right: key.item.right,
                descending: key.descending,
                no_case: key.no_case,
                exploded: exploded.is_some_and(|item| together(item, &key.item)),
            })
        };
        let keys = plan.sort.iter().map(|one| key(one, builder)).collect::<Result<Vec<Key>>>()?;
        let by_id = plan.sorts_by_id().then_some(plan.id_column.item.right);
        Ok(Keys { keys, by_id })
    }

    /// Whether records that come in byte order of their ids need no sorting.
    pub(super) fn are_those_of_ids(&self) -> bool {
        self.keys.is_empty() && self.by_id != Some(true)
    }

    /// Whether records of equal keys come in the opposite of the order in which they were found, as QM has it.
    pub(super) fn reverse_equals(&self) -> bool {
        self.by_id.is_none() && self.keys.last().is_some_and(|key| key.descending)
    }

    /// Appends the key of a record, or of one of its values.
    pub(super) fn write(&self, rec: &Rec<'_>, value: usize, subvalue: usize, out: &mut Vec<u8>) {
        for key in &self.keys {
            let content = key.get.get(rec);
            let content = if key.exploded { pick(content, value, subvalue) } else { content };
            let start = out.len();
            if key.no_case {
                sort_key(text(&content).to_lowercase().as_bytes(), key.right, out);
            } else {
                sort_key(&content, key.right, out);
            }
            // Below any byte of a longer key.
            out.extend([0, 0]);
            if key.descending {
                out[start..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        if let Some(right) = self.by_id {
            sort_key(rec.id, right, out);
        }
    }
}
