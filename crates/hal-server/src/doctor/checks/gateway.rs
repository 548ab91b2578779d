//! The gateway on its own machine, asked without anything in between.

use super::{Verdict, holders, listeners_at};
use crate::doctor::facts::{Facts, Reached, Server};
use crate::doctor::finding::Finding;

pub(super) fn check(server: &Server, _: &Facts) -> Option<Verdict> {
    let gateway = server.gateway.as_ref()?;
    let tried = gateway.connect.as_ref()?;
    let address = tried.address;
    if tried.outcome != Reached::Connected {
        return absent(server);
    }
    let health = gateway.health.as_ref()?;
    if health.gateway.is_none() {
        let who = holders(server, address.port());
        return Verdict::ill(
            Finding::error(
                "port.taken",
                format!("port {} belongs to {who}, not to HAL's gateway", address.port()),
            )
            .why("the gateway cannot start while another program has its port")
            .fix(format!("ss -ltnp 'sport = :{}'", address.port()))
            .fix(format!(
                "end that program, or choose another port: hal serve --listen {}:8769",
                address.ip()
            )),
        );
    }
    let mut findings = Vec::new();
    if health.status == 503 {
        findings.push(
            Finding::error("gateway.draining", "the gateway is shutting down or has no free place")
                .why("it takes no new conversations")
                .fix("systemctl restart hal"),
        );
    }
    let upgrade = gateway.upgrade.as_ref();
    if let Some(upgrade) = upgrade.filter(|upgrade| !matches!(upgrade.http.status, 101 | 401 | 403 | 503)) {
        findings.push(
            Finding::error(
                "gateway.no-websocket",
                format!("the gateway answers a WebSocket with {}", upgrade.http.status),
            )
            .why("no conversation can begin, even without a proxy")
            .fix("journalctl -u hal -n 50"),
        );
    }
    let version = health.gateway.as_deref().unwrap_or_default();
    Verdict::of(format!("{version} at {address}"), findings)
}

/// Nothing answers. On the machine of HAProxy alone, or of the listener alone, that is how it should be.
fn absent(server: &Server) -> Option<Verdict> {
    let address = server.gateway.as_ref()?.connect.as_ref()?.address;
    let elsewhere = listeners_at(server, address.port()).find(|row| row.address != address);
    if let Some(row) = elsewhere {
        // It runs, only not where the settings of this user say.
        return Verdict::well(format!("listens at {}", row.address));
    }
    let listener_alone =
        server.listener.as_ref().is_some_and(|listener| listener.outcome == Reached::Connected);
    if server.database.is_none() || listener_alone {
        return None;
    }
    Verdict::ill(
        Finding::error("gateway.not-running", format!("nothing listens at {address}: HAL is not running"))
            .why("nobody gets an answer: clients are refused, or HAProxy tells them that no gateway is up")
            .fix("systemctl start hal (or: hal serve)")
            .fix("journalctl -u hal -n 50"),
    )
}
