//! Where a session shows and asks: a terminal with pages, or plain streams.

use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::editor::{self, LineEditor};
use crate::report::{self, Exit};
use hal_db::tcl::{Failure, PageAnswer, Terminal};

/// Columns where stdout is no terminal.
const WIDTH: usize = 80;
/// Bytes of a line on stdin.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// What is asked at the end of a page.
const PAGE: &str = "Press return to continue, A to abort, Q to quit ";

pub(super) struct Screen {
    out: Box<dyn Write>,
    /// stdout is a terminal.
    shows: bool,
    /// One command was given: what goes wrong is said as other commands say it.
    one: bool,
    interrupt: Arc<AtomicBool>,
    /// The worst that happened.
    exit: Exit,
    failed: bool,
    gone: bool,
    editor: Option<LineEditor>,
}

impl Screen {
    pub(super) fn new(interrupt: Arc<AtomicBool>, one: bool) -> Screen {
        let shows = io::stdout().is_terminal();
        let out: Box<dyn Write> = if shows {
            Box::new(io::stdout())
        } else {
            Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout()))
        };
        let answers = shows && io::stdin().is_terminal();
        let editor = if answers { editor::new() } else { None };
        Screen { out, shows, one, interrupt, exit: Exit::Done, failed: false, gone: false, editor }
    }

    /// A person types the lines and sees the output.
    pub(super) fn is_interactive(&self) -> bool {
        self.editor.is_some()
    }

    /// Nobody reads stdout any more.
    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// How all lines together ended.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// The end of a line, with @SYSTEM.RETURN.CODE.
    pub(super) fn done(&mut self, return_code: i64) {
        if self.out.flush().is_err() {
            self.gone = true;
        }
        if return_code < 0 && !std::mem::take(&mut self.failed) && self.exit == Exit::Done {
            self.exit = Exit::NothingToSay;
        }
    }

    /// The next line of a script.
    pub(super) fn line(&mut self) -> Result<Option<String>, report::Failure> {
        read_line().map_err(|error| report::Failure::new(format!("stdin cannot be read: {error}")))
    }

    /// The editor of lines; there is one where somebody answers. One for all questions, so that what is typed ahead reaches them.
    pub(super) fn editor(&mut self) -> Option<&mut LineEditor> {
        self.editor.as_mut()
    }
}

/// A line of stdin without its end; `None` after the last.
fn read_line() -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut stdin = io::Read::take(io::stdin().lock(), LINE_BYTES_MAX);
    if stdin.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

impl Terminal for Screen {
    fn width(&self) -> usize {
        let size = if self.shows { terminal_size::terminal_size() } else { None };
        size.map_or(WIDTH, |(width, _)| usize::from(width.0))
    }

    fn height(&self) -> Option<usize> {
        let size = if self.editor.is_some() { terminal_size::terminal_size() } else { None };
        size.map(|(_, height)| usize::from(height.0)).filter(|height| *height > 0)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written =
            if self.shows { self.out.write_all(&visible(bytes)) } else { self.out.write_all(bytes) };
        self.gone |= written.is_err();
        written
    }

    fn flush(&mut self) {
        if self.out.flush().is_err() {
            self.gone = true;
            self.interrupt.store(true, Ordering::Relaxed);
        }
    }

    fn complain(&mut self, failure: &Failure) {
        // In the order of what came before it on stdout.
        self.out.flush().ok();
        self.failed = true;
        let exit = if failure.is_not_understood() { Exit::NothingToSay } else { Exit::Failed };
        if self.exit != Exit::Failed {
            self.exit = exit;
        }
        if self.one || self.editor.is_none() {
            let mut said = report::Failure::new(failure.message.clone());
            said.hints.clone_from(&failure.hints);
            report::failure(&said);
            return;
        }
        report::talk(&failure.message);
        failure.hints.iter().for_each(report::hint);
    }

    fn ask(&mut self, question: &str) -> Option<String> {
        self.out.flush().ok();
        let prompt = match question.chars().next_back() {
            Some(last) if last.is_alphanumeric() => format!("{question}="),
            _ => format!("{question} "),
        };
        if let Some(editor) = &mut self.editor {
            let answer = editor.readline(&prompt).ok();
            if answer.is_none() {
                self.interrupt.store(false, Ordering::Relaxed);
            }
            return answer;
        }
        if io::stdin().is_terminal() {
            // stdout is a file: what is asked must not go there.
            io::stderr().write_all(prompt.as_bytes()).ok();
        }
        read_line().ok().flatten()
    }

    fn pause(&mut self) -> PageAnswer {
        self.out.flush().ok();
        let answer = self.editor.as_mut().and_then(|editor| editor::one_key(editor, PAGE));
        // The question leaves no trace in the listing.
        self.out.write_all(b"\x1b[A\r\x1b[2K").ok();
        match answer.map(|key| key.to_ascii_uppercase()) {
            None | Some('A') => {
                self.interrupt.store(false, Ordering::Relaxed);
                PageAnswer::Abort
            }
            Some('Q') => PageAnswer::Quit,
            Some('S' | 'N') => PageAnswer::GoOn,
            Some(_) => PageAnswer::Go,
        }
    }

    fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupt)
    }

    fn clear(&mut self) {
        if self.shows {
            self.out.write_all(b"\x1b[H\x1b[2J").and_then(|()| self.out.flush()).ok();
        }
    }
}

/// Marks as terminals of Pick show them, dimmed: `^ ] \ [`; control characters and bytes that are no text as a point.
fn visible(bytes: &[u8]) -> Vec<u8> {
    let plain = |c: char| !c.is_control() || c == '\n' || c == '\t';
    let mut out = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let c = if plain(c) { c } else { '.' };
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        for byte in chunk.invalid() {
            let mark: &[u8] = match byte {
                0xFE => b"\x1b[2m^\x1b[0m",
                0xFD => b"\x1b[2m]\x1b[0m",
                0xFC => b"\x1b[2m\\\x1b[0m",
                0xFB => b"\x1b[2m[\x1b[0m",
                _ => b".",
            };
            out.extend_from_slice(mark);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_show_as_signs_and_control_characters_do_nothing_to_the_terminal() {
        let shown = |bytes: &[u8]| {
            String::from_utf8(visible(bytes)).unwrap().replace("\u{1b}[2m", "<").replace("\u{1b}[0m", ">")
        };
        assert_eq!(shown(b"a\xFDb\xFCc\xFBd\xFEe\xFF"), "a<]>b<\\>c<[>d<^>e.");
        assert_eq!(shown("Zoë 中\n\tx\u{1b}[2J\u{9b}y".as_bytes()), "Zoë 中\n\tx.[2J.y");
        assert_eq!(shown(b"Caf\xE9"), "Caf.");
    }
}
