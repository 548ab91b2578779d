//! Functions of whole dynamic arrays, element by element: arithmetic, comparison, and those with an S at the end.
//!
//! Arrays are walked side by side. Where one has no element at a place, a default stands for it (0, 1 or ""), or, when it
//! was given to REUSE, its last element. Every mark divides elements, the text mark too.

use std::cmp::Ordering;

use super::text::BYTES_MAX;
use super::{Fault, numeric, parts, text};
use crate::Env;
use crate::conv::{self, Status};
use crate::dynarray::{TM, char_count};
use crate::number::{Number, PRECISION, compare};
use crate::pattern::Pattern;

/// An array as operand.
#[derive(Debug, Clone, Copy)]
pub struct Operand<'a> {
    bytes: &'a [u8],
    reuse: bool,
}

impl<'a, T: AsRef<[u8]> + ?Sized> From<&'a T> for Operand<'a> {
    fn from(bytes: &'a T) -> Operand<'a> {
        Operand { bytes: bytes.as_ref(), reuse: false }
    }
}

/// REUSE: the last element stands where the array has none.
#[must_use]
pub fn reuse<T: AsRef<[u8]> + ?Sized>(bytes: &T) -> Operand<'_> {
    Operand { bytes: bytes.as_ref(), reuse: true }
}

/// Above every mark: the end of an array.
const END: u16 = 256;

/// One array being walked.
struct Walker<'a> {
    rest: &'a [u8],
    element: &'a [u8],
    /// The mark after the element, or the end.
    next: u16,
    /// The others are deeper or longer: the element was used already.
    held: bool,
    reuse: bool,
}

impl<'a> Walker<'a> {
    fn new(operand: Operand<'a>) -> Walker<'a> {
        let mut walker =
            Walker { rest: operand.bytes, element: &[], next: END, held: false, reuse: operand.reuse };
        walker.advance();
        walker
    }

    fn advance(&mut self) {
        self.held = false;
        match self.rest.iter().position(|&b| b >= TM) {
            Some(end) => {
                self.element = &self.rest[..end];
                self.next = u16::from(self.rest[end]);
                self.rest = &self.rest[end + 1..];
            }
            None => {
                (self.element, self.rest) = (self.rest, &[]);
                self.next = END;
            }
        }
    }

    fn value(&self) -> Option<&'a [u8]> {
        (!self.held || self.reuse).then_some(self.element)
    }
}

