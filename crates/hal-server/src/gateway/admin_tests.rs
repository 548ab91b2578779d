use axum::http::HeaderName;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

#[test]
fn the_page_and_its_wishes_are_found_below_any_prefix_and_nothing_else_is() {
    for (method, path, expected) in [
        (Method::GET, "/admin", Some(Wanted::Page)),
        (Method::HEAD, "/voice/admin", Some(Wanted::Page)),
        (Method::GET, "/admin/", Some(Wanted::Slash)),
        (Method::GET, "/voice/admin/state", Some(Wanted::State)),
        (Method::POST, "/admin/revoke", Some(Wanted::Revoke)),
        (Method::POST, "/admin/backup", Some(Wanted::Backup)),
        (Method::POST, "/admin/words", Some(Wanted::Words)),
        (Method::GET, "/admin/revoke", None),
        (Method::POST, "/admin/state", None),
        (Method::POST, "/admin", None),
        (Method::GET, "/state", None),
        (Method::GET, "/administration", None),
        (Method::GET, "/", None),
    ] {
        assert_eq!(wanted(&method, path), expected, "{method} {path}");
    }
}

#[test]
fn pages_of_other_hosts_ports_and_sites_are_foreign_and_programs_are_not() {
    for (given, expected) in [
        (&[("host", "hal.example.com")][..], false),
        (
            &[
                ("host", "hal.example.com"),
                ("origin", "https://hal.example.com"),
                ("sec-fetch-site", "same-origin"),
            ],
            false,
        ),
        (&[("host", "hal.example.com"), ("sec-fetch-site", "none")], false),
        (&[("host", "hal.example.com"), ("origin", "https://evil.example")], true),
        (&[("host", "hal.example.com"), ("origin", "null")], true),
        // Another port of the same host is the same site, and may be anybody's.
        (
            &[
                ("host", "hal.example.com"),
                ("origin", "https://hal.example.com:3000"),
                ("sec-fetch-site", "same-site"),
            ],
            true,
        ),
        (&[("host", "127.0.0.1:8768"), ("sec-fetch-site", "cross-site")], true),
    ] {
        assert_eq!(is_foreign(&headers(given)), expected, "{given:?}");
    }
}

#[test]
fn a_name_that_somebody_else_can_point_here_opens_nothing_by_itself() {
    for (host, expected) in [
        ("localhost:8768", true),
        ("127.0.0.1:8768", true),
        ("[::1]:8768", true),
        ("192.168.1.4", true),
        ("rebound.example:8768", false),
        ("localhost.example", false),
    ] {
        assert_eq!(is_named_here(&headers(&[("host", host)])), expected, "{host}");
    }
    assert!(is_named_here(&HeaderMap::new()));
}

#[test]
fn wishes_are_read_or_refused() {
    let revoke = action(Wanted::Revoke, br#"{"device":"d-1"}"#);
    assert_eq!(revoke, Some(Manage::Revoke { device: "d-1".to_owned() }));
    assert_eq!(action(Wanted::Words, br#"{"on":true}"#), Some(Manage::Words { on: true }));
    assert_eq!(action(Wanted::Backup, b"{}"), Some(Manage::Backup));
    for (wanted, body) in [
        (Wanted::Revoke, "{}".to_owned()),
        (Wanted::Revoke, format!("{{\"device\":\"{}\"}}", "x".repeat(300))),
        (Wanted::Words, "{\"on\":\"yes\"}".to_owned()),
        (Wanted::Backup, String::new()),
        (Wanted::State, "{}".to_owned()),
    ] {
        assert_eq!(action(wanted, body.as_bytes()), None, "{wanted:?} {body}");
    }
    assert_eq!(after(&"/admin/state?x=1&after=12".parse().expect("a path")), 12);
    assert_eq!(after(&"/admin/state?after=-1".parse().expect("a path")), 0);
}
