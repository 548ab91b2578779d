//! Fills a [`Lexicon`] from the records: who and what can be named, and by which words.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use hal_db::{Access, Snapshot, Version};
use serde::Deserialize;

use crate::records::{Fault, Rec, Records};
use crate::understand::names::{Entity, Kind, Lexicon};
use crate::understand::normalise::tokens;

/// One name: as written, and in words.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Name {
    pub text: String,
    pub words: Vec<String>,
}

impl From<String> for Name {
    fn from(text: String) -> Name {
        Name { words: words_of(&text), text }
    }
}

fn words_of(text: &str) -> Vec<String> {
    tokens(text).into_iter().map(|t| t.text).filter(|w| w != "'s").collect()
}

/// `skills/names.toml`: things and what else they are called.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Synonyms {
    pub drug: Vec<Vec<Name>>,
    pub vaccine: Vec<Vec<Name>>,
    pub test: Vec<Vec<Name>>,
    pub specialty: Vec<Vec<Name>>,
    pub category: Vec<Vec<Name>>,
    pub measure: Vec<Vec<Name>>,
    pub allergen: Vec<Vec<Name>>,
    pub condition: Vec<Vec<Name>>,
    pub relation: Vec<Vec<Name>>,
}

/// Names of one file that are held at most; a payee list that is longer is cut, deterministically by id.
const NAMES_MAX: usize = 5_000;

/// The files whose records hold names.
const FILES: &[&str] = &[
    "ALLERGY",
    "CATEGORY",
    "COMPANY",
    "DOCTOR",
    "HEALTHCARE_FACILITY",
    "IMMUNIZATION",
    "MEDICAL_HISTORY",
    "MEDICAL_TEST",
    "MEDICATION",
    "PAYEE",
    "PERSON",
    "PHARMACY",
    "PLACE",
    "SCHOOL",
];

/// Households whose names are kept: one for each person who asks and what they may read, of the few there are.
const KEPT_MAX: usize = 16;

/// The names of the household as they were last read. Reading them anew for each turn took 5 ms of its 5.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<KeptLexicon>>);

struct KeptLexicon {
    version: Version,
    person: Option<String>,
    /// `None` for everything.
    access: Option<Access>,
    lexicon: Arc<Lexicon>,
}

impl Kept {
    /// The names as `snapshot` shows them, read only if a record that holds one has changed.
    pub(crate) fn get(
        &self,
        snapshot: &Snapshot,
        records: &Records<'_>,
        synonyms: &Synonyms,
        person: Option<&str>,
        access: Option<&Access>,
    ) -> Result<Arc<Lexicon>, Fault> {
        let version = snapshot.version_of(FILES)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index =
            kept.iter().position(|one| one.person.as_deref() == person && one.access.as_ref() == access);
        if let Some(one) = index.map(|index| &kept[index])
            && one.version == version
        {
            return Ok(Arc::clone(&one.lexicon));
        }
        let lexicon = Arc::new(read(records, synonyms, person)?);
        debug_assert!(
            records.files().iter().all(|file| FILES.contains(&file.as_str())),
            "FILES names them all"
        );
        let one = KeptLexicon {
            version,
            person: person.map(str::to_owned),
            access: access.cloned(),
            lexicon: Arc::clone(&lexicon),
        };
        match index {
            Some(index) => kept[index] = one,
            None if kept.len() >= KEPT_MAX => kept[0] = one,
            None => kept.push(one),
        }
        Ok(lexicon)
    }
}

