//! The functions of expressions: a name, how many arguments, and which function of [`crate::functions`] it is.
//!
//! They take values and what surrounds them, and never fail: where a program would stop, a query takes "".

use std::cmp::Ordering;

use super::calc::Num;
use super::eval::Surroundings;
use super::value::{Value, compare, each, extreme, sum, summation, zip};
use crate::conv::{self, soundex};
use crate::dynarray::{self, DynArray, Search, TM, dcount, text};
use crate::fmt::fmt_bytes;
use crate::functions as calls;
use crate::functions::Fault;
use crate::pattern::Pattern;

/// A function of expressions.
pub(crate) struct Function {
    pub name: &'static str,
    pub least: usize,
    pub most: usize,
    /// Whether it depends on more than its arguments.
    pub volatile: bool,
    pub run: Run,
}

impl std::fmt::Debug for Function {
    /// The name alone: what an index is made of must print alike in every run of the program.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

type Run = for<'a> fn(&mut [Value<'a>], &Surroundings<'_>) -> Value<'a>;

const fn function(name: &'static str, least: usize, most: usize, run: Run) -> Function {
    Function { name, least, most, volatile: false, run }
}

/// All functions.
static FUNCTIONS: &[Function] = &[
    function("ABS", 1, 1, |a, _| number(&a[0], Num::abs)),
    function("ABSS", 1, 1, |a, _| numbers(&a[0], Num::abs)),
    function("ANDS", 2, 2, |a, _| truths(a, |a, b| truth(a) && truth(b))),
    function("CATS", 2, 2, |a, _| {
        zip(&a[0], &a[1], &mut |a, b, out| {
            out.extend_from_slice(a.unwrap_or_default());
            out.extend_from_slice(b.unwrap_or_default());
        })
    }),
    function("CHANGE", 3, 5, |a, _| {
        Value::owned(calls::change(&a[0].bytes(), &a[1].bytes(), &a[2].bytes(), place(a, 3), place(a, 4)))
    }),
    function("CHAR", 1, 1, |a, _| Value::owned(calls::char_of(a[0].integer()))),
    function("COMPARE", 2, 3, compare_strings),
    function("CONVERT", 3, 3, |a, _| {
        Value::owned(calls::convert(&a[0].bytes(), &a[1].bytes(), &a[2].bytes()))
    }),
    function("COUNT", 2, 2, |a, _| Value::count(dynarray::count(&a[0].bytes(), &a[1].bytes()))),
    function("COUNTS", 2, 2, |a, _| {
        let part = a[1].bytes().into_owned();
        each(&a[0], |s, out| write_count(dynarray::count(s, &part), out))
    }),
    function("CROP", 1, 1, |a, _| Value::owned(array(&a[0]).crop().into_bytes())),
    Function { volatile: true, ..function("DATE", 0, 0, |_, around| Value::int(around.context.env.today)) },
    function("CSVDQ", 1, 1, |a, _| Value::owned(calls::csvdq(&a[0].bytes()))),
    function("DCOUNT", 2, 2, |a, _| Value::count(dcount(&a[0].bytes(), &a[1].bytes()))),
    function("DELETE", 2, 4, |a, _| {
        let mut all = array(&a[0]);
        all.delete(a[1].integer(), place(a, 2), place(a, 3));
        Value::owned(all.into_bytes())
    }),
    function("DOWNCASE", 1, 1, |a, _| Value::owned(calls::downcase(&a[0].bytes()))),
    function("DQUOTE", 1, 1, |a, _| Value::owned(calls::double_quoted(&a[0].bytes()))),
    function("DTX", 1, 2, |a, _| {
        let width = usize::try_from(place(a, 1).clamp(0, 64)).unwrap_or(0);
        Value::owned(calls::dtx(&a[0].bytes(), width).unwrap_or_default().into_bytes())
    }),
    function("XTD", 1, 1, |a, _| calls::xtd(&a[0].bytes()).map_or(Value::EMPTY, Value::int)),
    function("EQS", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_eq())),
    function("EREPLACE", 3, 5, |a, _| {
        Value::owned(calls::ereplace(&a[0].bytes(), &a[1].bytes(), &a[2].bytes(), place(a, 3), place(a, 4)))
    }),
    function("EXTRACT", 2, 4, |a, _| {
        Value::owned(dynarray::extract(&a[0].bytes(), a[1].integer(), place(a, 2), place(a, 3)))
    }),
    function("FIELD", 3, 4, |a, _| {
        Value::owned(
            calls::field(&a[0].bytes(), &a[1].bytes(), a[2].integer(), a.get(3).map_or(1, Value::integer))
                .text,
        )
    }),
    function("FIELDS", 3, 4, |a, _| {
        let (delimiter, number, count) =
            (a[1].bytes().into_owned(), a[2].integer(), a.get(3).map_or(1, Value::integer));
        each(&a[0], |s, out| out.extend_from_slice(calls::field(s, &delimiter, number, count).text))
    }),
    function("FMT", 2, 2, |a, _| format(&a[0].bytes(), &a[1].bytes())),
    function("FMTS", 2, 2, |a, _| {
        let spec = a[1].bytes().into_owned();
        each(&a[0], |s, out| out.extend_from_slice(&format(s, &spec).into_bytes()))
    }),
    function("GES", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_ge())),
    function("GTS", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_gt())),
    Function {
        volatile: true,
        ..function("ICONV", 2, 2, |a, around| {
            Value::owned(conv::iconv_with(&a[0].bytes(), &code(&a[1]), around).0)
        })
    },
    Function {
        volatile: true,
        ..function("ICONVS", 2, 2, |a, around| {
            let code = code(&a[1]);
            each(&a[0], |s, out| out.extend_from_slice(&conv::iconv_with(s, &code, around).0))
        })
    },
    function("IFS", 3, 3, |a, _| {
        // Two steps of pairs: which elements are chosen, then which are left.
        let chosen = zip(&a[0], &a[1], &mut |condition, then, out| {
            if truth(condition.unwrap_or_default()) {
                out.push(b'1');
                out.extend_from_slice(then.unwrap_or_default());
            } else {
                out.push(b'0');
            }
        });
        zip(&chosen, &a[2], &mut |chosen, otherwise, out| match chosen {
            Some([b'1', then @ ..]) => out.extend_from_slice(then),
            _ => out.extend_from_slice(otherwise.unwrap_or_default()),
        })
    }),
    function("INDEX", 3, 3, |a, _| Value::count(calls::index(&a[0].bytes(), &a[1].bytes(), a[2].integer()))),
    function("INDEXS", 3, 3, |a, _| {
        let (part, occurrence) = (a[1].bytes().into_owned(), a[2].integer());
        each(&a[0], |s, out| write_count(calls::index(s, &part, occurrence), out))
    }),
    function("INSERT", 3, 5, |a, _| insert(a)),
    function("INT", 1, 1, |a, _| numbers(&a[0], Num::int)),
    function("LEFT", 2, 2, |a, _| Value::owned(calls::left(&a[0].bytes(), a[1].integer()))),
    function("LEN", 1, 1, |a, _| Value::count(dynarray::char_count(&a[0].bytes()))),
    function("LENS", 1, 1, |a, _| each(&a[0], |s, out| write_count(dynarray::char_count(s), out))),
    function("LES", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_le())),
    function("LISTINDEX", 3, 3, |a, _| {
        Value::count(calls::list_index(&a[0].bytes(), &a[1].bytes(), &a[2].bytes()))
    }),
    function("LOCATE", 3, 6, locate),
    function("LOWER", 1, 1, |a, _| Value::owned(array(&a[0]).lower().into_bytes())),
    function("LTS", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_lt())),
    function("MATCHES", 2, 2, |a, _| {
        Value::truth(Pattern::from_bytes(&a[1].bytes()).matches_bytes(&a[0].bytes()))
    }),
    function("MATCHESS", 2, 2, |a, _| {
        let pattern = Pattern::from_bytes(&a[1].bytes());
        each(&a[0], |s, out| out.push(if pattern.matches_bytes(s) { b'1' } else { b'0' }))
    }),
    function("MAX", 2, 2, |a, _| either(a, Ordering::Less)),
    function("MAXIMUM", 1, 1, |a, _| {
        extreme(&a[0].bytes(), Ordering::Greater).map_or(Value::EMPTY, Value::Num)
    }),
    function("MIN", 2, 2, |a, _| either(a, Ordering::Greater)),
    function("MINIMUM", 1, 1, |a, _| extreme(&a[0].bytes(), Ordering::Less).map_or(Value::EMPTY, Value::Num)),
    function("MOD", 2, 2, |a, _| super::value::arithmetic(&a[0], &a[1], Num::ONE, Num::modulo)),
    function("MODS", 2, 2, |a, _| super::value::arithmetic(&a[0], &a[1], Num::ONE, Num::modulo)),
    function("NEG", 1, 1, |a, _| number(&a[0], Num::negated)),
    function("NEGS", 1, 1, |a, _| numbers(&a[0], Num::negated)),
    function("NES", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_ne())),
    function("NOT", 1, 1, |a, _| Value::truth(!a[0].is_true())),
    function("NOTS", 1, 1, |a, _| each(&a[0], |s, out| out.push(if truth(s) { b'0' } else { b'1' }))),
    function("NUM", 1, 1, |a, _| Value::truth(Num::of(&a[0].bytes()).is_some())),
    function("NUMS", 1, 1, |a, _| {
        each(&a[0], |s, out| out.push(if Num::of(s).is_some() { b'1' } else { b'0' }))
    }),
    function("OCONV", 2, 2, |a, around| {
        Value::owned(conv::oconv_with(&a[0].bytes(), &code(&a[1]), around).0)
    }),
    function("OCONVS", 2, 2, |a, around| {
        let code = code(&a[1]);
        each(&a[0], |s, out| out.extend_from_slice(&conv::oconv_with(s, &code, around).0))
    }),
    function("ORS", 2, 2, |a, _| truths(a, |a, b| truth(a) || truth(b))),
    function("QUOTE", 1, 1, |a, _| Value::owned(calls::double_quoted(&a[0].bytes()))),
    function("RAISE", 1, 1, |a, _| Value::owned(array(&a[0]).raise().into_bytes())),
    function("IDIV", 2, 2, |a, _| {
        Value::owned(calls::idiv(&a[0].bytes(), &a[1].bytes()).unwrap_or_else(|_| b"0".to_vec()))
    }),
    function("PWR", 2, 2, |a, _| {
        Value::owned(calls::power(&a[0].bytes(), &a[1].bytes()).unwrap_or_else(|_| b"0".to_vec()))
    }),
    function("RDIV", 2, 2, |a, _| {
        Value::owned(calls::rdiv(&a[0].bytes(), &a[1].bytes()).unwrap_or_else(|_| b"0".to_vec()))
    }),
    function("REM", 2, 2, |a, _| super::value::arithmetic(&a[0], &a[1], Num::ONE, Num::remainder)),
    function("REPLACE", 3, 5, |a, _| replace(a)),
    function("REUSE", 1, 1, |a, _| Value::Reuse(std::mem::replace(&mut a[0], Value::EMPTY).into_bytes())),
    function("RIGHT", 2, 2, |a, _| Value::owned(calls::last(&a[0].bytes(), a[1].integer()))),
    function("SEQ", 1, 1, |a, _| Value::int(i64::from(calls::seq(&a[0].bytes())))),
    function("SOUNDEX", 1, 1, |a, _| Value::owned(soundex(&a[0].bytes()))),
    function("SOUNDEXS", 1, 1, |a, _| each(&a[0], |s, out| out.extend_from_slice(&soundex(s)))),
    function("SPACE", 1, 1, |a, _| sure(calls::spaces_of(a[0].integer().min(SPACES_MAX)))),
    function("SPACES", 1, 1, |a, _| sure(calls::spaces(&a[0].bytes()))),
    function("SPLICE", 3, 3, |a, _| {
        let middle = a[1].bytes().into_owned();
        zip(&a[0], &a[2], &mut |a, b, out| {
            for part in [a.unwrap_or_default(), &middle, b.unwrap_or_default()] {
                out.extend_from_slice(part);
            }
        })
    }),
    function("SQRT", 1, 1, |a, _| number(&a[0], Num::root)),
    function("SQUOTE", 1, 1, |a, _| Value::owned(calls::single_quoted(&a[0].bytes()))),
    function("STR", 2, 2, |a, _| repeated(&a[0].bytes(), a[1].integer())),
    function("STRS", 2, 2, |a, _| sure(calls::strs(&a[0].bytes(), a[1].integer().min(SPACES_MAX)))),
    function("SUBSTRINGS", 3, 3, |a, _| {
        Value::owned(calls::substrings(&a[0].bytes(), a[1].integer(), a[2].integer()))
    }),
    function("SUM", 1, 1, |a, _| sum(&a[0])),
    function("SUMMATION", 1, 1, |a, _| Value::Num(summation(&a[0].bytes()))),
    function("SWAP", 3, 5, |a, _| {
        Value::owned(calls::change(&a[0].bytes(), &a[1].bytes(), &a[2].bytes(), place(a, 3), place(a, 4)))
    }),
    Function {
        volatile: true,
        ..function("TIME", 0, 0, |_, around| Value::int(i64::from(around.context.env.second)))
    },
    Function {
        volatile: true,
        ..function("TIMEDATE", 0, 0, |_, around| {
            let env = around.context.env;
            let part = |value: String, code| conv::oconv(value.as_bytes(), code).0;
            let time = part(env.second.to_string(), "MTS");
            Value::owned([&time[..], b" ", &part(env.today.to_string(), "D4")].concat())
        })
    },
    function("TRIM", 1, 3, trim),
    function("TRIMB", 1, 1, |a, _| Value::owned(calls::trim_back(&a[0].bytes()))),
    function("TRIMF", 1, 1, |a, _| Value::owned(calls::trim_front(&a[0].bytes()))),
    function("TRIMS", 1, 1, |a, _| Value::owned(calls::trims(&a[0].bytes()))),
    function("UPCASE", 1, 1, |a, _| Value::owned(calls::upcase(&a[0].bytes()))),
    function("ALPHA", 1, 1, |a, _| Value::truth(calls::alpha(&a[0].bytes()))),
    function("FOLD", 2, 2, |a, _| Value::owned(calls::fold(&a[0].bytes(), a[1].integer()))),
    function("MATCHFIELD", 3, 3, |a, _| {
        let number = usize::try_from(a[2].integer()).unwrap_or(0);
        Value::owned(Pattern::from_bytes(&a[1].bytes()).field(&a[0].bytes(), number))
    }),
    function("FIELDSTORE", 5, 5, |a, _| {
        if !places_fit(&[a[2].integer(), a[3].integer()]) {
            return Value::owned(a[0].bytes().into_owned());
        }
        Value::owned(calls::field_store(
            &a[0].bytes(),
            &a[1].bytes(),
            a[2].integer(),
            a[3].integer(),
            &a[4].bytes(),
        ))
    }),
    function("SUBSTITUTE", 3, 3, |a, _| {
        Value::owned(calls::substitute(&a[0].bytes(), &a[1].bytes(), &a[2].bytes()))
    }),
];

