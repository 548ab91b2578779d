//! Counts rows and listings that agree with the engine the samples were made on, and keeps those that do not.
//!
//! A row that differs is either wrong or overruled: `truth-exceptions.tsv` lists what the specification decided otherwise,
//! by section. Overruled rows are counted apart and never as passed.

use std::fmt::Write as _;
use std::path::Path;

/// Share of rows of a table that may be wrong before the run fails, in percent.
const WRONG_PERCENT_MAX: usize = 3;

/// What came of all tables, in the order in which they were begun.
#[derive(Debug, Default)]
pub(crate) struct Report {
    tables: Vec<Table>,
    exceptions: Vec<Exception>,
}

/// What came of one table.
#[derive(Debug, Default)]
struct Table {
    name: String,
    passed: usize,
    wrong: Vec<Difference>,
    overruled: Vec<Difference>,
}

/// One row that differs.
#[derive(Debug)]
struct Difference {
    row: String,
    expected: String,
    got: String,
    section: String,
}

/// One line of `truth-exceptions.tsv`: rows that a section of the specification decides otherwise.
#[derive(Debug)]
struct Exception {
    table: String,
    row: String,
    expected: String,
    section: String,
}

impl Report {
    /// An empty report with the exceptions of a file; no file, no exceptions.
    ///
    /// Its lines are `table TAB row TAB expected TAB section`; `*` stands for any text, `#` begins a comment.
    pub(crate) fn with_exceptions(file: &Path) -> Report {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let exceptions = lines.filter_map(|line| {
            let mut cells = line.split('\t').map(str::to_owned);
            let (table, row, expected) = (cells.next()?, cells.next()?, cells.next()?);
            Some(Exception { table, row, expected, section: cells.next()? })
        });
        Report { tables: Vec::new(), exceptions: exceptions.collect() }
    }

    /// Notes one row: passed when `got` is what was `expected`, byte for byte, else wrong or overruled.
    ///
    /// `row` names it for a person and for the exceptions: function and arguments with ` | ` between, or a command.
    pub(crate) fn check(&mut self, table: &str, row: &str, expected: &str, got: &str) {
        let at = self.table(table);
        if expected == got {
            self.tables[at].passed += 1;
            return;
        }
        let exception = self.exceptions.iter().find(|exception| exception.covers(table, row, expected));
        let section = exception.map(|exception| exception.section.clone());
        let difference = Difference {
            row: row.to_owned(),
            expected: expected.to_owned(),
            got: got.to_owned(),
            section: section.clone().unwrap_or_default(),
        };
        let table = &mut self.tables[at];
        if section.is_some() { table.overruled.push(difference) } else { table.wrong.push(difference) }
    }

    /// Notes a table that could not be read: it counts as wrong.
    pub(crate) fn missing(&mut self, table: &str, why: &str) {
        self.check(table, "(the whole table)", "readable", why);
    }

    fn table(&mut self, name: &str) -> usize {
        let known = self.tables.iter().position(|table| table.name == name);
        known.unwrap_or_else(|| {
            self.tables.push(Table { name: name.to_owned(), ..Table::default() });
            self.tables.len() - 1
        })
    }

    /// Whether no table has too many wrong rows, and there was a table at all.
    pub(crate) fn is_good(&self) -> bool {
        let good = |table: &Table| table.wrong.len() * 100 <= table.total() * WRONG_PERCENT_MAX;
        !self.tables.is_empty() && self.tables.iter().all(good)
    }

    /// Number of rows that are wrong, in all tables.
    #[allow(dead_code, reason = "asked by the test, not by the program")]
    pub(crate) fn wrong(&self) -> usize {
        self.tables.iter().map(|table| table.wrong.len()).sum()
    }

    /// The report for a person: each wrong row, then `table passed/total` a line each. `all` shows overruled rows too.
    pub(crate) fn to_text(&self, all: bool) -> String {
        let mut text = String::new();
        for table in &self.tables {
            let overruled = table.overruled.iter().filter(|_| all);
            for difference in table.wrong.iter().chain(overruled) {
                difference.write_to(&mut text, &table.name);
            }
        }
        let (mut total, mut overruled) = (0, 0);
        for table in &self.tables {
            let _infallible = write!(text, "{} {}/{}", table.name, table.passed, table.total());
            let _infallible = match table.overruled.len() {
                0 => writeln!(text),
                count => writeln!(text, "  ({} wrong, {count} overruled by spec.md)", table.wrong.len()),
            };
            total += table.total();
            overruled += table.overruled.len();
        }
        let per_mille = (overruled * 1000).checked_div(total).unwrap_or_default();
        let percent = format!("{}.{} %", per_mille / 10, per_mille % 10);
        let _infallible = writeln!(text, "overruled: {overruled} of {total} rows, {percent}");
        text
    }
}

impl Table {
    fn total(&self) -> usize {
        self.passed + self.wrong.len() + self.overruled.len()
    }
}

impl Difference {
    fn write_to(&self, text: &mut String, table: &str) {
        let one_line = !self.expected.contains('\n') && !self.got.contains('\n');
        let _infallible = match (one_line, self.section.as_str()) {
            (true, "") => {
                writeln!(text, "{table}: {}: expected {}, got {}", self.row, self.expected, self.got)
            }
            (true, section) => writeln!(
                text,
                "{table}: {}: overruled by {section}: expected {}, got {}",
                self.row, self.expected, self.got
            ),
            (false, section) => writeln!(
                text,
                "{table}: {} {section}\n--- expected\n{}\n--- got\n{}\n---",
                self.row, self.expected, self.got
            ),
        };
    }
}

impl Exception {
    fn covers(&self, table: &str, row: &str, expected: &str) -> bool {
        self.table == table
            && matches(self.row.as_bytes(), row.as_bytes())
            && matches(self.expected.as_bytes(), expected.as_bytes())
    }
}

/// Whether `text` is `pattern`, in which `*` stands for any text and `\*` for a star.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'\\', b'*', rest @ ..] => text.first() == Some(&b'*') && matches(rest, &text[1..]),
        [b'*', rest @ ..] => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
        [byte, rest @ ..] => text.first() == Some(byte) && matches(rest, &text[1..]),
    }
}
