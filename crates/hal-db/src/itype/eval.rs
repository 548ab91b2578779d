//! Runs a program on a record. Never fails: data that does not fit counts as 0 or "".

use std::borrow::Cow;

use super::calc::Num;
use super::compile::{Compiler, Scope};
use super::functions;
use super::node::{Binary, Missing, Node, Program, Trans, Variable, Wanted};
use super::value::{Value, arithmetic, compare, each};
use crate::account::Catalog;
use crate::conv::{self, Translation};
use crate::dict::Dictionary;
use crate::dynarray::{DynArray, TM, extract, field, text};
use crate::functions as calls;
use crate::pattern::Pattern;
use crate::store::View;
use crate::{Env, date};

/// What an expression may know beside the record.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub env: Env,
    pub file: &'a str,
    /// For TRANS and T codes; `None` where other files cannot be read.
    pub view: Option<&'a dyn View>,
    /// Where files are found by name.
    pub catalog: Option<&'a Catalog>,
    pub place: Place<'a>,
}

/// Where in a report an expression is computed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    /// Number of the record.
    pub item: usize,
    pub value: usize,
    pub subvalue: usize,
    /// 0 on a detail line, 1.. on the line of a break, 255 on that of the grand total.
    pub break_level: usize,
    pub break_value: &'a [u8],
    /// What TOTAL() gives on the lines of breaks, by its number.
    pub totals: Option<&'a [Num]>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({})", self.file)
    }
}

/// What conversions may ask: the record that an expression runs on, and the account.
pub(crate) struct Surroundings<'a> {
    pub id: &'a [u8],
    pub record: &'a [u8],
    pub context: &'a Context<'a>,
}

impl conv::Context for Surroundings<'_> {
    fn env(&self) -> &Env {
        &self.context.env
    }

    fn record(&self) -> &[u8] {
        self.record
    }

    fn id(&self) -> &[u8] {
        self.id
    }

    fn translate(&self, file: &str, is_dictionary: bool, id: &[u8]) -> Translation {
        let name = if is_dictionary { format!("DICT {file}") } else { file.to_owned() };
        let entry = self.context.catalog.and_then(|catalog| catalog.file(&name).ok());
        let Some((entry, view)) = entry.zip(self.context.view) else { return Translation::NoFile };
        match entry.records().key(view, &text(id)).and_then(|key| view.get(&key)) {
            Ok(Some(record)) => Translation::Record(record),
            Ok(None) | Err(_) => Translation::NoRecord,
        }
    }

    fn correlative(&self, kind: char, text: &str, value: &[u8]) -> Result<Vec<u8>, conv::Status> {
        let entry = self.context.catalog.and_then(|catalog| catalog.file(self.context.file).ok());
        let empty = Dictionary::default();
        let dictionary = entry.map_or(&empty, |entry| &*entry.dictionary);
        let scope = Scope { file: self.context.file, dictionary };
        let program = Compiler::new(self.context.catalog).conversion(&format!("{kind};{text}"), scope);
        let program = program.map_err(|_| conv::Status::BadCode)?;
        Ok(program.convert(value, self.id, self.record, self.context))
    }
}

impl Program {
    /// The value for a record.
    pub(crate) fn run<'a>(&'a self, id: &'a [u8], record: &'a [u8], context: &Context<'_>) -> Value<'a> {
        match self.steps.as_slice() {
            // Most items are a field or one expression.
            [Node::Field(number)] => Value::borrowed(field(record, *number)),
            steps => {
                let mut frame = Frame { id, record, context, steps: Vec::new(), arguments: &[] };
                frame.program(steps)
            }
        }
    }

    /// A value through the program of a conversion.
    pub(crate) fn convert(&self, value: &[u8], id: &[u8], record: &[u8], context: &Context<'_>) -> Vec<u8> {
        let arguments = [Value::borrowed(value)];
        let mut frame = Frame { id, record, context, steps: Vec::new(), arguments: &arguments };
        frame.program(&self.steps).into_bytes().into_owned()
    }

    /// The arguments of all TOTAL() of the expression, in order of their numbers.
    pub(crate) fn total_terms(
        &self,
        id: &[u8],
        record: &[u8],
        context: &Context<'_>,
        add: &mut dyn FnMut(usize, Num),
    ) {
        let mut terms = Vec::new();
        self.steps.iter().for_each(|step| find_totals(step, &mut terms));
        for (number, inner) in terms.into_iter().enumerate() {
            let mut frame = Frame { id, record, context, steps: Vec::new(), arguments: &[] };
            add(number, super::value::summation(&frame.eval(inner).bytes()));
        }
    }
}

