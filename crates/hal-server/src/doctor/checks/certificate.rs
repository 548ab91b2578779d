//! TLS and its certificate: chain, name, dates, and whether the clock is to blame.

use super::{Verdict, date};
use crate::doctor::facts::{Certificate, Client, Facts, Handshake, OtherProtocol, Tls, Trust};
use crate::doctor::finding::Finding;

const DAY_SECONDS: i64 = 86_400;
/// A renewal that has not come by then will not come by itself: certbot renews 30 days before the end.
const ENDS_SOON_DAYS: i64 = 14;
/// Clocks further apart than this are wrong (a certificate of an hour's age is already common).
const CLOCK_SECONDS_MAX: i64 = 60;

pub(super) fn check(client: &Client, facts: &Facts) -> Option<Verdict> {
    let tls = client.tls.as_ref()?;
    match &tls.outcome {
        Handshake::Done => certificate(client, tls, facts.now),
        Handshake::NotTls => Verdict::ill(not_tls(client)),
        Handshake::Alert(alert) if alert == "UnrecognisedName" => Verdict::ill(
            Finding::error(
                "tls.sni-refused",
                format!("the server does not know the name {}", client.target.host),
            )
            .why("HAProxy has `strict-sni` and no certificate for this name")
            .fix("use the name the server was set up with (`hal haproxy --domain NAME`)")
            .fix(format!(
                "or give it a certificate for {}, or remove strict-sni from its bind line",
                client.target.host
            )),
        ),
        Handshake::Alert(alert) => Verdict::ill(
            Finding::error("tls.refused", format!("the server refuses the TLS handshake: {alert}"))
                .why("HAL needs TLS 1.2 or 1.3 with a common cipher")
                .fix("on the server: ssl-default-bind-options ssl-min-ver TLSv1.2 (`hal haproxy` writes it)"),
        ),
        Handshake::Closed | Handshake::Reset => Verdict::ill(super::cut(&client.target.authority())),
        Handshake::TimedOut => Verdict::ill(
            Finding::error(
                "tls.timeout",
                format!("{} takes connections but does not begin TLS", client.target.authority()),
            )
            .why("something else than a TLS server listens there, or it hangs")
            .fix("systemctl status haproxy"),
        ),
        Handshake::Other(text) => Verdict::ill(
            Finding::error("tls.failed", format!("the TLS handshake fails: {text}"))
                .why("no conversation can begin")
                .fix(format!("openssl s_client -connect {}:{}", client.target.host, client.target.port)),
        ),
    }
}

fn not_tls(client: &Client) -> Finding {
    let plain = matches!(&client.other_protocol, Some(OtherProtocol::Http(http)) if http.failure.is_none());
    let (host, port) = (&client.target.host, client.target.port);
    let mut http = client.target.clone();
    http.secure = false;
    let finding = Finding::error("scheme.no-tls-here", format!("port {port} of {host} does not speak TLS"));
    let finding = if plain {
        finding.why(
            "it is a port for plain HTTP; HAProxy speaks TLS at port 443, the gateway itself without TLS",
        )
    } else {
        finding.why("something else than a web server listens there")
    };
    if port == 80 {
        return finding.fix(format!("HAL_SERVER_URL=https://{host}{}", client.target.path));
    }
    finding.fix(format!("HAL_SERVER_URL={} (without TLS, in private networks only)", http.url()))
}

fn certificate(client: &Client, tls: &Tls, now: i64) -> Option<Verdict> {
    let Some(leaf) = tls.chain.first() else {
        return Verdict::ill(Finding::error("tls.failed", "the certificate of the server cannot be read"));
    };
    let mut findings: Vec<Finding> = Vec::new();
    let dates_fit = |at: i64| leaf.not_before <= at && at <= leaf.not_after;
    let skew = client.health.as_ref().and_then(|http| http.date).map(|server| now - server);
    let clock_wrong = skew.is_some_and(|skew| skew.abs() > CLOCK_SECONDS_MAX);
    if clock_wrong && !dates_fit(now) && dates_fit(now - skew.unwrap_or(0)) {
        findings.push(clock(now, skew.unwrap_or(0), &client.target.host, true));
    } else {
        if leaf.not_after < now {
            findings.push(expired(leaf));
        } else if leaf.not_before > now {
            findings.push(not_yet(leaf));
        }
        if clock_wrong {
            findings.push(clock(now, skew.unwrap_or(0), &client.target.host, false));
        }
    }
    findings.extend(trust(client, tls, leaf));
    if findings.is_empty() {
        let days = (leaf.not_after - now) / DAY_SECONDS;
        // Certificates that live for days are renewed within days; they are judged by a third of their life.
        let third = (leaf.not_after - leaf.not_before) / DAY_SECONDS / 3;
        if days < ENDS_SOON_DAYS.min(third) {
            findings.push(ends_soon(leaf, days));
        }
    }
    Verdict::of(format!("{} until {}", names(leaf), date(leaf.not_after)), findings)
}

