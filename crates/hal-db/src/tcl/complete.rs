//! What a word that is begun may become: verbs, files, items of the file that the line names, keywords.

use super::verbs::VERBS;
use super::voc::kind;
use crate::Database;

/// Suggestions at most.
const SUGGESTIONS_MAX: usize = 200;
/// Words of the query language that are worth completing.
const KEYWORDS: &[&str] = &[
    "WITH",
    "WITHOUT",
    "WHEN",
    "EVERY",
    "BY",
    "BY.DSND",
    "BY.EXP",
    "BREAK.ON",
    "TOTAL",
    "AVERAGE",
    "HEADING",
    "FOOTING",
    "NO.PAGE",
    "DET.SUP",
    "ID.SUP",
    "COUNT.SUP",
    "HDR.SUP",
    "COL.SUP",
    "SAMPLE",
    "SAVING",
    "UNIQUE",
    "LIKE",
    "UNLIKE",
    "BETWEEN",
    "FROM",
    "DICT",
    "EVAL",
    "COL.HDG",
    "NO.CASE",
    "JSON",
];

/// Completes the last word of `before`, the line up to the cursor: where the word begins, and what it may become.
#[must_use]
pub fn complete(db: &Database, before: &str) -> (usize, Vec<String>) {
    let divides = |c: char| c.is_whitespace() || ",(\"'".contains(c);
    let start = before.char_indices().rfind(|(_, c)| divides(*c)).map_or(0, |(at, c)| at + c.len_utf8());
    let word = before[start..].to_uppercase();
    let mut found = Vec::new();
    let mut offer = |name: &str| {
        if found.len() < SUGGESTIONS_MAX && name.to_uppercase().starts_with(&word) {
            found.push(name.to_owned());
        }
    };
    let words: Vec<&str> = before[..start].split_whitespace().collect();
    // Nothing to suggest is no failure: the person types on.
    let Ok(snapshot) = db.snapshot() else { return (start, found) };
    if words.is_empty() {
        VERBS.iter().filter(|verb| !verb.about.is_empty()).for_each(|verb| offer(verb.name));
        let commands = snapshot.scan("VOC", &mut |id, record| {
            let record = crate::Record::from_bytes(record);
            if matches!(kind(&record).as_str(), "PA" | "S") {
                offer(id);
            }
            std::ops::ControlFlow::Continue(())
        });
        commands.ok();
    } else {
        let file = words[1..]
            .iter()
            .find(|word| !word.eq_ignore_ascii_case("DICT") && !word.eq_ignore_ascii_case("FROM"));
        match file.and_then(|file| snapshot.dictionary(file).ok()) {
            Some(dictionary) => {
                dictionary
                    .iter()
                    .filter(|(name, _)| !name.starts_with(['@', '$']))
                    .for_each(|(name, _)| offer(name));
                KEYWORDS.iter().for_each(|name| offer(name));
            }
            None => snapshot.files().unwrap_or_default().iter().for_each(|name| offer(name)),
        }
    }
    found.sort();
    found.dedup();
    (start, found)
}
