//! A conversation that outlives its connections: questions have numbers, so that one may be asked again and is answered once.

use std::time::{Duration, Instant};

use super::stream::now;
use super::{Answer, Client, Lost, Target};
use crate::report::Failure;

/// Pauses between attempts to connect again; the last one repeats.
const BACK_OFF_MS: [u64; 6] = [250, 500, 1_000, 2_000, 5_000, 15_000];
/// Answers that the server may not know to have arrived: more than it keeps.
const SEEN_MAX: usize = 16;

/// The pause before attempt `attempt`, from 0.
pub(crate) fn pause(attempt: usize) -> Duration {
    Duration::from_millis(BACK_OFF_MS[attempt.min(BACK_OFF_MS.len() - 1)])
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Typed(String),
    /// A WAV file.
    Spoken(Vec<u8>),
}

/// What a new connection brought.
#[derive(Debug)]
pub(crate) struct Back {
    pub(crate) client: Client,
    /// Whether the server still knew what was talked about; `None` for a first connection, and for servers of before.
    pub(crate) remembered: Option<bool>,
    /// Answers that the connection before did not bring.
    pub(crate) missed: Vec<Answer>,
}

/// What is left of a conversation when its connection is gone.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    token: Option<String>,
    questions: u64,
    seen: Vec<u64>,
}

impl Conversation {
    /// Connects and goes on where the last connection ended.
    ///
    /// # Errors
    /// As [`Client::connect`]; also when the server cannot look up the conversation just now.
    pub(crate) fn connect(&mut self, target: &Target) -> Result<Back, Lost> {
        let mut client = Client::connect(target)?;
        let (Some(token), Some(_)) = (&self.token, client.token()) else {
            self.token = client.token().map(str::to_owned);
            return Ok(Back { client, remembered: None, missed: Vec::new() });
        };
        let resumed = match client.resume(token, &self.seen) {
            Ok((remembered, missed)) => Some((remembered, missed)),
            // Not now: the conversation is kept for another attempt.
            Err(Lost::Refused { code, failure }) if code == "QM_UNAVAILABLE" => {
                return Err(Lost::Refused { code, failure });
            }
            // This server goes on with nothing; the conversation begins anew.
            Err(Lost::Refused { .. }) => None,
            Err(lost) => return Err(lost),
        };
        self.token = client.token().map(str::to_owned);
        let (remembered, missed) = resumed.unwrap_or_default();
        missed.iter().for_each(|answer| self.arrived(answer));
        Ok(Back { client, remembered: Some(remembered), missed })
    }

    /// As [`Conversation::connect`], again and again with growing pauses until `deadline`.
    pub(crate) fn come_back(&mut self, target: &Target, deadline: Instant) -> Result<Back, Lost> {
        for attempt in 0.. {
            let lost = match self.connect(target) {
                Ok(back) => return Ok(back),
                Err(lost) => lost,
            };
            let pause = pause(attempt);
            if now() + pause >= deadline {
                return Err(lost);
            }
            std::thread::sleep(pause);
        }
        unreachable!("attempts are endless")
    }

    /// Whether a question may be asked again although the server may have got it: it is told which one it is.
    pub(crate) fn can_go_on(&self) -> bool {
        self.token.is_some()
    }

    /// The number of a new question.
    pub(crate) fn number(&mut self) -> u64 {
        self.questions += 1;
        self.questions
    }

    /// Asks question `number` and waits until `deadline` for its answer. Answers to others that come meanwhile, of
    /// questions that were given up, are left out.
    pub(crate) fn ask(
        &mut self,
        client: &mut Client,
        number: u64,
        question: &Question,
        deadline: Instant,
    ) -> Result<Answer, Lost> {
        match question {
            Question::Typed(text) => client.ask(text, self.can_go_on().then_some(number))?,
            Question::Spoken(wav) => client.say(wav.clone())?,
        }
        loop {
            let answer = client.answer(deadline)?;
            self.arrived(&answer);
            let is_other =
                matches!(question, Question::Typed(_)) && answer.turn.is_some_and(|turn| turn != number);
            if !is_other {
                return Ok(answer);
            }
        }
    }

    /// Notes that an answer has come, so that it is not sent again.
    pub(crate) fn arrived(&mut self, answer: &Answer) {
        if let Some(turn) = answer.turn {
            self.seen.push(turn);
            let old = self.seen.len().saturating_sub(SEEN_MAX);
            self.seen.drain(..old);
        }
    }
}

/// The answer to question `number` among the missed ones; the others stay. Spoken questions have no number of the
/// client's: theirs is the last.
pub(crate) fn take_missed(missed: &mut Vec<Answer>, number: u64, question: &Question) -> Option<Answer> {
    let index = match question {
        Question::Typed(_) => missed.iter().position(|answer| answer.turn == Some(number))?,
        Question::Spoken(_) => missed.len().checked_sub(1)?,
    };
    Some(missed.remove(index))
}

/// Whether the question may be asked on another connection.
pub(crate) fn is_gone(lost: &Lost, conversation: &Conversation) -> bool {
    match lost {
        // Announced: what was not answered was not begun.
        Lost::Restarting => true,
        Lost::Closed(_) => conversation.can_go_on(),
        Lost::Refused { .. } => false,
    }
}

/// One question with all its patience: a lost connection is replaced once, and the question asked again.
///
/// # Errors
/// What is in the way. A first connection that fails is told at once.
pub(crate) fn ask_once(
    target: &Target,
    question: &Question,
    notices: impl Fn(&Client),
    lost: impl Fn(&str),
) -> Result<Answer, Lost> {
    let mut conversation = Conversation::default();
    let deadline = now() + target.limits.connect + target.limits.answer;
    let first = conversation.connect(target).and_then(|back| {
        let mut client = back.client;
        notices(&client);
        let number = conversation.number();
        let answer = conversation.ask(&mut client, number, question, now() + target.limits.answer)?;
        client.close();
        Ok(answer)
    });
    match first {
        Err(gone) if is_gone(&gone, &conversation) && now() < deadline => {
            lost(match gone {
                Lost::Restarting => "the server is restarting; asking again",
                _ => "the connection was lost; asking again",
            });
        }
        other => return other,
    }
    let patience = now() + target.limits.connect;
    let Back { mut client, mut missed, .. } = conversation.come_back(target, patience.min(deadline))?;
    let number = conversation.questions.max(1);
    if let Some(answer) = take_missed(&mut missed, number, question) {
        client.close();
        return Ok(answer);
    }
    let answer = conversation.ask(&mut client, number, question, deadline)?;
    client.close();
    Ok(answer)
}

/// What a person is told about a connection that came back, in one quiet line.
pub(crate) fn quiet_line(back: &Back) -> &'static str {
    match (back.remembered, back.missed.is_empty()) {
        (None, _) => "connected again",
        (Some(true), true) => "connected again; the conversation goes on",
        (Some(true), false) => "connected again; this came meanwhile:",
        (Some(false), _) => "connected again; HAL does not remember what we talked about",
    }
}

/// The failure of a conversation whose server does not come back.
pub(crate) fn away(lost: Lost) -> Failure {
    Failure::from(lost).hint("hal goes on trying; the next line is asked as soon as the server is back")
}
