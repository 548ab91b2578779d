//! A silence does not end the conversation.

use super::Verdict;
use crate::doctor::facts::{Client, Facts};
use crate::doctor::finding::Finding;

pub(super) fn check(client: &Client, _: &Facts) -> Option<Verdict> {
    let idle = client.idle.as_ref()?;
    let Some(after) = idle.closed_after_ms else {
        return Verdict::well(format!("still open after {} s without a word", idle.asked_ms / 1000));
    };
    if idle.with_goodbye {
        return Verdict::ill(
            Finding::warning("gateway.restarted", "the gateway ended the conversation, with a goodbye")
                .why("it was restarted meanwhile")
                .fix("hal doctor again"),
        );
    }
    Verdict::ill(super::tunnel_short(&format!(
        "a silent conversation was cut after {}.{} s",
        after / 1000,
        after % 1000 / 100
    )))
}
