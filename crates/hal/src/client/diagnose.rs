//! Why no conversation came about, in one sentence, and what to do: facts in, words out.
//!
//! Pure. The facts were measured against real HAProxy; `X-HAL-Proxy` alone means that HAProxy itself answered,
//! `X-HAL-Gateway` that the gateway did, neither that it was something else.

use std::io;
use std::net::SocketAddr;

use hal_server::edge::certs::{Told, describe};
use rustls::{AlertDescription, CertificateError};
use tungstenite::error::ProtocolError;

use super::url::ServerUrl;
use crate::report::Failure;

/// The name has no address.
pub(crate) fn dns(url: &ServerUrl, error: &io::Error) -> Failure {
    let text = error.to_string();
    let host = &url.host;
    if text.contains("Temporary failure") || text.contains("try again") {
        return Failure::new(format!("the name {host} cannot be looked up just now")).hint(
            "check this machine's network and DNS server; a name that works: `getent hosts example.com`",
        );
    }
    Failure::new(format!("the name {host} has no address")).hint(format!(
        "check the spelling; with a domain of your own add a DNS record: {host}. A YOUR-ADDRESS"
    ))
}

pub(crate) fn dns_timeout(url: &ServerUrl) -> Failure {
    Failure::new(format!("the DNS server did not answer for {} in time", url.host))
        .hint("check this machine's network and DNS server")
}

/// No address of the host could be connected to.
pub(crate) fn tcp(url: &ServerUrl, tried: &[(SocketAddr, io::Error)]) -> Failure {
    let each: Vec<String> =
        tried.iter().map(|(address, error)| format!("{address} {}", in_words(error))).collect();
    let failure = Failure::new(format!("cannot connect to {url}: {}", each.join("; ")));
    let kind = |kind: io::ErrorKind| tried.iter().any(|(_, error)| error.kind() == kind);
    let own_machine = tried.iter().all(|(address, _)| address.ip().is_loopback());
    let mixed = tried.iter().any(|(a, _)| a.is_ipv4()) && tried.iter().any(|(a, _)| a.is_ipv6());
    if kind(io::ErrorKind::ConnectionRefused) {
        if own_machine {
            return failure
                .hint("no server runs on this machine at that port; start one with `hal serve`, or `hal serve --demo`")
                .hint("a server elsewhere is named with --server URL or HAL_SERVER_URL");
        }
        let program =
            if matches!(url.port, 80 | 443) { "HAProxy (`systemctl status haproxy`)" } else { "the gateway" };
        let failure = failure
            .hint(format!("the machine is there, but nothing listens on port {}: start {program}", url.port));
        if url.port == 8768 {
            return failure.hint(
                "a gateway listens on its own machine only, unless started with --listen ADDRESS:8768",
            );
        }
        return failure;
    }
    let failure = if kind(io::ErrorKind::TimedOut) {
        failure
            .hint(format!("a firewall drops port {}, or the machine is off or has another address", url.port))
    } else {
        failure.hint("check the address and this machine's network")
    };
    if mixed {
        return failure.hint(
            "if only IPv6 fails, the AAAA record leads nowhere: remove it or let HAProxy listen there",
        );
    }
    failure
}

fn in_words(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused the connection",
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "did not answer in time",
        io::ErrorKind::HostUnreachable => "cannot be reached",
        io::ErrorKind::NetworkUnreachable => "is in a network that cannot be reached",
        io::ErrorKind::AddrNotAvailable => "is not available on this machine",
        io::ErrorKind::ConnectionReset => "cut the connection",
        _ => "failed",
    }
}

