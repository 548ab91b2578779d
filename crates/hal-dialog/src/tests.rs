//! The product through its front door: sentences to intents, answers over a small household, conversations.

use std::collections::BTreeMap;

use hal_db::{Database, Record};

use crate::brain::{Brain, Question, Reply, User};
use crate::comprehend::{read, understand};
use crate::lexicon;
use crate::memory::Memory;
use crate::records::Records;
use crate::understand::calendar::day_of;
use crate::understand::moment::Moment;
use crate::understand::names::Kind;
use hal_wire::listener::Outcome;

/// Tuesday, 24 November 2026, ten in the morning.
fn now() -> Moment {
    Moment { day: day_of(2026, 11, 24), second: 36_000, unix_ms: 1_795_514_400_000 }
}

fn user() -> User {
    User { id: "P001".into(), person: Some("P001".into()) }
}

/// The household of `golden/household.tbl`: a file name line, a header line, then records, cells parted by `|`.
///
/// `+3` and `-3` are days from today, `10:30` is a time, `;` parts values; everything else is stored as written.
fn household() -> Database {
    let db = Database::in_memory();
    hal_db::schema::ensure_household(&db).unwrap();
    let snapshot = db.snapshot().unwrap();
    let today = now().day;
    let mut file = "";
    let mut fields: Vec<usize> = Vec::new();
    let mut records: Vec<(String, String, Record)> = Vec::new();
    for line in
        include_str!("golden/household.tbl").lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#'))
    {
        if let Some(name) = line.strip_prefix('@') {
            let (name, header) = name.split_once(' ').expect("a file line names its fields");
            file = name;
            let dictionary = snapshot.dictionary(file).unwrap();
            fields = header
                .split('|')
                .map(|f| dictionary.data(f.trim()).unwrap_or_else(|| panic!("{file} {f}")).field)
                .collect();
            continue;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let mut record = Record::new();
        for (field, cell) in fields.iter().zip(&cells[1..]) {
            let signed =
                cell.strip_prefix('+').or(cell.strip_prefix('-')).and_then(|n| n.parse::<i64>().ok());
            let time = cell
                .split_once(':')
                .and_then(|(h, m)| Some(h.parse::<u32>().ok()? * 3600 + m.parse::<u32>().ok()? * 60));
            let text = match (signed, time) {
                // Cents are written with a blank after their sign.
                (Some(n), _) => (today + if cell.starts_with('-') { -n } else { n }).to_string(),
                (_, Some(second)) => second.to_string(),
                _ => cell.replace("- ", "-"),
            };
            for (place, value) in (1..).zip(text.split(';')) {
                record.replace(*field as i64, place, 0, value);
            }
        }
        records.push((file.to_string(), cells[0].to_string(), record));
    }
    db.write(move |txn| records.iter().try_for_each(|(file, id, record)| txn.write(file, id, record)))
        .unwrap();
    db
}

fn ask(brain: &Brain, db: &Database, memory: &mut Memory, text: &str, spoken: bool, at_s: i64) -> Reply {
    let hypotheses = [text.to_string()];
    let user = user();
    let mut moment = now();
    moment.unix_ms += at_s * 1000;
    brain.answer(
        db,
        memory,
        &Question { hypotheses: &hypotheses, spoken, session: "s", user: &user, now: moment },
    )
}

fn once(brain: &Brain, db: &Database, text: &str) -> Reply {
    ask(brain, db, &mut Memory::default(), text, false, 0)
}

/// Action and slots of a sentence, `none` when it is declined.
fn meaning(brain: &Brain, db: &Database, memory: &Memory, text: &str) -> (String, BTreeMap<String, String>) {
    let snapshot = db.snapshot().unwrap();
    let records = Records::new(&snapshot, now());
    let lexicon = lexicon::read(&records, &brain.synonyms, Some("P001")).unwrap();
    let hypotheses = [text.to_string()];
    let user = user();
    let question = Question { hypotheses: &hypotheses, spoken: false, session: "s", user: &user, now: now() };
    match understand(brain, memory, &lexicon, &question) {
        None => ("none".into(), BTreeMap::new()),
        Some(found) => {
            let slots =
                found.slots.iter().map(|(kind, slot)| (kind.name().to_string(), slot.text.clone())).collect();
            (brain.asks[found.ask].action.clone(), slots)
        }
    }
}

/// What was said before an ask: nothing, or for one that continues another of its intent.
fn after(brain: &Brain, ask: &crate::skill::Ask) -> Memory {
    let before =
        brain.asks.iter().position(|other| ask.continues && !other.continues && other.intent == ask.intent);
    let mut memory = Memory::default();
    memory.last = before.map(|ask| crate::memory::Last { ask, slots: BTreeMap::new(), at: None });
    memory
}

#[test]
fn every_example_of_every_skill_is_understood_as_its_own() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    let mut faults = Vec::new();
    for ask in &brain.asks {
        for example in &ask.examples {
            let (action, slots) = meaning(&brain, &db, &after(&brain, ask), &example.text);
            let missing: Vec<_> = example.slots.iter().filter(|(k, v)| slots.get(*k) != Some(*v)).collect();
            if action != ask.action || !missing.is_empty() {
                faults.push(format!(
                    "{} / {:?}: understood as {action} with {slots:?}",
                    ask.action, example.text
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// `golden/sentences.tsv`: text, action, `slot=value, …`. What is not asked of records has the action `none`.
#[test]
fn golden_sentences_keep_their_meaning() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    let mut faults = Vec::new();
    for line in include_str!("golden/sentences.tsv").lines().filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let mut columns = line.split('\t');
        let (text, expected) = (columns.next().unwrap(), columns.next().unwrap());
        let (action, slots) = match crate::control(text) {
            Some(control) => (format!("control_{control:?}").to_lowercase(), BTreeMap::new()),
            None => match once(&brain, &db, text).action {
                action if action.starts_with("control_") => (action, BTreeMap::new()),
                _ => meaning(&brain, &db, &Memory::default(), text),
            },
        };
        let wanted: Vec<(&str, &str)> =
            columns.next().unwrap_or("").split(", ").filter_map(|pair| pair.split_once('=')).collect();
        if action != expected || wanted.iter().any(|(k, v)| slots.get(*k).map(String::as_str) != Some(*v)) {
            faults.push(format!("{text:?}: {action} {slots:?}, expected {expected} {wanted:?}"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// `golden/*.turn`: `> words` are said, the lines below are the outcome and the answer; `+ 200` lets seconds pass.
///
/// `UPDATE_GOLDEN=1` writes what came out; the diff is reviewed.
#[test]
fn golden_conversations_go_as_written() {
    let brain = Brain::builtin().unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "turn") {
            continue;
        }
        count += 1;
        let db = household();
        let mut memory = Memory::default();
        let mut at_s = 0;
        let mut came = String::new();
        let script = std::fs::read_to_string(&path).unwrap();
        for line in script.lines() {
            if let Some(text) = line.strip_prefix("> ") {
                at_s += 5;
                let reply = ask(&brain, &db, &mut memory, text, false, at_s);
                came.push_str(&format!(
                    "{line}\n{} {}: {}\n\n",
                    reply.outcome.as_str(),
                    reply.action,
                    reply.text
                ));
            } else if let Some(seconds) = line.strip_prefix("+ ") {
                at_s += seconds.trim().parse::<i64>().unwrap();
                came.push_str(&format!("{line}\n"));
            } else if line.starts_with('#') {
                came.push_str(&format!("{line}\n"));
            }
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &came).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), came, "in {}", path.display());
    }
    assert!(count >= 4, "the conversations are missing");
}

#[test]
fn the_question_on_every_page_is_answered() {
    let reply = once(&Brain::builtin().unwrap(), &household(), "What medications am I taking?");
    assert_eq!((reply.intent.as_str(), reply.outcome), ("MEDICATION", Outcome::Answered));
    assert!(reply.text.contains("taking") && reply.text.contains("medication"), "{}", reply.text);
    assert!(reply.text.contains("lisinopril, 10 mg once a day"), "{}", reply.text);
    assert_eq!(reply.files, ["MEDICATION"]);
    assert!(reply.speech.is_some_and(|s| s.contains("10 milligrams")));
}

#[test]
fn a_heard_name_that_is_spelled_otherwise_finds_its_record() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    let reply = ask(&brain, &db, &mut Memory::default(), "when do i take my lysinopril", true, 0);
    assert_eq!((reply.action.as_str(), reply.outcome), ("medication_when", Outcome::Answered));
}

#[test]
fn a_typing_error_is_forgiven() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    for (text, action) in [
        ("what medicatoins am i taking", "medication_list"),
        ("when is my next apointment", "appointment_next"),
        ("what am i alergic to", "allergy_list"),
    ] {
        assert_eq!(once(&brain, &db, text).action, action, "for {text:?}");
    }
}

#[test]
fn a_later_hypothesis_is_taken_when_the_first_means_nothing() {
    let (brain, db, user) = (Brain::builtin().unwrap(), household(), user());
    let hypotheses =
        ["what medic haitians am eye taking".to_string(), "what medications am i taking".to_string()];
    let question = Question { hypotheses: &hypotheses, spoken: true, session: "s", user: &user, now: now() };
    assert_eq!(brain.answer(&db, &mut Memory::default(), &question).action, "medication_list");
}

#[test]
fn who_is_not_signed_in_as_a_person_is_told_so() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    let nobody = User { id: "web".into(), person: None };
    let hypotheses = ["what medications am i taking".to_string()];
    let question =
        Question { hypotheses: &hypotheses, spoken: false, session: "s", user: &nobody, now: now() };
    let reply = brain.answer(&db, &mut Memory::default(), &question);
    assert_eq!(reply.outcome, Outcome::NothingFound);
    assert!(reply.text.contains("no person set"), "{}", reply.text);
}

#[test]
fn health_records_are_read_to_the_family_only() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    let neighbor = User { id: "P008".into(), person: Some("P008".into()) };
    let hypotheses = ["what is arthur allergic to".to_string()];
    let question =
        Question { hypotheses: &hypotheses, spoken: false, session: "s", user: &neighbor, now: now() };
    let reply = brain.answer(&db, &mut Memory::default(), &question);
    assert_eq!(reply.outcome, Outcome::NothingFound);
    assert!(!reply.text.to_lowercase().contains("penicillin"), "{}", reply.text);
}

#[test]
fn what_is_said_cannot_change_a_query_or_a_record() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    for text in [
        "what is my dose of \" OR WITH PERSON_ID = \"P002",
        "add milk\u{fe}\u{fd}x to my shopping list",
        "{person} [x] <y>",
        "\"\"\"",
        "' ' '",
    ] {
        let reply = once(&brain, &db, text);
        assert_ne!(reply.outcome, Outcome::Failed, "for {text:?}: {}", reply.text);
        assert!(!reply.text.contains("sumatriptan"));
    }
}

