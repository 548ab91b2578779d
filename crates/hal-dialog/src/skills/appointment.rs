//! Medical appointments: the next, those of a time, the last, where and why.

use crate::records::{Fault, Rec};
use crate::say;
use crate::turn::{Answer, Said, Stop, Turn, Who};
use crate::understand::names::{Entity, Kind};
use crate::understand::when::{Direction, When};

/// What the appointments are narrowed to.
struct Wanted {
    who: Who,
    doctor: Option<Entity>,
    facility: Option<String>,
    kind: Option<&'static str>,
}

fn wanted(turn: &Turn<'_>) -> Result<Wanted, Stop> {
    let who = turn.patient()?;
    let doctor = turn.named(Kind::Doctor)?;
    let facility = match turn.slot(Kind::Facility) {
        Some(slot) => {
            let place = turn.one(Kind::Facility, slot)?;
            match place.id.strip_prefix("HEALTHCARE_FACILITY/") {
                Some(id) => Some(id.to_owned()),
                None => {
                    return Err(
                        Said::nothing(format!("I have no appointment at {} recorded.", place.shown)).into()
                    );
                }
            }
        }
        None => None,
    };
    // "cleaning" and "eye exam" stand in the reason of a visit, not in its type.
    const KINDS: [&str; 11] = [
        "physical",
        "cleaning",
        "eye",
        "procedure",
        "knee",
        "diabetes",
        "asthma",
        "memory",
        "skin",
        "allergy",
        "sports",
    ];
    let kind = KINDS.into_iter().find(|kind| doctor.is_none() && turn.said_any(&[kind]));
    let cleaned = turn.said_any(&["teeth", "tooth", "cleaned"]) && doctor.is_none();
    let kind = kind.or(cleaned.then_some("cleaning"));
    Ok(Wanted { who, doctor, facility, kind })
}

fn appointments(turn: &Turn<'_>, wanted: &Wanted, upcoming: bool) -> Result<Vec<Rec>, Fault> {
    let sentence = "SSELECT APPOINTMENT WITH PERSON_ID = \"{person}\" BY APPOINTMENT_DATE";
    let mut rows =
        turn.records.select(sentence, &|name| (name == "person").then(|| wanted.who.id.clone()))?;
    rows.retain(|r| {
        let status = r.text("STATUS").to_lowercase();
        let alive = if upcoming {
            !matches!(status.as_str(), "cancelled" | "completed" | "no-show")
        } else {
            !matches!(status.as_str(), "cancelled" | "no-show")
        };
        alive
            && wanted.doctor.as_ref().is_none_or(|d| r.is("DOCTOR_ID", &d.id))
            && wanted.facility.as_ref().is_none_or(|f| r.is("FACILITY_ID", f))
            && wanted.kind.is_none_or(|k| {
                r.text("REASON").to_lowercase().contains(k)
                    || r.text("APPOINTMENT_TYPE").to_lowercase().contains(k)
            })
    });
    rows.sort_by_key(|r| (r.int("APPOINTMENT_DATE").unwrap_or(0), r.time("APPOINTMENT_TIME").unwrap_or(0)));
    Ok(rows)
}

/// Day and second; without a time the end of the day.
pub(super) fn moment_of(rec: &Rec) -> (i64, u32) {
    (rec.int("APPOINTMENT_DATE").unwrap_or(0), rec.time("APPOINTMENT_TIME").unwrap_or(86_399))
}

/// Whether the appointment is still ahead at this moment.
fn is_ahead(turn: &Turn<'_>, rec: &Rec) -> bool {
    moment_of(rec) >= (turn.today(), turn.now.second)
}

