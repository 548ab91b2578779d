//! Fills a [`Lexicon`] from the records: who and what can be named, and by which words.

use serde::Deserialize;

use crate::records::{Fault, Rec, Records};
use crate::understand::names::{Entity, Kind, Lexicon};
use crate::understand::normalise::tokens;

/// `skills/names.toml`: things and what else they are called.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Synonyms {
    pub drug: Vec<Vec<String>>,
    pub vaccine: Vec<Vec<String>>,
    pub test: Vec<Vec<String>>,
    pub specialty: Vec<Vec<String>>,
    pub category: Vec<Vec<String>>,
    pub measure: Vec<Vec<String>>,
    pub allergen: Vec<Vec<String>>,
    pub condition: Vec<Vec<String>>,
    pub relation: Vec<Vec<String>>,
}

/// Names of one file that are held at most; a payee list that is longer is cut, deterministically by id.
const NAMES_MAX: usize = 5_000;

/// Reads every name of the household. `person` is who asks: "my wife" depends on it.
pub(crate) fn read(records: &Records<'_>, synonyms: &Synonyms, person: Option<&str>) -> Result<Lexicon, Fault> {
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
        let mut values: Vec<String> = records.all(file)?.iter().take(NAMES_MAX).map(|r| r.text(field)).collect();
        values.sort();
        values.dedup();
        let named: Vec<(String, String)> =
            values.into_iter().filter(|v| !v.is_empty()).map(|v| (v.clone(), v)).collect();
        add_all(&mut lexicon, kind, &named, groups);
    }
    let categories: Vec<(String, String)> =
        records.all("CATEGORY")?.iter().take(NAMES_MAX).map(|r| (r.id.clone(), r.text("CATEGORY_NAME"))).collect();
    add_all(&mut lexicon, Kind::Category, &categories, &synonyms.category);
    for (kind, file, field) in [
        (Kind::Payee, "PAYEE", "STANDARD_NAME"),
        (Kind::Pharmacy, "PHARMACY", "PHARMACY_NAME"),
        (Kind::Facility, "HEALTHCARE_FACILITY", "FACILITY_NAME"),
        (Kind::Facility, "COMPANY", "NAME"),
        (Kind::Facility, "SCHOOL", "NAME"),
        (Kind::Facility, "PLACE", "NAME"),
    ] {
        for rec in records.all(file)?.iter().take(NAMES_MAX) {
            let name = rec.text(field);
            // Two files may hold the same place; the first that was read speaks for it.
            if name.is_empty() || name == "Home" || lexicon.entities.iter().any(|e| e.kind == kind && e.shown == name) {
                continue;
            }
            let id = if kind == Kind::Facility { format!("{file}/{}", rec.id) } else { rec.id.clone() };
            lexicon.add(Entity { kind, id, shown: name.clone() }, &[name.clone(), format!("the {name}")]);
        }
    }
    measures(&mut lexicon, synonyms);
    Ok(lexicon)
}

/// Entities with their own name, its variants and the names of every group that one of its words belongs to.
fn add_all(lexicon: &mut Lexicon, kind: Kind, named: &[(String, String)], groups: &[Vec<String>]) {
    let mut used = vec![false; groups.len()];
    for (id, name) in named {
        let mut called = variants(name);
        for (g, group) in groups.iter().enumerate() {
            let hit = if kind == Kind::Category {
                // "Car insurance" is not "insurance": categories are whole names.
                group.iter().any(|member| member.eq_ignore_ascii_case(name))
            } else {
                group.iter().any(|member| contains_phrase(name, member))
            };
            if hit {
                used[g] = true;
                called.extend(group.iter().cloned());
            }
        }
        lexicon.add(Entity { kind, id: id.clone(), shown: name.clone() }, &called);
    }
    for (group, _) in groups.iter().zip(&used).filter(|(_, used)| !**used) {
        let Some(first) = group.first() else { continue };
        lexicon.add(Entity { kind, id: String::new(), shown: first.clone() }, group);
    }
}

/// Whether the words of `phrase` stand in `text`, next to each other.
fn contains_phrase(text: &str, phrase: &str) -> bool {
    let text: Vec<String> = tokens(text).into_iter().map(|t| t.text).collect();
    let phrase: Vec<String> = tokens(phrase).into_iter().map(|t| t.text).collect();
    !phrase.is_empty() && text.windows(phrase.len()).any(|w| w == phrase)
}

/// The name, in singular and plural.
fn variants(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let mut out = vec![lower.clone()];
    match lower.strip_suffix('s').filter(|stem| stem.len() > 3 && !stem.ends_with('s')) {
        Some(stem) => out.push(stem.to_string()),
        None => out.push(format!("{lower}s")),
    }
    out
}

