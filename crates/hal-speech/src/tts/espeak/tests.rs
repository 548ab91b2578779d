use super::*;
use crate::testing::{espeak, loudness, spoken};

#[test]
fn an_answer_is_spoken_at_16_khz_in_chunks() {
    let Some(engine) = espeak("en-us") else { return };
    assert_eq!(engine.rate_hz(), 16_000);
    let mut chunks = 0;
    let mut audio = Vec::new();
    engine
        .speak("You take metformin, 500 milligrams, twice a day.", &mut |samples| {
            assert!(!samples.is_empty());
            chunks += 1;
            audio.extend_from_slice(samples);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(chunks > 10, "{chunks} chunks");
    let seconds = audio.len() as f32 / 16_000.0;
    assert!((2.0..6.0).contains(&seconds), "{seconds} s");
    assert!(loudness(&audio) > 0.02);
}

#[test]
fn the_engines_own_rate_is_kept_when_asked() {
    let Some(found) = espeak("en-us") else { return };
    let own = Espeak { config: Config { resample: false, ..found.config.clone() }, ..found.clone() };
    assert_eq!(own.rate_hz(), 22_050);
    let (own, found) = (spoken(&own, "good morning"), spoken(&found, "good morning"));
    let ratio = own.len() as f32 / found.len() as f32;
    assert!((ratio - 22_050.0 / 16_000.0).abs() < 0.01, "{ratio}");
}

#[test]
fn voice_and_speed_are_heard() {
    let Some(engine) = espeak("en-us") else { return };
    let faster =
        Espeak { config: Config { words_per_minute: 300, ..engine.config.clone() }, ..engine.clone() };
    let text = "your next appointment is on friday at ten";
    assert!(spoken(&faster, text).len() * 5 < spoken(&engine, text).len() * 4);
    let Some(other) = espeak("en-us+f3") else { return };
    assert!(spoken(&other, text) != spoken(&engine, text));
}

#[test]
fn break_stops_at_once_and_leaves_no_process() {
    let Some(engine) = espeak("en-us") else { return };
    let text = "this is a long answer that nobody wants to hear to its end. ".repeat(50);
    let mut chunks = 0;
    engine
        .speak(&text, &mut |_| {
            chunks += 1;
            if chunks == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(chunks, 2);
    #[cfg(target_os = "linux")]
    {
        // Tests run side by side and each has its espeak for a moment: a zombie is one that is over and still there.
        let ours = format!("PPid:\t{}\n", std::process::id());
        let zombies = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
            let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            status.contains(&ours) && status.contains("State:\tZ")
        });
        let stays = zombies
            .filter(|entry| {
                (0..1_000).all(|_| {
                    std::thread::yield_now();
                    entry.path().exists()
                })
            })
            .count();
        assert_eq!(stays, 0);
    }
}

#[test]
fn nothing_in_the_text_is_a_command_to_the_program() {
    for (text, plain) in [
        ("[[h@'loU]] there", "h@'loU there"),
        ("<speak>five &lt; six</speak>", "speak five &lt; six /speak"),
        ("a\u{1}50Pb\0c\r\n\td", "a 50Pb c d"),
        ("  \n ", ""),
    ] {
        assert_eq!(speakable(text), plain);
    }
    let Some(engine) = espeak("en-us") else { return };
    // A line that looks like an option is text.
    assert!(loudness(&spoken(&engine, "--version")) > 0.01);
    assert_eq!(spoken(&engine, " <> "), []);
}

#[test]
fn a_text_without_end_is_refused_before_anything_runs() {
    let nowhere = Espeak { program: "/nonexistent".into(), config: Config::default() };
    let error =
        nowhere.speak(&"a".repeat(TEXT_BYTES_MAX + 1), &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.to_string(), "the text to speak is longer than the limit of 5000 bytes");
}

#[test]
fn a_program_that_is_not_there_is_one_clear_line() {
    let config = Config { program: Some("/nonexistent/espeak-ng".into()), ..Config::default() };
    let line = Espeak::find(&config).unwrap_err().to_string();
    assert!(
        line.starts_with("espeak-ng does not run as /nonexistent/espeak-ng; install it with: "),
        "{line}"
    );
}

#[test]
fn a_voice_is_a_name_and_nothing_else() {
    for voice in ["", "-f/etc/passwd", "../../x", "en us", "en;ls"] {
        let missing = Espeak::find(&Config { voice: voice.into(), ..Config::default() }).unwrap_err();
        assert!(missing.what.contains("is not the name of an espeak-ng voice"), "{missing}");
    }
}

#[test]
fn a_voice_that_is_not_installed_is_an_error_and_not_silence() {
    let Some(engine) = espeak("xx-nowhere") else { return };
    let error = engine.speak("hello", &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, SpeechError::Engine { engine: "espeak", .. }), "{error}");
}

#[test]
fn phonemes_come_one_line_for_each_word() {
    let Some(engine) = espeak("en-us") else { return };
    let words = ["metformin", "b12", "o'brien", "日本", "xyzzy"].map(str::to_owned);
    let phonemes = engine.phonemes(&words);
    assert_eq!(phonemes.len(), words.len());
    assert!(phonemes[0].starts_with("m_"), "{}", phonemes[0]);
}
