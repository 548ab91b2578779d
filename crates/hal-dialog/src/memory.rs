//! What one conversation remembers from turn to turn: what "it" was, what waits for a yes, what can be undone.

/// The memory of one session. `Default` is a conversation in which nothing was said.
#[derive(Debug, Default)]
pub struct Memory {}
