//! What one user, device or address may take of a gateway: connections, requests, turns, messages, bytes, sound.
//!
//! A core without sockets and without a clock: the time comes in, decisions go out. What it counts is kept in a table of
//! bounded size, for this gateway alone. Whoever is refused is told when to come back, and nothing of what was
//! refused is counted: a device that floods does not use up what its user has elsewhere.

mod bucket;
mod gate;
mod network;
mod refusals;
mod table;
mod waiting;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use hal_dialog::session::Millis;

use self::bucket::Rate;
pub(crate) use self::gate::{Gate, Pass};
pub(crate) use self::network::Network;
pub(crate) use self::refusals::{Refusals, Verdict};
use self::table::{Key, Shared, Table, lock};
pub(crate) use self::waiting::Waiting;
use crate::config;

const MINUTE_MS: Millis = 60_000;
const HOUR_MS: Millis = 60 * MINUTE_MS;
/// A place becomes free when somebody leaves, which nobody can foretell.
const PLACE_WAIT_MS: Millis = 10_000;
/// What of a message that has begun is free: most messages are smaller, and connections are limited.
const UNFINISHED_FREE_BYTES: u64 = 16 << 10;
/// One key may have this part of the room for messages that have begun.
const UNFINISHED_SHARE: u64 = 4;
/// Addresses that are remembered beside those with connections.
const STRANGERS_MAX: usize = 10_000;

/// Whom a limit was reached for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Device,
    Address,
    /// One connection, or this gateway as a whole.
    Gateway,
}

/// Everything that is limited here. The first ones are rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Requests,
    Turns,
    Messages,
    Bytes,
    Sound,
    SoundHour,
    Connections,
    /// Connections that have not sent a whole request yet.
    Waiting,
    TextSize,
    SlowMessage,
    Unfinished,
    Silent,
    /// Who keeps on after refusals.
    Refusals,
    SignIns,
    Questions,
}

impl Limit {
    const RATES: usize = Limit::SoundHour as usize + 1;

    pub(crate) const ALL: [Limit; 15] = [
        Limit::Requests,
        Limit::Turns,
        Limit::Messages,
        Limit::Bytes,
        Limit::Sound,
        Limit::SoundHour,
        Limit::Connections,
        Limit::Waiting,
        Limit::TextSize,
        Limit::SlowMessage,
        Limit::Unfinished,
        Limit::Silent,
        Limit::Refusals,
        Limit::SignIns,
        Limit::Questions,
    ];

    /// As a label of metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Limit::Requests => "requests",
            Limit::Turns => "turns",
            Limit::Messages => "messages",
            Limit::Bytes => "bytes",
            Limit::Sound => "sound",
            Limit::SoundHour => "sound_hour",
            Limit::Connections => "connections",
            Limit::Waiting => "waiting",
            Limit::TextSize => "text_size",
            Limit::SlowMessage => "slow_message",
            Limit::Unfinished => "unfinished",
            Limit::Silent => "silent",
            Limit::Refusals => "refusals",
            Limit::SignIns => "sign_ins",
            Limit::Questions => "questions",
        }
    }

    fn rate(self, of: Kind, settings: &config::Limits) -> Rate {
        let [user, device, address] = match self {
            Limit::Requests => [0, 0, settings.address_requests_per_minute],
            Limit::Turns => [
                settings.user_turns_per_minute,
                settings.device_turns_per_minute,
                settings.address_turns_per_minute,
            ],
            Limit::Messages => [
                settings.user_messages_per_minute,
                settings.device_messages_per_minute,
                settings.address_messages_per_minute,
            ],
            Limit::Bytes => [
                settings.user_megabytes_per_minute << 20,
                settings.device_megabytes_per_minute << 20,
                settings.address_megabytes_per_minute << 20,
            ],
            Limit::Sound => [
                settings.user_sound_seconds_per_minute * 1000,
                settings.device_sound_seconds_per_minute * 1000,
                settings.address_sound_seconds_per_minute * 1000,
            ],
            Limit::SoundHour => [
                settings.user_sound_seconds_per_hour * 1000,
                settings.device_sound_seconds_per_hour * 1000,
                settings.address_sound_seconds_per_hour * 1000,
            ],
            _ => [0, 0, 0],
        };
        let limit = match of {
            Kind::User => user,
            Kind::Device => device,
            Kind::Address => address,
            Kind::Gateway => 0,
        };
        Rate { limit, window_ms: if self == Limit::SoundHour { HOUR_MS } else { MINUTE_MS } }
    }
}

