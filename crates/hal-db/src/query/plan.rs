//! A query as plain data: what a sentence said, with the dictionary's answers filled in. Runs nothing.

use crate::dict::DataItem;

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
    /// Ids of records that contain some text.
    Search,
    /// The number of records.
    Count,
    /// Totals of items.
    Sum,
    /// Whole records, field by field.
    ListItem,
    /// Whole records in id order.
    SortItem,
    /// Rows written to another file; the first item is the id there.
    Reformat,
    /// As `REFORMAT`, in id order.
    Sreformat,
    /// Labels beside each other.
    ListLabel,
    /// Labels, in id order.
    SortLabel,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Verb; 13] = [
        Verb::List,
        Verb::Sort,
        Verb::Select,
        Verb::Sselect,
        Verb::Search,
        Verb::Count,
        Verb::Sum,
        Verb::ListItem,
        Verb::SortItem,
        Verb::Reformat,
        Verb::Sreformat,
        Verb::ListLabel,
        Verb::SortLabel,
    ];

    /// The word in a sentence.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verb::List => "LIST",
            Verb::Sort => "SORT",
            Verb::Select => "SELECT",
            Verb::Sselect => "SSELECT",
            Verb::Search => "SEARCH",
            Verb::Count => "COUNT",
            Verb::Sum => "SUM",
            Verb::ListItem => "LIST.ITEM",
            Verb::SortItem => "SORT.ITEM",
            Verb::Reformat => "REFORMAT",
            Verb::Sreformat => "SREFORMAT",
            Verb::ListLabel => "LIST.LABEL",
            Verb::SortLabel => "SORT.LABEL",
        }
    }

    /// Whether rows end in id order.
    #[must_use]
    pub fn sorts(self) -> bool {
        matches!(self, Verb::Sort | Verb::Sselect | Verb::SortItem | Verb::Sreformat | Verb::SortLabel)
    }

    /// Whether the answer is a list of ids.
    #[must_use]
    pub fn selects(self) -> bool {
        matches!(self, Verb::Select | Verb::Sselect | Verb::Search)
    }

    /// Whether records are shown as labels.
    #[must_use]
    pub fn labels(self) -> bool {
        matches!(self, Verb::ListLabel | Verb::SortLabel)
    }

    /// Whether items are shown.
    #[must_use]
    pub fn shows(self) -> bool {
        matches!(self, Verb::List | Verb::Sort) || self.labels()
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
    /// The file whose dictionary was used last: another one with USING.
    pub dictionary: String,
    /// The sentence as written; the report's heading.
    pub sentence: String,
    /// Items to show, in order; the id comes before them unless `options.id_sup`.
    pub columns: Vec<Display>,
    /// How the id is shown: the `@ID` item of the dictionary.
    pub id_column: Display,
    /// Which records; `None` for all.
    pub select: Option<Condition>,
    /// WHEN: which values of an association; records without one are left out.
    pub when: Option<Condition>,
    /// Sort keys, most significant first.
    pub sort: Vec<SortKey>,
    /// Only these records, when any are named.
    pub ids: Vec<Operand>,
    /// SEARCH: texts that a record must hold.
    pub search: Vec<Operand>,
    /// Only so many.
    pub sample: Option<Sample>,
    /// SAMPLED: only every so manieth of those that pass.
    pub every_nth: Option<Count>,
    /// Which select list restricts the query.
    pub from: From,
    /// Which select list a SELECT fills; 0 unless said otherwise.
    pub to: usize,
    /// The file that REFORMAT writes to.
    pub to_file: Option<String>,
    /// SAVING: an item's values instead of ids.
    pub saving: Option<Saving>,
    /// HEADING and FOOTING.
    pub heading: Option<String>,
    /// The text at the foot of a page.
    pub footing: Option<String>,
    /// GRAND.TOTAL: its text with its codes.
    pub grand_total: Option<String>,
    /// How it is written.
    pub output: Output,
    /// How labels lie; as the dictionary's `@LABEL` says, or a person did.
    pub labels: Option<Labels>,
    /// CSV `AS file id`: the record that the values are written to, line by line, instead of being shown.
    pub to_record: Option<(String, String)>,
    /// The rest.
    pub options: Options,
}

impl QueryPlan {
    /// Whether rows end in id order: SORT and its like, but for SORT.SUP.
    pub(super) fn sorts_by_id(&self) -> bool {
        self.verb.sorts() && !self.options.sort_sup
    }

    /// Whether no index may be used: it was said so, or the items are those of another dictionary than its own.
    pub(super) fn refuses_indices(&self) -> bool {
        self.options.no_index || self.dictionary != self.file
    }
}

/// How labels lie on a sheet, in characters and lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels {
    /// Labels beside each other.
    pub across: usize,
    /// Lines of a label.
    pub rows: usize,
    /// Blank lines below it.
    pub skip: usize,
    /// Spaces before the first.
    pub indent: usize,
    /// Width of a label.
    pub size: usize,
    /// Spaces between two.
    pub space: usize,
    /// Blank lines within a label are left out.
    pub compress: bool,
}

impl Default for Labels {
    fn default() -> Labels {
        Labels { across: 1, rows: 5, skip: 1, indent: 0, size: 38, space: 2, compress: true }
    }
}

