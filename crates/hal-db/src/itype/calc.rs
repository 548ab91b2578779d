//! Numbers while an expression is computed: decimal digits and a scale, never floats. Text only at the edges.

use std::cmp::Ordering;

/// Decimals that a number shows when it becomes text (PRECISION).
pub(crate) const PRECISION: u8 = 4;
/// Decimals that a division keeps while the computation goes on.
const DIVISION_DECIMALS: u8 = 14;
/// Decimals taken from text; further ones are cut off.
const DECIMALS_MAX: usize = 18;

/// A decimal number: `mantissa / 10^scale`. About 36 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Num {
    mantissa: i128,
    scale: u8,
}

impl Num {
    pub(crate) const ZERO: Num = Num { mantissa: 0, scale: 0 };
    pub(crate) const ONE: Num = Num { mantissa: 1, scale: 0 };

    /// `mantissa / 10^scale`.
    pub(crate) fn decimal(mantissa: i128, scale: u8) -> Num {
        Num { mantissa, scale }
    }

    /// Reads `[+-]digits[.digits]`, spaces around ignored; `None` for anything else, also "" and more than 28 digits.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Num> {
        // The usual case first: a few digits, nothing else.
        if bytes.len() <= 18
            && !bytes.is_empty()
            && let Some(small) = bytes
                .iter()
                .try_fold(0_i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
        {
            return Some(Num { mantissa: i128::from(small), scale: 0 });
        }
        let bytes = bytes.trim_ascii();
        let (negative, digits) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, bytes),
        };
        let (mut mantissa, mut scale, mut point, mut any) = (0_i128, 0_u8, false, false);
        for &byte in digits {
            match byte {
                b'0'..=b'9' => {
                    any = true;
                    if point && usize::from(scale) >= DECIMALS_MAX {
                        continue;
                    }
                    mantissa = mantissa * 10 + i128::from(byte - b'0');
                    scale += u8::from(point);
                    if mantissa > 10_i128.pow(28) {
                        return None;
                    }
                }
                b'.' if !point => point = true,
                _ => return None,
            }
        }
        any.then_some(Num { mantissa: if negative { -mantissa } else { mantissa }, scale })
    }

    /// As [`Num::parse`], with "" as 0.
    pub(crate) fn of(bytes: &[u8]) -> Option<Num> {
        if bytes.is_empty() { Some(Num::ZERO) } else { Num::parse(bytes) }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    pub(crate) fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    pub(crate) fn negated(self) -> Num {
        Num { mantissa: -self.mantissa, ..self }
    }

    pub(crate) fn abs(self) -> Num {
        Num { mantissa: self.mantissa.abs(), ..self }
    }

    /// The same number with `scale` decimals; further ones are cut off. Too large ones saturate.
    fn rescaled(self, scale: u8) -> Num {
        let mantissa = match scale.cmp(&self.scale) {
            Ordering::Equal => self.mantissa,
            Ordering::Greater => self.mantissa.saturating_mul(ten_to(scale - self.scale)),
            Ordering::Less => self.mantissa / ten_to(self.scale - scale),
        };
        Num { mantissa, scale }
    }

    /// Both numbers at one scale.
    fn aligned(self, other: Num) -> (i128, i128, u8) {
        let mut scale = self.scale.max(other.scale);
        // A huge number has no use for many decimals.
        while scale > 0 && !(self.fits(scale) && other.fits(scale)) {
            scale -= 1;
        }
        (self.rescaled(scale).mantissa, other.rescaled(scale).mantissa, scale)
    }

    fn fits(self, scale: u8) -> bool {
        scale <= self.scale || self.mantissa.checked_mul(ten_to(scale - self.scale)).is_some()
    }

    pub(crate) fn add(self, other: Num) -> Num {
        let (a, b, scale) = self.aligned(other);
        Num { mantissa: a.saturating_add(b), scale }
    }

    pub(crate) fn sub(self, other: Num) -> Num {
        self.add(other.negated())
    }

    pub(crate) fn mul(self, other: Num) -> Num {
        let (mut a, mut b) = (self, other);
        loop {
            if let Some(mantissa) = a.mantissa.checked_mul(b.mantissa) {
                let product = Num { mantissa, scale: a.scale + b.scale };
                return if product.scale > 28 { product.rescaled(28) } else { product };
            }
            // Drop the least decimals until the product fits.
            let longer = if a.scale >= b.scale { &mut a } else { &mut b };
            if longer.scale == 0 {
                let sign = if self.is_negative() == other.is_negative() { 1 } else { -1 };
                return Num { mantissa: sign * i128::MAX, scale: 0 };
            }
            *longer = longer.rescaled(longer.scale - 1);
        }
    }

    /// Quotient; by zero it is 0, as the warning option of QM has it.
    pub(crate) fn div(self, other: Num) -> Num {
        if other.is_zero() {
            return Num::ZERO;
        }
        let mut decimals = DIVISION_DECIMALS;
        loop {
            // (a / 10^sa) / (b / 10^sb) with `decimals` decimals.
            let up = i32::from(decimals) + i32::from(other.scale) - i32::from(self.scale);
            let quotient = if up >= 0 {
                pow_ten(up as u32)
                    .and_then(|ten| self.mantissa.checked_mul(ten))
                    .map(|numerator| numerator / other.mantissa)
            } else {
                pow_ten(up.unsigned_abs())
                    .and_then(|ten| other.mantissa.checked_mul(ten))
                    .map(|denominator| self.mantissa / denominator)
            };
            match quotient {
                Some(mantissa) => return Num { mantissa, scale: decimals },
                None if decimals == 0 => return self.rescaled(0).quotient(other.rescaled(0)),
                None => decimals -= 1,
            }
        }
    }

    fn quotient(self, other: Num) -> Num {
        Num { mantissa: self.mantissa.checked_div(other.mantissa).unwrap_or(0), scale: 0 }
    }

    /// Towards zero, after rounding at the 11th decimal.
    pub(crate) fn int(self) -> Num {
        Num { mantissa: self.rounded(11).rescaled(0).mantissa, scale: 0 }
    }

    /// Rounded half away from zero.
    pub(crate) fn rounded(self, decimals: u8) -> Num {
        if self.scale <= decimals {
            return self;
        }
        let unit = ten_to(self.scale - decimals);
        let half = if self.mantissa < 0 { -(unit / 2) } else { unit / 2 };
        Num { mantissa: self.mantissa.saturating_add(half) / unit, scale: decimals }
    }

    /// Sign of `other`, as MOD has it.
    pub(crate) fn modulo(self, other: Num) -> Num {
        if other.is_zero() {
            return self;
        }
        let (a, b, scale) = self.aligned(other);
        let rest = a.checked_rem(b).unwrap_or(0);
        let mantissa = if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest };
        Num { mantissa, scale }
    }

    /// Sign of `self`, as REM has it.
    pub(crate) fn remainder(self, other: Num) -> Num {
        if other.is_zero() {
            return self;
        }
        let (a, b, scale) = self.aligned(other);
        Num { mantissa: a.checked_rem(b).unwrap_or(0), scale }
    }

    /// Power with a whole exponent between -1000 and 1000; else 0.
    pub(crate) fn power(self, exponent: Num) -> Num {
        let Some(times) = exponent.to_i64().filter(|times| times.abs() <= 1000) else { return Num::ZERO };
        let power = (0..times.abs()).fold(Num::ONE, |power, _| power.mul(self));
        if times < 0 { Num::ONE.div(power) } else { power }
    }

    /// The number cut to a whole one.
    pub(crate) fn to_i64(self) -> Option<i64> {
        i64::try_from(self.int().mantissa).ok()
    }

    /// Equal within 2.91E-11, as QM compares.
    pub(crate) fn compare(self, other: Num) -> Ordering {
        if self.scale == other.scale && self.scale <= 10 {
            return self.mantissa.cmp(&other.mantissa);
        }
        let difference = self.sub(other);
        if difference.scale > 10
            && difference.mantissa.abs()
                <= 291 * pow_ten(u32::from(difference.scale)).unwrap_or(0) / 10_i128.pow(13)
        {
            return Ordering::Equal;
        }
        difference.mantissa.cmp(&0)
    }

    /// Appends the number as text: four decimals at most, no zeros at the end.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let mut number = self.rounded(PRECISION);
        while number.scale > 0 && number.mantissa % 10 == 0 {
            number = Num { mantissa: number.mantissa / 10, scale: number.scale - 1 };
        }
        number.write_all(out);
    }

    fn write_all(self, out: &mut Vec<u8>) {
        use std::io::Write as _;
        let unit = ten_to(self.scale).unsigned_abs();
        let magnitude = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let written = if self.scale == 0 {
            write!(out, "{sign}{magnitude}")
        } else {
            let width = usize::from(self.scale);
            write!(out, "{sign}{}.{:0width$}", magnitude / unit, magnitude % unit)
        };
        debug_assert!(written.is_ok(), "a vector takes all that is written");
    }

    /// As text: four decimals at most.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        self.write(&mut out);
        out
    }
}

impl From<i64> for Num {
    fn from(number: i64) -> Num {
        Num { mantissa: i128::from(number), scale: 0 }
    }
}

fn pow_ten(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

fn ten_to(exponent: u8) -> i128 {
    pow_ten(u32::from(exponent)).unwrap_or(i128::MAX)
}
