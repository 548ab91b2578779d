//! The shell around the cores: one lock, one database, one audit log. Blocking, like the database.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use hal_db::Database;
use tracing::{error, info, warn};

use super::audit::Audit;
use super::chain::Event;
use super::directory::{Change, Credential, Device, Directory, Kind, Refusal, Unfit, User};
use super::lockout::{Key, Lockout};
use super::policy::{OWNER, PERSONAL, Policy};
use super::principal::{LOCAL, Principal};
use super::reread::read_policy;
use super::secret::{self, Digest};
use super::store;
use crate::private_file;

/// The token of the program's own machine, readable by the system's user alone.
pub const OWNER_TOKEN_FILE: &str = "owner-token";
/// Where the listener of the running server is, for commands on its own machine.
pub const ADDRESS_FILE: &str = "address";
/// Folder of all of it, below the data folder.
pub const FOLDER: &str = store::FOLDER;
/// Wrong pairing codes from anywhere after which every code that is open becomes void: 40 bits are not for guessing at.
const PAIRING_WRONG_MAX: u32 = 50;

/// Who needs to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Rule {
    /// Everybody but programs on this machine that reach a port directly: they are its user's own.
    #[default]
    LoopbackOpen,
    /// Everybody.
    Required,
    /// Nobody: whoever reaches a port is the owner. Only ever by an explicit wish.
    Off,
}

/// Something shown to be let in.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub means: Means,
    /// Address of whoever shows it, as far as it is known.
    pub address: String,
    /// What the device calls itself, for pairing.
    pub device: Option<String>,
}

/// How somebody wants to be let in.
#[derive(Clone, PartialEq, Eq)]
pub enum Means {
    /// A token, or a browser's cookie.
    Token(String),
    /// A ticket, once.
    Ticket(String),
    /// A pairing code, once: makes a device and its token.
    Pairing(String),
    /// As `Pairing` or `Token`, whatever the text is; makes a cookie.
    Page(String),
    /// The fingerprint of a certificate that was verified.
    Certificate(String),
    /// Nothing, from the server's own machine.
    Local,
    /// Nothing, from elsewhere.
    Nothing,
}

impl std::fmt::Debug for Means {
    /// Secrets are not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Means {
    pub fn as_str(&self) -> &'static str {
        match self {
            Means::Token(_) => "token",
            Means::Ticket(_) => "ticket",
            Means::Pairing(_) => "pairing",
            Means::Page(_) => "page",
            Means::Certificate(_) => "certificate",
            Means::Local => "local",
            Means::Nothing => "nothing",
        }
    }
}

/// Somebody who was let in.
#[derive(Clone)]
pub struct SignedIn {
    pub principal: Principal,
    /// A new secret, to be kept by whoever signed in: it is not shown again.
    pub secret: Option<String>,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("user", &self.principal.user).finish_non_exhaustive()
    }
}

pub(super) struct State {
    pub(super) directory: Directory,
    lockout: Lockout,
    /// Wrong pairing codes since one was right.
    pairing_wrong: u32,
    strangers: Strangers,
}

/// Turns of people who are not let in, of the last minute: somebody who floods must not fill the disk with it.
#[derive(Default)]
struct Strangers {
    since_ms: i64,
    noted: u32,
    more: u64,
}

/// Such turns that are noted one by one in a minute; of the others the number.
const STRANGERS_NOTED_MAX: u32 = 1_000;

/// Sign-in, devices, policy and audit log of one household.
pub struct Auth {
    state: Mutex<State>,
    database: Database,
    audit: Audit,
    rule: Rule,
    /// `None` in memory.
    dir: Option<PathBuf>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("rule", &self.rule).finish_non_exhaustive()
    }
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    bytes
}

impl Auth {
    /// Opens what is below the data folder, and makes it where it is not there.
    ///
    /// Errors: a policy file with a fault, a database that cannot be opened.
    pub fn open(data: &Path, rule: Rule) -> anyhow::Result<Auth> {
        let policy = read_policy(data)?;
        let database = store::open(data)?;
        Auth::over(database, policy, rule, Some(data.join(store::FOLDER)))
    }

    /// The same in memory, for tests.
    pub fn in_memory(policy: Policy, rule: Rule) -> Auth {
        let database = Database::in_memory();
        store::prepare(&database)
            .map_err(anyhow::Error::from)
            .and_then(|()| Auth::over(database, policy, rule, None))
            .expect("memory does not fail")
    }

