//! Measurements: the latest, those of a time, extremes, averages, trends.

use crate::records::Rec;
use crate::say;
use crate::turn::{Answer, Said, Stop, Turn, Who};
use crate::understand::names::Kind;
use crate::understand::when::When;

/// What can be measured: its key in `names.toml`, fields, unit for the ear, how precise.
struct Measure {
    key: &'static str,
    name: &'static str,
    field: &'static str,
    unit: &'static str,
}

const MEASURES: [Measure; 11] = [
    Measure { key: "pressure", name: "blood pressure", field: "BLOOD_PRESSURE_SYSTOLIC", unit: "" },
    Measure { key: "weight", name: "weight", field: "WEIGHT", unit: " pounds" },
    Measure { key: "glucose", name: "blood sugar", field: "GLUCOSE", unit: " milligrams per deciliter" },
    Measure { key: "pulse", name: "pulse", field: "PULSE", unit: " beats per minute" },
    Measure { key: "temperature", name: "temperature", field: "TEMPERATURE", unit: " degrees" },
    Measure { key: "oxygen", name: "oxygen saturation", field: "OXYGEN_SATURATION", unit: " percent" },
    Measure { key: "height", name: "height", field: "HEIGHT", unit: "" },
    Measure { key: "bmi", name: "body mass index", field: "BMI", unit: "" },
    Measure {
        key: "respiration",
        name: "respiratory rate",
        field: "RESPIRATORY_RATE",
        unit: " breaths per minute",
    },
    Measure { key: "pain", name: "pain level", field: "PAIN_LEVEL", unit: "" },
    Measure { key: "waist", name: "waist", field: "WAIST_CIRCUMFERENCE", unit: " inches" },
];

const DIASTOLIC: &str = "BLOOD_PRESSURE_DIASTOLIC";

/// One reading.
#[derive(Clone)]
struct Reading {
    day: i64,
    second: Option<u32>,
    value: f64,
    /// Diastolic, for blood pressure.
    second_value: Option<f64>,
    timing: String,
}

