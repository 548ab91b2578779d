//! `hal haproxy check`: what is wrong with a HAProxy file, in plain words and with the corrected lines.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use hal_server::edge::certs;
use hal_server::edge::haproxy::check::{
    Circumstances, FileFacts, FileState, Finding, Judged, Severity, judge, named_files,
};
use hal_server::edge::haproxy::installed::{self, Checked};
use hal_server::edge::haproxy::{
    Abilities, Document, Domain, GATEWAY_DEFAULT, Gateway, SITE_DEFAULT, Version,
};
use serde_json::json;

use super::{PROGRAM, refused};
use crate::report::{self, Exit, Failure};

/// Say what is wrong with a HAProxy file, and how it should read.
///
/// Ends with 0 when nothing is wrong, 1 when something is. Where HAProxy is
/// installed, it is asked too, about the file and about the corrected one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    /// The file; `-` reads it from stdin.
    #[arg(value_name = "FILE", default_value = "/etc/haproxy/haproxy.cfg")]
    file: PathBuf,
    /// Write the corrected file to stdout, or to the file of --output.
    #[arg(long, alias = "fixed", conflicts_with = "json")]
    fix: bool,
    /// Write the corrected file there. The file that is checked stays as it is.
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// The name of the gateway, for corrections that need it.
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// A certificate, in place of one that cannot be used.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The gateway, for a backend that is missing.
    #[arg(long, value_name = "HOST:PORT", default_value = GATEWAY_DEFAULT)]
    gateway: String,
    /// The rest of the site, for a backend that is missing.
    #[arg(long, value_name = "HOST:PORT", default_value = SITE_DEFAULT)]
    site: String,
    /// Judge for this version of HAProxy, not the installed one.
    #[arg(long = "for", value_name = "X.Y")]
    version: Option<String>,
    /// Write the findings as JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  hal haproxy check /etc/haproxy/haproxy.cfg
  hal haproxy check old.cfg --fix -o new.cfg --domain hal.example.com
  hal haproxy check old.cfg --json";

/// Files beyond this are no configuration; parsing has a limit of its own.
const READ_MAX: u64 = 4 * 1024 * 1024;
/// A PEM file with chain and key is a few kilobytes.
const PEM_MAX: u64 = 1024 * 1024;

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let text = read(&self.file)?;
        let document = Document::parse(&text)
            .map_err(|error| Failure::new(format!("{}: {error}", self.file.display())))?;
        let found = installed::abilities(Path::new(PROGRAM));
        let around = self.circumstances(&document, found)?;
        let judged = judge(&document, &around);
        let verdicts = match found {
            // For another version, the installed one has nothing to say.
            Some(found) if found.version == around.version => {
                Some(Verdicts::ask(&self.file, &text, &judged, &around)?)
            }
            _ => None,
        };
        let is_wrong = judged.findings.iter().any(|finding| finding.severity < Severity::Note)
            || verdicts.as_ref().is_some_and(|verdicts| verdicts.before != Checked::Clean);
        if self.json {
            report::data(&self.as_json(&judged, &around, verdicts.as_ref()))?;
        } else {
            let words = self.as_words(&judged, &around, verdicts.as_ref());
            // With the corrected file on stdout, what is said about it goes to stderr.
            if self.fix && self.output.is_none() {
                report::talk(words.trim_end())
            } else {
                report::data(&words)?
            }
        }
        match &self.output {
            Some(out) => write(out, &judged.corrected)?,
            None if self.fix => report::data(&judged.corrected)?,
            None => {}
        }
        Ok(if is_wrong { Exit::NothingToSay } else { Exit::Done })
    }

    fn circumstances(&self, document: &Document, found: Option<Abilities>) -> Result<Circumstances, Failure> {
        let version = match &self.version {
            Some(given) => super::abilities(Some(given))?.version,
            None => found.map_or(Version::ASSUMED, |found| found.version),
        };
        let domain = self.domain.as_deref().map(Domain::parse).transpose().map_err(refused)?;
        let files = named_files(document).into_iter().map(|path| {
            let state = look(Path::new(&path));
            (path, state)
        });
        Ok(Circumstances {
            domain,
            gateway: Gateway::parse(&self.gateway).map_err(refused)?,
            site: Gateway::parse(&self.site).map_err(refused)?,
            cert: self.cert.as_ref().map(|cert| cert.display().to_string()),
            files: files.collect::<BTreeMap<_, _>>(),
            ..Circumstances::new(version)
        })
    }

    fn as_json(&self, judged: &Judged, around: &Circumstances, verdicts: Option<&Verdicts>) -> String {
        let findings: Vec<_> = judged
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "code": finding.code,
                    "severity": finding.severity.name(),
                    "lines": finding.lines,
                    "what": finding.what,
                    "why": finding.why,
                    "found": finding.found,
                    "corrected": finding.corrected,
                    "applied": finding.applied,
                })
            })
            .collect();
        let verdict = |checked: &Checked| match checked {
            Checked::Clean => json!({"accepted": true, "said": ""}),
            Checked::Refused { said } => json!({"accepted": false, "said": said}),
            Checked::NotInstalled => json!(null),
        };
        let all = json!({
            "file": self.file.display().to_string(),
            "version": around.version.to_string(),
            "findings": findings,
            "haproxy": verdicts.map(|verdicts| verdict(&verdicts.before)),
            "haproxy_corrected": verdicts.map(|verdicts| verdict(&verdicts.after)),
            "corrected": judged.corrected,
        });
        format!("{all:#}\n")
    }

    fn as_words(&self, judged: &Judged, around: &Circumstances, verdicts: Option<&Verdicts>) -> String {
        let mut out = String::new();
        let file =
            if self.file.as_os_str() == "-" { "stdin".to_owned() } else { self.file.display().to_string() };
        for finding in &judged.findings {
            describe(&mut out, &file, finding);
        }
        let count = |severity| judged.findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings, notes) =
            (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
        let sum = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        if judged.findings.is_empty() {
            wrapped(&mut out, "", &format!("{file}: nothing found that is wrong."));
        } else {
            let all = [sum(errors, "error"), sum(warnings, "warning"), sum(notes, "note")].join(", ");
            wrapped(&mut out, "", &format!("{file}: {all}."));
        }
        match verdicts {
            None => wrapped(
                &mut out,
                "",
                &format!("HAProxy {} is not installed here, so it was not asked.", around.version),
            ),
            Some(verdicts) => verdicts.describe(&mut out, around.version),
        }
        if judged.findings.iter().any(|finding| finding.applied) && !self.fix && self.output.is_none() {
            out.push_str(&format!("The corrected file: hal haproxy check {file} --fix -o NEW-FILE\n"));
        }
        out
    }
}

