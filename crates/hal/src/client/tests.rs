//! Each way a conversation can fail, staged with small servers on free loopback ports.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use hal_server::edge::certs::{self, SelfSigned};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tungstenite::protocol::CloseFrame;

use super::*;

/// Serves one connection with `work`; the caller joins to see its assertions.
fn serve<F>(work: F) -> (SocketAddr, JoinHandle<()>)
where
    F: FnOnce(TcpStream) + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (address, std::thread::spawn(move || work(listener.accept().unwrap().0)))
}

fn target(url: &str, ca: Option<&Path>) -> Target {
    Target {
        token: None,
        url: ServerUrl::parse(url).unwrap(),
        ca_files: ca.into_iter().map(Path::to_path_buf).collect(),
        // Long enough for a busy machine; only the tests of silence wait for one.
        limits: Limits { connect: Duration::from_secs(20), answer: Duration::from_secs(20) },
    }
}

fn failed(lost: Lost) -> Failure {
    Failure::from(lost)
}

fn connect_error(target: &Target) -> Failure {
    failed(Client::connect(target).expect_err("nobody serves HAL here"))
}

fn check(failure: &Failure, message: &str, hint: &str) {
    assert!(failure.message.contains(message), "message: {failure:?}, expected {message:?}");
    assert!(failure.hints.iter().any(|text| text.contains(hint)), "hints: {failure:?}, expected {hint:?}");
}

/// Reads a request up to its empty line.
fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        request.push(byte[0]);
    }
}

fn check_answer(answer: &'static str, message: &str, hint: &str) {
    let (address, server) = serve(move |mut stream| {
        read_request(&mut stream);
        stream.write_all(answer.replace('\n', "\r\n").as_bytes()).unwrap();
    });
    let failure = connect_error(&target(&format!("ws://{address}"), None));
    server.join().unwrap();
    check(&failure, message, hint);
}

#[test]
fn each_http_answer_is_told_apart_by_who_gave_it() {
    let refused = "Content-Length: 0\nConnection: close\n\n";
    let say = |head: &str| -> &'static str { Box::leak(format!("{head}\n{refused}").into_boxed_str()) };
    check_answer(
        say("HTTP/1.1 301 Moved\nLocation: https://hal.example.test/"),
        "wants TLS",
        "--server wss://hal.example.test",
    );
    check_answer(say("HTTP/1.1 302 Found\nLocation: /login"), "redirects to /login", "usually a web page");
    check_answer(
        say("HTTP/1.1 503 Unavailable\nX-HAL-Proxy: haproxy"),
        "no gateway behind it (503)",
        "127.0.0.1:8768",
    );
    check_answer(say("HTTP/1.1 503 Unavailable\nX-HAL-Gateway: busy"), "gateway is too busy", "few seconds");
    check_answer(say("HTTP/1.1 502 Bad Gateway"), "has no server behind it (502)", "port 8768");
    check_answer(
        say("HTTP/1.1 426 Upgrade Required\nX-HAL-Gateway: 1"),
        "lost its Upgrade header",
        "proxy in between",
    );
    check_answer(say("HTTP/1.1 426 Upgrade Required"), "not a HAL server", "host, port and path");
    check_answer(say("HTTP/1.1 404 Not Found"), "web server, but not HAL (404)", "path");
    check_answer(say("HTTP/1.1 200 OK"), "web server, but not HAL (200)", "8768");
    check_answer(
        say("HTTP/1.1 200 OK\nX-HAL-Gateway: 1"),
        "gateway refused the WebSocket (200)",
        "handshake",
    );
    check_answer(say("HTTP/1.1 401 Unauthorized"), "wants a sign-in (401)", "hal pair CODE");
    check_answer(
        say("HTTP/1.1 403 Forbidden\nX-HAL-Proxy: haproxy"),
        "this machine's address (403)",
        "private networks",
    );
    check_answer(say("HTTP/1.1 403 Forbidden"), "refused access (403)", "firewall");
    check_answer(
        say("HTTP/1.1 421 Misdirected\nX-HAL-Proxy: haproxy"),
        "does not serve the name",
        "--domain",
    );
    check_answer(
        say("HTTP/1.1 429 Too Many Requests\nX-HAL-Proxy: haproxy\nRetry-After: 10"),
        "HAProxy has too many requests",
        "wait 10 seconds",
    );
    check_answer(say("HTTP/1.1 500 Oops"), "error of its own (500)", "log");
    check_answer(say("HTTP/1.1 400 Bad Request"), "refused the request (400)", "--server wss://");
    // HAProxy's own error files: tungstenite alone would say "wrong HTTP version".
    check_answer(say("HTTP/1.0 503 Service Unavailable"), "no server behind it (503)", "errorfile");
    check_answer(
        "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: wrong\n\n",
        "wrong key",
        "Sec-WebSocket-Key",
    );
    check_answer(
        "HTTP/1.1 101 Switching Protocols\n\n",
        "answered the WebSocket handshake wrongly",
        "Upgrade and Connection",
    );
    check_answer("{\"status\":\"error\"}\n", "is a QM listener", "8768");
    check_answer("SSH-2.0-OpenSSH_9.2\n\n", "not a web server", "8768");
}

