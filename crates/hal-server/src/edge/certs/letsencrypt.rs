//! A public certificate by certbot: the words of its command line, and the hook it runs after each renewal.
//!
//! Text only. The hook is a shell script and not a subcommand of `hal`, because it runs for years as root out of
//! certbot's timer: it must not depend on where this program lies, and whoever owns the machine can read all of it.

use std::path::{Path, PathBuf};

use super::super::haproxy::Domain;

/// Where certbot answers the challenge behind HAProxy; the file of `hal haproxy` sends it there.
pub const CHALLENGE_PORT: u16 = 8888;
/// The name of the certificate in certbot's own folders: `certbot renew --cert-name hal`.
pub const CERT_NAME: &str = "hal";
/// certbot's folder for accounts, keys and settings.
pub const CERTBOT_DIR: &str = "/etc/letsencrypt";

/// What to ask certbot for.
#[derive(Clone, Debug)]
pub struct LetsEncrypt {
    /// At least one; the first is the one that is checked afterwards.
    pub domains: Vec<Domain>,
    /// Gets a mail when a renewal is late. Without it nobody does.
    pub email: Option<String>,
    /// Directory URL of another authority, e.g. a test server.
    pub server: Option<String>,
    pub cert_name: String,
    pub challenge: Challenge,
    /// Three folders below this one instead of certbot's own in `/etc`, `/var/lib` and `/var/log`.
    pub certbot_dir: Option<PathBuf>,
    pub hook: Hook,
}

/// How the authority sees that the name is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// certbot listens here for the moment, and HAProxy leads the challenge to it.
    Standalone { address: String, port: u16 },
    /// Files in this folder, which somebody serves below `/.well-known/acme-challenge/`.
    Webroot(PathBuf),
}

/// What happens with a new certificate.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Certificate, chain and key in one file.
    pub pem: PathBuf,
    /// Who may read it, where that is not root.
    pub owner: Option<String>,
    pub reload: Reload,
}

/// Who has to learn of the new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    /// HAProxy, which is asked first whether it accepts the file. Without a `pid_file` it is the service of systemd,
    /// or where there is no systemd the process in `/run/haproxy.pid`.
    Haproxy { config: PathBuf, pid_file: Option<PathBuf> },
    /// A command of a shell.
    Command(String),
    /// Nobody: `hal serve --tls-cert` looks by itself.
    Nobody,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("no name is given for the certificate")]
    NoDomain,
    #[error("{given:?} cannot name a certificate: letters, digits, - and . only")]
    CertName { given: String },
    #[error("{given:?} is not a user of a system")]
    Owner { given: String },
    #[error("the path {} cannot be written into a script", path.display())]
    Path { path: PathBuf },
}

impl LetsEncrypt {
    /// The folder of certbot that holds `live` and `renewal`.
    pub fn config_dir(&self) -> PathBuf {
        self.certbot_dir.as_ref().map_or_else(|| PathBuf::from(CERTBOT_DIR), |dir| dir.join("config"))
    }

    /// Where certbot keeps the newest certificate and key.
    pub fn lineage(&self) -> PathBuf {
        self.config_dir().join("live").join(&self.cert_name)
    }

    /// Where the hook is written. Not beside the certificate: HAProxy loads every file of a `crt` folder.
    pub fn hook_path(&self) -> PathBuf {
        self.config_dir().join(format!("hal-deploy-{}.sh", self.cert_name))
    }

