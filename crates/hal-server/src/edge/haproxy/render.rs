//! The text of a HAProxy file, section by section. Pure: options in, text out.
//!
//! Comments stay within 80 columns, because people read these files in a terminal.

use std::fmt::Write as _;
use std::path::Path;

use super::options::{Form, HaproxyOptions, Mode, Process, Refused, Version};

/// Connections in all. A service of root may raise its own limit of open files, a foreground one must live with
/// 1024 as found: each connection takes two files, and HAProxy warns when it cannot have them.
const CONNECTIONS_SERVICE: u32 = 4096;
const CONNECTIONS_FOREGROUND: u32 = 400;
const WEBSOCKETS_PER_ADDRESS_MAX: u32 = 2000;

/// Appends one formatted line. Writing into a `String` cannot fail.
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {
        writeln!($out, $($arg)*).expect("a String takes every write")
    };
}

// Below the macro, which they use.
mod backends;
mod rules;

use backends::{acme_backend, backend, other_site, stats, tables};
use rules::{connection_limits, is_by_path, log_line, rules};

/// Gives the text of the configuration file, with a final newline (HAProxy refuses a file without).
///
/// # Errors
/// [`Refused`] when the options contradict each other or cannot be written safely.
pub fn render(options: &HaproxyOptions) -> Result<String, Refused> {
    check(options)?;
    let mut out = String::with_capacity(12 * 1024);
    head(&mut out, options);
    match options.form {
        Form::Whole => {
            global(&mut out, options)?;
            sections(&mut out, options)?;
        }
        Form::Sections => sections(&mut out, options)?,
        Form::Lines => {
            out.push_str(&frontend_lines(options)?);
            out.push('\n');
            out.push_str(&needed_sections(options));
        }
    }
    Ok(out)
}

/// What an existing frontend needs: lines of four spaces, without the name of a section.
///
/// # Errors
/// As [`render`].
pub(super) fn frontend_lines(options: &HaproxyOptions) -> Result<String, Refused> {
    check(options)?;
    let mut out = String::new();
    rules(&mut out, options);
    line!(out, "    use_backend hal_voice if is_hal");
    Ok(out)
}

/// The sections that [`frontend_lines`] speak of.
pub(super) fn needed_sections(options: &HaproxyOptions) -> String {
    let mut out = String::new();
    defaults(&mut out, options);
    if options.mode.cert().is_some() {
        acme_backend(&mut out, options);
    }
    backend(&mut out, options);
    tables(&mut out, options);
    stats(&mut out, options);
    out
}

fn sections(out: &mut String, options: &HaproxyOptions) -> Result<(), Refused> {
    defaults(out, options);
    if options.mode.cert().is_some() {
        redirect_frontend(out, options);
        acme_backend(out, options);
    }
    frontend(out, options)?;
    backend(out, options);
    other_site(out, options);
    tables(out, options);
    stats(out, options);
    Ok(())
}

fn check(options: &HaproxyOptions) -> Result<(), Refused> {
    if options.abilities.version < Version::OLDEST {
        return Err(Refused::TooOld { found: options.abilities.version, oldest: Version::OLDEST });
    }
    if options.gateways.is_empty() {
        return Err(Refused::NoGateway);
    }
    if options.client_certs.is_some() && options.mode.cert().is_none() {
        return Err(Refused::ClientCertsWithoutTls);
    }
    let given = options.websockets_per_address;
    if !(1..=WEBSOCKETS_PER_ADDRESS_MAX).contains(&given) {
        return Err(Refused::WebSocketsPerAddress { given, max: WEBSOCKETS_PER_ADDRESS_MAX });
    }
    let mut ports = Vec::new();
    if options.form != Form::Lines {
        ports.push((options.http_port, "http"));
        if options.mode.cert().is_some() {
            ports.push((options.https_port, "https"));
        }
    }
    ports.extend(options.stats_port.map(|port| (port, "statistics")));
    for (index, &(port, what)) in ports.iter().enumerate() {
        if port == 0 {
            return Err(Refused::NoPort { what });
        }
        // HAProxy accepts two listeners on one port without a word, and the kernel deals connections out between them.
        if let Some(&(_, first)) = ports[..index].iter().find(|(other, _)| *other == port) {
            return Err(Refused::SamePort { port, first, second: what });
        }
    }
    Ok(())
}

