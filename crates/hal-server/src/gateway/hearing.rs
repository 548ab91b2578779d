//! One connection's ear: bytes of any format in, the edges of utterances and their words out.
//!
//! Samples go to a recogniser while they arrive, on a thread of its own, so that little is left to do when
//! speech has ended. Knows nothing of what the words mean.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use hal_dialog::session::{Millis, Source, TurnId};
use hal_speech::resample::Resampler;
use hal_speech::{
    Edge, Endpointer, EndpointerConfig, RATE_HZ, SpeechError, SpeechToText, UTTERANCE_SAMPLES_MAX,
    decode_audio,
};
use hal_wire::{Code, Private};
use tracing::{debug, warn};

use super::conn::Event;
use crate::engines::Engines;

/// Sound kept while no voice is found in it: a client that says "ended" knows better than the endpointer.
const UNVOICED_SAMPLES_MAX: usize = 8 * RATE_HZ as usize;
/// Less than this is a click on a button, not speech.
const UNVOICED_SAMPLES_MIN: usize = RATE_HZ as usize / 4;

/// A recording whose sound has stopped coming is over: some clients end by going silent on the wire.
const SOUND_GAP_MS: u64 = 2_000;

/// What a piece of sound did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// Sound was taken into a recording.
    Recorded,
    /// The utterance is over; ask for its words with [`Hearing::finish`].
    Ended(Source),
}

/// What "speech has ended" of a client is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientEnd {
    Recording(Source),
    /// The endpointer has ended it before; its question is on its way.
    Late,
    Nothing,
}

/// The ear of a connection that has sent sound.
pub(super) struct Hearing {
    engine: Arc<dyn SpeechToText>,
    engines: Arc<Engines>,
    events: tokio::sync::mpsc::Sender<Box<Event>>,
    endpointer: Endpointer,
    resampler: Option<(u32, Resampler)>,
    recording: Option<Recording>,
    /// The end of a stream in which no voice was found yet.
    unvoiced: VecDeque<i16>,
    /// The endpointer has ended chunks whose client still sends the silence after them: it opens no new recording.
    over: bool,
}

struct Recording {
    source: Source,
    samples: Sender<Piece>,
    count: usize,
    last_sound: Millis,
    /// Whether a thread listens to it; there are as many as recognisers.
    is_heard: bool,
}

/// What becomes of a recording that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finished {
    /// Its words come as an event.
    Heard,
    /// Nobody had time to listen.
    Busy,
    Nothing,
}

enum Piece {
    Samples(Vec<i16>),
    Finish(TurnId),
}

impl Hearing {
    pub(super) fn new(
        engine: Arc<dyn SpeechToText>,
        engines: Arc<Engines>,
        events: tokio::sync::mpsc::Sender<Box<Event>>,
    ) -> Hearing {
        Hearing {
            engine,
            engines,
            events,
            endpointer: Endpointer::new(EndpointerConfig::default()),
            resampler: None,
            recording: None,
            unvoiced: VecDeque::new(),
            over: false,
        }
    }

    /// When the sound of the current recording has stopped coming.
    pub(super) fn deadline(&self) -> Option<Millis> {
        self.recording.as_ref().map(|recording| recording.last_sound + SOUND_GAP_MS)
    }

    /// The recording whose deadline has passed, if so.
    pub(super) fn due(&self, now: Millis) -> Option<Source> {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        due.then(|| self.recording.as_ref().map(|recording| recording.source))?
    }

    /// Takes bytes of a binary frame: a whole WAV file is a whole utterance, raw PCM is a piece of a stream.
    pub(super) fn bytes(
        &mut self,
        now: Millis,
        bytes: &[u8],
        rate_hz: u32,
        source: Source,
    ) -> Result<Change, Refused> {
        if bytes.starts_with(b"RIFF") {
            let samples = decode_audio(bytes, rate_hz).map_err(refused)?;
            self.record(now, source, samples)?;
            // Chunk clients label pieces of a recording "wav" and end it themselves.
            return Ok(if source == Source::Stream { Change::Ended(source) } else { Change::Recorded });
        }
        if !bytes.len().is_multiple_of(2) {
            return Err(Refused::audio("audio must be whole 16-bit samples; an odd number of bytes came"));
        }
        let samples: Vec<i16> =
            bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        self.samples(now, samples, rate_hz, source)
    }

    /// Takes mono samples at `rate_hz` as the next piece of a stream or recording.
    pub(super) fn samples(
        &mut self,
        now: Millis,
        samples: Vec<i16>,
        rate_hz: u32,
        source: Source,
    ) -> Result<Change, Refused> {
        let samples = self.resampled(samples, rate_hz)?;
        let was_speaking = self.endpointer.speaking();
        let mut edge = self.endpointer.push(&samples);
        let mut change = Change::None;
        if source == Source::Chunks && !(self.over && self.recording.is_none()) {
            // Its client says when it listens, so every sample counts; the endpointer only finds the end.
            self.record(now, source, samples)?;
            change = Change::Recorded;
        } else if was_speaking {
            self.record(now, source, samples)?;
            change = Change::Recorded;
        } else {
            self.unvoiced.extend(samples);
            let surplus = self.unvoiced.len().saturating_sub(UNVOICED_SAMPLES_MAX);
            self.unvoiced.drain(..surplus);
        }
        while let Some(found) = edge {
            match found {
                Edge::Started if self.recording.is_none() => {
                    self.over = false;
                    let pre_roll = self.endpointer.pre_roll().to_vec();
                    self.record(now, source, pre_roll)?;
                    change = Change::Recorded;
                }
                Edge::Started => {}
                Edge::Ended if self.recording.is_some() => {
                    self.over = source == Source::Chunks;
                    return Ok(Change::Ended(source));
                }
                Edge::Ended => {}
            }
            edge = self.endpointer.push(&[]);
        }
        Ok(change)
    }

