//! The one table of error codes: code for programs, sentence for people, and whether going on makes sense.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $recoverable:literal, $sentence:literal;)*) => {
        /// What went wrong, as a program reads it. The text of a code is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The code as it stands on the wire, e.g. `BAD_JSON`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// The code that is written so; `None` for one of another version, or of nobody.
            pub fn named(text: &str) -> Option<Code> {
                Code::ALL.iter().copied().find(|code| code.as_str() == text)
            }

            /// Whether the same connection can go on as if nothing had happened.
            pub fn recoverable(self) -> bool {
                match self { $(Code::$variant => $recoverable,)* }
            }

            /// The sentence for people when the place that failed knows no better one.
            pub fn sentence(self) -> &'static str {
                match self { $(Code::$variant => $sentence,)* }
            }
        }
    };
}

codes! {
    /// The frame or line is not a JSON object.
    BadJson = "BAD_JSON", true, "That message was not a JSON object.";
    /// `type` is missing or names nothing this server knows.
    UnknownType = "UNKNOWN_TYPE", true, "I do not know this type of message.";
    /// `command` is none of stop, hold, repeat, goodbye.
    UnknownCommand = "UNKNOWN_COMMAND", true, "I do not know this command. Known are stop, hold, repeat and goodbye.";
    /// A field is missing or of the wrong JSON type.
    BadField = "BAD_FIELD", true, "A field of that message is missing or of the wrong type.";
    /// Audio that is not base64, not whole 16-bit samples, or not a WAV file that can be read.
    BadAudio = "BAD_AUDIO", true, "I could not read that audio.";
    /// A message, utterance or request is longer than the limit.
    TooLarge = "TOO_LARGE", true, "That was longer than I can take at once.";
    /// `speech_ended` without any audio before it.
    NoAudio = "NO_AUDIO", true, "I did not receive any audio.";
    /// Speech was recorded, but no words were made out.
    NotHeard = "NOT_HEARD", true, "I did not catch that.";
    /// No speech engine is installed; text works.
    SpeechUnavailable = "SPEECH_UNAVAILABLE", true, "I cannot hear on this server, but I can read what you type.";
    /// Every recogniser is in use.
    SpeechBusy = "SPEECH_BUSY", true, "I am listening to too many people at once. Please try again in a moment.";
    /// No credential was shown where one is needed, or it is none of this household's, any more or yet.
    SignInRequired = "SIGN_IN_REQUIRED", false, "Please sign in: I do not know who is asking.";
    /// Whoever asks may not do that.
    NotAllowed = "NOT_ALLOWED", true, "You may not do that here.";
    /// Too many wrong secrets from there; the right one will be taken later.
    LockedOut = "LOCKED_OUT", false, "Too many wrong codes came from there. Please try again in a few minutes.";
    /// The answer was not ready within the limit.
    Timeout = "TIMEOUT", true, "That took too long. Please ask again.";
    /// The listener or its database cannot be reached.
    QmUnavailable = "QM_UNAVAILABLE", true, "I cannot reach my records just now. Please try again in a moment.";
    /// More turns wait than the server takes.
    Busy = "BUSY", true, "I am answering too many questions at once. Please try again in a moment.";
    /// Somebody has reached a limit that holds for one user, device or address; `retry_after_ms` says for how long.
    TooMany = "TOO_MANY", true, "That was too much at once. Please try again in a moment.";
    /// A message that had begun was not whole within the limit.
    TooSlow = "TOO_SLOW", false, "That message did not arrive in time. Please connect again.";
    /// The server is going down or restarting.
    Draining = "DRAINING", false, "I am restarting. Please connect again in a moment.";
    /// A fault of the program; details are in its log.
    Internal = "INTERNAL", true, "Something went wrong on my side.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_own_text_and_a_whole_sentence() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{code} twice");
            assert!(code.sentence().ends_with('.'), "{code}");
        }
    }
}
