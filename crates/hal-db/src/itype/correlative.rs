//! Correlatives of Pick items: A codes (infix), F codes (reverse Polish), T codes into other files; else a conversion.
//!
//! Arithmetic is in whole numbers: multiply before you divide.

use super::calc::Num;
use super::compile::{Compiler, Scope, binary, error};
use super::node::{Binary, Missing, Node, Program, Variable};
use super::{CompileError, DEPTH_MAX, functions};
use crate::dict::DataItem;

/// Values on the stack of an F code.
const STACK_MAX: usize = 64;

impl Compiler<'_> {
    /// The program of a Pick item: its field, then each of its codes.
    pub(super) fn correlatives(
        &mut self,
        item: &DataItem,
        codes: &str,
        scope: Scope<'_>,
    ) -> Result<Program, CompileError> {
        let mut node = if item.field == 0 { Node::Id } else { self.field(item.field, scope) };
        let mut volatile = false;
        let mut at = 0;
        for code in codes.split('\u{FD}') {
            let (next, depends) = self.code(node, code, scope).map_err(|mut error| {
                error.at += at;
                error.message =
                    format!("item {}: {} at character {}", item.name, error.message, error.at + 1);
                error
            })?;
            (node, volatile) = (next, volatile || depends);
            at += code.len() + 1;
        }
        let first = DataItem { source: crate::dict::Source::Field, ..item.clone() };
        Ok(Program { volatile, first_item: Some(first), depth: 2 * DEPTH_MAX, ..Program::of(node) })
    }

    /// The program of a conversion whose codes read fields or files; its value is argument 1.
    pub(crate) fn conversion(&mut self, codes: &str, scope: Scope<'_>) -> Result<Program, CompileError> {
        let mut node = Node::Argument(0);
        for code in codes.split('\u{FD}') {
            node = self.code(node, code, scope)?.0;
        }
        Ok(Program { volatile: true, depth: 2 * DEPTH_MAX, ..Program::of(node) })
    }

    /// What a number in a code stands for.
    fn numbered(&self, number: usize, scope: Scope<'_>) -> Node {
        match number {
            0 => Node::Id,
            9998 => Node::Variable(Variable::ItemCounter),
            9999 => Node::Variable(Variable::RecordLength),
            number => self.field(number, scope),
        }
    }

    /// One code applied to a value; gives whether it depends on more than the record.
    fn code(&mut self, input: Node, code: &str, scope: Scope<'_>) -> Result<(Node, bool), CompileError> {
        let upper = code.trim_start().to_ascii_uppercase();
        let rest = |skip: usize| code.trim_start().get(skip..).unwrap_or_default();
        if upper.is_empty() {
            return Ok((input, false));
        }
        if has_letter(&upper, 'A') {
            let mut parser = ACode {
                compiler: self,
                scope,
                source: rest(1),
                at: 0,
                depth: 0,
                operators: 0,
                volatile: false,
            };
            let node = parser.whole()?;
            return Ok((node, parser.volatile));
        }
        if has_letter(&upper, 'F') {
            return self.f_code(rest(1), scope);
        }
        if is_translation(&upper) {
            return Ok((self.t_code(input, rest(1))?, true));
        }
        if upper.starts_with("CALL ") {
            return Err(error("CALL needs a catalogued subroutine, which HAL does not run".to_owned(), 0));
        }
        Ok((converted(input, code), false))
    }

    /// `Tfile;cv;i;o`: a field of the record that the value names.
    fn t_code(&mut self, input: Node, rest: &str) -> Result<Node, CompileError> {
        let mut parts = rest.split(';');
        let file = parts.next().unwrap_or_default().trim();
        let file = file.strip_prefix('*').map_or_else(|| file.to_owned(), |dict| format!("DICT {dict}"));
        let mode = parts.next().unwrap_or_default();
        let (input_field, output) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let field = if output.is_empty() { input_field } else { output };
        let letter = mode.chars().next().unwrap_or('X').to_ascii_uppercase();
        let value: usize = mode.trim_start_matches(|c: char| c.is_alphabetic()).parse().unwrap_or(0);
        let field = if field.is_empty() { "0" } else { field };
        let mut trans = self.trans(&file, input, field, 0)?;
        trans.value = value;
        trans.missing = if letter == 'C' { Missing::Id } else { Missing::Empty };
        Ok(Node::Trans(Box::new(trans)))
    }

    /// `F;step;step…`: each step pushes, or works on the top of the stack.
    fn f_code(&mut self, source: &str, scope: Scope<'_>) -> Result<(Node, bool), CompileError> {
        let mut stack: Vec<Node> = Vec::new();
        let mut volatile = false;
        let mut at = 0;
        for step in split_steps(source.strip_prefix(';').unwrap_or(source)) {
            let here = at;
            at += step.len() + 1;
            self.count_node(here)?;
            let fail = |message: &str| Err(error(format!("F code: {message}"), here));
            let step = step.trim();
            let operator = match step {
                "+" => Some(Binary::Add),
                "-" => Some(Binary::Subtract),
                "*" => Some(Binary::Multiply),
                "/" => Some(Binary::DivideWhole),
                ":" => Some(Binary::Concatenate),
                "=" => Some(Binary::Equal),
                "#" => Some(Binary::NotEqual),
                ">" => Some(Binary::Greater),
                "<" => Some(Binary::Less),
                "]" => Some(Binary::GreaterEqual),
                "[" => Some(Binary::LessEqual),
                "&" => Some(Binary::And),
                "!" => Some(Binary::Or),
                _ => None,
            };
            if let Some(operator) = operator {
                let (Some(b), Some(a)) = (stack.pop(), stack.pop()) else {
                    return fail("two values are needed");
                };
                stack.push(binary(operator, a, b));
                continue;
            }
            match step {
                "" => {}
                "D" => {
                    volatile = true;
                    stack.push(Node::Variable(Variable::Date));
                }
                "T" => {
                    volatile = true;
                    stack.push(Node::Variable(Variable::Time));
                }
                "_" => {
                    let (Some(b), Some(a)) = (stack.pop(), stack.pop()) else {
                        return fail("two values are needed");
                    };
                    stack.extend([b, a]);
                }
                "^" => {
                    stack.pop();
                }
                "P" => match stack.last() {
                    Some(top) => {
                        let copy = copied(top);
                        match copy {
                            Some(copy) => stack.push(copy),
                            None => return fail("P may only double a field or a constant"),
                        }
                    }
                    None => return fail("a value is needed"),
                },
                "S" | "R" => {
                    let name = if step == "S" { "SUM" } else { "REM" };
                    let count = if step == "S" { 1 } else { 2 };
                    if stack.len() < count {
                        return fail("more values are needed");
                    }
                    let arguments = stack.split_off(stack.len() - count);
                    let Some(function) = functions::find(name) else { return fail("no such function") };
                    stack.push(Node::Call(function, arguments));
                }
                "[]" => {
                    let (Some(length), Some(start), Some(text)) = (stack.pop(), stack.pop(), stack.pop())
                    else {
                        return fail("three values are needed");
                    };
                    stack.push(Node::Part(Box::new(text), Box::new(start), Some(Box::new(length))));
                }
                _ if step.starts_with('(') && step.ends_with(')') => {
                    let Some(top) = stack.pop() else { return fail("a value is needed") };
                    let (node, depends) = self.code(top, &step[1..step.len() - 1], scope)?;
                    volatile |= depends;
                    stack.push(node);
                }
                _ => match (step.strip_prefix(['C', 'c']), quoted(step), step.parse::<usize>()) {
                    (_, Some(text), _) => stack.push(Node::Text(text.as_bytes().to_vec())),
                    (_, _, Ok(number)) => stack.push(self.numbered(number, scope)),
                    (Some(constant), ..) => stack.push(Node::Text(constant.as_bytes().to_vec())),
                    _ => return fail(&format!("'{step}' is not served")),
                },
            }
            if stack.len() > STACK_MAX {
                return fail("too many values are kept");
            }
        }
        match stack.pop() {
            Some(node) => Ok((node, volatile)),
            None => Err(error("F code: it leaves no value".to_owned(), at)),
        }
    }
}

