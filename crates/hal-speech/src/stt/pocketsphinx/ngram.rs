//! Trigram models: counted from sentences, mixed, and written as ARPA text. Knows nothing of sound, files or the library.
//!
//! Probabilities are linear in memory and logarithms only in the text. A model is closed: with (u, v, w) it has (u, v) and
//! (v, w), as the library's reader wants it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, Hasher};

/// A word by its place in [`Words`].
pub(super) type Word = u32;

/// The sentence's beginning and end, always the first two words.
pub(super) const START: Word = 0;
pub(super) const END: Word = 1;

/// All words of a model, and their numbers.
#[derive(Debug)]
pub(super) struct Words {
    texts: Vec<String>,
    numbers: HashMap<String, Word>,
}

impl Default for Words {
    fn default() -> Self {
        let mut words = Words { texts: Vec::new(), numbers: HashMap::new() };
        words.add("<s>");
        words.add("</s>");
        words
    }
}

impl Words {
    pub(super) fn add(&mut self, text: &str) -> Word {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as Word;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    pub(super) fn number(&self, text: &str) -> Option<Word> {
        self.numbers.get(text).copied()
    }

    pub(super) fn text(&self, word: Word) -> &str {
        &self.texts[word as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// All but the two marks of a sentence.
    pub(super) fn spoken(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().skip(2).map(String::as_str)
    }
}

/// A probability and, for a history, what is left for words not listed behind it (the back-off weight).
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) p: f64,
    pub(super) backoff: f64,
}

pub(super) type Table<V> = HashMap<u64, V, BuildHasherDefault<Multiply>>;

/// Packs up to three words: 21 bits each, two million words.
pub(super) fn key(words: &[Word]) -> u64 {
    words.iter().fold(0, |key, &word| key << 21 | u64::from(word))
}

fn unpack(key: u64) -> (Word, Word, Word) {
    let part = |shift: u32| (key >> shift) as Word & 0x1F_FFFF;
    (part(42), part(21), part(0))
}

/// A trigram model over the words of one [`Words`].
#[derive(Debug, Default)]
pub(super) struct Trigrams {
    /// By word; 0.0 where the model does not have it.
    pub(super) uni: Vec<Entry>,
    pub(super) bi: Table<Entry>,
    pub(super) tri: Table<f64>,
}

impl Trigrams {
    /// Gives the probability of `w` after `v`.
    pub(super) fn after_one(&self, v: Word, w: Word) -> f64 {
        match self.bi.get(&key(&[v, w])) {
            Some(entry) => entry.p,
            None => self.one(v).backoff * self.one(w).p,
        }
    }

    /// Gives the probability of `w` after `u v`.
    pub(super) fn after_two(&self, u: Word, v: Word, w: Word) -> f64 {
        match self.tri.get(&key(&[u, v, w])) {
            Some(&p) => p,
            None => self.bi.get(&key(&[u, v])).map_or(1.0, |entry| entry.backoff) * self.after_one(v, w),
        }
    }

    pub(super) fn one(&self, word: Word) -> Entry {
        // A history that the model does not know backs off entirely.
        self.uni.get(word as usize).copied().unwrap_or(Entry { p: 0.0, backoff: 1.0 })
    }

    /// Counts sentences. `words` are heard too, wherever the model expects nothing else.
    ///
    /// Sentences come from templates: one with a slot for 500 names gives 500 of them. Counts are damped by a root, so
    /// that "yes" is not drowned in them. Absolute discounting, interpolated: simple, and right for counts this small.
    pub(super) fn counted(sentences: &[Vec<Word>], words: &[Word], word_count: usize) -> Trigrams {
        let mut uni = vec![0.0; word_count];
        let mut bi = Table::<f64>::default();
        let mut tri = Table::<f64>::default();
        for sentence in sentences {
            let whole: Vec<Word> = [START].into_iter().chain(sentence.iter().copied()).chain([END]).collect();
            whole[1..].iter().for_each(|&word| uni[word as usize] += 1.0);
            whole.windows(2).for_each(|pair| *bi.entry(key(pair)).or_default() += 1.0);
            whole.windows(3).for_each(|three| *tri.entry(key(three)).or_default() += 1.0);
        }
        words.iter().for_each(|&word| uni[word as usize] += 1.0);
        let damp = |count: &mut f64| *count = count.powf(DAMPING);
        uni.iter_mut().for_each(damp);
        bi.values_mut().for_each(damp);
        tri.values_mut().for_each(damp);

        let total: f64 = uni.iter().sum::<f64>().max(1.0);
        let mut model = Trigrams {
            uni: uni.iter().map(|count| Entry { p: count / total, backoff: 1.0 }).collect(),
            ..Trigrams::default()
        };
        let mut histories = Table::<(f64, f64)>::default();
        for (&pair, &count) in &bi {
            let sums = histories.entry(pair >> 21).or_default();
            *sums = (sums.0 + count, sums.1 + 1.0);
        }
        for (&pair, &count) in &bi {
            let (_, v, w) = unpack(pair);
            let (sum, kinds) = histories[&key(&[v])];
            let p = (count - DISCOUNT) / sum + DISCOUNT * kinds / sum * model.uni[w as usize].p;
            model.bi.insert(pair, Entry { p, backoff: 1.0 });
        }
        histories.clear();
        for (&three, &count) in &tri {
            let sums = histories.entry(three >> 21).or_default();
            *sums = (sums.0 + count, sums.1 + 1.0);
        }
        for (&three, &count) in &tri {
            let (_, v, w) = unpack(three);
            let (sum, kinds) = histories[&(three >> 21)];
            let p = (count - DISCOUNT) / sum + DISCOUNT * kinds / sum * model.bi[&key(&[v, w])].p;
            model.tri.insert(three, p);
        }
        model.balance();
        model
    }

