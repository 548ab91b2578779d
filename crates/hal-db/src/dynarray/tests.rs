//! The documented examples, and properties against nested vectors. The tables are met in `tests/truth.rs`.

use proptest::prelude::*;

use super::*;

fn da(text: &str) -> DynArray {
    // ^ ] \ are how Pick people write FM, VM and SM.
    let bytes = text.bytes().map(|b| match b {
        b'^' => FM,
        b']' => VM,
        b'\\' => SM,
        other => other,
    });
    DynArray::from_bytes(bytes.collect::<Vec<u8>>())
}

fn show(array: &DynArray) -> String {
    let chars = array.as_bytes().iter().map(|b| match *b {
        FM => '^',
        VM => ']',
        SM => '\\',
        other => char::from(other),
    });
    chars.collect()
}

#[test]
fn a_place_that_does_not_exist_is_empty() {
    let array = da("a^b]c\\d^^f");
    for (f, v, s, expected) in [
        (1, 0, 0, "a"),
        (2, 2, 2, "d"),
        (2, 2, 0, "c\\d"),
        (9, 0, 0, ""),
        (0, 0, 0, ""),
        (1, 1, 1, "a"),
        (1, -1, 0, ""),
    ] {
        assert_eq!(show(&DynArray::from_bytes(array.extract(f, v, s))), expected, "<{f},{v},{s}>");
    }
    assert_eq!(array.values(2).count(), 2);
    assert_eq!(array.values(3).count(), 0);
    assert_eq!(array.dcount_fields(), 4);
}

#[test]
fn appending_writes_a_mark_unless_the_container_is_wholly_empty() {
    for (array, place, new, expected) in [
        ("", (-1, 0, 0), "x", "x"),
        ("A", (-1, 0, 0), "", "A^"),
        ("A^", (-1, 0, 0), "z", "A^^z"),
        ("A^^C", (2, -1, 0), "v", "A^v^C"),
        ("A^]^C", (2, -1, 0), "v", "A^]]v^C"),
        ("A", (-1, 2, 3), "x", "A^x"),
        ("A", (5, 0, 0), "e", "A^^^^e"),
        ("A", (0, 0, 0), "e", "e"),
        ("", (-1, 0, 0), "", ""),
    ] {
        let mut changed = da(array);
        changed.replace(place.0, place.1, place.2, new);
        assert_eq!(show(&changed), expected, "{array} <{place:?}> = {new}");
    }
}

#[test]
fn in_compatible_mode_an_append_fills_an_empty_last_element() {
    for (array, place, expected) in [
        ("A^", (-1, 0, 0), "A^z"),
        ("A", (-1, 0, 0), "A^z"),
        ("A]^B", (1, -1, 0), "A]z^B"),
        ("", (-1, 0, 0), "z"),
    ] {
        let mut changed = da(array);
        changed.replace_compatible(place.0, place.1, place.2, "z");
        assert_eq!(show(&changed), expected, "{array} <{place:?}>");
    }
}

#[test]
fn a_place_may_be_named_by_its_container() {
    let array = da("a^b]c]b^d\\e");
    assert_eq!(array.locate_within(b"d\xFCe", 0, 0, 1, Order::None), Ok(3));
    assert_eq!(array.locate_within(b"b", 2, 0, 2, Order::None), Ok(3));
    assert_eq!(array.locate_within(b"e", 3, 1, 1, Order::None), Ok(2));
    assert_eq!(array.locate_within(b"x", 2, 0, 9, Order::None), Err(9));
    assert_eq!(array.locate("C".as_bytes(), 2, 1, 0, Search::from_letters("ALN")), Ok(2));
    assert_eq!(array.locate("C".as_bytes(), 2, 1, 0, Search::from_letters("ALC")), Err(1));
}

#[test]
fn insert_and_delete_move_the_others() {
    for (array, place, new, expected) in [
        ("A^B", (1, 1, 1), "X", "X\\A^B"),
        ("A^B", (1, 1, 0), "X", "X]A^B"),
        ("A", (2, 0, 0), "", "A"),
        ("A", (1, 0, 0), "", "^A"),
    ] {
        let mut changed = da(array);
        changed.insert(place.0, place.1, place.2, new);
        assert_eq!(show(&changed), expected, "{array} {place:?}");
    }
    for (array, place, expected) in [
        ("A^B\\C", (2, 1, 2), "A^B"),
        ("A^B", (1, 0, 0), "B"),
        ("A]B^C", (1, 0, 0), "C"),
        ("A^B", (2, 1, 1), "A^"),
    ] {
        let mut changed = da(array);
        changed.delete(place.0, place.1, place.2);
        assert_eq!(show(&changed), expected, "{array} {place:?}");
    }
}

