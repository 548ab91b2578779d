//! The header of an alternate key subfile: what is indexed and how. The keys themselves are built anew on import.

use super::header::{MAGIC_INDEX, order_of};
use super::{HashedError, Ints};

const FLAG_ENABLED: u16 = 1;
const FLAG_RIGHT: u16 = 2;
const FLAG_NULLS: u16 = 4;
const FLAG_MULTI: u16 = 8;
const FLAG_NO_CASE: u16 = 0x40;
/// Bytes of the header that are read.
pub(crate) const INDEX_HEADER_BYTES: usize = 856;

/// Definition of an alternate key index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexHeader {
    /// Dictionary item.
    pub name: String,
    /// Field number; `None` for an expression (I-type).
    pub field: Option<u16>,
    /// Whether it was kept up to date.
    pub enabled: bool,
    /// Right justified: numeric order.
    pub right: bool,
    /// Whether empty values are in it.
    pub nulls: bool,
    /// Whether every value of a field is in it.
    pub multi: bool,
    /// Whether its keys are in upper case.
    pub no_case: bool,
    /// Creation time of the data file it belongs to.
    pub created: i32,
}

impl IndexHeader {
    /// Reads the first bytes of an index subfile (`%2`, `%3` …).
    ///
    /// # Errors
    /// [`HashedError::NotHashed`], [`HashedError::Header`] for one without a name.
    pub fn parse(bytes: &[u8]) -> Result<IndexHeader, HashedError> {
        if bytes.len() < INDEX_HEADER_BYTES {
            return Err(HashedError::NotHashed("it is too short"));
        }
        let order = order_of(bytes, &[MAGIC_INDEX])
            .ok_or(HashedError::NotHashed("it does not begin with the mark of an index"))?;
        let ints = Ints { bytes, order };
        let flags = ints.u16(2);
        let name = ints.text(532, 64);
        if name.is_empty() {
            return Err(HashedError::Header("the index has no name".to_owned()));
        }
        Ok(IndexHeader {
            name,
            field: u16::try_from(ints.i16(4)).ok(),
            enabled: flags & FLAG_ENABLED != 0,
            right: flags & FLAG_RIGHT != 0,
            nulls: flags & FLAG_NULLS != 0,
            multi: flags & FLAG_MULTI != 0,
            no_case: flags & FLAG_NO_CASE != 0,
            created: ints.i32(596),
        })
    }
}
