//! Rows as text: columns with dotted headings, or one line an item where they do not fit. Knows no terminal.

use unicode_width::UnicodeWidthStr;

use super::plan::Verb;
use super::rows::{Cell, Column, Rows};
use crate::fmt::{Format, Justify, cut, pad};

/// Spaces between columns, where there is room.
const GAP_MAX: usize = 3;
/// Characters of an item's name in a vertical report.
const VERTICAL_NAME: usize = 12;

/// Lays out rows as text for a terminal of `width` columns; lines end in a newline, trailing spaces are cut.
#[must_use]
pub fn report(rows: &Rows, width: usize) -> String {
    let mut out = Out { text: String::new() };
    if !rows.rows.is_empty() && !matches!(rows.verb, Verb::Select | Verb::Sselect | Verb::Count) {
        let columns: Vec<Layout> = rows.columns.iter().map(Layout::new).collect();
        if !rows.options.hdr_sup {
            out.line(&page_heading(&rows.sentence, width));
        }
        match gap(&columns, width) {
            Some(gap) if !rows.options.vertical => tabular(&mut out, rows, &columns, gap),
            _ => vertical(&mut out, rows),
        }
    }
    if !rows.options.count_sup {
        if !rows.rows.is_empty() && !matches!(rows.verb, Verb::Select | Verb::Sselect | Verb::Count) {
            out.blank();
        }
        out.line(&count_line(rows));
    }
    for id in &rows.missing {
        out.line(&format!("'{id}' not found"));
    }
    out.text
}

struct Out {
    text: String,
}

impl Out {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end_matches(' '));
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }
}

/// A column ready to be printed.
struct Layout {
    format: Format,
    width: usize,
    heading: Vec<String>,
    fill: char,
    right_heading: bool,
}

impl Layout {
    fn new(column: &Column) -> Layout {
        let format = Format::parse(&column.item.format).unwrap_or_else(|| {
            Format::parse(crate::dict::FORMAT_DEFAULT).expect("the default format is one")
        });
        let mut heading = column.item.heading.clone();
        let (mut fill, mut right_heading) = ('.', false);
        for (prefix, right, blank) in [("'RX'", true, true), ("'R'", true, false), ("'X'", false, true)] {
            if let Some(rest) = heading.first().and_then(|line| line.strip_prefix(prefix)) {
                heading[0] = rest.to_owned();
                right_heading = right;
                fill = if blank { ' ' } else { '.' };
                break;
            }
        }
        let longest = heading.iter().map(|line| line.width()).max().unwrap_or(0);
        let format = format.widened(longest);
        Layout { width: format.width(), format, heading, fill, right_heading }
    }

    fn heading_line(&self, number: usize) -> String {
        let justify = if self.right_heading { Justify::Right } else { Justify::Left };
        match self.heading.get(number) {
            Some(line) => pad(line, self.width, justify, self.fill),
            None => " ".repeat(self.width),
        }
    }
}

/// The widest gap that lets the columns fit; `None` when even one space does not.
fn gap(columns: &[Layout], width: usize) -> Option<usize> {
    let shown: Vec<usize> = columns.iter().map(|column| column.width).filter(|width| *width > 0).collect();
    let total: usize = shown.iter().sum();
    (1..=GAP_MAX).rev().find(|gap| total + gap * shown.len().saturating_sub(1) <= width)
}

fn page_heading(sentence: &str, width: usize) -> String {
    let page = "Page 1";
    let room = width.saturating_sub(10);
    let sentence = cut(sentence, room);
    // QM leaves the last column free.
    let spaces = width.saturating_sub(sentence.width() + page.len() + 1).max(1);
    format!("{sentence}{}{page}", " ".repeat(spaces))
}

