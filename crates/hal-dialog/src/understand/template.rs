//! Sentence templates: `(a|b)` alternatives, `[x]` optional, `<rule>` a named part, `{slot}` something to be filled.
//!
//! Parsed once, matched against tokens. A template knows no skill and no record: what a slot may hold is asked of the [`Utterance`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::names::{Kind, Mention};
use super::normalise::Token;
use super::{daytime, when};

/// One parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Word(String),
    Seq(Vec<Node>),
    Alt(Vec<Node>),
    Opt(Box<Node>),
    Slot(Kind),
}

/// Named parts that templates share, `name` → parsed.
pub type Rules = BTreeMap<String, Node>;

/// Nesting deeper than this is a mistake in a skill file.
const DEPTH_MAX: usize = 20;

/// Parses a template; the error says what is wrong in words for the author of a skill.
pub fn parse(text: &str, rules: &Rules) -> Result<Node, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0, rules };
    let node = parser.alternatives(0)?;
    match parser.peek() {
        None => Ok(node),
        Some(c) => Err(format!("`{c}` at character {} closes nothing", parser.at + 1)),
    }
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    rules: &'a Rules,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn alternatives(&mut self, depth: usize) -> Result<Node, String> {
        if depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        let mut branches = vec![self.sequence(depth)?];
        while self.peek() == Some('|') {
            self.at += 1;
            branches.push(self.sequence(depth)?);
        }
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Alt(branches) })
    }

    fn sequence(&mut self, depth: usize) -> Result<Node, String> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                '|' | ')' | ']' => break,
                ' ' | '\n' | '\t' => self.at += 1,
                '(' => {
                    self.at += 1;
                    let inner = self.alternatives(depth + 1)?;
                    self.close(')')?;
                    nodes.push(inner);
                }
                '[' => {
                    self.at += 1;
                    let inner = self.alternatives(depth + 1)?;
                    self.close(']')?;
                    nodes.push(Node::Opt(Box::new(inner)));
                }
                '<' => {
                    let name = self.until('>')?;
                    let rule = self.rules.get(&name).ok_or_else(|| format!("no rule is called <{name}>"))?;
                    nodes.push(rule.clone());
                }
                '{' => {
                    let name = self.until('}')?;
                    let kind = Kind::from_name(&name)
                        .ok_or_else(|| format!("no kind of slot is called {{{name}}}"))?;
                    nodes.push(Node::Slot(kind));
                }
                '>' | '}' => return Err(format!("`{c}` at character {} closes nothing", self.at + 1)),
                _ => self.words(&mut nodes),
            }
        }
        if nodes.is_empty() && depth == 0 {
            return Err("an empty template matches nothing".into());
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Seq(nodes) })
    }

    fn words(&mut self, nodes: &mut Vec<Node>) {
        let mut word = String::new();
        while let Some(c) = self.peek() {
            if " |()[]<>{}\n\t".contains(c) {
                break;
            }
            word.push(c);
            self.at += 1;
        }
        // Authors write as people do; the tokens decide what a word is.
        if word.starts_with("'s") {
            nodes.push(Node::Word("'s".into()));
        } else {
            nodes.extend(super::normalise::tokens(&word).into_iter().map(|t| Node::Word(t.text)));
        }
    }

    fn until(&mut self, end: char) -> Result<String, String> {
        let start = self.at + 1;
        let length = self.chars[start..].iter().position(|&c| c == end);
        let length = length
            .ok_or_else(|| format!("`{}` at character {} is not closed", self.chars[self.at], self.at + 1))?;
        self.at = start + length + 1;
        Ok(self.chars[start..start + length].iter().collect())
    }

    fn close(&mut self, end: char) -> Result<(), String> {
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        Err(format!("`{end}` is missing at character {}", self.at + 1))
    }
}

