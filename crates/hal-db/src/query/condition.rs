//! A selection ready to test records: literals converted once, fields read in place.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

use super::columns::{Builder, Conversion, Getter, Rec, pick};
use super::plan::{Condition, Operand, RelOp, Test};
use crate::conv::{self, Status, soundex};
use crate::dict::DataItem;
use crate::dynarray::{FM, SM, VM, dcount, integer};
use crate::error::{Error, Result};
use crate::number::{Decimal, compare};
use crate::pattern::Pattern;
use crate::{Env, date};

/// A compiled selection.
pub(super) enum Check {
    Test(Box<TestCheck>),
    And(Box<Check>, Box<Check>),
    Or(Box<Check>, Box<Check>),
    Not(Box<Check>),
}

/// A compiled test.
pub(super) struct TestCheck {
    pub item: DataItem,
    pub get: Getter,
    shown: Conversion,
    pub every: bool,
    pub op: RelOp,
    pub no_case: bool,
    pub operands: Vec<Value>,
}

/// An operand in stored form.
pub(super) enum Value {
    /// A literal; `whole_day` when it is a date without a time for a stamp.
    Text {
        bytes: Vec<u8>,
        /// The bytes as a whole number, for the usual case.
        number: Option<i64>,
        whole_day: bool,
    },
    Pattern(Pattern),
    Item(Getter),
    /// The lines of a saved list.
    List(HashSet<Vec<u8>>),
}

impl Value {
    fn text(bytes: Vec<u8>, whole_day: bool) -> Value {
        Value::Text { number: integer(&bytes), bytes, whole_day }
    }
}

impl Check {
    pub(super) fn compile(condition: &Condition, builder: &mut Builder<'_>) -> Result<Check> {
        Ok(match condition {
            Condition::Test(test) => Check::Test(Box::new(TestCheck::compile(test, builder)?)),
            Condition::And(a, b) => {
                Check::And(Box::new(Check::compile(a, builder)?), Box::new(Check::compile(b, builder)?))
            }
            Condition::Or(a, b) => {
                Check::Or(Box::new(Check::compile(a, builder)?), Box::new(Check::compile(b, builder)?))
            }
            Condition::Not(inner) => Check::Not(Box::new(Check::compile(inner, builder)?)),
        })
    }

    /// Whether a record passes.
    pub(super) fn passes(&self, rec: &Rec<'_>) -> bool {
        match self {
            Check::Test(test) => test.passes(rec),
            Check::And(a, b) => a.passes(rec) && b.passes(rec),
            Check::Or(a, b) => a.passes(rec) || b.passes(rec),
            Check::Not(inner) => !inner.passes(rec),
        }
    }

    /// Whether value `number` of a record passes, as WHEN asks.
    pub(super) fn value_passes(&self, rec: &Rec<'_>, number: usize) -> bool {
        match self {
            Check::Test(test) => {
                let content = pick(test.get.get(rec), number, 0);
                test.content_passes(&content, rec)
            }
            Check::And(a, b) => a.value_passes(rec, number) && b.value_passes(rec, number),
            Check::Or(a, b) => a.value_passes(rec, number) || b.value_passes(rec, number),
            Check::Not(inner) => !inner.value_passes(rec, number),
        }
    }

    /// Most values that an item of the selection has.
    pub(super) fn values(&self, rec: &Rec<'_>) -> usize {
        match self {
            Check::Test(test) => dcount(&test.get.get(rec), &[VM]).max(1),
            Check::And(a, b) | Check::Or(a, b) => a.values(rec).max(b.values(rec)),
            Check::Not(inner) => inner.values(rec),
        }
    }

    /// An item of the selection.
    pub(super) fn first_item(&self) -> &DataItem {
        match self {
            Check::Test(test) => &test.item,
            Check::And(a, _) | Check::Or(a, _) | Check::Not(a) => a.first_item(),
        }
    }

    /// The tests that every record found must pass: those joined by AND at the top.
    pub(super) fn required(&self) -> Vec<&TestCheck> {
        match self {
            Check::Test(test) => vec![test],
            Check::And(a, b) => [a.required(), b.required()].concat(),
            Check::Or(..) | Check::Not(_) => Vec::new(),
        }
    }
}

