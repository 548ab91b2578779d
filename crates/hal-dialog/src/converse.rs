//! From the words of a turn to its reply: control words, confirmations, follow-ups, then the best understanding.

use std::collections::BTreeMap;

use hal_db::Database;
use hal_wire::listener::Outcome;

use crate::brain::{Brain, Question, Reply};
use crate::memory::{Last, Memory};
use crate::records::{Fault, Records};
use crate::skill::Run;
use crate::turn::{Answer, Pending, Said, Slot, Slots, Stop, Turn};
use crate::understand::control::{Assent, Control, assent, control, is_undo};
use crate::understand::daytime;
use crate::understand::matcher::{Found, Situation, THIRD_PERSON, is_filler, is_function_word};
use crate::understand::moment::Moment;
use crate::understand::names::{Kind, Lexicon, Mention};
use crate::understand::normalise::{Token, core, joined, surface, tokens};
use crate::understand::template::Utterance;
use crate::understand::when::{self, Span};
use crate::write::{Change, Writer, Written, reversed, write};
use crate::{phrase, understand};

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

pub(crate) fn reply(brain: &Brain, db: &Database, memory: &mut Memory, q: &Question<'_>) -> Reply {
    memory.expire(q.now.unix_ms);
    let first = q.hypotheses.first().map_or("", String::as_str);
    if let Some(reply) = steering(db, memory, q, first) {
        return reply;
    }
    let snapshot = match db.snapshot() {
        Ok(snapshot) => snapshot,
        Err(_) => return failed("UNKNOWN", "unknown"),
    };
    let records = Records::new(&snapshot, q.now);
    let person = q.user.person.as_deref();
    let Ok(lexicon) = brain.lexicons.get(&snapshot, &records, &brain.synonyms, person) else {
        return failed("UNKNOWN", "unknown");
    };
    records.forget_files();
    let chosen = choice(memory, first);
    let understood = match chosen {
        Some(understood) => Some(understood),
        None => understand(brain, memory, &lexicon, q),
    };
    let Some(mut understood) = understood else { return not_understood(q, first) };
    let ask = &brain.asks[understood.ask];
    if ask.continues {
        understood.slots.extend(memory.last.iter().flat_map(|last| last.slots.clone()));
    } else if let Some(word) = somebody_unknown(&understood, &ask.slots) {
        let text = format!("I do not know whom you mean by \"{word}\". Ask again with the name.");
        return plain(text, &ask.intent, &ask.action, Outcome::NotUnderstood);
    }
    // Whatever was waiting is void once something else was asked.
    memory.pending = None;
    let mut turn = Turn {
        records: &records,
        now: q.now,
        user: q.user,
        session: q.session,
        ask: &brain.asks[understood.ask],
        ask_index: understood.ask,
        slots: understood.slots,
        tokens: &understood.tokens,
        writes: memory.writes,
        last_question: memory.last_question.clone(),
        after: memory.last.as_ref().and_then(|last| last.at),
        offers: &brain.offers,
    };
    let answer = for_each(&mut turn);
    let reply = finish(memory, &turn, answer);
    memory.last_question = Some(first.to_string());
    reply
}

/// "His" or "she" when nobody was talked about: the answer must not be about the one who asks.
fn somebody_unknown(understood: &Understood, accepted: &[Kind]) -> Option<String> {
    if !accepted.contains(&Kind::Person)
        || understood.slots.keys().any(|k| matches!(k, Kind::Person | Kind::Doctor) || k.is_free())
    {
        return None;
    }
    let word = understood.tokens.iter().find(|t| THIRD_PERSON.contains(&t.text.as_str()))?;
    Some(word.text.clone())
}

fn run(turn: &Turn<'_>) -> Answer {
    match &turn.ask.run {
        Run::Code(handler) => handler(turn),
        Run::Data { query, say } => phrase::answer(turn, query.as_deref(), say),
    }
}

/// Answers the ask; for "my kids" or "the family" one person after the other.
fn for_each(turn: &mut Turn<'_>) -> Answer {
    let group = turn
        .slot(Kind::Person)
        .filter(|s| s.entities.len() > 1 && crate::lexicon::is_group(&s.text))
        .cloned();
    let Some(group) = group else { return run(turn) };
    let (mut found, mut nothing) = (Vec::new(), Vec::new());
    for entity in &group.entities {
        let one = Slot { text: entity.shown.clone(), entities: vec![entity.clone()], when: None };
        turn.slots.insert(Kind::Person, one);
        let said = match run(turn) {
            Ok(said) => said,
            Err(Stop::Said(said)) => *said,
            Err(fault) => return Err(fault),
        };
        if said.outcome == Outcome::Answered { found.push(said.text) } else { nothing.push(said.text) }
    }
    turn.slots.insert(Kind::Person, group);
    // Who has nothing is left out when somebody has something.
    Ok(if found.is_empty() { Said::nothing(nothing.join(" ")) } else { Said::answered(found.join(" ")) })
}

