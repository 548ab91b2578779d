//! Fits the dictionary of an imported file to the file of the same name that HAL's skills ask. Records stay as they are.
//!
//! Skills find a field by the name of its dictionary item. Three cases:
//! - The account has the household's own layout (the same names at the same numbers). What its dictionary lacks is added, and
//!   an item whose conversion contradicts the layout (a count shown as money) or hides the time of a stamp is replaced.
//! - The account has a layout of its own. Items that usually mean the same under another name are added beside the account's
//!   (`MEDICATION_NAME` beside `DRUG`), where the values have the form that skills expect. What is missing is added at numbers
//!   that no record uses, so that a skill finds it empty rather than wrong.
//! - The account has no dictionary for the file: the household's layout is assumed.

use std::collections::BTreeSet;

use crate::conv;
use crate::dict::{DataItem, Dictionary, Item};
use crate::dynarray::DynArray;
use crate::error::Result;
use crate::schema::{self, SchemaFile};

/// What was done to a dictionary.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fitted {
    /// Items to add: name and record.
    pub added: Vec<(String, DynArray)>,
    /// Items to put in place of the account's own.
    pub replaced: Vec<(String, DynArray)>,
    /// Items to index.
    pub indexed: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Whether HAL writes to this file by field numbers, and they mean something else here.
    pub journal_clash: bool,
}

/// Files that HAL itself writes by field number.
const JOURNAL: [&str; 3] = ["CONVERSATION", "SESSION", "LOG"];

/// Names that other accounts give to a field of the household: file, item, and what it may be called there.
const ALIASES: &[(&str, &str, &[&str])] = &[
    ("PERSON", "BIRTHDATE", &["BIRTH", "BIRTH_DATE", "BIRTHDAY", "DOB", "DATE_OF_BIRTH", "BORN"]),
    ("PERSON", "FIRST_NAME", &["FIRST", "FNAME", "GIVEN_NAME", "FORENAME"]),
    ("PERSON", "LAST_NAME", &["LAST", "LNAME", "SURNAME", "FAMILY_NAME"]),
    ("PERSON", "MOBILE", &["CELL", "CELL_PHONE", "MOBILE_PHONE"]),
    ("PERSON", "PHONE", &["TELEPHONE", "TEL", "PHONES", "PHONE_NUMBER"]),
    ("PERSON", "POSTAL_CODE", &["ZIP", "ZIP_CODE", "POSTCODE"]),
    ("PERSON", "ADDRESS", &["STREET", "ADDR", "ADDRESS1"]),
    ("PERSON", "NOTES", &["NOTE", "REMARK", "REMARKS", "COMMENTS"]),
    ("MEDICATION", "MEDICATION_NAME", &["DRUG", "DRUG_NAME", "MED", "MED_NAME", "MEDICINE", "NAME"]),
    ("MEDICATION", "DOSAGE", &["DOSE", "STRENGTH"]),
    ("MEDICATION", "DOSAGE_UNIT", &["UNIT", "UNITS", "DOSE_UNIT"]),
    ("MEDICATION", "START_DATE", &["START", "STARTED", "FROM_DATE", "BEGIN_DATE"]),
    ("MEDICATION", "END_DATE", &["STOP", "END", "STOPPED", "STOP_DATE", "TO_DATE"]),
    ("MEDICATION", "INSTRUCTIONS", &["DIRECTIONS", "SIG"]),
    ("MEDICATION", "REFILLS_REMAINING", &["REFILLS", "REFILLS_LEFT"]),
    ("MEDICATION", "COST", &["PRICE"]),
    ("APPOINTMENT", "APPOINTMENT_DATE", &["DATE", "APPT_DATE", "WHEN"]),
    ("APPOINTMENT", "APPOINTMENT_TIME", &["TIME", "APPT_TIME"]),
    ("APPOINTMENT", "APPOINTMENT_TYPE", &["TYPE", "APPT_TYPE", "KIND"]),
    ("APPOINTMENT", "DURATION", &["MINUTES", "LENGTH"]),
    ("APPOINTMENT", "DOCTOR_ID", &["DOCTOR"]),
    ("VITAL_SIGNS", "MEASUREMENT_DATE", &["DATE", "READ_DATE", "TAKEN"]),
    ("VITAL_SIGNS", "MEASUREMENT_TIME", &["TIME", "READ_TIME"]),
    ("VITAL_SIGNS", "BLOOD_PRESSURE_SYSTOLIC", &["SYS", "SYSTOLIC", "BP_SYS"]),
    ("VITAL_SIGNS", "BLOOD_PRESSURE_DIASTOLIC", &["DIA", "DIASTOLIC", "BP_DIA"]),
    ("VITAL_SIGNS", "TEMPERATURE", &["TEMP"]),
    ("VITAL_SIGNS", "PULSE", &["HEART_RATE", "HR"]),
    ("VITAL_SIGNS", "NOTES", &["REMARK", "REMARKS", "NOTE", "COMMENTS"]),
    ("ALLERGY", "ALLERGEN", &["ALLERGY", "SUBSTANCE", "NAME"]),
    ("TASK", "TITLE", &["TASK", "NAME", "SUBJECT"]),
    ("TASK", "DUE_DATE", &["DUE", "DEADLINE"]),
    ("TRANSACTION", "TRANS_DATE", &["DATE", "TRANSACTION_DATE", "POSTED"]),
];

