//! What a HAProxy file is written from: the mode, the gateways, the version that will read it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// Where HAProxy looks for the certificate unless told otherwise.
pub const CERT_DEFAULT: &str = "/etc/haproxy/certs/hal.pem";
/// The gateway on the same machine. An address, not `localhost`: see [`Gateway`].
pub const GATEWAY_DEFAULT: &str = "127.0.0.1:8768";
/// The rest of the site in path mode.
pub const SITE_DEFAULT: &str = "127.0.0.1:8080";
/// Where `certbot --standalone --http-01-port` waits for the challenge.
pub const ACME_PORT_DEFAULT: u16 = 8888;
/// Open WebSockets for one address: a household or a small office behind one router.
pub const WEBSOCKETS_PER_ADDRESS_DEFAULT: u32 = 32;

/// How clients find the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `wss://NAME/`: a name of its own, TLS at HAProxy, port 80 redirects.
    Subdomain { domain: Domain, cert: PathBuf },
    /// `wss://NAME/voice` and `/ws`: beside another site of the same name, which keeps all other paths.
    Path { domain: Domain, cert: PathBuf, site: Gateway },
    /// `wss://ADDRESS/`: TLS without a name. `address` is what the redirect names; without it, the address that
    /// the client came by.
    Address { address: Option<IpAddr>, cert: PathBuf },
    /// `ws://HOST/` without TLS, answered for private networks only.
    Plain,
}

impl Mode {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Mode::Subdomain { .. } => "subdomain",
            Mode::Path { .. } => "path",
            Mode::Address { .. } => "ip",
            Mode::Plain => "plain",
        }
    }

    /// The PEM file, in the modes with TLS.
    pub fn cert(&self) -> Option<&Path> {
        match self {
            Mode::Subdomain { cert, .. } | Mode::Path { cert, .. } | Mode::Address { cert, .. } => Some(cert),
            Mode::Plain => None,
        }
    }

    /// The name that is served, in the modes that have one.
    pub fn domain(&self) -> Option<&Domain> {
        match self {
            Mode::Subdomain { domain, .. } | Mode::Path { domain, .. } => Some(domain),
            Mode::Address { .. } | Mode::Plain => None,
        }
    }

    /// Without TLS everything said can be read on the way: only private networks get an answer.
    pub(super) fn private_networks_only(&self) -> bool {
        self.cert().is_none()
    }

    /// The word for `X-Forwarded-Proto`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.cert().is_some() { "https" } else { "http" }
    }

    /// The host of its URLs, for people: a name, an address, or a word that stands for it.
    pub(super) fn host(&self) -> String {
        match self {
            Mode::Subdomain { domain, .. } | Mode::Path { domain, .. } => domain.as_str().to_owned(),
            Mode::Address { address: Some(address), .. } => in_url(*address),
            Mode::Address { address: None, .. } => "ADDRESS".to_owned(),
            Mode::Plain => "THIS-HOST".to_owned(),
        }
    }
}

/// An address as the host of a URL: IPv6 stands in brackets (RFC 3986, 3.2.2).
pub(super) fn in_url(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// How much of a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A file that HAProxy starts with.
    Whole,
    /// Sections to append to a file, or to load beside it with a second `-f`. They listen on their own ports.
    Sections,
    /// Lines for a frontend that is there and has the port already, and the sections they need.
    Lines,
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

    /// A port of this machine.
    pub fn local(port: u16) -> Gateway {
        Gateway { host: Ipv4Addr::LOCALHOST.to_string(), port, was_localhost: false }
    }

    /// A name, which HAProxy looks up once, when it starts.
    pub(super) fn is_name(&self) -> bool {
        !self.host.starts_with('[') && self.host.parse::<Ipv4Addr>().is_err()
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
    pub form: Form,
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
    /// Who answers the challenges of a certificate authority (HTTP-01) that arrive on port 80.
    pub acme: Gateway,
    /// Begin each connection to a gateway with a PROXY v2 header. Gateways believe it from the proxies in `gateway.proxies`.
    pub proxy_v2: bool,
    /// Authority of clients' certificates: HAProxy verifies those that are shown, and tells the gateway whose they were.
    pub client_certs: Option<PathBuf>,
    pub process: Process,
    pub abilities: Abilities,
}

impl HaproxyOptions {
    /// The usual values for `mode`: ports 80, 443 and 8404, one gateway on this machine, a service of root.
    pub fn new(mode: Mode) -> HaproxyOptions {
        HaproxyOptions {
            mode,
            form: Form::Whole,
            gateways: vec![Gateway::local(8768)],
            http_port: 80,
            https_port: 443,
            stats_port: Some(8404),
            ipv6: false,
            hsts: true,
            websockets_per_address: WEBSOCKETS_PER_ADDRESS_DEFAULT,
            acme: Gateway::local(ACME_PORT_DEFAULT),
            proxy_v2: false,
            client_certs: None,
            process: Process::Service,
            abilities: Abilities { version: Version::ASSUMED, prometheus: false },
        }
    }
}

/// Reads the address of ip mode: IPv4, or IPv6 with or without brackets.
///
/// # Errors
/// [`Refused::Address`] for a name, a URL, a port.
pub fn parse_address(text: &str) -> Result<IpAddr, Refused> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let refuse = |why| Err(Refused::Address { given: text.to_owned(), why });
    match bare.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => refuse("give the address that clients use"),
        Ok(address) => Ok(address),
        Err(_) if text.contains("://") || text.contains('/') => {
            refuse("give the bare address, without https:// and path")
        }
        Err(_) => refuse("it is not an address; a name goes with --mode subdomain or --mode path"),
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
    #[error("certificates of clients come over TLS, and mode plain has none")]
    ClientCertsWithoutTls,
    #[error("the address {given:?} cannot be used: {why}")]
    Address { given: String, why: &'static str },
    #[error("HAProxy {found} is too old, the oldest that reads this file is {oldest}")]
    TooOld { found: Version, oldest: Version },
}
