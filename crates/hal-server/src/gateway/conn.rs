//! One connection: a task that owns the socket, the session and the ear, and turns whatever happens first into
//! exactly one input of the session. Nothing in its loop sleeps.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::{SinkExt, StreamExt};
use hal_dialog::session::{
    Answer, Effect, Frame, Input, Millis, OWN_TURNS, Session, SessionConfig, Sound, Source, TurnId,
};
use hal_wire::client::{ClientMessage, DEFAULT_RATE_HZ, Greeting, Response, Resume, ServerMessage, Told};
use hal_wire::listener::{Ask, Reply, Who};
use hal_wire::resume::{Kept, Resumed, Resumption};
use hal_wire::{Code, Outcome, Private};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, sleep_until, timeout};
use tracing::debug;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Message, Utf8Bytes};

use super::board::Presence;
use super::hearing::{Change, ClientEnd, Hearing, Refused};
use super::socket::WebSocket;
use super::trace::{Client, End, UnderWay};
use super::{Gateway, limited};
use crate::limits::{self, Admission, Limit, Refusals};
use crate::resume;

mod refuse;
mod told;

/// Events of engines and listener that wait for the connection's attention.
const EVENTS_MAX: usize = 32;
/// Routers forget silent connections after about a minute. A missing pong closes nothing: old clients that wait
/// at a prompt cannot answer one.
const PING_MS: u64 = 20_000;
/// A client that does not read for this long is let go.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// How long a client has to take its leave: what it had sent already would otherwise reset the connection under the
/// close code that tells it to come back.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// What a connection asked for in its URL.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    /// Who was let in, as the listener names them.
    pub handle: Private<String>,
    pub who: Arc<Client>,
    pub greeting: Greeting,
    pub audio: bool,
    pub web: bool,
}

/// What happens beside the socket.
#[derive(Debug)]
pub(super) enum Event {
    Heard {
        turn: TurnId,
        hypotheses: Vec<Private<String>>,
    },
    NotHeard {
        turn: TurnId,
        code: Code,
    },
    Answered {
        turn: TurnId,
        answer: Answer,
        /// Files that were read or written for it.
        files: Vec<String>,
        at: Millis,
    },
    AskFailed {
        turn: TurnId,
        code: Code,
        words: Option<Private<String>>,
    },
    Spoken {
        turn: TurnId,
        sound: Option<Sound>,
    },
    /// What the listener has of the conversation that this connection goes on with.
    Resumed {
        asked: Resume,
        found: Result<Resumed, Code>,
    },
}

impl Event {
    /// What it is to the session, or else what the connection does itself.
    fn into_input(self) -> Result<Input, (Resume, Result<Resumed, Code>)> {
        Ok(match self {
            Event::Heard { turn, hypotheses } => Input::Heard { turn, hypotheses },
            Event::NotHeard { turn, code } => Input::NotHeard { turn, code },
            Event::Answered { turn, answer, .. } => Input::Answered { turn, answer },
            Event::AskFailed { turn, code, words } => Input::AskFailed { turn, code, words },
            Event::Spoken { turn, sound } => Input::Spoken { turn, sound },
            Event::Resumed { asked, found } => return Err((asked, found)),
        })
    }
}

