//! The machine below it all: disk, clock.

use std::path::Path;

use super::{Eyes, run};
use crate::doctor::facts::{ClockState, Disk};

/// Free space where the records are, or where they would be.
pub(super) fn disk(folder: &Path, eyes: Eyes) -> Option<Disk> {
    let existing = folder.ancestors().find(|path| path.is_dir())?;
    let path = existing.to_str()?;
    // The standard library cannot ask for it; df is part of every Unix (POSIX: -P -k).
    let said = run("df", &["-Pk", path], eyes.wait)?;
    let free_kb: u64 = said.stdout.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(Disk { path: path.to_owned(), free_bytes: free_kb * 1024 })
}

pub(super) fn clock(eyes: Eyes) -> Option<ClockState> {
    let said = run("timedatectl", &["show", "-p", "NTPSynchronized", "--value"], eyes.wait)?;
    let synchronised = match said.stdout.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    said.success.then_some(ClockState { synchronised })
}
