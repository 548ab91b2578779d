use super::*;

#[test]
fn raw_samples_are_taken_at_the_given_rate() {
    assert_eq!(decode_audio(&[1, 0, 0xFF, 0xFF], 16_000).unwrap(), [1, -1]);
    assert_eq!(decode_audio(&[0; 88_200], 44_100).unwrap().len(), 16_000);
    assert_eq!(decode_audio(&[], 16_000).unwrap(), []);
}

#[test]
fn a_wav_file_brings_its_own_rate() {
    let file = wav::encode(&[0; 48_000], 48_000);
    assert_eq!(decode_audio(&file, 8_000).unwrap().len(), 16_000);
}

#[test]
fn what_is_no_audio_is_refused_with_a_hint() {
    let message = |bytes: &[u8], rate_hz| decode_audio(bytes, rate_hz).unwrap_err().to_string();
    assert!(message(&[1, 2, 3], 16_000).contains("3 bytes are no whole number of 16-bit samples"));
    assert!(message(&[1, 2], 4).contains("send 8000 to 192000 Hz"));
    assert!(message(b"RIFF not really", 16_000).contains("no RIFF/WAVE"));
}

#[test]
fn a_minute_is_heard_and_more_is_refused() {
    let minute = vec![0; 2 * UTTERANCE_SAMPLES_MAX];
    assert_eq!(decode_audio(&minute, 16_000).unwrap().len(), UTTERANCE_SAMPLES_MAX);
    let longer = vec![0; 2 * UTTERANCE_SAMPLES_MAX + 2];
    let error = decode_audio(&longer, 16_000).unwrap_err();
    assert!(matches!(error, SpeechError::TooLong { unit: "seconds", limit: 60, .. }), "{error}");
    let error = decode_audio(&vec![0; AUDIO_BYTES_MAX + 2], 192_000).unwrap_err();
    assert!(matches!(error, SpeechError::TooLong { unit: "bytes", .. }), "{error}");
}

#[test]
fn frames_are_whole_however_the_samples_come() {
    let samples: Vec<i16> = (0..3_210).collect();
    for length in [1, 319, 320, 321, 512, 4_096] {
        let mut framer = Framer::default();
        let mut framed = Vec::new();
        for chunk in samples.chunks(length) {
            framer.push(chunk, |frame| {
                assert_eq!(frame.len(), FRAME_SAMPLES);
                framed.extend_from_slice(frame);
            });
        }
        assert_eq!(framed, samples[..3_200], "chunks of {length}");
    }
}
