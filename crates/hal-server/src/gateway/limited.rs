//! What somebody hears who has reached a limit, and what is looked at to find out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use futures_util::{SinkExt, StreamExt};
use hal_dialog::session::Millis;
use hal_wire::Code;
use hal_wire::client::ServerMessage;
use tokio::sync::Semaphore;
use tokio::time::{Duration, timeout};
use tracing::debug;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Message, Utf8Bytes};

use super::conn::Wishes;
use super::routes::{text, wants_page};
use super::sign_in::Peer;
use super::socket::{Handshake, WebSocket};
use super::{Gateway, sign_in};
use crate::config;
use crate::limits::{Admission, Limit, Refused, Who};

/// Close code of RFC 6455's registry: try again later.
pub(super) const TRY_AGAIN_LATER: u16 = 1013;
/// WebSockets that are opened only to be told why they cannot stay; beyond that HTTP says so.
const TURNED_AWAY_AT_ONCE: usize = 64;
/// How long such a client has to read it.
const TURNED_AWAY_LIMIT: Duration = Duration::from_secs(2);
/// No limit for texts can be smaller.
const LONG_BYTES_MIN: usize = 8 << 10;
/// Where a message without a look at all of it is taken for one with sound.
const LOOK_BYTES: usize = 256;
/// Beside a busy server, not beside one's own limits.
const BUSY_RETRY_MS: Millis = 1_000;

/// WebSockets that are being turned away.
#[derive(Debug)]
pub(crate) struct Door(Arc<Semaphore>);

impl Default for Door {
    fn default() -> Door {
        Door(Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE)))
    }
}

/// How many connections from there may wait for their request. Behind a proxy everybody comes from one address, so those where one
/// may be have a share of all places; everybody else is held to their own number.
pub(super) fn waiting_max(limits: &config::Limits, share: usize, may_be_proxy: bool) -> usize {
    match usize::try_from(limits.address_connections) {
        Ok(own) if own > 0 && !may_be_proxy => own.min(share),
        _ => share,
    }
}

impl Gateway {
    /// Counts a request for the address it comes from.
    ///
    /// Errors: too many came from there.
    pub(super) fn requested(&self, request: &Request) -> Result<(), Refused> {
        // As cheap to answer as to refuse, and a proxy that is refused would take the gateway for dead.
        if is_health_check(request) {
            return Ok(());
        }
        let Some(from) = sign_in::counted(request.headers(), &Peer::of(request)) else { return Ok(()) };
        self.limits.request(from, self.clock.now_ms()).inspect_err(|_| self.metrics.limited(Limit::Requests))
    }

    /// Opens a WebSocket that has no place only to say so, and closes it with 1013: browsers show no page the status of a handshake.
    ///
    /// Errors: too many are being told already.
    pub(super) fn turn_away(
        self: &Arc<Self>,
        handshake: Handshake,
        wishes: &Wishes,
        refused: Refused,
    ) -> Result<(), Refused> {
        self.metrics.limited(refused.limit);
        let Ok(place) = Arc::clone(&self.door.0).try_acquire_owned() else { return Err(refused) };
        debug!(?refused, web = wishes.web, "no place for another connection");
        let gateway = Arc::clone(self);
        tokio::spawn(async move {
            let nobody = gateway.limits.admit(Who::default(), 0).map(Arc::new);
            let told = async {
                let mut socket = handshake.socket_to_close(nobody.ok()?, gateway.clock).await?;
                let json = error(&gateway, "", None, &refused);
                socket.feed(Message::Text(json.into())).await.ok()?;
                socket.send(close(Code::TooMany)).await.ok()?;
                leave(&mut socket).await;
                Some(())
            };
            timeout(TURNED_AWAY_LIMIT, told).await.ok();
            drop(place);
        });
        Ok(())
    }

    /// Whether more than half of the places are taken.
    pub(super) fn is_crowded(&self) -> bool {
        let open = self.metrics.connections_open.load(std::sync::atomic::Ordering::Relaxed);
        usize::try_from(open).unwrap_or(0) > self.config.connections_max / 2
    }
}

/// The error frame of a refusal, with the turn of the client that it ends.
pub(super) fn error(gateway: &Gateway, session: &str, turn: Option<u64>, refused: &Refused) -> String {
    gateway.metrics.failed(Code::TooMany);
    frame(session, &gateway.clock.timestamp(), turn, refused)
}

/// The same where the session counts its errors itself.
pub(super) fn frame(session: &str, timestamp: &str, turn: Option<u64>, refused: &Refused) -> String {
    ServerMessage::error(session, timestamp, turn, Code::TooMany, &sentence(refused))
        .retry_after(Some(refused.retry_after_ms))
        .to_json()
}

