//! General English, read from the language model that comes with the acoustic model. Knows nothing of our sentences.
//!
//! The library cannot give it out as text: version 0.8 ends the process while writing this very file as ARPA. So its
//! "Trie Language Model" form is read here. All little-endian, as in SphinxBase's `lm_trie.c` and `lm_trie_quant.c`:
//!
//! | bytes | what |
//! |---|---|
//! | 19 | `Trie Language Model` |
//! | 1 | order, 3 |
//! | 3 × 4 | counts of 1-, 2- and 3-grams |
//! | 4 | kind of quantisation, 1 = 16 bits |
//! | 3 × 65,536 × 4 | f32 tables: 2-gram probability, 2-gram back-off, 3-gram probability |
//! | (count + 1) × 12 | 1-grams: f32 probability, f32 back-off, u32 first 2-gram |
//! | … | 2-grams, packed bits from the lowest: word, back-off (16), probability (16), first 3-gram; 8 bytes of padding |
//! | … | 3-grams, packed bits: word, probability (16); 8 bytes of padding |
//! | 4, … | length, and all words, each ended by a zero |
//!
//! Logarithms are to the base 1.0001. N-grams hang below their *last* word: the children of `is` are `which`, `name`, …
//! with P(is | which).

use super::ngram::{END, Entry, START, Trigrams, Word, Words, key};

/// Reads the 1-grams of the file and, for a set of words, the rest.
pub(super) struct General<'a> {
    bytes: &'a [u8],
    counts: [usize; 3],
    tables: usize,
    unigrams: usize,
    bigrams: Packed,
    trigrams: Packed,
    texts: Vec<&'a str>,
}

/// Where packed records begin, and how wide they and their first part are.
struct Packed {
    start: usize,
    record_bits: usize,
    word_bits: usize,
}

const MAGIC: &[u8] = b"Trie Language Model\x03";
const TABLE_BYTES: usize = 65_536 * 4;

