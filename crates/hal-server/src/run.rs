//! Starting, serving, draining: the server's table of contents.
//!
//! Settings are read and checked before anything is opened; everything is opened before anything is announced.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, bail};
use hal_db::Database;
use hal_db::qmclient::Address;
use hal_dialog::{Brain, Spoken};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use crate::auth::secret::{SharedSecret, token};
use crate::auth::{self, Auth, Rule};
use crate::clock::Clock;
use crate::config::{self, Config, LogFormat, Role, ServeOptions, default_data_dir};
use crate::demo;
use crate::engines::Engines;
use crate::gateway::tls::{self, Tls};
use crate::gateway::{self, Gateway, Link, Live, QUESTIONS_WAITING_MAX, Remote};
use crate::limits::{Gate, Limits};
use crate::listener::{self, Listener, Mirror, tcp};
use crate::logs::{self, Level};
use crate::metrics::{self, Metrics};
use crate::notify;
use crate::private_file;
use crate::signals::{Asked, Signals};

/// How often the recogniser learns of new names.
const VOCABULARY_INTERVAL: Duration = Duration::from_secs(30);
/// How long the end waits for a collector to take the last spans.
const TRACES_LIMIT: Duration = Duration::from_secs(3);

/// What a person at the terminal wants to know when the server runs.
#[derive(Debug)]
pub struct Ready {
    pub data: Option<PathBuf>,
    pub gateway: Option<SocketAddr>,
    pub listener: Option<SocketAddr>,
    /// `HOST:PORT` of the listener that the gateway asks, where it is another process.
    pub asks: Option<String>,
    /// What happened to the demo household.
    pub demo: Option<String>,
    /// Engines that are missing and how to install them; people that "my" does not know.
    pub notices: Vec<String>,
    /// Binding wider than loopback without sign-in.
    pub warnings: Vec<String>,
    /// Questions to try.
    pub offers: Vec<String>,
    /// TLS of the gateway's own.
    pub tls: Option<ReadyTls>,
    /// Where `/metrics` is.
    pub metrics: Option<SocketAddr>,
}

/// What a person must know of the gateway's own TLS.
#[derive(Debug)]
pub struct ReadyTls {
    /// The authority that clients must be told to trust, where it is our own.
    pub authority: Option<PathBuf>,
    /// The port that sends http to https.
    pub redirect: Option<SocketAddr>,
}

