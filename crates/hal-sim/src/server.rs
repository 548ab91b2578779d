//! A running `hal serve`, on free ports, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::Result;

use crate::client::{Client, Target};
use crate::process::Process;
use crate::{http, ports, programs, wait};

/// One server. Ended when dropped.
#[derive(Debug)]
pub struct Server {
    pub process: Process,
    /// Port of the gateway on 127.0.0.1; 0 where only the listener runs.
    pub gateway_port: u16,
    /// Port of the QM Listener on 127.0.0.1; 0 where only the gateway runs.
    pub listener_port: u16,
}

/// How to start one.
#[derive(Clone, Debug)]
pub struct Options {
    folder: PathBuf,
    gateway_port: u16,
    listener_port: u16,
    extra: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Options {
    /// Gateway, listener and database in one process, with the demo household in `folder`.
    pub fn demo(folder: &Path) -> Options {
        Options {
            folder: folder.to_owned(),
            gateway_port: ports::free(),
            listener_port: ports::free(),
            extra: vec!["--demo".into()],
            variables: Vec::new(),
        }
    }

    /// Gateway and listener over what `folder` holds, or what its settings name.
    pub fn own(folder: &Path) -> Options {
        Options { extra: Vec::new(), ..Options::demo(folder) }
    }

    /// Only the listener and its database.
    pub fn listener(folder: &Path) -> Options {
        Options { gateway_port: 0, ..Options::demo(folder).with(&["--only", "listener"]) }
    }

    /// Only the gateway; questions go to the listener at this port.
    pub fn gateway(folder: &Path, listener_port: u16) -> Options {
        let qm = format!("127.0.0.1:{listener_port}");
        let extra = ["--only", "gateway", "--qm", &qm].map(String::from).into();
        let variables = Vec::new();
        Options { folder: folder.to_owned(), gateway_port: ports::free(), listener_port: 0, extra, variables }
    }

    /// Sets a variable of the server's environment, such as `HAL_SPEECH__HEAR`.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Options {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn with(mut self, words: &[&str]) -> Options {
        self.extra.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Starts it and returns when it answers.
    pub fn start(&self) -> Result<Server> {
        let mut command = hal();
        command.arg("serve").args(&self.extra).arg("--data").arg(&self.folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if self.gateway_port != 0 {
            command.arg("--listen").arg(format!("127.0.0.1:{}", self.gateway_port));
        }
        if self.listener_port != 0 {
            command.arg("--qm-listen").arg(format!("127.0.0.1:{}", self.listener_port));
        }
        let process = Process::start(command)?;
        let mut server =
            Server { process, gateway_port: self.gateway_port, listener_port: self.listener_port };
        server.wait_until_up()?;
        Ok(server)
    }
}

impl Server {
    /// The demo household in one process.
    pub fn demo(folder: &Path) -> Result<Server> {
        Options::demo(folder).start()
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let (gateway, listener) = (self.gateway_port, self.listener_port);
        let up = || {
            // A gateway with TLS of its own answers plain HTTP by leading to https.
            let answers = |status| status == 200 || status == 308;
            let gateway_up =
                gateway == 0 || http::get(gateway, "/healthz").is_ok_and(|answer| answers(answer.status));
            let listener_up = listener == 0 || std::net::TcpStream::connect(("127.0.0.1", listener)).is_ok();
            gateway_up && listener_up
        };
        // Not `wait::until`: a server that refuses to start is an answer, not something to wait for.
        let ended = wait::until("the server to answer", || match self.process.exit_status() {
            Ok(Some(status)) => Some(Some(status)),
            _ => up().then_some(None),
        })?;
        match ended {
            None => Ok(()),
            Some(status) => {
                anyhow::bail!("hal serve ended with {status}:\n{}", self.process.output().join("\n"))
            }
        }
    }

    /// A connection to the gateway without TLS.
    pub fn connect(&self) -> Result<Client> {
        Client::connect(&Target::plain(self.gateway_port))
    }

    /// As `HAL_SERVER_URL` would name it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.gateway_port)
    }
}

/// The `hal` program of this build, without the settings of whoever runs the tests.
pub fn hal() -> Command {
    let mut command = Command::new(programs::ours("hal"));
    for (name, _) in std::env::vars_os() {
        let is_setting =
            name.to_str().is_some_and(|name| name.starts_with("HAL_") || name == "VOICE_GATEWAY_URL");
        if is_setting {
            command.env_remove(name);
        }
    }
    // A proxy of the machine has no business between loopback addresses.
    // `debug` tells one line per turn, without its words: enough to see where one that failed went wrong.
    command.env("NO_PROXY", "*").env("RUST_BACKTRACE", "1").env("HAL_LOG", "debug");
    command
}

/// Runs `hal` to its end.
pub fn run_hal(words: &[&str]) -> Result<Output> {
    Ok(hal().args(words).output()?)
}
