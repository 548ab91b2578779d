//! One connection: a task that owns the socket, the session and the ear, and turns whatever happens first into
//! exactly one input of the session. Nothing in its loop sleeps.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use hal_dialog::session::{
    Answer, Effect, Frame, Input, Millis, Session, SessionConfig, Sound, Source, TurnId,
};
use hal_wire::client::{ClientMessage, DEFAULT_RATE_HZ, Greeting, Response, ServerMessage};
use hal_wire::listener::{Ask, Reply};
use hal_wire::{Code, Outcome, Private};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, sleep_until, timeout};
use tracing::{debug, info};

use super::Gateway;
use super::hearing::{Change, ClientEnd, Hearing, Refused};
use crate::metrics::Stage;

/// Events of engines and listener that wait for the connection's attention.
const EVENTS_MAX: usize = 32;
/// Routers forget silent connections after about a minute. A missing pong closes nothing: old clients that wait
/// at a prompt cannot answer one.
const PING_MS: u64 = 20_000;
/// A client that does not read for this long is let go.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// What a connection asked for in its URL.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    pub greeting: Greeting,
    pub audio: bool,
    pub web: bool,
}

/// What happens beside the socket.
#[derive(Debug)]
pub(super) enum Event {
    Heard { turn: TurnId, hypotheses: Vec<Private<String>> },
    NotHeard { turn: TurnId, code: Code },
    Answered { turn: TurnId, answer: Answer },
    AskFailed { turn: TurnId, code: Code },
    Spoken { turn: TurnId, sound: Option<Sound> },
}

impl From<Event> for Input {
    fn from(event: Event) -> Input {
        match event {
            Event::Heard { turn, hypotheses } => Input::Heard { turn, hypotheses },
            Event::NotHeard { turn, code } => Input::NotHeard { turn, code },
            Event::Answered { turn, answer } => Input::Answered { turn, answer },
            Event::AskFailed { turn, code } => Input::AskFailed { turn, code },
            Event::Spoken { turn, sound } => Input::Spoken { turn, sound },
        }
    }
}

/// Serves one client until either side closes.
pub(super) async fn run(
    gateway: Arc<Gateway>,
    socket: WebSocket,
    wishes: Wishes,
    mut draining: watch::Receiver<bool>,
) {
    let (events_in, mut events) = mpsc::channel(EVENTS_MAX);
    let config = SessionConfig { audio: wishes.audio, ..SessionConfig::default() };
    let now = gateway.clock.now_ms();
    let _counted = gateway.metrics.connected();
    let mut conn = Conn {
        id: gateway.new_session_id(),
        session: Session::new(config),
        hearing: None,
        client: if wishes.web { "web" } else { "gateway" },
        next_ping: now + PING_MS,
        begun: None,
        gateway,
        socket,
        events: events_in,
    };
    if conn.greet(wishes.greeting).await.is_err() {
        return;
    }
    let mut drained = false;
    loop {
        let wake = conn.gateway.clock.instant(conn.next_wake());
        let done = tokio::select! {
            message = conn.socket.recv() => match message {
                Some(Ok(message)) => conn.message(message).await,
                Some(Err(error)) => {
                    conn.refuse_frame(error).await;
                    Err(Closed)
                }
                None => Err(Closed),
            },
            Some(event) = events.recv() => {
                conn.measure(&event);
                conn.step(Input::from(*event)).await
            }
            () = sleep_until(wake) => conn.timer().await,
            () = turned_true(&mut draining), if !drained => {
                drained = true;
                conn.step(Input::Drain).await
            }
        };
        if done.is_err() {
            break;
        }
    }
    debug!(session = %conn.id, "connection closed");
}

/// The guard that `wait_for` gives must not live on into the branch: it is not `Send`.
async fn turned_true(draining: &mut watch::Receiver<bool>) {
    draining.wait_for(|draining| *draining).await.ok();
}

/// The connection is over; there is nobody to tell.
struct Closed;

struct Conn {
    id: String,
    gateway: Arc<Gateway>,
    socket: WebSocket,
    session: Session,
    /// Made with the first sound: most connections never send any.
    hearing: Option<Box<Hearing>>,
    client: &'static str,
    next_ping: Millis,
    /// The turn that was begun last, and when its question had ended.
    begun: Option<(TurnId, Millis)>,
    events: mpsc::Sender<Box<Event>>,
}

