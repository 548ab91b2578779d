//! The eyes: everything the doctor opens, runs or reads, each within a time limit. Changes nothing.

mod certificates;
mod client;
mod config;
mod dns;
mod firewall;
mod haproxy;
mod host;
mod http;
pub(super) mod ports;
mod server;
mod socket;
mod tls;
mod websocket;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustls::RootCertStore;

use super::facts::{FORMAT, Facts, Target};
use crate::clock::Clock;

/// One address to look at from the outside.
#[derive(Clone, Debug)]
pub struct ClientAsk {
    pub target: Target,
    /// The query of the address; it may carry a token, so it is sent only where the certificate is trusted.
    pub query: Option<String>,
    /// Sent as `Authorization: Bearer`, only where the certificate is trusted, or to this machine.
    pub token: Option<String>,
    /// Ask this DNS server instead of the system's resolver.
    pub dns: Option<SocketAddr>,
    /// Ask a neutral question.
    pub question: bool,
    /// Stay on the line this long without a word.
    pub idle: Option<Duration>,
}

/// This machine as a server.
#[derive(Clone, Debug)]
pub struct ServerAsk {
    pub data: PathBuf,
    pub haproxy_config: Option<PathBuf>,
    pub haproxy_log: Option<PathBuf>,
    /// Also look at the addresses under which it is found, from the outside.
    pub look_at_own_address: bool,
}

/// What to look at.
#[derive(Clone, Debug)]
pub struct Ask {
    pub clients: Vec<ClientAsk>,
    pub server: Option<ServerAsk>,
    /// What clients of this machine trust.
    pub roots: RootCertStore,
    /// Limit for each look at the network.
    pub wait: Duration,
}

/// Looks at everything, beside each other where it helps.
pub fn look(ask: &Ask) -> Facts {
    let eyes = Eyes { clock: Clock::start(), wait: ask.wait };
    let mut facts = Facts {
        format: FORMAT,
        hal: env!("CARGO_PKG_VERSION").to_owned(),
        os: std::env::consts::OS.to_owned(),
        now: eyes.clock.unix_ms() / 1000,
        ..Facts::default()
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> =
            ask.clients.iter().map(|c| scope.spawn(move || client::look(c, &ask.roots, eyes))).collect();
        facts.server = ask.server.as_ref().map(|server| server::look(server, eyes));
        facts.clients = clients.into_iter().filter_map(|client| client.join().ok()).collect();
    });
    // The addresses under which the server itself is found: known only once its certificate was seen.
    if let (Some(ask_server), Some(server)) = (&ask.server, &facts.server)
        && ask_server.look_at_own_address
    {
        let own = server::own_addresses(server);
        let mut roots = ask.roots.clone();
        server::own_authority(server, &mut roots);
        std::thread::scope(|scope| {
            let looks: Vec<_> = own
                .into_iter()
                .filter(|target| !ask.clients.iter().any(|client| client.target == *target))
                .map(|target| {
                    let roots = &roots;
                    let ask =
                        ClientAsk { target, query: None, token: None, dns: None, question: true, idle: None };
                    scope.spawn(move || client::look(&ask, roots, eyes))
                })
                .collect();
            facts.clients.extend(looks.into_iter().filter_map(|client| client.join().ok()));
        });
    }
    facts
}

/// Whether this machine looks like a server: it has a database, or a HAProxy file of ours.
pub fn is_server(ask: &ServerAsk) -> bool {
    server::is_one(ask)
}

/// The clock and the patience of one run.
#[derive(Clone, Copy, Debug)]
struct Eyes {
    clock: Clock,
    wait: Duration,
}

impl Eyes {
    fn deadline(self) -> Deadline {
        self.deadline_in(self.wait)
    }

    fn deadline_in(self, wait: Duration) -> Deadline {
        let at_ms = self.clock.now_ms() + wait.as_millis() as u64;
        Deadline { clock: self.clock, at_ms }
    }

    fn since(self, start_ms: u64) -> u64 {
        self.clock.now_ms().saturating_sub(start_ms)
    }
}

/// A point in time that no look passes.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    clock: Clock,
    at_ms: u64,
}

impl Deadline {
    fn left(self) -> Duration {
        Duration::from_millis(self.at_ms.saturating_sub(self.clock.now_ms()))
    }
}

/// Runs `work` on a thread of its own. `None`: it did not end in time, and is left behind until the program ends.
fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more after the limit.
        sender.send(work()).ok();
    });
    receiver.recv_timeout(limit).ok()
}

/// What a program of the system says. Nothing is passed to its stdin.
#[derive(Clone, Debug)]
struct Said {
    success: bool,
    stdout: String,
    stderr: String,
}

/// Output of a program that is of no use beyond this.
const SAID_BYTES_MAX: usize = 4 << 20;

/// Runs a program. `None`: it is not there, or did not end in time.
fn run(program: &str, arguments: &[&str], limit: Duration) -> Option<Said> {
    let mut command = Command::new(find(program)?);
    command.args(arguments).stdin(Stdio::null()).env("LC_ALL", "C");
    let output = within(limit, move || command.output())?.ok()?;
    let text = |mut bytes: Vec<u8>| {
        bytes.truncate(SAID_BYTES_MAX);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Some(Said { success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) })
}

/// Where a program lies: on the PATH, or in an sbin folder, which a user's PATH often lacks.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let name = if cfg!(windows) { format!("{program}.exe") } else { program.to_owned() };
    std::env::split_paths(&path).chain(system).map(|folder| folder.join(&name)).find(|file| file.is_file())
}
