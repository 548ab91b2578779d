//! One decoder: a model, and at most one utterance at a time.

#![allow(unsafe_code, reason = "calls into C; each block argues for itself")]

use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::Error;
use crate::api::{Api, Config, ConfigApi, Ps};

/// What a decoder is made of. Other parameters keep the library's defaults (16 kHz).
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Folder of the acoustic model.
    pub acoustic_model: PathBuf,
    /// Pronunciations, one word a line: `metformin M EH T F AO R M IH N`.
    pub dictionary: PathBuf,
    /// N-gram model, ARPA text or the library's binary forms.
    pub language_model: PathBuf,
    /// Whole-number and yes/no (1, 0) parameters by the library's names without a dash, `("maxhmmpf", 3000)`.
    pub integers: Vec<(&'static str, i32)>,
    /// Fractional parameters, `("lw", 6.5)`.
    pub floats: Vec<(&'static str, f64)>,
}

/// One word of the best hypothesis.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// As in the dictionary, with `(2)` for a second pronunciation; fillers such as `<sil>` too.
    pub word: String,
    /// First and last frame, 10 ms each.
    pub frames: (u32, u32),
    /// Posterior probability within the lattice, 0.0..=1.0.
    pub probability: f64,
}

/// One reading of the lattice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NBest {
    pub text: String,
    /// Logarithm of the path score in the library's base; higher is better, comparable within one utterance only.
    pub score: i32,
}

/// A decoder of the library. Belongs to one thread at a time and may move between threads.
pub struct Decoder {
    ps: NonNull<Ps>,
    api: Arc<Api>,
    in_utterance: bool,
    /// Results exist only after an utterance was begun; before, the library would read what is not there.
    has_utterance: bool,
    /// Not `Sync`: the library changes the decoder even where it only answers.
    _not_sync: PhantomData<std::cell::Cell<()>>,
}

// SAFETY: all state of a decoder is reached from its pointer and nothing in it belongs to a thread. What the library
// keeps per thread or process is its message output (silenced for the process when loading, before any decoder) and the
// random numbers for dither, which is off. `&mut self` everywhere and no `Sync`: never two threads at once.
unsafe impl Send for Decoder {}

impl Decoder {
    pub(crate) fn new(api: Arc<Api>, settings: &Settings) -> Result<Decoder, Error> {
        // The library ends the process over some unreadable files, so what can be told before is told before.
        for file in [&settings.acoustic_model.join("mdef"), &settings.dictionary, &settings.language_model] {
            std::fs::File::open(file).map_err(|_| Error::NoFile(file.clone()))?;
        }
        let config = Parameters::new(&api)?;
        config.path("hmm", &settings.acoustic_model)?;
        config.path("dict", &settings.dictionary)?;
        config.path("lm", &settings.language_model)?;
        for &(name, value) in &settings.integers {
            config.integer(name, value)?;
        }
        for &(name, value) in &settings.floats {
            config.float(name, value)?;
        }
        // SAFETY: null stands for "print nothing"; it holds for this thread. Messages are silenced for all threads when
        // loading, but `ps_init` prints its table of parameters past them.
        unsafe { (api.print_to)(ptr::null_mut()) };
        // SAFETY: the configuration is alive and complete; `ps_init` takes a reference of its own to it, so ours may be
        // freed afterwards. It answers null when a model is refused.
        let ps = unsafe { (api.init)(config.raw.as_ptr()) };
        drop(config);
        let ps = NonNull::new(ps).ok_or(Error::Refused("load these models"))?;
        Ok(Decoder { ps, api, in_utterance: false, has_utterance: false, _not_sync: PhantomData })
    }

    /// Begins an utterance; one that was not ended is dropped.
    pub fn start(&mut self) -> Result<(), Error> {
        if self.in_utterance {
            self.end()?;
        }
        // SAFETY: the decoder is alive (all calls below: `ps` is freed in `drop` only) and no utterance is open.
        let code = unsafe { (self.api.start_utt)(self.ps.as_ptr()) };
        refuse(code, "begin an utterance")?;
        self.in_utterance = true;
        self.has_utterance = true;
        Ok(())
    }

