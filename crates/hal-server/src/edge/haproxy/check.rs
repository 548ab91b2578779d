//! What is wrong with a HAProxy file, in plain words and with the corrected line. Pure.
//!
//! Each rule is a function that looks at the document, reports, and corrects it in place; later rules see what
//! earlier ones corrected. So the corrected file is what all of them together made, and a second check of it finds
//! nothing that could be corrected. The table of faults is in docs/haproxy.md.

use std::collections::BTreeMap;

use super::document::{Document, Line, Section};
use super::options::{Domain, Gateway, Version};

mod files;
mod forwarded;
mod health;
mod ports;
mod routing;
mod statistics;
mod structure;
mod timeouts;
mod words;

pub use files::{FileFacts, FileState, named_files};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// HAProxy refuses the file, or HAL cannot be reached, or somebody gets in.
    Error,
    /// It works today, in part, or for other reasons than it seems.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Its word for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable name, e.g. `removed-option`.
    pub code: &'static str,
    pub severity: Severity,
    /// Numbers of the lines it is about, from 1; empty when it is about something that is missing.
    pub lines: Vec<usize>,
    /// What is wrong, one sentence.
    pub what: String,
    /// Why it matters, and what the correction does.
    pub why: String,
    /// The lines as they stand in the file.
    pub found: Vec<String>,
    /// What stands there in the corrected file instead; empty when the lines are taken out.
    pub corrected: Vec<String>,
    /// True when the corrected file has it. Otherwise `corrected` says what to write by hand.
    pub applied: bool,
}

/// What a file is judged by, beside its text.
#[derive(Clone, Debug)]
pub struct Circumstances {
    pub version: Version,
    /// The name of the gateway, where it is known.
    pub domain: Option<Domain>,
    /// Where the gateway is, for a backend that is missing.
    pub gateway: Gateway,
    /// Where the rest of the site is, for a backend that is missing.
    pub site: Gateway,
    /// Written in place of a certificate that cannot be used.
    pub cert: Option<String>,
    /// What was found of the files that [`named_files`] lists.
    pub files: BTreeMap<String, FileState>,
}

impl Circumstances {
    /// Nothing known but the version.
    pub fn new(version: Version) -> Circumstances {
        Circumstances {
            version,
            domain: None,
            gateway: Gateway::local(8768),
            site: Gateway::local(8080),
            cert: None,
            files: BTreeMap::new(),
        }
    }
}

/// What was found, and the corrected file.
#[derive(Clone, Debug)]
pub struct Judged {
    /// By line, those without a line first.
    pub findings: Vec<Finding>,
    /// The whole file with every correction that could be made.
    pub corrected: String,
}

/// Judges a file.
pub fn judge(document: &Document, around: &Circumstances) -> Judged {
    let mut judge = Judge { document: document.clone(), around, drafts: Vec::new() };
    for rule in RULES {
        rule(&mut judge);
    }
    judge.finish(document)
}

/// In the order in which they correct: what later ones rely on comes first.
const RULES: &[fn(&mut Judge<'_>)] = &[
    structure::markdown,
    structure::continuation,
    structure::open_quotes,
    structure::final_newline,
    structure::same_name,
    words::address_of_a_section,
    // Before frontends are merged, which may leave out a rule of theirs.
    routing::unknown_backend,
    ports::same_port,
    words::removed,
    words::without_effect,
    words::upgrade_taken_away,
    words::old_tls,
    health::headers_in_httpchk,
    health::handshake_as_check,
    health::nobody_checked,
    health::localhost,
    health::listener_instead_of_gateway,
    routing::acl_that_means_or,
    routing::part_of_a_host_name,
    routing::path_too_wide,
    routing::condition_without_effect,
    routing::redirect_of_challenges,
    statistics::statistics,
    files::error_files,
    ports::alpn,
    ports::ipv4_only,
    files::certificates,
    timeouts::ignored,
    timeouts::modes_and_timeouts,
    timeouts::tunnel,
    // What is http now, and leads where.
    forwarded::told_by_clients,
    forwarded::not_told,
    structure::no_global,
    routing::order_of_rules,
];

/// A finding before its corrected lines are known.
struct Draft {
    code: &'static str,
    severity: Severity,
    lines: Vec<usize>,
    what: String,
    why: String,
    added: Vec<String>,
    by_hand: Option<Vec<String>>,
}

struct Judge<'a> {
    document: Document,
    around: &'a Circumstances,
    drafts: Vec<Draft>,
}

