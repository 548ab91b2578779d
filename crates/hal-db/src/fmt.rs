//! Formats: how a shown value is laid out in a field of fixed width, `{width}{fill}just{n{m}}{conv}{mask}`.
//!
//! Widths are those of a terminal: a wide character takes two cells, a combining one none.

pub(crate) mod mask;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::conv::{self, Options};
use crate::number::Decimal;

/// Widest field; a wider one is not a format.
pub const WIDTH_MAX: usize = 1000;
/// Decimals that a scale of a format is counted from (PRECISION).
const PRECISION: i32 = 4;

/// Where the text goes in its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Justify {
    /// `L`: left.
    Left,
    /// `R`: right.
    Right,
    /// `C`: centre.
    Centre,
    /// `T`: left, broken between words.
    Text,
    /// `U`: left, runs over the field to the right in reports.
    Unbroken,
}

/// A parsed format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    width: Option<usize>,
    fill: char,
    justify: Justify,
    decimals: Option<usize>,
    scale: Option<i32>,
    comma: bool,
    dollar: bool,
    zero_empty: bool,
    sign: Option<char>,
    mask: String,
    options: Options,
}

impl Format {
    /// Parses a format; `None` when it is none.
    #[must_use]
    pub fn parse(spec: &str) -> Option<Format> {
        let mut chars = spec.trim_start().chars().peekable();
        let mut digits = String::new();
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let width = match digits.as_str() {
            "" => None,
            digits => Some(digits.parse::<usize>().ok().filter(|width| *width <= WIDTH_MAX)?),
        };
        let mut fill = ' ';
        let mut next = chars.next()?;
        if let quote @ ('"' | '\'') = next {
            fill = chars.next()?;
            if chars.next()? != quote {
                return None;
            }
            next = chars.next()?;
        } else if justification(next).is_none() {
            fill = next;
            next = chars.next()?;
        }
        let mut format = Format {
            width,
            fill,
            justify: justification(next)?,
            decimals: None,
            scale: None,
            comma: false,
            dollar: false,
            zero_empty: false,
            sign: None,
            mask: String::new(),
            options: Options::default(),
        };
        format.decimals =
            chars.next_if(char::is_ascii_digit).and_then(|c| c.to_digit(10)).map(|d| d as usize);
        if format.decimals.is_some() {
            format.scale = chars.next_if(char::is_ascii_digit).and_then(|c| c.to_digit(10)).map(|d| d as i32);
        }
        loop {
            match chars.peek().map(char::to_ascii_uppercase) {
                Some(',') => format.comma = true,
                Some('$') => format.dollar = true,
                Some('Z') => format.zero_empty = true,
                Some(c @ ('B' | 'C' | 'D' | 'E' | 'M' | 'N')) => format.sign = Some(c),
                _ => break,
            }
            chars.next();
        }
        format.mask = chars.collect();
        Some(format)
    }

    /// One or two digits alone: decimals and scale of a number that has no field (6.6).
    fn of_decimals(spec: &str) -> Option<Format> {
        if !matches!(spec.len(), 1 | 2) || !spec.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Format::parse(&format!("R{spec}"))
    }

