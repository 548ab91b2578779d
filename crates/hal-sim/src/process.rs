//! A child process with its output kept, ended when dropped. Knows nothing of what it runs.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, bail};

use crate::wait;

/// More lines than this are a fault of the program; the oldest go.
const LINES_MAX: usize = 20_000;

/// A running program.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts it with no input; what it prints on stdout and stderr is kept as lines.
    pub fn start(mut command: Command) -> Result<Process> {
        let name =
            Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {name}"))?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stdout = child.stdout.take().context("stdout was piped")?;
        let stderr = child.stderr.take().context("stderr was piped")?;
        collect(stdout, Arc::clone(&lines));
        collect(stderr, Arc::clone(&lines));
        Ok(Process { name, child, lines })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything printed so far.
    pub fn output(&self) -> Vec<String> {
        self.lines.lock().expect("no thread panics while it holds the lines").clone()
    }

    /// The first value that `pick` finds in a printed line, printed already or soon.
    ///
    /// Fails when the program ends first or takes too long, with all it printed.
    pub fn wait_for_line<T>(&mut self, what: &str, pick: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = wait::now() + wait::PATIENCE;
        loop {
            // Whether it ended is asked first: lines printed before the end are then still looked at.
            let ended = self.exit_status()?;
            if let Some(value) = self.output().iter().find_map(|line| pick(line)) {
                return Ok(value);
            }
            if let Some(status) = ended {
                bail!(
                    "{} ended with {status} before it printed {what}:\n{}",
                    self.name,
                    self.output().join("\n")
                );
            }
            if wait::now() > deadline {
                bail!("{} did not print {what}:\n{}", self.name, self.output().join("\n"));
            }
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }

    /// `None` while it runs.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let name = self.name.clone();
        wait::until(&format!("the end of {name}"), || self.child.try_wait().transpose())?.map_err(Into::into)
    }

    /// Sends a signal by its name, e.g. `TERM`, as `kill` in a shell does.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let status = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status()?;
        if !status.success() {
            bail!("kill -{signal} {}: {status}", self.pid());
        }
        Ok(())
    }

    /// kill -9, and gone when this returns.
    pub fn kill(&mut self) -> Result<()> {
        // It may have ended by itself; then there is nothing to kill.
        self.child.kill().or_else(|error| match error.kind() {
            std::io::ErrorKind::InvalidInput => Ok(()),
            _ => Err(error),
        })?;
        self.child.wait()?;
        Ok(())
    }

    /// Resident memory in bytes, as /proc tells it (Linux).
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.split_whitespace().nth(1).context("no number in VmRSS")?.parse()?;
        Ok(kilobytes * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{}: {error:#}", self.name);
        }
        if std::thread::panicking() {
            eprintln!("── what {} printed:\n{}", self.name, self.output().join("\n"));
        }
    }
}

fn collect(stream: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let mut lines = lines.lock().expect("no thread panics while it holds the lines");
            if lines.len() >= LINES_MAX {
                lines.remove(0);
            }
            lines.push(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
        }
    });
}
