//! Output of a command, page by page. Counts lines; knows nothing of what stands in them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use unicode_width::UnicodeWidthStr;

use super::settings::Size;
use super::{PageAnswer, Terminal};

/// Why output stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// This command ends, what follows goes on.
    Quit,
    /// Everything that runs ends.
    Abort,
    /// Nobody reads any more.
    Gone,
}

/// Where a command writes.
pub(super) struct Output<'o> {
    terminal: &'o mut dyn Terminal,
    width: usize,
    height: Option<usize>,
    /// Lines of a page; `None` for no pages.
    page: Option<usize>,
    used: usize,
    stopped: Option<Stop>,
    interrupt: Arc<AtomicBool>,
}

impl<'o> Output<'o> {
    pub(super) fn new(terminal: &'o mut dyn Terminal, size: Size, paged: bool) -> Output<'o> {
        let (width, height) = size.of(terminal);
        let page = height.filter(|_| paged).map(|lines| lines.saturating_sub(1).max(4));
        let interrupt = terminal.interrupt();
        Output { terminal, width, height, page, used: 0, stopped: None, interrupt }
    }

    /// One page without end.
    pub(super) fn without_pages(mut self) -> Output<'o> {
        self.page = None;
        self
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Lines of the screen.
    pub(super) fn height(&self) -> Option<usize> {
        self.height
    }

    /// Writes a line; spaces at its end are cut.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn line(&mut self, text: &str) -> Result<(), Stop> {
        self.bytes(text.trim_end_matches(' ').as_bytes())
    }

    /// Writes a line of bytes.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn bytes(&mut self, line: &[u8]) -> Result<(), Stop> {
        self.put(line)?;
        self.put(b"\n")
    }

    /// Hands on what was written so far: somebody waits for it.
    pub(super) fn show(&mut self) {
        self.terminal.flush();
    }

    /// Why writing failed, when it did.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.stopped
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if let Some(stop) = self.stopped {
            return Err(stop);
        }
        let result = self.check().and_then(|()| self.terminal.write(bytes).map_err(|_| Stop::Gone));
        if let Err(stop) = result {
            self.stopped = Some(stop);
        }
        result?;
        if self.page.is_some() {
            self.count(bytes);
        }
        Ok(())
    }

    /// A page that is full waits before the next line, not behind its last.
    fn check(&mut self) -> Result<(), Stop> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(Stop::Abort);
        }
        if self.page.is_some_and(|page| self.used >= page) {
            self.used = 0;
            match self.terminal.pause() {
                PageAnswer::Go => {}
                PageAnswer::GoOn => self.page = None,
                PageAnswer::Quit => return Err(Stop::Quit),
                PageAnswer::Abort => return Err(Stop::Abort),
            }
        }
        Ok(())
    }

    /// Counts the lines that a terminal makes of it: long ones are more than one.
    fn count(&mut self, bytes: &[u8]) {
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            let shown = String::from_utf8_lossy(line);
            let width = shown.trim_end_matches('\n').width();
            self.used += usize::from(line.ends_with(b"\n")) + width.saturating_sub(1) / self.width.max(1);
        }
    }
}

/// A report writes here; the end of a page is a flush.
impl io::Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map_err(|_| io::Error::other("stopped"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(page) = self.page
            && self.used > 0
        {
            self.used = page;
        }
        Ok(())
    }
}