#[test]
fn a_refused_connection_names_every_address_and_what_to_start() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failure = connect_error(&target(&format!("ws://localhost:{port}"), None));
    check(&failure, "127.0.0.1", "hal serve");
    assert!(failure.message.contains("[::1]"), "{failure:?}");
}

#[test]
fn localhost_is_tried_on_both_of_its_addresses() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || gateway(listener.accept().unwrap().0, |_| {}));
    Client::connect(&target(&format!("ws://localhost:{port}"), None)).unwrap().close();
    server.join().unwrap();
}

#[test]
fn a_machine_of_another_place_gets_other_advice() {
    let url = ServerUrl::parse("https://hal.example.test").unwrap();
    let tried = |kind: io::ErrorKind| vec![("192.0.2.1:443".parse().unwrap(), io::Error::from(kind))];
    check(&diagnose::tcp(&url, &tried(io::ErrorKind::ConnectionRefused)), "192.0.2.1:443 refused", "HAProxy");
    check(
        &diagnose::tcp(&url, &tried(io::ErrorKind::TimedOut)),
        "did not answer in time",
        "firewall drops port 443",
    );
    check(&diagnose::tcp(&url, &tried(io::ErrorKind::NetworkUnreachable)), "cannot be reached", "network");
    let gateway = ServerUrl::parse("192.0.2.1:8768").unwrap();
    check(&diagnose::tcp(&gateway, &tried(io::ErrorKind::ConnectionRefused)), "refused", "--listen");
}

#[test]
fn names_without_an_address_and_silent_resolvers_are_told_apart() {
    let url = ServerUrl::parse("https://hal.example.test").unwrap();
    let dns = |text: &str| diagnose::dns(&url, &io::Error::other(text.to_owned()));
    check(&dns("Name or service not known"), "hal.example.test has no address", "A YOUR-ADDRESS");
    check(&dns("Temporary failure in name resolution"), "just now", "DNS server");
    check(&diagnose::dns_timeout(&url), "did not answer", "DNS server");
}

#[test]
fn a_server_that_takes_the_connection_and_says_nothing_is_given_up_in_time() {
    let (address, server) = serve(|mut stream| {
        // Until the client goes.
        stream.read_to_end(&mut Vec::new()).ok();
    });
    let mut target = target(&format!("ws://{address}"), None);
    target.limits.connect = Duration::from_millis(200);
    check(&connect_error(&target), "did not answer in time", "healthz");
    server.join().unwrap();
}

#[test]
fn a_server_that_closes_without_a_word_may_be_a_tls_port() {
    let (address, server) = serve(|mut stream| read_request(&mut stream));
    let failure = connect_error(&target(&format!("ws://{address}"), None));
    check(&failure, "closed the connection without an answer", "--server wss://");
    server.join().unwrap();
}

// TLS.

const NOW: u64 = {
    // 2026-11-24; certificates are valid 397 days from here or from long ago, and the tests compare with the real clock.
    1_795_500_000
};

