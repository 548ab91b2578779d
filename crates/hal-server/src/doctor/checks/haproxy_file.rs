//! What `hal haproxy check` finds in the file that HAProxy runs on, as far as the doctor does not look at it better.
//!
//! The text of a file tells what may go wrong; what the doctor sees of certificates, ports, backends, WebSockets and time
//! limits tells what does. So most of its findings have a check of their own here, and are not said twice: [`TABLE`] has those
//! that nothing else shows.

use crate::doctor::facts::{Check, FileFault, Haproxy};
use crate::doctor::finding::{Finding, Severity};

/// The name in a file's check, the name here, how much it matters on a HAProxy that runs.
const TABLE: &[(&str, &str, Severity)] = &[
    // Somebody gets in, or sees what is not theirs.
    ("statistics-exposed", "haproxy.statistics-exposed", Severity::Warning),
    ("statistics-admin", "haproxy.statistics-admin", Severity::Warning),
    ("old-tls", "haproxy.old-tls", Severity::Warning),
    ("part-of-a-host-name", "haproxy.part-of-a-host-name", Severity::Warning),
    ("not-told-for-whom", "haproxy.not-told-for-whom", Severity::Warning),
    ("forwarded-by-client", "haproxy.forwarded-by-client", Severity::Warning),
    // HAProxy takes the line and does something else than it says.
    ("not-http", "haproxy.not-http", Severity::Warning),
    ("acl-means-or", "haproxy.acl-means-or", Severity::Warning),
    ("path-too-wide", "haproxy.path-too-wide", Severity::Warning),
    ("redirect-of-challenges", "haproxy.redirect-of-challenges", Severity::Warning),
    ("order-of-rules", "haproxy.order-of-rules", Severity::Note),
    ("no-timeouts", "haproxy.no-timeouts", Severity::Warning),
    ("no-request-timeout", "haproxy.no-request-timeout", Severity::Note),
    ("nobody-checked", "haproxy.nobody-checked", Severity::Note),
    ("ignored-timeout", "haproxy.ignored-timeout", Severity::Note),
    ("weak-statistics-password", "haproxy.weak-statistics-password", Severity::Note),
];

/// `so_far`: what is said of HAProxy already. A file that is refused has one cure, and its check is a step of it.
pub(super) fn check(haproxy: &Haproxy, so_far: &[Finding]) -> Vec<Finding> {
    let refused = matches!(&haproxy.check, Check::Refused(lines) if !lines.iter().any(|line| line.contains("Permission denied")));
    let other = so_far
        .iter()
        .any(|finding| finding.code != "haproxy.not-running" && finding.code != "haproxy.not-reloaded");
    if refused || other {
        return Vec::new();
    }
    TABLE.iter().filter_map(|(name, code, severity)| found(haproxy, name, code, *severity)).collect()
}

/// All faults of one name are one finding.
fn found(haproxy: &Haproxy, name: &str, code: &'static str, severity: Severity) -> Option<Finding> {
    let faults: Vec<&FileFault> = haproxy.faults.iter().filter(|fault| fault.code == name).collect();
    let first = faults.first()?;
    let path = &haproxy.config.path;
    let lines: Vec<String> = faults.iter().flat_map(|fault| &fault.lines).map(ToString::to_string).collect();
    let place = match lines.as_slice() {
        [] => String::new(),
        [line] => format!(" (line {line} of {path})"),
        lines => format!(" (lines {} of {path})", lines.join(", ")),
    };
    let what = format!("{}{place}", first.what);
    let finding = match severity {
        Severity::Error => Finding::error(code, what),
        Severity::Warning => Finding::warning(code, what),
        Severity::Note => Finding::note(code, what),
    };
    let new = format!("{path}.new");
    Some(
        finding
            .why(first.why.clone())
            .fix(format!("hal haproxy check {path} (shows the line and the corrected one)"))
            .fix(format!("hal haproxy check {path} --fix -o {new} && haproxy -c -f {new}"))
            .fix(format!("look at it, then: cp {new} {path} && systemctl reload haproxy")),
    )
}