/// Not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub limit: Limit,
    pub of: Kind,
    pub retry_after_ms: Millis,
}

impl Refused {
    /// In whole seconds, for a header and for people.
    pub(crate) fn retry_after_s(&self) -> u64 {
        self.retry_after_ms.div_ceil(1000).max(1)
    }
}

/// For the insides of the program: people are told a sentence.
impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {:?}, for {} ms", self.limit.name(), self.of, self.retry_after_ms)
    }
}

impl std::error::Error for Refused {}

/// Who a connection is counted for. What is `None` is not: programs of the server's own machine have none of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Who {
    pub user: Option<String>,
    pub device: Option<String>,
    pub address: Option<Network>,
}

/// The limits of one gateway, and what was taken of them.
#[derive(Debug)]
pub(crate) struct Limits {
    settings: RwLock<Arc<config::Limits>>,
    table: Mutex<Table>,
    /// Bytes of messages that have begun and are not whole, of all connections.
    unfinished: AtomicU64,
}

impl Limits {
    /// `connections_max`: so many connections can hold an entry each for user, device and address.
    pub(crate) fn new(settings: config::Limits, connections_max: usize) -> Arc<Limits> {
        let entries_max = connections_max.saturating_mul(3).saturating_add(STRANGERS_MAX);
        Arc::new(Limits {
            settings: RwLock::new(Arc::new(settings)),
            table: Mutex::new(Table::new(entries_max)),
            unfinished: AtomicU64::new(0),
        })
    }

    pub(crate) fn settings(&self) -> Arc<config::Limits> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Other limits from now on; what was taken stays taken.
    pub(crate) fn set(&self, settings: config::Limits) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An HTTP request from there.
    pub(crate) fn request(&self, from: Network, now_ms: Millis) -> Result<(), Refused> {
        let rate = Limit::Requests.rate(Kind::Address, &self.settings());
        if rate.limit == 0 {
            return Ok(());
        }
        let counts = self.table().of(Key::Address(from), now_ms);
        let mut counts = lock(&counts);
        match counts.wait_ms(Limit::Requests, rate, 1, now_ms) {
            0 => {
                counts.take(Limit::Requests, rate, 1, now_ms);
                Ok(())
            }
            retry_after_ms => Err(Refused { limit: Limit::Requests, of: Kind::Address, retry_after_ms }),
        }
    }

    /// A connection, for as long as the admission lives.
    pub(crate) fn admit(self: &Arc<Self>, who: Who, now_ms: Millis) -> Result<Admission, Refused> {
        let keys = [
            who.user.map(|user| Key::User(user.into())),
            who.device.map(|device| Key::Device(device.into())),
            who.address.map(Key::Address),
        ];
        let places: Vec<Place> = {
            let mut table = self.table();
            let places = keys.into_iter().flatten();
            places.map(|key| Place { of: key.kind(), counts: table.of(key, now_ms) }).collect()
        };
        let settings = self.settings();
        let mut taken = places.iter().map(|place| (place.of, lock(&place.counts))).collect::<Vec<_>>();
        for (of, counts) in &taken {
            let most = match of {
                Kind::User => settings.user_connections,
                Kind::Device => settings.device_connections,
                Kind::Address => settings.address_connections,
                Kind::Gateway => 0,
            };
            if most > 0 && counts.connections >= most {
                return Err(Refused { limit: Limit::Connections, of: *of, retry_after_ms: PLACE_WAIT_MS });
            }
        }
        taken.iter_mut().for_each(|(_, counts)| counts.connections += 1);
        drop(taken);
        Ok(Admission { limits: Arc::clone(self), places })
    }
}

#[derive(Debug)]
struct Place {
    of: Kind,
    counts: Shared,
}

/// A connection that was let in, and what it may take.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: Arc<Limits>,
    /// Always in the order user, device, address: locks are taken in it.
    places: Vec<Place>,
}

