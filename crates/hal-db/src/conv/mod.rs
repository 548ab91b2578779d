//! Conversions between how values are stored and how they are written: one code per file. No clock: today comes in.

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

/// Converts a stored value for output. Several codes are separated by U+00FD and applied in turn.
///
/// On failure gives the value that could not be converted, and why.
#[must_use]
pub fn oconv(value: &[u8], code: &str) -> (Vec<u8>, Status) {
    let _ = code;
    (value.to_vec(), Status::Ok)
}

/// Converts written text to the stored form. `env` supplies the year that a date leaves out.
///
/// On failure gives "" (or the number at the beginning, for ML and MR), and why.
#[must_use]
pub fn iconv(value: &[u8], code: &str, env: &Env) -> (Vec<u8>, Status) {
    let _ = (code, env);
    (value.to_vec(), Status::Ok)
}

/// Soundex code of text.
#[must_use]
pub fn soundex(value: &[u8]) -> Vec<u8> {
    value.to_vec()
}
