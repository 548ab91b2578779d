//! The time line of each turn: what happens on a connection, told to [`crate::gateway::trace`].

use std::sync::Arc;

use hal_dialog::session::{Frame, TurnId};

use super::{Conn, Event};
use crate::gateway::Gateway;
use crate::gateway::trace::{Client, End, Of, Turn};

impl Conn {
    /// What an event means for the time line of its turn.
    pub(super) fn note(&mut self, event: &Event) {
        let now = self.gateway.clock.now_ms();
        match event {
            Event::Heard { turn, .. } | Event::NotHeard { turn, .. } => self.under_way.heard(*turn, now),
            Event::Answered { turn, files, at, .. } => self.under_way.answered(*turn, files, *at),
            Event::Spoken { turn, .. } => self.under_way.spoken(*turn, now),
            Event::AskFailed { .. } | Event::Resumed { .. } => {}
        }
    }

    /// A frame that ends a turn ends its time line.
    pub(super) fn note_frame(&mut self, frame: &Frame) {
        match frame {
            Frame::Response { turn, answer, is_repeat: false, .. } => {
                let end = End::Answered {
                    outcome: answer.outcome,
                    action: answer.action.clone(),
                    intent: answer.intent.clone(),
                };
                let of = of(&self.gateway, &self.id, &self.who);
                let followed =
                    turn.and_then(|turn| self.under_way.end(turn, end.clone(), Some(&answer.text), &of));
                let over = followed.unwrap_or_else(|| of.at_once(*turn, end));
                self.over(over);
            }
            Frame::Error { turn, code, .. } => {
                self.gateway.metrics.failed(*code);
                let of = of(&self.gateway, &self.id, &self.who);
                let over = turn.and_then(|turn| self.under_way.end(turn, End::Failed(*code), None, &of));
                if let Some(over) = over {
                    self.over(over);
                }
            }
            _ => {}
        }
    }

    /// Turns that this session does not know any more, or that nobody waits for.
    pub(super) fn ended_without_answer(&mut self, end: &End, is_known: impl Fn(TurnId) -> bool) {
        let of = of(&self.gateway, &self.id, &self.who);
        for over in self.under_way.dropped(is_known, end, &of) {
            self.over(over);
        }
    }

    fn over(&self, turn: Turn) {
        self.presence.had_turn(self.gateway.clock.unix_ms());
        self.gateway.turn_over(turn);
    }
}

/// What the turns of a connection have in common, now.
fn of<'a>(gateway: &Gateway, session: &'a str, client: &'a Arc<Client>) -> Of<'a> {
    Of { session, client, now: gateway.clock.now_ms(), unix_ms: gateway.clock.unix_ms() }
}
