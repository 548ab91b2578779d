//! Reports, delimited values, JSON and select lists over a small file of sales, against whole screens.

use crate::query::{Screen, SelectLists, parse, parse_command};
use crate::{Database, DynArray, Env, Error, Snapshot};

const ENV: Env = Env { today: 21_512, second: 3_661 };

fn sales() -> Database {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("SALES")?;
        txn.create_file("TOWN")?;
        for (id, record) in [
            ("@ID", "Dþ0þþSale Noþ6LþS"),
            ("DATE", "Dþ1þD4-YMD[4,2,2]þDateþ10RþS"),
            ("TOWN", "Dþ2þþTownþ6LþS"),
            ("ITEM", "Dþ3þþItemþ5LþMþLINE"),
            ("QTY", "Dþ4þþQtyþ4RþMþLINE"),
            ("PRICE", "Dþ5þMD2þ'R'UnitýPriceþ7RþMþLINE"),
            ("NOTE", "Dþ6þþNoteþ10TþS"),
            ("VALUE", "IþQTY * PRICEþMD2þValueþ8RþMþLINE"),
            ("MEAN", "IþTOTAL(QTY) / TOTAL(1)þþMeanþ6R2þS"),
            ("LAND", "IþTRANS(TOWN, TOWN, 1, \"C\")þþLandþ8LþS"),
            ("SIZE", "IþIF SUMMATION(QTY) > 5 THEN \"Big\" ELSE \"Small\"þþSizeþ5LþS"),
            ("OLD", "Aþ4þOld styleþþþþþA;4*\"2\"RþRþ9"),
            ("LINES", "PHþITEM QTY"),
            ("@", "PHþTOWN LINES"),
        ] {
            txn.write("DICT SALES", id, &DynArray::from_text(record))?;
        }
        for (id, record) in [
            ("1", "21400þBonnþA1ýB2þ3ý10þ150ý2599þdeliver to the back"),
            ("2", "21401þRomeþA1þ7þ150"),
            ("3", "þBonnþþþ"),
            ("4", "21399þRomeþC3üC4ýD5þ1ü2ý4þ100ü200ý300þ\"x, y\""),
        ] {
            txn.write("SALES", id, &DynArray::from_text(record))?;
        }
        txn.write("TOWN", "Rome", &DynArray::from_fields(["Italy"]))?;
        txn.create_index("SALES", "SIZE")?;
        txn.create_index_as("SALES", "TOWN", true).map(|_| ())
    })
    .unwrap();
    db
}

fn screen(snapshot: &Snapshot, sentence: &str, screen: Screen) -> String {
    let plan = parse(sentence, snapshot).unwrap_or_else(|error| panic!("{sentence}: {error}"));
    let mut out = Vec::new();
    snapshot
        .report(&plan, &ENV, None, screen, &mut out)
        .unwrap_or_else(|error| panic!("{sentence}: {error}"));
    DynArray::from_bytes(out).to_text()
}

#[track_caller]
fn check(sentence: &str, expected: &[&str]) {
    let snapshot = sales().snapshot().unwrap();
    let got = screen(&snapshot, sentence, Screen::default());
    assert_eq!(got, format!("{}\n", expected.join("\n")), "{sentence}");
}

