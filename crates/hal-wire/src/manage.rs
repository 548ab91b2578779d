//! What the admin page of a gateway asks its listener: who there is, what was noted, which backups there are; and the few
//! things that an owner does there. Plain rows for a program; lines for people are in [`crate::sign_in::Admin`].

use serde::{Deserialize, Serialize};

use crate::Code;

/// Rows of each list in one [`State`]: the whole must fit into one reply.
pub const ROWS_MAX: usize = 500;

/// What is wanted. Who wants it is the handle beside it, never a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Manage {
    /// Everything that the page shows.
    State,
    /// A device is shut out, by its id.
    Revoke { device: String },
    /// A backup is begun; what becomes of it is in the next [`State`].
    Backup,
    /// Whether the gateway may keep and show the words of turns. Only noted: the gateway does it.
    Words { on: bool },
}

impl Manage {
    /// How the audit log names it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Manage::State => "state",
            Manage::Revoke { .. } => "revoke",
            Manage::Backup => "backup",
            Manage::Words { on: true } => "words on",
            Manage::Words { on: false } => "words off",
        }
    }
}

/// The answer to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ManageReply {
    /// A code of the table, where it was refused or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why not, or what was done: a sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Box<State>>,
}

impl ManageReply {
    pub fn refused(code: Code, message: &str) -> ManageReply {
        ManageReply {
            error: Some(code.as_str().to_owned()),
            message: Some(message.to_owned()),
            ..ManageReply::default()
        }
    }

    pub fn done(message: String) -> ManageReply {
        ManageReply { message: Some(message), ..ManageReply::default() }
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<Code> {
        let error = self.error.as_deref()?;
        Some(Code::named(error).unwrap_or(Code::Internal))
    }
}

/// What the listener knows. Times are in ms since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Who needs to sign in: `loopback-open`, `required` or `nobody`.
    pub sign_in: String,
    /// Who asks.
    pub you: You,
    pub users: Vec<User>,
    /// Seen last first; those beyond [`ROWS_MAX`] are counted in `devices_more`.
    pub devices: Vec<Device>,
    pub devices_more: usize,
    /// Newest first.
    pub audit: Vec<Noted>,
    pub backups: Backups,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct You {
    pub user: String,
    pub name: String,
    /// None on the server's own machine.
    pub device: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    pub id: String,
    pub name: String,
    pub role: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    pub id: String,
    pub user: String,
    pub name: String,
    pub scope: String,
    pub created_ms: i64,
    pub seen_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<i64>,
    pub credentials: Vec<Credential>,
}

/// A token or cookie, without anything of the secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Credential {
    pub kind: String,
    pub created_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<i64>,
}

/// An entry of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noted {
    pub number: u64,
    pub at_ms: i64,
    pub what: String,
    pub user: String,
    pub device: String,
    pub address: String,
    pub about: String,
    pub files: Vec<String>,
    pub result: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backups {
    /// Where they are, on the listener's machine; empty where none can be made.
    pub folder: String,
    /// How many are kept.
    pub kept: usize,
    /// Newest first.
    pub files: Vec<BackupFile>,
    /// Since when one is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_since_ms: Option<i64>,
    /// What became of the last one since the start of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<BackupDone>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupFile {
    pub name: String,
    pub bytes: u64,
    pub made_ms: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupDone {
    pub at_ms: i64,
    pub name: String,
    /// Entries that were written and read back with their checksums.
    pub entries: u64,
    /// Why there is none, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
