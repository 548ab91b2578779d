//! `hal cert`: certificates, made, fetched and judged.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hal_server::edge::certs::inspect::day;
use hal_server::edge::certs::{self, CertError, DAYS_MAX, SelfSigned, Written};

use crate::report::{self, Exit, Failure};

mod client;
mod letsencrypt;
mod status;
mod trust;

/// Make, fetch and check certificates.
#[derive(Debug, Args)]
pub(crate) struct Cert {
    #[command(subcommand)]
    command: CertCommand,
}

#[derive(Debug, Subcommand)]
enum CertCommand {
    SelfSigned(SelfSignedArgs),
    Client(client::Client),
    Trust(trust::Trust),
    Letsencrypt(letsencrypt::Letsencrypt),
    Status(status::Status),
}

#[cfg(unix)]
const DIR_DEFAULT: &str = "/etc/haproxy/certs";
#[cfg(not(unix))]
const DIR_DEFAULT: &str = "certs";

/// Make a local authority (CA) and a server certificate signed by it.
///
/// Writes hal-ca.pem (give it to the clients), hal-ca-key.pem (keep it safe) and
/// hal.pem (for HAProxy: certificate, chain and key). An existing authority is used
/// again, so that clients need to trust it only once.
#[derive(Debug, Args)]
struct SelfSignedArgs {
    /// A name or address of the server; repeat it for several.
    #[arg(long = "domain", visible_alias = "name", value_name = "NAME", default_values_t = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()])]
    names: Vec<String>,
    /// Folder for the three files.
    #[arg(long, value_name = "DIR", default_value = DIR_DEFAULT)]
    dir: PathBuf,
    /// Days the server certificate is valid.
    #[arg(long, value_name = "N", default_value_t = DAYS_MAX)]
    days: u16,
    /// Replace an existing hal.pem. The authority is kept.
    #[arg(long)]
    force: bool,
}

impl Cert {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            CertCommand::SelfSigned(args) => args.run(),
            CertCommand::Client(client) => client.run(),
            CertCommand::Trust(trust) => trust.run(),
            CertCommand::Letsencrypt(letsencrypt) => letsencrypt.run(),
            CertCommand::Status(status) => status.run(),
        }
    }
}

impl SelfSignedArgs {
    fn run(self) -> Result<Exit, Failure> {
        let mut request = SelfSigned::new(&self.names, &self.dir, unix_now()).map_err(refused)?;
        request.days = self.days;
        request.force = self.force;
        let written = certs::self_signed(&request).map_err(refused)?;
        tell(&written, &self.names)?;
        Ok(Exit::Done)
    }
}

#[allow(clippy::disallowed_methods, reason = "a certificate is valid from the day it is made")]
pub(super) fn unix_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // A clock before 1970 gives a certificate that is refused as expired, which is what it deserves.
    since.map_or(0, |since| since.as_secs())
}

fn tell(written: &Written, names: &[String]) -> Result<(), Failure> {
    let pem = written.pem.display();
    let ca = written.ca.display();
    report::talk(format_args!("{pem}: for {}, until {}", names.join(", "), day(written.until as i64)));
    if written.ca_kept {
        report::talk(format_args!("{ca}: the authority is the one of before; clients need nothing new"));
    } else {
        report::talk(format_args!("{ca}: the new authority, for the clients"));
        report::talk(format_args!(
            "{}: its key, for nobody; move it to a safe place if you like",
            written.ca_key.display()
        ));
    }
    let name = &names[0];
    let host = if name.contains(':') { format!("[{name}]") } else { name.clone() };
    report::talk("\nNext:");
    if name.parse::<std::net::IpAddr>().is_err() {
        report::talk(format_args!("  hal haproxy --mode subdomain --domain {name} --cert {pem} -o FILE"));
    }
    report::talk("  systemctl reload haproxy");
    report::talk(format_args!(
        "  hal ask --server https://{host} --ca {ca} \"What medications am I taking?\""
    ));
    if !written.ca_kept {
        report::talk("\nBrowsers and phones must be told once to trust the authority:\n");
        report::talk(trust::text(&written.ca, &trust::Device::ALL)?);
    }
    Ok(())
}

fn refused(error: CertError) -> Failure {
    let failure = Failure::new(error.to_string());
    match &error {
        CertError::Exists { .. } => failure.hint("--force replaces it and keeps the authority"),
        CertError::HalfCa { missing, present } => failure.hint(format!(
            "bring {} back; or move {} away, make a new authority, and give its hal-ca.pem to every client",
            missing.display(),
            present.display()
        )),
        CertError::BadCa { path, .. } => failure.hint(format!(
            "move {} and its partner away to make a new authority; every client then needs the new hal-ca.pem",
            path.display()
        )),
        _ if error.is_permission() => failure.hint("run it with sudo, or choose another folder with --dir"),
        _ => failure,
    }
}
