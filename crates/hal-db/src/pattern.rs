//! Pattern matching of MATCHES, LIKE and the P conversion. Works on characters; knows nothing of records.
//!
//! Elements: `nX n-mX 0X ...` any characters, `nA 0A n-mA` letters, `nN 0N n-mN` digits, quoted or plain literals;
//! `~` before A, N or a literal negates. Alternatives are separated by the value mark.
//!
//! No backtracking: for each element, from the last to the first, the places are marked from which the rest of the
//! pattern reaches the end. The work is at most pattern times text, and bounded.

use std::ops::RangeInclusive;

use crate::dynarray::{DynArray, VM};
use crate::functions::units;

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
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
        text: Vec<u32>,
        negated: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Any,
    Letter,
    Digit,
}

/// Places that a match may look at before it gives up as not matching: a tenth of a second for hostile patterns on long text.
const PLACES_MAX: usize = 1 << 22;
/// Places that are kept for MATCHFIELD, beside eight for each character of the text.
const KEPT_MAX: usize = 1 << 18;

impl Pattern {
    /// Reads a pattern in which U+00FD stands for the value mark between alternatives.
    #[must_use]
    pub fn parse(text: &str) -> Pattern {
        Pattern::from_bytes(DynArray::from_text(text).as_bytes())
    }

    /// Reads a pattern as stored; alternatives are divided by value marks. Everything is a pattern.
    #[must_use]
    pub fn from_bytes(pattern: &[u8]) -> Pattern {
        Pattern::any_of(pattern.split(|&b| b == VM))
    }

    /// A pattern of alternatives.
    pub(crate) fn any_of<'a>(alternatives: impl Iterator<Item = &'a [u8]>) -> Pattern {
        Pattern {
            alternatives: alternatives.map(|text| elements(&units(text).collect::<Vec<u32>>())).collect(),
        }
    }

    /// Whether text matches; U+00FB..U+00FF in it stand for marks.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.matches_bytes(DynArray::from_text(text).as_bytes())
    }

    /// Whether stored bytes match, as a whole.
    #[must_use]
    pub fn matches_bytes(&self, bytes: &[u8]) -> bool {
        let text: Vec<u32> = units(bytes).collect();
        let mut places = PLACES_MAX;
        self.alternatives.iter().any(|elements| Match::new(elements, &text, false, &mut places).is_some())
    }

    /// MATCHFIELD: the text that element `number` (1..) of the first matching alternative takes; "" without a match.
    #[must_use]
    pub fn field<'a>(&self, bytes: &'a [u8], number: usize) -> &'a [u8] {
        let text: Vec<u32> = units(bytes).collect();
        let mut places = PLACES_MAX;
        for elements in &self.alternatives {
            let Some(found) = Match::new(elements, &text, true, &mut places) else { continue };
            let Some(part) = number.checked_sub(1).and_then(|index| found.part(elements, index)) else {
                return &[];
            };
            return crate::functions::substring(bytes, part.0 as i64 + 1, part.1 as i64);
        }
        &[]
    }

    /// The bytes that everything matching begins with; empty when there are none.
    pub(crate) fn literal_prefix(&self) -> Vec<u8> {
        let [only] = self.alternatives.as_slice() else { return Vec::new() };
        let mut prefix = String::new();
        for element in only {
            match element {
                Element::Literal { text, negated: false } => {
                    for unit in text {
                        match char::from_u32(*unit) {
                            Some(c) => prefix.push(c),
                            None => return prefix.into_bytes(),
                        }
                    }
                }
                _ => break,
            }
        }
        prefix.into_bytes()
    }
}

fn is(unit: u32, byte: u8) -> bool {
    unit == u32::from(byte)
}

fn elements(units: &[u32]) -> Vec<Element> {
    let mut found = Vec::new();
    let mut at = 0;
    // Without a closing quote ahead a quote is a plain character; asked once a quote, so that many are not slow.
    let last = |quote: u8| units.iter().rposition(|&unit| is(unit, quote)).unwrap_or(0);
    let quotes = (last(b'"'), last(b'\''));
    while at < units.len() {
        let (element, next) = element(units, at, quotes);
        found.push(element);
        at = next;
    }
    found
}

