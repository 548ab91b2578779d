//! The log: to stderr or a file, for people or as one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;

use crate::config;

/// A log file larger than this becomes `FILE.1`, and the one of before goes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Changes the level while the server runs.
pub(crate) struct Level(reload::Handle<LevelFilter, tracing_subscriber::Registry>);

impl Level {
    pub(crate) fn set(&self, level: LevelFilter) {
        // Fails only when the log itself is gone.
        self.0.reload(level).ok();
    }
}

/// The level that counts: `HAL_LOG`, else the settings.
///
/// # Errors
/// A word that is no level.
pub(crate) fn level(config: &config::Log) -> anyhow::Result<LevelFilter> {
    let given = std::env::var("HAL_LOG").unwrap_or_else(|_| config.level.clone());
    given.parse().ok().with_context(|| {
        format!("{given:?} is not a level of the log\nhint: error, warn, info, debug or trace")
    })
}

/// Starts the log of this process. A second call in one process does nothing: the first log stays.
///
/// # Errors
/// A word that is no level, a file that cannot be written.
pub(crate) fn start(config: &config::Log, colour: bool) -> anyhow::Result<Level> {
    let writer = match &config.file {
        None => BoxMakeWriter::new(io::stderr),
        Some(path) => BoxMakeWriter::new(LogFile::open(path)?),
    };
    let (level, handle) = reload::Layer::new(level(config)?);
    let registry = tracing_subscriber::registry().with(level);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false);
    // A log that is there already belongs to somebody who embeds this server.
    match config.format {
        config::LogFormat::Text => {
            let lines = lines.with_ansi(colour && config.file.is_none());
            tracing::subscriber::set_global_default(registry.with(lines)).ok();
        }
        config::LogFormat::Json => {
            let lines = lines.with_ansi(false).json().flatten_event(true).with_current_span(false);
            tracing::subscriber::set_global_default(registry.with(lines.with_span_list(false))).ok();
        }
    }
    Ok(Level(handle))
}

/// A file that is never larger than its limit.
struct LogFile {
    path: PathBuf,
    open: Mutex<Open>,
}

struct Open {
    file: File,
    bytes: u64,
}

impl LogFile {
    fn open(path: &Path) -> anyhow::Result<LogFile> {
        let open = open(path).with_context(|| format!("the log cannot be written to {}", path.display()))?;
        Ok(LogFile { path: path.to_owned(), open: Mutex::new(open) })
    }
}

fn open(path: &Path) -> io::Result<Open> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let bytes = file.metadata()?.len();
    Ok(Open { file, bytes })
}

impl Write for &LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut open_ = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open_.bytes + line.len() as u64 > FILE_BYTES_MAX {
            let mut old = self.path.as_os_str().to_owned();
            old.push(".1");
            // Where it cannot be renamed (open elsewhere, on Windows) it goes on growing: better than losing the log.
            if std::fs::rename(&self.path, old).is_ok() {
                *open_ = open(&self.path)?;
            } else {
                open_.bytes = 0;
            }
        }
        open_.file.write_all(line)?;
        open_.bytes += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for LogFile {
    type Writer = &'a LogFile;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_is_turned_over_and_its_lines_stay_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hal.log");
        let log = LogFile::open(&path).unwrap();
        log.open.lock().unwrap().bytes = FILE_BYTES_MAX - 10;
        (&log).write_all(b"12345\n").unwrap();
        (&log).write_all(b"67890\n").unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("hal.log.1")).unwrap(), "12345\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "67890\n");
    }
}