impl Admission {
    /// Whether nothing is counted: a program of the server's own machine.
    pub(crate) fn is_free(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn settings(&self) -> Arc<config::Limits> {
        self.limits.settings()
    }

    /// A message of so many bytes. Those of a long one were counted when it was announced.
    pub(crate) fn message(&self, bytes: usize, now_ms: Millis) -> Result<(), Refused> {
        if bytes as u64 <= UNFINISHED_FREE_BYTES {
            return self.take(&[(Limit::Messages, 1), (Limit::Bytes, bytes as u64)], now_ms);
        }
        if let Some((of, retry_after_ms)) = self.bytes_debt(now_ms) {
            return Err(Refused { limit: Limit::Bytes, of, retry_after_ms });
        }
        self.take(&[(Limit::Messages, 1)], now_ms)
    }

    /// Who has sent more than they may, if anybody, and for how long it stays so.
    fn bytes_debt(&self, now_ms: Millis) -> Option<(Kind, Millis)> {
        let settings = self.settings();
        let debts = self.places.iter().map(|place| {
            let rate = Limit::Bytes.rate(place.of, &settings);
            (place.of, lock(&place.counts).debt_ms(Limit::Bytes, rate, now_ms))
        });
        debts.max_by_key(|(_, debt_ms)| *debt_ms).filter(|(_, debt_ms)| *debt_ms > 0)
    }

    /// A question.
    pub(crate) fn turn(&self, now_ms: Millis) -> Result<(), Refused> {
        self.take(&[(Limit::Turns, 1)], now_ms)
    }

    /// Sound of this length.
    pub(crate) fn sound(&self, sound_ms: u64, now_ms: Millis) -> Result<(), Refused> {
        self.take(&[(Limit::Sound, sound_ms), (Limit::SoundHour, sound_ms)], now_ms)
    }

    /// All of it for all of them, or nothing.
    fn take(&self, costs: &[(Limit, u64)], now_ms: Millis) -> Result<(), Refused> {
        if self.places.is_empty() {
            return Ok(());
        }
        let settings = self.settings();
        let mut taken = self.places.iter().map(|place| (place.of, lock(&place.counts))).collect::<Vec<_>>();
        let mut refused: Option<Refused> = None;
        for (of, counts) in &taken {
            for &(limit, cost) in costs {
                let retry_after_ms = counts.wait_ms(limit, limit.rate(*of, &settings), cost, now_ms);
                if retry_after_ms > refused.map_or(0, |refused| refused.retry_after_ms) {
                    refused = Some(Refused { limit, of: *of, retry_after_ms });
                }
            }
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        for (of, counts) in &mut taken {
            for &(limit, cost) in costs {
                counts.take(limit, limit.rate(*of, &settings), cost, now_ms);
            }
        }
        Ok(())
    }

    /// Room for a message that has begun and will have `total` bytes, of which room for `held` is held already.
    /// Returns what is held now.
    ///
    /// Its bytes are counted here, as it may never be whole. Whoever has sent a little too much hears of it when the message is
    /// whole, and goes on; only who owes a whole minute is refused in the middle.
    pub(crate) fn hold(&self, held: u64, total: u64, now_ms: Millis) -> Result<u64, Refused> {
        let wanted = total.saturating_sub(UNFINISHED_FREE_BYTES);
        let Some(more) = wanted.checked_sub(held).filter(|more| *more > 0) else { return Ok(held) };
        if let Some((of, retry_after_ms)) =
            self.bytes_debt(now_ms).filter(|(_, debt_ms)| *debt_ms >= MINUTE_MS)
        {
            return Err(Refused { limit: Limit::Bytes, of, retry_after_ms });
        }
        let settings = self.settings();
        let most = settings.unfinished_megabytes << 20;
        let refused = |of| Err(Refused { limit: Limit::Unfinished, of, retry_after_ms: 5_000 });
        let mut taken = self.places.iter().map(|place| (place.of, lock(&place.counts))).collect::<Vec<_>>();
        for (of, counts) in &taken {
            // Somebody's only message is taken, however small the room.
            if counts.unfinished > 0 && counts.unfinished + more > most / UNFINISHED_SHARE {
                return refused(*of);
            }
        }
        let before = self.limits.unfinished.fetch_add(more, Ordering::Relaxed);
        if before > 0 && before + more > most {
            self.limits.unfinished.fetch_sub(more, Ordering::Relaxed);
            return refused(Kind::Gateway);
        }
        for (of, counts) in &mut taken {
            counts.unfinished += more;
            counts.take(Limit::Bytes, Limit::Bytes.rate(*of, &settings), more, now_ms);
        }
        Ok(wanted)
    }

    /// The message is whole, or will never be.
    pub(crate) fn release(&self, held: u64) {
        if held == 0 {
            return;
        }
        self.limits.unfinished.fetch_sub(held, Ordering::Relaxed);
        for place in &self.places {
            let mut counts = lock(&place.counts);
            counts.unfinished = counts.unfinished.saturating_sub(held);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        for place in &self.places {
            let mut counts = lock(&place.counts);
            counts.connections = counts.connections.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
