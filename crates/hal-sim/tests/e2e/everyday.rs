//! The everyday questions over the whole wire: HAProxy with TLS, gateway, listener, database.

use hal_db::date::iso;
use hal_server::clock::Clock;
use hal_server::demo;
use hal_sim::client::Client;
use hal_sim::programs;
use hal_sim::questions::{Answer, everyday, facts::facts, run};

use crate::household::Household;
use crate::proxy::Front;

#[test]
fn everyday_questions_are_answered_through_haproxy() {
    if !programs::present("everyday questions", &["haproxy"]) {
        return;
    }
    let home = Household::start();
    let front = Front::subdomain(&home);
    // The server's own clock and the household of its day: what is right depends on both.
    let now = Clock::start().moment();
    let facts = facts(&demo::household(now.day), now.day, now.second);
    let rows = everyday(&facts).expect("the question file is whole");

    let mut current: Option<(String, Client)> = None;
    let score = run(&rows, |conversation, question| {
        // A conversation is a connection; the rows of one stand together in the file.
        let client = match &mut current {
            Some((name, client)) if name == conversation => client,
            other => &mut other.insert((conversation.to_owned(), front.connect("/"))).1,
        };
        let frame = client.ask(question)?;
        let text = |key: &str| frame[key].as_str().unwrap_or_default().to_owned();
        anyhow::Ok(Answer { outcome: text("outcome"), text: text("text") })
    })
    .expect("every question gets its answer");
    println!("{}: {score}", iso(now.day));
    if let Err(report) = score.check() {
        panic!("{}: {report}", iso(now.day));
    }
}
