//! Every address of the host takes a connection.

use super::Verdict;
use crate::doctor::facts::{Client, Connect, Facts, Reached};
use crate::doctor::finding::Finding;

/// An answer from a router that the host is gone takes seconds; one from a firewall comes at once.
const FILTER_ANSWERS_MS: u64 = 1_000;

pub(super) fn check(client: &Client, _: &Facts) -> Option<Verdict> {
    if client.tcp.is_empty() {
        return None;
    }
    let connected: Vec<&Connect> =
        client.tcp.iter().filter(|tried| tried.outcome == Reached::Connected).collect();
    if connected.is_empty() {
        return Verdict::ill(unreached(client));
    }
    let findings = half_reached(client, &connected).into_iter().collect();
    let fastest = connected.iter().map(|tried| tried.took_ms).min().unwrap_or(0);
    Verdict::of(format!("port {} answers in {fastest} ms", client.target.port), findings)
}

/// One family of addresses works, the other does not. `localhost` has both by nature, and a server needs one only.
fn half_reached(client: &Client, connected: &[&Connect]) -> Option<Finding> {
    if client.target.is_localhost() {
        return None;
    }
    let port = client.target.port;
    let dead = client.tcp.iter().find(|tried| tried.outcome != Reached::Connected)?;
    let host = &client.target.host;
    if dead.address.is_ipv6() && connected.iter().any(|tried| tried.address.is_ipv4()) {
        return Some(
            Finding::error(
                "tcp.ipv6-dead",
                format!("{host} has an AAAA record, but {} {}", dead.address, in_words(&dead.outcome)),
            )
            .why("clients with IPv6 try that address first: they fail, or wait before each connection")
            .fix(format!(
                "in HAProxy's file add: bind :::{port} v6only ssl crt FILE (`hal haproxy --ipv6` writes it)"
            ))
            .fix(format!("or remove the AAAA record of {host}")),
        );
    }
    Some(
        Finding::warning(
            "tcp.address-dead",
            format!("one address of {host} does not work: {} {}", dead.address, in_words(&dead.outcome)),
        )
        .why("clients that take that address first fail or wait")
        .fix(format!("remove the record of {} from the DNS, or start the server there", dead.address.ip())),
    )
}

fn unreached(client: &Client) -> Finding {
    let target = &client.target;
    let (host, port) = (&target.host, target.port);
    // Of localhost the IPv6 side is refused by nature.
    let counts = |tried: &&Connect| !target.is_localhost() || tried.address.is_ipv4();
    let all = |wanted: fn(&Connect) -> bool| client.tcp.iter().filter(counts).all(wanted);
    let some = |wanted: Reached| client.tcp.iter().filter(counts).find(|tried| tried.outcome == wanted);
    if some(Reached::Reset).is_some() {
        return super::cut(&target.authority());
    }
    if some(Reached::Refused).is_some() {
        if let Some(finding) = loopback_only(client) {
            return finding;
        }
        return refused(client);
    }
    if let Some(tried) = some(Reached::HostUnreachable) {
        let code_and_why = if tried.took_ms < FILTER_ANSWERS_MS {
            (
                "tcp.rejected",
                "a router or firewall on the way refuses to let the connection through, and says so",
            )
        } else {
            (
                "tcp.host-absent",
                "nobody in that network has the address: the machine is off, or has got another one",
            )
        };
        return Finding::error(code_and_why.0, format!("{} cannot be reached", tried.address))
            .why(code_and_why.1)
            .fix("check the address against that of the server: `ip -br address` there")
            .fix(firewall_command(port));
    }
    if let Some(tried) = some(Reached::NetworkUnreachable) {
        return Finding::error("tcp.no-route", format!("this machine has no route to {}", tried.address))
            .why("its network is down, or it has no IPv6, or no way into that private network")
            .fix(format!("ip route get {}", tried.address.ip()))
            .fix("check the network of this machine, and a VPN if one leads there");
    }
    if all(|tried| tried.outcome == Reached::TimedOut) {
        if client
            .neighbours
            .iter()
            .any(|tried| matches!(tried.outcome, Reached::Connected | Reached::Refused))
        {
            return Finding::error(
                "tcp.filtered",
                format!("port {port} of {host} gives no answer, while another port of it does"),
            )
            .why("a firewall drops what is sent to that port")
            .fix(firewall_command(port))
            .fix("and in the security group of the hoster, if there is one");
        }
        return Finding::error("tcp.timeout", format!("{host} gives no answer at all"))
            .why("the machine is off or has another address, or a firewall drops everything sent to it")
            .fix("check that the address is that of the server: `ip -br address` there, and the port forwarding of its router")
            .fix(firewall_command(port));
    }
    let each: Vec<String> =
        client.tcp.iter().map(|tried| format!("{} {}", tried.address, in_words(&tried.outcome))).collect();
    Finding::error("tcp.failed", format!("no connection to {host}: {}", each.join("; ")))
        .why("without a connection nothing else can work")
        .fix("check the address and the network of this machine")
}

fn refused(client: &Client) -> Finding {
    let (host, port) = (&client.target.host, client.target.port);
    let what = format!("{host} refuses connections at port {port}");
    if matches!(port, 80 | 443) {
        let other = client.neighbours.iter().any(|tried| tried.outcome == Reached::Connected);
        let why = if other {
            "the machine is there and its other web port answers: HAProxy does not listen at this one"
        } else {
            "the machine is there, but nothing listens: HAProxy is not running, or a firewall refuses"
        };
        return Finding::error("tcp.refused", what)
            .why(why)
            .fix("systemctl start haproxy")
            .fix("journalctl -u haproxy -n 50")
            .fix("hal doctor (on the server) says what keeps it from starting");
    }
    let finding = Finding::error("tcp.refused", what);
    if client.own {
        return finding.why("no server runs on this machine at that port").fix("hal serve");
    }
    finding
        .why("the machine is there, but the gateway is not running, or listens for its own machine only")
        .fix("hal serve (there)")
        .fix(format!("or let it listen wider, behind a firewall: hal serve --listen {host}:{port}"))
}

/// Asked at an address of this very machine, and the gateway listens at its loopback address.
fn loopback_only(client: &Client) -> Option<Finding> {
    let asked = client.tcp.first()?.address;
    let row = client.listening.iter().find(|row| row.address.ip().is_loopback())?;
    (row.address.ip() != asked.ip()).then(|| super::loopback_only(row.address, asked))
}

fn firewall_command(port: u16) -> String {
    format!("ufw allow {port}/tcp (or: nft add rule inet filter input tcp dport {port} accept)")
}

pub(super) fn in_words(outcome: &Reached) -> String {
    match outcome {
        Reached::Connected => "answers".to_owned(),
        Reached::Refused => "refuses the connection".to_owned(),
        Reached::TimedOut => "gives no answer".to_owned(),
        Reached::HostUnreachable => "cannot be reached".to_owned(),
        Reached::NetworkUnreachable => "is in a network that cannot be reached".to_owned(),
        Reached::Reset => "cuts the connection".to_owned(),
        Reached::NotHere => "is not available on this machine".to_owned(),
        Reached::Other(text) => format!("fails: {text}"),
    }
}
