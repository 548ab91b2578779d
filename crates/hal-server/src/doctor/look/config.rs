//! The lines of a HAProxy file that a diagnosis needs. Passwords, users and everything else are passed over.
//!
//! Not a judge of files: that is `hal haproxy check`.

use crate::doctor::facts::{Bind, Config, Proxy};

/// A larger file was not written by a person for HAL.
pub(super) const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// Reads the text of a file into `config`.
pub(super) fn read(text: &str, config: &mut Config) {
    let mut defaults = Proxy::default();
    let mut here = Section::Other;
    for (index, line) in text.lines().enumerate() {
        let words = words(line);
        let Some(first) = words.first() else { continue };
        let rest: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        match first.as_str() {
            "global" => here = Section::Global,
            "defaults" => {
                defaults = Proxy { mode: "tcp".to_owned(), ..Proxy::default() };
                here = Section::Defaults;
            }
            kind @ ("frontend" | "backend" | "listen") => {
                let name = rest.first().copied().unwrap_or_default().to_owned();
                let mode = if defaults.mode.is_empty() { "tcp".to_owned() } else { defaults.mode.clone() };
                config.proxies.push(Proxy { kind: kind.to_owned(), name, mode, ..defaults.clone() });
                here = Section::Proxy;
            }
            "userlist" | "peers" | "resolvers" | "mailers" | "cache" | "program" | "ring" | "log-forward"
            | "http-errors" | "crt-store" | "acme" | "traces" => here = Section::Other,
            word => match here {
                Section::Global => global(word, &rest, config),
                Section::Defaults => proxy(word, &rest, index + 1, &mut defaults),
                Section::Proxy => {
                    if let Some(last) = config.proxies.last_mut() {
                        proxy(word, &rest, index + 1, last);
                    }
                }
                Section::Other => {}
            },
        }
    }
}

enum Section {
    Global,
    Defaults,
    Proxy,
    Other,
}

fn global(word: &str, rest: &[&str], config: &mut Config) {
    match (word, rest) {
        ("stats", ["socket", path, ..]) => {
            config.stats_sockets.push(path.trim_start_matches("unix@").to_owned());
        }
        ("crt-base", [path, ..]) => config.crt_base = Some((*path).to_owned()),
        ("hard-stop-after", [time, ..]) => config.hard_stop_after_ms = milliseconds(time),
        _ => {}
    }
}

fn proxy(word: &str, rest: &[&str], line: usize, into: &mut Proxy) {
    match (word, rest) {
        ("mode", [mode, ..]) => into.mode = (*mode).to_owned(),
        ("timeout", ["client", time, ..]) => into.client_ms = milliseconds(time),
        ("timeout", ["server", time, ..]) => into.server_ms = milliseconds(time),
        ("timeout", ["tunnel", time, ..]) => into.tunnel_ms = milliseconds(time),
        ("errorfile", _) => into.errorfile_lines.push(line),
        ("server", [name, address, options @ ..]) => {
            into.servers.push(((*name).to_owned(), (*address).to_owned()));
            if options.iter().any(|option| option.starts_with("send-proxy")) {
                into.header_servers.push((*name).to_owned());
            }
        }
        ("bind", [addresses, options @ ..]) => {
            let tls = options.contains(&"ssl");
            let certificates: Vec<String> =
                options.windows(2).filter(|pair| pair[0] == "crt").map(|pair| pair[1].to_owned()).collect();
            for address in addresses.split(',') {
                // Sockets of other kinds (unix@, fd@) have no port.
                let Some((host, port)) = address.rsplit_once(':') else { continue };
                let Ok(port) = port.parse() else { continue };
                let host = host.trim_start_matches("ipv4@").trim_start_matches("ipv6@");
                let host = if host.is_empty() { "*" } else { host };
                let certificates = certificates.clone();
                into.binds.push(Bind { line, host: host.to_owned(), port, tls, certificates });
            }
        }
        _ => {}
    }
}

/// `30s`, `1h`, `500` (milliseconds).
fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().ok()?;
    let factor = match &text[digits..] {
        "" | "ms" => 1,
        "us" => return Some(number / 1000),
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// The words of a line: quotes, backslashes and comments as HAProxy has them (configuration manual, 2.2).
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '#') => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_matter_are_read_and_secrets_are_not() {
        let text = "global\n  stats socket /run/h.sock mode 600 level admin # x\n  hard-stop-after 30m\n\
            userlist admins\n  user admin password secret\n\
            defaults\n  mode http\n  timeout client 30s\n  timeout tunnel 1h\n  errorfile 503 /etc/503.http\n\
            frontend f\n  bind *:443,:::443 ssl crt '/etc/a b.pem' alpn h2 crt /etc/c\n  bind 127.0.0.1:80\n\
            backend b\n  timeout tunnel 10s\n  server g1 127.0.0.1:8768 check\n  server g2 127.0.0.1:8769 send-proxy-v2 check\n  stats auth admin:secret\n";
        let mut config = Config::default();
        read(text, &mut config);
        assert_eq!(config.stats_sockets, ["/run/h.sock"]);
        assert_eq!(config.hard_stop_after_ms, Some(1_800_000));
        let [front, back] = config.proxies.as_slice() else { panic!("{config:?}") };
        assert_eq!((front.tunnel_ms, back.tunnel_ms), (Some(3_600_000), Some(10_000)));
        assert_eq!(front.binds.len(), 3);
        assert_eq!(front.binds[0].certificates, ["/etc/a b.pem", "/etc/c"]);
        assert_eq!((front.binds[1].host.as_str(), front.binds[1].port), ("::", 443));
        assert_eq!(back.servers[0], ("g1".to_owned(), "127.0.0.1:8768".to_owned()));
        assert_eq!(back.header_servers, ["g2"]);
        assert_eq!(back.errorfile_lines, [10]);
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn times_have_units() {
        for (text, ms) in [("500", 500), ("2s", 2000), ("1m", 60_000), ("1h", 3_600_000), ("1d", 86_400_000)]
        {
            assert_eq!(milliseconds(text), Some(ms), "{text}");
        }
        assert_eq!(milliseconds("x"), None);
        assert_eq!(milliseconds("99999999999999999d"), None);
    }
}
