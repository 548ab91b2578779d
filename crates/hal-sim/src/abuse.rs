//! Clients that mean no good: each kind of attack as a number of attempts a second on a gateway.
//!
//! An attempt lasts until the server ends it or [`HELD`] has passed; many are open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::load::{RawSocket, client_frame};
use crate::wait::now;

/// An attempt that the server has not ended by then is given up by its attacker, as it achieves nothing more.
const HELD: Duration = Duration::from_secs(40);
/// Attempts open at once, of one attacking process.
const OPEN_MAX: usize = 1_500;
/// Addresses that the attackers come from, as the proxy in front tells them.
const ADDRESSES: u64 = 16;

/// One kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Connections on which nothing is said.
    Connects,
    /// Handshakes without a credential.
    Upgrades,
    /// Handshakes with a token that is none.
    WrongTokens,
    /// Questions without pause, by somebody who may ask.
    Turns,
    /// The beginnings of long messages.
    HalfMessages,
    /// Messages of 100 MB.
    HugeFrames,
    /// A header line a second.
    SlowHeaders,
    /// A byte of a message a second.
    SlowFrames,
    /// Text that is none.
    BadText,
    /// Compressed frames, and a compressed body.
    Bombs,
}

impl Attack {
    pub const ALL: [Attack; 10] = [
        Attack::Connects,
        Attack::Upgrades,
        Attack::WrongTokens,
        Attack::Turns,
        Attack::HalfMessages,
        Attack::HugeFrames,
        Attack::SlowHeaders,
        Attack::SlowFrames,
        Attack::BadText,
        Attack::Bombs,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Attack::Connects => "connects",
            Attack::Upgrades => "upgrades",
            Attack::WrongTokens => "wrong-tokens",
            Attack::Turns => "turns",
            Attack::HalfMessages => "half-messages",
            Attack::HugeFrames => "huge-frames",
            Attack::SlowHeaders => "slow-headers",
            Attack::SlowFrames => "slow-frames",
            Attack::BadText => "bad-text",
            Attack::Bombs => "bombs",
        }
    }

    pub fn from_name(name: &str) -> Option<Attack> {
        Attack::ALL.into_iter().find(|attack| attack.name() == name)
    }

    /// Attempts a second that are a flood of this kind: those that cost an attacker little come more often.
    pub fn rate(self) -> u32 {
        match self {
            Attack::Connects | Attack::Upgrades => 200,
            Attack::WrongTokens | Attack::BadText | Attack::Bombs => 100,
            Attack::SlowHeaders | Attack::SlowFrames | Attack::Turns => 50,
            Attack::HalfMessages | Attack::HugeFrames => 20,
        }
    }
}

/// What became of the attempts.
#[derive(Debug, Default)]
pub struct Tally {
    pub begun: AtomicU64,
    /// Refused by an answer or a close, or cut off.
    pub refused: AtomicU64,
    /// Given up by the attacker.
    pub held: AtomicU64,
    open: AtomicUsize,
}

/// Where the attackers go, and what they have.
#[derive(Clone, Debug)]
pub struct Attacker {
    pub port: u16,
    /// A token of a guest.
    pub token: String,
}

impl Attacker {
    /// Begins `rate` attempts a second for so long; returns when all have ended.
    pub async fn run(&self, attack: Attack, rate: u32, time: Duration) -> Arc<Tally> {
        let tally = Arc::new(Tally::default());
        let mut clock = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
        let end = tokio::time::Instant::from_std(now()) + time;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0.. {
            let due = clock.tick().await;
            if due >= end {
                break;
            }
            if tally.open.load(Ordering::Relaxed) >= OPEN_MAX {
                continue;
            }
            tally.begun.fetch_add(1, Ordering::Relaxed);
            tally.open.fetch_add(1, Ordering::Relaxed);
            let (attacker, tally) = (self.clone(), Arc::clone(&tally));
            tasks.spawn(async move {
                // Whoever attacks goes home when the phase is over.
                let left = HELD.min(end.saturating_duration_since(due) + Duration::from_millis(100));
                // An error is what the attacker meets: it was refused.
                match timeout(left, attacker.attempt(attack, number)).await {
                    Ok(_) => tally.refused.fetch_add(1, Ordering::Relaxed),
                    Err(_) => tally.held.fetch_add(1, Ordering::Relaxed),
                };
                tally.open.fetch_sub(1, Ordering::Relaxed);
            });
        }
        while tasks.join_next().await.is_some() {}
        tally
    }

