//! What makes HAL a service of the system: unit files and the commands around them, as values.
//!
//! Pure: nothing is written and nothing is run here, so that every system's files can be made and tested on each of
//! them, and `--dry-run` shows exactly what would happen.

use std::path::{Path, PathBuf};

pub mod firewall;
mod launchd;
mod systemd;
mod windows;

/// The service's name where it needs one, and the account it runs under on Linux.
pub const NAME: &str = "hal";

/// Which system's service manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// Linux.
    Systemd,
    /// macOS.
    Launchd,
    /// Windows: a task of its scheduler. A *service* would have to answer the service control manager, which needs code
    /// that this workspace forbids (`unsafe`); a task starts with the machine and after a failure just as well.
    Scheduler,
}

impl Manager {
    /// That of the system this program was built for.
    pub fn here() -> Manager {
        if cfg!(windows) {
            Manager::Scheduler
        } else if cfg!(target_os = "macos") {
            Manager::Launchd
        } else {
            Manager::Systemd
        }
    }
}

/// Whose service it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Starts with the machine, under an account with few rights.
    System,
    /// Starts when this person signs in, with their rights.
    User,
}

/// What is to be installed.
#[derive(Clone, Debug)]
pub struct Plan {
    pub manager: Manager,
    pub scope: Scope,
    /// Absolute path of the `hal` program.
    pub program: PathBuf,
    /// Folder of the records.
    pub data: PathBuf,
    /// Options of `hal serve`, beside `--data`.
    pub arguments: Vec<String>,
    /// Account of a system service; each system has its own default.
    pub account: Option<String>,
    /// Home folder of the person of a user service.
    pub home: PathBuf,
    /// Number of that person (Unix).
    pub user_number: Option<u32>,
    pub needs: Needs,
}

/// What the server must be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// It listens on this machine's own addresses only and asks nobody elsewhere.
    pub loopback_only: bool,
    /// It listens on a port below 1024.
    pub low_port: bool,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFile {
    pub path: PathBuf,
    pub text: String,
    /// Windows' scheduler reads its files in this encoding.
    pub is_utf16: bool,
}

/// A command, and when to leave it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub words: Vec<String>,
    /// Not needed when this command succeeds.
    pub unless: Option<Vec<String>>,
    /// Its failure does not matter.
    pub may_fail: bool,
}

impl Step {
    fn new<const N: usize>(words: [&str; N]) -> Step {
        Step { words: words.map(str::to_owned).into(), unless: None, may_fail: false }
    }

    fn unless<const N: usize>(mut self, words: [&str; N]) -> Step {
        self.unless = Some(words.map(str::to_owned).into());
        self
    }

    fn may_fail(mut self) -> Step {
        self.may_fail = true;
        self
    }
}

/// Everything that is done, in this order: `before`, the files, `after`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    pub before: Vec<Step>,
    pub files: Vec<UnitFile>,
    pub after: Vec<Step>,
    /// Files that go, at the end of a removal.
    pub removed: Vec<PathBuf>,
    /// What a person should know or do.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{} is in a person's or temporary folder, which a system service may not enter", path.display())]
    Homely { path: PathBuf },
    #[error("the path {} cannot be written into a unit file: {why}", path.display())]
    Path { path: PathBuf, why: &'static str },
    #[error("the option {given:?} cannot be written into a unit file")]
    Argument { given: String },
    #[error("{given:?} is not the name of an account")]
    Account { given: String },
    #[error("which account shall it run under? a system service needs one")]
    NoAccount,
}

/// What `hal service install` does.
///
/// # Errors
/// [`Refused`] for paths, options and accounts that cannot be written, and for a system service whose program lies where it may
/// not look.
pub fn install(plan: &Plan) -> Result<Steps, Refused> {
    check(plan)?;
    match plan.manager {
        Manager::Systemd => Ok(systemd::install(plan)),
        Manager::Launchd => launchd::install(plan),
        Manager::Scheduler => Ok(windows::install(plan)),
    }
}

/// What `hal service remove` does. Records are left where they are.
pub fn remove(plan: &Plan) -> Steps {
    match plan.manager {
        Manager::Systemd => systemd::remove(plan),
        Manager::Launchd => launchd::remove(plan),
        Manager::Scheduler => windows::remove(plan),
    }
}

/// The command that tells how it is.
pub fn status(plan: &Plan) -> Step {
    match plan.manager {
        Manager::Systemd => systemd::status(plan),
        Manager::Launchd => launchd::status(plan),
        Manager::Scheduler => windows::status(),
    }
}

fn check(plan: &Plan) -> Result<(), Refused> {
    for path in [&plan.program, &plan.data] {
        let refuse = |why| Refused::Path { path: path.clone(), why };
        let text = path.to_str().ok_or_else(|| refuse("it is not UTF-8"))?;
        if text.chars().any(char::is_control) {
            return Err(refuse("it contains a control character"));
        }
        let absolute = if plan.manager == Manager::Scheduler {
            text.get(1..3) == Some(":\\")
        } else {
            text.starts_with('/')
        };
        if !absolute {
            return Err(refuse(match plan.manager {
                Manager::Scheduler => {
                    "it is no path of Windows; --program and --data name those of that machine"
                }
                _ => "it is not absolute",
            }));
        }
        if plan.manager == Manager::Scheduler && text.contains('"') {
            return Err(refuse("it contains a quote"));
        }
    }
    let homely = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
    if plan.manager == Manager::Systemd && plan.scope == Scope::System {
        for path in [&plan.program, &plan.data] {
            if homely.iter().any(|start| path.starts_with(start)) {
                return Err(Refused::Homely { path: path.clone() });
            }
        }
    }
    if let Some(given) = plan.arguments.iter().find(|word| word.chars().any(char::is_control)) {
        return Err(Refused::Argument { given: given.clone() });
    }
    if let Some(given) = &plan.account {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if given.is_empty() || given.len() > 32 || given.starts_with(['-', '.']) || !given.chars().all(plain)
        {
            return Err(Refused::Account { given: given.clone() });
        }
    }
    Ok(())
}

/// The words of `hal serve`, the program first.
fn command_line(plan: &Plan) -> Vec<String> {
    let mut words = vec![text(&plan.program), "serve".to_owned(), "--data".to_owned(), text(&plan.data)];
    words.extend(plan.arguments.iter().cloned());
    words
}

fn text(path: &Path) -> String {
    path.to_str().expect("checked before").to_owned()
}

/// Text for XML, in elements and attributes.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
