//! Reading: one snapshot, queries as sentences, fields by name. Knows no skill.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use hal_db::{Dictionary, Env, Record, Snapshot, query};

use crate::understand::moment::Moment;

/// A fault of reading: the details for the log, never for the ear.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Database(#[from] hal_db::Error),
    #[error("query {sentence:?}: {message}")]
    Query { sentence: String, message: String },
}

/// One record with the names of its fields.
#[derive(Clone)]
pub(crate) struct Rec {
    pub id: String,
    pub record: Record,
    dictionary: Arc<Dictionary>,
}

impl std::fmt::Debug for Rec {
    /// Records are personal: only the id's length is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rec({} bytes)", self.record.as_bytes().len())
    }
}

impl Rec {
    /// The number of a field by its name; `None` when the file has no such field.
    pub(crate) fn place(&self, field: &str) -> Option<usize> {
        self.dictionary.data(field).map(|item| item.field)
    }

    /// The first value of a field, "" when empty or absent; a scaled number as it is shown, without signs of money.
    pub(crate) fn text(&self, field: &str) -> String {
        let stored = self.stored(field);
        match (self.scale(field), stored.parse::<f64>()) {
            (scale @ 1.., Ok(number)) => {
                let shown = format!("{:.*}", scale.unsigned_abs() as usize, number / 10_f64.powi(scale));
                shown.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            _ => stored,
        }
    }

    /// The first value of a field as it stands in the record.
    fn stored(&self, field: &str) -> String {
        match self.place(field) {
            Some(0) => self.id.clone(),
            Some(number) => self.record.extract_text(number as i64, 1, 0).trim().to_string(),
            None => String::new(),
        }
    }

    pub(crate) fn values(&self, field: &str) -> Vec<String> {
        let Some(number) = self.place(field) else { return Vec::new() };
        self.record
            .values(number)
            .map(|v| String::from_utf8_lossy(v).trim().to_string())
            .filter(|v| !v.is_empty())
            .collect()
    }

    /// A whole number as it is stored: a day, a count, seconds.
    pub(crate) fn int(&self, field: &str) -> Option<i64> {
        self.stored(field).parse().ok()
    }

    /// A number as it is shown: an account may keep 188.4 pounds as 1884 under `MD1`.
    pub(crate) fn number(&self, field: &str) -> Option<f64> {
        let stored: f64 = self.stored(field).parse().ok()?;
        Some(stored / 10_f64.powi(self.scale(field))).filter(|n| n.is_finite())
    }

    /// An amount of money in cents, however the account scales it.
    pub(crate) fn cents(&self, field: &str) -> Option<i64> {
        let stored: f64 = self.stored(field).parse().ok()?;
        let cents = (stored * 10_f64.powi(2 - self.scale(field))).round();
        // Beyond it a float has no cents.
        (cents.abs() < 9e15).then_some(cents as i64)
    }

    fn scale(&self, field: &str) -> i32 {
        self.dictionary.data(field).map_or(0, |item| hal_db::conv::scale(&item.conversion) as i32)
    }

    /// The values of RELATIONSHIPS: relation in lower case and the id of the person who is that.
    pub(crate) fn relations(&self) -> Vec<(String, String)> {
        let pairs = self.values("RELATIONSHIPS");
        let pairs = pairs.iter().filter_map(|value| value.split_once(':'));
        pairs.map(|(relation, id)| (relation.trim().to_lowercase(), id.trim().to_owned())).collect()
    }

    /// A time of day in seconds, as the database stores it or as somebody typed it ("10:30").
    pub(crate) fn time(&self, field: &str) -> Option<u32> {
        let text = self.text(field);
        if let Ok(second) = text.parse::<u32>() {
            return (second < 86_400).then_some(second);
        }
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.get(..2)?.parse().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 3600 + minute * 60)
    }

    pub(crate) fn is(&self, field: &str, value: &str) -> bool {
        self.text(field).eq_ignore_ascii_case(value)
    }
}

/// The records as they stood when the turn began.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    snapshot: &'a Snapshot,
    env: Env,
    read: RefCell<BTreeSet<String>>,
}

/// Records a turn reads of one file at most; a household has fewer.
const RECORDS_MAX: usize = 100_000;

impl<'a> Records<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, now: Moment) -> Records<'a> {
        Records { snapshot, env: Env { today: now.day, second: now.second }, read: RefCell::default() }
    }

    /// The files that were read so far.
    pub(crate) fn files(&self) -> Vec<String> {
        self.read.borrow().iter().cloned().collect()
    }

    /// Forgets which files were read: the names of a turn are not what its answer was read from.
    pub(crate) fn forget_files(&self) {
        self.read.borrow_mut().clear();
    }

    /// Runs a sentence (`SELECT …` or `SSELECT …`) whose `{names}` are filled by `param` and gives the whole records.
    pub(crate) fn select(
        &self,
        sentence: &str,
        param: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<Rec>, Fault> {
        let fault = |message: String| Fault::Query { sentence: sentence.to_string(), message };
        let plan = query::parse(sentence, self.snapshot).map_err(|e| fault(e.to_string()))?;
        let plan = plan.bind(param).map_err(|e| fault(e.to_string()))?;
        // Also where nothing is found: that is what was read.
        self.read.borrow_mut().insert(plan.file.clone());
        let rows = self.snapshot.run(&plan, &self.env)?;
        let mut out = Vec::new();
        for row in rows.rows {
            out.extend(self.get(&plan.file, &row.id)?);
        }
        Ok(out)
    }

    /// One record by its id.
    pub(crate) fn get(&self, file: &str, id: &str) -> Result<Option<Rec>, Fault> {
        if id.is_empty() {
            return Ok(None);
        }
        self.read.borrow_mut().insert(file.to_string());
        let Some(record) = self.snapshot.read(file, id)? else { return Ok(None) };
        Ok(Some(Rec { id: id.to_string(), record, dictionary: self.snapshot.dictionary(file)? }))
    }

    /// All records of a file in id order; an absent file has none.
    pub(crate) fn all(&self, file: &str) -> Result<Vec<Rec>, Fault> {
        let dictionary = match self.snapshot.dictionary(file) {
            Ok(dictionary) => dictionary,
            Err(hal_db::Error::NoSuchFile { .. }) => return Ok(Vec::new()),
            Err(other) => return Err(other.into()),
        };
        self.read.borrow_mut().insert(file.to_string());
        let mut out = Vec::new();
        self.snapshot.scan(file, &mut |id, bytes| {
            out.push(Rec {
                id: id.to_string(),
                record: Record::from_bytes(bytes),
                dictionary: dictionary.clone(),
            });
            if out.len() < RECORDS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(out)
    }

    /// The dictionary of a file, for writing new records by field name.
    pub(crate) fn dictionary(&self, file: &str) -> Result<Arc<Dictionary>, Fault> {
        Ok(self.snapshot.dictionary(file)?)
    }
}
