//! `hal service`: HAL as a service of the system. What is done is decided in `hal-server`; here it is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{Args, Parser, Subcommand, ValueEnum};
use hal_server::config::{Config, default_data_dir};
use hal_server::service::{self, Manager, Needs, Plan, Refused, Scope, Step, Steps, UnitFile};

use super::serve::Serve;
use crate::report::{self, Exit, Failure};

/// Run HAL as a service: with the machine, or when you sign in.
#[derive(Debug, Args)]
pub(crate) struct Service {
    #[command(subcommand)]
    command: ServiceCommand,
}

#[derive(Debug, Subcommand)]
enum ServiceCommand {
    Install(Install),
    Remove(Remove),
    Status(Status),
}

/// Install and start it: a unit of systemd, of launchd, or a task of Windows.
///
/// Options of `hal serve` come after --, e.g. `hal service install -- --tls`.
/// Installing again overwrites the unit and restarts.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct Install {
    #[command(flatten)]
    whose: Whose,
    /// Folder of the records [default: the system's place for a service's data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The program to run, if not this one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Options of `hal serve`.
    #[arg(last = true, value_name = "OPTION")]
    arguments: Vec<String>,
}

/// End it and remove its unit. The records stay.
#[derive(Debug, Args)]
struct Remove {
    #[command(flatten)]
    whose: Whose,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Show what the system's service manager says about it.
#[derive(Debug, Args)]
struct Status {
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, Args)]
struct Whose {
    /// For the whole machine, under an account with few rights [default for root].
    #[arg(long, conflicts_with = "user")]
    system: bool,
    /// For you alone, while you are signed in [default for everybody else].
    #[arg(long)]
    user: bool,
    /// The account of a system service [default: hal on Linux, LocalService on Windows].
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Write for this system instead of the one at hand (with --dry-run).
    #[arg(long = "for", value_name = "SYSTEM")]
    system_name: Option<SystemName>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SystemName {
    Linux,
    Macos,
    Windows,
}

const EXAMPLES: &str = "\
Examples:
  sudo hal service install
  sudo hal service install -- --tls --listen 0.0.0.0:443
  hal service install --user --dry-run";

impl Service {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            ServiceCommand::Install(install) => install.run(),
            ServiceCommand::Remove(remove) => remove.run(),
            ServiceCommand::Status(status) => status.run(),
        }
    }
}

impl Install {
    fn run(self) -> Result<Exit, Failure> {
        let mut plan = self.whose.plan()?;
        if let Some(data) = self.data {
            plan.data = absolute(&plan, data)?;
        }
        if let Some(program) = self.program {
            plan.program = absolute(&plan, program)?;
        }
        plan.needs = needs(&plan.data, &self.arguments)?;
        plan.arguments = self.arguments;
        let steps = service::install(&plan).map_err(refused)?;
        perform(&plan, &steps, self.dry_run)
    }
}

impl Remove {
    fn run(self) -> Result<Exit, Failure> {
        let plan = self.whose.plan()?;
        perform(&plan, &service::remove(&plan), self.dry_run)
    }
}

impl Status {
    fn run(self) -> Result<Exit, Failure> {
        let plan = self.whose.plan()?;
        let step = service::status(&plan);
        let ended = command(&step.words).status().map_err(|error| not_run(&step.words, &error))?;
        // Each manager says "not running" by its exit code, and what it knows in words.
        if ended.success() { Ok(Exit::Done) } else { Ok(Exit::NothingToSay) }
    }
}

impl Whose {
    fn plan(&self) -> Result<Plan, Failure> {
        let manager = match self.system_name {
            None => Manager::here(),
            Some(SystemName::Linux) => Manager::Systemd,
            Some(SystemName::Macos) => Manager::Launchd,
            Some(SystemName::Windows) => Manager::Scheduler,
        };
        let user_number = user_number();
        let scope = match (self.system, self.user) {
            (true, _) => Scope::System,
            (_, true) => Scope::User,
            // A task of Windows needs an administrator in any case, and runs without anybody signed in.
            _ if user_number == Some(0) || manager == Manager::Scheduler => Scope::System,
            _ => Scope::User,
        };
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
        let data = match (manager, scope) {
            (Manager::Systemd, Scope::System) => PathBuf::from("/var/lib/hal"),
            (Manager::Launchd, Scope::System) => PathBuf::from("/Library/Application Support/hal"),
            (Manager::Scheduler, Scope::System) => PathBuf::from(r"C:\ProgramData\HAL"),
            (_, Scope::User) => default_data_dir()?,
        };
        let mut account = self.account.clone();
        if manager == Manager::Launchd && account.is_none() {
            // Who typed sudo: an account that exists, and is not root.
            account = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
        }
        let program = std::env::current_exe().and_then(fs::canonicalize).map_err(|error| {
            Failure::new(format!("this program cannot be found: {error}")).hint("--program FILE")
        })?;
        Ok(Plan {
            manager,
            scope,
            program,
            data,
            arguments: Vec::new(),
            account,
            home: home.unwrap_or_default(),
            user_number,
            needs: Needs { loopback_only: false, low_port: false },
        })
    }
}

