//! The page on a telephone, through HAProxy: let in by a code, loaded again, signed out.

use hal_sim::browser::Browser;
use hal_sim::server::{Options, hal};
use hal_sim::{programs, speech};
use tempfile::TempDir;

use crate::household::{Household, MEDICATION, QUESTION, text};
use crate::proxy::Front;

/// Lets a test reach the page's own WebSocket.
const SOCKETS: &str = "window.sockets = []; window.WebSocket = class extends WebSocket {
    constructor(...all) { super(...all); window.sockets.push(this); } };";

struct Phone {
    browser: Browser,
    front: Front,
    home: Household,
}

impl Phone {
    /// Opens the page of a household in which whoever comes through HAProxy signs in.
    fn open() -> Phone {
        let folder = TempDir::new().expect("a folder");
        let server = Options::demo(folder.path()).start().expect("hal serve --demo answers");
        let home = Household { server, folder };
        let front = Front::subdomain(&home);
        let microphone = home.folder.path().join("microphone.wav");
        std::fs::write(&microphone, speech::wav(&speech::silence(1_000))).expect("written");
        let mut browser = Browser::start(&microphone).expect("chromium starts");
        browser.phone().expect("a telephone");
        browser.before_each_page(SOCKETS).expect("taken");
        browser.open(&front.url()).expect("the page opens");
        Phone { browser, front, home }
    }

    #[track_caller]
    fn until(&mut self, expression: &str) {
        if let Err(error) = self.browser.until(expression) {
            let page = self.browser.evaluate("document.body.innerText");
            panic!("{error:#}\npage: {page:?}");
        }
    }

    #[track_caller]
    fn is_true(&mut self, expression: &str) {
        let page = self.browser.evaluate(expression).expect("the page answers");
        assert_eq!(page, true, "{expression}: {:?}", self.browser.evaluate("document.body.innerText"));
    }

    fn form_is_shown(&mut self) {
        self.until("document.getElementById('signin')?.hidden === false");
    }

    fn sign_in_with(&mut self, secret: &str) {
        let submit = format!(
            "document.getElementById('secret').value = '{secret}'; document.getElementById('signin').requestSubmit()"
        );
        self.browser.evaluate(&submit).expect("the form is there");
    }

    /// As `hal pair` on the server prints it.
    fn code(&self) -> String {
        let mut command = hal();
        command.args(["pair", "owner", "--data", text(self.home.folder.path())]);
        let out = command.env("HOME", self.home.folder.path()).output().expect("it runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    fn ask(&mut self, question: &str) {
        let ask = format!(
            "document.getElementById('question').value = '{question}'; document.getElementById('ask').requestSubmit()"
        );
        self.browser.evaluate(&ask).expect("the form is there");
    }

    /// The page's conversation, in small letters.
    fn said(&mut self) -> String {
        let said = self.browser.evaluate("document.getElementById('conversation').innerText.toLowerCase()");
        said.expect("the page answers").as_str().unwrap_or_default().to_owned()
    }

    fn cookie(&mut self) -> Option<serde_json::Value> {
        let cookies = self.browser.cookies().expect("told");
        cookies.into_iter().find(|cookie| cookie["name"] == "hal_session")
    }
}

#[test]
fn a_telephone_is_let_in_by_a_code_and_out_again() {
    if !programs::present("page: sign-in", &["haproxy", "chromium"]) {
        return;
    }
    let mut phone = Phone::open();
    phone.form_is_shown();
    phone.is_true("window.hal.stats.connections === 0");
    // Everything of it can be seen and touched, and nothing makes the page wider than the telephone.
    phone.is_true("document.documentElement.scrollWidth <= innerWidth");
    phone.is_true(
        "[...document.querySelectorAll('#signin input, #signin button')].every((part) => {
            const box = part.getBoundingClientRect();
            return box.height >= 44 && box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight
                && document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2) === part;
        })",
    );
    phone.sign_in_with("AAAA-AAAA");
    phone.until("document.getElementById('signin-trouble').innerText.includes('does not know this code')");
    phone.is_true("window.hal.stats.connections === 0");

    let code = phone.code();
    // As a telephone's keyboard writes it.
    phone.sign_in_with(&format!(" {} ", code.to_lowercase()));
    phone.until("document.getElementById('signin').hidden && window.hal.stats.connections === 1");
    let cookie = phone.cookie().expect("a cookie");
    assert_eq!(cookie["httpOnly"], true, "{cookie}");
    assert_eq!(cookie["secure"], true, "{cookie}");
    assert_eq!(cookie["sameSite"], "Strict", "{cookie}");
    phone.is_true("document.cookie === ''");
    phone.ask(QUESTION);
    phone.until("window.hal.stats.answers === 1");
    assert!(phone.said().contains(MEDICATION));

    phone.until("document.getElementById('leave').hidden === false");
    phone.is_true("document.documentElement.scrollWidth <= innerWidth");
    phone.browser.evaluate("document.getElementById('leave').click()").expect("the button is there");
    phone.form_is_shown();
    phone.until("document.getElementById('conversation').innerText === ''");
    phone.is_true("window.hal.stats.connections === 0 && sessionStorage.length === 0");
    assert_eq!(phone.cookie(), None);
    phone.is_true("fetch('whoami').then((answer) => answer.status === 401)");
    // What the cookie held opens nothing any more, wherever it is shown.
    let token = cookie["value"].as_str().expect("text");
    let mut ask = hal();
    ask.args(["ask", "--server", &phone.front.url(), "--ca", text(&phone.front.authority), QUESTION]);
    let out = ask.env("HAL_TOKEN", token).env("HOME", phone.home.folder.path()).output().expect("it runs");
    assert_eq!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(phone.browser.console.is_empty(), "{:?}", phone.browser.console);
}

