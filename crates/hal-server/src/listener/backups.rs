//! Backups that an owner asks for while the server runs: what `hal db backup` does, into a folder of their own, read back and
//! compared, and only so many kept.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hal_db::{Database, backup};
use hal_wire::manage::{self, BackupDone, BackupFile};
use tracing::{error, info, warn};

use crate::clock::{self, Clock};

/// Folder below the data folder.
pub(crate) const FOLDER: &str = "backups";
/// Backups that are kept; the oldest of ours go. Files of other names are nobody's business here.
const KEPT: usize = 10;
const ENDING: &str = ".hal-backup";
const STEM: &str = "hal-";

#[derive(Debug)]
pub(crate) struct Backups {
    folder: PathBuf,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    running_since_ms: Option<i64>,
    last: Option<BackupDone>,
}

impl Backups {
    pub(crate) fn new(data: &Path) -> Backups {
        Backups { folder: data.join(FOLDER), progress: Mutex::default() }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one, on a thread of its own: a large database takes longer than anybody's request.
    ///
    /// Errors: one is being made already; there is no thread. For people.
    pub(crate) fn begin(self: &Arc<Backups>, database: &Database, clock: Clock) -> Result<(), String> {
        let since_ms = clock.unix_ms();
        {
            let mut progress = self.progress();
            if progress.running_since_ms.is_some() {
                return Err("A backup is being made already.".to_owned());
            }
            progress.running_since_ms = Some(since_ms);
        }
        let (backups, database) = (Arc::clone(self), database.clone());
        let work = move || {
            let name = file_name(since_ms);
            let made = backups.make(&database, &name);
            match &made {
                Ok(entries) => info!(file = %name, entries, "backup made"),
                Err(error) => error!(%error, "backup not made"),
            }
            let (entries, error) = match made {
                Ok(entries) => (entries, None),
                Err(error) => (0, Some(error)),
            };
            let mut progress = backups.progress();
            progress.running_since_ms = None;
            progress.last = Some(BackupDone { at_ms: clock.unix_ms(), name, entries, error });
        };
        std::thread::Builder::new().name("backup".to_owned()).spawn(work).map(drop).map_err(|error| {
            self.progress().running_since_ms = None;
            format!("The backup could not begin: {error}.")
        })
    }

    /// One backup, read back from the disk and compared with its checksums. Only then do old ones go.
    fn make(&self, database: &Database, name: &str) -> Result<u64, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.folder.display());
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        only_for_the_owner(&self.folder);
        self.clear_up();
        let path = self.folder.join(name);
        let snapshot = database.snapshot().map_err(|error| error.to_string())?;
        let made = snapshot.backup(&path).map_err(|error| error.to_string())?;
        drop(snapshot);
        let read = backup::check(&path).map_err(|error| error.to_string())?;
        if read != made {
            return Err("what was read back is not what was written: look at the disk".to_owned());
        }
        for old in self.files().into_iter().skip(KEPT) {
            if let Err(error) = std::fs::remove_file(self.folder.join(&old.name)) {
                warn!(%error, file = %old.name, "old backup not removed");
            }
        }
        Ok(read.entries)
    }

    /// What a program that was killed left behind.
    fn clear_up(&self) {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.strip_suffix(".partial").is_some_and(is_ours) {
                std::fs::remove_file(entry.path()).ok();
            }
        }
    }

    /// Ours, newest first.
    fn files(&self) -> Vec<BackupFile> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<BackupFile> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok().filter(|name| is_ours(name))?;
                let known = entry.metadata().ok()?;
                let modified = known.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
                let made_ms = i64::try_from(modified.as_millis()).ok()?;
                Some(BackupFile { name, bytes: known.len(), made_ms })
            })
            .collect();
        // Names have the time in them, which outlives a copy.
        files.sort_by(|one, other| other.name.cmp(&one.name));
        files
    }

    pub(crate) fn state(&self) -> manage::Backups {
        let mut files = self.files();
        files.truncate(manage::ROWS_MAX);
        let progress = self.progress();
        manage::Backups {
            folder: self.folder.display().to_string(),
            kept: KEPT,
            files,
            running_since_ms: progress.running_since_ms,
            last: progress.last.clone(),
        }
    }
}

/// `hal-2026-11-26T014830Z.hal-backup`, with milliseconds so that two in one second are two.
fn file_name(at_ms: i64) -> String {
    let time = clock::iso(at_ms).replace([':', 'Z'], "");
    format!("{STEM}{time}.{:03}Z{ENDING}", at_ms.rem_euclid(1000))
}

fn is_ours(name: &str) -> bool {
    let stem = name.strip_suffix(ENDING).and_then(|name| name.strip_prefix(STEM));
    stem.is_some_and(|time| time.len() == "2026-11-26T014830.123Z".len() && time.ends_with('Z'))
}

fn only_for_the_owner(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The files themselves are readable by their owner alone in any case.
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).ok();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until_done(backups: &Backups) -> BackupDone {
        for _ in 0..10_000 {
            let state = backups.state();
            if let (None, Some(done)) = (state.running_since_ms, state.last) {
                return done;
            }
            std::thread::yield_now();
            std::thread::park_timeout(std::time::Duration::from_millis(2));
        }
        panic!("the backup does not end");
    }

    #[test]
    fn backups_are_verified_bounded_and_leave_other_files_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::in_memory();
        hal_db::schema::ensure_household(&database).expect("a household");
        let backups = Arc::new(Backups::new(folder.path()));
        assert!(backups.state().files.is_empty());
        let dir = folder.path().join(FOLDER);
        std::fs::create_dir_all(&dir).expect("made");
        std::fs::write(dir.join("mine.hal-backup"), "not ours").expect("written");
        std::fs::write(dir.join(format!("{}.partial", file_name(5))), "killed").expect("written");
        for number in 0..KEPT as i64 {
            std::fs::write(dir.join(file_name(number * 1000)), "old").expect("written");
        }
        backups.begin(&database, Clock::start()).expect("begins");
        let done = until_done(&backups);
        assert_eq!(done.error, None);
        assert!(done.entries > 0);
        let state = backups.state();
        assert_eq!(state.files.len(), KEPT);
        assert_eq!(state.files[0].name, done.name);
        assert!(!dir.join(file_name(0)).exists(), "the oldest went");
        assert!(!dir.join(format!("{}.partial", file_name(5))).exists());
        assert!(dir.join("mine.hal-backup").exists());
        let restored = folder.path().join("restored");
        let back = backup::restore(&dir.join(&done.name), &restored, false).expect("restores");
        assert_eq!(back.entries, done.entries);
    }

    #[test]
    fn a_backup_that_fails_says_why_and_removes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FOLDER), "a file where the folder should be").expect("written");
        let backups = Arc::new(Backups::new(folder.path()));
        backups.begin(&Database::in_memory(), Clock::start()).expect("begins");
        let done = until_done(&backups);
        assert!(done.error.is_some(), "{done:?}");
    }
}
