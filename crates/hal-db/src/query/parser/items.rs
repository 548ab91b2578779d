//! What a word names: an item of the sentence or the dictionary, a field by its number, an expression.

use super::super::lexer::{Kind, Token};
use super::super::words::{Word, lookup};
use super::{Parsed, Parser, error, unexpected};
use crate::dict::{DataItem, Item, Source, is_right};
use crate::error::ParseError;
use crate::itype::Scope;

impl Parser<'_> {
    /// The item of a word: of the sentence, of the dictionary, `F4`, or with arguments.
    pub(super) fn item(&mut self, word: &str) -> Parsed<Option<DataItem>> {
        if let Some(item) = self.aliases.get(&word.to_uppercase()) {
            return Ok(Some(item.clone()));
        }
        if let Some(item) = self.dictionary.column(word) {
            let item = item.clone();
            // Arguments follow at once: `AGED(30)`; a bracket of a selection never does behind an item.
            if matches!(item.source, Source::Expression(_))
                && self.tokens.front().is_some_and(|token| token.kind == Kind::Open)
                && let Some(arguments) = self.arguments()
            {
                let name = format!("{}({})", item.name, arguments.join(","));
                return Ok(Some(DataItem { source: Source::Expression(name.clone()), name, ..item }));
            }
            return Ok(Some(item));
        }
        if word.eq_ignore_ascii_case("@ID") {
            return Ok(Some(self.plan.id_column.item.clone()));
        }
        if self.dictionary.get(word).is_none()
            && let Some(digits) = word.strip_prefix(['F', 'f', 'A', 'a'])
            && !digits.is_empty()
            && digits.len() <= 5
            && let Ok(number) = digits.parse()
        {
            let name = word.to_uppercase();
            return Ok(Some(DataItem { heading: vec![name.clone()], name, ..DataItem::plain_field(number) }));
        }
        let link = word
            .split_once('%')
            .filter(|(link, _)| matches!(self.dictionary.get(link), Some(Item::Link { .. })));
        if let Some((link, field)) = link
            && let Some(Item::Link { file, .. }) = self.dictionary.get(link)
        {
            let other = self.snapshot.catalog().file(file).ok();
            let item = other.and_then(|entry| entry.dictionary.column(field));
            let item = item.cloned().unwrap_or_else(|| DataItem::plain_field(0));
            return Ok(Some(DataItem {
                source: Source::Expression(word.to_owned()),
                name: word.to_owned(),
                ..item
            }));
        }
        Ok(None)
    }

    /// Words and texts between brackets, as an expression has them; `None`, and nothing taken, for anything else.
    fn arguments(&mut self) -> Option<Vec<String>> {
        let close = self.tokens.iter().position(|token| token.kind == Kind::Close)?;
        let inside = self.tokens.iter().take(close).skip(1);
        let arguments = inside
            .map(|token| match &token.kind {
                Kind::Word(word) => Some(word.clone()),
                Kind::Quoted(text) => Some(format!("\"{text}\"")),
                _ => None,
            })
            .collect::<Option<Vec<String>>>()?;
        self.tokens.drain(..=close);
        Some(arguments)
    }

    /// EVAL "expression": format and conversion are those of the first field it names (12.2).
    pub(super) fn eval_item(&mut self) -> Parsed<DataItem> {
        let at = self.here();
        let text = self.expect_text()?;
        let scope = Scope { file: &self.plan.dictionary, dictionary: &self.dictionary };
        let program = self
            .compiler
            .expression(&text, scope)
            .map_err(|inner| error(&inner.message, (at + 1 + inner.at).min(self.end)))?;
        let first = program.first_item.clone();
        let (conversion, format) =
            first.as_ref().map_or((String::new(), crate::dict::FORMAT_DEFAULT.to_owned()), |item| {
                (item.conversion.clone(), item.format.clone())
            });
        Ok(DataItem {
            name: text.clone(),
            heading: vec![text.clone()],
            source: Source::Expression(text),
            conversion,
            right: is_right(&format),
            format,
            multi: first.as_ref().is_some_and(|item| item.multi),
            association: first.and_then(|item| item.association),
            ..DataItem::plain_field(0)
        })
    }

    pub(super) fn expect_item(&mut self, after: &str) -> Parsed<DataItem> {
        let at = self.here();
        match self.tokens.pop_front() {
            Some(Token { kind: Kind::Word(word), .. }) => {
                if let Some(item) = self.item(&word)? {
                    return Ok(item);
                }
                match lookup(&word) {
                    Some(Word::Eval) => self.eval_item(),
                    Some(_) => Err(unexpected(&word, at)),
                    None => Err(self.no_item(&word, at)),
                }
            }
            Some(Token { kind: Kind::Quoted(text), .. }) => {
                Err(error(&format!("\"{text}\" stands where a field must come"), at))
            }
            _ => Err(error(&format!("a field must follow {after}"), at)),
        }
    }

    pub(super) fn no_item(&self, word: &str, at: usize) -> ParseError {
        let message = match self.dictionary.get(word) {
            Some(Item::Other(reason)) => format!("{word} cannot be used: {reason}"),
            _ if self.strict => format!("{word} is not a field of {}", self.plan.dictionary),
            _ => format!("{word} is not a field name or expression"),
        };
        ParseError { message, at, near: self.near(word) }
    }
}
