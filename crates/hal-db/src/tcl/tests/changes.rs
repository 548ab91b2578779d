//! Transactions, locks, the change feed and what was before, as commands.

use std::sync::atomic::AtomicU64;

use super::*;
use crate::DynArray;
use crate::locks::{Kind, Target};

/// A clock that a test sets; its moments are local seconds since 31 December 1967.
pub(super) struct Clock(pub AtomicU64);

impl crate::history::Clock for Clock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn of_local(&self, day: i64, second: u32) -> Option<u64> {
        u64::try_from(day * 86_400 + i64::from(second)).ok()
    }

    fn to_local(&self, moment: u64) -> (i64, u32) {
        ((moment / 86_400) as i64, (moment % 86_400) as u32)
    }
}

fn moment(day: i64, second: i64) -> u64 {
    (day * 86_400 + second).try_into().unwrap()
}

#[test]
fn a_transaction_is_seen_by_its_session_alone_until_it_is_committed() {
    let mut bench = Bench::new();
    let db = bench.session.account.db.clone();
    bench.run("CREATE.INDEX PERSON TOWN");
    assert_eq!(bench.run("BEGIN TRANSACTION"), "");
    assert_eq!(bench.session.prompt(), "T:");
    bench.run("SET PERSON 4 NAME Dee\nSET PERSON 4 TOWN Rome\nDELETE PERSON 1\nSET PERSON 3 TOWN Oslo");
    // By the index, by a scan, by the id.
    assert_eq!(bench.run("COUNT PERSON WITH TOWN = \"Rome\""), "1 record(s) counted\n");
    assert_eq!(bench.run("COUNT PERSON"), "3 record(s) counted\n");
    assert_eq!(
        bench.run("SORT PERSON NAME TOWN HDR.SUP COL.SUP COUNT.SUP"),
        "2            Bo 中国        Bonn\n3            Zoë            Oslo\n4            Dee            Rome\n"
    );
    assert_eq!(bench.run("CT PERSON 1"), "'1' not found\n");
    // The number that the last commit noted is not that of the transaction.
    assert_eq!(
        bench.run("SET PERSON 6 TOWN Oslo\nCOUNT PERSON\nDELETE PERSON 6"),
        "'6': new record, field 2 set\n4 record(s) counted\n1 record(s) deleted\n"
    );
    let outside = db.snapshot().unwrap();
    assert!(outside.read("PERSON", "4").unwrap().is_none() && outside.read("PERSON", "1").unwrap().is_some());
    assert_eq!(bench.run("ROLLBACK"), "Rolled back, 4 record(s) as before\n");
    assert_eq!(bench.session.prompt(), ":");
    assert_eq!(bench.run("COUNT PERSON WITH TOWN = \"Rome\""), "2 record(s) counted\n");
    bench.run("TRANSACTION START\nSET PERSON 4 TOWN Rome\nBEGIN TRANSACTION\nSET PERSON 5 TOWN Rome");
    assert_eq!(bench.run("DISPLAY @TRANSACTION.LEVEL"), "2\n");
    assert_eq!(bench.run("COMMIT"), "Part of the outer transaction, 2 record(s) so far\n");
    assert!(db.snapshot().unwrap().read("PERSON", "5").unwrap().is_none());
    let before = db.snapshot().unwrap().commit_number();
    assert_eq!(bench.run("COMMIT"), "2 record(s) committed\n");
    assert_eq!(bench.run("COUNT PERSON WITH TOWN = \"Rome\""), "4 record(s) counted\n");
    assert_eq!(db.snapshot().unwrap().commit_number(), before + 1);
    assert_eq!(bench.run("COMMIT"), "! There is no transaction\n");
    assert_eq!(bench.session.return_code(), -1010);
}

