//! One turn on its way to an answer: what fills the slots, about whom, from which records.

use std::collections::BTreeMap;

use hal_wire::listener::Outcome;
use serde::{Deserialize, Serialize};

use crate::brain::User;
use crate::records::{Fault, Rec, Records};
use crate::say;
use crate::skill::Ask;
use crate::understand::moment::Moment;
use crate::understand::names::{Entity, Kind};
use crate::understand::normalise::Token;
use crate::understand::when::{Direction, Span, When};
use crate::write::Change;

/// What fills a slot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Slot {
    /// The words.
    pub text: String,
    /// What they name; empty for free text and for names nobody has.
    pub entities: Vec<Entity>,
    pub when: Option<Span>,
}

pub(crate) type Slots = BTreeMap<Kind, Slot>;

/// An answer being made.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub text: String,
    pub outcome: Outcome,
    pub pending: Option<Pending>,
    /// When the thing is that the answer speaks of, day and second: "and the one after that?".
    pub at: Option<(i64, u32)>,
    /// What "it" is from now on.
    pub topic: Slots,
}

impl Said {
    pub(crate) fn answered(text: impl Into<String>) -> Said {
        Said { text: text.into(), outcome: Outcome::Answered, pending: None, at: None, topic: Slots::new() }
    }

    pub(crate) fn nothing(text: impl Into<String>) -> Said {
        Said { outcome: Outcome::NothingFound, ..Said::answered(text) }
    }

    pub(crate) fn asked(text: impl Into<String>, pending: Pending) -> Said {
        Said { outcome: Outcome::Asked, pending: Some(pending), ..Said::answered(text) }
    }

    /// What a handler says that finds it was not meant.
    pub(crate) fn not_understood() -> Said {
        Said { outcome: Outcome::NotUnderstood, ..Said::answered("") }
    }

    /// Makes an entity what "it", "he" or "she" stands for.
    pub(crate) fn about(mut self, kind: Kind, id: &str, shown: &str) -> Said {
        let entity = Entity { kind, id: id.to_string(), shown: shown.to_string() };
        self.topic.insert(kind, Slot { text: shown.to_string(), entities: vec![entity], when: None });
        self
    }
}

/// What a question back waits for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Pending {
    /// Yes makes the changes.
    Write { changes: Vec<Change>, done: String, undone: String },
    /// One of the candidates continues the question.
    Choose { ask: usize, slots: Slots, kind: Kind, candidates: Vec<Entity> },
}

/// Why a handler ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    Fault(Fault),
    Said(Box<Said>),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

impl From<Said> for Stop {
    fn from(said: Said) -> Stop {
        Stop::Said(Box::new(said))
    }
}

pub(crate) type Answer = Result<Said, Stop>;

/// Whose records are read, and how the answer speaks of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    pub id: String,
    pub first_name: String,
    pub is_user: bool,
}

impl Who {
    /// The one who asks.
    pub(crate) fn user(id: &str) -> Who {
        Who { id: id.to_owned(), first_name: "You".into(), is_user: true }
    }

    fn pick(&self, me: &str, other: String) -> String {
        if self.is_user { me.to_string() } else { other }
    }

    /// The words of an answer that depend on whom it is about; `None` for other names.
    pub(crate) fn word(&self, name: &str) -> Option<String> {
        let n = &self.first_name;
        Some(match name {
            "You" => self.pick("You", n.clone()),
            "you" => self.pick("you", n.clone()),
            "Your" => self.pick("Your", format!("{n}'s")),
            "your" => self.pick("your", format!("{n}'s")),
            "are" => self.pick("are", "is".into()),
            "Are" => self.pick("You are", format!("{n} is")),
            "have" => self.pick("have", "has".into()),
            "take" => self.pick("take", "takes".into()),
            "do" => self.pick("do", "does".into()),
            "were" => self.pick("were", "was".into()),
            "s" => self.pick("", "s".into()),
            "for_you" => self.pick("", format!(" for {n}")),
            _ => return None,
        })
    }

