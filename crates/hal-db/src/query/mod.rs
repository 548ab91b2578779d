//! The query language: a sentence becomes a plan, a plan run over a snapshot gives rows, a report, or a select list.
//!
//! `lexer → parser → plan → exec → rows | report | lists`. Knows nothing of terminals and sessions; select lists are a value
//! that the caller keeps.

mod access;
mod bind;
mod columns;
mod condition;
mod exec;
mod explain;
mod keys;
mod lexer;
mod lists;
mod order;
mod parser;
mod plan;
mod report;
mod rows;
mod words;

pub use exec::Selected;
pub use lists::{ListError, SelectLists};
pub use parser::{Switches, parse, parse_command, parse_switched};
pub use plan::{
    Aggregate, Condition, Count, Display, From, Group, Labels, Operand, Options, Output, QueryPlan, RelOp,
    Sample, Saving, SortKey, Test, Verb,
};
pub use report::{Screen, record_lines};
pub use rows::{Cell, Column, Reformatted, Row, Rows};

pub(crate) use condition::stored;
pub(crate) use exec::{Run, select};
pub(crate) use explain::explain;
pub(crate) use lists::SAVED_LISTS;
pub(crate) use report::report;
pub(crate) use rows::{reformat, rows};

/// Longest sentence in bytes.
pub const SENTENCE_BYTES_MAX: usize = 8192;
/// Rows that a query gives as [`Rows`]; reports and select lists are not limited.
pub const ROWS_MAX: usize = 200_000;
/// Depth of brackets and of phrases within phrases.
pub const NESTING_MAX: usize = 32;
/// Items that one sentence shows.
pub const COLUMNS_MAX: usize = 256;

#[cfg(test)]
mod tests;
