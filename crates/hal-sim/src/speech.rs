//! Spoken questions from espeak-ng, and a look at spoken answers.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use hal_speech::RATE_HZ;

use crate::programs;

/// The sentence as mono i16 samples at 16 kHz, with half a second of silence on both sides.
pub fn spoken(sentence: &str) -> Result<Vec<i16>> {
    let program = programs::find("espeak-ng").context("espeak-ng is not installed")?;
    // A little slower than its default: as people speak to machines.
    let out = Command::new(program).args(["-v", "en-us", "-s", "150", "--stdout", sentence]).output()?;
    if !out.status.success() {
        bail!("espeak-ng: {}", String::from_utf8_lossy(&out.stderr));
    }
    let speech = hal_speech::decode_audio(&out.stdout, RATE_HZ)?;
    let pause = silence(500);
    Ok([pause.as_slice(), &speech, &pause].concat())
}

/// That many milliseconds of nothing. Not digital zero: no microphone gives that.
pub fn silence(ms: u32) -> Vec<i16> {
    let count = RATE_HZ * ms / 1000;
    (0..count).map(|index| [0, 2, -1, 1, -2][(index % 5) as usize]).collect()
}

/// A WAV file of these samples.
pub fn wav(samples: &[i16]) -> Vec<u8> {
    hal_speech::wav::encode(samples, RATE_HZ)
}

/// Little-endian bytes of the samples.
pub fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// What a decoded answer sounds like.
#[derive(Debug)]
pub struct Sound {
    pub seconds: f32,
    /// Root mean square of the samples; silence is below 10, speech in the thousands.
    pub loudness: f32,
}

/// Decodes a spoken answer. Errors when it is not a sound file.
pub fn heard(wav: &[u8]) -> Result<Sound> {
    let (samples, rate_hz) = hal_speech::wav::decode(wav)?;
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let loudness = (sum / samples.len().max(1) as f64).sqrt() as f32;
    Ok(Sound { seconds: samples.len() as f32 / rate_hz as f32, loudness })
}