#[allow(clippy::disallowed_methods, reason = "TLS libraries compare with the real clock")]
fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn read(pem: &Path) -> Identity {
        let chain = CertificateDer::pem_file_iter(pem).unwrap().map(Result::unwrap).collect();
        Identity { chain, key: PrivateKeyDer::from_pem_file(pem).unwrap() }
    }

    fn serve<F>(self, work: F) -> (SocketAddr, JoinHandle<()>)
    where
        F: FnOnce(rustls::StreamOwned<rustls::ServerConnection, TcpStream>) + Send + 'static,
    {
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(self.chain, self.key)
                .unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        serve(move |stream| work(rustls::StreamOwned::new(connection, stream)))
    }
}

/// Serves `identity` under localhost and gives what the client says.
fn tls_error(identity: Identity, host: &str, ca: Option<&Path>) -> Failure {
    let (address, server) = identity.serve(|mut stream| {
        // The client breaks the handshake off.
        stream.read_exact(&mut [0]).ok();
    });
    let failure = connect_error(&target(&format!("wss://{host}:{}", address.port()), ca));
    server.join().unwrap();
    failure
}

fn made(names: &[&str], dir: &Path, now: u64) -> certs::Written {
    certs::self_signed(&SelfSigned::new(names, dir, now).unwrap()).unwrap()
}

#[test]
fn a_certificate_of_hal_is_accepted_with_its_ca_and_explained_without() {
    let dir = tempfile::tempdir().unwrap();
    let written = made(&["localhost", "127.0.0.1"], dir.path(), unix_now());
    for host in ["localhost", "127.0.0.1"] {
        let (address, server) = Identity::read(&written.pem).serve(|stream| gateway(stream, |_| {}));
        let url = format!("https://{host}:{}", address.port());
        Client::connect(&target(&url, Some(&written.ca))).unwrap().close();
        server.join().unwrap();
    }
    let failure = tls_error(Identity::read(&written.pem), "localhost", None);
    check(&failure, "CA of your own that this machine does not trust", "--ca hal-ca.pem");
}

#[test]
fn a_wrong_name_lists_the_right_ones() {
    let dir = tempfile::tempdir().unwrap();
    let written = made(&["hal.example.test"], dir.path(), unix_now());
    let failure = tls_error(Identity::read(&written.pem), "localhost", Some(&written.ca));
    check(&failure, "is for hal.example.test, not for localhost", "use that name");
}

#[test]
fn expired_and_future_certificates_point_at_renewal_and_clock() {
    const YEARS_2: u64 = 2 * 365 * 86_400;
    let dir = tempfile::tempdir().unwrap();
    let written = made(&["localhost"], dir.path(), unix_now() - YEARS_2);
    let failure = tls_error(Identity::read(&written.pem), "localhost", Some(&written.ca));
    check(&failure, "has expired (20", "certbot renew");
    let dir = tempfile::tempdir().unwrap();
    let written = made(&["localhost"], dir.path(), unix_now().max(NOW) + YEARS_2);
    let failure = tls_error(Identity::read(&written.pem), "localhost", Some(&written.ca));
    check(&failure, "is not valid yet (20", "clock");
}

