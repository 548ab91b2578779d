//! Reports in columns: detail lines, the lines of breaks, the grand total (12.3 to 12.7, 29).

use std::borrow::Cow;

use super::cell::{Column, Stack, width_of};
use super::page::Page;
use super::{Job, breaks, percent_totals, shown, vertical};
use crate::error::Result;
use crate::query::columns::{Builder, Rec};
use crate::query::exec::{Entry, Summary};
use crate::query::plan::Aggregate;

/// Spaces between columns, where there is room.
const GAP_MAX: usize = 3;
/// The text of a break that has none of its own.
const BREAK_TEXT: &str = "**";

/// Runs the query and writes its report in columns, or one line an item where they do not fit.
pub(super) fn write(job: &Job<'_, '_>, builder: &mut Builder<'_>, page: &mut Page<'_>) -> Result<Summary> {
    let options = job.plan.options;
    let columns = shown(job.plan)
        .map(|display| {
            let column = Column::compile(display, options.heading_is_name, job.prepared, builder)?;
            Ok(if options.heading_spaces { column.with_spaces() } else { column })
        })
        .collect::<Result<Vec<Column>>>()?;
    let gap = match options.col_spaces {
        Some(gap) => total_width(&columns, gap).filter(|width| *width <= page.width()).map(|_| gap),
        None => (1..=GAP_MAX)
            .rev()
            .find(|gap| total_width(&columns, *gap).is_some_and(|width| width <= page.width())),
    };
    let all = {
        let shares = shown(job.plan)
            .map(|display| {
                Ok((
                    display.aggregate,
                    crate::query::rows::Content::compile(&display.item, job.prepared, builder)?,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        percent_totals(job, &shares)?
    };
    let groups: Vec<usize> =
        columns.iter().enumerate().filter(|(_, column)| column.group.is_some()).map(|(at, _)| at).collect();
    let sums = breaks::Sums::new(columns.len(), groups.len(), all);
    let Some(gap) = gap.filter(|_| !options.vertical) else {
        return vertical::write(job, &columns, sums, page);
    };
    if !options.col_sup {
        page.set_column_heading(column_heading(&columns, gap));
    }
    let mut table = Table {
        job,
        breaks: groups.iter().map(|&at| Break::parse(at, &columns[at])).collect(),
        old: Vec::new(),
        last: Vec::new(),
        columns: &columns,
        gap,
        sums,
        line: Vec::new(),
        page,
        rows: 0,
    };
    let summary = job.prepared.each(true, &mut |entry| table.entry(entry))?;
    table.end()?;
    Ok(summary)
}

/// Width of all columns with their gaps; `None` when it is beyond counting.
fn total_width(columns: &[Column], gap: usize) -> Option<usize> {
    let shown = columns.iter().filter(|column| column.width > 0).count();
    let widths = columns.iter().try_fold(0_usize, |sum, column| sum.checked_add(column.width))?;
    widths.checked_add(gap * shown.saturating_sub(1))
}

fn column_heading(columns: &[Column], gap: usize) -> Vec<Vec<u8>> {
    let lines = columns.iter().map(|column| column.heading.len()).max().unwrap_or(0);
    let line = |index: usize| {
        let cells = columns.iter().filter(|column| column.width > 0).map(|column| column.heading_line(index));
        cells.collect::<Vec<_>>().join(&" ".repeat(gap)).into_bytes()
    };
    (0..lines).map(line).collect()
}

/// A column that forms groups, with the options of its breaks (11.13).
#[derive(Debug, Default)]
struct Break {
    column: usize,
    /// The parts of its text; the value stands between two of them.
    text: Option<Vec<String>>,
    blank: bool,
    single_silent: bool,
    no_underline: bool,
    once: bool,
    new_page: bool,
    restart: bool,
    in_heading: bool,
}

impl Break {
    fn parse(at: usize, column: &Column) -> Break {
        let mut found = Break { column: at, ..Break::default() };
        let Some(text) = column.group.as_ref().and_then(|group| group.text.as_ref()) else { return found };
        let mut parts = vec![String::new()];
        let mut codes = false;
        for c in text.chars() {
            match (codes, c) {
                (_, '\'') => codes = !codes,
                (false, c) => parts.last_mut().expect("there is a first part").push(c),
                (true, c) => match c.to_ascii_uppercase() {
                    'V' => parts.push(String::new()),
                    'L' => found.blank = true,
                    'D' => found.single_silent = true,
                    'U' => found.no_underline = true,
                    'O' => found.once = true,
                    'P' => found.new_page = true,
                    'N' => found.restart = true,
                    'B' => (found.new_page, found.in_heading) = (true, true),
                    _ => {}
                },
            }
        }
        found.text = Some(parts);
        found
    }

    /// The text of its line, with the value of the group that ends.
    fn line(&self, value: &[u8]) -> Vec<u8> {
        match &self.text {
            None => BREAK_TEXT.as_bytes().to_vec(),
            Some(parts) => parts.iter().map(String::as_bytes).collect::<Vec<_>>().join(value),
        }
    }
}

struct Table<'t, 'j, 'r, 'o> {
    job: &'t Job<'j, 'r>,
    columns: &'t [Column],
    breaks: Vec<Break>,
    /// The values of the groups that are open, by level; empty before the first record.
    old: Vec<Vec<u8>>,
    /// What the last record had, for reports without detail lines.
    last: Vec<Vec<u8>>,
    gap: usize,
    sums: breaks::Sums,
    line: Vec<u8>,
    page: &'t mut Page<'o>,
    rows: usize,
}

impl Table<'_, '_, '_, '_> {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<()> {
        let options = self.job.plan.options;
        let mut context = self.job.context;
        context.place.item = entry.number;
        context.place.value = entry.value;
        context.place.subvalue = entry.subvalue;
        let rec = Rec { id: entry.id, record: entry.record, context };
        let columns = self.columns;
        let mut contents: Vec<Cow<'_, [u8]>> =
            columns.iter().map(|column| column.content.get(&rec, entry)).collect();
        let begun = !self.old.is_empty() || self.rows > 0;
        let changed =
            self.breaks.iter().zip(&self.old).position(|(level, old)| *contents[level.column] != old[..]);
        if begun && let Some(highest) = changed {
            self.fire(highest, &rec)?;
        }
        let first_of_group = !begun || changed.is_some();
        if first_of_group {
            self.old.clear();
            self.old.extend(self.breaks.iter().map(|level| contents[level.column].to_vec()));
            self.note_heading(&rec);
        }
        entry.id.clone_into(&mut self.page.facts().id);
        if begun && options.new_page {
            self.page.next(false)?;
        }
        self.rows += 1;
        self.page.begin()?;
        self.sums.add(columns, &contents, &rec);
        for (index, column) in columns.iter().enumerate() {
            if let Some(shown) = self.sums.shown(index, column, &contents[index]) {
                contents[index] = Cow::Owned(shown);
            }
        }
        if options.det_sup {
            // Only groups show what their last record had, so it is laid out when they end.
            self.last.resize_with(columns.len(), Vec::new);
            for (last, content) in self.last.iter_mut().zip(&contents) {
                last.clear();
                last.extend_from_slice(content);
            }
            return Ok(());
        }
        for level in &self.breaks {
            if level.once && !first_of_group {
                contents[level.column] = Cow::Borrowed(&[]);
            }
        }
        self.detail(&contents, &rec)?;
        if options.dbl_spc {
            self.page.blank()?;
        }
        Ok(())
    }

    fn detail(&mut self, contents: &[Cow<'_, [u8]>], rec: &Rec<'_>) -> Result<()> {
        let options = self.job.plan.options;
        self.line.clear();
        let mut first = true;
        let simple = self.columns.iter().zip(contents).filter(|(column, _)| column.width > 0).all(
            |(column, content)| {
                if !first {
                    self.line.resize(self.line.len() + self.gap, b' ');
                }
                first = false;
                column.write_line(content, rec, &mut self.line)
            },
        );
        if simple {
            return self.page.line(&self.line);
        }
        let stacks: Vec<Stack> =
            self.columns.iter().zip(contents).map(|(column, content)| column.stack(content, rec)).collect();
        let values = stacks.iter().map(Vec::len).max().unwrap_or(1);
        for value in 0..values {
            let subvalues =
                stacks.iter().filter_map(|stack| stack.get(value)).map(Vec::len).max().unwrap_or(1);
            for subvalue in 0..subvalues {
                let pieces: Vec<&[Vec<u8>]> = stacks
                    .iter()
                    .zip(self.columns)
                    .map(|(stack, column)| {
                        let single =
                            (options.repeating || column.repeat) && stack.len() == 1 && subvalue == 0;
                        let of = stack.get(value).or_else(|| stack.first().filter(|_| single));
                        of.and_then(|value| value.get(subvalue)).map_or(&[][..], Vec::as_slice)
                    })
                    .collect();
                self.lines(&pieces)?;
            }
        }
        Ok(())
    }

    /// Writes cells of several lines beside each other.
    fn lines(&mut self, cells: &[&[Vec<u8>]]) -> Result<()> {
        let height = cells.iter().map(|cell| cell.len()).max().unwrap_or(0).max(1);
        for row in 0..height {
            self.line.clear();
            let (mut start, mut used) = (0, 0);
            for (column, cell) in self.columns.iter().zip(cells).filter(|(column, _)| column.width > 0) {
                let piece = cell.get(row).map_or(&[][..], Vec::as_slice);
                if start > used {
                    self.line.resize(self.line.len() + start - used, b' ');
                    used = start;
                }
                if !piece.is_empty() {
                    self.line.extend_from_slice(piece);
                    used += width_of(piece);
                }
                start += column.width + self.gap;
                debug_assert!(used <= start || column.is_unbroken(), "a cell is as wide as its column");
            }
            self.page.line(&self.line)?;
        }
        Ok(())
    }

    /// The values of its groups go to the page heading.
    fn note_heading(&mut self, rec: &Rec<'_>) {
        if let Some((level, old)) = self.breaks.iter().zip(&self.old).find(|(level, _)| level.in_heading) {
            let column = &self.columns[level.column];
            self.page.facts().break_value = column.conversion.apply(old, rec).into_owned();
        }
    }

    /// Ends the groups from the innermost to `highest`, 0 for the first of the sentence.
    fn fire(&mut self, highest: usize, rec: &Rec<'_>) -> Result<()> {
        let (mut new_page, mut restart) = (false, false);
        for level in (highest..self.breaks.len()).rev() {
            self.end_group(level, rec)?;
            self.sums.close(level + 1);
            new_page |= self.breaks[level].new_page;
            restart |= self.breaks[level].restart;
        }
        if new_page { self.page.next(restart) } else { Ok(()) }
    }

    fn end_group(&mut self, level: usize, rec: &Rec<'_>) -> Result<()> {
        let columns = self.columns;
        let one = &self.breaks[level];
        let column = &columns[one.column];
        let value = std::mem::take(&mut self.old[level]);
        let has_sums = columns.iter().any(|column| column.aggregate != Aggregate::None);
        let results = self.sums.results(level + 1, columns, rec);
        let cells =
            |marks: Option<&str>, text: Option<Vec<u8>>, last: Option<&[Vec<u8>]>| -> Vec<Vec<Vec<u8>>> {
                columns
                    .iter()
                    .enumerate()
                    .map(|(at, other)| match (other.aggregate, marks) {
                        (Aggregate::None, _) if at == one.column => text.clone().into_iter().collect(),
                        (Aggregate::None, _) => {
                            last.map_or_else(Vec::new, |last| first_line(other, &last[at], rec))
                        }
                        (_, Some(mark)) => vec![mark.repeat(other.width).into_bytes()],
                        (_, None) => other.result_lines(&results[at], rec),
                    })
                    .collect()
            };
        let shown = column.conversion.apply(&value, rec).into_owned();
        let value_line = first_line(column, &value, rec).pop();
        let mut lines: Vec<Vec<Vec<Vec<u8>>>> = Vec::new();
        let text = one.line(&shown);
        let silent = one.single_silent && self.sums.details(level + 1) == 1;
        if self.job.plan.options.det_sup {
            lines.push(cells(None, value_line, Some(&self.last)));
        } else if !one.blank && !silent {
            if one.no_underline && has_sums {
                let text = if text.is_empty() { BREAK_TEXT.as_bytes().to_vec() } else { text };
                lines.push(cells(None, Some(column.text_line(&text)), None));
            } else if has_sums {
                lines.push(cells(Some("-"), Some(column.text_line(&text)), None));
                lines.push(cells(None, value_line, None));
            } else if column.width > 0 && !text.is_empty() {
                lines.push(cells(None, Some(column.text_line(&text)), None));
            }
        }
        self.old[level] = value;
        for line in &lines {
            let pieces: Vec<&[Vec<u8>]> = line.iter().map(Vec::as_slice).collect();
            self.lines(&pieces)?;
        }
        if self.job.plan.options.det_sup { Ok(()) } else { self.page.blank() }
    }

    /// The last breaks and the grand total.
    fn end(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let rec = Rec { id: b"", record: b"", context: self.job.context };
        if !self.breaks.is_empty() {
            self.fire_last(&rec)?;
        }
        let columns = self.columns;
        let text = GrandTotal::parse(self.job.plan.grand_total.as_deref());
        if text.silent || columns.iter().all(|column| column.aggregate == Aggregate::None) {
            return Ok(());
        }
        if text.new_page {
            self.page.next(false)?;
        }
        let results = self.sums.results(0, columns, &rec);
        let mut rule = vec![b' '; total_width(columns, self.gap).unwrap_or(0)];
        let mut start = 0;
        for column in columns.iter().filter(|column| column.width > 0) {
            if column.aggregate != Aggregate::None && !text.no_underline {
                rule[start..start + column.width].fill(b'=');
            }
            start += column.width + self.gap;
        }
        let caption = text.words.into_bytes();
        let length = caption.len().min(rule.len());
        rule[..length].copy_from_slice(&caption[..length]);
        if !text.no_underline || length > 0 {
            self.page.line(&rule)?;
        }
        let cells: Vec<Vec<Vec<u8>>> = columns
            .iter()
            .zip(&results)
            .map(|(column, result)| match column.aggregate {
                Aggregate::None => Vec::new(),
                _ => column.result_lines(result, &rec),
            })
            .collect();
        let pieces: Vec<&[Vec<u8>]> = cells.iter().map(Vec::as_slice).collect();
        self.lines(&pieces)
    }

    fn fire_last(&mut self, rec: &Rec<'_>) -> Result<()> {
        for level in (0..self.breaks.len()).rev() {
            self.end_group(level, rec)?;
            self.sums.close(level + 1);
        }
        Ok(())
    }
}

/// The first line of a content, if it has one.
fn first_line(column: &Column, content: &[u8], rec: &Rec<'_>) -> Vec<Vec<u8>> {
    column.stack(content, rec).into_iter().flatten().flatten().take(1).collect()
}

/// GRAND.TOTAL: its text and codes.
#[derive(Debug, Default)]
pub(super) struct GrandTotal {
    pub words: String,
    pub silent: bool,
    no_underline: bool,
    new_page: bool,
}

impl GrandTotal {
    pub(super) fn parse(text: Option<&str>) -> GrandTotal {
        let mut found = GrandTotal::default();
        for (index, part) in text.unwrap_or_default().split('\'').enumerate() {
            if index % 2 == 0 {
                found.words.push_str(part);
                continue;
            }
            let codes = part.to_ascii_uppercase();
            found.silent |= codes.contains('L');
            found.no_underline |= codes.contains('U');
            found.new_page |= codes.contains('P');
        }
        found
    }
}
