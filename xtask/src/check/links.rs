//! Links inside the repository's documents lead somewhere: to a file that exists, to a heading that exists.

use crate::check::tidy::Files;

pub(crate) fn check(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, text) in files.with_ending(".md") {
        for (number, target) in links(text) {
            if let Err(problem) = follow(files, name, &target) {
                complaints.push(format!("{name}:{number}: link `{target}`: {problem}"));
            }
        }
    }
    for (name, text) in files.with_ending(".rs").chain(files.with_ending(".toml")) {
        // Tests of this check invent documents.
        let documents = if name.starts_with("xtask/src/check/") { Vec::new() } else { mentioned(text) };
        let absent = documents.into_iter().filter(|document| !files.names.contains(document));
        complaints.extend(absent.map(|document| format!("{name}: mentions {document}, which is not there")));
    }
    complaints
}

/// Every `docs/NAME.md` that a source file sends its reader to.
fn mentioned(text: &str) -> Vec<String> {
    let ends =
        text.match_indices("docs/").filter_map(|(at, _)| Some(&text[at..at + text[at..].find(".md")? + 3]));
    ends.filter(|path| path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)))
        .map(str::to_owned)
        .collect()
}

/// The targets of `[text](target)` with their line numbers, outside of code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            found.push((number, rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    found
}

/// The lines of a document without fenced blocks and `code`, numbered from 1.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let outside: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
            lines.push((index + 1, outside));
        }
    }
    lines
}

fn follow(files: &Files, from: &str, target: &str) -> Result<(), String> {
    // The world outside cannot be checked from here.
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() { from.to_owned() } else { resolve(from, path) };
    let is_folder =
        files.names.iter().any(|name| name.starts_with(&format!("{}/", file.trim_end_matches('/'))));
    if !is_folder && !files.names.contains(&file) {
        return Err("there is no such file".into());
    }
    if heading.is_empty() {
        return Ok(());
    }
    let text = files.texts.iter().find(|(name, _)| *name == file).map(|(_, text)| text.as_str());
    let has_it = prose_headings(text.unwrap_or_default()).iter().any(|anchor| anchor == heading);
    if has_it { Ok(()) } else { Err(format!("{file} has no heading `#{heading}`")) }
}

fn resolve(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchors that the common renderers make of headings: lower case, spaces to hyphens, punctuation dropped.
fn prose_headings(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced && line.starts_with('#') {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            anchors.push(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(document: &str) -> Vec<String> {
        let texts = vec![
            ("README.md".to_owned(), document.to_owned()),
            ("docs/protocol.md".to_owned(), "# Protocol\n## Close codes\n".to_owned()),
        ];
        check(&Files { names: texts.iter().map(|(name, _)| name.clone()).collect(), texts })
    }

    #[test]
    fn a_link_leads_to_a_file_and_its_heading() {
        assert!(complaints("[p](docs/protocol.md) [c](docs/protocol.md#close-codes) [f](docs/)").is_empty());
        assert_eq!(complaints("[p](docs/absent.md)").len(), 1);
        assert_eq!(complaints("[p](docs/protocol.md#absent)").len(), 1);
    }

    #[test]
    fn source_may_only_send_readers_to_documents_that_exist() {
        assert_eq!(mentioned("//! See docs/skills.md, or docs/ and README.md."), ["docs/skills.md"]);
    }

    #[test]
    fn code_and_the_outside_world_are_left_alone() {
        assert!(
            complaints("```\n[p](absent.md)\n```\n`[q](absent.md)` [w](https://example.com/x)").is_empty()
        );
    }
}
