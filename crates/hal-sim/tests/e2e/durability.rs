//! What was acknowledged survives kill -9.

use std::path::Path;

use hal_db::{Database, Env, query};
use hal_sim::server::Options;
use serde_json::json;
use tempfile::TempDir;

/// TASK's field of what is to be done.
const TITLE: usize = 1;

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

        let on_disk = shopping_list(folder.path());
        let lost: Vec<&String> = acknowledged.iter().filter(|item| !on_disk.contains(item)).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?} of {acknowledged:?}; on disk: {on_disk:?}");

        let server = Options::demo(folder.path()).start().expect("it starts again after kill -9");
        let mut client = server.connect().expect("the gateway greets");
        let answer = client.ask("What is on my shopping list?").expect("the next question is answered");
        assert_eq!(answer["outcome"], "answered", "{answer}");
        let text = answer["text"].as_str().expect("text").to_lowercase();
        assert!(text.contains(&acknowledged[0]), "{text}");
    }
    assert!(acknowledged.len() >= ROUNDS * ITEMS_BEFORE_KILL);
}

/// The titles of what is to be bought, read from the folder that the killed server left behind.
fn shopping_list(folder: &Path) -> Vec<String> {
    let database = Database::open(folder).expect("the database opens after kill -9");
    let snapshot = database.snapshot().expect("a snapshot");
    let plan = query::parse("SELECT TASK WITH CONTEXT = \"shopping\"", &snapshot).expect("a sentence");
    let rows = snapshot.run(&plan, &Env::default()).expect("rows");
    let titles =
        rows.rows.iter().map(|row| snapshot.read("TASK", &row.id).expect("readable").expect("there"));
    titles.map(|task| task.field_text(TITLE).to_lowercase()).collect()
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
