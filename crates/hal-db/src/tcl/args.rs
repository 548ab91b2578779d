//! The words of a command: divided at spaces and commas, text in quotes kept together (10.2).

use super::failure::{ARGUMENTS, Failure};

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    /// In quotes: never a keyword.
    pub quoted: bool,
    /// A comma stands before it.
    pub after_comma: bool,
}

/// The words behind a verb, taken one by one.
#[derive(Debug, Clone)]
pub(super) struct Args {
    words: std::collections::VecDeque<Word>,
    /// How the command is written, for what is said when it is not.
    usage: &'static str,
}

/// Divides text into words. Options in Pick's style, `(X`, end them and say nothing here.
///
/// # Errors
/// A quote that is not closed.
pub(super) fn words(text: &str) -> Result<Vec<Word>, Failure> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let after_comma = rest[..rest.len() - trimmed.len()].contains(',');
        rest = trimmed;
        let Some(first) = rest.chars().next() else { return Ok(found) };
        if "\"'\\".contains(first) {
            let Some(end) = rest[1..].find(first) else {
                return Err(Failure::new(ARGUMENTS, format!("The quote {first} is not closed")));
            };
            found.push(Word { text: rest[1..=end].to_owned(), quoted: true, after_comma });
            rest = &rest[end + 2..];
            continue;
        }
        if first == '(' && !found.is_empty() {
            return Ok(found);
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len());
        found.push(Word { text: rest[..end].to_owned(), quoted: false, after_comma });
        rest = &rest[end..];
    }
}

impl Args {
    pub(super) fn new(text: &str, usage: &'static str) -> Result<Args, Failure> {
        Ok(Args { words: words(text)?.into(), usage })
    }

    /// The command is not written as it must be.
    pub(super) fn wrong(&self) -> Failure {
        Failure::usage(self.usage)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Takes a keyword if it comes next.
    pub(super) fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek(keyword);
        if found {
            self.words.pop_front();
        }
        found
    }

    pub(super) fn peek(&self, keyword: &str) -> bool {
        self.words.front().is_some_and(|word| !word.quoted && word.text.eq_ignore_ascii_case(keyword))
    }

    /// Whether there is a next word that looks so.
    pub(super) fn peek_with(&self, looks: &dyn Fn(&Word) -> bool) -> bool {
        self.words.front().is_some_and(looks)
    }

    /// Takes a keyword wherever it stands.
    pub(super) fn take_anywhere(&mut self, keyword: &str) -> bool {
        let at = self.words.iter().position(|word| !word.quoted && word.text.eq_ignore_ascii_case(keyword));
        at.and_then(|at| self.words.remove(at)).is_some()
    }

    /// Takes `KEYWORD n` wherever it stands.
    ///
    /// # Errors
    /// No number follows.
    pub(super) fn number_after(&mut self, keyword: &str) -> Result<Option<usize>, Failure> {
        let at = self.words.iter().position(|word| !word.quoted && word.text.eq_ignore_ascii_case(keyword));
        let Some(at) = at else { return Ok(None) };
        let number = self.words.get(at + 1).and_then(|word| word.text.parse().ok());
        let number = number.ok_or_else(|| self.wrong())?;
        self.words.drain(at..at + 2);
        Ok(Some(number))
    }

    /// Takes `KEYWORD word` wherever it stands.
    ///
    /// # Errors
    /// No word follows.
    pub(super) fn word_after(&mut self, keyword: &str) -> Result<Option<String>, Failure> {
        let at = self.words.iter().position(|word| !word.quoted && word.text.eq_ignore_ascii_case(keyword));
        let Some(at) = at else { return Ok(None) };
        let word = self.words.get(at + 1).map(|word| word.text.clone()).ok_or_else(|| self.wrong())?;
        self.words.drain(at..at + 2);
        Ok(Some(word))
    }

    /// Takes a keyword and the quoted words behind it, wherever they stand; gives whether it was there.
    pub(super) fn values_after(&mut self, keyword: &str) -> bool {
        let at = self.words.iter().position(|word| !word.quoted && word.text.eq_ignore_ascii_case(keyword));
        let Some(at) = at else { return false };
        self.words.remove(at);
        while self.words.get(at).is_some_and(|word| word.quoted) {
            self.words.remove(at);
        }
        true
    }

    pub(super) fn next(&mut self) -> Option<Word> {
        self.words.pop_front()
    }

    /// The next word.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn word(&mut self) -> Result<String, Failure> {
        self.words.pop_front().map(|word| word.text).ok_or_else(|| self.wrong())
    }

    /// `{DICT} name`.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn file(&mut self) -> Result<String, Failure> {
        if self.take("DICT") {
            return Ok(format!("DICT {}", self.word()?));
        }
        self.take("DATA");
        self.word()
    }

    /// All words that are left.
    pub(super) fn rest(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words).into()
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// Something is.
    pub(super) fn end(&self) -> Result<(), Failure> {
        if self.words.is_empty() { Ok(()) } else { Err(self.wrong()) }
    }
}
