//! A conversation goes on where another connection, gateway or run of the server left it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hal_db::Database;
use hal_sim::browser::Browser;
use hal_sim::client::Client;
use hal_sim::server::{Options, Server, hal};
use hal_sim::{programs, speech, wait};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::household::{Household, QUESTION, assert_names_medication};
use crate::talker::{Talker, questions_of};

const FIRST: &str = "When is my next appointment?";
const THEN: &str = "And the one after that?";

/// Sends `resume` for the conversation of `greeting` and returns what was missed, and the frame that ends it.
#[track_caller]
fn resume(client: &mut Client, greeting: &Value, seen: &[u64]) -> (Vec<Value>, Value) {
    client.send(&json!({"type": "resume", "resume": greeting["resume"], "seen": seen})).expect("sent");
    let mut missed = Vec::new();
    loop {
        let frame = client.next_frame().expect("a frame");
        match frame["type"].as_str() {
            Some("response") => missed.push(frame),
            Some("resumed") => return (missed, frame),
            other => panic!("{other:?} while resuming: {frame}"),
        }
    }
}

#[track_caller]
fn assert_follows(answer: &Value) {
    assert_eq!(answer["intent"], "APPOINTMENT", "{answer}");
    assert_eq!(answer["outcome"], "answered", "{answer}");
}

#[test]
fn a_client_that_comes_back_is_understood_and_gets_what_it_missed() {
    let home = Household::start();
    let mut first = home.connect();
    let greeting = first.greeting.clone();
    assert_eq!(greeting["resume"].as_str().expect("a token").len(), 32);
    let next = first.ask(FIRST).expect("answered");
    // Cut off while a question is under way: its answer finds nobody.
    first.send(&json!({"type": "text_input", "text": QUESTION})).expect("sent");
    first.until("processing").expect("the question is taken");
    drop(first);

    let seen = [next["turn"].as_u64().expect("a number")];
    let (mut second, missed) = wait::until("the missed answer", || {
        let mut client = home.connect();
        let (missed, resumed) = resume(&mut client, &greeting, &seen);
        assert_eq!(resumed["resumed"], true, "{resumed}");
        assert_eq!(resumed["session_id"], greeting["session_id"]);
        (!missed.is_empty()).then_some((client, missed))
    })
    .expect("it was answered");
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert_eq!(missed[0]["is_missed"], true);
    assert_names_medication(&missed[0]);
    // "Repeat" repeats what was said last on the other connection.
    second.send(&json!({"type": "command", "command": "repeat"})).expect("sent");
    assert_names_medication(&second.answer().expect("repeated"));

    // On a connection of its own nobody knows what "that" was.
    let stranger = home.connect().ask(THEN).expect("answered");
    assert_ne!(stranger["intent"], "APPOINTMENT", "{stranger}");
    second.ask(FIRST).expect("answered");
    let mut third = home.connect();
    resume(&mut third, &greeting, &[]);
    assert_follows(&third.ask(THEN).expect("answered"));
    // Too late for another conversation: this one has begun.
    third.send(&json!({"type": "resume", "resume": greeting["resume"]})).expect("sent");
    assert_eq!(third.until("error").expect("refused")["code"], "BAD_FIELD");

    // A token that nobody was given opens nothing; the id of a conversation, which stands in its records, is none.
    let mut client = home.connect();
    let own = client.greeting.clone();
    for token in [greeting["session_id"].clone(), json!("0"), json!("a word of my own")] {
        let (missed, resumed) = resume(&mut client, &json!({"resume": token}), &[]);
        assert_eq!((missed.len(), &resumed["resumed"]), (0, &json!(false)), "{resumed}");
        assert_eq!(resumed["session_id"], own["session_id"], "the new conversation stays");
    }
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
}

