//! The doctor: looks once, then judges.
//!
//! [`look`] is the only part that opens sockets, runs programs and reads files; it returns [`Facts`], which can be
//! written down and carried to another machine. [`checks`] is pure: facts in, findings out, one file a check and one
//! line in its table. What is read here never changes anything, and no words, records or secrets get into the facts.

pub mod checks;
pub mod facts;
mod facts_server;
pub mod finding;
pub mod look;
pub mod repair;

pub use facts::Facts;
pub use finding::{Area, Finding, Report, Severity};
