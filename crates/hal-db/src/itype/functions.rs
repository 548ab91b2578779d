//! The functions of expressions: one line a function. They take values and the context, and never fail.

use std::cmp::Ordering;

use super::calc::Num;
use super::eval::Context;
use super::value::{Value, compare, each, extreme, sum, summation, zip};
use crate::conv::{self, soundex};
use crate::dynarray::{self, DynArray, Order, TM, dcount, text};
use crate::fmt::fmt;
use crate::pattern::Pattern;

/// A function of expressions.
#[derive(Debug)]
pub(crate) struct Function {
    pub name: &'static str,
    pub least: usize,
    pub most: usize,
    /// Whether it depends on more than its arguments.
    pub volatile: bool,
    pub run: Run,
}

type Run = for<'a> fn(&mut [Value<'a>], &Context<'_>) -> Value<'a>;

const fn function(name: &'static str, least: usize, most: usize, run: Run) -> Function {
    Function { name, least, most, volatile: false, run }
}

/// All functions, in alphabetical order.
static FUNCTIONS: [Function; 82] = [
    function("ABS", 1, 1, |a, _| number(&a[0], Num::abs)),
    function("ABSS", 1, 1, |a, _| numbers(&a[0], Num::abs)),
    function("ANDS", 2, 2, |a, _| truths(a, |a, b| truth(a) && truth(b))),
    function("CATS", 2, 2, |a, _| {
        zip(&a[0], &a[1], &mut |a, b, out| {
            out.extend_from_slice(a.unwrap_or_default());
            out.extend_from_slice(b.unwrap_or_default());
        })
    }),
    function("CHANGE", 3, 5, change),
    function("CHAR", 1, 1, |a, _| character(a[0].integer())),
    function("COMPARE", 2, 3, compare_strings),
    function("CONVERT", 3, 3, |a, _| convert(&a[0], &a[1], &a[2])),
    function("COUNT", 2, 2, |a, _| Value::count(dynarray::count(&a[0].bytes(), &a[1].bytes()))),
    function("COUNTS", 2, 2, |a, _| {
        let part = a[1].bytes().into_owned();
        each(&a[0], |s, out| write_count(dynarray::count(s, &part), out))
    }),
    function("CROP", 1, 1, |a, _| Value::owned(array(&a[0]).crop().into_bytes())),
    Function { volatile: true, ..function("DATE", 0, 0, |_, context| Value::int(context.env.today)) },
    function("DCOUNT", 2, 2, |a, _| Value::count(dcount(&a[0].bytes(), &a[1].bytes()))),
    function("DELETE", 2, 4, |a, _| {
        let mut all = array(&a[0]);
        all.delete(a[1].integer(), place(a, 2), place(a, 3));
        Value::owned(all.into_bytes())
    }),
    function("DOWNCASE", 1, 1, |a, _| map_text(&a[0], str::to_lowercase)),
    function("DQUOTE", 1, 1, |a, _| map_text(&a[0], |s| format!("\"{s}\""))),
    function("DTX", 1, 2, |a, _| Value::owned(format!("{:X}", a[0].integer()).into_bytes())),
    function("EQS", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_eq())),
    function("EREPLACE", 3, 5, change),
    function("EXTRACT", 2, 4, |a, _| {
        Value::owned(dynarray::extract(&a[0].bytes(), a[1].integer(), place(a, 2), place(a, 3)))
    }),
    function("FIELD", 3, 4, |a, _| {
        Value::owned(group(&a[0].bytes(), &a[1].bytes(), a[2].integer(), a.get(3).map_or(1, Value::integer)))
    }),
    function("FIELDS", 3, 4, |a, _| {
        let (delimiter, number, count) =
            (a[1].bytes().into_owned(), a[2].integer(), a.get(3).map_or(1, Value::integer));
        each(&a[0], |s, out| out.extend_from_slice(group(s, &delimiter, number, count)))
    }),
    function("FMT", 2, 2, |a, _| format(&a[0].bytes(), &a[1].bytes())),
    function("FMTS", 2, 2, |a, _| {
        let spec = a[1].bytes().into_owned();
        each(&a[0], |s, out| out.extend_from_slice(&format(s, &spec).into_bytes()))
    }),
    function("GES", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_ge())),
    function("GTS", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_gt())),
    function("ICONV", 2, 2, |a, context| {
        Value::owned(conv::iconv(&a[0].bytes(), &code(&a[1]), &context.env).0)
    }),
    function("ICONVS", 2, 2, |a, context| {
        let code = code(&a[1]);
        each(&a[0], |s, out| out.extend_from_slice(&conv::iconv(s, &code, &context.env).0))
    }),
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
    function("INDEX", 3, 3, |a, _| Value::count(index(&a[0].bytes(), &a[1].bytes(), a[2].integer()))),
    function("INDEXS", 3, 3, |a, _| {
        let (part, occurrence) = (a[1].bytes().into_owned(), a[2].integer());
        each(&a[0], |s, out| write_count(index(s, &part, occurrence), out))
    }),
    function("INSERT", 3, 5, |a, _| insert(a)),
    function("INT", 1, 1, |a, _| numbers(&a[0], Num::int)),
    function("LEFT", 2, 2, |a, _| Value::owned(part(&a[0].bytes(), 1, Some(a[1].integer())))),
    function("LEN", 1, 1, |a, _| Value::count(dynarray::char_count(&a[0].bytes()))),
    function("LENS", 1, 1, |a, _| each(&a[0], |s, out| write_count(dynarray::char_count(s), out))),
    function("LES", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_le())),
    function("LISTINDEX", 3, 3, |a, _| {
        let (list, delimiter, item) = (a[0].bytes(), a[1].bytes(), a[2].bytes());
        let Some(&delimiter) = delimiter.first() else { return Value::int(0) };
        let found = list.split(|&b| b == delimiter).position(|element| *element == *item);
        Value::count(found.map_or(0, |at| at + 1))
    }),
    function("LOCATE", 3, 6, locate),
    function("LOWER", 1, 1, |a, _| Value::owned(array(&a[0]).lower().into_bytes())),
    function("LTS", 2, 2, |a, _| truths(a, |a, b| order(a, b).is_lt())),
    function("MATCHES", 2, 2, |a, _| {
        Value::truth(Pattern::parse(&text(&a[1].bytes())).matches(&text(&a[0].bytes())))
    }),
    function("MATCHESS", 2, 2, |a, _| {
        let pattern = Pattern::parse(&text(&a[1].bytes()));
        each(&a[0], |s, out| out.push(if pattern.matches(&text(s)) { b'1' } else { b'0' }))
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
    function("OCONV", 2, 2, |a, _| Value::owned(conv::oconv(&a[0].bytes(), &code(&a[1])).0)),
    function("OCONVS", 2, 2, |a, _| {
        let code = code(&a[1]);
        each(&a[0], |s, out| out.extend_from_slice(&conv::oconv(s, &code).0))
    }),
    function("ORS", 2, 2, |a, _| truths(a, |a, b| truth(a) || truth(b))),
    function("QUOTE", 1, 1, |a, _| map_text(&a[0], |s| format!("\"{s}\""))),
    function("RAISE", 1, 1, |a, _| Value::owned(array(&a[0]).raise().into_bytes())),
    function("REM", 2, 2, |a, _| super::value::arithmetic(&a[0], &a[1], Num::ONE, Num::remainder)),
    function("REPLACE", 3, 5, |a, _| replace(a)),
    function("REUSE", 1, 1, |a, _| Value::Reuse(std::mem::replace(&mut a[0], Value::EMPTY).into_bytes())),
    function("RIGHT", 2, 2, |a, _| Value::owned(last(&a[0].bytes(), a[1].integer()))),
    function("SEQ", 1, 1, |a, _| sequence(&a[0].bytes())),
    function("SOUNDEX", 1, 1, |a, _| Value::owned(soundex(&a[0].bytes()))),
    function("SOUNDEXS", 1, 1, |a, _| each(&a[0], |s, out| out.extend_from_slice(&soundex(s)))),
    function("SPACE", 1, 1, |a, _| repeated(b" ", a[0].integer())),
    function("SPLICE", 3, 3, |a, _| {
        let middle = a[1].bytes().into_owned();
        zip(&a[0], &a[2], &mut |a, b, out| {
            for part in [a.unwrap_or_default(), &middle, b.unwrap_or_default()] {
                out.extend_from_slice(part);
            }
        })
    }),
    function("SQRT", 1, 1, |a, _| number(&a[0], square_root)),
    function("SQUOTE", 1, 1, |a, _| map_text(&a[0], |s| format!("'{s}'"))),
    function("STR", 2, 2, |a, _| repeated(&a[0].bytes(), a[1].integer())),
    function("SUBSTRINGS", 3, 3, |a, _| {
        let (start, length) = (a[1].integer(), a[2].integer());
        each(&a[0], |s, out| out.extend_from_slice(part(s, start, Some(length))))
    }),
    function("SUM", 1, 1, |a, _| sum(&a[0])),
    function("SUMMATION", 1, 1, |a, _| Value::Num(summation(&a[0].bytes()))),
    function("SWAP", 3, 5, change),
    Function {
        volatile: true,
        ..function("TIME", 0, 0, |_, context| Value::int(i64::from(context.env.second)))
    },
    function("TRIM", 1, 3, trim),
    function("TRIMB", 1, 1, |a, _| Value::owned(a[0].bytes().trim_ascii_end())),
    function("TRIMF", 1, 1, |a, _| Value::owned(a[0].bytes().trim_ascii_start())),
    function("UPCASE", 1, 1, |a, _| map_text(&a[0], str::to_uppercase)),
];

/// The function of a name, case ignored.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    let name = name.to_ascii_uppercase();
    let name = if name == "TRIMS" { "TRIM" } else { name.as_str() };
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

fn map_text<'a>(value: &Value<'_>, apply: impl Fn(&str) -> String) -> Value<'a> {
    let bytes = value.bytes();
    let mut out = Vec::with_capacity(bytes.len());
    // Marks and bytes that are not UTF-8 stay as they are.
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(apply_once(chunk.valid(), &apply).as_bytes());
        out.extend_from_slice(chunk.invalid());
    }
    Value::owned(out)
}

