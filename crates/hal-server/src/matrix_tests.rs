//! Who may do what by which way in: every skill, file and way × everybody there is, against a table written here by hand.
//!
//! Ways: the gateway's WebSocket (8768), the listener (8767), HTTP, and the command language. All over real sockets of
//! a whole server in this process, with the demo household.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use hal_db::tcl::{Account, Host, Next, PageAnswer, Person, Session, Terminal, World};
use hal_db::{Database, Env};
use hal_dialog::{Brain, Skills};
use hal_wire::listener::Request;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::limits::{self, Gate};
use tungstenite::client::IntoClientRequest as _;

use crate::auth::{Auth, Policy, Rule};
use crate::clock::Clock;
use crate::config;
use crate::engines::Engines;
use crate::gateway::{self, Gateway, Link};
use crate::listener::tcp::Limits;
use crate::listener::{self, Caller, Listener};

/// Files that a member may not read. All others of the household they may.
const NOT_FOR_MEMBERS: [&str; 14] = [
    "PASSWORD_VAULT",
    "MASTER_PASSWORD",
    "EMAIL",
    "LOG",
    "INTEGRATION",
    "MODEL",
    "PROMPT",
    "PERSONA",
    "SKILL",
    "DEVICE",
    "RULE",
    "IMPORT_LOG",
    "SCHEMA_INDEX",
    "VOC",
];
const FOR_KITCHENS: [&str; 5] = ["PERSON", "TASK", "EVENT", "PLACE", "CATEGORY"];
const FOR_GUESTS: [&str; 1] = ["TASK"];

/// Everybody there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Owner,
    Member,
    Guest,
    Kitchen,
    Revoked,
    Nothing,
    Expired,
    OtherHousehold,
}

const EVERYBODY: [Who; 8] = [
    Who::Owner,
    Who::Member,
    Who::Guest,
    Who::Kitchen,
    Who::Revoked,
    Who::Nothing,
    Who::Expired,
    Who::OtherHousehold,
];

impl Who {
    fn is_let_in(self) -> bool {
        matches!(self, Who::Owner | Who::Member | Who::Guest | Who::Kitchen)
    }

    fn reads(self, file: &str) -> bool {
        match self {
            Who::Owner => true,
            Who::Member => !NOT_FOR_MEMBERS.contains(&file) && file != "NO_SUCH_FILE",
            Who::Kitchen => FOR_KITCHENS.contains(&file),
            Who::Guest => FOR_GUESTS.contains(&file),
            _ => false,
        }
    }

    fn talks_about(self, skill: &str) -> bool {
        match self {
            Who::Owner | Who::Member => true,
            Who::Kitchen => ["task", "shopping", "event", "contact", "talk"].contains(&skill),
            Who::Guest => ["talk", "shopping"].contains(&skill),
            _ => false,
        }
    }
}

/// A server with everybody's tokens.
struct House {
    gateway: SocketAddr,
    listener_address: SocketAddr,
    listener: Arc<Listener>,
    database: Database,
    auth: Arc<Auth>,
    tokens: BTreeMap<Who, Option<String>>,
    _runtime: tokio::runtime::Runtime,
    _drain: watch::Sender<bool>,
}

fn house() -> House {
    house_with(Rule::Required)
}

