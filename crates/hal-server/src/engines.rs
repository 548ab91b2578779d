//! Which speech engines this server has, and what is missing in words for people.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use hal_dialog::Spoken;
use hal_dialog::session::Sound;
use hal_speech::{Missing, SpeechError, SpeechToText, TextToSpeech, Vocabulary, stt, tts, wav};
use hal_wire::audio::to_base64;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{info, warn};

use crate::config::Speech;
use crate::limits::Gate;

/// Answers made into sound at once: each is a process of its own.
const SPEAKING_AT_ONCE: usize = 8;
/// Answers that wait for it. One more is shown only: a session does not wait longer than a few seconds for sound.
const SPEAKING_WAITING_MAX: usize = 64;
/// The longest spoken answer. A longer text is spoken up to here; the screen has all of it.
const SPOKEN_SECONDS_MAX: usize = 120;

/// The engines of a server. Cheap to share; opening happens once, before the first connection.
pub(crate) struct Engines {
    hear: OnceLock<Arc<dyn SpeechToText>>,
    speak: Option<Arc<dyn TextToSpeech>>,
    speaking: Gate,
    /// Recordings that a thread listens to.
    recordings: Arc<Semaphore>,
    recognisers: usize,
    notices: Vec<String>,
}

/// An engine as the owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub name: String,
    pub busy: usize,
    pub of: usize,
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engines(hearing: {}, speaking: {})", self.hear.get().is_some(), self.speak.is_some())
    }
}

impl Engines {
    /// Opens the engines that the settings name. A missing one is a notice, never a failure: text keeps working.
    pub(crate) fn open(config: &Speech) -> Engines {
        let mut notices = Vec::new();
        let hear = open_hearing(config).unwrap_or_else(|notice| {
            notices.push(format!("I cannot hear here: {notice}. You can type."));
            None
        });
        let speak = open_speaking(config).unwrap_or_else(|notice| {
            notices.push(format!("I cannot speak here: {notice}. Answers are shown."));
            None
        });
        let cell = OnceLock::new();
        if let Some(hear) = hear {
            cell.get_or_init(|| hear);
        }
        Engines {
            hear: cell,
            speak,
            speaking: Gate::new(SPEAKING_AT_ONCE, SPEAKING_WAITING_MAX),
            recordings: Arc::new(Semaphore::new(config.recognisers.max(1))),
            recognisers: config.recognisers.max(1),
            notices,
        }
    }

    pub(crate) fn hearing(&self) -> Option<&Arc<dyn SpeechToText>> {
        self.hear.get()
    }

    /// The engine that hears, with the utterances that it listens to; `None` where there is none.
    pub(crate) fn hearing_load(&self) -> Option<Load> {
        let name = self.hear.get()?.name().to_owned();
        Some(Load {
            name,
            busy: self.recognisers - self.recordings.available_permits(),
            of: self.recognisers,
        })
    }

    /// The engine that speaks, with the answers that it is making into sound.
    pub(crate) fn speaking_load(&self) -> Option<Load> {
        let name = self.speak.as_ref()?.name().to_owned();
        Some(Load { name, busy: SPEAKING_AT_ONCE - self.speaking.free(), of: SPEAKING_AT_ONCE })
    }

    /// A thread of the blocking pool for a recording, if there is one: as many as there are recognisers, so that open
    /// microphones do not take the threads of questions.
    pub(crate) fn recording(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.recordings).try_acquire_owned().ok()
    }

    pub(crate) fn can_speak(&self) -> bool {
        self.speak.is_some()
    }

    /// What is absent and how to install it, one line each; for the greeting and the terminal.
    pub(crate) fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Tells the recogniser what this household is likely to say.
    pub(crate) fn set_vocabulary(&self, spoken: Spoken) {
        if let Some(hear) = self.hear.get() {
            info!(sentences = spoken.sentences.len(), words = spoken.words.len(), "vocabulary set");
            hear.set_vocabulary(Vocabulary { sentences: spoken.sentences, words: spoken.words });
        }
    }

    /// Makes the sound of an answer, or none where there is no engine or it fails: the text is there anyway.
    pub(crate) async fn speak(&self, text: String) -> Option<Sound> {
        let engine = Arc::clone(self.speak.as_ref()?);
        let Some(pass) = self.speaking.enter().await else {
            warn!("too many answers wait to be spoken: this one is shown only");
            return None;
        };
        let made = tokio::task::spawn_blocking(move || {
            let _pass = pass;
            speak(engine.as_ref(), &text)
        })
        .await;
        match made {
            Ok(Ok(sound)) => Some(sound),
            Ok(Err(error)) => {
                warn!(%error, "answer not spoken");
                None
            }
            Err(error) => {
                warn!(%error, "speaking engine panicked");
                None
            }
        }
    }
}

fn speak(engine: &dyn TextToSpeech, text: &str) -> Result<Sound, SpeechError> {
    let rate_hz = engine.rate_hz();
    let samples_max = SPOKEN_SECONDS_MAX * rate_hz as usize;
    let mut samples: Vec<i16> = Vec::new();
    engine.speak(text, &mut |chunk| {
        samples.extend_from_slice(chunk);
        if samples.len() < samples_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let duration_ms = samples.len() as u64 * 1000 / u64::from(rate_hz);
    let wav_base64 = to_base64(&wav::encode(&samples, rate_hz)).into();
    Ok(Sound { wav_base64, duration_ms })
}

fn open_hearing(config: &Speech) -> Result<Option<Arc<dyn SpeechToText>>, String> {
    if config.hear == "none" {
        return Ok(None);
    }
    let engine = stt::ENGINES
        .iter()
        .find(|engine| engine.name == config.hear)
        .ok_or_else(|| unknown("hear", &config.hear, stt::ENGINES.iter().map(|engine| engine.name)))?;
    let settings = stt::Config {
        pocketsphinx: stt::pocketsphinx::Config {
            recognisers_max: config.recognisers.max(1),
            ..Default::default()
        },
    };
    (engine.open)(&settings).map(|engine| Some(Arc::from(engine))).map_err(sentence)
}

fn open_speaking(config: &Speech) -> Result<Option<Arc<dyn TextToSpeech>>, String> {
    if config.speak == "none" {
        return Ok(None);
    }
    let engine = tts::ENGINES
        .iter()
        .find(|engine| engine.name == config.speak)
        .ok_or_else(|| unknown("speak", &config.speak, tts::ENGINES.iter().map(|engine| engine.name)))?;
    let mut settings = tts::Config::default();
    if let Some(voice) = &config.voice {
        settings.espeak.voice = voice.clone();
    }
    (engine.open)(&settings).map(|engine| Some(Arc::from(engine))).map_err(sentence)
}

fn sentence(missing: Missing) -> String {
    missing.to_string()
}

fn unknown<'a>(key: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    format!("the setting speech.{key} names \"{name}\"; known are {} and none", known.join(", "))
}
