//! Dynamic arrays: one byte string whose marks divide it into fields, values and subvalues. Knows nothing of files.
//!
//! Text is UTF-8, which never contains the mark bytes, so text and marks share one string. Positions count from 1; a
//! place that does not exist reads as "" and is never an error.

mod hint;
mod locate;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use hint::Hint;
pub(crate) use locate::integer;
pub use locate::{Order, Search, compare_padded, compare_right};

/// Item mark, byte 255.
pub const IM: u8 = 255;
/// Field mark (attribute mark), byte 254.
pub const FM: u8 = 254;
/// Value mark, byte 253.
pub const VM: u8 = 253;
/// Subvalue mark, byte 252.
pub const SM: u8 = 252;
/// Text mark, byte 251: a soft line break made by formatting.
pub const TM: u8 = 251;

/// Greatest position that can be written to: a record has no more bytes.
const POSITION_MAX: i64 = 256 << 20;

/// A dynamic array; a record is one. Cheap to read (no parsing), added to in constant time.
#[derive(Default)]
pub struct DynArray {
    bytes: Vec<u8>,
    /// Where it was last changed; no part of its value.
    hint: Option<Box<Hint>>,
}

/// A record of a file: a dynamic array. Its id is kept outside of it.
pub type Record = DynArray;

impl DynArray {
    /// Makes an empty array.
    #[must_use]
    pub fn new() -> DynArray {
        DynArray::default()
    }

