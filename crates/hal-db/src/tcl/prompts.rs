//! Inline prompts: `<<text>>` in a sentence is asked for, or taken from the command line, a record or a variable (10.3).

use super::failure::{ARGUMENTS, Failure, NO_FILE};
use super::output::Stop;
use super::{Done, LINE_BYTES_MAX, Session, World};
use crate::conv;
use crate::pattern::Pattern;

/// Prompts that one sentence may have.
const PROMPTS_MAX: usize = 200;
/// Answers that are refused before the sentence is given up.
const ATTEMPTS_MAX: usize = 20;

/// A prompt between its signs.
#[derive(Debug, Default)]
struct Prompt<'a> {
    /// `A`: even if it was answered before.
    always: bool,
    /// `Cn`: the word n of the command, or nothing; `In` and `Sn`: asked for when it is not there.
    word: Option<(usize, bool)>,
    /// `F(file,id,field,value,subvalue)`.
    record: Option<&'a str>,
    /// `R` or `R(text)`: until nothing is answered; what stands between.
    repeat: Option<&'a str>,
    text: &'a str,
    /// A pattern, or a conversion code in brackets.
    check: &'a str,
}

impl Session {
    /// Replaces every prompt of a sentence by its answer.
    pub(super) fn fill_prompts(&mut self, text: &str, world: &mut World<'_>) -> Done<String> {
        let mut line = text.to_owned();
        for _ in 0..PROMPTS_MAX {
            let Some((start, end)) = innermost(&line) else { return Ok(line) };
            let answer = self.fill_one(&line[start + 2..end], world)?;
            line.replace_range(start..end + 2, &answer);
            if line.len() > LINE_BYTES_MAX {
                return Err(Failure::new(ARGUMENTS, "With its answers the line is too long"));
            }
        }
        Err(Failure::new(ARGUMENTS, format!("A line has at most {PROMPTS_MAX} prompts")))
    }

    fn fill_one(&mut self, inside: &str, world: &mut World<'_>) -> Done<String> {
        if let Some(name) = inside.trim().strip_prefix('@')
            && !name.starts_with('(')
        {
            return self.variable_at(inside.trim(), world).ok_or_else(|| {
                Failure::new(ARGUMENTS, format!("@{name} is not a variable of the command line"))
            });
        }
        let prompt = parse(inside)?;
        if let Some(place) = prompt.record {
            return self.read_field(place, world);
        }
        if let Some((number, optional)) = prompt.word {
            let words = super::args::words(&self.command)?;
            match words.get(number.saturating_sub(1)) {
                Some(word) => return Ok(word.text.clone()),
                None if optional => return Ok(String::new()),
                None => {}
            }
        }
        if !prompt.always
            && let Some(answer) = self.answers.get(prompt.text)
        {
            return Ok(answer.clone());
        }
        let answer = match prompt.repeat {
            None => self.checked(&prompt, world)?,
            Some(between) => {
                let mut all = Vec::new();
                while all.len() < 1000 {
                    let answer = self.checked(&prompt, world)?;
                    if answer.is_empty() {
                        break;
                    }
                    all.push(answer);
                }
                all.join(between)
            }
        };
        self.answers.insert(prompt.text.to_owned(), answer.clone());
        Ok(answer)
    }

    fn checked(&mut self, prompt: &Prompt<'_>, world: &mut World<'_>) -> Done<String> {
        let question = if prompt.text.is_empty() { "?" } else { prompt.text };
        for _ in 0..ATTEMPTS_MAX {
            let answer = self.ask(question, world).ok_or(Stop::Abort)?;
            if answer.trim().eq_ignore_ascii_case("QUIT") {
                return Err(Stop::Abort.into());
            }
            let code = prompt.check.strip_prefix('(').and_then(|code| code.strip_suffix(')'));
            match code {
                _ if prompt.check.is_empty() || (prompt.repeat.is_some() && answer.is_empty()) => {
                    return Ok(answer);
                }
                Some(code) => {
                    let (stored, status) = conv::iconv(answer.as_bytes(), code, &world.env);
                    if status == conv::Status::Ok {
                        return Ok(String::from_utf8_lossy(&stored).into_owned());
                    }
                }
                None if Pattern::parse(prompt.check).matches(&answer) => return Ok(answer),
                None => {}
            }
            let refused = format!("'{answer}' does not fit {}", code.unwrap_or(prompt.check));
            world.terminal.complain(&Failure::new(ARGUMENTS, refused));
        }
        Err(Stop::Abort.into())
    }

