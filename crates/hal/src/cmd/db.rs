//! `hal db`: sentences to the database, and what goes in and out of it.

mod qm;
mod remote;
mod safe;
mod table;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hal_db::{Database, Env, Error, query};
use hal_server::clock::Clock;
use hal_server::config::default_data_dir;
use hal_server::holder;

use crate::report::{self, Exit, Failure};

/// What others hear has the database open.
const PROGRAM: &str = "hal db";

/// Width of a listing where stdout is no terminal.
const WIDTH: usize = 80;

/// Ask the database itself: LIST, SORT, SELECT, COUNT; bring records in and out.
///
/// The records are in the folder of --data, else of HAL_DATA, else in the usual place
/// for data of this system.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_value_name = "SENTENCE | COMMAND", subcommand_help_heading = "Or")]
pub(crate) struct Db {
    /// Folder of the database; for a sentence also a QM server,
    /// qmclient://user@host/ACCOUNT, with its password in HAL_QM_PASSWORD.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    Import(table::Import),
    Export(table::Export),
    ImportQm(qm::ImportQm),
    ExportQm(qm::ExportQm),
    Backup(safe::Backup),
    Restore(safe::Restore),
    Verify(safe::Verify),
    Compact(safe::Compact),
    #[command(external_subcommand)]
    Sentence(Vec<OsString>),
}

const EXAMPLES: &str = "\
Examples:
  hal db list MEDICATION WITH STATUS = active
  hal db sort APPOINTMENT BY DATE
  hal db count TRANSACTION WITH AMOUNT LT 0
  hal db 'LIST PERSON WITH NAME LIKE \"Ann...\"'
  hal db import medication.csv
  hal db export MEDICATION --json > medication.json
  hal db import-qm /usr/qmsys/accounts/HOME --encoding latin1
  hal db backup home.hal-backup";

impl Db {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            DbCommand::Import(import) => import.run(self.data),
            DbCommand::Export(export) => export.run(self.data),
            DbCommand::ImportQm(import) => import.run(self.data),
            DbCommand::ExportQm(export) => export.run(self.data),
            DbCommand::Backup(backup) => backup.run(self.data),
            DbCommand::Restore(restore) => restore.run(self.data),
            DbCommand::Verify(verify) => verify.run(self.data),
            DbCommand::Compact(compact) => compact.run(self.data),
            DbCommand::Sentence(words) => {
                let (words, data) = words_and_data(words, self.data)?;
                sentence(&words_to_sentence(&words), data)
            }
        }
    }
}

/// Takes `--data DIR` out of the words: everything after the verb belongs to the sentence, but people put it last.
pub(super) fn words_and_data(
    words: Vec<OsString>,
    mut data: Option<PathBuf>,
) -> Result<(Vec<String>, Option<PathBuf>), Failure> {
    let mut rest = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--data" {
            data = Some(words.next().ok_or_else(|| Failure::new("--data needs a folder"))?.into());
            continue;
        }
        let word = word.into_string().map_err(|word| Failure::new(format!("{word:?} is not UTF-8")))?;
        match word.strip_prefix("--data=") {
            Some(dir) => data = Some(dir.into()),
            None => rest.push(word),
        }
    }
    Ok((rest, data))
}

/// Words after which a value stands, as the query language has them.
const OPERATORS: &[&str] = &[
    "=",
    "#",
    "<",
    ">",
    "<=",
    "=<",
    ">=",
    "=>",
    "<>",
    "><",
    "~",
    "EQ",
    "EQUAL",
    "NE",
    "LT",
    "BEFORE",
    "LESS",
    "LE",
    "GT",
    "AFTER",
    "GREATER",
    "GE",
    "LIKE",
    "MATCHES",
    "MATCHING",
    "UNLIKE",
    "NOT.MATCHING",
    "SAID",
    "SPOKEN",
    "BETWEEN",
];

/// Joins the shell's words to a sentence. The shell has eaten the quotes, so they are given back.
///
/// A word after an operator is a value: without quotes `STATUS = active` would compare with the field ACTIVE. To compare
/// two fields, the sentence is given as one word. A word with a space can only have been quoted.
pub(super) fn words_to_sentence(words: &[String]) -> String {
    if let [whole] = words {
        return whole.clone();
    }
    let is = |word: &str, list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
    let mut sentence: Vec<String> = Vec::new();
    let mut value_next = false;
    let mut between = false;
    for word in words {
        let spaced = word.is_empty() || word.contains(char::is_whitespace);
        // Quotes that survived the shell are meant for the database.
        let quoted = word.starts_with(['"', '\'', '{']);
        let filler = is(word, &["THAN", "TO"]);
        let operator = is(word, OPERATORS);
        if !quoted && (spaced || (value_next && !filler && !operator)) {
            let quote = if word.contains('"') { '\'' } else { '"' };
            sentence.push(format!("{quote}{word}{quote}"));
            // BETWEEN has a second value.
            (value_next, between) = (between, false);
        } else {
            sentence.push(word.clone());
            between |= is(word, &["BETWEEN"]);
            value_next = operator || (value_next && filler);
        }
    }
    sentence.join(" ")
}

