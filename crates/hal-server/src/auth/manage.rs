//! What the admin page shows of users, devices and the audit log: rows of plain values. Pure; who may see them is decided
//! by the caller.

use std::cmp::Reverse;
use std::collections::HashMap;

use hal_wire::manage::{Credential, Device, Noted, ROWS_MAX, User};

use super::Rule;
use super::chain::{Entry, Event};
use super::directory::{Directory, Kind};

pub(crate) fn users(directory: &Directory) -> Vec<User> {
    let row =
        |user: &super::User| User { id: user.id.clone(), name: user.name.clone(), role: user.role.clone() };
    directory.users.values().take(ROWS_MAX).map(row).collect()
}

/// The devices, seen last first, those that are shut out behind the others; and how many are not among them.
pub(crate) fn devices(directory: &Directory) -> (Vec<Device>, usize) {
    let mut credentials: HashMap<&str, Vec<Credential>> = HashMap::new();
    for one in directory.credentials().filter(|one| matches!(one.kind, Kind::Token | Kind::Cookie)) {
        let Some(device) = &one.device else { continue };
        credentials.entry(device).or_default().push(Credential {
            kind: one.kind.as_str().to_owned(),
            created_ms: one.created_ms,
            expires_ms: one.expires_ms,
        });
    }
    let mut devices: Vec<&super::Device> = directory.devices.values().collect();
    devices.sort_by_key(|device| (device.revoked_ms.is_some(), Reverse(device.seen_ms), &device.id));
    let more = devices.len().saturating_sub(ROWS_MAX);
    let rows = devices.into_iter().take(ROWS_MAX).map(|device| {
        let mut credentials = credentials.remove(device.id.as_str()).unwrap_or_default();
        credentials.sort_by_key(|one| one.created_ms);
        credentials.truncate(8);
        Device {
            id: device.id.clone(),
            user: device.user.clone(),
            name: device.name.clone(),
            scope: device.scope.clone(),
            created_ms: device.created_ms,
            seen_ms: device.seen_ms,
            revoked_ms: device.revoked_ms,
            credentials,
        }
    });
    (rows.collect(), more)
}

pub(crate) fn noted(entry: Entry) -> Noted {
    let Event { what, user, device, address, about, files, result } = entry.event;
    Noted { number: entry.number, at_ms: entry.at_ms, what, user, device, address, about, files, result }
}

pub(crate) fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::LoopbackOpen => "loopback-open",
        Rule::Required => "required",
        Rule::Off => "nobody",
    }
}
