//! Text to tokens: one spelling for what people write and say in many ways. Knows no skills and no records.
//!
//! Everything is decided on whole words: "which" holds no "hi" and "update" no "date".

/// One word of an utterance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Lower case, abbreviations and contractions spelled out: what is matched.
    pub text: String,
    /// As the person wrote it: what is stored when the word becomes part of a record.
    pub surface: String,
    /// A typed word of which some other spelling was taken; `surface` still has the person's.
    pub corrected: bool,
}

impl Token {
    fn new(text: &str, surface: &str) -> Token {
        Token { text: text.to_string(), surface: surface.to_string(), corrected: false }
    }
}

/// More words than this are not a question to one's records; the rest is ignored.
pub const WORDS_MAX: usize = 60;

/// Cuts a text into tokens: lower case, contractions in two words, the possessive `'s` on its own.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    for raw in text.split_whitespace() {
        let pieces = split_raw(raw);
        for (i, piece) in pieces.iter().enumerate() {
            push_word(&mut out, piece);
            // The comma parts the items of a list; what is matched does not see it.
            let comma = if i + 1 == pieces.len() { raw.ends_with(',') } else { raw.contains(',') };
            if let Some(last) = out.last_mut().filter(|_| comma) {
                last.surface.push(',');
            }
        }
        if out.len() >= WORDS_MAX {
            out.truncate(WORDS_MAX);
            break;
        }
    }
    out
}

/// Words of one blank-separated piece: "3/5/2026", "10:30", "$20" and "o'clock" stay whole, "bread,eggs" does not.
fn split_raw(raw: &str) -> Vec<&str> {
    let trimmed = raw.trim_matches(|c: char| !(c.is_alphanumeric() || c == '$' || c == '%'));
    if trimmed.is_empty() {
        return Vec::new();
    }
    let is_number_like = trimmed.chars().any(|c| c.is_ascii_digit())
        && trimmed.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | '-' | ':' | '.' | ',' | '$'));
    if is_number_like {
        return vec![trimmed];
    }
    let mut parts: Vec<&str> = trimmed
        .split(|c: char| {
            matches!(c, ',' | ';' | '!' | '?' | '"' | '(' | ')' | '/' | '…' | '—' | '–' | '“' | '”')
        })
        .filter(|part| !part.is_empty())
        .collect();
    // A comma inside a list carries the meaning "and" for items; the blank after it already split the words.
    if parts.is_empty() {
        parts.push(trimmed);
    }
    parts
}

fn push_word(out: &mut Vec<Token>, surface: &str) {
    let surface = surface.trim_matches(|c: char| matches!(c, '.' | ':' | '\'' | '’' | '-' | '_' | '*'));
    let lower: String = surface.to_lowercase().replace(['’', '`'], "'");
    if lower.is_empty() {
        return;
    }
    if let Some(words) = contraction(&lower) {
        for (i, word) in words.iter().enumerate() {
            out.push(Token::new(word, if i == 0 { surface } else { "" }));
        }
        return;
    }
    if let Some(stem) = lower.strip_suffix("'s") {
        let cut = surface.chars().count() - 2;
        let stem_surface: String = surface.chars().take(cut).collect();
        if matches!(
            stem,
            "what"
                | "who"
                | "when"
                | "where"
                | "how"
                | "it"
                | "that"
                | "there"
                | "here"
                | "he"
                | "she"
                | "why"
                | "which"
        ) {
            out.push(Token::new(stem, &stem_surface));
            out.push(Token::new("is", "is"));
            return;
        }
        push_simple(out, stem, &stem_surface);
        out.push(Token::new("'s", "'s"));
        return;
    }
    if let Some(stem) = lower.strip_suffix("s'") {
        let word = format!("{stem}s");
        push_simple(out, &word, surface.trim_end_matches(['\'', '’']));
        out.push(Token::new("'s", "'"));
        return;
    }
    push_simple(out, &lower, surface);
}

