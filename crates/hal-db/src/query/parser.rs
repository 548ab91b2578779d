//! Tokens become a plan, with the dictionary of the file. Reads dictionaries and whether a named record exists.

use std::collections::VecDeque;
use std::sync::Arc;

use super::lexer::{Kind, Token, tokens};
use super::plan::{
    Condition, Count, Display, Operand, Options, QueryPlan, RelOp, Sample, SortKey, Test, Verb,
};
use super::words::{SUGGESTED, Word, lookup};
use super::{NESTING_MAX, SENTENCE_BYTES_MAX};
use crate::Snapshot;
use crate::dict::{DataItem, Dictionary, Item};
use crate::error::{Error, ParseError, near};

/// Records shown by `SAMPLE` without a number.
const SAMPLE_DEFAULT: usize = 10;
/// Words a sentence may have after its phrases are expanded.
const TOKENS_MAX: usize = 4096;

type Parsed<T> = std::result::Result<T, ParseError>;

/// Parses a sentence: `LIST`, `SORT`, `SELECT`, `SSELECT` or `COUNT`, a file, and what the dictionary allows.
///
/// An operand, id or number of records written `{name}`, bare or in quotes, is a parameter for [`QueryPlan::bind`].
/// A word that is neither an item, a keyword nor the id of a record is an error.
///
/// # Errors
/// Names the word that is not understood, where it stands, and what may have been meant.
pub fn parse(sentence: &str, snapshot: &Snapshot) -> Parsed<QueryPlan> {
    if sentence.len() > SENTENCE_BYTES_MAX {
        let message = format!("the sentence is longer than {SENTENCE_BYTES_MAX} bytes");
        return Err(ParseError { message, at: SENTENCE_BYTES_MAX, near: Vec::new() });
    }
    let mut tokens: VecDeque<Token> = tokens(sentence)?.into();
    let end = sentence.len();
    let verb = verb(tokens.pop_front())?;
    let (file, dictionary) = file(&mut tokens, snapshot, end)?;
    let id_column = id_column(&file, &dictionary);
    let mut parser = Parser {
        tokens,
        end,
        depth: 0,
        phrase_depth: 0,
        expanded: 0,
        dictionary,
        snapshot,
        last_item: None,
        plan: QueryPlan {
            verb,
            file,
            sentence: sentence.trim().to_owned(),
            columns: Vec::new(),
            id_column,
            select: None,
            sort: Vec::new(),
            ids: Vec::new(),
            sample: None,
            options: Options::default(),
        },
    };
    parser.elements()?;
    if parser.plan.columns.is_empty() && matches!(verb, Verb::List | Verb::Sort) {
        parser.expand_phrase("@")?;
        parser.elements()?;
    }
    Ok(parser.plan)
}

fn verb(token: Option<Token>) -> Parsed<Verb> {
    let word = match &token {
        Some(Token { kind: Kind::Word(word), .. }) => word.as_str(),
        _ => "",
    };
    Ok(match word.to_ascii_uppercase().as_str() {
        "LIST" => Verb::List,
        "SORT" => Verb::Sort,
        "SELECT" => Verb::Select,
        "SSELECT" => Verb::Sselect,
        "COUNT" => Verb::Count,
        _ => {
            let message = match word {
                "" => "a query begins with LIST, SORT, SELECT, SSELECT or COUNT".to_owned(),
                word => format!("{word} is not a query: LIST, SORT, SELECT, SSELECT or COUNT"),
            };
            let near = near(word, ["LIST", "SORT", "SELECT", "SSELECT", "COUNT"].into_iter());
            return Err(ParseError { message, at: 0, near });
        }
    })
}

