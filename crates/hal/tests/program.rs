//! The program as a script or a person sees it: stdout, stderr, exit codes. A stand-in gateway answers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use serde_json::Value;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

type Socket = WebSocket<TcpStream>;

fn hal(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hal"));
    command.args(args);
    for name in
        ["HAL_SERVER_URL", "HAL_GATEWAY_URL", "VOICE_GATEWAY_URL", "VOICE_SERVER_URL", "HAL_CA", "HAL_DATA"]
    {
        command.env_remove(name);
    }
    command
}

fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Greets each of `connections` and gives it to `work` with its number.
fn gateway<F>(connections: usize, work: F) -> (String, JoinHandle<()>)
where
    F: Fn(usize, &mut Socket) + Send + 'static,
{
    greeting_gateway(
        connections,
        |_| serde_json::json!({"type": "connected", "session_id": "abcdefgh"}),
        work,
    )
}

/// A gateway that goes on with conversations: connection N greets with the token "tN".
fn lasting_gateway<F>(connections: usize, work: F) -> (String, JoinHandle<()>)
where
    F: Fn(usize, &mut Socket) + Send + 'static,
{
    let greeting = |number| serde_json::json!({"type": "connected", "session_id": "abcdefgh", "resume": format!("t{number}")});
    greeting_gateway(connections, greeting, work)
}

fn greeting_gateway<F>(
    connections: usize,
    greeting: impl Fn(usize) -> Value + Send + 'static,
    work: F,
) -> (String, JoinHandle<()>)
where
    F: Fn(usize, &mut Socket) + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for number in 0..connections {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            say(&mut socket, &greeting(number));
            work(number, &mut socket);
        }
    });
    (format!("http://{address}"), server)
}

fn question(socket: &mut Socket) -> String {
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            let frame: Value = serde_json::from_str(&text).unwrap();
            return frame["text"].as_str().unwrap().to_owned();
        }
    }
}

fn reply(socket: &mut Socket, text: &str, outcome: &str) {
    let frame = serde_json::json!({ "type": "response", "text": text, "outcome": outcome });
    socket.send(Message::text(frame.to_string())).unwrap();
}

/// Until the client has said goodbye.
fn wait_for_goodbye(socket: &mut Socket) {
    while socket.read().is_ok() {}
}

#[test]
fn the_answer_stands_alone_on_stdout_and_the_exit_code_tells_how_it_went() {
    for (outcome, code) in
        [("answered", 0), ("asked", 0), ("not_understood", 1), ("nothing_found", 1), ("failed", 2)]
    {
        let (url, server) = gateway(1, move |_, socket| {
            assert_eq!(question(socket), "what pills do I take");
            reply(socket, "Lisinopril, \"10 mg\".", outcome);
            wait_for_goodbye(socket);
        });
        let (exit, out, err) = run(&mut hal(&["ask", "--server", &url, "what", "pills", "do", "I", "take"]));
        server.join().unwrap();
        assert_eq!((exit, out.as_str()), (code, "Lisinopril, \"10 mg\".\n"), "{outcome}: {err}");
        assert_eq!(err.contains("hal chat"), outcome == "asked", "{err}");
    }
}

#[test]
fn the_variables_name_the_server_and_the_option_wins() {
    let (url, server) = gateway(2, |_, socket| {
        question(socket);
        reply(socket, "Yes.", "answered");
        wait_for_goodbye(socket);
    });
    let (exit, out, _) = run(hal(&["ask", "x"]).env("VOICE_SERVER_URL", &url));
    assert_eq!((exit, out.as_str()), (0, "Yes.\n"));
    let (exit, ..) = run(hal(&["ask", "--server", &url, "x"]).env("HAL_SERVER_URL", "ftp://nowhere"));
    assert_eq!(exit, 0);
    server.join().unwrap();
    let (exit, out, err) = run(hal(&["ask", "x"]).env("HAL_SERVER_URL", "ftp://nowhere"));
    assert_eq!((exit, out.as_str()), (2, ""));
    assert!(err.contains("from HAL_SERVER_URL") && err.contains("hint:"), "{err}");
}

#[test]
fn a_restarting_server_is_asked_once_more() {
    let (url, server) = gateway(2, |number, socket| {
        question(socket);
        if number == 0 {
            socket.close(Some(CloseFrame { code: CloseCode::Restart, reason: "".into() })).unwrap();
        } else {
            reply(socket, "Yes.", "answered");
        }
        wait_for_goodbye(socket);
    });
    let (exit, out, err) = run(&mut hal(&["ask", "--server", &url, "x"]));
    server.join().unwrap();
    assert_eq!((exit, out.as_str()), (0, "Yes.\n"), "{err}");
}

