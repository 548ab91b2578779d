//! The examples of the specification, and display widths. The table is met in `tests/truth.rs`.

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
fn a_cell_is_as_wide_as_its_column_whatever_is_in_it() {
    for text in [
        "C\0\0\0\0\0\0\0",
        "a\r\nb\r\nc",
        "\u{7}é\u{7}é\u{7}é",
        "☁\u{fe0f}☁\u{fe0f}☁\u{fe0f}",
        "e\u{301}e\u{301}e\u{301}e\u{301}",
    ] {
        for spec in ["4L", "4R", "4T", "4C", "3L"] {
            let shown = fmt(text, spec).unwrap();
            let width = usize::from(spec.as_bytes()[0] - b'0');
            // Of lines of text only the last is filled up.
            for piece in shown.split('\u{FB}') {
                let cells = super::cells(piece);
                assert!(
                    cells == width || spec.ends_with('T') && cells < width,
                    "{text:?} {spec} {piece:?} {cells}"
                );
            }
        }
    }
}
