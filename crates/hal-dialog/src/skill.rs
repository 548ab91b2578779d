//! Skill files: TOML in, compiled asks out, with the file and line of every fault. Knows no record.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::brain::SkillError;
use crate::skills::{Handler, handler};
use crate::understand::matcher::{Concept, Group, Pattern};
use crate::understand::names::Kind;
use crate::understand::template::{Node, Rules, parse};
use crate::understand::when::Direction;

/// One intention: what it is called, how it is said, how it is answered.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Name of the skill it belongs to.
    pub skill: String,
    /// Files it cannot be answered without: whoever may not read one of them is told so before anything is read.
    pub reads: Vec<String>,
    /// Upper case.
    pub intent: String,
    /// `<file>_<verb>`.
    pub action: String,
    pub direction: Direction,
    /// Goes on from the last answer of the same intent, with its names.
    pub continues: bool,
    /// Looks for the words themselves when nothing was understood.
    pub fallback: bool,
    pub run: Run,
    pub pattern: Pattern,
    /// Kinds whose change makes a follow-up of it: "and yesterday?".
    pub slots: Vec<Kind>,
    pub examples: Vec<Example>,
}

/// How an ask is answered.
#[derive(Debug, Clone)]
pub(crate) enum Run {
    Code(Handler),
    Data { query: Option<String>, say: Say },
}

/// The words of a data skill; see `skills/README.md`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Say {
    /// Without a query: the whole answer.
    pub text: Option<String>,
    /// With a query: no record; without: that such a thing is not recorded at all.
    pub none: Option<String>,
    pub one: Option<String>,
    pub many: Option<String>,
    /// How one record is said.
    pub item: Option<String>,
    /// Records read out at most; the rest is counted.
    pub limit: Option<usize>,
}

/// A sentence that must be understood, and what must fill its slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    pub text: String,
    pub slots: BTreeMap<String, String>,
}

