//! What a person or an operator stops, stops.

use hal_sim::client::End;
use hal_sim::server::Options;
use hal_sim::{http, wait};
use serde_json::json;
use tempfile::TempDir;

use crate::household::{Household, QUESTION, assert_names_medication};

#[test]
fn a_second_question_in_the_follow_up_window_is_answered_at_once() {
    // The old gateway slept through its window of ten seconds and answered then.
    let home = Household::start();
    let mut client = home.connect();
    client.ask(QUESTION).expect("answered");
    let window = client.until("state_change").expect("the follow-up window");
    assert_eq!(window["countdown_ms"], 10_000, "{window}");
    let before = wait::now();
    assert_names_medication(&client.ask(QUESTION).expect("answered again"));
    assert!(before.elapsed().as_secs() < 5, "answered after {:?}", before.elapsed());
}

#[test]
fn stop_in_the_follow_up_window_takes_effect_at_once() {
    let home = Household::start();
    let mut client = home.connect();
    client.ask(QUESTION).expect("answered");
    client.until("state_change").expect("the follow-up window");
    let before = wait::now();
    client.send(&json!({"type": "command", "command": "stop"})).expect("sent");
    let change = client.until("state_change").expect("a change of state");
    assert_eq!(change["new_state"], "passive_listening");
    assert!(before.elapsed().as_secs() < 5, "stopped after {:?}", before.elapsed());
}

#[test]
fn a_second_question_while_the_first_is_being_answered_gets_its_own_answer() {
    let home = Household::start();
    let mut client = home.connect();
    client.send(&json!({"type": "text_input", "text": "What time is it?"})).expect("sent");
    client.send(&json!({"type": "text_input", "text": QUESTION})).expect("sent");
    // The first may have been answered before the second came in; the second is answered in any case, and last.
    let mut answer = client.answer().expect("an answer");
    if answer["intent"] != "MEDICATION" {
        answer = client.answer().expect("the second answer");
    }
    assert_names_medication(&answer);
}

#[test]
fn goodbye_is_answered_and_the_connection_stays() {
    let home = Household::start();
    let mut client = home.connect();
    client.send(&json!({"type": "command", "command": "goodbye"})).expect("sent");
    client.until("goodbye").expect("a goodbye");
    assert_names_medication(&client.ask(QUESTION).expect("still answered"));
}

#[test]
fn sigterm_says_1012_to_every_client_and_ends_in_good_order() {
    let mut home = Household::start();
    let mut clients = [home.connect(), home.connect()];
    home.server.process.signal("TERM").expect("signalled");
    for client in &mut clients {
        assert_eq!(client.end(), End::Closed(1012));
    }
    let status = home.server.process.wait().expect("the end");
    assert!(status.success(), "{status}\n{}", home.server.process.output().join("\n"));
}

#[test]
fn while_draining_the_health_check_says_503_and_a_turn_in_progress_is_answered() {
    let (records, own) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let listener = Options::listener(records.path()).start().expect("the listener accepts");
    let mut gateway =
        Options::gateway(own.path(), listener.listener_port).start().expect("the gateway answers");
    let port = gateway.gateway_port;
    let mut client = gateway.connect().expect("the gateway greets");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    assert_eq!(http::get(port, "/healthz").expect("answered").status, 200);

    // A listener that stands still keeps the turn open for as long as the test needs.
    listener.process.signal("STOP").expect("signalled");
    client.send(&json!({"type": "text_input", "text": QUESTION})).expect("sent");
    client.until("processing").expect("the question is taken");
    gateway.process.signal("TERM").expect("signalled");
    wait::until("/healthz to say 503", || {
        let answer = http::get(port, "/healthz").ok()?;
        (answer.status == 503).then_some(())
    })
    .expect("503 while draining");
    // Refused under its number, so that its client knows what to ask elsewhere.
    client.send(&json!({"type": "text_input", "text": QUESTION, "turn": 2})).expect("sent");
    let refused = client.until("error").expect("refused");
    assert_eq!((&refused["code"], &refused["turn"]), (&json!("DRAINING"), &json!(2)), "{refused}");
    listener.process.signal("CONT").expect("signalled");
    assert_names_medication(&client.answer().expect("the answer that was on its way"));
    assert_eq!(client.end(), End::Closed(1012));
    assert!(gateway.process.wait().expect("the end").success());
}
