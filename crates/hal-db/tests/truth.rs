//! The samples of a real engine, where they lie beside the repository: what `cargo xtask truth` shows, as a test.

#[path = "../examples/truth/listings.rs"]
mod listings;
#[path = "../examples/truth/report.rs"]
mod report;
#[path = "../examples/truth/tables.rs"]
mod tables;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use report::Report;

/// The folder of the samples; `None`, said aloud, where there is none.
fn samples(test: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/qm");
    if dir.is_dir() {
        return Some(dir);
    }
    let line = format!("{test}: the folder ../shared/qm is not beside the repository");
    let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    assert!(!ci, "{line}, and CI skips nothing");
    eprintln!("SKIPPED {line}");
    // A test runner hides what a passing test prints; `cargo xtask test` shows this file at its end.
    if let Some(file) = std::env::var_os("HAL_TESTS_SKIPPED_FILE") {
        let file = std::fs::File::options().append(true).create(true).open(file);
        writeln!(file.expect("the file of skipped tests"), "{line}").expect("the file of skipped tests");
    }
    None
}

#[test]
fn every_row_of_the_tables_agrees_or_is_overruled_by_the_specification() {
    let Some(dir) = samples("every_row_of_the_tables_agrees_or_is_overruled_by_the_specification") else {
        return;
    };
    let exceptions = Path::new(env!("CARGO_MANIFEST_DIR")).join("truth-exceptions.tsv");
    let mut report = Report::with_exceptions(&exceptions);
    tables::run(&dir, &mut report);
    print!("{}", report.to_text(false));
    assert!(report.is_good());
    assert_eq!(report.wrong(), 0, "{}", report.to_text(false));
}

#[test]
fn every_listing_agrees_or_is_overruled_by_the_specification() {
    let Some(dir) = samples("every_listing_agrees_or_is_overruled_by_the_specification") else {
        return;
    };
    let exceptions = Path::new(env!("CARGO_MANIFEST_DIR")).join("truth-exceptions.tsv");
    let mut report = Report::with_exceptions(&exceptions);
    listings::run(&dir, &mut report);
    print!("{}", report.to_text(false));
    assert!(report.is_good(), "{}", report.to_text(false));
}