    /// The same format under the settings of a session.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Format {
        self.options = options;
        self
    }

    /// Whether text goes to the right: such items hold numbers.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.justify == Justify::Right
    }

    /// Where the text goes.
    #[must_use]
    pub fn justify(&self) -> Justify {
        self.justify
    }

    /// Cells that a formatted value takes.
    #[must_use]
    pub fn width(&self) -> usize {
        match self.width {
            Some(width) => width,
            None => self.lines("1").first().map_or(1, |line| cells(line)),
        }
    }

    /// The same format with a field at least this wide.
    #[must_use]
    pub fn widened(mut self, width: usize) -> Format {
        self.width = Some(self.width().max(width));
        self
    }

    /// The pieces that FMT gives: as [`Format::lines`], but `U` is broken as `L` is, and of the lines of `T` only the
    /// last is filled up (6.4, 23).
    fn pieces(&self, value: &str) -> Vec<String> {
        match self.justify {
            Justify::Unbroken => Format { justify: Justify::Left, ..self.clone() }.lines(value),
            Justify::Text => {
                let mut lines = self.lines(value);
                let before_last = lines.len().saturating_sub(1);
                for line in &mut lines[..before_last] {
                    line.truncate(line.trim_end_matches(self.fill).len());
                }
                lines
            }
            _ => self.lines(value),
        }
    }

    /// The value laid out in a column: one line, or several where it is longer than its field.
    #[must_use]
    pub fn lines(&self, value: &str) -> Vec<String> {
        let text = self.numeric(value).unwrap_or_else(|| value.to_owned());
        let text = if self.mask.is_empty() {
            text
        } else {
            mask::apply(&text, &self.mask, self.is_right(), self.fill)
        };
        let Some(width) = self.width else { return vec![text] };
        if width == 0 {
            return vec![String::new()];
        }
        let pieces = match self.justify {
            Justify::Unbroken => vec![text],
            Justify::Text => wrap(&text, width),
            _ => chunks(&text, width),
        };
        let count = pieces.len();
        let pad = |(index, piece): (usize, String)| {
            // Only the last piece may be short; QM fills it up on the right.
            if index + 1 == count && count > 1 {
                pad(&piece, width, Justify::Left, self.fill)
            } else {
                self.pad(&piece, width)
            }
        };
        pieces.into_iter().enumerate().map(pad).collect()
    }

    fn pad(&self, piece: &str, width: usize) -> String {
        pad(piece, width, self.justify, self.fill)
    }

    /// The value with decimals, commas, currency and sign; `None` when the format asks for none or it is no number.
    fn numeric(&self, value: &str) -> Option<String> {
        if self.decimals.is_none() && !self.comma && !self.zero_empty && !self.dollar {
            return None;
        }
        if value.is_empty() && self.options.pick_null {
            return Some(String::new());
        }
        let number = Decimal::parse(if value.trim().is_empty() { b"0" } else { value.as_bytes() })?;
        let digits = match (self.decimals, self.scale) {
            (Some(decimals), Some(scale)) if scale > PRECISION => {
                conv::scaled(&number, (scale - PRECISION) as usize, decimals, false)
            }
            (Some(decimals), scale) => {
                let up = scale.map_or(0, |scale| PRECISION - scale) as usize;
                let mut whole = number.whole().to_vec();
                whole.extend(number.fraction().iter().chain(std::iter::repeat(&b'0')).take(up));
                let rest = number.fraction().get(up..).unwrap_or_default();
                conv::scaled(&Decimal::from_digits(&whole, rest), 0, decimals, false)
            }
            (None, _) => conv::scaled(&number, 0, number.fraction().len(), false),
        };
        let zero = digits.bytes().all(|b| matches!(b, b'0' | b'.'));
        if zero && self.zero_empty {
            return Some(String::new());
        }
        let digits = if self.comma { conv::with_thousands(&digits, ',') } else { digits };
        let body = format!("{}{digits}", if self.dollar { "$" } else { "" });
        let negative = number.is_negative() && !zero;
        let capitals = self.options.capital_cr_db;
        let (before, after) = match (self.sign, negative) {
            (None, true) => ("-", ""),
            (Some('B'), true) | (Some('D'), false) => ("", if capitals { "DB" } else { "db" }),
            (Some('C'), true) => ("", if capitals { "CR" } else { "cr" }),
            (Some('B' | 'C'), false) | (Some('D'), true) => ("", "  "),
            (Some('E'), true) => ("<", ">"),
            (Some('M'), true) => ("", "-"),
            (Some('E' | 'M'), false) => ("", " "),
            _ => ("", ""),
        };
        Some(format!("{before}{body}{after}"))
    }
}

/// FMT: the value laid out by a format, lines separated by the text mark (as U+00FB). `None` for a bad format.
///
/// A spec of one or two digits gives decimals and scale, without a width; one that begins with D and is no format is a
/// date conversion.
#[must_use]
pub fn fmt(value: &str, spec: &str) -> Option<String> {
    laid_out(value, spec).map(|lines| lines.join("\u{FB}"))
}

