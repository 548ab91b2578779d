//! Pattern matching of MATCHES, LIKE and the P conversion. Works on characters; knows nothing of records.
//!
//! Elements: `nX n-mX 0X ...` any characters, `nA 0A n-mA` letters, `nN 0N n-mN` digits, quoted or plain literals;
//! `~` before A, N or a literal negates. Alternatives are separated by the value mark.

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    alternatives: Vec<Vec<Element>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Element {
    /// `least..=most` characters of a class; `None` for any number.
    Run {
        class: Class,
        least: usize,
        most: Option<usize>,
        negated: bool,
    },
    Literal {
        text: Vec<char>,
        negated: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Any,
    Letter,
    Digit,
}

/// Steps a match may take before it gives up as not matching: bounds the backtracking of hostile patterns.
const STEPS_MAX: usize = 1_000_000;

/// Runs of variable length in an alternative; one with more matches nothing. Bounds the depth of the search.
const VARIABLE_RUNS_MAX: usize = 100;

impl Pattern {
    pub(crate) fn parse(text: &str) -> Pattern {
        let alternatives = text.split('\u{FD}').map(elements);
        let is_variable =
            |element: &&Element| matches!(element, Element::Run { least, most, .. } if Some(*least) != *most);
        let fits = |elements: &Vec<Element>| elements.iter().filter(is_variable).count() <= VARIABLE_RUNS_MAX;
        Pattern { alternatives: alternatives.filter(fits).collect() }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let mut steps = 0;
        self.alternatives.iter().any(|elements| match_at(elements, &text, &mut steps))
    }

    /// The bytes that everything matching begins with; empty when there are none.
    pub(crate) fn literal_prefix(&self) -> Vec<u8> {
        let [only] = self.alternatives.as_slice() else { return Vec::new() };
        let mut prefix = String::new();
        for element in only {
            match element {
                Element::Literal { text, negated: false } => prefix.extend(text),
                _ => break,
            }
        }
        prefix.into_bytes()
    }
}

fn elements(text: &str) -> Vec<Element> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let (element, next) = element(&chars, at);
        found.push(element);
        at = next;
    }
    found
}

/// The element that begins at `at`, and where the next one does.
fn element(chars: &[char], start: usize) -> (Element, usize) {
    if chars[start..].starts_with(&['.', '.', '.']) {
        return (Element::Run { class: Class::Any, least: 0, most: None, negated: false }, start + 3);
    }
    let negated = chars[start] == '~' && start + 1 < chars.len();
    let at = start + usize::from(negated);
    if let quote @ ('"' | '\'') = chars[at]
        && let Some(length) = chars[at + 1..].iter().position(|&c| c == quote)
    {
        let text = chars[at + 1..at + 1 + length].to_vec();
        return (Element::Literal { text, negated }, at + length + 2);
    }
    let number = |from: usize| {
        let digits: String = chars[from..].iter().take_while(|c| c.is_ascii_digit()).take(9).collect();
        (digits.parse::<usize>().ok(), from + digits.len())
    };
    if let (Some(least), mut next) = number(at) {
        let mut most = (least > 0).then_some(least);
        if chars.get(next) == Some(&'-')
            && let (Some(upper), after) = number(next + 1)
        {
            most = Some(upper);
            next = after;
        }
        let class = match chars.get(next).map(char::to_ascii_uppercase) {
            Some('X') => Some(Class::Any),
            Some('A') => Some(Class::Letter),
            Some('N') => Some(Class::Digit),
            _ => None,
        };
        if let Some(class) = class {
            return (Element::Run { class, least, most, negated }, next + 1);
        }
    }
    (Element::Literal { text: vec![chars[at]], negated }, at + 1)
}

fn match_at(mut elements: &[Element], mut text: &[char], steps: &mut usize) -> bool {
    loop {
        *steps += 1;
        if *steps > STEPS_MAX {
            return false;
        }
        let Some((element, rest)) = elements.split_first() else { return text.is_empty() };
        let length = match element {
            Element::Literal { text: literal, negated } => {
                if text.len() < literal.len() || (text[..literal.len()] == **literal) == *negated {
                    return false;
                }
                literal.len()
            }
            Element::Run { class, least, most, negated } => {
                let fits = |c: &char| match class {
                    Class::Any => true,
                    Class::Letter => c.is_alphabetic() != *negated,
                    Class::Digit => c.is_ascii_digit() != *negated,
                };
                let available = text.iter().take(most.unwrap_or(usize::MAX)).take_while(|c| fits(c)).count();
                if available < *least {
                    return false;
                }
                if available > *least {
                    let mut matches = |length: usize| match_at(rest, &text[length..], steps);
                    // Any characters: as few as possible first; letters and digits: as many.
                    return match class {
                        Class::Any => (*least..=available).any(matches),
                        Class::Letter | Class::Digit => (*least..=available).rev().any(&mut matches),
                    };
                }
                *least
            }
        };
        (elements, text) = (rest, &text[length..]);
    }
}

#[cfg(test)]
mod tests;
