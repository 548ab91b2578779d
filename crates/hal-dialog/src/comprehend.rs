//! From words to what is asked: readings of an utterance, follow-ups, spelling, several sentences, corrections.

use std::collections::BTreeMap;

use crate::brain::{Brain, Question};
use crate::memory::Memory;
use crate::turn::{Slot, Slots};
use crate::understand;
use crate::understand::daytime;
use crate::understand::matcher::{Found, Matcher, Situation, is_content_word, is_function_word};
use crate::understand::moment::Moment;
use crate::understand::names::{Entity, Kind, Lexicon, Mention};
use crate::understand::normalise::{Token, core, joined, surface, tokens};
use crate::understand::template::Utterance;
use crate::understand::when::{self, Span};

/// Hypotheses of a recogniser that are looked at; later ones are noise.
const HYPOTHESES_MAX: usize = 5;

/// One way the words can be read.
pub(crate) struct Reading {
    pub tokens: Vec<Token>,
    pub mentions: Vec<Mention>,
    pub whens: Vec<Span>,
    pub times: Vec<daytime::Span>,
    pub asked: bool,
}

/// What will be answered: the ask and its slots.
pub(crate) struct Understood {
    pub ask: usize,
    pub slots: Slots,
    pub tokens: Vec<Token>,
    pub unexplained: usize,
}

/// The best understanding over all hypotheses: the first that leaves nothing unexplained, else the least unexplained.
pub(crate) fn understand(
    brain: &Brain,
    memory: &Memory,
    lexicon: &Lexicon,
    q: &Question<'_>,
) -> Option<Understood> {
    let mut best: Option<Understood> = None;
    let whole = || q.hypotheses.iter().take(HYPOTHESES_MAX);
    for text in whole() {
        if let Some(found) = corrected_self(brain, memory, lexicon, q, text) {
            return Some(found);
        }
        nearer(&mut best, understand_text(brain, memory, lexicon, q, text));
        if best.as_ref().is_some_and(|b| b.unexplained == 0) {
            return best;
        }
    }
    if best.is_some() {
        return best;
    }
    // Of several sentences or clauses one is the question; the others say what it is about.
    for text in whole() {
        let parts = understand::normalise::clauses(text);
        if parts.len() < 2 {
            continue;
        }
        let spoken_of: Vec<_> = parts.iter().map(|part| topics(brain, lexicon, q.now, part)).collect();
        for &part in parts.iter().rev() {
            let others = (0..parts.len()).filter(|&other| parts[other] != part);
            let rest: Vec<&str> = others.clone().map(|other| parts[other]).collect();
            let beside = others.flat_map(|other| spoken_of[other].iter().cloned()).collect();
            nearer(&mut best, understand_part(brain, memory, lexicon, q, part, &rest, beside));
            if best.as_ref().is_some_and(|b| b.unexplained == 0) {
                return best;
            }
        }
    }
    best
}

/// One clause as the question, with the others and what they speak of.
fn understand_part(
    brain: &Brain,
    memory: &Memory,
    lexicon: &Lexicon,
    q: &Question<'_>,
    part: &str,
    rest: &[&str],
    beside: Vec<(Kind, Slot)>,
) -> Option<Understood> {
    // "Have we got pet insurance, what is the number": without the pet the answer would be about another thing.
    if beside
        .iter()
        .any(|(_, slot)| !slot.entities.is_empty() && slot.entities.iter().all(|e| e.id.is_empty()))
    {
        return None;
    }
    let reminded = memory.reminded_of(beside.iter().cloned());
    let alone = understand_text(brain, &reminded, lexicon, q, part).filter(|found| {
        // A clause with nothing of its own ("what day was it") asks about the other.
        let more = !beside.is_empty()
            || rest.iter().any(|text| tokens(text).iter().any(|t| is_content_word(&t.text)));
        !more || !GENERAL.contains(&brain.asks[found.ask].intent.as_str())
    });
    let mut found = match alone {
        Some(found) => found,
        // "I have the dentist this week, what time": the question first, then what it is about.
        None => {
            let words: Vec<Token> = std::iter::once(&part)
                .chain(rest)
                .flat_map(|text| {
                    let words = tokens(text);
                    words[core(&words)].to_vec()
                })
                .collect();
            one_reading(brain, memory, lexicon, &read(words, lexicon, &brain.matcher, q.now))?
        }
    };
    // Whoever is named beside the question is whom it is about.
    let person = beside.into_iter().find(|(kind, _)| *kind == Kind::Person);
    if let Some((kind, slot)) = person
        && brain.asks[found.ask].slots.contains(&kind)
    {
        found.slots.entry(kind).or_insert(slot);
    }
    Some(found)
}