fn finish(memory: &mut Memory, turn: &Turn<'_>, answer: Answer) -> Reply {
    let said = match answer {
        Ok(said) => said,
        Err(Stop::Said(said)) => *said,
        Err(Stop::Fault(Fault::Database(_) | Fault::Query { .. })) => {
            return failed(&turn.ask.intent, &turn.ask.action);
        }
    };
    let now_ms = turn.now.unix_ms;
    memory.remember(&turn.slots, now_ms);
    memory.remember(&said.topic, now_ms);
    // "And the one after that?" leaves the question what it was: "what about my wife" means that one.
    let ask = memory.last.as_ref().filter(|_| turn.ask.continues).map_or(turn.ask_index, |last| last.ask);
    memory.last = Some(Last { ask, slots: turn.slots.clone(), at: said.at });
    if let Some(pending) = said.pending {
        memory.wait_for(pending, now_ms);
    }
    Reply {
        text: said.text,
        speech: None,
        intent: turn.ask.intent.clone(),
        action: turn.ask.action.clone(),
        outcome: said.outcome,
        files: turn.records.files(),
    }
}

fn plain(text: impl Into<String>, intent: &str, action: &str, outcome: Outcome) -> Reply {
    Reply {
        text: text.into(),
        speech: None,
        intent: intent.into(),
        action: action.into(),
        outcome,
        files: Vec::new(),
    }
}

fn failed(intent: &str, action: &str) -> Reply {
    plain("I cannot read my records just now.", intent, action, Outcome::Failed)
}

fn not_understood(q: &Question<'_>, first: &str) -> Reply {
    const OFFER: &str = "I can answer about your medications, allergies, appointments, measurements, spending, tasks, shopping list and people.";
    let text = match (first.trim().is_empty(), q.spoken) {
        (true, _) => "I did not catch that.".to_string(),
        (false, true) => format!("I did not catch that. {OFFER}"),
        (false, false) => format!("I did not understand that. {OFFER}"),
    };
    plain(text, "UNKNOWN", "unknown", Outcome::NotUnderstood)
}

/// Control words, yes and no, undo: whole utterances that need no reading.
fn steering(db: &Database, memory: &mut Memory, q: &Question<'_>, first: &str) -> Option<Reply> {
    if let Some(assent) = assent(first) {
        if let Some(pending) = memory.pending.take() {
            return Some(answer_pending(db, memory, q, pending, assent));
        }
        return Some(match assent {
            Assent::Yes => plain("There is nothing to confirm.", "CONTROL", "control_yes", Outcome::Answered),
            Assent::No => plain("All right.", "CONTROL", "control_no", Outcome::Answered),
        });
    }
    if is_undo(first) {
        if memory.pending.take().is_some() {
            return Some(plain(
                "All right, I did not change anything.",
                "CONTROL",
                "control_undo",
                Outcome::Answered,
            ));
        }
        return Some(undo(db, memory, q));
    }
    Some(match control(first)? {
        Control::Stop => {
            memory.pending = None;
            plain("Okay.", "CONTROL", "control_stop", Outcome::Answered)
        }
        Control::Hold => plain("I am waiting.", "CONTROL", "control_hold", Outcome::Answered),
        Control::Goodbye => plain("Goodbye.", "CONTROL", "control_goodbye", Outcome::Answered),
        Control::Repeat => match &memory.said {
            Some(said) => Reply { intent: "CONTROL".into(), action: "control_repeat".into(), ..said.clone() },
            None => {
                plain("I have not said anything yet.", "CONTROL", "control_repeat", Outcome::NothingFound)
            }
        },
    })
}

fn answer_pending(
    db: &Database,
    memory: &mut Memory,
    q: &Question<'_>,
    pending: Pending,
    assent: Assent,
) -> Reply {
    match (pending, assent) {
        (Pending::Write { changes, done, undone }, Assent::Yes) => {
            let reply = make(db, memory, q, changes.clone(), "write", &done);
            if reply.outcome == Outcome::Answered {
                memory.undo = Some((changes, undone));
            }
            reply
        }
        (Pending::Write { .. }, Assent::No) => {
            plain("All right, I did not change anything.", "TASK", "task_cancel", Outcome::Answered)
        }
        (Pending::Choose { .. }, Assent::No) => {
            plain("All right.", "CONTROL", "control_no", Outcome::Answered)
        }
        (Pending::Choose { ask, slots, kind, candidates }, Assent::Yes) => {
            let names: Vec<String> = candidates.iter().map(|e| e.shown.clone()).collect();
            let text = format!("Which one: {}?", crate::turn::or_list(&names));
            memory.wait_for(Pending::Choose { ask, slots, kind, candidates }, q.now.unix_ms);
            plain(text, "CONTROL", "control_yes", Outcome::Asked)
        }
    }
}

