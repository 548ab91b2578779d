//! One instant as the household sees it. Knows no time zone: the caller has applied it.

/// When a question was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Local day as the database counts it: 31 December 1967 is day 0.
    pub day: i64,
    /// Second of the local day, 0..=86_399.
    pub second: u32,
    /// Milliseconds since 1 January 1970 UTC: for expiry and record ids only, never for what a day is called.
    pub unix_ms: i64,
}