#[test]
fn what_is_no_write_of_a_record_stays_outside_of_transactions() {
    let mut bench = Bench::new();
    bench.run("SET.FILE CABIN BOAT\nBEGIN TRANSACTION");
    for line in
        ["CREATE.FILE PETS", "DELETE.FILE PERSON NO.QUERY", "CREATE.INDEX PERSON TOWN", "CNAME PERSON,FOLK"]
    {
        assert_eq!(
            bench.run(line),
            "! Files and indices are not made or deleted inside a transaction\n",
            "{line}"
        );
        assert_eq!(bench.session.return_code(), -1010, "{line}");
    }
    assert_eq!(bench.run("SET BOAT A 1 canoe"), "! A transaction does not reach into another account\n");
    assert_eq!(bench.run("LOGTO CABIN"), "! A transaction stays in its account\n");
    // A dictionary is records: its item is known at once.
    bench.run("SET DICT PERSON T2 1 I\nSET DICT PERSON T2 2 \"TOWN:'!'\"\nSET DICT PERSON T2 5 8L");
    assert_eq!(bench.run("LIST PERSON \"1\" T2 HDR.SUP COL.SUP COUNT.SUP"), "1            Rome!\n");
    bench.run("ROLLBACK");
    assert!(bench.run("LIST PERSON T2").contains("'T2' not found"));
}

#[test]
fn a_dictionary_item_is_made_by_the_names_that_list_dict_shows() {
    let mut bench = Bench::new();
    bench.run("SET DICT PERSON CITY TYPE D\nSET DICT PERSON CITY LOC 2\nSET DICT PERSON CITY name \"Where\"");
    bench.run("SET DICT PERSON CITY FORMAT 10L\nSET DICT PERSON CITY S/M S\nSET DICT PERSON CITY CONV MCU");
    let item = bench.session.account.db.snapshot().unwrap().read("DICT PERSON", "CITY").unwrap().unwrap();
    assert_eq!(item.as_bytes(), DynArray::from_fields(["D", "2", "MCU", "Where", "10L", "S"]).as_bytes());
    // A correlative of a Pick account has its parts elsewhere.
    bench.run("SET DICT PERSON OLD TYPE A\nSET DICT PERSON OLD NAME Old\nSET DICT PERSON OLD CONV MCU");
    let item = bench.session.account.db.snapshot().unwrap().read("DICT PERSON", "OLD").unwrap().unwrap();
    assert_eq!(item.as_bytes(), DynArray::from_fields(["A", "", "Old", "", "", "", "MCU"]).as_bytes());
    bench.run("SET DICT PERSON BOTH TYPE I\nSET DICT PERSON BOTH LOC \"TOWN:TOWN\"");
    assert_eq!(bench.run("SET PERSON 1 BOTH x"), "! BOTH is computed: it cannot be changed\n");
}

#[test]
fn locks_are_shown_with_their_owner_and_can_be_let_go() {
    let mut bench = Bench::new();
    bench.machine.locks = None;
    let db = bench.session.account.db.clone();
    assert_eq!(bench.run("LIST.READU"), "No locks\n");
    bench.run("BEGIN TRANSACTION\nSET PERSON 1 TOWN Oslo");
    let other = db.session();
    other.read_locked("PERSON", "2", Kind::Read, None).unwrap();
    db.locks().try_lock(other.number(), &Target::File("DICT PERSON".into()), Kind::Update).unwrap();
    let own = bench.session.user.number();
    let shown = bench.run("LIST.READU");
    let line = |user: u32, kind: &str, file: &str, id: &str| {
        format!("{user:>4}   {kind:<6}         0   {file:<16} {id}")
    };
    let expected = [
        "User   Type     Seconds   File             Id".to_owned(),
        line(other.number(), "file", "DICT PERSON", ""),
        line(own, "update", "PERSON", "1"),
        line(other.number(), "read", "PERSON", "2"),
    ];
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected.each_ref().map(|line| line.trim_end()));
    assert_eq!(bench.session.return_code(), 3);
    assert_eq!(bench.run(&format!("LIST.READU USER {own} FILE PERSON")).lines().count(), 2);
    // What another has locked is refused, in a transaction and out of it.
    assert_eq!(bench.run("SET PERSON 2 TOWN Oslo"), "! '2' is locked by another session\n");
    assert_eq!(bench.session.return_code(), -3011);
    assert_eq!(
        bench.run("COPY FROM PERSON 1,2 OVERWRITING"),
        "! Locked by session 2\n".replace('2', &other.number().to_string())
    );
    assert_eq!(bench.run("DELETE PERSON 2 3"), "'2' is locked and was not deleted\n1 record(s) deleted\n");
    assert_eq!(bench.run("RELEASE"), "A transaction keeps its locks until it ends\n");
    bench.run("ROLLBACK");
    assert_eq!(bench.run("LIST.READU FILE PERSON").lines().count(), 2);
    assert_eq!(bench.run("UNLOCK FILE PERSON 2"), "1 lock(s) cleared\n");
    assert_eq!(bench.run(&format!("UNLOCK USER {} ALL", other.number())), "1 lock(s) cleared\n");
    assert_eq!(bench.run("LIST.READU"), "No locks\n");
    assert_eq!(bench.run("UNLOCK"), "! The command is incomplete or has words it does not know\n");
    assert_eq!(
        bench.run("LOCK 7\nLIST.LOCKS\nCLEAR.LOCKS\nLIST.LOCKS"),
        format!("Task lock 7 is set\nLock   User\n   7   {own:>4}\n1 task lock(s) cleared\nNo task locks\n")
    );
}

