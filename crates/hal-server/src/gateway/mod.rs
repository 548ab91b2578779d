//! The Voice Gateway: WebSockets of every dialect on any path, the page, and the health check, on one port.

mod conn;
mod frames;
mod hearing;
pub(crate) mod limited;
mod link;
mod page;
mod proxies;
mod proxy_protocol;
mod routes;
mod security;
mod sign_in;
mod socket;
pub(crate) mod tls;

use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use self::link::{Link, QUESTIONS_WAITING_MAX, Remote};
pub(crate) use self::proxies::Proxies;
pub(crate) use self::routes::{serve, serve_beside};
use crate::clock::Clock;
use crate::config;
use crate::engines::Engines;
use crate::limits::Limits;
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
    pub limits: Arc<Limits>,
    /// Who is being turned away.
    pub door: limited::Door,
    /// TLS of the gateway's own; without it HAProxy has it, or nobody needs it.
    pub tls: Option<Arc<tls::Tls>>,
    /// Nobody needs to sign in, wherever they come from.
    pub is_open: bool,
}

impl Gateway {
    /// Whom to believe from now on about where requests come from.
    fn proxies(&self) -> Arc<Proxies> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner).proxies)
    }
}

/// Settings that are read again while the server runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    pub origins: Vec<String>,
    pub proxies: Arc<Proxies>,
}

impl Live {
    pub(crate) fn new(config: &config::Gateway) -> Live {
        Live {
            origins: config.origins.clone(),
            proxies: Arc::new(Proxies::new(config.proxies.clone(), config.proxy_certificates)),
        }
    }
}
