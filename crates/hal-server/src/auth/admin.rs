//! What owners do with users, devices and the audit log: one function for the wire and for the command line beside a stopped
//! server.

use hal_wire::sign_in::{Admin, AdminReply};

use super::chain::{Entry, Event};
use super::directory::{Directory, Unfit};
use super::{Auth, NewCertificate, Principal, Verified};

/// Entries of the audit log that one request shows.
const AUDIT_LINES_MAX: usize = 10_000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Does it, if `who` may manage the household; refusals are noted.
pub fn run(auth: &Auth, who: &Principal, command: &Admin, now_ms: i64) -> AdminReply {
    if !who.admin {
        auth.audit().record(
            now_ms,
            Event {
                what: "admin".to_owned(),
                user: who.user.clone(),
                device: who.device.clone().unwrap_or_default(),
                result: "denied".to_owned(),
                ..Event::default()
            },
        );
        let error = "only owners manage users, devices and the audit log".to_owned();
        return AdminReply { error: Some(error), ..AdminReply::default() };
    }
    let by = who.user.as_str();
    match command {
        Admin::UserAdd { id, name, role, person } => {
            said(auth.add_user(id, name, role, person.as_deref(), by, now_ms), |user| {
                format!("added {} as {}", user.id, user.role)
            })
        }
        Admin::UserRole { id, role } => said(auth.set_role(id, role, by, now_ms), |user| {
            format!(
                "{} is {} now; what they ask is held to that from their next question on",
                user.id, user.role
            )
        }),
        Admin::UserRemove { id } => {
            said(auth.remove_user(id, by, now_ms), |()| format!("removed {id} with all devices and tokens"))
        }
        Admin::UserList => lines(users(&auth.directory())),
        Admin::DeviceAdd { user, name, scope, days } => {
            let expires_ms = days.map(|days| now_ms + i64::from(days) * DAY_MS);
            match auth.add_device(user, name, scope, expires_ms, by, now_ms) {
                Ok((device, token)) => AdminReply {
                    lines: vec![format!("added {} \"{}\" of {}", device.id, device.name, device.user)],
                    secret: Some(token.into()),
                    ..AdminReply::default()
                },
                Err(fault) => failed(&fault),
            }
        }
        Admin::DeviceCertificate { user, name, scope, fingerprint, until_ms } => {
            let until_ms = *until_ms;
            said(
                auth.add_certificate(
                    &NewCertificate { user, name, scope, fingerprint, until_ms },
                    by,
                    now_ms,
                ),
                |device| {
                    format!("added {} \"{}\" of {}, by its certificate", device.id, device.name, device.user)
                },
            )
        }
        Admin::DeviceRevoke { device } => said(auth.revoke(device, by, now_ms), |device| {
            format!("{} \"{}\" of {} is shut out", device.id, device.name, device.user)
        }),
        Admin::DeviceList => lines(devices(&auth.directory(), now_ms)),
        Admin::Pair { user, name, scope } => match auth.offer(user, name, scope, by, now_ms) {
            Ok((code, credential)) => AdminReply {
                lines: vec![format!("for {}, until {}", credential.user, shown(credential.expires_ms))],
                secret: Some(code.into()),
                ..AdminReply::default()
            },
            Err(fault) => failed(&fault),
        },
        Admin::AuditList { count } => match auth.audit().tail((*count).min(AUDIT_LINES_MAX)) {
            Ok(entries) => lines(entries.iter().map(entry).collect()),
            Err(error) => failed(&Unfit(error.to_string())),
        },
        Admin::AuditExport { after } => match auth.audit().export(*after) {
            Ok(exported) => lines(exported),
            Err(error) => failed(&Unfit(error.to_string())),
        },
        Admin::AuditVerify { head } => match auth.audit().verify(head.as_deref()) {
            Ok(Ok(found)) => lines(verified(&found)),
            Ok(Err(broken)) => failed(&Unfit(format!("the audit log is broken: {broken}"))),
            Err(error) => failed(&Unfit(error.to_string())),
        },
    }
}

/// What a verification found, for people.
pub fn verified(found: &Verified) -> Vec<String> {
    let mut lines = vec![format!("{} entries, each follows the one before", found.entries)];
    if let Some(cut) = found.cut {
        lines.push(format!(
            "entries up to {} are gone: they were cut on {}, as an entry of the chain says. What they said is shown by an \
             export of before alone: hal audit verify FILE --head {}",
            cut.head.number,
            shown(Some(cut.at_ms)),
            cut.head.hash.to_hex()
        ));
    }
    if let Some(at_ms) = found.known_cut_ms {
        lines.push(format!("the head you gave is the last entry that was cut on {}", shown(Some(at_ms))));
    }
    lines.push(format!("head {}", found.head.hash.to_hex()));
    lines
}

fn said<T>(done: Result<T, Unfit>, words: impl FnOnce(T) -> String) -> AdminReply {
    match done {
        Ok(done) => lines(vec![words(done)]),
        Err(fault) => failed(&fault),
    }
}

fn lines(lines: Vec<String>) -> AdminReply {
    AdminReply { lines, ..AdminReply::default() }
}

fn failed(fault: &Unfit) -> AdminReply {
    AdminReply { error: Some(fault.to_string()), ..AdminReply::default() }
}

fn users(directory: &Directory) -> Vec<String> {
    let line = |user: &super::User| {
        let person = user.person.as_deref().unwrap_or("-");
        format!("{:<16} {:<10} {:<8} {}", user.id, user.role, person, user.name)
    };
    let head = format!("{:<16} {:<10} {:<8} {}", "USER", "ROLE", "PERSON", "NAME");
    std::iter::once(head).chain(directory.users.values().map(line)).collect()
}

fn devices(directory: &Directory, now_ms: i64) -> Vec<String> {
    let head =
        format!("{:<12} {:<16} {:<10} {:<9} {:<20} {}", "DEVICE", "USER", "SCOPE", "STATE", "SEEN", "NAME");
    let line = |device: &super::Device| {
        let mut ends =
            directory.credentials().filter(|one| one.device.as_ref() == Some(&device.id)).peekable();
        let expired =
            ends.peek().is_some() && ends.all(|one| one.expires_ms.is_some_and(|expires| expires <= now_ms));
        let state = match device.revoked_ms {
            Some(_) => "revoked",
            None if expired => "expired",
            None => "open",
        };
        let seen = shown(Some(device.seen_ms));
        format!(
            "{:<12} {:<16} {:<10} {state:<9} {seen:<20} {}",
            device.id, device.user, device.scope, device.name
        )
    };
    std::iter::once(head).chain(directory.devices.values().map(line)).collect()
}

/// One entry as a line: number, time, what, who, device, about, files, result.
fn entry(entry: &Entry) -> String {
    let Event { what, user, device, address, about, files, result } = &entry.event;
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let at = shown(Some(entry.at_ms));
    let fields = [user, device, address, about].map(|text| or_dash(text));
    format!("{} {at} {what} {} {} {result}", entry.number, fields.join(" "), or_dash(&files.join(",")))
}

/// ISO 8601, UTC, whole seconds; `-` for never.
fn shown(at_ms: Option<i64>) -> String {
    at_ms.map_or_else(|| "-".to_owned(), crate::clock::iso)
}
