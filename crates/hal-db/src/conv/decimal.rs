//! `MD`, `ML`, `MR`: numbers with decimals, scale, thousands, currency, signs, and a field to stand in.

use super::{Converted, Options, Status, ok};
use crate::dynarray::text;
use crate::fmt::mask;
use crate::number::Decimal;

/// Where ML and MR put the number in its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    None,
    Left,
    Right,
}

/// A parsed code.
#[derive(Debug, Default)]
struct Style {
    decimals: usize,
    scale: usize,
    prefix: String,
    thousands: Option<char>,
    point: Option<char>,
    suffix: String,
    sign: Option<char>,
    unscaled_if_pointed: bool,
    zero_empty: bool,
    truncate: bool,
    /// Field width and fill.
    field: Option<(usize, char)>,
    mask: String,
}

impl Style {
    fn parse(rest: &str, side: Side) -> Result<Style, Status> {
        let mut style = Style::default();
        let mut chars = rest.chars().peekable();
        let digit = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            chars.next_if(char::is_ascii_digit).and_then(|c| c.to_digit(10)).map(|d| d as usize)
        };
        style.decimals = digit(&mut chars).unwrap_or(0);
        style.scale = digit(&mut chars).unwrap_or(style.decimals);
        // The parts of a code have an order; what comes too late is passed over.
        let mut signed = false;
        let mut closing = false;
        while let Some(&c) = chars.peek() {
            match c {
                ',' | '$' | '+' | '-' | '(' | '<' if closing => {}
                ',' | '$' if signed => {}
                ',' => style.thousands = Some(','),
                '$' => "$".clone_into(&mut style.prefix),
                '+' | '-' | '(' | '<' | 'C' | 'c' | 'D' | 'd' => {
                    style.sign = Some(c.to_ascii_uppercase());
                    signed = true;
                }
                'P' | 'p' => (style.unscaled_if_pointed, closing) = (true, true),
                'Z' | 'z' => (style.zero_empty, closing) = (true, true),
                'T' | 't' => (style.truncate, closing) = (true, true),
                '[' => {
                    chars.next();
                    let inner: String = chars.by_ref().collect();
                    let (inner, after) = bracketed(&inner)?;
                    style.affixes(&inner)?;
                    let after: String = after;
                    let mut rest = Style::parse_field(&after, side)?;
                    std::mem::swap(&mut style.field, &mut rest.field);
                    style.mask = rest.mask;
                    return Ok(style);
                }
                '#' | '*' | '%' | '0'..='9' => {
                    let rest: String = chars.collect();
                    let field = Style::parse_field(&rest, side)?;
                    (style.field, style.mask) = (field.field, field.mask);
                    return Ok(style);
                }
                // QM passes over letters it does not know.
                _ => {}
            }
            chars.next();
        }
        Ok(style)
    }

    /// `12`, `12*` or a mask, at the end of the code; MD has neither.
    fn parse_field(rest: &str, side: Side) -> Result<Style, Status> {
        let mut style = Style::default();
        if side == Side::None || rest.is_empty() {
            return Ok(style);
        }
        if rest.starts_with(['#', '*', '%']) {
            rest.clone_into(&mut style.mask);
            return Ok(style);
        }
        let digits: String = rest.chars().take_while(char::is_ascii_digit).take(2).collect();
        if !digits.is_empty() {
            let fill = rest[digits.len()..].chars().next().unwrap_or(' ');
            style.field = Some((digits.parse().map_err(|_| Status::BadCode)?, fill));
        }
        Ok(style)
    }

    /// Prefix, thousands, decimal point and suffix, between the brackets.
    fn affixes(&mut self, inner: &str) -> Result<(), Status> {
        let parts = affix_parts(inner);
        if parts.len() > 4 {
            return Err(Status::BadCode);
        }
        let one = |text: &str| -> Result<Option<char>, Status> {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (c, None) => Ok(c),
                _ => Err(Status::BadCode),
            }
        };
        if let Some(prefix) = parts.first() {
            self.prefix.clone_from(prefix);
        }
        if let Some(thousands) = parts.get(1) {
            self.thousands = one(thousands)?.or(self.thousands);
        }
        if let Some(point) = parts.get(2) {
            self.point = one(point)?;
        }
        if let Some(suffix) = parts.get(3) {
            self.suffix.clone_from(suffix);
        }
        Ok(())
    }
}

