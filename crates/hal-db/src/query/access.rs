//! How the records of a query are found: named ids, an index, or the whole file. Never changes what is found.
//!
//! An index serves tests that every record must pass (joined by AND at the top): EQ with one or more values, ranges,
//! BETWEEN, LIKE with a literal beginning. Each record found is tested again in full.

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};

use super::columns::Getter;
use super::condition::{Check, TestCheck, Value};
use super::plan::RelOp;
use crate::account::{FileEntry, KEY_HEAD, entry_key};
use crate::error::Result;
use crate::index::{Index, VALUE_BYTES_MAX, id_of, number_key};
use crate::number::Decimal;
use crate::store::View;

/// Entries counted to compare two indices; beyond it they are taken as equally bad.
const PROBE_ENTRIES: usize = 2000;

/// Where records come from.
pub(super) enum Access {
    /// These ids, in this order.
    Ids(Vec<Vec<u8>>),
    WholeFile,
}

/// Keys of an index that may hold records passing a test.
struct Candidate<'a> {
    index: &'a Index,
    ranges: Vec<Range>,
}

/// Chooses the way with the fewest records; gives it with its description.
pub(super) fn choose(
    view: &dyn View,
    file: &FileEntry,
    check: &Check,
    no_index: bool,
) -> Result<(Access, String)> {
    let required = check.required();
    for test in &required {
        if let Some(ids) = id_list(view, file, test)? {
            return Ok((Access::Ids(ids), "ids".to_owned()));
        }
    }
    if no_index {
        return Ok((Access::WholeFile, "whole file".to_owned()));
    }
    let candidates: Vec<Candidate<'_>> = required.iter().filter_map(|test| candidate(file, test)).collect();
    let best = match candidates.as_slice() {
        [] => return Ok((Access::WholeFile, "whole file".to_owned())),
        [only] => only,
        several => {
            let mut best = (PROBE_ENTRIES + 1, &several[0]);
            for candidate in several {
                let entries = candidate.count(view, best.0)?;
                if entries < best.0 {
                    best = (entries, candidate);
                }
            }
            best.1
        }
    };
    let mut ids = BTreeSet::new();
    best.scan(view, &mut |id| {
        ids.insert(id.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok((Access::Ids(ids.into_iter().collect()), format!("index {}", best.index.name)))
}

/// `WITH @ID EQ "a" "b"` names the records.
fn id_list(view: &dyn View, file: &FileEntry, test: &TestCheck) -> Result<Option<Vec<Vec<u8>>>> {
    if !matches!(test.get, Getter::Id) || test.op != RelOp::Eq || test.item.right {
        return Ok(None);
    }
    let mut ids = BTreeSet::new();
    for operand in &test.operands {
        let Value::Text { bytes, .. } = operand else { return Ok(None) };
        // The test folds all letters, the file only those of ASCII.
        let id = match std::str::from_utf8(bytes) {
            _ if !test.no_case => bytes.clone(),
            Ok(id) if file.no_case && id.is_ascii() => {
                file.records().spelling(view, id)?.into_owned().into_bytes()
            }
            _ => return Ok(None),
        };
        ids.insert(id);
    }
    Ok(Some(ids.into_iter().collect()))
}

/// An index for a test, if there is one that misses no record.
fn candidate<'a>(file: &'a FileEntry, test: &TestCheck) -> Option<Candidate<'a>> {
    // EVERY over EQ also holds for nothing else than its values, but an index names records by any value.
    if test.operands.is_empty() {
        return None;
    }
    let index =
        file.indices.iter().find(|index| index.no_case == test.no_case && index.serves(&test.item))?;
    let ranges = match test.op {
        RelOp::Eq => {
            test.operands.iter().map(|operand| equal_range(index, operand)).collect::<Option<Vec<_>>>()?
        }
        RelOp::Like => like_ranges(index, test)?,
        RelOp::Lt | RelOp::Le | RelOp::Gt | RelOp::Ge if test.operands.len() == 1 => {
            let bound = text_of(&test.operands[0])?;
            match test.op {
                RelOp::Lt | RelOp::Le => ordered_ranges(index, None, Some(bound))?,
                _ => ordered_ranges(index, Some(bound), None)?,
            }
        }
        RelOp::Between => {
            ordered_ranges(index, Some(text_of(&test.operands[0])?), Some(text_of(&test.operands[1])?))?
        }
        _ => return None,
    };
    Some(Candidate { index, ranges })
}

fn text_of(operand: &Value) -> Option<(&[u8], bool)> {
    match operand {
        Value::Text { bytes, whole_day, .. } => Some((bytes, *whole_day)),
        _ => None,
    }
}

type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// All entries whose key is that of a value.
fn equal_range(index: &Index, operand: &Value) -> Option<Range> {
    let (bytes, whole_day) = text_of(operand)?;
    if whole_day {
        let (low, high) = (number_low(bytes)?, number_after_day(bytes)?);
        return Some((Bound::Included(low), Bound::Excluded(high)));
    }
    let key = index.key(bytes);
    Some((Bound::Included([&key[..], &[0, 0]].concat()), Bound::Excluded([&key[..], &[0, 1]].concat())))
}

/// Entries between two values, both included; the test itself excludes what it must.
///
/// Right-justified: only numbers bound a range; text has its own place and all of it is taken, as it may compare
/// either way. Left-justified: only text that is no number, for two numbers would compare by value and not by letter.
fn ordered_ranges(
    index: &Index,
    low: Option<(&[u8], bool)>,
    high: Option<(&[u8], bool)>,
) -> Option<Vec<Range>> {
    let unbounded_low = low.is_none();
    if index.right {
        let from = match low {
            Some((bytes, _)) => number_low(bytes)?,
            None => vec![1],
        };
        let until = match high {
            Some((bytes, true)) => number_after_day(bytes)?,
            Some((bytes, false)) => [number_low(bytes)?, vec![0, 1]].concat(),
            None => vec![2],
        };
        let mut ranges = vec![(Bound::Included(from), Bound::Excluded(until))];
        ranges.push((Bound::Included(vec![2]), Bound::Excluded(vec![3])));
        if unbounded_low {
            // The empty value is less than any other.
            ranges.push((Bound::Included(vec![0]), Bound::Excluded(vec![1])));
        }
        return Some(ranges);
    }
    for (bytes, _) in low.iter().chain(&high) {
        if bytes.is_empty() || Decimal::parse(bytes).is_some() {
            return None;
        }
    }
    let from = low.map_or_else(|| vec![0], |(bytes, _)| index.key(bytes));
    let until = high.map_or_else(
        || vec![3],
        |(bytes, _)| {
            let mut key = index.key(bytes);
            // Longer values are cut: take everything that begins like the bound.
            key.extend(if bytes.len() >= VALUE_BYTES_MAX { [0xFF, 0xFF] } else { [0, 1] });
            key
        },
    );
    Some(vec![(Bound::Included(from), Bound::Excluded(until))])
}

fn number_low(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(number_key(&Decimal::parse(bytes)?))
}

/// Key of the day after `bytes`.
fn number_after_day(bytes: &[u8]) -> Option<Vec<u8>> {
    let day = crate::dynarray::integer(bytes)?.checked_add(1)?.to_string();
    Some(number_key(&Decimal::parse(day.as_bytes())?))
}

/// `LIKE "abc..."` on a left-justified item that is shown as stored.
fn like_ranges(index: &Index, test: &TestCheck) -> Option<Vec<Range>> {
    if index.right || !test.item.conversion.is_empty() {
        return None;
    }
    let ranges = test.operands.iter().map(|operand| match operand {
        Value::Pattern(pattern) => {
            let prefix = pattern.literal_prefix();
            let prefix = &prefix[..prefix.len().min(VALUE_BYTES_MAX)];
            let plain = !prefix.is_empty() && !prefix.contains(&0);
            plain.then(|| {
                let from = index.key(prefix);
                let mut until = from.clone();
                // Text holds no byte 255, so this lies behind all that begins alike.
                until.push(0xFF);
                (Bound::Included(from), Bound::Excluded(until))
            })
        }
        _ => None,
    });
    ranges.collect()
}

impl Candidate<'_> {
    /// Number of entries, counted no further than `limit`.
    fn count(&self, view: &dyn View, limit: usize) -> Result<usize> {
        let mut entries = 0;
        self.scan(view, &mut |_| {
            entries += 1;
            if entries < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(entries)
    }

    fn scan(&self, view: &dyn View, visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<()> {
        let head = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Included(key) => Bound::Included(entry_key(self.index.number, key)),
            Bound::Excluded(key) => Bound::Excluded(entry_key(self.index.number, key)),
            Bound::Unbounded => Bound::Unbounded,
        };
        let mut stopped = false;
        for (from, until) in &self.ranges {
            let (from, until) = (head(from), head(until));
            let range = (from.as_ref().map(Vec::as_slice), until.as_ref().map(Vec::as_slice));
            view.scan(range, &mut |key, _| {
                let flow = visit(id_of(&key[KEY_HEAD..]));
                stopped = flow.is_break();
                flow
            })?;
            if stopped {
                break;
            }
        }
        Ok(())
    }
}