/// Reads every name of the household. `person` is who asks: "my wife" depends on it.
pub(crate) fn read(
    records: &Records<'_>,
    synonyms: &Synonyms,
    person: Option<&str>,
) -> Result<Lexicon, Fault> {
    let mut lexicon = Lexicon::default();
    people(&mut lexicon, records, synonyms, person)?;
    doctors(&mut lexicon, records, synonyms)?;
    drugs(&mut lexicon, records, synonyms)?;
    let simple = [
        (Kind::Vaccine, "IMMUNIZATION", "VACCINE_NAME", &synonyms.vaccine),
        (Kind::Test, "MEDICAL_TEST", "TEST_NAME", &synonyms.test),
        (Kind::Allergen, "ALLERGY", "ALLERGEN", &synonyms.allergen),
        (Kind::Condition, "MEDICAL_HISTORY", "CONDITION", &synonyms.condition),
    ];
    for (kind, file, field, groups) in simple {
        let mut values: Vec<String> =
            records.names_in(file)?.iter().take(NAMES_MAX).map(|r| r.text(field)).collect();
        values.sort();
        values.dedup();
        let named: Vec<(String, String)> =
            values.into_iter().filter(|v| !v.is_empty()).map(|v| (v.clone(), v)).collect();
        add_all(&mut lexicon, kind, &named, groups);
    }
    let categories: Vec<(String, String)> = records
        .names_in("CATEGORY")?
        .iter()
        .take(NAMES_MAX)
        .map(|r| (r.id.clone(), r.text("CATEGORY_NAME")))
        .collect();
    add_all(&mut lexicon, Kind::Category, &categories, &synonyms.category);
    for (kind, file, field) in [
        (Kind::Payee, "PAYEE", "STANDARD_NAME"),
        (Kind::Pharmacy, "PHARMACY", "PHARMACY_NAME"),
        (Kind::Facility, "HEALTHCARE_FACILITY", "FACILITY_NAME"),
        (Kind::Facility, "COMPANY", "NAME"),
        (Kind::Facility, "SCHOOL", "NAME"),
        (Kind::Facility, "PLACE", "NAME"),
    ] {
        for rec in records.names_in(file)?.iter().take(NAMES_MAX) {
            let name = rec.text(field);
            // Two files may hold the same place; the first that was read speaks for it.
            if name.is_empty()
                || name == "Home"
                || lexicon.entities.iter().any(|e| e.kind == kind && e.shown == name)
            {
                continue;
            }
            let id = if kind == Kind::Facility { format!("{file}/{}", rec.id) } else { rec.id.clone() };
            let mut called = in_words(&[name.clone(), format!("the {name}")]);
            called.extend(short_name(&name));
            lexicon.add(Entity { kind, id, shown: name.clone() }, called);
        }
    }
    measures(&mut lexicon, synonyms);
    Ok(lexicon)
}

/// "Green Basket" for "Green Basket Market": what is left when the last word only says what kind of place it is.
fn short_name(name: &str) -> Option<Vec<String>> {
    const KINDS: [&str; 30] = [
        "market",
        "foods",
        "store",
        "stores",
        "shop",
        "clinic",
        "hospital",
        "pharmacy",
        "school",
        "company",
        "bank",
        "center",
        "centre",
        "office",
        "medical",
        "hardware",
        "cafe",
        "restaurant",
        "bakery",
        "insurance",
        "gas",
        "station",
        "fuel",
        "mutual",
        "health",
        "practice",
        "group",
        "library",
        "lanes",
        "water",
    ];
    let mut words = words_of(name);
    while words.len() > 1 && words.last().is_some_and(|last| KINDS.contains(&last.as_str())) {
        words.pop();
    }
    // "Riverside" says enough of "Riverside Heart Center".
    if words.len() > 1 && words[0].len() >= 8 && words_of(name).len() > words.len() {
        words.truncate(1);
    }
    let is_short = words.len() < words_of(name).len();
    let says = words.iter().any(|w| {
        w.len() > 4 && !crate::understand::matcher::is_function_word(w) && !KINDS.contains(&w.as_str())
    });
    // A word that is in everybody's mouth ("city", "family") names no place alone.
    let common = words.len() == 1
        && ["family", "general", "corner", "school", "public", "central", "maple"]
            .contains(&words[0].as_str());
    (is_short && says && !common).then_some(words)
}

/// Entities with their own name, its variants and the names of every group that one of its words belongs to.
fn add_all(lexicon: &mut Lexicon, kind: Kind, named: &[(String, String)], groups: &[Vec<Name>]) {
    let mut used = vec![false; groups.len()];
    for (id, name) in named {
        let words = words_of(name);
        let mut called: Vec<Vec<String>> = variants(&words);
        for (g, group) in groups.iter().enumerate() {
            let hit = if kind == Kind::Category {
                // "Car insurance" is not "insurance": categories are whole names.
                group.iter().any(|member| member.text.eq_ignore_ascii_case(name))
            } else {
                group.iter().any(|member| contains(&words, &member.words))
            };
            if hit {
                used[g] = true;
                called.extend(group.iter().map(|n| n.words.clone()));
            }
        }
        lexicon.add(Entity { kind, id: id.clone(), shown: name.clone() }, called);
    }
    unrecorded(lexicon, kind, groups, &used, |group| group.first().map(|n| n.text.clone()));
}

