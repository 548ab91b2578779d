//! LOCATE and the orders it knows. One pass over the elements.

use std::cmp::Ordering;

use super::{DynArray, FM, SM, VM, extract};

/// Order of the elements that [`DynArray::locate`] searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Any order: look at each element.
    #[default]
    None,
    /// `AL`: ascending, left aligned.
    AscendingLeft,
    /// `AR`: ascending, right aligned.
    AscendingRight,
    /// `DL`: descending, left aligned.
    DescendingLeft,
    /// `DR`: descending, right aligned.
    DescendingRight,
}

impl Order {
    /// Reads the order letters of LOCATE (`AL`, `DR`, …; a missing alignment is L); anything else is unordered.
    #[must_use]
    pub fn from_letters(letters: &str) -> Order {
        Search::from_letters(letters).order
    }
}

/// How LOCATE searches: the order, and whether case counts (`C`, the default, or `N` behind the order letters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Search {
    /// Order of the elements.
    pub order: Order,
    /// Small letters equal capitals.
    pub ignore_case: bool,
}

impl From<Order> for Search {
    fn from(order: Order) -> Search {
        Search { order, ignore_case: false }
    }
}

impl Search {
    /// Reads the order letters with an optional `C` or `N`; other letters are unordered (23).
    #[must_use]
    pub fn from_letters(letters: &str) -> Search {
        let upper = letters.trim().to_ascii_uppercase();
        let (order, ignore_case) = match upper.strip_suffix(['C', 'N']) {
            Some(order) => (order, upper.ends_with('N')),
            None => (upper.as_str(), false),
        };
        let order = match order {
            "A" | "AL" => Order::AscendingLeft,
            "AR" => Order::AscendingRight,
            "D" | "DL" => Order::DescendingLeft,
            "DR" => Order::DescendingRight,
            "" => Order::None,
            _ => return Search::default(),
        };
        Search { order, ignore_case }
    }
}

impl DynArray {
    /// LOCATE: looks for `item` at the level of the deepest non-zero index, starting at that index.
    ///
    /// `Ok(position)` when found, `Err(position)` where it would have to be inserted.
    ///
    /// # Errors
    /// The `Err` side is an answer, not a failure.
    pub fn locate(
        &self,
        item: &[u8],
        f: i64,
        v: i64,
        sv: i64,
        search: impl Into<Search>,
    ) -> std::result::Result<usize, usize> {
        let (container, mark, start) = match (v, sv) {
            (v, _) if v <= 0 => (self.as_bytes(), FM, f),
            (_, sv) if sv <= 0 => (self.extract(f, 0, 0), VM, v),
            _ => (self.extract(f, v, 0), SM, sv),
        };
        locate_in(container, mark, start_of(start), item, search.into())
    }

    /// LOCATE in the Pick and `UV.LOCATE` forms: the indices name the container, `start` the first position.
    ///
    /// `f` = 0 searches the fields, `v` = 0 the values of field `f`, else the subvalues of `<f,v>`.
    ///
    /// # Errors
    /// The `Err` side is an answer, not a failure: where the item would have to be inserted.
    pub fn locate_within(
        &self,
        item: &[u8],
        f: i64,
        v: i64,
        start: i64,
        search: impl Into<Search>,
    ) -> std::result::Result<usize, usize> {
        let mark = match (f, v) {
            (0, _) => FM,
            (_, 0) => VM,
            _ => SM,
        };
        let container = if f == 0 { self.as_bytes() } else { extract(self.as_bytes(), f, v, 0) };
        locate_in(container, mark, start_of(start), item, search.into())
    }
}

fn start_of(start: i64) -> usize {
    usize::try_from(start.max(1)).unwrap_or(usize::MAX)
}

fn locate_in(
    container: &[u8],
    mark: u8,
    start: usize,
    item: &[u8],
    search: Search,
) -> std::result::Result<usize, usize> {
    if container.is_empty() {
        return if item.is_empty() && start == 1 { Ok(1) } else { Err(start) };
    }
    let folded;
    let item = if search.ignore_case {
        folded = crate::functions::upcase(item);
        folded.as_slice()
    } else {
        item
    };
    let mut position = 0;
    for element in container.split(|&b| b == mark) {
        position += 1;
        if position < start {
            continue;
        }
        let folded;
        let element = if search.ignore_case {
            folded = crate::functions::upcase(element);
            folded.as_slice()
        } else {
            element
        };
        if element == item {
            return Ok(position);
        }
        let ordering = match search.order {
            Order::None => continue,
            Order::AscendingLeft => item.cmp(element),
            Order::DescendingLeft => element.cmp(item),
            Order::AscendingRight => compare_right(item, element),
            Order::DescendingRight => compare_right(element, item),
        };
        if ordering == Ordering::Less {
            return Err(position);
        }
    }
    Err((position + 1).max(start))
}

/// Right aligned comparison: numbers when both are integers, else the shorter is padded with spaces on the left.
#[must_use]
pub fn compare_right(a: &[u8], b: &[u8]) -> Ordering {
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        return a.cmp(&b);
    }
    compare_padded(a, b)
}

/// Compares strings, the shorter padded with spaces on the left.
#[must_use]
pub fn compare_padded(a: &[u8], b: &[u8]) -> Ordering {
    let width = a.len().max(b.len());
    let padded = |s: &[u8], index: usize| {
        let pad = width - s.len();
        if index < pad { b' ' } else { s[index - pad] }
    };
    (0..width).map(|i| padded(a, i).cmp(&padded(b, i))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// The bytes as a 64-bit integer with optional sign; `None` for anything else.
pub(crate) fn integer(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").or_else(|| bytes.strip_prefix(b"+")).unwrap_or(bytes);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}
