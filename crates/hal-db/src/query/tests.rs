//! Sentences against a small file, plans against a naive filter, reports against the golden screens.

use super::*;
use crate::{Database, DynArray, Env, Error, Snapshot};

const ENV: Env = Env { today: 21_513, second: 0 };

/// A file of medications: names, dates, money, several values.
fn pharmacy() -> Database {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("MED")?;
        for (name, fields) in [
            ("NAME", ["D", "1", "", "Name", "20L", "S"]),
            ("START", ["D", "2", "D4-YMD[4,2,2]", "Start", "10R", "S"]),
            ("COST", ["D", "3", "MD2,$", "Cost", "10R", "S"]),
            ("STATUS", ["D", "4", "", "Status", "12L", "S"]),
            ("TIMES", ["D", "5", "MTH", "Times", "7R", "M"]),
            ("LIMIT", ["D", "6", "MD2,$", "Limit", "10R", "S"]),
            ("@", ["PH", "NAME STATUS", "", "", "", ""]),
            ("CHEAP", ["PH", "WITH COST LT \"10\"", "", "", "", ""]),
            ("LOOP", ["PH", "LOOP", "", "", "", ""]),
        ] {
            txn.write("DICT MED", name, &DynArray::from_fields(fields))?;
        }
        for (id, fields) in [
            ("M1", ["Lisinopril", "21400", "1250", "active", "28800", "1250"]),
            ("M2", ["Metformin", "21500", "899", "active", "28800\u{FD}64800", "900"]),
            ("M3", ["Ibuprofen", "21000", "450", "discontinued", "", ""]),
            ("M10", ["Atorvastatin", "21510", "2500", "active", "75600", "0"]),
            ("M9", ["amoxicillin", "", "", "completed", "", ""]),
        ] {
            let fields = fields.map(|field| DynArray::from_text(field).into_bytes());
            txn.write("MED", id, &DynArray::from_fields(fields))?;
        }
        for item in ["NAME", "START", "STATUS", "TIMES"] {
            txn.create_index("MED", item)?;
        }
        Ok(())
    })
    .unwrap();
    db
}

fn rows(snapshot: &Snapshot, sentence: &str) -> Rows {
    let plan = parse(sentence, snapshot).unwrap_or_else(|error| panic!("{sentence}: {error}"));
    snapshot.run(&plan, &ENV).unwrap_or_else(|error| panic!("{sentence}: {error}"))
}

fn shown(snapshot: &Snapshot, sentence: &str, width: usize) -> String {
    let plan = parse(sentence, snapshot).unwrap_or_else(|error| panic!("{sentence}: {error}"));
    let mut out = Vec::new();
    let screen = Screen { width, lines: None };
    snapshot
        .report(&plan, &ENV, None, screen, &mut out)
        .unwrap_or_else(|error| panic!("{sentence}: {error}"));
    String::from_utf8_lossy(&out).into_owned()
}