/// What HAProxy itself says, before and after. It reports in two phases: mistakes of the first hide those of the second,
/// which is why it is asked again.
struct Verdicts {
    before: Checked,
    after: Checked,
    /// Certificates that are not there. For the second question one is made for the moment, so that it is about the rest.
    missing: Vec<String>,
}

impl Verdicts {
    fn ask(file: &Path, text: &str, judged: &Judged, around: &Circumstances) -> Result<Verdicts, Failure> {
        let cannot = |error: std::io::Error| Failure::new(format!("cannot run {PROGRAM}: {error}"));
        let check = |text: &str| installed::check_text(Path::new(PROGRAM), text).map_err(cannot);
        let before = if file.as_os_str() == "-" {
            check(text)?
        } else {
            installed::check(Path::new(PROGRAM), file).map_err(cannot)?
        };
        let is_missing = |(path, state): (&String, &FileState)| {
            (*state == FileState::Missing && judged.corrected.contains(&format!("crt {path}")))
                .then(|| path.clone())
        };
        let missing: Vec<String> = around.files.iter().filter_map(is_missing).collect();
        let after = if missing.is_empty() && judged.corrected == text {
            before.clone()
        } else if missing.is_empty() {
            check(&judged.corrected)?
        } else {
            let stand_in = StandIn::make()?;
            let put = |text: String, path: &String| {
                text.replace(&format!("crt {path}"), &format!("crt {}", stand_in.pem))
            };
            check(&missing.iter().fold(judged.corrected.clone(), put))?
        };
        Ok(Verdicts { before, after, missing })
    }

    fn describe(&self, out: &mut String, version: Version) {
        match (&self.before, &self.after) {
            (Checked::Clean, Checked::Clean) => {
                wrapped(out, "", &format!("HAProxy {version} accepts the file without a warning."));
            }
            (Checked::Refused { said }, after) => {
                wrapped(out, "", &format!("HAProxy {version} itself says:"));
                quote(out, said);
                match after {
                    Checked::Refused { said } => {
                        wrapped(out, "", "and of the corrected file:");
                        quote(out, said);
                    }
                    _ if self.missing.is_empty() => {
                        wrapped(out, "", "It accepts the corrected file without a warning.");
                    }
                    _ => {
                        let missing = self.missing.join(" and ");
                        let words = format!(
                            "It accepts the corrected file without a warning, once {missing} is there."
                        );
                        wrapped(out, "", &words);
                    }
                }
            }
            (_, Checked::Refused { said }) => {
                wrapped(
                    out,
                    "",
                    &format!("HAProxy {version} accepts the file, but says of the corrected one:"),
                );
                quote(out, said);
            }
            _ => {}
        }
    }
}