/// Intents that are about no record: a clause beside names is none of these.
const GENERAL: [&str; 4] = ["GENERAL", "DATE", "TIME", "HELP"];

/// What was not understood, as words to be looked for; only what is asked about somebody's own life.
pub(crate) fn searched(brain: &Brain, lexicon: &Lexicon, q: &Question<'_>, text: &str) -> Option<Understood> {
    let ask = brain.asks.iter().position(|ask| ask.fallback)?;
    let reading = read(tokens(text), lexicon, &brain.matcher, q.now);
    const ASKS: [&str; 12] =
        ["what", "when", "where", "who", "which", "how", "did", "do", "is", "was", "are", "have"];
    let asks = reading.asked || reading.tokens.iter().any(|t| ASKS.contains(&t.text.as_str()));
    if !asks {
        return None;
    }
    let mut slots = Slots::new();
    for mention in reading.mentions.iter().filter(|m| m.kind == Kind::Person && !m.entities.is_empty()) {
        slots.entry(Kind::Person).or_insert_with(|| slot_of(mention, &reading, lexicon));
    }
    // Time is no word to look for.
    let timeless =
        (0..reading.tokens.len()).filter(|i| !reading.whens.iter().any(|span| span.range.contains(i)));
    let tokens = timeless.map(|i| reading.tokens[i].clone()).collect();
    Some(Understood { ask, slots, tokens, unexplained: 0 })
}

/// Keeps the understanding that explains more.
fn nearer(best: &mut Option<Understood>, found: Option<Understood>) {
    if let Some(found) = found
        && best.as_ref().is_none_or(|b| found.unexplained < b.unexplained)
    {
        *best = Some(found);
    }
}

/// One text as it was written and, where that is not clear, as it was probably meant.
fn understand_text(
    brain: &Brain,
    memory: &Memory,
    lexicon: &Lexicon,
    q: &Question<'_>,
    text: &str,
) -> Option<Understood> {
    let words = tokens(text);
    let mut best = one_reading(brain, memory, lexicon, &read(words.clone(), lexicon, &brain.matcher, q.now));
    if best.as_ref().is_none_or(|b| b.unexplained > 0)
        && let Some(words) = correct(brain, lexicon, &words, q.spoken)
    {
        nearer(&mut best, one_reading(brain, memory, lexicon, &read(words, lexicon, &brain.matcher, q.now)));
    }
    best
}

/// What a clause speaks of: what "it" and "she" in the clause beside it stand for.
fn topics(brain: &Brain, lexicon: &Lexicon, now: Moment, text: &str) -> Vec<(Kind, Slot)> {
    let reading = read(tokens(text), lexicon, &brain.matcher, now);
    reading.mentions.iter().map(|mention| (mention.kind, slot_of(mention, &reading, lexicon))).collect()
}

