//! What a folder holds: the files that its VOC names, or, without a VOC, the hashed files that lie in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::account::Skip;
use super::load::{Subfiles, Whole, load_hashed};
use crate::dynarray::{VM, field};
use crate::error::{Error, Result};
use crate::hashed::{Encoding, id_to_text};

/// Folders looked at, and VOC records read, at most.
const ENTRIES_MAX: usize = 100_000;

/// A file to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub name: String,
    pub data: Option<PathBuf>,
    pub dict: Option<PathBuf>,
}

/// All that a folder offers.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub sources: Vec<Source>,
    /// VOC records to take over: id and record.
    pub voc: Vec<(String, Vec<u8>)>,
    /// VOC records that are left, by type: verbs, keywords …
    pub voc_left: BTreeMap<String, usize>,
    pub skipped: Vec<Skip>,
    /// Files outside of the account.
    pub outside: Vec<Skip>,
}

/// Files of the system itself, which every account names.
const SYSTEM: [&str; 9] =
    ["VOC", "NEWVOC", "SYSCOM", "QM.VOCLIB", "VOC.LIB", "DICT.DICT", "DICTIONARY", "ERRMSG", "QM.USERS"];

/// Looks at `root`: an account, a folder of hashed files, or one hashed file.
pub(super) fn survey(root: &Path, encoding: Encoding) -> Result<Survey> {
    if !root.is_dir() {
        return Err(Error::Refused(format!(
            "{} is not a folder\n\nhint: name the account's folder, the one that holds VOC",
            root.display()
        )));
    }
    if Subfiles::of(root).is_some() {
        return Ok(one_file(root));
    }
    let voc = ["VOC", "voc"].iter().map(|name| root.join(name)).find(|dir| Subfiles::of(dir).is_some());
    match voc {
        Some(voc) => by_voc(root, &voc, encoding),
        None => by_folders(root),
    }
}

fn one_file(dir: &Path) -> Survey {
    let mut survey = Survey::default();
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let dict = dir.with_file_name(format!("{name}.DIC"));
    survey.sources.push(Source {
        name: name.to_uppercase(),
        data: Some(dir.to_owned()),
        dict: dict.is_dir().then_some(dict),
    });
    survey
}

/// Without a VOC: each folder with subfiles, `X.DIC` being the dictionary of `X`.
fn by_folders(root: &Path) -> Result<Survey> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(root).map_err(|error| unreadable(root, &error))? {
        let entry = entry.map_err(|error| unreadable(root, &error))?;
        if names.len() >= ENTRIES_MAX {
            return Err(too_many("folders in the account"));
        }
        if entry.path().is_dir() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    let mut survey = Survey::default();
    for name in &names {
        let dir = root.join(name);
        let dictionary_of = name.strip_suffix(".DIC").filter(|file| names.contains(*file));
        if dictionary_of.is_some() {
            continue;
        }
        let dict = root.join(format!("{name}.DIC"));
        let dict = dict.is_dir().then_some(dict);
        if Subfiles::of(&dir).is_none() && dict.is_none() {
            survey.skip(name, "no hashed file, and no VOC says what else it is");
            continue;
        }
        let (name, data, dict) = match name.strip_suffix(".DIC") {
            Some(file) => (file, None, Some(dir)),
            None => (name.as_str(), Some(dir), dict),
        };
        survey.sources.push(Source { name: name.to_uppercase(), data, dict });
    }
    if survey.sources.is_empty() {
        return Err(Error::Refused(format!(
            "{} holds neither a VOC nor a hashed file\n\nhint: name the account's folder, the one that holds VOC",
            root.display()
        )));
    }
    Ok(survey)
}

fn by_voc(root: &Path, voc: &Path, encoding: Encoding) -> Result<Survey> {
    let loaded = load_hashed(voc, encoding, &mut Whole)
        .map_err(|reason| Error::Refused(format!("the VOC in {} cannot be read: {reason}", voc.display())))?;
    let mut survey = Survey::default();
    for (what, reason) in loaded.skipped {
        survey.skip(&format!("VOC: {what}"), &reason);
    }
    if loaded.records.len() > ENTRIES_MAX {
        return Err(too_many("VOC records"));
    }
    let mut by_path: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut records = loaded.records;
    records.sort();
    // An account may give a file several names; the one like the folder comes first.
    records.sort_by_key(|(id, record)| {
        let path = String::from_utf8_lossy(field(record, 2)).into_owned();
        path.rsplit(['/', '\\']).next().is_none_or(|last| !last.eq_ignore_ascii_case(id))
    });
    for (id, record) in records {
        let kind = kind_of(&record);
        match kind.as_str() {
            "F" if SYSTEM.contains(&id.as_str()) => {
                *survey.voc_left.entry("F of the system".to_owned()).or_default() += 1;
            }
            "F" => survey.file_entry(root, &id, &record, &mut by_path),
            "Q" | "S" | "PA" | "PH" | "X" | "M" | "D" | "R" | "I" | "A" | "C" => {
                survey.voc.push((id, record));
            }
            // Verbs and keywords belong to the engine they come with.
            other => {
                let other = if other.is_empty() { "without type" } else { other };
                *survey.voc_left.entry(other.to_owned()).or_default() += 1;
            }
        }
    }
    survey.sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(survey)
}

