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

#[test]
fn numbers_are_written_in_other_bases_and_ways() {
    for (value, code, text) in [
        ("255", "MX", "FF"),
        ("-1", "MX", "FFFFFFFF"),
        ("-4294967296", "MX", "FFFFFFFF00000000"),
        ("19", "MB", "10011"),
        ("19", "MO", "23"),
        ("255", "MCDX", "FF"),
        ("1994", "NR", "MCMXCIV"),
        ("0", "NR", "N"),
        ("123456", "MP", "\u{12}4V"),
        ("Ab\u{FE}", "B64", "QWL+"),
        ("<a & \"b\">", "HD", "&lt;a &amp; &quot;b&quot;&gt;"),
        ("a b/é", "HU", "a%20b%2F%C3%A9"),
        ("ABC", "MX0C", "414243"),
        ("A", "MB0C", "01000001"),
    ] {
        let value = crate::DynArray::from_text(value).into_bytes();
        let env = Env::default();
        if code == "MP" {
            assert_eq!(iconv(&value, code, &env), (text.as_bytes().to_vec(), Status::Ok));
            assert_eq!(oconv(text.as_bytes(), code), (value, Status::Ok));
            continue;
        }
        assert_eq!(oconv(&value, code), (text.as_bytes().to_vec(), Status::Ok), "{code}");
        let number = if code == "MX" && value == b"-1" { b"4294967295".to_vec() } else { value };
        assert_eq!(iconv(text.as_bytes(), code, &env), (number, Status::Ok), "{text} by {code}");
    }
    for (bad, code) in [("G", "MX"), ("8", "MO"), ("IIII", "NR"), ("x!", "B64"), ("%4", "HU"), ("1x", "MP")] {
        assert_eq!(stored(bad, code), (String::new(), 1), "{code}");
    }
    for (value, code, text) in [
        ("999", "MK", "999"),
        ("12345", "MK", "12K"),
        ("123456", "MK", "*"),
        ("1234567", "MK4", "1M"),
        ("-5", "MK", "-5"),
    ] {
        assert_eq!(shown(value, code).0, text, "{value} {code}");
    }
    assert_eq!(stored("12K", "MK").0, "12000");
}

#[test]
fn bytes_are_read_as_integers_and_floats() {
    for (bytes, code, number) in [
        (&b"AB"[..], "IS", "16961"),
        (b"\x00\xFF", "IS", "-256"),
        (b"\x00\xFF", "ISB", "255"),
        (b"\x01\0\0\0", "IL", "1"),
    ] {
        assert_eq!(oconv(bytes, code), (number.as_bytes().to_vec(), Status::Ok), "{code}");
        assert_eq!(iconv(number.as_bytes(), code, &Env::default()).0, bytes, "{code}");
    }
    assert_eq!(oconv(&1.5_f32.to_le_bytes(), "IF").0, b"1.5");
    assert_eq!(oconv(b"A", "IS"), (b"A".to_vec(), Status::BadData));
    assert_eq!(oconv("é".as_bytes(), "XLATIN1").0, b"\xE9");
    assert_eq!(iconv(b"\xE9", "XLATIN1", &Env::default()).0, "é".as_bytes());
    assert_eq!(oconv("ý".as_bytes(), "XLATIN1").1, Status::BadData, "it would be a mark");
}

/// A record, one file, a subroutine and a zone one hour east.
struct World(Env);

impl Context for World {
    fn env(&self) -> &Env {
        &self.0
    }
    fn record(&self) -> &[u8] {
        b"first\xFEsecond\xFDmore"
    }
    fn id(&self) -> &[u8] {
        b"ID"
    }
    fn translate(&self, file: &str, is_dictionary: bool, id: &[u8]) -> Translation {
        match (file, is_dictionary, id) {
            ("F", false, b"1") => Translation::Record(b"one\xFDeins\xFEUN".to_vec()),
            ("F", true, b"1") => Translation::Record(b"D".to_vec()),
            ("F", ..) => Translation::NoRecord,
            _ => Translation::NoFile,
        }
    }
    fn correlative(&self, kind: char, text: &str, _value: &[u8]) -> Result<Vec<u8>, Status> {
        Ok(format!("{kind}<{text}>").into_bytes())
    }
    fn call(&self, routine: Routine<'_>, value: &[u8]) -> Result<(Vec<u8>, Status), Status> {
        if routine.name == "UP" {
            Ok((crate::functions::upcase(value), Status::Ok))
        } else {
            Err(Status::BadCode)
        }
    }
    fn utc_offset(&self, _epoch: i64) -> i32 {
        3600
    }
    fn zone(&self, _epoch: i64) -> String {
        "CET".to_owned()
    }
}

