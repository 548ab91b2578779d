//! Alternate key indices: made, filled again, removed, shown (15, 27).

use super::failure::{self, Failure};
use super::query::count;
use super::verbs::Call;
use super::{Done, Session, World};
use crate::dict::Source;

impl Session {
    /// CREATE.INDEX and MAKE.INDEX: HAL fills an index when it makes it, and keeps it in step.
    pub(super) fn create_index(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let no_case = args.take_anywhere("NO.CASE");
        for ignored in ["NO.NULLS", "CASE", "NO.QUERY"] {
            args.take_anywhere(ignored);
        }
        // An index that knows all values answers for those that would have been left out as well.
        let excluding = args.values_after("EXCLUDE");
        let file = args.word()?;
        let items: Vec<String> = args.rest().into_iter().map(|word| word.text).collect();
        if items.is_empty() {
            return Err(args.wrong());
        }
        let place = self.place(&file, world)?;
        let made = self.restructure(&place.db, move |txn| {
            items
                .into_iter()
                .map(|item| Ok((txn.create_index_as(&place.file, &item, no_case)?, item)))
                .collect::<crate::Result<Vec<_>>>()
        })?;
        let mut out = self.output(world);
        for (new, item) in &made {
            let what = if *new { "created and filled" } else { "there is already" };
            out.line(&format!("Index {item} of {file}: {what}"))?;
        }
        if excluding {
            out.line("EXCLUDE is ignored: an index of HAL holds every value")?;
        }
        self.return_code = count(made.len());
        Ok(())
    }

    /// `COMPILE.DICT file {items}`: whether the expressions of a dictionary compile. HAL compiles them when they are used.
    pub(super) fn compile_dict(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        args.take_anywhere("NO.QUERY");
        let file = args.word()?;
        let names: Vec<String> = args.rest().into_iter().map(|word| word.text).collect();
        let place = self.place(&file, world)?;
        let snapshot = self.view(&place.db)?;
        let dictionary = snapshot.dictionary(&place.file)?;
        let mut compiled = Vec::new();
        for (name, _) in dictionary.iter() {
            let computed = dictionary.column(name).is_some_and(|item| item.source != Source::Field);
            if (names.is_empty() && computed) || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
            {
                compiled.push(name.to_owned());
            }
        }
        for wanted in &names {
            if !compiled.iter().any(|name| name.eq_ignore_ascii_case(wanted)) {
                let near = crate::error::near(wanted, dictionary.iter().map(|(name, _)| name));
                let (file, item) = (place.file.clone(), wanted.clone());
                return Err(crate::Error::NoSuchItem { file, item, near }.into());
            }
        }
        let mut bad = 0;
        let world_env = world.env;
        let mut out = self.output(world);
        for name in &compiled {
            // None of the records are shown: what fails is the item.
            let sentence = format!("LIST {} \"\" {name} HDR.SUP COUNT.SUP ABSENT.IGNORE", place.file);
            let done = crate::query::parse_command(&sentence, &snapshot)
                .map_err(crate::Error::from)
                .and_then(|plan| {
                    snapshot.report(
                        &plan,
                        &world_env,
                        None,
                        crate::query::Screen::default(),
                        &mut std::io::sink(),
                    )
                });
            match done {
                Ok(_) => out.line(&format!("{name} compiles"))?,
                Err(error) => {
                    bad += 1;
                    out.line(&format!("{name}: {error}"))?;
                }
            }
        }
        out.line(&format!("{} item(s) compiled, {bad} with errors", compiled.len()))?;
        self.return_code = if bad > 0 { -failure::BAD_ITYPE } else { count(compiled.len()) };
        Ok(())
    }

    pub(super) fn build_index(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let (place, file, wanted) = self.wanted(call, world)?;
        let snapshot = place.db.snapshot()?;
        let entry = snapshot.catalog().file(&place.file)?;
        let kinds: Vec<(String, bool)> = entry
            .indices
            .iter()
            .filter(|index| wanted.contains(&index.name))
            .map(|index| (index.name.clone(), index.no_case))
            .collect();
        self.restructure(&place.db, move |txn| {
            for (name, no_case) in &kinds {
                txn.delete_index(&place.file, name)?;
                txn.create_index_as(&place.file, name, *no_case)?;
            }
            Ok(())
        })?;
        let mut out = self.output(world);
        wanted.iter().try_for_each(|name| out.line(&format!("Index {name} of {file} filled")))?;
        self.return_code = count(wanted.len());
        Ok(())
    }

