//! Medications where a table of words is not enough: parts of the day, yes or no, refills, what a condition is treated with.

use crate::records::Rec;
use crate::say;
use crate::turn::{Answer, Said, Stop, Turn, Who};
use crate::understand::names::Kind;

fn active(turn: &Turn<'_>, who: &Who) -> Result<Vec<Rec>, Stop> {
    let sentence =
        "SSELECT MEDICATION WITH PERSON_ID = \"{person}\" AND WITH STATUS = \"active\" BY MEDICATION_NAME";
    Ok(turn.records.select(sentence, &|name| (name == "person").then(|| who.id.clone()))?)
}

/// "lisinopril, 10 mg once a day"
fn described(rec: &Rec) -> String {
    let mut out = say::lower_first(&rec.text("MEDICATION_NAME"));
    let dose = format!("{} {}", rec.text("DOSAGE"), rec.text("DOSAGE_UNIT"));
    if !dose.trim().is_empty() {
        out.push_str(&format!(", {}", dose.trim()));
    }
    format!("{out} {}", say::how_often(&rec.text("FREQUENCY"))).trim().to_string()
}

fn name(rec: &Rec) -> String {
    say::lower_first(&rec.text("MEDICATION_NAME"))
}

/// What is taken at a time of the day, as the instructions say.
pub(super) fn daytime(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let parts: [(&[&str], &[&str], &str); 5] = [
        (&["morning", "mornings", "breakfast"], &["morning", "breakfast"], "in the morning"),
        (&["evening", "evenings", "dinner", "supper"], &["evening", "dinner", "supper"], "in the evening"),
        (&["night", "bedtime", "bed"], &["night", "bedtime", "bed", "evening"], "at night"),
        (&["afternoon", "noon", "lunch"], &["afternoon", "noon", "lunch"], "around noon"),
        (&["food", "empty"], &["food", "meal", "breakfast", "dinner", "empty stomach"], "that go by meals"),
    ];
    let Some((_, written, said)) = parts.iter().find(|(heard, ..)| turn.said_any(heard)) else {
        return Ok(Said::nothing("I have no times of day recorded for that."));
    };
    let rows = active(turn, &who)?;
    let now: Vec<&Rec> = rows
        .iter()
        .filter(|rec| {
            let instructions = rec.text("INSTRUCTIONS").to_lowercase();
            written.iter().any(|word| instructions.contains(word))
        })
        .collect();
    if now.is_empty() {
        return Ok(Said::nothing(format!(
            "{} {} no medication recorded {said}.",
            who.get("You"),
            who.get("have")
        )));
    }
    let items: Vec<String> = now
        .iter()
        .map(|rec| {
            let instructions = rec.text("INSTRUCTIONS");
            if instructions.is_empty() {
                described(rec)
            } else {
                format!("{} ({})", described(rec), say::lower_first(&instructions))
            }
        })
        .collect();
    let said = if *said == "that go by meals" { "with an eye on meals" } else { said };
    Ok(Said::answered(format!(
        "{} {} {} {said}: {}.",
        who.get("You"),
        who.get("take"),
        say::counted(items.len(), "medication"),
        say::list(&items, 12)
    )))
}

/// "Am I taking aspirin?"
pub(super) fn taking(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let slot = turn.slot(Kind::Drug);
    let nothing =
        |name: &str| Said::nothing(format!("No, I have no {name} recorded for {}.", who.get("you")));
    if slot.is_some_and(|s| s.entities.iter().all(|e| e.id.is_empty())) {
        return Ok(nothing(slot.map_or("", |s| s.text.as_str())));
    }
    let Some(drug) = turn.drug(&who)? else { return Ok(nothing("such medication")) };
    let sentence = "SELECT MEDICATION WITH PERSON_ID = \"{person}\" AND WITH MEDICATION_NAME = \"{drug}\" BY STATUS BY.DSND START_DATE";
    let rows = turn.records.select(sentence, &|name| match name {
        "person" => Some(who.id.clone()),
        "drug" => Some(drug.id.clone()),
        _ => None,
    })?;
    let Some(rec) = rows.first() else { return Ok(nothing(&drug.shown)) };
    let text = if rec.is("STATUS", "active") {
        format!("Yes, {} {} taking {}.", who.get("you"), who.get("are"), described(rec))
    } else {
        let until = rec
            .int("END_DATE")
            .map(|d| format!(" since {}", say::plain_date(d, turn.today())))
            .unwrap_or_default();
        format!("No, {} {} is recorded as {}{until}.", who.get("your"), drug.shown, rec.text("STATUS"))
    };
    Ok(Said::answered(text))
}