#[test]
fn nosync_says_what_it_risks_and_a_query_sees_what_was_written() {
    let mut bench = Bench::new();
    assert!(
        bench
            .run("NOSYNC ON")
            .starts_with("NOSYNC is on: writes are answered before they are on disk: a crash")
    );
    bench.run("SET PERSON 4 TOWN Rome\nSET PERSON 5 TOWN Rome");
    assert_eq!(bench.run("COUNT PERSON WITH TOWN = \"Rome\""), "4 record(s) counted\n");
    assert_eq!(bench.run("NOSYNC OFF"), "NOSYNC is off: all that was written is on disk\n");
    assert_eq!(bench.run("NOSYNC"), "NOSYNC is off: a command that writes ends when it is on disk\n");
}

#[test]
fn a_watch_goes_on_from_a_number_and_ends_by_itself_when_told_to() {
    let mut bench = Bench::new();
    let start = bench.session.account.db.snapshot().unwrap().commit_number();
    bench.run("SET PERSON 1 TOWN Oslo\nCREATE.FILE PETS\nDELETE PERSON 2 3");
    let person = format!("{}  PERSON  1\n{}  PERSON  2 3\n", start + 1, start + 3);
    assert_eq!(bench.run(&format!("WATCH PERSON FROM {start} COUNT 2")), person);
    assert_eq!(bench.run(&format!("WATCH PERSON FROM {start} NO.WAIT")), person);
    assert_eq!(
        bench.run(&format!("WATCH person FROM {} COUNT 1", start + 1)),
        person.lines().nth(1).unwrap().to_owned() + "\n"
    );
    let all = bench.run(&format!("WATCH ALL FROM {start} NO.WAIT"));
    assert!(all.contains("DICT PETS  @ID") && all.contains("VOC  PETS"), "{all}");
    assert!(bench.run("WATCH PERSON FROM 999999 NO.WAIT").starts_with("Earlier changes are no longer known"));
    // Ctrl-C is the way to end it, not a failure; @SYSTEM.RETURN.CODE stays 0.
    bench.screen.interrupt_after = Some(1);
    let shown = bench.run("WATCH PERSON");
    assert!(shown.starts_with("Watching PERSON from commit") && !shown.contains('!'), "{shown}");
    assert_eq!(bench.session.return_code(), 0);
}

