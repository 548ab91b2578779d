//! Modes and timeouts: what a proxy says itself, and what it has from its defaults.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Judge, Severity, added};
use crate::edge::haproxy::document::{Line, Section};

/// The gateway pings every 20 s; a dead connection is told from a quiet one after three of them.
const TUNNEL_SECONDS_MIN: u64 = 60;
/// Where client and server may both be silent for so long, `timeout tunnel` is not missed.
const LONG_SECONDS: u64 = 600;

/// Timeouts in a section where they mean nothing.
pub(super) fn ignored(judge: &mut Judge<'_>) {
    for section in judge.document.sections() {
        let ignored: &[&str] = match section.kind.as_str() {
            "backend" => &["client", "client-fin", "client-hs"],
            "frontend" => &["connect", "server", "server-fin", "queue", "check", "tunnel"],
            _ => continue,
        };
        for index in section.start + 1..section.end {
            let line = &judge.document.lines[index];
            let name = line.word(1).to_owned();
            if line.word(0) != "timeout" || !ignored.contains(&name.as_str()) {
                continue;
            }
            let side = if section.kind == "backend" {
                "clients, which a frontend has"
            } else {
                "servers, which a backend has"
            };
            let more = if name == "client" {
                " 30s is right for it, because `timeout tunnel` takes over once the WebSocket is open."
            } else {
                ""
            };
            judge.report(
                "ignored-timeout",
                Severity::Warning,
                &[index],
                format!("`timeout {name}` is ignored in a {}", section.kind),
                format!("It is about {side}; its place is `defaults`.{more}"),
            );
            judge.remove(index);
        }
    }
}

/// The words of a line that only HTTP has a use for.
fn is_http(line: &Line) -> bool {
    let fetches =
        ["hdr", "req.hdr", "path", "url", "method", "base", "query", "cook", "http_", "capture.", "req.cook"];
    match line.word(0) {
        "http-request"
        | "http-response"
        | "http-after-response"
        | "redirect"
        | "cookie"
        | "stats"
        | "http-error" => true,
        "option" => matches!(
            line.word(1),
            "httplog" | "forwardfor" | "http-server-close" | "http-keep-alive" | "httpclose"
        ),
        "acl" => fetches.iter().any(|fetch| line.word(2).starts_with(fetch)),
        _ => {
            line.words().any(|word| matches!(word, "{" | "!{"))
                && line.words().any(|word| fetches.iter().any(|fetch| word.starts_with(fetch)))
        }
    }
}

/// Proxies that are linked by a rule: both must speak the same mode.
pub(super) fn links(judge: &Judge<'_>, sections: &[Section]) -> Vec<(usize, usize)> {
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for (at, section) in sections.iter().enumerate().filter(|(_, section)| section.is_backend()) {
        by_name.entry(&section.name).or_insert(at);
    }
    let mut links = Vec::new();
    for (at, section) in sections.iter().enumerate().filter(|(_, section)| section.is_frontend()) {
        for (_, line) in judge.document.body(section) {
            if matches!(line.word(0), "default_backend" | "use_backend") {
                links.extend(by_name.get(line.word(1)).map(|&backend| (at, backend)));
            }
        }
    }
    links
}

/// Proxies that are in tcp mode and must not be.
fn must_speak_http(judge: &Judge<'_>, sections: &[Section]) -> BTreeSet<usize> {
    let in_tcp: Vec<usize> = (0..sections.len())
        .filter(|&at| sections[at].is_proxy() && judge.mode(sections, at) != "http")
        .filter(|&at| {
            // A list of counters has no mode to speak of.
            judge
                .document
                .body(&sections[at])
                .any(|(_, line)| line.len() > 0 && line.word(0) != "stick-table")
        })
        .collect();
    let links = links(judge, sections);
    let mut wanted: BTreeSet<usize> = in_tcp
        .iter()
        .copied()
        .filter(|&at| {
            // Who writes `mode tcp` and no rule of HTTP passes TLS on to a gateway that speaks it itself, unless it ends here.
            let ends_tls = |proxy: usize| {
                let mut binds =
                    judge.document.body(&sections[proxy]).filter(|(_, line)| line.word(0) == "bind");
                binds.any(|(_, line)| line.words().any(|word| word == "ssl"))
            };
            let is_meant = judge.setting(sections, at, &["mode"]).is_some()
                && !ends_tls(at)
                && !links.iter().any(|&(frontend, backend)| backend == at && ends_tls(frontend));
            judge.document.body(&sections[at]).any(|(_, line)| is_http(line))
                || judge.is_hal(sections, at) && !is_meant
        })
        .collect();
    // What is linked to one of them follows, in both directions, until nothing is added.
    loop {
        let before = wanted.len();
        for &(frontend, backend) in &links {
            for (one, other) in [(frontend, backend), (backend, frontend)] {
                if wanted.contains(&one) && in_tcp.contains(&other) {
                    wanted.insert(other);
                }
            }
        }
        if wanted.len() == before {
            return wanted;
        }
    }
}