/// Serves until a signal ends it. `announce` is called once, when every port is open.
///
/// Errors: settings that cannot be used, ports that are taken, a database that cannot be opened.
pub fn run(options: ServeOptions, announce: impl FnOnce(&Ready) + Send) -> anyhow::Result<()> {
    let data = data_dir(&options)?;
    let config = Config::load(&data, std::env::vars())?.with(&options);
    let level = logs::start(&config.log, options.colour)?;
    check(&options, &config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(serve(&options, &config, &data, &level, announce));
    // Threads of the blocking pool that still work for connections that are gone.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

fn data_dir(options: &ServeOptions) -> anyhow::Result<PathBuf> {
    match &options.data {
        Some(data) => Ok(data.clone()),
        // Invented records never meet a user's own.
        None if options.demo => Ok(default_data_dir()?.join("demo")),
        None => default_data_dir(),
    }
}

/// What can be refused before a port is opened.
fn check(options: &ServeOptions, config: &Config) -> anyhow::Result<()> {
    if options.qm.is_some() && options.only != Some(Role::Gateway) {
        bail!("--qm names a listener elsewhere: use it with --only gateway");
    }
    if options.only == Some(Role::Gateway) && options.qm.is_none() {
        bail!("--only gateway needs the listener's address: add --qm HOST:8767");
    }
    if options.only == Some(Role::Gateway) && options.demo {
        bail!("--demo belongs to the process with the database: start `hal serve --only listener --demo`");
    }
    config.database.check()?;
    config.audit.check()?;
    config.gateway.check()?;
    config.limits.check()?;
    if config.database.url.is_some() && options.demo {
        bail!(
            "--demo brings invented records, and database.url names a server with real ones\n\n\
             hint: leave out one of them"
        );
    }
    if options.allow_remote && config.listener.sign_in == config::SignIn::Required {
        bail!("listener.sign_in = \"required\" and --allow-remote-without-sign-in contradict each other");
    }
    Ok(())
}

async fn serve(
    options: &ServeOptions,
    config: &Config,
    data: &std::path::Path,
    level: &Level,
    announce: impl FnOnce(&Ready) + Send,
) -> anyhow::Result<()> {
    let clock = Clock::start();
    let (drain, draining) = watch::channel(false);
    let mut ready = Ready {
        data: None,
        gateway: None,
        listener: None,
        asks: options.qm.clone(),
        demo: None,
        notices: Vec::new(),
        warnings: Vec::new(),
        offers: Vec::new(),
        tls: None,
        metrics: None,
    };
    let questions = Gate::new(config.listener.questions_at_once, QUESTIONS_WAITING_MAX);

    let reload = Arc::new(Notify::new());
    let metrics = Arc::new(Metrics::default());
    let mut served = None;

    // Ports first: a second server must not touch the first one's data.
    let with_gateway = options.only != Some(Role::Listener);
    let with_listener = options.only != Some(Role::Gateway);
    let listener_socket =
        if with_listener { Some(bind(config.listener.listen, "listener").await?) } else { None };
    let gateway_socket =
        if with_gateway { Some(bind(config.gateway.listen, "gateway").await?) } else { None };
    let redirect_socket = match config.tls.redirect {
        Some(address) if with_gateway && config.tls.is_on() => {
            Some(bind(address, "redirect to https").await?)
        }
        _ => None,
    };

    let metrics_socket = match config.metrics.listen {
        Some(address) => Some(bind(address, "page of metrics").await?),
        None => None,
    };
    let collector = |given: &Option<String>, signal, key| {
        let endpoint = given.as_deref().map(|given| metrics::otlp::Endpoint::parse(given, signal, key));
        endpoint.transpose()
    };
    let numbers_to = collector(&config.metrics.otlp, "metrics", "metrics.otlp")?;
    let spans_to = collector(&config.metrics.traces, "traces", "metrics.traces")?;
    let (traces, sending) = match spans_to {
        Some(endpoint) if with_gateway => {
            let (queue, sending) = metrics::traces::start(endpoint);
            (Some(queue), Some(sending))
        }
        _ => (None, None),
    };

    let local = if with_listener {
        ready.data = Some(data.to_owned());
        Some(open_listener(options, config, data, clock, &mut ready).await?)
    } else {
        None
    };
    let secret = secret(config, data, with_listener)?;
    let mut tasks = tokio::task::JoinSet::new();
    if let (Some(socket), Some(listener)) = (listener_socket, &local) {
        let address = socket.local_addr()?;
        ready.listener = Some(address);
        note_address(data, address);
        let limits = tcp::Limits {
            connections_max: config.listener.connections_max,
            questions_at_once: config.listener.questions_at_once,
        };
        tasks.spawn(listener::tcp::serve(
            socket,
            Arc::clone(listener),
            clock,
            limits,
            secret.clone(),
            draining.clone(),
        ));
    }
    if let Some(socket) = gateway_socket {
        ready.gateway = Some(socket.local_addr()?);
        let speech = config.speech.clone();
        let engines = Arc::new(tokio::task::spawn_blocking(move || Engines::open(&speech)).await?);
        ready.notices.extend(engines.notices().iter().cloned());
        let link = match (&local, &options.qm) {
            (Some(listener), _) => Link::local(Arc::clone(listener), questions),
            (None, Some(address)) => Link::remote(Remote::new(address.clone(), secret, clock)),
            (None, None) => bail!("a gateway without a listener"),
        };
        let tls = if config.tls.is_on() {
            let (tls, data) = (config.tls.clone(), data.to_owned());
            let opened = tokio::task::spawn_blocking(move || Tls::open(&tls, &data, clock));
            Some(Arc::new(opened.await??))
        } else {
            None
        };
        if let Some(tls) = &tls {
            let redirect = redirect_socket.as_ref().map(TcpListener::local_addr).transpose()?;
            ready.tls = Some(ReadyTls { authority: tls.own_authority(), redirect });
            tokio::spawn(Arc::clone(tls).watch(Arc::clone(&reload)));
            if let Some(redirect) = redirect_socket {
                let https_port = socket.local_addr()?.port();
                tasks.spawn(tls::serve_redirect(redirect, Arc::clone(tls), https_port, draining.clone()));
            }
        }
        let gateway = Arc::new(Gateway {
            clock,
            engines,
            link: Arc::new(link),
            config: config.gateway.clone(),
            live: RwLock::new(Live::new(&config.gateway)),
            metrics: Arc::clone(&metrics),
            board: Arc::default(),
            traces: traces.clone(),
            limits: Limits::new(config.limits.clone(), config.gateway.connections_max),
            door: gateway::limited::Door::default(),
            tls,
            is_open: options.allow_remote,
        });
        served = Some(Arc::clone(&gateway));
        let mut known = Known::default();
        if local.is_some() {
            // Before anybody can speak: a name that the recogniser was not told is never heard.
            known.refresh(&gateway).await;
        }
        tokio::spawn(keep_vocabulary(Arc::clone(&gateway), known));
        tasks.spawn(gateway::serve(socket, gateway, draining.clone()));
    }
    if let Some(socket) = metrics_socket {
        ready.metrics = Some(socket.local_addr()?);
        tasks.spawn(metrics::serve::serve(socket, Arc::clone(&metrics), draining.clone()));
    }
    if let Some(collector) = numbers_to {
        tokio::spawn(metrics::otlp::send(collector, Arc::clone(&metrics), clock));
    }
    if options.allow_remote {
        ready.warnings.push(
            "Nobody needs to sign in: whoever reaches these ports can read and change the records."
                .to_owned(),
        );
    }
    // Signals are caught before anybody is told that the server runs.
    let mut signals = Signals::new()?;
    // A log for programs has one JSON object in every line, and nothing else.
    if config.log.format == LogFormat::Json && config.log.file.is_none() {
        for text in ready.warnings.iter().chain(&ready.notices) {
            warn!(notice = text, "to know");
        }
    } else {
        announce(&ready);
    }
    notify::tell("READY=1");
    let address = |address: Option<SocketAddr>| address.map(|address| address.to_string());
    info!(gateway = address(ready.gateway), listener = address(ready.listener), "serving");

    let mut settings = config.clone();
    while signals.next().await == Asked::Reload {
        reload.notify_one();
        settings = read_again(settings, data, level, served.as_deref());
        if let Some(listener) = &local {
            listener.read_policy_again(data);
        }
    }
    notify::tell("STOPPING=1");
    info!("draining");
    // Nobody is listening any more only if everything has ended already.
    drain.send(true).ok();
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} } => {}
        () = signals.end() => warn!("second signal: ending at once"),
    }
    if let (Some(traces), Some(sending)) = (traces, sending) {
        // The turns of the last seconds.
        traces.end();
        tokio::time::timeout(TRACES_LIMIT, sending).await.ok();
    }
    if let Some(listener) = local {
        let folder = data.to_owned();
        let end = move || {
            listener.keep_conversations(&folder);
            listener.flush();
        };
        tokio::task::spawn_blocking(end).await?;
    }
    Ok(())
}

