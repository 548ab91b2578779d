//! Users, their devices and their credentials: what there is, who a secret belongs to, what becomes of it. Pure.
//!
//! Time and random bytes come in; what must be stored goes out as [`Change`]s. Secrets are known by their digest alone.

use std::collections::{BTreeMap, HashMap};

use super::policy::{OWNER, PERSONAL, Policy};
use super::principal::{LOCAL, Principal};
use super::secret::{self, Digest};

/// Somebody of the household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Small letters, digits, dashes.
    pub id: String,
    pub name: String,
    /// Their record in PERSON.
    pub person: Option<String>,
    pub role: String,
    pub created_ms: i64,
}

/// Something that belongs to a user and asks for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub id: String,
    pub user: String,
    pub name: String,
    /// What it may be used for, whoever its user is.
    pub scope: String,
    pub created_ms: i64,
    pub seen_ms: i64,
    /// When it was shut out.
    pub revoked_ms: Option<i64>,
}

/// What a secret is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Until it is revoked, or its date.
    Token,
    /// A browser's, after it has signed in.
    Cookie,
    /// For one WebSocket of a browser that cannot set headers; once, within a minute.
    Ticket,
    /// Typed by hand on a new device; once, within ten minutes.
    Pairing,
    /// The fingerprint of a certificate. No secret: it opens something only where TLS has verified the certificate itself.
    Certificate,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Token => "token",
            Kind::Cookie => "cookie",
            Kind::Ticket => "ticket",
            Kind::Pairing => "pairing",
            Kind::Certificate => "certificate",
        }
    }

    pub fn from_name(name: &str) -> Option<Kind> {
        [Kind::Token, Kind::Cookie, Kind::Ticket, Kind::Pairing, Kind::Certificate]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// How long one lives that has no date of its own, in ms.
    fn life_ms(self) -> Option<i64> {
        match self {
            Kind::Token | Kind::Certificate => None,
            Kind::Cookie => Some(90 * 24 * 3600 * 1000),
            Kind::Ticket => Some(60 * 1000),
            Kind::Pairing => Some(10 * 60 * 1000),
        }
    }
}

/// One secret, by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub digest: Digest,
    pub kind: Kind,
    pub user: String,
    /// The device it belongs to; a pairing code makes one of this name and scope.
    pub device: Option<String>,
    /// Of a pairing code: name and scope of the device to come. Of a ticket: the digest of the credential it stands for.
    pub makes: Option<(String, String)>,
    pub created_ms: i64,
    pub expires_ms: Option<i64>,
}

/// Something to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    User(User),
    UserGone(String),
    Device(Device),
    DeviceGone(String),
    Credential(Credential),
    CredentialGone(Digest),
}

/// Why a secret opens nothing. All of them sound the same outside; the audit log tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such secret: mistyped, guessed, of another household, used up.
    Unknown,
    Expired,
    /// Its device was shut out, or its user removed.
    Revoked,
    /// Nothing was shown, and something is needed.
    Missing,
    /// Right or wrong is not even looked at before this many ms.
    Wait(i64),
}

impl Refusal {
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::Unknown => "unknown",
            Refusal::Expired => "expired",
            Refusal::Revoked => "revoked",
            Refusal::Missing => "missing",
            Refusal::Wait(_) => "locked_out",
        }
    }
}

/// Why something cannot be done to users and devices; the text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

fn unfit<T>(text: impl Into<String>) -> Result<T, Unfit> {
    Err(Unfit(text.into()))
}

/// Users, devices and credentials that a household may have; more is a mistake or an attack.
const USERS_MAX: usize = 1_000;
const DEVICES_MAX: usize = 5_000;
const CREDENTIALS_MAX: usize = 50_000;
/// Longest name of a user or device, in characters.
const NAME_MAX: usize = 60;
/// What is stored of a certificate: not the digest of anything that could be shown as a token by accident.
fn of_certificate(fingerprint: &str) -> Option<Digest> {
    let plain = fingerprint.len() == 64 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| Digest::of(&format!("certificate {}", fingerprint.to_ascii_lowercase())))
}

/// How often it is noted that a device was seen: not each turn is worth a write.
const SEEN_MS: i64 = 3600 * 1000;

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    pub users: BTreeMap<String, User>,
    pub devices: BTreeMap<String, Device>,
    credentials: HashMap<Digest, Credential>,
    policy: Policy,
}

