//! SUM, SUMMATION, MAXIMUM, MINIMUM: one number, or one a branch, out of many.

use std::cmp::Ordering;

use super::Fault;
use crate::dynarray::{FM, SM, TM, VM};
use crate::number::{Number, PRECISION};

/// SUM: adds up the lowest rank present in each branch: `1 VM 2 FM 3` gives `3 FM 3`, `1 FM 2` gives `3`.
///
/// # Errors
/// [`Fault::NonNumeric`] for an element that is no number, [`Fault::TooLarge`].
pub fn sum(array: &[u8]) -> Result<Vec<u8>, Fault> {
    let lowest = |bytes: &[u8]| [SM, VM, FM].into_iter().find(|mark| memchr::memchr(*mark, bytes).is_some());
    let mut out = Vec::with_capacity(array.len());
    match lowest(array) {
        None => out.extend(total(array, TM)?),
        Some(FM) => out.extend(total(array, FM)?),
        Some(_) => {
            for (index, field) in array.split(|&b| b == FM).enumerate() {
                if index > 0 {
                    out.push(FM);
                }
                match lowest(field) {
                    Some(SM) => {
                        for (index, value) in field.split(|&b| b == VM).enumerate() {
                            if index > 0 {
                                out.push(VM);
                            }
                            if lowest(value).is_some() {
                                out.extend(total(value, SM)?);
                            } else {
                                out.extend_from_slice(value);
                            }
                        }
                    }
                    Some(_) => out.extend(total(field, VM)?),
                    None => out.extend_from_slice(field),
                }
            }
        }
    }
    Ok(out)
}

fn total(bytes: &[u8], mark: u8) -> Result<Vec<u8>, Fault> {
    let mut sum = Number::ZERO;
    for element in bytes.split(|&b| b == mark) {
        sum = sum.plus(Number::parse(element).ok_or(Fault::NonNumeric)?)?;
    }
    Ok(sum.to_text(PRECISION).into_bytes())
}

/// SUMMATION: adds up all elements of all ranks.
///
/// # Errors
/// [`Fault::NonNumeric`] for an element that is no number, [`Fault::TooLarge`].
pub fn summation(array: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut sum = Number::ZERO;
    for element in array.split(|&b| b >= TM) {
        sum = sum.plus(Number::parse(element).ok_or(Fault::NonNumeric)?)?;
    }
    Ok(sum.to_text(PRECISION).into_bytes())
}

/// MAXIMUM: the greatest number among all elements; others are passed over; "" when there is none.
#[must_use]
pub fn maximum(array: &[u8]) -> Vec<u8> {
    extreme(array, Ordering::Greater)
}

/// MINIMUM: the least number among all elements; others are passed over; "" when there is none.
#[must_use]
pub fn minimum(array: &[u8]) -> Vec<u8> {
    extreme(array, Ordering::Less)
}

fn extreme(array: &[u8], wanted: Ordering) -> Vec<u8> {
    let mut best: Option<Number> = None;
    for element in array.split(|&b| b >= TM).filter(|element| !element.is_empty()) {
        let Some(number) = Number::parse(element) else { continue };
        if best.is_none_or(|best| number.compare(best) == wanted) {
            best = Some(number);
        }
    }
    best.map_or_else(Vec::new, |best| best.to_text(PRECISION).into_bytes())
}
