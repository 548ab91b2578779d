//! Immunizations, medical tests, conditions and insurance.

use crate::records::Rec;
use crate::say;
use crate::turn::{Answer, Said, Stop, Turn, Who};
use crate::understand::names::Kind;
use crate::understand::when::Direction;

fn of_person(turn: &Turn<'_>, file: &str, who: &Who, by: &str) -> Result<Vec<Rec>, Stop> {
    let sentence = format!("SSELECT {file} WITH PERSON_ID = \"{{person}}\" BY {by}");
    Ok(turn.records.select(&sentence, &|name| (name == "person").then(|| who.id.clone()))?)
}

/// Whether the slot names the value of a field; an absent slot names every value.
fn named(turn: &Turn<'_>, kind: Kind, value: &str) -> bool {
    turn.slot(kind)
        .is_none_or(|slot| slot.entities.iter().any(|e| !e.id.is_empty() && e.id.eq_ignore_ascii_case(value)))
}

/// How the thing was called in the question, without the word "shot" doubled.
fn vaccine_word(turn: &Turn<'_>) -> String {
    let text = turn.slot(Kind::Vaccine).map_or("", |s| s.text.as_str());
    let bare = text
        .replace(" shots", "")
        .replace(" shot", "")
        .replace(" vaccine", "")
        .replace(" booster", "")
        .replace(" vaccination", "");
    match bare.as_str() {
        "" => "shot".into(),
        "covid" | "covid 19" => "COVID shot".into(),
        "mmr" | "hpv" | "rsv" => format!("{} shot", bare.to_uppercase()),
        _ => format!("{bare} shot"),
    }
}

pub(super) fn immunization_last(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let rows = of_person(turn, "IMMUNIZATION", &who, "ADMINISTRATION_DATE")?;
    let when = turn.when_towards(Direction::Past);
    let mut hits: Vec<&Rec> =
        rows.iter().filter(|r| named(turn, Kind::Vaccine, &r.text("VACCINE_NAME"))).collect();
    // "My second shingles shot": the dose as it was numbered.
    const DOSES: [&str; 4] = ["first", "second", "third", "fourth"];
    let dose = DOSES.iter().position(|dose| turn.said_any(&[dose]) && turn.slot(Kind::Vaccine).is_some());
    if let Some(dose) = dose {
        hits.retain(|r| r.int("DOSE_NUMBER") == Some(dose as i64 + 1));
    }
    let all = hits.len();
    if let Some(when) = &when {
        hits.retain(|r| r.int("ADMINISTRATION_DATE").is_some_and(|d| when.contains(d)));
    }
    let word = match dose {
        Some(dose) => format!("{} {}", DOSES[dose], vaccine_word(turn)),
        None => vaccine_word(turn),
    };
    let yes_no =
        turn.tokens.first().is_some_and(|t| matches!(t.text.as_str(), "have" | "has" | "did" | "is" | "am"));
    let Some(rec) = hits.last() else {
        let when = when.filter(|_| all > 0).map_or(String::new(), |w| format!(" {}", w.said));
        return Ok(Said::nothing(format!("I have no {word} recorded for {}{when}.", who.get("you"))));
    };
    let day = rec.int("ADMINISTRATION_DATE").unwrap_or(0);
    let by = turn.name_of("HEALTHCARE_FACILITY", &rec.text("FACILITY_ID"))?;
    let by = if by.is_empty() { String::new() } else { format!(", at {by}") };
    let yes = if yes_no { "Yes, " } else { "" };
    let your = if yes_no { who.get("your") } else { who.get("Your") };
    let name = if turn.slot(Kind::Vaccine).is_none() {
        format!("shot, {},", say::lower_first(&rec.text("VACCINE_NAME")))
    } else {
        word
    };
    Ok(Said::answered(format!(
        "{yes}{your} {}{name} was {}, {}{by}.",
        if dose.is_some() { "" } else { "last " },
        say::on_day(day, turn.today())
            .replace(&say::date(day, turn.today()), &say::plain_date(day, turn.today())),
        crate::phrase::ago(day, turn.today())
    )))
}

