//! A HAProxy file as lines of words in sections, kept so that it can be written again unchanged but for what was
//! corrected. Pure: text in, text out. Knows the syntax (quotes, escapes, comments), not what a line means.

use std::collections::HashMap;

/// Larger files are refused: the biggest that people write are a few thousand lines.
const BYTES_MAX: usize = 1024 * 1024;
const LINES_MAX: usize = 20_000;
/// HAProxy itself takes 64 words a line.
const WORDS_MAX: usize = 256;

/// The words that begin a section, at the start of a line.
const SECTIONS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "peers",
    "resolvers",
    "userlist",
    "mailers",
    "cache",
    "program",
    "http-errors",
    "ring",
    "log-forward",
    "log-profile",
    "fcgi-app",
    "crt-store",
    "acme",
    "traces",
];

/// Why a file is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the file has {bytes} bytes; {BYTES_MAX} are looked at")]
    TooLong { bytes: usize },
    #[error("the file has more than {LINES_MAX} lines")]
    TooManyLines,
    #[error("the file holds a NUL byte in line {line}, so it is not a text")]
    NotText { line: usize },
}

/// One word as HAProxy reads it, and where it stands in the text of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) value: String,
    start: usize,
    end: usize,
}

/// One line. Lines that were corrected keep their number, added ones have none.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) number: Option<usize>,
    text: String,
    words: Vec<Word>,
    /// A quote that is not closed.
    pub(super) open_quote: bool,
    pub(super) removed: bool,
}

impl Line {
    fn new(number: Option<usize>, text: &str) -> Line {
        let (words, open_quote) = split(text);
        Line { number, text: text.to_owned(), words, open_quote, removed: false }
    }

    /// A line that the file did not have.
    pub(super) fn added(text: &str) -> Line {
        Line::new(None, text)
    }

    /// The line as it stands in the file, without its end.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The word at `index` as HAProxy reads it, "" past the end and in removed lines.
    pub(super) fn word(&self, index: usize) -> &str {
        if self.removed { "" } else { self.words.get(index).map_or("", |word| word.value.as_str()) }
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let words = if self.removed { &[][..] } else { &self.words };
        words.iter().map(|word| word.value.as_str())
    }

    pub(super) fn len(&self) -> usize {
        if self.removed { 0 } else { self.words.len() }
    }

    /// True when it begins with these words.
    pub(super) fn begins(&self, words: &[&str]) -> bool {
        self.len() >= words.len() && words.iter().zip(self.words()).all(|(wanted, word)| *wanted == word)
    }

    pub(super) fn set(&mut self, text: &str) {
        *self = Line { removed: self.removed, ..Line::new(self.number, text) };
    }

    /// Writes `new` in place of the word at `index`, as it is.
    pub(super) fn replace_word(&mut self, index: usize, new: &str) {
        let Some(word) = self.words.get(index) else { return };
        let text = format!("{}{new}{}", &self.text[..word.start], &self.text[word.end..]);
        self.set(&text);
    }

    /// Takes out the words `from..=to`, with the space before them.
    pub(super) fn remove_words(&mut self, from: usize, to: usize) {
        let (Some(first), Some(last)) = (self.words.get(from), self.words.get(to)) else { return };
        let text = format!("{}{}", self.text[..first.start].trim_end(), &self.text[last.end..]);
        self.set(&text);
    }

    /// Adds words at the end, before a comment.
    pub(super) fn append(&mut self, words: &str) {
        let end = self.words.last().map_or(self.text.trim_end().len(), |word| word.end);
        let text = format!("{} {words}{}", &self.text[..end], &self.text[end..]);
        self.set(&text);
    }

    /// The space before the first word.
    pub(super) fn indent(&self) -> &str {
        let first = self.words.first().map_or(0, |word| word.start);
        &self.text[..first]
    }
}

/// A part of the file from its first line to the next part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) kind: String,
    pub(super) name: String,
    /// Index of the defaults section that holds for it: the one that it names with `from`, else the last one before it.
    pub(super) defaults: Option<usize>,
    /// Index of the line that begins it.
    pub(super) start: usize,
    /// One past its last line.
    pub(super) end: usize,
}

