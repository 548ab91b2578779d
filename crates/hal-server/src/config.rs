//! Settings: a struct beside what each part needs, read from `hal.toml` in the data folder and from the environment.
//!
//! Nothing is opened here. Unknown keys are refused, and the error names the key.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use hal_db::hashed::Encoding;
use hal_db::qmclient::Address;
use serde::Deserialize;

use crate::networks::Networks;

mod limits;
mod reload;

use self::reload::Given;
pub use self::reload::{Changed, RELOADABLE};

/// The port of the Voice Gateway.
pub const GATEWAY_PORT: u16 = 8768;
/// The port of the QM Listener.
pub const LISTENER_PORT: u16 = 8767;

/// What `hal serve` was asked for on its command line; it has the last word over the file.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    pub demo: bool,
    pub data: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub qm_listen: Option<SocketAddr>,
    /// `HOST:PORT` of a listener elsewhere.
    pub qm: Option<String>,
    pub only: Option<Role>,
    /// TLS of the gateway's own.
    pub tls: bool,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_names: Vec<String>,
    pub redirect_listen: Option<SocketAddr>,
    pub log_file: Option<PathBuf>,
    /// The log may have colours.
    pub colour: bool,
    /// Nobody signs in, wherever they come from: an explicit wish.
    pub allow_remote: bool,
}

/// Half of HAL, where it is split over two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Gateway,
    Listener,
}

/// The settings file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub household: Household,
    pub gateway: Gateway,
    pub limits: Limits,
    pub tls: Tls,
    pub listener: Listener,
    pub speech: Speech,
    pub log: Log,
    pub metrics: Metrics,
    pub audit: Audit,
    /// The keys as they were given, to see later which have changed.
    #[serde(skip)]
    given: Given,
    pub database: Database,
}

/// The records: for how long what they were is kept; and a QM server that is asked instead of the data folder. Holds no password.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// For how many days what records were before is kept, 0 for not at all; none: as the account says (`HISTORY KEEP`).
    pub history_days: Option<u64>,
    /// `qmclient://user@host:4243/ACCOUNT`; none or empty: the records of the data folder.
    #[serde(deserialize_with = "address")]
    pub url: Option<Address>,
    /// File whose first line is the password; without it the variable `HAL_QM_PASSWORD` holds it.
    pub password_file: Option<PathBuf>,
    /// Files to copy beside those that HAL's own skills ask.
    pub files: Vec<String>,
    /// How the account's text is encoded: `utf-8`, `latin1` or `windows-1252`.
    #[serde(deserialize_with = "encoding")]
    pub encoding: Encoding,
    /// How often the copy is refreshed when nobody asks.
    pub refresh_seconds: u64,
    /// A question waits for a refresh when the copy is older than this.
    pub fresh_seconds: u64,
    /// So long it waits at most, then it is answered from the copy there is.
    pub wait_ms: u64,
    /// How long the server may take for one reply.
    pub reply_seconds: u64,
    /// A file with more megabytes of records than this is not copied.
    pub file_mb_max: usize,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            history_days: None,
            url: None,
            password_file: None,
            files: Vec::new(),
            encoding: Encoding::default(),
            refresh_seconds: 60,
            fresh_seconds: 5,
            wait_ms: 1_500,
            reply_seconds: 10,
            file_mb_max: 64,
        }
    }
}

impl Database {
    /// Refuses what cannot be meant, naming the key.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.url.as_ref().is_some_and(|address| address.user.is_none()) {
            bail!("database.url names no user\n\nhint: write it as qmclient://user@host:4243/ACCOUNT");
        }
        for (key, value, least, most) in [
            ("refresh_seconds", self.refresh_seconds, 1, 86_400),
            ("fresh_seconds", self.fresh_seconds, 0, 86_400),
            ("wait_ms", self.wait_ms, 0, 10_000),
            ("reply_seconds", self.reply_seconds, 1, 120),
            ("file_mb_max", self.file_mb_max as u64, 1, 192),
        ] {
            if !(least..=most).contains(&value) {
                bail!("database.{key} is {value}; it may be {least} to {most}");
            }
        }
        Ok(())
    }
}

fn address<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Address>, D::Error> {
    let text = String::deserialize(value)?;
    // Its errors never repeat the text, which may hold a password.
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
}

