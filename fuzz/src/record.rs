//! Any bytes as a record: every function of dynamic arrays and text, and what they promise of each other.

use hal_db::DynArray;
use hal_db::dynarray::{FM, Search, VM, dcount};
use hal_db::functions::{self, Remover, Trim};

use crate::{assert_bounded, halves};

/// Inputs to begin with: three positions, a kind of change, new text, NUL, a record.
pub const SEEDS: &[&[u8]] = &[
    b"\x01\x02\x03\x00a\xFEb\xFDc\xFCd\xFC\xFDe\xFE\xFEf",
    b"\xFF\x01\x00NEW\x00A\xFE\xFE\xFDx\xFBy",
    b"\x02\xFF\x01q\x001\xFD2\xFE3\xFC4.5",
    "\x01\x01\x01é\u{0}Zoë\u{FE} Ångström, \"x\", 中文".as_bytes(),
    b"\x03\x00\x00\xFD\x00\xFF\xFE\xFD\xFC\xFB\xE9",
];

/// Changes, searches and calculates with one record.
pub fn fuzz_one(data: &[u8]) {
    let (head, record) = halves(data);
    let position = |index: usize| head.get(index).map_or(0, |byte| i64::from(*byte as i8));
    let (f, v, s) = (position(0), position(1), position(2));
    let new = head.get(3..).unwrap_or_default();
    let array = DynArray::from_bytes(record);

    let mut replaced = array.clone();
    replaced.replace(f, v, s, new);
    let plain = !new.iter().any(|b| *b >= 251);
    if plain && f > 0 && v > 0 && s > 0 {
        assert_eq!(replaced.extract(f, v, s), new, "what was stored is not what is read");
    }
    // What an array remembers of its last change must never show.
    let mut fresh = replaced.clone();
    replaced.insert(f, v, s, new);
    fresh.insert(f, v, s, new);
    assert_eq!(replaced.as_bytes(), fresh.as_bytes());
    replaced.replace(f, -1, 0, new);
    fresh = DynArray::from_bytes(fresh.as_bytes());
    fresh.replace(f, -1, 0, new);
    assert_eq!(replaced.as_bytes(), fresh.as_bytes());
    replaced.delete(f, v, s);
    assert_bounded("changes", replaced.as_bytes().len(), data.len());

    for order in ["", "AL", "AR", "DL", "DRN"] {
        let (Ok(place) | Err(place)) = array.locate(new, f, v, s, Search::from_letters(order));
        assert!(place >= 1);
    }
    if !record.contains(&251) && !record.contains(&255) {
        assert_eq!(array.lower().raise(), array, "lowered and raised");
    }
    let _cropped = array.crop();
    assert_bounded("text", array.to_text().len(), data.len());

    let mut remover = Remover::new();
    let mut steps = 0;
    while remover.remove(record).1 != 0 {
        steps += 1;
    }
    assert_eq!(steps, record.iter().filter(|b| **b >= 251).count());
    assert_eq!(dcount(record, &[FM]), if record.is_empty() { 0 } else { record.split(|b| *b == FM).count() });

    for result in [functions::sum(record), functions::summation(record), functions::adds(record, new)] {
        assert_bounded("sums", result.map_or(0, |result| result.len()), data.len() * 2);
    }
    let _ignored = (functions::maximum(record), functions::minimum(record));
    let _ignored = functions::divs(record, functions::reuse(new));
    let _ignored = (functions::eqs(record, new), functions::nots(record), functions::lens(record));
    let _ignored = functions::ifs(record, functions::reuse(new), new);
    let _ignored = functions::find_part(record, new, 2);
    assert_bounded("fold", functions::fold(record, f).len(), data.len());
    assert_eq!(functions::substring(record, 1, i64::MAX), record);
    let _ignored = (
        functions::substring(record, v, s),
        functions::last(record, f),
        functions::overlay(record, f, v, new),
    );
    let _ignored = (functions::field(record, new, f, v), functions::index(record, new, f));
    let _ignored = functions::field_store(record, new, f, v.min(99), new);
    let _ignored = (functions::change(record, new, b"x", f, v), functions::convert(new, record, record));
    let _ignored = functions::trim_of(record, new, Trim::Redundant);
    let _ignored = (functions::csvdq(record), functions::substitute(record, new, record));
    assert_eq!(functions::upcase(record).len() > 0, !record.is_empty());
    let built = functions::mat_build(&functions::mat_parse(record, &[VM], 3), &[VM]);
    assert_bounded("matrix", built.len(), data.len());
}
