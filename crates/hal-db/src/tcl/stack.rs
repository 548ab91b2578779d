//! The command stack: lines that were run, the newest first, and the dot commands that work on it. Plain data.

/// Lines that are kept.
const LINES_MAX: usize = 500;
/// Lines that `.L` shows.
const SHOWN: usize = 20;

const HELP: &str = "\
.L{n}             list the last n commands
.X{n}             run command n again
.R{n}             recall command n to the top
.C{n}/old/new/{G} change text in command n
.A{n} text        append text to command n
.I{n} text        insert a command
.D{n}             delete command n
.U{n}             put command n in capitals
.Sname{ n{ m}}    save commands n to m as a paragraph
.?                this help";

/// Commands, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// The oldest first.
    lines: Vec<String>,
}

/// What a line means for the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked<'l> {
    /// A command of its own; it is kept.
    Command(&'l str),
    Show(Vec<String>),
    /// A kept command is to run again.
    Run(String),
    Save(String, Vec<String>),
    Refuse(String),
}

impl Stack {
    /// Lines, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().rev().map(String::as_str)
    }

    /// Adds a line; one that repeats the last is not kept.
    pub fn push(&mut self, line: &str) {
        if self.lines.last().is_none_or(|last| last != line) {
            self.lines.push(line.to_owned());
        }
        if self.lines.len() > LINES_MAX {
            self.lines.remove(0);
        }
    }

    /// Takes a line as it was typed.
    pub(super) fn command<'l>(&mut self, line: &'l str) -> Asked<'l> {
        let mut letters = line.chars();
        let (Some('.'), Some(letter)) = (letters.next(), letters.next()) else {
            self.push(line);
            return Asked::Command(line);
        };
        let rest = letters.as_str();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = rest[..digits].parse::<usize>().ok();
        let text = &rest[digits..];
        match letter.to_ascii_uppercase() {
            '?' => Asked::Show(HELP.lines().map(str::to_owned).collect()),
            'L' => Asked::Show(self.listing(number.unwrap_or(SHOWN))),
            'S' => self.save(rest),
            'I' => {
                let at =
                    self.lines.len().saturating_sub(number.unwrap_or(1) - usize::from(number != Some(0)));
                self.lines.insert(at, text.trim().to_owned());
                Asked::Show(Vec::new())
            }
            letter => match self.at(number.unwrap_or(1)) {
                Some(at) => self.change(letter, at, text, line),
                None => Asked::Refuse(format!("There is no command {}", number.unwrap_or(1))),
            },
        }
    }

    fn at(&self, number: usize) -> Option<usize> {
        self.lines.len().checked_sub(number).filter(|at| *at < self.lines.len())
    }

    fn listing(&self, count: usize) -> Vec<String> {
        let mut lines: Vec<String> =
            self.iter().take(count).enumerate().map(|(at, line)| format!("{:02} {line}", at + 1)).collect();
        lines.reverse();
        lines
    }

    fn change<'l>(&mut self, letter: char, at: usize, text: &str, line: &str) -> Asked<'l> {
        let number = self.lines.len() - at;
        let show = |stack: &Stack| Asked::Show(vec![format!("{number:02} {}", stack.lines[at])]);
        match letter {
            'X' => {
                let line = self.lines[at].clone();
                self.push(&line);
                Asked::Run(line)
            }
            'R' => {
                let line = self.lines[at].clone();
                self.lines.push(line.clone());
                Asked::Show(vec![format!("01 {line}")])
            }
            'A' => {
                let text = text.strip_prefix(' ').unwrap_or(text);
                self.lines[at].push_str(text);
                show(self)
            }
            'U' => {
                self.lines[at] = self.lines[at].to_uppercase();
                show(self)
            }
            'D' => {
                self.lines.remove(at);
                Asked::Show(Vec::new())
            }
            'C' => {
                let Some(delimiter) = text.chars().next() else {
                    return Asked::Refuse("Write it as .C/old/new/".to_owned());
                };
                let mut parts = text[delimiter.len_utf8()..].split(delimiter);
                let (old, new) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                let all = parts.next().is_some_and(|rest| rest.trim().eq_ignore_ascii_case("G"));
                if old.is_empty() || !self.lines[at].contains(old) {
                    return Asked::Refuse(format!("Command {number} does not hold '{old}'"));
                }
                self.lines[at] = self.lines[at].replacen(old, new, if all { usize::MAX } else { 1 });
                show(self)
            }
            _ => Asked::Refuse(format!("{line} is no command of the stack; .? shows them")),
        }
    }

    fn save<'l>(&self, rest: &str) -> Asked<'l> {
        let mut words = rest.split_whitespace();
        let (Some(name), first, last) = (words.next(), words.next(), words.next()) else {
            return Asked::Refuse("Write it as .Sname or .Sname first last".to_owned());
        };
        let first = first.map_or(Some(1), |number| number.parse().ok());
        let last = last.map_or(first, |number| number.parse().ok());
        let (Some(first), Some(last)) = (first, last) else {
            return Asked::Refuse("Write it as .Sname first last, with the numbers that .L shows".to_owned());
        };
        let (low, high): (usize, usize) = (first.min(last), first.max(last));
        match (self.at(high), self.at(low)) {
            (Some(from), Some(to)) => Asked::Save(name.to_owned(), self.lines[from..=to].to_vec()),
            _ => Asked::Refuse(format!("There is no command {high}")),
        }
    }
}