fn push_simple(out: &mut Vec<Token>, lower: &str, surface: &str) {
    // A hyphenated word is several, as it is heard; dates such as 2026-03-05 stay whole.
    if lower.contains('-') && lower.chars().any(char::is_alphabetic) && abbreviation(lower).is_none() {
        for (word, s) in lower.split('-').zip(surface.split('-')) {
            if !word.is_empty() {
                push_simple(out, word, s);
            }
        }
        return;
    }
    if let Some(words) = abbreviation(lower) {
        for (i, word) in words.iter().enumerate() {
            out.push(Token::new(word, if i == 0 { surface } else { "" }));
        }
    } else {
        out.push(Token::new(lower, surface));
    }
}

/// Contractions with one reading. Without an apostrophe only where no other word is spelled so.
fn contraction(word: &str) -> Option<&'static [&'static str]> {
    Some(match word {
        "i'm" | "im" => &["i", "am"],
        "i've" | "ive" => &["i", "have"],
        "i'd" => &["i", "would"],
        "i'll" => &["i", "will"],
        "we're" => &["we", "are"],
        "we've" => &["we", "have"],
        "we'll" => &["we", "will"],
        "you're" => &["you", "are"],
        "you've" => &["you", "have"],
        "they're" => &["they", "are"],
        "they've" => &["they", "have"],
        "what're" => &["what", "are"],
        "what'd" => &["what", "did"],
        "when'd" => &["when", "did"],
        "where'd" => &["where", "did"],
        "how'd" => &["how", "did"],
        "who're" => &["who", "are"],
        "goin" => &["going"],
        "doin" => &["doing"],
        "takin" => &["taking"],
        "comin" => &["coming"],
        "gettin" => &["getting"],
        "havin" => &["having"],
        "seein" => &["seeing"],
        "runnin" => &["running"],
        "eatin" => &["eating"],
        "spendin" => &["spending"],
        "todays" => &["today", "'s"],
        "tomorrows" => &["tomorrow", "'s"],
        "yesterdays" => &["yesterday", "'s"],
        "kinda" => &["kind", "of"],
        "sorta" => &["sort", "of"],
        "whats" | "wats" => &["what", "is"],
        "whos" => &["who", "is"],
        "whens" => &["when", "is"],
        "wheres" => &["where", "is"],
        "hows" => &["how", "is"],
        "don't" | "dont" => &["do", "not"],
        "doesn't" | "doesnt" => &["does", "not"],
        "didn't" | "didnt" => &["did", "not"],
        "can't" | "cant" | "cannot" => &["can", "not"],
        "won't" => &["will", "not"],
        "isn't" | "isnt" => &["is", "not"],
        "aren't" | "arent" => &["are", "not"],
        "wasn't" | "wasnt" => &["was", "not"],
        "haven't" | "havent" => &["have", "not"],
        "hasn't" | "hasnt" => &["has", "not"],
        "shouldn't" => &["should", "not"],
        "couldn't" => &["could", "not"],
        "wouldn't" => &["would", "not"],
        "gonna" => &["going", "to"],
        "wanna" => &["want", "to"],
        "gotta" => &["got", "to"],
        "gimme" => &["give", "me"],
        "lemme" => &["let", "me"],
        _ => return None,
    })
}

