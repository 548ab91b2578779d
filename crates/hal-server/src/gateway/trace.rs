//! What happened in a turn, and when. Pure: the time comes in.
//!
//! The one source of stage times: the numbers of `/metrics`, the spans of OpenTelemetry and the admin page are all made of a
//! [`Turn`]. It has the words of question and answer only where they were asked for; nothing else of it is a person's.

use std::sync::Arc;

use hal_dialog::session::{Millis, Source, TurnId};
use hal_wire::{Code, Outcome, Private};
use serde_json::{Value, json};

/// Longest text of a question or answer that is kept, in characters.
const WORDS_MAX: usize = 500;
/// Files of one turn that are kept: more is a fault of whoever names them.
const FILES_MAX: usize = 32;
/// A shorter wait is none: only the way from one line of the program to the next.
const WAIT_MS_MIN: Millis = 5;
/// Turns of one connection that are followed at once; a session answers fewer.
const UNDER_WAY_MAX: usize = 32;

/// Whose connection it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Client {
    /// Id of the user; empty where the listener was away when they came.
    pub user: String,
    pub name: String,
    pub device: Option<String>,
    pub address: String,
    /// `page` or `program`.
    pub kind: &'static str,
}

/// A part of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The person speaks.
    Say,
    /// From the end of speech to its words.
    Hear,
    /// Behind the question before it.
    Wait,
    /// From the question to the answer's text.
    Answer,
    /// From the text to its sound.
    Speak,
}

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Stage::Say => "say",
            Stage::Hear => "hear",
            Stage::Wait => "wait",
            Stage::Answer => "answer",
            Stage::Speak => "speak",
        }
    }
}

/// A stage in its place, in milliseconds since the beginning of the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub stage: Stage,
    pub from_ms: Millis,
    pub took_ms: Millis,
    /// Whether it came to its own end; otherwise the turn ended within it.
    pub is_whole: bool,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Answered {
        outcome: Outcome,
        action: String,
        intent: String,
    },
    Failed(Code),
    /// Its answer was not wanted any more: "stop", or another question.
    Dropped,
    /// The connection went before the answer.
    Lost,
}

impl End {
    /// An outcome, `error`, `dropped` or `lost`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            End::Answered { outcome, .. } => outcome.as_str(),
            End::Failed(_) => "error",
            End::Dropped => "dropped",
            End::Lost => "lost",
        }
    }

    pub(crate) fn is_fault(&self) -> bool {
        matches!(self, End::Failed(_) | End::Answered { outcome: Outcome::Failed, .. })
    }
}

/// Question and answer, where the owner wants to see them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Words {
    pub question: Private<String>,
    pub answer: Private<String>,
}

/// A turn that is over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub session: String,
    /// Its number in the session; 0 where it has none.
    pub turn: u64,
    pub client: Arc<Client>,
    pub is_spoken: bool,
    /// When it began, in ms since 1970.
    pub at_ms: i64,
    pub spans: Vec<Span>,
    /// From its beginning to the response on its way.
    pub whole_ms: Millis,
    /// The same from the end of the question: what the person waited.
    pub waited_ms: Millis,
    pub end: End,
    pub files: Vec<String>,
    pub words: Option<Box<Words>>,
}

impl Turn {
    /// As the admin page reads it. `number` is its place among the turns of this gateway.
    pub(crate) fn to_json(&self, number: u64) -> Value {
        let spans: Vec<Value> = self
            .spans
            .iter()
            .map(|span| json!({"stage": span.stage.name(), "from_ms": span.from_ms, "took_ms": span.took_ms}))
            .collect();
        let mut json = json!({
            "number": number,
            "session": self.session,
            "turn": self.turn,
            "user": self.client.user,
            "device": self.client.device,
            "client": self.client.kind,
            "spoken": self.is_spoken,
            "at_ms": self.at_ms,
            "spans": spans,
            "whole_ms": self.whole_ms,
            "waited_ms": self.waited_ms,
            "outcome": self.end.name(),
            "files": self.files,
        });
        match &self.end {
            End::Answered { action, intent, .. } => {
                json["action"] = action.as_str().into();
                json["intent"] = intent.as_str().into();
            }
            End::Failed(code) => json["code"] = code.as_str().into(),
            End::Dropped | End::Lost => {}
        }
        if let Some(words) = &self.words {
            json["question"] = words.question.expose().as_str().into();
            json["answer"] = words.answer.expose().as_str().into();
        }
        json
    }
}

/// A turn that is being answered. Times are of the gateway's clock.
#[derive(Debug)]
struct Begun {
    turn: TurnId,
    is_spoken: bool,
    begun: Millis,
    /// The end of the question.
    said: Millis,
    heard: Option<Millis>,
    asked: Option<Millis>,
    answered: Option<Millis>,
    speaking: Option<Millis>,
    spoken: Option<Millis>,
    files: Vec<String>,
    question: Option<Private<String>>,
}

/// The turns of one connection that are being answered.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    turns: Vec<Begun>,
}

impl UnderWay {
    /// Follows what the session answers at `now`: new turns begin. `speaking_since` is when the first sound of what is being
    /// recorded came; true when a spoken turn has taken it.
    pub(crate) fn follow(
        &mut self,
        turns: impl Iterator<Item = (TurnId, Source, Millis)>,
        speaking_since: Option<Millis>,
    ) -> bool {
        let mut taken = false;
        for (turn, source, said) in turns {
            if self.turns.len() >= UNDER_WAY_MAX || self.turns.iter().any(|begun| begun.turn == turn) {
                continue;
            }
            let is_spoken = source.is_speech();
            let begun = if is_spoken { speaking_since.unwrap_or(said).min(said) } else { said };
            taken |= is_spoken;
            self.turns.push(Begun {
                turn,
                is_spoken,
                begun,
                said,
                heard: None,
                asked: None,
                answered: None,
                speaking: None,
                spoken: None,
                files: Vec::new(),
                question: None,
            });
        }
        taken
    }

