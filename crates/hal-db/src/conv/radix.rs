//! `MX`, `MO`, `MB`: numbers, or each byte, in hexadecimal, octal and binary digits.

use super::{Converted, Status, ok};
use crate::dynarray::integer;

/// How the code takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Bytes,
}

fn kind(rest: &str) -> Result<Kind, Status> {
    match rest.trim().to_ascii_uppercase().as_str() {
        "" | "Z" => Ok(Kind::Number),
        "0C" | "UC" => Ok(Kind::Bytes),
        _ => Err(Status::BadCode),
    }
}

fn digits_of_a_byte(base: u32) -> usize {
    match base {
        16 => 2,
        8 => 3,
        _ => 8,
    }
}

fn written(number: u64, base: u32, width: usize) -> String {
    match base {
        16 => format!("{number:0width$X}"),
        8 => format!("{number:0width$o}"),
        _ => format!("{number:0width$b}"),
    }
}

/// A number in the base, a negative one as 32 bits (64 where needed); or each byte of the value.
pub(super) fn output(value: &[u8], rest: &str, base: u32) -> Converted {
    if kind(rest)? == Kind::Bytes {
        let width = digits_of_a_byte(base);
        let text: String = value.iter().map(|byte| written(u64::from(*byte), base, width)).collect();
        return ok(text);
    }
    if value.is_empty() {
        return ok("");
    }
    let number = integer(value).ok_or(Status::NonNumeric)?;
    // QM shows zero as two digits.
    let width = if number == 0 { 2 } else { 1 };
    ok(match i32::try_from(number) {
        Ok(number) => written(u64::from(number as u32), base, width),
        Err(_) => written(number as u64, base, width),
    })
}

pub(super) fn input(value: &[u8], rest: &str, base: u32) -> Converted {
    let kind = kind(rest)?;
    let text = std::str::from_utf8(value).map_err(|_| Status::BadData)?.trim();
    if text.is_empty() || !text.chars().all(|c| c.is_digit(base)) {
        return Err(Status::BadData);
    }
    if kind == Kind::Number {
        let number = u64::from_str_radix(text, base).map_err(|_| Status::BadData)?;
        return ok((number as i64).to_string());
    }
    let width = digits_of_a_byte(base);
    let mut bytes = Vec::with_capacity(text.len() / width + 1);
    // Digits that do not fill the first byte belong to it.
    let first = text.len() % width;
    let groups = std::iter::once(&text[..first]).filter(|group| !group.is_empty());
    for group in groups
        .chain(text.as_bytes()[first..].chunks(width).filter_map(|group| std::str::from_utf8(group).ok()))
    {
        bytes.push(u8::from_str_radix(group, base).map_err(|_| Status::BadData)?);
    }
    ok(bytes)
}
