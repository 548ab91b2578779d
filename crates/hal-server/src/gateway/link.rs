//! The gateway's way to the listener: a function call in one process, or JSON lines over TCP to another.
//!
//! Over TCP a connection serves one question at a time; kept ones are used again while they are fresh. A question
//! whose connection broke is sent again on a new one: the listener knows the turn and does not act twice. A listener
//! that is away is waited for a moment, in which it may be starting again; after that everybody is told at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hal_dialog::Spoken;
use hal_wire::line::{Cut, Framer};
use hal_wire::listener::{Ask, Reply, VOCABULARY_LINE, VocabularyReply};
use hal_wire::manage::{Manage, ManageReply};
use hal_wire::resume::{Resumed, Resumption};
use hal_wire::sign_in::{self, Challenge, SignInReply};
use hal_wire::{Code, Private};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::warn;

use crate::auth::secret::{Digest, End, SharedSecret};
use crate::clock::Clock;
use crate::limits::{Gate, Pass};
use crate::listener::tcp::IDLE_LIMIT;
use crate::listener::{Caller, Listener};

const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Longer than a session waits, so that the session's own limit speaks first.
const REPLY_LIMIT: Duration = Duration::from_secs(65);
/// Kept connections that nobody uses.
const IDLE_MAX: usize = 32;
/// How long the first questions of an outage wait for the listener to come back. Old clients wait five seconds.
const AWAY_LIMIT_MS: u64 = 3_000;
const RETRY_PAUSE: Duration = Duration::from_millis(100);
const REPLY_BYTES_MAX: usize = 1 << 20;

/// Questions of all connections that wait for their turn: a second or two of work. One more is told that HAL is busy.
pub(crate) const QUESTIONS_WAITING_MAX: usize = 4_096;
/// Connections to a listener elsewhere at once; it answers fewer questions at once than this.
const REMOTE_AT_ONCE: usize = 256;
/// Requests about who somebody is, at once and waiting: a house full of clients that come back after a restart.
const SIGN_INS_AT_ONCE: usize = 16;
const SIGN_INS_WAITING_MAX: usize = 2_048;

/// How questions reach the listener, and how many may be on their way.
#[derive(Debug)]
pub(crate) struct Link {
    way: Way,
    questions: Gate,
    /// Apart, so that a crowd at the door does not stop those who are in.
    sign_ins: Gate,
}

#[derive(Debug)]
enum Way {
    Local(Arc<Listener>),
    Remote(Remote),
}

impl Link {
    pub(crate) fn local(listener: Arc<Listener>, questions: Gate) -> Link {
        Link::over(Way::Local(listener), questions)
    }

    pub(crate) fn remote(remote: Remote) -> Link {
        Link::over(Way::Remote(remote), Gate::new(REMOTE_AT_ONCE, QUESTIONS_WAITING_MAX))
    }

    fn over(way: Way, questions: Gate) -> Link {
        Link { way, questions, sign_ins: Gate::new(SIGN_INS_AT_ONCE, SIGN_INS_WAITING_MAX) }
    }

    /// Asks, and calls `answered` with the reply where blocking is allowed. Errors are codes that a session turns into
    /// a sentence.
    ///
    /// Errors: [`Code::Busy`] at once, where too many questions wait; then `answered` is not called.
    pub(crate) fn ask(
        self: &Arc<Self>,
        ask: Ask,
        answered: impl FnOnce(Result<Reply, Code>) + Send + 'static,
    ) -> Result<(), Code> {
        match &self.way {
            Way::Local(listener) => {
                let listener = Arc::clone(listener);
                let work = move |permit: Pass| {
                    let reply = catch_unwind(AssertUnwindSafe(|| listener.ask(&ask, Caller::Gateway)));
                    drop(permit);
                    // The panic itself has been printed; its turn is answered like any other.
                    answered(reply.map_err(|_| Code::Internal));
                };
                // Straight to the thread that answers: a task between costs a tenth of the turn.
                match self.questions.try_enter() {
                    Some(permit) => drop(tokio::task::spawn_blocking(move || work(permit))),
                    None => {
                        let queued = self.questions.queue().ok_or(Code::Busy)?;
                        tokio::spawn(async move {
                            if let Some(permit) = queued.wait().await {
                                tokio::task::spawn_blocking(move || work(permit));
                            }
                        });
                    }
                }
            }
            Way::Remote(_) => {
                let queued = self.questions.queue().ok_or(Code::Busy)?;
                let link = Arc::clone(self);
                tokio::spawn(async move {
                    let Way::Remote(remote) = &link.way else { return };
                    let Some(permit) = queued.wait().await else { return };
                    let reply = remote.ask(&ask).await;
                    tokio::task::spawn_blocking(move || {
                        drop(permit);
                        answered(reply);
                    });
                });
            }
        }
        Ok(())
    }
}

