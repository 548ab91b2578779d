//! The WebSocket handshake comes through whole, and the gateway greets.

use super::Verdict;
use crate::doctor::facts::{Client, Facts, Http, Upgrade};
use crate::doctor::finding::Finding;

pub(super) fn check(client: &Client, _: &Facts) -> Option<Verdict> {
    let upgrade = client.upgrade.as_ref()?;
    let health = client.health.as_ref()?;
    if upgrade.http.failure.is_some() || said_already(health) {
        return None;
    }
    if let Some(finding) = broken(client, upgrade) {
        return Verdict::ill(finding);
    }
    Verdict::well(format!("opens in {} ms and greets", upgrade.http.took_ms))
}

/// Another check has named why nothing of HAL answers.
fn said_already(health: &Http) -> bool {
    health.failure.is_some() || health.gateway.is_none() || health.version == "1.0" || health.status == 503
}

fn broken(client: &Client, upgrade: &Upgrade) -> Option<Finding> {
    let http = &upgrade.http;
    let gateway = http.gateway.is_some();
    let finding = match http.status {
        101 if !upgrade.key_fits => Finding::error("upgrade.key-lost", "the answer to the WebSocket handshake fits another key")
            .why("a proxy on the way removes Sec-WebSocket-Key, and HAProxy then makes one of its own")
            .fix("remove `del-header Sec-WebSocket-Key` from HAProxy's file; let every proxy on the way pass Sec-WebSocket-*"),
        101 if !upgrade.header => Finding::error("upgrade.header-lost", "the answer to the WebSocket handshake lost its Upgrade header")
            .why("a proxy on the way removes it from answers, and clients then refuse the WebSocket")
            .fix("remove `http-response del-header Upgrade` from HAProxy's file"),
        101 => return ungreeted(client, upgrade),
        401 => return Some(sign_in(upgrade)),
        301 | 302 | 303 | 307 | 308 if !client.target.secure && goes_to_tls(http) => {
            return Some(super::http::sent_on(client, http.location.as_deref().unwrap_or_default()));
        }
        403 if gateway => Finding::error("upgrade.refused", "the gateway refuses the WebSocket (403)")
            .why("it does not let this origin or this user in")
            .fix("pages of other hosts are named under gateway.origins in hal.toml"),
        426 | 200 | 404 if gateway => Finding::error("upgrade.stripped", format!("the WebSocket handshake arrives as a plain request ({})", http.status))
            .why(http.said.clone().unwrap_or_else(|| "a proxy on the way removes Upgrade or Connection, or speaks HTTP/1.0".to_owned()))
            .fix("remove `del-header Upgrade`, `del-header Connection` and `set-header Connection close` from HAProxy's file")
            .fix("a proxy in front of it must speak HTTP/1.1 and pass upgrades (nginx: proxy_http_version 1.1)"),
        400 => Finding::error("upgrade.bad-request", "the WebSocket handshake is refused as incomplete (400), plain requests come through")
            .why("a proxy in front of HAProxy removes Sec-WebSocket-Key or -Version; HAProxy itself refuses such a handshake before any gateway sees it")
            .fix("let every proxy on the way pass the Sec-WebSocket-* headers")
            .fix("a test by hand needs both: curl --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='"),
        429 => Finding::error("limit.websockets", "HAProxy refuses another WebSocket for this address (429)")
            .why("as many as one address may hold are open")
            .fix("close some; on the server: echo 'show table websockets' | socat - /run/haproxy/admin.sock")
            .fix("raise the limit: hal haproxy --websockets-per-address N"),
        503 if gateway => Finding::error("gateway.busy", "the gateway has no place for another WebSocket")
            .why("as many as gateway.connections_max are open")
            .fix("wait, or raise connections_max under [gateway] in hal.toml"),
        status => Finding::error("upgrade.failed", format!("plain requests reach the gateway, the WebSocket does not (status {status})"))
            .why("something on the way treats upgrades differently, e.g. another backend for them")
            .fix("compare use_backend rules with `acl … hdr(Upgrade)` in HAProxy's file"),
    };
    Some(finding)
}

fn goes_to_tls(http: &Http) -> bool {
    http.location.as_deref().is_some_and(|to| to.starts_with("https://"))
}

fn ungreeted(client: &Client, upgrade: &Upgrade) -> Option<Finding> {
    match (&upgrade.code, upgrade.greeting.as_deref()) {
        (Some(code), _) if code == "SIGN_IN_REQUIRED" => Some(sign_in(upgrade)),
        (_, Some("connected" | "state")) => None,
        (code, greeting) => {
            let said = code.as_deref().or(greeting).unwrap_or("nothing");
            Some(
                Finding::error(
                    "upgrade.no-greeting",
                    format!("{} opens the WebSocket, but greets with {said}", client.target.authority()),
                )
                .why("it is no HAL gateway, or one in trouble")
                .fix("check host and path; on the server: hal doctor"),
            )
        }
    }
}

fn sign_in(upgrade: &Upgrade) -> Finding {
    if upgrade.signed_in {
        return Finding::error("signin.refused", "the server does not accept this sign-in")
            .why("the token was revoked, has expired, or belongs to another household")
            .fix("pair this device again: hal pair");
    }
    Finding::error("signin.required", "the server wants a sign-in")
        .why("it is well, but answers only people and devices it knows")
        .fix("pair this device: hal pair")
}
