//! Each limit is reached for real: the right answer, when to come back, and what goes on beside it.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::Duration;

use hal_sim::abuse::{Attack, Attacker, head};
use hal_sim::client::{Client, End};
use hal_sim::honest::{Crowd, Person};
use hal_sim::house::House;
use hal_sim::load::client_frame;
use hal_sim::server::{Options, Server};
use hal_sim::{http, wait};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::household::{MEDICATION, QUESTION, assert_names_medication};

const TIME: &str = "What time is it?";

/// A household with small limits and two users who come through a proxy.
struct Limited {
    // Before its folder: the server ends first.
    server: Server,
    folder: TempDir,
    /// Of the member's telephone and tablet, and of the guest's.
    phone: String,
    tablet: String,
    guest: String,
}

impl Limited {
    #[track_caller]
    fn start(settings: &[(&str, &str)]) -> Limited {
        let folder = TempDir::new().expect("a folder");
        let mut options = Options::demo(folder.path()).set("HAL_SPEECH__HEAR", "none");
        for (name, value) in settings {
            options = options.set(&format!("HAL_{}", name.replace('.', "__").to_uppercase()), value);
        }
        let server = options.start().expect("hal serve --demo answers");
        let mut house = House::open(server.listener_port).expect("the listener accepts");
        house.add_user("ann", "member").expect("added");
        house.add_user("gus", "guest").expect("added");
        let mut device = |user: &str, name: &str| house.add_device(user, name).expect("added");
        let (phone, tablet, guest) =
            (device("ann", "phone"), device("ann", "tablet"), device("gus", "phone"));
        Limited { server, folder, phone, tablet, guest }
    }

    /// A connection as a proxy passes it on; the first frame may be an error.
    #[track_caller]
    fn connect_from(&self, token: &str, address: &str) -> Client {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("x-forwarded-for", address)];
        Client::connect_with(self.server.gateway_port, &headers).expect("opened")
    }

    #[track_caller]
    fn connect(&self, token: &str) -> Client {
        let client = self.connect_from(token, "198.51.100.7");
        assert_eq!(client.greeting["type"], "connected", "{}", client.greeting);
        client
    }

    fn get(&self, path: &str, headers: &str) -> http::Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        http::raw(self.server.gateway_port, &request).expect("answered")
    }
}

/// An error of a limit, and for how long it asks to wait.
#[track_caller]
fn assert_too_many(error: &Value) -> Duration {
    assert_eq!(error["type"], "error", "{error}");
    assert_eq!(error["code"], "TOO_MANY", "{error}");
    assert_eq!(error["recoverable"], true, "{error}");
    let text = error["message"].as_str().unwrap_or_default();
    assert!(text.contains("Please try again in "), "{error}");
    Duration::from_millis(error["retry_after_ms"].as_u64().expect("when to try again"))
}

fn question(text: &str, turn: u64) -> Value {
    json!({"type": "text_input", "text": text, "turn": turn})
}

#[test]
fn one_connection_too_many_is_opened_told_and_closed_with_1013() {
    let home = Limited::start(&[("limits.device_connections", "2")]);
    let (mut one, two) = (home.connect(&home.phone), home.connect(&home.phone));
    let mut third = home.connect_from(&home.phone, "198.51.100.8");
    assert_too_many(&third.greeting);
    assert_eq!(third.end(), End::Closed(1013));
    // Those who are in notice nothing, and another device of the same person is another one.
    assert_names_medication(&one.ask(QUESTION).expect("answered"));
    assert_names_medication(&home.connect(&home.tablet).ask(QUESTION).expect("answered"));
    drop(two);
    wait::until("a place to be free again", || {
        let again = home.connect_from(&home.phone, "198.51.100.8");
        (again.greeting["type"] == "connected").then_some(())
    })
    .expect("free");
}

#[test]
fn an_address_has_its_places_whoever_comes_from_there() {
    let home = Limited::start(&[("limits.address_connections", "2")]);
    let _two = (home.connect(&home.phone), home.connect(&home.guest));
    assert_too_many(&home.connect_from(&home.tablet, "198.51.100.7").greeting);
    let elsewhere = home.connect_from(&home.tablet, "198.51.100.8");
    assert_eq!(elsewhere.greeting["type"], "connected");
    // Programs of the server's own machine have no address to share.
    let own: Vec<Client> = (0..5).map(|_| home.server.connect().expect("greeted")).collect();
    assert_eq!(own.len(), 5);
}

