//! Compares hal-db with samples of a real engine: `cargo xtask truth [DIR]`.
//!
//! An example of hal-db and not a part of xtask, which is built first in a fresh clone and must not wait for the
//! database; not a program of the product either.

mod listings;
mod report;
mod tables;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use report::Report;

fn main() -> ExitCode {
    let (flags, folders): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = folders.first().map_or_else(|| crate_folder.join("../../../shared/qm"), PathBuf::from);
    if !dir.is_dir() {
        eprintln!("error: there is no folder {}\n\nhint: give the folder of the samples", dir.display());
        return ExitCode::FAILURE;
    }
    let mut report = Report::with_exceptions(&crate_folder.join("truth-exceptions.tsv"));
    tables::run(&dir, &mut report);
    listings::run(&dir, &mut report);
    print!("{}", report.to_text(flags.iter().any(|flag| flag == "--overruled")));
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