fn file(tokens: &mut VecDeque<Token>, snapshot: &Snapshot, end: usize) -> Parsed<(String, Arc<Dictionary>)> {
    let mut next = || match tokens.pop_front() {
        Some(Token { kind: Kind::Word(word) | Kind::Quoted(word), at }) => Ok((word, at)),
        Some(Token { at, .. }) => {
            Err(ParseError { message: "a file name must come here".to_owned(), at, near: vec![] })
        }
        None => Err(ParseError { message: "the file name is missing".to_owned(), at: end, near: vec![] }),
    };
    let (mut name, mut at) = next()?;
    if name.eq_ignore_ascii_case("DICT") {
        (name, at) = next()?;
        name = format!("DICT {name}");
    }
    let entry = snapshot.catalog().file(&name).or_else(|_| snapshot.catalog().file(&name.to_uppercase()));
    match entry {
        Ok(entry) => Ok((entry.name.clone(), Arc::clone(&entry.dictionary))),
        Err(Error::NoSuchFile { file, near }) => {
            Err(ParseError { message: format!("file {file} not found"), at, near })
        }
        Err(other) => Err(ParseError { message: other.to_string(), at, near: vec![] }),
    }
}

fn id_column(file: &str, dictionary: &Dictionary) -> Display {
    let item = dictionary.data("@ID").cloned().unwrap_or_else(|| DataItem {
        name: "@ID".to_owned(),
        field: 0,
        conversion: String::new(),
        heading: vec![file.to_owned()],
        format: "12L".to_owned(),
        multi: false,
        association: None,
        right: false,
        stamp: false,
    });
    Display { item, total: false }
}

struct Parser<'a> {
    tokens: VecDeque<Token>,
    /// Length of the sentence: where an error at its end points.
    end: usize,
    depth: usize,
    phrase_depth: usize,
    expanded: usize,
    dictionary: Arc<Dictionary>,
    snapshot: &'a Snapshot,
    /// What a relation without an item tests.
    last_item: Option<DataItem>,
    plan: QueryPlan,
}