fn encoding<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Encoding, D::Error> {
    let name = String::deserialize(value)?;
    Encoding::from_name(&name).ok_or_else(|| {
        serde::de::Error::custom(format!("the encoding {name} is not known: utf-8, latin1 or windows-1252"))
    })
}

/// Whose records these are, until people sign in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Household {
    /// Id of the PERSON record that "I" and "my" mean. Without it: `P001`, or the only person there is.
    pub person: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    pub listen: SocketAddr,
    /// Connections at once; one more is told that HAL is busy.
    pub connections_max: usize,
    /// Web pages of other hosts that may connect, as `https://host`. A page of the gateway's own host always may.
    pub origins: Vec<String>,
    /// Proxies that are believed when they say where requests come from, by `X-Forwarded-For` or a PROXY header. None named:
    /// every private address.
    pub proxies: Option<Networks>,
    /// The proxies that are named verify certificates of clients, and say in `X-HAL-Client-Certificate` whose it was.
    pub proxy_certificates: bool,
    /// How long a shutdown waits for answers that are on their way.
    pub drain_seconds: u64,
}

impl Gateway {
    /// Refuses what cannot be meant, naming the key.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.proxy_certificates && self.proxies.is_none() {
            bail!(
                "gateway.proxy_certificates is on, and gateway.proxies names nobody\n\n\
                 hint: name the proxies that verify certificates, as proxies = [\"127.0.0.1\"]"
            );
        }
        Ok(())
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: loopback(GATEWAY_PORT),
            connections_max: 12_000,
            origins: Vec::new(),
            proxies: None,
            proxy_certificates: false,
            drain_seconds: 20,
        }
    }
}

/// What one user, one device and one address may take of a gateway. 0 is without a limit, but for the last five.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub user_connections: u64,
    pub device_connections: u64,
    pub address_connections: u64,
    /// HTTP requests, WebSocket handshakes among them; health checks are not counted.
    pub address_requests_per_minute: u64,
    pub user_turns_per_minute: u64,
    pub device_turns_per_minute: u64,
    pub address_turns_per_minute: u64,
    /// WebSocket messages of every kind.
    pub user_messages_per_minute: u64,
    pub device_messages_per_minute: u64,
    pub address_messages_per_minute: u64,
    pub user_megabytes_per_minute: u64,
    pub device_megabytes_per_minute: u64,
    pub address_megabytes_per_minute: u64,
    pub user_sound_seconds_per_minute: u64,
    pub device_sound_seconds_per_minute: u64,
    pub address_sound_seconds_per_minute: u64,
    pub user_sound_seconds_per_hour: u64,
    pub device_sound_seconds_per_hour: u64,
    pub address_sound_seconds_per_hour: u64,
    /// Refusals of one connection; one more ends it.
    pub refusals_per_minute: u64,
    /// The longest message without sound.
    pub text_kilobytes: u64,
    /// From the first byte of a message to its last.
    pub message_seconds: u64,
    /// Who has not shown any life for so long makes room when more than half of the places are taken.
    pub first_message_seconds: u64,
    /// Messages that have begun and are not whole, of all connections together.
    pub unfinished_megabytes: u64,
}

/// TLS of the gateway's own, for those without HAProxy.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// With `cert` it is on in any case; without, the certificate comes from an authority of one's own in the data folder.
    pub enabled: bool,
    /// Certificate and chain, and the key unless `key` names it (PEM).
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// The authority whose certificates sign devices in. None: that of `hal cert client` in the data folder, where it exists.
    pub client_ca: Option<PathBuf>,
    /// Names and addresses for a certificate of one's own, beside those that are found.
    pub names: Vec<String>,
    /// A port that sends http to https and answers an authority's challenge.
    pub redirect: Option<SocketAddr>,
    /// Whether browsers are told to insist on TLS for this name (Strict-Transport-Security). None: unless the certificate is of
    /// an authority of one's own.
    pub hsts: Option<bool>,
    /// The folder that `certbot --webroot` writes its answers to.
    pub webroot: Option<PathBuf>,
}

