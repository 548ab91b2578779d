//! Requests and replies of the QM Listener (8767): one JSON object each way, the reply flat.

use serde::{Deserialize, Serialize};

use crate::resume::Resumption;
use crate::{Code, Private, sign_in};

/// What became of a question, for programs: `hal ask` makes its exit status from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered from records (or from the clock, for the time and the like).
    Answered,
    /// Understood, but the records hold nothing about it.
    NothingFound,
    /// Not understood; the text says so and offers what can be asked.
    NotUnderstood,
    /// The reply is a question back, such as a confirmation.
    Asked,
    /// Understood, but whoever asks may not ask that here.
    Denied,
    /// Understood, but a fault kept it from being answered.
    Failed,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::NothingFound => "nothing_found",
            Outcome::NotUnderstood => "not_understood",
            Outcome::Asked => "asked",
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
        }
    }
}

/// One request to the listener.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Ask(Ask),
    /// Stores a turn that was answered elsewhere.
    LogConversation(LogConversation),
    /// What this household is likely to say, for a gateway with a recogniser in another process.
    Vocabulary,
    /// A client of a gateway goes on with the conversation of an earlier connection.
    Resume(Resumption),
    /// Everything about who somebody is.
    SignIn(sign_in::Request),
}

/// A question. Unknown fields (`type`, `timestamp`, `context`, `intent`…) are accepted and ignored.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub text: Private<String>,
    /// Further readings of a spoken question, best first, without `text`.
    pub alternatives: Vec<Private<String>>,
    pub session_id: String,
    pub user_id: String,
    /// `mac`, `windows`, `homeassistant`, `web`, `cli`…
    pub client_type: String,
    pub spoken: bool,
    /// A question that the client sends only once, e.g. a number; 0 when it has none.
    pub turn: u64,
    pub who: Who,
}

/// Who asks: the handle that a gateway got at sign-in, or a token that the client shows itself. Neither: nobody is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    pub handle: Option<Private<String>>,
    pub token: Option<Private<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogConversation {
    pub session_id: String,
    pub user_id: String,
    pub user_text: Private<String>,
    pub response_text: Private<String>,
    pub intent: String,
    pub latency_ms: Option<u64>,
    pub who: Who,
}

/// Why a request was refused: the code, and a sentence that names the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    pub message: String,
}

/// The session and user of a request that names none.
pub const UNKNOWN: &str = "unknown";

/// The longest question, in bytes; more is not a sentence anybody said.
pub const TEXT_BYTES_MAX: usize = 4096;
/// The longest session or user id kept, in bytes.
const ID_BYTES_MAX: usize = 64;
const ALTERNATIVES_MAX: usize = 10;

#[derive(Deserialize)]
struct RawRequest {
    #[serde(rename = "type")]
    kind: Option<Loose>,
    text: Option<Loose>,
    transcription: Option<Loose>,
    session_id: Option<Loose>,
    user_id: Option<Loose>,
    client_type: Option<Loose>,
    alternatives: Option<Vec<String>>,
    spoken: Option<bool>,
    turn: Option<u64>,
    handle: Option<Loose>,
    token: Option<Loose>,
    user_text: Option<Loose>,
    response_text: Option<Loose>,
    intent: Option<Loose>,
    latency_ms: Option<f64>,
    resume: Option<Loose>,
}

/// A field that should be a string; anything else is read and treated as absent, as old listeners did.
#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Text(String),
    Other(serde::de::IgnoredAny),
}

fn text(field: Option<Loose>) -> Option<String> {
    match field {
        Some(Loose::Text(text)) => Some(text),
        Some(Loose::Other(_)) | None => None,
    }
}

fn id(field: Option<Loose>, default: &str) -> String {
    let mut id = text(field).filter(|id| !id.trim().is_empty()).unwrap_or_else(|| default.to_owned());
    if id.len() > ID_BYTES_MAX {
        id.truncate(id.floor_char_boundary(ID_BYTES_MAX));
    }
    id
}

