//! What the recogniser should expect: the skills' sentences filled with the household's own names.

use std::collections::BTreeSet;

use crate::brain::{Brain, Spoken};
use crate::understand::names::{Kind, Lexicon};
use crate::understand::template::samples;

/// Sentences of one template; the whole stays at a few thousand.
const PER_TEMPLATE: usize = 24;
const SENTENCES_MAX: usize = 6_000;

const WHENS: [&str; 20] = [
    "today",
    "tomorrow",
    "yesterday",
    "this week",
    "last week",
    "next week",
    "this month",
    "last month",
    "on friday",
    "this morning",
    "since january",
    "last year",
    "this year",
    "on monday",
    "next month",
    "over the last seven days",
    "in march",
    "last night",
    "on tuesday",
    "this weekend",
];
const TIMES: [&str; 8] = [
    "five o'clock",
    "eight thirty",
    "noon",
    "nine in the morning",
    "seven pm",
    "half past six",
    "ten o'clock",
    "twenty minutes",
];
const ITEMS: [&str; 24] = [
    "milk",
    "bread and eggs",
    "bananas",
    "butter",
    "coffee",
    "apples",
    "cheese",
    "chicken",
    "rice",
    "toilet paper",
    "dish soap",
    "potatoes",
    "onions",
    "orange juice",
    "cereal",
    "sugar",
    "flour",
    "tomatoes",
    "yogurt",
    "paper towels",
    "dog food",
    "lettuce",
    "salt",
    "tea",
];
const TEXTS: [&str; 10] = [
    "call mom",
    "take my pills",
    "water the plants",
    "pay the electric bill",
    "pick up the prescription",
    "call the doctor",
    "clean the garage",
    "take out the trash",
    "feed the dog",
    "call the bank",
];
const CONTROLS: [&str; 22] = [
    "stop",
    "hal stop",
    "hold on",
    "wait",
    "repeat",
    "say that again",
    "goodbye",
    "that is all for now",
    "yes",
    "no",
    "yes please",
    "no thank you",
    "cancel that",
    "undo that",
    "never mind",
    "hey hal",
    "please be quiet",
    "what about yesterday",
    "and tomorrow",
    "thank you",
    "help",
    "and last month",
];

/// Sentences and words for the language model, always the same for the same names.
pub(crate) fn spoken(brain: &Brain, lexicon: &Lexicon) -> Spoken {
    let kinds = [
        Kind::Drug,
        Kind::Person,
        Kind::Doctor,
        Kind::Category,
        Kind::Payee,
        Kind::Vaccine,
        Kind::Test,
        Kind::Allergen,
        Kind::Condition,
        Kind::Pharmacy,
        Kind::Facility,
        Kind::Measure,
    ];
    let names: Vec<(Kind, Vec<String>)> =
        kinds.iter().map(|k| (*k, speakable_names(lexicon.called(*k)))).collect();
    let mut turn_of = 0usize;
    let mut fill = |kind: Kind, n: usize| -> Option<String> {
        turn_of += 1;
        let pick = |list: &[&str]| list.get((n * 7 + turn_of) % list.len()).map(|s| s.to_string());
        match kind {
            Kind::When => pick(&WHENS),
            Kind::Time => pick(&TIMES),
            Kind::Item => pick(&ITEMS),
            Kind::Text => pick(&TEXTS),
            _ => {
                let list = &names.iter().find(|(k, _)| *k == kind)?.1;
                (!list.is_empty()).then(|| list[turn_of % list.len()].clone())
            }
        }
    };
    let mut sentences: BTreeSet<String> = CONTROLS.iter().map(|s| s.to_string()).collect();
    for pattern in brain.matcher.patterns() {
        for template in &pattern.templates {
            sentences.extend(samples(template, PER_TEMPLATE, &mut fill));
        }
    }
    for ask in &brain.asks {
        sentences.extend(
            ask.examples.iter().map(|e| {
                crate::understand::normalise::joined(&crate::understand::normalise::tokens(&e.text))
            }),
        );
    }
    let sentences: Vec<String> = sentences.into_iter().filter_map(|s| spelled(&s)).collect();
    // Every n-th of too many, so that no skill is cut off whole.
    let step = sentences.len().div_ceil(SENTENCES_MAX).max(1);
    let sentences: Vec<String> = sentences.into_iter().step_by(step).collect();
    let mut words: BTreeSet<String> = sentences.iter().flat_map(|s| s.split(' ')).map(String::from).collect();
    for (_, list) in &names {
        words.extend(list.iter().flat_map(|name| name.split(' ')).map(String::from));
    }
    let skill_words: Vec<String> = brain.matcher.words().filter_map(spelled).collect();
    words.extend(skill_words.iter().flat_map(|w| w.split(' ')).map(String::from));
    Spoken { sentences, words: words.into_iter().filter(|w| !w.is_empty()).collect() }
}

fn speakable_names(names: Vec<String>) -> Vec<String> {
    names.iter().filter_map(|name| spelled(name)).collect()
}

/// The text with numbers as words; `None` when it holds what nobody can say.
fn spelled(text: &str) -> Option<String> {
    let mut out: Vec<String> = Vec::new();
    for word in text.replace(" 's", "'s").split(' ') {
        if let Ok(n) = word.parse::<u32>() {
            out.push(number_words(n)?);
        } else if word == "a1c" {
            out.push("a one c".into());
        } else if word.chars().all(|c| c.is_ascii_lowercase() || c == '\'') {
            out.push(word.to_string());
        } else {
            return None;
        }
    }
    Some(out.join(" "))
}

fn number_words(n: u32) -> Option<String> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    match n {
        0..=19 => Some(SMALL[n as usize].into()),
        20..=99 => {
            let tens = TENS[(n / 10 - 2) as usize];
            Some(if n.is_multiple_of(10) {
                tens.into()
            } else {
                format!("{tens} {}", SMALL[(n % 10) as usize])
            })
        }
        _ => None,
    }
}
