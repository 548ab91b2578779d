//! The fields of the household's files, read from the schema that hal-db makes the files from.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How the cell of a table becomes the stored field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Date,
    /// The schema calls these T like long text; the name tells.
    TimeOfDay,
    Values,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// From 1, as in the record.
    pub(super) number: usize,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) description: String,
}

macro_rules! schema {
    ($($file:literal)*) => {
        &[$(($file, include_str!(concat!("../../../hal-db/schema/", $file, ".csv")))),*]
    };
}

/// As in hal-db's schema folder; the household has these forty.
const SCHEMA: &[(&str, &str)] = schema!(
    "PERSON" "COMPANY" "EVENT" "PLACE" "SCHOOL" "CONVERSATION" "SESSION" "PERSONA" "MEMORY" "SKILL" "TASK" "EMAIL" "MODEL"
    "PROMPT" "DEVICE" "DOCUMENT" "INTEGRATION" "LOG" "MEDICAL_HISTORY" "MEDICATION" "ALLERGY" "DOCTOR" "MEDICAL_TEST"
    "HEALTHCARE_FACILITY" "APPOINTMENT" "INSURANCE" "PHARMACY" "IMMUNIZATION" "VITAL_SIGNS" "PASSWORD_VAULT"
    "MASTER_PASSWORD" "TRANSACTION" "PAYEE" "RULE" "REIMBURSEMENT" "IMPORT_LOG" "CATEGORY" "TAG" "PHOTO" "PHOTO_GROUP"
);

static FIELDS: LazyLock<BTreeMap<&str, Vec<Field>>> =
    LazyLock::new(|| SCHEMA.iter().map(|(file, text)| (*file, parse(text))).collect());

fn parse(text: &str) -> Vec<Field> {
    let rows = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty());
    rows.filter_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let (name, number) = (cells[0], cells[1].parse::<usize>().expect("the schema numbers its fields"));
        let kind = match cells[2] {
            "N" => Kind::Number,
            "D" => Kind::Date,
            "M" => Kind::Values,
            "T" if name.ends_with("_TIME") => Kind::TimeOfDay,
            _ => Kind::Text,
        };
        // Field 0 is the record id, which is kept outside of the record.
        (number > 0).then(|| Field {
            name: name.to_owned(),
            number,
            kind,
            required: cells[4] == "Y",
            description: cells[3].to_owned(),
        })
    })
    .collect()
}

/// The files of a household, by name.
pub(super) fn files() -> impl Iterator<Item = &'static str> {
    SCHEMA.iter().map(|(file, _)| *file)
}

/// The fields of a file; panics when the schema has no such file, which is a mistake of this folder.
pub(super) fn fields(file: &str) -> &'static [Field] {
    FIELDS.get(file).unwrap_or_else(|| panic!("the schema has no file {file}"))
}