    /// Mixes two models into one that lists what either lists. `weight` is the share of `self`.
    pub(super) fn mixed(&self, other: &Trigrams, weight: f64) -> Trigrams {
        let mix = |a: f64, b: f64| weight * a + (1.0 - weight) * b;
        let entry = |p| Entry { p, backoff: 1.0 };
        let count = self.uni.len().max(other.uni.len());
        let uni = (0..count as Word).map(|w| entry(mix(self.one(w).p, other.one(w).p))).collect();
        let mut bi = Table::default();
        for &pair in self.bi.keys().chain(other.bi.keys()) {
            let (_, v, w) = unpack(pair);
            bi.entry(pair).or_insert_with(|| entry(mix(self.after_one(v, w), other.after_one(v, w))));
        }
        let mut tri = Table::default();
        for &three in self.tri.keys().chain(other.tri.keys()) {
            let (u, v, w) = unpack(three);
            tri.entry(three).or_insert_with(|| mix(self.after_two(u, v, w), other.after_two(u, v, w)));
        }
        let mut mixed = Trigrams { uni, bi, tri };
        mixed.balance();
        mixed
    }

    /// Computes the back-off weights anew, so that the probabilities after every history sum to one.
    pub(super) fn balance(&mut self) {
        // A model of nothing stays one.
        let total = self.uni.iter().map(|entry| entry.p).sum::<f64>().max(f64::MIN_POSITIVE);
        for entry in &mut self.uni {
            *entry = Entry { p: entry.p / total, backoff: 1.0 };
        }
        let mut listed = Table::<(f64, f64)>::default();
        for (&pair, entry) in &self.bi {
            let sums = listed.entry(pair >> 21).or_default();
            *sums = (sums.0 + entry.p, sums.1 + self.uni[unpack(pair).2 as usize].p);
        }
        for (&history, &sums) in &listed {
            self.uni[history as usize].backoff = left_over(sums);
        }
        listed.clear();
        for (&three, &p) in &self.tri {
            let (_, v, w) = unpack(three);
            let lower = self.after_one(v, w);
            let sums = listed.entry(three >> 21).or_default();
            *sums = (sums.0 + p, sums.1 + lower);
        }
        for (&history, &sums) in &listed {
            if let Some(entry) = self.bi.get_mut(&history) {
                entry.backoff = left_over(sums);
            }
        }
    }

    /// Gives the model as ARPA text, in a stable order.
    pub(super) fn to_arpa(&self, words: &Words) -> String {
        let mut singles: Vec<Word> =
            (0..words.len() as Word).filter(|&w| w == START || self.one(w).p > 0.0).collect();
        singles.sort_unstable_by_key(|&word| words.text(word));
        let mut pairs: Vec<u64> = self.bi.keys().copied().collect();
        pairs.sort_unstable();
        let mut threes: Vec<u64> = self.tri.keys().copied().collect();
        threes.sort_unstable();

        let mut arpa = String::with_capacity(40 * (singles.len() + pairs.len() + threes.len()));
        let counts = [singles.len(), pairs.len(), threes.len()];
        arpa.push_str("\\data\\\n");
        for (index, count) in counts.iter().enumerate() {
            writeln!(arpa, "ngram {}={count}", index + 1).expect("a string takes all");
        }
        arpa.push_str("\n\\1-grams:\n");
        for word in singles {
            let Entry { p, backoff } = self.one(word);
            // Nobody says the beginning of a sentence.
            let p = if word == START { -99.0 } else { p.log10() };
            writeln!(arpa, "{p:.4} {} {:.4}", words.text(word), log(backoff)).expect("a string takes all");
        }
        arpa.push_str("\n\\2-grams:\n");
        for pair in pairs {
            let (_, v, w) = unpack(pair);
            let Entry { p, backoff } = self.bi[&pair];
            writeln!(arpa, "{:.4} {} {} {:.4}", log(p), words.text(v), words.text(w), log(backoff))
                .expect("a string takes all");
        }
        arpa.push_str("\n\\3-grams:\n");
        for three in threes {
            let (u, v, w) = unpack(three);
            let p = log(self.tri[&three]);
            writeln!(arpa, "{p:.4} {} {} {}", words.text(u), words.text(v), words.text(w))
                .expect("a string takes all");
        }
        arpa.push_str("\n\\end\\\n");
        arpa
    }
}

/// Counts grow with this power.
const DAMPING: f64 = 0.5;
/// Taken from every count and given to what was not counted.
const DISCOUNT: f64 = 0.2;

/// From the sums over the listed words, of their probabilities and of their lower-order ones: the weight of the rest.
fn left_over((listed, lower): (f64, f64)) -> f64 {
    // Everything is listed, or as good as: rounding must not make it zero or negative.
    ((1.0 - listed).max(1e-6) / (1.0 - lower).max(1e-6)).min(1e3)
}

fn log(p: f64) -> f64 {
    p.max(1e-9).log10()
}

/// A hash for numbers that are no attacker's: one multiplication (Fibonacci hashing, Knuth 6.4).
#[derive(Debug, Default)]
pub(super) struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 32;
    }
}

#[cfg(test)]
mod tests;