#[test]
fn a_faulty_skill_file_is_named_with_its_line() {
    let check = |text: &str, line: usize, message: &str| {
        let error = Brain::with_user_skills(&[("my.toml".into(), text.into())]).map(|_| ()).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("my.toml", line), "{error}");
        assert!(error.message.contains(message), "{error}");
    };
    check("name = \"x\"\nintent = \"lower\"\nask = []", 2, "written in capitals");
    check(
        "name = \"x\"\nintent = \"X\"\n[[ask]]\naction = \"a\"\nsentences = [\n  \"ok\",\n  \"(open\",\n]\n[ask.say]\ntext = \"t\"",
        7,
        "`)` is missing",
    );
    check(
        "name = \"x\"\nintent = \"X\"\n[[ask]]\naction = \"a\"\nsentences = [\"b\"]\nrun = \"nix\"",
        6,
        "no answer is called nix",
    );
    check("name = \"x\"\nintent = \"X\"\nnonsense = 1\nask = []", 3, "unknown field");
    check("name = \"medication\"\nintent = \"X\"\nask = []", 1, "exists already");
}

#[test]
fn a_users_own_skill_answers_beside_the_built_in_ones() {
    let skill = "name = \"tea\"\nintent = \"TEA\"\n[[ask]]\naction = \"tea_say\"\nsentences = [\"is the tea ready\"]\n[ask.say]\ntext = \"I cannot see the tea.\"";
    let brain = Brain::with_user_skills(&[("tea.toml".into(), skill.into())]).unwrap();
    let reply = once(&brain, &household(), "Is the tea ready?");
    assert_eq!((reply.intent.as_str(), reply.text.as_str()), ("TEA", "I cannot see the tea."));
}

