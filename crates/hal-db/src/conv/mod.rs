//! Conversions between how values are stored and how they are written: one code per file. No clock: today comes in.
//!
//! A code works on one value; give each value of a multivalued field to it in turn. The table in this file lists what there is.

mod boolean;
mod chars;
mod date;
mod decimal;
mod filter;
mod group;
mod soundex;
mod time;

use std::borrow::Cow;

pub(crate) use decimal::{scaled, with_thousands};
pub use soundex::soundex;

use crate::Env;

/// What STATUS() would be after a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// 0: converted.
    #[default]
    Ok,
    /// 1: the data cannot be converted.
    BadData,
    /// 2: the code is not valid.
    BadCode,
    /// 3: converted, but doubtful (31 June became 1 July).
    Doubtful,
}

impl Status {
    /// The number that STATUS() gives.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// What a code makes of a value. `Err` is a failure: nothing was converted.
type Converted = Result<(Vec<u8>, Status), Status>;

/// One conversion code.
struct Code {
    /// What the code begins with, in capitals; longer ones come first.
    begins: &'static str,
    /// Stored → written; the rest of the code follows the value.
    output: fn(&[u8], &str) -> Converted,
    /// Written → stored.
    input: fn(&[u8], &str, &Env) -> Converted,
}

/// Every code, in the order they are tried.
const CODES: [Code; 13] = [
    Code { begins: "MC", output: chars::output, input: chars::input },
    Code { begins: "MD", output: decimal::output_md, input: decimal::input_md },
    Code { begins: "ML", output: decimal::output_ml, input: decimal::input_ml },
    Code { begins: "MR", output: decimal::output_mr, input: decimal::input_mr },
    Code { begins: "MT", output: time::output, input: time::input },
    Code { begins: "D", output: date::output, input: date::input },
    Code { begins: "B", output: boolean::output, input: boolean::input },
    Code { begins: "G", output: group::output, input: |value, rest, _| group::output(value, rest) },
    Code { begins: "L", output: filter::length, input: |value, rest, _| filter::length(value, rest) },
    Code { begins: "P", output: filter::pattern, input: |value, rest, _| filter::pattern(value, rest) },
    Code { begins: "R", output: filter::range, input: |value, rest, _| filter::range(value, rest) },
    Code { begins: "S", output: soundex::output, input: |value, rest, _| soundex::output(value, rest) },
    Code { begins: "T", output: group::substring, input: |value, rest, _| group::substring(value, rest) },
];

/// Converts a stored value for output. Several codes are separated by U+00FD and applied in turn.
///
/// On failure gives the value that could not be converted, and why. "" stays "" (except with ML and MR).
#[must_use]
pub fn oconv(value: &[u8], code: &str) -> (Vec<u8>, Status) {
    let mut value = value.to_vec();
    for code in code.split('\u{FD}') {
        let Some((found, rest)) = find(code) else {
            if code.trim().is_empty() {
                continue;
            }
            return (value, Status::BadCode);
        };
        match (found.output)(&value, rest) {
            Ok((converted, Status::Ok)) => value = converted,
            Ok((converted, doubtful)) => return (converted, doubtful),
            Err(status) => return (value, status),
        }
    }
    (value, Status::Ok)
}

/// Converts written text to the stored form. `env` supplies the year that a date leaves out.
///
/// On failure gives "" and why; ML and MR give back text that holds no number.
#[must_use]
pub fn iconv(value: &[u8], code: &str, env: &Env) -> (Vec<u8>, Status) {
    let mut value = Cow::Borrowed(value);
    for code in code.split('\u{FD}') {
        let Some((found, rest)) = find(code) else {
            if code.trim().is_empty() {
                continue;
            }
            return (Vec::new(), Status::BadCode);
        };
        match (found.input)(&value, rest, env) {
            Ok((converted, Status::Ok)) => value = Cow::Owned(converted),
            Ok((converted, doubtful)) => return (converted, doubtful),
            Err(status) => return (Vec::new(), status),
        }
    }
    (value.into_owned(), Status::Ok)
}

/// The code that a text begins with, and the rest of the text.
fn find(code: &str) -> Option<(&'static Code, &str)> {
    let code = code.trim_start();
    CODES.iter().find_map(|known| {
        let head = code.get(..known.begins.len())?;
        head.eq_ignore_ascii_case(known.begins).then(|| (known, &code[known.begins.len()..]))
    })
}

fn ok(bytes: impl Into<Vec<u8>>) -> Converted {
    Ok((bytes.into(), Status::Ok))
}

#[cfg(test)]
mod tests;
