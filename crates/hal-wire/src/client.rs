//! Messages between clients and the Voice Gateway (8768): dialects G, S and W at the same time.
//!
//! One JSON object per text frame. What old clients leave out, invent or send stale (`session_id`) is ignored:
//! the socket is the session.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::listener::{Outcome, Refusal, TEXT_BYTES_MAX};
use crate::{Code, Private, audio};

/// What a client may send in a text frame.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientMessage {
    TextInput {
        text: Private<String>,
        /// The client's own number for it, 1 to 4294967295, used once in a conversation.
        turn: Option<u64>,
    },
    /// Speech that the client has already turned into words; the answer is the next frame it reads.
    Transcription {
        text: Private<String>,
        turn: Option<u64>,
    },
    /// Goes on with the conversation of an earlier connection.
    Resume(Resume),
    WakeWordDetected,
    /// Bytes of a WAV file or raw PCM16LE at `rate_hz` (dialect G).
    AudioChunk {
        bytes: Private<Vec<u8>>,
        rate_hz: u32,
        is_final: bool,
    },
    /// Mono i16 samples at `rate_hz` (dialect W).
    AudioStream {
        samples: Samples,
        rate_hz: u32,
    },
    SpeechEnded,
    Command(Command),
    /// Keeps a session alive; never answered.
    Heartbeat,
    /// `{"command":"ping"}` without a type: any reply counts.
    Ping,
}

/// Which conversation, and what of it the client has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// `resume` of the greeting it got then. A secret.
    pub token: Private<String>,
    /// Turns whose answers have arrived.
    pub seen: Vec<u64>,
}

/// The longest resume token taken, in bytes. Ours are shorter.
const TOKEN_BYTES_MAX: usize = 64;
/// Turns that a client may say to have seen; the server keeps fewer answers.
const SEEN_MAX: usize = 64;
const TURN_MAX: u64 = u32::MAX as u64;

/// Mono i16 samples; `Debug` tells their count.
#[derive(Clone, PartialEq)]
pub struct Samples(pub Vec<i16>);

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Samples({})", self.0.len())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Stop,
    Hold,
    Repeat,
    Goodbye,
}

impl Command {
    pub fn from_word(word: &str) -> Option<Command> {
        match word {
            "stop" => Some(Command::Stop),
            "hold" => Some(Command::Hold),
            "repeat" => Some(Command::Repeat),
            "goodbye" => Some(Command::Goodbye),
            _ => None,
        }
    }
}

/// The rate of audio whose sender does not tell it.
pub const DEFAULT_RATE_HZ: u32 = 16_000;
const RATE_HZ: std::ops::RangeInclusive<u32> = 8_000..=192_000;

#[derive(Deserialize)]
struct RawMessage {
    #[serde(rename = "type")]
    kind: Option<Field>,
    text: Option<Field>,
    command: Option<Field>,
    #[serde(default, deserialize_with = "sound")]
    audio: Sound,
    #[serde(default, deserialize_with = "sound")]
    audio_data: Sound,
    sample_rate: Option<f64>,
    is_final: Option<bool>,
    turn: Option<f64>,
    resume: Option<Field>,
    seen: Option<Vec<u64>>,
}

/// A field that must be a string, where the error should name the field and not a byte offset.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    Other(IgnoredAny),
}

#[derive(Default)]
enum Sound {
    #[default]
    Absent,
    Base64(String),
    Samples(Vec<i16>),
    Wrong,
}

