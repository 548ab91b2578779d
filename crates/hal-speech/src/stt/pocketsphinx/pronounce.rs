//! How words are pronounced, as ARPAbet phones. Knows nothing of models.
//!
//! First the dictionary of the model, then espeak-ng's idea of an unknown word, then spelling by rules: coarse, but a name
//! that is not in the vocabulary at all is never heard.

use std::collections::HashMap;

use crate::tts::espeak::Espeak;

/// Gives the lines of the pronunciation dictionary for `words`: `word PH ON ES`, further ones as `word(2) …`.
///
/// `shipped` is the text of the model's dictionary. Words that nobody can pronounce are left out.
pub(super) fn dictionary<'w>(
    words: impl Iterator<Item = &'w str>,
    shipped: &str,
    espeak: Option<&Espeak>,
) -> HashMap<String, Vec<String>> {
    let mut known: HashMap<String, Vec<String>> = words.map(|word| (word.to_owned(), Vec::new())).collect();
    for line in shipped.lines() {
        let Some((entry, phones)) = line.split_once([' ', '\t']) else { continue };
        let word = entry.split_once('(').map_or(entry, |(word, _)| word);
        if let Some(pronunciations) = known.get_mut(word) {
            pronunciations.push(phones.trim().to_owned());
        }
    }
    // A possessive of a known word needs no guess.
    let stems: Vec<(String, Vec<String>)> = known
        .iter()
        .filter(|(_, pronunciations)| pronunciations.is_empty())
        .filter_map(|(word, _)| word.strip_suffix("'s").map(|stem| (word.clone(), stem.to_owned())))
        .filter_map(|(word, stem)| {
            Some((word, known.get(&stem)?.iter().map(|phones| possessive(phones)).collect()))
        })
        .collect();
    for (word, pronunciations) in stems {
        known.insert(word, pronunciations);
    }
    let mut unknown: Vec<String> =
        known.iter().filter(|(_, p)| p.is_empty()).map(|(word, _)| word.clone()).collect();
    unknown.sort_unstable();
    let sounded = espeak.map(|espeak| espeak.phonemes(&unknown)).unwrap_or_default();
    for (index, word) in unknown.iter().enumerate() {
        let phones = sounded.get(index).map(|ipa| from_ipa(ipa)).filter(|phones| !phones.is_empty());
        let phones = phones.unwrap_or_else(|| from_spelling(word));
        if phones.is_empty() {
            known.remove(word);
        } else if let Some(pronunciations) = known.get_mut(word) {
            pronunciations.push(phones);
        }
    }
    known
}

fn possessive(phones: &str) -> String {
    let last = phones.rsplit(' ').next().unwrap_or_default();
    let ending = match last {
        "S" | "Z" | "SH" | "ZH" | "CH" | "JH" => "IH Z",
        "P" | "T" | "K" | "F" | "TH" => "S",
        _ => "Z",
    };
    format!("{phones} {ending}")
}

/// Longest first where one begins another.
const IPA: &[(&str, &str)] = &[
    ("tʃ", "CH"),
    ("dʒ", "JH"),
    ("aɪɚ", "AY ER"),
    ("aɪə", "AY AH"),
    ("aʊɚ", "AW ER"),
    ("eɪ", "EY"),
    ("aɪ", "AY"),
    ("ɔɪ", "OY"),
    ("oɪ", "OY"),
    ("aʊ", "AW"),
    ("oʊ", "OW"),
    ("əʊ", "OW"),
    ("ɑːɹ", "AA R"),
    ("ɔːɹ", "AO R"),
    ("oːɹ", "AO R"),
    ("ɛɹ", "EH R"),
    ("ɪɹ", "IH R"),
    ("ʊɹ", "UH R"),
    ("iə", "IY AH"),
    ("ɪə", "IH R"),
    ("ɜː", "ER"),
    ("ɚ", "ER"),
    ("ɝ", "ER"),
    ("əl", "AH L"),
    ("n̩", "AH N"),
    ("ɑː", "AA"),
    ("ɔː", "AO"),
    ("oː", "OW"),
    ("iː", "IY"),
    ("uː", "UW"),
    ("aː", "AA"),
    ("eː", "EY"),
    ("ɑ", "AA"),
    ("ɒ", "AA"),
    ("ɔ", "AO"),
    ("o", "OW"),
    ("i", "IY"),
    ("ɪ", "IH"),
    ("ᵻ", "IH"),
    ("e", "EH"),
    ("ɛ", "EH"),
    ("æ", "AE"),
    ("a", "AA"),
    ("ʌ", "AH"),
    ("ə", "AH"),
    ("ɐ", "AH"),
    ("ʊ", "UH"),
    ("u", "UW"),
    ("y", "UW"),
    ("p", "P"),
    ("b", "B"),
    ("t", "T"),
    ("ɾ", "T"),
    ("ʔ", "T"),
    ("d", "D"),
    ("k", "K"),
    ("ɡ", "G"),
    ("g", "G"),
    ("f", "F"),
    ("v", "V"),
    ("θ", "TH"),
    ("ð", "DH"),
    ("s", "S"),
    ("z", "Z"),
    ("ʃ", "SH"),
    ("ʒ", "ZH"),
    ("h", "HH"),
    ("x", "K"),
    ("ç", "HH"),
    ("m", "M"),
    ("n", "N"),
    ("ŋ", "NG"),
    ("ɲ", "N Y"),
    ("l", "L"),
    ("ɫ", "L"),
    ("ɬ", "L"),
    ("ɹ", "R"),
    ("r", "R"),
    ("j", "Y"),
    ("w", "W"),
];