fn walk<'a, const N: usize>(
    operands: [Operand<'a>; N],
    mut each: impl FnMut([Option<&'a [u8]>; N], &mut Vec<u8>) -> Result<(), Fault>,
) -> Result<Vec<u8>, Fault> {
    let mut walkers = operands.map(Walker::new);
    let mut out = Vec::new();
    loop {
        each(walkers.each_ref().map(Walker::value), &mut out)?;
        if out.len() > BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        let mark = walkers.iter().map(|walker| walker.next).min().unwrap_or(END);
        if mark == END {
            return Ok(out);
        }
        out.push(mark as u8);
        for walker in &mut walkers {
            if walker.next == mark { walker.advance() } else { walker.held = true }
        }
    }
}

/// Applies `function` to each element, which appends its result.
///
/// # Errors
/// Those of `function`, and [`Fault::TooLarge`] beyond the limit of a record.
pub fn elementwise<'a>(
    array: &'a [u8],
    mut function: impl FnMut(&'a [u8], &mut Vec<u8>) -> Result<(), Fault>,
) -> Result<Vec<u8>, Fault> {
    walk([array.into()], |[element], out| function(element.unwrap_or_default(), out))
}

/// Applies `function` to the elements of two arrays side by side; `None` where one has none.
///
/// # Errors
/// Those of `function`, and [`Fault::TooLarge`] beyond the limit of a record.
pub fn elementwise2<'a>(
    a: Operand<'a>,
    b: Operand<'a>,
    mut function: impl FnMut(Option<&'a [u8]>, Option<&'a [u8]>, &mut Vec<u8>) -> Result<(), Fault>,
) -> Result<Vec<u8>, Fault> {
    walk([a, b], |[a, b], out| function(a, b, out))
}

/// Applies `function` to the elements of three arrays side by side; `None` where one has none.
///
/// # Errors
/// Those of `function`, and [`Fault::TooLarge`] beyond the limit of a record.
pub fn elementwise3<'a>(
    operands: [Operand<'a>; 3],
    mut function: impl FnMut([Option<&'a [u8]>; 3], &mut Vec<u8>) -> Result<(), Fault>,
) -> Result<Vec<u8>, Fault> {
    walk(operands, |elements, out| function(elements, out))
}

fn each(array: &[u8], function: impl Fn(&[u8]) -> Result<Vec<u8>, Fault>) -> Result<Vec<u8>, Fault> {
    elementwise(array, |element, out| {
        out.extend(function(element)?);
        Ok(())
    })
}

/// For functions that cannot fail: the limit of a record is not reached by marks alone.
fn sure(result: Result<Vec<u8>, Fault>) -> Vec<u8> {
    result.unwrap_or_default()
}

fn calculated<'a>(
    a: impl Into<Operand<'a>>,
    b: impl Into<Operand<'a>>,
    missing: Number,
    function: fn(Number, Number) -> Result<Number, Fault>,
) -> Result<Vec<u8>, Fault> {
    let number = |element: Option<&[u8]>, missing: Number| match element {
        Some(element) => Number::parse(element).ok_or(Fault::NonNumeric),
        None => Ok(missing),
    };
    elementwise2(a.into(), b.into(), |a, b, out| {
        let result = function(number(a, Number::ZERO)?, number(b, missing)?)?;
        out.extend_from_slice(result.to_text(PRECISION).as_bytes());
        Ok(())
    })
}

/// ADDS, `+`.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`].
pub fn adds<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Vec<u8>, Fault> {
    calculated(a, b, Number::ZERO, Number::plus)
}

/// SUBS, `-`.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`].
pub fn subs<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Vec<u8>, Fault> {
    calculated(a, b, Number::ZERO, Number::minus)
}

/// MULS, `*`.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`].
pub fn muls<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Vec<u8>, Fault> {
    calculated(a, b, Number::ZERO, Number::times)
}

/// DIVS, `/`; a missing divisor is 1.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::DivideByZero`], [`Fault::TooLarge`].
pub fn divs<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Vec<u8>, Fault> {
    calculated(a, b, Number::ONE, Number::over)
}

/// MODS; a missing divisor is 1.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`].
pub fn mods<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Vec<u8>, Fault> {
    calculated(a, b, Number::ONE, Number::modulo)
}

fn decided<'a>(
    a: impl Into<Operand<'a>>,
    b: impl Into<Operand<'a>>,
    function: impl Fn(&[u8], &[u8]) -> bool,
) -> Vec<u8> {
    sure(elementwise2(a.into(), b.into(), |a, b, out| {
        out.push(if function(a.unwrap_or_default(), b.unwrap_or_default()) { b'1' } else { b'0' });
        Ok(())
    }))
}

/// EQS: 1 where the elements are equal, else 0.
#[must_use]
pub fn eqs<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Vec<u8> {
    decided(a, b, |a, b| compare(a, b) == Ordering::Equal)
}

/// NES: 1 where the elements differ.
#[must_use]
pub fn nes<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Vec<u8> {
    decided(a, b, |a, b| compare(a, b) != Ordering::Equal)
}

/// GTS: 1 where the element of `a` is greater.
#[must_use]
pub fn gts<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Vec<u8> {
    decided(a, b, |a, b| compare(a, b) == Ordering::Greater)
}

/// GES: 1 where the element of `a` is greater or equal.
#[must_use]
pub fn ges<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Vec<u8> {
    decided(a, b, |a, b| compare(a, b) != Ordering::Less)
}

/// LTS: 1 where the element of `a` is less.
#[must_use]
pub fn lts<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Vec<u8> {
    decided(a, b, |a, b| compare(a, b) == Ordering::Less)
}

/// LES: 1 where the element of `a` is less or equal.
#[must_use]
pub fn les<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Vec<u8> {
    decided(a, b, |a, b| compare(a, b) != Ordering::Greater)
}

/// ANDS: 1 where both elements are true.
#[must_use]
pub fn ands<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Vec<u8> {
    decided(a, b, |a, b| numeric::truth(a) && numeric::truth(b))
}

/// ORS: 1 where one of the elements is true.
#[must_use]
pub fn ors<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Vec<u8> {
    decided(a, b, |a, b| numeric::truth(a) || numeric::truth(b))
}

/// NOTS: 1 where the element is false.
#[must_use]
pub fn nots(array: &[u8]) -> Vec<u8> {
    decided(array, b"", |element, _| !numeric::truth(element))
}

/// NUMS: 1 where the element is a number.
#[must_use]
pub fn nums(array: &[u8]) -> Vec<u8> {
    decided(array, b"", |element, _| numeric::num(element))
}

/// MATCHESS: 1 where the element matches the pattern, whose alternatives are divided by value marks.
#[must_use]
pub fn matchess(array: &[u8], pattern: &[u8]) -> Vec<u8> {
    let pattern = Pattern::from_bytes(pattern);
    decided(array, b"", |element, _| pattern.matches_bytes(element))
}

/// CATS: elements joined; missing ones are "".
///
/// # Errors
/// [`Fault::TooLarge`].
pub fn cats<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Vec<u8>, Fault> {
    splice(a, b"", b)
}

/// SPLICE: elements of `a`, then `between`, then those of `b`.
///
/// # Errors
/// [`Fault::TooLarge`].
pub fn splice<'a>(
    a: impl Into<Operand<'a>>,
    between: &[u8],
    b: impl Into<Operand<'a>>,
) -> Result<Vec<u8>, Fault> {
    elementwise2(a.into(), b.into(), |a, b, out| {
        out.extend_from_slice(a.unwrap_or_default());
        out.extend_from_slice(between);
        out.extend_from_slice(b.unwrap_or_default());
        Ok(())
    })
}

