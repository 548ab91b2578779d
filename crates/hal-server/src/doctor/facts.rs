//! What was seen, as plain data that can be written down. Knows nothing of sockets, and judges nothing.
//!
//! Nothing in here is a secret or a word of a household: no tokens, no keys, no query of an address, no text of questions
//! or answers, no line of a log. Addresses, names of machines and names of files are, because a cure needs them.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use crate::edge::certs::Told as Certificate;

pub use super::facts_server::*;

/// The version of this form. Fields are added with a default; a change of meaning counts one up.
pub const FORMAT: u32 = 1;

/// Everything the doctor saw on one machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    pub format: u32,
    /// Version of the program that looked.
    pub hal: String,
    /// `linux`, `macos`, `windows`.
    pub os: String,
    /// The clock of this machine, Unix seconds.
    pub now: i64,
    /// One for each address that was looked at from the outside.
    pub clients: Vec<Client>,
    /// This machine itself, when it is a server.
    pub server: Option<Server>,
}

/// The address of a server. The query is left out: it may carry a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub secure: bool,
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// Empty, or begins with `/`.
    pub path: String,
}

impl Target {
    /// As it is written in `HAL_SERVER_URL`.
    pub fn url(&self) -> String {
        let (scheme, usual) = if self.secure { ("https", 443) } else { ("http", 80) };
        let port = if self.port == usual { String::new() } else { format!(":{}", self.port) };
        format!("{scheme}://{}{port}{}", self.host_in_url(), self.path)
    }

    /// `HOST:PORT` for the Host header; the usual port is left out.
    pub fn authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { self.host_in_url() } else { format!("{}:{}", self.host_in_url(), self.port) }
    }

    fn host_in_url(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    pub fn is_address(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }

    pub fn is_localhost(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
    }
}

/// What was seen of one address from the outside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    pub target: Target,
    /// The host's addresses are this machine's own.
    pub own: bool,
    /// Who listens at the port on this machine, when the address is its own and was refused.
    pub listening: Vec<Listening>,
    pub dns: Dns,
    /// Every address at the port of the target.
    pub tcp: Vec<Connect>,
    /// The same host at the other one of 80 and 443: tells a filter from an absent host.
    pub neighbours: Vec<Connect>,
    pub tls: Option<Tls>,
    /// `GET PATH/healthz`.
    pub health: Option<Http>,
    /// The same at `/`, `/voice` and `/ws`, when the path of the target does not lead to HAL.
    pub elsewhere: Vec<(String, Http)>,
    /// The other protocol at the same port, when the one of the target is not understood there.
    pub other_protocol: Option<OtherProtocol>,
    /// What port 80 says, when the target is https at 443.
    pub port_80: Option<Http>,
    pub upgrade: Option<Upgrade>,
    pub question: Option<Question>,
    pub idle: Option<Idle>,
}

/// How the name became addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// What the system's resolver says: the hosts file counts. Empty when only a DNS server was asked.
    pub system: Option<SystemLookup>,
    /// What a DNS server says, one entry each for A and AAAA.
    pub queries: Vec<Query>,
    pub addresses: Vec<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemLookup {
    Found,
    /// The resolver's own words.
    Failed(String),
    TimedOut,
}

/// One question to one DNS server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    pub server: SocketAddr,
    /// `A` or `AAAA`.
    pub kind: String,
    pub answer: DnsAnswer,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsAnswer {
    /// NOERROR with these addresses; none means that the name exists without such a record.
    Addresses(Vec<IpAddr>),
    /// NXDOMAIN.
    NoSuchName,
    /// SERVFAIL, REFUSED and the rest, by their numbers (RFC 1035, 4.1.1).
    Failed(u8),
    TimedOut,
    /// The server's port is closed, or what came back is no DNS.
    NoServer,
}

/// One attempt to open a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    pub address: SocketAddr,
    pub outcome: Reached,
    pub took_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    Connected,
    Refused,
    TimedOut,
    HostUnreachable,
    NetworkUnreachable,
    /// Opened and cut at once.
    Reset,
    /// The address does not exist on this machine, or the system forbids it.
    NotHere,
    Other(String),
}

/// A TLS handshake that was let through in order to see the certificate. Nothing secret was sent over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    pub outcome: Handshake,
    /// What a client that does verify says about the chain.
    pub trust: Option<Trust>,
    /// Leaf first.
    pub chain: Vec<Certificate>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handshake {
    Done,
    /// The bytes that came are not TLS.
    NotTls,
    /// The server's own reason, e.g. `UnrecognisedName`.
    Alert(String),
    Closed,
    Reset,
    TimedOut,
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    Trusted,
    Expired,
    NotYetValid,
    WrongName,
    UnknownIssuer,
    /// The leaf is the certificate of a CA.
    CaAsServer,
    /// This machine has no list of authorities.
    NoRoots,
    Other(String),
}

/// One HTTP answer, or how it failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Http {
    pub failure: Option<NoAnswer>,
    /// `1.1`, or `1.0` from an `errorfile`.
    pub version: String,
    pub status: u16,
    /// `X-HAL-Gateway`: the gateway answered. Its version, or `busy`.
    pub gateway: Option<String>,
    /// `X-HAL-Proxy`: it went through our HAProxy, or came from it.
    pub proxy: bool,
    /// Unix seconds. HAProxy's own answers have none.
    pub date: Option<i64>,
    /// Without its query.
    pub location: Option<String>,
    /// `Strict-Transport-Security`.
    pub hsts: Option<String>,
    pub retry_after: Option<String>,
    /// The beginning of what the gateway or HAProxy says; nothing from others.
    pub said: Option<String>,
    /// Milliseconds from the request to the end of the headers.
    pub took_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswer {
    /// No connection any more.
    NotConnected(Reached),
    /// No TLS.
    NoTls(Handshake),
    /// Closed without a byte.
    Closed,
    Reset,
    TimedOut,
    /// TLS records came back.
    IsTls,
    /// One JSON line came back: a QM listener.
    IsListener,
    NotHttp,
}

/// What the other protocol says at the same port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherProtocol {
    Tls(Handshake),
    Http(Http),
}

/// A WebSocket handshake as a client does it, and the greeting after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upgrade {
    pub http: Http,
    /// `Upgrade: websocket` is in the answer.
    pub header: bool,
    /// The answer fits the key that was sent.
    pub key_fits: bool,
    /// A sign-in went with it.
    pub signed_in: bool,
    /// The `type` of the first frame.
    pub greeting: Option<String>,
    /// The error code of the first frame.
    pub code: Option<String>,
}

/// A neutral question and how it fared. The answer itself is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    /// `answered`, `not_understood`…; nothing when no answer came.
    pub outcome: Option<String>,
    /// Code of the error that came instead.
    pub code: Option<String>,
    pub closed: bool,
    pub took_ms: u64,
}

/// A WebSocket on which nothing was said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Idle {
    pub asked_ms: u64,
    /// When the other side ended it.
    pub closed_after_ms: Option<u64>,
    /// It said why; a proxy's time limit does not.
    pub with_goodbye: bool,
}
