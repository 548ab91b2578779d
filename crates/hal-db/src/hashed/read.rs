//! Walks the groups of a hashed file. Damage is counted and stepped over; nothing is believed without a check.

use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use super::header::{Header, MAGIC_OVERFLOW, group_of, hash, order_of};
use super::{HashedError, Ints, Order};

/// Faults that are kept with their place; more are only counted.
pub const FAULTS_MAX: usize = 100;

const BLOCK_HEAD: usize = 8;
const RECORD_HEAD: usize = 8;
const BIG_HEAD: usize = 12;
const TYPE_DATA: u8 = 0;
const TYPE_BIG: u8 = 1;
const TYPE_ENCRYPTED: u8 = 2;
const FLAG_BIG: u8 = 1;
/// Largest header block: one group of 8 kB.
const HEADER_READ: u64 = 8 * 1024;

/// A place that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Group (from 1) where it was met.
    pub group: u32,
    /// What is wrong, in words.
    pub reason: String,
}

/// What a walk over all groups found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// Records given out.
    pub records: u64,
    /// Of them, records in blocks of their own.
    pub big: u64,
    /// Of them, records that do not lie in the group of their hash: the real engine would not find them.
    pub misplaced: u64,
    /// The first [`FAULTS_MAX`] faults.
    pub faults: Vec<Fault>,
    /// Number of all faults. Each may stand for several records that are lost.
    pub fault_count: u64,
}

/// A hashed file that can be read.
#[derive(Debug)]
pub struct Reader<R> {
    header: Header,
    order: Order,
    primary: R,
    primary_bytes: u64,
    overflow: Option<R>,
    overflow_bytes: u64,
}

/// How far a walk goes on.
type Flow = ControlFlow<()>;
type Visit<'v> = dyn FnMut(&[u8], &[u8]) -> Flow + 'v;