/// The function of a name, case ignored.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    let name = name.to_ascii_uppercase();
    FUNCTIONS.iter().find(|function| function.name == name)
}

fn array(value: &Value<'_>) -> DynArray {
    DynArray::from_bytes(value.bytes())
}

fn place(arguments: &[Value<'_>], index: usize) -> i64 {
    arguments.get(index).map_or(0, Value::integer)
}

/// A conversion code, several separated by value marks.
pub(super) fn code(value: &Value<'_>) -> String {
    text(&value.bytes()).into_owned()
}

/// What would be too large is "".
fn sure<'a>(result: Result<Vec<u8>, Fault>) -> Value<'a> {
    Value::owned(result.unwrap_or_default())
}

fn truth(bytes: &[u8]) -> bool {
    Value::borrowed(bytes).is_true()
}

fn order(a: &[u8], b: &[u8]) -> Ordering {
    compare(&Value::borrowed(a), &Value::borrowed(b))
}

fn truths<'a>(arguments: &[Value<'_>], holds: fn(&[u8], &[u8]) -> bool) -> Value<'a> {
    zip(&arguments[0], &arguments[1], &mut |a, b, out| {
        out.push(if holds(a.unwrap_or_default(), b.unwrap_or_default()) { b'1' } else { b'0' });
    })
}

