//! The conversation of one connection as a state machine: inputs and the time come in, effects go out.
//!
//! Knows no socket, no audio and no skill; it never waits. The shell carries out the effects in order and calls
//! [`Session::step`] with [`Input::Deadline`] when [`Session::deadline`] has come.
//!
//! ```text
//!            wake word, audio                 end of speech
//!  Passive ──────────────────▶ Listening ─────────────────────▶ (turns: hearing → asked → speaking)
//!     ▲  ▲                        │  ▲                                  │ answered
//!     │  └── 30 s without sound ──┘  └──────────── follow-up, 10 s ◀────┘
//!     └───────── stop, hold, goodbye, timeout: from anywhere, at once
//! ```
//!
//! A question is taken in every state. Questions of one session are asked one after the other, so that "yes"
//! meets the question it answers; one that has waited [`SessionConfig::patience_ms`] behind a slow one is asked
//! beside it. What arrives for a turn that is over is dropped in one place, [`Session::turn_index`].

use std::collections::VecDeque;

use hal_wire::client::Command;
use hal_wire::{Code, Outcome, Private};

use crate::{Control, control};

/// Milliseconds of a monotonic clock; only differences mean something.
pub type Millis = u64;

/// One question and its answer. Never used twice in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TurnId(pub u64);

/// Turns below are numbered by the client, which may then ask again after a lost connection and is answered once.
pub const OWN_TURNS: u64 = 1 << 32;

/// The limits of a session, in milliseconds and counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Listening after a wake word ends after this long without sound.
    pub listening_ms: u64,
    /// After an answer no wake word is needed for this long.
    pub follow_up_ms: u64,
    /// A turn that is not answered within this is given up.
    pub processing_ms: u64,
    /// A slow turn repeats `processing` this often, for clients that give up on a silent socket…
    pub keepalive_ms: u64,
    /// …and at most this many times: some read only five frames until the response.
    pub keepalives_max: u32,
    /// How long a question waits behind a slow one before it is asked beside it.
    pub patience_ms: u64,
    /// Unanswered questions of one session; one more is refused.
    pub turns_max: usize,
    /// An answer whose sound is not ready within this is sent without sound.
    pub speaking_ms: u64,
    /// The first number of the session's own turns. Numbers below [`OWN_TURNS`] belong to the client.
    pub first_turn: u64,
    /// Whether every answer is spoken. Answers to spoken questions always are.
    pub audio: bool,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            listening_ms: 30_000,
            follow_up_ms: 10_000,
            processing_ms: 60_000,
            keepalive_ms: 4_000,
            keepalives_max: 2,
            patience_ms: 250,
            turns_max: 8,
            speaking_ms: 3_000,
            first_turn: 1,
            audio: false,
        }
    }
}

/// How a question arrived; it decides which frames its client expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Typed,
    /// Words from a client that heard them itself and reads exactly one frame per question.
    Relay,
    /// Recorded speech in base64 chunks, ended by the client.
    Chunks,
    /// A continuous stream of samples, ended by the endpointer or the client.
    Stream,
}

impl Source {
    /// Whether HAL hears it itself.
    pub fn is_speech(self) -> bool {
        matches!(self, Source::Chunks | Source::Stream)
    }
}

/// What happens to a session. Exactly one per step.
#[derive(Clone, Debug)]
pub enum Input {
    Text {
        text: Private<String>,
        relay: bool,
        /// The client's own number for it. The same number again while it is being answered changes nothing.
        turn: Option<TurnId>,
    },
    WakeWord,
    /// Sound that belongs to a recording arrived.
    Audio,
    /// The recording has ended, by the endpointer or by the client.
    SpeechEnded {
        source: Source,
    },
    /// The client says that speech has ended, but there was none.
    NoAudio,
    /// A message that cannot be taken: bad data, unknown type, no engine.
    Refused {
        code: Code,
        message: String,
    },
    Heard {
        turn: TurnId,
        hypotheses: Vec<Private<String>>,
    },
    NotHeard {
        turn: TurnId,
        code: Code,
    },
    Answered {
        turn: TurnId,
        answer: Answer,
    },
    AskFailed {
        turn: TurnId,
        code: Code,
        /// The listener's own sentence for people; without one it is the code's.
        words: Option<Private<String>>,
    },
    /// The answer's sound, or none where it could not be made.
    Spoken {
        turn: TurnId,
        sound: Option<Sound>,
    },
    Command(Command),
    Deadline,
    /// The server goes down: finish what runs, take nothing new.
    Drain,
}

