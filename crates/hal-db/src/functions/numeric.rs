//! Functions of numbers given as text, and what counts as a number, a letter, the truth.

use std::cmp::Ordering;

use super::Fault;
use super::text::units;
use crate::number::{Number, PRECISION, compare};

fn number(value: &[u8]) -> Result<Number, Fault> {
    Number::parse(value).ok_or(Fault::NonNumeric)
}

fn shown(number: Number) -> Vec<u8> {
    number.to_text(PRECISION).into_bytes()
}

/// MAX: the greater of two values; numbers when both are.
#[must_use]
pub fn max<'a>(a: &'a [u8], b: &'a [u8]) -> &'a [u8] {
    if compare(a, b).is_lt() { b } else { a }
}

/// MIN: the lesser of two values; numbers when both are.
#[must_use]
pub fn min<'a>(a: &'a [u8], b: &'a [u8]) -> &'a [u8] {
    if compare(a, b).is_gt() { b } else { a }
}

/// RND: a whole number from 0 to `limit` - 1 out of 64 random bits of the caller; 0 for a limit below 1.
#[must_use]
pub fn rnd(limit: i64, random: u64) -> i64 {
    u64::try_from(limit).ok().and_then(|limit| random.checked_rem(limit)).map_or(0, |number| number as i64)
}

/// NUM: whether a value counts as a number; "" does.
#[must_use]
pub fn num(value: &[u8]) -> bool {
    Number::parse(value).is_some()
}

/// ALPHA: whether a value is letters only, at least one.
#[must_use]
pub fn alpha(value: &[u8]) -> bool {
    let letter = |unit: u32| char::from_u32(unit).is_some_and(char::is_alphabetic);
    !value.is_empty() && units(value).all(letter)
}

/// Whether a value is true: 0 and "" are false, all else is true (3.6).
#[must_use]
pub fn truth(value: &[u8]) -> bool {
    Number::parse(value).is_none_or(|number| !number.is_zero())
}

/// `+ - * / // ^ **` and their words on two single values; `None` for an operator that is none of them.
#[must_use]
pub fn arithmetic(operator: &str, a: &[u8], b: &[u8]) -> Option<Result<Vec<u8>, Fault>> {
    let function: fn(Number, Number) -> Result<Number, Fault> = match operator {
        "+" => Number::plus,
        "-" => Number::minus,
        "*" => Number::times,
        "/" => Number::over,
        "//" | "IDIV" => idiv_of,
        "^" | "**" | "PWR" => Number::pow,
        "MOD" => Number::modulo,
        "REM" => Number::remainder,
        "RDIV" => rdiv_of,
        _ => return None,
    };
    Some(number(a).and_then(|a| function(a, number(b)?)).map(shown))
}

fn idiv_of(a: Number, b: Number) -> Result<Number, Fault> {
    Ok(a.over(b)?.int())
}

fn rdiv_of(a: Number, b: Number) -> Result<Number, Fault> {
    Ok(a.over(b)?.rounded(0))
}

/// ABS: without sign.
///
/// # Errors
/// [`Fault::NonNumeric`].
pub fn abs(value: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(shown(number(value)?.abs()))
}

/// NEG: with the other sign.
///
/// # Errors
/// [`Fault::NonNumeric`].
pub fn neg(value: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(shown(number(value)?.negated()))
}

/// INT: the whole part, towards zero.
///
/// # Errors
/// [`Fault::NonNumeric`].
pub fn int(value: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(shown(number(value)?.int()))
}

/// SQRT: the square root.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::NegativeRoot`].
pub fn sqrt(value: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(shown(number(value)?.sqrt()?))
}

/// MOD: the rest with the sign of the divisor; the dividend itself for a divisor of 0.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`].
pub fn modulo(a: &[u8], b: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(shown(number(a)?.modulo(number(b)?)?))
}

/// REM: the rest with the sign of the dividend.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::DivideByZero`], [`Fault::TooLarge`].
pub fn rem(a: &[u8], b: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(shown(number(a)?.remainder(number(b)?)?))
}

/// IDIV: the quotient, cut towards zero.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::DivideByZero`], [`Fault::TooLarge`].
pub fn idiv(a: &[u8], b: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(shown(idiv_of(number(a)?, number(b)?)?))
}

