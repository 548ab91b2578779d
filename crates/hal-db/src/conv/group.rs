//! `G` takes delimited groups, `T` a part by position, `<f,v,s>` an element.

use super::{Context, Converted, Status, lookup, ok};
use crate::{dynarray, functions};

/// `G{skip}{delimiter}{count}`.
pub(super) fn output(value: &[u8], rest: &str) -> Converted {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let skip: usize = if digits == 0 { 0 } else { rest[..digits].parse().map_err(|_| Status::BadCode)? };
    let mut chars = rest[digits..].chars();
    let delimiter = chars.next().ok_or(Status::BadCode)?;
    let count: usize = chars.as_str().parse().map_err(|_| Status::BadCode)?;
    let mut encoded = [0; 4];
    let delimiter = delimiter.encode_utf8(&mut encoded).as_bytes();
    let mut ends = memchr::memmem::find_iter(value, delimiter);
    let start = match skip {
        0 => 0,
        _ => match ends.nth(skip - 1) {
            Some(at) => at + delimiter.len(),
            None => return ok(""),
        },
    };
    let end = match count {
        0 => start,
        _ => ends.nth(count - 1).unwrap_or(value.len()),
    };
    ok(&value[start..end])
}

/// `T`: a part by position, or a record of another file when a name follows.
pub(super) fn text_output(value: &[u8], rest: &str, context: &dyn Context) -> Converted {
    if names_a_file(rest) {
        lookup::translate(value, rest, context, true)
    } else {
        substring(value, rest, context)
    }
}

/// As [`text_output`], on the way in.
pub(super) fn text_input(value: &[u8], rest: &str, context: &dyn Context) -> Converted {
    if names_a_file(rest) {
        lookup::translate(value, rest, context, false)
    } else {
        substring(value, rest, context)
    }
}

fn names_a_file(rest: &str) -> bool {
    rest.contains(';') || !rest.trim_start().starts_with(|c: char| c.is_ascii_digit())
}

/// `Tm,n`: n characters from the m-th; `Tn`: the last n, in a left-justified item of a query the first n.
fn substring(value: &[u8], rest: &str, context: &dyn Context) -> Converted {
    let number = |text: &str| text.trim().parse::<u32>().map(i64::from).map_err(|_| Status::BadCode);
    match rest.split_once(',') {
        Some((from, count)) => ok(functions::substring(value, number(from)?, number(count)?)),
        None if context.is_left_justified() => ok(functions::left(value, number(rest)?)),
        None => ok(functions::last(value, number(rest)?)),
    }
}

/// `<f,v,s>`: an element of the value.
pub(super) fn extract(value: &[u8], rest: &str) -> Converted {
    let inner = rest.trim_end().strip_suffix('>').ok_or(Status::BadCode)?;
    let mut places = [0; 3];
    for (index, number) in inner.split(',').enumerate() {
        let place = places.get_mut(index).ok_or(Status::BadCode)?;
        *place = number.trim().parse::<i64>().map_err(|_| Status::BadCode)?;
    }
    ok(dynarray::extract(value, places[0], places[1], places[2]))
}