fn ids(snapshot: &Snapshot, sentence: &str) -> String {
    let rows = rows(snapshot, sentence);
    rows.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(condition: &str, expected: &str) {
    let snapshot = pharmacy().snapshot().unwrap();
    assert_eq!(ids(&snapshot, &format!("SORT MED {condition}")), expected, "{condition}");
    // Whatever way the records are found, they are the same ones.
    assert_eq!(ids(&snapshot, &format!("SORT MED {condition} NO.INDEX")), expected, "{condition} NO.INDEX");
}

#[test]
fn relations_compare_stored_values() {
    check("WITH STATUS EQ \"active\"", "M1 M10 M2");
    check("WITH STATUS = active", "M1 M10 M2");
    check("WITH STATUS EQ \"discontinued\" \"completed\"", "M3 M9");
    check("WITH STATUS NE \"discontinued\" \"completed\"", "M1 M10 M2");
    check("WITH COST > \"$12\"", "M1 M10");
    check("WITH COST GE 12.50", "M1 M10");
    check("WITH COST LT 10", "M2 M3 M9");
    check("WITH START AFTER \"1 OCT 2026\"", "M10 M2");
    check("WITH START BETWEEN \"2026-01-01\" \"2026-11-11\"", "M1 M2");
    check("WITH START >= 2026-11-11 AND START LE 2026-11-21", "M10 M2");
    check("WITH COST EQ LIMIT", "M1 M9");
    check("WITH TIMES EQ \"8:00am\"", "M1 M2");
    check("WITH EVERY TIMES EQ \"8:00am\"", "M1");
    check("WITH TIMES GT \"18:00\"", "M10");
    check("WITH NO TIMES", "M3 M9");
    check("WITHOUT START", "M9");
    check("WITH START", "M1 M10 M2 M3");
    check("WITH NOT STATUS EQ \"active\"", "M3 M9");
    check("WITH STATUS NOT \"active\"", "M3 M9");
}

#[test]
fn patterns_look_at_what_is_shown_and_soundex_at_the_sound() {
    check("WITH NAME LIKE \"...min\"", "M2");
    check("WITH NAME LIKE \"...in...\"", "M1 M10 M2 M9");
    check("WITH NAME LIKE \"Met...\"", "M2");
    check("WITH NAME LIKE NO.CASE \"A...\"", "M10 M9");
    check("WITH START LIKE \"2026-...\"", "M1 M10 M2");
    check("WITH NAME UNLIKE \"...i...\"", "M3");
    check("WITH NAME SAID \"Metphormin\"", "M2");
    check("WITH NAME EQ NO.CASE \"AMOXICILLIN\"", "M9");
}

#[test]
fn and_and_or_have_equal_rank_and_brackets_group() {
    check("WITH STATUS EQ \"active\" OR STATUS EQ \"completed\" AND COST GT 20", "M10");
    check("WITH STATUS EQ \"completed\" OR (STATUS EQ \"active\" AND COST GT 20)", "M10 M9");
    check("WITH STATUS EQ \"active\" WITH COST GT 10", "M1 M10");
    check("WITH NOT (STATUS EQ \"active\" OR COST GT 1)", "M9");
    check("WITH STATUS EQ \"active\" AND COST GT 10 AND LT 20", "M1");
    check("EQ \"M1\" \"M9\"", "M1 M9");
    check("WITH @ID EQ \"M9\" \"M1\"", "M1 M9");
    check("CHEAP AND STATUS EQ active", "M2");
}

#[test]
fn records_are_sorted_by_what_their_fields_are() {
    let snapshot = pharmacy().snapshot().unwrap();
    assert_eq!(ids(&snapshot, "LIST MED BY COST"), "M9 M3 M2 M1 M10");
    assert_eq!(ids(&snapshot, "LIST MED BY.DSND START"), "M10 M2 M1 M3 M9");
    assert_eq!(ids(&snapshot, "SORT MED BY STATUS BY.DSND COST"), "M10 M1 M2 M9 M3");
    assert_eq!(ids(&snapshot, "SORT MED BY NO.CASE NAME FIRST 99"), "M9 M10 M3 M1 M2");
    assert_eq!(ids(&snapshot, "SORT MED BY COST SORTED.FIRST 2"), "M9 M3");
    assert_eq!(ids(&snapshot, "LIST MED FIRST 2"), "M1 M10");
    assert_eq!(ids(&snapshot, "LIST MED \"M9\" \"M1\" \"NONE\""), "M9 M1");
    assert_eq!(rows(&snapshot, "LIST MED M9 \"NONE\"").missing, ["NONE"]);
    assert_eq!(rows(&snapshot, "COUNT MED WITH STATUS EQ active").count, 3);
    assert_eq!(rows(&snapshot, "COUNT MED").rows.len(), 0);
}

#[test]
fn an_index_is_used_where_it_finds_the_same_records() {
    let snapshot = pharmacy().snapshot().unwrap();
    for (condition, access) in [
        ("WITH STATUS EQ \"active\"", "index STATUS"),
        ("WITH START GT \"2026-11-01\" AND COST GT 1", "index START"),
        ("WITH STATUS EQ \"active\" AND START GT \"2026-11-15\"", "index START"),
        ("WITH NAME LIKE \"Met...\"", "index NAME"),
        ("WITH NAME LIKE \"...x\"", "whole file"),
        ("WITH STATUS NE \"active\"", "whole file"),
        ("WITH STATUS EQ \"active\" OR COST GT 1", "whole file"),
        ("WITH NOT STATUS EQ \"active\"", "whole file"),
        ("WITH STATUS EQ NO.CASE \"active\"", "whole file"),
        ("WITH NAME LT \"5\"", "whole file"),
        ("WITH @ID EQ \"M1\"", "ids"),
        ("WITH STATUS EQ \"active\" NO.INDEX", "whole file"),
    ] {
        assert_eq!(rows(&snapshot, &format!("LIST MED {condition}")).access, access, "{condition}");
    }
}

#[test]
fn parameters_are_values_and_never_structure() {
    let snapshot = pharmacy().snapshot().unwrap();
    let plan =
        parse("SORT MED WITH STATUS EQ {status} AND START GE \"{from}\" FIRST {n}", &snapshot).unwrap();
    assert_eq!(plan.parameters(), ["status", "from", "n"]);
    assert!(matches!(snapshot.run(&plan, &ENV), Err(Error::UnboundParameter { .. })));
    assert!(matches!(plan.bind(|_| None), Err(Error::UnboundParameter { name }) if name == "status"));
    let bind = |status: &str| {
        plan.bind(|name| {
            Some(match name {
                "status" => status.to_owned(),
                "from" => "24 JAN".to_owned(),
                _ => "1".to_owned(),
            })
        })
        .unwrap()
    };
    assert_eq!(snapshot.run(&bind("active"), &ENV).unwrap().rows.len(), 1);
    for hostile in ["x\" OR STATUS EQ \"active", "\" \"active", "active\" \"", "{from}", "active\u{FD}active"]
    {
        assert_eq!(snapshot.run(&bind(hostile), &ENV).unwrap().count, 0, "{hostile}");
    }
    let bad = plan.bind(|name| Some(if name == "from" { "never" } else { "3" }.to_owned())).unwrap();
    let error = snapshot.run(&bad, &ENV).unwrap_err();
    assert_eq!(error.to_string(), "'never' is not valid for START (conversion D4-YMD[4,2,2])");
    let by_id = parse("LIST MED \"{id}\" NAME", &snapshot).unwrap();
    assert_eq!(snapshot.run(&by_id.bind(|_| Some("M2".to_owned())).unwrap(), &ENV).unwrap().rows[0].id, "M2");
}

#[test]
fn mistakes_are_named_with_what_may_have_been_meant() {
    let snapshot = pharmacy().snapshot().unwrap();
    for (sentence, message, near) in [
        ("LIST MEDS", "file MEDS not found", "MED"),
        ("LIST MED WITH STATSU EQ \"x\"", "STATSU is not a field of MED", "STATUS"),
        ("LIST MED NAEM", "NAEM is not a field of MED, a keyword or a record id", "NAME"),
        ("LIST MED BY.DSD COST", "BY.DSD is not a field of MED, a keyword or a record id", "BY.DSND"),
        ("LSIT MED", "LSIT is not a query: LIST, SORT, SELECT, SSELECT or COUNT", "LIST"),
        ("LIST MED WITH STATUS EQ", "a value is missing after EQ", ""),
        ("LIST MED WITH STATUS EQ AND COST GT 1", "Unexpected K type item (AND) in query sentence.", ""),
        ("LIST MED WITH (STATUS EQ \"x\"", "Unclosed brackets in selection expression", ""),
        ("LIST MED WITH STATUS EQ \"x\")", "Unexpected close bracket", ""),
        ("LIST MED WITH \"x\"", "\"x\" stands where a field must come", ""),
        ("LIST MED \"x", "the quote \" at character 10 is not closed", ""),
        (
            "LIST MED ELEMENT x",
            "ELEMENT needs a file of collections, which HAL does not keep: records are fields and values",
            "",
        ),
        ("LIST MED EVAL \"NAME + NAEM\"", "Undefined item NAEM", ""),
        ("LIST MED LOOP", "phrase LOOP expands without end", ""),
        ("LIST", "the file name is missing", ""),
        ("", "a query begins with LIST, SORT, SELECT, SSELECT or COUNT", ""),
    ] {
        let error = parse(sentence, &snapshot).unwrap_err();
        assert_eq!(error.message, message, "{sentence}");
        assert_eq!(error.near.first().map_or("", String::as_str), near, "{sentence}");
        assert!(error.at <= sentence.len());
    }
    let deep = format!("LIST MED WITH {}STATUS{}", "(".repeat(40), ")".repeat(40));
    assert_eq!(parse(&deep, &snapshot).unwrap_err().message, "brackets are nested deeper than 32");
    assert!(parse(&"x ".repeat(5000), &snapshot).unwrap_err().message.contains("longer than"));
}

#[test]
fn a_plan_explains_itself() {
    let snapshot = pharmacy().snapshot().unwrap();
    let sentence =
        "SORT MED WITH STATUS EQ \"active\" AND (COST GT 5 OR NO TIMES) BY.DSND COST FIRST 3 NAME TOTAL COST";
    assert_eq!(
        parse(sentence, &snapshot).unwrap().explain(),
        "SORT MED\n  with STATUS EQ \"active\" and (COST GT \"5\" or not TIMES present)\n  by descending COST\n  first 3\n  \
         show NAME (field 1)\n  show COST (field 3) as MD2,$ with total"
    );
}

#[test]
fn a_snapshot_explains_which_way_it_would_go() {
    let snapshot = pharmacy().snapshot().unwrap();
    let plan = parse("LIST MED WITH STATUS EQ {status}", &snapshot).unwrap();
    assert!(matches!(snapshot.explain(&plan, &ENV), Err(Error::UnboundParameter { .. })));
    let bound = plan.bind(|_| Some("active".to_owned())).unwrap();
    let explained = snapshot.explain(&bound, &ENV).unwrap();
    assert_eq!(explained.lines().nth(1), Some("  from index STATUS, 3 records to test"));
    let whole = parse("LIST MED WITH COST GT 1", &snapshot).unwrap();
    assert_eq!(snapshot.explain(&whole, &ENV).unwrap().lines().nth(1), Some("  from whole file"));
}

#[test]
fn a_report_has_dotted_headings_stacked_values_and_totals() {
    let snapshot = pharmacy().snapshot().unwrap();
    let text = shown(&snapshot, "SORT MED WITH STATUS EQ active NAME TIMES TOTAL COST", 80);
    let heading = format!("{:<73}Page 1", "SORT MED WITH STATUS EQ active NAME TIMES TOTAL COST");
    let expected = [
        heading.as_str(),
        "MED.......   Name................   Times..   Cost......",
        "M1           Lisinopril             08:00am       $12.50",
        "M10          Atorvastatin           09:00pm       $25.00",
        "M2           Metformin              08:00am        $8.99",
        "                                    06:00pm",
        "                                              ==========",
        "                                                  $46.49",
        "",
        "3 record(s) listed",
        "",
    ];
    assert_eq!(text, expected.join("\n"));
    let narrow = shown(&snapshot, "LIST MED M2 NAME TIMES HDR.SUP", 20);
    assert_eq!(
        narrow,
        "MED......... : M2\nName........ : Metformin\nTimes....... : 08:00am\n               06:00pm\n\n\n1 record(s) listed\n"
    );
    assert_eq!(shown(&snapshot, "LIST MED WITH COST GT 999", 80), "0 record(s) listed\n");
    assert_eq!(shown(&snapshot, "COUNT MED", 80), "5 record(s) counted\n");
}

#[test]
fn dictionaries_are_listed_like_files() {
    let snapshot = pharmacy().snapshot().unwrap();
    let text = shown(&snapshot, "LIST DICT MED WITH TYPE EQ \"D\" HDR.SUP", 120);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("@ID....") && lines[0].contains("CONV"), "{text}");
    assert!(lines[1].starts_with("@ID ") && lines[2].starts_with("NAME "), "{text}");
    assert_eq!(lines.last(), Some(&"7 record(s) listed"));
}

