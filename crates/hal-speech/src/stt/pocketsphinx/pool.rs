//! The recognisers: a bounded number, made in the background, used again. Knows nothing of words.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use pocketsphinx_dl::Decoder;

use super::model::Model;
use super::{SpeechError, Vocabulary};

/// A recogniser and the model that it was made from.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) decoder: Decoder,
    pub(super) model: Arc<Model>,
}

/// Shared by the engine, its utterances and the thread that makes recognisers.
pub(super) struct Pool {
    state: Mutex<State>,
    changed: Condvar,
    limit: usize,
    spare: usize,
}

#[derive(Default)]
struct State {
    /// The vocabulary that was set and is not a model yet.
    wanted: Option<Vocabulary>,
    model: Option<Arc<Model>>,
    /// Of the current model only.
    idle: Vec<Ready>,
    /// Utterances that have a place, with or without a recogniser yet.
    taken: usize,
    /// Those among them that still wait for one.
    waiting: usize,
    /// Why the latest model or recogniser could not be made.
    failure: Option<String>,
    closed: bool,
    /// The thread is over.
    ended: bool,
}

impl Pool {
    /// Starts the thread. It ends after `close`.
    pub(super) fn start(
        build: impl Fn(&Vocabulary) -> Result<Arc<Model>, String> + Send + 'static,
        limit: usize,
        spare: usize,
    ) -> Arc<Pool> {
        let pool = Arc::new(Pool { state: Mutex::default(), changed: Condvar::new(), limit, spare });
        let works = pool.clone();
        let started =
            std::thread::Builder::new().name("hal-recognisers".into()).spawn(move || works.work(build));
        if let Err(error) = started {
            pool.lock().failure = Some(format!("no thread for making recognisers: {error}"));
        }
        pool
    }

    pub(super) fn set_vocabulary(&self, vocabulary: Vocabulary) {
        let mut state = self.lock();
        state.wanted = Some(vocabulary);
        state.failure = None;
        self.changed.notify_all();
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.idle.clear();
        state.wanted = None;
        self.changed.notify_all();
    }

    /// Closes, and waits until the thread is gone and with it its hold on the models.
    #[cfg(test)]
    pub(super) fn close_and_wait(self: &Arc<Pool>) {
        self.close();
        let mut state = self.lock();
        while !state.ended {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a place; never waits.
    pub(super) fn take(self: &Arc<Pool>) -> Result<Slot, SpeechError> {
        let mut state = self.lock();
        if state.taken >= self.limit {
            return Err(SpeechError::Busy { what: "recognisers", limit: self.limit });
        }
        // A new vocabulary that failed leaves the old one in use.
        if state.model.is_none() && state.wanted.is_none() {
            state.error()?;
        }
        state.taken += 1;
        let ready = state.idle.pop();
        state.waiting += usize::from(ready.is_none());
        self.changed.notify_all();
        Ok(Slot { pool: self.clone(), ready })
    }

    pub(super) fn wait_until_ready(&self) -> Result<(), SpeechError> {
        let mut state = self.lock();
        while state.wanted.is_some() || state.idle.is_empty() {
            state.error()?;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    fn work(&self, build: impl Fn(&Vocabulary) -> Result<Arc<Model>, String>) {
        let mut state = self.lock();
        while !state.closed {
            if let Some(vocabulary) = state.wanted.clone() {
                drop(state);
                let built = build(&vocabulary);
                state = self.lock();
                // Set again meanwhile: the newer one is built next, this one is used until then.
                if state.wanted.as_ref() == Some(&vocabulary) {
                    state.wanted = None;
                }
                match built {
                    Ok(model) => {
                        state.model = Some(model);
                        state.idle.clear();
                    }
                    Err(reason) => state.failure = Some(reason),
                }
                self.changed.notify_all();
            } else if let Some(model) = self.short_of(&state) {
                drop(state);
                let decoder = model.decoder();
                state = self.lock();
                match decoder {
                    Ok(decoder) => state.keep(Ready { decoder, model }),
                    Err(reason) => state.failure = Some(reason),
                }
                self.changed.notify_all();
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        // The files on disk go now, unless an utterance still needs them.
        state.model = None;
        state.ended = true;
        self.changed.notify_all();
    }

    /// Gives the model when another recogniser should be made of it.
    fn short_of(&self, state: &State) -> Option<Arc<Model>> {
        let due = state.waiting + self.spare.min(self.limit - state.taken);
        if state.failure.is_some() || state.idle.len() >= due {
            return None;
        }
        state.model.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done in the state when a thread panics, so it stays usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, ready: Ready) {
        let current = self.model.as_ref().is_some_and(|model| Arc::ptr_eq(model, &ready.model));
        if current && !self.closed {
            self.idle.push(ready);
        }
    }

    fn error(&self) -> Result<(), SpeechError> {
        let failed = |reason: &str| SpeechError::Engine { engine: "pocketsphinx", reason: reason.to_owned() };
        match &self.failure {
            _ if self.closed => Err(failed("the engine was closed")),
            Some(reason) => Err(failed(reason)),
            None => Ok(()),
        }
    }
}

/// The place of one utterance, and its recogniser once there is one.
pub(super) struct Slot {
    pool: Arc<Pool>,
    ready: Option<Ready>,
}

impl Slot {
    /// Gives the recogniser if there is one by now.
    pub(super) fn poll(&mut self) -> Result<Option<&mut Ready>, SpeechError> {
        if self.ready.is_none() {
            let mut state = self.pool.lock();
            self.ready = state.idle.pop();
            match self.ready {
                Some(_) => state.waiting -= 1,
                None => state.error()?,
            }
        }
        Ok(self.ready.as_mut())
    }

    /// Waits for the recogniser: as long as it takes to make one, or until making it fails.
    pub(super) fn wait(&mut self) -> Result<&mut Ready, SpeechError> {
        if self.ready.is_none() {
            let mut state = self.pool.lock();
            loop {
                if let Some(ready) = state.idle.pop() {
                    state.waiting -= 1;
                    self.ready = Some(ready);
                    break;
                }
                state.error()?;
                state = self.pool.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        Ok(self.ready.as_mut().expect("set just above"))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.taken -= 1;
        match self.ready.take() {
            Some(ready) => state.keep(ready),
            None => state.waiting -= 1,
        }
        // Wakes who waits for a recogniser, and the thread, which may have to replace one that was outdated.
        self.pool.changed.notify_all();
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        write!(f, "Pool({} of {} in use, {} ready)", state.taken, self.limit, state.idle.len())
    }
}
