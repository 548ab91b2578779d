//! Any bytes as the two parts of a hashed file on disk: read or refused, never more found than is there.

/// Inputs to begin with: two bytes that say where the primary part ends, the primary part, the overflow.
pub const SEEDS: &[&[u8]] = &[include_bytes!("../seeds/tiny.hashed")];

/// Reads every record and the headers.
pub fn fuzz_one(data: &[u8]) {
    let found = hal_db::hashed::fuzz_one(data);
    crate::assert_bounded("records of a hashed file", found, data.len());
}
