//! `B64`: bytes as base64 text (RFC 4648, 4).

use super::{Converted, Status, ok};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn output(value: &[u8], rest: &str) -> Converted {
    if !rest.trim().is_empty() {
        return Err(Status::BadCode);
    }
    let mut text = Vec::with_capacity(value.len().div_ceil(3) * 4);
    for group in value.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { letter } else { b'=' });
        }
    }
    ok(text)
}

/// Line ends and spaces are passed over; the padding may be missing.
pub(super) fn input(value: &[u8], rest: &str) -> Converted {
    if !rest.trim().is_empty() {
        return Err(Status::BadCode);
    }
    let mut bytes = Vec::with_capacity(value.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    let end = value.iter().rposition(|&b| b != b'=').map_or(0, |at| at + 1);
    for letter in value[..end].iter().filter(|b| !b.is_ascii_whitespace()) {
        let code = ALPHABET.iter().position(|known| known == letter).ok_or(Status::BadData)?;
        bits = bits << 6 | code as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    ok(bytes)
}
