//! What an expression computes with: bytes borrowed from the record, or a number. Operations work element by element.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::calc::Num;
use crate::dynarray::{IM, TM};

/// A value of an expression.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// Text with marks.
    Bytes(Cow<'a, [u8]>),
    /// A number that was computed.
    Num(Num),
    /// Text whose last element stands for those that are missing (REUSE).
    Reuse(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    pub(crate) const EMPTY: Value<'static> = Value::Bytes(Cow::Borrowed(&[]));

    pub(crate) fn owned(bytes: impl Into<Vec<u8>>) -> Value<'a> {
        Value::Bytes(Cow::Owned(bytes.into()))
    }

    pub(crate) fn borrowed(bytes: &'a [u8]) -> Value<'a> {
        Value::Bytes(Cow::Borrowed(bytes))
    }

    pub(crate) fn int(number: i64) -> Value<'a> {
        Value::Num(Num::from(number))
    }

    pub(crate) fn count(number: usize) -> Value<'a> {
        Value::int(i64::try_from(number).unwrap_or(i64::MAX))
    }

    pub(crate) fn truth(holds: bool) -> Value<'a> {
        Value::int(i64::from(holds))
    }

    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Bytes(bytes) | Value::Reuse(bytes) => Cow::Borrowed(bytes),
            Value::Num(number) => Cow::Owned(number.to_bytes()),
        }
    }

    pub(crate) fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Value::Bytes(bytes) | Value::Reuse(bytes) => bytes,
            Value::Num(number) => Cow::Owned(number.to_bytes()),
        }
    }

    /// The value as one number: "" is 0, anything else that is none as well, for a query never stops at data.
    pub(crate) fn number(&self) -> Num {
        match self {
            Value::Num(number) => *number,
            Value::Bytes(bytes) | Value::Reuse(bytes) => Num::of(bytes).unwrap_or(Num::ZERO),
        }
    }

    /// The value as a number if it is one; "" is none.
    pub(crate) fn numeric(&self) -> Option<Num> {
        match self {
            Value::Num(number) => Some(*number),
            Value::Bytes(bytes) | Value::Reuse(bytes) => Num::parse(bytes),
        }
    }

    pub(crate) fn integer(&self) -> i64 {
        self.number().to_i64().unwrap_or(0)
    }

    /// 0 and "" are false, all else is true.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Value::Num(number) => !number.is_zero(),
            Value::Bytes(bytes) | Value::Reuse(bytes) => {
                !bytes.is_empty() && Num::parse(bytes).is_none_or(|number| !number.is_zero())
            }
        }
    }

    fn has_marks(&self) -> bool {
        match self {
            Value::Num(_) => false,
            Value::Bytes(bytes) | Value::Reuse(bytes) => bytes.iter().any(|&b| b >= TM),
        }
    }

    fn is_reuse(&self) -> bool {
        matches!(self, Value::Reuse(_))
    }
}

/// `= < >` of two whole values: numbers when both are, else by characters; "" is less than anything else.
pub(crate) fn compare(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a.numeric(), b.numeric()) {
        (Some(a), Some(b)) => a.compare(b),
        _ => a.bytes().cmp(&b.bytes()),
    }
}

/// Arithmetic element by element; `missing` stands for elements that the second operand does not have.
pub(crate) fn arithmetic<'a>(
    a: &Value<'_>,
    b: &Value<'_>,
    missing: Num,
    apply: fn(Num, Num) -> Num,
) -> Value<'a> {
    if !a.has_marks() && !b.has_marks() {
        return Value::Num(apply(a.number(), b.number()));
    }
    let number = |element: Option<&[u8]>, missing: Num| {
        element.map_or(missing, |bytes| Num::of(bytes).unwrap_or(Num::ZERO))
    };
    zip(a, b, &mut |a, b, out| apply(number(a, Num::ZERO), number(b, missing)).write(out))
}

/// What is done with two elements; a missing one is `None`.
type Pairwise<'f> = dyn FnMut(Option<&[u8]>, Option<&[u8]>, &mut Vec<u8>) + 'f;

/// A function of two elements, applied to all pairs of them; a missing one is `None`.
pub(crate) fn zip<'a>(a: &Value<'_>, b: &Value<'_>, apply: &mut Pairwise<'_>) -> Value<'a> {
    let (a_bytes, b_bytes) = (a.bytes(), b.bytes());
    let mut out = Vec::with_capacity(a_bytes.len().max(b_bytes.len()));
    let reuse = (a.is_reuse(), b.is_reuse());
    pair(Some(&a_bytes), Some(&b_bytes), IM, reuse, apply, &mut out);
    Value::owned(out)
}

fn pair(
    a: Option<&[u8]>,
    b: Option<&[u8]>,
    rank: u8,
    reuse: (bool, bool),
    apply: &mut Pairwise<'_>,
    out: &mut Vec<u8>,
) {
    let has = |side: Option<&[u8]>, mark: u8| side.is_some_and(|side| memchr::memchr(mark, side).is_some());
    let Some(mark) = (TM..=rank).rev().find(|&mark| has(a, mark) || has(b, mark)) else {
        return apply(a, b, out);
    };
    let (mut a_parts, mut b_parts) = (a.map(|s| s.split(|&x| x == mark)), b.map(|s| s.split(|&x| x == mark)));
    let (mut a_last, mut b_last) = (None, None);
    let mut first = true;
    loop {
        let (mut a_next, mut b_next) =
            (a_parts.as_mut().and_then(Iterator::next), b_parts.as_mut().and_then(Iterator::next));
        if a_next.is_none() && b_next.is_none() {
            return;
        }
        if reuse.0 {
            a_last = a_next.or(a_last);
            a_next = a_last;
        }
        if reuse.1 {
            b_last = b_next.or(b_last);
            b_next = b_last;
        }
        if !first {
            out.push(mark);
        }
        first = false;
        pair(a_next, b_next, mark - 1, reuse, apply, out);
    }
}

/// A function of one element, applied to each of them.
pub(crate) fn each<'a>(value: &Value<'_>, mut apply: impl FnMut(&[u8], &mut Vec<u8>)) -> Value<'a> {
    let bytes = value.bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut start = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= TM {
            apply(&bytes[start..at], &mut out);
            out.push(byte);
            start = at + 1;
        }
    }
    apply(&bytes[start..], &mut out);
    Value::owned(out)
}

/// SUM: adds up the lowest rank in each branch and raises the rest.
pub(crate) fn sum<'a>(value: &Value<'_>) -> Value<'a> {
    let bytes = value.bytes();
    if bytes.iter().all(|&b| b < TM) {
        return Value::Num(value.number());
    }
    match crate::functions::sum(&bytes) {
        Ok(sum) => Value::owned(sum),
        // Something in it is no number: it counts as 0.
        Err(_) => {
            let numbers = each(value, |element, out| Num::of(element).unwrap_or(Num::ZERO).write(out));
            Value::owned(crate::functions::sum(&numbers.bytes()).unwrap_or_default())
        }
    }
}

/// SUMMATION: all elements in one number.
pub(crate) fn summation(bytes: &[u8]) -> Num {
    bytes.split(|&b| b >= TM).fold(Num::ZERO, |sum, part| sum.add(Num::of(part).unwrap_or(Num::ZERO)))
}

/// MAXIMUM or MINIMUM over all elements that are numbers; `None` without one.
pub(crate) fn extreme(bytes: &[u8], wanted: Ordering) -> Option<Num> {
    bytes
        .split(|&b| b >= TM)
        .filter_map(Num::parse)
        .reduce(|best, number| if number.compare(best) == wanted { number } else { best })
}
