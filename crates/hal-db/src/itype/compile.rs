//! Text becomes a program: recursive descent over the grammar of section 9.1. Errors say what and where.

use std::collections::HashMap;
use std::sync::Arc;

use super::calc::Num;
use super::functions::{self, Function};
use super::node::{Binary, Missing, Node, Program, Trans, Variable, Wanted};
use super::scan::{Token, is_name, token};
use super::{CompileError, DEPTH_MAX, NODES_MAX, SOURCE_BYTES_MAX};
use crate::account::Catalog;
use crate::dict::{DataItem, Dictionary, Item, Source};

/// Where names are looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'s> {
    /// Name of the file: items of one name in two files are different items.
    pub file: &'s str,
    pub dictionary: &'s Dictionary,
}

/// Compiles the expressions of one query; items that several of them name are compiled once.
pub(crate) struct Compiler<'c> {
    /// `None` where other files cannot be read.
    catalog: Option<&'c Catalog>,
    done: HashMap<(String, String), Arc<Program>>,
    /// Items being compiled, to find those that name themselves.
    open: Vec<(String, String)>,
    nodes: usize,
}

/// Operators of one expression.
const OPERATORS_MAX: usize = 300;
/// Depth of an expression with the items that it names.
const EXPANDED_DEPTH_MAX: usize = 500;

type Compiled<T> = Result<T, CompileError>;

impl<'c> Compiler<'c> {
    pub(crate) fn new(catalog: Option<&'c Catalog>) -> Compiler<'c> {
        Compiler { catalog, done: HashMap::new(), open: Vec::new(), nodes: 0 }
    }

    /// Compiles the text of an I-type or EVAL.
    pub(crate) fn expression(&mut self, source: &str, scope: Scope<'_>) -> Compiled<Program> {
        if source.len() > SOURCE_BYTES_MAX {
            let message = format!("the expression is longer than {SOURCE_BYTES_MAX} bytes");
            return Err(CompileError { message, at: SOURCE_BYTES_MAX });
        }
        let mut parser = Parser {
            compiler: self,
            scope,
            source,
            at: 0,
            depth: 0,
            operators: 0,
            steps: 0,
            program: Program { steps: Vec::new(), depth: 0, volatile: false, first_item: None, totals: 0 },
        };
        parser.compound()?;
        let mut program = parser.program;
        program.depth += parser.operators;
        Ok(program)
    }

    /// Compiles an item of a dictionary; `Node::Field` for a plain one.
    ///
    /// # Errors
    /// Messages begin with the name of the item where it is not the text given that is wrong.
    pub(crate) fn item(&mut self, item: &DataItem, scope: Scope<'_>) -> Compiled<Arc<Program>> {
        let key = (scope.file.to_owned(), item.name.clone());
        // Items that a sentence made (EVAL, F1) may share a name with one of the dictionary.
        let shared = matches!(scope.dictionary.get(&item.name), Some(Item::Data(known) | Item::Computed(known)) if known.source == item.source);
        if shared && let Some(done) = self.done.get(&key) {
            return Ok(Arc::clone(done));
        }
        if shared && self.open.contains(&key) {
            return Err(CompileError { message: format!("item {} refers to itself", item.name), at: 0 });
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(CompileError { message: "items refer to items too deeply".to_owned(), at: 0 });
        }
        self.open.push(key.clone());
        let program = match &item.source {
            Source::Field => Ok(Program {
                first_item: Some(item.clone()),
                ..Program::of(match item.field {
                    0 => Node::Id,
                    9998 => Node::Variable(Variable::ItemCounter),
                    9999 => Node::Variable(Variable::RecordLength),
                    number => Node::Field(number),
                })
            }),
            Source::Expression(text) => self.expression(text, scope).map_err(|mut error| {
                if item.name != *text {
                    error.message =
                        format!("item {}: {} at character {}", item.name, error.message, error.at + 1);
                }
                error
            }),
            Source::Correlative(codes) => self.correlatives(item, codes, scope),
        };
        self.open.pop();
        let program = Arc::new(program?);
        if shared {
            self.done.insert(key, Arc::clone(&program));
        }
        Ok(program)
    }

    pub(super) fn count_node(&mut self, at: usize) -> Compiled<()> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(CompileError { message: "the expression is too long".to_owned(), at });
        }
        Ok(())
    }

    /// A translation into another file; `field` names an item of it, a number, or `@RECORD`.
    pub(super) fn trans(&mut self, file: &str, id: Node, field: &str, at: usize) -> Compiled<Trans> {
        let entry = self.catalog.and_then(|catalog| catalog.file(file).ok());
        let wanted = match (field, field.parse::<i64>(), entry) {
            ("0" | "@ID", ..) => Wanted::Id,
            ("-1" | "@RECORD", ..) => Wanted::Record,
            (_, Ok(number), _) => Wanted::Field(usize::try_from(number).unwrap_or(0)),
            (name, _, Some(entry)) => {
                let scope = Scope { file: &entry.name, dictionary: &entry.dictionary };
                let Some(item) = scope.dictionary.column(name) else {
                    let message = format!("Undefined item {name} in file {}", entry.name);
                    return Err(CompileError { message, at });
                };
                Wanted::Item(self.item(item, scope)?)
            }
            (_, _, None) => Wanted::Id,
        };
        let file = entry.map(|entry| entry.number);
        Ok(Trans { file, id, wanted, missing: Missing::Empty, raw: false, value: 0 })
    }
}

