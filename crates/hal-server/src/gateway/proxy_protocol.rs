//! The PROXY protocol, versions 1 and 2: before the first byte of a connection a proxy says whose it is.
//!
//! Its authors want the receiver to know beforehand whether a header comes, because a client could write one where a proxy
//! writes none. Here it is looked for, and believed only from proxies of this household (`gateway.proxies`): their health
//! checks and the programs of this machine come without one. What a client behind a proxy that adds nothing could gain by a
//! header of its own is a wrong address in the log; a connection that has one is never one of this machine.
//!
//! Described by <https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt>, of which the numbers below are sections.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::proxies::Proxies;

/// 2.2: what every header of version 2 begins with. No request and no handshake does.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// 2.1: what every header of version 1 begins with.
const WORD: &[u8; 6] = b"PROXY ";
/// 2.1: the longest line of version 1, end included.
const LINE_BYTES_MAX: usize = 107;
/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;
/// The longest header of version 2. Addresses take 216 bytes at most; HAProxy's own extras, names in certificates
/// included, some hundreds.
const BYTES_MAX: usize = 4096;
/// 2.2.4: checksum over the whole header.
const TLV_CRC32C: u8 = 0x03;
/// From the first byte of a header to its end; and a connection without a first byte.
const LIMIT: Duration = Duration::from_secs(10);
/// How long the end of somebody is awaited who was refused.
const LINGER: Duration = Duration::from_secs(1);

/// What the beginning of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Something else, or nothing that could still become a header.
    Other,
    /// Too little to know.
    More,
    /// A header of so many bytes. `source` is the client; `None` where the proxy speaks for itself, or cannot say.
    Header { bytes: usize, source: Option<SocketAddr> },
    /// A header with a fault.
    Bad(&'static str),
}

/// Reads the beginning of a connection. Pure; for what is cut off anywhere it says [`Beginning::More`].
pub(super) fn read(bytes: &[u8]) -> Beginning {
    if begins(bytes, SIGNATURE) {
        if bytes.len() < FIXED_BYTES { Beginning::More } else { version_2(bytes) }
    } else if begins(bytes, WORD) {
        version_1(bytes)
    } else {
        Beginning::Other
    }
}

/// Whether `bytes` begin with `mark`, as far as they go.
fn begins(bytes: &[u8], mark: &[u8]) -> bool {
    let count = bytes.len().min(mark.len());
    bytes[..count] == mark[..count]
}

fn version_1(bytes: &[u8]) -> Beginning {
    let line = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = line.windows(2).position(|two| two == b"\r\n") else {
        return if line.len() == LINE_BYTES_MAX {
            Beginning::Bad("its line has no end")
        } else {
            Beginning::More
        };
    };
    let Ok(text) = std::str::from_utf8(&line[..end]) else { return Beginning::Bad("its line is no text") };
    let words: Vec<&str> = text.split(' ').collect();
    let source = match words[..] {
        // What follows is to be ignored.
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", "TCP4", source, target, source_port, target_port] => {
            let ends = (source.parse::<Ipv4Addr>(), target.parse::<Ipv4Addr>());
            let (Ok(source), Ok(_)) = ends else { return Beginning::Bad("an address is none of IPv4") };
            match (port(source_port), port(target_port)) {
                (Some(port), Some(_)) => Some(SocketAddr::from((source, port))),
                _ => return Beginning::Bad("a port is no number"),
            }
        }
        ["PROXY", "TCP6", source, target, source_port, target_port] => {
            let ends = (source.parse::<Ipv6Addr>(), target.parse::<Ipv6Addr>());
            let (Ok(source), Ok(_)) = ends else { return Beginning::Bad("an address is none of IPv6") };
            match (port(source_port), port(target_port)) {
                (Some(port), Some(_)) => Some(SocketAddr::from((source, port))),
                _ => return Beginning::Bad("a port is no number"),
            }
        }
        _ => return Beginning::Bad("its line is not PROXY, TCP4 or TCP6, two addresses and two ports"),
    };
    Beginning::Header { bytes: end + 2, source }
}