impl TestCheck {
    fn compile(test: &Test, builder: &mut Builder<'_>) -> Result<TestCheck> {
        let get = builder.getter(&test.item)?;
        let no_case = test.no_case || (builder.ids_no_case && matches!(get, Getter::Id));
        let operands = test
            .operands
            .iter()
            .map(|operand| match (operand, test.op) {
                (Operand::Item(item), _) => Ok(Value::Item(builder.getter(item)?)),
                (Operand::Parameter(name), _) => Err(Error::UnboundParameter { name: name.clone() }),
                (Operand::Literal(text), RelOp::In | RelOp::NotIn) => saved_list(text, no_case, builder),
                (Operand::Literal(text), RelOp::Like | RelOp::Unlike) => {
                    let folded = if no_case { text.to_lowercase() } else { text.clone() };
                    Ok(Value::Pattern(Pattern::parse(&folded)))
                }
                (Operand::Literal(text), RelOp::Said) => Ok(Value::text(soundex(text.as_bytes()), false)),
                (Operand::Literal(text), _) => literal(text, &test.item, no_case, &builder.env),
            })
            .collect::<Result<Vec<Value>>>()?;
        Ok(TestCheck {
            get,
            shown: builder.conversion(&test.item)?,
            item: test.item.clone(),
            every: test.every,
            op: test.op,
            no_case,
            operands,
        })
    }

    fn passes(&self, rec: &Rec<'_>) -> bool {
        self.content_passes(&self.get.get(rec), rec)
    }

    fn content_passes(&self, content: &[u8], rec: &Rec<'_>) -> bool {
        let mut values = content.split(|&b| b == VM || b == SM);
        if self.every {
            values.all(|value| self.value_passes(value, rec))
        } else {
            values.any(|value| self.value_passes(value, rec))
        }
    }

    fn value_passes(&self, value: &[u8], rec: &Rec<'_>) -> bool {
        match self.op {
            RelOp::Present => !value.is_empty(),
            RelOp::Between => match self.operands.as_slice() {
                [low, high] => {
                    self.ordering(value, low, rec).is_ge() && self.ordering(value, high, rec).is_le()
                }
                _ => false,
            },
            RelOp::Like | RelOp::Unlike => {
                let shown = self.shown(value, rec);
                let like = self.operands.iter().any(|operand| match operand {
                    Value::Pattern(pattern) => pattern.matches_bytes(&shown),
                    Value::Item(get) => Pattern::from_bytes(&get.get(rec)).matches_bytes(&shown),
                    Value::Text { .. } | Value::List(_) => false,
                });
                like == (self.op == RelOp::Like)
            }
            RelOp::Said => {
                let code = soundex(value);
                self.operands.iter().any(|operand| match operand {
                    Value::Text { bytes, .. } => *bytes == code,
                    Value::Item(get) => soundex(&get.get(rec)) == code,
                    Value::Pattern(_) | Value::List(_) => false,
                })
            }
            RelOp::In | RelOp::NotIn => {
                let folded = if self.no_case { Cow::Owned(fold(value)) } else { Cow::Borrowed(value) };
                let held = self
                    .operands
                    .iter()
                    .any(|operand| matches!(operand, Value::List(lines) if lines.contains(&*folded)));
                held == (self.op == RelOp::In)
            }
            // Not equal to any of the alternatives: `NE "a" "b"` means neither.
            RelOp::Ne => !self.operands.iter().any(|operand| self.equal(value, operand, rec)),
            RelOp::Eq => self.operands.iter().any(|operand| self.equal(value, operand, rec)),
            RelOp::Lt => self.operands.iter().any(|operand| self.ordering(value, operand, rec).is_lt()),
            RelOp::Le => self.operands.iter().any(|operand| self.ordering(value, operand, rec).is_le()),
            RelOp::Gt => self.operands.iter().any(|operand| self.ordering(value, operand, rec).is_gt()),
            RelOp::Ge => self.operands.iter().any(|operand| self.ordering(value, operand, rec).is_ge()),
        }
    }

    /// Right-justified items compare as numbers where both sides are; left-justified ones exactly.
    fn equal(&self, value: &[u8], operand: &Value, rec: &Rec<'_>) -> bool {
        let same = |value: &[u8], other: &[u8]| {
            if self.no_case {
                return fold(value) == fold(other);
            }
            value == other
                || self.item.right
                    && matches!((Decimal::parse(value), Decimal::parse(other)),
                        (Some(a), Some(b)) if a.compare(&b).is_eq())
        };
        match operand {
            Value::Text { bytes, whole_day, .. } => same(day_of(value, *whole_day), bytes),
            Value::Item(get) => same(value, &get.get(rec)),
            Value::Pattern(_) | Value::List(_) => false,
        }
    }

