//! The form of the file: line ends, quotes, remains of a document, sections of one name, what every file needs.

use super::{Judge, Severity, added, free_name};
use crate::edge::haproxy::document::{Line, Section};

/// Fences of a document that were copied along.
pub(super) fn markdown(judge: &mut Judge<'_>) {
    for index in 0..judge.document.lines.len() {
        if judge.document.lines[index].text().trim_start().starts_with("```") {
            judge.report(
                "markdown-fence",
                Severity::Error,
                &[index],
                "this line is from the document that the text was copied from",
                "HAProxy knows no such word and refuses the file.",
            );
            judge.remove(index);
        }
    }
}

/// Backslashes at the end of a line.
pub(super) fn continuation(judge: &mut Judge<'_>) {
    let count = judge.document.lines.len();
    for index in 0..count {
        let line = &judge.document.lines[index];
        let text = line.text().trim_end();
        if !text.ends_with('\\') || line.words().last() != Some("\\") {
            continue;
        }
        let mut joined = text.trim_end_matches('\\').trim_end().to_owned();
        let mut indices = vec![index];
        if let Some(next) = judge.document.lines.get(index + 1).filter(|next| next.len() > 0) {
            joined = format!("{joined} {}", next.text().trim());
            indices.push(index + 1);
        }
        judge.report(
            "line-continuation",
            Severity::Error,
            &indices,
            "the line ends with a backslash",
            "HAProxy has no lines that go on in the next one: it takes the backslash for a word and refuses the \
             file. The lines are written as one.",
        );
        if let [_, next] = indices[..] {
            // The joined line is looked at next, in case it goes on once more.
            judge.remove(index);
            judge.line(next).set(&joined);
        } else {
            judge.line(index).set(&joined);
        }
    }
}

/// Quotes that are not closed.
pub(super) fn open_quotes(judge: &mut Judge<'_>) {
    for index in 0..judge.document.lines.len() {
        if judge.document.lines[index].open_quote {
            judge
                .report(
                    "open-quote",
                    Severity::Error,
                    &[index],
                    "a quote is not closed on this line",
                    "HAProxy refuses the file. A quote that is meant as a letter is written \\\" or \\'.",
                )
                .by_hand(Vec::<String>::new());
        }
    }
}

/// The end of the last line.
pub(super) fn final_newline(judge: &mut Judge<'_>) {
    if judge.document.final_newline {
        return;
    }
    let last = judge.document.lines.len() - 1;
    judge.report(
        "no-final-newline",
        Severity::Error,
        &[last],
        "the last line does not end with a newline",
        "HAProxy takes the file for cut off: \"Missing LF on last line\".",
    );
    judge.document.final_newline = true;
}

/// Two sections that answer to one name.
pub(super) fn same_name(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    let mut taken: std::collections::HashSet<(bool, String)> =
        sections.iter().filter(|s| s.is_proxy()).map(|s| (s.is_backend(), s.name.clone())).collect();
    let mut seen: std::collections::HashMap<(bool, &str), usize> = std::collections::HashMap::new();
    let mut kept = Vec::new();
    for (at, section) in sections.iter().enumerate().filter(|(_, section)| section.is_proxy()) {
        let sides: Vec<bool> = [false, true]
            .into_iter()
            .filter(|backend| if *backend { section.is_backend() } else { section.is_frontend() })
            .collect();
        let earlier = sides.iter().find_map(|side| seen.get(&(*side, section.name.as_str()))).copied();
        for side in &sides {
            seen.entry((*side, &section.name)).or_insert(at);
        }
        let Some(earlier) = earlier else { continue };
        let same = section.kind == "backend" && servers(judge, &sections[earlier]) == servers(judge, section);
        let what = format!("there are two sections with the name {}", section.name);
        let why = "HAProxy refuses the file.";
        if same {
            judge.report(
                "same-name",
                Severity::Error,
                &[section.start],
                what,
                format!("{why} Both lead to the same servers, so the second is taken out."),
            );
            (section.start..judge.document.end_of(section)).for_each(|index| judge.remove(index));
            // What the second one said in addition must not be lost with it: a timeout, most often.
            kept.push(keep_settings(judge, &sections[earlier], section));
        } else {
            let name =
                free_name(&section.name, |name| taken.contains(&(section.is_backend(), name.to_owned())));
            taken.insert((section.is_backend(), name.clone()));
            judge.report(
                "same-name",
                Severity::Error,
                &[section.start],
                what,
                format!(
                    "{why} The second gets a name of its own; rules that mean it must be given that name."
                ),
            );
            judge.line(section.start).replace_word(1, &name);
        }
    }
    judge.document.insert(kept);
}

fn servers(judge: &Judge<'_>, section: &Section) -> Vec<String> {
    let lines = judge.document.body(section).filter(|(_, line)| line.word(0) == "server");
    let mut servers: Vec<String> = lines.map(|(_, line)| line.word(2).to_owned()).collect();
    servers.sort();
    servers
}

/// Timeouts of a section that goes, which the first one lacks, and where they are put.
fn keep_settings(judge: &Judge<'_>, first: &Section, second: &Section) -> (usize, Vec<Line>) {
    let has = |words: &[&str]| judge.document.body(first).any(|(_, line)| line.begins(words));
    let texts = (second.start + 1..second.end).map(|index| Line::added(judge.document.lines[index].text()));
    let kept = texts.filter(|line| line.word(0) == "timeout" && !has(&["timeout", line.word(1)])).collect();
    let servers = judge.document.body(first).find(|(_, line)| line.word(0) == "server");
    (servers.map_or(judge.document.end_of(first), |(index, _)| index), kept)
}

/// A file without `global`.
pub(super) fn no_global(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    if sections.is_empty() || sections.iter().any(|section| section.kind == "global") {
        return;
    }
    let tls =
        judge.document.lines.iter().any(|line| line.word(0) == "bind" && line.words().any(|w| w == "ssl"));
    let mut lines: Vec<String> = [
        "global",
        "    log /dev/log local0",
        "    maxconn 4096",
        "    chroot /var/lib/haproxy",
        "    user haproxy",
        "    group haproxy",
        "    stats socket /run/haproxy/admin.sock mode 600 level admin",
        "    # After a reload an old process may carry its conversations this long.",
        "    hard-stop-after 30m",
    ]
    .map(str::to_owned)
    .into();
    if tls {
        lines.push("    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets".to_owned());
    }
    lines.push(String::new());
    judge
        .report(
            "no-global",
            Severity::Warning,
            &[],
            "there is no global section",
            "HAProxy then runs without a log, without a limit of connections, and as root, if root started it.",
        )
        .with(lines.iter().filter(|line| !line.is_empty()).cloned());
    judge.document.insert(vec![(0, added(&lines))]);
}