    /// Takes the next samples, mono i16 at 16 kHz, any count.
    pub fn process(&mut self, samples: &[i16]) -> Result<(), Error> {
        if !self.in_utterance {
            return Err(Error::Refused("take sound without an utterance"));
        }
        if samples.is_empty() {
            return Ok(());
        }
        // SAFETY: the pointer and length are of a living slice that is only read; an utterance is open.
        // 0, 0: do search, and this is not all of the utterance.
        let frames =
            unsafe { (self.api.process_raw)(self.ps.as_ptr(), samples.as_ptr(), samples.len(), 0, 0) };
        refuse(frames, "take this sound")
    }

    /// Ends the utterance: the second and third pass of the search.
    pub fn end(&mut self) -> Result<(), Error> {
        if !self.in_utterance {
            return Err(Error::Refused("end an utterance that was not begun"));
        }
        self.in_utterance = false;
        // SAFETY: the decoder is alive and an utterance is open.
        refuse(unsafe { (self.api.end_utt)(self.ps.as_ptr()) }, "end the utterance")
    }

    /// Gives the best words so far and, after [`end`](Self::end), of the whole utterance.
    pub fn hypothesis(&mut self) -> Option<String> {
        if !self.has_utterance {
            return None;
        }
        let mut score = 0;
        // SAFETY: the decoder is alive and has an utterance; the answer is null or a C string that lives until the next
        // call, and is copied before one.
        unsafe { text((self.api.get_hyp)(self.ps.as_ptr(), &mut score)) }
    }

    /// Gives the posterior probability of the best path, 0.0..=1.0. Only after [`end`](Self::end).
    pub fn probability(&mut self) -> f64 {
        if !self.has_utterance || self.in_utterance {
            return 0.0;
        }
        // SAFETY: the decoder is alive and has an ended utterance.
        let log = unsafe { (self.api.get_prob)(self.ps.as_ptr()) };
        self.exp(log)
    }

    /// Gives the words of the best path with their times and probabilities. Only after [`end`](Self::end).
    pub fn segments(&mut self) -> Vec<Segment> {
        let mut segments = Vec::new();
        if !self.has_utterance || self.in_utterance {
            return segments;
        }
        let api = self.api.clone();
        // SAFETY: the decoder is alive and has an ended utterance. The iterator is null when there is no path, becomes
        // null (and is freed by the library) behind the last word, and is not used after that. Nothing else is asked of
        // the decoder while it lives except `logmath_exp`, which does not touch it.
        unsafe {
            let mut seg = (api.seg_iter)(self.ps.as_ptr());
            while !seg.is_null() {
                let (mut first, mut last): (c_int, c_int) = (0, 0);
                (api.seg_frames)(seg, &mut first, &mut last);
                let (mut acoustic, mut language, mut order) = (0, 0, 0);
                let log = (api.seg_prob)(seg, &mut acoustic, &mut language, &mut order);
                let word = text((api.seg_word)(seg)).unwrap_or_default();
                let frames = (first.max(0) as u32, last.max(0) as u32);
                segments.push(Segment { word, frames, probability: self.exp(log) });
                if segments.len() == SEGMENTS_MAX {
                    (api.seg_free)(seg);
                    break;
                }
                seg = (api.seg_next)(seg);
            }
        }
        segments
    }

