//! The accounts that a session can reach: folders with a database, beside the one it began in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hal_db::tcl::{Account, Host};
use hal_db::{Database, Error};
use hal_server::clock::Clock;
use hal_server::holder;

/// What others hear has a database open.
const PROGRAM: &str = "hal tcl";
/// Name of the file that makes a folder an account.
pub(super) const STORE: &str = "hal.redb";

/// Accounts that are open. Each is opened once: a second opening would shut out the first.
pub(super) struct Machine {
    home: PathBuf,
    open: HashMap<PathBuf, Database>,
}

impl Machine {
    pub(super) fn new(dir: &Path, database: Database) -> Machine {
        let home = canonical(dir);
        Machine { open: HashMap::from([(home.clone(), database)]), home }
    }

    /// The account that the session begins in.
    pub(super) fn home(&self) -> Account {
        account(&self.home, &self.open[&self.home])
    }

    /// Whether another process writes to the account that the session begins in.
    pub(super) fn reads_only(&self) -> bool {
        // A write of nothing tells it; a reader's store refuses before anything happens.
        matches!(self.open[&self.home].write(|_| Ok(())), Err(Error::ReadOnly { .. }))
    }

    /// The folder of an account: a path, or a name beside the home, in its own letters or small ones.
    fn folder(&self, name: &str) -> Option<PathBuf> {
        let is_account = |dir: &PathBuf| dir.join(STORE).is_file();
        if name.contains(std::path::is_separator) {
            return Some(PathBuf::from(name)).filter(is_account);
        }
        if name == "." || name == ".." {
            return None;
        }
        if name.eq_ignore_ascii_case(&name_of(&self.home)) {
            return Some(self.home.clone());
        }
        let beside = self.home.parent()?;
        [name.to_owned(), name.to_lowercase(), name.to_uppercase()]
            .iter()
            .map(|name| beside.join(name))
            .find(is_account)
    }
}

impl Host for Machine {
    fn clock(&self) -> Option<Arc<dyn hal_db::history::Clock>> {
        Some(Arc::new(Clock::start()))
    }

    fn create_account(&mut self, name: &str) -> hal_db::Result<Account> {
        let dir = if name.contains(std::path::is_separator) {
            PathBuf::from(name)
        } else if name == "." || name == ".." || name.is_empty() || name.starts_with('-') {
            return Err(Error::Refused(format!("An account cannot be called '{name}'")));
        } else {
            self.home.parent().unwrap_or(Path::new(".")).join(name.to_lowercase())
        };
        if dir.join(STORE).exists() || self.folder(name).is_some() {
            return Err(Error::Refused(format!("There is an account {name} already\n\nhint: LOGTO {name}")));
        }
        let database = holder::open(&dir, PROGRAM)?;
        let dir = canonical(&dir);
        let made = account(&dir, &database);
        self.open.insert(dir, database);
        Ok(made)
    }

    fn open_account(&mut self, name: &str) -> hal_db::Result<Account> {
        let Some(dir) = self.folder(name) else {
            return Err(Error::Refused(format!(
                "There is no account {name}\n\nhint: name its folder, or put it beside {}",
                self.home.display()
            )));
        };
        let dir = canonical(&dir);
        if let Some(database) = self.open.get(&dir) {
            return Ok(account(&dir, database));
        }
        let database = match holder::open(&dir, PROGRAM) {
            Err(Error::Locked { .. }) => Database::open_read_only(&dir)?,
            other => other?,
        };
        let found = account(&dir, &database);
        self.open.insert(dir, database);
        Ok(found)
    }
}

fn canonical(dir: &Path) -> PathBuf {
    std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
}

fn account(dir: &Path, db: &Database) -> Account {
    Account { name: name_of(dir), path: dir.display().to_string(), db: db.clone() }
}

fn name_of(dir: &Path) -> String {
    dir.file_name().map_or_else(|| "HAL".to_owned(), |name| name.to_string_lossy().to_uppercase())
}