    /// What can be refused before anything is started.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&self) -> Result<(), Refused> {
        if self.domains.is_empty() {
            return Err(Refused::NoDomain);
        }
        if !is_plain_word(&self.cert_name) {
            return Err(Refused::CertName { given: self.cert_name.clone() });
        }
        hook(&self.hook)?;
        // certbot gives the hook's line to a shell.
        quoted_path(&self.hook_path()).map(|_| ())
    }

    /// The words after `certbot`. It asks nothing, and it remembers all of this for its renewals.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn arguments(&self) -> Result<Vec<String>, Refused> {
        self.check()?;
        let mut words: Vec<String> =
            ["certonly", "--non-interactive", "--agree-tos"].map(String::from).into();
        match &self.email {
            Some(email) => words.extend(["-m".to_owned(), email.clone()]),
            None => words.push("--register-unsafely-without-email".to_owned()),
        }
        match &self.challenge {
            Challenge::Standalone { address, port } => {
                words.extend(["--standalone".to_owned(), "--http-01-address".to_owned(), address.clone()]);
                words.extend(["--http-01-port".to_owned(), port.to_string()]);
            }
            Challenge::Webroot(dir) => {
                words.extend(["--webroot".to_owned(), "--webroot-path".to_owned(), path_text(dir)?]);
            }
        }
        words.extend(["--preferred-challenges", "http", "--key-type", "ecdsa"].map(String::from));
        words.extend(["--cert-name".to_owned(), self.cert_name.clone()]);
        for domain in &self.domains {
            words.extend(["-d".to_owned(), domain.as_str().to_owned()]);
        }
        if let Some(server) = &self.server {
            words.extend(["--server".to_owned(), server.clone()]);
        }
        words.extend(self.folder_arguments()?);
        words.extend(["--deploy-hook".to_owned(), quoted_path(&self.hook_path())?]);
        Ok(words)
    }

    /// The words that every call of certbot needs where its folders are others than usual.
    ///
    /// # Errors
    /// [`Refused::Path`].
    pub fn folder_arguments(&self) -> Result<Vec<String>, Refused> {
        let Some(dir) = &self.certbot_dir else { return Ok(Vec::new()) };
        let mut words = Vec::new();
        for (option, name) in [("--config-dir", "config"), ("--work-dir", "work"), ("--logs-dir", "logs")] {
            words.extend([option.to_owned(), path_text(&dir.join(name))?]);
        }
        Ok(words)
    }
}

fn is_plain_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['-', '.'])
}

fn path_text(path: &Path) -> Result<String, Refused> {
    let text = path.to_str().filter(|text| !text.is_empty() && !text.chars().any(char::is_control));
    text.map(str::to_owned).ok_or_else(|| Refused::Path { path: path.to_owned() })
}

fn quoted_path(path: &Path) -> Result<String, Refused> {
    Ok(quoted(&path_text(path)?))
}

/// One word of a POSIX shell: between single quotes nothing has a meaning but the single quote.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The script that certbot runs once for each new certificate.
///
/// # Errors
/// [`Refused`] for paths and users that cannot be written into a script.
pub fn hook(hook: &Hook) -> Result<String, Refused> {
    let pem = quoted_path(&hook.pem)?;
    let owner = match &hook.owner {
        None => String::new(),
        Some(user) if is_plain_word(user) => format!("chown {user} \"$new\"\n"),
        Some(user) => return Err(Refused::Owner { given: user.clone() }),
    };
    let (proof, reload) = match &hook.reload {
        Reload::Haproxy { config, pid_file } => {
            let pid_file = pid_file.as_deref().map(quoted_path).transpose()?;
            (haproxy_proof(&quoted_path(config)?), haproxy_reload(pid_file.as_deref()))
        }
        Reload::Command(command) => (
            String::new(),
            format!("( {command} ) || fail \"the file is new, but the reload command failed\"\n"),
        ),
        Reload::Nobody => (
            String::new(),
            "# Nothing to reload: `hal serve --tls-cert` sees the new file by itself.\n".to_owned(),
        ),
    };
    Ok(HOOK
        .replace("@PEM@", &pem)
        .replace("@OWNER@", &owner)
        .replace("@PROOF@", &proof)
        .replace("@RELOAD@", &reload))
}

const HOOK: &str = r#"#!/bin/sh
# Written by `hal cert letsencrypt`; edits are lost when that is run again.
# certbot runs it after each renewal, with RENEWED_LINEAGE = the folder of the new certificate.
set -eu
# No moment in which somebody else may read the key.
umask 077
pem=@PEM@

# certbot ends with 0 even when this script fails, and its timer has no reader: the log must know.
fail() {
    echo "hal-deploy: $1" >&2
    if command -v logger >/dev/null 2>&1; then logger -t hal-deploy -p daemon.err "$1" || true; fi
    exit 1
}

