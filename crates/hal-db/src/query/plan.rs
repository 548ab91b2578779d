//! A query as plain data: what a sentence said, with the dictionary's answers filled in. Runs nothing.

use crate::dict::DataItem;
use crate::error::{Error, Result};

/// What to do with the records found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Rows in file order.
    List,
    /// Rows in id order (after any `BY`).
    Sort,
    /// Ids in file order.
    Select,
    /// Ids in id order (after any `BY`).
    Sselect,
    /// The number of records.
    Count,
}

impl Verb {
    /// The word in a sentence.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verb::List => "LIST",
            Verb::Sort => "SORT",
            Verb::Select => "SELECT",
            Verb::Sselect => "SSELECT",
            Verb::Count => "COUNT",
        }
    }

    /// Whether rows end in id order.
    #[must_use]
    pub fn sorts(self) -> bool {
        matches!(self, Verb::Sort | Verb::Sselect)
    }
}

/// A parsed query. Plain data: clone it, bind its parameters, run it on any snapshot.
///
/// Dictionary items are resolved when the sentence is parsed; later changes of the dictionary do not reach the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryPlan {
    /// The verb.
    pub verb: Verb,
    /// The file, perhaps `DICT name`.
    pub file: String,
    /// The sentence as written; the report's heading.
    pub sentence: String,
    /// Items to show, in order; the id comes before them unless `options.id_sup`.
    pub columns: Vec<Display>,
    /// How the id is shown: the `@ID` item of the dictionary.
    pub id_column: Display,
    /// Which records; `None` for all.
    pub select: Option<Condition>,
    /// Sort keys, most significant first.
    pub sort: Vec<SortKey>,
    /// Only these records, when any are named.
    pub ids: Vec<Operand>,
    /// Only so many.
    pub sample: Option<Sample>,
    /// The rest.
    pub options: Options,
}

/// A displayed item: the dictionary's answer after the qualifiers of the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Display {
    /// Field, conversion, format and heading.
    pub item: DataItem,
    /// Whether a grand total is shown.
    pub total: bool,
}

/// A sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// What to sort by.
    pub item: DataItem,
    /// Greatest first.
    pub descending: bool,
    /// Capitals and small letters alike.
    pub no_case: bool,
}

/// How many records, and when they are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// How many.
    pub count: Count,
    /// `SORTED.SAMPLE`: counted after sorting; else the first that pass the selection.
    pub sorted: bool,
}

/// A number in a sentence, or a parameter for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Count {
    /// A number.
    Fixed(usize),
    /// `{name}`.
    Parameter(String),
}

/// Output options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// `ID.SUP`: no id column.
    pub id_sup: bool,
    /// `COUNT.SUP`: no count line.
    pub count_sup: bool,
    /// `HDR.SUP`: no page heading.
    pub hdr_sup: bool,
    /// `COL.SUP`: no column headings.
    pub col_sup: bool,
    /// `DET.SUP`: only totals.
    pub det_sup: bool,
    /// `DBL.SPC`: a blank line between records.
    pub dbl_spc: bool,
    /// `VERTICALLY`: one line an item.
    pub vertical: bool,
    /// `NO.INDEX`: read the whole file.
    pub no_index: bool,
}

/// A selection. `AND` and `OR` have equal rank and are taken from left to right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// One test.
    Test(Box<Test>),
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// Either.
    Or(Box<Condition>, Box<Condition>),
    /// `NO`, `NOT`: the opposite.
    Not(Box<Condition>),
}

/// A test of one item's values against operands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// The item tested.
    pub item: DataItem,
    /// `EVERY`: all values must pass; else any one.
    pub every: bool,
    /// The relation.
    pub op: RelOp,
    /// Capitals and small letters alike.
    pub no_case: bool,
    /// What it is compared with: two for `BETWEEN`, none for `Present`, else alternatives of which one must hold.
    pub operands: Vec<Operand>,
}

