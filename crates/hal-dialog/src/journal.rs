//! Every turn as the household keeps it: two CONVERSATION records and the SESSION they belong to, by the schema.
//!
//! Knows the layout and nothing of when or how it is written; ids and times come in with the turn.

use hal_db::{Record, Result, Txn, date};
use hal_wire::{Code, Outcome, Private};

use crate::Moment;

/// One question and its answer, as they are remembered.
#[derive(Clone, Debug)]
pub struct LoggedTurn {
    /// Unique, and in the order of time; `A` and `U` are put behind it.
    pub id: String,
    pub session: String,
    pub user: String,
    pub question: Private<String>,
    pub answer: Private<String>,
    pub intent: String,
    pub action: String,
    pub outcome: Outcome,
    pub files: Vec<String>,
    pub latency_ms: u64,
    pub interface: Interface,
    pub error: Option<Code>,
    pub at: Moment,
}

/// How the session reaches HAL, in the schema's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    Voice,
    Text,
    Web,
    Api,
}

impl Interface {
    fn as_str(self) -> &'static str {
        match self {
            Interface::Voice => "voice",
            Interface::Text => "text",
            Interface::Web => "web",
            Interface::Api => "api",
        }
    }

    /// From the `client_type` of a request, which anybody may invent.
    pub fn of(client_type: &str, spoken: bool) -> Interface {
        match client_type {
            _ if spoken => Interface::Voice,
            "web" => Interface::Web,
            "mac" | "windows" | "linux" | "cli" | "gateway" => Interface::Text,
            _ => Interface::Api,
        }
    }
}

/// Files of the journal.
pub const CONVERSATION: &str = "CONVERSATION";
pub const SESSION: &str = "SESSION";

/// Field numbers of CONVERSATION.
mod conversation {
    pub(super) const SESSION_ID: usize = 1;
    pub(super) const USER_ID: usize = 3;
    pub(super) const TIMESTAMP: usize = 4;
    pub(super) const MESSAGE_TYPE: usize = 5;
    pub(super) const CONTENT: usize = 6;
    pub(super) const LATENCY_MS: usize = 11;
    pub(super) const INTENT: usize = 14;
    pub(super) const PARENT_MESSAGE_ID: usize = 17;
    pub(super) const ERROR_CODE: usize = 20;
}

/// Field numbers of SESSION.
mod session {
    pub(super) const USER_ID: usize = 1;
    pub(super) const START_TIME: usize = 3;
    pub(super) const END_TIME: usize = 4;
    pub(super) const DURATION_SECONDS: usize = 5;
    pub(super) const MESSAGE_COUNT: usize = 6;
    pub(super) const INTERFACE_TYPE: usize = 9;
    pub(super) const STATUS: usize = 13;
    pub(super) const ACTIONS_TAKEN: usize = 16;
    pub(super) const FILES_ACCESSED: usize = 17;
    pub(super) const CREATED_DATE: usize = 21;
    pub(super) const UPDATED_DATE: usize = 22;
}

/// Actions and files kept of one session; a speaker in the kitchen has sessions that never end.
const DISTINCT_MAX: usize = 50;

/// Writes some turns, in order. Sessions that occur several times are written once.
pub fn append(txn: &mut Txn<'_>, turns: &[LoggedTurn]) -> Result<()> {
    let mut sessions: Vec<(&str, Record)> = Vec::new();
    for turn in turns {
        let user_id = format!("{}U", turn.id);
        txn.write(CONVERSATION, &user_id, &question_record(turn))?;
        txn.write(CONVERSATION, &format!("{}A", turn.id), &answer_record(turn, &user_id))?;
        let index = match sessions.iter().position(|(id, _)| *id == turn.session) {
            Some(index) => index,
            None => {
                let record = txn.read(SESSION, &turn.session)?.unwrap_or_else(|| session_record(turn));
                sessions.push((&turn.session, record));
                sessions.len() - 1
            }
        };
        count_turn(&mut sessions[index].1, turn);
    }
    for (id, record) in &sessions {
        txn.write(SESSION, id, record)?;
    }
    Ok(())
}

fn set(record: &mut Record, field: usize, value: &str) {
    record.set_field(field, value);
}

fn question_record(turn: &LoggedTurn) -> Record {
    use conversation as field;
    let mut record = Record::default();
    set(&mut record, field::SESSION_ID, &turn.session);
    set(&mut record, field::USER_ID, &turn.user);
    set(&mut record, field::TIMESTAMP, &date::stamp(turn.at.day, turn.at.second));
    set(&mut record, field::MESSAGE_TYPE, "user");
    set(&mut record, field::CONTENT, &plain(turn.question.expose()));
    set(&mut record, field::INTENT, &turn.intent);
    record
}

fn answer_record(turn: &LoggedTurn, user_id: &str) -> Record {
    use conversation as field;
    let mut record = Record::default();
    set(&mut record, field::SESSION_ID, &turn.session);
    set(&mut record, field::USER_ID, &turn.user);
    set(&mut record, field::TIMESTAMP, &date::stamp(turn.at.day, turn.at.second));
    set(&mut record, field::MESSAGE_TYPE, "assistant");
    set(&mut record, field::CONTENT, &plain(turn.answer.expose()));
    set(&mut record, field::LATENCY_MS, &turn.latency_ms.to_string());
    set(&mut record, field::INTENT, &turn.intent);
    set(&mut record, field::PARENT_MESSAGE_ID, user_id);
    if let Some(code) = turn.error {
        set(&mut record, field::ERROR_CODE, code.as_str());
    }
    record
}

fn session_record(turn: &LoggedTurn) -> Record {
    use session as field;
    let mut record = Record::default();
    set(&mut record, field::USER_ID, &turn.user);
    set(&mut record, field::START_TIME, &date::stamp(turn.at.day, turn.at.second));
    set(&mut record, field::INTERFACE_TYPE, turn.interface.as_str());
    set(&mut record, field::CREATED_DATE, &turn.at.day.to_string());
    record
}

fn count_turn(record: &mut Record, turn: &LoggedTurn) {
    use session as field;
    let messages = number(record, field::MESSAGE_COUNT) + 2;
    set(record, field::MESSAGE_COUNT, &messages.to_string());
    set(record, field::END_TIME, &date::stamp(turn.at.day, turn.at.second));
    if let Some((day, second)) = date::from_stamp(&record.field_text(field::START_TIME)) {
        let seconds = (turn.at.day - day) * 86_400 + i64::from(turn.at.second) - i64::from(second);
        set(record, field::DURATION_SECONDS, &seconds.max(0).to_string());
    }
    if turn.interface == Interface::Voice {
        // One spoken question makes it a session by voice.
        set(record, field::INTERFACE_TYPE, Interface::Voice.as_str());
    }
    set(record, field::STATUS, "active");
    add_distinct(record, field::ACTIONS_TAKEN, &turn.action);
    for file in &turn.files {
        add_distinct(record, field::FILES_ACCESSED, file);
    }
    set(record, field::UPDATED_DATE, &turn.at.day.to_string());
}

fn number(record: &Record, field: usize) -> u64 {
    record.field_text(field).trim().parse().unwrap_or(0)
}

fn add_distinct(record: &mut Record, field: usize, value: &str) {
    let count = record.values(field).count();
    let known = record.values(field).any(|known| known == value.as_bytes());
    if !known && count < DISTINCT_MAX && !value.is_empty() {
        record.replace(field as i64, -1, 0, value);
    }
}

/// What people type is data: a mark in it would shift the fields behind it. UTF-8 text has no mark bytes, but
/// control characters would spoil listings.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
