//! Which HTTP request is a WebSocket, which is a health check, which wants the page.
//!
//! Proxies and people with curl come to this port too. A health check must be answered 200 even where it carries
//! half an upgrade, as the deployment document's does; a real upgrade that lost a header on its way must say which.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, atomic};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use hal_wire::client::Greeting;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::conn::{self, Wishes};
use super::proxy_protocol::{self, Whose};
use super::sign_in::{self, Peer};
use super::tls::{self, Accepted};
use super::{Gateway, Proxies, limited, page, security, socket};
use crate::limits::{Limit, Waiting};

const HEADERS_LIMIT: Duration = Duration::from_secs(10);
const HEADER_BYTES_MAX: usize = 16 << 10;
/// A connection that is no WebSocket is asked to end after this, and ends after as long again: who reads an answer a byte at a
/// time must not keep a place.
const HTTP_LIMIT: Duration = Duration::from_secs(60);
/// One place may have this part of the connections whose request has not come.
const WAITING_SHARE: usize = 4;

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 38\r\n\
    X-HAL-Gateway: busy\r\nRetry-After: 5\r\nConnection: close\r\n\r\nhal: too many connections, try again.\n";

#[derive(Clone)]
struct Shared {
    gateway: Arc<Gateway>,
    draining: watch::Receiver<bool>,
    sockets: Arc<Semaphore>,
}

/// Serves until `draining` turns true and every session has had its answer, or the drain limit has passed.
pub(crate) async fn serve(listener: TcpListener, gateway: Arc<Gateway>, mut draining: watch::Receiver<bool>) {
    let connections_max = gateway.config.connections_max;
    let drain_limit = Duration::from_secs(gateway.config.drain_seconds);
    let connections = Arc::new(Semaphore::new(connections_max));
    let sockets = Arc::new(Semaphore::new(connections_max));
    let metrics = Arc::clone(&gateway.metrics);
    let shared =
        Shared { gateway: Arc::clone(&gateway), draining: draining.clone(), sockets: Arc::clone(&sockets) };
    let (limits, waiting) = (Arc::clone(&gateway.limits), Arc::new(Waiting::default()));
    let service = service(Router::new().fallback(route).with_state(shared));
    let drained = async {
        draining.wait_for(|draining| *draining).await.ok();
        // The health check goes on saying 503 while sessions end.
        let all = u32::try_from(connections_max).unwrap_or(u32::MAX);
        tokio::time::timeout(drain_limit, sockets.acquire_many(all)).await.is_ok()
    };
    tokio::pin!(drained);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            clean = &mut drained => {
                debug!(clean, "gateway drained");
                return;
            }
        };
        let (mut stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                not_accepted(&error).await;
                continue;
            }
        };
        let proxies = gateway.proxies();
        let may_be_proxy = proxies.believe(peer.ip());
        let most = limited::waiting_max(&limits.settings(), connections_max / WAITING_SHARE, may_be_proxy);
        let waits = waiting.begin(peer.ip(), most);
        if waits.is_none() {
            metrics.limited(Limit::Waiting);
        }
        let Some(place) =
            waits.and_then(|waits| Some((waits, Arc::clone(&connections).try_acquire_owned().ok()?)))
        else {
            metrics.connections_refused.fetch_add(1, atomic::Ordering::Relaxed);
            tokio::spawn(async move {
                // Said to a client that may be gone already; it fits into the buffer of any new connection.
                stream.write_all(BUSY).await.ok();
            });
            continue;
        };
        let (service, gateway) = (service.clone(), Arc::clone(&gateway));
        tokio::spawn(async move {
            connection(stream, peer.ip(), proxies, service, &gateway).await;
            drop(place);
        });
    }
}

type Service = TowerToHyperService<Router>;

/// Serves `router` beside the gateway, to at most `connections_max` at once, until `draining` turns true. More than that
/// are not people: they are let go without a word.
pub(crate) async fn serve_beside(
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    mut draining: watch::Receiver<bool>,
) {
    let connections = Arc::new(Semaphore::new(connections_max));
    let service = service(router);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = draining.wait_for(|draining| *draining) => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                not_accepted(&error).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else { continue };
        let service = service.clone();
        tokio::spawn(async move {
            http(stream, service).await;
            drop(permit);
        });
    }
}

