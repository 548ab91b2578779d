//! Select lists between commands: saved, fetched, merged, made from records (13, 27).

use super::args::Args;
use super::failure::{self, Failure};
use super::query::count;
use super::verbs::Call;
use super::{Done, Session, World};
use crate::dynarray::{FM, Record, VM};
use crate::query::{SAVED_LISTS, SelectLists};

impl Session {
    pub(super) fn save_list(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let from = args.number_after("FROM")?.unwrap_or(0);
        let keep = args.take_anywhere("KEEP");
        let (file, name) = self.list_name(&mut args, true)?;
        args.end()?;
        let mut lists = self.lists.clone();
        let (record, saved) = lists.save(from, keep)?;
        let id = name.clone();
        let own = file.is_none();
        let place = match &file {
            Some(file) => self.place(file, world)?,
            None => super::locate::Place { db: self.account.db.clone(), file: SAVED_LISTS.to_owned() },
        };
        if own && place.db.snapshot()?.catalog().file(SAVED_LISTS).is_err() {
            self.restructure(&place.db, |txn| txn.create_file(SAVED_LISTS))?;
        }
        self.write(&place.db, move |txn| txn.write(&place.file, &id, &record))?;
        self.lists = lists;
        self.return_code = count(saved);
        Ok(self.output(world).line(&format!("{saved} records saved to select list '{name}'"))?)
    }

    pub(super) fn get_list(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let to = args.number_after("TO")?.unwrap_or(0);
        let mut records = Vec::new();
        if args.is_empty() {
            return Err(args.wrong());
        }
        for name in args.rest() {
            records.push(self.saved(&name.text)?);
        }
        let found = self.lists.load(to, &records)?;
        self.selected(found, &format!("{found} record(s) selected to list {to}"), world)
    }

    pub(super) fn delete_list(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let name = args.word()?;
        args.end()?;
        self.saved(&name)?;
        let id = name.clone();
        let db = self.account.db.clone();
        self.write(&db, move |txn| txn.delete(SAVED_LISTS, &id))?;
        Ok(self.output(world).line(&format!("Saved select list '{name}' deleted"))?)
    }

    /// `COPY.LIST name{,new} {FROM file} {TO file}`
    pub(super) fn copy_list(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let name = args.word()?;
        let file = if args.take("TO") { Some(args.file()?) } else { None };
        let new = if file.is_none() || !args.is_empty() { args.word()? } else { name.clone() };
        let file = if file.is_none() && args.take("TO") { Some(args.file()?) } else { file };
        let overwrite = args.take("OVERWRITING");
        args.end()?;
        let record = self.saved(&name)?;
        let place = self.place(file.as_deref().unwrap_or(SAVED_LISTS), world)?;
        if !overwrite && self.view(&place.db)?.read(&place.file, &new)?.is_some() {
            return Err(Failure::new(failure::ARGUMENTS, format!("'{new}' exists already"))
                .hint("OVERWRITING replaces it"));
        }
        let shown = new.clone();
        self.write(&place.db, move |txn| txn.write(&place.file, &new, &record))?;
        Ok(self.output(world).line(&format!("Saved select list '{name}' copied to '{shown}'"))?)
    }

    pub(super) fn merge_list(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let to = args.number_after("TO")?.unwrap_or(0);
        let number = |args: &mut Args| -> Done<usize> { args.word()?.parse().map_err(|_| args.wrong()) };
        let first = number(&mut args)?;
        let operation = args.word()?;
        let second = number(&mut args)?;
        args.end()?;
        let found = self.lists.merge(first, &operation, second, to)?;
        self.selected(found, &format!("{found} record(s) selected to select list {to}"), world)
    }

