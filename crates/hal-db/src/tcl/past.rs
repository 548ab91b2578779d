//! Records as they were: read (`AS.OF`), shown (`HISTORY`), put back (`UNDO`).

use std::sync::Arc;

use super::args::{Args, Word};
use super::failure::{self, Failure};
use super::query::count;
use super::verbs::Call;
use super::work::When;
use super::{Done, Session, World};
use crate::conv;
use crate::history::Clock;

/// The longest time that can be kept, in days.
const DAYS_MAX: usize = 36_500;

impl Session {
    /// `AS.OF date {time} {sentence}`, `AS.OF COMMIT n {sentence}`, `AS.OF NOW`, `AS.OF` alone tells what is read.
    pub(super) fn as_of(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        if self.user.in_transaction() {
            let message = "A transaction reads the present";
            return Err(
                Failure::new(failure::NOT_IN_TRANSACTION, message).hint("COMMIT or ROLLBACK it first")
            );
        }
        let Some(first) = args.next() else {
            let line = match self.as_of {
                None => "Records are read as they are now".to_owned(),
                Some(When::Commit(commit)) => format!("Records are read as after commit {commit}"),
                Some(When::Moment(moment)) => {
                    format!("Records are read as of {}", shown(moment, clock(world)?.as_ref()))
                }
            };
            return Ok(self.output(world).line(&line)?);
        };
        let (when, used) =
            if !first.quoted && ["NOW", "OFF"].iter().any(|now| first.text.eq_ignore_ascii_case(now)) {
                (None, 1)
            } else if !first.quoted && first.text.eq_ignore_ascii_case("COMMIT") {
                let number = args.word()?.parse().map_err(|_| args.wrong())?;
                (Some(When::Commit(number)), 2)
            } else {
                let (moment, used) = moment(&first, &mut args, world)?;
                (Some(When::Moment(moment)), used)
            };
        let sentence = behind(call.rest, used).to_owned();
        let before = std::mem::replace(&mut self.as_of, when);
        // A state that is not known is refused now, not by the next command.
        if let Err(failure) = self.read(&self.account.db) {
            self.as_of = before;
            return Err(failure);
        }
        if sentence.is_empty() {
            return Ok(());
        }
        let done = self.verb(&sentence, world);
        self.as_of = before;
        done
    }

    /// `HISTORY file id`, `HISTORY KEEP days`, `HISTORY OFF`, `HISTORY`
    pub(super) fn history(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let db = self.account.db.clone();
        if args.take("KEEP") {
            let days: usize = args.word()?.parse().map_err(|_| args.wrong())?;
            args.take("DAYS");
            args.end()?;
            if !(1..=DAYS_MAX).contains(&days) {
                return Err(args.wrong());
            }
            let clock = clock(world)?;
            self.restructure(&db, |_| Ok(()))?;
            db.set_history(Some(days as u64), clock)?;
            let line = format!("What records were before is kept for {days} day(s), beginning with this");
            return Ok(self.output(world).line(&line)?);
        }
        if args.take("OFF") {
            args.end()?;
            let clock = clock(world)?;
            self.restructure(&db, |_| Ok(()))?;
            db.set_history(None, clock)?;
            return Ok(self.output(world).line("Nothing is kept any more, and what was is forgotten")?);
        }
        let snapshot = db.snapshot()?;
        if args.is_empty() {
            let line = match snapshot.history_days()? {
                Some(days) => format!("What records were before is kept for {days} day(s)"),
                None => "What records were before is not kept; HISTORY KEEP days does".to_owned(),
            };
            return Ok(self.output(world).line(&line)?);
        }
        let file = args.file()?;
        let id = args.word()?;
        args.end()?;
        let place = self.place(&file, world)?;
        let snapshot = place.db.snapshot()?;
        let changes = snapshot.history(&place.file, &id)?;
        let clock = world.host.clock();
        self.return_code = count(changes.len());
        let mut out = self.output(world);
        if changes.is_empty() && snapshot.history_days()?.is_none() {
            out.line("What records were before is not kept; HISTORY KEEP days does")?;
        }
        for before in &changes {
            let moment = snapshot.moment_of(before.commit)?;
            let at = match (&clock, moment) {
                (Some(clock), Some(moment)) => shown(moment, clock.as_ref()),
                _ => String::new(),
            };
            out.line(format!("Before commit {}, {at}", before.commit).trim_end_matches(", "))?;
            match &before.record {
                None => out.line("    it was not there")?,
                Some(record) => {
                    crate::query::record_lines(record.as_bytes())
                        .iter()
                        .try_for_each(|line| out.bytes(line))?;
                }
            }
        }
        Ok(out.line(&format!("{} change(s) of '{id}'", changes.len()))?)
    }

