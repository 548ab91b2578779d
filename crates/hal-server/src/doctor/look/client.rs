//! One address from the outside, step by step as a client goes: name, connection, TLS, HTTP, WebSocket, question.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use rustls::RootCertStore;

use super::http::Door;
use super::socket::connect;
use super::websocket::{SignIn, upgrade};
use super::{ClientAsk, Eyes, dns, ports, tls};
use crate::doctor::facts::{
    Client, Connect, Handshake, Http, NoAnswer, OtherProtocol, Reached, Target, Upgrade,
};

/// Where HAL is found behind a shared name.
const USUAL_PATHS: [&str; 3] = ["", "/voice", "/ws"];

pub(super) fn look(ask: &ClientAsk, roots: &RootCertStore, eyes: Eyes) -> Client {
    let target = &ask.target;
    let dns = dns::look(target, ask.dns, eyes);
    let addresses: Vec<SocketAddr> =
        dns.addresses.iter().map(|ip| SocketAddr::new(*ip, target.port)).collect();
    let neighbours: Vec<SocketAddr> = neighbour_port(target)
        .map(|port| dns.addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
        .unwrap_or_default();
    let all: Vec<SocketAddr> = addresses.iter().chain(&neighbours).copied().collect();
    let mut tcp = connect_all(&all, eyes);
    let neighbours = tcp.split_off(addresses.len());
    let own = !dns.addresses.is_empty() && dns.addresses.iter().all(|ip| is_own(*ip));
    let mut client = Client { target: target.clone(), own, dns, tcp, neighbours, ..Client::default() };
    let reached = client.tcp.iter().find(|tried| tried.outcome == Reached::Connected);
    if own && reached.is_none() {
        client.listening = ports::look(&[target.port]).unwrap_or_default();
        return client;
    }
    let Some(address) = reached.map(|tried| tried.address) else { return client };
    let door = Door { target, address, roots, eyes };
    talk(&mut client, &door, ask);
    client
}

/// HTTP, WebSocket and port 80 beside each other: each waits for its own answer only.
fn talk(client: &mut Client, door: &Door<'_>, ask: &ClientAsk) {
    let sign_in = SignIn { token: ask.token.as_deref(), query: ask.query.as_deref() };
    std::thread::scope(|scope| {
        let health = scope.spawn(|| door.get(&format!("{}/healthz", door.target.path.trim_end_matches('/'))));
        let talk = scope.spawn(|| {
            let (seen, talk) = upgrade(door, sign_in);
            let question = talk.filter(|_| ask.question).and_then(|talk| talk.question(door.eyes));
            (seen, question)
        });
        let idle = ask.idle.map(|asked| {
            scope.spawn(move || upgrade(door, sign_in).1.map(|talk| talk.idle(asked, door.eyes)))
        });
        let port_80 = scope.spawn(|| port_80(door));
        if let Ok((health, tls)) = health.join() {
            client.health = Some(health);
            client.tls = tls;
        }
        if let Ok((seen, question)) = talk.join() {
            client.upgrade = Some(seen);
            client.question = question;
        }
        client.idle = idle.and_then(|idle| idle.join().ok().flatten());
        client.port_80 = port_80.join().ok().flatten();
    });
    client.other_protocol = other_protocol(client, door);
    client.elsewhere = elsewhere(client, door);
}

fn connect_all(addresses: &[SocketAddr], eyes: Eyes) -> Vec<Connect> {
    std::thread::scope(|scope| {
        let tries: Vec<_> =
            addresses.iter().map(|address| scope.spawn(move || connect(*address, eyes).0)).collect();
        tries.into_iter().filter_map(|tried| tried.join().ok()).collect()
    })
}

fn neighbour_port(target: &Target) -> Option<u16> {
    match target.port {
        443 => Some(80),
        80 => Some(443),
        _ => None,
    }
}

/// Whether an address is this machine's: a socket can be bound to it.
pub(super) fn is_own(address: IpAddr) -> bool {
    address.is_loopback() || (!address.is_unspecified() && UdpSocket::bind((address, 0)).is_ok())
}

/// What plain HTTP gets, where the target is https in its usual place.
fn port_80(door: &Door<'_>) -> Option<Http> {
    if !door.target.secure || door.target.port != 443 {
        return None;
    }
    let target = Target { secure: false, port: 80, ..door.target.clone() };
    let address = SocketAddr::new(door.address.ip(), 80);
    let path = format!("{}/", target.path.trim_end_matches('/'));
    Some(Door { target: &target, address, ..*door }.get(&path).0)
}

/// Tries TLS where plain HTTP was not understood, and the other way round.
fn other_protocol(client: &Client, door: &Door<'_>) -> Option<OtherProtocol> {
    let failure = client.health.as_ref()?.failure.as_ref()?;
    match failure {
        NoAnswer::Closed | NoAnswer::Reset | NoAnswer::IsTls | NoAnswer::NotHttp if !door.target.secure => {
            let (_, tcp) = connect(door.address, door.eyes);
            let (tls, _) = tls::handshake(tcp?, &door.target.host, door.roots, door.eyes.deadline());
            Some(OtherProtocol::Tls(tls.outcome))
        }
        NoAnswer::NoTls(Handshake::NotTls) => {
            let plain = Target { secure: false, ..door.target.clone() };
            let path = format!("{}/healthz", plain.path.trim_end_matches('/'));
            Some(OtherProtocol::Http(Door { target: &plain, ..*door }.get(&path).0))
        }
        _ => None,
    }
}

/// Where else HAL answers, when it does not at the path of the target.
fn elsewhere(client: &Client, door: &Door<'_>) -> Vec<(String, Http)> {
    let is_hal = |http: &Http| http.gateway.is_some();
    let health_is = client.health.as_ref().is_some_and(|http| http.failure.is_some() || is_hal(http));
    let upgrade_is =
        client.upgrade.as_ref().is_some_and(|Upgrade { http, .. }| is_hal(http) || http.status == 101);
    if health_is || upgrade_is {
        return Vec::new();
    }
    let own = door.target.path.trim_end_matches('/');
    std::thread::scope(|scope| {
        let looks: Vec<_> = USUAL_PATHS
            .iter()
            .filter(|path| **path != own)
            .map(|path| (path, scope.spawn(move || door.get(&format!("{path}/healthz")).0)))
            .collect();
        looks.into_iter().filter_map(|(path, http)| Some(((*path).to_owned(), http.join().ok()?))).collect()
    })
}
