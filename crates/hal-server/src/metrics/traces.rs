//! Spans of OpenTelemetry: one for each turn, one below it for each of its stages. OTLP over HTTP, as JSON.
//!
//! Neither words nor who asked: a session's id, which opens nothing, the skill's action, files, times. Turns wait in a queue
//! with a bound and go out in batches; a collector that is away is waited for as long as the queue has room, then turns are
//! let go and counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tracing::warn;

use super::otlp::{Collector, Endpoint, Sent};
use crate::auth::secret::Digest;
use crate::gateway::trace::{End, Turn};

/// Turns that wait to be sent.
const QUEUE_MAX: usize = 2_048;
/// Turns in one request: about 300 kB.
const BATCH_MAX: usize = 256;
/// How long a batch gathers turns.
const SEND_EVERY: Duration = Duration::from_secs(5);

/// opentelemetry-proto, trace.proto: kinds of spans, and the status of one that failed.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const ERROR: u8 = 2;

/// Where turns are put. Cheap to share; putting never waits.
#[derive(Clone, Debug)]
pub(crate) struct Queue(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    state: Mutex<State>,
    /// A whole batch waits.
    more: Notify,
    over: Notify,
}

#[derive(Debug, Default)]
struct State {
    turns: VecDeque<Turn>,
    lost: u64,
    is_over: bool,
}

/// Begins to send to `endpoint`; the task ends when the last batch after [`Queue::end`] is out.
pub(crate) fn start(endpoint: Endpoint) -> (Queue, JoinHandle<()>) {
    let queue = Queue(Arc::default());
    let sending = tokio::spawn(send(endpoint, queue.clone()));
    (queue, sending)
}

impl Queue {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a turn, without its words. When the queue is full it is not sent: older ones say how it began.
    pub(crate) fn put(&self, turn: &Turn) {
        let is_full = self.with(|state| {
            if state.turns.len() >= QUEUE_MAX {
                state.lost += 1;
                return true;
            }
            state.turns.push_back(Turn { words: None, ..turn.clone() });
            state.turns.len() >= BATCH_MAX
        });
        if is_full {
            self.0.more.notify_one();
        }
    }

    /// Nothing comes any more.
    pub(crate) fn end(&self) {
        self.with(|state| state.is_over = true);
        self.0.over.notify_one();
    }
}

async fn send(endpoint: Endpoint, queue: Queue) {
    let mut collector = Collector::new(endpoint, "traces");
    let mut is_away = false;
    loop {
        tokio::select! {
            () = queue.0.more.notified(), if !is_away => {}
            () = queue.0.over.notified() => {}
            () = tokio::time::sleep(SEND_EVERY) => {}
        }
        // Looked at before the last round: what came before the end is tried once more.
        let is_over = queue.with(|state| state.is_over);
        is_away = !send_all(&mut collector, &queue).await;
        if is_over {
            return;
        }
    }
}

/// Sends what there is; false when the collector is away, and the rest keeps its place.
async fn send_all(collector: &mut Collector, queue: &Queue) -> bool {
    loop {
        let (batch, lost) = queue.with(|state| {
            let batch: Vec<Turn> = state.turns.iter().take(BATCH_MAX).cloned().collect();
            (batch, std::mem::take(&mut state.lost))
        });
        if lost > 0 {
            warn!(turns = lost, "not told to the collector: it has not taken others for too long");
        }
        if batch.is_empty() {
            return true;
        }
        if collector.send(message(&batch).to_string()).await == Sent::Later {
            return false;
        }
        queue.with(|state| drop(state.turns.drain(..batch.len())));
    }
}

/// `ExportTraceServiceRequest` in the JSON form of protobuf: ids in hexadecimal, 64-bit numbers as texts.
pub(crate) fn message(turns: &[Turn]) -> Json {
    let spans: Vec<Json> = turns.iter().flat_map(spans).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "hal"), text("service.version", env!("CARGO_PKG_VERSION"))]},
        "scopeSpans": [{"scope": {"name": "hal", "version": env!("CARGO_PKG_VERSION")}, "spans": spans}],
    }]})
}

/// A question that is asked again after a lost connection has the number of the first: it lands in the same trace.
fn trace_id(turn: &Turn) -> String {
    let own = if turn.turn == 0 { format!("at {}", turn.at_ms) } else { turn.turn.to_string() };
    Digest::of(&format!("trace {} {own}", turn.session)).to_hex()[..32].to_owned()
}

fn span_id(turn: &Turn, name: &str) -> String {
    Digest::of(&format!("span {} {} {} {name}", turn.session, turn.turn, turn.at_ms)).to_hex()[..16]
        .to_owned()
}

fn spans(turn: &Turn) -> Vec<Json> {
    let (trace, parent) = (trace_id(turn), span_id(turn, "turn"));
    let nanos = |ms: u64| ((i128::from(turn.at_ms) + i128::from(ms)) * 1_000_000).to_string();
    let mut attributes = vec![
        text("session.id", &turn.session),
        text("hal.client", turn.client.kind),
        text("hal.kind", if turn.is_spoken { "spoken" } else { "typed" }),
        text("hal.outcome", turn.end.name()),
    ];
    match &turn.end {
        End::Answered { action, intent, .. } => {
            attributes.push(text("hal.action", action));
            attributes.push(text("hal.intent", intent));
        }
        End::Failed(code) => attributes.push(text("error.type", code.as_str())),
        End::Dropped | End::Lost => {}
    }
    if !turn.files.is_empty() {
        let values: Vec<Json> = turn.files.iter().map(|file| json!({"stringValue": file})).collect();
        attributes.push(json!({"key": "hal.files", "value": {"arrayValue": {"values": values}}}));
    }
    let mut whole = json!({
        "traceId": trace, "spanId": parent, "name": "turn", "kind": SERVER,
        "startTimeUnixNano": nanos(0), "endTimeUnixNano": nanos(turn.whole_ms), "attributes": attributes,
    });
    if turn.end.is_fault() {
        whole["status"] = json!({"code": ERROR});
    }
    let stages = turn.spans.iter().map(|span| {
        json!({
            "traceId": trace, "spanId": span_id(turn, span.stage.name()), "parentSpanId": parent,
            "name": span.stage.name(), "kind": INTERNAL,
            "startTimeUnixNano": nanos(span.from_ms), "endTimeUnixNano": nanos(span.from_ms + span.took_ms),
        })
    });
    std::iter::once(whole).chain(stages).collect()
}

fn text(key: &str, value: &str) -> Json {
    json!({"key": key, "value": {"stringValue": value}})
}

#[cfg(test)]
#[path = "traces_tests.rs"]
mod tests;
