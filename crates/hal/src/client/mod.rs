//! The desktop client: one connection to a gateway, and questions over it.
//!
//! Blocking, with a deadline on everything. Knows nothing of the terminal.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use serde_json::Value;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::report::Failure;
use stream::{Inner, Stream, Timed, now};
use url::ServerUrl;

pub(crate) mod diagnose;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod url;

/// Largest message taken: a spoken answer of a few minutes, in base64.
const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// While other addresses are left, one that does not answer gets no more than this.
const ADDRESS_LIMIT: Duration = Duration::from_secs(3);
/// Frames that may come before the greeting or the answer; more is not a conversation.
const FRAMES_MAX: usize = 1000;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Name, connection, TLS, handshake and greeting together.
    pub(crate) connect: Duration,
    /// From the question to the answer. The server itself gives up after 60 s.
    pub(crate) answer: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connect: Duration::from_secs(10), answer: Duration::from_secs(70) }
    }
}

/// Where to connect, and how.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: ServerUrl,
    /// Trusted beside the system's own authorities.
    pub(crate) ca_files: Vec<PathBuf>,
    pub(crate) limits: Limits,
}

/// What came back for a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) outcome: Outcome,
    /// What was heard, if the question was spoken.
    pub(crate) heard: Option<String>,
    /// A WAV file.
    pub(crate) audio: Option<Vec<u8>>,
}

/// How the question fared. Servers of before say nothing about it, which counts as answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Asked,
    NothingFound,
    NotUnderstood,
    Failed,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The server said that it restarts (close code 1012, or `DRAINING`).
    Restarting,
    /// The connection ended.
    Closed(Failure),
    /// The server answered with an error; the connection goes on.
    Refused { code: String, failure: Failure },
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Failure {
        match lost {
            Lost::Restarting => Failure::new("the server is restarting").hint("try again in a few seconds"),
            Lost::Closed(failure) | Lost::Refused { failure, .. } => failure,
        }
    }
}

/// A connection on which the server has said hello.
#[derive(Debug)]
pub(crate) struct Client {
    socket: WebSocket<Stream>,
    session: Option<String>,
    /// What the greeting said is missing on the server.
    pub(crate) notices: Vec<String>,
    limits: Limits,
}

impl Client {
    /// Connects and waits for the greeting.
    ///
    /// # Errors
    /// A failure that says what is in the way, or [`Lost::Restarting`].
    pub(crate) fn connect(target: &Target) -> Result<Client, Lost> {
        let deadline = now() + target.limits.connect;
        let stream = open(target, deadline).map_err(Lost::Closed)?;
        let socket = upgrade(&target.url, stream, deadline).map_err(Lost::Closed)?;
        let mut client = Client { socket, session: None, notices: Vec::new(), limits: target.limits };
        client.greeting(&target.url, deadline)?;
        Ok(client)
    }

