//! Examples of the specification beyond the tables, and properties. The tables are met in `tests/truth.rs`.

use proptest::prelude::*;

use super::*;
use crate::dynarray::{DynArray, FM, dcount};

/// ^ ] \ are how Pick people write FM, VM and SM.
fn da(text: &str) -> Vec<u8> {
    text.bytes()
        .map(|b| match b {
            b'^' => FM,
            b']' => 0xFD,
            b'\\' => 0xFC,
            other => other,
        })
        .collect()
}

fn show(bytes: impl AsRef<[u8]>) -> String {
    let marks = [(0xFE, "^"), (0xFD, "]"), (0xFC, "\\")];
    let mut out = Vec::new();
    for &byte in bytes.as_ref() {
        match marks.iter().find(|(mark, _)| *mark == byte) {
            Some((_, sign)) => out.extend_from_slice(sign.as_bytes()),
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn arrays_are_calculated_element_by_element() {
    let add = |a: &str, b: &str| show(adds(&da(a), &da(b)).unwrap());
    let add_reusing = |a: &str, b: &str| show(adds(&da(a), reuse(&da(b))).unwrap());
    assert_eq!(add("1^2^3", "10"), "11^2^3");
    assert_eq!(add_reusing("1^2^3", "10"), "11^12^13");
    assert_eq!(add_reusing("1^2]3]4^5]6]7^8", "10^20^30]40"), "11^22]23]24^35]46]47^48");
    assert_eq!(add("10", "1]2\\3"), "11]2\\3");
    assert_eq!(show(divs(&da("6]8"), b"2").unwrap()), "3]8");
    assert_eq!(show(subs(reuse(b"10"), &da("1]2")).unwrap()), "9]8");
    assert_eq!(adds(b"x", b"1").unwrap_err(), Fault::NonNumeric);
    assert_eq!(divs(b"1", b"0").unwrap_err(), Fault::DivideByZero);
    assert_eq!(show(eqs(&da("1]x]"), &da("1.0]y]"))), "1]0]1");
    assert_eq!(show(ifs(&da("1]0]1"), &da("a]b]c"), &da("x]y]z")).unwrap()), "a]y]c");
    assert_eq!(show(ifs(&da("1]0"), reuse(b"yes"), reuse(b"no")).unwrap()), "yes]no");
    assert_eq!(show(splice(&da("a]b"), b"-", &da("1]2^3")).unwrap()), "a-1]b-2^-3");
    assert_eq!(show(nots(&da("0]]x"))), "1]1]0");
    assert_eq!(show(substrings(&da("abc]de"), 2, 2)), "bc]e");
    assert_eq!(show(matchess(&da("12]x"), b"0N")), "1]0");
    assert_eq!(show(oconvs(&da("9649]x^"), "D2/").0), "06/01/94]x^");
    assert_eq!(oconvs(&da("x]9649"), "D").1, crate::conv::Status::BadData);
    assert_eq!(show(spaces(&da("1]2")).unwrap()), " ]  ");
}

#[test]
fn sums_add_the_lowest_rank_of_each_branch() {
    for (array, expected) in [
        ("1]2^3", "3^3"),
        ("1\\2]3", "3]3"),
        ("1^2^3", "6"),
        ("", "0"),
        ("1]2^3\\4]5", "3^7]5"),
        ("1.1]2.2", "3.3"),
    ] {
        assert_eq!(show(sum(&da(array)).unwrap()), expected, "{array}");
    }
    assert_eq!(show(summation(&da("1]2^3\\4")).unwrap()), "10");
    assert_eq!(sum(&da("1]x")).unwrap_err(), Fault::NonNumeric);
    assert_eq!((show(maximum(&da("1]x^-3\\2"))), show(minimum(&da("1]x^-3]")))), ("2".into(), "-3".into()));
}

#[test]
fn positions_count_characters_and_foreign_bytes_are_kept() {
    let text = "Zoë Ångström".as_bytes();
    assert_eq!(substring(text, 3, 3), "ë Å".as_bytes());
    assert_eq!(last(text, 2), "öm".as_bytes());
    assert_eq!(index(text, "Å".as_bytes(), 1), 5);
    assert_eq!(overlay(text, 3, 1, b"e"), "Zoe Ångström".as_bytes());
    assert_eq!(upcase("straße é".as_bytes()), "STRAßE É".as_bytes(), "simple mapping keeps the length");
    assert_eq!(upcase(b"a\xE9b\xFEc"), b"A\xE9B\xFEC");
    assert_eq!(convert("éa".as_bytes(), b"e", "égal".as_bytes()), b"egl");
    assert_eq!(convert(b"\xFD", b"\xFE", b"a\xFDb"), b"a\xFEb");
    assert_eq!(substring(b"\xE9a\xE9", 2, 1), b"a");
    let found = field("ä·b·c".as_bytes(), "·".as_bytes(), 2, 1);
    assert_eq!((found.text, found.column1, found.column2), (&b"b"[..], 2, 4));
    assert_eq!((char_of(233), char_of(254), char_of(-1)), ("é".into(), vec![FM], vec![255]));
    assert_eq!((seq("é".as_bytes()), seq(&[FM]), seq(b"A"), seq(b"")), (233, 254, 65, 0));
}

#[test]
fn text_is_trimmed_changed_and_folded() {
    assert_eq!(trim(b"  a  b "), b"a b");
    assert_eq!(trim_of(b"xxaxxbxx", b"x", Trim::Squeeze), b"xaxbx");
    assert_eq!(Trim::from_letter(b"Q").unwrap_err(), Fault::IllegalMode);
    assert_eq!(change(b"banana", b"a", b"o", 1, 2), b"banona");
    assert_eq!(
        (change(b"a", b"", b"x", 0, 1), ereplace(b"a", b"", b"x", 0, 1)),
        (b"a".to_vec(), b"xa".to_vec())
    );
    assert_eq!(show(fold(b"the quick brownies", 6)), "the^quick^browni^es");
    assert_eq!(show(fold("äää ö".as_bytes(), 3)), "äää^ö");
    assert_eq!(show(csvdq(b"a,\"b,\"\"c\",,\"\"")), "a^b,\"c^^");
    assert_eq!(show(substitute(&da("a]b^a"), &da("a]b"), &da("x"))), "x]^x");
    assert_eq!(repeated(b"ab", i64::MAX).unwrap_err(), Fault::TooLarge);
    assert_eq!(time_date(&crate::Env { today: 9649, second: 3661 }), "01:01:01 01 JUN 1994");
}

#[test]
fn parts_are_found_stored_and_built() {
    assert_eq!(field_store(b"1*2*3*4", b"*", 2, -2, b"X*Y*Z"), b"1*X*Y*Z*4");
    assert_eq!(field_store(b"1*2", b"*", 4, 2, b"x"), b"1*2**x*");
    assert_eq!(list_index(b"a,b,c", b",", b"c"), 3);
    assert_eq!((list_index(b"a,b", b",", b"x"), list_index(b"", b",", b"")), (0, 0));
    assert_eq!(find(&da("a]b^c\\b"), b"b", 2), Some((2, 1, 2)));
    assert_eq!(find_part(&da("ax]b^cx"), b"x", 2), Some((2, 1, 1)));
    assert_eq!(find(b"a", b"b", 1), None);
    let places = mat_parse(&da("a^b^c^d"), &[FM], 2);
    assert_eq!(places.iter().map(show).collect::<Vec<_>>(), ["c^d", "a", "b"]);
    assert_eq!(show(mat_build(&places, &[FM])), "a^b^c^d");
    assert_eq!(mat_parse(b"abc", b"", 4).concat(), b"abc");
}

#[test]
fn remove_walks_to_the_end_and_back() {
    let array = da("a^b]c");
    let mut remover = Remover::new();
    assert_eq!(remover.remove(&array), (&b"a"[..], 2));
    assert_eq!(remover.remove(&array), (&b"b"[..], 3));
    let middle = remover.position();
    assert_eq!(remover.remove(&array), (&b"c"[..], 0));
    assert_eq!(remover.remove(&array), (&b""[..], 0));
    assert_eq!(remover.reverse_remove(&array), (&b"c"[..], 3));
    remover.set_position(middle);
    assert_eq!(remover.remove(&array), (&b"c"[..], 0));
    let mut remover = Remover::new();
    assert_eq!(remove_delimited(b"a,b,c", &mut remover, b",", 2), (&b"a,b"[..], 0));
    assert_eq!(remove_delimited(b"a,b,c", &mut remover, b",", 1), (&b"c"[..], 0));
    assert_eq!(remove_delimited(b"a,b,c", &mut remover, b",", 1), (&b""[..], 2));
    assert_eq!(remove_delimited(b"", &mut Remover::new(), b",", 1).1, 1);
}

#[test]
fn bits_and_hexadecimal_digits() {
    assert_eq!((bits(Bits::And, b"12", b"10"), bits(Bits::Or, b"12", b"10")), (Ok(8), Ok(14)));
    assert_eq!((shift(b"16", b"-2"), shift(b"16", b"2"), shift(b"1", b"99")), (Ok(64), Ok(4), Ok(0)));
    assert_eq!(
        (bit_not(b"5"), with_bit(b"4", b"0", true), with_bit(b"5", b"2", false)),
        (Ok(-6), Ok(5), Ok(1))
    );
    assert_eq!(
        (bit_test(b"5", b"2"), bit_test(b"5", b"1"), bit_test(b"5", b"32")),
        (Ok(true), Ok(false), Err(Fault::TooLarge))
    );
    assert_eq!((dtx(b"255", 4), dtx(b"-1", 0)), (Ok("00FF".into()), Ok("FFFFFFFF".into())));
    assert_eq!((xtd(b"ff"), xtd(b"zz"), xtd(b"")), (Some(255), None, Some(0)));
    assert_eq!((max(b"9", b"10"), min(b"9", b"10")), (&b"10"[..], &b"9"[..]));
    assert_eq!((rnd(10, 123), rnd(0, 5)), (3, 0));
}

proptest! {
    #[test]
    fn raising_what_was_lowered_gives_it_back(text in "[a-z\u{FC}\u{FD}\u{FE}]{0,30}") {
        let array = DynArray::from_text(&text);
        prop_assert_eq!(array.lower().raise(), array);
    }

    #[test]
    fn fields_are_counted_as_remove_finds_them(text in "[a-z\u{FE}]{1,30}") {
        let array = DynArray::from_text(&text).into_bytes();
        let mut remover = Remover::new();
        let mut steps = 0;
        loop {
            let (_, delimiter) = remover.remove(&array);
            prop_assert!(matches!(delimiter, 0 | 2));
            steps += 1;
            if delimiter == 0 {
                break;
            }
        }
        prop_assert_eq!(steps, dcount(&array, &[FM]));
    }

    #[test]
    fn decimal_arithmetic_agrees_with_whole_numbers(a in -1_000_000_000i64..1_000_000_000, b in -1_000_000_000i64..1_000_000_000) {
        let calculate = |operator| String::from_utf8(arithmetic(operator, a.to_string().as_bytes(), b.to_string().as_bytes()).unwrap().unwrap()).unwrap();
        prop_assert_eq!(calculate("+"), (a + b).to_string());
        prop_assert_eq!(calculate("*"), (i128::from(a) * i128::from(b)).to_string());
        if b != 0 {
            prop_assert_eq!(calculate("//"), (a / b).to_string());
            prop_assert_eq!(calculate("REM"), (a % b).to_string());
            prop_assert_eq!(calculate("MOD"), (a - b * (a as f64 / b as f64).floor() as i64).to_string());
        }
    }

    #[test]
    fn a_sum_is_the_same_in_any_order(mut numbers in prop::collection::vec("-?[0-9]{1,9}(\\.[0-9]{1,4})?", 1..20)) {
        let joined = |numbers: &[String]| numbers.iter().map(String::as_bytes).collect::<Vec<_>>().join(&0xFD);
        let first = summation(&joined(&numbers));
        numbers.reverse();
        prop_assert_eq!(summation(&joined(&numbers)), first);
    }

    #[test]
    fn no_text_and_no_position_panics(bytes in prop::collection::vec(any::<u8>(), 0..40), part in prop::collection::vec(any::<u8>(), 0..4), a in -3i64..50, b in -3i64..50) {
        let _ignored = (substring(&bytes, a, b), last(&bytes, a), overlay(&bytes, a, b, &part), fold(&bytes, a));
        let _ignored = (field(&bytes, &part, a, b), field_store(&bytes, &part, a, b, &part), index(&bytes, &part, a));
        let _ignored = (change(&bytes, &part, b"x", a, b), convert(&part, &bytes, &bytes), trim_of(&bytes, &part, Trim::Redundant));
        let _ignored = (csvdq(&bytes), substitute(&bytes, &part, &bytes), list_index(&bytes, &part, b"x"), mat_parse(&bytes, &part, 3));
        let _ignored = (sum(&bytes), summation(&bytes), maximum(&bytes), adds(&bytes, &part), ifs(&bytes, &part, &bytes));
        prop_assert_eq!(substring(&bytes, 1, crate::dynarray::char_count(&bytes) as i64), &bytes[..]);
        prop_assert_eq!(overlay(&bytes, a, b, &part).len().min(1), bytes.len().min(1));
    }
}