fn find_totals<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
    match node {
        Node::Total(_, inner) => found.push(inner),
        Node::Item(program, arguments) => {
            program.steps.iter().chain(arguments).for_each(|step| find_totals(step, found));
        }
        Node::Negate(a) => find_totals(a, found),
        Node::Binary(_, a, b) | Node::Last(a, b) => {
            find_totals(a, found);
            find_totals(b, found);
        }
        Node::Cases(cases, otherwise) => {
            for (condition, then) in cases {
                find_totals(condition, found);
                find_totals(then, found);
            }
            find_totals(otherwise, found);
        }
        Node::Extract(a, places) => std::iter::once(&**a).chain(places).for_each(|n| find_totals(n, found)),
        Node::Part(a, b, c) => {
            find_totals(a, found);
            find_totals(b, found);
            c.iter().for_each(|c| find_totals(c, found));
        }
        Node::Group(parts) => parts.iter().for_each(|n| find_totals(n, found)),
        Node::Call(_, arguments) => arguments.iter().for_each(|n| find_totals(n, found)),
        Node::Trans(trans) => find_totals(&trans.id, found),
        _ => {}
    }
}

/// One program being run: its record, the values of its earlier expressions, its arguments.
struct Frame<'a, 'f> {
    id: &'a [u8],
    record: &'a [u8],
    context: &'f Context<'f>,
    steps: Vec<Value<'a>>,
    arguments: &'f [Value<'a>],
}

