//! The audit log as lines of JSON, to be kept elsewhere, and their verification without the household they came from. Pure.
//!
//! The first line says what it is and what had been cut off before; each other line is one entry with all that its hash is
//! over. Lines are as short as an entry is; who reads a file limits them.

use serde::{Deserialize, Serialize};

use super::chain::{Broken, Check, Cut, Entry, Event, Head, Verified};
use super::secret::Digest;

/// The longest line of an export.
pub const LINE_BYTES_MAX: u64 = 64 << 10;
/// The form of these lines.
const FORM: u32 = 1;

#[derive(Serialize, Deserialize)]
struct First {
    hal_audit: u32,
    cuts: Vec<CutLine>,
}

#[derive(Serialize, Deserialize)]
struct CutLine {
    at_ms: i64,
    first: u64,
    last: u64,
    hash: String,
}

#[derive(Serialize, Deserialize)]
struct EntryLine {
    number: u64,
    at_ms: i64,
    what: String,
    user: String,
    device: String,
    address: String,
    about: String,
    files: Vec<String>,
    result: String,
    hash: String,
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structs of strings always serialise")
}

/// The first line.
pub fn first_line(cuts: &[Cut]) -> String {
    let cuts = cuts.iter().map(|cut| {
        let Cut { at_ms, first, head } = cut;
        CutLine { at_ms: *at_ms, first: *first, last: head.number, hash: head.hash.to_hex() }
    });
    line(&First { hal_audit: FORM, cuts: cuts.collect() })
}

/// The line of an entry.
pub fn entry_line(entry: &Entry) -> String {
    let Event { what, user, device, address, about, files, result } = entry.event.clone();
    let (number, at_ms, hash) = (entry.number, entry.at_ms, entry.hash.to_hex());
    line(&EntryLine { number, at_ms, what, user, device, address, about, files, result, hash })
}

/// Why an export is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("this is no export of an audit log: its first line says so otherwise")]
    NoExport,
    #[error("line {0} is no entry of an audit log")]
    NoEntry(usize),
    #[error("{0}")]
    Broken(#[from] Broken),
}

/// Follows the chain of an export line by line. `known` is a head that was noted earlier.
///
/// # Errors
/// What is wrong, and in which line or entry.
pub fn verify<'a>(lines: impl IntoIterator<Item = &'a str>, known: Option<&str>) -> Result<Verified, Unread> {
    let mut lines = lines.into_iter().enumerate().filter(|(_, text)| !text.trim().is_empty());
    let first = lines.next().and_then(|(_, text)| serde_json::from_str::<First>(text).ok());
    let first = first.filter(|first| first.hal_audit == FORM).ok_or(Unread::NoExport)?;
    let cuts = first.cuts.into_iter().map(|cut| {
        let hash = Digest::from_hex(&cut.hash)?;
        Some(Cut { at_ms: cut.at_ms, first: cut.first, head: Head { number: cut.last, hash } })
    });
    let cuts = cuts.collect::<Option<Vec<Cut>>>().ok_or(Unread::NoExport)?;
    let mut check = Check::new(cuts, known);
    for (index, text) in lines {
        let entry = serde_json::from_str::<EntryLine>(text).ok().and_then(|line| {
            let EntryLine { number, at_ms, what, user, device, address, about, files, result, hash } = line;
            let event = Event { what, user, device, address, about, files, result };
            Some(Entry { number, at_ms, event, hash: Digest::from_hex(&hash)? })
        });
        check.take(&entry.ok_or(Unread::NoEntry(index + 1))?)?;
    }
    Ok(check.done()?)
}
