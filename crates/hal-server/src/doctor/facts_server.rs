//! The facts of a server's own machine.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::facts::{Certificate, Connect, Http, Upgrade};

/// What was seen on the machine that runs HAL or the HAProxy in front of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    pub settings: Settings,
    /// Who listens at the ports that matter. `None`: cannot be seen here.
    pub ports: Option<Vec<Listening>>,
    pub gateway: Option<Gateway>,
    pub listener: Option<Connect>,
    pub database: Option<Database>,
    pub engines: Vec<Engine>,
    pub haproxy: Option<Haproxy>,
    pub certificates: Vec<CertificateFile>,
    pub firewall: Firewall,
    pub clock: Option<ClockState>,
    pub disk: Option<Disk>,
}

/// What the settings say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub data: String,
    /// Why `hal.toml` cannot be used.
    pub error: Option<String>,
    /// Why `access.toml` cannot be used.
    pub policy_error: Option<String>,
    pub gateway: Option<SocketAddr>,
    pub listener: Option<SocketAddr>,
}

/// One socket that waits for connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    pub address: SocketAddr,
    /// The kernel's number of the socket: two rows with different ones are two listeners.
    pub inode: u64,
    /// Who has it; empty when that may not be seen.
    pub holders: Vec<Holder>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub parent: u32,
    pub program: String,
}

/// The gateway, asked directly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gateway {
    pub connect: Option<Connect>,
    /// It speaks TLS itself.
    pub tls: bool,
    /// The first name or address of its own certificate.
    pub name: Option<String>,
    pub health: Option<Http>,
    pub upgrade: Option<Upgrade>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Database {
    /// There is one in the data folder.
    pub exists: bool,
    /// Why it could not be opened or read.
    pub error: Option<String>,
    /// The look was given up after its time limit.
    pub unfinished: bool,
    pub files: usize,
    pub records: u64,
    /// Number of things that are wrong; which ones is for `hal db verify` on that machine.
    pub faults: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// `hear` or `speak`.
    pub does: String,
    /// What is missing and how to install it.
    pub missing: Option<String>,
}

/// The HAProxy of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Haproxy {
    /// `2.6`; nothing when the program is not installed.
    pub version: Option<String>,
    pub config: Config,
    /// What `haproxy -c` says.
    pub check: Check,
    /// What `hal haproxy check` says of its text.
    pub faults: Vec<FileFault>,
    /// Those that run on this file.
    pub processes: Vec<HaproxyProcess>,
    /// From the statistics socket. `None`: none was reached.
    pub servers: Option<Vec<BackendServer>>,
    /// Why the socket was not reached.
    pub socket_error: Option<String>,
    /// From the master's socket.
    pub reloads_failed: Option<u32>,
    pub log: Option<Log>,
}

/// A finding of `hal haproxy check`, without the lines themselves: they may hold passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileFault {
    /// `statistics-exposed`.
    pub code: String,
    /// Its numbers, from 1.
    pub lines: Vec<usize>,
    pub what: String,
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    #[default]
    NotRun,
    Clean,
    Refused(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyProcess {
    pub pid: u32,
    pub parent: u32,
    /// Another HAProxy is its parent.
    pub worker: bool,
    /// Unix seconds.
    pub started: Option<i64>,
    /// Of a master with workers.
    pub master_socket: Option<String>,
    /// Its files, absolute.
    pub configs: Vec<String>,
}

/// The lines of a HAProxy file that matter here. Passwords and the rest are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    pub path: String,
    /// Why it cannot be read.
    pub error: Option<String>,
    /// Unix seconds.
    pub changed: Option<i64>,
    pub stats_sockets: Vec<String>,
    pub crt_base: Option<String>,
    pub hard_stop_after_ms: Option<u64>,
    pub proxies: Vec<Proxy>,
}

