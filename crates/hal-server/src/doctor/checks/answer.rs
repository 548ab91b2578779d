//! A neutral question gets an answer.

use super::Verdict;
use crate::doctor::facts::{Client, Facts};
use crate::doctor::finding::Finding;

/// An answer that takes longer does not feel like one.
const SLOW_MS: u64 = 5_000;

pub(super) fn check(client: &Client, _: &Facts) -> Option<Verdict> {
    let question = client.question.as_ref()?;
    let finding = match question.code.as_deref() {
        Some("QM_UNAVAILABLE") => Finding::error("listener.down", "the gateway cannot reach its records")
            .why("the WebSocket opens, and the first question fails: the QM listener (port 8767) is away")
            .fix("on the gateway's machine: nc -vz LISTENER-HOST 8767")
            .fix("hal serve --only listener (on the listener's machine)"),
        Some("SIGN_IN_REQUIRED") => {
            Finding::error("signin.required", "the server wants a sign-in before it answers")
                .why("it is well, but answers only people and devices it knows")
                .fix("pair this device: hal pair")
        }
        Some(code) if question.outcome.is_none() => {
            Finding::error("question.failed", format!("a question is answered with the error {code}"))
                .why("the gateway runs, but cannot answer")
                .fix("look at the log of `hal serve`: journalctl -u hal -n 50")
        }
        _ if question.closed => Finding::error("question.lost", "a question gets no answer")
            .why("the gateway or the listener hangs, or the connection broke")
            .fix("look at the log of `hal serve`: journalctl -u hal -n 50"),
        _ if question.took_ms > SLOW_MS => {
            Finding::warning("question.slow", format!("an answer takes {} ms", question.took_ms))
                .why("people give up after a few seconds; the machine is overloaded or its disk is slow")
                .fix("uptime; df -h (on the server)")
        }
        _ => return Verdict::well(format!("answered in {} ms", question.took_ms)),
    };
    Verdict::ill(finding)
}