struct Parser<'p, 'c> {
    compiler: &'p mut Compiler<'c>,
    scope: Scope<'p>,
    source: &'p str,
    at: usize,
    depth: usize,
    operators: usize,
    /// Expressions before this one in a compound.
    steps: usize,
    program: Program,
}

impl Parser<'_, '_> {
    /// `{ $MODE name ; } expr { ; expr }`.
    fn compound(&mut self) -> Compiled<()> {
        loop {
            if let (Token::Name(name), ..) = self.peek()?
                && name.eq_ignore_ascii_case("$MODE")
            {
                // Modes of QM that HAL has as its only way; skipped with their names.
                self.at = self.source[self.at..].find(';').map_or(self.source.len(), |end| self.at + end + 1);
                continue;
            }
            let node = self.expr()?;
            self.program.steps.push(node);
            self.steps += 1;
            match self.next()? {
                (Token::Sign(";"), ..) => {
                    if self.peek()?.0 == Token::End {
                        return Ok(());
                    }
                }
                (Token::End, ..) => return Ok(()),
                (other, at, _) => return Err(error(format!("{} is not expected", words(&other)), at)),
            }
        }
    }

    fn peek(&self) -> Compiled<(Token, usize, usize)> {
        token(self.source, self.at)
    }

    fn next(&mut self) -> Compiled<(Token, usize, usize)> {
        let found = self.peek()?;
        self.at = found.2;
        self.compiler.count_node(found.1)?;
        Ok(found)
    }

    fn take(&mut self, sign: &str) -> Compiled<bool> {
        let (found, _, after) = self.peek()?;
        let taken = matches!(found, Token::Sign(found) if found == sign);
        if taken {
            self.at = after;
            self.compiler.count_node(after)?;
        }
        Ok(taken)
    }

    fn expect(&mut self, sign: &str) -> Compiled<()> {
        if self.take(sign)? {
            return Ok(());
        }
        let (found, at, _) = self.peek()?;
        Err(error(format!("{sign} must come here, not {}", words(&found)), at))
    }

    fn keyword(&mut self, word: &str) -> Compiled<bool> {
        let (found, _, after) = self.peek()?;
        let taken = matches!(found, Token::Name(name) if name.eq_ignore_ascii_case(word));
        if taken {
            self.at = after;
        }
        Ok(taken)
    }