    /// Takes bytes as they are stored: text and marks 251..=255.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> DynArray {
        DynArray { bytes: bytes.into(), hint: None }
    }

    /// Takes text in which U+00FB..U+00FF stand for the marks, as on the wires.
    ///
    /// The letters û ü ý þ ÿ therefore become marks: use [`DynArray::from_bytes`] for what a person wrote.
    #[must_use]
    pub fn from_text(text: &str) -> DynArray {
        let mut bytes = Vec::with_capacity(text.len());
        for c in text.chars() {
            match u32::from(c) {
                mark @ 0xFB..=0xFF => bytes.push(mark as u8),
                _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        DynArray::from_bytes(bytes)
    }

    /// Builds a record of single-valued fields: `from_fields(["D", "3"])`.
    #[must_use]
    pub fn from_fields<T: AsRef<[u8]>>(fields: impl IntoIterator<Item = T>) -> DynArray {
        let mut bytes = Vec::new();
        for (index, field) in fields.into_iter().enumerate() {
            if index > 0 {
                bytes.push(FM);
            }
            bytes.extend_from_slice(field.as_ref());
        }
        DynArray::from_bytes(bytes)
    }

    /// Gives text in which U+00FB..U+00FF stand for the marks; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.bytes.len());
        let mut rest = self.bytes.as_slice();
        while let Some(at) = rest.iter().position(|&b| b >= TM) {
            text.push_str(&String::from_utf8_lossy(&rest[..at]));
            text.push(char::from(rest[at]));
            rest = &rest[at + 1..];
        }
        text.push_str(&String::from_utf8_lossy(rest));
        text
    }

    /// The bytes as stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the bytes away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether there is nothing at all, not even a mark.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Field `number` (1..), "" when there is none.
    #[must_use]
    pub fn field(&self, number: usize) -> &[u8] {
        field(&self.bytes, number)
    }

    /// Field `number` as text, marks as U+00FB..U+00FF.
    #[must_use]
    pub fn field_text(&self, number: usize) -> Cow<'_, str> {
        text(self.field(number))
    }

    /// The values of field `number`, in order; an empty field has none.
    pub fn values(&self, number: usize) -> impl Iterator<Item = &[u8]> {
        values(self.field(number))
    }

    /// Number of fields: 0 for "", else one more than there are field marks.
    #[must_use]
    pub fn dcount_fields(&self) -> usize {
        dcount(&self.bytes, &[FM])
    }

    /// Number of elements that `delimiter` divides the array into: 0 for "".
    #[must_use]
    pub fn dcount(&self, delimiter: &[u8]) -> usize {
        dcount(&self.bytes, delimiter)
    }

    /// EXTRACT: `s<f,v,sv>`. 0 for `v` or `sv` means the whole field or value.
    #[must_use]
    pub fn extract(&self, f: i64, v: i64, sv: i64) -> &[u8] {
        extract(&self.bytes, f, v, sv)
    }

    /// EXTRACT as text, marks as U+00FB..U+00FF.
    #[must_use]
    pub fn extract_text(&self, f: i64, v: i64, sv: i64) -> Cow<'_, str> {
        text(self.extract(f, v, sv))
    }

    /// REPLACE: `s<f,v,sv> = new`. Missing marks are added; a negative position appends at that level.
    ///
    /// A position beyond 268,435,456, more than a record has bytes, changes nothing.
    pub fn replace(&mut self, f: i64, v: i64, sv: i64, new: impl AsRef<[u8]>) {
        let path = path(f, v, sv);
        if path.iter().any(|(position, _)| *position > POSITION_MAX) {
            return;
        }
        let hint = self.hint();
        let (place, trail) = self.make_container(&path, &hint, false);
        self.put(place, new.as_ref(), trail, path.len());
    }

    /// REPLACE in mode COMPATIBLE.APPEND: an append writes no mark where the last element of its level is empty.
    pub fn replace_compatible(&mut self, f: i64, v: i64, sv: i64, new: impl AsRef<[u8]>) {
        let path = path(f, v, sv);
        if path.iter().any(|(position, _)| *position > POSITION_MAX) {
            return;
        }
        let hint = self.hint();
        let (place, trail) = self.make_container(&path, &hint, true);
        self.put(place, new.as_ref(), trail, path.len());
    }

    /// Sets field `number` (1..), adding marks as needed.
    pub fn set_field(&mut self, number: usize, new: impl AsRef<[u8]>) {
        self.replace(number as i64, 0, 0, new);
    }

    /// Appends a field (`s<-1> = new`): a mark is written first unless the array is wholly empty.
    pub fn push_field(&mut self, new: impl AsRef<[u8]>) {
        if self.bytes.is_empty() {
            self.hint = None;
        } else {
            self.bytes.push(FM);
        }
        self.bytes.extend_from_slice(new.as_ref());
    }

    /// INSERT: `new` gets the position, later elements move up. Inserting "" past the end changes nothing.
    pub fn insert(&mut self, f: i64, v: i64, sv: i64, new: impl AsRef<[u8]>) {
        let new = new.as_ref();
        let path = path(f, v, sv);
        if path.iter().any(|(position, _)| *position < 0) {
            return self.replace(f, v, sv, new);
        }
        if path.iter().any(|(position, _)| *position > POSITION_MAX) {
            return;
        }
        // Walk down to the level that is inserted into, adding what is missing on the way.
        if new.is_empty() && !self.has(&path) {
            return;
        }
        let (last, upper) = path.split_last().expect("a path has at least its field");
        let hint = self.hint();
        let (container, mut trail) = self.make_container(upper, &hint, false);
        let (position, mark, depth) = (last.0 as usize, last.1, upper.len());
        let place = match hint.find(&trail, depth, &self.bytes, container.clone(), mark, position) {
            // An empty container has one empty element; a new one takes its place without a mark.
            Some(place) if container.is_empty() && !new.is_empty() => place,
            Some(place) => {
                self.bytes.insert(place.start, mark);
                trail.grow(1);
                place.start..place.start
            }
            None => self.pad(container, mark, position, &hint, &mut trail),
        };
        trail.enter(depth, Some(position), &place);
        self.put(place, new, trail, path.len());
    }

    /// DELETE: removes the element and one mark beside it; a missing or negative place changes nothing.
    pub fn delete(&mut self, f: i64, v: i64, sv: i64) {
        self.hint = None;
        let path = path(f, v, sv);
        if path.iter().any(|(position, _)| *position < 0) {
            return;
        }
        let mut within = 0..self.bytes.len();
        let mut container = within.clone();
        for (position, mark) in path.iter() {
            container = within.clone();
            match nth(&self.bytes, within, *mark, *position as usize) {
                Some(place) => within = place,
                None => return,
            }
        }
        let mut gone = within;
        if gone.end < container.end {
            gone.end += 1;
        } else if gone.start > container.start {
            gone.start -= 1;
        }
        self.bytes.drain(gone);
    }

    /// LOWER: every mark one rank down (FM becomes VM); TM stays.
    #[must_use]
    pub fn lower(&self) -> DynArray {
        DynArray::from_bytes(self.bytes.iter().map(|&b| if b > TM { b - 1 } else { b }).collect::<Vec<u8>>())
    }

    /// RAISE: every mark one rank up (VM becomes FM); IM stays.
    #[must_use]
    pub fn raise(&self) -> DynArray {
        DynArray::from_bytes(
            self.bytes.iter().map(|&b| if (TM..IM).contains(&b) { b + 1 } else { b }).collect::<Vec<u8>>(),
        )
    }

    /// CROP: without the marks at the end of each level that hold nothing.
    #[must_use]
    pub fn crop(&self) -> DynArray {
        let mut out: Vec<u8> = Vec::with_capacity(self.bytes.len());
        for &byte in &self.bytes {
            if byte > TM {
                // A higher mark makes lower ones before it redundant.
                while out.last().is_some_and(|&last| last >= TM && last < byte) {
                    out.pop();
                }
            }
            out.push(byte);
        }
        while out.last().is_some_and(|&last| last > TM) {
            out.pop();
        }
        DynArray::from_bytes(out)
    }

    /// Whether every element of `path` exists.
    fn has(&self, path: &[(i64, u8)]) -> bool {
        let mut within = 0..self.bytes.len();
        for (position, mark) in path {
            match nth(&self.bytes, within, *mark, *position as usize) {
                Some(place) => within = place,
                None => return false,
            }
        }
        true
    }

    /// The range that a path names, after adding the marks it needs, and how it was reached. No levels name the whole.
    fn make_container(&mut self, path: &[(i64, u8)], hint: &Hint, compatible: bool) -> (Range<usize>, Hint) {
        let mut trail = Hint::default();
        let mut within = 0..self.bytes.len();
        for (depth, &(position, mark)) in path.iter().enumerate() {
            if position < 0 {
                // The default append rule: a mark first, unless the container is wholly empty.
                let ends_empty = self.bytes[within.clone()].last() == Some(&mark);
                if compatible && ends_empty {
                    within = within.end..within.end;
                } else if !within.is_empty() {
                    self.bytes.insert(within.end, mark);
                    trail.grow(1);
                    within = within.end + 1..within.end + 1;
                }
                continue;
            }
            let position = position as usize;
            within = match hint.find(&trail, depth, &self.bytes, within.clone(), mark, position) {
                Some(place) => place,
                None => self.pad(within, mark, position, hint, &mut trail),
            };
            trail.enter(depth, Some(position), &within);
        }
        (within, trail)
    }

    /// Adds marks so that `container` has `position` elements, and gives the empty range of the last one.
    fn pad(
        &mut self,
        container: Range<usize>,
        mark: u8,
        position: usize,
        hint: &Hint,
        trail: &mut Hint,
    ) -> Range<usize> {
        let depth = usize::from(FM - mark);
        let present = hint.count(trail, depth, &self.bytes, container.clone(), mark);
        let missing = position.saturating_sub(present);
        self.bytes.splice(container.end..container.end, std::iter::repeat_n(mark, missing));
        trail.grow(missing);
        container.end + missing..container.end + missing
    }

    /// Puts `new` in the place of `depth` levels that `trail` led to, and remembers it.
    fn put(&mut self, place: Range<usize>, new: &[u8], mut trail: Hint, depth: usize) {
        let deepest = FM + 1 - depth as u8;
        trail.replaced(place.len(), new.len());
        // Marks of its own rank or above divide the place anew.
        let divided = new.iter().any(|&b| b >= deepest);
        self.bytes.splice(place, new.iter().copied());
        self.hint = (!divided).then(|| Box::new(trail));
    }

    fn hint(&mut self) -> Hint {
        self.hint.take().map(|hint| *hint).unwrap_or_default()
    }
}