#[test]
fn records_are_read_as_they_were_and_put_back() {
    let mut bench = Bench::new();
    let day = date::day_from_ymd(2026, 11, 20);
    let clock = Arc::new(Clock(AtomicU64::new(moment(day, 36_000))));
    assert_eq!(bench.run("AS.OF 2026-11-20"), "! No history is kept here\n");
    bench.machine.clock = Some(Arc::clone(&clock));
    assert_eq!(bench.run("HISTORY"), "What records were before is not kept; HISTORY KEEP days does\n");
    assert_eq!(bench.run("AS.OF 2026-11-20"), "! What records were before is not kept in this account\n");
    assert_eq!(
        bench.run("HISTORY KEEP 30"),
        "What records were before is kept for 30 day(s), beginning with this\n"
    );
    bench.run("CREATE.INDEX PERSON TOWN");
    let set = |bench: &mut Bench, day: i64, lines: &str| {
        clock.0.store(moment(day, 43_200), Ordering::Relaxed);
        bench.run(lines)
    };
    set(&mut bench, day + 1, "SET PERSON 1 TOWN Oslo");
    let commit = bench.session.account.db.snapshot().unwrap().commit_number();
    set(&mut bench, day + 2, "DELETE PERSON 3");
    let rome = "COUNT PERSON WITH TOWN = \"Rome\"";
    assert_eq!(bench.run(rome), "0 record(s) counted\n");
    assert_eq!(bench.run(&format!("AS.OF 2026-11-20 {rome}")), "2 record(s) counted\n");
    assert_eq!(bench.run(&format!("AS.OF 2026-11-21 11:59 {rome}")), "2 record(s) counted\n");
    assert_eq!(bench.run(&format!("AS.OF \"21 NOV 2026 12:00\" {rome}")), "1 record(s) counted\n");
    assert_eq!(bench.run(&format!("AS.OF COMMIT {commit} {rome}")), "1 record(s) counted\n");
    assert_eq!(
        bench.run("COUNT PERSON\nAS.OF 2026-11-20 COUNT PERSON"),
        "2 record(s) counted\n3 record(s) counted\n"
    );
    // One sentence does not change what the next reads; without a sentence it stays.
    assert_eq!(bench.run(rome), "0 record(s) counted\n");
    assert_eq!(bench.run(&format!("AS.OF \"2026-11-20\"\n{rome}")), "2 record(s) counted\n");
    assert_eq!(bench.session.prompt(), "<:");
    assert_eq!(bench.run("AS.OF"), "Records are read as of 2026-11-20 23:59:59\n");
    assert_eq!(bench.run("SET PERSON 1 TOWN Bonn"), "! You read as it was: nothing can be written there\n");
    assert_eq!(bench.run(&format!("AS.OF NOW\n{rome}")), "0 record(s) counted\n");
    assert!(bench.run("AS.OF 2020-01-01").contains("! The history goes back"));
    assert_eq!(bench.run("AS.OF yesterday"), "! 'yesterday' is not a date\n");
    assert_eq!(
        bench.run("HISTORY PERSON 3"),
        format!(
            "Before commit {}, 2026-11-22 12:00:00\n1: Zoë\n2: Rome\n3: 10000\n1 change(s) of '3'\n",
            commit + 1
        )
    );
    assert_eq!(bench.run("UNDO PERSON 3"), "'3' is as it was before\n");
    assert_eq!(bench.run(rome), "1 record(s) counted\n");
    assert_eq!(
        bench.run(&format!("UNDO COMMIT {commit}")),
        format!("1 record(s) as before commit {commit}\n")
    );
    assert_eq!(bench.run(rome), "2 record(s) counted\n");
    assert_eq!(bench.run("UNDO PERSON 2"), "! The history does not hold what record '2' was before\n");
    assert_eq!(bench.run("HISTORY OFF"), "Nothing is kept any more, and what was is forgotten\n");
}

#[test]
fn an_account_goes_on_keeping_its_history_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Clock(AtomicU64::new(moment(21_000, 0))));
    let db = Database::open(folder.path()).unwrap();
    db.set_history(Some(2), clock.clone()).unwrap();
    db.write(|txn| txn.write("VOC", "A", &crate::DynArray::from_text("X1"))).unwrap();
    drop(db);
    let db = Database::open(folder.path()).unwrap();
    db.resume_history(clock).unwrap();
    db.write(|txn| txn.write("VOC", "A", &crate::DynArray::from_text("X2"))).unwrap();
    assert_eq!(db.snapshot().unwrap().history("VOC", "A").unwrap().len(), 2);
}

#[test]
fn another_account_is_made_where_the_host_can() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("CREATE.ACCOUNT LAKE"), "! Account LAKE cannot be made from here\n");
}