fn tabular(out: &mut Out, rows: &Rows, columns: &[Layout], gap: usize) {
    let join = |cells: Vec<String>| {
        let shown =
            cells.into_iter().zip(columns).filter(|(_, column)| column.width > 0).map(|(cell, _)| cell);
        shown.collect::<Vec<_>>().join(&" ".repeat(gap))
    };
    if !rows.options.col_sup {
        for number in 0..columns.iter().map(|column| column.heading.len()).max().unwrap_or(0) {
            out.line(&join(columns.iter().map(|column| column.heading_line(number)).collect()));
        }
    }
    if !rows.options.det_sup {
        for row in &rows.rows {
            let stacks: Vec<Vec<Vec<String>>> =
                row.cells.iter().zip(columns).map(|(cell, column)| stack(cell, &column.format)).collect();
            for lines in printed_lines(&stacks) {
                let padded = lines.into_iter().zip(columns).map(|(line, column)| {
                    line.map_or_else(
                        || " ".repeat(column.width),
                        |line| pad(line, column.width, Justify::Left, ' '),
                    )
                });
                out.line(&join(padded.collect()));
            }
            if rows.options.dbl_spc {
                out.blank();
            }
        }
    }
    if let Some(totals) = &rows.totals {
        let rule = columns
            .iter()
            .zip(&rows.columns)
            .map(|(layout, column)| (if column.total { "=" } else { " " }).repeat(layout.width));
        out.line(&join(rule.collect()));
        let cells = totals.iter().zip(columns).map(|(cell, column)| {
            stack(cell, &column.format)
                .into_iter()
                .flatten()
                .next()
                .unwrap_or_else(|| " ".repeat(column.width))
        });
        out.line(&join(cells.collect()));
    }
}

/// The lines of a cell: for each value, for each subvalue, its formatted pieces.
fn stack(cell: &Cell, format: &Format) -> Vec<Vec<String>> {
    cell.shown
        .iter()
        .map(|value| {
            let parts = value.split(['\u{FC}', '\u{FB}']);
            parts.flat_map(|part| format.lines(part)).collect()
        })
        .collect()
}

/// Lines across all columns: value by value, each as high as its highest cell.
fn printed_lines(stacks: &[Vec<Vec<String>>]) -> Vec<Vec<Option<&str>>> {
    let values = stacks.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let mut lines = Vec::new();
    for value in 0..values {
        let height =
            stacks.iter().filter_map(|stack| stack.get(value)).map(Vec::len).max().unwrap_or(0).max(1);
        for line in 0..height {
            let piece = |stack: &'_ Vec<Vec<String>>| -> Option<usize> {
                stack.get(value).filter(|pieces| line < pieces.len()).map(|_| value)
            };
            lines.push(
                stacks.iter().map(|stack| piece(stack).map(|value| stack[value][line].as_str())).collect(),
            );
        }
    }
    lines
}

fn vertical(out: &mut Out, rows: &Rows) {
    let print = |out: &mut Out, cells: &[Cell], only_totals: bool| {
        for (cell, column) in cells.iter().zip(&rows.columns) {
            if only_totals && !column.total {
                continue;
            }
            let name =
                pad(cut(&column.item.heading.join(" "), VERTICAL_NAME), VERTICAL_NAME, Justify::Left, '.');
            let mut head = format!("{name} : ");
            let format = Format::parse(&column.item.format);
            let lines = cell.shown.iter().flat_map(|value| value.split(['\u{FC}', '\u{FB}']));
            let mut lines =
                lines.map(|line| format.as_ref().map_or(line.to_owned(), |format| unpadded(format, line)));
            out.line(&format!("{head}{}", lines.next().unwrap_or_default()));
            head = " ".repeat(VERTICAL_NAME + 3);
            for line in lines {
                out.line(&format!("{head}{line}"));
            }
        }
        out.blank();
    };
    if !rows.options.det_sup {
        for row in &rows.rows {
            print(out, &row.cells, false);
        }
    }
    if let Some(totals) = &rows.totals {
        out.line(&"=".repeat(VERTICAL_NAME));
        print(out, totals, true);
    }
}

/// The value with the format's decimals and commas, on one line and without its field.
fn unpadded(format: &Format, line: &str) -> String {
    let joined = format.lines(line).join("");
    joined.trim().to_owned()
}

fn count_line(rows: &Rows) -> String {
    let n = rows.count;
    match rows.verb {
        Verb::List | Verb::Sort => format!("{n} record(s) listed"),
        Verb::Count => format!("{n} record(s) counted"),
        Verb::Select | Verb::Sselect => format!("{n} record(s) selected to list 0"),
    }
}

#[cfg(test)]
mod tests;
