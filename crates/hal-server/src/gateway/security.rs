//! Headers that tell browsers what an answer must not be used for; on every answer, as HAProxy adds them when it is in front.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// As long as `hal haproxy` says it: two years.
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000");

const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Adds them to an answer. `only_tls`: the browser is to refuse plain HTTP, and exceptions for bad certificates, for this name
/// from now on; said over TLS only, as browsers do not listen elsewhere (RFC 6797, 7.2 and 8.1).
pub(super) fn add(headers: &mut HeaderMap, only_tls: bool) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    if only_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TWO_YEARS);
    }
}
