//! Whole records: shown, copied, deleted, changed field by field (27).

use super::args::Word;
use super::failure::{self, Failure};
use super::locate::Place;
use super::query::count;
use super::verbs::Call;
use super::{Done, Session, World};
use crate::conv;
use crate::dict::Dictionary;
use crate::dynarray::{Record, field};
use crate::query::record_lines;
use crate::{Error, Snapshot, Txn};

/// Bytes of a line of DUMP.
const DUMP_BYTES: usize = 16;

/// What COPY does with records that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    /// Left as they are.
    Keep,
    /// Replaced.
    Replace,
    /// Replaced, and no others written.
    Only,
}

/// One record to copy: from, to.
type Pair = (String, String);

/// What a COPY did.
#[derive(Debug, Default)]
struct Copied {
    done: Vec<Pair>,
    missing: Vec<String>,
    existing: Vec<String>,
    absent: Vec<String>,
}

impl Session {
    pub(super) fn ct(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        self.each_record(call, world, &|record| record_lines(record.as_bytes()))
    }

    pub(super) fn dump(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        self.each_record(call, world, &|record| {
            let lines = record.as_bytes().chunks(DUMP_BYTES).enumerate();
            lines.map(|(at, bytes)| dump_line(at * DUMP_BYTES, bytes).into_bytes()).collect()
        })
    }

    fn each_record(
        &mut self,
        call: &Call<'_>,
        world: &mut World<'_>,
        lines: &dyn Fn(&Record) -> Vec<Vec<u8>>,
    ) -> Done {
        let mut args = call.args()?;
        let no_page = args.take_anywhere("NO.PAGE");
        args.take_anywhere("LPTR");
        let file = args.file()?;
        let place = self.place(&file, world)?;
        let snapshot = self.view(&place.db)?;
        let ids = self.ids(args.rest(), &snapshot, &place, false)?;
        let mut out = self.output(world);
        if no_page {
            out = out.without_pages();
        }
        let (mut found, mut missing) = (0, None);
        for id in ids {
            let Some(record) = snapshot.read(&place.file, &id)? else {
                out.line(&format!("'{id}' not found"))?;
                missing = Some(id);
                continue;
            };
            found += 1;
            out.line(&format!("{file} {id}"))?;
            lines(&record).iter().try_for_each(|line| out.bytes(line))?;
        }
        self.return_code = if found == 0 && missing.is_some() { -failure::NO_RECORD } else { count(found) };
        Ok(())
    }

    /// The ids that a command names: words, `ALL` or `*`, else list 0.
    fn ids(&mut self, words: Vec<Word>, snapshot: &Snapshot, place: &Place, sure: bool) -> Done<Vec<String>> {
        match words.as_slice() {
            [] => self.take_list(0).map_err(|_| {
                Failure::new(failure::LIST_REQUIRED, "Name records, ALL, or select them before")
            }),
            [word]
                if !word.quoted && (word.text.eq_ignore_ascii_case("ALL") || (word.text == "*" && !sure)) =>
            {
                Ok(snapshot.ids(&place.file)?.collect::<crate::Result<_>>()?)
            }
            _ => Ok(words.into_iter().map(|word| word.text).collect()),
        }
    }

    pub(super) fn delete(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let sure = args.take_anywhere("NO.QUERY") | args.take_anywhere("FORCE");
        let file = args.file()?;
        let place = self.place(&file, world)?;
        let words = args.rest();
        let all = matches!(words.as_slice(), [word] if !word.quoted && word.text.eq_ignore_ascii_case("ALL"));
        let snapshot = self.view(&place.db)?;
        let mut ids = self.ids(words, &snapshot, &place, true)?;
        if all && !sure && !ids.is_empty() {
            self.confirm(&format!("Delete all {} record(s) of {file}?", ids.len()), world)?;
        }
        let missing_too = !all;
        let locked: Vec<String> =
            ids.iter().filter(|id| self.is_locked_by_other(&place, id)).cloned().collect();
        ids.retain(|id| !locked.contains(id));
        let (deleted, missing) = self.write(&place.db.clone(), move |txn| {
            let mut missing = Vec::new();
            let mut deleted = 0;
            for id in ids {
                if txn.delete(&place.file, &id)? {
                    deleted += 1;
                } else {
                    missing.push(id);
                }
            }
            Ok((deleted, missing))
        })?;
        let mut out = self.output(world);
        locked.iter().try_for_each(|id| out.line(&format!("'{id}' is locked and was not deleted")))?;
        if missing_too {
            missing.iter().try_for_each(|id| out.line(&format!("'{id}' not found")))?;
        }
        out.line(&format!("{deleted} record(s) deleted"))?;
        self.return_code = count(deleted);
        Ok(())
    }