    /// `UNDO file id`, `UNDO COMMIT n`
    pub(super) fn undo(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        if args.take("COMMIT") {
            let commit: u64 = args.word()?.parse().map_err(|_| args.wrong())?;
            args.end()?;
            let db = self.account.db.clone();
            let undone = self.write(&db, move |txn| txn.undo(commit))?;
            self.return_code = count(undone);
            return Ok(self.output(world).line(&format!("{undone} record(s) as before commit {commit}"))?);
        }
        let file = args.file()?;
        let id = args.word()?;
        args.end()?;
        let place = self.place(&file, world)?;
        if self.is_locked_by_other(&place, &id) {
            return Err(Failure::new(
                failure::LOCKED_BY_OTHER,
                format!("'{id}' is locked by another session"),
            ));
        }
        let shown = id.clone();
        let there = self.write(&place.db, move |txn| {
            txn.undo_record(&place.file, &id)?;
            Ok(txn.read(&place.file, &id)?.is_some())
        })?;
        self.return_code = 1;
        let line = if there { "is as it was before" } else { "is gone, as it was before" };
        Ok(self.output(world).line(&format!("'{shown}' {line}"))?)
    }
}

fn clock(world: &World<'_>) -> Done<Arc<dyn Clock>> {
    world.host.clock().ok_or_else(|| Failure::new(failure::BARRED, "No history is kept here"))
}

/// A moment of the history's clock as a person reads it.
fn shown(moment: u64, clock: &dyn Clock) -> String {
    let (day, second) = clock.to_local(moment);
    let part =
        |value: String, code| String::from_utf8_lossy(&conv::oconv(value.as_bytes(), code).0).into_owned();
    format!("{} {}", part(day.to_string(), "D-YMD[4,2,2]"), part(second.to_string(), "MTS"))
}

/// `date {time}`, the time in the same quotes or as a word of its own; gives it with the number of words.
fn moment(first: &Word, args: &mut Args, world: &World<'_>) -> Done<(u64, usize)> {
    let wrong = |what: &str| {
        Failure::new(failure::ARGUMENTS, format!("'{what}' is not a date")).hint(
            "write AS.OF 2026-03-01, AS.OF 2026-03-01 10:30, AS.OF \"1 MAR 2026 10:30\", or AS.OF COMMIT 12",
        )
    };
    let env = &world.env;
    let read = |text: &str, code: &str| -> Option<i64> {
        let (stored, status) = conv::iconv(text.as_bytes(), code, env);
        (status == conv::Status::Ok).then(|| String::from_utf8_lossy(&stored).parse().ok()).flatten()
    };
    let is_time = |text: &str| {
        text.contains(':') && !text.contains(' ') && text.starts_with(|c: char| c.is_ascii_digit())
    };
    let date_code = |text: &str| {
        if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-') && text.find('-') == Some(4) {
            "D-YMD[4,2,2]"
        } else {
            "D"
        }
    };
    let (mut date, mut time, mut used) = (first.text.trim().to_owned(), None, 1);
    if is_time(&date) {
        // Today.
        time = Some(std::mem::take(&mut date));
    } else if let Some((days, end)) = date.clone().rsplit_once(' ')
        && is_time(end)
    {
        (date, time) = (days.to_owned(), Some(end.to_owned()));
    } else if args.peek_with(&|word: &Word| is_time(&word.text)) {
        time = args.next().map(|word| word.text);
        used = 2;
    }
    let day = if date.is_empty() {
        env.today
    } else {
        read(&date, date_code(&date)).ok_or_else(|| wrong(&date))?
    };
    // A day alone means its end: what was written on it counts.
    let second = match &time {
        None => 86_399,
        Some(time) => read(time, "MTS").ok_or_else(|| wrong(time))?,
    };
    let second = u32::try_from(second).map_err(|_| wrong(&date))?;
    let clock = clock(world)?;
    Ok((clock.of_local(day, second).ok_or_else(|| wrong(&date))?, used))
}

/// What stands behind the first words of a text, quotes kept together.
fn behind(text: &str, words: usize) -> &str {
    let mut rest = text.trim_start();
    for _ in 0..words {
        let quote = rest.chars().next().filter(|c| "\"'\\".contains(*c));
        let end = match quote {
            Some(quote) => rest[1..].find(quote).map_or(rest.len(), |end| end + 2),
            None => rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len()),
        };
        rest = rest[end..].trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    rest
}
