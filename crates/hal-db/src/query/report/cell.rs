//! One column of a report: reads its content, converts it, lays it out. Knows nothing of other columns.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use crate::dict::FORMAT_DEFAULT;
use crate::dynarray::{SM, TM, VM};
use crate::error::Result;
use crate::fmt::{Format, Justify, cells, pad};
use crate::itype::reads_only_the_value;
use crate::query::columns::{Builder, Conversion, Rec, has_marks};
use crate::query::exec::Prepared;
use crate::query::plan::{Aggregate, Display, Group};
use crate::query::rows::Content;

/// A column ready to be printed.
pub(super) struct Column {
    pub content: Content,
    pub conversion: Conversion,
    pub aggregate: Aggregate,
    pub no_nulls: bool,
    pub group: Option<Group>,
    pub multi: bool,
    pub repeat: bool,
    pub heading: Vec<String>,
    pub width: usize,
    format: Format,
    /// Width and side, where the format does nothing but fill up with spaces.
    plain: Option<Justify>,
    fill: char,
    right_heading: bool,
    /// Lines of values that came before, where the value alone makes them; most columns have few different ones.
    known: Option<RefCell<HashMap<Vec<u8>, Vec<u8>>>>,
}

/// Values whose line is kept for a column.
const KNOWN_MAX: usize = 8192;

/// The printed lines of a cell: by value, by subvalue, by line.
pub(super) type Stack = Vec<Vec<Vec<Vec<u8>>>>;

impl Column {
    pub(super) fn compile(
        display: &Display,
        heading_is_name: bool,
        prepared: &Prepared<'_>,
        builder: &mut Builder<'_>,
    ) -> Result<Column> {
        let item = &display.item;
        let spec = if Format::parse(&item.format).is_some() { item.format.as_str() } else { FORMAT_DEFAULT };
        let format = Format::parse(spec).expect("the default format is one");
        let mut heading = if heading_is_name { vec![item.name.clone()] } else { item.heading.clone() };
        let (mut fill, mut right_heading) = ('.', false);
        for (prefix, right, blank) in [("'RX'", true, true), ("'R'", true, false), ("'X'", false, true)] {
            if let Some(rest) = heading.first().and_then(|line| line.strip_prefix(prefix)) {
                heading[0] = rest.to_owned();
                right_heading = right;
                fill = if blank { ' ' } else { '.' };
                break;
            }
        }
        let longest = heading.iter().map(|line| cells(line)).max().unwrap_or(0);
        let format = format.widened(longest);
        let suppressed = display.group.as_ref().is_some_and(|group| group.suppressed);
        Ok(Column {
            content: Content::compile(item, prepared, builder)?,
            conversion: builder.conversion(item)?,
            aggregate: display.aggregate,
            no_nulls: display.no_nulls,
            group: display.group.clone(),
            multi: item.multi,
            repeat: display.repeat,
            width: if suppressed { 0 } else { format.width() },
            plain: is_plain(spec).then(|| format.justify()),
            format,
            heading,
            fill,
            right_heading,
            known: (!item.conversion.is_empty() && reads_only_the_value(&item.conversion))
                .then(RefCell::default),
        })
    }

    /// `COL.HDG.SPACE`: as `'X'` before its display name has it.
    pub(super) fn with_spaces(self) -> Column {
        Column { fill: ' ', ..self }
    }

    /// Line `index` of the heading, filled up to the width of the column.
    pub(super) fn heading_line(&self, index: usize) -> String {
        let justify = if self.right_heading { Justify::Right } else { Justify::Left };
        match self.heading.get(index) {
            _ if self.width == 0 => String::new(),
            Some(line) => pad(line, self.width, justify, self.fill),
            None => " ".repeat(self.width),
        }
    }

    /// Appends a content that takes one line; `false`, and nothing written, for one that does not.
    pub(super) fn write_line(&self, content: &[u8], rec: &Rec<'_>, out: &mut Vec<u8>) -> bool {
        if has_marks(content) {
            return false;
        }
        let Some(known) = &self.known else { return self.write_new_line(content, rec, out) };
        let mut known = known.borrow_mut();
        if let Some(line) = known.get(content) {
            out.extend_from_slice(line);
            return true;
        }
        let start = out.len();
        let fits = self.write_new_line(content, rec, out);
        if fits && known.len() < KNOWN_MAX {
            known.insert(content.to_vec(), out[start..].to_vec());
        }
        fits
    }