#[test]
fn questions_are_refused_until_they_may_be_asked_again() {
    let home =
        Limited::start(&[("limits.device_turns_per_minute", "30"), ("limits.refusals_per_minute", "1000")]);
    let mut client = home.connect(&home.phone);
    for _ in 0..30 {
        client.ask(TIME).expect("just below the limit nothing is noticed");
    }
    let asked = wait::now();
    let error = wait::until("the limit", || {
        // While the thirty were answered the first of them were forgotten again.
        client.send(&question(TIME, 99)).expect("sent");
        let error = client.until_either("error", "response").expect("a frame");
        (error["type"] == "error").then_some(error)
    })
    .expect("reached");
    let wait = assert_too_many(&error);
    assert_eq!(error["turn"], 99, "it says which question: {error}");
    assert!(wait <= Duration::from_secs(2), "one of thirty: {wait:?}");
    assert!(asked.elapsed() < wait::PATIENCE);
    // Somebody else is not held up by it, and the same connection goes on.
    assert_names_medication(&home.connect(&home.tablet).ask(QUESTION).expect("answered"));
    wait::until("the time to be over", || client.ask(TIME).ok()).expect("answered again");
}

#[test]
fn whoever_keeps_on_is_closed_with_1013() {
    let home =
        Limited::start(&[("limits.device_turns_per_minute", "1"), ("limits.refusals_per_minute", "5")]);
    let mut client = home.connect(&home.phone);
    for turn in 1..50 {
        // The server may have closed already.
        if client.send(&question(TIME, turn)).is_err() {
            break;
        }
    }
    assert_eq!(client.end(), End::Closed(1013));
    assert_names_medication(&home.connect(&home.tablet).ask(QUESTION).expect("answered"));
}

#[test]
fn sound_and_bytes_have_limits_and_words_go_on() {
    let home = Limited::start(&[
        ("limits.device_sound_seconds_per_minute", "5"),
        ("limits.user_megabytes_per_minute", "1"),
    ]);
    let mut client = home.connect(&home.phone);
    client.send_bytes(vec![0; 5 * 32_000]).expect("sent");
    // There is no engine that hears here; that it is asked for says that the sound was taken.
    assert_eq!(client.until("error").expect("a frame")["code"], "SPEECH_UNAVAILABLE");
    client.send_bytes(vec![0; 32_000]).expect("sent");
    assert!(assert_too_many(&client.until("error").expect("a frame")) <= Duration::from_secs(12));
    assert_names_medication(&client.ask(QUESTION).expect("words go on"));

    // More than the megabyte of the user, on another of their devices.
    let mut client = home.connect(&home.tablet);
    client.send_text(&"x".repeat(2 << 20)).expect("sent");
    let error = client.until("error").expect("a frame");
    assert_eq!(error["code"], "TOO_MANY", "{error}");
    // A guest has a megabyte of their own.
    home.connect(&home.guest).ask(TIME).expect("answered");
}

#[test]
fn a_long_text_is_refused_and_the_connection_stays() {
    let home = Limited::start(&[("limits.text_kilobytes", "8")]);
    let mut client = home.connect(&home.phone);
    client.send(&json!({"type": "text_input", "text": "x".repeat(9_000)})).expect("sent");
    assert_eq!(client.until("error").expect("a frame")["code"], "TOO_LARGE");
    let text = home.get("/app.js", "").status;
    assert_eq!(text, 200);
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
}

#[test]
fn requests_from_one_address_are_answered_429_and_health_checks_never() {
    let home = Limited::start(&[("limits.address_requests_per_minute", "10")]);
    let from = "X-Forwarded-For: 198.51.100.7\r\n";
    let answers: Vec<http::Answer> = (0..30).map(|_| home.get("/app.js", from)).collect();
    assert!(answers[..10].iter().all(|answer| answer.status == 200), "up to the limit");
    let refused = answers.last().expect("thirty");
    assert_eq!(refused.status, 429, "{}", refused.head);
    let head = refused.head.to_lowercase();
    let wait = head.lines().find_map(|line| line.strip_prefix("retry-after: ")).expect("when to try again");
    assert!((1..=6).contains(&wait.parse::<u64>().expect("seconds")), "{head}");
    assert!(refused.body.contains("TOO_MANY"), "{}", refused.body);
    for _ in 0..30 {
        assert_eq!(home.get("/healthz", from).status, 200);
        assert_eq!(home.get("/app.js", "").status, 200, "programs of this machine");
    }
    assert_eq!(home.get("/app.js", "X-Forwarded-For: 198.51.100.8\r\n").status, 200);
    wait::until("the time to be over", || (home.get("/app.js", from).status == 200).then_some(()))
        .expect("answered again");
}