/// IFS: elements of `then` where those of `condition` are true, else of `otherwise`.
///
/// # Errors
/// [`Fault::TooLarge`].
pub fn ifs<'a>(
    condition: impl Into<Operand<'a>>,
    then: impl Into<Operand<'a>>,
    otherwise: impl Into<Operand<'a>>,
) -> Result<Vec<u8>, Fault> {
    elementwise3([condition.into(), then.into(), otherwise.into()], |[condition, then, otherwise], out| {
        let chosen = if numeric::truth(condition.unwrap_or_default()) { then } else { otherwise };
        out.extend_from_slice(chosen.unwrap_or_default());
        Ok(())
    })
}

/// NEGS: elements with the other sign.
///
/// # Errors
/// [`Fault::NonNumeric`].
pub fn negs(array: &[u8]) -> Result<Vec<u8>, Fault> {
    each(array, numeric::neg)
}

/// ABSS: elements without sign.
///
/// # Errors
/// [`Fault::NonNumeric`].
pub fn abss(array: &[u8]) -> Result<Vec<u8>, Fault> {
    each(array, numeric::abs)
}

/// LENS: the length of each element in characters.
#[must_use]
pub fn lens(array: &[u8]) -> Vec<u8> {
    sure(each(array, |element| Ok(char_count(element).to_string().into_bytes())))
}

/// TRIMS: each element trimmed.
#[must_use]
pub fn trims(array: &[u8]) -> Vec<u8> {
    sure(each(array, |element| Ok(text::trim(element))))
}

/// SOUNDEXS: the Soundex code of each element.
#[must_use]
pub fn soundexs(array: &[u8]) -> Vec<u8> {
    sure(each(array, |element| Ok(conv::soundex(element))))
}

/// SPACES: as many spaces as each element says.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`].
pub fn spaces(array: &[u8]) -> Result<Vec<u8>, Fault> {
    each(array, |element| text::spaces_of(count_of(element)?))
}

/// STRS: each element repeated.
///
/// # Errors
/// [`Fault::TooLarge`].
pub fn strs(array: &[u8], count: i64) -> Result<Vec<u8>, Fault> {
    each(array, |element| text::repeated(element, count))
}

fn count_of(element: &[u8]) -> Result<i64, Fault> {
    Number::parse(element).ok_or(Fault::NonNumeric)?.to_i64().ok_or(Fault::TooLarge)
}

/// FIELDS: groups of each element.
#[must_use]
pub fn fields(array: &[u8], delimiter: &[u8], number: i64, count: i64) -> Vec<u8> {
    sure(each(array, |element| Ok(parts::field(element, delimiter, number, count).text.to_vec())))
}

/// INDEXS: the position of a part in each element.
#[must_use]
pub fn indexs(array: &[u8], part: &[u8], occurrence: i64) -> Vec<u8> {
    sure(each(array, |element| Ok(parts::index(element, part, occurrence).to_string().into_bytes())))
}

/// COUNTS: how often each element has a part.
#[must_use]
pub fn counts(array: &[u8], part: &[u8]) -> Vec<u8> {
    sure(each(array, |element| Ok(crate::dynarray::count(element, part).to_string().into_bytes())))
}

/// SUBSTRINGS: a part of each element by position.
#[must_use]
pub fn substrings(array: &[u8], start: i64, count: i64) -> Vec<u8> {
    sure(each(array, |element| Ok(text::substring(element, start, count).to_vec())))
}

/// OCONVS: each element converted for output; the status is the last one that was not 0.
#[must_use]
pub fn oconvs(array: &[u8], code: &str) -> (Vec<u8>, Status) {
    converted(array, |element| conv::oconv(element, code))
}

/// ICONVS: each element converted for storing; the status is the last one that was not 0.
#[must_use]
pub fn iconvs(array: &[u8], code: &str, env: &Env) -> (Vec<u8>, Status) {
    converted(array, |element| conv::iconv(element, code, env))
}

/// FMTS: each element laid out by a format; an element stays as it is when the format is none.
#[must_use]
pub fn fmts(array: &[u8], spec: &str) -> (Vec<u8>, Status) {
    converted(array, |element| crate::fmt::fmt_bytes(element, spec))
}

fn converted(array: &[u8], convert: impl Fn(&[u8]) -> (Vec<u8>, Status)) -> (Vec<u8>, Status) {
    let mut status = Status::Ok;
    let result = elementwise(array, |element, out| {
        let (result, one) = convert(element);
        if one != Status::Ok {
            status = one;
        }
        out.extend(result);
        Ok(())
    });
    (sure(result), status)
}
