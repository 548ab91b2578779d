//! What a conversion may ask of the world: the record at hand, other files, subroutines, the day.

use super::Status;
use crate::Env;

/// Settings of a session that change what conversions give; the defaults are those of QM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// DATE.FORMAT ON: day before month in codes that do not say.
    pub european_dates: bool,
    /// YEARBASE: first year of the hundred that two digits mean.
    pub year_base: i32,
    /// Off is NO.DATE.WRAPPING: 31 June is refused and not 1 July.
    pub wrap_dates: bool,
    /// AMPM.UPCASE.
    pub capital_am_pm: bool,
    /// CRDB.UPCASE.
    pub capital_cr_db: bool,
    /// PICK.NULL: ML, MR and formats show nothing for "", not 0.
    pub pick_null: bool,
    /// SPACE.MCT: MCT makes capitals after spaces only.
    pub title_after_spaces: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            european_dates: false,
            year_base: 1930,
            wrap_dates: true,
            capital_am_pm: false,
            capital_cr_db: false,
            pick_null: false,
            title_after_spaces: false,
        }
    }
}

/// A record fetched by a `T` code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Translation {
    /// There is no such file, or the caller has no files.
    NoFile,
    /// The file has no such record.
    NoRecord,
    /// The record's bytes.
    Record(Vec<u8>),
}

/// A user's subroutine called for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routine<'a> {
    /// Its name, as written in the code.
    pub name: &'a str,
    /// What follows the name after a point in `Uname.ext`; else "".
    pub extension: &'a str,
    /// Whether the value is to be shown rather than stored.
    pub is_oconv: bool,
}

/// The surroundings of a conversion. A caller without records or files uses [`Alone`].
///
/// An implementation must not change anything: the same conversion may be done many times or not at all.
pub trait Context {
    /// The caller's date, for years that a date leaves out.
    fn env(&self) -> &Env;

    /// The session's settings.
    fn options(&self) -> Options {
        Options::default()
    }

    /// `@RECORD`.
    fn record(&self) -> &[u8] {
        // QM's variables are 0 until they are set.
        b"0"
    }

    /// `@ID`.
    fn id(&self) -> &[u8] {
        b"0"
    }

    /// Whether the value is that of a left-justified item of a query: `Tn` then takes the first characters.
    fn is_left_justified(&self) -> bool {
        false
    }

    /// The record `id` of a file, or of its dictionary: for `Tfile;cv;i;o`.
    fn translate(&self, _file: &str, _is_dictionary: bool, _id: &[u8]) -> Translation {
        Translation::NoFile
    }

    /// Value of an `A;` or `F;` correlative on the record; `kind` is that letter, `text` what follows it.
    ///
    /// # Errors
    /// The status of the conversion: [`Status::BadCode`] where there are no correlatives.
    fn correlative(&self, _kind: char, _text: &str, _value: &[u8]) -> Result<Vec<u8>, Status> {
        Err(Status::BadCode)
    }

    /// Calls a subroutine: the result and its status.
    ///
    /// # Errors
    /// The status of the conversion: [`Status::BadCode`] where there are no subroutines.
    fn call(&self, _routine: Routine<'_>, _value: &[u8]) -> Result<(Vec<u8>, Status), Status> {
        Err(Status::BadCode)
    }

    /// Seconds east of UTC at an epoch second, for the `E` codes.
    fn utc_offset(&self, _epoch: i64) -> i32 {
        0
    }

    /// Name of the time zone at an epoch second.
    fn zone(&self, _epoch: i64) -> String {
        "UTC".to_owned()
    }
}

/// No record, no files, UTC; a day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone(pub Env);

impl Context for Alone {
    fn env(&self) -> &Env {
        &self.0
    }
}
