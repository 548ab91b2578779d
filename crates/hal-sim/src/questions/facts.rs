//! What the right answers are: counted from the household's records with plain loops.
//!
//! Knows field numbers and nothing else: no query engine, no dictionary, no skill. Each fact is a list of ways to say the
//! same thing, joined by `|`, in the form that [`super::matches`] compares.

use std::collections::BTreeMap;

use hal_db::Record;
use hal_db::date::{day_from_ymd, days_in_month, iso, weekday, ymd_from_day};

/// Facts by name, as the placeholders of the question file call them.
pub type Facts = BTreeMap<String, String>;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Ways to name a day: `November 27`, `27th of November`, ISO, `tomorrow`, `Friday` when it is near.
fn day_words(day: i64, today: i64) -> String {
    let (year, month, d) = ymd_from_day(day);
    let name = MONTHS[month as usize - 1];
    let short = &name[..3];
    let suffix = match d {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    };
    let mut words = vec![iso(day), format!("{month}/{d}/{year}"), format!("{month:02}-{d:02}-{year}")];
    for name in [name, short] {
        for d in [d.to_string(), format!("{d}{suffix}")] {
            words.push(format!("{name} {d}"));
            words.push(format!("{d} {name}"));
            words.push(format!("{d} of {name}"));
        }
    }
    match day - today {
        0 => words.push("today".into()),
        1 => words.push("tomorrow".into()),
        -1 => words.push("yesterday".into()),
        _ => {}
    }
    if (day - today).abs() < 7 {
        words.push(WEEKDAYS[weekday(day) as usize - 1].into());
    }
    words.join("|")
}

/// Ways to name a time of day; `second` of the day.
fn time_words(second: u32) -> String {
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let half = if hour < 12 { "am" } else { "pm" };
    let mut words = vec![format!("{twelve}:{minute:02}"), format!("{hour:02}:{minute:02}")];
    if minute == 0 {
        words.extend([format!("{twelve} {half}"), format!("{twelve}{half}"), format!("{twelve} o'clock")]);
        words.push(format!("{twelve} in the"));
    }
    words.join("|")
}

/// Ways to say an amount; `cents` without sign.
fn money_words(cents: i64) -> String {
    let (dollars, rest) = (cents / 100, cents % 100);
    match (dollars, rest) {
        (0, 0) => "nothing|no|not|0.00|$0|none".into(),
        (_, 0) => format!("{dollars}.00|{dollars}|{dollars} dollars"),
        _ => format!("{dollars}.{rest:02}|{dollars} dollars and {rest} cents|{dollars} dollars {rest}"),
    }
}

struct Household<'a> {
    records: &'a [(String, String, Record)],
    today: i64,
}

impl<'a> Household<'a> {
    fn of(&self, file: &'static str) -> impl Iterator<Item = (&'a str, &'a Record)> {
        self.records
            .iter()
            .filter(move |(name, _, _)| name == file)
            .map(|(_, id, record)| (id.as_str(), record))
    }
}

fn number(record: &Record, field: usize) -> i64 {
    record.field_text(field).parse().unwrap_or_default()
}

/// Counts the facts of a household on its day. `second` is the second of the local day at which the questions are asked.
#[must_use]
pub fn facts(records: &[(String, String, Record)], today: i64, second: u32) -> Facts {
    let household = Household { records, today };
    let mut facts = Facts::new();
    clock(today, second, &mut facts);
    appointments(&household, &mut facts);
    vitals(&household, &mut facts);
    money(&household, &mut facts);
    days_of_records(&household, &mut facts);
    people(&household, &mut facts);
    facts
}

fn clock(today: i64, second: u32, facts: &mut Facts) {
    // Asking takes time: the next minute is right too.
    let now = format!("{}|{}", time_words(second), time_words((second + 60) % 86_400));
    facts.insert("time.now".into(), now);
    facts.insert("weekday.today".into(), WEEKDAYS[weekday(today) as usize - 1].into());
    let date = day_words(today, today);
    // "Today is today" is no date.
    let date: Vec<&str> = date.split('|').filter(|words| words.bytes().any(|b| b.is_ascii_digit())).collect();
    facts.insert("date.today".into(), date.join("|"));
}