/// Written short forms, spelled out; also the letters of one as a recogniser or a person writes them.
fn abbreviation(word: &str) -> Option<&'static [&'static str]> {
    Some(match word {
        "dr" | "doc" | "docs" => &["doctor"],
        "drs" => &["doctors"],
        "bp" => &["blood", "pressure"],
        "appt" | "apt" | "appts" | "apts" => match word {
            "appts" | "apts" => &["appointments"],
            _ => &["appointment"],
        },
        "meds" => &["medications"],
        "med" => &["medication"],
        "rx" => &["prescription"],
        "rxs" => &["prescriptions"],
        "vax" | "vaxx" => &["vaccine"],
        "temp" => &["temperature"],
        "lbs" | "lb" => &["pounds"],
        "tmrw" | "tomorow" | "tommorow" | "tommorrow" | "tmw" => &["tomorrow"],
        "tonite" => &["tonight"],
        "ok" | "k" => &["okay"],
        "pls" | "plz" => &["please"],
        "nxt" => &["next"],
        "thx" | "ty" => &["thanks"],
        "bday" | "b-day" => &["birthday"],
        "info" => &["information"],
        "todo" | "todos" | "to-do" | "to-dos" => &["to", "do"],
        "u" => &["you"],
        "ur" => &["your"],
        "r" => &["are"],
        "mom" | "mum" | "mama" | "mommy" | "mam" => &["mom"],
        "dad" | "daddy" | "papa" => &["dad"],
        "grandma" | "granny" | "nana" => &["grandmother"],
        "grandpa" | "granddad" => &["grandfather"],
        "hubby" => &["husband"],
        "mon" => &["monday"],
        "tue" | "tues" => &["tuesday"],
        "wed" => &["wednesday"],
        "thu" | "thur" | "thurs" => &["thursday"],
        "fri" => &["friday"],
        "jan" => &["january"],
        "feb" => &["february"],
        "apr" => &["april"],
        "aug" => &["august"],
        "sept" => &["september"],
        "oct" => &["october"],
        "nov" => &["november"],
        "dec" => &["december"],
        "o2" | "spo2" => &["oxygen"],
        "a1c" | "hba1c" => &["a1c"],
        "mg" => &["milligrams"],
        "e-mail" => &["email"],
        "ph" => &["phone"],
        "1st" => &["first"],
        "2nd" => &["second"],
        "3rd" => &["third"],
        _ => return None,
    })
}

/// Words that open or close a request and mean nothing to the records.
const LEADS: &[&str] = &[
    "hey hal",
    "hi hal",
    "hello hal",
    "okay hal",
    "hal",
    "hey there",
    "hey",
    "um",
    "uh",
    "er",
    "hmm",
    "so",
    "well",
    "okay",
    "alright",
    "right",
    "please",
    "kindly",
    "just",
    "now then",
    "excuse me",
    "sorry",
    "listen",
    "actually",
    "oh",
    "yeah",
    "could you please",
    "can you please",
    "would you please",
    "will you please",
    "could you",
    "can you",
    "would you mind",
    "would you",
    "will you",
    "can i please",
    "may i",
    "i would like you to",
    "i want you to",
    "i need you to",
    "i would like to know",
    "i want to know",
    "i need to know",
    "i would love to know",
    "i am curious",
    "i was wondering",
    "i wonder",
    "i am wondering",
    "wondering",
    "i forgot",
    "i forget",
    "i can not remember",
    "i do not remember",
    "remember",
    "i would like to hear",
    "i would like to see",
    "i want to hear",
    "i want to see",
    "i need to see",
    "i would like",
    "do you know",
    "do you happen to know",
    "do you remember",
    "any idea",
    "any chance you know",
    "do we know",
    "tell me",
    "let me know",
    "help me find out",
    "help me remember",
    "remind me again",
    "find out",
    "look up",
    "check",
    "quick question",
    "for me",
    "what i want to know is",
    "can i ask",
    "if",
    "let me see",
    "let us see",
    "i need to find out",
    "let me hear",
    "sort",
    "select",
    "display",
    "question",
    "oh wait",
    "wait",
    "oops",
    "well then",
    "and please",
    "whether",
    "right and",
    "okay now",
    "good morning",
    "good afternoon",
    "good evening",
    "hello",
    "hi",
];
const TAILS: &[&str] = &[
    "please",
    "thanks",
    "thank you",
    "thank you very much",
    "hal",
    "for me",
    "if you can",
    "if you do not mind",
    "do you know",
    "right",
    "exactly",
    "by the way",
    "then",
    "anyway",
    "would you",
    "would ya",
    "will ya",
    "could you",
    "will you",
    "can you",
    "okay",
    "out there",
    "my dear",
    "at all",
    "if possible",
    "at present",
    "at the moment",
    "right now",
    "for now",
    "just now",
    "to me",
    "back to me",
    "by date",
    "by name",
    "in order",
    "sorted",
    "sorted by date",
    "sorted by name",
    "dear",
];

