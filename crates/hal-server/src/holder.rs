//! Who has a database open: a note beside it, so that whoever is refused can say by what. The lock itself is the store's.

use std::path::Path;

use hal_db::{Database, Error};

use crate::clock::Clock;

/// The note: what is running, and its process number. It stays when the program ends: only a lock gives it a meaning.
const NOTE: &str = "hal.open-by";

/// Opens an account to write, as `what` (`hal serve`), and keeps the history that the account asks for.
///
/// # Errors
/// As [`Database::open`].
pub fn open(dir: &Path, what: &str) -> hal_db::Result<Database> {
    let database = Database::open(dir)?;
    // Without the note others are refused all the same, with fewer words.
    std::fs::write(dir.join(NOTE), format!("{what}\n{}\n", std::process::id())).ok();
    database.resume_history(std::sync::Arc::new(Clock::start()))?;
    Ok(database)
}

/// What has the account open, for people: `` `hal tcl` (process 812) ``.
#[must_use]
pub fn of(dir: &Path) -> String {
    let note = std::fs::read_to_string(dir.join(NOTE)).unwrap_or_default();
    match (note.lines().next(), note.lines().nth(1)) {
        (Some(what), Some(process)) if what.starts_with("hal ") && what.len() < 40 => {
            format!("`{what}` (process {process})")
        }
        _ => "another `hal`".to_owned(),
    }
}

/// What to say when an account is open elsewhere, with what can be done.
#[must_use]
pub fn refusal(dir: &Path) -> String {
    let holder = of(dir);
    let leave = if holder.contains("serve") {
        "stop it (Ctrl-C there), or change records through it: `hal ask \"…\"`; `hal tcl` reads beside it"
    } else if holder.contains("tcl") {
        "leave it with OFF, or choose another folder with --data"
    } else {
        "wait until it is done, or choose another folder with --data"
    };
    format!("the database in {} is open in {holder}\n\nhint: {leave}", dir.display())
}

/// As [`refusal`], for an error that says so.
#[must_use]
pub fn explain(error: &Error, dir: &Path) -> String {
    if matches!(error, Error::Locked { .. }) { refusal(dir) } else { error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_hears_by_what_and_what_to_do() {
        let dir = tempfile::tempdir().expect("a folder");
        let held = open(dir.path(), "hal tcl").expect("opens");
        let error = open(dir.path(), "hal serve").expect_err("is held");
        let said = explain(&error, dir.path());
        let process = std::process::id();
        assert!(said.contains(&format!("open in `hal tcl` (process {process})")), "{said}");
        assert!(said.contains("hint: leave it with OFF"), "{said}");
        drop(held);
        let _held = open(dir.path(), "hal serve").expect("is free");
        assert!(refusal(dir.path()).contains("Ctrl-C there"), "{}", refusal(dir.path()));
    }
}
