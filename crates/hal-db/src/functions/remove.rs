//! REMOVE and its kin: walking through a dynamic array from mark to mark, whatever their rank.

use super::text::first_unit;
use crate::dynarray::{IM, TM};

/// The hidden pointer of a variable: where the next REMOVE begins.
///
/// It belongs beside the text and is made anew whenever the text is assigned (2.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remover {
    at: usize,
}

impl Remover {
    /// A pointer at the beginning.
    #[must_use]
    pub fn new() -> Remover {
        Remover::default()
    }

    /// GETREM: bytes passed so far.
    #[must_use]
    pub fn position(self) -> usize {
        self.at
    }

    /// SETREM: goes to a position that [`Remover::position`] gave.
    pub fn set_position(&mut self, at: usize) {
        self.at = at;
    }

    /// REMOVE: the text up to the next mark and what that is: 1 IM, 2 FM, 3 VM, 4 SM, 5 TM, 0 the end.
    ///
    /// At the end gives "" and 0 for ever.
    pub fn remove<'a>(&mut self, array: &'a [u8]) -> (&'a [u8], u8) {
        let rest = array.get(self.at..).unwrap_or_default();
        match rest.iter().position(|&b| b >= TM) {
            Some(length) => {
                self.at += length + 1;
                (&rest[..length], delimiter(rest[length]))
            }
            None => {
                self.at = array.len();
                (rest, 0)
            }
        }
    }

    /// REVREMOVE: the text back to the mark before, and what that is; 0 at the beginning.
    pub fn reverse_remove<'a>(&mut self, array: &'a [u8]) -> (&'a [u8], u8) {
        let before = &array[..self.at.min(array.len())];
        match before.iter().rposition(|&b| b >= TM) {
            Some(mark) => {
                self.at = mark;
                (&before[mark + 1..], delimiter(before[mark]))
            }
            None => {
                self.at = 0;
                (before, 0)
            }
        }
    }
}

fn delimiter(mark: u8) -> u8 {
    IM - mark + 1
}

/// REMOVEF: up to `count` elements divided by the first character of `delimiter`, from the pointer on.
///
/// The second part of the answer is STATUS(): 0 removed, 1 the text is empty, 2 the end was reached before.
pub fn remove_delimited<'a>(
    array: &'a [u8],
    remover: &mut Remover,
    delimiter: &[u8],
    count: usize,
) -> (&'a [u8], u8) {
    if array.is_empty() {
        return (array, 1);
    }
    if remover.at > array.len() {
        return (&[], 2);
    }
    let rest = &array[remover.at..];
    let delimiter = first_unit(delimiter);
    let end = if delimiter.is_empty() {
        None
    } else {
        memchr::memmem::find_iter(rest, delimiter).nth(count.max(1) - 1)
    };
    match end {
        Some(end) => {
            remover.at += end + delimiter.len();
            (&rest[..end], 0)
        }
        None => {
            // One past the end: even an empty last element is given once.
            remover.at = array.len() + 1;
            (rest, 0)
        }
    }
}
