use super::firewall::{Network, Parts, Rules};
use super::*;

fn plan(manager: Manager, scope: Scope) -> Plan {
    let (program, data, home) = match manager {
        Manager::Systemd => ("/usr/local/bin/hal", "/var/lib/hal", "/srv/people/erin"),
        Manager::Launchd => (
            "/usr/local/bin/hal",
            "/Volumes/people/erin/Library/Application Support/hal",
            "/Volumes/people/erin",
        ),
        Manager::Scheduler => (r"C:\Program Files\HAL\hal.exe", r"C:\ProgramData\HAL", r"D:\people\erin"),
    };
    Plan {
        manager,
        scope,
        program: program.into(),
        data: data.into(),
        arguments: Vec::new(),
        account: None,
        home: home.into(),
        user_number: Some(501),
        needs: Needs { loopback_only: true, low_port: false },
    }
}

/// Compares with a file in `golden`; `UPDATE_GOLDEN=1` writes it, and the difference is for review.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} differs; UPDATE_GOLDEN=1 writes it again");
}

/// Everything that a plan does, as `--dry-run` would tell it.
fn told(steps: &Steps) -> String {
    let mut out = String::new();
    let mut commands = |steps: &[Step]| {
        for step in steps {
            let unless = step.unless.as_ref().map(|words| format!("   # unless {}", words.join(" ")));
            let fail = if step.may_fail { "   # may fail" } else { "" };
            out.push_str(&format!("$ {}{}{fail}\n", step.words.join(" "), unless.unwrap_or_default()));
        }
    };
    commands(&steps.before);
    let mut files = String::new();
    for file in &steps.files {
        files.push_str(&format!(
            "==> {}{}\n{}\n",
            file.path.display(),
            if file.is_utf16 { " (UTF-16)" } else { "" },
            file.text
        ));
    }
    for path in &steps.removed {
        files.push_str(&format!("removed: {}\n", path.display()));
    }
    let before = std::mem::take(&mut out);
    let mut commands = |steps: &[Step]| {
        for step in steps {
            out.push_str(&format!("$ {}\n", step.words.join(" ")));
        }
    };
    commands(&steps.after);
    let notes: String = steps.notes.iter().map(|note| format!("note: {note}\n")).collect();
    format!("{before}{files}{out}{notes}")
}

#[test]
fn every_system_gets_the_files_that_were_reviewed() {
    for (name, manager, scope) in [
        ("systemd-system.txt", Manager::Systemd, Scope::System),
        ("systemd-user.txt", Manager::Systemd, Scope::User),
        ("launchd-user.txt", Manager::Launchd, Scope::User),
        ("windows-system.txt", Manager::Scheduler, Scope::System),
        ("windows-user.txt", Manager::Scheduler, Scope::User),
    ] {
        golden(name, &told(&install(&plan(manager, scope)).unwrap()));
    }
    let mut tls = plan(Manager::Systemd, Scope::System);
    tls.data = "/srv/hal records".into();
    tls.arguments = ["--tls-cert", "/etc/hal/hal.pem", "--listen", "0.0.0.0:443"].map(String::from).into();
    tls.needs = Needs { loopback_only: false, low_port: true };
    golden("systemd-system-tls.txt", &told(&install(&tls).unwrap()));
    let mut daemon = plan(Manager::Launchd, Scope::System);
    daemon.account = Some("erin".to_owned());
    golden("launchd-system.txt", &told(&install(&daemon).unwrap()));
}

#[test]
fn what_is_installed_is_removed_and_the_records_stay() {
    for manager in [Manager::Systemd, Manager::Launchd, Manager::Scheduler] {
        for scope in [Scope::System, Scope::User] {
            let mut plan = plan(manager, scope);
            plan.account = Some("erin".to_owned());
            let (there, gone) = (install(&plan).unwrap(), remove(&plan));
            let written: Vec<&PathBuf> = there.files.iter().map(|file| &file.path).collect();
            assert_eq!(gone.removed.iter().collect::<Vec<_>>(), written);
            assert!(!gone.removed.contains(&plan.data));
            assert!(!status(&plan).words.is_empty());
        }
    }
}

