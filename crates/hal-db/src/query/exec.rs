//! Runs a plan over one view: finds records, sorts, and hands them on one by one. Decodes only the fields it needs.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::access::{Access, choose};
use super::columns::{Builder, Getter, Rec, together};
use super::condition::Check;
use super::keys::Keys;
use super::plan::{Count, From, Operand, QueryPlan, Verb};
use crate::Env;
use crate::account::{Catalog, FileEntry, scan_file};
use crate::casing::Records;
use crate::dict::DataItem;
use crate::dynarray::{SM, VM, dcount, extract, text};
use crate::error::{Error, Result};
use crate::store::View;

/// Records kept in memory while a query sorts; beyond it they are read again in order.
const KEPT_BYTES_MAX: usize = 256 << 20;
/// Bytes of keys and ids while a query sorts; a greater query is refused.
const SORT_BYTES_MAX: usize = 2 << 30;

/// What a query runs on.
#[derive(Clone, Copy)]
pub(crate) struct Run<'r> {
    pub view: &'r dyn View,
    pub catalog: &'r Catalog,
    pub plan: &'r QueryPlan,
    pub env: &'r Env,
    /// Ids of the active select list that restricts the query.
    pub list: Option<&'r [Vec<u8>]>,
}

/// One record, or one value of it, of a result.
pub(super) struct Entry<'e> {
    pub id: &'e [u8],
    pub record: &'e [u8],
    /// Value and subvalue of an exploded record, else 0.
    pub value: usize,
    pub subvalue: usize,
    /// WHEN: which values of its association pass.
    pub mask: Option<&'e [bool]>,
    /// Number in the result, from 1.
    pub number: usize,
}

/// What a run found beside the records.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub count: usize,
    /// Rows of exploded records.
    pub values: Option<usize>,
    pub missing: Vec<String>,
    pub access: String,
}

/// Called with each record of a result, in order.
pub(super) type Visit<'v> = dyn FnMut(&Entry<'_>) -> Result<()> + 'v;

/// A plan made ready.
pub(super) struct Prepared<'r> {
    run: Run<'r>,
    file: &'r FileEntry,
    check: Option<Check>,
    when: Option<Check>,
    keys: Keys,
    explode: Option<(DataItem, Getter)>,
    search: Vec<String>,
    limit: usize,
    sorted_limit: usize,
    nth: usize,
}

