//! `cargo xtask up`: from a fresh clone to a household one can ask.

use std::process::Command;

use anyhow::Result;

use crate::machine;
use crate::steps::{Steps, cargo, execute};

/// Installs, builds, and becomes `hal serve --demo`, which prints its address and questions to try itself.
pub(crate) fn run(serve_args: &[String]) -> Result<()> {
    let mut steps = Steps::default();
    let ready = steps
        .run("install what is missing", || machine::set_up(&[machine::BUILD, machine::SPEECH]).map(drop))
        && steps.run("build for release", || execute(&mut cargo("build --release --locked --package hal")));
    if !ready {
        return steps.finish("up");
    }
    let program =
        crate::check::metadata::Metadata::without_dependencies()?.target_directory.join("release/hal");
    let mut serve = Command::new(program);
    serve.args(["serve", "--demo"]).args(serve_args);
    become_it(serve)
}

/// Replaces this process, so that Ctrl-C and signals reach the server and its exit code is ours.
#[cfg(unix)]
fn become_it(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec()).map_err(|error| anyhow::anyhow!("could not start the server: {error}"))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> Result<()> {
    execute(&mut command)
}