impl Directory {
    pub fn new(policy: Policy) -> Directory {
        Directory { policy, ..Directory::default() }
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Takes a change that was stored.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::User(user) => drop(self.users.insert(user.id.clone(), user)),
            Change::UserGone(id) => drop(self.users.remove(&id)),
            Change::Device(device) => drop(self.devices.insert(device.id.clone(), device)),
            Change::DeviceGone(id) => drop(self.devices.remove(&id)),
            Change::Credential(credential) => {
                self.credentials.insert(credential.digest, credential);
            }
            Change::CredentialGone(digest) => drop(self.credentials.remove(&digest)),
        }
    }

    /// The owner who was there first: who asks on the server's own machine.
    pub fn first_owner(&self) -> Option<&User> {
        self.users.values().filter(|user| user.role == OWNER).min_by_key(|user| (user.created_ms, &user.id))
    }

    /// Somebody on the server's own machine.
    pub fn local(&self) -> Option<Principal> {
        let owner = self.first_owner()?;
        Some(self.principal(owner, None, LOCAL.to_owned(), None))
    }

    fn principal(
        &self,
        user: &User,
        device: Option<&Device>,
        handle: String,
        expires_ms: Option<i64>,
    ) -> Principal {
        let scope = device.map_or(PERSONAL, |device| device.scope.as_str());
        let journal = user.person.as_deref().unwrap_or(&user.id);
        let grant = self.policy.grant(&user.role, scope, journal);
        Principal {
            handle,
            user: user.id.clone(),
            name: user.name.clone(),
            person: user.person.clone(),
            role: user.role.clone(),
            device: device.map(|device| device.id.clone()),
            scope: scope.to_owned(),
            access: grant.access,
            skills: grant.skills,
            admin: grant.admin,
            expires_ms,
        }
    }

    /// Somebody of this user id without a device, as the system's own user may stand in for them.
    pub fn as_user(&self, id: &str) -> Option<Principal> {
        Some(self.principal(self.users.get(id)?, None, LOCAL.to_owned(), None))
    }

    /// The credential of a digest, if it opens anything now.
    ///
    /// Errors: why it opens nothing.
    pub fn credential(&self, digest: &Digest, now_ms: i64) -> Result<&Credential, Refusal> {
        let found = self.credentials.get(digest).filter(|credential| credential.digest.is(digest));
        let credential = found.ok_or(Refusal::Unknown)?;
        if !self.users.contains_key(&credential.user) {
            return Err(Refusal::Revoked);
        }
        if let Some(device) = &credential.device {
            let device = self.devices.get(device).ok_or(Refusal::Revoked)?;
            if device.revoked_ms.is_some() {
                return Err(Refusal::Revoked);
            }
        }
        match credential.expires_ms {
            Some(expires_ms) if expires_ms <= now_ms => Err(Refusal::Expired),
            _ => Ok(credential),
        }
    }

    /// Whose credential this is, looked up for each turn: what was revoked a moment ago opens nothing now.
    ///
    /// Errors: why it opens nothing. Pairing codes and tickets are no credentials for turns.
    pub fn look_up(&self, digest: &Digest, now_ms: i64) -> Result<Principal, Refusal> {
        let credential = self.credential(digest, now_ms)?;
        if matches!(credential.kind, Kind::Pairing | Kind::Ticket) {
            return Err(Refusal::Unknown);
        }
        let user = self.users.get(&credential.user).ok_or(Refusal::Revoked)?;
        let device = match &credential.device {
            Some(device) => Some(self.devices.get(device).ok_or(Refusal::Revoked)?),
            None => None,
        };
        Ok(self.principal(user, device, digest.to_hex(), credential.expires_ms))
    }

    /// Whose token or cookie this is: what somebody has shown as a secret.
    ///
    /// Errors: as [`Directory::look_up`]; a certificate, whose fingerprint is known to many, is none.
    pub fn look_up_secret(&self, digest: &Digest, now_ms: i64) -> Result<Principal, Refusal> {
        match self.credential(digest, now_ms)?.kind {
            Kind::Token | Kind::Cookie => self.look_up(digest, now_ms),
            Kind::Certificate | Kind::Pairing | Kind::Ticket => Err(Refusal::Unknown),
        }
    }

    /// Whose certificate this is.
    ///
    /// Errors: as [`Directory::look_up`]; a fingerprint that is none.
    pub fn look_up_certificate(&self, fingerprint: &str, now_ms: i64) -> Result<Principal, Refusal> {
        let digest = of_certificate(fingerprint).ok_or(Refusal::Unknown)?;
        match self.credential(&digest, now_ms)?.kind {
            Kind::Certificate => self.look_up(&digest, now_ms),
            _ => Err(Refusal::Unknown),
        }
    }

    /// The credential of a device that shows a certificate.
    ///
    /// Errors: a fingerprint that is none, or that belongs to a device already.
    pub fn certify(
        &self,
        device: &Device,
        fingerprint: &str,
        until_ms: i64,
        now_ms: i64,
    ) -> Result<Credential, Unfit> {
        let Some(digest) = of_certificate(fingerprint) else {
            return unfit("a fingerprint is SHA-256 over the certificate: 64 hexadecimal digits");
        };
        if self.credentials.contains_key(&digest) {
            return unfit("there is a device with this certificate already");
        }
        if self.credentials.len() >= CREDENTIALS_MAX {
            return unfit("too many tokens and cookies: revoke devices that are not used any more");
        }
        Ok(Credential {
            digest,
            kind: Kind::Certificate,
            user: device.user.clone(),
            device: Some(device.id.clone()),
            makes: None,
            created_ms: now_ms,
            expires_ms: Some(until_ms),
        })
    }

    /// Notes that a device was seen; `None` when that was noted not long ago.
    pub fn seen(&self, device: &str, now_ms: i64) -> Option<Change> {
        let device = self.devices.get(device)?;
        let due = now_ms - device.seen_ms >= SEEN_MS;
        due.then(|| Change::Device(Device { seen_ms: now_ms, ..device.clone() }))
    }

    /// A new user.
    ///
    /// Errors: an id or name that cannot be used, a role that the policy does not know.
    pub fn add_user(
        &self,
        id: &str,
        name: &str,
        role: &str,
        person: Option<&str>,
        now_ms: i64,
    ) -> Result<User, Unfit> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || id.len() > 32 || !id.chars().all(plain) || id == LOCAL {
            return unfit(format!("'{id}' cannot be a user: use small letters, digits and dashes"));
        }
        if self.users.contains_key(id) {
            return unfit(format!("there is a user {id} already"));
        }
        if self.users.len() >= USERS_MAX {
            return unfit(format!("a household has at most {USERS_MAX} users"));
        }
        self.check_role(role)?;
        check_name(name)?;
        Ok(User {
            id: id.to_owned(),
            name: name.trim().to_owned(),
            person: person.map(str::to_owned),
            role: role.to_owned(),
            created_ms: now_ms,
        })
    }

    fn check_role(&self, role: &str) -> Result<(), Unfit> {
        if self.policy.has_role(role) {
            return Ok(());
        }
        let known: Vec<&str> = self.policy.roles().collect();
        unfit(format!(
            "there is no role {role}; known are {}\n\nhint: write it into access.toml in the data folder, then `systemctl reload hal`",
            known.join(", ")
        ))
    }

    /// The user of this id.
    ///
    /// Errors: there is none.
    pub fn user(&self, id: &str) -> Result<&User, Unfit> {
        match self.users.get(id) {
            Some(user) => Ok(user),
            None => {
                let known: Vec<&str> = self.users.keys().map(String::as_str).collect();
                unfit(format!("there is no user {id}; known are {}", known.join(", ")))
            }
        }
    }

    /// The user in another role.
    ///
    /// Errors: no such user or role; a household without an owner could not be managed any more.
    pub fn set_role(&self, id: &str, role: &str) -> Result<User, Unfit> {
        let user = self.user(id)?;
        self.check_role(role)?;
        if user.role == OWNER && role != OWNER {
            self.check_other_owner(id)?;
        }
        Ok(User { role: role.to_owned(), ..user.clone() })
    }

    fn check_other_owner(&self, id: &str) -> Result<(), Unfit> {
        if self.users.values().any(|user| user.role == OWNER && user.id != id) {
            return Ok(());
        }
        unfit(format!("{id} is the only owner: make somebody else owner first"))
    }

    /// Removes a user with all devices and credentials.
    ///
    /// Errors: as [`Directory::set_role`].
    pub fn remove_user(&self, id: &str) -> Result<Vec<Change>, Unfit> {
        let user = self.user(id)?;
        if user.role == OWNER {
            self.check_other_owner(id)?;
        }
        let mut changes = vec![Change::UserGone(id.to_owned())];
        let devices = self.devices.values().filter(|device| device.user == id);
        changes.extend(devices.map(|device| Change::DeviceGone(device.id.clone())));
        let credentials = self.credentials.values().filter(|credential| credential.user == id);
        changes.extend(credentials.map(|credential| Change::CredentialGone(credential.digest)));
        Ok(changes)
    }

    /// A new device of a user. `random` makes its id.
    ///
    /// Errors: no such user, a scope that the policy does not know, a name that cannot be used.
    pub fn add_device(
        &self,
        user: &str,
        name: &str,
        scope: &str,
        random: [u8; 4],
        now_ms: i64,
    ) -> Result<Device, Unfit> {
        self.user(user)?;
        self.check_scope(scope)?;
        check_name(name)?;
        if self.devices.len() >= DEVICES_MAX {
            return unfit(format!("a household has at most {DEVICES_MAX} devices: revoke and remove some"));
        }
        let id = format!("d-{}", secret::hex(&random));
        if self.devices.contains_key(&id) {
            return unfit("that id is taken; try again");
        }
        Ok(Device {
            id,
            user: user.to_owned(),
            name: name.trim().to_owned(),
            scope: scope.to_owned(),
            created_ms: now_ms,
            seen_ms: now_ms,
            revoked_ms: None,
        })
    }

    fn check_scope(&self, scope: &str) -> Result<(), Unfit> {
        if self.policy.has_scope(scope) {
            return Ok(());
        }
        let known: Vec<&str> = self.policy.scopes().collect();
        unfit(format!(
            "there is no scope {scope}; known are {}\n\nhint: write it into access.toml in the data folder, then `systemctl reload hal`",
            known.join(", ")
        ))
    }

    /// A credential of a device, and the secret that is shown once.
    ///
    /// Errors: too many credentials.
    pub fn issue(
        &self,
        kind: Kind,
        device: &Device,
        expires_ms: Option<i64>,
        random: [u8; 32],
        now_ms: i64,
    ) -> Result<(Credential, String), Unfit> {
        if self.credentials.len() >= CREDENTIALS_MAX {
            return unfit("too many tokens and cookies: revoke devices that are not used any more");
        }
        let secret = secret::token(random);
        let end = kind.life_ms().map(|life| now_ms + life);
        let credential = Credential {
            digest: Digest::of(&secret),
            kind,
            user: device.user.clone(),
            device: Some(device.id.clone()),
            makes: None,
            created_ms: now_ms,
            expires_ms: [end, expires_ms].into_iter().flatten().min(),
        };
        Ok((credential, secret))
    }

    /// A pairing code: whoever types it in gets a device of this user, name and scope.
    ///
    /// Errors: as [`Directory::add_device`].
    pub fn offer(
        &self,
        user: &str,
        name: &str,
        scope: &str,
        random: [u8; 8],
        now_ms: i64,
    ) -> Result<(Credential, String), Unfit> {
        self.user(user)?;
        self.check_scope(scope)?;
        check_name(name)?;
        let code = secret::pairing_code(random);
        let credential = Credential {
            digest: Digest::of(&code),
            kind: Kind::Pairing,
            user: user.to_owned(),
            device: None,
            makes: Some((name.trim().to_owned(), scope.to_owned())),
            created_ms: now_ms,
            expires_ms: Kind::Pairing.life_ms().map(|life| now_ms + life),
        };
        Ok((credential, code))
    }

    /// Shuts a device out, by its id or its name where only one has it.
    ///
    /// Errors: there is no such device, or several of that name.
    pub fn revoke(&self, device: &str, now_ms: i64) -> Result<Device, Unfit> {
        let device = self.device(device)?;
        Ok(Device { revoked_ms: device.revoked_ms.or(Some(now_ms)), ..device.clone() })
    }

    /// The device of this id, or of this name where only one that is not revoked has it.
    ///
    /// Errors: there is none, or several.
    pub fn device(&self, device: &str) -> Result<&Device, Unfit> {
        if let Some(found) = self.devices.get(device) {
            return Ok(found);
        }
        let named = self.devices.values().filter(|one| one.name == device && one.revoked_ms.is_none());
        match named.collect::<Vec<_>>()[..] {
            [one] => Ok(one),
            [] => unfit(format!("there is no device {device}; `hal device list` shows them")),
            ref several => {
                let ids: Vec<&str> = several.iter().map(|one| one.id.as_str()).collect();
                unfit(format!("several devices are called {device}: {}; name one by its id", ids.join(", ")))
            }
        }
    }

    /// Credentials that ran out a while ago, to be forgotten: until then they are told apart from unknown ones.
    pub fn stale(&self, now_ms: i64) -> Vec<Change> {
        const KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
        let kept = |kind: Kind| if matches!(kind, Kind::Ticket | Kind::Pairing) { 0 } else { KEPT_MS };
        let ended = self.credentials.values().filter(|credential| {
            credential.expires_ms.is_some_and(|expires| expires + kept(credential.kind) < now_ms)
        });
        ended.map(|credential| Change::CredentialGone(credential.digest)).collect()
    }

    /// All credentials, to store them or to look at them.
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.credentials.values()
    }
}

fn check_name(name: &str) -> Result<(), Unfit> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return unfit(format!("a name has 1 to {NAME_MAX} characters, and no control characters"));
    }
    Ok(())
}