#[test]
fn a_page_that_is_loaded_again_goes_on_with_its_conversation() {
    if !programs::present("page: loaded again", &["haproxy", "chromium"]) {
        return;
    }
    let mut phone = Phone::open();
    phone.form_is_shown();
    // By the link of `hal pair`, as the telephone's camera reads it.
    let code = phone.code();
    let link = format!("{}pair#{code}", phone.front.url());
    phone.browser.open(&link).expect("the link opens");
    phone.until(&format!("document.getElementById('secret')?.value === '{code}'"));
    phone.form_is_shown();
    phone.browser.evaluate("document.querySelector('#signin button').click()").expect("the button is there");
    phone.until("window.hal.stats.connections === 1");
    phone.is_true("location.hash === ''");
    phone.ask(QUESTION);
    phone.until("window.hal.stats.answers === 1");
    phone.is_true("sessionStorage.length === 0");

    // Deaf to the answer: it is the one that the page misses.
    phone.browser.evaluate("window.sockets.at(-1).onmessage = null").expect("deaf");
    phone.ask("When is my next appointment?");
    phone.until("window.sockets.at(-1).bufferedAmount === 0");
    phone.browser.reload().expect("loaded again");
    phone.until("window.hal && window.hal.stats.connections === 1");
    phone.until("document.getElementById('conversation').innerText.includes('The conversation goes on')");
    let said = phone.said();
    let parts = [&QUESTION.to_lowercase(), MEDICATION, "this came while", "when is my next appointment?"];
    let places: Vec<_> = parts.iter().map(|part| said.find(*part)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {said}");
    phone.is_true("document.querySelectorAll('#conversation .answer').length === 2");
    // Its own storage holds no word, and a copy of this tab nothing at all.
    phone.is_true("sessionStorage.length === 0");

    // HAL has not forgotten either: "it" is what was asked about before.
    phone.ask("repeat that");
    phone.until("window.hal.stats.answers === 3");
    phone.is_true("document.querySelectorAll('#conversation .answer').length >= 2");
    phone.browser.evaluate("window.addEventListener('pagehide', () => localStorage.setItem('kept', JSON.stringify(sessionStorage)))")
        .expect("taken");
    phone.browser.reload().expect("loaded again");
    phone.until("window.hal && window.hal.stats.connections === 1");
    let kept = phone.browser.evaluate("localStorage.getItem('kept')").expect("told").to_string();
    assert!(kept.contains("hal.conversation"), "{kept}");
    for word in [MEDICATION, "appointment", "medications"] {
        assert!(!kept.to_lowercase().contains(word), "{word}: {kept}");
    }
    phone.until("document.querySelectorAll('#conversation .answer').length >= 2");
    assert!(!phone.said().contains("this came while"), "nothing was missed: {}", phone.said());
}
