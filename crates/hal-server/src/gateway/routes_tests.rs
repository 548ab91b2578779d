use super::*;

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

#[test]
fn the_deployment_documents_check_is_no_upgrade_but_a_health_check() {
    let check = headers(&[("host", "localhost"), ("upgrade", "websocket"), ("connection", "close")]);
    assert_eq!(upgrade_of(&check), Upgrade::None);
    assert_eq!(upgrade_of(&headers(&[("host", "localhost")])), Upgrade::None);
}

#[test]
fn a_real_attempt_names_what_it_lost_on_the_way() {
    let whole = [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    assert_eq!(upgrade_of(&headers(&whole)), Upgrade::Complete);
    for (lost, name) in [
        (0, "Upgrade: websocket"),
        (1, "Connection: Upgrade"),
        (2, "Sec-WebSocket-Key"),
        (3, "Sec-WebSocket-Version: 13"),
    ] {
        let mut rest = whole.to_vec();
        rest.remove(lost);
        assert_eq!(upgrade_of(&headers(&rest)), Upgrade::Missing(vec![name]));
    }
    let curl = headers(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
    assert_eq!(upgrade_of(&curl), Upgrade::Missing(vec!["Sec-WebSocket-Key", "Sec-WebSocket-Version: 13"]));
}

#[test]
fn only_pages_of_this_host_and_named_ones_may_connect() {
    let check = |origin: &'static str, host: &'static str, allowed: &[&str], expected: bool| {
        let allowed: Vec<String> = allowed.iter().map(|origin| (*origin).to_owned()).collect();
        let headers = headers(&[("origin", origin), ("host", host)]);
        assert_eq!(origin_allowed(&headers, &allowed), expected, "{origin} at {host}");
    };
    check("https://hal.example.com", "hal.example.com", &[], true);
    check("http://localhost:8080", "localhost:8768", &[], true);
    check("http://[::1]:8080", "[::1]:8768", &[], true);
    check("https://evil.example.net", "127.0.0.1:8768", &[], false);
    check("null", "127.0.0.1:8768", &[], false);
    check("https://app.example.org", "127.0.0.1:8768", &["https://app.example.org/"], true);
    assert!(origin_allowed(&headers(&[("host", "x")]), &[]), "programs send no origin");
}

#[test]
fn paths_are_known_by_their_last_segment() {
    for (path, page, code, kind) in [
        ("/", false, 200, "application/json"),
        ("/", true, 200, "text/html; charset=utf-8"),
        ("/voice/", true, 200, "text/html; charset=utf-8"),
        ("/voice", true, 308, "application/json"),
        ("/healthz", false, 200, "application/json"),
        ("/voice/healthz", true, 200, "application/json"),
        ("/voice/app.js", false, 200, "text/javascript; charset=utf-8"),
        ("/missing.js", true, 404, "application/json"),
    ] {
        let response = get(path, page, false);
        assert_eq!(response.status().as_u16(), code, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], kind, "{path}");
    }
    assert_eq!(get("/healthz", false, true).status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn a_draining_gateway_says_404_to_a_check_that_asks_for_it() {
    let ask = |uri: &str, draining| {
        let request = Request::builder().uri(uri).body(Body::empty()).expect("a request");
        plain(&request, draining).status().as_u16()
    };
    assert_eq!(ask("/healthz?draining=404", false), 200);
    assert_eq!(ask("/healthz?draining=404", true), 404);
    assert_eq!(ask("/healthz", true), 503);
}

#[test]
fn the_url_says_what_a_client_wants() {
    let check = |uri: &str| wishes(&uri.parse().expect("a URI"), &HeaderMap::new());
    assert_eq!(check("/?greeting=state").greeting, Greeting::State);
    assert!(check("/voice?x=1&audio=wav").audio);
    assert_eq!((check("/").greeting, check("/").audio), (Greeting::Connected, false));
}

#[test]
fn the_busy_answer_tells_its_own_length() {
    let text = std::str::from_utf8(BUSY).expect("ASCII");
    let (head, body) = text.split_once("\r\n\r\n").expect("a header and a body");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
}
