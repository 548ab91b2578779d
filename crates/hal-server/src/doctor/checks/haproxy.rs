//! HAProxy runs, and on the file that is there.

use super::{Verdict, certificate_files, haproxy_file};
use crate::doctor::facts::{Check, Facts, Haproxy, Server};
use crate::doctor::finding::{Finding, Repair, Severity};
use crate::edge::haproxy::Version;

/// A file written and read within the same second.
const SAME_SECOND: i64 = 1;
/// Open conversations survive a reload for as long as the old process may live.
const HARD_STOP_SHORT_MS: u64 = 10 * 60_000;
/// Three pings of the gateway (every 20 s) must fit into a silence.
const SILENCE_MIN_MS: u64 = 60_000;
/// A busy HAProxy sees the end of a time limit late.
const SAME_ENDINGS_MS: u64 = 500;
/// So many endings after the same time are no accident.
const SAME_ENDINGS_MIN: usize = 3;

pub(super) fn check(server: &Server, facts: &Facts) -> Option<Verdict> {
    let haproxy = server.haproxy.as_ref()?;
    let mut findings: Vec<Finding> = state(haproxy, server, facts).into_iter().collect();
    findings.extend(haproxy_file::check(haproxy, &findings));
    findings.extend(silence(haproxy));
    findings.extend(killed(haproxy));
    findings.extend(errorfiles(haproxy));
    findings.extend(old(haproxy));
    let version = haproxy.version.as_deref().unwrap_or("?");
    let running = if haproxy.processes.is_empty() { "not running" } else { "running" };
    Verdict::of(format!("{version}, {running}, {}", haproxy.config.path), findings)
}

/// The first of what keeps it from running on its file.
fn state(haproxy: &Haproxy, server: &Server, facts: &Facts) -> Option<Finding> {
    let config = &haproxy.config;
    let path = &config.path;
    if let Some(error) = &config.error {
        return Some(
            Finding::error("haproxy.no-file", format!("HAProxy's file {path} cannot be read: {error}"))
                .why("without it HAProxy does not start, or this user may not see it")
                .fix(format!("hal haproxy --mode subdomain --domain NAME -o {path}"))
                .fix("or run the doctor with sudo"),
        );
    }
    let Some(_) = &haproxy.version else {
        return Some(
            Finding::error("haproxy.not-installed", "HAProxy is not installed")
                .why(format!("{path} is there, but nothing reads it"))
                .fix("apt-get install haproxy"),
        );
    };
    let bad_certificate = certificate_files::check(server, facts)
        .is_some_and(|verdict| verdict.findings.iter().any(|finding| finding.severity == Severity::Error));
    match &haproxy.check {
        // Said of the certificate, with the cure for it.
        Check::Refused(_) if bad_certificate => return None,
        // Only root may read the certificates: nothing is known then.
        Check::Refused(lines) if lines.iter().any(|line| line.contains("Permission denied")) => {}
        Check::Refused(lines) => return Some(refused(haproxy, lines)),
        Check::Clean | Check::NotRun => {}
    }
    if haproxy.processes.is_empty() {
        // The kernel's table, where there is one, decides; without processes to see, the port does.
        let taken = super::ports::check(server, facts)
            .is_some_and(|verdict| verdict.findings.iter().any(|finding| finding.code == "port.taken"));
        return (!taken).then(|| {
            Finding::error("haproxy.not-running", "HAProxy is not running")
                .why("nobody listens at its ports: clients are refused")
                .fix("systemctl start haproxy")
                .fix("journalctl -u haproxy -n 50")
        });
    }
    not_active(haproxy)
}

fn refused(haproxy: &Haproxy, lines: &[String]) -> Finding {
    let path = &haproxy.config.path;
    let first = lines.first().map_or("no reason is given", String::as_str);
    let first = first.trim_start_matches("[ALERT]").trim();
    let why = if haproxy.processes.is_empty() {
        "HAProxy does not start with it"
    } else {
        "HAProxy goes on with the file it read before; at the next start it will not come up"
    };
    Finding::error("haproxy.file-refused", format!("HAProxy refuses its file: {first}"))
        .why(why)
        .fix(format!(
            "haproxy -c -f {path}; it stops at the first kind of error, so repeat it until it is silent"
        ))
        .fix(format!("hal haproxy check {path} (explains each line)"))
        .fix(format!("or write it anew: hal haproxy --mode subdomain --domain NAME -o {path}"))
}

