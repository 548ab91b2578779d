//! The one format inside: mono i16 at 16 kHz in frames of 20 ms, and the way into it.

use crate::{SpeechError, resample, wav};

/// Samples per second of all audio inside.
pub const RATE_HZ: u32 = 16_000;
/// Samples of one frame: 20 ms.
pub const FRAME_SAMPLES: usize = 320;
/// The most bytes that one piece of audio may have: 16 MiB.
pub const AUDIO_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest utterance: 60 s at 16 kHz.
pub const UTTERANCE_SAMPLES_MAX: usize = 60 * RATE_HZ as usize;

/// Cuts samples that come in any count into frames of [`FRAME_SAMPLES`]. Holds less than one frame.
#[derive(Debug, Default)]
pub struct Framer {
    rest: Vec<i16>,
}

impl Framer {
    /// Calls `each` for every frame that is now whole.
    pub fn push(&mut self, mut samples: &[i16], mut each: impl FnMut(&[i16])) {
        if !self.rest.is_empty() {
            let (fill, after) = samples.split_at(samples.len().min(FRAME_SAMPLES - self.rest.len()));
            self.rest.extend_from_slice(fill);
            samples = after;
            if self.rest.len() < FRAME_SAMPLES {
                return;
            }
            each(&self.rest);
            self.rest.clear();
        }
        let mut frames = samples.chunks_exact(FRAME_SAMPLES);
        frames.by_ref().for_each(&mut each);
        self.rest.extend_from_slice(frames.remainder());
    }
}

/// Gives the audio in `bytes` as mono i16 at 16 kHz.
///
/// Bytes that begin with `RIFF` are a WAV file of any rate, width and channel count; anything else is taken as
/// headerless PCM, mono i16 little-endian at `default_rate_hz`.
///
/// # Errors
/// `TooLong` over [`AUDIO_BYTES_MAX`] or 60 s; `BadAudio` with what is wrong.
pub fn decode_audio(bytes: &[u8], default_rate_hz: u32) -> Result<Vec<i16>, SpeechError> {
    if bytes.len() > AUDIO_BYTES_MAX {
        return Err(SpeechError::TooLong { what: "the audio", limit: AUDIO_BYTES_MAX, unit: "bytes" });
    }
    let (samples, rate_hz) = match bytes.starts_with(b"RIFF") {
        true => wav::decode(bytes)?,
        false => (pcm16(bytes)?, default_rate_hz),
    };
    let seconds_max = UTTERANCE_SAMPLES_MAX / RATE_HZ as usize;
    if samples.len() as u64 > seconds_max as u64 * u64::from(rate_hz) {
        return Err(SpeechError::TooLong { what: "the audio", limit: seconds_max, unit: "seconds" });
    }
    resample::all(samples, rate_hz, RATE_HZ)
}

fn pcm16(bytes: &[u8]) -> Result<Vec<i16>, SpeechError> {
    if !bytes.len().is_multiple_of(2) {
        return Err(SpeechError::BadAudio(format!(
            "{} bytes are no whole number of 16-bit samples; send WAV, or PCM i16 little-endian",
            bytes.len()
        )));
    }
    Ok(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
}

#[cfg(test)]
mod tests;
