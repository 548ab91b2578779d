//! macOS: a property list of launchd.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Plan, Refused, Scope, Step, Steps, UnitFile, command_line, text, xml};

const LABEL: &str = "local.hal.server";

fn plist_path(plan: &Plan) -> PathBuf {
    let folder = match plan.scope {
        Scope::System => PathBuf::from("/Library/LaunchDaemons"),
        Scope::User => plan.home.join("Library/LaunchAgents"),
    };
    folder.join(format!("{LABEL}.plist"))
}

fn log_path(plan: &Plan) -> PathBuf {
    match plan.scope {
        Scope::System => PathBuf::from("/Library/Logs/hal.log"),
        Scope::User => plan.home.join("Library/Logs/hal.log"),
    }
}

/// Where launchd keeps it: `system`, or the desktop of a person.
fn domain(plan: &Plan) -> String {
    match plan.scope {
        Scope::System => "system".to_owned(),
        Scope::User => format!("gui/{}", plan.user_number.unwrap_or(501)),
    }
}

pub(super) fn install(plan: &Plan) -> Result<Steps, Refused> {
    if plan.scope == Scope::System && plan.account.is_none() {
        return Err(Refused::NoAccount);
    }
    let (domain, path) = (domain(plan), plist_path(plan));
    let target = format!("{domain}/{LABEL}");
    Ok(Steps {
        before: vec![
            Step::new(["mkdir", "-p", &text(&plan.data)]),
            // It refuses one that is there already.
            Step::new(["launchctl", "bootout", &target]).may_fail(),
        ],
        files: vec![UnitFile { path: path.clone(), text: render(plan), is_utf16: false }],
        after: vec![Step::new(["launchctl", "bootstrap", &domain, &text(&path)])],
        removed: Vec::new(),
        notes: vec![
            format!("its log: tail -f {}", log_path(plan).display()),
            "after a change of hal.toml: launchctl kill SIGHUP ".to_owned() + &target,
        ],
    })
}

pub(super) fn remove(plan: &Plan) -> Steps {
    let target = format!("{}/{LABEL}", domain(plan));
    Steps {
        before: vec![Step::new(["launchctl", "bootout", &target]).may_fail()],
        removed: vec![plist_path(plan)],
        notes: vec!["the records are where they were".to_owned()],
        ..Steps::default()
    }
}

pub(super) fn status(plan: &Plan) -> Step {
    Step::new(["launchctl", "print", &format!("{}/{LABEL}", domain(plan))])
}

fn render(plan: &Plan) -> String {
    let mut out = String::from(
        "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<!-- Written by `hal service install`, which overwrites it. -->
<plist version=\"1.0\">
<dict>
",
    );
    let mut put = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    put(&format!("    <key>Label</key>\n    <string>{LABEL}</string>"));
    put("    <key>ProgramArguments</key>\n    <array>");
    for word in command_line(plan) {
        put(&format!("        <string>{}</string>", xml(&word)));
    }
    put("    </array>");
    if let (Scope::System, Some(account)) = (plan.scope, &plan.account) {
        put(&format!("    <key>UserName</key>\n    <string>{}</string>", xml(account)));
    }
    put(&format!("    <key>WorkingDirectory</key>\n    <string>{}</string>", xml(&text(&plan.data))));
    // launchd's own search path lacks where espeak-ng is usually installed.
    put("    <key>EnvironmentVariables</key>\n    <dict>\n        <key>PATH</key>");
    put(
        "        <string>/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin</string>\n    </dict>",
    );
    put("    <key>RunAtLoad</key>\n    <true/>");
    put("    <!-- Again after a failure, not after it was told to end. -->");
    put(
        "    <key>KeepAlive</key>\n    <dict>\n        <key>SuccessfulExit</key>\n        <false/>\n    </dict>",
    );
    put("    <key>ThrottleInterval</key>\n    <integer>5</integer>");
    put("    <!-- Longer than gateway.drain_seconds: answers that are on their way are still given. -->");
    put("    <key>ExitTimeOut</key>\n    <integer>40</integer>");
    put("    <!-- 077: what it writes is for its own account only. -->");
    put("    <key>Umask</key>\n    <integer>63</integer>");
    put("    <key>SoftResourceLimits</key>\n    <dict>\n        <key>NumberOfFiles</key>");
    put("        <integer>65536</integer>\n    </dict>");
    put(&format!("    <key>StandardErrorPath</key>\n    <string>{}</string>", xml(&text(&log_path(plan)))));
    write!(out, "</dict>\n</plist>\n").expect("a String takes every write");
    out
}
