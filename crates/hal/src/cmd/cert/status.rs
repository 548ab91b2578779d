//! `hal cert status`: what is wrong with a certificate, in a file or as a server shows it.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use hal_server::edge::certs::inspect::{
    Access, Finding, KeyFile, Material, PEM_BYTES_MAX, Report, Severity, day, inspect,
};

use super::unix_now;
use crate::client::url::ServerUrl;
use crate::client::{self, Limits, Target};
use crate::report::{self, Exit, Failure};

/// Check a certificate: chain, names, dates, key and file rights.
///
/// Of a file, of a server, or of both: then also whether the server shows what is in
/// the file. Exit code 0: all well; 1: something needs attention; 2: clients refuse it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Status {
    /// Certificate, chain and key in one PEM file [default without --server:
    /// the file that HAProxy reads].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The key, where it is in a file of its own.
    #[arg(long, value_name = "FILE", requires = "file")]
    key: Option<PathBuf>,
    /// Ask this server for its certificate.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Connect there instead of where the server's name leads.
    #[arg(long, value_name = "HOST:PORT", requires = "server")]
    connect: Option<String>,
    /// Also trust the authority in this PEM file (hal-ca.pem).
    #[arg(long, value_name = "FILE", env = "HAL_CA")]
    ca: Option<PathBuf>,
    /// A name that clients use; repeat it for several.
    #[arg(long = "domain", visible_alias = "name", value_name = "NAME")]
    names: Vec<String>,
    /// The findings as JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  hal cert status /etc/haproxy/certs/hal.pem --domain hal.example.com
  hal cert status --server https://hal.example.com
  hal cert status hal.pem --server https://hal.example.com --connect 127.0.0.1:443";

impl Status {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let now = unix_now() as i64;
        let mut reports = Vec::new();
        let file = match (&self.file, &self.server) {
            (None, None) => Some(Path::new(hal_server::edge::haproxy::CERT_DEFAULT)),
            (file, _) => file.as_deref(),
        };
        if let Some(file) = file {
            reports.push(of_file(file, self.key.as_deref(), &self.names, now)?);
        }
        if let Some(server) = &self.server {
            let target = target(server, self.ca.as_deref())?;
            let at = self.connect.as_deref().map(parse).transpose()?;
            let mut names = self.names.clone();
            names.push(target.url.host.clone());
            let served = of_server(&target, at.as_ref(), &names, now)?;
            reports.push(served);
        }
        if let [in_file, served] = reports.as_mut_slice() {
            let finding = compare(in_file, served);
            served.findings.push(finding);
        }
        if self.json {
            let text = serde_json::to_string_pretty(&reports).expect("a report is plain data");
            report::data(&format!("{text}\n"))?;
        } else {
            report::data(&reports.iter().map(tell).collect::<Vec<_>>().join("\n"))?;
        }
        Ok(exit(reports.iter().map(Report::severity).max()))
    }
}

fn exit(severity: Option<Severity>) -> Exit {
    match severity {
        None | Some(Severity::Good) => Exit::Done,
        Some(Severity::Warning) => Exit::NothingToSay,
        Some(Severity::Broken) => Exit::Failed,
    }
}

pub(super) fn target(server: &str, ca: Option<&Path>) -> Result<Target, Failure> {
    let mut url = parse(server)?;
    // Who asks for a certificate means TLS, however the address was written.
    if !url.secure {
        url = url.with_secure(true);
    }
    Ok(Target { url, ca_files: ca.map(Path::to_owned).into_iter().collect(), limits: Limits::default() })
}

pub(super) fn parse(address: &str) -> Result<ServerUrl, Failure> {
    ServerUrl::parse(address)
        .map_err(|error| Failure::new(error.to_string()).hint("write it like https://hal.example.com:8443"))
}

