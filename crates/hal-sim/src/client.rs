//! A WebSocket client of the gateway, blocking, with a deadline on everything.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::wait::{self, PATIENCE};

/// Where to connect.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    pub port: u16,
    /// Host of the URL: what SNI, the certificate and the `Host` header are about.
    pub host: &'a str,
    /// Path and query, e.g. `/` or `/voice/?greeting=state`.
    pub path: &'a str,
    /// The certificate file to trust; `None` speaks without TLS.
    pub ca: Option<&'a Path>,
}

impl Target<'_> {
    /// The gateway itself, without TLS.
    pub fn plain(port: u16) -> Target<'static> {
        Target { port, host: "localhost", path: "/", ca: None }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    socket: WebSocket<Stream>,
    /// The first frame.
    pub greeting: Value,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A close frame with this code.
    Closed(u16),
    /// A close frame without a code, or the socket simply gone.
    Gone,
}

impl Client {
    /// Connects and takes the greeting.
    pub fn connect(target: &Target<'_>) -> Result<Client> {
        let tcp = TcpStream::connect(("127.0.0.1", target.port))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        let stream = match target.ca {
            None => Stream::Plain(tcp),
            Some(ca) => Stream::Tls(Box::new(tls(ca, target.host, tcp)?)),
        };
        let scheme = if target.ca.is_some() { "wss" } else { "ws" };
        let url = format!("{scheme}://{}:{}{}", target.host, target.port, target.path);
        let (socket, _) = match tungstenite::client(url.as_str(), stream) {
            Ok(pair) => pair,
            Err(error) => bail!("{url}: {error}"),
        };
        let mut client = Client { socket, greeting: Value::Null };
        client.greeting = client.next_frame()?;
        Ok(client)
    }

    /// Connects to the gateway without TLS with these headers more, and takes the first frame, whatever it is.
    pub fn connect_with(port: u16, headers: &[(&str, &str)]) -> Result<Client> {
        let tcp = TcpStream::connect(("127.0.0.1", port))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        let mut request = format!("ws://localhost:{port}/").into_client_request()?;
        for (name, value) in headers {
            let name: tungstenite::http::HeaderName = name.parse()?;
            request.headers_mut().insert(name, value.parse()?);
        }
        let (socket, _) = match tungstenite::client(request, Stream::Plain(tcp)) {
            Ok(pair) => pair,
            Err(error) => bail!("{error}"),
        };
        let mut client = Client { socket, greeting: Value::Null };
        client.greeting = client.next_frame()?;
        Ok(client)
    }

    /// Bytes as they are, which may be no frame at all.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.socket.get_mut().tcp().write_all(bytes)?)
    }

    pub fn send(&mut self, message: &Value) -> Result<()> {
        self.send_text(&message.to_string())
    }

    /// Any text, JSON or not.
    pub fn send_text(&mut self, text: &str) -> Result<()> {
        Ok(self.socket.send(Message::text(text))?)
    }

    pub fn send_bytes(&mut self, bytes: Vec<u8>) -> Result<()> {
        Ok(self.socket.send(Message::binary(bytes))?)
    }

    /// The next JSON frame. A close or a binary frame is an error here.
    pub fn next_frame(&mut self) -> Result<Value> {
        loop {
            match self.socket.read().context("no frame came")? {
                Message::Text(text) => {
                    return serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"));
                }
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(frame) => bail!("the gateway closed: {frame:?}"),
                other => bail!("an unexpected frame of {} bytes", other.len()),
            }
        }
    }

    /// Reads until a frame of this `type`; returns it, and how many came before it.
    pub fn until(&mut self, kind: &str) -> Result<Value> {
        let mut seen = Vec::new();
        let deadline = wait::now() + PATIENCE;
        loop {
            let frame = self.next_frame().with_context(|| format!("waiting for `{kind}` after {seen:?}"))?;
            if frame["type"] == kind {
                return Ok(frame);
            }
            seen.push(frame["type"].as_str().unwrap_or("?").to_owned());
            if wait::now() > deadline {
                bail!("no `{kind}` within {} s, only {seen:?}", PATIENCE.as_secs());
            }
        }
    }

    /// Reads until a frame of one of these two types.
    pub fn until_either(&mut self, one: &str, other: &str) -> Result<Value> {
        loop {
            let frame = self.next_frame().with_context(|| format!("waiting for `{one}` or `{other}`"))?;
            if frame["type"] == one || frame["type"] == other {
                return Ok(frame);
            }
        }
    }

    /// Asks in writing and waits for the answer; an error frame is an error.
    pub fn ask(&mut self, text: &str) -> Result<Value> {
        self.send(&json!({"type": "text_input", "text": text}))?;
        self.answer().with_context(|| format!("asked {text:?}"))
    }

    /// The next `response`; an error frame is an error.
    pub fn answer(&mut self) -> Result<Value> {
        loop {
            let frame = self.next_frame()?;
            match frame["type"].as_str() {
                Some("response") => return Ok(frame),
                Some("error") => bail!("the gateway says {}: {}", frame["code"], frame["message"]),
                _ => {}
            }
        }
    }

    /// Reads on until the connection ends.
    pub fn end(&mut self) -> End {
        loop {
            match self.socket.read() {
                Ok(Message::Close(Some(frame))) => return End::Closed(code(frame.code)),
                Ok(Message::Close(None)) | Err(_) => return End::Gone,
                Ok(_) => {}
            }
        }
    }

    /// Whether the connection is still open after waiting that long, in which nothing need come.
    pub fn is_open_after(&mut self, pause: Duration) -> Result<bool> {
        let deadline = wait::now() + pause;
        loop {
            let left = deadline.saturating_duration_since(wait::now());
            if left.is_zero() {
                self.set_patience(PATIENCE)?;
                return Ok(true);
            }
            self.set_patience(left)?;
            match self.socket.read() {
                Ok(Message::Close(_)) => return Ok(false),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return Ok(false),
            }
        }
    }

    /// How long one read may wait from here on.
    pub fn set_patience(&mut self, patience: Duration) -> Result<()> {
        Ok(self.socket.get_ref().tcp().set_read_timeout(Some(patience))?)
    }
}

fn code(code: CloseCode) -> u16 {
    code.into()
}

/// TLS that trusts the authority in `ca`, over a connection that stands.
pub(crate) fn tls(
    ca: &Path,
    host: &str,
    tcp: TcpStream,
) -> Result<rustls::StreamOwned<rustls::ClientConnection, TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(|error| anyhow::anyhow!("{error}"))? {
        roots.add(certificate.map_err(|error| anyhow::anyhow!("{error}"))?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())?;
    Ok(rustls::StreamOwned::new(rustls::ClientConnection::new(Arc::new(config), name)?, tcp))
}

/// What the frames travel over.
#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.read(buffer),
            Stream::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.write(bytes),
            Stream::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Stream::Plain(tcp) => tcp.flush(),
            Stream::Tls(tls) => tls.flush(),
        }
    }
}
