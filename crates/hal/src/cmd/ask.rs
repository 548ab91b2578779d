//! `hal ask`: one question, one answer.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::client::conversation::{Question, ask_once};
use crate::client::url::{self, ServerUrl};
use crate::client::{Answer, Client, Limits, Lost, Outcome, Target, tokens};
use crate::report::{self, Exit, Failure};

/// Largest recording sent: the gateway takes a minute of speech, and files at high rates are larger.
const RECORDING_BYTES_MAX: u64 = 16 << 20;

/// Ask one question and print the answer.
///
/// The answer alone goes to stdout. Exit code 0: answered, or HAL asks back; 1: not
/// understood or nothing found; 2: the server could not be reached or refused.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    #[command(flatten)]
    server: Server,
    /// Ask with a recording instead of words (WAV, or raw 16-bit mono 16 kHz).
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    audio: Option<PathBuf>,
    /// Write the spoken answer to this WAV file.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// The question. Several words need no quotes.
    #[arg(value_name = "TEXT", required_unless_present = "audio")]
    text: Vec<String>,
}

/// Which server, for every command that asks one.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Address of the server: https://hal.example.com, 192.168.1.5:8768, …
    ///
    /// Without it HAL_SERVER_URL counts, then HAL_GATEWAY_URL, VOICE_GATEWAY_URL and
    /// VOICE_SERVER_URL, then ws://localhost:8768. http means ws, https means wss.
    #[arg(long = "server", value_name = "URL")]
    url: Option<String>,
    /// Also trust the authority in this PEM file (hal-ca.pem).
    #[arg(long = "ca", value_name = "FILE", env = "HAL_CA")]
    ca: Option<PathBuf>,
}

impl Server {
    /// Whether the command line itself names one.
    pub(crate) fn is_named(&self) -> bool {
        self.url.is_some()
    }

    pub(crate) fn target(&self) -> Result<Target, Failure> {
        let (given, source) = url::choose(self.url.as_deref(), |name| std::env::var(name).ok());
        let url = ServerUrl::parse(&given).map_err(|error| {
            Failure::new(format!("{error} (from {source})"))
                .hint("write it like https://hal.example.com, or 192.168.1.5:8768 without TLS")
        })?;
        let token = tokens::token_for(&url);
        Ok(Target { url, token, ca_files: self.ca.iter().cloned().collect(), limits: Limits::default() })
    }
}

impl Ask {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let question = match &self.audio {
            Some(file) => Question::Spoken(recording(file)?),
            None => Question::Typed(self.text.join(" ").trim().to_owned()),
        };
        if matches!(&question, Question::Typed(text) if text.is_empty()) {
            return Err(
                Failure::new("the question is empty").hint("hal ask \"What medications am I taking?\"")
            );
        }
        let mut target = self.server.target()?;
        if self.save.is_some() {
            target.url = target.url.with_query("audio=wav");
        }
        let notices = |client: &Client| {
            if matches!(question, Question::Spoken(_)) {
                client.notices.iter().for_each(report::hint);
            }
        };
        match ask_once(&target, &question, notices, |lost| report::talk(lost)) {
            Ok(answer) => self.tell(&answer),
            // It listened, and there was nothing in it: the spoken form of "not understood".
            Err(Lost::Refused { code, failure }) if matches!(code.as_str(), "NOT_HEARD" | "NO_AUDIO") => {
                report::failure(&failure);
                Ok(Exit::NothingToSay)
            }
            Err(lost) => Err(lost.into()),
        }
    }

    fn tell(&self, answer: &Answer) -> Result<Exit, Failure> {
        if let Some(heard) = &answer.heard {
            report::talk(format_args!("heard: {heard}"));
        }
        report::data(&format!("{}\n", answer.text))?;
        if let Some(file) = &self.save {
            let Some(wav) = &answer.audio else {
                return Err(Failure::new("the server sent no spoken answer to save")
                    .hint("it needs a speech engine: install espeak-ng on the server and start it again"));
            };
            std::fs::write(file, wav)
                .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))?;
            report::talk(format_args!("saved: {}", file.display()));
        }
        Ok(match answer.outcome {
            Outcome::Answered => Exit::Done,
            Outcome::Asked => {
                report::hint(
                    "HAL waits for your reply, and nothing is changed without it; `hal chat` keeps the conversation",
                );
                Exit::Done
            }
            Outcome::NothingFound | Outcome::NotUnderstood => Exit::NothingToSay,
            Outcome::Denied | Outcome::Failed => Exit::Failed,
        })
    }
}