    fn write_new_line(&self, content: &[u8], rec: &Rec<'_>, out: &mut Vec<u8>) -> bool {
        let shown = self.shown(content, rec);
        match self.plain {
            Some(justify) if shown.len() <= self.width && shown.iter().all(|b| (b' '..0x7F).contains(b)) => {
                let missing = self.width - shown.len();
                let before = if justify == Justify::Right { missing } else { 0 };
                out.resize(out.len() + before, b' ');
                out.extend_from_slice(&shown);
                out.resize(out.len() + missing - before, b' ');
                true
            }
            _ => match self.format.lines(&printable(&shown)).as_slice() {
                [line] if cells(line) <= self.width => {
                    push_printable(line, out);
                    true
                }
                _ => false,
            },
        }
    }

    fn shown<'a>(&self, content: &'a [u8], rec: &Rec<'_>) -> Cow<'a, [u8]> {
        // An empty value is shown as nothing whatever its conversion, but for those that show a zero.
        if self.conversion.is_nothing() {
            Cow::Borrowed(content)
        } else {
            self.conversion.apply(content, rec)
        }
    }

    /// The lines of a content, value by value.
    pub(super) fn stack(&self, content: &[u8], rec: &Rec<'_>) -> Stack {
        if self.multi {
            let convert = |part: &[u8]| self.laid_out(&self.shown(part, rec));
            return content
                .split(|&b| b == VM)
                .map(|value| value.split(|&b| b == SM).map(convert).collect())
                .collect();
        }
        let shown = self.shown(content, rec);
        shown
            .split(|&b| b == VM)
            .map(|value| value.split(|&b| b == SM).map(|part| self.laid_out(part)).collect())
            .collect()
    }

    /// The lines of one value: at its text marks, and where the format breaks it.
    fn laid_out(&self, shown: &[u8]) -> Vec<Vec<u8>> {
        let parts = shown.split(|&b| b == TM);
        parts.flat_map(|part| self.format.lines(&printable(part))).map(|line| from_printable(&line)).collect()
    }

    /// All lines of a content one below the other, as a vertical report has them: marks of a single value stay in it.
    pub(super) fn lines(&self, content: &[u8], rec: &Rec<'_>) -> Vec<Vec<u8>> {
        if self.multi {
            return self.stack(content, rec).into_iter().flatten().flatten().collect();
        }
        self.laid_out(&self.shown(content, rec))
    }

    /// The lines of a value that a break or the end of the report shows.
    pub(super) fn result_lines(&self, value: &[u8], rec: &Rec<'_>) -> Vec<Vec<u8>> {
        let converted = match self.aggregate {
            Aggregate::Enum | Aggregate::Percent(_) => Cow::Borrowed(value),
            _ => self.shown(value, rec),
        };
        self.laid_out(&converted)
    }

    /// The text of a break in this column, cut to its width.
    pub(super) fn text_line(&self, text: &[u8]) -> Vec<u8> {
        self.laid_out(text).into_iter().next().unwrap_or_default()
    }

    pub(super) fn is_unbroken(&self) -> bool {
        self.format.justify() == Justify::Unbroken
    }
}

/// Whether a format is a width and a side, nothing else.
fn is_plain(spec: &str) -> bool {
    let spec = spec.trim();
    let digits = spec.len() - spec.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    digits > 0 && matches!(&spec[digits..], "L" | "R" | "T" | "l" | "r" | "t")
}

/// Where bytes that are no text stand while a line is laid out: the last private plane.
const RAW: u32 = 0x0010_F700;

/// Bytes as text that can be laid out: marks and bytes that are not UTF-8 become one character each.
pub(super) fn printable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() * 2);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|&byte| char::from_u32(RAW + u32::from(byte))));
    }
    Cow::Owned(text)
}

/// The bytes that [`printable`] text stands for.
pub(super) fn from_printable(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    push_printable(text, &mut out);
    out
}

pub(super) fn push_printable(text: &str, out: &mut Vec<u8>) {
    if text.is_ascii() {
        return out.extend_from_slice(text.as_bytes());
    }
    for c in text.chars() {
        match u32::from(c).checked_sub(RAW) {
            Some(byte @ 0..=255) => out.push(byte as u8),
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Cells that stored bytes take.
pub(super) fn width_of(bytes: &[u8]) -> usize {
    if bytes.is_ascii() { bytes.len() } else { cells(&printable(bytes)) }
}
