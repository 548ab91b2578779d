//! What the doctor says: findings with a stable code, and what was found to be well.

use serde::Serialize;

use super::facts::FORMAT;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; nothing is ill.
    Note,
    /// It works, and will not always.
    Warning,
    /// Something does not work.
    Error,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, for programs: `tls.expired`. Listed in `docs/doctor.md`.
    pub code: &'static str,
    pub severity: Severity,
    /// One sentence: lower case, no full stop.
    pub what: String,
    /// What comes of it, for people.
    pub why: String,
    /// Commands and steps, in order; a line that is a command can be pasted.
    pub fix: Vec<String>,
    /// What `--fix` would do, where that is safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
}

/// A repair that interrupts nobody and can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Repair {
    /// Takes the rights of others from a file: mode 600.
    OwnerOnly { path: String },
    /// Lets HAProxy read its file again, after the file was checked. Open conversations go on.
    ReloadHaproxy { config: String, master_pid: u32 },
}

impl Finding {
    pub fn error(code: &'static str, what: impl Into<String>) -> Finding {
        Finding::new(code, Severity::Error, what.into())
    }

    pub fn warning(code: &'static str, what: impl Into<String>) -> Finding {
        Finding::new(code, Severity::Warning, what.into())
    }

    pub fn note(code: &'static str, what: impl Into<String>) -> Finding {
        Finding::new(code, Severity::Note, what.into())
    }

    fn new(code: &'static str, severity: Severity, what: String) -> Finding {
        Finding { code, severity, what, why: String::new(), fix: Vec::new(), repair: None }
    }

    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Finding {
        self.why = why.into();
        self
    }

    /// One more step of the cure.
    #[must_use]
    pub fn fix(mut self, step: impl Into<String>) -> Finding {
        self.fix.push(step.into());
        self
    }

    #[must_use]
    pub fn repair(mut self, repair: Repair) -> Finding {
        self.repair = Some(repair);
        self
    }
}

/// One part of the way, and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Area {
    /// The address that was looked at, or `this machine`.
    pub about: String,
    /// `name`, `certificate`, `backends`…
    pub name: &'static str,
    /// What was seen there when all is well, in a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    pub findings: Vec<Finding>,
}

/// Everything judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub format: u32,
    pub healthy: bool,
    pub areas: Vec<Area>,
}

impl Report {
    pub(super) fn of(areas: Vec<Area>) -> Report {
        let ill = areas.iter().flat_map(|area| &area.findings).any(|f| f.severity > Severity::Note);
        Report { format: FORMAT, healthy: !ill, areas }
    }

    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.areas.iter().flat_map(|area| &area.findings)
    }
}
