//! An account as folders of hashed files, with a VOC that names them: for the engines that HAL's users come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::dynarray::{DynArray, FM, field, values};
use crate::error::{Error, Result};
use crate::hashed::{
    Encoding, Flavour, Reader, WriteOptions, directory_name, directory_text, id_from_text, write,
};
use crate::import::{INDICES_PARAGRAPH, ORIGIN, Skip};
use crate::{Env, Snapshot, schema};

/// How an account is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Whose names for subfiles, and whose way to count time.
    pub flavour: Flavour,
    /// Encoding of files that were made in HAL; an imported file goes out in the encoding it came in.
    pub encoding: Encoding,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountExport {
    /// The files.
    pub files: Vec<ExportedFile>,
    /// Names of household files without a record, which were left out.
    pub empty: Vec<String>,
    /// Records that could not be written, and why.
    pub skipped: Vec<Skip>,
    /// VOC items written, those of files included.
    pub voc: usize,
}

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its name.
    pub name: String,
    /// Records written.
    pub records: usize,
    /// Dictionary items written.
    pub items: usize,
}

type Pair = (Vec<u8>, Vec<u8>);

/// Writes what the snapshot shows as an account in the new folder `dir`, and reads every file back to compare.
///
/// The folder appears only once all is written. Indices are not written as such: the paragraph `HAL.INDICES` in the VOC
/// builds them when it is run in the engine, and HAL's own import follows it.
///
/// # Errors
/// [`Error::Refused`] when `dir` exists or the disk fails; [`Error::Store`].
pub fn account(snapshot: &Snapshot, dir: &Path, options: &ExportOptions, env: &Env) -> Result<AccountExport> {
    if dir.exists() {
        let text = format!("{} exists already\n\nhint: name a new folder", dir.display());
        return Err(Error::Refused(text));
    }
    let mut partial = dir.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let mut export = Export {
        snapshot,
        dir: &partial,
        options: *options,
        created: created(options.flavour, env),
        done: AccountExport::default(),
        voc: BTreeMap::new(),
        indices: Vec::new(),
    };
    let written = std::fs::create_dir(&partial).map_err(|error| failed(&partial, &error)).and_then(|()| {
        export.run()?;
        sync_dir(&partial)?;
        std::fs::rename(&partial, dir).map_err(|error| failed(dir, &error))?;
        sync_dir(dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    });
    if let Err(error) = written {
        // A folder that was there before is not ours to remove.
        if !matches!(&error, Error::Refused(text) if text.contains("exists")) {
            std::fs::remove_dir_all(&partial).ok();
        }
        return Err(error);
    }
    Ok(export.done)
}

/// OpenQM counts seconds from 1970, ScarletDME local seconds from 31 December 1967.
fn created(flavour: Flavour, env: &Env) -> i32 {
    let day = match flavour {
        Flavour::OpenQm => env.today - crate::date::UNIX_EPOCH_DAY,
        Flavour::ScarletDme => env.today,
    };
    i32::try_from(day * 86_400 + i64::from(env.second)).unwrap_or(0)
}

struct Export<'a> {
    snapshot: &'a Snapshot,
    dir: &'a Path,
    options: ExportOptions,
    created: i32,
    done: AccountExport,
    voc: BTreeMap<Vec<u8>, Vec<u8>>,
    indices: Vec<String>,
}

/// What the import noted about a file.
struct Origin {
    directory: bool,
    no_case: bool,
    group_bytes: u32,
    encoding: Encoding,
    added: BTreeSet<String>,
}

