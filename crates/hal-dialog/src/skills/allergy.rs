//! Allergies: the list, and yes or no for one substance.

use crate::records::Rec;
use crate::say;
use crate::turn::{Answer, Said, Stop, Turn, Who};
use crate::understand::names::Kind;

fn allergies(turn: &Turn<'_>, who: &Who) -> Result<Vec<Rec>, Stop> {
    let sentence = "SSELECT ALLERGY WITH PERSON_ID = \"{person}\" AND WITH ACTIVE = \"Y\" BY ALLERGEN";
    Ok(turn.records.select(sentence, &|name| (name == "person").then(|| who.id.clone()))?)
}

fn severity(rec: &Rec) -> String {
    rec.text("SEVERITY").replace('-', " ")
}

pub(super) fn list(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let all = allergies(turn, &who)?;
    let kinds: [(&[&str], &str); 4] = [
        (&["food", "foods", "eat"], "food"),
        (&["drug", "drugs", "medicine", "medicines", "medication", "medications"], "drug"),
        (&["insect", "insects"], "insect"),
        (&["environmental"], "environmental"),
    ];
    let kind = kinds.iter().find(|(words, _)| turn.said_any(words)).map(|(_, kind)| *kind);
    let rows: Vec<&Rec> = all.iter().filter(|r| kind.is_none_or(|k| r.is("ALLERGEN_TYPE", k))).collect();
    if rows.is_empty() {
        let noun = kind.map_or("allergies".to_string(), |k| format!("{k} allergies"));
        return Ok(Said::nothing(format!("{} {} no {noun} recorded.", who.get("You"), who.get("have"))));
    }
    let items: Vec<String> = rows
        .iter()
        .map(|r| {
            let level = severity(r);
            let name = say::lower_first(&r.text("ALLERGEN"));
            if level.is_empty() { name } else { format!("{name} ({level})") }
        })
        .collect();
    let mut said = Said::answered(format!(
        "{} {} allergic to {}.",
        who.get("You"),
        who.get("are"),
        say::list(&items, 12)
    ));
    if let [one] = rows[..] {
        said = said.about(Kind::Allergen, &one.text("ALLERGEN"), &say::lower_first(&one.text("ALLERGEN")));
    }
    Ok(said)
}

/// "Am I allergic to penicillin?", "how bad is my shellfish allergy?"
pub(super) fn check(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let all = allergies(turn, &who)?;
    let Some(slot) = turn.slot(Kind::Allergen) else {
        if all.is_empty() {
            return Ok(Said::nothing(format!(
                "{} {} no allergies recorded.",
                who.get("You"),
                who.get("have")
            )));
        }
        let items: Vec<String> = all
            .iter()
            .map(|r| {
                format!(
                    "{} is {} ({})",
                    say::lower_first(&r.text("ALLERGEN")),
                    severity(r),
                    say::lower_first(&r.text("REACTION"))
                )
            })
            .collect();
        return Ok(Said::answered(format!("{}.", say::capital(&say::list(&items, 12)))));
    };
    let hit = all.iter().find(|r| {
        let name = r.text("ALLERGEN");
        slot.entities.iter().any(|e| e.id.eq_ignore_ascii_case(&name))
            || name.eq_ignore_ascii_case(&slot.text)
            || r.values("CROSS_REACTIONS").iter().any(|c| c.eq_ignore_ascii_case(&slot.text))
    });
    let Some(rec) = hit else {
        return Ok(Said::nothing(format!(
            "I have no allergy to {} recorded for {}.",
            slot.text,
            who.get("you")
        )));
    };
    let name = say::lower_first(&rec.text("ALLERGEN"));
    let mut text = String::new();
    let is_question_of_yes =
        turn.tokens.first().is_some_and(|t| matches!(t.text.as_str(), "am" | "is" | "are" | "do" | "does"));
    let may_eat =
        turn.tokens.first().is_some_and(|t| matches!(t.text.as_str(), "can" | "may" | "could" | "should"));
    if is_question_of_yes {
        text.push_str("Yes, ");
    } else if may_eat {
        text.push_str("Careful: ");
    }
    let you = if text.is_empty() { who.get("You") } else { who.get("you") };
    text.push_str(&format!("{you} {} allergic to {name}", who.get("are")));
    let cross = rec.values("CROSS_REACTIONS").iter().any(|c| c.eq_ignore_ascii_case(&slot.text));
    if cross {
        text.push_str(&format!(", which goes for {} too", slot.text));
    }
    let level = severity(rec);
    if !level.is_empty() {
        text.push_str(&format!("; it is recorded as {level}"));
    }
    let reaction = rec.text("REACTION");
    if !reaction.is_empty() {
        text.push_str(&format!(", with {}", say::lower_first(&reaction)));
    }
    text.push('.');
    if turn.said_any(&["treat", "treatment", "treated", "do"]) && !rec.text("TREATMENT").is_empty() {
        text.push_str(&format!(" Treatment: {}.", say::lower_first(&rec.text("TREATMENT"))));
    }
    if turn.said_any(&["last", "when"])
        && let Some(day) = rec.int("LAST_REACTION_DATE")
    {
        text.push_str(&format!(" The last reaction was on {}.", say::plain_date(day, turn.today())));
    }
    if rec.is("EPIPEN_REQUIRED", "Y") {
        text.push_str(" An epinephrine pen is required.");
    }
    Ok(Said::answered(text))
}