/// Turns espeak-ng's IPA into phones. Signs without an English sound are passed over.
fn from_ipa(ipa: &str) -> String {
    // The separator stands between the sounds of one diphthong never, so it must not end a match early either.
    let bare: String = ipa.chars().filter(|c| !"ˈˌ_ \u{200d}\u{361}".contains(*c)).collect();
    spell(&bare, IPA)
}

/// Rough rules of English spelling, longest first.
const SPELLING: &[(&str, &str)] = &[
    ("tion", "SH AH N"),
    ("sion", "ZH AH N"),
    ("ough", "AO"),
    ("augh", "AO"),
    ("eigh", "EY"),
    ("tch", "CH"),
    ("sch", "SH"),
    ("igh", "AY"),
    ("dge", "JH"),
    ("air", "EH R"),
    ("ear", "IH R"),
    ("eer", "IH R"),
    ("our", "AW R"),
    ("ch", "CH"),
    ("sh", "SH"),
    ("th", "TH"),
    ("ph", "F"),
    ("wh", "W"),
    ("ck", "K"),
    ("gh", "G"),
    ("kn", "N"),
    ("wr", "R"),
    ("qu", "K W"),
    ("ng", "NG"),
    ("ee", "IY"),
    ("ea", "IY"),
    ("oo", "UW"),
    ("ou", "AW"),
    ("ow", "OW"),
    ("oa", "OW"),
    ("ai", "EY"),
    ("ay", "EY"),
    ("ei", "EY"),
    ("ey", "IY"),
    ("ie", "IY"),
    ("oi", "OY"),
    ("oy", "OY"),
    ("au", "AO"),
    ("aw", "AO"),
    ("ew", "UW"),
    ("ar", "AA R"),
    ("or", "AO R"),
    ("er", "ER"),
    ("ir", "ER"),
    ("ur", "ER"),
    ("bb", "B"),
    ("cc", "K"),
    ("dd", "D"),
    ("ff", "F"),
    ("gg", "G"),
    ("ll", "L"),
    ("mm", "M"),
    ("nn", "N"),
    ("pp", "P"),
    ("rr", "R"),
    ("ss", "S"),
    ("tt", "T"),
    ("zz", "Z"),
    ("ce", "S"),
    ("ci", "S IH"),
    ("cy", "S IY"),
    ("ge", "JH"),
    ("gi", "JH IH"),
    ("a", "AE"),
    ("b", "B"),
    ("c", "K"),
    ("d", "D"),
    ("e", "EH"),
    ("f", "F"),
    ("g", "G"),
    ("h", "HH"),
    ("i", "IH"),
    ("j", "JH"),
    ("k", "K"),
    ("l", "L"),
    ("m", "M"),
    ("n", "N"),
    ("o", "OW"),
    ("p", "P"),
    ("q", "K"),
    ("r", "R"),
    ("s", "S"),
    ("t", "T"),
    ("u", "AH"),
    ("v", "V"),
    ("w", "W"),
    ("x", "K S"),
    ("y", "IY"),
    ("z", "Z"),
    ("é", "EY"),
    ("è", "EH"),
    ("á", "AA"),
    ("à", "AA"),
    ("ä", "EH"),
    ("ó", "OW"),
    ("ö", "ER"),
    ("ø", "ER"),
    ("í", "IY"),
    ("ú", "UW"),
    ("ü", "UW"),
    ("ñ", "N Y"),
    ("ç", "S"),
    ("ß", "S"),
];

fn from_spelling(word: &str) -> String {
    // A last e after a consonant is silent.
    let silent = word.len() > 3 && word.ends_with('e') && !word.ends_with("ee");
    spell(if silent { &word[..word.len() - 1] } else { word }, SPELLING)
}

fn spell(mut rest: &str, rules: &[(&str, &str)]) -> String {
    let mut phones: Vec<&str> = Vec::new();
    while let Some(first) = rest.chars().next() {
        match rules.iter().find(|(sign, _)| rest.starts_with(sign)) {
            Some((sign, sounds)) => {
                phones.push(sounds);
                rest = &rest[sign.len()..];
            }
            None => rest = &rest[first.len_utf8()..],
        }
    }
    phones.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_dictionary_keeps_all_its_pronunciations() {
        let shipped = "data D EY T AH\ndata(2) D AE T AH\ndate D EY T\n";
        let known = dictionary(["data"].into_iter(), shipped, None);
        assert_eq!(known["data"], ["D EY T AH", "D AE T AH"]);
        assert_eq!(known.len(), 1);
    }

    #[test]
    fn a_possessive_is_made_from_its_word() {
        let known = dictionary(
            ["mary", "mary's", "rex", "rex's"].into_iter(),
            "mary M EH R IY\nrex R EH K S\n",
            None,
        );
        assert_eq!(known["mary's"], ["M EH R IY Z"]);
        assert_eq!(known["rex's"], ["R EH K S IH Z"]);
    }

    #[test]
    fn ipa_becomes_arpabet() {
        for (ipa, phones) in [
            ("m_ˈɛ_t_f_oːɹ_m_ˌɪ_n", "M EH T F AO R M IH N"),
            ("ɑː_k_ˈɔ_ŋ_k_w_oʊ", "AA K AO NG K W OW"),
            ("ʃ_ɪ_v_ˈɔː_n", "SH IH V AO N"),
            ("f_j_ˈuː_tʃ_ɚ", "F Y UW CH ER"),
            ("b_ˈiː t_w_ˈɛ_l_v", "B IY T W EH L V"),
        ] {
            assert_eq!(from_ipa(ipa), phones);
        }
    }

    #[test]
    fn without_espeak_spelling_decides() {
        assert_eq!(from_spelling("chester"), "CH EH S T ER");
        assert_eq!(from_spelling("lisinopril"), "L IH S IH N OW P R IH L");
        assert_eq!(from_spelling("日本"), "");
    }
}