fn house_with(rule: Rule) -> House {
    let clock = Clock::start();
    let now = clock.unix_ms();
    let database = Database::in_memory();
    hal_db::schema::ensure_household(&database).expect("a household");
    crate::demo::load(&database, clock.moment().day).expect("the demo");
    let auth = Arc::new(Auth::in_memory(Policy::presets(), rule));
    auth.ensure_owner(Some(crate::demo::OWNER), now).expect("an owner");
    auth.add_user("mia", "Mia", "member", Some("P002"), "test", now).expect("added");
    auth.add_user("gus", "Gus", "guest", None, "test", now).expect("added");
    let device = |user: &str, scope: &str, expires| {
        auth.add_device(user, &format!("{user} {scope}"), scope, expires, "test", now).expect("added")
    };
    let other = Auth::in_memory(Policy::presets(), Rule::Required);
    other.ensure_owner(None, now).expect("an owner");
    let stranger = other.add_device("owner", "x", "personal", None, "test", now).expect("added").1;
    let (revoked, revoked_token) = device("mia", "personal", None);
    auth.revoke(&revoked.id, "test", now).expect("revoked");
    let tokens = BTreeMap::from([
        (Who::Owner, Some(device("owner", "personal", None).1)),
        (Who::Member, Some(device("mia", "personal", None).1)),
        (Who::Guest, Some(device("gus", "personal", None).1)),
        (Who::Kitchen, Some(device("owner", "kitchen", None).1)),
        (Who::Revoked, Some(revoked_token)),
        (Who::Nothing, None),
        (Who::Expired, Some(device("mia", "personal", Some(now - 1)).1)),
        (Who::OtherHousehold, Some(stranger)),
    ]);
    let brain = Brain::builtin().expect("the skills compile");
    let listener = Listener::new(database.clone(), brain, Arc::clone(&auth), clock, None);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let (drain, draining) = watch::channel(false);
    let (gateway, listener_address) = runtime.block_on(async {
        let speech =
            config::Speech { hear: "none".to_owned(), speak: "none".to_owned(), ..config::Speech::default() };
        let engines = Arc::new(Engines::open(&speech));
        let link = Link::local(Arc::clone(&listener), Gate::new(4, 64));
        let gateway = Arc::new(Gateway {
            clock,
            engines,
            link: Arc::new(link),
            config: config::Gateway::default(),
            live: Default::default(),
            metrics: Default::default(),
            board: Default::default(),
            traces: None,
            limits: limits::Limits::new(config::Limits::default(), 1_000),
            door: Default::default(),
            tls: None,
            is_open: false,
        });
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let gateway_address = socket.local_addr().expect("bound");
        tokio::spawn(gateway::serve(socket, gateway, draining.clone()));
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("bound");
        let limits = Limits { connections_max: 100, questions_at_once: 4 };
        tokio::spawn(listener::tcp::serve(socket, Arc::clone(&listener), clock, limits, None, draining));
        (gateway_address, address)
    });
    House { gateway, listener_address, listener, database, auth, tokens, _runtime: runtime, _drain: drain }
}

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    /// `answered`, `denied`, …, or the code of an error.
    outcome: String,
    action: String,
    text: String,
}

type Socket = tungstenite::WebSocket<TcpStream>;

impl House {
    fn token(&self, who: Who) -> Option<&str> {
        self.tokens[&who].as_deref()
    }

    /// Opens the gateway's WebSocket; the HTTP status where it is refused.
    fn connect(&self, token: Option<&str>) -> Result<Socket, u16> {
        let mut request = format!("ws://{}/", self.gateway).into_client_request().expect("a request");
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().expect("a header");
            request.headers_mut().insert("authorization", value);
        }
        let stream = TcpStream::connect(self.gateway).expect("connected");
        match tungstenite::client(request, stream) {
            Ok((mut socket, _)) => {
                socket.read().expect("a greeting");
                Ok(socket)
            }
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                Err(response.status().as_u16())
            }
            Err(other) => panic!("neither greeted nor refused: {other}"),
        }
    }

    fn ask_socket(socket: &mut Socket, text: &str) -> End {
        let message = json!({"type": "text_input", "text": text}).to_string();
        socket.send(tungstenite::Message::text(message)).expect("sent");
        loop {
            let message = socket.read().expect("an answer");
            let Ok(text) = message.to_text() else { continue };
            let Ok(frame) = serde_json::from_str::<Value>(text) else { continue };
            let field = |name: &str| frame[name].as_str().unwrap_or("").to_owned();
            match frame["type"].as_str() {
                Some("response") => {
                    return End {
                        outcome: field("outcome"),
                        action: field("action_taken"),
                        text: field("text"),
                    };
                }
                Some("error") => {
                    return End { outcome: field("code"), action: String::new(), text: field("message") };
                }
                _ => {}
            }
        }
    }

    fn ask_listener(&self, token: Option<&str>, session: &str, text: &str) -> End {
        let mut request = json!({"type": "voice_message", "text": text, "session_id": session});
        if let Some(token) = token {
            request["token"] = token.into();
        }
        let mut stream = TcpStream::connect(self.listener_address).expect("connected");
        writeln!(stream, "{request}").expect("sent");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("a reply");
        let reply: Value = serde_json::from_str(&line).expect("JSON");
        let field = |name: &str| reply[name].as_str().unwrap_or("").to_owned();
        let error = field("error");
        // After some wrong tokens it says so in other words, and lets in nobody more.
        let is_shut = ["SIGN_IN_REQUIRED", "LOCKED_OUT"].contains(&error.as_str());
        let outcome = if is_shut { "SIGN_IN_REQUIRED".to_owned() } else { field("outcome") };
        End { outcome, action: field("action_taken"), text: field("text") }
    }

    fn http(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.gateway).expect("connected");
        let authorization = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
    }

    /// How many entries of the audit log have this result.
    fn audited(&self, result: &str) -> usize {
        let entries = self.auth.audit().tail(1_000_000).expect("read");
        entries.iter().filter(|entry| entry.event.result == result).count()
    }
}

