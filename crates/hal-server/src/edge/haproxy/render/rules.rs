//! Lines of a frontend: whose requests they are, limits, headers, the log.

use std::fmt::Write as _;

use super::super::options::{Form, HaproxyOptions, Mode, Version, in_url};
use super::put;

/// True where a frontend serves something else too, so that HAL's rules must name whom they mean.
fn shares_its_frontend(options: &HaproxyOptions) -> bool {
    options.form == Form::Lines || matches!(options.mode, Mode::Path { .. })
}

/// ` if CONDITION`, limited to HAL's own requests where the frontend is shared.
fn when(options: &HaproxyOptions, condition: &str) -> String {
    let only = if shares_its_frontend(options) { "is_hal" } else { "" };
    match [only, condition].iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ") {
        all if all.is_empty() => String::new(),
        all => format!(" if {all}"),
    }
}

/// The limits of one address, derived from how many WebSockets it may hold.
struct Limits {
    connections: u32,
    connections_10s: u32,
    requests_10s: u32,
    bytes_60s: u64,
}

impl Limits {
    fn of(options: &HaproxyOptions) -> Limits {
        let websockets = options.websockets_per_address;
        // A page load and its WebSocket want a few connections each; 8 more for those being opened and closed.
        let connections = websockets * 2 + 8;
        Limits {
            connections,
            connections_10s: connections * 3,
            requests_10s: websockets * 10 + 100,
            // A conversation sends 1.9 MB a minute as bytes and about four times that from clients that write samples as JSON.
            bytes_60s: u64::from(websockets) * 8_000_000,
        }
    }
}

pub(super) fn connection_limits(out: &mut String, options: &HaproxyOptions) {
    let limits = Limits::of(options);
    put(
        out,
        "
    # Limits for one address, so that one guest cannot take everybody's place.
    # IPv6 counts by /64. contstats: otherwise an open WebSocket counts as 0
    # bytes until it closes.
    option contstats
    tcp-request connection track-sc0 src,ipmask(32,64) table hal_connections
",
    );
    line!(out, "    tcp-request connection reject if {{ sc_conn_cur(0) gt {} }}", limits.connections);
    line!(out, "    tcp-request connection reject if {{ sc_conn_rate(0) gt {} }}", limits.connections_10s);
}

/// Everything that happens to a request and its answer, but for where it goes.
pub(super) fn rules(out: &mut String, options: &HaproxyOptions) {
    whose(out, options);
    request_limits(out, options);
    refusals(out, options);
    told(out, options);
}

pub(super) fn is_by_path(options: &HaproxyOptions) -> bool {
    match options.mode {
        Mode::Path { .. } => true,
        // A frontend that is there already has something to say at `/`, and plain mode has no name to tell them apart.
        Mode::Plain => options.form == Form::Lines,
        Mode::Subdomain { .. } | Mode::Address { .. } => false,
    }
}

/// Which requests are HAL's, and what becomes of the others.
fn whose(out: &mut String, options: &HaproxyOptions) {
    let shared = shares_its_frontend(options);
    let mut names = Vec::new();
    match &options.mode {
        Mode::Subdomain { domain, .. } | Mode::Path { domain, .. } => {
            line!(out, "    # The whole name: `hdr_beg(Host) hal.` would take hal.evil.example too.");
            if shared {
                line!(out, "    # More names of this site are added at the end of the line.");
            }
            line!(out, "    acl hal_host req.hdr(Host),host_only -m str -i {}", domain.as_str());
            names.push("hal_host");
        }
        Mode::Address { address, .. } if shared => {
            line!(out, "    # Who came by an address instead of a name.");
            match address {
                Some(address) => {
                    line!(out, "    acl hal_host req.hdr(Host),host_only -m str {}", in_url(*address))
                }
                None => line!(out, "    acl hal_host req.hdr(Host),host_only -m ip 0.0.0.0/0"),
            }
            names.push("hal_host");
        }
        Mode::Address { .. } | Mode::Plain => {}
    }
    if is_by_path(options) {
        put(
            out,
            "
    # `path_beg /voice` alone takes /voicemail too. One name on two lines means
    # OR, which is what is wanted here.
    acl hal_path path /voice /ws
    acl hal_path path_beg /voice/ /ws/
",
        );
        names.push("hal_path");
    }
    if shared {
        put(
            out,
            "
    # HAL's own requests. A variable, because the path is gone when the answer
    # comes.
",
        );
        line!(out, "    http-request set-var(txn.hal) bool(true) if {}", names.join(" "));
        line!(out, "    acl is_hal var(txn.hal) -m bool");
    } else if options.mode.domain().is_some() {
        line!(
            out,
            "    http-request return status 421 content-type text/plain string \"haproxy: this host name is not served here\\n\" unless hal_host"
        );
    }
    if options.mode.private_networks_only() {
        put(
            out,
            "
    # No TLS, so nothing from outside: loopback, the private ranges, link-local.
    acl hal_private src 127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16
    acl hal_private src 169.254.0.0/16 ::1 fc00::/7 fe80::/10
",
        );
        line!(out, "    http-request deny deny_status 403{}", when(options, "!hal_private"));
    }
}

