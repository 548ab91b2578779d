//! From the words of a turn to its reply: control words, confirmations, follow-ups, then the best understanding.

use hal_db::Database;
use hal_wire::listener::Outcome;

use crate::brain::{Brain, Question, Reply};
use crate::comprehend::{Understood, searched, understand};
use crate::memory::{Last, Memory};
use crate::records::{Fault, Records};
use crate::skill::Run;
use crate::turn::{Answer, Pending, Said, Slot, Stop, Turn};
use crate::understand::control::{Assent, Control, Heard};
use crate::understand::matcher::THIRD_PERSON;
use crate::understand::names::Kind;
use crate::understand::normalise::{core, tokens};
use crate::write::{Change, Writer, Written, reversed, write};
use crate::{phrase, understand};

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
    let found = understood.or_else(|| searched(brain, &lexicon, q, first));
    let Some(mut understood) = found else { return not_understood(q, first) };
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
    let answer = if brain.writes { answer } else { without_change(answer) };
    if matches!(&answer, Ok(said) if said.outcome == Outcome::NotUnderstood) {
        return not_understood(q, first);
    }
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
        if said.outcome == Outcome::NotUnderstood {
            return Ok(said);
        }
        if said.outcome == Outcome::Answered { found.push(said.text) } else { nothing.push(said.text) }
    }
    turn.slots.insert(Kind::Person, group);
    // Who has nothing is left out when somebody has something.
    Ok(if found.is_empty() { Said::nothing(nothing.join(" ")) } else { Said::answered(found.join(" ")) })
}

/// What is said where nothing may be written: refused before anybody is asked to confirm it.
fn without_change(answer: Answer) -> Answer {
    let refused = |said: &Said| matches!(said.pending, Some(Pending::Write { .. }));
    // Not "answered", which a script would take for done; not "failed", which says that the records are out of reach.
    let refusal = || Said::nothing("I can read those records, but not change them.");
    match answer {
        Ok(said) if refused(&said) => Ok(refusal()),
        Err(Stop::Said(said)) if refused(&said) => Ok(refusal()),
        other => other,
    }
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
    let heard = Heard::new(first);
    if let Some(assent) = heard.assent() {
        if let Some(pending) = memory.pending.take() {
            return Some(answer_pending(db, memory, q, pending, assent));
        }
        return Some(match assent {
            Assent::Yes => plain("There is nothing to confirm.", "CONTROL", "control_yes", Outcome::Answered),
            Assent::No => plain("All right.", "CONTROL", "control_no", Outcome::Answered),
        });
    }
    if heard.is_undo(first) {
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
    Some(match heard.control()? {
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
