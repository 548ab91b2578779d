//! Settings, engines, disk and clock of this machine.

use super::Verdict;
use crate::doctor::facts::{Facts, Server};
use crate::doctor::finding::Finding;

const MEGABYTE: u64 = 1 << 20;
/// Below this the next import or backup may fail.
const LOW: u64 = 500 * MEGABYTE;
/// Below this commits may fail.
const FULL: u64 = 50 * MEGABYTE;

pub(super) fn settings(server: &Server, _: &Facts) -> Option<Verdict> {
    let data = &server.settings.data;
    let one_line = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let refused = server.settings.error.as_ref().map(|error| {
        Finding::error("settings.refused", format!("the settings cannot be used: {}", one_line(error)))
            .why("`hal serve` will not start")
            .fix(format!("correct {data}/hal.toml; docs/configuration.md lists every key"))
    });
    let policy = server.settings.policy_error.as_ref().map(|error| {
        Finding::error("settings.access", format!("who may do what cannot be read: {}", one_line(error)))
            .why("a server that runs goes on with what it read before; it will not start with this file")
            .fix(format!("correct {data}/access.toml; docs/sign-in.md says what goes into it"))
            .fix("systemctl reload hal")
    });
    let findings: Vec<Finding> = refused.into_iter().chain(policy).collect();
    if findings.is_empty() { None } else { Verdict::of("", findings) }
}

pub(super) fn engines(server: &Server, _: &Facts) -> Option<Verdict> {
    if server.engines.is_empty() {
        return None;
    }
    let notes: Vec<Finding> = server
        .engines
        .iter()
        .filter_map(|engine| {
            let missing = engine.missing.as_ref()?;
            let code = if engine.does == "hear" { "engine.hearing" } else { "engine.speaking" };
            Some(
                Finding::note(code, missing.trim_end_matches('.').to_owned()).why("writing works without it"),
            )
        })
        .collect();
    let summary = if notes.is_empty() { "HAL hears and speaks" } else { "HAL works in writing" };
    Verdict::of(summary, notes)
}

pub(super) fn disk(server: &Server, _: &Facts) -> Option<Verdict> {
    let disk = server.disk.as_ref()?;
    let free = disk.free_bytes / MEGABYTE;
    let fix = |finding: Finding| {
        finding.fix(format!("df -h {}", disk.path)).fix("journalctl --vacuum-size=100M; apt-get clean")
    };
    if disk.free_bytes < FULL {
        return Verdict::ill(fix(Finding::error(
            "disk.full",
            format!("{free} MB are free in {}", disk.path),
        )
        .why("changes can no longer be saved")));
    }
    if disk.free_bytes < LOW {
        return Verdict::ill(fix(Finding::warning(
            "disk.low",
            format!("only {free} MB are free in {}", disk.path),
        )
        .why("when it is full, changes can no longer be saved")));
    }
    let free = if free < 10_000 { format!("{free} MB") } else { format!("{} GB", free / 1024) };
    Verdict::well(format!("{free} free"))
}

pub(super) fn clock(server: &Server, _: &Facts) -> Option<Verdict> {
    if server.clock.as_ref()?.synchronised? {
        return Verdict::well("kept by NTP");
    }
    Verdict::of(
        "",
        vec![
            Finding::note("clock.unsynchronised", "nothing keeps this machine's clock right")
                .why("certificates and answers about today depend on it")
                .fix("timedatectl set-ntp true"),
        ],
    )
}
