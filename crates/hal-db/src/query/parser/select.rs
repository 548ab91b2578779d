//! The selection clauses of a sentence: WITH, WHEN, and what stands in them.

use super::super::NESTING_MAX;
use super::super::lexer::{Kind, Token};
use super::super::plan::{Condition, Operand, RelOp, Test};
use super::super::words::{Word, lookup};
use super::{Parsed, Parser, error, unexpected};
use crate::dict::DataItem;

impl Parser<'_> {
    /// `WITH cond {AND|OR {WITH} cond}`; several clauses must all hold.
    pub(super) fn with(&mut self, negated: bool) -> Parsed<()> {
        let clause = self.clause(negated)?;
        self.plan.select = Some(match self.plan.select.take() {
            Some(before) if self.switches.with_implies_or => {
                Condition::Or(Box::new(before), Box::new(clause))
            }
            before => both(before, clause),
        });
        Ok(())
    }

    /// `WHEN cond`: all items of it belong to one association.
    pub(super) fn when(&mut self) -> Parsed<()> {
        let at = self.here();
        let clause = self.clause(false)?;
        let mut items = Vec::new();
        tested(&clause, &mut items);
        if let Some((first, rest)) = items.split_first() {
            let together = |item: &DataItem| {
                item.name == first.name
                    || (item.association.is_some() && item.association == first.association)
            };
            if !rest.iter().all(|item| together(item)) {
                return Err(error("All WHEN clause items must be in the same association", at));
            }
        }
        self.plan.when = Some(both(self.plan.when.take(), clause));
        Ok(())
    }

    fn clause(&mut self, negated: bool) -> Parsed<Condition> {
        let first = self.prefixed()?;
        let first = if negated { Condition::Not(Box::new(first)) } else { first };
        self.rest_of(first)
    }

    /// `{AND|OR cond}` after a first condition: equal rank, from left to right.
    fn rest_of(&mut self, mut left: Condition) -> Parsed<Condition> {
        // An OR that brackets hold together is no side of an AND to divide.
        let mut joined = false;
        loop {
            let and = self.peek_word() == Some(Word::And);
            if !and && self.peek_word() != Some(Word::Or) {
                return Ok(left);
            }
            self.tokens.pop_front();
            let mut negated = false;
            match self.peek_word() {
                Some(Word::With | Word::When) => {
                    self.tokens.pop_front();
                }
                Some(Word::Without) => {
                    self.tokens.pop_front();
                    negated = true;
                }
                _ => {}
            }
            let mut right = self.prefixed()?;
            if negated {
                right = Condition::Not(Box::new(right));
            }
            left = match left {
                // The right side of an OR takes the AND that follows.
                Condition::Or(first, second) if and && self.switches.priority_and && joined => {
                    Condition::Or(first, Box::new(Condition::And(second, Box::new(right))))
                }
                left if and => Condition::And(Box::new(left), Box::new(right)),
                left => Condition::Or(Box::new(left), Box::new(right)),
            };
            joined = true;
            self.tests += 1;
            if self.tests > TESTS_MAX {
                return Err(error(&format!("there are more than {TESTS_MAX} tests"), self.here()));
            }
        }
    }

    /// `[NO|NOT] [EVERY] ( cond ) | test`.
    fn prefixed(&mut self) -> Parsed<Condition> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(error(&format!("brackets are nested deeper than {NESTING_MAX}"), self.here()));
        }
        let negated = self.take(Word::No) || self.take(Word::Not);
        let every = self.take(Word::Every);
        let inner = if self.tokens.front().is_some_and(|token| token.kind == Kind::Open) {
            let open = self.here();
            if every {
                return Err(error("EVERY must be followed by a field", open));
            }
            self.tokens.pop_front();
            let first = self.prefixed()?;
            let inside = self.rest_of(first)?;
            match self.tokens.pop_front() {
                Some(Token { kind: Kind::Close, .. }) => inside,
                other => {
                    let at = other.map_or(self.end, |token| token.at);
                    return Err(error("Unclosed brackets in selection expression", at));
                }
            }
        } else {
            Condition::Test(Box::new(self.test(every)?))
        };
        self.depth -= 1;
        Ok(if negated { Condition::Not(Box::new(inner)) } else { inner })
    }

    fn test(&mut self, every: bool) -> Parsed<Test> {
        let item = self.tested_item()?;
        self.last_item = Some(item.clone());
        let mut op = match self.peek_word() {
            Some(Word::Rel(op)) => op,
            Some(Word::Not) => RelOp::Ne,
            None if self.switches.implied_eq
                && matches!(self.tokens.front(), Some(Token { kind: Kind::Quoted(_), .. })) =>
            {
                self.tokens.push_front(Token { kind: Kind::Word("EQ".to_owned()), at: self.here() });
                RelOp::Eq
            }
            _ => return Ok(Test { item, every, op: RelOp::Present, no_case: false, operands: Vec::new() }),
        };
        let op_at = self.here();
        self.tokens.pop_front();
        if op == RelOp::Ne
            && let Some(Word::Rel(negated)) = self.peek_word()
        {
            // `NOT LIKE`, `NOT =`: a relation after NOT turns into its opposite.
            op = match negated {
                RelOp::Eq => RelOp::Ne,
                RelOp::Like => RelOp::Unlike,
                RelOp::In => RelOp::NotIn,
                _ => return Err(error("NOT must stand before the field here", op_at)),
            };
            self.tokens.pop_front();
        }
        while self.peek_word() == Some(Word::Filler) {
            self.tokens.pop_front();
        }
        let no_case = self.take(Word::NoCase);
        let mut operands = vec![self.operand(op)?];
        if op == RelOp::Between {
            self.take(Word::And);
            operands.push(self.operand(op)?);
        } else if !matches!(op, RelOp::In | RelOp::NotIn) {
            while let Some(more) = self.further_operand() {
                operands.push(more);
            }
        }
        if self.switches.wildcards
            && matches!(op, RelOp::Eq | RelOp::Ne)
            && operands.iter().any(|operand| matches!(operand, Operand::Literal(text) if is_wild(text)))
        {
            // LIKE has the same meaning in other letters.
            let op = if op == RelOp::Eq { RelOp::Like } else { RelOp::Unlike };
            let operands = operands
                .into_iter()
                .map(|operand| match operand {
                    Operand::Literal(text) => Operand::Literal(pattern_of(&text)),
                    other => other,
                })
                .collect();
            return Ok(Test { item, every, op, no_case, operands });
        }
        Ok(Test { item, every, op, no_case, operands })
    }

    /// The item of a test; a relation without one tests the last item again, at first the id.
    fn tested_item(&mut self) -> Parsed<DataItem> {
        let at = self.here();
        let Some(token) = self.tokens.pop_front() else {
            return Err(error("Field name missing in selection clause", at));
        };
        match &token.kind {
            Kind::Word(word) => {
                if let Some(item) = self.item(word)? {
                    return Ok(item);
                }
                match lookup(word) {
                    Some(Word::Rel(_)) => {
                        self.tokens.push_front(token);
                        Ok(self.last_item.clone().unwrap_or_else(|| self.plan.id_column.item.clone()))
                    }
                    Some(Word::Eval) => self.eval_item(),
                    Some(_) => Err(unexpected(word, at)),
                    None => Err(self.no_item(word, at)),
                }
            }
            Kind::Quoted(text) => Err(error(&format!("\"{text}\" stands where a field must come"), at)),
            _ => Err(error("Field name missing in selection clause", at)),
        }
    }

    /// The first operand: any word that is not a keyword will do.
    fn operand(&mut self, op: RelOp) -> Parsed<Operand> {
        let at = self.here();
        match self.tokens.pop_front().map(|token| token.kind) {
            Some(Kind::Quoted(text)) => Ok(Operand::Literal(text)),
            Some(Kind::Parameter(name)) => Ok(Operand::Parameter(name)),
            Some(Kind::Word(word)) => match self.item(&word)? {
                // A name after IN is that of a list.
                Some(item) if !matches!(op, RelOp::In | RelOp::NotIn) => Ok(Operand::Item(Box::new(item))),
                Some(_) => Ok(Operand::Literal(word)),
                None if lookup(&word) == Some(Word::Eval) => Ok(Operand::Item(Box::new(self.eval_item()?))),
                None if lookup(&word).is_some() => Err(unexpected(&word, at)),
                None => Ok(Operand::Literal(word)),
            },
            _ => Err(error(&format!("a value is missing after {}", op.word()), at)),
        }
    }

    /// A further alternative: quoted, a parameter or a number; another word begins the next element.
    fn further_operand(&mut self) -> Option<Operand> {
        let operand = match &self.tokens.front()?.kind {
            Kind::Quoted(text) => Operand::Literal(text.clone()),
            Kind::Parameter(name) => Operand::Parameter(name.clone()),
            Kind::Word(word)
                if word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                    && self.dictionary.column(word).is_none() =>
            {
                Operand::Literal(word.clone())
            }
            _ => return None,
        };
        self.tokens.pop_front();
        Some(operand)
    }
}

