//! From a name to addresses: the system's resolver for the addresses, and a DNS server for the reason when there are none.
//!
//! The resolver's errors are of one kind for three faults; the answer of a DNS server tells them apart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};

use super::{Eyes, within};
use crate::doctor::facts::{Dns, DnsAnswer, Query, SystemLookup, Target};

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
const A: u16 = 1;
const AAAA: u16 = 28;

pub(super) fn look(target: &Target, server: Option<SocketAddr>, eyes: Eyes) -> Dns {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return Dns { addresses: vec![address], ..Dns::default() };
    }
    if let Some(server) = server {
        let queries = queries(&target.host, server, eyes);
        let addresses = addresses(&queries);
        return Dns { system: None, queries, addresses };
    }
    if target.is_localhost() {
        // Both, whatever the hosts file says: the gateway may listen on either.
        let addresses = vec![IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        return Dns { addresses, ..Dns::default() };
    }
    let name = (target.host.clone(), target.port);
    let found = within(eyes.wait, move || name.to_socket_addrs().map(Iterator::collect::<Vec<_>>));
    let (system, mut addresses) = match found {
        Some(Ok(found)) => (SystemLookup::Found, found.iter().map(SocketAddr::ip).collect()),
        Some(Err(error)) => (SystemLookup::Failed(error.to_string()), Vec::new()),
        None => (SystemLookup::TimedOut, Vec::new()),
    };
    addresses.dedup();
    addresses.truncate(ADDRESSES_MAX);
    let queries = if addresses.is_empty() {
        name_server().map_or_else(Vec::new, |server| queries(&target.host, server, eyes))
    } else {
        Vec::new()
    };
    Dns { system: Some(system), queries, addresses }
}

fn queries(host: &str, server: SocketAddr, eyes: Eyes) -> Vec<Query> {
    std::thread::scope(|scope| {
        let asked = [("A", A), ("AAAA", AAAA)].map(|(name, kind)| {
            let answer = scope.spawn(move || query(host, kind, server, eyes));
            (name, answer)
        });
        asked
            .into_iter()
            .filter_map(|(kind, answer)| {
                Some(Query { server, kind: kind.to_owned(), answer: answer.join().ok()? })
            })
            .collect()
    })
}

fn addresses(queries: &[Query]) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = queries
        .iter()
        .filter_map(|query| match &query.answer {
            DnsAnswer::Addresses(addresses) => Some(addresses.iter().copied()),
            _ => None,
        })
        .flatten()
        .collect();
    found.truncate(ADDRESSES_MAX);
    found
}

/// The first server of `/etc/resolv.conf`.
fn name_server() -> Option<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").ok()?;
    let address = text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse::<IpAddr>().ok())?
    })?;
    Some(SocketAddr::new(address, 53))
}

fn query(host: &str, kind: u16, server: SocketAddr, eyes: Eyes) -> DnsAnswer {
    let deadline = eyes.deadline();
    let ask = || -> std::io::Result<DnsAnswer> {
        let socket = UdpSocket::bind(match server {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        })?;
        socket.connect(server)?;
        let mut id = [0; 2];
        getrandom::fill(&mut id).map_err(|error| std::io::Error::other(error.to_string()))?;
        socket.send(&question(id, host, kind))?;
        let mut buffer = [0; 1500];
        loop {
            let left = deadline.left();
            if left.is_zero() {
                return Ok(DnsAnswer::TimedOut);
            }
            socket.set_read_timeout(Some(left))?;
            let count = match socket.recv(&mut buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            // What is not an answer to this question is somebody else's.
            if let Some(answer) = answer(&buffer[..count], id, kind) {
                return Ok(answer);
            }
        }
    };
    ask().unwrap_or_else(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => DnsAnswer::TimedOut,
        _ => DnsAnswer::NoServer,
    })
}

/// RFC 1035, 4.1: header and one question, recursion desired.
fn question(id: [u8; 2], host: &str, kind: u16) -> Vec<u8> {
    let mut bytes = vec![id[0], id[1], 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in host.trim_end_matches('.').split('.') {
        // Labels of more than 63 bytes do not exist; such a name gets an error from the server.
        let label = &label.as_bytes()[..label.len().min(63)];
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label);
    }
    bytes.push(0);
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&1u16.to_be_bytes());
    bytes
}

/// `None`: not the answer to this question.
fn answer(bytes: &[u8], id: [u8; 2], kind: u16) -> Option<DnsAnswer> {
    let header = bytes.get(..12)?;
    if header[..2] != id || header[2] & 0x80 == 0 {
        return None;
    }
    match header[3] & 0x0f {
        0 => {}
        3 => return Some(DnsAnswer::NoSuchName),
        code => return Some(DnsAnswer::Failed(code)),
    }
    let count = u16::from_be_bytes([header[6], header[7]]);
    let mut found = Vec::new();
    let mut at = skip_name(bytes, 12)? + 4;
    for _ in 0..count {
        at = skip_name(bytes, at)?;
        let record = bytes.get(at..at + 10)?;
        let this = u16::from_be_bytes([record[0], record[1]]);
        let length = usize::from(u16::from_be_bytes([record[8], record[9]]));
        let data = bytes.get(at + 10..at + 10 + length)?;
        if this == kind {
            if let Ok(four) = <[u8; 4]>::try_from(data) {
                found.push(IpAddr::from(four));
            } else if let Ok(sixteen) = <[u8; 16]>::try_from(data) {
                found.push(IpAddr::from(sixteen));
            }
        }
        at += 10 + length;
    }
    Some(DnsAnswer::Addresses(found))
}

/// The place after a name: labels up to an empty one, or a pointer.
fn skip_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_aliases_and_pointers() {
        let mut bytes = question([7, 8], "hal.example.com", A);
        bytes[2] |= 0x80;
        bytes[7] = 2;
        // An alias, then an address; both names are pointers to the question.
        bytes.extend_from_slice(&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
        bytes.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
        assert_eq!(answer(&bytes, [7, 8], A), Some(DnsAnswer::Addresses(vec![[192, 0, 2, 1].into()])));
        assert_eq!(answer(&bytes, [7, 9], A), None, "another question's");
        for cut in 0..bytes.len() {
            // No panic on any beginning of it.
            answer(&bytes[..cut], [7, 8], A);
        }
    }

    #[test]
    fn the_servers_reasons_are_told_apart() {
        let with = |code: u8| {
            let mut bytes = question([1, 2], "h.test", AAAA);
            bytes[2] |= 0x80;
            bytes[3] = code;
            answer(&bytes, [1, 2], AAAA)
        };
        assert_eq!(with(0), Some(DnsAnswer::Addresses(vec![])));
        assert_eq!(with(2), Some(DnsAnswer::Failed(2)));
        assert_eq!(with(3), Some(DnsAnswer::NoSuchName));
        assert_eq!(with(5), Some(DnsAnswer::Failed(5)));
    }
}
