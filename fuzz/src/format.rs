//! Any bytes as a format, applied to any bytes.

use hal_db::DynArray;
use hal_db::fmt::{Format, fmt_bytes};

use crate::{assert_bounded, halves};

/// Inputs to begin with: a format, NUL, a value.
pub const SEEDS: &[&[u8]] = &[
    b"10L\x00abc",
    b"15R2$,\x001234567",
    b"8R24E\x00-1234.567",
    b"12\"*\"R2,B\x00-5",
    b"9T\x00the quick brown fox jumps",
    b"14L(###) ###-####\x005551234567",
    b"R%10\x007",
    b"T#20\x00hello",
    b"23\x001.236",
    b"D4-\x009649",
    "1C\u{0}中文 é".as_bytes(),
    b"5L\x00a\xFDbb\xFEc\xE9",
];

/// Lays one value out.
pub fn fuzz_one(data: &[u8]) {
    let (spec, value) = halves(data);
    let spec = DynArray::from_bytes(spec).to_text();
    let (shown, _) = fmt_bytes(value, &spec);
    // A field has up to 1,000 cells and a mask as many places, whatever the value.
    assert_bounded("format", shown.len(), 2 * data.len());
    if let Some(format) = Format::parse(&spec) {
        assert!(format.width() <= 100_000);
        let _lines = format.lines(&DynArray::from_bytes(value).to_text());
    }
}
