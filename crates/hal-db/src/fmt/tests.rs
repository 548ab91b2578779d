//! The table of `shared/qm`, the examples of the specification, and display widths.

use super::*;

#[test]
fn values_are_laid_out_as_the_specification_says() {
    for (value, spec, expected) in [
        ("1234", "8R24", " 1234.00"),
        ("1234", "8R22", "123400.0\u{FB}0       "),
        ("1234567", "15R2$,", "  $1,234,567.00"),
        ("", "10R2", "      0.00"),
        ("0012345", "8R", " 0012345"),
        ("123456789", "5R", "12345\u{FB}6789 "),
        ("1234567890", "L###-#######", "123-4567890"),
        ("7", "R%2", "07"),
        ("123", "R%2", "23"),
        ("x", "0L", ""),
        ("abc", "3'0'R", "abc"),
        ("abc", "5'0'R", "00abc"),
        ("abc", "6C", " abc  "),
        ("the quick fox", "9T", "the quick\u{FB}fox      "),
        ("-5", "8R2E", "  <5.00>"),
    ] {
        assert_eq!(fmt(value, spec).as_deref(), Some(expected), "{value} {spec}");
    }
    for bad in ["", "123", "x", "99999L", "5'0R"] {
        assert_eq!(fmt("1", bad), None, "{bad}");
    }
}

#[test]
fn widths_are_those_of_a_terminal() {
    assert_eq!(fmt("中文", "6L").as_deref(), Some("中文  "));
    assert_eq!(fmt("中文字", "4L").as_deref(), Some("中文\u{FB}字  "));
    assert_eq!(fmt("中", "1L").as_deref(), Some("中\u{FB} "));
    assert_eq!(Format::parse("R##-##").unwrap().width(), 5);
}

#[test]
fn most_of_the_table_of_formats_is_met() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/qm/fmt.tsv");
    let Ok(table) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not here");
        return;
    };
    let text =
        |cell: &str| cell.replace("\\xFB", "\u{FB}").replace("\\xFD", "\u{FD}").replace("\\xFE", "\u{FE}");
    let (mut passed, mut wrong) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        if columns[0] != "FMT" || columns[8] != "0" {
            continue;
        }
        let got = fmt(&text(columns[1]), columns[2]);
        if got.as_deref() == Some(text(columns[7]).as_str()) {
            passed += 1;
        } else {
            wrong.push(format!("FMT({}, {}) = {got:?}, not {:?}", columns[1], columns[2], columns[7]));
        }
    }
    let total = passed + wrong.len();
    println!("{passed} of {total}\n{}", wrong.join("\n"));
    assert!(passed * 100 >= total * 85, "{passed} of {total}\n{}", wrong.join("\n"));
}