fn apply_once(text: &str, apply: &impl Fn(&str) -> String) -> String {
    apply(text)
}

/// FMT; a bad format leaves the value as it is.
pub(super) fn format<'a>(value: &[u8], spec: &[u8]) -> Value<'a> {
    match fmt(&text(value), &text(spec)) {
        Some(shown) => Value::owned(DynArray::from_text(&shown).into_bytes()),
        None => Value::owned(value),
    }
}

fn change<'a>(a: &mut [Value<'a>], _: &Context<'_>) -> Value<'a> {
    let (s, old, new) = (a[0].bytes(), a[1].bytes(), a[2].bytes());
    let (most, start) = (place(a, 3), place(a, 4).max(1));
    if old.is_empty() {
        return Value::owned(s.into_owned());
    }
    let mut out = Vec::with_capacity(s.len());
    let (mut rest_at, mut changed, mut seen) = (0, 0, 0);
    for at in memchr::memmem::find_iter(&s, &*old) {
        seen += 1;
        if seen < start || (most > 0 && changed >= most) {
            continue;
        }
        changed += 1;
        out.extend_from_slice(&s[rest_at..at]);
        out.extend_from_slice(&new);
        rest_at = at + old.len();
        if out.len() > super::VALUE_BYTES_MAX {
            return Value::owned(s.into_owned());
        }
    }
    out.extend_from_slice(&s[rest_at..]);
    Value::owned(out)
}