fn sound<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sound, D::Error> {
    struct SoundVisitor;
    impl<'de> Visitor<'de> for SoundVisitor {
        type Value = Sound;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("base64 text or an array of samples")
        }

        fn visit_str<E>(self, text: &str) -> Result<Sound, E> {
            Ok(Sound::Base64(text.to_owned()))
        }

        fn visit_unit<E>(self) -> Result<Sound, E> {
            Ok(Sound::Absent)
        }

        fn visit_bool<E>(self, _: bool) -> Result<Sound, E> {
            Ok(Sound::Wrong)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Sound, E> {
            Ok(Sound::Wrong)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Sound, E> {
            Ok(Sound::Wrong)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Sound, E> {
            Ok(Sound::Wrong)
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Sound, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Sound::Wrong)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sound, A::Error> {
            let mut samples = Vec::with_capacity(seq.size_hint().unwrap_or(4096).min(1 << 16));
            // Integers by the protocol; a browser that forgot to round sends fractions: clamp, do not fail.
            while let Some(sample) = seq.next_element::<f64>()? {
                samples.push(sample.clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16);
            }
            Ok(Sound::Samples(samples))
        }
    }
    deserializer.deserialize_any(SoundVisitor)
}

impl ClientMessage {
    /// Reads one text frame. `Ok(None)` is blank text, which is dropped without a word.
    ///
    /// Errors: [`Code::BadJson`], [`Code::UnknownType`], [`Code::UnknownCommand`], [`Code::BadField`],
    /// [`Code::BadAudio`], [`Code::TooLarge`]; the message names what was wrong.
    pub fn from_json(json: &str) -> Result<Option<ClientMessage>, Refusal> {
        let raw: RawMessage = serde_json::from_str(json).map_err(|error| not_read(json, &error))?;
        let kind = match raw.kind {
            Some(Field::Text(kind)) => kind,
            Some(Field::Other(_)) => return Err(refusal(Code::BadField, "`type` must be a string")),
            None => {
                return match &raw.command {
                    Some(Field::Text(word)) if word == "ping" || word == "test" => {
                        Ok(Some(ClientMessage::Ping))
                    }
                    _ => Err(refusal(Code::UnknownType, "the message has no `type`")),
                };
            }
        };
        let message = match kind.as_str() {
            "text_input" => match words(raw.text)? {
                Some(text) => ClientMessage::TextInput { text, turn: turn(raw.turn)? },
                None => return Ok(None),
            },
            "transcription" => match words(raw.text)? {
                Some(text) => ClientMessage::Transcription { text, turn: turn(raw.turn)? },
                None => return Ok(None),
            },
            "wake_word_detected" => ClientMessage::WakeWordDetected,
            "audio_chunk" => {
                let sound = if matches!(raw.audio, Sound::Absent) { raw.audio_data } else { raw.audio };
                let Sound::Base64(text) = sound else {
                    return Err(refusal(Code::BadAudio, "`audio` must be base64 text"));
                };
                let bytes = audio::from_base64(&text)
                    .ok_or_else(|| refusal(Code::BadAudio, "`audio` is not valid base64"))?;
                ClientMessage::AudioChunk {
                    bytes: bytes.into(),
                    rate_hz: rate(raw.sample_rate)?,
                    is_final: raw.is_final.unwrap_or(false),
                }
            }
            "audio_stream" => match raw.audio {
                Sound::Samples(samples) => {
                    ClientMessage::AudioStream { samples: Samples(samples), rate_hz: rate(raw.sample_rate)? }
                }
                _ => return Err(refusal(Code::BadAudio, "`audio` must be an array of 16-bit samples")),
            },
            "speech_ended" | "stop_listening" => ClientMessage::SpeechEnded,
            "command" => match raw.command {
                Some(Field::Text(word)) => ClientMessage::Command(
                    Command::from_word(word.trim().to_ascii_lowercase().as_str()).ok_or_else(|| {
                        refusal(Code::UnknownCommand, &format!("unknown command: {}", clip(&word)))
                    })?,
                ),
                _ => return Err(refusal(Code::BadField, "`command` must be a string")),
            },
            "resume" => match raw.resume {
                Some(Field::Text(token)) if token.len() <= TOKEN_BYTES_MAX => {
                    let mut seen = raw.seen.unwrap_or_default();
                    seen.truncate(SEEN_MAX);
                    ClientMessage::Resume(Resume { token: token.into(), seen })
                }
                _ => return Err(refusal(Code::BadField, "`resume` must be the token of a greeting")),
            },
            "heartbeat" => ClientMessage::Heartbeat,
            "ping" => ClientMessage::Ping,
            other => {
                return Err(refusal(Code::UnknownType, &format!("unknown message type: {}", clip(other))));
            }
        };
        Ok(Some(message))
    }
}

fn not_read(json: &str, error: &serde_json::Error) -> Refusal {
    // An array is valid JSON of the wrong kind; serde would even read it as a struct's fields.
    if error.classify() == serde_json::error::Category::Data && json.trim_start().starts_with('{') {
        return refusal(Code::BadField, &format!("a field has the wrong type: {error}"));
    }
    refusal(Code::BadJson, "the message is not a JSON object")
}

fn refusal(code: Code, message: &str) -> Refusal {
    Refusal { code, message: message.to_owned() }
}

/// What a stranger sent, short enough to send back.
fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(40)]
}