impl Conn {
    fn next_wake(&self) -> Millis {
        let hearing = self.hearing.as_ref().and_then(|hearing| hearing.deadline());
        [self.session.deadline(), hearing, Some(self.next_ping)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.next_ping)
    }

    async fn greet(&mut self, greeting: Greeting) -> Result<(), Closed> {
        let engines = &self.gateway.engines;
        let timestamp = self.gateway.clock.timestamp();
        let json = ServerMessage::greeting(
            greeting,
            &self.id,
            &timestamp,
            engines.hearing().is_some(),
            engines.can_speak(),
            engines.notices(),
        )
        .to_json();
        self.feed(json).await?;
        self.flush().await
    }

    async fn message(&mut self, message: Message) -> Result<(), Closed> {
        match message {
            Message::Text(text) => match ClientMessage::from_json(&text) {
                Ok(Some(message)) => self.client_message(message).await,
                Ok(None) => Ok(()),
                Err(refusal) => {
                    self.step(Input::Refused { code: refusal.code, message: refusal.message }).await
                }
            },
            Message::Binary(bytes) => {
                self.gateway.metrics.sound_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                self.sound(Source::Stream, |hearing, now| {
                    hearing.bytes(now, &bytes, DEFAULT_RATE_HZ, Source::Stream)
                })
                .await
            }
            // The library answers pings, and a close with a close.
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => Err(Closed),
        }
    }

    async fn client_message(&mut self, message: ClientMessage) -> Result<(), Closed> {
        match message {
            ClientMessage::TextInput { text } => self.step(Input::Text { text, relay: false }).await,
            ClientMessage::Transcription { text } => self.step(Input::Text { text, relay: true }).await,
            ClientMessage::WakeWordDetected => self.step(Input::WakeWord).await,
            ClientMessage::Command(command) => self.step(Input::Command(command)).await,
            ClientMessage::SpeechEnded => self.speech_ended().await,
            ClientMessage::AudioChunk { bytes, rate_hz, is_final } => {
                self.gateway.metrics.sound_bytes.fetch_add(bytes.expose().len() as u64, Ordering::Relaxed);
                self.sound(Source::Chunks, |hearing, now| {
                    hearing.bytes(now, bytes.expose(), rate_hz, Source::Chunks)
                })
                .await?;
                if is_final { self.speech_ended().await } else { Ok(()) }
            }
            ClientMessage::AudioStream { samples, rate_hz } => {
                self.sound(Source::Stream, |hearing, now| {
                    hearing.samples(now, samples.0, rate_hz, Source::Stream)
                })
                .await
            }
            ClientMessage::Heartbeat => Ok(()),
            ClientMessage::Ping => {
                let timestamp = self.gateway.clock.timestamp();
                let json = ServerMessage::pong(&self.id, &timestamp).to_json();
                self.feed(json).await?;
                self.flush().await
            }
        }
    }

    /// Gives sound to the ear and the session what came of it.
    async fn sound(
        &mut self,
        source: Source,
        take: impl FnOnce(&mut Hearing, Millis) -> Result<Change, Refused>,
    ) -> Result<(), Closed> {
        let now = self.gateway.clock.now_ms();
        // An open microphone hears the answer that is being played.
        if source == Source::Stream && self.session.is_playing(now) {
            return Ok(());
        }
        if self.hearing.is_none() {
            let Some(engine) = self.gateway.engines.hearing() else {
                let code = Code::SpeechUnavailable;
                return self.step(Input::Refused { code, message: code.sentence().to_owned() }).await;
            };
            self.hearing = Some(Box::new(Hearing::new(Arc::clone(engine), self.events.clone())));
        }
        let hearing = self.hearing.as_mut().expect("made above");
        match take(hearing, now) {
            Ok(Change::None) => Ok(()),
            Ok(Change::Recorded) => self.step(Input::Audio).await,
            Ok(Change::Ended(source)) => self.step(Input::SpeechEnded { source }).await,
            Err(refused) => self.step(Input::Refused { code: refused.code, message: refused.message }).await,
        }
    }

