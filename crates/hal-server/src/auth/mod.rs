//! Sign-in and access: who somebody is, what they may do, and what is written down about it.
//!
//! The cores are pure and take time and random bytes: [`policy`] (roles and scopes as data), [`directory`] (users, devices,
//! credentials), [`lockout`], [`secret`], [`chain`] (the audit log's hashes). [`Auth`] is their shell: it has the clock, the
//! randomness and a database of its own in `<data>/auth`, apart from the account that people ask, and belongs to the listener,
//! so that any number of gateways share it. What a [`Principal`] may read is enforced in `hal-db`, on the handle that
//! [`hal_db::Database::restricted`] gives.

pub mod admin;
mod audit;
mod certify;
pub mod chain;
mod cut;
pub mod directory;
pub mod export;
pub mod lockout;
pub(crate) mod manage;
pub mod policy;
mod principal;
mod reread;
pub mod secret;
mod service;
mod store;

pub use self::audit::Audit;
pub use self::certify::NewCertificate;
pub use self::chain::Verified;
pub use self::cut::Keep;
pub use self::directory::{Device, Kind, Refusal, Unfit, User};
pub use self::policy::Policy;
pub use self::principal::{LOCAL, Principal};
pub use self::reread::{POLICY_FILE, policy_fault};
pub use self::service::{
    ADDRESS_FILE, Attempt, Auth, FOLDER, Means, OWNER_TOKEN_FILE, Rule, SharedAuth, SignedIn, read_directory,
};

#[cfg(test)]
mod cut_tests;
#[cfg(test)]
mod tests;
