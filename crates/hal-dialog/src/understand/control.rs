//! Words that steer the conversation itself: stop, hold, repeat, goodbye, yes, no, undo. Whole utterances only.

use super::normalise::{core, joined, tokens};

/// What a person wants of the conversation rather than of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    Stop,
    Hold,
    Repeat,
    Goodbye,
}

/// The answer to a question back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assent {
    Yes,
    No,
}

const STOP: &[&str] = &[
    "stop",
    "stop it",
    "stop that",
    "stop talking",
    "stop now",
    "be quiet",
    "be quiet now",
    "quiet",
    "quiet now",
    "silence",
    "hush",
    "shush",
    "shut up",
    "enough",
    "that is enough",
    "stop speaking",
    "stop listening",
    "no more",
    "shh",
    "halt",
    "stop stop",
    "mute",
    "pipe down",
    "you can stop",
    "you can stop now",
    "stop right there",
    "hal stop",
    "stop reading",
];
const HOLD: &[&str] = &[
    "hold",
    "hold on",
    "wait",
    "wait a minute",
    "wait a moment",
    "wait a second",
    "one moment",
    "just a moment",
    "just a minute",
    "a moment",
    "moment",
    "pause",
    "hang on",
    "give me a second",
    "give me a minute",
    "give me a moment",
    "one second",
    "hold that thought",
    "hold it",
    "one minute",
    "just a second",
    "a second",
];
const REPEAT: &[&str] = &[
    "repeat",
    "repeat that",
    "repeat it",
    "repeat your answer",
    "repeat the answer",
    "say that again",
    "say it again",
    "say again",
    "again",
    "once more",
    "one more time",
    "what did you say",
    "what was that",
    "come again",
    "pardon",
    "pardon me",
    "i did not catch that",
    "i did not hear that",
    "i did not hear you",
    "i did not catch that say it again",
    "i did not catch that say that again",
    "i did not get that",
    "what",
    "huh",
    "say that one more time",
    "say it one more time",
    "tell me again",
    "can you say that again",
    "i did not understand you",
    "repeat what you said",
    "what did you just say",
    "excuse me what did you say",
    "sorry what",
    "i missed that",
    "read that again",
    "read it again",
    "that again",
    "i did not hear that say it again",
    "repeat the last answer",
];
const GOODBYE: &[&str] = &[
    "goodbye",
    "good bye",
    "bye",
    "bye bye",
    "bye now",
    "see you",
    "see you later",
    "that is all",
    "that is all for now",
    "that will be all",
    "that is it",
    "that is it for now",
    "that is all goodbye",
    "that is all for now goodbye",
    "that is all for today",
    "i am done",
    "we are done",
    "good night",
    "end conversation",
    "talk to you later",
    "nothing else",
    "go to sleep",
    "you can go",
    "i am finished",
    "thanks goodbye",
    "thank you goodbye",
    "thanks bye",
    "thank you bye",
    "that is everything",
    "thanks that is all",
    "thank you that is all",
    "no that is all",
    "no thanks that is all",
    "okay bye",
    "okay goodbye",
    "that is all thank you",
    "that will be all thank you",
    "goodnight",
    "farewell",
    "goodbye for now",
    "bye for now",
];
const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "sure",
    "okay",
    "yes please",
    "please do",
    "do it",
    "go ahead",
    "correct",
    "right",
    "that is right",
    "that is correct",
    "confirm",
    "confirmed",
    "absolutely",
    "of course",
    "yes do it",
    "yes do that",
    "yes go ahead",
    "sure thing",
    "affirmative",
    "fine",
    "sounds good",
    "do that",
    "yes that is right",
    "yes that is correct",
    "yes sure",
    "yes of course",
    "sure go ahead",
    "i do",
    "yes i do",
    "yes you should",
    "by all means",
    "aye",
    "please",
    "yes yes",
    "exactly",
    "definitely",
    "good",
    "go for it",
    "make it so",
    "okay do it",
    "okay go ahead",
    "yes add it",
    "yes add them",
    "add it",
    "add them",
    "yes remove it",
    "remove it",
    "yes thanks",
    "yes thank you",
    "yes it is",
    "yes do",
    "yep do",
    "yes add that",
];
const NO: &[&str] = &[
    "no",
    "nope",
    "nah",
    "no thanks",
    "no thank you",
    "do not",
    "do not do it",
    "do not do that",
    "cancel",
    "cancel that",
    "cancel it",
    "never mind",
    "nevermind",
    "not now",
    "forget it",
    "forget that",
    "forget about it",
    "no do not",
    "no cancel",
    "no cancel that",
    "rather not",
    "negative",
    "no way",
    "wrong",
    "that is wrong",
    "leave it",
    "please do not",
    "no stop",
    "not really",
    "i do not want that",
    "no that is wrong",
    "no never mind",
    "no forget it",
    "absolutely not",
    "no leave it",
    "not that",
    "skip it",
    "keep it",
    "keep them",
    "leave them",
    "wait",
    "better not",
];
const UNDO: &[&str] = &[
    "undo",
    "undo that",
    "undo it",
    "undo the last change",
    "undo the last one",
    "take that back",
    "take it back",
    "belay that",
    "scratch that",
    "revert that",
    "revert",
    "put it back",
    "i did not mean that",
    "undo my last change",
    "reverse that",
    "change it back",
    "undo please",
    "that was a mistake",
    "oops undo",
    "oops undo that",
    "no undo that",
    "undo last",
    "undo last change",
    "undo the change",
    "undo the last thing",
    "undo my last",
    "scrap that",
    "take that back again",
];

