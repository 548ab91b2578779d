//! Expressions against a small record: what they give, and where a mistake is.

use super::*;
use crate::Env;
use crate::dict::Dictionary;
use crate::dynarray::DynArray;

fn dictionary() -> Dictionary {
    let mut dictionary = Dictionary::default();
    let field = |text: &str| DynArray::from_text(text);
    for (name, record) in [
        ("NAME", "Dþ1þþNameþ10LþS"),
        ("QTY", "Dþ2þþQtyþ4RþMþLINE"),
        ("PRICE", "Dþ3þMD2þPriceþ9RþMþLINE"),
        ("TOT", "IþSUM(QTY * PRICE)þMD2,þTotalþ10RþS"),
        ("KEY", "IþNAME[1,1]; @:'-':QTY<1,1>; @1:'/':@2þþKeyþ10LþS"),
        ("LOOP", "IþLOOP + 1þþþ5RþS"),
        ("TWICE", "Iþ$1 * 2þþþ5RþS"),
        ("NET-PAY", "Dþ4þþþ5RþS"),
        ("A1", "Aþ2þHeadingþþþþþA;2*\"10\"R/\"3\"RþRþ6"),
        ("F1X", "Aþ2þHeadingþþþþþF;2;C5;+;(MD1)þRþ6"),
        ("S1", "Sþ1þUpperþþþþþMCUþLþ10"),
    ] {
        dictionary.add(name, field(record).as_bytes());
    }
    dictionary
}

fn run(source: &str) -> Result<String, CompileError> {
    let dictionary = dictionary();
    let scope = Scope { file: "T", dictionary: &dictionary };
    let program = Compiler::new(None).expression(source, scope)?;
    let record = DynArray::from_text("Smith & Sonsþ3ý10ý1þ150ý2599ý100000þ7");
    let context = Context {
        env: Env { today: 21_512, second: 3_600 },
        file: "T",
        view: None,
        catalog: None,
        place: Place::default(),
    };
    let value = program.run(b"ID*7", record.as_bytes(), &context);
    Ok(DynArray::from_bytes(value.bytes()).to_text())
}

#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(run(source).as_deref(), Ok(expected), "{source}");
}

#[test]
fn arithmetic_is_decimal_and_element_by_element() {
    check("1/3", "0.3333");
    check("2/3*3", "2");
    check("10/4", "2.5");
    check("2+3*4", "14");
    check("(2+3)*4", "20");
    check("-5//2", "-2");
    check("2**10", "1024");
    check("QTY * 2", "6ý0ý0");
    check("QTY * REUSE(2)", "6ý20ý2");
    check("QTY * PRICE", "450ý25990ý100000");
    check("TOT", "126440");
    check("SUM(QTY * PRICE) / 100", "1264.4");
    check("NAME + 1", "1");
    check("7/0", "0");
    check("0.1+0.2", "0.3");
    check("MOD(-7,3):'/':REM(-7,3)", "2/-1");
}

#[test]
fn text_is_joined_cut_and_laid_out() {
    check("NAME[1,5]", "Smith");
    check("NAME[4]", "Sons");
    check("NAME[7,*]", "& Sons");
    check("NAME[' ',3,1]", "Sons");
    check("KEY", "S/S-3");
    check("F4 \"5R\"", "    7");
    check("UPCASE(NAME):'!'", "SMITH & SONS!");
    check("FIELD(@ID,'*',2)", "7");
    check("QTY<1,2>", "10");
    check("DCOUNT(QTY,@VM)", "3");
    check("CONVERT('Sm','Zn',NAME)", "Znith & Zons");
    check("CHANGE(NAME,'S','ss')", "ssmith & ssons");
    check("TRIM('  a   b ')", "a b");
    check("OCONV(21512,'D4-')", "11-23-2026");
    check("INDEX('abcabc','bc',2)", "5");
    check("MAXIMUM(QTY):MINIMUM(QTY)", "101");
    check("\\it's\\", "it's");
}

#[test]
fn conditions_choose() {
    check("IF QTY<1,1> > 2 THEN 'many' ELSE 'few'", "many");
    check("IF NAME = '' THEN 1 ELSE IF NAME LIKE 'S...' THEN 2 ELSE 3", "2");
    check("IF 1 = 1 OR 1 = 2 AND 1 = 2 THEN 'y' ELSE 'n'", "n");
    check("NAME # ''", "1");
    check("'' < 0", "1");
    check("'01' = '1.0'", "1");
    check("EQS(QTY,REUSE(10))", "0ý1ý0");
    check("IFS(EQS(QTY,REUSE(10)),REUSE('ten'),QTY)", "3ýtený1");
    check("QTY<1,1><5", "1");
    check("F4<8", "1");
}

#[test]
fn items_variables_and_arguments_are_known() {
    check("@ID", "ID*7");
    check("@DATE - 12", "21500");
    check("@MONTH:'/':@DAY:'/':@YEAR4", "11/23/2026");
    check("TWICE(21)", "42");
    check("NET-PAY", "7");
    check("F4-1", "6");
    check("F3<1,2>", "2599");
    check("A1", "10ý33ý3");
    check("S1", "SMITH & SONS");
}

#[test]
fn an_f_code_works_on_a_stack() {
    check("F1X", "0.8ý1.0ý0.1");
}

#[test]
fn mistakes_point_at_their_place() {
    for (source, message, at) in [
        ("NAEM + 1", "Undefined item NAEM", 0),
        ("1 + ", "a value must come here, not the end", 4),
        ("(1 + 2", ") must come here, not the end", 6),
        ("LEN(1,2)", "LEN takes 1 arguments, not 2", 0),
        ("IF 1 THEN 2", "ELSE must come here, not the end", 11),
        ("1 2", "2 is not expected", 2),
        ("'abc", "the quote ' is not closed", 0),
        ("@3", "@3 names no earlier expression", 0),
        ("1 ? 2", "'?' cannot stand here", 2),
        ("LOOP", "item LOOP: item LOOP refers to itself at character 1", 0),
        ("SUBR('X')", "SUBR needs a catalogued subroutine, which HAL does not run", 0),
    ] {
        assert_eq!(run(source), Err(CompileError { message: message.to_owned(), at }), "{source}");
    }
}

#[test]
fn hostile_expressions_are_refused_quickly() {
    let deep = format!("{}1{}", "(".repeat(3000), ")".repeat(3000));
    assert!(run(&deep).is_err_and(|error| error.message.contains("nested deeper")));
    assert!(run(&"1+".repeat(4000)).is_err_and(|error| error.message.contains("operators")));
    assert!(run(&"A1<".repeat(2000)).is_err());
    assert!(run(&format!("{}1>", "A1<".repeat(2000))).is_err());
    assert!(run(&"x".repeat(9000)).is_err_and(|error| error.message.contains("longer than")));
    check("LEN(STR('x',99999999))", "0");
    check("LEN(REPLACE('',999999999,0,0,'x'))", "0");
}
