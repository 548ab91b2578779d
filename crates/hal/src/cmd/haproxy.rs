//! `hal haproxy`: writes and checks the file for HAProxy.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hal_server::edge::certs;
use hal_server::edge::haproxy::installed::{self, Checked};
use hal_server::edge::haproxy::{
    Abilities, CERT_DEFAULT, Domain, GATEWAY_DEFAULT, Gateway, HaproxyOptions, Mode, Process, Refused,
    Version, WEBSOCKETS_PER_ADDRESS_DEFAULT, render,
};

use crate::report::{self, Exit, Failure};

/// Write a HAProxy configuration for this gateway.
///
/// The file goes to stdout, or with --output into a file after the installed HAProxy
/// has checked it. Every line that is there for a reason says so.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Haproxy {
    /// How clients find HAL.
    #[arg(long, value_name = "MODE")]
    mode: ModeName,
    /// The name clients use, e.g. hal.example.com (subdomain mode).
    #[arg(long, value_name = "NAME", required_if_eq("mode", "subdomain"))]
    domain: Option<String>,
    /// Certificate, chain and key in one PEM file (subdomain mode).
    #[arg(long, value_name = "FILE", default_value = CERT_DEFAULT)]
    cert: PathBuf,
    /// A gateway; repeat it for several. localhost is written as 127.0.0.1.
    #[arg(long, value_name = "HOST:PORT", default_value = GATEWAY_DEFAULT, num_args = 1..)]
    gateway: Vec<String>,
    /// Port for plain HTTP: the redirect to TLS, or everything in plain mode.
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    http_port: u16,
    /// Port for TLS.
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    https_port: u16,
    /// Port of the statistics page, on this machine only; 0 leaves it out.
    #[arg(long, value_name = "PORT", default_value_t = 8404)]
    stats_port: u16,
    /// Listen on IPv6 too.
    #[arg(long)]
    ipv6: bool,
    /// Leave out Strict-Transport-Security. It is left out by itself for a
    /// certificate of `hal cert self-signed`.
    #[arg(long)]
    no_hsts: bool,
    /// WebSockets one address may hold open.
    #[arg(long, value_name = "N", default_value_t = WEBSOCKETS_PER_ADDRESS_DEFAULT)]
    websockets_per_address: u32,
    /// For a HAProxy that runs in the foreground, without root.
    #[arg(long)]
    unprivileged: bool,
    /// Folder for the admin socket of an unprivileged HAProxy.
    #[arg(long, value_name = "DIR", requires = "unprivileged")]
    runtime_dir: Option<PathBuf>,
    /// Write for this version of HAProxy instead of the installed one.
    #[arg(long, value_name = "X.Y")]
    haproxy_version: Option<String>,
    /// Check the text and write it to this file.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    /// A name of its own with TLS: https://hal.example.com
    Subdomain,
    /// No TLS, for private networks only: http://192.168.1.5
    Plain,
}

const EXAMPLES: &str = "\
Examples:
  hal haproxy --mode subdomain --domain hal.example.com -o /etc/haproxy/haproxy.cfg
  hal haproxy --mode plain --gateway 192.168.1.5:8768";

const PROGRAM: &str = "haproxy";

