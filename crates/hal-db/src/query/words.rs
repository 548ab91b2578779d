//! The words of the query language and their synonyms, from a real VOC. Knows nothing of grammar.

use super::plan::RelOp;

/// What a word means when it is not an item of the dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Rel(RelOp),
    /// `NOT`: a prefix of a test, or NE between an item and a value.
    Not,
    No,
    Every,
    And,
    Or,
    With,
    Without,
    By,
    ByDsnd,
    Sample,
    SortedSample,
    Total,
    Conv,
    Fmt,
    ColHdg,
    SingleValue,
    MultiValue,
    NoCase,
    IdSup,
    CountSup,
    HdrSup,
    ColSup,
    DetSup,
    DblSpc,
    Vertically,
    NoIndex,
    /// Says nothing: THAN, and NO.PAGE, which is how HAL always answers.
    Filler,
    /// Known to the language, not served yet.
    Unserved,
}

/// Looks up a word, capitals or not.
pub(super) fn lookup(word: &str) -> Option<Word> {
    use Word::{
        And, By, ByDsnd, ColHdg, ColSup, Conv, CountSup, DblSpc, DetSup, Every, Filler, Fmt, HdrSup, IdSup,
        MultiValue, No, NoCase, NoIndex, Not, Or, Rel, Sample, SingleValue, SortedSample, Total, Unserved,
        Vertically, With, Without,
    };
    Some(match word.to_ascii_uppercase().as_str() {
        "EQ" | "=" | "EQUAL" => Rel(RelOp::Eq),
        "NE" | "#" | "<>" | "><" => Rel(RelOp::Ne),
        "LT" | "<" | "BEFORE" | "LESS" => Rel(RelOp::Lt),
        "LE" | "<=" | "=<" => Rel(RelOp::Le),
        "GT" | ">" | "AFTER" | "GREATER" => Rel(RelOp::Gt),
        "GE" | ">=" | "=>" => Rel(RelOp::Ge),
        "LIKE" | "MATCHES" | "MATCHING" => Rel(RelOp::Like),
        "UNLIKE" | "NOT.MATCHING" => Rel(RelOp::Unlike),
        "SAID" | "SPOKEN" | "~" => Rel(RelOp::Said),
        "BETWEEN" => Rel(RelOp::Between),
        "NOT" => Not,
        "NO" => No,
        "EVERY" => Every,
        "AND" | "&" => And,
        "OR" => Or,
        "WITH" | "IF" => With,
        "WITHOUT" => Without,
        "BY" => By,
        "BY.DSND" | "BY-DSND" => ByDsnd,
        "SAMPLE" | "FIRST" => Sample,
        "SORTED.SAMPLE" | "SORTED.FIRST" => SortedSample,
        "TOTAL" => Total,
        "CONV" => Conv,
        "FMT" => Fmt,
        "COL.HDG" | "DISPLAY.NAME" => ColHdg,
        "SINGLE.VALUE" | "SINGLEVALUED" => SingleValue,
        "MULTI.VALUE" | "MULTIVALUED" => MultiValue,
        "NO.CASE" => NoCase,
        "ID.SUP" | "ID-SUP" | "ID-SUPP" => IdSup,
        "COUNT.SUP" | "NI-SUPP" => CountSup,
        "HDR.SUP" | "HDR-SUPP" | "SUPP" => HdrSup,
        "COL.SUP" | "COL-SUPP" => ColSup,
        "DET.SUP" | "DET-SUPP" => DetSup,
        "DBL.SPC" | "DBL-SPC" => DblSpc,
        "VERTICALLY" | "VERT" => Vertically,
        "NO.INDEX" => NoIndex,
        "THAN" | "NO.PAGE" | "NOPAGE" => Filler,
        "WHEN" | "BY.EXP" | "BY-EXP" | "BY.EXP.DSND" | "BY-EXP-DSND" | "BREAK.ON" | "BREAK-ON"
        | "BREAK.SUP" | "BREAK-SUP" | "AVERAGE" | "AVG" | "MAX" | "MIN" | "ENUM" | "ENUMERATE"
        | "PERCENT" | "PCT" | "CALC" | "CUMULATIVE" | "MEDIAN" | "EVAL" | "EVALUATE" | "USING" | "SAVING"
        | "FROM" | "TO" | "IN" | "NOT.IN" | "HEADING" | "HEADER" | "FOOTING" | "FOOTER" | "GRAND.TOTAL"
        | "ASSOC" | "ASSOC.WITH" | "DISPLAY.LIKE" | "AS" | "LPTR" | "CSV" | "SAMPLED" => Unserved,
        _ => return None,
    })
}

/// Words to suggest for one that is not known.
pub(super) const SUGGESTED: [&str; 28] = [
    "WITH",
    "WITHOUT",
    "EVERY",
    "AND",
    "OR",
    "BETWEEN",
    "LIKE",
    "UNLIKE",
    "SAID",
    "BY",
    "BY.DSND",
    "FIRST",
    "SAMPLE",
    "SORTED.SAMPLE",
    "TOTAL",
    "CONV",
    "FMT",
    "COL.HDG",
    "NO.CASE",
    "ID.SUP",
    "COUNT.SUP",
    "HDR.SUP",
    "COL.SUP",
    "DET.SUP",
    "DBL.SPC",
    "VERTICALLY",
    "NO.INDEX",
    "BEFORE",
];