impl<'a> General<'a> {
    /// Reads the outline of the file; `Err` says what does not fit.
    pub(super) fn read(bytes: &'a [u8]) -> Result<General<'a>, &'static str> {
        if !bytes.starts_with(MAGIC) {
            return Err("not a trie language model of order 3");
        }
        let number = |at: usize| -> Result<usize, &'static str> {
            let four = bytes.get(at..at + 4).ok_or("cut off")?;
            Ok(u32::from_le_bytes([four[0], four[1], four[2], four[3]]) as usize)
        };
        let at = MAGIC.len();
        let counts = [number(at)?, number(at + 4)?, number(at + 8)?];
        if number(at + 12)? != 1 || counts.iter().any(|&count| count > 50_000_000) {
            return Err("an unknown kind of trie language model");
        }
        let tables = at + 16;
        let unigrams = tables + 3 * TABLE_BYTES;
        let (word_bits, next_bits) = (bits(counts[0]), bits(counts[2]));
        let packed = |start, record_bits| Packed { start, record_bits, word_bits };
        let bigrams = packed(unigrams + 12 * (counts[0] + 1), word_bits + 32 + next_bits);
        let trigrams = packed(bigrams.start + bigrams.bytes(counts[1]), word_bits + 16);
        let words = trigrams.start + trigrams.bytes(counts[2]);
        let length = number(words)?;
        let texts = bytes.get(words + 4..words + 4 + length).ok_or("cut off")?;
        let texts = texts.strip_suffix(b"\0").unwrap_or(texts).split(|&byte| byte == 0);
        let texts: Vec<&str> = texts.map(|text| std::str::from_utf8(text).unwrap_or_default()).collect();
        if texts.len() != counts[0] {
            return Err("its words are not as many as it says");
        }
        Ok(General { bytes, counts, tables, unigrams, bigrams, trigrams, texts })
    }

    /// Gives the words, likeliest first.
    pub(super) fn commonest(&self) -> Vec<&'a str> {
        let mut order: Vec<(f32, &str)> =
            (0..self.counts[0]).map(|i| (self.unigram(i).0, self.texts[i])).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        order.into_iter().map(|(_, text)| text).collect()
    }

    /// Gives the model over the given words only, without the n-grams that hardly change it.
    pub(super) fn restricted(&self, words: &Words) -> Trigrams {
        let ours: Vec<Option<Word>> = self.texts.iter().map(|text| words.number(text)).collect();
        let mut model =
            Trigrams { uni: vec![Entry { p: 0.0, backoff: 1.0 }; words.len()], ..Trigrams::default() };
        for (i, our) in ours.iter().enumerate() {
            if let Some(our) = *our {
                let (p, backoff, _) = self.unigram(i);
                let p = if our == START { 0.0 } else { linear(p) };
                model.uni[our as usize] = Entry { p, backoff: linear(backoff) };
            }
        }
        let mut kept_tri = Vec::new();
        for (i, our) in ours.iter().enumerate() {
            let Some(w) = *our else { continue };
            if w == START {
                continue;
            }
            let (_, _, first) = self.unigram(i);
            let (_, _, behind) = self.unigram(i + 1);
            for j in first as usize..(behind as usize).min(self.counts[1]) {
                let Some(v) = ours.get(self.bigrams.word(self.bytes, j)).copied().flatten() else { continue };
                if v == END {
                    continue;
                }
                let (p, backoff) = self.bigram(j);
                let history = if v == START { SENTENCE_STARTS } else { model.one(v).p };
                let guessed = model.one(v).backoff * model.one(w).p;
                let gain = history * p * (p / guessed).ln().abs();
                if gain > BIGRAM_GAIN_MIN {
                    model.bi.insert(key(&[v, w]), Entry { p, backoff });
                }
                // A 3-gram is worth at most as much as its 2-gram is likely.
                if history * p > TRIGRAM_GAIN_MIN {
                    let (first, behind) = (self.next(j), self.next(j + 1));
                    for k in first..behind.min(self.counts[2]) {
                        let Some(u) = ours.get(self.trigrams.word(self.bytes, k)).copied().flatten() else {
                            continue;
                        };
                        if u != END {
                            kept_tri.push((u, v, w, self.trigram(k)));
                        }
                    }
                }
            }
        }
        for (u, v, w, p) in kept_tri {
            let Some(&Entry { p: before, backoff }) = model.bi.get(&key(&[u, v])) else { continue };
            if !model.bi.contains_key(&key(&[v, w])) {
                continue;
            }
            let history = if u == START { SENTENCE_STARTS } else { model.one(u).p } * before;
            if history * p * (p / (backoff * model.after_one(v, w))).ln().abs() > TRIGRAM_GAIN_MIN {
                model.tri.insert(key(&[u, v, w]), p);
            }
        }
        model.balance();
        model
    }

    /// Log probability, log back-off, number of the first 2-gram. The last place only ends the one before.
    fn unigram(&self, i: usize) -> (f32, f32, u32) {
        let at = self.unigrams + 12 * i;
        let part =
            |offset: usize| [0, 1, 2, 3].map(|byte| self.bytes.get(at + offset + byte).copied().unwrap_or(0));
        (f32::from_le_bytes(part(0)), f32::from_le_bytes(part(4)), u32::from_le_bytes(part(8)))
    }

    fn bigram(&self, j: usize) -> (f64, f64) {
        let after_word = j * self.bigrams.record_bits + self.bigrams.word_bits;
        let backoff = read_bits(self.bytes, self.bigrams.start, after_word, 16);
        let p = read_bits(self.bytes, self.bigrams.start, after_word + 16, 16);
        (linear(self.table(0, p)), linear(self.table(1, backoff)))
    }

    fn next(&self, j: usize) -> usize {
        let at = j * self.bigrams.record_bits + self.bigrams.word_bits + 32;
        read_bits(self.bytes, self.bigrams.start, at, bits(self.counts[2]))
    }

    fn trigram(&self, k: usize) -> f64 {
        let after_word = k * self.trigrams.record_bits + self.trigrams.word_bits;
        linear(self.table(2, read_bits(self.bytes, self.trigrams.start, after_word, 16)))
    }

    fn table(&self, number: usize, index: usize) -> f32 {
        let at = self.tables + number * TABLE_BYTES + 4 * index;
        self.bytes
            .get(at..at + 4)
            .map_or(0.0, |four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
    }
}

