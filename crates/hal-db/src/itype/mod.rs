//! Expressions of dictionaries and queries: I-types, EVAL and the A and F codes of Pick items (specification, section 9).
//!
//! `compile` makes a tree of the text once for each query, with the items it names expanded in place; `eval` runs it on a
//! record. Knows dictionaries and, for TRANS, the catalogue of files; nothing of queries.

mod calc;
mod compile;
mod correlative;
mod eval;
mod functions;
mod node;
mod scan;
mod value;

pub(crate) use calc::Num;
pub(crate) use compile::{Compiler, Scope};
pub(crate) use correlative::{is_correlative, reads_only_the_value};
pub(crate) use eval::{Context, Place, Surroundings};
pub(crate) use node::Program;

/// Longest expression in bytes.
pub(crate) const SOURCE_BYTES_MAX: usize = 8192;
/// Depth of brackets, calls and items within items.
pub(crate) const DEPTH_MAX: usize = 60;
/// Parts of an expression after the items it names are expanded; also bounds what the parser tries twice.
pub(crate) const NODES_MAX: usize = 20_000;
/// Bytes that one value of an expression may have.
pub(crate) const VALUE_BYTES_MAX: usize = 16 << 20;

/// Why an expression was not understood, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompileError {
    pub message: String,
    /// Byte offset in the expression.
    pub at: usize,
}

#[cfg(test)]
mod tests;