fn words(field: Option<Field>) -> Result<Option<Private<String>>, Refusal> {
    match field {
        Some(Field::Text(text)) if text.len() > TEXT_BYTES_MAX => {
            Err(refusal(Code::TooLarge, &format!("`text` is longer than {TEXT_BYTES_MAX} bytes")))
        }
        Some(Field::Text(text)) => {
            let text = text.trim();
            Ok((!text.is_empty()).then(|| Private::new(text.to_owned())))
        }
        Some(Field::Other(_)) | None => Err(refusal(Code::BadField, "`text` must be a string")),
    }
}

fn turn(field: Option<f64>) -> Result<Option<u64>, Refusal> {
    match field {
        None => Ok(None),
        Some(number) if number.fract() == 0.0 && (1.0..=TURN_MAX as f64).contains(&number) => {
            Ok(Some(number as u64))
        }
        Some(_) => Err(refusal(Code::BadField, &format!("`turn` must be a whole number, 1 to {TURN_MAX}"))),
    }
}

fn rate(field: Option<f64>) -> Result<u32, Refusal> {
    match field {
        None => Ok(DEFAULT_RATE_HZ),
        Some(hz) if hz.fract() == 0.0 && RATE_HZ.contains(&(hz as u32)) => Ok(hz as u32),
        Some(_) => Err(refusal(
            Code::BadField,
            &format!("`sample_rate` must be {} to {} Hz", RATE_HZ.start(), RATE_HZ.end()),
        )),
    }
}

/// Where a session stands, by its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WireState {
    PassiveListening,
    ActiveListening,
}

/// One frame to a client. Build it with a constructor; absent fields are not written.
#[derive(Debug, Default, Serialize)]
pub struct ServerMessage<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub session_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<WireState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_state: Option<WireState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub countdown_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_text: Option<&'a str>,
    /// What was heard, in the answer to a spoken question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcription: Option<&'a str>,
    /// What was typed, in an answer that was missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_taken: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_repeat: Option<bool>,
    /// The turn that an answer or an error ends: the client's own number, or a larger one of the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
    /// An answer that an earlier connection did not deliver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_missed: Option<bool>,
    /// The secret with which another connection can go on with this conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<&'a str>,
    /// Whether the conversation was still remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
    /// Base64 of a WAV file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_format: Option<&'static str>,
    /// Whether the server itself listens for a wake word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake_word_detection: Option<bool>,
    /// Whether the server can hear and speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hearing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaking: Option<bool>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub notices: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
    /// The message again: one old client reads only this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recoverable: Option<bool>,
    /// When trying again makes sense, in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// ISO 8601, UTC.
    pub timestamp: &'a str,
}

/// What the answer to a question consists of.
#[derive(Debug)]
pub struct Response<'a> {
    pub turn: Option<u64>,
    pub text: &'a str,
    pub action: &'a str,
    pub intent: &'a str,
    pub outcome: Outcome,
    pub transcription: Option<&'a str>,
    pub question: Option<&'a str>,
    pub audio_base64: Option<&'a str>,
    pub is_repeat: bool,
    pub is_missed: bool,
}

/// What the greeting tells about the server.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// See [`ServerMessage::resume`].
    pub resume: &'a str,
    pub hearing: bool,
    pub speaking: bool,
    pub notices: &'a [String],
}

impl<'a> ServerMessage<'a> {
    fn of(kind: &'static str, session_id: &'a str, timestamp: &'a str) -> Self {
        Self { kind, session_id, timestamp, ..Self::default() }
    }