/// The answer to a question as the listener gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub text: Private<String>,
    /// How it is spoken, where that differs from the text.
    pub speech: Option<Private<String>>,
    pub intent: String,
    pub action: String,
    pub outcome: Outcome,
}

/// A spoken answer: base64 of a WAV file, and how long it sounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    pub wav_base64: Private<String>,
    pub duration_ms: u64,
}

/// What the shell has to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Send(Frame),
    /// End the recording and answer with `Heard` or `NotHeard` for this turn.
    FinishHearing(TurnId),
    /// Forget what is being recorded.
    DiscardRecording,
    Ask {
        turn: TurnId,
        hypotheses: Vec<Private<String>>,
        spoken: bool,
    },
    /// Make the answer's sound and answer with `Spoken`.
    Speak {
        turn: TurnId,
        text: Private<String>,
    },
    /// The answer of this turn is not wanted any more.
    Forget(TurnId),
    /// Close the connection: the server restarts.
    Close,
}

/// A message to the client, before it has an id and a time.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    Ack,
    Listening {
        timeout_ms: u64,
    },
    FollowUp {
        countdown_ms: u64,
    },
    Passive,
    Processing,
    Transcription {
        text: Private<String>,
    },
    Response {
        /// The turn it ends; none where a button asked to hear it again.
        turn: Option<TurnId>,
        answer: Answer,
        sound: Option<Sound>,
        transcription: Option<Private<String>>,
        is_repeat: bool,
    },
    Goodbye,
    Error {
        /// The turn it ends, if it ends one.
        turn: Option<TurnId>,
        code: Code,
        message: String,
    },
}

/// Where the session stands between turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Passive,
    Listening { until: Millis },
    FollowUp { until: Millis },
}

#[derive(Clone, Debug)]
struct Turn {
    id: TurnId,
    source: Source,
    stage: Stage,
    begun: Millis,
    keepalives: u32,
    /// What was heard, for the client.
    transcription: Option<Private<String>>,
}

#[derive(Clone, Debug)]
enum Stage {
    Hearing,
    /// Waits for the turn before it.
    Waiting {
        hypotheses: Vec<Private<String>>,
        since: Millis,
    },
    Asked,
    Speaking {
        answer: Answer,
        since: Millis,
    },
}

/// The state machine of one connection.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    state: State,
    turns: VecDeque<Turn>,
    next_turn: u64,
    last_answer: Option<Answer>,
    /// While the last answer is being played, a stream hears HAL itself.
    playing_until: Millis,
    draining: bool,
}

impl Session {
    pub fn new(config: SessionConfig) -> Self {
        Self {
            state: State::Passive,
            turns: VecDeque::new(),
            next_turn: config.first_turn,
            config,
            last_answer: None,
            playing_until: 0,
            draining: false,
        }
    }

    /// Goes on with a conversation that began on another connection: its own turns are numbered from `first_turn`, and
    /// "repeat" repeats `last_answer`.
    pub fn resume(&mut self, first_turn: u64, last_answer: Option<Answer>) {
        self.next_turn = first_turn;
        self.last_answer = last_answer;
    }

    /// Whether a question is being answered.
    pub fn is_busy(&self) -> bool {
        !self.turns.is_empty()
    }