/// How many refills are left, of one medication or of those that need attention.
pub(super) fn refills(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    if let Some(drug) = turn.drug(&who)? {
        let rows = active(turn, &who)?;
        let Some(rec) = rows.iter().find(|r| r.is("MEDICATION_NAME", &drug.id)) else {
            return Ok(Said::nothing(format!(
                "I have no current {} recorded for {}.",
                drug.shown,
                who.get("you")
            )));
        };
        let text = match rec.int("REFILLS_REMAINING") {
            None => format!("I have no refills recorded for {} {}.", who.get("your"), drug.shown),
            Some(0) => format!("{} {} has no refills left.{}", who.get("Your"), drug.shown, note(rec)),
            Some(n) => format!(
                "{} {} has {} left.{}",
                who.get("Your"),
                drug.shown,
                say::counted(n as usize, "refill"),
                note(rec)
            ),
        };
        return Ok(Said::answered(text));
    }
    let rows = active(turn, &who)?;
    if rows.is_empty() {
        return Ok(Said::nothing(format!("{} {} no medications recorded.", who.get("You"), who.get("have"))));
    }
    let with = |wanted: &dyn Fn(i64) -> bool| -> Vec<String> {
        rows.iter().filter(|r| r.int("REFILLS_REMAINING").is_some_and(wanted)).map(name).collect()
    };
    let (out, low, more) = (with(&|n| n <= 0), with(&|n| n == 1), with(&|n| n > 1));
    let mut parts = Vec::new();
    if !out.is_empty() {
        parts.push(format!(
            "{} {} no refills left",
            say::list(&out, 12),
            if out.len() == 1 { "has" } else { "have" }
        ));
    }
    if !low.is_empty() {
        parts.push(format!(
            "{} {} one refill left",
            say::list(&low, 12),
            if low.len() == 1 { "has" } else { "have" }
        ));
    }
    if !more.is_empty() && (turn.said_any(&["many"]) || parts.is_empty()) {
        let counts: Vec<String> = rows
            .iter()
            .filter_map(|r| Some((name(r), r.int("REFILLS_REMAINING").filter(|n| *n > 1)?)))
            .map(|(n, left)| format!("{n} has {}", say::count(left as usize)))
            .collect();
        parts.push(say::list(&counts, 12));
    }
    if parts.is_empty() {
        return Ok(Said::nothing(format!("I have no refills recorded for {} medications.", who.get("your"))));
    }
    let lead = match (out.is_empty(), low.is_empty()) {
        (false, _) => "Yes: ",
        (true, false) => "Soon: ",
        (true, true) => "Not yet: ",
    };
    let lead = if turn.said_any(&["do", "is", "am", "need", "are", "does"])
        && !turn.said_any(&["many", "which", "what"])
    {
        lead
    } else {
        ""
    };
    let text = format!("{lead}{}.", parts.join("; "));
    Ok(Said::answered(if lead.is_empty() { say::capital(&text) } else { text }))
}

fn note(rec: &Rec) -> String {
    let notes = rec.text("NOTES");
    if notes.is_empty() { String::new() } else { format!(" {}.", notes.trim_end_matches('.')) }
}

/// What is taken for a condition, or for the part of the body that was named.
pub(super) fn for_condition(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let all = turn.records.select("SSELECT MEDICATION WITH PERSON_ID = \"{person}\" BY STATUS", &|name| {
        (name == "person").then(|| who.id.clone())
    })?;
    let words: Vec<String> = match turn.slot(Kind::Condition) {
        Some(slot) => {
            slot.entities.iter().map(|e| e.shown.to_lowercase()).chain([slot.text.clone()]).collect()
        }
        None => turn
            .tokens
            .iter()
            .map(|t| t.text.strip_suffix("es").unwrap_or(&t.text).to_owned())
            .filter(|w| {
                w.len() > 3
                    && !matches!(w.as_str(), "what" | "take" | "taking" | "which" | "medicine" | "medication")
            })
            .collect(),
    };
    let short = |text: &str| {
        text.replace("high ", "").replace("type 2 ", "").replace("hypertension", "blood pressure")
    };
    // What was taken once counts when that was asked, or when nothing is taken now.
    let fits = |rec: &&Rec| {
        let reason = short(&rec.text("REASON").to_lowercase());
        !reason.is_empty() && words.iter().any(|w| reason.contains(&short(w)) || short(w).contains(&reason))
    };
    let (now, past): (Vec<&Rec>, Vec<&Rec>) =
        all.iter().filter(fits).partition(|rec| rec.is("STATUS", "active"));
    let is_past = now.is_empty();
    let hits = if is_past { past } else { now };
    let what = turn.slot(Kind::Condition).map_or("that", |s| s.text.as_str());
    if hits.is_empty() {
        return Ok(Said::nothing(format!("I have no medication recorded for {what}{}.", who.get("for_you"))));
    }
    let items: Vec<String> = hits.iter().map(|r| described(r)).collect();
    let reason = say::lower_first(&hits[0].text("REASON"));
    let mut said = Said::answered(format!(
        "For {reason} {} {} {}.",
        who.get("you"),
        if is_past { "took".to_owned() } else { who.get("take") },
        say::list(&items, 12)
    ));
    if is_past {
        said.text.push_str(" It is recorded as no longer taken.");
    }
    if let [one] = hits[..] {
        said = said.about(Kind::Drug, &one.text("MEDICATION_NAME"), &name(one));
    }
    Ok(said)
}
