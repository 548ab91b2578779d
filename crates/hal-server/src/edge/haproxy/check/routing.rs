//! Where requests go: acls, backends, redirects, and the order of rules.

use std::collections::{BTreeMap, BTreeSet};

use super::health::check_lines;
use super::ports::rename;
use super::{Judge, Severity, added, free_name, sounds_like_hal};
use crate::edge::haproxy::document::{Document, Line, Section};

const MISSING_MAX: usize = 100;

/// What an acl looks at: `hdr_beg(Host)` and `req.hdr(host),lower` both look at `header host`.
fn subject(line: &Line) -> String {
    let fetch = line.word(2).split(',').next().unwrap_or_default().to_ascii_lowercase();
    let (name, argument) = match fetch.split_once('(') {
        Some((name, rest)) => (name, rest.trim_end_matches(')').to_owned()),
        None => (fetch.as_str(), String::new()),
    };
    let base = name.split_once('_').map_or(name, |(base, matching)| {
        if matches!(matching, "beg" | "end" | "dir" | "dom" | "len" | "reg" | "sub" | "str") {
            base
        } else {
            name
        }
    });
    match base {
        "hdr" | "req.hdr" | "req.fhdr" | "shdr" => format!("header {argument}"),
        "path" | "url" | "base" => "path".to_owned(),
        other => format!("{other} {argument}").trim_end().to_owned(),
    }
}

/// One acl name over several things: HAProxy takes any of them.
pub(super) fn acl_that_means_or(judge: &mut Judge<'_>) {
    for section in judge.document.sections() {
        let mut by_name: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
        for (index, line) in judge.document.body(&section).filter(|(_, line)| line.word(0) == "acl") {
            by_name.entry(line.word(1).to_owned()).or_default().push((index, subject(line)));
        }
        let taken: BTreeSet<String> = by_name.keys().cloned().collect();
        for (name, lines) in by_name {
            let subjects: BTreeSet<&str> = lines.iter().map(|(_, subject)| subject.as_str()).collect();
            if subjects.len() < 2 {
                continue;
            }
            let indices: Vec<usize> = lines.iter().map(|(index, _)| *index).collect();
            let what = format!("two lines named {name} mean OR");
            let list = subjects.iter().copied().collect::<Vec<_>>().join(", or ");
            let handshake = subjects.contains("header upgrade") || subjects.contains("header connection");
            let uses: Vec<usize> = uses(&judge.document, &section, &name);
            let negated = uses.iter().any(|&index| {
                let line = &judge.document.lines[index];
                line.words().any(|word| word.strip_prefix('!') == Some(&name))
            });
            if !handshake || negated {
                judge
                    .report(
                        "acl-means-or",
                        Severity::Note,
                        &indices,
                        what,
                        format!("It is true for {list}. If both are meant, give them two names and write both into the \
                                 condition."),
                    )
                    .by_hand(Vec::<String>::new());
                continue;
            }
            split(judge, &name, &lines, &uses, &taken, what);
        }
    }
}

/// Gives the lines of each further subject a name of its own, and names all of them in the conditions.
fn split(
    judge: &mut Judge<'_>,
    name: &str,
    lines: &[(usize, String)],
    uses: &[usize],
    taken: &BTreeSet<String>,
    what: String,
) {
    let first = &lines[0].1;
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for (_, subject) in lines.iter().filter(|(_, subject)| subject != first) {
        let word = subject.rsplit(' ').next().unwrap_or_default();
        let word: String = word.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        let new = free_name(&format!("{name}_{word}"), |wanted| {
            taken.contains(wanted) || names.values().any(|there| there == wanted)
        });
        names.entry(subject).or_insert(new);
    }
    let indices: Vec<usize> = lines.iter().map(|(index, _)| *index).chain(uses.iter().copied()).collect();
    judge.report(
        "acl-means-or",
        Severity::Error,
        &indices,
        what,
        "Every WebSocket of every site on this machine is taken for HAL's, and every request of HAL's name for a \
         WebSocket. Two names in one condition mean AND.",
    );
    for (index, subject) in lines {
        if let Some(new) = names.get(subject.as_str()) {
            rename(judge.line(*index), name, new);
        }
    }
    let all = names.values().map(String::as_str).fold(name.to_owned(), |all, new| format!("{all} {new}"));
    for index in uses {
        rename(judge.line(*index), name, &all);
    }
}

