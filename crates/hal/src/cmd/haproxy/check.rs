//! `hal haproxy check`
use clap::Args;

use crate::report::{Exit, Failure};

/// Say what is wrong with a HAProxy file.
#[derive(Debug, Args)]
pub(super) struct Check {}

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        Ok(Exit::Done)
    }
}
