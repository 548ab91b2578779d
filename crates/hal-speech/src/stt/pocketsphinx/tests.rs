//! With the real library, model and espeak-ng where they are installed.

use super::*;
use crate::FRAME_SAMPLES;
use crate::testing::{self, silence, spoken};

const SENTENCES: [&str; 9] = [
    "what medications am i taking",
    "when is my next appointment",
    "when is my next appointment with doctor patel",
    "what was my blood pressure last week",
    "add milk to my shopping list",
    "what is on my shopping list",
    "what time is it",
    "yes",
    "no",
];

fn vocabulary(sentences: &[&str], words: &[&str]) -> Vocabulary {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Vocabulary { sentences: owned(sentences), words: owned(words) }
}

/// Gives the engine, ready, or says visibly that the test was skipped.
fn ears(config: Config) -> Option<PocketSphinx> {
    match PocketSphinx::open(&config) {
        Ok(ears) => {
            ears.wait_until_ready().unwrap();
            Some(ears)
        }
        Err(missing) => {
            use std::io::Write;
            writeln!(std::io::stderr(), "skipped: {missing}").ok();
            None
        }
    }
}

fn config(folder: &Path) -> Config {
    // Fewer general words than by default: these tests run unoptimised.
    Config {
        cache_dir: folder.to_path_buf(),
        vocabulary: vocabulary(&SENTENCES, &[]),
        general_words: 500,
        recognisers_max: 2,
        ..Config::default()
    }
}

fn hear(ears: &PocketSphinx, speech: &[i16]) -> Transcript {
    let mut recognition = ears.start().unwrap();
    let audio = [&silence(200), speech, &silence(300)].concat();
    audio.chunks(FRAME_SAMPLES).for_each(|frame| recognition.push(frame).unwrap());
    recognition.finish().unwrap()
}

fn best(transcript: &Transcript) -> &str {
    transcript.hypotheses.first().map_or("", |hypothesis| hypothesis.text.as_str())
}

fn files_below(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().flatten().count()
}

#[test]
fn questions_are_heard_word_by_word_with_readings_and_confidence() {
    let Some(mouth) = testing::espeak("en-us") else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(ears) = ears(config(folder.path())) else { return };
    for sentence in SENTENCES {
        let transcript = hear(&ears, &spoken(&mouth, sentence));
        assert_eq!(best(&transcript), sentence);
        assert!(transcript.hypotheses.len() <= 5);
        assert!(transcript.hypotheses.iter().all(|h| (0.0..=1.0).contains(&h.confidence)));
        assert!(transcript.hypotheses[0].confidence >= ears.doubt_below(), "{sentence}: {transcript:?}");
        let mut texts: Vec<&str> = transcript.hypotheses.iter().map(|h| h.text.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), transcript.hypotheses.len(), "two readings with the same words");
    }
    let foreign = hear(&ears, &spoken(&mouth, "the committee voted against the proposal"));
    let confidence = foreign.hypotheses.first().map_or(0.0, |hypothesis| hypothesis.confidence);
    assert!(confidence < ears.doubt_below(), "{confidence}");
}

#[test]
fn a_partial_result_is_there_before_the_end_and_silence_says_nothing() {
    let Some(mouth) = testing::espeak("en-us") else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(ears) = ears(config(folder.path())) else { return };
    let mut recognition = ears.start().unwrap();
    assert_eq!(recognition.partial(), None);
    recognition.push(&spoken(&mouth, "what was my blood pressure last week")).unwrap();
    assert!(recognition.partial().unwrap().starts_with("what"));
    drop(recognition);
    assert_eq!(hear(&ears, &[]), Transcript::default());
    assert_eq!(ears.start().unwrap().finish().unwrap(), Transcript::default());
}

#[test]
fn a_new_vocabulary_is_heard_while_the_old_utterance_finishes_with_the_old_words() {
    let Some(mouth) = testing::espeak("en-us") else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(ears) = ears(config(folder.path())) else { return };
    let mut old = ears.start().unwrap();
    let question = spoken(&mouth, SENTENCES[0]);
    old.push(&question[..question.len() / 2]).unwrap();
    // The name is in no dictionary.
    let new = "what is my dose of apixaban";
    ears.set_vocabulary(vocabulary(&[new], &[]));
    ears.wait_until_ready().unwrap();
    assert_eq!(best(&hear(&ears, &spoken(&mouth, new))), new);
    old.push(&[&question[question.len() / 2..], &silence(300)].concat()).unwrap();
    assert_eq!(best(&old.finish().unwrap()), SENTENCES[0]);
    // The files of the old words went with the last recogniser that used them.
    assert_eq!(files_below(folder.path()), 1);
}

#[test]
fn the_pool_has_a_limit_and_a_dropped_utterance_gives_its_place_back() {
    let folder = tempfile::tempdir().unwrap();
    let Some(ears) = ears(config(folder.path())) else { return };
    let (one, two) = (ears.start().unwrap(), ears.start().unwrap());
    let busy = ears.start().err().unwrap();
    assert!(matches!(busy, SpeechError::Busy { limit: 2, .. }), "{busy}");
    assert_eq!(busy.to_string(), "all 2 recognisers are in use; try again in a moment");
    drop(one);
    let three = ears.start().unwrap();
    drop((two, three));
    assert!(ears.start().is_ok());
}

#[test]
fn what_is_said_before_the_first_recogniser_is_ready_is_not_lost() {
    let Some(mouth) = testing::espeak("en-us") else { return };
    let folder = tempfile::tempdir().unwrap();
    let Ok(ears) = PocketSphinx::open(&config(folder.path())) else { return };
    assert_eq!(best(&hear(&ears, &spoken(&mouth, "what time is it"))), "what time is it");
}

#[test]
fn an_utterance_has_a_greatest_length() {
    let folder = tempfile::tempdir().unwrap();
    let Some(ears) = ears(config(folder.path())) else { return };
    let mut recognition = ears.start().unwrap();
    let error = recognition.push(&vec![0; UTTERANCE_SAMPLES_MAX + 1]).unwrap_err();
    assert_eq!(error.to_string(), "the utterance is longer than the limit of 60 seconds");
}

#[test]
fn no_vocabulary_is_general_english_and_odd_words_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let odd = vocabulary(
        &["", "   ", "日本 語", "C'EST LA VIE!", "a\0b"],
        &["<s>", "</s>", "-", "'", "x".repeat(500).as_str()],
    );
    let Some(ears) = ears(Config { vocabulary: odd, ..config(folder.path()) }) else { return };
    ears.set_vocabulary(Vocabulary::default());
    ears.wait_until_ready().unwrap();
    assert_eq!(hear(&ears, &[]), Transcript::default());
}

#[test]
fn the_words_on_disk_are_for_this_user_only_and_go_with_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let Some(ears) = ears(config(folder.path())) else { return };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let inner = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
        assert_eq!(inner.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
    assert_eq!(files_below(folder.path()), 1);
    ears.pool.close_and_wait();
    drop(ears);
    assert_eq!(files_below(folder.path()), 0);
}

#[test]
fn what_is_missing_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let Err(missing) =
        PocketSphinx::open(&Config { model_dir: Some("/nonexistent".into()), ..config(folder.path()) })
    else {
        panic!("there is no model")
    };
    let line = missing.to_string();
    assert!(!line.contains('\n') && line.contains("install"), "{line}");
}