/// Words of which a polite opening is made: "would you be so kind as to tell me".
const POLITE: &str = "would could can will might may should you be so kind good enough as to please i we like want need do not mind think able happen \
 am are is was very much grateful thankful appreciate glad happy it if just really quite kindly sorry afraid wonder wondering whether let me us tell know \
 say inform remind ask question hal dear hey hello hi there one possibly perhaps interested in knowing telling curious about of trying going have had a";

const QUESTION_WORDS: &[&str] = &["what", "which", "who", "whom", "whose", "when", "where", "how", "why"];

/// How such an opening ends: what is asked follows.
const TELLS: &[&str] = &[
    "tell me",
    "tell us",
    "know",
    "inform me",
    "remind me",
    "say",
    "telling me",
    "know if",
    "tell me if",
    "knowing",
    "remind me of",
    "know about",
    "tell me about",
    "know whether",
];

/// Words of politeness in front: the longest opening that ends by asking for something to be told.
fn polite_opening(tokens: &[Token]) -> usize {
    use std::sync::OnceLock;
    static WORDS: OnceLock<std::collections::HashSet<&'static str>> = OnceLock::new();
    let words = WORDS.get_or_init(|| POLITE.split_whitespace().collect());
    let run = tokens
        .iter()
        .take_while(|t| words.contains(t.text.as_str()))
        .count()
        .min(tokens.len().saturating_sub(1));
    let said = |words: &[&str], at: usize| words.contains(&tokens[at].text.as_str());
    (1..=run)
        .rev()
        .find(|&end| {
            let tells = TELLS.iter().any(|tell| suffix(&tokens[..end], tell).is_some());
            // "Do I need to know" is no opening, "do you know" is; "remind me on Friday" sets a reminder.
            let reminds = tokens[end - 1].text == "me" && said(&["remind"], end.saturating_sub(2));
            let asks =
                said(QUESTION_WORDS, end) || !reminds && said(&["if", "whether", "on", "at", "about"], end);
            let plainly = matches!(tokens[end - 1].text.as_str(), "me" | "of") && !reminds;
            // "Would you be so kind as to add …", "I would like you to read …"
            let orders = tokens[end - 1].text == "to"
                && said(&["you", "i", "please", "would", "could", "be", "kindly"], 0)
                && said(&["remind", "add", "put", "show", "list", "read", "give", "remove", "delete"], end);
            tells && (asks || plainly) || orders
        })
        .map_or(0, |end| end)
}

/// Whatever leads to "… want to know which", "… can not remember if", "not sure what": the question begins after it.
fn indirect_opening(tokens: &[Token]) -> usize {
    const KNOWS: [&str; 10] = [
        "know",
        "remember",
        "recall",
        "sure",
        "certain",
        "forgot",
        "forget",
        "forgotten",
        "wonder",
        "remembers",
    ];
    const LEADS_MAX: usize = 18;
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    (1..tokens.len().min(LEADS_MAX))
        .rev()
        .find(|&at| {
            let asks = QUESTION_WORDS.contains(&text(at)) || matches!(text(at), "if" | "whether");
            let before = &tokens[at.saturating_sub(9)..at];
            // "Do I know when" asks nothing else; "I want to know when" and "I do not remember when" do.
            let names = matches!(text(at - 1), "remember" | "recall" | "forgot" | "forget")
                && matches!(text(at), "all" | "the" | "my" | "our");
            (asks || names)
                && KNOWS.contains(&text(at - 1))
                && before.iter().any(|t| {
                    matches!(
                        t.text.as_str(),
                        "not"
                            | "want"
                            | "wants"
                            | "need"
                            | "needs"
                            | "like"
                            | "love"
                            | "forgot"
                            | "forgotten"
                            | "forget"
                            | "wonder"
                            | "never"
                            | "to"
                    )
                })
        })
        .unwrap_or(0)
}

/// Asides that can stand anywhere; a longer one before a shorter that begins it.
const ASIDES: &[&str] = &[
    "if i may ask",
    "if i may",
    "if you please",
    "if you would be so kind",
    "if you would",
    "if you do not mind me asking",
    "if you do not mind",
    "if you have it there",
    "if you have it",
    "if it is not too much trouble",
    "if that is okay",
    "by the way",
    "you know",
    "i mean",
    "i think",
    "i suppose",
    "i guess",
    "i believe",
];