/// In what form values are stored, as far as a skill depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As written.
    Plain,
    Day,
    Second,
    /// A whole number of 10^-n.
    Scaled(u32),
}

impl Form {
    fn of(conversion: &str) -> Form {
        let code = conversion.to_ascii_uppercase();
        match code.as_bytes() {
            [b'D', ..] => Form::Day,
            [b'M', b'T', ..] => Form::Second,
            _ if conv::scale(&code) > 0 => Form::Scaled(conv::scale(&code)),
            _ => Form::Plain,
        }
    }

    /// Whether a skill that expects `self` understands values of the form `other`.
    fn takes(self, other: Form) -> bool {
        // A time is also understood as it was typed; a number is scaled as its dictionary says.
        let number = |form| matches!(form, Form::Plain | Form::Scaled(_));
        self == other || (self == Form::Second && other == Form::Plain) || (number(self) && number(other))
    }
}

/// Fits the dictionary `items` of the file `name`, whose records have at most `fields_max` fields; `None` when the household
/// has no such file.
pub(crate) fn fit(name: &str, items: &[(String, Vec<u8>)], fields_max: usize) -> Result<Option<Fitted>> {
    let household = schema::household()?;
    let Some(file) = household.iter().find(|file| file.name == name) else { return Ok(None) };
    let mut dictionary = Dictionary::default();
    for (name, record) in items {
        dictionary.add(name, record);
    }
    let mut fitted = Fitted::default();
    let described = dictionary.data_items().filter(|item| item.field > 0).count();
    let (same, other) = compare(file, &dictionary);
    if described == 0 || (other == 0 && same * 2 >= file.fields.len()) {
        if described == 0 {
            fitted.notes.push("the account has no fields for it: the household's are used".to_owned());
        }
        household_layout(file, &dictionary, &mut fitted);
    } else {
        fitted.journal_clash = JOURNAL.contains(&name);
        own_layout(file, &dictionary, fields_max, &mut fitted);
    }
    Ok(Some(fitted))
}

/// How many items of the household the dictionary has at the same number, and how many at another.
fn compare(file: &SchemaFile, dictionary: &Dictionary) -> (usize, usize) {
    let mut same = 0;
    let mut other = 0;
    for field in &file.fields {
        match dictionary.data(&field.item.name) {
            Some(item) if item.field == field.item.field => same += 1,
            Some(_) => other += 1,
            None => {}
        }
    }
    (same, other)
}

fn household_layout(file: &SchemaFile, dictionary: &Dictionary, fitted: &mut Fitted) {
    for (name, record) in schema::items(file) {
        let wanted = DataItem::from_record(&name, record.as_bytes()).ok();
        match (dictionary.get(&name), wanted) {
            (None, _) => fitted.added.push((name, record)),
            (Some(Item::Data(theirs)), Some(ours))
                if Form::of(&theirs.conversion) != Form::of(&ours.conversion)
                    || (ours.stamp && !theirs.stamp) =>
            {
                if ours.stamp && Form::of(&theirs.conversion) == Form::Day {
                    fitted.notes.push(format!("{name} may hold a time beside its date"));
                } else {
                    let (theirs, ours) = (shown(&theirs.conversion), shown(&ours.conversion));
                    fitted.notes.push(format!("{name} has the conversion {ours} instead of {theirs}"));
                }
                fitted.replaced.push((name, record));
            }
            _ => {}
        }
    }
    let indexed = file.fields.iter().filter(|field| field.indexed).map(|field| field.item.name.clone());
    fitted.indexed.extend(indexed);
}