/// `mode http` and the timeouts that every proxy needs, from its defaults or its own lines.
pub(super) fn modes_and_timeouts(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    if !sections.iter().any(Section::is_proxy) {
        return;
    }
    let wanted = must_speak_http(judge, &sections);
    let mut insertions: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    // What goes into the defaults section at this place, or into one that must be made (`None`).
    let mut settings: BTreeMap<Option<usize>, Vec<String>> = BTreeMap::new();
    let mut tcp_lines = Vec::new();
    // A frontend that passes connections on as they are would be turned by a `mode http` in its defaults. Backends follow
    // the frontends that lead to them.
    let others_stay_tcp = (0..sections.len()).any(|at| {
        sections[at].is_frontend()
            && !wanted.contains(&at)
            && judge.setting(&sections, at, &["mode"]).is_none()
            && judge.document.body(&sections[at]).any(|(_, line)| line.word(0) == "bind")
    });
    for &at in &wanted {
        let section = &sections[at];
        let own =
            judge.document.body(section).find(|(_, line)| line.word(0) == "mode").map(|(index, _)| index);
        let first_http = judge
            .document
            .body(section)
            .find(|(_, line)| line.number.is_some() && is_http(line))
            .map(|(index, _)| index);
        tcp_lines.extend(own.or(first_http));
        let defaults = sections[at].defaults;
        let says_tcp = judge.setting(&sections, at, &["mode"]).is_some();
        match own {
            Some(index) => judge.line(index).replace_word(1, "http"),
            None if says_tcp || others_stay_tcp => {
                insertions.entry(section.start + 1).or_default().push("    mode http".to_owned());
            }
            None => {
                let lines = settings.entry(defaults).or_default();
                if !lines.iter().any(|line| line == "    mode http") {
                    lines.push("    mode http".to_owned());
                }
            }
        }
    }
    if !wanted.is_empty() {
        judge
            .report(
                "not-http",
                Severity::Error,
                &tcp_lines,
                "`mode http` is missing",
                "Without it HAProxy is in tcp mode: redirects, rules about hosts and paths, and the statistics page \
                 are ignored without a word, and port 80 leads to the gateway unencrypted.",
            )
            .with(["    mode http"]);
    }
    missing_timeouts(judge, &sections, &wanted, &mut settings);
    apply(judge, &sections, settings, insertions);
}

