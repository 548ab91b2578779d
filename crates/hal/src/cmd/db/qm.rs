//! `hal db import-qm` and `hal db export-qm`: accounts of OpenQM and ScarletDME, from and to their files on disk.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hal_db::export::{self, ExportOptions};
use hal_db::hashed::{Encoding, Flavour};
use hal_db::import::{self, AccountOptions, AccountReport, FileReport, Skip};

use super::{data_dir, env, explain, open_or_make, open_reading};
use crate::report::{self, Exit, Failure};

/// Skipped things shown for the account, and for each file.
const SHOWN: usize = 8;

/// Bring in an OpenQM or ScarletDME account from its folder.
///
/// Copy the account while the engine is stopped, or stop it for the import. Each file
/// goes in with its dictionary and indices, whole or not at all; what is left out is
/// listed with the reason. A folder of hashed files, or one file, will do as well.
#[derive(Debug, Args)]
pub(super) struct ImportQm {
    /// The account's folder, the one that holds VOC.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Encoding of the account's text.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = TextEncoding::Utf8)]
    encoding: TextEncoding,
    /// Replace files that hold records already.
    #[arg(long)]
    replace: bool,
    /// Drop the compiled form of dictionary expressions (fields 13 and up).
    #[arg(long)]
    drop_object_code: bool,
}

/// Write the database as an OpenQM or ScarletDME account.
///
/// Records are byte-identical to those imported. Every file is read back and compared
/// before the folder appears. In the engine, the paragraph HAL.INDICES builds the indices.
#[derive(Debug, Args)]
pub(super) struct ExportQm {
    /// A new folder for the account.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The engine that will read it.
    #[arg(long = "for", value_enum, value_name = "ENGINE", default_value_t = Engine::Openqm)]
    engine: Engine,
    /// Encoding of files that were not imported.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = TextEncoding::Utf8)]
    encoding: TextEncoding,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TextEncoding {
    /// UTF-8 or plain ASCII: bytes are kept.
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
    /// ISO 8859-1.
    #[value(name = "latin1", alias = "latin-1", alias = "iso-8859-1")]
    Latin1,
    /// Windows-1252, what Windows writes in western Europe.
    #[value(name = "windows-1252", alias = "cp1252")]
    Windows1252,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Engine {
    /// Subfiles %0, %1.
    Openqm,
    /// Subfiles ~0, ~1.
    Scarletdme,
}

impl From<TextEncoding> for Encoding {
    fn from(encoding: TextEncoding) -> Encoding {
        match encoding {
            TextEncoding::Utf8 => Encoding::Bytes,
            TextEncoding::Latin1 => Encoding::Latin1,
            TextEncoding::Windows1252 => Encoding::Windows1252,
        }
    }
}

impl ImportQm {
    pub(super) fn run(self, data: Option<PathBuf>) -> Result<Exit, Failure> {
        let dir = data_dir(data)?;
        // Before a folder for the database is made: a mistyped account should leave nothing behind.
        if !self.path.is_dir() {
            return Err(Failure::new(format!("{} is not a folder", self.path.display()))
                .hint("name the account's folder, the one that holds VOC"));
        }
        let db = open_or_make(&dir)?;
        let options = AccountOptions {
            encoding: self.encoding.into(),
            replace: self.replace,
            drop_object_code: self.drop_object_code,
        };
        let done = import::account(&db, &self.path, &options).map_err(explain)?;
        for file in &done.files {
            tell_file(file);
        }
        tell_account(&done, self.replace);
        if done.files.is_empty() {
            return Err(Failure::new(format!("nothing of {} was imported", self.path.display())));
        }
        let records: usize = done.files.iter().map(|file| file.records).sum();
        let (files, voc) = (done.files.len(), done.voc);
        report::data(&format!("{files} files, {records} records, {voc} VOC items imported\n"))?;
        // Something of the account is missing: a script should notice.
        let lost = !done.skipped.is_empty() || done.files.iter().any(|file| file.skipped_count > 0);
        Ok(if lost { Exit::NothingToSay } else { Exit::Done })
    }
}

fn tell_file(file: &FileReport) {
    let mut line = counts(&file.name, file.records, file.items);
    if !file.indices.is_empty() {
        line.push_str(&format!(", {}", count(file.indices.len(), "index", "indices")));
    }
    report::talk(line);
    for note in &file.notes {
        report::talk(format_args!("  {note}"));
    }
    tell_skips("  ", &file.skipped, file.skipped_count);
}

fn counts(name: &str, records: usize, items: usize) -> String {
    let records = count(records, "record", "records");
    format!("{name}: {records}, {}", count(items, "dictionary item", "dictionary items"))
}

fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn tell_skips(indent: &str, named: &[Skip], count: u64) {
    for skip in named.iter().take(SHOWN) {
        report::talk(format_args!("{indent}skipped {}: {}", skip.what, skip.reason));
    }
    let shown = named.len().min(SHOWN) as u64;
    if count > shown {
        report::talk(format_args!("{indent}… and {} more", count - shown));
    }
}

fn tell_account(done: &AccountReport, replace: bool) {
    if !done.voc_left.is_empty() {
        let kinds: Vec<String> =
            done.voc_left.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        report::talk(format_args!("left in the VOC, as they belong to the engine: {}", kinds.join(", ")));
    }
    tell_skips("", &done.outside, done.outside.len() as u64);
    tell_skips("", &done.skipped, done.skipped.len() as u64);
    if !replace && done.skipped.iter().any(|skip| skip.reason.contains("records already")) {
        report::hint("--replace puts the account's files in the place of those that hold records");
    }
}

impl ExportQm {
    pub(super) fn run(self, data: Option<PathBuf>) -> Result<Exit, Failure> {
        let db = open_reading(data)?;
        let flavour = match self.engine {
            Engine::Openqm => Flavour::OpenQm,
            Engine::Scarletdme => Flavour::ScarletDme,
        };
        let options = ExportOptions { flavour, encoding: self.encoding.into() };
        let snapshot = db.snapshot().map_err(explain)?;
        let done = export::account(&snapshot, &self.path, &options, &env()).map_err(explain)?;
        for file in &done.files {
            report::talk(counts(&file.name, file.records, file.items));
        }
        if !done.empty.is_empty() {
            report::talk(format_args!("left out, as they hold nothing: {} files", done.empty.len()));
        }
        tell_skips("", &done.skipped, done.skipped.len() as u64);
        let records: usize = done.files.iter().map(|file| file.records).sum();
        let summary =
            format!("{} files, {records} records exported to {}\n", done.files.len(), shown(&self.path));
        report::data(&summary)?;
        Ok(if done.skipped.is_empty() { Exit::Done } else { Exit::NothingToSay })
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