#[test]
fn locate_finds_or_says_where_to_insert() {
    let array = da("10]9]8");
    assert_eq!(array.locate(b"9", 1, 1, 0, Order::DescendingRight), Ok(2));
    let array = da("1^5^10^20");
    assert_eq!(array.locate(b"7", 1, 0, 0, Order::AscendingRight), Err(3));
    assert_eq!(array.locate(b"7", 1, 0, 0, Order::AscendingLeft), Err(5));
    assert_eq!(DynArray::new().locate(b"", 1, 0, 0, Order::None), Ok(1));
    assert_eq!(da("a^b").locate(b"a", 2, 0, 0, Order::None), Err(3));
}

#[test]
fn marks_travel_as_latin_letters_in_text() {
    let array = DynArray::from_text("a\u{FE}b\u{FD}é");
    assert_eq!(array.as_bytes(), b"a\xFEb\xFD\xC3\xA9");
    assert_eq!(array.to_text(), "a\u{FE}b\u{FD}é");
    assert_eq!(format!("{array:?}"), "DynArray(6 bytes)");
}

#[test]
fn crop_raise_and_lower_move_marks() {
    assert_eq!(show(&da("a]^b\\]c\\^^").crop()), "a^b]c");
    assert_eq!(show(&da("a^b]c").lower()), "a]b\\c");
    assert_eq!(show(&da("a]b\\c").raise()), "a^b]c");
}

/// The model: fields of values of subvalues.
type Nested = Vec<Vec<Vec<String>>>;

fn nested() -> impl Strategy<Value = Nested> {
    let word = || prop_oneof![Just(String::new()), "[a-z]{1,3}"];
    prop::collection::vec(prop::collection::vec(prop::collection::vec(word(), 1..4), 1..4), 1..5)
}

fn joined(model: &Nested) -> DynArray {
    let values =
        |field: &Vec<Vec<String>>| field.iter().map(|v| v.join("\u{FC}")).collect::<Vec<_>>().join("\u{FD}");
    DynArray::from_text(&model.iter().map(values).collect::<Vec<_>>().join("\u{FE}"))
}

/// Makes `list` at least `length` long.
fn grown<T: Clone>(list: &mut Vec<T>, length: usize, empty: T) {
    while list.len() < length {
        list.push(empty.clone());
    }
}