/// The lines of a section with a condition that uses the acl.
fn uses(document: &Document, section: &Section, name: &str) -> Vec<usize> {
    let used = |line: &Line| {
        line.word(0) != "acl"
            && line
                .words()
                .skip_while(|word| !matches!(*word, "if" | "unless"))
                .any(|word| word.trim_start_matches('!') == name)
    };
    document.body(section).filter(|(_, line)| used(line)).map(|(index, _)| index).collect()
}

/// `hdr_beg(Host) hal.`: the beginning of a name is anybody's.
pub(super) fn part_of_a_host_name(judge: &mut Judge<'_>) {
    for index in 0..judge.document.lines.len() {
        let line = &judge.document.lines[index];
        let Some(at) = (0..line.len()).find(|&at| {
            let word = line.word(at).to_ascii_lowercase();
            ["hdr_beg(host)", "hdr_sub(host)", "hdr_dom(host)", "req.hdr_beg(host)"].contains(&word.as_str())
                || word == "req.hdr(host)" && line.words().any(|flag| matches!(flag, "beg" | "sub" | "dom"))
        }) else {
            continue;
        };
        if line.word(0) != "acl" || at != 2 {
            continue;
        }
        let values: Vec<&str> = line.words().skip(3).filter(|word| !word.starts_with('-')).collect();
        let values: Vec<&str> =
            values.into_iter().filter(|word| !matches!(*word, "beg" | "sub" | "dom")).collect();
        // A whole name is one with a last label; `hal.` is a beginning.
        let whole = values
            .iter()
            .all(|value| value.contains('.') && !value.ends_with('.') && !value.starts_with('.'));
        let names = match (&judge.around.domain, whole) {
            (_, true) => Some(values.join(" ")),
            (Some(domain), false) => Some(domain.as_str().to_owned()),
            (None, false) => None,
        };
        let first = values.first().copied().unwrap_or("hal.").trim_end_matches('.').to_owned();
        let (indent, name) = (line.indent().to_owned(), line.word(1).to_owned());
        let how = if line.text().contains("beg") { "begins with" } else { "contains" };
        let what = format!("the rule takes every name that {how} {}", values.join(" or "));
        let why = format!(
            "{first}.evil.example would be served as yours. The whole name is compared, without its port."
        );
        let report = judge.report("part-of-a-host-name", Severity::Warning, &[index], what, why);
        let new = |names: &str| format!("{indent}acl {name} req.hdr(Host),host_only -m str -i {names}");
        match names {
            Some(names) => judge.line(index).set(&new(&names)),
            // Which name is meant, nobody can read from its beginning.
            None => {
                report.by_hand([new(&format!("{first}.example.com"))]);
                report.why.push_str(" Put your name in, or say it with --domain.");
            }
        }
    }
}

/// `path_beg /voice` takes `/voicemail`.
pub(super) fn path_too_wide(judge: &mut Judge<'_>) {
    let mut groups = Vec::new();
    for index in 0..judge.document.lines.len() {
        let line = &judge.document.lines[index];
        let Some(at) = line.words().position(|word| word == "path_beg" || word.starts_with("path_beg,"))
        else {
            continue;
        };
        let end = (at + 1..line.len()).find(|&word| line.word(word) == "}").unwrap_or(line.len());
        let flags: Vec<&str> =
            (at + 1..end).map(|word| line.word(word)).filter(|word| word.starts_with('-')).collect();
        let values: Vec<&str> =
            (at + 1..end).map(|word| line.word(word)).filter(|w| !w.starts_with('-')).collect();
        let is_wide = |value: &&str| {
            value.starts_with('/')
                && !value.ends_with('/')
                && value.chars().all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c))
        };
        if flags.iter().any(|flag| *flag != "-i") || values.is_empty() || !values.iter().all(is_wide) {
            continue;
        }
        let examples: Vec<String> = values.iter().map(|value| format!("{value}mail")).take(1).collect();
        let voice = values.iter().any(|value| matches!(*value, "/voice" | "/ws"));
        let severity = if voice { Severity::Warning } else { Severity::Note };
        let what = format!("`path_beg {}` takes {} too", values.join(" "), examples.join(" "));
        let insensitive = if flags.is_empty() { "" } else { "-i " };
        if line.word(0) == "acl" && at == 2 {
            let (indent, name) = (line.indent().to_owned(), line.word(1).to_owned());
            let exact = format!("{indent}acl {name} path {insensitive}{}", values.join(" "));
            let below: Vec<String> = values.iter().map(|value| format!("{value}/")).collect();
            let below = format!("{indent}acl {name} path_beg {insensitive}{}", below.join(" "));
            judge
                .report(
                    "path-too-wide",
                    severity,
                    &[index],
                    what,
                    "The path itself, or what is below it: two lines of one name mean OR, which is right here.",
                )
                .with([below.clone()]);
            judge.line(index).set(&exact);
            groups.push((index + 1, vec![Line::added(&below)]));
        } else {
            let pattern = format!("^({})(/|$)", values.join("|"));
            judge.report("path-too-wide", severity, &[index], what, "The path itself, or what is below it.");
            let line = judge.line(index);
            line.remove_words(at + 1, end - 1);
            line.replace_word(at, &format!("path -m reg {insensitive}{pattern}"));
        }
    }
    judge.document.insert(groups);
}