pub(super) fn immunization_due(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let rows = of_person(turn, "IMMUNIZATION", &who, "ADMINISTRATION_DATE")?;
    // Only the newest record of a vaccine says when the next is due.
    let mut newest: Vec<&Rec> = Vec::new();
    for rec in rows.iter().filter(|r| named(turn, Kind::Vaccine, &r.text("VACCINE_NAME"))) {
        newest.retain(|r| r.text("VACCINE_NAME") != rec.text("VACCINE_NAME"));
        newest.push(rec);
    }
    let today = turn.today();
    if turn.slot(Kind::Vaccine).is_some() {
        let word = vaccine_word(turn);
        let Some(rec) = newest.first() else {
            return Ok(Said::nothing(format!(
                "I have no {word} recorded for {}, so I cannot say when it is due.",
                who.get("you")
            )));
        };
        return Ok(match rec.int("NEXT_DUE_DATE") {
            None => Said::answered(format!(
                "I have no next {word} recorded for {}; the last was on {}.",
                who.get("you"),
                say::plain_date(rec.int("ADMINISTRATION_DATE").unwrap_or(0), today)
            )),
            Some(due) if due < today => Said::answered(format!(
                "Yes, {} {word} was due on {}.",
                who.get("your"),
                say::plain_date(due, today)
            )),
            Some(due) if due - today <= 30 => Said::answered(format!(
                "{} next {word} is due soon: {}.",
                who.get("Your"),
                say::on_day(due, today)
            )),
            Some(due) => Said::answered(format!(
                "Not yet. {} next {word} is due on {}.",
                who.get("Your"),
                say::plain_date(due, today)
            )),
        });
    }
    let mut due: Vec<(i64, String)> = newest
        .iter()
        .filter_map(|r| Some((r.int("NEXT_DUE_DATE")?, say::lower_first(&r.text("VACCINE_NAME")))))
        .collect();
    due.sort();
    let when = turn.when_towards(Direction::Future);
    if let Some(when) = &when {
        due.retain(|(day, _)| when.contains(*day));
    }
    if due.is_empty() {
        return Ok(Said::nothing(format!(
            "{} {} no immunization recorded as due.",
            who.get("You"),
            who.get("have")
        )));
    }
    let (soon, later): (Vec<_>, Vec<_>) = due.into_iter().partition(|(day, _)| day - today <= 60);
    let describe = |list: Vec<(i64, String)>| -> Vec<String> {
        list.into_iter()
            .map(|(day, name)| {
                format!(
                    "{name} {}",
                    say::on_day(day, today).replace(&say::date(day, today), &say::plain_date(day, today))
                )
            })
            .collect()
    };
    let text = match (soon.is_empty(), later.is_empty()) {
        (false, _) => {
            format!("{} {} due soon for {}.", who.get("You"), who.get("are"), say::list(&describe(soon), 8))
        }
        (true, _) => format!("Nothing is due soon. Next: {}.", say::list(&describe(later), 4)),
    };
    Ok(Said::answered(text))
}

pub(super) fn immunization_list(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let mut rows = of_person(turn, "IMMUNIZATION", &who, "ADMINISTRATION_DATE")?;
    if let Some(when) = turn.when_towards(Direction::Past) {
        rows.retain(|r| r.int("ADMINISTRATION_DATE").is_some_and(|d| when.contains(d)));
    }
    rows.reverse();
    if rows.is_empty() {
        return Ok(Said::nothing(format!(
            "{} {} no immunizations recorded.",
            who.get("You"),
            who.get("have")
        )));
    }
    let items: Vec<String> = rows
        .iter()
        .map(|r| {
            let day = r.int("ADMINISTRATION_DATE").unwrap_or(0);
            format!("{} on {}", say::lower_first(&r.text("VACCINE_NAME")), say::plain_date(day, turn.today()))
        })
        .collect();
    Ok(Said::answered(format!(
        "{} {} {} recorded: {}.",
        who.get("You"),
        who.get("have"),
        say::counted(rows.len(), "immunization"),
        say::list(&items, 8)
    )))
}