/// Takes over the settings that can be changed while the server runs, and says which cannot. Those that are in force now
/// are given back; a file with a mistake changes nothing.
fn read_again(before: Config, data: &std::path::Path, level: &Level, gateway: Option<&Gateway>) -> Config {
    let read = Config::reload(data, std::env::vars(), &before).and_then(|(config, changed)| {
        config.limits.check()?;
        Ok((logs::level(&config.log)?, config, changed))
    });
    match read {
        Ok((wanted, config, changed)) => {
            level.set(wanted);
            if let Some(gateway) = gateway {
                let live = Live::new(&config.gateway);
                *gateway.live.write().unwrap_or_else(PoisonError::into_inner) = live;
                gateway.limits.set(config.limits.clone());
            }
            info!(changed = changed.taken.join(", "), "settings read again");
            if !changed.waiting.is_empty() {
                warn!(keys = changed.waiting.join(", "), "these settings need a new start");
            }
            config
        }
        Err(error) => {
            warn!(error = format!("{error:#}"), "the settings have a mistake; those of before stay");
            before
        }
    }
}

async fn bind(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("the {what} cannot listen on {address}: another program, perhaps another hal, has that port")
    })
}

/// Opens the database, brings it up to date, and makes what answers from it.
async fn open_listener(
    options: &ServeOptions,
    config: &Config,
    data: &std::path::Path,
    clock: Clock,
    ready: &mut Ready,
) -> anyhow::Result<Arc<Listener>> {
    if let Some(address) = &config.database.url {
        return open_copy(address, config, data, clock, ready).await;
    }
    let (dir, is_demo, today) = (data.to_owned(), options.demo, clock.moment().day);
    let history_days = config.database.history_days;
    let opened = tokio::task::spawn_blocking(move || -> anyhow::Result<(Database, Option<String>)> {
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let database = crate::holder::open(&dir, "hal serve")
            .map_err(|error| anyhow::anyhow!("{}", crate::holder::explain(&error, &dir)))?;
        if let Some(days) = history_days {
            keep_history(&database, days, clock)?;
        }
        hal_db::schema::ensure_household(&database)?;
        let demo = if is_demo { Some(demo::load(&database, today)?.to_string()) } else { None };
        Ok((database, demo))
    });
    let (database, demo) = opened.await??;
    ready.demo = demo;
    listener_over(database, None, config, data, options.demo, clock, ready)
}