#[test]
fn a_write_that_is_confirmed_again_after_a_lost_connection_happens_once() {
    let home = Household::start();
    let mut first = home.connect();
    let greeting = first.greeting.clone();
    let ask = |turn: u64, text: &str| json!({"type": "text_input", "text": text, "turn": turn});
    first.send(&ask(1, "Add damsons to my shopping list")).expect("sent");
    assert_eq!(first.answer().expect("answered")["outcome"], "asked");
    first.send(&ask(2, "yes")).expect("sent");
    first.until("processing").expect("taken");
    drop(first);
    // Whether it was answered, is being answered or never arrived: it is asked again, on each of two more connections.
    for _ in 0..2 {
        let mut client = home.connect();
        resume(&mut client, &greeting, &[1, 2]);
        client.send(&ask(2, "yes")).expect("sent");
        let done = client.answer().expect("answered");
        assert_eq!((&done["outcome"], &done["turn"]), (&json!("answered"), &json!(2)), "{done}");
        assert!(done["text"].as_str().is_some_and(|text| text.contains("damsons")), "{done}");
    }
    end(home.server);
    let titles = shopping(&home.folder);
    assert_eq!(titles.iter().filter(|title| title.contains("damsons")).count(), 1, "{titles:?}");
}

#[test]
fn a_restart_loses_no_conversation_and_kill_9_no_record() {
    let folder = TempDir::new().expect("a folder");
    let options = Options::demo(folder.path());
    let server = options.start().expect("hal serve --demo answers");
    let mut client = server.connect().expect("the gateway greets");
    let greeting = client.greeting.clone();
    client.send(&json!({"type": "text_input", "text": FIRST, "turn": 1})).expect("sent");
    let next = client.answer().expect("answered");
    end(server);

    // Another run of the program knows what "that" was, and what was said.
    let mut server = options.start().expect("it starts again");
    let mut client = server.connect().expect("the gateway greets");
    let (missed, resumed) = resume(&mut client, &greeting, &[]);
    assert_eq!(resumed["resumed"], true, "{resumed}");
    assert_eq!(missed.iter().map(|one| &one["text"]).collect::<Vec<_>>(), [&next["text"]]);
    client.send(&json!({"type": "text_input", "text": THEN, "turn": 2})).expect("sent");
    assert_follows(&client.answer().expect("answered"));

    // Killed, it forgets the talk and says so; what was confirmed is there.
    client.ask("Add medlars to my shopping list").expect("answered");
    assert_eq!(client.ask("yes").expect("answered")["outcome"], "answered");
    server.process.kill().expect("killed");
    let server = options.start().expect("it starts after kill -9");
    let mut client = server.connect().expect("the gateway greets");
    let (missed, resumed) = resume(&mut client, &greeting, &[]);
    assert_eq!((missed.len(), &resumed["resumed"]), (0, &json!(false)), "{resumed}");
    assert_eq!(resumed["session_id"], greeting["session_id"]);
    let list = client.ask("What is on my shopping list?").expect("answered");
    assert!(list["text"].as_str().is_some_and(|text| text.contains("medlars")), "{list}");
}

#[test]
fn a_listener_that_starts_again_behind_its_gateway_keeps_nobody_from_an_answer() {
    let (records, own) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    quiet(&own);
    let listening = Options::listener(records.path());
    let listener = listening.start().expect("the listener accepts");
    let way = Way::to(listener.listener_port);
    let gateway = Options::gateway(own.path(), way.port).start().expect("the gateway answers");
    let mut talker = Talker::new(gateway.gateway_port);
    let reference = [talker.ask(FIRST), talker.ask(THEN)];
    let session = talker.session_id().to_owned();
    talker.ask(FIRST);
    end(listener);
    let listener = listening.start().expect("the listener accepts again");
    // Asked while it is not there yet: the first connections lead nowhere.
    way.cut_next(3);
    assert_eq!(talker.ask(THEN)["text"], reference[1]["text"]);
    assert_eq!(way.cuts_left(), 0, "the gateway tried again");
    assert_eq!(talker.connections, 1, "the gateway kept its client");
    end(gateway);
    end(listener);
    assert_eq!(questions_of(&Database::open(records.path()).expect("it opens"), &session), 4);
}