impl Tls {
    pub fn is_on(&self) -> bool {
        self.enabled || self.cert.is_some()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listener {
    pub listen: SocketAddr,
    /// Connections at once; one more waits in the kernel.
    pub connections_max: usize,
    /// Questions answered at once; each may read the disk.
    pub questions_at_once: usize,
    /// Who needs to sign in: `loopback-open` or `required`.
    pub sign_in: SignIn,
    /// The secret that gateways on other machines prove to know; `listener.secret` in the data folder where it is not set.
    pub secret_file: Option<PathBuf>,
}

/// Who needs to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignIn {
    /// Everybody but programs on this machine that reach a port without a proxy: they are the owner's.
    #[default]
    LoopbackOpen,
    Required,
    /// Nobody, wherever they come from: only ever by a word on the command line.
    #[serde(skip)]
    Nobody,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            listen: loopback(LISTENER_PORT),
            connections_max: 1_000,
            questions_at_once: 16,
            sign_in: SignIn::default(),
            secret_file: None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speech {
    /// Name of the engine that hears, or `none`.
    pub hear: String,
    /// Name of the engine that speaks, or `none`.
    pub speak: String,
    /// Utterances recognised at once; each takes memory of its own.
    pub recognisers: usize,
    /// Voice of the speaking engine, e.g. `en-us`.
    pub voice: Option<String>,
}

impl Default for Speech {
    fn default() -> Self {
        Self { hear: "pocketsphinx".to_owned(), speak: "espeak".to_owned(), recognisers: 4, voice: None }
    }
}

/// Numbers and time lines of the server's work. All are off unless set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Where Prometheus finds `/metrics`. Not the gateway's port, which can be reached from outside.
    pub listen: Option<SocketAddr>,
    /// A collector of OpenTelemetry, e.g. `http://127.0.0.1:4318`.
    pub otlp: Option<String>,
    /// The same for the time line of each turn, as spans.
    pub traces: Option<String>,
}

/// How much of the audit log stays.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// For how many days; 0: for ever.
    pub days: u32,
    /// More are not kept, whatever their days.
    pub entries_max: u64,
}

impl Default for Audit {
    fn default() -> Self {
        // A year, and some weeks to look at it. A million entries take about 300 MB.
        Self { days: 400, entries_max: 1_000_000 }
    }
}

impl Audit {
    /// Refuses what cannot be meant, naming the key.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.days > 36_500 {
            bail!("audit.days is {}; it may be 0, for ever, to 36500", self.days);
        }
        if !(1_000..=100_000_000).contains(&self.entries_max) {
            bail!("audit.entries_max is {}; it may be 1000 to 100000000", self.entries_max);
        }
        Ok(())
    }
}

/// What is noted about the server's work. Never what people say, and never their records.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`; the variable `HAL_LOG` stands over it.
    pub level: String,
    pub format: LogFormat,
    /// Instead of stderr.
    pub file: Option<PathBuf>,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, file: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

