//! `MC`: kinds of characters: capitals, letters, digits, printing ones; hexadecimal.

use super::{Converted, Options, Status, ok};
use crate::dynarray::{TM, integer};
use crate::functions::{downcase, lower, map_chars, swap_case, upcase, upper};

pub(super) fn output(value: &[u8], rest: &str, options: &Options) -> Converted {
    let code = rest.to_ascii_uppercase();
    match code.as_str() {
        "D" | "DX" => to_hex(value),
        "X" | "XD" => ok(from_hex(value)),
        _ => shared(value, &code, rest, options),
    }
}

pub(super) fn input(value: &[u8], rest: &str, options: &Options) -> Converted {
    let code = rest.to_ascii_uppercase();
    match code.as_str() {
        "D" | "DX" => ok(from_hex(value)),
        "X" | "XD" => to_hex(value),
        _ => shared(value, &code, rest, options),
    }
}

/// The codes that work alike both ways.
fn shared(value: &[u8], code: &str, as_written: &str, options: &Options) -> Converted {
    let (negated, class) = code.strip_prefix('/').map_or((false, code), |class| (true, class));
    let keep = |fits: &dyn Fn(char) -> bool| each_char(value, |c| (fits(c) != negated).then_some(c));
    match class {
        "U" => ok(upcase(value)),
        "L" => ok(downcase(value)),
        "T" => ok(title(value, options.title_after_spaces)),
        "S" => ok(sentences(value)),
        "A" => ok(keep(&char::is_alphabetic)),
        "N" => ok(keep(&|c| c.is_ascii_digit())),
        "N-" => ok(keep(&|c| c.is_ascii_digit() || c == '-')),
        "AN" => ok(keep(&|c| c.is_alphabetic() || c.is_ascii_digit())),
        "I" => ok(swap_case(value)),
        "P" => ok(printing(value, '.')),
        // A letter or digit after MCP is no replacement but another, unknown code, which changes nothing.
        _ if class.starts_with('P') && class.chars().count() == 2 => match as_written.chars().nth(1) {
            Some(c) if !c.is_alphanumeric() => ok(printing(value, c)),
            _ => ok(value),
        },
        "DR" => Err(Status::BadCode),
        _ => ok(value),
    }
}

/// Keeps or drops characters; a byte that is not UTF-8 counts as a character that is neither letter nor digit.
fn each_char(value: &[u8], f: impl Fn(char) -> Option<char>) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        out.extend_from_slice(chunk.valid().chars().filter_map(&f).collect::<String>().as_bytes());
        if f('\u{FFFD}').is_some() {
            out.extend_from_slice(chunk.invalid());
        }
    }
    out
}

/// A capital after everything that is no letter, marks included; or after spaces and marks only.
fn title(value: &[u8], after_spaces: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        let mut begins = true;
        out.extend(map_chars(chunk.valid().as_bytes(), |c| {
            let changed = if begins { upper(c) } else { lower(c) };
            begins = if after_spaces { c == ' ' } else { !c.is_alphabetic() };
            changed
        }));
        out.extend_from_slice(chunk.invalid());
    }
    out
}

/// A capital at the beginning and after `.`, `!` and `?`.
fn sentences(value: &[u8]) -> Vec<u8> {
    let mut begins = true;
    map_chars(value, |c| {
        let changed = if begins { upper(c) } else { lower(c) };
        begins = begins && !c.is_alphabetic() || matches!(c, '.' | '!' | '?');
        changed
    })
}

/// Control characters and marks become `replacement`.
fn printing(value: &[u8], replacement: char) -> Vec<u8> {
    let mut out = String::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        out.extend(chunk.valid().chars().map(|c| if c.is_control() { replacement } else { c }));
        out.extend(chunk.invalid().iter().map(|_| replacement));
    }
    debug_assert!(!out.bytes().any(|b| b >= TM), "text holds no marks");
    out.into_bytes()
}

fn to_hex(value: &[u8]) -> Converted {
    if value.is_empty() {
        return ok("");
    }
    let number = integer(value).ok_or(Status::NonNumeric)?;
    ok(match i32::try_from(number) {
        Ok(number) => format!("{number:X}"),
        Err(_) => format!("{number:X}"),
    })
}

/// Hexadecimal to decimal; what is not hexadecimal stays as it is.
fn from_hex(value: &[u8]) -> Vec<u8> {
    let number = std::str::from_utf8(value).ok().and_then(|text| i64::from_str_radix(text, 16).ok());
    number.map_or_else(|| value.to_vec(), |number| number.to_string().into_bytes())
}
