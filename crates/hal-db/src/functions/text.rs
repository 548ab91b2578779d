//! Functions of text: case, trimming, replacing, parts by position. A byte that is not UTF-8, marks included, counts as
//! one character and is kept as it is.

use super::Fault;
use crate::dynarray::{FM, TM, char_count};

/// Longest text that a function makes: the limit of a record (1.7).
pub(crate) const BYTES_MAX: usize = 256 << 20;
/// Units from here on are single bytes that are not UTF-8.
const BYTE_UNITS: u32 = 0x11_0000;

/// The characters of stored bytes as numbers: Unicode scalars, and from 0x110000 on the other bytes.
pub(crate) fn units(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let other = chunk.invalid().iter().map(|byte| BYTE_UNITS + u32::from(*byte));
        chunk.valid().chars().map(u32::from).chain(other)
    })
}

/// Number of characters.
pub(super) fn unit_count(bytes: &[u8]) -> usize {
    char_count(bytes)
}

/// The bytes of the first character; empty for "".
pub(crate) fn first_unit(bytes: &[u8]) -> &[u8] {
    // Four bytes hold a whole character; a cut one behind it does not disturb the first.
    let head = &bytes[..bytes.len().min(4)];
    let length = head
        .utf8_chunks()
        .next()
        .map_or(0, |chunk| chunk.valid().chars().next().map_or(chunk.invalid().len().min(1), char::len_utf8));
    &bytes[..length]
}

/// Byte offset at which character `index` (from 0) begins; the length when there are fewer.
pub(super) fn offset(bytes: &[u8], index: usize) -> usize {
    // So many characters end within four times as many bytes: what follows need not be looked at.
    let bytes = &bytes[..bytes.len().min(index.saturating_mul(4))];
    if bytes.is_ascii() {
        return index.min(bytes.len());
    }
    let (mut left, mut at) = (index, 0);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left == 0 {
                return at;
            }
            (left, at) = (left - 1, at + c.len_utf8());
        }
        let passed = left.min(chunk.invalid().len());
        (left, at) = (left - passed, at + passed);
        if passed < chunk.invalid().len() {
            return at;
        }
    }
    at
}

/// A capital by Unicode's simple mapping: a letter whose capital is several letters (ß) stays.
pub(crate) fn upper(c: char) -> char {
    let mut capitals = c.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(capital), None) => capital,
        _ => c,
    }
}

/// A small letter by Unicode's simple mapping.
pub(crate) fn lower(c: char) -> char {
    let mut small = c.to_lowercase();
    match (small.next(), small.next()) {
        (Some(small), None) => small,
        _ => c,
    }
}

/// Changes each character; other bytes stay.
pub(crate) fn map_chars(bytes: &[u8], mut change: impl FnMut(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            out.extend_from_slice(change(c).encode_utf8(&mut [0; 4]).as_bytes());
        }
        out.extend_from_slice(chunk.invalid());
    }
    out
}

/// UPCASE: capitals.
#[must_use]
pub fn upcase(bytes: &[u8]) -> Vec<u8> {
    map_chars(bytes, upper)
}

/// DOWNCASE: small letters.
#[must_use]
pub fn downcase(bytes: &[u8]) -> Vec<u8> {
    map_chars(bytes, lower)
}

/// Capitals made small and small letters capital.
#[must_use]
pub fn swap_case(bytes: &[u8]) -> Vec<u8> {
    map_chars(bytes, |c| if c.is_uppercase() { lower(c) } else { upper(c) })
}

/// STR: `text` repeated; "" for a count below 1.
///
/// # Errors
/// [`Fault::TooLarge`] beyond the limit of a record.
pub fn repeated(text: &[u8], count: i64) -> Result<Vec<u8>, Fault> {
    let count = usize::try_from(count.max(0)).map_err(|_| Fault::TooLarge)?;
    match text.len().checked_mul(count) {
        Some(length) if length <= BYTES_MAX => Ok(text.repeat(count)),
        _ => Err(Fault::TooLarge),
    }
}

/// SPACE: so many spaces.
///
/// # Errors
/// [`Fault::TooLarge`] beyond the limit of a record.
pub fn spaces_of(count: i64) -> Result<Vec<u8>, Fault> {
    repeated(b" ", count)
}

/// CHAR: one character by its number; 251 to 255 are the marks, 128 to 250 and above 255 Unicode's.
///
/// A number that is no character is taken by its last eight bits, so -1 is the item mark.
#[must_use]
pub fn char_of(number: i64) -> Vec<u8> {
    let unicode = u32::try_from(number).ok().filter(|n| !(0xFB..=0xFF).contains(n)).and_then(char::from_u32);
    let c = match unicode {
        Some(c) => c,
        None => match number as u8 {
            mark @ TM.. => return vec![mark],
            other => char::from(other),
        },
    };
    c.encode_utf8(&mut [0; 4]).as_bytes().to_vec()
}