#[test]
fn words_are_quoted_as_each_system_reads_them() {
    let mut odd = plan(Manager::Systemd, Scope::User);
    odd.data = "/srv/100% \"mine\" $HOME".into();
    let unit = install(&odd).unwrap().files.remove(0).text;
    assert!(unit.contains(r#"--data "/srv/100%% \"mine\" $$HOME""#), "{unit}");
    let mut odd = plan(Manager::Launchd, Scope::User);
    odd.data = "/srv/<&>".into();
    assert!(install(&odd).unwrap().files.remove(0).text.contains("<string>/srv/&lt;&amp;&gt;</string>"));
    let mut odd = plan(Manager::Scheduler, Scope::User);
    odd.data = r"C:\My Records\".into();
    let task = install(&odd).unwrap().files.remove(0).text;
    assert!(task.contains(r"--data &quot;C:\My Records\\&quot;"), "{task}");
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_written() {
    let mut homely = plan(Manager::Systemd, Scope::System);
    homely.program = Path::new("/home").join("erin/hal");
    assert!(matches!(install(&homely), Err(Refused::Homely { .. })));
    homely.scope = Scope::User;
    assert!(install(&homely).is_ok());
    let mut plan_ = plan(Manager::Systemd, Scope::System);
    plan_.program = "hal".into();
    assert!(matches!(install(&plan_), Err(Refused::Path { .. })));
    let mut plan_ = plan(Manager::Systemd, Scope::System);
    plan_.data = "/var/lib/hal\nUser=root".into();
    assert!(matches!(install(&plan_), Err(Refused::Path { .. })));
    let mut plan_ = plan(Manager::Systemd, Scope::System);
    plan_.arguments = vec!["--listen\nUser=root".to_owned()];
    assert!(matches!(install(&plan_), Err(Refused::Argument { .. })));
    let mut plan_ = plan(Manager::Systemd, Scope::System);
    plan_.account = Some("root; x".to_owned());
    assert!(matches!(install(&plan_), Err(Refused::Account { .. })));
    assert_eq!(install(&plan(Manager::Launchd, Scope::System)), Err(Refused::NoAccount));
}

fn rules(parts: Parts, to_gateway: &[&str], to_listener: &[&str]) -> Rules {
    let networks = |given: &[&str]| given.iter().map(|text| Network::parse(text).unwrap()).collect();
    Rules {
        parts,
        to_gateway: networks(to_gateway),
        to_listener: networks(to_listener),
        http_port: 80,
        https_port: 443,
        gateway_port: 8768,
        listener_port: 8767,
    }
}

#[test]
fn each_role_gets_the_rules_that_were_reviewed() {
    let one = |part: &str| Parts {
        proxy: part == "proxy",
        gateway: part == "gateway",
        listener: part == "listener",
    };
    let all = Parts { proxy: true, gateway: true, listener: true };
    for (name, rules) in [
        ("firewall-all.txt", rules(all, &[], &[])),
        ("firewall-proxy.txt", rules(one("proxy"), &[], &[])),
        ("firewall-gateway.txt", rules(one("gateway"), &["192.0.2.7", "192.168.1.0/24", "2001:db8::7"], &[])),
        ("firewall-listener.txt", rules(one("listener"), &[], &["192.0.2.8"])),
    ] {
        let text = [firewall::ufw(&rules), firewall::nftables(&rules), firewall::windows(&rules)].join("\n");
        golden(name, &text);
    }
}

#[test]
fn networks_are_read_and_names_are_not() {
    let text = |given: &str| Network::parse(given).map(|network| network.to_string());
    assert_eq!(text("192.168.1.77/24").unwrap(), "192.168.1.0/24");
    assert_eq!(text(" 10.0.0.5 ").unwrap(), "10.0.0.5");
    assert_eq!(text("2001:db8::1/64").unwrap(), "2001:db8::/64");
    assert_eq!(text("[::1]").unwrap(), "::1");
    for bad in ["", "example.test", "10.0.0.0/33", "10.0.0.0/0", "10.0.0.0/x", "::/129", "1.2.3.4; rm"] {
        assert!(text(bad).is_err(), "{bad}");
    }
}
