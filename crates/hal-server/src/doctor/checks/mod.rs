//! Facts in, findings out. Pure: no clock, no socket, no file.
//!
//! One check a file and one line in [`CLIENT`] or [`SERVER`]. A check returns nothing when its part of the way was not
//! looked at, mostly because an earlier part is broken already; so one fault is one finding.

mod answer;
mod backends;
mod certificate;
mod certificate_files;
mod connection;
mod database;
mod firewall;
mod gateway;
mod haproxy;
mod haproxy_file;
mod http;
mod idle;
mod listener;
mod machine;
mod name;
mod ports;
mod upgrade;

use std::net::SocketAddr;

use super::facts::{Client, Facts, Listening, Server};
use super::finding::{Area, Finding, Report};

/// What a check says of its part of the way.
#[derive(Debug)]
pub(super) struct Verdict {
    /// What was seen when all is well, in a few words.
    summary: String,
    findings: Vec<Finding>,
}

impl Verdict {
    fn well(summary: impl Into<String>) -> Option<Verdict> {
        Some(Verdict { summary: summary.into(), findings: Vec::new() })
    }

    fn ill(finding: Finding) -> Option<Verdict> {
        Verdict::of("", vec![finding])
    }

    fn of(summary: impl Into<String>, findings: Vec<Finding>) -> Option<Verdict> {
        Some(Verdict { summary: summary.into(), findings })
    }
}

type ClientCheck = fn(&Client, &Facts) -> Option<Verdict>;

/// In the order in which a client goes.
const CLIENT: &[(&str, ClientCheck)] = &[
    ("name", name::check),
    ("connection", connection::check),
    ("certificate", certificate::check),
    ("answer", http::check),
    ("websocket", upgrade::check),
    ("question", answer::check),
    ("silence", idle::check),
];

type ServerCheck = fn(&Server, &Facts) -> Option<Verdict>;

/// From the inside out.
const SERVER: &[(&str, ServerCheck)] = &[
    ("settings", machine::settings),
    ("database", database::check),
    ("engines", machine::engines),
    ("listener", listener::check),
    ("gateway", gateway::check),
    ("ports", ports::check),
    ("haproxy", haproxy::check),
    ("backends", backends::check),
    ("certificate", certificate_files::check),
    ("firewall", firewall::check),
    ("clock", machine::clock),
    ("disk", machine::disk),
];

/// Judges everything that was seen.
pub fn judge(facts: &Facts) -> Report {
    let mut areas = Vec::new();
    if let Some(server) = &facts.server {
        let one =
            |(name, check): &(&'static str, ServerCheck)| area("This machine", name, check(server, facts));
        areas.extend(SERVER.iter().filter_map(one));
    }
    for client in &facts.clients {
        let about = client.target.url();
        areas.extend(CLIENT.iter().filter_map(|(name, check)| area(&about, name, check(client, facts))));
    }
    Report::of(areas)
}

fn area(about: &str, name: &'static str, verdict: Option<Verdict>) -> Option<Area> {
    let Verdict { summary, findings } = verdict?;
    let summary = (!summary.is_empty()).then_some(summary);
    Some(Area { about: about.to_owned(), name, summary, findings })
}

/// Who listens at a port.
fn listeners_at(server: &Server, port: u16) -> impl Iterator<Item = &Listening> {
    server.ports.iter().flatten().filter(move |row| row.address.port() == port)
}

/// `nginx (pid 812)`, for people.
fn holders(server: &Server, port: u16) -> String {
    let mut names: Vec<String> = listeners_at(server, port)
        .flat_map(|row| &row.holders)
        .map(|holder| format!("{} (pid {})", holder.program, holder.pid))
        .collect();
    names.sort();
    names.dedup();
    names.truncate(3);
    if names.is_empty() { "another program".to_owned() } else { names.join(" and ") }
}

/// `2026-03-01` of Unix seconds.
fn date(unix: i64) -> String {
    // Day 732 of the database's calendar is 1 January 1970.
    let (year, month, day) = hal_db::date::ymd_from_day(unix.div_euclid(86_400) + 732);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A proxy ends silent WebSockets; seen from outside, in the file or in the log.
fn tunnel_short(what: &str) -> Finding {
    Finding::error("tunnel.timeout-short", what)
        .why("HAProxy ends WebSockets on which nothing was said for its time limit; the gateway pings every 20 s")
        .fix("in the defaults section of HAProxy's file: timeout tunnel 1h")
        .fix("haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy")
}

/// Opened and cut before a byte: what HAProxy's `tcp-request … reject` does.
fn cut(authority: &str) -> Finding {
    Finding::error("limit.connections", format!("{authority} cuts connections before anything is said"))
        .why("HAProxy does so when one address opens too many (tcp-request connection reject); it leaves no line in the log")
        .fix("wait a minute and try again; on the server: echo 'show table per_address' | socat - /run/haproxy/admin.sock")
        .fix("raise the limit: hal haproxy --websockets-per-address N")
}

/// The gateway listens for its own machine only, and is asked from elsewhere.
fn loopback_only(listens: SocketAddr, asked: SocketAddr) -> Finding {
    Finding::error("gateway.loopback-only", format!("the gateway listens at {listens}, and is asked at {asked}"))
        .why("only programs of the same machine and address can reach it there")
        .fix(format!("hal serve --listen {asked} (or listen = \"{asked}\" under [gateway] in hal.toml)"))
        .fix("and let only HAProxy's address in: ufw allow from HAPROXY-ADDRESS to any port 8768 proto tcp")
        .fix("Windows: New-NetFirewallRule -DisplayName \"HAL Voice Gateway\" -Direction Inbound -LocalPort 8768 -Protocol TCP -RemoteAddress HAPROXY-ADDRESS -Action Allow")
}

#[cfg(test)]
mod tests;
