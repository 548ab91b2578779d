//! Sound for tests: real speech where espeak-ng is installed, and seeded noise.

use std::ops::ControlFlow;

use crate::tts::espeak::{Config, Espeak};
use crate::{RATE_HZ, TextToSpeech};

/// Gives the engine, or says visibly that the test was skipped.
pub(crate) fn espeak(voice: &str) -> Option<Espeak> {
    let found = Espeak::find(&Config { voice: voice.into(), ..Config::default() });
    if found.is_err() {
        // Not `println!`, which the test harness hides for a test that passes.
        use std::io::Write;
        writeln!(std::io::stderr(), "skipped: espeak-ng is not installed").ok();
    }
    found.ok()
}

/// Speaks `text`, 16 kHz.
pub(crate) fn spoken(engine: &Espeak, text: &str) -> Vec<i16> {
    let mut audio = Vec::new();
    engine
        .speak(text, &mut |samples| {
            audio.extend_from_slice(samples);
            ControlFlow::Continue(())
        })
        .unwrap();
    audio
}

pub(crate) fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * RATE_HZ as usize / 1_000]
}

/// Pink noise (Voss) with a root mean square of `loudness` in parts of full scale.
pub(crate) fn pink_noise(seed: u64, ms: usize, loudness: f32) -> Vec<i16> {
    println!("seed: {seed}");
    let mut state = seed | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as i64 as f32 / i64::MAX as f32
    };
    let mut held = [0.0f32; 8];
    // Eight uniform numbers, each with a variance of 1/3.
    let gain = loudness * 32_768.0 / (8.0f32 / 3.0).sqrt();
    (0..ms * RATE_HZ as usize / 1_000)
        .map(|i| {
            held.iter_mut()
                .enumerate()
                .filter(|(k, _)| i % (1 << k) == 0)
                .for_each(|(_, value)| *value = random());
            (gain * held.iter().sum::<f32>()) as i16
        })
        .collect()
}

/// Gives the root mean square in parts of full scale.
pub(crate) fn loudness(samples: &[i16]) -> f32 {
    (samples.iter().map(|&s| (f32::from(s) / 32_768.0).powi(2)).sum::<f32>() / samples.len().max(1) as f32)
        .sqrt()
}