/// "with Dr. Patel tomorrow at 10:30 in the morning, for teeth cleaning"
pub(super) fn described(turn: &Turn<'_>, rec: &Rec, with_reason: bool) -> Result<String, Fault> {
    let mut out = String::new();
    let doctor = turn.name_of("DOCTOR", &rec.text("DOCTOR_ID"))?;
    if !doctor.is_empty() {
        out.push_str(&format!("with {doctor} "));
    }
    if let Some(day) = rec.int("APPOINTMENT_DATE") {
        out.push_str(&say::on_day(day, turn.today()));
    }
    if let Some(second) = rec.time("APPOINTMENT_TIME") {
        let comma =
            if rec.int("APPOINTMENT_DATE").is_some_and(|d| (d - turn.today()).abs() > 1) { "," } else { "" };
        out.push_str(&format!("{comma} at {}", say::time(second)));
    }
    let reason = rec.text("REASON");
    if with_reason && !reason.is_empty() {
        out.push_str(&format!(", for {}", say::lower_first(&reason)));
    }
    Ok(out)
}

fn about(turn: &Turn<'_>, mut said: Said, rec: &Rec) -> Result<Said, Fault> {
    said.at = Some(moment_of(rec));
    let id = rec.text("DOCTOR_ID");
    let name = turn.name_of("DOCTOR", &id)?;
    Ok(if name.is_empty() { said } else { said.about(Kind::Doctor, &id, &name) })
}

fn none(turn: &Turn<'_>, wanted: &Wanted, which: &str, when: &str) -> Result<Said, Fault> {
    let with = match &wanted.doctor {
        Some(doctor) => format!(" with {}", turn.name_of("DOCTOR", &doctor.id)?),
        None => String::new(),
    };
    let when = if when.is_empty() { String::new() } else { format!(" {when}") };
    // "No past appointment" would be untrue when only no cleaning was found.
    let kind = wanted.kind.map_or(String::new(), |kind| format!("{kind} "));
    Ok(Said::nothing(format!(
        "{} {} no {which}{kind}appointment{with}{when} recorded.",
        wanted.who.get("You"),
        wanted.who.get("have")
    )))
}

fn in_range<'r>(rows: &'r [Rec], when: &When) -> Vec<&'r Rec> {
    rows.iter()
        .filter(|r| r.int("APPOINTMENT_DATE").is_some_and(|d| when.contains(d)))
        .filter(|r| {
            when.part
                .is_none_or(|(from, to)| r.time("APPOINTMENT_TIME").is_some_and(|t| t >= from && t <= to))
        })
        .collect()
}

/// The next one, also within a time that was named.
pub(super) fn next(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let rows = appointments(turn, &wanted, true)?;
    let when = turn.when_towards(Direction::Future);
    let mut ahead: Vec<&Rec> = rows.iter().filter(|r| is_ahead(turn, r)).collect();
    if let Some(when) = &when {
        let within: Vec<String> = in_range(&rows, when).iter().map(|r| r.id.clone()).collect();
        ahead.retain(|r| within.contains(&r.id));
    }
    let Some(rec) = ahead.first() else {
        return Ok(none(turn, &wanted, "upcoming ", when.as_ref().map_or("", |w| w.said.as_str()))?);
    };
    let text = format!("{} next appointment is {}.", wanted.who.get("Your"), described(turn, rec, true)?);
    Ok(about(turn, Said::answered(text), rec)?)
}

/// The one after that of the last answer.
pub(super) fn after(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let rows = appointments(turn, &wanted, true)?;
    let last = turn.after.unwrap_or((turn.today(), turn.now.second));
    let Some(rec) = rows.iter().find(|r| moment_of(r) > last) else {
        return Ok(none(turn, &wanted, "later ", "")?);
    };
    let text = format!(
        "After that {} {} one {}.",
        wanted.who.get("you"),
        wanted.who.get("have"),
        described(turn, rec, true)?
    );
    Ok(about(turn, Said::answered(text), rec)?)
}

/// The appointment of the last answer, else the next.
fn same(turn: &Turn<'_>, wanted: &Wanted) -> Result<Option<Rec>, Fault> {
    let mut rows = appointments(turn, wanted, true)?;
    match turn.after.and_then(|at| rows.iter().position(|r| moment_of(r) == at)) {
        Some(index) => Ok(Some(rows.swap_remove(index))),
        None => first_ahead(turn, wanted),
    }
}