    /// The questions that are being answered, in the order in which they came, and since when.
    pub fn turns(&self) -> impl Iterator<Item = (TurnId, Source, Millis)> + '_ {
        self.turns.iter().map(|turn| (turn.id, turn.source, turn.begun))
    }

    /// Whether the sound of a continuous stream should be left unheard: it is HAL's own answer.
    pub fn is_playing(&self, now: Millis) -> bool {
        now < self.playing_until
    }

    /// When to call [`Session::step`] with [`Input::Deadline`] if nothing happens before.
    pub fn deadline(&self) -> Option<Millis> {
        let state = match self.state {
            State::Passive => None,
            State::Listening { until } | State::FollowUp { until } => self.turns.is_empty().then_some(until),
        };
        self.turns.iter().map(|turn| self.turn_deadline(turn)).chain(state).min()
    }

    fn turn_deadline(&self, turn: &Turn) -> Millis {
        let limit = turn.begun + self.config.processing_ms;
        let next = match &turn.stage {
            Stage::Hearing => limit,
            Stage::Waiting { since, .. } => since + self.config.patience_ms,
            Stage::Asked if turn.source != Source::Relay && turn.keepalives < self.config.keepalives_max => {
                turn.begun + self.config.keepalive_ms * u64::from(turn.keepalives + 1)
            }
            Stage::Asked => limit,
            Stage::Speaking { since, .. } => since + self.config.speaking_ms,
        };
        next.min(limit)
    }

    /// Takes one input at time `now` and says what is to be done.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Text { text, relay, turn } => self.text(now, text, relay, turn, &mut effects),
            Input::WakeWord => self.wake(now, &mut effects),
            Input::Audio => self.audio(now),
            Input::SpeechEnded { source } => self.speech_ended(now, source, &mut effects),
            // After the endpointer has ended the recording, the client's own "ended" is only late.
            Input::NoAudio if self.turns.iter().any(|turn| turn.source.is_speech()) => {}
            Input::NoAudio => refuse(None, Code::NoAudio, Code::NoAudio.sentence(), &mut effects),
            Input::Refused { code, message } => refuse(None, code, &message, &mut effects),
            Input::Heard { turn, hypotheses } => self.heard(now, turn, hypotheses, &mut effects),
            Input::NotHeard { turn, code } => self.fail(now, turn, code, None, &mut effects),
            Input::Answered { turn, answer } => self.answered(now, turn, answer, &mut effects),
            Input::AskFailed { turn, code, words } => self.fail(now, turn, code, words, &mut effects),
            Input::Spoken { turn, sound } => self.spoken(now, turn, sound, &mut effects),
            Input::Command(command) => self.command(command, &mut effects),
            Input::Deadline => self.due(now, &mut effects),
            Input::Drain => self.draining = true,
        }
        if self.draining && self.turns.is_empty() {
            effects.push(Effect::Close);
        }
        effects
    }

    fn text(
        &mut self,
        now: Millis,
        text: Private<String>,
        relay: bool,
        number: Option<TurnId>,
        effects: &mut Vec<Effect>,
    ) {
        if number.is_some_and(|number| self.turn_index(number).is_some()) {
            return;
        }
        let source = if relay { Source::Relay } else { Source::Typed };
        if let Some(command) = control(text.expose()).map(command_of) {
            return self.said_command(now, command, source, number, None, effects);
        }
        let Some(turn) = self.begin(now, source, number, effects) else { return };
        if !relay {
            effects.push(Effect::Send(Frame::Processing));
        }
        self.ask(now, turn, vec![text], effects);
    }

    /// A new turn, or a refusal: while draining, and when too many are unanswered.
    fn begin(
        &mut self,
        now: Millis,
        source: Source,
        number: Option<TurnId>,
        effects: &mut Vec<Effect>,
    ) -> Option<TurnId> {
        let refusal = if self.draining {
            Some(Code::Draining)
        } else {
            (self.turns.len() >= self.config.turns_max).then_some(Code::Busy)
        };
        if let Some(code) = refusal {
            refuse(number, code, code.sentence(), effects);
            return None;
        }
        let id = number.unwrap_or(TurnId(self.next_turn));
        self.next_turn += u64::from(number.is_none());
        self.turns.push_back(Turn {
            id,
            source,
            stage: Stage::Hearing,
            begun: now,
            keepalives: 0,
            transcription: None,
        });
        Some(id)
    }

    fn ask(&mut self, now: Millis, id: TurnId, hypotheses: Vec<Private<String>>, effects: &mut Vec<Effect>) {
        let Some(index) = self.turn_index(id) else { return };
        let waits = self.turns.iter().take(index).any(|turn| !matches!(turn.stage, Stage::Speaking { .. }));
        let turn = &mut self.turns[index];
        if waits {
            turn.stage = Stage::Waiting { hypotheses, since: now };
        } else {
            turn.stage = Stage::Asked;
            effects.push(Effect::Ask { turn: id, hypotheses, spoken: turn.source.is_speech() });
        }
    }

    /// The one place where what arrives too late is found to be late.
    fn turn_index(&self, id: TurnId) -> Option<usize> {
        self.turns.iter().position(|turn| turn.id == id)
    }

    fn wake(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        // A second wake word while listening is ignored: clients do not expect a second answer.
        if matches!(self.state, State::Listening { .. }) && self.turns.is_empty() {
            return;
        }
        if self.draining {
            return refuse(None, Code::Draining, Code::Draining.sentence(), effects);
        }
        // Who says the wake word while an answer is on its way wants to ask something else.
        self.abandon(effects);
        self.playing_until = 0;
        self.state = State::Listening { until: now + self.config.listening_ms };
        effects.push(Effect::Send(Frame::Ack));
        effects.push(Effect::Send(Frame::Listening { timeout_ms: self.config.listening_ms }));
    }

    fn audio(&mut self, now: Millis) {
        match &mut self.state {
            State::Listening { until } => *until = now + self.config.listening_ms,
            // Speech in the follow-up window holds it open until it has ended.
            State::FollowUp { until } => *until = (*until).max(now + self.config.follow_up_ms),
            State::Passive => {}
        }
    }

    fn speech_ended(&mut self, now: Millis, source: Source, effects: &mut Vec<Effect>) {
        let Some(turn) = self.begin(now, source, None, effects) else {
            effects.push(Effect::DiscardRecording);
            return;
        };
        // A chunk client waits for `processing` as the sign that its end of speech has arrived. A stream client
        // has said nothing; it learns first what was heard.
        if source == Source::Chunks {
            effects.push(Effect::Send(Frame::Processing));
        }
        effects.push(Effect::FinishHearing(turn));
    }

    fn heard(
        &mut self,
        now: Millis,
        id: TurnId,
        hypotheses: Vec<Private<String>>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(index) = self.turn_index(id) else { return };
        let Some(best) = hypotheses.first().cloned() else {
            return self.fail(now, id, Code::NotHeard, None, effects);
        };
        let source = self.turns[index].source;
        if source == Source::Stream {
            effects.push(Effect::Send(Frame::Transcription { text: best.clone() }));
        }
        if let Some(command) = control(best.expose()).map(command_of) {
            self.turns.remove(index);
            return self.said_command(now, command, source, Some(id), Some(best), effects);
        }
        if source == Source::Stream {
            effects.push(Effect::Send(Frame::Processing));
        }
        self.turns[index].transcription = Some(best);
        self.ask(now, id, hypotheses, effects);
    }

    fn answered(&mut self, now: Millis, id: TurnId, answer: Answer, effects: &mut Vec<Effect>) {
        let Some(index) = self.turn_index(id) else { return };
        let turn = &mut self.turns[index];
        if self.config.audio || turn.source.is_speech() {
            let text = answer.speech.clone().unwrap_or_else(|| answer.text.clone());
            turn.stage = Stage::Speaking { answer, since: now };
            effects.push(Effect::Speak { turn: id, text });
        } else {
            self.respond(now, index, answer, None, effects);
        }
        self.ask_next(now, effects);
    }

    fn spoken(&mut self, now: Millis, id: TurnId, sound: Option<Sound>, effects: &mut Vec<Effect>) {
        let Some(index) = self.turn_index(id) else { return };
        let stage = std::mem::replace(&mut self.turns[index].stage, Stage::Asked);
        match stage {
            Stage::Speaking { answer, .. } => self.respond(now, index, answer, sound, effects),
            other => self.turns[index].stage = other,
        }
    }

    /// Sends the answer and opens the follow-up window, which begins when the answer has been heard.
    fn respond(
        &mut self,
        now: Millis,
        index: usize,
        answer: Answer,
        sound: Option<Sound>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(turn) = self.turns.remove(index) else { return };
        self.last_answer = Some(answer.clone());
        let heard_at = now + sound.as_ref().map_or(0, |sound| sound.duration_ms);
        self.playing_until = heard_at;
        effects.push(Effect::Send(Frame::Response {
            turn: Some(turn.id),
            answer,
            sound,
            transcription: turn.transcription,
            is_repeat: false,
        }));
        // The relay reads one frame per question; another would be taken for the next answer.
        if turn.source != Source::Relay && self.turns.is_empty() {
            self.state = State::FollowUp { until: heard_at + self.config.follow_up_ms };
            effects.push(Effect::Send(Frame::FollowUp { countdown_ms: self.config.follow_up_ms }));
        }
    }

    fn fail(
        &mut self,
        now: Millis,
        id: TurnId,
        code: Code,
        words: Option<Private<String>>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(index) = self.turn_index(id) else { return };
        self.turns.remove(index);
        let sentence = words.as_ref().map_or(code.sentence(), |words| words.expose().as_str());
        refuse(Some(id), code, sentence, effects);
        if self.turns.is_empty() {
            self.state = State::Passive;
            effects.push(Effect::Send(Frame::Passive));
        }
        self.ask_next(now, effects);
    }

    /// The turn before has its answer: the next one's question may be asked.
    fn ask_next(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.turns.iter().any(|turn| matches!(turn.stage, Stage::Asked | Stage::Hearing)) {
            return;
        }
        let next = self.turns.iter_mut().find_map(|turn| match &mut turn.stage {
            Stage::Waiting { hypotheses, .. } => Some((turn.id, std::mem::take(hypotheses))),
            _ => None,
        });
        if let Some((id, hypotheses)) = next {
            self.ask(now, id, hypotheses, effects);
        }
    }

    /// Drops every turn; their answers will be late.
    fn abandon(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.turns.drain(..).map(|turn| Effect::Forget(turn.id)));
        effects.push(Effect::DiscardRecording);
    }

    /// A command from a button or a client program.
    fn command(&mut self, command: Command, effects: &mut Vec<Effect>) {
        match command {
            Command::Stop | Command::Hold => {
                self.rest(effects);
                effects.push(Effect::Send(Frame::Passive));
            }
            Command::Goodbye => {
                self.rest(effects);
                effects.push(Effect::Send(Frame::Goodbye));
            }
            Command::Repeat => {
                let answer = self.last_answer.clone().unwrap_or_else(nothing_to_repeat);
                effects.push(Effect::Send(Frame::Response {
                    turn: None,
                    answer,
                    sound: None,
                    transcription: None,
                    is_repeat: true,
                }));
            }
        }
    }

    fn rest(&mut self, effects: &mut Vec<Effect>) {
        self.abandon(effects);
        self.playing_until = 0;
        self.state = State::Passive;
    }

    /// A command in words. Its client waits for an answer like any other.
    fn said_command(
        &mut self,
        now: Millis,
        command: Command,
        source: Source,
        turn: Option<TurnId>,
        transcription: Option<Private<String>>,
        effects: &mut Vec<Effect>,
    ) {
        if command == Command::Repeat {
            return self.said_repeat(now, source, turn, transcription, effects);
        }
        self.rest(effects);
        let (text, action) = match command {
            Command::Goodbye => ("Goodbye.", "control_goodbye"),
            Command::Hold => ("I am on hold.", "control_hold"),
            Command::Stop | Command::Repeat => ("Stopped.", "control_stop"),
        };
        let answer = control_answer(text, action, Outcome::Answered);
        effects.push(Effect::Send(Frame::Response {
            turn,
            answer,
            sound: None,
            transcription,
            is_repeat: false,
        }));
        if source != Source::Relay {
            effects.push(Effect::Send(if command == Command::Goodbye {
                Frame::Goodbye
            } else {
                Frame::Passive
            }));
        }
    }

    fn said_repeat(
        &mut self,
        now: Millis,
        source: Source,
        turn: Option<TurnId>,
        transcription: Option<Private<String>>,
        effects: &mut Vec<Effect>,
    ) {
        let answer = self.last_answer.clone().unwrap_or_else(nothing_to_repeat);
        if source.is_speech() || self.config.audio {
            // Spoken again by the way of an answer, so that it is heard.
            let Some(id) = self.begin(now, source, turn, effects) else { return };
            if let Some(index) = self.turn_index(id) {
                self.turns[index].transcription = transcription;
            }
            return self.answered(now, id, answer, effects);
        }
        effects.push(Effect::Send(Frame::Response {
            turn,
            answer,
            sound: None,
            transcription,
            is_repeat: true,
        }));
        if source != Source::Relay && self.turns.is_empty() {
            self.state = State::FollowUp { until: now + self.config.follow_up_ms };
            effects.push(Effect::Send(Frame::FollowUp { countdown_ms: self.config.follow_up_ms }));
        }
    }

    fn due(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let due: Vec<TurnId> =
            self.turns.iter().filter(|turn| self.turn_deadline(turn) <= now).map(|turn| turn.id).collect();
        for id in due {
            self.turn_due(now, id, effects);
        }
        if let State::Listening { until } | State::FollowUp { until } = self.state
            && self.turns.is_empty()
            && until <= now
        {
            self.state = State::Passive;
            effects.push(Effect::DiscardRecording);
            effects.push(Effect::Send(Frame::Passive));
        }
    }

    fn turn_due(&mut self, now: Millis, id: TurnId, effects: &mut Vec<Effect>) {
        let Some(index) = self.turn_index(id) else { return };
        let turn = &mut self.turns[index];
        if now >= turn.begun + self.config.processing_ms {
            effects.push(Effect::Forget(id));
            return self.fail(now, id, Code::Timeout, None, effects);
        }
        match &mut turn.stage {
            Stage::Hearing => {}
            Stage::Waiting { hypotheses, .. } => {
                let hypotheses = std::mem::take(hypotheses);
                turn.stage = Stage::Asked;
                let spoken = turn.source.is_speech();
                effects.push(Effect::Ask { turn: id, hypotheses, spoken });
            }
            Stage::Asked => {
                turn.keepalives += 1;
                effects.push(Effect::Send(Frame::Processing));
            }
            Stage::Speaking { .. } => {
                effects.push(Effect::Forget(id));
                self.spoken(now, id, None, effects);
            }
        }
    }
}

fn refuse(turn: Option<TurnId>, code: Code, message: &str, effects: &mut Vec<Effect>) {
    effects.push(Effect::Send(Frame::Error { turn, code, message: message.to_owned() }));
}

/// Said or pressed, it is the same command.
fn command_of(control: Control) -> Command {
    match control {
        Control::Stop => Command::Stop,
        Control::Hold => Command::Hold,
        Control::Repeat => Command::Repeat,
        Control::Goodbye => Command::Goodbye,
    }
}

fn nothing_to_repeat() -> Answer {
    control_answer("I have not said anything yet.", "control_repeat", Outcome::NothingFound)
}

fn control_answer(text: &str, action: &str, outcome: Outcome) -> Answer {
    Answer {
        text: text.to_owned().into(),
        speech: None,
        intent: "CONTROL".to_owned(),
        action: action.to_owned(),
        outcome,
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
