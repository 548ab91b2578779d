//! The policy is read again while the server runs: from the next question on the new one holds, as each question looks up who
//! asks, and a conversation that began under other rights forgets what was said in it.

use std::path::Path;

use anyhow::Context as _;
use tracing::{info, warn};

use super::Auth;
use super::chain::Event;
use super::policy::Policy;
use super::principal::LOCAL;

/// The household's own lines of the policy, in the data folder.
pub const POLICY_FILE: &str = "access.toml";

/// The presets with the household's own lines over them.
///
/// Errors: a file that cannot be read, or with a mistake, and where.
pub(super) fn read_policy(data: &Path) -> anyhow::Result<Policy> {
    let path = data.join(POLICY_FILE);
    let own = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    Policy::parse(&own).map_err(|fault| anyhow::anyhow!("{}: {fault}", path.display()))
}

/// Why `access.toml` below the data folder cannot be used; `None` where it can, or where it is not for this user to read.
pub fn policy_fault(data: &Path) -> Option<String> {
    let error = read_policy(data).err()?;
    let unread = error.downcast_ref::<std::io::Error>().is_some();
    (!unread).then(|| format!("{error:#}"))
}

impl Auth {
    /// Takes over what `access.toml` says now. A file with a mistake changes nothing, and the log says where it is.
    pub fn read_policy_again(&self, data: &Path, now_ms: i64) {
        match read_policy(data) {
            Ok(policy) => self.take_policy(policy, now_ms),
            Err(error) => {
                warn!(
                    error = format!("{error:#}"),
                    "{POLICY_FILE} has a mistake; the policy of before stays"
                );
                self.note_policy("mistake", now_ms);
            }
        }
    }

    fn take_policy(&self, policy: Policy, now_ms: i64) {
        let mut state = self.state();
        if *state.directory.policy() == policy {
            return;
        }
        let directory = &mut state.directory;
        directory.set_policy(policy);
        // Whoever has such a role or scope may do nothing now: more likely a slip than a wish.
        for user in directory.users.values().filter(|user| !directory.policy().has_role(&user.role)) {
            warn!(user = %user.id, role = %user.role, "{POLICY_FILE} has no such role any more: they may do nothing");
        }
        let mut devices = directory.devices.values().filter(|device| device.revoked_ms.is_none());
        if let Some(device) = devices.find(|device| !directory.policy().has_scope(&device.scope)) {
            warn!(device = %device.id, scope = %device.scope, "{POLICY_FILE} has no such scope any more: it may do nothing");
        }
        drop(state);
        info!("{POLICY_FILE} read again: it holds from the next question on");
        self.note_policy("ok", now_ms);
    }

    fn note_policy(&self, result: &str, now_ms: i64) {
        let event = Event {
            what: "policy".to_owned(),
            user: LOCAL.to_owned(),
            about: POLICY_FILE.to_owned(),
            result: result.to_owned(),
            ..Event::default()
        };
        self.audit().record(now_ms, event);
    }
}