fn missing_timeouts(
    judge: &mut Judge<'_>,
    sections: &[Section],
    becomes_http: &BTreeSet<usize>,
    settings: &mut BTreeMap<Option<usize>, Vec<String>>,
) {
    let mut missing = BTreeSet::new();
    let mut slow = false;
    for at in (0..sections.len()).filter(|&at| sections[at].is_proxy()) {
        let section = &sections[at];
        let serves = judge.document.body(section).any(|(_, line)| matches!(line.word(0), "bind" | "server"));
        if !serves {
            continue;
        }
        let http = judge.mode(sections, at) == "http" || becomes_http.contains(&at);
        let mut needed = Vec::new();
        if section.is_frontend() {
            needed.push(("client", "30s"));
            if http {
                needed.push(("http-request", "10s"));
            }
        }
        if section.is_backend() {
            needed.extend([("connect", "5s"), ("server", "30s")]);
        }
        for (name, value) in needed {
            if judge.setting(sections, at, &["timeout", name]).is_some() {
                continue;
            }
            if name == "http-request" {
                slow = true
            } else {
                _ = missing.insert(name)
            }
            let lines = settings.entry(sections[at].defaults).or_default();
            let line = format!("    timeout {name} {value}");
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    let added = |name: &str| {
        settings.values().flatten().find(|line| line.contains(&format!("timeout {name} "))).cloned()
    };
    if !missing.is_empty() {
        let lines: Vec<String> = missing.iter().filter_map(|name| added(name)).collect();
        let names: Vec<&str> = missing.into_iter().collect();
        judge
            .report(
                "no-timeouts",
                Severity::Warning,
                &[],
                format!("there is no timeout for: {}", names.join(", ")),
                "A connection that the other side forgot stays open for ever, until there is no place for a new one.",
            )
            .with(lines);
    }
    if slow {
        let line = added("http-request");
        judge
            .report(
                "no-request-timeout",
                Severity::Warning,
                &[],
                "a client may take as long as it likes to send its request",
                "A few hundred connections that send one letter a minute keep everybody else out.",
            )
            .with(line);
    }
}

/// Writes the settings into their defaults sections, and makes one where there is none.
fn apply(
    judge: &mut Judge<'_>,
    sections: &[Section],
    settings: BTreeMap<Option<usize>, Vec<String>>,
    insertions: BTreeMap<usize, Vec<String>>,
) {
    let mut groups: Vec<(usize, Vec<Line>)> =
        insertions.into_iter().map(|(index, lines)| (index, added(&lines))).collect();
    for (defaults, lines) in settings {
        let Some(at) = defaults else {
            let first = sections.iter().position(Section::is_proxy).expect("a proxy asked for it");
            groups.push(new_defaults(judge, sections, first, &lines));
            continue;
        };
        groups.push((judge.document.end_of(&sections[at]), added(&lines)));
    }
    judge.document.insert(groups);
}

/// A defaults section before the first proxy, and before the comment that leads to it.
fn new_defaults(
    judge: &Judge<'_>,
    sections: &[Section],
    first: usize,
    lines: &[String],
) -> (usize, Vec<Line>) {
    let logs = match sections.iter().find(|section| section.kind == "global") {
        Some(global) => judge.document.body(global).any(|(_, line)| line.word(0) == "log"),
        // One with a log is added.
        None => true,
    };
    let mut text = vec!["defaults".to_owned()];
    if logs {
        text.push("    log global".to_owned());
    }
    let http = lines.iter().any(|line| line.contains("mode http"));
    text.extend(lines.iter().filter(|line| line.contains("mode ")).cloned());
    if http && logs {
        text.extend(["    option httplog".to_owned(), "    option dontlognull".to_owned()]);
    }
    text.extend(lines.iter().filter(|line| !line.contains("mode ")).cloned());
    if http {
        text.extend(["    timeout http-keep-alive 10s".to_owned(), "    timeout check 3s".to_owned()]);
    }
    text.push(String::new());
    let mut at = sections[first].start;
    let end_before = if first == 0 { 0 } else { judge.document.end_of(&sections[first - 1]) };
    while at > end_before && judge.document.lines[at - 1].text().trim_start().starts_with('#') {
        at -= 1;
    }
    (at, added(&text))
}

/// Whether all servers of a backend are QM Listeners: their connections are short.
pub(super) fn leads_to_listener(judge: &Judge<'_>, section: &Section) -> bool {
    let mut servers = judge.document.body(section).filter(|(_, line)| line.word(0) == "server").peekable();
    servers.peek().is_some() && servers.all(|(_, line)| super::port_of(line.word(2)) == Some(8767))
}

/// A gateway's backend whose conversations end after a pause.
pub(super) fn tunnel(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    let mut groups = Vec::new();
    for at in 0..sections.len() {
        if !judge.is_hal(&sections, at)
            || leads_to_listener(judge, &sections[at]) && judge.mode(&sections, at) == "tcp"
        {
            continue;
        }
        let section = &sections[at];
        let start = section.start;
        let Some(index) = judge.setting_at(&sections, at, &["timeout", "tunnel"]) else {
            let line = "    timeout tunnel 1h".to_owned();
            let both: Vec<u64> = ["client", "server"]
                .iter()
                .filter_map(|name| judge.setting(&sections, at, &["timeout", name]))
                .filter_map(|line| seconds(line.word(2)))
                .collect();
            let shortest = both.iter().min().copied();
            if both.len() == 2 && shortest.is_some_and(|shortest| shortest >= LONG_SECONDS) {
                continue;
            }
            let after = shortest.map_or("the timeouts of client or server".to_owned(), |s| format!("{s} s"));
            judge
                .report(
                    "no-tunnel-timeout",
                    Severity::Error,
                    &[start],
                    "`timeout tunnel` is missing",
                    format!(
                        "A conversation ends after {after} in which nobody speaks. From the upgrade on, `timeout \
                         tunnel` replaces both."
                    ),
                )
                .with([line.clone()]);
            groups.push((start + 1, added(&[line])));
            continue;
        };
        let value = judge.document.lines[index].word(2).to_owned();
        if seconds(&value).is_some_and(|seconds| seconds < TUNNEL_SECONDS_MIN) {
            judge.report(
                "short-tunnel-timeout",
                Severity::Error,
                &[index],
                format!("`timeout tunnel` is {value}"),
                "A conversation ends whenever nobody speaks for that long. The gateway pings every 20 s, so at least \
                 three times that is needed; an hour is usual.",
            );
            judge.line(index).replace_word(2, "1h");
        }
    }
    judge.document.insert(groups);
}

/// `30s`, `1h`, `500ms`, `5000` (milliseconds) in whole seconds.
fn seconds(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    match &text[digits..] {
        "us" => Some(number / 1_000_000),
        "" | "ms" => Some(number / 1000),
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        "d" => number.checked_mul(86_400),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_haproxy_reads_them() {
        for (text, expected) in [
            ("30s", Some(30)),
            ("5000", Some(5)),
            ("1h", Some(3600)),
            ("90m", Some(5400)),
            ("x", None),
            ("1w", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
