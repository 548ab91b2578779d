//! One HTTP/1.1 request as bytes and the head of the answer, however odd: who answered, and with what.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use rustls::RootCertStore;

use super::socket::{Stream, Timed, connect};
use super::{Deadline, Eyes, tls};
use crate::doctor::facts::{Http, NoAnswer, Target, Tls};

/// Heads of answers that are longer are no answers of ours.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// Of a body this much is looked at.
const SAID_CHARS_MAX: usize = 160;

/// How to reach one server: a way to open a line to it again and again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door<'a> {
    pub(super) target: &'a Target,
    pub(super) address: SocketAddr,
    pub(super) roots: &'a RootCertStore,
    pub(super) eyes: Eyes,
}

/// An open line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) stream: Stream,
    /// A token or a question may go over it: TLS with a chain that a careful client trusts, or plain as the address says.
    pub(super) trusted: bool,
    pub(super) tls: Option<Tls>,
}

impl Door<'_> {
    /// Opens a line, with TLS when the target says so.
    pub(super) fn open(&self, deadline: Deadline) -> Result<Line, (NoAnswer, Option<Tls>)> {
        let (connect, tcp) = connect(self.address, self.eyes);
        let Some(tcp) = tcp else { return Err((NoAnswer::NotConnected(connect.outcome), None)) };
        if !self.target.secure {
            return Ok(Line { stream: Stream::Plain(Timed::new(tcp, deadline)), trusted: true, tls: None });
        }
        let (tls, stream) = tls::handshake(tcp, &self.target.host, self.roots, deadline);
        match stream {
            Some(stream) => {
                let trusted = tls.trust == Some(crate::doctor::facts::Trust::Trusted);
                Ok(Line { stream: Stream::Tls(stream), trusted, tls: Some(tls) })
            }
            None => Err((NoAnswer::NoTls(tls.outcome.clone()), Some(tls))),
        }
    }

    /// `GET` of `path`. Carries no token and no query: the certificate may be anybody's.
    pub(super) fn get(&self, path: &str) -> (Http, Option<Tls>) {
        // Longer than a connection may take: HAProxy tries a dead gateway four times before it says so.
        let deadline = self.eyes.deadline_in(self.eyes.wait * 2);
        let mut line = match self.open(deadline) {
            Ok(line) => line,
            Err((failure, tls)) => return (Http { failure: Some(failure), ..Http::default() }, tls),
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: hal-doctor/{}\r\nAccept: application/json\r\n\
             Connection: close\r\n\r\n",
            self.target.authority(),
            env!("CARGO_PKG_VERSION")
        );
        let (http, _) = exchange(&mut line.stream, &request, self.eyes);
        (http, line.tls)
    }
}

/// Sends the request and reads until the head is there. What came after the head is returned too.
pub(super) fn exchange(stream: &mut Stream, request: &str, eyes: Eyes) -> (Http, Answer) {
    let start = eyes.clock.now_ms();
    let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.flush());
    let mut bytes = Vec::new();
    let mut ended = sent.err();
    let mut closed = false;
    let mut buffer = [0; 4096];
    while ended.is_none() && head_end(&bytes).is_none() && bytes.len() < HEAD_BYTES_MAX {
        match stream.read(&mut buffer) {
            Ok(0) => {
                closed = true;
                break;
            }
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => ended = Some(error),
        }
    }
    let took_ms = eyes.since(start);
    let Some(answer) = Answer::read(&bytes) else {
        let failure = no_answer(&bytes, ended.as_ref(), closed);
        return (Http { failure: Some(failure), took_ms, ..Http::default() }, Answer::default());
    };
    let mut answer = answer;
    // The body's beginning, when it is not there yet and the sender is one of ours.
    let ours = answer.header("x-hal-gateway").is_some() || answer.header("x-hal-proxy").is_some();
    if ours
        && answer.status >= 400
        && answer.rest.is_empty()
        && !closed
        && ended.is_none()
        && let Ok(count) = stream.read(&mut buffer)
    {
        answer.rest.extend_from_slice(&buffer[..count]);
    }
    (answer.facts(took_ms, ours), answer)
}

fn no_answer(bytes: &[u8], ended: Option<&io::Error>, closed: bool) -> NoAnswer {
    match bytes.first() {
        // Content types of TLS records.
        Some(0x14..=0x17) => return NoAnswer::IsTls,
        Some(b'{') => return NoAnswer::IsListener,
        Some(_) => return NoAnswer::NotHttp,
        None => {}
    }
    match ended.map(io::Error::kind) {
        _ if closed => NoAnswer::Closed,
        Some(io::ErrorKind::TimedOut) => NoAnswer::TimedOut,
        Some(io::ErrorKind::UnexpectedEof) => NoAnswer::Closed,
        _ => NoAnswer::Reset,
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// An answer's head, and what came behind it.
#[derive(Debug, Default)]
pub(super) struct Answer {
    version: String,
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) rest: Vec<u8>,
}

impl Answer {
    /// Reads as much as came. `None`: it does not begin like HTTP.
    fn read(bytes: &[u8]) -> Option<Answer> {
        let end = head_end(bytes);
        let text = String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]);
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let mut first = lines.next()?.splitn(3, ' ');
        let version = first.next()?.strip_prefix("HTTP/")?.to_owned();
        let status = first.next()?.parse().ok()?;
        let headers = lines
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let rest = end.map_or_else(Vec::new, |end| bytes[end..].to_vec());
        Some(Answer { version, status, headers, rest })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn facts(&self, took_ms: u64, ours: bool) -> Http {
        let own = |name: &str| self.header(name).map(str::to_owned);
        let said = String::from_utf8_lossy(&self.rest);
        let said: String = said.trim().chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect();
        Http {
            failure: None,
            version: self.version.clone(),
            status: self.status,
            gateway: own("x-hal-gateway"),
            proxy: self.header("x-hal-proxy").is_some(),
            date: self.header("date").and_then(unix),
            // A query may carry a token.
            location: own("location").map(|to| to.split('?').next().unwrap_or_default().to_owned()),
            hsts: own("strict-transport-security"),
            retry_after: own("retry-after"),
            said: (ours && self.status >= 400 && !said.is_empty()).then_some(said),
            took_ms,
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` as Unix seconds.
fn unix(date: &str) -> Option<i64> {
    Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_and_a_tokens_query_is_not_kept() {
        let bytes = b"HTTP/1.0 301 Moved\r\nLocation: https://h/x?token=secret\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nbody";
        let answer = Answer::read(bytes).expect("an answer");
        let http = answer.facts(3, false);
        assert_eq!((http.version.as_str(), http.status), ("1.0", 301));
        assert_eq!(http.location.as_deref(), Some("https://h/x"));
        assert_eq!(http.date, Some(784_111_777));
        assert_eq!(http.said, None);
        assert_eq!(answer.rest, b"body");
    }

    #[test]
    fn what_is_not_http_is_told_by_its_first_byte() {
        assert_eq!(no_answer(&[0x15, 3, 3], None, false), NoAnswer::IsTls);
        assert_eq!(no_answer(b"{\"error\"", None, false), NoAnswer::IsListener);
        assert_eq!(no_answer(b"SSH-2.0", None, true), NoAnswer::NotHttp);
        assert_eq!(no_answer(b"", None, true), NoAnswer::Closed);
        let late = io::Error::from(io::ErrorKind::TimedOut);
        assert_eq!(no_answer(b"", Some(&late), false), NoAnswer::TimedOut);
    }
}