    /// The client says that speech has ended.
    async fn speech_ended(&mut self) -> Result<(), Closed> {
        let now = self.gateway.clock.now_ms();
        match self.hearing.as_mut().map_or(ClientEnd::Nothing, |hearing| hearing.ended_by_client(now)) {
            ClientEnd::Recording(source) => self.step(Input::SpeechEnded { source }).await,
            ClientEnd::Late => Ok(()),
            ClientEnd::Nothing => self.step(Input::NoAudio).await,
        }
    }

    async fn timer(&mut self) -> Result<(), Closed> {
        let now = self.gateway.clock.now_ms();
        if now >= self.next_ping {
            self.next_ping = now + PING_MS;
            self.send(Message::Ping(Default::default())).await?;
        }
        if let Some(source) = self.hearing.as_ref().and_then(|hearing| hearing.due(now)) {
            self.step(Input::SpeechEnded { source }).await?;
        }
        if self.session.deadline().is_some_and(|deadline| deadline <= now) {
            self.step(Input::Deadline).await?;
        }
        Ok(())
    }

    /// One step of the session, and everything it wants done.
    async fn step(&mut self, input: Input) -> Result<(), Closed> {
        let effects = self.session.step(self.gateway.clock.now_ms(), input);
        let mut written = false;
        for effect in effects {
            match effect {
                Effect::Send(frame) => {
                    self.count(&frame);
                    let json = self.frame(&frame);
                    self.feed(json).await?;
                    written = true;
                }
                Effect::Ask { turn, hypotheses, spoken } => self.ask(turn, hypotheses, spoken),
                Effect::Speak { turn, text } => self.speak(turn, text),
                Effect::FinishHearing(turn) => {
                    self.begun = Some((turn, self.gateway.clock.now_ms()));
                    let finished = self.hearing.as_mut().is_some_and(|hearing| hearing.finish(turn));
                    if !finished {
                        self.raise(Event::NotHeard { turn, code: Code::NoAudio });
                    }
                }
                Effect::DiscardRecording => {
                    if let Some(hearing) = &mut self.hearing {
                        hearing.discard();
                    }
                }
                // Its answer will find no turn; nothing is worth the effort of calling it back.
                Effect::Forget(_) => {}
                Effect::Close => {
                    let frame = CloseFrame { code: 1012, reason: Utf8Bytes::from_static("restarting") };
                    self.send(Message::Close(Some(frame))).await?;
                    return Err(Closed);
                }
            }
        }
        if written { self.flush().await } else { Ok(()) }
    }

    /// Hearing is over when its words come.
    fn measure(&self, event: &Event) {
        if let (Event::Heard { turn, .. } | Event::NotHeard { turn, .. }, Some((begun, at))) =
            (event, self.begun)
            && *turn == begun
        {
            self.gateway.metrics.took(Stage::Hear, self.gateway.clock.now_ms().saturating_sub(at));
        }
    }

    fn count(&mut self, frame: &Frame) {
        let metrics = &self.gateway.metrics;
        match frame {
            Frame::Response { answer, is_repeat: false, .. } => {
                metrics.answered(answer.outcome);
                // With several questions at once the last one's time is told; the others have none.
                if let Some((_, at)) = self.begun.take() {
                    metrics.took(Stage::Total, self.gateway.clock.now_ms().saturating_sub(at));
                }
            }
            Frame::Error { code, .. } => metrics.failed(*code),
            _ => {}
        }
    }

    fn ask(&mut self, turn: TurnId, mut hypotheses: Vec<Private<String>>, spoken: bool) {
        if hypotheses.is_empty() {
            return self.raise(Event::AskFailed { turn, code: Code::Internal });
        }
        let ask = Ask {
            text: hypotheses.remove(0),
            alternatives: hypotheses,
            session_id: self.id.clone(),
            user_id: hal_wire::listener::UNKNOWN.to_owned(),
            client_type: self.client.to_owned(),
            spoken,
            turn: turn.0,
        };
        let (clock, now) = (self.gateway.clock, self.gateway.clock.now_ms());
        // A typed question begins here, a spoken one with the end of speech.
        if self.begun.is_none_or(|(begun, _)| begun != turn) {
            self.begun = Some((turn, now));
        }
        let (events, metrics) = (self.events.clone(), Arc::clone(&self.gateway.metrics));
        self.gateway.link.ask(ask, move |reply| {
            metrics.took(Stage::Answer, clock.now_ms().saturating_sub(now));
            // A connection that is gone does not want to know.
            events.blocking_send(Box::new(answered(turn, reply))).ok();
        });
    }