/// "How much on gas last month, no wait, I mean this year": the last word counts, for the rest the first question does.
fn corrected_self(
    brain: &Brain,
    memory: &Memory,
    lexicon: &Lexicon,
    q: &Question<'_>,
    text: &str,
) -> Option<Understood> {
    let (before, after) = understand::normalise::correction(text)?;
    let whole = understand_text(brain, memory, lexicon, q, after);
    if whole.as_ref().is_some_and(|found| found.unexplained == 0 && found.slots.len() > 1) {
        return whole;
    }
    let Some(first) = understand_text(brain, memory, lexicon, q, before) else { return whole };
    let said = memory.after(first.ask, first.slots.clone());
    let changed =
        exchanged(brain, &said, lexicon, &read(tokens(after), lexicon, &brain.matcher, q.now), true);
    changed.filter(|found| found.unexplained == 0).or(whole).or(Some(first))
}

pub(crate) fn read(words: Vec<Token>, lexicon: &Lexicon, skills: &Matcher, now: Moment) -> Reading {
    let words = possessives(understand::normalise::without_asides(words), lexicon);
    let range = core(&words);
    let asked = range.start > 0;
    let tokens = without_denied(words[range].to_vec(), lexicon);
    let mut mentions = lexicon.mentions(&tokens);
    mentions.extend(unknown_doctors(&tokens, &mentions, lexicon, skills));
    let whens = when::find(&tokens, now);
    let times = daytime::find(&tokens);
    Reading { tokens, mentions, whens, times, asked }
}

/// "Not the metformin, the lisinopril": what is denied is not meant when another of its kind is named.
fn without_denied(mut tokens: Vec<Token>, lexicon: &Lexicon) -> Vec<Token> {
    let mentions = lexicon.mentions(&tokens);
    let denied = mentions.iter().find_map(|m| {
        let article = m
            .range
            .start
            .checked_sub(1)
            .filter(|&i| matches!(tokens[i].text.as_str(), "the" | "my" | "her" | "his"));
        let not = article.unwrap_or(m.range.start).checked_sub(1).filter(|&i| tokens[i].text == "not")?;
        let others =
            mentions.iter().any(|o| o.kind == m.kind && o.range != m.range && o.entities != m.entities);
        // "I am not taking the metformin" denies no name.
        others.then_some(not..m.range.end)
    });
    if let Some(range) = denied {
        tokens.drain(range);
    }
    tokens
}

/// "Doctor Okafor" whom no record has: a doctor all the same, about whom nothing is recorded.
fn unknown_doctors(
    tokens: &[Token],
    mentions: &[Mention],
    lexicon: &Lexicon,
    skills: &Matcher,
) -> Vec<Mention> {
    let known = |at: usize| mentions.iter().any(|m| m.kind == Kind::Doctor && m.range.contains(&at));
    (1..tokens.len())
        .filter(|&at| {
            let name = &tokens[at];
            tokens[at - 1].text == "doctor"
                && !known(at)
                && !is_function_word(&name.text)
                && !lexicon.knows_word(&name.text)
                && !skills.knows_word(&name.text)
                && !TIME_WORDS.contains(&name.text.as_str())
        })
        .map(|at| Mention { kind: Kind::Doctor, range: at - 1..at + 1, entities: Vec::new() })
        .collect()
}

/// "moms medication list", "the dentists number": the apostrophe that fingers and recognisers leave out.
fn possessives(words: Vec<Token>, lexicon: &Lexicon) -> Vec<Token> {
    let mut out = Vec::with_capacity(words.len());
    let last = words.len().saturating_sub(1);
    for (i, mut token) in words.into_iter().enumerate() {
        let owner = token.text.strip_suffix('s').map(understand::normalise::one_spelling);
        match owner.filter(|owner| i < last && lexicon.owns(owner, &token.text)) {
            Some(owner) => {
                token.text = owner;
                out.push(token);
                out.push(Token { text: "'s".into(), surface: String::new(), corrected: false });
            }
            None => out.push(token),
        }
    }
    out
}

fn one_reading(brain: &Brain, memory: &Memory, lexicon: &Lexicon, reading: &Reading) -> Option<Understood> {
    if let Some(understood) = follow_up(brain, memory, lexicon, reading) {
        return Some(understood);
    }
    let found = best(brain, memory, reading)?;
    Some(Understood {
        slots: slots_of(&found, reading, lexicon, &memory.topic),
        ask: found.pattern,
        tokens: reading.tokens.clone(),
        unexplained: found.unexplained,
    })
}

