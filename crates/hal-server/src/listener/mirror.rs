//! Records that lie on a QM server: one thread keeps the copy that questions are asked of.
//!
//! The copy is refreshed every so often, and before a question when it is older than that question wants; the question waits for
//! it within a small bound and is then answered from what there is. A server that is away leaves the last copy, and answers say of
//! when it is. It is tried again after 1, 2, 4 … 60 seconds, and sooner when somebody asks.
//!
//! What a copy is and how it is made is `hal_db::qmclient::copy`.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use hal_db::Database;
use hal_db::date;
use hal_db::qmclient::copy::{self, CopyError, CopyOptions, CopyState, Refreshed};
use hal_db::qmclient::{Address, Client, ClientError, Credentials, Options};
use hal_dialog::session::Millis;
use hal_dialog::{Moment, Outcome, Reply, say};
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::config;

/// Where the password is taken from, when no file is named.
const PASSWORD: &str = "HAL_QM_PASSWORD";
/// A password file is one line.
const PASSWORD_FILE_BYTES_MAX: u64 = 4096;
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long to wait before the server is tried again.
const AGAIN_MS_FIRST: Millis = 1_000;
const AGAIN_MS_MAX: Millis = 60_000;
/// After a refused login: many of them could lock the user out.
const REFUSED_MS: Millis = 300_000;
/// Somebody asks: then a server that is away is tried again, but not more often than this.
const ASKED_MS: Millis = 5_000;
/// How often the time of the copy is written down although nothing has changed. After a restart without the server the copy may
/// seem so much older than it is.
const NOTED_MS: Millis = 300_000;
/// At the end of the program a refresh that is under way gets so long to notice.
const END_LIMIT: Duration = Duration::from_millis(500);

/// The records of an account elsewhere, kept copied until this is dropped.
pub(crate) struct Mirror {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mirror({})", self.shared.address)
    }
}

struct Shared {
    clock: Clock,
    address: Address,
    refresh_ms: Millis,
    fresh_ms: Millis,
    wait_ms: Millis,
    state: Mutex<State>,
    /// Rings for the thread and for those who wait for it.
    changed: Condvar,
}

