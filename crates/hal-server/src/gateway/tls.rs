//! TLS by the gateway itself, for those without HAProxy: its certificate, read again when it changes, and the way from
//! http to https.
//!
//! A new certificate is for new connections; those that are open keep theirs and notice nothing. rustls asks
//! for the certificate at each handshake, so that nothing has to be opened or bound again. Files are looked at every
//! few seconds: the systems' own ways to be told of changes differ, need a library, and miss what certbot does, which
//! is to turn a symbolic link in a folder further up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{self, AtomicBool};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header, uri::Authority};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::{debug, info, warn};

use super::proxy_protocol::Begun;
use crate::clock::Clock;
use crate::config;
use crate::edge::certs::inspect::{self, KeyFile, Material, PEM_BYTES_MAX, Severity, inspect};
use crate::edge::certs::{self, SelfSigned, client};

/// From the first byte to the end of the handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How often the files are looked at: two calls of the system.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A certificate of our own is made again this long before its end.
const OWN_LEFT_S: i64 = 30 * 86_400;
/// Connections to the port that only redirects.
const REDIRECTS_MAX: usize = 256;
/// First byte of a TLS handshake (RFC 8446, 5.1: content type 22).
const HANDSHAKE_BYTE: u8 = 0x16;
const CHALLENGE_PATH: &str = "/.well-known/acme-challenge/";
/// RFC 8555, 8.1: a token and a thumbprint; 87 bytes in practice.
const CHALLENGE_BYTES_MAX: u64 = 4 << 10;

/// The gateway's side of TLS.
pub(crate) struct Tls {
    acceptor: RwLock<TlsAcceptor>,
    keys: Arc<Keys>,
    clients: Clients,
    /// The authority's file as it was read.
    clients_seen: Mutex<Option<(SystemTime, u64)>>,
    webroot: PathBuf,
    clock: Clock,
    /// As the settings say; none: as the certificate says.
    hsts: Option<bool>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("source", &self.keys.source).finish_non_exhaustive()
    }
}

/// Where the certificate comes from.
#[derive(Clone, Debug)]
enum Source {
    /// Somebody else's work; certificate, chain and key may stand in one file.
    Files { cert: PathBuf, key: Option<PathBuf> },
    /// Of our own authority, made here and made again in time.
    Own { dir: PathBuf, names: Vec<String> },
}

impl Source {
    fn cert(&self) -> PathBuf {
        match self {
            Source::Files { cert, .. } => cert.clone(),
            Source::Own { dir, .. } => dir.join(certs::PEM_FILE),
        }
    }

    fn key(&self) -> Option<&Path> {
        match self {
            Source::Files { key, .. } => key.as_deref(),
            Source::Own { .. } => None,
        }
    }
}

/// What a look at the files tells: enough to see that they have changed.
type Stamp = Vec<Option<(SystemTime, u64)>>;

