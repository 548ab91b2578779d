use super::*;
use crate::limits::Kind;

fn request(method: &str, uri: &str, headers: &[(&'static str, &str)]) -> Request {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method.parse().expect("a method");
    *request.uri_mut() = uri.parse().expect("a path");
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).expect("text"));
    }
    request
}

#[test]
fn health_checks_are_never_counted_and_nothing_else_is_one() {
    for (method, uri, headers) in [
        ("GET", "/healthz", &[][..]),
        ("HEAD", "/voice/health?draining=404", &[]),
        ("GET", "/", &[("upgrade", "websocket")]),
        ("OPTIONS", "/", &[]),
    ] {
        assert!(is_health_check(&request(method, uri, headers)), "{method} {uri} {headers:?}");
    }
    for (method, uri, headers) in [
        ("GET", "/", &[("accept", "text/html")][..]),
        ("GET", "/app.js", &[]),
        ("GET", "/healthz", &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]),
        ("POST", "/signin", &[]),
        ("POST", "/", &[]),
    ] {
        assert!(!is_health_check(&request(method, uri, headers)), "{method} {uri} {headers:?}");
    }
}

#[test]
fn long_messages_are_for_sound() {
    let limits = Arc::new(config::Limits { text_kilobytes: 8, ..config::Limits::default() });
    let filler = "a".repeat(9_000);
    for (text, is_long) in [
        (format!(r#"{{"type":"text_input","text":"{filler}"}}"#), true),
        (format!(r#"{{"type":"audio_chunk","audio":"{filler}"}}"#), false),
        (format!(r#"{{"x":"{filler}","type":"audio_chunk"}}"#), false),
        (format!(r#"{{"type":"text_input","text":"ä{filler}ä"}}"#), true),
        (r#"{"type":"text_input","text":"hello"}"#.to_owned(), false),
    ] {
        assert_eq!(is_long_text(&text, || Arc::clone(&limits)), is_long, "{}", &text[..30]);
    }
}

#[test]
fn sound_is_as_long_as_its_bytes_say() {
    assert_eq!(sound_ms(&[0; 32_000], 16_000), 1_000);
    assert_eq!(sound_ms(&[0; 640], 16_000), 20);
    let wav = |per_second: u32, count: usize| {
        let mut wav = [&b"RIFF"[..], &[0; 24], &per_second.to_le_bytes(), &[0; 12]].concat();
        wav.resize(count, 0);
        sound_ms(&wav, 16_000)
    };
    assert_eq!(wav(176_400, 176_400), 1_000, "44.1 kHz stereo");
    assert_eq!(wav(u32::MAX, 15_360_000), 10_000, "a claim has an end");
    assert_eq!(wav(0, 8_000), 1_000);
    assert_eq!(sound_ms(b"RIFF", 16_000), 0);
}

#[test]
fn a_refusal_says_when_to_try_again() {
    let refused = |limit, retry_after_ms| Refused { limit, of: Kind::Device, retry_after_ms };
    assert_eq!(
        sentence(&refused(Limit::Turns, 12_001)),
        "Those were too many questions at once. Please try again in 13 seconds."
    );
    assert!(sentence(&refused(Limit::Sound, 20)).ends_with("in one second."));
    assert!(sentence(&refused(Limit::SoundHour, 600_000)).ends_with("in 10 minutes."));
    let response = too_many(&refused(Limit::Requests, 5_100));
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()[header::RETRY_AFTER], "6");
}

#[test]
fn a_stranger_waits_within_its_own_limit_and_a_proxy_within_a_share() {
    let limits = config::Limits { address_connections: 50, ..config::Limits::default() };
    assert_eq!(waiting_max(&limits, 3_000, false), 50);
    assert_eq!(waiting_max(&limits, 3_000, true), 3_000);
    let open = config::Limits { address_connections: 0, ..limits };
    assert_eq!(waiting_max(&open, 3_000, false), 3_000);
}
