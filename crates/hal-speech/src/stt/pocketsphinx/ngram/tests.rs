use super::*;

/// A model of these sentences, and its words.
fn model(sentences: &[&str], words: &[&str]) -> (Trigrams, Words) {
    let mut known = Words::default();
    let numbered: Vec<Vec<Word>> =
        sentences.iter().map(|text| text.split(' ').map(|word| known.add(word)).collect()).collect();
    let singles: Vec<Word> = words.iter().map(|word| known.add(word)).collect();
    (Trigrams::counted(&numbered, &singles, known.len()), known)
}

/// After every history the probabilities of all words sum to one.
fn check_sums(model: &Trigrams, words: &Words) {
    let all = || 1..words.len() as Word; // All but the beginning of a sentence.
    let near = |sum: f64, what: &str| assert!((sum - 1.0).abs() < 1e-3, "{what}: {sum}");
    near(all().map(|w| model.one(w).p).sum(), "words");
    for v in 0..words.len() as Word {
        near(all().map(|w| model.after_one(v, w)).sum(), words.text(v));
        for u in 0..words.len() as Word {
            near(
                all().map(|w| model.after_two(u, v, w)).sum(),
                &format!("{} {}", words.text(u), words.text(v)),
            );
        }
    }
}

const SENTENCES: [&str; 4] = ["add milk", "add bread and milk", "what is it", "yes"];

#[test]
fn probabilities_sum_to_one_counted_and_mixed() {
    let (counted, mut words) = model(&SENTENCES, &["quinoa", "milk"]);
    check_sums(&counted, &words);
    let other: Vec<Vec<Word>> = ["what about it", "the bread is old"]
        .map(|text| text.split(' ').map(|word| words.add(word)).collect())
        .into();
    let other = Trigrams::counted(&other, &[], words.len());
    check_sums(&counted.mixed(&other, 0.8), &words);
    check_sums(&counted.mixed(&other, 0.0), &words);
}

#[test]
fn a_model_of_nothing_has_no_part_in_a_mixture() {
    let (counted, words) = model(&SENTENCES, &[]);
    let nothing = Trigrams::counted(&[], &[], words.len());
    check_sums(&nothing.mixed(&counted, 0.0), &words);
}

#[test]
fn what_was_said_is_likelier_than_what_was_not_and_nothing_is_impossible() {
    let (model, words) = model(&SENTENCES, &["quinoa"]);
    let [add, milk, bread, quinoa, it] =
        ["add", "milk", "bread", "quinoa", "it"].map(|word| words.number(word).unwrap());
    assert!(model.after_two(START, add, milk) > 3.0 * model.after_two(START, add, it));
    assert!(model.after_two(START, add, bread) > 3.0 * model.after_two(START, add, quinoa));
    assert!(model.after_two(START, add, quinoa) > 0.0);
}

#[test]
fn a_slot_with_many_names_does_not_drown_a_rare_word() {
    let many: Vec<String> = (0..400).map(|number| format!("what is my dose of drug{number}")).collect();
    let mut sentences: Vec<&str> = many.iter().map(String::as_str).collect();
    sentences.push("yes");
    let (model, words) = model(&sentences, &[]);
    assert!(model.after_one(START, words.number("yes").unwrap()) > 0.02);
}

#[test]
fn the_text_is_arpa_in_a_stable_order() {
    let (model, words) = model(&["yes", "yes please"], &[]);
    let arpa = model.to_arpa(&words);
    assert!(arpa.starts_with("\\data\\\nngram 1=4\nngram 2=4\nngram 3=3\n\n\\1-grams:\n"), "{arpa}");
    assert!(arpa.contains("\n-99.0000 <s> ") && arpa.ends_with("\n\\end\\\n"), "{arpa}");
    let lines = |from: &str| {
        arpa.split(from).nth(1).unwrap().lines().skip(1).take_while(|line| !line.is_empty()).count()
    };
    assert_eq!([lines("\\1-grams:"), lines("\\2-grams:"), lines("\\3-grams:")], [4, 4, 3]);
    assert_eq!(arpa, model.to_arpa(&words));
}
