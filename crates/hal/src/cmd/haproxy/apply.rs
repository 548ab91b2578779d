//! `hal haproxy apply`: puts a file in place, makes it active, and takes it back if the gateway cannot be reached
//! through it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use hal_server::edge::haproxy::installed::{self, Checked};
use hal_server::edge::haproxy::{Form, HaproxyOptions, Mode, render};
use rustls::pki_types::ServerName;

use super::{PROGRAM, What, missing_certificate, refused};
use crate::client::tls;
use crate::report::{self, Exit, Failure};

/// Put a file in place: check it, keep the old one, reload HAProxy, look whether
/// the gateway is reached through it, and go back if it is not.
///
/// Takes the words of `hal haproxy`, or with --from a file that is written already.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Apply {
    #[command(flatten)]
    what: What,
    /// The file that HAProxy reads.
    #[arg(long, value_name = "FILE", default_value = "/etc/haproxy/haproxy.cfg")]
    file: PathBuf,
    /// Install this file, instead of one that is written now.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Reload the HAProxy whose master process has its number in this file, not the
    /// service.
    #[arg(long, value_name = "FILE", conflicts_with = "master_socket")]
    pid_file: Option<PathBuf>,
    /// Reload the HAProxy whose master listens on this socket.
    #[arg(long, value_name = "SOCKET")]
    master_socket: Option<PathBuf>,
    /// Seconds that the gateway has to answer through HAProxy.
    #[arg(long, value_name = "N", default_value_t = 15)]
    wait: u64,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  hal haproxy apply --mode subdomain --domain hal.example.com --dry-run
  hal haproxy apply --mode subdomain --domain hal.example.com
  hal haproxy check old.cfg --fix -o new.cfg
  hal haproxy apply --mode subdomain --domain hal.example.com --from new.cfg";

/// A header value of HAL's files; its end tells which file an answer came through.
const MARK: &str = "http-after-response set-header X-HAL-Proxy haproxy";

impl Apply {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let options = self.what.options(Form::Whole)?;
        let text = self.text(&options)?;
        let (text, mark) = marked(&text);
        accepted(&text, &options)?;
        // A link is followed: what it leads to is replaced, not the link.
        let file = fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        let reload = self.reload()?;
        let probe = Probe::of(&options, mark);
        let old = match fs::read(&file) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(cannot("read", &file, &error)),
        };
        let backup = old.as_ref().map(|_| backup_name(&file));
        if self.dry_run {
            let steps = self.steps(&file, &text, old.as_deref(), backup.as_deref(), &reload, &probe);
            report::data(&steps)?;
            return Ok(Exit::Done);
        }
        if let Some(backup) = &backup {
            keep(&file, backup).map_err(|error| cannot("write", backup, &error))?;
            report::talk(format_args!("kept: {}", backup.display()));
        }
        replace(&file, text.as_bytes()).map_err(|error| cannot("write", &file, &error))?;
        report::talk(format_args!("written: {}", file.display()));
        let patience = Duration::from_secs(self.wait);
        let outcome = reload.run().and_then(|()| {
            report::talk(format_args!("reloaded: {reload}"));
            patiently(patience, &reload, || probe.reached())
        });
        match outcome {
            Ok(()) => {
                report::talk(format_args!("reached: the gateway answers through HAProxy at {}", probe.url()));
                Ok(Exit::Done)
            }
            Err(why) => Err(Apply::roll_back(&file, backup.as_deref(), &reload, &probe, &why)),
        }
    }

    fn text(&self, options: &HaproxyOptions) -> Result<String, Failure> {
        match &self.from {
            None => {
                self.what.talk_about(options);
                render(options).map_err(refused)
            }
            Some(from) => fs::read_to_string(from).map_err(|error| cannot("read", from, &error)),
        }
    }

    fn reload(&self) -> Result<Reload, Failure> {
        if let Some(file) = &self.pid_file {
            return Ok(Reload::Signal { pid_file: file.clone() });
        }
        if let Some(socket) = &self.master_socket {
            return Ok(Reload::Socket(socket.clone()));
        }
        if Path::new("/run/systemd/system").exists() {
            return Ok(Reload::Systemd);
        }
        let pid_file =
            ["/run/haproxy.pid", "/var/run/haproxy.pid"].map(Path::new).into_iter().find(|f| f.exists());
        match pid_file {
            Some(file) => Ok(Reload::Signal { pid_file: file.to_owned() }),
            None => Err(Failure::new(
                "there is no systemd here, and no HAProxy that says its number in /run/haproxy.pid",
            )
            .hint("name its master process: --pid-file FILE or --master-socket SOCKET")
            .hint("or write the file only: hal haproxy --mode … --output FILE")),
        }
    }

    fn steps(
        &self,
        file: &Path,
        text: &str,
        old: Option<&[u8]>,
        backup: Option<&Path>,
        reload: &Reload,
        probe: &Probe,
    ) -> String {
        let mut steps = vec!["HAProxy accepts the new file.".to_owned()];
        match (old, backup) {
            (Some(old), _) if old == text.as_bytes() => {
                steps.push(format!("{} is so already.", file.display()))
            }
            (_, Some(backup)) => {
                steps.push(format!("Would keep {} as {}.", file.display(), backup.display()))
            }
            _ => {}
        }
        steps.push(format!("Would write {} lines to {}.", text.lines().count(), file.display()));
        steps.push(format!("Would reload: {reload}."));
        steps.push(format!("Would wait {} s for the gateway to answer at {}", self.wait, probe.url()));
        steps.push("and put the old file back if it does not.".to_owned());
        steps.join("\n") + "\n"
    }

    /// Puts the old file back and makes it active; gives what is to be said about it.
    fn roll_back(file: &Path, backup: Option<&Path>, reload: &Reload, probe: &Probe, why: &str) -> Failure {
        let rejected = beside(file, "rejected");
        let kept = fs::copy(file, &rejected).is_ok();
        let restored = match backup {
            Some(backup) => fs::rename(backup, file),
            // There was none: nothing is left behind that a restart would take up.
            None => fs::remove_file(file),
        };
        let back = restored.map_err(|error| error.to_string()).and_then(|()| match backup {
            Some(_) => reload.run().and_then(|()| patiently(BACK_LIMIT, reload, || probe.is_gone())),
            // There was no file before, so there is nothing to go back to.
            None => Ok(()),
        });
        let mut failure = match back {
            Ok(()) if backup.is_none() => {
                Failure::new(format!("{why}; there was no file before, so it is taken away again"))
            }
            Ok(()) => Failure::new(format!("{why}; the old file is back in place and active")),
            Err(error) => Failure::new(format!("{why}; going back failed as well: {error}"))
                .hint(format!("look at {} yourself, then: {reload}", file.display())),
        };
        if kept {
            failure = failure.hint(format!("the file that did not work is {}", rejected.display()));
        }
        failure.hint("is the gateway running? `curl http://127.0.0.1:8768/healthz` answers 200 then")
    }
}

