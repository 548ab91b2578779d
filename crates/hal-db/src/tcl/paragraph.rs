//! Paragraphs: sentences one after the other, with IF, GO, LOOP and DATA (10.3).

use super::failure::{self, Failure};
use super::output::Stop;
use super::{Done, SENTENCES_MAX, Session, World};
use crate::dynarray::{FM, Record, text};

/// The sentences of a paragraph: fields 2 and on, those that end in `_` joined with the next.
fn lines(record: &Record) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for field in record.as_bytes().split(|&b| b == FM).skip(1) {
        let field = text(field);
        let (part, continues) = match field.trim_end().strip_suffix('_') {
            Some(part) => (part.trim_end(), true),
            None => (field.trim_end(), false),
        };
        match lines.last_mut() {
            Some(last) if open => {
                last.push(' ');
                last.push_str(part.trim_start());
            }
            _ => lines.push(part.trim_start().to_owned()),
        }
        open = continues;
    }
    lines
}

/// `NAME: sentence` gives the name.
fn label(line: &str) -> Option<(&str, &str)> {
    let word = line.split_whitespace().next()?;
    let name = word.strip_suffix(':')?;
    (!name.is_empty() && !name.starts_with('*')).then(|| (name, line[word.len()..].trim_start()))
}

/// A line without its label.
fn body(line: &str) -> &str {
    label(line).map_or(line, |(_, rest)| rest)
}

fn first_word(line: &str) -> String {
    line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase()
}

/// What a sentence of a paragraph asks of its order.
enum Step {
    On,
    To(usize),
    End,
}

impl Session {
    /// Runs a paragraph. A sentence that fails is said, and the next one runs, as in QM; the person may end all of it.
    pub(super) fn paragraph(&mut self, name: &str, record: &Record, world: &mut World<'_>) -> Done {
        let lines = lines(record);
        let mut at = 0;
        let interrupt = world.terminal.interrupt();
        while let Some(line) = lines.get(at) {
            self.sentences += 1;
            if self.sentences > SENTENCES_MAX {
                let message = format!(
                    "Paragraph {name} has run {SENTENCES_MAX} sentences; is there a loop without end?"
                );
                return Err(Failure::new(failure::ARGUMENTS, message).and_stop());
            }
            if interrupt.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(Stop::Abort.into());
            }
            let line = body(line).to_owned();
            if first_word(&line) != "DATA" {
                self.take_data(&lines[at + 1..], world)?;
            }
            match self.step(&line, at, &lines, world) {
                Ok(Step::On) => at += 1,
                Ok(Step::To(line)) => at = line,
                Ok(Step::End) => return Ok(()),
                Err(failure) if failure.stop.is_some_and(|stop| stop != Stop::Quit) => return Err(failure),
                Err(failure) => {
                    self.fail(&failure, world);
                    at += 1;
                }
            }
            if self.off {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Lines of DATA right behind a sentence answer its questions.
    fn take_data(&mut self, behind: &[String], world: &mut World<'_>) -> Done {
        for line in behind.iter().take_while(|line| first_word(line) == "DATA") {
            let text = line.get(4..).unwrap_or_default().trim().to_owned();
            let text = self.fill_prompts(&text, world)?;
            if self.data.len() < 1000 {
                self.data.push_back(text);
            }
        }
        Ok(())
    }

    fn step(&mut self, line: &str, at: usize, lines: &[String], world: &mut World<'_>) -> Done<Step> {
        match first_word(line).as_str() {
            // Taken already, by the sentence before.
            "DATA" | "LOOP" => Ok(Step::On),
            "REPEAT" => start_of_loop(lines, at).map(Step::To),
            "GO" | "GOTO" => go(&self.fill_prompts(line, world)?, lines).map(Step::To),
            "STOP" => {
                self.text_behind(line, world)?;
                Ok(Step::End)
            }
            "ABORT" => {
                self.text_behind(line, world)?;
                Err(Stop::Abort.into())
            }
            "IF" => {
                let line = self.fill_prompts(line, world)?;
                match self.condition(&line)? {
                    Some(then) => self.step(&then, at, lines, world),
                    None => Ok(Step::On),
                }
            }
            _ => {
                let data = self.data.len();
                let done = self.sentence(line, world);
                // What a sentence did not ask for must not answer the next one.
                if data > 0 {
                    self.data.clear();
                }
                done.map(|()| Step::On)
            }
        }
    }

    /// `STOP text` shows its text.
    fn text_behind(&mut self, line: &str, world: &mut World<'_>) -> Done {
        let rest = line.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim());
        if rest.is_empty() {
            return Ok(());
        }
        let text = self.fill_prompts(rest, world)?;
        Ok(self.output(world).line(&text)?)
    }
}

fn go(line: &str, lines: &[String]) -> Done<usize> {
    let mut words = line.split_whitespace().skip(1);
    let mut name = words.next().unwrap_or_default();
    if name.eq_ignore_ascii_case("TO") {
        name = words.next().unwrap_or_default();
    }
    let name = name.trim_end_matches(':');
    lines
        .iter()
        .position(|line| label(line).is_some_and(|(label, _)| label.eq_ignore_ascii_case(name)))
        .ok_or_else(|| {
            // Going on behind a GO would do what its author ruled out.
            let message = format!("There is no label {name}: in this paragraph");
            Failure::new(failure::ARGUMENTS, message).and_stop()
        })
}

/// The line behind the LOOP that a REPEAT belongs to.
fn start_of_loop(lines: &[String], repeat: usize) -> Done<usize> {
    let mut depth = 0;
    for (at, line) in lines[..repeat].iter().enumerate().rev() {
        match first_word(body(line)).as_str() {
            "REPEAT" => depth += 1,
            "LOOP" if depth == 0 => return Ok(at + 1),
            "LOOP" => depth -= 1,
            _ => {}
        }
    }
    Err(Failure::new(failure::ARGUMENTS, "REPEAT without LOOP").and_stop())
}
