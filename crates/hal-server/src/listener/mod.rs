//! The QM Listener: a question comes in, the brain answers it from one snapshot, the turn goes to the journal.
//!
//! Knows no WebSocket and no audio. Blocking: callers give it a thread of the blocking pool.

mod backups;
mod carried;
mod journal;
mod manage;
mod mirror;
mod sessions;
mod sign_in;
pub(crate) mod tcp;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use hal_db::Database;
use hal_dialog::journal::{CONVERSATION, Interface, LoggedTurn};
use hal_dialog::session::Millis;
use hal_dialog::{Brain, Question, Spoken};
use hal_wire::listener::{Ask, LogConversation, Reply, Request, UNKNOWN, VocabularyReply, Who};
use hal_wire::resume::{Resumed, Resumption};
use hal_wire::{Code, Outcome};
use tracing::{debug, error, info, warn};

use self::backups::Backups;
use self::journal::Journal;
pub(crate) use self::mirror::Mirror;
use self::sessions::{Key, Sessions};
use crate::auth::chain::Event;
use crate::auth::{LOCAL, Principal, Refusal, SharedAuth};
use crate::clock::Clock;
use crate::resume;

/// What is added to the program's own time for conversations, so that one from before its start has a time too.
const BEFORE_START_MS: Millis = 3_600_000;

/// Everything that answers questions; shared by the gateway in this process and by the sockets of 8767.
pub(crate) struct Listener {
    database: Database,
    brain: Brain,
    sessions: Sessions,
    journal: Journal,
    auth: SharedAuth,
    clock: Clock,
    /// Set where the records lie on a server elsewhere and the database holds a copy of them.
    mirror: Option<Mirror>,
    /// Set once the folder is known.
    backups: OnceLock<Arc<Backups>>,
}