fn not_active(haproxy: &Haproxy) -> Option<Finding> {
    let newest = haproxy.processes.iter().filter_map(|process| process.started).max();
    let newer =
        haproxy.config.changed.zip(newest).is_some_and(|(changed, started)| changed > started + SAME_SECOND);
    let failed = haproxy.reloads_failed.is_some_and(|count| count > 0);
    if !newer && !failed {
        return None;
    }
    let path = &haproxy.config.path;
    let why = if failed {
        "the last reload failed, and HAProxy went on with the file of before"
    } else {
        "the file was changed after HAProxy read it"
    };
    let finding =
        Finding::warning("haproxy.not-reloaded", format!("HAProxy does not run on what {path} says now"))
            .why(why)
            .fix(format!("haproxy -c -f {path} && systemctl reload haproxy"));
    let master = haproxy.processes.iter().find(|process| {
        !process.worker && haproxy.processes.iter().any(|other| other.worker && other.parent == process.pid)
    });
    match (&haproxy.check, master) {
        (Check::Clean, Some(master)) => {
            finding.repair(Repair::ReloadHaproxy { config: path.clone(), master_pid: master.pid })
        }
        _ => finding,
    }
    .into()
}

/// WebSockets that end for being silent: by the file, or by what the log has seen.
fn silence(haproxy: &Haproxy) -> Option<Finding> {
    let logged = haproxy.log.as_ref().and_then(|log| {
        let mut ended: Vec<u64> = log.idle_ms.clone();
        ended.sort_unstable();
        let middle = *ended.get(ended.len() / 2)?;
        let same = ended.iter().filter(|ms| ms.abs_diff(middle) <= middle / 20 + SAME_ENDINGS_MS).count();
        (same >= SAME_ENDINGS_MIN && middle < SILENCE_MIN_MS).then_some((same, middle))
    });
    if let Some((count, ms)) = logged {
        let seconds = format!("{}.{}", ms / 1000, ms % 1000 / 100);
        return Some(super::tunnel_short(&format!(
            "{count} conversations were cut after the same {seconds} s"
        )));
    }
    // Without `timeout tunnel` the shorter of the other two holds.
    let limit = |of: &crate::doctor::facts::Proxy| {
        of.tunnel_ms.or_else(|| of.client_ms.into_iter().chain(of.server_ms).min())
    };
    let proxies = &haproxy.config.proxies;
    let backend = proxies.iter().find(|proxy| {
        let ours = proxy.servers.iter().any(|(_, address)| address.ends_with(":8768"))
            || proxy.name.contains("hal")
            || proxy.name.contains("gateway");
        ours && proxy.kind != "frontend" && limit(proxy).is_some_and(|ms| ms < SILENCE_MIN_MS)
    })?;
    let what = match backend.tunnel_ms {
        Some(ms) => format!("`timeout tunnel` of {} is {} s", backend.name, ms / 1000),
        None => format!("{} has no `timeout tunnel`", backend.name),
    };
    Some(super::tunnel_short(&what))
}

fn killed(haproxy: &Haproxy) -> Option<Finding> {
    let log = haproxy.log.as_ref().filter(|log| log.killed > 0)?;
    let stop = haproxy.config.hard_stop_after_ms?;
    (stop < HARD_STOP_SHORT_MS).then(|| {
        Finding::warning(
            "tunnel.killed-by-reload",
            format!("{} conversations were cut by a reload of HAProxy", log.killed),
        )
        .why(format!("`hard-stop-after` lets the old process live for {} s only", stop / 1000))
        .fix("in the global section of HAProxy's file: hard-stop-after 30m")
        .fix("haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy")
    })
}

fn errorfiles(haproxy: &Haproxy) -> Option<Finding> {
    let proxy = haproxy.config.proxies.iter().find(|proxy| !proxy.errorfile_lines.is_empty())?;
    Some(
        Finding::note("haproxy.errorfile-http10", format!("line {} of HAProxy's file names an error file", proxy.errorfile_lines[0]))
            .why("those of Debian begin with HTTP/1.0: WebSocket clients then report a wrong HTTP version instead of the fault")
            .fix("remove the `errorfile` lines, or use `http-error status 503 …` (`hal haproxy` writes them)"),
    )
}

fn old(haproxy: &Haproxy) -> Option<Finding> {
    let version = Version::parse(haproxy.version.as_deref()?)?;
    (version < Version::OLDEST).then(|| {
        Finding::warning("haproxy.too-old", format!("HAProxy {version} is older than {}", Version::OLDEST))
            .why("the files that `hal haproxy` writes need a newer one")
            .fix("apt-get install -t bookworm-backports haproxy, or upgrade the system")
    })
}