impl Section {
    pub(super) fn is_proxy(&self) -> bool {
        self.is_frontend() || self.is_backend()
    }

    pub(super) fn is_frontend(&self) -> bool {
        matches!(self.kind.as_str(), "frontend" | "listen")
    }

    pub(super) fn is_backend(&self) -> bool {
        matches!(self.kind.as_str(), "backend" | "listen")
    }
}

/// A whole file.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) lines: Vec<Line>,
    pub(super) final_newline: bool,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Unreadable`]: too long, or not a text. Faults of the syntax are findings, not errors.
    pub fn parse(text: &str) -> Result<Document, Unreadable> {
        if text.len() > BYTES_MAX {
            return Err(Unreadable::TooLong { bytes: text.len() });
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if index >= LINES_MAX {
                return Err(Unreadable::TooManyLines);
            }
            if line.contains('\0') {
                return Err(Unreadable::NotText { line: index + 1 });
            }
            lines.push(Line::new(Some(index + 1), line));
        }
        Ok(Document { lines, final_newline: text.is_empty() || text.ends_with('\n') })
    }

    /// The text, with what was corrected.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for line in self.lines.iter().filter(|line| !line.removed) {
            out.push_str(line.text());
            out.push('\n');
        }
        if !self.final_newline {
            out.pop();
        }
        out
    }

    /// The sections in their order. Lines before the first one belong to none.
    pub(super) fn sections(&self) -> Vec<Section> {
        let mut sections: Vec<Section> = Vec::new();
        let (mut last_defaults, mut named_defaults) = (None, HashMap::new());
        for (index, line) in self.lines.iter().enumerate() {
            let kind = line.word(0);
            if !SECTIONS.contains(&kind) {
                continue;
            }
            if let Some(last) = sections.last_mut() {
                last.end = index;
            }
            let name = if line.word(1) == "from" { "" } else { line.word(1) };
            let from = line.words().position(|word| word == "from").map(|at| line.word(at + 1));
            let defaults = match from {
                Some(name) => named_defaults.get(name).copied(),
                None => last_defaults,
            };
            if kind == "defaults" {
                last_defaults = Some(sections.len());
                named_defaults.insert(name.to_owned(), sections.len());
            }
            sections.push(Section {
                kind: kind.to_owned(),
                name: name.to_owned(),
                defaults,
                start: index,
                end: self.lines.len(),
            });
        }
        sections
    }

    /// The lines of a section with their indices, its first line not included.
    pub(super) fn body(&self, section: &Section) -> impl Iterator<Item = (usize, &Line)> {
        let from = section.start + 1;
        self.lines[from..section.end].iter().enumerate().map(move |(index, line)| (from + index, line))
    }

    /// Puts lines in, each group in front of the line at its index. One pass, so that many are as cheap as one.
    pub(super) fn insert(&mut self, mut groups: Vec<(usize, Vec<Line>)>) {
        groups.sort_by_key(|(index, _)| *index);
        let mut old = std::mem::take(&mut self.lines).into_iter();
        let mut taken = 0;
        for (index, group) in groups {
            self.lines.extend(old.by_ref().take(index.saturating_sub(taken)));
            taken = taken.max(index);
            self.lines.extend(group);
        }
        self.lines.extend(old);
    }

    /// Where lines go that belong to the end of a section: before the empty lines and comments that lead to the next.
    pub(super) fn end_of(&self, section: &Section) -> usize {
        let last = (section.start..section.end).rev().find(|&index| self.lines[index].len() > 0);
        last.map_or(section.end, |index| index + 1)
    }
}

/// Splits a line as HAProxy does: white space parts words, `\` takes the meaning of the next character, "…" keeps
/// spaces, '…' keeps everything, `#` begins a comment. Also tells whether a quote stays open.
fn split(text: &str) -> (Vec<Word>, bool) {
    let mut words: Vec<Word> = Vec::new();
    let mut current: Option<Word> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if words.len() >= WORDS_MAX {
            return (words, false);
        }
        let mut take = |value: Option<char>, end: usize| {
            let word = current.get_or_insert_with(|| Word { value: String::new(), start: at, end });
            word.value.extend(value);
            word.end = end;
        };
        let end = at + c.len_utf8();
        match (quote, c) {
            (Some(open), c) if c == open => {
                take(None, end);
                quote = None;
            }
            (None, '"' | '\'') => {
                take(None, end);
                quote = Some(c);
            }
            (None | Some('"'), '\\') => match chars.next() {
                Some((next, escaped)) => {
                    let value = match escaped {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        other => other,
                    };
                    take(Some(value), next + escaped.len_utf8());
                }
                None => take(Some('\\'), end),
            },
            (None, '#') => break,
            (None, c) if c.is_ascii_whitespace() => words.extend(current.take()),
            _ => take(Some(c), end),
        }
    }
    words.extend(current);
    (words, quote.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        split(text).0.into_iter().map(|word| word.value).collect()
    }

    #[test]
    fn words_are_parted_as_haproxy_parts_them() {
        assert_eq!(words("  bind *:443   ssl # comment"), ["bind", "*:443", "ssl"]);
        assert_eq!(words(r"acl a hdr(Host) -i a\ b c\#d"), ["acl", "a", "hdr(Host)", "-i", "a b", "c#d"]);
        assert_eq!(words(r#"string "a \"b\" # c" 'd\e "f"'"#), ["string", r#"a "b" # c"#, r#"d\e "f""#]);
        assert_eq!(
            words(r"option httpchk GET / HTTP/1.1\r\nHost:\ x"),
            ["option", "httpchk", "GET", "/", "HTTP/1.1\r\nHost: x"]
        );
        assert_eq!(words("bind :80 \\"), ["bind", ":80", "\\"]);
        assert_eq!(words("a ''"), ["a", ""]);
        assert!(split("a \"b").1);
        assert_eq!(words("# nothing"), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_was_not_corrected_is_written_as_it_was() {
        for text in ["", "global\n", "global", "\n\n# x\nfrontend a\n\tbind :80\n\nbackend b from d\n"] {
            assert_eq!(Document::parse(text).unwrap().text(), text, "{text:?}");
        }
    }

    #[test]
    fn words_of_a_line_are_exchanged_where_they_stand() {
        let mut line = Line::added("    server a  localhost:8768 check   # ours");
        line.replace_word(2, "127.0.0.1:8768");
        assert_eq!(line.text(), "    server a  127.0.0.1:8768 check   # ours");
        line.append("weight 1");
        assert_eq!(line.text(), "    server a  127.0.0.1:8768 check weight 1   # ours");
        line.remove_words(3, 3);
        assert_eq!(line.text(), "    server a  127.0.0.1:8768 weight 1   # ours");
        assert_eq!(line.indent(), "    ");
    }

    #[test]
    fn sections_have_names_and_ends() {
        let document = Document::parse(
            "# x\nglobal\n  daemon\ndefaults d\nfrontend a from d\n  bind :80\n\n# b\nbackend b\n",
        )
        .unwrap();
        let sections = document.sections();
        let kinds: Vec<_> =
            sections.iter().map(|s| (s.kind.as_str(), s.name.as_str(), s.start, s.end)).collect();
        assert_eq!(
            kinds,
            [("global", "", 1, 3), ("defaults", "d", 3, 4), ("frontend", "a", 4, 8), ("backend", "b", 8, 9)]
        );
        assert_eq!(sections[2].defaults, Some(1));
        assert_eq!(sections[3].defaults, Some(1));
        assert_eq!(document.end_of(&sections[2]), 6);
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused() {
        assert!(matches!(Document::parse("a\nb\0c"), Err(Unreadable::NotText { line: 2 })));
        assert!(matches!(Document::parse(&"\n".repeat(LINES_MAX + 1)), Err(Unreadable::TooManyLines)));
        assert!(matches!(Document::parse(&"x".repeat(BYTES_MAX + 1)), Err(Unreadable::TooLong { .. })));
    }
}
