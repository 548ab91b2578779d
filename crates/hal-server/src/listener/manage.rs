//! The admin page's half of the listener: who may see it is decided here, from who asks, and nowhere else.

use hal_wire::Code;
use hal_wire::manage::{Manage, ManageReply, State, You};

use super::{Listener, code_of};
use crate::auth::chain::Event;
use crate::auth::{Principal, manage};

/// Entries of the audit log that the page shows.
const AUDIT_ROWS: u64 = 50;

impl Listener {
    /// Does what somebody with this handle wants on the page, if they may manage the household. What they did and what was
    /// refused is noted; that an owner looks is not, as the page looks every other second.
    pub(crate) fn manage(&self, handle: &str, address: &str, manage: &Manage) -> ManageReply {
        let now_ms = self.clock.unix_ms();
        let principal = match self.auth.look_up(handle, now_ms) {
            Ok(principal) => principal,
            Err(refusal) => {
                let code = code_of(refusal);
                return ManageReply::refused(code, code.sentence());
            }
        };
        let note = |result: &str| {
            self.auth.audit().record(
                now_ms,
                Event {
                    what: "admin".to_owned(),
                    user: principal.user.clone(),
                    device: principal.device.clone().unwrap_or_default(),
                    address: address.to_owned(),
                    about: manage.as_str().to_owned(),
                    result: result.to_owned(),
                    ..Event::default()
                },
            );
        };
        if !principal.admin {
            note("denied");
            return ManageReply::refused(Code::NotAllowed, &not_an_owner(&principal));
        }
        match manage {
            Manage::State => match self.state(&principal) {
                Ok(state) => ManageReply { state: Some(Box::new(state)), ..ManageReply::default() },
                Err(error) => ManageReply::refused(Code::QmUnavailable, &error.to_string()),
            },
            // Noted by whoever carries it out, with the device.
            Manage::Revoke { device } => match self.auth.revoke(device, &principal.user, now_ms) {
                Ok(device) => ManageReply::done(format!(
                    "\u{201c}{}\u{201d} of {} is shut out, from its next question on.",
                    device.name, device.user
                )),
                Err(fault) => ManageReply::refused(Code::BadField, &fault.to_string()),
            },
            Manage::Backup => match self.backups.get() {
                None => ManageReply::refused(Code::QmUnavailable, "This server has no folder for backups."),
                Some(backups) => match backups.begin(&self.database, self.clock) {
                    Ok(()) => {
                        note("ok");
                        ManageReply::done("The backup has begun.".to_owned())
                    }
                    Err(why) => ManageReply::refused(Code::Busy, &why),
                },
            },
            Manage::Words { on } => {
                note("ok");
                ManageReply::done(if *on { "Words are shown." } else { "Words are gone." }.to_owned())
            }
        }
    }

    fn state(&self, principal: &Principal) -> hal_db::Result<State> {
        let directory = self.auth.directory();
        let (devices, devices_more) = manage::devices(&directory);
        Ok(State {
            sign_in: manage::rule(self.auth.rule()).to_owned(),
            you: You {
                user: principal.user.clone(),
                name: principal.name.clone(),
                device: principal.device.clone(),
            },
            users: manage::users(&directory),
            devices,
            devices_more,
            audit: self.auth.audit().recent(AUDIT_ROWS)?.into_iter().map(manage::noted).collect(),
            backups: self.backups.get().map(|backups| backups.state()).unwrap_or_default(),
        })
    }
}

/// Why not, for whoever is known but may not.
fn not_an_owner(principal: &Principal) -> String {
    let device = principal.device.is_some() && principal.role == crate::auth::policy::OWNER;
    if device {
        return format!(
            "A shared device ({}) cannot open this page, whoever its user is. Use a personal device of an owner.",
            principal.scope
        );
    }
    format!(
        "Only an owner of the household may see this page; the role of {} is {}.",
        principal.name, principal.role
    )
}