/// Something distinctive of each file, that must not be heard by who may not read it.
fn treasures(database: &Database) -> BTreeMap<String, BTreeSet<String>> {
    let snapshot = database.snapshot().expect("snapshot");
    let mut treasures = BTreeMap::new();
    for (file, item) in [
        ("MEDICATION", "MEDICATION_NAME"),
        ("ALLERGY", "ALLERGEN"),
        ("MEDICAL_HISTORY", "CONDITION"),
        ("IMMUNIZATION", "VACCINE_NAME"),
        ("MEDICAL_TEST", "TEST_NAME"),
        ("DOCTOR", "LAST_NAME"),
        ("PAYEE", "STANDARD_NAME"),
    ] {
        let field = snapshot.dictionary(file).expect("there").data(item).expect("there").field;
        let mut words = BTreeSet::new();
        for id in snapshot.ids(file).expect("there") {
            let record = snapshot.read(file, &id.expect("an id")).expect("read").expect("there");
            let word = record.field_text(field).to_lowercase();
            if word.len() > 4 {
                words.insert(word);
            }
        }
        treasures.insert(file.to_owned(), words);
    }
    treasures
}

#[test]
fn every_skill_by_both_ports_is_answered_to_whom_the_table_says_and_to_nobody_else() {
    let house = house();
    let brain = Brain::builtin().expect("the skills compile");
    let treasures = treasures(&house.database);
    let (mut allowed, mut refused, mut shut_out) = (0, 0, 0);
    for who in EVERYBODY {
        let token = house.token(who);
        let mut socket = house.connect(token);
        if !who.is_let_in() {
            assert_eq!(socket.as_ref().err(), Some(&401), "{who:?} on 8768");
        }
        let before = house.audited("denied");
        let mut denied = 0;
        for (number, ask) in brain.asks().enumerate() {
            let Some(example) = ask.example else { continue };
            // A kitchen knows who lives there, and not how to reach them.
            let is_hidden = who == Who::Kitchen && ask.action == "person_contact";
            let may =
                who.talks_about(ask.skill) && ask.reads.iter().all(|file| who.reads(file)) && !is_hidden;
            let ends: Vec<End> = match &mut socket {
                Ok(socket) => vec![
                    House::ask_socket(socket, example),
                    house.ask_listener(token, &format!("m{number}"), example),
                ],
                Err(_) => vec![house.ask_listener(token, &format!("m{number}"), example)],
            };
            for end in &ends {
                let place = format!("{who:?}: {} {example:?}: {end:?}", ask.action);
                if !who.is_let_in() {
                    assert_eq!(end.outcome, "SIGN_IN_REQUIRED", "{place}");
                    shut_out += 1;
                    continue;
                }
                denied += usize::from(end.outcome == "denied");
                // Another reading of the words may be one that is allowed; an answer of this one is not.
                if may {
                    assert_ne!(end.outcome, "denied", "{place}");
                    allowed += 1;
                } else {
                    let is_answer = end.action == ask.action
                        && !["denied", "not_understood"].contains(&end.outcome.as_str());
                    assert!(!is_answer, "{place}");
                    refused += 1;
                }
                for (file, words) in &treasures {
                    let said = end.text.to_lowercase();
                    let leaked =
                        words.iter().find(|word| said.contains(*word) && !example.contains(word.as_str()));
                    // What tasks and events say themselves is theirs to say.
                    // So are the sentences to try, which are the same in every household.
                    let own = ["task", "bill", "shopping", "event", "reminder", "record", "help"];
                    let is_own = own.iter().any(|start| end.action.starts_with(start));
                    assert!(
                        leaked.is_none() || who.reads(file) || is_own,
                        "{file} was heard: {leaked:?} {place}"
                    );
                }
            }
        }
        assert_eq!(house.audited("denied") - before, denied, "{who:?}: every refusal is audited");
    }
    println!("allowed {allowed}, refused {refused}, not let in {shut_out}");
    assert!(allowed > 250 && refused > 100 && shut_out > 200, "{allowed} {refused} {shut_out}");
    let verified = house.auth.audit().verify(None).expect("read").expect("whole");
    assert!(verified.entries as usize > allowed + refused, "{verified:?}");
}

/// A terminal that keeps what it was shown.
#[derive(Default)]
struct Paper {
    text: String,
    failed: Option<String>,
}

impl Terminal for Paper {
    fn width(&self) -> usize {
        80
    }

    fn height(&self) -> Option<usize> {
        None
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        Ok(())
    }

    fn complain(&mut self, failure: &hal_db::tcl::Failure) {
        self.failed = Some(failure.to_string());
    }

