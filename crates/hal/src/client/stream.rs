//! A connection with a deadline, plain or TLS, that remembers how the other side began.
//!
//! Knows nothing of HTTP or WebSocket. Every read and write ends by the deadline, however slowly bytes drip in.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

/// How much of the beginning is kept for a diagnosis.
const HEAD_BYTES_MAX: usize = 4096;

/// A write may take this long even past the deadline; the other side takes nothing at all then.
const WRITE_LIMIT: Duration = Duration::from_secs(1);

/// The clock of the client: deadlines of sockets are real time.
#[allow(clippy::disallowed_methods, reason = "the desktop client waits on real sockets")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A socket whose calls end at a deadline.
#[derive(Debug)]
pub(crate) struct Timed {
    pub(crate) tcp: TcpStream,
    deadline: Option<Instant>,
}

impl Timed {
    pub(crate) fn new(tcp: TcpStream) -> Timed {
        Timed { tcp, deadline: None }
    }

    /// What is left; `None` is no limit.
    fn remaining(&self) -> io::Result<Option<Duration>> {
        let Some(deadline) = self.deadline else { return Ok(None) };
        let left = deadline.saturating_duration_since(now());
        // A zero timeout would mean "for ever" to the socket.
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

/// Unix says `WouldBlock` when a socket's timeout is over, Windows `TimedOut`.
fn one_kind(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(self.remaining()?)?;
        self.tcp.read(buffer).map_err(one_kind)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A pong or goodbye may be written just past the deadline of a read; the socket's buffer takes it at once.
        let limit = self.remaining().unwrap_or(None).map_or(WRITE_LIMIT, |left| left.max(WRITE_LIMIT));
        self.tcp.set_write_timeout(Some(limit))?;
        self.tcp.write(bytes).map_err(one_kind)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

#[derive(Debug)]
pub(crate) enum Inner {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

/// The first bytes that came, shared with whoever explains a failed handshake: the WebSocket library keeps the stream.
pub(crate) type Head = Arc<Mutex<Vec<u8>>>;

#[derive(Debug)]
pub(crate) struct Stream {
    inner: Inner,
    head: Head,
}

impl Stream {
    pub(crate) fn new(inner: Inner) -> Stream {
        Stream { inner, head: Head::default() }
    }

    pub(crate) fn head(&self) -> Head {
        Arc::clone(&self.head)
    }

    /// From now on calls end at `deadline`; `None` waits without a limit.
    pub(crate) fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.timed_mut().deadline = deadline;
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        match &self.inner {
            Inner::Plain(timed) => &timed.tcp,
            Inner::Tls(tls) => &tls.sock.tcp,
        }
    }

    fn timed_mut(&mut self) -> &mut Timed {
        match &mut self.inner {
            Inner::Plain(timed) => timed,
            Inner::Tls(tls) => &mut tls.sock,
        }
    }
}

impl Timed {
    pub(crate) fn with_deadline(tcp: TcpStream, deadline: Instant) -> Timed {
        Timed { deadline: Some(deadline), ..Timed::new(tcp) }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.inner {
            Inner::Plain(timed) => timed.read(buffer)?,
            Inner::Tls(tls) => match tls.read(buffer) {
                // Closed without TLS's goodbye: what matters is that it is closed.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
                other => other?,
            },
        };
        let mut head = self.head.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let room = HEAD_BYTES_MAX.saturating_sub(head.len());
        head.extend_from_slice(&buffer[..count.min(room)]);
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Plain(timed) => timed.write(bytes),
            Inner::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.inner {
            Inner::Plain(timed) => timed.flush(),
            Inner::Tls(tls) => tls.flush(),
        }
    }
}
