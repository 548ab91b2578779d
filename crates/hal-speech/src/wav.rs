//! WAV files, whole in memory. Knows no sample rate conversion.
//!
//! hound reads the samples. The chunks around them are found here, because hound believes the header and programs that
//! write while they speak (espeak-ng, browsers, ffmpeg into a pipe) cannot know the length: they write 0, 0x7FFFF000 or
//! 0xFFFFFFFF, and the last sample may be cut.

use std::io::Cursor;

use crate::{SpeechError, resample::to_i16};

/// The most channels of a file that is mixed down to one.
pub const CHANNELS_MAX: u16 = 8;

/// Gives the samples, mixed down to mono i16, and their rate in Hz.
///
/// Reads PCM of 8, 16, 24 and 32 bits and 32-bit float, 1 to [`CHANNELS_MAX`] channels, plain or `WAVE_FORMAT_EXTENSIBLE`.
///
/// # Errors
/// `BadAudio` with what is wrong with the file.
pub fn decode(bytes: &[u8]) -> Result<(Vec<i16>, u32), SpeechError> {
    let repaired = with_true_lengths(bytes)?;
    let mut reader = hound::WavReader::new(Cursor::new(repaired)).map_err(bad)?;
    let spec = reader.spec();
    if !(1..=CHANNELS_MAX).contains(&spec.channels) {
        return Err(SpeechError::BadAudio(format!("{} channels; send 1 to {CHANNELS_MAX}", spec.channels)));
    }
    let channels = usize::from(spec.channels);
    let values: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>().map_err(bad)?,
        hound::SampleFormat::Int => {
            let full_scale = (1u64 << (spec.bits_per_sample - 1)) as f32;
            reader
                .samples::<i32>()
                .map(|v| v.map(|v| v as f32 / full_scale))
                .collect::<Result<_, _>>()
                .map_err(bad)?
        }
    };
    let samples =
        values.chunks_exact(channels).map(|one| to_i16(one.iter().sum::<f32>() / channels as f32)).collect();
    Ok((samples, spec.sample_rate))
}

/// Gives a WAV file: PCM, mono, 16 bits.
pub fn encode(samples: &[i16], rate_hz: u32) -> Vec<u8> {
    let bytes = 2 * samples.len() as u32;
    let mut file = Vec::with_capacity(44 + bytes as usize);
    file.extend_from_slice(&header(36 + bytes));
    file.extend_from_slice(b"fmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&rate_hz.to_le_bytes());
    file.extend_from_slice(&(2 * rate_hz).to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&bytes.to_le_bytes());
    samples.iter().for_each(|sample| file.extend_from_slice(&sample.to_le_bytes()));
    file
}

fn header(size: u32) -> [u8; 12] {
    let mut header = *b"RIFF\0\0\0\0WAVE";
    header[4..8].copy_from_slice(&size.to_le_bytes());
    header
}

fn bad(error: hound::Error) -> SpeechError {
    SpeechError::BadAudio(format!("{error}; send WAV with PCM of 8 to 32 bits or 32-bit float"))
}

/// Gives a file of nothing but the format and the samples, with lengths that are true.
fn with_true_lengths(bytes: &[u8]) -> Result<Vec<u8>, SpeechError> {
    let broken = |what: &str| SpeechError::BadAudio(format!("{what}; send a WAV file"));
    if bytes.len() < 12 || !bytes.starts_with(b"RIFF") || &bytes[8..12] != b"WAVE" {
        return Err(broken("this is no RIFF/WAVE file"));
    }
    let mut format: Option<&[u8]> = None;
    let mut rest = &bytes[12..];
    while rest.len() >= 8 {
        let (name, stated) = (&rest[..4], u32::from_le_bytes([rest[4], rest[5], rest[6], rest[7]]) as usize);
        let body = &rest[8..];
        match name {
            b"data" => {
                let format = format.ok_or_else(|| broken("the samples come before their format"))?;
                // 0 is what a stream writes that could not come back; a really empty file has nothing behind it either.
                let length = if stated == 0 { body.len() } else { stated.min(body.len()) };
                let frame = usize::from(u16::from_le_bytes([format[12], format[13]])).max(1);
                return Ok(file_of(format, &body[..length - length % frame]));
            }
            b"fmt " if stated < 16 || body.len() < stated => {
                return Err(broken("the format chunk is cut off"));
            }
            b"fmt " => format = Some(&body[..stated]),
            _ => {}
        }
        // Chunks are padded to even lengths.
        rest = body.get(stated + stated % 2..).unwrap_or_default();
    }
    Err(broken("no samples in this WAV file"))
}

fn file_of(format: &[u8], data: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(28 + format.len() + data.len());
    file.extend_from_slice(&header((20 + format.len() + data.len()) as u32));
    file.extend_from_slice(b"fmt ");
    file.extend_from_slice(&(format.len() as u32).to_le_bytes());
    file.extend_from_slice(format);
    file.extend_from_slice(b"data");
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(data);
    file
}

#[cfg(test)]
mod tests;
