//! The verbs of the query language, with what a session adds: Q-pointers, phrases of the VOC, active lists, pages (11, 28).

use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::Failure;
use super::locate::Place;
use super::output::Stop;
use super::verbs::Call;
use super::voc::kind;
use super::{Done, Session, World};
use crate::Snapshot;
use crate::error::{Error, Result};
use crate::query::{self, NESTING_MAX, QueryPlan, Run, Screen, Verb};
use crate::store::{KeyRange, View, Visit};

/// A view that a person can stop looking at.
struct Watched<'a> {
    view: &'a dyn View,
    interrupt: &'a AtomicBool,
}

impl Watched<'_> {
    fn check(&self) -> Result<()> {
        if self.interrupt.load(Ordering::Relaxed) {
            Err(Error::Refused("interrupted".to_owned()))
        } else {
            Ok(())
        }
    }
}

impl View for Watched<'_> {
    fn is_laid_over(&self) -> bool {
        self.view.is_laid_over()
    }

    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        self.check()?;
        self.view.with(key, found)
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        self.check()?;
        let mut stopped = false;
        self.view.scan(range, &mut |key, value| {
            if self.interrupt.load(Ordering::Relaxed) {
                stopped = true;
                return std::ops::ControlFlow::Break(());
            }
            visit(key, value)
        })?;
        if stopped { self.check() } else { Ok(()) }
    }
}

impl Session {
    pub(super) fn query(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let (place, mut plan) = self.plan(call.verb.name, call.rest, call.text, world)?;
        if plan.verb.labels() && plan.labels.is_none() {
            // Nobody there: labels as they mostly are.
            let answer = self.ask("COUNT,ROWS,SKIP,INDENT,SIZE,SPACE{,C}:", world).unwrap_or_default();
            if !answer.trim().is_empty() {
                plan.labels = Some(query::Labels::parse(&answer).ok_or_else(|| {
                    let message = format!("'{answer}' does not say how labels lie");
                    Failure::new(super::failure::ARGUMENTS, message)
                        .hint("for two beside each other: 2,5,1,0,36,4,C (C leaves out blank lines)")
                })?);
            }
        }
        let list = self.lists.take_for(&plan)?;
        let interrupt = world.terminal.interrupt();
        let env = world.env;
        if matches!(plan.verb, Verb::Reformat | Verb::Sreformat) {
            let done = self.write(&place.db, move |txn| txn.reformat(&plan, &env, list.as_deref()))?;
            self.return_code = count(done.written);
            let line =
                format!("{} record(s) reformated, {} record(s) overwritten", done.written, done.overwritten);
            return Ok(self.output(world).line(&line)?);
        }
        let snapshot = self.view(&place.db)?;
        let view = Watched { view: snapshot.view(), interrupt: &interrupt };
        let run =
            Run { view: &view, catalog: snapshot.catalog(), plan: &plan, env: &env, list: list.as_deref() };
        if let Some((file, id)) = &plan.to_record {
            let target = self.place(file, world)?;
            let mut text = Vec::new();
            let found = query::report(run, Screen { width: 32_000, lines: None }, &mut text)?;
            let lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
            // The last line is the number of records, and ends.
            let lines = &lines[..lines.len().saturating_sub(if plan.options.count_sup { 1 } else { 2 })];
            let (count_of_lines, id) = (lines.len(), id.clone());
            let record = crate::DynArray::from_bytes(lines.join(&crate::dynarray::FM));
            let shown = format!("{count_of_lines} line(s) written to '{id}' of {file}");
            self.write(&target.db, move |txn| txn.write(&target.file, &id, &record))?;
            self.return_code = count(found);
            return Ok(self.output(world).line(&shown)?);
        }
        let mut out = self.output(world);
        if plan.options.no_page || plan.options.lptr {
            out = out.without_pages();
        }
        let width = if plan.options.lptr { super::settings::PRINTER_WIDTH } else { out.width() };
        let result = if plan.verb.selects() {
            query::select(run).map_err(Failure::from).and_then(|selected| {
                let (missing, to) = (selected.missing.clone(), selected.to);
                let found = self.lists.keep(selected)?;
                out.line(&format!("{found} record(s) selected to list {to}"))?;
                missing.iter().try_for_each(|id| out.line(&format!("'{id}' not found")))?;
                Ok(found)
            })
        } else {
            let screen = Screen { width, lines: out.height() };
            query::report(run, screen, &mut out).map_err(Failure::from)
        };
        match (out.stopped(), result) {
            (Some(stop), _) => Err(stop.into()),
            (None, Err(_)) if interrupt.load(Ordering::Relaxed) => Err(Stop::Abort.into()),
            (None, Err(failure)) => Err(failure),
            (None, Ok(found)) => {
                self.return_code = count(found);
                if plan.verb.selects() {
                    self.selected = found;
                }
                Ok(())
            }
        }
    }

