//! What a request shows of who it comes from, and the few addresses by which browsers and devices sign in.
//!
//! A credential is taken from `Authorization: Bearer`, from the WebSocket subprotocol `hal.token.…`, from `?token=` or
//! `?ticket=`, or from the page's cookie, in this order. Without one, only a program on this machine that came here directly
//! is let in: what a proxy passed on is never taken for local, wherever the proxy runs.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use hal_wire::sign_in::{self, LOCAL, Means, SignInReply};
use hal_wire::{Code, Private};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use super::Gateway;
use super::proxies::Proxies;
use super::routes::{host_name, text};
use super::trace::Client;
use crate::auth::secret::Digest;
use crate::limits::{Limit, Network, Who};

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// As a proxy's header before the first request told, else the other end itself.
    pub ip: IpAddr,
    /// A proxy told so: no program of this machine, wherever the proxy runs.
    pub proxied: bool,
    /// It came over TLS of the gateway's own.
    pub secure: bool,
    /// The fingerprint of a client's certificate, verified here.
    pub certificate: Option<Arc<str>>,
    /// A proxy that verifies certificates wrote the headers.
    pub certified: bool,
    /// Whom to believe about where requests come from, as the settings were when the connection began.
    pub proxies: Arc<Proxies>,
}

impl Peer {
    /// Of a request.
    pub(super) fn of(request: &Request) -> Peer {
        // Every connection of the gateway has one; without it a request is from nowhere, which nobody believes.
        request.extensions().get::<Peer>().cloned().unwrap_or_else(|| Peer {
            ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            proxied: true,
            secure: false,
            certificate: None,
            certified: false,
            proxies: Arc::default(),
        })
    }
}

/// Headers that proxies add. One of them is enough: the request does not come from who its connection comes from.
const PROXY_HEADERS: [&str; 10] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "forwarded",
    "x-real-ip",
    "x-hal-proxy",
    "via",
    "cf-connecting-ip",
    CERTIFICATE,
];

/// The fingerprint of the certificate that a client has shown to a proxy, which has verified it.
const CERTIFICATE: &str = "x-hal-client-certificate";

/// Name of the page's cookie.
const COOKIE: &str = "hal_session";
const COOKIE_SECONDS: u32 = 90 * 24 * 3600;
/// A sign-in form is a secret and a name.
const FORM_BYTES_MAX: usize = 4096;
/// From its first byte to its last.
const FORM_LIMIT: Duration = Duration::from_secs(10);
const PACKED: &str =
    "{\"code\":\"BAD_FIELD\",\"message\":\"The body must not be compressed.\",\"signed_in\":false}\n";
/// The subprotocol in which a browser, which cannot set headers, shows its token.
const SUBPROTOCOL: &str = "hal.token.";

/// What a request shows.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    pub means: Means,
    secret: Private<String>,
}

impl Shown {
    /// What tells it apart from everything else that is shown, without the secret.
    pub(super) fn digest(&self, address: &str) -> Digest {
        Digest::of(&format!("{:?}\n{address}\n{}", self.means, self.secret.expose()))
    }
}

/// The credential of a request; [`Means::Local`] or [`Means::Nothing`] without one. A cookie is a credential only where
/// the page is of this host, which the caller has made sure of.
pub(super) fn shown(headers: &HeaderMap, uri: &Uri, peer: &Peer) -> Shown {
    let shown = |means, secret: &str| Shown { means, secret: secret.to_owned().into() };
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(value) = authorization {
        // Anything but a bearer token is shown too, and opens nothing.
        let bearer = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        return shown(Means::Token, bearer.map_or("", |(_, token)| token.trim()));
    }
    if let Some(token) = in_subprotocol(headers) {
        return shown(Means::Token, &token);
    }
    for pair in uri.query().unwrap_or("").split('&') {
        match pair.split_once('=') {
            Some(("token", token)) => return shown(Means::Token, token),
            Some(("ticket", ticket)) => return shown(Means::Ticket, ticket),
            _ => {}
        }
    }
    // Before the cookie, which may be an old one of somebody else who used this browser.
    if let Some(fingerprint) = certificate(headers, peer) {
        return shown(Means::Certificate, &fingerprint);
    }
    if let Some(cookie) = cookie(headers) {
        return shown(Means::Token, cookie);
    }
    shown(if is_local(headers, peer) { Means::Local } else { Means::Nothing }, "")
}

