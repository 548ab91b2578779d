//! Why a command did not do what it says: the number of section 21 and words that users of QM know.

use super::output::Stop;
use crate::error::Error;
use crate::query::ListError;

/// Wrong or missing words in a command.
pub(super) const ARGUMENTS: i64 = 1;
/// The account is not known.
pub(super) const UNKNOWN_ACCOUNT: i64 = 14;
/// A select list is needed.
pub(super) const LIST_REQUIRED: i64 = 16;
pub(super) const NOT_FOUND: i64 = 1004;
pub(super) const NOT_IN_TRANSACTION: i64 = 1010;
pub(super) const BARRED: i64 = 1020;
pub(super) const BAD_ITYPE: i64 = 1018;
const ILLEGAL_ID: i64 = 3000;
pub(super) const BAD_FILE_NAME: i64 = 3002;
pub(super) const NO_FILE: i64 = 3003;
pub(super) const NO_RECORD: i64 = 3006;
pub(super) const NO_VOC_RECORD: i64 = 3007;
pub(super) const NOT_F: i64 = 3009;
const IO: i64 = 3010;
const READ_ONLY: i64 = 3018;
pub(super) const NO_INDEX: i64 = 3019;
const EXCLUSIVE: i64 = 3021;
pub(super) const LOCKED_BY_OTHER: i64 = 3011;
const NO_LOCK: i64 = 3023;
const LOCK_TABLE_FULL: i64 = 3061;
const BAD_ITEM: i64 = 3034;
pub(super) const COMMIT_FAILED: i64 = 3043;
const TOO_LARGE: i64 = 3045;
pub(super) const Q_BARRED: i64 = 3051;

/// What a command says when it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Number of the error (21); @SYSTEM.RETURN.CODE becomes its negative.
    pub number: i64,
    /// What is wrong. Empty when the person knows: they stopped it.
    pub message: String,
    /// What can be done about it.
    pub hints: Vec<String>,
    /// The person stopped it.
    pub(super) stop: Option<Stop>,
}

impl Failure {
    pub(super) fn new(number: i64, message: impl Into<String>) -> Failure {
        Failure { number, message: message.into(), hints: Vec::new(), stop: None }
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hints.push(hint.into());
        self
    }

    /// Ends everything that runs, not this sentence alone.
    #[must_use]
    pub(super) fn and_stop(self) -> Failure {
        Failure { stop: Some(Stop::Abort), ..self }
    }

    /// The command needs to be written otherwise.
    pub(super) fn usage(usage: &str) -> Failure {
        Failure::new(ARGUMENTS, "The command is incomplete or has words it does not know")
            .hint(format!("write it as {usage}"))
    }

    /// Whether what was asked for is not known or not there, as opposed to refused or broken.
    #[must_use]
    pub fn is_not_understood(&self) -> bool {
        matches!(
            self.number,
            ARGUMENTS
                | UNKNOWN_ACCOUNT
                | LIST_REQUIRED
                | NOT_FOUND
                | BAD_ITYPE
                | ILLEGAL_ID
                | BAD_FILE_NAME
                | NO_FILE
                | NO_RECORD
                | NO_VOC_RECORD
                | NOT_F
                | NO_INDEX
                | BAD_ITEM
        )
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let number = match &error {
            Error::NoSuchFile { .. } => NO_FILE,
            Error::NoSuchItem { .. } | Error::BadItem { .. } => BAD_ITEM,
            Error::IllegalId { .. } => ILLEGAL_ID,
            Error::FileExists { .. } => BAD_FILE_NAME,
            Error::Parse(_) | Error::BadValue { .. } | Error::UnboundParameter { .. } => ARGUMENTS,
            Error::ReadOnly { .. } => READ_ONLY,
            Error::Locked { .. } | Error::NewerFormat { .. } => EXCLUSIVE,
            Error::TooLarge { .. } => TOO_LARGE,
            Error::Lock(crate::locks::Refused::TableFull) => LOCK_TABLE_FULL,
            Error::Lock(_) => LOCKED_BY_OTHER,
            Error::NotLocked { .. } => NO_LOCK,
            Error::NotInTransaction => NOT_IN_TRANSACTION,
            Error::Refused(why) if why.starts_with("Select list required") => LIST_REQUIRED,
            Error::Refused(why) if why.starts_with("Saved select list") => NO_RECORD,
            Error::Refused(_) => BARRED,
            Error::Panicked(_) | Error::Busy { .. } | Error::Closed => COMMIT_FAILED,
            Error::Store { .. } | Error::Damaged { .. } => IO,
        };
        let number = match &error {
            Error::Parse(parse) if parse.message == "File not found" => NO_FILE,
            _ => number,
        };
        let text = error.to_string();
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let mut letters = first.chars();
        let message = match (&error, letters.next()) {
            // An engine's own words begin with a capital.
            (Error::Parse(_) | Error::IllegalId { .. }, _) | (_, None) => first.to_owned(),
            (_, Some(letter)) => letter.to_uppercase().chain(letters).collect(),
        };
        let mut failure = Failure::new(number, message);
        for line in lines {
            match line.strip_prefix("hint: ") {
                Some(hint) => failure.hints.push(hint.to_owned()),
                None => failure.message.push_str(&format!("\n{line}")),
            }
        }
        failure
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Failure {
        let number = if matches!(error, ListError::NotActive(_)) { LIST_REQUIRED } else { ARGUMENTS };
        Failure::new(number, error.to_string())
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Failure {
        Failure { stop: Some(stop), ..Failure::new(0, "") }
    }
}
