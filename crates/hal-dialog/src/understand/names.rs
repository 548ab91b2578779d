//! Spoken names to records: people, doctors, drugs, categories, payees, vaccines, tests.
//!
//! Holds what the records call things and what people call them; where the names are read from is `lexicon.rs`.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::normalise::Token;

/// What a slot of a template can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Drug,
    Person,
    Doctor,
    Category,
    Payee,
    Vaccine,
    Test,
    Allergen,
    Condition,
    Pharmacy,
    Facility,
    /// What is measured: blood pressure, weight…
    Measure,
    When,
    Time,
    Item,
    Text,
}

impl Kind {
    const NAMES: [(&'static str, Kind); 16] = [
        ("drug", Kind::Drug),
        ("person", Kind::Person),
        ("doctor", Kind::Doctor),
        ("category", Kind::Category),
        ("payee", Kind::Payee),
        ("vaccine", Kind::Vaccine),
        ("test", Kind::Test),
        ("allergen", Kind::Allergen),
        ("condition", Kind::Condition),
        ("pharmacy", Kind::Pharmacy),
        ("facility", Kind::Facility),
        ("measure", Kind::Measure),
        ("when", Kind::When),
        ("time", Kind::Time),
        ("item", Kind::Item),
        ("text", Kind::Text),
    ];

    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::NAMES.iter().find(|(n, _)| *n == name).map(|&(_, kind)| kind)
    }

    pub fn name(self) -> &'static str {
        Kind::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Free text may hold any words, a name only some.
    pub fn is_free(self) -> bool {
        matches!(self, Kind::Item | Kind::Text)
    }
}

/// Something that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    pub kind: Kind,
    /// Record id, or the value that queries compare with; empty when no record has it.
    pub id: String,
    /// As it is written in answers.
    pub shown: String,
}

/// A place in the utterance that names one entity, or several that share the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    pub kind: Kind,
    pub range: Range<usize>,
    /// Indices into [`Lexicon::entities`].
    pub entities: Vec<usize>,
}

/// Every name that a turn can contain.
#[derive(Debug, Clone, Default)]
pub struct Lexicon {
    pub entities: Vec<Entity>,
    /// First word → the names beginning with it: all their words, and the entity.
    by_first: HashMap<String, Vec<(Vec<String>, usize)>>,
    words: HashSet<String>,
}

impl Lexicon {
    /// Adds an entity with everything it is called.
    ///
    /// Names come in words as [`super::normalise::tokens`] cuts them.
    pub fn add(&mut self, entity: Entity, called: Vec<Vec<String>>) {
        let index = self.entities.len();
        self.entities.push(entity);
        for name in called {
            self.call(index, name);
        }
    }

    /// One more name for an entity.
    pub fn call(&mut self, entity: usize, words: Vec<String>) {
        let Some(first) = words.first() else { return };
        let names = self.by_first.entry(first.clone()).or_default();
        if names.iter().any(|(w, e)| *w == words && *e == entity) {
            return;
        }
        for word in &words {
            if !self.words.contains(word) {
                self.words.insert(word.clone());
            }
        }
        names.push((words, entity));
    }

