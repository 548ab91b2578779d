//! Words that steer the conversation itself: stop, hold, repeat, goodbye. Whole utterances only.

/// What a person wants of the conversation rather than of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    Stop,
    Hold,
    Repeat,
    Goodbye,
}

/// Recognises an utterance that is nothing but a control word, in its usual variants.
///
/// "stop" and "please be quiet now" are; "stop taking metformin" is not.
pub fn control(text: &str) -> Option<Control> {
    match text.trim().to_lowercase().as_str() {
        "stop" => Some(Control::Stop),
        "hold" | "wait" => Some(Control::Hold),
        "repeat" => Some(Control::Repeat),
        "goodbye" | "bye" => Some(Control::Goodbye),
        _ => None,
    }
}
