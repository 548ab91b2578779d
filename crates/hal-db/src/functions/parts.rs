//! Parts of text between delimiters, and where something stands in it.

use super::text::{first_unit, unit_count, units};
use crate::dynarray::{FM, SM, VM};

/// What FIELD found, and where: COL1() and COL2() are the positions of the delimiters around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found<'a> {
    /// The groups, with the delimiters between them.
    pub text: &'a [u8],
    /// COL1(): characters before the group, which is the position of the delimiter before it; 0 for the first.
    pub column1: usize,
    /// COL2(): position of the delimiter after it, one past the end for the last; 0 when nothing was found.
    pub column2: usize,
}

/// FIELD: `count` groups from the `number`-th, divided by the first character of `delimiter` (2.8).
///
/// A number or count below 1 is 1; an empty delimiter gives the whole text; a missing group is "".
#[must_use]
pub fn field<'a>(text: &'a [u8], delimiter: &[u8], number: i64, count: i64) -> Found<'a> {
    if text.is_empty() {
        return Found::default();
    }
    let delimiter = first_unit(delimiter);
    if delimiter.is_empty() {
        return Found { text, column1: 0, column2: unit_count(text) + 1 };
    }
    let skip = usize::try_from(number.max(1) - 1).unwrap_or(usize::MAX);
    let take = usize::try_from(count.max(1)).unwrap_or(usize::MAX);
    let mut at = memchr::memmem::find_iter(text, delimiter);
    let start = match skip {
        0 => 0,
        _ => match at.nth(skip - 1) {
            Some(before) => before + delimiter.len(),
            None => return Found::default(),
        },
    };
    let end = at.nth(take - 1).unwrap_or(text.len());
    let column1 = unit_count(&text[..start]);
    Found { text: &text[start..end], column1, column2: unit_count(&text[..end]) + 1 }
}

/// FIELDSTORE: groups of `text` replaced by groups of `new`.
///
/// `count` above 0: exactly so many, missing ones empty; 0: all of `new` is inserted before group `number`; below 0: so
/// many groups make way for all of `new`.
#[must_use]
pub fn field_store(text: &[u8], delimiter: &[u8], number: i64, count: i64, new: &[u8]) -> Vec<u8> {
    /// Groups that a number out of range may add at most.
    const GROUPS_MAX: usize = 1 << 20;
    let delimiter = first_unit(delimiter);
    if delimiter.is_empty() {
        return text.to_vec();
    }
    let split = |text: &'_ [u8]| -> Vec<Vec<u8>> {
        let mut groups = Vec::new();
        let mut start = 0;
        for at in memchr::memmem::find_iter(text, delimiter) {
            groups.push(text[start..at].to_vec());
            start = at + delimiter.len();
        }
        groups.push(text[start..].to_vec());
        groups
    };
    let mut groups = split(text);
    let mut new = split(new);
    let first = usize::try_from(number.max(1) - 1).unwrap_or(GROUPS_MAX).min(GROUPS_MAX);
    if groups.len() < first {
        groups.resize(first, Vec::new());
    }
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(GROUPS_MAX).min(GROUPS_MAX);
    if count > 0 {
        new.resize(wanted, Vec::new());
    }
    let end = first.saturating_add(wanted).min(groups.len());
    groups.splice(first..end, new);
    groups.join(delimiter)
}

/// INDEX: position of the `occurrence`-th `part`, occurrences not overlapping; 0 when there are fewer or for a number
/// below 1. An empty part is found at every position: the answer is the number itself.
#[must_use]
pub fn index(text: &[u8], part: &[u8], occurrence: i64) -> usize {
    let Ok(occurrence) = usize::try_from(occurrence) else { return 0 };
    match (occurrence, part) {
        (0, _) => 0,
        (_, []) => occurrence,
        _ => memchr::memmem::find_iter(text, part)
            .nth(occurrence - 1)
            .map_or(0, |at| unit_count(&text[..at]) + 1),
    }
}

