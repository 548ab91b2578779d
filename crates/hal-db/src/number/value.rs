//! Numbers that are calculated with: decimals, never floats, so that 0.1 + 0.2 is 0.3. Knows nothing of marks.

use std::cmp::Ordering;

use super::Decimal;
use crate::functions::Fault;

/// Decimals that a number shows when it becomes text, unless the program asks for others.
pub const PRECISION: u32 = 4;
/// Most digits before the point that count as a number.
pub(crate) const WHOLE_DIGITS_MAX: usize = 28;
/// Digits that a number holds: 10^36 times ten still fits in an `i128`.
const DIGITS_MAX: u32 = 36;
/// Decimals that a division gives at most.
const SCALE_MAX: u32 = 28;
/// Numbers that are not whole and closer than this are equal: 2.91E-11.
const CLOSE: Number = Number { mantissa: 291, scale: 13 };

/// A decimal number of up to 36 digits: `mantissa / 10^scale`.
///
/// Arithmetic rounds half away from zero at the last digit held, and fails only on numbers beyond 10^36.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    mantissa: i128,
    scale: u32,
}

impl From<i64> for Number {
    fn from(whole: i64) -> Number {
        Number { mantissa: i128::from(whole), scale: 0 }
    }
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Number = Number { mantissa: 1, scale: 0 };

    /// Reads a number; "" is 0, spaces around it are ignored; `None` for anything else (3.1 of the specification).
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Number> {
        if bytes.is_empty() {
            return Some(Number::ZERO);
        }
        Decimal::parse(bytes).map(|decimal| Number::of(&decimal))
    }

    /// A number read in place; decimals beyond the 36 digits held are rounded.
    pub(crate) fn of(decimal: &Decimal<'_>) -> Number {
        let room = (DIGITS_MAX as usize).saturating_sub(decimal.whole().len()).min(SCALE_MAX as usize);
        let fraction = decimal.fraction();
        let kept = fraction.len().min(room);
        let digits = decimal.whole().iter().chain(&fraction[..kept]);
        let mantissa =
            digits.fold(0_i128, |sum, digit| sum.saturating_mul(10).saturating_add(i128::from(digit - b'0')));
        let up = fraction.get(kept).is_some_and(|digit| *digit >= b'5');
        let mantissa = mantissa.saturating_add(i128::from(up));
        Number { mantissa: if decimal.is_negative() { -mantissa } else { mantissa }, scale: kept as u32 }
    }

    /// Whether it is 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether it is below 0.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Without its sign.
    #[must_use]
    pub fn abs(self) -> Number {
        Number { mantissa: self.mantissa.abs(), ..self }
    }

    /// With the other sign.
    #[must_use]
    pub fn negated(self) -> Number {
        Number { mantissa: -self.mantissa, ..self }
    }

    /// `self + other`.
    ///
    /// # Errors
    /// [`Fault::TooLarge`].
    pub fn plus(self, other: Number) -> Result<Number, Fault> {
        let (a, b) = aligned(self, other)?;
        a.mantissa
            .checked_add(b.mantissa)
            .map(|mantissa| Number { mantissa, scale: a.scale })
            .and_then(Number::held)
            .ok_or(Fault::TooLarge)
    }

    /// `self - other`.
    ///
    /// # Errors
    /// [`Fault::TooLarge`].
    pub fn minus(self, other: Number) -> Result<Number, Fault> {
        self.plus(other.negated())
    }

    /// `self * other`.
    ///
    /// # Errors
    /// [`Fault::TooLarge`].
    pub fn times(self, other: Number) -> Result<Number, Fault> {
        let (mut a, mut b) = (self, other);
        loop {
            if let Some(mantissa) = a.mantissa.checked_mul(b.mantissa) {
                return Number { mantissa, scale: a.scale + b.scale }.held().ok_or(Fault::TooLarge);
            }
            // Decimals give way to digits before the point, those of the longer fraction first.
            match (a.scale, b.scale) {
                (0, 0) => return Err(Fault::TooLarge),
                (x, y) if x >= y => a = a.rounded(x - 1),
                (_, y) => b = b.rounded(y - 1),
            }
        }
    }

    /// `self / other`, to 28 decimals where they fit.
    ///
    /// # Errors
    /// [`Fault::DivideByZero`], [`Fault::TooLarge`].
    pub fn over(self, other: Number) -> Result<Number, Fault> {
        if other.mantissa == 0 {
            return Err(Fault::DivideByZero);
        }
        let mut above = self.mantissa;
        let mut scale = i64::from(self.scale) - i64::from(other.scale);
        while scale < i64::from(SCALE_MAX) && above.unsigned_abs() < 10_u128.pow(DIGITS_MAX) {
            above *= 10;
            scale += 1;
        }
        let mut mantissa = round_quotient(above, other.mantissa);
        while scale < 0 {
            mantissa = mantissa.checked_mul(10).ok_or(Fault::TooLarge)?;
            scale += 1;
        }
        Number { mantissa, scale: scale as u32 }.held().ok_or(Fault::TooLarge)
    }