impl Packed {
    fn bytes(&self, count: usize) -> usize {
        ((1 + count) * self.record_bits).div_ceil(8) + 8
    }

    fn word(&self, bytes: &[u8], index: usize) -> usize {
        read_bits(bytes, self.start, index * self.record_bits, self.word_bits)
    }
}

/// Of 100 words of general English, about so many begin a sentence.
const SENTENCE_STARTS: f64 = 0.05;
/// N-grams that change the model less than this (relative entropy, Stolcke 1998) are left out.
const BIGRAM_GAIN_MIN: f64 = 2e-6;
const TRIGRAM_GAIN_MIN: f64 = 2e-6;

fn bits(count: usize) -> usize {
    (usize::BITS - count.leading_zeros()) as usize
}

/// Up to 32 bits at a bit offset behind `start`; 0 behind the end.
fn read_bits(bytes: &[u8], start: usize, offset: usize, count: usize) -> usize {
    let at = start + offset / 8;
    let Some(eight) = bytes.get(at..at + 8) else { return 0 };
    let value = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
    (value >> (offset % 8)) as usize & ((1 << count) - 1)
}

fn linear(log: f32) -> f64 {
    (f64::from(log) * 1.0001f64.ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shipped file, or a visible word that it is not there.
    fn shipped() -> Option<Vec<u8>> {
        let file = super::super::usual_model_folders().into_iter().map(|folder| folder.join("en-us.lm.bin"));
        let bytes = file.filter(|file| file.is_file()).find_map(|file| std::fs::read(file).ok());
        if bytes.is_none() {
            use std::io::Write;
            writeln!(std::io::stderr(), "skipped: pocketsphinx-en-us is not installed").ok();
        }
        bytes
    }

    #[test]
    fn the_shipped_file_knows_what_english_says() {
        let Some(bytes) = shipped() else { return };
        let english = General::read(&bytes).unwrap();
        let common = english.commonest();
        assert!(
            ["the", "to", "and", "of", "i", "you"].iter().all(|word| common[..20].contains(word)),
            "{:?}",
            &common[..20]
        );
        let mut words = Words::default();
        let [what, is, the, time, purple] =
            ["what", "is", "the", "time", "purple"].map(|word| words.add(word));
        common[..300].iter().filter(|word| !word.starts_with('<')).for_each(|word| {
            words.add(word);
        });
        let model = english.restricted(&words);
        assert!(model.after_one(what, is) > 10.0 * model.after_one(the, is));
        assert!(model.after_two(what, is, the) > 10.0 * model.after_two(what, is, purple));
        assert!(model.after_one(the, time) > 0.001);
        let sum: f64 = (1..words.len() as Word).map(|w| model.after_two(is, the, w)).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
    }

    #[test]
    fn a_damaged_file_is_refused_or_read_without_harm() {
        let refused = |bytes: &[u8]| General::read(bytes).err().unwrap_or("accepted");
        assert_eq!(refused(b""), "not a trie language model of order 3");
        assert_eq!(refused(MAGIC), "cut off");
        let Some(bytes) = shipped() else { return };
        for part in [20, 100, 1_000_000, bytes.len() / 2, bytes.len() - 10] {
            assert_ne!(refused(&bytes[..part]), "accepted", "{part} bytes");
        }
        let mut huge = bytes[..40].to_vec();
        huge[20..32].fill(0xFF);
        assert_eq!(refused(&huge), "an unknown kind of trie language model");
    }
}
