//! What somebody may talk about, and the words of a refusal.

use std::collections::BTreeSet;

/// Names of the skills somebody may use, as their files call them. `Default` is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skills {
    All,
    Only(BTreeSet<String>),
}

impl Default for Skills {
    fn default() -> Skills {
        Skills::Only(BTreeSet::new())
    }
}

impl Skills {
    /// The skills of these names; "*" is all of them.
    pub fn named<S: AsRef<str>>(names: &[S]) -> Skills {
        if names.iter().any(|name| name.as_ref() == "*") {
            return Skills::All;
        }
        Skills::Only(names.iter().map(|name| name.as_ref().to_owned()).collect())
    }

    pub fn contains(&self, name: &str) -> bool {
        match self {
            Skills::All => true,
            Skills::Only(names) => names.contains(name),
        }
    }

    /// Skills that are in both.
    #[must_use]
    pub fn and(&self, other: &Skills) -> Skills {
        match (self, other) {
            (Skills::All, skills) | (skills, Skills::All) => skills.clone(),
            (Skills::Only(a), Skills::Only(b)) => Skills::Only(a & b),
        }
    }
}

/// What people call the contents of a file, after "about"; `None` for files that have no such name.
fn contents(file: &str) -> Option<&'static str> {
    Some(match file {
        "MEDICATION" => "medications",
        "ALLERGY" => "allergies",
        "APPOINTMENT" => "appointments",
        "DOCTOR" | "HEALTHCARE_FACILITY" | "PHARMACY" => "doctors and pharmacies",
        "MEDICAL_HISTORY" | "MEDICAL_TEST" | "IMMUNIZATION" | "VITAL_SIGNS" => "health",
        "INSURANCE" => "insurance",
        "TRANSACTION" | "PAYEE" | "CATEGORY" | "REIMBURSEMENT" => "money",
        "TASK" => "tasks",
        "EVENT" => "events",
        "PERSON" | "COMPANY" | "SCHOOL" | "PLACE" => "people and places",
        "CONVERSATION" | "SESSION" | "MEMORY" => "what was said before",
        _ => return None,
    })
}

/// The same for a skill.
fn subject(skill: &str) -> Option<&'static str> {
    Some(match skill {
        "medication" => "medications",
        "allergy" => "allergies",
        "appointment" => "appointments",
        "vitals" | "health" => "health",
        "contact" => "people",
        "money" => "money",
        "task" => "tasks",
        "shopping" => "the shopping list",
        "event" => "events",
        _ => return None,
    })
}

/// "You may not ask about medications here." Names nothing but what was asked about: neither records nor whether there are any.
pub(crate) fn refusal(skill: &str, file: Option<&str>, write: bool) -> String {
    let what =
        file.and_then(|file| contents(&file.to_uppercase())).or_else(|| subject(skill)).unwrap_or("that");
    match (write, what) {
        (true, "that") => "You may not change that here.".to_owned(),
        (true, what) => format!("You may not change {what} here."),
        (false, what) => format!("You may not ask about {what} here."),
    }
}
