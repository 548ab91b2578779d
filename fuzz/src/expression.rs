//! Any text as an I-type expression and as an A or F code: compiled or refused, and run on records.

use hal_db::query;

use crate::query::{run, with_account};

/// Inputs to begin with.
pub const SEEDS: &[&[u8]] = &[
    b"T[1,1]; @:'-':Q<1,2>; @1:'/':@2",
    b"IF Q > 5 THEN 'a' ELSE IF T LIKE 'a...' THEN SUM(Q * D) ELSE OCONV(D,'D4-')",
    b"TRANS(F, '1', Q, 'X'):TRANS(DICT F, T, 2, 'C')",
    b"IFS(EQS(Q,REUSE(2)),Q,REUSE('n')):FIELD(T,' ',2):CHANGE(T,'a','bb')",
    b"REPLACE(@RECORD,2,-1,0,'x')<2>:INSERT(Q,1,2,0,'y'):DELETE(Q,1,1)",
    b"-2**3//1.5+MOD(7,3)-RAISE(LOWER(Q))",
    b";2*\"100\"/N(D)(MD2)[1,2]",
    b";IF 2=\"3\" THEN D ELSE S(2)",
    b";2;C5;+;P;(MD1);_;:;2;1;3;[]",
    // Found: control characters were measured in two ways, and a cell was wider than its column.
    b"C\0\0\0\0\0\0\0\0\0",
];

/// Shows, sorts and totals the expression; then takes it as a correlative.
pub fn fuzz_one(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(quote) = ['"', '\'', '\\'].into_iter().find(|quote| !text.contains(*quote)) else { return };
    with_account(|snapshot| {
        for sentence in [
            format!("SORT F EVAL {quote}{text}{quote} AS Z CALC Z BY.DSND Z TOTAL Z WITH Z"),
            format!("SORT F Q CONV {quote}A{text}{quote}"),
            format!("SORT F Q CONV {quote}F{text}{quote}"),
        ] {
            if let Ok(plan) = query::parse_command(&sentence, snapshot) {
                run(&plan, snapshot);
            }
        }
    });
}
