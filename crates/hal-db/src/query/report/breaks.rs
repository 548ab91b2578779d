//! What is computed of columns, for each group and for all records. Knows numbers, not lines.

use std::collections::HashMap;

use super::cell::Column;
use crate::dynarray::{SM, VM};
use crate::itype::Num;
use crate::query::columns::{Getter, Rec};
use crate::query::plan::Aggregate;

/// Values kept for a median or mode; further ones are not looked at.
const VALUES_MAX: usize = 2_000_000;

/// What is known of one column's values.
#[derive(Debug, Clone)]
pub(super) struct Sum {
    total: Num,
    count: usize,
    greatest: Option<Num>,
    least: Option<Num>,
    values: Vec<Num>,
    /// Sums of the TOTAL()s of a CALC.
    terms: Vec<Num>,
}

impl Default for Sum {
    fn default() -> Sum {
        Sum { total: Num::ZERO, count: 0, greatest: None, least: None, values: Vec::new(), terms: Vec::new() }
    }
}

/// The values of a content; an empty one has one, empty value.
pub(super) fn elements(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|&b| b == VM || b == SM)
}

impl Sum {
    fn add(&mut self, column: &Column, content: &[u8], rec: &Rec<'_>) {
        match column.aggregate {
            Aggregate::None => {}
            Aggregate::Calc => {
                if let Getter::Program(program) = &column.content.get {
                    let terms = &mut self.terms;
                    program.total_terms(rec.id, rec.record, &rec.context, &mut |number, value| {
                        if terms.len() <= number {
                            terms.resize(number + 1, Num::ZERO);
                        }
                        terms[number] = terms[number].add(value);
                    });
                }
            }
            Aggregate::Total | Aggregate::Percent(_) | Aggregate::Cumulative => {
                for value in elements(content) {
                    if let Some(number) = Num::parse(value) {
                        self.total = self.total.add(number);
                    }
                }
            }
            _ => elements(content).for_each(|value| self.add_value(column, value)),
        }
    }

    fn add_value(&mut self, column: &Column, value: &[u8]) {
        if value.is_empty() && (column.no_nulls || column.aggregate != Aggregate::Average) {
            // A count takes what is there; an average counts nothing as 0.
            self.count += usize::from(!column.no_nulls && column.aggregate == Aggregate::Enum);
            return;
        }
        let Some(number) = Num::of(value) else {
            self.count += usize::from(column.aggregate == Aggregate::Enum);
            return;
        };
        self.count += 1;
        self.total = self.total.add(number);
        if self.greatest.is_none_or(|greatest| number.compare(greatest).is_gt()) {
            self.greatest = Some(number);
        }
        if self.least.is_none_or(|least| number.compare(least).is_lt()) {
            self.least = Some(number);
        }
        if matches!(column.aggregate, Aggregate::Median | Aggregate::Mode) && self.values.len() < VALUES_MAX {
            self.values.push(number);
        }
    }

    fn merge(&mut self, other: Sum) {
        self.total = self.total.add(other.total);
        self.count += other.count;
        let better = |a: Option<Num>, b: Option<Num>, wanted: std::cmp::Ordering| match (a, b) {
            (Some(a), Some(b)) => Some(if b.compare(a) == wanted { b } else { a }),
            (a, b) => a.or(b),
        };
        self.greatest = better(self.greatest, other.greatest, std::cmp::Ordering::Greater);
        self.least = better(self.least, other.least, std::cmp::Ordering::Less);
        if self.values.is_empty() {
            self.values = other.values;
        } else {
            self.values.extend(other.values);
        }
        for (number, term) in other.terms.into_iter().enumerate() {
            match self.terms.get_mut(number) {
                Some(own) => *own = own.add(term),
                None => self.terms.push(term),
            }
        }
    }

    /// The result, as stored. `all`: the sum of the column over all records; `running`: the sum so far.
    fn result(&self, column: &Column, all: Num, running: Num, rec: &Rec<'_>, level: usize) -> Vec<u8> {
        let number = match column.aggregate {
            Aggregate::None => return Vec::new(),
            Aggregate::Total => Some(self.total),
            Aggregate::Average if self.count > 0 => Some(self.total.div(Num::from(self.count as i64))),
            Aggregate::Max => self.greatest,
            Aggregate::Min => self.least,
            Aggregate::Enum => Some(Num::from(self.count as i64)),
            Aggregate::Percent(_) => Some(share(self.total, all)),
            Aggregate::Cumulative => Some(running),
            Aggregate::Range => self.greatest.zip(self.least).map(|(greatest, least)| greatest.sub(least)),
            Aggregate::Median => median(&self.values),
            Aggregate::Mode => mode(&self.values),
            Aggregate::Average => None,
            Aggregate::Calc => {
                let mut rec = *rec;
                rec.context.place.totals = Some(&self.terms);
                rec.context.place.break_level = level;
                return column.content.get.get(&rec).into_owned();
            }
        };
        number.map_or_else(Vec::new, Num::to_bytes)
    }
}