/// Reads a recording and makes a WAV file of it if it is none.
fn recording(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| Failure::new(format!("cannot use the recording {}: {why}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| failed(error.to_string()))?.len();
    if size > RECORDING_BYTES_MAX {
        return Err(failed(format!("it is larger than {} MB", RECORDING_BYTES_MAX >> 20))
            .hint("a question is a minute at most; 16 kHz mono is enough"));
    }
    let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    if bytes.starts_with(b"RIFF") {
        return Ok(bytes);
    }
    let container =
        [(&b"ID3"[..], "MP3"), (b"OggS", "Ogg"), (b"fLaC", "FLAC"), (&[0x1a, 0x45, 0xdf, 0xa3], "WebM")];
    if let Some((_, name)) = container.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(failed(format!("it is {name}, not WAV"))
            .hint(format!("ffmpeg -i {} -ar 16000 -ac 1 question.wav", file.display())));
    }
    if bytes.is_empty() || bytes.len() % 2 != 0 {
        return Err(failed("it is neither a WAV file nor whole 16-bit samples".to_owned()));
    }
    Ok(wav_of_pcm(&bytes))
}

/// Puts a WAV header before raw samples: 16 bits, mono, 16 kHz, little endian.
fn wav_of_pcm(pcm: &[u8]) -> Vec<u8> {
    const RATE_HZ: u32 = 16_000;
    let bytes = u32::try_from(pcm.len()).expect("recordings are limited");
    let mut wav = Vec::with_capacity(44 + pcm.len());
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + bytes).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16u32.to_le_bytes());
    // PCM, one channel.
    wav.extend_from_slice(&[1, 0, 1, 0]);
    wav.extend_from_slice(&RATE_HZ.to_le_bytes());
    wav.extend_from_slice(&(RATE_HZ * 2).to_le_bytes());
    // Bytes in a sample of all channels, bits in a sample.
    wav.extend_from_slice(&[2, 0, 16, 0]);
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    wav.extend_from_slice(pcm);
    wav
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        recording(&file).map_err(|failure| failure.message)
    }

    #[test]
    fn a_wav_file_goes_as_it_is_and_raw_samples_get_a_header() {
        assert_eq!(check("a.wav", b"RIFF....WAVE").unwrap(), b"RIFF....WAVE");
        let wav = check("a.raw", &[1, 2, 3, 4]).unwrap();
        assert_eq!((&wav[..4], &wav[8..16], wav.len()), (&b"RIFF"[..], &b"WAVEfmt "[..], 48));
        assert_eq!(wav[40..44], 4u32.to_le_bytes());
        assert_eq!(wav[24..28], 16_000u32.to_le_bytes());
        assert_eq!(wav[44..], [1, 2, 3, 4]);
    }

    #[test]
    fn other_formats_and_odd_bytes_are_refused_before_anything_is_sent() {
        assert!(check("a.mp3", b"ID3\x04rest").unwrap_err().contains("MP3, not WAV"));
        assert!(check("a.ogg", b"OggSrest").unwrap_err().contains("Ogg"));
        assert!(check("a.raw", &[1, 2, 3]).unwrap_err().contains("whole 16-bit samples"));
        assert!(check("a.raw", &[]).unwrap_err().contains("whole 16-bit samples"));
        assert!(recording(Path::new("/nonexistent.wav")).is_err());
    }
}