    fn ask(&mut self, _question: &str) -> Option<String> {
        None
    }

    fn pause(&mut self) -> PageAnswer {
        PageAnswer::GoOn
    }

    fn interrupt(&self) -> Arc<std::sync::atomic::AtomicBool> {
        Arc::default()
    }
}

struct NoOtherAccounts;

impl Host for NoOtherAccounts {
    fn open_account(&mut self, _name: &str) -> hal_db::Result<Account> {
        Err(hal_db::Error::Refused("no other account".to_owned()))
    }
}

#[test]
fn every_file_in_the_command_language_is_read_by_whom_the_table_says() {
    let house = house();
    let directory = house.auth.directory();
    let mut files = house.database.snapshot().expect("snapshot").files().expect("files");
    files.push("NO_SUCH_FILE".to_owned());
    let (mut read, mut denied) = (0, 0);
    for who in EVERYBODY.into_iter().filter(|who| who.is_let_in()) {
        let token = house.token(who).expect("a token");
        let digest = crate::auth::secret::Digest::of(token);
        let principal = directory.look_up(&digest, Clock::start().unix_ms()).expect("let in");
        let db = house.database.restricted(&principal.access);
        let account = Account { name: "HOME".to_owned(), path: String::new(), db };
        let person = Person { user: principal.user, number: 1, tty: String::new() };
        let mut session = Session::new(account, person);
        for file in &files {
            for sentence in [
                format!("COUNT {file}"),
                format!("LIST {file} @ID"),
                format!("SELECT {file}"),
                format!("LIST DICT {file}"),
                format!("LIST TASK EVAL \"TRANS({file},'x',1,'X')\""),
            ] {
                let mut paper = Paper::default();
                let mut world =
                    World { env: Env::default(), terminal: &mut paper, host: &mut NoOtherAccounts };
                let next = session.run(&sentence, &mut world);
                assert_eq!(next, Next::Line);
                session.lists_mut().clear(0);
                let failed = paper.failed.unwrap_or_default();
                let is_denied = failed.to_lowercase().contains("you may not");
                if file == "NO_SUCH_FILE" && who == Who::Owner {
                    assert!(!is_denied, "{who:?} {sentence}: {failed}");
                } else {
                    assert_eq!(is_denied, !who.reads(file), "{who:?} {sentence}: {failed} {}", paper.text);
                }
                if is_denied { denied += 1 } else { read += 1 }
            }
        }
    }
    println!("read {read}, denied {denied}");
    assert!(read > 300 && denied > 300, "{read} {denied}");
}

/// HTTP: each address by which people and devices sign in, asked by everybody; each refusal is in the audit log.
#[test]
fn the_sign_in_addresses_answer_only_who_is_let_in() {
    for who in EVERYBODY {
        // A house for each: after five wrong tokens the next one waits, which is another refusal.
        let house = house();
        let token = house.token(who);
        let refused = match who {
            Who::Revoked => "revoked",
            Who::Expired => "expired",
            Who::Nothing => "missing",
            _ => "unknown",
        };
        let check = |path: &str, token: Option<&str>, secret: Option<&str>, let_in: bool, refused: &str| {
            let before = house.audited(refused);
            let method = if path == "/whoami" { "GET" } else { "POST" };
            let form = secret.map_or(String::new(), |secret| json!({ "secret": secret }).to_string());
            let (status, body) = house.http(method, path, token, &form);
            let place = format!("{who:?} {path}: {status} {body}");
            assert_eq!(status, if let_in { 200 } else { 401 }, "{place}");
            assert_eq!(body.contains("hal pair"), !let_in, "whoever is refused learns what to do: {place}");
            // What a request without anything was refused for is noted behind the answer.
            let clock = Clock::start();
            while !let_in && house.audited(refused) == before {
                assert!(clock.now_ms() < 20_000, "{refused} is not audited: {place}");
                std::thread::yield_now();
            }
            body
        };
        let is_in = who.is_let_in();
        let told = check("/whoami", token, None, is_in, refused);
        if is_in {
            let told: Value = serde_json::from_str(&told).expect("JSON");
            let role = match who {
                Who::Member => "member",
                Who::Guest => "guest",
                _ => "owner",
            };
            assert_eq!((&told["role"], &told["signed_in"]), (&json!(role), &json!(true)), "{told}");
        }
        check("/ticket", token, None, is_in, refused);
        let page_refused = if who == Who::Nothing { "unknown" } else { refused };
        check("/signin", None, Some(token.unwrap_or("")), is_in, page_refused);
        // A token is no pairing code, whoever has it.
        check("/pair", None, Some(token.unwrap_or("")), false, "unknown");
        check("/signout", token, None, is_in, refused);
        if is_in {
            // And out for good.
            check("/whoami", token, None, false, "unknown");
            assert_eq!(house.connect(token).err(), Some(401), "{who:?}");
        }
        // Nothing else needs a sign-in, or tells anything.
        assert_eq!(house.http("GET", "/healthz", token, "").0, 200);
        let page = house.http("GET", "/app.js", token, "").1;
        assert!(!page.to_lowercase().contains("lisinopril"));
    }
}

