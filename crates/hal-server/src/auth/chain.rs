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

impl Head {
    /// The entry that follows.
    pub fn next(&self, at_ms: i64, event: Event) -> Entry {
        let number = self.number + 1;
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
}

/// Follows a chain from its beginning.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    head: Head,
}

impl Walk {
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
