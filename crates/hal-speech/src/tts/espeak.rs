//! Speaking with the program espeak-ng: on every machine, first sound within 20 ms. Robotic.
//!
//! A program of its own because of its licence (GPL) and because a crash in it must not be ours.

use std::io::{ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::TextToSpeech;
use crate::resample::Resampler;
use crate::{Missing, RATE_HZ, SpeechError};

/// The rate of espeak-ng's voices.
const ENGINE_RATE_HZ: u32 = 22_050;
/// The longest text that is spoken: about six minutes of speech.
pub const TEXT_BYTES_MAX: usize = 5_000;
/// How much is read from the program at once: 46 ms.
const READ_BYTES: usize = 2_048;

/// Words whose sounds are asked for at once: input and output stay below what a pipe holds, so neither side waits.
const PHONEME_WORDS: usize = 200;

/// Which program, and how it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The program, when it is not where it usually is.
    pub program: Option<PathBuf>,
    /// A voice as `espeak-ng --voices` lists them, with a variant: `en-us+f3`.
    pub voice: String,
    /// Words per minute, 80..=450.
    pub words_per_minute: u16,
    /// Gives 16 kHz instead of the engine's own 22,050 Hz.
    pub resample: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { program: None, voice: "en-us".into(), words_per_minute: 165, resample: true }
    }
}

/// The engine: a program that was found and answered.
#[derive(Debug, Clone)]
pub struct Espeak {
    program: PathBuf,
    config: Config,
}

impl Espeak {
    /// Looks for the program and asks it for its version.
    ///
    /// # Errors
    /// `Missing` when there is none, or the voice is no voice name.
    pub fn find(config: &Config) -> Result<Espeak, Missing> {
        // The voice becomes an argument of a program, and part of a path inside it.
        let name = |c: char| c.is_ascii_alphanumeric() || "+-_".contains(c);
        if config.voice.is_empty() || config.voice.starts_with('-') || !config.voice.chars().all(name) {
            return Err(Missing {
                what: format!("`{}` is not the name of an espeak-ng voice", config.voice.escape_default()),
                install: "choose one from: espeak-ng --voices".into(),
            });
        }
        let candidates = match &config.program {
            Some(program) => vec![program.clone()],
            None => usual_places(),
        };
        let program =
            candidates.into_iter().find(|program| answers(program)).ok_or_else(|| missing(config))?;
        Ok(Espeak { program, config: config.clone() })
    }

    /// Gives how each word is said, in IPA with `_` between the sounds; nothing at all when the program fails.
    pub(crate) fn phonemes(&self, words: &[String]) -> Vec<String> {
        let mut all = Vec::with_capacity(words.len());
        for part in words.chunks(PHONEME_WORDS) {
            // A full stop ends the clause, so that each word has its own line of output.
            let text: String = part.iter().map(|word| format!("{}.\n", speakable(word))).collect();
            let lines = self.ipa(&text).unwrap_or_default();
            if lines.len() == part.len() {
                all.extend(lines);
            } else {
                // One of them was read as more or less than a line; only one by one can tell which.
                all.extend(part.iter().map(|word| self.ipa(&speakable(word)).unwrap_or_default().join("_")));
            }
        }
        all
    }

