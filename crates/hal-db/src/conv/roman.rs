//! `NR`: numbers 1 to 3999 as Roman numerals, and N for 0.

use super::{Converted, Status, ok};
use crate::dynarray::integer;

const NUMERALS: [(i64, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

fn written(mut number: i64) -> String {
    if number == 0 {
        return "N".to_owned();
    }
    let mut text = String::new();
    for (value, numeral) in NUMERALS {
        while number >= value {
            text.push_str(numeral);
            number -= value;
        }
    }
    text
}

pub(super) fn output(value: &[u8], rest: &str) -> Converted {
    if !rest.trim().is_empty() {
        return Err(Status::BadCode);
    }
    if value.is_empty() {
        return ok("");
    }
    let number = integer(value).filter(|number| (0..4000).contains(number)).ok_or(Status::BadData)?;
    ok(written(number))
}

pub(super) fn input(value: &[u8], rest: &str) -> Converted {
    if !rest.trim().is_empty() {
        return Err(Status::BadCode);
    }
    if value.is_empty() {
        return ok("");
    }
    let text = std::str::from_utf8(value).map_err(|_| Status::BadData)?.trim().to_ascii_uppercase();
    if text == "N" {
        return ok("0");
    }
    let (mut number, mut left) = (0, text.as_str());
    for (value, numeral) in NUMERALS {
        while let Some(after) = left.strip_prefix(numeral) {
            (number, left) = (number + value, after);
        }
    }
    // Written again it must be the same: IIII and IM are none.
    if number > 0 && number < 4000 && written(number) == text {
        ok(number.to_string())
    } else {
        Err(Status::BadData)
    }
}
