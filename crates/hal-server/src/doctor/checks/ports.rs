//! One listener for each port, and the right one.

use super::{Verdict, holders};
use crate::doctor::facts::{Facts, Listening, Server};
use crate::doctor::finding::Finding;

pub(super) fn check(server: &Server, _: &Facts) -> Option<Verdict> {
    let rows = server.ports.as_ref()?;
    if rows.is_empty() {
        return None;
    }
    let mut ports: Vec<u16> = rows.iter().map(|row| row.address.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    let mut findings: Vec<Finding> = ports.iter().filter_map(|port| twice(server, rows, *port)).collect();
    findings.extend(taken(server));
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    Verdict::of(list.join(", "), findings)
}

/// Two sockets at one port and address: the kernel deals connections out between them.
fn twice(server: &Server, rows: &[Listening], port: u16) -> Option<Finding> {
    let at = |row: &&Listening| row.address.port() == port;
    let overlap = |a: &Listening, b: &Listening| {
        let any = a.address.ip().is_unspecified() || b.address.ip().is_unspecified();
        a.address.is_ipv4() == b.address.is_ipv4() && (a.address.ip() == b.address.ip() || any)
    };
    let (first, second) = rows.iter().filter(at).enumerate().find_map(|(index, row)| {
        let other = rows.iter().filter(at).skip(index + 1).find(|other| overlap(row, other))?;
        (row.inode != other.inode).then_some((row, other))
    })?;
    let pids = |row: &Listening| row.holders.iter().map(|holder| holder.pid).collect::<Vec<_>>();
    let shared = pids(first).iter().any(|pid| pids(second).contains(pid));
    if shared && sections(server, port) < 2 {
        // One HAProxy may open a port once for each group of threads.
        return None;
    }
    let (what, cure) = if shared {
        (
            format!("two sections of HAProxy's file listen at port {port}"),
            "merge the frontends: one `bind` for a port, and use_backend rules inside",
        )
    } else {
        (
            format!("two programs listen at port {port}: {}", holders(server, port)),
            "end the one that should not be there: kill PID",
        )
    };
    Some(
        Finding::error("port.two-listeners", what)
            .why("connections are dealt out between them, so that answers alternate; nobody warns of it")
            .fix(format!("ss -ltnp 'sport = :{port}'"))
            .fix(cure),
    )
}

/// How many sections bind a port.
fn sections(server: &Server, port: u16) -> usize {
    let proxies = server.haproxy.iter().flat_map(|haproxy| &haproxy.config.proxies);
    proxies.filter(|proxy| proxy.binds.iter().any(|bind| bind.port == port)).count()
}

/// HAProxy should have a port and another program has it.
fn taken(server: &Server) -> Option<Finding> {
    let haproxy = server.haproxy.as_ref()?;
    if !haproxy.processes.is_empty() {
        return None;
    }
    let binds = haproxy.config.proxies.iter().flat_map(|proxy| &proxy.binds);
    let rows = server.ports.as_ref()?;
    let bind = binds.into_iter().find(|bind| rows.iter().any(|row| row.address.port() == bind.port))?;
    Some(
        Finding::error("port.taken", format!("port {} belongs to {}, so HAProxy cannot start", bind.port, holders(server, bind.port)))
            .why("HAProxy says: cannot bind socket (Address already in use)")
            .fix(format!("ss -ltnp 'sport = :{}'", bind.port))
            .fix("end that program (apache2 and nginx are usual: systemctl disable --now apache2), then: systemctl start haproxy"),
    )
}
