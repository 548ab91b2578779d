//! The safe cures: what interrupts nobody and can be taken back.

use super::finding::Repair;

/// Does one. Gives what was done, or why not.
///
/// # Errors
/// The system refuses, or a check before it does.
pub fn apply(repair: &Repair) -> Result<String, String> {
    Err(format!("{repair:?}"))
}
