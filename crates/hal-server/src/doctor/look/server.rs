//! This machine as a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::http::Door;
use super::socket::connect;
use super::websocket::{SignIn, upgrade};
use super::{Eyes, ServerAsk, certificates, firewall, haproxy, host, ports, within};
use crate::config::{Config, Speech};
use crate::doctor::facts::{
    Connect, Database, Engine, Gateway, Haproxy, NoAnswer, Reached, Server, Settings, Target,
};
use crate::edge::certs::CA_FILE;
use crate::engines::Engines;

/// Large databases are left to `hal db verify`.
const VERIFY_LIMIT: Duration = Duration::from_secs(6);
const ENGINES_LIMIT: Duration = Duration::from_secs(6);
/// Addresses of its own that a server is looked at through.
const OWN_MAX: usize = 2;

pub(super) fn look(ask: &ServerAsk, eyes: Eyes) -> Server {
    let (settings, speech) = settings(ask);
    let gateway_address = settings.gateway.unwrap_or_else(|| loopback(crate::config::GATEWAY_PORT));
    let listener_address = settings.listener.unwrap_or_else(|| loopback(crate::config::LISTENER_PORT));
    let gateway_port = gateway_address.port();
    let has_database = database_file(&ask.data).is_file();
    std::thread::scope(|scope| {
        let database = scope.spawn(|| has_database.then(|| database(&ask.data)));
        let engines = scope.spawn(|| if has_database { engines(speech) } else { Vec::new() });
        let firewall = scope.spawn(|| firewall::look(gateway_port));
        let gateway = scope.spawn(|| gateway(gateway_address, eyes));
        let listener = scope.spawn(|| connect(to_ask(listener_address), eyes).0);
        let clock = scope.spawn(|| host::clock(eyes));
        let disk = scope.spawn(|| host::disk(&ask.data, eyes));
        let haproxy = haproxy::look(ask, gateway_port, eyes);
        let certificates =
            haproxy.as_ref().map(|haproxy| certificates::look(&haproxy.config)).unwrap_or_default();
        let ports = ports::look(&wanted(gateway_port, listener_address.port(), haproxy.as_ref()));
        Server {
            settings,
            ports,
            gateway: gateway.join().ok(),
            listener: listener.join().ok(),
            database: database.join().ok().flatten(),
            engines: engines.join().unwrap_or_default(),
            haproxy,
            certificates,
            firewall: firewall.join().unwrap_or_default(),
            clock: clock.join().ok().flatten(),
            disk: disk.join().ok().flatten(),
        }
    })
}

pub(super) fn is_one(ask: &ServerAsk) -> bool {
    if ask.haproxy_config.is_some()
        || database_file(&ask.data).is_file()
        || ask.data.join("hal.toml").is_file()
    {
        return true;
    }
    let usual = Path::new(haproxy::CONFIG_DEFAULT);
    usual.is_file() && haproxy::leads_to(&haproxy::read_config(usual), crate::config::GATEWAY_PORT)
}

fn database_file(data: &Path) -> std::path::PathBuf {
    data.join(hal_db::STORE_FILE)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Where to ask something that listens at `address`.
fn to_ask(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => loopback(address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), address.port())
        }
        _ => address,
    }
}

fn settings(ask: &ServerAsk) -> (Settings, Speech) {
    let mut settings = Settings { data: ask.data.to_string_lossy().into_owned(), ..Settings::default() };
    settings.policy_error = crate::auth::policy_fault(&ask.data);
    match Config::load(&ask.data, std::env::vars()) {
        Ok(config) => {
            settings.gateway = Some(config.gateway.listen);
            settings.listener = Some(config.listener.listen);
            (settings, config.speech)
        }
        Err(error) => {
            settings.error = Some(format!("{error:#}"));
            (settings, Speech::default())
        }
    }
}

