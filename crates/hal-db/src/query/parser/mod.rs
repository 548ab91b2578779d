//! Tokens become a plan, with the dictionary of the file. Reads dictionaries and whether a named record exists.

mod display;
mod items;
mod select;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::lexer::{Kind, Token, tokens};
use super::plan::{
    Count, Display, From, Labels, Operand, Options, Output, QueryPlan, Sample, Saving, SortKey, Verb,
};
use super::words::{Word, lookup, suggested};
use super::{NESTING_MAX, SENTENCE_BYTES_MAX};
use crate::Snapshot;
use crate::dict::{DataItem, Dictionary, Item, is_right};
use crate::error::{Error, ParseError, near};
use crate::itype::Compiler;

/// Records shown by `SAMPLE` without a number.
const SAMPLE_DEFAULT: usize = 10;
/// Words a sentence may have after its phrases are expanded.
const TOKENS_MAX: usize = 4096;

type Parsed<T> = std::result::Result<T, ParseError>;

/// Parses a sentence: a verb, a file, and what the dictionary allows. For programs: nothing is guessed.
///
/// An operand, id or number of records written `{name}`, bare or in quotes, is a parameter for [`QueryPlan::bind`].
/// A word that is neither an item, a keyword nor the id of a record is an error.
///
/// # Errors
/// Names the word that is not understood, where it stands, and what may have been meant.
pub fn parse(sentence: &str, snapshot: &Snapshot) -> Parsed<QueryPlan> {
    parse_as(sentence, snapshot, true, Switches::default())
}

/// Parses a sentence that a person typed, as QM does: an unknown word is the id of a record, which may be missing.
///
/// # Errors
/// In the words that users of QM know.
pub fn parse_command(sentence: &str, snapshot: &Snapshot) -> Parsed<QueryPlan> {
    parse_as(sentence, snapshot, false, Switches::default())
}

/// As [`parse_command`], with what OPTION has switched.
///
/// # Errors
/// As [`parse_command`].
pub fn parse_switched(sentence: &str, snapshot: &Snapshot, switches: Switches) -> Parsed<QueryPlan> {
    parse_as(sentence, snapshot, false, switches)
}

/// Options that change what a sentence means (11.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switches {
    /// `QUERY.PRIORITY.AND`: AND binds tighter than OR; else they have equal rank.
    pub priority_and: bool,
    /// `WITH.IMPLIES.OR`: of several WITH clauses one must hold; else all.
    pub with_implies_or: bool,
    /// `PICK.IMPLIED.EQ`: `WITH ITEM "value"` means EQ; else the text is an id.
    pub implied_eq: bool,
    /// `PICK.WILDCARD`: `[x`, `x]` and `^` in operands of EQ and NE.
    pub wildcards: bool,
}

fn parse_as(sentence: &str, snapshot: &Snapshot, strict: bool, switches: Switches) -> Parsed<QueryPlan> {
    if sentence.len() > SENTENCE_BYTES_MAX {
        let message = format!("the sentence is longer than {SENTENCE_BYTES_MAX} bytes");
        return Err(ParseError { message, at: SENTENCE_BYTES_MAX, near: Vec::new() });
    }
    let mut tokens: VecDeque<Token> = tokens(sentence)?.into();
    let end = sentence.len();
    let verb = verb(tokens.pop_front())?;
    let (file, dictionary) = file(&mut tokens, snapshot, end, strict)?;
    let id_column = id_column(&file, &dictionary);
    let mut parser = Parser {
        tokens,
        end,
        depth: 0,
        tests: 0,
        phrase_depth: 0,
        expanded: 0,
        dictionary,
        snapshot,
        strict,
        switches,
        last_item: None,
        aliases: HashMap::new(),
        compiler: Compiler::new(Some(snapshot.catalog())),
        plan: QueryPlan {
            verb,
            dictionary: file.clone(),
            file,
            sentence: sentence.trim().to_owned(),
            columns: Vec::new(),
            id_column,
            select: None,
            when: None,
            sort: Vec::new(),
            ids: Vec::new(),
            search: Vec::new(),
            sample: None,
            every_nth: None,
            from: From::Active,
            to: 0,
            to_file: None,
            saving: None,
            heading: None,
            footing: None,
            grand_total: None,
            output: Output::Report,
            labels: None,
            to_record: None,
            options: Options::default(),
        },
    };
    parser.defaults()?;
    parser.labels()?;
    parser.elements()?;
    let plan = &parser.plan;
    if plan.columns.is_empty() && verb.shows() && !plan.options.id_only {
        let printer = plan.options.lptr && parser.dictionary.phrase("@LPTR").is_some();
        parser.expand_phrase(if printer { "@LPTR" } else { "@" })?;
        parser.elements()?;
    }
    parser.finish()
}

