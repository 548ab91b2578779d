//! A safe binding to libpocketsphinx, loaded at run time: a program that has this crate runs without the library.
//! Knows nothing of sound formats, models or words; it refuses only what C would answer with undefined behaviour.
//!
//! Works with 0.8+5prealpha (Debian, Ubuntu: `libpocketsphinx3`) and with 5.x (Homebrew), which differ in how a
//! configuration is made and how a search is added.

mod api;
mod decoder;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use api::Api;
pub use decoder::{Decoder, NBest, Segment, Settings};

/// What the library said, or that there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("no PocketSphinx library was found ({tried})")]
    NotFound { tried: String },
    #[error("the library {file} is no PocketSphinx that is known here: {reason}")]
    Unsupported { file: String, reason: String },
    #[error("`{0}` cannot be given to the library: it holds a zero byte or is not UTF-8")]
    Text(String),
    #[error("the library refused to {0}")]
    Refused(&'static str),
    #[error("{0} is not there or cannot be read")]
    NoFile(PathBuf),
}

/// The loaded library. Clones share it; it stays loaded as long as a decoder lives.
#[derive(Debug, Clone)]
pub struct Library {
    api: Arc<Api>,
}

impl Library {
    /// Loads the library from where the system keeps libraries.
    pub fn load() -> Result<Library, Error> {
        Library::load_first(&usual_names())
    }

    /// Loads the first of `names` (names or paths) that can be loaded and has the functions.
    pub fn load_first(names: &[OsString]) -> Result<Library, Error> {
        let mut unsupported = None;
        for name in names {
            match Api::load(name) {
                Ok(Some(api)) => return Ok(Library { api: Arc::new(api) }),
                Ok(None) => {}
                Err(error) => unsupported = Some(error),
            }
        }
        let tried = names.iter().map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(", ");
        Err(unsupported.unwrap_or(Error::NotFound { tried }))
    }

    /// Makes a decoder. Reads the model files: takes from tens of milliseconds to seconds.
    pub fn decoder(&self, settings: &Settings) -> Result<Decoder, Error> {
        Decoder::new(self.api.clone(), settings)
    }
}

fn usual_names() -> Vec<OsString> {
    let names: &[&str] = if cfg!(windows) {
        &["pocketsphinx.dll", "libpocketsphinx.dll", "libpocketsphinx-3.dll"]
    } else if cfg!(target_os = "macos") {
        // A service started by launchd does not look into Homebrew's folder.
        &[
            "libpocketsphinx.dylib",
            "libpocketsphinx.3.dylib",
            "/opt/homebrew/lib/libpocketsphinx.dylib",
            "/usr/local/lib/libpocketsphinx.dylib",
        ]
    } else {
        &["libpocketsphinx.so.3", "libpocketsphinx.so.5", "libpocketsphinx.so"]
    };
    names.iter().map(OsString::from).collect()
}

#[cfg(test)]
mod tests;
