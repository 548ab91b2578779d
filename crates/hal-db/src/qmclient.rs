//! A client of the QMClient protocol: a running ScarletDME or OpenQM (2.6 line) server, asked for records and queries.
//!
//! The one part of this crate that opens a socket. It blocks, asks one thing after the other (but for reads of many records, which
//! travel together), and never uses the login without credentials that such servers offer on their network port.
//! [`copy`] keeps files of such a server as files of a [`crate::Database`], so that everything that asks a snapshot can ask them.
//!
//! **Not tested against a real server.** It follows `qmclient-protocol.md`, and its tests talk to a peer in this process that follows
//! the same description. Newer OpenQM versions may encrypt traffic, which is not known here: they would fail at the login.
//! Nothing is encrypted: the password can be read on the way. Use it within a machine or through a tunnel.

mod address;
mod client;
pub mod copy;
#[doc(hidden)]
pub mod testing;
mod wire;

pub use address::Address;
pub use client::{Client, Credentials, File, Options, Socket, Visit};

/// Port that these servers listen on.
pub const PORT: u16 = 4243;

impl ClientError {
    /// Whether the session is over: the connection, or what both ends believe of it, is broken.
    #[must_use]
    pub fn ends_session(&self) -> bool {
        match self {
            ClientError::NoSuchFile { .. }
            | ClientError::Locked { .. }
            | ClientError::Prompt(_)
            | ClientError::Server { .. }
            | ClientError::TooLarge { .. }
            | ClientError::Refused(_) => false,
            ClientError::Address(_)
            | ClientError::Unreachable { .. }
            | ClientError::TimedOut
            | ClientError::Broken(_)
            | ClientError::Protocol(_)
            | ClientError::Login(_)
            | ClientError::Account(_) => true,
        }
    }
}

/// What went wrong. None of the variants holds a password or a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is not one of a QMClient server.
    #[error("{0}\n\nhint: write it as qmclient://user@host:4243/ACCOUNT")]
    Address(String),
    /// Nobody answers there.
    #[error(
        "the QM server {server} was not reached: {reason}\n\nhint: is it running, and is port 4243 open to this machine?"
    )]
    Unreachable {
        /// Host and port.
        server: String,
        /// Why.
        reason: String,
    },
    /// The answer took too long; the connection is not used again.
    #[error("the QM server did not answer in time")]
    TimedOut,
    /// The connection broke.
    #[error("the connection to the QM server broke: {0}")]
    Broken(String),
    /// The peer does not speak the protocol, or a limit was passed; the connection is not used again.
    #[error("the QM server's answer is not understood: {0}")]
    Protocol(String),
    /// User or password are wrong.
    #[error("the QM server refused the login: {0}")]
    Login(String),
    /// There is no such account, or the user may not enter it.
    #[error("the QM server has no account {0} for this user")]
    Account(String),
    /// The file cannot be opened; the number is the server's STATUS().
    #[error("file {file} cannot be opened on the QM server (status {status})")]
    NoSuchFile {
        /// Its name.
        file: String,
        /// 3007: no such file; 3003: no VOC record.
        status: i32,
    },
    /// The record is locked by another user.
    #[error("the record is locked by user {user} of the QM server")]
    Locked {
        /// The user's number.
        user: i32,
    },
    /// A command wants input, which nobody is there to give.
    #[error("the command asked for input and was ended: {0}")]
    Prompt(String),
    /// The server reports a fault of its own.
    #[error("the QM server reports: {text} (status {status})")]
    Server {
        /// Its words.
        text: String,
        /// STATUS().
        status: i32,
    },
    /// A reply is larger than is taken; it was read over, and the session goes on.
    #[error("an answer of {bytes} bytes is more than is taken")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Something that the protocol cannot carry, such as an id that the server would cut.
    #[error("{0}")]
    Refused(String),
}

#[cfg(test)]
mod tests;
