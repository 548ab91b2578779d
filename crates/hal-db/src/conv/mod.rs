//! Conversions between how values are stored and how they are written: one code per file. No clock: today comes in.
//!
//! A code works on one value; give each value of a multivalued field to it in turn. The table in this file lists what there is.

mod base64;
mod binary;
mod boolean;
mod chars;
mod context;
mod date;
mod decimal;
mod encoding;
mod epoch;
mod escape;
mod filter;
mod group;
mod lookup;
mod metric;
mod radix;
mod roman;
mod soundex;
mod time;

use std::borrow::Cow;

pub use context::{Alone, Context, Options, Routine, Translation};
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
    /// 1 as well: text where a number is needed. A program stops for it, a query does not (3.3).
    NonNumeric,
}

impl Status {
    /// The number that STATUS() gives.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Status::Ok => 0,
            Status::BadData | Status::NonNumeric => 1,
            Status::BadCode => 2,
            Status::Doubtful => 3,
        }
    }
}

/// What a code makes of a value. `Err` is a failure: nothing was converted.
type Converted = Result<(Vec<u8>, Status), Status>;

/// One conversion code.
struct Code {
    /// What the code begins with, in capitals; longer ones come first.
    begins: &'static str,
    /// Stored → written; the rest of the code follows the value.
    output: fn(&[u8], &str, &dyn Context) -> Converted,
    /// Written → stored.
    input: fn(&[u8], &str, &dyn Context) -> Converted,
}

/// A code that does the same both ways and needs nothing but the value.
const fn both(begins: &'static str, function: fn(&[u8], &str, &dyn Context) -> Converted) -> Code {
    Code { begins, output: function, input: function }
}

/// Every code, in the order they are tried.
const CODES: [Code; 34] = [
    Code {
        begins: "MC",
        output: |v, r, c| chars::output(v, r, &c.options()),
        input: |v, r, c| chars::input(v, r, &c.options()),
    },
    Code {
        begins: "MD",
        output: |v, r, c| decimal::output_md(v, r, &c.options()),
        input: |v, r, _| decimal::input_md(v, r),
    },
    Code {
        begins: "ML",
        output: |v, r, c| decimal::output_ml(v, r, &c.options()),
        input: |v, r, _| decimal::input_ml(v, r),
    },
    Code {
        begins: "MR",
        output: |v, r, c| decimal::output_mr(v, r, &c.options()),
        input: |v, r, _| decimal::input_mr(v, r),
    },
    Code {
        begins: "MT",
        output: |v, r, c| time::output(v, r, &c.options()),
        input: |v, r, _| time::input(v, r),
    },
    Code { begins: "MX", output: |v, r, _| radix::output(v, r, 16), input: |v, r, _| radix::input(v, r, 16) },
    Code { begins: "MO", output: |v, r, _| radix::output(v, r, 8), input: |v, r, _| radix::input(v, r, 8) },
    Code { begins: "MB", output: |v, r, _| radix::output(v, r, 2), input: |v, r, _| radix::input(v, r, 2) },
    Code { begins: "MK", output: |v, r, _| metric::output(v, r), input: |v, r, _| metric::input(v, r) },
    Code { begins: "MP", output: |v, r, _| binary::unpack(v, r), input: |v, r, _| binary::pack(v, r) },
    Code { begins: "NR", output: |v, r, _| roman::output(v, r), input: |v, r, _| roman::input(v, r) },
    Code { begins: "B64", output: |v, r, _| base64::output(v, r), input: |v, r, _| base64::input(v, r) },
    Code { begins: "B", output: |v, r, _| boolean::output(v, r), input: |v, r, _| boolean::input(v, r) },
    Code { begins: "CALL ", output: lookup::call_output, input: lookup::call_input },
    both("C", lookup::concatenate),
    Code {
        begins: "D",
        output: |v, r, c| date::output(v, r, &c.options()),
        input: |v, r, c| date::input(v, r, c.env(), &c.options()),
    },
    Code { begins: "E", output: epoch::output, input: epoch::input },
    both("G", |v, r, _| group::output(v, r)),
    Code { begins: "HD", output: |v, r, _| escape::html(v, r), input: |v, r, _| escape::from_html(v, r) },
    Code { begins: "HU", output: |v, r, _| escape::url(v, r), input: |v, r, _| escape::from_url(v, r) },
    Code {
        begins: "IS",
        output: |v, r, _| binary::integer(v, r, 2),
        input: |v, r, _| binary::bytes(v, r, 2),
    },
    Code {
        begins: "IL",
        output: |v, r, _| binary::integer(v, r, 4),
        input: |v, r, _| binary::bytes(v, r, 4),
    },
    Code { begins: "IF", output: |v, r, _| binary::float(v, r), input: |v, r, _| binary::float_bytes(v, r) },
    both("L", |v, r, _| filter::length(v, r)),
    both("P", |v, r, _| filter::pattern(v, r)),
    both("R", |v, r, _| filter::range(v, r)),
    both("S;", lookup::substitute),
    both("S", |v, r, _| soundex::output(v, r)),
    Code { begins: "T", output: group::text_output, input: group::text_input },
    Code { begins: "U", output: lookup::call_output, input: lookup::call_input },
    Code { begins: "X", output: |v, r, _| encoding::output(v, r), input: |v, r, _| encoding::input(v, r) },
    Code { begins: "<", output: |v, r, _| group::extract(v, r), input: |_, _, _| Err(Status::BadCode) },
    both("A", |v, r, c| lookup::correlative(v, r, c, 'A')),
    both("F", |v, r, c| lookup::correlative(v, r, c, 'F')),
];