    fn speak(&self, turn: TurnId, text: Private<String>) {
        let gateway = Arc::clone(&self.gateway);
        let events = self.events.clone();
        tokio::spawn(async move {
            let begun = gateway.clock.now_ms();
            let sound = gateway.engines.speak(text.into_inner()).await;
            gateway.metrics.took(Stage::Speak, gateway.clock.now_ms().saturating_sub(begun));
            events.send(Box::new(Event::Spoken { turn, sound })).await.ok();
        });
    }

    /// An event of the connection itself, taken in its turn.
    fn raise(&self, event: Event) {
        let events = self.events.clone();
        tokio::spawn(async move {
            events.send(Box::new(event)).await.ok();
        });
    }

    fn frame(&self, frame: &Frame) -> String {
        let (id, timestamp) = (self.id.as_str(), self.gateway.clock.timestamp());
        match frame {
            Frame::Ack => ServerMessage::ack(id, &timestamp),
            Frame::Listening { timeout_ms } => ServerMessage::listening(id, &timestamp, *timeout_ms),
            Frame::FollowUp { countdown_ms } => ServerMessage::follow_up(id, &timestamp, *countdown_ms),
            Frame::Passive => ServerMessage::passive(id, &timestamp),
            Frame::Processing => ServerMessage::processing(id, &timestamp),
            Frame::Transcription { text } => ServerMessage::transcription(id, &timestamp, text.expose()),
            Frame::Goodbye => ServerMessage::goodbye(id, &timestamp),
            Frame::Error { code, message } => ServerMessage::error(id, &timestamp, *code, message),
            Frame::Response { answer, sound, transcription, is_repeat } => ServerMessage::response(
                id,
                &timestamp,
                &Response {
                    text: answer.text.expose(),
                    action: &answer.action,
                    intent: &answer.intent,
                    outcome: answer.outcome,
                    transcription: transcription.as_ref().map(|text| text.expose().as_str()),
                    audio_base64: sound.as_ref().map(|sound| sound.wav_base64.expose().as_str()),
                    is_repeat: *is_repeat,
                },
            ),
        }
        .to_json()
    }

    /// The library cannot read on. Where the client has sent too much, or text that is none, it learns so first.
    async fn refuse_frame(&mut self, error: axum::Error) {
        let (code, close) = match error.into_inner().downcast_ref() {
            Some(tungstenite::Error::Capacity(_)) => (Code::TooLarge, 1009),
            Some(tungstenite::Error::Utf8(_)) => (Code::BadJson, 1007),
            // Gone without a word: a closed lid, a lost network.
            _ => return,
        };
        info!(session = %self.id, %code, "frame refused");
        let json = self.frame(&Frame::Error { code, message: code.sentence().to_owned() });
        let reason = Utf8Bytes::from_static(code.as_str());
        if self.feed(json).await.is_ok() {
            self.send(Message::Close(Some(CloseFrame { code: close, reason }))).await.ok();
        }
    }

    async fn feed(&mut self, json: String) -> Result<(), Closed> {
        limited(self.socket.feed(Message::Text(json.into()))).await
    }

    async fn flush(&mut self) -> Result<(), Closed> {
        limited(self.socket.flush()).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Closed> {
        limited(self.socket.send(message)).await
    }
}

fn answered(turn: TurnId, reply: Result<Reply, Code>) -> Event {
    match reply {
        Ok(reply) if reply.error.is_some() => {
            let code = Code::ALL.iter().copied().find(|code| Some(code.as_str()) == reply.error.as_deref());
            Event::AskFailed { turn, code: code.unwrap_or(Code::QmUnavailable) }
        }
        Ok(reply) => Event::Answered {
            turn,
            answer: Answer {
                text: reply.text,
                speech: reply.speech,
                intent: reply.intent,
                action: reply.action_taken,
                outcome: reply.outcome.unwrap_or(Outcome::Answered),
            },
        },
        Err(code) => Event::AskFailed { turn, code },
    }
}

async fn limited(write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Closed> {
    match timeout(SEND_LIMIT, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Closed),
    }
}
