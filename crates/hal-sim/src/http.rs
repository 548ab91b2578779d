//! One HTTP/1.1 request as bytes, one answer as text: for checks that a polite client would not send.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::client;
use crate::wait::PATIENCE;

/// The answer to one request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The header lines as they came.
    pub head: String,
    pub body: String,
}

/// Sends `request` as it is and reads until the server closes or the announced length is there.
pub fn raw(port: u16, request: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    read(&mut stream)
}

fn read(stream: &mut impl std::io::Read) -> Result<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = match stream.read(&mut buffer) {
            // A peer that closes TLS without saying goodbye has answered all the same.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            other => other.context("the answer did not end")?,
        };
        bytes.extend_from_slice(&buffer[..count]);
        if count == 0 || is_whole(&bytes) {
            break;
        }
    }
    parse(&bytes)
}

/// As [`raw`], over TLS to `host`, whose certificate the authority in `ca` has signed.
pub fn secure(port: u16, host: &str, ca: &Path, request: &str) -> Result<Answer> {
    let tcp = TcpStream::connect(("127.0.0.1", port))?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let mut stream = client::tls(ca, host, tcp)?;
    stream.write_all(request.as_bytes())?;
    read(&mut stream)
}

/// Sends `request` again and again on one connection over TLS, and gives the answers, `count` at most.
pub fn secure_flood(port: u16, host: &str, ca: &Path, request: &str, count: usize) -> Result<Vec<Answer>> {
    let tcp = TcpStream::connect(("127.0.0.1", port))?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let mut stream = client::tls(ca, host, tcp)?;
    let mut answers = Vec::new();
    for _ in 0..count {
        stream.write_all(request.as_bytes())?;
        answers.push(read(&mut stream)?);
    }
    Ok(answers)
}

/// `GET` of one path, closing afterwards.
pub fn get(port: u16, path: &str) -> Result<Answer> {
    raw(port, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| bytes.len() >= head.len() + 4 + length)
}

fn parse(bytes: &[u8]) -> Result<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) =
        text.split_once("\r\n\r\n").with_context(|| format!("not an HTTP answer: {text:?}"))?;
    let status = head.split_whitespace().nth(1).and_then(|word| word.parse().ok()).context("no status")?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// Takes one request at `socket`, gives its head and body, and answers 200.
pub fn take(socket: &TcpListener) -> Result<(String, String)> {
    let (mut stream, _) = socket.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&bytes) {
        let count = stream.read(&mut buffer)?;
        anyhow::ensure!(count > 0, "the request ended in the middle");
        bytes.extend_from_slice(&buffer[..count]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").context("a head and a body")?;
    Ok((head.to_owned(), body.to_owned()))
}
