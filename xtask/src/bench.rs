//! `cargo xtask bench`: builds for release and lets hal-sim's bench program measure; `bench db`: the database.

use std::process::Command;

use anyhow::Result;

use crate::check::metadata::Metadata;
use crate::machine;
use crate::steps::{cargo, execute};

pub(crate) fn run(args: &[String]) -> Result<()> {
    if let Some(("db", sizes)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        machine::set_up(&[machine::BUILD])?;
        let mut bench = cargo("bench --quiet --locked --package hal-db --bench table --");
        return execute(bench.args(sizes));
    }
    machine::set_up(&[machine::BUILD, machine::SPEECH])?;
    execute(&mut cargo("build --release --locked --package hal --package hal-sim --bins"))?;
    let release = Metadata::without_dependencies()?.target_directory.join("release");
    let bench = release.join("hal-bench");
    // 10,000 connections need as many open files on each side. prlimit is part of Debian's base (util-linux);
    // where it is missing the shell's own limit holds and the bench says what it could reach.
    let mut command = match machine::program("prlimit") {
        Some(prlimit) => {
            let mut command = Command::new(prlimit);
            command.arg(format!("--nofile={}", machine_nofile())).arg(bench);
            command
        }
        None => Command::new(bench),
    };
    execute(command.args(args).env("HAL_BIN_FOLDER", release))
}

/// The hard limit: anyone may raise the soft one up to it.
fn machine_nofile() -> String {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let hard = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .and_then(|line| line.split_whitespace().nth(4))
        .and_then(|word| word.parse::<u64>().ok());
    match hard {
        Some(hard) => format!("{hard}:{hard}"),
        None => "65536:65536".into(),
    }
}