fn frame(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

fn say(socket: &mut Socket, frame: &Value) {
    socket.send(Message::text(frame.to_string())).unwrap();
}

/// Takes the client's `resume` and sends what it missed.
fn go_on(socket: &mut Socket, seen: &[u64], missed: &[(u64, &str)], remembered: bool) {
    let asked = frame(socket);
    let expected = serde_json::json!({"type": "resume", "resume": "t0", "seen": seen});
    assert_eq!(asked, expected);
    for (turn, text) in missed {
        say(socket, &serde_json::json!({"type": "response", "text": text, "turn": turn, "is_missed": true}));
    }
    say(
        socket,
        &serde_json::json!({"type": "resumed", "session_id": "abcdefgh", "resume": "t0", "resumed": remembered}),
    );
}

#[test]
fn an_answer_that_a_lost_connection_did_not_bring_is_fetched_on_the_next() {
    let (url, server) = lasting_gateway(2, |number, socket| {
        if number == 0 {
            let asked = frame(socket);
            assert_eq!((&asked["text"], &asked["turn"]), (&"x".into(), &1.into()));
            // Answered, and gone before the answer went out.
            return;
        }
        go_on(socket, &[], &[(1, "Two.")], true);
        wait_for_goodbye(socket);
    });
    let (exit, out, err) = run(&mut hal(&["ask", "--server", &url, "x"]));
    server.join().unwrap();
    assert_eq!((exit, out.as_str()), (0, "Two.\n"), "{err}");
    assert!(err.contains("asking again"), "{err}");
}

#[test]
fn a_question_that_never_arrived_is_asked_again_under_its_number_once() {
    let (url, server) = lasting_gateway(2, |number, socket| {
        if number == 1 {
            go_on(socket, &[], &[], false);
        }
        // On the second connection it is lost again, and given up.
        assert_eq!(frame(socket)["turn"], 1);
    });
    let (exit, out, err) = run(&mut hal(&["ask", "--server", &url, "x"]));
    server.join().unwrap();
    assert_eq!((exit, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("closed before the answer came"), "{err}");
}

#[test]
fn a_conversation_goes_on_over_a_restart_and_shows_what_was_missed() {
    let (url, server) = lasting_gateway(3, |number, socket| match number {
        0 => {
            assert_eq!(frame(socket)["turn"], 1);
            say(socket, &serde_json::json!({"type": "response", "text": "One.", "turn": 1}));
            socket.close(Some(CloseFrame { code: CloseCode::Restart, reason: "".into() })).unwrap();
            wait_for_goodbye(socket);
        }
        1 => {
            go_on(socket, &[1], &[(1 << 33, "Meanwhile.")], true);
            // The second question is lost with its connection.
            assert_eq!(frame(socket)["turn"], 2);
        }
        _ => {
            go_on(socket, &[1, 1 << 33], &[], true);
            let asked = frame(socket);
            assert_eq!((&asked["text"], &asked["turn"]), (&"second".into(), &2.into()));
            say(socket, &serde_json::json!({"type": "response", "text": "Two.", "turn": 2}));
            wait_for_goodbye(socket);
        }
    });
    let mut chat = Chat::start(&url);
    chat.say("first");
    assert_eq!(chat.answer(), "One.\n");
    assert_eq!(chat.answer(), "Meanwhile.\n");
    chat.say("second");
    assert_eq!(chat.answer(), "Two.\n");
    let (exit, err) = chat.end();
    assert_eq!((exit, err.as_str()), (0, ""));
    server.join().unwrap();
}

#[test]
fn a_recording_is_sent_and_the_spoken_answer_saved() {
    let dir = tempfile::tempdir().unwrap();
    let (asked, saved) = (dir.path().join("question.wav"), dir.path().join("answer.wav"));
    std::fs::write(&asked, b"RIFFquestion").unwrap();
    let (url, server) = gateway(2, |number, socket| {
        assert_eq!(socket.read().unwrap(), Message::binary(b"RIFFquestion".to_vec()));
        socket.send(Message::text(r#"{"type":"transcription","text":"what pills"}"#)).unwrap();
        let answer = match number {
            0 => r#"{"type":"response","text":"Two.","outcome":"answered","audio":"UklGRmFuc3dlcg=="}"#,
            _ => r#"{"type":"error","code":"NOT_HEARD","message":"I did not catch that."}"#,
        };
        socket.send(Message::text(answer)).unwrap();
        wait_for_goodbye(socket);
    });
    let mut command = hal(&["ask", "--server", &url, "--audio"]);
    let (exit, out, err) = run(command.arg(&asked).arg("--save").arg(&saved));
    assert_eq!((exit, out.as_str()), (0, "Two.\n"), "{err}");
    assert!(err.contains("heard: what pills"), "{err}");
    assert_eq!(std::fs::read(&saved).unwrap(), b"RIFFanswer");

    // Nothing was made out: not an answer, but not a broken server either.
    let (exit, out, err) = run(hal(&["ask", "--server", &url, "--audio"]).arg(&asked));
    assert_eq!((exit, out.as_str()), (1, ""), "{err}");
    server.join().unwrap();
}

#[test]
fn wrong_options_are_told_and_end_with_2() {
    for args in [
        &["ask"][..],
        &["ask", " "],
        &["ask", "--audio", "x.wav", "text"],
        &["ask", "--audio", "/nonexistent.wav"],
        &["haproxy", "--mode", "subdomain"],
        &["haproxy", "--mode", "nonsense"],
        &["haproxy", "--mode", "plain", "--gateway", "no-port"],
        &["serve", "--listen", "8768"],
        &["db"],
        &["nonsense"],
    ] {
        let (exit, out, err) = run(&mut hal(args));
        assert_eq!((exit, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.starts_with("error:") || err.contains("Usage:"), "{args:?}: {err}");
    }
}

#[test]
fn without_arguments_the_first_steps_are_shown() {
    let (exit, out, err) = run(&mut hal(&[]));
    assert_eq!((exit, err.as_str()), (0, ""));
    assert!(out.contains("hal serve --demo") && out.contains("hal ask"), "{out}");
}

#[test]
fn the_haproxy_file_is_data_and_its_remarks_are_talk() {
    let (exit, out, err) =
        run(&mut hal(&["haproxy", "--mode", "plain", "--gateway", "localhost:9000", "--unprivileged"]));
    assert_eq!(exit, 0, "{err}");
    assert!(out.starts_with('#') && out.contains("server gateway1 127.0.0.1:9000"), "{out}");
    assert!(err.contains("localhost is written as 127.0.0.1"), "{err}");
}

#[test]
fn certificate_and_haproxy_file_fit_together() {
    let dir = tempfile::tempdir().unwrap();
    let certs = dir.path().to_str().unwrap();
    let make = ["cert", "self-signed", "--domain", "hal.example.test", "--dir", certs];
    let (exit, out, err) = run(&mut hal(&make));
    assert_eq!((exit, out.as_str()), (0, ""), "{err}");
    assert!(
        err.contains("hal-ca.pem") && err.contains("hal ask --server https://hal.example.test --ca"),
        "{err}"
    );
    let (exit, _, err) = run(&mut hal(&make));
    assert!(exit == 2 && err.contains("--force"), "{err}");

    let pem = dir.path().join("hal.pem");
    let file = dir.path().join("haproxy.cfg");
    let mut command =
        hal(&["haproxy", "--mode", "subdomain", "--domain", "hal.example.test", "--unprivileged", "--cert"]);
    let (exit, out, err) = run(command.arg(&pem).arg("-o").arg(&file));
    assert_eq!((exit, out.as_str()), (0, ""), "{err}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("max-age"), "no HSTS with a certificate of one's own");
    if err.contains("not installed") {
        eprintln!("skipped: haproxy is not installed (apt-get install haproxy)");
        return;
    }
    assert!(err.contains("checked: haproxy -c -dW accepts it"), "{err}");

    // A file that HAProxy refuses does not replace one that it took.
    std::fs::remove_file(&pem).unwrap();
    let mut command =
        hal(&["haproxy", "--mode", "subdomain", "--domain", "hal.example.test", "--unprivileged", "--cert"]);
    let (exit, _, err) = run(command.arg(&pem).arg("-o").arg(&file).arg("--ipv6"));
    assert_eq!(exit, 2);
    assert!(err.contains("hal cert self-signed --domain hal.example.test"), "{err}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

/// A conversation at the keyboard.
struct Chat {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Chat {
    fn start(url: &str) -> Chat {
        let mut command = hal(&["chat", "--server", url]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Chat { child, answers }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_ref().unwrap(), "{line}").unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line
    }

    fn end(mut self) -> (i32, String) {
        drop(self.child.stdin.take());
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code().unwrap(), err)
    }
}

#[test]
fn a_conversation_goes_line_by_line_and_pings_are_answered_while_the_person_thinks() {
    let (ponged, pongs) = mpsc::channel();
    let (url, server) = gateway(1, move |_, socket| {
        for number in 1..=3 {
            // The client rests: nothing but its own watch answers this.
            socket.send(Message::Ping(vec![number].into())).unwrap();
            let pong = socket.read().unwrap();
            assert_eq!(pong, Message::Pong(vec![number].into()));
            ponged.send(number).unwrap();
            let asked = question(socket);
            reply(socket, &format!("You said {asked}."), "answered");
        }
        wait_for_goodbye(socket);
    });
    let mut chat = Chat::start(&url);
    for number in 1..=3 {
        assert_eq!(pongs.recv().unwrap(), number);
        chat.say(&format!("  line {number} "));
        assert_eq!(chat.answer(), format!("You said line {number}.\n"));
    }
    chat.say("");
    chat.say("/quit");
    let (exit, err) = chat.end();
    assert_eq!((exit, err.as_str()), (0, ""));
    server.join().unwrap();
}

#[test]
fn a_connection_that_drops_while_the_person_thinks_comes_back() {
    let (connected, connections) = mpsc::channel();
    let (url, server) = gateway(3, move |number, socket| {
        connected.send(number).unwrap();
        if number == 1 {
            // Gone without a word; the client comes back by itself.
            return;
        }
        let asked = question(socket);
        reply(socket, &format!("{number}: {asked}"), "answered");
        if number == 0 {
            // A restart: the goodbye is proper.
            socket.close(Some(CloseFrame { code: CloseCode::Restart, reason: "".into() })).unwrap();
        }
        wait_for_goodbye(socket);
    });
    let mut chat = Chat::start(&url);
    assert_eq!(connections.recv().unwrap(), 0);
    chat.say("first");
    assert_eq!(chat.answer(), "0: first\n");
    assert_eq!(connections.recv().unwrap(), 1);
    assert_eq!(connections.recv().unwrap(), 2);
    chat.say("second");
    assert_eq!(chat.answer(), "2: second\n");
    let (exit, err) = chat.end();
    assert_eq!((exit, err.as_str()), (0, ""));
    server.join().unwrap();
}

#[test]
fn a_server_error_does_not_end_the_conversation() {
    let (url, server) = gateway(1, |_, socket| {
        question(socket);
        socket
            .send(Message::text(r#"{"type":"error","code":"BUSY","message":"Too many questions."}"#))
            .unwrap();
        question(socket);
        reply(socket, "Now.", "answered");
        wait_for_goodbye(socket);
    });
    let mut chat = Chat::start(&url);
    chat.say("first");
    chat.say("second");
    assert_eq!(chat.answer(), "Now.\n");
    let (exit, err) = chat.end();
    assert_eq!(exit, 0);
    assert!(err.contains("Too many questions"), "{err}");
    server.join().unwrap();
}

#[test]
fn csv_goes_into_the_database_and_sentences_read_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let csv = dir.path().join("medication.csv");
    std::fs::write(&csv, "ID,MEDICATION_NAME,STATUS\nM1,Lisinopril,active\nM2,Old Pill,stopped\n").unwrap();
    let (exit, out, err) = run(&mut hal(&["db", "--data", data, "import", csv.to_str().unwrap()]));
    assert_eq!((exit, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("MEDICATION: 2 records written"), "{err}");

    let list = ["db", "--data", data, "list", "MEDICATION", "WITH", "STATUS", "=", "active"];
    let (exit, out, err) = run(&mut hal(&list));
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("M1") && !out.contains("M2"), "{out}");
    let named = ["db", "list", "MEDICATION", "WITH", "MEDICATION_NAME", "=", "Old Pill", "--data", data];
    let (exit, out, err) = run(&mut hal(&named));
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("M2") && !out.contains("M1"), "{out}");

    let (exit, out, err) = run(&mut hal(&["db", "--data", data, "list", "MEDICATIN"]));
    assert_eq!((exit, out.as_str()), (2, ""));
    assert!(err.contains("MEDICATIN"), "{err}");

    std::fs::write(&csv, "ID,START_DATE\nM3,2026-11-24\nM4,someday\n").unwrap();
    let (exit, _, err) = run(&mut hal(&["db", "--data", data, "import", csv.to_str().unwrap()]));
    assert_eq!(exit, 2);
    assert!(err.contains("medication.csv:3:") && err.contains("1 of 2 rows"), "{err}");
}