/// Time, doctor and reason of the one that the talk is about.
pub(super) fn that(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let Some(rec) = same(turn, &wanted)? else { return Ok(none(turn, &wanted, "upcoming ", "")?) };
    let text = format!("{} appointment is {}.", wanted.who.get("Your"), described(turn, &rec, true)?);
    Ok(about(turn, Said::answered(text), &rec)?)
}

/// Where the one is that the talk is about.
pub(super) fn that_place(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let Some(rec) = same(turn, &wanted)? else { return Ok(none(turn, &wanted, "upcoming ", "")?) };
    place_of(turn, &wanted, &rec)
}

/// All in a time, or all that are ahead.
pub(super) fn list(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let when = turn.when_towards(Direction::Future);
    let looks_back = when.as_ref().is_some_and(|w| w.to.is_some_and(|to| to < turn.today()));
    let rows = appointments(turn, &wanted, !looks_back)?;
    let hits: Vec<&Rec> = match &when {
        Some(when) => in_range(&rows, when),
        None => rows.iter().filter(|r| is_ahead(turn, r)).collect(),
    };
    let said_when = when.as_ref().map_or(String::new(), |w| format!(" {}", w.said));
    if hits.is_empty() {
        let which = if when.is_none() { "upcoming " } else { "" };
        return Ok(none(turn, &wanted, which, when.as_ref().map_or("", |w| w.said.as_str()))?);
    }
    let items = hits.iter().map(|r| described(turn, r, true)).collect::<Result<Vec<_>, _>>()?;
    let have = if looks_back { "had".to_string() } else { wanted.who.get("have") };
    let upcoming = if when.is_none() { "upcoming " } else { "" };
    let said_when =
        if when.as_ref().is_some_and(|w| w.single().is_some()) { String::new() } else { said_when };
    let text = format!(
        "{} {have} {}{said_when}: {}.",
        wanted.who.get("You"),
        say::counted(hits.len(), &format!("{upcoming}appointment")),
        say::list(&items, 6)
    );
    Ok(about(turn, Said::answered(text), hits[0])?)
}

/// The last visit that took place.
pub(super) fn last(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let rows = appointments(turn, &wanted, false)?;
    let when = turn.when_towards(Direction::Past);
    let mut past: Vec<&Rec> =
        rows.iter().filter(|r| !is_ahead(turn, r) && !r.is("STATUS", "scheduled")).collect();
    if let Some(when) = &when {
        past.retain(|r| r.int("APPOINTMENT_DATE").is_some_and(|d| when.contains(d)));
    }
    let Some(rec) = past.last() else {
        return Ok(none(turn, &wanted, "past ", when.as_ref().map_or("", |w| w.said.as_str()))?);
    };
    let day = rec.int("APPOINTMENT_DATE").unwrap_or(0);
    let ago = crate::phrase::ago(day, turn.today());
    let ago = if turn.today() - day > 1 { format!(", {ago}") } else { String::new() };
    let reason = rec.text("REASON");
    let reason =
        if reason.is_empty() { String::new() } else { format!(", for {}", say::lower_first(&reason)) };
    let text =
        format!("{} last visit was {}{ago}{reason}.", wanted.who.get("Your"), described(turn, rec, false)?);
    Ok(about(turn, Said::answered(text), rec)?)
}