/// Whether a conversion code reads other fields or files.
pub(crate) fn is_correlative(code: &str) -> bool {
    let upper = code.trim_start().to_ascii_uppercase();
    has_letter(&upper, 'A') || has_letter(&upper, 'F') || is_translation(&upper)
}

/// Whether what a conversion shows depends on the value alone.
pub(crate) fn reads_only_the_value(codes: &str) -> bool {
    codes.split('\u{FD}').all(|code| {
        let code = code.trim_start().to_ascii_uppercase();
        !is_correlative(&code) && !code.starts_with(['C', 'U', 'E']) && !code.starts_with("S;")
    })
}

fn has_letter(code: &str, letter: char) -> bool {
    let Some(rest) = code.strip_prefix(letter) else { return false };
    rest.starts_with([';', '(', '"', '\''])
        || rest.starts_with("NOCASE")
        || rest.starts_with(|c: char| c.is_ascii_digit())
        || (letter == 'A' && rest.starts_with("N("))
}

/// `Tfile;…`, not `T2,3`.
fn is_translation(code: &str) -> bool {
    code.strip_prefix(['T', 't']).is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_alphabetic() || c == '*' || c == '$') && rest.contains(';')
    })
}

fn copied(node: &Node) -> Option<Node> {
    Some(match node {
        Node::Id => Node::Id,
        Node::Field(number) => Node::Field(*number),
        Node::Text(text) => Node::Text(text.clone()),
        Node::Variable(variable) => Node::Variable(*variable),
        _ => return None,
    })
}