mod random {
    use proptest::prelude::*;

    use super::super::*;
    use crate::{Database, DynArray, Env};

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "[0-9]{1,4}",
            "-?[0-9]{1,2}\\.[0-9]{1,2}",
            "[a-c]{1,3}",
            "[a-b]\\x00?[a-b]",
            "[0-9]{1,2}[a-b]",
            "[ab]{250,260}",
            Just("0010".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        /// Whichever way records are found, and after any history of writes, the answer is that of a whole scan.
        #[test]
        fn an_index_never_changes_the_answer(
            writes in prop::collection::vec((0u8..12, prop::option::weighted(0.85, prop::collection::vec(value(), 1..4))), 1..40),
            probes in prop::collection::vec((0usize..8, value(), value(), any::<bool>()), 1..12),
        ) {
            let db = Database::in_memory();
            db.write(move |txn| {
                txn.create_file("F")?;
                for (name, format) in [("L", "10L"), ("R", "10R")] {
                    txn.write("DICT F", name, &DynArray::from_fields(["D", "1", "", name, format, "M"]))?;
                }
                txn.create_index("F", "L")?;
                let half = writes.len() / 2;
                for (n, (id, values)) in writes.into_iter().enumerate() {
                    if n == half {
                        // One index sees every write, the other is built half way.
                        txn.create_index("F", "R")?;
                    }
                    let id = format!("I{id}");
                    match values {
                        Some(values) => {
                            let record = DynArray::from_text(&values.join("\u{FD}"));
                            txn.write("F", &id, &record)?;
                        }
                        None => { txn.delete("F", &id)?; }
                    }
                }
                Ok(())
            }).unwrap();
            let snapshot = db.snapshot().unwrap();
            for (op, a, b, right) in probes {
                let item = if right { "R" } else { "L" };
                let op = ["EQ", "LT", "LE", "GT", "GE", "BETWEEN", "LIKE", "EQ"][op];
                let operands = match op {
                    "BETWEEN" => "{a} {b}",
                    "LIKE" => "{pattern}",
                    _ => "{a}",
                };
                let bind = |plan: &QueryPlan| plan.bind(|name| Some(match name {
                    "a" => a.clone(),
                    "b" => b.clone(),
                    _ => format!("'{a}'..."),
                })).unwrap();
                let run = |suffix: &str| {
                    let plan = bind(&parse(&format!("LIST F WITH {item} {op} {operands} {suffix}"), &snapshot).unwrap());
                    let rows = snapshot.run(&plan, &Env::default()).unwrap();
                    (rows.rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), rows.access)
                };
                let (found, access) = run("");
                prop_assert_eq!(found, run("NO.INDEX").0, "{} {} {:?} {:?} by {}", item, op, a, b, access);
            }
        }