/// "188 mg/dL, normal (reference: less than 200)"
fn result(rec: &Rec) -> String {
    let value = format!("{} {}", rec.text("RESULT_VALUE"), rec.text("RESULT_UNIT")).trim().to_string();
    let value = value.replace(" %", "%");
    let summary = rec.text("RESULT_SUMMARY");
    let range = rec.text("REFERENCE_RANGE");
    let range = if range.is_empty() { String::new() } else { format!(" (reference: {range})") };
    match (value.is_empty(), summary.is_empty()) {
        (false, false) => format!("{value}, {summary}{range}"),
        (false, true) => value,
        (true, false) => summary,
        (true, true) => "recorded without a result".into(),
    }
}

pub(super) fn test_result(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let rows = of_person(turn, "MEDICAL_TEST", &who, "TEST_DATE")?;
    let when = turn.when_towards(Direction::Past);
    let word = turn.slot(Kind::Test).map_or("test", |s| s.text.as_str());
    let mut hits: Vec<&Rec> = rows.iter().filter(|r| named(turn, Kind::Test, &r.text("TEST_NAME"))).collect();
    if let Some(when) = &when {
        hits.retain(|r| r.int("TEST_DATE").is_some_and(|d| when.contains(d)));
    }
    if hits.is_empty() {
        let when = when.map_or(String::new(), |w| format!(" {}", w.said));
        return Ok(Said::nothing(format!("I have no {word} result recorded for {}{when}.", who.get("you"))));
    }
    // The newest of each test, in the order of the file.
    let mut newest: Vec<&Rec> = Vec::new();
    for rec in &hits {
        newest.retain(|r| r.text("TEST_NAME") != rec.text("TEST_NAME"));
        newest.push(rec);
    }
    let today = turn.today();
    let lines: Vec<String> = newest
        .iter()
        .map(|r| {
            let day = r.int("TEST_DATE").unwrap_or(0);
            let name = say::lower_first(&r.text("TEST_NAME"));
            if r.is("RESULT_STATUS", "pending") {
                format!("the result of {name} from {} is still pending", say::day(day, today))
            } else {
                format!("{name} {}, on {}", result(r), say::plain_date(day, today))
            }
        })
        .collect();
    let mut text = match &newest[..] {
        [one] if one.is("RESULT_STATUS", "pending") => format!("{}.", say::capital(&lines[0])),
        [one] => {
            let name = say::lower_first(&one.text("TEST_NAME"));
            let day = say::plain_date(one.int("TEST_DATE").unwrap_or(0), today);
            format!("{} latest {name} was {}, on {day}.", who.get("Your"), result(one))
        }
        _ => format!("{} latest results: {}.", who.get("Your"), say::list(&lines, 8)),
    };
    if let [one] = newest[..] {
        let older: Vec<&&Rec> = hits.iter().filter(|r| r.id != one.id).collect();
        if let Some(before) = older.last().filter(|r| !r.text("RESULT_VALUE").is_empty()) {
            let day = before.int("TEST_DATE").unwrap_or(0);
            text.push_str(&format!(
                " Before that it was {} on {}.",
                before.text("RESULT_VALUE"),
                say::plain_date(day, today)
            ));
        }
        let notes = one.text("RESULT_NOTES");
        if one.text("RESULT_VALUE").is_empty() && !notes.is_empty() {
            text.push_str(&format!(" {}.", notes.trim_end_matches('.')));
        }
    }
    Ok(Said::answered(text))
}

