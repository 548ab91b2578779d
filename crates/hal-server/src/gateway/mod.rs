//! The Voice Gateway: WebSockets of every dialect on any path, the page, and the health check, on one port.

mod admin;
pub(crate) mod board;
mod conn;
mod hearing;
mod link;
mod page;
mod routes;
mod sign_in;
pub(crate) mod tls;
pub(crate) mod trace;
mod visits;

use std::sync::{Arc, RwLock};

use self::board::Board;
pub(crate) use self::link::{Link, Remote};
pub(crate) use self::routes::{serve, serve_beside};
use crate::clock::Clock;
use crate::config;
use crate::engines::Engines;
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
    /// TLS of the gateway's own; without it HAProxy has it, or nobody needs it.
    pub tls: Option<Arc<tls::Tls>>,
    /// Nobody needs to sign in, wherever they come from.
    pub is_open: bool,
}

/// Settings that are read again while the server runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    pub origins: Vec<String>,
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