/// What one turn's words are known to contain, found once for all templates.
#[derive(Debug, Clone, Copy)]
pub struct Utterance<'a> {
    pub tokens: &'a [Token],
    pub mentions: &'a [Mention],
    pub whens: &'a [when::Span],
    pub times: &'a [daytime::Span],
}

/// A filled slot: where, and whether the records know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    pub kind: Kind,
    pub range: Range<usize>,
    pub known: bool,
}

/// A template that fits the whole utterance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub captures: Vec<Capture>,
    /// Words of the template itself count most, known names next, unknown text least.
    pub score: i32,
}

/// Steps of one match after which it is given up: a template that needs more was written by mistake.
const STEPS_MAX: usize = 20_000;

/// Fits `node` to the whole utterance; of several ways the most specific.
pub fn fit(node: &Node, utterance: Utterance<'_>) -> Option<Match> {
    let mut matcher = Matcher { utterance, best: None, steps: 0 };
    let mut captures = Vec::new();
    let end = utterance.tokens.len();
    let mut best = None;
    matcher.run(node, 0, 0, &mut captures, &mut |at, score, captures: &mut Vec<Capture>| {
        if at == end && best.as_ref().is_none_or(|m: &Match| m.score < score) {
            best = Some(Match { captures: captures.clone(), score });
        }
    });
    matcher.best = best;
    matcher.best
}

struct Matcher<'a> {
    utterance: Utterance<'a>,
    best: Option<Match>,
    steps: usize,
}

type Next<'n> = &'n mut dyn FnMut(usize, i32, &mut Vec<Capture>);

impl Matcher<'_> {
    fn run(&mut self, node: &Node, at: usize, score: i32, captures: &mut Vec<Capture>, next: Next<'_>) {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return;
        }
        let tokens = self.utterance.tokens;
        match node {
            Node::Word(word) => {
                if tokens.get(at).is_some_and(|t| t.text == *word) {
                    let gain = if super::matcher::is_function_word(word) { 3 } else { 10 };
                    next(at + 1, score + gain, captures);
                }
            }
            Node::Opt(inner) => {
                self.run(inner, at, score, captures, next);
                next(at, score, captures);
            }
            Node::Alt(branches) => {
                for branch in branches {
                    self.run(branch, at, score, captures, next);
                }
            }
            Node::Seq(nodes) => self.sequence(nodes, at, score, captures, next),
            Node::Slot(kind) => self.slot(*kind, at, score, captures, next),
        }
    }

    fn sequence(
        &mut self,
        nodes: &[Node],
        at: usize,
        score: i32,
        captures: &mut Vec<Capture>,
        next: Next<'_>,
    ) {
        let Some((first, rest)) = nodes.split_first() else {
            return next(at, score, captures);
        };
        if rest.is_empty() {
            return self.run(first, at, score, captures, next);
        }
        // The places where the first part can end are few; collecting them keeps the borrow simple.
        let mut ends: Vec<(usize, i32, Vec<Capture>)> = Vec::new();
        self.run(first, at, score, captures, &mut |at, score, captures: &mut Vec<Capture>| {
            ends.push((at, score, captures.clone()));
        });
        for (at, score, mut captures) in ends {
            self.sequence(rest, at, score, &mut captures, next);
        }
    }

    fn slot(&mut self, kind: Kind, at: usize, score: i32, captures: &mut Vec<Capture>, next: Next<'_>) {
        let mut take = |range: Range<usize>, known: bool, gain: i32, captures: &mut Vec<Capture>| {
            let end = range.end;
            captures.push(Capture { kind, range, known });
            next(end, score + gain, captures);
            captures.pop();
        };
        if kind == Kind::When {
            for span in self.utterance.whens.iter().filter(|s| s.range.start == at) {
                take(span.range.clone(), true, 8, captures);
            }
            return;
        }
        if kind == Kind::Time {
            for span in self.utterance.times.iter().filter(|s| s.range.start == at) {
                take(span.range.clone(), true, 8, captures);
            }
            return;
        }
        let mentions = self.utterance.mentions;
        for mention in mentions.iter().filter(|m| m.kind == kind && m.range.start == at) {
            take(mention.range.clone(), true, 8 * mention.range.len() as i32, captures);
        }
        let length_max = if kind.is_free() { self.utterance.tokens.len() } else { 3 };
        for end in at + 1..=self.utterance.tokens.len().min(at + length_max) {
            let words = &self.utterance.tokens[at..end];
            // "do i need {item}" is not "do i need to fast": an item is a thing.
            if kind == Kind::Item && (words[0].text == "to" || is_no_thing(&words[words.len() - 1].text)) {
                break;
            }
            // "Put it on the list" says nothing of what.
            if kind == Kind::Item && words.iter().all(|w| is_pronoun(&w.text)) {
                continue;
            }
            if kind == Kind::Measure || (!kind.is_free() && !could_be_name(words)) {
                break;
            }
            if mentions.iter().any(|m| m.kind == kind && m.range == (at..end)) {
                continue;
            }
            // Long unknown texts are less likely meant than short ones.
            let gain = if kind.is_free() { 1 } else { 2 } - (end - at) as i32;
            take(at..end, false, gain, captures);
        }
    }
}