    pub fn knows_word(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Whether `owner` alone names a person or a doctor, and `word`, the same with an s, is nothing that is known.
    pub fn owns(&self, owner: &str, word: &str) -> bool {
        !self.by_first.contains_key(word)
            && self.by_first.get(owner).is_some_and(|names| {
                let somebody = |e: usize| matches!(self.entities[e].kind, Kind::Person | Kind::Doctor);
                names.iter().any(|(words, e)| words.len() == 1 && somebody(*e))
            })
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// All names by kind, in a fixed order: for the recogniser's vocabulary.
    pub fn called(&self, kind: Kind) -> Vec<String> {
        let mut out: Vec<String> = self
            .by_first
            .values()
            .flatten()
            .filter(|(_, e)| self.entities[*e].kind == kind)
            .map(|(words, _)| words.join(" "))
            .collect();
        out.sort();
        out.dedup();
        out
    }

    /// The word of some name that sounds like `word`; heard words only.
    pub fn sounds_like(&self, word: &str) -> Option<&str> {
        let heard = sound(word);
        if heard.len() < 3 {
            return None;
        }
        // Sounds are made only when a word was not understood; most turns never come here.
        let mut best: Option<(usize, usize, &str)> = None;
        for name in self.words.iter().filter(|n| n.len() >= 4 && n.len().abs_diff(word.len()) <= 2) {
            let name_sound = sound(name);
            let by_sound = distance(&name_sound, &heard, 1);
            // One sound more, less or other is forgiven when both are long enough to be told apart.
            let long = name_sound.len() >= 4 && heard.len() >= 4;
            let by_letters = distance(name, word, 3);
            if (by_sound == 0 || by_sound == 1 && long && by_letters <= 3)
                && best.is_none_or(|b| (by_sound, by_letters, name.as_str()) < b)
            {
                best = Some((by_sound, by_letters, name));
            }
        }
        best.map(|(_, _, name)| name)
    }

    /// Every place that names something; per kind the longest name wins, kinds may overlap.
    pub fn mentions(&self, tokens: &[Token]) -> Vec<Mention> {
        let mut found: Vec<Mention> = Vec::new();
        for start in 0..tokens.len() {
            let Some(names) = self.by_first.get(&tokens[start].text) else { continue };
            for (words, entity) in names {
                let end = start + words.len();
                if end > tokens.len() || !words.iter().zip(&tokens[start..end]).all(|(w, t)| *w == t.text) {
                    continue;
                }
                let kind = self.entities[*entity].kind;
                match found.iter_mut().find(|m| m.kind == kind && m.range == (start..end)) {
                    Some(mention) if !mention.entities.contains(entity) => mention.entities.push(*entity),
                    Some(_) => {}
                    None => found.push(Mention { kind, range: start..end, entities: vec![*entity] }),
                }
            }
        }
        let longest = found.clone();
        found.retain(|m| {
            !longest.iter().any(|o| {
                o.kind == m.kind
                    && o.range.len() > m.range.len()
                    && o.range.start <= m.range.start
                    && o.range.end >= m.range.end
            })
        });
        found
    }
}

/// The letters of a word that are heard, roughly: vowels melt, voiced and unvoiced pairs become one.
pub fn sound(word: &str) -> String {
    let letters: Vec<char> = word.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect();
    let mut out = String::new();
    let mut i = 0;
    while i < letters.len() {
        let next = letters.get(i + 1).copied().unwrap_or(' ');
        let (code, used) = match (letters[i], next) {
            ('p', 'h') => ('f', 2),
            ('g', 'h') => (' ', 2),
            ('k', 'n') | ('g', 'n') if i == 0 => ('n', 2),
            ('w', 'r') if i == 0 => ('r', 2),
            ('s', 'h') | ('c', 'h') => ('x', 2),
            ('t', 'h') => ('t', 2),
            ('c', 'e' | 'i' | 'y') => ('s', 1),
            ('c' | 'q' | 'g' | 'k', _) => ('k', 1),
            ('s' | 'z', _) => ('s', 1),
            ('x', _) => ('k', 1),
            ('b' | 'p', _) => ('p', 1),
            ('d' | 't', _) => ('t', 1),
            ('v' | 'f', _) => ('f', 1),
            ('j', _) => ('x', 1),
            ('m', _) => ('m', 1),
            ('n', _) => ('n', 1),
            ('l', _) => ('l', 1),
            ('r', _) => ('r', 1),
            // A vowel at the beginning is heard as one; elsewhere vowels and h, w, y carry little.
            _ if i == 0 => ('a', 1),
            _ => (' ', 1),
        };
        if code != ' ' && !out.ends_with(code) {
            out.push(code);
        }
        i += used;
    }
    out
}

/// Edit distance with neighbouring letters swapped counting one; gives up above `max` with `max + 1`.
pub fn distance(a: &str, b: &str, max: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > max {
        return max + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let mut cost =
                (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + usize::from(a[i - 1] != b[j - 1]));
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        if row.iter().min().is_some_and(|&m| m > max) {
            return max + 1;
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()].min(max + 1)
}

#[cfg(test)]
mod tests {
    use super::super::normalise::tokens;
    use super::*;

    fn lexicon() -> Lexicon {
        let mut lexicon = Lexicon::default();
        for (kind, id, shown, called) in [
            (Kind::Person, "P2", "Anna Berg", &["anna", "anna berg"][..]),
            (Kind::Person, "P3", "Anna Lund", &["anna", "anna lund"][..]),
            (Kind::Drug, "Lisinopril", "lisinopril", &["lisinopril", "prinivil"][..]),
            (Kind::Doctor, "D1", "Dr. Siobhan Patel", &["patel", "doctor patel"][..]),
        ] {
            let called = called.iter().map(|s| s.split(' ').map(String::from).collect()).collect();
            lexicon.add(Entity { kind, id: id.into(), shown: shown.into() }, called);
        }
        lexicon
    }

    #[test]
    fn the_longest_name_wins_and_shared_names_stay_shared() {
        let lexicon = lexicon();
        let both = lexicon.mentions(&tokens("when is anna coming"));
        assert_eq!(both[0].entities.len(), 2);
        let one = lexicon.mentions(&tokens("when is anna lund coming"));
        assert_eq!((one.len(), one[0].entities.len()), (1, 1));
        let doctor = lexicon.mentions(&tokens("see doctor patel"));
        assert_eq!(doctor[0].range, 1..3);
    }

    #[test]
    fn words_heard_wrong_still_find_their_name() {
        let lexicon = lexicon();
        for (heard, name) in
            [("lysinopril", "lisinopril"), ("pattel", "patel"), ("lisinoprill", "lisinopril")]
        {
            assert_eq!(lexicon.sounds_like(heard), Some(name), "heard {heard}");
        }
        for heard in ["apixaban", "football", "milk"] {
            assert_eq!(lexicon.sounds_like(heard), None, "heard {heard}");
        }
    }

    #[test]
    fn letters_typed_wrong_are_near() {
        assert_eq!(distance("medicatoins", "medications", 2), 1);
        assert_eq!(distance("apointment", "appointment", 2), 1);
        assert_eq!(distance("milk", "medication", 2), 3);
    }
}