/// The words without asides, unless nothing else was said.
pub fn without_asides(words: Vec<Token>) -> Vec<Token> {
    let mut out = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        match ASIDES.iter().filter_map(|aside| prefix(&words[at..], aside)).max() {
            // "Do you know when" opens a question.
            Some(n)
                if !(words[at].text == "you"
                    && at > 0
                    && matches!(words[at - 1].text.as_str(), "do" | "did" | "would")) =>
            {
                at += n
            }
            _ => {
                out.push(words[at].clone());
                at += 1;
            }
        }
    }
    if out.is_empty() { words } else { out }
}

/// The clauses of a text: what stands between full stops, commas, "and", "but", "so", "because".
pub fn clauses(text: &str) -> Vec<&str> {
    const JOINS: [&str; 9] =
        [" and ", " but ", " so ", " because ", " cause ", " since ", " - ", " or ", " then "];
    let mut cuts: Vec<(usize, usize)> = Vec::new();
    for (i, c) in text.char_indices() {
        // The dot of "Dr." or "3.5" ends no sentence; a sentence has words before it and a blank after.
        let ends = matches!(c, '?' | '!' | ';' | ',' | '—' | '–')
            || c == '.' && text[..i].rsplit(' ').next().is_some_and(|w| w.len() > 3);
        let next = i + c.len_utf8();
        if ends && text[next..].starts_with(' ') {
            cuts.push((i, next));
        }
    }
    let lower = text.to_ascii_lowercase();
    for join in JOINS {
        cuts.extend(lower.match_indices(join).map(|(at, found)| (at, at + found.len())));
    }
    // What is heard has no commas: a question may begin at any of its words.
    if !text.trim_end_matches(['.', '?', '!', ' ']).contains([',', '.', '?', '!', ';']) {
        const STARTS: [&str; 15] = [
            " what ",
            " what's ",
            " when ",
            " where ",
            " which ",
            " who ",
            " how ",
            " can you ",
            " could you ",
            " undo",
            " i ",
            " tell me ",
            " i'm ",
            " im ",
            " we ",
        ];
        // "What time do | I have to go" is one clause.
        const INSIDE: [&str; 14] = [
            "do", "did", "am", "was", "have", "can", "should", "will", "would", "that", "what", "when",
            "know", "and",
        ];
        for start in STARTS {
            let whole = lower
                .match_indices(start)
                .filter(|(at, _)| lower[..*at].rsplit(' ').next().is_none_or(|word| !INSIDE.contains(&word)));
            cuts.extend(whole.map(|(at, _)| (at, at + 1)));
        }
    }
    cuts.sort_unstable();
    let mut out = Vec::new();
    let mut start = 0;
    for (from, to) in cuts {
        if from >= start {
            out.push(&text[start..from]);
            start = to;
        }
    }
    out.push(&text[start..]);
    out.retain(|s| s.chars().any(char::is_alphanumeric));
    out.truncate(CLAUSES_MAX);
    out
}

/// Clauses that are looked at; a story of more is not a question.
const CLAUSES_MAX: usize = 8;

/// What stands before and after the words by which somebody takes back what he just said.
pub fn correction(text: &str) -> Option<(&str, &str)> {
    const MARKS: [&str; 14] = [
        "no wait i mean",
        "no wait",
        "wait no",
        "no i mean",
        "no sorry i mean",
        "no sorry",
        "sorry i mean",
        "i mean",
        "no i tell a lie",
        "i tell a lie",
        "no actually",
        "or rather",
        "scratch that",
        "correction",
    ];
    // Compared letter for letter without commas, so that places in the text stay known.
    let lower = text.to_ascii_lowercase();
    let plain: Vec<(usize, char)> =
        lower.char_indices().filter(|(_, c)| !matches!(c, ',' | '.' | '-' | '\'' | '!')).collect();
    let joined: String = plain.iter().map(|(_, c)| *c).collect();
    let mut best: Option<(usize, usize)> = None;
    for mark in MARKS {
        let Some(at) = joined.find(&format!(" {mark} ")) else { continue };
        let end = at + mark.len() + 2;
        if best.is_none_or(|(from, to)| at < from || at == from && end > to) {
            best = Some((at, end));
        }
    }
    let (at, end) = best?;
    // Bytes of `joined` to bytes of `text`: both count the same characters.
    let place = |byte: usize| plain.get(joined[..byte].chars().count()).map(|(at, _)| *at);
    let (before, after) = (&text[..place(at)?], &text[place(end)?..]);
    (!before.trim().is_empty() && !after.trim().is_empty()).then_some((before, after))
}

