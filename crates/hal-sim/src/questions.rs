//! The held-out everyday questions: the file, the comparison and the score. Knows neither skills nor sockets.
//!
//! Whoever runs them gives a closure that asks, so the same file goes through the brain in process and through HAProxy,
//! gateway and listener. Expected facts are counted from the records by [`facts`], apart from the code under test.

pub mod facts;

use std::fmt;

use facts::Facts;

const EVERYDAY: &str = include_str!("../questions/everyday.tsv");

/// Further files of the same form, each about an account of its own, right on [`VARIED_DAY`].
const VARIED: [(&str, &str); 6] = [
    ("varied-1.tsv", include_str!("../questions/varied-1.tsv")),
    ("varied-2.tsv", include_str!("../questions/varied-2.tsv")),
    ("varied-3.tsv", include_str!("../questions/varied-3.tsv")),
    ("varied-4.tsv", include_str!("../questions/varied-4.tsv")),
    ("varied-5.tsv", include_str!("../questions/varied-5.tsv")),
    ("varied-6.tsv", include_str!("../questions/varied-6.tsv")),
];

/// Year, month and day of the varied files: a Tuesday.
pub const VARIED_DAY: (i32, u32, u32) = (2026, 11, 24);

/// Under this share of right answers a run has failed.
pub const RIGHT_PERCENT_MIN: usize = 95;

/// One question and what must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    /// Rows of one conversation share a session, in order.
    pub conversation: String,
    pub question: String,
    /// Any of these words of the wire.
    pub outcomes: Vec<String>,
    /// Each must be found in one of its alternatives.
    pub must_contain: Vec<Vec<String>>,
    /// None may be found: it would be made up, or somebody else's.
    pub must_not_contain: Vec<String>,
}

/// What came back for a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// As on the wire: `answered`, `nothing_found`, `not_understood`, `asked`, `failed`.
    pub outcome: String,
    pub text: String,
}

/// The questions about the demo household, with the facts of its day filled in.
///
/// # Errors
///
/// The number of the line that cannot be read, or that names an unknown fact.
pub fn everyday(facts: &Facts) -> Result<Vec<Row>, String> {
    parse(EVERYDAY, facts)
}

/// Name and rows of each varied file.
///
/// # Errors
///
/// As [`everyday`], with the name of the file.
pub fn varied(facts: &Facts) -> Result<Vec<(&'static str, Vec<Row>)>, String> {
    VARIED
        .into_iter()
        .map(|(name, text)| Ok((name, parse(text, facts).map_err(|e| format!("{name}, {e}"))?)))
        .collect()
}

/// The rows of any file of that form.
///
/// # Errors
///
/// As [`everyday`].
pub fn parse(text: &str, facts: &Facts) -> Result<Vec<Row>, String> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    // The first is the header.
    lines.skip(1).map(|(number, line)| row(line, facts).map_err(|e| format!("line {number}: {e}"))).collect()
}

fn row(line: &str, facts: &Facts) -> Result<Row, String> {
    let cells: Vec<&str> = line.split('\t').collect();
    let &[id, conversation, question, outcomes, must, must_not] = cells.as_slice() else {
        return Err(format!("{} columns instead of 6", cells.len()));
    };
    let alternatives = |cell: &str| -> Result<Vec<String>, String> {
        Ok(fill(cell, facts)?.split('|').map(|word| word.trim().to_owned()).collect())
    };
    let outcomes: Vec<String> = outcomes.split('|').map(str::to_owned).collect();
    let known = ["answered", "nothing_found", "not_understood", "asked"];
    if let Some(outcome) = outcomes.iter().find(|outcome| !known.contains(&outcome.as_str())) {
        return Err(format!("no outcome is called {outcome:?}"));
    }
    let must_contain: Vec<Vec<String>> = match must {
        "-" => Vec::new(),
        _ => must.split(" & ").map(alternatives).collect::<Result<_, _>>()?,
    };
    let mut must_not_contain = match must_not {
        "-" => Vec::new(),
        _ => alternatives(must_not)?,
    };
    // On some days two people have the same reading; what is right cannot be forbidden.
    must_not_contain.retain(|word| !must_contain.iter().flatten().any(|right| right == word));
    Ok(Row {
        id: id.to_owned(),
        conversation: conversation.to_owned(),
        question: question.to_owned(),
        outcomes,
        must_contain,
        must_not_contain,
    })
}

