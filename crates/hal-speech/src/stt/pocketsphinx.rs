//! Hearing with PocketSphinx: every machine, no account, no download; words from a vocabulary that is given.
//!
//! The model that knows which words follow each other is made here, whenever the vocabulary changes: trigrams of the
//! given sentences, mixed 0.8 to 0.2 with general English, so that foreign talk is heard as what it is instead of being
//! bent into a question. Recognisers wait in a bounded pool; those that already listen finish with the words they had.

mod floor;
mod general;
mod model;
mod ngram;
mod pool;
mod pronounce;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pocketsphinx_dl::{Decoder, Library};

use self::floor::Floor;
use self::model::{Model, ModelFiles};
use self::pool::{Pool, Slot};
use super::{Hypothesis, Recognition, SpeechToText, Transcript, Vocabulary};
use crate::frame::UTTERANCE_SAMPLES_MAX;
use crate::tts::espeak::{self, Espeak};
use crate::{Missing, SpeechError};

/// Where the engine is and how much of the machine it may use.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder with `en-us/`, `en-us.lm.bin` and `cmudict-en-us.dict`, when it is not where packages put it.
    pub model_dir: Option<PathBuf>,
    /// Folder for generated models; they hold the user's words, are readable by this user only, and are removed at the end.
    pub cache_dir: PathBuf,
    /// The most utterances that are heard at once; one more is told to come back.
    pub recognisers_max: usize,
    /// Recognisers kept ready beyond those in use. With 0 the first words of an utterance wait until one is made.
    pub recognisers_spare: usize,
    /// What is likely to be said.
    pub vocabulary: Vocabulary,
    /// Words of general English that are known besides.
    pub general_words: usize,
    /// Readings of one utterance that are given at most.
    pub hypotheses_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model_dir: None,
            cache_dir: std::env::temp_dir().join("hal-speech"),
            recognisers_max: 4,
            recognisers_spare: 1,
            vocabulary: Vocabulary::default(),
            general_words: 3_000,
            hypotheses_max: 5,
        }
    }
}

/// Below this confidence foreign talk is likelier than a question.
pub const DOUBT_BELOW: f32 = 0.4;
/// The share of the given sentences in the model; the rest is general English.
const DOMAIN_SHARE: f64 = 0.8;
/// Paths of the lattice that are looked through for readings with different words.
const PATHS_MAX: usize = 200;

/// The engine: the library, the model, and the pool of recognisers.
#[derive(Debug)]
pub struct PocketSphinx {
    pool: Arc<Pool>,
    hypotheses_max: usize,
}

impl PocketSphinx {
    /// Loads the library and begins, in the background, to make the model and the first recogniser.
    ///
    /// Utterances may be started at once: what is said before the recogniser is there is kept and caught up with.
    ///
    /// # Errors
    /// `Missing` when there is no library, no model, or no folder to write to.
    pub fn open(config: &Config) -> Result<PocketSphinx, Missing> {
        let library = Library::load().map_err(|error| match error {
            pocketsphinx_dl::Error::NotFound { .. } => {
                missing("the PocketSphinx library is not installed".into())
            }
            other => missing(other.to_string()),
        })?;
        let files = ModelFiles::find(config.model_dir.as_deref()).map_err(missing)?;
        let cache = model::cache_folder(&config.cache_dir).map_err(|error| Missing {
            what: format!("the speech models cannot be written to {}: {error}", config.cache_dir.display()),
            install: "name another folder in the setting `cache_dir`".into(),
        })?;
        // Only to sound out unknown names; spelling rules do it otherwise.
        let espeak = Espeak::find(&espeak::Config::default()).ok();
        let general_words = config.general_words;
        let build = move |vocabulary: &Vocabulary| {
            Model::build(&library, &files, &cache, vocabulary, general_words, espeak.as_ref())
        };
        let pool = Pool::start(build, config.recognisers_max.max(1), config.recognisers_spare);
        pool.set_vocabulary(config.vocabulary.clone());
        Ok(PocketSphinx { pool, hypotheses_max: config.hypotheses_max.max(1) })
    }

    /// Waits until the latest vocabulary is in use and a recogniser for it is ready. For tests and benchmarks.
    pub fn wait_until_ready(&self) -> Result<(), SpeechError> {
        self.pool.wait_until_ready()
    }
}

impl SpeechToText for PocketSphinx {
    fn name(&self) -> &str {
        "pocketsphinx"
    }