impl Labels {
    /// Reads `across,rows,skip,indent,size,space{,C}`, as the engines of Pick ask for it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Labels> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let (numbers, rest) = parts.split_at_checked(6)?;
        let compress = match rest {
            [] => false,
            [c] if c.eq_ignore_ascii_case("C") => true,
            _ => return None,
        };
        let mut read = numbers.iter().map(|part| part.parse::<usize>().ok().filter(|number| *number <= 1000));
        let mut next = || read.next().flatten();
        let labels = Labels {
            across: next()?,
            rows: next()?,
            skip: next()?,
            indent: next()?,
            size: next()?,
            space: next()?,
            compress,
        };
        (labels.across > 0 && labels.rows > 0 && labels.size > 0).then_some(labels)
    }
}

/// A displayed item: the dictionary's answer after the qualifiers of the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Display {
    /// Field, conversion, format and heading.
    pub item: DataItem,
    /// What is computed of its values.
    pub aggregate: Aggregate,
    /// Empty values are not counted.
    pub no_nulls: bool,
    /// RPT: a single value is repeated on each line of its record.
    pub repeat: bool,
    /// BREAK.ON and BREAK.SUP: a change of its value ends a group.
    pub group: Option<Group>,
}

impl Display {
    /// An item shown as it is.
    #[must_use]
    pub fn plain(item: DataItem) -> Display {
        Display { item, aggregate: Aggregate::None, no_nulls: false, repeat: false, group: None }
    }
}

/// What is computed of a column's values, for each group and for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregate {
    /// Nothing.
    #[default]
    None,
    /// The sum.
    Total,
    /// The mean.
    Average,
    /// The greatest.
    Max,
    /// The least.
    Min,
    /// How many values.
    Enum,
    /// The share of the sum over all records, with so many decimals; shown in place of the value.
    Percent(u8),
    /// The expression again, over the sums of its TOTAL()s.
    Calc,
    /// The running sum, shown in place of the value.
    Cumulative,
    /// The middle value.
    Median,
    /// The most frequent value.
    Mode,
    /// Greatest less least.
    Range,
}

/// A column that forms groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// BREAK.SUP: the column is not shown.
    pub suppressed: bool,
    /// The text with its codes in quotes; `None` for the usual `**`.
    pub text: Option<String>,
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
    /// BY.EXP: each value makes a row of its own.
    pub explode: bool,
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

/// Which select list restricts a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum From {
    /// List 0, if it is active.
    #[default]
    Active,
    /// A list of this number, which must be active.
    List(usize),
    /// None, even if list 0 is active.
    Nothing,
}

/// SAVING: what a SELECT keeps instead of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saving {
    /// The item.
    pub item: DataItem,
    /// Each once.
    pub unique: bool,
    /// All values; else the first of each record.
    pub multi: bool,
    /// Empty ones are dropped.
    pub no_nulls: bool,
}

/// How a report is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Output {
    /// Columns, or one line an item where they do not fit.
    #[default]
    Report,
    /// Values with this between; for CSV mode 1 quotes what needs it, 2 all that is no number, 3 all; 0 nothing.
    Delimited {
        /// What stands between two values.
        delimiter: String,
        /// Which values are quoted.
        mode: u8,
    },
    /// One JSON object a record, typed by the dictionary (section 30).
    Json,
    /// XML: an element a record, those of its items within.
    Xml,
}

/// Output options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// `ID.SUP`: no id column.
    pub id_sup: bool,
    /// `ID.ONLY`: nothing but ids where no item is named.
    pub id_only: bool,
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
    /// `REQUIRE.INDEX`: refuse a query that no index serves.
    pub require_index: bool,
    /// `REQUIRE.SELECT`: refuse a query without an active list.
    pub require_select: bool,
    /// `NO.PAGE`: one page without end.
    pub no_page: bool,
    /// `NEW.PAGE`: a page for each record.
    pub new_page: bool,
    /// `LPTR`: for a printer.
    pub lptr: bool,
    /// `REPEATING`: single values on each line of their record.
    pub repeating: bool,
    /// `COL.HDG.ID`: names of the items as headings.
    pub heading_is_name: bool,
    /// `COL.HDG.SPACE`: spaces, not dots, fill the column headings.
    pub heading_spaces: bool,
    /// `SORT.SUP`: SORT does not sort by id.
    pub sort_sup: bool,
    /// `ABSENT.NULL`: a record that is not there is empty.
    pub absent_null: bool,
    /// `ABSENT.IGNORE`: nothing is said of records that are not there.
    pub absent_ignore: bool,
    /// `COL.SPACES`: spaces between columns.
    pub col_spaces: Option<usize>,
    /// `MARGIN`: spaces before each line.
    pub margin: usize,
    /// SEARCH `ALL.MATCH`: all texts, not one of them.
    pub all_match: bool,
    /// SEARCH `NO.MATCH`: records that hold none of them.
    pub no_match: bool,
    /// SEARCH `NO.CASE`.
    pub search_no_case: bool,
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
    /// One of the lines of a saved list.
    In,
    /// None of the lines of a saved list.
    NotIn,
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
            RelOp::In => "IN",
            RelOp::NotIn => "NOT.IN",
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