fn ids(snapshot: &Snapshot, sentence: &str) -> String {
    let plan = parse(sentence, snapshot).unwrap_or_else(|error| panic!("{sentence}: {error}"));
    let selected = snapshot.select(&plan, &ENV, None).unwrap_or_else(|error| panic!("{sentence}: {error}"));
    selected.items.iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn expressions_stand_in_columns_beside_the_values_they_belong_to() {
    check(
        "SORT SALES ITEM VALUE LAND SIZE OLD HDR.SUP COUNT.SUP",
        &[
            "Sale No   Item.   Value...   Land....   Size.   Old style",
            "1         A1          4.50   Bonn       Big             6",
            "          B2        259.90                             20",
            "2         A1         10.50   Italy      Big            14",
            "3                     0.00   Bonn       Small           0",
            "4         C3          1.00   Italy      Big             2",
            "          C4          4.00                              4",
            "          D5         12.00                              8",
        ],
    );
}

#[test]
fn groups_end_with_their_totals_and_the_report_with_all() {
    check(
        "SORT SALES BY TOWN BREAK.ON \"all 'V'\" TOWN TOTAL QTY MAX PRICE CALC MEAN HDR.SUP COL.SUP",
        &[
            "1         Bonn        3      1.50     3.00",
            "                     10     25.99    10.00",
            "3         Bonn                        0.00",
            "          all Bo   ----   -------   ------",
            "          Bonn       13     25.99     6.50",
            "",
            "2         Rome        7      1.50     7.00",
            "4         Rome        1      1.00     1.00",
            "                      2      2.00     2.00",
            "                      4      3.00     4.00",
            "          all Ro   ----   -------   ------",
            "          Rome       14      3.00     7.00",
            "",
            "                   ====   =======   ======",
            "                     27     25.99     6.75",
            "",
            "4 record(s) listed",
        ],
    );
}

#[test]
fn shares_running_sums_and_other_figures() {
    check(
        "SORT SALES PERCENT 1 QTY CUMULATIVE QTY AVERAGE QTY NO.NULLS MEDIAN QTY RANGE QTY ENUM QTY HDR.SUP COL.SUP",
        &[
            "1          11.1      3      3      3      3      3",
            "           37.0     13     10     10     10     10",
            "2          25.9     20      7      7      7      7",
            "3           0.0     20",
            "4           3.7     21      1      1      1      1",
            "            7.4     23      2      2      2      2",
            "           14.8     27      4      4      4      4",
            "          =====   ====   ====   ====   ====   ====",
            "          100.0     27    4.5    3.5      9      7",
            "",
            "4 record(s) listed",
        ],
    );
}

#[test]
fn when_shows_the_values_that_pass_and_by_exp_each_on_a_row() {
    check(
        "SORT SALES WHEN QTY > 2 LINES TOTAL PRICE HDR.SUP COL.SUP",
        &[
            "1         A1         3      1.50",
            "          B2        10     25.99",
            "2         A1         7      1.50",
            "4         D5         4      3.00",
            "                         =======",
            "                           31.99",
            "",
            "3 record(s) listed",
        ],
    );
    check(
        "SORT SALES BY.EXP.DSND QTY LINES TOWN FIRST 3 HDR.SUP COL.SUP",
        &[
            "1         B2        10   Bonn",
            "2         A1         7   Rome",
            "1         A1         3   Bonn",
            "3                        Bonn",
            "",
            "Sample of 3 record(s), 4 value(s) listed",
        ],
    );
}

#[test]
fn pages_have_headings_footings_and_a_length() {
    let snapshot = sales().snapshot().unwrap();
    let sentence = "SORT SALES TOWN HEADING \"Sales of 'D''G'page 'S''L''T'\" FOOTING \"-'P'-'C'\" COUNT.SUP";
    let got = screen(&snapshot, sentence, Screen { width: 40, lines: Some(7) });
    let heading =
        |page: usize| format!("Sales of 23 NOV 2026              page {page}\n01:01:01 23 NOV 2026\n");
    let columns = "Sale No   Town..\n";
    let foot = |page: usize| format!("{}-   {page}-\n", " ".repeat(17));
    let expected = [
        heading(1),
        columns.to_owned(),
        "1         Bonn\n2         Rome\n".to_owned(),
        foot(1),
        heading(2),
        columns.to_owned(),
        "3         Bonn\n4         Rome\n".to_owned(),
        foot(2),
    ];
    assert_eq!(got, expected.concat());
}

#[test]
fn delimited_values_are_quoted_where_they_must_be() {
    check(
        "SORT SALES TOWN LINES NOTE CSV COUNT.SUP",
        &[
            "Sale No,Town,Item,Qty,Note",
            "1,Bonn,A1,3,deliver to the back",
            ",,B2,10,",
            "2,Rome,A1,7,",
            "3,Bonn,,,",
            "4,Rome,C3üC4,1ü2,\"\"\"x, y\"\"\"",
            ",,D5,4,",
        ],
    );
    check("SORT SALES \"2\" TOWN QTY CSV 2 COUNT.SUP COL.SUP", &["2,\"Rome\",7"]);
    check("SORT SALES \"2\" TOWN QTY DELIMITER \"|\" COL.SUP", &["2|Rome|7", "1 record(s) listed"]);
}

#[test]
fn json_is_typed_by_the_dictionary() {
    check(
        "SORT SALES DATE TOWN NOTE ITEM QTY PRICE JSON",
        &[
            "{\"id\":\"1\",\"date\":\"2026-08-03\",\"town\":\"Bonn\",\"note\":\"deliver to the back\",\"line\":[{\"item\":\"A1\",\"qty\":3,\"price\":1.50},{\"item\":\"B2\",\"qty\":10,\"price\":25.99}]}",
            "{\"id\":\"2\",\"date\":\"2026-08-04\",\"town\":\"Rome\",\"line\":[{\"item\":\"A1\",\"qty\":7,\"price\":1.50}]}",
            "{\"id\":\"3\",\"date\":null,\"town\":\"Bonn\",\"line\":[]}",
            "{\"id\":\"4\",\"date\":\"2026-08-02\",\"town\":\"Rome\",\"note\":\"\\\"x, y\\\"\",\"line\":[{\"item\":[\"C3\",\"C4\"],\"qty\":[1,2],\"price\":[1.00,2.00]},{\"item\":\"D5\",\"qty\":4,\"price\":3.00}]}",
        ],
    );
}

#[test]
fn sums_counts_and_whole_records() {
    check("SUM SALES QTY HDR.SUP", &["", "Qty......... :   27", "", "4 record(s) summed"]);
    check(
        "LIST.ITEM SALES \"2\" HDR.SUP",
        &["2", "001: 21401", "002: Rome", "003: A1", "004: 7", "005: 150"],
    );
    check("COUNT SALES WITH QTY", &["3 record(s) counted"]);
    check("SELECT SALES WITH QTY TO 3", &["3 record(s) selected to list 3"]);
}

#[test]
fn a_select_keeps_ids_or_the_values_of_its_saving() {
    let snapshot = sales().snapshot().unwrap();
    for (sentence, expected) in [
        ("SSELECT SALES WITH QTY > 3", "1 2 4"),
        ("SELECT SALES BY.DSND DATE", "2 1 4 3"),
        ("SSELECT SALES SAVING UNIQUE TOWN", "Bonn Rome"),
        ("SSELECT SALES SAVING UNIQUE MULTI.VALUE ITEM NO.NULLS", "A1 B2 C3 C4 D5"),
        ("SSELECT SALES ITEM", "A1 B2 A1  C3 C4 D5"),
        ("SEARCH SALES \"back\"", "1"),
        ("SEARCH SALES \"BACK\" \"Rome\" NO.CASE", "1 2 4"),
        ("SEARCH SALES \"Bonn\" NO.MATCH", "2 4"),
        ("SSELECT SALES SAMPLED 2", "2 4"),
    ] {
        assert_eq!(ids(&snapshot, sentence), expected, "{sentence}");
    }
}

#[test]
fn select_lists_restrict_a_query_and_are_used_up() {
    let db = sales();
    let snapshot = db.snapshot().unwrap();
    let mut lists = SelectLists::new();
    for (sentence, count) in [("SSELECT SALES BY.DSND @ID", 4), ("SELECT SALES WITH TOWN = \"Rome\" TO 1", 2)]
    {
        let plan = parse(sentence, &snapshot).unwrap();
        assert_eq!(lists.keep(snapshot.select(&plan, &ENV, None).unwrap()), Ok(count));
    }
    let plan = parse("LIST SALES TOWN HDR.SUP COL.SUP COUNT.SUP", &snapshot).unwrap();
    let list = lists.take_for(&plan).unwrap();
    let mut out = Vec::new();
    snapshot.report(&plan, &ENV, list.as_deref(), Screen::default(), &mut out).unwrap();
    assert!(String::from_utf8_lossy(&out).starts_with("4         Rome\n3         Bonn\n"));
    assert_eq!(lists.take_for(&plan), Ok(None));
    let from = parse("LIST SALES FROM 2", &snapshot).unwrap();
    assert_eq!(lists.take_for(&from).unwrap_err().to_string(), "Select list 2 is not active");
    let (saved, _) = lists.save(1, true).unwrap();
    assert_eq!((saved.to_text().as_str(), lists.load(2, std::slice::from_ref(&saved))), ("2þ4", Ok(2)));
    lists.set(3, vec![b"4".to_vec(), b"9".to_vec()]).unwrap();
    assert_eq!(lists.merge(2, "DIFFERENCE", 3, 4), Ok(1));
    assert_eq!(lists.get(4), Some(&[b"2".to_vec()][..]));
    assert_eq!(lists.get(2), None);
    assert!(lists.merge(0, "OR", 1, 2).is_err() && lists.set(11, Vec::new()).is_err());
    db.write(move |txn| {
        txn.create_file("$SAVEDLISTS")?;
        txn.write("$SAVEDLISTS", "ROMANS", &saved)
    })
    .unwrap();
    let snapshot = db.snapshot().unwrap();
    assert_eq!(ids(&snapshot, "SSELECT SALES WITH @ID IN \"ROMANS\""), "2 4");
    assert_eq!(ids(&snapshot, "SSELECT SALES WITH @ID NOT.IN \"ROMANS\""), "1 3");
    let plan = parse("SSELECT SALES WITH @ID IN \"NONE\"", &snapshot).unwrap();
    assert!(
        matches!(snapshot.select(&plan, &ENV, None), Err(Error::Refused(why)) if why.contains("'NONE' not found"))
    );
}

#[test]
fn an_expression_and_any_case_are_found_by_index() {
    let db = sales();
    let snapshot = db.snapshot().unwrap();
    let access = |snapshot: &Snapshot, sentence: &str| {
        let rows = snapshot.run(&parse(sentence, snapshot).unwrap(), &ENV).unwrap();
        (rows.rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>().join(" "), rows.access)
    };
    let found = |ids: &str, way: &str| (ids.to_owned(), way.to_owned());
    assert_eq!(access(&snapshot, "LIST SALES WITH SIZE = \"Big\""), found("1 2 4", "index SIZE"));
    assert_eq!(access(&snapshot, "LIST SALES WITH TOWN EQ NO.CASE \"rome\""), found("2 4", "index TOWN"));
    assert_eq!(access(&snapshot, "LIST SALES WITH TOWN = \"Rome\""), found("2 4", "whole file"));
    db.write(|txn| {
        txn.write("SALES", "3", &DynArray::from_text("þROMEþA1þ99"))?;
        txn.write("SALES", "1", &DynArray::from_text("þBonnþA1þ1"))
    })
    .unwrap();
    let snapshot = db.snapshot().unwrap();
    assert_eq!(access(&snapshot, "LIST SALES WITH SIZE = \"Big\""), found("2 3 4", "index SIZE"));
    assert_eq!(access(&snapshot, "LIST SALES WITH TOWN EQ NO.CASE \"rome\""), found("2 3 4", "index TOWN"));
    // The expression names QTY: when that becomes another field, the entries are made again.
    db.write(|txn| txn.write("DICT SALES", "QTY", &DynArray::from_text("Dþ7þþQtyþ4RþMþLINE"))).unwrap();
    let snapshot = db.snapshot().unwrap();
    assert_eq!(access(&snapshot, "LIST SALES WITH SIZE = \"Big\""), found("", "index SIZE"));
    assert_eq!(access(&snapshot, "LIST SALES WITH SIZE = \"Small\""), found("1 2 3 4", "index SIZE"));
    let refused = db.write(|txn| txn.create_index("SALES", "LAND")).unwrap_err();
    assert!(refused.to_string().contains("would not stay true"), "{refused}");
}

#[test]
fn a_person_may_name_records_that_a_program_may_not() {
    let snapshot = sales().snapshot().unwrap();
    let plan = parse_command("LIST SALES NOSUCH", &snapshot).unwrap();
    let mut out = Vec::new();
    snapshot.report(&plan, &ENV, None, Screen::default(), &mut out).unwrap();
    assert_eq!(String::from_utf8_lossy(&out), "0 record(s) listed\n'NOSUCH' not found\n");
    for (sentence, message) in [
        ("LIST NOSUCH", "File not found"),
        ("LIST SALES WITH", "Field name missing in selection clause"),
        ("LIST SALES WITH NO.PAGE", "Unexpected K type item (NO.PAGE) in query sentence."),
        ("LIST SALES WHEN QTY > 1 AND TOWN = 1", "All WHEN clause items must be in the same association"),
        ("LIST SALES BY \"x\"", "Sort item cannot be a literal value"),
        ("LIST SALES BY.EXP QTY BY.EXP TOWN", "All exploded sort items must be in the same association"),
        ("LIST SALES USING NOSUCH", "Dictionary for 'NOSUCH' not found"),
    ] {
        assert_eq!(parse_command(sentence, &snapshot).unwrap_err().message, message, "{sentence}");
    }
    let bad = parse_command("LIST SALES REQUIRE.INDEX", &snapshot).unwrap();
    assert!(
        matches!(snapshot.run(&bad, &ENV), Err(Error::Refused(why)) if why.contains("cannot be resolved"))
    );
}

#[test]
fn a_reformat_writes_rows_as_records() {
    let db = sales();
    let plan = parse("REFORMAT SALES TOWN DATE ITEM TO TOWN", &db.snapshot().unwrap()).unwrap();
    let done = db.write(move |txn| txn.reformat(&plan, &ENV, None)).unwrap();
    assert_eq!((done.written, done.overwritten), (4, 3));
    let record = db.snapshot().unwrap().read("TOWN", "Rome").unwrap().unwrap();
    assert_eq!(record.to_text(), "21399þC3üC4ýD5");
}

#[test]
fn bytes_that_are_no_text_and_wide_letters_keep_their_places() {
    let db = sales();
    db.write(|txn| {
        txn.write("SALES", "2", &DynArray::from_bytes(*b"\xFECaf\xE9\xFEA1"))?;
        txn.write("SALES", "3", &DynArray::from_text("þ中国þA1"))
    })
    .unwrap();
    let plan =
        parse("SORT SALES \"2\" \"3\" TOWN ITEM HDR.SUP COL.SUP COUNT.SUP", &db.snapshot().unwrap()).unwrap();
    let mut out = Vec::new();
    db.snapshot().unwrap().report(&plan, &ENV, None, Screen::default(), &mut out).unwrap();
    assert_eq!(out, [&b"2         Caf\xE9     A1\n"[..], "3         中国     A1\n".as_bytes()].concat());
}

#[test]
fn the_dictionary_may_say_what_every_report_begins_with() {
    let db = sales();
    db.write(|txn| {
        let defaults = DynArray::from_fields(["X", "WITH QTY COL.SUP HDR.SUP", "WITH TOWN = \"Rome\"", "4R"]);
        txn.write("DICT SALES", "$QUERY.DEFAULTS", &defaults)
    })
    .unwrap();
    let snapshot = db.snapshot().unwrap();
    let got = screen(&snapshot, "SORT SALES TOWN", Screen::default());
    assert_eq!(got, "      1   Bonn\n      2   Rome\n      4   Rome\n\n3 record(s) listed\n");
    assert_eq!(ids(&snapshot, "SSELECT SALES"), "2 4");
}

#[test]
fn xml_has_an_element_for_each_key_in_its_order() {
    check(
        "SORT SALES \"2\" \"4\" TOWN DATE ITEM PRICE NOTE XML",
        &[
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<file name=\"SALES\">",
            "<record><id>2</id><town>Rome</town><date>2026-08-04</date><line><item>A1</item><price>1.50</price></line></record>",
            "<record><id>4</id><town>Rome</town><date>2026-08-02</date><line><item>C3</item><item>C4</item><price>1.00</price><price>2.00</price></line><line><item>D5</item><price>3.00</price></line><note>&quot;x, y&quot;</note></record>",
            "</file>",
        ],
    );
}

#[test]
fn labels_lie_beside_each_other() {
    let db = sales();
    let labels = DynArray::from_fields(["X", "2", "3", "1", "2", "12", "1", "C"]);
    db.write(move |txn| txn.write("DICT SALES", "@LABEL", &labels)).unwrap();
    let got = screen(&db.snapshot().unwrap(), "SORT.LABEL SALES TOWN ITEM ID.SUP", Screen::default());
    assert_eq!(
        got,
        "  Bonn         Rome\n  A1           A1\n  B2\n\n  Bonn         Rome\n               C3\n               C4\n\n"
    );
    let bad = DynArray::from_fields(["X", "2", "3"]);
    db.write(move |txn| txn.write("DICT SALES", "@LABEL", &bad)).unwrap();
    assert!(parse("LIST.LABEL SALES TOWN", &db.snapshot().unwrap()).is_err());
}

#[test]
fn elements_of_collections_are_refused_in_words() {
    let refused = parse_command("LIST SALES ELEMENT \"a/b\"", &sales().snapshot().unwrap()).unwrap_err();
    assert!(refused.message.starts_with("ELEMENT needs a file of collections"), "{refused}");
}
