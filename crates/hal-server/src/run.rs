//! Starting, serving, draining: the server's table of contents.
//!
//! Settings are read and checked before anything is opened; everything is opened before anything is announced.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use hal_db::Database;
use hal_db::qmclient::Address;
use hal_dialog::{Brain, Spoken, User};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::{Config, Role, ServeOptions, default_data_dir};
use crate::demo;
use crate::engines::Engines;
use crate::gateway::{self, Gateway, Link, Remote};
use crate::listener::tcp::Limits;
use crate::listener::{self, Listener, Mirror};

/// How often the recogniser learns of new names.
const VOCABULARY_INTERVAL: Duration = Duration::from_secs(30);

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
}

/// Serves until a signal ends it. `announce` is called once, when every port is open.
///
/// Errors: settings that cannot be used, ports that are taken, a database that cannot be opened.
pub fn run(options: ServeOptions, announce: impl FnOnce(&Ready) + Send) -> anyhow::Result<()> {
    let data = data_dir(&options)?;
    let config = Config::load(&data, std::env::vars())?.with(&options);
    check(&options, &config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(serve(&options, &config, &data, announce));
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
    if config.database.url.is_some() && options.demo {
        bail!(
            "--demo brings invented records, and database.url names a server with real ones\n\n\
             hint: leave out one of them"
        );
    }
    let open = |role: Role, address: SocketAddr| {
        options.only.is_none_or(|only| only == role) && !address.ip().is_loopback()
    };
    for (role, address) in [(Role::Gateway, config.gateway.listen), (Role::Listener, config.listener.listen)]
    {
        if open(role, address) && !options.allow_remote {
            bail!(
                "{address} can be reached from other machines, and there is no sign-in yet: anybody there could \
                 read your records. Put HAProxy in front and stay on 127.0.0.1, or say \
                 --allow-remote-without-sign-in"
            );
        }
    }
    Ok(())
}

async fn serve(
    options: &ServeOptions,
    config: &Config,
    data: &std::path::Path,
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
    };
    let questions = Arc::new(Semaphore::new(config.listener.questions_at_once));

    // Ports first: a second server must not touch the first one's data.
    let with_gateway = options.only != Some(Role::Listener);
    let with_listener = options.only != Some(Role::Gateway);
    let listener_socket =
        if with_listener { Some(bind(config.listener.listen, "listener").await?) } else { None };
    let gateway_socket =
        if with_gateway { Some(bind(config.gateway.listen, "gateway").await?) } else { None };

    let local = if with_listener {
        ready.data = Some(data.to_owned());
        Some(open_listener(options, config, data, clock, &mut ready).await?)
    } else {
        None
    };
    let mut tasks = tokio::task::JoinSet::new();
    if let (Some(socket), Some(listener)) = (listener_socket, &local) {
        ready.listener = Some(socket.local_addr()?);
        let limits = Limits {
            connections_max: config.listener.connections_max,
            questions_at_once: config.listener.questions_at_once,
        };
        tasks.spawn(listener::tcp::serve(socket, Arc::clone(listener), clock, limits, draining.clone()));
    }
    if let Some(socket) = gateway_socket {
        ready.gateway = Some(socket.local_addr()?);
        let speech = config.speech.clone();
        let engines = Arc::new(tokio::task::spawn_blocking(move || Engines::open(&speech)).await?);
        ready.notices.extend(engines.notices().iter().cloned());
        let link = match (&local, &options.qm) {
            (Some(listener), _) => Link::Local { listener: Arc::clone(listener), questions },
            (None, Some(address)) => Link::Remote(Remote::new(address.clone(), clock)),
            (None, None) => bail!("a gateway without a listener"),
        };
        let gateway =
            Arc::new(Gateway { clock, engines, link: Arc::new(link), config: config.gateway.clone() });
        let mut known = Known::default();
        if local.is_some() {
            // Before anybody can speak: a name that the recogniser was not told is never heard.
            known.refresh(&gateway).await;
        }
        tokio::spawn(keep_vocabulary(Arc::clone(&gateway), known));
        tasks.spawn(gateway::serve(socket, gateway, draining.clone()));
    }
    if options.allow_remote {
        ready.warnings.push(
            "Other machines may connect, and there is no sign-in: whoever reaches these ports can read the records."
                .to_owned(),
        );
    }
    // Signals are caught before anybody is told that the server runs.
    let mut signals = Signals::new()?;
    announce(&ready);
    info!("serving");

    signals.next().await;
    info!("draining");
    // Nobody is listening any more only if everything has ended already.
    drain.send(true).ok();
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} } => {}
        () = signals.next() => warn!("second signal: ending at once"),
    }
    if let Some(listener) = local {
        tokio::task::spawn_blocking(move || listener.flush()).await?;
    }
    Ok(())
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
    let opened = tokio::task::spawn_blocking(move || -> anyhow::Result<(Database, Option<String>)> {
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let database = Database::open(&dir)?;
        hal_db::schema::ensure_household(&database)?;
        let demo = if is_demo { Some(demo::load(&database, today)?.to_string()) } else { None };
        Ok((database, demo))
    });
    let (database, demo) = opened.await??;
    ready.demo = demo;
    listener_over(database, None, config, data, options.demo, clock, ready)
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
    let user = household_user(&database, config, demo)?;
    if user.person.is_none() {
        ready.notices.push(
            "I do not know whose records \"my\" means. Set person = \"ID\" under [household] in hal.toml to the id \
             of your PERSON record."
                .to_owned(),
        );
    }
    Ok(Listener::new(database, brain, user, clock, mirror))
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
fn household_user(database: &Database, config: &Config, demo: bool) -> anyhow::Result<User> {
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
    // Until people sign in, the user of the journal is the person whose records they are.
    Ok(User { id: person.clone().unwrap_or_else(|| "owner".to_owned()), person })
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

/// The signals that end a server.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Signals {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Signals {})
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.ok();
    }
}
