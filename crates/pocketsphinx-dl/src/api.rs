//! The functions of the library that are used, with the types of its headers. Nothing here is safe to call by itself.

#![allow(unsafe_code, reason = "calls into C; each block argues for itself")]

use std::ffi::{OsStr, c_char, c_double, c_int, c_long, c_void};
use std::fmt;

use crate::Error;

/// Structures of the library; only pointers to them are ever held.
#[repr(C)]
pub(crate) struct Config(c_void);
#[repr(C)]
pub(crate) struct Ps(c_void);
#[repr(C)]
pub(crate) struct Seg(c_void);
#[repr(C)]
pub(crate) struct Nbest(c_void);
#[repr(C)]
pub(crate) struct Logmath(c_void);

/// How a configuration is made. 5.x calls it `ps_config_*` and writes names without a dash.
pub(crate) enum ConfigApi {
    Prealpha {
        args: unsafe extern "C" fn() -> *const c_void,
        init: unsafe extern "C" fn(*mut Config, *const c_void, c_int, ...) -> *mut Config,
        set_str: unsafe extern "C" fn(*mut Config, *const c_char, *const c_char),
        set_int: unsafe extern "C" fn(*mut Config, *const c_char, c_long),
        set_float: unsafe extern "C" fn(*mut Config, *const c_char, c_double),
    },
    Five {
        init: unsafe extern "C" fn(*const c_void) -> *mut Config,
        set_str: unsafe extern "C" fn(*mut Config, *const c_char, *const c_char) -> *const c_void,
        set_int: unsafe extern "C" fn(*mut Config, *const c_char, c_long) -> *const c_void,
        set_float: unsafe extern "C" fn(*mut Config, *const c_char, c_double) -> *const c_void,
    },
}

pub(crate) struct Api {
    pub(crate) config: ConfigApi,
    pub(crate) config_free: unsafe extern "C" fn(*mut Config) -> c_int,
    /// `err_set_logfp`: where the calling thread's table of parameters is printed to.
    pub(crate) print_to: unsafe extern "C" fn(*mut c_void),
    pub(crate) init: unsafe extern "C" fn(*mut Config) -> *mut Ps,
    pub(crate) free: unsafe extern "C" fn(*mut Ps) -> c_int,
    pub(crate) start_utt: unsafe extern "C" fn(*mut Ps) -> c_int,
    pub(crate) process_raw: unsafe extern "C" fn(*mut Ps, *const i16, usize, c_int, c_int) -> c_int,
    pub(crate) end_utt: unsafe extern "C" fn(*mut Ps) -> c_int,
    pub(crate) get_hyp: unsafe extern "C" fn(*mut Ps, *mut i32) -> *const c_char,
    pub(crate) get_prob: unsafe extern "C" fn(*mut Ps) -> i32,
    pub(crate) get_logmath: unsafe extern "C" fn(*mut Ps) -> *mut Logmath,
    pub(crate) logmath_exp: unsafe extern "C" fn(*mut Logmath, c_int) -> c_double,
    pub(crate) seg_iter: unsafe extern "C" fn(*mut Ps) -> *mut Seg,
    pub(crate) seg_next: unsafe extern "C" fn(*mut Seg) -> *mut Seg,
    pub(crate) seg_word: unsafe extern "C" fn(*mut Seg) -> *const c_char,
    pub(crate) seg_frames: unsafe extern "C" fn(*mut Seg, *mut c_int, *mut c_int),
    pub(crate) seg_prob: unsafe extern "C" fn(*mut Seg, *mut i32, *mut i32, *mut i32) -> i32,
    pub(crate) seg_free: unsafe extern "C" fn(*mut Seg),
    pub(crate) nbest: unsafe extern "C" fn(*mut Ps) -> *mut Nbest,
    pub(crate) nbest_next: unsafe extern "C" fn(*mut Nbest) -> *mut Nbest,
    pub(crate) nbest_hyp: unsafe extern "C" fn(*mut Nbest, *mut i32) -> *const c_char,
    pub(crate) nbest_free: unsafe extern "C" fn(*mut Nbest),
    pub(crate) add_word: unsafe extern "C" fn(*mut Ps, *const c_char, *const c_char, c_int) -> c_int,
    /// `ps_set_lm_file`, in 5.x `ps_add_lm_file`.
    pub(crate) add_lm_file: unsafe extern "C" fn(*mut Ps, *const c_char, *const c_char) -> c_int,
    /// `ps_set_jsgf_string`, in 5.x `ps_add_jsgf_string`.
    pub(crate) add_jsgf_string: unsafe extern "C" fn(*mut Ps, *const c_char, *const c_char) -> c_int,
    /// `ps_set_search`, in 5.x `ps_activate_search`.
    pub(crate) use_search: unsafe extern "C" fn(*mut Ps, *const c_char) -> c_int,
    /// Last: the functions above are part of it and must not outlive it.
    _library: libloading::Library,
}

