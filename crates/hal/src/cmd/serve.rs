//! `hal serve`: the server in the foreground.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hal_server::config::{Role, ServeOptions};

use crate::report::{self, Exit, Failure};

/// Run the server: gateway, listener and database in one process.
///
/// Open http://localhost:8768 in a browser, or ask with `hal ask`. Ctrl-C ends it
/// after the answers that are on their way.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Fill the database with an invented household to try things out.
    #[arg(long)]
    demo: bool,
    /// Folder of the database and settings.
    #[arg(long, value_name = "DIR", env = "HAL_DATA")]
    data: Option<PathBuf>,
    /// Where the gateway listens [default: 127.0.0.1:8768].
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Where the QM listener listens [default: 127.0.0.1:8767].
    #[arg(long, value_name = "ADDR:PORT")]
    qm_listen: Option<SocketAddr>,
    /// Ask a QM listener elsewhere instead of the one in this process.
    #[arg(long, value_name = "HOST:PORT")]
    qm: Option<String>,
    /// Run one half only.
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Speak TLS without HAProxy, with a certificate made here.
    ///
    /// Clients trust its authority once: `hal cert trust` says how.
    #[arg(long)]
    tls: bool,
    /// Speak TLS with this certificate (PEM: certificate, chain, and the key unless
    /// --tls-key names it). A new file is taken within seconds.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The key of --tls-cert.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A name or address more for the certificate of --tls; repeat it for several.
    #[arg(long = "tls-name", value_name = "NAME", conflicts_with = "tls_cert")]
    tls_names: Vec<String>,
    /// With TLS: send http at this address to https, e.g. 0.0.0.0:80.
    #[arg(long, value_name = "ADDR:PORT")]
    redirect_listen: Option<SocketAddr>,
    /// Write the log to this file instead of stderr.
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Listen wider than this machine although nobody has to sign in.
    ///
    /// Whoever reaches the port can read and change the records. Behind HAProxy on the
    /// same machine it is not needed.
    #[arg(long)]
    allow_remote_without_sign_in: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    Gateway,
    Listener,
}

impl Serve {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        hal_server::run::run(self.options(), announce)?;
        Ok(Exit::Done)
    }

    pub(super) fn options(self) -> ServeOptions {
        ServeOptions {
            demo: self.demo,
            data: self.data,
            listen: self.listen,
            qm_listen: self.qm_listen,
            qm: self.qm,
            only: self.only.map(|part| match part {
                Part::Gateway => Role::Gateway,
                Part::Listener => Role::Listener,
            }),
            tls: self.tls || !self.tls_names.is_empty(),
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            tls_names: self.tls_names,
            redirect_listen: self.redirect_listen,
            log_file: self.log_file,
            colour: report::colour(),
            allow_remote: self.allow_remote_without_sign_in,
        }
    }
}

/// Questions to try that are shown at start.
const OFFERS: usize = 3;

/// What a person wants to know when every port is open.
fn announce(ready: &hal_server::run::Ready) {
    let local = |address: &SocketAddr| {
        if address.ip().is_unspecified() || address.ip().is_loopback() {
            return format!("localhost:{}", address.port());
        }
        address.to_string()
    };
    if let Some(address) = &ready.gateway {
        let scheme = if ready.tls.is_some() { "https" } else { "http" };
        report::talk(format_args!("HAL is ready: {scheme}://{}", local(address)));
        report::talk(format_args!("Admin page for owners: {scheme}://{}/admin", local(address)));
    }
    if let Some(tls) = &ready.tls {
        if let Some(redirect) = &tls.redirect {
            report::talk(format_args!("http://{} leads there", local(redirect)));
        }
        if let Some(authority) = &tls.authority {
            report::talk(format_args!("Authority for the clients: {}", authority.display()));
            report::hint(format_args!(
                "hal cert trust --ca {}  says how a device trusts it",
                authority.display()
            ));
        }
    }
    if let Some(address) = &ready.listener {
        report::talk(format_args!("QM listener: {address}"));
    }
    if let Some(address) = &ready.metrics {
        report::talk(format_args!("Metrics: http://{}/metrics", local(address)));
    }
    if let Some(asks) = &ready.asks {
        report::talk(format_args!("Questions go to the QM listener at {asks}"));
    }
    if let Some(data) = &ready.data {
        report::talk(format_args!("Records: {}", data.display()));
    }
    if let Some(demo) = &ready.demo {
        report::talk(demo);
    }
    for warning in &ready.warnings {
        report::talk(format_args!("warning: {warning}"));
    }
    for notice in &ready.notices {
        report::hint(notice);
    }
    if ready.gateway.is_some() && !ready.offers.is_empty() {
        report::talk("Try in the browser, or in another terminal:");
        let program = callable(
            std::env::current_exe().ok().as_deref(),
            std::env::var_os("PATH").as_deref(),
            std::env::current_dir().ok().as_deref(),
        );
        let mut program = format!("{program} ask");
        if let (Some(tls), Some(address)) = (&ready.tls, &ready.gateway) {
            program.push_str(&format!(" --server https://{}", local(address)));
            if let Some(authority) = &tls.authority {
                program.push_str(&format!(" --ca {}", authority.display()));
            }
        }
        for question in ready.offers.iter().take(OFFERS) {
            report::talk(format_args!("  {program} {question:?}"));
        }
    }
}

/// How this program is called from a shell: by its name when the search path finds it, else by its path, a short one
/// when it lies under the current folder. A line that is printed to be tried must work when it is copied.
fn callable(program: Option<&Path>, search: Option<&OsStr>, here: Option<&Path>) -> String {
    let Some(program) = program else { return "hal".to_owned() };
    let name = program.file_name().unwrap_or(OsStr::new("hal"));
    let same = |found: &Path| std::fs::canonicalize(found).is_ok_and(|found| found == program);
    let first =
        search.and_then(|path| std::env::split_paths(path).map(|dir| dir.join(name)).find(|p| p.is_file()));
    if first.is_some_and(|found| same(&found)) {
        return Path::new(name).with_extension("").display().to_string();
    }
    let path = match here.and_then(|here| program.strip_prefix(here).ok()) {
        Some(below) => Path::new(".").join(below).display().to_string(),
        None => program.display().to_string(),
    };
    if path.contains(' ') { format!("\"{path}\"") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_command_can_be_copied() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = std::fs::canonicalize(folder.path()).expect("a path");
        let program = root.join("hal");
        std::fs::write(&program, "").expect("a file");
        let elsewhere = root.join("bin");
        let check =
            |search: &Path, here: &Path| callable(Some(&program), Some(search.as_os_str()), Some(here));
        assert_eq!(check(&root, &elsewhere), "hal");
        assert_eq!(check(&elsewhere, &root), Path::new(".").join("hal").display().to_string());
        assert_eq!(check(&elsewhere, &elsewhere), program.display().to_string());
    }
}
