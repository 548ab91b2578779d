//! The tables of single calls: a function, its arguments, what the engine gave.
//!
//! `conversions.tsv` has `func value code result status`, the others `func a1..a6 result extra` with `\xHH` for bytes,
//! `vectors.tsv` `func arguments.. => result status` with `{FM}` for marks.

use std::path::Path;

use hal_db::conv::{Status, iconv, oconv};
use hal_db::dynarray::{DynArray, Search, count, dcount, text};
use hal_db::functions::{self, Bits, Fault, Operand, Remover, Trim};
use hal_db::number::compare;
use hal_db::pattern::Pattern;
use hal_db::{Env, fmt};

use crate::report::Report;

/// Day of the machine on which the tables were made: 23 November 2026.
const ENV: Env = Env { today: 21_512, second: 0 };

/// Runs every row of every table in `dir`.
pub(crate) fn run(dir: &Path, report: &mut Report) {
    for name in ["conversions", "dynarray", "locate", "matches", "fmt", "strings", "arith-compare", "vectors"]
    {
        match std::fs::read(dir.join(format!("{name}.tsv"))) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let rows = text.lines().filter(|line| !line.starts_with("# "));
                rows.filter_map(Row::read).for_each(|row| row.check(name, report));
            }
            Err(error) => report.missing(name, &error.to_string()),
        }
    }
}

/// One row, undone of its escapes.
struct Row {
    func: String,
    args: Vec<Vec<u8>>,
    result: String,
    /// STATUS(), COL1,COL2 or the position, where the table says it.
    extra: String,
}

/// What hal-db gives for a row.
struct Answer {
    result: Vec<u8>,
    extra: String,
}

impl Row {
    /// `None` for headings and empty lines.
    fn read(line: &str) -> Option<Row> {
        let cells: Vec<&str> = line.split('\t').collect();
        let (args, result, extra) = match (cells.iter().position(|cell| *cell == "=>"), cells.len()) {
            (Some(arrow), _) => (&cells[1..arrow], cells.get(arrow + 1), cells.get(arrow + 2)),
            (None, 5) => (&cells[1..3], cells.get(3), cells.get(4)),
            (None, 9) => (&cells[1..7], cells.get(7), cells.get(8)),
            _ => return None,
        };
        if cells[0] == "func" {
            return None;
        }
        let result = result.copied().unwrap_or_default();
        let (result, extra) = match (result, extra.copied().unwrap_or_default()) {
            // The message stands in the column of the status, behind the engine's address.
            ("ABORT", extra) => {
                (format!("ABORT:{}", extra.split_once(": ").map_or("", |(_, text)| text)), "")
            }
            ("", extra) if extra.starts_with("ABORT:") => (extra.to_owned(), ""),
            (result, extra) if !result.starts_with("ABORT:") => (escaped(&unescaped(result)), extra),
            (result, _) => (result.to_owned(), ""),
        };
        // Some messages name the variable of the program that made the table.
        let result = match result.rsplit_once(" in A") {
            Some((message, _)) if message.starts_with("ABORT:") => message.to_owned(),
            _ => result,
        };
        Some(Row {
            func: cells[0].to_owned(),
            args: args.iter().map(|cell| unescaped(cell)).collect(),
            result,
            extra: extra.to_owned(),
        })
    }

    fn check(&self, table: &str, report: &mut Report) {
        let last = self.args.iter().rposition(|arg| !arg.is_empty()).map_or(0, |at| at + 1);
        let args: Vec<String> = self.args[..last].iter().map(|arg| escaped(arg)).collect();
        let row = format!("{} | {}", self.func, args.join(" | "));
        let shown = |result: &str, extra: &str| match (self.extra.is_empty(), extra) {
            (true, _) => format!("'{result}'"),
            (false, "") => format!("'{result}' 0"),
            (false, extra) => format!("'{result}' {extra}"),
        };
        let got = match self.answer() {
            Some(Ok(answer)) => shown(&escaped(&answer.result), &answer.extra),
            Some(Err(fault)) => format!("'ABORT:{fault}'"),
            None => "(there is no such function)".to_owned(),
        };
        report.check(table, &row, &shown(&self.result, &self.extra), &got);
    }