#[test]
fn a_message_that_dribbles_in_is_cut_off() {
    let home = Limited::start(&[("limits.message_seconds", "1")]);
    let mut slow = home.connect(&home.guest);
    slow.send_raw(&head(0x81, 1_000)).expect("sent");
    let error = slow.until("error").expect("told");
    assert_eq!((&error["code"], &error["recoverable"]), (&json!("TOO_SLOW"), &json!(false)), "{error}");
    assert_eq!(slow.end(), End::Closed(1013));
    // Silence alone is no fault: people think.
    let mut quiet = home.connect(&home.phone);
    assert!(quiet.is_open_after(Duration::from_millis(2_500)).expect("it is looked at"));
    assert_names_medication(&quiet.ask(QUESTION).expect("answered"));
}

#[test]
fn frames_that_cannot_be_taken_end_with_their_code() {
    let home = Limited::start(&[]);
    let check = |bytes: &[u8], code: &str, close: u16| {
        let mut client = home.connect(&home.guest);
        client.send_raw(bytes).expect("sent");
        assert_eq!(client.until("error").expect("told")["code"], code);
        assert_eq!(client.end(), End::Closed(close), "{code}");
    };
    check(&head(0x82, 100 << 20), "TOO_LARGE", 1009);
    check(&client_frame(true, &[0xc3, 0x28]), "BAD_JSON", 1007);
    let mut compressed = client_frame(true, b"{}");
    compressed[0] |= 0x40;
    check(&compressed, "BAD_JSON", 1002);
    let packed = "POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\
                  Connection: close\r\n\r\n\x1f\x08\x00\x00";
    assert_eq!(http::raw(home.server.gateway_port, packed).expect("answered").status, 415);
}

#[test]
fn messages_that_have_begun_share_a_bounded_room() {
    let home = Limited::start(&[("limits.unfinished_megabytes", "16")]);
    let before = home.server.process.resident_bytes().expect("Linux");
    let mut half = home.connect_from(&home.guest, "198.51.100.9");
    half.send_raw(&head(0x82, 15 << 20)).expect("sent");
    half.send_raw(&vec![0; 14 << 20]).expect("sent");
    let mut more: Vec<Client> = (0..8).map(|_| home.connect(&home.phone)).collect();
    for client in &mut more {
        client.send_raw(&head(0x82, 15 << 20)).expect("sent");
        let error = client.until("error").expect("told");
        assert_eq!(error["code"], "BUSY", "{error}");
        assert_eq!(error["retry_after_ms"], 1_000, "{error}");
        assert_eq!(client.end(), End::Closed(1013));
    }
    // Short messages need no room.
    assert_names_medication(&home.connect(&home.tablet).ask(QUESTION).expect("answered"));
    let grown = home.server.process.resident_bytes().expect("Linux").saturating_sub(before);
    assert!(grown < 64 << 20, "{} MB more", grown >> 20);
    drop(half);
    wait::until("the room to be free again", || {
        let mut client = home.connect(&home.phone);
        client.send_bytes(vec![0; 1 << 20]).ok()?;
        (client.until("error").ok()?["code"] == "SPEECH_UNAVAILABLE").then_some(())
    })
    .expect("free");
}

#[test]
fn silent_connections_make_room_only_where_places_run_short() {
    let home = Limited::start(&[
        ("gateway.connections_max", "4"),
        ("limits.first_message_seconds", "2"),
        // Who talks here does so without a pause.
        ("limits.user_turns_per_minute", "0"),
        ("limits.device_turns_per_minute", "0"),
        ("limits.address_turns_per_minute", "0"),
    ]);
    let mut silent = home.connect(&home.phone);
    // A client at its prompt: nothing is read, so that no ping is answered.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut alive = home.connect(&home.guest);
            let mut another = home.connect(&home.tablet);
            wait::until("the silent one to be gone", || {
                alive.ask(TIME).expect("who talks stays");
                another.ask(TIME).expect("who talks stays");
                let open = home.server.process.output();
                open.iter().any(|line| line.contains("makes room")).then_some(())
            })
            .expect("it makes room");
        });
    });
    assert_eq!(silent.end(), End::Closed(1013));
    // Alone, the same silence is no fault.
    let mut thinker = home.connect(&home.phone);
    assert!(thinker.is_open_after(Duration::from_millis(100)).expect("it is looked at"));
}

