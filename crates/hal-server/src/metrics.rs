//! Numbers about the server's work, for Prometheus and OpenTelemetry: how many, how long. Never words, never who.
//!
//! Counters are atomics that are raised where things happen; the text is made when somebody asks. A library would
//! bring registries and label maps, for what is a dozen numbers known at compile time.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use hal_dialog::session::Millis;
use hal_wire::{Code, Outcome};

use crate::limits::Limit;

pub(crate) mod otlp;
pub(crate) mod serve;
pub(crate) mod traces;

/// Upper ends of the buckets in milliseconds, where decisions are: a frame (20 ms), not felt (100), felt (300), waited for
/// (1 s), too long (3 s), a recogniser in trouble (10 s).
pub(crate) const BUCKETS_MS: [u64; 7] = [5, 20, 100, 300, 1_000, 3_000, 10_000];

/// A part of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// From the end of speech to its words.
    Hear,
    /// From the words to the answer's text.
    Answer,
    /// From the text to its sound.
    Speak,
    /// From the end of the question to the response on its way.
    Total,
}

impl Stage {
    pub(crate) const ALL: [Stage; 4] = [Stage::Hear, Stage::Answer, Stage::Speak, Stage::Total];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Stage::Hear => "hear",
            Stage::Answer => "answer",
            Stage::Speak => "speak",
            Stage::Total => "total",
        }
    }
}

/// A histogram: how many fell into each bucket, and their sum.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// Not yet added up; the last is for everything longer.
    counts: [AtomicU64; BUCKETS_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Histogram {
    fn observe(&self, took_ms: Millis) {
        let index = BUCKETS_MS.iter().position(|&end| took_ms <= end).unwrap_or(BUCKETS_MS.len());
        self.counts[index].fetch_add(1, Relaxed);
        self.sum_ms.fetch_add(took_ms, Relaxed);
    }

    /// Counts of each bucket alone, and the sum in milliseconds.
    fn read(&self) -> ([u64; BUCKETS_MS.len() + 1], u64) {
        (std::array::from_fn(|index| self.counts[index].load(Relaxed)), self.sum_ms.load(Relaxed))
    }
}

/// All numbers of one server.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub connections_open: AtomicI64,
    pub connections: AtomicU64,
    /// Turned away at once, as there was no place.
    pub connections_refused: AtomicU64,
    pub handshakes_failed: AtomicU64,
    pub sound_bytes: AtomicU64,
    outcomes: [AtomicU64; OUTCOMES.len()],
    errors: [AtomicU64; Code::ALL.len()],
    limited: [AtomicU64; Limit::ALL.len()],
    stages: [Histogram; Stage::ALL.len()],
}

const OUTCOMES: [(Outcome, &str); 6] = [
    (Outcome::Answered, "answered"),
    (Outcome::Asked, "asked"),
    (Outcome::NothingFound, "nothing_found"),
    (Outcome::NotUnderstood, "not_understood"),
    (Outcome::Denied, "denied"),
    (Outcome::Failed, "failed"),
];

impl Metrics {
    /// A stage of a turn is over.
    pub(crate) fn took(&self, stage: Stage, took_ms: Millis) {
        self.stages[stage as usize].observe(took_ms);
    }

    /// A turn has its answer.
    pub(crate) fn answered(&self, outcome: Outcome) {
        if let Some(index) = OUTCOMES.iter().position(|(known, _)| *known == outcome) {
            self.outcomes[index].fetch_add(1, Relaxed);
        }
    }

    /// A client was sent an error.
    pub(crate) fn failed(&self, code: Code) {
        if let Some(index) = Code::ALL.iter().position(|known| *known == code) {
            self.errors[index].fetch_add(1, Relaxed);
        }
    }

    /// Somebody was refused because of a limit.
    pub(crate) fn limited(&self, limit: Limit) {
        self.limited[limit as usize].fetch_add(1, Relaxed);
    }