/// The element that begins at `start`, and where the next one does. `quotes` are the last double and single quote.
fn element(units: &[u32], start: usize, quotes: (usize, usize)) -> (Element, usize) {
    if units.len() >= start + 3 && units[start..start + 3].iter().all(|&unit| is(unit, b'.')) {
        return (Element::Run { class: Class::Any, least: 0, most: None, negated: false }, start + 3);
    }
    let negated = is(units[start], b'~') && start + 1 < units.len();
    let at = start + usize::from(negated);
    let quote = units[at];
    let closes = is(quote, b'"') && at < quotes.0 || is(quote, b'\'') && at < quotes.1;
    if closes && let Some(length) = units[at + 1..].iter().position(|&unit| unit == quote) {
        let text = units[at + 1..at + 1 + length].to_vec();
        return (Element::Literal { text, negated }, at + length + 2);
    }
    let number = |from: usize| {
        let digits = units[from..].iter().map_while(|&unit| char::from_u32(unit)?.to_digit(10)).take(9);
        let (count, value) =
            digits.fold((0, 0_usize), |(count, sum), digit| (count + 1, sum * 10 + digit as usize));
        ((count > 0).then_some(value), from + count)
    };
    if let (Some(least), mut next) = number(at) {
        let mut most = (least > 0).then_some(least);
        if units.get(next).is_some_and(|&unit| is(unit, b'-'))
            && let (Some(upper), after) = number(next + 1)
        {
            most = Some(upper);
            next = after;
        }
        let class = match units.get(next).and_then(|&unit| char::from_u32(unit)) {
            Some('X' | 'x') => Some(Class::Any),
            Some('A' | 'a') => Some(Class::Letter),
            Some('N' | 'n') => Some(Class::Digit),
            _ => None,
        };
        if let Some(class) = class {
            return (Element::Run { class, least, most, negated }, next + 1);
        }
    }
    (Element::Literal { text: vec![units[at]], negated }, at + 1)
}

impl Element {
    /// How many characters it may take.
    fn lengths(&self) -> (usize, Option<usize>) {
        match self {
            Element::Literal { text, .. } => (text.len(), Some(text.len())),
            Element::Run { least, most, .. } => (*least, *most),
        }
    }

    fn fits(&self, unit: u32) -> bool {
        let c = char::from_u32(unit);
        match self {
            Element::Run { class: Class::Any, .. } | Element::Literal { .. } => true,
            Element::Run { class: Class::Letter, negated, .. } => {
                c.is_some_and(char::is_alphabetic) != *negated
            }
            Element::Run { class: Class::Digit, negated, .. } => {
                c.is_some_and(|c| c.is_ascii_digit()) != *negated
            }
        }
    }
}

/// The places at which elements may begin so that the whole text is taken.
struct Match {
    /// For each element, and the end: the first place looked at, and for each from there how many characters from it
    /// on belong to the element's class and whether the rest reaches the end. Empty when not kept.
    steps: Vec<Step>,
}

#[derive(Debug, Default)]
struct Step {
    first: usize,
    reaches: Vec<bool>,
    /// Longest run of the element's class from each place.
    runs: Vec<u32>,
}

impl Step {
    fn reaches(&self, place: usize) -> bool {
        place.checked_sub(self.first).and_then(|at| self.reaches.get(at)).copied().unwrap_or(false)
    }
}

impl Match {
    /// `None` when the elements do not take the whole text. `keep` keeps what [`Match::part`] needs; `left` are the
    /// places that may still be looked at.
    fn new(elements: &[Element], text: &[u32], keep: bool, left: &mut usize) -> Option<Match> {
        let most = if keep { (KEPT_MAX + 8 * text.len()).min(*left) } else { *left };
        if !begins(elements, text) {
            return None;
        }
        let (windows, places) = windows(elements, text.len(), most)?;
        *left -= places;
        let mut after = Step { first: text.len(), reaches: vec![true], runs: Vec::new() };
        let mut steps = Vec::new();
        for (element, window) in elements.iter().zip(windows).rev() {
            let step = step(element, text, window, &after);
            let before = std::mem::replace(&mut after, step);
            if !after.reaches.contains(&true) {
                return None;
            }
            if keep {
                steps.push(before);
            }
        }
        let found = after.reaches(0);
        steps.push(after);
        steps.reverse();
        found.then_some(Match { steps })
    }

