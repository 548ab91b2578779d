//! Hearing and speaking: frames in, words out, and back. Knows no sockets, no clock and no skills.
//!
//! Everything inside is mono i16 at 16 kHz ([`RATE_HZ`]) in frames of 20 ms ([`FRAME_SAMPLES`]); [`decode_audio`]
//! brings every other format to it at the edge. An engine is one file in `stt/` or `tts/` plus one line in the table there.

pub mod endpoint;
mod error;
mod frame;
pub mod resample;
pub mod stt;
#[cfg(test)]
mod testing;
pub mod tts;
pub mod wav;

pub use endpoint::{Edge, Endpointer, EndpointerConfig};
pub use error::{Missing, SpeechError};
pub use frame::{AUDIO_BYTES_MAX, FRAME_SAMPLES, Framer, RATE_HZ, UTTERANCE_SAMPLES_MAX, decode_audio};
pub use stt::{Hypothesis, Recognition, SpeechToText, Transcript, Vocabulary};
pub use tts::TextToSpeech;