/// Every rule leads where the default leads.
pub(super) fn condition_without_effect(judge: &mut Judge<'_>) {
    let mut groups = Vec::new();
    for section in judge.document.sections().into_iter().filter(Section::is_frontend) {
        let default = judge.document.body(&section).find(|(_, line)| line.word(0) == "default_backend");
        let Some(default) = default.map(|(_, line)| line.word(1).to_owned()) else { continue };
        let rules: Vec<usize> = judge
            .document
            .body(&section)
            .filter(|(_, line)| line.word(0) == "use_backend")
            .map(|(index, _)| index)
            .collect();
        let all_there = rules.iter().all(|&index| judge.document.lines[index].word(1) == default);
        if rules.is_empty() || !all_there {
            continue;
        }
        let mut lines = Vec::new();
        if let Some(domain) = &judge.around.domain {
            let taken =
                |name: &str| judge.document.body(&section).any(|(_, line)| line.begins(&["acl", name]));
            let name = free_name("hal_host", taken);
            lines.push(format!("    acl {name} req.hdr(Host),host_only -m str -i {}", domain.as_str()));
            lines.push(format!("    http-request return status 421 unless {name}"));
        }
        let refuse = if lines.is_empty() {
            "Its own name is not asked for either; with --domain NAME, other names are refused."
        } else {
            "Other names are refused instead (421)."
        };
        judge
            .report(
                "condition-without-effect",
                Severity::Warning,
                &rules,
                format!("everything goes to {default}, with or without the condition"),
                format!("The default is the same backend, so the rule changes nothing. {refuse}"),
            )
            .with(lines.clone());
        groups.push((rules[0], added(&lines)));
        for index in rules {
            judge.remove(index);
        }
    }
    judge.document.insert(groups);
}

/// Rules that name a backend which is not there.
pub(super) fn unknown_backend(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    let known: BTreeSet<&str> =
        sections.iter().filter(|section| section.is_backend()).map(|section| section.name.as_str()).collect();
    let mut missing: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for section in sections.iter().filter(|section| section.is_frontend()) {
        for (index, line) in judge.document.body(section) {
            let name = line.word(1);
            let is_rule = matches!(line.word(0), "default_backend" | "use_backend");
            // A name that is made from the request is known at run time only.
            if is_rule && !name.is_empty() && !name.contains(['%', '$']) && !known.contains(name) {
                missing.entry(name.to_owned()).or_default().push(index);
            }
        }
    }
    let mut lines_at_end = Vec::new();
    // A file that misses more than these was not finished.
    for (name, indices) in missing.into_iter().take(MISSING_MAX) {
        let what = format!("there is no backend {name}");
        let why = "HAProxy refuses the file.";
        if let Some(near) = known.iter().find(|known| is_near(known, &name)) {
            let near = (*near).to_owned();
            judge.report(
                "unknown-backend",
                Severity::Error,
                &indices,
                what,
                format!("{why} {near} is there."),
            );
            for index in indices {
                judge.line(index).replace_word(1, &near);
            }
            continue;
        }
        let mut lines = vec![String::new(), format!("backend {name}")];
        if sounds_like_hal(&name) {
            lines.push("    timeout tunnel 1h".to_owned());
            lines.extend(check_lines("    ", judge.check_host()));
            lines.push(format!("    server gateway1 {} check", judge.around.gateway));
        } else {
            lines.push("    # The web server of the rest of the site.".to_owned());
            lines.push(format!("    server site {} check", judge.around.site));
        }
        judge
            .report(
                "unknown-backend",
                Severity::Error,
                &indices,
                what,
                format!("{why} One is added at the end; put the address of your server in."),
            )
            .with(lines[1..].iter().cloned());
        lines_at_end.extend(added(&lines));
    }
    let end = judge.document.lines.len();
    judge.document.insert(vec![(end, lines_at_end)]);
}