/// A frontend, backend, listen or defaults section; defaults are already worked into the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Proxy {
    pub kind: String,
    pub name: String,
    pub mode: String,
    pub binds: Vec<Bind>,
    pub servers: Vec<(String, String)>,
    /// Names of servers that get a PROXY header before each connection.
    pub header_servers: Vec<String>,
    pub client_ms: Option<u64>,
    pub server_ms: Option<u64>,
    pub tunnel_ms: Option<u64>,
    /// Lines of this number name HTTP/1.0 files.
    pub errorfile_lines: Vec<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bind {
    pub line: usize,
    /// `*` for every address of IPv4.
    pub host: String,
    pub port: u16,
    pub tls: bool,
    /// Files or folders named by `crt`.
    pub certificates: Vec<String>,
}

/// How HAProxy sees one gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackendServer {
    pub backend: String,
    pub name: String,
    /// `HOST:PORT` as HAProxy uses it; empty when the socket's level does not show it.
    pub address: String,
    /// `UP`, `DOWN`, `MAINT`, `no check`…
    pub status: String,
    /// `L7OK`, `L4CON`…
    pub check: String,
    pub check_code: Option<u16>,
    pub check_ms: Option<u64>,
    pub last: String,
}

/// How the logged WebSockets ended. Numbers only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// File or program it was read from.
    pub source: String,
    /// WebSockets that ended by themselves.
    pub tunnels: usize,
    /// Milliseconds of those that HAProxy ended for being idle (`cD`, `sD`), the last 200.
    pub idle_ms: Vec<u64>,
    /// Ended because an old process was stopped after a reload (`K`).
    pub killed: usize,
    /// Requests that found no gateway (`SC`).
    pub no_server: usize,
    /// Requests that led to no backend at all (`FRONTEND/<NOSRV>`).
    pub unrouted: usize,
    /// WebSocket attempts that arrived as plain requests.
    pub tls_failures: usize,
}

/// A file that HAProxy takes a certificate from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CertificateFile {
    pub path: String,
    /// It was found in a folder that the configuration names.
    pub in_folder: bool,
    pub error: Option<String>,
    pub bytes: u64,
    /// Rights as in `ls`, e.g. 0o600; none where the system has no such thing.
    pub mode: Option<u32>,
    pub owner: Option<u32>,
    /// Begins like a certificate in binary form.
    pub binary: bool,
    pub chain: Vec<Certificate>,
    pub key: Key,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    #[default]
    Missing,
    Encrypted,
    /// It cannot be read as a key.
    Broken,
    /// It belongs to the first certificate.
    Fits,
    /// It belongs to another certificate of the file, by its index.
    FitsOther(usize),
    /// It belongs to none.
    FitsNone,
}

/// Rules that decide about new connections from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Firewall {
    /// nftables; `None`: not there or not to be read by this user.
    pub nft: Option<Vec<Chain>>,
    pub ufw: Option<Ufw>,
    pub windows: Option<Vec<WindowsRule>>,
}

/// A base chain of nftables on the input hook, and those it jumps to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chain {
    /// `inet filter`.
    pub table: String,
    pub name: String,
    pub base: bool,
    pub priority: i64,
    /// `drop` or `accept`.
    pub policy: String,
    pub rules: Vec<Rule>,
}

/// One rule, as far as it was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// First and last port; none: every port.
    pub ports: Option<Vec<(u16, u16)>>,
    /// It speaks of something that a new TCP connection from outside is not (the loopback interface, an open
    /// connection, UDP).
    pub other_traffic: bool,
    /// It has a condition that was not understood, or only some addresses meet it.
    pub unsure: bool,
    /// `accept`, `drop`, `reject`, `jump NAME`, `return`, or empty.
    pub verdict: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ufw {
    pub active: bool,
    /// `deny`, `reject` or `allow`, for incoming.
    pub default: String,
    /// `443/tcp ALLOW`, in order.
    pub rules: Vec<String>,
}

/// An enabled inbound rule of the Windows firewall.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowsRule {
    pub port: String,
    pub action: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClockState {
    /// What `timedatectl` says.
    pub synchronised: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    pub path: String,
    pub free_bytes: u64,
}
