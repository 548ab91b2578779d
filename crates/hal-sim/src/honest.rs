//! People who talk: each asks now and then, whatever the server does, and notes how long the answer took.
//!
//! The questions of a session come by the clock and not by the answers (an open loop): a server that stalls is not asked less,
//! and what waited is counted from when it should have been asked.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::load::{RawSocket, client_frame};
use crate::wait::now;

/// One of them.
#[derive(Clone, Debug)]
pub struct Person {
    pub token: String,
    /// What a proxy says their address is.
    pub address: String,
}

impl Person {
    /// The lines of their handshake.
    pub fn headers(&self) -> String {
        format!("Authorization: Bearer {}\r\nX-Forwarded-For: {}\r\n", self.token, self.address)
    }
}

/// What was measured in one phase.
#[derive(Clone, Debug, Default)]
pub struct Phase {
    pub answered: Vec<Duration>,
    /// Error frames, and answers without the words they must have.
    pub wrong: Vec<String>,
}

/// All of them, while they talk.
#[derive(Debug)]
pub struct Crowd {
    phases: Arc<Mutex<Vec<Phase>>>,
    phase: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    dropped: Arc<Mutex<Vec<String>>>,
    tasks: tokio::task::JoinSet<()>,
}

impl Crowd {
    /// Lets everybody in and begins. `expected`: words that each answer has. Each asks every `every`, not all at once.
    pub async fn start(
        port: u16,
        people: &[Person],
        question: &str,
        expected: &'static str,
        every: Duration,
    ) -> Result<Crowd> {
        let message = serde_json::json!({"type": "text_input", "text": question}).to_string();
        let frame: Arc<[u8]> = client_frame(true, message.as_bytes()).into();
        let mut sockets = Vec::with_capacity(people.len());
        for person in people {
            sockets.push(RawSocket::connect_with(port, "/", &person.headers()).await.context("let in")?);
        }
        let mut crowd = Crowd {
            phases: Arc::new(Mutex::new(vec![Phase::default()])),
            phase: Arc::default(),
            is_over: Arc::default(),
            dropped: Arc::default(),
            tasks: tokio::task::JoinSet::new(),
        };
        let begun = tokio::time::Instant::from_std(now());
        let count = u32::try_from(people.len().max(1))?;
        for (index, mut socket) in (0..).zip(sockets) {
            let frame = Arc::clone(&frame);
            let (phases, phase) = (Arc::clone(&crowd.phases), Arc::clone(&crowd.phase));
            let (is_over, dropped) = (Arc::clone(&crowd.is_over), Arc::clone(&crowd.dropped));
            crowd.tasks.spawn(async move {
                let mut clock = tokio::time::interval_at(begun + every * index / count, every);
                clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
                while !is_over.load(Ordering::Relaxed) {
                    let due = clock.tick().await.into_std();
                    let number = phase.load(Ordering::Relaxed);
                    let asked = ask(&mut socket, &frame, expected).await;
                    let took = socket.frame_begun.saturating_duration_since(due);
                    let mut phases = phases.lock().unwrap_or_else(PoisonError::into_inner);
                    match asked {
                        Ok(None) => phases[number].answered.push(took),
                        Ok(Some(wrong)) => phases[number].wrong.push(wrong),
                        Err(error) => {
                            let mut dropped = dropped.lock().unwrap_or_else(PoisonError::into_inner);
                            dropped.push(format!("{error:#}"));
                            return;
                        }
                    }
                }
            });
        }
        Ok(crowd)
    }

    /// From now on questions belong to the next phase.
    pub fn next_phase(&self) {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner).push(Phase::default());
        self.phase.fetch_add(1, Ordering::Relaxed);
    }

    /// The phase that runs, so far.
    pub fn look(&self) -> Phase {
        let phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        phases.last().cloned().unwrap_or_default()
    }

    /// Why sessions ended that should not have.
    pub fn dropped(&self) -> Vec<String> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everybody has had the last answer when this returns.
    pub async fn end(mut self) -> Vec<Phase> {
        self.is_over.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        std::mem::take(&mut *self.phases.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const RESPONSE: &[u8] = br#"{"type":"response""#;
const ERROR: &[u8] = br#"{"type":"error""#;

/// `None` for the right answer, else what came instead.
async fn ask(socket: &mut RawSocket, frame: &[u8], expected: &str) -> Result<Option<String>> {
    socket.send(frame).await?;
    let answered = async {
        loop {
            let frame = socket.next_frame().await?;
            if frame.starts_with(ERROR) {
                return Ok(Some(String::from_utf8_lossy(frame).into_owned()));
            }
            if frame.starts_with(RESPONSE) {
                let text = String::from_utf8_lossy(frame).to_lowercase();
                return Ok((!text.contains(expected)).then_some(text));
            }
        }
    };
    match tokio::time::timeout(crate::wait::PATIENCE, answered).await {
        Ok(answered) => answered,
        Err(_) => bail!("no answer within {} s", crate::wait::PATIENCE.as_secs()),
    }
}