    fn expr(&mut self) -> Compiled<Node> {
        self.depth += 1;
        self.program.depth = self.program.depth.max(self.depth);
        if self.depth > DEPTH_MAX {
            return Err(error(format!("the expression is nested deeper than {DEPTH_MAX}"), self.at));
        }
        let node = if self.keyword("IF")? { self.cases()? } else { self.logic()? };
        self.depth -= 1;
        Ok(node)
    }

    fn cases(&mut self) -> Compiled<Node> {
        let mut cases = Vec::new();
        loop {
            let condition = self.expr()?;
            self.expect_word("THEN")?;
            let then = self.expr()?;
            cases.push((condition, then));
            self.expect_word("ELSE")?;
            if !self.keyword("IF")? {
                let otherwise = self.expr()?;
                return Ok(Node::Cases(cases, Box::new(otherwise)));
            }
        }
    }

    /// Operators in a row nest to the left, so their number bounds the depth of the tree.
    fn binary(&mut self, op: Binary, left: Node, right: Node) -> Compiled<Node> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            return Err(error(format!("the expression has more than {OPERATORS_MAX} operators"), self.at));
        }
        Ok(binary(op, left, right))
    }

    fn expect_word(&mut self, word: &str) -> Compiled<()> {
        if self.keyword(word)? {
            return Ok(());
        }
        let (found, at, _) = self.peek()?;
        Err(error(format!("{word} must come here, not {}", words(&found)), at))
    }

    /// AND and OR have equal rank and are taken from left to right.
    fn logic(&mut self) -> Compiled<Node> {
        let mut left = self.relation()?;
        loop {
            let (found, _, after) = self.peek()?;
            let op = match &found {
                Token::Sign("&") => Binary::And,
                Token::Sign("!") => Binary::Or,
                Token::Name(name) if name.eq_ignore_ascii_case("AND") => Binary::And,
                Token::Name(name) if name.eq_ignore_ascii_case("OR") => Binary::Or,
                _ => return Ok(left),
            };
            self.at = after;
            self.compiler.count_node(after)?;
            let right = self.relation()?;
            left = self.binary(op, left, right)?;
        }
    }

    fn relation(&mut self) -> Compiled<Node> {
        let mut left = self.concatenation()?;
        loop {
            let (found, _, after) = self.peek()?;
            let Some(op) = relation(&found) else { return Ok(left) };
            self.at = after;
            self.compiler.count_node(after)?;
            let right = self.concatenation()?;
            left = self.binary(op, left, right)?;
        }
    }

    fn concatenation(&mut self) -> Compiled<Node> {
        let mut left = self.format()?;
        while self.take(":")? {
            let right = self.format()?;
            left = self.binary(Binary::Concatenate, left, right)?;
        }
        Ok(left)
    }

    /// `x "8R"`: text right after a value is its format.
    fn format(&mut self) -> Compiled<Node> {
        let mut left = self.sum()?;
        while let (Token::Text(spec), ..) = self.peek()? {
            self.next()?;
            left = self.binary(Binary::Format, left, Node::Text(spec.into_bytes()))?;
        }
        Ok(left)
    }

    fn sum(&mut self) -> Compiled<Node> {
        let mut left = self.product()?;
        loop {
            let op = if self.take("+")? {
                Binary::Add
            } else if self.take("-")? {
                Binary::Subtract
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = self.binary(op, left, right)?;
        }
    }

    fn product(&mut self) -> Compiled<Node> {
        let mut left = self.power()?;
        loop {
            let op = if self.take("*")? {
                Binary::Multiply
            } else if self.take("//")? {
                Binary::DivideWhole
            } else if self.take("/")? {
                Binary::Divide
            } else {
                return Ok(left);
            };
            let right = self.power()?;
            left = self.binary(op, left, right)?;
        }
    }

    fn power(&mut self) -> Compiled<Node> {
        let mut left = self.unary()?;
        while self.take("**")? || self.take("^")? {
            let right = self.unary()?;
            left = self.binary(Binary::Power, left, right)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Compiled<Node> {
        let mut negative = false;
        loop {
            if self.take("-")? {
                negative = !negative;
            } else if !self.take("+")? {
                break;
            }
        }
        let node = self.postfix()?;
        Ok(if negative { Node::Negate(Box::new(node)) } else { node })
    }

    fn postfix(&mut self) -> Compiled<Node> {
        let mut node = self.primary()?;
        loop {
            if self.take("[")? {
                node = self.substring(node)?;
            } else if self.source[self.at..].starts_with('<')
                && self.source[self.at..].contains('>')
                && let Some(places) = self.places()?
            {
                node = Node::Extract(Box::new(node), places);
            } else {
                return Ok(node);
            }
            // Each one nests what stands before it.
            self.depth += 1;
            self.program.depth = self.program.depth.max(self.depth);
            if self.depth > DEPTH_MAX {
                return Err(error(format!("the expression is nested deeper than {DEPTH_MAX}"), self.at));
            }
        }
    }

    /// `<f,v,s>` right behind a value; `None`, and nothing read, where `<` is a relation.
    fn places(&mut self) -> Compiled<Option<Vec<Node>>> {
        let before = (self.at, self.depth, self.program.totals, self.program.volatile);
        let first = self.program.first_item.clone();
        let found = self.try_places();
        if let Ok(Some(places)) = found {
            return Ok(Some(places));
        }
        self.compiler.count_node(self.at)?;
        (self.at, self.depth, self.program.totals, self.program.volatile) = before;
        self.program.first_item = first;
        Ok(None)
    }

    fn try_places(&mut self) -> Compiled<Option<Vec<Node>>> {
        if !self.take("<")? {
            return Ok(None);
        }
        let mut places = vec![self.nested_sum()?];
        while places.len() < 3 && self.take(",")? {
            places.push(self.nested_sum()?);
        }
        // Not by token: `<1,1><5` would read as `><`.
        let rest = self.source[self.at..].trim_start();
        if !rest.starts_with('>') {
            return Ok(None);
        }
        self.at = self.source.len() - rest.len() + 1;
        Ok(Some(places))
    }

    fn nested_sum(&mut self) -> Compiled<Node> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(error(format!("the expression is nested deeper than {DEPTH_MAX}"), self.at));
        }
        let node = self.sum()?;
        self.depth -= 1;
        Ok(node)
    }

    fn substring(&mut self, text: Node) -> Compiled<Node> {
        let first = self.expr()?;
        if self.take("]")? {
            return Ok(Node::Last(Box::new(text), Box::new(first)));
        }
        self.expect(",")?;
        if self.take("*")? {
            self.expect("]")?;
            return Ok(Node::Part(Box::new(text), Box::new(first), None));
        }
        let second = self.expr()?;
        if self.take(",")? {
            let third = self.expr()?;
            self.expect("]")?;
            return Ok(Node::Group(Box::new([text, first, second, third])));
        }
        self.expect("]")?;
        Ok(Node::Part(Box::new(text), Box::new(first), Some(Box::new(second))))
    }

    fn primary(&mut self) -> Compiled<Node> {
        let (found, at, _) = self.next()?;
        match found {
            Token::Number(text) => {
                let number = Num::parse(text.as_bytes());
                Ok(Node::Number(number.ok_or_else(|| error(format!("{text} has too many digits"), at))?))
            }
            Token::Text(text) => Ok(Node::Text(crate::dynarray::DynArray::from_text(&text).into_bytes())),
            Token::Sign("(") => {
                let node = self.expr()?;
                self.expect(")")?;
                Ok(node)
            }
            Token::At(name) => self.variable(&name, at),
            Token::Argument(number) => Ok(Node::Argument(number - 1)),
            Token::Name(name) => self.name(name, at),
            other => Err(error(format!("a value must come here, not {}", words(&other)), at)),
        }
    }

    fn variable(&mut self, name: &str, at: usize) -> Compiled<Node> {
        if name.is_empty() || name.bytes().all(|b| b.is_ascii_digit()) {
            let step = if name.is_empty() { self.steps } else { name.parse().unwrap_or(0) };
            if step == 0 || step > self.steps {
                return Err(error(format!("@{name} names no earlier expression"), at));
            }
            return Ok(Node::Step(step - 1));
        }
        let constant = |byte: u8| Ok(Node::Text(vec![byte]));
        let variable = match name {
            "ID" => return Ok(Node::Id),
            "RECORD" => return Ok(Node::Record),
            "IM" => return constant(255),
            "FM" | "AM" => return constant(254),
            "VM" => return constant(253),
            "SM" | "SVM" => return constant(252),
            "TM" => return constant(251),
            "TRUE" => return Ok(Node::Number(Num::ONE)),
            "FALSE" => return Ok(Node::Number(Num::ZERO)),
            "DATE" => Variable::Date,
            "TIME" => Variable::Time,
            "DAY" => Variable::Day,
            "MONTH" => Variable::Month,
            "YEAR" => Variable::Year,
            "YEAR4" => Variable::Year4,
            "FILE.NAME" | "FILENAME" => Variable::FileName,
            "LOGNAME" | "USER" | "WHO" | "USERNO" => Variable::User,
            "TTY" => Variable::Tty,
            "NI" => Variable::ItemCounter,
            "ND" => Variable::DetailLine,
            "NV" => Variable::ValueCounter,
            "NS" => Variable::SubvalueCounter,
            "NB" => Variable::BreakLevel,
            "BPV" => Variable::BreakValue,
            _ => {
                // An item of the dictionary may have such a name.
                let full = format!("@{name}");
                if self.scope.dictionary.column(&full).is_some() {
                    return self.item(&full, Vec::new());
                }
                return Err(error(format!("Undefined item @{name}"), at));
            }
        };
        self.program.volatile = true;
        Ok(Node::Variable(variable))
    }

    /// A name: an item, `Fn`, or a function with its arguments (9.2).
    fn name(&mut self, name: String, at: usize) -> Compiled<Node> {
        let name = self.hyphened(name, at);
        let called = self.source[self.at..].trim_start().starts_with('(');
        if called && let Some(node) = self.call(&name, at)? {
            return Ok(node);
        }
        if let Some(link) = name.split_once('%') {
            return self.link(link, at);
        }
        if self.scope.dictionary.column(&name).is_some() {
            let arguments = if called { self.arguments()? } else { Vec::new() };
            return self.item(&name, arguments);
        }
        if let Some(number) = field_number(&name) {
            return Ok(if number == 0 { Node::Id } else { Node::Field(number) });
        }
        if let Some(Item::Other(reason)) = self.scope.dictionary.get(&name) {
            return Err(error(format!("item {name} cannot be used: {reason}"), at));
        }
        Err(error(format!("Undefined item {name}"), at))
    }

    /// Takes hyphens into a name where the dictionary has such an item and not all of its parts.
    fn hyphened(&mut self, name: String, at: usize) -> String {
        let rest = &self.source[at..];
        let length = rest.find(|c| !is_name(c) && c != '-').unwrap_or(rest.len());
        let whole = rest[..length].trim_end_matches('-');
        let dictionary = self.scope.dictionary;
        if whole.len() <= name.len()
            || dictionary.column(whole).is_none()
            || whole.split('-').all(|part| dictionary.column(part).is_some() || field_number(part).is_some())
        {
            return name;
        }
        self.at = at + whole.len();
        whole.to_owned()
    }

    fn item(&mut self, name: &str, arguments: Vec<Node>) -> Compiled<Node> {
        let scope = self.scope;
        let Some(item) = scope.dictionary.column(name) else {
            return Err(error(format!("Undefined item {name}"), self.at));
        };
        let program = self.compiler.item(item, scope)?;
        if self.program.first_item.is_none() {
            self.program.first_item.clone_from(&program.first_item);
        }
        self.program.volatile |= program.volatile;
        self.program.depth = self.program.depth.max(self.depth + program.depth);
        if self.program.depth > EXPANDED_DEPTH_MAX {
            return Err(error("items refer to items too deeply".to_owned(), self.at));
        }
        // A plain field needs no call.
        if let (Source::Field, [step]) = (&item.source, program.steps.as_slice()) {
            match step {
                Node::Id => return Ok(Node::Id),
                Node::Field(number) => return Ok(Node::Field(*number)),
                _ => {}
            }
        }
        self.program.totals += program.totals;
        Ok(Node::Item(program, arguments))
    }

    /// `LNK%FIELD`: a field of the record that a link item names.
    fn link(&mut self, (link, field): (&str, &str), at: usize) -> Compiled<Node> {
        let Some(Item::Link { id, file }) = self.scope.dictionary.get(link) else {
            return Err(error(format!("Undefined link {link}"), at));
        };
        let scope = self.scope;
        let program = self.compiler.expression(id, scope)?;
        self.program.volatile = true;
        let id = Node::Item(Arc::new(program), Vec::new());
        Ok(Node::Trans(Box::new(self.compiler.trans(file, id, field, at)?)))
    }

    fn arguments(&mut self) -> Compiled<Vec<Node>> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        if self.take(")")? {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expr()?);
            if self.take(")")? {
                return Ok(arguments);
            }
            // LOCATE has its order behind a semicolon.
            if !self.take(",")? && !self.take(";")? {
                let (found, at, _) = self.peek()?;
                return Err(error(format!(", or ) must come here, not {}", words(&found)), at));
            }
        }
    }

    /// A function; `None` where the name is none.
    fn call(&mut self, name: &str, at: usize) -> Compiled<Option<Node>> {
        match name.to_ascii_uppercase().as_str() {
            "TRANS" | "XLATE" => return self.trans(false, at).map(Some),
            "RTRANS" => return self.trans(true, at).map(Some),
            "TOTAL" => {
                let mut arguments = self.arguments()?;
                let (Some(inner), true) = (arguments.pop(), arguments.is_empty()) else {
                    return Err(error("TOTAL needs one value".to_owned(), at));
                };
                self.program.totals += 1;
                return Ok(Some(Node::Total(self.program.totals - 1, Box::new(inner))));
            }
            "IF" => return Ok(None),
            "SUBR" | "CALL" => {
                return Err(error(
                    format!("{name} needs a catalogued subroutine, which HAL does not run"),
                    at,
                ));
            }
            _ => {}
        }
        let Some(function) = functions::find(name) else { return Ok(None) };
        let arguments = self.arguments()?;
        self.program.volatile |=
            function.volatile || (function.name.starts_with("OCONV") && !is_fixed(&arguments));
        check_arguments(function, arguments.len(), at)?;
        Ok(Some(Node::Call(function, arguments)))
    }

    /// `TRANS({DICT} file, id, field, "X")`.
    fn trans(&mut self, raw: bool, at: usize) -> Compiled<Node> {
        self.expect("(")?;
        let file = self.file_name()?;
        self.expect(",")?;
        let id = self.expr()?;
        self.expect(",")?;
        let (field, field_at) = self.field_name()?;
        let mut missing = Missing::Empty;
        if self.take(",")? {
            match self.next()? {
                (Token::Text(mode) | Token::Name(mode), ..) if mode.eq_ignore_ascii_case("C") => {
                    missing = Missing::Id
                }
                (Token::Text(mode) | Token::Name(mode), ..)
                    if mode.eq_ignore_ascii_case("X") || mode.eq_ignore_ascii_case("V") => {}
                (_, at, _) => {
                    return Err(error("what a missing record gives must be X, V or C".to_owned(), at));
                }
            }
        }
        self.expect(")")?;
        self.program.volatile = true;
        let trans = self.compiler.trans(&file, id, &field, field_at.max(at))?;
        Ok(Node::Trans(Box::new(Trans { raw, missing, ..trans })))
    }

    fn file_name(&mut self) -> Compiled<String> {
        let mut dict = "";
        loop {
            match self.next()? {
                (Token::Name(word), ..) if dict.is_empty() && word.eq_ignore_ascii_case("DICT") => {
                    dict = "DICT "
                }
                (Token::Name(name) | Token::Text(name), start, _) => {
                    let mut name = name;
                    if self.source[start..].starts_with(is_name) {
                        // File names may have hyphens.
                        let rest = &self.source[start..];
                        let length = rest.find(|c| !is_name(c) && c != '-').unwrap_or(rest.len());
                        name = rest[..length].to_owned();
                        self.at = start + length;
                    }
                    return Ok(format!("{dict}{name}"));
                }
                (other, at, _) => {
                    return Err(error(
                        format!("the name of a file must come here, not {}", words(&other)),
                        at,
                    ));
                }
            }
        }
    }

    fn field_name(&mut self) -> Compiled<(String, usize)> {
        match self.next()? {
            (Token::Name(name) | Token::Text(name), at, _) => Ok((
                if let Some(number) = field_number(&name) {
                    number.to_string()
                } else {
                    self.hyphened(name, at)
                },
                at,
            )),
            (Token::Number(number), at, _) => Ok((number, at)),
            (Token::At(name), at, _) => Ok((format!("@{name}"), at)),
            (Token::Sign("-"), at, _) => {
                self.next()?;
                Ok(("-1".to_owned(), at))
            }
            (other, at, _) => Err(error(format!("a field must come here, not {}", words(&other)), at)),
        }
    }
}