    /// Gives up to `count_max` readings with different words, best first. Only after [`end`](Self::end).
    ///
    /// `steps_max` paths are looked at at most: many differ only in pronunciations and pauses.
    pub fn nbest(&mut self, count_max: usize, steps_max: usize) -> Vec<NBest> {
        let mut readings: Vec<NBest> = Vec::new();
        if !self.has_utterance || self.in_utterance {
            return readings;
        }
        let api = &self.api;
        // SAFETY: the decoder is alive and has an ended utterance. The iterator is null when there is no lattice and is
        // freed by the library when it is exhausted; left early, it is freed here. Strings are copied before the next step.
        unsafe {
            // Debian's version gives an iterator that stands before the first path, 5.x one on it.
            let on_first = matches!(api.config, ConfigApi::Five { .. });
            let mut nbest = (api.nbest)(self.ps.as_ptr());
            if !on_first && !nbest.is_null() {
                nbest = (api.nbest_next)(nbest);
            }
            for _ in 0..steps_max {
                if nbest.is_null() {
                    break;
                }
                let mut score = 0;
                if let Some(text) = text((api.nbest_hyp)(nbest, &mut score))
                    && !readings.iter().any(|known| known.text == text)
                {
                    readings.push(NBest { text, score });
                    if readings.len() == count_max {
                        break;
                    }
                }
                nbest = (api.nbest_next)(nbest);
            }
            if !nbest.is_null() {
                (api.nbest_free)(nbest);
            }
        }
        readings
    }

    /// Adds a word with its phones (`M EH T F AO R M IH N`) to dictionary and language model. Not inside an utterance.
    pub fn add_word(&mut self, word: &str, phones: &str) -> Result<(), Error> {
        self.outside_utterance()?;
        let (word, phones) = (c_string(word)?, c_string(phones)?);
        // SAFETY: the decoder is alive, both strings end in zero and are copied by the library. 1: rebuild the search now.
        let code = unsafe { (self.api.add_word)(self.ps.as_ptr(), word.as_ptr(), phones.as_ptr(), 1) };
        refuse(code, "add the word")
    }

    /// Loads another language model and uses it from the next utterance on.
    pub fn set_language_model(&mut self, name: &str, file: &Path) -> Result<(), Error> {
        self.outside_utterance()?;
        std::fs::File::open(file).map_err(|_| Error::NoFile(file.to_path_buf()))?;
        let (name, file) = (c_string(name)?, c_path(file)?);
        // SAFETY: the decoder is alive, the strings end in zero and are copied by the library; a search of that name is
        // replaced by the library itself.
        let code = unsafe { (self.api.add_lm_file)(self.ps.as_ptr(), name.as_ptr(), file.as_ptr()) };
        refuse(code, "load the language model")?;
        self.use_search(&name)
    }

    /// Uses a JSGF grammar from the next utterance on.
    pub fn set_grammar(&mut self, name: &str, jsgf: &str) -> Result<(), Error> {
        self.outside_utterance()?;
        let (name, jsgf) = (c_string(name)?, c_string(jsgf)?);
        // SAFETY: as for a language model.
        let code = unsafe { (self.api.add_jsgf_string)(self.ps.as_ptr(), name.as_ptr(), jsgf.as_ptr()) };
        refuse(code, "read the grammar")?;
        self.use_search(&name)
    }

    fn use_search(&mut self, name: &CStr) -> Result<(), Error> {
        // SAFETY: the decoder is alive, no utterance is open, and the name was added just before.
        let code = unsafe { (self.api.use_search)(self.ps.as_ptr(), name.as_ptr()) };
        self.has_utterance = false;
        refuse(code, "use the search")
    }

    fn outside_utterance(&self) -> Result<(), Error> {
        if self.in_utterance { Err(Error::Refused("change words inside an utterance")) } else { Ok(()) }
    }

    fn exp(&self, log: i32) -> f64 {
        // SAFETY: the decoder is alive and so is its table of logarithms, which is only read.
        let value = unsafe { (self.api.logmath_exp)((self.api.get_logmath)(self.ps.as_ptr()), log) };
        value.clamp(0.0, 1.0)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the one reference we hold; `self.ps` is not used afterwards. The library closes an open utterance itself.
        unsafe { (self.api.free)(self.ps.as_ptr()) };
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({:?}, in utterance: {})", self.api, self.in_utterance)
    }
}

/// An utterance of a minute has a few hundred; this only bounds a broken lattice.
const SEGMENTS_MAX: usize = 10_000;