    /// The whole part, towards zero, after rounding at the 11th decimal: 1790.99999999999999 is 1791 (3.7).
    #[must_use]
    pub fn int(self) -> Number {
        let near = self.rounded(11);
        Number { mantissa: near.mantissa / 10_i128.pow(near.scale), scale: 0 }
    }

    /// Rounded half away from zero to so many decimals.
    #[must_use]
    pub fn rounded(self, decimals: u32) -> Number {
        if self.scale <= decimals {
            return self;
        }
        let unit = 10_i128.checked_pow(self.scale - decimals);
        let mantissa = unit.map_or(0, |unit| round_quotient(self.mantissa, unit));
        Number { mantissa, scale: decimals }
    }

    /// `self - other * floor(self / other)`: has the sign of `other`; `self` when that is 0 (3.7).
    ///
    /// # Errors
    /// [`Fault::TooLarge`].
    pub fn modulo(self, other: Number) -> Result<Number, Fault> {
        if other.is_zero() {
            return Ok(self);
        }
        let (a, b) = aligned(self, other)?;
        let rest = a.mantissa % b.mantissa;
        let wrong_side = rest != 0 && (rest < 0) != (b.mantissa < 0);
        Ok(Number { mantissa: if wrong_side { rest + b.mantissa } else { rest }, scale: a.scale })
    }

    /// `self - other * int(self / other)`: has the sign of `self`.
    ///
    /// # Errors
    /// [`Fault::DivideByZero`], [`Fault::TooLarge`].
    pub fn remainder(self, other: Number) -> Result<Number, Fault> {
        if other.is_zero() {
            return Err(Fault::DivideByZero);
        }
        let (a, b) = aligned(self, other)?;
        Ok(Number { mantissa: a.mantissa % b.mantissa, scale: a.scale })
    }

    /// `self` to the power of `exponent`; one that is not whole is calculated with 15 digits.
    ///
    /// # Errors
    /// [`Fault::TooLarge`], [`Fault::DivideByZero`] for 0 to a negative power, [`Fault::NegativeRoot`] for a broken
    /// power of a negative number.
    pub fn pow(self, exponent: Number) -> Result<Number, Fault> {
        let exponent = exponent.trimmed();
        if exponent.scale > 0 {
            if self.is_negative() {
                return Err(Fault::NegativeRoot);
            }
            return Number::from_f64(self.to_f64().powf(exponent.to_f64()));
        }
        let times = u32::try_from(exponent.mantissa.unsigned_abs()).map_err(|_| Fault::TooLarge)?;
        let (mut power, mut square, mut left) = (Number::ONE, self.trimmed(), times);
        while left > 0 {
            if left & 1 == 1 {
                power = power.times(square)?;
            }
            left >>= 1;
            if left > 0 {
                square = square.times(square)?;
            }
        }
        if exponent.mantissa < 0 { Number::ONE.over(power) } else { Ok(power) }
    }

    /// The square root.
    ///
    /// # Errors
    /// [`Fault::NegativeRoot`].
    pub fn sqrt(self) -> Result<Number, Fault> {
        let mut square = u128::try_from(self.mantissa).map_err(|_| Fault::NegativeRoot)?;
        let mut scale = self.scale;
        while scale % 2 == 1 || scale < 2 * SCALE_MAX && square < 10_u128.pow(DIGITS_MAX) {
            let Some(next) = square.checked_mul(10) else { break };
            (square, scale) = (next, scale + 1);
        }
        if scale % 2 == 1 {
            (square, scale) = (square / 10, scale - 1);
        }
        Ok(Number { mantissa: square.isqrt() as i128, scale: scale / 2 })
    }

    /// As a whole number of 64 bits, decimals cut off; `None` when it does not fit.
    #[must_use]
    pub fn to_i64(self) -> Option<i64> {
        i64::try_from(self.int().mantissa).ok()
    }

    /// As text with up to `precision` decimals, rounded half away from zero, without trailing zeros: 2/3 is 0.6667.
    #[must_use]
    pub fn to_text(self, precision: u32) -> String {
        let number = self.rounded(precision).trimmed();
        let sign = if number.mantissa < 0 { "-" } else { "" };
        let digits = number.mantissa.unsigned_abs().to_string();
        let scale = number.scale as usize;
        if scale == 0 {
            return format!("{sign}{digits}");
        }
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        format!("{sign}{whole}.{fraction}")
    }