/// Held for moments only, never while the server is talked to.
#[derive(Debug, Default)]
struct State {
    /// When the refresh began whose records the copy holds; `None`: before this program started.
    begun: Option<Millis>,
    /// The same as local day and second.
    as_of: Option<(i64, u32)>,
    /// The number of the outage that lasts.
    away: Option<u64>,
    outages: u64,
    /// Files that the copy does not have although the account does.
    left_out: Vec<String>,
    /// Somebody waits for a refresh.
    wanted: bool,
    /// No refresh before this, whoever asks.
    not_before: Millis,
    /// The next refresh when nobody asks.
    next: Millis,
    /// The thread shall end.
    ended: bool,
    /// It has.
    gone: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mirror {
    /// Makes or refreshes the copy in `database`, then keeps it. Gives what a person at the terminal should know.
    ///
    /// Errors: a password that is missing or wrong, an account that is not there or empty; a server that is away when there is
    /// no copy of it yet.
    pub(crate) fn start(
        settings: &config::Database,
        address: &Address,
        data: &std::path::Path,
        database: &Database,
        clock: Clock,
    ) -> anyhow::Result<(Mirror, Vec<String>)> {
        let mut notices = Vec::new();
        let credentials = credentials(settings, address, data, &mut notices)?;
        let mut copy = CopyOptions::asked_and(&settings.files).context("database.files")?;
        copy.file_bytes_max = settings.file_mb_max << 20;
        let options = Options {
            connect: CONNECT_LIMIT,
            reply: Duration::from_secs(settings.reply_seconds),
            encoding: settings.encoding,
        };
        let shared = Arc::new(Shared {
            clock,
            address: address.clone(),
            refresh_ms: settings.refresh_seconds * 1000,
            fresh_ms: settings.fresh_seconds * 1000,
            wait_ms: settings.wait_ms,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        copy::prepare(database)?;
        let mut keeper = Keeper {
            shared: Arc::clone(&shared),
            database: database.clone(),
            credentials,
            options,
            copy,
            client: None,
            failures: 0,
            noted: None,
        };
        notices.extend(keeper.begin()?);
        std::thread::Builder::new()
            .name("qm-copy".to_owned())
            .spawn(move || keeper.run())
            .context("cannot start a thread")?;
        Ok((Mirror { shared }, notices))
    }

    /// Waits until the copy is as fresh as a question wants it, within the bound. While the server is away it does not wait.
    pub(crate) fn freshen(&self) {
        let shared = &self.shared;
        let asked = shared.clock.now_ms();
        let wanted = asked.saturating_sub(shared.fresh_ms);
        let mut state = shared.lock();
        while state.begun.is_none_or(|begun| begun < wanted) {
            // A refresh that is under way already may be too old; then it is followed by another.
            if !std::mem::replace(&mut state.wanted, true) {
                shared.changed.notify_all();
            }
            let left = (asked + shared.wait_ms).saturating_sub(shared.clock.now_ms());
            if state.away.is_some() || state.ended || left == 0 {
                return;
            }
            let waited = shared.changed.wait_timeout(state, Duration::from_millis(left));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Puts right what an answer from the copy must not say, and says of when it is while the server is away; `told` is the
    /// outage that this conversation has heard of.
    pub(crate) fn qualify(&self, reply: &mut Reply, told: &mut Option<u64>, now: Moment) {
        let state = self.shared.lock();
        if let Some(file) = reply.files.iter().find(|file| state.left_out.contains(file)) {
            let name = file.to_lowercase().replace(['_', '.'], " ");
            reply.text = format!(
                "I cannot answer that: the {name} records on your server could not be copied. \
                 The log of HAL says why."
            );
            reply.outcome = Outcome::Failed;
        } else if state.away.is_some() && *told != state.away && !reply.files.is_empty() {
            *told = state.away;
            let as_of = state.as_of.map_or_else(
                || "earlier".to_owned(),
                |(day, second)| format!("{} at {}", say::on_day(day, now.day), say::time(second)),
            );
            let notice =
                format!("The server with your records does not answer: this is how they were {as_of}.");
            reply.text = format!("{} {notice}", reply.text);
        } else {
            return;
        }
        reply.speech = say::speakable(&reply.text);
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        self.shared.changed.notify_all();
        // Either it ends, or it is waiting for the server and ends with the program.
        drop(self.shared.changed.wait_timeout_while(state, END_LIMIT, |state| !state.gone));
    }
}

/// The password, from its file or its variable.
fn credentials(
    settings: &config::Database,
    address: &Address,
    data: &std::path::Path,
    notices: &mut Vec<String>,
) -> anyhow::Result<Credentials> {
    let user = address.user.clone().context("database.url names no user")?;
    let password = match &settings.password_file {
        Some(path) => {
            use std::io::Read as _;
            let path = data.join(path);
            let mut text = String::new();
            let read = std::fs::File::open(&path)
                .and_then(|file| file.take(PASSWORD_FILE_BYTES_MAX).read_to_string(&mut text));
            read.with_context(|| format!("cannot read database.password_file {}", path.display()))?;
            if others_read(&path) {
                notices.push(format!("Other users can read the password: chmod 600 {}", path.display()));
            }
            text.lines().next().unwrap_or_default().to_owned()
        }
        None => match std::env::var(PASSWORD) {
            Ok(password) => password,
            Err(_) => bail!(
                "the password of {user} on the QM server is not known\n\n\
                 hint: set {PASSWORD}, or database.password_file to a file that holds it"
            ),
        },
    };
    Ok(Credentials::new(user, password))
}

#[cfg(unix)]
fn others_read(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_read(_: &std::path::Path) -> bool {
    false
}

/// What the thread owns.
struct Keeper {
    shared: Arc<Shared>,
    database: Database,
    credentials: Credentials,
    options: Options,
    copy: CopyOptions,
    /// The session that is kept from one refresh to the next: a login costs the server a process.
    client: Option<Client>,
    failures: u32,
    /// When the time of the copy was written down.
    noted: Option<Millis>,
}

impl Keeper {
    /// The first refresh.
    fn begin(&mut self) -> anyhow::Result<Vec<String>> {
        let before = CopyState::read(&self.database.snapshot()?)?;
        let before = before.filter(|state| state.source == self.shared.address.to_string());
        if let Some(state) = &before {
            let mut now = self.shared.lock();
            now.as_of = date::from_stamp(&state.stamp);
            now.left_out.clone_from(&state.left_out);
        }
        match (self.refresh(), before) {
            (Ok(done), _) => {
                let mut notices = vec![format!(
                    "The records are a copy of {}: {} of them, to be read and not changed.",
                    self.shared.address, done.records
                )];
                for left in &done.left_out {
                    notices.push(format!("I cannot answer about {}: {}.", left.file, left.reason));
                }
                if done.records_left_out > 0 {
                    notices.push(format!("{} records could not be copied.", done.records_left_out));
                }
                Ok(notices)
            }
            (Err(error), Some(state)) if passes(&error) => {
                let as_of = date::from_stamp(&state.stamp).map_or_else(
                    || "an earlier time".to_owned(),
                    |(day, second)| {
                        let (year, month, day) = date::ymd_from_day(day);
                        let (hour, minute) = (second / 3600, second / 60 % 60);
                        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
                    },
                );
                let error = error.to_string();
                let first = error.lines().next().unwrap_or_default();
                Ok(vec![format!("Answers come from a copy of {as_of}, as {first}. I keep trying.")])
            }
            (Err(error), None) if passes(&error) => {
                Err(anyhow::Error::new(error).context("there is no copy of your records yet"))
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    fn run(mut self) {
        while self.wait() {
            // What it did or why it failed has been noted.
            self.refresh().ok();
        }
        if let Some(client) = &mut self.client {
            client.quit();
        }
        self.shared.lock().gone = true;
        self.shared.changed.notify_all();
    }

    /// Waits for the next refresh; `false` when there is none any more.
    fn wait(&self) -> bool {
        let mut state = self.shared.lock();
        loop {
            if state.ended {
                return false;
            }
            let now = self.shared.clock.now_ms();
            let at = if state.wanted { state.not_before } else { state.next };
            if at <= now {
                state.wanted = false;
                return true;
            }
            let waited = self.shared.changed.wait_timeout(state, Duration::from_millis(at - now));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn refresh(&mut self) -> Result<Refreshed, CopyError> {
        let (begun, moment) = (self.shared.clock.now_ms(), self.shared.clock.moment());
        let note_time = self.noted.is_none_or(|noted| noted + NOTED_MS <= begun);
        let kept = self.client.is_some();
        let mut done = self.attempt(moment, note_time);
        if kept && matches!(done, Err(CopyError::Client(ClientError::Broken(_)))) {
            // The server has ended a session that was idle; it may be there all the same.
            done = self.attempt(moment, note_time);
        }
        match &done {
            Ok(done) => {
                if note_time || done.changed > 0 {
                    self.noted = Some(begun);
                }
                self.failures = 0;
                self.succeeded(done, begun, moment);
            }
            Err(CopyError::Stopped) => {}
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.failed(error);
            }
        }
        self.shared.changed.notify_all();
        done
    }

    fn attempt(&mut self, moment: Moment, note_time: bool) -> Result<Refreshed, CopyError> {
        let address = &self.shared.address;
        let mut client = match self.client.take() {
            Some(client) => client,
            None => {
                let clock = self.shared.clock;
                let now = move || Duration::from_millis(clock.now_ms());
                Client::connect(address, &self.credentials, self.options, now)?
            }
        };
        let stamp = date::stamp(moment.day, moment.second);
        let stop = || self.shared.lock().ended;
        let done = copy::refresh(&mut client, &self.database, address, &self.copy, &stamp, note_time, &stop);
        if !matches!(&done, Err(CopyError::Client(error)) if error.ends_session()) {
            self.client = Some(client);
        }
        done
    }

    fn succeeded(&self, done: &Refreshed, begun: Millis, moment: Moment) {
        let now = self.shared.clock.now_ms();
        let mut state = self.shared.lock();
        let first = state.begun.is_none();
        let back = state.away.take().is_some();
        let left_out: Vec<String> = done.left_out.iter().map(|left| left.file.clone()).collect();
        let same = std::mem::replace(&mut state.left_out, left_out) == state.left_out;
        state.begun = Some(begun);
        state.as_of = Some((moment.day, moment.second));
        state.not_before = now;
        state.next = now + self.shared.refresh_ms;
        drop(state);
        let took_ms = now - begun;
        if first || back {
            info!(
                took_ms,
                records = done.records,
                changed = done.changed,
                "records copied from the QM server"
            );
        } else {
            tracing::debug!(took_ms, records = done.records, changed = done.changed, "copy refreshed");
        }
        for note in &done.notes {
            info!(note, "dictionary of the QM server");
        }
        if first || !same {
            for left in &done.left_out {
                warn!(file = left.file, reason = left.reason, "file not copied");
            }
            if done.records_left_out > 0 {
                warn!(count = done.records_left_out, "records not copied");
            }
        }
    }

    fn failed(&self, why: &CopyError) {
        let now = self.shared.clock.now_ms();
        let again_ms = match why {
            CopyError::Client(ClientError::Login(_)) => REFUSED_MS,
            _ => (AGAIN_MS_FIRST << (self.failures.max(1) - 1).min(6)).min(AGAIN_MS_MAX),
        };
        let mut state = self.shared.lock();
        state.wanted = false;
        state.next = now + again_ms;
        state.not_before = now + if again_ms == REFUSED_MS { again_ms } else { again_ms.min(ASKED_MS) };
        let first = state.away.is_none();
        if first {
            state.outages += 1;
            state.away = Some(state.outages);
        }
        drop(state);
        let text = why.to_string();
        let reason = text.lines().next().unwrap_or_default();
        match (first, passes(why)) {
            (true, true) => warn!(reason, "QM server away: answers come from the last copy"),
            // Nothing that waiting cures: somebody has to act.
            (true, false) => error!(reason, "QM server refuses: answers come from the last copy"),
            (false, _) => tracing::debug!(reason, again_ms, "QM server still away"),
        }
    }
}

/// Whether a failure may pass by itself, so that the last copy does meanwhile.
fn passes(error: &CopyError) -> bool {
    match error {
        CopyError::Client(error) => {
            !matches!(error, ClientError::Login(_) | ClientError::Account(_) | ClientError::Address(_))
        }
        _ => false,
    }
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