/// A path as one word of the file: strong quotes when it needs them.
pub(super) fn word(path: &Path) -> Result<String, Refused> {
    let refuse = |why| Refused::Path { path: path.to_owned(), why };
    let text = path.to_str().ok_or_else(|| refuse("it is not UTF-8"))?;
    if text.is_empty() {
        return Err(refuse("it is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(refuse("it contains a control character"));
    }
    if text.chars().all(|c| c.is_alphanumeric() || "/._-+@:,=~".contains(c)) {
        return Ok(text.to_owned());
    }
    // Between single quotes nothing has a meaning but the single quote.
    if text.contains('\'') { Err(refuse("it contains a single quote")) } else { Ok(format!("'{text}'")) }
}

/// Appends the lines of a text block as they are.
fn put(out: &mut String, block: &str) {
    out.push_str(block.strip_prefix('\n').unwrap_or(block));
}

/// ` from hal_defaults` in snippets: their sections must not depend on what the file around them sets.
fn from(options: &HaproxyOptions) -> &'static str {
    if options.form == Form::Whole { "" } else { " from hal_defaults" }
}

fn head(out: &mut String, options: &HaproxyOptions) {
    let mode = &options.mode;
    let (port, usual) =
        if mode.cert().is_some() { (options.https_port, 443) } else { (options.http_port, 80) };
    let port = if port == usual { String::new() } else { format!(":{port}") };
    let (host, path) = (mode.host(), if is_by_path(options) { "voice" } else { "" });
    line!(out, "# HAProxy in front of the HAL voice gateway");
    if mode.cert().is_some() {
        line!(out, "#   https://{host}{port}/{path}");
        line!(out, "#   wss://{host}{port}/{path}");
    } else {
        line!(out, "#   ws://{host}{port}/{path}   (without TLS, for private networks only)");
    }
    let snippet = match options.form {
        Form::Whole => "",
        Form::Sections => " --snippet",
        Form::Lines => " --snippet=lines",
    };
    line!(out, "# Written by `hal haproxy --mode {}{snippet}`", mode.name());
    line!(out, "# for HAProxy {} and newer.", options.abilities.version);
    match mode {
        Mode::Subdomain { domain, .. } | Mode::Path { domain, .. } => {
            line!(out, "# The name {} must lead to this machine:", domain.as_str());
            line!(out, "# an A record, and an AAAA record only if HAProxy listens on IPv6 too (--ipv6).");
        }
        Mode::Address { .. } => put(
            out,
            "
# A client that connects to an address sends no name (SNI), so `strict-sni`
# would lock everybody out. The certificate needs the address as subjectAltName:
# `hal cert self-signed --domain ADDRESS` makes one; an address in CN is
# ignored.
",
        ),
        Mode::Plain => {}
    }
    match options.form {
        Form::Whole => line!(out, "# Check it with: haproxy -c -dW -f FILE"),
        Form::Sections => put(
            out,
            "
#
# Append it to your file, or keep it beside yours and load both:
#   haproxy -c -dW -f /etc/haproxy/haproxy.cfg -f THIS-FILE
# It listens on its own ports. Where a frontend of yours has them already,
# HAProxy would deal connections out between the two: take `--snippet=lines`
# then. Your `global` section should have a `log` line, and `hard-stop-after
# 30m`, so that an old process does not live for ever after a reload.
",
        ),
        Form::Lines => lines_head(out, options),
    }
    out.push('\n');
}

fn lines_head(out: &mut String, options: &HaproxyOptions) {
    let port = if options.mode.cert().is_some() { options.https_port } else { options.http_port };
    line!(out, "#");
    line!(out, "# 1. The lines below, up to `use_backend hal_voice`, go into your frontend with");
    line!(out, "#    `bind :{port}`, above its own http-request and use_backend lines.");
    if options.mode.cert().is_some() {
        if let Some(ca) = &options.client_certs {
            line!(
                out,
                "#    Certificates of clients: `ca-file {} verify optional` there, too.",
                ca.display()
            );
        }
        put(
            out,
            "
#    That bind line should say `alpn h2,http/1.1` and `ssl-min-ver TLSv1.2`.
# 2. The sections after them go to the end of your file.
# 3. Certificates by certbot: these lines go into your frontend with `bind :80`,
#    and `unless hal_acme` behind its redirect:
#      acl hal_acme path_beg /.well-known/acme-challenge/
#      use_backend hal_acme if hal_acme
",
        );
    } else {
        line!(out, "# 2. The sections after them go to the end of your file.");
    }
    put(
        out,
        "
# Your log-format stays as it is: with `option httplog` each conversation is one
# line already, written when it ends.
",
    );
}

fn global(out: &mut String, options: &HaproxyOptions) -> Result<(), Refused> {
    line!(out, "global");
    match &options.process {
        Process::Service => {
            put(
                out,
                "
    log /dev/log local0
    log /dev/log local1 notice
    # Nothing to read and nowhere to go if HAProxy itself is ever broken into.
    chroot /var/lib/haproxy
    user haproxy
    group haproxy
    daemon
    # Mode 600: who may write here may switch servers off and read certificates.
    stats socket /run/haproxy/admin.sock mode 600 level admin expose-fd listeners
    stats timeout 30s
",
            );
            line!(out, "    maxconn {CONNECTIONS_SERVICE}");
        }
        Process::Foreground { runtime_dir } => {
            put(
                out,
                "
    # In the foreground and without root: no chroot, no change of user, no
    # daemon; the log goes to stderr.
    log stderr format raw local0
",
            );
            if let Some(dir) = runtime_dir {
                line!(
                    out,
                    "    # Mode 600: who may write here may switch servers off and read certificates."
                );
                let socket = word(&dir.join("haproxy.sock"))?;
                line!(out, "    stats socket {socket} mode 600 level admin expose-fd listeners");
                line!(out, "    stats timeout 30s");
            }
            line!(out, "    # Two files a connection must fit into the usual limit of 1024 open files.");
            line!(out, "    maxconn {CONNECTIONS_FOREGROUND}");
        }
    }
    put(
        out,
        "
    # After a reload the old process may carry its open conversations this long,
    # then it is ended.
    hard-stop-after 30m
",
    );
    if options.mode.cert().is_some() {
        put(
            out,
            "
    # TLS 1.2 and 1.3 as in Mozilla's \"intermediate\" list, ECDHE only, so that
    # no DH file is needed.
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets prefer-client-ciphers
    ssl-default-bind-curves X25519:prime256v1:secp384r1
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
    ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
",
        );
    }
    out.push('\n');
    Ok(())
}

fn defaults(out: &mut String, options: &HaproxyOptions) {
    if options.form == Form::Whole {
        line!(out, "defaults");
    } else {
        put(
            out,
            "
# Named, so that it holds for the sections that say `from hal_defaults`. A
# section of yours that comes after this file and names none would take it too.
defaults hal_defaults
",
        );
    }
    put(
        out,
        "
    log global
    # HAProxy's own default is tcp, where redirects and host rules are silently
    # ignored.
    mode http
    option httplog
    # A port scan or a browser's spare connection is not worth a line.
    option dontlognull
    # A gateway that vanished, or says 503 because it is being replaced: try
    # again, on another one.
    retries 2
    retry-on conn-failure 503
    option redispatch 1
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    # A request must be complete in this time: ends slow-header attacks.
    timeout http-request 10s
    timeout http-keep-alive 10s
    timeout queue 10s
    timeout check 3s
    # From the upgrade on this replaces `client` and `server`. The gateway pings
    # every 20 s, so only a dead connection gets here; without the line a
    # conversation ends after 30 s of thinking.
    timeout tunnel 1h
    # A client that said goodbye but never closes.
    timeout client-fin 30s
",
    );
    if options.abilities.version >= (Version { major: 2, minor: 9 }) && options.mode.cert().is_some() {
        line!(out, "    # TCP open but no TLS: give up early.");
        line!(out, "    timeout client-hs 10s");
    }
    if options.form == Form::Lines {
        out.push('\n');
        return;
    }
    put(
        out,
        "
    # HTTP/1.1 answers that say who speaks. Do not add `errorfile` lines: the
    # files shipped with HAProxy begin with \"HTTP/1.0\", and WebSocket clients
    # then report a wrong HTTP version instead of the 429 or 503.
    http-error status 429 content-type text/plain string \"haproxy: too many requests from your address\\n\" hdr Retry-After 10
",
    );
    if options.mode.private_networks_only() {
        put(
            out,
            "
    http-error status 403 content-type text/plain string \"haproxy: only private networks are answered without TLS\\n\"
",
        );
    }
    out.push('\n');
}

/// `bind` lines for one port; `tls` is what follows the address.
fn bind(out: &mut String, options: &HaproxyOptions, port: u16, tls: &str) {
    line!(out, "    bind :{port}{tls}");
    if options.ipv6 {
        // v6only, because the line above has the IPv4 side already.
        line!(out, "    bind :::{port} v6only{tls}");
    }
}

fn redirect_frontend(out: &mut String, options: &HaproxyOptions) {
    let port = if options.https_port == 443 { String::new() } else { format!(":{}", options.https_port) };
    line!(out, "frontend hal_http{}", from(options));
    bind(out, options, options.http_port, "");
    put(
        out,
        "
    # Certificate renewal (HTTP-01) arrives here and must not be redirected.
    acl acme path_beg /.well-known/acme-challenge/
",
    );
    if let Mode::Address { address: None, .. } = options.mode {
        line!(out, "    # The address that the client came by, without its port 80.");
        line!(
            out,
            "    http-request redirect location https://%[req.hdr(Host),host_only]{port}%[pathq] code 301 unless acme"
        );
    } else {
        line!(out, "    # Fixed, not from the Host header, which may carry port 80 or another name.");
        let host = options.mode.host();
        line!(out, "    http-request redirect prefix https://{host}{port} code 301 unless acme");
    }
    line!(out, "    http-after-response set-header X-HAL-Proxy haproxy");
    line!(out, "    default_backend hal_acme");
    out.push('\n');
}

fn frontend(out: &mut String, options: &HaproxyOptions) -> Result<(), Refused> {
    line!(out, "frontend hal{}", from(options));
    match options.mode.cert() {
        Some(cert) => {
            put(
                out,
                "
    # One file: certificate, chain, key. Browsers get HTTP/2, with WebSockets
    # over it (RFC 8441); clients that speak HTTP/1.1 get theirs over that.
",
            );
            // A snippet cannot set the defaults of the file around it.
            let here = if options.form == Form::Whole { "" } else { " ssl-min-ver TLSv1.2 no-tls-tickets" };
            let clients = match &options.client_certs {
                Some(ca) => {
                    put(
                        out,
                        "
    # Clients may show a certificate; one of another authority is refused, and
    # who shows none signs in otherwise.
",
                    );
                    format!(" ca-file {} verify optional", word(ca)?)
                }
                None => String::new(),
            };
            let tls = format!(" ssl crt {}{here} alpn h2,http/1.1{clients}", word(cert)?);
            bind(out, options, options.https_port, &tls);
        }
        None => bind(out, options, options.http_port, ""),
    }
    connection_limits(out, options);
    rules(out, options);
    log_line(out, options);
    match options.mode {
        Mode::Path { .. } => put(
            out,
            "
    # HAL's paths go through unchanged: the gateway answers under /voice and /ws
    # as it does under /.
    use_backend hal_voice if is_hal
    default_backend other_site

",
        ),
        _ => line!(out, "    default_backend hal_voice\n"),
    }
    Ok(())
}