/// A certificate for the moment, in a folder that goes with it.
struct StandIn {
    dir: PathBuf,
    pem: String,
}

impl StandIn {
    fn make() -> Result<StandIn, Failure> {
        let failed = |error: certs::CertError| {
            Failure::new(format!("cannot make a certificate to check with: {error}"))
        };
        let dir = std::env::temp_dir().join(format!("hal-haproxy-{}", std::process::id()));
        let now = crate::cmd::cert::unix_now();
        let request = certs::SelfSigned::new(&["localhost"], &dir, now).map_err(failed)?;
        let pem = certs::self_signed(&request).map_err(failed)?.pem;
        Ok(StandIn { dir, pem: pem.display().to_string() })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // What is left of it in the temporary folder harms nobody.
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

/// What HAProxy said, without what it always says.
fn quote(out: &mut String, said: &str) {
    let noise = ["[NOTICE]", "Fatal errors found", "Error(s) found", "Some warnings were found"];
    for line in said.lines().filter(|line| !noise.iter().any(|noise| line.contains(noise))).take(40) {
        wrapped(out, "  ", line.trim());
    }
}

fn describe(out: &mut String, file: &str, finding: &Finding) {
    let place = match &finding.lines[..] {
        [] => file.to_owned(),
        [one] => format!("{file}:{one}"),
        many => format!("{file}:{}", many.iter().map(usize::to_string).collect::<Vec<_>>().join(",")),
    };
    wrapped(out, "", &format!("{place}: {}: {} [{}]", finding.severity.name(), finding.what, finding.code));
    wrapped(out, "    ", &finding.why);
    // Lines that the correction leaves as they are say where it is, and need no repeating.
    let same = |line: &String| finding.corrected.contains(line);
    for line in finding.found.iter().filter(|line| !same(line) || finding.corrected.is_empty()) {
        out.push_str(&format!("  - {}\n", line.trim()));
    }
    let kept = |line: &String| finding.found.contains(line);
    let sign = if finding.applied { "+" } else { "?" };
    for line in finding.corrected.iter().filter(|line| !kept(line)) {
        out.push_str(&format!("  {sign} {}\n", line.strip_prefix("    ").unwrap_or(line).trim_end()));
    }
    out.push('\n');
}

/// Appends words in lines of 80 columns.
fn wrapped(out: &mut String, indent: &str, text: &str) {
    let mut column = 0;
    for word in text.split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > 80 {
            out.push('\n');
            column = 0;
        }
        if column == 0 {
            out.push_str(indent);
            column = indent.len();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        let failure = Failure::new(format!("cannot read {}: {error}", file.display()));
        if error.kind() == std::io::ErrorKind::PermissionDenied {
            failure.hint("run it with sudo")
        } else {
            failure
        }
    };
    let mut bytes = Vec::new();
    let from: Box<dyn std::io::Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(failed)?)
    };
    from.take(READ_MAX).read_to_end(&mut bytes).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Failure::new(format!("{}: line {line} is not UTF-8 text", file.display()))
    })
}

/// What a named file is.
fn look(path: &Path) -> FileState {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return FileState::Forbidden,
        Err(_) => return FileState::Missing,
    };
    if metadata.is_dir() {
        return FileState::Folder;
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(PEM_MAX).read_to_end(&mut bytes));
    if read.is_err() {
        return FileState::Forbidden;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".key");
    FileState::There(FileFacts {
        open_to_others: open_to_others(&metadata),
        key_beside: Path::new(&beside).exists(),
        ..FileFacts::of(&bytes)
    })
}

#[cfg(unix)]
fn open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    // The group may read it: distributions have one for that.
    metadata.permissions().mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

fn write(out: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", out.display()));
    let mut file = std::fs::File::create(out).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    report::talk(format_args!("written: {}", out.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_at_80_columns_and_long_ones_stay_whole() {
        let mut out = String::new();
        wrapped(&mut out, "    ", &"word ".repeat(40));
        assert!(out.lines().all(|line| line.len() <= 80 && line.starts_with("    word")), "{out}");
        let mut out = String::new();
        wrapped(&mut out, "", &"x".repeat(100));
        assert_eq!(out, format!("{}\n", "x".repeat(100)));
    }
}