#[test]
fn options_switch_what_a_selection_means() {
    let mut bench = Bench::new();
    let mut count = |option: &str, with: &str| {
        let off = bench.run(&format!("COUNT PERSON {with}"));
        assert_eq!(bench.run(&format!("OPTION {option} ON")), format!("Option {option} is on\n"));
        let on = bench.run(&format!("COUNT PERSON {with}"));
        bench.run("OPTION ALL OFF");
        let number = |line: &str| line.split(' ').next().unwrap().to_owned();
        (number(&off), number(&on))
    };
    let check =
        |got: (String, String), off: &str, on: &str| assert_eq!((got.0.as_str(), got.1.as_str()), (off, on));
    let and = "WITH TOWN = \"Rome\" OR TOWN = \"Bonn\" AND NAME = \"Bo 中国\"";
    check(count("QUERY.PRIORITY.AND", and), "1", "3");
    check(
        count(
            "QUERY.PRIORITY.AND",
            &and.replace("TOWN = \"Rome\" OR TOWN = \"Bonn\"", "(TOWN = \"Rome\" OR TOWN = \"Bonn\")"),
        ),
        "1",
        "1",
    );
    check(count("WITH.IMPLIES.OR", "WITH TOWN = \"Rome\" WITH NAME = \"Bo 中国\""), "0", "3");
    check(count("PICK.IMPLIED.EQ", "WITH TOWN \"Rome\""), "0", "2");
    check(count("PICK.WILDCARD", "WITH TOWN = \"Ro]\""), "0", "2");
    check(count("PICK.WILDCARD", "WITH TOWN = \"[nn\""), "0", "1");
    check(count("PICK.WILDCARD", "WITH TOWN = \"B^nn\" \"[om]\""), "0", "3");
    check(count("PICK.WILDCARD", "WITH TOWN # \"Ro]\""), "3", "1");
}

#[test]
fn a_file_gets_another_name_whatever_its_size() {
    let mut bench = Bench::new();
    bench.run("CREATE.INDEX PERSON TOWN\nSET DICT PERSON WHERE 1 I\nSET DICT PERSON WHERE 2 \"TRANS(PERSON, @ID, TOWN, 'X')\"");
    let writes = bench.session.account.db.snapshot().unwrap().commit_number();
    assert_eq!(bench.run("CNAME PERSON TO FOLK"), "File PERSON is now FOLK\n");
    assert_eq!(bench.run("COUNT FOLK WITH TOWN = \"Rome\" REQUIRE.INDEX"), "2 record(s) counted\n");
    assert_eq!(bench.run("COUNT PERSON"), "! File not found\n");
    assert!(bench.run("LISTF").contains("FOLK"));
    // Nothing was copied: one commit of a few keys.
    let snapshot = bench.session.account.db.snapshot().unwrap();
    let changes = snapshot.changes_after(writes, 10).unwrap().changes;
    assert!(changes.iter().all(|change| change.file == "VOC"), "{changes:?}");
    assert!(bench.run("CNAME FOLK,VOC").starts_with("! File VOC exists already"));
    assert_eq!(bench.run("CNAME VOC,X"), "! VOC cannot be renamed\n");
    assert!(bench.run("CNAME FOLK,\"a b\"").starts_with("! 'A B' cannot be a file name"));
}

#[test]
fn labels_are_asked_how_they_lie() {
    let mut bench = Bench::new();
    bench.screen.answers.push_back("2,2,0,0,10,1".to_owned());
    assert_eq!(bench.run("SORT.LABEL PERSON NAME ID.SUP"), "Ann        Bo 中国\n\nZoë\n\n");
    bench.screen.answers.push_back("2,x".to_owned());
    assert_eq!(bench.run("LIST.LABEL PERSON NAME"), "! '2,x' does not say how labels lie\n");
}