/// Out of file descriptors, most likely: pauses instead of spinning.
async fn not_accepted(error: &std::io::Error) {
    warn!(%error, "connection not accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

fn service(router: Router) -> Service {
    TowerToHyperService::new(router)
}

async fn connection(
    stream: TcpStream,
    peer: IpAddr,
    proxies: Arc<Proxies>,
    service: Service,
    gateway: &Gateway,
) {
    stream.set_nodelay(true).ok();
    let Some((stream, whose)) = proxy_protocol::begin(stream, peer, &proxies).await else { return };
    let Whose { ip, proxied } = whose;
    // The other end itself: it is who writes headers, whoever it speaks for.
    let certified = proxies.certifies(peer);
    let peer = Peer { ip, proxied, proxies, secure: false, certified, certificate: None };
    let named = |peer: Peer| {
        service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            service.call(request)
        })
    };
    let Some(tls) = &gateway.tls else { return http(stream, named(peer)).await };
    match tls.accept(stream).await {
        Some(Accepted::Secure(stream)) => {
            let certificate = tls::fingerprint(&stream);
            // What comes over TLS of our own was written by the client, even where a proxy passed it on.
            let peer = Peer { secure: true, certified: false, certificate, ..peer };
            http(*stream, named(peer)).await
        }
        Some(Accepted::Plain(stream)) => http(stream, self::service(tls.redirect(None))).await,
        None => {
            gateway.metrics.handshakes_failed.fetch_add(1, atomic::Ordering::Relaxed);
        }
    }
}

