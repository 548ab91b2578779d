use super::*;

/// A tone of one second.
fn tone(hz: f32, rate_hz: u32) -> Vec<i16> {
    (0..rate_hz)
        .map(|i| (10_000.0 * (std::f32::consts::TAU * hz * i as f32 / rate_hz as f32).sin()) as i16)
        .collect()
}

/// Gives the largest difference, without the edges, where a filter rings.
fn difference(a: &[i16], b: &[i16]) -> i32 {
    a.iter()
        .zip(b)
        .skip(400)
        .rev()
        .skip(400)
        .map(|(&a, &b)| (i32::from(a) - i32::from(b)).abs())
        .max()
        .unwrap()
}

#[test]
fn a_tone_stays_the_same_tone_in_place_and_length() {
    for rate_hz in [8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000] {
        let converted = all(tone(440.0, rate_hz), rate_hz, 16_000).unwrap();
        assert_eq!(converted.len(), 16_000, "{rate_hz}");
        let difference = difference(&converted, &tone(440.0, 16_000));
        // At 440 Hz and 16 kHz the tone moves by up to 1728 in one sample: half a sample at most, none for whole ratios.
        let allowed = if rate_hz % 16_000 == 0 || rate_hz == 8_000 { 50 } else { 900 };
        assert!(difference < allowed, "{rate_hz}: off by {difference} of 10000");
    }
}

#[test]
fn what_the_new_rate_cannot_hold_is_gone_and_not_folded_back() {
    for (hz, rate_hz) in [(10_000.0, 44_100), (12_000.0, 48_000), (9_500.0, 22_050), (20_000.0, 192_000)] {
        let converted = all(tone(hz, rate_hz), rate_hz, 16_000).unwrap();
        let loudest = converted[400..15_600].iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(loudest < 100, "{hz} Hz at {rate_hz}: {loudest}");
    }
}

#[test]
fn chunks_of_any_length_give_the_same_samples() {
    let whole = tone(300.0, 44_100);
    let expected = all(whole.clone(), 44_100, 16_000).unwrap();
    for length in [1, 7, 441, 4_096] {
        let mut resampler = Resampler::new(44_100, 16_000).unwrap();
        let mut converted = Vec::new();
        for chunk in whole.chunks(length) {
            converted.extend(resampler.push(chunk).unwrap());
        }
        converted.extend(resampler.finish().unwrap());
        assert!(converted == expected, "chunks of {length}");
    }
}

#[test]
fn a_stream_is_never_far_behind() {
    let mut resampler = Resampler::new(48_000, 16_000).unwrap();
    let given: usize = (0..50).map(|_| resampler.push(&[0; 960]).unwrap().len()).sum();
    assert!(given > 16_000 - 320, "{given} of 16000 after one second");
}

#[test]
fn nothing_gives_nothing_and_little_gives_little() {
    assert_eq!(all(vec![], 48_000, 16_000).unwrap(), []);
    assert_eq!(all(vec![5], 48_000, 16_000).unwrap().len(), 1);
    assert_eq!(all(vec![5; 3], 16_000, 16_000).unwrap(), [5; 3]);
}

#[test]
fn rates_that_no_sound_card_has_are_refused() {
    for rate_hz in [0, 1, 7_999, 192_001, u32::MAX] {
        let message = Resampler::new(rate_hz, 16_000).unwrap_err().to_string();
        assert!(message.contains("send 8000 to 192000 Hz"), "{message}");
    }
}