/// The TLS handshake failed; `chain` is what the server showed, leaf first.
pub(crate) fn tls(url: &ServerUrl, error: &io::Error, chain: &[Vec<u8>]) -> Failure {
    let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::TimedOut => Failure::new(format!("{} did not answer the TLS handshake in time", url.authority()))
                .hint("something else than a TLS server may listen there; without TLS the address begins with ws://"),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Failure::new(format!("{} closed the connection during the TLS handshake", url.authority()))
                    .hint("HAProxy does so when one address opens too many connections; wait a minute and try again")
                    .hint("or the port expects no TLS; without it the address begins with ws://")
            }
            _ => Failure::new(format!("the TLS handshake with {} failed: {error}", url.authority())),
        };
    };
    match inner {
        rustls::Error::InvalidCertificate(reason) => certificate(url, reason, chain),
        rustls::Error::InvalidMessage(_) => {
            let plain = url.clone().with_secure(false);
            Failure::new(format!("{} does not speak TLS at port {}", url.host, url.port))
                .hint(format!("for a server without TLS: --server {plain}"))
                .hint("HAProxy speaks TLS at port 443, not at port 80")
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            Failure::new(format!("the server does not know the name {}", url.host))
                .hint("use the name the server was set up with (`hal haproxy --domain NAME`)")
        }
        rustls::Error::AlertReceived(alert) => {
            Failure::new(format!("the server refused the TLS handshake: {alert:?}"))
                .hint("HAL needs TLS 1.2 or 1.3 on the server")
        }
        other => Failure::new(format!("the TLS handshake with {} failed: {other}", url.authority())),
    }
}

fn certificate(url: &ServerUrl, reason: &CertificateError, chain: &[Vec<u8>]) -> Failure {
    let leaf = chain.first().and_then(|der| describe(der));
    let host = &url.host;
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Failure::new(format!(
            "the server's certificate has expired{}",
            dated(leaf.as_ref().map(|leaf| leaf.not_after))
        ))
        .hint(
            "renew it on the server: `certbot renew`, or `hal cert self-signed --force`, then reload HAProxy",
        )
        .hint("if it is new, this machine's clock is wrong: check the date here"),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let from = dated(leaf.as_ref().map(|leaf| leaf.not_before));
            Failure::new(format!("the server's certificate is not valid yet{from}"))
                .hint("usually this machine's clock is wrong: check the date here")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = leaf.map(|leaf| leaf.names).unwrap_or_default();
            if names.is_empty() {
                return Failure::new(format!("the server's certificate names no host, so it is not valid for {host}"))
                    .hint(format!("a name in the subject alone does not count; make one with `hal cert self-signed --domain {host}`"));
            }
            Failure::new(format!("the server's certificate is for {}, not for {host}", names.join(", ")))
                .hint(format!("use that name in the address, or make a certificate for {host}"))
        }
        CertificateError::UnknownIssuer => unknown_issuer(host, leaf.as_ref(), chain.len()),
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            Failure::new("the server shows the certificate of a CA as its own, which TLS clients refuse")
                .hint(format!(
                    "make one that is not a CA: `hal cert self-signed --domain {host}`, then reload HAProxy"
                ))
        }
        other => Failure::new(format!("the server's certificate is not accepted: {other:?}")),
    }
}

/// One error of rustls for three faults; what the server showed tells them apart.
fn unknown_issuer(host: &str, leaf: Option<&Told>, shown: usize) -> Failure {
    match leaf {
        Some(leaf) if leaf.issuer.contains("HAL local CA") => Failure::new(format!(
            "the certificate of {host} comes from a CA of your own that this machine does not trust"
        ))
        .hint("copy hal-ca.pem from the server and name it: --ca hal-ca.pem (or HAL_CA)"),
        Some(leaf) if leaf.self_issued() => {
            Failure::new(format!("the certificate of {host} is self-signed: nobody vouches for it"))
                .hint("if it is yours, name it with --ca FILE; better make one with `hal cert self-signed`")
        }
        Some(leaf) if shown == 1 => Failure::new(format!(
            "the certificate of {host} comes from {}, which this machine does not know",
            leaf.issuer
        ))
        .hint("the server may have forgotten the intermediate certificate: use fullchain.pem, not cert.pem")
        .hint("for a CA of your own name its certificate with --ca FILE"),
        Some(leaf) => Failure::new(format!(
            "the certificate of {host} comes from {}, which this machine does not know",
            leaf.issuer
        ))
        .hint("for a CA of your own name its certificate with --ca FILE"),
        None => {
            Failure::new(format!("the certificate of {host} comes from a CA that this machine does not know"))
                .hint("for a CA of your own name its certificate with --ca FILE")
        }
    }
}

