//! Backends: the gateways, the rest of a site, certificates, counters; and the statistics page.

use std::fmt::Write as _;

use super::super::options::{ACME_PORT_DEFAULT, Form, Gateway, HaproxyOptions, Mode};
use super::{from, put};

pub(super) fn acme_backend(out: &mut String, options: &HaproxyOptions) {
    let acme = &options.acme;
    line!(out, "backend hal_acme{}", from(options));
    if options.acme == Gateway::local(ACME_PORT_DEFAULT) {
        line!(out, "    # certbot certonly --standalone \\");
        line!(out, "    #   --http-01-address 127.0.0.1 --http-01-port 8888");
    }
    put(
        out,
        "
    # It runs for seconds only, so a refusal is normal and not worth a retry.
    retries 0
",
    );
    line!(out, "    server certbot {acme}");
    out.push('\n');
}

pub(super) fn backend(out: &mut String, options: &HaproxyOptions) {
    let host = match &options.mode {
        Mode::Address { address: None, .. } | Mode::Plain => "localhost".to_owned(),
        mode => mode.host(),
    };
    line!(out, "backend hal_voice{}", from(options));
    put(
        out,
        "
    # Written out, because the default changed in HAProxy 3.3. Conversations are
    # long: count those that are open.
    balance leastconn
",
    );
    if options.gateways.len() > 1 {
        put(
            out,
            "
    # A client that comes back with its session id is led to the gateway that
    # knows it.
    stick-table type string len 64 size 100k expire 2h
    stick match urlp(session)
    stick match req.hdr(X-HAL-Session)
    stick store-response res.hdr(X-HAL-Session)
",
        );
    }
    put(
        out,
        "
    # A plain request with a plain answer. A WebSocket handshake as health check
    # is answered 400 or 426 by every WebSocket library, and a gateway that is
    # well would be marked down.
    option httpchk
",
    );
    line!(out, "    http-check send meth GET uri /healthz?draining=404 ver HTTP/1.1 hdr Host {host}");
    put(
        out,
        "
    http-check expect status 200
    # A gateway that is being stopped answers 404: it gets nobody new, and keeps
    # its open conversations until they have their answer.
    http-check disable-on-404
    # A dead gateway is left out after about a second, and its clients are cut
    # so that they come back elsewhere.
    default-server check inter 2s fastinter 500ms downinter 2s rise 2 fall 3 on-marked-down shutdown-sessions
    http-error status 503 content-type text/plain string \"haproxy: no HAL voice gateway is up\\n\" hdr Retry-After 2
",
    );
    if options.proxy_v2 {
        put(
            out,
            "
    # PROXY v2: the client's address before the first byte, health checks
    # included. A gateway that does not believe this machine (gateway.proxies in
    # hal.toml) answers 400 to everything.
",
        );
    }
    let proxy = if options.proxy_v2 { " send-proxy-v2" } else { "" };
    for (index, gateway) in options.gateways.iter().enumerate() {
        if gateway.was_localhost() {
            put(
                out,
                "
    # Given as localhost, which HAProxy takes for ::1 where /etc/hosts names it;
    # the gateway is on IPv4.
",
            );
        }
        if gateway.is_name() {
            line!(out, "    # Looked up when HAProxy starts; reload it after the address has changed.");
        }
        line!(out, "    server gateway{} {gateway}{proxy}", index + 1);
    }
    out.push('\n');
}

pub(super) fn other_site(out: &mut String, options: &HaproxyOptions) {
    let Mode::Path { site, .. } = &options.mode else { return };
    put(
        out,
        "
# Everything else of this name: your web server.
",
    );
    line!(out, "backend other_site{}", from(options));
    line!(out, "    server site {site} check");
    out.push('\n');
}

pub(super) fn tables(out: &mut String, options: &HaproxyOptions) {
    let from = from(options);
    let mut tables =
        vec![("hal_requests", "http_req_rate(10s),bytes_in_rate(60s)"), ("hal_websockets", "conn_cur")];
    if options.form != Form::Lines {
        tables.insert(0, ("hal_connections", "conn_cur,conn_rate(10s)"));
    }
    line!(out, "# Counters only; nothing is routed here. Type ipv6 holds IPv4 addresses too.");
    for (index, (name, stored)) in tables.into_iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        line!(out, "backend {name}{from}");
        line!(out, "    stick-table type ipv6 size 100k expire 10m store {stored}");
    }
}

pub(super) fn stats(out: &mut String, options: &HaproxyOptions) {
    let Some(port) = options.stats_port else { return };
    put(
        out,
        "

# For this machine only: no password travels, and nothing is open to guess. From
# elsewhere use a tunnel:
",
    );
    line!(out, "#   ssh -L {port}:127.0.0.1:{port} THIS-HOST");
    if options.abilities.prometheus {
        line!(out, "# Prometheus reads http://127.0.0.1:{port}/metrics");
    }
    line!(out, "frontend hal_stats{}", from(options));
    line!(out, "    bind 127.0.0.1:{port}");
    line!(out, "    option dontlog-normal");
    if options.abilities.prometheus {
        line!(out, "    http-request use-service prometheus-exporter if {{ path /metrics }}");
    }
    put(
        out,
        "
    stats enable
    stats uri /stats
    stats refresh 10s
    stats hide-version
",
    );
}
