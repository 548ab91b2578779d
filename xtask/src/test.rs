//! `cargo xtask test`: everything that CI runs, and CI runs nothing else.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::check::metadata::Metadata;
use crate::machine::{self, is_ci};
use crate::steps::{Steps, cargo, execute};

/// Where the end-to-end tests note what they skipped: a test runner hides the output of tests that pass.
const SKIPPED: &str = "hal-skipped-tests.txt";

pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    let mut missing = Vec::new();
    let ready = steps.run("install what is missing", || {
        missing = machine::set_up(&[machine::BUILD, machine::SPEECH, machine::TESTS])?;
        Ok(())
    });
    if !ready {
        return steps.finish("test");
    }
    crate::check::steps(&mut steps);

    let target = Metadata::without_dependencies()?.target_directory;
    let skipped = target.join(SKIPPED);
    // `cargo run --package xtask` made the folder; without it there is nothing to remove either.
    if skipped.exists() {
        std::fs::remove_file(&skipped)?;
    }
    let nextest = cargo("nextest --version").output().is_ok_and(|out| out.status.success());
    let runner = if nextest { "nextest run" } else { "test" };
    // The program first: the end-to-end tests start it as a person would.
    let built = steps.run("build the program", || execute(&mut cargo("build --workspace --bins --locked")))
        && steps.run("build the tests", || {
            execute(&mut cargo(&format!("{runner} --workspace --locked --no-run")))
        });
    if built {
        steps.run("tests", || {
            let mut command = cargo(&format!("{runner} --workspace --locked --no-fail-fast"));
            execute(command.env("HAL_TESTS_SKIPPED_FILE", &skipped))
        });
        steps.run("doc tests", || execute(&mut cargo("test --workspace --locked --doc")));
    }
    steps.run("web tests", web_tests);
    say_skipped(&skipped, &missing)?;
    steps.finish("test")
}

/// The browser client's unit tests: plain `node --test`, nothing to install.
fn web_tests() -> Result<()> {
    let Some(node) = machine::program("node") else {
        if is_ci() {
            bail!("node is missing and CI skips nothing");
        }
        println!("skipped: node is not installed");
        return Ok(());
    };
    let mut files = Vec::new();
    collect(Path::new("web"), &mut files)?;
    if files.is_empty() {
        bail!("no *.test.js found under web/");
    }
    files.sort();
    execute(Command::new(node).arg("--test").args(files))
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" {
            collect(&path, files)?;
        } else if name.ends_with(".test.js") || name.ends_with(".test.mjs") {
            files.push(path);
        }
    }
    Ok(())
}

fn say_skipped(file: &Path, missing: &[&machine::Need]) -> Result<()> {
    let skipped = if file.exists() { std::fs::read_to_string(file)? } else { String::new() };
    let lines: Vec<&str> = skipped.lines().collect();
    if lines.is_empty() && missing.is_empty() {
        println!("── nothing was skipped");
        return Ok(());
    }
    for need in missing {
        println!("── not on this machine: {}", need.name);
    }
    for line in &lines {
        println!("── skipped: {line}");
    }
    if is_ci() {
        bail!("CI skips nothing");
    }
    Ok(())
}
