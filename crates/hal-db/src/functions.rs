//! The functions of the language (2, 3 and 24 of the specification): on text, parts of text, numbers and elements.
//!
//! They work on stored bytes, UTF-8 text with marks, and give bytes or numbers; positions count characters from 1.
//! Functions know no record, no clock and no STATUS(); what stops a program is a [`Fault`].

mod elements;
mod numeric;
mod parts;
mod remove;
mod text;
mod totals;

pub use elements::{Operand, elementwise, elementwise2, elementwise3, reuse};
pub use elements::{
    abss, adds, ands, cats, counts, divs, eqs, fields, fmts, ges, gts, iconvs, ifs, indexs, lens, les, lts,
    matchess, mods, muls, negs, nes, nots, nums, oconvs, ors, soundexs, spaces, splice, strs, subs,
    substrings, trims,
};
pub use numeric::{
    Bits, abs, alpha, arithmetic, bit_not, bit_test, bits, compare_text, dtx, idiv, int, max, min, modulo,
    neg, num, power, rdiv, rem, rnd, shift, sqrt, truth, with_bit, xtd,
};
pub use parts::{
    Found, csvdq, field, field_store, find, find_part, index, list_index, listed_position, mat_build,
    mat_parse,
};
pub use remove::{Remover, remove_delimited};
pub use text::{
    Trim, change, char_of, convert, double_quoted, downcase, ereplace, fold, last, left, overlay, repeated,
    seq, single_quoted, spaces_of, substitute, substring, swap_case, trim, trim_back, trim_front, trim_of,
    upcase,
};
pub use totals::{maximum, minimum, sum, summation};

pub(crate) use text::{lower, map_chars, units, upper};

/// What stops a program: the run-time errors of functions. Queries never stop for one (3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Text where a number is needed.
    #[error("Non-numeric where numeric required")]
    NonNumeric,
    /// A division by zero.
    #[error("Divide by zero error")]
    DivideByZero,
    /// A root of a negative number.
    #[error("SQRT() attempted for negative value")]
    NegativeRoot,
    /// A mode letter that TRIM does not know.
    #[error("Illegal mode in TRIM()")]
    IllegalMode,
    /// A number of more digits than are held, or text longer than a record may be.
    #[error("The result is too large")]
    TooLarge,
}

/// TIMEDATE: `hh:mm:ss dd MMM yyyy`.
#[must_use]
pub fn time_date(env: &crate::Env) -> String {
    let (time, _) = crate::conv::oconv(env.second.to_string().as_bytes(), "MTS");
    let (date, _) = crate::conv::oconv(env.today.to_string().as_bytes(), "D");
    format!("{} {}", String::from_utf8_lossy(&time), String::from_utf8_lossy(&date))
}

#[cfg(test)]
mod tests;