fn number<'a>(value: &Value<'_>, apply: fn(Num) -> Num) -> Value<'a> {
    Value::Num(apply(value.number()))
}

/// A function of a number, on each element.
fn numbers<'a>(value: &Value<'_>, apply: fn(Num) -> Num) -> Value<'a> {
    match value {
        Value::Num(number) => Value::Num(apply(*number)),
        Value::Bytes(bytes) | Value::Reuse(bytes) if bytes.iter().all(|&b| b < TM) => number(value, apply),
        _ => each(value, |s, out| apply(Num::of(s).unwrap_or(Num::ZERO)).write(out)),
    }
}

fn either<'a>(arguments: &mut [Value<'a>], wanted: Ordering) -> Value<'a> {
    let second = compare(&arguments[0], &arguments[1]) == wanted;
    std::mem::replace(&mut arguments[usize::from(second)], Value::EMPTY)
}

fn write_count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(count.to_string().as_bytes());
}

/// FMT; a bad format leaves the value as it is.
pub(super) fn format<'a>(value: &[u8], spec: &[u8]) -> Value<'a> {
    Value::owned(fmt_bytes(value, &text(spec)).0)
}

fn compare_strings<'a>(a: &mut [Value<'a>], _: &Surroundings<'_>) -> Value<'a> {
    let mode = a.get(2).map_or(String::new(), |mode| code(mode).to_uppercase());
    let ordering = calls::compare_text(&a[0].bytes(), &a[1].bytes(), mode.contains('R'), mode.contains('I'));
    Value::int(ordering as i64)
}