fn share(part: Num, all: Num) -> Num {
    part.mul(Num::from(100)).div(all)
}

fn median(values: &[Num]) -> Option<Num> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|a, b| a.compare(*b));
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(sorted[middle - 1].add(sorted[middle]).div(Num::from(2))),
    }
}

fn mode(values: &[Num]) -> Option<Num> {
    let mut counts: HashMap<Vec<u8>, (usize, usize, Num)> = HashMap::new();
    for (place, value) in values.iter().enumerate() {
        counts.entry(value.to_bytes()).or_insert((0, place, *value)).0 += 1;
    }
    // The first of those that are equally frequent.
    counts
        .into_values()
        .max_by_key(|(count, place, _)| (*count, std::cmp::Reverse(*place)))
        .map(|found| found.2)
}

/// The sums of all columns: for all records, and for the group of each level that is open.
pub(super) struct Sums {
    /// Level 0 is everything, 1 the first group of the sentence.
    levels: Vec<Level>,
    running: Vec<Num>,
    all: Vec<Num>,
}

struct Level {
    sums: Vec<Sum>,
    details: usize,
}

impl Sums {
    pub(super) fn new(columns: usize, groups: usize, all: Vec<Num>) -> Sums {
        let level = || Level { sums: vec![Sum::default(); columns], details: 0 };
        Sums { levels: (0..=groups).map(|_| level()).collect(), running: vec![Num::ZERO; columns], all }
    }

    /// Adds a record to its innermost group.
    pub(super) fn add(&mut self, columns: &[Column], contents: &[std::borrow::Cow<'_, [u8]>], rec: &Rec<'_>) {
        let Some(level) = self.levels.last_mut() else { return };
        level.details += 1;
        for ((sum, column), content) in level.sums.iter_mut().zip(columns).zip(contents) {
            if column.aggregate != Aggregate::None {
                sum.add(column, content, rec);
            }
        }
    }

    /// What a detail line shows in place of a content: shares and running sums. `None` for the content itself.
    pub(super) fn shown(&mut self, index: usize, column: &Column, content: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match column.aggregate {
            Aggregate::Percent(_) | Aggregate::Cumulative => {
                let mut rest = content;
                loop {
                    let end = rest.iter().position(|&b| b == VM || b == SM).unwrap_or(rest.len());
                    let number = Num::of(&rest[..end]).unwrap_or(Num::ZERO);
                    if matches!(column.aggregate, Aggregate::Cumulative) {
                        self.running[index] = self.running[index].add(number);
                        self.running[index].write(&mut out);
                    } else {
                        share(number, self.all[index]).write(&mut out);
                    }
                    match rest.get(end) {
                        Some(mark) => out.push(*mark),
                        None => return Some(out),
                    }
                    rest = &rest[end + 1..];
                }
            }
            _ => None,
        }
    }

    /// Detail lines of the group of a level.
    pub(super) fn details(&self, level: usize) -> usize {
        self.levels[level].details
    }

    /// The results of a level, by column.
    pub(super) fn results(&self, level: usize, columns: &[Column], rec: &Rec<'_>) -> Vec<Vec<u8>> {
        let number = if level == 0 { 255 } else { self.levels.len() - level };
        let sums = self.levels[level].sums.iter().zip(columns).enumerate();
        sums.map(|(at, (sum, column))| sum.result(column, self.all[at], self.running[at], rec, number))
            .collect()
    }

    /// Ends the group of a level: its sums go to the level above.
    pub(super) fn close(&mut self, level: usize) {
        let columns = self.levels[level].sums.len();
        let sums = std::mem::replace(&mut self.levels[level].sums, vec![Sum::default(); columns]);
        let details = std::mem::take(&mut self.levels[level].details);
        let above = &mut self.levels[level - 1];
        above.details += details;
        above.sums.iter_mut().zip(sums).for_each(|(above, sum)| above.merge(sum));
    }
}
