//! A running HAProxy on a configuration file, and its statistics.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::Process;
use crate::{programs, wait};

/// One HAProxy in the foreground. Ended when dropped.
#[derive(Debug)]
pub struct Haproxy {
    pub process: Process,
    stats: Option<PathBuf>,
}

/// How HAProxy sees one server of one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `UP`, `DOWN`, `UP 1/3`…
    pub status: String,
    /// `L7OK`, `L7STS`, `L4CON`…; empty before the first check.
    pub check: String,
}

impl Haproxy {
    /// Starts it on `file` and returns when `port` accepts. `stats` is the socket named in the file, if any.
    pub fn start(file: &Path, port: u16, stats: Option<&Path>) -> Result<Haproxy> {
        Haproxy::start_with(&["-db"], file, port, stats)
    }

    fn start_with(words: &[&str], file: &Path, port: u16, stats: Option<&Path>) -> Result<Haproxy> {
        let mut command = Command::new(program()?);
        command.args(words).arg("-f").arg(file);
        let mut process = Process::start(command)?;
        let accepted = wait::until("HAProxy to accept", || match process.exit_status() {
            Ok(Some(status)) => Some(Err(status)),
            _ => TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(Ok(())),
        })?;
        if let Err(status) = accepted {
            bail!("haproxy ended with {status}:\n{}", process.output().join("\n"));
        }
        Ok(Haproxy { process, stats: stats.map(Path::to_owned) })
    }

    /// Starts a master with a worker, as a service does: `kill -USR2` makes it read its file again.
    pub fn start_master(file: &Path, port: u16, stats: Option<&Path>) -> Result<Haproxy> {
        Haproxy::start_with(&["-W"], file, port, stats)
    }

    /// Says something to the admin socket, and gives the answer.
    pub fn command(&self, words: &str) -> Result<String> {
        let mut socket = UnixStream::connect(self.stats.as_ref().context("no statistics socket")?)?;
        writeln!(socket, "{words}")?;
        let mut said = String::new();
        socket.read_to_string(&mut said)?;
        Ok(said)
    }

    /// What `haproxy -c` says about a file. `-dW` makes a warning fail; `-V` is not given, so that good files are
    /// silent from 3.0 on.
    pub fn check(file: &Path) -> Result<Verdict> {
        let out = Command::new(program()?).args(["-c", "-dW", "-f"]).arg(file).output()?;
        let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
        Ok(Verdict { accepted: out.status.success(), said: said.trim().to_owned() })
    }

    /// The health of each server in `backend`.
    pub fn health(&self, backend: &str) -> Result<Vec<Health>> {
        let csv = self.command("show stat")?;
        let mut lines = csv.lines();
        let header = lines.next().context("no statistics")?.trim_start_matches("# ");
        let column =
            |name: &str| header.split(',').position(|field| field == name).with_context(|| name.to_owned());
        let (proxy, server, status, check) =
            (column("pxname")?, column("svname")?, column("status")?, column("check_status")?);
        let rows = lines.map(|line| line.split(',').collect::<Vec<_>>()).filter(|row| row.len() > check);
        Ok(rows
            .filter(|row| row[proxy] == backend && row[server] != "BACKEND" && row[server] != "FRONTEND")
            .map(|row| Health {
                status: row[status].to_owned(),
                check: row[check].trim_start_matches("* ").to_owned(),
            })
            .collect())
    }
}

/// The result of a check of a configuration file.
#[derive(Debug)]
pub struct Verdict {
    pub accepted: bool,
    /// Everything it printed.
    pub said: String,
}

fn program() -> Result<PathBuf> {
    programs::find("haproxy").context("haproxy is not installed")
}