fn best(brain: &Brain, memory: &Memory, reading: &Reading) -> Option<Found> {
    let utterance = Utterance {
        tokens: &reading.tokens,
        mentions: &reading.mentions,
        whens: &reading.whens,
        times: &reading.times,
    };
    let remembered: Vec<Kind> = memory.topic.keys().copied().collect();
    let intent = memory.last.as_ref().map(|last| brain.asks[last.ask].intent.as_str());
    brain.matcher.best(utterance, Situation { remembered: &remembered, intent, asked: reading.asked })
}

/// Ways to say "the same, but for …".
const FOLLOW_UPS: [&[&str]; 9] = [
    &["and", "what", "about"],
    &["and", "how", "about"],
    &["what", "about"],
    &["how", "about"],
    &["and", "for"],
    &["and", "in"],
    &["and", "on"],
    &["and"],
    &["also"],
];

/// "And yesterday?", "what about Emma?": the last question with a slot exchanged.
fn follow_up(brain: &Brain, memory: &Memory, lexicon: &Lexicon, reading: &Reading) -> Option<Understood> {
    exchanged(brain, memory, lexicon, reading, false)
}

/// `surely`: the words are known to correct the last question, even if they could be one of their own.
fn exchanged(
    brain: &Brain,
    memory: &Memory,
    lexicon: &Lexicon,
    reading: &Reading,
    surely: bool,
) -> Option<Understood> {
    let last = memory.last.as_ref()?;
    let opening = FOLLOW_UPS.iter().find(|words| {
        reading.tokens.len() > words.len() && words.iter().zip(&reading.tokens).all(|(w, t)| *w == t.text)
    });
    let skip = match opening {
        // "and on friday": the preposition belongs to the time.
        Some(words) if words.len() == 2 && words[0] == "and" && words[1] != "for" => 1,
        Some(words) if words.len() == 3 || words.len() == 2 => words.len(),
        Some(words) => words.len(),
        None => 0,
    };
    let rest = Reading {
        tokens: reading.tokens[skip..].to_vec(),
        mentions: shift(&reading.mentions, skip),
        whens: reading
            .whens
            .iter()
            .filter(|s| s.range.start >= skip)
            .map(|s| Span { range: s.range.start - skip..s.range.end - skip, ..s.clone() })
            .collect(),
        times: Vec::new(),
        asked: true,
    };
    let accepted = &brain.asks[last.ask].slots;
    let mut covered = vec![false; rest.tokens.len()];
    let mut slots = last.slots.clone();
    let mut exchanged = false;
    let mut longest: Vec<&Mention> = rest.mentions.iter().filter(|m| accepted.contains(&m.kind)).collect();
    longest.sort_by_key(|m| std::cmp::Reverse(m.range.len()));
    for mention in longest {
        if covered[mention.range.clone()].iter().any(|c| *c) {
            continue;
        }
        covered[mention.range.clone()].fill(true);
        slots.insert(mention.kind, slot_of(mention, &rest, lexicon));
        exchanged = true;
    }
    for span in rest.whens.iter().filter(|_| accepted.contains(&Kind::When)) {
        covered[span.range.clone()].fill(true);
        let text = joined(&rest.tokens[span.range.clone()]);
        slots.insert(Kind::When, Slot { text, entities: Vec::new(), when: Some(span.clone()) });
        exchanged = true;
    }
    let mine = rest.tokens.iter().any(|t| matches!(t.text.as_str(), "me" | "mine" | "my"));
    if opening.is_some()
        && mine
        && last.slots.contains_key(&Kind::Person)
        && !rest.mentions.iter().any(|m| m.kind == Kind::Person)
    {
        slots.remove(&Kind::Person);
        exchanged = true;
    }
    let small =
        |i: usize| covered[i] || is_function_word(&rest.tokens[i].text) || rest.tokens[i].text == "'s";
    let all_explained = (0..rest.tokens.len()).all(small);
    if exchanged && all_explained && (surely || opening.is_some() || best(brain, memory, reading).is_none()) {
        return Some(Understood { ask: last.ask, slots, tokens: rest.tokens, unexplained: 0 });
    }
    // "what about my weight": a question of its own that borrows the time and the person.
    opening?;
    let found = best(brain, memory, &rest)?;
    let mut slots = slots_of(&found, &rest, lexicon, &memory.topic);
    for kind in [Kind::When, Kind::Person] {
        let wanted = brain.asks[found.pattern].slots.contains(&kind) && !slots.contains_key(&kind) && !mine;
        if let (true, Some(slot)) = (wanted, last.slots.get(&kind)) {
            slots.insert(kind, slot.clone());
        }
    }
    Some(Understood {
        ask: found.pattern,
        slots,
        tokens: rest.tokens.clone(),
        unexplained: found.unexplained,
    })
}

