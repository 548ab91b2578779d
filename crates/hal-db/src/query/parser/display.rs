//! Displayed items with what stands before and after them: TOTAL, BREAK.ON, COL.HDG, FMT.

use super::super::lexer::{Kind, Token};
use super::super::plan::{Aggregate, Display, Group};
use super::super::words::{Word, percent_decimals};
use super::{Parsed, Parser, error};
use crate::dict::{DataItem, is_right};

impl Parser<'_> {
    /// An item with a word before it that says what is computed; `false` when the word is none of these.
    pub(super) fn aggregate(&mut self, kind: Word, word: &str) -> Parsed<bool> {
        let aggregate = match kind {
            Word::Total => Aggregate::Total,
            Word::Average => Aggregate::Average,
            Word::Max => Aggregate::Max,
            Word::Min => Aggregate::Min,
            Word::Enum => Aggregate::Enum,
            Word::Calc => Aggregate::Calc,
            Word::Cumulative => Aggregate::Cumulative,
            Word::Median => Aggregate::Median,
            Word::Mode => Aggregate::Mode,
            Word::Range => Aggregate::Range,
            Word::Percent => {
                let decimals = percent_decimals(word).map(usize::from).or_else(|| self.number()).unwrap_or(2);
                Aggregate::Percent(decimals.min(9) as u8)
            }
            Word::BreakOn | Word::BreakSup => {
                self.group(kind == Word::BreakSup)?;
                return Ok(true);
            }
            _ => return Ok(false),
        };
        let item = self.expect_item(word)?;
        let item = match aggregate {
            // Shares have a layout of their own.
            Aggregate::Percent(decimals) => DataItem {
                conversion: String::new(),
                format: format!("{}R{decimals}", 4 + usize::from(decimals).max(1)),
                right: true,
                ..item
            },
            _ => item,
        };
        self.display(Display { aggregate, ..Display::plain(item) })?;
        Ok(true)
    }

    fn group(&mut self, suppressed: bool) -> Parsed<()> {
        let text = match self.tokens.front() {
            Some(Token { kind: Kind::Quoted(_), .. }) => Some(self.expect_text()?),
            _ => None,
        };
        let item = self.expect_item(if suppressed { "BREAK.SUP" } else { "BREAK.ON" })?;
        self.display(Display { group: Some(Group { suppressed, text }), ..Display::plain(item) })
    }

    /// An item and its qualifiers.
    pub(super) fn display(&mut self, mut display: Display) -> Parsed<()> {
        if self.plan.columns.len() >= super::super::COLUMNS_MAX {
            let message = format!("there are more than {} items to show", super::super::COLUMNS_MAX);
            return Err(error(&message, self.here()));
        }
        loop {
            let item = &mut display.item;
            let Some(word) = self.peek_word() else { break };
            match word {
                Word::SingleValue => item.multi = false,
                Word::MultiValue => item.multi = true,
                Word::NoNulls => display.no_nulls = true,
                Word::Rpt => display.repeat = true,
                Word::Conv
                | Word::Fmt
                | Word::ColHdg
                | Word::As
                | Word::Assoc
                | Word::AssocWith
                | Word::DisplayLike => {
                    self.tokens.pop_front();
                    self.qualifier(word, &mut display.item)?;
                    continue;
                }
                _ => break,
            }
            self.tokens.pop_front();
        }
        self.plan.columns.push(display);
        Ok(())
    }

    fn qualifier(&mut self, word: Word, item: &mut DataItem) -> Parsed<()> {
        let at = self.here();
        match word {
            Word::Conv => item.conversion = self.expect_text()?,
            Word::Fmt => {
                let format = self.expect_text()?;
                if crate::fmt::Format::parse(&format).is_none() {
                    return Err(error(&format!("'{format}' is not a format"), at));
                }
                item.right = is_right(&format);
                item.format = format;
            }
            Word::ColHdg => {
                // A heading has several lines with value marks, or with 'L' as in a page heading.
                let text = self.expect_text()?.replace("'L'", "\u{FD}");
                item.heading = text.split('\u{FD}').map(str::to_owned).collect();
            }
            Word::As => {
                let name = self.expect_text()?;
                self.aliases.insert(name.to_uppercase(), item.clone());
            }
            Word::Assoc => {
                item.association = Some(self.expect_text()?);
                item.multi = true;
            }
            Word::AssocWith => {
                let other = self.expect_item("ASSOC.WITH")?;
                item.association = other.association.or(Some(other.name));
                item.multi = true;
            }
            _ => {
                let other = self.expect_item("DISPLAY.LIKE")?;
                let DataItem { conversion, heading, format, multi, association, right, .. } = other;
                *item = DataItem { conversion, heading, format, multi, association, right, ..item.clone() };
            }
        }
        Ok(())
    }
}