/// The certificate of the moment.
struct Keys {
    source: Source,
    current: RwLock<Arc<CertifiedKey>>,
    /// Of an authority that strangers' browsers know, or may: not of our own.
    is_public: AtomicBool,
    stamp: Mutex<Stamp>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("source", &self.source).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Keys {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// What came of a connection.
pub(super) enum Accepted {
    Secure(Box<TlsStream<Begun>>),
    /// It does not speak TLS: somebody wrote http.
    Plain(Begun),
}

impl Tls {
    /// Reads the certificate, or makes one of our own below `data`.
    ///
    /// # Errors
    /// Files that cannot be read, no key, a key of another certificate.
    pub(crate) fn open(config: &config::Tls, data: &Path, clock: Clock) -> anyhow::Result<Tls> {
        let source = match &config.cert {
            Some(cert) => Source::Files { cert: cert.clone(), key: config.key.clone() },
            None if config.key.is_some() => bail!("tls.key is set, but not tls.cert"),
            None => Source::Own { dir: data.join("tls"), names: own_names(&config.names) },
        };
        let now_s = clock.unix_ms() / 1000;
        if let Source::Own { dir, names } = &source {
            renew_own(dir, names, now_s)?;
        }
        let stamp = stamp(&source);
        let current = load(&source, now_s)?;
        let keys = Arc::new(Keys {
            is_public: AtomicBool::new(is_public(&current)),
            source,
            current: RwLock::new(Arc::new(current)),
            stamp: Mutex::new(stamp),
        });
        let clients = Clients {
            ca: config.client_ca.clone().unwrap_or_else(|| data.join(client::FOLDER).join(client::CA_FILE)),
            is_named: config.client_ca.is_some(),
        };
        let seen = Mutex::new(clients.stamp());
        let acceptor = RwLock::new(acceptor(&keys, &clients)?);
        let webroot = config.webroot.clone().unwrap_or_else(|| data.join("acme"));
        Ok(Tls { acceptor, keys, clients, clients_seen: seen, webroot, clock, hsts: config.hsts })
    }

    /// The authority that clients must be told to trust, where it is our own.
    pub(crate) fn own_authority(&self) -> Option<PathBuf> {
        match &self.keys.source {
            Source::Own { dir, .. } => Some(dir.join(certs::CA_FILE)),
            Source::Files { .. } => None,
        }
    }

    /// Whether browsers are to insist on TLS for this name from now on. Not with a certificate of our own authority: a browser
    /// that does not know it would have no way to go on any more, and a later visit without TLS neither.
    pub(super) fn is_for_good(&self) -> bool {
        self.hsts.unwrap_or_else(|| self.keys.is_public.load(atomic::Ordering::Relaxed))
    }

    /// Shakes hands. `None`: the client was too slow, went away, or wanted something that is not spoken here.
    pub(super) async fn accept(&self, stream: Begun) -> Option<Accepted> {
        if stream.first().is_some_and(|first| first != HANDSHAKE_BYTE) {
            return Some(Accepted::Plain(stream));
        }
        let acceptor = self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone();
        match timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Some(Accepted::Secure(Box::new(stream))),
            Ok(Err(error)) => {
                debug!(%error, "tls handshake failed");
                None
            }
            Err(_) => {
                debug!("tls handshake took too long");
                None
            }
        }
    }

    /// Looks for a new certificate, every few seconds and whenever `asked`.
    pub(crate) async fn watch(self: Arc<Self>, asked: Arc<Notify>) {
        let mut interval = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                () = asked.notified() => {}
            }
            let tls = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || tls.look()).await.is_err() {
                // The runtime ends, or a bug in reading: the certificate of the moment stays.
                warn!("the certificate could not be looked at");
            }
        }
    }

    /// Reads the files again if they have changed. What cannot be used is left alone until it changes again.
    fn look(&self) {
        let now_s = self.clock.unix_ms() / 1000;
        if let Source::Own { dir, names } = &self.keys.source
            && let Err(error) = renew_own(dir, names, now_s)
        {
            warn!(error = format!("{error:#}"), "the certificate could not be made again");
        }
        self.look_at_clients();
        let stamp = stamp(&self.keys.source);
        {
            let mut seen = self.keys.stamp.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == stamp {
                return;
            }
            *seen = stamp;
        }
        match load(&self.keys.source, now_s) {
            Ok(loaded) => {
                self.keys.is_public.store(is_public(&loaded), atomic::Ordering::Relaxed);
                *self.keys.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
                info!("new certificate");
            }
            // Two files are changed one after the other: in between they do not fit, and a look later they do.
            Err(error) => {
                warn!(error = format!("{error:#}"), "the new certificate cannot be used; the old one stays")
            }
        }
    }

    /// The authority of devices may have come since, or be another.
    fn look_at_clients(&self) {
        let stamp = self.clients.stamp();
        {
            let mut seen = self.clients_seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == stamp {
                return;
            }
            *seen = stamp;
        }
        match acceptor(&self.keys, &self.clients) {
            Ok(new) => {
                *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = new;
                info!("another authority for certificates of clients");
            }
            Err(error) => warn!(
                error = format!("{error:#}"),
                "the authority for certificates of clients cannot be used; that of before stays"
            ),
        }
    }

    /// Sends what came without TLS to the same place with it.
    pub(crate) fn redirect(&self, port: Option<u16>) -> Router {
        let state = Redirect { port, webroot: self.webroot.clone() };
        Router::new().fallback(redirect).with_state(state)
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Whose certificates sign devices in.
#[derive(Debug)]
struct Clients {
    ca: PathBuf,
    /// The settings name it: then it must be there.
    is_named: bool,
}

impl Clients {
    fn stamp(&self) -> Option<(SystemTime, u64)> {
        look(&self.ca)
    }

    /// Who verifies them; `None` where there is no authority yet, and so nobody's certificate.
    fn verifier(&self) -> anyhow::Result<Option<Arc<dyn ClientCertVerifier>>> {
        if !self.is_named && !self.ca.exists() {
            return Ok(None);
        }
        let failed =
            || format!("{} cannot be used as the authority of clients' certificates", self.ca.display());
        let text = read(&self.ca).with_context(failed)?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            roots.add(certificate.with_context(failed)?).with_context(failed)?;
        }
        // Whoever shows none signs in otherwise. One of another authority ends the handshake.
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .allow_unauthenticated()
            .build()
            .with_context(failed)?;
        Ok(Some(verifier))
    }
}

