//! The WebSocket: a handshake as clients do it, the greeting, a neutral question, and a silence.

use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::Eyes;
use super::http::{Door, exchange};
use super::socket::Stream;
use crate::doctor::facts::{Http, Idle, Question, Upgrade};

/// Says nothing about anybody and changes nothing.
const NEUTRAL: &str = "What time is it?";
/// Frames that may come before an answer.
const FRAMES_MAX: usize = 50;
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// What may go over a trusted line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SignIn<'a> {
    pub(super) token: Option<&'a str>,
    pub(super) query: Option<&'a str>,
}

/// An upgraded line.
#[derive(Debug)]
pub(super) struct Talk {
    socket: WebSocket<Stream>,
    session: Option<String>,
    trusted: bool,
}

/// Shakes hands and waits for the greeting.
pub(super) fn upgrade(door: &Door<'_>, sign_in: SignIn<'_>) -> (Upgrade, Option<Talk>) {
    let eyes = door.eyes;
    let mut line = match door.open(eyes.deadline_in(eyes.wait * 2)) {
        Ok(line) => line,
        Err((failure, _)) => {
            let http = Http { failure: Some(failure), ..Http::default() };
            return (Upgrade { http, ..Upgrade::default() }, None);
        }
    };
    let mut nonce = [0; 16];
    // Without randomness the handshake is still one; its answer is checked against the same bytes.
    getrandom::fill(&mut nonce).ok();
    let key = base64::engine::general_purpose::STANDARD.encode(nonce);
    let path = if door.target.path.is_empty() { "/" } else { &door.target.path };
    let mut request = format!("GET {path}");
    let mut signed_in = false;
    if line.trusted
        && let Some(query) = sign_in.query
    {
        request.push_str(&format!("?{query}"));
        signed_in = query.contains("token=");
    }
    request.push_str(&format!(
        " HTTP/1.1\r\nHost: {}\r\nUser-Agent: hal-doctor/{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n",
        door.target.authority(),
        env!("CARGO_PKG_VERSION")
    ));
    if line.trusted
        && let Some(token) = sign_in.token
    {
        request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        signed_in = true;
    }
    request.push_str("\r\n");
    let (http, answer) = exchange(&mut line.stream, &request, eyes);
    let expected = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let mut upgrade = Upgrade {
        header: answer.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")),
        key_fits: answer.header("sec-websocket-accept") == Some(expected.as_str()),
        signed_in,
        http,
        ..Upgrade::default()
    };
    if answer.status != 101 || !upgrade.key_fits {
        return (upgrade, None);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    line.stream.set_deadline(eyes.deadline());
    let socket = WebSocket::from_partially_read(line.stream, answer.rest, Role::Client, Some(config));
    let mut talk = Talk { socket, session: None, trusted: line.trusted };
    if let Some(frame) = talk.frame() {
        upgrade.greeting = frame["type"].as_str().map(str::to_owned);
        upgrade.code = frame["code"].as_str().map(str::to_owned);
        talk.session = frame["session_id"].as_str().map(str::to_owned);
    }
    (upgrade, Some(talk))
}

impl Talk {
    /// The next JSON object; `None` at the deadline or when the line ends.
    fn frame(&mut self) -> Option<Value> {
        for _ in 0..FRAMES_MAX {
            if let Message::Text(text) = self.socket.read().ok()?
                && let Ok(frame) = serde_json::from_str::<Value>(&text)
                && frame.is_object()
            {
                return Some(frame);
            }
        }
        None
    }

    /// Asks the neutral question. `None`: the certificate is not trusted, so nothing is asked.
    pub(super) fn question(mut self, eyes: Eyes) -> Option<Question> {
        if !self.trusted {
            return None;
        }
        let start = eyes.clock.now_ms();
        self.socket.get_mut().set_deadline(eyes.deadline_in(eyes.wait * 2));
        let mut message = serde_json::json!({ "type": "text_input", "text": NEUTRAL });
        if let Some(session) = &self.session {
            message["session_id"] = Value::from(session.as_str());
        }
        let mut question = Question::default();
        if self.socket.send(Message::text(message.to_string())).is_ok() {
            for _ in 0..FRAMES_MAX {
                let Some(frame) = self.frame() else { break };
                match frame["type"].as_str() {
                    Some("response") => {
                        question.outcome = Some(frame["outcome"].as_str().unwrap_or("answered").to_owned());
                        question.code = frame["code"].as_str().map(str::to_owned);
                        break;
                    }
                    Some("error") => {
                        question.code = Some(frame["code"].as_str().unwrap_or("unknown").to_owned());
                        break;
                    }
                    _ => {}
                }
            }
        }
        question.closed = question.outcome.is_none() && question.code.is_none();
        question.took_ms = eyes.since(start);
        // A goodbye to a server that may have gone.
        self.socket.close(None).ok();
        self.socket.flush().ok();
        Some(question)
    }

    /// Says nothing for `asked`, but answers pings as clients do.
    pub(super) fn idle(mut self, asked: Duration, eyes: Eyes) -> Idle {
        let start = eyes.clock.now_ms();
        self.socket.get_mut().set_deadline(eyes.deadline_in(asked));
        let mut idle = Idle { asked_ms: asked.as_millis() as u64, ..Idle::default() };
        loop {
            match self.socket.read() {
                Ok(Message::Close(_)) => idle.with_goodbye = true,
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => break,
                Err(_) => {
                    idle.closed_after_ms = Some(eyes.since(start));
                    break;
                }
            }
        }
        idle
    }
}
