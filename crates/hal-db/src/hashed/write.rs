//! Makes a hashed file of version 2: header, groups by the engine's hash, overflow chains, big records.

use std::io::{self, Write};

use super::header::{Header, MAGIC_OVERFLOW, group_of, hash};

/// Load in percent above which the engine splits a group.
pub(super) const SPLIT_LOAD: i16 = 80;
/// Load in percent below which it merges two.
pub(super) const MERGE_LOAD: i16 = 50;
/// Load that is aimed at: the first write must not make the engine split at once.
const LOAD_AIM: u64 = 70;
const GROUP_BYTES: u32 = 1024;
const BLOCK_HEAD: usize = 8;
const RECORD_HEAD: usize = 8;
const BIG_HEAD: usize = 12;

/// Whose habits a written file follows where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavour {
    /// Subfiles `%0`, `%1`.
    #[default]
    OpenQm,
    /// Subfiles `~0`, `~1`, as ScarletDME names them.
    ScarletDme,
}

impl Flavour {
    /// The name of a subfile.
    #[must_use]
    pub fn subfile(self, number: usize) -> String {
        match self {
            Flavour::OpenQm => format!("%{number}"),
            Flavour::ScarletDme => format!("~{number}"),
        }
    }
}

/// How a file is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Whether ids that differ in case are the same.
    pub no_case: bool,
    /// Bytes of a group: 1024 times 1 to 8; 0 for 1024.
    pub group_bytes: u32,
    /// Creation time as the engine counts it.
    pub created: i32,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Groups of the file.
    pub modulus: u32,
    /// Overflow blocks, those of big records included.
    pub overflow_blocks: u32,
}

/// Writes `records` (id, record) as the primary and the overflow subfile. Ids are 1 to 255 bytes and differ.
///
/// # Errors
/// `InvalidInput` for an id or record that the format cannot hold; else what the writers say.
pub fn write<I, D>(
    records: &[(I, D)],
    options: &WriteOptions,
    primary: &mut dyn Write,
    overflow: &mut dyn Write,
) -> io::Result<Written>
where
    I: AsRef<[u8]>,
    D: AsRef<[u8]>,
{
    let group_bytes = if options.group_bytes == 0 { GROUP_BYTES } else { options.group_bytes };
    if !group_bytes.is_multiple_of(1024) || group_bytes > 8192 {
        return Err(invalid(format!("a group cannot have {group_bytes} bytes")));
    }
    let big_bytes = group_bytes * 4 / 5;
    let mut sizes = 0_u64;
    let mut longest = 0;
    for (id, record) in records {
        let (id, record) = (id.as_ref(), record.as_ref());
        if id.is_empty() || id.len() > 255 {
            return Err(invalid(format!("an id of {} bytes cannot be stored", id.len())));
        }
        if i32::try_from(record.len()).is_err() {
            return Err(invalid(format!("a record of {} bytes cannot be stored", record.len())));
        }
        sizes += stub_size(id, record, big_bytes) as u64;
        longest = longest.max(id.len());
    }
    let modulus = (sizes * 100).div_ceil(u64::from(group_bytes) * LOAD_AIM).max(1);
    let modulus = u32::try_from(modulus)
        .ok()
        .filter(|&modulus| modulus <= 1 << 30)
        .ok_or_else(|| invalid("the file has too many records for the format".to_owned()))?;
    let header = Header {
        version: 2,
        group_bytes,
        modulus,
        minimum_modulus: 1,
        big_bytes,
        mod_value: modulus.next_power_of_two(),
        load_bytes: sizes,
        longest_id: longest as u16,
        no_resize: false,
        no_case: options.no_case,
        index_map: 0,
        trigger: String::new(),
        index_path: String::new(),
        created: options.created,
        counted: Some(records.len() as u64),
        other_hash: false,
    };
    // Record numbers by group, as one sorted list: no vector for each of a million groups.
    let mut order: Vec<(u32, u32)> = records
        .iter()
        .enumerate()
        .map(|(at, (id, _))| {
            let group = group_of(hash(id.as_ref(), options.no_case), modulus, header.mod_value);
            (group, at as u32)
        })
        .collect();
    order.sort_unstable();
    let mut head = vec![0; group_bytes as usize];
    head[..2].copy_from_slice(&MAGIC_OVERFLOW.to_le_bytes());
    head[2..6].copy_from_slice(&group_bytes.to_le_bytes());
    overflow.write_all(&head)?;
    primary.write_all(&header.to_block())?;
    let mut writer = Writer { group_bytes: group_bytes as usize, big_bytes, overflow, next_block: 1 };
    let mut rest = order.as_slice();
    for group in 1..=modulus {
        let here = rest.partition_point(|(of, _)| *of == group);
        let (now, later) = rest.split_at(here);
        rest = later;
        writer.group(now.iter().map(|(_, at)| &records[*at as usize]), primary)?;
    }
    let overflow_blocks = writer.next_block - 1;
    Ok(Written { modulus, overflow_blocks })
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// Bytes a record takes in its group.
fn stub_size(id: &[u8], record: &[u8], big_bytes: u32) -> usize {
    let whole = RECORD_HEAD + id.len() + record.len();
    let stub = if is_big(id, record, big_bytes) { RECORD_HEAD + id.len() } else { whole };
    stub.next_multiple_of(4)
}

fn is_big(id: &[u8], record: &[u8], big_bytes: u32) -> bool {
    RECORD_HEAD + id.len() + record.len() >= big_bytes as usize
}

struct Writer<'a> {
    group_bytes: usize,
    big_bytes: u32,
    overflow: &'a mut dyn Write,
    /// Number of the overflow block that is written next.
    next_block: u32,
}

