//! Connections, and streams whose calls end at a deadline.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustls::{ClientConnection, StreamOwned};

use super::{Deadline, Eyes};
use crate::doctor::facts::{Connect, Reached};

/// Opens a connection and tells how that went.
pub(super) fn connect(address: SocketAddr, eyes: Eyes) -> (Connect, Option<TcpStream>) {
    let start = eyes.clock.now_ms();
    let opened = TcpStream::connect_timeout(&address, eyes.wait);
    let took_ms = eyes.since(start);
    let (outcome, stream) = match opened {
        Ok(stream) => {
            stream.set_nodelay(true).ok();
            (Reached::Connected, Some(stream))
        }
        Err(error) => (reached(&error), None),
    };
    (Connect { address, outcome, took_ms }, stream)
}

fn reached(error: &io::Error) -> Reached {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Reached::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Reached::TimedOut,
        io::ErrorKind::HostUnreachable => Reached::HostUnreachable,
        io::ErrorKind::NetworkUnreachable => Reached::NetworkUnreachable,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Reached::Reset,
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::PermissionDenied => Reached::NotHere,
        _ => Reached::Other(error.to_string()),
    }
}

/// A socket whose calls end at a deadline, however slowly bytes drip in.
#[derive(Debug)]
pub(super) struct Timed {
    tcp: TcpStream,
    pub(super) deadline: Deadline,
}

impl Timed {
    pub(super) fn new(tcp: TcpStream, deadline: Deadline) -> Timed {
        Timed { tcp, deadline }
    }

    fn left(&self) -> io::Result<Option<std::time::Duration>> {
        let left = self.deadline.left();
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
        self.tcp.set_read_timeout(self.left()?)?;
        self.tcp.read(buffer).map_err(one_kind)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(self.left()?)?;
        self.tcp.write(bytes).map_err(one_kind)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// Plain or TLS.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Stream {
    pub(super) fn set_deadline(&mut self, deadline: Deadline) {
        match self {
            Stream::Plain(timed) => timed.deadline = deadline,
            Stream::Tls(tls) => tls.sock.deadline = deadline,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(timed) => timed.read(buffer),
            Stream::Tls(tls) => match tls.read(buffer) {
                // Closed without TLS's goodbye: what matters is that it is closed.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                other => other,
            },
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(timed) => timed.write(bytes),
            Stream::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(timed) => timed.flush(),
            Stream::Tls(tls) => tls.flush(),
        }
    }
}
