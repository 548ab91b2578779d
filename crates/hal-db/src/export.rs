//! What goes out: a whole account in the files of OpenQM and ScarletDME ([`account`]), one file as CSV or JSON ([`table`]).

mod account;
pub mod table;

pub(crate) use account::sync_dir;
pub use account::{AccountExport, ExportOptions, ExportedFile, account};