    fn greeting(&mut self, url: &ServerUrl, deadline: Instant) -> Result<(), Lost> {
        for _ in 0..FRAMES_MAX {
            let frame = match self.frame(deadline) {
                Ok(frame) => frame,
                Err(Lost::Closed(_)) => {
                    let message =
                        format!("{} took the WebSocket but did not greet like HAL", url.authority());
                    return Err(Lost::Closed(Failure::new(message).hint("check host, port and path")));
                }
                Err(other) => return Err(other),
            };
            match frame["type"].as_str() {
                Some("connected" | "state") => {
                    self.session = frame["session_id"].as_str().map(str::to_owned);
                    self.notices = frame["notices"]
                        .as_array()
                        .map(|notices| notices.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                        .unwrap_or_default();
                    return Ok(());
                }
                Some("error") => return Err(refusal(&frame)),
                _ => {}
            }
        }
        Err(Lost::Closed(Failure::new(format!("{} did not greet like HAL", url.authority()))))
    }

    /// Sends a typed question.
    pub(crate) fn ask(&mut self, text: &str) -> Result<(), Lost> {
        let mut message = serde_json::json!({ "type": "text_input", "text": text });
        if let Some(session) = &self.session {
            message["session_id"] = Value::from(session.as_str());
        }
        self.send(Message::text(message.to_string()))
    }

    /// Sends a spoken question: a whole WAV file, which the server takes for a whole utterance.
    pub(crate) fn say(&mut self, wav: Vec<u8>) -> Result<(), Lost> {
        self.send(Message::binary(wav))
    }

    fn send(&mut self, message: Message) -> Result<(), Lost> {
        self.socket.get_mut().set_deadline(Some(now() + self.limits.answer));
        self.socket.send(message).map_err(|error| self.lost(&error))
    }

    /// Waits for the answer. Pings are answered on the way, and what is not an answer is passed over.
    pub(crate) fn answer(&mut self) -> Result<Answer, Lost> {
        let deadline = now() + self.limits.answer;
        let mut heard = None;
        for _ in 0..FRAMES_MAX {
            let frame = self.frame(deadline)?;
            if let Some(text) = frame["transcription"].as_str() {
                heard = Some(text.to_owned());
            }
            match frame["type"].as_str() {
                Some("response") => return Ok(answer(&frame, heard)),
                Some("transcription") => heard = frame["text"].as_str().map(str::to_owned),
                Some("error") => return Err(refusal(&frame)),
                _ => {}
            }
        }
        Err(Lost::Closed(Failure::new("the server sends much but no answer")))
    }

    /// What has come by itself and lies ready: answers nobody waited for. Never waits for more than is there.
    pub(crate) fn unasked(&mut self) -> Result<Vec<Answer>, Lost> {
        let mut answers = Vec::new();
        for _ in 0..FRAMES_MAX {
            // Long enough for the rest of a frame that has begun to arrive, short enough not to be felt.
            match self.poll(now() + Duration::from_millis(5))? {
                Some(frame) if frame["type"] == "response" => answers.push(answer(&frame, None)),
                Some(_) => {}
                None => break,
            }
        }
        Ok(answers)
    }

    /// The socket, to wait for bytes on another thread.
    pub(crate) fn tcp(&self) -> &TcpStream {
        self.socket.get_ref().tcp()
    }

    /// Calls on the socket wait without a limit until the next question.
    pub(crate) fn rest(&self) -> io::Result<()> {
        self.tcp().set_read_timeout(None)
    }

    /// Says goodbye. The server's own goodbye is not waited for.
    pub(crate) fn close(mut self) {
        self.socket.get_mut().set_deadline(Some(now() + Duration::from_secs(1)));
        // The program ends here; a server that has gone already needs no goodbye.
        self.socket.close(None).ok();
        self.socket.flush().ok();
    }

    /// The next JSON object.
    fn frame(&mut self, deadline: Instant) -> Result<Value, Lost> {
        loop {
            if let Some(frame) = self.poll(deadline)? {
                return Ok(frame);
            }
            if now() >= deadline {
                return Err(Lost::Closed(
                    Failure::new("the server did not answer in time")
                        .hint("try again; its log says what took so long"),
                ));
            }
        }
    }

    /// The next JSON object, or `None` at the deadline.
    fn poll(&mut self, deadline: Instant) -> Result<Option<Value>, Lost> {
        self.socket.get_mut().set_deadline(Some(deadline));
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => match serde_json::from_str::<Value>(&text) {
                    Ok(frame) if frame.is_object() => return Ok(Some(frame)),
                    // Not for us.
                    _ => {}
                },
                Ok(Message::Close(close)) => {
                    let restarting = close.as_ref().is_some_and(|close| close.code == CloseCode::Restart);
                    if restarting {
                        return Err(Lost::Restarting);
                    }
                    let reason = close.map(|close| close.reason.to_string()).unwrap_or_default();
                    return Err(Lost::Closed(closed(&reason)));
                }
                // The library answers pings at the next read or write.
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(None);
                }
                Err(error) => return Err(self.lost(&error)),
            }
        }
    }

    fn lost(&mut self, error: &tungstenite::Error) -> Lost {
        match error {
            tungstenite::Error::Capacity(_) => Lost::Closed(Failure::new(format!(
                "the server's message is larger than {MESSAGE_BYTES_MAX} bytes"
            ))),
            tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
            | tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed => Lost::Closed(closed("")),
            tungstenite::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                Lost::Closed(Failure::new("the server does not take what is sent to it"))
            }
            tungstenite::Error::Io(_) => Lost::Closed(closed("")),
            other => Lost::Closed(Failure::new(format!("the connection broke: {other}"))),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A thread that waits for bytes holds the socket too; without this the connection would stay open.
        // It may have ended already, which is what is wanted.
        self.tcp().shutdown(std::net::Shutdown::Both).ok();
    }
}