/// Relations of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelOp {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// The shown value matches a pattern.
    Like,
    /// The shown value does not match a pattern.
    Unlike,
    /// Sounds the same (Soundex).
    Said,
    /// Within two operands, both included.
    Between,
    /// Not empty.
    Present,
}

impl RelOp {
    /// The word in a sentence.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            RelOp::Eq => "EQ",
            RelOp::Ne => "NE",
            RelOp::Lt => "LT",
            RelOp::Le => "LE",
            RelOp::Gt => "GT",
            RelOp::Ge => "GE",
            RelOp::Like => "LIKE",
            RelOp::Unlike => "UNLIKE",
            RelOp::Said => "SAID",
            RelOp::Between => "BETWEEN",
            RelOp::Present => "present",
        }
    }
}

/// What a test compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// Text as a person writes it; converted with the item's conversion when the query runs.
    Literal(String),
    /// `{name}`: text that comes with [`QueryPlan::bind`].
    Parameter(String),
    /// Another item of the same record.
    Item(Box<DataItem>),
}

/// Longest text that may be bound to a parameter, in bytes.
pub(super) const PARAMETER_BYTES_MAX: usize = 4096;

impl QueryPlan {
    /// Fills in the parameters: `value(name)` gives the text as a person would write it, `None` when unknown.
    ///
    /// A value stays one operand whatever it contains; it cannot change the structure of the query.
    ///
    /// # Errors
    /// [`Error::UnboundParameter`]; [`Error::TooLarge`] past 4,096 bytes; [`Error::BadValue`] where a number is needed.
    pub fn bind(&self, mut value: impl FnMut(&str) -> Option<String>) -> Result<QueryPlan> {
        let mut lookup = |name: &str| -> Result<String> {
            let value = value(name).ok_or_else(|| Error::UnboundParameter { name: name.to_owned() })?;
            if value.len() > PARAMETER_BYTES_MAX {
                let hint = "shorten it";
                let what = format!("the value of {{{name}}}");
                return Err(Error::TooLarge { what, limit: PARAMETER_BYTES_MAX as u64, hint });
            }
            Ok(value)
        };
        let mut plan = self.clone();
        for id in &mut plan.ids {
            bind_operand(id, &mut lookup)?;
        }
        if let Some(select) = &mut plan.select {
            bind_condition(select, &mut lookup)?;
        }
        if let Some(Sample { count, .. }) = &mut plan.sample
            && let Count::Parameter(name) = count
        {
            let value = lookup(name)?;
            let number = value.trim().parse().map_err(|_| Error::BadValue {
                item: format!("{{{name}}}"),
                value: value.clone(),
                code: "a number of records".to_owned(),
            })?;
            *count = Count::Fixed(number);
        }
        Ok(plan)
    }

    /// Names of the parameters that [`QueryPlan::bind`] will ask for, in order, each once.
    #[must_use]
    pub fn parameters(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        // Binding visits every parameter, so it knows best which there are.
        let all = self.bind(|name| {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
            Some("1".to_owned())
        });
        debug_assert!(all.is_ok(), "\"1\" is short and a number");
        names
    }

    /// The plan in words, one line a step: where records come from, what is tested, how they are ordered.
    #[must_use]
    pub fn explain(&self) -> String {
        super::access::explain(self)
    }
}

fn bind_condition(condition: &mut Condition, lookup: &mut impl FnMut(&str) -> Result<String>) -> Result<()> {
    match condition {
        Condition::Test(test) => {
            test.operands.iter_mut().try_for_each(|operand| bind_operand(operand, lookup))
        }
        Condition::And(a, b) | Condition::Or(a, b) => {
            bind_condition(a, lookup)?;
            bind_condition(b, lookup)
        }
        Condition::Not(inner) => bind_condition(inner, lookup),
    }
}

fn bind_operand(operand: &mut Operand, lookup: &mut impl FnMut(&str) -> Result<String>) -> Result<()> {
    if let Operand::Parameter(name) = operand {
        *operand = Operand::Literal(lookup(name)?);
    }
    Ok(())
}