fn request_limits(out: &mut String, options: &HaproxyOptions) {
    let limits = Limits::of(options);
    let websockets = options.websockets_per_address;
    line!(out, "    # Requests and bytes of one address: 429, with the time to come back.");
    line!(out, "    http-request track-sc1 src,ipmask(32,64) table hal_requests{}", when(options, ""));
    let rates = [
        format!("{{ sc_http_req_rate(1) gt {} }}", limits.requests_10s),
        format!("{{ sc_bytes_in_rate(1) gt {} }}", limits.bytes_60s),
    ];
    for rate in rates {
        line!(out, "    http-request deny deny_status 429{}", when(options, &rate));
    }
    put(
        out,
        "
    # Two names: one acl name on two lines means OR, two names in one condition
    # mean AND.
    acl ws_connection req.hdr(Connection),lower -m sub upgrade
    acl ws_upgrade req.hdr(Upgrade),lower -m str websocket
    # Each WebSocket counts by itself: one HTTP/2 connection may carry a
    # hundred.
",
    );
    line!(
        out,
        "    http-request track-sc2 src,ipmask(32,64) table hal_websockets{}",
        when(options, "ws_connection ws_upgrade")
    );
    let many = format!("ws_connection ws_upgrade {{ sc_conn_cur(2) gt {websockets} }}");
    line!(out, "    http-request deny deny_status 429{}", when(options, &many));
    // Not in a frontend of somebody else: a filter holds for everything that passes it.
    if options.abilities.version >= (Version { major: 2, minor: 7 }) && !shares_its_frontend(options) {
        put(
            out,
            "
    # What one open WebSocket may send: 2 MB a second, sixty times what a voice
    # needs. The rates above can only refuse new ones.
    filter bwlim-in hal_upload default-limit 2m default-period 1s
    http-request set-bandwidth-limit hal_upload
",
        );
    }
}

fn refusals(out: &mut String, options: &HaproxyOptions) {
    line!(out, "    # `return`, because HAProxy before 3.1 refuses `deny_status 414`.");
    line!(out, "    http-request return status 414{}", when(options, "{ url,length gt 4096 }"));
    put(
        out,
        "
    # Announced sizes only; a chunked body and WebSocket messages are the
    # gateway's to limit.
",
    );
    line!(out, "    http-request deny deny_status 413{}", when(options, "{ req.body_size gt 16777216 }"));
}

/// What the gateway and the client are told in headers.
fn told(out: &mut String, options: &HaproxyOptions) {
    let only = when(options, "");
    // A web server beside the gateway is told the same, unless the frontend is not ours.
    let told = if options.form == Form::Lines { only.as_str() } else { "" };
    put(
        out,
        "

    # What the gateway is told. What the client claims about itself goes first.
",
    );
    let scheme = options.mode.scheme();
    for rule in [
        "del-header X-Forwarded-For",
        "del-header Forwarded",
        "del-header X-HAL-Client-Certificate",
        "set-header X-Forwarded-For %[src]",
        &format!("set-header X-Forwarded-Proto {scheme}"),
        "set-header X-Forwarded-Host %[req.hdr(Host)]",
        "set-header X-Request-ID %[uuid]",
    ] {
        line!(out, "    http-request {rule}{told}");
    }
    if options.client_certs.is_some() {
        put(
            out,
            "
    # Whose certificate it was, where one was shown and verified: its SHA-256.
    # Gateways believe it where gateway.proxy_certificates says so.
",
        );
        line!(
            out,
            "    http-request set-header X-HAL-Client-Certificate %[ssl_c_der,sha2(256),hex]{}",
            when(options, "{ ssl_c_used } { ssl_c_verify 0 }")
        );
    }
    put(
        out,
        "

    # On every answer, HAProxy's own included. X-HAL-Proxy without
    # X-HAL-Gateway: the answer came from here.
",
    );
    for rule in [
        "set-header X-HAL-Proxy haproxy",
        "set-header X-Content-Type-Options nosniff",
        "set-header X-Frame-Options DENY",
        "set-header Referrer-Policy no-referrer",
        "del-header Server",
    ] {
        line!(out, "    http-after-response {rule}{only}");
    }
    match &options.mode {
        Mode::Plain => {}
        Mode::Address { .. } => put(
            out,
            "
    # No Strict-Transport-Security: browsers ignore it for addresses (RFC 6797,
    # 8.1.1).
",
        ),
        Mode::Subdomain { .. } | Mode::Path { .. } if options.hsts => {
            put(
                out,
                "
    # Browsers refuse plain HTTP and certificate exceptions for this name from
    # now on, for two years.
",
            );
            line!(
                out,
                "    http-after-response set-header Strict-Transport-Security \"max-age=63072000\"{only}"
            );
        }
        Mode::Subdomain { .. } | Mode::Path { .. } => put(
            out,
            "
    # No Strict-Transport-Security: with a certificate of one's own, browsers
    # could not be told to go on.
",
        ),
    }
}

pub(super) fn log_line(out: &mut String, options: &HaproxyOptions) {
    let tls_version = if options.mode.cert().is_some() { "%sslv" } else { "-" };
    put(
        out,
        "

    # One line for each WebSocket, written when it closes: how long (Ta), how
    # much, and who ended it.
    http-request set-var(txn.ws) int(0)
    http-request set-var(txn.ws) int(1) if ws_connection ws_upgrade
",
    );
    line!(
        out,
        "    log-format \"%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %U/%B %tsc %ac/%fc/%bc/%sc/%rc {tls_version} ws=%[var(txn.ws)] %{{+Q}}r\""
    );
    out.push('\n');
}
