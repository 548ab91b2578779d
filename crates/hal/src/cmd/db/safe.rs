//! `hal db backup`, `restore`, `verify` and `compact`: keeping the records safe, also while a server holds them.

use std::path::PathBuf;

use clap::Args;
use hal_db::verify::{Pages, Verification};
use hal_db::{backup, compact, verify};
use hal_server::backups;
use hal_server::clock::Clock;

use super::{data_dir, existing, explain, locked, open_reading};
use crate::report::{self, Exit, Failure};

/// Copy the whole database into one new file, also while `hal serve` runs.
///
/// The file shows one moment, carries checksums, and can be read by you alone.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// A new file. Without it: one in `backups` in the database's folder, of which the
    /// last ten are kept; it is read back and compared.
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
}

/// Make the database from a backup.
///
/// The backup is checked before anything is written.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// A file that `hal db backup` made.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Take the place of the database that is there; it is kept beside.
    #[arg(long)]
    replace: bool,
}

/// Check every record, index and page of the database, or a backup.
///
/// While `hal serve` runs, the pages are left out.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A backup to check instead of the database.
    #[arg(value_name = "BACKUP")]
    backup: Option<PathBuf>,
}

/// Make the file of the database as small as what it holds.
///
/// It is written anew beside, compared, and then put in its place: an interruption loses
/// nothing. Nobody may have the database open, and the disk needs room for both.
#[derive(Debug, Args)]
pub(super) struct Compact {}

impl Compact {
    pub(super) fn run(self, data: Option<PathBuf>) -> Result<Exit, Failure> {
        let dir = existing(data)?;
        let done = compact::account(&dir).map_err(|error| locked(error, &dir))?;
        let (before, after) = (size(done.before), size(done.after));
        report::data(&format!(
            "{}: {before} before, {after} now, {} entries\n",
            dir.display(),
            done.entries
        ))?;
        Ok(Exit::Done)
    }
}

impl Backup {
    pub(super) fn run(self, data: Option<PathBuf>) -> Result<Exit, Failure> {
        let folder = existing(data)?;
        let db = open_reading(Some(folder.clone()))?;
        let (path, done) = match self.path {
            Some(path) => {
                let snapshot = db.snapshot().map_err(explain)?;
                let done = snapshot.backup(&path).map_err(explain)?;
                (path, done)
            }
            None => backups::make(&db, &folder.join(backups::FOLDER), Clock::start().unix_ms())
                .map_err(explain)?,
        };
        let path = path.display();
        report::data(&format!(
            "{path}: {} entries, {}, commit {}\n",
            done.entries,
            size(done.bytes),
            done.commit
        ))?;
        Ok(Exit::Done)
    }
}

impl Restore {
    pub(super) fn run(self, data: Option<PathBuf>) -> Result<Exit, Failure> {
        let dir = data_dir(data)?;
        let done = backup::restore(&self.path, &dir, self.replace).map_err(|error| locked(error, &dir))?;
        let dir = dir.display();
        report::data(&format!("{dir}: {} entries restored, commit {}\n", done.entries, done.commit))?;
        Ok(Exit::Done)
    }
}

impl Verify {
    pub(super) fn run(self, data: Option<PathBuf>) -> Result<Exit, Failure> {
        if let Some(path) = self.backup {
            let found = backup::check(&path).map_err(explain)?;
            let (entries, bytes) = (found.entries, size(found.bytes));
            report::data(&format!("{}: sound, {entries} entries, {bytes}\n", path.display()))?;
            return Ok(Exit::Done);
        }
        let dir = existing(data)?;
        let found = verify::account(&dir).map_err(|error| locked(error, &dir))?;
        report::data(&in_words(&found))?;
        if found.is_sound() {
            return Ok(Exit::Done);
        }
        let many = found.finding_count;
        let what = if many == 1 { "1 thing is".to_owned() } else { format!("{many} things are") };
        Err(Failure::new(format!("{what} wrong with the database in {}", dir.display()))
            .hint("keep a copy of its folder, then restore a backup: `hal db restore PATH --replace`"))
    }
}

fn in_words(found: &Verification) -> String {
    let mut text = String::new();
    for finding in &found.findings {
        text.push_str(&format!("{finding}\n"));
    }
    let named = found.findings.len() as u64;
    if found.finding_count > named {
        text.push_str(&format!("… and {} more\n", found.finding_count - named));
    }
    let Verification { files, records, indices, entries, .. } = found;
    if found.pages != Pages::Damaged {
        text.push_str(&format!("{files} files, {records} records, {}\n", size(found.bytes)));
        text.push_str(&format!(
            "{indices} indices, {entries} entries, compared with the records both ways\n"
        ));
    }
    text.push_str(match found.pages {
        Pages::Sound => "pages: each fits its checksum, and is either used or free\n",
        Pages::Repaired => "pages: each fits its checksum; the list of free ones was wrong and is repaired\n",
        Pages::Damaged => "pages: damaged; the records were not looked at\n",
        Pages::Unchecked => "pages: not checked while a running `hal` has the database open\n",
    });
    text
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
