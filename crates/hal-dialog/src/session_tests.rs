use super::*;

/// Drives a session and writes down what it does, one word per effect.
struct Script {
    session: Session,
    now: Millis,
}

impl Script {
    fn new() -> Self {
        Self::with(SessionConfig::default())
    }

    fn with(config: SessionConfig) -> Self {
        Self { session: Session::new(config), now: 1_000_000 }
    }

    fn at(&mut self, ms: u64) -> &mut Self {
        self.now = 1_000_000 + ms;
        self
    }

    fn step(&mut self, input: Input) -> Vec<String> {
        self.session.step(self.now, input).iter().map(word).collect()
    }

    fn check(&mut self, input: Input, expected: &[&str]) -> &mut Self {
        assert_eq!(self.step(input), expected);
        self
    }

    /// Lets time pass to the next deadline, which must be `ms` after the start.
    fn due(&mut self, ms: u64, expected: &[&str]) -> &mut Self {
        assert_eq!(self.session.deadline(), Some(1_000_000 + ms), "deadline");
        self.at(ms).check(Input::Deadline, expected)
    }

    fn idle(&mut self) {
        assert_eq!(self.session.deadline(), None, "nothing is waited for");
    }
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::Send(Frame::Ack) => "ack".into(),
        Effect::Send(Frame::Listening { timeout_ms }) => format!("listening {timeout_ms}"),
        Effect::Send(Frame::FollowUp { countdown_ms }) => format!("follow-up {countdown_ms}"),
        Effect::Send(Frame::Passive) => "passive".into(),
        Effect::Send(Frame::Processing) => "processing".into(),
        Effect::Send(Frame::Transcription { text }) => format!("heard {:?}", text.expose()),
        Effect::Send(Frame::Response { answer, sound, is_repeat, .. }) => format!(
            "response {:?}{}{}",
            answer.text.expose(),
            if sound.is_some() { " with sound" } else { "" },
            if *is_repeat { " again" } else { "" }
        ),
        Effect::Send(Frame::Goodbye) => "goodbye".into(),
        Effect::Send(Frame::Error { code, .. }) => format!("error {code}"),
        Effect::FinishHearing(turn) => format!("finish {}", turn.0),
        Effect::DiscardRecording => "discard".into(),
        Effect::Ask { turn, hypotheses, spoken } => {
            format!("ask {} {:?}{}", turn.0, hypotheses[0].expose(), if *spoken { " spoken" } else { "" })
        }
        Effect::Speak { turn, text } => format!("speak {} {:?}", turn.0, text.expose()),
        Effect::Forget(turn) => format!("forget {}", turn.0),
        Effect::Close => "close".into(),
    }
}

fn text(text: &str) -> Input {
    Input::Text { text: text.to_owned().into(), relay: false, turn: None }
}

fn answer(turn: u64, text: &str) -> Input {
    Input::Answered { turn: TurnId(turn), answer: control_answer(text, "x", Outcome::Answered) }
}

fn heard(turn: u64, text: &str) -> Input {
    Input::Heard { turn: TurnId(turn), hypotheses: vec![text.to_owned().into()] }
}

fn sound(turn: u64, duration_ms: u64) -> Input {
    let sound = Sound { wav_base64: "UklGRg==".to_owned().into(), duration_ms };
    Input::Spoken { turn: TurnId(turn), sound: Some(sound) }
}

#[test]
fn a_typed_question_is_answered_and_followed_by_ten_seconds_of_follow_up() {
    let mut script = Script::new();
    script
        .check(text("who"), &["processing", "ask 1 \"who\""])
        .at(5)
        .check(answer(1, "me"), &["response \"me\"", "follow-up 10000"])
        .due(10_005, &["discard", "passive"])
        .idle();
}

#[test]
fn a_second_question_in_the_follow_up_window_is_asked_at_once() {
    let mut script = Script::new();
    script.step(text("a"));
    script.step(answer(1, "A"));
    script.at(1_000).check(text("b"), &["processing", "ask 2 \"b\""]);
    script
        .at(1_001)
        .check(answer(2, "B"), &["response \"B\"", "follow-up 10000"])
        .due(11_001, &["discard", "passive"]);
}

#[test]
fn questions_of_one_session_are_asked_one_after_the_other() {
    let mut script = Script::new();
    script
        .check(text("add milk"), &["processing", "ask 1 \"add milk\""])
        .check(text("yes"), &["processing"])
        .check(answer(1, "Shall I?"), &["response \"Shall I?\"", "ask 2 \"yes\""])
        .check(answer(2, "Done."), &["response \"Done.\"", "follow-up 10000"]);
}