    pub(super) fn copy(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let replace = args.take_anywhere("OVERWRITING") | args.take_anywhere("OVERWRITE");
        let only = args.take_anywhere("UPDATING");
        let deleting = args.take_anywhere("DELETING");
        let report = args.take_anywhere("REPORTING");
        args.take_anywhere("NO.QUERY");
        args.take_anywhere("FORCE");
        // `COPY FROM f …`; FROM is often left out.
        args.take("FROM");
        let from = args.file()?;
        let to = if args.take("TO") { Some(args.file()?) } else { None };
        let mut words = args.rest();
        let to = to.map_or_else(|| trailing_to(&mut words), Some);
        let source = self.place(&from, world)?;
        let target = match &to {
            Some(to) => self.place(to, world)?,
            None => source.clone(),
        };
        let snapshot = self.view(&source.db)?;
        let pairs = pairs(words, |words| self.ids(words, &snapshot, &source, false))?;
        let existing = match (replace, only) {
            (_, true) => Existing::Only,
            (true, false) => Existing::Replace,
            (false, false) => Existing::Keep,
        };
        let copied = self.copy_records(&snapshot, &source, &target, pairs, existing, deleting)?;
        let mut out = self.output(world);
        if report {
            copied.done.iter().try_for_each(|(id, new)| {
                out.line(&if id == new {
                    format!("'{id}' copied")
                } else {
                    format!("'{id}' copied to '{new}'")
                })
            })?;
        }
        copied.missing.iter().try_for_each(|id| out.line(&format!("'{id}' not found")))?;
        for id in &copied.existing {
            out.line(&format!("'{id}' exists already and was not copied"))?;
        }
        for id in &copied.absent {
            out.line(&format!("'{id}' does not exist in the target and was not copied"))?;
        }
        out.line(&format!("{} record(s) copied", copied.done.len()))?;
        self.return_code = count(copied.done.len());
        Ok(())
    }

    /// `SET {DICT} file id item value`: one item of a record, through its input conversion.
    pub(super) fn set(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let first = args.next().ok_or_else(|| args.wrong())?;
        if first.text.starts_with('@') && !first.quoted {
            let value = args.next().map_or_else(String::new, |word| word.text);
            args.end()?;
            if self.set_variable(&first.text, &value) {
                return Ok(());
            }
            return Err(Failure::new(failure::ARGUMENTS, format!("{} cannot be set", first.text))
                .hint("a person sets @USER0 to @USER4 and @USER.RETURN.CODE"));
        }
        let dict = first.text.eq_ignore_ascii_case("DICT") && !first.quoted;
        let file = if dict { format!("DICT {}", args.word()?) } else { first.text };
        let (id, name) = (args.word()?, args.word()?);
        args.take("=");
        let value = args.word()?;
        args.end()?;
        let place = self.place(&file, world)?;
        let snapshot = self.read(&place.db)?;
        let (name, part) = part_of(&name, &args)?;
        let part_of_item = if dict { part_of_item(&snapshot, &place, &id, &name)? } else { None };
        let number = match part_of_item {
            Some(number) => number,
            None => self.field_number(&snapshot, &place.file, &name)?,
        };
        let code = snapshot.dictionary(&place.file)?.column(&name).map(|item| item.conversion.clone());
        let code = code.filter(|code| !code.is_empty() && !value.is_empty());
        let stored = match &code {
            None => value.clone().into_bytes(),
            Some(code) => {
                let (stored, status) = conv::iconv(value.as_bytes(), code, &world.env);
                if status != conv::Status::Ok {
                    return Err(Error::BadValue { item: name, value, code: code.clone() }.into());
                }
                stored
            }
        };
        let shown = id.clone();
        if self.is_locked_by_other(&place, &id) {
            return Err(Failure::new(
                failure::LOCKED_BY_OTHER,
                format!("'{id}' is locked by another session"),
            )
            .hint("LIST.READU shows by whom"));
        }
        let new = self.write(&place.db.clone(), move |txn| {
            let old = txn.read(&place.file, &id)?;
            let new = old.is_none();
            let mut record = old.unwrap_or_default();
            match part {
                None => record.set_field(number, &stored),
                Some(value) => {
                    let field = i64::try_from(number).unwrap_or(i64::MAX);
                    record.replace(field, value, 0, &stored);
                }
            }
            txn.write(&place.file, &id, &record)?;
            Ok(new)
        })?;
        let what = if new { "new record, " } else { "" };
        Ok(self.output(world).line(&format!("'{shown}': {what}field {number} set"))?)
    }