fn acceptor(keys: &Arc<Keys>, clients: &Clients) -> anyhow::Result<TlsAcceptor> {
    // Older versions have known weaknesses, and everything since 2013 speaks 1.2.
    let builder = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let builder = match clients.verifier()? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut server = builder.with_cert_resolver(Arc::clone(keys) as Arc<dyn ResolvesServerCert>);
    // The WebSocket handshake is HTTP/1.1, and nothing else is spoken here.
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}

/// The fingerprint of the certificate that the other end has shown, and that was verified.
pub(super) fn fingerprint(stream: &TlsStream<Begun>) -> Option<Arc<str>> {
    let leaf = stream.get_ref().1.peer_certificates()?.first()?;
    Some(client::fingerprint(leaf).into())
}

fn look(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn stamp(source: &Source) -> Stamp {
    let mut stamp = vec![look(&source.cert())];
    stamp.extend(source.key().map(look));
    stamp
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    use std::io::Read as _;
    let failed = || format!("the certificate cannot be read from {}", path.display());
    let mut text = Vec::new();
    let file = std::fs::File::open(path).with_context(failed)?;
    file.take(PEM_BYTES_MAX).read_to_end(&mut text).with_context(failed)?;
    Ok(text)
}

/// Reads and judges. Faults that only some clients mind are logged, as serving them is better than serving nothing.
fn load(source: &Source, now_s: i64) -> anyhow::Result<CertifiedKey> {
    let cert_path = source.cert();
    let cert = read(&cert_path)?;
    let key =
        source.key().map(|path| read(path).map(|text| (path.display().to_string(), text))).transpose()?;
    let path = cert_path.display().to_string();
    let key_file = key.as_ref().map(|(path, text)| KeyFile { path, text, access: None });
    let report =
        inspect(Material::File { path: &path, text: &cert, key: key_file, access: None }, &[], now_s);
    for finding in &report.findings {
        let fix = finding.fix.as_deref().unwrap_or_default();
        match (finding.severity, finding.code) {
            (Severity::Good, _) => {}
            (
                _,
                "unreadable" | "too-many" | "no-certificate" | "no-key" | "key-encrypted" | "key-unreadable"
                | "key-mismatch",
            ) => {
                bail!("{path} cannot be used as the server's certificate: {}\nhint: {fix}", finding.text)
            }
            _ => warn!(certificate = path, finding = finding.text, fix, "the certificate has a fault"),
        }
    }
    let chain = CertificateDer::pem_slice_iter(&cert).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key.as_ref().map_or(cert.as_slice(), |(_, text)| text))?;
    Ok(CertifiedKey::from_der(chain, key, &provider())?)
}

/// Whether somebody else has signed it than `hal` or its own key, as far as the names in it tell.
fn is_public(key: &CertifiedKey) -> bool {
    let told = key.cert.first().and_then(|leaf| certs::describe(leaf));
    told.is_some_and(|told| !told.self_issued() && !certs::is_of_own(&told))
}