/// The longest time that records' history is kept, in days.
const HISTORY_DAYS_MAX: u64 = 36_500;

/// Keeps what records were for so many days, from now on, in every program that opens the account; 0 forgets it.
fn keep_history(database: &Database, days: u64, clock: Clock) -> anyhow::Result<()> {
    if days > HISTORY_DAYS_MAX {
        bail!("database.history_days is {days}, but at most {HISTORY_DAYS_MAX} days can be kept");
    }
    let wanted = (days > 0).then_some(days);
    if database.snapshot()?.history_days()? != wanted {
        database.set_history(wanted, Arc::new(clock))?;
    }
    Ok(())
}

/// Folder of the copy, in the data folder: a user's own database there is never touched.
const COPY_DIR: &str = "qm-copy";

/// Opens the copy of an account on a QM server, refreshes it, and makes what answers from it.
async fn open_copy(
    address: &Address,
    config: &Config,
    data: &std::path::Path,
    clock: Clock,
    ready: &mut Ready,
) -> anyhow::Result<Arc<Listener>> {
    let dir = data.join(COPY_DIR);
    ready.data = Some(dir.clone());
    let (address, settings, data_dir) = (address.clone(), config.database.clone(), data.to_owned());
    let opened = tokio::task::spawn_blocking(move || -> anyhow::Result<(Database, Mirror, Vec<String>)> {
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let database = Database::open(&dir)?;
        let (mirror, notices) = Mirror::start(&settings, &address, &data_dir, &database, clock)?;
        Ok((database, mirror, notices))
    });
    let (database, mirror, notices) = opened.await??;
    ready.notices.extend(notices);
    listener_over(database, Some(mirror), config, data, false, clock, ready)
}

fn listener_over(
    database: Database,
    mirror: Option<Mirror>,
    config: &Config,
    data: &std::path::Path,
    demo: bool,
    clock: Clock,
    ready: &mut Ready,
) -> anyhow::Result<Arc<Listener>> {
    let own_skills = user_skills(&data.join("skills"))?;
    let brain = Brain::with_user_skills(&own_skills)?;
    let brain = if mirror.is_some() { brain.read_only() } else { brain };
    ready.offers = brain.offers().to_vec();
    let person = household_person(&database, config, demo)?;
    if person.is_none() {
        ready.notices.push(
            "I do not know whose records \"my\" means. Set person = \"ID\" under [household] in hal.toml to the id \
             of your PERSON record."
                .to_owned(),
        );
    }
    let rule = match config.listener.sign_in {
        config::SignIn::Nobody => Rule::Off,
        config::SignIn::LoopbackOpen => Rule::LoopbackOpen,
        config::SignIn::Required => Rule::Required,
    };
    let auth = Auth::open(data, rule)?;
    auth.ensure_owner(person.as_deref(), clock.unix_ms())?;
    auth.audit().keep(auth::Keep { days: config.audit.days, entries_max: config.audit.entries_max });
    let listener = Listener::new(database, brain, Arc::new(auth), clock, mirror);
    // Before anybody can ask: what is begun anew is not found again.
    listener.read_conversations(data);
    listener.keep_backups(data);
    Ok(listener)
}

