//! Which skill was meant: strict templates first, then concepts, which forgive word order and paraphrase.
//!
//! A concept is accepted only when nearly every content word of the utterance is explained by it: "which drugs have I been
//! prescribed" is, "what is the best medication for headaches" is not. Knows no record and no answer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use super::names::Kind;
use super::normalise::Token;
use super::template::{Capture, Node, Utterance, fit, phrases, required};

/// Words that carry grammar, not content: they need no explanation and are no names.
const FUNCTION_WORDS: &str = "a an the this that these those some any all both each every other another my your our his her their its mine ours \
 i you he she it we they me us him them myself am is are was were be been being do does did done doing have has had having can could \
 will would shall should may might must to of in on at for from with by about into onto over under up out as than then there here and or \
 but if so what which who whom whose when where why how much many long often not no yes please just also too very really still \
 currently now presently ever again else already yet only even back off down got get gets getting gotten give given show shown tell told list read say said see \
 look know find let want wants need needs needed like going go goes gone went come comes coming keep kept put make made \
 file files record records recorded recording saved stored noted written information details detail thing things stuff ought thought think thinking anything something everything one ones kind kinds sort type types bit few several \
 actually exactly hal supposed scheduled between during until since before after ago way right well because though while through per me's us's \
 lately these days moment time times name names called number numbers happen happened happening hear pull bring set use using would'd talk speak question answer \
 one two three four five six seven eight nine ten eleven twelve dozen exist exists possible able mean means meant okay sure hey hi hello thanks thank remember currently personally own at's around near";

/// Words that address, hedge or set the scene: they stand anywhere and change no question.
const FILLERS: &str = "dear darling love honey sweetheart buddy mate pal dude bro man sir madam ma'am friend folks quick quickly kindly moment \
 mention maybe perhaps sorry excuse little exact mind idea";

/// Words that never belong into an unknown name but are not explained by themselves either.
pub(crate) fn is_function_word(word: &str) -> bool {
    use std::sync::OnceLock;
    static WORDS: OnceLock<HashSet<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| FUNCTION_WORDS.split_whitespace().collect()).contains(word)
        || (word.len() <= 2 && word.chars().all(|c| c.is_ascii_digit()))
}

/// Words that a sentence can lose without asking for something else.
pub(crate) fn is_filler(word: &str) -> bool {
    use std::sync::OnceLock;
    static WORDS: OnceLock<HashSet<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| FILLERS.split_whitespace().collect()).contains(word)
        || word.len() > 4 && word.ends_with("ly")
}

/// Words that say what is asked.
pub(crate) fn is_content_word(word: &str) -> bool {
    !is_function_word(word) && !is_filler(word)
}

pub(crate) fn function_words() -> impl Iterator<Item = &'static str> {
    FUNCTION_WORDS.split_whitespace()
}

/// A set of phrases of which one must, may or must not occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    phrases: Vec<Vec<String>>,
}

/// Phrases a group may have; more is a mistake in the skill file.
const PHRASES_MAX: usize = 400;

impl Group {
    pub fn new(node: &Node) -> Result<Group, String> {
        let phrases = phrases(node, PHRASES_MAX)
            .ok_or("a concept takes words and phrases, not slots, and at most 400 of them")?;
        let mut phrases: Vec<Vec<String>> = phrases.into_iter().filter(|p| !p.is_empty()).collect();
        phrases.sort();
        phrases.dedup();
        Ok(Group { phrases })
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.phrases.iter().flatten().map(String::as_str)
    }

    /// Marks every occurrence in `covered`; whether there was one.
    fn find(&self, tokens: &[Token], places: &HashMap<&str, Vec<usize>>, covered: &mut [bool]) -> bool {
        let mut found = false;
        for phrase in &self.phrases {
            let Some(starts) = places.get(phrase[0].as_str()) else { continue };
            for &start in starts {
                let end = start + phrase.len();
                if end <= tokens.len() && phrase.iter().zip(&tokens[start..end]).all(|(p, t)| *p == t.text) {
                    covered[start..end].fill(true);
                    found = true;
                }
            }
        }
        found
    }
}

/// One way to mean an ask, wherever its words stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concept {
    /// All of these must occur.
    pub need: Vec<Group>,
    /// These may.
    pub any: Vec<Group>,
    /// None of these may.
    pub not: Vec<Group>,
    /// Kinds of names that must be mentioned (or remembered, when the utterance says "it").
    pub requires: Vec<Kind>,
    /// Kinds that may be.
    pub slots: Vec<Kind>,
    /// Slots that the concept itself fills.
    pub set: Vec<(Kind, String)>,
    /// Whether a statement such as "we are out of milk" may be meant.
    pub statement: bool,
}

