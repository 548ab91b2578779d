//! `MC`: kinds of characters: capitals, letters, digits, printing ones; hexadecimal.

use super::{Converted, Status, ok};
use crate::Env;
use crate::dynarray::{TM, integer};

pub(super) fn output(value: &[u8], rest: &str) -> Converted {
    let code = rest.to_ascii_uppercase();
    match code.as_str() {
        "D" | "DX" => to_hex(value),
        "X" | "XD" => ok(from_hex(value)),
        _ => shared(value, &code, rest),
    }
}

pub(super) fn input(value: &[u8], rest: &str, _env: &Env) -> Converted {
    let code = rest.to_ascii_uppercase();
    match code.as_str() {
        "D" | "DX" => ok(from_hex(value)),
        "X" | "XD" => to_hex(value),
        _ => shared(value, &code, rest),
    }
}

/// The codes that work alike both ways.
fn shared(value: &[u8], code: &str, as_written: &str) -> Converted {
    let (negated, class) = code.strip_prefix('/').map_or((false, code), |class| (true, class));
    let keep = |fits: &dyn Fn(char) -> bool| each_char(value, |c| (fits(c) != negated).then_some(c));
    match class {
        "U" => ok(map_text(value, str::to_uppercase)),
        "L" => ok(map_text(value, str::to_lowercase)),
        "T" => ok(map_text(value, |text| title(text, |c| !c.is_alphabetic()))),
        "S" => ok(map_text(value, sentences)),
        "A" => ok(keep(&char::is_alphabetic)),
        "N" => ok(keep(&|c| c.is_ascii_digit())),
        "N-" => ok(keep(&|c| c.is_ascii_digit() || c == '-')),
        "AN" => ok(keep(&|c| c.is_alphabetic() || c.is_ascii_digit())),
        "I" => ok(map_text(value, |text| {
            let turn = |c: char| {
                if c.is_uppercase() {
                    c.to_lowercase().collect::<String>()
                } else {
                    c.to_uppercase().collect()
                }
            };
            text.chars().map(turn).collect()
        })),
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

/// Applies `f` to the text between marks and other bytes that are not UTF-8, which stay as they are.
fn map_text(value: &[u8], f: impl Fn(&str) -> String) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        out.extend_from_slice(f(chunk.valid()).as_bytes());
        out.extend_from_slice(chunk.invalid());
    }
    out
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

fn title(text: &str, separates: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        if begins {
            out.extend(c.to_uppercase())
        } else {
            out.extend(c.to_lowercase())
        }
        begins = separates(c);
    }
    out
}

fn sentences(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        if begins && c.is_alphabetic() {
            out.extend(c.to_uppercase());
            begins = false;
        } else {
            out.extend(c.to_lowercase());
        }
        begins |= matches!(c, '.' | '!' | '?');
    }
    out
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
    let number = integer(value).ok_or(Status::BadData)?;
    ok(match u32::try_from(number) {
        Ok(number) => format!("{number:X}"),
        Err(_) => format!("{number:X}"),
    })
}

/// Hexadecimal to decimal; what is not hexadecimal stays as it is.
fn from_hex(value: &[u8]) -> Vec<u8> {
    let number = std::str::from_utf8(value).ok().and_then(|text| i64::from_str_radix(text, 16).ok());
    number.map_or_else(|| value.to_vec(), |number| number.to_string().into_bytes())
}
