//! Small rules about the text of the repository: length of files, owners of TODOs, lists that must be complete.

use std::path::Path;

use anyhow::Result;

/// A Rust file longer than this is about more than one thing.
const FILE_LINES_MAX: usize = 1_000;
/// Larger files are data (recordings, tables) and are not read as text.
const TEXT_BYTES_MAX: u64 = 4 << 20;

/// The text files of the repository by their path from its root, with `/` between folders.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) texts: Vec<(String, String)>,
    pub(crate) names: Vec<String>,
}

impl Files {
    pub(crate) fn of_the_repository() -> Result<Files> {
        let mut names = super::listed_files()?;
        names.retain(|name| Path::new(name).is_file());
        let mut texts = Vec::new();
        for name in &names {
            if std::fs::metadata(name)?.len() <= TEXT_BYTES_MAX
                && let Ok(text) = String::from_utf8(std::fs::read(name)?)
            {
                texts.push((name.clone(), text));
            }
        }
        Ok(Files { texts, names })
    }

    pub(crate) fn with_ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts
            .iter()
            .filter(move |(name, _)| name.ends_with(ending))
            .map(|(n, t)| (n.as_str(), t.as_str()))
    }
}

pub(crate) fn check(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, text) in files.with_ending(".rs") {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            complaints
                .push(format!("{name}: {lines} lines; over {FILE_LINES_MAX} a file is about two things"));
        }
    }
    for (name, text) in &files.texts {
        for (index, line) in text.lines().enumerate() {
            if !name.starts_with("xtask/src/check/") && todo_without_name(line) {
                complaints.push(format!(
                    "{name}:{}: a TODO needs a name: TODO(name): what it waits for",
                    index + 1
                ));
            }
        }
    }
    complaints.extend(unlisted_skills(files));
    complaints.extend(undocumented_subcommands(files));
    complaints
}

/// `TODO` and `FIXME` as words, not followed by `(name)`.
fn todo_without_name(line: &str) -> bool {
    ["TODO", "FIXME", "XXX"].iter().any(|mark| {
        line.match_indices(mark).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = &line[at + mark.len()..];
            let is_word = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-')
                && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
            // The words of old shopping lists are records ("todo"), and those are lower case.
            let has_name = after.starts_with('(') && after.find(')').is_some_and(|end| end > 1);
            is_word && !has_name
        })
    })
}

/// A skill is one file and one line in the list that embeds it; a file without its line does nothing.
fn unlisted_skills(files: &Files) -> Vec<String> {
    let listed: String = files
        .with_ending(".rs")
        .filter(|(name, _)| name.starts_with("crates/hal-dialog/"))
        .map(|(_, text)| text)
        .collect();
    let skills = files.names.iter().filter(|name| name.starts_with("skills/") && name.ends_with(".toml"));
    skills
        .filter(|name| !listed.contains(&format!("{name}\"")))
        .map(|name| format!("{name}: no file of hal-dialog embeds it"))
        .collect()
}

/// Each subcommand is one file in `crates/hal/src/cmd/`, and README or docs say `hal NAME`.
fn undocumented_subcommands(files: &Files) -> Vec<String> {
    let documents: String = files.with_ending(".md").map(|(_, text)| text).collect();
    let folder = "crates/hal/src/cmd/";
    let subcommands = files.names.iter().filter_map(|name| name.strip_prefix(folder)?.strip_suffix(".rs"));
    subcommands
        .filter(|name| !name.contains('/') && *name != "mod" && *name != "tests")
        .filter(|name| !documents.contains(&format!("hal {name}")))
        .map(|name| format!("{folder}{name}.rs: no document mentions `hal {name}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_todo_needs_a_name() {
        assert!(todo_without_name("// TODO: later"));
        assert!(todo_without_name("// FIXME"));
        assert!(todo_without_name("// TODO(): nobody"));
        assert!(!todo_without_name("// TODO(sim): waits for the store"));
        assert!(!todo_without_name("let TODO_LIST = 1;"));
        assert!(!todo_without_name("TASK_TYPE todo"));
    }

    #[test]
    fn a_skill_that_nobody_embeds_is_dead() {
        let files = Files {
            texts: vec![(
                "crates/hal-dialog/src/skill.rs".into(),
                "include_str!(\"../../../skills/a.toml\")".into(),
            )],
            names: vec!["skills/a.toml".into(), "skills/b.toml".into()],
        };
        assert_eq!(unlisted_skills(&files), ["skills/b.toml: no file of hal-dialog embeds it"]);
    }
}
