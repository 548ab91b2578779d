//! Load on a WebSocket server from as little client as possible: frames are built once, nothing is allocated per turn.
//!
//! The library that the server uses would cost as much here as there, and the two share one machine.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::wait::now;

/// One WebSocket, without TLS.
#[derive(Debug)]
pub struct RawSocket {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// When the bytes that were read last arrived.
    read_at: Instant,
    /// When the first bytes of the last frame arrived.
    pub frame_begun: Instant,
}

/// The largest frame that comes back, an answer with a minute of sound, is below this.
const FRAME_BYTES_MAX: usize = 16 << 20;

impl RawSocket {
    /// Connects, upgrades, and reads the greeting.
    pub async fn connect(port: u16, path: &str) -> Result<RawSocket> {
        RawSocket::connect_with(port, path, "").await
    }

    /// As [`RawSocket::connect`], with more lines of headers, each ended by `\r\n`.
    pub async fn connect_with(port: u16, path: &str, more: &str) -> Result<RawSocket> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut socket =
            RawSocket { stream, buffer: vec![0; 1024], start: 0, end: 0, read_at: now(), frame_begun: now() };
        socket.read_head().await?;
        socket.next_frame().await?;
        Ok(socket)
    }

    async fn read_head(&mut self) -> Result<()> {
        loop {
            let bytes = &self.buffer[..self.end];
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                if !bytes.starts_with(b"HTTP/1.1 101") {
                    bail!("no upgrade: {}", String::from_utf8_lossy(&bytes[..at]));
                }
                self.start = at + 4;
                return Ok(());
            }
            self.fill().await?;
        }
    }

    /// The connection, for what this client would not do itself. Bytes that have been read are lost.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Sends bytes made by [`client_frame`].
    pub async fn send(&mut self, frame: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(frame).await?)
    }

    /// The payload of the next text or binary frame.
    pub async fn next_frame(&mut self) -> Result<&[u8]> {
        if self.start == self.end {
            self.fill().await?;
        }
        self.frame_begun = self.read_at;
        loop {
            if let Some((opcode, payload_start, payload_end)) = self.whole_frame()? {
                self.start = payload_end;
                match opcode {
                    1 | 2 => return Ok(&self.buffer[payload_start..payload_end]),
                    8 => bail!("the server closed the connection"),
                    // Pings need no answer: the gateway never closes for want of a pong.
                    _ => continue,
                }
            }
            self.fill().await?;
        }
    }

    /// Opcode, start and end of the payload, when all of it is here. Servers do not mask (RFC 6455, 5.1).
    fn whole_frame(&self) -> Result<Option<(u8, usize, usize)>> {
        let bytes = &self.buffer[self.start..self.end];
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (length, head) = match (second & 0x7f, rest) {
            (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 4),
            (127, [a, b, c, d, e, f, g, h, ..]) => {
                (usize::try_from(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))?, 10)
            }
            (126 | 127, _) => return Ok(None),
            (length, _) => (usize::from(length), 2),
        };
        if length > FRAME_BYTES_MAX {
            bail!("a frame of {length} bytes");
        }
        let start = self.start + head;
        Ok((bytes.len() >= head + length).then_some((first & 0x0f, start, start + length)))
    }

    async fn fill(&mut self) -> Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.end == self.buffer.len() {
                self.buffer.resize(self.end * 2, 0);
            }
        }
        match self.stream.read(&mut self.buffer[self.end..]).await? {
            0 => bail!("the server hung up"),
            count => self.end += count,
        }
        self.read_at = now();
        Ok(())
    }
}

/// A client's frame, masked with zeros: the server does its work of unmasking all the same.
pub fn client_frame(is_text: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![if is_text { 0x81 } else { 0x82 }];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// One question asked over and over, on many connections at once; each waits for its answer before it asks again.
#[derive(Clone, Copy, Debug)]
pub struct Turns<'a> {
    pub port: u16,
    pub path: &'a str,
    pub connections: usize,
    pub time: Duration,
    /// What is sent, made by [`client_frame`].
    pub frame: &'a [u8],
    /// The last frame of an answer begins with this.
    pub last: &'a [u8],
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    pub turns_per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
}

impl Turns<'_> {
    /// Runs them and reports. The first turn of each connection is not counted.
    pub async fn run(self) -> Result<Measured> {
        let mut sockets = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            sockets.push(RawSocket::connect(self.port, self.path).await.context("connecting")?);
        }
        let start = now();
        let end = start + self.time;
        let mut tasks = tokio::task::JoinSet::new();
        let frame: std::sync::Arc<[u8]> = self.frame.into();
        let last: std::sync::Arc<[u8]> = self.last.into();
        for socket in sockets {
            tasks.spawn(one_connection(socket, frame.clone(), last.clone(), end));
        }
        let mut times = Vec::new();
        while let Some(result) = tasks.join_next().await {
            times.append(&mut result??);
        }
        let took = start.elapsed();
        Ok(Measured {
            turns_per_second: times.len() as f64 / took.as_secs_f64(),
            p50: percentile(&mut times, 50),
            p99: percentile(&mut times, 99),
        })
    }
}

async fn one_connection(
    mut socket: RawSocket,
    frame: std::sync::Arc<[u8]>,
    last: std::sync::Arc<[u8]>,
    end: Instant,
) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(1 << 12);
    let mut sent = now();
    while sent < end {
        socket.send(&frame).await?;
        while !socket.next_frame().await?.starts_with(&last) {}
        let answered = now();
        times.push(answered - sent);
        sent = answered;
    }
    Ok(times)
}

/// The value below which `percent` of the values lie. Zero for none.
pub fn percentile(values: &mut [Duration], percent: usize) -> Duration {
    if values.is_empty() {
        return Duration::ZERO;
    }
    let index = (values.len() * percent / 100).min(values.len() - 1);
    *values.select_nth_unstable(index).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let mut values: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut values, 50), Duration::from_millis(51));
        assert_eq!(percentile(&mut values, 99), Duration::from_millis(100));
        assert_eq!(percentile(&mut [], 50), Duration::ZERO);
    }

    #[test]
    fn a_client_frame_tells_its_length_in_the_shortest_form() {
        assert_eq!(client_frame(true, b"hi"), [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
        assert_eq!(client_frame(false, &[0; 126])[..4], [0x82, 0xfe, 0, 126]);
        assert_eq!(client_frame(false, &[0; 65_536])[..10], [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
