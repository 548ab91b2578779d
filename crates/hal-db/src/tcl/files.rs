//! Files and pointers to files: made, removed, renamed, listed (26, 27).

use unicode_width::UnicodeWidthStr as _;

use super::args::Args;
use super::failure::{self, Failure};
use super::query::count;
use super::verbs::Call;
use super::voc::kind;
use super::{Done, Session, World};
use crate::Error;
use crate::dynarray::{DynArray, Record};

/// Options of CREATE.FILE that a number follows: they tune hashing, which HAL's store does by itself.
const TUNING: &[&str] = &[
    "MINIMUM.MODULUS",
    "GROUP.SIZE",
    "LARGE.RECORD",
    "SPLIT.LOAD",
    "MERGE.LOAD",
    "VERSION",
    "MINIMUM.MODULO",
    "BIG.REC",
    "RECORD.SIZE",
];
/// Options of CREATE.FILE that stand alone and say nothing here.
const IGNORED: &[&str] = &["DYNAMIC", "NO.QUERY", "NO.MAP", "DIRECTORY"];

impl Session {
    pub(super) fn create_file(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let dict_only = args.take("DICT");
        args.take("DATA");
        let name = args.word()?.to_uppercase();
        let (mut using, mut notes, mut no_case) = (None, Vec::new(), false);
        while let Some(word) = args.next() {
            let upper = word.text.to_uppercase();
            match upper.as_str() {
                "DIRECTORY" => notes.push("Its records are kept in the database, not in a directory"),
                "NO.CASE" => no_case = true,
                "CASE" => no_case = false,
                "USING" => {
                    args.take("DICT");
                    using = Some(args.word()?);
                }
                known if TUNING.contains(&known) => {
                    args.word()?.parse::<u64>().map_err(|_| args.wrong())?;
                }
                known if IGNORED.contains(&known) => {}
                // Pick's modulus and separation: `CREATE.FILE X 1,1 23,1`.
                number if number.chars().all(|c| c.is_ascii_digit()) => {}
                "ENCRYPT" => {
                    return Err(Failure::new(failure::BARRED, "HAL does not encrypt single files")
                        .hint("put the folder of the database on an encrypted disk"));
                }
                _ => return Err(args.wrong()),
            }
        }
        let using = using.map(|other| self.place(&format!("DICT {other}"), world)).transpose()?;
        let items = match &using {
            None => Vec::new(),
            Some(place) => all_records(&self.view(&place.db)?, &place.file)?,
        };
        let file = name.clone();
        let db = self.account.db.clone();
        self.restructure(&db, move |txn| {
            txn.create_file_as(&file, no_case)?;
            if items.is_empty() { Ok(()) } else { txn.write_all(&format!("DICT {file}"), &items) }
        })?;
        if dict_only {
            notes.push("It has a data part too: each file of HAL has both");
        }
        let mut out = self.output(world);
        out.line(&format!("Created DICT part of {name}"))?;
        out.line(&format!("Created DATA part of {name}"))?;
        match &using {
            None => out.line("Added default '@ID' record to dictionary")?,
            Some(place) => out.line(&format!("Copied the items of {}", place.file))?,
        }
        Ok(notes.iter().try_for_each(|note| out.line(note))?)
    }

    pub(super) fn delete_file(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let sure = args.take_anywhere("NO.QUERY") | args.take_anywhere("FORCE");
        let part = args.peek("DICT") || args.peek("DATA");
        let name = args.file()?;
        args.end()?;
        let base = name.strip_prefix("DICT ").unwrap_or(&name).to_owned();
        // A pointer goes, not what it points to.
        if self.account.db.snapshot()?.catalog().file(&base).is_err()
            && let Some((id, record)) = self.voc(&base)?
            && kind(&record) == "Q"
        {
            let voc = id.clone();
            let db = self.account.db.clone();
            self.write(&db, move |txn| txn.delete("VOC", &voc))?;
            return Ok(self.output(world).line(&format!("Q-pointer {id} deleted"))?);
        }
        let place = self.place(&base, world)?;
        if part {
            return Err(Failure::new(failure::BARRED, "Both parts of a file go together")
                .hint(format!("CLEAR.FILE {name} empties a part; DELETE.FILE {base} deletes the file")));
        }
        if !sure && self.view(&place.db)?.ids(&place.file)?.next().is_some() {
            self.confirm(&format!("File {base} holds records. Delete it?"), world)?;
        }
        let file = place.file.clone();
        self.restructure(&place.db, move |txn| txn.delete_file(&file))?;
        Ok(self.output(world).line(&format!("File {} deleted", place.file))?)
    }

    pub(super) fn clear_file(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        args.take_anywhere("NO.QUERY");
        args.take_anywhere("FORCE");
        let name = args.file()?;
        args.end()?;
        let place = self.place(&name, world)?;
        if place.file == "VOC" {
            return Err(Failure::new(failure::BARRED, "The VOC cannot be cleared: it holds the files"));
        }
        let file = place.file;
        let ids: Vec<String> = self.view(&place.db)?.ids(&file)?.collect::<crate::Result<_>>()?;
        let cleared = self.write(&place.db, move |txn| {
            let mut cleared = 0;
            for id in ids {
                cleared += usize::from(txn.delete(&file, &id)?);
            }
            Ok(cleared)
        })?;
        Ok(self.output(world).line(&format!("{name} cleared, {cleared} record(s) deleted"))?)
    }