impl Judge<'_> {
    /// Reports a fault of the lines at `indices`. The rule corrects them itself.
    fn report(
        &mut self,
        code: &'static str,
        severity: Severity,
        indices: &[usize],
        what: impl Into<String>,
        why: impl Into<String>,
    ) -> &mut Draft {
        // A line that another rule has put in has no number, and is no fault of the file's.
        let lines = indices.iter().filter_map(|&index| self.document.lines[index].number).collect();
        self.drafts.push(Draft {
            code,
            severity,
            lines,
            what: what.into(),
            why: why.into(),
            added: Vec::new(),
            by_hand: None,
        });
        self.drafts.last_mut().expect("one was pushed")
    }

    fn line(&mut self, index: usize) -> &mut Line {
        &mut self.document.lines[index]
    }

    fn remove(&mut self, index: usize) {
        self.line(index).removed = true;
    }

    /// The first line of a proxy, or of its defaults, that begins with `words`.
    fn setting(&self, sections: &[Section], proxy: usize, words: &[&str]) -> Option<&Line> {
        self.setting_at(sections, proxy, words).map(|index| &self.document.lines[index])
    }

    fn setting_at(&self, sections: &[Section], proxy: usize, words: &[&str]) -> Option<usize> {
        let find = |at: usize| {
            let mut body = self.document.body(&sections[at]);
            body.find(|(_, line)| line.begins(words)).map(|(index, _)| index)
        };
        find(proxy).or_else(|| sections[proxy].defaults.and_then(find))
    }

    fn mode<'s>(&'s self, sections: &[Section], proxy: usize) -> &'s str {
        self.setting(sections, proxy, &["mode"]).map_or("tcp", |line| line.word(1))
    }

    /// Whether a backend leads to a gateway of HAL: by the port of a server, by its name, or because it is the only one.
    fn is_hal(&self, sections: &[Section], proxy: usize) -> bool {
        let section = &sections[proxy];
        if !section.is_backend() {
            return false;
        }
        let servers = || self.document.body(section).filter(|(_, line)| line.word(0) == "server");
        if servers().any(|(_, line)| matches!(port_of(line.word(2)), Some(8767 | 8768))) {
            return true;
        }
        if sounds_like_hal(&section.name) && servers().count() > 0 {
            return true;
        }
        let with_servers = |section: &&Section| {
            section.is_backend() && self.document.body(section).any(|(_, line)| line.word(0) == "server")
        };
        servers().count() > 0 && sections.iter().filter(with_servers).take(2).count() == 1
    }

    fn finish(self, original: &Document) -> Judged {
        let now: BTreeMap<usize, &Line> =
            self.document.lines.iter().filter_map(|line| Some((line.number?, line))).collect();
        let mut findings: Vec<Finding> = self
            .drafts
            .into_iter()
            .map(|draft| {
                let found =
                    draft.lines.iter().map(|number| original.lines[number - 1].text().to_owned()).collect();
                let kept =
                    draft.lines.iter().filter_map(|number| now.get(number)).filter(|line| !line.removed);
                let applied = draft.by_hand.is_none();
                let corrected = draft
                    .by_hand
                    .unwrap_or_else(|| kept.map(|line| line.text().to_owned()).chain(draft.added).collect());
                Finding {
                    code: draft.code,
                    severity: draft.severity,
                    lines: draft.lines,
                    what: draft.what,
                    why: draft.why,
                    found,
                    corrected,
                    applied,
                }
            })
            .collect();
        findings.sort_by_key(|finding| finding.lines.first().copied().unwrap_or(0));
        Judged { findings, corrected: self.document.text() }
    }
}

impl Draft {
    /// Lines that the corrected file has in addition.
    fn with(&mut self, added: impl IntoIterator<Item = impl Into<String>>) -> &mut Draft {
        self.added.extend(added.into_iter().map(Into::into));
        self
    }

    /// Nothing was corrected: these lines are for the person to write.
    fn by_hand(&mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> &mut Draft {
        self.by_hand = Some(lines.into_iter().map(Into::into).collect());
        self
    }
}

/// `8768` of `127.0.0.1:8768`, `:8768`, `[::1]:8768`.
fn port_of(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

/// Whether a name speaks of the gateway: `hal_voice_backend`, `voice`, `hal`; not `shall` or `halifax`.
fn sounds_like_hal(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Our own backend for certificates, and the counters, lead to no gateway.
    if name == "hal_acme" {
        return false;
    }
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| matches!(part, "hal" | "voice" | "ws" | "websocket"))
}

/// A name that no section or acl of the document has: `wanted`, else `wanted_2`, `wanted_3`…
fn free_name(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(wanted) {
        return wanted.to_owned();
    }
    (2..).map(|number| format!("{wanted}_{number}")).find(|name| !taken(name)).expect("numbers do not end")
}

/// New lines of a section.
fn added(lines: &[String]) -> Vec<Line> {
    lines.iter().map(|line| Line::added(line)).collect()
}

#[cfg(test)]
mod tests;
