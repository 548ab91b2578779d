//! The first word of a sentence: what the VOC says of it, else what is built in (10.1, 10.2).

use super::failure::{self, Failure};
use super::verbs::{Call, builtin};
use super::{Done, NESTING_MAX, Session, World};
use crate::dynarray::{DynArray, FM, Record};

/// The longest chain of R items and Q-pointers.
pub(super) const CHAIN_MAX: usize = 10;

/// Names that a word is looked up by: as typed, in capitals, with dots for dashes.
fn names(word: &str) -> Vec<String> {
    let upper = word.to_uppercase();
    let mut names = vec![word.to_owned(), upper.clone(), upper.replace('-', ".")];
    names.dedup();
    names
}

/// The type of a VOC record: the letters at the beginning of field 1.
pub(super) fn kind(record: &Record) -> String {
    record.field_text(1).chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_uppercase()
}

impl Session {
    /// The VOC record of a word, R items followed; with the name it was found by.
    ///
    /// # Errors
    /// A chain of R items without end, or one that leads nowhere.
    pub(super) fn voc(&self, word: &str) -> Done<Option<(String, Record)>> {
        let snapshot = self.user.snapshot()?;
        for name in names(word) {
            if name.len() > crate::account::ID_BYTES_MAX {
                continue;
            }
            let Some(mut record) = snapshot.read("VOC", &name)? else { continue };
            let mut links = 0;
            while kind(&record) == "R" {
                links += 1;
                let (file, id) = (record.field_text(2).into_owned(), record.field_text(3).into_owned());
                let target = if links > CHAIN_MAX { None } else { snapshot.read(&file, &id).ok().flatten() };
                record = target.ok_or_else(|| {
                    Failure::new(
                        failure::NO_RECORD,
                        format!("VOC record {name} leads to nothing: {file} {id}"),
                    )
                })?;
            }
            return Ok(Some((name, record)));
        }
        Ok(None)
    }

    /// Runs a sentence whose prompts are filled in.
    pub(super) fn verb(&mut self, text: &str, world: &mut World<'_>) -> Done {
        let word = text.split(|c: char| c.is_whitespace() || c == ',').next().unwrap_or_default();
        let rest = text[word.len()..].trim_start();
        match self.voc(word)? {
            Some((name, record)) => self.voc_verb(&name, &record, text, rest, world),
            None => match names(word).iter().find_map(|name| builtin(name)) {
                Some(verb) => self.call(Call { verb, text, rest }, world),
                None => Err(unknown(word)),
            },
        }
    }

    /// Another account, in the words of section 21.
    pub(super) fn open_account(name: &str, world: &mut World<'_>) -> Done<super::Account> {
        world.host.open_account(name).map_err(|error| match error {
            crate::Error::Refused(why) => Failure::new(failure::UNKNOWN_ACCOUNT, why),
            other => other.into(),
        })
    }

    fn call(&mut self, call: Call<'_>, world: &mut World<'_>) -> Done {
        self.return_code = 0;
        (call.verb.run)(self, &call, world)
    }

    fn voc_verb(
        &mut self,
        name: &str,
        record: &Record,
        text: &str,
        rest: &str,
        world: &mut World<'_>,
    ) -> Done {
        match kind(record).as_str() {
            "PA" => self.nested(|session| session.paragraph(name, record, world)),
            "S" => {
                let sentence = format!("{} {rest}", record.field_text(2));
                self.nested(|session| session.sentence(&sentence, world))
            }
            // A keyword may be a verb as well: its record begins at field 3.
            "K" if record.dcount_fields() > 2 => {
                let bytes: Vec<&[u8]> = record.as_bytes().split(|&b| b == FM).skip(2).collect();
                let inner = DynArray::from_bytes(bytes.join(&FM));
                if kind(&inner) == "K" {
                    return Err(not_a_verb(name, "K"));
                }
                self.nested(|session| session.voc_verb(name, &inner, text, rest, world))
            }
            "V" => {
                // An account's own name for a verb: field 3 names it.
                let verb = builtin(&record.field_text(3)).or_else(|| builtin(name));
                let verb = verb.ok_or_else(|| {
                    Failure::new(
                        failure::BARRED,
                        format!("The verb {name} is a program that HAL does not have"),
                    )
                })?;
                self.call(Call { verb, text, rest }, world)
            }
            "M" | "PQ" => {
                let what = if kind(record) == "M" { "menu" } else { "proc" };
                let hint = "write it as a paragraph: a VOC record PA with a sentence in each field";
                Err(Failure::new(failure::BARRED, format!("{name} is a {what}, which HAL does not run"))
                    .hint(hint))
            }
            kind => match names(name).iter().find_map(|name| builtin(name)) {
                // A file may be called DATE or STATUS; the verb is meant.
                Some(verb) => self.call(Call { verb, text, rest }, world),
                None => Err(not_a_verb(name, kind)),
            },
        }
    }

    fn nested(&mut self, run: impl FnOnce(&mut Session) -> Done) -> Done {
        if self.depth >= NESTING_MAX {
            let message = format!("Sentences and paragraphs call each other more than {NESTING_MAX} deep");
            // To go on would run all the others that lead here as well.
            return Err(Failure::new(failure::ARGUMENTS, message).and_stop());
        }
        self.depth += 1;
        let done = run(self);
        self.depth -= 1;
        done
    }

    /// Writes a paragraph into the VOC.
    pub(super) fn save_paragraph(&mut self, name: &str, lines: Vec<String>) -> Done {
        let mut fields = vec!["PA".to_owned()];
        fields.extend(lines);
        let (name, record) = (name.to_owned(), DynArray::from_fields(fields));
        let db = self.account.db.clone();
        self.write(&db, move |txn| txn.write("VOC", &name, &record))
    }
}

fn unknown(word: &str) -> Failure {
    let failure = Failure::new(failure::NO_VOC_RECORD, format!("{word} is not in your VOC"));
    let near = crate::error::near(word, super::verbs::VERBS.iter().map(|verb| verb.name));
    if near.is_empty() { failure } else { failure.hint(format!("did you mean {}?", near.join(" or "))) }
}

fn not_a_verb(name: &str, kind: &str) -> Failure {
    let what = match kind {
        "F" | "Q" => "a file",
        "PH" => "a phrase",
        "K" => "a keyword",
        _ => "no verb",
    };
    let failure = Failure::new(failure::NO_VOC_RECORD, format!("{name} is {what}, not a command"));
    if what == "a file" { failure.hint(format!("LIST {name}")) } else { failure }
}