impl Haproxy {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let options = self.options()?;
        let text = render(&options).map_err(refused)?;
        if options.gateways.iter().any(Gateway::was_localhost) {
            report::talk(
                "note: localhost is written as 127.0.0.1, because HAProxy takes it for ::1 where /etc/hosts says so",
            );
        }
        match &self.output {
            None => report::data(&text)?,
            Some(file) => write(file, &text, &options)?,
        }
        Ok(Exit::Done)
    }

    fn options(&self) -> Result<HaproxyOptions, Failure> {
        let mode = match self.mode {
            ModeName::Plain => Mode::Plain,
            ModeName::Subdomain => {
                let domain = self.domain.as_deref().unwrap_or_default();
                Mode::Subdomain { domain: Domain::parse(domain).map_err(refused)?, cert: self.cert.clone() }
            }
        };
        let own_certificate = matches!(mode, Mode::Subdomain { .. }) && certs::is_own(&self.cert);
        let gateways: Result<Vec<Gateway>, Refused> =
            self.gateway.iter().map(|text| Gateway::parse(text)).collect();
        Ok(HaproxyOptions {
            gateways: gateways.map_err(refused)?,
            http_port: self.http_port,
            https_port: self.https_port,
            stats_port: (self.stats_port != 0).then_some(self.stats_port),
            ipv6: self.ipv6,
            hsts: !self.no_hsts && !own_certificate,
            websockets_per_address: self.websockets_per_address,
            process: if self.unprivileged {
                Process::Foreground { runtime_dir: self.runtime_dir.clone() }
            } else {
                Process::Service
            },
            abilities: self.abilities()?,
            ..HaproxyOptions::new(mode)
        })
    }

    fn abilities(&self) -> Result<Abilities, Failure> {
        let installed = installed::abilities(Path::new(PROGRAM));
        let Some(given) = &self.haproxy_version else {
            return Ok(installed.unwrap_or_else(|| {
                report::talk(format_args!(
                    "note: haproxy is not installed here; written for {}",
                    Version::ASSUMED
                ));
                Abilities { version: Version::ASSUMED, prometheus: false }
            }));
        };
        let version = Version::parse(given).ok_or_else(|| {
            Failure::new(format!("{given:?} is not a version of HAProxy"))
                .hint("write it like 2.6 or 3.2; `haproxy -v` says it")
        })?;
        // Whether another HAProxy was built with the exporter cannot be known from its version.
        let prometheus = installed.is_some_and(|found| found.version == version && found.prometheus);
        Ok(Abilities { version, prometheus })
    }
}

fn refused(refused: Refused) -> Failure {
    let hint = match &refused {
        Refused::Domain { .. } => Some("--domain hal.example.com"),
        Refused::Gateway { .. } => Some("--gateway 192.168.1.5:8768"),
        Refused::SamePort { .. } | Refused::NoPort { .. } => {
            Some("change --http-port, --https-port or --stats-port (0 leaves the statistics out)")
        }
        Refused::TooOld { .. } => {
            Some("install a newer HAProxy; Debian 11 backports and everything later have one")
        }
        Refused::NoGateway | Refused::Path { .. } | Refused::WebSocketsPerAddress { .. } => None,
    };
    let failure = Failure::new(refused.to_string());
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Checks the text under another name beside `file`, then puts it in place in one step.
fn write(file: &Path, text: &str, options: &HaproxyOptions) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let failure = Failure::new(format!("cannot write {}: {error}", file.display()));
        if error.kind() == std::io::ErrorKind::PermissionDenied {
            failure.hint("run it with sudo")
        } else {
            failure
        }
    };
    let dir = match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let name = file.file_name().ok_or_else(|| Failure::new(format!("{} is not a file", file.display())))?;
    let new = dir.join(format!("{}.new", name.to_string_lossy()));
    let mut out = std::fs::File::create(&new).map_err(failed)?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(failed)?;
    drop(out);
    let checked = installed::check(Path::new(PROGRAM), &new)
        .map_err(|error| Failure::new(format!("cannot run {PROGRAM}: {error}")))?;
    match checked {
        Checked::Refused { said } => {
            report::talk(said);
            let mut failure = Failure::new(format!(
                "HAProxy does not accept the file; {} is as before, the new text is in {}",
                file.display(),
                new.display()
            ));
            if let Mode::Subdomain { cert, domain } = &options.mode
                && !cert.exists()
            {
                failure = failure.hint(format!(
                    "{} is missing: `hal cert self-signed --domain {}`, or name yours with --cert",
                    cert.display(),
                    domain.as_str()
                ));
            }
            return Err(failure);
        }
        Checked::NotInstalled => {
            report::talk("note: haproxy is not installed here, so the file is not checked")
        }
        Checked::Clean => report::talk("checked: haproxy -c -dW accepts it"),
    }
    std::fs::rename(&new, file).map_err(failed)?;
    report::talk(format_args!("written: {}", file.display()));
    report::hint(match options.process {
        Process::Service => "make it active with: systemctl reload haproxy".to_owned(),
        Process::Foreground { .. } => format!("start it with: haproxy -W -f {}", file.display()),
    });
    Ok(())
}