/// A path for the system at hand is made absolute; one for another is taken as it is.
fn absolute(plan: &Plan, path: PathBuf) -> Result<PathBuf, Failure> {
    if plan.manager != Manager::here() {
        return Ok(path);
    }
    std::path::absolute(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// The options of `hal serve`, on their own.
#[derive(Debug, Parser)]
#[command(name = "hal serve")]
struct ServeLine {
    #[command(flatten)]
    serve: Serve,
}

/// What the server will need, from its options and the settings in its folder.
fn needs(data: &Path, arguments: &[String]) -> Result<Needs, Failure> {
    let words = std::iter::once("hal serve").chain(arguments.iter().map(String::as_str));
    let line = ServeLine::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Failure::new(format!("after --: {first}")).hint("`hal serve --help` lists the options")
    })?;
    let options = line.serve.options();
    if options.data.is_some() && arguments.iter().any(|word| word.starts_with("--data")) {
        return Err(Failure::new("--data belongs before the --").hint("hal service install --data DIR -- …"));
    }
    // The variables of whoever installs it are not those of the service.
    let config = Config::load(data, std::iter::empty())?.with(&options);
    let mut addresses = vec![config.gateway.listen, config.listener.listen];
    addresses.extend(config.tls.redirect);
    // Whoever asks elsewhere, a listener, a QM server or a collector, needs the network.
    let asks_elsewhere = options.qm.is_some()
        || config.database.url.is_some()
        || config.metrics.otlp.is_some()
        || config.metrics.traces.is_some();
    addresses.extend(config.metrics.listen);
    Ok(Needs {
        loopback_only: !asks_elsewhere && addresses.iter().all(|address| address.ip().is_loopback()),
        low_port: addresses.iter().any(|address| address.port() < 1024),
    })
}

fn perform(plan: &Plan, steps: &Steps, dry_run: bool) -> Result<Exit, Failure> {
    if dry_run {
        report::data(&printed(steps))?;
        return Ok(Exit::Done);
    }
    if plan.manager != Manager::here() {
        return Err(Failure::new("that system is another than this one").hint("add --dry-run to see it"));
    }
    for step in &steps.before {
        run(step)?;
    }
    for file in &steps.files {
        write(file)?;
    }
    for path in &steps.removed {
        match fs::remove_file(path) {
            Ok(()) => report::talk(format_args!("removed: {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                report::talk(format_args!("{} was not there", path.display()));
            }
            Err(error) => return Err(not_written("remove", path, &error)),
        }
    }
    for step in &steps.after {
        run(step)?;
    }
    for note in &steps.notes {
        report::hint(note);
    }
    Ok(Exit::Done)
}

fn printed(steps: &Steps) -> String {
    let mut out = String::new();
    let command = |step: &Step| {
        let line = shell(&step.words);
        match &step.unless {
            Some(words) => format!("{} || {line}\n", shell(words)),
            None => format!("{line}\n"),
        }
    };
    for step in &steps.before {
        out.push_str(&command(step));
    }
    for file in &steps.files {
        out.push_str(&format!("\n# {}\n{}\n", file.path.display(), file.text));
    }
    for path in &steps.removed {
        out.push_str(&format!("rm {}\n", shell(&[path.display().to_string()])));
    }
    for step in &steps.after {
        out.push_str(&command(step));
    }
    out
}

fn shell(words: &[String]) -> String {
    let quoted: Vec<String> =
        words.iter().map(|word| hal_server::edge::certs::letsencrypt::quoted(word)).collect();
    quoted.join(" ")
}

fn command(words: &[String]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    command
}

fn run(step: &Step) -> Result<(), Failure> {
    if let Some(words) = &step.unless {
        let there = command(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if there.is_ok_and(|ended| ended.success()) {
            return Ok(());
        }
    }
    report::talk(format_args!("$ {}", shell(&step.words)));
    let ended = command(&step.words).status();
    match ended {
        Ok(ended) if ended.success() || step.may_fail => Ok(()),
        Ok(ended) => Err(Failure::new(format!("{} failed: {ended}", shell(&step.words)))
            .hint("its own words are above; a system service needs root: sudo hal service install")),
        Err(_) if step.may_fail => Ok(()),
        Err(error) => Err(not_run(&step.words, &error)),
    }
}

fn not_run(words: &[String], error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be run: {error}", words[0]))
        .hint("without that service manager, start `hal serve` by your own; --dry-run shows the unit")
}

fn write(file: &UnitFile) -> Result<(), Failure> {
    let failed = |error: std::io::Error| not_written("write", &file.path, &error);
    if let Some(folder) = file.path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let bytes: Vec<u8> = if file.is_utf16 {
        // Little-endian with its mark, as the scheduler itself writes them.
        std::iter::once(0xfeff).chain(file.text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    } else {
        file.text.clone().into_bytes()
    };
    let mut new = file.path.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, bytes).map_err(failed)?;
    fs::rename(&new, &file.path).map_err(failed)?;
    report::talk(format_args!("written: {}", file.path.display()));
    Ok(())
}

fn not_written(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot {what} {}: {error}", path.display()));
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        failure.hint("run it with sudo, or install it for yourself with --user")
    } else {
        failure
    }
}

fn refused(refused: Refused) -> Failure {
    let failure = Failure::new(refused.to_string());
    match refused {
        Refused::Homely { .. } => failure
            .hint("sudo install -m 755 hal /usr/local/bin/hal, and run `sudo /usr/local/bin/hal service install`")
            .hint("or install it for yourself with --user"),
        Refused::NoAccount => failure.hint("--account NAME; with sudo it is yours"),
        Refused::Path { .. } | Refused::Argument { .. } | Refused::Account { .. } => failure,
    }
}

/// The person's number; the standard library does not know it, and `id` is on every Unix.
fn user_number() -> Option<u32> {
    if cfg!(windows) {
        return None;
    }
    let out = Command::new("id").arg("-u").output().ok()?;
    String::from_utf8_lossy(&out.stdout).trim().parse().ok()
}