/// The one spelling of a word that has several: "mum" and "mom".
pub fn one_spelling(word: &str) -> String {
    match abbreviation(word) {
        Some([one]) => (*one).to_string(),
        _ => word.to_string(),
    }
}

/// Takes politeness and hesitation off both ends, as often as something comes off; never the whole utterance.
///
/// `kept` is what remains as a range of `tokens`.
pub fn core(tokens: &[Token]) -> std::ops::Range<usize> {
    let mut start = 0;
    let mut end = tokens.len();
    loop {
        let before = (start, end);
        start += polite_opening(&tokens[start..end]);
        start += indirect_opening(&tokens[start..end]);
        if let Some(n) = LEADS.iter().filter_map(|lead| prefix(&tokens[start..end], lead)).max() {
            // "good morning HAL" is a greeting, not a question about HAL.
            let rest = tokens.get(start + n..end).unwrap_or_default();
            if rest.iter().any(|t| !matches!(t.text.as_str(), "hal" | "there" | "please")) {
                start += n;
            }
        }
        if let Some(n) = TAILS.iter().filter_map(|tail| suffix(&tokens[start..end], tail)).max()
            && end - n > start
        {
            end -= n;
        }
        if (start, end) == before {
            return start..end;
        }
    }
}

fn prefix(tokens: &[Token], phrase: &str) -> Option<usize> {
    // Most phrases fail at their first letter; every turn compares some hundreds.
    if tokens.first()?.text.as_bytes().first() != phrase.as_bytes().first() {
        return None;
    }
    let mut n = 0;
    for word in phrase.split(' ') {
        if tokens.get(n)?.text != word {
            return None;
        }
        n += 1;
    }
    Some(n)
}

fn suffix(tokens: &[Token], phrase: &str) -> Option<usize> {
    if tokens.last()?.text.as_bytes().last() != phrase.as_bytes().last() {
        return None;
    }
    let n = phrase.split(' ').count();
    let from = tokens.len().checked_sub(n)?;
    prefix(&tokens[from..], phrase)
}

/// The value of a number written as digits or said as words at the start of `words`, and how many words it took.
///
/// Whole numbers below a million: "12", "twelve", "twenty one", "a hundred and five".
pub fn number(words: &[Token]) -> Option<(i64, usize)> {
    let first = words.first()?;
    if first.text.chars().all(|c| c.is_ascii_digit()) && first.text.len() <= 6 {
        return first.text.parse().ok().map(|value| (value, 1));
    }
    let mut total = 0;
    let mut current = 0;
    let mut used = 0;
    let mut last_kind = 0; // 1 = unit or teen, 2 = tens, 3 = hundred or thousand
    for (i, token) in words.iter().enumerate() {
        let word = token.text.as_str();
        if let Some(value) = unit(word) {
            if last_kind == 1 || (last_kind == 2 && value > 9) {
                break;
            }
            current += value;
            last_kind = 1;
        } else if let Some(value) = tens(word) {
            if last_kind == 1 || last_kind == 2 {
                break;
            }
            current += value;
            last_kind = 2;
        } else if word == "hundred" && used > 0 {
            current = current.max(1) * 100;
            last_kind = 3;
        } else if word == "thousand" && used > 0 {
            total += current.max(1) * 1000;
            current = 0;
            last_kind = 3;
        } else if word == "and"
            && last_kind == 3
            && words.get(i + 1).is_some_and(|w| unit(&w.text).or(tens(&w.text)).is_some())
        {
            continue;
        } else if i == 0
            && word == "a"
            && words.get(1).is_some_and(|w| w.text == "hundred" || w.text == "thousand")
        {
            current = 1;
            used = 1;
            continue;
        } else {
            break;
        }
        used = i + 1;
    }
    (used > 0 && last_kind > 0).then_some((total + current, used))
}