/// Characters of stored bytes: a scalar, or one byte that is no UTF-8 (a mark).
fn characters(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let length = character_length(rest);
        at += length;
        Some(&rest[..length])
    })
}

fn character_length(bytes: &[u8]) -> usize {
    let length = match bytes[0] {
        0..0x80 => 1,
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => 1,
    };
    if length > 1 && bytes.get(..length).is_none_or(|head| std::str::from_utf8(head).is_err()) {
        1
    } else {
        length
    }
}

/// CONVERT: characters of `from` become those of `to` in the same place; without one they vanish.
fn convert<'a>(from: &Value<'_>, to: &Value<'_>, value: &Value<'_>) -> Value<'a> {
    let (from, to, s) = (from.bytes(), to.bytes(), value.bytes());
    let mut map: std::collections::HashMap<&[u8], &[u8]> = std::collections::HashMap::new();
    let mut targets = characters(&to);
    for source in characters(&from) {
        let target = targets.next().unwrap_or_default();
        map.entry(source).or_insert(target);
    }
    let mut out = Vec::with_capacity(s.len());
    for c in characters(&s) {
        out.extend_from_slice(map.get(c).copied().unwrap_or(c));
    }
    Value::owned(out)
}

fn character<'a>(number: i64) -> Value<'a> {
    let number = number.rem_euclid(256) as u8;
    if number >= TM {
        return Value::owned(vec![number]);
    }
    Value::owned(char::from(number).to_string().into_bytes())
}

