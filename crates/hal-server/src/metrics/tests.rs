use std::sync::Arc;

use super::otlp::{Endpoint, message};
use super::*;

fn some() -> Arc<Metrics> {
    let metrics = Arc::new(Metrics::default());
    for took_ms in [3, 20, 21, 900, 60_000] {
        metrics.took(Stage::Answer, took_ms);
    }
    metrics.answered(Outcome::Answered);
    metrics.answered(Outcome::Answered);
    metrics.answered(Outcome::NotUnderstood);
    metrics.failed(Code::Busy);
    metrics
}

#[test]
fn buckets_add_up_and_end_where_decisions_are() {
    let text = prometheus(&some().read());
    for line in [
        "# TYPE hal_turn_seconds histogram",
        "hal_turn_seconds_bucket{stage=\"answer\",le=\"0.005\"} 1",
        "hal_turn_seconds_bucket{stage=\"answer\",le=\"0.02\"} 2",
        "hal_turn_seconds_bucket{stage=\"answer\",le=\"0.1\"} 3",
        "hal_turn_seconds_bucket{stage=\"answer\",le=\"1\"} 4",
        "hal_turn_seconds_bucket{stage=\"answer\",le=\"10\"} 4",
        "hal_turn_seconds_bucket{stage=\"answer\",le=\"+Inf\"} 5",
        "hal_turn_seconds_sum{stage=\"answer\"} 60.944",
        "hal_turn_seconds_count{stage=\"answer\"} 5",
        "hal_turn_seconds_count{stage=\"hear\"} 0",
        "hal_turns_total{outcome=\"answered\"} 2",
        "hal_turns_total{outcome=\"asked\"} 0",
        "hal_turns_total{outcome=\"not_understood\"} 1",
        "hal_errors_total{code=\"BUSY\"} 1",
        "hal_connections_open 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[test]
fn names_follow_one_rule_and_samples_are_few() {
    let metrics = some();
    for code in Code::ALL {
        metrics.failed(*code);
    }
    Limit::ALL.iter().for_each(|limit| metrics.limited(*limit));
    let families = metrics.read();
    let text = prometheus(&families);
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(samples < 100, "{samples}");
    for family in &families {
        assert!(family.name.starts_with("hal_"));
        let is_count = matches!(family.samples[0].value, Value::Count(_));
        assert_eq!(family.name.ends_with("_total"), is_count, "{}", family.name);
    }
}

#[test]
fn a_connection_is_open_as_long_as_its_guard_lives() {
    let metrics = some();
    let (one, two) = (metrics.connected(), metrics.connected());
    drop(one);
    assert!(prometheus(&metrics.read()).contains("hal_connections_open 1\n"));
    drop(two);
    let text = prometheus(&metrics.read());
    assert!(text.contains("hal_connections_open 0\n") && text.contains("hal_connections_total 2\n"));
}

#[test]
fn a_collector_gets_the_same_numbers() {
    let json = message(&some().read(), 1_000, 2_500);
    let metrics = json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let named = |name: &str| metrics.iter().find(|metric| metric["name"] == name).unwrap();
    let turns = &named("hal_turns_total")["sum"];
    assert_eq!(turns["isMonotonic"], true);
    assert_eq!(turns["dataPoints"][0]["asInt"], "2");
    assert_eq!(turns["dataPoints"][0]["attributes"][0]["value"]["stringValue"], "answered");
    assert_eq!(turns["dataPoints"][0]["timeUnixNano"], "2500000000");
    let answer = &named("hal_turn_seconds")["histogram"]["dataPoints"][1];
    assert_eq!(answer["count"], "5");
    assert_eq!(answer["sum"], 60.944);
    assert_eq!(
        answer["bucketCounts"].as_array().unwrap().len(),
        answer["explicitBounds"].as_array().unwrap().len() + 1
    );
    assert_eq!(named("hal_turn_seconds")["unit"], "s");
}

#[test]
fn the_address_of_a_collector_is_read_or_refused() {
    let path = |given: &str| {
        Endpoint::parse(given, "metrics", "metrics.otlp").map(|endpoint| format!("{endpoint:?}"))
    };
    assert!(path("http://127.0.0.1:4318").unwrap().contains("\"127.0.0.1:4318\", path: \"/v1/metrics\""));
    assert!(
        path("http://collector/otel/").unwrap().contains("\"collector:4318\", path: \"/otel/v1/metrics\"")
    );
    for bad in ["127.0.0.1:4318", "https://x", "http://", "http://a b", "http://u:p@h"] {
        assert!(path(bad).is_err(), "{bad}");
    }
}