/// Serves one client until either side closes.
pub(super) async fn run(
    gateway: Arc<Gateway>,
    socket: WebSocket,
    admission: Arc<Admission>,
    wishes: Wishes,
    mut draining: watch::Receiver<bool>,
) {
    let (events_in, mut events) = mpsc::channel(EVENTS_MAX);
    let config = SessionConfig { audio: wishes.audio, first_turn: OWN_TURNS, ..SessionConfig::default() };
    let now = gateway.clock.now_ms();
    let _counted = gateway.metrics.connected();
    let token = resume::new_token();
    let id = resume::session_id(&token).expect("a token of ours");
    let presence = gateway.board.enter(&id, &wishes.who, gateway.clock.unix_ms());
    let mut conn = Conn {
        id,
        token,
        begun: false,
        resuming: false,
        leaving: false,
        session: Session::new(config),
        hearing: None,
        client: if wishes.web { "web" } else { "gateway" },
        handle: wishes.handle,
        who: wishes.who,
        under_way: UnderWay::default(),
        speaking_since: None,
        presence,
        next_ping: now,
        begun_ms: now,
        is_silent: true,
        admission,
        refusals: Refusals::default(),
        refused: None,
        gateway,
        socket,
        events: events_in,
    };
    conn.next_ping += conn.ping_ms();
    if conn.greet(wishes.greeting).await.is_err() {
        return;
    }
    let mut drained = false;
    loop {
        let wake = conn.gateway.clock.instant(conn.next_wake());
        let done = tokio::select! {
            // What a client sends behind its `resume` belongs to the conversation that goes on.
            message = conn.socket.next(), if !conn.resuming => match message {
                Some(Ok(message)) => conn.message(message).await,
                Some(Err(error)) => {
                    conn.refuse_frame(error).await;
                    Err(Closed)
                }
                None => Err(Closed),
            },
            Some(event) = events.recv() => conn.event(*event).await,
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
    conn.ended_without_answer(&End::Lost, |_| false);
    if conn.leaving {
        // What it asked meanwhile it asks again where it goes on.
        timeout(LEAVE_LIMIT, limited::leave(&mut conn.socket)).await.ok();
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
    /// Opens this conversation on another connection.
    token: Private<String>,
    /// Whether anything was asked, so that the conversation cannot become another.
    begun: bool,
    /// Whether the listener is being asked about a conversation to go on with.
    resuming: bool,
    /// Whether the client was told to connect again.
    leaving: bool,
    gateway: Arc<Gateway>,
    socket: WebSocket,
    session: Session,
    /// Made with the first sound: most connections never send any.
    hearing: Option<Box<Hearing>>,
    client: &'static str,
    /// Sent with each question, and looked up again by the listener.
    handle: Private<String>,
    who: Arc<Client>,
    next_ping: Millis,
    /// What happened so far in the turns that are being answered.
    under_way: UnderWay,
    /// When the first sound of what is being recorded came.
    speaking_since: Option<Millis>,
    presence: Presence,
    begun_ms: Millis,
    /// Whether nothing has come yet, not even the answer to a ping.
    is_silent: bool,
    /// What this client may take.
    admission: Arc<Admission>,
    refusals: Refusals,
    /// The limit that a spoken turn has reached, until its client is told.
    refused: Option<limits::Refused>,
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

    /// Two pings before silence is judged, but never less often than routers forget.
    fn ping_ms(&self) -> Millis {
        PING_MS.min(self.admission.settings().first_message_seconds * 500)
    }

    async fn greet(&mut self, greeting: Greeting) -> Result<(), Closed> {
        let engines = &self.gateway.engines;
        let timestamp = self.gateway.clock.timestamp();
        let json = ServerMessage::greeting(
            greeting,
            &self.id,
            &timestamp,
            Told {
                resume: self.token.expose(),
                hearing: engines.hearing().is_some(),
                speaking: engines.can_speak(),
                notices: engines.notices(),
            },
        )
        .to_json();
        self.feed(json).await?;
        self.flush().await
    }

    async fn message(&mut self, message: Message) -> Result<(), Closed> {
        self.is_silent = false;
        // Before anything of it is read.
        if let Err(refused) = self.admission.message(message.len(), self.gateway.clock.now_ms()) {
            return self.refuse(None, refused).await;
        }
        match message {
            Message::Text(text) if limited::is_long_text(&text, || self.admission.settings()) => {
                self.gateway.metrics.limited(Limit::TextSize);
                let code = Code::TooLarge;
                self.step(Input::Refused { code, message: code.sentence().to_owned() }).await
            }
            Message::Text(text) => match ClientMessage::from_json(&text) {
                Ok(Some(message)) => self.client_message(message).await,
                Ok(None) => Ok(()),
                Err(refusal) => {
                    self.step(Input::Refused { code: refusal.code, message: refusal.message }).await
                }
            },
            Message::Binary(bytes) => {
                self.gateway.metrics.sound_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                let sound_ms = limited::sound_ms(&bytes, DEFAULT_RATE_HZ);
                self.sound(sound_ms, Source::Stream, |hearing, now| {
                    hearing.bytes(now, &bytes, DEFAULT_RATE_HZ, Source::Stream)
                })
                .await
            }
            // The library answers pings, and a close with a close.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
            Message::Close(_) => Err(Closed),
        }
    }

    async fn client_message(&mut self, message: ClientMessage) -> Result<(), Closed> {
        match message {
            ClientMessage::TextInput { text, turn } => self.typed(text, false, turn).await,
            ClientMessage::Transcription { text, turn } => self.typed(text, true, turn).await,
            ClientMessage::Resume(asked) => self.resume(asked).await,
            ClientMessage::WakeWordDetected => self.step(Input::WakeWord).await,
            ClientMessage::Command(command) => self.step(Input::Command(command)).await,
            ClientMessage::SpeechEnded => self.speech_ended().await,
            ClientMessage::AudioChunk { bytes, rate_hz, is_final } => {
                self.gateway.metrics.sound_bytes.fetch_add(bytes.expose().len() as u64, Ordering::Relaxed);
                let sound_ms = limited::sound_ms(bytes.expose(), rate_hz);
                self.sound(sound_ms, Source::Chunks, |hearing, now| {
                    hearing.bytes(now, bytes.expose(), rate_hz, Source::Chunks)
                })
                .await?;
                if is_final { self.speech_ended().await } else { Ok(()) }
            }
            ClientMessage::AudioStream { samples, rate_hz } => {
                let sound_ms = samples.0.len() as u64 * 1000 / u64::from(rate_hz.max(1));
                self.sound(sound_ms, Source::Stream, |hearing, now| {
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

    /// The client wants to go on with a conversation: the listener is asked for it, and nothing is read meanwhile.
    async fn resume(&mut self, asked: Resume) -> Result<(), Closed> {
        if self.begun || self.session.is_busy() {
            let message = "`resume` must come before the first question of a connection".to_owned();
            return self.step(Input::Refused { code: Code::BadField, message }).await;
        }
        self.resuming = true;
        let (gateway, events) = (Arc::clone(&self.gateway), self.events.clone());
        let who = Who { handle: Some(self.handle.clone()), token: None };
        tokio::spawn(async move {
            let found = gateway.link.resume(Resumption { token: asked.token.clone(), who }).await;
            events.send(Box::new(Event::Resumed { asked, found })).await.ok();
        });
        Ok(())
    }

    /// Takes over the conversation, tells what its client missed, and that it goes on.
    async fn resumed(&mut self, asked: Resume, found: Result<Resumed, Code>) -> Result<(), Closed> {
        self.resuming = false;
        let found = match found {
            Ok(found) => found,
            Err(code) => {
                let message = code.sentence().to_owned();
                return self.step(Input::Refused { code, message }).await;
            }
        };
        // What is not a token of ours leaves the new conversation as it is.
        if let Some(id) = resume::session_id(&asked.token) {
            (self.id, self.token, self.begun) = (id, asked.token, true);
            self.presence.became(&self.id);
            let last = found.replies.last().map(|kept| answer_of(kept.reply.clone()));
            // A round has numbers of its own: a question of an earlier connection may still be on its way.
            self.session.resume(OWN_TURNS * (found.round + 1), last);
        }
        for kept in &found.replies {
            if !is_error(&kept.reply) && !asked.seen.contains(&kept.turn) {
                let json = self.missed(kept);
                self.feed(json).await?;
            }
        }
        let timestamp = self.gateway.clock.timestamp();
        let json = ServerMessage::resumed(&self.id, &timestamp, self.token.expose(), found.remembered);
        let json = json.to_json();
        self.feed(json).await?;
        self.flush().await
    }

    fn missed(&self, kept: &Kept) -> String {
        let answer = answer_of(kept.reply.clone());
        let response = Response {
            turn: Some(kept.turn),
            text: answer.text.expose(),
            action: &answer.action,
            intent: &answer.intent,
            outcome: answer.outcome,
            transcription: kept.heard.as_ref().map(|text| text.expose().as_str()),
            question: kept.typed.as_ref().map(|text| text.expose().as_str()),
            // Who comes back minutes later does not expect a voice.
            audio_base64: None,
            is_repeat: false,
            is_missed: true,
        };
        ServerMessage::response(&self.id, &self.gateway.clock.timestamp(), &response).to_json()
    }

    /// Gives sound to the ear and the session what came of it.
    async fn sound(
        &mut self,
        sound_ms: u64,
        source: Source,
        take: impl FnOnce(&mut Hearing, Millis) -> Result<Change, Refused>,
    ) -> Result<(), Closed> {
        let now = self.gateway.clock.now_ms();
        if let Err(refused) = self.admission.sound(sound_ms, now) {
            self.speaking_since = None;
            if let Some(hearing) = &mut self.hearing {
                hearing.discard();
            }
            return self.refuse(None, refused).await;
        }
        // An open microphone hears the answer that is being played.
        if source == Source::Stream && self.session.is_playing(now) {
            return Ok(());
        }
        if self.hearing.is_none() {
            let Some(engine) = self.gateway.engines.hearing() else {
                let code = Code::SpeechUnavailable;
                return self.step(Input::Refused { code, message: code.sentence().to_owned() }).await;
            };
            self.hearing = Some(Box::new(Hearing::new(
                Arc::clone(engine),
                Arc::clone(&self.gateway.engines),
                self.events.clone(),
            )));
        }
        let hearing = self.hearing.as_mut().expect("made above");
        let taken = take(hearing, now);
        if matches!(taken, Ok(Change::Recorded | Change::Ended(_))) {
            self.speaking_since.get_or_insert(now);
        }
        match taken {
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
            self.next_ping = now + self.ping_ms();
            if self.is_silent && limited::makes_room(&self.gateway, &self.admission, now - self.begun_ms) {
                self.gateway.metrics.limited(Limit::Silent);
                debug!(session = %self.id, "silent since its start: makes room");
                self.leaving = true;
                self.send(limited::close(Code::Busy)).await?;
                return Err(Closed);
            }
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

    /// What happened beside the socket. Whoever is not let in any more hears why, and then nothing.
    async fn event(&mut self, event: Event) -> Result<(), Closed> {
        let is_over = matches!(event, Event::AskFailed { code: Code::SignInRequired, .. });
        self.note(&event);
        match event.into_input() {
            Ok(input) => self.step(input).await?,
            Err((asked, found)) => self.resumed(asked, found).await?,
        }
        if !is_over {
            return Ok(());
        }
        let reason = Utf8Bytes::from_static(Code::SignInRequired.as_str());
        self.send(Message::Close(Some(CloseFrame { code: 1008.into(), reason }))).await?;
        Err(Closed)
    }

    /// One step of the session, and everything it wants done.
    async fn step(&mut self, input: Input) -> Result<(), Closed> {
        let effects = self.session.step(self.gateway.clock.now_ms(), input);
        if self.under_way.follow(self.session.turns(), self.speaking_since) {
            self.speaking_since = None;
        }
        let done = self.carry_out(effects).await;
        if !self.under_way.is_empty() {
            let known: Vec<TurnId> = self.session.turns().map(|(turn, ..)| turn).collect();
            self.ended_without_answer(&End::Dropped, |turn| known.contains(&turn));
        }
        done
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), Closed> {
        let mut written = false;
        for effect in effects {
            match effect {
                Effect::Send(frame) => {
                    self.note_frame(&frame);
                    let json = self.frame(&frame);
                    self.feed(json).await?;
                    written = true;
                }
                Effect::Ask { turn, hypotheses, spoken } => {
                    self.begun = true;
                    self.ask(turn, hypotheses, spoken);
                }
                Effect::Speak { turn, text } => self.speak(turn, text),
                Effect::FinishHearing(turn) => {
                    self.finish_hearing(turn);
                }
                Effect::DiscardRecording => {
                    self.speaking_since = None;
                    if let Some(hearing) = &mut self.hearing {
                        hearing.discard();
                    }
                }
                // Its answer will find no turn; nothing is worth the effort of calling it back.
                Effect::Forget(_) => {}
                Effect::Close => {
                    let frame =
                        CloseFrame { code: 1012.into(), reason: Utf8Bytes::from_static("restarting") };
                    self.send(Message::Close(Some(frame))).await?;
                    self.leaving = true;
                    return Err(Closed);
                }
            }
        }
        if written { self.flush().await } else { Ok(()) }
    }

    fn ask(&mut self, turn: TurnId, mut hypotheses: Vec<Private<String>>, spoken: bool) {
        if hypotheses.is_empty() {
            return self.raise(Event::AskFailed { turn, code: Code::Internal, words: None });
        }
        let ask = Ask {
            text: hypotheses.remove(0),
            alternatives: hypotheses,
            session_id: self.id.clone(),
            user_id: hal_wire::listener::UNKNOWN.to_owned(),
            client_type: self.client.to_owned(),
            spoken,
            turn: turn.0,
            who: Who { handle: Some(self.handle.clone()), token: None },
        };
        let (clock, now) = (self.gateway.clock, self.gateway.clock.now_ms());
        self.under_way.asked(turn, Some(&ask.text), self.gateway.board.keeps_words(now), now);
        let events = self.events.clone();
        let asked = self.gateway.link.ask(ask, move |reply| {
            // A connection that is gone does not want to know.
            events.blocking_send(Box::new(answered(turn, reply, clock.now_ms()))).ok();
        });
        if let Err(code) = asked {
            self.gateway.metrics.limited(Limit::Questions);
            self.raise(Event::AskFailed { turn, code, words: None });
        }
    }

    fn speak(&mut self, turn: TurnId, text: Private<String>) {
        self.under_way.speaking(turn, self.gateway.clock.now_ms());
        let gateway = Arc::clone(&self.gateway);
        let events = self.events.clone();
        tokio::spawn(async move {
            let sound = gateway.engines.speak(text.into_inner()).await;
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
            Frame::Error { turn, code: Code::TooMany, .. } if let Some(refused) = &self.refused => {
                return limited::frame(id, &timestamp, turn.map(|turn| turn.0), refused);
            }
            Frame::Error { turn, code, message } => {
                ServerMessage::error(id, &timestamp, turn.map(|turn| turn.0), *code, message)
                    .retry_after(limited::retry_after(*code))
            }
            Frame::Response { turn, answer, sound, transcription, is_repeat } => ServerMessage::response(
                id,
                &timestamp,
                &Response {
                    turn: turn.map(|turn| turn.0),
                    text: answer.text.expose(),
                    action: &answer.action,
                    intent: &answer.intent,
                    outcome: answer.outcome,
                    transcription: transcription.as_ref().map(|text| text.expose().as_str()),
                    question: None,
                    audio_base64: sound.as_ref().map(|sound| sound.wav_base64.expose().as_str()),
                    is_repeat: *is_repeat,
                    is_missed: false,
                },
            ),
        }
        .to_json()
    }

    async fn feed(&mut self, json: String) -> Result<(), Closed> {
        in_time(self.socket.feed(Message::Text(json.into()))).await
    }

    async fn flush(&mut self) -> Result<(), Closed> {
        in_time(self.socket.flush()).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Closed> {
        in_time(self.socket.send(message)).await
    }
}

fn answered(turn: TurnId, reply: Result<Reply, Code>, at: Millis) -> Event {
    match reply {
        Ok(reply) if is_error(&reply) => {
            let code = reply.error.as_deref().and_then(Code::named);
            // "That was changed in the meantime" helps; a code's sentence would not. What comes with a code that is not ours
            // was not written for people.
            let words = (code.is_some() && !reply.text.expose().trim().is_empty()).then_some(reply.text);
            Event::AskFailed { turn, code: code.unwrap_or(Code::QmUnavailable), words }
        }
        Ok(mut reply) => {
            let files = std::mem::take(&mut reply.files);
            Event::Answered { turn, answer: answer_of(reply), files, at }
        }
        Err(code) => Event::AskFailed { turn, code, words: None },
    }
}

/// A refusal in words is an answer like any other, with a code for programs.
fn is_error(reply: &Reply) -> bool {
    reply.error.is_some() && reply.outcome != Some(Outcome::Denied)
}

fn answer_of(reply: Reply) -> Answer {
    Answer {
        text: reply.text,
        speech: reply.speech,
        intent: reply.intent,
        action: reply.action_taken,
        outcome: reply.outcome.unwrap_or(Outcome::Answered),
    }
}

async fn in_time(write: impl Future<Output = Result<(), tungstenite::Error>>) -> Result<(), Closed> {
    match timeout(SEND_LIMIT, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Closed),
    }
}
