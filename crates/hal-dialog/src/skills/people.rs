//! How to reach people, doctors, pharmacies and places.

use crate::records::Rec;
use crate::say;
use crate::turn::{Answer, Said, Turn, doctor_name};
use crate::understand::names::Kind;

/// Which detail was asked for; phone when nothing was said.
#[derive(Clone, Copy, PartialEq)]
enum Detail {
    Phone,
    Mobile,
    Email,
    Address,
    Fax,
    Website,
    Hours,
    All,
}

fn detail(turn: &Turn<'_>) -> Detail {
    let rules: [(&[&str], Detail); 8] = [
        (&["email", "mail"], Detail::Email),
        (&["fax"], Detail::Fax),
        (&["website"], Detail::Website),
        (&["hours", "open", "opens", "close", "closes", "when", "time"], Detail::Hours),
        (
            &[
                "address", "where", "live", "lives", "located", "office", "street", "practice", "park",
                "parking",
            ],
            Detail::Address,
        ),
        (&["cell", "mobile"], Detail::Mobile),
        (&["information", "details", "contact"], Detail::All),
        (&["phone", "number", "telephone", "call", "reach"], Detail::Phone),
    ];
    // "the phone number of the office" asks for the phone.
    if turn.said_any(&["phone", "number", "telephone"]) && !turn.said_any(&["cell", "mobile", "fax"]) {
        return Detail::Phone;
    }
    rules.iter().find(|(words, _)| turn.said_any(words)).map_or(Detail::Phone, |(_, d)| *d)
}

fn address(rec: &Rec) -> String {
    ["ADDRESS", "CITY"].iter().map(|f| rec.text(f)).filter(|t| !t.is_empty()).collect::<Vec<_>>().join(", ")
}

/// One sentence about one detail of a record; `name` as in "Dr. Patel".
fn tell(rec: &Rec, name: &str, detail: Detail) -> Said {
    let field = |f: &str| rec.text(f);
    let hours = if field("HOURS_OPERATION").is_empty() { field("HOURS") } else { field("HOURS_OPERATION") };
    let mobile = field("MOBILE");
    let phone = field("PHONE");
    let (label, value) = match detail {
        Detail::Phone if phone.is_empty() => ("mobile number", mobile),
        Detail::Phone => ("phone number", phone),
        Detail::Mobile if mobile.is_empty() => ("phone number", phone),
        Detail::Mobile => ("mobile number", mobile),
        Detail::Email => ("email address", field("EMAIL")),
        Detail::Fax => ("fax number", field("FAX")),
        Detail::Website => ("website", field("WEBSITE")),
        Detail::Address => ("address", address(rec)),
        Detail::Hours => ("opening hours", hours),
        Detail::All => {
            let parts: Vec<String> =
                [("phone", phone), ("mobile", mobile), ("email", field("EMAIL")), ("address", address(rec))]
                    .into_iter()
                    .filter(|(_, v)| !v.is_empty())
                    .map(|(l, v)| format!("{l} {v}"))
                    .collect();
            if parts.is_empty() {
                return Said::nothing(format!("I have no contact details of {name} recorded."));
            }
            return Said::answered(format!("{name}: {}.", parts.join("; ")));
        }
    };
    if value.is_empty() {
        return Said::nothing(format!("I have no {label} of {name} recorded."));
    }
    match detail {
        Detail::Hours => Said::answered(format!("{name} is open {}.", say::lower_hours(&value))),
        Detail::Address => Said::answered(format!("{name} is at {value}.")),
        _ => Said::answered(format!("The {label} of {name} is {value}.")),
    }
}

pub(super) fn doctor_contact(turn: &Turn<'_>) -> Answer {
    let slot = turn.slot(Kind::Doctor).filter(|s| s.text != "primary");
    let rec = match slot {
        Some(slot) => {
            let doctor = turn.one(Kind::Doctor, slot)?;
            turn.records.get("DOCTOR", &doctor.id)?
        }
        // "My doctor" is the one of family medicine.
        None => turn.records.all("DOCTOR")?.into_iter().find(|d| {
            let specialty = d.text("SPECIALTY").to_lowercase();
            ["family", "general", "internal", "primary"].iter().any(|w| specialty.contains(w))
        }),
    };
    let Some(rec) = rec else { return Ok(Said::nothing("I have no such doctor recorded.")) };
    let name = doctor_name(&rec);
    let mut said = tell(&rec, &name, detail(turn));
    let practice = rec.text("PRACTICE_NAME");
    if detail(turn) == Detail::Address && !practice.is_empty() && !address(&rec).is_empty() {
        said.text = format!("{name} is at {practice}, {}.", address(&rec));
    }
    if detail(turn) == Detail::Hours
        && turn.records.may_read("HEALTHCARE_FACILITY")
        && let Some(facility) = turn.records.get("HEALTHCARE_FACILITY", &rec.text("FACILITY_ID"))?
    {
        said = tell(&facility, &facility.text("FACILITY_NAME"), Detail::Hours);
    }
    Ok(said.about(Kind::Doctor, &rec.id, &name))
}