impl<'r> Prepared<'r> {
    pub(super) fn new(run: Run<'r>, builder: &mut Builder<'r>) -> Result<Prepared<'r>> {
        let plan = run.plan;
        let check = plan.select.as_ref().map(|condition| Check::compile(condition, builder)).transpose()?;
        let when = plan.when.as_ref().map(|condition| Check::compile(condition, builder)).transpose()?;
        let explode = match plan.sort.iter().find(|key| key.explode) {
            Some(key) => Some((key.item.clone(), builder.getter(&key.item)?)),
            None => None,
        };
        let keys = Keys::compile(plan, explode.as_ref().map(|(item, _)| item), builder)?;
        let (mut limit, mut sorted_limit) = (usize::MAX, usize::MAX);
        if let Some(sample) = &plan.sample {
            *(if sample.sorted { &mut sorted_limit } else { &mut limit }) = fixed(&sample.count)?;
        }
        let search = plan.search.iter().map(|operand| {
            let words = literal(operand)?;
            Ok(if plan.options.search_no_case { words.to_lowercase() } else { words.to_owned() })
        });
        Ok(Prepared {
            file: run.catalog.file(&plan.file)?,
            check,
            when,
            keys,
            explode,
            search: search.collect::<Result<Vec<String>>>()?,
            limit,
            sorted_limit,
            nth: plan.every_nth.as_ref().map(fixed).transpose()?.unwrap_or(1).max(1),
            run,
        })
    }

    /// The item whose values make rows of their own.
    pub(super) fn exploded(&self) -> Option<&DataItem> {
        self.explode.as_ref().map(|(item, _)| item)
    }

    /// An item of the association that WHEN restricts.
    pub(super) fn restricted(&self) -> Option<&DataItem> {
        self.when.as_ref().map(Check::first_item)
    }

    /// COUNT of a whole file: the number is noted with each commit.
    fn noted_count(&self) -> Result<Option<usize>> {
        let Run { view, plan, list, .. } = self.run;
        let whole = self.check.is_none()
            && self.when.is_none()
            && self.explode.is_none()
            && self.search.is_empty()
            && self.nth == 1
            && self.limit == usize::MAX
            && self.sorted_limit == usize::MAX
            && plan.ids.is_empty()
            && list.is_none();
        if !whole || plan.verb != Verb::Count || view.is_laid_over() {
            return Ok(None);
        }
        let noted = crate::account::Noted::read(view, self.file.number)?;
        Ok(noted.and_then(|noted| noted.records).and_then(|records| usize::try_from(records).ok()))
    }

    /// Hands on each record of the result in order. `records`: whether their content is needed.
    pub(super) fn each(&self, records: bool, visit: &mut Visit<'_>) -> Result<Summary> {
        if let Some(count) = self.noted_count()? {
            return Ok(Summary { count, access: "count".to_owned(), ..Summary::default() });
        }
        let mut search = Search {
            prepared: self,
            rec: Builder::context(self.run),
            summary: Summary::default(),
            passed: 0,
            mask: Vec::new(),
            seen: None,
            found: Found::default(),
            keep: records,
            visit,
            direct: self.keys.are_those_of_ids() && self.explode.is_none(),
            rows: 0,
        };
        let ordered = search.find()?;
        if search.direct && ordered {
            return Ok(search.summary);
        }
        search.hand_on()?;
        Ok(search.summary)
    }
}

fn fixed(count: &Count) -> Result<usize> {
    match count {
        Count::Fixed(count) => Ok(*count),
        Count::Parameter(name) => Err(Error::UnboundParameter { name: name.clone() }),
    }
}

fn literal(operand: &Operand) -> Result<&str> {
    match operand {
        Operand::Literal(text) => Ok(text),
        Operand::Parameter(name) => Err(Error::UnboundParameter { name: name.clone() }),
        Operand::Item(item) => Ok(&item.name),
    }
}

/// What must be sorted: keys, ids and records one behind the other, and where they lie.
#[derive(Default)]
struct Found {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    kept: usize,
}

struct Slot {
    /// The first bytes of the key: most comparisons need no more.
    prefix: u64,
    at: usize,
    key: u32,
    id: u16,
    /// `u32::MAX`: not kept.
    record: u32,
    value: u32,
    subvalue: u32,
}

impl Found {
    fn key(&self, slot: &Slot) -> &[u8] {
        &self.bytes[slot.at..slot.at + slot.key as usize]
    }

    fn id(&self, slot: &Slot) -> &[u8] {
        let start = slot.at + slot.key as usize;
        &self.bytes[start..start + usize::from(slot.id)]
    }

    fn record(&self, slot: &Slot) -> Option<&[u8]> {
        let start = slot.at + slot.key as usize + usize::from(slot.id);
        (slot.record != u32::MAX).then(|| &self.bytes[start..start + slot.record as usize])
    }

    fn sort(&mut self, reverse_equals: bool) {
        let mut slots = std::mem::take(&mut self.slots);
        // Records of equal keys stay in the order in which they were found, or all come the other way round.
        slots.sort_unstable_by(|a, b| {
            let keys = a.prefix.cmp(&b.prefix).then_with(|| self.key(a).cmp(self.key(b)));
            keys.then_with(|| if reverse_equals { b.at.cmp(&a.at) } else { a.at.cmp(&b.at) })
        });
        self.slots = slots;
    }
}

struct Search<'s, 'r, 'v> {
    prepared: &'s Prepared<'r>,
    rec: crate::itype::Context<'s>,
    summary: Summary,
    /// Records that passed, before SAMPLED.
    passed: usize,
    mask: Vec<bool>,
    /// Ids that were taken already, where a list may name one twice.
    seen: Option<HashSet<Vec<u8>>>,
    found: Found,
    keep: bool,
    visit: &'s mut Visit<'v>,
    /// Whether records may be handed on as they are found.
    direct: bool,
    rows: usize,
}

