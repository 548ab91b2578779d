//! The admin page as an owner uses it: a real server, a real browser, and what is done there holds outside of it.

use std::net::TcpListener;
use std::path::Path;

use hal_sim::browser::Browser;
use hal_sim::server::{Options, hal};
use hal_sim::{http, programs, speech};
use serde_json::Value;
use tempfile::TempDir;

use crate::household::{Household, MEDICATION, QUESTION, assert_names_medication, said, text};
use crate::proxy::Front;

/// The page at `url`, in a browser whose microphone hears nothing.
fn open(url: &str, folder: &Path) -> Browser {
    let file = folder.join("microphone.wav");
    std::fs::write(&file, speech::wav(&speech::silence(100))).expect("written");
    let mut browser = Browser::start(&file).expect("chromium starts");
    browser.open(url).expect("the page opens");
    browser
}

#[track_caller]
fn until(browser: &mut Browser, expression: &str) {
    if let Err(error) = browser.until(expression) {
        let picture = std::env::temp_dir().join("hal-admin.png");
        let taken = browser.screenshot().and_then(|png| Ok(std::fs::write(&picture, png)?));
        let text = browser.evaluate("document.body.innerText");
        panic!("{error:#}\npicture ({taken:?}): {}\npage: {text:?}", picture.display());
    }
}

/// Waits until the text of the element shows `words`, whatever their case.
#[track_caller]
fn shows(browser: &mut Browser, id: &str, words: &str) {
    until(
        browser,
        &format!("document.getElementById('{id}').innerText.toLowerCase().includes({words:?}.toLowerCase())"),
    );
}

#[track_caller]
fn click(browser: &mut Browser, expression: &str) {
    browser.evaluate(&format!("{expression}.click()")).expect("it is there");
}

fn run(words: &[&str], folder: &Path) -> std::process::Output {
    hal().args(words).env("HOME", folder).env("XDG_CONFIG_HOME", folder).output().expect("it runs")
}