fn self_made(change: impl FnOnce(&mut rcgen::CertificateParams)) -> (Identity, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    change(&mut params);
    let cert = params.self_signed(&key).unwrap();
    let pem = cert.pem();
    let identity = Identity {
        chain: vec![cert.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    };
    (identity, pem)
}

#[test]
fn self_signed_and_ca_certificates_are_named_as_such() {
    let (identity, _) = self_made(|_| {});
    check(&tls_error(identity, "localhost", None), "self-signed: nobody vouches", "--ca FILE");

    // What `openssl req -x509` makes by default: trusted, and refused all the same.
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let (identity, pem) =
        self_made(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    std::fs::write(&ca, pem).unwrap();
    check(
        &tls_error(identity, "localhost", Some(&ca)),
        "certificate of a CA as its own",
        "hal cert self-signed",
    );
}

#[test]
fn a_forgotten_intermediate_is_suspected_when_the_chain_is_short() {
    let dir = tempfile::tempdir().unwrap();
    let issuer_key = rcgen::KeyPair::generate().unwrap();
    let mut issuer = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    issuer.distinguished_name.push(rcgen::DnType::CommonName, "Example Intermediate");
    let issuer = rcgen::Issuer::new(issuer, issuer_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf =
        rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let pem = dir.path().join("short.pem");
    std::fs::write(&pem, leaf.pem() + &key.serialize_pem()).unwrap();
    let failure = tls_error(Identity::read(&pem), "localhost", None);
    check(&failure, "comes from CN=Example Intermediate", "fullchain.pem");
}

#[test]
fn plain_to_a_tls_port_and_tls_to_a_plain_port_name_the_other_scheme() {
    let (identity, _) = self_made(|_| {});
    let (address, server) = identity.serve(|mut stream| {
        // It answers the plain request with an alert.
        assert!(stream.read(&mut [0]).is_err());
        stream.flush().ok();
    });
    check(&connect_error(&target(&format!("ws://{address}"), None)), "expects TLS", "--server wss://");
    server.join().unwrap();

    let (address, server) = serve(|mut stream| {
        // The whole first record would be longer; its beginning is enough.
        stream.read_exact(&mut [0; 64]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    check(&connect_error(&target(&format!("wss://{address}"), None)), "does not speak TLS", "--server ws://");
    server.join().unwrap();
}

#[test]
fn a_ca_file_that_is_none_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let (address, _server) = serve(|_| {});
    let url = format!("wss://{address}");
    check(&connect_error(&target(&url, Some(&file))), "ca.pem cannot be used", "hal cert self-signed");
    std::fs::write(&file, "no certificate").unwrap();
    let (address, _server) = serve(|_| {});
    check(&connect_error(&target(&format!("wss://{address}"), Some(&file))), "holds no certificate", "PEM");
}

// The conversation.

/// A gateway that greets and then does `work`.
fn gateway<S, F>(stream: S, work: F)
where
    S: io::Read + io::Write,
    F: FnOnce(&mut WebSocket<S>),
{
    let Ok(mut socket) = tungstenite::accept(stream) else { return };
    let greeting =
        r#"{"type":"connected","session_id":"abcdefgh","state":"passive_listening","notices":["no ears"]}"#;
    if socket.send(Message::text(greeting)).is_ok() {
        work(&mut socket);
    }
}

fn conversation<F>(work: F) -> (Client, JoinHandle<()>)
where
    F: FnOnce(&mut WebSocket<TcpStream>) + Send + 'static,
{
    let (address, server) = serve(move |stream| gateway(stream, work));
    (Client::connect(&target(&format!("ws://{address}/voice"), None)).unwrap(), server)
}

fn next_text(socket: &mut WebSocket<TcpStream>) -> Value {
    loop {
        match socket.read().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            other => assert!(!other.is_close(), "{other:?}"),
        }
    }
}

#[test]
fn an_answer_is_found_among_other_frames_and_pings_are_answered_meanwhile() {
    let (mut client, server) = conversation(|socket| {
        let question = next_text(socket);
        assert_eq!(
            (&question["type"], &question["text"]),
            (&"text_input".into(), &"Which \"pills\"?".into())
        );
        assert_eq!(question["session_id"], "abcdefgh");
        socket.send(Message::text(r#"{"type":"processing"}"#)).unwrap();
        socket.send(Message::text("[1,2]")).unwrap();
        socket.send(Message::text("not json")).unwrap();
        socket.send(Message::Ping("are you there".into())).unwrap();
        loop {
            if let Message::Pong(payload) = socket.read().unwrap() {
                assert_eq!(&payload[..], b"are you there");
                break;
            }
        }
        let answer = r#"{"type":"response","text":"Two.","outcome":"nothing_found","audio":"UklGRg=="}"#;
        socket.send(Message::text(answer)).unwrap();
    });
    assert_eq!(client.notices, ["no ears"]);
    client.ask("Which \"pills\"?", None).unwrap();
    let answer = client.answer(now() + client.limits.answer).unwrap();
    let expected = Answer {
        text: "Two.".to_owned(),
        outcome: Outcome::NothingFound,
        heard: None,
        audio: Some(b"RIFF".to_vec()),
        turn: None,
    };
    assert_eq!(answer, expected);
    server.join().unwrap();
}

#[test]
fn a_recording_goes_in_one_binary_frame_and_comes_back_as_words() {
    let (mut client, server) = conversation(|socket| {
        let recording = socket.read().unwrap();
        assert_eq!(recording, Message::binary(b"RIFFwave".to_vec()));
        socket.send(Message::text(r#"{"type":"transcription","text":"which pills"}"#)).unwrap();
        socket.send(Message::text(r#"{"type":"response","response_text":"Two."}"#)).unwrap();
    });
    client.say(b"RIFFwave".to_vec()).unwrap();
    let answer = client.answer(now() + client.limits.answer).unwrap();
    assert_eq!((answer.heard.as_deref(), answer.text.as_str()), (Some("which pills"), "Two."));
    assert_eq!(answer.outcome, Outcome::Answered);
    server.join().unwrap();
}

#[test]
fn a_restart_is_told_apart_from_a_closed_connection() {
    fn check(code: CloseCode, reason: &'static str, expected: impl FnOnce(&Lost)) {
        let (mut client, server) = conversation(move |socket| {
            next_text(socket);
            socket.close(Some(CloseFrame { code, reason: reason.into() })).unwrap();
            while socket.read().is_ok() {}
        });
        client.ask("x", None).unwrap();
        expected(&client.answer(now() + client.limits.answer).unwrap_err());
        drop(client);
        server.join().unwrap();
    }
    check(CloseCode::Restart, "", |lost| assert_eq!(*lost, Lost::Restarting));
    check(CloseCode::Policy, "too chatty", |lost| {
        let Lost::Closed(failure) = lost else { panic!("{lost:?}") };
        assert!(failure.message.ends_with("before the answer came: too chatty"), "{failure:?}");
    });
}

#[test]
fn a_connection_that_just_ends_is_told_as_such() {
    let (mut client, server) = conversation(|socket| {
        next_text(socket);
    });
    client.ask("x", None).unwrap();
    let failure = failed(client.answer(now() + client.limits.answer).unwrap_err());
    check(&failure, "closed before the answer came", "try again");
    server.join().unwrap();
}

#[test]
fn an_error_of_the_server_keeps_its_code_and_its_words() {
    let (mut client, server) = conversation(|socket| {
        next_text(socket);
        let error =
            r#"{"type":"error","code":"QM_UNAVAILABLE","message":"I cannot reach my records just now."}"#;
        socket.send(Message::text(error)).unwrap();
        next_text(socket);
        socket.send(Message::text(r#"{"type":"error","error":"only here"}"#)).unwrap();
        next_text(socket);
        socket.send(Message::text(r#"{"type":"error","code":"DRAINING","message":"x"}"#)).unwrap();
    });
    client.ask("x", None).unwrap();
    let Lost::Refused { code, failure } = client.answer(now() + client.limits.answer).unwrap_err() else {
        panic!()
    };
    assert_eq!(code, "QM_UNAVAILABLE");
    check(&failure, "I cannot reach my records just now", "8767");
    client.ask("x", None).unwrap();
    assert!(failed(client.answer(now() + client.limits.answer).unwrap_err()).message.contains("only here"));
    client.ask("x", None).unwrap();
    assert_eq!(client.answer(now() + client.limits.answer).unwrap_err(), Lost::Restarting);
    server.join().unwrap();
}

#[test]
fn an_answer_that_does_not_come_is_given_up_in_time() {
    let (address, server) = serve(|stream| {
        gateway(stream, |socket| while socket.read().is_ok() {});
    });
    let mut target = target(&format!("ws://{address}"), None);
    target.limits.answer = Duration::from_millis(200);
    let mut client = Client::connect(&target).unwrap();
    client.ask("x", None).unwrap();
    check(&failed(client.answer(now() + client.limits.answer).unwrap_err()), "did not answer in time", "log");
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_websocket_that_is_not_hal_is_noticed_by_its_silence() {
    let (address, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        while socket.read().is_ok() {}
    });
    let mut target = target(&format!("ws://{address}"), None);
    target.limits.connect = Duration::from_millis(500);
    check(&connect_error(&target), "did not greet like HAL", "path");
    server.join().unwrap();
}
