//! The project's commands. Each does its own set-up, asks nothing, and says how long it took.

mod bench;
mod check;
mod crash;
mod machine;
mod steps;
mod test;
mod truth;
mod up;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <command>

  up [ARG…]   install what is missing, build, create the demo household, serve it (ARGs go to `hal serve`)
  test        install what is missing, then run everything that CI runs
  check       formatting, clippy, crate arrows, licences, tidiness; installs nothing
  truth [DIR] compare the database with samples of a real engine (default ../shared/qm)
  crash       fail the database's disk at every call, kill a process under load 200 times, verify what is left
  bench       build for release and measure the gateway beside a bare echo server
  bench abuse [PEOPLE [SECONDS]]
              people who talk while attackers of each kind do what they can
  bench db [RECORDS…]
              measure the database, beside the figures of another engine (default 100000 1000000)
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    match run(command.as_deref(), &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Option<&str>, rest: &[String]) -> Result<()> {
    // Every path below is relative to the repository, wherever the command was typed.
    let typed_in = std::env::current_dir()?;
    std::env::set_current_dir(repository())?;
    match command {
        Some("up") => up::run(rest),
        Some("bench") => bench::run(rest),
        Some("crash") => crash::run(),
        Some("truth") => truth::run(rest, &typed_in),
        Some("test" | "check") if !rest.is_empty() => {
            bail!("`{}` takes no arguments, found `{}`", command.unwrap_or_default(), rest.join(" "))
        }
        Some("test") => test::run(),
        Some("check") => check::run(),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            Ok(())
        }
        Some(other) => bail!("there is no command `{other}`\n\n{USAGE}"),
        None => bail!("no command given\n\n{USAGE}"),
    }
}

/// The folder of the workspace's manifest: the parent of this crate's.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_path_buf()
}