impl Link {
    /// Asks what the listener has of a conversation that goes on.
    pub(crate) async fn resume(&self, resumption: Resumption) -> Result<Resumed, Code> {
        // Clients keep their conversation for later at this code, and begin anew at others.
        let pass = self.sign_ins.enter().await.ok_or(Code::QmUnavailable)?;
        match &self.way {
            Way::Local(listener) => {
                let listener = Arc::clone(listener);
                let work = move || {
                    let _pass = pass;
                    listener.resume(&resumption, Caller::Gateway)
                };
                tokio::task::spawn_blocking(work).await.map_err(|_| Code::Internal)
            }
            Way::Remote(remote) => remote.request(&resumption.to_line(), Resumed::from_json).await,
        }
    }

    /// Asks about who somebody is.
    ///
    /// Errors: the listener is away, or too many wait for it.
    pub(crate) async fn sign_in(&self, request: sign_in::Request) -> Result<SignInReply, Code> {
        let pass = self.sign_ins.enter().await.ok_or(Code::Busy)?;
        match &self.way {
            Way::Local(listener) => {
                let listener = Arc::clone(listener);
                let work = move || {
                    // Here, not in the future: who hangs up must not make room for another thread.
                    let _pass = pass;
                    match request {
                        sign_in::Request::SignIn(sign_in) => listener.let_in(&sign_in),
                        sign_in::Request::Ticket { handle } => listener.ticket(handle.expose()),
                        sign_in::Request::SignOut { handle } => listener.sign_out(handle.expose()),
                        _ => SignInReply::refused(Code::UnknownCommand, None),
                    }
                };
                tokio::task::spawn_blocking(work).await.map_err(|_| Code::Internal)
            }
            Way::Remote(remote) => {
                let line = request.to_line();
                let stream = remote.connect().await?;
                remote.exchange(stream, &line, sign_in::from_line).await.map_err(|reason| {
                    warn!(reason, "the listener did not answer");
                    Code::QmUnavailable
                })
            }
        }
    }

    /// Asks for the admin page. Who may see it is decided there, by the handle.
    ///
    /// Errors: the listener is away.
    pub(crate) async fn manage(
        &self,
        handle: &Private<String>,
        address: String,
        manage: Manage,
    ) -> Result<ManageReply, Code> {
        let pass = self.sign_ins.enter().await.ok_or(Code::Busy)?;
        match &self.way {
            Way::Local(listener) => {
                let (listener, handle) = (Arc::clone(listener), handle.clone());
                let work = move || {
                    let _pass = pass;
                    listener.manage(handle.expose(), &address, &manage)
                };
                tokio::task::spawn_blocking(work).await.map_err(|_| Code::Internal)
            }
            Way::Remote(remote) => {
                let line = sign_in::Request::Manage { handle: handle.clone(), address, manage }.to_line();
                remote.request(&line, sign_in::from_line).await
            }
        }
    }

    /// What the household is likely to say and the commit it is from; `None` if nothing has changed since commit
    /// `known`, or the listener is away.
    pub(crate) async fn vocabulary(&self, known: Option<u64>) -> Option<(Option<u64>, Spoken)> {
        match &self.way {
            Way::Local(listener) => {
                let listener = Arc::clone(listener);
                let read = move || {
                    let commit = listener.commit_number();
                    (commit.is_none() || commit != known).then(|| (commit, listener.vocabulary()))
                };
                tokio::task::spawn_blocking(read).await.ok().flatten()
            }
            Way::Remote(remote) => {
                let stream = remote.connect().await.ok()?;
                let reply =
                    remote.exchange(stream, VOCABULARY_LINE, VocabularyReply::from_json).await.ok()?;
                let texts =
                    |texts: Vec<Private<String>>| texts.into_iter().map(Private::into_inner).collect();
                Some((None, Spoken { sentences: texts(reply.sentences), words: texts(reply.words) }))
            }
        }
    }
}

/// A listener in another process.
#[derive(Debug)]
pub(crate) struct Remote {
    address: String,
    /// Proved on each new connection, where there is one.
    secret: Option<Arc<SharedSecret>>,
    clock: Clock,
    idle: Mutex<Vec<Idle>>,
    /// Since when no request has been answered.
    away_since_ms: Mutex<Option<u64>>,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since_ms: u64,
}

impl Remote {
    /// `address` is `HOST:PORT`; nothing is connected before the first question.
    pub(crate) fn new(address: String, secret: Option<Arc<SharedSecret>>, clock: Clock) -> Remote {
        Remote { address, secret, clock, idle: Mutex::default(), away_since_ms: Mutex::default() }
    }

    async fn ask(&self, ask: &Ask) -> Result<Reply, Code> {
        self.request(&ask.to_line(), Reply::from_json).await
    }