impl Writer<'_> {
    /// One group: its first block to `primary`, the blocks behind it to the overflow subfile.
    fn group<'r, I, D>(
        &mut self,
        records: impl Iterator<Item = &'r (I, D)>,
        primary: &mut dyn Write,
    ) -> io::Result<()>
    where
        I: AsRef<[u8]> + 'r,
        D: AsRef<[u8]> + 'r,
    {
        let mut blocks = vec![vec![0; BLOCK_HEAD]];
        for (id, record) in records {
            let (id, record) = (id.as_ref(), record.as_ref());
            let size = stub_size(id, record, self.big_bytes);
            let big = is_big(id, record, self.big_bytes);
            // Length of the data, or where it lies.
            let data = if big { self.big_record(record)? } else { record.len() as u32 };
            if blocks.last().is_none_or(|block| block.len() + size > self.group_bytes) {
                blocks.push(vec![0; BLOCK_HEAD]);
            }
            let Some(block) = blocks.last_mut() else { continue };
            let start = block.len();
            block.extend_from_slice(&(size as i16).to_le_bytes());
            block.extend([u8::from(big), id.len() as u8]);
            block.extend_from_slice(&data.to_le_bytes());
            block.extend_from_slice(id);
            if !big {
                block.extend_from_slice(record);
            }
            block.resize(start + size, 0);
        }
        let count = blocks.len();
        for (at, mut block) in blocks.into_iter().enumerate() {
            let used = block.len() as u16;
            // The overflow blocks of a group follow each other.
            let next = if at + 1 < count { self.next_block + u32::from(at > 0) } else { 0 };
            block[..4].copy_from_slice(&next.to_le_bytes());
            block[4..6].copy_from_slice(&used.to_le_bytes());
            block.resize(self.group_bytes, 0);
            if at == 0 {
                primary.write_all(&block)?;
            } else {
                self.put(&block)?;
            }
        }
        Ok(())
    }

    /// Writes a record into blocks of its own; gives the number of the first.
    fn big_record(&mut self, record: &[u8]) -> io::Result<u32> {
        let first = self.next_block;
        let room = self.group_bytes - BIG_HEAD;
        let count = record.len().div_ceil(room).max(1);
        for at in 0..count {
            let data = &record[at * room..record.len().min((at + 1) * room)];
            let next = if at + 1 < count { self.next_block + 1 } else { 0 };
            let mut block = Vec::with_capacity(self.group_bytes);
            block.extend_from_slice(&next.to_le_bytes());
            block.extend_from_slice(&((BIG_HEAD + data.len()) as u16).to_le_bytes());
            block.extend([1, 0]);
            let total = if at == 0 { record.len() as u32 } else { 0 };
            block.extend_from_slice(&total.to_le_bytes());
            block.extend_from_slice(data);
            block.resize(self.group_bytes, 0);
            self.put(&block)?;
        }
        Ok(first)
    }

    fn put(&mut self, block: &[u8]) -> io::Result<()> {
        self.overflow.write_all(block)?;
        self.next_block = self
            .next_block
            .checked_add(1)
            .filter(|&next| i32::try_from(next).is_ok())
            .ok_or_else(|| invalid("the file has too many overflow blocks for the format".to_owned()))?;
        Ok(())
    }
}