# In the same folder, so that the rename is one step.
new=$(mktemp "$pem.XXXXXX")
trap 'rm -f "$new"' EXIT
cat "$RENEWED_LINEAGE/fullchain.pem" "$RENEWED_LINEAGE/privkey.pem" > "$new"
chmod 600 "$new"
@OWNER@if command -v openssl >/dev/null 2>&1; then
    [ "$(openssl x509 -in "$new" -noout -pubkey)" = "$(openssl pkey -in "$new" -pubout)" ] ||
        fail "the new key does not belong to the new certificate; the old file stays"
    openssl x509 -in "$new" -noout -checkend 3600 >/dev/null ||
        fail "the new certificate has expired; the old file stays"
fi
# The old one stays until the new one is proved.
if [ -f "$pem" ]; then cp -p "$pem" "$new.old"; fi
trap 'rm -f "$new" "$new.old"' EXIT
mv "$new" "$pem"
@PROOF@@RELOAD@"#;

fn haproxy_proof(config: &str) -> String {
    format!(
        r#"config={config}
if command -v haproxy >/dev/null 2>&1 && [ -f "$config" ] && ! haproxy -c -q -f "$config"; then
    if [ -f "$new.old" ]; then mv "$new.old" "$pem"; fi
    fail "haproxy does not accept the new certificate; the old file is back"
fi
"#
    )
}

fn haproxy_reload(pid_file: Option<&str>) -> String {
    let systemd = match pid_file {
        Some(_) => "",
        None => {
            "if [ -d /run/systemd/system ]; then
    systemctl reload haproxy || fail \"the file is new, but haproxy could not be reloaded\"
    exit 0
fi
"
        }
    };
    format!(
        r#"# Open connections stay with the old process; new ones get the new certificate.
{systemd}pid_file={}
pid=$(head -n 1 "$pid_file") || fail "the file is new, but no running haproxy was found; reload it by hand"
kill -USR2 "$pid" || fail "the file is new, but haproxy (pid $pid) could not be told"
"#,
        pid_file.unwrap_or("/run/haproxy.pid")
    )
}

/// What certbot's output means and what to do about it; `None` for what nobody has met yet.
pub fn explain(output: &str) -> Option<(&'static str, &'static str)> {
    const KNOWN: [(&str, &str, &str); 9] = [
        (
            "Could not bind TCP port",
            "certbot cannot listen where the challenge is expected",
            "another program has that port; with HAProxy in front leave --challenge-port as it is (8888), and let \
             HAProxy have port 80",
        ),
        (
            "could not resolve URL",
            "the authority finds no address for the name",
            "add the DNS records first (`dig +short NAME` must answer with this machine's public address)",
        ),
        (
            "DNS problem",
            "the authority finds no address for the name",
            "add the DNS records first (`dig +short NAME` must answer with this machine's public address)",
        ),
        (
            "onnection refused",
            "the authority reached the address, and nothing answered on port 80",
            "HAProxy must run and listen on port 80, on IPv6 too if the name has an AAAA record",
        ),
        (
            "imeout during connect",
            "the authority does not get through to port 80",
            "open port 80 in the firewall and forward it in the router (`hal firewall --role proxy`)",
        ),
        (
            "Invalid response from",
            "something else than certbot answered the challenge",
            "HAProxy must lead /.well-known/acme-challenge/ to certbot: use the file of `hal haproxy`",
        ),
        (
            "too many certificates",
            "the authority has made too many certificates for this name lately",
            "wait for the time it names; for trials use --server \
             https://acme-staging-v02.api.letsencrypt.org/directory",
        ),
        (
            "bare IP address",
            "certbot makes no certificate for an address here",
            "give a name with --domain, or use `hal cert self-signed`",
        ),
        ("Another instance of Certbot", "certbot is running already", "wait a minute and try again"),
    ];
    KNOWN.iter().find(|(sign, ..)| output.contains(sign)).map(|(_, what, todo)| (*what, *todo))
}

#[cfg(test)]
mod tests;
