//! The browser client's files, out of the binary.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};

include!("../../../../web/assets.rs");

/// Nothing from elsewhere, and nothing inline. Older Safari does not count sockets as `'self'`.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; \
    media-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The file that `path` asks for by its last segment; the page itself for a folder.
pub(super) fn asset(path: &str) -> Option<Response<Body>> {
    let name = match path.rsplit('/').next() {
        None | Some("") => "index.html",
        Some(name) => name,
    };
    let (_, content_type, bytes) = ASSETS.iter().find(|(asset, _, _)| *asset == name)?;
    let mut response = Response::new(Body::from(*bytes));
    *response.status_mut() = StatusCode::OK;
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, content_type),
        // The files belong to one version of the server: a page must not outlive an upgrade.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), "microphone=(self)"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}