fn sequence<'a>(bytes: &[u8]) -> Value<'a> {
    let Some(first) = characters(bytes).next() else { return Value::int(0) };
    match std::str::from_utf8(first).ok().and_then(|s| s.chars().next()) {
        Some(c) => Value::int(i64::from(u32::from(c))),
        None => Value::int(i64::from(first[0])),
    }
}

fn compare_strings<'a>(a: &mut [Value<'a>], _: &Context<'_>) -> Value<'a> {
    let mode = a.get(2).map_or(String::new(), |mode| code(mode).to_uppercase());
    let fold = |value: &Value<'_>| {
        let bytes = value.bytes().into_owned();
        if mode.contains('I') { text(&bytes).to_uppercase().into_bytes() } else { bytes }
    };
    let (left, right) = (fold(&a[0]), fold(&a[1]));
    let ordering = if mode.contains('R') { dynarray::compare_right(&left, &right) } else { left.cmp(&right) };
    Value::int(ordering as i64)
}

/// FIELD: `count` groups from number `number` on.
pub(super) fn group<'s>(s: &'s [u8], delimiter: &[u8], number: i64, count: i64) -> &'s [u8] {
    let Some(delimiter) = characters(delimiter).next() else { return s };
    let (skip, count) = (number.max(1) as usize - 1, count.max(1) as usize);
    let mut start = 0;
    let mut ends = memchr::memmem::find_iter(s, delimiter);
    for _ in 0..skip {
        match ends.next() {
            Some(at) => start = at + delimiter.len(),
            None => return &[],
        }
    }
    let end = ends.nth(count - 1).unwrap_or(s.len());
    &s[start..end]
}

/// INDEX: place of an occurrence in characters, 0 for none.
fn index(s: &[u8], part: &[u8], occurrence: i64) -> usize {
    let Ok(occurrence @ 1..) = usize::try_from(occurrence) else { return 0 };
    if part.is_empty() {
        return occurrence;
    }
    memchr::memmem::find_iter(s, part).nth(occurrence - 1).map_or(0, |at| dynarray::char_count(&s[..at]) + 1)
}

/// `s[start,length]` in characters; without a length to the end.
pub(super) fn part(s: &[u8], start: i64, length: Option<i64>) -> &[u8] {
    let skip = start.max(1) as usize - 1;
    let take = length.map_or(usize::MAX, |length| length.max(0) as usize);
    if s.is_ascii() {
        let from = skip.min(s.len());
        return &s[from..from + take.min(s.len() - from)];
    }
    let mut characters = characters(s);
    let from: usize = characters.by_ref().take(skip).map(<[u8]>::len).sum();
    let length: usize = characters.take(take).map(<[u8]>::len).sum();
    &s[from..from + length]
}

/// `s[n]`: the last characters.
pub(super) fn last(s: &[u8], count: i64) -> &[u8] {
    let count = count.max(0) as usize;
    let skip = dynarray::char_count(s).saturating_sub(count);
    part(s, i64::try_from(skip).unwrap_or(i64::MAX - 1) + 1, None)
}

