use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use hal_wire::{Code, Outcome};

use super::*;
use crate::gateway::trace::{Client, Span, Stage, Words};

fn turn(number: u64) -> Turn {
    let span = |stage, from_ms, took_ms| Span { stage, from_ms, took_ms, is_whole: true };
    Turn {
        session: "s-1".to_owned(),
        turn: number,
        client: Arc::new(Client {
            user: "ann".to_owned(),
            name: "Ann Lee".to_owned(),
            device: Some("d-1".to_owned()),
            address: "192.0.2.7".to_owned(),
            kind: "page",
        }),
        is_spoken: true,
        at_ms: 1_000,
        spans: vec![span(Stage::Say, 0, 900), span(Stage::Hear, 900, 80), span(Stage::Answer, 980, 20)],
        whole_ms: 1_000,
        waited_ms: 100,
        end: End::Answered {
            outcome: Outcome::Answered,
            action: "medication_list".to_owned(),
            intent: "MEDICATION".to_owned(),
        },
        files: vec!["MEDICATION".to_owned()],
        words: Some(Box::new(Words {
            question: "what am I taking".to_owned().into(),
            answer: "lisinopril".to_owned().into(),
        })),
    }
}

/// What trace.proto and the JSON form of OTLP ask of a span.
fn check(span: &Json) {
    let hex = |text: &Json, length: usize| {
        let text = text.as_str().expect("a text");
        assert_eq!(text.len(), length, "{span}");
        assert!(text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.bytes().any(|byte| byte != b'0'));
    };
    hex(&span["traceId"], 32);
    hex(&span["spanId"], 16);
    let nanos =
        |text: &Json| text.as_str().expect("64-bit numbers are texts").parse::<u64>().expect("a number");
    assert!(nanos(&span["startTimeUnixNano"]) <= nanos(&span["endTimeUnixNano"]), "{span}");
    assert!(span["name"].as_str().is_some_and(|name| !name.is_empty()));
    assert!((1..=5).contains(&span["kind"].as_u64().expect("a number")));
    for attribute in span["attributes"].as_array().into_iter().flatten() {
        let value = attribute["value"].as_object().expect("a value");
        assert!(attribute["key"].is_string() && value.len() == 1, "{attribute}");
    }
}

#[test]
fn a_turn_is_a_span_and_its_stages_are_spans_below_it() {
    let json = message(&[turn(7)]);
    let spans = json["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans");
    spans.iter().for_each(check);
    let names: Vec<&str> = spans.iter().filter_map(|span| span["name"].as_str()).collect();
    assert_eq!(names, ["turn", "say", "hear", "answer"]);
    assert!(spans[1..].iter().all(|span| span["parentSpanId"] == spans[0]["spanId"]));
    assert!(spans.iter().all(|span| span["traceId"] == spans[0]["traceId"]));
    assert_eq!(spans[2]["startTimeUnixNano"], "1900000000");
    assert_eq!(spans[2]["endTimeUnixNano"], "1980000000");
    assert!(spans[0]["parentSpanId"].is_null() && spans[0]["status"].is_null());
    let text = json.to_string();
    for private in ["ann", "Ann Lee", "d-1", "192.0.2.7", "taking", "lisinopril"] {
        assert!(!text.contains(private), "{private} is in {text}");
    }
    let failed = Turn { end: End::Failed(Code::Timeout), ..turn(8) };
    let json = message(&[failed]);
    let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["status"]["code"], 2);
    assert!(span.to_string().contains("\"error.type\""));
}

#[test]
fn a_question_asked_again_is_in_the_same_trace_and_no_other() {
    let again = Turn { at_ms: 5_000, ..turn(7) };
    assert_eq!(trace_id(&turn(7)), trace_id(&again));
    assert_ne!(span_id(&turn(7), "turn"), span_id(&again, "turn"));
    assert_ne!(trace_id(&turn(7)), trace_id(&turn(8)));
}

/// One request: its first line, and its body.
fn receive(listener: &TcpListener, status: &str) -> (String, Json) {
    let (mut stream, _) = listener.accept().expect("a request");
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let (mut first, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if first.is_empty() {
            first.clone_from(&line);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").expect("answered");
    (first, serde_json::from_slice(&body).expect("JSON"))
}

fn turns_in(json: &Json) -> usize {
    let spans = json["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans");
    spans.iter().inspect(|span| check(span)).filter(|span| span["name"] == "turn").count()
}

#[test]
fn a_collector_gets_batches_again_when_it_was_busy_and_the_rest_at_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let endpoint =
        Endpoint::parse(&format!("http://{address}"), "traces", "metrics.traces").expect("an address");
    let _inside = runtime.enter();
    let (queue, sending) = start(endpoint);
    for number in 1..=BATCH_MAX as u64 {
        queue.put(&turn(number));
    }
    // A whole batch goes out at once.
    let (first, json) = receive(&listener, "503 Service Unavailable");
    assert!(first.starts_with("POST /v1/traces HTTP/1.1"), "{first}");
    assert_eq!(turns_in(&json), BATCH_MAX);
    queue.put(&turn(1_000));
    queue.end();
    let (_, again) = receive(&listener, "200 OK");
    assert_eq!(again, json, "the same batch");
    let (_, rest) = receive(&listener, "400 Bad Request");
    assert_eq!(turns_in(&rest), 1);
    runtime.block_on(sending).expect("ends");
}

#[test]
fn a_full_queue_lets_turns_go_and_counts_them() {
    let queue = Queue(Arc::default());
    for number in 0..QUEUE_MAX as u64 + 3 {
        queue.put(&turn(number));
    }
    assert_eq!(queue.with(|state| (state.turns.len(), state.lost)), (QUEUE_MAX, 3));
    assert!(queue.with(|state| state.turns.iter().all(|turn| turn.words.is_none())));
}
