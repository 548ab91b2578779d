//! `cargo xtask truth [DIR]`: compares the database with samples of a real engine, by the example of hal-db.

use anyhow::Result;

use crate::steps::{cargo, execute};

pub(crate) fn run(args: &[String], typed_in: &std::path::Path) -> Result<()> {
    let mut command = cargo("run --quiet --locked --package hal-db --example truth --");
    // A folder is meant from where the command was typed.
    command.args(args.iter().map(|arg| if arg.starts_with("--") { arg.into() } else { typed_in.join(arg) }));
    execute(&mut command)
}
