//! The command language: a line becomes a command of an account, as users of Pick and QM know them (10, 13, 21, 22, 27).
//!
//! `line → inline prompts → verb (VOC, else built in) → command`. A [`Session`] keeps what lies between commands: select lists,
//! the command stack, @-variables, the size of the screen. Pure but for the database: a [`Terminal`] shows and asks, a
//! [`Host`] knows other accounts.

mod args;
mod complete;
mod control;
mod failure;
mod files;
mod help;
mod indices;
mod lists;
mod locate;
mod locks;
mod output;
mod paragraph;
mod past;
mod prompts;
mod query;
mod records;
mod settings;
mod stack;
mod variables;
mod verbs;
mod voc;
mod watch;
mod work;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::query::SelectLists;
use crate::{Database, Env};

pub use complete::complete;
pub use failure::Failure;
pub use output::Stop;
pub use stack::Stack;

use output::Output;

/// Longest line in bytes.
pub const LINE_BYTES_MAX: usize = crate::query::SENTENCE_BYTES_MAX;
/// Depth of paragraphs and sentences that call each other.
pub const NESTING_MAX: usize = 32;
/// Sentences that paragraphs may run for one line: a loop without end would otherwise stop only by hand.
pub const SENTENCES_MAX: usize = 1_000_000;

/// Where a session shows what it finds, and asks.
pub trait Terminal {
    /// Columns of characters.
    fn width(&self) -> usize;

    /// Lines of the screen; `None` where nothing is divided into pages.
    fn height(&self) -> Option<usize>;

    /// Shows output: lines, as bytes, for records may hold what is no text.
    ///
    /// # Errors
    /// What became of the terminal; the command stops.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()>;

    /// Hands on what was written, where it is held back.
    fn flush(&mut self) {}

    /// Says that a command failed.
    fn complain(&mut self, failure: &Failure);

    /// Asks for a line; `None` when the person wants out, or nobody is there to answer.
    fn ask(&mut self, question: &str) -> Option<String>;

    /// Waits at the end of a page, so that the person can read it.
    fn pause(&mut self) -> PageAnswer;

    /// Set while the person wants the command that runs to stop. Looked at often; whoever sets it takes it back.
    fn interrupt(&self) -> Arc<AtomicBool>;

    /// Empties the screen.
    fn clear(&mut self) {}
}

/// What a person wants at the end of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageAnswer {
    /// The next page.
    Go,
    /// The rest without further questions.
    GoOn,
    /// End this listing, go on with what follows.
    Quit,
    /// End it, and the paragraph it is part of.
    Abort,
}

/// What a session has to know of the machine.
pub trait Host {
    /// The clock that the history of records is kept by; `None` where none is kept.
    fn clock(&self) -> Option<Arc<dyn crate::history::Clock>> {
        None
    }

    /// Opens another account; gives it with its path.
    ///
    /// # Errors
    /// [`crate::Error`]; the session says it in its own words.
    fn open_account(&mut self, name: &str) -> crate::Result<Account>;

    /// Makes an account beside this one.
    ///
    /// # Errors
    /// [`crate::Error`]; there is one of that name already, or no place for it.
    fn create_account(&mut self, name: &str) -> crate::Result<Account> {
        Err(crate::Error::Refused(format!("Account {name} cannot be made from here")))
    }

    /// The record and file locks that are held, one line each, in the words of LIST.READU; `None`: locks are kept elsewhere.
    fn locks(&mut self) -> Option<Vec<String>> {
        None
    }
}

/// An account that a session works in.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Where it lies; for @PATH.
    pub path: String,
    /// Its records.
    pub db: Database,
}

/// Who works in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name of the user.
    pub user: String,
    /// Number of the session.
    pub number: u32,
    /// What sort of terminal it is; for @TTY.
    pub tty: String,
}

/// What comes after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next line.
    Line,
    /// Nothing: the person leaves.
    Off,
}

/// The world around a line: the time, the screen, other accounts.
pub struct World<'w> {
    /// Local date and time.
    pub env: Env,
    /// Where output goes.
    pub terminal: &'w mut dyn Terminal,
    /// The machine.
    pub host: &'w mut dyn Host,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("env", &self.env).finish_non_exhaustive()
    }
}

/// What lies between the commands of one person.
#[derive(Debug)]
pub struct Session {
    account: Account,
    person: Person,
    /// Transaction and locks in the account.
    user: crate::Session,
    /// The state that is read; `None` for the newest.
    as_of: Option<work::When>,
    /// NOSYNC has answered writes that may not show yet.
    unsynced: bool,
    lists: SelectLists,
    stack: Stack,
    screen: settings::Size,
    options: BTreeSet<String>,
    /// Answers to inline prompts, until the command line is reached again.
    answers: HashMap<String, String>,
    /// Lines of DATA, for the next questions.
    data: VecDeque<String>,
    /// @SYSTEM.RETURN.CODE: a number of records, or a negative error number.
    return_code: i64,
    /// @SELECTED.
    selected: usize,
    /// @USER.RETURN.CODE and @USER0 to @USER4.
    user_variables: [String; 6],
    /// The line as it was typed: @COMMAND.
    command: String,
    /// The sentence that runs: @SENTENCE.
    sentence: String,
    depth: usize,
    /// Sentences of paragraphs that this line has run.
    sentences: usize,
    off: bool,
}

