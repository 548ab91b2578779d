//! Sample files of a real engine against its own dump; what we write read back; damage of every kind.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

/// The folder with sample files made by a real engine, where it lies beside the project.
pub(crate) fn samples() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/qm");
    if dir.join("data").is_dir() && dir.join("dump").is_dir() {
        return Some(dir);
    }
    eprintln!("not run: the sample files are not at {}", dir.display());
    None
}

pub(crate) type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// Names of the samples, and the records of each as the engine itself read them, in its order.
pub(crate) fn dumps(dir: &Path) -> Vec<(String, Records)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir.join("dump")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().strip_suffix(".dump.tsv").unwrap().to_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let records = text.lines().map(|line| {
            let (id, record) = line.split_once('\t').unwrap();
            (unescaped(id), unescaped(record))
        });
        all.push((name, records.collect()));
    }
    all.sort();
    assert_eq!(all.len(), 18);
    all
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'\\' && after.first() == Some(&b'x') {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[1..3]).unwrap(), 16).unwrap());
            rest = &after[3..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    bytes
}

fn read(primary: &[u8], overflow: Option<&[u8]>) -> (Records, Scan, Header) {
    let mut reader = Reader::open(Cursor::new(primary), overflow.map(Cursor::new)).unwrap();
    let mut records = Vec::new();
    let scan = reader
        .records(&mut |id, record| {
            records.push((id.to_vec(), record.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    (records, scan, reader.header().clone())
}

fn subfiles(dir: &Path, name: &str) -> (Vec<u8>, Vec<u8>) {
    let dir = dir.join("data").join(name);
    (std::fs::read(dir.join("~0")).unwrap(), std::fs::read(dir.join("~1")).unwrap())
}

fn written(records: &Records, options: &WriteOptions) -> (Vec<u8>, Vec<u8>, Written) {
    let (mut primary, mut overflow) = (Vec::new(), Vec::new());
    let done = write(records, options, &mut primary, &mut overflow).unwrap();
    (primary, overflow, done)
}

#[test]
fn every_sample_reads_as_the_engine_read_it_in_the_same_order() {
    let Some(dir) = samples() else { return };
    let mut total = 0;
    for (name, expected) in dumps(&dir) {
        let (primary, overflow) = subfiles(&dir, &name);
        let (records, scan, header) = read(&primary, Some(&overflow));
        assert_eq!(scan.fault_count, 0, "{name}: {:?}", scan.faults);
        assert_eq!(scan.misplaced, 0, "{name}");
        assert!(records == expected, "{name} differs from its dump");
        assert_eq!(header.counted, Some(records.len() as u64), "{name}");
        assert_eq!(header.no_case, name == "EDGE_NC");
        let version = if name == "EDGE_V0" { 0 } else { 2 - u8::from(name == "EDGE_V1") };
        assert_eq!(header.version, version, "{name}");
        total += records.len();
    }
    assert!(total > 500, "{total}");
}

#[test]
fn what_is_written_has_the_header_the_engine_gives_the_same_records() {
    let Some(dir) = samples() else { return };
    for (name, expected) in dumps(&dir) {
        let (primary, _) = subfiles(&dir, &name);
        let theirs = Header::parse(&primary).unwrap().0;
        let options = WriteOptions {
            no_case: theirs.no_case,
            group_bytes: theirs.group_bytes,
            created: theirs.created,
        };
        let (primary, overflow, done) = written(&expected, &options);
        let (records, scan, ours) = read(&primary, Some(&overflow));
        assert_eq!((scan.fault_count, scan.misplaced), (0, 0), "{name}");
        let sorted = |mut records: Records| {
            records.sort();
            records
        };
        assert!(sorted(records) == sorted(expected), "{name} does not read back");
        // What depends on the records alone must agree with the engine's own figures.
        assert_eq!(ours.load_bytes, theirs.load_bytes, "{name}");
        assert_eq!((ours.big_bytes, ours.counted), (theirs.big_bytes, theirs.counted), "{name}");
        assert!(ours.longest_id <= theirs.longest_id, "{name}");
        assert_eq!((ours.modulus, ours.version), (done.modulus, 2));
        assert!(ours.mod_value >= ours.modulus && ours.mod_value / 2 < ours.modulus);
    }
}

#[test]
fn the_sample_indices_are_described() {
    let Some(dir) = samples() else { return };
    let mut found = Vec::new();
    for number in 2..6 {
        let bytes = std::fs::read(dir.join("data/PERSON_AK").join(format!("~{number}"))).unwrap();
        let index = IndexHeader::parse(&bytes).unwrap();
        let (primary, _) = subfiles(&dir, "PERSON_AK");
        let header = Header::parse(&primary).unwrap().0;
        assert_eq!((index.created, header.index_map), (header.created, 0b1111));
        assert!(index.enabled);
        found.push((index.name, index.field, index.right, index.multi));
    }
    let expected = [
        ("LAST_NAME", Some(2), false, false),
        ("BALANCE", Some(10), true, false),
        ("PHONE", Some(5), false, true),
        ("AGE_BAND", None, false, false),
    ];
    let expected = expected.map(|(name, field, right, multi)| (name.to_owned(), field, right, multi));
    assert_eq!(found, expected);
}

/// A file with chains, big records, an empty record and ids of all bytes.
fn busy() -> Records {
    let mut records: Records = (0..300_u32)
        .map(|n| {
            let id = format!("id{n}").into_bytes();
            let record: Vec<u8> = (0..n * 37 % 900)
                .map(|at| [b'a' + (at % 26) as u8, 0xFE, 0xFD, 0][at as usize % 4])
                .collect();
            (id, record)
        })
        .collect();
    records.push((vec![0xC7, 0xE9, 0x81], b"high bytes".to_vec()));
    records.push((vec![b'L'; 255], vec![0xFE; 20_000]));
    records.push((b"empty".to_vec(), Vec::new()));
    records
}

#[test]
fn chains_and_big_records_are_written_so_that_they_are_found() {
    let records = busy();
    // All in few groups: groups of 8 kB hold more than the aim, so ids are chosen to collide.
    let mut crowded: Records =
        (0..60_000_u32).map(|n| (format!("K{n}").into_bytes(), vec![b'x'; 40])).collect();
    crowded.retain(|(id, _)| hash(id, false).is_multiple_of(64));
    for records in [records, crowded] {
        let (primary, overflow, done) = written(&records, &WriteOptions::default());
        assert!(done.overflow_blocks > 0);
        let (mut read, scan, _) = read(&primary, Some(&overflow));
        assert_eq!((scan.fault_count, scan.misplaced), (0, 0));
        let mut records = records;
        records.sort();
        read.sort();
        assert!(read == records);
    }
}

#[test]
fn a_record_the_format_cannot_hold_is_refused() {
    let refused = |id: &[u8]| {
        let records = vec![(id.to_vec(), Vec::new())];
        write(&records, &WriteOptions::default(), &mut Vec::new(), &mut Vec::new()).is_err()
    };
    assert!(refused(b"") && refused(&[b'x'; 256]) && !refused(&[b'x'; 255]));
    let odd = WriteOptions { group_bytes: 1000, ..WriteOptions::default() };
    assert!(write::<Vec<u8>, Vec<u8>>(&[], &odd, &mut Vec::new(), &mut Vec::new()).is_err());
}

#[test]
fn a_file_in_the_other_byte_order_reads_the_same() {
    // Two groups, one record, turned over by hand.
    let records = vec![(b"A".to_vec(), b"one".to_vec())];
    let (mut primary, overflow, _) = written(&records, &WriteOptions::default());
    for (at, length) in [
        (0, 2),
        (2, 4),
        (6, 4),
        (10, 4),
        (14, 4),
        (22, 4),
        (26, 4),
        (30, 2),
        (440, 8),
        (1028, 2),
        (1032, 2),
        (1036, 4),
    ] {
        primary[at..at + length].reverse();
    }
    let mut turned = overflow;
    turned[..2].reverse();
    let (read, scan, _) = read(&primary, Some(&turned));
    assert_eq!((read, scan.fault_count, scan.misplaced), (records, 0, 0));
}

#[test]
fn damage_is_counted_and_the_rest_is_still_read() {
    let records = busy();
    let (primary, overflow, _) = written(&records, &WriteOptions::default());
    let whole = records.len();
    // Without the overflow subfile only what lies in it is lost.
    let (found, scan, _) = read(&primary, None);
    assert!(found.len() > whole / 4 && found.len() < whole && scan.fault_count > 0);
    assert!(scan.faults[0].reason.contains("overflow subfile is missing"), "{:?}", scan.faults[0]);
    // A file cut in the middle says how far it goes.
    let (found, scan, _) = read(&primary[..primary.len() / 2], Some(&overflow));
    assert!(found.len() < whole && scan.faults.last().unwrap().reason.contains("ends before it"));
    // A chain that leads back to itself ends.
    let mut looped = overflow.clone();
    for block in looped.chunks_mut(1024).skip(1) {
        block[..4].copy_from_slice(&1_u32.to_le_bytes());
    }
    let (found, scan, _) = read(&primary, Some(&looped));
    assert!(found.len() <= whole && scan.fault_count > 0);
    assert!(scan.faults.iter().any(|fault| fault.reason.contains("read before")), "{:?}", scan.faults);
    // What is no hashed file at all is told so.
    let open = |bytes: &[u8]| Reader::open(Cursor::new(bytes), None::<Cursor<&[u8]>>).unwrap_err();
    assert!(matches!(open(b""), HashedError::NotHashed(_)));
    assert!(matches!(open(&[0; 4096]), HashedError::NotHashed(_)));
    let mut newer = primary.clone();
    newer[44] = 3;
    assert_eq!(open(&newer), HashedError::Version(3));
    newer[44] = 2;
    newer[2] = 7;
    assert!(matches!(open(&newer), HashedError::Header(_)));
}

#[test]
fn names_on_disk_stand_for_ids() {
    for (id, name) in [
        ("PLAIN.1", "PLAIN.1"),
        ("A*B", "A%AB"),
        ("100%", "100%P"),
        (".x.y", "%Dx.y"),
        ("~a~", "%Ta~"),
        ("a/b\\c\"d,e=f+g>h:i;j<k?l\nm", "a%Sb%Bc%Qd%Ce%Ef%Vg%Gh%Xi%Yj%Lk%Zl%Jm"),
    ] {
        assert_eq!(directory_name(id.as_bytes()), name.as_bytes());
        assert_eq!(directory_id(name.as_bytes()).unwrap(), id.as_bytes());
    }
    for subfile in ["%0", "~1", ".hidden", "%", "a%", "a%D", ""] {
        assert_eq!(directory_id(subfile.as_bytes()), None, "{subfile}");
    }
}

#[test]
fn lines_of_a_text_file_are_fields() {
    assert_eq!(directory_record(b"a\r\nb\n\nc\n"), b"a\xFEb\xFE\xFEc");
    assert_eq!(directory_record(b"a\rb"), b"a\rb");
    assert_eq!(directory_record(b""), b"");
    assert_eq!(directory_record(b"a\r\n"), b"a");
    for record in [b"a\xFEb".as_slice(), b"", b"a\xFE", b"x\xFD\xFEy"] {
        assert_eq!(directory_record(&directory_text(record)), record);
    }
}

#[test]
fn encodings_are_exact_both_ways() {
    let latin = b"caf\xE9\xFEM\xFCnchen\xFD\x80";
    let decoded = Encoding::Latin1.decode(latin);
    assert_eq!(decoded.as_ref(), b"caf\xC3\xA9\xFEM\xFCnchen\xFD\xC2\x80");
    assert_eq!(Encoding::Latin1.encode(&decoded).unwrap().as_ref(), latin);
    assert_eq!(Encoding::Latin1.encode("中".as_bytes()), None);
    assert_eq!(Encoding::Latin1.encode("Müller".as_bytes()), None);
    assert_eq!(Encoding::Latin1.encode(b"\xC3"), None);
    assert_eq!(Encoding::from_name("ISO-8859-1"), Some(Encoding::Latin1));
    assert_eq!(Encoding::from_name("ebcdic"), None);
    let windows = Encoding::from_name("CP1252").unwrap();
    assert_eq!(Encoding::from_name(windows.name()), Some(windows));
    assert_eq!(
        windows.decode(b"\x80 12 \x96 \x8Aime\xE9\xFE\x9D").as_ref(),
        b"\xE2\x82\xAC 12 \xE2\x80\x93 \xC5\xA0ime\xC3\xA9\xFE\xC2\x9D"
    );
    // A control character that the encoding has no code for, and a letter whose code is a mark.
    assert_eq!((windows.encode("\u{80}".as_bytes()), windows.encode("ÿ".as_bytes())), (None, None));
    let (text, escaped) = id_to_text("Grün/中".as_bytes());
    assert!(escaped && !text.contains('ü') && text.contains('中'));
    assert_eq!(id_to_text(b"A*1001"), ("A*1001".to_owned(), false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_id_survives_as_text(id in proptest::collection::vec(any::<u8>(), 1..80)) {
        let (text, _) = id_to_text(&id);
        prop_assert_eq!(id_from_text(&text), id);
        let legal = !text.contains(|c: char| c == '\0' || ('\u{FB}'..='\u{FF}').contains(&c));
        prop_assert!(legal);
    }

    #[test]
    fn any_latin_1_survives(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let decoded = Encoding::Latin1.decode(&bytes).into_owned();
        prop_assert_eq!(Encoding::Latin1.encode(&decoded).unwrap().into_owned(), bytes);
    }

    #[test]
    fn any_windows_1252_survives(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let decoded = Encoding::Windows1252.decode(&bytes).into_owned();
        prop_assert_eq!(Encoding::Windows1252.encode(&decoded).unwrap().into_owned(), bytes);
    }

    #[test]
    fn any_text_id_survives_as_text(id in "\\PC{1,40}") {
        let (text, _) = id_to_text(id.as_bytes());
        prop_assert_eq!(id_from_text(&text), id.as_bytes());
    }

    #[test]
    fn any_records_survive(
        records in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>(), 1..30),
            proptest::collection::vec(any::<u8>(), 0..3000),
            0..60,
        ),
        group in 1_u32..=8,
        no_case: bool,
    ) {
        // Ids that a case-insensitive file would take for the same are kept apart by the caller.
        let options = WriteOptions { no_case, group_bytes: group * 1024, created: 7 };
        let (primary, overflow, _) = written(&records.clone().into_iter().collect(), &options);
        let (found, scan, header) = read(&primary, Some(&overflow));
        prop_assert_eq!((scan.fault_count, scan.misplaced), (0, 0));
        prop_assert_eq!(header.created, 7);
        prop_assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), records);
    }

    #[test]
    fn damaged_files_end_without_panic(
        changes in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..40),
        cut in any::<u16>(),
    ) {
        let (primary, overflow, _) = written(&busy(), &WriteOptions::default());
        let mut bytes = (primary.len() as u16).to_le_bytes().to_vec();
        bytes.extend(primary.iter().chain(&overflow).take(60_000));
        let length = bytes.len();
        for (at, byte) in changes {
            // Half of the changes hit heads of blocks, where they hurt most.
            let at = if at % 2 == 0 { at as usize % length } else { (at as usize % length) / 1024 * 1024 + at as usize % 24 };
            if let Some(place) = bytes.get_mut(at.max(2)) {
                *place = byte;
            }
        }
        bytes.truncate(length - usize::from(cut) % (length / 2));
        let _found = fuzz_one(&bytes);
    }
}
