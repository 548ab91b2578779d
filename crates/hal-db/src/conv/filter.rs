//! `L`, `R` and `P`: a value passes or becomes "": by its length, as a number in a range, by a pattern.

use super::{Converted, Status, ok};
use crate::dynarray::{char_count, integer};
use crate::pattern::Pattern;

/// `L` gives the length, `Ln` values no longer than n, `Ln,m` values of n to m characters.
pub(super) fn length(value: &[u8], rest: &str) -> Converted {
    let count = char_count(value);
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| Status::BadCode);
    let passes = match rest.trim().split_once(',') {
        Some((least, most)) => (number(least)?..=number(most)?).contains(&count),
        None if matches!(rest.trim(), "" | "0") => return ok(count.to_string()),
        None => count <= number(rest)?,
    };
    ok(if passes { value } else { b"" })
}

/// `Rn,m{;n,m}`: whole numbers within one of the ranges; others become "" (23: without a status).
pub(super) fn range(value: &[u8], rest: &str) -> Converted {
    let number = match value {
        b"" => 0,
        _ => integer(value).ok_or(Status::BadData)?,
    };
    for range in rest.split(';') {
        let (low, high) = range.split_once(',').ok_or(Status::BadCode)?;
        let low: i64 = low.trim().parse().map_err(|_| Status::BadCode)?;
        let high: i64 = high.trim().parse().map_err(|_| Status::BadCode)?;
        if (low..=high).contains(&number) {
            return ok(value);
        }
    }
    ok("")
}

/// `P(pattern){;(pattern)}`: values that match one of the patterns.
pub(super) fn pattern(value: &[u8], rest: &str) -> Converted {
    let mut passes = false;
    for part in rest.trim().split(';') {
        let inner =
            part.trim().strip_prefix('(').and_then(|part| part.strip_suffix(')')).ok_or(Status::BadCode)?;
        passes |= Pattern::parse(inner).matches_bytes(value);
    }
    ok(if passes { value } else { b"" })
}
