//! Who answers at the address: the gateway, HAProxy by itself, or something else.

use super::Verdict;
use crate::doctor::facts::{Client, Facts, Handshake, Http, NoAnswer, OtherProtocol, Reached, Trust};
use crate::doctor::finding::Finding;

pub(super) fn check(client: &Client, _: &Facts) -> Option<Verdict> {
    let health = client.health.as_ref()?;
    if let Some(failure) = &health.failure {
        return no_answer(client, failure).and_then(Verdict::ill);
    }
    let mut findings: Vec<Finding> = by_status(client, health).into_iter().collect();
    if findings.is_empty() {
        findings.extend(hsts(client, health));
        findings.extend(clear_text(client));
    }
    let who = match (&health.gateway, health.proxy) {
        (Some(version), true) => format!("gateway {version} through HAProxy"),
        (Some(version), false) => format!("gateway {version}"),
        _ => "no gateway".to_owned(),
    };
    Verdict::of(format!("{who}, in {} ms", health.took_ms), findings)
}

fn no_answer(client: &Client, failure: &NoAnswer) -> Option<Finding> {
    let (authority, port) = (client.target.authority(), client.target.port);
    let finding = match failure {
        // Said by the check of the certificate.
        NoAnswer::NoTls(_) => return None,
        NoAnswer::NotConnected(Reached::Reset) => super::cut(&authority),
        NoAnswer::NotConnected(_) => {
            Finding::error("tcp.unsteady", format!("{authority} took one connection and refused the next"))
                .why("it is overloaded, or restarting")
                .fix("try again; on the server: hal doctor")
        }
        _ if matches!(
            &client.other_protocol,
            Some(OtherProtocol::Tls(Handshake::Done | Handshake::Alert(_)))
        ) =>
        {
            return Some(needs_tls(client));
        }
        NoAnswer::IsTls => return Some(needs_tls(client)),
        NoAnswer::IsListener => Finding::error("path.listener-port", format!("{authority} is a QM listener"))
            .why("clients talk to a gateway; the listener behind it speaks another language")
            .fix(format!("use the gateway of the same server, usually port 8768 instead of {port}")),
        NoAnswer::TimedOut => Finding::error(
            "gateway.hangs",
            format!("{authority} takes connections but does not answer"),
        )
        .why("the server hangs or is overloaded, or the port belongs to something that waits to be spoken to")
        .fix("look at it on the server: hal doctor; systemctl restart hal"),
        NoAnswer::Closed | NoAnswer::Reset => super::cut(&authority),
        NoAnswer::NotHttp => {
            Finding::error("path.not-http", format!("what listens at {authority} is no web server"))
                .why("host or port belong to something else")
                .fix("HAProxy listens at 443, the gateway itself at 8768")
        }
    };
    Some(finding)
}

fn needs_tls(client: &Client) -> Finding {
    let mut secure = client.target.clone();
    if secure.port == 80 {
        secure.port = 443;
    }
    secure.secure = true;
    Finding::error("scheme.needs-https", format!("{} expects TLS", client.target.authority()))
        .why("the address begins with http or ws, and the port speaks https only")
        .fix(format!("HAL_SERVER_URL={}", secure.url()))
}

fn by_status(client: &Client, health: &Http) -> Option<Finding> {
    let target = &client.target;
    let status = health.status;
    if health.version == "1.0" {
        return Some(
            Finding::error("haproxy.errorfile-http10", format!("the answer is HTTP/1.0 {status}"))
                .why("it comes from an `errorfile` of HAProxy; WebSocket clients then report a wrong HTTP version instead of the real fault")
                .fix("remove the `errorfile` lines from /etc/haproxy/haproxy.cfg (`hal haproxy` writes http-error lines)")
                .fix("systemctl reload haproxy, then hal doctor again: it names the fault behind it"),
        );
    }
    if let Some(gateway) = &health.gateway {
        return match (status, gateway.as_str()) {
            (503, "busy") => Some(
                Finding::error("gateway.busy", "the gateway has no place for another connection")
                    .why("as many connections as gateway.connections_max are open")
                    .fix("wait, or raise connections_max under [gateway] in hal.toml"),
            ),
            (503, _) => Some(
                Finding::error("gateway.draining", "the gateway is shutting down")
                    .why("it ends the conversations that are open and takes no new ones")
                    .fix("try again in a few seconds; if it stays: systemctl restart hal"),
            ),
            _ => None,
        };
    }
    match status {
        301 | 302 | 303 | 307 | 308 => Some(redirected(client, health)),
        421 => Some(
            Finding::error("host.not-served", format!("HAProxy does not serve the name {}", target.host))
                .why("its file lets one name through only, and this is not it")
                .fix("use the name it was set up with; or write the file again: hal haproxy --mode subdomain --domain NAME"),
        ),
        429 => {
            let wait = health.retry_after.as_deref().filter(|wait| wait.bytes().all(|b| b.is_ascii_digit()));
            let wait = wait.map_or("a minute".to_owned(), |seconds| format!("{seconds} seconds"));
            Some(
                Finding::error("limit.rate", "HAProxy has too many requests from this address (429)")
                    .why("its limit for one address is reached, by this machine or by others behind the same router")
                    .fix(format!("wait {wait}"))
                    .fix("on the server: echo 'show table per_address' | socat - /run/haproxy/admin.sock")
                    .fix("raise the limit: hal haproxy --websockets-per-address N"),
            )
        }
        403 if health.proxy => Some(
            Finding::error("access.private-only", "HAProxy refuses the address of this machine (403)")
                .why("without TLS it answers private networks only")
                .fix("from outside use https: hal haproxy --mode subdomain --domain NAME"),
        ),
        _ => Some(no_gateway(client, health)),
    }
}

