//! Values that become typed, and those that must not.

use super::*;
use crate::dynarray::DynArray;

const ENV: Env = Env { today: 21_513, second: 0 };

fn item(conversion: &str, format: &str) -> DataItem {
    let record = DynArray::from_fields(["D", "1", conversion, "", format, "S"]);
    DataItem::from_record("X", record.as_bytes()).unwrap()
}

#[track_caller]
fn check(conversion: &str, format: &str, value: &str, expected: Typed) {
    let item = item(conversion, format);
    assert_eq!(typed(value.as_bytes(), &item, Kind::of(&item), &ENV), expected, "{conversion} {value}");
}

fn text(text: &str) -> Typed {
    Typed::Text(text.to_owned())
}

fn number(text: &str) -> Typed {
    Typed::Number(text.to_owned())
}

fn raw(text: &str) -> Typed {
    Typed::Raw(text.to_owned())
}

#[test]
fn values_get_the_type_of_their_conversion() {
    check("D4-", "10R", "21513", text("2026-11-24"));
    check("D2/", "8R", "-1", text("1967-12-30"));
    check("MTH", "7R", "29520", text("08:12:00"));
    check("MT", "5R", "86399", text("23:59:59"));
    check("MD2,$", "12R", "123456", number("1234.56"));
    check("MD2", "12R", "-5", number("-0.05"));
    check("MD2", "12R", "0", number("0.00"));
    check("MD1", "12R", "365", number("36.5"));
    check("MR0", "8R", "12", number("12"));
    check("MD2", "12R", "1234567890123456", text("12345678901234.56"));
    check("", "10R", "12.5", number("12.5"));
    check("", "10L", "12.5", text("12.5"));
    check("B", "1L", "1", Typed::Boolean(true));
    check("MCU", "10L", "abc", text("abc"));
    check("D4-", "10R", "", Typed::Empty);
}

#[test]
fn what_would_not_come_back_is_kept_as_it_is() {
    check("D4-", "10R", "soon", raw("soon"));
    check("D4-", "10R", "021513", raw("021513"));
    check("D4-", "10R", "99999999", raw("99999999"));
    check("MTH", "7R", "86400", raw("86400"));
    check("MTH", "7R", "08:12", raw("08:12"));
    check("MD2", "12R", "12.5", raw("12.5"));
    check("MD2", "12R", "-0", raw("-0"));
    check("MD2", "12R", "007", raw("007"));
    check("B", "1L", "yes", raw("yes"));
    // A right-justified field may hold texts: they are texts.
    for kept in ["007", "1.50", "+5", "-0", "1e5", "1.", ".5", "N/A", "1234567890123456"] {
        check("", "10R", kept, text(kept));
    }
    let item = item("", "10L");
    assert_eq!(typed(&[0xE9], &item, Kind::of(&item), &ENV), Typed::Bytes(vec![0xE9]));
}

#[test]
fn a_stamp_tells_its_time_only_when_it_has_one() {
    let mut record = item("D4-", "10R").to_record();
    record.set_field(11, "stamp");
    let item = DataItem::from_record("X", record.as_bytes()).unwrap();
    let of = |value: &str| typed(value.as_bytes(), &item, Kind::of(&item), &ENV);
    assert_eq!(of("21513.29520"), text("2026-11-24T08:12:00"));
    assert_eq!(of("21513"), text("2026-11-24"));
    assert_eq!(of("21513.5"), raw("21513.5"));
}

#[test]
fn only_numbers_that_survive_are_numbers() {
    for good in ["0", "-1", "10", "0.5", "-0.05", "123456789012345"] {
        assert!(json_number(good), "{good}");
    }
    for bad in ["", "-", "01", "-0", "-0.0", "1.", ".1", "1e3", "1,000", "1234567890123456", "--1", "٣"] {
        assert!(!json_number(bad), "{bad}");
    }
}