#[test]
fn a_value_of_an_item_is_set_by_its_number() {
    let mut bench = Bench::new();
    bench.run("SET PERSON 1 TOWN<2> Oslo\nSET PERSON 1 TOWN<-1> Bonn\nSET PERSON 1 BORN<2> \"1 JUN 1994\"");
    let record = bench.session.account.db.snapshot().unwrap().read("PERSON", "1").unwrap().unwrap();
    assert_eq!(record.to_text(), "AnnþRomeýOsloýBonnþ10000ý9649");
    assert!(bench.run("SET PERSON 1 TOWN<x> Oslo").starts_with("! The command"));
}

#[test]
fn the_lines_of_a_csv_become_the_fields_of_a_record() {
    let mut bench = Bench::new();
    assert_eq!(
        bench
            .run("CREATE.FILE OUT\nSORT PERSON NAME TOWN CSV AS OUT PEOPLE WITH TOWN = \"Rome\"")
            .lines()
            .last(),
        Some("3 line(s) written to 'PEOPLE' of OUT")
    );
    assert_eq!(bench.run("CT OUT PEOPLE"), "OUT PEOPLE\n1: PERSON,Name,Town\n2: 1,Ann,Rome\n3: 3,Zoë,Rome\n");
    assert!(bench.run("LIST PERSON NAME CSV TO /tmp/x").starts_with("! CSV writes no files of the system"));
    assert!(bench.run("SHOW PERSON").starts_with("! SHOW: HAL has no screen"));
}

#[test]
fn words_of_the_help_that_change_headings_and_order() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.run("SORT PERSON \"3\" \"1\" NAME SORT.SUP COL.HDG.SPACE HDR.SUP COUNT.SUP"),
        "PERSON       Name        \n3            Zoë\n1            Ann\n"
    );
}

#[test]
fn expressions_of_a_dictionary_are_tried_without_a_query() {
    let mut bench = Bench::new();
    bench.run("SET DICT PERSON OK 1 I\nSET DICT PERSON OK 2 \"RDIV(7,2):CSVDQ(NAME)\"\nSET DICT PERSON NO 1 I\nSET DICT PERSON NO 2 \"NAME +\"");
    let shown = bench.run("COMPILE.DICT PERSON");
    assert!(
        shown.contains("OK compiles\n") && shown.contains("\nNO: ") || shown.starts_with("NO: "),
        "{shown}"
    );
    assert!(shown.ends_with("2 item(s) compiled, 1 with errors\n"), "{shown}");
    assert_eq!(bench.session.return_code(), -1018);
    assert_eq!(bench.run("COMPILE.DICT PERSON ok"), "OK compiles\n1 item(s) compiled, 0 with errors\n");
    assert_eq!(
        bench.run("LIST PERSON \"1\" EVAL \"TIMEDATE()\" FMT \"22L\" EVAL \"RDIV(7,2)\" FMT \"3L\" HDR.SUP COL.SUP COUNT.SUP"),
        "1            08:25:00 25 NOV 2026     4\n"
    );
    let made = bench
        .run("CREATE.INDEX PERSON TOWN EXCLUDE \"a\",\"b\" NO.NULLS\nBUILD.INDEX PERSON TOWN CONCURRENT");
    assert!(made.contains("EXCLUDE is ignored") && made.ends_with("Index TOWN of PERSON filled\n"), "{made}");
}

#[test]
fn an_object_changes_the_items_that_it_names() {
    let mut bench = Bench::new();
    let line = r#"SET.JSON PERSON {"id": "1", "town": "Ålesund", "born": "1994-06-01"}"#;
    assert_eq!(bench.run(line), "'1': 1 record(s) written\n");
    assert_eq!(bench.run("CT PERSON 1"), "PERSON 1\n1: Ann\n2: Ålesund\n3: 9649\n");
    let unknown = bench.run(r#"SET.JSON PERSON {"id": "1", "twon": "Rome"}"#);
    assert!(unknown.starts_with("! '1': ") && unknown.contains("twon"), "{unknown}");
    assert!(bench.run("SET.JSON PERSON {\"town\": 1}").starts_with("! The command"));
    assert!(bench.run("SET.JSON PERSON {").starts_with("! The JSON cannot be read"));
    assert!(bench.run(&format!("BEGIN TRANSACTION\n{line}")).contains("inside a transaction"));
}
