//! A selection ready to test records: literals converted once, fields read in place.

use std::cmp::Ordering;

use super::plan::{Condition, Operand, RelOp, Test};
use crate::conv::{self, Status, soundex};
use crate::dict::DataItem;
use crate::dynarray::{SM, VM, field, text};
use crate::error::{Error, Result};
use crate::number::{Decimal, compare};
use crate::pattern::Pattern;
use crate::{Env, date};

/// A compiled selection.
pub(super) enum Check {
    Test(TestCheck),
    And(Box<Check>, Box<Check>),
    Or(Box<Check>, Box<Check>),
    Not(Box<Check>),
}

/// A compiled test.
pub(super) struct TestCheck {
    pub item: DataItem,
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
        whole_day: bool,
    },
    Pattern(Pattern),
    Item(DataItem),
}

impl Check {
    pub(super) fn compile(condition: &Condition, env: &Env) -> Result<Check> {
        let both = |a: &Condition, b: &Condition| -> Result<(Box<Check>, Box<Check>)> {
            Ok((Box::new(Check::compile(a, env)?), Box::new(Check::compile(b, env)?)))
        };
        Ok(match condition {
            Condition::Test(test) => Check::Test(TestCheck::compile(test, env)?),
            Condition::And(a, b) => {
                let (a, b) = both(a, b)?;
                Check::And(a, b)
            }
            Condition::Or(a, b) => {
                let (a, b) = both(a, b)?;
                Check::Or(a, b)
            }
            Condition::Not(inner) => Check::Not(Box::new(Check::compile(inner, env)?)),
        })
    }

    /// Whether a record passes.
    pub(super) fn passes(&self, id: &[u8], record: &[u8]) -> bool {
        match self {
            Check::Test(test) => test.passes(id, record),
            Check::And(a, b) => a.passes(id, record) && b.passes(id, record),
            Check::Or(a, b) => a.passes(id, record) || b.passes(id, record),
            Check::Not(inner) => !inner.passes(id, record),
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
    fn compile(test: &Test, env: &Env) -> Result<TestCheck> {
        let operands = test
            .operands
            .iter()
            .map(|operand| match (operand, test.op) {
                (Operand::Item(item), _) => Ok(Value::Item((**item).clone())),
                (Operand::Parameter(name), _) => Err(Error::UnboundParameter { name: name.clone() }),
                (Operand::Literal(text), RelOp::Like | RelOp::Unlike) => {
                    let folded = if test.no_case { text.to_lowercase() } else { text.clone() };
                    Ok(Value::Pattern(Pattern::parse(&folded)))
                }
                (Operand::Literal(text), RelOp::Said) => {
                    Ok(Value::Text { bytes: soundex(text.as_bytes()), whole_day: false })
                }
                (Operand::Literal(text), _) => literal(text, &test.item, test.no_case, env),
            })
            .collect::<Result<Vec<Value>>>()?;
        Ok(TestCheck {
            item: test.item.clone(),
            every: test.every,
            op: test.op,
            no_case: test.no_case,
            operands,
        })
    }

    pub(super) fn passes(&self, id: &[u8], record: &[u8]) -> bool {
        let mut values = content(&self.item, id, record).split(|&b| b == VM || b == SM);
        if self.every {
            values.all(|value| self.value_passes(value, id, record))
        } else {
            values.any(|value| self.value_passes(value, id, record))
        }
    }

    fn value_passes(&self, value: &[u8], id: &[u8], record: &[u8]) -> bool {
        match self.op {
            RelOp::Present => !value.is_empty(),
            RelOp::Between => match self.operands.as_slice() {
                [low, high] => {
                    self.ordering(value, low, id, record).is_ge()
                        && self.ordering(value, high, id, record).is_le()
                }
                _ => false,
            },
            RelOp::Like | RelOp::Unlike => {
                let shown = self.shown(value);
                let like = self.operands.iter().any(|operand| match operand {
                    Value::Pattern(pattern) => pattern.matches(&shown),
                    Value::Item(item) => Pattern::parse(&text(content(item, id, record))).matches(&shown),
                    Value::Text { .. } => false,
                });
                like == (self.op == RelOp::Like)
            }
            RelOp::Said => {
                let code = soundex(value);
                self.operands.iter().any(|operand| match operand {
                    Value::Text { bytes, .. } => *bytes == code,
                    Value::Item(item) => soundex(content(item, id, record)) == code,
                    Value::Pattern(_) => false,
                })
            }
            // Not equal to any of the alternatives: `NE "a" "b"` means neither.
            RelOp::Ne => !self.operands.iter().any(|operand| self.equal(value, operand, id, record)),
            RelOp::Eq => self.operands.iter().any(|operand| self.equal(value, operand, id, record)),
            RelOp::Lt => self.operands.iter().any(|o| self.ordering(value, o, id, record).is_lt()),
            RelOp::Le => self.operands.iter().any(|o| self.ordering(value, o, id, record).is_le()),
            RelOp::Gt => self.operands.iter().any(|o| self.ordering(value, o, id, record).is_gt()),
            RelOp::Ge => self.operands.iter().any(|o| self.ordering(value, o, id, record).is_ge()),
        }
    }

    /// Right-justified items compare as numbers where both sides are; left-justified ones exactly.
    fn equal(&self, value: &[u8], operand: &Value, id: &[u8], record: &[u8]) -> bool {
        let (value, other) = self.sides(value, operand, id, record);
        if self.no_case {
            return fold(value) == fold(other);
        }
        if value == other {
            return true;
        }
        self.item.right
            && matches!((Decimal::parse(value), Decimal::parse(other)),
                (Some(a), Some(b)) if a.compare(&b).is_eq())
    }

    fn ordering(&self, value: &[u8], operand: &Value, id: &[u8], record: &[u8]) -> Ordering {
        let (value, other) = self.sides(value, operand, id, record);
        if self.no_case { compare(&fold(value), &fold(other)) } else { compare(value, other) }
    }

    fn sides<'a>(
        &self,
        value: &'a [u8],
        operand: &'a Value,
        id: &'a [u8],
        record: &'a [u8],
    ) -> (&'a [u8], &'a [u8]) {
        match operand {
            Value::Text { bytes, whole_day: true } => {
                let day = value.iter().position(|&b| b == b'.').unwrap_or(value.len());
                (&value[..day], bytes)
            }
            Value::Text { bytes, whole_day: false } => (value, bytes),
            Value::Item(item) => (value, content(item, id, record)),
            Value::Pattern(_) => (value, &[]),
        }
    }

    /// The value as shown, which is what LIKE looks at.
    fn shown(&self, value: &[u8]) -> String {
        let shown = if self.item.conversion.is_empty() {
            text(value).into_owned()
        } else {
            text(&conv::oconv(value, &self.item.conversion).0).into_owned()
        };
        if self.no_case { shown.to_lowercase() } else { shown }
    }
}

fn fold(bytes: &[u8]) -> Vec<u8> {
    text(bytes).to_lowercase().into_bytes()
}

/// The stored content of an item: a field, or the id for field 0.
pub(super) fn content<'a>(item: &DataItem, id: &'a [u8], record: &'a [u8]) -> &'a [u8] {
    if item.field == 0 { id } else { field(record, item.field) }
}

/// Converts what a person wrote for `item` to its stored form. ISO dates are taken whatever the conversion's order.
fn literal(text: &str, item: &DataItem, no_case: bool, env: &Env) -> Result<Value> {
    let (bytes, whole_day) = stored(text, item, env, false)?;
    let bytes = if no_case { fold(&bytes) } else { bytes };
    Ok(Value::Text { bytes, whole_day })
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
