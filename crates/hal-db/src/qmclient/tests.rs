//! Against a peer in this process that follows the byte description. No real server has been asked.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::hashed::Encoding;

fn credentials() -> Credentials {
    Credentials::new("qmtest", "sesame")
}

/// A peer on a loopback port that serves one connection: user qmtest, account HAL, file PERSON.
struct Peer {
    socket: TcpStream,
    /// Functions it was asked for.
    asked: Vec<i16>,
    list: Vec<&'static [u8]>,
}

const RECORDS: [(&[u8], &[u8]); 3] = [(b"P1", b"Ann\xFELee"), (b"caf\xE9", b"cr\xE8me"), (b"P3", b"")];

impl Peer {
    fn start() -> (u16, std::thread::JoinHandle<Vec<i16>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let socket = listener.accept().unwrap().0;
            let mut peer = Peer { socket, asked: Vec::new(), list: Vec::new() };
            peer.serve();
            peer.asked
        });
        (port, thread)
    }

    fn serve(&mut self) {
        // Some servers print a line before the greeting.
        self.socket.write_all(b"[QM]\r\n\x06").unwrap();
        let mut logged_in = false;
        loop {
            let mut head = [0; 6];
            if self.socket.read_exact(&mut head).is_err() {
                return;
            }
            let length = i32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
            let function = i16::from_le_bytes(head[4..].try_into().unwrap());
            let mut data = vec![0; length - 6];
            self.socket.read_exact(&mut data).unwrap();
            self.asked.push(function);
            match function {
                24 => {
                    // The bytes of the description, with the right password.
                    logged_in = data == b"\x06\x00qmtest\x06\x00sesame";
                    if !logged_in {
                        self.reply(1, 0, b"Invalid username or password");
                        return;
                    }
                    self.reply(0, 0, b"");
                }
                _ if !logged_in => return self.reply(1, 0, b"Not logged in"),
                1 => return self.reply(0, 0, b""),
                2 => self.reply(0, 0, b"Something is wrong\x07"),
                3 if data == b"HAL" => self.reply(0, 0, b""),
                3 => self.reply(3, 3006, b""),
                4 if data == b"PERSON" => self.reply(0, 0, &7_i16.to_le_bytes()),
                4 if data == b"BAD" => self.reply(3, 3035, b""),
                4 => self.reply(2, 3007, b""),
                5 => self.reply(0, 0, b""),
                6 => self.read(&data),
                11 => {
                    self.list = RECORDS.iter().map(|(id, _)| *id).collect();
                    self.reply(0, 0, b"");
                }
                13 => self.reply(0, 0, b""),
                14 if self.list.is_empty() => self.reply(2, 0, b""),
                14 => {
                    let ids = std::mem::take(&mut self.list).join(&0xFE);
                    self.reply(0, 0, &ids);
                }
                21 if data == b"ASK" => self.reply(5, 0, b"Your name?"),
                21 if data == b"ABORT" => self.reply(1, 1018, b"Unrecognised"),
                21 => self.reply(0, 2, b"\xFEPERSON  Name\xFEP1      Ann Lee\xFE\xFE1 record(s) listed"),
                23 => self.reply(0, 0, b""),
                other => panic!("function {other}"),
            }
        }
    }

    fn read(&mut self, data: &[u8]) {
        assert_eq!(&data[..2], 7_i16.to_le_bytes());
        if &data[2..] == b"LOCKED" {
            return self.reply(4, 12, b"");
        }
        match RECORDS.iter().find(|(id, _)| *id == &data[2..]) {
            Some((_, record)) => self.reply(0, 0, record),
            None => self.reply(2, 3006, b""),
        }
    }

    fn reply(&mut self, error: i16, status: i32, data: &[u8]) {
        let mut packet = (10 + data.len() as i32).to_le_bytes().to_vec();
        packet.extend_from_slice(&error.to_le_bytes());
        packet.extend_from_slice(&status.to_le_bytes());
        packet.extend_from_slice(data);
        // In two pieces, as a network does.
        let (first, second) = packet.split_at(packet.len() / 2);
        self.socket.write_all(first).unwrap();
        self.socket.flush().unwrap();
        self.socket.write_all(second).unwrap();
    }
}

fn address(port: u16, account: &str) -> Address {
    format!("qmclient://qmtest@127.0.0.1:{port}/{account}").parse().unwrap()
}

fn still() -> Duration {
    Duration::ZERO
}

#[test]
fn records_and_queries_come_over_the_wire() {
    let (port, peer) = Peer::start();
    let options = Options { encoding: Encoding::Latin1, ..Options::default() };
    let mut client = Client::connect(&address(port, "hal"), &credentials(), options, still).unwrap();
    let file = client.open("PERSON").unwrap();
    assert_eq!(client.read(&file, "P1").unwrap().unwrap().field_text(2), "Lee");
    assert_eq!(client.read(&file, "café").unwrap().unwrap().field_text(1), "crème");
    assert_eq!(client.read(&file, "P3").unwrap(), Some(crate::Record::new()));
    assert_eq!(client.read(&file, "P2").unwrap(), None);
    assert_eq!(client.read(&file, "LOCKED").unwrap_err(), ClientError::Locked { user: 12 });
    assert_eq!(client.ids(&file).unwrap(), ["P1", "café", "P3"]);
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
    let asked = peer.join().unwrap();
    assert_eq!(asked[..3], [24, 3, 4]);
    assert!(!asked.contains(&25), "the login without credentials is never used");
    assert_eq!(asked.last(), Some(&1));
}

#[test]
fn a_refused_login_or_account_is_told_without_the_password() {
    let (port, peer) = Peer::start();
    let wrong = Credentials::new("qmtest", "opensesame");
    let error = Client::connect(&address(port, "HAL"), &wrong, Options::default(), still).unwrap_err();
    assert_eq!(error, ClientError::Login("Invalid username or password".to_owned()));
    assert!(!format!("{error} {error:?} {wrong:?}").contains("opensesame"));
    peer.join().unwrap();
    let (port, peer) = Peer::start();
    let error =
        Client::connect(&address(port, "OTHER"), &credentials(), Options::default(), still).unwrap_err();
    assert_eq!(error, ClientError::Account("OTHER".to_owned()));
    assert_eq!(peer.join().unwrap(), [24, 3, 1], "a session in limbo is ended");
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