#[test]
fn a_revoked_device_is_out_with_its_next_question() {
    let house = house();
    let mut socket = house.connect(house.token(Who::Kitchen)).expect("let in");
    assert_eq!(House::ask_socket(&mut socket, "what time is it").outcome, "answered");
    let kitchen = house.auth.directory();
    let device = kitchen.devices.values().find(|device| device.scope == "kitchen").expect("there");
    house.auth.revoke(&device.id, "owner", 1).expect("revoked");
    assert_eq!(House::ask_socket(&mut socket, "what time is it").outcome, "SIGN_IN_REQUIRED");
    let closed = loop {
        match socket.read() {
            Ok(tungstenite::Message::Close(frame)) => break frame.map(|frame| u16::from(frame.code)),
            Ok(_) => {}
            Err(_) => break None,
        }
    };
    assert_eq!(closed, Some(1008));
    assert!(house.audited("revoked") > 0);
}

#[test]
fn a_pairing_code_opens_once_and_a_ticket_opens_one_socket() {
    let house = house();
    let now = Clock::start().unix_ms();
    let (code, _) = house.auth.offer("gus", "phone", "personal", "owner", now).expect("offered");
    let form = json!({"secret": code.to_lowercase(), "device": "Gus's phone"}).to_string();
    let (status, body) = house.http("POST", "/pair", None, &form);
    assert_eq!(status, 200, "{body}");
    let token =
        serde_json::from_str::<Value>(&body).expect("JSON")["token"].as_str().expect("a token").to_owned();
    assert!(house.connect(Some(&token)).is_ok());
    assert_eq!(house.http("POST", "/pair", None, &form).0, 401, "used up");
    let (_, body) = house.http("POST", "/ticket", Some(&token), "");
    let ticket =
        serde_json::from_str::<Value>(&body).expect("JSON")["ticket"].as_str().expect("a ticket").to_owned();
    let open = |query: &str| {
        let request = format!("ws://{}/?{query}", house.gateway);
        let stream = TcpStream::connect(house.gateway).expect("connected");
        tungstenite::client(request.as_str(), stream).is_ok()
    };
    assert!(open(&format!("ticket={ticket}")));
    assert!(!open(&format!("ticket={ticket}")), "once");
    assert!(open(&format!("token={token}")));
    assert!(!open("token=hal_nonsense"));
}

#[test]
fn what_waits_in_a_session_is_not_done_for_somebody_else_or_with_other_rights() {
    let house = house();
    let (owner, member) = (house.token(Who::Owner), house.token(Who::Member));
    let count = || house.database.snapshot().expect("snapshot").ids("TASK").expect("there").count();
    let before = count();
    assert_eq!(house.ask_listener(owner, "same", "remind me to call the bank tomorrow").outcome, "asked");
    let end = house.ask_listener(member, "same", "yes");
    assert_eq!(end.text, "There is nothing to confirm.", "{end:?}");
    let repeated = house.ask_listener(member, "same", "repeat");
    assert!(!repeated.text.contains("bank"), "{repeated:?}");
    assert_eq!(count(), before);
    // The member's own, but their role changes before the yes.
    assert_eq!(house.ask_listener(member, "mine", "remind me to call the bank tomorrow").outcome, "asked");
    house.auth.set_role("mia", "guest", "owner", 1).expect("set");
    house.ask_listener(member, "mine", "yes");
    assert_eq!(count(), before);
    assert_eq!(house.ask_listener(owner, "same", "yes").outcome, "answered");
    assert_eq!(count(), before + 1);
}

/// What may be wanted of the admin page.
const WISHES: [(&str, &str, &str, &str); 5] = [
    ("read", "GET", "/admin/state", ""),
    ("revoke", "POST", "/admin/revoke", "{\"device\":\"DEVICE\"}"),
    ("backup", "POST", "/admin/backup", "{}"),
    ("words on", "POST", "/admin/words", "{\"on\":true}"),
    ("words off", "POST", "/admin/words", "{\"on\":false}"),
];