    fn start(&self) -> Result<Box<dyn Recognition>, SpeechError> {
        let slot = self.pool.take()?;
        Ok(Box::new(Listening {
            slot,
            backlog: Vec::new(),
            floor: Floor::default(),
            taken: 0,
            begun: false,
            hypotheses_max: self.hypotheses_max,
        }))
    }

    fn set_vocabulary(&self, vocabulary: Vocabulary) {
        self.pool.set_vocabulary(vocabulary);
    }

    fn doubt_below(&self) -> f32 {
        DOUBT_BELOW
    }
}

impl Drop for PocketSphinx {
    fn drop(&mut self) {
        self.pool.close();
    }
}

/// One utterance.
struct Listening {
    slot: Slot,
    /// What was said while no recogniser was ready yet.
    backlog: Vec<i16>,
    floor: Floor,
    taken: usize,
    begun: bool,
    hypotheses_max: usize,
}

impl Listening {
    /// Gives the decoder, with all that was said so far in it.
    fn decoder(&mut self, wait: bool) -> Result<Option<&mut Decoder>, SpeechError> {
        let Some(ready) = (if wait { Some(self.slot.wait()?) } else { self.slot.poll()? }) else {
            return Ok(None);
        };
        if !self.begun {
            ready.decoder.start().map_err(failed)?;
            self.begun = true;
        }
        if !self.backlog.is_empty() {
            ready.decoder.process(&std::mem::take(&mut self.backlog)).map_err(failed)?;
        }
        Ok(Some(&mut ready.decoder))
    }
}

impl Recognition for Listening {
    fn push(&mut self, samples: &[i16]) -> Result<(), SpeechError> {
        self.taken += samples.len();
        if self.taken > UTTERANCE_SAMPLES_MAX {
            return Err(SpeechError::TooLong { what: "the utterance", limit: 60, unit: "seconds" });
        }
        let samples = self.floor.under(samples);
        match self.decoder(false)? {
            Some(decoder) => decoder.process(&samples).map_err(failed),
            None => {
                self.backlog.extend(samples); // Bounded by the limit above.
                Ok(())
            }
        }
    }

    fn partial(&mut self) -> Option<String> {
        let text = self.decoder(false).ok()??.hypothesis()?;
        (!text.is_empty()).then_some(text)
    }

    fn finish(mut self: Box<Self>) -> Result<Transcript, SpeechError> {
        let hypotheses_max = self.hypotheses_max;
        self.decoder(true)?;
        let ready = self.slot.wait()?;
        let decoder = &mut ready.decoder;
        decoder.end().map_err(failed)?;
        let Some(best) = decoder.hypothesis().filter(|text| !text.is_empty()) else {
            return Ok(Transcript::default());
        };
        let confidence = ready.model.confidence(&decoder.segments());
        let mut hypotheses = vec![Hypothesis { text: best.clone(), confidence }];
        let readings = decoder.nbest(hypotheses_max + 1, PATHS_MAX);
        let top = readings.first().map_or(0, |reading| reading.score);
        for reading in readings {
            if reading.text != best && !reading.text.is_empty() && hypotheses.len() < hypotheses_max {
                // Scores are logarithms to the base 1.0001, and twenty times (`ascale`) too sure of themselves.
                let behind = f64::from(reading.score.saturating_sub(top)) * 1.0001f64.ln() / 20.0;
                hypotheses.push(Hypothesis {
                    text: reading.text,
                    confidence: confidence * behind.min(0.0).exp() as f32,
                });
            }
        }
        hypotheses[1..].sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        Ok(Transcript { hypotheses })
    }
}

fn failed(error: pocketsphinx_dl::Error) -> SpeechError {
    SpeechError::Engine { engine: "pocketsphinx", reason: error.to_string() }
}

fn missing(what: String) -> Missing {
    let install = if cfg!(target_os = "macos") {
        "install it with: brew install cmu-pocketsphinx"
    } else if cfg!(windows) {
        "install pocketsphinx.dll and its en-us model, or use another engine"
    } else {
        "install it with: sudo apt install libpocketsphinx3 pocketsphinx-en-us"
    };
    Missing { what, install: install.into() }
}

/// Where packages put the model.
fn usual_model_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("POCKETSPHINX_PATH").map(PathBuf::from).into_iter().collect();
    let shares = ["/usr/share", "/usr/local/share", "/opt/homebrew/share"];
    folders.extend(shares.iter().map(|share| Path::new(share).join("pocketsphinx/model/en-us")));
    if let Some(program_files) = std::env::var_os("ProgramFiles") {
        folders.push(Path::new(&program_files).join("pocketsphinx/model/en-us"));
    }
    folders
}

#[cfg(test)]
mod tests;
