//! `IF value operator value THEN sentence` of a paragraph, and the small commands that steer one (10.3).

use super::args::{Word, words};
use super::failure::{ARGUMENTS, Failure};
use super::output::Stop;
use super::verbs::Call;
use super::{Done, PageAnswer, Session, World};
use crate::number::Decimal;
use crate::pattern::Pattern;

impl Session {
    /// The sentence behind THEN, when the condition holds.
    pub(super) fn condition(&self, line: &str) -> Done<Option<String>> {
        let wrong = || Failure::usage("IF value EQ value THEN sentence");
        let upper = line.to_ascii_uppercase();
        let then = find_word(&upper, "THEN").ok_or_else(wrong)?;
        let condition = words(line.get(2..then).ok_or_else(wrong)?)?;
        let sentence = line[then + 4..].trim().to_owned();
        let (left, operator, right) = match condition.as_slice() {
            [left, operator, right] => {
                (self.operand(left), operator.text.to_ascii_uppercase(), self.operand(right))
            }
            // An answer that is empty leaves nothing: `IF  EQ "" THEN`.
            [operator, right] if is_operator(operator) => {
                (String::new(), operator.text.to_ascii_uppercase(), self.operand(right))
            }
            [left, operator] if is_operator(operator) => {
                (self.operand(left), operator.text.to_ascii_uppercase(), String::new())
            }
            _ => return Err(wrong()),
        };
        let holds = compare(&left, &operator, &right).ok_or_else(wrong)?;
        Ok(holds.then_some(sentence))
    }

    fn operand(&self, word: &Word) -> String {
        let variable = (!word.quoted).then(|| self.variable(&word.text)).flatten();
        variable.unwrap_or_else(|| word.text.clone())
    }

    pub(super) fn if_(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        match self.condition(call.text)? {
            Some(sentence) => self.verb(&sentence, world),
            None => Ok(()),
        }
    }

    pub(super) fn display(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let text = call.rest.trim();
        let mut quoted = None;
        for quote in ['"', '\''] {
            quoted = quoted.or_else(|| text.strip_prefix(quote)?.strip_suffix(quote));
        }
        let variable = self.variable(text);
        let shown = variable.as_deref().unwrap_or(quoted.unwrap_or(text));
        Ok(self.output(world).line(shown)?)
    }

    pub(super) fn stop(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        if !call.rest.is_empty() {
            self.output(world).line(call.rest)?;
        }
        Err(Stop::Abort.into())
    }

    pub(super) fn pause(&mut self, _: &Call<'_>, world: &mut World<'_>) -> Done {
        // DATA may press the key; where there are no pages, nobody waits.
        if self.data.pop_front().is_none()
            && world.terminal.height().is_some()
            && matches!(world.terminal.pause(), PageAnswer::Quit | PageAnswer::Abort)
        {
            return Err(Stop::Abort.into());
        }
        Ok(())
    }

    pub(super) fn clear_prompts(&mut self, _: &Call<'_>, _: &mut World<'_>) -> Done {
        self.answers.clear();
        Ok(())
    }

    pub(super) fn clear_data(&mut self, _: &Call<'_>, _: &mut World<'_>) -> Done {
        self.data.clear();
        Ok(())
    }

    pub(super) fn only_in_paragraphs(&mut self, call: &Call<'_>, _: &mut World<'_>) -> Done {
        Err(Failure::new(ARGUMENTS, format!("{} has a meaning in a paragraph only", call.verb.name)))
    }
}

fn is_operator(word: &Word) -> bool {
    !word.quoted && compare("", &word.text.to_ascii_uppercase(), "").is_some()
}

/// Where a word stands by itself, outside of quotes.
fn find_word(upper: &str, word: &str) -> Option<usize> {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in upper.char_indices() {
        match quote {
            Some(open) if open == c => quote = None,
            Some(_) => {}
            None if "\"'".contains(c) => quote = Some(c),
            None => {
                let ends = upper[at..].strip_prefix(word);
                if before.is_whitespace() && ends.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
                {
                    return Some(at);
                }
            }
        }
        before = c;
    }
    None
}

/// Compares as numbers where both are, else as text. `None` for an operator that is none.
fn compare(left: &str, operator: &str, right: &str) -> Option<bool> {
    let numbers = Decimal::parse(left.as_bytes()).zip(Decimal::parse(right.as_bytes()));
    let order = || match &numbers {
        Some((left, right)) => left.compare(right),
        None => left.cmp(right),
    };
    Some(match operator {
        "=" | "EQ" => order().is_eq(),
        "#" | "<>" | "><" | "NE" => order().is_ne(),
        "<" | "LT" => order().is_lt(),
        ">" | "GT" => order().is_gt(),
        "<=" | "=<" | "LE" => order().is_le(),
        ">=" | "=>" | "GE" => order().is_ge(),
        "LIKE" | "MATCHES" | "MATCHING" => matches(left, right),
        "UNLIKE" => !matches(left, right),
        _ => return None,
    })
}

fn matches(text: &str, pattern: &str) -> bool {
    Pattern::parse(pattern).matches(text)
}
