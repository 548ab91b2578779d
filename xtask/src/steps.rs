//! Named steps with their times, and one summary at the end. Knows nothing of what a step does.

use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What ran so far. A failed step does not stop the next: one run shows everything that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    error: Option<String>,
}

impl Steps {
    /// Runs one step, says its name before and its time after. Returns whether it succeeded.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        println!("── {name}");
        let (result, took) = timed(work);
        let error = result.err().map(|error| format!("{error:#}"));
        match &error {
            None => println!("── {name}: ok, {}", seconds(took)),
            Some(error) => println!("── {name}: FAILED after {}\n{error}", seconds(took)),
        }
        self.done.push(Step { name: name.into(), took, error });
        self.done.last().is_some_and(|step| step.error.is_none())
    }

    /// Prints a line per step and fails when one of them did.
    pub(crate) fn finish(self, what: &str) -> Result<()> {
        println!("\n── {what}: summary");
        for step in &self.done {
            let verdict = if step.error.is_none() { "ok" } else { "FAILED" };
            println!("{:>9}  {verdict:<6}  {}", seconds(step.took), step.name);
        }
        let total: Duration = self.done.iter().map(|step| step.took).sum();
        println!("{:>9}          in all", seconds(total));
        let failed: Vec<&str> =
            self.done.iter().filter(|step| step.error.is_some()).map(|step| step.name.as_str()).collect();
        if failed.is_empty() {
            return Ok(());
        }
        bail!("{what} failed at: {}", failed.join(", "))
    }
}

/// A command of this toolchain's cargo, with `words` as its arguments.
pub(crate) fn cargo(words: &str) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(words.split_whitespace());
    command
}

/// Runs a command with this terminal's output and input closed; anything but exit code 0 is an error.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command
        .stdin(std::process::Stdio::null())
        .status()
        .with_context(|| format!("could not start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Runs a command and returns what it printed on stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let out = command.output().with_context(|| format!("could not start `{shown}`"))?;
    if !out.status.success() {
        bail!("`{shown}` ended with {}:\n{}", out.status, String::from_utf8_lossy(&out.stderr).trim());
    }
    String::from_utf8(out.stdout).with_context(|| format!("`{shown}` printed something that is not UTF-8"))
}

fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<_> = std::iter::once(name).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[allow(clippy::disallowed_methods, reason = "the times of the steps are what is shown")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = work();
    (value, start.elapsed())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