/// One letter more, less or other: a slip of the finger. Short names are too alike to say.
fn is_near(known: &str, given: &str) -> bool {
    let (known, given): (Vec<char>, Vec<char>) = (known.chars().collect(), given.chars().collect());
    if given.len() < 5 || known.len().abs_diff(given.len()) > 1 {
        return false;
    }
    let prefix = known.iter().zip(&given).take_while(|(a, b)| a == b).count();
    let rest = known.len().min(given.len()) - prefix;
    let suffix = known.iter().rev().zip(given.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    known.len().max(given.len()) - prefix - suffix <= 1
}

/// A redirect to https that takes the challenges of a certificate authority along.
pub(super) fn redirect_of_challenges(judge: &mut Judge<'_>) {
    let mut groups = Vec::new();
    let mut needs_backend = false;
    for section in judge.document.sections().into_iter().filter(Section::is_frontend) {
        let body = || judge.document.body(&section);
        let plain = body().any(|(_, line)| line.word(0) == "bind" && !line.words().any(|word| word == "ssl"));
        let spared = body().any(|(_, line)| line.text().contains(".well-known"));
        let redirects: Vec<usize> = body()
            .filter(|(_, line)| {
                line.begins(&["redirect", "scheme", "https"])
                    || line.begins(&["http-request", "redirect", "scheme", "https"])
            })
            .map(|(index, _)| index)
            .collect();
        if !plain || spared || redirects.is_empty() {
            continue;
        }
        let to = match &judge.around.domain {
            Some(domain) => format!("prefix https://{}", domain.as_str()),
            None => "location https://%[req.hdr(Host),host_only]%[pathq]".to_owned(),
        };
        let first = redirects[0];
        let indent = judge.document.lines[first].indent().to_owned();
        let acl = format!("{indent}acl hal_acme path_beg /.well-known/acme-challenge/");
        let route = format!("{indent}use_backend hal_acme if hal_acme");
        judge
            .report(
                "redirect-of-challenges",
                Severity::Warning,
                &redirects,
                "the redirect takes the challenges of Let's Encrypt along",
                "They come to port 80 and are answered by certbot, which waits at 127.0.0.1:8888: `certbot certonly \
                 --standalone --http-01-address 127.0.0.1 --http-01-port 8888`. `redirect scheme` also keeps the port \
                 of the Host header: from http://name:80/ it leads to https://name:80/.",
            )
            .with([acl.clone(), route.clone()]);
        for index in redirects {
            let line = judge.line(index);
            let condition = condition(line).unwrap_or_default();
            let new = format!("{}http-request redirect {to} code 301{}", line.indent(), sparing(&condition));
            line.set(&new);
        }
        groups.push((first, added(&[acl])));
        let end = judge
            .document
            .body(&section)
            .find(|(_, l)| matches!(l.word(0), "use_backend" | "default_backend"));
        let end = end.map_or(judge.document.end_of(&section), |(index, _)| index);
        groups.push((end.max(first + 1), added(&[route])));
        needs_backend = true;
    }
    let there =
        judge.document.sections().iter().any(|section| section.is_backend() && section.name == "hal_acme");
    if needs_backend && !there {
        let lines = [
            "",
            "backend hal_acme",
            "    # It runs for seconds only, so a refusal is normal and not worth a retry.",
            "    retries 0",
            "    server certbot 127.0.0.1:8888",
        ]
        .map(str::to_owned);
        if let Some(draft) =
            judge.drafts.iter_mut().rev().find(|draft| draft.code == "redirect-of-challenges")
        {
            draft.with(lines[1..].iter().cloned());
        }
        groups.push((judge.document.lines.len(), added(&lines)));
    }
    judge.document.insert(groups);
}

/// The words from `if` or `unless` on, as they are written.
fn condition(line: &Line) -> Option<String> {
    let at = line.words().position(|word| matches!(word, "if" | "unless"))?;
    let mut rest = line.clone();
    rest.remove_words(0, at.checked_sub(1)?);
    Some(rest.text().trim().to_owned())
}

/// ` if A !hal_acme` of `if A`; ` unless A || hal_acme` of `unless A`.
fn sparing(condition: &str) -> String {
    if let Some(terms) = condition.strip_prefix("if ") {
        let words: Vec<&str> = terms.split_ascii_whitespace().collect();
        let groups = words.split(|word| matches!(*word, "||" | "or"));
        let groups: Vec<String> = groups.map(|group| format!("{} !hal_acme", group.join(" "))).collect();
        return format!(" if {}", groups.join(" || "));
    }
    match condition.strip_prefix("unless ") {
        Some(terms) => format!(" unless {terms} || hal_acme"),
        None => " unless hal_acme".to_owned(),
    }
}

/// The classes of rules in the order in which HAProxy works through them.
fn class(line: &Line) -> Option<u8> {
    Some(match (line.word(0), line.word(1)) {
        ("tcp-request", "connection") => 0,
        ("tcp-request", "session") => 1,
        ("tcp-request", "content" | "inspect-delay") => 2,
        ("http-request", _) => 3,
        ("redirect", _) => 4,
        ("use_backend", _) => 5,
        ("use-server", _) => 6,
        _ => return None,
    })
}

/// Rules that stand after rules which HAProxy looks at later.
pub(super) fn order_of_rules(judge: &mut Judge<'_>) {
    for kind in 1..=6 {
        let mut groups: Vec<(usize, Vec<Line>)> = Vec::new();
        for section in judge.document.sections().into_iter().filter(Section::is_proxy) {
            let classes: Vec<(usize, u8)> = judge
                .document
                .body(&section)
                .filter_map(|(index, line)| Some((index, class(line)?)))
                .collect();
            let Some(&(last_lower, _)) = classes.iter().rev().find(|(_, class)| *class < kind) else {
                continue;
            };
            let early: Vec<usize> = classes
                .iter()
                .filter(|(index, class)| *class == kind && *index < last_lower)
                .map(|(index, _)| *index)
                .collect();
            if early.is_empty() {
                continue;
            }
            // Of a file that had them so, not of rules that were put in here.
            if judge.document.lines[last_lower].number.is_some()
                && early.iter().any(|&index| judge.document.lines[index].number.is_some())
            {
                let word = judge.document.lines[early[0]].word(0).to_owned();
                judge.report(
                    "order-of-rules",
                    Severity::Warning,
                    &[early[0], last_lower],
                    format!("a rule stands behind `{word}`, but is looked at before it"),
                    "HAProxy works through its kinds of rules in a fixed order and warns about this one.",
                );
            }
            let mut moved = Vec::new();
            for index in early {
                let line = judge.line(index);
                moved.push(line.clone());
                line.removed = true;
                line.number = None;
            }
            groups.push((last_lower + 1, moved));
        }
        judge.document.insert(groups);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_spare_the_challenges() {
        assert_eq!(sparing(""), " unless hal_acme");
        assert_eq!(sparing("if !{ ssl_fc }"), " if !{ ssl_fc } !hal_acme");
        assert_eq!(sparing("if a || b c"), " if a !hal_acme || b c !hal_acme");
        assert_eq!(sparing("unless { ssl_fc }"), " unless { ssl_fc } || hal_acme");
    }

    #[test]
    fn a_slip_of_the_finger_is_told_from_another_name() {
        assert!(is_near("hal_voice_backend", "hal_voice_backed"));
        assert!(is_near("hal_voice", "hal-voice"));
        assert!(!is_near("other_backend", "hal_voice_backend"));
        assert!(!is_near("web1", "web2"));
        assert!(!is_near("gateway1", "gateway12x"));
    }

    #[test]
    fn acls_look_at_the_same_thing_by_several_words() {
        let subject = |text: &str| super::subject(&Line::added(text));
        assert_eq!(subject("acl a hdr(Upgrade) -i WebSocket"), "header upgrade");
        assert_eq!(subject("acl a hdr_beg(Host) -i hal."), "header host");
        assert_eq!(subject("acl a req.hdr(host),host_only -m str x"), "header host");
        assert_eq!(subject("acl a path_beg /voice/"), subject("acl a path /voice"));
        assert_eq!(subject("acl a src 10.0.0.0/8"), "src");
    }
}
