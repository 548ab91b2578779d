//! `hal db import` and `hal db export`: one file as CSV or JSON, typed by its dictionary.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use hal_db::export::table::{self, TableExport};
use hal_db::import;

use super::{env, explain, open, open_reading};
use crate::report::{self, Exit, Failure};

/// Read a CSV or JSON file into a file of the database: every record, or none.
///
/// The first line of a CSV names the fields, the members of a JSON object do. Each
/// refused row is listed with its line (JSON: its number) and reason.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file; one that ends in .json or .jsonl is JSON, any other CSV.
    #[arg(value_name = "FILE.csv|FILE.json")]
    path: PathBuf,
    /// File of the database [default: the given file's name in capitals].
    #[arg(long, value_name = "NAME")]
    file: Option<String>,
}

/// Write a file of the database as CSV or JSON.
///
/// Dates are 2026-11-24, times 08:12:00, money 12.50, as the dictionary tells which is
/// which. `hal db import` reads what this writes.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// File of the database.
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    form: Form,
    /// Write to this new file instead of stdout.
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Form {
    /// A line of names, then a line for each record.
    #[arg(long)]
    csv: bool,
    /// An array with a record on each line.
    #[arg(long)]
    json: bool,
}

impl Import {
    pub(super) fn run(self, data: Option<PathBuf>) -> Result<Exit, Failure> {
        let stem = self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let file = self.file.unwrap_or_else(|| stem.to_uppercase());
        let reader = File::open(&self.path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", self.path.display())))?;
        let db = open(data)?;
        let reader = BufReader::new(reader);
        let done = if is_json(&self.path) {
            import::json(&db, &file, reader, &env())
        } else {
            import::csv(&db, &file, reader, &env())
        };
        let done = done.map_err(explain)?;
        if done.refused_count == 0 {
            report::talk(format_args!("{file}: {} records written", done.written));
            return Ok(Exit::Done);
        }
        for refusal in &done.refused {
            report::talk(format_args!("{}:{}: {}", self.path.display(), refusal.line, refusal.reason));
        }
        if done.refused_count > done.refused.len() {
            report::talk(format_args!("… and {} more", done.refused_count - done.refused.len()));
        }
        let (refused, read) = (done.refused_count, done.read);
        Err(Failure::new(format!("{refused} of {read} rows were refused, so none was written to {file}"))
            .hint("correct them and import the file again"))
    }
}

fn is_json(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["json", "jsonl", "ndjson"].iter().any(|known| known.eq_ignore_ascii_case(extension))
}

impl Export {
    pub(super) fn run(self, data: Option<PathBuf>) -> Result<Exit, Failure> {
        let db = open_reading(data)?;
        let snapshot = db.snapshot().map_err(explain)?;
        let write = |out: &mut dyn std::io::Write| {
            let write = if self.form.json { table::json } else { table::csv };
            write(&snapshot, &self.file, out, &env()).map_err(explain)
        };
        let done = match &self.output {
            None => {
                // Whole, so that a reader that goes away ends it quietly like any other output.
                let mut bytes = Vec::new();
                let done = write(&mut bytes)?;
                report::data(&String::from_utf8_lossy(&bytes))?;
                done
            }
            Some(path) => {
                let unwritable = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
                let mut out = BufWriter::new(File::create_new(path).map_err(unwritable)?);
                let written = write(&mut out).and_then(|done| {
                    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(unwritable)?;
                    Ok(done)
                });
                if written.is_err() {
                    std::fs::remove_file(path).ok();
                }
                written?
            }
        };
        tell(&self.file, &done, self.form.csv);
        Ok(Exit::Done)
    }
}

fn tell(file: &str, done: &TableExport, csv: bool) {
    report::talk(format_args!("{file}: {} records", done.records));
    if done.raw > 0 {
        report::talk(format_args!(
            "{} values do not fit the type of their field: written as stored",
            done.raw
        ));
    }
    if done.bytes > 0 && csv {
        report::talk(format_args!(
            "{} values are no text and cannot be read back: JSON keeps them",
            done.bytes
        ));
    }
    if done.cut > 0 {
        report::talk(format_args!("{} records have more fields than are written", done.cut));
    }
}