fn locate<'a>(a: &mut [Value<'a>], _: &Surroundings<'_>) -> Value<'a> {
    // `LOCATE(item, s, f{,v{,sv}}{; order})`: an order is what is no number.
    let item = a[0].bytes().into_owned();
    let all = array(&a[1]);
    let (mut places, mut search) = ([0; 3], Search::default());
    for (index, argument) in a[2..].iter().enumerate() {
        match argument.numeric() {
            Some(number) if index < 3 => places[index] = number.to_i64().unwrap_or(0),
            _ => search = Search::from_letters(&code(argument)),
        }
    }
    Value::count(all.locate(&item, places[0], places[1], places[2], search).unwrap_or(0))
}

fn insert<'a>(a: &mut [Value<'a>]) -> Value<'a> {
    let mut all = array(&a[0]);
    let (places, new) = places_and_new(a);
    if places_fit(&places) {
        all.insert(places[0], places[1], places[2], new);
    }
    Value::owned(all.into_bytes())
}

fn replace<'a>(a: &mut [Value<'a>]) -> Value<'a> {
    let mut all = array(&a[0]);
    let (places, new) = places_and_new(a);
    if places_fit(&places) {
        all.replace(places[0], places[1], places[2], new);
    }
    Value::owned(all.into_bytes())
}

