//! Words that HAProxy no longer knows, that do nothing, or that take away what a WebSocket needs.

use super::{Judge, Severity};
use crate::edge::haproxy::document::Section;
use crate::edge::haproxy::options::Version;

/// What becomes of a word that was removed.
enum Instead {
    /// The line goes.
    Nothing,
    /// These words in its place; the rest of the line stays.
    Words(&'static str),
    /// `NAME:\ VALUE` becomes two words behind these.
    Header(&'static str),
    /// A person must write it: this is where to look.
    ByHand(&'static str),
}

/// A directive that was removed: its first words, the version that refuses it, what takes its place.
struct Removed(&'static [&'static str], Version, Instead);

const fn v(major: u16, minor: u16) -> Version {
    Version { major, minor }
}

/// Read from what HAProxy 2.6 says about each of them.
const REMOVED: &[Removed] = &[
    Removed(&["option", "forceclose"], v(2, 5), Instead::Nothing),
    Removed(&["option", "http-tunnel"], v(2, 5), Instead::Nothing),
    Removed(&["option", "http-use-htx"], v(2, 5), Instead::Nothing),
    Removed(
        &["option", "http_proxy"],
        v(2, 5),
        Instead::ByHand("http-request set-dst, http-request set-uri"),
    ),
    Removed(&["option", "independant-streams"], v(2, 5), Instead::Words("option independent-streams")),
    Removed(&["clitimeout"], v(2, 1), Instead::Words("timeout client")),
    Removed(&["srvtimeout"], v(2, 1), Instead::Words("timeout server")),
    Removed(&["contimeout"], v(2, 1), Instead::Words("timeout connect")),
    Removed(&["timeout", "clitimeout"], v(2, 1), Instead::Words("timeout client")),
    Removed(&["timeout", "srvtimeout"], v(2, 1), Instead::Words("timeout server")),
    Removed(&["timeout", "contimeout"], v(2, 1), Instead::Words("timeout connect")),
    Removed(&["redispatch"], v(2, 1), Instead::Words("option redispatch")),
    Removed(&["block"], v(2, 1), Instead::Words("http-request deny")),
    Removed(&["reqadd"], v(2, 1), Instead::Header("http-request add-header")),
    Removed(&["rspadd"], v(2, 1), Instead::Header("http-response add-header")),
    Removed(&["reqdel"], v(2, 1), Instead::ByHand("http-request del-header NAME")),
    Removed(&["reqidel"], v(2, 1), Instead::ByHand("http-request del-header NAME")),
    Removed(&["rspdel"], v(2, 1), Instead::ByHand("http-response del-header NAME")),
    Removed(&["rspidel"], v(2, 1), Instead::ByHand("http-response del-header NAME")),
    Removed(&["reqrep"], v(2, 1), Instead::ByHand("http-request replace-path REGEX NEW")),
    Removed(&["reqirep"], v(2, 1), Instead::ByHand("http-request replace-path REGEX NEW")),
    Removed(&["rsprep"], v(2, 1), Instead::ByHand("http-response replace-header NAME REGEX NEW")),
    Removed(&["rspirep"], v(2, 1), Instead::ByHand("http-response replace-header NAME REGEX NEW")),
    Removed(&["reqdeny"], v(2, 1), Instead::ByHand("http-request deny if CONDITION")),
    Removed(&["reqideny"], v(2, 1), Instead::ByHand("http-request deny if CONDITION")),
    Removed(&["reqallow"], v(2, 1), Instead::ByHand("http-request allow if CONDITION")),
    Removed(&["reqtarpit"], v(2, 1), Instead::ByHand("http-request tarpit if CONDITION")),
    Removed(&["rspdeny"], v(2, 1), Instead::ByHand("http-response deny if CONDITION")),
    Removed(&["reqpass"], v(2, 1), Instead::Nothing),
    Removed(&["appsession"], v(1, 6), Instead::ByHand("stick-table and stick on")),
    Removed(&["monitor-net"], v(2, 5), Instead::ByHand("http-request return status 200 if { src ADDRESS }")),
    Removed(&["mode", "health"], v(2, 5), Instead::ByHand("http-request return status 200")),
    Removed(&["grace"], v(2, 5), Instead::Nothing),
    Removed(&["bind-process"], v(2, 7), Instead::Nothing),
    Removed(&["nbproc"], v(2, 5), Instead::Nothing),
    Removed(&["tune.chksize"], v(2, 5), Instead::Nothing),
    Removed(&["debug"], v(2, 5), Instead::Nothing),
];

/// Options and directives that were removed.
pub(super) fn removed(judge: &mut Judge<'_>) {
    for index in 0..judge.document.lines.len() {
        let line = &judge.document.lines[index];
        // `no option forceclose` is refused as well.
        let skip = usize::from(line.word(0) == "no");
        let matches =
            |removed: &&Removed| removed.0.iter().enumerate().all(|(at, word)| line.word(at + skip) == *word);
        let Some(Removed(words, since, instead)) = REMOVED.iter().find(matches) else { continue };
        let name = words.join(" ");
        let what = format!("`{name}` was removed from HAProxy");
        let why = format!("HAProxy {since} and newer refuse the file because of it.");
        match instead {
            Instead::Nothing => {
                judge.report(
                    "removed-option",
                    Severity::Error,
                    &[index],
                    what,
                    format!("{why} Nothing takes its place."),
                );
                judge.remove(index);
            }
            Instead::Words(new) => {
                judge.report(
                    "removed-option",
                    Severity::Error,
                    &[index],
                    what,
                    format!("{why} It is now `{new}`."),
                );
                let line = judge.line(index);
                if words.len() > 1 {
                    line.remove_words(1, words.len() - 1);
                }
                line.replace_word(0, new);
            }
            Instead::Header(new) => {
                let (header, rest) =
                    (line.word(1).to_owned(), line.words().skip(2).map(quoted).collect::<Vec<_>>());
                let indent = line.indent().to_owned();
                let found =
                    header.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
                let report = judge.report(
                    "removed-option",
                    Severity::Error,
                    &[index],
                    what,
                    format!("{why} It is now `{new}`."),
                );
                match found {
                    Some((name, value)) => {
                        let all =
                            [format!("{indent}{new}"), quoted(&name), quoted(&value)].into_iter().chain(rest);
                        judge.line(index).set(&all.collect::<Vec<_>>().join(" "));
                    }
                    None => _ = report.by_hand([format!("{indent}{new} NAME VALUE")]),
                }
            }
            Instead::ByHand(new) => {
                judge
                    .report("removed-option", Severity::Error, &[index], what, why)
                    .by_hand([format!("    {new}")]);
            }
        }
    }
}

/// `listen NAME ADDRESS:PORT`, as files of long ago have it.
pub(super) fn address_of_a_section(judge: &mut Judge<'_>) {
    let mut binds = Vec::new();
    for section in judge.document.sections().into_iter().filter(Section::is_frontend) {
        let line = &judge.document.lines[section.start];
        if line.len() < 3 || line.word(2) == "from" {
            continue;
        }
        let bind = format!("    bind {}", line.words().skip(2).map(quoted).collect::<Vec<_>>().join(" "));
        let last = line.len() - 1;
        judge
            .report(
                "removed-option",
                Severity::Error,
                &[section.start],
                "an address behind the name of a section was removed from HAProxy",
                "HAProxy refuses the line, and then everything below it. The address is now a line `bind` of its own.",
            )
            .with([bind.clone()]);
        judge.line(section.start).remove_words(2, last);
        binds.push((section.start + 1, super::added(&[bind])));
    }
    judge.document.insert(binds);
}

/// A word that may hold spaces, as it is written.
fn quoted(word: &str) -> String {
    if word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/{}()!|%[]=,+*".contains(c)) && !word.is_empty()
    {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Options that do nothing for a WebSocket.
pub(super) fn without_effect(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    for (at, section) in sections.iter().enumerate() {
        if !judge.is_hal(&sections, at) {
            continue;
        }
        for index in section.start + 1..section.end {
            let line = &judge.document.lines[index];
            if line.word(0) == "option" && matches!(line.word(1), "http-server-close" | "httpclose") {
                let what = format!("`option {}` does nothing here", line.word(1));
                judge.report(
                    "option-without-effect",
                    Severity::Note,
                    &[index],
                    what,
                    "It is about the connection after an answer; a WebSocket keeps its own until it ends.",
                );
                judge.remove(index);
            }
        }
    }
}

/// Rules that remove the headers of an upgrade, or of the answer to it.
pub(super) fn upgrade_taken_away(judge: &mut Judge<'_>) {
    for index in 0..judge.document.lines.len() {
        let line = &judge.document.lines[index];
        let of_answers = matches!(line.word(0), "http-response" | "http-after-response");
        if of_answers && line.word(1) == "del-header" {
            let header = line.word(2).to_ascii_lowercase();
            if matches!(header.as_str(), "upgrade" | "connection" | "sec-websocket-accept") {
                judge.report(
                    "upgrade-removed",
                    Severity::Error,
                    &[index],
                    format!("this takes the header {header} from every answer"),
                    "The client then does not take the gateway's yes for one, and no conversation can begin.",
                );
                judge.remove(index);
            }
            continue;
        }
        if line.word(0) != "http-request" {
            continue;
        }
        let header = line.word(2).to_ascii_lowercase();
        let removes = line.word(1) == "del-header"
            && matches!(
                header.as_str(),
                "upgrade" | "connection" | "sec-websocket-key" | "sec-websocket-version"
            );
        let closes = line.word(1) == "set-header"
            && (header == "connection" && !line.word(3).to_ascii_lowercase().contains("upgrade")
                // The value it has already, or what a request for a WebSocket has: no harm.
                || header == "upgrade" && !["websocket", "hdr("].iter().any(|word| line.word(3).to_ascii_lowercase().contains(word)));
        if removes || closes {
            judge.report(
                "upgrade-removed",
                Severity::Error,
                &[index],
                format!("this takes the header {header} from every request"),
                "Without it a WebSocket handshake is an ordinary request, and no conversation can begin.",
            );
            judge.remove(index);
        }
    }
}

/// TLS that browsers have given up.
pub(super) fn old_tls(judge: &mut Judge<'_>) {
    for index in 0..judge.document.lines.len() {
        let line = &judge.document.lines[index];
        if !matches!(line.word(0), "bind" | "ssl-default-bind-options" | "default-server" | "server") {
            continue;
        }
        let old = |word: &str| matches!(word, "SSLv3" | "TLSv1.0" | "TLSv1.1");
        let Some(at) =
            line.words().position(|word| word == "ssl-min-ver").filter(|at| old(line.word(at + 1)))
        else {
            continue;
        };
        let what = format!("{} is accepted", line.word(at + 1));
        judge.report(
            "old-tls",
            Severity::Warning,
            &[index],
            what,
            "TLS before 1.2 is broken; no client of HAL needs it.",
        );
        judge.line(index).replace_word(at + 1, "TLSv1.2");
    }
}