    /// A connection, for as long as the guard lives.
    pub(crate) fn connected(self: &std::sync::Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Relaxed);
        self.connections_open.fetch_add(1, Relaxed);
        Connected(std::sync::Arc::clone(self))
    }

    /// Everything, in an order that does not change.
    pub(crate) fn read(&self) -> Vec<Family> {
        let count = |counter: &AtomicU64| Value::Count(counter.load(Relaxed));
        let alone = |value| vec![Sample { label: None, value }];
        let labelled = |name: &'static str, pairs: Vec<(&'static str, Value)>| {
            pairs.into_iter().map(|(label, value)| Sample { label: Some((name, label)), value }).collect()
        };
        let family = |name, help, samples| Family { name, help, samples };
        let outcomes = OUTCOMES.iter().zip(&self.outcomes).map(|((_, name), n)| (*name, count(n))).collect();
        let errors = Code::ALL
            .iter()
            .zip(&self.errors)
            // Most never happen; those that have not are left out.
            .filter(|(_, n)| n.load(Relaxed) > 0)
            .map(|(code, n)| (code.as_str(), count(n)))
            .collect();
        let limited = Limit::ALL
            .iter()
            .zip(&self.limited)
            .filter(|(_, n)| n.load(Relaxed) > 0)
            .map(|(limit, n)| (limit.name(), count(n)))
            .collect();
        let stages = Stage::ALL
            .iter()
            .zip(&self.stages)
            .map(|(stage, histogram)| {
                let (counts, sum_ms) = histogram.read();
                (stage.name(), Value::Histogram { counts, sum_ms })
            })
            .collect();
        vec![
            family(
                "hal_build_info",
                "Which program this is.",
                vec![Sample { label: Some(("version", env!("CARGO_PKG_VERSION"))), value: Value::Gauge(1) }],
            ),
            family(
                "hal_connections_open",
                "WebSockets that are open.",
                alone(Value::Gauge(self.connections_open.load(Relaxed))),
            ),
            family("hal_connections_total", "WebSockets that were opened.", alone(count(&self.connections))),
            family(
                "hal_connections_refused_total",
                "Connections turned away because there was no place.",
                alone(count(&self.connections_refused)),
            ),
            family(
                "hal_handshakes_failed_total",
                "TLS handshakes of the gateway's own that failed.",
                alone(count(&self.handshakes_failed)),
            ),
            family("hal_sound_bytes_total", "Sound that came in.", alone(count(&self.sound_bytes))),
            family(
                "hal_turns_total",
                "Questions that got an answer, by its kind.",
                labelled("outcome", outcomes),
            ),
            family(
                "hal_errors_total",
                "Errors that clients were sent, by their code.",
                labelled("code", errors),
            ),
            family(
                "hal_limited_total",
                "Refusals because somebody reached a limit, by the limit.",
                labelled("limit", limited),
            ),
            family("hal_turn_seconds", "How long each stage of a turn took.", labelled("stage", stages)),
        ]
    }
}

/// An open connection, counted.
#[derive(Debug)]
pub(crate) struct Connected(std::sync::Arc<Metrics>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Relaxed);
    }
}

/// One metric with all its samples.
#[derive(Debug)]
pub(crate) struct Family {
    pub name: &'static str,
    pub help: &'static str,
    pub samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub label: Option<(&'static str, &'static str)>,
    pub value: Value,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    /// Only rises.
    Count(u64),
    Gauge(i64),
    Histogram {
        counts: [u64; BUCKETS_MS.len() + 1],
        sum_ms: u64,
    },
}

/// The text format of Prometheus, version 0.0.4.
pub(crate) fn prometheus(families: &[Family]) -> String {
    let mut out = String::with_capacity(4096);
    for Family { name, help, samples } in families {
        let kind = match samples.first().map(|sample| sample.value) {
            None => continue,
            Some(Value::Count(_)) => "counter",
            Some(Value::Gauge(_)) => "gauge",
            Some(Value::Histogram { .. }) => "histogram",
        };
        let mut put = |text: std::fmt::Arguments<'_>| {
            out.write_fmt(text).expect("a String takes every write");
        };
        put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        for Sample { label, value } in samples {
            // Labels and their values are words of this program: there is nothing to escape.
            let inner = label.map(|(key, value)| format!("{key}=\"{value}\"")).unwrap_or_default();
            let braces = if inner.is_empty() { String::new() } else { format!("{{{inner}}}") };
            match value {
                Value::Count(value) => put(format_args!("{name}{braces} {value}\n")),
                Value::Gauge(value) => put(format_args!("{name}{braces} {value}\n")),
                Value::Histogram { counts, sum_ms } => {
                    let mut sum = 0;
                    for (index, count) in counts.iter().enumerate() {
                        sum += count;
                        let end = BUCKETS_MS.get(index).map_or("+Inf".to_owned(), |&end| seconds(end));
                        put(format_args!("{name}_bucket{{{inner},le=\"{end}\"}} {sum}\n"));
                    }
                    put(format_args!("{name}_sum{braces} {}\n", seconds(*sum_ms)));
                    put(format_args!("{name}_count{braces} {sum}\n"));
                }
            }
        }
    }
    out
}

fn seconds(ms: u64) -> String {
    // Whole milliseconds have at most three digits; shorter numbers are easier to read.
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
