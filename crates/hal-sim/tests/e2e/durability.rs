//! What was acknowledged survives kill -9.

use hal_sim::server::Options;
use serde_json::json;
use tempfile::TempDir;

/// Each round kills the server while three people add to the shopping list.
const ROUNDS: usize = 4;
const PEOPLE: usize = 3;
/// Items after which a round's server is killed, counted over all people.
const ITEMS_BEFORE_KILL: usize = 6;

#[test]
fn every_acknowledged_item_is_on_the_list_after_kill_9_and_restart() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let mut server = Options::demo(folder.path()).start().expect("hal serve --demo answers");
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut people = Vec::new();
        for person in 0..PEOPLE {
            let mut client = server.connect().expect("the gateway greets");
            let sender = sender.clone();
            people.push(std::thread::spawn(move || {
                for number in 0.. {
                    let item = item(round, person, number);
                    // An error is the kill: whatever was not acknowledged may be there or not.
                    let Ok(()) = add(&mut client, &item) else { return };
                    if sender.send(item).is_err() {
                        return;
                    }
                }
            }));
        }
        drop(sender);
        let mut received = receiver.iter();
        acknowledged.extend(received.by_ref().take(ITEMS_BEFORE_KILL));
        server.process.kill().expect("killed");
        // Acknowledged in the instant before the kill counts as well.
        acknowledged.extend(received);
        for person in people {
            person.join().expect("nobody panicked");
        }

        let server = Options::demo(folder.path()).start().expect("it starts again after kill -9");
        let mut client = server.connect().expect("the gateway greets");
        let answer = client.ask("What is on my shopping list?").expect("the next question is answered");
        let text = answer["text"].as_str().expect("text").to_lowercase();
        let lost: Vec<&String> = acknowledged.iter().filter(|item| !text.contains(item.as_str())).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?} of {acknowledged:?}\n{text}");
    }
    assert!(acknowledged.len() >= ROUNDS * ITEMS_BEFORE_KILL);
}

/// Letters only: digits could be taken for amounts.
fn item(round: usize, person: usize, number: usize) -> String {
    let letter = |index: usize| char::from(b'a' + (index % 26) as u8);
    format!("fruit{}{}{}{}", letter(round), letter(person), letter(number / 26), letter(number))
}

/// Adds one item and confirms; `Ok` once HAL has said that it is done.
fn add(client: &mut hal_sim::client::Client, item: &str) -> Result<(), ()> {
    let question = client.ask(&format!("Add {item} to my shopping list")).map_err(drop)?;
    let done = if question["outcome"] == "asked" { client.ask("yes").map_err(drop)? } else { question };
    assert_eq!(done["outcome"], "answered", "{done}");
    // The window that follows each answer is not needed for the next.
    client.send(&json!({"type": "heartbeat"})).map_err(drop)
}