impl Config {
    /// Reads `hal.toml` in `data`, if there is one, and the `HAL_SECTION__KEY` variables of `environment` over it.
    pub fn load(data: &Path, environment: impl Iterator<Item = (String, String)>) -> anyhow::Result<Config> {
        let path = data.join("hal.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Self::parse(&text, environment).with_context(|| format!("in {} or its variables", path.display()))
    }

    /// Reads it again, and tells which keys have changed since `before`, and which of them need a new start.
    ///
    /// # Errors
    /// As [`Config::load`]; nothing is changed then.
    pub fn reload(
        data: &Path,
        environment: impl Iterator<Item = (String, String)>,
        before: &Config,
    ) -> anyhow::Result<(Config, Changed)> {
        let config = Self::load(data, environment)?;
        let changed = config.given.changed_since(&before.given);
        Ok((config, changed))
    }

    fn parse(text: &str, environment: impl Iterator<Item = (String, String)>) -> anyhow::Result<Config> {
        let mut table: toml::Table = toml::from_str(text)?;
        for (name, value) in environment {
            let Some((section, key)) = name.strip_prefix("HAL_").and_then(|rest| rest.split_once("__"))
            else {
                continue;
            };
            let section = table
                .entry(section.to_ascii_lowercase())
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let Some(section) = section.as_table_mut() else { bail!("{name}: not a section of settings") };
            // A number or list as TOML writes it; anything else is text.
            let value = toml::from_str::<toml::Table>(&format!("value = {value}"))
                .ok()
                .and_then(|mut table| table.remove("value"))
                .unwrap_or(toml::Value::String(value));
            section.insert(key.to_ascii_lowercase(), value);
        }
        let given = Given::new(table.clone());
        let mut config: Config = table.try_into()?;
        config.given = given;
        Ok(config)
    }

    /// Puts the command line over the file.
    pub fn with(mut self, options: &ServeOptions) -> Config {
        if let Some(listen) = options.listen {
            self.gateway.listen = listen;
        }
        if let Some(listen) = options.qm_listen {
            self.listener.listen = listen;
        }
        self.tls.enabled |= options.tls;
        if options.tls_cert.is_some() {
            // The file's key belongs to the file's certificate.
            self.tls.cert.clone_from(&options.tls_cert);
            self.tls.key.clone_from(&options.tls_key);
        }
        self.tls.names.extend(options.tls_names.iter().cloned());
        if options.log_file.is_some() {
            self.log.file.clone_from(&options.log_file);
        }
        if options.redirect_listen.is_some() {
            self.tls.redirect = options.redirect_listen;
        }
        if options.allow_remote && self.listener.sign_in == SignIn::LoopbackOpen {
            self.listener.sign_in = SignIn::Nobody;
        }
        self
    }
}

/// The folder that holds a user's data when none is named: what each platform expects.
pub fn default_data_dir() -> anyhow::Result<PathBuf> {
    if let Some(dir) = std::env::var_os("HAL_DATA") {
        return Ok(PathBuf::from(dir));
    }
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        variable("XDG_DATA_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/share")))
    };
    let base = base.context("no home folder is known; name a data folder with --data DIR")?;
    Ok(base.join("hal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> anyhow::Result<Config> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::parse(text, environment)
    }

    #[test]
    fn the_environment_stands_over_the_file_and_the_file_over_the_defaults() {
        let config = parse(
            "[gateway]\nlisten = \"127.0.0.1:1\"\n[speech]\nrecognisers = 2",
            &[("HAL_SPEECH__RECOGNISERS", "3"), ("HAL_HOUSEHOLD__PERSON", "P7"), ("HAL_SERVER_URL", "x")],
        )
        .expect("valid");
        assert_eq!(config.gateway.listen.port(), 1);
        assert_eq!(config.speech.recognisers, 3);
        assert_eq!(config.household.person.as_deref(), Some("P7"));
        assert_eq!(config.listener.listen, loopback(LISTENER_PORT));
    }

    #[test]
    fn a_password_has_no_place_in_the_settings_and_is_not_repeated() {
        let config = parse("", &[("HAL_DATABASE__URL", "qmclient://ann@qm.example.com/hal")]).expect("valid");
        let url = config.database.url.as_ref().expect("an address");
        assert_eq!(url.to_string(), "qmclient://ann@qm.example.com:4243/HAL");
        assert!(parse("", &[("HAL_DATABASE__URL", "")]).expect("valid").database.url.is_none());
        for (text, variable) in [
            ("[database]\nurl = \"qmclient://ann:letmein@host/HAL\"", ("HAL_SPEECH__HEAR", "none")),
            ("[database]\npassword = \"letmein\"", ("HAL_SPEECH__HEAR", "none")),
            ("", ("HAL_DATABASE__PASSWORD", "letmein")),
            ("", ("HAL_DATABASE__URL", "qmclient://ann:letmein@host/HAL")),
        ] {
            let error = parse(text, &[variable]).expect_err("refused");
            assert!(!format!("{error:#} {error:?}").contains("letmein"), "{error:#}");
        }
    }

    #[test]
    fn limits_of_the_database_are_refused_by_name() {
        let check = |text: &str| parse(text, &[]).expect("valid").database.check();
        check("").expect("the defaults");
        let error = check("[database]\nwait_ms = 60000").expect_err("too long");
        assert!(error.to_string().contains("database.wait_ms"), "{error}");
        let error = check("[database]\nurl = \"qmclient://host/HAL\"").expect_err("no user");
        assert!(error.to_string().contains("no user"), "{error}");
        assert!(parse("[database]\nencoding = \"ebcdic\"", &[]).is_err());
    }

    #[test]
    fn history_is_as_the_account_says_unless_set() {
        assert_eq!(parse("", &[]).expect("valid").database.history_days, None);
        let set = parse("[database]\nhistory_days = 30", &[("HAL_DATABASE__HISTORY_DAYS", "0")]);
        assert_eq!(set.expect("valid").database.history_days, Some(0));
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = parse("[gateway]\nport = 1", &[]).expect_err("unknown");
        assert!(error.to_string().contains("port"), "{error:#}");
    }
}
