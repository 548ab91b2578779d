//! Writes the HAProxy configuration for a gateway: options in, text out.
//!
//! [`render`] is pure: it opens no file and runs no program. [`installed`] asks the HAProxy of this
//! machine what it is and lets it check a file.
//!
//! A mode is one variant of [`Mode`] and one row of answers in its `impl` (is there TLS, which names are
//! served, what else is worth a line at the top). The sections below only ask those questions, so that a new
//! mode (by path, by address) adds a variant and its answers.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

pub mod installed;

/// Where HAProxy looks for the certificate unless told otherwise.
pub const CERT_DEFAULT: &str = "/etc/haproxy/certs/hal.pem";
/// The gateway on the same machine. An address, not `localhost`: see [`Gateway`].
pub const GATEWAY_DEFAULT: &str = "127.0.0.1:8768";
/// Open WebSockets for one address: a household or a small office behind one router.
pub const WEBSOCKETS_PER_ADDRESS_DEFAULT: u32 = 32;

/// How clients find the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `wss://NAME/`: a name of its own, TLS at HAProxy, port 80 redirects.
    Subdomain { domain: Domain, cert: PathBuf },
    /// `ws://HOST/` without TLS, answered for private networks only.
    Plain,
}

impl Mode {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Mode::Subdomain { .. } => "subdomain",
            Mode::Plain => "plain",
        }
    }

    fn cert(&self) -> Option<&Path> {
        match self {
            Mode::Subdomain { cert, .. } => Some(cert),
            Mode::Plain => None,
        }
    }

    fn domain(&self) -> Option<&Domain> {
        match self {
            Mode::Subdomain { domain, .. } => Some(domain),
            Mode::Plain => None,
        }
    }

    /// Without TLS everything said can be read on the way: only private networks get an answer.
    fn private_networks_only(&self) -> bool {
        self.cert().is_none()
    }

    /// The word for `X-Forwarded-Proto`.
    fn scheme(&self) -> &'static str {
        if self.cert().is_some() { "https" } else { "http" }
    }
}

/// A DNS name, lower case, without the final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

impl Domain {
    /// Accepts letters, digits and hyphens in labels of 1–63 bytes, 253 in all (RFC 1035, 2.3.4), at least one dot or `localhost`.
    ///
    /// # Errors
    /// [`Refused::Domain`] with the reason, also for an address, a URL or a wildcard.
    pub fn parse(text: &str) -> Result<Domain, Refused> {
        let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
        let refuse = |why: &'static str| Err(Refused::Domain { given: text.to_owned(), why });
        if name.is_empty() {
            return refuse("it is empty");
        }
        if name.contains("://") || name.contains('/') {
            return refuse("give the bare name, without https:// and path");
        }
        if name.parse::<IpAddr>().is_ok() || name.starts_with('[') {
            return refuse("it is an address, and this mode routes by name");
        }
        if name.contains(':') {
            return refuse("give the bare name; the port goes into --https-port");
        }
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if name.len() > 253 || !name.split('.').all(label_ok) {
            return refuse(
                "labels are letters, digits and inner hyphens, 63 at most (write an IDN as xn--…)",
            );
        }
        Ok(Domain(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One gateway: `HOST:PORT`, an address or a name that HAProxy resolves when it starts.
///
/// `localhost` becomes `127.0.0.1`. HAProxy takes the first answer of the resolver for it, which is `::1` with
/// the `/etc/hosts` of Debian and others; a gateway on 127.0.0.1 or 0.0.0.0 is then "Connection refused".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    host: String,
    port: u16,
    was_localhost: bool,
}

impl Gateway {
    /// # Errors
    /// [`Refused::Gateway`] with the reason: a URL, no port, port 0, a bad host.
    pub fn parse(text: &str) -> Result<Gateway, Refused> {
        let text = text.trim();
        let refuse = |why: &'static str| Refused::Gateway { given: text.to_owned(), why };
        if text.contains("://") || text.contains('/') {
            return Err(refuse("give HOST:PORT, without a scheme and path"));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                rest.split_once("]:").ok_or_else(|| refuse("an IPv6 address is written [ADDRESS]:PORT"))?
            }
            None => text
                .rsplit_once(':')
                .ok_or_else(|| refuse("the port is missing (8768 unless you changed it)"))?,
        };
        let port: u16 =
            port.parse().ok().filter(|&port| port != 0).ok_or_else(|| refuse("the port is 1 to 65535"))?;
        if text.starts_with('[') {
            let address: std::net::Ipv6Addr =
                host.parse().map_err(|_| refuse("there is no IPv6 address between [ and ]"))?;
            return Ok(Gateway { host: format!("[{address}]"), port, was_localhost: false });
        }
        if host.contains(':') {
            return Err(refuse("an IPv6 address is written [ADDRESS]:PORT"));
        }
        if host.eq_ignore_ascii_case("localhost") {
            return Ok(Gateway { host: Ipv4Addr::LOCALHOST.to_string(), port, was_localhost: true });
        }
        if host.parse::<Ipv4Addr>().is_ok() {
            return Ok(Gateway { host: host.to_owned(), port, was_localhost: false });
        }
        let host = Domain::parse(host).map_err(|_| refuse("the host is not an address and not a name"))?;
        Ok(Gateway { host: host.0, port, was_localhost: false })
    }

    /// True when `localhost` was given and an address is written instead.
    pub fn was_localhost(&self) -> bool {
        self.was_localhost
    }
}

impl std::fmt::Display for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// As which kind of process HAProxy runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Process {
    /// Started by root as a service: drops to the user `haproxy` in a chroot, logs to syslog.
    Service,
    /// Started by anyone in the foreground: keeps its user, logs to stderr. `runtime_dir` is where the admin socket goes,
    /// if one is wanted.
    Foreground { runtime_dir: Option<PathBuf> },
}

/// What the HAProxy that will read the file is able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    pub version: Version,
    /// The Prometheus exporter is compiled in (`haproxy -vv` names it).
    pub prometheus: bool,
}

