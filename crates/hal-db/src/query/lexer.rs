//! A sentence as tokens: words, quoted text, parameters. Knows no word's meaning.

use crate::error::ParseError;

/// A token and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub at: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word or a symbol such as `>=`.
    Word(String),
    /// Text in `"`, `'` or `\`.
    Quoted(String),
    /// `{name}`, bare or in quotes.
    Parameter(String),
    Open,
    Close,
}

/// Divides a sentence; spaces and commas separate, `( )` and the signs of relations stand for themselves.
pub(super) fn tokens(sentence: &str) -> Result<Vec<Token>, ParseError> {
    let mut found = Vec::new();
    let mut rest = sentence;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let at = sentence.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok(found) };
        let (kind, length) = match first {
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            '"' | '\'' | '\\' => {
                let Some(end) = rest[1..].find(first) else {
                    let message = format!("the quote {first} at character {} is not closed", at + 1);
                    return Err(ParseError { message, at, near: Vec::new() });
                };
                let text = &rest[1..=end];
                (parameter(text).map_or_else(|| Kind::Quoted(text.to_owned()), Kind::Parameter), end + 2)
            }
            c if is_sign(c) => {
                let length = rest.chars().take_while(|c| is_sign(*c)).count();
                (Kind::Word(rest[..length].to_owned()), length)
            }
            _ => {
                let length = rest.find(|c: char| c.is_whitespace() || ",()\"'\\".contains(c) || is_sign(c));
                let text = &rest[..length.unwrap_or(rest.len())];
                (parameter(text).map_or_else(|| Kind::Word(text.to_owned()), Kind::Parameter), text.len())
            }
        };
        found.push(Token { kind, at });
        rest = &rest[length..];
    }
}

fn is_sign(c: char) -> bool {
    "=#<>~&".contains(c)
}

/// The name in `{name}`: letters, digits, dots, dashes and underscores.
fn parameter(text: &str) -> Option<String> {
    let name = text.strip_prefix('{')?.strip_suffix('}')?;
    let valid = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
    valid.then(|| name.to_owned())
}
