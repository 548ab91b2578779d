//! The HAProxy of this machine: what it is able to do, and what it thinks of a file.

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Abilities, Version};

/// Asks `program` (usually `haproxy`) what it is. `None`: it is not installed or does not say.
pub fn abilities(program: &Path) -> Option<Abilities> {
    let said = Command::new(program).arg("-vv").stdin(Stdio::null()).output().ok()?;
    abilities_from(&String::from_utf8_lossy(&said.stdout))
}

/// Reads the output of `haproxy -vv`; its first line is `HAProxy version X.Y.Z…`.
fn abilities_from(said: &str) -> Option<Abilities> {
    let version = said.lines().next()?.split_ascii_whitespace().find_map(Version::parse)?;
    Some(Abilities { version, prometheus: said.contains("prometheus-exporter") || said.contains("+PROMEX") })
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Accepted without a warning.
    Clean,
    /// Refused; what HAProxy says about it, line by line.
    Refused { said: String },
    /// There is no such program here.
    NotInstalled,
}

/// Lets `program` check the file: `-c` reads it without binding a port, `-dW` makes a warning a refusal.
///
/// # Errors
/// The program is there but could not be run.
pub fn check(program: &Path, file: &Path) -> std::io::Result<Checked> {
    // stdin closed: with an encrypted key HAProxy would wait for a pass phrase.
    let run = Command::new(program).args(["-c", "-dW", "-f"]).arg(file).stdin(Stdio::null()).output();
    let output = match run {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Checked::NotInstalled),
        other => other?,
    };
    if output.status.success() {
        return Ok(Checked::Clean);
    }
    let said = [output.stdout, output.stderr].concat();
    Ok(Checked::Refused { said: String::from_utf8_lossy(&said).trim().to_owned() })
}

/// As [`check`], of a text that is no file yet.
///
/// # Errors
/// As [`check`], or the text could not be written to a temporary file.
pub fn check_text(program: &Path, text: &str) -> std::io::Result<Checked> {
    // HAProxy reads -f only from files that it can open twice, so a pipe will not do.
    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(std::io::Error::other)?;
    let path = std::env::temp_dir().join(format!("hal-haproxy-{:016x}.cfg", u64::from_ne_bytes(name)));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    let checked = file.write_all(text.as_bytes()).and_then(|()| check(program, &path));
    // What is left of it in the temporary folder harms nobody.
    std::fs::remove_file(&path).ok();
    match checked? {
        Checked::Refused { said } => {
            Ok(Checked::Refused { said: said.replace(&path.display().to_string(), "corrected") })
        }
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_and_the_exporter_are_read_from_what_haproxy_says() {
        let said = "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/\nAvailable services : prometheus-exporter\n";
        assert_eq!(
            abilities_from(said),
            Some(Abilities { version: Version { major: 2, minor: 6 }, prometheus: true })
        );
        let bare = "HAProxy version 3.2.26 2026/09/01\nBuild options :\n";
        assert_eq!(
            abilities_from(bare),
            Some(Abilities { version: Version { major: 3, minor: 2 }, prometheus: false })
        );
        assert_eq!(abilities_from("some other program"), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_not_an_error() {
        let nowhere = Path::new("/nonexistent/haproxy");
        assert_eq!(abilities(nowhere), None);
        assert_eq!(check(nowhere, Path::new("x.cfg")).unwrap(), Checked::NotInstalled);
    }
}