/// The type letters that field 1 of a VOC record begins with.
fn kind_of(record: &[u8]) -> String {
    let first = field(record, 1);
    let letters = first.iter().take_while(|b| b.is_ascii_alphabetic());
    letters.map(|b| char::from(b.to_ascii_uppercase())).collect()
}

impl Survey {
    pub(super) fn skip(&mut self, what: &str, reason: &str) {
        self.skipped.push(Skip { what: what.to_owned(), reason: reason.to_owned() });
    }

    fn no_place(&mut self, name: &str, what: &str, place: &NoPlace) {
        match place {
            NoPlace::Outside(path) => {
                let reason =
                    format!("{what} is outside of the account ({path}): import that folder by itself");
                self.outside.push(Skip { what: name.to_owned(), reason });
            }
            NoPlace::Missing(path) => self.skip(name, &format!("{what} is not there ({path})")),
        }
    }

    /// An F record: one source for each part of the file.
    fn file_entry(&mut self, root: &Path, id: &str, record: &[u8], by_path: &mut BTreeMap<PathBuf, String>) {
        let dict = match text_path(field(record, 3)).map(|path| inside(root, &path)) {
            None => None,
            Some(Ok(path)) => Some(path),
            Some(Err(place)) => return self.no_place(id, "its dictionary", &place),
        };
        let paths: Vec<&[u8]> = field(record, 2).split(|&b| b == VM).collect();
        let parts: Vec<&[u8]> = field(record, 4).split(|&b| b == VM).collect();
        let several = paths.len() > 1;
        for (at, path) in paths.iter().enumerate() {
            let part =
                parts.get(at).map(|part| String::from_utf8_lossy(part)).filter(|part| !part.is_empty());
            let name = match part {
                Some(part) if several => format!("{id}.{part}"),
                None if several => format!("{id}.{}", at + 1),
                _ => id.to_owned(),
            };
            let data = match text_path(path).map(|path| inside(root, &path)) {
                None => None,
                Some(Ok(path)) => Some(path),
                Some(Err(place)) => {
                    self.no_place(&name, "its data", &place);
                    continue;
                }
            };
            if data.is_none() && dict.is_none() {
                self.skip(&name, "its VOC record names neither data nor dictionary");
                continue;
            }
            if let Some(path) = &data
                && let Some(first) = by_path.get(path)
            {
                let pointer = [b"Q\xFE\xFE".as_slice(), first.as_bytes()].concat();
                self.voc.push((name, pointer));
                continue;
            }
            let name = name.to_uppercase();
            if self.sources.iter().any(|source| source.name == name) {
                self.skip(&name, "another file has this name in other letters");
                continue;
            }
            by_path.extend(data.clone().map(|path| (path, name.clone())));
            self.sources.push(Source { name, data, dict: dict.clone() });
        }
    }
}

fn text_path(path: &[u8]) -> Option<String> {
    let (text, _) = id_to_text(path);
    (!text.trim().is_empty()).then(|| text.trim().replace('\\', "/"))
}

/// Why a VOC record leads to no folder: the path that it gives.
enum NoPlace {
    Outside(String),
    Missing(String),
}

/// The folder that a VOC record means. Only folders of the account itself are followed.
fn inside(root: &Path, path: &str) -> std::result::Result<PathBuf, NoPlace> {
    let windows_drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with(['/', '@']) || windows_drive || path.split('/').any(|part| part == "..") {
        return Err(NoPlace::Outside(path.to_owned()));
    }
    let mut found = root.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let exact = found.join(part);
        // An account from Windows may spell a name otherwise than the folder does.
        found = if exact.exists() { exact } else { in_other_letters(&found, part).unwrap_or(exact) };
    }
    if found.is_dir() { Ok(found) } else { Err(NoPlace::Missing(path.to_owned())) }
}

fn in_other_letters(dir: &Path, name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?;
    entries
        .take(ENTRIES_MAX)
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().eq_ignore_ascii_case(name))
        .map(|entry| entry.path())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::Refused(format!("{} cannot be read: {error}", path.display()))
}

fn too_many(what: &str) -> Error {
    Error::TooLarge {
        what: format!("the number of {what}"),
        limit: ENTRIES_MAX as u64,
        hint: "import its files one by one",
    }
}
