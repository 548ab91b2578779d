//! The records of `<data>/auth`: what the directory and the audit log look like on disk.
//!
//! An ordinary account, which `hal tcl --data DATA/auth` can read while the server is stopped. Fields are numbered here and
//! described in its dictionaries; secrets are there as digests alone.

use std::ops::ControlFlow;
use std::path::Path;

use hal_db::dict::DataItem;
use hal_db::{Database, Record, Result, Snapshot, Txn};

use super::chain::{Cut, Entry, Event, Head, plain};
use super::directory::{Change, Credential, Device, Directory, Kind, User};
use super::secret::Digest;

/// Folder of the account below the data folder.
pub(super) const FOLDER: &str = "auth";

const USER: &str = "USER";
const DEVICE: &str = "DEVICE";
const CREDENTIAL: &str = "CREDENTIAL";
const AUDIT: &str = "AUDIT";
const AUDIT_CUT: &str = "AUDIT.CUT";

/// Files with the names of their fields, from 1.
const FILES: [(&str, &[&str]); 5] = [
    (USER, &["NAME", "PERSON", "ROLE", "CREATED"]),
    (DEVICE, &["USER", "NAME", "SCOPE", "CREATED", "SEEN", "REVOKED"]),
    (CREDENTIAL, &["KIND", "USER", "DEVICE", "MAKES_NAME", "MAKES_SCOPE", "CREATED", "EXPIRES"]),
    (AUDIT, &["AT", "WHAT", "USER", "DEVICE", "ADDRESS", "ABOUT", "FILES", "RESULT", "HASH"]),
    // Ids are numbers of the last entries that went.
    (AUDIT_CUT, &["AT", "FIRST", "HASH"]),
];

/// Users and devices are held in memory anyway; of the audit log the end is written, and seldom read.
const CACHE_BYTES: usize = 16 << 20;

/// Opens the account below `data`, and makes it with its files when it is not there.
pub(super) fn open(data: &Path) -> Result<Database> {
    let dir = data.join(FOLDER);
    let database = Database::open_with_cache(&dir, CACHE_BYTES)?;
    only_for_the_owner(&dir);
    prepare(&database)?;
    Ok(database)
}

pub(super) fn prepare(database: &Database) -> Result<()> {
    database.write(|txn| {
        for (file, fields) in FILES {
            if txn.has_file(file) {
                continue;
            }
            txn.create_file(file)?;
            for (index, name) in fields.iter().enumerate() {
                txn.define(file, &DataItem { name: (*name).to_owned(), ..DataItem::plain_field(index + 1) })?;
            }
        }
        Ok(())
    })
}

/// Nobody else on the machine reads who may sign in.
fn only_for_the_owner(dir: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A file system without rights has none to set.
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).ok();
    }
    #[cfg(not(unix))]
    let _ = dir;
}

fn text(record: &Record, field: usize) -> String {
    record.field_text(field).into_owned()
}

fn option(record: &Record, field: usize) -> Option<String> {
    Some(text(record, field)).filter(|text| !text.is_empty())
}

fn number(record: &Record, field: usize) -> i64 {
    text(record, field).parse().unwrap_or(0)
}

fn optional_number(record: &Record, field: usize) -> Option<i64> {
    text(record, field).parse().ok()
}

fn record(fields: &[&str]) -> Record {
    let mut record = Record::new();
    for (index, text) in fields.iter().enumerate() {
        record.set_field(index + 1, plain(text));
    }
    record
}