/// One compiled skill file.
#[derive(Debug)]
pub(crate) struct Skill {
    pub name: String,
    pub offers: Vec<String>,
    pub asks: Vec<Ask>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkillFile {
    name: String,
    intent: Spanned<String>,
    /// Files that its asks cannot be answered without.
    #[serde(default)]
    reads: Vec<String>,
    #[serde(default)]
    offers: Vec<String>,
    #[serde(default)]
    rules: BTreeMap<String, Spanned<String>>,
    ask: Vec<AskFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskFile {
    action: Spanned<String>,
    intent: Option<String>,
    /// In place of those of the skill.
    reads: Option<Vec<String>>,
    #[serde(default)]
    sentences: Vec<Spanned<String>>,
    #[serde(default)]
    concepts: Vec<ConceptFile>,
    direction: Option<Spanned<String>>,
    /// Meant only after an ask of the same skill, whose names it takes over: "and the one after that?"
    #[serde(default)]
    continues: bool,
    /// Takes what no other ask understood.
    #[serde(default)]
    fallback: bool,
    run: Option<Spanned<String>>,
    query: Option<Spanned<String>>,
    say: Option<Say>,
    #[serde(default)]
    examples: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConceptFile {
    #[serde(default)]
    need: Vec<Spanned<String>>,
    #[serde(default)]
    any: Vec<Spanned<String>>,
    #[serde(default)]
    not: Vec<Spanned<String>>,
    #[serde(default)]
    requires: Vec<Spanned<String>>,
    #[serde(default)]
    slots: Vec<Spanned<String>>,
    #[serde(default)]
    set: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    statement: bool,
}

/// Where in which file something is wrong.
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn error(&self, span: Range<usize>, message: impl Into<String>) -> SkillError {
        let line = self.text.get(..span.start).map_or(0, |before| before.matches('\n').count()) + 1;
        SkillError { file: self.file.to_string(), line, message: message.into() }
    }

    fn node(&self, text: &Spanned<String>, rules: &Rules) -> Result<Node, SkillError> {
        parse(text.get_ref(), rules).map_err(|message| self.error(text.span(), message))
    }

    fn kind(&self, name: &Spanned<String>) -> Result<Kind, SkillError> {
        Kind::from_name(name.get_ref())
            .ok_or_else(|| self.error(name.span(), format!("no kind of slot is called {}", name.get_ref())))
    }

    fn groups(&self, texts: &[Spanned<String>], rules: &Rules) -> Result<Vec<Group>, SkillError> {
        texts
            .iter()
            .map(|text| {
                Group::new(&self.node(text, rules)?).map_err(|message| self.error(text.span(), message))
            })
            .collect()
    }
}

/// The rules of `skills/rules.toml`: a table of name = "template".
pub(crate) fn shared_rules(file: &str, text: &str) -> Result<Rules, SkillError> {
    let place = Place { file, text };
    let table: BTreeMap<String, Spanned<String>> = from_toml(&place)?;
    add_rules(Rules::new(), &table, &place)
}

fn from_toml<T: for<'de> Deserialize<'de>>(place: &Place<'_>) -> Result<T, SkillError> {
    toml::from_str(place.text)
        .map_err(|error| place.error(error.span().unwrap_or(0..0), error.message().replace('\n', " ")))
}

/// Rules may use each other in any order; what never resolves is reported.
fn add_rules(
    mut rules: Rules,
    table: &BTreeMap<String, Spanned<String>>,
    place: &Place<'_>,
) -> Result<Rules, SkillError> {
    let mut open: Vec<(&String, &Spanned<String>)> = table.iter().collect();
    loop {
        let before = open.len();
        let mut fault = None;
        open.retain(|(name, text)| match parse(text.get_ref(), &rules) {
            Ok(node) => {
                rules.insert((*name).clone(), node);
                false
            }
            Err(message) => {
                fault = Some(place.error(text.span(), format!("rule <{name}>: {message}")));
                true
            }
        });
        match fault {
            None => return Ok(rules),
            Some(error) if open.len() == before => return Err(error),
            Some(_) => {}
        }
    }
}

/// Compiles one skill file.
pub(crate) fn compile(file: &str, text: &str, shared: &Rules) -> Result<Skill, SkillError> {
    let place = Place { file, text };
    let skill: SkillFile = from_toml(&place)?;
    let rules = add_rules(shared.clone(), &skill.rules, &place)?;
    let intent = skill.intent.get_ref();
    if intent.is_empty() || !intent.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        return Err(place.error(skill.intent.span(), "an intent is written in capitals, as MEDICATION"));
    }
    let mut asks = Vec::new();
    for ask in &skill.ask {
        asks.push(compile_ask(&place, &skill, ask, &rules)?);
    }
    Ok(Skill { name: skill.name, offers: skill.offers, asks })
}

fn compile_ask(
    place: &Place<'_>,
    skill: &SkillFile,
    ask: &AskFile,
    rules: &Rules,
) -> Result<Ask, SkillError> {
    let templates = ask.sentences.iter().map(|s| place.node(s, rules)).collect::<Result<Vec<_>, _>>()?;
    let mut concepts = Vec::new();
    for concept in &ask.concepts {
        let kinds =
            |names: &[Spanned<String>]| names.iter().map(|n| place.kind(n)).collect::<Result<Vec<_>, _>>();
        let mut set = Vec::new();
        for (name, value) in &concept.set {
            let kind = Kind::from_name(name)
                .ok_or_else(|| place.error(value.span(), format!("no kind of slot is called {name}")))?;
            set.push((kind, value.get_ref().clone()));
        }
        if concept.need.is_empty() && concept.requires.is_empty() {
            return Err(place.error(ask.action.span(), "a concept needs at least one word or name"));
        }
        concepts.push(Concept {
            need: place.groups(&concept.need, rules)?,
            any: place.groups(&concept.any, rules)?,
            not: place.groups(&concept.not, rules)?,
            requires: kinds(&concept.requires)?,
            slots: kinds(&concept.slots)?,
            set,
            statement: concept.statement,
        });
    }
    if templates.is_empty() && concepts.is_empty() && !ask.fallback {
        return Err(place.error(ask.action.span(), "an ask needs `sentences` or `concepts`"));
    }
    let run = match (&ask.run, &ask.say) {
        (Some(name), None) => Run::Code(
            handler(name.get_ref())
                .ok_or_else(|| place.error(name.span(), format!("no answer is called {}", name.get_ref())))?,
        ),
        (None, Some(say)) => {
            Run::Data { query: ask.query.as_ref().map(|q| q.get_ref().clone()), say: say.clone() }
        }
        _ => return Err(place.error(ask.action.span(), "an ask has either `run` or `say`")),
    };
    let direction = match ask.direction.as_ref().map(|d| (d.get_ref().as_str(), d.span())) {
        None | Some(("past", _)) => Direction::Past,
        Some(("future", _)) => Direction::Future,
        Some((other, span)) => {
            return Err(place.error(span, format!("direction is past or future, not {other}")));
        }
    };
    let examples = ask.examples.iter().map(|e| example(place, e)).collect::<Result<Vec<_>, _>>()?;
    let mut slots: Vec<Kind> =
        concepts.iter().flat_map(|c| c.requires.iter().chain(&c.slots).copied()).collect();
    templates.iter().for_each(|t| slot_kinds(t, &mut slots));
    slots.sort_unstable();
    slots.dedup();
    let intent = ask.intent.clone().unwrap_or_else(|| skill.intent.get_ref().clone());
    if ask.continues && !concepts.is_empty() {
        return Err(place.error(ask.action.span(), "an ask that continues takes sentences, not concepts"));
    }
    let mut reads = ask.reads.clone().unwrap_or_else(|| skill.reads.clone());
    // A query names its file itself.
    reads.extend(
        ask.query.iter().filter_map(|query| Some(query.get_ref().split_whitespace().nth(1)?.to_owned())),
    );
    reads.sort_unstable();
    reads.dedup();
    Ok(Ask {
        skill: skill.name.clone(),
        reads,
        action: ask.action.get_ref().clone(),
        direction,
        continues: ask.continues,
        fallback: ask.fallback,
        run,
        pattern: Pattern { templates, after: ask.continues.then(|| intent.clone()), concepts },
        intent,
        slots,
        examples,
    })
}

fn slot_kinds(node: &Node, into: &mut Vec<Kind>) {
    match node {
        Node::Slot(kind) => into.push(*kind),
        Node::Seq(nodes) | Node::Alt(nodes) => nodes.iter().for_each(|n| slot_kinds(n, into)),
        Node::Opt(inner) => slot_kinds(inner, into),
        Node::Word(_) => {}
    }
}

/// `text` or `text -> slot=value, slot=value`.
fn example(place: &Place<'_>, spanned: &Spanned<String>) -> Result<Example, SkillError> {
    let (text, slots) = match spanned.get_ref().split_once("->") {
        None => (spanned.get_ref().as_str(), ""),
        Some((text, slots)) => (text, slots),
    };
    let mut map = BTreeMap::new();
    for pair in slots.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| place.error(spanned.span(), format!("`{pair}` is not slot=value")))?;
        map.insert(name.trim().to_string(), value.trim().to_string());
    }
    Ok(Example { text: text.trim().to_string(), slots: map })
}