/// 2.1: 0 to 65535 without leading zeros and signs.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Of bytes that begin with the signature and are at least [`FIXED_BYTES`].
fn version_2(bytes: &[u8]) -> Beginning {
    let (version, command) = (bytes[12] >> 4, bytes[12] & 0x0f);
    let (family, transport) = (bytes[13] >> 4, bytes[13] & 0x0f);
    let length = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    // All of this is known before the rest has come: nobody waits for the end of what is refused anyway.
    if version != 2 {
        return Beginning::Bad("its version is not 2");
    }
    if command > 1 {
        return Beginning::Bad("its command is neither LOCAL nor PROXY");
    }
    if FIXED_BYTES + length > BYTES_MAX {
        return Beginning::Bad("it is longer than 4096 bytes");
    }
    let Some(header) = bytes.get(..FIXED_BYTES + length) else { return Beginning::More };
    let bytes = header.len();
    if command == 0 {
        // 2.2: the proxy's own connection, as for a health check; the rest of the header is to be skipped.
        return Beginning::Header { bytes, source: None };
    }
    // 2.2: families and transports beyond these are to be refused.
    if family > 3 || transport > 2 {
        return Beginning::Bad("its family of addresses is unknown");
    }
    let addresses = [0, 12, 36, 216][usize::from(family)];
    let Some((addresses, extras)) = header[FIXED_BYTES..].split_at_checked(addresses) else {
        return Beginning::Bad("it is too short for its addresses");
    };
    // 2.2: with an unspecified family the length still counts, and nothing in it does.
    if family != 0
        && let Err(why) = check_extras(header, extras)
    {
        return Beginning::Bad(why);
    }
    let source = match (family, transport, addresses) {
        (1, 1, [a, b, c, d, _, _, _, _, high, low, ..]) => {
            Some(SocketAddr::from(([*a, *b, *c, *d], u16::from_be_bytes([*high, *low]))))
        }
        (2, 1, addresses) => addresses.first_chunk::<16>().map(|source| {
            SocketAddr::from((Ipv6Addr::from(*source), u16::from_be_bytes([addresses[32], addresses[33]])))
        }),
        // A socket of a file system, or datagrams: there is no address to note.
        _ => None,
    };
    Beginning::Header { bytes, source }
}

/// Walks over the extras. None is of use here but the checksum, which is compared because it costs nothing: a header that was
/// damaged on its way names somebody else.
fn check_extras(header: &[u8], mut extras: &[u8]) -> Result<(), &'static str> {
    while let [kind, high, low, rest @ ..] = extras {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, next)) = rest.split_at_checked(length) else {
            return Err("an extra is longer than the header");
        };
        if *kind == TLV_CRC32C {
            let Ok(told) = <[u8; 4]>::try_from(value) else { return Err("its checksum has not four bytes") };
            // What follows the checksum is known by its length, so where the checksum is, too.
            let at = header.len() - next.len() - 4;
            let zeroed = header.iter().enumerate().map(
                |(index, byte)| {
                    if (at..at + 4).contains(&index) { 0 } else { *byte }
                },
            );
            if crc32c(zeroed) != u32::from_be_bytes(told) {
                return Err("its checksum is wrong");
            }
        }
        extras = next;
    }
    if extras.is_empty() { Ok(()) } else { Err("an extra is cut off") }
}

/// CRC-32C (RFC 3720, appendix B.4), a bit at a time: a header has some dozen bytes.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |mut sum, byte| {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
        sum
    })
}

/// A connection whose first bytes have been read already.
#[derive(Debug)]
pub(super) struct Begun {
    head: Vec<u8>,
    /// Bytes of `head` that were handed on.
    taken: usize,
    stream: TcpStream,
}

impl Begun {
    /// The first byte that is not of a header.
    pub(super) fn first(&self) -> Option<u8> {
        self.head.get(self.taken).copied()
    }
}

/// Whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whose {
    /// The client as the proxy saw it, else the other end.
    pub ip: IpAddr,
    /// A proxy said so: it is not a program of this machine, wherever the proxy runs.
    pub proxied: bool,
}

/// Takes a header off the beginning of a connection, where there is one. `None`: it is over, and whoever sent a header
/// that does not count has been told.
pub(super) async fn begin(stream: TcpStream, peer: IpAddr, proxies: &Proxies) -> Option<(Begun, Whose)> {
    begin_within(LIMIT, stream, peer, proxies).await
}

async fn begin_within(
    limit: Duration,
    stream: TcpStream,
    peer: IpAddr,
    proxies: &Proxies,
) -> Option<(Begun, Whose)> {
    let mut begun = Begun { head: Vec::new(), taken: 0, stream };
    let found = timeout(limit, async {
        let mut chunk = [0; 1024];
        loop {
            let count = begun.stream.read(&mut chunk).await?;
            if count == 0 {
                return Ok(None);
            }
            begun.head.extend_from_slice(&chunk[..count]);
            match read(&begun.head) {
                Beginning::More => {}
                found => return io::Result::Ok(Some(found)),
            }
        }
    });
    let found = match found.await {
        Ok(Ok(Some(found))) => found,
        // Gone, or it never said anything.
        Ok(Ok(None) | Err(_)) | Err(_) => return None,
    };
    let direct = Whose { ip: peer, proxied: false };
    match found {
        Beginning::Other | Beginning::More => Some((begun, direct)),
        Beginning::Header { .. } | Beginning::Bad(_) if !proxies.believe(peer) => {
            told("a proxy that is not in gateway.proxies sends PROXY headers", peer, "");
            let words = format!(
                "hal: this connection begins with a PROXY header, and {} is not in gateway.proxies of hal.toml.\n",
                peer.to_canonical()
            );
            refuse(begun.stream, &words).await;
            None
        }
        Beginning::Bad(why) => {
            told("a PROXY header cannot be read", peer, why);
            refuse(begun.stream, &format!("hal: the PROXY header cannot be read: {why}.\n")).await;
            None
        }
        Beginning::Header { bytes, source } => {
            begun.taken = bytes;
            if begun.first().is_none() {
                // Whoever comes next wants to see the first byte, to tell TLS from HTTP.
                begun.head = vec![0; 1024];
                begun.taken = 0;
                let count = timeout(limit, begun.stream.read(&mut begun.head)).await.ok()?.ok()?;
                if count == 0 {
                    return None;
                }
                begun.head.truncate(count);
            }
            let ip = source.map_or(peer, |source| source.ip());
            Some((begun, Whose { ip, proxied: true }))
        }
    }
}

/// Tells the log: the first one, the second, the fourth, and so on. A proxy with a wrong line comes every two seconds.
fn told(what: &str, peer: IpAddr, why: &str) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let (peer, hint) =
        (peer.to_canonical(), "add the proxy to gateway.proxies, or take send-proxy out of its file");
    if count.is_power_of_two() {
        warn!(%peer, count, why, hint, "{what}");
    } else {
        debug!(%peer, count, why, "{what}");
    }
}

/// Answers in the language that whoever looks at it will understand: a proxy that checks its servers notes the status.
async fn refuse(mut stream: TcpStream, words: &str) {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         X-HAL-Gateway: proxy-header\r\nConnection: close\r\n\r\n{words}",
        words.len()
    );
    // Said to somebody who may be gone. What it has sent is read on for a moment: closing over unread bytes would take
    // the answer back.
    let said = timeout(LINGER, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    });
    said.await.ok();
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let begun = &mut *self;
        let rest = &begun.head[begun.taken..];
        if rest.is_empty() {
            return Pin::new(&mut begun.stream).poll_read(cx, into);
        }
        let count = rest.len().min(into.remaining());
        into.put_slice(&rest[..count]);
        begun.taken += count;
        if begun.taken == begun.head.len() {
            // A connection may stay for hours.
            (begun.head, begun.taken) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
#[path = "proxy_protocol_tests.rs"]
mod tests;