pub(super) fn test_list(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let mut rows = of_person(turn, "MEDICAL_TEST", &who, "TEST_DATE")?;
    let pending = turn.said_any(&["pending", "waiting", "outstanding", "open"]);
    let abnormal = turn.said_any(&["abnormal", "bad", "wrong"]);
    if pending {
        rows.retain(|r| r.is("RESULT_STATUS", "pending"));
    }
    if abnormal {
        rows.retain(|r| r.is("ABNORMAL_FLAG", "Y"));
    }
    let when = turn.when_towards(Direction::Past);
    match &when {
        Some(when) => rows.retain(|r| r.int("TEST_DATE").is_some_and(|d| when.contains(d))),
        // Without a time: those of the last day on which something has a result.
        None if !pending && !abnormal && turn.said_any(&["last", "latest", "recent"]) => {
            if let Some(day) = rows
                .iter()
                .filter(|r| r.is("RESULT_STATUS", "completed"))
                .filter_map(|r| r.int("TEST_DATE"))
                .max()
            {
                rows.retain(|r| r.int("TEST_DATE").is_some_and(|d| d >= day));
            }
        }
        None => {}
    }
    rows.reverse();
    let kind = if pending {
        "pending "
    } else if abnormal {
        "abnormal "
    } else {
        ""
    };
    if rows.is_empty() {
        let when = when.map_or(String::new(), |w| format!(" {}", w.said));
        return Ok(Said::nothing(format!(
            "{} {} no {kind}test results recorded{when}.",
            who.get("You"),
            who.get("have")
        )));
    }
    let items: Vec<String> = rows
        .iter()
        .map(|r| {
            let day = say::plain_date(r.int("TEST_DATE").unwrap_or(0), turn.today());
            let name = say::lower_first(&r.text("TEST_NAME"));
            if r.is("RESULT_STATUS", "pending") {
                format!("{name} from {day} is pending")
            } else {
                format!("{name} {} on {day}", result(r))
            }
        })
        .collect();
    Ok(Said::answered(format!("{} {}test results: {}.", who.get("Your"), kind, say::list(&items, 8))))
}

pub(super) fn condition_check(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let rows = of_person(turn, "MEDICAL_HISTORY", &who, "DIAGNOSIS_DATE")?;
    let word = turn.slot(Kind::Condition).map_or("that", |s| s.text.as_str());
    let Some(rec) = rows.iter().rfind(|r| named(turn, Kind::Condition, &r.text("CONDITION"))) else {
        return Ok(Said::nothing(format!("I have no {word} recorded for {}.", who.get("you"))));
    };
    let name = say::lower_first(&rec.text("CONDITION"));
    let yes = turn
        .tokens
        .first()
        .is_some_and(|t| matches!(t.text.as_str(), "do" | "does" | "have" | "has" | "am" | "is"));
    let status = rec.text("STATUS");
    let mut text = match (yes, status == "resolved") {
        (true, false) => format!("Yes, {} {} {name} recorded ({status})", who.get("you"), who.get("have")),
        (true, true) => format!("Not any more: {name} is recorded as resolved"),
        (false, _) => format!("{} {name} is recorded as {status}", who.get("Your")),
    };
    if let Some(day) = rec.int("DIAGNOSIS_DATE") {
        text.push_str(&format!(", diagnosed on {}", say::plain_date(day, turn.today())));
    }
    let doctor = turn.name_of("DOCTOR", &rec.text("DOCTOR_ID"))?;
    if !doctor.is_empty() {
        text.push_str(&format!(" with {doctor}"));
    }
    text.push('.');
    let plan = rec.text("TREATMENT_PLAN");
    if !plan.is_empty() {
        text.push_str(&format!(" Treatment: {}.", say::lower_first(plan.trim_end_matches('.'))));
    }
    Ok(Said::answered(text))
}