/// `major.minor` of HAProxy; the patch level changes no syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
}

impl Version {
    /// The oldest one that has everything used here: `host_only` came with 2.4.
    pub const OLDEST: Version = Version { major: 2, minor: 4 };
    /// Assumed when none is installed: Debian 12, and everything newer reads it too.
    pub const ASSUMED: Version = Version { major: 2, minor: 6 };

    /// Reads `2.6`, `2.6.12-1+deb12u4` or `3.5-dev2`.
    pub fn parse(text: &str) -> Option<Version> {
        let mut parts = text.trim().split(|c: char| !c.is_ascii_digit());
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some(Version { major, minor })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Everything that goes into one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxyOptions {
    pub mode: Mode,
    /// At least one; the first has no special role.
    pub gateways: Vec<Gateway>,
    /// Where plain HTTP is accepted: the redirect, or everything in plain mode.
    pub http_port: u16,
    /// Where TLS is accepted; unused in plain mode.
    pub https_port: u16,
    /// Statistics and metrics, on loopback only. `None`: none.
    pub stats_port: Option<u16>,
    /// Also bind the IPv6 wildcard. Off: HAProxy would not start where the kernel has no IPv6.
    pub ipv6: bool,
    /// Tell browsers to refuse plain HTTP and certificate exceptions for two years. Wrong for a certificate of one's own.
    pub hsts: bool,
    pub websockets_per_address: u32,
    pub process: Process,
    pub abilities: Abilities,
}

impl HaproxyOptions {
    /// The usual values for `mode`: ports 80, 443 and 8404, one gateway on this machine, a service of root.
    pub fn new(mode: Mode) -> HaproxyOptions {
        HaproxyOptions {
            mode,
            gateways: vec![Gateway {
                host: Ipv4Addr::LOCALHOST.to_string(),
                port: 8768,
                was_localhost: false,
            }],
            http_port: 80,
            https_port: 443,
            stats_port: Some(8404),
            ipv6: false,
            hsts: true,
            websockets_per_address: WEBSOCKETS_PER_ADDRESS_DEFAULT,
            process: Process::Service,
            abilities: Abilities { version: Version::ASSUMED, prometheus: false },
        }
    }
}

/// Why no file is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the domain {given:?} cannot be used: {why}")]
    Domain { given: String, why: &'static str },
    #[error("the gateway {given:?} cannot be used: {why}")]
    Gateway { given: String, why: &'static str },
    #[error("no gateway is named")]
    NoGateway,
    #[error("port {port} is used for both {first} and {second}")]
    SamePort { port: u16, first: &'static str, second: &'static str },
    #[error("port 0 cannot be used for {what}: HAProxy needs a fixed one")]
    NoPort { what: &'static str },
    #[error("the path {path:?} cannot be written into a HAProxy file: {why}")]
    Path { path: PathBuf, why: &'static str },
    #[error("the number of WebSockets per address must be 1 to {max}, not {given}")]
    WebSocketsPerAddress { given: u32, max: u32 },
    #[error("HAProxy {found} is too old, the oldest that reads this file is {oldest}")]
    TooOld { found: Version, oldest: Version },
}

/// Connections in all. A service of root may raise its own limit of open files, a foreground one must live with 1024 as found:
/// each connection takes two files, and HAProxy warns when it cannot have them.
const CONNECTIONS_SERVICE: u32 = 4096;
const CONNECTIONS_FOREGROUND: u32 = 400;
const WEBSOCKETS_PER_ADDRESS_MAX: u32 = 2000;

/// Gives the text of the configuration file, with a final newline (HAProxy refuses a file without).
///
/// # Errors
/// [`Refused`] when the options contradict each other or cannot be written safely.
pub fn render(options: &HaproxyOptions) -> Result<String, Refused> {
    check(options)?;
    let mut out = String::with_capacity(8 * 1024);
    head(&mut out, options);
    global(&mut out, options)?;
    defaults(&mut out, options);
    if options.mode.cert().is_some() {
        redirect_frontend(&mut out, options);
    }
    frontend(&mut out, options)?;
    backend(&mut out, options);
    tables(&mut out);
    stats(&mut out, options);
    Ok(out)
}

fn check(options: &HaproxyOptions) -> Result<(), Refused> {
    if options.abilities.version < Version::OLDEST {
        return Err(Refused::TooOld { found: options.abilities.version, oldest: Version::OLDEST });
    }
    if options.gateways.is_empty() {
        return Err(Refused::NoGateway);
    }
    let given = options.websockets_per_address;
    if !(1..=WEBSOCKETS_PER_ADDRESS_MAX).contains(&given) {
        return Err(Refused::WebSocketsPerAddress { given, max: WEBSOCKETS_PER_ADDRESS_MAX });
    }
    let mut ports = vec![(options.http_port, "http")];
    if options.mode.cert().is_some() {
        ports.push((options.https_port, "https"));
    }
    ports.extend(options.stats_port.map(|port| (port, "statistics")));
    for (index, &(port, what)) in ports.iter().enumerate() {
        if port == 0 {
            return Err(Refused::NoPort { what });
        }
        // HAProxy accepts two listeners on one port without a word, and the kernel deals connections out between them.
        if let Some(&(_, first)) = ports[..index].iter().find(|(other, _)| *other == port) {
            return Err(Refused::SamePort { port, first, second: what });
        }
    }
    Ok(())
}

/// A path as one word of the file: strong quotes when it needs them.
fn word(path: &Path) -> Result<String, Refused> {
    let refuse = |why| Refused::Path { path: path.to_owned(), why };
    let text = path.to_str().ok_or_else(|| refuse("it is not UTF-8"))?;
    if text.is_empty() {
        return Err(refuse("it is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(refuse("it contains a control character"));
    }
    if text.chars().all(|c| c.is_alphanumeric() || "/._-+@:,=~".contains(c)) {
        return Ok(text.to_owned());
    }
    // Between single quotes nothing has a meaning but the single quote.
    if text.contains('\'') { Err(refuse("it contains a single quote")) } else { Ok(format!("'{text}'")) }
}

/// Appends the lines of a text block as they are.
fn put(out: &mut String, block: &str) {
    out.push_str(block.trim_start_matches('\n'));
}

/// Appends one formatted line. Writing into a `String` cannot fail.
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {
        writeln!($out, $($arg)*).expect("a String takes every write")
    };
}

fn head(out: &mut String, options: &HaproxyOptions) {
    let what = match &options.mode {
        Mode::Subdomain { domain, .. } => match options.https_port {
            443 => format!("https://{}/ and wss://{}/", domain.as_str(), domain.as_str()),
            port => format!("https://{0}:{port}/ and wss://{0}:{port}/", domain.as_str()),
        },
        Mode::Plain => match options.http_port {
            80 => "ws://THIS-HOST/, without TLS, for private networks only".to_owned(),
            port => format!("ws://THIS-HOST:{port}/, without TLS, for private networks only"),
        },
    };
    line!(out, "# HAProxy in front of the HAL voice gateway: {what}");
    line!(
        out,
        "# Written by `hal haproxy --mode {}` for HAProxy {} and newer; edits are lost when it is written again.",
        options.mode.name(),
        options.abilities.version
    );
    line!(out, "# Check it with: haproxy -c -dW -f FILE");
    if let Some(domain) = options.mode.domain() {
        line!(
            out,
            "# The name {} must lead to this machine: an A record, and an AAAA record only",
            domain.as_str()
        );
        line!(out, "# if HAProxy listens on IPv6 too (`hal haproxy --ipv6`).");
    }
    out.push('\n');
}

fn global(out: &mut String, options: &HaproxyOptions) -> Result<(), Refused> {
    line!(out, "global");
    match &options.process {
        Process::Service => {
            put(
                out,
                "
    log /dev/log local0
    log /dev/log local1 notice
    # Nothing to read and nowhere to go if HAProxy itself is ever broken into.
    chroot /var/lib/haproxy
    user haproxy
    group haproxy
    daemon
    # Mode 600: who may write to this socket may switch servers off and read certificates.
    stats socket /run/haproxy/admin.sock mode 600 level admin expose-fd listeners
    stats timeout 30s
",
            );
            line!(out, "    maxconn {CONNECTIONS_SERVICE}");
        }
        Process::Foreground { runtime_dir } => {
            put(
                out,
                "
    # In the foreground and without root: no chroot, no change of user, no daemon, the log goes to stderr.
    log stderr format raw local0
",
            );
            if let Some(dir) = runtime_dir {
                line!(
                    out,
                    "    # Mode 600: who may write to this socket may switch servers off and read certificates."
                );
                let socket = word(&dir.join("haproxy.sock"))?;
                line!(out, "    stats socket {socket} mode 600 level admin expose-fd listeners");
                line!(out, "    stats timeout 30s");
            }
            line!(out, "    # Two files a connection must fit into the usual limit of 1024 open files.");
            line!(out, "    maxconn {CONNECTIONS_FOREGROUND}");
        }
    }
    put(
        out,
        "
    # After a reload the old process may carry its open conversations this long, then it is ended.
    hard-stop-after 30m
",
    );
    if options.mode.cert().is_some() {
        put(
            out,
            "
    # TLS 1.2 and 1.3 as in Mozilla's \"intermediate\" list, ECDHE only, so that no DH file is needed.
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets prefer-client-ciphers
    ssl-default-bind-curves X25519:prime256v1:secp384r1
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
    ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
",
        );
    }
    out.push('\n');
    Ok(())
}

fn defaults(out: &mut String, options: &HaproxyOptions) {
    put(
        out,
        "
defaults
    log global
    # HAProxy's own default is tcp, where redirects and host rules are silently ignored.
    mode http
    option httplog
    # A port scan or a browser's spare connection is not worth a line.
    option dontlognull
    # A gateway that vanished: try another one.
    option redispatch
    retries 2
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    # A request must be complete in this time: ends slow-header attacks.
    timeout http-request 10s
    timeout http-keep-alive 10s
    timeout queue 10s
    timeout check 3s
    # From the upgrade on this replaces `client` and `server`. The gateway pings every 20 s, so only a
    # dead connection gets here; without the line a conversation ends after 30 s of thinking.
    timeout tunnel 1h
    # A client that said goodbye but never closes.
    timeout client-fin 30s
",
    );
    if options.abilities.version >= (Version { major: 2, minor: 9 }) {
        line!(out, "    # TCP open but no TLS: give up early.");
        line!(out, "    timeout client-hs 10s");
    }
    put(
        out,
        "
    # HTTP/1.1 answers that say who speaks. Do not add `errorfile` lines: the files shipped with HAProxy begin
    # with \"HTTP/1.0 503\", and WebSocket clients then report a wrong HTTP version instead of the 503.
    http-error status 403 content-type text/plain string \"haproxy: only private networks are answered without TLS\\n\"
    http-error status 421 content-type text/plain string \"haproxy: this host name is not served here\\n\"
    http-error status 429 content-type text/plain string \"haproxy: too many requests from your address\\n\" hdr Retry-After 10
    http-error status 503 content-type text/plain string \"haproxy: no HAL voice gateway is up\\n\" hdr Retry-After 2

",
    );
}

/// `bind` lines for one port; `tls` is what follows the address.
fn bind(out: &mut String, options: &HaproxyOptions, port: u16, tls: &str) {
    line!(out, "    bind :{port}{tls}");
    if options.ipv6 {
        // v6only, because the line above has the IPv4 side already.
        line!(out, "    bind :::{port} v6only{tls}");
    }
}

fn redirect_frontend(out: &mut String, options: &HaproxyOptions) {
    let domain = options.mode.domain().expect("TLS modes of today have a name").as_str();
    let port = if options.https_port == 443 { String::new() } else { format!(":{}", options.https_port) };
    line!(out, "frontend hal_http");
    bind(out, options, options.http_port, "");
    put(
        out,
        "
    # Certificate renewal (HTTP-01) arrives here and must not be redirected.
    acl acme path_beg /.well-known/acme-challenge/
    # A fixed name instead of the Host header: that one may carry port 80, or somebody else's name.
",
    );
    line!(out, "    http-request redirect prefix https://{domain}{port} code 301 unless acme");
    put(
        out,
        "
    http-after-response set-header X-HAL-Proxy haproxy
    default_backend acme_http01

backend acme_http01
    # certbot certonly --standalone --http-01-address 127.0.0.1 --http-01-port 8888
    # It runs for seconds only, so a refusal is normal and not worth a retry.
    retries 0
    server certbot 127.0.0.1:8888

",
    );
}

fn frontend(out: &mut String, options: &HaproxyOptions) -> Result<(), Refused> {
    line!(out, "frontend hal");
    match options.mode.cert() {
        Some(cert) => {
            put(
                out,
                "
    # One file: certificate, chain, key. Browsers get HTTP/2, and WebSockets over it (RFC 8441).
",
            );
            let tls = format!(" ssl crt {} alpn h2,http/1.1", word(cert)?);
            bind(out, options, options.https_port, &tls);
        }
        None => bind(out, options, options.http_port, ""),
    }
    limits(out, options);
    if options.mode.private_networks_only() {
        put(
            out,
            "
    # No TLS, so nothing from outside: loopback, the private ranges, link-local.
    acl private src 127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 ::1 fc00::/7 fe80::/10
    http-request deny deny_status 403 unless private
",
        );
    }
    if let Some(domain) = options.mode.domain() {
        put(
            out,
            "
    # The whole name, without port: `hdr_beg(Host) hal.` would also take hal.evil.example.
",
        );
        line!(out, "    acl host_hal req.hdr(Host),host_only -m str -i {}", domain.as_str());
        line!(out, "    http-request deny deny_status 421 unless host_hal");
    }
    put(
        out,
        "
    # `return`, because HAProxy before 3.1 refuses `deny_status 414`.
    http-request return status 414 if { url,length gt 4096 }
    # Announced sizes only; a chunked body and WebSocket messages are the gateway's to limit.
    http-request deny deny_status 413 if { req.body_size gt 16777216 }

    # What the gateway is told. What the client claims about itself is removed first.
    http-request del-header X-Forwarded-For
    http-request del-header Forwarded
    http-request set-header X-Forwarded-For %[src]
",
    );
    line!(out, "    http-request set-header X-Forwarded-Proto {}", options.mode.scheme());
    put(
        out,
        "
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-request set-header X-Request-ID %[uuid]

    # On every answer, HAProxy's own included. X-HAL-Proxy without X-HAL-Gateway: the answer came from here.
    http-after-response set-header X-HAL-Proxy haproxy
    http-after-response set-header X-Content-Type-Options nosniff
    http-after-response set-header X-Frame-Options DENY
    http-after-response set-header Referrer-Policy no-referrer
    http-after-response del-header Server
",
    );
    if options.mode.cert().is_some() {
        if options.hsts {
            put(
                out,
                "
    # Browsers refuse plain HTTP and certificate exceptions for this name from now on, for two years.
    http-after-response set-header Strict-Transport-Security \"max-age=63072000\"
",
            );
        } else {
            put(
                out,
                "
    # No Strict-Transport-Security: with a certificate of one's own, browsers could not be told to go on.
",
            );
        }
    }
    let tls_version = if options.mode.cert().is_some() { "%sslv" } else { "-" };
    put(
        out,
        "

    # One line for each WebSocket, written when it closes: how long (Ta), how much, and who ended it.
    http-request set-var(txn.ws) int(0)
    http-request set-var(txn.ws) int(1) if ws_connection ws_upgrade
",
    );
    line!(
        out,
        "    log-format \"%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %U/%B %tsc %ac/%fc/%bc/%sc/%rc {tls_version} ws=%[var(txn.ws)] %{{+Q}}r\""
    );
    put(
        out,
        "

    # Paths go through unchanged: the gateway answers under / and under /voice/ alike.
    default_backend hal_voice

",
    );
    Ok(())
}

fn limits(out: &mut String, options: &HaproxyOptions) {
    let websockets = options.websockets_per_address;
    // A page load and its WebSocket want a few connections each; 8 more for those being opened and closed.
    let connections = websockets * 2 + 8;
    let opened_10s = connections * 3;
    let requests_10s = websockets * 10 + 100;
    // A conversation sends 1.9 MB a minute as bytes and about four times that from clients that write samples as JSON.
    let bytes_60s = u64::from(websockets) * 8_000_000;
    put(
        out,
        "
    # Limits for one address, so that one guest cannot take everybody's place. IPv6 counts by /64.
    # contstats: otherwise an open WebSocket counts as 0 bytes until it closes.
    option contstats
    tcp-request connection track-sc0 src,ipmask(32,64) table per_address
",
    );
    line!(out, "    tcp-request connection reject if {{ sc_conn_cur(0) gt {connections} }}");
    line!(out, "    tcp-request connection reject if {{ sc_conn_rate(0) gt {opened_10s} }}");
    line!(out, "    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {requests_10s} }}");
    line!(out, "    http-request deny deny_status 429 if {{ sc_bytes_in_rate(0) gt {bytes_60s} }}");
    put(
        out,
        "
    # Two names: one acl name on two lines means OR, two names in one condition mean AND.
    acl ws_connection req.hdr(Connection),lower -m sub upgrade
    acl ws_upgrade req.hdr(Upgrade),lower -m str websocket
    # Each WebSocket counts by itself: one HTTP/2 connection may carry a hundred of them.
    http-request track-sc1 src,ipmask(32,64) table websockets if ws_connection ws_upgrade
",
    );
    line!(
        out,
        "    http-request deny deny_status 429 if ws_connection ws_upgrade {{ sc_conn_cur(1) gt {websockets} }}"
    );
    out.push('\n');
}

fn backend(out: &mut String, options: &HaproxyOptions) {
    let host = options.mode.domain().map_or("localhost", Domain::as_str);
    put(
        out,
        "
backend hal_voice
    # Written out, because the default changed in HAProxy 3.3. Conversations are long: count those that are open.
    balance leastconn
",
    );
    if options.gateways.len() > 1 {
        put(
            out,
            "
    # A client that comes back with its session id is led to the gateway that knows it.
    stick-table type string len 64 size 100k expire 2h
    stick match urlp(session)
    stick match req.hdr(X-HAL-Session)
    stick store-response res.hdr(X-HAL-Session)
",
        );
    }
    put(
        out,
        "
    # A plain request with a plain answer. A WebSocket handshake as health check is answered 400 or 426 by
    # every WebSocket library, and a gateway that is well would be marked down.
    option httpchk
",
    );
    line!(out, "    http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host {host}");
    put(
        out,
        "
    http-check expect status 200
    # A dead gateway is left out after about a second, and its clients are cut so that they come back elsewhere.
    default-server check inter 2s fastinter 500ms downinter 2s rise 2 fall 3 on-marked-down shutdown-sessions
",
    );
    for (index, gateway) in options.gateways.iter().enumerate() {
        if gateway.was_localhost {
            line!(
                out,
                "    # Given as localhost, which HAProxy takes for ::1 where /etc/hosts names it; the gateway is on IPv4."
            );
        }
        if gateway.host.chars().any(|c| c.is_ascii_alphabetic()) && !gateway.host.starts_with('[') {
            line!(out, "    # Looked up when HAProxy starts; reload it after the address has changed.");
        }
        line!(out, "    server gateway{} {gateway}", index + 1);
    }
    out.push('\n');
}

fn tables(out: &mut String) {
    put(
        out,
        "
# Counters only; nothing is routed here. Type ipv6 holds IPv4 addresses too.
backend per_address
    stick-table type ipv6 size 100k expire 10m store conn_cur,conn_rate(10s),http_req_rate(10s),bytes_in_rate(60s)

backend websockets
    stick-table type ipv6 size 100k expire 10m store conn_cur
",
    );
}

fn stats(out: &mut String, options: &HaproxyOptions) {
    let Some(port) = options.stats_port else { return };
    put(
        out,
        "

# For this machine only: no password travels, and nothing is open to guess. From elsewhere use a tunnel:
",
    );
    line!(out, "# ssh -L {port}:127.0.0.1:{port} THIS-HOST");
    line!(out, "frontend stats");
    line!(out, "    bind 127.0.0.1:{port}");
    line!(out, "    option dontlog-normal");
    if options.abilities.prometheus {
        line!(out, "    http-request use-service prometheus-exporter if {{ path /metrics }}");
    }
    put(
        out,
        "
    stats enable
    stats uri /stats
    stats refresh 10s
    stats hide-version
",
    );
}

#[cfg(test)]
mod tests;
