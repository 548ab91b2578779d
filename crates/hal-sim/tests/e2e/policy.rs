//! `access.toml` while the server runs: what it says holds from the next question on, and a mistake in it changes nothing.

use hal_sim::client::{Client, Target};
use hal_sim::server::{Options, hal};
use hal_sim::wait;
use tempfile::TempDir;

use crate::household::{QUESTION, assert_names_medication, said, text};

const NURSE: &str =
    "[role.nurse]\nread = [\"PERSON\", \"MEDICATION\"]\nskills = [\"medication\", \"talk\"]\n";

#[test]
fn a_new_policy_holds_from_the_next_question_on_and_one_with_a_mistake_does_not() {
    let (folder, own) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    // The listener is who keeps it, also where the gateway is another process.
    let listener = Options::listener(folder.path()).start().expect("the listener accepts");
    let gateway = Options::gateway(own.path(), listener.listener_port).start().expect("the gateway answers");
    let file = folder.path().join("access.toml");
    let run = |words: &[&str]| {
        let mut command = hal();
        command.args(words).args(["--data", text(folder.path())]).output().expect("it runs")
    };
    wait::until("the address for commands", || folder.path().join("auth/address").exists().then_some(()))
        .expect("noted");
    let added = run(&["user", "add", "gus", "--role", "guest", "--person", "P001"]);
    assert!(added.status.success(), "{}", said(&added));
    let added = run(&["device", "add", "gus", "phone"]);
    assert!(added.status.success(), "{}", said(&added));
    let token = String::from_utf8_lossy(&added.stdout).trim().to_owned();
    let path = format!("/?token={token}");
    let target = Target { path: &path, ..Target::plain(gateway.gateway_port) };
    let mut client = Client::connect(&target).expect("greeted");
    let denied = |client: &mut Client| {
        let answer = client.ask(QUESTION).expect("answered");
        assert_eq!(answer["outcome"], "denied", "{answer}");
    };
    let reload = |words: &str| {
        listener.process.signal("HUP").expect("signalled");
        let logged = || listener.process.output().iter().any(|line| line.contains(words)).then_some(());
        wait::until(words, logged).expect("logged");
    };
    denied(&mut client);

    let refused = run(&["user", "role", "gus", "nurse"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("systemctl reload hal"), "{}", said(&refused));
    std::fs::write(&file, NURSE).expect("written");
    reload("access.toml read again");
    let changed = run(&["user", "role", "gus", "nurse"]);
    assert!(changed.status.success(), "{}", said(&changed));
    assert_names_medication(&client.ask(QUESTION).expect("answered on the connection of before"));

    std::fs::write(&file, "[role.nurse]\nred = [\"PERSON\"]\n").expect("written");
    reload("the policy of before stays");
    let line = listener.process.output().into_iter().find(|line| line.contains("policy of before stays"));
    assert!(line.as_deref().is_some_and(|line| line.contains("red")), "the mistake is named: {line:?}");
    assert_names_medication(&client.ask(QUESTION).expect("still answered"));

    // Without the role they may do nothing; the log says so.
    std::fs::remove_file(&file).expect("removed");
    reload("no such role any more");
    denied(&mut client);
    let audit = run(&["audit", "list"]);
    for noted in ["access.toml - mistake", "access.toml - ok"] {
        assert!(said(&audit).contains(noted), "{noted}: {}", said(&audit));
    }
}
