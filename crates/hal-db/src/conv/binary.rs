//! `IS`, `IL`, `IF`: integers of two and four bytes and floats of four; `MP`: two decimal digits a byte.

use super::{Converted, Status, ok};
use crate::dynarray;
use crate::number::{Decimal, Number, PRECISION};

/// Whether bytes come least first (as stored on today's machines, or by a trailing `L`) or greatest first (`B`).
fn little_endian(rest: &str) -> Result<bool, Status> {
    match rest.trim().to_ascii_uppercase().as_str() {
        "" | "L" => Ok(true),
        "B" => Ok(false),
        _ => Err(Status::BadCode),
    }
}

/// Bytes as a signed integer; there must be exactly `width`.
pub(super) fn integer(value: &[u8], rest: &str, width: usize) -> Converted {
    let little = little_endian(rest)?;
    if value.is_empty() {
        return ok("");
    }
    if value.len() != width {
        return Err(Status::BadData);
    }
    let fold = |number: i64, byte: &u8| number << 8 | i64::from(*byte);
    let number = if little { value.iter().rev().fold(0, fold) } else { value.iter().fold(0, fold) };
    let sign = 1_i64 << (8 * width - 1);
    ok(((number ^ sign) - sign).to_string())
}

/// An integer as `width` bytes.
pub(super) fn bytes(value: &[u8], rest: &str, width: usize) -> Converted {
    let little = little_endian(rest)?;
    if value.is_empty() {
        return ok("");
    }
    let limit = 1_i64 << (8 * width - 1);
    let number = dynarray::integer(value).filter(|n| (-limit..limit).contains(n)).ok_or(Status::BadData)?;
    let bytes = number.to_le_bytes();
    let mut bytes = bytes[..width].to_vec();
    if !little {
        bytes.reverse();
    }
    ok(bytes)
}

/// Up to four bytes as a float of IEEE 754, missing ones 0, shown with the usual decimals; there must be one.
pub(super) fn float(value: &[u8], rest: &str) -> Converted {
    let little = little_endian(rest)?;
    if value.is_empty() || value.len() > 4 {
        return Err(Status::BadData);
    }
    let mut bytes = [0; 4];
    bytes[..value.len()].copy_from_slice(value);
    let number = if little { f32::from_le_bytes(bytes) } else { f32::from_be_bytes(bytes) };
    let text = format!("{number:.10}");
    let number = Number::parse(text.as_bytes()).ok_or(Status::BadData)?;
    ok(number.to_text(PRECISION))
}

/// A number as the four bytes of a float.
pub(super) fn float_bytes(value: &[u8], rest: &str) -> Converted {
    let little = little_endian(rest)?;
    let number = std::str::from_utf8(value).ok().filter(|_| Decimal::parse(value).is_some());
    let number: f32 = number.and_then(|text| text.trim().parse().ok()).ok_or(Status::BadData)?;
    ok(if little { number.to_le_bytes() } else { number.to_be_bytes() })
}

/// Packed decimal to digits: a first half byte of D is minus, one of F at the end fills up.
pub(super) fn unpack(value: &[u8], rest: &str) -> Converted {
    if !rest.trim().is_empty() {
        return Err(Status::BadCode);
    }
    let mut text = String::with_capacity(value.len() * 2);
    let halves = value.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let last = value.len() * 2;
    for (at, half) in halves.enumerate() {
        match half {
            0..=9 => text.push(char::from(b'0' + half)),
            13 if at == 0 => text.push('-'),
            12 if at == 0 => {}
            15 if at + 1 == last => {}
            _ => return Err(Status::BadData),
        }
    }
    ok(text)
}

/// Digits with an optional sign to packed decimal.
pub(super) fn pack(value: &[u8], rest: &str) -> Converted {
    if !rest.trim().is_empty() {
        return Err(Status::BadCode);
    }
    let (negative, digits) = match value {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if value.is_empty() {
        return ok("");
    }
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Status::BadData);
    }
    let mut halves: Vec<u8> = if negative { vec![13] } else { Vec::new() };
    if !negative && digits.len() % 2 == 1 {
        halves.push(0);
    }
    halves.extend(digits.iter().map(|digit| digit - b'0'));
    if halves.len() % 2 == 1 {
        halves.push(15);
    }
    ok(halves.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<u8>>())
}