/// It speaks https, and says so.
pub(super) fn sent_on(client: &Client, to: &str) -> Finding {
    let place = to.trim_end_matches("/healthz").trim_end_matches('/');
    Finding::error("scheme.needs-https", format!("{} sends clients on to https", client.target.url()))
        .why("WebSocket clients do not follow a redirect")
        .fix(format!("HAL_SERVER_URL={place}"))
}

fn redirected(client: &Client, health: &Http) -> Finding {
    let to = health.location.as_deref().unwrap_or("nowhere");
    if !client.target.secure && to.starts_with("https://") {
        return sent_on(client, to);
    }
    Finding::error("path.redirected", format!("{} redirects to {to}", client.target.url()))
        .why("WebSocket clients do not follow a redirect; a web page is there, not HAL")
        .fix("check host and path; behind a shared name the path is usually /voice")
}

/// It is a web server, and nothing at this path leads to a gateway.
fn no_gateway(client: &Client, health: &Http) -> Finding {
    let target = &client.target;
    if let Some((path, _)) = client.elsewhere.iter().find(|(_, http)| http.gateway.is_some()) {
        let mut there = target.clone();
        there.path.clone_from(path);
        return Finding::error("path.not-routed", format!("the path {:?} does not lead to HAL, {path:?} does", target.path))
            .why("HAProxy sends other paths elsewhere")
            .fix(format!("HAL_SERVER_URL={}", there.url()))
            .fix("or route it: acl p_voice path /voice /ws; acl p_voice path_beg /voice/ /ws/; use_backend hal_voice if p_voice");
    }
    let status = health.status;
    if health.proxy && matches!(status, 502..=504) {
        return Finding::error(
            "backend.down",
            format!("HAProxy is there, but no gateway behind it ({status})"),
        )
        .why("it has marked every gateway as down, or cannot connect to one")
        .fix("hal doctor (on HAProxy's machine) says which of the reasons it is")
        .fix("hal serve (on the gateway's machine)")
        .fix("in HAProxy's file write 127.0.0.1:8768, not localhost:8768, which it takes for ::1");
    }
    if matches!(status, 502..=504) {
        return Finding::error(
            "backend.down",
            format!("a proxy at {} has no server behind it ({status})", target.authority()),
        )
        .why("the gateway does not run, or the proxy leads elsewhere")
        .fix("hal serve (on the gateway's machine), and let the proxy lead to its port 8768")
        .fix("hal doctor (on the proxy's machine)");
    }
    Finding::error("path.not-routed", format!("{} is a web server, but not HAL (status {status})", target.url()))
        .why("neither the gateway nor HAL's HAProxy answered: the path is not routed, or the name leads to another machine")
        .fix("check host, port and path; behind a shared name the path is usually /voice")
        .fix("in HAProxy's file: acl p_voice path /voice /ws; acl p_voice path_beg /voice/ /ws/; use_backend hal_voice if p_voice")
}

/// Browsers told to refuse exceptions, for a certificate that needs one.
fn hsts(client: &Client, health: &Http) -> Option<Finding> {
    let hsts = health.hsts.as_deref()?;
    if hsts.replace(' ', "").contains("max-age=0") {
        return None;
    }
    let trusted = client.tls.as_ref()?.trust == Some(Trust::Trusted);
    let why = if client.target.is_address() {
        "HSTS does not work for an address (RFC 6797, 8.1.1), and a certificate for one is rarely trusted"
    } else if !trusted {
        "browsers that saw it refuse every exception for this certificate, for as long as the header says"
    } else {
        return None;
    };
    Some(
        Finding::warning("hsts.untrusted", "Strict-Transport-Security is sent with a certificate that browsers do not trust")
            .why(why)
            .fix("get a trusted certificate; or take it back: Strict-Transport-Security \"max-age=0\" (`hal haproxy --no-hsts` leaves it out)"),
    )
}

/// What is said to port 80 should be sent on, never answered.
fn clear_text(client: &Client) -> Option<Finding> {
    let plain = client.port_80.as_ref()?;
    (plain.failure.is_none() && plain.gateway.is_some()).then(|| {
        Finding::warning("redirect.missing", format!("http://{}/ is answered without TLS", client.target.host))
            .why("whatever is said there can be read on the way; HAProxy forwards it instead of redirecting, e.g. without `mode http`")
            .fix(format!("hal haproxy --mode subdomain --domain {} -o /etc/haproxy/haproxy.cfg", client.target.host))
            .fix("systemctl reload haproxy")
    })
}