/// Makes the certificate of our own where there is none, where it ends soon, or where it lacks a name.
fn renew_own(dir: &Path, names: &[String], now_s: i64) -> anyhow::Result<()> {
    let pem = dir.join(certs::PEM_FILE);
    if let Ok(text) = std::fs::read(&pem)
        && let Ok(der) = CertificateDer::from_pem_slice(&text)
        && let Some(told) = certs::describe(&der)
        && told.not_after - now_s > OWN_LEFT_S
        && names.iter().all(|name| inspect::covers(&told.names, name))
    {
        return Ok(());
    }
    let mut request = SelfSigned::new(names, dir, u64::try_from(now_s).unwrap_or(0))?;
    request.force = true;
    certs::self_signed(&request)?;
    Ok(())
}

/// This machine as its own network knows it, and what the settings add. Loopback is always among them.
fn own_names(more: &[String]) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).into();
    // The same program on all three systems; the standard library has no such call.
    if let Ok(out) = std::process::Command::new("hostname").output() {
        let host = String::from_utf8_lossy(&out.stdout).trim().to_ascii_lowercase();
        if SelfSigned::new(&[&host], Path::new(""), 0).is_ok() {
            // How phones and Macs find it without a name server.
            if !host.contains('.') && host != "localhost" {
                names.push(format!("{host}.local"));
            }
            names.push(host);
        }
    }
    // "Connecting" a datagram socket sends nothing: it only asks for the way, and so for the address at its beginning.
    // The address is one for documents (RFC 5737).
    let address = std::net::UdpSocket::bind("0.0.0.0:0")
        .and_then(|socket| socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()));
    if let Ok(address) = address {
        names.push(address.ip().to_string());
    }
    names.extend(more.iter().cloned());
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

#[derive(Clone, Debug)]
struct Redirect {
    /// Port of https, where it is not the one of the request.
    port: Option<u16>,
    webroot: PathBuf,
}

async fn redirect(State(state): State<Redirect>, request: Request) -> Response<Body> {
    let plain = |status: StatusCode, text: &'static str| {
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    };
    if let Some(token) = request.uri().path().strip_prefix(CHALLENGE_PATH)
        && *request.method() == Method::GET
    {
        // certbot --webroot has put it there; whoever asks is the authority.
        let mut response = match challenge(&state.webroot, token).await {
            Some(text) => Response::new(Body::from(text)),
            None => plain(StatusCode::NOT_FOUND, "hal: no such challenge\n"),
        };
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return plain(StatusCode::BAD_REQUEST, "hal: a request without a Host\n");
    };
    let authority = match state.port {
        None => host.to_string(),
        Some(443) => host.host().to_owned(),
        Some(port) => format!("{}:{port}", host.host()),
    };
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let Ok(location) = HeaderValue::from_str(&format!("https://{authority}{target}")) else {
        return plain(StatusCode::BAD_REQUEST, "hal: not an address\n");
    };
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, "hal: use https\n");
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert("x-hal-gateway", HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    response
}

/// The file of a challenge. Tokens are base64url (RFC 8555, 8.3), so that none can lead out of the folder.
async fn challenge(webroot: &Path, token: &str) -> Option<Vec<u8>> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !(1..=128).contains(&token.len()) || !token.bytes().all(plain) {
        return None;
    }
    let path = webroot.join(&CHALLENGE_PATH[1..]).join(token);
    let metadata = tokio::fs::metadata(&path).await.ok()?;
    if !metadata.is_file() || metadata.len() > CHALLENGE_BYTES_MAX {
        return None;
    }
    tokio::fs::read(&path).await.ok()
}

/// Serves the port that only redirects, until `draining` turns true.
pub(crate) async fn serve_redirect(
    listener: TcpListener,
    tls: Arc<Tls>,
    https_port: u16,
    draining: watch::Receiver<bool>,
) {
    super::serve_beside(listener, tls.redirect(Some(https_port)), REDIRECTS_MAX, draining).await;
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
