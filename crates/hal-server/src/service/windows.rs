//! Windows: a task of the Task Scheduler that starts with the machine, and again after a failure.

use std::path::PathBuf;

use super::{Plan, Scope, Step, Steps, UnitFile, command_line, text, xml};

const TASK: &str = "HAL";
/// LocalService: an account of every Windows with few rights, by its number because its name is translated.
const LOCAL_SERVICE: &str = "S-1-5-19";

fn file(plan: &Plan) -> PathBuf {
    PathBuf::from(format!("{}\\hal-task.xml", text(&plan.data).trim_end_matches('\\')))
}

pub(super) fn install(plan: &Plan) -> Steps {
    let data = text(&plan.data);
    let file = file(plan);
    let mut before = vec![Step::new(["cmd", "/d", "/c", "mkdir", &data]).may_fail()];
    if plan.scope == Scope::System {
        let grant = |who: &str, rights: &str| format!("*{who}:(OI)(CI){rights}");
        // The records are for the service (may change) and for administrators and the system (everything); rights of the folder
        // above, which everybody may read, end here.
        before.push(Step::new([
            "icacls",
            &data,
            "/inheritance:r",
            "/grant:r",
            &grant(LOCAL_SERVICE, "M"),
            &grant("S-1-5-32-544", "F"),
            &grant("S-1-5-18", "F"),
        ]));
    }
    Steps {
        before,
        files: vec![UnitFile { path: file.clone(), text: render(plan), is_utf16: true }],
        after: vec![
            Step::new(["schtasks", "/Create", "/TN", TASK, "/XML", &text(&file), "/F"]),
            Step::new(["schtasks", "/Run", "/TN", TASK]),
        ],
        removed: Vec::new(),
        notes: vec![
            format!("its log: {data}\\hal.log"),
            "it is a task, not a service: see it with taskschd.msc; ending it ends HAL at once, and nothing that was \
             confirmed is lost"
                .to_owned(),
        ],
    }
}

pub(super) fn remove(plan: &Plan) -> Steps {
    Steps {
        before: vec![
            Step::new(["schtasks", "/End", "/TN", TASK]).may_fail(),
            Step::new(["schtasks", "/Delete", "/TN", TASK, "/F"]).may_fail(),
        ],
        removed: vec![file(plan)],
        notes: vec!["the records are where they were".to_owned()],
        ..Steps::default()
    }
}

pub(super) fn status() -> Step {
    Step::new(["schtasks", "/Query", "/TN", TASK, "/V", "/FO", "LIST"])
}

/// A word of a command line as Windows programs take it apart (`CommandLineToArgvW`).
fn word(text: &str) -> String {
    if !text.is_empty() && !text.contains([' ', '\t', '"']) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    let mut slashes = 0;
    for c in text.chars() {
        match c {
            '\\' => slashes += 1,
            // Backslashes count only before a quote, and there each is written twice.
            '"' => {
                out.push_str(&"\\".repeat(slashes + 1));
                slashes = 0;
            }
            _ => slashes = 0,
        }
        out.push(c);
    }
    out.push_str(&"\\".repeat(slashes));
    out.push('"');
    out
}

fn render(plan: &Plan) -> String {
    let data = text(&plan.data);
    let mut words = command_line(plan);
    words.remove(0);
    // A task has nobody to read what it prints.
    words.extend(["--log-file".to_owned(), format!("{}\\hal.log", data.trim_end_matches('\\'))]);
    let arguments: Vec<String> = words.iter().map(|text| word(text)).collect();
    let (trigger, principal) = match plan.scope {
        Scope::System => (
            "    <BootTrigger>\n      <Enabled>true</Enabled>\n    </BootTrigger>".to_owned(),
            format!("      <UserId>{LOCAL_SERVICE}</UserId>\n      <RunLevel>LeastPrivilege</RunLevel>"),
        ),
        Scope::User => {
            let user = plan.account.as_deref().map(|user| format!("\n      <UserId>{}</UserId>", xml(user)));
            let user = user.unwrap_or_default();
            (
                format!("    <LogonTrigger>\n      <Enabled>true</Enabled>{user}\n    </LogonTrigger>"),
                format!(
                    "      <LogonType>InteractiveToken</LogonType>\n      <RunLevel>LeastPrivilege</RunLevel>{user}"
                ),
            )
        }
    };
    format!(
        "\
<?xml version=\"1.0\" encoding=\"UTF-16\"?>
<!-- Written by `hal service install`, which overwrites it. -->
<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">
  <RegistrationInfo>
    <Description>HAL: voice gateway, QM listener and records</Description>
  </RegistrationInfo>
  <Triggers>
{trigger}
  </Triggers>
  <Principals>
    <Principal id=\"Author\">
{principal}
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <!-- The usual limit of three days is for tasks that end. -->
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>255</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context=\"Author\">
    <Exec>
      <Command>{}</Command>
      <Arguments>{}</Arguments>
      <WorkingDirectory>{}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
",
        xml(&text(&plan.program)),
        xml(&arguments.join(" ")),
        xml(&data)
    )
}
