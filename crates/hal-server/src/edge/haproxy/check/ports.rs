//! `bind` lines: who listens where, and how.

use std::collections::{HashMap, HashSet};

use super::{Judge, Severity, free_name};
use crate::edge::haproxy::document::{Line, Section};
use crate::edge::haproxy::options::Version;

const MERGES_MAX: usize = 50;

/// One address of a `bind` line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listens {
    /// "" for every address of IPv4; "::" for every address of IPv6.
    host: String,
    ports: (u16, u16),
    /// `::` that takes IPv4 too.
    both: bool,
}

impl Listens {
    /// The addresses of a line; those that are not TCP ports (sockets, variables) are left out.
    fn of(line: &Line) -> Vec<Listens> {
        if line.word(0) != "bind" {
            return Vec::new();
        }
        let v6only = line.words().any(|word| word == "v6only");
        line.word(1).split(',').filter_map(|address| Listens::parse(address, v6only)).collect()
    }

    fn parse(address: &str, v6only: bool) -> Option<Listens> {
        // QUIC is UDP: it may share a port with TCP.
        if address.starts_with("quic") || address.starts_with("udp") {
            return None;
        }
        let address = ["ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"]
            .iter()
            .find_map(|prefix| address.strip_prefix(prefix))
            .unwrap_or(address);
        let (host, port) = address.rsplit_once(':')?;
        let ports = match port.split_once('-') {
            Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
            None => {
                let port = port.parse().ok()?;
                (port, port)
            }
        };
        let host = host.trim_matches(['[', ']']);
        let host = if matches!(host, "*" | "0.0.0.0") { "" } else { host };
        Some(Listens { host: host.to_ascii_lowercase(), ports, both: host == "::" && !v6only })
    }

    /// Whether a connection could go to either. A single address beside "every address" is no conflict: it takes what is its own.
    fn meets(&self, other: &Listens) -> bool {
        let same_host = self.host == other.host
            || self.both && other.host.is_empty()
            || other.both && self.host.is_empty();
        same_host && self.ports.0 <= other.ports.1 && other.ports.0 <= self.ports.1
    }
}

/// Two frontends, or two lines of one, on the same port.
pub(super) fn same_port(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    let mut seen: Vec<(usize, usize, Listens)> = Vec::new();
    let mut merges: Vec<(usize, usize, usize, usize)> = Vec::new();
    let mut twice = Vec::new();
    for (at, section) in sections.iter().enumerate().filter(|(_, section)| section.is_frontend()) {
        for (index, line) in judge.document.body(section) {
            for listens in Listens::of(line) {
                match seen.iter().find(|(_, _, other)| other.meets(&listens)) {
                    Some((_, line, _)) if *line == index => {}
                    Some((other, line, _)) if *other == at => twice.push((*line, index)),
                    Some((other, line, _)) => merges.push((*other, at, *line, index)),
                    None => {}
                }
                // More listeners than this on one machine are no file that people wrote.
                if seen.len() < 1000 {
                    seen.push((at, index, listens));
                }
            }
        }
    }
    for (first, second) in twice {
        judge.report(
            "same-port",
            Severity::Error,
            &[first, second],
            "two bind lines of one section listen on the same port",
            "HAProxy accepts that without a word; one is enough.",
        );
        judge.remove(second);
    }
    // Each merge moves lines; a file with more of them is beyond a correction line by line.
    merges.truncate(MERGES_MAX);
    let mut targets: HashMap<usize, Target> = HashMap::new();
    let mut merged_into: HashMap<usize, usize> = HashMap::new();
    let mut groups = Vec::new();
    for (first, second, first_line, second_line) in merges {
        if merged_into.contains_key(&second) {
            continue;
        }
        let (one, two) = (&sections[first], &sections[second]);
        let what = format!("{} {} and {} {} listen on the same port", one.kind, one.name, two.kind, two.name);
        let why = "HAProxy accepts that without a word, and the kernel deals connections out between the two: each \
                   second one gets the wrong site.";
        if one.kind != "frontend" || two.kind != "frontend" {
            judge
                .report("same-port", Severity::Error, &[first_line, second_line], what, why)
                .by_hand(["    bind :PORT   # another port for one of them".to_owned()]);
            continue;
        }
        judge.report(
            "same-port",
            Severity::Error,
            &[first_line, second_line],
            what,
            format!("{why} The rules of the second move into the first, whose default_backend stays."),
        );
        // A frontend that has moved itself: its rules are where it went.
        let root = merged_into.get(&first).copied().unwrap_or(first);
        merged_into.insert(second, root);
        let target = targets.entry(root).or_insert_with(|| Target::of(judge, &sections[root]));
        groups.push((target.at, target.take(judge, two)));
    }
    judge.document.insert(groups);
}