    /// Compares as `= < >` do: numbers that are not whole are equal when they are closer than 2.91E-11 (3.2).
    #[must_use]
    pub fn compare(self, other: Number) -> Ordering {
        let Ok((a, b)) = aligned(self, other) else {
            return self.to_f64().total_cmp(&other.to_f64());
        };
        let ordering = a.mantissa.cmp(&b.mantissa);
        if ordering.is_eq() || a.scale == 0 {
            return ordering;
        }
        let close = self.minus(other).and_then(|gap| aligned(gap.abs(), CLOSE));
        if close.is_ok_and(|(gap, limit)| gap.mantissa < limit.mantissa) { Ordering::Equal } else { ordering }
    }

    fn to_f64(self) -> f64 {
        self.mantissa as f64 / 10_f64.powi(self.scale as i32)
    }

    fn from_f64(value: f64) -> Result<Number, Fault> {
        if !value.is_finite() || value.abs() >= 1e28 {
            return Err(Fault::TooLarge);
        }
        let text = format!("{value:.10}");
        Number::parse(text.as_bytes()).ok_or(Fault::TooLarge)
    }

    fn trimmed(mut self) -> Number {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }

    /// With no more digits than are held; `None` when those before the point are too many.
    fn held(mut self) -> Option<Number> {
        if self.scale > SCALE_MAX {
            self = self.rounded(SCALE_MAX);
        }
        let limit = 10_u128.pow(DIGITS_MAX);
        while self.mantissa.unsigned_abs() >= limit {
            self = self.rounded(self.scale.checked_sub(1)?);
        }
        Some(self)
    }
}

/// Both with the same scale; decimals give way where the digits do not fit.
fn aligned(a: Number, b: Number) -> Result<(Number, Number), Fault> {
    let up = |number: Number, scale: u32| {
        let factor = 10_i128.checked_pow(scale - number.scale)?;
        Some(Number { mantissa: number.mantissa.checked_mul(factor)?, scale })
    };
    let mut scale = a.scale.max(b.scale);
    loop {
        let fitting = |number: Number| {
            if number.scale > scale { Some(number.rounded(scale)) } else { up(number, scale) }
        };
        if let (Some(a), Some(b)) = (fitting(a), fitting(b)) {
            return Ok((a, b));
        }
        scale = scale.checked_sub(1).ok_or(Fault::TooLarge)?;
    }
}

/// `above / below` rounded half away from zero; `below` is not 0.
fn round_quotient(above: i128, below: i128) -> i128 {
    let (quotient, rest) = (above / below, above % below);
    let up = rest.unsigned_abs() >= below.unsigned_abs().div_ceil(2);
    let sign = if (above < 0) == (below < 0) { 1 } else { -1 };
    if up { quotient + sign } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn arithmetic_is_decimal_and_shows_four_decimals() {
        let text = |result: Result<Number, Fault>| result.unwrap().to_text(PRECISION);
        assert_eq!(text(number("0.1").plus(number("0.2"))), "0.3");
        assert_eq!(text(number("1").over(number("3"))), "0.3333");
        assert_eq!(text(number("2").over(number("-3"))), "-0.6667");
        assert_eq!(text(number("-7").modulo(number("3"))), "2");
        assert_eq!(text(number("7").modulo(number("-3"))), "-2");
        assert_eq!(text(number("5.5").remainder(number("2"))), "1.5");
        assert_eq!(text(number("2").pow(number("-1"))), "0.5");
        assert_eq!(text(number("2").pow(number("0.5"))), "1.4142");
        assert_eq!(text(number("2").sqrt()), "1.4142");
        assert_eq!(text(number("0.00002").plus(Number::ZERO)), "0");
        assert_eq!(text(number("123456789").times(number("987654321"))), "121932631112635269");
        assert_eq!(number("-0.00001").to_text(4), "0");
        assert_eq!(number("1790.99999999999999").int().to_text(4), "1791");
        let long = "1234567890123456789012345678";
        assert_eq!(text(number(long).plus(Number::ONE)), "1234567890123456789012345679");
        assert_eq!(text(number(long).plus(number("0.1234"))), format!("{long}.1234"));
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused_and_do_not_wrap() {
        let big = number(&"9".repeat(28));
        assert_eq!(big.times(big).unwrap_err(), Fault::TooLarge);
        assert_eq!(number("10").pow(number("5000")).unwrap_err(), Fault::TooLarge);
        assert_eq!(Number::ONE.over(Number::ZERO).unwrap_err(), Fault::DivideByZero);
        assert!(Number::parse(&[b'9'; 29]).is_none());
        let tiny = number(&format!("0.{}1", "0".repeat(27)));
        assert_eq!(big.plus(tiny).unwrap().to_text(4), "9".repeat(28));
        assert_eq!(big.over(tiny).unwrap_err(), Fault::TooLarge);
    }

    #[test]
    fn numbers_that_are_not_whole_are_equal_when_they_are_close() {
        assert_eq!(number("0.1").compare(number("0.10000000000001")), Ordering::Equal);
        assert_eq!(number("0.1").compare(number("0.1000001")), Ordering::Less);
        assert_eq!(number("123456789012345678").compare(number("123456789012345679")), Ordering::Less);
    }
}
