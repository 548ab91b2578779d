//! The folder of backups: `hal db backup` without a path and the admin page put them there, read them back, and keep so many.

use std::path::{Path, PathBuf};

use hal_db::backup::{self, Backup};
use hal_db::{Database, Error, Result};
use hal_wire::manage::BackupFile;
use tracing::warn;

use crate::clock;

/// The folder's name in the data folder.
pub const FOLDER: &str = "backups";
/// Backups that are kept; the oldest of ours go. Files of other names are nobody's business here.
pub const KEPT: usize = 10;
const ENDING: &str = ".hal-backup";
const STEM: &str = "hal-";

/// Makes a backup in `folder`, reads it back from the disk and compares every checksum. Only then do old ones go.
///
/// # Errors
/// As [`hal_db::Snapshot::backup`] and [`backup::check`]; [`Error::Refused`] when the folder cannot be made.
pub fn make(database: &Database, folder: &Path, at_ms: i64) -> Result<(PathBuf, Backup)> {
    let failed = |error: std::io::Error| Error::Refused(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    only_for_the_owner(folder);
    clear_up(folder);
    let path = folder.join(file_name(at_ms));
    let snapshot = database.snapshot()?;
    let made = snapshot.backup(&path)?;
    drop(snapshot);
    if backup::check(&path)? != made {
        let text = format!("what {} holds is not what was written\n\nhint: look at the disk", path.display());
        return Err(Error::Refused(text));
    }
    for old in files(folder).into_iter().skip(KEPT) {
        if let Err(error) = std::fs::remove_file(folder.join(&old.name)) {
            warn!(%error, file = %old.name, "old backup not removed");
        }
    }
    Ok((path, made))
}

/// What a program that was killed left behind.
fn clear_up(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.strip_suffix(".partial").is_some_and(is_ours) {
            // One that stays takes room, and nothing else.
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

/// Ours in `folder`, newest first; none where there is no folder.
#[must_use]
pub fn files(folder: &Path) -> Vec<BackupFile> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
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

/// `hal-2026-11-26T014830.123Z.hal-backup`, with milliseconds so that two in one second are two.
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

    #[test]
    fn backups_are_verified_bounded_and_leave_other_files_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::in_memory();
        hal_db::schema::ensure_household(&database).expect("a household");
        let dir = folder.path().join(FOLDER);
        assert!(files(&dir).is_empty());
        std::fs::create_dir_all(&dir).expect("made");
        std::fs::write(dir.join("mine.hal-backup"), "not ours").expect("written");
        std::fs::write(dir.join(format!("{}.partial", file_name(5))), "killed").expect("written");
        for number in 0..KEPT as i64 {
            std::fs::write(dir.join(file_name(number * 1000)), "old").expect("written");
        }
        let (path, made) = make(&database, &dir, 1_000_000).expect("made");
        assert!(made.entries > 0);
        let kept = files(&dir);
        assert_eq!(kept.len(), KEPT);
        assert_eq!(Some(kept[0].name.as_str()), path.file_name().and_then(|name| name.to_str()));
        assert!(!dir.join(file_name(0)).exists(), "the oldest went");
        assert!(!dir.join(format!("{}.partial", file_name(5))).exists());
        assert!(dir.join("mine.hal-backup").exists());
        let restored = backup::restore(&path, &folder.path().join("restored"), false).expect("restores");
        assert_eq!(restored, made);
        // The same moment again is no reason to write over it.
        assert!(make(&database, &dir, 1_000_000).is_err());
        assert_eq!(files(&dir).len(), KEPT);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FOLDER);
        std::fs::write(&file, "a file where the folder should be").expect("written");
        let error = make(&Database::in_memory(), &file, 0).expect_err("refused");
        assert!(error.to_string().contains(FOLDER), "{error}");
    }
}