    /// `SET.JSON file {…}`: members of the object change their items, others stay (30.4).
    pub(super) fn set_json(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let wrong = || Failure::usage(call.verb.usage);
        let (file, json) = call.rest.split_once(char::is_whitespace).ok_or_else(wrong)?;
        let place = self.place(file, world)?;
        let object: serde_json::Value = serde_json::from_str(json.trim())
            .map_err(|error| Failure::new(failure::ARGUMENTS, format!("The JSON cannot be read: {error}")))?;
        let id = object.get("id").or_else(|| object.get("@ID")).and_then(serde_json::Value::as_str);
        let id = id.ok_or_else(wrong)?.to_owned();
        if self.is_locked_by_other(&place, &id) {
            return Err(Failure::new(
                failure::LOCKED_BY_OTHER,
                format!("'{id}' is locked by another session"),
            ));
        }
        if self.user.in_transaction() {
            let message = "SET.JSON is not done inside a transaction";
            return Err(Failure::new(failure::NOT_IN_TRANSACTION, message).hint("SET is; or COMMIT it first"));
        }
        // The import has a write of its own: this asks whether one is possible.
        self.restructure(&place.db, |_| Ok(()))?;
        let report = crate::import::json(&place.db, &place.file, json.as_bytes(), &world.env)?;
        if let Some(refusal) = report.refused.first() {
            return Err(Failure::new(failure::ARGUMENTS, format!("'{id}': {}", refusal.reason)));
        }
        self.return_code = count(report.written);
        Ok(self.output(world).line(&format!("'{id}': {} record(s) written", report.written))?)
    }

    /// The number of a field: a number, `F4`, or an item of the dictionary.
    pub(super) fn field_number(&self, snapshot: &Snapshot, file: &str, name: &str) -> Done<usize> {
        let plain = name.strip_prefix(['F', 'f']).unwrap_or(name).parse::<usize>().ok();
        let dictionary = snapshot.dictionary(file)?;
        let number = dictionary.data(name).map(|item| item.field).or(plain);
        match number {
            Some(number @ 1..=100_000) => Ok(number),
            Some(_) => {
                Err(Failure::new(failure::ARGUMENTS, format!("{name} is not a field that can be changed")))
            }
            None if dictionary.get(name).is_some() => {
                let message = format!("{name} is computed: it cannot be changed");
                Err(Failure::new(failure::ARGUMENTS, message).hint("change the fields that it is made of"))
            }
            None => {
                let near = crate::error::near(name, dictionary.data_items().map(|item| item.name.as_str()));
                Err(Error::NoSuchItem { file: file.to_owned(), item: name.to_owned(), near }.into())
            }
        }
    }

    pub(super) fn no_editor(&mut self, call: &Call<'_>, _: &mut World<'_>) -> Done {
        Err(Failure::new(failure::BARRED, format!("{}: HAL has no editor", call.verb.name))
            .hint("SET file id item value changes a field; hal db export and import change many"))
    }
}

