//! Speaking: text in, samples out. Knows nothing of who listens.

use std::ops::ControlFlow;

use crate::{Missing, SpeechError};

/// An engine that speaks. Shared by all sessions.
pub trait TextToSpeech: Send + Sync {
    /// Gives the name of the engine as it is written in the configuration.
    fn name(&self) -> &str;

    /// Speaks `text` into `sink`, mono i16 at [`rate_hz`](Self::rate_hz), in chunks as the engine makes them.
    ///
    /// `Break` from the sink stops the engine; that is not an error. Blocks until all is spoken: call it where blocking is allowed.
    fn speak(&self, text: &str, sink: &mut dyn FnMut(&[i16]) -> ControlFlow<()>) -> Result<(), SpeechError>;

    /// Gives the rate of the samples that `speak` makes.
    fn rate_hz(&self) -> u32;
}

pub mod espeak;

/// How to find and use an engine. Fields that an engine does not know are ignored by it.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub espeak: espeak::Config,
}

/// One engine: the name in the configuration, and how it is opened.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    pub name: &'static str,
    pub open: fn(&Config) -> Result<Box<dyn TextToSpeech>, Missing>,
}

/// All engines, best default first. A new engine is a file here and a line in this table.
pub const ENGINES: &[Engine] =
    &[Engine { name: "espeak", open: |config| Ok(Box::new(espeak::Espeak::find(&config.espeak)?)) }];