/// `FILE.bak-SECONDS`, one that is not there yet: an older backup is never written over.
fn backup_name(file: &Path) -> PathBuf {
    let now = super::super::cert::unix_now();
    let names = (now..).map(|number| beside(file, &format!("bak-{number}")));
    names.into_iter().find(|name| !name.exists()).expect("numbers do not end")
}

/// `FILE.WORD`.
fn beside(file: &Path, word: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{word}"));
    PathBuf::from(name)
}

fn cannot(what: &str, file: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(format!("cannot {what} {}: {error}", file.display()));
    if error.kind() == io::ErrorKind::PermissionDenied { failure.hint("run it with sudo") } else { failure }
}

/// Lets answers say through which file they came: the old worker of HAProxy goes on answering when a reload fails.
fn marked(text: &str) -> (String, Option<String>) {
    // FNV-1a: it need not be more than different.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let value = format!("haproxy-{hash:016x}");
    if !text.contains(MARK) {
        return (text.to_owned(), None);
    }
    (text.replace(MARK, &MARK.replace(" haproxy", &format!(" {value}"))), Some(value))
}

fn accepted(text: &str, options: &HaproxyOptions) -> Result<(), Failure> {
    let checked = installed::check_text(Path::new(PROGRAM), text)
        .map_err(|error| Failure::new(format!("cannot run {PROGRAM}: {error}")))?;
    match checked {
        Checked::Clean => Ok(()),
        Checked::NotInstalled => Err(Failure::new("haproxy is not installed here").hint(
            "apt-get install haproxy, or write the file with `hal haproxy --output FILE` and bring it there",
        )),
        Checked::Refused { said } => {
            report::talk(said);
            let failure = Failure::new("HAProxy does not accept the file; nothing was changed");
            Err(match missing_certificate(options) {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
    }
}

/// Copies `file` with its rights and its owner.
fn keep(file: &Path, copy: &Path) -> io::Result<()> {
    fs::copy(file, copy)?;
    take_owner(file, copy)
}

/// Writes beside `file`, then puts it in place in one step, with the rights and the owner of the old one.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(file, "new");
    // A link that somebody laid there is not followed.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut out = File::options().write(true).create_new(true).open(&new)?;
    if let Ok(metadata) = fs::metadata(file) {
        out.set_permissions(metadata.permissions())?;
        take_owner(file, &new)?;
    }
    out.write_all(bytes)?;
    out.sync_all()?;
    drop(out);
    fs::rename(&new, file)
}

#[cfg(unix)]
fn take_owner(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (old, new) = (fs::metadata(from)?, fs::metadata(to)?);
    if (old.uid(), old.gid()) == (new.uid(), new.gid()) {
        return Ok(());
    }
    std::os::unix::fs::chown(to, Some(old.uid()), Some(old.gid()))
}

#[cfg(not(unix))]
fn take_owner(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// How HAProxy is told to read its file again. Open conversations stay with its old worker.
enum Reload {
    Systemd,
    /// USR2 to the master process.
    Signal {
        pid_file: PathBuf,
    },
    /// `reload` to the socket of the master process.
    Socket(PathBuf),
}

impl std::fmt::Display for Reload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reload::Systemd => f.write_str("systemctl reload-or-restart haproxy"),
            Reload::Signal { pid_file } => write!(f, "kill -USR2 $(cat {})", pid_file.display()),
            Reload::Socket(socket) => write!(f, "echo reload | socat - {}", socket.display()),
        }
    }
}

