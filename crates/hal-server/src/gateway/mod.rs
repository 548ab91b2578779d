//! The Voice Gateway: WebSockets of every dialect on any path, the page, and the health check, on one port.

mod admin;
pub(crate) mod board;
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
pub(crate) mod trace;
mod visits;

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::HeaderMap;

use self::board::Board;
pub(crate) use self::link::{Link, QUESTIONS_WAITING_MAX, Remote};
pub(crate) use self::proxies::Proxies;
pub(crate) use self::routes::{serve, serve_beside};
use crate::clock::Clock;
use crate::config;
use crate::engines::Engines;
use crate::limits::Limits;
use crate::metrics::{self, Metrics, traces};

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
    /// Sessions and turns, for the owner's eyes.
    pub board: Arc<Board>,
    /// Where the spans of turns go, if anywhere.
    pub traces: Option<traces::Queue>,
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

    /// Whether the page that a request comes from may connect and sign in here.
    fn origin_allowed(&self, headers: &HeaderMap) -> bool {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        routes::origin_allowed(headers, &live.origins)
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

impl Gateway {
    /// Everything that is told of a turn is told here: its numbers, its spans, its place on the board.
    fn turn_over(&self, turn: trace::Turn) {
        let metrics = &self.metrics;
        for span in turn.spans.iter().filter(|span| span.is_whole) {
            match span.stage {
                trace::Stage::Hear => metrics.took(metrics::Stage::Hear, span.took_ms),
                trace::Stage::Answer => metrics.took(metrics::Stage::Answer, span.took_ms),
                trace::Stage::Speak => metrics.took(metrics::Stage::Speak, span.took_ms),
                trace::Stage::Say | trace::Stage::Wait => {}
            }
        }
        if let trace::End::Answered { outcome, .. } = &turn.end {
            metrics.answered(*outcome);
            if !turn.spans.is_empty() {
                metrics.took(metrics::Stage::Total, turn.waited_ms);
            }
        }
        if let Some(traces) = &self.traces {
            traces.put(&turn);
        }
        self.board.keep(turn, self.clock.now_ms());
    }
}