/// What a person is told.
fn sentence(refused: &Refused) -> String {
    let wait = match refused.retry_after_s() {
        1 => "one second".to_owned(),
        seconds @ 2..100 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    };
    let what = match refused.limit {
        Limit::Connections => "There are too many connections from there at once.",
        Limit::Sound | Limit::SoundHour => "That was more sound than I can listen to at once.",
        Limit::Bytes | Limit::Messages | Limit::Unfinished => "That was too much at once.",
        Limit::Requests => "Too many requests came from there.",
        _ => "Those were too many questions at once.",
    };
    format!("{what} Please try again in {wait}.")
}

/// When to try again after an error that a session tells, where that is known.
pub(super) fn retry_after(code: Code) -> Option<Millis> {
    matches!(code, Code::Busy | Code::SpeechBusy).then_some(BUSY_RETRY_MS)
}

pub(super) fn close(code: Code) -> Message {
    let reason = Utf8Bytes::from_static(code.as_str());
    Message::Close(Some(CloseFrame { code: TRY_AGAIN_LATER.into(), reason }))
}

/// Reads until the client has taken its leave: what it had sent already would otherwise reset the connection under
/// the close code that tells it what to do.
pub(super) async fn leave(socket: &mut WebSocket) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            return;
        }
    }
}

/// 429, for whoever cannot be told over a WebSocket.
pub(super) fn too_many(refused: &Refused) -> Response<Body> {
    let body = serde_json::json!({
        "code": Code::TooMany.as_str(), "message": sentence(refused), "retry_after_ms": refused.retry_after_ms,
    });
    let mut response = text(StatusCode::TOO_MANY_REQUESTS, "application/json", format!("{body}\n"));
    let headers = response.headers_mut();
    headers.insert("x-hal-gateway", HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    headers.insert(header::RETRY_AFTER, HeaderValue::from(refused.retry_after_s()));
    response
}

fn is_health_check(request: &Request) -> bool {
    let headers = request.headers();
    let name = request.uri().path().rsplit('/').next().unwrap_or("");
    // A handshake is none, wherever it goes.
    let is_handshake = headers.contains_key(header::SEC_WEBSOCKET_KEY);
    let is_probe = matches!(name, "healthz" | "health") || (name.is_empty() && !wants_page(headers));
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    !is_handshake && (*request.method() == Method::OPTIONS || (reads && is_probe))
}

/// Whether a text message is longer than one without sound may be. Only its ends are looked at, where the type or the
/// sound is named.
pub(super) fn is_long_text(text: &str, limits: impl FnOnce() -> Arc<config::Limits>) -> bool {
    // Nearly all are questions, and shorter than any limit that can be set.
    if text.len() <= LONG_BYTES_MIN
        || text.len() <= usize::try_from(limits().text_kilobytes << 10).unwrap_or(usize::MAX)
    {
        return false;
    }
    let bytes = text.as_bytes();
    let ends = [&bytes[..LOOK_BYTES], &bytes[bytes.len() - LOOK_BYTES..]];
    !ends.iter().any(|end| end.windows(6).any(|six| six == b"\"audio"))
}

/// How long sound lasts, in milliseconds, without decoding it. A WAV file says how many bytes a second has.
pub(super) fn sound_ms(bytes: &[u8], rate_hz: u32) -> u64 {
    /// 192 kHz, two channels of 32 bits: who claims more has no less sound for it.
    const BYTES_PER_SECOND: std::ops::RangeInclusive<u32> = 8_000..=1_536_000;
    let per_second = match bytes.get(28..32) {
        Some(&[a, b, c, d]) if bytes.starts_with(b"RIFF") => {
            u32::from_le_bytes([a, b, c, d]).clamp(*BYTES_PER_SECOND.start(), *BYTES_PER_SECOND.end())
        }
        _ => rate_hz.saturating_mul(2).max(1),
    };
    bytes.len() as u64 * 1000 / u64::from(per_second)
}

/// Whether a connection is to make room for others: nothing was heard of it for too long, and places run short. Old clients
/// that wait at a prompt cannot answer pings, so silence alone ends nothing.
pub(super) fn makes_room(gateway: &Gateway, admission: &Admission, silent_ms: Millis) -> bool {
    !admission.is_free()
        && silent_ms >= admission.settings().first_message_seconds * 1000
        && gateway.is_crowded()
}

#[cfg(test)]
#[path = "limited_tests.rs"]
mod tests;