fn measure(turn: &Turn<'_>) -> &'static Measure {
    let key = turn.slot(Kind::Measure).and_then(|s| s.entities.first()).map_or("", |e| e.id.as_str());
    MEASURES.iter().find(|m| m.key == key).unwrap_or(&MEASURES[0])
}

fn readings(
    turn: &Turn<'_>,
    who: &Who,
    measure: &Measure,
    when: Option<&When>,
) -> Result<Vec<Reading>, Stop> {
    let mut sentence = String::from("SSELECT VITAL_SIGNS WITH PERSON_ID = \"{person}\"");
    let (from, to) = (when.and_then(|w| w.from), when.and_then(|w| w.to));
    if from.is_some() {
        sentence.push_str(" AND WITH MEASUREMENT_DATE >= \"{from}\"");
    }
    if to.is_some() {
        sentence.push_str(" AND WITH MEASUREMENT_DATE <= \"{to}\"");
    }
    sentence.push_str(" BY MEASUREMENT_DATE");
    let rows = turn.records.select(&sentence, &|name| match name {
        "person" => Some(who.id.clone()),
        "from" => from.map(crate::understand::calendar::iso),
        "to" => to.map(crate::understand::calendar::iso),
        _ => None,
    })?;
    let part = when.and_then(|w| w.part);
    let mut out: Vec<Reading> = rows.iter().filter_map(|rec| reading(rec, measure)).collect();
    out.retain(|r| part.is_none_or(|(from, to)| r.second.is_none_or(|s| s >= from && s <= to)));
    out.sort_by_key(|r| (r.day, r.second));
    Ok(out)
}

fn reading(rec: &Rec, measure: &Measure) -> Option<Reading> {
    Some(Reading {
        day: rec.int("MEASUREMENT_DATE")?,
        second: rec.time("MEASUREMENT_TIME"),
        value: rec.number(measure.field)?,
        second_value: if measure.key == "pressure" { rec.number(DIASTOLIC) } else { None },
        timing: if measure.key == "glucose" { rec.text("GLUCOSE_TIMING") } else { String::new() },
    })
}

/// "128/82", "188.4 pounds", "five feet ten inches".
fn value(measure: &Measure, value: f64, second: Option<f64>) -> String {
    if measure.key == "height" {
        let inches = value.round() as i64;
        return format!("{} feet {} inches", inches / 12, inches % 12);
    }
    let number = |v: f64| if (v - v.round()).abs() < 0.05 { format!("{:.0}", v) } else { format!("{v:.1}") };
    match second {
        Some(second) => format!("{}/{}", number(value), number(second)),
        None => format!("{}{}", number(value), measure.unit),
    }
}

/// "on Tuesday, November 17th, at 6:45 in the morning"
fn taken(turn: &Turn<'_>, reading: &Reading) -> String {
    let mut out = say::on_day(reading.day, turn.today());
    if let Some(second) = reading.second {
        let comma = if (reading.day - turn.today()).abs() > 1 { "," } else { "" };
        out.push_str(&format!("{comma} at {}", say::time(second)));
    }
    out
}

fn nothing(who: &Who, measure: &Measure, when: Option<&When>) -> Said {
    let when = when.map_or(String::new(), |w| format!(" {}", w.said));
    Said::nothing(format!("I have no {} recorded for {}{when}.", measure.name, who.get("you")))
}

/// "What was my blood pressure last week?"
pub(super) fn query(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let measure = measure(turn);
    let when = turn.when();
    let all = readings(turn, &who, measure, when.as_ref())?;
    let Some(last) = all.last() else {
        let mut said = nothing(&who, measure, when.as_ref());
        // Nothing in that time; the latest helps further.
        if when.is_some()
            && let Some(latest) = readings(turn, &who, measure, None)?.last()
        {
            said.text.push_str(&format!(
                " The latest is {} {}.",
                value(measure, latest.value, latest.second_value),
                taken(turn, latest)
            ));
        }
        return Ok(said);
    };
    let your = who.get("Your");
    let name = measure.name;
    if all.len() == 1 || when.is_none() {
        let tense = if when.is_none() { "latest " } else { "" };
        let timing = if last.timing.is_empty() { String::new() } else { format!(", {}", last.timing) };
        return Ok(Said::answered(format!(
            "{your} {tense}{name} was {}{timing}, measured {}.",
            value(measure, last.value, last.second_value),
            taken(turn, last)
        )));
    }
    let when = when.map(|w| w.said).unwrap_or_default();
    // "Read me my blood pressures": each of them.
    let each = turn.said_any(&[
        "read",
        "list",
        "each",
        "all",
        "every",
        "readings",
        "pressures",
        "sugars",
        "weights",
    ]);
    if all.len() <= if each { 8 } else { 3 } {
        let items: Vec<String> = all
            .iter()
            .map(|r| format!("{} {}", value(measure, r.value, r.second_value), taken(turn, r)))
            .collect();
        return Ok(Said::answered(format!("{your} {name} {when} was {}.", say::list(&items, 8))));
    }
    let (mean, mean2) = means(&all);
    let (low, high) = range(&all);
    Ok(Said::answered(format!(
        "{your} {name} {when}: {} readings, on average {}, from {} to {}; the latest was {} {}.",
        all.len(),
        value(measure, mean.round(), mean2.map(f64::round)),
        value(measure, low.value, low.second_value).trim_end_matches(measure.unit),
        value(measure, high.value, high.second_value),
        value(measure, last.value, last.second_value),
        taken(turn, last)
    )))
}

fn means(all: &[Reading]) -> (f64, Option<f64>) {
    let n = all.len() as f64;
    let mean = all.iter().map(|r| r.value).sum::<f64>() / n;
    let seconds: Vec<f64> = all.iter().filter_map(|r| r.second_value).collect();
    let mean2 = (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64);
    (mean, mean2)
}

/// Lowest and highest; of equals the later.
fn range(all: &[Reading]) -> (&Reading, &Reading) {
    let key = |r: &&Reading| (r.value * 1000.0) as i64 * 1000 + r.second_value.unwrap_or(0.0) as i64;
    let low = all.iter().rev().min_by_key(key).unwrap_or(&all[0]);
    let high = all.iter().max_by_key(key).unwrap_or(&all[0]);
    (low, high)
}

/// Highest, lowest, average.
pub(super) fn extreme(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let measure = measure(turn);
    let when = turn.when();
    let all = readings(turn, &who, measure, when.as_ref())?;
    if all.is_empty() {
        return Ok(nothing(&who, measure, when.as_ref()));
    }
    let said_when = when.map_or(String::new(), |w| format!(" {}", w.said));
    let (your, name) = (who.get("Your"), measure.name);
    if turn.said_any(&["average", "mean", "averaged", "typical", "averages"]) {
        let (mean, mean2) = means(&all);
        let mean = if measure.key == "weight" { mean } else { mean.round() };
        return Ok(Said::answered(format!(
            "{your} average {name}{said_when} was {}, over {}.",
            value(measure, mean, mean2.map(f64::round)),
            say::counted(all.len(), "reading")
        )));
    }
    let (low, high) = range(&all);
    let lowest =
        turn.said_any(&["lowest", "minimum", "min", "low", "least", "best"]) && !turn.said_any(&["highest"]);
    let (word, hit) = if lowest { ("lowest", low) } else { ("highest", high) };
    Ok(Said::answered(format!(
        "{your} {word} {name}{said_when} was {}, {}.",
        value(measure, hit.value, hit.second_value),
        taken(turn, hit)
    )))
}

/// Has it changed? The first and the last reading of the time.
pub(super) fn trend(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let measure = measure(turn);
    // "compared to last month" asks from then until now.
    let when = turn.when().map(|w| When { to: w.to.map(|to| to.max(turn.today())), ..w });
    let mut all = readings(turn, &who, measure, when.as_ref())?;
    let mut said_when = when.as_ref().map_or(String::new(), |w| w.said.clone());
    if when.is_none() {
        all.retain(|r| r.day >= turn.today() - 90);
        said_when = "over the last three months".into();
    }
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return Ok(nothing(&who, measure, when.as_ref()));
    };
    if all.len() == 1 {
        return Ok(Said::answered(format!(
            "I have only one {} reading {said_when}: {} {}.",
            measure.name,
            value(measure, first.value, first.second_value),
            taken(turn, first)
        )));
    }
    // Single readings of blood pressure and sugar jump; thirds are compared, single readings only when there are few.
    let third = (all.len() / 3).max(1);
    let (early, _) = means(&all[..third]);
    let (late, _) = means(&all[all.len() - third..]);
    let change =
        if all.len() < 6 || measure.key == "weight" { last.value - first.value } else { late - early };
    let small = match measure.key {
        "weight" => 1.0,
        _ => 2.0,
    };
    let verb = match change {
        c if c.abs() < small => "is about the same",
        c if c > 0.0 => "has gone up",
        _ => "has gone down",
    };
    let by = if verb == "is about the same" {
        String::new()
    } else {
        format!(" by {}", value(measure, change.abs(), None))
    };
    Ok(Said::answered(format!(
        "{} {} {verb}{by} {said_when}: it was {} {} and {} {}.",
        who.get("Your"),
        measure.name,
        value(measure, first.value, first.second_value),
        say::on_day(first.day, turn.today()),
        value(measure, last.value, last.second_value),
        say::on_day(last.day, turn.today())
    )))
}

/// The latest of everything that is measured.
pub(super) fn latest(turn: &Turn<'_>) -> Answer {
    let who = turn.patient()?;
    let when = turn.when();
    let mut items = Vec::new();
    for measure in MEASURES.iter().filter(|m| !matches!(m.key, "height" | "bmi")) {
        if let Some(last) = readings(turn, &who, measure, when.as_ref())?.last() {
            items.push(format!(
                "{} {} {}",
                measure.name,
                value(measure, last.value, last.second_value),
                say::on_day(last.day, turn.today())
            ));
        }
    }
    if items.is_empty() {
        let when = when.map_or(String::new(), |w| format!(" {}", w.said));
        return Ok(Said::nothing(format!(
            "{} {} no measurements recorded{when}.",
            who.get("You"),
            who.get("have")
        )));
    }
    Ok(Said::answered(format!("{} latest measurements: {}.", who.get("Your"), say::list(&items, 10))))
}