fn laid_out(value: &str, spec: &str) -> Option<Vec<String>> {
    if let Some(format) = Format::parse(spec).or_else(|| Format::of_decimals(spec)) {
        return Some(format.pieces(value));
    }
    if !spec.starts_with(['D', 'd']) {
        return None;
    }
    match conv::oconv(value.as_bytes(), spec) {
        (shown, conv::Status::Ok) => Some(vec![crate::dynarray::text(&shown).into_owned()]),
        _ => None,
    }
}

/// FMT on stored bytes; the value itself with status 2 for a bad format. Marks count as characters.
#[must_use]
pub fn fmt_bytes(value: &[u8], spec: &str) -> (Vec<u8>, conv::Status) {
    // Bytes that are not UTF-8 travel as characters of the last private plane, which has no other use.
    const PRIVATE: u32 = 0x10_FE00;
    let mut text = String::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(PRIVATE + u32::from(*byte))));
    }
    let Some(lines) = laid_out(&text, spec) else { return (value.to_vec(), conv::Status::BadCode) };
    let mut out = Vec::with_capacity(text.len());
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push(crate::dynarray::TM);
        }
        for c in line.chars() {
            match u32::from(c).checked_sub(PRIVATE).and_then(|byte| u8::try_from(byte).ok()) {
                Some(byte) => out.push(byte),
                None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
    (out, conv::Status::Ok)
}

fn justification(c: char) -> Option<Justify> {
    Some(match c.to_ascii_uppercase() {
        'L' => Justify::Left,
        'R' => Justify::Right,
        'C' => Justify::Centre,
        'T' => Justify::Text,
        'U' => Justify::Unbroken,
        _ => return None,
    })
}

/// Fills text up to `width` cells.
pub(crate) fn pad(text: &str, width: usize, justify: Justify, fill: char) -> String {
    let missing = width.saturating_sub(cells(text));
    let left = match justify {
        Justify::Right => missing,
        Justify::Centre => missing / 2,
        _ => 0,
    };
    let fill = |count: usize| std::iter::repeat_n(fill, count);
    fill(left).chain(text.chars()).chain(fill(missing - left)).collect()
}

/// Cells that text takes, a control character one like any other: [`pad`] and [`cut`] must agree about them.
pub(crate) fn cells(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Cuts text to at most `width` cells.
pub(crate) fn cut(text: &str, width: usize) -> &str {
    let (mut used, mut before) = (0, 0);
    for (at, c) in text.char_indices() {
        // A variation selector makes the narrow sign before it an emoji of two cells.
        let cells = if c == '\u{fe0f}' && before == 1 { 1 } else { c.width().unwrap_or(1) };
        used += cells;
        before = cells;
        if used > width {
            return &text[..at];
        }
    }
    text
}

/// Pieces of `width` cells.
fn chunks(text: &str, width: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let mut piece = cut(rest, width);
        if piece.len() == rest.len() {
            pieces.push(rest.to_owned());
            return pieces;
        }
        if piece.is_empty() {
            // A wide character in a field of one cell: it goes there all the same, or this would not end.
            piece = &rest[..rest.chars().next().map_or(0, char::len_utf8)];
        }
        pieces.push(piece.to_owned());
        rest = &rest[piece.len()..];
    }
}

/// Lines of at most `width` cells, broken at the last space that fits, else anywhere.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    loop {
        let fits = cut(rest, width);
        if fits.len() == rest.len() {
            lines.push(rest.to_owned());
            return lines;
        }
        let after = rest[fits.len()..].starts_with(' ');
        let (line, skip) = match fits.rfind(' ') {
            _ if after => (fits, 1),
            Some(space) if space > 0 => (&rest[..space], 1),
            _ if fits.is_empty() => (&rest[..rest.chars().next().map_or(0, char::len_utf8)], 0),
            _ => (fits, 0),
        };
        lines.push(line.to_owned());
        rest = &rest[line.len() + skip..];
    }
}

#[cfg(test)]
mod tests;
