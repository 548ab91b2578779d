//! `hal cert letsencrypt`: a public certificate by certbot, put in place by a hook, and checked where it is served.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use hal_server::edge::certs::inspect::{Report, day};
use hal_server::edge::certs::letsencrypt::{
    CERT_NAME, CHALLENGE_PORT, Challenge, Hook, LetsEncrypt, Refused, Reload, explain, hook, quoted,
};
use hal_server::edge::haproxy::{CERT_DEFAULT, Domain};

use super::{status, unix_now};
use crate::client::stream::now;
use crate::report::{self, Exit, Failure};

/// A reload of HAProxy starts new processes; they take over within a second or two.
const SERVED_WITHIN: Duration = Duration::from_secs(15);
/// After that long certbot's own run of the hook has had no effect, and we run it ourselves.
const SERVED_SOON: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Get a public certificate from Let's Encrypt, by certbot.
///
/// Runs certbot without questions, installs a hook that puts every new certificate in
/// place (one file, for its owner only, in one step) and reloads HAProxy, and then asks
/// the server whether it shows the new one: certbot itself reports success even when
/// its hook fails. certbot's own timer renews it from then on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Letsencrypt {
    /// A name of the server; repeat it for several. Each must lead here already.
    #[arg(long = "domain", value_name = "NAME", required = true)]
    domains: Vec<String>,
    /// Where Let's Encrypt may write to when something is wrong.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Another authority, e.g. a test server.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The file for HAProxy: certificate, chain and key.
    #[arg(long, value_name = "FILE", default_value = CERT_DEFAULT)]
    pem: PathBuf,
    /// Who may read that file, if not root.
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// HAProxy's configuration, which must accept the new certificate.
    #[arg(long, value_name = "FILE", default_value = "/etc/haproxy/haproxy.cfg")]
    haproxy_config: PathBuf,
    /// Reload the HAProxy whose process number is in this file [default: the service
    /// of systemd, else /run/haproxy.pid].
    #[arg(long, value_name = "FILE")]
    haproxy_pid: Option<PathBuf>,
    /// Run this instead of reloading HAProxy.
    #[arg(long, value_name = "COMMAND", conflicts_with = "no_reload")]
    reload: Option<String>,
    /// Reload nothing: for `hal serve --tls-cert`, which sees a new file by itself.
    #[arg(long)]
    no_reload: bool,
    /// Where certbot answers the authority; the file of `hal haproxy` leads to 8888.
    /// Without HAProxy it is 80.
    #[arg(long, value_name = "PORT", default_value_t = CHALLENGE_PORT)]
    challenge_port: u16,
    /// The address for it; 0.0.0.0 without HAProxy.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    challenge_address: String,
    /// Put the answer into this folder instead, which `hal serve` (tls.webroot) or
    /// another web server shows on port 80.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["challenge_port", "challenge_address"])]
    webroot: Option<PathBuf>,
    /// The name of the certificate in certbot's folders.
    #[arg(long, value_name = "NAME", default_value = CERT_NAME)]
    cert_name: String,
    /// Keep certbot's folders below this one instead of in /etc, /var/lib and /var/log.
    #[arg(long, value_name = "DIR")]
    certbot_dir: Option<PathBuf>,
    /// Where to see afterwards that it is served [default: the first name, port 443].
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "no_check")]
    check: Option<String>,
    /// Do not look whether it is served.
    #[arg(long)]
    no_check: bool,
    /// Print the command and the hook, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  hal cert letsencrypt --domain hal.example.com --email you@example.com
  hal cert letsencrypt --domain hal.example.com --no-reload --owner hal \\
      --pem /etc/hal/hal.pem --challenge-port 80 --challenge-address 0.0.0.0";