    fn ordering(&self, value: &[u8], operand: &Value, rec: &Rec<'_>) -> Ordering {
        let ordered = |value: &[u8], other: &[u8], number: Option<i64>| match (
            number,
            number.and_then(|_| integer(value)),
        ) {
            (Some(b), Some(a)) => a.cmp(&b),
            _ if self.no_case => compare(&fold(value), &fold(other)),
            _ => compare(value, other),
        };
        match operand {
            Value::Text { bytes, whole_day, number } => ordered(day_of(value, *whole_day), bytes, *number),
            Value::Item(get) => ordered(value, &get.get(rec), None),
            Value::Pattern(_) | Value::List(_) => value.cmp(&[]),
        }
    }

    /// The value as shown, which is what LIKE looks at.
    fn shown<'a>(&self, value: &'a [u8], rec: &Rec<'_>) -> Cow<'a, [u8]> {
        let shown = self.shown.apply(value, rec);
        if self.no_case { Cow::Owned(fold(&shown)) } else { shown }
    }
}

/// The day of a stamp, where a whole day is asked for.
fn day_of(value: &[u8], whole_day: bool) -> &[u8] {
    let day = if whole_day { value.iter().position(|&b| b == b'.') } else { None };
    &value[..day.unwrap_or(value.len())]
}

/// The lines of a saved list, `name`, or of a record of any file, `file id`.
fn saved_list(name: &str, no_case: bool, builder: &Builder<'_>) -> Result<Value> {
    let (file, id) = name.trim().split_once(' ').unwrap_or((super::lists::SAVED_LISTS, name.trim()));
    let record = match builder.catalog.file(file) {
        Ok(entry) => builder.view.get(&entry.records().key(builder.view, id.trim())?)?,
        Err(_) => None,
    };
    let Some(record) = record else {
        return Err(Error::Refused(format!("Saved select list '{name}' not found")));
    };
    let lines = record.split(|&b| b == FM).map(|line| if no_case { fold(line) } else { line.to_vec() });
    Ok(Value::List(lines.collect()))
}

fn fold(bytes: &[u8]) -> Vec<u8> {
    crate::functions::downcase(bytes)
}

/// Converts what a person wrote for `item` to its stored form. ISO dates are taken whatever the conversion's order.
fn literal(text: &str, item: &DataItem, no_case: bool, env: &Env) -> Result<Value> {
    let (bytes, whole_day) = stored(text, item, env, false)?;
    let bytes = if no_case { fold(&bytes) } else { bytes };
    Ok(Value::text(bytes, whole_day))
}

/// Stored form of written text, and whether it is a date without a time for a stamp. `strict` refuses a date that the
/// calendar does not have; else it runs on into the next month, as QM has it.
///
/// # Errors
/// [`Error::BadValue`].
pub(crate) fn stored(text: &str, item: &DataItem, env: &Env, strict: bool) -> Result<(Vec<u8>, bool)> {
    if item.conversion.is_empty() || text.is_empty() {
        return Ok((text.as_bytes().to_vec(), false));
    }
    let is_date = item.conversion.starts_with(['D', 'd']);
    if item.stamp
        && is_date
        && let Some(moment) = iso_moment(text)
    {
        return Ok((moment.into_bytes(), false));
    }
    if is_date && let Some(day) = date::from_iso(text) {
        return Ok((day.to_string().into_bytes(), item.stamp));
    }
    match conv::iconv(text.as_bytes(), &item.conversion, env) {
        (bytes, Status::Ok) => Ok((bytes, item.stamp && is_date)),
        (bytes, Status::Doubtful) if !strict => Ok((bytes, item.stamp && is_date)),
        (_, _) => Err(Error::BadValue {
            item: item.name.clone(),
            value: text.chars().take(80).collect(),
            code: item.conversion.replace('\u{FD}', " then "),
        }),
    }
}

/// Reads `2026-11-24 08:12`, with `T` for the space and seconds if wanted, into a stamp.
fn iso_moment(text: &str) -> Option<String> {
    let (day, time) = text.split_once(['T', ' '])?;
    let day = date::from_iso(day)?;
    let parts: Vec<u32> = time
        .split(':')
        .map(|part| (part.len() == 2).then(|| part.parse().ok()).flatten())
        .collect::<Option<Vec<u32>>>()?;
    match parts.as_slice() {
        [hour @ 0..=23, minute @ 0..=59] => Some(date::stamp(day, hour * 3600 + minute * 60)),
        [hour @ 0..=23, minute @ 0..=59, second @ 0..=59] => {
            Some(date::stamp(day, hour * 3600 + minute * 60 + second))
        }
        _ => None,
    }
}
