//! What is done with random input, one module a target: `fuzz_one` must not panic, hang or grow without bound.
//!
//! Two ways to feed them: `cargo +nightly fuzz run --features libfuzzer TARGET`, guided by coverage, and
//! `cargo run --release --manifest-path fuzz/Cargo.toml -- TARGET SECONDS SEED` on stable, by seeds and mutations.
//!
//! A new target is a module here with `SEEDS` and `fuzz_one`, a line in [`TARGETS`], and a file in `fuzz_targets/`
//! with its `[[bin]]`. An input that was a finding becomes a test beside the code it broke.

pub mod conversion;
pub mod expression;
pub mod format;
pub mod hashed;
pub mod pattern;
pub mod query;
pub mod record;
pub mod table;

/// One target: its name, what its input looks like, and what is done with it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name on the command line.
    pub name: &'static str,
    /// Inputs to begin with; mutations take words from them too.
    pub seeds: &'static [&'static [u8]],
    /// Does everything with one input.
    pub fuzz_one: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "record", seeds: record::SEEDS, fuzz_one: record::fuzz_one },
    Target { name: "conversion", seeds: conversion::SEEDS, fuzz_one: conversion::fuzz_one },
    Target { name: "format", seeds: format::SEEDS, fuzz_one: format::fuzz_one },
    Target { name: "pattern", seeds: pattern::SEEDS, fuzz_one: pattern::fuzz_one },
    Target { name: "query", seeds: query::SEEDS, fuzz_one: query::fuzz_one },
    Target { name: "expression", seeds: expression::SEEDS, fuzz_one: expression::fuzz_one },
    Target { name: "hashed", seeds: hashed::SEEDS, fuzz_one: hashed::fuzz_one },
    Target { name: "table", seeds: table::SEEDS, fuzz_one: table::fuzz_one },
];

/// Longest result allowed for an input (31.5), with something for short ones.
pub fn assert_bounded(what: &str, result: usize, input: usize) {
    assert!(result <= 64 * input + 8192, "{what}: {result} bytes out of {input}");
}

/// Divides an input at its first NUL: a code and a value, a pattern and a text.
pub fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|&b| b == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, b"12345"),
    }
}
