//! The built-in skills: a file of `skills/` and a line here; answers that need code have a name in [`handler`].

use crate::turn::{Answer, Turn};

mod allergy;
mod appointment;
mod birthday;
mod clock;
mod event;
mod find;
mod health;
mod medication;
mod money;
mod people;
mod shopping;
mod talk;
mod task;
mod vitals;

/// An answer in code.
pub(crate) type Handler = fn(&Turn<'_>) -> Answer;

/// Shared parts of sentences.
pub(crate) const RULES: &str = include_str!("../../../../skills/rules.toml");
/// What people call things.
pub(crate) const NAMES: &str = include_str!("../../../../skills/names.toml");

/// One line adds a skill. Earlier skills win where two understand a sentence equally well.
pub(crate) const BUILTIN: &[(&str, &str)] = &[
    ("medication.toml", include_str!("../../../../skills/medication.toml")),
    ("allergy.toml", include_str!("../../../../skills/allergy.toml")),
    ("appointment.toml", include_str!("../../../../skills/appointment.toml")),
    ("vitals.toml", include_str!("../../../../skills/vitals.toml")),
    ("health.toml", include_str!("../../../../skills/health.toml")),
    ("contact.toml", include_str!("../../../../skills/contact.toml")),
    ("money.toml", include_str!("../../../../skills/money.toml")),
    ("task.toml", include_str!("../../../../skills/task.toml")),
    ("shopping.toml", include_str!("../../../../skills/shopping.toml")),
    ("event.toml", include_str!("../../../../skills/event.toml")),
    ("talk.toml", include_str!("../../../../skills/talk.toml")),
];

const HANDLERS: &[(&str, Handler)] = &[
    ("medication_daytime", medication::daytime),
    ("medication_taking", medication::taking),
    ("medication_refills", medication::refills),
    ("medication_for_condition", medication::for_condition),
    ("allergy_list", allergy::list),
    ("allergy_check", allergy::check),
    ("record_find", find::find),
    ("appointment_next", appointment::next),
    ("appointment_after", appointment::after),
    ("appointment_that", appointment::that),
    ("appointment_that_where", appointment::that_place),
    ("appointment_list", appointment::list),
    ("appointment_last", appointment::last),
    ("appointment_count", appointment::count),
    ("appointment_summary", appointment::summary),
    ("appointment_where", appointment::place),
    ("appointment_cost", appointment::cost),
    ("vitals_query", vitals::query),
    ("vitals_extreme", vitals::extreme),
    ("vitals_trend", vitals::trend),
    ("vitals_list", vitals::latest),
    ("immunization_last", health::immunization_last),
    ("immunization_due", health::immunization_due),
    ("immunization_list", health::immunization_list),
    ("test_result", health::test_result),
    ("test_list", health::test_list),
    ("condition_check", health::condition_check),
    ("insurance_query", health::insurance),
    ("doctor_contact", people::doctor_contact),
    ("doctor_list", people::doctor_list),
    ("pharmacy_contact", people::pharmacy_contact),
    ("place_contact", people::place_contact),
    ("person_contact", people::person_contact),
    ("person_birthday", birthday::birthday),
    ("person_who", people::who_is),
    ("person_last_contact", people::last_contact),
    ("transaction_total", money::total),
    ("transaction_average", money::average),
    ("transaction_compare", money::compare),
    ("transaction_biggest", money::biggest),
    ("transaction_breakdown", money::breakdown),
    ("transaction_list", money::list),
    ("transaction_income", money::income),
    ("bill_due", task::bill_due),
    ("task_list", task::list),
    ("task_add", task::add),
    ("task_complete", task::complete),
    ("task_remove", task::remove),
    ("reminder_set", task::remind),
    ("reminder_list", task::reminders),
    ("shopping_read", shopping::read),
    ("shopping_check", shopping::check),
    ("shopping_add", shopping::add),
    ("shopping_remove", shopping::remove),
    ("shopping_clear", shopping::clear),
    ("event_list", event::list),
    ("event_find", event::find),
    ("time_now", clock::time),
    ("date_today", clock::date),
    ("help_offer", talk::help),
    ("history_asked", talk::history),
    ("note_recall", talk::note),
];

/// The answer in code of that name.
pub(crate) fn handler(name: &str) -> Option<Handler> {
    HANDLERS.iter().find(|(n, _)| *n == name).map(|(_, handler)| *handler)
}