    /// Asks the person, unless DATA has an answer.
    pub(super) fn ask(&mut self, question: &str, world: &mut World<'_>) -> Option<String> {
        match self.data.pop_front() {
            Some(answer) => Some(answer),
            None => world.terminal.ask(question),
        }
    }

    /// Whether the person says yes.
    ///
    /// # Errors
    /// They say no, or nobody is there to ask.
    pub(super) fn confirm(&mut self, question: &str, world: &mut World<'_>) -> Done {
        match self.ask(&format!("{question} (Y/N)"), world) {
            Some(answer) if answer.trim().to_ascii_uppercase().starts_with('Y') => Ok(()),
            Some(_) => Err(Stop::Quit.into()),
            None => Err(Failure::new(ARGUMENTS, format!("{question} Nobody answers: nothing was done"))
                .hint("NO.QUERY at the end of the command does it without asking")),
        }
    }

    /// `file,id{,field{,value{,subvalue}}}`
    fn read_field(&mut self, place: &str, world: &mut World<'_>) -> Done<String> {
        let parts: Vec<&str> = place.split(',').map(str::trim).collect();
        let [file, id, numbers @ ..] = parts.as_slice() else {
            return Err(Failure::usage("<<F(file,id,field)>>"));
        };
        let place =
            self.place(file, world).map_err(|_| Failure::new(NO_FILE, format!("File {file} not found")))?;
        let Some(record) = self.view(&place.db)?.read(&place.file, id)? else { return Ok(String::new()) };
        let number = |at: usize| numbers.get(at).and_then(|number| number.parse().ok()).unwrap_or(0);
        Ok(record.extract_text(number(0), number(1), number(2)).into_owned())
    }
}

/// The first prompt that holds no other.
fn innermost(line: &str) -> Option<(usize, usize)> {
    let end = line.find(">>")?;
    let Some(start) = line[..end].rfind("<<") else {
        // `>>` without a beginning: perhaps there is a whole prompt behind it.
        let (start, stop) = innermost(&line[end + 2..])?;
        return Some((start + end + 2, stop + end + 2));
    };
    Some((start, end))
}

/// Controls, the text, and what the answer must look like, divided by commas; brackets hold commas together.
fn parse(inside: &str) -> Done<Prompt<'_>> {
    let mut prompt = Prompt::default();
    let mut parts = parts(inside).into_iter().peekable();
    while let Some(part) = parts.peek().copied() {
        let control = part.trim();
        let upper = control.to_ascii_uppercase();
        let brackets = |name: &str| {
            upper.strip_prefix(name).and_then(|rest| rest.strip_prefix('('))?;
            control[name.len() + 1..].strip_suffix(')')
        };
        let number = upper.get(1..).and_then(|digits| digits.parse::<usize>().ok());
        if let Some(place) = brackets("F") {
            prompt.record = Some(place);
        } else if let Some(between) = brackets("R") {
            prompt.repeat = Some(between);
        } else if brackets("@").is_some() {
            // Where on the screen: the line of the prompt serves.
        } else if upper == "A" {
            prompt.always = true;
        } else if upper == "R" {
            prompt.repeat = Some(" ");
        } else if upper == "P" {
            // Answers are kept anyway.
        } else if let (Some(number), true) = (number, upper.starts_with(['C', 'I', 'S'])) {
            prompt.word = Some((number, upper.starts_with('C')));
        } else {
            break;
        }
        parts.next();
    }
    prompt.text = parts.next().unwrap_or_default().trim();
    prompt.check = parts.next().unwrap_or_default().trim();
    if prompt.text.is_empty() && prompt.word.is_none() && prompt.record.is_none() {
        return Err(Failure::new(ARGUMENTS, "A prompt << >> has no text"));
    }
    Ok(prompt)
}

fn parts(inside: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&inside[start..]);
    found
}
