//! Hearing with PocketSphinx.

use std::path::PathBuf;

use super::{Recognition, SpeechToText, Vocabulary};
use crate::{Missing, SpeechError};

/// Where the engine is and how much of the machine it may use.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder with `en-us/`, `en-us.lm.bin` and `cmudict-en-us.dict`, when it is not where packages put it.
    pub model_dir: Option<PathBuf>,
    /// Folder for generated models. Safe to delete while nothing runs.
    pub cache_dir: PathBuf,
    /// The most utterances that are heard at once.
    pub recognisers_max: usize,
    /// What is likely to be said.
    pub vocabulary: Vocabulary,
    /// Readings of one utterance that are given at most.
    pub hypotheses_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model_dir: None,
            cache_dir: std::env::temp_dir().join("hal-speech"),
            recognisers_max: 4,
            vocabulary: Vocabulary::default(),
            hypotheses_max: 5,
        }
    }
}

/// The engine: the library, the model, and the pool of recognisers.
#[derive(Debug)]
pub struct PocketSphinx {}

impl PocketSphinx {
    /// Loads the library and begins to prepare the first recogniser in the background.
    pub fn open(_config: &Config) -> Result<PocketSphinx, Missing> {
        Err(Missing { what: "the PocketSphinx library is not installed".into(), install: String::new() })
    }
}

impl SpeechToText for PocketSphinx {
    fn name(&self) -> &str {
        "pocketsphinx"
    }

    fn start(&self) -> Result<Box<dyn Recognition>, SpeechError> {
        Err(SpeechError::Busy { what: "recognisers", limit: 0 })
    }
}