fn closed(reason: &str) -> Failure {
    let failure = if reason.is_empty() {
        Failure::new("the connection was closed before the answer came")
    } else {
        Failure::new(format!("the server closed the connection before the answer came: {reason}"))
    };
    failure.hint("the server may have been restarted; try again, and see its log if it happens again")
}

fn answer(frame: &Value, heard: Option<String>) -> Answer {
    let text = frame["text"].as_str().or_else(|| frame["response_text"].as_str()).unwrap_or_default();
    let outcome = match frame["outcome"].as_str() {
        Some("asked") => Outcome::Asked,
        Some("nothing_found") => Outcome::NothingFound,
        Some("not_understood") => Outcome::NotUnderstood,
        Some("failed") => Outcome::Failed,
        _ => Outcome::Answered,
    };
    let audio = frame["audio"].as_str().and_then(hal_wire::audio::from_base64);
    Answer { text: text.to_owned(), outcome, heard, audio }
}

fn refusal(frame: &Value) -> Lost {
    let code = frame["code"].as_str().unwrap_or_default().to_owned();
    if code == "DRAINING" {
        return Lost::Restarting;
    }
    let message =
        frame["message"].as_str().or_else(|| frame["error"].as_str()).unwrap_or("it gave no reason");
    let failure = Failure::new(format!("the server refused: {}", message.trim_end_matches('.')));
    let failure = match code.as_str() {
        "SPEECH_UNAVAILABLE" => {
            failure.hint("`hal serve` says at its start what to install; typed questions work")
        }
        "QM_UNAVAILABLE" => {
            failure.hint("the gateway runs, but its QM listener (port 8767) does not: start that")
        }
        "BUSY" | "SPEECH_BUSY" => failure.hint("try again in a few seconds"),
        "BAD_AUDIO" => failure.hint("send a WAV file, or raw 16-bit mono samples at 16 kHz"),
        _ => failure,
    };
    Lost::Refused { code, failure }
}

/// Name, connection and TLS.
fn open(target: &Target, deadline: Instant) -> Result<Stream, Failure> {
    let url = &target.url;
    let tcp = connect(url, deadline)?;
    // Questions are small and must not wait for company.
    tcp.set_nodelay(true).map_err(|error| Failure::new(format!("cannot set up the socket: {error}")))?;
    let timed = Timed::with_deadline(tcp, deadline);
    if !url.secure {
        return Ok(Stream::new(Inner::Plain(timed)));
    }
    let chain = tls::Chain::default();
    let mut stream = prepared(target, timed, &chain)?;
    handshake(url, &mut stream, &chain)?;
    Ok(Stream::new(Inner::Tls(Box::new(stream))))
}

type TlsStream = rustls::StreamOwned<rustls::ClientConnection, Timed>;

fn prepared(target: &Target, timed: Timed, chain: &tls::Chain) -> Result<TlsStream, Failure> {
    let host = &target.url.host;
    let config = tls::config(&target.ca_files, chain.clone())?;
    let name = ServerName::try_from(host.clone())
        .map_err(|_| Failure::new(format!("{host:?} is not a name that a certificate can have")))?;
    let connection = rustls::ClientConnection::new(config.into(), name)
        .map_err(|error| Failure::new(format!("cannot prepare TLS: {error}")))?;
    Ok(rustls::StreamOwned::new(connection, timed))
}