    pub(crate) fn get(&self, name: &str) -> String {
        self.word(name).unwrap_or_default()
    }
}

/// Everything an answer may look at.
pub(crate) struct Turn<'a> {
    pub records: &'a Records<'a>,
    pub now: Moment,
    pub user: &'a User,
    pub session: &'a str,
    pub ask: &'a Ask,
    pub ask_index: usize,
    pub slots: Slots,
    /// The words of the utterance without politeness.
    pub tokens: &'a [Token],
    /// Writes of this session so far.
    pub writes: u32,
    pub last_question: Option<String>,
    /// When the thing was that the answer before this one spoke of.
    pub after: Option<(i64, u32)>,
    pub offers: &'a [String],
}

impl Turn<'_> {
    pub(crate) fn slot(&self, kind: Kind) -> Option<&Slot> {
        self.slots.get(&kind)
    }

    /// Whether one of the words was said.
    pub(crate) fn said_any(&self, words: &[&str]) -> bool {
        self.tokens.iter().any(|t| words.contains(&t.text.as_str()))
    }

    pub(crate) fn today(&self) -> i64 {
        self.now.day
    }

    /// The time phrase, resolved in the direction of the ask.
    pub(crate) fn when(&self) -> Option<When> {
        self.when_towards(self.ask.direction)
    }

    pub(crate) fn when_towards(&self, direction: Direction) -> Option<When> {
        Some(self.slot(Kind::When)?.when.as_ref()?.resolve(self.now, direction))
    }

    /// Who is asked about: the person named, else the user; stops with a question or an explanation when that is not clear.
    pub(crate) fn who(&self) -> Result<Who, Stop> {
        let named = match self.slot(Kind::Person) {
            Some(slot) => Some(self.one(Kind::Person, slot)?),
            None => None,
        };
        let Some(entity) = named else {
            return match &self.user.person {
                Some(id) => Ok(Who::user(id)),
                None => Err(Said::nothing(
                    "I do not know whose records are yours: this sign-in has no person set. Ask about somebody by name.",
                )
                .into()),
            };
        };
        let first_name = entity.shown.split(' ').next().unwrap_or_default().to_string();
        Ok(Who { is_user: Some(&entity.id) == self.user.person.as_ref(), id: entity.id, first_name })
    }

    /// As [`Turn::who`], for health records: those are read to the family only.
    pub(crate) fn patient(&self) -> Result<Who, Stop> {
        let who = self.who()?;
        if who.is_user {
            return Ok(who);
        }
        let me = match &self.user.person {
            Some(id) => self.records.get("PERSON", id)?,
            None => None,
        };
        const FAMILY: [&str; 14] = [
            "spouse",
            "wife",
            "husband",
            "child",
            "son",
            "daughter",
            "parent",
            "mother",
            "father",
            "grandchild",
            "partner",
            "sibling",
            "sister",
            "brother",
        ];
        let related = me.is_some_and(|me| {
            me.relations().iter().any(|(relation, id)| *id == who.id && FAMILY.contains(&relation.as_str()))
        });
        if related {
            return Ok(who);
        }
        Err(Said::nothing(format!(
            "I read health records to the family only, and {} is not yours.",
            who.first_name
        ))
        .into())
    }

    /// The one entity a slot names; stops by asking which, or by saying that nobody has the name.
    pub(crate) fn one(&self, kind: Kind, slot: &Slot) -> Result<Entity, Stop> {
        let mut known: Vec<&Entity> = slot.entities.iter().filter(|e| !e.id.is_empty()).collect();
        known.dedup_by(|a, b| a.id == b.id);
        match known[..] {
            [] => Err(self.nobody(kind, slot).into()),
            [one] => Ok(one.clone()),
            _ => {
                let candidates: Vec<Entity> = known.into_iter().cloned().collect();
                let names: Vec<String> = candidates.iter().map(|e| e.shown.clone()).collect();
                let text = format!("Which {}: {}?", say::capital(&slot.text), or_list(&names));
                let pending =
                    Pending::Choose { ask: self.ask_index, slots: self.slots.clone(), kind, candidates };
                Err(Said::asked(text, pending).into())
            }
        }
    }

    /// As [`Turn::one`] for a slot that may be absent.
    pub(crate) fn named(&self, kind: Kind) -> Result<Option<Entity>, Stop> {
        self.slot(kind).map(|slot| self.one(kind, slot)).transpose()
    }

    fn nobody(&self, kind: Kind, slot: &Slot) -> Said {
        let words: Vec<String> = slot.text.split(' ').map(say::capital).collect();
        let name = words.join(" ");
        let shown = slot.entities.first().map_or(slot.text.as_str(), |e| e.shown.as_str());
        Said::nothing(match kind {
            Kind::Person if !slot.entities.is_empty() => format!("I have nobody recorded as your {shown}."),
            Kind::Person => format!("I have nobody called {name} recorded."),
            Kind::Doctor if !slot.entities.is_empty() => format!("I have no {shown} recorded."),
            Kind::Doctor => {
                format!("I have no doctor called {} recorded.", name.trim_start_matches("Doctor "))
            }
            _ => format!("I have nothing recorded about {}.", slot.text),
        })
    }

    /// The drug that is asked about: of several with that name the one the person has.
    pub(crate) fn drug(&self, who: &Who) -> Result<Option<Entity>, Stop> {
        let Some(slot) = self.slot(Kind::Drug) else { return Ok(None) };
        if slot.entities.iter().filter(|e| !e.id.is_empty()).count() > 1 {
            let mine = self.records.select("SELECT MEDICATION WITH PERSON_ID = \"{person}\"", &|name| {
                (name == "person").then(|| who.id.clone())
            })?;
            let owned: Vec<Entity> = slot
                .entities
                .iter()
                .filter(|e| mine.iter().any(|m| m.is("MEDICATION_NAME", &e.id)))
                .cloned()
                .collect();
            if !owned.is_empty() {
                let slot = Slot { entities: owned, ..slot.clone() };
                return self.one(Kind::Drug, &slot).map(Some);
            }
        }
        self.one(Kind::Drug, slot).map(Some)
    }

    /// The name of a record of another file, as it is said: "Dr. Anita Patel", "Corner Pharmacy".
    pub(crate) fn name_of(&self, file: &str, id: &str) -> Result<String, Fault> {
        // A name beside an answer: who may not read it hears the answer without.
        if !self.records.may_read(file) {
            return Ok(String::new());
        }
        let Some(rec) = self.records.get(file, id)? else { return Ok(String::new()) };
        Ok(match file {
            "DOCTOR" => doctor_name(&rec),
            "PERSON" => format!("{} {}", rec.text("FIRST_NAME"), rec.text("LAST_NAME")).trim().to_string(),
            "PHARMACY" => rec.text("PHARMACY_NAME"),
            "HEALTHCARE_FACILITY" => rec.text("FACILITY_NAME"),
            "CATEGORY" => rec.text("CATEGORY_NAME"),
            _ => rec.text("NAME"),
        })
    }

    /// An id for a new record: no clock or chance of its own, yet never twice.
    pub(crate) fn new_id(&self, prefix: &str, n: usize) -> String {
        // Two sessions may write in the same millisecond; FNV-1a of the session keeps their ids apart.
        let hash =
            self.session.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        format!("{prefix}{}{:04X}{}", self.now.unix_ms, hash & 0xFFFF, self.writes as usize * 100 + n)
    }
}

/// "Dr. Patel"; a nurse practitioner is called by the whole name.
pub(crate) fn doctor_name(rec: &Rec) -> String {
    let title = rec.text("TITLE");
    if matches!(title.as_str(), "NP" | "PA" | "RN") {
        return format!("{} {}", rec.text("FIRST_NAME"), rec.text("LAST_NAME")).trim().to_string();
    }
    format!("Dr. {}", rec.text("LAST_NAME"))
}

/// "a or b", "a, b or c".
pub(crate) fn or_list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}