    fn answer(&self) -> Option<Result<Answer, Fault>> {
        let at = |index: usize| self.args.get(index).map_or(&b""[..], Vec::as_slice);
        let number = |index: usize| text(at(index)).trim().parse::<i64>().unwrap_or(0);
        let code = |index: usize| DynArray::from_bytes(at(index)).to_text();
        let (a, b, c) = (at(0), at(1), at(2));
        let plain = |result: Vec<u8>| Ok(Answer { result, extra: String::new() });
        let counted = |result: usize| plain(result.to_string().into_bytes());
        let decided = |result: bool| plain(if result { b"1".to_vec() } else { b"0".to_vec() });
        let may_fail = |result: Result<Vec<u8>, Fault>| result.and_then(plain);
        let with_status = |(result, status): (Vec<u8>, Status)| match status {
            Status::NonNumeric => Err(Fault::NonNumeric),
            status => Ok(Answer { result, extra: status.number().to_string() }),
        };
        Some(match self.func.as_str() {
            "OCONV" => with_status(oconv(a, &code(1))),
            "ICONV" => with_status(iconv(a, &code(1), &ENV)),
            "OCONVS" => with_status(functions::oconvs(a, &code(1))),
            "ICONVS" => with_status(functions::iconvs(a, &code(1), &ENV)),
            "FMT" => with_status(fmt::fmt_bytes(a, &code(1))),
            "FMTS" => with_status(functions::fmts(a, &code(1))),
            "EXTRACT" => plain(hal_db::dynarray::extract(a, number(1), number(2), number(3)).to_vec()),
            "REPLACE" | "INSERT" | "DELETE" => {
                let mut array = DynArray::from_bytes(a);
                match self.func.as_str() {
                    "REPLACE" => array.replace(number(1), number(2), number(3), at(4)),
                    "INSERT" => array.insert(number(1), number(2), number(3), at(4)),
                    _ => array.delete(number(1), number(2), number(3)),
                }
                plain(array.into_bytes())
            }
            "LOCATE.F" => located(a, b, (1, 0, 0), c),
            "LOCATE.V" => located(a, b, (number(2), 1, 0), at(3)),
            "LOCATE.S" => located(a, b, (number(2), number(3), 1), at(4)),
            "LOCATE" => {
                let place = text(c).into_owned();
                let mut levels = place.split(',').map(|level| level.parse().unwrap_or(0));
                let mut level = || levels.next().unwrap_or(0);
                let answer = located(a, b, (level(), level(), level()), at(3));
                answer.map(|answer| {
                    let word = if answer.result == b"1" { "found" } else { "absent" };
                    Answer { result: format!("{word} {}", answer.extra).into_bytes(), extra: String::new() }
                })
            }
            "DCOUNT" => counted(dcount(a, b)),
            "COUNT" => counted(count(a, b)),
            "RAISE" => plain(DynArray::from_bytes(a).raise().into_bytes()),
            "LOWER" => plain(DynArray::from_bytes(a).lower().into_bytes()),
            "CROP" => plain(DynArray::from_bytes(a).crop().into_bytes()),
            "SUM" => may_fail(functions::sum(a)),
            "SUMMATION" => may_fail(functions::summation(a)),
            "MAXIMUM" => plain(functions::maximum(a)),
            "MINIMUM" => plain(functions::minimum(a)),
            "REMOVE" => plain(removed(a)),
            "ADDS" | "ADD" => may_fail(functions::adds(a, b)),
            "SUBS" | "SUB" => may_fail(functions::subs(a, b)),
            "MULS" | "MUL" => may_fail(functions::muls(a, b)),
            "DIVS" | "DIV" => may_fail(functions::divs(a, b)),
            "MODS" => may_fail(functions::mods(a, b)),
            "REUSE" | "ADDREUSE" => may_fail(functions::adds(a, functions::reuse(b))),
            "CATS" => may_fail(functions::cats(a, b)),
            "SPLICE" => may_fail(functions::splice(a, b, c)),
            "IFS" => may_fail(functions::ifs(a, b, c)),
            "EQS" => plain(functions::eqs(a, b)),
            "NES" => plain(functions::nes(a, b)),
            "GTS" => plain(functions::gts(a, b)),
            "GES" => plain(functions::ges(a, b)),
            "LTS" => plain(functions::lts(a, b)),
            "LES" => plain(functions::les(a, b)),
            "ANDS" => plain(functions::ands(a, b)),
            "ORS" => plain(functions::ors(a, b)),
            "NOTS" => plain(functions::nots(a)),
            "NUMS" => plain(functions::nums(a)),
            "NEGS" => may_fail(functions::negs(a)),
            "ABSS" => may_fail(functions::abss(a)),
            "LENS" => plain(functions::lens(a)),
            "TRIMS" => plain(functions::trims(a)),
            "SOUNDEXS" => plain(functions::soundexs(a)),
            "SPACES" => may_fail(functions::spaces(a)),
            "STRS" => may_fail(functions::strs(a, number(1))),
            "FIELDS" => plain(functions::fields(a, b, number(2), number(3))),
            "INDEXS" => plain(functions::indexs(a, b, number(2))),
            "COUNTS" => plain(functions::counts(a, b)),
            "SUBSTRINGS" => plain(functions::substrings(a, number(1), number(2))),
            "MATCHESS" => plain(functions::matchess(a, b)),
            "MATCHES" => decided(Pattern::from_bytes(b).matches_bytes(a)),
            "MATCHFIELD" => {
                plain(Pattern::from_bytes(b).field(a, usize::try_from(number(2)).unwrap_or(0)).to_vec())
            }
            "FIELD" => {
                let found = functions::field(a, b, number(2), number(3));
                Ok(Answer {
                    result: found.text.to_vec(),
                    extra: format!("{},{}", found.column1, found.column2),
                })
            }
            "FIELDSTORE" => plain(functions::field_store(a, b, number(2), number(3), at(4))),
            "INDEX" => counted(functions::index(a, b, number(2))),
            "LISTINDEX" => counted(functions::list_index(a, b, c)),
            "TRIM" => plain(functions::trim(a)),
            "TRIMB" => plain(functions::trim_back(a)),
            "TRIMF" => plain(functions::trim_front(a)),
            "TRIM3" => may_fail(Trim::from_letter(c).map(|mode| functions::trim_of(a, b, mode))),
            "CHANGE" | "SWAP" => plain(functions::change(a, b, c, 0, 1)),
            "CHANGE5" => plain(functions::change(a, b, c, number(3), number(4))),
            "EREPLACE" => plain(functions::ereplace(a, b, c, 0, 1)),
            "CONVERT" => plain(functions::convert(a, b, c)),
            "SUBSTITUTE" => plain(functions::substitute(a, b, c)),
            "SOUNDEX" => plain(hal_db::conv::soundex(a)),
            "UPCASE" => plain(functions::upcase(a)),
            "DOWNCASE" => plain(functions::downcase(a)),
            "SWAPCASE" => plain(functions::swap_case(a)),
            "LEN" => counted(hal_db::dynarray::char_count(a)),
            "DQUOTE" | "QUOTE" => plain(functions::double_quoted(a)),
            "SQUOTE" => plain(functions::single_quoted(a)),
            "CSVDQ" => plain(functions::csvdq(a)),
            "STR" => may_fail(functions::repeated(a, number(1))),
            // The table has its count in the second column of arguments.
            "SPACE" => may_fail(functions::spaces_of(if a.is_empty() { number(1) } else { number(0) })),
            "SUBSTR" => plain(functions::substring(a, number(1), number(2)).to_vec()),
            "RIGHT" | "LAST" => plain(functions::last(a, number(1)).to_vec()),
            "LEFT" => plain(functions::left(a, number(1)).to_vec()),
            "SUBASSIGN" => plain(functions::overlay(a, number(1), number(2), at(3))),
            "FOLD" => plain(functions::fold(a, number(1))),
            "NUM" => decided(functions::num(a)),
            "ALPHA" => decided(functions::alpha(a)),
            "COMPARE" => {
                let order = text(c).to_ascii_uppercase();
                let ordering =
                    functions::compare_text(a, b, order.starts_with('R'), order.get(1..) == Some("I"));
                plain((ordering as i8).to_string().into_bytes())
            }
            "ARITH" => arithmetic(&text(a), b, c)?.and_then(plain),
            "CMP" => decided(related(&text(a), b, c)?),
            "EQ" | "NE" | "LT" | "GT" | "LE" | "GE" => decided(related(&self.func, a, b)?),
            "INT" => may_fail(functions::int(a)),
            "ABS" => may_fail(functions::abs(a)),
            "NEG" => may_fail(functions::neg(a)),
            "NOT" => decided(!functions::truth(a)),
            "SQRT" => may_fail(functions::sqrt(a)),
            "IDIV" | "RDIV" | "PWR" => may_fail(functions::arithmetic(&self.func, a, b)?),
            "MAX" => plain(functions::max(a, b).to_vec()),
            "MIN" => plain(functions::min(a, b).to_vec()),
            "MOD" => may_fail(functions::modulo(a, b)),
            "REM" => may_fail(functions::rem(a, b)),
            "DTX" => functions::dtx(a, usize::try_from(number(1)).unwrap_or(0))
                .map(String::into_bytes)
                .and_then(plain),
            "XTD" => {
                plain(functions::xtd(a).map_or_else(|| a.to_vec(), |number| number.to_string().into_bytes()))
            }
            "SEQ" => plain(functions::seq(a).to_string().into_bytes()),
            "CHAR" => plain(functions::char_of(number(0))),
            _ => return None,
        })
    }
}

