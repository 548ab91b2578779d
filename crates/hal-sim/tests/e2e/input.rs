//! Bad input gets a typed error and keeps the connection.

use hal_sim::client::Client;
use serde_json::{Value, json};

use crate::household::{Household, QUESTION, assert_names_medication};

/// Sends a text frame and expects one error with this code; then the connection still answers.
#[track_caller]
fn check(frame: &str, code: &str) {
    let home = Household::start();
    let mut client = home.connect();
    client.send_text(frame).expect("sent");
    let error = client.until("error").expect("an error frame");
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(error["recoverable"], true, "{error}");
    assert_eq!(error["message"], error["error"], "both keys say the same: {error}");
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    assert_names_medication(&client.ask(QUESTION).expect("still answered"));
}

#[test]
fn what_is_not_json_is_named_so() {
    check("hello", "BAD_JSON");
}

#[test]
fn an_array_is_not_a_message() {
    check("[1, 2]", "BAD_JSON");
}

#[test]
fn an_unknown_type_is_named() {
    check(r#"{"type":"telepathy"}"#, "UNKNOWN_TYPE");
}

#[test]
fn an_unknown_command_is_named() {
    check(r#"{"type":"command","command":"dance"}"#, "UNKNOWN_COMMAND");
}

#[test]
fn a_question_that_is_a_number_is_refused() {
    check(r#"{"type":"text_input","text":7}"#, "BAD_FIELD");
}

#[test]
fn sound_that_is_not_base64_is_refused_at_once() {
    check(r#"{"type":"audio_chunk","audio":"not base64!"}"#, "BAD_AUDIO");
}

#[test]
fn a_stale_session_id_and_blank_text_do_no_harm() {
    let home = Household::start();
    let mut client = home.connect();
    client.send(&json!({"type": "text_input", "text": "   ", "session_id": Value::Null})).expect("sent");
    client.send(&json!({"type": "heartbeat", "session_id": "of yesterday"})).expect("sent");
    client
        .send(&json!({"type": "text_input", "text": QUESTION, "session_id": "of yesterday"}))
        .expect("sent");
    // Neither the blank text nor the heartbeat got a frame of its own.
    let first = client.next_frame().expect("a frame");
    assert_eq!(first["type"], "processing", "{first}");
    assert_names_medication(&client.answer().expect("an answer"));
}

#[test]
fn both_families_of_clients_find_their_keys() {
    let home = Household::start();
    let mut client = home.connect();
    let id = client.greeting["session_id"].as_str().expect("a session id").to_owned();
    assert_eq!(client.greeting["type"], "connected");
    assert_eq!(client.greeting["state"], "passive_listening");
    assert!(id.len() >= 8, "old clients show the first eight characters of {id:?}");
    let answer = client.ask(QUESTION).expect("answered");
    assert_eq!(answer["text"], answer["response_text"]);
    assert_eq!(answer["action"], answer["action_taken"]);
    assert_eq!(answer["session_id"], id.as_str());
}

#[test]
fn a_change_that_came_too_late_is_told_of_in_its_own_words() {
    let home = Household::start();
    let (mut first, mut second) = (home.connect(), home.connect());
    let answered = |client: &mut Client, text: &str| client.ask(text).expect("answered");
    answered(&mut first, "Remind me to oil the gate hinges");
    answered(&mut first, "yes");
    for client in [&mut first, &mut second] {
        let asked = answered(client, "Mark oil the gate hinges as done");
        assert_eq!(asked["outcome"], "asked", "{asked}");
    }
    assert_eq!(answered(&mut second, "yes")["outcome"], "answered");
    first.send(&json!({"type": "text_input", "text": "yes"})).expect("sent");
    let error = first.until("error").expect("an error frame");
    assert_eq!(error["code"], "QM_UNAVAILABLE", "{error}");
    assert!(
        error["message"].as_str().is_some_and(|text| text.contains("changed in the meantime")),
        "{error}"
    );
}
