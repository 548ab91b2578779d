//! `L`, `R` and `P`: a value passes or becomes "": by its length, as a number in a range, by a pattern.

use super::{Converted, Status, ok};
use crate::dynarray::{char_count, integer};
use crate::pattern::Pattern;

/// `L` gives the length ("" stays ""), `Ln` values no longer than n, `Ln,m` values of n to m characters.
pub(super) fn length(value: &[u8], rest: &str) -> Converted {
    if value.is_empty() {
        return ok("");
    }
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
    let mut patterns = Vec::new();
    let mut rest = rest.trim();
    loop {
        let inner = rest.strip_prefix('(').ok_or(Status::BadCode)?;
        // A bracket within quotes is a literal.
        let mut quote = None;
        let end = inner.char_indices().find(|&(_, c)| {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '"' | '\'') => quote = Some(c),
                (None, ')') => return true,
                _ => {}
            }
            false
        });
        let (end, _) = end.ok_or(Status::BadCode)?;
        patterns.push(&inner[..end]);
        rest = inner[end + 1..].trim_start();
        match rest.strip_prefix(';') {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() => break,
            None => return Err(Status::BadCode),
        }
    }
    let passes = Pattern::any_of(patterns.into_iter().map(str::as_bytes)).matches_bytes(value);
    ok(if passes { value } else { b"" })
}