fn own_layout(file: &SchemaFile, dictionary: &Dictionary, fields_max: usize, fitted: &mut Fitted) {
    let mut free = first_free(file, dictionary, fields_max);
    let mut found = BTreeSet::new();
    let mut absent = Vec::new();
    for field in &file.fields {
        let item = &field.item;
        let form = Form::of(&item.conversion);
        match dictionary.get(&item.name) {
            Some(Item::Data(theirs)) => {
                if item.field > 0 && !form.takes(Form::of(&theirs.conversion)) {
                    fitted.notes.push(format!(
                        "{} is stored under {}, which spoken answers do not undo",
                        item.name,
                        shown(&theirs.conversion)
                    ));
                }
                if field.indexed {
                    fitted.indexed.push(item.name.clone());
                }
                found.insert(item.name.clone());
            }
            Some(_) => {}
            None => match alias(file.name, item, dictionary) {
                Some(theirs) => {
                    if item.field > 0 {
                        let note = format!("{} is what the account calls {}", item.name, theirs.name);
                        fitted.notes.push(note);
                    }
                    let mut record = theirs.to_record();
                    record.set_field(4, DynArray::from_text(&item.heading.join("\u{FD}")).as_bytes());
                    fitted.added.push((item.name.clone(), record));
                    if field.indexed && theirs.field > 0 {
                        fitted.indexed.push(item.name.clone());
                    }
                }
                None => {
                    let mut item = item.clone();
                    if item.field > 0 {
                        item.field = free;
                        free += 1;
                        absent.push(item.name.clone());
                    }
                    fitted.added.push((item.name.clone(), item.to_record()));
                }
            },
        }
    }
    for (name, record) in schema::items(file) {
        let new = dictionary.get(&name).is_none() && fitted.added.iter().all(|(added, _)| *added != name);
        // NAME.TIME belongs to a stamp, which this layout has not; the phrase names fields that may be empty.
        if new && name == "@ID" {
            fitted.added.push((name, record));
        }
    }
    if !absent.is_empty() {
        let first: Vec<&str> = absent.iter().take(6).map(String::as_str).collect();
        let more = if absent.len() > first.len() { ", …" } else { "" };
        fitted.notes.push(format!(
            "its layout is the account's own: {} fields that skills may ask for are empty ({}{more})",
            absent.len(),
            first.join(", ")
        ));
    }
}

/// The account's item that means the household's `item` and holds it in the form that skills expect.
fn alias<'a>(file: &str, item: &DataItem, dictionary: &'a Dictionary) -> Option<&'a DataItem> {
    if item.field == 0 {
        return dictionary.data("@ID");
    }
    let (_, _, names) = ALIASES.iter().find(|(of, name, _)| *of == file && *name == item.name)?;
    let form = Form::of(&item.conversion);
    let mut candidates = names.iter().filter_map(|name| dictionary.data(name));
    candidates.find(|theirs| theirs.field > 0 && form.takes(Form::of(&theirs.conversion)))
}

/// A field number that neither the account nor the household uses.
fn first_free(file: &SchemaFile, dictionary: &Dictionary, fields_max: usize) -> usize {
    /// Numbers from here have a meaning of their own (9998 counter, 9999 length).
    const SPECIAL: usize = 9000;
    let described = dictionary.data_items().map(|item| item.field).filter(|&field| field < SPECIAL);
    let household = file.fields.iter().map(|field| field.item.field);
    described.chain(household).max().unwrap_or(0).max(fields_max) + 1
}

fn shown(conversion: &str) -> String {
    if conversion.is_empty() { "none".to_owned() } else { conversion.replace('\u{FD}', " then ") }
}
