//! The table of `shared/qm` and hostile patterns.

use super::*;

#[test]
fn the_table_of_matches_is_met() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/qm/matches.tsv");
    let Ok(table) = std::fs::read(path) else {
        eprintln!("skipped: {path} is not here");
        return;
    };
    let table = String::from_utf8_lossy(&table);
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        if columns[0] != "MATCHES" || columns[1].contains("\\x") {
            continue;
        }
        rows += 1;
        let pattern = columns[2].replace("\\xFD", "\u{FD}");
        let got = u8::from(Pattern::parse(&pattern).matches(columns[1]));
        if got.to_string() != columns[7] {
            wrong.push(format!("{} MATCHES {} = {got}", columns[1], columns[2]));
        }
    }
    assert!(wrong.is_empty(), "{} of {rows} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_literal_beginning_is_known() {
    for (pattern, prefix) in
        [("abc...", "abc"), ("'ab'3N", "ab"), ("...x", ""), ("~a...", ""), ("a...\u{FD}b...", "")]
    {
        assert_eq!(Pattern::parse(pattern).literal_prefix(), prefix.as_bytes(), "{pattern}");
    }
}

#[test]
fn a_hostile_pattern_gives_up_and_does_not_hang() {
    let pattern = "0A0A0A0A0A0A0A0A0A0A0A0A0A0A'!'";
    assert!(!Pattern::parse(pattern).matches(&"a".repeat(2000)));
    assert!(!Pattern::parse(&"0A".repeat(5000)).matches("aaa"));
    assert!(Pattern::parse(&"1A".repeat(5000)).matches(&"a".repeat(5000)));
    let _parsed = Pattern::parse("99999999999999999999N-~'\"");
}
