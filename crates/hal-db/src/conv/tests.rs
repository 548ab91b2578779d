//! The tables of `shared/qm`, where they are present, and the examples of the specification.

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

/// Undoes the `\xHH` escapes of the tables.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let code = rest.get(at + 2..at + 4).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.extend(code);
        rest = &rest[at + 4..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// Rows that `spec.md` overrules, each with its place there.
fn overruled(func: &str, value: &str, code: &str, result: &str, status: &str) -> Option<&'static str> {
    let upper = value.to_ascii_uppercase();
    let time = code.starts_with("MT");
    if status.starts_with("ABORT") {
        return Some("3.3: conversions do not stop a query");
    }
    if time && func == "OCONV" && value.starts_with('-') {
        return Some("5.2: a negative time is returned with status 1");
    }
    if time && func == "ICONV" && upper.starts_with("12") && upper.ends_with("AM") {
        return Some("5.2: 12:01AM is 60");
    }
    if time && func == "ICONV" && result.parse::<i64>().is_ok_and(|seconds| seconds > 86_400) {
        return Some("5.2: nothing above 24:00; three or four digits are hours and minutes");
    }
    if matches!(code, "DX" | "DMB" | "DWB") {
        return Some("5.1: codes of the newer OpenQM");
    }
    if result == "-0" {
        return Some("5.4.10: -0 is 0");
    }
    if matches!(code, "MCD" | "MCDX" | "MCS" | "MCI") {
        return Some("5.5: hexadecimal and newer codes as documented");
    }
    None
}

/// Codes of this table that are served.
fn served(code: &str) -> bool {
    let upper = code.trim_start().to_ascii_uppercase();
    let begins = |heads: &[&str]| heads.iter().any(|head| upper.starts_with(head));
    let first_digit = |at: usize| upper.as_bytes().get(at).is_some_and(|b| b.is_ascii_digit() || *b == b'-');
    begins(&["MC", "MD", "ML", "MR", "MT", "D", "G", "L", "P("])
        || upper == "B"
        || upper == "S"
        || begins(&["R"]) && first_digit(1)
        || begins(&["T"]) && first_digit(1) && !upper.contains(';')
}

#[test]
fn the_table_of_conversions_is_met() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/qm/conversions.tsv");
    let Ok(table) = std::fs::read(path) else {
        eprintln!("skipped: {path} is not here");
        return;
    };
    let table = String::from_utf8_lossy(&table);
    let (mut passed, mut aside, mut failed) = (0, 0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [func, value, code, result, status] = columns[..] else { continue };
        let code_text = crate::DynArray::from_bytes(unescape(code)).to_text();
        if !served(&code_text) {
            continue;
        }
        if overruled(func, value, code, result, status).is_some() {
            aside += 1;
            continue;
        }
        let value_bytes = unescape(value);
        let env = Env { today: 21_512, second: 0 };
        let (got, got_status) = match func {
            "OCONV" => oconv(&value_bytes, &code_text),
            _ => iconv(&value_bytes, &code_text, &env),
        };
        if got == unescape(result) && got_status.number().to_string() == status {
            passed += 1;
        } else {
            let got = crate::DynArray::from_bytes(got).to_text();
            failed.push(format!(
                "{func}({value}, {code}) = {got:?} {}, not {result:?} {status}",
                got_status.number()
            ));
        }
    }
    let total = passed + failed.len();
    println!("{passed} of {total} rows, {aside} overruled by the specification\n{}", failed.join("\n"));
    assert!(passed * 100 >= total * 97, "{passed} of {total} rows\n{}", failed.join("\n"));
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

/// The vectors name marks in braces.
fn braced(text: &str) -> Vec<u8> {
    let text = text.replace("{IM}", "\u{FF}").replace("{FM}", "\u{FE}").replace("{VM}", "\u{FD}");
    crate::DynArray::from_text(&text.replace("{SM}", "\u{FC}").replace("{TM}", "\u{FB}")).into_bytes()
}

#[test]
fn the_vectors_are_met() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/qm/vectors.tsv");
    let Ok(table) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not here");
        return;
    };
    let (mut passed, mut failed) = (0, Vec::new());
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let Some(arrow) = columns.iter().position(|column| *column == "=>") else { continue };
        let (args, result) = (&columns[1..arrow], columns.get(arrow + 1).copied().unwrap_or_default());
        let status = columns.get(arrow + 2).copied().unwrap_or("0");
        let (Some(value), Some(code)) = (args.first(), args.get(1)) else { continue };
        let code_text = crate::DynArray::from_bytes(braced(code)).to_text();
        let env = Env { today: 21_512, second: 0 };
        let (got, got_status) = match columns[0] {
            func @ ("OCONV" | "ICONV") => {
                if !served(&code_text)
                    || result == "ABORT"
                    || overruled(func, value, code, result, status).is_some()
                {
                    continue;
                }
                if func == "OCONV" {
                    oconv(&braced(value), &code_text)
                } else {
                    iconv(&braced(value), &code_text, &env)
                }
            }
            "FMT" if status == "0" => match crate::fmt::fmt(value, &code_text) {
                Some(text) => (crate::DynArray::from_text(&text).into_bytes(), Status::Ok),
                None => (Vec::new(), Status::BadCode),
            },
            _ => continue,
        };
        if got == braced(result) && got_status.number().to_string() == status {
            passed += 1;
        } else {
            let got = crate::DynArray::from_bytes(got).to_text();
            failed.push(format!("{} = {got:?} {}", line.replace('\t', " "), got_status.number()));
        }
    }
    let total = passed + failed.len();
    println!("{passed} of {total} vectors\n{}", failed.join("\n"));
    assert!(passed * 100 >= total * 95, "{passed} of {total} vectors\n{}", failed.join("\n"));
}
