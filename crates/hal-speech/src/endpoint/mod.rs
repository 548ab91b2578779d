//! When somebody begins and ends to speak, told from the samples alone. Knows no clock: time is counted in samples.
//!
//! A voice detector says for each 16 ms how much it sounds like a voice, an energy floor drops what is too quiet to be
//! meant for us. A run of voice begins an utterance, a run of its absence ends it. The end never depends on samples
//! ceasing to come: browsers and microphones send silence as samples.

use std::collections::VecDeque;

use crate::RATE_HZ;

/// What the voice detector takes at once: 16 ms at 16 kHz.
const WINDOW: usize = 256;

/// Growth of the noise estimate for each window: it doubles in 5 s. Speech has a dip that brings it down more often.
const NOISE_RISE: f32 = 1.002_2;

/// How long a voice must be there, or be gone, before it counts. All times are of audio, not of a clock.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointerConfig {
    /// Voice needed before an utterance begins.
    pub start_ms: u32,
    /// Absence of voice that ends an utterance.
    pub end_ms: u32,
    /// Audio kept from before the voice was first heard, so that the first sound is not lost.
    pub pre_roll_ms: u32,
    /// The longest utterance; it is ended there even when the voice goes on.
    pub utterance_ms_max: u32,
    /// How much a window must sound like a voice, 0.0..=1.0.
    pub voice_score: f32,
    /// Root mean square below which nothing counts as a voice, in parts of full scale. 0.003 is about -50 dB.
    pub energy_floor: f32,
    /// A voice is so many times louder than the steady noise around it. 2.0 is 6 dB.
    pub above_noise: f32,
}

impl Default for EndpointerConfig {
    fn default() -> Self {
        EndpointerConfig {
            start_ms: 240,
            end_ms: 700,
            pre_roll_ms: 300,
            utterance_ms_max: 60_000,
            voice_score: 0.5,
            energy_floor: 0.003,
            above_noise: 2.0,
        }
    }
}

/// A change between silence and speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Somebody speaks: give [`Endpointer::pre_roll`] to the recogniser, then every later chunk as it comes.
    Started,
    /// The utterance is over, by silence or by its greatest length.
    Ended,
}

/// Finds the edges in a stream of mono i16 samples at 16 kHz, in chunks of any length.
///
/// ```
/// # use hal_speech::{Edge, Endpointer, EndpointerConfig};
/// # fn give_to_recogniser(_: &[i16]) {}
/// # fn finish_recogniser() {}
/// let mut endpointer = Endpointer::new(EndpointerConfig::default());
/// let chunk = [0i16; 4096];
/// let was_speaking = endpointer.speaking();
/// let mut edge = endpointer.push(&chunk);
/// if was_speaking {
///     give_to_recogniser(&chunk);
/// }
/// while let Some(found) = edge {
///     match found {
///         Edge::Started => give_to_recogniser(endpointer.pre_roll()), // ends with `chunk`
///         Edge::Ended => finish_recogniser(),
///     }
///     edge = endpointer.push(&[]); // a long chunk may hold a second edge
/// }
/// ```
pub struct Endpointer {
    config: EndpointerConfig,
    detector: Box<earshot::Detector>,
    /// Samples that do not fill a window yet.
    window: Vec<i16>,
    /// The latest audio while nobody speaks; after `Started` the beginning of the utterance.
    pre_roll: VecDeque<i16>,
    /// Edges found in a chunk and not yet given out.
    pending: VecDeque<Edge>,
    /// Loudness of the steady noise: falls at once, rises slowly.
    noise: f32,
    speaking: bool,
    /// Length of the current run of voice (before) or of its absence (while speaking), in samples.
    run: usize,
    /// Length of the current utterance in samples.
    utterance: usize,
}

impl Endpointer {
    pub fn new(config: EndpointerConfig) -> Endpointer {
        Endpointer {
            config,
            detector: earshot::Detector::default_boxed(),
            window: Vec::with_capacity(WINDOW),
            pre_roll: VecDeque::new(),
            pending: VecDeque::new(),
            noise: f32::MAX,
            speaking: false,
            run: 0,
            utterance: 0,
        }
    }

    /// Takes the next samples and gives the first edge in them. A chunk long enough to hold more gives the others
    /// when called again with no samples.
    pub fn push(&mut self, samples: &[i16]) -> Option<Edge> {
        if !self.speaking || !self.pending.is_empty() {
            self.keep(samples);
        }
        let mut rest = samples;
        while self.window.len() + rest.len() >= WINDOW {
            let (fill, after) = rest.split_at(WINDOW - self.window.len());
            rest = after;
            self.window.extend_from_slice(fill);
            self.judge();
            self.window.clear();
        }
        self.window.extend_from_slice(rest);
        self.pending.pop_front()
    }

    /// Tells whether an utterance has begun and not ended yet.
    pub fn speaking(&self) -> bool {
        self.speaking
    }

    /// After [`Edge::Started`]: the utterance so far, from before its first sound to the last sample pushed.
    pub fn pre_roll(&mut self) -> &[i16] {
        self.pre_roll.make_contiguous()
    }

    /// Forgets all that was heard, as when somebody else had the word.
    pub fn reset(&mut self) {
        *self = Endpointer::new(self.config.clone());
    }

    fn keep(&mut self, samples: &[i16]) {
        self.pre_roll.extend(samples);
        let kept = ms(self.config.pre_roll_ms + self.config.start_ms) + samples.len() + WINDOW;
        let surplus = self.pre_roll.len().saturating_sub(kept);
        self.pre_roll.drain(..surplus);
    }

    fn judge(&mut self) {
        let loudness = loudness(&self.window);
        self.noise = (self.noise * NOISE_RISE).min(loudness.max(1e-6));
        // Each window must pass the detector, which carries sound over from one to the next.
        let voice = self.detector.predict_i16(&self.window) >= self.config.voice_score
            && loudness >= self.config.energy_floor.max(self.noise * self.config.above_noise);
        if self.speaking {
            self.utterance += WINDOW;
            self.run = if voice { 0 } else { self.run + WINDOW };
            if self.run >= ms(self.config.end_ms) || self.utterance >= ms(self.config.utterance_ms_max) {
                self.speaking = false;
                self.run = 0;
                self.pending.push_back(Edge::Ended);
            }
        } else {
            // A single weak window inside a word does not begin the count anew.
            self.run = if voice { self.run + WINDOW } else { self.run.saturating_sub(WINDOW) };
            if self.run >= ms(self.config.start_ms) {
                self.speaking = true;
                self.run = 0;
                self.utterance = self.pre_roll.len();
                self.pending.push_back(Edge::Started);
            }
        }
    }
}

/// Samples of so many milliseconds.
fn ms(ms: u32) -> usize {
    ms as usize * RATE_HZ as usize / 1_000
}

/// Root mean square in parts of full scale, without the mean: cheap microphones add a constant.
fn loudness(window: &[i16]) -> f32 {
    let count = window.len() as f32;
    let mean = window.iter().map(|&sample| f32::from(sample)).sum::<f32>() / count;
    let power = window.iter().map(|&sample| (f32::from(sample) - mean).powi(2)).sum::<f32>() / count;
    power.sqrt() / 32_768.0
}

impl std::fmt::Debug for Endpointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpointer(speaking: {}, {} samples kept)", self.speaking, self.pre_roll.len())
    }
}

#[cfg(test)]
mod tests;
