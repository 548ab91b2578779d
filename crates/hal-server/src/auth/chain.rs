//! The audit log's entries and the chain of their hashes. Pure.
//!
//! Each hash is over the one before and all fields of the entry, so that an entry which is changed, left out or put between
//! breaks every link after it. Who may write the file could make the whole chain anew: note its head elsewhere now and then
//! (`hal audit verify` prints it, and checks that one of yours is in the chain).

use super::secret::Digest;

/// What is written down. No words of questions and answers, no ids of records, no secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `turn`, `sign_in`, `pair`, `user_add`, …
    pub what: String,
    /// Id of the user; empty where nobody is known.
    pub user: String,
    pub device: String,
    /// Where it came from.
    pub address: String,
    /// Action of the skill, as `medication_list`; of `user_add` the user that was added.
    pub about: String,
    /// Files that were read or written, and those that were refused.
    pub files: Vec<String>,
    /// `answered`, `denied`, `ok`, `expired`, …
    pub result: String,
}

/// An event in its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without gaps.
    pub number: u64,
    /// In ms since 1970.
    pub at_ms: i64,
    pub event: Event,
    pub hash: Digest,
}

/// The end of a chain: what the next entry follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub number: u64,
    pub hash: Digest,
}

impl Default for Head {
    /// The chain without entries.
    fn default() -> Head {
        Head { number: 0, hash: Digest::of("hal audit") }
    }
}

/// Text as it can be stored in a field: names come from people, and a mark in one would shift the fields behind it.
pub(super) fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

impl Event {
    /// As it is when it is read back.
    fn plain(mut self) -> Event {
        let Event { what, user, device, address, about, files, result } = &mut self;
        for text in [what, user, device, address, about, result].into_iter().chain(files) {
            *text = plain(text);
        }
        self
    }
}

impl Head {
    /// The entry that follows.
    pub fn next(&self, at_ms: i64, event: Event) -> Entry {
        let number = self.number + 1;
        let event = event.plain();
        let hash = hash(&self.hash, number, at_ms, &event);
        Entry { number, at_ms, event, hash }
    }
}

impl Entry {
    pub fn head(&self) -> Head {
        Head { number: self.number, hash: self.hash }
    }
}

fn hash(before: &Digest, number: u64, at_ms: i64, event: &Event) -> Digest {
    let mut bytes = before.to_hex().into_bytes();
    bytes.extend(number.to_be_bytes());
    bytes.extend(at_ms.to_be_bytes());
    let Event { what, user, device, address, about, files, result } = event;
    let texts = [what, user, device, address, about, result].into_iter().chain(files);
    bytes.extend((files.len() as u64).to_be_bytes());
    for text in texts {
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    Digest::of_bytes(&bytes)
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("entry {0} is missing")]
    Missing(u64),
    #[error("entry {0} is not what was written: it, or one before it, was changed")]
    Changed(u64),
    #[error("the entry with the head {0} is not in the chain: it was cut off or made anew")]
    NoHead(String),
    #[error(
        "the entry with the head {0} is not in the chain: it was among entries 1 to {1}, which were cut, or the chain was made \
         anew; an export of before shows which: `hal audit verify FILE --head {0}`"
    )]
    NoHeadAnyMore(String, u64),
    #[error("entries up to {0} are gone, and no entry says that they were cut")]
    NoCut(u64),
}

/// A beginning that was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// When, in ms since 1970.
    pub at_ms: i64,
    /// Number of the first entry that went.
    pub first: u64,
    /// The last entry that went: what stays follows it.
    pub head: Head,
}

impl Cut {
    /// What the entry is called that says so in the chain.
    pub const WHAT: &str = "audit_cut";

    /// How that entry names it.
    pub fn about(&self) -> String {
        format!("{}-{} {}", self.first, self.head.number, self.head.hash.to_hex())
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Entries that are there.
    pub entries: u64,
    pub head: Head,
    /// The last cut: what was there before is gone.
    pub cut: Option<Cut>,
    /// When what the known head ended was cut off, where it ended exactly there.
    pub known_cut_ms: Option<i64>,
}

/// Follows a chain, of which the beginning may have been cut off, from what stays to its end.
#[derive(Clone, Debug)]
pub struct Check<'a> {
    walk: Walk,
    cuts: Vec<Cut>,
    entries: u64,
    known: Option<&'a str>,
    found: bool,
    /// An entry that stays says of the last cut that it was made.
    vouched: bool,
}

impl<'a> Check<'a> {
    /// `known` is a head that was noted earlier, as 64 hexadecimal digits: it must be in the chain, or the end of a cut.
    pub fn new(cuts: Vec<Cut>, known: Option<&'a str>) -> Check<'a> {
        let last = cuts.last().map(|cut| cut.head).unwrap_or_default();
        let vouched = cuts.is_empty();
        Check { walk: Walk::from(last), cuts, entries: 0, known, found: known.is_none(), vouched }
    }

    /// The entry that is to come.
    pub fn next_number(&self) -> u64 {
        self.walk.head().number + 1
    }

    /// Takes the next entry.
    ///
    /// Errors: it does not follow the one before.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Broken> {
        self.walk.take(entry)?;
        self.entries += 1;
        self.found |= self.known.is_some_and(|known| entry.hash.to_hex() == known);
        let Event { what, about, .. } = &entry.event;
        self.vouched |= what == Cut::WHAT && self.cuts.last().is_some_and(|cut| cut.about() == *about);
        Ok(())
    }

    /// What there was.
    ///
    /// Errors: a cut that no entry tells of, a known head that is not there.
    pub fn done(self) -> Result<Verified, Broken> {
        let cut = self.cuts.last().copied();
        if let Some(cut) = cut.filter(|_| !self.vouched) {
            return Err(Broken::NoCut(cut.head.number));
        }
        let ended = |cut: &&Cut| self.known.is_some_and(|known| cut.head.hash.to_hex() == known);
        let known_cut_ms = self.cuts.iter().find(ended).map(|cut| cut.at_ms);
        match (self.known, cut) {
            (Some(known), _) if !self.found && known_cut_ms.is_none() => Err(match cut {
                Some(cut) => Broken::NoHeadAnyMore(known.to_owned(), cut.head.number),
                None => Broken::NoHead(known.to_owned()),
            }),
            _ => Ok(Verified { entries: self.entries, head: self.walk.head(), cut, known_cut_ms }),
        }
    }
}

/// Follows a chain from its beginning.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    head: Head,
}

impl Walk {
    /// From behind this entry on.
    pub fn from(head: Head) -> Walk {
        Walk { head }
    }

    /// Takes the next entry.
    ///
    /// Errors: it does not follow the one before.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Broken> {
        if entry.number != self.head.number + 1 {
            return Err(Broken::Missing(self.head.number + 1));
        }
        if !hash(&self.head.hash, entry.number, entry.at_ms, &entry.event).is(&entry.hash) {
            return Err(Broken::Changed(entry.number));
        }
        self.head = entry.head();
        Ok(())
    }

    /// The last entry that was taken.
    pub fn head(&self) -> Head {
        self.head
    }
}
