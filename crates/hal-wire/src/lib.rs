//! What is said on HAL's wires: the messages of the Voice Gateway (8768) and of the QM Listener (8767),
//! how bytes become requests, and one table of error codes.
//!
//! Knows no socket, no clock and no skill. Old names stay old here (`response_text`, `passive_listening`)
//! and nowhere else.

pub mod audio;
pub mod client;
pub mod code;
pub mod line;
pub mod listener;
pub mod manage;
mod private;
pub mod resume;
pub mod sign_in;

pub use code::Code;
pub use listener::Outcome;
pub use private::{Private, Secret};