pub(super) fn insurance(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let mut rows = of_person(turn, "INSURANCE", &who, "INSURANCE_TYPE")?;
    rows.retain(|r| r.is("STATUS", "active"));
    let kinds: [(&[&str], &str); 4] = [
        (&["dental"], "dental"),
        (&["vision", "eye"], "vision"),
        (&["health", "medical"], "medical"),
        (&["prescription"], "prescription"),
    ];
    let kind = kinds.iter().find(|(words, _)| turn.said_any(words)).map(|(_, kind)| *kind);
    if let Some(kind) = kind {
        rows.retain(|r| r.is("INSURANCE_TYPE", kind));
    }
    if rows.is_empty() {
        let kind = kind.map_or(String::new(), |k| format!("{k} "));
        return Ok(Said::nothing(format!(
            "{} {} no {kind}insurance recorded.",
            who.get("You"),
            who.get("have")
        )));
    }
    // Amounts of a plan are asked of the medical one, unless another was named.
    let rec = rows.iter().find(|r| r.is("INSURANCE_TYPE", "medical")).unwrap_or(&rows[0]);
    let dollars = |field: &str| rec.cents(field).map(|cents| say::money(cents).replace(".00", ""));
    let plan = format!("{} insurance with {}", rec.text("INSURANCE_TYPE"), rec.text("CARRIER_NAME"));
    let unknown = || format!("I have that not recorded for {} {plan}.", who.get("your"));
    let text = if turn.said_any(&["deductible"]) {
        match (dollars("DEDUCTIBLE"), dollars("DEDUCTIBLE_MET")) {
            (Some(all), Some(met)) => format!(
                "{} has met {met} of the {all} deductible of {} {plan}.",
                who.get("You").replace("You", "So far you"),
                who.get("your")
            )
            .replace("you has", "you have"),
            _ => unknown(),
        }
    } else if turn.said_any(&["pocket"]) {
        match (dollars("OUT_OF_POCKET_MAX"), dollars("OUT_OF_POCKET_MET")) {
            (Some(all), Some(met)) => {
                format!("The out-of-pocket maximum of {} {plan} is {all}; {met} is met.", who.get("your"))
            }
            _ => unknown(),
        }
    } else if turn.said_any(&["copay"]) {
        let parts: Vec<String> = [
            ("primary care", "COPAY_PRIMARY"),
            ("a specialist", "COPAY_SPECIALIST"),
            ("the emergency room", "COPAY_EMERGENCY"),
        ]
        .iter()
        .filter_map(|(label, field)| Some(format!("{} for {label}", dollars(field)?)))
        .collect();
        if parts.is_empty() {
            unknown()
        } else {
            format!("The copay of {} {plan} is {}.", who.get("your"), say::list(&parts, 4))
        }
    } else if turn.said_any(&["policy", "number", "id", "member", "subscriber", "group"])
        && !turn.said_any(&["phone", "call"])
    {
        let mut parts = vec![format!("policy number {}", rec.text("POLICY_NUMBER"))];
        for (label, field) in [("group", "GROUP_NUMBER"), ("subscriber", "SUBSCRIBER_ID")] {
            if !rec.text(field).is_empty() {
                parts.push(format!("{label} {}", rec.text(field)));
            }
        }
        format!("{} {plan}: {}.", who.get("Your"), say::list(&parts, 4))
    } else if turn.said_any(&["phone", "call"]) {
        format!("The phone number of {} is {}.", rec.text("CARRIER_NAME"), rec.text("CARRIER_PHONE"))
    } else {
        let items: Vec<String> = rows
            .iter()
            .map(|r| {
                format!("{} with {}", r.text("INSURANCE_TYPE"), r.text("CARRIER_NAME"))
                    + &(if r.text("PLAN_NAME").is_empty() {
                        String::new()
                    } else {
                        format!(" ({})", r.text("PLAN_NAME"))
                    })
            })
            .collect();
        format!("{} insurance: {}.", who.get("Your"), say::list(&items, 6))
    };
    Ok(Said::answered(text))
}