fn verb(token: Option<Token>) -> Parsed<Verb> {
    let word = match &token {
        Some(Token { kind: Kind::Word(word), .. }) => word.as_str(),
        _ => "",
    };
    let upper = word.to_ascii_uppercase().replace('-', ".");
    Verb::ALL.into_iter().find(|verb| verb.word() == upper).ok_or_else(|| {
        let message = match word {
            "" => "a query begins with LIST, SORT, SELECT, SSELECT or COUNT".to_owned(),
            word => format!("{word} is not a query: LIST, SORT, SELECT, SSELECT or COUNT"),
        };
        ParseError { message, at: 0, near: near(word, Verb::ALL.iter().map(|verb| verb.word())) }
    })
}

fn file(
    tokens: &mut VecDeque<Token>,
    snapshot: &Snapshot,
    end: usize,
    strict: bool,
) -> Parsed<(String, Arc<Dictionary>)> {
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
            let message = if strict { format!("file {file} not found") } else { "File not found".to_owned() };
            Err(ParseError { message, at, near })
        }
        Err(other) => Err(ParseError { message: other.to_string(), at, near: vec![] }),
    }
}

fn id_column(file: &str, dictionary: &Dictionary) -> Display {
    Display::plain(dictionary.column("@ID").cloned().unwrap_or_else(|| DataItem {
        name: "@ID".to_owned(),
        heading: vec![file.to_owned()],
        format: "12L".to_owned(),
        ..DataItem::plain_field(0)
    }))
}

struct Parser<'a> {
    tokens: VecDeque<Token>,
    /// Length of the sentence: where an error at its end points.
    end: usize,
    depth: usize,
    /// Tests joined by AND and OR so far.
    tests: usize,
    phrase_depth: usize,
    expanded: usize,
    dictionary: Arc<Dictionary>,
    snapshot: &'a Snapshot,
    /// Whether an unknown word is a mistake, or the id of a record.
    strict: bool,
    switches: Switches,
    /// What a relation without an item tests.
    last_item: Option<DataItem>,
    /// Items that the sentence named with AS.
    aliases: HashMap<String, DataItem>,
    compiler: Compiler<'a>,
    plan: QueryPlan,
}