/// Codes one conversion may consist of.
const CODES_MAX: usize = 100;
/// How far codes may make a value grow together: a chain of `MB0C` would else fill the memory.
const GROWTH_MAX: usize = 64;

/// Longest value that a conversion of `length` bytes may give.
fn length_max(length: usize) -> usize {
    4096 + length.saturating_mul(GROWTH_MAX)
}

/// Decimal places that a conversion takes off the stored number: 2 for `MD2,$`, 4 for `MD24`, 0 for codes that scale nothing (5.4).
#[must_use]
pub fn scale(code: &str) -> u32 {
    let [b'M' | b'm', b'D' | b'd' | b'L' | b'l' | b'R' | b'r', digits @ ..] = code.as_bytes() else {
        return 0;
    };
    // MDnm: n decimals shown, m decimals stored; m is n where it is left out.
    let digits = digits.iter().take_while(|digit| digit.is_ascii_digit()).take(2);
    digits.last().map_or(0, |digit| u32::from(digit - b'0'))
}

/// Converts a stored value for output. Several codes are separated by U+00FD and applied in turn.
///
/// On failure gives the value that could not be converted, and why. "" stays "" (except with ML and MR).
#[must_use]
pub fn oconv(value: &[u8], code: &str) -> (Vec<u8>, Status) {
    oconv_with(value, code, &Alone(Env::default()))
}

/// As [`oconv`], for codes that look at the record, at other files or call a subroutine.
#[must_use]
pub fn oconv_with(value: &[u8], code: &str, context: &dyn Context) -> (Vec<u8>, Status) {
    let longest = length_max(value.len());
    let mut value = value.to_vec();
    for (index, code) in code.split('\u{FD}').enumerate() {
        let Some((found, rest)) = find(code).filter(|_| index < CODES_MAX) else {
            if code.trim().is_empty() {
                continue;
            }
            return (value, Status::BadCode);
        };
        if value.len() > longest {
            return (value, Status::BadData);
        }
        match (found.output)(&value, rest, context) {
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
    iconv_with(value, code, &Alone(*env))
}

/// As [`iconv`], for codes that look at the record, at other files or call a subroutine.
#[must_use]
pub fn iconv_with(value: &[u8], code: &str, context: &dyn Context) -> (Vec<u8>, Status) {
    let longest = length_max(value.len());
    let mut value = Cow::Borrowed(value);
    for (index, code) in code.split('\u{FD}').enumerate() {
        let Some((found, rest)) = find(code).filter(|_| index < CODES_MAX) else {
            if code.trim().is_empty() {
                continue;
            }
            return (Vec::new(), Status::BadCode);
        };
        if value.len() > longest {
            return (Vec::new(), Status::BadData);
        }
        match (found.input)(&value, rest, context) {
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
    let first = code.as_bytes().first()?.to_ascii_uppercase();
    let mut alike = CODES.iter().filter(|known| known.begins.as_bytes().first() == Some(&first));
    alike.find_map(|known| {
        let head = code.get(..known.begins.len())?;
        head.eq_ignore_ascii_case(known.begins).then(|| (known, &code[known.begins.len()..]))
    })
}

fn ok(bytes: impl Into<Vec<u8>>) -> Converted {
    Ok((bytes.into(), Status::Ok))
}

#[cfg(test)]
mod tests;
