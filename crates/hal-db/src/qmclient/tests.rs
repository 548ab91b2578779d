//! Against a peer in this process that follows the byte description. No real server has been asked.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::testing::{Account, Peer};
use super::*;
use crate::hashed::Encoding;

fn credentials() -> Credentials {
    Credentials::new("qmtest", "sesame")
}

/// The account HAL of user qmtest with a file PERSON, in Latin-1.
fn account() -> Account {
    let mut account = Account::hal().with("PERSON", "P1", "Ann^Lee").with("PERSON", "P3", "");
    let person = account.files.get_mut("PERSON").unwrap();
    person.insert(b"caf\xE9".to_vec(), b"cr\xE8me".to_vec());
    person.insert(b"LOCKED".to_vec(), Vec::new());
    account.locked.push(b"LOCKED".to_vec());
    account.faults.insert("BAD".to_owned(), (3, 3035));
    let listing = b"\xFEPERSON  Name\xFEP1      Ann Lee\xFE\xFE1 record(s) listed";
    account.commands.insert("LIST PERSON NAME".to_owned(), (0, 2, listing.to_vec()));
    account.commands.insert("ASK".to_owned(), (5, 0, b"Your name?".to_vec()));
    account
}

fn address(port: u16, account: &str) -> Address {
    format!("qmclient://qmtest@127.0.0.1:{port}/{account}").parse().unwrap()
}

fn still() -> Duration {
    Duration::ZERO
}

#[test]
fn records_and_queries_come_over_the_wire() {
    let peer = Peer::start(account()).unwrap();
    let port = peer.port();
    let options = Options { encoding: Encoding::Latin1, ..Options::default() };
    let mut client = Client::connect(&address(port, "hal"), &credentials(), options, still).unwrap();
    let file = client.open("PERSON").unwrap();
    assert_eq!(client.read(&file, "P1").unwrap().unwrap().field_text(2), "Lee");
    assert_eq!(client.read(&file, "café").unwrap().unwrap().field_text(1), "crème");
    assert_eq!(client.read(&file, "P3").unwrap(), Some(crate::Record::new()));
    assert_eq!(client.read(&file, "P2").unwrap(), None);
    assert_eq!(client.read(&file, "LOCKED").unwrap_err(), ClientError::Locked { user: 12 });
    assert_eq!(client.ids(&file).unwrap(), ["LOCKED", "P1", "P3", "café"]);
    let listing = client.execute("LIST PERSON NAME").unwrap();
    assert_eq!(listing, "\nPERSON  Name\nP1      Ann Lee\n\n1 record(s) listed");
    assert_eq!(
        client.open("NONE").unwrap_err(),
        ClientError::NoSuchFile { file: "NONE".to_owned(), status: 3007 }
    );
    let fault = ClientError::Server { text: "Something is wrong".to_owned(), status: 3035 };
    assert_eq!(client.open("BAD").unwrap_err(), fault);
    assert_eq!(client.execute("ASK").unwrap_err(), ClientError::Prompt("Your name?".to_owned()));
    let abort = ClientError::Server { text: "Unrecognised".to_owned(), status: 1018 };
    assert_eq!(client.execute("ABORT").unwrap_err(), abort);
    // Faults of a request leave the session usable.
    assert!(client.read(&file, "P1").unwrap().is_some());
    client.close(file.clone()).unwrap();
    client.quit();
    assert!(matches!(client.read(&file, "P1"), Err(ClientError::Broken(_))));
    let asked = peer.stop().asked;
    assert_eq!(asked[..3], [24, 3, 4]);
    assert!(!asked.contains(&25), "the login without credentials is never used");
    assert_eq!(asked.last(), Some(&1));
}