impl Clone for DynArray {
    fn clone(&self) -> DynArray {
        DynArray::from_bytes(self.bytes.clone())
    }
}

impl PartialEq for DynArray {
    fn eq(&self, other: &DynArray) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for DynArray {}

impl PartialOrd for DynArray {
    fn partial_cmp(&self, other: &DynArray) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DynArray {
    fn cmp(&self, other: &DynArray) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl std::hash::Hash for DynArray {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl fmt::Debug for DynArray {
    /// Records are personal: only the size is shown. Call [`DynArray::to_text`] to see the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynArray({} bytes)", self.bytes.len())
    }
}

impl AsRef<[u8]> for DynArray {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Field `number` (1..) of stored bytes, without copying.
#[must_use]
pub fn field(bytes: &[u8], number: usize) -> &[u8] {
    nth(bytes, 0..bytes.len(), FM, number).map_or(&[], |place| &bytes[place])
}

/// The values of a field's bytes; an empty field has none.
pub fn values(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let all = if field.is_empty() { None } else { Some(field.split(|&b| b == VM)) };
    all.into_iter().flatten()
}

/// EXTRACT on stored bytes, without copying.
#[must_use]
pub fn extract(bytes: &[u8], f: i64, v: i64, sv: i64) -> &[u8] {
    if f <= 0 || v < 0 || sv < 0 {
        return &[];
    }
    let mut within = 0..bytes.len();
    for (position, mark) in path(f, v, if v == 0 { 0 } else { sv }) {
        match nth(bytes, within, mark, position as usize) {
            Some(place) => within = place,
            None => return &[],
        }
    }
    &bytes[within]
}

/// Bytes as text: borrowed when they are plain UTF-8, else with marks as U+00FB..U+00FF.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(DynArray::from_bytes(bytes).to_text()),
    }
}

/// DCOUNT: number of elements that `delimiter` divides `bytes` into; 0 for "".
#[must_use]
pub fn dcount(bytes: &[u8], delimiter: &[u8]) -> usize {
    match (bytes, delimiter) {
        ([], _) => 0,
        // As COUNT: an empty delimiter counts characters.
        (_, []) => char_count(bytes),
        _ => count(bytes, delimiter) + 1,
    }
}

/// COUNT: occurrences of `part` in `bytes` that do not overlap; the number of characters for an empty `part`.
#[must_use]
pub fn count(bytes: &[u8], part: &[u8]) -> usize {
    match part {
        [] => char_count(bytes),
        [one] => count_byte(bytes, *one),
        _ => memchr::memmem::find_iter(bytes, part).count(),
    }
}

/// Number of characters: Unicode scalars; a mark or a byte that is not UTF-8 counts as one.
#[must_use]
pub fn char_count(bytes: &[u8]) -> usize {
    let mut total = 0;
    for chunk in bytes.utf8_chunks() {
        total += chunk.valid().chars().count() + chunk.invalid().len();
    }
    total
}

fn count_byte(bytes: &[u8], byte: u8) -> usize {
    memchr::memchr_iter(byte, bytes).count()
}

/// The levels that `<f,v,sv>` names, each with its mark. Below an append the deeper positions are 1.
fn path(f: i64, v: i64, sv: i64) -> Levels {
    let mut levels = Levels { items: [(if f == 0 { 1 } else { f }, FM); 3], len: 1 };
    if v != 0 || sv != 0 {
        levels.items[1] = (if f < 0 || v == 0 { 1 } else { v }, VM);
        levels.len = 2;
    }
    if sv != 0 {
        levels.items[2] = (if f < 0 || v < 0 { 1 } else { sv }, SM);
        levels.len = 3;
    }
    levels
}

/// Up to three levels on the stack, so that reading a field allocates nothing.
struct Levels {
    items: [(i64, u8); 3],
    len: usize,
}

impl std::ops::Deref for Levels {
    type Target = [(i64, u8)];
    fn deref(&self) -> &Self::Target {
        &self.items[..self.len]
    }
}

impl IntoIterator for Levels {
    type Item = (i64, u8);
    type IntoIter = std::iter::Take<std::array::IntoIter<(i64, u8), 3>>;
    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter().take(self.len)
    }
}

/// The range of element `position` (1..) of `within`; `None` past the end or for position 0.
fn nth(bytes: &[u8], within: Range<usize>, mark: u8, position: usize) -> Option<Range<usize>> {
    let mut skip = position.checked_sub(1)?;
    let mut start = within.start;
    loop {
        let end = memchr::memchr(mark, &bytes[start..within.end]).map(|at| start + at);
        match (skip, end) {
            (0, end) => return Some(start..end.unwrap_or(within.end)),
            (_, Some(end)) => {
                start = end + 1;
                skip -= 1;
            }
            (_, None) => return None,
        }
    }
}

#[cfg(test)]
mod tests;