fn wanted(gateway: u16, listener: u16, haproxy: Option<&Haproxy>) -> Vec<u16> {
    let mut ports = vec![gateway, listener];
    let proxies = haproxy.into_iter().flat_map(|haproxy| &haproxy.config.proxies);
    for proxy in proxies {
        ports.extend(proxy.binds.iter().map(|bind| bind.port));
        // A gateway that HAProxy asks at one address may listen at another.
        let asked = proxy.servers.iter().filter_map(|(_, address)| address.rsplit_once(':'));
        ports.extend(asked.filter_map(|(_, port)| port.parse::<u16>().ok()));
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn gateway(listens: SocketAddr, eyes: Eyes) -> Gateway {
    let address = to_ask(listens);
    let (tried, _) = connect(address, eyes);
    if tried.outcome != Reached::Connected {
        return Gateway { connect: Some(tried), ..Gateway::default() };
    }
    let target =
        Target { secure: false, host: address.ip().to_string(), port: address.port(), path: String::new() };
    // Nothing secret is said here, so nothing need be trusted.
    let roots = RootCertStore::empty();
    let plain = Door { target: &target, address, roots: &roots, eyes };
    let (health, _) = plain.get("/healthz");
    // One with TLS of its own answers plain health checks too, and sends everything else on to https.
    let (first, _) = upgrade(&plain, SignIn::default());
    let sent_on = first.http.location.as_deref().is_some_and(|to| to.starts_with("https://"));
    if !sent_on && !matches!(health.failure, Some(NoAnswer::IsTls | NoAnswer::Closed | NoAnswer::Reset)) {
        let (health, upgrade) = (Some(health), Some(first));
        return Gateway { connect: Some(tried), health, upgrade, ..Gateway::default() };
    }
    let target = Target { secure: true, ..target.clone() };
    let door = Door { target: &target, ..plain };
    let (health, tls) = door.get("/healthz");
    let (upgrade, _) = upgrade(&door, SignIn::default());
    let name = tls.and_then(|tls| tls.chain.first()?.names.first().cloned());
    Gateway { connect: Some(tried), tls: true, name, health: Some(health), upgrade: Some(upgrade) }
}

/// Every record and index is compared; nothing is written, whoever else has the database open.
fn database(data: &Path) -> Database {
    let folder = data.to_owned();
    let looked = within(VERIFY_LIMIT, move || {
        let database = hal_db::Database::open_read_only(&folder)?;
        let snapshot = database.snapshot()?;
        hal_db::verify::snapshot(&snapshot)
    });
    match looked {
        Some(Ok(found)) => Database {
            exists: true,
            files: found.files,
            records: found.records,
            faults: found.finding_count,
            ..Database::default()
        },
        Some(Err(error)) => Database {
            exists: true,
            error: Some(error.to_string().lines().next().unwrap_or_default().to_owned()),
            ..Database::default()
        },
        None => Database { exists: true, unfinished: true, ..Database::default() },
    }
}

fn engines(speech: Speech) -> Vec<Engine> {
    let Some(notices) = within(ENGINES_LIMIT, move || Engines::open(&speech).notices().to_vec()) else {
        return Vec::new();
    };
    let missing = |word: &str| notices.iter().find(|notice| notice.contains(word)).cloned();
    [("hear", "cannot hear"), ("speak", "cannot speak")]
        .map(|(does, words)| Engine { does: does.to_owned(), missing: missing(words) })
        .into()
}

/// The addresses under which the machine is found from outside: the names of HAProxy's certificates, else its plain
/// ports, else the gateway.
pub(super) fn own_addresses(server: &Server) -> Vec<Target> {
    let proxies = || server.haproxy.iter().flat_map(|haproxy| &haproxy.config.proxies);
    let binds = || proxies().flat_map(|proxy| &proxy.binds);
    let target = |secure: bool, host: &str, port: u16| Target {
        secure,
        host: host.to_owned(),
        port,
        path: String::new(),
    };
    let mut found: Vec<Target> = Vec::new();
    for bind in binds().filter(|bind| bind.tls) {
        let named = server.certificates.iter().filter(|file| {
            bind.certificates.iter().any(|named| file.path.ends_with(named.as_str()) || file.in_folder)
        });
        let names = named.filter_map(|file| file.chain.first()).filter_map(|leaf| leaf.names.first());
        for name in names.filter(|name| !name.starts_with('*')) {
            found.push(target(true, name, bind.port));
        }
    }
    if found.is_empty() && server.haproxy.as_ref().is_some_and(|haproxy| !haproxy.processes.is_empty()) {
        let open = binds().filter(|bind| !bind.tls && matches!(bind.port, 80 | 8080));
        found.extend(open.map(|bind| target(false, "127.0.0.1", bind.port)).take(1));
    }
    if let Some(gateway) = server.gateway.as_ref().filter(|gateway| found.is_empty() && is_up(gateway)) {
        let address =
            to_ask(server.settings.gateway.unwrap_or_else(|| loopback(crate::config::GATEWAY_PORT)));
        let host = gateway.name.clone().filter(|name| !name.starts_with('*'));
        found.push(target(gateway.tls, &host.unwrap_or_else(|| address.ip().to_string()), address.port()));
    }
    found.dedup();
    found.truncate(OWN_MAX);
    found
}

fn is_up(gateway: &Gateway) -> bool {
    gateway.connect.as_ref().is_some_and(|Connect { outcome, .. }| *outcome == Reached::Connected)
}

/// The authority of `hal cert self-signed`, which lies beside the certificate: this machine made it.
pub(super) fn own_authority(server: &Server, roots: &mut RootCertStore) {
    let beside = server.certificates.iter().filter_map(|file| Path::new(&file.path).parent());
    // The gateway's own, when it speaks TLS itself.
    let own = Path::new(&server.settings.data).join("tls");
    for folder in beside.chain([own.as_path()]) {
        let Ok(text) = std::fs::read(folder.join(CA_FILE)) else { continue };
        for certificate in CertificateDer::pem_slice_iter(&text).flatten() {
            // One that is no CA is passed over: the handshake then says what is wrong.
            roots.add(certificate).ok();
        }
    }
}