proptest! {
    #[test]
    fn replace_is_that_of_nested_vectors(model in nested(), f in 1usize..7, v in 1usize..6, s in 1usize..6, new in "[a-z]{0,3}") {
        let mut array = joined(&model);
        array.replace(f as i64, v as i64, s as i64, &new);
        let mut model = model;
        grown(&mut model, f, vec![vec![String::new()]]);
        grown(&mut model[f - 1], v, vec![String::new()]);
        grown(&mut model[f - 1][v - 1], s, String::new());
        model[f - 1][v - 1][s - 1] = new.clone();
        prop_assert_eq!(show(&array), show(&joined(&model)));
        prop_assert_eq!(array.extract(f as i64, v as i64, s as i64), new.as_bytes());
    }

    #[test]
    fn extract_is_that_of_nested_vectors(model in nested(), f in 1usize..7, v in 1usize..6, s in 1usize..6) {
        let array = joined(&model);
        let expected = model.get(f - 1).and_then(|x| x.get(v - 1)).and_then(|x| x.get(s - 1)).cloned().unwrap_or_default();
        prop_assert_eq!(array.extract_text(f as i64, v as i64, s as i64), expected);
    }

    #[test]
    fn delete_is_that_of_nested_vectors(model in nested(), f in 1usize..7, v in 1usize..6) {
        let mut array = joined(&model);
        array.delete(f as i64, v as i64, 0);
        let mut model = model;
        if f <= model.len() && v <= model[f - 1].len() {
            if model[f - 1].len() == 1 {
                model[f - 1] = vec![vec![String::new()]];
            } else {
                model[f - 1].remove(v - 1);
            }
        }
        prop_assert_eq!(show(&array), show(&joined(&model)));
    }

    #[test]
    fn an_inserted_item_keeps_a_sorted_list_sorted(mut words in prop::collection::vec("[0-9]{1,3}", 1..12), new in "[0-9]{1,3}") {
        words.sort_by_key(|word| word.parse::<i64>().unwrap());
        let mut array = DynArray::from_fields(&words);
        if let Err(position) = array.locate(new.as_bytes(), 1, 0, 0, Order::AscendingRight) {
            array.insert(position as i64, 0, 0, &new);
        }
        let numbers: Vec<i64> = array.to_text().split('\u{FE}').map(|n| n.parse().unwrap()).collect();
        prop_assert!(numbers.is_sorted(), "{numbers:?}");
    }

    #[test]
    fn what_is_remembered_of_a_change_never_shows(steps in prop::collection::vec((0u8..4, -1i64..4, -1i64..4, -1i64..4, prop_oneof!["[a-z]{0,2}", Just("x\u{FD}y".to_owned()), Just("x\u{FE}".to_owned())]), 1..12)) {
        let mut array = DynArray::new();
        for (kind, f, v, s, new) in steps {
            // A clone remembers nothing.
            let mut fresh = array.clone();
            let new = DynArray::from_text(&new);
            for array in [&mut array, &mut fresh] {
                match kind {
                    0 => array.insert(f, v, s, &new),
                    1 => array.delete(f, v, s),
                    2 => array.push_field(&new),
                    _ => array.replace(f, v, s, &new),
                }
            }
            prop_assert_eq!(show(&array), show(&fresh), "{} <{},{},{}>", kind, f, v, s);
        }
    }

    /// 31.4, whatever the text was before; what is put in may hold marks of lower rank.
    #[test]
    fn what_was_replaced_is_extracted(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(FM), Just(VM), Just(SM)], 0..60),
        f in 1i64..9, v in 0i64..7, s in 0i64..7,
        new in prop::collection::vec(prop_oneof![0x20_u8..0x7F, Just(FM), Just(VM), Just(SM)], 0..12),
    ) {
        let s = if v == 0 { 0 } else { s };
        // Marks of its own rank and above would divide it.
        let rank = match (v, s) { (0, _) => FM, (_, 0) => VM, _ => SM };
        let new: Vec<u8> = new.into_iter().filter(|&b| b < rank).collect();
        let mut array = DynArray::from_bytes(bytes);
        array.replace(f, v, s, &new);
        prop_assert_eq!(array.extract(f, v, s), new.as_slice());
    }

    #[test]
    fn no_position_panics(bytes in prop::collection::vec(any::<u8>(), 0..40), f in -2i64..9, v in -2i64..9, s in -2i64..9) {
        let array = DynArray::from_bytes(bytes);
        let _ignored = array.extract(f, v, s);
        let (mut a, mut b, mut c) = (array.clone(), array.clone(), array.clone());
        a.replace(f, v, s, "x");
        b.insert(f, v, s, "x");
        c.delete(f, v, s);
        let _ignored = array.crop();
        prop_assert_eq!(DynArray::from_text(&DynArray::from_text(&array.to_text()).to_text()), DynArray::from_text(&array.to_text()));
    }
}

#[test]
fn a_hundred_thousand_values_are_added_one_by_one_in_linear_time() {
    const COUNT: i64 = 100_000;
    let mut built: Vec<DynArray> = vec![DynArray::new(); 5];
    for number in 1..=COUNT {
        let text = number.to_string();
        built[0].replace(3, -1, 0, &text);
        built[1].replace(3, number, 0, &text);
        built[2].insert(3, number, 0, &text);
        built[3].replace(number, 0, 0, &text);
        built[4].replace(1, 1, -1, &text);
    }
    // Searching from the beginning each time would take minutes here.
    for array in &built[..3] {
        assert_eq!(array.values(3).count(), COUNT as usize);
        assert_eq!(array.extract(3, COUNT, 0), b"100000");
        assert_eq!(array.locate(b"99999", 3, 1, 0, Order::None), Ok(99_999));
    }
    assert_eq!(built[3].dcount_fields(), COUNT as usize);
    assert_eq!(dcount(built[4].as_bytes(), &[SM]), COUNT as usize);
}
