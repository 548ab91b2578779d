//! How a field's type and name become a dictionary item.

use super::SchemaField;
use crate::dict::DataItem;
use crate::error::{Error, Result};
use crate::fmt::Format;

const DATE: &str = "D4-YMD[4,2,2]";
const MONEY: &str = "MD2,$";
const TIME: &str = "MTH";
/// Day and second of a stamp are divided by the point.
const STAMP_TIME: &str = "G1.1\u{FD}MTH";

/// Words that make an N field an amount of money. TOTAL alone does not: it also counts doses and tokens.
const MONEY_WORDS: [&str; 4] = ["COST", "PRICE", "AMOUNT", "BALANCE"];

/// D fields whose name ends otherwise but whose description says that the time counts as well.
const STAMP_WORDS: [&str; 2] = ["timestamp", "date/time"];

/// Columns of a terminal, and of them what the id takes.
const TERMINAL_WIDTH: usize = 80;
const ID_WIDTH: usize = 15;

pub(super) fn csv_rows(name: &str, csv: &str) -> Result<Vec<Vec<String>>> {
    csv::Reader::from_reader(csv.as_bytes())
        .records()
        .map(|row| row.map(|row| row.iter().map(str::to_owned).collect()))
        .collect::<std::result::Result<_, csv::Error>>()
        .map_err(|error| Error::Damaged { what: format!("the schema of {name}: {error}") })
}

pub(super) fn fields(file: &str, csv: &str) -> Result<Vec<SchemaField>> {
    csv_rows(file, csv)?
        .into_iter()
        .map(|row| {
            let [name, number, kind, description, required, indexed] = row.as_slice() else {
                return Err(Error::Damaged {
                    what: format!("the schema of {file}: a row has not six columns"),
                });
            };
            let number: usize = number.parse().map_err(|_| Error::Damaged {
                what: format!("the schema of {file}: {name} has no number"),
            })?;
            Ok(SchemaField {
                item: item(name, number, kind, description),
                description: description.clone(),
                required: required == "Y",
                // The id is found without an index.
                indexed: indexed == "Y" && number > 0,
            })
        })
        .collect()
}

fn item(name: &str, number: usize, kind: &str, description: &str) -> DataItem {
    let stamp = kind == "D" && is_stamp(name, description);
    let (conversion, format) = match kind {
        "D" => (DATE, "10R"),
        "N" => number_style(name),
        "T" if is_time_of_day(name) => (TIME, "7R"),
        "T" => ("", "50T"),
        "A" => ("", text_format(name)),
        _ => ("", "15L"),
    };
    DataItem {
        source: crate::dict::Source::Field,
        name: name.to_owned(),
        field: number,
        conversion: conversion.to_owned(),
        heading: vec![heading(name)],
        format: format.to_owned(),
        multi: kind == "M",
        association: association(name).map(str::to_owned),
        right: format.ends_with('R'),
        stamp,
        json_name: None,
    }
}

/// `START_DATE` becomes `Start date`; short names that are abbreviations stay.
fn heading(name: &str) -> String {
    let words: Vec<String> = name
        .split('_')
        .enumerate()
        .map(|(index, word)| match word {
            "ID" | "NDC" | "NPI" | "BMI" | "URL" | "ZIP" | "ICD" | "CVX" | "VIS" | "IP" | "MAC" | "OS"
            | "GPS" | "BP" | "MS" | "O2" => word.to_owned(),
            _ if index == 0 => format!("{}{}", &word[..1], word[1..].to_lowercase()),
            _ => word.to_lowercase(),
        })
        .collect();
    words.join(" ")
}

fn is_stamp(name: &str, description: &str) -> bool {
    let description = description.to_lowercase();
    STAMP_WORDS.iter().any(|word| description.contains(word)) || name == "TIMESTAMP"
}

/// T fields that hold a time of day.
fn is_time_of_day(name: &str) -> bool {
    name.ends_with("_TIME")
}

fn number_style(name: &str) -> (&'static str, &'static str) {
    if name.split('_').any(|word| MONEY_WORDS.contains(&word)) {
        return (MONEY, "12R");
    }
    let counted = ["COUNT", "QTY", "QUANTITY", "NUMBER", "DOSES", "TOKENS"];
    if name.split('_').any(|word| counted.contains(&word)) { ("MR0", "8R") } else { ("", "10R") }
}

fn text_format(name: &str) -> &'static str {
    let words: Vec<&str> = name.split('_').collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    // VERIFIED_BY is a doctor, VERIFIED a flag: flags are single words or end so.
    if matches!(name, "ACTIVE" | "VERIFIED") || has(&["FLAG"]) {
        "1L"
    } else if has(&["STATUS", "TYPE", "LEVEL", "PRIORITY"]) {
        "12L"
    } else if has(&["NAME", "TITLE"]) || name == "USERNAME" {
        "30L"
    } else if has(&["EMAIL"]) {
        "35L"
    } else if has(&["PHONE", "MOBILE"]) {
        "15L"
    } else if has(&["URL", "WEBSITE", "ENDPOINT"]) {
        "40L"
    } else if has(&["CITY"]) {
        "20L"
    } else if has(&["STATE", "COUNTRY"]) {
        "15L"
    } else if has(&["ZIP", "POSTAL"]) {
        "10L"
    } else if has(&["DESC", "DESCRIPTION"]) {
        "40L"
    } else {
        "20L"
    }
}

/// The one pair of lists whose values belong together.
fn association(name: &str) -> Option<&'static str> {
    matches!(name, "SECURITY_QUESTIONS" | "SECURITY_ANSWERS_ENC").then_some("SECURITY")
}

/// `NAME.TIME`: the time of day of a stamp.
pub(super) fn time_item(item: &DataItem) -> Option<DataItem> {
    item.stamp.then(|| DataItem {
        name: format!("{}.TIME", item.name),
        conversion: STAMP_TIME.to_owned(),
        heading: vec!["Time".to_owned()],
        format: "7R".to_owned(),
        stamp: false,
        right: true,
        ..item.clone()
    })
}

/// The `@` phrase: required fields that are neither flags nor bookkeeping, as many as fit a terminal beside the id.
pub(super) fn default_columns(fields: &[SchemaField]) -> String {
    let dull =
        |name: &str| matches!(name, "ACTIVE" | "CREATED_DATE" | "UPDATED_DATE") || name.ends_with("_ENC");
    let mut room = TERMINAL_WIDTH - ID_WIDTH;
    let mut names: Vec<&str> = Vec::new();
    for field in fields.iter().filter(|field| field.required && field.item.field > 0) {
        let item = &field.item;
        if dull(&item.name) || item.name.contains("ENCRYPTED") || item.name.contains("PASSWORD_HASH") {
            continue;
        }
        let heading = item.heading.iter().map(String::len).max().unwrap_or(0);
        let width = Format::parse(&item.format).map_or(0, |format| format.width()).max(heading) + 1;
        if width <= room {
            room -= width;
            names.push(&item.name);
        }
    }
    names.join(" ")
}
