//! `hal haproxy`: writes the file for HAProxy, checks one, puts one in place.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use hal_server::edge::certs;
use hal_server::edge::haproxy::installed::{self, Checked};
use hal_server::edge::haproxy::{
    ACME_PORT_DEFAULT, Abilities, CERT_DEFAULT, Domain, Form, GATEWAY_DEFAULT, Gateway, HaproxyOptions, Mode,
    Process, Refused, SITE_DEFAULT, Version, WEBSOCKETS_PER_ADDRESS_DEFAULT, parse_address, render,
};

use crate::report::{self, Exit, Failure};

mod apply;
mod check;

/// Write a HAProxy configuration for this gateway, check one, or put one in place.
///
/// The file goes to stdout, or with --output into a file after the installed HAProxy
/// has checked it. Every line that is there for a reason says so.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Haproxy {
    #[command(subcommand)]
    command: Option<Sub>,
    // An option, because `check` and `apply` need none of it.
    #[command(flatten)]
    what: Option<What>,
    /// Only what goes into a file that is there: `sections` with ports of their
    /// own, or `lines` for a frontend that has the port.
    #[arg(long, value_name = "KIND", num_args = 0..=1, require_equals = true, default_missing_value = "sections")]
    snippet: Option<Snippet>,
    /// Check the text and write it to this file.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Sub {
    Check(check::Check),
    Apply(apply::Apply),
}

/// What the file is written from.
#[derive(Debug, Args)]
struct What {
    /// How clients find HAL.
    #[arg(long, value_name = "MODE")]
    mode: ModeName,
    /// The name clients use, e.g. hal.example.com; in ip mode the address, which
    /// may be left out.
    #[arg(long, value_name = "NAME", required_if_eq_any([("mode", "subdomain"), ("mode", "path")]))]
    domain: Option<String>,
    /// Certificate, chain and key in one PEM file.
    #[arg(long, value_name = "FILE", default_value = CERT_DEFAULT)]
    cert: PathBuf,
    /// A gateway; repeat it for several. localhost is written as 127.0.0.1.
    #[arg(long, value_name = "HOST:PORT", default_value = GATEWAY_DEFAULT, num_args = 1..)]
    gateway: Vec<String>,
    /// Who serves the rest of the site (path mode).
    #[arg(long, value_name = "HOST:PORT", default_value = SITE_DEFAULT)]
    site: String,
    /// Port for plain HTTP: the redirect to TLS, or everything in plain mode.
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    http_port: u16,
    /// Port for TLS.
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    https_port: u16,
    /// Port of the statistics page and of /metrics, on this machine only; 0 leaves
    /// them out [default: 8404, and none in a snippet]
    #[arg(long, value_name = "PORT")]
    stats_port: Option<u16>,
    /// Who answers the challenges of Let's Encrypt that arrive on port 80.
    #[arg(long, value_name = "HOST:PORT", default_value_t = format!("127.0.0.1:{ACME_PORT_DEFAULT}"))]
    acme: String,
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
    /// Tell the client's address by PROXY v2 as well as X-Forwarded-For. Gateways
    /// believe both from proxies in gateway.proxies.
    #[arg(long)]
    proxy_v2: bool,
    /// Let clients sign in by certificates of this authority, as `hal cert client`
    /// makes them; the gateway needs gateway.proxy_certificates.
    #[arg(long, value_name = "CAFILE")]
    client_certs: Option<PathBuf>,
    /// For a HAProxy that runs in the foreground, without root.
    #[arg(long)]
    unprivileged: bool,
    /// Folder for the admin socket of an unprivileged HAProxy.
    #[arg(long, value_name = "DIR", requires = "unprivileged")]
    runtime_dir: Option<PathBuf>,
    /// Write for this version of HAProxy (2.4 to 3.x), not the installed one.
    #[arg(long = "for", value_name = "X.Y", alias = "haproxy-version")]
    version: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    /// A name of its own with TLS: https://hal.example.com
    Subdomain,
    /// /voice and /ws of a name that has a site: https://example.com/voice
    Path,
    /// TLS without a name: https://192.0.2.10
    Ip,
    /// No TLS, for private networks only: http://192.168.1.5
    Plain,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Snippet {
    /// Sections that listen on their own ports.
    Sections,
    /// Lines for an existing frontend, and the sections they need.
    Lines,
}

const EXAMPLES: &str = "\
Examples:
  hal haproxy --mode subdomain --domain hal.example.com -o /etc/haproxy/haproxy.cfg
  hal haproxy --mode path --domain example.com --site 127.0.0.1:8080
  hal haproxy --mode ip --domain 192.0.2.10
  hal haproxy --mode plain --gateway 192.168.1.5:8768
  hal haproxy --mode path --domain example.com --snippet=lines
  hal haproxy check /etc/haproxy/haproxy.cfg
  hal haproxy apply --mode subdomain --domain hal.example.com";

const PROGRAM: &str = "haproxy";

impl Haproxy {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match (self.command, self.what) {
            (Some(Sub::Check(check)), _) => check.run(),
            (Some(Sub::Apply(apply)), _) => apply.run(),
            (None, Some(what)) => print_or_write(&what, self.snippet, self.output.as_deref()),
            (None, None) => Err(Failure::new("the mode is missing")
                .hint("--mode subdomain, path, ip or plain; `hal haproxy --help` has examples")),
        }
    }
}