        #[test]
        fn any_sentence_is_parsed_or_refused(sentence in "(LIST|SORT|COUNT|SUM|SELECT|LIST.ITEM) F( (WITH|WHEN|L|X|EQ|BETWEEN|\"a\"|\"'VL'\"|\\(|\\)|AND|OR|NO|BY|BY.EXP|FIRST|3|\\{x\\}|TOTAL|CALC|PERCENT|BREAK.ON|EVAL \"X:L\"|CSV|JSON|VERT|DET.SUP|HEADING|FOOTING|SAVING|[^ ]{0,4})){0,12}") {
            let db = Database::in_memory();
            db.write(|txn| {
                txn.create_file("F")?;
                txn.write("DICT F", "L", &DynArray::from_fields(["D", "1", "", "L", "10L", "M"]))?;
                txn.write("DICT F", "X", &DynArray::from_fields(["I", "TOTAL(L) * 2", "MD2", "X", "4R", "M"]))?;
                txn.write("F", "A", &DynArray::from_text("1ýb\u{fc}c"))?;
                txn.write("F", "B", &DynArray::from_text("2"))
            }).unwrap();
            let snapshot = db.snapshot().unwrap();
            for parsed in [parse(&sentence, &snapshot), parse_command(&sentence, &snapshot)] {
                let Ok(plan) = parsed else { continue };
                let plan = plan.bind(|_| Some("1".to_owned())).unwrap();
                let _rows = snapshot.run(&plan, &Env::default());
                let mut out = Vec::new();
                let screen = Screen { width: 40, lines: Some(5) };
                let _count = snapshot.report(&plan, &Env::default(), None, screen, &mut out);
                let _text = plan.explain();
            }
        }
    }
}