#[test]
fn the_admin_page_is_read_and_used_by_owners_on_devices_of_their_own_and_by_nobody_else() {
    let house = house();
    let folder = tempfile::tempdir().expect("a folder");
    house.listener.keep_backups(folder.path());
    let state = |house: &House| -> Value {
        let (status, body) = house.http("GET", "/admin/state", house.token(Who::Owner), "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    };
    // The file itself says nothing: anybody may have it.
    assert_eq!(house.http("GET", "/admin", None, "").0, 200);
    for who in EVERYBODY {
        for (wish, method, path, body) in WISHES {
            let (victim, _) =
                house.auth.add_device("mia", "victim", "personal", None, "test", 1).expect("added");
            let denied = house.audited("denied");
            let body = body.replace("DEVICE", &victim.id);
            let (status, answer) = house.http(method, path, house.token(who), &body);
            let place = format!("{who:?}: {wish}: {status} {answer}");
            let expected = match who {
                Who::Owner => 200,
                Who::Member | Who::Guest | Who::Kitchen => 403,
                _ => 401,
            };
            // A right token is never locked out; a wrong one may have to wait.
            assert!(status == expected || (expected == 401 && status == 429), "{place}");
            let is_out = house.auth.directory().devices[&victim.id].revoked_ms.is_some();
            assert_eq!(is_out, who == Who::Owner && wish == "revoke", "{place}");
            if who != Who::Owner {
                assert!(!answer.contains("sessions") && !answer.contains(&victim.id), "{place}");
            }
            if expected == 403 {
                assert_eq!(house.audited("denied"), denied + 1, "a refusal is audited: {place}");
                let answer: Value = serde_json::from_str(&answer).expect("JSON");
                assert!(answer["message"].as_str().is_some_and(|words| words.contains("owner")), "{place}");
            }
            let words = state(&house)["gateway"]["words_until_ms"].is_number();
            assert_eq!(words, who == Who::Owner && wish == "words on", "{place}");
        }
    }
    let audit = house.auth.audit().tail(1_000_000).expect("read");
    let noted = |what: &str, about: &str| {
        audit.iter().filter(|entry| entry.event.what == what && entry.event.about == about).count()
    };
    for (_, about) in WISHES.iter().zip(["state", "revoke", "backup", "words on", "words off"]) {
        // Member, guest and kitchen; of the owner what was done, but not that they looked.
        let done = usize::from(!["state", "revoke"].contains(&about));
        assert_eq!(noted("admin", about), 3 + done, "{about}");
    }
    // An owner who looks again and again has signed in once for it.
    let signed_in = |house: &House| {
        let entries = house.auth.audit().tail(1_000_000).expect("read");
        entries.iter().filter(|entry| entry.event.what == "sign_in" && entry.event.result == "ok").count()
    };
    let before = signed_in(&house);
    for _ in 0..5 {
        state(&house);
    }
    assert_eq!(signed_in(&house), before);
    // And is out with the next look once the device is shut out, whatever was remembered.
    let owner = house.auth.directory();
    let device = owner.devices.values().find(|one| one.name == "owner personal").expect("there").id.clone();
    house.auth.revoke(&device, "test", 1).expect("revoked");
    assert_eq!(house.http("GET", "/admin/state", house.token(Who::Owner), "").0, 401);
}

#[test]
fn on_this_machine_the_admin_page_is_open_but_not_to_a_name_that_was_made_to_mean_it() {
    let house = house_with(Rule::LoopbackOpen);
    let get = |head: &str| {
        let mut stream = TcpStream::connect(house.gateway).expect("connected");
        write!(stream, "GET /admin/state HTTP/1.1\r\n{head}Connection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        answer.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok()).expect("a status")
    };
    // A cookie that opens nothing is no worse than none, and no better.
    let cookie = "Cookie: hal_session=x\r\n";
    for (host, expected) in [("127.0.0.1:8768", 200), ("localhost", 200), ("rebound.example:8768", 401)] {
        for more in ["", cookie] {
            assert_eq!(get(&format!("Host: {host}\r\n{more}")), expected, "{host} {more}");
            // Again, now that somebody's look is remembered.
            assert_eq!(get(&format!("Host: {host}\r\n{more}")), expected, "{host} {more}");
        }
    }
    assert_eq!(get("Host: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.1\r\n"), 401);
}

#[test]
fn other_pages_cannot_use_the_admin_page_of_somebody_who_is_signed_in() {
    let house = house();
    let token = house.token(Who::Owner).expect("a token").to_owned();
    let send = |method: &str, path: &str, more: &str, kind: &str| {
        let mut stream = TcpStream::connect(house.gateway).expect("connected");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: hal.example.com\r\nConnection: close\r\nCookie: hal_session={token}\r\n\
             {more}Content-Type: {kind}\r\nContent-Length: 2\r\n\r\n{{}}"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        answer.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok()).expect("a status")
    };
    let own = "Origin: https://hal.example.com\r\nSec-Fetch-Site: same-origin\r\n";
    assert_eq!(send("GET", "/admin/state", own, "application/json"), 200);
    for more in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: https://hal.example.com:3000\r\nSec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        assert_eq!(send("GET", "/admin/state", more, "application/json"), 403, "{more}");
        assert_eq!(send("POST", "/admin/backup", more, "application/json"), 403, "{more}");
    }
    // What a form can send is not taken.
    assert_eq!(send("POST", "/admin/backup", own, "text/plain"), 415);
    assert_eq!(send("POST", "/admin/words", own, "application/json"), 400);
}

/// Xorshift: a test needs no better.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below.max(1) as u64).unwrap_or(0)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }

    /// A message: often nearly right, sometimes noise.
    fn message(&mut self) -> Vec<u8> {
        const WORDS: [&str; 12] = [
            "what medications am i taking",
            "yes",
            "repeat",
            "undo that",
            "LIST PASSWORD_VAULT",
            "what did i ask yesterday",
            "owner",
            "local",
            "hal_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "ABCD-EFGH",
            "",
        ];
        const NAMES: [&str; 20] = [
            "text",
            "session_id",
            "user_id",
            "handle",
            "token",
            "type",
            "means",
            "secret",
            "address",
            "device",
            "turn",
            "alternatives",
            "user_text",
            "response_text",
            "command",
            "nonce",
            "proof",
            "id",
            "role",
            "head",
        ];
        const KINDS: [&str; 13] = [
            "voice_message",
            "log_conversation",
            "vocabulary",
            "sign_in",
            "ticket",
            "sign_out",
            "admin",
            "manage",
            "hello",
            "prove",
            "text_input",
            "query",
            "",
        ];
        const ENUMS: [&str; 10] = [
            "local",
            "token",
            "pairing",
            "page",
            "nothing",
            "user_list",
            "user_add",
            "audit_list",
            "pair",
            "device_add",
        ];
        let mut object = serde_json::Map::new();
        let kind = self.pick(&KINDS);
        object.insert("type".to_owned(), kind.into());
        // Three of four have everything that a request needs, so that they come as far as somebody who looks who asks.
        if self.next(4) > 0 {
            for name in [
                "text",
                "user_text",
                "response_text",
                "nonce",
                "proof",
                "id",
                "role",
                "name",
                "user",
                "device",
            ] {
                object.insert(name.to_owned(), self.pick(&WORDS[..6]).into());
            }
            object.insert("means".to_owned(), self.pick(&ENUMS[..5]).into());
            let commands = if kind == "manage" { &["state", "revoke", "backup"][..] } else { &ENUMS[5..] };
            object.insert("command".to_owned(), self.pick(commands).into());
            object.insert("scope".to_owned(), "personal".into());
            object.insert("count".to_owned(), json!(5));
            for name in ["handle", "token", "secret"] {
                if self.next(2) == 0 {
                    object.insert(name.to_owned(), self.pick(&WORDS).into());
                }
            }
        }
        for _ in 0..self.next(4) {
            let name = self.pick(&NAMES);
            let value: Value = match self.next(8) {
                0 => json!(self.next(1000)),
                1 => Value::Null,
                2 => json!([self.pick(&WORDS)]),
                3 => json!({"a": self.pick(&WORDS)}),
                4 | 5 => self.pick(&ENUMS).into(),
                _ => self.pick(&WORDS).into(),
            };
            object.insert(name.to_owned(), value);
        }
        let mut bytes = Value::Object(object).to_string().into_bytes();
        for _ in 0..self.next(5).saturating_sub(2) {
            let at = self.next(bytes.len());
            bytes[at] = u8::try_from(self.next(256)).unwrap_or(0);
        }
        if self.next(20) == 0 {
            bytes.truncate(self.next(bytes.len()));
        }
        bytes
    }
}

#[test]
fn a_hundred_thousand_messages_of_a_stranger_read_nothing_and_break_nothing() {
    let seed = std::env::var("HAL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("randomness");
        u64::from_le_bytes(random) | 1
    });
    println!("seed {seed}: repeat with HAL_SEED={seed}");
    let house = house();
    let mut chance = Chance(seed | 1);
    let snapshot = house.database.snapshot().expect("snapshot");
    let before =
        (snapshot.commit_number(), house.auth.directory().devices.len(), house.auth.directory().users.len());
    let harmless = |reply: &[u8]| {
        let reply: Value = serde_json::from_slice(reply).expect("a reply is JSON");
        let error = reply["error"].as_str().unwrap_or("none").to_owned();
        // Whoever signs out with a handle that opens nothing is out.
        let is_out = error == "none" && reply["user"] == "" && reply["lines"].is_null();
        let known = is_out
            || hal_wire::Code::ALL.iter().any(|code| code.as_str() == error)
            || error == hal_wire::Code::SignInRequired.sentence()
            || error == hal_wire::Code::LockedOut.sentence();
        assert!(known, "seed {seed}: {reply}");
        for name in ["secret", "token", "handle"] {
            assert!(reply[name].as_str().unwrap_or("").is_empty(), "seed {seed}: {reply}");
        }
    };
    let mut refused = 0;
    for _ in 0..95_000 {
        let message = chance.message();
        let Ok(request) = Request::from_json(&message) else {
            refused += 1;
            continue;
        };
        let caller = if chance.next(2) == 0 { Caller::Loopback } else { Caller::Elsewhere };
        harmless(&house.listener.handle(request, caller));
    }
    // The same over the socket, as fast as it goes.
    let mut stream = TcpStream::connect(house.listener_address).expect("connected");
    for _ in 0..4_000 {
        let mut message = chance.message();
        message.retain(|byte| *byte != b'\n');
        message.push(b'\n');
        if stream.write_all(&message).is_err() {
            stream = TcpStream::connect(house.listener_address).expect("connected");
        }
        if chance.next(50) == 0 {
            stream = TcpStream::connect(house.listener_address).expect("connected");
        }
    }
    drop(stream);
    // And to the gateway, which greets nobody.
    for _ in 0..1_000 {
        let path: String = (0..chance.next(20))
            .map(|_| chance.pick(&["/", "a", "?", "token=", "&", "%", "voice", "signin"]))
            .collect();
        let body = String::from_utf8_lossy(&chance.message()).into_owned();
        let method = chance.pick(&["GET", "POST", "HEAD", "OPTIONS", "PUT"]);
        let (status, answer) = house.http(method, &format!("/{path}"), None, &body);
        assert!(
            (200..=503).contains(&status) && !answer.contains("\"signed_in\":true"),
            "seed {seed}: {status} {answer}"
        );
    }
    assert_eq!(house.connect(None).err(), Some(401));
    let after = house.database.snapshot().expect("snapshot").commit_number();
    assert_eq!(after, before.0, "seed {seed}: nothing was written");
    let directory = house.auth.directory();
    assert_eq!((directory.devices.len(), directory.users.len()), (before.1, before.2), "seed {seed}");
    // And the household goes on.
    assert_eq!(house.ask_listener(house.token(Who::Owner), "s", "what time is it").outcome, "answered");
    let verified = house.auth.audit().verify(None).expect("read").expect("whole");
    assert!(refused < 60_000, "most must be requests to mean something: {refused}");
    println!("{refused} were no requests; {} audit entries", verified.entries);
    assert!(verified.entries < 10_000, "strangers do not fill the log: {}", verified.entries);
}