fn handshake(url: &ServerUrl, stream: &mut TlsStream, chain: &tls::Chain) -> Result<(), Failure> {
    while stream.conn.is_handshaking() {
        if let Err(error) = stream.conn.complete_io(&mut stream.sock) {
            let chain = chain.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(diagnose::tls(url, &error, &chain));
        }
    }
    Ok(())
}

/// What a server showed in its TLS handshake, and whether this machine trusts it.
#[derive(Debug)]
pub(crate) struct Served {
    /// Leaf first, DER.
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) verdict: Result<(), Failure>,
}

/// Asks for the certificate of `target`, over a connection to `at` where that is another place than its name leads to.
///
/// # Errors
/// No certificate came: no connection, or no TLS there.
pub(crate) fn served(target: &Target, at: Option<&ServerUrl>) -> Result<Served, Failure> {
    let deadline = now() + target.limits.connect;
    let tcp = connect(at.unwrap_or(&target.url), deadline)?;
    let chain = tls::Chain::default();
    let mut stream = prepared(target, Timed::with_deadline(tcp, deadline), &chain)?;
    let verdict = handshake(&target.url, &mut stream, &chain);
    let chain = std::mem::take(&mut *chain.lock().unwrap_or_else(PoisonError::into_inner));
    match verdict {
        Err(failure) if chain.is_empty() => Err(failure),
        verdict => Ok(Served { chain, verdict }),
    }
}

fn connect(url: &ServerUrl, deadline: Instant) -> Result<TcpStream, Failure> {
    let addresses = resolve(url, deadline)?;
    let mut tried = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let mut left = deadline.saturating_duration_since(now());
        if index + 1 < addresses.len() {
            left = left.min(ADDRESS_LIMIT);
        }
        if left.is_zero() {
            tried.push((*address, io::ErrorKind::TimedOut.into()));
            continue;
        }
        match TcpStream::connect_timeout(address, left) {
            Ok(tcp) => return Ok(tcp),
            Err(error) => tried.push((*address, error)),
        }
    }
    Err(diagnose::tcp(url, &tried))
}

/// Every address of the host, in the resolver's order.
fn resolve(url: &ServerUrl, deadline: Instant) -> Result<Vec<SocketAddr>, Failure> {
    if url.host.eq_ignore_ascii_case("localhost") {
        // Both, whatever the hosts file says: the gateway may listen on either.
        let both = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        return Ok(both.map(|ip| SocketAddr::new(ip, url.port)).to_vec());
    }
    if let Ok(ip) = url.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, url.port)]);
    }
    // The system's resolver knows no deadline, so a thread asks it; left behind, it ends with the program.
    let (sender, receiver) = mpsc::channel();
    let name = (url.host.clone(), url.port);
    std::thread::spawn(move || {
        // Nobody listens any more after the deadline.
        sender.send(name.to_socket_addrs().map(|found| found.collect::<Vec<_>>())).ok();
    });
    match receiver.recv_timeout(deadline.saturating_duration_since(now())) {
        Ok(Ok(found)) if found.is_empty() => Err(diagnose::dns(url, &io::Error::other("no address"))),
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(diagnose::dns(url, &error)),
        Err(_) => Err(diagnose::dns_timeout(url)),
    }
}

fn upgrade(url: &ServerUrl, mut stream: Stream, deadline: Instant) -> Result<WebSocket<Stream>, Failure> {
    stream.set_deadline(Some(deadline));
    let head = stream.head();
    let request = url
        .to_string()
        .into_client_request()
        .map_err(|error| Failure::new(format!("{url} cannot be asked for: {error}")))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    match tungstenite::client::client_with_config(request, stream, Some(config)) {
        Ok((socket, _)) => Ok(socket),
        Err(error) => {
            let error = match error {
                HandshakeError::Failure(error) => error,
                // The stream never says WouldBlock; a deadline is an error of its own.
                HandshakeError::Interrupted(_) => tungstenite::Error::Io(io::ErrorKind::TimedOut.into()),
            };
            let head = head.lock().unwrap_or_else(PoisonError::into_inner);
            Err(diagnose::handshake(url, &error, &head))
        }
    }
}

#[cfg(test)]
mod tests;
