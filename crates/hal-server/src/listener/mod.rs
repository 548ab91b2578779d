//! The QM Listener: a question comes in, the brain answers it from one snapshot, the turn goes to the journal.
//!
//! Knows no WebSocket and no audio. Blocking: callers give it a thread of the blocking pool.

mod journal;
mod mirror;
mod sessions;
pub(crate) mod tcp;

use std::sync::Arc;

use hal_db::Database;
use hal_dialog::journal::{CONVERSATION, Interface, LoggedTurn};
use hal_dialog::{Brain, Question, Spoken, User};
use hal_wire::listener::{Ask, LogConversation, Reply, Request, UNKNOWN, VocabularyReply};
use hal_wire::{Code, Outcome};
use tracing::{debug, error};

use self::journal::Journal;
pub(crate) use self::mirror::Mirror;
use self::sessions::Sessions;
use crate::clock::Clock;

/// Everything that answers questions; shared by the gateway in this process and by the sockets of 8767.
pub(crate) struct Listener {
    database: Database,
    brain: Brain,
    sessions: Sessions,
    journal: Journal,
    user: User,
    clock: Clock,
    /// Set where the records lie on a server elsewhere and the database holds a copy of them.
    mirror: Option<Mirror>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

impl Listener {
    pub(crate) fn new(
        database: Database,
        brain: Brain,
        user: User,
        clock: Clock,
        mirror: Option<Mirror>,
    ) -> Arc<Listener> {
        let journal = Journal::start(database.clone(), clock);
        let sessions = Sessions::default();
        Arc::new(Listener { database, brain, sessions, journal, user, clock, mirror })
    }

    /// Number of the last commit, to see whether anything has changed.
    pub(crate) fn commit_number(&self) -> Option<u64> {
        self.database.snapshot().ok().map(|snapshot| snapshot.commit_number())
    }

    /// What this household is likely to say, for the recogniser.
    pub(crate) fn vocabulary(&self) -> Spoken {
        match self.database.snapshot() {
            Ok(snapshot) => self.brain.vocabulary(&snapshot),
            Err(error) => {
                error!(%error, "vocabulary not read");
                Spoken::default()
            }
        }
    }

    /// Answers one request as it came over the wire with the line to send back.
    fn handle(&self, request: Request) -> Vec<u8> {
        match request {
            Request::Ask(ask) => self.ask(&ask).to_line(),
            Request::LogConversation(log) => self.log(log).to_line(),
            Request::Vocabulary => {
                let Spoken { sentences, words } = self.vocabulary();
                VocabularyReply {
                    sentences: sentences.into_iter().map(Into::into).collect(),
                    words: words.into_iter().map(Into::into).collect(),
                }
                .to_line()
            }
        }
    }

    /// Answers a question. Blocking; reads one snapshot, and waits for the disk only where it writes records, for the server
    /// of a copy only within its bound.
    pub(crate) fn ask(&self, ask: &Ask) -> Reply {
        let begun = self.clock.now_ms();
        if let Some(mirror) = &self.mirror {
            // Before the session is locked: whoever says "stop" meanwhile is not kept.
            mirror.freshen();
        }
        let now = self.clock.moment();
        let session = self.sessions.get(&ask.session_id, begun);
        let mut session = session.lock();
        // The same turn again: its reply was lost on the way, and the answer may have been a write.
        if ask.turn != 0
            && let Some(reply) = session.replied(ask.turn)
        {
            return reply;
        }
        let hypotheses: Vec<String> =
            std::iter::once(&ask.text).chain(&ask.alternatives).map(|text| text.expose().clone()).collect();
        let question = Question {
            hypotheses: &hypotheses,
            spoken: ask.spoken,
            session: &ask.session_id,
            user: &self.user,
            now,
        };
        let mut answered = self.brain.answer(&self.database, &mut session.memory, &question);
        if answered.files.iter().any(|file| file == CONVERSATION) {
            // It asked what was said; turns of a moment ago may still be on their way to the disk.
            self.journal.flush();
            answered = self.brain.answer(&self.database, &mut session.memory, &question);
        }
        let fault = answered.outcome == Outcome::Failed;
        if let Some(mirror) = &self.mirror {
            mirror.qualify(&mut answered, &mut session.outage_told, now);
        }
        let latency_ms = self.clock.now_ms() - begun;
        debug!(session = %ask.session_id, took_ms = latency_ms, action = %answered.action, "turn answered");
        // An answer that was put right has its own words, which a code would take away.
        let error = fault.then_some(Code::QmUnavailable);
        self.journal.append(LoggedTurn {
            id: self.journal.next_id(now.unix_ms),
            session: ask.session_id.clone(),
            user: self.user.id.clone(),
            question: ask.text.clone(),
            answer: answered.text.clone().into(),
            intent: answered.intent.clone(),
            action: answered.action.clone(),
            outcome: answered.outcome,
            files: answered.files,
            latency_ms,
            interface: Interface::of(&ask.client_type, ask.spoken),
            error,
            at: now,
        });
        let reply = Reply {
            kind: "text_response".to_owned(),
            text: answered.text.clone().into(),
            response_text: answered.text.into(),
            speech: answered.speech.map(Into::into),
            action_taken: answered.action,
            intent: answered.intent,
            status: if error.is_some() { "error" } else { "success" }.to_owned(),
            outcome: Some(answered.outcome),
            error: error.map(|code| code.as_str().to_owned()),
            id: None,
            session_id: ask.session_id.clone(),
            timestamp: self.clock.timestamp(),
        };
        session.remember(ask.turn, &reply);
        reply
    }

    /// Stores a turn that was answered elsewhere. The reply says that it is on disk.
    fn log(&self, log: LogConversation) -> Reply {
        let now = self.clock.moment();
        let id = self.journal.next_id(now.unix_ms);
        let timestamp = self.clock.timestamp();
        let stored = self.journal.append_now(LoggedTurn {
            id: id.clone(),
            session: log.session_id.clone(),
            user: if log.user_id == UNKNOWN { self.user.id.clone() } else { log.user_id },
            question: log.user_text,
            answer: log.response_text,
            intent: log.intent.clone(),
            action: "conversation_log".to_owned(),
            outcome: Outcome::Answered,
            files: Vec::new(),
            latency_ms: log.latency_ms.unwrap_or(0),
            interface: Interface::Api,
            error: None,
            at: now,
        });
        if let Err(error) = stored {
            error!(%error, "conversation not stored");
            let code = Code::QmUnavailable;
            return Reply::error(code, code.sentence(), &log.session_id, &timestamp);
        }
        Reply {
            kind: "log_response".to_owned(),
            text: "Stored.".to_owned().into(),
            response_text: "Stored.".to_owned().into(),
            speech: None,
            action_taken: "conversation_log".to_owned(),
            intent: if log.intent.is_empty() { "UNKNOWN".to_owned() } else { log.intent },
            status: "success".to_owned(),
            outcome: Some(Outcome::Answered),
            error: None,
            id: Some(format!("{id}U")),
            session_id: log.session_id,
            timestamp,
        }
    }

    /// Writes what the journal still holds; for the end of the program.
    pub(crate) fn flush(&self) {
        self.journal.flush();
    }
}