fn undo(db: &Database, memory: &mut Memory, q: &Question<'_>) -> Reply {
    let Some((changes, undone)) = memory.undo.take() else {
        return plain("There is nothing to undo.", "CONTROL", "control_undo", Outcome::NothingFound);
    };
    let back = reversed(&changes);
    make(db, memory, q, back, "undo", &undone)
}

fn make(
    db: &Database,
    memory: &mut Memory,
    q: &Question<'_>,
    changes: Vec<Change>,
    what: &str,
    done: &str,
) -> Reply {
    memory.writes += 1;
    let files = changes.first().map(|c| c.file.clone()).into_iter().collect();
    let writer = Writer { user: &q.user.id, session: q.session, now: q.now };
    let action = format!("task_{what}");
    let (text, outcome) = match write(db, changes, what, writer) {
        Ok(Written::Done) => (done.to_string(), Outcome::Answered),
        Ok(Written::Moved) => (
            "That was changed in the meantime, so I left it as it is. Please ask again.".to_string(),
            Outcome::Failed,
        ),
        Err(_) => ("I cannot write my records just now.".to_string(), Outcome::Failed),
    };
    Reply { files, ..plain(text, "TASK", &action, outcome) }
}

/// The answer to "Which Sam?": a word that only one of the candidates has, or its place in the list.
fn choice(memory: &mut Memory, text: &str) -> Option<Understood> {
    let Some(Pending::Choose { ask, slots, kind, candidates }) = &memory.pending else { return None };
    let words = tokens(text);
    let words = &words[core(&words)];
    if words.is_empty() || words.len() > 5 {
        return None;
    }
    let by_name: Vec<usize> = (0..candidates.len())
        .filter(|&i| {
            let name = tokens(&candidates[i].shown);
            words.iter().any(|w| {
                name.iter().any(|n| n.text == w.text)
                    && candidates.iter().filter(|c| tokens(&c.shown).iter().any(|n| n.text == w.text)).count()
                        == 1
            })
        })
        .collect();
    let place = understand::normalise::ordinal(&words[usize::from(words[0].text == "the")..])
        .map(|(n, _)| n as usize)
        .filter(|n| (1..=candidates.len()).contains(n));
    let index = match (&by_name[..], place) {
        ([one], _) => *one,
        ([], Some(n)) => n - 1,
        _ => return None,
    };
    let mut slots = slots.clone();
    let entity = candidates[index].clone();
    slots.insert(*kind, Slot { text: entity.shown.clone(), entities: vec![entity], when: None });
    Some(Understood { ask: *ask, slots, tokens: words.to_vec(), unexplained: 0 })
}

/// The best understanding over all hypotheses: the first that leaves nothing unexplained, else the least unexplained.
pub(crate) fn understand(
    brain: &Brain,
    memory: &Memory,
    lexicon: &Lexicon,
    q: &Question<'_>,
) -> Option<Understood> {
    let mut best: Option<Understood> = None;
    let whole = q.hypotheses.iter().take(HYPOTHESES_MAX).map(String::as_str);
    // Of several sentences one is the question; they are tried when the whole is not one.
    let parts = whole.clone().flat_map(|text| {
        let parts = understand::normalise::sentences(text);
        if parts.len() > 1 { parts } else { Vec::new() }
    });
    for text in whole.chain(parts) {
        let words = tokens(text);
        for corrected in [false, true] {
            let words =
                if corrected { correct(brain, lexicon, &words, q.spoken) } else { Some(words.clone()) };
            let Some(words) = words else { continue };
            let reading = read(words, lexicon, q.now);
            let Some(found) = one_reading(brain, memory, lexicon, &reading) else { continue };
            if found.unexplained == 0 {
                return Some(found);
            }
            if best.as_ref().is_none_or(|b| found.unexplained < b.unexplained) {
                best = Some(found);
            }
        }
    }
    best
}

pub(crate) fn read(words: Vec<Token>, lexicon: &Lexicon, now: Moment) -> Reading {
    let words = possessives(understand::normalise::without_asides(words), lexicon);
    let range = core(&words);
    let asked = range.start > 0;
    let tokens = words[range].to_vec();
    let mentions = lexicon.mentions(&tokens);
    let whens = when::find(&tokens, now);
    let times = daytime::find(&tokens);
    Reading { tokens, mentions, whens, times, asked }
}

/// "moms medication list", "the dentists number": the apostrophe that fingers and recognisers leave out.
fn possessives(words: Vec<Token>, lexicon: &Lexicon) -> Vec<Token> {
    let mut out = Vec::with_capacity(words.len());
    let last = words.len().saturating_sub(1);
    for (i, mut token) in words.into_iter().enumerate() {
        let owner = token.text.strip_suffix('s').filter(|owner| i < last && lexicon.owns(owner, &token.text));
        match owner.map(str::to_owned) {
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
    if exchanged && all_explained && (opening.is_some() || best(brain, memory, reading).is_none()) {
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
        let known = is_function_word(word)
            || is_filler(word)
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