    /// One request, which must do no harm when it arrives twice.
    async fn request<T>(&self, line: &[u8], read: fn(&[u8]) -> Option<T>) -> Result<T, Code> {
        if let Some(stream) = self.take_idle()
            && let Ok(reply) = self.exchange(stream, line, read).await
        {
            self.set_away(false);
            return Ok(reply);
        }
        let begun = self.clock.now_ms();
        loop {
            let failed = match self.connect().await {
                Ok(stream) => match self.exchange(stream, line, read).await {
                    Ok(reply) => {
                        self.set_away(false);
                        return Ok(reply);
                    }
                    Err(reason) => reason,
                },
                Err(_) => "no connection",
            };
            // A listener that is there and silent is not asked again either.
            let waited = self.clock.now_ms() - begun;
            if self.set_away(true).max(waited) >= AWAY_LIMIT_MS {
                warn!(reason = failed, "the listener did not answer");
                return Err(Code::QmUnavailable);
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Notes whether the listener is away, and returns for how long it has been, in milliseconds.
    fn set_away(&self, away: bool) -> u64 {
        let now = self.clock.now_ms();
        let mut since = self.away_since_ms.lock().unwrap_or_else(PoisonError::into_inner);
        if !away {
            *since = None;
            return 0;
        }
        now - *since.get_or_insert(now)
    }

    async fn connect(&self) -> Result<TcpStream, Code> {
        let connected = timeout(CONNECT_LIMIT, TcpStream::connect(&self.address)).await;
        let stream = match connected {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                warn!(address = %self.address, %error, "the listener cannot be reached");
                return Err(Code::QmUnavailable);
            }
            Err(_) => {
                warn!(address = %self.address, "the listener cannot be reached: no answer");
                return Err(Code::QmUnavailable);
            }
        };
        stream.set_nodelay(true).ok();
        match &self.secret {
            None => Ok(stream),
            Some(secret) => self.prove(stream, secret).await.map_err(|reason| {
                warn!(address = %self.address, reason, "the listener and this gateway do not share a secret");
                Code::QmUnavailable
            }),
        }
    }

    /// Proves the shared secret, and lets the listener prove it: records and questions go to nobody else.
    async fn prove(&self, stream: TcpStream, secret: &SharedSecret) -> Result<TcpStream, &'static str> {
        let mut random = [0u8; 16];
        getrandom::fill(&mut random).map_err(|_| "no randomness")?;
        let nonce = Digest::of(&format!("{random:?}")).to_hex();
        let hello = sign_in::Request::Hello { nonce: nonce.clone() }.to_line();
        let (stream, challenge) = self.exchange_on(stream, &hello, sign_in::from_line::<Challenge>).await?;
        if !secret.proves(End::Listener, &nonce, &challenge.nonce, &challenge.proof) {
            return Err("it did not prove that it knows the secret");
        }
        let proof = secret.proof(End::Gateway, &nonce, &challenge.nonce);
        let prove = sign_in::Request::Prove { proof }.to_line();
        let (stream, reply) = self.exchange_on(stream, &prove, sign_in::from_line::<SignInReply>).await?;
        if reply.error.is_some() { Err("it did not take the proof") } else { Ok(stream) }
    }

    async fn exchange<T>(
        &self,
        stream: TcpStream,
        line: &[u8],
        read: fn(&[u8]) -> Option<T>,
    ) -> Result<T, &'static str> {
        let (stream, reply) = self.exchange_on(stream, line, read).await?;
        self.keep(stream);
        Ok(reply)
    }

    async fn exchange_on<T>(
        &self,
        mut stream: TcpStream,
        line: &[u8],
        read: fn(&[u8]) -> Option<T>,
    ) -> Result<(TcpStream, T), &'static str> {
        let exchange = async {
            stream.write_all(line).await.map_err(|_| "the connection broke while asking")?;
            let mut framer = Framer::default();
            let mut bytes = [0; 4096];
            let mut total = 0;
            loop {
                let count =
                    stream.read(&mut bytes).await.map_err(|_| "the connection broke while waiting")?;
                total += count;
                if count == 0 || total > REPLY_BYTES_MAX {
                    return Err("the connection ended without a reply");
                }
                framer.push(&bytes[..count]);
                if let Some(Cut::Request(reply)) = framer.next_request() {
                    return read(&reply).ok_or("the reply is not one of a HAL listener");
                }
            }
        };
        let reply = timeout(REPLY_LIMIT, exchange).await.map_err(|_| "no reply within the limit")??;
        Ok((stream, reply))
    }

    /// A kept connection that the listener has not closed yet. It closes them after [`IDLE_LIMIT`].
    fn take_idle(&self) -> Option<TcpStream> {
        let fresh_since = self.clock.now_ms().saturating_sub(IDLE_LIMIT.as_millis() as u64 / 2);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|kept| kept.since_ms >= fresh_since);
        idle.pop().map(|kept| kept.stream)
    }

    fn keep(&self, stream: TcpStream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(Idle { stream, since_ms: self.clock.now_ms() });
        }
    }
}
