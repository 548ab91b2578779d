//! Servers and their health checks.

use super::{Judge, Severity, added, port_of};
use crate::edge::haproxy::options::Version;

/// A check that a gateway answers, as lines of a backend.
pub(super) fn check_lines(indent: &str, host: &str) -> Vec<String> {
    [
        "option httpchk".to_owned(),
        format!("http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host {host}"),
        "http-check expect status 200".to_owned(),
    ]
    .map(|line| format!("{indent}{line}"))
    .into()
}

impl Judge<'_> {
    /// The Host header of health checks.
    pub(super) fn check_host(&self) -> &str {
        self.around.domain.as_ref().map_or("localhost", |domain| domain.as_str())
    }
}

/// `option httpchk METHOD URI VERSION\r\nHEADERS`.
pub(super) fn headers_in_httpchk(judge: &mut Judge<'_>) {
    let mut groups = Vec::new();
    for index in 0..judge.document.lines.len() {
        let line = &judge.document.lines[index];
        let rest = line.words().skip(2).collect::<Vec<_>>().join(" ");
        // Doubled backslashes come from a document that escapes them: then they are letters of the version.
        let with_headers = rest.contains(['\r', '\n']) || rest.contains("\\r") || rest.contains("\\n");
        if !line.begins(&["option", "httpchk"]) || !with_headers {
            continue;
        }
        let refused = if judge.around.version >= (Version { major: 2, minor: 7 }) {
            "HAProxy refuses the file because of headers behind the version"
        } else {
            "HAProxy 2.7 and newer refuse the file because of headers behind the version"
        };
        let upgrade = if rest.to_ascii_lowercase().contains("upgrade") {
            " It also asks for a WebSocket without a key, which every WebSocket library answers with 400 or 426, or \
             not at all: HAProxy then takes a gateway that is well for dead, and everybody gets 503."
        } else {
            ""
        };
        let lines = check_lines(line.indent(), judge.check_host());
        judge
            .report(
                "headers-in-httpchk",
                Severity::Error,
                &[index],
                "the health check carries its headers in `option httpchk`",
                format!("{refused}.{upgrade}"),
            )
            .with(lines[1..].iter().cloned());
        judge.line(index).set(&lines[0]);
        groups.push((index + 1, added(&lines[1..])));
    }
    judge.document.insert(groups);
}

/// `http-check send … hdr Upgrade websocket`, or a check that expects 101.
pub(super) fn handshake_as_check(judge: &mut Judge<'_>) {
    // Of a check that sends a whole handshake, 101 is the right answer.
    let whole: Vec<std::ops::Range<usize>> = judge
        .document
        .sections()
        .iter()
        .filter(|section| {
            let mut body = judge.document.body(section);
            body.any(|(_, line)| line.text().to_ascii_lowercase().contains("sec-websocket-key"))
        })
        .map(|section| section.start..section.end)
        .collect();
    for index in 0..judge.document.lines.len() {
        let line = &judge.document.lines[index];
        let (indent, lower) = (line.indent().to_owned(), line.text().to_ascii_lowercase());
        let lines = check_lines(&indent, judge.check_host());
        if line.begins(&["http-check", "send"])
            && lower.contains("upgrade")
            && !lower.contains("sec-websocket-key")
        {
            judge.report(
                "handshake-as-check",
                Severity::Error,
                &[index],
                "the health check asks for a WebSocket without a key",
                "Every WebSocket library answers that with 400 or 426, or not at all: HAProxy then takes a gateway \
                 that is well for dead. /healthz answers 200.",
            );
            judge.line(index).set(&lines[1]);
        } else if line.begins(&["http-check", "expect", "status", "101"])
            && whole.binary_search_by(|range| order(range, index)).is_err()
        {
            judge.report(
                "handshake-as-check",
                Severity::Error,
                &[index],
                "the health check waits for 101",
                "That is the answer to a whole WebSocket handshake, which this check does not send. /healthz \
                 answers 200.",
            );
            judge.line(index).set(&lines[2]);
        }
    }
}

/// Where a section lies, seen from a line.
fn order(section: &std::ops::Range<usize>, index: usize) -> std::cmp::Ordering {
    if section.end <= index {
        std::cmp::Ordering::Less
    } else if section.start > index {
        std::cmp::Ordering::Greater
    } else {
        std::cmp::Ordering::Equal
    }
}

/// A check that is described, and no server that is checked.
pub(super) fn nobody_checked(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    for section in sections.iter().filter(|section| section.is_backend()) {
        let body = || judge.document.body(section);
        let described =
            body().any(|(_, line)| line.begins(&["option", "httpchk"]) || line.word(0) == "http-check");
        let checked = body().any(|(_, line)| {
            matches!(line.word(0), "server" | "default-server")
                && line.words().skip(1).any(|word| word == "check")
        });
        let servers: Vec<usize> =
            body().filter(|(_, line)| line.word(0) == "server").map(|(index, _)| index).collect();
        if !described || checked || servers.is_empty() {
            continue;
        }
        judge.report(
            "nobody-checked",
            Severity::Warning,
            &servers,
            "a health check is described, but no server has the word `check`",
            "HAProxy sends people to a gateway that is down.",
        );
        for index in servers {
            judge.line(index).append("check");
        }
    }
}

/// `server x localhost:8768`.
pub(super) fn localhost(judge: &mut Judge<'_>) {
    for index in 0..judge.document.lines.len() {
        let line = &judge.document.lines[index];
        let address = line.word(2);
        if line.word(0) != "server"
            || !address.get(..9).is_some_and(|host| host.eq_ignore_ascii_case("localhost"))
        {
            continue;
        }
        let rest = &address[9..];
        if !(rest.is_empty() || rest.starts_with(':')) {
            continue;
        }
        let new = format!("127.0.0.1{rest}");
        judge.report(
            "localhost-server",
            Severity::Error,
            &[index],
            "the server is named localhost",
            "Where /etc/hosts names ::1 first, as on Debian, HAProxy connects there; the gateway listens on \
             127.0.0.1, and the answer is \"Connection refused\".",
        );
        judge.line(index).replace_word(2, &new);
    }
}

/// The port of the QM Listener where the gateway's is meant.
pub(super) fn listener_instead_of_gateway(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    for (at, section) in sections.iter().enumerate() {
        if !judge.is_hal(&sections, at) || judge.mode(&sections, at) == "tcp" && section.kind == "listen" {
            continue;
        }
        for index in section.start + 1..section.end {
            let line = &judge.document.lines[index];
            if line.word(0) == "server" && port_of(line.word(2)) == Some(8767) {
                let new = line.word(2).replace(":8767", ":8768");
                judge.report(
                    "listener-port",
                    Severity::Error,
                    &[index],
                    "8767 is the port of the QM Listener",
                    "Clients speak to the Voice Gateway, which is on 8768; the listener answers no HTTP.",
                );
                judge.line(index).replace_word(2, &new);
            }
        }
    }
}