/// RDIV: the quotient, rounded to a whole number.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::DivideByZero`], [`Fault::TooLarge`].
pub fn rdiv(a: &[u8], b: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(shown(rdiv_of(number(a)?, number(b)?)?))
}

/// PWR: `a` to the power of `b`.
///
/// # Errors
/// As [`Number::pow`], and [`Fault::NonNumeric`].
pub fn power(a: &[u8], b: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(shown(number(a)?.pow(number(b)?)?))
}

/// The functions of two bit patterns of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// BITAND.
    And,
    /// BITOR.
    Or,
    /// BITXOR.
    Xor,
}

/// BITAND, BITOR, BITXOR of two whole numbers.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`] beyond 64 bits.
pub fn bits(function: Bits, a: &[u8], b: &[u8]) -> Result<i64, Fault> {
    let (a, b) = (whole(a)?, whole(b)?);
    Ok(match function {
        Bits::And => a & b,
        Bits::Or => a | b,
        Bits::Xor => a ^ b,
    })
}

/// BITNOT: the 32 bits of a whole number inverted.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`].
pub fn bit_not(value: &[u8]) -> Result<i64, Fault> {
    Ok(!whole(value)?)
}

/// BITSET, BITRESET: a whole number with bit `bit` (0 is the least) set or not.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`] for a bit that is not 0 to 31.
pub fn with_bit(value: &[u8], bit: &[u8], set: bool) -> Result<i64, Fault> {
    let (value, mask) = (whole(value)?, bit_mask(bit)?);
    Ok(i64::from((if set { value | mask } else { value & !mask }) as i32))
}

/// BITTEST: whether bit `bit` of a whole number is set.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`] for a bit that is not 0 to 31.
pub fn bit_test(value: &[u8], bit: &[u8]) -> Result<bool, Fault> {
    Ok(whole(value)? & bit_mask(bit)? != 0)
}

fn bit_mask(bit: &[u8]) -> Result<i64, Fault> {
    let bit = whole(bit)?;
    if (0..32).contains(&bit) { Ok(1 << bit) } else { Err(Fault::TooLarge) }
}

/// SHIFT: the 32 bits of a number shifted right, or left for a negative count.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`].
pub fn shift(value: &[u8], count: &[u8]) -> Result<i64, Fault> {
    let (value, count) = (whole(value)? as u32, whole(count)?);
    let places = u32::try_from(count.unsigned_abs()).unwrap_or(u32::MAX);
    let moved = if count < 0 { value.checked_shl(places) } else { value.checked_shr(places) };
    Ok(i64::from(moved.unwrap_or(0) as i32))
}

fn whole(value: &[u8]) -> Result<i64, Fault> {
    number(value)?.to_i64().ok_or(Fault::TooLarge)
}

/// DTX: a whole number as hexadecimal digits, at least `width` of them; a negative one as 32 bits, or 64 where needed.
///
/// # Errors
/// [`Fault::NonNumeric`], [`Fault::TooLarge`].
pub fn dtx(value: &[u8], width: usize) -> Result<String, Fault> {
    let value = whole(value)?;
    Ok(match i32::try_from(value) {
        Ok(value) if value < 0 => format!("{value:0width$X}"),
        _ => format!("{value:0width$X}", width = width.min(64)),
    })
}

/// XTD: hexadecimal digits as a number, "" as 0; `None` where a character is no such digit or there are more than 16.
#[must_use]
pub fn xtd(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    if text.is_empty() {
        return Some(0);
    }
    match (u32::from_str_radix(text, 16), u64::from_str_radix(text, 16)) {
        (Ok(short), _) => Some(i64::from(short)),
        (_, Ok(long)) => Some(long as i64),
        _ => None,
    }
}

/// COMPARE: two values as strings, never as numbers; `right` aligns them on the right (3.5).
#[must_use]
pub fn compare_text(a: &[u8], b: &[u8], right: bool, ignore_case: bool) -> Ordering {
    if ignore_case {
        return compare_text(&super::upcase(a), &super::upcase(b), right, false);
    }
    if right { crate::dynarray::compare_padded(a, b) } else { a.cmp(b) }
}
