//! The examples of the specification, both ways. The tables are met in `tests/truth.rs`.

use super::*;
use crate::Env;

fn shown(value: &str, code: &str) -> (String, u8) {
    let (bytes, status) = oconv(value.as_bytes(), code);
    (crate::dynarray::text(&bytes).into_owned(), status.number())
}

fn stored(value: &str, code: &str) -> (String, u8) {
    let (bytes, status) = iconv(value.as_bytes(), code, &Env { today: 21_513, second: 0 });
    (crate::dynarray::text(&bytes).into_owned(), status.number())
}

#[test]
fn dates_are_shown_as_the_specification_says() {
    for (code, expected) in [
        ("D", "01 JUN 1994"),
        ("D2", "01 JUN 94"),
        ("D/", "06/01/1994"),
        ("D2/", "06/01/94"),
        ("D/E", "01/06/1994"),
        ("D4-", "06-01-1994"),
        ("D-YMD[4,2,2]", "1994-06-01"),
        ("D.YJ", "1994.152"),
        ("D MY[A,2]", "JUNE 94"),
        ("D4DOMAYL", "1st June 1994"),
        ("D/MDY[Z,Z,2]", "6/1/94"),
        ("D DMY[,A3,2]", "01 JUN 94"),
        ("DWA", "WEDNESDAY"),
        ("DW", "3"),
        ("DMA", "JUNE"),
        ("DQ", "2"),
        ("DJ", "152"),
        ("D4-MDY[A,3]", "JUNE-01 -1994"),
        ("DX", "19940601"),
        ("DISO8601W-", "1994-W22-3"),
        ("DWBL", "Wed"),
        ("DDMAYL[\", \",\" \"]", "01, June 1994"),
    ] {
        assert_eq!(shown("9649", code), (expected.to_owned(), 0), "{code}");
    }
    assert_eq!(shown("9649", "D2/MDY[,A3]"), ("9649".to_owned(), 2));
    assert_eq!(shown("x", "D"), ("x".to_owned(), 1));
}

#[test]
fn dates_are_read_in_every_order_and_with_names() {
    for (text, code, expected) in [
        ("06-01-1994", "D4-", 9649),
        ("1994-06-01", "D4-YMD[4,2,2]", 9649),
        ("1 June 1994", "D4-YMD[4,2,2]", 9649),
        ("june 1 94", "D4-", 9649),
        ("020609", "DDMY", 15_129),
        ("6/1", "D", 21_337),
        ("June", "D", 21_337),
        ("JUN 94", "DMY", 9649),
        ("94 June", "D", 9649),
        ("2 June 31", "D", -13_361),
    ] {
        assert_eq!(stored(text, code), (expected.to_string(), 0), "{text} by {code}");
    }
    assert_eq!(stored("31 JUN 1994", "D"), ("9679".to_owned(), 3));
    for bad in ["32/1/1994", "0/1/1994", "1 JUN 1994 x", "JUNX", "1/2/3/4", "JUN JUN 1"] {
        assert_eq!(stored(bad, "D"), (String::new(), 1), "{bad}");
    }
}

#[test]
fn times_of_day_go_both_ways() {
    for (seconds, code, text) in [
        ("0", "MTH", "12:00am"),
        ("43200", "MTH", "12:00pm"),
        ("63300", "MT'h'", "17h35"),
        ("86400", "MT", "24:00"),
        ("90000", "MTH", "01:00am"),
    ] {
        assert_eq!(shown(seconds, code), (text.to_owned(), 0));
    }
    for (text, seconds) in
        [("12:01AM", 60), ("12:01 pm", 43_260), ("0800", 28_800), ("8", 28_800), ("8.30.15", 30_615)]
    {
        assert_eq!(stored(text, "MT"), (seconds.to_string(), 0), "{text}");
    }
    for bad in ["25:00", "8:60", "8:15:60", "noon", "1:2:3:4"] {
        assert_eq!(stored(bad, "MT"), (String::new(), 1), "{bad}");
    }
}

#[test]
fn money_goes_both_ways() {
    for (cents, code, text) in [
        ("-1234", "MD2,$", "-$12.34"),
        ("1234567", "MD2,$", "$12,345.67"),
        ("12345678", "MD02", "123457"),
        ("12345678", "MD02T", "123456"),
        ("-5", "MD2(", "(0.05)"),
        ("1234", "MD2[£,.,\",\", EUR]", "£12,34EUR"),
        ("", "ML2", "0.00"),
        ("", "MD2", ""),
    ] {
        assert_eq!(shown(cents, code), (text.to_owned(), 0), "{code}");
    }
    for (text, cents) in
        [("12.345", "1235"), ("$1,234.56", "123456"), ("(12)", "-1200"), ("-0", "0"), (".5-", "-50")]
    {
        assert_eq!(stored(text, "MD2"), (cents.to_owned(), 0), "{text}");
    }
    assert_eq!(stored("12abc", "MD2"), (String::new(), 1));
    assert_eq!(stored("12abc", "MR2"), ("1200".to_owned(), 0));
    assert_eq!(stored("abc", "MR2"), ("abc".to_owned(), 1));
}

#[test]
fn several_codes_are_applied_in_turn_until_one_fails() {
    assert_eq!(shown("21550", "DWA\u{FD}MCT"), ("Thursday".to_owned(), 0));
    assert_eq!(shown("21513.29520", "G1.1\u{FD}MT"), ("08:12".to_owned(), 0));
    assert_eq!(shown("ab", "D4-\u{FD}MCU"), ("ab".to_owned(), 1));
    assert_eq!(shown("x", "?"), ("x".to_owned(), 2));
}

mod random {
    use proptest::prelude::*;

    use super::*;

    fn code() -> impl Strategy<Value = String> {
        prop_oneof![
            "(D|MT|MD|ML|MR|MC|G|L|P|R|S|T|B)[-0-9A-Z,$()<>+*#%\\[\\]'\". ;/]{0,12}",
            "(D[0-4]?[-/ ]?(D|M|Y|MA|DO|J|Q|W|WA|L|E){0,5}(\\[[ZA0-9,]{0,8}\\])?)",
            "\\PC{0,10}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_code_and_no_value_panics(value in prop_oneof!["-?[0-9]{0,20}(\\.[0-9]{0,20})?", "\\PC{0,12}"], bytes in prop::collection::vec(any::<u8>(), 0..8), code in code()) {
            let env = Env { today: 21_513, second: 0 };
            for value in [value.as_bytes(), &bytes] {
                let _shown = oconv(value, &code);
                let _stored = iconv(value, &code, &env);
            }
            let _laid_out = crate::fmt::fmt(&value, &code);
        }

        #[test]
        fn dates_times_and_money_come_back(day in -700_000i64..2_900_000, second in 0i64..86_400, cents in -1_000_000_000i64..1_000_000_000) {
            for code in ["D4-", "D4-YMD[4,2,2]", "D4/E", "D"] {
                let shown = shown(&day.to_string(), code).0;
                prop_assert_eq!(stored(&shown, code), (day.to_string(), 0), "{} {}", code, shown);
            }
            for code in ["MTS", "MTHS"] {
                let shown = shown(&second.to_string(), code).0;
                prop_assert_eq!(stored(&shown, code), (second.to_string(), 0), "{} {}", code, shown);
            }
            for code in ["MD2", "MD2,$", "MD2(", "MR2,C"] {
                let shown = shown(&cents.to_string(), code).0;
                prop_assert_eq!(stored(&shown, code), (cents.to_string(), 0), "{} {}", code, shown);
            }
        }
    }
}