/// Splits at the closing bracket, quotes respected.
fn bracketed(text: &str) -> Result<(String, String), Status> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ']') => return Ok((text[..at].to_owned(), text[at + 1..].to_owned())),
            _ => {}
        }
    }
    Err(Status::BadCode)
}

/// Splits at commas outside quotes; quotes go, and spaces before a part.
fn affix_parts(inner: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    for c in inner.chars() {
        let part = parts.last_mut().expect("there is always one");
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ',') => parts.push(String::new()),
            (None, ' ') if part.is_empty() => {}
            _ => part.push(c),
        }
    }
    parts
}

pub(super) fn output_md(value: &[u8], rest: &str, options: &Options) -> Converted {
    output(value, rest, Side::None, options)
}

pub(super) fn output_ml(value: &[u8], rest: &str, options: &Options) -> Converted {
    output(value, rest, Side::Left, options)
}

pub(super) fn output_mr(value: &[u8], rest: &str, options: &Options) -> Converted {
    output(value, rest, Side::Right, options)
}

fn output(value: &[u8], rest: &str, side: Side, options: &Options) -> Converted {
    let style = Style::parse(rest, side)?;
    let value = match (value.trim_ascii(), side) {
        (b"", Side::None) => return ok(""),
        (b"", _) if options.pick_null => return ok(""),
        (b"", _) => b"0",
        (value, _) => value,
    };
    let number = Decimal::parse(value).ok_or(Status::BadData)?;
    let scale = if style.unscaled_if_pointed && value.contains(&b'.') { 0 } else { style.scale };
    let digits = scaled(&number, scale, style.decimals, style.truncate);
    let zero = digits.bytes().all(|b| matches!(b, b'0' | b'.'));
    if zero && style.zero_empty {
        return ok("");
    }
    let negative = number.is_negative() && !zero;
    let text = dressed(&digits, negative, &style, options.capital_cr_db);
    ok(placed(&text, &style, side))
}

