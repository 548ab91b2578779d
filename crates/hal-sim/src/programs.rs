//! The programs that tests run. One that is missing is said aloud; where `CI=true` it is a failure.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where a program lies: on the PATH, or in an sbin folder, which a user's PATH often lacks.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Whether all of `names` are there. If not, the test that asks is skipped, visibly; in CI it fails.
#[track_caller]
pub fn present(test: &str, names: &[&str]) -> bool {
    let missing: Vec<&str> = names.iter().copied().filter(|name| !is_there(name)).collect();
    if missing.is_empty() {
        return true;
    }
    let line = format!("{test}: {} is not installed", missing.join(", "));
    assert!(!is_ci(), "{line}, and CI skips nothing");
    eprintln!("SKIPPED {line}");
    // A test runner hides what a passing test prints; `cargo xtask test` shows this file at its end.
    if let Some(file) = std::env::var_os("HAL_TESTS_SKIPPED_FILE") {
        let mut file =
            std::fs::File::options().append(true).create(true).open(file).expect("the file of skipped tests");
        writeln!(file, "{line}").expect("the file of skipped tests");
    }
    false
}

/// The library has no program; everything else is looked up on the PATH.
fn is_there(name: &str) -> bool {
    match name {
        "pocketsphinx" => {
            let folders =
                ["/usr/lib", "/usr/local/lib", &format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH)];
            let library = folders.iter().any(|folder| {
                let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
                entries.into_iter().any(|e| e.file_name().to_string_lossy().starts_with("libpocketsphinx.so"))
            });
            library && Path::new("/usr/share/pocketsphinx/model/en-us").exists()
        }
        name => find(name).is_some(),
    }
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// A program of this workspace, from the same build as the test that asks.
///
/// `HAL_BIN_FOLDER` overrides where it is looked for.
pub fn ours(name: &str) -> PathBuf {
    let folder = std::env::var_os("HAL_BIN_FOLDER").map_or_else(build_folder, PathBuf::from);
    let program = folder.join(name);
    assert!(
        program.is_file(),
        "{} is not there: run `cargo build --workspace --bins` first",
        program.display()
    );
    program
}

/// `target/debug` for a test in `target/debug/deps`, and for a program in `target/debug` itself.
fn build_folder() -> PathBuf {
    let own = std::env::current_exe().expect("the running program has a path");
    let folder = own.parent().expect("a program lies in a folder");
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    folder.to_path_buf()
}
