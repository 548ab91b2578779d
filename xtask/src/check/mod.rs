//! `cargo xtask check`: what must hold of the source, whatever the tests say. Installs nothing.

mod arrows;
mod documents;
mod licences;
mod links;
pub(crate) mod metadata;
mod modules;
mod private;
mod tidy;

use anyhow::{Result, bail};

use crate::steps::{Steps, cargo, execute, output};
use metadata::Metadata;

pub(crate) fn run() -> Result<()> {
    let mut all = Steps::default();
    steps(&mut all);
    all.finish("check")
}

/// The steps of the check, for `test` to run among its own.
pub(crate) fn steps(all: &mut Steps) {
    all.run("formatting", || {
        execute(&mut cargo("fmt --all --check")).map_err(|error| error.context("hint: run `cargo fmt --all`"))
    });
    all.run("crate arrows", || verdict(arrows::check(&Metadata::without_dependencies()?)));
    all.run("licences", || verdict(licences::check(&Metadata::with_dependencies()?)?));
    all.run("tidiness", tidiness);
    all.run("clippy", || {
        execute(&mut cargo("clippy --workspace --all-targets --locked --quiet -- -D warnings"))
    });
}

fn tidiness() -> Result<()> {
    let files = tidy::Files::of_the_repository()?;
    let mut complaints = tidy::check(&files);
    complaints.extend(documents::check(&files));
    complaints.extend(links::check(&files));
    complaints.extend(private::check(&files));
    complaints.extend(modules::check(&files, &Metadata::without_dependencies()?));
    verdict(complaints)
}

/// Every complaint at once, one a line; none is a success.
fn verdict(mut complaints: Vec<String>) -> Result<()> {
    if complaints.is_empty() {
        return Ok(());
    }
    complaints.sort();
    bail!("{}", complaints.join("\n"))
}

/// The names of all files under version control, and new ones that are not ignored.
fn listed_files() -> Result<Vec<String>> {
    let mut git = std::process::Command::new("git");
    let names = output(git.args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    Ok(names.lines().map(str::to_owned).collect())
}
