//! What HAProxy refuses, with which answer, so that the gateway never sees it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use hal_sim::{http, programs, wait};

use crate::household::{Household, QUESTION, assert_names_medication};
use crate::proxy::{Front, Plan};

#[test]
fn too_much_is_refused_with_the_right_answer() {
    if !programs::present("proxy: limits", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let words = ["--mode", "subdomain", "--domain", "localhost", "--websockets-per-address", "2"];
    let front = Front::start(
        home.folder.path(),
        &Plan { words: &words, ..Plan::subdomain(&[home.server.gateway_port]) },
    );

    let long = front.get(&format!("/{}", "x".repeat(5000)));
    assert_eq!(long.status, 414, "{}", long.head);
    let big = front.ask("POST /", "Host: localhost\r\nContent-Length: 20000000\r\n");
    assert_eq!(big.status, 413, "{}", big.head);

    // The third WebSocket of one address is one too many, and the two that are open do not notice.
    let (mut one, mut two) = (front.connect("/"), front.connect("/"));
    let third = front.try_connect("/").map(|_| ()).expect_err("refused").to_string();
    assert!(third.contains("429"), "{third}");
    assert_names_medication(&one.ask(QUESTION).expect("answered"));
    assert_names_medication(&two.ask(QUESTION).expect("answered"));
    drop(two);
    wait::until("a place to be free again", || front.try_connect("/").ok()).expect("accepted");

    // 120 requests in ten seconds are allowed for two WebSockets. One connection sends more.
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answers =
        http::secure_flood(front.port, "localhost", &front.authority, request, 200).expect("answered");
    let refused = answers.iter().position(|answer| answer.status == 429).expect("a flood is refused");
    assert!((80..=121).contains(&refused), "the first refused one was number {refused}");
    assert!(answers[..refused].iter().all(|answer| answer.status == 200));
    let answer = &answers[refused];
    assert!(answer.head.to_lowercase().contains("retry-after: 10"), "{}", answer.head);
    assert!(answer.head.starts_with("HTTP/1.1 "), "WebSocket clients refuse HTTP/1.0: {}", answer.head);
    assert!(answer.body.contains("too many requests"), "{}", answer.body);
    // Who talks already goes on talking.
    assert_names_medication(&one.ask(QUESTION).expect("answered"));
}

#[test]
fn a_request_that_dribbles_in_is_cut_off() {
    if !programs::present("proxy: slow requests", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let changes = [("timeout http-request 10s", "timeout http-request 1s")];
    let plan = Plan {
        words: &["--mode", "plain"],
        changes: &changes,
        ..Plan::subdomain(&[home.server.gateway_port])
    };
    let front = Front::start(home.folder.path(), &plan);
    let mut slow = TcpStream::connect(("127.0.0.1", front.port)).expect("accepted");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").expect("sent");
    slow.set_read_timeout(Some(Duration::from_millis(200))).expect("set");
    let started = wait::now();
    // One header each 200 ms: never silent, never done.
    let mut answer = Vec::new();
    wait::until("HAProxy to lose its patience", || {
        let mut buffer = [0; 1024];
        match slow.read(&mut buffer) {
            Ok(0) => return Some(()),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            // Nothing yet: another header. When it is closed, the next read says so.
            Err(_) => _ = slow.write_all(b"X-Slow: 1\r\n"),
        }
        None
    })
    .expect("it closes");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    let took = started.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(10), "{took:?}");
}