fn converted(input: Node, code: &str) -> Node {
    match functions::find("OCONVS") {
        Some(function) => Node::Call(function, vec![input, Node::Text(super::eval::stored_text(code))]),
        None => input,
    }
}

fn quoted(step: &str) -> Option<&str> {
    let quote = step.chars().next().filter(|c| "\"'\\".contains(*c))?;
    step.strip_prefix(quote)?.strip_suffix(quote)
}

/// Parts between semicolons that do not stand in quotes or brackets.
fn split_steps(source: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quote, mut depth) = (Vec::new(), 0, None, 0_i32);
    for (at, c) in source.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '\\') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ';') if depth <= 0 => {
                parts.push(&source[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&source[start..]);
    parts
}

/// An A code: `A;N(PRICE)*"100"/3`.
struct ACode<'p, 'c> {
    compiler: &'p mut Compiler<'c>,
    scope: Scope<'p>,
    source: &'p str,
    at: usize,
    depth: usize,
    operators: usize,
    volatile: bool,
}

impl ACode<'_, '_> {
    fn whole(&mut self) -> Result<Node, CompileError> {
        self.take(";");
        if self.take("NOCASE;") {
            // Comparisons of correlatives are exact here; the prefix says nothing more.
        }
        let node = self.expr()?;
        self.skip_spaces();
        if self.at < self.source.len() {
            return Err(error(format!("'{}' is not expected", &self.source[self.at..]), self.at));
        }
        Ok(node)
    }

    fn skip_spaces(&mut self) {
        let rest = &self.source[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip_spaces();
        let taken = self.rest().get(..sign.len()).is_some_and(|head| head.eq_ignore_ascii_case(sign));
        if taken {
            self.at += sign.len();
        }
        taken
    }

    fn expect(&mut self, sign: &str) -> Result<(), CompileError> {
        if self.take(sign) { Ok(()) } else { Err(error(format!("{sign} must come here"), self.at)) }
    }

    fn expr(&mut self) -> Result<Node, CompileError> {
        self.depth += 1;
        self.compiler.count_node(self.at)?;
        if self.depth > DEPTH_MAX {
            return Err(error(format!("the code is nested deeper than {DEPTH_MAX}"), self.at));
        }
        let node = if self.take("IF ") || self.take("IF(") {
            if self.source[..self.at].ends_with('(') {
                self.at -= 1;
            }
            let condition = self.expr()?;
            self.expect("THEN")?;
            let then = self.expr()?;
            self.expect("ELSE")?;
            let otherwise = self.expr()?;
            Node::Cases(vec![(condition, then)], Box::new(otherwise))
        } else {
            self.level(0)?
        };
        self.depth -= 1;
        Ok(node)
    }

    /// 0: AND OR · 1: relations · 2: concatenation · 3: sums · 4: products.
    fn level(&mut self, level: usize) -> Result<Node, CompileError> {
        const OPERATORS: [&[(&str, Binary)]; 5] = [
            &[("AND", Binary::And), ("OR", Binary::Or)],
            &[
                ("<>", Binary::NotEqual),
                ("<=", Binary::LessEqual),
                (">=", Binary::GreaterEqual),
                ("=", Binary::Equal),
                ("#", Binary::NotEqual),
                ("<", Binary::Less),
                (">", Binary::Greater),
            ],
            &[(":", Binary::Concatenate)],
            &[("+", Binary::Add), ("-", Binary::Subtract)],
            &[("*", Binary::Multiply), ("/", Binary::DivideWhole)],
        ];
        let Some(operators) = OPERATORS.get(level) else { return self.operand() };
        let mut left = self.level(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.take(sign)) {
            self.operators += 1;
            if self.operators > DEPTH_MAX {
                return Err(error(format!("the code has more than {DEPTH_MAX} operators"), self.at));
            }
            let right = self.level(level + 1)?;
            left = binary(*operator, left, right);
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Node, CompileError> {
        let mut node = self.plain()?;
        // `R` after an operand: its last value stands for missing ones.
        if self.rest().starts_with(['R', 'r']) && !self.rest()[1..].starts_with('(') {
            self.at += 1;
            if let Some(function) = functions::find("REUSE") {
                node = Node::Call(function, vec![node]);
            }
        }
        loop {
            if self.take("[") {
                let start = self.expr()?;
                self.expect(",")?;
                let length = self.expr()?;
                self.expect("]")?;
                node = Node::Part(Box::new(node), Box::new(start), Some(Box::new(length)));
            } else if self.rest().starts_with('(') {
                let Some(end) = self.rest().find(')') else {
                    return Err(error(") is missing".to_owned(), self.at));
                };
                let code = self.rest()[1..end].to_owned();
                self.at += end + 1;
                let (next, depends) = self.compiler.code(node, &code, self.scope)?;
                self.volatile |= depends;
                node = next;
            } else {
                return Ok(node);
            }
            self.operators += 1;
            if self.operators > DEPTH_MAX {
                return Err(error(format!("the code has more than {DEPTH_MAX} operators"), self.at));
            }
        }
    }

    fn plain(&mut self) -> Result<Node, CompileError> {
        self.skip_spaces();
        let at = self.at;
        if self.take("(") {
            let node = self.expr()?;
            self.expect(")")?;
            return Ok(node);
        }
        if self.take("-") {
            return Ok(Node::Negate(Box::new(self.plain_nested()?)));
        }
        for (name, function) in [("R(", "REM"), ("S(", "SUM")] {
            if self.take(name) {
                let mut arguments = vec![self.expr()?];
                while self.take(",") {
                    arguments.push(self.expr()?);
                }
                self.expect(")")?;
                let Some(function) = functions::find(function) else {
                    return Err(error(format!("{name} is unknown"), at));
                };
                super::compile::check_arguments(function, arguments.len(), at)?;
                return Ok(Node::Call(function, arguments));
            }
        }
        if self.take("N(") {
            let Some(end) = self.rest().find(')') else { return Err(error(") is missing".to_owned(), at)) };
            let name = self.rest()[..end].trim().to_owned();
            self.at += end + 1;
            let Some(item) = self.scope.dictionary.column(&name) else {
                return Err(error(format!("Undefined item {name}"), at));
            };
            let program = self.compiler.item(item, self.scope)?;
            self.volatile |= program.volatile;
            return Ok(Node::Item(program, Vec::new()));
        }
        for (name, variable) in [
            ("@NI", Variable::ItemCounter),
            ("@ND", Variable::DetailLine),
            ("@NV", Variable::ValueCounter),
            ("@NS", Variable::SubvalueCounter),
            ("@NB", Variable::BreakLevel),
            ("D", Variable::Date),
            ("T", Variable::Time),
        ] {
            if self.take(name) {
                self.volatile = true;
                return Ok(Node::Variable(variable));
            }
        }
        let rest = self.rest();
        if let Some(quote) = rest.chars().next().filter(|c| "\"'\\".contains(*c)) {
            let Some(end) = rest[1..].find(quote) else {
                return Err(error(format!("the quote {quote} is not closed"), at));
            };
            let text = rest.as_bytes()[1..=end].to_vec();
            self.at += end + 2;
            return Ok(match Num::parse(&text) {
                Some(number) => Node::Number(number),
                None => Node::Text(text),
            });
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match rest[..digits].parse() {
            Ok(number) => {
                self.at += digits;
                Ok(self.compiler.numbered(number, self.scope))
            }
            Err(_) => Err(error(
                "a field number, a name in N( ) or a quoted constant must come here".to_owned(),
                at,
            )),
        }
    }

    fn plain_nested(&mut self) -> Result<Node, CompileError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(error(format!("the code is nested deeper than {DEPTH_MAX}"), self.at));
        }
        let node = self.plain()?;
        self.depth -= 1;
        Ok(node)
    }
}