impl Export<'_> {
    fn run(&mut self) -> Result<()> {
        let household: BTreeSet<&str> = schema::household()?.iter().map(|file| file.name).collect();
        for name in self.snapshot.files()? {
            if name == "VOC" {
                continue;
            }
            let ours = self.snapshot.read(&format!("DICT {name}"), ORIGIN)?.is_none();
            if ours && household.contains(name.as_str()) && self.snapshot.ids(&name)?.next().is_none() {
                self.done.empty.push(name);
                continue;
            }
            self.file(&name)?;
        }
        self.write_voc()
    }

    fn origin(&self, name: &str) -> Result<Origin> {
        let record = self.snapshot.read(&format!("DICT {name}"), ORIGIN)?.unwrap_or_default();
        let group_bytes: u32 = record.field_text(4).parse().unwrap_or(0);
        let known = matches!(group_bytes, 1024 | 2048 | 3072 | 4096 | 5120 | 6144 | 7168 | 8192);
        Ok(Origin {
            directory: record.field(2) == b"DIRECTORY",
            no_case: self.snapshot.is_no_case(name)?,
            group_bytes: if known { group_bytes } else { 0 },
            encoding: Encoding::from_name(&record.field_text(5)).unwrap_or(self.options.encoding),
            added: values(record.field(6)).map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
        })
    }

    fn file(&mut self, name: &str) -> Result<()> {
        let origin = self.origin(name)?;
        let records =
            self.collect(name, origin.encoding, origin.no_case, |_, record| Some(record.to_vec()))?;
        let originals = self.originals(name)?;
        let own = |id: &str| id == ORIGIN || id == schema::MARKER || id.starts_with(&format!("{ORIGIN}*"));
        let items = self.collect(&format!("DICT {name}"), origin.encoding, false, |id, record| {
            if own(id) || origin.added.contains(id) {
                return None;
            }
            Some(originals.get(id).cloned().unwrap_or_else(|| record.to_vec()))
        });
        let items = items?;
        let folder = String::from_utf8_lossy(&directory_name(name.as_bytes())).into_owned();
        let dict_folder = format!("{folder}.DIC");
        if origin.directory {
            self.write_directory(&folder, &records)?;
        } else {
            self.write_hashed(&folder, &records, origin.no_case, origin.group_bytes)?;
        }
        self.write_hashed(&dict_folder, &items, false, 0)?;
        let entry = DynArray::from_fields(["F", &folder, &dict_folder]);
        self.voc.insert(id_from_text(name), entry.into_bytes());
        let indices = self.snapshot.indices(name)?;
        if !indices.is_empty() {
            self.indices.push(format!("MAKE.INDEX {name} {}", indices.join(" ")));
        }
        self.done.files.push(ExportedFile {
            name: name.to_owned(),
            records: records.len(),
            items: items.len(),
        });
        Ok(())
    }

    /// The dictionary items that the import put others in place of.
    fn originals(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut originals = BTreeMap::new();
        self.snapshot.scan(&format!("DICT {name}"), &mut |id, record| {
            if let Some(item) = id.strip_prefix(ORIGIN).and_then(|id| id.strip_prefix('*'))
                && let Some(at) = memchr::memchr(FM, record)
            {
                originals.insert(item.to_owned(), record[at + 1..].to_vec());
            }
            ControlFlow::Continue(())
        })?;
        Ok(originals)
    }

    /// Ids and records of a file in the account's encoding.
    fn collect(
        &mut self,
        name: &str,
        encoding: Encoding,
        no_case: bool,
        mut choose: impl FnMut(&str, &[u8]) -> Option<Vec<u8>>,
    ) -> Result<Vec<Pair>> {
        let mut records: Vec<Pair> = Vec::new();
        let mut folded = BTreeSet::new();
        let skipped = &mut self.done.skipped;
        let mut skip = |id: &str, reason: &str| {
            let what = format!("{name} {id}");
            skipped.push(Skip { what, reason: reason.to_owned() });
        };
        self.snapshot.scan(name, &mut |id, record| {
            let Some(record) = choose(id, record) else { return ControlFlow::Continue(()) };
            let bytes = id_from_text(id);
            match (encoding.encode(&bytes), encoding.encode(&record)) {
                (Some(bytes), Some(record)) => {
                    if bytes.len() > 255 {
                        skip(id, "its id is longer than 255 bytes");
                    } else if no_case && !folded.insert(bytes.to_ascii_uppercase()) {
                        skip(id, "its id differs from another one in case alone");
                    } else {
                        records.push((bytes.into_owned(), record.into_owned()));
                    }
                }
                _ => skip(id, "it has a character that the account's encoding lacks"),
            }
            ControlFlow::Continue(())
        })?;
        Ok(records)
    }

    fn write_hashed(&self, folder: &str, records: &[Pair], no_case: bool, group_bytes: u32) -> Result<()> {
        let dir = self.dir.join(folder);
        std::fs::create_dir(&dir).map_err(|error| failed(&dir, &error))?;
        let paths = [0, 1].map(|number| dir.join(self.options.flavour.subfile(number)));
        let create = |path: &PathBuf| File::create(path).map_err(|error| failed(path, &error));
        let mut primary = BufWriter::new(create(&paths[0])?);
        let mut overflow = BufWriter::new(create(&paths[1])?);
        let options = WriteOptions { no_case, group_bytes, created: self.created };
        write(records, &options, &mut primary, &mut overflow)
            .and_then(|_| {
                primary.flush()?;
                overflow.flush()?;
                primary.get_ref().sync_all()?;
                overflow.get_ref().sync_all()
            })
            .map_err(|error| failed(&dir, &error))?;
        drop((primary, overflow));
        compare(&dir, &paths, records)
    }

    fn write_directory(&self, folder: &str, records: &[Pair]) -> Result<()> {
        let dir = self.dir.join(folder);
        std::fs::create_dir(&dir).map_err(|error| failed(&dir, &error))?;
        for (id, record) in records {
            let name = directory_name(id);
            let path = dir.join(os_name(&name)?);
            File::create_new(&path)
                .and_then(|mut file| {
                    file.write_all(&directory_text(record))?;
                    file.sync_all()
                })
                .map_err(|error| failed(&path, &error))?;
        }
        Ok(())
    }

    fn write_voc(&mut self) -> Result<()> {
        let encoding = self.options.encoding;
        // Names of files are written as what they are on disk; what else is called so cannot be kept.
        let items = self.collect("VOC", encoding, false, |id, record| {
            (field(record, 1).first() != Some(&b'F') && id != INDICES_PARAGRAPH).then(|| record.to_vec())
        })?;
        for (id, record) in items {
            self.voc.entry(id).or_insert(record);
        }
        let entry = DynArray::from_fields(["F", "VOC", "VOC.DIC"]).into_bytes();
        self.voc.insert(b"VOC".to_vec(), entry);
        if !self.indices.is_empty() {
            let lines = std::iter::once("PA").chain(self.indices.iter().map(String::as_str));
            self.voc.insert(INDICES_PARAGRAPH.as_bytes().to_vec(), DynArray::from_fields(lines).into_bytes());
        }
        let records: Vec<Pair> = std::mem::take(&mut self.voc).into_iter().collect();
        let dict = self.collect("DICT VOC", encoding, false, |_, record| Some(record.to_vec()))?;
        self.write_hashed("VOC", &records, false, 0)?;
        self.write_hashed("VOC.DIC", &dict, false, 0)?;
        self.done.voc = records.len();
        Ok(())
    }
}