/// LISTINDEX: position of `item` among the elements that `delimiter` divides `list` into; 0 when it is not there.
#[must_use]
pub fn list_index(list: &[u8], delimiter: &[u8], item: &[u8]) -> usize {
    let delimiter = first_unit(delimiter);
    let mut start = 0;
    let mut number = 1;
    if !delimiter.is_empty() {
        for at in memchr::memmem::find_iter(list, delimiter) {
            if &list[start..at] == item {
                return number;
            }
            (start, number) = (at + delimiter.len(), number + 1);
        }
    }
    if !list.is_empty() && &list[start..] == item { number } else { 0 }
}

/// FIND: field, value and subvalue of the `occurrence`-th element that equals `item`.
#[must_use]
pub fn find(array: &[u8], item: &[u8], occurrence: usize) -> Option<(usize, usize, usize)> {
    listed_position(array, occurrence, |element| element == item)
}

/// FINDSTR: field, value and subvalue of the `occurrence`-th element that contains `part`.
#[must_use]
pub fn find_part(array: &[u8], part: &[u8], occurrence: usize) -> Option<(usize, usize, usize)> {
    let finder = memchr::memmem::Finder::new(part);
    listed_position(array, occurrence, |element| finder.find(element).is_some())
}

/// Position of the `occurrence`-th element for which `wanted` holds; occurrences count from 1, less counts as 1.
#[must_use]
pub fn listed_position(
    array: &[u8],
    occurrence: usize,
    mut wanted: impl FnMut(&[u8]) -> bool,
) -> Option<(usize, usize, usize)> {
    let mut left = occurrence.max(1);
    let mut place = (1, 1, 1);
    let mut rest = array;
    loop {
        let end = rest.iter().position(|&b| b >= SM);
        if wanted(&rest[..end.unwrap_or(rest.len())]) {
            left -= 1;
            if left == 0 {
                return Some(place);
            }
        }
        let end = end?;
        place = match rest[end] {
            SM => (place.0, place.1, place.2 + 1),
            VM => (place.0, place.1 + 1, 1),
            _ => (place.0 + 1, 1, 1),
        };
        rest = &rest[end + 1..];
    }
}

/// CSVDQ: one line of comma separated values as fields: quotes removed, `""` is `"`, commas outside quotes become FM.
#[must_use]
pub fn csvdq(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let (mut quoted, mut begins) = (false, true);
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if begins => quoted = true,
            b'"' if bytes.next_if_eq(&b'"').is_some() => out.push(b'"'),
            b'"' => quoted = !quoted,
            b',' if !quoted => out.push(FM),
            other => out.push(other),
        }
        begins = byte == b',' && !quoted;
    }
    out
}

/// MATPARSE: the elements of `text`, divided by any character of `delimiters`, for a matrix of `size` places.
///
/// Place 0 takes what is left over (with its delimiters); unused places are "". An empty `delimiters` gives characters.
#[must_use]
pub fn mat_parse(text: &[u8], delimiters: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut places = vec![Vec::new(); size + 1];
    let wanted: Vec<u32> = units(delimiters).collect();
    let mut number = 1;
    let mut rest = text;
    while !rest.is_empty() {
        if number > size {
            places[0] = rest.to_vec();
            break;
        }
        let mut length = 0;
        let mut skip = 0;
        while length < rest.len() {
            let unit = first_unit(&rest[length..]);
            if wanted.is_empty() {
                length += unit.len();
                break;
            }
            if units(unit).next().is_some_and(|unit| wanted.contains(&unit)) {
                skip = unit.len();
                break;
            }
            length += unit.len();
        }
        rest[..length].clone_into(&mut places[number]);
        rest = &rest[length + skip..];
        number += 1;
    }
    places
}

/// MATBUILD: places 1.. of a matrix joined by `delimiter`, empty ones at the end left out, then what place 0 holds.
#[must_use]
pub fn mat_build(places: &[Vec<u8>], delimiter: &[u8]) -> Vec<u8> {
    let Some((over, places)) = places.split_first() else { return Vec::new() };
    let used = places.iter().rposition(|place| !place.is_empty()).map_or(0, |at| at + 1);
    let mut parts: Vec<&[u8]> = places[..used].iter().map(Vec::as_slice).collect();
    if !over.is_empty() {
        parts.push(over);
    }
    parts.join(delimiter)
}