impl Letsencrypt {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let request = self.request()?;
        let arguments = request.arguments().map_err(refused)?;
        let script = hook(&request.hook).map_err(refused)?;
        if self.dry_run {
            let line: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
            let path = request.hook_path();
            report::data(&format!("certbot {}\n\n# {}\n{script}", line.join(" "), path.display()))?;
            return Ok(Exit::Done);
        }
        let pem_dir = request.hook.pem.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(pem_dir).map_err(|error| not_written(pem_dir, &error))?;
        install(&request.hook_path(), &script)?;
        certbot(&arguments)?;
        let made = self.deploy(&request)?;
        if let Some(leaf) = made.leaf() {
            let (names, until) = (leaf.names.join(", "), day(leaf.not_after));
            report::talk(format_args!("{}: for {names}, until {until}", request.hook.pem.display()));
        }
        report::talk("certbot renews it by itself; to try that: certbot renew --dry-run");
        Ok(Exit::Done)
    }

    fn request(&self) -> Result<LetsEncrypt, Failure> {
        let mut domains = Vec::new();
        for name in &self.domains {
            let domain = Domain::parse(name).map_err(|why| {
                Failure::new(why.to_string())
                    .hint("for an address or a network without names: `hal cert self-signed`")
            })?;
            domains.push(domain);
        }
        let absolute = |path: &Path| {
            // certbot's timer runs the hook in another folder.
            std::path::absolute(path).map_err(|error| not_written(path, &error))
        };
        let reload = if self.no_reload {
            Reload::Nobody
        } else if let Some(command) = &self.reload {
            Reload::Command(command.clone())
        } else {
            let pid_file = self.haproxy_pid.as_deref().map(absolute).transpose()?;
            Reload::Haproxy { config: absolute(&self.haproxy_config)?, pid_file }
        };
        let challenge = match &self.webroot {
            Some(dir) => Challenge::Webroot(absolute(dir)?),
            None => {
                Challenge::Standalone { address: self.challenge_address.clone(), port: self.challenge_port }
            }
        };
        Ok(LetsEncrypt {
            domains,
            email: self.email.clone(),
            server: self.server.clone(),
            cert_name: self.cert_name.clone(),
            challenge,
            certbot_dir: self.certbot_dir.as_deref().map(absolute).transpose()?,
            hook: Hook { pem: absolute(&self.pem)?, owner: self.owner.clone(), reload },
        })
    }

    /// Sees to it that the newest certificate is in place and served.
    ///
    /// certbot runs its hook for a new certificate only, and says nothing in its exit code when the hook fails. So the
    /// file and the server are looked at, and the hook is run again where they are not as they should be.
    fn deploy(&self, request: &LetsEncrypt) -> Result<Report, Failure> {
        let lineage = request.lineage();
        let chain = lineage.join("fullchain.pem");
        let newest = fs::read(&chain)
            .map_err(|error| Failure::new(format!("{} cannot be read: {error}", chain.display())))?;
        let in_place = || fs::read(&request.hook.pem).is_ok_and(|text| text.starts_with(&newest));
        let look = || status::of_file(&request.hook.pem, None, &self.domains, unix_now() as i64);
        if in_place() {
            let made = look()?;
            if self.no_check {
                report::hint("see that it is served: hal cert status FILE --server https://NAME");
                return Ok(made);
            }
            if self.wait_until_served(&made, SERVED_SOON).is_ok() {
                report::talk("the server shows it");
                return Ok(made);
            }
            report::talk("the certificate is in its file, but not served yet: running the hook");
        } else {
            report::talk("the certificate is not in its file yet: running the hook");
        }
        let ended = Command::new("sh")
            .arg(request.hook_path())
            .env("RENEWED_LINEAGE", &lineage)
            .status()
            .map_err(|error| Failure::new(format!("the hook cannot be run: {error}")))?;
        if !ended.success() {
            let again = format!("RENEWED_LINEAGE={} sh {}", lineage.display(), request.hook_path().display());
            return Err(Failure::new("there is a new certificate, but it could not be put into service")
                .hint(format!("the lines above say why; then run again: {again}")));
        }
        let made = look()?;
        if !self.no_check {
            self.wait_until_served(&made, SERVED_WITHIN)?;
            report::talk("the server shows it");
        }
        Ok(made)
    }

    fn wait_until_served(&self, made: &Report, limit: Duration) -> Result<(), Failure> {
        let host = &self.domains[0];
        let target = status::target(&format!("https://{host}"), None)?;
        let at = self.check.as_deref().map(status::parse).transpose()?;
        let deadline = now() + limit;
        loop {
            let seen = status::of_server(&target, at.as_ref(), &[], unix_now() as i64);
            if seen.as_ref().is_ok_and(|seen| seen.leaf().is_some() && seen.leaf() == made.leaf()) {
                return Ok(());
            }
            if now() > deadline {
                let place = self.check.as_deref().unwrap_or(host);
                let what = match seen {
                    Ok(_) => format!("{place} still shows another one"),
                    Err(why) => format!("{place} cannot be asked for it: {}", why.message),
                };
                return Err(Failure::new(format!("the certificate is made, but {what}"))
                    .hint("reload HAProxy: systemctl reload haproxy")
                    .hint(format!("its bind line must name this file: crt {}", made.subject))
                    .hint(
                        "see again with: hal cert status FILE --server https://NAME; --no-check skips it",
                    ));
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
    }
}

fn certbot(arguments: &[String]) -> Result<(), Failure> {
    report::talk(format_args!("running: certbot {}", arguments.join(" ")));
    let out = Command::new("certbot").args(arguments).output().map_err(|error| {
        let failure = Failure::new(format!("certbot cannot be run: {error}"));
        failure.hint("install it: apt-get install certbot (elsewhere: https://certbot.eff.org)")
    })?;
    let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        report::talk(format_args!("  {line}"));
    }
    if out.status.success() {
        return Ok(());
    }
    match explain(&said) {
        Some((what, todo)) => Err(Failure::new(what).hint(todo)),
        None => Err(Failure::new("certbot did not get a certificate").hint("its lines above say why")),
    }
}

/// Writes the hook: for root to run, for everybody to read.
fn install(path: &Path, script: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| not_written(path, &error);
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(failed)?;
    let new = path.with_extension("sh.new");
    let mut file = fs::File::create(&new).map_err(failed)?;
    file.write_all(script.as_bytes()).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(failed)?;
    }
    file.sync_all().map_err(failed)?;
    fs::rename(&new, path).map_err(failed)?;
    report::talk(format_args!("{}: what runs after each renewal", path.display()));
    Ok(())
}

fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot write {}: {error}", path.display()));
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        failure.hint("run it with sudo")
    } else {
        failure
    }
}

fn refused(refused: Refused) -> Failure {
    Failure::new(refused.to_string())
}