    fn ipa(&self, text: &str) -> std::io::Result<Vec<String>> {
        let mut running = self.start(&["-q", "--ipa", "--sep=_"])?;
        if let Some(mut stdin) = running.0.stdin.take() {
            stdin.write_all(text.as_bytes())?;
        }
        let mut ipa = String::new();
        if let Some(mut stdout) = running.0.stdout.take() {
            stdout.read_to_string(&mut ipa)?;
        }
        Ok(ipa.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    fn start(&self, output: &[&str]) -> std::io::Result<Running> {
        let mut command = Command::new(&self.program);
        command
            .args(["--stdin", "-b", "1", "-v", &self.config.voice, "-s"])
            .arg(self.config.words_per_minute.clamp(80, 450).to_string())
            .args(output)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        without_window(&mut command);
        Ok(Running(command.spawn()?))
    }
}

impl TextToSpeech for Espeak {
    fn name(&self) -> &str {
        "espeak"
    }

    fn rate_hz(&self) -> u32 {
        if self.config.resample { RATE_HZ } else { ENGINE_RATE_HZ }
    }

    fn speak(&self, text: &str, sink: &mut dyn FnMut(&[i16]) -> ControlFlow<()>) -> Result<(), SpeechError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(SpeechError::TooLong {
                what: "the text to speak",
                limit: TEXT_BYTES_MAX,
                unit: "bytes",
            });
        }
        let plain = speakable(text);
        if plain.is_empty() {
            return Ok(());
        }
        let failed =
            |error: std::io::Error| SpeechError::Engine { engine: "espeak", reason: error.to_string() };
        let mut running = self.start(&["--stdout"]).map_err(failed)?;
        // All of it before the first read: the program reads its whole input before it speaks, and a pipe holds far
        // more than `TEXT_BYTES_MAX`, so neither side waits for the other. Dropping the pipe ends the input.
        if let Some(mut stdin) = running.0.stdin.take() {
            stdin.write_all(plain.as_bytes()).map_err(failed)?;
        }
        let mut stdout = running.0.stdout.take().expect("stdout was asked for as a pipe");
        let engine_rate_hz = read_header(&mut stdout)?;
        let mut resampler = Resampler::new(engine_rate_hz, self.rate_hz())?;
        let mut bytes = Vec::with_capacity(READ_BYTES);
        let mut buffer = [0; READ_BYTES];
        loop {
            let count = match stdout.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            bytes.extend_from_slice(&buffer[..count]);
            let whole = bytes.len() - bytes.len() % 2;
            let samples: Vec<i16> =
                bytes[..whole].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            bytes.drain(..whole);
            let ready = resampler.push(&samples)?;
            if !ready.is_empty() && sink(&ready).is_break() {
                return Ok(()); // Dropping `running` kills the program and collects it.
            }
        }
        let rest = resampler.finish()?;
        if !rest.is_empty() && sink(&rest).is_break() {
            return Ok(());
        }
        let status = running.0.wait().map_err(failed)?;
        match status.success() {
            true => Ok(()),
            false => Err(SpeechError::Engine {
                engine: "espeak",
                reason: format!("the program ended with {status}"),
            }),
        }
    }
}

/// A program that does not outlive us, and leaves no zombie, however we leave.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it is gone and collected already, which is what is wanted.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Reads up to the first sample and gives the rate.
fn read_header(stdout: &mut impl Read) -> Result<u32, SpeechError> {
    let mut header = [0; 44];
    stdout.read_exact(&mut header).map_err(|_| SpeechError::Engine {
        engine: "espeak",
        reason: "it made no sound; is the voice installed?".into(),
    })?;
    // espeak-ng writes exactly this form: RIFF, fmt of 16 bytes, data; PCM, mono, 16 bits. Its lengths are not true.
    let usual = &header[..4] == b"RIFF"
        && header[20..24] == [1, 0, 1, 0]
        && header[34] == 16
        && &header[36..40] == b"data";
    match usual {
        true => Ok(u32::from_le_bytes([header[24], header[25], header[26], header[27]])),
        false => {
            Err(SpeechError::Engine { engine: "espeak", reason: "it did not write mono 16-bit WAV".into() })
        }
    }
}

/// Gives the text with nothing in it that the program would take as a command.
///
/// `[[…]]` is phonemes to espeak-ng in any mode; markup is only read with `-m`, which we do not give, but `<` and `&` would
/// be spelled out. Control characters include its own escape (0x01).
fn speakable(text: &str) -> String {
    let spaced: String =
        text.chars().map(|c| if c.is_control() || "[]<>{}|`".contains(c) { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the program may be: in `PATH`, or where an installer puts it without adding it there.
fn usual_places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = vec!["espeak-ng".into()];
    if cfg!(windows) {
        for variable in ["ProgramFiles", "ProgramFiles(x86)"] {
            if let Some(folder) = std::env::var_os(variable) {
                places.push(Path::new(&folder).join("eSpeak NG").join("espeak-ng.exe"));
            }
        }
    } else if cfg!(target_os = "macos") {
        // A service started by launchd does not have Homebrew in its PATH.
        places.extend(["/opt/homebrew/bin/espeak-ng", "/usr/local/bin/espeak-ng"].map(PathBuf::from));
    }
    places.push("espeak".into());
    places
}

fn answers(program: &Path) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    without_window(&mut command);
    command.status().is_ok_and(|status| status.success())
}

fn missing(config: &Config) -> Missing {
    let what = match &config.program {
        Some(program) => format!("espeak-ng does not run as {}", program.display()),
        None => "espeak-ng is not installed".into(),
    };
    let install = if cfg!(windows) {
        "install it with: winget install eSpeak-NG.eSpeak-NG"
    } else if cfg!(target_os = "macos") {
        "install it with: brew install espeak-ng"
    } else {
        "install it with: sudo apt install espeak-ng"
    };
    Missing { what, install: install.into() }
}

/// On Windows a program of the console would flash a window for each sentence.
fn without_window(command: &mut Command) {
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt;
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        command.creation_flags(CREATE_NO_WINDOW);
    }
    #[cfg(not(windows))]
    let _: &mut Command = command;
}

#[cfg(test)]
mod tests;
