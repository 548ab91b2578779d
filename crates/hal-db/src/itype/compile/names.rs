//! What a name in an expression is: an item, a field, a function, an `@`-variable, another file's field (9.2).

use std::sync::Arc;

use super::{Compiled, DEPTH_LIMIT_OF_ITEMS, Parser, error, words};
use crate::dict::{Item, Source};
use crate::itype::calc::Num;
use crate::itype::functions::{self, Function};
use crate::itype::node::{Missing, Node, Trans, Variable};
use crate::itype::scan::{Token, is_name};

impl Parser<'_, '_> {
    pub(super) fn variable(&mut self, name: &str, at: usize) -> Compiled<Node> {
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
    pub(super) fn name(&mut self, name: String, at: usize) -> Compiled<Node> {
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
            return Ok(if number == 0 { Node::Id } else { self.compiler.field(number, self.scope) });
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
        if self.program.depth > DEPTH_LIMIT_OF_ITEMS {
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
        Some(Node::Text(code)) => crate::itype::reads_only_the_value(&crate::dynarray::text(code)),
        _ => false,
    }
}

pub(in crate::itype) fn check_arguments(function: &Function, count: usize, at: usize) -> Compiled<()> {
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
