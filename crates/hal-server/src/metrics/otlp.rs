//! Sends the numbers to a collector of OpenTelemetry, where the settings name one: OTLP over HTTP, as JSON.
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
    /// Reads `http://127.0.0.1:4318`, to which the usual path is added, as for OpenTelemetry's own variable.
    ///
    /// # Errors
    /// Something that is no such address.
    pub(crate) fn parse(given: &str) -> anyhow::Result<Endpoint> {
        let hint = "hint: metrics.otlp is like \"http://127.0.0.1:4318\"";
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
            path: format!("/{}/v1/metrics", path.trim_end_matches('/')).replace("//", "/"),
        })
    }
}

/// Sends every few seconds, for as long as the server runs. A collector that is away is told of once.
pub(crate) async fn send(endpoint: Endpoint, metrics: Arc<Metrics>, clock: Clock) {
    let start_ms = clock.unix_ms();
    let mut interval = tokio::time::interval(SEND_EVERY);
    let mut is_well = true;
    loop {
        interval.tick().await;
        let body = message(&metrics.read(), start_ms, clock.unix_ms()).to_string();
        let endpoint = endpoint.clone();
        let Ok(sent) = tokio::task::spawn_blocking(move || post(&endpoint, &body)).await else { continue };
        match &sent {
            Ok(()) if !is_well => info!("the collector takes metrics again"),
            Err(error) if is_well => {
                warn!(error = format!("{error:#}"), "the collector does not take metrics; trying on");
            }
            _ => {}
        }
        is_well = sent.is_ok();
    }
}

fn post(endpoint: &Endpoint, body: &str) -> anyhow::Result<()> {
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
    if status.starts_with('2') { Ok(()) } else { bail!("it answers {status}") }
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