/// Whether a conversion's code is known, and reads nothing but the value.
fn is_fixed(arguments: &[Node]) -> bool {
    match arguments.get(1) {
        Some(Node::Text(code)) => super::reads_only_the_value(&crate::dynarray::text(code)),
        _ => false,
    }
}

pub(super) fn check_arguments(function: &Function, count: usize, at: usize) -> Compiled<()> {
    if (function.least..=function.most).contains(&count) {
        return Ok(());
    }
    let wanted = if function.least == function.most {
        format!("{}", function.least)
    } else {
        format!("{} to {}", function.least, function.most)
    };
    Err(error(format!("{} takes {wanted} arguments, not {count}", function.name), at))
}

/// The number in `F4`.
fn field_number(name: &str) -> Option<usize> {
    let digits = name.strip_prefix(['F', 'f'])?;
    let plain = !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn relation(token: &Token) -> Option<Binary> {
    Some(match token {
        Token::Sign(sign) => match *sign {
            "=" => Binary::Equal,
            "#" | "<>" | "><" => Binary::NotEqual,
            "<" => Binary::Less,
            "<=" | "=<" => Binary::LessEqual,
            ">" => Binary::Greater,
            ">=" | "=>" => Binary::GreaterEqual,
            "==" => Binary::Same,
            "~=" => Binary::SameNoCase,
            _ => return None,
        },
        Token::Name(name) => match name.to_ascii_uppercase().as_str() {
            "EQ" => Binary::Equal,
            "NE" => Binary::NotEqual,
            "LT" => Binary::Less,
            "LE" => Binary::LessEqual,
            "GT" => Binary::Greater,
            "GE" => Binary::GreaterEqual,
            "MATCHES" | "MATCH" | "LIKE" => Binary::Matches,
            _ => return None,
        },
        _ => return None,
    })
}

pub(super) fn binary(op: Binary, left: Node, right: Node) -> Node {
    Node::Binary(op, Box::new(left), Box::new(right))
}

pub(super) fn error(message: String, at: usize) -> CompileError {
    CompileError { message, at }
}

fn words(token: &Token) -> String {
    match token {
        Token::Number(text) | Token::Name(text) => text.clone(),
        Token::Text(text) => format!("\"{text}\""),
        Token::At(name) => format!("@{name}"),
        Token::Argument(number) => format!("${number}"),
        Token::Sign(sign) => (*sign).to_owned(),
        Token::End => "the end".to_owned(),
    }
}
