//! The held-out everyday questions, asked of the brain in process about the demo household.
//!
//! The clock is invented, the account is in memory; the same file goes over the wires in the end-to-end tests.

use std::collections::BTreeMap;

use hal_db::Database;
use hal_db::date::{day_from_ymd, iso};
use hal_dialog::{Brain, Control, Memory, Moment, Question, Skills, User, control};
use hal_server::demo;
use hal_sim::questions::{self, Answer, Row, Score, facts::facts};

/// Half past two in the afternoon.
const SECOND: u32 = 52_200;

/// Asks everything on one day, as the gateway would: words of control never reach the brain.
fn ask_everything(today: i64, rows: &[Row]) -> Score {
    let database = Database::in_memory();
    demo::load(&database, today).expect("the demo household fits an empty account");

    let brain = Brain::builtin().expect("the skills of the program compile");
    let user = User { id: demo::OWNER.to_owned(), person: Some(demo::OWNER.to_owned()), skills: Skills::All };
    let mut sessions: BTreeMap<String, (Memory, String)> = BTreeMap::new();
    let score = questions::run(rows, |conversation, question| {
        let (memory, last) = sessions.entry(conversation.to_owned()).or_default();
        let answered = |text: &str| Answer { outcome: "answered".to_owned(), text: text.to_owned() };
        match control(question) {
            Some(Control::Repeat) => return Ok::<_, std::convert::Infallible>(answered(last)),
            Some(Control::Stop | Control::Hold | Control::Goodbye) => return Ok(answered("")),
            None => {}
        }
        let reply = brain.answer(
            &database,
            memory,
            &Question {
                hypotheses: &[question.to_owned()],
                spoken: false,
                session: conversation,
                user: &user,
                now: Moment { day: today, second: SECOND, unix_ms: unix_ms(today) },
            },
        );
        last.clone_from(&reply.text);
        Ok(Answer { outcome: reply.outcome.as_str().to_owned(), text: reply.text })
    });
    let Ok(score) = score;
    score
}

/// As if the household lived on Greenwich time.
fn unix_ms(today: i64) -> i64 {
    (today - day_from_ymd(1970, 1, 1)) * 86_400_000 + i64::from(SECOND) * 1000
}

#[track_caller]
fn check(year: i32, month: u32, day: u32) {
    let today = day_from_ymd(year, month, day);
    let facts = facts(&demo::household(today), today, SECOND);
    let rows = questions::everyday(&facts).expect("the question file is whole");
    let score = ask_everything(today, &rows);
    println!("{}: {score}", iso(today));
    if let Err(report) = score.check() {
        panic!("{}: {report}", iso(today));
    }
}

#[test]
fn everyday_questions_are_answered_on_a_tuesday() {
    check(2026, 11, 24);
}

#[test]
fn everyday_questions_are_answered_on_the_first_of_a_month() {
    check(2027, 3, 1);
}

#[test]
fn everyday_questions_are_answered_on_new_years_eve() {
    check(2026, 12, 31);
}

#[test]
fn everyday_questions_are_answered_before_a_weekend_and_a_leap_day() {
    check(2028, 2, 26);
}

#[test]
fn the_questions_of_many_people_are_answered() {
    let (year, month, day) = questions::VARIED_DAY;
    let today = day_from_ymd(year, month, day);
    let facts = facts(&demo::household(today), today, SECOND);
    for (name, rows) in questions::varied(&facts).expect("the question files are whole") {
        let score = ask_everything(today, &rows);
        println!("{name}: {score}");
        if let Err(report) = score.check() {
            panic!("{name}: {report}");
        }
    }
}

#[test]
fn every_day_has_the_facts_that_the_questions_name() {
    let start = day_from_ymd(2026, 11, 24);
    for today in (start..start + 400).step_by(11) {
        let facts = facts(&demo::household(today), today, SECOND);
        let rows = questions::everyday(&facts).unwrap_or_else(|e| panic!("{}: {e}", iso(today)));
        assert!(rows.len() >= 200, "{} rows", rows.len());
    }
}
