//! What a connection refuses, and how its client is told: at once, with a code and the time to wait.

use std::io::ErrorKind;
use std::sync::Arc;

use hal_dialog::session::{Frame, Input, TurnId};
use hal_wire::{Code, Private};
use tracing::info;
use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Message, Utf8Bytes};

use super::{Closed, Conn, Event};
use crate::gateway::hearing::Finished;
use crate::gateway::limited;
use crate::limits::{Limit, Refused, Verdict};

impl Conn {
    /// A question in words.
    pub(super) async fn typed(
        &mut self,
        text: Private<String>,
        relay: bool,
        turn: Option<u64>,
    ) -> Result<(), Closed> {
        if let Err(refused) = self.admission.turn(self.gateway.clock.now_ms()) {
            return self.refuse(turn, refused).await;
        }
        self.step(Input::Text { text, relay, turn: turn.map(TurnId) }).await
    }

    /// Tells the client at once that it has reached a limit, and when to go on; who does not listen is let go.
    pub(super) async fn refuse(&mut self, turn: Option<u64>, refused: Refused) -> Result<(), Closed> {
        let gateway = Arc::clone(&self.gateway);
        gateway.metrics.limited(refused.limit);
        let per_minute = self.admission.settings().refusals_per_minute;
        let verdict = self.refusals.note(refused.limit, per_minute, gateway.clock.now_ms());
        if verdict == Verdict::Silence {
            return Ok(());
        }
        self.feed(limited::error(&gateway, &self.id, turn, &refused)).await?;
        if verdict == Verdict::Tell {
            return self.flush().await;
        }
        gateway.metrics.limited(Limit::Refusals);
        info!(session = %self.id, limit = refused.limit.name(), "keeps on after refusals: closed");
        self.leaving = true;
        self.send(limited::close(Code::TooMany)).await?;
        Err(Closed)
    }

    /// Speech has ended: its words are wanted, if this client may ask another question.
    pub(super) fn finish_hearing(&mut self, turn: TurnId) {
        let Some(hearing) = &mut self.hearing else {
            return self.raise(Event::NotHeard { turn, code: Code::NoAudio });
        };
        let code = match self.admission.turn(self.gateway.clock.now_ms()) {
            Err(refused) => {
                hearing.discard();
                self.gateway.metrics.limited(refused.limit);
                self.refused = Some(refused);
                Code::TooMany
            }
            Ok(()) => match hearing.finish(turn) {
                Finished::Heard => return,
                Finished::Busy => Code::SpeechBusy,
                Finished::Nothing => Code::NoAudio,
            },
        };
        self.raise(Event::NotHeard { turn, code });
    }

    /// The library cannot read on. A client that is still there learns why first.
    pub(super) async fn refuse_frame(&mut self, error: tungstenite::Error) {
        let metrics = &self.gateway.metrics;
        let (code, close) = match &error {
            tungstenite::Error::Capacity(_) => (Code::TooLarge, 1009),
            tungstenite::Error::Utf8(_) => (Code::BadJson, 1007),
            // Compression, which nobody offered, among others.
            tungstenite::Error::Protocol(fault) if !matches!(fault, ResetWithoutClosingHandshake) => {
                (Code::BadJson, 1002)
            }
            tungstenite::Error::Io(error) if error.kind() == ErrorKind::TimedOut => {
                metrics.limited(Limit::SlowMessage);
                (Code::TooSlow, limited::TRY_AGAIN_LATER)
            }
            tungstenite::Error::Io(error) if error.kind() == ErrorKind::QuotaExceeded => {
                let refused = error.get_ref().and_then(|error| error.downcast_ref::<Refused>());
                let limit = refused.map_or(Limit::Unfinished, |refused| refused.limit);
                metrics.limited(limit);
                self.refused = refused.copied();
                let code = if limit == Limit::Unfinished { Code::Busy } else { Code::TooMany };
                (code, limited::TRY_AGAIN_LATER)
            }
            // Gone without a word: a closed lid, a lost network.
            _ => return,
        };
        info!(session = %self.id, %code, "frame refused");
        let json = self.frame(&Frame::Error { turn: None, code, message: code.sentence().to_owned() });
        let reason = Utf8Bytes::from_static(code.as_str());
        if self.feed(json).await.is_ok() {
            self.send(Message::Close(Some(CloseFrame { code: close.into(), reason }))).await.ok();
        }
    }
}
