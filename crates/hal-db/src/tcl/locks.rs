//! Locks of this opening of the account: shown, let go of (14, 27).

use super::failure::{self, Failure};
use super::query::count;
use super::verbs::Call;
use super::{Done, Session, World};
use crate::locks::{Held, Kind, Refused, TASK_LOCKS, Target};

impl Session {
    /// `LIST.READU {USER n} {FILE file} {DETAIL}`: owner, kind, age, file and id; who waits with DETAIL.
    pub(super) fn list_readu(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let user = args.number_after("USER")?;
        let file = args.word_after("FILE")?;
        let detail = args.take_anywhere("DETAIL");
        args.take_anywhere("NO.PAGE");
        args.take_anywhere("LPTR");
        args.end()?;
        if let Some(locks) = world.host.locks() {
            self.return_code = count(locks.len());
            let mut out = self.output(world);
            if locks.is_empty() {
                return Ok(out.line("No locks")?);
            }
            return Ok(locks.iter().try_for_each(|line| out.line(line))?);
        }
        if matches!(self.account.db.write(|_| Ok(())), Err(crate::Error::ReadOnly { .. })) {
            let line =
                "Locks are kept by the `hal` that has the database open; none of them are seen from here";
            return Ok(self.output(world).line(line)?);
        }
        let file = file.map(|file| self.place(&file, world)).transpose()?;
        let locks = self.account.db.locks();
        let wanted = |held: &Held| {
            let (Target::Record(name, _) | Target::File(name)) = &held.target else { return false };
            user.is_none_or(|user| usize::try_from(held.session) == Ok(user))
                && file.as_ref().is_none_or(|place| place.file == *name)
        };
        let held: Vec<Held> = locks.list().into_iter().filter(wanted).collect();
        let waiting = if detail { locks.waiters() } else { Vec::new() };
        self.return_code = count(held.len());
        let mut out = self.output(world);
        if held.is_empty() && waiting.is_empty() {
            return Ok(out.line("No locks")?);
        }
        out.line("User   Type     Seconds   File             Id")?;
        for held in &held {
            let (file, id, kind) = match &held.target {
                Target::Record(file, id) if held.kind == Kind::Read => (file.as_str(), id.as_str(), "read"),
                Target::Record(file, id) => (file.as_str(), id.as_str(), "update"),
                Target::File(file) => (file.as_str(), "", "file"),
                Target::Task(_) => continue,
            };
            let age = locks.age(held).as_secs();
            let file = crate::fmt::pad(file, 16, crate::fmt::Justify::Left, ' ');
            out.line(&format!("{:>4}   {kind:<6}   {:>7}   {file} {id}", held.session, age))?;
        }
        for found in &waiting {
            let by: Vec<String> = found.waits_for.iter().map(ToString::to_string).collect();
            out.line(&format!("{:>4}   waits for {}", found.session, by.join(", ")))?;
        }
        Ok(())
    }

    /// `LIST.LOCKS`: the task locks.
    pub(super) fn list_locks(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        call.args()?.end()?;
        let locks = self.account.db.locks();
        let held: Vec<(u8, u32)> =
            (0..TASK_LOCKS).filter_map(|number| Some((number, locks.task(number)?))).collect();
        self.return_code = count(held.len());
        let mut out = self.output(world);
        if held.is_empty() {
            return Ok(out.line("No task locks")?);
        }
        out.line("Lock   User")?;
        Ok(held.iter().try_for_each(|(number, user)| out.line(&format!("{number:>4}   {user:>4}")))?)
    }

    /// `LOCK n`: a task lock, a number that paragraphs agree upon.
    pub(super) fn lock(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        args.take_anywhere("NO.WAIT");
        let number = args.word()?.parse().map_err(|_| args.wrong())?;
        args.end()?;
        match self.account.db.locks().try_lock(self.user.number(), &Target::Task(number), Kind::Update) {
            Ok(()) => Ok(self.output(world).line(&format!("Task lock {number} is set"))?),
            Err(Refused::Held { by }) => Err(Failure::new(
                failure::LOCKED_BY_OTHER,
                format!("Task lock {number} is held by user {by}"),
            )),
            Err(other) => Err(crate::Error::Lock(other).into()),
        }
    }

    /// `CLEAR.LOCKS {n}`: lets go of the own task locks.
    pub(super) fn clear_locks(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let one = args.next().map(|word| word.text.parse::<u8>().map_err(|_| args.wrong())).transpose()?;
        args.end()?;
        let locks = self.account.db.locks();
        let cleared = (0..TASK_LOCKS)
            .filter(|number| one.is_none_or(|one| one == *number))
            .filter(|number| locks.release(self.user.number(), &Target::Task(*number)))
            .count();
        self.return_code = count(cleared);
        Ok(self.output(world).line(&format!("{cleared} task lock(s) cleared"))?)
    }

    /// `RELEASE {file {ids}}`: lets go of the own locks. A transaction keeps its locks until it ends.
    pub(super) fn release(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let file = if args.is_empty() { None } else { Some(args.file()?) };
        let ids = args.rest();
        if self.user.in_transaction() {
            return Ok(self.output(world).line("A transaction keeps its locks until it ends")?);
        }
        let place = file.map(|file| self.place(&file, world)).transpose()?;
        let own = self.user.number();
        let released = self.let_go(|held| {
            held.session == own
                && match &held.target {
                    Target::Record(file, id) => {
                        place.as_ref().is_none_or(|place| place.file == *file)
                            && (ids.is_empty() || ids.iter().any(|word| word.text == *id))
                    }
                    Target::File(file) => {
                        ids.is_empty() && place.as_ref().is_none_or(|place| place.file == *file)
                    }
                    Target::Task(_) => false,
                }
        });
        self.return_code = count(released);
        Ok(self.output(world).line(&format!("{released} lock(s) released"))?)
    }

    /// `UNLOCK {USER n} {FILE file} ids..|ALL`, `UNLOCK {USER n} {FILE file} FILELOCK`: lets go of anybody's locks.
    pub(super) fn unlock(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let user = args.number_after("USER")?;
        let file = args.word_after("FILE")?;
        let whole = args.take_anywhere("FILELOCK");
        let all = args.take_anywhere("ALL");
        let ids = args.rest();
        if ids.is_empty() && !all && !whole {
            return Err(args.wrong());
        }
        let place = file.map(|file| self.place(&file, world)).transpose()?;
        let of_file = |name: &String| place.as_ref().is_none_or(|place| place.file == *name);
        let released = self.let_go(|held| {
            user.is_none_or(|user| usize::try_from(held.session) == Ok(user))
                && match &held.target {
                    Target::Record(name, id) => {
                        of_file(name) && (all || ids.iter().any(|word| word.text == *id))
                    }
                    Target::File(name) => of_file(name) && (all || whole),
                    Target::Task(_) => false,
                }
        });
        self.return_code = count(released);
        Ok(self.output(world).line(&format!("{released} lock(s) cleared"))?)
    }

    /// Gives how many of the wanted locks went: those of a transaction stay until it ends.
    fn let_go(&self, wanted: impl Fn(&Held) -> bool) -> usize {
        let locks = self.account.db.locks();
        let held: Vec<Held> = locks.list().into_iter().filter(|held| wanted(held)).collect();
        for held in &held {
            locks.release(held.session, &held.target);
        }
        let left = locks.list();
        held.iter().filter(|held| !left.contains(held)).count()
    }
}