/// `appt.next.P001.date`, `appt.next.P001.DR001.time`, `appt.last.…`: the next that takes place, the last that took place.
fn appointments(household: &Household<'_>, facts: &mut Facts) {
    let (person_at, doctor_at, date_at, time_at, status_at) = (1, 2, 4, 5, 9);
    let mut best: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (_, record) in household.of("APPOINTMENT") {
        let at = (number(record, date_at), number(record, time_at));
        let which = match &*record.field_text(status_at) {
            "scheduled" | "confirmed" if at.0 >= household.today => "next",
            "completed" => "last",
            _ => continue,
        };
        let (person, doctor) = (record.field_text(person_at), record.field_text(doctor_at));
        for key in [format!("appt.{which}.{person}"), format!("appt.{which}.{person}.{doctor}")] {
            let kept = best.entry(key).or_insert(at);
            *kept = if which == "next" { (*kept).min(at) } else { (*kept).max(at) };
        }
    }
    for (key, (day, second)) in best {
        facts.insert(format!("{key}.date"), day_words(day, household.today));
        let second = u32::try_from(second).expect("a time of day");
        facts.insert(format!("{key}.time"), time_words(second));
    }
}

/// `bp.latest.P001`, `glucose.today.P001`, `weight.yesterday.P001`, `pulse.…`.
fn vitals(household: &Household<'_>, facts: &mut Facts) {
    let (person_at, date_at, time_at) = (1, 2, 3);
    let (weight_at, systolic_at, diastolic_at, pulse_at, glucose_at) = (8, 12, 13, 15, 22);
    let mut latest: BTreeMap<String, ((i64, i64), String)> = BTreeMap::new();
    for (_, record) in household.of("VITAL_SIGNS") {
        let (day, at) = (number(record, date_at), (number(record, date_at), number(record, time_at)));
        let text = |field| record.field_text(field).into_owned();
        let (systolic, diastolic) = (text(systolic_at), text(diastolic_at));
        let pressure = if systolic.is_empty() {
            String::new()
        } else {
            format!("{systolic}/{diastolic}|{systolic} over {diastolic}|{systolic} / {diastolic}")
        };
        // A whole number is said without its tenths.
        let weight = text(weight_at);
        let weight = match weight.strip_suffix(".0") {
            Some(whole) => format!("{weight}|{whole}"),
            None => weight,
        };
        for (name, value) in
            [("bp", pressure), ("weight", weight), ("pulse", text(pulse_at)), ("glucose", text(glucose_at))]
        {
            if value.is_empty() {
                continue;
            }
            let mut keys = vec!["latest"];
            match household.today - day {
                0 => keys.push("today"),
                1 => keys.push("yesterday"),
                _ => {}
            }
            for key in keys {
                let key = format!("{name}.{key}.{}", record.field_text(person_at));
                let kept = latest.entry(key).or_insert_with(|| (at, value.clone()));
                if at >= kept.0 {
                    *kept = (at, value.clone());
                }
            }
        }
    }
    facts.extend(latest.into_iter().map(|(key, (_, value))| (key, value)));
}

/// `spend.groceries.this_month` by category name, `spend.PYE010.…` by payee, `spend.total.…`, `income.…`, `last.PYE018`.
fn money(household: &Household<'_>, facts: &mut Facts) {
    let (date_at, amount_at, category_at, payee_at) = (1, 4, 5, 11);
    let names: BTreeMap<&str, String> = household
        .of("CATEGORY")
        .map(|(id, record)| (id, record.field_text(1).to_lowercase().replace(' ', "_")))
        .collect();
    let (year, month, _) = ymd_from_day(household.today);
    let last_month = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let mut last: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let payees = household.of("PAYEE").map(|(id, _)| id.to_owned());
    let whats: Vec<String> = names.values().cloned().chain(payees).chain(["total".to_owned()]).collect();
    for when in ["this_month", "last_month", "this_year"] {
        sums.extend(whats.iter().map(|what| (format!("spend.{what}.{when}"), 0)));
        sums.insert(format!("income.{when}"), 0);
    }
    for (_, record) in household.of("TRANSACTION") {
        let (day, amount) = (number(record, date_at), number(record, amount_at));
        let payee = record.field_text(payee_at).into_owned();
        if last.get(&payee).is_none_or(|(kept, _)| *kept < day) {
            last.insert(payee.clone(), (day, amount.abs()));
        }
        let (of_year, of_month, _) = ymd_from_day(day);
        let mut whens = Vec::new();
        if of_year == year {
            whens.push("this_year");
        }
        if (of_year, of_month) == (year, month) {
            whens.push("this_month");
        }
        if (of_year, of_month) == last_month {
            whens.push("last_month");
        }
        for when in whens {
            if amount > 0 {
                *sums.entry(format!("income.{when}")).or_default() += amount;
                continue;
            }
            for what in [names[&*record.field_text(category_at)].as_str(), &payee, "total"] {
                *sums.entry(format!("spend.{what}.{when}")).or_default() -= amount;
            }
        }
    }
    facts.extend(sums.into_iter().map(|(key, cents)| (key, money_words(cents))));
    facts.extend(last.into_iter().map(|(payee, (_, cents))| (format!("last.{payee}"), money_words(cents))));
}

