//! What goes out: a whole account in the files of OpenQM and ScarletDME ([`account`]).

mod account;

pub(crate) use account::sync_dir;
pub use account::{AccountExport, ExportOptions, ExportedFile, account};
