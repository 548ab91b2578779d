//! A compiled expression as a tree. Plain data; `eval` runs it.

use std::sync::Arc;

use super::functions::Function;
use crate::dict::DataItem;

/// A compiled expression: compiled once, run for each record.
#[derive(Debug)]
pub(crate) struct Program {
    /// The expressions of a compound, the last one gives the value.
    pub steps: Vec<Node>,
    /// Depth of the tree, with the programs within.
    pub depth: usize,
    /// Whether the value depends on more than the record and its id: the time, another file, a place in a report.
    pub volatile: bool,
    /// The first field that the expression reads; an EVAL takes its format from it.
    pub first_item: Option<DataItem>,
    /// How many TOTAL() the expression has.
    pub totals: usize,
}

#[derive(Debug)]
pub(crate) enum Node {
    Text(Vec<u8>),
    Number(super::calc::Num),
    Id,
    Record,
    Field(usize),
    /// An `@`-variable.
    Variable(Variable),
    /// `@1`: value of an earlier expression of the compound, from 0.
    Step(usize),
    /// `$1`: argument of the item in the query, from 0.
    Argument(usize),
    /// Another item, expanded in place, with its arguments.
    Item(Arc<Program>, Vec<Node>),
    Negate(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    /// Cases of IF .. THEN, and what stands after the last ELSE.
    Cases(Vec<(Node, Node)>, Box<Node>),
    /// `s<f,v,s>`.
    Extract(Box<Node>, Vec<Node>),
    /// `s[n]`.
    Last(Box<Node>, Box<Node>),
    /// `s[p,n]`; without a length to the end.
    Part(Box<Node>, Box<Node>, Option<Box<Node>>),
    /// `s[d,i,n]`.
    Group(Box<[Node; 4]>),
    Call(&'static Function, Vec<Node>),
    Trans(Box<Trans>),
    /// TOTAL(): its number in the program, and what is added up.
    Total(usize, Box<Node>),
}

/// TRANS: a field of another file's record.
#[derive(Debug)]
pub(crate) struct Trans {
    /// The file in the store; `None` when there is no such file: then every record is missing.
    pub file: Option<crate::casing::Records>,
    pub id: Node,
    pub wanted: Wanted,
    pub missing: Missing,
    /// RTRANS: marks stay as they are.
    pub raw: bool,
    /// The value wanted, 0 for all: of the T conversion.
    pub value: usize,
}

#[derive(Debug)]
pub(crate) enum Wanted {
    Id,
    Record,
    Field(usize),
    Item(Arc<Program>),
}

/// What a missing record gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Empty,
    Id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variable {
    Date,
    Time,
    Day,
    Month,
    Year,
    Year4,
    FileName,
    User,
    Tty,
    ItemCounter,
    DetailLine,
    ValueCounter,
    SubvalueCounter,
    BreakLevel,
    BreakValue,
    /// 9999: bytes of the record.
    RecordLength,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// Whole quotient, of `//` and of correlatives.
    DivideWhole,
    Power,
    Concatenate,
    Format,
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Matches,
    /// `==`: the same text.
    Same,
    /// `~=`: the same text, case ignored.
    SameNoCase,
}

impl Program {
    /// A program of one expression.
    pub(crate) fn of(node: Node) -> Program {
        Program { steps: vec![node], depth: 1, volatile: false, first_item: None, totals: 0 }
    }
}