#[test]
fn a_question_behind_a_slow_one_is_asked_beside_it_and_both_are_answered() {
    let mut script = Script::new();
    script.step(text("slow"));
    script
        .check(text("fast"), &["processing"])
        .due(250, &["ask 2 \"fast\""])
        .check(answer(2, "F"), &["response \"F\""])
        .check(answer(1, "S"), &["response \"S\"", "follow-up 10000"]);
}

#[test]
fn stop_takes_effect_at_once_and_a_late_answer_is_dropped() {
    let mut script = Script::new();
    script.step(text("slow"));
    script
        .at(50)
        .check(Input::Command(Command::Stop), &["forget 1", "discard", "passive"])
        .check(answer(1, "too late"), &[])
        .idle();
}

#[test]
fn a_slow_turn_repeats_processing_twice_and_fails_after_a_minute() {
    let mut script = Script::new();
    script.step(text("slow"));
    script
        .due(4_000, &["processing"])
        .due(8_000, &["processing"])
        .due(60_000, &["forget 1", "error TIMEOUT", "passive"])
        .idle();
}

#[test]
fn listening_after_a_wake_word_ends_thirty_seconds_after_the_last_sound() {
    let mut script = Script::new();
    script
        .check(Input::WakeWord, &["discard", "ack", "listening 30000"])
        .check(Input::WakeWord, &[])
        .at(20_000)
        .check(Input::Audio, &[])
        .due(50_000, &["discard", "passive"])
        .idle();
}

#[test]
fn a_chunk_client_gets_processing_before_the_words_are_known() {
    let mut script = Script::new();
    script.step(Input::WakeWord);
    script
        .check(Input::SpeechEnded { source: Source::Chunks }, &["processing", "finish 1"])
        .check(heard(1, "what time is it"), &["ask 1 \"what time is it\" spoken"])
        .check(answer(1, "noon"), &["speak 1 \"noon\""])
        .check(sound(1, 700), &["response \"noon\" with sound", "follow-up 10000"])
        .due(10_700, &["discard", "passive"]);
}

#[test]
fn a_stream_client_learns_first_what_was_heard() {
    let mut script = Script::new();
    script
        .check(Input::SpeechEnded { source: Source::Stream }, &["finish 1"])
        .check(
            heard(1, "what time is it"),
            &["heard \"what time is it\"", "processing", "ask 1 \"what time is it\" spoken"],
        )
        .check(answer(1, "noon"), &["speak 1 \"noon\""])
        .check(sound(1, 700), &["response \"noon\" with sound", "follow-up 10000"]);
    assert!(script.session.is_playing(1_000_699) && !script.session.is_playing(1_000_700));
}

#[test]
fn an_answer_whose_sound_does_not_come_is_sent_without() {
    let mut script = Script::with(SessionConfig { audio: true, ..SessionConfig::default() });
    script.step(text("who"));
    script
        .check(answer(1, "me"), &["speak 1 \"me\""])
        .due(3_000, &["forget 1", "response \"me\"", "follow-up 10000"])
        .check(sound(1, 700), &[]);
}

#[test]
fn speech_that_is_not_understood_is_an_error_and_the_session_rests() {
    let mut script = Script::new();
    script.step(Input::SpeechEnded { source: Source::Stream });
    script
        .check(Input::NotHeard { turn: TurnId(1), code: Code::NotHeard }, &["error NOT_HEARD", "passive"])
        .idle();
}

#[test]
fn a_late_end_of_speech_after_the_endpointer_is_no_error_but_one_without_audio_is() {
    let mut script = Script::new();
    script.check(Input::NoAudio, &["error NO_AUDIO"]);
    script.step(Input::SpeechEnded { source: Source::Chunks });
    script.check(Input::NoAudio, &[]);
}

#[test]
fn repeat_says_the_last_answer_again_or_that_there_is_none() {
    let mut script = Script::new();
    script.check(Input::Command(Command::Repeat), &["response \"I have not said anything yet.\" again"]);
    script.step(text("who"));
    script.step(answer(1, "me"));
    script.check(Input::Command(Command::Repeat), &["response \"me\" again"]);
    script.check(text("repeat"), &["response \"me\" again", "follow-up 10000"]);
}

