use super::*;
use crate::testing::{espeak, loudness, pink_noise, silence, spoken};

/// Pushes chunk by chunk; gives each edge with the sample at which it was told, and what a recogniser would have got.
fn run(audio: &[i16], chunk: usize, config: EndpointerConfig) -> (Vec<(Edge, usize)>, Vec<i16>) {
    let mut endpointer = Endpointer::new(config);
    let (mut edges, mut heard, mut at) = (Vec::new(), Vec::new(), 0);
    for samples in audio.chunks(chunk) {
        at += samples.len();
        let was_speaking = endpointer.speaking();
        let mut edge = endpointer.push(samples);
        if was_speaking {
            heard.extend_from_slice(samples);
        }
        while let Some(found) = edge {
            if found == Edge::Started {
                heard.extend_from_slice(endpointer.pre_roll());
            }
            edges.push((found, at));
            edge = endpointer.push(&[]);
        }
    }
    (edges, heard)
}

fn kinds(edges: &[(Edge, usize)]) -> Vec<Edge> {
    edges.iter().map(|&(edge, _)| edge).collect()
}

const QUESTION: &str = "what medications am i taking";

#[test]
fn a_question_between_silences_has_one_beginning_and_one_end_in_chunks_of_any_length() {
    let Some(engine) = espeak("en-us") else { return };
    let question = spoken(&engine, QUESTION);
    let audio = [silence(1_000), question.clone(), silence(1_500)].concat();
    for chunk in [1, 160, 256, 320, 512, 4_096] {
        let (edges, heard) = run(&audio, chunk, EndpointerConfig::default());
        assert_eq!(kinds(&edges), [Edge::Started, Edge::Ended], "chunks of {chunk}");
        let (started, ended) = (edges[0].1, edges[1].1);
        // The beginning is told within half a second of the voice, the end 0.7 s after it (and a chunk later at most).
        assert!((16_000..24_500 + chunk).contains(&started), "chunks of {chunk}: {started}");
        let silent_since = 16_000 + question.len();
        // espeak-ng lets its own last 100 to 300 ms be silent.
        assert!(
            (silent_since + 4_000..silent_since + 13_000 + chunk).contains(&ended),
            "chunks of {chunk}: {ended}"
        );
        // The first sound is in what the recogniser got: nothing loud was left out.
        assert!(heard.len() + 1_000 > question.len(), "chunks of {chunk}");
        let missed = &audio[..ended - heard.len()];
        assert!(loudness(missed) < 0.000_1, "chunks of {chunk}: {}", loudness(missed));
    }
}

#[test]
fn noise_alone_begins_nothing() {
    for (seed, loudness) in [(1, 0.002), (2, 0.01), (3, 0.05), (4, 0.2)] {
        let (edges, _) = run(&pink_noise(seed, 10_000, loudness), 320, EndpointerConfig::default());
        assert_eq!(edges, [], "seed {seed}, loudness {loudness}");
    }
}

#[test]
fn a_question_in_noise_ends_though_the_noise_goes_on() {
    let Some(engine) = espeak("en-gb") else { return };
    let question = spoken(&engine, QUESTION);
    let mut audio = [silence(1_000), question.clone(), silence(2_000)].concat();
    // About 20 dB below the voice.
    let noise = pink_noise(5, audio.len() / 16, loudness(&question) / 10.0);
    audio.iter_mut().zip(&noise).for_each(|(sample, noise)| *sample = sample.saturating_add(*noise));
    let (edges, _) = run(&audio, 320, EndpointerConfig::default());
    assert_eq!(kinds(&edges), [Edge::Started, Edge::Ended]);
    assert!(edges[1].1 < 16_000 + question.len() + 20_000, "{edges:?}");
}

#[test]
fn two_questions_are_two_utterances_and_a_pause_for_thought_is_none() {
    let Some(engine) = espeak("en-us") else { return };
    let question = spoken(&engine, QUESTION);
    let two = [&question[..], &silence(1_200), &question, &silence(1_200)].concat();
    let (edges, _) = run(&two, 512, EndpointerConfig::default());
    assert_eq!(kinds(&edges), [Edge::Started, Edge::Ended, Edge::Started, Edge::Ended]);
    let one = [&question[..], &silence(300), &question, &silence(1_200)].concat();
    let (edges, _) = run(&one, 512, EndpointerConfig::default());
    assert_eq!(kinds(&edges), [Edge::Started, Edge::Ended]);
}

#[test]
fn a_chunk_with_both_edges_gives_one_after_the_other() {
    let Some(engine) = espeak("en-us") else { return };
    let audio = [silence(500), spoken(&engine, QUESTION), silence(1_500)].concat();
    let (edges, heard) = run(&audio, audio.len(), EndpointerConfig::default());
    assert_eq!(kinds(&edges), [Edge::Started, Edge::Ended]);
    assert!(loudness(&heard) > 0.01);
}

#[test]
fn an_utterance_has_a_greatest_length() {
    let Some(engine) = espeak("en-us") else { return };
    let text = "one two three four five six seven eight nine ten ".repeat(4);
    let config = EndpointerConfig { utterance_ms_max: 3_000, ..EndpointerConfig::default() };
    let (edges, _) = run(&spoken(&engine, &text), 320, config);
    assert!(edges.len() >= 4, "{edges:?}");
    let length = edges[1].1 - edges[0].1;
    assert!(length <= 48_000, "{length}");
}

#[test]
fn what_is_too_quiet_is_not_for_us() {
    let Some(engine) = espeak("en-us") else { return };
    let whisper: Vec<i16> = spoken(&engine, QUESTION).iter().map(|sample| sample / 200).collect();
    let (edges, _) = run(&whisper, 320, EndpointerConfig::default());
    assert_eq!(edges, []);
}

#[test]
fn memory_stays_bounded_through_an_hour_of_silence() {
    let mut endpointer = Endpointer::new(EndpointerConfig::default());
    for _ in 0..200 {
        endpointer.push(&[0; 4_096]);
        assert!(endpointer.pre_roll.len() <= 16_000);
    }
    assert!(endpointer.pending.is_empty());
}

#[test]
fn reset_forgets_a_half_heard_voice() {
    let Some(engine) = espeak("en-us") else { return };
    let question = spoken(&engine, QUESTION);
    let mut endpointer = Endpointer::new(EndpointerConfig::default());
    while !endpointer.speaking() {
        endpointer.push(&question);
    }
    endpointer.reset();
    assert!(!endpointer.speaking());
    assert_eq!(endpointer.pre_roll(), []);
}