fn people(
    lexicon: &mut Lexicon,
    records: &Records<'_>,
    synonyms: &Synonyms,
    person: Option<&str>,
) -> Result<(), Fault> {
    let people = records.all("PERSON")?;
    let me = people.iter().find(|p| Some(p.id.as_str()) == person);
    // Values `relation:PERSON_ID` of the one who asks.
    let relations: Vec<(String, String)> = me.map_or_else(Vec::new, |me| {
        me.values("RELATIONSHIPS")
            .iter()
            .filter_map(|value| value.split_once(':').map(|(r, id)| (r.trim().to_lowercase(), id.trim().to_string())))
            .collect()
    });
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
        let title = format!("{} {last}", if last.is_empty() { "" } else { "mister" });
        called.extend([title, format!("mr {last}"), format!("mrs {last}"), format!("ms {last}"), format!("miss {last}")]);
        if let Some(nickname) = nickname(rec) {
            called.push(nickname);
        }
        for (relation, id) in &relations {
            if *id == rec.id {
                called.push(relation.clone());
                for group in synonyms.relation.iter().filter(|g| g.first() == Some(relation)) {
                    called.extend(group.iter().cloned());
                }
            }
        }
        lexicon.add(Entity { kind: Kind::Person, id: rec.id.clone(), shown: full }, &called);
        // A surname alone names a person only when nobody else in the household has it.
        let alone = people.iter().filter(|p| p.text("LAST_NAME") == last).count() == 1;
        if alone && !last.is_empty() {
            let index = lexicon.entities.len() - 1;
            lexicon.call(index, &last);
        }
    }
    for group in &synonyms.relation {
        let Some(first) = group.first() else { continue };
        if !relations.iter().any(|(r, _)| r == first) {
            let names: Vec<String> = group.iter().filter(|n| !relations.iter().any(|(r, _)| r == *n)).cloned().collect();
            let mine: Vec<String> = names.iter().map(|n| format!("my {n}")).collect();
            lexicon.add(Entity { kind: Kind::Person, id: String::new(), shown: first.clone() }, &mine);
        }
    }
    Ok(())
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
    for rec in records.all("DOCTOR")?.iter().take(NAMES_MAX) {
        let (first, last) = (rec.text("FIRST_NAME"), rec.text("LAST_NAME"));
        let mut called = vec![
            last.clone(),
            format!("doctor {last}"),
            format!("doctor {first}"),
            format!("{first} {last}"),
            format!("doctor {first} {last}"),
        ];
        let specialty = rec.text("SPECIALTY");
        called.push(specialty.clone());
        for (g, group) in synonyms.specialty.iter().enumerate() {
            if group.iter().any(|member| contains_phrase(&specialty, member)) {
                used[g] = true;
                called.extend(group.iter().cloned());
            }
        }
        let shown = format!("Dr. {first} {last}");
        lexicon.add(Entity { kind: Kind::Doctor, id: rec.id.clone(), shown }, &called);
    }
    for (group, _) in synonyms.specialty.iter().zip(&used).filter(|(_, used)| !**used) {
        if let Some(first) = group.first() {
            let shown = group.get(1).unwrap_or(first).clone();
            lexicon.add(Entity { kind: Kind::Doctor, id: String::new(), shown }, group);
        }
    }
    Ok(())
}

fn drugs(lexicon: &mut Lexicon, records: &Records<'_>, synonyms: &Synonyms) -> Result<(), Fault> {
    let mut used = vec![false; synonyms.drug.len()];
    let mut seen: Vec<String> = Vec::new();
    for rec in records.all("MEDICATION")?.iter().take(NAMES_MAX) {
        let name = rec.text("MEDICATION_NAME");
        if name.is_empty() {
            continue;
        }
        let generic = rec.text("GENERIC_NAME");
        let mut called = vec![name.clone(), generic.clone()];
        called.extend(generic.split(' ').next().map(String::from));
        for (g, group) in synonyms.drug.iter().enumerate() {
            if group.iter().any(|m| contains_phrase(&name, m) || contains_phrase(&generic, m)) {
                used[g] = true;
                called.extend(group.iter().cloned());
            }
        }
        for reason in reasons(&rec.text("REASON")) {
            for noun in ["medication", "medications", "medicine", "medicines", "pill", "pills", "drug", "tablet", "tablets", "prescription"] {
                called.push(format!("{reason} {noun}"));
            }
        }
        match seen.iter().position(|n| *n == name) {
            Some(_) => {
                let index = lexicon.entities.iter().position(|e| e.kind == Kind::Drug && e.id == name);
                for one in called.iter().filter(|_| index.is_some()) {
                    lexicon.call(index.unwrap_or(0), one);
                }
            }
            None => {
                seen.push(name.clone());
                lexicon.add(Entity { kind: Kind::Drug, id: name.clone(), shown: crate::say::lower_first(&name) }, &called);
            }
        }
    }
    for (group, _) in synonyms.drug.iter().zip(&used).filter(|(_, used)| !**used) {
        if let Some(first) = group.first() {
            lexicon.add(Entity { kind: Kind::Drug, id: String::new(), shown: first.clone() }, group);
        }
    }
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
        .filter(|w| !matches!(**w, "high" | "low" | "type" | "1" | "2" | "chronic" | "underactive" | "overactive" | "infection" | "pain"))
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
        let mut called = names.to_vec();
        if key != "pressure" && key != "respiration" {
            called.push(key.clone());
        }
        let shown = if key == "pressure" { "blood pressure".into() } else { names.first().filter(|_| key == "respiration" || key == "glucose").cloned().unwrap_or_else(|| key.clone()) };
        lexicon.add(Entity { kind: Kind::Measure, id: key.clone(), shown }, &called);
    }
}