/// Reads a written file back: what cannot be read again was not exported.
fn compare(dir: &Path, paths: &[PathBuf; 2], records: &[Pair]) -> Result<()> {
    let open = |path: &PathBuf| File::open(path).map_err(|error| failed(path, &error));
    let expected: BTreeMap<&[u8], &[u8]> =
        records.iter().map(|(id, record)| (id.as_slice(), record.as_slice())).collect();
    let mut equal = 0;
    let scan = Reader::open(open(&paths[0])?, Some(open(&paths[1])?)).and_then(|mut reader| {
        reader.records(&mut |id, record| {
            equal += usize::from(expected.get(id) == Some(&record));
            ControlFlow::Continue(())
        })
    });
    let scan = scan.map_err(|error| Error::Refused(format!("{}: {error}", dir.display())))?;
    if equal != records.len() || scan.fault_count > 0 || scan.misplaced > 0 {
        let text = format!("{}: {equal} of {} records read back", dir.display(), records.len());
        return Err(Error::Refused(text));
    }
    Ok(())
}

/// A name on disk from bytes; only Unix has names that are no text.
fn os_name(name: &[u8]) -> Result<std::ffi::OsString> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        Ok(std::ffi::OsStr::from_bytes(name).to_owned())
    }
    #[cfg(not(unix))]
    {
        let text = std::str::from_utf8(name).map_err(|_| {
            Error::Refused("a record id is no text and cannot be a file name here".to_owned())
        })?;
        Ok(text.into())
    }
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Refused(format!("{}: {error}", path.display()))
}

/// Makes the names in a folder durable, where the system can.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| failed(dir, &error))?;
    }
    Ok(())
}
