//! The files that a recogniser is made of: the shipped acoustic model, a dictionary and a language model made for the
//! user's own words. Knows nothing of utterances.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pocketsphinx_dl::{Decoder, Library, Segment, Settings};

use super::general::General;
use super::ngram::{END, START, Trigrams, Word, Words};
use super::{DOMAIN_SHARE, Vocabulary, pronounce, usual_model_folders};
use crate::tts::espeak::Espeak;

/// Limits of a vocabulary; what is beyond is left out.
const SENTENCES_MAX: usize = 100_000;
const WORDS_MAX: usize = 20_000;
const SENTENCE_WORDS_MAX: usize = 40;
const WORD_BYTES_MAX: usize = 64;

/// The shipped model.
#[derive(Debug)]
pub(super) struct ModelFiles {
    acoustic: PathBuf,
    dictionary: PathBuf,
    language: PathBuf,
}

impl ModelFiles {
    /// Looks for the files; `Err` says which is absent.
    pub(super) fn find(folder: Option<&Path>) -> Result<ModelFiles, String> {
        let folders = folder.map_or_else(usual_model_folders, |folder| vec![folder.to_path_buf()]);
        let complete = |folder: &PathBuf| {
            let files = ModelFiles {
                acoustic: folder.join("en-us"),
                dictionary: folder.join("cmudict-en-us.dict"),
                language: folder.join("en-us.lm.bin"),
            };
            let present = files.acoustic.join("mdef").is_file()
                && files.dictionary.is_file()
                && files.language.is_file();
            present.then_some(files)
        };
        folders.iter().find_map(complete).ok_or_else(|| match folder {
            Some(folder) => format!("no en-us speech model in {}", folder.display()),
            None => "the en-us speech model of PocketSphinx is not installed".into(),
        })
    }
}

/// A dictionary and a language model on disk, removed with the last recogniser that may need them.
#[derive(Debug)]
pub(super) struct Model {
    library: Library,
    settings: Settings,
    folder: PathBuf,
    words: Words,
    domain: Trigrams,
    general: Trigrams,
}

impl Model {
    /// Makes the files. Takes tenths of a second: not for a thread that answers people.
    pub(super) fn build(
        library: &Library,
        files: &ModelFiles,
        cache: &Path,
        vocabulary: &Vocabulary,
        general_words: usize,
        espeak: Option<&Espeak>,
    ) -> Result<Arc<Model>, String> {
        let told = |file: &Path, error: io::Error| format!("{}: {error}", file.display());
        let bytes = fs::read(&files.language).map_err(|error| told(&files.language, error))?;
        let english = General::read(&bytes).map_err(|why| format!("{}: {why}", files.language.display()))?;
        let shipped = fs::read(&files.dictionary).map_err(|error| told(&files.dictionary, error))?;
        let shipped = String::from_utf8_lossy(&shipped);

        let mut words = Words::default();
        let mut sentences: Vec<Vec<String>> =
            vocabulary.sentences.iter().take(SENTENCES_MAX).map(|sentence| tokens(sentence)).collect();
        sentences.retain(|sentence| (1..=SENTENCE_WORDS_MAX).contains(&sentence.len()));
        let singles: Vec<String> = vocabulary.words.iter().flat_map(|word| tokens(word)).collect();
        for word in sentences.iter().flatten().chain(&singles) {
            if words.len() < WORDS_MAX {
                words.add(word);
            }
        }
        let common = english.commonest();
        for word in common.into_iter().filter(|word| is_word(word)).take(general_words) {
            words.add(word);
        }
        let pronunciations = pronounce::dictionary(words.spoken(), &shipped, espeak);
        let number = |word: &String| -> Option<Word> {
            words.number(word).filter(|_| pronunciations.contains_key(word))
        };
        // A sentence with a word that nobody can pronounce would teach what can never be heard.
        let sentences: Vec<Vec<Word>> =
            sentences.iter().filter_map(|sentence| sentence.iter().map(number).collect()).collect();
        let singles: Vec<Word> = singles.iter().filter_map(number).collect();

        let general = english.restricted(&words);
        let domain = Trigrams::counted(&sentences, &singles, words.len());
        let share = if sentences.is_empty() && singles.is_empty() { 0.0 } else { DOMAIN_SHARE };
        let arpa = domain.mixed(&general, share).to_arpa(&words);

        let folder = new_folder(cache).map_err(|error| told(cache, error))?;
        let settings = Settings {
            acoustic_model: files.acoustic.clone(),
            dictionary: folder.join("words.dict"),
            language_model: folder.join("words.arpa"),
            ..Settings::default()
        };
        let model = Model { library: library.clone(), settings, folder, words, domain, general };
        let mut lines = String::new();
        let mut entries: Vec<_> = pronunciations.iter().collect();
        entries.sort_unstable();
        for (word, all) in entries {
            for (index, phones) in all.iter().enumerate() {
                match index {
                    0 => lines.push_str(&format!("{word} {phones}\n")),
                    _ => lines.push_str(&format!("{word}({}) {phones}\n", index + 1)),
                }
            }
        }
        write_private(&model.settings.dictionary, &lines)
            .map_err(|error| told(&model.settings.dictionary, error))?;
        write_private(&model.settings.language_model, &arpa)
            .map_err(|error| told(&model.settings.language_model, error))?;
        Ok(Arc::new(model))
    }