/// Words that no thing to buy is called by: what holds one is a question or an order.
fn is_no_thing(word: &str) -> bool {
    matches!(
        word,
        "what"
            | "is"
            | "are"
            | "who"
            | "when"
            | "where"
            | "how"
            | "read"
            | "show"
            | "tell"
            | "hear"
            | "me"
            | "i"
            | "you"
            | "we"
            | "list"
            | "did"
            | "do"
            | "does"
            | "has"
            | "have"
            | "can"
            | "not"
    )
}

fn is_pronoun(word: &str) -> bool {
    matches!(word, "it" | "that" | "them" | "those" | "these" | "this" | "some")
}

/// A name that no record has is still only nouns: it holds none of the small words of the language.
fn could_be_name(words: &[Token]) -> bool {
    words.iter().all(|w| !super::matcher::is_function_word(&w.text) && w.text != "'s")
}

/// Word groups of which each must be present for the template to fit: the index and a cheap refusal.
pub fn required(node: &Node) -> Vec<BTreeSet<String>> {
    match node {
        Node::Word(word) => vec![BTreeSet::from([word.clone()])],
        Node::Seq(nodes) => nodes.iter().flat_map(required).collect(),
        Node::Alt(branches) => {
            // One word of each branch's rarest group: any of them must be there.
            let mut union = BTreeSet::new();
            for branch in branches {
                match required(branch).into_iter().max_by_key(|group| group.iter().map(String::len).min()) {
                    Some(group) => union.extend(group),
                    None => return Vec::new(),
                }
            }
            vec![union]
        }
        Node::Opt(_) | Node::Slot(_) => Vec::new(),
    }
}

/// All plain phrases of a template without slots; `None` when it has slots or more than `max` phrases.
pub fn phrases(node: &Node, max: usize) -> Option<Vec<Vec<String>>> {
    let out = match node {
        Node::Word(word) => vec![vec![word.clone()]],
        Node::Opt(inner) => {
            let mut out = vec![Vec::new()];
            out.extend(phrases(inner, max)?);
            out
        }
        Node::Alt(branches) => {
            let mut out = Vec::new();
            for branch in branches {
                out.extend(phrases(branch, max)?);
            }
            out
        }
        Node::Seq(nodes) => {
            let mut out: Vec<Vec<String>> = vec![Vec::new()];
            for node in nodes {
                let tails = phrases(node, max)?;
                out = out
                    .iter()
                    .flat_map(|head| tails.iter().map(move |tail| [head.as_slice(), tail].concat()))
                    .collect();
                if out.len() > max {
                    return None;
                }
            }
            out
        }
        Node::Slot(_) => return None,
    };
    (out.len() <= max).then_some(out)
}

