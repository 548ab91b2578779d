//! The HAL QM database: multivalue records in named files with dictionaries, indices and a query language.
//!
//! Files, and no sockets but those of [`qmclient`]; no clock (today comes in as [`Env`]), no knowledge of skills.
//!
//! - [`DynArray`] is a record: text divided by marks.
//! - [`functions`] are those of the language, [`conv`] its conversion codes, [`fmt`] its formats, [`pattern`] its patterns,
//!   [`number`] its decimal numbers. `cargo xtask truth` compares them with samples of a real engine.
//! - [`Database`] is an account: a folder on disk. [`Database::snapshot`] reads, [`Database::write`] changes.
//! - [`query::parse`] turns `LIST MEDICATION WITH STATUS EQ "active"` into a [`query::QueryPlan`]; [`Snapshot::run`] gives
//!   [`query::Rows`].
//! - [`tcl::Session`] is the command line that users of Pick and QM know: it runs lines and keeps what lies between them.
//! - [`schema::ensure_household`] makes the files of a household account.

pub mod access;
mod account;
pub mod backup;
mod casing;
mod commit;
pub mod compact;
pub mod conv;
mod database;
pub mod date;
pub mod dict;
pub mod dynarray;
mod error;
pub mod export;
pub mod feed;
pub mod fmt;
pub mod functions;
pub mod hashed;
pub mod history;
pub mod import;
mod index;
mod itype;
pub mod locks;
pub mod number;
pub mod pattern;
pub mod qmclient;
pub mod query;
pub mod schema;
mod store;
pub mod tcl;
mod txn;
mod typed;
pub mod verify;

pub use access::{Access, Denial, Files};
pub use commit::Ticket;
pub use database::{Database, Ids, STORE_FILE, Snapshot, Version};
pub use dict::Dictionary;
pub use dynarray::{DynArray, Record};
pub use error::{Error, ParseError, Result};
pub use query::{Cell, Column, QueryPlan, Row, Rows};
pub use txn::{NOSYNC_RISK, Session, Txn};

/// What a query may know of the world: the caller's local date and time. There is no clock in this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Env {
    /// Local day number; 31 December 1967 is 0.
    pub today: i64,
    /// Second of the local day, 0..=86399.
    pub second: u32,
}

impl Env {
    /// The moment as a stamp (see [`date`]).
    #[must_use]
    pub fn stamp(&self) -> String {
        date::stamp(self.today, self.second)
    }
}