/// The number divided by 10^`scale`, rounded half away from zero (or cut) to `decimals`; no sign.
pub(crate) fn scaled(number: &Decimal<'_>, scale: usize, decimals: usize, truncate: bool) -> String {
    let mut digits: Vec<u8> = number.whole().iter().chain(number.fraction()).map(|b| b - b'0').collect();
    let mut point = number.whole().len();
    // Room for a carry and for the scale.
    let leading = scale + 1;
    digits.splice(0..0, std::iter::repeat_n(0, leading));
    point += leading - scale;
    let keep = point + decimals;
    let round_up = !truncate && digits.get(keep).is_some_and(|digit| *digit >= 5);
    digits.resize(keep, 0);
    if round_up {
        for digit in digits.iter_mut().rev() {
            *digit += 1;
            if *digit < 10 {
                break;
            }
            *digit = 0;
        }
    }
    let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    let (whole, fraction) = text.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if decimals == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Puts `separator` between each three digits before the point.
pub(crate) fn with_thousands(digits: &str, separator: char) -> String {
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut out = String::with_capacity(digits.len() + whole / 3);
    for (index, c) in digits.char_indices() {
        if index > 0 && index < whole && (whole - index).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(c);
    }
    out
}

fn dressed(digits: &str, negative: bool, style: &Style, capitals: bool) -> String {
    let mut body = digits.replace('.', "\u{1}");
    body = style.thousands.map_or(body.clone(), |separator| {
        let whole = body.find('\u{1}').unwrap_or(body.len());
        format!("{}{}", with_thousands(&body[..whole], separator), &body[whole..])
    });
    body = body.replace('\u{1}', &style.point.unwrap_or('.').to_string());
    let body = format!("{}{body}{}", style.prefix, style.suffix);
    let (before, after) = match (style.sign, negative) {
        (None, true) => ("-", ""),
        (None, false) => ("", ""),
        (Some('+'), true) => ("", "-"),
        (Some('+'), false) => ("", "+"),
        (Some('-'), true) => ("", "-"),
        (Some('-'), false) => ("", " "),
        (Some('('), true) => ("(", ")"),
        (Some('<'), true) => ("<", ">"),
        (Some('C'), true) => ("", if capitals { "CR" } else { "cr" }),
        (Some('D'), true) => ("", if capitals { "DB" } else { "db" }),
        (Some('C' | 'D'), false) => ("", "  "),
        (Some(_), _) => (" ", " "),
    };
    format!("{before}{body}{after}")
}

fn placed(text: &str, style: &Style, side: Side) -> String {
    if !style.mask.is_empty() {
        return mask::apply(text, &style.mask, side == Side::Right, ' ');
    }
    let Some((width, fill)) = style.field else { return text.to_owned() };
    let length = text.chars().count();
    if length >= width {
        return text.chars().take(width).collect();
    }
    let fill: String = std::iter::repeat_n(fill, width - length).collect();
    if side == Side::Right { fill + text } else { text.to_owned() + &fill }
}

pub(super) fn input_md(value: &[u8], rest: &str) -> Converted {
    input(value, rest, Side::None)
}

pub(super) fn input_ml(value: &[u8], rest: &str) -> Converted {
    input(value, rest, Side::Left)
}

pub(super) fn input_mr(value: &[u8], rest: &str) -> Converted {
    input(value, rest, Side::Right)
}

fn input(value: &[u8], rest: &str, side: Side) -> Converted {
    if value.is_empty() {
        return ok("");
    }
    let style = Style::parse(rest, side)?;
    let written = text(value);
    let stripped = strip(&written, &style);
    let (negative, body) = unsigned(&stripped);
    let point = style.point.unwrap_or('.');
    let body: String = body.chars().filter(|c| *c != style.thousands.unwrap_or(',') || *c == point).collect();
    let body = body.replace(point, ".");
    let digits = body.chars().take_while(|c| c.is_ascii_digit() || *c == '.').count();
    let whole_is_number = digits == body.chars().count();
    let lenient = side != Side::None;
    let Some(number) = Decimal::parse(&body.as_bytes()[..digits]) else {
        return if lenient { Ok((value.to_vec(), Status::BadData)) } else { Err(Status::BadData) };
    };
    if !whole_is_number && !lenient {
        return Err(Status::BadData);
    }
    ok(raised(&number, style.scale, negative))
}

/// Takes away prefix, suffix, spaces and fill.
fn strip(written: &str, style: &Style) -> String {
    let fill = style.field.map(|(_, fill)| fill).filter(|fill| !fill.is_ascii_digit());
    let mut text: String = written.chars().filter(|c| *c != ' ' && *c != '$' && Some(*c) != fill).collect();
    for affix in [&style.prefix, &style.suffix] {
        let affix: String = affix.chars().filter(|c| *c != ' ').collect();
        if !affix.is_empty() {
            text = text.replacen(&affix, "", 1);
        }
    }
    text
}

/// The sign in any of its styles, and the rest.
fn unsigned(text: &str) -> (bool, &str) {
    let upper = text.to_ascii_uppercase();
    if upper.ends_with("CR") || upper.ends_with("DB") {
        return (true, &text[..text.len() - 2]);
    }
    let inside = |open: char, close: char| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    if let Some(rest) = inside('(', ')').or_else(|| inside('<', '>')) {
        return (true, rest);
    }
    if let Some(rest) = text.strip_prefix('-').or_else(|| text.strip_suffix('-')) {
        return (true, rest);
    }
    (false, text.strip_prefix('+').or_else(|| text.strip_suffix('+')).unwrap_or(text))
}

/// The number times 10^`scale`, the next digit rounded half up; `-0` is 0.
fn raised(number: &Decimal<'_>, scale: usize, negative: bool) -> String {
    let mut digits = number.whole().to_vec();
    digits.extend(number.fraction().iter().chain(std::iter::repeat(&b'0')).take(scale));
    let fraction = number.fraction().get(scale..).unwrap_or_default();
    let text = scaled(&Decimal::from_digits(&digits, fraction), 0, 0, false);
    if negative && text != "0" { format!("-{text}") } else { text }
}