impl Reload {
    fn run(&self) -> Result<(), String> {
        match self {
            Reload::Systemd => command("systemctl", &["reload-or-restart", "haproxy"]),
            Reload::Signal { pid_file } => {
                let text = fs::read_to_string(pid_file)
                    .map_err(|error| format!("{}: {error}", pid_file.display()))?;
                let pid: u32 =
                    text.trim().parse().ok().filter(|pid| *pid > 1).ok_or_else(|| {
                        format!("{} does not hold the number of a process", pid_file.display())
                    })?;
                command("kill", &["-USR2", &pid.to_string()])
            }
            Reload::Socket(socket) => {
                say_reload(socket).map_err(|error| format!("{}: {error}", socket.display()))
            }
        }
    }
}

fn command(program: &str, words: &[&str]) -> Result<(), String> {
    let out = Command::new(program).args(words).output().map_err(|error| format!("{program}: {error}"))?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
    Err(format!("`{program} {}` ended with {}: {said}", words.join(" "), out.status))
}

#[cfg(unix)]
fn say_reload(socket: &Path) -> io::Result<()> {
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"reload\n")?;
    let mut said = String::new();
    // From 2.7 on it says how it went; older ones close. What counts is what the gateway answers afterwards.
    stream.take(64 * 1024).read_to_string(&mut said).ok();
    if said.starts_with("Success=0") {
        return Err(io::Error::other(said.trim().to_owned()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn say_reload(_: &Path) -> io::Result<()> {
    Err(io::Error::other("the master of HAProxy has a socket on Unix only"))
}

/// Asks until it is so, or the time is over; gives the last reason then. HAProxy 2.6 loses a signal that comes while it
/// reads its file, so it is told again now and then.
#[allow(clippy::disallowed_methods, reason = "a person waits for a running program")]
fn patiently(
    patience: Duration,
    reload: &Reload,
    is_so: impl Fn() -> Result<(), String>,
) -> Result<(), String> {
    let deadline = Instant::now() + patience;
    let mut tell_again = Instant::now() + RELOAD_AGAIN;
    loop {
        let Err(why) = is_so() else { return Ok(()) };
        let now = Instant::now();
        if now >= deadline {
            return Err(format!("the gateway was not reached within {} s: {why}", patience.as_secs()));
        }
        if now >= tell_again && matches!(reload, Reload::Signal { .. } | Reload::Socket(_)) {
            tell_again = now + RELOAD_AGAIN;
            reload.run()?;
        }
        std::thread::sleep(PROBE_PAUSE);
    }
}

/// The question whether the gateway is reached through HAProxy.
struct Probe {
    port: u16,
    tls: bool,
    host: String,
    path: &'static str,
    /// What `X-HAL-Proxy` says when the answer came through the new file.
    mark: Option<String>,
}

const PROBE_LIMIT: Duration = Duration::from_secs(3);
const PROBE_PAUSE: Duration = Duration::from_millis(100);
/// How long a reload may take before HAProxy is told once more.
const RELOAD_AGAIN: Duration = Duration::from_secs(3);
const BACK_LIMIT: Duration = Duration::from_secs(10);

impl Probe {
    fn of(options: &HaproxyOptions, mark: Option<String>) -> Probe {
        let tls = options.mode.cert().is_some();
        let host = match &options.mode {
            Mode::Address { address: Some(address), .. } => address.to_string(),
            mode => mode.domain().map_or("127.0.0.1", |domain| domain.as_str()).to_owned(),
        };
        Probe {
            port: if tls { options.https_port } else { options.http_port },
            tls,
            host,
            path: if matches!(options.mode, Mode::Path { .. }) { "/voice/healthz" } else { "/healthz" },
            mark,
        }
    }

    fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}{}", self.port, self.path)
    }

    /// Whether the gateway answers through the new file.
    fn reached(&self) -> Result<(), String> {
        let head = self.ask().map_err(|error| format!("{}: {error}", self.url()))?;
        self.judge(&head)
    }

    /// Whether the new file no longer answers. Whether the old one reaches a gateway is not its business.
    fn is_gone(&self) -> Result<(), String> {
        match (self.ask(), &self.mark) {
            (Ok(head), Some(mark)) if head.contains(mark.as_str()) => {
                Err("the new file still answers".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, head: &str) -> Result<(), String> {
        let status = head.lines().next().unwrap_or_default().trim().to_owned();
        let header = |name: &str| {
            let mut pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
            pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        if let Some(mark) = &self.mark
            && header("x-hal-proxy") != Some(mark)
        {
            return Err(format!("{} is still answered by the old file ({status})", self.url()));
        }
        if status.split_ascii_whitespace().nth(1) != Some("200") || header("x-hal-gateway").is_none() {
            return Err(format!("{} answers {status}, and not from the gateway", self.url()));
        }
        Ok(())
    }

    /// The head of the answer.
    fn ask(&self) -> Result<String, String> {
        let failed = |error: io::Error| error.to_string();
        let address = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, self.port));
        let stream = TcpStream::connect_timeout(&address, PROBE_LIMIT).map_err(failed)?;
        stream.set_read_timeout(Some(PROBE_LIMIT)).map_err(failed)?;
        stream.set_write_timeout(Some(PROBE_LIMIT)).map_err(failed)?;
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let request =
            format!("GET {} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\n\r\n", self.path);
        if !self.tls {
            return exchange(stream, &request).map_err(failed);
        }
        let config = tls::blind_config().map_err(|failure| failure.message)?;
        let name = ServerName::try_from(self.host.clone()).map_err(|error| error.to_string())?;
        let connection =
            rustls::ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
        exchange(rustls::StreamOwned::new(connection, stream), &request).map_err(failed)
    }
}

fn exchange(mut stream: impl io::Read + io::Write, request: &str) -> io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let read = stream.take(64 * 1024).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.split_once("\r\n\r\n") {
        // A peer that closes TLS without saying goodbye has answered all the same.
        Some((head, _)) => Ok(head.to_owned()),
        None => Err(read.err().unwrap_or_else(|| io::Error::other("no answer came"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_in_every_answer_and_different_for_different_files() {
        let (one, first) = marked(&format!("frontend a\n    {MARK}\nfrontend b\n    {MARK} if x\n"));
        let first = first.unwrap();
        assert_eq!(one.matches(&first).count(), 2, "{one}");
        assert!(one.contains(&format!("{first} if x")), "{one}");
        let (_, second) = marked(&format!("frontend a\n    {MARK}\n# other\n"));
        assert_ne!(second.unwrap(), first);
        assert_eq!(marked("frontend a\n").1, None);
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_keeps_its_rights() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("haproxy.cfg");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        keep(&file, &beside(&file, "bak")).unwrap();
        replace(&file, b"new").unwrap();
        for (path, text) in [(file.clone(), "new"), (beside(&file, "bak"), "old")] {
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o640,
                "{}",
                path.display()
            );
        }
        assert!(!beside(&file, "new").exists());
    }

    #[test]
    fn an_answer_counts_when_it_is_the_gateways_and_came_through_the_new_file() {
        let probe = Probe {
            port: 443,
            tls: true,
            host: "h".into(),
            path: "/healthz",
            mark: Some("haproxy-1".into()),
        };
        let check = |head: &str| probe.judge(head);
        assert_eq!(check("HTTP/1.1 200 OK\r\nX-HAL-Gateway: 1\r\nX-HAL-Proxy: haproxy-1"), Ok(()));
        assert!(
            check("HTTP/1.1 200 OK\r\nx-hal-gateway: 1\r\nx-hal-proxy: haproxy")
                .unwrap_err()
                .contains("old file")
        );
        assert!(
            check("HTTP/1.1 503 x\r\nx-hal-proxy: haproxy-1").unwrap_err().contains("not from the gateway")
        );
        assert!(check("HTTP/1.1 200 OK\r\nx-hal-proxy: haproxy-1").is_err());
    }
}