impl Request {
    /// Reads one request.
    ///
    /// Errors: [`Code::BadJson`] for what is not a JSON object, [`Code::BadField`] without a question,
    /// [`Code::TooLarge`] for one above [`TEXT_BYTES_MAX`].
    pub fn from_json(bytes: &[u8]) -> Result<Request, Refusal> {
        let raw: RawRequest = serde_json::from_slice(bytes).map_err(|error| {
            let message = if error.classify() == serde_json::error::Category::Data {
                format!("a field of the request has the wrong type: {error}")
            } else {
                "the request is not one JSON object on one line".to_owned()
            };
            Refusal { code: Code::BadJson, message }
        })?;
        let session_id = id(raw.session_id, UNKNOWN);
        let user_id = id(raw.user_id, UNKNOWN);
        let kind = text(raw.kind);
        if kind.as_deref().is_some_and(sign_in::is_request) {
            return sign_in::Request::from_json(bytes).map(Request::SignIn).map_err(|fault| Refusal {
                code: Code::BadField,
                message: format!("a field of the request is missing or of the wrong type: {fault}"),
            });
        }
        // What was shown and cannot be one opens nothing; it is not as if nothing had been shown.
        let secret = |field: Option<Loose>| {
            let shown = field.map(|field| text(Some(field)).unwrap_or_default());
            shown.map(|text| if text.len() <= sign_in::FIELD_BYTES_MAX { text } else { String::new() }.into())
        };
        let who = Who { handle: secret(raw.handle), token: secret(raw.token) };
        if kind.as_deref() == Some("vocabulary") {
            return Ok(Request::Vocabulary);
        }
        if kind.as_deref() == Some("resume") {
            return Ok(Request::Resume(Resumption { token: required(text(raw.resume), "resume")?, who }));
        }
        if kind.as_deref() == Some("log_conversation") {
            return Ok(Request::LogConversation(LogConversation {
                session_id,
                user_id,
                user_text: required(text(raw.user_text), "user_text")?,
                response_text: required(text(raw.response_text), "response_text")?,
                intent: text(raw.intent).unwrap_or_default(),
                latency_ms: raw.latency_ms.map(|ms| ms.max(0.0) as u64),
                who,
            }));
        }
        // `text` first, as the newest of the old listeners did.
        let question =
            text(raw.text).filter(|text| !text.trim().is_empty()).or_else(|| text(raw.transcription));
        Ok(Request::Ask(Ask {
            text: required(question, "text")?,
            alternatives: raw
                .alternatives
                .unwrap_or_default()
                .into_iter()
                .filter(|text| text.len() <= TEXT_BYTES_MAX)
                .take(ALTERNATIVES_MAX)
                .map(Private::new)
                .collect(),
            session_id,
            user_id,
            client_type: id(raw.client_type, UNKNOWN),
            spoken: raw.spoken.unwrap_or(false),
            turn: raw.turn.unwrap_or(0),
            who,
        }))
    }
}

fn required(text: Option<String>, field: &str) -> Result<Private<String>, Refusal> {
    match text {
        Some(text) if text.len() > TEXT_BYTES_MAX => Err(Refusal {
            code: Code::TooLarge,
            message: format!("`{field}` is longer than {TEXT_BYTES_MAX} bytes"),
        }),
        Some(text) if !text.trim().is_empty() => Ok(Private::new(text)),
        _ => Err(Refusal { code: Code::BadField, message: format!("`{field}` is missing or empty") }),
    }
}

#[derive(Serialize)]
struct AskJson<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<&'a str>,
    session_id: &'a str,
    user_id: &'a str,
    client_type: &'a str,
    spoken: bool,
    turn: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl Ask {
    /// The request as one line, newline included.
    pub fn to_line(&self) -> Vec<u8> {
        line(&AskJson {
            kind: "voice_message",
            text: self.text.expose(),
            alternatives: self.alternatives.iter().map(|text| text.expose().as_str()).collect(),
            session_id: &self.session_id,
            user_id: &self.user_id,
            client_type: &self.client_type,
            spoken: self.spoken,
            turn: self.turn,
            handle: self.who.handle.as_ref().map(|handle| handle.expose().as_str()),
            token: self.who.token.as_ref().map(|token| token.expose().as_str()),
        })
    }
}

/// The listener's one reply, always flat: some clients read until the first `}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    #[serde(rename = "type")]
    pub kind: String,
    pub text: Private<String>,
    /// The same text: two families of clients read two keys.
    pub response_text: Private<String>,
    /// How it should be spoken, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<Private<String>>,
    /// `<file>_<verb>` in lower case, `ERROR` for errors.
    pub action_taken: String,
    /// Upper case, e.g. `MEDICATION`.
    pub intent: String,
    /// `success` or `error`.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Code of the error where `status` is `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Id of the record that a `log_conversation` request made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Files that were read or written for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    pub session_id: String,
    /// ISO 8601, UTC.
    pub timestamp: String,
}

impl Reply {
    pub fn error(code: Code, message: &str, session_id: &str, timestamp: &str) -> Reply {
        Reply {
            kind: "text_response".to_owned(),
            text: message.to_owned().into(),
            response_text: message.to_owned().into(),
            speech: None,
            action_taken: "ERROR".to_owned(),
            intent: "UNKNOWN".to_owned(),
            status: "error".to_owned(),
            outcome: Some(Outcome::Failed),
            error: Some(code.as_str().to_owned()),
            id: None,
            files: Vec::new(),
            session_id: session_id.to_owned(),
            timestamp: timestamp.to_owned(),
        }
    }

    /// The reply as one line, newline included.
    pub fn to_line(&self) -> Vec<u8> {
        line(self)
    }

    pub fn from_json(bytes: &[u8]) -> Option<Reply> {
        serde_json::from_slice(bytes).ok()
    }
}

/// The request of a gateway for [`VocabularyReply`], newline included.
pub const VOCABULARY_LINE: &[u8] = b"{\"type\":\"vocabulary\"}\n";

/// Sentences and words that are likely to be said: lower case, spelled out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VocabularyReply {
    pub sentences: Vec<Private<String>>,
    pub words: Vec<Private<String>>,
}

impl VocabularyReply {
    /// The reply as one line, newline included.
    pub fn to_line(&self) -> Vec<u8> {
        line(self)
    }

    pub fn from_json(bytes: &[u8]) -> Option<VocabularyReply> {
        serde_json::from_slice(bytes).ok()
    }
}

impl Serialize for Private<String> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Onto the wire, which is where the words are meant to go.
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Private<String> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Private::new)
    }
}

pub(crate) fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("plain structs of strings always serialise");
    line.push(b'\n');
    line
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