impl Parser<'_> {
    /// Everything after the file name, in any order.
    fn elements(&mut self) -> Parsed<()> {
        while let Some(token) = self.tokens.pop_front() {
            match token.kind {
                Kind::Quoted(id) => self.plan.ids.push(Operand::Literal(id)),
                Kind::Parameter(name) => self.plan.ids.push(Operand::Parameter(name)),
                Kind::Open => return Err(error("( must follow WITH, AND, OR or NOT", token.at)),
                Kind::Close => return Err(error("unexpected close bracket", token.at)),
                Kind::Word(word) => self.element(word, token.at)?,
            }
        }
        Ok(())
    }

    fn element(&mut self, word: String, at: usize) -> Parsed<()> {
        if let Some(item) = self.item(&word) {
            return self.display(item, false);
        }
        if self.dictionary.phrase(&word).is_some() {
            return self.expand_phrase(&word);
        }
        match lookup(&word) {
            Some(Word::Filler) => Ok(()),
            Some(Word::With) => self.with(false),
            Some(Word::Without) => self.with(true),
            Some(Word::Rel(_)) => {
                self.tokens.push_front(Token { kind: Kind::Word(word), at });
                self.with(false)
            }
            Some(Word::By) => self.sort_key(false),
            Some(Word::ByDsnd) => self.sort_key(true),
            Some(Word::Sample) => self.sample(false),
            Some(Word::SortedSample) => self.sample(true),
            Some(Word::Total) => {
                let item = self.expect_item("TOTAL")?;
                self.display(item, true)
            }
            Some(Word::Unserved) => Err(error(&format!("{} is not available yet", word.to_uppercase()), at)),
            Some(word_kind) => self.option(word_kind, &word, at),
            None => self.unknown(word, at),
        }
    }

    fn option(&mut self, kind: Word, word: &str, at: usize) -> Parsed<()> {
        let options = &mut self.plan.options;
        let flag = match kind {
            Word::IdSup => &mut options.id_sup,
            Word::CountSup => &mut options.count_sup,
            Word::HdrSup => &mut options.hdr_sup,
            Word::ColSup => &mut options.col_sup,
            Word::DetSup => &mut options.det_sup,
            Word::DblSpc => &mut options.dbl_spc,
            Word::Vertically => &mut options.vertical,
            Word::NoIndex => &mut options.no_index,
            _ => return Err(error(&format!("{} cannot stand here", word.to_uppercase()), at)),
        };
        *flag = true;
        Ok(())
    }

    /// A word that is neither item nor keyword: the id of a record, or a mistake.
    fn unknown(&mut self, word: String, at: usize) -> Parsed<()> {
        if matches!(self.snapshot.read(&self.plan.file, &word), Ok(Some(_))) {
            self.plan.ids.push(Operand::Literal(word));
            return Ok(());
        }
        if let Some(Item::Other(reason)) = self.dictionary.get(&word) {
            return Err(error(&format!("{word} cannot be used: {reason}"), at));
        }
        let items = self.dictionary.iter().map(|(name, _)| name).filter(|name| !name.starts_with(['@', '$']));
        let near = near(&word, items.chain(SUGGESTED));
        let message = format!("{word} is not a field of {}, a keyword or a record id", self.plan.file);
        Err(ParseError { message, at, near })
    }

    fn expand_phrase(&mut self, name: &str) -> Parsed<()> {
        let Some(text) = self.dictionary.phrase(name) else { return Ok(()) };
        self.phrase_depth += 1;
        let inner =
            tokens(text).map_err(|inner| error(&format!("phrase {name}: {}", inner.message), self.end))?;
        self.expanded += inner.len();
        if self.phrase_depth > NESTING_MAX || self.expanded > TOKENS_MAX {
            return Err(error(&format!("phrase {name} expands without end"), self.end));
        }
        for token in inner.into_iter().rev() {
            self.tokens.push_front(Token { kind: token.kind, at: self.end });
        }
        Ok(())
    }

    fn display(&mut self, item: DataItem, total: bool) -> Parsed<()> {
        let mut display = Display { item, total };
        loop {
            let qualifier = match self.tokens.front().map(|token| &token.kind) {
                Some(Kind::Word(word)) if self.item(word).is_none() => lookup(word),
                _ => None,
            };
            match qualifier {
                Some(Word::SingleValue) => display.item.multi = false,
                Some(Word::MultiValue) => display.item.multi = true,
                Some(Word::Conv | Word::Fmt | Word::ColHdg) => {
                    self.tokens.pop_front();
                    let text = self.expect_text()?;
                    match qualifier {
                        Some(Word::Conv) => display.item.conversion = text,
                        Some(Word::Fmt) => display.item.format = text,
                        _ => display.item.heading = text.split('\u{FD}').map(str::to_owned).collect(),
                    }
                    continue;
                }
                _ => break,
            }
            self.tokens.pop_front();
        }
        self.plan.columns.push(display);
        Ok(())
    }

    fn sort_key(&mut self, descending: bool) -> Parsed<()> {
        let no_case = self.take(Word::NoCase);
        let item = self.expect_item(if descending { "BY.DSND" } else { "BY" })?;
        self.plan.sort.push(SortKey { item, descending, no_case });
        Ok(())
    }

    fn sample(&mut self, sorted: bool) -> Parsed<()> {
        let count = match self.tokens.front().map(|token| &token.kind) {
            Some(Kind::Word(word)) if word.parse::<usize>().is_ok() => {
                Count::Fixed(word.parse().unwrap_or_default())
            }
            Some(Kind::Parameter(name)) => Count::Parameter(name.clone()),
            _ => {
                self.plan.sample = Some(Sample { count: Count::Fixed(SAMPLE_DEFAULT), sorted });
                return Ok(());
            }
        };
        self.tokens.pop_front();
        self.plan.sample = Some(Sample { count, sorted });
        Ok(())
    }

    /// `WITH cond {AND|OR {WITH} cond}`; several clauses must all hold.
    fn with(&mut self, negated: bool) -> Parsed<()> {
        let mut clause = self.prefixed()?;
        if negated {
            clause = Condition::Not(Box::new(clause));
        }
        clause = self.rest_of(clause)?;
        self.plan.select = Some(match self.plan.select.take() {
            Some(before) => Condition::And(Box::new(before), Box::new(clause)),
            None => clause,
        });
        Ok(())
    }

    /// `{AND|OR cond}` after a first condition: equal rank, from left to right.
    fn rest_of(&mut self, mut left: Condition) -> Parsed<Condition> {
        loop {
            let and = self.peek_word() == Some(Word::And);
            if !and && self.peek_word() != Some(Word::Or) {
                return Ok(left);
            }
            self.tokens.pop_front();
            let mut negated = false;
            match self.peek_word() {
                Some(Word::With) => {
                    self.tokens.pop_front();
                }
                Some(Word::Without) => {
                    self.tokens.pop_front();
                    negated = true;
                }
                _ => {}
            }
            let mut right = self.prefixed()?;
            if negated {
                right = Condition::Not(Box::new(right));
            }
            let (left_box, right_box) = (Box::new(left), Box::new(right));
            left = if and { Condition::And(left_box, right_box) } else { Condition::Or(left_box, right_box) };
        }
    }

    /// `[NO|NOT] [EVERY] ( cond ) | test`.
    fn prefixed(&mut self) -> Parsed<Condition> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(error(&format!("brackets are nested deeper than {NESTING_MAX}"), self.here()));
        }
        let negated = self.take(Word::No) || self.take(Word::Not);
        let every = self.take(Word::Every);
        let inner = if self.tokens.front().is_some_and(|token| token.kind == Kind::Open) {
            let open = self.here();
            if every {
                return Err(error("EVERY must be followed by a field", open));
            }
            self.tokens.pop_front();
            let first = self.prefixed()?;
            let inside = self.rest_of(first)?;
            match self.tokens.pop_front() {
                Some(Token { kind: Kind::Close, .. }) => inside,
                other => {
                    let at = other.map_or(self.end, |token| token.at);
                    return Err(error("unclosed brackets in selection expression", at));
                }
            }
        } else {
            Condition::Test(Box::new(self.test(every)?))
        };
        self.depth -= 1;
        Ok(if negated { Condition::Not(Box::new(inner)) } else { inner })
    }

    fn test(&mut self, every: bool) -> Parsed<Test> {
        let item = self.tested_item()?;
        self.last_item = Some(item.clone());
        let mut op = match self.peek_word() {
            Some(Word::Rel(op)) => op,
            Some(Word::Not) => RelOp::Ne,
            _ => return Ok(Test { item, every, op: RelOp::Present, no_case: false, operands: Vec::new() }),
        };
        let op_at = self.here();
        self.tokens.pop_front();
        if op == RelOp::Ne
            && let Some(Word::Rel(negated)) = self.peek_word()
        {
            // `NOT LIKE`, `NOT =`: a relation after NOT turns into its opposite.
            op = match negated {
                RelOp::Eq => RelOp::Ne,
                RelOp::Like => RelOp::Unlike,
                _ => return Err(error("NOT must stand before the field here", op_at)),
            };
            self.tokens.pop_front();
        }
        while self.peek_word() == Some(Word::Filler) {
            self.tokens.pop_front();
        }
        let no_case = self.take(Word::NoCase);
        let mut operands = vec![self.operand(op)?];
        if op == RelOp::Between {
            self.take(Word::And);
            operands.push(self.operand(op)?);
        } else {
            while let Some(more) = self.further_operand() {
                operands.push(more);
            }
        }
        Ok(Test { item, every, op, no_case, operands })
    }

    /// The item of a test; a relation without one tests the last item again, at first the id.
    fn tested_item(&mut self) -> Parsed<DataItem> {
        let at = self.here();
        match self.tokens.front().map(|token| token.kind.clone()) {
            Some(Kind::Word(word)) => {
                if let Some(item) = self.item(&word) {
                    self.tokens.pop_front();
                    return Ok(item);
                }
                match lookup(&word) {
                    Some(Word::Rel(_)) => {
                        Ok(self.last_item.clone().unwrap_or_else(|| self.plan.id_column.item.clone()))
                    }
                    Some(Word::Unserved) => {
                        Err(error(&format!("{} is not available yet", word.to_uppercase()), at))
                    }
                    Some(_) => Err(error("field name missing in selection clause", at)),
                    None => {
                        let near = near(&word, self.dictionary.data_items().map(|item| item.name.as_str()));
                        Err(ParseError {
                            message: format!("{word} is not a field of {}", self.plan.file),
                            at,
                            near,
                        })
                    }
                }
            }
            Some(Kind::Quoted(text)) => Err(error(&format!("\"{text}\" stands where a field must come"), at)),
            _ => Err(error("field name missing in selection clause", at)),
        }
    }

    /// The first operand: any word that is not a keyword will do.
    fn operand(&mut self, op: RelOp) -> Parsed<Operand> {
        let missing = |at| Err(error(&format!("a value is missing after {}", op.word()), at));
        let at = self.here();
        match self.tokens.pop_front().map(|token| token.kind) {
            Some(Kind::Quoted(text)) => Ok(Operand::Literal(text)),
            Some(Kind::Parameter(name)) => Ok(Operand::Parameter(name)),
            Some(Kind::Word(word)) => match self.item(&word) {
                Some(item) => Ok(Operand::Item(Box::new(item))),
                None if lookup(&word).is_some() => missing(at),
                None => Ok(Operand::Literal(word)),
            },
            _ => missing(at),
        }
    }

    /// A further alternative: quoted, a parameter or a number; another word begins the next element.
    fn further_operand(&mut self) -> Option<Operand> {
        let operand = match &self.tokens.front()?.kind {
            Kind::Quoted(text) => Operand::Literal(text.clone()),
            Kind::Parameter(name) => Operand::Parameter(name.clone()),
            Kind::Word(word) if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                Operand::Literal(word.clone())
            }
            _ => return None,
        };
        self.tokens.pop_front();
        Some(operand)
    }

    /// The item a word names: of the dictionary, or `F5` for field 5.
    fn item(&self, word: &str) -> Option<DataItem> {
        if let Some(item) = self.dictionary.data(word) {
            return Some(item.clone());
        }
        if self.dictionary.get(word).is_some() {
            return None;
        }
        if word.eq_ignore_ascii_case("@ID") {
            return Some(self.plan.id_column.item.clone());
        }
        let number = word.strip_prefix(['F', 'f'])?;
        let field: usize = number.parse().ok().filter(|n| *n <= 9999)?;
        Some(DataItem {
            name: format!("F{field}"),
            field,
            conversion: String::new(),
            heading: vec![format!("F{field}")],
            format: "15T".to_owned(),
            multi: false,
            association: None,
            right: false,
            stamp: false,
        })
    }

    fn expect_item(&mut self, after: &str) -> Parsed<DataItem> {
        let at = self.here();
        match self.tokens.pop_front().map(|token| token.kind) {
            Some(Kind::Word(word)) => self.item(&word).ok_or_else(|| {
                let near = near(&word, self.dictionary.data_items().map(|item| item.name.as_str()));
                ParseError { message: format!("{word} is not a field of {}", self.plan.file), at, near }
            }),
            _ => Err(error(&format!("a field must follow {after}"), at)),
        }
    }

    fn expect_text(&mut self) -> Parsed<String> {
        let at = self.here();
        match self.tokens.pop_front().map(|token| token.kind) {
            Some(Kind::Quoted(text) | Kind::Word(text)) => Ok(text),
            _ => Err(error("text in quotes must come here", at)),
        }
    }

    /// The keyword that comes next, unless the dictionary has an item of that name.
    fn peek_word(&self) -> Option<Word> {
        match &self.tokens.front()?.kind {
            Kind::Word(word) if self.dictionary.get(word).is_none() => lookup(word),
            _ => None,
        }
    }

    fn take(&mut self, word: Word) -> bool {
        let found = self.peek_word() == Some(word);
        if found {
            self.tokens.pop_front();
        }
        found
    }

    fn here(&self) -> usize {
        self.tokens.front().map_or(self.end, |token| token.at)
    }
}

fn error(message: &str, at: usize) -> ParseError {
    ParseError { message: message.to_owned(), at, near: Vec::new() }
}
