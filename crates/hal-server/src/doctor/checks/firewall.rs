//! The packet filter lets clients in where they must, as far as its rules are understood.

use std::net::IpAddr;

use super::Verdict;
use crate::doctor::facts::{Chain, Facts, Firewall, Rule, Server, Ufw};
use crate::doctor::finding::Finding;

/// Chains that jump in a circle do not exist in nftables; this bounds a file of facts that says otherwise.
const DEPTH_MAX: usize = 16;

pub(super) fn check(server: &Server, _: &Facts) -> Option<Verdict> {
    let ports = open_ports(server);
    let firewall = &server.firewall;
    if ports.is_empty() || (firewall.nft.is_none() && firewall.ufw.is_none() && firewall.windows.is_none()) {
        return None;
    }
    let findings: Vec<Finding> = ports.iter().filter_map(|port| closed(firewall, *port)).collect();
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    Verdict::of(format!("lets {} in", list.join(", ")), findings)
}

/// Ports that somebody listens at for other machines.
fn open_ports(server: &Server) -> Vec<u16> {
    let rows = server.ports.iter().flatten();
    let mut ports: Vec<u16> = rows
        .filter(|row| !is_loopback(row.address.ip()))
        .map(|row| row.address.port())
        // The listener is for the gateway alone, wherever that is.
        .filter(|port| server.settings.listener.is_none_or(|listener| listener.port() != *port))
        .collect();
    if server.ports.is_none() {
        ports.extend(server.settings.gateway.filter(|at| !is_loopback(at.ip())).map(|at| at.port()));
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn closed(firewall: &Firewall, port: u16) -> Option<Finding> {
    if let Some(ufw) = firewall.ufw.as_ref().filter(|ufw| ufw.active) {
        return (!allowed_by_ufw(ufw, port))
            .then(|| finding(port, "ufw").fix(format!("ufw allow {port}/tcp")));
    }
    if let Some(rules) = &firewall.windows {
        let allows = rules.iter().any(|rule| rule.action.eq_ignore_ascii_case("allow"));
        return (!allows).then(|| {
            finding(port, "the Windows firewall").fix(format!(
                "New-NetFirewallRule -DisplayName \"HAL Voice Gateway\" -Direction Inbound -LocalPort {port} -Protocol TCP -Action Allow"
            ))
        });
    }
    let chains = firewall.nft.as_ref()?;
    let mut bases: Vec<&Chain> = chains.iter().filter(|chain| chain.base).collect();
    bases.sort_by_key(|chain| chain.priority);
    // Every base chain must accept.
    let verdict = bases.iter().find(|base| judge(base, chains, port, 0) == Fate::Dropped)?;
    Some(
        finding(port, "nftables")
            .fix(format!("nft insert rule {} {} tcp dport {port} accept", verdict.table, verdict.name))
            .fix("and the same line in /etc/nftables.conf, for the next start"),
    )
}

fn finding(port: u16, who: &str) -> Finding {
    Finding::error("firewall.closed", format!("{who} keeps other machines from port {port}"))
        .why("clients elsewhere wait until their time limit, or are refused; on this machine all seems well")
}

fn allowed_by_ufw(ufw: &Ufw, port: u16) -> bool {
    let speaks_of = |rule: &str| {
        let what = rule.split_whitespace().next().unwrap_or_default();
        let ports = what.split('/').next().unwrap_or_default();
        ports.split(',').any(|one| match one.split_once(':') {
            Some((first, last)) => {
                first.parse().is_ok_and(|first: u16| first <= port)
                    && last.parse().is_ok_and(|last: u16| port <= last)
            }
            None => one.parse() == Ok(port) || one == "Anywhere",
        })
    };
    // The first rule that fits decides; what is meant for some addresses only is taken as wanted so.
    match ufw.rules.iter().find(|rule| speaks_of(rule)) {
        Some(rule) => rule.contains("ALLOW") || rule.contains("LIMIT") || rule.ends_with("some"),
        None => ufw.default == "allow" || ufw.default.is_empty(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Accepted,
    Dropped,
    Unknown,
}

/// What becomes of a new TCP connection from outside.
fn judge(chain: &Chain, all: &[Chain], port: u16, depth: usize) -> Fate {
    if depth > DEPTH_MAX {
        return Fate::Unknown;
    }
    for rule in &chain.rules {
        if rule.other_traffic || !fits(rule, port) {
            continue;
        }
        let fate = match rule.verdict.as_str() {
            "accept" => Fate::Accepted,
            "drop" | "reject" => Fate::Dropped,
            "return" => break,
            "" => continue,
            jump => {
                let name = jump.strip_prefix("jump ").unwrap_or_default();
                let Some(next) = all.iter().find(|next| next.table == chain.table && next.name == name)
                else {
                    return Fate::Unknown;
                };
                match judge(next, all, port, depth + 1) {
                    // Came back from it.
                    Fate::Unknown if !rule.unsure => continue,
                    fate => fate,
                }
            }
        };
        // Some are accepted by it, others go on: nothing certain follows from here.
        return if rule.unsure { Fate::Unknown } else { fate };
    }
    match chain.policy.as_str() {
        "drop" => Fate::Dropped,
        "accept" => Fate::Accepted,
        _ => Fate::Unknown,
    }
}

fn fits(rule: &Rule, port: u16) -> bool {
    rule.ports.as_ref().is_none_or(|ports| ports.iter().any(|(first, last)| (*first..=*last).contains(&port)))
}