#[test]
fn the_vocabulary_holds_the_households_names_and_no_digits() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    let spoken = brain.vocabulary(&db.snapshot().unwrap());
    assert_eq!(spoken, brain.vocabulary(&db.snapshot().unwrap()), "always the same");
    assert!((1_000..=6_000).contains(&spoken.sentences.len()), "{} sentences", spoken.sentences.len());
    for word in ["metformin", "patel", "grace", "groceries", "cholesterol", "repeat"] {
        assert!(spoken.words.iter().any(|w| w == word), "{word} is missing");
    }
    let odd = |text: &String| text.chars().any(|c| !(c.is_ascii_lowercase() || c == ' ' || c == '\''));
    assert_eq!(spoken.sentences.iter().chain(&spoken.words).find(|t| odd(t)), None);
}

#[test]
fn relations_and_shared_names_are_told_apart() {
    let db = household();
    let brain = Brain::builtin().unwrap();
    let snapshot = db.snapshot().unwrap();
    let records = Records::new(&snapshot, now());
    let lexicon = lexicon::read(&records, &brain.synonyms, Some("P001")).unwrap();
    let ids = |text: &str| -> Vec<String> {
        let reading = read(crate::understand::normalise::tokens(text), &lexicon, &brain.matcher, now());
        let mention = reading.mentions.iter().find(|m| m.kind == Kind::Person);
        mention
            .map_or_else(Vec::new, |m| m.entities.iter().map(|&e| lexicon.entities[e].id.clone()).collect())
    };
    assert_eq!(ids("my wife's phone number"), ["P002"]);
    assert_eq!(ids("my mother-in-law's birthday"), ["P021"]);
    assert_eq!(ids("sam's number"), ["P010", "P011"]);
    assert_eq!(ids("sam rooney's number"), ["P011"]);
}

