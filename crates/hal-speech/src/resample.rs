//! Any sample rate into any other, as a stream. Knows nothing of files or speech.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{
    Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters, SincInterpolationType,
};

use crate::SpeechError;

/// Rates that are converted; anything else is a mistake of the sender, not a rate of sound cards.
pub const RATE_HZ_MIN: u32 = 8_000;
pub const RATE_HZ_MAX: u32 = 192_000;

/// Converts mono i16 samples from one rate to another, chunk by chunk; nothing is lost at the seams.
pub struct Resampler {
    /// `None` when both rates are the same.
    filter: Option<Filter>,
}

struct Filter {
    sinc: Async<f32>,
    /// Samples that do not fill a chunk yet.
    input: Vec<f32>,
    output: Vec<f32>,
    /// The filter's own delay, still to be dropped from the beginning of the output.
    skip: usize,
    from_hz: u32,
    to_hz: u32,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// Prepares a conversion.
    ///
    /// # Errors
    /// `BadAudio` when a rate is outside of [`RATE_HZ_MIN`]..=[`RATE_HZ_MAX`].
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Resampler, SpeechError> {
        for rate_hz in [from_hz, to_hz] {
            if !(RATE_HZ_MIN..=RATE_HZ_MAX).contains(&rate_hz) {
                return Err(SpeechError::BadAudio(format!(
                    "a sample rate of {rate_hz} Hz is not supported; send {RATE_HZ_MIN} to {RATE_HZ_MAX} Hz"
                )));
            }
        }
        if from_hz == to_hz {
            return Ok(Resampler { filter: None });
        }
        // Going down, the filter must be longer by the ratio for the same steepness.
        let length = (64 * from_hz.div_ceil(to_hz) as usize).next_multiple_of(8);
        let shape = SincInterpolationParameters::new(length, rubato::WindowFunction::Blackman2)
            .oversampling_factor(128)
            .interpolation(SincInterpolationType::Linear);
        let chunk = (from_hz / 100) as usize; // 10 ms
        let ratio = f64::from(to_hz) / f64::from(from_hz);
        let sinc = Async::new_sinc(ratio, 1.0, &shape, chunk, 1, FixedAsync::Input)
            .map_err(|error| SpeechError::Engine { engine: "resampler", reason: error.to_string() })?;
        let output = vec![0.0; sinc.output_frames_max()];
        // The first output lies one output step behind the filter's beginning (measured; `output_delay` is one more). Half
        // a sample of the slower rate is what rounding leaves.
        let skip = (length as f64 * ratio / 2.0 - 1.0).round() as usize;
        let filter = Filter {
            sinc,
            input: Vec::with_capacity(2 * chunk),
            output,
            skip,
            from_hz,
            to_hz,
            taken: 0,
            given: 0,
        };
        Ok(Resampler { filter: Some(filter) })
    }

    /// Takes the next samples and gives those that are ready. About 10 ms stay inside.
    pub fn push(&mut self, samples: &[i16]) -> Result<Vec<i16>, SpeechError> {
        let Some(filter) = &mut self.filter else { return Ok(samples.to_vec()) };
        let mut converted = Vec::new();
        filter.taken += samples.len() as u64;
        filter.input.extend(samples.iter().map(|&sample| f32::from(sample) / 32_768.0));
        filter.run(&mut converted)?;
        filter.given += converted.len() as u64;
        Ok(converted)
    }

    /// Gives what is still inside. The whole output has the length of the whole input, times the ratio, rounded.
    pub fn finish(mut self) -> Result<Vec<i16>, SpeechError> {
        let Some(filter) = &mut self.filter else { return Ok(Vec::new()) };
        let due = (filter.taken * u64::from(filter.to_hz)).div_ceil(u64::from(filter.from_hz));
        let missing = (due - filter.given) as usize;
        let mut converted = Vec::with_capacity(missing);
        while converted.len() < missing {
            // Silence pushes the last real samples through the filter.
            filter.input.resize(filter.sinc.input_frames_next(), 0.0);
            filter.run(&mut converted)?;
        }
        converted.truncate(missing);
        Ok(converted)
    }
}

impl Filter {
    /// Converts all whole chunks of the input.
    fn run(&mut self, converted: &mut Vec<i16>) -> Result<(), SpeechError> {
        let failed = |reason: String| SpeechError::Engine { engine: "resampler", reason };
        let mut used = 0;
        while self.input.len() - used >= self.sinc.input_frames_next() {
            let wanted = self.sinc.input_frames_next();
            let capacity = self.output.len();
            let source = SequentialSlice::new(&self.input[used..used + wanted], 1, wanted)
                .map_err(|error| failed(error.to_string()))?;
            let mut target = SequentialSlice::new_mut(&mut self.output, 1, capacity)
                .map_err(|error| failed(error.to_string()))?;
            let (taken, given) = self
                .sinc
                .process_into_buffer(&source, &mut target, None::<&Indexing>)
                .map_err(|error| failed(error.to_string()))?;
            used += taken;
            let skipped = self.skip.min(given);
            self.skip -= skipped;
            converted.extend(self.output[skipped..given].iter().map(|&value| to_i16(value)));
        }
        self.input.drain(..used);
        Ok(())
    }
}

/// Converts all of a finished piece of audio at once.
pub(crate) fn all(samples: Vec<i16>, from_hz: u32, to_hz: u32) -> Result<Vec<i16>, SpeechError> {
    let mut resampler = Resampler::new(from_hz, to_hz)?;
    if resampler.filter.is_none() {
        return Ok(samples);
    }
    let mut converted = resampler.push(&samples)?;
    converted.extend(resampler.finish()?);
    Ok(converted)
}

/// Full scale is ±1.0; louder is clipped, never wrapped.
pub(crate) fn to_i16(value: f32) -> i16 {
    (value * 32_768.0).round() as i16 // `as` saturates, and makes NaN 0
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.filter {
            Some(filter) => write!(f, "Resampler({} → {} Hz)", filter.from_hz, filter.to_hz),
            None => write!(f, "Resampler(same rate)"),
        }
    }
}

#[cfg(test)]
mod tests;