/// Days that stand in records: `med.MED006.end`, `imm.IMM001.date`, `mhx.MHX001.date`, `task.TSK020.due`, `event.EVT001.date`.
fn days_of_records(household: &Household<'_>, facts: &mut Facts) {
    for (id, record) in household.of("EVENT") {
        let second = record.field_text(4).parse().unwrap_or_default();
        facts.insert(format!("event.{id}.time"), time_words(second));
    }
    for (file, prefix, fields) in [
        ("MEDICATION", "med", &[("start", 9), ("end", 10)][..]),
        ("IMMUNIZATION", "imm", &[("date", 6), ("due", 18)]),
        ("MEDICAL_HISTORY", "mhx", &[("date", 3)]),
        ("TASK", "task", &[("due", 6)]),
        ("EVENT", "event", &[("date", 3)]),
    ] {
        for (id, record) in household.of(file) {
            for (name, field) in fields {
                if !record.field(*field).is_empty() {
                    let words = day_words(number(record, *field), household.today);
                    facts.insert(format!("{prefix}.{id}.{name}"), words);
                }
            }
        }
    }
}

/// `birthday.P006` and `age.P006`.
fn people(household: &Household<'_>, facts: &mut Facts) {
    const BIRTHDATE: usize = 4;
    let (year, ..) = ymd_from_day(household.today);
    for (id, record) in household.of("PERSON") {
        if record.field(BIRTHDATE).is_empty() {
            continue;
        }
        let (born, month, day) = ymd_from_day(number(record, BIRTHDATE));
        let this_year = day_from_ymd(year, month, day.min(days_in_month(year, month)));
        facts.insert(format!("birthday.{id}"), day_words(this_year, household.today));
        let age = year - born - i32::from(this_year > household.today);
        facts.insert(format!("age.{id}"), age.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[(usize, &str)]) -> Record {
        let mut record = Record::new();
        for (number, text) in fields {
            record.set_field(*number, text);
        }
        record
    }

    /// 24 November 2026, a Tuesday.
    const TODAY: i64 = 21_513;

    fn check(file: &str, rows: &[&[(usize, &str)]], name: &str, expected: &str) {
        let records: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(n, fields)| (file.to_owned(), format!("R{n}"), record(fields)))
            .collect();
        let facts = facts(&records, TODAY, 9 * 3600);
        let found = facts.get(name).map(|words| words.split('|').any(|word| word == expected));
        assert_eq!(found, Some(true), "{name} is {:?}, wanted {expected}", facts.get(name));
    }

    #[test]
    fn a_cancelled_appointment_is_never_the_next() {
        let rows: &[&[(usize, &str)]] = &[
            &[(1, "P1"), (2, "D1"), (4, "21514"), (5, "36000"), (9, "cancelled")],
            &[(1, "P1"), (2, "D1"), (4, "21520"), (5, "52200"), (9, "scheduled")],
            &[(1, "P1"), (2, "D1"), (4, "21530"), (5, "36000"), (9, "confirmed")],
        ];
        check("APPOINTMENT", rows, "appt.next.P1.date", "December 1");
        check("APPOINTMENT", rows, "appt.next.P1.D1.time", "2:30");
    }

    #[test]
    fn the_latest_reading_is_the_latest_of_the_day_too() {
        let rows: &[&[(usize, &str)]] = &[
            &[(1, "P1"), (2, "21513"), (3, "72000"), (12, "128"), (13, "80")],
            &[(1, "P1"), (2, "21513"), (3, "25200"), (12, "135"), (13, "88")],
        ];
        check("VITAL_SIGNS", rows, "bp.latest.P1", "128/80");
    }

    #[test]
    fn a_birthday_of_next_week_has_not_made_anybody_older() {
        let rows: &[&[(usize, &str)]] = &[&[(4, &day_from_ymd(1943, 12, 1).to_string())]];
        check("PERSON", rows, "age.R0", "82");
        check("PERSON", rows, "birthday.R0", "December 1st");
    }
}