/// SEQ: the number of the first character; 0 for "".
#[must_use]
pub fn seq(text: &[u8]) -> u32 {
    units(first_unit(text)).next().map_or(0, |unit| if unit >= BYTE_UNITS { unit - BYTE_UNITS } else { unit })
}

/// The modes of TRIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// `A`: every one.
    All,
    /// `B`: at both ends.
    Both,
    /// `C`: runs become one.
    Squeeze,
    /// `D`: spaces at both ends, runs of them become one.
    Spaces,
    /// `E`: spaces at the end.
    SpacesBack,
    /// `F`: spaces at the front.
    SpacesFront,
    /// `L`: at the front.
    Front,
    /// `R`: at both ends, runs become one.
    Redundant,
    /// `T`: at the end.
    Back,
}

impl Trim {
    /// Reads the mode letter of TRIM; "" is `R`.
    ///
    /// # Errors
    /// [`Fault::IllegalMode`].
    pub fn from_letter(mode: &[u8]) -> Result<Trim, Fault> {
        Ok(match mode.first().map(u8::to_ascii_uppercase) {
            None | Some(b'R') => Trim::Redundant,
            Some(b'A') => Trim::All,
            Some(b'B') => Trim::Both,
            Some(b'C') => Trim::Squeeze,
            Some(b'D') => Trim::Spaces,
            Some(b'E') => Trim::SpacesBack,
            Some(b'F') => Trim::SpacesFront,
            Some(b'L') => Trim::Front,
            Some(b'T') => Trim::Back,
            Some(_) => return Err(Fault::IllegalMode),
        })
    }
}

/// TRIM: without spaces at the ends, inner runs of them made one.
#[must_use]
pub fn trim(text: &[u8]) -> Vec<u8> {
    trim_of(text, b" ", Trim::Spaces)
}

/// TRIMB: without spaces at the end.
#[must_use]
pub fn trim_back(text: &[u8]) -> Vec<u8> {
    trim_of(text, b" ", Trim::SpacesBack)
}

/// TRIMF: without spaces at the front.
#[must_use]
pub fn trim_front(text: &[u8]) -> Vec<u8> {
    trim_of(text, b" ", Trim::SpacesFront)
}

/// TRIM with a character (the first of `character`, a space for "") and a mode.
#[must_use]
pub fn trim_of(text: &[u8], character: &[u8], mode: Trim) -> Vec<u8> {
    let (unit, mode) = match mode {
        Trim::Spaces => (&b" "[..], Trim::Redundant),
        Trim::SpacesBack => (&b" "[..], Trim::Back),
        Trim::SpacesFront => (&b" "[..], Trim::Front),
        other if character.is_empty() => (&b" "[..], other),
        other => (first_unit(character), other),
    };
    let mut rest = text;
    if matches!(mode, Trim::Front | Trim::Both | Trim::Redundant) {
        while let Some(after) = rest.strip_prefix(unit) {
            rest = after;
        }
    }
    if matches!(mode, Trim::Back | Trim::Both | Trim::Redundant) {
        while let Some(before) = rest.strip_suffix(unit) {
            rest = before;
        }
    }
    let keep = match mode {
        Trim::All => 0,
        Trim::Squeeze | Trim::Redundant => 1,
        _ => return rest.to_vec(),
    };
    let mut out = Vec::with_capacity(rest.len());
    let mut run = 0;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(unit) {
            run += 1;
            if run <= keep {
                out.extend_from_slice(unit);
            }
            rest = after;
        } else {
            run = 0;
            out.push(rest[0]);
            rest = &rest[1..];
        }
    }
    out
}

/// CHANGE: `count` occurrences of `old` from the `start`-th replaced by `new`; a count below 1 is all, an empty `old`
/// changes nothing.
#[must_use]
pub fn change(text: &[u8], old: &[u8], new: &[u8], count: i64, start: i64) -> Vec<u8> {
    if old.is_empty() {
        return text.to_vec();
    }
    let skip = usize::try_from(start.max(1) - 1).unwrap_or(usize::MAX);
    let take = if count < 1 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
    let mut out = Vec::with_capacity(text.len());
    let mut last = 0;
    for at in memchr::memmem::find_iter(text, old).skip(skip).take(take) {
        out.extend_from_slice(&text[last..at]);
        out.extend_from_slice(new);
        last = at + old.len();
    }
    out.extend_from_slice(&text[last..]);
    out
}