    pub(super) fn delete_index(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let (place, file, wanted) = self.wanted(call, world)?;
        let names = wanted.clone();
        self.restructure(&place.db, move |txn| {
            names.iter().try_for_each(|name| txn.delete_index(&place.file, name).map(drop))
        })?;
        let mut out = self.output(world);
        wanted.iter().try_for_each(|name| out.line(&format!("Index {name} of {file} deleted")))?;
        self.return_code = count(wanted.len());
        Ok(())
    }

    pub(super) fn list_index(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        for ignored in ["STATISTICS", "DETAIL", "NO.PAGE", "LPTR"] {
            args.take_anywhere(ignored);
        }
        let file = args.word()?;
        let place = self.place(&file, world)?;
        let snapshot = place.db.snapshot()?;
        let entry = snapshot.catalog().file(&place.file)?;
        let wanted: Vec<String> = args
            .rest()
            .into_iter()
            .map(|word| word.text)
            .filter(|name| !name.eq_ignore_ascii_case("ALL"))
            .collect();
        let mut out = self.output(world);
        if entry.indices.is_empty() {
            return Ok(out.line(&format!("File {file} has no indices"))?);
        }
        let shown: Vec<_> = entry
            .indices
            .iter()
            .filter(|index| {
                wanted.is_empty() || wanted.iter().any(|name| name.eq_ignore_ascii_case(&index.name))
            })
            .collect();
        if shown.is_empty() {
            return Err(no_index(&file, &wanted[0]));
        }
        let width = shown.iter().map(|index| index.name.len()).max().unwrap_or(0).max(10);
        out.line(&format!("Alternate key indices of file {file}"))?;
        out.line("")?;
        out.line(&format!("{:.<width$}   Type   S/M   Just   Case   Field or expression", "Index name"))?;
        for index in &shown {
            let item = entry.dictionary.column(&index.name);
            let (kind, from) = match item.map(|item| (&item.source, item.field)) {
                Some((Source::Field, field)) => ("D", field.to_string()),
                Some((Source::Expression(text) | Source::Correlative(text), _)) => ("I", text.clone()),
                None => ("?", "no such item any more".to_owned()),
            };
            let multi = if item.is_some_and(|item| item.multi) { "M" } else { "S" };
            let (just, case) =
                (if index.right { "R" } else { "L" }, if index.no_case { "No" } else { "Yes" });
            out.line(&format!(
                "{:<width$}   {kind:<4}   {multi:<3}   {just:<4}   {case:<4}   {from}",
                index.name
            ))?;
        }
        self.return_code = count(shown.len());
        Ok(())
    }

    pub(super) fn disable_index(&mut self, _: &Call<'_>, _: &mut World<'_>) -> Done {
        Err(Failure::new(failure::BARRED, "An index of HAL is always in step and cannot be disabled")
            .hint("DELETE.INDEX before a bulk load and CREATE.INDEX after it"))
    }

    /// `file item..|ALL`, of the indices there are.
    fn wanted(
        &self,
        call: &Call<'_>,
        world: &mut World<'_>,
    ) -> Done<(super::locate::Place, String, Vec<String>)> {
        let mut args = call.args()?;
        args.take_anywhere("NO.QUERY");
        args.take_anywhere("CONCURRENT");
        let file = args.word()?;
        let place = self.place(&file, world)?;
        let words = args.rest();
        let have = place.db.snapshot()?.indices(&place.file)?;
        let names = match words.as_slice() {
            [] => return Err(args.wrong()),
            [word] if !word.quoted && word.text.eq_ignore_ascii_case("ALL") => have,
            words => {
                let mut names = Vec::new();
                for word in words {
                    let name = have.iter().find(|name| name.eq_ignore_ascii_case(&word.text));
                    names.push(name.cloned().ok_or_else(|| no_index(&file, &word.text))?);
                }
                names
            }
        };
        Ok((place, file, names))
    }
}

fn no_index(file: &str, name: &str) -> Failure {
    Failure::new(failure::NO_INDEX, format!("File {file} has no index {name}"))
        .hint(format!("LIST.INDEX {file}"))
}
