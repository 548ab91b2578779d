//! The header of the primary subfile, and the hash that says in which group a record lies.

use super::{HashedError, Ints, Order};

/// Bytes of a header that mean something; the block is larger and zero to its end.
pub(super) const HEADER_BYTES: usize = 458;
/// Bytes of the header block of version 0.
const HEADER_BLOCK_V0: u64 = 1024;
pub(super) const MAGIC_PRIMARY: u16 = 0x209A;
pub(super) const MAGIC_OVERFLOW: u16 = 0x209B;
pub(super) const MAGIC_INDEX: u16 = 0x209C;
const MAGIC_CONVERTING: u16 = 0x209D;
pub(super) const FLAG_NO_RESIZE: u16 = 0x08;
pub(super) const FLAG_NO_CASE: u16 = 0x10;
/// Groups are 1 to 8 kB.
const GROUP_BYTES_MAX: u32 = 8 * 1024;

/// What the header of a hashed file says; the statistics, whose layout depends on the engine, are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// File version: 0, 1 or 2.
    pub version: u8,
    /// Bytes of a group, 1024 times 1 to 8.
    pub group_bytes: u32,
    /// Number of groups.
    pub modulus: u32,
    /// Fewest groups the file shrinks to.
    pub minimum_modulus: u32,
    /// From this size a record lies in blocks of its own.
    pub big_bytes: u32,
    /// Smallest power of two that is not below the modulus.
    pub mod_value: u32,
    /// Sum of the sizes of all records in groups.
    pub load_bytes: u64,
    /// Longest id ever written, in bytes.
    pub longest_id: u16,
    /// Whether the file may change its modulus.
    pub no_resize: bool,
    /// Whether ids that differ in the case of a-z are the same.
    pub no_case: bool,
    /// Bit n: alternate key index n exists.
    pub index_map: u32,
    /// Name of the trigger subroutine, empty for none.
    pub trigger: String,
    /// Folder of the indices, empty for the file's own.
    pub index_path: String,
    /// Creation time as the engine counts it; indices repeat it.
    pub created: i32,
    /// Number of records as last counted; approximate.
    pub counted: Option<u64>,
    /// Whether another hash than the known one distributes the records: they are read all the same.
    pub other_hash: bool,
}

impl Header {
    /// Reads a header block; tells the byte order it was written in.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Header, Order), HashedError> {
        if bytes.len() < HEADER_BYTES {
            return Err(HashedError::NotHashed("it is too short"));
        }
        let order = order_of(bytes, &[MAGIC_PRIMARY, MAGIC_CONVERTING])
            .ok_or(HashedError::NotHashed("it does not begin with the mark of one"))?;
        let ints = Ints { bytes, order };
        if ints.u16(0) == MAGIC_CONVERTING {
            return Err(HashedError::NotHashed("its conversion was never finished"));
        }
        let version = bytes[44];
        if version > 2 {
            return Err(HashedError::Version(version));
        }
        let group_bytes = ints.u32(2);
        if group_bytes == 0 || !group_bytes.is_multiple_of(1024) || group_bytes > GROUP_BYTES_MAX {
            return Err(HashedError::Header(format!("a group cannot have {group_bytes} bytes")));
        }
        let modulus = ints.i32(6);
        if modulus < 1 {
            return Err(HashedError::Header(format!("it cannot have {modulus} groups")));
        }
        let high = u64::from(ints.u16(32));
        let flags = ints.u16(38);
        let header = Header {
            version,
            group_bytes,
            modulus: modulus as u32,
            minimum_modulus: ints.u32(10),
            big_bytes: ints.u32(14),
            mod_value: ints.u32(26),
            load_bytes: u64::from(ints.u32(22)) | high << 32,
            longest_id: ints.u16(30),
            no_resize: flags & FLAG_NO_RESIZE != 0,
            no_case: flags & FLAG_NO_CASE != 0,
            index_map: ints.u32(40),
            trigger: ints.text(46, 33),
            index_path: ints.text(180, 256),
            created: ints.i32(436),
            counted: u64::try_from(ints.i64(440)).ok().and_then(|count| count.checked_sub(1)),
            other_hash: bytes[449] != 0,
        };
        Ok((header, order))
    }

    /// Bytes before the first group, and before the first overflow block.
    #[must_use]
    pub fn block_start(&self) -> u64 {
        if self.version == 0 { HEADER_BLOCK_V0 } else { u64::from(self.group_bytes) }
    }

    /// The header block, little endian, statistics zero.
    pub(super) fn to_block(&self) -> Vec<u8> {
        let mut block = vec![0; self.block_start() as usize];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC_PRIMARY.to_le_bytes());
        put(2, &self.group_bytes.to_le_bytes());
        put(6, &self.modulus.to_le_bytes());
        put(10, &self.minimum_modulus.to_le_bytes());
        put(14, &self.big_bytes.to_le_bytes());
        put(18, &super::write::SPLIT_LOAD.to_le_bytes());
        put(20, &super::write::MERGE_LOAD.to_le_bytes());
        put(22, &(self.load_bytes as u32).to_le_bytes());
        put(26, &self.mod_value.to_le_bytes());
        put(30, &self.longest_id.to_le_bytes());
        put(32, &((self.load_bytes >> 32) as u16).to_le_bytes());
        let mut flags = 0;
        if self.no_resize {
            flags |= FLAG_NO_RESIZE;
        }
        if self.no_case {
            flags |= FLAG_NO_CASE;
        }
        put(38, &flags.to_le_bytes());
        put(40, &self.index_map.to_le_bytes());
        put(44, &[self.version]);
        put(436, &self.created.to_le_bytes());
        put(440, &self.counted.map_or(0, |count| count as i64 + 1).to_le_bytes());
        block
    }
}

/// The byte order in which the first two bytes are one of `magics`.
pub(super) fn order_of(bytes: &[u8], magics: &[u16]) -> Option<Order> {
    let first = bytes.first_chunk::<2>()?;
    if magics.contains(&u16::from_le_bytes(*first)) {
        Some(Order::Little)
    } else if magics.contains(&u16::from_be_bytes(*first)) {
        Some(Order::Big)
    } else {
        None
    }
}

/// The hash of an id, 31 bits. `no_case` folds a-z first, as case-insensitive files do.
#[must_use]
pub fn hash(id: &[u8], no_case: bool) -> u32 {
    let mut h = 0_u32;
    for &byte in id {
        let byte = if no_case { byte.to_ascii_uppercase() } else { byte };
        // C's char is signed: bytes from 0x80 reach the upper bits.
        h ^= i32::from(byte.cast_signed()).cast_unsigned();
        h = h.rotate_right(5);
    }
    h.wrapping_mul(0x5646_A2C3).reverse_bits() & 0x7FFF_FFFF
}

/// The group (from 1) of a hash.
#[must_use]
pub fn group_of(hash: u32, modulus: u32, mod_value: u32) -> u32 {
    let group = hash % mod_value.max(1) + 1;
    if group > modulus { hash % (mod_value / 2).max(1) + 1 } else { group }
}