    pub(super) fn cname(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let old = args.word()?;
        args.take("TO");
        let new = args.word()?.to_uppercase();
        args.end()?;
        let old = self.account.db.snapshot()?.catalog().file(&old)?.name.clone();
        let (from, to, db) = (old.clone(), new.clone(), self.account.db.clone());
        self.restructure(&db, move |txn| txn.rename_file(&from, &to))?;
        Ok(self.output(world).line(&format!("File {old} is now {new}"))?)
    }

    pub(super) fn configure_file(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let name = args.word()?;
        let no_case = args.take_anywhere("NO.CASE");
        let case = args.take_anywhere("CASE");
        let place = self.place(&name, world)?;
        if no_case || case {
            let file = place.file.clone();
            self.restructure(&place.db, move |txn| txn.set_no_case(&file, no_case))?;
            let same = if no_case { "the same record" } else { "different records" };
            let line = format!("Ids of {} that differ in case alone are now {same}", place.file);
            return Ok(self.output(world).line(&line)?);
        }
        Ok(self.output(world).line("Nothing to configure: HAL's store tunes itself")?)
    }

    /// `SET.FILE account file {pointer}`
    pub(super) fn set_file(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let (account, file) = (args.word()?, args.word()?);
        let pointer = args.next().map_or_else(|| file.clone(), |word| word.text);
        args.end()?;
        if self.account.db.snapshot()?.catalog().file(&pointer).is_ok() {
            return Err(Error::FileExists { file: pointer }.into());
        }
        let (id, record) = (pointer.clone(), DynArray::from_fields(["Q", &account, &file]));
        let db = self.account.db.clone();
        self.write(&db, move |txn| txn.write("VOC", &id, &record))?;
        Ok(self.output(world).line(&format!("{pointer} points to {file} of {account}"))?)
    }

    pub(super) fn listf(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let out_options = paging(&mut args);
        args.end()?;
        let long = call.verb.name == "LISTFL";
        let snapshot = self.view(&self.account.db.clone())?;
        let files = snapshot.files()?;
        let width = files.iter().map(|name| name.width()).max().unwrap_or(0).max(12);
        let mut out = self.output(world);
        if !out_options {
            out = out.without_pages();
        }
        let heading = if long { "   Records   Items   Indices" } else { "   Items   Indices" };
        out.line(&format!("{}{heading}", crate::fmt::pad("File", width, crate::fmt::Justify::Left, '.')))?;
        for name in &files {
            let items = snapshot.dictionary(name)?.iter().count();
            let names = snapshot.indices(name)?.join(" ");
            let shown = crate::fmt::pad(name, width, crate::fmt::Justify::Left, ' ');
            let records = if long { format!("   {:>7}", snapshot.ids(name)?.count()) } else { String::new() };
            let line = format!("{shown}{records}   {items:>5}   ");
            // LIST.INDEX shows all of them.
            let room = out.width().saturating_sub(line.width() + 1);
            let cut = crate::fmt::cut(&names, room);
            let more = if cut.len() < names.len() { "…" } else { "" };
            out.line(&format!("{line}{cut}{more}"))?;
        }
        out.line("")?;
        out.line(&format!("{} file(s)", files.len()))?;
        self.return_code = count(files.len());
        Ok(())
    }

    /// LISTQ, LISTPA, LISTPH, LISTS, LISTR: the VOC items of a type.
    pub(super) fn list_voc(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let pages = paging(&mut args);
        args.end()?;
        let wanted = call.verb.name.trim_start_matches("LIST");
        let records = all_records(&self.view(&self.account.db.clone())?, "VOC")?;
        let mut out = self.output(world);
        if !pages {
            out = out.without_pages();
        }
        let mut found = 0;
        for (id, record) in records.iter().filter(|(_, record)| kind(record) == wanted) {
            let fields: Vec<_> = (2..=4).map(|field| record.field_text(field)).collect();
            let shown = crate::fmt::pad(id, 20, crate::fmt::Justify::Left, ' ');
            out.line(&format!("{shown} {}", fields.join("   ")))?;
            found += 1;
        }
        out.line(&format!("{found} item(s) of type {wanted}"))?;
        self.return_code = count(found);
        Ok(())
    }

    pub(super) fn listdict(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        call.args()?.word()?;
        self.query_as("LIST", &format!("DICT {}", call.rest), world)
    }
}

/// Whether pages are wanted.
fn paging(args: &mut Args) -> bool {
    args.take_anywhere("LPTR");
    !args.take_anywhere("NO.PAGE")
}

fn all_records(snapshot: &crate::Snapshot, file: &str) -> crate::Result<Vec<(String, Record)>> {
    let mut all = Vec::new();
    snapshot.scan(file, &mut |id, record| {
        all.push((id.to_owned(), Record::from_bytes(record)));
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(all)
}
