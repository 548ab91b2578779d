//! Codes that look beyond the value: `C` and `S;` at the record, `T` at other files, `CALL` and `U` at subroutines,
//! `A` and `F` at correlatives. What they see comes from the [`Context`].

use super::{Context, Converted, Routine, Status, Translation, ok};
use crate::dynarray::{SM, TM, VM, extract, field};

/// Longest text that `C` joins: a code may name the same long field over and over.
const JOINED_MAX: usize = 4 << 20;

/// Parts and separators that `C` may consist of: each may search the record.
const PARTS_MAX: usize = 256;
/// Digits of a field number; more begin the next part.
const FIELD_DIGITS_MAX: usize = 9;

/// A field number, a quoted string or `*`, and what follows it; `None` when there is none of them.
fn operand<'a>(text: &'a str, value: &[u8], context: &dyn Context) -> Option<(Vec<u8>, &'a str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).take(FIELD_DIGITS_MAX).count();
    if digits > 0 {
        let number = text[..digits].parse::<usize>().ok()?;
        let found = if number == 0 { context.id() } else { field(context.record(), number) };
        return Some((found.to_vec(), &text[digits..]));
    }
    let first = text.chars().next()?;
    match first {
        '*' => Some((value.to_vec(), &text[1..])),
        '"' | '\'' | '\\' => {
            let (inner, after) = text[1..].split_once(first)?;
            Some((inner.as_bytes().to_vec(), after))
        }
        _ => None,
    }
}

/// `C{;}e c e ...`: parts joined; the character between two is the separator, `;` is none.
pub(super) fn concatenate(value: &[u8], rest: &str, context: &dyn Context) -> Converted {
    let mut rest = rest.strip_prefix(';').unwrap_or(rest);
    if rest.is_empty() {
        return Err(Status::BadCode);
    }
    let mut out = Vec::new();
    let mut parts = 0;
    while let Some(first) = rest.chars().next() {
        parts += 1;
        if parts > PARTS_MAX {
            return Err(Status::BadCode);
        }
        match operand(rest, value, context) {
            Some((part, after)) => {
                out.extend(part);
                rest = after;
            }
            None if matches!(first, '"' | '\'' | '\\') => return Err(Status::BadCode),
            None => {
                if first != ';' {
                    out.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes());
                }
                rest = &rest[first.len_utf8()..];
            }
        }
        if out.len() > JOINED_MAX {
            return Err(Status::BadData);
        }
    }
    ok(out)
}

/// `S;v1;v2`: v1 if the value is neither 0 nor "", else v2.
pub(super) fn substitute(value: &[u8], rest: &str, context: &dyn Context) -> Converted {
    let is_set = !value.is_empty() && crate::functions::truth(value);
    // A semicolon within quotes divides nothing.
    let mut quote = None;
    let middle = rest.char_indices().find(|&(_, c)| {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'' | '\\') => quote = Some(c),
            (None, ';') => return true,
            _ => {}
        }
        false
    });
    let (first, second) = middle.map_or((rest, ""), |(at, _)| (&rest[..at], &rest[at + 1..]));
    let chosen = if is_set { first } else { second };
    match operand(chosen.trim(), value, context) {
        Some((result, "")) => ok(result),
        None if chosen.is_empty() => ok(""),
        _ => Err(Status::BadCode),
    }
}

/// What `Tfile;cv;i;o` says.
struct Translate<'a> {
    file: &'a str,
    is_dictionary: bool,
    /// `X`, `C`, `V`, `I` or `O`.
    missing: char,
    value: Option<i64>,
    input: &'a str,
    output: &'a str,
}

impl Translate<'_> {
    fn parse(rest: &str) -> Result<Translate<'_>, Status> {
        let mut parts = rest.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let upper = name.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("DICT "));
        let (is_dictionary, file) = match name.strip_prefix('*') {
            Some(file) => (true, file),
            None if upper => (true, name[5..].trim()),
            None => (false, name),
        };
        let how = parts.next().unwrap_or("X").trim();
        let missing = how.chars().next().unwrap_or('X').to_ascii_uppercase();
        let number = how.get(1..).unwrap_or_default().trim();
        let value = if number.is_empty() { None } else { Some(number.parse().map_err(|_| Status::BadCode)?) };
        if file.is_empty() || !"XCVIO".contains(missing) {
            return Err(Status::BadCode);
        }
        let (input, output) =
            (parts.next().unwrap_or_default().trim(), parts.next().unwrap_or_default().trim());
        Ok(Translate { file, is_dictionary, missing, value, input, output })
    }
}

/// `Tfile;cv;i;o`: the value is an id of another file; field i (input) or o (output) of that record is given.
pub(super) fn translate(value: &[u8], rest: &str, context: &dyn Context, is_output: bool) -> Converted {
    let code = Translate::parse(rest)?;
    let wanted = if is_output { code.output } else { code.input };
    if value.is_empty() || wanted.is_empty() {
        return ok(value);
    }
    let number: i64 = wanted.parse().map_err(|_| Status::BadCode)?;
    let strict = match code.missing {
        'I' if is_output => 'C',
        'O' if !is_output => 'C',
        'I' | 'O' => 'V',
        other => other,
    };
    let found = match context.translate(code.file, code.is_dictionary, value) {
        Translation::Record(record) if number == 0 => {
            drop(record);
            value.to_vec()
        }
        Translation::Record(record) => {
            let field = extract(&record, number, 0, 0);
            match code.value {
                Some(position) => extract(field, 1, position.max(1), 0).to_vec(),
                None => field.iter().map(|&b| if matches!(b, VM | SM | TM) { b' ' } else { b }).collect(),
            }
        }
        Translation::NoRecord | Translation::NoFile => Vec::new(),
    };
    match (found.is_empty(), strict) {
        (false, _) | (true, 'X') => ok(found),
        (true, 'C') => ok(value),
        _ => Ok((Vec::new(), Status::BadData)),
    }
}

pub(super) fn call_output(value: &[u8], rest: &str, context: &dyn Context) -> Converted {
    call(value, rest, context, true)
}

pub(super) fn call_input(value: &[u8], rest: &str, context: &dyn Context) -> Converted {
    call(value, rest, context, false)
}

fn call(value: &[u8], rest: &str, context: &dyn Context, is_oconv: bool) -> Converted {
    let (name, extension) = rest.trim().split_once('.').unwrap_or((rest.trim(), ""));
    if name.is_empty() {
        return Err(Status::BadCode);
    }
    context.call(Routine { name, extension, is_oconv }, value)
}

pub(super) fn correlative(value: &[u8], rest: &str, context: &dyn Context, kind: char) -> Converted {
    let text = rest.strip_prefix(';').unwrap_or(rest);
    context.correlative(kind, text, value).map(|result| (result, Status::Ok))
}