pub(super) fn of_file(
    file: &Path,
    key: Option<&Path>,
    names: &[String],
    now: i64,
) -> Result<Report, Failure> {
    let (text, access) = read(file)?;
    let path = file.display().to_string();
    let key_path = key.map(|key| key.display().to_string());
    let key = key.map(read).transpose()?;
    let key = key_path.as_deref().zip(key.as_ref()).map(|(path, (text, access))| KeyFile {
        path,
        text,
        access: *access,
    });
    Ok(inspect(Material::File { path: &path, text: &text, key, access }, names, now))
}

fn read(path: &Path) -> Result<(Vec<u8>, Option<Access>), Failure> {
    let failed = |error: std::io::Error| {
        let failure = Failure::new(format!("{} cannot be read: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => failure.hint("run it with sudo"),
            std::io::ErrorKind::NotFound => {
                failure.hint("`hal cert self-signed` or `hal cert letsencrypt` makes one")
            }
            _ => failure,
        }
    };
    let file = fs::File::open(path).map_err(failed)?;
    let access = access(&file.metadata().map_err(failed)?);
    let mut text = Vec::new();
    file.take(PEM_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > PEM_BYTES_MAX {
        return Err(Failure::new(format!("{} is larger than any certificate", path.display())));
    }
    Ok((text, access))
}

#[cfg(unix)]
fn access(metadata: &fs::Metadata) -> Option<Access> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(Access { mode: metadata.permissions().mode() })
}

#[cfg(not(unix))]
fn access(_: &fs::Metadata) -> Option<Access> {
    // The folder's access list decides there; it is not a number that could be judged.
    None
}

pub(super) fn of_server(
    target: &Target,
    at: Option<&ServerUrl>,
    names: &[String],
    now: i64,
) -> Result<Report, Failure> {
    let served = client::served(target, at)?;
    let address = target.url.authority();
    let mut report = inspect(Material::Served { address: &address, chain: &served.chain }, names, now);
    let trusted = match served.verdict {
        Ok(()) => Finding {
            severity: Severity::Good,
            code: "trusted",
            text: "this machine trusts it".to_owned(),
            fix: None,
        },
        Err(failure) => Finding {
            severity: Severity::Broken,
            code: "not-trusted",
            text: format!("this machine refuses it: {}", failure.message),
            fix: (!failure.hints.is_empty()).then(|| failure.hints.join("; ")),
        },
    };
    report.findings.push(trusted);
    Ok(report)
}

/// Whether the server shows what is in the file.
pub(super) fn compare(in_file: &Report, served: &Report) -> Finding {
    let same = in_file.leaf().is_some() && in_file.leaf() == served.leaf();
    if same {
        let text = format!("the server shows the certificate of {}", in_file.subject);
        return Finding { severity: Severity::Good, code: "served", text, fix: None };
    }
    Finding {
        severity: Severity::Broken,
        code: "not-served",
        text: format!("the server shows another certificate than the one in {}", in_file.subject),
        fix: Some(
            "reload it: systemctl reload haproxy; then see that its file names this certificate".to_owned(),
        ),
    }
}

fn tell(report: &Report) -> String {
    let mut out = format!("{}\n", report.subject);
    if let Some(leaf) = report.leaf() {
        let mut line = |name: &str, value: &str| out.push_str(&format!("  {name:<8}{value}\n"));
        line("names", &if leaf.names.is_empty() { "none".to_owned() } else { leaf.names.join(", ") });
        line("from", &leaf.issuer);
        line("valid", &format!("{} to {} (UTC)", day(leaf.not_before), day(leaf.not_after)));
        line("key", &leaf.key);
        line("serial", &leaf.serial);
        for above in report.certificates.iter().skip(1) {
            line("above", &format!("{}, until {}", above.subject, day(above.not_after)));
        }
    }
    for finding in &report.findings {
        let word = match finding.severity {
            Severity::Good => "ok",
            Severity::Warning => "warning",
            Severity::Broken => "broken",
        };
        out.push_str(&format!("{word:<9} {}\n", finding.text));
        if let Some(fix) = &finding.fix {
            out.push_str(&format!("          fix: {fix}\n"));
        }
    }
    out
}