fn unit(word: &str) -> Option<i64> {
    const UNITS: [&str; 20] = [
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
    UNITS.iter().position(|&u| u == word).map(|p| p as i64)
}

fn tens(word: &str) -> Option<i64> {
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    TENS.iter().position(|&t| t == word).map(|p| (p as i64 + 2) * 10)
}

/// The value of an ordinal ("fifth", "5th", "twenty first") and how many words it took; 1..=99.
pub fn ordinal(words: &[Token]) -> Option<(i64, usize)> {
    const ORDINALS: [&str; 20] = [
        "zeroth",
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    let word = words.first()?.text.as_str();
    if let Some(value) = ORDINALS.iter().position(|&o| o == word) {
        return (value > 0).then_some((value as i64, 1));
    }
    match word {
        "twentieth" => return Some((20, 1)),
        "thirtieth" => return Some((30, 1)),
        _ => {}
    }
    if let Some(value) = tens(word) {
        let next = words.get(1)?.text.as_str();
        let low = ORDINALS.iter().position(|&o| o == next).filter(|&p| (1..10).contains(&p))?;
        return Some((value + low as i64, 2));
    }
    let digits = word
        .strip_suffix("th")
        .or_else(|| word.strip_suffix("st"))
        .or_else(|| word.strip_suffix("nd"))
        .or_else(|| word.strip_suffix("rd"))?;
    let value: i64 = digits.parse().ok()?;
    (1..=99).contains(&value).then_some((value, 1))
}

/// The words of `tokens` as matched, one blank between.
pub fn joined(tokens: &[Token]) -> String {
    let mut out = String::new();
    for token in tokens {
        if !out.is_empty() && token.text != "'s" {
            out.push(' ');
        }
        out.push_str(&token.text);
    }
    out
}

/// The words of `tokens` as the person wrote them.
pub fn surface(tokens: &[Token]) -> String {
    let mut out = String::new();
    for token in tokens.iter().filter(|t| !t.surface.is_empty()) {
        if !out.is_empty() && !token.surface.starts_with('\'') {
            out.push(' ');
        }
        out.push_str(&token.surface);
    }
    out.trim_end_matches(',').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let tokens = tokens(text);
        assert_eq!(joined(&tokens[core(&tokens)]), expected, "for {text:?}");
    }

    #[test]
    fn spellings_become_one() {
        check("What's my BP?", "what is my blood pressure");
        check("Hey HAL, could you tell me what meds I'm on, please?", "what medications i am on");
        check("When is Emma's next appt?", "when is emma's next appointment");
        check("who's my dr.", "who is my doctor");
        check("I don't know", "i do not know");
        check("ok so um what time is it", "what time is it");
        check("stop", "stop");
        check("please", "please");
        check("add bread,eggs", "add bread eggs");
    }

    #[test]
    fn words_are_whole() {
        check("which update", "which update");
        check("this pillow", "this pillow");
    }

    #[test]
    fn numbers_are_read_as_digits_and_as_words() {
        for (text, expected) in [
            ("12", Some((12, 1))),
            ("twelve", Some((12, 1))),
            ("twenty one days", Some((21, 2))),
            ("a hundred and five", Some((105, 4))),
            ("two thousand twenty six", Some((2026, 4))),
            ("eight thirty", Some((8, 1))),
            ("hundred", None),
            ("days", None),
        ] {
            assert_eq!(number(&tokens(text)), expected, "for {text:?}");
        }
        assert_eq!(ordinal(&tokens("twenty first")), Some((21, 2)));
        assert_eq!(ordinal(&tokens("5th of march")), Some((5, 1)));
        assert_eq!(ordinal(&tokens("may")), None);
    }

    #[test]
    fn an_endless_text_is_cut() {
        assert_eq!(tokens(&"word ".repeat(10_000)).len(), WORDS_MAX);
    }
}
