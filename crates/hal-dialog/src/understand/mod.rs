//! From words to meaning: what was asked, about whom, for when.

pub mod control;
pub mod moment;