impl Api {
    /// Loads one library. `None` when there is none of that name.
    pub(crate) fn load(name: &OsStr) -> Result<Option<Api>, Error> {
        // SAFETY: loading runs the initialisers of the library and of those it needs. PocketSphinx and SphinxBase have
        // none of their own beyond the C run time. A malicious file of that name in the library path could run code;
        // who can put one there can do so to any program.
        let Ok(library) = (unsafe { libloading::Library::new(name) }) else { return Ok(None) };
        Api::resolve(library).map(Some).map_err(|error| Error::Unsupported {
            file: name.to_string_lossy().into_owned(),
            reason: error.to_string(),
        })
    }

    fn resolve(library: libloading::Library) -> Result<Api, libloading::Error> {
        // Looks a function up; a name is tried after the other, since 5.x renamed some.
        macro_rules! function {
            ($($name:literal),+) => {{
                let mut found = Err(libloading::Error::DlSymUnknown);
                $(if found.is_err() {
                    // SAFETY: the type is that of the field it is stored in, which was written after the declaration in
                    // the headers pocketsphinx.h, ps_search.h, cmd_ln.h, logmath.h and err.h of both versions (int32 is
                    // `int`, `long` is `c_long`, enumerations are `int`). The function is only called while the
                    // library, kept in the same structure, is loaded.
                    found = unsafe { library.get($name) }.map(|symbol| *symbol);
                })+
                found?
            }};
        }
        let is_five = {
            let probe: Result<unsafe extern "C" fn(*const c_void) -> *mut Config, _> =
                // SAFETY: as in `function!`; `ps_config_init(ps_arg_t const *defn)` exists in 5.x only.
                unsafe { library.get(b"ps_config_init\0") }.map(|symbol| *symbol);
            probe.ok()
        };
        let (config, config_free) = match is_five {
            Some(init) => (
                ConfigApi::Five {
                    init,
                    set_str: function!(b"ps_config_set_str\0"),
                    set_int: function!(b"ps_config_set_int\0"),
                    set_float: function!(b"ps_config_set_float\0"),
                },
                function!(b"ps_config_free\0"),
            ),
            None => (
                ConfigApi::Prealpha {
                    args: function!(b"ps_args\0"),
                    init: function!(b"cmd_ln_init\0"),
                    set_str: function!(b"cmd_ln_set_str_r\0"),
                    set_int: function!(b"cmd_ln_set_int_r\0"),
                    set_float: function!(b"cmd_ln_set_float_r\0"),
                },
                function!(b"cmd_ln_free_r\0"),
            ),
        };
        let silence: unsafe extern "C" fn(*const c_void, *mut c_void) = function!(b"err_set_callback\0");
        // SAFETY: the library tests its callback for null before each message. It is one for all threads, unlike
        // `err_set_logfp`, which silences only the thread that calls it. Set before any decoder of ours exists.
        unsafe { silence(std::ptr::null(), std::ptr::null_mut()) };
        Ok(Api {
            config,
            config_free,
            print_to: function!(b"err_set_logfp\0"),
            init: function!(b"ps_init\0"),
            free: function!(b"ps_free\0"),
            start_utt: function!(b"ps_start_utt\0"),
            process_raw: function!(b"ps_process_raw\0"),
            end_utt: function!(b"ps_end_utt\0"),
            get_hyp: function!(b"ps_get_hyp\0"),
            get_prob: function!(b"ps_get_prob\0"),
            get_logmath: function!(b"ps_get_logmath\0"),
            logmath_exp: function!(b"logmath_exp\0"),
            seg_iter: function!(b"ps_seg_iter\0"),
            seg_next: function!(b"ps_seg_next\0"),
            seg_word: function!(b"ps_seg_word\0"),
            seg_frames: function!(b"ps_seg_frames\0"),
            seg_prob: function!(b"ps_seg_prob\0"),
            seg_free: function!(b"ps_seg_free\0"),
            nbest: function!(b"ps_nbest\0"),
            nbest_next: function!(b"ps_nbest_next\0"),
            nbest_hyp: function!(b"ps_nbest_hyp\0"),
            nbest_free: function!(b"ps_nbest_free\0"),
            add_word: function!(b"ps_add_word\0"),
            add_lm_file: function!(b"ps_add_lm_file\0", b"ps_set_lm_file\0"),
            add_jsgf_string: function!(b"ps_add_jsgf_string\0", b"ps_set_jsgf_string\0"),
            use_search: function!(b"ps_activate_search\0", b"ps_set_search\0"),
            _library: library,
        })
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.config {
            ConfigApi::Prealpha { .. } => "PocketSphinx 0.8+5prealpha",
            ConfigApi::Five { .. } => "PocketSphinx 5",
        })
    }
}