    fn get(&mut self, turn: TurnId) -> Option<&mut Begun> {
        self.turns.iter_mut().find(|begun| begun.turn == turn)
    }

    /// The recogniser has ended, with words or without.
    pub(crate) fn heard(&mut self, turn: TurnId, now: Millis) {
        if let Some(begun) = self.get(turn) {
            begun.heard = Some(now);
        }
    }

    /// The question is on its way to the listener. Its words are kept only if `keep` says so.
    pub(crate) fn asked(
        &mut self,
        turn: TurnId,
        question: Option<&Private<String>>,
        keep: bool,
        now: Millis,
    ) {
        if let Some(begun) = self.get(turn) {
            begun.asked = Some(now);
            begun.question = question.filter(|_| keep).map(cut);
        }
    }

    /// The listener has answered, and read or written these files.
    pub(crate) fn answered(&mut self, turn: TurnId, files: &[String], now: Millis) {
        if let Some(begun) = self.get(turn) {
            begun.answered = Some(now);
            begun.files = files.iter().take(FILES_MAX).cloned().collect();
        }
    }

    pub(crate) fn speaking(&mut self, turn: TurnId, now: Millis) {
        if let Some(begun) = self.get(turn) {
            begun.speaking = Some(now);
        }
    }

    pub(crate) fn spoken(&mut self, turn: TurnId, now: Millis) {
        if let Some(begun) = self.get(turn) {
            begun.spoken = Some(now);
        }
    }

    /// The turn is over; `None` for one that was not followed. `answer` is kept beside a question that was.
    pub(crate) fn end(
        &mut self,
        turn: TurnId,
        end: End,
        answer: Option<&Private<String>>,
        of: &Of<'_>,
    ) -> Option<Turn> {
        let index = self.turns.iter().position(|begun| begun.turn == turn)?;
        Some(self.turns.remove(index).over(end, answer, of))
    }

    /// Turns that the session does not know any more: nobody waits for their answers.
    pub(crate) fn dropped(&mut self, is_known: impl Fn(TurnId) -> bool, end: &End, of: &Of<'_>) -> Vec<Turn> {
        let gone = self.turns.extract_if(.., |begun| !is_known(begun.turn));
        gone.map(|begun| begun.over(end.clone(), None, of)).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

/// What every turn of a connection has in common, and when it is.
#[derive(Debug)]
pub(crate) struct Of<'a> {
    pub session: &'a str,
    pub client: &'a Arc<Client>,
    pub now: Millis,
    /// The same moment in ms since 1970.
    pub unix_ms: i64,
}

impl Of<'_> {
    /// A turn that was over as soon as it came, such as "stop".
    pub(crate) fn at_once(&self, turn: Option<TurnId>, end: End) -> Turn {
        Turn {
            session: self.session.to_owned(),
            turn: turn.map_or(0, |turn| turn.0),
            client: Arc::clone(self.client),
            is_spoken: false,
            at_ms: self.unix_ms,
            spans: Vec::new(),
            whole_ms: 0,
            waited_ms: 0,
            end,
            files: Vec::new(),
            words: None,
        }
    }
}

impl Begun {
    fn over(self, end: End, answer: Option<&Private<String>>, of: &Of<'_>) -> Turn {
        let whole_ms = of.now.saturating_sub(self.begun);
        let spans = self.spans(of.now);
        let words = self.question.map(|question| {
            let answer = answer.map(cut).unwrap_or_default();
            Box::new(Words { question, answer })
        });
        Turn {
            session: of.session.to_owned(),
            turn: self.turn.0,
            client: Arc::clone(of.client),
            is_spoken: self.is_spoken,
            at_ms: of.unix_ms - i64::try_from(whole_ms).unwrap_or(0),
            spans,
            whole_ms,
            waited_ms: of.now.saturating_sub(self.said),
            end,
            files: self.files,
            words,
        }
    }

    fn spans(&self, now: Millis) -> Vec<Span> {
        let mut spans = Vec::with_capacity(4);
        let mut add = |stage, from: Millis, until: Option<Millis>, is_worth: fn(Millis) -> bool| {
            let took_ms = until.unwrap_or(now).saturating_sub(from);
            if is_worth(took_ms) {
                let from_ms = from.saturating_sub(self.begun);
                spans.push(Span { stage, from_ms, took_ms, is_whole: until.is_some() });
            }
        };
        let always: fn(Millis) -> bool = |_| true;
        add(Stage::Say, self.begun, Some(self.said), |took| took > 0);
        if self.is_spoken {
            add(Stage::Hear, self.said, self.heard, always);
        }
        let asks_since = if self.is_spoken { self.heard } else { Some(self.said) };
        if let Some(since) = asks_since {
            // A spoken question without words is never asked.
            if self.asked.is_some() || !self.is_spoken {
                add(Stage::Wait, since, self.asked, |took| took >= WAIT_MS_MIN);
            }
        }
        if let Some(asked) = self.asked {
            add(Stage::Answer, asked, self.answered, always);
        }
        if let Some(speaking) = self.speaking {
            add(Stage::Speak, speaking, self.spoken, always);
        }
        spans
    }
}

fn cut(text: &Private<String>) -> Private<String> {
    text.expose().chars().take(WORDS_MAX).collect::<String>().into()
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
