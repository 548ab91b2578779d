//! Any bytes as a pattern, matched against any bytes.

use hal_db::pattern::Pattern;

use crate::halves;

/// Inputs to begin with: a pattern, NUL, a text.
pub const SEEDS: &[&[u8]] = &[
    b"3N'-'2N'-'4N\x00123-45-6789",
    b"0X2-3N0X\x00ABC123DEF",
    b"1A0A\xFD~4N\xFD...\"C\"\x00ABC",
    b"~'ABC'1-3n0a\x00xyz12",
    b"0A0A0A0A0A0A'!'\x00aaaaaaaaaaaaaaaaaaaaaaaa",
    "1A2X0N\u{0}é\u{FE}中7".as_bytes(),
];

/// Matches, and takes every part of the match.
pub fn fuzz_one(data: &[u8]) {
    let (pattern, text) = halves(data);
    let parsed = Pattern::from_bytes(pattern);
    let matches = parsed.matches_bytes(text);
    // Everything matches anything, and only the empty text the empty pattern.
    assert!(Pattern::from_bytes(b"...").matches_bytes(text));
    assert!(!pattern.is_empty() || matches == text.is_empty());
    if data.len() < 512 && !pattern.contains(&253) {
        // The parts of a match, one after the other, are the text.
        let parts: Vec<&[u8]> = (1..=pattern.len()).map(|number| parsed.field(text, number)).collect();
        assert_eq!(parts.concat().len(), if matches { text.len() } else { 0 }, "{matches}");
    } else {
        let _part = parsed.field(text, 2);
    }
}
