use super::*;

/// A WAV file with these format fields and data, and a stated length of the data.
fn file(format_tag: u16, channels: u16, rate_hz: u32, bits: u16, data: &[u8], stated: u32) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut file = header(36 + data.len() as u32).to_vec();
    file.extend_from_slice(b"fmt \x10\0\0\0");
    file.extend_from_slice(&format_tag.to_le_bytes());
    file.extend_from_slice(&channels.to_le_bytes());
    file.extend_from_slice(&rate_hz.to_le_bytes());
    file.extend_from_slice(&(rate_hz * u32::from(frame)).to_le_bytes());
    file.extend_from_slice(&frame.to_le_bytes());
    file.extend_from_slice(&bits.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&stated.to_le_bytes());
    file.extend_from_slice(data);
    file
}

fn check(bytes: &[u8], samples: &[i16], rate_hz: u32) {
    let (decoded, rate) = decode(bytes).unwrap();
    assert_eq!((decoded.as_slice(), rate), (samples, rate_hz));
}

#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    let message = decode(bytes).unwrap_err().to_string();
    assert!(message.contains(reason), "{message}");
}

#[test]
fn what_was_encoded_is_decoded() {
    let samples = [0, 1, -1, i16::MAX, i16::MIN, 1_234];
    for rate_hz in [8_000, 16_000, 22_050, 48_000] {
        check(&encode(&samples, rate_hz), &samples, rate_hz);
    }
    check(&encode(&[], 16_000), &[], 16_000);
}

#[test]
fn every_width_gives_the_same_loudness() {
    check(&file(1, 1, 8_000, 8, &[128, 255, 0, 192], 4), &[0, 32_512, -32_768, 16_384], 8_000);
    check(&file(1, 1, 44_100, 24, &[0, 0, 0x40, 0, 0, 0xC0], 6), &[16_384, -16_384], 44_100);
    check(&file(1, 1, 96_000, 32, &[0, 0, 0, 0x40, 0, 0, 0, 0x80], 8), &[16_384, -32_768], 96_000);
    let floats: Vec<u8> =
        [0.5f32, -1.0, 1.5, f32::NAN].iter().flat_map(|value| value.to_le_bytes()).collect();
    check(&file(3, 1, 48_000, 32, &floats, 16), &[16_384, -32_768, i16::MAX, 0], 48_000);
}

#[test]
fn channels_are_mixed_to_their_mean() {
    let stereo: Vec<u8> = [1_000i16, 3_000, -2, -4].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    check(&file(1, 2, 16_000, 16, &stereo, 8), &[2_000, -3], 16_000);
    let eight: Vec<u8> =
        [800i16, 0, 0, 0, 0, 0, 0, 0].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    check(&file(1, 8, 16_000, 16, &eight, 16), &[100], 16_000);
}

#[test]
fn lengths_of_a_stream_are_not_believed() {
    // espeak-ng, ffmpeg into a pipe, and a writer that never came back.
    for stated in [0x7FFF_F000, 0xFFFF_FFFF, 0] {
        check(&file(1, 1, 22_050, 16, &[1, 0, 2, 0], stated), &[1, 2], 22_050);
    }
    // The last sample is cut.
    check(&file(1, 1, 22_050, 16, &[1, 0, 2], 0xFFFF_FFFF), &[1], 22_050);
}

#[test]
fn the_extensible_form_is_read_and_other_chunks_are_passed_over() {
    let mut bytes = header(0).to_vec();
    bytes.extend_from_slice(b"LIST\x03\0\0\0abc\0");
    bytes.extend_from_slice(b"fmt \x28\0\0\0\xFE\xFF\x01\0");
    bytes.extend_from_slice(&16_000u32.to_le_bytes());
    bytes.extend_from_slice(&32_000u32.to_le_bytes());
    bytes.extend_from_slice(&[2, 0, 16, 0, 22, 0, 16, 0, 4, 0, 0, 0]);
    // The sub-format for PCM, {00000001-0000-0010-8000-00AA00389B71}.
    bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
    bytes.extend_from_slice(b"data\x04\0\0\0\x05\0\x06\0LIST\x02\0\0\0xx");
    check(&bytes, &[5, 6], 16_000);
}

#[test]
fn what_is_no_sound_is_refused_with_a_reason() {
    refused(b"", "no RIFF/WAVE");
    refused(b"RIFF\0\0\0\0AVI ", "no RIFF/WAVE");
    refused(b"RIFF\0\0\0\0WAVEfmt \xFF\0\0\0\x01", "format chunk is cut off");
    refused(b"RIFF\0\0\0\0WAVEdata\x02\0\0\0\0\0", "before their format");
    refused(&encode(&[1], 16_000)[..36], "no samples");
    refused(&file(1, 9, 16_000, 16, &[0; 18], 18), "9 channels; send 1 to 8");
    refused(&file(0x11, 1, 16_000, 4, &[0; 4], 4), "send WAV with PCM");
    refused(&file(1, 0, 16_000, 16, &[0; 4], 4), "send");
}

#[test]
fn a_file_cut_or_damaged_anywhere_does_no_harm() {
    let whole = file(1, 2, 16_000, 16, &[1, 2, 3, 4, 5, 6, 7, 8], 8);
    for length in 0..whole.len() {
        decode(&whole[..length]).ok();
    }
    for at in 0..44 {
        for value in [0, 1, 0x7F, 0x80, 0xFF] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            decode(&damaged).ok();
        }
    }
}
