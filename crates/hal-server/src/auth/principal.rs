//! Who asks, as a credential says: never taken from words or from a field of a message.

use hal_db::Access;
use hal_dialog::{Skills, User};

/// Somebody who has signed in, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// How the credential is named to the listener on each turn: it opens nothing elsewhere. [`LOCAL`] without a credential.
    pub handle: String,
    /// Id of the user.
    pub user: String,
    /// What people call them.
    pub name: String,
    /// Their record in PERSON: whose records "my" means.
    pub person: Option<String>,
    /// `owner`, `member`, `guest`, or one of the household's own.
    pub role: String,
    /// Id of the device; `None` for somebody on the server's own machine.
    pub device: Option<String>,
    /// What the device may be used for.
    pub scope: String,
    pub access: Access,
    pub skills: Skills,
    /// Whether users, devices and the audit log may be managed.
    pub admin: bool,
    /// When the credential ends by itself, in ms since 1970.
    pub expires_ms: Option<i64>,
}

/// Handle of somebody on the server's own machine, who has shown no credential.
pub const LOCAL: &str = "local";

impl Principal {
    /// How the journal and the rows of the policy name the user: by their record, as the journal always has.
    pub fn journal_id(&self) -> &str {
        self.person.as_deref().unwrap_or(&self.user)
    }

    /// The user as skills know them.
    pub fn as_user(&self) -> User {
        User { id: self.journal_id().to_owned(), person: self.person.clone(), skills: self.skills.clone() }
    }

    /// What tells conversations apart: a "yes" of one device confirms nothing of another's.
    pub fn speaker(&self) -> String {
        format!("{}\u{1f}{}", self.user, self.device.as_deref().unwrap_or(LOCAL))
    }
}
