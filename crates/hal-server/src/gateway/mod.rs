//! The Voice Gateway: WebSockets of every dialect on any path, the page, and the health check, on one port.

mod conn;
mod hearing;
mod link;
mod page;
mod routes;
pub(crate) mod tls;

use std::sync::{Arc, RwLock};

pub(crate) use self::link::{Link, Remote};
pub(crate) use self::routes::{http, serve};
use crate::clock::Clock;
use crate::config;
use crate::engines::Engines;
use crate::metrics::Metrics;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub clock: Clock,
    pub engines: Arc<Engines>,
    pub link: Arc<Link>,
    pub config: config::Gateway,
    /// What a reload may change. `config` is as it was at the start.
    pub live: RwLock<Live>,
    pub metrics: Arc<Metrics>,
    /// TLS of the gateway's own; without it HAProxy has it, or nobody needs it.
    pub tls: Option<Arc<tls::Tls>>,
}

/// Settings that are read again while the server runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    pub origins: Vec<String>,
}

impl Gateway {
    /// A random UUID, version 4. Clients cut it to its first eight characters.
    fn new_session_id(&self) -> String {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).expect("the system has a source of randomness");
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let number = u128::from_be_bytes(bytes);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            number >> 96,
            number >> 80 & 0xffff,
            number >> 64 & 0xffff,
            number >> 48 & 0xffff,
            number & 0xffff_ffff_ffff
        )
    }
}
