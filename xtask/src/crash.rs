//! `cargo xtask crash`: the long crash tests of the database, built for release.

use anyhow::Result;

use crate::machine;
use crate::steps::{cargo, execute};

pub(crate) fn run() -> Result<()> {
    machine::set_up(&[machine::BUILD])?;
    let mut disk = cargo("test --quiet --release --locked --package hal-db --lib -- --ignored crash::");
    execute(&mut disk)?;
    execute(&mut cargo(
        "test --quiet --release --locked --package hal-db --test crash -- --ignored --nocapture two_hundred_times",
    ))
}