/// Names that people know and no record has: the answer then is that none is recorded.
fn unrecorded(
    lexicon: &mut Lexicon,
    kind: Kind,
    groups: &[Vec<Name>],
    used: &[bool],
    shown: fn(&[Name]) -> Option<String>,
) {
    for (group, _) in groups.iter().zip(used).filter(|(_, used)| !**used) {
        if let Some(shown) = shown(group) {
            lexicon.add(
                Entity { kind, id: String::new(), shown },
                group.iter().map(|n| n.words.clone()).collect(),
            );
        }
    }
}

/// Whether the words of `phrase` stand in `text`, next to each other.
fn contains(text: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && text.windows(phrase.len()).any(|w| w == phrase)
}

/// The name, in singular and plural.
fn variants(words: &[String]) -> Vec<Vec<String>> {
    let mut out = vec![words.to_vec()];
    if let Some((last, head)) = words.split_last() {
        let other = match last.strip_suffix('s').filter(|stem| stem.len() > 3 && !stem.ends_with('s')) {
            Some(stem) => stem.to_string(),
            None => format!("{last}s"),
        };
        out.push([head, &[other]].concat());
    }
    out
}

/// Names in words, from what is written.
fn in_words(names: &[String]) -> Vec<Vec<String>> {
    names.iter().map(|n| words_of(n)).collect()
}

/// Words for several people at once: the question is then answered for each of them.
const CHILDREN: [&str; 5] = ["kids", "children", "our kids", "my kids", "my children"];
const FAMILY: [&str; 9] = [
    "family",
    "the family",
    "my family",
    "our family",
    "the whole family",
    "anyone in the family",
    "anybody in the family",
    "everyone in the family",
    "everybody in the family",
];

/// Whether a name stands for several people.
pub(crate) fn is_group(name: &str) -> bool {
    CHILDREN.contains(&name) || FAMILY.contains(&name)
}

fn people(
    lexicon: &mut Lexicon,
    records: &Records<'_>,
    synonyms: &Synonyms,
    person: Option<&str>,
) -> Result<(), Fault> {
    let people = records.names_in("PERSON")?;
    let me = people.iter().find(|p| Some(p.id.as_str()) == person);
    // Values `relation:PERSON_ID` of the one who asks.
    let relations = me.map_or_else(Vec::new, Rec::relations);
    for rec in people.iter().take(NAMES_MAX) {
        let (first, last) = (rec.text("FIRST_NAME"), rec.text("LAST_NAME"));
        let full = format!("{first} {last}").trim().to_string();
        if full.is_empty() {
            continue;
        }
        let mut called = vec![full.clone()];
        // Somebody called Will is met by his whole name only: "when will I …" is said too often.
        if !crate::understand::matcher::is_function_word(&first.to_lowercase()) {
            called.push(first.clone());
        }
        if !last.is_empty() {
            called.extend(["mister", "mr", "mrs", "ms", "miss"].map(|title| format!("{title} {last}")));
        }
        if let Some(nickname) = nickname(rec) {
            called.push(nickname);
        }
        for (relation, id) in &relations {
            if *id == rec.id {
                called.push(relation.clone());
                for group in
                    synonyms.relation.iter().filter(|g| g.first().is_some_and(|n| n.text == *relation))
                {
                    called.extend(group.iter().map(|n| n.text.clone()));
                }
            }
        }
        let related =
            |words: &[&str]| relations.iter().any(|(r, id)| *id == rec.id && words.contains(&r.as_str()));
        if related(&["child", "son", "daughter"]) {
            called.extend(CHILDREN.map(String::from));
        }
        if Some(rec.id.as_str()) == person
            || related(&["spouse", "wife", "husband", "child", "son", "daughter"])
        {
            called.extend(FAMILY.map(String::from));
        }
        lexicon.add(Entity { kind: Kind::Person, id: rec.id.clone(), shown: full }, in_words(&called));
        // A surname alone names a person only when nobody else in the household has it.
        let alone = people.iter().filter(|p| p.text("LAST_NAME") == last).count() == 1;
        if alone && !last.is_empty() {
            let index = lexicon.entities.len() - 1;
            lexicon.call(index, words_of(&last));
        }
    }
    relatives(lexicon, &people, synonyms);
    for group in &synonyms.relation {
        let Some(first) = group.first() else { continue };
        if !relations.iter().any(|(r, _)| *r == first.text) {
            let mine: Vec<String> = group
                .iter()
                .filter(|n| !relations.iter().any(|(r, _)| *r == n.text))
                .map(|n| format!("my {}", n.text))
                .collect();
            lexicon.add(
                Entity { kind: Kind::Person, id: String::new(), shown: first.text.clone() },
                in_words(&mine),
            );
        }
    }
    Ok(())
}

