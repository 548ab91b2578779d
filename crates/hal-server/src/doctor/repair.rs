//! The safe cures: what interrupts nobody and can be taken back.

use std::path::Path;

use super::finding::Repair;
use super::look::ports;
use crate::edge::haproxy::installed::{self, Checked};

/// Does one. Gives what was done, or why not.
///
/// # Errors
/// The system refuses, or a check before it does.
pub fn apply(repair: &Repair) -> Result<String, String> {
    match repair {
        Repair::OwnerOnly { path } => owner_only(Path::new(path)),
        Repair::ReloadHaproxy { config, master_pid } => reload(Path::new(config), *master_pid),
    }
}

#[cfg(unix)]
fn owner_only(path: &Path) -> Result<String, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    // Not through a link: the file it leads to is somebody else's business (certbot's live folder is made of them).
    let meta = std::fs::symlink_metadata(path).map_err(failed)?;
    if !meta.is_file() {
        return Err(format!("{} is no plain file", path.display()));
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(format!("{} is now for its owner alone (mode 600)", path.display()))
}

#[cfg(not(unix))]
fn owner_only(path: &Path) -> Result<String, String> {
    Err(format!("{}: rights are kept otherwise on this system", path.display()))
}

/// Signal 2 for users makes the master read its file again; old workers go on with their conversations.
fn reload(config: &Path, master_pid: u32) -> Result<String, String> {
    match installed::check(Path::new("haproxy"), config) {
        Ok(Checked::Refused { said }) => {
            return Err(format!("haproxy -c -dW refuses {}: {said}", config.display()));
        }
        Ok(Checked::NotInstalled) => {
            return Err("haproxy is not on the PATH, so its file cannot be checked".to_owned());
        }
        Err(error) => return Err(error.to_string()),
        Ok(Checked::Clean) => {}
    }
    let before = workers(master_pid);
    let said = std::process::Command::new("kill").args(["-USR2", &master_pid.to_string()]).output();
    match said {
        Ok(said) if said.status.success() => {
            wait_for_worker(master_pid, &before);
            Ok("HAProxy has read its file again".to_owned())
        }
        Ok(said) => Err(String::from_utf8_lossy(&said.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Looks at the new worker: so many, so often.
const LOOKS: u32 = 150;
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(20);

/// A signal is not answered: a worker that was not there before is the sign that the file was read.
fn wait_for_worker(master_pid: u32, before: &[u32]) {
    for _ in 0..LOOKS {
        if workers(master_pid).iter().any(|pid| !before.contains(pid)) {
            return;
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}

fn workers(master_pid: u32) -> Vec<u32> {
    let mut pids = ports::pids();
    pids.retain(|pid| ports::process(*pid).is_some_and(|process| process.parent == master_pid));
    pids
}
