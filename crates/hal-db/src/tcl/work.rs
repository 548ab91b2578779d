//! What commands read and write through: the session's transaction, NOSYNC, and reading as it was (14, 27).

use super::failure::{self, Failure};
use super::locate::Place;
use super::verbs::Call;
use super::{Done, Session, World};
use crate::error::Error;
use crate::{Database, NOSYNC_RISK, Snapshot, Txn};

/// A state that a session reads, other than the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// After the commit of this number.
    Commit(u64),
    /// At a moment of the history's clock.
    Moment(u64),
}

impl Session {
    /// What a command reads: as it was with AS.OF, what the own transaction wrote, else the newest commit.
    pub(super) fn view(&mut self, db: &Database) -> Done<Snapshot> {
        if std::mem::take(&mut self.unsynced) {
            self.account.db.sync()?;
        }
        self.read(db)
    }

    /// As [`Session::view`], but does not wait for writes of NOSYNC.
    pub(super) fn read(&self, db: &Database) -> Done<Snapshot> {
        let own = db.is_same(&self.account.db);
        Ok(match self.as_of {
            None if own && self.user.in_transaction() => self.user.snapshot()?,
            None => db.snapshot()?,
            Some(When::Moment(moment)) => db.snapshot()?.as_of_moment(moment)?,
            Some(When::Commit(commit)) if own => db.snapshot()?.as_of(commit)?,
            Some(When::Commit(_)) => {
                let message = "Commits of another account have other numbers";
                return Err(Failure::new(failure::BARRED, message).hint("AS.OF date time works for both"));
            }
        })
    }

    /// Writes records: into the transaction there is, or at once.
    pub(super) fn write<T, F>(&mut self, db: &Database, work: F) -> Done<T>
    where
        F: FnOnce(&mut Txn<'_>) -> crate::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.only_now()?;
        if db.is_same(&self.account.db) {
            self.unsynced |= self.user.nosync();
            return Ok(self.user.work(work)?);
        }
        if self.user.in_transaction() {
            let message = "A transaction does not reach into another account";
            return Err(
                Failure::new(failure::NOT_IN_TRANSACTION, message).hint("COMMIT or ROLLBACK it first")
            );
        }
        Ok(db.write(work)?)
    }

    /// Makes or deletes files and indices: never in a transaction, on disk when it returns.
    pub(super) fn restructure<T, F>(&mut self, db: &Database, work: F) -> Done<T>
    where
        F: FnOnce(&mut Txn<'_>) -> crate::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.only_now()?;
        if self.user.in_transaction() {
            return Err(Error::NotInTransaction.into());
        }
        Ok(db.write(work)?)
    }

    fn only_now(&self) -> Done {
        if self.as_of.is_none() {
            return Ok(());
        }
        Err(Failure::new(failure::BARRED, "You read as it was: nothing can be written there")
            .hint("AS.OF NOW comes back to the present"))
    }

    /// `BEGIN TRANSACTION`, `TRANSACTION START`
    pub(super) fn begin(&mut self, call: &Call<'_>, _: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        if !args.take("TRANSACTION") {
            return Err(args.wrong());
        }
        args.end()?;
        self.begin_transaction()
    }

    pub(super) fn transaction(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let word = args.word()?.to_uppercase();
        args.end()?;
        match word.as_str() {
            "START" | "BEGIN" => self.begin_transaction(),
            "COMMIT" => self.commit_transaction(world),
            "ABORT" | "ROLLBACK" => self.roll_back(world),
            _ => Err(args.wrong()),
        }
    }

    /// `COMMIT`, `ROLLBACK`, and `END TRANSACTION`, which rolls back what was not committed.
    pub(super) fn end_transaction(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let named = args.take("TRANSACTION");
        args.end()?;
        match call.verb.name {
            "COMMIT" => self.commit_transaction(world),
            "ROLLBACK" => self.roll_back(world),
            _ if !named => Err(args.wrong()),
            _ if self.user.in_transaction() => self.roll_back(world),
            _ => Ok(()),
        }
    }

    fn begin_transaction(&mut self) -> Done {
        self.only_now()?;
        // Said now, not when all of it has been typed: a write of nothing tells whether writing is possible.
        self.account.db.write(|_| Ok(()))?;
        self.user.begin();
        Ok(())
    }

    fn commit_transaction(&mut self, world: &mut World<'_>) -> Done {
        let level = self.user.transaction_level();
        let records = self.user.pending();
        if level == 0 {
            return Err(no_transaction());
        }
        self.user.commit().map_err(|error| {
            let failure = Failure::from(error);
            Failure { number: failure::COMMIT_FAILED, ..failure }
        })?;
        let line = if level > 1 {
            format!("Part of the outer transaction, {records} record(s) so far")
        } else {
            format!("{records} record(s) committed")
        };
        self.unsynced |= self.user.nosync();
        Ok(self.output(world).line(&line)?)
    }

    fn roll_back(&mut self, world: &mut World<'_>) -> Done {
        let records = self.user.pending();
        if !self.user.rollback() {
            return Err(no_transaction());
        }
        Ok(self.output(world).line(&format!("Rolled back, {records} record(s) as before"))?)
    }

    /// `NOSYNC {ON|OFF}`
    pub(super) fn nosync(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let on = match (args.take("ON"), args.take("OFF")) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        args.end()?;
        if let Some(on) = on {
            self.unsynced = false;
            self.user.set_nosync(on)?;
        }
        let line = match (self.user.nosync(), on) {
            (true, Some(_)) => format!("NOSYNC is on: {NOSYNC_RISK}"),
            (true, None) => "NOSYNC is on".to_owned(),
            (false, Some(_)) => "NOSYNC is off: all that was written is on disk".to_owned(),
            (false, None) => "NOSYNC is off: a command that writes ends when it is on disk".to_owned(),
        };
        Ok(self.output(world).line(&line)?)
    }

    /// Whether another session has locked a record.
    pub(super) fn is_locked_by_other(&self, place: &Place, id: &str) -> bool {
        let own = if place.db.is_same(&self.account.db) { self.user.number() } else { 0 };
        (place.db.locks().state(own, &place.file, id) as i64) < 0
    }
}

fn no_transaction() -> Failure {
    Failure::new(failure::NOT_IN_TRANSACTION, "There is no transaction").hint("BEGIN TRANSACTION begins one")
}