/// One intention of a skill with everything it can be said by.
#[derive(Debug, Clone, Default)]
pub struct Pattern {
    pub templates: Vec<Node>,
    /// Meant only after an answer of this intent.
    pub after: Option<String>,
    pub concepts: Vec<Concept>,
}

/// What was understood: which pattern, and what fills its slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub pattern: usize,
    pub captures: Vec<Capture>,
    pub set: Vec<(Kind, String)>,
    /// Kinds to be taken from what was talked about before.
    pub remembered: Vec<Kind>,
    pub score: i32,
    /// Content words that stayed unexplained; 0 is a sure understanding.
    pub unexplained: usize,
}

/// All patterns with their index by required words.
#[derive(Debug)]
pub struct Matcher {
    patterns: Vec<Pattern>,
    /// Word → templates (pattern, template) of whose rarest required group it is one.
    by_word: HashMap<String, Vec<(usize, usize)>>,
    /// Templates with no required word: tried always.
    always: Vec<(usize, usize)>,
    /// Words the skills themselves know: what a typing error may be corrected to.
    vocabulary: HashSet<String>,
}

/// What the matcher may know of the conversation and the sentence.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Kinds that "it" or "he" can stand for just now.
    pub remembered: &'a [Kind],
    /// Intent of the answer before this one.
    pub intent: Option<&'a str>,
    /// The words before the core already said that a question follows ("could you tell me …").
    pub asked: bool,
}

impl Matcher {
    pub fn new(patterns: Vec<Pattern>) -> Matcher {
        let mut by_word: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        let mut always = Vec::new();
        let mut vocabulary: HashSet<String> = HashSet::new();
        for (p, pattern) in patterns.iter().enumerate() {
            for (t, template) in pattern.templates.iter().enumerate() {
                collect_words(template, &mut vocabulary);
                // The group of long words with few members is met most seldom.
                let groups = required(template);
                let rarest = groups.into_iter().min_by_key(|group| {
                    let function = group.iter().any(|w| is_function_word(w));
                    (function, group.len())
                });
                match rarest {
                    Some(group) => {
                        for word in group {
                            by_word.entry(word).or_default().push((p, t));
                        }
                    }
                    None => always.push((p, t)),
                }
            }
            for concept in &pattern.concepts {
                for group in concept.need.iter().chain(&concept.any) {
                    vocabulary.extend(group.words().map(String::from));
                }
            }
        }
        Matcher { patterns, by_word, always, vocabulary }
    }

    pub fn knows_word(&self, word: &str) -> bool {
        self.vocabulary.contains(word)
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.vocabulary.iter().map(String::as_str)
    }

    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The best understanding of the utterance, if there is one that can be answered for.
    pub fn best(&self, utterance: Utterance<'_>, situation: Situation<'_>) -> Option<Found> {
        let strict = self.by_template(utterance, situation);
        if strict.as_ref().is_some_and(|found| found.captures.iter().all(|c| c.known || c.kind.is_free())) {
            let sure = strict.as_ref().is_some_and(|found| !found.captures.iter().any(|c| c.kind.is_free()));
            if sure {
                return strict;
            }
        }
        let loose = self.by_concept(utterance, situation);
        match (strict, loose) {
            (Some(strict), Some(loose)) => {
                // "do i need {item}" fits "do i need a tetanus shot" too; knowing every word beats guessing one.
                let guessed = strict.captures.iter().any(|c| !c.known && !c.kind.is_free());
                let loose_wins = loose.unexplained == 0 && (guessed || loose.score > strict.score);
                Some(if loose_wins { loose } else { strict })
            }
            (strict, loose) => strict.or(loose),
        }
    }

