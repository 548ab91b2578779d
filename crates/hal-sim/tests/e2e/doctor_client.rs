//! Faults that a client sees, each staged for real.

use std::path::Path;
use std::process::Command;

use hal_sim::process::Process;
use hal_sim::programs;
use hal_sim::server::{Options, hal};
use rcgen::{BasicConstraints, IsCa, date_time_ymd};

use super::Case;
use super::stage::{
    Authority, CLOSED, Diagnosis, Front, FullQueue, NameServer, Network, Raised, Says, Theatre, diagnose,
    dns_name, mute, other_site, proxy_without, self_signed, serve, write_secret,
};

const NO_ADDRESS: Says = Says::Addresses(None, None);
const LOOPBACK: Option<[u8; 4]> = Some([127, 0, 0, 1]);
const IPV6_LOOPBACK: Option<[u8; 16]> = Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

pub(super) const CASES: &[Case] = &[
    Case::new("DNS name missing: NXDOMAIN", &["dns.nxdomain"], |_| dns(Says::Code(3))),
    Case::new("DNS name missing: no A or AAAA", &["dns.no-address"], |_| dns(NO_ADDRESS)),
    Case::new("DNS name missing: SERVFAIL", &["dns.server-failed"], |_| dns(Says::Code(2))),
    Case::new("DNS name missing: REFUSED", &["dns.server-failed"], |_| dns(Says::Code(5))),
    Case::new("DNS name missing: no server answers", &["dns.timeout"], |_| dns(Says::Nothing)),
    Case::new("AAAA exists, IPv4 only listens", &["tcp.ipv6-dead"], ipv6_dead),
    Case::new("TCP refused: nothing listens", &["tcp.refused"], |_| Ok(at(&closed_port()))),
    Case::new("TCP refused: firewall reject", &["tcp.refused"], |theatre| {
        firewall(theatre, "reject with tcp reset", false)
    }),
    Case::new("firewall drops one port (nft)", &["tcp.filtered"], |theatre| firewall(theatre, "drop", false)),
    Case::new("firewall drops every port (nft)", &["tcp.timeout"], |theatre| firewall(theatre, "drop", true)),
    Case::new("full backlog, unanswered SYN", &["tcp.timeout"], full_backlog),
    Case::new("reject, admin-prohibited (nft)", &["tcp.rejected"], |theatre| {
        firewall(theatre, "reject with icmp type admin-prohibited", false)
    }),
    Case::new("host gone (no neighbour answers)", &["tcp.host-absent"], host_gone),
    Case::new("no route", &["tcp.no-route"], no_route),
    Case::new("TLS expired", &["tls.expired"], |t| {
        certificate(t, t.authority.sign(|params| params.not_after = date_time_ymd(2025, 1, 1)), &t.ca())
    }),
    Case::new("TLS not yet valid", &["tls.not-yet-valid"], |t| {
        certificate(t, t.authority.sign(|params| params.not_before = date_time_ymd(2080, 1, 1)), &t.ca())
    }),
    Case::new("clock behind the server's", &["clock.skewed"], clock_behind),
    Case::new("clock ahead of the server's", &["clock.skewed"], clock_ahead),
    Case::new("self-signed", &["tls.self-signed"], |t| {
        let (leaf, key) = self_signed(|_| {});
        certificate(t, leaf + &key, &t.ca())
    }),
    Case::new("missing intermediate", &["tls.missing-intermediate"], |t| {
        certificate(t, t.authority.intermediate("HAL stage intermediate").sign(|_| {}), &t.ca())
    }),
    Case::new("unknown CA, whole chain", &["tls.unknown-authority"], unknown_authority),
    Case::new("wrong name", &["tls.wrong-name"], |t| {
        certificate(
            t,
            t.authority.sign(|params| params.subject_alt_names = vec![dns_name("other.test")]),
            &t.ca(),
        )
    }),
    Case::new("CN only, no SAN", &["tls.no-san"], |t| {
        certificate(t, t.authority.sign(|params| params.subject_alt_names = Vec::new()), &t.ca())
    }),
    Case::new("the document's self-signed, trusted", &["tls.ca-as-server"], documents_certificate),
    Case::new("SNI unknown with strict-sni", &["tls.sni-refused"], strict_sni),
    Case::new("backend DOWN, seen by a client", &["backend.down"], |t| {
        let front = Front { back: format!("server gateway 127.0.0.1:{} check", CLOSED), ..Front::tls(t) };
        through(t, &front)
    }),
    Case::new("backend refused, without a check", &["backend.down"], |t| {
        let front = Front { back: format!("server gateway 127.0.0.1:{}", CLOSED), ..Front::tls(t) };
        through(t, &front)
    }),
    Case::new("Upgrade stripped: del-header Upgrade", &["upgrade.stripped"], |t| {
        through(t, &Front { front: "http-request del-header Upgrade".into(), ..Front::tls(t) })
    }),
    Case::new("Upgrade stripped: del-header Connection", &["upgrade.stripped"], |t| {
        through(t, &Front { front: "http-request del-header Connection".into(), ..Front::tls(t) })
    }),
    Case::new("Upgrade stripped: Connection: close", &["upgrade.stripped"], |t| {
        through(t, &Front { front: "http-request set-header Connection close".into(), ..Front::tls(t) })
    }),
    Case::new("key header stripped by HAProxy", &["upgrade.key-lost"], |t| {
        through(t, &Front { front: "http-request del-header Sec-WebSocket-Key".into(), ..Front::tls(t) })
    }),
    Case::new("Upgrade without key reaches HAProxy", &["upgrade.bad-request"], |t| {
        let raised = Front::new(t.gateway()).start(t);
        let port = proxy_without("sec-websocket-key", raised.port);
        Ok(at(&format!("http://127.0.0.1:{port}")))
    }),
    Case::new("HTTP/1.0 error page", &["haproxy.errorfile-http10"], errorfile),
    Case::new("path not routed: another site", &["path.not-routed"], |t| path(t, Some(other_site()), "/hal")),
    Case::new("path not routed: no default_backend", &["path.not-routed"], |t| path(t, None, "")),
    Case::new("path not routed: wholly another site", &["path.not-routed"], |_| {
        Ok(at(&format!("http://127.0.0.1:{}", other_site())))
    }),
    Case::new("path not routed: host unknown (421)", &["host.not-served"], |t| {
        let front = "acl known req.hdr(Host),host_only -m str hal.test\nhttp-request deny deny_status 421 unless known";
        through(t, &Front { front: front.into(), ..Front::tls(t) })
    }),
    Case::new("http on a port that redirects", &["scheme.needs-https"], |t| {
        let front =
            Front { front: "http-request redirect scheme https code 301".into(), ..Front::new(t.gateway()) };
        plain(t, &front, Raised::http)
    }),
    Case::new("http on a TLS port", &["scheme.needs-https"], |t| plain(t, &Front::tls(t), Raised::http)),
    Case::new("http to a gateway with TLS of its own", &["scheme.needs-https"], |t| {
        let server =
            Options::demo(&t.room()).with(&["--tls"]).start().map_err(|error| format!("{error:#}"))?;
        Ok(at(&server.url()))
    }),
    Case::new("https on a plain port", &["scheme.no-tls-here"], |t| {
        plain(t, &Front::new(t.gateway()), Raised::https)
    }),
    Case::new("HSTS with a self-signed certificate", &["hsts.untrusted", "tls.self-signed"], |t| {
        let (leaf, key) = self_signed(|_| {});
        let front = "http-after-response set-header Strict-Transport-Security max-age=63072000";
        through(t, &Front { front: front.into(), pem: Some(leaf + &key), ..Front::tls(t) })
    }),
    Case::new("tunnel timeout short, probed", &["tunnel.timeout-short"], |t| {
        let raised = Front { tunnel: "timeout tunnel 1s", ..Front::tls(t) }.start(t);
        Ok(doctor(&["--server", &raised.https(), "--ca", text(&t.ca()), "--idle", "3"]))
    }),
    Case::new("rate limit: 429", &["limit.rate"], |t| {
        through(t, &Front { front: "http-request deny deny_status 429".into(), ..Front::tls(t) })
    }),
    Case::new("rate limit: 429 for WebSockets", &["limit.websockets"], |t| {
        let front = "http-request deny deny_status 429 if { req.hdr(Upgrade) -m found }";
        through(t, &Front { front: front.into(), ..Front::tls(t) })
    }),
    Case::new("rate limit: reset at connect, TLS", &["limit.connections"], |t| {
        through(t, &Front { front: "tcp-request connection reject".into(), ..Front::tls(t) })
    }),
    Case::new("rate limit: reset at connect, plain", &["limit.connections"], |t| {
        let front = Front { front: "tcp-request connection reject".into(), ..Front::new(t.gateway()) };
        plain(t, &front, Raised::http)
    }),
    Case::new("the answer loses its Upgrade header", &["upgrade.header-lost"], |t| {
        through(t, &Front { front: "http-response del-header Upgrade".into(), ..Front::tls(t) })
    }),
    Case::new("plain mode, asked from outside (403)", &["access.private-only"], |t| {
        let front = "http-request deny deny_status 403 unless { src 10.0.0.0/8 }";
        plain(t, &Front { front: front.into(), ..Front::new(t.gateway()) }, Raised::http)
    }),
    Case::new("the path redirects to another site", &["path.redirected"], |t| {
        let front = "http-request redirect prefix https://www.example.test code 302";
        through(t, &Front { front: front.into(), ..Front::tls(t) })
    }),
    Case::new("certificate ends in days", &["tls.ends-soon"], |t| {
        // Its own file was written a moment ago.
        let now = std::fs::metadata(t.ca()).and_then(|meta| meta.modified()).expect("it was written");
        let since = now.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let soon = date_time_ymd(1970, 1, 1) + since + std::time::Duration::from_secs(5 * 86_400);
        certificate(t, t.authority.sign(|params| params.not_after = soon), &t.ca())
    }),
    Case::new("port 80 is not redirected", &["redirect.missing"], clear_text),
    Case::new("listener 8767 down", &["listener.down"], listener_down),
    Case::new("sign-in required (401)", &["signin.required"], |t| sign_in(t, None)),
    Case::new("sign-in refused (401)", &["signin.refused"], |t| sign_in(t, Some("hal-stage-token"))),
    Case::new("the port hangs", &["gateway.hangs"], |_| Ok(at(&format!("http://127.0.0.1:{}", mute())))),
    Case::new("the port is a QM listener's", &["path.listener-port"], |t| {
        Ok(at(&format!("http://127.0.0.1:{}", t.home.server.listener_port)))
    }),
    Case::new("the port is no web server's", &["path.not-http"], |_| {
        let port = serve(|mut client| {
            use std::io::Write as _;
            client.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").ok();
            std::io::copy(&mut client, &mut std::io::sink()).ok();
        });
        Ok(at(&format!("http://127.0.0.1:{port}")))
    }),
];

