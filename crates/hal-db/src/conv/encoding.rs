//! `Xname`: text in another encoding. Stored text is UTF-8; marks stay as they are.

use super::{Converted, Status, ok};
use crate::dynarray::TM;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Latin1,
}

fn encoding(rest: &str) -> Result<Encoding, Status> {
    match rest.trim().to_ascii_uppercase().as_str() {
        "UTF8" | "UTF-8" => Ok(Encoding::Utf8),
        "LATIN1" | "ISO8859-1" | "ISO-8859-1" => Ok(Encoding::Latin1),
        _ => Err(Status::BadCode),
    }
}

/// UTF-8 to the encoding; a character it has not fails.
pub(super) fn output(value: &[u8], rest: &str) -> Converted {
    if encoding(rest)? == Encoding::Utf8 {
        return ok(value);
    }
    let mut out = Vec::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            // û ü ý þ ÿ would be marks.
            out.push(u8::try_from(c).ok().filter(|byte| *byte < TM).ok_or(Status::BadData)?);
        }
        out.extend_from_slice(chunk.invalid());
    }
    ok(out)
}

/// The encoding to UTF-8.
pub(super) fn input(value: &[u8], rest: &str) -> Converted {
    if encoding(rest)? == Encoding::Utf8 {
        return if value.utf8_chunks().all(|chunk| chunk.invalid().iter().all(|b| *b >= TM)) {
            ok(value)
        } else {
            Err(Status::BadData)
        };
    }
    let mut out = Vec::with_capacity(value.len());
    for &byte in value {
        if byte >= TM {
            out.push(byte);
        } else {
            out.extend_from_slice(char::from(byte).encode_utf8(&mut [0; 2]).as_bytes());
        }
    }
    ok(out)
}