#[test]
fn a_typed_command_word_is_answered_like_a_question() {
    let mut script = Script::new();
    script.step(text("slow"));
    script.check(text("stop"), &["forget 1", "discard", "response \"Stopped.\"", "passive"]);
    script.check(text("goodbye"), &["discard", "response \"Goodbye.\"", "goodbye"]);
}

#[test]
fn a_relay_reads_exactly_one_frame_per_question() {
    let mut script = Script::new();
    let relay = |text: &str| Input::Text { text: text.to_owned().into(), relay: true, turn: None };
    script.check(relay("who"), &["ask 1 \"who\""]).check(answer(1, "me"), &["response \"me\""]).idle();
    script.check(relay("stop"), &["discard", "response \"Stopped.\""]).idle();
}

#[test]
fn too_many_open_questions_are_refused_at_once() {
    let mut script = Script::new();
    for number in 0..8 {
        script.step(text(&format!("question {number}")));
    }
    script.check(text("one more"), &["error BUSY"]);
}

#[test]
fn draining_finishes_what_runs_takes_nothing_new_and_closes() {
    let mut script = Script::new();
    script.step(text("a"));
    script
        .check(Input::Drain, &[])
        .check(text("b"), &["error DRAINING"])
        .check(answer(1, "A"), &["response \"A\"", "follow-up 10000", "close"]);
    Script::new().check(Input::Drain, &["close"]);
}

#[test]
fn a_wake_word_interrupts_an_answer_on_its_way() {
    let mut script = Script::new();
    script.step(text("slow"));
    script
        .check(Input::WakeWord, &["forget 1", "discard", "ack", "listening 30000"])
        .check(answer(1, "late"), &[]);
}

fn numbered(turn: u64, text: &str) -> Input {
    Input::Text { text: text.to_owned().into(), relay: false, turn: Some(TurnId(turn)) }
}

fn ended_turns(effects: &[Effect]) -> Vec<Option<u64>> {
    let turn = |effect: &Effect| match effect {
        Effect::Send(Frame::Response { turn, .. } | Frame::Error { turn, .. }) => {
            Some(turn.map(|turn| turn.0))
        }
        _ => None,
    };
    effects.iter().filter_map(turn).collect()
}

#[test]
fn a_clients_own_number_goes_with_its_question_and_comes_back_with_the_answer() {
    let mut script = Script::with(SessionConfig { first_turn: OWN_TURNS, ..SessionConfig::default() });
    script.check(numbered(7, "a"), &["processing", "ask 7 \"a\""]);
    // Asked again after a lost connection, while the first is still being answered: once is enough.
    script.check(numbered(7, "a"), &[]);
    script.check(text("b"), &["processing"]);
    let effects = script.session.step(script.now, answer(7, "A"));
    assert_eq!(ended_turns(&effects), [Some(7)]);
    let effects = script.session.step(script.now, answer(OWN_TURNS, "B"));
    assert_eq!(ended_turns(&effects), [Some(OWN_TURNS)]);
    // Words that are not asked of the listener are answered under their number too.
    let effects = script.session.step(script.now, numbered(8, "stop"));
    assert_eq!(ended_turns(&effects), [Some(8)]);
}

#[test]
fn a_refused_question_is_refused_under_its_number() {
    let mut script = Script::new();
    script.step(text("a"));
    script.step(Input::Drain);
    let effects = script.session.step(script.now, numbered(3, "b"));
    assert_eq!(ended_turns(&effects), [Some(3)]);
}

#[test]
fn a_conversation_that_goes_on_repeats_what_was_said_before() {
    let mut script = Script::new();
    script.session.resume(90, Some(control_answer("Before.", "x", Outcome::Answered)));
    script.check(Input::Command(Command::Repeat), &["response \"Before.\" again"]);
    script.check(text("a"), &["processing", "ask 90 \"a\""]);
}

#[test]
fn a_question_that_failed_is_told_of_in_the_listeners_own_words() {
    let failed = |words: Option<&str>| {
        let mut script = Script::new();
        script.step(text("yes"));
        let words = words.map(|words| words.to_owned().into());
        let failed = Input::AskFailed { turn: TurnId(1), code: Code::QmUnavailable, words };
        let effects = script.session.step(script.now, failed);
        let Effect::Send(Frame::Error { turn: Some(TurnId(1)), code, message }) = &effects[0] else {
            panic!("{effects:?}");
        };
        assert_eq!(*code, Code::QmUnavailable);
        message.clone()
    };
    assert_eq!(failed(Some("That was changed.")), "That was changed.");
    assert_eq!(failed(None), Code::QmUnavailable.sentence());
}