    /// One attempt; returns when the server has ended it.
    pub async fn attempt(&self, attack: Attack, number: u64) -> Result<()> {
        match attack {
            Attack::Connects => until_end(&mut self.tcp().await?).await,
            Attack::Upgrades => self.refused_handshake(number, "").await,
            Attack::WrongTokens => {
                let wrong = format!("Authorization: Bearer hal_{number:043}\r\n");
                self.refused_handshake(number, &wrong).await
            }
            Attack::Turns => {
                let mut socket = self.socket(number).await?;
                let question = client_frame(true, br#"{"type":"text_input","text":"What time is it?"}"#);
                let flood: Vec<u8> = question.repeat(50);
                loop {
                    socket.write_all(&flood).await?;
                    read_some(&mut socket).await?;
                }
            }
            Attack::HalfMessages => {
                let mut socket = self.socket(number).await?;
                socket.write_all(&head(0x82, 12 << 20)).await?;
                // Most of it; the end never comes.
                for _ in 0..11 * 16 {
                    socket.write_all(&[0; 64 << 10]).await?;
                }
                until_end(&mut socket).await
            }
            Attack::HugeFrames => {
                let mut socket = self.socket(number).await?;
                socket.write_all(&head(0x82, 100 << 20)).await?;
                for _ in 0..100 * 16 {
                    socket.write_all(&[0; 64 << 10]).await?;
                }
                until_end(&mut socket).await
            }
            Attack::SlowHeaders => {
                let mut stream = self.tcp().await?;
                stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").await?;
                dribble(&mut stream, b"X-Slow: 1\r\n").await
            }
            Attack::SlowFrames => {
                let mut socket = self.socket(number).await?;
                socket.write_all(&head(0x81, 1_000)).await?;
                dribble(&mut socket, b" ").await
            }
            Attack::BadText => {
                let mut socket = self.socket(number).await?;
                socket.write_all(&client_frame(true, &[0xc3, 0x28, 0xff, 0xfe])).await?;
                until_end(&mut socket).await
            }
            Attack::Bombs if number.is_multiple_of(2) => {
                let mut socket = self.socket(number).await?;
                let mut bomb = client_frame(true, &[0xed; 1_024]);
                // RSV1: a compressed message (RFC 7692), which nobody has agreed on.
                bomb[0] |= 0x40;
                socket.write_all(&bomb).await?;
                until_end(&mut socket).await
            }
            Attack::Bombs => {
                let mut stream = self.tcp().await?;
                let head = format!(
                    "POST /signin HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {}\r\nContent-Encoding: gzip\r\n\
                     Content-Type: application/json\r\nContent-Length: 1024\r\nConnection: close\r\n\r\n",
                    address(number)
                );
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&[0x1f; 1_024]).await?;
                until_end(&mut stream).await
            }
        }
    }

    async fn tcp(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A WebSocket of the guest.
    async fn socket(&self, number: u64) -> Result<TcpStream> {
        let more =
            format!("Authorization: Bearer {}\r\nX-Forwarded-For: {}\r\n", self.token, address(number));
        Ok(RawSocket::connect_with(self.port, "/", &more).await?.into_stream())
    }

    async fn refused_handshake(&self, number: u64, more: &str) -> Result<()> {
        let more = format!("{more}X-Forwarded-For: {}\r\n", address(number));
        match RawSocket::connect_with(self.port, "/", &more).await {
            Ok(_) => bail!("let in without a credential"),
            Err(_) => Ok(()),
        }
    }
}

fn address(number: u64) -> String {
    format!("203.0.113.{}", number % ADDRESSES)
}

/// The head of a client's frame of any length, masked with zeros.
pub fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first, 0x80 | 127];
    head.extend(length.to_be_bytes());
    head.extend([0; 4]);
    head
}

/// Reads on until the server ends the connection.
async fn until_end(stream: &mut TcpStream) -> Result<()> {
    loop {
        read_some(stream).await?;
    }
}

async fn read_some(stream: &mut TcpStream) -> Result<()> {
    let mut bytes = [0; 4096];
    match stream.read(&mut bytes).await? {
        0 => bail!("the server hung up"),
        // A close frame, most likely at the end of what came.
        count if is_close(&bytes[..count]) => bail!("the server closed"),
        _ => Ok(()),
    }
}

/// Whether the last of these bytes are a close frame with a reason.
fn is_close(bytes: &[u8]) -> bool {
    let from = bytes.len().saturating_sub(64);
    bytes[from..]
        .windows(2)
        .enumerate()
        .any(|(at, two)| two[0] == 0x88 && usize::from(two[1]) == bytes.len() - from - at - 2)
}

/// Sends a piece a second until the server ends the connection.
async fn dribble(stream: &mut TcpStream, piece: &[u8]) -> Result<()> {
    let mut clock = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            done = read_some_of(stream) => done?,
            _ = clock.tick() => stream.write_all(piece).await?,
        }
    }
}

async fn read_some_of(stream: &TcpStream) -> Result<()> {
    stream.readable().await?;
    let mut bytes = [0; 4096];
    match stream.try_read(&mut bytes) {
        Ok(0) => bail!("the server hung up"),
        Ok(count) if is_close(&bytes[..count]) => bail!("the server closed"),
        Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => Err(error.into()),
        _ => Ok(()),
    }
}
