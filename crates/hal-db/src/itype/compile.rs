//! Text becomes a program: recursive descent over the grammar of section 9.1. Errors say what and where.

mod names;

use std::collections::HashMap;
use std::sync::Arc;

use super::calc::Num;
use super::node::{Binary, Missing, Node, Program, Trans, Variable, Wanted};
use super::scan::{Token, token};
use super::{CompileError, DEPTH_MAX, NODES_MAX, SOURCE_BYTES_MAX};
use crate::account::Catalog;
use crate::dict::{DataItem, Dictionary, Item, Source};

pub(super) use names::check_arguments;

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
const DEPTH_LIMIT_OF_ITEMS: usize = 500;

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
        let file = entry.map(|entry| entry.records());
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
