//! `G` takes delimited groups, `T` a part by position.

use super::{Converted, Status, ok};

/// `G{skip}{delimiter}{count}`.
pub(super) fn output(value: &[u8], rest: &str) -> Converted {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let skip: usize = if digits == 0 { 0 } else { rest[..digits].parse().map_err(|_| Status::BadCode)? };
    let mut chars = rest[digits..].chars();
    let delimiter = chars.next().ok_or(Status::BadCode)?;
    let count: usize = chars.as_str().parse().map_err(|_| Status::BadCode)?;
    let mut encoded = [0; 4];
    let delimiter = delimiter.encode_utf8(&mut encoded).as_bytes();
    let mut starts: Vec<usize> = vec![0];
    starts.extend(memchr::memmem::find_iter(value, delimiter).map(|at| at + delimiter.len()));
    let Some(&start) = starts.get(skip) else { return ok("") };
    let end = match starts.get(skip.saturating_add(count)) {
        Some(next) => next - delimiter.len(),
        None => value.len(),
    };
    ok(value.get(start..end).unwrap_or_default())
}

/// `Tm,n`: n characters from the m-th; `Tn`: the last n.
pub(super) fn substring(value: &[u8], rest: &str) -> Converted {
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| Status::BadCode);
    let Ok(text) = std::str::from_utf8(value) else { return Err(Status::BadData) };
    match rest.split_once(',') {
        Some((from, count)) => {
            let (from, count) = (number(from)?.max(1), number(count)?);
            ok(text.chars().skip(from - 1).take(count).collect::<String>())
        }
        None => {
            let count = number(rest)?;
            ok(text.chars().skip(text.chars().count().saturating_sub(count)).collect::<String>())
        }
    }
}
