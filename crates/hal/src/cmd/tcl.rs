//! `hal tcl`: the command language of the database, line by line or one command.

mod editor;
mod machine;
mod screen;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use hal_db::tcl::{Next, Person, Session, World};
use rustyline::error::ReadlineError;

use super::db;
use crate::report::{self, Exit, Failure};
use machine::Machine;
use screen::Screen;

/// Lines of earlier sessions, in the folder of the database: they may name people as the records do.
const HISTORY: &str = "tcl-history";

/// The command line of the database, as Pick and QM have it: LIST, SELECT, CT, paragraphs …
///
/// Without a command it reads lines: from you, with editing and history, or from a
/// script on stdin. HELP lists the commands, OFF or Ctrl-D leaves; Ctrl-C stops a
/// listing or drops the line. Beside a running `hal serve` it reads, and refuses to write.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Tcl {
    /// Folder of the database; else that of HAL_DATA, else the usual place.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Makes the account where there is none yet.
    #[arg(long)]
    create: bool,
    /// A command and its words; quotes around all of it keep those within.
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  hal tcl
  hal tcl --create --data ./trial
  hal tcl 'SORT MEDICATION BY NAME NAME DOSE'
  hal tcl 'COUNT PERSON WITH TOWN = \"Rome\"'
  hal tcl < nightly.tcl

Exit codes: 0 done, 1 not understood or not there, 2 refused or failed;
of several lines, the highest.";

impl Tcl {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let (words, data) = db::words_and_data(self.words, self.data)?;
        let dir = if self.create { db::data_dir(data)? } else { db::existing(data)? };
        if !self.create && !dir.join(machine::STORE).exists() {
            return Err(Failure::new(format!("there is no database in {}", dir.display()))
                .hint("`hal tcl --create` makes one there; --data DIR or HAL_DATA names another folder"));
        }
        let database = db::open_or_read(&dir, "hal tcl")?;
        let mut machine = Machine::new(&dir, database);
        let interrupt = Arc::new(AtomicBool::new(false));
        let one = !words.is_empty();
        let mut screen = Screen::new(Arc::clone(&interrupt), one);
        let mut session = Session::new(machine.home(), person(screen.is_interactive()));
        if one {
            run(&mut session, &db::words_to_sentence(&words), &mut screen, &mut machine);
        } else if screen.is_interactive() {
            converse(&mut session, &mut screen, &mut machine, &dir, &interrupt)?;
            // What went wrong was seen; a shell that was left has done its work.
            return Ok(Exit::Done);
        } else {
            while let Some(line) = screen.line()? {
                if run(&mut session, &line, &mut screen, &mut machine) == Next::Off || screen.is_gone() {
                    break;
                }
            }
        }
        Ok(screen.exit())
    }
}

/// Runs one line; what it shows is out when this returns.
fn run(session: &mut Session, line: &str, screen: &mut Screen, machine: &mut Machine) -> Next {
    let mut world = World { env: db::env(), terminal: screen, host: machine };
    let next = session.run(line, &mut world);
    screen.done(session.return_code());
    next
}

fn person(interactive: bool) -> Person {
    let named = |name| std::env::var(name).ok().filter(|name: &String| !name.is_empty());
    let user = named("USER").or_else(|| named("LOGNAME")).or_else(|| named("USERNAME")).unwrap_or_default();
    let tty = if interactive { named("TERM") } else { None };
    Person { user, number: 1, tty: tty.unwrap_or_else(|| "none".to_owned()) }
}

/// Lines from a person until they leave.
fn converse(
    session: &mut Session,
    screen: &mut Screen,
    machine: &mut Machine,
    dir: &Path,
    interrupt: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let editing = |error: ReadlineError| Failure::new(format!("lines cannot be read: {error}"));
    let history = dir.join(HISTORY);
    if let Some(editor) = screen.editor() {
        // There is none the first time, and an account that may only be read keeps none.
        editor.load_history(&history).ok();
        for line in editor.history().iter() {
            session.stack_mut().push(line);
        }
    }
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(interrupt))
        .map_err(|error| Failure::new(format!("Ctrl-C cannot be caught: {error}")))?;
    let account = session.account();
    report::talk(format_args!(
        "Account {} in {}; HELP lists the commands, OFF leaves",
        account.name, account.path
    ));
    if machine.reads_only() {
        report::talk(format_args!(
            "The database is open in {}: you can read beside it, not write.",
            hal_server::holder::of(dir)
        ));
    }
    loop {
        interrupt.store(false, Ordering::Relaxed);
        let Some(editor) = screen.editor() else { return Ok(()) };
        editor::complete_from(editor, Some(&session.account().db));
        let read = editor.readline(session.prompt());
        editor::complete_from(editor, None);
        match read {
            Ok(lines) => {
                // What was pasted may be several.
                for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
                    if let Some(editor) = screen.editor()
                        && editor.add_history_entry(line).is_ok()
                    {
                        editor.append_history(&history).ok();
                    }
                    if run(session, line, screen, machine) == Next::Off || screen.is_gone() {
                        return Ok(());
                    }
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(editing(error)),
        }
    }
}