#[test]
fn many_records_are_read_together_and_come_in_order() {
    let mut account = account();
    for number in 0..200 {
        account.put("MANY", &format!("{number:03}"), &format!("record {number}"));
    }
    account.locked.push(b"070".to_vec());
    let peer = Peer::start(account).unwrap();
    let mut client =
        Client::connect(&address(peer.port(), "HAL"), &credentials(), Options::default(), still).unwrap();
    let file = client.open("MANY").unwrap();
    let mut ids: Vec<String> = (0..200).map(|number| format!("{number:03}")).collect();
    ids[40] = "none".to_owned();
    ids[50] = "x".repeat(100);
    let mut seen = Vec::new();
    let mut odd = Vec::new();
    client
        .read_each(&file, &ids, &mut |id, record| {
            match record {
                Ok(Some(record)) => {
                    assert_eq!(record.field_text(1), format!("record {}", id.parse::<u32>().unwrap()));
                    seen.push(id.to_owned());
                }
                Ok(None) => odd.push((id.len(), None)),
                Err(error) => odd.push((id.len(), Some(error))),
            }
            if id == "150" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen.len(), 148, "all up to 150 but three");
    assert!(seen.is_sorted());
    odd.sort_by_key(|(length, _)| *length);
    let refused = ClientError::Refused("an id of 100 bytes cannot be asked for".to_owned());
    assert_eq!(odd, [(3, Some(ClientError::Locked { user: 12 })), (4, None), (100, Some(refused))]);
    // Replies that nobody wanted any more are not taken for those that follow.
    assert_eq!(client.read(&file, "199").unwrap().unwrap().field_text(1), "record 199");
}

#[test]
fn an_answer_that_is_too_large_is_read_over() {
    const BYTES: usize = (64 << 20) + 1;
    let mut reply = (BYTES as i32).to_le_bytes().to_vec();
    reply.resize(BYTES, 0);
    let open: &[u8] = b"\x0C\0\0\0\0\0\0\0\0\0\x01\0";
    let mut client = Client::over(
        Whole(io::Cursor::new([b"\x06", OK, OK, open, &reply, b"\x0A\0\0\0\x02\0\0\0\0\0"].concat())),
        "HAL",
        &credentials(),
        Options::default(),
        still,
    )
    .unwrap();
    let file = client.open("A").unwrap();
    assert_eq!(client.read(&file, "BIG").unwrap_err(), ClientError::TooLarge { bytes: BYTES });
    assert_eq!(client.read(&file, "NEXT").unwrap(), None, "the session goes on");
}

/// Answers that are written down before, taken as they come.
struct Whole(io::Cursor<Vec<u8>>);

impl Read for Whole {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket for Whole {
    fn set_limit(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_refused_login_or_account_is_told_without_the_password() {
    let peer = Peer::start(account()).unwrap();
    let port = peer.port();
    let wrong = Credentials::new("qmtest", "opensesame");
    let error = Client::connect(&address(port, "HAL"), &wrong, Options::default(), still).unwrap_err();
    assert_eq!(error, ClientError::Login("Invalid username or password".to_owned()));
    assert!(!format!("{error} {error:?} {wrong:?}").contains("opensesame"));
    let error =
        Client::connect(&address(port, "OTHER"), &credentials(), Options::default(), still).unwrap_err();
    assert_eq!(error, ClientError::Account("OTHER".to_owned()));
    assert_eq!(peer.stop().asked, [24, 24, 3, 1], "a session in limbo is ended");
    // Nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error =
        Client::connect(&address(free, "HAL"), &credentials(), Options::default(), still).unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

/// A connection whose answers are written down before; it remembers the limits it was given.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Scripted>>);

#[derive(Default)]
struct Scripted {
    answers: VecDeque<u8>,
    sent: Vec<u8>,
    limits: Vec<Duration>,
}

impl Script {
    fn of(answers: &[&[u8]]) -> Script {
        let script = Script::default();
        script.0.lock().unwrap().answers = answers.concat().into();
        script
    }
}

impl Read for Script {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // A byte at a time: the peer that drips.
        match (self.0.lock().unwrap().answers.pop_front(), into.first_mut()) {
            (Some(byte), Some(place)) => {
                *place = byte;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().sent.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket for Script {
    fn set_limit(&mut self, limit: Duration) -> io::Result<()> {
        self.0.lock().unwrap().limits.push(limit);
        Ok(())
    }
}

const OK: &[u8] = b"\x0A\0\0\0\0\0\0\0\0\0";

fn over(answers: &[&[u8]]) -> Result<Client<Script>, ClientError> {
    Client::over(Script::of(answers), "HAL", &credentials(), Options::default(), still)
}

#[test]
fn the_login_has_the_bytes_of_the_description() {
    let script = Script::of(&[b"\x06", OK, OK]);
    let wrong = Credentials::new("qmtest", "wrong");
    Client::over(script.clone(), "HAL", &wrong, Options::default(), still).unwrap();
    let sent = &script.0.lock().unwrap().sent;
    let expected: [&[u8]; 2] = [b"\x16\0\0\0\x18\0\x06\0qmtest\x05\0wrong\0", b"\x09\0\0\0\x03\0HAL"];
    assert_eq!(*sent, expected.concat());
}

#[test]
fn answers_that_are_none_end_the_session() {
    let protocol = |answers: &[&[u8]]| match over(answers).unwrap_err() {
        ClientError::Protocol(why) => why,
        other => panic!("{other}"),
    };
    assert!(protocol(&[&[b'x'; 5000]]).contains("greet"));
    assert!(protocol(&[b"\x06\x09\0\0\0\0\0\0\0\0\0"]).contains("impossible length"));
    assert!(protocol(&[b"\x06\xFF\xFF\xFF\xFF\0\0\0\0\0\0"]).contains("impossible length"));
    assert!(protocol(&[b"\x06\xFF\xFF\xFF\x7F\0\0\0\0\0\0"]).contains("limit"));
    assert!(protocol(&[b"\x06\x0A\0\0\0\x09\0\0\0\0\0"]).contains("outcome 9"));
    for cut in 0..OK.len() {
        assert!(matches!(over(&[b"\x06", &OK[..cut]]), Err(ClientError::Broken(_))), "{cut}");
    }
    // A length that is claimed and never comes costs no memory and ends the session.
    assert!(matches!(over(&[b"\x06\0\0\0\x03\0\0\0\0\0\0few"]), Err(ClientError::Broken(_))));
    // After that nothing is sent any more.
    let mut client = over(&[b"\x06", OK, OK, b"\x0A\0\0\0\x63\0\0\0\0\0", OK]).unwrap();
    assert!(matches!(client.open("A"), Err(ClientError::Protocol(_))));
    assert!(matches!(client.open("A"), Err(ClientError::Protocol(_))));
    // A file number that is missing.
    let mut client = over(&[b"\x06", OK, OK, OK]).unwrap();
    assert!(matches!(client.open("A"), Err(ClientError::Protocol(_))));
}

#[test]
fn a_peer_that_drips_gets_no_more_time() {
    // Each look at the clock finds a second more gone.
    let ticks = Mutex::new(0_u64);
    let now = move || {
        let mut ticks = ticks.lock().unwrap();
        *ticks += 1;
        Duration::from_secs(*ticks)
    };
    let options = Options { reply: Duration::from_secs(8), ..Options::default() };
    let script = Script::of(&[b"\x06", OK, OK]);
    let error = Client::over(script.clone(), "HAL", &credentials(), options, now).unwrap_err();
    assert_eq!(error, ClientError::TimedOut);
    let limits = script.0.lock().unwrap().limits.clone();
    assert!(limits.iter().all(|limit| *limit <= Duration::from_secs(8)));
    assert!(limits.windows(2).any(|pair| pair[1] < pair[0]), "{limits:?}");
}

#[test]
fn what_the_server_would_cut_or_misread_is_refused_before_it_is_sent() {
    let mut client = over(&[b"\x06", OK, OK, b"\x0C\0\0\0\0\0\0\0\0\0\x01\0"]).unwrap();
    let file = client.open("A").unwrap();
    for id in [String::new(), "x".repeat(100)] {
        assert!(matches!(client.read(&file, &id), Err(ClientError::Refused(_))));
    }
    for sentence in ["", "LIST A\nDELETE.FILE A"] {
        assert!(matches!(client.execute(sentence), Err(ClientError::Refused(_))));
    }
    let refused = |user: &str, password: &str| {
        let script = Script::of(&[b"\x06", OK, OK]);
        let credentials = Credentials::new(user, password);
        let result = Client::over(script, "HAL", &credentials, Options::default(), still);
        matches!(result, Err(ClientError::Login(_)))
    };
    assert!(refused("$root", "x") && refused("", "x") && refused(&"u".repeat(33), "x"));
    assert!(refused("u", &"p".repeat(33)) && !refused("u", &"p".repeat(32)));
}

#[test]
fn addresses_are_read_and_shown() {
    let address = |text: &str| text.parse::<Address>();
    let full = address("qmclient://ann@qm.example.com:4300/hal").unwrap();
    assert_eq!((full.host.as_str(), full.port, full.account.as_str()), ("qm.example.com", 4300, "HAL"));
    assert_eq!(full.user.as_deref(), Some("ann"));
    assert_eq!(full.to_string(), "qmclient://ann@qm.example.com:4300/HAL");
    let short = address("qmclient://[::1]//usr/accounts/hal").unwrap();
    assert_eq!((short.host.as_str(), short.port, short.account.as_str()), ("::1", PORT, "/usr/accounts/hal"));
    assert_eq!(short.to_string(), "qmclient://[::1]:4243//usr/accounts/hal");
    for bad in [
        "http://host/HAL",
        "qmclient://host",
        "qmclient://host/",
        "qmclient:///HAL",
        "qmclient://host:x/HAL",
        "qmclient://host:0/HAL",
        "qmclient://@host/HAL",
        "qmclient://[::1]x/HAL",
        "qmclient://a b/HAL",
    ] {
        assert!(address(bad).is_err(), "{bad}");
    }
    let secret = address("qmclient://ann:letmein@host/HAL").unwrap_err();
    assert!(!format!("{secret} {secret:?}").contains("letmein"));
}
