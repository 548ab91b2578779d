//! Six months of VITAL_SIGNS: what a cuff, a scale and a glucose meter at home would have written, and some visits.
//!
//! Arthur (P001): glucose on most mornings, blood pressure on Tuesdays and Saturdays, weight on Sundays, going down slowly.
//! Whatever the weekday, this morning and yesterday have glucose and blood pressure, so that "this morning" and
//! "yesterday" have an answer. Oliver (P003) has nothing.

use hal_db::Record;
use hal_db::date::{iso, weekday};

use super::HISTORY_DAYS;
use super::chance::Chance;
use super::table::{Draft, workday};

type Made = (String, String, Record);

/// One measurement at home; `letter` tells apart the kinds in the id.
fn measured(person: &str, day: i64, letter: char, second: i64) -> Draft {
    let id = format!("VIT-{person}-{}{letter}", iso(day).replace('-', ""));
    Draft::new("VITAL_SIGNS", id)
        .set("PERSON_ID", person)
        .set("MEASUREMENT_DATE", day.to_string())
        .set("MEASUREMENT_TIME", second.to_string())
}

fn pressure(draft: Draft, chance: &mut Chance, systolic: i64, diastolic: i64) -> Draft {
    let (systolic, diastolic) =
        (chance.around(systolic - 11, systolic + 11), chance.around(diastolic - 8, diastolic + 8));
    let draft = draft
        .set("BLOOD_PRESSURE_SYSTOLIC", systolic.to_string())
        .set("BLOOD_PRESSURE_DIASTOLIC", diastolic.to_string())
        .set("BP_POSITION", "sitting")
        .set("PULSE", chance.around(60, 84).to_string())
        .set("PULSE_RHYTHM", "regular");
    if systolic >= 140 || diastolic >= 90 {
        draft.set("ABNORMAL_FLAGS", "high blood pressure")
    } else {
        draft
    }
}

pub(super) fn records(today: i64) -> Vec<Made> {
    let mut records = Vec::new();
    for day in today - HISTORY_DAYS..=today {
        let recent = day >= today - 1;
        arthur(day, today, recent, &mut records);
        let mut chance = Chance::of(day, "vitals of others");
        if weekday(day) == 1 {
            let mary = measured("P006", day, 'B', 10 * 3600);
            records.push(pressure(mary, &mut chance, 138, 78).finish(today));
        }
        if weekday(day) == 3 && chance.percent(30) {
            let grace = measured("P002", day, 'B', 21 * 3600);
            records.push(pressure(grace, &mut chance, 117, 74).finish(today));
        }
    }
    records.extend(visits(today));
    records
}

fn arthur(day: i64, today: i64, recent: bool, records: &mut Vec<Made>) {
    let mut chance = Chance::of(day, "vitals of P001");
    // Minutes differ a little from day to day, always before eight.
    let second = 6 * 3600 + 60 * chance.between(20, 55);
    if recent || chance.percent(85) {
        let glucose = chance.around(96, 152);
        let draft = measured("P001", day, 'G', second)
            .set("GLUCOSE", glucose.to_string())
            .set("GLUCOSE_TIMING", "fasting");
        let draft = if glucose > 130 { draft.set("ABNORMAL_FLAGS", "high glucose") } else { draft };
        records.push(draft.finish(today));
    }
    if recent || matches!(weekday(day), 2 | 6) {
        let draft = measured("P001", day, 'B', second + 600);
        records.push(pressure(draft, &mut chance, 131, 83).finish(today));
    }
    if weekday(day) == 7 {
        // Tenths of a pound: 0.3 lost a week, and a little salt.
        let tenths = 1884 + (today - day) * 3 / 7 + chance.around(-12, 12);
        let draft = measured("P001", day, 'W', second + 900)
            .set("WEIGHT", format!("{}.{}", tenths / 10, tenths % 10))
            // 703 × pounds ÷ inches²; Arthur is 70 inches tall.
            .set("BMI", format!("{:.1}", tenths as f64 / 10.0 * 703.0 / 4900.0));
        records.push(draft.finish(today));
    }
}

/// What doctors measured; days and ids as in APPOINTMENT.tbl.
fn visits(today: i64) -> Vec<Made> {
    let visit = |person: &str, days_ago: i64, doctor: &str, facility: &str, appointment: &str, time: i64| {
        measured(person, workday(today - days_ago), 'V', time)
            .set("MEASURED_BY", doctor)
            .set("FACILITY_ID", facility)
            .set("APPOINTMENT_ID", appointment)
    };
    vec![
        visit("P001", 131, "DR001", "HF001", "APT012", 36_300)
            .set("HEIGHT", "70")
            .set("OXYGEN_SATURATION", "98"),
        visit("P002", 22, "DR001", "HF001", "APT022", 41_700)
            .set("HEIGHT", "65")
            .set("WEIGHT", "142.5")
            .set("BLOOD_PRESSURE_SYSTOLIC", "118")
            .set("BLOOD_PRESSURE_DIASTOLIC", "76")
            .set("PULSE", "68"),
        visit("P004", 65, "DR005", "HF005", "APT041", 58_800).set("HEIGHT", "62").set("WEIGHT", "104.0"),
        visit("P005", 13, "DR005", "HF005", "APT052", 39_000)
            .set("HEIGHT", "52")
            .set("WEIGHT", "61.5")
            .set("TEMPERATURE", "101.2")
            .set("TEMP_METHOD", "ear")
            .set("OXYGEN_SATURATION", "97")
            .set("ABNORMAL_FLAGS", "fever"),
        visit("P006", 56, "DR009", "HF006", "APT062", 40_800).set("WEIGHT", "128.0").set("HEIGHT", "61"),
    ]
    .into_iter()
    .map(|draft| draft.finish(today))
    .collect()
}
