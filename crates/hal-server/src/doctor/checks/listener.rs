//! The QM listener of this machine.

use super::Verdict;
use crate::doctor::facts::{Facts, Reached, Server};
use crate::doctor::finding::Finding;

pub(super) fn check(server: &Server, _: &Facts) -> Option<Verdict> {
    let listener = server.listener.as_ref()?;
    if listener.outcome == Reached::Connected {
        return Verdict::well(format!("at {}", listener.address));
    }
    // The records are elsewhere, or all of HAL is down, which is said already.
    server.database.as_ref()?;
    let up = server.gateway.as_ref()?.connect.as_ref()?.outcome == Reached::Connected;
    if !up || super::listeners_at(server, listener.address.port()).next().is_some() {
        return None;
    }
    Verdict::ill(
        Finding::error(
            "listener.down",
            format!("nothing listens at {}: the QM listener is not running", listener.address),
        )
        .why("the gateway runs, but every question fails: it cannot reach the records")
        .fix("hal serve --only listener (or start gateway and listener in one: hal serve)"),
    )
}