/// The fingerprint of a certificate that was verified, here or by a proxy that is believed about it.
fn certificate(headers: &HeaderMap, peer: &Peer) -> Option<String> {
    if let Some(own) = &peer.certificate {
        return Some(own.to_string());
    }
    let mut told = headers.get_all(CERTIFICATE).iter().filter(|_| peer.certified);
    match (told.next(), told.next()) {
        (Some(one), None) => one.to_str().ok().map(str::to_ascii_lowercase).filter(|told| !told.is_empty()),
        // A proxy writes one; a second is somebody else's.
        _ => None,
    }
}

fn in_subprotocol(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut offered =
        offered.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    offered.find_map(|one| one.trim().strip_prefix(SUBPROTOCOL).map(str::to_owned))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Whether a cookie is all that a request shows.
fn only_cookie(headers: &HeaderMap, uri: &Uri) -> bool {
    let query = uri.query().unwrap_or("");
    cookie(headers).is_some()
        && !headers.contains_key(header::AUTHORIZATION)
        && in_subprotocol(headers).is_none()
        && !query.split('&').any(|pair| pair.starts_with("token=") || pair.starts_with("ticket="))
}

/// Whether a request comes from a program on this machine that reached this port itself.
///
/// A page that connects is one only if it was loaded from this machine by a name of its own: the host name of any page of the
/// web can be made to mean 127.0.0.1 while it is open. A program may use the machine's own name as well; a name or address of
/// a network came through a proxy that does not say so.
fn is_local(headers: &HeaderMap, peer: &Peer) -> bool {
    let proxied = peer.proxied || PROXY_HEADERS.iter().any(|name| headers.contains_key(*name));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(host_name);
    let loopback_host = host.is_none_or(|host| {
        host.eq_ignore_ascii_case("localhost")
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
    });
    let own_name = host.is_none_or(|host| !host.contains(['.', ':']));
    peer.ip.to_canonical().is_loopback()
        && !proxied
        && (loopback_host || own_name && !headers.contains_key(header::ORIGIN))
}

/// Where a request comes from, for lock-outs and the audit log: what our own proxies saw, else the other end itself. Anybody
/// can write the header who reaches this port without a proxy.
pub(super) fn address(headers: &HeaderMap, peer: &Peer) -> String {
    let seen = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    peer.proxies.client(peer.ip, seen.unwrap_or_default()).to_string()
}

/// Whom the connections and requests from there are counted for. Nobody where a program of this machine came directly, and where a
/// proxy on this machine does not say whom it speaks for: everybody would be one.
pub(super) fn counted(headers: &HeaderMap, peer: &Peer) -> Option<Network> {
    let address = address(headers, peer).parse::<IpAddr>().ok()?;
    let is_told = peer.proxied || headers.contains_key("x-forwarded-for") && peer.proxies.believe(peer.ip);
    (is_told || !address.is_loopback()).then(|| Network::of(address))
}

/// Who was let in: their handle for each question.
#[derive(Debug)]
pub(super) struct LetIn {
    pub handle: Private<String>,
    reply: SignInReply,
}

impl LetIn {
    /// The same for the owner's eyes.
    pub(super) fn client(&self, headers: &HeaderMap, peer: &Peer) -> Client {
        Client {
            user: self.reply.user.clone(),
            name: self.reply.name.clone(),
            device: self.reply.device.clone(),
            address: address(headers, peer),
            kind: if headers.contains_key(header::ORIGIN) { "page" } else { "program" },
        }
    }

    /// Whom the connection is counted for. Whoever has shown nothing is no user, only an address.
    pub(super) fn counted(&self, address: Option<Network>) -> Who {
        let user = (self.handle.expose() != LOCAL).then(|| self.reply.user.clone());
        Who { user, device: self.reply.device.clone(), address }
    }
}

impl Gateway {
    /// Asks the listener whether what a request shows opens anything.
    ///
    /// Errors: the response that says why not.
    pub(super) async fn let_in(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
        peer: &Peer,
    ) -> Result<LetIn, Box<Response<Body>>> {
        let Shown { means, secret } = shown(headers, uri, peer);
        let means = if self.is_open && means == Means::Nothing { Means::Local } else { means };
        if means == Means::Nothing {
            self.note_stranger(address(headers, peer));
            return Err(Box::new(refusal(Code::SignInRequired, None)));
        }
        let request = sign_in::SignIn { means, secret, address: address(headers, peer), device: None };
        match self.link.sign_in(sign_in::Request::SignIn(request)).await {
            Ok(reply) => match reply.code() {
                // A cookie that ran out is no worse than none: browsers send it to every port of this machine.
                Some(Code::SignInRequired) if only_cookie(headers, uri) && is_local(headers, peer) => {
                    let mut headers = headers.clone();
                    headers.remove(header::COOKIE);
                    Box::pin(self.let_in(&headers, uri, peer)).await
                }
                None => Ok(LetIn { handle: reply.handle.clone(), reply }),
                Some(code) => Err(Box::new(refusal(code, reply.retry_after_ms))),
            },
            // Each question is looked at by the listener anyway: whoever is local is told there that it is away.
            Err(_) if means == Means::Local => {
                Ok(LetIn { handle: LOCAL.to_owned().into(), reply: SignInReply::default() })
            }
            Err(code) => {
                if code == Code::Busy {
                    self.metrics.limited(Limit::SignIns);
                }
                Err(Box::new(refusal(code, Some(5_000))))
            }
        }
    }

    /// Lets the listener note a request that shows nothing. It is refused whatever comes of that, so nobody waits for it; of strangers
    /// that come faster than it can be noted, some are not.
    fn note_stranger(&self, address: String) {
        static UNDER_WAY: Semaphore = Semaphore::const_new(4);
        let Ok(permit) = UNDER_WAY.try_acquire() else { return };
        let link = Arc::clone(&self.link);
        tokio::spawn(async move {
            let (means, secret) = (Means::Nothing, String::new().into());
            let request = sign_in::SignIn { means, secret, address, device: None };
            link.sign_in(sign_in::Request::SignIn(request)).await.ok();
            drop(permit);
        });
    }

    /// The addresses by which people and devices sign in; `None` for any other request.
    pub(super) async fn sign_in_page(self: &Arc<Self>, request: &mut Request) -> Option<Response<Body>> {
        let name = request.uri().path().rsplit('/').next().unwrap_or("").to_owned();
        let method = request.method().clone();
        let known = matches!(
            (&method, name.as_str()),
            (&Method::GET, "whoami") | (&Method::POST, "signin" | "pair" | "signout" | "ticket")
        );
        if !known {
            return None;
        }
        let headers = request.headers().clone();
        let peer = Peer::of(request);
        if !self.origin_allowed(&headers) {
            let message = "hal: pages of this host may not sign in here.\n".to_owned();
            return Some(text(StatusCode::FORBIDDEN, "text/plain; charset=utf-8", message));
        }
        Some(match name.as_str() {
            "signin" | "pair" => {
                let body = std::mem::take(request.body_mut());
                self.sign_in_with(body, &name, &headers, request.uri(), &peer).await
            }
            other => match self.let_in(&headers, request.uri(), &peer).await {
                Err(refused) => *refused,
                Ok(who) if other == "whoami" => who_json(&who.reply, None),
                Ok(who) => self.for_who_is_in(other, who, is_secure(&headers, &peer), request.uri()).await,
            },
        })
    }

    async fn sign_in_with(
        &self,
        body: Body,
        name: &str,
        headers: &HeaderMap,
        uri: &Uri,
        peer: &Peer,
    ) -> Response<Body> {
        #[derive(Deserialize)]
        struct Form {
            secret: Private<String>,
            device: Option<String>,
        }
        if headers.contains_key(header::CONTENT_ENCODING) {
            // A few packed bytes can stand for any number of others.
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/json", PACKED.to_owned());
        }
        let bytes = match timeout(FORM_LIMIT, axum::body::to_bytes(body, FORM_BYTES_MAX)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => return refusal(Code::TooLarge, None),
            Err(_) => return refusal(Code::TooSlow, None),
        };
        let Ok(form) = serde_json::from_slice::<Form>(&bytes) else {
            return refusal(Code::BadField, None);
        };
        // The page gets a cookie, which its scripts cannot read; a device gets a token to keep.
        let means = if name == "pair" { Means::Pairing } else { Means::Page };
        let request = sign_in::SignIn {
            means,
            secret: form.secret,
            address: address(headers, peer),
            device: form.device.map(|device| device.chars().take(60).collect()),
        };
        let reply = match self.link.sign_in(sign_in::Request::SignIn(request)).await {
            Ok(reply) => reply,
            Err(code) => return refusal(code, Some(5_000)),
        };
        if let Some(code) = reply.code() {
            return refusal(code, reply.retry_after_ms);
        }
        let Some(secret) = reply.secret.clone() else { return refusal(Code::Internal, None) };
        if means == Means::Pairing {
            return who_json(&reply, Some(secret.expose()));
        }
        let mut response = who_json(&reply, None);
        set_cookie(&mut response, secret.expose(), COOKIE_SECONDS, is_secure(headers, peer), uri);
        response
    }

    async fn for_who_is_in(&self, what: &str, who: LetIn, secure: bool, uri: &Uri) -> Response<Body> {
        let handle = who.handle;
        let request = match what {
            "ticket" => sign_in::Request::Ticket { handle },
            _ => sign_in::Request::SignOut { handle },
        };
        match self.link.sign_in(request).await {
            Err(code) => refusal(code, Some(5_000)),
            Ok(reply) => match (reply.code(), reply.secret) {
                (Some(code), _) => refusal(code, reply.retry_after_ms),
                (None, Some(ticket)) => {
                    let body = serde_json::json!({"ticket": ticket.expose(), "expires_s": 60});
                    text(StatusCode::OK, "application/json", format!("{body}\n"))
                }
                (None, None) => {
                    let mut response = text(StatusCode::OK, "application/json", "{}\n".to_owned());
                    set_cookie(&mut response, "", 0, secure, uri);
                    response
                }
            },
        }
    }
}

/// Whether the browser came over TLS, here or at the proxy.
fn is_secure(headers: &HeaderMap, peer: &Peer) -> bool {
    peer.secure || headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

/// Below the folder of the page, so that other sites on the same host do not get it.
fn set_cookie(response: &mut Response<Body>, value: &str, seconds: u32, secure: bool, uri: &Uri) {
    let path = uri.path();
    let folder = &path[..path.rfind('/').map_or(0, |at| at + 1)];
    let folder = if folder.starts_with('/') && folder.is_ascii() { folder } else { "/" };
    let secure = if secure { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={value}; Path={folder}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    match HeaderValue::from_str(&cookie) {
        Ok(cookie) => drop(response.headers_mut().insert(header::SET_COOKIE, cookie)),
        Err(_) => warn!("a cookie could not be made for this address"),
    }
}

fn who_json(who: &SignInReply, token: Option<&str>) -> Response<Body> {
    let mut body = serde_json::json!({
        "signed_in": true, "user": who.user, "name": who.name, "role": who.role,
        "device": who.device, "expires_ms": who.expires_ms,
    });
    if let Some(token) = token {
        body["token"] = token.into();
    }
    text(StatusCode::OK, "application/json", format!("{body}\n"))
}

/// Why somebody is not let in, and what to do about it.
pub(super) fn refusal(code: Code, wait_ms: Option<i64>) -> Response<Body> {
    let (status, hint) = match code {
        Code::SignInRequired => (
            StatusCode::UNAUTHORIZED,
            "run `hal pair` on the server, then `hal pair CODE --server URL` here, or open /pair in a browser",
        ),
        Code::LockedOut => (StatusCode::TOO_MANY_REQUESTS, "wait, then use a new code"),
        Code::QmUnavailable | Code::Busy => (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment"),
        Code::TooSlow => (StatusCode::REQUEST_TIMEOUT, "send the whole request at once"),
        Code::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "send a code or a token"),
        Code::BadField => (StatusCode::BAD_REQUEST, "send {\"secret\": \"…\"} as JSON"),
        _ => (StatusCode::FORBIDDEN, "ask an owner of the household"),
    };
    let body = serde_json::json!({
        "code": code.as_str(), "message": code.sentence(), "hint": hint, "signed_in": false,
    });
    let mut response = text(status, "application/json", format!("{body}\n"));
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"HAL\""));
    }
    if let Some(seconds) = wait_ms.map(|wait| (wait + 999) / 1000)
        && let Ok(seconds) = HeaderValue::from_str(&seconds.to_string())
    {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn from(ip: IpAddr) -> Peer {
        Peer {
            ip,
            proxied: false,
            secure: false,
            certificate: None,
            certified: false,
            proxies: Arc::default(),
        }
    }

    fn means(lines: &[(&'static str, &'static str)], uri: &'static str, peer: IpAddr) -> (Means, String) {
        let shown = shown(&headers(lines), &Uri::from_static(uri), &from(peer));
        (shown.means, shown.secret.into_inner())
    }

    #[test]
    fn a_credential_is_found_wherever_a_client_can_put_it() {
        let token = |text: &str| (Means::Token, text.to_owned());
        assert_eq!(means(&[("authorization", "Bearer hal_a")], "/", LOOPBACK), token("hal_a"));
        assert_eq!(means(&[("authorization", "bearer hal_a")], "/", LOOPBACK), token("hal_a"));
        assert_eq!(means(&[], "/ws?audio=wav&token=hal_b", LOOPBACK), token("hal_b"));
        assert_eq!(means(&[("cookie", "a=b; hal_session=hal_c")], "/", LOOPBACK), token("hal_c"));
        let offered = [("sec-websocket-protocol", "hal, hal.token.hal_d")];
        assert_eq!(means(&offered, "/", LOOPBACK), token("hal_d"));
        assert_eq!(means(&[], "/?ticket=hal_e", LOOPBACK), (Means::Ticket, "hal_e".to_owned()));
    }

    #[test]
    fn a_credential_that_is_none_is_not_as_if_nothing_had_been_shown() {
        assert_eq!(means(&[("authorization", "Basic YTpi")], "/", LOOPBACK).0, Means::Token);
        assert_eq!(means(&[], "/?token=", LOOPBACK).0, Means::Token);
    }

    #[test]
    fn only_a_program_of_this_machine_that_came_directly_is_local() {
        let check = |lines: &[(&'static str, &'static str)], peer, expected| {
            assert_eq!(means(lines, "/", peer).0, expected, "{lines:?} from {peer}");
        };
        check(&[], LOOPBACK, Means::Local);
        check(&[("host", "127.0.0.1:8768")], LOOPBACK, Means::Local);
        check(&[("host", "localhost:8768"), ("origin", "http://localhost:8768")], LOOPBACK, Means::Local);
        check(&[], ELSEWHERE, Means::Nothing);
        for name in PROXY_HEADERS {
            check(&[(name, "x")], LOOPBACK, Means::Nothing);
        }
        // Through a proxy that adds no header of its own.
        check(&[("host", "hal.example.com")], LOOPBACK, Means::Nothing);
        check(&[("host", "192.0.2.7")], LOOPBACK, Means::Nothing);
        check(&[("host", "[2001:db8::7]:8768")], LOOPBACK, Means::Nothing);
        check(&[("host", "server:8768")], LOOPBACK, Means::Local);
        // One that a proxy's header before the first request called local.
        let named = Peer { proxied: true, ..from(LOOPBACK) };
        assert_eq!(shown(&headers(&[]), &Uri::from_static("/"), &named).means, Means::Nothing);
        // The name of a page that was made to mean this machine.
        let rebound = [("host", "evil.example.net:8768"), ("origin", "http://evil.example.net:8768")];
        check(&rebound, LOOPBACK, Means::Nothing);
        check(
            &[("host", "127.0.0.1.example.net"), ("origin", "http://127.0.0.1.example.net")],
            LOOPBACK,
            Means::Nothing,
        );
    }

    #[test]
    fn a_certificate_counts_where_it_was_verified_and_a_header_where_a_proxy_wrote_it() {
        let check = |lines: &[(&'static str, &'static str)], peer: &Peer, expected: (Means, &str)| {
            let Shown { means, secret } = shown(&headers(lines), &Uri::from_static("/"), peer);
            assert_eq!((means, secret.into_inner().as_str()), expected, "{lines:?} {peer:?}");
        };
        let header = (CERTIFICATE, "AB12");
        let own = Peer { certificate: Some("cd34".into()), ..from(ELSEWHERE) };
        let proxy = Peer { certified: true, ..from(LOOPBACK) };
        check(&[header], &proxy, (Means::Certificate, "ab12"));
        check(&[header], &from(LOOPBACK), (Means::Nothing, ""));
        check(&[header], &from(ELSEWHERE), (Means::Nothing, ""));
        check(&[], &own, (Means::Certificate, "cd34"));
        check(&[header], &own, (Means::Certificate, "cd34"));
        // Two, one of which is the client's; none, where it showed no certificate.
        check(&[header, (CERTIFICATE, "EF56")], &proxy, (Means::Nothing, ""));
        check(&[(CERTIFICATE, "")], &proxy, (Means::Nothing, ""));
        // What somebody shows on purpose counts more, an old cookie less.
        check(&[header, ("authorization", "Bearer hal_a")], &proxy, (Means::Token, "hal_a"));
        check(&[header, ("cookie", "hal_session=hal_c")], &proxy, (Means::Certificate, "ab12"));
    }

    #[test]
    fn the_address_is_what_the_nearest_proxy_saw() {
        let seen = |lines: &[(&'static str, &'static str)], peer| address(&headers(lines), &from(peer));
        assert_eq!(seen(&[], ELSEWHERE), "198.51.100.7");
        assert_eq!(seen(&[("x-forwarded-for", "203.0.113.9, 192.0.2.4")], LOOPBACK), "192.0.2.4");
        assert_eq!(seen(&[("x-forwarded-for", "192.0.2.4")], ELSEWHERE), "198.51.100.7");
        assert_eq!(seen(&[("x-forwarded-for", "nonsense")], LOOPBACK), "127.0.0.1");
    }

    #[test]
    fn the_cookie_stays_below_the_page_and_out_of_reach_of_scripts() {
        let cookie = |uri, lines: &[(&'static str, &'static str)], tls| {
            let peer = Peer { secure: tls, ..from(LOOPBACK) };
            let mut response = Response::new(Body::empty());
            set_cookie(&mut response, "hal_x", 5, is_secure(&headers(lines), &peer), &Uri::from_static(uri));
            response.headers()[header::SET_COOKIE].to_str().expect("text").to_owned()
        };
        let plain = cookie("/voice/signin", &[], false);
        assert_eq!(plain, "hal_session=hal_x; Path=/voice/; Max-Age=5; HttpOnly; SameSite=Strict");
        assert!(cookie("/signin", &[("x-forwarded-proto", "https")], false).ends_with("; Secure"));
        assert!(cookie("/signin", &[], true).ends_with("; Secure"));
    }
}
