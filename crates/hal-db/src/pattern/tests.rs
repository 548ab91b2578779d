//! Parts that a pattern takes, and hostile patterns. The table is met in `tests/truth.rs`.

use super::*;

#[test]
fn a_literal_beginning_is_known() {
    for (pattern, prefix) in
        [("abc...", "abc"), ("'ab'3N", "ab"), ("...x", ""), ("~a...", ""), ("a...\u{FD}b...", "")]
    {
        assert_eq!(Pattern::parse(pattern).literal_prefix(), prefix.as_bytes(), "{pattern}");
    }
}

#[test]
fn the_parts_of_a_match_are_as_short_or_as_long_as_documented() {
    for (text, pattern, number, part) in [
        ("ABC123DEF", "0X2N0X", 2, "12"),
        ("ABC123DEF", "0X2-3N0X", 2, "123"),
        ("ABC123", "0A0N", 1, "ABC"),
        ("123-45-6789", "3N'-'2N'-'4N", 4, "-"),
        ("AB", "0X", 1, "AB"),
        ("xyz", "3N", 1, ""),
        ("aab", "0A'b'\u{FD}0X", 1, "aa"),
        ("aXb", "1AX1A", 2, "X"),
        ("Zoë7", "0A1N", 1, "Zoë"),
        ("ab", "2A", 2, ""),
        ("ab", "2A", 0, ""),
    ] {
        let part_found = Pattern::parse(pattern).field(text.as_bytes(), number).to_vec();
        assert_eq!(String::from_utf8(part_found).unwrap(), part, "{text} {pattern} {number}");
    }
}

#[test]
fn marks_and_foreign_bytes_are_single_characters_of_no_class() {
    let matches = |pattern: &str, bytes: &[u8]| Pattern::parse(pattern).matches_bytes(bytes);
    assert!(matches("3X", b"a\xFDb") && matches("1A~1A1A", b"a\xFDb") && !matches("3A", b"a\xFDb"));
    assert!(matches("~2N", b"\xE9\xE9") && !matches("2A", b"\xE9\xE9"));
    assert!(matches("1A", "ý".as_bytes()), "the letter is no mark");
}

#[test]
fn a_hostile_pattern_does_not_hang() {
    let pattern = "0A0A0A0A0A0A0A0A0A0A0A0A0A0A'!'";
    assert!(!Pattern::parse(pattern).matches(&"a".repeat(2000)));
    assert!(Pattern::parse(&"0A".repeat(5000)).matches("aaa"));
    assert!(Pattern::parse(&"1A".repeat(5000)).matches(&"a".repeat(5000)));
    assert!(!Pattern::parse(&"0X1A".repeat(15_000)).matches(&"a".repeat(60_000)), "too much: gives up");
    assert!(!Pattern::parse(&"'".repeat(60_000)).matches("a"));
    assert_eq!(Pattern::parse("0X1A").field(&b"a".repeat(60_000), 2), b"a");
    // Found by fuzzing: each alternative was given the whole of the work that one may do.
    assert!(!Pattern::parse(&"0A\u{FD}~4N\u{FD}".repeat(4000)).matches(&"a1".repeat(8000)));
    let _parsed = Pattern::parse("99999999999999999999N-~'\"");
}
