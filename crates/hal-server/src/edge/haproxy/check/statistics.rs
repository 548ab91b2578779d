//! The statistics page: who can reach it, and with what.

use super::{Judge, Severity};
use crate::edge::haproxy::document::Section;

/// Shorter passwords are guessed from anywhere in the world.
const PASSWORD_CHARS_MIN: usize = 16;

/// `stats` that the world can read, or change things with.
pub(super) fn statistics(judge: &mut Judge<'_>) {
    let sections = judge.document.sections();
    for section in &sections {
        if !section.is_proxy() && section.kind != "defaults" {
            continue;
        }
        let lines: Vec<usize> = judge
            .document
            .body(section)
            .filter(|(_, l)| l.word(0) == "stats")
            .map(|(index, _)| index)
            .collect();
        if lines.is_empty() {
            continue;
        }
        let exposed = exposed(judge, section);
        passwords(judge, &lines, !exposed.is_empty());
        everybody_is_admin(judge, &lines);
        rebind(judge, section, &exposed);
    }
}

/// The bind lines of a section that others than this machine can reach.
fn exposed(judge: &Judge<'_>, section: &Section) -> Vec<usize> {
    let open = |address: &str| {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let is_socket = ["/", "unix@", "abns@"].iter().any(|prefix| address.starts_with(prefix));
        let is_local = host.starts_with("127.") || matches!(host, "::1" | "localhost");
        !is_socket && !is_local
    };
    let binds = judge.document.body(section).filter(|(_, line)| line.word(0) == "bind");
    binds.filter(|(_, line)| line.word(1).split(',').any(open)).map(|(index, _)| index).collect()
}

fn passwords(judge: &mut Judge<'_>, lines: &[usize], exposed: bool) {
    for &index in lines {
        let line = &judge.document.lines[index];
        if line.word(1) != "auth" {
            continue;
        }
        let (user, password) = line.word(2).split_once(':').unwrap_or((line.word(2), ""));
        let known = matches!(
            password.to_ascii_lowercase().as_str(),
            "" | "password" | "admin" | "secret" | "changeme" | "haproxy" | "stats"
        ) || password == user;
        let weak = known || password.chars().count() < PASSWORD_CHARS_MIN;
        let severity = if weak && exposed { Severity::Error } else { Severity::Warning };
        let what = if known {
            "the password of the statistics page is one that everybody tries first"
        } else if weak {
            "the password of the statistics page is short"
        } else {
            "the password of the statistics page stands in this file"
        };
        judge.report(
            "weak-statistics-password",
            severity,
            &[index],
            what,
            "It travels unencrypted where the page has no TLS, and everybody who may read this file has it. The page \
             is for this machine only: then it needs none. From elsewhere: ssh -L 8404:127.0.0.1:8404 HOST",
        );
        judge.remove(index);
    }
}

fn everybody_is_admin(judge: &mut Judge<'_>, lines: &[usize]) {
    for &index in lines {
        let line = &judge.document.lines[index];
        if line.word(1) == "admin" && line.word(2) == "if" && line.word(3) == "TRUE" {
            judge.report(
                "statistics-admin",
                Severity::Error,
                &[index],
                "everybody who sees the statistics page may switch servers off",
                "Only this machine should: the admin socket does the same with the rights of a file.",
            );
            judge.line(index).replace_word(3, "{ src 127.0.0.0/8 ::1 }");
        }
    }
}

fn rebind(judge: &mut Judge<'_>, section: &Section, exposed: &[usize]) {
    if exposed.is_empty() {
        return;
    }
    let why = "It names every server, and how many people talk.";
    let serves_more = judge
        .document
        .body(section)
        .any(|(_, line)| matches!(line.word(0), "default_backend" | "use_backend" | "server"));
    if serves_more {
        // The port is needed for others: the page is kept from them by a rule of its own.
        let enable =
            judge.document.body(section).find(|(_, line)| line.word(0) == "stats").map(|(index, _)| index);
        let Some(enable) = enable.filter(|_| !kept_from_others(judge, section)) else { return };
        let rule = format!(
            "{}stats http-request deny unless {{ src 127.0.0.0/8 ::1 }}",
            judge.document.lines[enable].indent()
        );
        judge
            .report(
                "statistics-exposed",
                Severity::Error,
                &[enable],
                "the statistics page is open to everybody",
                why,
            )
            .with([rule.clone()]);
        judge.document.insert(vec![(enable + 1, super::added(&[rule]))]);
        return;
    }
    judge.report(
        "statistics-exposed",
        Severity::Error,
        exposed,
        "the statistics page is open to everybody",
        why,
    );
    for &index in exposed {
        let line = judge.line(index);
        let port = line.word(1).rsplit_once(':').map_or("8404", |(_, port)| port).to_owned();
        line.replace_word(1, &format!("127.0.0.1:{port}"));
    }
}

fn kept_from_others(judge: &Judge<'_>, section: &Section) -> bool {
    judge
        .document
        .body(section)
        .any(|(_, line)| line.begins(&["stats", "http-request"]) && matches!(line.word(2), "deny" | "auth"))
}
