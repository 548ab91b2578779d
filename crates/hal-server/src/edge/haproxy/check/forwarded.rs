//! Whether the gateway learns that a proxy was asked, and by whom.
//!
//! A program on the gateway's own machine needs no sign-in. HAProxy on that machine is one, unless it says for whom it asks:
//! without a word of it, everybody who reaches HAProxy would be let in as the owner.

use super::timeouts::{leads_to_listener, links};
use super::{Judge, Severity};
use crate::edge::haproxy::document::{Document, Line, Section};

/// How much a section tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    /// That there is a proxy, but not for whom it asks.
    Proxy,
    Address,
}

fn told(line: &Line) -> Told {
    match line.word(0) {
        "option" if line.word(1) == "forwardfor" => Told::Address,
        "option" if line.word(1) == "forwarded" => Told::Proxy,
        "http-request" if matches!(line.word(1), "set-header" | "add-header") => {
            match line.word(2).to_ascii_lowercase().as_str() {
                "x-forwarded-for" => Told::Address,
                "x-forwarded-proto" | "x-forwarded-host" | "x-forwarded-port" | "x-real-ip" | "forwarded"
                | "via" | "x-hal-proxy" | "cf-connecting-ip" => Told::Proxy,
                _ => Told::Nothing,
            }
        }
        "server" | "default-server" if line.words().any(|word| word.starts_with("send-proxy")) => {
            Told::Address
        }
        _ => Told::Nothing,
    }
}

fn told_by(document: &Document, sections: &[Section], at: usize) -> Told {
    let of =
        |at: usize| document.body(&sections[at]).map(|(_, line)| told(line)).max().unwrap_or(Told::Nothing);
    of(at).max(sections[at].defaults.map_or(Told::Nothing, of))
}

/// A gateway that is not told for whom HAProxy asks.
pub(super) fn not_told(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    let links = links(judge, &sections);
    let mut groups = Vec::new();
    for at in 0..sections.len() {
        if !judge.is_hal(&sections, at) {
            continue;
        }
        let frontends = links.iter().filter(|(_, backend)| *backend == at);
        let by_all = frontends.map(|(frontend, _)| told_by(&judge.document, &sections, *frontend)).min();
        let told = told_by(&judge.document, &sections, at).max(by_all.unwrap_or(Told::Nothing));
        if told == Told::Address {
            continue;
        }
        let servers: Vec<usize> = judge
            .document
            .body(&sections[at])
            .filter(|(_, line)| line.word(0) == "server")
            .map(|(index, _)| index)
            .collect();
        let same_machine = servers.iter().any(|&index| is_loopback(judge.document.lines[index].word(2)));
        // Nothing in a request of its protocol could tell.
        let listener = leads_to_listener(judge, &sections[at]);
        let open = told == Told::Nothing && same_machine;
        if listener && !open {
            continue;
        }
        let (severity, what) = if open {
            (
                Severity::Error,
                "the gateway takes everybody who comes through HAProxy for a program of its own machine",
            )
        } else {
            (Severity::Warning, "the gateway does not learn from which address people come")
        };
        let why = if open {
            "Such a program needs no sign-in: whoever reaches HAProxy may ask as the owner. HAProxy must say that it asks for \
             somebody else."
        } else {
            "Wrong codes and tokens are counted by address: who tries them locks everybody out, and the audit log names \
             HAProxy only."
        };
        let own_mode = judge.document.body(&sections[at]).find(|(_, line)| line.word(0) == "mode");
        let place = own_mode.map_or(sections[at].start, |(index, _)| index) + 1;
        let is_http = judge.mode(&sections, at) == "http";
        let lines =
            ["    option forwardfor", "    http-request set-header X-Forwarded-Proto https if { ssl_fc }"];
        let report = judge.report("not-told-for-whom", severity, &servers[..1.min(servers.len())], what, why);
        if listener {
            report.by_hand([
                "[listener]          (in hal.toml of the machine with the records)",
                "sign_in = \"required\"",
            ]);
        } else if is_http {
            report.with(lines);
            groups.push((place, super::added(&lines.map(str::to_owned))));
        } else {
            report.by_hand([
                "    server NAME ADDRESS send-proxy-v2   (behind what stands there; the gateway reads it)",
            ]);
        }
    }
    judge.document.insert(groups);
}

fn is_loopback(address: &str) -> bool {
    let address = address.trim_start_matches("ipv4@").trim_start_matches("ipv6@");
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.eq_ignore_ascii_case("localhost")
        || host.is_empty()
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What clients write themselves is believed where HAProxy adds nothing.
pub(super) fn told_by_clients(judge: &mut Judge<'_>) {
    for index in 0..judge.document.lines.len() {
        let line = &judge.document.lines[index];
        if !line.begins(&["option", "forwardfor"]) {
            continue;
        }
        let Some(word) = (2..line.len()).find(|&word| line.word(word) == "if-none") else { continue };
        judge.report(
            "forwarded-by-client",
            Severity::Warning,
            &[index],
            "clients may say themselves from which address they come",
            "`if-none` leaves a header that came with the request. Wrong codes and tokens are counted by address: whoever \
             tries them writes another one each time.",
        );
        judge.line(index).remove_words(word, word);
    }
}