#[test]
fn without_a_word_of_the_owner_this_machine_is_open_and_nothing_else() {
    // An upgrade changes nothing for who uses HAL on their own machine.
    let auth = Auth::in_memory(Policy::presets(), Rule::LoopbackOpen);
    auth.ensure_owner(Some("P001"), 0).expect("an owner");
    let owner = auth.look_up(crate::auth::LOCAL, 1).expect("open");
    assert_eq!((owner.journal_id(), &owner.skills), ("P001", &Skills::All));
    assert!(owner.access.is_everything());
    assert!(auth.look_up("00", 1).is_err());
}

#[test]
fn only_a_gateway_that_has_proved_itself_is_believed_about_certificates() {
    let house = house();
    let fingerprint = "ab".repeat(32);
    let new = crate::auth::NewCertificate {
        user: "owner",
        name: "phone",
        scope: "personal",
        fingerprint: &fingerprint,
        until_ms: i64::MAX,
    };
    house.auth.add_certificate(&new, "owner", 1).expect("added");
    for (caller, error) in [
        (Caller::Gateway, None),
        (Caller::Loopback, Some("SIGN_IN_REQUIRED")),
        (Caller::Elsewhere, Some("SIGN_IN_REQUIRED")),
    ] {
        let line = format!("{{\"type\":\"sign_in\",\"means\":\"certificate\",\"secret\":\"{fingerprint}\"}}");
        let request = Request::from_json(line.as_bytes()).expect("a request");
        let reply: Value = serde_json::from_slice(&house.listener.handle(request, caller)).expect("JSON");
        assert_eq!(reply["error"].as_str(), error, "{reply}");
        assert_eq!(reply["user"] == "owner", error.is_none(), "{reply}");
    }
}