fn shift(mentions: &[Mention], skip: usize) -> Vec<Mention> {
    mentions
        .iter()
        .filter(|m| m.range.start >= skip)
        .map(|m| Mention { range: m.range.start - skip..m.range.end - skip, ..m.clone() })
        .collect()
}

fn slot_of(mention: &Mention, reading: &Reading, lexicon: &Lexicon) -> Slot {
    Slot {
        text: joined(&reading.tokens[mention.range.clone()]),
        entities: mention.entities.iter().map(|&e| lexicon.entities[e].clone()).collect(),
        when: None,
    }
}

/// What fills the slots of an understanding; the first mention of a kind counts, the nearest day of two times.
pub(crate) fn slots_of(found: &Found, reading: &Reading, lexicon: &Lexicon, topic: &Slots) -> Slots {
    let mut slots: Slots = BTreeMap::new();
    for (kind, id) in &found.set {
        // "What is that doctor's number": the one that the talk is about.
        let pointed = reading
            .tokens
            .windows(2)
            .any(|w| matches!(w[0].text.as_str(), "that" | "this") && w[1].text == "doctor");
        if let (Kind::Doctor, true, Some(slot)) = (*kind, pointed, topic.get(kind)) {
            slots.insert(*kind, slot.clone());
            continue;
        }
        let entities = lexicon.entities.iter().filter(|e| e.kind == *kind && e.id == *id).cloned().collect();
        slots.insert(*kind, Slot { text: id.clone(), entities, when: None });
    }
    for kind in &found.remembered {
        slots.extend(topic.get(kind).map(|slot| (*kind, slot.clone())));
    }
    for capture in &found.captures {
        let words = &reading.tokens[capture.range.clone()];
        let mention = reading.mentions.iter().find(|m| m.kind == capture.kind && m.range == capture.range);
        let slot = match (capture.kind, mention) {
            (Kind::When, _) => {
                let span = reading.whens.iter().find(|s| s.range == capture.range).cloned();
                Slot { text: joined(words), entities: Vec::new(), when: span }
            }
            (_, Some(mention)) => slot_of(mention, reading, lexicon),
            (kind, None) if kind.is_free() => Slot { text: surface(words), entities: Vec::new(), when: None },
            (_, None) => Slot { text: joined(words), entities: Vec::new(), when: None },
        };
        // "on gas and parking" asks for both.
        if let (Kind::Category, Some(old)) = (capture.kind, slots.get_mut(&Kind::Category)) {
            if !slot.entities.iter().any(|e| old.entities.contains(e))
                && slot.entities.iter().any(|e| !e.id.is_empty())
            {
                old.text = format!("{} and {}", old.text, slot.text);
                old.entities.extend(slot.entities);
            }
            continue;
        }
        // "My neighbour Walter": both names, one person.
        if let (Kind::Person, Some(old)) = (capture.kind, slots.get_mut(&Kind::Person)) {
            let both: Vec<Entity> =
                old.entities.iter().filter(|e| slot.entities.contains(e)).cloned().collect();
            if !both.is_empty() && both.len() < old.entities.len() {
                old.entities = both;
                continue;
            }
        }
        // Names that no record has give way to names that one has.
        let better = slots.get(&capture.kind).is_none_or(|old| {
            old.when.is_none()
                && old.entities.iter().all(|e| e.id.is_empty())
                && slot.entities.iter().any(|e| !e.id.is_empty())
        });
        if better {
            slots.insert(capture.kind, slot);
        }
    }
    slots
}

