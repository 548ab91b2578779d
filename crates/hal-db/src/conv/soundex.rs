//! `S`: Soundex, the code of how a word sounds.

use super::{Converted, Status, ok};

/// Gives a capital and three digits; `0000` for text without a letter. H and W separate equal sounds, as in QM.
#[must_use]
pub fn soundex(value: &[u8]) -> Vec<u8> {
    let digit = |letter: u8| match letter.to_ascii_uppercase() {
        b'B' | b'F' | b'P' | b'V' => b'1',
        b'C' | b'G' | b'J' | b'K' | b'Q' | b'S' | b'X' | b'Z' => b'2',
        b'D' | b'T' => b'3',
        b'L' => b'4',
        b'M' | b'N' => b'5',
        b'R' => b'6',
        _ => b'0',
    };
    let mut letters = value.iter().copied().skip_while(|b| !b.is_ascii_alphabetic());
    let Some(first) = letters.next() else { return b"0000".to_vec() };
    let mut code = vec![first.to_ascii_uppercase()];
    let mut last = digit(first);
    for letter in letters {
        let next = digit(letter);
        if next != b'0' && next != last {
            code.push(next);
        }
        last = next;
        if code.len() == 4 {
            break;
        }
    }
    code.resize(4, b'0');
    code
}

/// `S` alone; `S;v1;v2` needs the record and is not a conversion of one value.
pub(super) fn output(value: &[u8], rest: &str) -> Converted {
    if rest.trim().is_empty() { ok(soundex(value)) } else { Err(Status::BadCode) }
}
