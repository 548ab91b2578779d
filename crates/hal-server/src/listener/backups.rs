//! Backups that an owner asks for on the admin page: one at a time, on a thread of its own, and what became of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hal_db::Database;
use hal_wire::manage::{self, BackupDone};
use tracing::{error, info};

use crate::backups::{FOLDER, KEPT, files, make};
use crate::clock::Clock;

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

    /// Begins one. A large database takes longer than anybody's request waits.
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
            let mut done = BackupDone::default();
            match make(&database, &backups.folder, since_ms) {
                Ok((path, made)) => {
                    info!(entries = made.entries, bytes = made.bytes, "backup made");
                    done.name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    done.entries = made.entries;
                }
                Err(error) => {
                    error!(%error, "backup not made");
                    done.error = Some(error.to_string());
                }
            }
            done.at_ms = clock.unix_ms();
            let mut progress = backups.progress();
            progress.running_since_ms = None;
            progress.last = Some(done);
        };
        std::thread::Builder::new().name("backup".to_owned()).spawn(work).map(drop).map_err(|error| {
            self.progress().running_since_ms = None;
            format!("The backup could not begin: {error}.")
        })
    }

    pub(crate) fn state(&self) -> manage::Backups {
        let mut files = files(&self.folder);
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
