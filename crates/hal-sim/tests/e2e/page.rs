//! The browser client in Chromium, with a recording as its microphone.

use std::path::PathBuf;

use hal_sim::browser::Browser;
use hal_sim::{programs, speech};

use crate::household::{Household, MEDICATION, QUESTION};
use crate::proxy::Front;

/// The page behind HAProxy, its microphone hearing the question again and again.
struct Page {
    browser: Browser,
    _front: Front,
    _home: Household,
}

impl Page {
    fn open(microphone: &[i16]) -> Page {
        let home = Household::start();
        let front = Front::subdomain(&home);
        let file: PathBuf = home.folder.path().join("microphone.wav");
        std::fs::write(&file, speech::wav(microphone)).expect("written");
        let mut browser = Browser::start(&file).expect("chromium starts");
        browser.open(&front.url()).expect("the page opens");
        browser.until("window.hal && window.hal.stats.connections > 0").expect("the page connects");
        Page { browser, _front: front, _home: home }
    }

    /// Waits for something to be true of the page; a failure leaves a picture.
    #[track_caller]
    fn until(&mut self, expression: &str) {
        if let Err(error) = self.browser.until(expression) {
            let picture = std::env::temp_dir().join("hal-page.png");
            let taken = self.browser.screenshot().and_then(|png| Ok(std::fs::write(&picture, png)?));
            let text = self.browser.evaluate("document.body.innerText");
            let stats = self.browser.evaluate("JSON.stringify(window.hal.stats)");
            panic!("{error:#}\npicture ({taken:?}): {}\npage: {text:?}\nstats: {stats:?}", picture.display());
        }
    }

    fn until_medication_is_shown(&mut self) {
        self.until(&format!(
            "document.getElementById('conversation').innerText.toLowerCase().includes('{MEDICATION}')"
        ));
    }
}

#[test]
fn a_question_spoken_into_chromium_is_heard_answered_shown_and_played() {
    if !programs::present("page: spoken question", &["haproxy", "chromium", "espeak-ng", "pocketsphinx"]) {
        return;
    }
    let question = speech::spoken(QUESTION).expect("espeak-ng speaks");
    // Chromium plays the file in a loop: silence enough to end the utterance and to hear the answer.
    let mut page = Page::open(&[speech::silence(1_000), question, speech::silence(6_000)].concat());
    page.browser.evaluate("document.getElementById('talk').click()").expect("the button is there");
    page.until("window.hal.stats.frames_sent > 0");
    page.until_medication_is_shown();
    page.until("window.hal.stats.audio_received > 0");
    page.until("window.hal.stats.audio_played > 0");
    page.until("window.hal.stats.audio_peak_rms > 0.001");
}

#[test]
fn a_question_typed_into_the_page_is_answered_and_shown() {
    if !programs::present("page: typed question", &["haproxy", "chromium"]) {
        return;
    }
    let mut page = Page::open(&speech::silence(1_000));
    let ask = format!(
        "document.getElementById('question').value = '{QUESTION}'; document.getElementById('ask').requestSubmit()"
    );
    page.browser.evaluate(&ask).expect("the form is there");
    page.until_medication_is_shown();
    page.until("window.hal.stats.answers === 1");
    // The words of a person's question are theirs: nothing of them is in the browser's log.
    assert!(page.browser.console.is_empty(), "{:?}", page.browser.console);
}
