//! The signals that a server hears, and what each asks for.

#[cfg(unix)]
use std::io::IsTerminal as _;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    End,
    /// SIGHUP: read again what can be read again. At a terminal it means that the window was closed, and ends the server.
    Reload,
}

/// The signals that a server hears.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    at_terminal: bool,
}

impl Signals {
    pub(crate) fn new() -> std::io::Result<Signals> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Signals {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                hangup: signal(SignalKind::hangup())?,
                at_terminal: std::io::stderr().is_terminal(),
            })
        }
        #[cfg(not(unix))]
        Ok(Signals {})
    }

    pub(crate) async fn next(&mut self) -> Asked {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.hangup.recv() => if self.at_terminal { Asked::End } else { Asked::Reload },
        }
        #[cfg(not(unix))]
        {
            tokio::signal::ctrl_c().await.ok();
            Asked::End
        }
    }

    pub(crate) async fn end(&mut self) {
        while self.next().await == Asked::Reload {}
    }
}