    pub(super) fn explain(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let (verb, rest) = call.rest.split_once(char::is_whitespace).unwrap_or((call.rest, ""));
        let (place, plan) = self.plan(verb, rest, call.rest, world)?;
        let text = self.view(&place.db)?.explain(&plan, &world.env)?;
        let mut out = self.output(world);
        Ok(text.lines().try_for_each(|line| out.line(line))?)
    }

    /// Runs a sentence that another command stands for.
    pub(super) fn query_as(&mut self, verb: &'static str, rest: &str, world: &mut World<'_>) -> Done {
        let verb = super::verbs::builtin(verb).ok_or_else(|| Failure::new(super::failure::BARRED, verb))?;
        let text = format!("{} {rest}", verb.name);
        self.query(&Call { verb, text: &text, rest }, world)
    }

    fn plan(&self, verb: &str, rest: &str, typed: &str, world: &mut World<'_>) -> Done<(Place, QueryPlan)> {
        let (prefix, name, behind) = file_of(rest);
        let (place, rest) = match self.place(&format!("{prefix}{name}"), world) {
            Ok(place) => {
                let snapshot = self.read(&place.db)?;
                let behind = self.expand_phrases(&snapshot, &place.file, behind)?;
                let rest = format!("{} {behind}", place.file);
                (place, rest)
            }
            // The query says what is wrong with the name, in its own words.
            Err(failure) if failure.number == super::failure::NO_FILE => {
                (Place { db: self.account.db.clone(), file: String::new() }, rest.to_owned())
            }
            Err(failure) => return Err(failure),
        };
        let snapshot = self.read(&place.db)?;
        let sentence = format!("{verb} {rest}");
        let mut plan = query::parse_switched(&sentence, &snapshot, self.switches()).map_err(Error::from)?;
        typed.trim().clone_into(&mut plan.sentence);
        Ok((place, plan))
    }

    /// What OPTION has switched of the query language.
    fn switches(&self) -> query::Switches {
        let on = |name: &str| self.options.contains(name);
        query::Switches {
            priority_and: on("QUERY.PRIORITY.AND"),
            with_implies_or: on("WITH.IMPLIES.OR"),
            implied_eq: on("PICK.IMPLIED.EQ"),
            wildcards: on("PICK.WILDCARD") || on("PICK.WILDCARDS"),
        }
    }

    /// Words that are phrases of the VOC and mean nothing to the dictionary.
    fn expand_phrases(&self, snapshot: &Snapshot, file: &str, text: &str) -> Done<String> {
        let dictionary = snapshot.dictionary(file)?;
        let own = self.read(&self.account.db)?;
        let mut text = text.to_owned();
        for _ in 0..NESTING_MAX {
            let mut found = None;
            for (at, word) in bare_words(&text) {
                let long = word.len() > crate::account::ID_BYTES_MAX;
                if long || dictionary.get(word).is_some() {
                    continue;
                }
                if let Some(record) = own.read("VOC", word)?
                    && kind(&record) == "PH"
                {
                    found = Some((at..at + word.len(), record.field_text(2).into_owned()));
                    break;
                }
            }
            let Some((range, phrase)) = found else { return Ok(text) };
            text.replace_range(range, &phrase);
        }
        Err(Failure::new(super::failure::ARGUMENTS, "Phrases of the VOC expand without end"))
    }
}

/// `DICT `, the name of the file, and what stands behind it.
fn file_of(rest: &str) -> (&'static str, &str, &str) {
    let divide = |text| {
        let text: &str = str::trim_start(text);
        let quoted = text.chars().next().filter(|c| "\"'\\".contains(*c));
        if let Some(quote) = quoted
            && let Some(end) = text[1..].find(quote)
        {
            return (&text[1..=end], &text[end + 2..]);
        }
        text.split_at(text.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(text.len()))
    };
    let (word, behind) = divide(rest);
    if word.eq_ignore_ascii_case("DICT") {
        let (name, behind) = divide(behind);
        return ("DICT ", name, behind);
    }
    ("", word, behind)
}

/// Words outside of quotes, with where they begin.
fn bare_words(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start = None;
    let mut quote = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if let Some(open) = quote {
            if c == open {
                quote = None;
            }
            continue;
        }
        let ends = c.is_whitespace() || ",()\"'\\".contains(c);
        match start {
            Some(begin) if ends => {
                found.push((begin, &text[begin..at]));
                start = None;
            }
            None if !ends => start = Some(at),
            _ => {}
        }
        if "\"'\\".contains(c) {
            quote = Some(c);
        }
    }
    found
}

/// A number of records as a return code.
pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