fn dated(unix: Option<i64>) -> String {
    let Some(unix) = unix else { return String::new() };
    // Day 732 of the database's calendar is 1 January 1970.
    let (year, month, day) = hal_db::date::ymd_from_day(unix.div_euclid(86_400) + 732);
    format!(" ({year:04}-{month:02}-{day:02})")
}

/// The beginning of an HTTP answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HttpHead {
    pub(crate) version: String,
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl HttpHead {
    /// Reads as much as came. `None`: it does not begin like HTTP.
    pub(crate) fn parse(bytes: &[u8]) -> Option<HttpHead> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let mut first = lines.next()?.splitn(3, ' ');
        let version = first.next()?.strip_prefix("HTTP/")?.to_owned();
        let status = first.next()?.parse().ok()?;
        let headers = lines
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(HttpHead { version, status, headers })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The WebSocket handshake failed; `head` is what the server sent.
pub(crate) fn handshake(url: &ServerUrl, error: &tungstenite::Error, head: &[u8]) -> Failure {
    if let Some(http) = HttpHead::parse(head) {
        if http.status == 101 {
            return switched(url, error);
        }
        return answered(url, &http);
    }
    if url.secure {
        if head.is_empty() {
            return silent(url, error);
        }
    } else if matches!(head.first(), Some(0x14..=0x17)) {
        // The content types of TLS records.
        return wants_tls(url);
    } else if head.is_empty() {
        return silent(url, error);
    }
    if head.first() == Some(&b'{') {
        // It answers with JSON lines.
        return Failure::new(format!("{} is a QM listener, and questions go to a gateway", url.authority()))
            .hint("the gateway of the same server usually listens on port 8768");
    }
    Failure::new(format!("what listens at {} is not a web server", url.authority()))
        .hint("check host and port; the gateway listens on 8768, HAProxy on 443")
}

fn wants_tls(url: &ServerUrl) -> Failure {
    Failure::new(format!("{} expects TLS", url.authority()))
        .hint(format!("use https: --server {}", url.clone().with_secure(true)))
}

/// It took the connection and said nothing.
fn silent(url: &ServerUrl, error: &tungstenite::Error) -> Failure {
    let timed_out = matches!(error, tungstenite::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut);
    if timed_out {
        return Failure::new(format!("{} took the connection but did not answer in time", url.authority()))
            .hint("the server may be overloaded or hang; `curl -i` on its /healthz tells");
    }
    let failure = Failure::new(format!("{} closed the connection without an answer", url.authority()));
    if url.secure {
        return failure
            .hint("what is behind the TLS port is not a web server, or it is restarting; try again");
    }
    failure
        .hint(format!(
            "a TLS port does this to plain connections; try --server {}",
            url.clone().with_secure(true)
        ))
        .hint("HAProxy does so when one address opens too many connections")
}

/// It agreed to the WebSocket, but not correctly.
fn switched(url: &ServerUrl, error: &tungstenite::Error) -> Failure {
    if matches!(error, tungstenite::Error::Protocol(ProtocolError::SecWebSocketAcceptKeyMismatch)) {
        return Failure::new("the WebSocket handshake came back with a wrong key")
            .hint("a proxy in between removed or cached Sec-WebSocket-Key; let it pass this header");
    }
    Failure::new(format!("{} answered the WebSocket handshake wrongly: {error}", url.authority()))
        .hint("a proxy in between may remove the headers Upgrade and Connection; let it pass them")
}

/// It answered with HTTP, but not with a WebSocket.
fn answered(url: &ServerUrl, http: &HttpHead) -> Failure {
    let gateway = http.header("x-hal-gateway").is_some();
    let proxy = http.header("x-hal-proxy").is_some();
    let who = if gateway {
        "the gateway"
    } else if proxy {
        "HAProxy"
    } else {
        "the server"
    };
    let status = http.status;
    let failure = match status {
        301 | 302 | 303 | 307 | 308 => return redirected(url, http.header("location")),
        401 => Failure::new(format!("{who} wants a sign-in (401)"))
            .hint("on the server run `hal pair`, then here `hal pair CODE --server URL`, or set HAL_TOKEN")
            .hint("a device that was paired before may have been shut out: `hal device list` on the server"),
        403 if proxy => Failure::new("HAProxy refused this machine's address (403)")
            .hint("without TLS it answers private networks only; from elsewhere use https and `--mode subdomain`"),
        403 => Failure::new(format!("{who} refused access (403)"))
            .hint("check the address; a proxy or firewall in between may refuse WebSockets"),
        421 => Failure::new(format!("HAProxy does not serve the name {} (421)", url.host))
            .hint("use the name it was set up with, or write its file again: `hal haproxy --domain NAME`"),
        426 if gateway || proxy => Failure::new("the WebSocket handshake lost its Upgrade header on the way (426)")
            .hint("a proxy in between removes Upgrade or Connection, or speaks HTTP/1.0; let it pass WebSockets"),
        426 => Failure::new(format!("{} wants another protocol (426), so it is not a HAL server", url.authority()))
            .hint("check host, port and path"),
        429 => {
            let wait = http.header("retry-after").filter(|wait| wait.bytes().all(|byte| byte.is_ascii_digit()));
            let wait = wait.map_or("a minute".to_owned(), |seconds| format!("{seconds} seconds"));
            Failure::new(format!("{who} has too many requests from this address (429)"))
                .hint(format!("wait {wait}; more at once: `hal haproxy --websockets-per-address N`"))
        }
        502..=504 if gateway => Failure::new("the gateway is too busy or restarting")
            .hint("try again in a few seconds"),
        502..=504 if proxy => Failure::new(format!("HAProxy is there, but no gateway behind it ({status})"))
            .hint("start it with `hal serve` on its machine, and check what HAProxy sees: http://127.0.0.1:8404/stats there")
            .hint("in HAProxy's file write 127.0.0.1:8768, not localhost:8768, which it takes for ::1"),
        502..=504 => Failure::new(format!("a proxy at {} has no server behind it ({status})", url.authority()))
            .hint("check that the gateway runs, and that the proxy leads to its port 8768"),
        500.. => Failure::new(format!("{who} had an error of its own ({status})")).hint("its log says more"),
        // nginx on its TLS port, and Go's server.
        400 if !gateway && !proxy && !url.secure => Failure::new(format!("{} refused the request (400)", url.authority()))
            .hint(format!("if that is a TLS port: --server {}", url.clone().with_secure(true))),
        _ if gateway => Failure::new(format!("the gateway refused the WebSocket ({status})"))
            .hint("a proxy in between may change the handshake; try without it"),
        _ => Failure::new(format!("{} is a web server, but not HAL ({status})", url.authority()))
            .hint("check host, port and path; the gateway itself listens on port 8768")
            .hint("behind a shared name the path is usually /voice or /ws"),
    };
    if http.version == "1.0" {
        return failure.hint("the answer is HTTP/1.0: remove the `errorfile` lines from HAProxy's file");
    }
    failure
}

fn redirected(url: &ServerUrl, location: Option<&str>) -> Failure {
    let Some(location) = location else {
        return Failure::new(format!("{} redirects to nowhere", url.authority())).hint("check the address");
    };
    match ServerUrl::parse(location) {
        Ok(target) if target.secure && !url.secure => {
            Failure::new(format!("{} wants TLS: it redirects to {location}", url.authority()))
                .hint(format!("use https: --server {target}"))
        }
        Ok(target) => Failure::new(format!("{} redirects to {location}", url.authority()))
            .hint(format!("if that is your server: --server {target}")),
        Err(_) => Failure::new(format!("{} redirects to {location}", url.authority()))
            .hint("that is usually a web page, not HAL; check the path"),
    }
}