fn sentence(sentence: &str, data: Option<PathBuf>) -> Result<Exit, Failure> {
    let data = chosen(data)?;
    if let Some(address) = remote::address(&data) {
        return remote::sentence(sentence, address);
    }
    let data = Some(data);
    let db = open_reading(data)?;
    let snapshot = db.snapshot().map_err(explain)?;
    let plan = query::parse(sentence, &snapshot).map_err(|error| explain(error.into()))?;
    let mut text = Vec::new();
    let screen = query::Screen { width: WIDTH, lines: None };
    snapshot.report(&plan, &env(), None, screen, &mut text).map_err(explain)?;
    report::data(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}

/// Opens the household; a folder that does not exist yet is told rather than made, so that a typing error makes no database.
fn open(data: Option<PathBuf>) -> Result<Database, Failure> {
    open_or_make(&existing(data)?)
}

/// Opens the household to read from it; a server that has it open goes on beside.
pub(super) fn open_reading(data: Option<PathBuf>) -> Result<Database, Failure> {
    open_or_read(&existing(data)?, PROGRAM)
}

/// Opens the household as `program`, to write if nobody else does, and makes it where there is none.
pub(super) fn open_or_read(dir: &Path, program: &str) -> Result<Database, Failure> {
    match holder::open(dir, program) {
        Ok(db) => {
            hal_db::schema::ensure_household(&db).map_err(explain)?;
            Ok(db)
        }
        Err(Error::Locked { .. }) => Database::open_read_only(dir).map_err(|error| locked(error, dir)),
        Err(error) => Err(explain(error)),
    }
}

pub(super) fn existing(data: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let dir = data_dir(data)?;
    if dir.is_dir() {
        return Ok(dir);
    }
    Err(Failure::new(format!("there is no database in {}", dir.display()))
        .hint("name its folder with --data DIR or HAL_DATA; `hal tcl --create` makes an empty one, `hal serve --demo` one to try"))
}

/// Opens the household, and makes it where there is none.
fn open_or_make(dir: &Path) -> Result<Database, Failure> {
    let db = holder::open(dir, PROGRAM).map_err(|error| locked(error, dir))?;
    hal_db::schema::ensure_household(&db).map_err(explain)?;
    Ok(db)
}

/// The folder that is meant. Only sentences can be asked of a server elsewhere.
pub(super) fn data_dir(data: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let dir = chosen(data)?;
    match remote::address(&dir) {
        None => Ok(dir),
        Some(_) => {
            Err(Failure::new("a QM server can be asked sentences only: this needs the database's folder")
                .hint("name it with --data DIR or HAL_DATA"))
        }
    }
}

fn chosen(data: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match data {
        Some(dir) => Ok(dir),
        None => Ok(default_data_dir()?),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "given to `map_err`")]
fn locked(error: Error, dir: &Path) -> Failure {
    Failure::from_words(&holder::explain(&error, dir))
}

fn explain(error: Error) -> Failure {
    Failure::from_words(&error.to_string())
}

pub(super) fn env() -> Env {
    let now = Clock::start().moment();
    Env { today: now.day, second: now.second }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn quotes_that_the_shell_took_are_given_back() {
        fn check(given: &[&str], expected: &str) {
            assert_eq!(words_to_sentence(&words(given)), expected);
        }
        check(
            &["list", "MEDICATION", "WITH", "STATUS", "=", "active", "BY", "NAME"],
            "list MEDICATION WITH STATUS = \"active\" BY NAME",
        );
        check(
            &["count", "X", "WITH", "A", "less", "than", "0", "AND", "B", "like", "Ann..."],
            "count X WITH A less than \"0\" AND B like \"Ann...\"",
        );
        check(
            &["list", "X", "WITH", "A", "BETWEEN", "1", "5", "BY", "A"],
            "list X WITH A BETWEEN \"1\" \"5\" BY A",
        );
        check(&["list", "PERSON", "WITH", "NAME", "=", "Ann Lee"], "list PERSON WITH NAME = \"Ann Lee\"");
        check(&["list", "X", "WITH", "A", "=", ""], "list X WITH A = \"\"");
        check(&["list", "X", "WITH", "A", "=", "5\" pipe"], "list X WITH A = '5\" pipe'");
        check(&["list", "X", "WITH", "A", "=", "\"as is\""], "list X WITH A = \"as is\"");
        check(&["LIST PERSON WITH NAME = \"Ann\""], "LIST PERSON WITH NAME = \"Ann\"");
    }

    #[test]
    fn the_data_folder_may_stand_anywhere() {
        let os = |text: &[&str]| text.iter().map(OsString::from).collect::<Vec<_>>();
        let (rest, data) = words_and_data(os(&["list", "PERSON", "--data", "d"]), None).unwrap();
        assert_eq!((rest, data), (words(&["list", "PERSON"]), Some("d".into())));
        let (rest, data) = words_and_data(os(&["list", "--data=e", "PERSON"]), Some("d".into())).unwrap();
        assert_eq!((rest, data), (words(&["list", "PERSON"]), Some("e".into())));
        assert!(words_and_data(os(&["list", "--data"]), None).is_err());
    }

    #[test]
    fn a_database_in_use_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let held = holder::open(dir.path(), "hal serve").unwrap();
        let failure = open(Some(dir.path().to_owned())).unwrap_err();
        assert!(failure.message.contains("open in `hal serve` (process"), "{failure}");
        assert!(failure.hints[0].contains("hal ask"), "{failure:?}");
        // What only reads goes on beside the server.
        let beside = open_reading(Some(dir.path().to_owned())).unwrap();
        assert_eq!(beside.snapshot().unwrap().files().unwrap(), ["VOC"]);
        drop((beside, held));
        assert!(open(Some(dir.path().to_owned())).is_ok());
        let absent = open(Some(dir.path().join("absent"))).unwrap_err();
        assert!(absent.message.contains("no database in"), "{absent}");
        assert!(!dir.path().join("absent").exists());
    }
}
