//! What can go wrong between sound and words, by what the caller can do about it.

/// Why an engine could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpeechError {
    /// All engines of the pool are taken, or the first is still being prepared. Try again in a moment; nothing was queued.
    #[error("all {limit} {what} are in use; try again in a moment")]
    Busy { what: &'static str, limit: usize },
    /// The audio cannot be read. The sentence says what is wrong with it and which audio would be right.
    #[error("the audio cannot be read: {0}")]
    BadAudio(String),
    /// More audio or text than the stated limit; nothing of it was used.
    #[error("{what} is longer than the limit of {limit} {unit}")]
    TooLong { what: &'static str, limit: usize, unit: &'static str },
    /// A program, library or model that is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The engine itself failed. The text is the engine's and is for the log, not for the ear.
    #[error("{engine} failed: {reason}")]
    Engine { engine: &'static str, reason: String },
}

/// What is absent on this machine, and how to install it: one clear line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {install}")]
pub struct Missing {
    /// What was looked for and not found, `espeak-ng is not installed`.
    pub what: String,
    /// What to do, `install it with: sudo apt install espeak-ng`.
    pub install: String,
}