/// An utterance in two readings: made once, asked for several things.
pub(crate) struct Heard {
    /// As it was said, without the name.
    whole: String,
    /// Without all politeness.
    inner: String,
}

impl Heard {
    pub(crate) fn new(text: &str) -> Heard {
        let words = tokens(text);
        let inner = joined(&words[core(&words)]);
        let named: Vec<_> = words.into_iter().filter(|t| t.text != "hal" && t.text != "hey").collect();
        Heard { whole: joined(&named), inner }
    }

    fn is(&self, phrases: &[&str]) -> bool {
        phrases.contains(&self.whole.as_str()) || phrases.contains(&self.inner.as_str())
    }

    /// What steers the conversation.
    pub(crate) fn control(&self) -> Option<Control> {
        match () {
            () if self.is(STOP) => Some(Control::Stop),
            () if self.is(HOLD) => Some(Control::Hold),
            () if self.is(REPEAT) => Some(Control::Repeat),
            () if self.is(GOODBYE) => Some(Control::Goodbye),
            () => None,
        }
    }

    /// Yes or no, when that is all that was said.
    pub(crate) fn assent(&self) -> Option<Assent> {
        let is = |list: &[&str]| is_made_of(&self.whole, list) || list.contains(&self.inner.as_str());
        if is(NO) {
            return Some(Assent::No);
        }
        is(YES).then_some(Assent::Yes)
    }

    /// "Undo", "take that back", also before or after an explanation: "we have some in the drawer, undo that".
    pub(crate) fn is_undo(&self, text: &str) -> bool {
        // "Undo that, we do have some", said without a pause.
        let reasoned = UNDO.iter().any(|undo| {
            let rest = self.inner.strip_prefix(undo);
            rest.is_some_and(|rest| rest.starts_with(" we ") || rest.starts_with(" i "))
        });
        reasoned
            || self.is(UNDO)
            || super::normalise::clauses(text)
                .last()
                .is_some_and(|last| last.len() < text.len() && Heard::new(last).is(UNDO))
    }
}

/// Recognises an utterance that is nothing but a control word, in its usual variants.
///
/// "stop" and "please be quiet now" are; "stop taking metformin" is not.
pub fn control(text: &str) -> Option<Control> {
    Heard::new(text).control()
}

/// Whether the text is one of the phrases, or several in a row: "yes please do", "no no never mind".
fn is_made_of(text: &str, phrases: &[&str]) -> bool {
    if phrases.contains(&text) {
        return true;
    }
    // Nobody says yes in more words; it also bounds the ways to divide them.
    text.split(' ').count() <= 8
        && text.match_indices(' ').any(|(at, _)| {
            let rest = &text[at + 1..];
            phrases.contains(&&text[..at])
                && (matches!(rest, "please" | "thanks" | "thank you") || is_made_of(rest, phrases))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_words_in_their_variants() {
        for (text, expected) in [
            ("Stop!", Some(Control::Stop)),
            ("HAL, stop", Some(Control::Stop)),
            ("please be quiet now", Some(Control::Stop)),
            ("hold on", Some(Control::Hold)),
            ("repeat", Some(Control::Repeat)),
            ("Could you say that again, please?", Some(Control::Repeat)),
            ("I didn't catch that, say it again.", Some(Control::Repeat)),
            ("that's all for now, goodbye", Some(Control::Goodbye)),
            ("bye", Some(Control::Goodbye)),
        ] {
            assert_eq!(control(text), expected, "for {text:?}");
        }
    }

    #[test]
    fn what_only_contains_a_control_word_is_none() {
        for text in [
            "stop taking metformin",
            "when did i stop aspirin",
            "what time do we stop",
            "repeat prescriptions",
            "",
            "hal",
        ] {
            assert_eq!(control(text), None, "for {text:?}");
        }
    }

    #[test]
    fn yes_no_and_undo_are_whole_utterances() {
        assert_eq!(Heard::new("Yes, please.").assent(), Some(Assent::Yes));
        assert_eq!(Heard::new("no thanks").assent(), Some(Assent::No));
        assert_eq!(Heard::new("cancel that").assent(), Some(Assent::No));
        assert_eq!(Heard::new("yes i am allergic to cats").assent(), None);
        assert!(Heard::new("HAL, undo that please").is_undo("HAL, undo that please"));
        assert!(!Heard::new("undo my seat belt").is_undo("undo my seat belt"));
    }
}