/// Accounts of OpenQM keep numbers scaled as their dictionaries say.
#[test]
fn numbers_are_spoken_as_the_dictionary_shows_them() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    let weight = db.snapshot().unwrap().dictionary("VITAL_SIGNS").unwrap().data("WEIGHT").unwrap().clone();
    let amount = db.snapshot().unwrap().dictionary("TRANSACTION").unwrap().data("AMOUNT").unwrap().clone();
    let plain = once(&brain, &db, "what is my weight").text;
    let spent = once(&brain, &db, "how much did i spend this year").text;
    let items = [
        ("VITAL_SIGNS", hal_db::dict::DataItem { conversion: "MD1".into(), ..weight }),
        ("TRANSACTION", hal_db::dict::DataItem { conversion: "MD3,$".into(), ..amount }),
    ];
    let mut rows = Vec::new();
    for (file, item) in &items {
        let snapshot = db.snapshot().unwrap();
        let mut rescaled = |id: &str, bytes: &[u8]| {
            let mut record = Record::from_bytes(bytes);
            if let Ok(number) = record.extract_text(item.field as i64, 1, 0).parse::<f64>() {
                record.replace(item.field as i64, 1, 0, format!("{:.0}", number * 10.0));
            }
            rows.push(((*file).to_string(), id.to_string(), record));
            std::ops::ControlFlow::Continue(())
        };
        snapshot.scan(file, &mut rescaled).unwrap();
    }
    db.write(move |txn| {
        items.iter().try_for_each(|(file, item)| txn.define(file, item))?;
        rows.iter().try_for_each(|(file, id, record)| txn.write(file, id, record))
    })
    .unwrap();
    assert!(plain.contains("pounds") && spent.contains('$'), "{plain} {spent}");
    assert_eq!(once(&brain, &db, "what is my weight").text, plain);
    assert_eq!(once(&brain, &db, "how much did i spend this year").text, spent);
}

#[test]
fn what_is_found_for_none_of_a_group_is_not_understood() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    let reply = once(&brain, &db, "when do my kids fly to saturn");
    assert_eq!(reply.outcome, Outcome::NotUnderstood, "{:?}", reply.text);
    assert!(reply.text.starts_with("I did not understand"), "{:?}", reply.text);
}

#[test]
fn over_records_that_may_only_be_read_a_change_is_refused_before_it_is_confirmed() {
    let (brain, db) = (Brain::builtin().unwrap().read_only(), household());
    let commit = db.snapshot().unwrap().commit_number();
    let mut memory = Memory::default();
    let refused = ask(&brain, &db, &mut memory, "add milk to my shopping list", false, 0);
    assert_eq!(refused.text, "I can read those records, but not change them.");
    assert_eq!(refused.outcome, Outcome::NothingFound);
    let yes = ask(&brain, &db, &mut memory, "yes", false, 1);
    assert_eq!(yes.text, "There is nothing to confirm.");
    assert_eq!(db.snapshot().unwrap().commit_number(), commit);
    let read = ask(&brain, &db, &mut memory, "what is on my shopping list", false, 2);
    assert_eq!(read.outcome, Outcome::Answered, "{}", read.text);
}

#[test]
fn a_file_in_which_nothing_was_found_is_named_as_read() {
    let (brain, db) = (Brain::builtin().unwrap(), household());
    db.write(|txn| txn.delete_file("MEDICATION").and_then(|()| txn.create_file("MEDICATION"))).unwrap();
    hal_db::schema::ensure_household(&db).unwrap();
    let reply = once(&brain, &db, "what medications am i taking");
    assert_eq!((reply.outcome, reply.files), (Outcome::NothingFound, vec!["MEDICATION".to_owned()]));
}