impl Parser<'_> {
    /// `$QUERY.DEFAULTS` of the dictionary: text put behind the file name, and the format of ids (8.5).
    fn defaults(&mut self) -> Parsed<()> {
        const NAME: &str = "$QUERY.DEFAULTS";
        if self.dictionary.get(NAME).is_none() {
            return Ok(());
        }
        let Ok(Some(record)) = self.snapshot.read(&format!("DICT {}", self.plan.file), NAME) else {
            return Ok(());
        };
        let text = match self.plan.verb {
            Verb::List | Verb::Sort => record.field_text(2).into_owned(),
            verb if verb.selects() => record.field_text(3).into_owned(),
            _ => String::new(),
        };
        let words = tokens(&text).map_err(|inner| error(&format!("{NAME}: {}", inner.message), self.end))?;
        for token in words.into_iter().rev() {
            self.tokens.push_front(Token { kind: token.kind, at: self.end });
        }
        let format = record.field_text(4);
        if crate::fmt::Format::parse(&format).is_some() {
            self.plan.id_column.item.right = is_right(&format);
            self.plan.id_column.item.format = format.into_owned();
        }
        Ok(())
    }

    /// `@LABEL` of the dictionary: how labels lie, a number in each field from 2 on, C in field 8 (8.5).
    fn labels(&mut self) -> Parsed<()> {
        if !self.plan.verb.labels() || self.dictionary.get("@LABEL").is_none() {
            return Ok(());
        }
        let Ok(Some(record)) = self.snapshot.read(&format!("DICT {}", self.plan.file), "@LABEL") else {
            return Ok(());
        };
        let fields: Vec<String> = (2..=8).map(|field| record.field_text(field).into_owned()).collect();
        self.plan.labels = Labels::parse(fields.join(",").trim_end_matches(','));
        if self.plan.labels.is_none() {
            return Err(error(
                "@LABEL must say in fields 2 to 7: across, rows, skip, indent, size, space",
                self.end,
            ));
        }
        Ok(())
    }

    /// Everything after the file name, in any order.
    fn elements(&mut self) -> Parsed<()> {
        while let Some(token) = self.tokens.pop_front() {
            match token.kind {
                Kind::Quoted(text) if self.plan.verb == Verb::Search => {
                    self.plan.search.push(Operand::Literal(text));
                }
                Kind::Quoted(id) => self.plan.ids.push(Operand::Literal(id)),
                Kind::Parameter(name) => self.plan.ids.push(Operand::Parameter(name)),
                Kind::Open => return Err(error("( must follow WITH, AND, OR or NOT", token.at)),
                Kind::Close => return Err(error("Unexpected close bracket", token.at)),
                Kind::Word(word) => self.element(word, token.at)?,
            }
        }
        Ok(())
    }

    fn element(&mut self, word: String, at: usize) -> Parsed<()> {
        if let Some(item) = self.item(&word)? {
            return self.display(Display::plain(item));
        }
        if self.dictionary.phrase(&word).is_some() {
            return self.expand_phrase(&word);
        }
        let Some(kind) = lookup(&word) else { return self.unknown(word, at) };
        match kind {
            Word::Filler => Ok(()),
            Word::With => self.with(false),
            Word::Without => self.with(true),
            Word::When => self.when(),
            Word::Rel(_) => {
                self.tokens.push_front(Token { kind: Kind::Word(word), at });
                self.with(false)
            }
            Word::By => self.sort_key(false, false),
            Word::ByDsnd => self.sort_key(true, false),
            Word::ByExp => self.sort_key(false, true),
            Word::ByExpDsnd => self.sort_key(true, true),
            Word::Sample => self.sample(false),
            Word::SortedSample => self.sample(true),
            Word::Sampled => {
                self.plan.every_nth = Some(self.count()?.unwrap_or(Count::Fixed(SAMPLE_DEFAULT)));
                Ok(())
            }
            Word::Eval => {
                let item = self.eval_item()?;
                self.display(Display::plain(item))
            }
            Word::Using => self.using(),
            Word::From => self.from(),
            Word::To => self.to(),
            Word::Saving => self.saving(),
            Word::Heading | Word::Footing => {
                let text = self.expect_text()?;
                // The first one wins (11.1).
                let place =
                    if kind == Word::Heading { &mut self.plan.heading } else { &mut self.plan.footing };
                place.get_or_insert(text);
                Ok(())
            }
            Word::GrandTotal => {
                self.plan.grand_total = Some(self.expect_text()?);
                Ok(())
            }
            Word::NoGrandTotal => {
                self.plan.grand_total = Some("'L'".to_owned());
                Ok(())
            }
            Word::Csv | Word::Delimiter | Word::Json | Word::Xml => self.output(kind),
            Word::Element => Err(error(
                "ELEMENT needs a file of collections, which HAL does not keep: records are fields and values",
                at,
            )),
            _ => match self.aggregate(kind, &word)? {
                true => Ok(()),
                false => self.option(kind, &word, at),
            },
        }
    }

    fn option(&mut self, kind: Word, word: &str, at: usize) -> Parsed<()> {
        let options = &mut self.plan.options;
        let flag = match kind {
            Word::IdSup => &mut options.id_sup,
            Word::IdOnly => &mut options.id_only,
            Word::CountSup => &mut options.count_sup,
            Word::HdrSup => &mut options.hdr_sup,
            Word::ColSup => &mut options.col_sup,
            Word::ColHdrSup => {
                options.hdr_sup = true;
                &mut options.col_sup
            }
            Word::DetSup => &mut options.det_sup,
            Word::DblSpc => &mut options.dbl_spc,
            Word::Vertically => &mut options.vertical,
            Word::NoIndex => &mut options.no_index,
            Word::RequireIndex => &mut options.require_index,
            Word::RequireSelect => &mut options.require_select,
            Word::NoPage => &mut options.no_page,
            Word::NewPage => &mut options.new_page,
            Word::Repeating => &mut options.repeating,
            Word::SortSup => &mut options.sort_sup,
            Word::ColHdgSpace => &mut options.heading_spaces,
            Word::ColHdgId => &mut options.heading_is_name,
            Word::AbsentNull => &mut options.absent_null,
            Word::AbsentIgnore => &mut options.absent_ignore,
            Word::AllMatch => &mut options.all_match,
            Word::NoMatch => &mut options.no_match,
            Word::NoCase if self.plan.verb == Verb::Search => &mut options.search_no_case,
            Word::Lptr => {
                options.lptr = true;
                // The number of a printer says nothing here.
                self.number();
                return Ok(());
            }
            Word::ColSpaces => {
                let spaces = self.expect_number("COL.SPACES")?;
                self.plan.options.col_spaces = Some(spaces);
                return Ok(());
            }
            Word::Margin => {
                self.plan.options.margin = self.expect_number("MARGIN")?;
                return Ok(());
            }
            _ => return Err(unexpected(word, at)),
        };
        *flag = true;
        Ok(())
    }

    /// A word that is neither item nor keyword: the id of a record, or a mistake.
    fn unknown(&mut self, word: String, at: usize) -> Parsed<()> {
        if let Some(Item::Other(reason)) = self.dictionary.get(&word) {
            return Err(error(&format!("{word} cannot be used: {reason}"), at));
        }
        if !self.strict || matches!(self.snapshot.read(&self.plan.file, &word), Ok(Some(_))) {
            self.plan.ids.push(Operand::Literal(word));
            return Ok(());
        }
        let near = self.near(&word);
        let message = format!("{word} is not a field of {}, a keyword or a record id", self.plan.file);
        Err(ParseError { message, at, near })
    }

    fn near(&self, word: &str) -> Vec<String> {
        let mut names: Vec<&str> = self.dictionary.iter().map(|(name, _)| name).collect();
        names.retain(|name| !name.starts_with(['@', '$']));
        for word in suggested() {
            names.push(word);
        }
        near(word, names.into_iter())
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

    fn sort_key(&mut self, descending: bool, explode: bool) -> Parsed<()> {
        let no_case = self.take(Word::NoCase);
        if let Some(Token { kind: Kind::Quoted(_), at }) = self.tokens.front() {
            return Err(error("Sort item cannot be a literal value", *at));
        }
        let item = self.expect_item(if descending { "BY.DSND" } else { "BY" })?;
        self.plan.sort.push(SortKey { item, descending, no_case, explode });
        Ok(())
    }

    fn sample(&mut self, sorted: bool) -> Parsed<()> {
        let count = self.count()?.unwrap_or(Count::Fixed(SAMPLE_DEFAULT));
        self.plan.sample = Some(Sample { count, sorted });
        Ok(())
    }

    fn count(&mut self) -> Parsed<Option<Count>> {
        if let Some(Token { kind: Kind::Parameter(name), .. }) = self.tokens.front() {
            let name = name.clone();
            self.tokens.pop_front();
            return Ok(Some(Count::Parameter(name)));
        }
        Ok(self.number().map(Count::Fixed))
    }

    fn number(&mut self) -> Option<usize> {
        let Some(Token { kind: Kind::Word(word), .. }) = self.tokens.front() else { return None };
        let number = word.parse().ok()?;
        self.tokens.pop_front();
        Some(number)
    }

    fn expect_number(&mut self, after: &str) -> Parsed<usize> {
        let at = self.here();
        self.number()
            .filter(|number| *number <= 1000)
            .ok_or_else(|| error(&format!("a number up to 1000 must follow {after}"), at))
    }

    fn using(&mut self) -> Parsed<()> {
        let mut name = self.expect_text()?;
        if name.eq_ignore_ascii_case("DICT") {
            name = self.expect_text()?;
        }
        let at = self.here();
        let entry = self.snapshot.catalog().file(&name);
        let entry = entry.map_err(|_| error(&format!("Dictionary for '{name}' not found"), at))?;
        self.dictionary = Arc::clone(&entry.dictionary);
        self.plan.dictionary.clone_from(&entry.name);
        self.plan.id_column = id_column(&self.plan.file, &self.dictionary);
        Ok(())
    }

    fn from(&mut self) -> Parsed<()> {
        let at = self.here();
        if self.take(Word::None) {
            self.plan.from = From::Nothing;
            return Ok(());
        }
        match self.number() {
            Some(number @ 0..=10) => {
                self.plan.from = From::List(number);
                Ok(())
            }
            _ => Err(error("FROM needs the number of a select list, 0 to 10, or NONE", at)),
        }
    }

    fn to(&mut self) -> Parsed<()> {
        let at = self.here();
        if matches!(self.plan.verb, Verb::Reformat | Verb::Sreformat) {
            self.plan.to_file = Some(self.expect_text()?);
            return Ok(());
        }
        match self.number() {
            Some(number @ 0..=10) => {
                self.plan.to = number;
                Ok(())
            }
            _ => Err(error("TO needs the number of a select list, 0 to 10", at)),
        }
    }

    fn saving(&mut self) -> Parsed<()> {
        let (mut unique, mut multi) = (false, false);
        loop {
            if self.take(Word::Unique) {
                unique = true;
            } else if self.take(Word::MultiValue) {
                multi = true;
            } else {
                break;
            }
        }
        let item = self.expect_item("SAVING")?;
        let no_nulls = self.take(Word::NoNulls);
        self.plan.saving = Some(Saving { item, unique, multi, no_nulls });
        Ok(())
    }

    fn output(&mut self, kind: Word) -> Parsed<()> {
        self.plan.output = match kind {
            Word::Json => Output::Json,
            Word::Xml => Output::Xml,
            Word::Csv => {
                let mode = self.number().unwrap_or(1).clamp(1, 3) as u8;
                let quoted = matches!(self.tokens.front(), Some(Token { kind: Kind::Quoted(text), .. }) if text.chars().count() == 1);
                let delimiter = if quoted { self.expect_text()? } else { ",".to_owned() };
                self.written_to()?;
                Output::Delimited { delimiter, mode }
            }
            _ => {
                let delimiter = self.expect_text()?;
                let delimiter =
                    if delimiter.eq_ignore_ascii_case("TAB") { "\t".to_owned() } else { delimiter };
                Output::Delimited { delimiter, mode: 0 }
            }
        };
        Ok(())
    }

    /// Behind CSV: `AS file id`. `TO path` is refused, as commands write no files of the system.
    fn written_to(&mut self) -> Parsed<()> {
        let at = self.here();
        if self.take(Word::As) {
            let mut file = self.expect_text()?;
            if file.eq_ignore_ascii_case("DICT") {
                file = format!("DICT {}", self.expect_text()?);
            }
            self.plan.to_record = Some((file, self.expect_text()?));
            return Ok(());
        }
        let list = |token: &Token| matches!(&token.kind, Kind::Word(word) if word.parse::<usize>().is_ok());
        if self.peek_word() == Some(Word::To) && !self.tokens.get(1).is_some_and(list) {
            let message = "CSV writes no files of the system: `hal tcl '...' > file` does, CSV AS file id writes a record";
            return Err(error(message, at));
        }
        Ok(())
    }

    /// The next token as text: a quoted one or a word that means nothing else here.
    fn expect_text(&mut self) -> Parsed<String> {
        match self.tokens.pop_front() {
            Some(Token { kind: Kind::Quoted(text) | Kind::Word(text), .. }) => Ok(text),
            Some(Token { kind: Kind::Parameter(name), .. }) => Ok(format!("{{{name}}}")),
            other => Err(error("text in quotes must come here", other.map_or(self.end, |token| token.at))),
        }
    }

    fn here(&self) -> usize {
        self.tokens.front().map_or(self.end, |token| token.at)
    }

    /// What the next word means, unless the dictionary has an item of this name.
    fn peek_word(&self) -> Option<Word> {
        match self.tokens.front().map(|token| &token.kind) {
            Some(Kind::Word(word)) if self.dictionary.column(word).is_none() => lookup(word),
            _ => None,
        }
    }

    fn take(&mut self, word: Word) -> bool {
        let taken = self.peek_word() == Some(word);
        if taken {
            self.tokens.pop_front();
        }
        taken
    }

    fn finish(mut self) -> Parsed<QueryPlan> {
        let plan = &mut self.plan;
        if plan.verb.selects() && plan.saving.is_none() && !plan.columns.is_empty() {
            // `SELECT file item` keeps the item's values (11.8).
            let item = plan.columns.swap_remove(0).item;
            plan.saving = Some(Saving { item, unique: false, multi: true, no_nulls: false });
            plan.columns.clear();
        }
        let mut exploded = plan.sort.iter().filter(|key| key.explode).map(|key| &key.item);
        if let Some(first) = exploded.next()
            && exploded.any(|item| {
                item.name != first.name
                    && (item.association.is_none() || item.association != first.association)
            })
        {
            return Err(error("All exploded sort items must be in the same association", self.end));
        }
        if matches!(plan.verb, Verb::Reformat | Verb::Sreformat) {
            if plan.to_file.is_none() {
                return Err(error("TO and the name of a file are missing", self.end));
            }
            if plan.columns.is_empty() {
                return Err(error("REFORMAT needs an item for the id", self.end));
            }
        }
        if plan.options.det_sup {
            plan.options.id_sup = true;
        }
        Ok(self.plan)
    }
}

fn error(message: &str, at: usize) -> ParseError {
    ParseError { message: message.to_owned(), at, near: Vec::new() }
}

/// In QM's own words: a keyword where none can stand.
fn unexpected(word: &str, at: usize) -> ParseError {
    error(&format!("Unexpected K type item ({}) in query sentence.", word.to_uppercase()), at)
}