#[test]
fn hal_chat_goes_on_over_a_restart_of_the_server() {
    let folder = TempDir::new().expect("a folder");
    let options = Options::demo(folder.path());
    let server = options.start().expect("hal serve --demo answers");
    let mut chat = hal()
        .args(["chat", "--server", &server.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("hal chat starts");
    let mut lines = chat.stdin.take().expect("piped");
    let mut answers = BufReader::new(chat.stdout.take().expect("piped"));
    let mut say = |line: &str| {
        writeln!(lines, "{line}").expect("it reads");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("it answers");
        answer
    };
    let reference = [say(FIRST), say(THEN)];
    assert_ne!(reference[0], reference[1]);
    say(FIRST);
    end(server);
    let server = options.start().expect("it starts again");
    assert_eq!(say(THEN), reference[1]);
    drop(lines);
    assert!(chat.wait().expect("the end").success());
    end(server);
}

#[test]
fn the_page_goes_on_over_a_restart_of_the_server_and_says_so_once() {
    if !programs::present("resume: page", &["chromium"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let options = Options::demo(folder.path());
    let server = options.start().expect("hal serve --demo answers");
    let microphone = folder.path().join("microphone.wav");
    std::fs::write(&microphone, speech::wav(&speech::silence(1_000))).expect("written");
    let mut browser = Browser::start(&microphone).expect("chromium starts");
    browser.open(&server.url()).expect("the page opens");
    browser.until("window.hal && window.hal.stats.connections === 1").expect("the page connects");
    let ask = |browser: &mut Browser, text: &str, answers: usize| {
        let form = format!(
            "document.getElementById('question').value = '{text}'; document.getElementById('ask').requestSubmit()"
        );
        browser.evaluate(&form).expect("the form is there");
        browser
            .until(&format!("document.querySelectorAll('.answer').length === {answers}"))
            .expect("answered");
    };
    let last = |browser: &mut Browser| {
        browser.evaluate("[...document.querySelectorAll('.answer')].at(-1).innerText")
    };
    ask(&mut browser, FIRST, 1);
    ask(&mut browser, THEN, 2);
    let reference = last(&mut browser).expect("text");
    ask(&mut browser, FIRST, 3);
    end(server);
    let server = options.start().expect("it starts again");
    browser.until("window.hal.stats.connections === 2").expect("the page comes back by itself");
    browser
        .until("document.querySelector('.came-back')?.innerText.includes('goes on')")
        .expect("it says so in a line");
    ask(&mut browser, THEN, 4);
    assert_eq!(last(&mut browser).expect("text"), reference);
    end(server);
}

/// The way from a gateway to its listener, on which connections can be cut.
struct Way {
    port: u16,
    cuts: Arc<AtomicUsize>,
}

impl Way {
    /// Its thread ends with the test's process.
    #[track_caller]
    fn to(listener_port: u16) -> Way {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("an address").port();
        let cuts = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&cuts);
        std::thread::spawn(move || {
            for from in socket.incoming().flatten() {
                let is_cut =
                    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
                // A listener that is away is a cut as well.
                if !is_cut && let Ok(to) = TcpStream::connect(("127.0.0.1", listener_port)) {
                    join(&from, &to);
                    join(&to, &from);
                }
            }
        });
        Way { port, cuts }
    }

    fn cut_next(&self, count: usize) {
        self.cuts.store(count, Ordering::SeqCst);
    }

    fn cuts_left(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

/// Passes on what comes until one side ends, which ends the other.
fn join(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    std::thread::spawn(move || {
        std::io::copy(&mut from, &mut to).ok();
        // It may have ended from the other side already.
        to.shutdown(Shutdown::Both).ok();
        from.shutdown(Shutdown::Both).ok();
    });
}

/// SIGTERM, and gone in good order when this returns.
#[track_caller]
pub(crate) fn end(mut server: Server) {
    server.process.signal("TERM").expect("signalled");
    let status = server.process.wait().expect("the end");
    assert!(status.success(), "{status}\n{}", server.process.output().join("\n"));
}

/// A gateway that neither hears nor speaks starts sooner.
#[track_caller]
pub(crate) fn quiet(folder: &TempDir) {
    let settings = "[speech]\nhear = \"none\"\nspeak = \"none\"\n";
    std::fs::write(folder.path().join("hal.toml"), settings).expect("written");
}

fn shopping(folder: &TempDir) -> Vec<String> {
    let database = Database::open(folder.path()).expect("it opens");
    let snapshot = database.snapshot().expect("a snapshot");
    let mut titles = Vec::new();
    snapshot
        .scan("TASK", &mut |_, bytes| {
            titles.push(hal_db::Record::from_bytes(bytes).field_text(1).to_lowercase());
            std::ops::ControlFlow::Continue(())
        })
        .expect("readable");
    titles
}
