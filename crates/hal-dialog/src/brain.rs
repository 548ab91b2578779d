//! One question in, one reply out: understand, read once, phrase.

use hal_db::{Database, Snapshot};
use hal_wire::listener::Outcome;

use crate::memory::Memory;
use crate::understand::moment::Moment;

/// Who asks, as the signed-in session says; never taken from the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: String,
    /// Id of the user's record in PERSON: whose data "my" means.
    pub person: Option<String>,
}

/// One turn of a person.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Best first; typed text is exactly one.
    pub hypotheses: &'a [String],
    pub spoken: bool,
    pub session: &'a str,
    pub user: &'a User,
    pub now: Moment,
}

/// What is said, and under which names programs know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub text: String,
    /// Set when it should sound different from how it is written.
    pub speech: Option<String>,
    /// Upper case, as `MEDICATION`.
    pub intent: String,
    /// `<file>_<verb>`, as `medication_list`.
    pub action: String,
    pub outcome: Outcome,
    /// Files that were read for it.
    pub files: Vec<String>,
}

/// Sentences and words for the recogniser's language model: lower case, spelled-out words only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spoken {
    pub sentences: Vec<String>,
    pub words: Vec<String>,
}

/// A skill file that cannot be used, with the place of the fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("skill {file}, line {line}: {message}")]
pub struct SkillError {
    pub file: String,
    pub line: usize,
    pub message: String,
}

/// All skills, compiled. Made once, shared by all sessions.
#[derive(Debug)]
pub struct Brain {}

impl Brain {
    /// The skills that are built into the program.
    pub fn builtin() -> Result<Brain, SkillError> {
        Ok(Brain {})
    }

    /// Answers one turn with at most one snapshot of the database.
    pub fn answer(&self, _db: &Database, _memory: &mut Memory, _q: &Question<'_>) -> Reply {
        Reply {
            text: "I did not understand that.".into(),
            speech: None,
            intent: "UNKNOWN".into(),
            action: "unknown".into(),
            outcome: Outcome::NotUnderstood,
            files: Vec::new(),
        }
    }

    /// What the recogniser should expect to hear, with the household's own names in it.
    pub fn vocabulary(&self, _snapshot: &Snapshot) -> Spoken {
        Spoken::default()
    }

    /// Sentences that a new user can try.
    pub fn offers(&self) -> Vec<String> {
        Vec::new()
    }
}