/// "Joan's husband", "the husband of Joan", and "Ben's teacher" where the notes of a teacher name Ben.
fn relatives(lexicon: &mut Lexicon, people: &[Rec], synonyms: &Synonyms) {
    let people = &people[..people.len().min(NAMES_MAX)];
    let places: HashMap<String, usize> = (0..lexicon.entities.len())
        .filter(|&i| lexicon.entities[i].kind == Kind::Person)
        .map(|i| (lexicon.entities[i].id.clone(), i))
        .collect();
    let first_name = |rec: &Rec| rec.text("FIRST_NAME").to_lowercase();
    let first_names: HashSet<String> =
        people.iter().map(first_name).filter(|name| !name.is_empty()).collect();
    let longest = first_names.iter().map(String::len).max().unwrap_or(0);
    for rec in people {
        let first = first_name(rec);
        for (relation, id) in rec.relations() {
            let Some(&index) = places.get(&id) else { continue };
            let group = synonyms.relation.iter().find(|g| g.first().is_some_and(|n| n.text == relation));
            let called = group
                .map_or_else(|| vec![words_of(&relation)], |g| g.iter().map(|n| n.words.clone()).collect());
            for name in called {
                lexicon.call(index, [vec![first.clone(), "'s".into()], name.clone()].concat());
                lexicon.call(index, [name, vec!["of".into(), first.clone()]].concat());
            }
        }
        let notes = rec.text("NOTES").to_lowercase();
        let title = words_of(&rec.text("TITLE"));
        let (Some(&index), Some(last)) = (places.get(&rec.id), title.last()) else { continue };
        for (end, _) in notes.match_indices("'s") {
            let starts = (end.saturating_sub(longest)..end).filter(|&start| notes.is_char_boundary(start));
            for other in starts.map(|start| &notes[start..end]).filter(|other| first_names.contains(*other)) {
                let owner = vec![other.to_owned(), "'s".into()];
                lexicon.call(index, [owner.clone(), title.clone()].concat());
                lexicon.call(index, [owner, vec![last.clone()]].concat());
            }
        }
    }
}

/// "Nickname: Bob" in the notes.
fn nickname(rec: &Rec) -> Option<String> {
    let notes = rec.text("NOTES");
    let lower = notes.to_lowercase();
    let at = lower.find("nickname")? + "nickname".len();
    let rest = notes.get(at..)?.trim_start_matches([':', ' ', '=']);
    rest.split([' ', ',', '.', ';']).find(|w| !w.is_empty()).map(String::from)
}