    fn resampled(&mut self, samples: Vec<i16>, rate_hz: u32) -> Result<Vec<i16>, Refused> {
        if rate_hz == RATE_HZ {
            return Ok(samples);
        }
        if self.resampler.as_ref().is_none_or(|(rate, _)| *rate != rate_hz) {
            self.resampler = Some((rate_hz, Resampler::new(rate_hz, RATE_HZ).map_err(refused)?));
        }
        let (_, resampler) = self.resampler.as_mut().expect("made above");
        resampler.push(&samples).map_err(refused)
    }

    fn record(&mut self, now: Millis, source: Source, samples: Vec<i16>) -> Result<(), Refused> {
        let recording = self.recording.get_or_insert_with(|| {
            let (samples, pieces) = channel();
            let thread = self.engines.recording();
            let is_heard = thread.is_some();
            if let Some(thread) = thread {
                let engine = Arc::clone(&self.engine);
                let events = self.events.clone();
                tokio::task::spawn_blocking(move || {
                    let _thread = thread;
                    recognise(engine.as_ref(), &pieces, &events);
                });
            }
            Recording { source, samples, count: 0, last_sound: now, is_heard }
        });
        self.unvoiced.clear();
        recording.last_sound = now;
        recording.count += samples.len();
        if recording.count > UTTERANCE_SAMPLES_MAX {
            self.discard();
            let seconds = UTTERANCE_SAMPLES_MAX / RATE_HZ as usize;
            let message = format!("the recording is longer than {seconds} seconds");
            return Err(Refused { code: Code::TooLarge, message });
        }
        // Without a thread there is nobody to take it; that is said when the recording is finished.
        recording.samples.send(Piece::Samples(samples)).ok();
        Ok(())
    }

    /// Ends the recording; its words come as an event of `turn`.
    pub(super) fn finish(&mut self, turn: TurnId) -> Finished {
        self.endpointer.reset();
        match self.recording.take() {
            Some(recording) if !recording.is_heard => Finished::Busy,
            Some(recording) if recording.samples.send(Piece::Finish(turn)).is_ok() => Finished::Heard,
            _ => Finished::Nothing,
        }
    }

    /// What the client means when it says that speech has ended. Sound too quiet for the endpointer counts.
    pub(super) fn ended_by_client(&mut self, now: Millis) -> ClientEnd {
        if std::mem::take(&mut self.over) && self.recording.is_none() {
            return ClientEnd::Late;
        }
        if self.recording.is_none() && self.unvoiced.len() >= UNVOICED_SAMPLES_MIN {
            let samples = std::mem::take(&mut self.unvoiced).into();
            if self.record(now, Source::Stream, samples).is_err() {
                return ClientEnd::Nothing;
            }
        }
        self.recording.as_ref().map_or(ClientEnd::Nothing, |recording| ClientEnd::Recording(recording.source))
    }

    pub(super) fn discard(&mut self) {
        self.unvoiced.clear();
        self.over = false;
        if self.recording.take().is_some() {
            self.endpointer.reset();
        }
    }
}

/// Sound that cannot be used, for the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub code: Code,
    pub message: String,
}

impl Refused {
    fn audio(message: &str) -> Refused {
        Refused { code: Code::BadAudio, message: message.to_owned() }
    }
}

fn refused(error: SpeechError) -> Refused {
    let code = if matches!(error, SpeechError::TooLong { .. }) { Code::TooLarge } else { Code::BadAudio };
    Refused { code, message: error.to_string() }
}

/// The recogniser's thread: ends when the recording is finished or dropped.
fn recognise(
    engine: &dyn SpeechToText,
    pieces: &Receiver<Piece>,
    events: &tokio::sync::mpsc::Sender<Box<Event>>,
) {
    let mut recognition = engine.start();
    loop {
        match pieces.recv() {
            Ok(Piece::Samples(samples)) => {
                let Ok(listening) = &mut recognition else { continue };
                if let Err(error) = listening.push(&samples) {
                    recognition = Err(error);
                }
            }
            Ok(Piece::Finish(turn)) => {
                let words = recognition.and_then(|recognition| recognition.finish());
                // A connection that is gone does not want to know.
                events.blocking_send(Box::new(heard(engine, turn, words))).ok();
                return;
            }
            Err(_) => return,
        }
    }
}

fn heard(
    engine: &dyn SpeechToText,
    turn: TurnId,
    words: Result<hal_speech::Transcript, SpeechError>,
) -> Event {
    match words {
        Ok(transcript) => {
            let best = transcript.hypotheses.first().map_or(0.0, |hypothesis| hypothesis.confidence);
            debug!(hypotheses = transcript.hypotheses.len(), confidence = best, "heard");
            let hypotheses: Vec<Private<String>> = transcript
                .hypotheses
                .into_iter()
                .filter(|hypothesis| !hypothesis.text.trim().is_empty())
                .map(|hypothesis| hypothesis.text.into())
                .collect();
            if hypotheses.is_empty() || best < engine.doubt_below() {
                return Event::NotHeard { turn, code: Code::NotHeard };
            }
            Event::Heard { turn, hypotheses }
        }
        Err(SpeechError::Busy { .. }) => Event::NotHeard { turn, code: Code::SpeechBusy },
        Err(error) => {
            warn!(%error, "not recognised");
            Event::NotHeard { turn, code: Code::NotHeard }
        }
    }
}
