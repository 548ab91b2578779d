//! Files that only their owner may read, where the system knows owners. Knows nothing of what is in them.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// A new, empty file; one that a crash left there is removed first, as it may have other rights.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a line or lines, whole or not at all.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("new");
    let mut file = create(&partial)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&partial, path)
}