/// Result of a command.
type Done<T = ()> = Result<T, Failure>;

impl Session {
    /// A person begins to work in an account.
    #[must_use]
    pub fn new(account: Account, person: Person) -> Session {
        Session {
            user: account.db.session(),
            as_of: None,
            unsynced: false,
            account,
            person,
            lists: SelectLists::new(),
            stack: Stack::default(),
            screen: settings::Size::default(),
            options: BTreeSet::new(),
            answers: HashMap::new(),
            data: VecDeque::new(),
            return_code: 0,
            selected: 0,
            user_variables: std::array::from_fn(|_| String::new()),
            command: String::new(),
            sentence: String::new(),
            depth: 0,
            sentences: 0,
            off: false,
        }
    }

    /// What stands before a line: `:`, or `::` while list 0 is active (10.5). HAL's own: `T` in a transaction, `<` while
    /// records are read as they were.
    #[must_use]
    pub fn prompt(&self) -> &'static str {
        let list = self.lists.get(0).is_some();
        match (self.user.in_transaction(), self.as_of.is_some(), list) {
            (true, _, false) => "T:",
            (true, _, true) => "T::",
            (_, true, false) => "<:",
            (_, true, true) => "<::",
            (false, false, false) => ":",
            (false, false, true) => "::",
        }
    }

    /// @SYSTEM.RETURN.CODE after the last line: records found, or a negative error number (10.4, 21).
    #[must_use]
    pub fn return_code(&self) -> i64 {
        self.return_code
    }

    /// The account that the session works in.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The select lists.
    #[must_use]
    pub fn lists(&self) -> &SelectLists {
        &self.lists
    }

    /// The select lists, to fill one.
    pub fn lists_mut(&mut self) -> &mut SelectLists {
        &mut self.lists
    }

    /// Commands, the newest first.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Commands, to put in those of an earlier session.
    pub fn stack_mut(&mut self) -> &mut Stack {
        &mut self.stack
    }

    /// Runs a line as a person typed it. What fails is said on the terminal; the session goes on.
    pub fn run(&mut self, line: &str, world: &mut World<'_>) -> Next {
        let line = line.trim();
        self.answers.clear();
        self.data.clear();
        self.depth = 0;
        self.sentences = 0;
        if line.is_empty() {
            return Next::Line;
        }
        let line = match self.stack.command(line) {
            stack::Asked::Command(line) => line.to_owned(),
            stack::Asked::Show(lines) => {
                let mut out = Output::new(world.terminal, self.screen, false);
                // A listing that is broken off has nothing to say.
                lines.iter().try_for_each(|line| out.line(line)).ok();
                return Next::Line;
            }
            stack::Asked::Run(line) => line,
            stack::Asked::Save(name, lines) => {
                if let Err(failure) = self.save_paragraph(&name, lines) {
                    self.fail(&failure, world);
                }
                return Next::Line;
            }
            stack::Asked::Refuse(message) => {
                self.fail(&Failure::new(failure::ARGUMENTS, message), world);
                return Next::Line;
            }
        };
        self.command.clone_from(&line);
        if let Err(mut failure) = self.sentence(&line, world) {
            let interrupted = world.terminal.interrupt().load(std::sync::atomic::Ordering::Relaxed);
            if failure.message.is_empty() && interrupted {
                "Interrupted".clone_into(&mut failure.message);
            }
            self.fail(&failure, world);
        }
        if self.off { Next::Off } else { Next::Line }
    }

    fn fail(&mut self, failure: &Failure, world: &mut World<'_>) {
        if failure.number != 0 {
            self.return_code = -failure.number;
        }
        if !failure.message.is_empty() {
            world.terminal.complain(failure);
        }
    }

    /// Runs one sentence: of a line, a paragraph or a menu.
    fn sentence(&mut self, text: &str, world: &mut World<'_>) -> Done {
        if text.len() > LINE_BYTES_MAX {
            return Err(Failure::new(
                failure::ARGUMENTS,
                format!("A line has at most {LINE_BYTES_MAX} bytes"),
            ));
        }
        let text = self.fill_prompts(text, world)?;
        let text = text.trim();
        if text.is_empty() || text.starts_with('*') {
            return Ok(());
        }
        text.clone_into(&mut self.sentence);
        self.verb(text, world)
    }

    /// Output of one command.
    fn output<'o>(&self, world: &'o mut World<'_>) -> Output<'o> {
        Output::new(world.terminal, self.screen, true)
    }
}

#[cfg(test)]
mod tests;
