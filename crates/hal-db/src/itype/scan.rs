//! The words and signs of an expression, one at a time. Knows which characters make a name, not what it means.

use super::CompileError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A number as written.
    Number(String),
    Text(String),
    Name(String),
    /// `@NAME`, `@1`, `@`: without the `@`.
    At(String),
    /// `$1`.
    Argument(usize),
    /// A sign, `<=` as one.
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 28] = [
    "<=", ">=", "=<", "=>", "<>", "><", "==", "~=", "**", "//", "<", ">", "=", "#", "+", "-", "*", "/", "^",
    ":", ";", ",", "(", ")", "[", "]", "&", "!",
];

/// Reads the token that begins at or after `at`; gives it with its place and the place after it.
pub(super) fn token(source: &str, at: usize) -> Result<(Token, usize, usize), CompileError> {
    let rest = &source[at..];
    let start = at + rest.len() - rest.trim_start().len();
    let rest = &source[start..];
    let Some(first) = rest.chars().next() else { return Ok((Token::End, start, start)) };
    let found = |token: Token, length: usize| Ok((token, start, start + length));
    match first {
        '"' | '\'' | '\\' => match rest[1..].find(first) {
            Some(end) => found(Token::Text(rest[1..=end].to_owned()), end + 2),
            None => Err(CompileError { message: format!("the quote {first} is not closed"), at: start }),
        },
        '0'..='9' => {
            let length = number_length(rest);
            found(Token::Number(rest[..length].to_owned()), length)
        }
        '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            let length = number_length(rest);
            found(Token::Number(rest[..length].to_owned()), length)
        }
        '@' => {
            let length = 1 + rest[1..].find(|c| !is_name(c)).unwrap_or(rest.len() - 1);
            found(Token::At(rest[1..length].to_uppercase()), length)
        }
        '$' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            let length = 1 + rest[1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - 1);
            match rest[1..length].parse() {
                Ok(number @ 1..=99) => found(Token::Argument(number), length),
                _ => Err(CompileError { message: "arguments are $1 to $99".to_owned(), at: start }),
            }
        }
        c if is_name(c) => {
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            found(Token::Name(rest[..length].to_owned()), length)
        }
        _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => found(Token::Sign(sign), sign.len()),
            None => Err(CompileError { message: format!("'{first}' cannot stand here"), at: start }),
        },
    }
}

fn number_length(text: &str) -> usize {
    let digits = |from: usize| from + text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(0);
    if text[whole..].starts_with('.') { digits(whole + 1) } else { whole }
}

/// Characters of names; a hyphen belongs to a name only where the dictionary has it so.
pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || "._%$".contains(c)
}