/// Where commands on this machine find the listener. Without the file they work on the folder alone, and say that it is in use.
fn note_address(data: &std::path::Path, address: SocketAddr) {
    let ip = match address.ip() {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(v6) if v6.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    let path = data.join(auth::FOLDER).join(auth::ADDRESS_FILE);
    if let Err(error) = private_file::write(&path, &SocketAddr::new(ip, address.port()).to_string()) {
        warn!(%error, "address not noted for commands on this machine");
    }
}

/// Name of the shared secret's file in the data folder.
const SECRET_FILE: &str = "listener.secret";

/// The secret that gateways prove to the listener; the listener makes one at its first start.
fn secret(config: &Config, data: &std::path::Path, makes: bool) -> anyhow::Result<Option<Arc<SharedSecret>>> {
    let named = config.listener.secret_file.as_ref();
    let path = named.cloned().unwrap_or_else(|| data.join(SECRET_FILE));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && makes => {
            let mut random = [0u8; 32];
            getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
            let text = token(random);
            private_file::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
            text
        }
        // A gateway on the listener's own machine needs none.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    if text.trim().len() < 32 {
        bail!("{} holds no secret: it needs at least 32 characters that nobody can guess", path.display());
    }
    Ok(Some(Arc::new(SharedSecret::new(&text))))
}

/// Skills a household may add; more is a folder that was named by mistake.
const USER_SKILLS_MAX: usize = 500;

/// The user's own skill files, in the order of their names; none without the folder.
fn user_skills(dir: &std::path::Path) -> anyhow::Result<Vec<(String, String)>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read the folder {}", dir.display())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read the folder {}", dir.display()))?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.push((path.display().to_string(), text));
        if files.len() > USER_SKILLS_MAX {
            bail!("{} holds more than {USER_SKILLS_MAX} skill files", dir.display());
        }
    }
    files.sort();
    Ok(files)
}

/// Whose records "my" means: as set, else `P001`, else the only person there is.
fn household_person(database: &Database, config: &Config, demo: bool) -> anyhow::Result<Option<String>> {
    let snapshot = database.snapshot()?;
    let person = match &config.household.person {
        Some(id) if !demo => {
            if snapshot.read("PERSON", id)?.is_none() {
                bail!("household.person is \"{id}\", but PERSON has no such record");
            }
            Some(id.clone())
        }
        _ if snapshot.read("PERSON", "P001")?.is_some() => Some("P001".to_owned()),
        _ => {
            let mut ids = snapshot.ids("PERSON")?;
            let first = ids.next().transpose()?;
            first.filter(|_| ids.next().is_none())
        }
    };
    Ok(person)
}

/// Tells the recogniser the names in the records whenever they have changed.
async fn keep_vocabulary(gateway: Arc<Gateway>, mut known: Known) {
    let mut interval = tokio::time::interval(VOCABULARY_INTERVAL);
    loop {
        interval.tick().await;
        known.refresh(&gateway).await;
    }
}

/// What the recogniser was told last, and from which commit.
#[derive(Default)]
struct Known {
    commit: Option<u64>,
    spoken: Spoken,
}

impl Known {
    /// A listener that is away changes nothing.
    async fn refresh(&mut self, gateway: &Gateway) {
        let Some((number, spoken)) = gateway.link.vocabulary(self.commit).await else { return };
        self.commit = number;
        if spoken != self.spoken {
            self.spoken = spoken.clone();
            gateway.engines.set_vocabulary(spoken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_kept_as_set_and_noted_in_the_account() {
        let database = Database::in_memory();
        let clock = Clock::start();
        let days = || database.snapshot().and_then(|snapshot| snapshot.history_days()).expect("reads");
        keep_history(&database, 30, clock).expect("is kept");
        assert_eq!(days(), Some(30));
        let before = database.snapshot().expect("reads").commit_number();
        keep_history(&database, 30, clock).expect("is kept");
        assert_eq!(database.snapshot().expect("reads").commit_number(), before, "nothing to change");
        assert!(database.snapshot().expect("reads").as_of(before - 1).is_ok());
        keep_history(&database, 0, clock).expect("is forgotten");
        assert_eq!(days(), None);
        assert!(keep_history(&database, 1_000_000, clock).is_err());
    }
}