fn located(item: &[u8], array: &[u8], (f, v, sv): (i64, i64, i64), order: &[u8]) -> Result<Answer, Fault> {
    let array = DynArray::from_bytes(array);
    let (found, position) = match array.locate(item, f, v, sv, Search::from_letters(&text(order))) {
        Ok(position) => ("1", position),
        Err(position) => ("0", position),
    };
    Ok(Answer { result: found.as_bytes().to_vec(), extra: position.to_string() })
}

/// Every step of REMOVE until the end: `[a]2[b]0`.
fn removed(array: &[u8]) -> Vec<u8> {
    let mut remover = Remover::new();
    let mut steps = Vec::new();
    loop {
        let (element, delimiter) = remover.remove(array);
        steps.push(b'[');
        steps.extend_from_slice(element);
        steps.extend(format!("]{delimiter}").into_bytes());
        if delimiter == 0 {
            return steps;
        }
    }
}

fn arithmetic(operator: &str, a: &[u8], b: &[u8]) -> Option<Result<Vec<u8>, Fault>> {
    let shown = |bits: Result<i64, Fault>| Some(bits.map(|bits| bits.to_string().into_bytes()));
    let whole: fn(Operand<'_>, Operand<'_>) -> Result<Vec<u8>, Fault> = match operator {
        "+" => |a, b| functions::adds(a, b),
        "-" => |a, b| functions::subs(a, b),
        "*" => |a, b| functions::muls(a, b),
        "/" => |a, b| functions::divs(a, b),
        "BITAND" => return shown(functions::bits(Bits::And, a, b)),
        "BITOR" => return shown(functions::bits(Bits::Or, a, b)),
        "BITXOR" => return shown(functions::bits(Bits::Xor, a, b)),
        "BITNOT" => return shown(functions::bit_not(a)),
        "BITSET" => return shown(functions::with_bit(a, b, true)),
        "BITRESET" => return shown(functions::with_bit(a, b, false)),
        "BITTEST" => return shown(functions::bit_test(a, b).map(i64::from)),
        "SHIFT" => return shown(functions::shift(a, b)),
        _ => return functions::arithmetic(operator, a, b),
    };
    Some(whole(a.into(), b.into()))
}