#[track_caller]
fn done(out: &std::process::Output) -> String {
    assert!(out.status.success(), "{}", said(out));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

#[test]
fn an_owner_sees_sessions_and_turns_revokes_a_device_and_makes_a_backup() {
    if !programs::present("admin: in the browser", &["chromium"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let server = Options::demo(folder.path()).start().expect("hal serve --demo answers");
    let (data, own) = (text(folder.path()).to_owned(), TempDir::new().expect("a folder"));
    let hal_for = |words: &[&str]| run(&[words, &["--data", &data]].concat(), own.path());
    done(&hal_for(&["user", "add", "mia", "--name", "Mia", "--role", "member"]));
    let token = done(&hal_for(&["device", "add", "mia", "Mia's phone"]));
    let ask = || {
        hal()
            .args(["ask", "--server", &server.url(), "What time is it?"])
            .env("HAL_TOKEN", &token)
            .env("HOME", own.path())
            .output()
            .expect("it runs")
    };
    let mut client = server.connect().expect("the gateway greets");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    done(&ask());

    let mut browser = open(&format!("{}/admin", server.url()), folder.path());
    // The client that is still there, who it is, what it asked, which file that touched, and how long each stage took.
    shows(&mut browser, "sessions", "program");
    shows(&mut browser, "turns", "medication list");
    shows(&mut browser, "turns", "Mia's phone");
    until(&mut browser, "document.querySelectorAll('#turns .bar .stage-answer').length === 2");
    until(
        &mut browser,
        "[...document.querySelectorAll('#turns .file')].some(file => file.textContent === 'MEDICATION')",
    );
    shows(&mut browser, "devices", "Mia's phone");
    let page = browser.evaluate("document.documentElement.innerHTML").expect("a text");
    assert!(!page.as_str().expect("a text").to_lowercase().contains(MEDICATION), "no words of an answer");

    // Words are shown only after an owner has said so, and are gone when they say so.
    click(&mut browser, "document.getElementById('words-start')");
    click(&mut browser, "document.getElementById('confirm-yes')");
    until(&mut browser, "!document.getElementById('words-on').hidden");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    shows(&mut browser, "turns", MEDICATION);
    click(&mut browser, "document.getElementById('words-stop')");
    until(&mut browser, "document.getElementById('words-on').hidden");
    until(&mut browser, &format!("!document.body.innerText.toLowerCase().includes({MEDICATION:?})"));

    // The next question of a device that was revoked here is refused.
    click(
        &mut browser,
        "[...document.querySelectorAll('#devices button')].find(b => b.getAttribute('aria-label').includes('Mia'))",
    );
    until(&mut browser, "document.getElementById('confirm').open");
    assert!(ask().status.success(), "not before it is confirmed");
    click(&mut browser, "document.getElementById('confirm-yes')");
    shows(&mut browser, "said", "is shut out");
    assert_eq!(ask().status.code(), Some(2));

    // A backup that this program's own commands accept.
    click(&mut browser, "document.getElementById('backup')");
    shows(&mut browser, "backup-said", "made and verified");
    let backups: Vec<_> = std::fs::read_dir(folder.path().join("backups"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    let [backup] = &backups[..] else { panic!("one backup: {backups:?}") };
    assert!(done(&run(&["db", "verify", text(backup)], own.path())).contains("sound"));
    let restored = own.path().join("restored");
    done(&run(&["db", "restore", text(backup), "--data", text(&restored)], own.path()));
    let counted = done(&run(&["db", "count", "MEDICATION", "--data", text(&restored)], own.path()));
    assert!(counted.contains(|c: char| c.is_ascii_digit() && c != '0'), "{counted}");

    // And the command beside the server puts its own there too.
    done(&hal_for(&["db", "backup"]));
    until(&mut browser, "document.querySelectorAll('#backups tbody tr').length === 2");

    let audit = done(&hal_for(&["audit", "list"]));
    for noted in ["device_revoke", "words on", "words off", "admin owner - 127.0.0.1 backup"] {
        assert!(audit.contains(noted), "{noted}: {audit}");
    }
    // Nothing that the page's own policy forbids, and no words in the browser's log.
    assert!(browser.console.is_empty(), "{:?}", browser.console);
}

#[test]
fn behind_the_proxy_an_owner_signs_in_on_the_page_and_a_member_is_told_no() {
    if !programs::present("admin: through HAProxy", &["haproxy", "chromium"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let server = Options::demo(folder.path()).start().expect("hal serve --demo answers");
    let home = Household { server, folder };
    let front = Front::subdomain(&home);
    let (data, own) = (text(home.folder.path()).to_owned(), TempDir::new().expect("a folder"));
    let hal_for = |words: &[&str]| run(&[words, &["--data", &data]].concat(), own.path());
    done(&hal_for(&["user", "add", "mia", "--name", "Mia", "--role", "member"]));
    let mut browser = open(&format!("{}admin", front.url()), home.folder.path());
    let sign_in = |browser: &mut Browser, code: &str| {
        until(browser, "!document.getElementById('signin').hidden");
        let type_it = format!(
            "document.getElementById('secret').value = {code:?}; document.getElementById('signin').requestSubmit()"
        );
        browser.evaluate(&type_it).expect("the form is there");
    };
    sign_in(&mut browser, &done(&hal_for(&["pair", "mia"])));
    until(&mut browser, "document.body.dataset.view === 'refused'");
    shows(&mut browser, "refused", "only an owner");
    until(&mut browser, "document.getElementById('devices').innerText === ''");
    click(&mut browser, "document.getElementById('signout')");
    sign_in(&mut browser, &done(&hal_for(&["pair", "owner"])));
    until(&mut browser, "document.body.dataset.view === 'board'");
    shows(&mut browser, "devices", "this one");
    until(&mut browser, "window.hal.stats.states > 1");
}

#[test]
fn a_spoken_question_is_told_stage_by_stage_to_the_owner_and_to_a_collector() {
    if !programs::present("admin: spoken turn", &["espeak-ng", "pocketsphinx"]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let collector = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", collector.local_addr().expect("bound"));
    let options = Options::demo(folder.path()).set("HAL_METRICS__TRACES", &address);
    let mut server = options.start().expect("hal serve --demo answers");
    let mut client = server.connect().expect("the gateway greets");
    let question = speech::spoken(QUESTION).expect("espeak-ng speaks");
    for samples in [question, speech::silence(2_500)].concat().chunks(4_096) {
        client.send(&serde_json::json!({"type": "audio_stream", "audio": samples})).expect("sent");
    }
    assert_names_medication(&client.answer().expect("an answer"));
    let (status, shown) = state(server.gateway_port);
    assert_eq!(status, 200, "{shown}");
    let turn = &shown["gateway"]["turns"][0];
    let stages = |key: &str| -> Vec<String> {
        let spans = turn["spans"].as_array().expect("spans");
        spans.iter().map(|span| span[key].as_str().unwrap_or_default().to_owned()).collect()
    };
    let told: Vec<String> = stages("stage").into_iter().filter(|stage| stage != "wait").collect();
    assert_eq!(told, ["say", "hear", "answer", "speak"], "{turn}");
    assert_eq!(turn["spoken"], true);
    // The end sends what has not gone out yet.
    server.process.signal("TERM").expect("signalled");
    let (head, body) = http::take(&collector).expect("it sends");
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let json: Value = serde_json::from_str(&body).expect("JSON");
    let spans = json["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans");
    assert_eq!(spans.len(), turn["spans"].as_array().expect("spans").len() + 1, "{body}");
    assert_eq!(spans[0]["name"], "turn");
    assert!(!body.to_lowercase().contains(MEDICATION), "no words: {body}");
    server.process.wait().expect("the end");
}

/// What a program on the gateway's machine gets.
fn state(port: u16) -> (u16, Value) {
    let answer = http::raw(port, "GET /admin/state HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").expect("answered");
    (answer.status, serde_json::from_str(&answer.body).expect("JSON"))
}

#[test]
fn a_gateway_shows_its_own_part_while_its_listener_is_away_to_whoever_it_had_let_in() {
    let (records, own) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let mut listener = Options::listener(records.path()).start().expect("the listener accepts");
    let gateway = Options::gateway(own.path(), listener.listener_port).start().expect("the gateway answers");
    let mut client = gateway.connect().expect("the gateway greets");
    assert_names_medication(&client.ask(QUESTION).expect("answered"));
    let (status, shown) = state(gateway.gateway_port);
    assert_eq!(status, 200, "{shown}");
    assert!(shown["listener"]["devices"].is_array(), "{shown}");
    // The files come with the reply, also from another process.
    assert_eq!(shown["gateway"]["turns"][0]["files"], serde_json::json!(["MEDICATION"]), "{shown}");
    listener.process.kill().expect("killed");
    let (status, shown) = state(gateway.gateway_port);
    assert_eq!((status, &shown["listener"]), (200, &Value::Null), "{shown}");
    assert_eq!(shown["gateway"]["sessions"][0]["turns"], 1, "{shown}");
    // Somebody who was not there before cannot be looked up.
    let stranger = "GET /admin/state HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer hal_x\r\n\r\n";
    assert_eq!(http::raw(gateway.gateway_port, stranger).expect("answered").status, 503);
}
