//! Numbers as text: what counts as one, how two compare, compound order, exact sums, arithmetic. Decimal digits, never
//! floats.

mod value;

use std::cmp::Ordering;

pub use value::{Number, PRECISION};

/// A number read in place: `[+-]digits[.digits]`, spaces around it ignored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl<'a> Decimal<'a> {
    /// Reads a number; `None` for anything else, also for "".
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Decimal<'a>> {
        let start = bytes.iter().position(|&b| b != b' ')?;
        let end = bytes.iter().rposition(|&b| b != b' ')?;
        let bytes = &bytes[start..=end];
        let (negative, digits) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, bytes),
        };
        let point = digits.iter().position(|&b| b == b'.').unwrap_or(digits.len());
        let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
        let all_digits = whole.iter().chain(fraction).all(u8::is_ascii_digit);
        if !all_digits || whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let decimal = Decimal::new(negative, whole, fraction);
        (decimal.whole.len() <= value::WHOLE_DIGITS_MAX).then_some(decimal)
    }

    fn new(negative: bool, whole: &'a [u8], fraction: &'a [u8]) -> Decimal<'a> {
        let start = whole.iter().position(|&b| b != b'0').unwrap_or(whole.len());
        let end = fraction.iter().rposition(|&b| b != b'0').map_or(0, |at| at + 1);
        let (whole, fraction) = (&whole[start..], &fraction[..end]);
        // There is no negative zero.
        Decimal { negative: negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction }
    }

    /// A number of these digits before and after the point.
    pub(crate) fn from_digits(whole: &'a [u8], fraction: &'a [u8]) -> Decimal<'a> {
        Decimal::new(false, whole, fraction)
    }

    /// Digits before the point, no leading zeros; empty for 0.
    pub(crate) fn whole(&self) -> &'a [u8] {
        self.whole
    }

    /// Digits after the point, no trailing zeros.
    pub(crate) fn fraction(&self) -> &'a [u8] {
        self.fraction
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.negative
    }

    pub(crate) fn compare(&self, other: &Decimal<'_>) -> Ordering {
        let magnitude = |a: &Decimal<'_>, b: &Decimal<'_>| {
            a.whole
                .len()
                .cmp(&b.whole.len())
                .then_with(|| a.whole.cmp(b.whole))
                .then_with(|| a.fraction.cmp(b.fraction))
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitude(self, other),
            (true, true) => magnitude(other, self),
        }
    }
}

/// Compares as `= < >` do: numbers when both are, else as strings; "" is less than anything else (3.4).
///
/// Numbers that are not whole count as equal when they are closer than 2.91E-11, so this is no order to sort by.
#[must_use]
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    match (Decimal::parse(a), Decimal::parse(b)) {
        (Some(a), Some(b)) if a.fraction.is_empty() && b.fraction.is_empty() => a.compare(&b),
        (Some(a), Some(b)) => Number::of(&a).compare(Number::of(&b)),
        _ => a.cmp(b),
    }
}

/// A run of a string in compound order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run<'a> {
    Number(Decimal<'a>),
    Text(&'a [u8]),
}

/// Divides a string into numbers and other text.
///
/// A number at the beginning may have a sign and decimals, so that 12.5 sorts after 12.45; later ones are plain digits.
pub(crate) fn runs(value: &[u8]) -> impl Iterator<Item = Run<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &value[at..];
        let signed = at == 0 && matches!(rest, [b'-' | b'+', digit, ..] if digit.is_ascii_digit());
        let start = usize::from(signed);
        let digits = |from: usize| from + rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let whole = digits(start);
        if rest.is_empty() {
            return None;
        }
        if whole == start {
            let length = 1 + rest[1..].iter().take_while(|b| !b.is_ascii_digit()).count();
            at += length;
            return Some(Run::Text(&rest[..length]));
        }
        let mut end = whole;
        let mut fraction: &[u8] = &[];
        if at == 0 && rest.get(whole) == Some(&b'.') && digits(whole + 1) > whole + 1 {
            end = digits(whole + 1);
            fraction = &rest[whole + 1..end];
        }
        at += end;
        Some(Run::Number(Decimal::new(signed && rest[0] == b'-', &rest[start..whole], fraction)))
    })
}

/// Compound order: run by run, numbers as numbers; what begins with a number sorts before what begins with text.
///
/// Queries sort by keys that compare so (`index::sort_key`); the tests compare the two.
#[cfg(test)]
pub(crate) fn compare_compound(a: &[u8], b: &[u8]) -> Ordering {
    let mut a_runs = runs(a);
    let mut b_runs = runs(b);
    loop {
        let ordering = match (a_runs.next(), b_runs.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(Run::Number(a)), Some(Run::Number(b))) => a.compare(&b),
            (Some(Run::Text(a)), Some(Run::Text(b))) => a.cmp(b),
            (Some(Run::Number(_)), Some(Run::Text(_))) => Ordering::Less,
            (Some(Run::Text(_)), Some(Run::Number(_))) => Ordering::Greater,
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compound_order_is_the_documented_one() {
        let order = "-6 1A1 1B1 +3 7CX 10A 103 1943 A1A A1C AA BD7 BD24 BF20 XX90";
        let words: Vec<&str> = order.split(' ').collect();
        for pair in words.windows(2) {
            assert_eq!(compare_compound(pair[0].as_bytes(), pair[1].as_bytes()), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn decimals_sort_by_their_value() {
        assert_eq!(compare_compound(b"12.5", b"12.45"), Ordering::Greater);
        assert_eq!(compare(b"-12.5", b"-12.45"), Ordering::Less);
        assert_eq!(compare(b"01", b"1.0"), Ordering::Equal);
        assert_eq!(compare(b"", b"0"), Ordering::Less);
        assert_eq!(compare(b"abc", b"ABC"), Ordering::Greater);
    }
}