fn related(relation: &str, a: &[u8], b: &[u8]) -> Option<bool> {
    let ordering = compare(a, b);
    Some(match relation {
        "=" | "EQ" => ordering.is_eq(),
        "#" | "NE" => ordering.is_ne(),
        "<" | "LT" => ordering.is_lt(),
        ">" | "GT" => ordering.is_gt(),
        "<=" | "LE" => ordering.is_le(),
        ">=" | "GE" => ordering.is_ge(),
        _ => return None,
    })
}

/// Undoes `\xHH` and `{FM}`.
fn unescaped(cell: &str) -> Vec<u8> {
    const MARKS: [(&str, u8); 5] =
        [("{IM}", 255), ("{FM}", 254), ("{VM}", 253), ("{SM}", 252), ("{TM}", 251)];
    let mut bytes = Vec::with_capacity(cell.len());
    let mut rest = cell;
    while let Some(first) = rest.chars().next() {
        let hex = rest.strip_prefix("\\x").and_then(|hex| hex.get(..2));
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &rest[4..];
        } else if let Some((name, mark)) = MARKS.iter().find(|(name, _)| rest.starts_with(name)) {
            bytes.push(*mark);
            rest = &rest[name.len()..];
        } else {
            bytes.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[first.len_utf8()..];
        }
    }
    bytes
}

/// Bytes for a person: what is not UTF-8, or not printed, as `\xHH`.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                text.push_str(&format!("\\x{:02X}", u32::from(c)));
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02X}"));
        }
    }
    text
}