/// What the strict verifier says, told apart by what was shown. Dates are judged already.
fn trust(client: &Client, tls: &Tls, leaf: &Certificate) -> Option<Finding> {
    let host = &client.target.host;
    match tls.trust.as_ref()? {
        Trust::Trusted | Trust::Expired | Trust::NotYetValid => None,
        Trust::WrongName if leaf.names.is_empty() => Some(
            Finding::error("tls.no-san", format!("the certificate names no host, so it is not valid for {host}"))
                .why("a name in the subject alone (CN) does not count for HAL's clients and browsers, though curl and Python accept it")
                .fix(format!("hal cert self-signed --domain {host} --force"))
                .fix(format!("or with openssl: -addext subjectAltName=DNS:{host}")),
        ),
        Trust::WrongName => Some(
            Finding::error("tls.wrong-name", format!("the certificate is for {}, not for {host}", names(leaf)))
                .why("clients refuse it: anybody could show a certificate for another name")
                .fix(format!("use that name: HAL_SERVER_URL=https://{}", leaf.names[0]))
                .fix(format!("or make one for {host}: certbot certonly … -d {host}; by address it needs a SAN `IP:`")),
        ),
        Trust::UnknownIssuer if leaf.issuer.contains("HAL local CA") => Some(
            Finding::error("tls.own-authority", "the certificate comes from your own HAL authority, which this machine does not trust")
                .why("clients must be given its certificate once")
                .fix("copy hal-ca.pem from the server's certificate folder to this machine")
                .fix(format!("hal ask --server {} --ca hal-ca.pem \"…\" (or HAL_CA=hal-ca.pem)", client.target.url())),
        ),
        Trust::CaAsServer => Some(
            Finding::error("tls.ca-as-server", "the server shows the certificate of a CA as its own")
                .why("HAL's clients refuse that even when it is trusted; `openssl req -x509` makes such ones unless told otherwise")
                .fix(format!("hal cert self-signed --domain {host} --force"))
                .fix("or add to openssl: -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth"),
        ),
        Trust::UnknownIssuer if leaf.subject == leaf.issuer => Some(
            Finding::error("tls.self-signed", "the certificate is self-signed: nobody but itself vouches for it")
                .why("clients cannot tell it from a forged one")
                .fix(format!("hal cert self-signed --domain {host} --force (with an authority that clients can be given)"))
                .fix("or Let's Encrypt: certbot certonly …; or give clients the file: --ca FILE"),
        ),
        Trust::UnknownIssuer if tls.chain.len() == 1 => Some(
            Finding::error("tls.missing-intermediate", format!("the server shows one certificate only, issued by {}", leaf.issuer))
                .why("the certificate of that issuer is missing in the chain; browsers may know it from elsewhere, other clients do not")
                .fix("use fullchain.pem, not cert.pem: cat fullchain.pem privkey.pem > /etc/haproxy/certs/hal.pem")
                .fix("systemctl reload haproxy"),
        ),
        Trust::UnknownIssuer => Some(
            Finding::error("tls.unknown-authority", format!("the certificate comes from {}, which this machine does not know", tls.chain.last().map_or("", |last| &last.issuer)))
                .why("clients accept only authorities that they know")
                .fix("give this client the certificate of that authority: --ca FILE or HAL_CA=FILE"),
        ),
        Trust::NoRoots => Some(
            Finding::error("tls.no-roots", "this machine has no list of trusted certificate authorities")
                .why("no public certificate can be verified here")
                .fix("apt-get install ca-certificates"),
        ),
        Trust::Other(text) => Some(
            Finding::error("tls.certificate-refused", format!("the certificate is not accepted: {text}"))
                .why("clients will refuse it too")
                .fix(format!("hal cert self-signed --domain {host} --force, or certbot certonly …")),
        ),
    }
}

fn expired(leaf: &Certificate) -> Finding {
    Finding::error("tls.expired", format!("the certificate has expired on {}", date(leaf.not_after)))
        .why("every client refuses it; `haproxy -c` says nothing about it")
        .fix("certbot renew --force-renewal --cert-name hal (or: hal cert self-signed --force)")
        .fix("systemctl reload haproxy; then check that the renewal's deploy hook does it next time")
}

fn not_yet(leaf: &Certificate) -> Finding {
    Finding::error(
        "tls.not-yet-valid",
        format!("the certificate is valid only from {}", date(leaf.not_before)),
    )
    .why("every client refuses it until then; it was made on a machine whose clock is ahead")
    .fix("timedatectl (on the machine that made it), then make it again")
}

fn ends_soon(leaf: &Certificate, days: i64) -> Finding {
    Finding::warning(
        "tls.ends-soon",
        format!("the certificate ends in {days} days, on {}", date(leaf.not_after)),
    )
    .why("renewal should have happened by now; after that day every client refuses it")
    .fix("certbot renew; systemctl list-timers certbot.timer")
    .fix("or: hal cert self-signed --force && systemctl reload haproxy")
}

fn clock(now: i64, skew: i64, host: &str, ill: bool) -> Finding {
    let way = if skew > 0 { "ahead of" } else { "behind" };
    let what = format!("this machine's clock is {} {way} that of {host}", span(skew.abs()));
    let fix = "timedatectl set-ntp true";
    if ill {
        return Finding::error("clock.skewed", what)
            .why("the certificate is fine at the server's time; with this clock it seems not valid")
            .fix(fix)
            .fix(format!("date (here it says {})", date(now)));
    }
    Finding::warning("clock.skewed", what)
        .why("one of the two is wrong: answers about today go wrong there, and certificates will")
        .fix(format!("{fix} (on both)"))
}

fn span(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / DAY_SECONDS),
    }
}

fn names(leaf: &Certificate) -> String {
    match leaf.names.as_slice() {
        [] => leaf.subject.clone(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}