impl Search<'_, '_, '_> {
    /// Finds the records; gives whether they came in the order wanted and were handed on.
    fn find(&mut self) -> Result<bool> {
        let Prepared { run, file, check, .. } = self.prepared;
        let plan = run.plan;
        if plan.options.require_select && run.list.is_none() {
            return Err(Error::Refused("Select list required - Processing terminated".to_owned()));
        }
        if !plan.ids.is_empty() || run.list.is_some() {
            let ids = self.named()?;
            // Their order is the one they were given in.
            self.direct &= !plan.sorts_by_id();
            self.seen = Some(HashSet::new());
            self.ids(&ids, true)?;
            "ids".clone_into(&mut self.summary.access);
            return Ok(self.direct);
        }
        if let Some(index) = super::order::index(*run, file, self.prepared.sorted_limit, self.keep)
            && let Some(ids) =
                super::order::ids(*run, file, index, &self.prepared.keys, self.prepared.sorted_limit)?
        {
            self.summary.access = format!("order of index {}", index.name);
            self.direct = true;
            if self.keep {
                self.ids(&ids, false)?;
            } else {
                for id in &ids {
                    if self.offer(id, &[])?.is_break() {
                        break;
                    }
                }
            }
            return Ok(true);
        }
        let (access, description) = match check {
            Some(check) => choose(run.view, file, check, plan.refuses_indices())?,
            None => (Access::WholeFile, "whole file".to_owned()),
        };
        self.summary.access = description;
        match access {
            Access::WholeFile if plan.options.require_index => {
                let message = "Processing terminated: This query cannot be resolved with an index";
                return Err(Error::Refused(message.to_owned()));
            }
            Access::WholeFile => {
                let mut failure = None;
                scan_file(run.view, file.number, &mut |id, record| {
                    self.offer(id, record).unwrap_or_else(|error| {
                        failure = Some(error);
                        ControlFlow::Break(())
                    })
                })?;
                failure.map_or(Ok(()), Err)?;
            }
            Access::Ids(ids) => self.ids(&ids, false)?,
        }
        Ok(self.direct)
    }

    /// The ids of the sentence, of the list, or those in both in the list's order.
    fn named(&mut self) -> Result<Vec<Vec<u8>>> {
        let Run { plan, list, .. } = self.prepared.run;
        let of_sentence = plan
            .ids
            .iter()
            .map(|id| Ok(literal(id)?.as_bytes().to_vec()))
            .collect::<Result<Vec<Vec<u8>>>>()?;
        Ok(match list {
            None => of_sentence,
            Some(list) if plan.ids.is_empty() => list.to_vec(),
            Some(list) => {
                let same = |id: &[u8]| self.prepared.file.records().folded(&text(id)).into_owned();
                let wanted: HashSet<String> = of_sentence.iter().map(|id| same(id)).collect();
                list.iter().filter(|id| wanted.contains(&same(id))).cloned().collect()
            }
        })
    }

    fn ids(&mut self, ids: &[Vec<u8>], named: bool) -> Result<()> {
        let options = self.prepared.run.plan.options;
        let view = self.prepared.run.view;
        let records = self.prepared.file.records();
        // Who names a record may spell it otherwise than it is stored, and the result keeps that.
        let records = Records { no_case: records.no_case && named, ..records };
        for id in ids {
            let key = records.key(view, &text(id))?;
            if let Some(seen) = &mut self.seen
                && !seen.insert(if records.no_case { key.clone() } else { id.clone() })
            {
                continue;
            }
            let mut flow = Ok(ControlFlow::Continue(()));
            let there = view.with(&key, &mut |record| flow = self.offer(id, record))?;
            if !there && options.absent_null {
                flow = self.offer(id, &[]);
            } else if !there && named && !options.absent_ignore {
                self.summary.missing.push(text(id).into_owned());
            }
            if flow?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Takes a record if it passes.
    fn offer(&mut self, id: &[u8], record: &[u8]) -> Result<ControlFlow<()>> {
        let prepared = self.prepared;
        if self.summary.count >= prepared.limit {
            return Ok(ControlFlow::Break(()));
        }
        let rec = Rec { id, record, context: self.rec };
        if prepared.check.as_ref().is_some_and(|check| !check.passes(&rec)) || !self.holds(record) {
            return Ok(ControlFlow::Continue(()));
        }
        if let Some(when) = &prepared.when {
            self.mask.clear();
            self.mask.extend((1..=when.values(&rec)).map(|number| when.value_passes(&rec, number)));
            if !self.mask.contains(&true) {
                return Ok(ControlFlow::Continue(()));
            }
        }
        self.passed += 1;
        if !self.passed.is_multiple_of(prepared.nth) {
            return Ok(ControlFlow::Continue(()));
        }
        if self.direct && self.summary.count >= prepared.sorted_limit {
            return Ok(ControlFlow::Break(()));
        }
        self.summary.count += 1;
        if self.direct {
            let mask = prepared.when.as_ref().map(|_| self.mask.as_slice());
            let entry = Entry { id, record, value: 0, subvalue: 0, mask, number: self.summary.count };
            (self.visit)(&entry)?;
            return Ok(ControlFlow::Continue(()));
        }
        match &prepared.explode {
            None => self.push(&rec, 0, 0)?,
            Some((_, get)) => {
                let content = get.get(&rec);
                for value in 1..=dcount(&content, &[VM]).max(1) {
                    let restricted = prepared.restricted().is_some_and(|item| {
                        prepared.exploded().is_some_and(|exploded| together(item, exploded))
                    });
                    if restricted && self.mask.get(value - 1) == Some(&false) {
                        continue;
                    }
                    let one = extract(&content, 1, i64::try_from(value).unwrap_or(0), 0);
                    match dcount(one, &[SM]) {
                        0 | 1 => self.push(&rec, value, 0)?,
                        subvalues => {
                            for subvalue in 1..=subvalues {
                                self.push(&rec, value, subvalue)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// SEARCH: whether the record holds the texts.
    fn holds(&self, record: &[u8]) -> bool {
        let Prepared { search, run, .. } = self.prepared;
        let options = run.plan.options;
        if search.is_empty() {
            return true;
        }
        let folded = options.search_no_case.then(|| text(record).to_lowercase());
        let record = folded.as_ref().map_or(record, |folded| folded.as_bytes());
        let mut hits = search.iter().map(|part| memchr::memmem::find(record, part.as_bytes()).is_some());
        match (options.all_match, options.no_match) {
            (_, true) => !hits.any(|hit| hit),
            (true, false) => hits.all(|hit| hit),
            (false, false) => hits.any(|hit| hit),
        }
    }

    fn push(&mut self, rec: &Rec<'_>, value: usize, subvalue: usize) -> Result<()> {
        let found = &mut self.found;
        let at = found.bytes.len();
        self.prepared.keys.write(rec, value, subvalue, &mut found.bytes);
        let key = &found.bytes[at..];
        let mut head = [0; 8];
        let length = key.len().min(8);
        head[..length].copy_from_slice(&key[..length]);
        let key = u32::try_from(key.len()).unwrap_or(u32::MAX);
        found.bytes.extend_from_slice(rec.id);
        let keep = self.keep && found.kept < KEPT_BYTES_MAX && rec.record.len() < KEPT_BYTES_MAX;
        if keep {
            found.bytes.extend_from_slice(rec.record);
            found.kept += rec.record.len();
        }
        if found.bytes.len() > SORT_BYTES_MAX || key == u32::MAX {
            let hint = "select fewer records, or sort by fewer items";
            return Err(Error::TooLarge {
                what: "what must be sorted".to_owned(),
                limit: SORT_BYTES_MAX as u64,
                hint,
            });
        }
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        found.slots.push(Slot {
            prefix: u64::from_be_bytes(head),
            at,
            key,
            id: u16::try_from(rec.id.len()).unwrap_or(u16::MAX),
            record: if keep { small(rec.record.len()) } else { u32::MAX },
            value: small(value),
            subvalue: small(subvalue),
        });
        Ok(())
    }

    /// Hands on what was found, in order.
    fn hand_on(&mut self) -> Result<()> {
        let prepared = self.prepared;
        self.found.sort(prepared.keys.reverse_equals());
        let found = std::mem::take(&mut self.found);
        if prepared.explode.is_some() {
            self.summary.values = Some(found.slots.len().min(prepared.sorted_limit));
        } else {
            self.summary.count = self.summary.count.min(prepared.sorted_limit);
        }
        for slot in found.slots.iter().take(prepared.sorted_limit) {
            self.rows += 1;
            let id = found.id(slot);
            match found.record(slot) {
                Some(record) => self.hand_on_one(id, record, slot)?,
                None if self.keep => {
                    let key = prepared.file.records().key(prepared.run.view, &text(id))?;
                    let mut done = Ok(());
                    prepared.run.view.with(&key, &mut |record| done = self.hand_on_one(id, record, slot))?;
                    done?;
                }
                None => self.hand_on_one(id, &[], slot)?,
            }
        }
        Ok(())
    }

    fn hand_on_one(&mut self, id: &[u8], record: &[u8], slot: &Slot) -> Result<()> {
        let mask = match &self.prepared.when {
            Some(when) if self.keep => {
                let rec = Rec { id, record, context: self.rec };
                self.mask.clear();
                self.mask.extend((1..=when.values(&rec)).map(|number| when.value_passes(&rec, number)));
                Some(self.mask.as_slice())
            }
            _ => None,
        };
        let (value, subvalue) = (slot.value as usize, slot.subvalue as usize);
        (self.visit)(&Entry { id, record, value, subvalue, mask, number: self.rows })
    }
}

/// What a SELECT found: the ids, or the values of its SAVING, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// Ids or values as stored.
    pub items: Vec<Vec<u8>>,
    /// Ids that were named and do not exist.
    pub missing: Vec<String>,
    /// The list they are meant for.
    pub to: usize,
}

/// Runs a SELECT, SSELECT or SEARCH.
pub(crate) fn select(run: Run<'_>) -> Result<Selected> {
    let plan = run.plan;
    let mut builder = Builder::new(run.view, run.catalog, plan, run.env)?;
    let prepared = Prepared::new(run, &mut builder)?;
    let saving = match &plan.saving {
        Some(saving) => Some((saving, super::rows::Content::compile(&saving.item, &prepared, &mut builder)?)),
        None => None,
    };
    let context = Builder::context(run);
    let mut items: Vec<Vec<u8>> = Vec::new();
    let mut known: HashSet<Vec<u8>> = HashSet::new();
    let summary = prepared.each(saving.is_some(), &mut |entry| {
        let Some((saving, content)) = &saving else {
            items.push(entry.id.to_vec());
            return Ok(());
        };
        let rec = Rec { id: entry.id, record: entry.record, context };
        let content = content.get(&rec, entry);
        let values = content.split(|&b| b == VM || b == SM);
        for value in values.take(if saving.multi { usize::MAX } else { 1 }) {
            if (saving.no_nulls && value.is_empty()) || (saving.unique && !known.insert(value.to_vec())) {
                continue;
            }
            items.push(value.to_vec());
        }
        Ok(())
    })?;
    Ok(Selected { items, missing: summary.missing, to: plan.to })
}

/// Whether a plan takes list 0 when it is active.
pub(super) fn list_number(plan: &QueryPlan) -> Option<usize> {
    match plan.from {
        From::Active => Some(0),
        From::List(number) => Some(number),
        From::Nothing => None,
    }
}

/// Whether the verb needs no content of records beyond its selection.
pub(super) fn counts_only(plan: &QueryPlan) -> bool {
    plan.verb == Verb::Count
}
