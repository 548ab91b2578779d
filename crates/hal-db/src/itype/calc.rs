//! Numbers while an expression is computed: those of [`crate::number`], with a query's answer to what cannot be computed.
//!
//! A query never stops at data (3.3): what is no number, or too large, counts as 0.

use std::cmp::Ordering;

use crate::number::{Number, PRECISION};

/// A number of an expression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Num(Number);

impl Num {
    pub(crate) const ZERO: Num = Num(Number::ZERO);
    pub(crate) const ONE: Num = Num(Number::ONE);

    /// Reads a number; `None` for anything else, also for "".
    pub(crate) fn parse(bytes: &[u8]) -> Option<Num> {
        if bytes.is_empty() { None } else { Num::of(bytes) }
    }

    /// As [`Num::parse`], with "" as 0.
    pub(crate) fn of(bytes: &[u8]) -> Option<Num> {
        // The usual case first: a few digits and nothing else.
        let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
        if !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit) {
            let magnitude = digits.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            return Some(Num::from(if digits.len() < bytes.len() { -magnitude } else { magnitude }));
        }
        Number::parse(bytes).map(Num)
    }

    pub(crate) fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    pub(crate) fn negated(self) -> Num {
        Num(self.0.negated())
    }

    pub(crate) fn abs(self) -> Num {
        Num(self.0.abs())
    }

    pub(crate) fn add(self, other: Num) -> Num {
        Num(self.0.plus(other.0).unwrap_or(Number::ZERO))
    }

    pub(crate) fn sub(self, other: Num) -> Num {
        Num(self.0.minus(other.0).unwrap_or(Number::ZERO))
    }

    pub(crate) fn mul(self, other: Num) -> Num {
        Num(self.0.times(other.0).unwrap_or(Number::ZERO))
    }

    pub(crate) fn div(self, other: Num) -> Num {
        Num(self.0.over(other.0).unwrap_or(Number::ZERO))
    }

    /// Towards zero.
    pub(crate) fn int(self) -> Num {
        Num(self.0.int())
    }

    pub(crate) fn modulo(self, other: Num) -> Num {
        Num(self.0.modulo(other.0).unwrap_or(Number::ZERO))
    }

    pub(crate) fn remainder(self, other: Num) -> Num {
        Num(self.0.remainder(other.0).unwrap_or(Number::ZERO))
    }

    pub(crate) fn power(self, exponent: Num) -> Num {
        Num(self.0.pow(exponent.0).unwrap_or(Number::ZERO))
    }

    pub(crate) fn root(self) -> Num {
        Num(self.0.sqrt().unwrap_or(Number::ZERO))
    }

    /// The whole part.
    pub(crate) fn to_i64(self) -> Option<i64> {
        self.0.to_i64()
    }

    pub(crate) fn compare(self, other: Num) -> Ordering {
        self.0.compare(other.0)
    }

    /// Appends the number as text, with four decimals at most.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.to_text(PRECISION).as_bytes());
    }

    /// As text, with four decimals at most.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        self.0.to_text(PRECISION).into_bytes()
    }
}

impl From<i64> for Num {
    fn from(number: i64) -> Num {
        Num(Number::from(number))
    }
}
