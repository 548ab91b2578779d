//! Hearing: samples in, words out. Knows nothing of who speaks or what the words mean.

use std::fmt;

use crate::{Missing, SpeechError};

/// An engine that turns speech into words. Shared by all sessions.
///
/// `start` must not wait: it takes a recogniser from a bounded pool or says [`SpeechError::Busy`] at once.
pub trait SpeechToText: Send + Sync {
    /// Gives the name of the engine as it is written in the configuration.
    fn name(&self) -> &str;

    /// Starts listening to one utterance.
    fn start(&self) -> Result<Box<dyn Recognition>, SpeechError>;

    /// Tells the engine what is likely to be said. Returns at once; utterances already begun finish with the old words.
    ///
    /// An engine that knows all words of the language ignores it.
    fn set_vocabulary(&self, _vocabulary: Vocabulary) {}

    /// Gives the confidence below which a hypothesis of this engine should be asked about instead of believed.
    ///
    /// 0.0 when the engine gives no confidence that would separate the two.
    fn doubt_below(&self) -> f32 {
        0.0
    }
}

/// One utterance being heard. Dropping it gives the recogniser back to its pool.
pub trait Recognition: Send {
    /// Takes the next samples, mono i16 at 16 kHz, any count.
    fn push(&mut self, samples: &[i16]) -> Result<(), SpeechError>;

    /// Gives what was understood so far, for the screen only: it may still change.
    fn partial(&mut self) -> Option<String>;

    /// Ends the utterance and gives all that was understood.
    fn finish(self: Box<Self>) -> Result<Transcript, SpeechError>;
}

/// What was heard, best first; no hypotheses when nothing was understood.
#[derive(Clone, Default, PartialEq)]
pub struct Transcript {
    pub hypotheses: Vec<Hypothesis>,
}

/// One reading of an utterance.
#[derive(Clone, PartialEq)]
pub struct Hypothesis {
    /// Lower case words, spelled out, no punctuation.
    pub text: String,
    /// 0.0 (a guess) to 1.0 (sure); compare with [`SpeechToText::doubt_below`].
    pub confidence: f32,
}

/// What is likely to be said: the skills' own sentences filled with the user's own names, and single words.
///
/// Lower case, numbers spelled out. Words without a known pronunciation are sounded out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    pub sentences: Vec<String>,
    pub words: Vec<String>,
}

// What people say, and the names in their records, never reach a log by accident.

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.hypotheses).finish()
    }
}

impl fmt::Debug for Hypothesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hypothesis({} bytes, {:.2})", self.text.len(), self.confidence)
    }
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vocabulary({} sentences, {} words)", self.sentences.len(), self.words.len())
    }
}

pub mod pocketsphinx;

/// How to find and use an engine. Fields that an engine does not know are ignored by it.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub pocketsphinx: pocketsphinx::Config,
}

/// One engine: the name in the configuration, and how it is opened.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    pub name: &'static str,
    pub open: fn(&Config) -> Result<Box<dyn SpeechToText>, Missing>,
}

/// All engines, best default first. A new engine is a file here and a line in this table.
pub const ENGINES: &[Engine] = &[Engine {
    name: "pocketsphinx",
    open: |config| Ok(Box::new(pocketsphinx::PocketSphinx::open(&config.pocketsphinx)?)),
}];
