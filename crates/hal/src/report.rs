//! Words for people and the exit code: the one place where both are decided.
//!
//! stdout is data, stderr is talk. An error is one sentence, then hints that can be acted on.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

/// How a command ended, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: answered, or done. Also when HAL asks back: it understood, and its question is on stdout.
    Done,
    /// 1: the question was not understood, not heard, or nothing was found.
    NothingToSay,
    /// 1: `hal doctor` found something that is wrong.
    Ill,
    /// 2: could not be reached, was refused, failed. The same code that a wrong option has.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::NothingToSay | Exit::Ill => 1,
            Exit::Failed => 2,
        })
    }
}

/// What went wrong and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// One sentence: lower case, no full stop.
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), hints: Vec::new() }
    }

    /// From an error whose text has its hints on lines of their own.
    pub(crate) fn from_words(text: &str) -> Failure {
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let mut failure = Failure::new(lines.next().unwrap_or_default());
        for line in lines {
            match line.strip_prefix("hint: ") {
                Some(hint) => failure.hints.push(hint.to_owned()),
                None => failure.message.push_str(&format!("\n{line}")),
            }
        }
        failure
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        // `{:#}` joins the chain of causes with colons.
        Failure::from_words(&format!("{error:#}"))
    }
}

/// Prints a failure to stderr.
pub(crate) fn failure(failure: &Failure) {
    let mut text = format!("{} {}\n", label("error:", "31"), failure.message);
    if !failure.hints.is_empty() {
        text.push('\n');
    }
    for hint in &failure.hints {
        text.push_str(&format!("{} {hint}\n", label("hint:", "36")));
    }
    talk_raw(&text);
}

/// Prints one line of talk to stderr.
pub(crate) fn talk(line: impl fmt::Display) {
    talk_raw(&format!("{line}\n"));
}

/// Prints a hint to stderr.
pub(crate) fn hint(line: impl fmt::Display) {
    talk_raw(&format!("{} {line}\n", label("hint:", "36")));
}

fn talk_raw(text: &str) {
    // Nobody is left to tell when stderr is closed.
    std::io::stderr().write_all(text.as_bytes()).ok();
}

/// Prints data to stdout.
///
/// # Errors
/// stdout cannot be written, except when its reader has gone (`hal db list … | head`): that ends the program quietly.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(format!("cannot write to stdout: {error}"))),
    }
}

/// Whether stderr is a terminal that wants colour (<https://no-color.org>).
pub(crate) fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !refused && !dumb && std::io::stderr().is_terminal()
}

fn label(word: &str, code: &str) -> String {
    if colour() { format!("\u{1b}[1;{code}m{word}\u{1b}[0m") } else { word.to_owned() }
}
