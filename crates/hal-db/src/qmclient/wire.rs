//! Packets: all integers little endian, one reply for each request, in order. Every length has a limit.

use std::io::{Read, Write};

use super::ClientError;

/// Largest reply that is taken.
pub(super) const REPLY_BYTES_MAX: usize = 64 << 20;
/// A larger one is read over, so that the session stays usable; beyond this the peer is not believed.
const DISCARDED_BYTES_MAX: usize = 1 << 30;
/// Largest request that is sent.
const REQUEST_BYTES_MAX: usize = 16 << 20;
/// Bytes before the greeting that are passed over.
const GREETING_BYTES_MAX: usize = 4096;
const ACK: u8 = 6;
const REQUEST_HEAD: usize = 6;
const REPLY_HEAD: usize = 10;
/// Read at a time: a length that a peer claims costs nothing before its bytes arrive.
const CHUNK_BYTES: usize = 64 << 10;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub(super) enum Function {
    Quit = 1,
    ErrorText = 2,
    Account = 3,
    Open = 4,
    Close = 5,
    Read = 6,
    Select = 11,
    ClearSelect = 13,
    ReadList = 14,
    Execute = 21,
    EndCommand = 23,
    Login = 24,
}

/// How the server took a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    OnError,
    Else,
    Error,
    Locked,
    Prompt,
}

/// A reply.
#[derive(Debug)]
pub(super) struct Reply {
    pub outcome: Outcome,
    pub status: i32,
    pub data: Vec<u8>,
}

/// Passes over what comes before the server's greeting.
pub(super) fn await_greeting(input: &mut impl Read) -> Result<(), ClientError> {
    for _ in 0..GREETING_BYTES_MAX {
        let mut byte = [0];
        input.read_exact(&mut byte).map_err(broken)?;
        if byte[0] == ACK {
            return Ok(());
        }
    }
    Err(ClientError::Protocol("it does not greet as a QMClient server does".to_owned()))
}

pub(super) fn send(out: &mut impl Write, function: Function, data: &[u8]) -> Result<(), ClientError> {
    let mut packet = Vec::new();
    push_request(&mut packet, function, data)?;
    send_packets(out, &packet)
}

/// Puts a request behind those that are in `packets`.
pub(super) fn push_request(
    packets: &mut Vec<u8>,
    function: Function,
    data: &[u8],
) -> Result<(), ClientError> {
    let total = REQUEST_HEAD + data.len();
    if total > REQUEST_BYTES_MAX {
        return Err(ClientError::Refused(format!("a request of {total} bytes is too large")));
    }
    packets.reserve(total);
    packets.extend_from_slice(&(total as i32).to_le_bytes());
    packets.extend_from_slice(&(function as i16).to_le_bytes());
    packets.extend_from_slice(data);
    Ok(())
}

pub(super) fn send_packets(out: &mut impl Write, packets: &[u8]) -> Result<(), ClientError> {
    out.write_all(packets).and_then(|()| out.flush()).map_err(broken)
}

pub(super) fn receive(input: &mut impl Read) -> Result<Reply, ClientError> {
    let mut head = [0; REPLY_HEAD];
    input.read_exact(&mut head).map_err(broken)?;
    let [a, b, c, d, e, f, g, h, i, j] = head;
    let total = i32::from_le_bytes([a, b, c, d]);
    let total = usize::try_from(total).ok().filter(|&total| total >= REPLY_HEAD);
    let Some(total) = total else {
        return Err(ClientError::Protocol("it has an impossible length".to_owned()));
    };
    if total > DISCARDED_BYTES_MAX {
        return Err(ClientError::Protocol(format!(
            "{total} bytes are more than the limit of {REPLY_BYTES_MAX}"
        )));
    }
    if total > REPLY_BYTES_MAX {
        discard(input, total - REPLY_HEAD)?;
        return Err(ClientError::TooLarge { bytes: total });
    }
    let outcome = match i16::from_le_bytes([e, f]) {
        0 => Outcome::Ok,
        1 => Outcome::OnError,
        2 => Outcome::Else,
        3 => Outcome::Error,
        4 => Outcome::Locked,
        5 => Outcome::Prompt,
        other => return Err(ClientError::Protocol(format!("its outcome {other} is not known"))),
    };
    let mut data = Vec::new();
    let mut left = total - REPLY_HEAD;
    while left > 0 {
        let start = data.len();
        let here = left.min(CHUNK_BYTES);
        data.resize(start + here, 0);
        input.read_exact(&mut data[start..]).map_err(broken)?;
        left -= here;
    }
    Ok(Reply { outcome, status: i32::from_le_bytes([g, h, i, j]), data })
}

fn discard(input: &mut impl Read, bytes: usize) -> Result<(), ClientError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let here = left.min(CHUNK_BYTES);
        input.read_exact(&mut chunk[..here]).map_err(broken)?;
        left -= here;
    }
    Ok(())
}

/// A text with its length before it, padded to an even number of bytes.
pub(super) fn push_counted(data: &mut Vec<u8>, text: &[u8]) {
    data.extend_from_slice(&(text.len() as i16).to_le_bytes());
    data.extend_from_slice(text);
    if !text.len().is_multiple_of(2) {
        data.push(0);
    }
}

pub(super) fn broken(error: std::io::Error) -> ClientError {
    match error.kind() {
        // Unix says WouldBlock where Windows says TimedOut.
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => ClientError::TimedOut,
        std::io::ErrorKind::UnexpectedEof => ClientError::Broken("the server has closed it".to_owned()),
        _ => ClientError::Broken(error.to_string()),
    }
}