    /// The greeting; `kind` is `connected`, or `state` for the two clients that accept nothing else.
    pub fn greeting(kind: Greeting, session_id: &'a str, timestamp: &'a str, told: Told<'a>) -> Self {
        Self {
            resume: Some(told.resume),
            state: Some(WireState::PassiveListening),
            message: Some("HAL is ready."),
            wake_word_detection: Some(false),
            hearing: Some(told.hearing),
            speaking: Some(told.speaking),
            notices: told.notices,
            ..Self::of(kind.as_str(), session_id, timestamp)
        }
    }

    /// The conversation goes on, or it is not `remembered` any more and begins anew. What was missed came before.
    pub fn resumed(session_id: &'a str, timestamp: &'a str, token: &'a str, remembered: bool) -> Self {
        Self { resume: Some(token), resumed: Some(remembered), ..Self::of("resumed", session_id, timestamp) }
    }

    pub fn ack(session_id: &'a str, timestamp: &'a str) -> Self {
        Self { sound: Some("chime"), ..Self::of("ack", session_id, timestamp) }
    }

    pub fn passive(session_id: &'a str, timestamp: &'a str) -> Self {
        Self {
            new_state: Some(WireState::PassiveListening),
            ..Self::of("state_change", session_id, timestamp)
        }
    }

    /// Listening after a wake word, for `timeout_ms` without sound.
    pub fn listening(session_id: &'a str, timestamp: &'a str, timeout_ms: u64) -> Self {
        Self {
            new_state: Some(WireState::ActiveListening),
            timeout_ms: Some(timeout_ms),
            ..Self::of("state_change", session_id, timestamp)
        }
    }

    /// The window after an answer in which no wake word is needed.
    pub fn follow_up(session_id: &'a str, timestamp: &'a str, countdown_ms: u64) -> Self {
        Self {
            new_state: Some(WireState::ActiveListening),
            countdown_ms: Some(countdown_ms),
            ..Self::of("state_change", session_id, timestamp)
        }
    }

    pub fn processing(session_id: &'a str, timestamp: &'a str) -> Self {
        Self {
            sound: Some("working_tone"),
            message: Some("Processing your request"),
            ..Self::of("processing", session_id, timestamp)
        }
    }

    pub fn transcription(session_id: &'a str, timestamp: &'a str, text: &'a str) -> Self {
        Self { text: Some(text), ..Self::of("transcription", session_id, timestamp) }
    }

    pub fn response(session_id: &'a str, timestamp: &'a str, response: &Response<'a>) -> Self {
        Self {
            turn: response.turn,
            is_missed: response.is_missed.then_some(true),
            text: Some(response.text),
            response_text: Some(response.text),
            transcription: response.transcription,
            question: response.question,
            action_taken: Some(response.action),
            action: Some(response.action),
            intent: Some(response.intent),
            outcome: Some(response.outcome),
            is_repeat: response.is_repeat.then_some(true),
            audio: response.audio_base64,
            audio_format: response.audio_base64.map(|_| "wav"),
            ..Self::of("response", session_id, timestamp)
        }
    }

    pub fn goodbye(session_id: &'a str, timestamp: &'a str) -> Self {
        Self {
            sound: Some("goodbye"),
            message: Some("Goodbye."),
            ..Self::of("goodbye", session_id, timestamp)
        }
    }

    pub fn pong(session_id: &'a str, timestamp: &'a str) -> Self {
        Self::of("pong", session_id, timestamp)
    }

    pub fn error(
        session_id: &'a str,
        timestamp: &'a str,
        turn: Option<u64>,
        code: Code,
        message: &'a str,
    ) -> Self {
        Self {
            turn,
            code: Some(code.as_str()),
            message: Some(message),
            error: Some(message),
            recoverable: Some(code.recoverable()),
            ..Self::of("error", session_id, timestamp)
        }
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(self, retry_after_ms: Option<u64>) -> Self {
        Self { retry_after_ms, ..self }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain structs of strings always serialise")
    }
}

/// The type of the first frame: `?greeting=state` asks for the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Greeting {
    #[default]
    Connected,
    State,
}

impl Greeting {
    fn as_str(self) -> &'static str {
        match self {
            Greeting::Connected => "connected",
            Greeting::State => "state",
        }
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