fn doctors(lexicon: &mut Lexicon, records: &Records<'_>, synonyms: &Synonyms) -> Result<(), Fault> {
    let mut used = vec![false; synonyms.specialty.len()];
    for rec in records.names_in("DOCTOR")?.iter().take(NAMES_MAX) {
        let (first, last) = (rec.text("FIRST_NAME"), rec.text("LAST_NAME"));
        let specialty = words_of(&rec.text("SPECIALTY"));
        let mut called = in_words(&[
            last.clone(),
            format!("doctor {last}"),
            format!("doctor {first}"),
            format!("{first} {last}"),
            format!("doctor {first} {last}"),
        ]);
        called.push(specialty.clone());
        for (g, group) in synonyms.specialty.iter().enumerate() {
            if group.iter().any(|member| contains(&specialty, &member.words)) {
                used[g] = true;
                called.extend(group.iter().map(|n| n.words.clone()));
            }
        }
        let shown = format!("Dr. {first} {last}");
        lexicon.add(Entity { kind: Kind::Doctor, id: rec.id.clone(), shown }, called);
    }
    // "I have no urologist recorded": the second name is the person, the first the field.
    unrecorded(lexicon, Kind::Doctor, &synonyms.specialty, &used, |group| {
        group.get(1).or(group.first()).map(|n| n.text.clone())
    });
    Ok(())
}

fn drugs(lexicon: &mut Lexicon, records: &Records<'_>, synonyms: &Synonyms) -> Result<(), Fault> {
    let mut used = vec![false; synonyms.drug.len()];
    let mut seen: Vec<String> = Vec::new();
    for rec in records.names_in("MEDICATION")?.iter().take(NAMES_MAX) {
        let name = rec.text("MEDICATION_NAME");
        if name.is_empty() {
            continue;
        }
        let generic = rec.text("GENERIC_NAME");
        let (name_words, generic_words) = (words_of(&name), words_of(&generic));
        let mut called =
            vec![name_words.clone(), generic_words.clone(), generic_words.iter().take(1).cloned().collect()];
        for (g, group) in synonyms.drug.iter().enumerate() {
            if group.iter().any(|m| contains(&name_words, &m.words) || contains(&generic_words, &m.words)) {
                used[g] = true;
                called.extend(group.iter().map(|n| n.words.clone()));
            }
        }
        for reason in reasons(&rec.text("REASON")) {
            for noun in [
                "medication",
                "medications",
                "medicine",
                "medicines",
                "pill",
                "pills",
                "drug",
                "tablet",
                "tablets",
                "prescription",
            ] {
                called.push(words_of(&format!("{reason} {noun}")));
            }
        }
        match seen.iter().position(|n| *n == name) {
            Some(_) => {
                let index = lexicon.entities.iter().position(|e| e.kind == Kind::Drug && e.id == name);
                for one in called {
                    index.into_iter().for_each(|index| lexicon.call(index, one.clone()));
                }
            }
            None => {
                seen.push(name.clone());
                lexicon.add(
                    Entity { kind: Kind::Drug, id: name.clone(), shown: crate::say::lower_first(&name) },
                    called,
                );
            }
        }
    }
    unrecorded(lexicon, Kind::Drug, &synonyms.drug, &used, |group| group.first().map(|n| n.text.clone()));
    Ok(())
}

/// "High blood pressure" is also just "blood pressure", "Type 2 diabetes" just "diabetes".
fn reasons(reason: &str) -> Vec<String> {
    let lower = reason.to_lowercase();
    if lower.is_empty() {
        return Vec::new();
    }
    let words: Vec<&str> = lower.split(' ').collect();
    let short: Vec<&str> = words
        .iter()
        .filter(|w| {
            !matches!(
                **w,
                "high"
                    | "low"
                    | "type"
                    | "1"
                    | "2"
                    | "chronic"
                    | "underactive"
                    | "overactive"
                    | "infection"
                    | "pain"
            )
        })
        .copied()
        .collect();
    let mut out = vec![lower.clone()];
    if !short.is_empty() && short.len() < words.len() {
        out.push(short.join(" "));
    }
    out
}

fn measures(lexicon: &mut Lexicon, synonyms: &Synonyms) {
    for group in &synonyms.measure {
        let Some((key, names)) = group.split_first() else { continue };
        // These keys are words of their own that mean more: "pressure", "respiration".
        let inner = matches!(key.text.as_str(), "pressure" | "respiration");
        let shown = names.first().filter(|_| inner || key.text == "glucose").unwrap_or(key);
        let called = names.iter().chain((!inner).then_some(key)).map(|n| n.words.clone()).collect();
        lexicon.add(Entity { kind: Kind::Measure, id: key.text.clone(), shown: shown.text.clone() }, called);
    }
}
