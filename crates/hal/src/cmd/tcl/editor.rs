//! The editor of lines: history, completion, and one key as an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hal_db::Database;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{
    Cmd, CompletionType, ConditionalEventHandler, Config, Context, Editor, Event, EventContext, EventHandler,
    Helper, KeyCode, KeyEvent, Modifiers, RepeatCount,
};

pub(super) type LineEditor = Editor<Names, DefaultHistory>;

/// Completes words from what the account holds.
#[derive(Default)]
pub(super) struct Names {
    db: Option<Database>,
}

impl Helper for Names {}
impl Validator for Names {}
impl Highlighter for Names {}

impl Hinter for Names {
    type Hint = String;
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.db.as_ref().map_or_else(|| (at, Vec::new()), |db| hal_db::tcl::complete(db, &line[..at])))
    }
}

/// An editor for the terminal; `None` where there is none to edit on.
pub(super) fn new() -> Option<LineEditor> {
    let config = Config::builder().completion_type(CompletionType::List).build();
    let mut editor = Editor::with_config(config).ok()?;
    editor.set_helper(Some(Names::default()));
    Some(editor)
}

/// Completes from this account; from none while a question is asked.
pub(super) fn complete_from(editor: &mut LineEditor, db: Option<&Database>) {
    if let Some(names) = editor.helper_mut() {
        names.db = db.cloned();
    }
}

/// Takes a key as the whole answer.
struct Taken(Arc<AtomicU32>);

impl ConditionalEventHandler for Taken {
    fn handle(&self, event: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        match event.get(0) {
            Some(KeyEvent(KeyCode::Char(key), Modifiers::NONE | Modifiers::SHIFT)) => {
                self.0.store(u32::from(*key), Ordering::Relaxed);
                Some(Cmd::AcceptLine)
            }
            _ => None,
        }
    }
}

/// The key that a person presses; `None` for Ctrl-C and Ctrl-D, a line feed for return.
pub(super) fn one_key(editor: &mut LineEditor, question: &str) -> Option<char> {
    let key = Arc::new(AtomicU32::new(u32::from('\n')));
    editor.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(Taken(Arc::clone(&key)))));
    let read = editor.readline(question);
    editor.unbind_sequence(Event::Any);
    read.ok()?;
    char::from_u32(key.load(Ordering::Relaxed))
}