/// The utterance with unknown words replaced by what was probably meant; `None` when nothing changes.
///
/// Typed words are compared by letters with everything known, heard words by sound with names.
fn correct(brain: &Brain, lexicon: &Lexicon, words: &[Token], spoken: bool) -> Option<Vec<Token>> {
    let mut out = words.to_vec();
    let mut changed = false;
    for i in 0..out.len() {
        // After a first name a surname is likelier than any other word.
        let in_name =
            i > 0 && lexicon.knows_word(&out[i - 1].text) && !brain.matcher.knows_word(&out[i - 1].text);
        let token = &mut out[i];
        let word = token.text.as_str();
        let known = !is_content_word(word)
            || brain.matcher.knows_word(word)
            || lexicon.knows_word(word)
            || TIME_WORDS.contains(&word);
        if known || word.chars().count() < 4 || word.chars().any(|c| c.is_ascii_digit()) {
            continue;
        }
        let better = if spoken {
            lexicon.sounds_like(word).map(String::from)
        } else {
            nearest(brain, lexicon, word, in_name)
        };
        if let Some(better) = better {
            token.text = better;
            token.corrected = true;
            changed = true;
        }
    }
    changed.then_some(out)
}

/// Words of time phrases, which are in no skill's vocabulary.
const TIME_WORDS: [&str; 36] = [
    "today",
    "tonight",
    "tomorrow",
    "yesterday",
    "morning",
    "afternoon",
    "evening",
    "night",
    "weekend",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "days",
    "quarter",
    "noon",
];

fn nearest(brain: &Brain, lexicon: &Lexicon, word: &str, in_name: bool) -> Option<String> {
    let length = word.chars().count();
    if length < 5 {
        // "waht": of so few letters only two in the wrong order are told from another word.
        return understand::matcher::function_words()
            .map(|w| -> &str { w })
            .chain(brain.matcher.words())
            .filter(|w| is_swapped(word, w) || lost_one(word, w))
            .min()
            .map(str::to_owned);
    }
    let max = if length >= 9 { 2 } else { 1 };
    let known = brain.matcher.words().chain(lexicon.words());
    let known = known.chain(TIME_WORDS).chain(understand::matcher::function_words().map(|w| -> &str { w }));
    let mut best: Option<(usize, bool, &str)> = None;
    for candidate in known.filter(|w| w.len() >= 4) {
        let distance = understand::names::distance(word, candidate, max);
        // Of equals the first in the alphabet, so that the order of a hash set does not show.
        let other = in_name && !lexicon.knows_word(candidate);
        if distance <= max && best.is_none_or(|b| (distance, other, candidate) < b) {
            best = Some((distance, other, candidate));
        }
    }
    best.map(|(_, _, w)| w.to_string())
}

/// Whether `a` is `b` with two neighbouring letters exchanged.
fn is_swapped(a: &str, b: &str) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let differ: Vec<usize> = (0..a.len()).filter(|&i| a[i] != b[i]).collect();
    matches!(differ[..], [i, j] if j == i + 1 && a[i] == b[j] && a[j] == b[i])
}

/// Whether `long` is `short` with one letter more, not the first.
fn lost_one(short: &str, long: &str) -> bool {
    long.len() == short.len() + 1
        && long.as_bytes().first() == short.as_bytes().first()
        && understand::names::distance(short, long, 1) == 1
}
