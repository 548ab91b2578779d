//! Who has the word, what was meant, what to answer. Pure: time and text come in as values.
//!
//! Knows no audio, no sockets and no clock. Answers come from records only; there is no language model here.

mod brain;
mod comprehend;
mod converse;
pub mod journal;
mod lexicon;
mod memory;
mod permit;
mod phrase;
mod records;
pub mod say;
pub mod session;
mod skill;
mod skills;
mod turn;
pub mod understand;
mod vocabulary;
mod write;

#[cfg(test)]
mod tests;

pub use brain::{AskInfo, Brain, Question, Reply, SkillError, Spoken, User};
pub use hal_wire::listener::Outcome;
pub use memory::{Memory, SavedMemory};
pub use permit::Skills;
pub use understand::control::{Control, control};
pub use understand::moment::Moment;
