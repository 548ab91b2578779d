//! `hal cert client`: a certificate with which a device signs in.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use hal_server::edge::certs::client::{self, CA_FILE, DAYS_DEFAULT, FOLDER, Issued};
use hal_server::edge::certs::inspect::day;
use hal_wire::sign_in::Admin;

use super::{refused, unix_now};
use crate::household::{Place, manage};
use crate::report::{self, Exit, Failure};

/// Make a certificate for a device, by which it signs in.
///
/// Writes NAME.pem (certificate and key) and, where openssl is installed, NAME.p12 for
/// telephones and browsers. The device stands in `hal device list`, and
/// `hal device revoke` shuts it out with its next question.
#[derive(Debug, Args)]
pub(crate) struct Client {
    /// Name of the files, and of the certificate.
    name: String,
    /// Whose device it is.
    #[arg(long, value_name = "USER")]
    user: String,
    /// What the device is called [default: the name].
    #[arg(long, value_name = "TEXT")]
    device: Option<String>,
    /// What the device may be used for: personal, kitchen, or one of access.toml.
    #[arg(long, default_value = "personal")]
    scope: String,
    /// Days the certificate is valid.
    #[arg(long, value_name = "N", default_value_t = DAYS_DEFAULT)]
    days: u16,
    /// Folder for the files.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Client {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if self.name.contains(['/', '\\']) || self.name.starts_with('.') {
            return Err(Failure::new(format!("{:?} cannot be the name of a file", self.name))
                .hint("--device takes any text; the name is for files"));
        }
        let data = self.place.folder()?;
        let issued = client::issue(&data, &self.name, self.days, unix_now()).map_err(refused)?;
        let pem = self.dir.join(format!("{}.pem", self.name));
        client::write(&pem, &issued.pem).map_err(|error| match error {
            hal_server::edge::certs::CertError::Exists { .. } => {
                Failure::new(error.to_string()).hint("choose another name, or another folder with --dir")
            }
            other => refused(other),
        })?;
        let command = Admin::DeviceCertificate {
            user: self.user.clone(),
            name: self.device.clone().unwrap_or_else(|| self.name.clone()),
            scope: self.scope.clone(),
            fingerprint: issued.fingerprint.clone(),
            until_ms: i64::try_from(issued.until).unwrap_or(i64::MAX / 1000) * 1000,
        };
        let reply = manage(self.place.clone(), &command).inspect_err(|_| {
            // Nobody's certificate is of no use to anybody; what remains after a failure here only takes up room.
            std::fs::remove_file(&pem).ok();
        })?;
        report::data(&format!("{}\n", reply.lines.join("\n")))?;
        self.tell(&issued, &pem, &data);
        Ok(Exit::Done)
    }

    fn tell(&self, issued: &Issued, pem: &Path, data: &Path) {
        report::talk(format_args!(
            "{}: certificate and key, until {}; whoever has this file is the device",
            pem.display(),
            day(i64::try_from(issued.until).unwrap_or(i64::MAX))
        ));
        let p12 = pem.with_extension("p12");
        match pkcs12(pem, &p12, &self.name) {
            Some(password) => report::talk(format_args!(
                "{}: the same for telephones and browsers; its password is {password}",
                p12.display()
            )),
            None => report::hint(format!(
                "telephones and browsers want PKCS#12: openssl pkcs12 -export -in {} -out {}",
                pem.display(),
                p12.display()
            )),
        }
        let ca = data.join(FOLDER).join(CA_FILE);
        report::talk("\nNext:");
        report::talk("  hal serve --tls takes such certificates by itself; behind HAProxy:");
        report::talk(format_args!("  hal haproxy … --client-certs {}", ca.display()));
        report::talk(
            "  and in hal.toml under [gateway]: proxies = [\"127.0.0.1\"], proxy_certificates = true",
        );
    }
}

/// The same certificate and key in one file with a password; `None` where openssl is missing or refuses.
fn pkcs12(pem: &Path, p12: &Path, name: &str) -> Option<String> {
    let password = client::password()?;
    let mut child = Command::new("openssl")
        .args(["pkcs12", "-export", "-passout", "stdin", "-name", name, "-in"])
        .arg(pem)
        .arg("-out")
        .arg(p12)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // Not on its command line, which everybody on the machine can read.
    writeln!(child.stdin.take()?, "{password}").ok()?;
    child.wait().ok()?.success().then_some(password)
}
