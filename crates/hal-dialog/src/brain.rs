//! One question in, one reply out: understand, read once, phrase.

use hal_db::{Database, Snapshot};
use hal_wire::listener::Outcome;

use crate::lexicon::{self, Synonyms};
use crate::memory::Memory;
use crate::records::Records;
use crate::skill::{Ask, Skill, compile, shared_rules};
use crate::understand::matcher::{Matcher, Pattern};
use crate::understand::moment::Moment;
use crate::understand::template::Rules;
use crate::{converse, skills, vocabulary};

/// Who asks, as the signed-in session says; never taken from the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: String,
    /// Id of the user's record in PERSON: whose data "my" means.
    pub person: Option<String>,
}

/// One turn of a person.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Best first; typed text is exactly one.
    pub hypotheses: &'a [String],
    pub spoken: bool,
    pub session: &'a str,
    pub user: &'a User,
    pub now: Moment,
}

impl std::fmt::Debug for Question<'_> {
    /// What people say is personal: only the count of hypotheses is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question")
            .field("hypotheses", &self.hypotheses.len())
            .field("spoken", &self.spoken)
            .finish()
    }
}

/// What is said, and under which names programs know it.
#[derive(Clone, PartialEq, Eq)]
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

impl std::fmt::Debug for Reply {
    /// Answers are personal: the names programs know are shown, the words are not.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("intent", &self.intent)
            .field("action", &self.action)
            .field("outcome", &self.outcome)
            .field("bytes", &self.text.len())
            .finish()
    }
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
pub struct Brain {
    pub(crate) asks: Vec<Ask>,
    pub(crate) matcher: Matcher,
    pub(crate) synonyms: Synonyms,
    pub(crate) offers: Vec<String>,
    pub(crate) lexicons: lexicon::Kept,
    /// Whether the records may be changed.
    pub(crate) writes: bool,
}

impl std::fmt::Debug for Brain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Brain").field("asks", &self.asks.len()).finish()
    }
}

impl Brain {
    /// The skills that are built into the program.
    ///
    /// # Errors
    /// None in a program that passed its tests: they compile every file.
    pub fn builtin() -> Result<Brain, SkillError> {
        Brain::with_user_skills(&[])
    }

    /// The built-in skills and those of the user: pairs of file name and content.
    ///
    /// # Errors
    /// Names the file, the line and the fault of the first file that cannot be used.
    pub fn with_user_skills(files: &[(String, String)]) -> Result<Brain, SkillError> {
        let rules = shared_rules("rules.toml", skills::RULES)?;
        let synonyms: Synonyms = toml::from_str(skills::NAMES).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = skills::NAMES.get(..start).map_or(0, |text| text.matches('\n').count()) + 1;
            SkillError { file: "names.toml".into(), line, message: error.message().to_string() }
        })?;
        let mut compiled: Vec<Skill> = Vec::new();
        for (file, text) in skills::BUILTIN {
            compiled.push(compile(file, text, &rules)?);
        }
        Brain::add_user_skills(&mut compiled, files, &rules)?;
        // The first of each skill before the second of any: the first few show the range.
        let longest = compiled.iter().map(|s| s.offers.len()).max().unwrap_or(0);
        let offers = (0..longest)
            .flat_map(|place| compiled.iter().filter_map(move |s| s.offers.get(place).cloned()))
            .collect();
        let mut asks: Vec<Ask> = compiled.into_iter().flat_map(|s| s.asks).collect();
        let patterns: Vec<Pattern> = asks.iter_mut().map(|ask| std::mem::take(&mut ask.pattern)).collect();
        Ok(Brain {
            asks,
            matcher: Matcher::new(patterns),
            synonyms,
            offers,
            lexicons: lexicon::Kept::default(),
            writes: true,
        })
    }

    /// The same skills over records that belong to somebody else: a change is refused, in words.
    #[must_use]
    pub fn read_only(mut self) -> Brain {
        self.writes = false;
        self
    }

    fn add_user_skills(
        into: &mut Vec<Skill>,
        files: &[(String, String)],
        rules: &Rules,
    ) -> Result<(), SkillError> {
        for (file, text) in files {
            let skill = compile(file, text, rules)?;
            if into.iter().any(|s| s.name == skill.name) {
                let message = format!("a skill called {} exists already; choose another name", skill.name);
                return Err(SkillError { file: file.clone(), line: 1, message });
            }
            into.push(skill);
        }
        Ok(())
    }

    /// Answers one turn with at most one snapshot of the database.
    pub fn answer(&self, db: &Database, memory: &mut Memory, q: &Question<'_>) -> Reply {
        let mut reply = converse::reply(self, db, memory, q);
        reply.speech = crate::say::speakable(&reply.text);
        if reply.action != "control_repeat" {
            memory.said = Some(reply.clone());
        }
        reply
    }

    /// What the recogniser should expect to hear, with the household's own names in it; empty when they cannot be read.
    pub fn vocabulary(&self, snapshot: &Snapshot) -> Spoken {
        let records = Records::new(snapshot, Moment { day: 0, second: 0, unix_ms: 0 });
        lexicon::read(&records, &self.synonyms, None)
            .map_or_else(|_| Spoken::default(), |lexicon| vocabulary::spoken(self, &lexicon))
    }

    /// Sentences that a new user can try.
    pub fn offers(&self) -> &[String] {
        &self.offers
    }
}
