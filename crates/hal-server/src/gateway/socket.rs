//! From a handshake to a WebSocket, and what is watched below it: how long a message takes to arrive, and how much
//! memory messages take that have begun.
//!
//! The handshake is answered here, so that the bytes that come after it can be followed from the first one on. Whoever
//! sends a byte a minute, or the beginning of messages without their end, must not hold memory or a place for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Response, StatusCode, header};
use hal_dialog::session::Millis;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_tungstenite::WebSocketStream;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocketConfig};

use super::frames::Frames;
use crate::clock::Clock;
use crate::limits::Admission;

/// One minute of 16 kHz PCM is 1.9 MB; as JSON integers about 12.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// The library's defaults keep 134 kB for each connection; small buffers are also faster.
const BUFFER_BYTES: usize = 4 << 10;
/// Frames that a client does not read pile up to here, then its connection is over.
const UNSENT_BYTES_MAX: usize = 8 << 20;
/// The subprotocol. Browsers that show a token as one need another as the answer.
const PROTOCOL: &str = "hal";

/// A WebSocket of the gateway. A message that is too slow ends it with [`io::ErrorKind::TimedOut`], one for which there is no
/// room with [`io::ErrorKind::QuotaExceeded`].
pub(super) type WebSocket = WebSocketStream<Watched<TokioIo<Upgraded>>>;

/// A handshake that will be taken, until its answer has been sent.
pub(super) struct Handshake(OnUpgrade);

/// The answer to a handshake whose headers are complete, and what becomes of its connection; `None` where the server cannot
/// hand the connection over.
pub(super) fn accept(request: &mut Request) -> Option<(Response<Body>, Handshake)> {
    let on_upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY)?;
    let accepted = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut offered = offered.iter().filter_map(|value| value.to_str().ok()).flat_map(|one| one.split(','));
    if offered.any(|one| one.trim() == PROTOCOL) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    Some((response, Handshake(on_upgrade)))
}

impl Handshake {
    /// The WebSocket, once the answer has been sent; `None` if its client has gone.
    pub(super) async fn socket(self, admission: Arc<Admission>, clock: Clock) -> Option<WebSocket> {
        let upgraded = self.0.await.ok()?;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_write_buffer_size(UNSENT_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let watched = Watched::new(TokioIo::new(upgraded), admission, clock);
        Some(WebSocketStream::from_raw_socket(watched, Role::Server, Some(config)).await)
    }
}

/// A stream of frames from a client.
#[derive(Debug)]
pub(super) struct Watched<S> {
    inner: S,
    frames: Frames,
    admission: Arc<Admission>,
    clock: Clock,
    /// What is held for the message that has begun.
    held: u64,
    /// Since when it has, and which one it is.
    begun: Option<(u64, Millis)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    fn new(inner: S, admission: Arc<Admission>, clock: Clock) -> Watched<S> {
        Watched { inner, frames: Frames::default(), admission, clock, held: 0, begun: None, timer: None }
    }

    /// Follows bytes that have come.
    fn follow(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.frames.feed(bytes);
        let Some(ordinal) = self.frames.unfinished() else {
            self.admission.release(std::mem::take(&mut self.held));
            (self.begun, self.timer) = (None, None);
            return Ok(());
        };
        if self.begun.is_none_or(|(known, _)| known != ordinal) {
            self.admission.release(std::mem::take(&mut self.held));
            (self.begun, self.timer) = (Some((ordinal, self.clock.now_ms())), None);
        }
        // What is too long is refused by its length alone; no room is needed for it.
        let announced = self.frames.announced().min(MESSAGE_BYTES_MAX as u64);
        match self.admission.hold(self.held, announced, self.clock.now_ms()) {
            Ok(held) => self.held = held,
            Err(refused) => return Err(io::Error::new(io::ErrorKind::QuotaExceeded, refused)),
        }
        Ok(())
    }

    /// Whether the message that has begun is too slow; otherwise the task is woken when it will be.
    fn poll_slow(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((_, begun_ms)) = self.begun else { return false };
        let timer = self.timer.get_or_insert_with(|| {
            let limit_ms = self.admission.settings().message_seconds * 1000;
            Box::pin(tokio::time::sleep_until(self.clock.instant(begun_ms + limit_ms)))
        });
        timer.as_mut().poll(cx).is_ready()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(cx, buffer);
        match &read {
            Poll::Ready(Ok(())) => {
                if let Err(error) = this.follow(&buffer.filled()[before..]) {
                    return Poll::Ready(Err(error));
                }
                // Most messages are whole by now. A client that always has another byte ready is asked here too.
                if this.begun.is_some() && this.poll_slow(cx) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if this.poll_slow(cx) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.admission.release(self.held);
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
