//! The sockets of 8767: JSON requests in, one flat reply each, kept open for the next.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hal_wire::line::{Cut, Framer};
use hal_wire::listener::{Reply, Request, UNKNOWN};
use hal_wire::sign_in::{self, Challenge, SignInReply, to_line};
use hal_wire::{Code, line};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use super::{Caller, Listener};
use crate::auth::secret::{Digest, End, SharedSecret};
use crate::clock::Clock;

/// A client that has not sent a whole request by then is let go.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// After a reply the connection is kept this long for another request.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(5);
/// A client that does not read its reply is let go.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 4096;
/// How long the end waits for questions that are being answered.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// Serves connections until `draining` turns true; requests that run are still answered.
pub(crate) async fn serve(
    socket: TcpListener,
    listener: Arc<Listener>,
    clock: Clock,
    limits: Limits,
    secret: Option<Arc<SharedSecret>>,
    mut draining: watch::Receiver<bool>,
) {
    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let questions = Arc::new(Semaphore::new(limits.questions_at_once));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = draining.wait_for(|draining| *draining) => break,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, peer),
            Err(error) => {
                // Out of file descriptors, most likely: pause instead of spinning.
                warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection = Connection {
            listener: Arc::clone(&listener),
            clock,
            questions: Arc::clone(&questions),
            draining: draining.clone(),
            secret: secret.clone(),
            caller: if peer.ip().to_canonical().is_loopback() { Caller::Loopback } else { Caller::Elsewhere },
            nonces: None,
        };
        tokio::spawn(async move {
            if let Err(error) = connection.run(stream).await {
                debug!(%error, "listener connection ended");
            }
            drop(permit);
        });
    }
    // Whoever comes now is refused at once and looks elsewhere, or again.
    drop(socket);
    // Every connection has had its reply then: what it was about is in the journal and the session's memory.
    let all = u32::try_from(limits.connections_max).unwrap_or(u32::MAX);
    if timeout(DRAIN_LIMIT, connections.acquire_many(all)).await.is_err() {
        warn!("questions are still being answered: not waiting any longer");
    }
}

/// How much the listener takes at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub connections_max: usize,
    pub questions_at_once: usize,
}

struct Connection {
    listener: Arc<Listener>,
    clock: Clock,
    questions: Arc<Semaphore>,
    draining: watch::Receiver<bool>,
    /// What a gateway proves that it knows.
    secret: Option<Arc<SharedSecret>>,
    caller: Caller,
    /// Of the gateway and of this end, while a proof is under way.
    nonces: Option<(String, String)>,
}

/// How long the next bytes of a connection are waited for.
struct Patience {
    /// For the first byte of a request.
    limit: Duration,
    /// When the request that has begun must be there: each byte does not buy the next one time.
    whole_by: Option<Instant>,
}

impl Patience {
    fn until(&mut self, is_partial: bool, now: Instant) -> Instant {
        if is_partial { *self.whole_by.get_or_insert(now + REQUEST_LIMIT) } else { now + self.limit }
    }
}

/// A wrong proof, or one that nobody asked for: the connection ends behind the reply.
struct Wrong;

impl Connection {
    /// The two steps of a proof; `None` for any other request.
    fn prove(&mut self, request: &Request) -> Option<(Vec<u8>, Result<(), Wrong>)> {
        let Request::SignIn(request) = request else { return None };
        let refused = || to_line(&SignInReply::refused(Code::SignInRequired, None));
        match request {
            sign_in::Request::Hello { nonce } => {
                let Some(secret) = &self.secret else { return Some((refused(), Err(Wrong))) };
                let mut random = [0u8; 16];
                getrandom::fill(&mut random).expect("the system has a source of randomness");
                let own = Digest::of(&format!("{random:?}")).to_hex();
                let proof = secret.proof(End::Listener, nonce, &own);
                self.nonces = Some((nonce.clone(), own.clone()));
                Some((to_line(&Challenge { nonce: own, proof }), Ok(())))
            }
            sign_in::Request::Prove { proof } => {
                let (secret, nonces) = (self.secret.as_ref(), self.nonces.take());
                let proven = secret.zip(nonces).is_some_and(|(secret, (gateway, own))| {
                    secret.proves(End::Gateway, &gateway, &own, proof)
                });
                if proven {
                    self.caller = Caller::Gateway;
                    return Some((to_line(&SignInReply::default()), Ok(())));
                }
                warn!("a gateway did not prove the shared secret");
                Some((refused(), Err(Wrong)))
            }
            _ => None,
        }
    }

    async fn run(mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut framer = Framer::default();
        let mut bytes = [0; READ_BYTES];
        let mut patience = Patience { limit: REQUEST_LIMIT, whole_by: None };
        loop {
            while let Some(cut) = framer.next_request() {
                match cut {
                    Cut::Request(request) => {
                        let (reply, goes_on) = self.reply(&request).await;
                        send(&mut stream, &reply).await?;
                        if goes_on.is_err() {
                            return Ok(());
                        }
                    }
                    Cut::TooLong => {
                        let message = format!("the request is longer than {} bytes", line::REQUEST_BYTES_MAX);
                        return send(&mut stream, &self.error(Code::TooLarge, &message)).await;
                    }
                }
                patience = Patience { limit: IDLE_LIMIT, whole_by: None };
            }
            let until = patience.until(framer.is_partial(), Instant::now());
            let count = tokio::select! {
                read = timeout_at(until, stream.read(&mut bytes)) => match read {
                    Ok(read) => read?,
                    Err(_) => return Ok(()),
                },
                _ = self.draining.wait_for(|draining| *draining) => return Ok(()),
            };
            if count == 0 {
                if let Some(request) = framer.finish() {
                    let (reply, _) = self.reply(&request).await;
                    send(&mut stream, &reply).await?;
                }
                return Ok(());
            }
            framer.push(&bytes[..count]);
        }
    }

    async fn reply(&mut self, request: &[u8]) -> (Vec<u8>, Result<(), Wrong>) {
        let request = match Request::from_json(request) {
            Ok(request) => request,
            Err(refusal) => return (self.error(refusal.code, &refusal.message), Ok(())),
        };
        match self.prove(&request) {
            Some(proof) => proof,
            None => (self.answer(request).await, Ok(())),
        }
    }

    async fn answer(&self, request: Request) -> Vec<u8> {
        let Ok(_permit) = self.questions.acquire().await else {
            return self.error(Code::Draining, Code::Draining.sentence());
        };
        let listener = Arc::clone(&self.listener);
        let caller = self.caller;
        match tokio::task::spawn_blocking(move || listener.handle(request, caller)).await {
            Ok(reply) => reply,
            Err(error) => {
                warn!(%error, "a question was not answered");
                self.error(Code::Internal, Code::Internal.sentence())
            }
        }
    }

    fn error(&self, code: Code, message: &str) -> Vec<u8> {
        Reply::error(code, message, UNKNOWN, &self.clock.timestamp()).to_line()
    }
}

/// One write per reply: some clients take the first packet for the whole of it.
async fn send(stream: &mut TcpStream, reply: &[u8]) -> io::Result<()> {
    timeout(WRITE_LIMIT, stream.write_all(reply))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_dribbles_in_has_one_limit_for_all_of_it() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut patience = Patience { limit: IDLE_LIMIT, whole_by: None };
        assert_eq!(patience.until(false, begun), begun + IDLE_LIMIT);
        assert_eq!(patience.until(true, after(1)), after(1) + REQUEST_LIMIT);
        assert_eq!(patience.until(true, after(20)), after(1) + REQUEST_LIMIT);
    }
}
