//! `B`: 1 and 0 as Y and N.

use super::{Converted, Status, ok};

pub(super) fn output(value: &[u8], _rest: &str) -> Converted {
    match value {
        b"" | b"0" => ok("N"),
        _ => ok("Y"),
    }
}

pub(super) fn input(value: &[u8], _rest: &str) -> Converted {
    match value {
        b"Y" | b"y" => ok("1"),
        b"N" | b"n" | b"" => ok("0"),
        _ => Err(Status::BadData),
    }
}