/// A configuration being filled.
struct Parameters<'a> {
    raw: NonNull<Config>,
    api: &'a Api,
}

impl Parameters<'_> {
    fn new(api: &Api) -> Result<Parameters<'_>, Error> {
        let raw = match &api.config {
            // SAFETY: `ps_args` gives the static table of parameters; the list of name–value pairs that may follow is
            // empty and ends, as required, with a null pointer. 1: refuse unknown names.
            ConfigApi::Prealpha { args, init, .. } => unsafe {
                init(ptr::null_mut(), args(), 1, ptr::null::<c_char>())
            },
            // SAFETY: null stands for the library's own table.
            ConfigApi::Five { init, .. } => unsafe { init(ptr::null()) },
        };
        Ok(Parameters { raw: NonNull::new(raw).ok_or(Error::Refused("make a configuration"))?, api })
    }

    fn name(&self, name: &str) -> Result<CString, Error> {
        match self.api.config {
            ConfigApi::Prealpha { .. } => c_string(&format!("-{name}")),
            ConfigApi::Five { .. } => c_string(name),
        }
    }

    fn path(&self, name: &str, value: &Path) -> Result<(), Error> {
        let (name, value) = (self.name(name)?, c_path(value)?);
        match &self.api.config {
            // SAFETY: the configuration is alive, the strings end in zero and are copied. The name is one of "hmm",
            // "dict" and "lm", which are in the table of parameters with the type string.
            ConfigApi::Prealpha { set_str, .. } => unsafe {
                set_str(self.raw.as_ptr(), name.as_ptr(), value.as_ptr())
            },
            // SAFETY: the same; an unknown name is answered with null.
            ConfigApi::Five { set_str, .. } => unsafe {
                set_str(self.raw.as_ptr(), name.as_ptr(), value.as_ptr());
            },
        }
        Ok(())
    }

    fn integer(&self, name: &str, value: i32) -> Result<(), Error> {
        let name = self.name(name)?;
        match &self.api.config {
            // SAFETY: the configuration is alive; an unknown name is an error message of the library and no more.
            ConfigApi::Prealpha { set_int, .. } => unsafe {
                set_int(self.raw.as_ptr(), name.as_ptr(), c_long::from(value))
            },
            // SAFETY: the same.
            ConfigApi::Five { set_int, .. } => unsafe {
                set_int(self.raw.as_ptr(), name.as_ptr(), c_long::from(value));
            },
        }
        Ok(())
    }

    fn float(&self, name: &str, value: f64) -> Result<(), Error> {
        let name = self.name(name)?;
        match &self.api.config {
            // SAFETY: as for integers.
            ConfigApi::Prealpha { set_float, .. } => unsafe {
                set_float(self.raw.as_ptr(), name.as_ptr(), value)
            },
            // SAFETY: as for integers.
            ConfigApi::Five { set_float, .. } => unsafe {
                set_float(self.raw.as_ptr(), name.as_ptr(), value);
            },
        }
        Ok(())
    }
}

impl Drop for Parameters<'_> {
    fn drop(&mut self) {
        // SAFETY: our one reference, not used afterwards; a decoder made from it holds its own.
        unsafe { (self.api.config_free)(self.raw.as_ptr()) };
    }
}

fn refuse(code: c_int, what: &'static str) -> Result<(), Error> {
    if code < 0 { Err(Error::Refused(what)) } else { Ok(()) }
}

fn c_string(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Text(text.escape_default().to_string()))
}

fn c_path(path: &Path) -> Result<CString, Error> {
    c_string(path.to_str().ok_or_else(|| Error::Text(path.to_string_lossy().into_owned()))?)
}

/// Copies a C string of the library; what is not UTF-8 in it is replaced.
///
/// # Safety
/// `raw` is null or a string that ends in zero and lives during the call.
unsafe fn text(raw: *const c_char) -> Option<String> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: not null; the rest is what the caller promises.
    Some(unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned())
}
