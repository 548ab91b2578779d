//! A question spoken by espeak-ng, in each form that clients send sound.

use hal_sim::client::Client;
use hal_sim::{programs, speech};
use hal_wire::audio::{from_base64, to_base64};
use serde_json::{Value, json};

use crate::household::{Household, QUESTION, assert_names_medication};

/// Samples in one browser frame (dialect W) and in one chunk of the old voice client (dialect G).
const STREAM_SAMPLES: usize = 4096;
const CHUNK_SAMPLES: usize = 512;
/// 20 ms at 16 kHz.
const FRAME_SAMPLES: usize = 320;

/// Speaks the question through `send`, and expects words, an answer from a record, and a voice.
#[track_caller]
fn check(test: &str, send: impl Fn(&mut Client, &[i16])) {
    if !programs::present(test, &["espeak-ng", "pocketsphinx"]) {
        return;
    }
    let home = Household::start();
    let mut client = home.connect();
    assert_eq!(client.greeting["hearing"], true, "{}", client.greeting);
    assert_eq!(client.greeting["speaking"], true, "{}", client.greeting);
    let question = speech::spoken(QUESTION).expect("espeak-ng speaks");
    send(&mut client, &question);
    let answer = client.answer().expect("an answer");
    let words = answer["transcription"].as_str().expect("what was heard").to_lowercase();
    assert!(words.contains("medication"), "heard {words:?}");
    assert_spoken(&answer);
    // Nothing is left over of it, such as an error about the silence behind the question.
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
}

#[track_caller]
fn assert_spoken(answer: &Value) {
    assert_names_medication(answer);
    assert_eq!(answer["audio_format"], "wav");
    let wav = from_base64(answer["audio"].as_str().expect("a spoken answer")).expect("base64");
    let sound = speech::heard(&wav).expect("a WAV file");
    assert!(sound.seconds > 1.0 && sound.loudness > 100.0, "{sound:?}");
}

#[test]
fn a_browser_that_streams_without_end_is_heard_and_answered() {
    check("voice: stream of samples", |client, question| {
        // A browser's microphone never stops: silence follows, and the server must notice the end by itself.
        let stream = [question, &speech::silence(2_500)].concat();
        for samples in stream.chunks(STREAM_SAMPLES) {
            client.send(&json!({"type": "audio_stream", "audio": samples})).expect("sent");
        }
    });
}

/// Wake word, chunks of `recording`, end of speech: what the old voice client should have sent.
fn send_chunks(client: &mut Client, recording: &[i16]) {
    client.send(&json!({"type": "wake_word_detected", "wake_word": "hey hal"})).expect("sent");
    assert_eq!(client.next_frame().expect("a frame")["type"], "ack", "old clients read the chime first");
    assert_eq!(client.next_frame().expect("a frame")["new_state"], "active_listening");
    for samples in recording.chunks(CHUNK_SAMPLES) {
        let audio = to_base64(&speech::bytes(samples));
        client.send(&json!({"type": "audio_chunk", "audio": audio, "sample_rate": 16_000})).expect("sent");
    }
    client.send(&json!({"type": "speech_ended"})).expect("sent");
}

#[test]
fn a_voice_client_that_says_where_speech_ends_is_heard_and_answered() {
    // Without the pause after it: the client is quicker than the endpointer.
    check("voice: chunks", |client, question| {
        send_chunks(client, &question[..question.len() - speech::silence(500).len()]);
    });
}

#[test]
fn a_voice_client_that_says_so_late_is_answered_once() {
    // The endpointer was quicker; the silence that still came was once taken for a second, empty question.
    check("voice: late end of chunks", |client, question| {
        send_chunks(client, &[question, &speech::silence(1_500)].concat());
    });
}

#[test]
fn binary_frames_are_sound() {
    check("voice: binary frames", |client, question| {
        let stream = [question, &speech::silence(2_500)].concat();
        for samples in stream.chunks(FRAME_SAMPLES) {
            client.send_bytes(speech::bytes(samples)).expect("sent");
        }
    });
}

#[test]
fn a_whole_wav_file_in_one_frame_is_a_question() {
    check("voice: one WAV file", |client, question| {
        let stream = [question, &speech::silence(2_500)].concat();
        client.send_bytes(speech::wav(&stream)).expect("sent");
    });
}

#[test]
fn silence_is_not_a_question() {
    if !programs::present("voice: silence", &["pocketsphinx"]) {
        return;
    }
    let home = Household::start();
    let mut client = home.connect();
    for samples in speech::silence(3_000).chunks(STREAM_SAMPLES) {
        client.send(&json!({"type": "audio_stream", "audio": samples})).expect("sent");
    }
    // Nothing was said, so the first frames after it belong to the typed question.
    client.send(&json!({"type": "text_input", "text": QUESTION})).expect("sent");
    let first = client.next_frame().expect("a frame");
    assert_eq!(first["type"], "processing", "{first}");
    assert_names_medication(&client.answer().expect("an answer"));
}