/// EREPLACE: as [`change`], but an empty `old` puts `new` in front.
#[must_use]
pub fn ereplace(text: &[u8], old: &[u8], new: &[u8], count: i64, start: i64) -> Vec<u8> {
    if old.is_empty() { [new, text].concat() } else { change(text, old, new, count, start) }
}

/// CONVERT: each character of `from` becomes the one at its place in `to`, or goes where `to` is shorter; the first of
/// equal ones counts.
#[must_use]
pub fn convert(from: &[u8], to: &[u8], text: &[u8]) -> Vec<u8> {
    let mut map: std::collections::HashMap<&[u8], &[u8]> = std::collections::HashMap::new();
    let (mut from, mut to) = (from, to);
    while !from.is_empty() {
        let (old, new) = (first_unit(from), first_unit(to));
        map.entry(old).or_insert(new);
        (from, to) = (&from[old.len()..], &to[new.len()..]);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let unit = first_unit(rest);
        out.extend_from_slice(map.get(unit).copied().unwrap_or(unit));
        rest = &rest[unit.len()..];
    }
    out
}

/// SUBSTITUTE: elements that equal one of `old` become the one at its place in `new` (both divided by value marks).
#[must_use]
pub fn substitute(array: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let new: Vec<&[u8]> = crate::dynarray::values(new).collect();
    let mut map: std::collections::HashMap<&[u8], &[u8]> = std::collections::HashMap::new();
    for (at, element) in crate::dynarray::values(old).enumerate() {
        map.entry(element).or_insert(new.get(at).copied().unwrap_or_default());
    }
    let mut out = Vec::with_capacity(array.len());
    let mut rest = array;
    loop {
        let end = rest.iter().position(|&b| b >= TM);
        let element = &rest[..end.unwrap_or(rest.len())];
        out.extend_from_slice(map.get(element).copied().unwrap_or(element));
        let Some(end) = end else { return out };
        out.push(rest[end]);
        rest = &rest[end + 1..];
    }
}

/// DQUOTE, QUOTE: within `"`.
#[must_use]
pub fn double_quoted(text: &[u8]) -> Vec<u8> {
    [b"\"", text, b"\""].concat()
}

/// SQUOTE: within `'`.
#[must_use]
pub fn single_quoted(text: &[u8]) -> Vec<u8> {
    [b"'", text, b"'"].concat()
}

/// `s[p,n]`: `count` characters from position `start`; a start below 1 is 1, beyond the end nothing is left (2.13).
#[must_use]
pub fn substring(text: &[u8], start: i64, count: i64) -> &[u8] {
    let start = usize::try_from(start.max(1) - 1).unwrap_or(usize::MAX);
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    let rest = &text[offset(text, start)..];
    &rest[..offset(rest, count)]
}

/// LEFT: the first `count` characters.
#[must_use]
pub fn left(text: &[u8], count: i64) -> &[u8] {
    substring(text, 1, count)
}

/// `s[n]`, RIGHT: the last `count` characters; "" for a count below 1.
#[must_use]
pub fn last(text: &[u8], count: i64) -> &[u8] {
    let Ok(count) = usize::try_from(count) else { return &[] };
    &text[offset(text, unit_count(text).saturating_sub(count))..]
}

/// `s[p,n] = x`: overlays exactly the part that is there, `new` cut or filled up with spaces; never grows (2.13).
#[must_use]
pub fn overlay(text: &[u8], start: i64, count: i64, new: &[u8]) -> Vec<u8> {
    let part = substring(text, start, count);
    let length = unit_count(part);
    let before = offset(text, usize::try_from(start.max(1) - 1).unwrap_or(usize::MAX));
    let new = &new[..offset(new, length)];
    let mut out = text[..before].to_vec();
    out.extend_from_slice(new);
    out.extend(std::iter::repeat_n(b' ', length - unit_count(new)));
    out.extend_from_slice(&text[before + part.len()..]);
    out
}

/// FOLD: lines of at most `width` characters, divided by field marks; broken at the last space that fits, which goes,
/// else anywhere.
#[must_use]
pub fn fold(text: &[u8], width: i64) -> Vec<u8> {
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    let mut out = Vec::with_capacity(text.len() + text.len() / width.min(64));
    let mut rest = text;
    loop {
        let fits = offset(rest, width);
        if fits == rest.len() {
            out.extend_from_slice(rest);
            return out;
        }
        let (end, skip) = match rest[..=fits].iter().rposition(|&b| b == b' ') {
            Some(space) if space > 0 => (space, 1),
            _ => (fits, 0),
        };
        out.extend_from_slice(&rest[..end]);
        out.push(FM);
        rest = &rest[end + skip..];
    }
}
