//! Gateway and listener as two processes.

use hal_sim::server::Options;
use tempfile::TempDir;

use crate::household::{QUESTION, assert_names_medication};

#[test]
fn the_listener_may_go_and_come_back_and_the_gateway_says_so_in_between() {
    let (records, own) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let listening = Options::listener(records.path());
    let mut listener = listening.start().expect("the listener accepts");
    let gateway = Options::gateway(own.path(), listener.listener_port).start().expect("the gateway answers");
    let mut client = gateway.connect().expect("the gateway greets");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));

    for _ in 0..2 {
        listener.process.kill().expect("killed");
        client.send(&serde_json::json!({"type": "text_input", "text": QUESTION})).expect("sent");
        let error = client.until("error").expect("an error frame");
        assert_eq!(error["code"], "QM_UNAVAILABLE", "{error}");
        let sentence = error["message"].as_str().expect("a sentence");
        assert!(
            sentence.contains("records") && !sentence.contains("127.0.0.1"),
            "a sentence for people: {sentence}"
        );

        listener = listening.start().expect("the listener accepts again");
        // Same gateway, same connection: nobody restarts anything but the listener.
        assert_names_medication(&client.ask(QUESTION).expect("answered again"));
    }
}

#[test]
fn a_gateway_whose_listener_is_away_is_alive() {
    let (records, own) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let listening = Options::listener(records.path());
    let mut listener = listening.start().expect("the listener accepts");
    let gateway = Options::gateway(own.path(), listener.listener_port).start().expect("the gateway answers");
    listener.process.kill().expect("killed");
    // Otherwise HAProxy would turn an outage of the records into a 503 that explains nothing.
    assert_eq!(hal_sim::http::get(gateway.gateway_port, "/healthz").expect("answered").status, 200);
    let mut client = gateway.connect().expect("the gateway greets");
    client.send(&serde_json::json!({"type": "text_input", "text": QUESTION})).expect("sent");
    assert_eq!(client.until("error").expect("an error frame")["code"], "QM_UNAVAILABLE");
}
