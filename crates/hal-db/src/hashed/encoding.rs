//! Bytes of an account's files as HAL keeps them, and back: both ways exact.

use std::borrow::Cow;

use crate::dynarray::TM;

/// How the text of an account is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Bytes are kept as they are. Right for UTF-8 and for plain ASCII; anything else survives but reads as `?`.
    #[default]
    Bytes,
    /// ISO 8859-1: bytes 0x80..=0xFA become two bytes of UTF-8, marks stay marks.
    Latin1,
    /// Windows-1252: ISO 8859-1 with letters and signs (€ „ “ – Š ž) at 0x80..=0x9F. The five codes that it leaves free are
    /// kept as the control characters that ISO 8859-1 has there.
    Windows1252,
}

/// The characters of Windows-1252 at 0x80..=0x9F; the free ones stand for themselves.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', //
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

impl Encoding {
    /// The encoding of that name (`latin1`, `iso-8859-1`, `windows-1252`, `cp1252`, `utf-8`, `bytes`), case ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Encoding> {
        match name.to_ascii_lowercase().replace(['-', '_', ' '], "").as_str() {
            "latin1" | "iso88591" | "l1" => Some(Encoding::Latin1),
            "windows1252" | "cp1252" | "ansi" => Some(Encoding::Windows1252),
            "utf8" | "bytes" | "none" => Some(Encoding::Bytes),
            _ => None,
        }
    }

    /// Its name, as [`Encoding::from_name`] takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Bytes => "utf-8",
            Encoding::Latin1 => "latin1",
            Encoding::Windows1252 => "windows-1252",
        }
    }

    /// A record of the account as HAL stores it.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        if self == Encoding::Bytes || bytes.is_ascii() {
            return Cow::Borrowed(bytes);
        }
        let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        for &byte in bytes {
            match byte {
                0x80..TM => {
                    text.extend_from_slice(self.char_of(byte).encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => text.push(byte),
            }
        }
        Cow::Owned(text)
    }

    /// What HAL stores as a record of the account; `None` when it has a character that the encoding lacks.
    ///
    /// The letters û ü ý þ ÿ lack as well: their codes are the marks.
    #[must_use]
    pub fn encode(self, bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
        if self == Encoding::Bytes || bytes.is_ascii() {
            return Some(Cow::Borrowed(bytes));
        }
        let mut encoded = Vec::with_capacity(bytes.len());
        for piece in bytes.split_inclusive(|&b| b >= TM) {
            let (text, mark) = match piece.split_last() {
                Some((&last, text)) if last >= TM => (text, Some(last)),
                _ => (piece, None),
            };
            for c in std::str::from_utf8(text).ok()?.chars() {
                encoded.push(self.byte_of(c)?);
            }
            encoded.extend(mark);
        }
        Some(Cow::Owned(encoded))
    }

    fn char_of(self, byte: u8) -> char {
        match (self, byte) {
            (Encoding::Windows1252, 0x80..=0x9F) => WINDOWS_1252[usize::from(byte - 0x80)],
            _ => char::from(byte),
        }
    }

    fn byte_of(self, c: char) -> Option<u8> {
        let plain = u8::try_from(u32::from(c)).ok().filter(|&byte| byte < TM);
        match plain {
            Some(0x80..=0x9F) | None if self == Encoding::Windows1252 => {
                let at = WINDOWS_1252.iter().position(|&known| known == c)?;
                Some(0x80 + at as u8)
            }
            plain => plain,
        }
    }
}

/// Where the bytes that no id may have are kept: U+F700 + byte.
const ESCAPE: u32 = 0xF700;

/// An id as text. Bytes that are not UTF-8, NUL, marks and the letters û..ÿ, which travel as marks, become U+F700 + byte.
///
/// Different ids stay different, and [`id_from_text`] gives the bytes back. The flag tells whether anything was escaped.
#[must_use]
pub fn id_to_text(id: &[u8]) -> (String, bool) {
    let mut text = String::with_capacity(id.len());
    let mut escaped = false;
    let mut escape = |text: &mut String, bytes: &[u8]| {
        escaped = true;
        text.extend(bytes.iter().filter_map(|&byte| char::from_u32(ESCAPE + u32::from(byte))));
    };
    for chunk in id.utf8_chunks() {
        for c in chunk.valid().chars() {
            // The escapes themselves are escaped, so that nothing has two meanings.
            if matches!(c, '\0' | '\u{FB}'..='\u{FF}' | '\u{F700}'..='\u{F7FF}') {
                escape(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(c);
            }
        }
        escape_if_any(&mut escape, &mut text, chunk.invalid());
    }
    (text, escaped)
}

fn escape_if_any(escape: &mut impl FnMut(&mut String, &[u8]), text: &mut String, bytes: &[u8]) {
    if !bytes.is_empty() {
        escape(text, bytes);
    }
}

/// The bytes of an id that [`id_to_text`] made text of.
#[must_use]
pub fn id_from_text(text: &str) -> Vec<u8> {
    let mut id = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c).wrapping_sub(ESCAPE)) {
            Ok(byte) => id.push(byte),
            Err(_) => id.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    id
}