impl<R: Read + Seek> Reader<R> {
    /// Takes the primary and the overflow subfile; the latter may be missing as long as nothing points into it.
    ///
    /// # Errors
    /// [`HashedError`] when the header is not one of a hashed file.
    pub fn open(mut primary: R, mut overflow: Option<R>) -> Result<Reader<R>, HashedError> {
        let primary_bytes = primary.seek(SeekFrom::End(0))?;
        let mut head = vec![0; primary_bytes.min(HEADER_READ) as usize];
        primary.seek(SeekFrom::Start(0))?;
        primary.read_exact(&mut head)?;
        let (header, order) = Header::parse(&head)?;
        let mut overflow_bytes = 0;
        if let Some(subfile) = &mut overflow {
            overflow_bytes = subfile.seek(SeekFrom::End(0))?;
            let mut magic = [0; 2];
            if overflow_bytes >= 2 {
                subfile.seek(SeekFrom::Start(0))?;
                subfile.read_exact(&mut magic)?;
            }
            if order_of(&magic, &[MAGIC_OVERFLOW]) != Some(order) {
                // Its blocks cannot be trusted; chains into it become faults.
                overflow = None;
                overflow_bytes = 0;
            }
        }
        Ok(Reader { header, order, primary, primary_bytes, overflow, overflow_bytes })
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Gives each record once, in the engine's own order: group by group, along each chain.
    ///
    /// `visit` gets id and record and returns `Break` to stop.
    ///
    /// # Errors
    /// [`HashedError::Io`] only; damage is told in the [`Scan`].
    pub fn records(&mut self, visit: &mut Visit<'_>) -> Result<Scan, HashedError> {
        let group_bytes = u64::from(self.header.group_bytes);
        let start = self.header.block_start();
        let there = self.primary_bytes.saturating_sub(start) / group_bytes;
        let groups = u64::from(self.header.modulus).min(there) as u32;
        let mut walk = Walk {
            scan: Scan::default(),
            seen: Seen::new(self.overflow_bytes.saturating_sub(start) / group_bytes),
            group: 0,
        };
        for group in 1..=groups {
            walk.group = group;
            if self.group(group, &mut walk, visit)?.is_break() {
                return Ok(walk.scan);
            }
        }
        if groups < self.header.modulus {
            walk.group = groups + 1;
            let modulus = self.header.modulus;
            walk.fault(format!("the file ends before it: {groups} of {modulus} groups are there"));
        }
        Ok(walk.scan)
    }

    fn group(&mut self, group: u32, walk: &mut Walk, visit: &mut Visit<'_>) -> Result<Flow, HashedError> {
        let mut block = vec![0; self.header.group_bytes as usize];
        let at = self.header.block_start() + u64::from(group - 1) * u64::from(self.header.group_bytes);
        self.primary.seek(SeekFrom::Start(at))?;
        self.primary.read_exact(&mut block)?;
        loop {
            if self.block(&block, walk, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let link = Ints { bytes: &block, order: self.order }.u32(0);
            if link == 0 {
                return Ok(ControlFlow::Continue(()));
            }
            match self.overflow_block(link, &mut walk.seen)? {
                Ok(next) => block = next,
                Err(reason) => {
                    walk.fault(format!("its chain is broken: {reason}"));
                    return Ok(ControlFlow::Continue(()));
                }
            }
        }
    }

    /// The records of one block.
    fn block(&mut self, block: &[u8], walk: &mut Walk, visit: &mut Visit<'_>) -> Result<Flow, HashedError> {
        let ints = Ints { bytes: block, order: self.order };
        let used = usize::from(ints.u16(4));
        if used == 0 {
            // A group that a merge gave up.
            return Ok(ControlFlow::Continue(()));
        }
        match block[6] {
            TYPE_DATA => {}
            TYPE_ENCRYPTED => {
                walk.fault("a block is encrypted".to_owned());
                return Ok(ControlFlow::Continue(()));
            }
            other => {
                walk.fault(format!("a block of type {other} stands where records should"));
                return Ok(ControlFlow::Continue(()));
            }
        }
        if used < BLOCK_HEAD || used > block.len() {
            walk.fault(format!("a block says it uses {used} of {} bytes", block.len()));
            return Ok(ControlFlow::Continue(()));
        }
        let mut at = BLOCK_HEAD;
        while at < used {
            let size = usize::try_from(ints.i16(at)).unwrap_or(0);
            let id_bytes = block.get(at + 3).map_or(0, |&length| usize::from(length));
            if size < RECORD_HEAD + id_bytes || id_bytes == 0 || at + size > used {
                walk.fault(format!("the record at byte {at} of a block has the impossible size {size}"));
                break;
            }
            let (flags, data) = (block[at + 2], ints.u32(at + 4));
            let id = &block[at + RECORD_HEAD..at + RECORD_HEAD + id_bytes];
            let body = &block[at + RECORD_HEAD + id_bytes..at + size];
            at += size;
            let flow = if flags & FLAG_BIG != 0 {
                match self.big_record(data, &mut walk.seen)? {
                    Ok(record) => {
                        walk.scan.big += 1;
                        self.found(id, &record, walk, visit)
                    }
                    Err(reason) => {
                        walk.fault(format!("record '{}': {reason}", shown(id)));
                        continue;
                    }
                }
            } else if let Some(record) = body.get(..data as usize) {
                self.found(id, record, walk, visit)
            } else {
                walk.fault(format!("record '{}' says it has {data} bytes, more than its place", shown(id)));
                continue;
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn found(&self, id: &[u8], record: &[u8], walk: &mut Walk, visit: &mut Visit<'_>) -> Flow {
        walk.scan.records += 1;
        let header = &self.header;
        if !header.other_hash
            && group_of(hash(id, header.no_case), header.modulus, header.mod_value) != walk.group
        {
            walk.scan.misplaced += 1;
        }
        visit(id, record)
    }

    /// The data of a record that has blocks of its own.
    fn big_record(&mut self, link: u32, seen: &mut Seen) -> Result<Result<Vec<u8>, String>, HashedError> {
        let mut block = match self.overflow_block(link, seen)? {
            Ok(block) => block,
            Err(reason) => return Ok(Err(reason)),
        };
        let total = Ints { bytes: &block, order: self.order }.u32(8) as usize;
        if total as u64 > self.overflow_bytes {
            return Ok(Err(format!("it says it has {total} bytes, more than the file")));
        }
        let mut record = Vec::new();
        loop {
            let ints = Ints { bytes: &block, order: self.order };
            if block[6] != TYPE_BIG {
                return Ok(Err(format!("a block of type {} stands in its chain", block[6])));
            }
            let rest = total - record.len();
            let here = rest.min(block.len() - BIG_HEAD);
            record.extend_from_slice(&block[BIG_HEAD..BIG_HEAD + here]);
            if record.len() == total {
                return Ok(Ok(record));
            }
            match self.overflow_block(ints.u32(0), seen)? {
                Ok(next) => block = next,
                Err(reason) => {
                    let read = record.len();
                    return Ok(Err(format!("only {read} of its {total} bytes are there: {reason}")));
                }
            }
        }
    }

    /// A block of the overflow subfile by its link; each is given once.
    fn overflow_block(&mut self, link: u32, seen: &mut Seen) -> Result<Result<Vec<u8>, String>, HashedError> {
        let group_bytes = u64::from(self.header.group_bytes);
        let start = self.header.block_start();
        let Some(overflow) = &mut self.overflow else {
            return Ok(Err("the overflow subfile is missing".to_owned()));
        };
        // Version 2 counts blocks, older ones give the place in bytes.
        let at = if self.header.version >= 2 {
            u64::from(link).checked_sub(1).map(|index| start + index * group_bytes)
        } else {
            let at = u64::from(link);
            (at >= start && (at - start).is_multiple_of(group_bytes)).then_some(at)
        };
        let Some(at) = at.filter(|at| at + group_bytes <= self.overflow_bytes) else {
            return Ok(Err(format!("link {link} leads out of the overflow subfile")));
        };
        if !seen.first_time((at - start) / group_bytes) {
            return Ok(Err(format!("link {link} leads to a block that was read before")));
        }
        let mut block = vec![0; group_bytes as usize];
        overflow.seek(SeekFrom::Start(at))?;
        overflow.read_exact(&mut block)?;
        Ok(Ok(block))
    }
}

/// The state of a walk.
struct Walk {
    scan: Scan,
    seen: Seen,
    group: u32,
}

impl Walk {
    fn fault(&mut self, reason: String) {
        self.scan.fault_count += 1;
        if self.scan.faults.len() < FAULTS_MAX {
            self.scan.faults.push(Fault { group: self.group, reason });
        }
    }
}

/// Overflow blocks that were read: a bit each.
struct Seen(Vec<u8>);

impl Seen {
    fn new(blocks: u64) -> Seen {
        Seen(vec![0; (blocks / 8 + 1) as usize])
    }

    fn first_time(&mut self, block: u64) -> bool {
        let bit = 1 << (block % 8);
        match self.0.get_mut((block / 8) as usize) {
            Some(byte) if *byte & bit == 0 => {
                *byte |= bit;
                true
            }
            _ => false,
        }
    }
}

fn shown(id: &[u8]) -> String {
    String::from_utf8_lossy(id).chars().filter(|c| !c.is_control()).take(40).collect()
}
