//! The query language: a sentence becomes a plan, a plan run over a snapshot gives rows, rows become a report.
//!
//! `lexer → parser → plan → exec → report`. Knows nothing of terminals, sessions or select lists.

mod access;
mod condition;
mod exec;
mod lexer;
mod parser;
mod plan;
mod report;
mod rows;
mod words;

pub use parser::parse;
pub use plan::{Condition, Count, Display, Operand, Options, QueryPlan, RelOp, Sample, SortKey, Test, Verb};
pub use report::report;
pub use rows::{Cell, Column, Row, Rows};

pub(crate) use condition::stored;
pub(crate) use exec::{explain, run};

/// Longest sentence in bytes.
pub const SENTENCE_BYTES_MAX: usize = 8192;
/// Rows a query may give; a COUNT is not limited.
pub const ROWS_MAX: usize = 200_000;
/// Depth of brackets and of phrases within phrases.
pub const NESTING_MAX: usize = 32;

#[cfg(test)]
mod tests;
