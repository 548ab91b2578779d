//! `MK{n}`: a whole number made to fit n characters (3) by K, M or G.

use super::{Converted, Status, ok};
use crate::dynarray::integer;

fn width(rest: &str) -> Result<usize, Status> {
    match rest.trim() {
        "" => Ok(3),
        digits => digits.parse().ok().filter(|width| (1..=99).contains(width)).ok_or(Status::BadCode),
    }
}

pub(super) fn output(value: &[u8], rest: &str) -> Converted {
    let width = width(rest)?;
    if value.is_empty() {
        return ok("");
    }
    let number = integer(value).ok_or(Status::BadData)?;
    let plain = number.to_string();
    if plain.len() <= width {
        return ok(plain);
    }
    for (unit, letter) in [(1_000_i128, 'K'), (1_000_000, 'M'), (1_000_000_000, 'G')] {
        let half = if number < 0 { -unit / 2 } else { unit / 2 };
        let rounded = (i128::from(number) + half) / unit;
        let text = format!("{rounded}{letter}");
        if rounded != 0 && text.len() <= width {
            return ok(text);
        }
    }
    ok("*")
}

pub(super) fn input(value: &[u8], rest: &str) -> Converted {
    width(rest)?;
    let (digits, unit) = match value.split_last() {
        None => return ok(""),
        Some((b'K' | b'k', digits)) => (digits, 1_000),
        Some((b'M' | b'm', digits)) => (digits, 1_000_000),
        Some((b'G' | b'g', digits)) => (digits, 1_000_000_000),
        Some(_) => (value, 1),
    };
    let number = integer(digits).and_then(|number| number.checked_mul(unit)).ok_or(Status::BadData)?;
    ok(number.to_string())
}