impl<'a> Frame<'a, '_> {
    fn program(&mut self, steps: &'a [Node]) -> Value<'a> {
        let Some((last, earlier)) = steps.split_last() else { return Value::EMPTY };
        for step in earlier {
            let value = self.eval(step);
            self.steps.push(value);
        }
        self.eval(last)
    }

    fn eval(&mut self, node: &'a Node) -> Value<'a> {
        match node {
            Node::Text(text) => Value::borrowed(text),
            Node::Number(number) => Value::Num(*number),
            Node::Id => Value::borrowed(self.id),
            Node::Record => Value::borrowed(self.record),
            Node::Field(number) => Value::borrowed(field(self.record, *number)),
            Node::Variable(variable) => self.variable(*variable),
            Node::Step(number) => self.steps.get(*number).cloned().unwrap_or(Value::EMPTY),
            Node::Argument(number) => self.arguments.get(*number).cloned().unwrap_or(Value::EMPTY),
            Node::Item(program, arguments) => {
                let arguments: Vec<Value<'a>> = arguments.iter().map(|node| self.eval(node)).collect();
                let Frame { id, record, context, .. } = *self;
                Frame { id, record, context, steps: Vec::new(), arguments: &arguments }
                    .program(&program.steps)
            }
            Node::Negate(inner) => arithmetic(&Value::Num(Num::ZERO), &self.eval(inner), Num::ZERO, Num::sub),
            Node::Binary(op, a, b) => self.binary(*op, a, b),
            Node::Cases(cases, otherwise) => {
                for (condition, then) in cases {
                    if self.eval(condition).is_true() {
                        return self.eval(then);
                    }
                }
                self.eval(otherwise)
            }
            Node::Extract(inner, places) => {
                let places: Vec<i64> = places.iter().map(|place| self.eval(place).integer()).collect();
                let at = |index: usize| places.get(index).copied().unwrap_or(0);
                self.slice(inner, |bytes| extract(bytes, at(0), at(1), at(2)))
            }
            Node::Last(inner, count) => {
                let count = self.eval(count).integer();
                self.slice(inner, |bytes| calls::last(bytes, count))
            }
            Node::Part(inner, start, length) => {
                let start = self.eval(start).integer();
                let length = length.as_ref().map(|length| self.eval(length).integer());
                self.slice(inner, |bytes| calls::substring(bytes, start, length.unwrap_or(i64::MAX)))
            }
            Node::Group(parts) => {
                let delimiter = self.eval(&parts[1]).into_bytes();
                let (number, count) = (self.eval(&parts[2]).integer(), self.eval(&parts[3]).integer());
                self.slice(&parts[0], |bytes| calls::field(bytes, &delimiter, number, count).text)
            }
            Node::Call(function, arguments) => {
                let mut values: Vec<Value<'a>> = arguments.iter().map(|node| self.eval(node)).collect();
                let around = Surroundings { id: self.id, record: self.record, context: self.context };
                (function.run)(&mut values, &around)
            }
            Node::Trans(trans) => self.trans(trans),
            Node::Total(number, inner) => match self.context.place.totals {
                Some(totals) => totals.get(*number).map_or(Value::EMPTY, |total| Value::Num(*total)),
                None => self.eval(inner),
            },
        }
    }

    /// A part of a value, borrowed where the value is.
    fn slice(&mut self, node: &'a Node, cut: impl Fn(&[u8]) -> &[u8]) -> Value<'a> {
        match self.eval(node).into_bytes() {
            Cow::Borrowed(bytes) => Value::borrowed(cut(bytes)),
            Cow::Owned(bytes) => Value::owned(cut(&bytes)),
        }
    }

    fn binary(&mut self, op: Binary, a: &'a Node, b: &'a Node) -> Value<'a> {
        let left = self.eval(a);
        match op {
            Binary::And if !left.is_true() => return Value::truth(false),
            Binary::Or if left.is_true() => return Value::truth(true),
            _ => {}
        }
        let right = self.eval(b);
        match op {
            Binary::Add => arithmetic(&left, &right, Num::ZERO, Num::add),
            Binary::Subtract => arithmetic(&left, &right, Num::ZERO, Num::sub),
            Binary::Multiply => arithmetic(&left, &right, Num::ZERO, Num::mul),
            Binary::Divide => arithmetic(&left, &right, Num::ONE, Num::div),
            Binary::DivideWhole => arithmetic(&left, &right, Num::ONE, |a, b| a.div(b).int()),
            Binary::Power => Value::Num(left.number().power(right.number())),
            Binary::Concatenate => {
                let right = right.bytes();
                let mut joined = left.into_bytes().into_owned();
                if joined.len() + right.len() > super::VALUE_BYTES_MAX {
                    return Value::EMPTY;
                }
                joined.extend_from_slice(&right);
                Value::owned(joined)
            }
            Binary::Format => functions::format(&left.bytes(), &right.bytes()),
            Binary::And | Binary::Or => Value::truth(right.is_true()),
            Binary::Equal => Value::truth(compare(&left, &right).is_eq()),
            Binary::NotEqual => Value::truth(compare(&left, &right).is_ne()),
            Binary::Less => Value::truth(compare(&left, &right).is_lt()),
            Binary::LessEqual => Value::truth(compare(&left, &right).is_le()),
            Binary::Greater => Value::truth(compare(&left, &right).is_gt()),
            Binary::GreaterEqual => Value::truth(compare(&left, &right).is_ge()),
            Binary::Matches => Value::truth(Pattern::from_bytes(&right.bytes()).matches_bytes(&left.bytes())),
            Binary::Same => Value::truth(left.bytes() == right.bytes()),
            Binary::SameNoCase => {
                Value::truth(calls::downcase(&left.bytes()) == calls::downcase(&right.bytes()))
            }
        }
    }

    fn variable(&self, variable: Variable) -> Value<'a> {
        let env = &self.context.env;
        let place = &self.context.place;
        let (year, month, day) = date::ymd_from_day(env.today);
        match variable {
            Variable::Date => Value::int(env.today),
            Variable::Time => Value::int(i64::from(env.second)),
            Variable::Day => Value::owned(format!("{day:02}").into_bytes()),
            Variable::Month => Value::owned(format!("{month:02}").into_bytes()),
            Variable::Year => Value::owned(format!("{:02}", year.rem_euclid(100)).into_bytes()),
            Variable::Year4 => Value::owned(format!("{year:04}").into_bytes()),
            Variable::FileName => Value::owned(self.context.file.as_bytes()),
            Variable::User | Variable::Tty => Value::EMPTY,
            Variable::ItemCounter | Variable::DetailLine => Value::count(place.item),
            Variable::ValueCounter => Value::count(place.value),
            Variable::SubvalueCounter => Value::count(place.subvalue),
            Variable::BreakLevel => Value::count(place.break_level),
            Variable::BreakValue => Value::owned(place.break_value),
            Variable::RecordLength => Value::count(self.record.len()),
        }
    }

    /// One value for each id; marks of what was fetched are lowered one rank below those of the ids.
    fn trans(&mut self, trans: &'a Trans) -> Value<'a> {
        let ids = self.eval(&trans.id);
        let context = self.context;
        let raw = trans.raw;
        each(&ids, |id, out| {
            let start = out.len();
            let found = !id.is_empty()
                && trans.file.zip(context.view).is_some_and(|(file, view)| {
                    let key = file.key(view, &text(id));
                    key.and_then(|key| view.with(&key, &mut |record| fetch(trans, id, record, context, out)))
                        .unwrap_or(false)
                });
            let empty = out.len() == start;
            if trans.missing == Missing::Id && (!found || empty) {
                out.extend_from_slice(id);
            } else if !raw {
                for byte in &mut out[start..] {
                    if *byte > TM {
                        *byte -= 1;
                    }
                }
            }
        })
    }
}

fn fetch(trans: &Trans, id: &[u8], record: &[u8], context: &Context<'_>, out: &mut Vec<u8>) {
    let program;
    let content: Cow<'_, [u8]> = match &trans.wanted {
        Wanted::Id => Cow::Borrowed(id),
        Wanted::Record => Cow::Borrowed(record),
        Wanted::Field(number) => Cow::Borrowed(field(record, *number)),
        Wanted::Item(item) => {
            program = item;
            program.run(id, record, context).into_bytes()
        }
    };
    if trans.value > 0 {
        out.extend_from_slice(extract(&content, 1, i64::try_from(trans.value).unwrap_or(i64::MAX), 0));
        return;
    }
    out.extend_from_slice(&content);
}

/// The text with its marks as in stored records.
pub(super) fn stored_text(text: &str) -> Vec<u8> {
    DynArray::from_text(text).into_bytes()
}
