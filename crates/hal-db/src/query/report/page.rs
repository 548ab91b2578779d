//! Pages: heading, lines, footing. Counts lines, knows nothing of what stands in them.

use std::io;

use super::Screen;
use super::heading::Template;
use crate::Env;
use crate::error::{Error, Result};
use crate::query::plan::QueryPlan;

/// Where a report is written to, page by page.
pub(super) struct Page<'o> {
    out: &'o mut dyn io::Write,
    width: usize,
    /// Lines of a page, the last one left free; `None` for one page without end.
    lines: Option<usize>,
    /// Lines of a page as the footing fills it up; also where there is but one page.
    sheet: Option<usize>,
    heading: Option<Template>,
    footing: Option<Template>,
    column_heading: Vec<Vec<u8>>,
    env: Env,
    number: usize,
    /// Lines on this page.
    used: usize,
    begun: bool,
    margin: usize,
    facts: Facts,
}

/// What a heading may show of the records.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub file: String,
    pub id: Vec<u8>,
    pub break_value: Vec<u8>,
}

impl<'o> Page<'o> {
    pub(super) fn new(plan: &QueryPlan, screen: Screen, env: &Env, out: &'o mut dyn io::Write) -> Page<'o> {
        let default = || Template::of_sentence(&plan.sentence, screen.width);
        let heading = plan.heading.as_ref().map_or_else(default, |text| Template::parse(text));
        let sheet = screen.lines.map(|lines| lines.saturating_sub(1).max(4));
        Page {
            out,
            width: screen.width,
            lines: sheet.filter(|_| !plan.options.no_page),
            sheet,
            heading: (!plan.options.hdr_sup).then_some(heading),
            footing: plan.footing.as_ref().map(|text| Template::parse(text)),
            column_heading: Vec::new(),
            env: *env,
            number: 0,
            used: 0,
            begun: false,
            margin: plan.options.margin,
            facts: Facts { file: plan.file.clone(), ..Facts::default() },
        }
    }

    pub(super) fn width(&self) -> usize {
        self.width.saturating_sub(self.margin)
    }

    /// Lines that stand under each page heading.
    pub(super) fn set_column_heading(&mut self, lines: Vec<Vec<u8>>) {
        self.column_heading = lines;
    }

    pub(super) fn facts(&mut self) -> &mut Facts {
        &mut self.facts
    }

    /// Whether a heading was written.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Begins the report with its first heading.
    pub(super) fn begin(&mut self) -> Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        self.top()
    }

    /// Ends this page and begins another.
    pub(super) fn next(&mut self, restart: bool) -> Result<()> {
        self.bottom(self.lines)?;
        // Whoever shows pages one by one learns here that one is full.
        self.out
            .flush()
            .map_err(|error| Error::Store { doing: "write the report", reason: error.to_string() })?;
        if restart {
            self.number = 0;
        }
        self.top()
    }

    /// One line of a report; spaces at its end are cut.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<()> {
        self.begin()?;
        if let Some(lines) = self.lines
            && self.used >= lines - self.footing_lines().min(lines / 2)
        {
            self.next(false)?;
        }
        self.put(line)
    }

    pub(super) fn blank(&mut self) -> Result<()> {
        self.line(&[])
    }

    /// A line that belongs to no page.
    pub(super) fn bare(&mut self, line: &[u8]) -> Result<()> {
        self.put(line)
    }

    /// Ends the report: fills up the page where it has a footing.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.begun { self.bottom(self.sheet) } else { Ok(()) }
    }

    fn put(&mut self, line: &[u8]) -> Result<()> {
        let end = line.iter().rposition(|&b| b != b' ').map_or(0, |at| at + 1);
        if end > 0 && self.margin > 0 {
            self.write(" ".repeat(self.margin).as_bytes())?;
        }
        self.write(&line[..end])?;
        self.newline()
    }

    fn newline(&mut self) -> Result<()> {
        self.used += 1;
        self.write(b"\n")
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out
            .write_all(bytes)
            .map_err(|error| Error::Store { doing: "write the report", reason: error.to_string() })
    }

    fn footing_lines(&self) -> usize {
        self.footing.as_ref().map_or(0, Template::lines)
    }

    fn top(&mut self) -> Result<()> {
        self.number += 1;
        self.used = 0;
        if let Some(heading) = self.heading.take() {
            for line in heading.fill(self.width, self.number, &self.env, &self.facts) {
                self.write(&line)?;
                self.newline()?;
            }
            self.heading = Some(heading);
        }
        let lines = std::mem::take(&mut self.column_heading);
        for line in &lines {
            // Spaces at the end of these stay, as users of QM know it.
            self.write(" ".repeat(self.margin).as_bytes())?;
            self.write(line)?;
            self.newline()?;
        }
        self.column_heading = lines;
        Ok(())
    }

    fn bottom(&mut self, lines: Option<usize>) -> Result<()> {
        let Some(footing) = self.footing.take() else { return Ok(()) };
        if let Some(lines) = lines {
            for _ in self.used..lines.saturating_sub(footing.lines()) {
                self.newline()?;
            }
        }
        for line in footing.fill(self.width, self.number, &self.env, &self.facts) {
            self.write(&line)?;
            self.newline()?;
        }
        self.footing = Some(footing);
        Ok(())
    }
}
