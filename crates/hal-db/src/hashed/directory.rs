//! Directory files: one file of the operating system for each record. Names and line ends are mapped both ways.

use crate::dynarray::FM;

/// Characters that a name on disk cannot have, and the letter that stands for each after `%`.
const ESCAPES: [(u8, u8); 13] = [
    (b'*', b'A'),
    (b'%', b'P'),
    (b'\\', b'B'),
    (b'"', b'Q'),
    (b',', b'C'),
    (b'/', b'S'),
    (b'=', b'E'),
    (b'+', b'V'),
    (b'>', b'G'),
    (b':', b'X'),
    (b'\n', b'J'),
    (b';', b'Y'),
    (b'<', b'L'),
];
const QUESTION: (u8, u8) = (b'?', b'Z');
/// Only as the first character of a name.
const FIRST: [(u8, u8); 2] = [(b'.', b'D'), (b'~', b'T')];

fn escapes() -> impl Iterator<Item = &'static (u8, u8)> {
    ESCAPES.iter().chain(std::iter::once(&QUESTION))
}

/// The name on disk of the record `id`.
#[must_use]
pub fn directory_name(id: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(id.len());
    for (at, &byte) in id.iter().enumerate() {
        let first = FIRST.iter().filter(|_| at == 0);
        match escapes().chain(first).find(|(plain, _)| *plain == byte) {
            Some((_, letter)) => name.extend([b'%', *letter]),
            None => name.push(byte),
        }
    }
    name
}

/// The record id of a name on disk; `None` for a subfile, a hidden file or an escape that is not known.
#[must_use]
pub fn directory_id(name: &[u8]) -> Option<Vec<u8>> {
    if name.first().is_none_or(|&b| b == b'.' || b == b'~') {
        return None;
    }
    let mut id = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            id.push(byte);
            continue;
        }
        let letter = bytes.next()?;
        let first = FIRST.iter().filter(|_| id.is_empty());
        let (plain, _) = escapes().chain(first).find(|(_, known)| known == letter)?;
        id.push(*plain);
    }
    Some(id)
}

/// A text file as a record: each line a field. A final line end is dropped; CR LF counts as one line end.
#[must_use]
pub fn directory_record(text: &[u8]) -> Vec<u8> {
    let text = text.strip_suffix(b"\n").map_or(text, |text| text.strip_suffix(b"\r").unwrap_or(text));
    let mut record = Vec::with_capacity(text.len());
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'\r' if text.get(at + 1) == Some(&b'\n') => {}
            b'\n' => record.push(FM),
            other => record.push(other),
        }
    }
    record
}

/// A record as a text file.
#[must_use]
pub fn directory_text(record: &[u8]) -> Vec<u8> {
    let mut text: Vec<u8> = record.iter().map(|&b| if b == FM { b'\n' } else { b }).collect();
    // An empty record is an empty file: with a line end it would read back the same, but so would its absence.
    if !text.is_empty() {
        text.push(b'\n');
    }
    text
}