/// How many visits took place.
pub(super) fn count(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let mut rows = appointments(turn, &wanted, false)?;
    rows.retain(|r| !is_ahead(turn, r));
    let when = turn.when_towards(Direction::Past);
    if let Some(when) = &when {
        rows.retain(|r| r.int("APPOINTMENT_DATE").is_some_and(|d| when.contains(d)));
    }
    let said_when = when.map_or(String::new(), |w| format!(" {}", w.said));
    let with = match &wanted.doctor {
        Some(doctor) => format!(" with {}", turn.name_of("DOCTOR", &doctor.id)?),
        None => String::new(),
    };
    if rows.is_empty() {
        return Ok(none(turn, &wanted, "past ", said_when.trim())?);
    }
    let visits = say::counted(rows.len(), "visit");
    Ok(Said::answered(format!("{} had {visits}{with}{said_when} recorded.", wanted.who.get("You"))))
}

/// What was noted at the last visit.
pub(super) fn summary(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let rows = appointments(turn, &wanted, false)?;
    let when = turn.when_towards(Direction::Past);
    let hit = rows.iter().rfind(|r| {
        r.is("STATUS", "completed")
            && when.as_ref().is_none_or(|w| r.int("APPOINTMENT_DATE").is_some_and(|d| w.contains(d)))
    });
    let Some(rec) = hit else { return Ok(none(turn, &wanted, "past ", "")?) };
    let described = described(turn, rec, false)?;
    let summary = rec.text("VISIT_SUMMARY");
    let text = if summary.is_empty() {
        return Ok(Said::nothing(format!(
            "{} last visit was {described}; I have no summary of it recorded.",
            wanted.who.get("Your")
        )));
    } else {
        format!(
            "{} last visit was {described}. The summary says: {}.",
            wanted.who.get("Your"),
            summary.trim_end_matches('.')
        )
    };
    Ok(about(turn, Said::answered(text), rec)?)
}

fn first_ahead(turn: &Turn<'_>, wanted: &Wanted) -> Result<Option<Rec>, Fault> {
    let rows = appointments(turn, wanted, true)?;
    let when = turn.when_towards(Direction::Future);
    Ok(rows.into_iter().find(|r| {
        is_ahead(turn, r)
            && when.as_ref().is_none_or(|w| r.int("APPOINTMENT_DATE").is_some_and(|d| w.contains(d)))
    }))
}

/// Where the next one is.
pub(super) fn place(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let Some(rec) = first_ahead(turn, &wanted)? else { return Ok(none(turn, &wanted, "upcoming ", "")?) };
    place_of(turn, &wanted, &rec)
}

fn place_of(turn: &Turn<'_>, wanted: &Wanted, rec: &Rec) -> Answer {
    let facility = match turn.records.may_read("HEALTHCARE_FACILITY") {
        true => turn.records.get("HEALTHCARE_FACILITY", &rec.text("FACILITY_ID"))?,
        false => None,
    };
    let described = described(turn, rec, false)?;
    let your = wanted.who.get("Your");
    let text = match facility {
        Some(f) => {
            let address = f.text("ADDRESS");
            let address = if address.is_empty() { String::new() } else { format!(", {address}") };
            let parking = f.text("PARKING_INFO");
            let parking = if parking.is_empty() {
                String::new()
            } else {
                format!(" Parking: {}.", say::lower_first(&parking))
            };
            format!("{your} appointment {described} is at {}{address}.{parking}", f.text("FACILITY_NAME"))
        }
        None => format!("{your} next appointment is {described}; I have no place recorded for it."),
    };
    Ok(about(turn, Said::answered(text), rec)?)
}

/// The copay of the next one.
pub(super) fn cost(turn: &Turn<'_>) -> Answer {
    let wanted = wanted(turn)?;
    let Some(rec) = first_ahead(turn, &wanted)? else { return Ok(none(turn, &wanted, "upcoming ", "")?) };
    let described = described(turn, &rec, false)?;
    let text = match rec.cents("COPAY_AMOUNT") {
        Some(cents) => format!(
            "The copay for {} appointment {described} is {}.",
            wanted.who.get("your"),
            say::money(cents)
        ),
        None => format!("I have no copay recorded for {} appointment {described}.", wanted.who.get("your")),
    };
    Ok(about(turn, Said::answered(text), &rec)?)
}