/// A frontend that takes the rules of others.
struct Target {
    /// Where the rules go: before its default.
    at: usize,
    listens: Vec<Listens>,
    has_default: bool,
    acls: HashSet<String>,
    /// Its lines, as words, but for those that may be there twice.
    lines: HashSet<String>,
}

impl Target {
    fn of(judge: &Judge<'_>, section: &Section) -> Target {
        let body = || judge.document.body(section);
        let default = body().find(|(_, line)| line.word(0) == "default_backend").map(|(index, _)| index);
        Target {
            at: default.unwrap_or_else(|| judge.document.end_of(section)),
            listens: body().flat_map(|(_, line)| Listens::of(line)).collect(),
            has_default: default.is_some(),
            acls: acls(judge, section),
            lines: body().filter_map(|(_, line)| once(line)).collect(),
        }
    }

    /// Takes the rules of `second` out of the document, and gives those that are to be put in here. What is here already
    /// stays out: bind lines of the same port, repeated settings, a second default.
    fn take(&mut self, judge: &mut Judge<'_>, second: &Section) -> Vec<Line> {
        let theirs = acls(judge, second);
        // An acl of the same name would mean OR with the one that is here.
        let renamed: Vec<(String, String)> = theirs
            .iter()
            .filter(|name| self.acls.contains(*name))
            .map(|name| {
                (name.clone(), free_name(name, |new| self.acls.contains(new) || theirs.contains(new)))
            })
            .collect();
        let mut moved = Vec::new();
        let end = judge.document.end_of(second);
        for index in second.start..end {
            let line = judge.line(index);
            let mut copy = line.clone();
            let was_removed = std::mem::replace(&mut line.removed, true);
            let listens = Listens::of(&copy);
            let bound =
                !listens.is_empty() && listens.iter().all(|l| self.listens.iter().any(|f| f.meets(l)));
            let is_default = copy.word(0) == "default_backend";
            let repeated = once(&copy).is_some_and(|words| !self.lines.insert(words));
            if index == second.start || was_removed || bound || repeated || is_default && self.has_default {
                continue;
            }
            // The line is written at its new place, under the same number.
            line.number = None;
            self.has_default |= is_default;
            self.listens.extend(listens);
            for (old, new) in &renamed {
                rename(&mut copy, old, new);
            }
            moved.push(copy);
        }
        self.acls.extend(theirs);
        self.acls.extend(renamed.into_iter().map(|(_, new)| new));
        moved
    }
}

fn acls(judge: &Judge<'_>, section: &Section) -> HashSet<String> {
    let body = judge.document.body(section).filter(|(_, line)| line.word(0) == "acl");
    body.map(|(_, line)| line.word(1).to_owned()).collect()
}

/// A line as words, where saying it twice is once too often.
fn once(line: &Line) -> Option<String> {
    let may_repeat =
        line.len() == 0 || matches!(line.word(0), "acl" | "use_backend" | "http-request" | "bind");
    (!may_repeat).then(|| line.words().collect::<Vec<_>>().join("\0"))
}

