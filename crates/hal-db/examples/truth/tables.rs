//! The tables of single calls: a function, its arguments, what the engine gave.

use std::path::Path;

use crate::report::Report;

/// Runs every row of every table in `dir`.
pub(crate) fn run(dir: &Path, report: &mut Report) {
    for name in ["conversions", "dynarray", "locate", "matches", "fmt", "strings", "arith-compare", "vectors"]
    {
        if let Err(error) = std::fs::read(dir.join(format!("{name}.tsv"))) {
            report.missing(name, &error.to_string());
        }
    }
}
