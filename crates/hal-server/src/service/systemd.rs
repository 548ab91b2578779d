//! Linux: a unit of systemd.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{NAME, Plan, Scope, Step, Steps, UnitFile, command_line, text};

const SYSTEM_FOLDER: &str = "/etc/systemd/system";
/// Made by systemd itself for the account, with mode 700.
const STATE_FOLDER: &str = "/var/lib/hal";

fn unit_path(plan: &Plan) -> PathBuf {
    let folder = match plan.scope {
        Scope::System => PathBuf::from(SYSTEM_FOLDER),
        Scope::User => plan.home.join(".config/systemd/user"),
    };
    folder.join(format!("{NAME}.service"))
}

fn account(plan: &Plan) -> &str {
    plan.account.as_deref().unwrap_or(NAME)
}

fn systemctl<const N: usize>(plan: &Plan, words: [&str; N]) -> Step {
    let mut step = Step::new(words);
    if plan.scope == Scope::User {
        step.words.insert(0, "--user".to_owned());
    }
    step.words.insert(0, "systemctl".to_owned());
    step
}

pub(super) fn install(plan: &Plan) -> Steps {
    let mut steps = Steps::default();
    let unit = format!("{NAME}.service");
    if plan.scope == Scope::System {
        let account = account(plan);
        // The home folder is named and not made: systemd makes it, for this account alone.
        let add = [
            "useradd",
            "--system",
            "--home-dir",
            STATE_FOLDER,
            "--shell",
            "/usr/sbin/nologin",
            "--user-group",
            account,
        ];
        steps.before.push(Step::new(add).unless(["id", "-u", account]));
        if plan.data != Path::new(STATE_FOLDER) {
            let data = text(&plan.data);
            let make = ["install", "-d", "-m", "700", "-o", account, "-g", account, &data];
            steps.before.push(Step::new(make).unless(["test", "-d", &data]));
        }
    } else {
        steps.notes.push(
            "it runs while you are signed in; to let it run without: loginctl enable-linger".to_owned(),
        );
    }
    steps.files.push(UnitFile { path: unit_path(plan), text: render(plan), is_utf16: false });
    steps.after.push(systemctl(plan, ["daemon-reload"]));
    steps.after.push(systemctl(plan, ["enable", &unit]));
    steps.after.push(systemctl(plan, ["restart", &unit]));
    let user = if plan.scope == Scope::User { "--user " } else { "" };
    steps.notes.push(format!("its log: journalctl {user}-u {NAME} -n 50"));
    steps
}

pub(super) fn remove(plan: &Plan) -> Steps {
    let unit = format!("{NAME}.service");
    Steps {
        before: vec![systemctl(plan, ["disable", "--now", &unit]).may_fail()],
        removed: vec![unit_path(plan)],
        after: vec![systemctl(plan, ["daemon-reload"]).may_fail()],
        notes: vec!["the records are where they were".to_owned()],
        ..Steps::default()
    }
}

pub(super) fn status(plan: &Plan) -> Step {
    systemctl(plan, ["status", "--no-pager", &format!("{NAME}.service")])
}

/// A word of `ExecStart=` (systemd.service(5), "Command lines"): quoted, and without systemd's own specifiers.
fn word(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,=%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("\"{text}\"") }
}

fn render(plan: &Plan) -> String {
    let mut out = String::with_capacity(4096);
    let command: Vec<String> = command_line(plan).iter().map(|text| word(text)).collect();
    let install = match plan.scope {
        Scope::System => "multi-user.target",
        Scope::User => "default.target",
    };
    write!(
        out,
        "\
# Written by `hal service install`, which overwrites it; your own lines go into `systemctl edit hal`.
[Unit]
Description=HAL: voice gateway, QM listener and records
Wants=network-online.target
After=network-online.target
# Five failures in two minutes are not cured by a sixth start.
StartLimitIntervalSec=120
StartLimitBurst=5

[Service]
# It says itself when every port is open.
Type=notify
ExecStart={}
# Certificate and settings are read again; connections stay.
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
# Longer than gateway.drain_seconds: answers that are on their way are still given.
TimeoutStopSec=40
# Two files for each connection, and gateway.connections_max is 12000.
LimitNOFILE=65536
UMask=0077
",
        command.join(" ")
    )
    .expect("a String takes every write");
    match plan.scope {
        Scope::System => system_hardening(&mut out, plan),
        Scope::User => out.push_str(
            "
# What a person's own service manager can take away without root.
",
        ),
    }
    out.push_str(
        "\
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
",
    );
    write!(out, "\n[Install]\nWantedBy={install}\n").expect("a String takes every write");
    out
}

fn system_hardening(out: &mut String, plan: &Plan) {
    let account = account(plan);
    let data = text(&plan.data);
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line("");
    line("# An account of its own, that owns the records and nothing else.");
    line(&format!("User={account}"));
    line(&format!("Group={account}"));
    if plan.data == Path::new(STATE_FOLDER) {
        line(&format!("StateDirectory={NAME}"));
        line("StateDirectoryMode=0700");
    } else {
        line(&format!("ReadWritePaths={}", word(&data)));
    }
    line("");
    line("# The rest of the machine: to be read at most, and mostly not to be seen.");
    for text in [
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "ProtectClock=yes",
        "ProtectControlGroups=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "ProtectProc=invisible",
        "ProcSubset=pid",
        "RemoveIPC=yes",
    ] {
        line(text);
    }
    if plan.needs.low_port {
        line("# For a port below 1024, and nothing more of root's rights.");
        line("AmbientCapabilities=CAP_NET_BIND_SERVICE");
        line("CapabilityBoundingSet=CAP_NET_BIND_SERVICE");
    } else {
        line("PrivateUsers=yes");
        line("CapabilityBoundingSet=");
    }
    if plan.needs.loopback_only {
        line(
            "# It listens on this machine only and asks nobody elsewhere, and the kernel sees to it. After a change of an",
        );
        line("# address in hal.toml run `hal service install` again.");
        line("IPAddressDeny=any");
        line("IPAddressAllow=localhost");
    }
}