fn locate<'a>(a: &mut [Value<'a>], _: &Context<'_>) -> Value<'a> {
    // `LOCATE(item, s, f{,v{,sv}}{; order})`: an order is what is no number.
    let item = a[0].bytes().into_owned();
    let all = array(&a[1]);
    let (mut places, mut order) = ([0; 3], Order::None);
    for (index, argument) in a[2..].iter().enumerate() {
        match argument.numeric() {
            Some(number) if index < 3 => places[index] = number.to_i64().unwrap_or(0),
            _ => order = Order::from_letters(&code(argument)),
        }
    }
    Value::count(all.locate(&item, places[0], places[1], places[2], order).unwrap_or(0))
}

fn insert<'a>(a: &mut [Value<'a>]) -> Value<'a> {
    let mut all = array(&a[0]);
    let last = a.len() - 1;
    let places =
        [a[1].integer(), if last > 2 { place(a, 2) } else { 0 }, if last > 3 { place(a, 3) } else { 0 }];
    if places_fit(&places) {
        all.insert(places[0], places[1], places[2], a[last].bytes());
    }
    Value::owned(all.into_bytes())
}

fn replace<'a>(a: &mut [Value<'a>]) -> Value<'a> {
    let mut all = array(&a[0]);
    let last = a.len() - 1;
    let places =
        [a[1].integer(), if last > 2 { place(a, 2) } else { 0 }, if last > 3 { place(a, 3) } else { 0 }];
    if places_fit(&places) {
        all.replace(places[0], places[1], places[2], a[last].bytes());
    }
    Value::owned(all.into_bytes())
}

/// Positions are marks to be written: a million of them is beyond any record of sense.
fn places_fit(places: &[i64]) -> bool {
    places.iter().all(|place| *place <= 1_000_000)
}

/// STR and SPACE; what would be larger than a value may be is "".
fn repeated<'a>(s: &[u8], times: i64) -> Value<'a> {
    let times = usize::try_from(times).unwrap_or(0);
    if s.len().saturating_mul(times) > super::VALUE_BYTES_MAX {
        return Value::EMPTY;
    }
    Value::owned(s.repeat(times))
}

/// Newton's way, to ten decimals.
fn square_root(number: Num) -> Num {
    if number.is_negative() || number.is_zero() {
        return Num::ZERO;
    }
    let two = Num::from(2);
    let mut root = number.add(Num::ONE).div(two);
    for _ in 0..200 {
        let next = root.add(number.div(root)).div(two).rounded(10);
        if next.compare(root).is_eq() {
            return next;
        }
        root = next;
    }
    root
}

fn trim<'a>(a: &mut [Value<'a>], _: &Context<'_>) -> Value<'a> {
    let s = a[0].bytes();
    let c = a.get(1).map_or(b" ".to_vec(), |c| c.bytes().into_owned());
    let Some(c) = characters(&c).next() else { return Value::owned(s.into_owned()) };
    let mode = a.get(2).map_or(String::new(), |mode| code(mode).to_uppercase());
    // What goes: at the beginning, at the end, repeated within; A everywhere.
    let (mut front, mut back, mut squeeze, mut all) = (false, false, false, false);
    match (mode.chars().next(), a.len()) {
        (Some('A'), _) => all = true,
        (Some('B'), _) => (front, back) = (true, true),
        (Some('C'), _) => squeeze = true,
        (Some('E' | 'T'), _) => back = true,
        (Some('F' | 'L'), _) => front = true,
        _ => (front, back, squeeze) = (true, true, true),
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    for found in characters(&s) {
        let is = found == c;
        let skip = is
            && (all || (front && kept.is_empty()) || (squeeze && kept.last().is_some_and(|last| *last == c)));
        if !skip {
            kept.push(found);
        }
    }
    while back && kept.last().is_some_and(|last| *last == c) {
        kept.pop();
    }
    Value::owned(kept.concat())
}
