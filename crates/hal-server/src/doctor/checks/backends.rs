//! HAProxy reaches the gateways: its own word for it, from the statistics socket.

use std::net::SocketAddr;

use super::{Verdict, listeners_at};
use crate::doctor::facts::{BackendServer, Facts, Server};
use crate::doctor::finding::Finding;

pub(super) fn check(server: &Server, facts: &Facts) -> Option<Verdict> {
    let haproxy = server.haproxy.as_ref()?;
    if haproxy.processes.is_empty() {
        return None;
    }
    let Some(servers) = &haproxy.servers else {
        let why =
            haproxy.socket_error.clone().unwrap_or_else(|| "its file names no `stats socket`".to_owned());
        return Verdict::of(
            "",
            vec![
                Finding::note("haproxy.no-socket", "HAProxy cannot be asked how it sees the gateways")
                    .why(why)
                    .fix("run the doctor with sudo; or in the global section: stats socket /run/haproxy/admin.sock mode 600 level admin"),
            ],
        );
    };
    // Servers without a check (certbot's) are neither up nor down.
    let checked: Vec<&BackendServer> = servers.iter().filter(|one| one.status != "no check").collect();
    let up = checked.iter().filter(|one| one.status.starts_with("UP")).count();
    let findings: Vec<Finding> = checked.iter().filter_map(|one| down(one, server, facts)).collect();
    if checked.is_empty() {
        return None;
    }
    Verdict::of(format!("{up} of {} up", checked.len()), findings)
}

fn down(one: &BackendServer, server: &Server, facts: &Facts) -> Option<Finding> {
    let name = format!("{}/{}", one.backend, one.name);
    if one.status.starts_with("MAINT") || one.status.starts_with("DRAIN") || one.status.starts_with("NOLB") {
        return Some(
            Finding::warning("backend.out-of-service", format!("{name} is switched off ({})", one.status))
                .why("somebody took it out by the statistics socket, or it drains; it gets no new conversations")
                .fix(format!("echo 'set server {name} state ready' | socat - SOCKET")),
        );
    }
    if !one.status.starts_with("DOWN") {
        return None;
    }
    let at = if one.address.is_empty() { "the gateway" } else { &one.address };
    let finding = match one.check.as_str() {
        "L4CON" if refused(one) => return refused_by(one, &name, server, facts),
        "L4CON" => Finding::error("backend.unreachable", format!("HAProxy cannot reach {at} for {name}: {}", one.last))
            .why("a firewall between the two rejects it, or there is no way there")
            .fix("hal firewall (on the gateway's machine) prints the rule that lets HAProxy's address in"),
        "L4TOUT" => Finding::error("backend.filtered", format!("{at} gives HAProxy no answer ({name})"))
            .why("a firewall between HAProxy and the gateway drops the connection, or that machine is off")
            .fix("on the gateway's machine: ufw allow from HAPROXY-ADDRESS to any port 8768 proto tcp")
            .fix("Windows: New-NetFirewallRule -DisplayName \"HAL Voice Gateway\" -Direction Inbound -LocalPort 8768 -Protocol TCP -RemoteAddress HAPROXY-ADDRESS -Action Allow"),
        "L7STS" if one.check_code == Some(400) && gets_header(one, server) => {
            Finding::error("backend.proxy-header", format!("{at} does not believe HAProxy's PROXY header ({name})"))
                .why("the `server` line says send-proxy, and the gateway believes the proxies in gateway.proxies alone, without such a list private addresses")
                .fix("under [gateway] in the gateway's hal.toml: proxies = [\"ADDRESS-OF-HAPROXY\"], then: systemctl reload hal")
                .fix("or take send-proxy out of the `server` line, then: systemctl reload haproxy")
        }
        "L7STS" => {
            let code = one.check_code.map_or_else(String::new, |code| format!(" ({code})"));
            Finding::error("backend.check-refused", format!("{name} is well enough to answer, but not what the health check wants{code}"))
                .why("a WebSocket handshake without a key is answered with 400 or 426 by every WebSocket server; a gateway that drains says 503")
                .fix("option httpchk")
                .fix("http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host NAME")
                .fix("http-check expect status 200")
        }
        "L7TOUT" => Finding::error("backend.hangs", format!("{at} takes HAProxy's connection and does not answer ({name})"))
            .why("the gateway hangs or is overloaded, or something else has its port")
            .fix("systemctl restart hal (on the gateway's machine)"),
        "L7RSP" | "SOCKERR" => Finding::error("backend.closes", format!("{at} closes HAProxy's health check without an answer ({name})"))
            .why("it is a bare WebSocket server, or no web server at all; HAL's gateway answers every check")
            .fix("check that the `server` line names the gateway's port (8768), not the listener's (8767)"),
        other => Finding::error("backend.down", format!("HAProxy has marked {name} as down: {other} {}", one.last))
            .why("nobody is led to it")
            .fix("hal doctor (on the gateway's machine)"),
    };
    Some(finding)
}

/// Whether HAProxy's file has this server greeted with a PROXY header.
fn gets_header(one: &BackendServer, server: &Server) -> bool {
    let proxies = server.haproxy.iter().flat_map(|haproxy| &haproxy.config.proxies);
    let mut here = proxies.filter(|proxy| proxy.name == one.backend);
    here.any(|proxy| proxy.header_servers.contains(&one.name))
}

fn refused(one: &BackendServer) -> bool {
    one.last.is_empty() || one.last.to_ascii_lowercase().contains("refused")
}

/// Refused: nothing listens, or it listens at another address of the same machine.
fn refused_by(one: &BackendServer, name: &str, server: &Server, facts: &Facts) -> Option<Finding> {
    let asked = one.address.parse::<SocketAddr>().ok();
    if let Some(asked) = asked {
        let here = listeners_at(server, asked.port()).next();
        if asked.ip().is_loopback()
            && asked.is_ipv6()
            && here.is_none_or(|row| row.address.is_ipv4())
            && here.is_some()
        {
            return Some(
                Finding::error(
                    "backend.localhost-ipv6",
                    format!("HAProxy takes the gateway for {asked}, and it listens on IPv4 ({name})"),
                )
                .why("`localhost` in the `server` line becomes ::1 where /etc/hosts names it so")
                .fix(format!("write 127.0.0.1:{} instead of localhost:{0}", asked.port()))
                .fix("haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy"),
            );
        }
        if let Some(row) = here.filter(|row| row.address.ip().is_loopback() && row.address.ip() != asked.ip())
        {
            return Some(super::loopback_only(row.address, asked));
        }
        // On the same machine the gateway's own check says that it does not run.
        let said = super::gateway::check(server, facts).is_some_and(|verdict| !verdict.findings.is_empty());
        if asked.ip().is_loopback() && said {
            return None;
        }
    }
    let at = if one.address.is_empty() { "the gateway" } else { &one.address };
    Some(
        Finding::error("backend.refused", format!("{at} refuses HAProxy's connections ({name})"))
            .why("no gateway runs there, or it listens for its own machine only, or a firewall resets the connection")
            .fix("hal serve (on the gateway's machine), and there: ss -ltn 'sport = :8768'")
            .fix("if that shows 127.0.0.1 and HAProxy is elsewhere: hal serve --listen ADDRESS:8768")
            .fix("and let HAProxy in: ufw allow from HAPROXY-ADDRESS to any port 8768 proto tcp"),
    )
}