    fn by_template(&self, utterance: Utterance<'_>, situation: Situation<'_>) -> Option<Found> {
        let mut best: Option<Found> = None;
        let mut candidates: Vec<(usize, usize)> = self.always.clone();
        for token in utterance.tokens {
            if let Some(list) = self.by_word.get(&token.text) {
                candidates.extend(list);
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        for (p, t) in candidates {
            if self.patterns[p].after.as_deref().is_some_and(|after| situation.intent != Some(after)) {
                continue;
            }
            let Some(found) = fit(&self.patterns[p].templates[t], utterance) else { continue };
            // Two names that nobody has are two guesses; "can dogs eat chocolate" asks no record.
            if found.captures.iter().filter(|c| !c.known && !c.kind.is_free()).count() > 1 {
                continue;
            }
            if best.as_ref().is_none_or(|b| found.score > b.score) {
                best = Some(Found {
                    pattern: p,
                    // A name nobody has may be a known one spelled otherwise; that is tried before it is believed.
                    unexplained: found.captures.iter().filter(|c| !c.known && !c.kind.is_free()).count(),
                    captures: found.captures,
                    set: Vec::new(),
                    remembered: Vec::new(),
                    score: found.score,
                });
            }
        }
        best
    }

    fn by_concept(&self, utterance: Utterance<'_>, situation: Situation<'_>) -> Option<Found> {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, token) in utterance.tokens.iter().enumerate() {
            places.entry(token.text.as_str()).or_default().push(i);
        }
        let statement = !situation.asked && is_statement(utterance);
        let mut best: Option<Found> = None;
        for (p, pattern) in self.patterns.iter().enumerate() {
            for concept in &pattern.concepts {
                if statement && !concept.statement {
                    continue;
                }
                let Some(found) = weigh(concept, p, utterance, &places, situation) else { continue };
                if best.as_ref().is_none_or(|b| found.score > b.score) {
                    best = Some(found);
                }
            }
        }
        best
    }
}

fn collect_words(node: &Node, into: &mut HashSet<String>) {
    match node {
        Node::Word(word) => {
            into.insert(word.clone());
        }
        Node::Seq(nodes) | Node::Alt(nodes) => nodes.iter().for_each(|n| collect_words(n, into)),
        Node::Opt(inner) => collect_words(inner, into),
        Node::Slot(_) => {}
    }
}

/// "I think …", "that restaurant was …": told, not asked.
fn is_statement(utterance: Utterance<'_>) -> bool {
    let word = |i: usize| utterance.tokens.get(i).map_or("", |t| t.text.as_str());
    // "I know I have the dentist this week, just not what time": told first, asked then.
    let asks_later = utterance.tokens.iter().skip(1).any(|t| {
        matches!(t.text.as_str(), "what" | "when" | "which" | "where" | "who" | "how" | "whether" | "why")
    });
    if asks_later && utterance.tokens.len() > 4 {
        return false;
    }
    match word(0) {
        // Told to do what is no skill of this program: "set the temperature to 70".
        "set" | "turn" | "play" | "order" | "email" | "send" | "text" | "switch" | "write" => true,
        "schedule" | "book" | "create" | "make" | "plan" | "cancel" => {
            matches!(word(1), "a" | "an" | "the" | "my" | "another")
        }
        "i" | "we" | "he" | "she" | "they" => true,
        "it" | "that" | "there" | "this" => !utterance.whens.iter().any(|s| s.range.start == 0),
        _ => false,
    }
}

const PRONOUNS: [&str; 12] =
    ["it", "that", "this", "them", "those", "he", "she", "him", "his", "her", "they", "one"];

/// "When is his next appointment": somebody who was talked about, never the one who asks.
pub(crate) const THIRD_PERSON: [&str; 5] = ["he", "she", "him", "his", "her"];

fn weigh(
    concept: &Concept,
    pattern: usize,
    utterance: Utterance<'_>,
    places: &HashMap<&str, Vec<usize>>,
    situation: Situation<'_>,
) -> Option<Found> {
    let tokens = utterance.tokens;
    let mut covered = vec![false; tokens.len()];
    let mut score = 0;
    for group in &concept.need {
        if !group.find(tokens, places, &mut covered) {
            return None;
        }
        score += 10;
    }
    let mut captures: Vec<Capture> = Vec::new();
    let mut remembered = Vec::new();
    let take = |kind: Kind, captures: &mut Vec<Capture>, covered: &mut [bool]| -> bool {
        let ranges: Vec<Range<usize>> = if kind == Kind::When {
            utterance.whens.iter().map(|s| s.range.clone()).collect()
        } else {
            utterance.mentions.iter().filter(|m| m.kind == kind).map(|m| m.range.clone()).collect()
        };
        let mut taken = false;
        let is_free = |range: &Range<usize>, covered: &[bool]| !covered[range.clone()].iter().all(|c| *c);
        let some_free = ranges.iter().any(|r| is_free(r, covered));
        for range in &ranges {
            // Somebody called Bill is not meant by "when is my electric bill due", nor is "pay" the category of
            // "what did we pay for electricity".
            if !is_free(range, covered) && (kind == Kind::Person || some_free) {
                continue;
            }
            taken = true;
            covered[range.clone()].fill(true);
            captures.push(Capture { kind, range: range.clone(), known: true });
        }
        taken
    };
    for &kind in &concept.requires {
        if take(kind, &mut captures, &mut covered) {
            score += 8;
        } else if situation.remembered.contains(&kind) && PRONOUNS.iter().any(|p| places.contains_key(p)) {
            remembered.push(kind);
            score += 4;
        } else {
            return None;
        }
    }
    // "next" forbids "next appointment", not "next week".
    let in_time = |i: usize| utterance.whens.iter().any(|s| s.range.contains(&i));
    let mut vetoed = vec![false; tokens.len()];
    concept.not.iter().for_each(|group| {
        group.find(tokens, places, &mut vetoed);
    });
    if (0..tokens.len()).any(|i| vetoed[i] && !in_time(i)) {
        return None;
    }
    for &kind in &concept.slots {
        if take(kind, &mut captures, &mut covered) {
            score += 3;
        } else if kind == Kind::Person
            && situation.remembered.contains(&kind)
            && THIRD_PERSON.iter().any(|p| places.contains_key(p))
        {
            remembered.push(kind);
        }
    }
    for group in &concept.any {
        if group.find(tokens, places, &mut covered) {
            score += 2;
        }
    }
    let is_content = |i: usize| {
        let word = tokens[i].text.as_str();
        is_content_word(word) && word != "'s"
    };
    let explained = (0..tokens.len()).filter(|&i| covered[i] && is_content(i)).count();
    let unexplained = (0..tokens.len()).filter(|&i| !covered[i] && is_content(i)).count();
    if unexplained > 0 {
        let strays = (0..tokens.len()).filter(|&i| !covered[i] && is_content(i));
        let narrowing = strays.filter(|&i| narrows(tokens, &covered, i)).count();
        let personal = situation.asked || is_personal(utterance);
        // One word that narrows is forgiven in a sentence that is otherwise clear; words beside the question are when it
        // is about somebody's own records and most of it was understood.
        let clear = unexplained == 1 && explained >= 5;
        let beside = narrowing == 0 && personal && unexplained <= 2 && unexplained < explained;
        if !(clear || beside) {
            return None;
        }
    }
    score -= 12 * unexplained as i32;
    Some(Found { pattern, captures, set: concept.set.clone(), remembered, score, unexplained })
}

/// Whether an unexplained word says which of the things is meant ("massage appointment", "allergic to kiwi"): leaving it
/// out would answer another question. Words of a clause beside the question do not.
fn narrows(tokens: &[Token], covered: &[bool], at: usize) -> bool {
    const TOWARDS: [&str; 12] =
        ["with", "for", "about", "against", "to", "of", "from", "by", "on", "at", "in", "than"];
    // Directly before a word that was understood: an adjective of it.
    if covered.get(at + 1).copied().unwrap_or(false) && !is_function_word(&tokens[at + 1].text) {
        return true;
    }
    let mut before = at;
    while before > 0 {
        before -= 1;
        let word = tokens[before].text.as_str();
        if TOWARDS.contains(&word) {
            return true;
        }
        let passes = covered[before] && !is_function_word(word);
        if !matches!(word, "the" | "a" | "an" | "my" | "our" | "that" | "this" | "his" | "her" | "'s")
            || passes
        {
            return false;
        }
    }
    false
}

/// Whether it is asked about somebody: the records hold nothing about the world at large.
fn is_personal(utterance: Utterance<'_>) -> bool {
    const OWN: [&str; 9] = ["i", "me", "my", "mine", "we", "us", "our", "am", "myself"];
    utterance.tokens.iter().any(|t| OWN.contains(&t.text.as_str()))
        || utterance.mentions.iter().any(|m| m.kind == Kind::Person)
}

/// Slots by kind, for tests and golden files.
pub fn slot_texts(found: &Found, tokens: &[Token]) -> BTreeMap<&'static str, String> {
    let mut out: BTreeMap<&'static str, String> = BTreeMap::new();
    for capture in &found.captures {
        out.entry(capture.kind.name())
            .or_insert_with(|| super::normalise::joined(&tokens[capture.range.clone()]));
    }
    for (kind, value) in &found.set {
        out.entry(kind.name()).or_insert_with(|| value.clone());
    }
    out
}