/// Whether a text holds a wildcard of Pick.
fn is_wild(text: &str) -> bool {
    text.starts_with('[') || text.ends_with(']') || text.contains('^')
}

/// A text with wildcards of Pick as a pattern: `[x` ends with x, `x]` begins with it, `^` is any one character.
fn pattern_of(text: &str) -> String {
    let ends = text.strip_prefix('[');
    let inner = ends.unwrap_or(text);
    let begins = inner.strip_suffix(']');
    let inner = begins.unwrap_or(inner);
    let mut pattern = if ends.is_some() { "...".to_owned() } else { String::new() };
    for (at, literal) in inner.split('^').enumerate() {
        if at > 0 {
            pattern.push_str("1X");
        }
        if !literal.is_empty() {
            let quote = if literal.contains('"') { '\'' } else { '"' };
            pattern.push_str(&format!("{quote}{literal}{quote}"));
        }
    }
    pattern.push_str(if begins.is_some() { "..." } else { "" });
    pattern
}

/// Tests of one sentence; they are taken from left to right, so their number bounds the depth of the condition.
const TESTS_MAX: usize = 250;

fn both(before: Option<Condition>, clause: Condition) -> Condition {
    match before {
        Some(before) => Condition::And(Box::new(before), Box::new(clause)),
        None => clause,
    }
}

/// The items that a condition tests.
fn tested<'c>(condition: &'c Condition, items: &mut Vec<&'c DataItem>) {
    match condition {
        Condition::Test(test) => items.push(&test.item),
        Condition::And(a, b) | Condition::Or(a, b) => {
            tested(a, items);
            tested(b, items);
        }
        Condition::Not(inner) => tested(inner, items),
    }
}
