//! From words to meaning: what was asked, about whom, for when.

pub mod calendar;
pub mod control;
pub mod daytime;
pub mod matcher;
pub mod moment;
pub mod names;
pub mod normalise;
pub mod template;
pub mod when;