#[test]
fn codes_look_at_the_record_at_files_and_call_subroutines() {
    let world = World(Env { today: 21_513, second: 0 });
    for (value, code, text, status) in [
        ("x", "C0;' is ';1", "ID is first", 0),
        ("x", "C1-*", "first-x", 0),
        ("x", "S;1;'none'", "first", 0),
        ("0", "S;1;'none'", "none", 0),
        ("x", "S;*;\"no\"", "x", 0),
        ("1", "TF;X;;1", "one eins", 0),
        ("1", "TF;X2;;1", "eins", 0),
        ("1", "TF;C;;2", "UN", 0),
        ("1", "TDICT F;X;;1", "D", 0),
        ("1", "T*F;X;;1", "D", 0),
        ("2", "TF;X;;1", "", 0),
        ("2", "TF;C;;1", "2", 0),
        ("2", "TF;V;;1", "", 1),
        ("1", "TNONE;C;;1", "1", 0),
        ("x", "UUP", "X", 0),
        ("x", "CALL UP", "X", 0),
        ("x", "UNONE", "x", 2),
        ("x", "A;1 + 2", "A<1 + 2>", 0),
        ("x", "F;1;2;+", "F<1;2;+>", 0),
    ] {
        let (got, got_status) = oconv_with(value.as_bytes(), code, &world);
        assert_eq!((crate::dynarray::text(&got).as_ref(), got_status.number()), (text, status), "{code}");
    }
    assert_eq!(shown("x", "A;1"), ("x".to_owned(), 2), "without a record there are no correlatives");
    assert_eq!(shown("1", "TF;X;;1"), (String::new(), 0), "without files nothing is found");
    assert_eq!(oconv(b"a\xFEb", "<2>").0, b"b");
}

#[test]
fn moments_go_both_ways() {
    let world = World(Env { today: 21_513, second: 0 });
    for (epoch, code, text) in [
        ("770428800", "E4-", "06-01-1994"),
        ("770428800", "EUTS", "01 JUN 1994 00:00:00"),
        ("770428800", "ETS", "01 JUN 1994 01:00:00"),
        ("770428800", "E-YMD[4,2,2]TO:", "1994-06-01 01:00 +01:00"),
        ("770428800", "ETZ", "01 JUN 1994 01:00 CET"),
        ("770432400", "EISO8601T", "19940601T020000"),
        ("770432400", "EISO8601T-", "1994-06-01T02:00:00"),
        ("770428800", "EA", "Wed Jun  1 01:00:00 1994"),
    ] {
        let got = oconv_with(epoch.as_bytes(), code, &world);
        assert_eq!((crate::dynarray::text(&got.0).as_ref(), got.1), (text, Status::Ok), "{code}");
        if code.contains('T') {
            let text = text.strip_suffix(" CET").unwrap_or(text);
            let got = iconv_with(text.as_bytes(), code, &world).0;
            assert_eq!(crate::dynarray::text(&got), epoch, "{text} by {code}");
        }
    }
    assert_eq!(iconv_with(b"1994-06-01T00:00:00Z", "EISO8601T-", &world).0, b"770428800");
    assert_eq!(iconv_with(b"1994-06-01T02:00:00+0200", "EISO8601T-", &world).0, b"770428800");
}

#[test]
fn a_sessions_settings_change_what_is_shown() {
    struct Set(Env);
    impl Context for Set {
        fn env(&self) -> &Env {
            &self.0
        }
        fn options(&self) -> Options {
            Options {
                european_dates: true,
                year_base: 1950,
                wrap_dates: false,
                capital_am_pm: true,
                capital_cr_db: true,
                pick_null: true,
                title_after_spaces: true,
            }
        }
    }
    let set = Set(Env { today: 21_513, second: 0 });
    for (value, code, text) in [
        ("9649", "D4-", "01-06-1994"),
        ("9649", "D4-E", "06-01-1994"),
        ("0", "MTH", "12:00AM"),
        ("-5", "MD2C", "0.05CR"),
        ("", "MR2", ""),
        ("o'neil mc-donald", "MCT", "O'neil Mc-donald"),
    ] {
        assert_eq!(oconv_with(value.as_bytes(), code, &set).0, text.as_bytes(), "{code}");
    }
    assert_eq!(iconv_with(b"1/6/49", "D", &set).0, b"29738");
    assert_eq!(iconv_with(b"31/6/1994", "D", &set), (Vec::new(), Status::BadData));
}

#[test]
fn codes_of_thousands_of_parts_are_refused_or_quick() {
    // Found by fuzzing: each was looked at again for every character behind it.
    let digits = format!("C1;{}", "644".repeat(12_000));
    assert_eq!(oconv(b"x", &digits).1, Status::BadCode);
    let alternatives = format!("P(3N){}", ";(0N)".repeat(8000));
    assert_eq!(oconv(&b"1".repeat(8000), &alternatives), (b"1".repeat(8000), Status::Ok));
    assert_eq!(oconv(&b"x".repeat(8000), &alternatives), (Vec::new(), Status::Ok));
}

#[test]
fn a_chain_of_codes_cannot_fill_the_memory() {
    let chain = vec!["MB0C"; 50].join("\u{FD}");
    let (value, status) = oconv(b"abc", &chain);
    assert!(value.len() < 100_000 && status == Status::BadData);
    assert_eq!(oconv(b"x", &vec!["MCU"; 200].join("\u{FD}")), (b"X".to_vec(), Status::BadCode));
}

#[test]
fn what_a_conversion_takes_off_the_stored_number() {
    for (code, places) in [
        ("MD2,$", 2),
        ("MD24", 4),
        ("md1", 1),
        ("MR3Z", 3),
        ("MD0", 0),
        ("MD", 0),
        ("MTH", 0),
        ("D4-", 0),
        ("", 0),
    ] {
        assert_eq!(super::scale(code), places, "{code}");
    }
}
