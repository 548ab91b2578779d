//! Which file a name means: one of this account, or where a Q-pointer leads (10.1).

use super::failure::{self, Failure};
use super::voc::{CHAIN_MAX, kind};
use super::{Done, Session, World};
use crate::{Database, Error};

/// A file that was found.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub db: Database,
    /// Its name there, with `DICT ` before it for a dictionary.
    pub file: String,
}

impl Session {
    /// Finds the file `name` or `DICT name`.
    ///
    /// # Errors
    /// There is none, it is a VOC item of another type, or a Q-pointer leads nowhere.
    pub(super) fn place(&self, name: &str, world: &mut World<'_>) -> Done<Place> {
        let (prefix, mut base) = match name.strip_prefix("DICT ") {
            Some(base) => ("DICT ", base.to_owned()),
            None => ("", name.to_owned()),
        };
        let mut db = self.account.db.clone();
        for _ in 0..CHAIN_MAX {
            let snapshot = db.snapshot()?;
            let missing = match snapshot.catalog().file(&base) {
                Ok(entry) => return Ok(Place { file: format!("{prefix}{}", entry.name), db: db.clone() }),
                // Neither the file nor where it points to.
                Err(denied @ crate::Error::Denied { .. }) => return Err(denied.into()),
                Err(error) => error,
            };
            let mut pointer = None;
            for id in [base.clone(), base.to_uppercase()] {
                if pointer.is_none() && (1..=crate::account::ID_BYTES_MAX).contains(&id.len()) {
                    pointer = snapshot.read("VOC", &id)?;
                }
            }
            match pointer {
                Some(record) if kind(&record) == "Q" => {
                    if !record.field(4).is_empty() {
                        let message = format!("{base} points to another machine, which HAL does not reach");
                        return Err(Failure::new(failure::Q_BARRED, message));
                    }
                    let account = record.field_text(2).into_owned();
                    if !account.is_empty() && !account.eq_ignore_ascii_case(&self.account.name) {
                        db = Session::open_account(&account, world)?.db;
                    }
                    let file = record.field_text(3);
                    base = if file.is_empty() { "VOC".to_owned() } else { file.into_owned() };
                }
                Some(record) if kind(&record) != "PA" && kind(&record) != "S" => {
                    let message = format!("VOC record {base} is of type {}, not a file", kind(&record));
                    return Err(Failure::new(failure::NOT_F, message));
                }
                _ => return Err(not_found(&base, missing)),
            }
        }
        let message = format!("Q-pointer {name} leads through more than {CHAIN_MAX} others");
        Err(Failure::new(failure::NO_FILE, message))
    }
}

fn not_found(name: &str, error: Error) -> Failure {
    let failure = Failure::new(failure::NO_FILE, format!("File {name} not found"));
    match error {
        Error::NoSuchFile { near, .. } if !near.is_empty() => {
            failure.hint(format!("did you mean {}?", near.join(" or ")))
        }
        _ => failure.hint("LISTF shows the files of the account"),
    }
}