fn shown(number: Option<i64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// Writes one change.
pub(super) fn write(txn: &mut Txn<'_>, change: &Change) -> Result<()> {
    match change {
        Change::User(user) => {
            let created = user.created_ms.to_string();
            let fields = [&user.name, user.person.as_deref().unwrap_or(""), &user.role, &created];
            txn.write(USER, &user.id, &record(&fields))
        }
        Change::UserGone(id) => txn.delete(USER, id).map(drop),
        Change::Device(device) => {
            let (created, seen) = (device.created_ms.to_string(), device.seen_ms.to_string());
            let revoked = shown(device.revoked_ms);
            let fields = [&device.user, &device.name, &device.scope, &created, &seen, &revoked];
            txn.write(DEVICE, &device.id, &record(&fields.map(String::as_str)))
        }
        Change::DeviceGone(id) => txn.delete(DEVICE, id).map(drop),
        Change::Credential(credential) => {
            let (created, expires) = (credential.created_ms.to_string(), shown(credential.expires_ms));
            let (name, scope) = credential.makes.clone().unwrap_or_default();
            let device = credential.device.clone().unwrap_or_default();
            let fields =
                [credential.kind.as_str(), &credential.user, &device, &name, &scope, &created, &expires];
            txn.write(CREDENTIAL, &credential.digest.to_hex(), &record(&fields))
        }
        Change::CredentialGone(digest) => txn.delete(CREDENTIAL, &digest.to_hex()).map(drop),
    }
}

/// Reads everything into a directory.
pub(super) fn load(snapshot: &Snapshot, directory: &mut Directory) -> Result<()> {
    let mut each = |file: &str, take: &mut dyn FnMut(&str, &Record) -> Option<Change>| {
        let mut changes = Vec::new();
        snapshot.scan(file, &mut |id, bytes| {
            changes.extend(take(id, &Record::from_bytes(bytes)));
            ControlFlow::Continue(())
        })?;
        changes.into_iter().for_each(|change| directory.apply(change));
        Ok::<(), hal_db::Error>(())
    };
    each(USER, &mut |id, record| {
        Some(Change::User(User {
            id: id.to_owned(),
            name: text(record, 1),
            person: option(record, 2),
            role: text(record, 3),
            created_ms: number(record, 4),
        }))
    })?;
    each(DEVICE, &mut |id, record| {
        Some(Change::Device(Device {
            id: id.to_owned(),
            user: text(record, 1),
            name: text(record, 2),
            scope: text(record, 3),
            created_ms: number(record, 4),
            seen_ms: number(record, 5),
            revoked_ms: optional_number(record, 6),
        }))
    })?;
    each(CREDENTIAL, &mut |id, record| {
        Some(Change::Credential(Credential {
            digest: Digest::from_hex(id)?,
            kind: Kind::from_name(&text(record, 1))?,
            user: text(record, 2),
            device: option(record, 3),
            makes: option(record, 4).zip(option(record, 5)),
            created_ms: number(record, 6),
            // A date that does not read back is one that has passed.
            expires_ms: option(record, 7).map(|text| text.parse().unwrap_or(0)),
        }))
    })
}

/// Ids sort as their numbers do.
fn audit_id(number: u64) -> String {
    format!("{number:012}")
}

/// Writes entries of the audit log.
pub(super) fn write_audit(txn: &mut Txn<'_>, entries: &[Entry]) -> Result<()> {
    for entry in entries {
        let Event { what, user, device, address, about, files, result } = &entry.event;
        let (at, hash) = (entry.at_ms.to_string(), entry.hash.to_hex());
        let mut fields = record(&[&at, what, user, device, address, about, "", result, &hash]);
        for file in files {
            fields.replace(7, -1, 0, file.as_str());
        }
        txn.write(AUDIT, &audit_id(entry.number), &fields)?;
    }
    Ok(())
}

/// Removes an entry that is cut off.
pub(super) fn delete_audit(txn: &mut Txn<'_>, number: u64) -> Result<()> {
    txn.delete(AUDIT, &audit_id(number)).map(drop)
}

/// Notes a cut.
pub(super) fn write_cut(txn: &mut Txn<'_>, cut: &Cut) -> Result<()> {
    let (at, first, hash) = (cut.at_ms.to_string(), cut.first.to_string(), cut.head.hash.to_hex());
    txn.write(AUDIT_CUT, &audit_id(cut.head.number), &record(&[&at, &first, &hash]))
}

/// What was cut off, in its order.
pub(super) fn cuts(snapshot: &Snapshot) -> Result<Vec<Cut>> {
    let mut cuts = Vec::new();
    snapshot.scan(AUDIT_CUT, &mut |id, bytes| {
        let record = Record::from_bytes(bytes);
        let hash = Digest::from_hex(&text(&record, 3));
        if let (Ok(number), Some(hash)) = (id.parse(), hash) {
            let first = text(&record, 2).parse().unwrap_or(0);
            cuts.push(Cut { at_ms: self::number(&record, 1), first, head: Head { number, hash } });
        }
        ControlFlow::Continue(())
    })?;
    Ok(cuts)
}

/// One entry of the audit log; `None` where none is, or one that does not read back.
pub(super) fn audit_at(snapshot: &Snapshot, number: u64) -> Result<Option<Entry>> {
    let id = audit_id(number);
    Ok(snapshot.read(AUDIT, &id)?.and_then(|record| audit_entry(&id, &record)))
}

fn audit_entry(id: &str, record: &Record) -> Option<Entry> {
    let files = record.values(7).map(|file| String::from_utf8_lossy(file).into_owned());
    Some(Entry {
        number: id.parse().ok()?,
        at_ms: number(record, 1),
        event: Event {
            what: text(record, 2),
            user: text(record, 3),
            device: text(record, 4),
            address: text(record, 5),
            about: text(record, 6),
            files: files.filter(|file| !file.is_empty()).collect(),
            result: text(record, 8),
        },
        hash: Digest::from_hex(&text(record, 9))?,
    })
}

/// Visits the entries of the audit log in their order; `None` for a record that is none.
pub(super) fn audit(
    snapshot: &Snapshot,
    visit: &mut dyn FnMut(Option<Entry>) -> ControlFlow<()>,
) -> Result<()> {
    snapshot.scan(AUDIT, &mut |id, bytes| visit(audit_entry(id, &Record::from_bytes(bytes))))
}

/// The last entries, the oldest of them first.
pub(super) fn audit_tail(snapshot: &Snapshot, count: usize) -> Result<Vec<Entry>> {
    let mut last = std::collections::VecDeque::new();
    audit(snapshot, &mut |entry| {
        last.extend(entry);
        if last.len() > count {
            last.pop_front();
        }
        ControlFlow::Continue(())
    })?;
    Ok(last.into())
}

/// The end of the audit log.
pub(super) fn audit_head(snapshot: &Snapshot) -> Result<Head> {
    Ok(audit_tail(snapshot, 1)?.first().map(Entry::head).unwrap_or_default())
}
