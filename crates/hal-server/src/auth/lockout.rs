//! How long somebody must wait who presented wrong secrets. Pure: the time comes in.
//!
//! Counted for each address and for the beginning of each secret, so that neither one machine trying many secrets nor many
//! machines trying variants of one get far.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::limits::Network;

/// Wrong secrets that cost nothing: people mistype.
const FREE: u32 = 5;
/// The wait after the first one that is not free, doubled by each further one.
const WAIT_MS_FIRST: i64 = 1_000;
const WAIT_MS_MAX: i64 = 15 * 60 * 1_000;
/// After this time without a wrong secret all is forgotten.
const FORGET_MS: i64 = 60 * 60 * 1_000;
/// Who is remembered at once; beyond it those who need not wait any more are forgotten, then those who wait the shortest.
const ENTRIES_MAX: usize = 10_000;

/// Whom wrong secrets are counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// An IPv4 address, or the /64 of an IPv6 address: a household has that many to choose from.
    Address(String),
    /// The first characters of what was presented.
    Beginning(String),
}

impl Key {
    pub fn of_address(address: &str) -> Key {
        match address.parse::<IpAddr>() {
            Ok(address) => Key::Address(Network::of(address).to_string()),
            Err(_) => Key::Address(address.chars().take(64).collect()),
        }
    }

    /// Eight characters: of a token's 43, or more than half of a pairing code.
    pub fn of_secret(secret: &str) -> Key {
        Key::Beginning(secret.trim_start_matches("hal_").chars().take(8).collect())
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    wrong: u32,
    last_ms: i64,
    until_ms: i64,
}

/// Wrong secrets of late.
#[derive(Debug, Default)]
pub struct Lockout {
    entries: HashMap<Key, Entry>,
}

impl Lockout {
    /// How long the longest of them must wait still, in ms; 0 when they may try.
    pub fn wait_ms(&self, keys: &[Key], now_ms: i64) -> i64 {
        let waits = keys.iter().filter_map(|key| self.entries.get(key));
        waits.map(|entry| entry.until_ms - now_ms).max().unwrap_or(0).max(0)
    }

    /// A wrong secret; gives whether this one begins a wait.
    pub fn wrong(&mut self, keys: &[Key], now_ms: i64) -> bool {
        let mut waits = false;
        for key in keys {
            if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(key) {
                self.make_room(now_ms);
            }
            let entry = self.entries.entry(key.clone()).or_insert(Entry {
                wrong: 0,
                last_ms: now_ms,
                until_ms: now_ms,
            });
            if now_ms - entry.last_ms > FORGET_MS {
                entry.wrong = 0;
            }
            entry.wrong = entry.wrong.saturating_add(1);
            entry.last_ms = now_ms;
            if entry.wrong > FREE {
                let doubled = WAIT_MS_FIRST << (entry.wrong - FREE - 1).min(20);
                entry.until_ms = now_ms + doubled.min(WAIT_MS_MAX);
                waits = true;
            }
        }
        waits
    }

    /// A right secret: the wrong ones before it were mistakes.
    pub fn right(&mut self, keys: &[Key]) {
        for key in keys {
            self.entries.remove(key);
        }
    }

    fn make_room(&mut self, now_ms: i64) {
        self.entries.retain(|_, entry| entry.until_ms > now_ms);
        while self.entries.len() >= ENTRIES_MAX {
            let shortest = self.entries.iter().min_by_key(|(_, entry)| entry.until_ms);
            let Some(key) = shortest.map(|(key, _)| key.clone()) else { return };
            self.entries.remove(&key);
        }
    }
}