    /// Start and length of what element `index` takes: any characters as few as possible, others as many.
    fn part(&self, elements: &[Element], index: usize) -> Option<(usize, usize)> {
        let mut place = 0;
        for (number, element) in elements.iter().enumerate() {
            let (step, rest) = (&self.steps[number], &self.steps[number + 1]);
            let length = match element {
                Element::Literal { text, .. } => text.len(),
                Element::Run { class, least, most, .. } => {
                    let available = (step.runs[place - step.first] as usize).min(most.unwrap_or(usize::MAX));
                    let mut lengths = *least..=available;
                    let reaches = |length: &usize| rest.reaches(place + length);
                    match class {
                        Class::Any => lengths.find(reaches)?,
                        Class::Letter | Class::Digit => lengths.rfind(reaches)?,
                    }
                }
            };
            if number == index {
                return Some((place, length));
            }
            place += length;
        }
        None
    }
}

/// Whether the text has the literals that the elements begin with: most texts fail here, at once.
fn begins(elements: &[Element], text: &[u32]) -> bool {
    let mut rest = text;
    for element in elements {
        match element {
            Element::Literal { text: literal, negated: false } => match rest.strip_prefix(literal.as_slice())
            {
                Some(after) => rest = after,
                None => return false,
            },
            _ => return true,
        }
    }
    true
}

/// For each element the places where it can begin, by the lengths of the others; `None` when the text has the wrong
/// length, or there is too much to look at. Also how many places these are.
fn windows(
    elements: &[Element],
    length: usize,
    places_max: usize,
) -> Option<(Vec<RangeInclusive<usize>>, usize)> {
    let mut behind: usize = elements.iter().fold(0, |sum, element| sum.saturating_add(element.lengths().0));
    if behind > length {
        return None;
    }
    let (mut least, mut most) = (0_usize, 0_usize);
    let mut windows = Vec::with_capacity(elements.len());
    let mut places = 0;
    for element in elements {
        let (shortest, longest) = element.lengths();
        let window = least..=most.min(length - behind);
        let each = 1 + if matches!(element, Element::Literal { .. }) { shortest / 64 } else { 0 };
        places += (window.end().saturating_sub(*window.start()) + 1).saturating_mul(each);
        if places > places_max {
            return None;
        }
        windows.push(window);
        behind -= shortest;
        least += shortest;
        most = longest.map_or(length, |longest| most.saturating_add(longest)).min(length);
    }
    (most >= length).then_some((windows, places))
}

/// From which places of `window` the element and then the rest reach the end.
fn step(element: &Element, text: &[u32], window: RangeInclusive<usize>, after: &Step) -> Step {
    let (first, last) = window.into_inner();
    if first > last {
        return Step::default();
    }
    match element {
        Element::Literal { text: literal, negated } => {
            let fits = |place: usize| {
                let end = place + literal.len();
                end <= text.len() && (text[place..end] == **literal) != *negated && after.reaches(end)
            };
            Step { first, reaches: (first..=last).map(fits).collect(), runs: Vec::new() }
        }
        Element::Run { least, most, .. } => {
            // Runs are counted from behind, as far ahead as the element may reach.
            let horizon = (after.first + after.reaches.len()).min(text.len()).max(last);
            let mut runs = vec![0; last - first + 1];
            let mut run = 0_u32;
            for place in (first..horizon).rev() {
                run = if element.fits(text[place]) { run + 1 } else { 0 };
                if place <= last {
                    runs[place - first] = run;
                }
            }
            // How many places up to each one reach the end: a difference says whether one between two does.
            let mut sums = Vec::with_capacity(after.reaches.len() + 1);
            sums.push(0_u32);
            for reaches in &after.reaches {
                sums.push(sums.last().copied().unwrap_or_default() + u32::from(*reaches));
            }
            let up_to = |place: usize| sums[place.saturating_sub(after.first).min(after.reaches.len())];
            let fits = |(at, run): (usize, &u32)| {
                let longest = (*run as usize).min(most.unwrap_or(usize::MAX));
                let place = first + at;
                longest >= *least && up_to(place + longest + 1) > up_to(place + least)
            };
            let reaches = runs.iter().enumerate().map(fits).collect();
            Step { first, reaches, runs }
        }
    }
}

#[cfg(test)]
mod tests;