/// Up to `count` sentences of the template, spread over its alternatives; slots are filled by `fill(kind, n)`.
///
/// Deterministic: the n-th sentence takes the n-th way through every choice.
pub fn samples(
    node: &Node,
    count: usize,
    fill: &mut dyn FnMut(Kind, usize) -> Option<String>,
) -> Vec<String> {
    let mut out = BTreeSet::new();
    for n in 0..count {
        let mut words = Vec::new();
        let mut choice = n;
        if sample(node, &mut choice, n, fill, &mut words) {
            out.insert(words.join(" ").replace(" 's", "'s"));
        }
    }
    out.into_iter().collect()
}

fn sample(
    node: &Node,
    choice: &mut usize,
    n: usize,
    fill: &mut dyn FnMut(Kind, usize) -> Option<String>,
    words: &mut Vec<String>,
) -> bool {
    match node {
        Node::Word(word) => words.push(word.clone()),
        Node::Seq(nodes) => return nodes.iter().all(|node| sample(node, choice, n, fill, words)),
        Node::Alt(branches) => {
            let pick = *choice % branches.len();
            // Multiplying keeps neighbouring choices from moving in step.
            *choice = *choice / branches.len() + n.wrapping_mul(7) % 5;
            return sample(&branches[pick], choice, n, fill, words);
        }
        Node::Opt(inner) => {
            let with = (*choice).is_multiple_of(2);
            *choice /= 2;
            return !with || sample(inner, choice, n, fill, words);
        }
        Node::Slot(kind) => match fill(*kind, n) {
            Some(text) => words.push(text),
            None => return false,
        },
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::normalise::tokens;
    use super::*;

    fn rules() -> Rules {
        let mut rules = Rules::new();
        let node = parse("medication|medications|pills", &rules).unwrap();
        rules.insert("med".into(), node);
        rules
    }

    fn fits(template: &str, text: &str) -> bool {
        let tokens = tokens(text);
        let node = parse(template, &rules()).unwrap();
        fit(&node, Utterance { tokens: &tokens, mentions: &[], whens: &[], times: &[] }).is_some()
    }

    #[test]
    fn alternatives_options_and_rules() {
        let template = "(what|which) <med> am i [currently] taking";
        assert!(fits(template, "What pills am I taking?"));
        assert!(fits(template, "which medications am i currently taking"));
        assert!(!fits(template, "what pills am i now taking"));
        assert!(!fits(template, "what pills am i taking today"));
    }

    #[test]
    fn free_text_takes_what_is_between() {
        let tokens = tokens("add bread and eggs to my shopping list");
        let node = parse("add {item} to my shopping list", &rules()).unwrap();
        let m = fit(&node, Utterance { tokens: &tokens, mentions: &[], whens: &[], times: &[] }).unwrap();
        assert_eq!(m.captures[0].range, 1..4);
    }

    #[test]
    fn faults_are_named() {
        for (template, message) in [
            ("a (b", "`)` is missing at character 5"),
            ("a [b", "`]` is missing at character 5"),
            ("<nix> a", "no rule is called <nix>"),
            ("{nix} a", "no kind of slot is called {nix}"),
            ("a ) b", "`)` at character 3 closes nothing"),
            ("", "an empty template matches nothing"),
        ] {
            assert_eq!(parse(template, &rules()).unwrap_err(), message);
        }
    }

    #[test]
    fn a_template_with_many_choices_does_not_run_away() {
        let template = "[a] ".repeat(40) + "b";
        assert!(!fits(&template, &"a ".repeat(40)));
    }

    #[test]
    fn samples_are_sentences_of_the_template() {
        let node = parse("(what|which) <med> am i [now] taking", &rules()).unwrap();
        let sentences = samples(&node, 20, &mut |_, _| None);
        assert!(sentences.len() > 5, "{sentences:?}");
        for sentence in sentences {
            assert!(fits("(what|which) <med> am i [now] taking", &sentence), "{sentence}");
        }
    }
}