    fn over(database: Database, policy: Policy, rule: Rule, dir: Option<PathBuf>) -> anyhow::Result<Auth> {
        let mut directory = Directory::new(policy);
        let snapshot = database.snapshot()?;
        store::load(&snapshot, &mut directory)?;
        let audit = Audit::start(database.clone(), store::audit_head(&snapshot)?)?;
        drop(snapshot);
        let state = Mutex::new(State {
            directory,
            lockout: Lockout::default(),
            pairing_wrong: 0,
            strangers: Strangers::default(),
        });
        Ok(Auth { state, database, audit, rule, dir })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn rule(&self) -> Rule {
        self.rule
    }

    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// A copy of what is known, to look at.
    pub fn directory(&self) -> Directory {
        self.state().directory.clone()
    }

    /// Stores changes and takes them; all or none.
    pub(super) fn commit(&self, state: &mut State, changes: Vec<Change>) -> Result<(), Unfit> {
        let stored = changes.clone();
        let written =
            self.database.write(move |txn| stored.iter().try_for_each(|change| store::write(txn, change)));
        match written {
            Ok(()) => {
                changes.into_iter().for_each(|change| state.directory.apply(change));
                Ok(())
            }
            Err(error) => {
                error!(%error, "users and devices not stored");
                Err(Unfit(format!("that could not be stored: {error}")))
            }
        }
    }

    /// Makes the owner of a household that has none, and the token of this machine. `person` is their record in PERSON.
    ///
    /// Errors: a disk that refuses.
    pub fn ensure_owner(&self, person: Option<&str>, now_ms: i64) -> anyhow::Result<()> {
        let mut state = self.state();
        let owner = match state.directory.first_owner() {
            Some(owner) => owner.clone(),
            None => {
                let id = if state.directory.users.contains_key(OWNER) { "owner-2" } else { OWNER };
                let owner = state.directory.add_user(id, "Owner", OWNER, person, now_ms)?;
                self.commit(&mut state, vec![Change::User(owner.clone())])?;
                self.note(now_ms, "user_add", LOCAL, "", &owner.id, "ok");
                owner
            }
        };
        if person.is_some() && owner.person.as_deref() != person {
            let moved = User { person: person.map(str::to_owned), ..owner.clone() };
            self.commit(&mut state, vec![Change::User(moved)])?;
        }
        let Some(path) = self.dir.as_ref().map(|dir| dir.join(OWNER_TOKEN_FILE)) else { return Ok(()) };
        let known = std::fs::read_to_string(&path)
            .is_ok_and(|token| state.directory.credential(&Digest::of(token.trim()), now_ms).is_ok());
        if !known {
            let device = state.directory.add_device(&owner.id, "this machine", PERSONAL, random(), now_ms)?;
            let (credential, token) = state.directory.issue(Kind::Token, &device, None, random(), now_ms)?;
            // First the file: a token that nobody has would stay for ever.
            private_file::write(&path, &token).with_context(|| format!("cannot write {}", path.display()))?;
            self.commit(&mut state, vec![Change::Device(device), Change::Credential(credential)])?;
        }
        Ok(())
    }

    /// Lets somebody in, or says why not. Every refusal is in the audit log but those of somebody who must wait.
    ///
    /// Errors: why it opens nothing.
    pub fn sign_in(&self, attempt: &Attempt, now_ms: i64) -> Result<SignedIn, Refusal> {
        let mut state = self.state();
        let done = self.try_sign_in(&mut state, attempt, now_ms);
        let what = if matches!(attempt.means, Means::Pairing(_)) { "pair" } else { "sign_in" };
        match &done {
            Ok(signed_in) => {
                let principal = &signed_in.principal;
                let device = principal.device.as_deref().unwrap_or("");
                self.audit.record(
                    now_ms,
                    Event {
                        what: what.to_owned(),
                        user: principal.user.clone(),
                        device: device.to_owned(),
                        address: attempt.address.clone(),
                        about: attempt.means.as_str().to_owned(),
                        result: "ok".to_owned(),
                        ..Event::default()
                    },
                );
            }
            // The wait itself was noted when it began.
            Err(Refusal::Wait(_)) => {}
            Err(refusal) => {
                drop(state);
                self.refused_stranger(what, attempt.means.as_str(), *refusal, &attempt.address, now_ms);
            }
        }
        done
    }

    fn try_sign_in(&self, state: &mut State, attempt: &Attempt, now_ms: i64) -> Result<SignedIn, Refusal> {
        match &attempt.means {
            Means::Nothing if self.rule == Rule::Off => self.local(state),
            Means::Nothing => Err(Refusal::Missing),
            Means::Local => match self.rule {
                Rule::LoopbackOpen | Rule::Off => self.local(state),
                Rule::Required => Err(Refusal::Missing),
            },
            Means::Token(token) => {
                let principal = self.open_with(state, token, &attempt.address, now_ms, |state, digest| {
                    state.directory.look_up_secret(digest, now_ms)
                })?;
                self.note_seen(state, &principal, now_ms);
                Ok(SignedIn { principal, secret: None })
            }
            Means::Certificate(fingerprint) => {
                let principal =
                    self.open_with(state, fingerprint, &attempt.address, now_ms, |state, _| {
                        state.directory.look_up_certificate(fingerprint, now_ms)
                    })?;
                self.note_seen(state, &principal, now_ms);
                Ok(SignedIn { principal, secret: None })
            }
            Means::Ticket(ticket) => {
                let credential =
                    self.open_with(state, ticket, &attempt.address, now_ms, |state, digest| {
                        let credential = state.directory.credential(digest, now_ms)?;
                        if credential.kind == Kind::Ticket {
                            Ok(credential.clone())
                        } else {
                            Err(Refusal::Unknown)
                        }
                    })?;
                self.use_ticket(state, &credential, now_ms)
            }
            Means::Pairing(code) => self.pair(state, code, attempt, Kind::Token, now_ms),
            Means::Page(text) => match secret::read_pairing_code(text) {
                Some(_) => self.pair(state, text, attempt, Kind::Cookie, now_ms),
                None => {
                    let principal =
                        self.open_with(state, text, &attempt.address, now_ms, |state, digest| {
                            state.directory.look_up_secret(digest, now_ms)
                        })?;
                    self.cookie_for(state, &principal, now_ms)
                }
            },
        }
    }

    fn local(&self, state: &State) -> Result<SignedIn, Refusal> {
        let principal = state.directory.local().ok_or(Refusal::Missing)?;
        Ok(SignedIn { principal, secret: None })
    }

    /// Looks a secret up. A right one is taken even while its address must wait: 256 bits are not guessed, and others behind
    /// the same router must not be shut out.
    fn open_with<T>(
        &self,
        state: &mut State,
        text: &str,
        address: &str,
        now_ms: i64,
        look: impl FnOnce(&State, &Digest) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let text = text.trim();
        let keys = [Key::of_address(address), Key::of_secret(text)];
        let found = if text.len() > secret::SECRET_BYTES_MAX {
            Err(Refusal::Unknown)
        } else {
            look(state, &Digest::of(text))
        };
        match found {
            Ok(found) => Ok(found),
            // Once right, now over: its holder is no guesser.
            Err(refusal @ (Refusal::Expired | Refusal::Revoked)) => Err(refusal),
            Err(refusal) => Err(self.wrong(state, &keys, address, refusal, now_ms)),
        }
    }

    fn wrong(
        &self,
        state: &mut State,
        keys: &[Key],
        address: &str,
        refusal: Refusal,
        now_ms: i64,
    ) -> Refusal {
        let wait = state.lockout.wait_ms(keys, now_ms);
        if wait > 0 {
            return Refusal::Wait(wait);
        }
        if state.lockout.wrong(keys, now_ms) {
            let wait = state.lockout.wait_ms(keys, now_ms);
            warn!(%address, wait_ms = wait, "wrong secrets: locked out for a while");
            self.audit.record(
                now_ms,
                Event {
                    what: "lock_out".to_owned(),
                    address: address.to_owned(),
                    about: format!("{wait} ms"),
                    result: "locked_out".to_owned(),
                    ..Event::default()
                },
            );
        }
        refusal
    }

    fn note_seen(&self, state: &mut State, principal: &Principal, now_ms: i64) {
        let seen = principal.device.as_deref().and_then(|device| state.directory.seen(device, now_ms));
        if let Some(seen) = seen {
            // A date that is not noted is told by the log; nobody is turned away for it.
            self.commit(state, vec![seen]).ok();
        }
    }

    fn use_ticket(&self, state: &mut State, ticket: &Credential, now_ms: i64) -> Result<SignedIn, Refusal> {
        // It stands for the credential that asked for it, which is looked up on every turn.
        let parent = ticket.makes.as_ref().and_then(|(parent, _)| Digest::from_hex(parent));
        let parent = parent.ok_or(Refusal::Unknown)?;
        let principal = state.directory.look_up(&parent, now_ms)?;
        self.commit(state, vec![Change::CredentialGone(ticket.digest)]).map_err(|_| Refusal::Unknown)?;
        Ok(SignedIn { principal, secret: None })
    }

    fn pair(
        &self,
        state: &mut State,
        code: &str,
        attempt: &Attempt,
        kind: Kind,
        now_ms: i64,
    ) -> Result<SignedIn, Refusal> {
        let keys = [Key::of_address(&attempt.address)];
        let wait = state.lockout.wait_ms(&keys, now_ms);
        if wait > 0 {
            return Err(Refusal::Wait(wait));
        }
        let found = secret::read_pairing_code(code).ok_or(Refusal::Unknown).and_then(|code| {
            let credential = state.directory.credential(&Digest::of(&code), now_ms)?;
            if credential.kind == Kind::Pairing { Ok(credential.clone()) } else { Err(Refusal::Unknown) }
        });
        let credential = match found {
            Ok(credential) => credential,
            Err(refusal) => {
                state.pairing_wrong += 1;
                if state.pairing_wrong >= PAIRING_WRONG_MAX {
                    self.void_codes(state, now_ms);
                }
                return Err(self.wrong(state, &keys, &attempt.address, refusal, now_ms));
            }
        };
        let (name, scope) = credential.makes.clone().ok_or(Refusal::Unknown)?;
        let name = attempt.device.clone().filter(|own| !own.trim().is_empty()).unwrap_or(name);
        let made = (state.directory)
            .add_device(&credential.user, &name, &scope, random(), now_ms)
            .and_then(|device| Ok((state.directory.issue(kind, &device, None, random(), now_ms)?, device)));
        let ((token, secret), device) = made.map_err(|fault| {
            warn!(%fault, "pairing");
            Refusal::Unknown
        })?;
        let digest = token.digest;
        let changes = vec![
            Change::CredentialGone(credential.digest),
            Change::Device(device),
            Change::Credential(token),
        ];
        self.commit(state, changes).map_err(|_| Refusal::Unknown)?;
        state.pairing_wrong = 0;
        state.lockout.right(&keys);
        let principal = state.directory.look_up(&digest, now_ms)?;
        info!(user = %principal.user, "device paired");
        Ok(SignedIn { principal, secret: Some(secret) })
    }

    fn void_codes(&self, state: &mut State, now_ms: i64) {
        state.pairing_wrong = 0;
        let codes = state.directory.credentials().filter(|one| one.kind == Kind::Pairing);
        let changes: Vec<Change> = codes.map(|one| Change::CredentialGone(one.digest)).collect();
        if !changes.is_empty() && self.commit(state, changes).is_ok() {
            warn!("too many wrong pairing codes: all open ones are void");
            self.note(now_ms, "pairing_void", "", "", "", "ok");
        }
    }

    fn cookie_for(&self, state: &mut State, principal: &Principal, now_ms: i64) -> Result<SignedIn, Refusal> {
        let device = principal.device.as_deref().and_then(|device| state.directory.devices.get(device));
        let device = device.cloned().ok_or(Refusal::Unknown)?;
        let issued = state.directory.issue(Kind::Cookie, &device, principal.expires_ms, random(), now_ms);
        let (cookie, secret) = issued.map_err(|_| Refusal::Unknown)?;
        let digest = cookie.digest;
        self.commit(state, vec![Change::Credential(cookie)]).map_err(|_| Refusal::Unknown)?;
        let principal = state.directory.look_up(&digest, now_ms)?;
        Ok(SignedIn { principal, secret: Some(secret) })
    }

    /// Who asks this turn: the handle that sign-in gave, looked up again.
    ///
    /// Errors: why it opens nothing any more. Noted in the audit log.
    pub fn look_up(&self, handle: &str, now_ms: i64) -> Result<Principal, Refusal> {
        let state = self.state();
        let found = if handle == LOCAL {
            match self.rule {
                Rule::LoopbackOpen | Rule::Off => state.directory.local().ok_or(Refusal::Missing),
                Rule::Required => Err(Refusal::Missing),
            }
        } else {
            Digest::from_hex(handle)
                .ok_or(Refusal::Unknown)
                .and_then(|digest| state.directory.look_up(&digest, now_ms))
        };
        drop(state);
        if let Err(refusal) = &found {
            self.refused_turn(*refusal, "", now_ms);
        }
        found
    }

    /// Who asks this turn with a token of their own, as programs do that reach 8767 directly. Only refusals are noted.
    ///
    /// Errors: why it opens nothing.
    pub fn open_turn(&self, token: &str, now_ms: i64) -> Result<Principal, Refusal> {
        let mut state = self.state();
        let found = self.open_with(&mut state, token, "", now_ms, |state, digest| {
            state.directory.look_up_secret(digest, now_ms)
        });
        drop(state);
        if let Err(refusal) = &found
            && !matches!(refusal, Refusal::Wait(_))
        {
            self.refused_turn(*refusal, "", now_ms);
        }
        found
    }

    /// Notes a turn of somebody who is not let in.
    pub fn refused_turn(&self, refusal: Refusal, address: &str, now_ms: i64) {
        self.refused_stranger("turn", "", refusal, address, now_ms);
    }

    /// One by one up to a number a minute, then counted: a flood must not fill the disk.
    fn refused_stranger(&self, what: &str, about: &str, refusal: Refusal, address: &str, now_ms: i64) {
        {
            let mut state = self.state();
            let strangers = &mut state.strangers;
            if now_ms - strangers.since_ms > 60_000 {
                let more = std::mem::take(strangers).more;
                strangers.since_ms = now_ms;
                self.note_more(more, now_ms);
            }
            let strangers = &mut state.strangers;
            if strangers.noted >= STRANGERS_NOTED_MAX {
                strangers.more += 1;
                return;
            }
            strangers.noted += 1;
        }
        self.audit.record(
            now_ms,
            Event {
                what: what.to_owned(),
                address: address.to_owned(),
                about: about.to_owned(),
                result: refusal.as_str().to_owned(),
                ..Event::default()
            },
        );
    }

    /// A ticket for one WebSocket of whoever has this handle.
    ///
    /// Errors: the handle opens nothing.
    pub fn ticket(&self, handle: &str, now_ms: i64) -> Result<String, Refusal> {
        let mut state = self.state();
        let digest = Digest::from_hex(handle).ok_or(Refusal::Unknown)?;
        let principal = state.directory.look_up(&digest, now_ms)?;
        let device = principal.device.as_deref().and_then(|device| state.directory.devices.get(device));
        let device = device.cloned().ok_or(Refusal::Unknown)?;
        let issued = state.directory.issue(Kind::Ticket, &device, None, random(), now_ms);
        let (mut ticket, secret) = issued.map_err(|_| Refusal::Unknown)?;
        ticket.makes = Some((digest.to_hex(), PERSONAL.to_owned()));
        let mut changes = state.directory.stale(now_ms);
        changes.push(Change::Credential(ticket));
        self.commit(&mut state, changes).map_err(|_| Refusal::Unknown)?;
        Ok(secret)
    }

    /// Ends one cookie or token: a person signs out.
    ///
    /// Errors: it could not be stored.
    pub fn sign_out(&self, handle: &str, now_ms: i64) -> Result<(), Unfit> {
        let mut state = self.state();
        let Some(digest) = Digest::from_hex(handle) else { return Ok(()) };
        let Ok(principal) = state.directory.look_up(&digest, now_ms) else { return Ok(()) };
        self.commit(&mut state, vec![Change::CredentialGone(digest)])?;
        self.note(now_ms, "sign_out", &principal.user, principal.device.as_deref().unwrap_or(""), "", "ok");
        Ok(())
    }

    /// Adds a user.
    ///
    /// Errors: as [`Directory::add_user`].
    pub fn add_user(
        &self,
        id: &str,
        name: &str,
        role: &str,
        person: Option<&str>,
        by: &str,
        now_ms: i64,
    ) -> Result<User, Unfit> {
        let mut state = self.state();
        let user = state.directory.add_user(id, name, role, person, now_ms)?;
        self.commit(&mut state, vec![Change::User(user.clone())])?;
        self.note(now_ms, "user_add", by, "", &format!("{id} as {role}"), "ok");
        Ok(user)
    }

    /// Gives a user another role.
    ///
    /// Errors: as [`Directory::set_role`].
    pub fn set_role(&self, id: &str, role: &str, by: &str, now_ms: i64) -> Result<User, Unfit> {
        let mut state = self.state();
        let user = state.directory.set_role(id, role)?;
        self.commit(&mut state, vec![Change::User(user.clone())])?;
        self.note(now_ms, "user_role", by, "", &format!("{id} as {role}"), "ok");
        Ok(user)
    }

    /// Removes a user with all devices and tokens.
    ///
    /// Errors: as [`Directory::remove_user`].
    pub fn remove_user(&self, id: &str, by: &str, now_ms: i64) -> Result<(), Unfit> {
        let mut state = self.state();
        let changes = state.directory.remove_user(id)?;
        self.commit(&mut state, changes)?;
        self.note(now_ms, "user_remove", by, "", id, "ok");
        Ok(())
    }

    /// Adds a device; its token is shown once, here.
    ///
    /// Errors: as [`Directory::add_device`] and [`Directory::issue`].
    pub fn add_device(
        &self,
        user: &str,
        name: &str,
        scope: &str,
        expires_ms: Option<i64>,
        by: &str,
        now_ms: i64,
    ) -> Result<(Device, String), Unfit> {
        let mut state = self.state();
        let device = state.directory.add_device(user, name, scope, random(), now_ms)?;
        let (credential, token) =
            state.directory.issue(Kind::Token, &device, expires_ms, random(), now_ms)?;
        self.commit(&mut state, vec![Change::Device(device.clone()), Change::Credential(credential)])?;
        self.note(now_ms, "device_add", by, &device.id, user, "ok");
        Ok((device, token))
    }

    /// Shuts a device out, at once.
    ///
    /// Errors: as [`Directory::revoke`].
    pub fn revoke(&self, device: &str, by: &str, now_ms: i64) -> Result<Device, Unfit> {
        let mut state = self.state();
        let device = state.directory.revoke(device, now_ms)?;
        self.commit(&mut state, vec![Change::Device(device.clone())])?;
        self.note(now_ms, "device_revoke", by, &device.id, &device.user, "ok");
        Ok(device)
    }

    /// A pairing code for a device to come.
    ///
    /// Errors: as [`Directory::offer`].
    pub fn offer(
        &self,
        user: &str,
        name: &str,
        scope: &str,
        by: &str,
        now_ms: i64,
    ) -> Result<(String, Credential), Unfit> {
        let mut state = self.state();
        let (credential, code) = state.directory.offer(user, name, scope, random(), now_ms)?;
        let mut changes = state.directory.stale(now_ms);
        changes.push(Change::Credential(credential.clone()));
        self.commit(&mut state, changes)?;
        self.note(now_ms, "pair_offer", by, "", user, "ok");
        Ok((code, credential))
    }

    pub(super) fn note(&self, now_ms: i64, what: &str, user: &str, device: &str, about: &str, result: &str) {
        self.audit.record(
            now_ms,
            Event {
                what: what.to_owned(),
                user: user.to_owned(),
                device: device.to_owned(),
                about: about.to_owned(),
                result: result.to_owned(),
                ..Event::default()
            },
        );
    }

    fn note_more(&self, more: u64, now_ms: i64) {
        if more > 0 {
            self.note(now_ms, "turn", "", "", &format!("{more} more of strangers"), "missing");
        }
    }

    /// Everything that was noted is on disk when this returns.
    pub fn flush(&self) {
        let (more, now_ms) = {
            let mut state = self.state();
            (std::mem::take(&mut state.strangers.more), state.strangers.since_ms)
        };
        self.note_more(more, now_ms);
        self.audit.flush();
    }
}

/// Who there is, read from the files alone, also beside a server that runs.
///
/// Errors: there is nothing yet, or it cannot be read.
pub fn read_directory(data: &Path) -> anyhow::Result<Directory> {
    let policy = read_policy(data)?;
    let database = Database::open_read_only(&data.join(FOLDER))?;
    let mut directory = Directory::new(policy);
    store::load(&database.snapshot()?, &mut directory)?;
    Ok(directory)
}

/// What an [`Auth`] is shared as.
pub type SharedAuth = Arc<Auth>;