    pub(super) fn clear_select(&mut self, call: &Call<'_>, _: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        if args.take("ALL") {
            self.lists.clear_all();
            return args.end();
        }
        let number = args.next().map_or(Ok(0), |word| word.text.parse().map_err(|_| args.wrong()))?;
        args.end()?;
        self.lists.clear(number);
        Ok(())
    }

    /// `FORM.LIST file id {TO n}`: the fields of a record.
    pub(super) fn form_list(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let to = args.number_after("TO")?.unwrap_or(0);
        let (file, id) = (args.file()?, args.word()?);
        args.end()?;
        let place = self.place(&file, world)?;
        let record = self.view(&place.db)?.read(&place.file, &id)?.ok_or_else(|| no_record(&id))?;
        let found = self.lists.load(to, &[record])?;
        self.selected(found, &format!("{found} record(s) selected to list {to}"), world)
    }

    /// `QSELECT file id..|*|FROM n {TO n} {SAVING item}`: what stands in records becomes a list.
    pub(super) fn qselect(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let to = args.number_after("TO")?.unwrap_or(0);
        let from = args.number_after("FROM")?;
        let file = args.file()?;
        let place = self.place(&file, world)?;
        let snapshot = self.view(&place.db)?;
        let mut words = args.rest();
        let saving = words.iter().position(|word| !word.quoted && word.text.eq_ignore_ascii_case("SAVING"));
        let field = match saving {
            None => None,
            Some(at) => {
                let name = words.get(at + 1).map(|word| word.text.clone()).ok_or_else(|| args.wrong())?;
                words.drain(at..at + 2);
                Some(self.field_number(&snapshot, &place.file, &name)?)
            }
        };
        let ids: Vec<String> = match (from, words.as_slice()) {
            (Some(number), []) => self.take_list(number)?,
            (None, [word]) if word.text == "*" && !word.quoted => {
                snapshot.ids(&place.file)?.collect::<crate::Result<_>>()?
            }
            (None, []) => self.take_list(0)?,
            (None, words) => words.iter().map(|word| word.text.clone()).collect(),
            (Some(_), _) => return Err(args.wrong()),
        };
        let mut items: Vec<Vec<u8>> = Vec::new();
        let mut missing = Vec::new();
        for id in ids {
            match snapshot.read(&place.file, &id)? {
                None => missing.push(id),
                Some(record) => {
                    let bytes = field.map_or(record.as_bytes(), |field| record.field(field));
                    items.extend(
                        bytes
                            .split(|&b| b == FM || b == VM)
                            .filter(|item| !item.is_empty())
                            .map(<[u8]>::to_vec),
                    );
                }
            }
        }
        let found = self.lists.set(to, items)?;
        self.selected(found, &format!("{found} record(s) selected to list {to}"), world)?;
        let mut out = self.output(world);
        Ok(missing.iter().try_for_each(|id| out.line(&format!("'{id}' not found")))?)
    }

    /// `NSELECT file {FROM n} {TO n}`: the ids of a list that are not in a file.
    pub(super) fn nselect(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let to = args.number_after("TO")?.unwrap_or(0);
        let from = args.number_after("FROM")?.unwrap_or(0);
        let file = args.file()?;
        args.end()?;
        let place = self.place(&file, world)?;
        let snapshot = self.view(&place.db)?;
        let mut items = Vec::new();
        for id in self.take_list(from)? {
            if snapshot.read(&place.file, &id)?.is_none() {
                items.push(id.into_bytes());
            }
        }
        let found = self.lists.set(to, items)?;
        self.selected(found, &format!("{found} record(s) selected to list {to}"), world)
    }

    /// Saved lists with their sizes.
    pub(super) fn list_lists(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        call.args()?.end()?;
        let snapshot = self.read(&self.account.db)?;
        let mut found = 0;
        let mut out = self.output(world);
        if snapshot.catalog().file(SAVED_LISTS).is_ok() {
            for id in snapshot.ids(SAVED_LISTS)? {
                let id = id?;
                let size = snapshot.read(SAVED_LISTS, &id)?.map_or(0, |record| record.dcount_fields());
                out.line(&format!("{size:>8}  {id}"))?;
                found += 1;
            }
        }
        out.line(&format!("{found} saved select list(s)"))?;
        self.return_code = count(found);
        Ok(())
    }

    /// Takes a list away, as ids of records.
    pub(super) fn take_list(&mut self, number: usize) -> Done<Vec<String>> {
        let ids = self.lists.get(number).ok_or(crate::query::ListError::NotActive(number))?;
        let ids = ids.iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect();
        self.lists.clear(number);
        Ok(ids)
    }

    fn selected(&mut self, found: usize, line: &str, world: &mut World<'_>) -> Done {
        self.selected = found;
        self.return_code = count(found);
        Ok(self.output(world).line(line)?)
    }

    /// `{file} name`
    fn list_name(&self, args: &mut Args, may_have_file: bool) -> Done<(Option<String>, String)> {
        let first = args.word()?;
        match args.next() {
            Some(second) if may_have_file => Ok((Some(first), second.text)),
            Some(_) => Err(args.wrong()),
            None => Ok((None, first)),
        }
    }

    fn saved(&self, name: &str) -> Done<Record> {
        let snapshot = self.read(&self.account.db)?;
        let record = match snapshot.catalog().file(SAVED_LISTS) {
            Ok(_) => snapshot.read(SAVED_LISTS, name)?,
            Err(_) => None,
        };
        let missing = || Failure::new(failure::NO_RECORD, format!("Saved select list '{name}' not found"));
        record.ok_or_else(missing)
    }
}

pub(super) fn no_record(id: &str) -> Failure {
    Failure::new(failure::NO_RECORD, format!("'{id}' not found"))
}

/// The numbers of the lists that are active.
pub(super) fn active(lists: &SelectLists) -> impl Iterator<Item = (usize, usize)> + '_ {
    (0..=10).filter_map(|number| Some((number, lists.get(number)?.len())))
}