#[test]
fn without_any_place_the_handshake_is_answered_503() {
    let home = Limited::start(&[("gateway.connections_max", "3")]);
    let mut three = [home.connect(&home.phone), home.connect(&home.tablet), home.connect(&home.guest)];
    let handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{handshake}\r\n");
    let refused = http::raw(home.server.gateway_port, &request).expect("answered");
    assert_eq!(refused.status, 503, "{}", refused.head);
    assert!(refused.head.to_lowercase().contains("retry-after: 5"), "{}", refused.head);
    for client in &mut three {
        client.ask(TIME).expect("answered");
    }
    drop(three);
    wait::until("a place to be free", || home.server.connect().ok()).expect("free");
}

#[test]
fn connections_that_say_nothing_take_only_a_part_of_the_places() {
    let home = Limited::start(&[("gateway.connections_max", "8")]);
    let mut talks = home.connect(&home.phone);
    // A quarter of eight for each place that connections come from.
    let silent =
        [0, 1].map(|_| TcpStream::connect(("127.0.0.1", home.server.gateway_port)).expect("accepted"));
    wait::until("the third to be refused", || {
        let mut third = TcpStream::connect(("127.0.0.1", home.server.gateway_port)).expect("accepted");
        third.set_read_timeout(Some(Duration::from_millis(200))).expect("set");
        let mut answer = [0; 12];
        third.read_exact(&mut answer).ok()?;
        (&answer == b"HTTP/1.1 503").then_some(())
    })
    .expect("it is");
    talks.ask(TIME).expect("who is in stays");
    drop(silent);
    wait::until("a place to be free", || http::get(home.server.gateway_port, "/healthz").ok()).expect("free");
}

#[test]
fn a_reload_takes_over_other_limits() {
    let home = Limited::start(&[]);
    let mut client = home.connect(&home.phone);
    client.ask(TIME).expect("answered");
    std::fs::write(home.folder.path().join("hal.toml"), "[limits]\ndevice_turns_per_minute = 1\n")
        .expect("written");
    home.server.process.signal("HUP").expect("signalled");
    wait::until("the new limit", || {
        client.send(&question(TIME, 7)).ok()?;
        let frame = client.until_either("error", "response").ok()?;
        (frame["code"] == "TOO_MANY").then_some(())
    })
    .expect("in force");
}

/// Every kind of attack, one after the other, beside people who talk: nobody of them is dropped or told anything wrong,
/// and the server's memory stays within a bound. No time is measured.
#[test]
fn attacks_of_every_kind_cost_people_nothing_but_time() {
    const PEOPLE: usize = 12;
    /// Half of what unfinished messages may take by default is the largest part of it.
    const GROWTH_MAX: u64 = 200 << 20;
    let home = Limited::start(&[("limits.unfinished_megabytes", "64"), ("limits.message_seconds", "5")]);
    let mut house = House::open(home.server.listener_port).expect("the listener accepts");
    let people: Vec<Person> = (0..PEOPLE)
        .map(|number| Person {
            token: house.add_device("ann", &format!("device {number}")).expect("added"),
            address: format!("198.18.0.{number}"),
        })
        .collect();
    let port = home.server.gateway_port;
    let attacker = Attacker { port, token: home.guest.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let crowd = Crowd::start(port, &people, QUESTION, MEDICATION, Duration::from_secs(1)).await;
        let crowd = crowd.expect("let in");
        let before = home.server.process.resident_bytes().expect("Linux");
        for attack in Attack::ALL {
            crowd.next_phase();
            let tally = attacker.run(attack, 20, Duration::from_secs(2)).await;
            let begun = tally.begun.load(std::sync::atomic::Ordering::Relaxed);
            assert!(begun > 10, "{}: {begun} attempts", attack.name());
            let grown = home.server.process.resident_bytes().expect("Linux").saturating_sub(before);
            assert!(grown < GROWTH_MAX, "{}: {} MB more", attack.name(), grown >> 20);
        }
        assert_eq!(crowd.dropped(), [""; 0], "nobody is dropped");
        for (number, phase) in crowd.end().await.iter().enumerate() {
            assert_eq!(phase.wrong, [""; 0], "phase {number}");
            assert!(
                number == 0 || phase.answered.len() >= PEOPLE,
                "phase {number}: {}",
                phase.answered.len()
            );
        }
    });
    assert_names_medication(&home.connect(&home.phone).ask(QUESTION).expect("answered"));
}