/// Gives an acl another name where it is declared and where a condition uses it.
pub(super) fn rename(line: &mut Line, old: &str, new: &str) {
    if line.word(0) == "acl" {
        if line.word(1) == old {
            line.replace_word(1, new);
        }
        return;
    }
    let Some(condition) = line.words().position(|word| matches!(word, "if" | "unless")) else { return };
    for index in condition + 1..line.len() {
        if line.word(index) == old {
            line.replace_word(index, new);
        } else if line.word(index).strip_prefix('!') == Some(old) {
            line.replace_word(index, &format!("!{new}"));
        }
    }
}

/// TLS without an offer of HTTP/2.
pub(super) fn alpn(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    for (at, section) in sections.iter().enumerate().filter(|(_, section)| section.is_frontend()) {
        if judge.setting(&sections, at, &["mode"]).is_some_and(|line| line.word(1) == "tcp") {
            continue;
        }
        for index in section.start + 1..section.end {
            let line = &judge.document.lines[index];
            let has = |wanted: &str| line.words().any(|word| word == wanted);
            if line.word(0) != "bind" || !has("ssl") || has("alpn") || has("no-alpn") || has("npn") {
                continue;
            }
            let why = if judge.around.version < (Version { major: 2, minor: 8 }) {
                "Before HAProxy 2.8 browsers then get HTTP/1.1 only. WebSockets work with both."
            } else {
                "Since HAProxy 2.8 this is the default; older ones would offer HTTP/1.1 only."
            };
            judge.report("no-alpn", Severity::Note, &[index], "TLS does not say that HTTP/2 is spoken", why);
            judge.line(index).append("alpn h2,http/1.1");
        }
    }
}

/// `bind *:443` without its half for IPv6.
pub(super) fn ipv4_only(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    for section in sections.iter().filter(|section| section.is_frontend()) {
        let all: Vec<(usize, Listens)> = judge
            .document
            .body(section)
            .flat_map(|(index, line)| Listens::of(line).into_iter().map(move |listens| (index, listens)))
            .collect();
        for (index, listens) in &all {
            // Written with a star: somebody means every address. `:443` is what HAL writes, and asks about IPv6 itself.
            let star = judge.document.lines[*index].word(1).starts_with('*');
            let has_v6 =
                all.iter().any(|(_, other)| other.host.contains(':') && other.ports == listens.ports);
            if !listens.host.is_empty() || !star || has_v6 || !matches!(listens.ports.0, 443 | 80) {
                continue;
            }
            let line = &judge.document.lines[*index];
            let mut second = Line::added(line.text());
            second.replace_word(1, &format!(":::{} v6only", listens.ports.0));
            judge
                .report(
                    "ipv4-only",
                    Severity::Note,
                    &[*index],
                    "this listens on IPv4 only",
                    "Where the name has an AAAA record too, clients that take it get \"connection refused\". Leave \
                     the record out, or add this line where the machine has IPv6.",
                )
                .by_hand([second.text()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_meet_where_one_connection_could_go_to_either() {
        fn check(one: &str, two: &str, expected: bool) {
            let of = |text: &str| Listens::of(&Line::added(text));
            let (one_is, two_is) = (of(one), of(two));
            let meet = one_is.iter().any(|a| two_is.iter().any(|b| a.meets(b)));
            assert_eq!(meet, expected, "{one} / {two}");
        }
        check("bind *:443 ssl", "bind :443", true);
        check("bind 0.0.0.0:443", "bind *:443", true);
        check("bind :80,:443", "bind :443", true);
        check("bind :80-90", "bind :88", true);
        check("bind :::443", "bind :443", true);
        check("bind :::443 v6only", "bind :443", false);
        check("bind 127.0.0.1:443", "bind :443", false);
        check("bind 127.0.0.1:443", "bind 127.0.0.1:443", true);
        check("bind quic4@:443", "bind :443", false);
        check("bind /run/x.sock", "bind /run/x.sock", false);
        check("bind :443", "bind :8443", false);
    }
}