/// How a request came here: what may be believed of what it says about who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A gateway, in this process or with a proof of the shared secret: it says where its clients are.
    Gateway,
    /// A program on this machine.
    Loopback,
    /// Somebody else, who has proved nothing.
    Elsewhere,
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
        auth: SharedAuth,
        clock: Clock,
        mirror: Option<Mirror>,
    ) -> Arc<Listener> {
        let journal = Journal::start(database.clone(), clock);
        let sessions = Sessions::default();
        let backups = OnceLock::new();
        Arc::new(Listener { database, brain, sessions, journal, auth, clock, mirror, backups })
    }

    /// Takes over what the household's policy says now, for the next question of everybody.
    pub(crate) fn read_policy_again(&self, data: &std::path::Path) {
        self.auth.read_policy_again(data, self.clock.unix_ms());
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
    pub(crate) fn handle(&self, request: Request, caller: Caller) -> Vec<u8> {
        match request {
            Request::Ask(ask) => self.ask(&ask, caller).to_line(),
            Request::LogConversation(log) => self.log(log, caller).to_line(),
            Request::Resume(resumption) => self.resume(&resumption, caller).to_line(),
            Request::SignIn(request) => self.sign_in(request, caller),
            // Names of the household: only for who may hear all of them anyway.
            Request::Vocabulary if self.who(&Who::default(), caller, true).is_err() => {
                self.refuse(Refusal::Missing, UNKNOWN).to_line()
            }
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

    /// Who asks. Looked up for each turn, so that what was revoked a moment ago opens nothing now.
    ///
    /// Errors: nobody who may ask; noted in the audit log.
    fn who(&self, who: &Who, caller: Caller, trusts_gateway: bool) -> Result<Principal, Refusal> {
        let now_ms = self.clock.unix_ms();
        let refused = |refusal| {
            self.auth.refused_turn(refusal, "", now_ms);
            Err(refusal)
        };
        match (&who.handle, &who.token, caller) {
            (_, _, Caller::Elsewhere) => refused(Refusal::Missing),
            (Some(handle), _, _) => self.auth.look_up(handle.expose(), now_ms),
            (None, Some(token), _) => self.auth.open_turn(token.expose(), now_ms),
            // A gateway that has proved itself hears for everybody.
            (None, None, Caller::Gateway) if trusts_gateway => match self.auth.directory().local() {
                Some(owner) => Ok(owner),
                None => refused(Refusal::Missing),
            },
            // A gateway says who it asks for; what does not is no gateway of ours.
            (None, None, Caller::Gateway) => refused(Refusal::Missing),
            (None, None, Caller::Loopback) => self.auth.look_up(LOCAL, now_ms),
        }
    }

    fn refuse(&self, refusal: Refusal, session: &str) -> Reply {
        let code = code_of(refusal);
        Reply::error(code, code.sentence(), session, &self.clock.timestamp())
    }

    /// Answers a question. Blocking; reads one snapshot, and waits for the disk only where it writes records, for the server
    /// of a copy only within its bound.
    pub(crate) fn ask(&self, ask: &Ask, caller: Caller) -> Reply {
        let begun = self.clock.now_ms();
        let principal = match self.who(&ask.who, caller, false) {
            Ok(principal) => principal,
            Err(refusal) => return self.refuse(refusal, &ask.session_id),
        };
        if let Some(mirror) = &self.mirror {
            // Before the session is locked: whoever says "stop" meanwhile is not kept.
            mirror.freshen();
        }
        let now = self.clock.moment();
        let session = self.sessions.get(key(&principal, &ask.session_id), self.sessions_now().ms);
        let mut session = session.lock();
        session.hold_to(&principal.access, &principal.skills);
        // Everything below reads and writes through this handle, and cannot do more than it allows.
        let database = self.database.restricted(&principal.access);
        let user = principal.as_user();
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
            user: &user,
            now,
        };
        let mut answered = self.brain.answer(&database, &mut session.memory, &question);
        if answered.files.iter().any(|file| file == CONVERSATION) {
            // It asked what was said; turns of a moment ago may still be on their way to the disk.
            self.journal.flush();
            answered = self.brain.answer(&database, &mut session.memory, &question);
        }
        let fault = answered.outcome == Outcome::Failed;
        if let Some(mirror) = &self.mirror {
            mirror.qualify(&mut answered, &mut session.outage_told, now);
        }
        let latency_ms = self.clock.now_ms() - begun;
        debug!(session = %ask.session_id, took_ms = latency_ms, action = %answered.action, "turn answered");
        let error = match answered.outcome {
            Outcome::Denied => Some(Code::NotAllowed),
            // An answer that was put right has its own words, which a code would take away.
            _ => fault.then_some(Code::QmUnavailable),
        };
        let mut files = answered.files.clone();
        files.extend(answered.denied.iter().cloned());
        self.auth.audit().record(
            now.unix_ms,
            Event {
                what: "turn".to_owned(),
                user: principal.user.clone(),
                device: principal.device.clone().unwrap_or_default(),
                about: answered.action.clone(),
                files,
                result: answered.outcome.as_str().to_owned(),
                ..Event::default()
            },
        );
        let touched = answered.files.clone();
        self.journal.append(LoggedTurn {
            id: self.journal.next_id(now.unix_ms),
            session: ask.session_id.clone(),
            user: user.id.clone(),
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
            files: touched,
            session_id: ask.session_id.clone(),
            timestamp: self.clock.timestamp(),
        };
        session.remember(ask.turn, &ask.text, ask.spoken, &reply, self.sessions_now().ms);
        reply
    }

    /// Another connection goes on with a conversation: whatever of it is still on its way to an answer is waited for,
    /// and its last replies are told. Blocking.
    pub(crate) fn resume(&self, resumption: &Resumption, caller: Caller) -> Resumed {
        // Not a token of ours: it opens nothing.
        let Some(id) = resume::session_id(&resumption.token) else { return Resumed::default() };
        // Nor does anybody else's. Who may no longer ask is told so at the next question.
        let Ok(principal) = self.who(&resumption.who, caller, false) else { return Resumed::default() };
        let now = self.sessions_now();
        let (session, remembered) = self.sessions.find(key(&principal, &id), now.ms);
        let mut session = session.lock();
        // Before anything of it is told.
        let remembered = session.hold_to(&principal.access, &principal.skills) && remembered;
        session.round += 1;
        debug!(session = %id, remembered, round = session.round, "conversation goes on");
        let replies = session.replies(now.ms).map(|one| one.kept.clone()).collect();
        Resumed { remembered, round: session.round, replies }
    }

    /// Backups that are asked for on the admin page go into a folder of `data`.
    pub(crate) fn keep_backups(&self, data: &Path) {
        self.backups.get_or_init(|| Arc::new(Backups::new(data)));
    }

    /// Goes on with the conversations that [`Listener::keep_conversations`] left in `folder`.
    pub(crate) fn read_conversations(&self, folder: &Path) {
        match carried::read(folder, &self.sessions, &self.brain, self.sessions_now()) {
            Ok(0) => {}
            Ok(count) => info!(count, "conversations go on"),
            Err(error) => warn!(%error, "the conversations of before are not remembered"),
        }
    }

    /// Writes into `folder` what the next start needs to go on with every conversation. For the end of the program:
    /// what is asked afterwards is not in it.
    pub(crate) fn keep_conversations(&self, folder: &Path) {
        match carried::write(folder, &self.sessions, &self.brain, self.sessions_now()) {
            Ok(count) => debug!(count, "conversations kept"),
            Err(error) => warn!(%error, "conversations not kept: they begin anew after the restart"),
        }
    }

    fn sessions_now(&self) -> carried::Now {
        carried::Now { ms: self.clock.now_ms() + BEFORE_START_MS, unix_ms: self.clock.unix_ms() }
    }

    /// Stores a turn that was answered elsewhere. The reply says that it is on disk.
    fn log(&self, log: LogConversation, caller: Caller) -> Reply {
        let now = self.clock.moment();
        let principal = match self.who(&log.who, caller, false) {
            Ok(principal) => principal,
            Err(refusal) => return self.refuse(refusal, &log.session_id),
        };
        if !principal.admin && !principal.access.may_write(CONVERSATION) {
            self.auth.audit().record(
                now.unix_ms,
                Event {
                    what: "log".to_owned(),
                    user: principal.user.clone(),
                    device: principal.device.clone().unwrap_or_default(),
                    files: vec![CONVERSATION.to_owned()],
                    result: Outcome::Denied.as_str().to_owned(),
                    ..Event::default()
                },
            );
            let code = Code::NotAllowed;
            return Reply::error(code, code.sentence(), &log.session_id, &self.clock.timestamp());
        }
        // Who manages the household may store what others said; everybody else says what they say themselves.
        let is_named = principal.admin && log.user_id != UNKNOWN;
        let id = self.journal.next_id(now.unix_ms);
        let timestamp = self.clock.timestamp();
        let stored = self.journal.append_now(LoggedTurn {
            id: id.clone(),
            session: log.session_id.clone(),
            user: if is_named { log.user_id } else { principal.journal_id().to_owned() },
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
            files: Vec::new(),
            session_id: log.session_id,
            timestamp,
        }
    }

    /// Writes what the journal still holds; for the end of the program.
    pub(crate) fn flush(&self) {
        self.journal.flush();
        self.auth.flush();
    }
}

/// Outside, everything that opens nothing sounds the same.
fn code_of(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Wait(_) => Code::LockedOut,
        _ => Code::SignInRequired,
    }
}

/// Whose conversation it is: clients choose their ids, and must not hear what somebody else was told under the same.
fn key(principal: &Principal, session_id: &str) -> Key {
    Key { principal: principal.speaker(), id: session_id.to_owned() }
}
