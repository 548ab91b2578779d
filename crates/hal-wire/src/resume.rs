//! How a gateway asks the listener to go on with a conversation, and what it learns.

use serde::{Deserialize, Serialize};

use crate::Private;
use crate::listener::{Reply, Who};

/// One conversation that goes on, by the token of its greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumption {
    pub token: Private<String>,
    /// Who goes on with it: the token alone opens nobody else's conversation.
    pub who: Who,
}

#[derive(Serialize)]
struct ResumptionJson<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    resume: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl Resumption {
    /// The request as one line, newline included.
    pub fn to_line(&self) -> Vec<u8> {
        crate::listener::line(&ResumptionJson {
            kind: "resume",
            resume: self.token.expose(),
            handle: self.who.handle.as_ref().map(|handle| handle.expose().as_str()),
            token: self.who.token.as_ref().map(|token| token.expose().as_str()),
        })
    }
}

/// What the listener still has of a conversation. Not flat: only gateways ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Whether anything of it was remembered; if not, it begins anew under its old id.
    pub remembered: bool,
    /// How often it has gone on, this time included: no two gateways get the same number.
    pub round: u64,
    /// The last replies, oldest first.
    #[serde(default)]
    pub replies: Vec<Kept>,
}

/// A reply that is kept for a client that may not have got it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub turn: u64,
    /// What was heard, where the question was spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Private<String>>,
    /// What was asked, where it was typed: a page that is loaded again has forgotten its own questions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<Private<String>>,
    pub reply: Reply,
}

impl Resumed {
    /// The reply as one line, newline included.
    pub fn to_line(&self) -> Vec<u8> {
        crate::listener::line(self)
    }

    pub fn from_json(bytes: &[u8]) -> Option<Resumed> {
        serde_json::from_slice(bytes).ok()
    }
}
