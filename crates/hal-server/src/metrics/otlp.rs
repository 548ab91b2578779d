//! Sends to a collector of OpenTelemetry, where the settings name one: OTLP over HTTP, as JSON. The numbers are here, the
//! spans of turns in [`super::traces`].
//!
//! One small request every so often over a plain socket. The SDK of OpenTelemetry with its HTTP client would be a
//! hundred crates for it. A collector stands on the same machine or in the same network and speaks TLS to whoever is further.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value as Json, json};
use tracing::{info, warn};

use super::{BUCKETS_MS, Family, Metrics, Value};
use crate::clock::Clock;

const SEND_EVERY: Duration = Duration::from_secs(15);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Only the first line of the answer counts.
const ANSWER_BYTES_MAX: u64 = 4096;
/// opentelemetry-proto, metrics.proto: counted since the start.
const CUMULATIVE: u8 = 2;

/// Where the collector is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `HOST:PORT`.
    authority: String,
    path: String,
}

impl Endpoint {
    /// Reads `http://127.0.0.1:4318`, to which the usual path of `signal` (`metrics`, `traces`) is added, as for
    /// OpenTelemetry's own variable. `key` is the setting, for the error.
    ///
    /// # Errors
    /// Something that is no such address.
    pub(crate) fn parse(given: &str, signal: &str, key: &str) -> anyhow::Result<Endpoint> {
        let hint = format!("hint: {key} is like \"http://127.0.0.1:4318\"");
        let Some(rest) = given.trim().strip_prefix("http://") else {
            bail!("{given:?} is not an address of a collector: only http:// is spoken\n{hint}");
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'@';
        if authority.is_empty() || !authority.bytes().all(plain) || !path.bytes().all(plain) {
            bail!("{given:?} is not an address of a collector\n{hint}");
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:4318") };
        Ok(Endpoint {
            authority,
            path: format!("/{}/v1/{signal}", path.trim_end_matches('/')).replace("//", "/"),
        })
    }
}

/// Sends every few seconds, for as long as the server runs. A collector that is away is told of once.
pub(crate) async fn send(endpoint: Endpoint, metrics: Arc<Metrics>, clock: Clock) {
    let start_ms = clock.unix_ms();
    let mut interval = tokio::time::interval(SEND_EVERY);
    let mut collector = Collector::new(endpoint, "metrics");
    loop {
        interval.tick().await;
        // The next numbers have these in them: there is nothing to send again.
        collector.send(message(&metrics.read(), start_ms, clock.unix_ms()).to_string()).await;
    }
}

/// A collector, and whether it took what was sent last.
#[derive(Debug)]
pub(crate) struct Collector {
    endpoint: Arc<Endpoint>,
    /// What is sent, for the log.
    what: &'static str,
    is_well: bool,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Taken,
    /// It is away or busy: the same may be sent again.
    Later,
    /// It does not want this.
    Refused,
}

impl Collector {
    pub(crate) fn new(endpoint: Endpoint, what: &'static str) -> Collector {
        Collector { endpoint: Arc::new(endpoint), what, is_well: true }
    }

    /// Sends one request. The log tells when that begins to fail, and when it works again.
    pub(crate) async fn send(&mut self, body: String) -> Sent {
        let endpoint = Arc::clone(&self.endpoint);
        let answer = match tokio::task::spawn_blocking(move || post(&endpoint, &body)).await {
            Ok(answer) => answer,
            Err(error) => Err(error.into()),
        };
        let sent = match &answer {
            Ok(200..=299) => Sent::Taken,
            // OTLP/HTTP, "Failures": these, and no answer at all, may be tried again.
            Ok(429 | 502..=504) | Err(_) => Sent::Later,
            Ok(_) => Sent::Refused,
        };
        let what = self.what;
        match (answer, sent == Sent::Taken) {
            (_, true) if !self.is_well => info!(what, "the collector takes them again"),
            (Ok(status), false) if self.is_well => {
                warn!(what, status, "the collector does not take them; trying on")
            }
            (Err(error), false) if self.is_well => {
                warn!(what, error = format!("{error:#}"), "the collector does not take them; trying on");
            }
            _ => {}
        }
        self.is_well = sent == Sent::Taken;
        sent
    }
}

/// The status that the collector answers.
fn post(endpoint: &Endpoint, body: &str) -> anyhow::Result<u16> {
    let address = endpoint.authority.to_socket_addrs()?.next().context("the name has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        endpoint.path,
        endpoint.authority,
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split_whitespace().nth(1).unwrap_or("nothing");
    status.parse().map_err(|_| anyhow::anyhow!("it answers {status}"))
}

/// `ExportMetricsServiceRequest` in the JSON form of protobuf: 64-bit numbers are texts.
pub(crate) fn message(families: &[Family], start_ms: i64, now_ms: i64) -> Json {
    let nanos = |ms: i64| (i128::from(ms) * 1_000_000).to_string();
    let (start, now) = (nanos(start_ms), nanos(now_ms));
    let attributes = |label: Option<(&str, &str)>| -> Vec<Json> {
        label.map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).into_iter().collect()
    };
    let metrics: Vec<Json> = families
        .iter()
        .filter_map(|family| {
            let first = family.samples.first()?.value;
            let points: Vec<Json> = family
                .samples
                .iter()
                .map(|sample| {
                    let mut point = json!({
                        "startTimeUnixNano": start, "timeUnixNano": now, "attributes": attributes(sample.label)
                    });
                    match sample.value {
                        Value::Count(value) => point["asInt"] = json!(value.to_string()),
                        Value::Gauge(value) => point["asInt"] = json!(value.to_string()),
                        Value::Histogram { counts, sum_ms } => {
                            let total: u64 = counts.iter().sum();
                            point["count"] = json!(total.to_string());
                            point["sum"] = json!(sum_ms as f64 / 1000.0);
                            point["bucketCounts"] = counts.iter().map(ToString::to_string).collect();
                            point["explicitBounds"] = BUCKETS_MS.iter().map(|&ms| ms as f64 / 1000.0).collect();
                        }
                    }
                    point
                })
                .collect();
            let data = match first {
                Value::Count(_) => ("sum", json!({
                    "dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true
                })),
                Value::Gauge(_) => ("gauge", json!({"dataPoints": points})),
                Value::Histogram { .. } => {
                    ("histogram", json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE}))
                }
            };
            let unit = if family.name.ends_with("_seconds") { "s" } else { "1" };
            Some(json!({"name": family.name, "description": family.help, "unit": unit, data.0: data.1}))
        })
        .collect();
    json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "hal"}}]},
        "scopeMetrics": [{"scope": {"name": "hal", "version": env!("CARGO_PKG_VERSION")}, "metrics": metrics}],
    }]})
}
