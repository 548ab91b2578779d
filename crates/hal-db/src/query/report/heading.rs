//! Headings and footings: text with codes in single quotes (11.12). Knows no pages, only their numbers.

use unicode_width::UnicodeWidthStr;

use super::page::Facts;
use crate::Env;
use crate::conv;
use crate::fmt::cut;

/// Digits of a page number without a width of its own.
const PAGE_WIDTH: usize = 4;

/// A heading ready to be filled in.
#[derive(Debug)]
pub(super) struct Template {
    lines: Vec<Line>,
}

#[derive(Debug, Default)]
struct Line {
    parts: Vec<Part>,
    centred: bool,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Gap,
    /// To this column, from 1.
    Column(usize),
    Date,
    TimeAndDate,
    File(usize),
    Id(usize),
    Break(usize),
    /// Right justified in a width, or as it is.
    Page {
        width: usize,
        right: bool,
    },
}

impl Template {
    /// The heading that a report has of itself: the sentence, and the page behind it; the last column stays free.
    pub(super) fn of_sentence(sentence: &str, width: usize) -> Template {
        let sentence = cut(sentence, width.saturating_sub(11)).to_owned();
        let end = width.saturating_sub("Page 1".len()).max(sentence.width() + 2);
        let parts = vec![
            Part::Text(sentence),
            Part::Column(end),
            Part::Text("Page ".to_owned()),
            Part::Page { width: 0, right: false },
        ];
        Template { lines: vec![Line { parts, centred: false }] }
    }

    pub(super) fn parse(text: &str) -> Template {
        let mut lines = vec![Line::default()];
        let mut chars = text.chars().peekable();
        let mut words = String::new();
        let mut codes = false;
        while let Some(c) = chars.next() {
            let line = lines.last_mut().expect("there is a first line");
            if c == '\'' {
                if !codes && chars.peek() == Some(&'\'') {
                    chars.next();
                    words.push('\'');
                } else {
                    codes = !codes;
                }
                continue;
            }
            if !codes {
                words.push(c);
                continue;
            }
            if !words.is_empty() {
                line.parts.push(Part::Text(std::mem::take(&mut words)));
            }
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            let number: usize = digits.parse().unwrap_or(0).min(crate::fmt::WIDTH_MAX);
            match c.to_ascii_uppercase() {
                'C' => line.centred = true,
                'D' => line.parts.push(Part::Date),
                'T' => line.parts.push(Part::TimeAndDate),
                'F' => line.parts.push(Part::File(number)),
                'I' | 'R' => line.parts.push(Part::Id(number)),
                'B' => line.parts.push(Part::Break(number)),
                'G' => line.parts.push(Part::Gap),
                'H' => line.parts.push(Part::Column(number)),
                'P' => line
                    .parts
                    .push(Part::Page { width: if number > 0 { number } else { PAGE_WIDTH }, right: true }),
                'S' => line.parts.push(Part::Page { width: number, right: false }),
                'L' => lines.push(Line::default()),
                // N and O say how pages turn on a device that waits for a key; there is none here.
                _ => {}
            }
        }
        if let Some(line) = lines.last_mut()
            && !words.is_empty()
        {
            line.parts.push(Part::Text(words));
        }
        Template { lines }
    }

    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// The lines of a page.
    pub(super) fn fill(&self, width: usize, page: usize, env: &Env, facts: &Facts) -> Vec<Vec<u8>> {
        self.lines.iter().map(|line| line.fill(width, page, env, facts)).collect()
    }
}

impl Line {
    fn fill(&self, width: usize, page: usize, env: &Env, facts: &Facts) -> Vec<u8> {
        let mut shown = vec![String::new()];
        for part in &self.parts {
            let text = match part {
                Part::Gap => {
                    shown.push(String::new());
                    continue;
                }
                Part::Column(column) => {
                    let used: usize = shown.iter().map(|text| text.width()).sum();
                    " ".repeat(column.saturating_sub(1).saturating_sub(used))
                }
                Part::Text(text) => text.clone(),
                Part::Date => day(env.today),
                Part::TimeAndDate => {
                    let (h, m, s) = (env.second / 3600, env.second / 60 % 60, env.second % 60);
                    format!("{h:02}:{m:02}:{s:02} {}", day(env.today))
                }
                Part::File(width) => format!("{:<width$}", facts.file),
                Part::Id(width) => format!("{:<width$}", crate::dynarray::text(&facts.id)),
                Part::Break(width) => format!("{:<width$}", crate::dynarray::text(&facts.break_value)),
                Part::Page { width, right: true } => format!("{page:>width$}"),
                Part::Page { width, right: false } => format!("{page:<width$}"),
            };
            if let Some(last) = shown.last_mut() {
                last.push_str(&text);
            }
        }
        let used: usize = shown.iter().map(|text| text.width()).sum();
        let gaps = shown.len() - 1;
        let free = width.saturating_sub(used);
        let mut line = String::new();
        if self.centred {
            line.push_str(&" ".repeat(free / 2));
        }
        for (index, text) in shown.iter().enumerate() {
            if index > 0 && !self.centred {
                // What does not divide goes to the last gaps.
                line.push_str(&" ".repeat(free * index / gaps - free * (index - 1) / gaps));
            }
            line.push_str(text);
        }
        line.into_bytes()
    }
}

fn day(today: i64) -> String {
    let (shown, _) = conv::oconv(today.to_string().as_bytes(), "D");
    String::from_utf8_lossy(&shown).into_owned()
}