/// The field of a dictionary item by the name that `LIST DICT` shows it under.
fn part_of_item(snapshot: &Snapshot, place: &Place, id: &str, name: &str) -> Done<Option<usize>> {
    let item = snapshot.read(&place.file, id)?.unwrap_or_default();
    Ok(Dictionary::part_of_item(field(item.as_bytes(), 1), name))
}

impl Session {
    fn copy_records(
        &mut self,
        snapshot: &Snapshot,
        source: &Place,
        target: &Place,
        pairs: Vec<Pair>,
        existing: Existing,
        deleting: bool,
    ) -> Done<Copied> {
        let same = source.db.is_same(&target.db);
        let mut records = Vec::new();
        let mut copied = Copied::default();
        for (id, new) in pairs {
            match snapshot.read(&source.file, &id)? {
                Some(record) => records.push((id, new, record)),
                None => copied.missing.push(id),
            }
        }
        let (from, to) = (source.file.clone(), target.file.clone());
        let work = move |txn: &mut Txn<'_>| {
            let mut written = Vec::new();
            for (id, new, record) in records {
                match (txn.read(&to, &new)?.is_some(), existing) {
                    (true, Existing::Keep) => copied.existing.push(new),
                    (false, Existing::Only) => copied.absent.push(new),
                    _ => {
                        written.push((new.clone(), record));
                        copied.done.push((id, new));
                    }
                }
            }
            txn.write_all(&to, &written)?;
            if deleting && same {
                for (id, new) in &copied.done {
                    if from != to || id != new {
                        txn.delete(&from, id)?;
                    }
                }
            }
            Ok(copied)
        };
        let copied = self.write(&target.db, work)?;
        if deleting && !same {
            let file = source.file.clone();
            let ids: Vec<String> = copied.done.iter().map(|(id, _)| id.clone()).collect();
            self.write(&source.db, move |txn| ids.iter().try_for_each(|id| txn.delete(&file, id).map(drop)))?;
        }
        Ok(copied)
    }
}

/// `ITEM<2>`: the second value of an item; `ITEM<-1>` one behind the last.
fn part_of(name: &str, args: &super::args::Args) -> Done<(String, Option<i64>)> {
    let Some((name, value)) = name.strip_suffix('>').and_then(|inner| inner.split_once('<')) else {
        return Ok((name.to_owned(), None));
    };
    let value = value.parse::<i64>().ok().filter(|value| (-1..=100_000).contains(value) && *value != 0);
    Ok((name.to_owned(), Some(value.ok_or_else(|| args.wrong())?)))
}

/// `… TO file` behind the ids.
fn trailing_to(words: &mut Vec<Word>) -> Option<String> {
    let at = words.iter().position(|word| !word.quoted && word.text.eq_ignore_ascii_case("TO"))?;
    let mut behind: Vec<Word> = words.split_off(at).into_iter().skip(1).collect();
    let first = behind.first()?.text.clone();
    let dict = first.eq_ignore_ascii_case("DICT") && behind.len() > 1;
    let name = if dict { format!("DICT {}", behind[1].text) } else { first };
    behind.drain(..if dict { 2 } else { 1 });
    words.append(&mut behind);
    Some(name)
}

/// `id id,new id`: a comma gives the record another id.
fn pairs(words: Vec<Word>, ids: impl FnOnce(Vec<Word>) -> Done<Vec<String>>) -> Done<Vec<Pair>> {
    if !words.iter().any(|word| word.after_comma) {
        return Ok(ids(words)?.into_iter().map(|id| (id.clone(), id)).collect());
    }
    let mut pairs: Vec<Pair> = Vec::new();
    for word in words {
        match pairs.last_mut() {
            Some(last) if word.after_comma => last.1 = word.text,
            _ => pairs.push((word.text.clone(), word.text)),
        }
    }
    Ok(pairs)
}

/// `000000: 41 6E 6E …  Ann`
fn dump_line(at: usize, bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let shown: String =
        bytes.iter().map(|&byte| if (b' '..0x7F).contains(&byte) { char::from(byte) } else { '.' }).collect();
    format!("{at:06X}: {:<width$}  {shown}", hex.join(" "), width = DUMP_BYTES * 3 - 1)
}