/// Speaks HTTP/1.1 on a connection until it ends or becomes a WebSocket.
async fn http<S>(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, service: S)
where
    S: hyper::service::Service<hyper::Request<Incoming>, Response = Response<Body>, Error = Infallible>,
{
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_LIMIT)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let served = match timeout(HTTP_LIMIT, connection.as_mut()).await {
        Ok(served) => served,
        Err(_) => {
            connection.as_mut().graceful_shutdown();
            timeout(HTTP_LIMIT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        // HAProxy resets its health checks: not worth more than a trace.
        debug!(%error, "http connection ended");
    }
}

async fn route(State(shared): State<Shared>, mut request: Request) -> Result<Response<Body>, Infallible> {
    let draining = *shared.draining.borrow();
    if let Err(refused) = shared.gateway.requested(&request) {
        return Ok(limited::too_many(&refused));
    }
    let only_tls =
        Peer::of(&request).secure && shared.gateway.tls.as_ref().is_some_and(|tls| tls.is_for_good());
    let mut response = match upgrade_of(request.headers()) {
        Upgrade::Complete if request.method() == Method::GET => upgrade(shared, request).await,
        Upgrade::Missing(headers) => missing(&headers),
        Upgrade::Complete | Upgrade::None => match shared.gateway.sign_in_page(&mut request).await {
            Some(response) => response,
            None => match shared.gateway.admin_page(&mut request).await {
                Some(response) => response,
                None => plain(&request, draining),
            },
        },
    };
    response.headers_mut().insert("x-hal-gateway", HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    security::add(response.headers_mut(), only_tls);
    Ok(response)
}

/// How much of a WebSocket handshake a request carries.
#[derive(Debug, PartialEq, Eq)]
enum Upgrade {
    Complete,
    /// A real attempt whose named headers were lost or never sent.
    Missing(Vec<&'static str>),
    None,
}

fn upgrade_of(headers: &HeaderMap) -> Upgrade {
    let upgrade = has_token(headers, &header::UPGRADE, "websocket");
    let connection = has_token(headers, &header::CONNECTION, "upgrade");
    let key = headers.contains_key(header::SEC_WEBSOCKET_KEY);
    let version = headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    // `Upgrade: websocket` alone is what HAProxy sends for the deployment document's check: not an attempt.
    let attempt = key || headers.contains_key(header::SEC_WEBSOCKET_VERSION) || (upgrade && connection);
    if !attempt {
        return Upgrade::None;
    }
    let missing: Vec<&'static str> = [
        (upgrade, "Upgrade: websocket"),
        (connection, "Connection: Upgrade"),
        (key, "Sec-WebSocket-Key"),
        (version, "Sec-WebSocket-Version: 13"),
    ]
    .into_iter()
    .filter_map(|(present, name)| (!present).then_some(name))
    .collect();
    if missing.is_empty() { Upgrade::Complete } else { Upgrade::Missing(missing) }
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

fn missing(headers: &[&'static str]) -> Response<Body> {
    let message = format!(
        "hal: this WebSocket handshake arrived without {}. A proxy on the way may have removed it.\n",
        headers.join(", ")
    );
    let mut response = text(StatusCode::UPGRADE_REQUIRED, "text/plain; charset=utf-8", message);
    let fixed = response.headers_mut();
    fixed.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    fixed.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    fixed.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

async fn upgrade(shared: Shared, mut request: Request) -> Response<Body> {
    let draining = *shared.draining.borrow();
    if draining {
        return status(StatusCode::SERVICE_UNAVAILABLE, "draining");
    }
    if !shared.gateway.origin_allowed(request.headers()) {
        let message = "hal: pages of this host may not connect; add it to gateway.origins in hal.toml.\n";
        return text(StatusCode::FORBIDDEN, "text/plain; charset=utf-8", message.to_owned());
    }
    // Before anybody is asked who that is: there is no place anyway.
    let Ok(permit) = Arc::clone(&shared.sockets).try_acquire_owned() else {
        shared.gateway.metrics.connections_refused.fetch_add(1, atomic::Ordering::Relaxed);
        return busy();
    };
    let peer = Peer::of(&request);
    let who = match shared.gateway.let_in(request.headers(), request.uri(), &peer).await {
        Ok(who) => who,
        Err(refused) => return *refused,
    };
    let address = sign_in::counted(request.headers(), &peer);
    let (gateway, draining) = (shared.gateway, shared.draining);
    let admitted = gateway.limits.admit(who.counted(address), gateway.clock.now_ms());
    let client = Arc::new(who.client(request.headers(), &peer));
    let wishes = Wishes { handle: who.handle, who: client, ..wishes(request.uri(), request.headers()) };
    let Some((response, handshake)) = socket::accept(&mut request) else {
        return status(StatusCode::BAD_REQUEST, "no upgrade");
    };
    match admitted {
        Ok(admission) => drop(tokio::spawn(async move {
            let admission = Arc::new(admission);
            if let Some(socket) = handshake.socket(Arc::clone(&admission), gateway.clock).await {
                conn::run(gateway, socket, admission, wishes, draining).await;
            }
            drop(permit);
        })),
        Err(refused) => match gateway.turn_away(handshake, &wishes, refused) {
            Ok(()) => drop(permit),
            Err(refused) => return limited::too_many(&refused),
        },
    }
    response
}

/// There is no place for another WebSocket.
fn busy() -> Response<Body> {
    let mut response = status(StatusCode::SERVICE_UNAVAILABLE, "busy");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// `?greeting=state` for clients that accept no other first frame, `?audio=wav` for spoken answers.
fn wishes(uri: &Uri, headers: &HeaderMap) -> Wishes {
    let mut wishes = Wishes { web: headers.contains_key(header::ORIGIN), ..Wishes::default() };
    for pair in uri.query().unwrap_or("").split('&') {
        match pair {
            "greeting=state" => wishes.greeting = Greeting::State,
            "audio=wav" => wishes.audio = true,
            _ => {}
        }
    }
    wishes
}

/// A browser tells which page wants to connect. Any page of the web could reach a server on its reader's own
/// machine, so only pages of this host may, on any port, and those that the settings name.
pub(super) fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if allowed.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin)) {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(host_name);
    let origin = origin.split_once("://").map(|(_, rest)| host_name(rest));
    matches!((host, origin), (Some(host), Some(origin)) if host.eq_ignore_ascii_case(origin))
}

/// `example.com` of `example.com:8768`, `[::1]` of `[::1]:8768`.
pub(super) fn host_name(authority: &str) -> &str {
    let end =
        if authority.starts_with('[') { authority.find(']').map(|at| at + 1) } else { authority.find(':') };
    &authority[..end.unwrap_or(authority.len())]
}

fn plain(request: &Request, draining: bool) -> Response<Body> {
    match *request.method() {
        Method::OPTIONS => {
            let mut response = status(StatusCode::OK, "ok");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
            if draining {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            response
        }
        Method::GET | Method::HEAD => {
            let mut response = get(request.uri().path(), wants_page(request.headers()), draining);
            // HAProxy cuts the conversations of a server that fails its check; after 404 (`disable-on-404`) it only
            // sends nobody new.
            if draining && request.uri().query() == Some("draining=404") {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        }
        _ => {
            let mut response = status(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
            response
        }
    }
}

pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn get(path: &str, wants_page: bool, draining: bool) -> Response<Body> {
    let name = path.rsplit('/').next().unwrap_or("");
    match name {
        "healthz" | "health" => health(draining),
        // A probe of `/` is a health check; a browser says that it wants a page.
        "" if !wants_page => health(draining),
        // The page itself asks who is there.
        "signin" | "pair" if wants_page => {
            page::asset("/").unwrap_or_else(|| status(StatusCode::NOT_FOUND, "not found"))
        }
        _ => match page::asset(path) {
            Some(response) => response,
            // `/voice` is the page below `/voice/`: its files are named relative to it.
            None if wants_page && !name.contains('.') => {
                let mut response = status(StatusCode::PERMANENT_REDIRECT, "moved");
                if let Ok(location) = HeaderValue::from_str(&format!("{name}/")) {
                    response.headers_mut().insert(header::LOCATION, location);
                }
                response
            }
            None => status(StatusCode::NOT_FOUND, "not found"),
        },
    }
}

/// Liveness of the gateway alone: a listener that is away is not cured by cutting off everybody.
fn health(draining: bool) -> Response<Body> {
    if draining { status(StatusCode::SERVICE_UNAVAILABLE, "draining") } else { status(StatusCode::OK, "ok") }
}

fn status(code: StatusCode, word: &str) -> Response<Body> {
    text(code, "application/json", format!("{{\"service\":\"hal-voice-gateway\",\"status\":\"{word}\"}}\n"))
}

pub(super) fn text(code: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