/// Without the question: how fast a busy machine answers is no part of these faults.
fn doctor(words: &[&str]) -> Diagnosis {
    super::doctor(&[words, &["--no-question"]].concat())
}

pub(super) type Told = Result<Diagnosis, String>;

fn at(url: &str) -> Diagnosis {
    doctor(&["--server", url])
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

fn closed_port() -> String {
    format!("http://127.0.0.1:{}", CLOSED)
}

/// Looks at a TLS front as a client that trusts the theatre's authority.
fn through(theatre: &Theatre, front: &Front) -> Told {
    let raised = front.start(theatre);
    Ok(doctor(&["--server", &raised.https(), "--ca", text(&theatre.ca())]))
}

/// Looks at a front as a client that trusts nobody special.
fn plain(theatre: &Theatre, front: &Front, url: fn(&Raised) -> String) -> Told {
    let raised = front.start(theatre);
    Ok(at(&url(&raised)))
}

fn certificate(theatre: &Theatre, pem: String, ca: &Path) -> Told {
    let raised = Front { pem: Some(pem), ..Front::tls(theatre) }.start(theatre);
    Ok(doctor(&["--server", &raised.https(), "--ca", text(ca)]))
}

fn dns(says: Says) -> Told {
    let server = NameServer::start(says);
    Ok(doctor(&["--server", "https://hal.test", "--dns", &server.name()]))
}

fn ipv6_dead(theatre: &Theatre) -> Told {
    let server = NameServer::start(Says::Addresses(LOOPBACK, IPV6_LOOPBACK));
    let raised = Front::tls(theatre).start(theatre);
    let url = format!("https://hal.test:{}", raised.port);
    Ok(doctor(&["--server", &url, "--dns", &server.name(), "--ca", text(&theatre.ca())]))
}

/// A HAProxy at the real ports 80 and 443 behind a packet filter, in a network of its own.
fn firewall(theatre: &Theatre, verdict: &str, every: bool) -> Told {
    if programs::find("nft").is_none() {
        return Err("nft is not installed".into());
    }
    let label = format!("{}{}", verdict.len(), u8::from(every));
    let network = Network::new(&label).ok_or("no right to make a network")?;
    let room = theatre.room();
    let front = Front {
        more: "frontend plain\n    bind 127.0.0.1:80\n    http-request redirect scheme https code 301\n"
            .into(),
        ..Front::tls(theatre)
    };
    let file = front.write(&room, 443);
    let _haproxy = start_in(&network, &file)?;
    let ports = if every { "" } else { "tcp dport 443" };
    let proto = if every { "meta l4proto tcp" } else { "" };
    network.sh(&format!(
        "nft 'add table inet f; add chain inet f i {{ type filter hook input priority 0; }}; add rule inet f i {proto} {ports} {verdict}'"
    ));
    let mut command = network.hal();
    command.args(["doctor", "--json", "--wait", "2", "--server", "https://127.0.0.1"]);
    Ok(diagnose(command))
}

/// Starts HAProxy in a network and waits until it says that it is ready.
pub(super) fn start_in(network: &Network, file: &Path) -> Result<Process, String> {
    let mut command = network.command(&programs::find("haproxy").ok_or("haproxy is not installed")?);
    command.arg("-db").arg("-f").arg(file);
    let process = Process::start(command).map_err(|error| error.to_string())?;
    hal_sim::wait::until("haproxy's port in its network", || {
        let mut probe = network.command(Path::new("/bin/sh"));
        probe.args(["-c", "grep -q ':01BB 00000000:0000 0A' /proc/net/tcp"]);
        probe.status().ok()?.success().then_some(())
    })
    .map_err(|error| error.to_string())?;
    Ok(process)
}

fn full_backlog(_: &Theatre) -> Told {
    let queue = FullQueue::new()?;
    Ok(at(&format!("http://{}", queue.address)))
}

fn host_gone(_: &Theatre) -> Told {
    let network = Network::new("gone").ok_or("no right to make a network")?;
    network.sh("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up && ip addr add 10.99.0.1/24 dev v0");
    let mut command = network.hal();
    // The kernel asks three times, a second each, before it gives up.
    command.args(["doctor", "--json", "--wait", "5", "--server", "http://10.99.0.7:8768"]);
    Ok(diagnose(command))
}

fn no_route(_: &Theatre) -> Told {
    let network = Network::new("noroute").ok_or("no right to make a network")?;
    let mut command = network.hal();
    command.args(["doctor", "--json", "--wait", "2", "--server", "http://10.99.0.7:8768"]);
    Ok(diagnose(command))
}

/// A certificate that is valid by the server's clock, which is years ahead of ours. Two clocks of one machine cannot
/// differ, so HAProxy writes the Date of the other one.
fn clock_behind(theatre: &Theatre) -> Told {
    let pem = theatre.authority.sign(|params| {
        params.not_before = date_time_ymd(2080, 1, 1);
        params.not_after = date_time_ymd(2081, 1, 1);
    });
    let front = "http-after-response set-header Date \"Sat, 01 Jun 2080 12:00:00 GMT\"";
    through(theatre, &Front { front: front.into(), pem: Some(pem), ..Front::tls(theatre) })
}

fn clock_ahead(theatre: &Theatre) -> Told {
    let pem = theatre.authority.sign(|params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let front = "http-after-response set-header Date \"Mon, 01 Jun 2020 12:00:00 GMT\"";
    through(theatre, &Front { front: front.into(), pem: Some(pem), ..Front::tls(theatre) })
}

fn unknown_authority(theatre: &Theatre) -> Told {
    let root = Authority::new("Somebody's root");
    let intermediate = root.intermediate("Somebody's intermediate");
    let (leaf, key) = intermediate.sign_apart(|_| {});
    certificate(theatre, format!("{leaf}{}{key}", intermediate.pem), &theatre.ca())
}

/// As `openssl req -x509 -subj /CN=localhost` makes it: a CA, without alternative names; and the client trusts it.
fn documents_certificate(theatre: &Theatre) -> Told {
    let (leaf, key) = self_signed(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.subject_alt_names = Vec::new();
        params.extended_key_usages = Vec::new();
    });
    let own = theatre.room().join("own.pem");
    write_secret(&own, &leaf);
    certificate(theatre, leaf + &key, &own)
}

fn strict_sni(theatre: &Theatre) -> Told {
    let pem = theatre.authority.sign(|params| params.subject_alt_names = vec![dns_name("other.test")]);
    through(theatre, &Front { pem: Some(pem), bind: "strict-sni", ..Front::tls(theatre) })
}

fn errorfile(theatre: &Theatre) -> Told {
    let room = theatre.room();
    let page = room.join("503.http");
    std::fs::write(
        &page,
        "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/html\r\n\r\n<html></html>\n",
    )
    .expect("written");
    let front = Front {
        defaults: format!("errorfile 503 {}", page.display()),
        back: format!("server gateway 127.0.0.1:{}", CLOSED),
        ..Front::tls(theatre)
    };
    through(theatre, &front)
}

fn path(theatre: &Theatre, other: Option<u16>, asked: &str) -> Told {
    let front = Front {
        front:
            "acl p_voice path /voice /ws\nacl p_voice path_beg /voice/ /ws/\nuse_backend gateways if p_voice"
                .into(),
        default_backend: if other.is_some() { "other" } else { "" },
        more: other
            .map_or_else(String::new, |port| format!("backend other\n    server site 127.0.0.1:{port}\n")),
        ..Front::tls(theatre)
    };
    let raised = front.start(theatre);
    Ok(doctor(&["--server", &format!("{}{asked}", raised.https()), "--ca", text(&theatre.ca())]))
}

/// The document's file in TCP mode: port 80 goes to the gateway in clear text.
fn clear_text(theatre: &Theatre) -> Told {
    let network = Network::new("clear").ok_or("no right to make a network")?;
    let room = theatre.room();
    let data = room.join("data");
    let mut serve = network.hal();
    serve.args(["serve", "--demo", "--allow-remote-without-sign-in", "--data", text(&data)]);
    let mut server = Process::start(serve).map_err(|error| error.to_string())?;
    server
        .wait_for_line("its port", |line| line.contains("8768").then_some(()))
        .map_err(|error| error.to_string())?;
    let front = Front {
        more: "frontend plain\n    bind 127.0.0.1:80\n    default_backend gateways\n".into(),
        ..Front { pem: Some(theatre.good_pem()), ..Front::new(8768) }
    };
    let file = front.write(&room, 443);
    let _haproxy = start_in(&network, &file)?;
    let mut command = network.hal();
    command.args([
        "doctor",
        "--json",
        "--wait",
        "2",
        "--server",
        "https://localhost",
        "--ca",
        text(&theatre.ca()),
    ]);
    Ok(diagnose(command))
}

fn listener_down(theatre: &Theatre) -> Told {
    let server = Options::gateway(&theatre.room(), CLOSED).start().map_err(|error| format!("{error:#}"))?;
    Ok(super::doctor(&["--server", &server.url()]))
}

/// What a gateway with sign-in answers, said by HAProxy in its place.
fn sign_in(theatre: &Theatre, token: Option<&str>) -> Told {
    let front = "http-request return status 401 content-type text/plain string no hdr X-HAL-Gateway 9 if { req.hdr(Upgrade) -m found }";
    let raised = Front { front: front.into(), ..Front::tls(theatre) }.start(theatre);
    let mut command: Command = hal();
    command.args([
        "doctor",
        "--json",
        "--wait",
        "2",
        "--server",
        &raised.https(),
        "--ca",
        text(&theatre.ca()),
    ]);
    if let Some(token) = token {
        command.env("HAL_TOKEN", token);
    }
    let told = diagnose(command);
    match token {
        Some(token) if told.raw.contains(token) => Err("the token is in the facts".into()),
        _ => Ok(told),
    }
}