fn print_or_write(what: &What, snippet: Option<Snippet>, output: Option<&Path>) -> Result<Exit, Failure> {
    let form = match snippet {
        None => Form::Whole,
        Some(Snippet::Sections) => Form::Sections,
        Some(Snippet::Lines) => Form::Lines,
    };
    let options = what.options(form)?;
    let text = render(&options).map_err(refused)?;
    what.talk_about(&options);
    match output {
        None => report::data(&text)?,
        Some(file) => write(file, &text, &options)?,
    }
    Ok(Exit::Done)
}

impl What {
    /// Notes for the person, on stderr.
    fn talk_about(&self, options: &HaproxyOptions) {
        if options.gateways.iter().any(Gateway::was_localhost) {
            report::talk(
                "note: localhost is written as 127.0.0.1, because HAProxy takes it for ::1\n\
                 \u{20}     where /etc/hosts says so",
            );
        }
    }

    fn options(&self, form: Form) -> Result<HaproxyOptions, Failure> {
        let cert = self.cert.clone();
        let domain = || Domain::parse(self.domain.as_deref().unwrap_or_default()).map_err(refused);
        let gateway = |text: &str| Gateway::parse(text).map_err(refused);
        let mode = match self.mode {
            ModeName::Plain => Mode::Plain,
            ModeName::Subdomain => Mode::Subdomain { domain: domain()?, cert },
            ModeName::Path => Mode::Path { domain: domain()?, cert, site: gateway(&self.site)? },
            ModeName::Ip => {
                let address = self.domain.as_deref().map(parse_address).transpose().map_err(refused)?;
                Mode::Address { address, cert }
            }
        };
        let own_certificate = mode.cert().is_some_and(certs::is_own);
        let stats_default = if form == Form::Whole { 8404 } else { 0 };
        let stats_port = self.stats_port.unwrap_or(stats_default);
        Ok(HaproxyOptions {
            form,
            gateways: self.gateway.iter().map(|text| gateway(text)).collect::<Result<_, _>>()?,
            http_port: self.http_port,
            https_port: self.https_port,
            stats_port: (stats_port != 0).then_some(stats_port),
            ipv6: self.ipv6,
            hsts: !self.no_hsts && !own_certificate,
            websockets_per_address: self.websockets_per_address,
            acme: gateway(&self.acme)?,
            proxy_v2: self.proxy_v2,
            client_certs: self.client_certs.clone(),
            process: if self.unprivileged {
                Process::Foreground { runtime_dir: self.runtime_dir.clone() }
            } else {
                Process::Service
            },
            abilities: abilities(self.version.as_deref())?,
            ..HaproxyOptions::new(mode)
        })
    }
}

/// What the HAProxy is able to do that the file is written for: the version `given`, else the installed one.
fn abilities(given: Option<&str>) -> Result<Abilities, Failure> {
    let installed = installed::abilities(Path::new(PROGRAM));
    let Some(given) = given else {
        return Ok(installed.unwrap_or_else(|| {
            report::talk(format_args!(
                "note: haproxy is not installed here; written for {}",
                Version::ASSUMED
            ));
            Abilities { version: Version::ASSUMED, prometheus: true }
        }));
    };
    let version = Version::parse(given).ok_or_else(|| {
        Failure::new(format!("{given:?} is not a version of HAProxy"))
            .hint("write it like 2.6 or 3.2; `haproxy -v` says it")
    })?;
    // Distributions build it in; the one that is installed is known to have it or not.
    let prometheus = installed.is_none_or(|found| found.version != version || found.prometheus);
    Ok(Abilities { version, prometheus })
}

fn refused(refused: Refused) -> Failure {
    let hint = match &refused {
        Refused::Domain { .. } => Some("--domain hal.example.com"),
        Refused::Address { .. } => Some("--domain 192.0.2.10, or leave --domain out"),
        Refused::Gateway { .. } => Some("--gateway 192.168.1.5:8768"),
        Refused::SamePort { .. } | Refused::NoPort { .. } => {
            Some("change --http-port, --https-port or --stats-port (0 leaves the statistics out)")
        }
        Refused::TooOld { .. } => {
            Some("install a newer HAProxy; Debian 11 backports and everything later have one")
        }
        Refused::ClientCertsWithoutTls => Some("leave --client-certs out, or choose another mode"),
        Refused::NoGateway | Refused::Path { .. } | Refused::WebSocketsPerAddress { .. } => None,
    };
    let failure = Failure::new(refused.to_string());
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn missing_certificate(options: &HaproxyOptions) -> Option<String> {
    let cert = options.mode.cert().filter(|cert| !cert.exists())?;
    let name = match &options.mode {
        Mode::Address { address: Some(address), .. } => address.to_string(),
        mode => mode.domain().map_or("ADDRESS", Domain::as_str).to_owned(),
    };
    Some(format!(
        "{} is missing: `hal cert self-signed --domain {name}`, or name yours with --cert",
        cert.display()
    ))
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
    if options.form == Form::Lines {
        // Lines without their frontend are no file that could be checked.
        std::fs::rename(&new, file).map_err(failed)?;
        report::talk(format_args!("written: {}", file.display()));
        return Ok(());
    }
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
            if let Some(hint) = missing_certificate(options) {
                failure = failure.hint(hint);
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