pub(super) fn doctor_list(turn: &Turn<'_>) -> Answer {
    if let Some(doctor) = turn.named(Kind::Doctor)? {
        let Some(rec) = turn.records.get("DOCTOR", &doctor.id)? else {
            return Ok(Said::nothing("I have no such doctor recorded."));
        };
        let name = if rec.text("TITLE") == "NP" {
            doctor_name(&rec)
        } else {
            format!("Dr. {} {}", rec.text("FIRST_NAME"), rec.text("LAST_NAME"))
        };
        let practice = rec.text("PRACTICE_NAME");
        let practice = if practice.is_empty() { String::new() } else { format!(", at {practice}") };
        let text = format!("{name}, {}{practice}.", say::lower_first(&rec.text("SPECIALTY")));
        return Ok(Said::answered(text).about(Kind::Doctor, &rec.id, &doctor_name(&rec)));
    }
    let who = turn.patient()?;
    // The doctors of a person are those of the appointments and prescriptions; without any, all that are recorded.
    let mut ids: Vec<String> = Vec::new();
    for (file, field) in [("APPOINTMENT", "DOCTOR_ID"), ("MEDICATION", "PRESCRIBER_ID")] {
        if !turn.records.may_read(file) {
            continue;
        }
        let sentence = format!("SELECT {file} WITH PERSON_ID = \"{{person}}\"");
        for rec in turn.records.select(&sentence, &|name| (name == "person").then(|| who.id.clone()))? {
            let id = rec.text(field);
            if !id.is_empty() && !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids.sort();
    let mut items = Vec::new();
    for id in &ids {
        if let Some(rec) = turn.records.get("DOCTOR", id)? {
            items.push(format!("{} ({})", doctor_name(&rec), say::lower_first(&rec.text("SPECIALTY"))));
        }
    }
    if items.is_empty() {
        return Ok(Said::nothing(format!("I have no doctors recorded for {}.", who.get("you"))));
    }
    Ok(Said::answered(format!(
        "{} {} {}: {}.",
        who.get("You"),
        who.get("have"),
        say::counted(items.len(), "doctor"),
        say::list(&items, 10)
    )))
}

pub(super) fn pharmacy_contact(turn: &Turn<'_>) -> Answer {
    let named = turn.named(Kind::Pharmacy)?;
    let rec = match named {
        Some(pharmacy) => turn.records.get("PHARMACY", &pharmacy.id)?,
        None => {
            // "The pharmacy" is the one that most active prescriptions come from.
            let who = turn.patient()?;
            let sentence = "SELECT MEDICATION WITH PERSON_ID = \"{person}\" AND WITH STATUS = \"active\"";
            let rows = match turn.records.may_read("MEDICATION") {
                true => turn.records.select(sentence, &|name| (name == "person").then(|| who.id.clone()))?,
                false => Vec::new(),
            };
            let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
            for rec in &rows {
                *counts.entry(rec.text("PHARMACY_ID")).or_default() += 1;
            }
            counts.remove("");
            match counts.into_iter().max_by_key(|(id, n)| (*n, std::cmp::Reverse(id.clone()))) {
                Some((id, _)) => turn.records.get("PHARMACY", &id)?,
                None => turn.records.all("PHARMACY")?.into_iter().next(),
            }
        }
    };
    let Some(rec) = rec else { return Ok(Said::nothing("I have no pharmacy recorded.")) };
    let name = rec.text("PHARMACY_NAME");
    let said = if turn.said_any(&["deliver", "delivery", "deliveries"]) {
        let word = if rec.is("DELIVERY_AVAILABLE", "Y") { "delivers" } else { "does not deliver" };
        Said::answered(format!("{name} {word}."))
    } else if turn.said_any(&["drive"]) {
        let word = if rec.is("DRIVE_THRU", "Y") { "has" } else { "has no" };
        Said::answered(format!("{name} {word} a drive-through."))
    } else if turn.said_any(&[
        "phone",
        "number",
        "telephone",
        "call",
        "reach",
        "hours",
        "open",
        "opens",
        "close",
        "closes",
        "address",
        "where",
        "when",
        "time",
        "email",
        "fax",
        "website",
    ]) {
        tell(&rec, &name, detail(turn))
    } else {
        Said::answered(format!(
            "Your pharmacy is {name}, {}; the phone number is {}.",
            address(&rec),
            rec.text("PHONE")
        ))
    };
    Ok(said.about(Kind::Pharmacy, &rec.id, &name))
}

pub(super) fn place_contact(turn: &Turn<'_>) -> Answer {
    let Some(place) = turn.named(Kind::Facility)? else {
        return Ok(Said::nothing("I have no such place recorded."));
    };
    let (file, id) = place.id.split_once('/').unwrap_or(("PLACE", place.id.as_str()));
    let Some(rec) = turn.records.get(file, id)? else {
        return Ok(Said::nothing("I have no such place recorded."));
    };
    if turn.said_any(&["park", "parking"]) {
        let parking = if file == "PLACE" { rec.text("PARKING") } else { rec.text("PARKING_INFO") };
        return Ok(if parking.is_empty() {
            Said::nothing(format!("I have no parking recorded for {}.", place.shown))
        } else {
            Said::answered(format!("Parking at {}: {}.", place.shown, say::lower_first(&parking)))
        });
    }
    Ok(tell(&rec, &place.shown, detail(turn)))
}

pub(super) fn person_contact(turn: &Turn<'_>) -> Answer {
    let who = turn.who()?;
    let Some(rec) = turn.records.get("PERSON", &who.id)? else {
        return Ok(Said::nothing(format!("I have no record of {}.", who.first_name)));
    };
    let name = format!("{} {}", rec.text("FIRST_NAME"), rec.text("LAST_NAME"));
    let detail = match detail(turn) {
        Detail::Hours | Detail::Website | Detail::Fax => Detail::All,
        other => other,
    };
    let mut said = tell(&rec, &name, detail);
    if detail == Detail::Address && !address(&rec).is_empty() {
        said.text = format!("{name} lives at {}.", address(&rec));
    }
    // Most people are reached on either; both are told when both are there.
    let (phone, mobile) = (rec.text("PHONE"), rec.text("MOBILE"));
    if detail == Detail::Phone && !phone.is_empty() && !mobile.is_empty() && phone != mobile {
        said.text = format!("The phone number of {name} is {phone}, mobile {mobile}.");
    }
    Ok(said.about(Kind::Person, &rec.id, &name))
}

pub(super) fn who_is(turn: &Turn<'_>) -> Answer {
    let who = turn.who()?;
    let Some(rec) = turn.records.get("PERSON", &who.id)? else {
        return Ok(Said::nothing(format!("I have no record of {}.", who.first_name)));
    };
    let name = format!("{} {}", rec.text("FIRST_NAME"), rec.text("LAST_NAME"));
    let mut parts: Vec<String> = Vec::new();
    if let Some(me) =
        turn.user.person.as_ref().map(|id| turn.records.get("PERSON", id)).transpose()?.flatten()
    {
        // The later of two relations is the particular one: spouse, then wife.
        let relation = me.relations().into_iter().rfind(|(_, id)| *id == rec.id);
        if let Some((relation, _)) = relation {
            parts.push(format!("your {}", relation.replace('-', " ")));
        }
    }
    if !rec.text("TITLE").is_empty() {
        parts.push(say::lower_first(&rec.text("TITLE")));
    }
    let company = turn.name_of("COMPANY", &rec.text("COMPANY_ID"))?;
    if !company.is_empty() {
        parts.push(format!("at {company}"));
    }
    if !rec.text("PHONE").is_empty() || !rec.text("MOBILE").is_empty() {
        let phone = if rec.text("MOBILE").is_empty() { rec.text("PHONE") } else { rec.text("MOBILE") };
        parts.push(format!("phone {phone}"));
    }
    let notes = rec.text("NOTES");
    let notes = if notes.is_empty() { String::new() } else { format!(" {}.", notes.trim_end_matches('.')) };
    let text = if parts.is_empty() {
        format!("I have {name} recorded.{notes}")
    } else {
        format!("{name}: {}.{notes}", parts.join(", "))
    };
    Ok(Said::answered(text).about(Kind::Person, &rec.id, &name))
}

pub(super) fn last_contact(turn: &Turn<'_>) -> Answer {
    let who = turn.who()?;
    let day = turn.records.get("PERSON", &who.id)?.and_then(|r| r.int("LAST_CONTACT"));
    Ok(match day {
        Some(day) => {
            let ago = if turn.today() - day > 1 {
                format!(", {}", crate::phrase::ago(day, turn.today()))
            } else {
                String::new()
            };
            Said::answered(format!(
                "The last contact with {} was {}{ago}.",
                who.first_name,
                say::on_day(day, turn.today())
            ))
        }
        None => Said::nothing(format!("I have no last contact with {} recorded.", who.first_name)),
    })
}