    /// Loads the files into a new recogniser.
    pub(super) fn decoder(&self) -> Result<Decoder, String> {
        self.library.decoder(&self.settings).map_err(|error| error.to_string())
    }

    /// Tells how sure the words of an utterance are, 0.0..=1.0.
    ///
    /// Two things must be right: the sound (the posterior of each word in the lattice), and that this is something one
    /// says to HAL (the share that the given sentences, against general English, have in the probability of each word).
    pub(super) fn confidence(&self, segments: &[Segment]) -> f32 {
        let heard: Vec<(Word, f64)> = segments
            .iter()
            .filter_map(|segment| {
                let word = segment.word.split_once('(').map_or(segment.word.as_str(), |(word, _)| word);
                self.words
                    .number(word)
                    .filter(|&word| word != START && word != END)
                    .map(|word| (word, segment.probability))
            })
            .collect();
        if heard.is_empty() {
            return 0.0;
        }
        let context: Vec<Word> =
            [START].into_iter().chain(heard.iter().map(|&(word, _)| word)).chain([END]).collect();
        let mut ours = 0.0;
        for at in 1..context.len() {
            let (domain, general) = match at {
                1 => (
                    self.domain.after_one(context[0], context[1]),
                    self.general.after_one(context[0], context[1]),
                ),
                _ => {
                    let [u, v, w] = [context[at - 2], context[at - 1], context[at]];
                    (self.domain.after_two(u, v, w), self.general.after_two(u, v, w))
                }
            };
            let (domain, general) = (DOMAIN_SHARE * domain, (1.0 - DOMAIN_SHARE) * general);
            ours += if domain + general > 0.0 { domain / (domain + general) } else { 0.0 };
        }
        let ours = ours / (context.len() - 1) as f64;
        let sound = heard.iter().map(|&(_, probability)| probability).sum::<f64>() / heard.len() as f64;
        (sound * ours).clamp(0.0, 1.0) as f32
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // Nothing can be done about a folder that does not go; the next start tries again.
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Cuts a sentence into words as the recogniser knows them.
fn tokens(sentence: &str) -> Vec<String> {
    let plain: String = sentence
        .chars()
        .map(|c| match c {
            '’' => '\'',
            c if c.is_alphanumeric() || c == '\'' => c,
            _ => ' ',
        })
        .flat_map(char::to_lowercase)
        .collect();
    plain.split_whitespace().filter(|word| is_word(word)).map(str::to_owned).collect()
}

fn is_word(word: &str) -> bool {
    word.len() <= WORD_BYTES_MAX
        && word.chars().any(char::is_alphanumeric)
        && word.chars().all(|c| c.is_alphanumeric() || c == '\'')
}

/// Makes the folder, and removes what a process left behind that is no more.
pub(super) fn cache_folder(folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    if cfg!(target_os = "linux") {
        for entry in fs::read_dir(folder)?.flatten() {
            let name = entry.file_name();
            let pid = name
                .to_str()
                .and_then(|name| name.split_once('-'))
                .and_then(|(pid, _)| pid.parse::<u32>().ok());
            if let Some(pid) = pid
                && !Path::new(&format!("/proc/{pid}")).exists()
            {
                // It may belong to another user; then it is theirs to remove.
                fs::remove_dir_all(entry.path()).ok();
            }
        }
    }
    // Tells now, not at the first question, that nothing can be written.
    fs::remove_dir(new_folder(folder)?)?;
    Ok(folder.to_path_buf())
}

/// Makes a folder that is ours alone: the words in it are a person's names and medicines.
fn new_folder(cache: &Path) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = cache.join(format!("{}-{number}", std::process::id()));
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(&folder) {
        // Left by an earlier process of the same number.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_dir_all(&folder)?;
            builder.create(&folder)?;
        }
        other => other?,
    }
    Ok(folder)
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}