fn fill(cell: &str, facts: &Facts) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = cell;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("a { without its }")?;
        filled.push_str(before);
        filled.push_str(facts.get(name).ok_or_else(|| format!("no fact is called {name}"))?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Lower case, no thousands commas, plain quotes, single spaces, `pm` for `p.m.`.
fn plain(text: &str) -> String {
    let text: String = text.to_lowercase().chars().filter(|c| *c != ',').collect();
    let text = text.replace(['\u{2019}', '\u{2018}'], "'").replace("p.m.", "pm").replace("a.m.", "am");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether `words` stand in `text` as whole words; with a trailing `*` they may be the beginning of one.
#[must_use]
pub fn matches(text: &str, words: &str) -> bool {
    let (text, words) = (plain(text), plain(words));
    let (words, stem) = match words.strip_suffix('*') {
        Some(stem) => (stem, true),
        None => (words.as_str(), false),
    };
    if words.is_empty() {
        return false;
    }
    text.match_indices(words).any(|(at, found)| {
        let (before, after) = (&text[..at], &text[at + found.len()..]);
        let starts = !words.starts_with(char::is_alphanumeric) || !joins_before(before);
        let ends = stem || !words.ends_with(char::is_alphanumeric) || !joins_after(after);
        starts && ends
    })
}

/// A letter or digit directly before, or the dot of a decimal number.
fn joins_before(before: &str) -> bool {
    let mut back = before.chars().rev();
    match back.next() {
        Some('.' | '/') => back.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_alphanumeric(),
        None => false,
    }
}

fn joins_after(after: &str) -> bool {
    let mut ahead = after.chars();
    match ahead.next() {
        Some('.' | '/') => ahead.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_alphanumeric(),
        None => false,
    }
}

/// A question that was answered wrong, and why.
#[derive(Debug, Clone)]
pub struct Wrong {
    pub row: Row,
    pub answer: Answer,
    pub why: String,
    /// It said something that it must not say: worse than not knowing.
    pub invented: bool,
}

/// The result of a run; shows every wrong row, then the score.
#[derive(Debug, Default)]
pub struct Score {
    pub asked: usize,
    pub wrong: Vec<Wrong>,
}

impl Score {
    /// # Errors
    ///
    /// The report, when under [`RIGHT_PERCENT_MIN`] percent are right or anything was invented.
    pub fn check(&self) -> Result<(), String> {
        let right = self.asked - self.wrong.len();
        let enough = self.asked > 0 && right * 100 >= self.asked * RIGHT_PERCENT_MIN;
        let invented = self.wrong.iter().any(|wrong| wrong.invented);
        if enough && !invented { Ok(()) } else { Err(self.to_string()) }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Wrong { row, answer, why, invented } in &self.wrong {
            let mark = if *invented { "INVENTED" } else { "wrong" };
            writeln!(
                f,
                "{mark} {}: {}\n  {why}\n  {}: {}",
                row.id, row.question, answer.outcome, answer.text
            )?;
        }
        let right = self.asked - self.wrong.len();
        let invented = self.wrong.iter().filter(|wrong| wrong.invented).count();
        let percent = right as f64 * 100.0 / self.asked.max(1) as f64;
        write!(f, "{right} of {} right ({percent:.1} %), {invented} invented", self.asked)
    }
}

/// Asks all questions in order; `ask` takes conversation and question.
///
/// # Errors
///
/// The first that `ask` could not ask at all.
pub fn run<E>(rows: &[Row], mut ask: impl FnMut(&str, &str) -> Result<Answer, E>) -> Result<Score, E> {
    let mut score = Score::default();
    for row in rows {
        let answer = ask(&row.conversation, &row.question)?;
        score.asked += 1;
        if let Some((why, invented)) = judge(row, &answer) {
            score.wrong.push(Wrong { row: row.clone(), answer, why, invented });
        }
    }
    Ok(score)
}

/// Why an answer is wrong, and whether it says what it must not.
fn judge(row: &Row, answer: &Answer) -> Option<(String, bool)> {
    if let Some(word) = row.must_not_contain.iter().find(|word| matches(&answer.text, word)) {
        return Some((format!("must not say {word:?}"), true));
    }
    if !row.outcomes.contains(&answer.outcome) {
        return Some((format!("the outcome must be {}", row.outcomes.join(" or ")), false));
    }
    let missing =
        row.must_contain.iter().find(|words| !words.iter().any(|word| matches(&answer.text, word)))?;
    let shown: Vec<&str> = missing.iter().take(4).map(String::as_str).collect();
    Some((format!("must say {}", shown.join(" or ")), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_and_numbers_are_compared() {
        let check = |text: &str, words: &str, expected: bool| {
            assert_eq!(matches(text, words), expected, "{words:?} in {text:?}");
        };
        check("You spent $1,412.37 on groceries.", "1412.37", true);
        check("You spent $1,412.37 on groceries.", "412.37", false);
        check("It was 6.95.", "6.9", false);
        check("It was 6.9.", "6.9", true);
        check("135/88 at 7", "135/88", true);
        check("1135/88", "135/88", false);
        check("On May 21st", "May 2", false);
        check("On May 21.", "may 21", true);
        check("a dentist", "dent*", true);
        check("a dentist", "dent", false);
        check("At 2:15 p.m.", "2:15 pm", true);
        check("anything", "", false);
    }

    fn facts_of(pairs: &[(&str, &str)]) -> Facts {
        pairs.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned())).collect()
    }

    const HEADER: &str = "id\tconversation\tquestion\toutcome\tmust_contain\tmust_not_contain\n";

    #[test]
    fn facts_are_filled_in_and_unknown_ones_refused() {
        let text = format!("{HEADER}a1\ta\tHow much?\tanswered\t{{sum}} & cents|dollars\t-\n");
        let rows = parse(&text, &facts_of(&[("sum", "3.50|3 dollars 50")])).expect("a good file");
        assert_eq!(rows[0].must_contain, [["3.50", "3 dollars 50"], ["cents", "dollars"]]);
        assert_eq!(parse(&text, &Facts::new()), Err("line 2: no fact is called sum".to_owned()));
        let text = format!("{HEADER}a1\ta\tHow much?\tanswerd\t-\t-\n");
        assert!(parse(&text, &Facts::new()).is_err_and(|e| e.contains("answerd")));
    }

    #[test]
    fn a_run_fails_on_one_invention_and_on_too_many_wrong() {
        let text = format!("{HEADER}a1\ta\tHow much?\tanswered\tfive\tsix\n");
        let rows = vec![parse(&text, &Facts::new()).expect("a good file").remove(0); 40];
        let asked = |wrong: usize, text: &str| {
            let mut number = 0;
            let score = run(&rows, |_, _| {
                number += 1;
                let text = if number <= wrong { text } else { "five" };
                Ok::<_, ()>(Answer { outcome: "answered".to_owned(), text: text.to_owned() })
            });
            score.expect("asks").check().is_ok()
        };
        assert!(asked(0, ""));
        assert!(asked(2, "four"), "95 percent are enough");
        assert!(!asked(3, "four"));
        assert!(!asked(1, "five or six"), "an invention is never right");
    }
}
