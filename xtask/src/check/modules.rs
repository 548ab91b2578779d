//! Every Rust file is reached by a `mod` from the root of some target; one that is not is dead.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::check::metadata::Metadata;
use crate::check::tidy::Files;

pub(crate) fn check(files: &Files, metadata: &Metadata) -> Vec<String> {
    let repository = std::env::current_dir().unwrap_or_default();
    let mut reached = BTreeSet::new();
    for root in metadata.packages.iter().flat_map(|package| &package.roots) {
        let root = root.strip_prefix(&repository).unwrap_or(root).to_path_buf();
        let folder = root.parent().unwrap_or(Path::new("")).to_path_buf();
        reach(files, root, folder, &mut reached);
    }
    files
        .with_ending(".rs")
        // Its own workspace, because it needs a nightly compiler.
        .filter(|(name, _)| !name.starts_with("fuzz/"))
        .filter(|(name, _)| !reached.contains(Path::new(name)))
        .map(|(name, _)| format!("{name}: no `mod` leads to this file"))
        .collect()
}

/// Walks the `mod` lines of one file; `folder` is where its child modules lie.
fn reach(files: &Files, file: PathBuf, folder: PathBuf, reached: &mut BTreeSet<PathBuf>) {
    let name = file.to_string_lossy().replace('\\', "/");
    let Some((_, text)) = files.texts.iter().find(|(known, _)| *known == name) else { return };
    if !reached.insert(file.clone()) {
        return;
    }
    for declared in declarations(text) {
        let (child, child_folder) = match declared {
            Declared::Name(name) => {
                let flat = folder.join(format!("{name}.rs"));
                let nested = folder.join(&name).join("mod.rs");
                (
                    if files.names.iter().any(|known| Path::new(known) == flat) { flat } else { nested },
                    folder.join(name),
                )
            }
            Declared::Path(path) => {
                let child = normal(&file.parent().unwrap_or(Path::new("")).join(path));
                let child_folder = child.parent().unwrap_or(Path::new("")).to_path_buf();
                (child, child_folder)
            }
        };
        reach(files, child, child_folder, reached);
    }
}

/// `a/../b` as `b`: a path attribute may lead out of its crate, to files that lie beside what they embed.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[derive(Debug, PartialEq, Eq)]
enum Declared {
    /// `mod name;`
    Name(String),
    /// `#[path = "file.rs"]` before a `mod`, or `include!("file.rs")`.
    Path(String),
}

fn declarations(text: &str) -> Vec<Declared> {
    let mut found = Vec::new();
    let mut path: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[path = \"") {
            path = rest.split('"').next().map(str::to_owned);
            continue;
        }
        if let Some((_, rest)) = line.split_once("include!(\"")
            && let Some(file) = rest.split('"').next().filter(|file| file.ends_with(".rs"))
        {
            found.push(Declared::Path(file.to_owned()));
            continue;
        }
        let Some(name) = module_name(line) else { continue };
        found.push(match path.take() {
            Some(path) => Declared::Path(path),
            None => Declared::Name(name.to_owned()),
        });
    }
    found
}

/// The name in `mod name;`, with any visibility and attributes on the same line.
fn module_name(line: &str) -> Option<&str> {
    let mut line = line;
    while line.starts_with("#[") {
        line = line.split_once(']')?.1.trim_start();
    }
    if let Some(rest) = line.strip_prefix("pub") {
        line = match rest.strip_prefix('(') {
            Some(scoped) => scoped.split_once(')')?.1.trim_start(),
            None => rest.trim_start(),
        };
    }
    let name = line.strip_prefix("mod ")?.split_once(';')?.0.trim();
    name.chars().all(|c| c.is_alphanumeric() || c == '_').then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_declared_in_any_of_the_usual_ways() {
        for line in [
            "mod a;",
            "pub mod a;",
            "pub(crate) mod a;",
            "#[cfg(test)] mod a;",
            "pub(in crate::x) mod a; // why",
        ] {
            assert_eq!(module_name(line), Some("a"), "{line}");
        }
        for line in ["mod a {", "// mod a;", "model;", "let mod_a = 1;"] {
            assert_eq!(module_name(line), None, "{line}");
        }
    }

    #[test]
    fn a_path_attribute_names_the_file() {
        assert_eq!(declarations("include!(\"../x.rs\");"), [Declared::Path("../x.rs".into())]);
        let text = "#[path = \"other.rs\"]\nmod a;\nmod b;";
        assert_eq!(normal(Path::new("a/b/../../c/d.rs")), Path::new("c/d.rs"));
        assert_eq!(declarations(text), [Declared::Path("other.rs".into()), Declared::Name("b".into())]);
    }
}