/// Up to three places, and behind them what is written there.
fn places_and_new(a: &[Value<'_>]) -> ([i64; 3], Vec<u8>) {
    let last = a.len() - 1;
    let at = |index: usize| if index < last { place(a, index) } else { 0 };
    ([at(1), at(2), at(3)], a[last].bytes().into_owned())
}

/// Positions are marks to be written: a million of them is beyond any record of sense.
fn places_fit(places: &[i64]) -> bool {
    places.iter().all(|place| *place <= 1_000_000)
}

/// Most spaces, or repetitions, that an expression may ask for.
const SPACES_MAX: i64 = 1 << 20;

/// STR; what would be larger than a value may be is "".
fn repeated<'a>(s: &[u8], times: i64) -> Value<'a> {
    let bytes = usize::try_from(times.max(0)).unwrap_or(usize::MAX).saturating_mul(s.len());
    if bytes > super::VALUE_BYTES_MAX { Value::EMPTY } else { sure(calls::repeated(s, times)) }
}

fn trim<'a>(a: &mut [Value<'a>], _: &Surroundings<'_>) -> Value<'a> {
    let s = a[0].bytes();
    let Some(character) = a.get(1) else { return Value::owned(calls::trim(&s)) };
    let mode = a.get(2).map_or_else(|| b"R".to_vec(), |mode| mode.bytes().into_owned());
    match calls::Trim::from_letter(&mode) {
        Ok(mode) => Value::owned(calls::trim_of(&s, &character.bytes(), mode)),
        Err(_) => Value::owned(s.into_owned()),
    }
}
